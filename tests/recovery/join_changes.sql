-- Joins whose rows are corrected as either side changes: all types, residual conditions, keys that come and go.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE VIEW users AS SELECT user_id, COUNT(*) AS n, SUM(bytes) AS b, MAX(status) AS s FROM clicks GROUP BY user_id EMIT CHANGES;
CREATE VIEW slow AS SELECT user_id, COUNT(*) AS m, MAX(latency_ms) AS ms FROM clicks WHERE latency_ms > 120 GROUP BY user_id EMIT CHANGES;
CREATE VIEW pages AS SELECT page, COUNT(*) AS n, SUM(bytes) AS b FROM clicks GROUP BY page EMIT CHANGES;
CREATE STREAM out_inner WITH (connector = 'file', path = 'out_inner.changes', format = 'json', changelog = 'op') AS
SELECT u.user_id || ' long enough for a heap' AS u, u.n, s.m, s.ms FROM users u JOIN slow s ON u.user_id = s.user_id;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left.changes', format = 'json', changelog = 'op') AS
SELECT u.user_id, u.b, s.m FROM users u LEFT JOIN slow s ON u.user_id = s.user_id AND s.m * 2 > u.n;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full.changes', format = 'json', changelog = 'op') AS
SELECT p.page, p.n, q.page AS other, q.b FROM (SELECT * FROM pages WHERE n < 20) p FULL JOIN (SELECT * FROM pages WHERE b > 5000) q ON p.page = q.page;
CREATE STREAM out_semi WITH (connector = 'file', path = 'out_semi.changes', format = 'json', changelog = 'op') AS
SELECT user_id, n FROM users u WHERE EXISTS (SELECT 1 FROM slow s WHERE s.user_id = u.user_id AND s.m = 2);
CREATE STREAM out_anti WITH (connector = 'file', path = 'out_anti.changes', format = 'json', changelog = 'op') AS
SELECT user_id, n FROM users u WHERE NOT EXISTS (SELECT 1 FROM slow s WHERE s.user_id = u.user_id AND s.m > 1);
CREATE STREAM out_counts WITH (connector = 'file', path = 'out_counts.changes', format = 'json', changelog = 'op') AS
SELECT m, COUNT(*) AS users, SUM(n) AS n FROM (SELECT u.n, s.m FROM users u LEFT JOIN slow s ON u.user_id = s.user_id) GROUP BY m EMIT CHANGES;
