-- Q3: filter status >= 400, four columns.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out WITH (connector = 'blackhole') AS
SELECT event_time, user_id, page, status FROM clicks WHERE status >= 400;
