-- Clickstream metrics per minute and page: how many clicks, how many failed, how fast they were answered.
-- Input: clicks.jsonl in the current folder; `make demo` makes one, README.md tells how to make a small one.
-- Output: page_minutes.jsonl, one row per minute and page that had clicks.

CREATE STREAM clicks (
  event_time TIMESTAMP(3),
  user_id    VARCHAR,
  page       VARCHAR,
  country    VARCHAR,
  status     INTEGER,
  latency_ms DOUBLE,
  bytes      BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND   -- rows may come up to 2 s out of order
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');

CREATE STREAM page_minutes WITH (connector = 'file', path = 'page_minutes.jsonl', format = 'json') AS
SELECT window_start, window_end, page,
       COUNT(*)                                      AS clicks,
       COUNT(*) FILTER (WHERE status >= 400)         AS errors,
       ROUND(AVG(latency_ms), 1)                     AS avg_ms,
       ROUND(APPROX_PERCENTILE(latency_ms, 0.95), 1) AS p95_ms,   -- within 1 %, from a small sketch
       MAX(latency_ms)                               AS max_ms
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, page;
