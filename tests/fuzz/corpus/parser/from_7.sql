SELECT * FROM t CROSS JOIN UNNEST(t.arr) AS x (e), UNNEST(a, b) y;
SELECT * FROM t LEFT JOIN LATERAL TABLE(split(t.a)) AS x (w) ON TRUE;
SELECT * FROM stream AS s, value v, date d, "order" o, start, end, offset WHERE offset > 1;
