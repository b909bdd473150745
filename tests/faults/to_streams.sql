-- A file to streams: rows as they come, windows, error rows.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_rows WITH (connector = 'stream', format = 'json', shards = 3, partition_by = 'user_id') AS
SELECT event_time, user_id, page, bytes FROM clicks WHERE latency_ms > 20;
CREATE STREAM out_pages WITH (connector = 'stream', format = 'json', partition_by = 'page') AS
SELECT window_start, page, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '2' SECOND)) GROUP BY window_start, window_end, page;
CREATE STREAM out_bad WITH (connector = 'file', path = 'out_bad', format = 'json') AS SELECT message FROM error_stream;
