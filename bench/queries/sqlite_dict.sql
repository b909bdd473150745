-- The same on a column of 1,000 distinct values: once per distinct value.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out WITH (connector = 'blackhole') AS SELECT FORMAT('page %s', page) AS t FROM clicks;
