-- Sessions: folded, as rows, with early and corrected results.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late', chunk_bytes = '16KiB');
CREATE STREAM out_folded WITH (connector = 'file', path = 'out_folded', format = 'json') AS
SELECT window_start, window_end, user_id, COUNT(*) AS n, AVG(latency_ms) AS a, LISTAGG(country) AS c
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(event_time), INTERVAL '30' SECOND)) GROUP BY window_start, window_end, user_id;
CREATE STREAM out_rows WITH (connector = 'file', path = 'out_rows', format = 'json') AS
SELECT window_start, window_end, page, user_id, event_time
FROM TABLE(SESSION(TABLE clicks PARTITION BY page, DESCRIPTOR(event_time), INTERVAL '1' SECOND));
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
CREATE STREAM out_early WITH (connector = 'file', path = 'out_early.changes', format = 'json', changelog = 'op') AS
SELECT window_start, window_end, country, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(SESSION(TABLE (SELECT * FROM clicks WHERE status = 500 AND latency_ms > 90) PARTITION BY country, DESCRIPTOR(event_time), INTERVAL '2' SECOND))
GROUP BY window_start, window_end, country EMIT EARLY EVERY INTERVAL '5' SECOND ALLOWED LATENESS INTERVAL '4' SECOND;
CREATE STREAM out_each WITH (connector = 'file', path = 'out_each.changes', format = 'json', changelog = 'op') AS
SELECT window_start, window_end, user_id, MAX(latency_ms) AS m
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, user_id EMIT CHANGES;
