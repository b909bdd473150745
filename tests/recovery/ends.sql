-- Statements that end long before the job does: what they wrote stands, and they say nothing again.
CREATE STREAM few WITH (connector = 'datagen', kind = 'clicks', rows = 4000, event_rate = 200);
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_few WITH (connector = 'file', path = 'out_few', format = 'csv', header = 'true') AS SELECT event_time, user_id, page FROM few;
CREATE STREAM out_count WITH (connector = 'file', path = 'out_count', format = 'json') AS SELECT COUNT(*) AS n, SUM(bytes) AS bytes FROM few;
CREATE STREAM out_total WITH (connector = 'file', path = 'out_total.changes', format = 'json', changelog = 'op') AS SELECT COUNT(*) AS n, SUM(bytes) AS bytes FROM few EMIT CHANGES;
CREATE STREAM out_pages WITH (connector = 'file', path = 'out_pages', format = 'json') AS SELECT page, COUNT(*) AS n FROM few GROUP BY page;
CREATE STREAM out_first WITH (connector = 'file', path = 'out_first.ordered', format = 'json') AS SELECT event_time, page FROM few ORDER BY event_time LIMIT 3;
CREATE STREAM out_slow WITH (connector = 'file', path = 'out_slow', format = 'json') AS
SELECT user_id, COUNT(*) OVER (PARTITION BY user_id ORDER BY event_time RANGE INTERVAL '10' SECOND PRECEDING) AS n FROM clicks;
