-- Ranks that change as rows come, over rows and over changes; the last row of each key; ranks told at the end.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_top WITH (connector = 'file', path = 'out_top.changes', format = 'json', changelog = 'op') AS
SELECT country, rn, user_id, latency_ms, status FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY country ORDER BY status DESC) AS rn FROM clicks) WHERE rn <= 10 EMIT CHANGES;
CREATE STREAM out_ranks WITH (connector = 'file', path = 'out_ranks.changes', format = 'json', changelog = 'op') AS
SELECT page, r, user_id, status FROM (
  SELECT *, DENSE_RANK() OVER (PARTITION BY page ORDER BY status DESC) AS r FROM clicks WHERE latency_ms > 100) WHERE r <= 3 EMIT CHANGES;
CREATE STREAM out_last WITH (connector = 'file', path = 'out_last.changes', format = 'json', changelog = 'op') AS
SELECT user_id, event_time, page FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_time DESC) AS rn FROM clicks) WHERE rn = 1 EMIT CHANGES;
CREATE STREAM out_moved WITH (connector = 'file', path = 'out_moved.changes', format = 'json', changelog = 'op') AS
SELECT country, rn, user_id, b FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY country ORDER BY b DESC, user_id) AS rn FROM (
    SELECT country, user_id, SUM(latency_ms) AS m, MIN(bytes) AS b FROM clicks GROUP BY country, user_id EMIT CHANGES)) WHERE rn <= 10 EMIT CHANGES;
CREATE STREAM out_window WITH (connector = 'file', path = 'out_window.changes', format = 'json', changelog = 'op') AS
SELECT window_start, page, rn, user_id, bytes FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, page ORDER BY status DESC) AS rn
  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))) WHERE rn <= 3 EMIT CHANGES;
