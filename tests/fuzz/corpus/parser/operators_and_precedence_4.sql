SELECT CASE WHEN a THEN 1 END, CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END, CASE WHEN a > 1 OR b THEN CASE WHEN c THEN 1 ELSE 2 END ELSE 3 END FROM t;
SELECT EXISTS (SELECT 1 FROM u), NOT EXISTS (SELECT 1 FROM u), (SELECT MAX(a) FROM u), (SELECT 1) + (SELECT 2), ((SELECT 1)) FROM t;
SELECT (a - b) SECOND, (a - b) MINUTE TO SECOND, (a - b) DAY(4) TO SECOND(3), (a - b) HOUR * 2, EXTRACT(HOUR FROM (a - b) DAY TO HOUR) FROM t;
SELECT (s1, e1) OVERLAPS (s2, e2), (s, e) CONTAINS ts, (a, b) EQUALS (c, d), (a, b) STRICTLY PRECEDES (c, d), (a, b) IMMEDIATELY SUCCEEDS (c, d), (a, b) LEADS (c, d), (a, b) STRICTLY LAGS (c, d), PERIOD (a, b) OVERLAPS PERIOD (c, d) FROM t;
SELECT (a, b) PRECEDES (c, d) PRECEDES (e, f), (a, b) STRICTLY CONTAINS (c, d) AND x, contains(a, 'b'), a.contains FROM t;
SELECT (a), ((a)), (((a + b))), (a) AS second, (a AND b) FROM t;
