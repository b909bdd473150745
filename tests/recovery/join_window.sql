-- Rows of one window with each other: all types of joins, late rows, results that go on into windows.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE VIEW slow AS SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) WHERE latency_ms > 150;
CREATE VIEW failed AS SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) WHERE status = 500;
CREATE STREAM out_inner WITH (connector = 'file', path = 'out_inner', format = 'csv') AS
SELECT s.window_start, s.event_time AS st, f.event_time AS ft, s.user_id || ' long enough for a heap' AS u FROM slow s JOIN failed f
ON s.window_start = f.window_start AND s.window_end = f.window_end AND s.user_id = f.user_id;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left', format = 'json') AS
SELECT s.event_time AS st, s.page, f.event_time AS ft FROM slow s LEFT JOIN failed f
ON s.window_start = f.window_start AND s.window_end = f.window_end AND s.page = f.page AND f.bytes > s.bytes;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full', format = 'json') AS
SELECT s.event_time AS st, s.page, f.event_time AS ft, f.user_id FROM slow s FULL JOIN failed f
ON s.window_start = f.window_start AND s.window_end = f.window_end AND s.page = f.page AND s.country = f.country;
CREATE STREAM out_anti WITH (connector = 'file', path = 'out_anti', format = 'json') AS
SELECT s.event_time, s.user_id FROM slow s WHERE NOT EXISTS (SELECT 1 FROM failed f
WHERE s.window_start = f.window_start AND s.window_end = f.window_end AND s.user_id = f.user_id);
CREATE STREAM out_agg WITH (connector = 'file', path = 'out_agg', format = 'json') AS
SELECT a.window_start, a.country, a.n, b.m FROM
(SELECT window_start, window_end, country, COUNT(*) AS n FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
 GROUP BY window_start, window_end, country) a
FULL JOIN (SELECT window_start, window_end, country, MAX(latency_ms) AS m FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
 WHERE status = 404 AND latency_ms > 100 GROUP BY window_start, window_end, country) b
ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.country = b.country;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
