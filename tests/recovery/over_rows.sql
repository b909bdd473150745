-- Rows before and behind: LAG, LEAD, ranks, counters, one operator each and all together.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_lag WITH (connector = 'file', path = 'out_lag', format = 'csv') AS
SELECT event_time, user_id, LAG(page) OVER w AS a, LAG(bytes, 3, -1) OVER w AS b, LAG(page, 2) IGNORE NULLS OVER w AS c,
  ROW_NUMBER() OVER w AS rn, RANK() OVER w AS r, DENSE_RANK() OVER w AS d
FROM clicks WINDOW w AS (PARTITION BY user_id ORDER BY event_time);
CREATE STREAM out_lead WITH (connector = 'file', path = 'out_lead', format = 'csv') AS
SELECT event_time, user_id, page, LEAD(page) OVER w AS a, LEAD(bytes, 4, -1) OVER w AS b, LAG(page) OVER w AS p, COUNT(*) OVER w AS n
FROM clicks WINDOW w AS (PARTITION BY user_id ORDER BY event_time);
CREATE STREAM out_nulls WITH (connector = 'file', path = 'out_nulls', format = 'csv') AS
SELECT event_time, user_id, LEAD(slow, 2) IGNORE NULLS OVER w AS a, LAG(slow, 2) IGNORE NULLS OVER w AS b
FROM (SELECT event_time, user_id, page, CASE WHEN latency_ms > 100 THEN user_id || ' has waited for a long time' END AS slow FROM clicks)
WINDOW w AS (PARTITION BY page ORDER BY event_time);
