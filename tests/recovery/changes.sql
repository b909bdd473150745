-- Results that are corrected: without a window, early, late, and aggregates of aggregates.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_user WITH (connector = 'file', path = 'out_user.changes', format = 'json', changelog = 'op') AS
SELECT user_id, COUNT(*) AS n, SUM(bytes) AS b, MAX(latency_ms) AS m FROM clicks GROUP BY user_id EMIT CHANGES;
CREATE STREAM out_histogram WITH (connector = 'file', path = 'out_histogram.changes', format = 'json', changelog = 'op') AS
SELECT n, COUNT(*) AS users, MIN(b) AS least FROM (SELECT user_id, COUNT(*) AS n, SUM(bytes) AS b FROM clicks GROUP BY user_id EMIT CHANGES) GROUP BY n EMIT CHANGES;
CREATE STREAM out_total WITH (connector = 'file', path = 'out_total.changes', format = 'json', changelog = 'op') AS
SELECT COUNT(*) AS n, SUM(bytes) AS b FROM clicks EMIT CHANGES;
CREATE STREAM out_early WITH (connector = 'file', path = 'out_early.changes', format = 'json', changelog = 'op') AS
SELECT window_start, window_end, page, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page
EMIT EARLY EVERY INTERVAL '5' SECOND;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late.changes', format = 'json', changelog = 'op') AS
SELECT window_start, window_end, country, COUNT(*) AS n, SUM(bytes) AS b
FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end, country
EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '5' SECOND;
