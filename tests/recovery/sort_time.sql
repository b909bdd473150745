-- Rows in the order of their time, with further keys.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_sorted WITH (connector = 'file', path = 'out_sorted.ordered', format = 'csv') AS
SELECT event_time, user_id, page, bytes FROM clicks ORDER BY event_time, user_id, page, bytes;
