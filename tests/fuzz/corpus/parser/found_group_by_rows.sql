SELECT 1 FROM t GROUP BY (ROW(1)), CUBE(a, (d, (ROW()))), ROW();
