-- Clickstream metrics per minute and page: how many clicks, how fast, and the slowest twentieth.
-- Input: JSON lines like those of `make demo`. Output: one row per minute and page that had clicks.

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
       COUNT(*)                            AS clicks,
       COUNT(*) FILTER (WHERE status >= 400) AS errors,
       AVG(latency_ms)                     AS avg_ms,
       APPROX_PERCENTILE(latency_ms, 0.95) AS p95_ms,
       MAX(latency_ms)                     AS max_ms
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, page;
