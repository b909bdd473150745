VALUES (1), ROW(2), (NULL);
SELECT * FROM t WHERE (a, b) IN (VALUES (1, 2), (3, 4));
