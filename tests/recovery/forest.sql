-- A random cut forest per country, and one over all rows: after a kill each goes on as if nothing had been, to the last bit.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE STREAM out_keyed WITH (connector = 'file', path = 'out_keyed', format = 'csv') AS
SELECT event_time, country, ANOMALY_SCORE
FROM TABLE(RANDOM_CUT_FOREST(TABLE clicks PARTITION BY country, trees => 5, sample_size => 20, time_decay => 30, shingle_size => 2));
CREATE STREAM out_all WITH (connector = 'file', path = 'out_all', format = 'csv') AS
SELECT event_time, user_id, ANOMALY_SCORE, ANOMALY_EXPLANATION
FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(TABLE clicks, trees => 5, sample_size => 32, time_decay => 100));
