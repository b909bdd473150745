-- An expression that only SQLite evaluates, on a column whose values hardly repeat.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out WITH (connector = 'blackhole') AS SELECT FORMAT('%.2f ms', latency_ms) AS t FROM clicks;
