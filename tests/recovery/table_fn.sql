-- Table functions: a state a partition, windows, all rows at once; whatever the number of workers.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_scores WITH (connector = 'file', path = 'out_scores', format = 'csv') AS
SELECT event_time, user_id, ANOMALY_SCORE, EXPECTED FROM TABLE(ANOMALY_ZSCORE(TABLE clicks PARTITION BY page, DESCRIPTOR(latency_ms), 20));
CREATE STREAM out_seasons WITH (connector = 'file', path = 'out_seasons', format = 'csv') AS
SELECT event_time, user_id, ANOMALY_SCORE, EXPECTED FROM TABLE(ANOMALY_SEASONAL(TABLE clicks PARTITION BY country, DESCRIPTOR(bytes), 12));
CREATE STREAM out_spots WITH (connector = 'file', path = 'out_spots', format = 'csv') AS
SELECT event_time, user_id, HOTSPOTS_RESULT FROM TABLE(HOTSPOTS(TABLE clicks, 100, 2, 4, DESCRIPTOR(latency_ms, status)));
CREATE STREAM out_top WITH (connector = 'file', path = 'out_top', format = 'csv') AS
SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE clicks PARTITION BY country, 'page', 5, 3));
CREATE STREAM out_distinct WITH (connector = 'file', path = 'out_distinct', format = 'csv') AS
SELECT * FROM TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(TABLE clicks, 'user_id', 3));
