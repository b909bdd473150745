SELECT * FROM t JOIN (u JOIN v ON u.a = v.a) ON t.b = v.b;
SELECT * FROM (t, u) JOIN v ON TRUE;
SELECT * FROM t, (u, v);
SELECT * FROM (t);
SELECT * FROM (SELECT a FROM t), (SELECT b FROM u) AS x, (SELECT c FROM v) y (d);
SELECT * FROM ((SELECT a FROM t)) x;
