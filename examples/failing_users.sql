-- Three failed requests in a row by one user, within a minute.
-- Input: made up while it runs, 100,000 clicks in two minutes.
-- Output: one row per run of failures: how many, on which pages, from when to when.

CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, status INTEGER,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND   -- the made-up clicks come up to 2 s late
) WITH (connector = 'datagen', kind = 'clicks', rows = 100000, event_rate = 800);

SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id
  ORDER BY event_time
  MEASURES COUNT(*) AS failures, FIRST(F.page) AS first_page, LAST(F.page) AS last_page, MAX(F.status) AS worst,
           FIRST(F.event_time) AS since, MATCH_ROWTIME() AS till
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (F{3,}) WITHIN INTERVAL '1' MINUTE   -- at least three; a good request, or the minute, ends the run
  DEFINE F AS F.status >= 400
);
