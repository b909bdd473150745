-- Q6: interval join by user: clicks that failed with those that did not, within 10 s of each other.
CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER,
  latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE VIEW failed AS SELECT event_time, user_id, page, status FROM clicks WHERE status >= 400;
CREATE VIEW good AS SELECT event_time, user_id, page, latency_ms FROM clicks WHERE status < 400;
CREATE STREAM out WITH (connector = 'blackhole') AS
SELECT f.event_time AS failed_at, f.user_id, f.page, f.status, g.event_time AS good_at, g.page AS good_page, g.latency_ms
FROM failed AS f JOIN good AS g
ON f.user_id = g.user_id AND g.event_time BETWEEN f.event_time - INTERVAL '10' SECOND AND f.event_time + INTERVAL '10' SECOND;
