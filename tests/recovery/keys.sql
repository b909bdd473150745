-- Many keys of which few change: snapshots go on behind those before them. Windows that close take their parts away, states have memory of their own.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE VIEW v AS SELECT *, CASE WHEN MOD(bytes, 16) = 0 THEN MOD(CAST(latency_ms * 1000 AS BIGINT), 60000) ELSE MOD(bytes, 50) END AS k FROM clicks;
CREATE STREAM out_long WITH (connector = 'file', path = 'out_long', format = 'csv') AS
SELECT window_start, k, COUNT(*) AS n, SUM(bytes) AS b, MAX(user_id) AS u
FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(event_time), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end, k;
CREATE STREAM out_short WITH (connector = 'file', path = 'out_short', format = 'json') AS
SELECT window_start, k, country, AVG(latency_ms) AS a, COUNT(DISTINCT page) AS pages
FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(event_time), INTERVAL '20' SECOND)) GROUP BY window_start, window_end, k, country;
CREATE STREAM out_hop WITH (connector = 'file', path = 'out_hop', format = 'json') AS
SELECT window_start, k, COUNT(*) AS n, MIN(latency_ms) AS m
FROM TABLE(HOP(TABLE v, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '4' MINUTE)) GROUP BY window_start, window_end, k;
CREATE STREAM out_sessions WITH (connector = 'file', path = 'out_sessions', format = 'json') AS
SELECT window_start, window_end, k, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(SESSION(TABLE v PARTITION BY k, DESCRIPTOR(event_time), INTERVAL '20' SECOND)) GROUP BY window_start, window_end, k;
CREATE STREAM totals WITH (connector = 'file', path = 'out_totals.changes', format = 'json', changelog = 'op') AS
SELECT k, COUNT(*) AS n, SUM(bytes) AS b, COUNT(DISTINCT country) AS c FROM v GROUP BY k EMIT CHANGES;
