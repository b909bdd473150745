CREATE STREAM s (page VARCHAR FROM '$.request.page', bytes BIGINT FROM '$.b' NOT NULL);
CREATE STREAM s (a INT, ts TIMESTAMP, ROWTIME FROM ts) WITH (connector = 'file');
CREATE STREAM s (a INT, ts TIMESTAMP) ROWTIME FROM ts;
CREATE STREAM s (a INT, ts TIMESTAMP) WITH (connector = 'file', delay = 2, x = -1.5, b = TRUE, c = false, d = some.name, 'e.f' = 'g') ROWTIME FROM ts;
CREATE STREAM s WITH (connector = 'stdin', limit = 5, format = json, key = 'k', path = 'p') AS SELECT * FROM t;
CREATE STREAM s AS SELECT a, b FROM t;
