-- Keys that are forgotten after some event time without a row.
SET 'state_ttl' = '20 s';
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_ttl WITH (connector = 'file', path = 'out_ttl', format = 'csv') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, COUNT(DISTINCT page) OVER w AS d, ROW_NUMBER() OVER w AS rn, LAG(page) OVER w AS p,
  SUM(latency_ms) OVER (PARTITION BY user_id ORDER BY event_time ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS ms
FROM clicks WINDOW w AS (PARTITION BY user_id ORDER BY event_time);
