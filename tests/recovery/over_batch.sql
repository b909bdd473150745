-- OVER of complete partitions: Top-N of windows, ranks in windows, frames in any order, the first row of each key, all rows at the end.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB', late_output = 'late');
CREATE VIEW tens AS SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND));
CREATE STREAM out_top WITH (connector = 'file', path = 'out_top', format = 'csv') AS
SELECT window_start, country, event_time, user_id, status, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, country ORDER BY status DESC) AS rn FROM tens) WHERE rn <= 5;
CREATE STREAM out_counted WITH (connector = 'file', path = 'out_counted', format = 'csv') AS
SELECT window_start, page, n, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS place FROM (
    SELECT window_start, window_end, page, COUNT(*) AS n FROM tens GROUP BY window_start, window_end, page)) WHERE place <= 3;
CREATE STREAM out_share WITH (connector = 'file', path = 'out_share', format = 'csv') AS
SELECT window_start, user_id, event_time, SUM(bytes) OVER (PARTITION BY window_start, window_end, page ORDER BY status
  ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) AS s, LEAD(user_id) OVER (PARTITION BY window_start, window_end, page ORDER BY status) AS next
FROM tens;
CREATE STREAM out_first WITH (connector = 'file', path = 'out_first', format = 'csv') AS
SELECT event_time, user_id, page FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_time) AS rn FROM clicks) WHERE rn = 1;
CREATE STREAM out_end WITH (connector = 'file', path = 'out_end', format = 'csv') AS
SELECT country, user_id, event_time, NTILE(10) OVER (PARTITION BY country ORDER BY latency_ms, bytes) AS t,
  COUNT(*) OVER (PARTITION BY country ORDER BY latency_ms RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS near
FROM clicks WHERE status >= 500;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
