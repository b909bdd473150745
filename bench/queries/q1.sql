-- Q1: tumble 1 min by page.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out WITH (connector = 'blackhole') AS
SELECT window_start, window_end, page, COUNT(*) AS n, AVG(latency_ms) AS avg_ms, MIN(latency_ms) AS min_ms,
       MAX(latency_ms) AS max_ms, SUM(latency_ms) AS sum_ms
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page;
