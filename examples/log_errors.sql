-- Errors of each service so far this hour, every 10 minutes (a running count for a dashboard).
-- Lines that are no log records go to error_stream, whose count the second query prints.

CREATE STREAM log (
  ts      TIMESTAMP(3),
  service VARCHAR,
  level   VARCHAR,
  message VARCHAR,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH (connector = 'file', path = 'log.jsonl', format = 'json');

SELECT window_start, window_end, service, COUNT(*) AS errors, LAST_VALUE(message) AS last_message
FROM TABLE(CUMULATE(TABLE log, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '1' HOUR))
WHERE level = 'ERROR'
GROUP BY window_start, window_end, service;

SELECT source, COUNT(*) AS unreadable FROM error_stream GROUP BY source;
