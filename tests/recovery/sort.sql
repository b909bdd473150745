-- ORDER BY at the end, with and without LIMIT; ties make no difference.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_all WITH (connector = 'file', path = 'out_all.ordered', format = 'csv') AS
SELECT user_id, page, event_time, CASE WHEN status >= 500 THEN 'failed with status ' || CAST(status AS VARCHAR) END AS why FROM clicks ORDER BY user_id DESC, page;
CREATE STREAM out_some WITH (connector = 'file', path = 'out_some.ordered', format = 'csv') AS
SELECT country, latency_ms, user_id FROM clicks ORDER BY latency_ms DESC LIMIT 1000 OFFSET 10;
