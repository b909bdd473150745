-- State that is forgotten after some event time: outer joins that are corrected, the first row of each key.
SET state_ttl = '6 s';
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB');
CREATE VIEW slow AS SELECT * FROM clicks WHERE latency_ms > 150;
CREATE VIEW failed AS SELECT * FROM clicks WHERE status = 500;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left.changes', format = 'json', changelog = 'op') AS
SELECT s.event_time AS st, s.user_id, f.event_time AS ft, f.bytes FROM slow s LEFT JOIN failed f ON s.page = f.page AND f.bytes > 100;
CREATE STREAM out_full WITH (connector = 'file', path = 'out_full.changes', format = 'json', changelog = 'op') AS
SELECT s.event_time AS st, s.user_id AS su, f.event_time AS ft, f.user_id AS fu FROM slow s FULL JOIN failed f ON s.user_id = f.user_id AND s.country = f.country;
CREATE STREAM out_anti WITH (connector = 'file', path = 'out_anti.changes', format = 'json', changelog = 'op') AS
SELECT s.event_time, s.user_id FROM slow s WHERE NOT EXISTS (SELECT 1 FROM failed f WHERE f.user_id = s.user_id);
CREATE STREAM out_first WITH (connector = 'file', path = 'out_first.changes', format = 'json', changelog = 'op') AS
SELECT user_id, event_time, page FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_time) AS rn FROM clicks) WHERE rn = 1 EMIT CHANGES;
