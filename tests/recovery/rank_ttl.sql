-- The last row of each key. When RANK forgets a key is a matter of how the rows come: it has patience enough here.
SET state_ttl = '2000 s';
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_last WITH (connector = 'file', path = 'out_last.changes', format = 'json', changelog = 'op') AS
SELECT user_id, event_time, page FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_time DESC) AS rn FROM clicks) WHERE rn = 1 EMIT CHANGES;
