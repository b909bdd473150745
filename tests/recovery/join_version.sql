-- Rows with the version of a table that is valid at their time: keys with many versions, late rows and late versions.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE STREAM pages (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  PRIMARY KEY (page) NOT ENFORCED, WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late_pages');
CREATE STREAM users (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  PRIMARY KEY (user_id) NOT ENFORCED, WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_inner WITH (connector = 'file', path = 'out_inner', format = 'csv') AS
SELECT c.event_time, c.user_id, p.event_time AS t, p.user_id || ' long enough for a heap' AS u FROM clicks c
JOIN pages FOR SYSTEM_TIME AS OF c.event_time AS p ON c.page = p.page AND c.status = 500;
CREATE STREAM out_left WITH (connector = 'file', path = 'out_left', format = 'json') AS
SELECT c.event_time, c.user_id, u.event_time AS t, u.page FROM clicks c
LEFT JOIN users FOR SYSTEM_TIME AS OF c.event_time AS u ON c.user_id = u.user_id AND u.bytes > c.bytes;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
CREATE STREAM out_late_pages WITH (connector = 'file', path = 'out_late_pages', format = 'json') AS SELECT event_time, user_id FROM late_pages;
