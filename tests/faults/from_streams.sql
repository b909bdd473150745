-- A stream that is there to streams and a file.
CREATE STREAM in_rows (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '4' SECOND
) WITH (connector = 'stream', format = 'json', end = 'latest', chunk_bytes = '8KiB');
CREATE STREAM out_large WITH (connector = 'stream', format = 'json', shards = 18, partition_by = 'user_id') AS
SELECT event_time, user_id, bytes FROM in_rows WHERE bytes > 20000;
CREATE STREAM out_users WITH (connector = 'file', path = 'out_users', format = 'json') AS
SELECT user_id, COUNT(*) AS n, SUM(bytes) AS b FROM in_rows GROUP BY user_id;
