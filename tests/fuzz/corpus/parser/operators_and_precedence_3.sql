SELECT a IN (1, 2, 3), a NOT IN (1), (a, b) IN ((1, 2), (3, 4)), a IN (SELECT b FROM u), a NOT IN (SELECT b FROM u), (a IN (1)) IN (TRUE) FROM t;
SELECT a LIKE 'x%', a NOT LIKE 'x!%' ESCAPE '!', a SIMILAR TO '(a|b)+', a NOT SIMILAR TO 'x' ESCAPE '#', a RLIKE 'r.*', a NOT RLIKE 'r' FROM t;
SELECT a LIKE b || '%', a || 'x' LIKE b, a + 1 BETWEEN 1 AND 2 FROM t;
SELECT a -> 'b' ->> 'c', a->'b'->0, a->>'b' = 'c', a -> ('b' || 'c') FROM t;
SELECT a::INT, a::VARCHAR(10)::DOUBLE, -a::INT, (a + b)::BIGINT, a::DECIMAL(10,2) * 2, '1'::int value FROM t;
SELECT ts AT TIME ZONE 'UTC', a || b AT TIME ZONE tz, (a + b) AT TIME ZONE 'x' FROM t;
