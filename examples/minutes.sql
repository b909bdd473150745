-- All pages together, minute by minute, and the busiest page of each: the first ten minutes.
-- Input: page_minutes.jsonl, which clicks.sql writes. Output: one row per minute.

CREATE STREAM page_minutes (
  window_start TIMESTAMP(3),
  page         VARCHAR,
  clicks       BIGINT,
  errors       BIGINT,
  avg_ms       DOUBLE,
  max_ms       DOUBLE
) WITH (connector = 'file', path = 'page_minutes.jsonl', format = 'json');

SELECT DATE_FORMAT(window_start, 'HH:mm')           AS minute,
       SUM(clicks)                                  AS clicks,
       SUM(errors)                                  AS errors,
       ROUND(SUM(avg_ms * clicks) / SUM(clicks), 1) AS avg_ms,
       MAX(max_ms)                                  AS max_ms,
       ARG_MAX(page, clicks)                        AS busiest_page,
       MAX(clicks)                                  AS its_clicks
FROM page_minutes
GROUP BY window_start
ORDER BY window_start
LIMIT 10;
