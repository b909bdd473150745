-- Rows with those of a table that is read first: all types of joins, a table that is the result of a query, rows that wait for it,
-- and windows behind it, whose lateness is that of the rows joined.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE STREAM users (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, latency_ms DOUBLE)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_inner WITH (connector = 'file', path = 'out_inner', format = 'csv') AS
SELECT c.event_time, c.user_id, u.page, u.latency_ms FROM clicks c JOIN (SELECT * FROM users WHERE latency_ms > 500) u
ON c.user_id = u.user_id AND c.bytes > 30000;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left', format = 'json') AS
SELECT c.event_time, c.user_id, u.event_time AS t, u.user_id || ' long enough for a heap' AS x FROM (SELECT * FROM clicks WHERE status = 500) c
LEFT JOIN (SELECT * FROM users WHERE latency_ms > 450) u ON c.page = u.page;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full', format = 'json') AS
SELECT c.event_time, c.user_id, u.event_time AS t, u.page FROM (SELECT * FROM clicks WHERE latency_ms > 300) c
FULL JOIN (SELECT * FROM users WHERE latency_ms > 250) u ON c.user_id = u.user_id AND c.page = u.page;
CREATE STREAM out_in WITH (connector = 'file', path = 'out_in', format = 'json') AS
SELECT event_time, user_id FROM clicks WHERE status = 500 AND user_id NOT IN (SELECT user_id FROM users WHERE latency_ms > 200);
CREATE STREAM out_query WITH (connector = 'file', path = 'out_query', format = 'json') AS
SELECT c.event_time, c.page, q.n, q.m FROM (SELECT * FROM clicks WHERE status = 404) c
JOIN (SELECT page, COUNT(*) AS n, MAX(latency_ms) AS m FROM users GROUP BY page) q ON c.page = q.page;
CREATE STREAM out_windows WITH (connector = 'file', path = 'out_windows', format = 'json') AS
SELECT window_start, user_id, COUNT(*) AS n, SUM(bytes) AS b FROM TABLE(TUMBLE(TABLE
(SELECT c.* FROM clicks c JOIN (SELECT DISTINCT user_id FROM users WHERE latency_ms > 400) u ON c.user_id = u.user_id),
DESCRIPTOR(event_time), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, user_id;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
