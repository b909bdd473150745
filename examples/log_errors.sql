-- Errors of each service so far this hour, every 10 minutes: a count that grows until the hour is over.
-- Input: log.jsonl, JSON lines with two lines of a crash among them that are no JSON.
-- Output: one row per service and 10 minutes, then one row per stream with unreadable lines.

CREATE STREAM log (
  ts      TIMESTAMP(3),
  service VARCHAR,
  level   VARCHAR,
  message VARCHAR,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND   -- lines may come up to 5 s out of order
) WITH (connector = 'file', path = 'log.jsonl', format = 'json');

SELECT DATE_FORMAT(window_start, 'HH:mm') AS since, DATE_FORMAT(window_end, 'HH:mm') AS till,
       service, COUNT(*) AS errors, LAST_VALUE(message) AS last_message
FROM TABLE(CUMULATE(TABLE log, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '1' HOUR))
WHERE level = 'ERROR'
GROUP BY window_start, window_end, service
ORDER BY window_end, service;   -- possible as the file ends; a live stream prints each window as it closes

-- What could not be read is not lost: error_stream has the text, the place and the reason of each record.
SELECT source, COUNT(*) AS unreadable, MIN(data_row) AS for_example FROM error_stream GROUP BY source;
