-- Tumbling, hopping, growing windows, a filter, late rows and bad rows: all by one job.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late', chunk_bytes = '16KiB');
CREATE STREAM out_tumble WITH (connector = 'file', path = 'out_tumble', format = 'csv') AS
SELECT window_start, page, COUNT(*) AS n, AVG(latency_ms) AS a, MIN(user_id) AS u, COUNT(DISTINCT user_id) AS users
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, page;
CREATE STREAM out_hop WITH (connector = 'file', path = 'out_hop', format = 'json') AS
SELECT window_start, window_end, country, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, country;
CREATE STREAM out_hop_avg WITH (connector = 'file', path = 'out_hop_avg', format = 'json') AS
SELECT window_start, window_end, country, AVG(latency_ms) AS a, MAX(latency_ms) AS m
FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '2' MINUTE)) GROUP BY window_start, window_end, country;
CREATE STREAM out_cumulate WITH (connector = 'file', path = 'out_cumulate', format = 'json') AS
SELECT window_start, window_end, status, COUNT(*) AS n, MAX(latency_ms) AS m
FROM TABLE(CUMULATE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, status;
CREATE STREAM out_slow WITH (connector = 'file', path = 'out_slow', format = 'json') AS
SELECT event_time, user_id, latency_ms FROM clicks WHERE latency_ms > 300;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
CREATE STREAM out_bad WITH (connector = 'file', path = 'out_bad', format = 'json') AS SELECT message, data_row FROM error_stream;
CREATE STREAM out_div WITH (connector = 'file', path = 'out_div', format = 'json') AS
SELECT event_time, bytes / (bytes % 50) AS x FROM clicks WHERE status >= 500;
CREATE STREAM out_total WITH (connector = 'file', path = 'out_total', format = 'json') AS
SELECT status, COUNT(*) AS n, SUM(latency_ms) AS ms FROM clicks GROUP BY status;
-- Hardly any patience: many rows are late, which ones is a matter of the exact watermark before each.
CREATE STREAM sharp (event_time TIMESTAMP(3), user_id VARCHAR, WATERMARK FOR event_time AS event_time - INTERVAL '0.1' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'sharp_late', chunk_bytes = '4KiB');
CREATE STREAM out_sharp WITH (connector = 'file', path = 'out_sharp', format = 'json') AS
SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE sharp, DESCRIPTOR(event_time), INTERVAL '0.1' SECOND)) GROUP BY window_start, window_end;
CREATE STREAM out_sharp_late WITH (connector = 'file', path = 'out_sharp_late', format = 'json') AS SELECT * FROM sharp_late;
