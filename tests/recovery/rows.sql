-- Rows and keys that are kept for long, of which few change at a time: snapshots go on behind those before them, rows leave in order and out of it.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE VIEW v AS SELECT *, CASE WHEN MOD(bytes, 16) = 0 THEN MOD(CAST(latency_ms * 1000 AS BIGINT), 60000) ELSE MOD(bytes, 50) END AS k FROM clicks;
CREATE STREAM out_range WITH (connector = 'file', path = 'out_range', format = 'csv') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, SUM(bytes) OVER w AS s, MIN(page) OVER w AS lo, COUNT(DISTINCT country) OVER w AS c
FROM v WINDOW w AS (PARTITION BY k ORDER BY event_time RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW);
CREATE STREAM out_last WITH (connector = 'file', path = 'out_last', format = 'csv') AS
SELECT event_time, user_id, LAG(page, 3) OVER (PARTITION BY k ORDER BY event_time) AS p, SUM(bytes) OVER w AS s, MAX(latency_ms) OVER w AS m
FROM v WINDOW w AS (PARTITION BY k ORDER BY event_time ROWS BETWEEN 20 PRECEDING AND CURRENT ROW);
CREATE STREAM out_sessions WITH (connector = 'file', path = 'out_sessions', format = 'json') AS
SELECT window_start, window_end, k, user_id, bytes
FROM TABLE(SESSION(TABLE (SELECT * FROM v WHERE status <> 200) PARTITION BY k, DESCRIPTOR(event_time), INTERVAL '40' SECOND));
CREATE STREAM out_pairs WITH (connector = 'file', path = 'out_pairs', format = 'json') AS
SELECT a.event_time AS at, a.user_id AS u, b.event_time AS bt FROM (SELECT * FROM v WHERE latency_ms > 60) a LEFT JOIN (SELECT * FROM v WHERE status = 500 AND k > 49) b
ON a.k = b.k AND b.event_time BETWEEN a.event_time - INTERVAL '3' MINUTE AND a.event_time + INTERVAL '2' MINUTE;
CREATE STREAM out_best WITH (connector = 'file', path = 'out_best.changes', format = 'json', changelog = 'op') AS
SELECT k, page, latency_ms, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY latency_ms DESC, bytes) AS r FROM v) WHERE r <= 3 EMIT CHANGES;
