-- Rows with the last ones of the other side, by number and by time: what waits, and windows.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE VIEW slow AS SELECT * FROM clicks WHERE latency_ms > 150;
CREATE VIEW failed AS SELECT * FROM clicks WHERE status = 500;
CREATE STREAM out_rows WITH (connector = 'file', path = 'out_rows', format = 'csv') AS
SELECT ROWTIME AS rt, s.event_time AS st, f.event_time AS ft, f.page FROM slow OVER (ROWS 20 PRECEDING) s JOIN failed OVER (ROWS 5 PRECEDING) f
ON s.page = f.page;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full', format = 'json') AS
SELECT ROWTIME AS rt, s.event_time AS st, s.user_id || ' long enough for a heap' AS u, f.event_time AS ft, f.bytes
FROM slow OVER (ROWS 50 PRECEDING) AS s FULL JOIN failed OVER (RANGE INTERVAL '3' SECOND PRECEDING) AS f ON s.country = f.country AND f.bytes > s.bytes;
CREATE STREAM out_range WITH (connector = 'file', path = 'out_range', format = 'json') AS
SELECT ROWTIME AS rt, s.event_time AS st, s.user_id AS su, f.event_time AS ft, f.user_id AS fu
FROM slow OVER (RANGE INTERVAL '7' SECOND PRECEDING) AS s FULL JOIN failed AS f ON s.user_id = f.user_id;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
