SELECT * FROM a.b.c;
SELECT * FROM t AS x, u y, v AS z (a, b), w q (c);
SELECT * FROM t JOIN u ON t.a = u.a INNER JOIN v ON v.b = u.b LEFT JOIN w USING (a, b) LEFT OUTER JOIN x ON TRUE RIGHT JOIN y ON 1 = 1 FULL OUTER JOIN z USING (c) CROSS JOIN q;
SELECT * FROM t NATURAL JOIN u NATURAL LEFT JOIN v;
SELECT * FROM t, u JOIN v ON u.a = v.a, w;
SELECT * FROM (t JOIN u ON t.a = u.a) LEFT JOIN v ON u.b = v.b;
