-- Rows with those of the other side that are near in time: all types of joins, late rows, and regular joins for a while.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE VIEW slow AS SELECT * FROM clicks WHERE latency_ms > 150;
CREATE VIEW failed AS SELECT * FROM clicks WHERE status = 500;
CREATE STREAM out_inner WITH (connector = 'file', path = 'out_inner', format = 'csv') AS
SELECT s.event_time AS st, f.event_time AS ft, s.latency_ms, f.page FROM slow s JOIN failed f
ON s.user_id = f.user_id AND f.event_time BETWEEN s.event_time - INTERVAL '5' SECOND AND s.event_time + INTERVAL '20' SECOND;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left', format = 'json') AS
SELECT s.event_time AS st, s.user_id || ' long enough for a heap' AS u, f.event_time AS ft, f.bytes FROM slow s LEFT JOIN failed f
ON s.page = f.page AND f.event_time BETWEEN s.event_time - INTERVAL '7' SECOND AND s.event_time AND f.bytes > s.bytes;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full', format = 'json') AS
SELECT s.event_time AS st, s.user_id AS su, f.event_time AS ft, f.user_id AS fu, f.page AS fp FROM slow s FULL JOIN failed f
ON s.user_id = f.user_id AND s.country = f.country AND f.event_time BETWEEN s.event_time AND s.event_time + INTERVAL '9' SECOND;
CREATE STREAM out_right WITH (connector = 'file', path = 'out_right', format = 'csv') AS
SELECT f.event_time AS ft, f.user_id AS fu, COALESCE(s.bytes, -1) AS b FROM slow s RIGHT JOIN failed f
ON s.user_id = f.user_id AND s.event_time BETWEEN f.event_time - INTERVAL '3' SECOND AND f.event_time + INTERVAL '3' SECOND;
CREATE STREAM out_semi WITH (connector = 'file', path = 'out_semi', format = 'json') AS
SELECT s.event_time, s.user_id FROM slow s WHERE EXISTS (SELECT 1 FROM failed f WHERE f.user_id = s.user_id
AND f.event_time BETWEEN s.event_time - INTERVAL '4' SECOND AND s.event_time + INTERVAL '8' SECOND);
CREATE STREAM out_anti WITH (connector = 'file', path = 'out_anti', format = 'json') AS
SELECT s.event_time, s.user_id FROM slow s WHERE NOT EXISTS (SELECT 1 FROM failed f WHERE f.user_id = s.user_id
AND f.event_time BETWEEN s.event_time - INTERVAL '4' SECOND AND s.event_time + INTERVAL '8' SECOND AND f.bytes < s.bytes);
CREATE STREAM out_cross WITH (connector = 'file', path = 'out_cross', format = 'json') AS
SELECT s.event_time AS st, f.event_time AS ft FROM (SELECT * FROM slow WHERE page = '/p/000') s LEFT JOIN (SELECT * FROM failed WHERE page = '/p/001') f
ON f.event_time BETWEEN s.event_time - INTERVAL '2' SECOND AND s.event_time + INTERVAL '1' SECOND;
SET state_ttl = '6 s';
CREATE STREAM out_ttl WITH (connector = 'file', path = 'out_ttl', format = 'json') AS
SELECT s.event_time AS st, f.event_time AS ft, s.page FROM slow s JOIN failed f ON s.page = f.page;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
