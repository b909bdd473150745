-- Q4: OVER RANGE 1 min by user, every row out.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out WITH (connector = 'blackhole') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, AVG(latency_ms) OVER w AS avg_ms FROM clicks
WINDOW w AS (PARTITION BY user_id ORDER BY event_time RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW);
