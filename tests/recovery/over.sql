-- OVER in the order of time: every way in which a frame holds rows, whatever the number of workers.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');
CREATE STREAM out_range WITH (connector = 'file', path = 'out_range', format = 'csv') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, SUM(bytes) OVER w AS s, MIN(page) OVER w AS lo, SUM(latency_ms) OVER w AS ms,
  COUNT(DISTINCT page) OVER w AS d, SUM(DISTINCT bytes) OVER w AS ds, FIRST_VALUE(page) OVER w AS f, LAST_VALUE(status) OVER w AS l
FROM clicks WINDOW w AS (PARTITION BY country ORDER BY event_time RANGE BETWEEN INTERVAL '3' SECOND PRECEDING AND CURRENT ROW);
CREATE STREAM out_rows WITH (connector = 'file', path = 'out_rows', format = 'csv') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, SUM(bytes) FILTER (WHERE status = 200) OVER w AS s, MAX(page) OVER w AS hi,
  AVG(latency_ms) OVER w AS ms, COUNT(DISTINCT page) FILTER (WHERE status <> 500) OVER w AS d, NTH_VALUE(page, 2) OVER w AS nth,
  LISTAGG(page) OVER w AS pages
FROM clicks WINDOW w AS (PARTITION BY user_id ORDER BY event_time ROWS BETWEEN 7 PRECEDING AND CURRENT ROW);
CREATE STREAM out_all WITH (connector = 'file', path = 'out_all', format = 'csv') AS
SELECT event_time, user_id, SUM(latency_ms) OVER w AS ms, MIN(latency_ms) OVER w AS lo, COUNT(DISTINCT user_id) OVER w AS d,
  NTH_VALUE(user_id, 3) OVER w AS nth, ROW_NUMBER() OVER w AS rn
FROM clicks WINDOW w AS (PARTITION BY page ORDER BY event_time);
CREATE STREAM out_one WITH (connector = 'file', path = 'out_one', format = 'csv') AS
SELECT event_time, user_id, COUNT(*) OVER w AS n, MAX(latency_ms) OVER w AS hi
FROM clicks WHERE status >= 500 WINDOW w AS (ORDER BY event_time RANGE BETWEEN INTERVAL '30' SECOND PRECEDING AND CURRENT ROW);
