-- Log lines taken apart: requests and failures per page and minute.
-- Input: access.log, here: a web server's, one line of it is none.
-- Output: a row per minute and page on which something failed.

CREATE OR REPLACE STREAM "SOURCE_SQL_STREAM_001" (LOG VARCHAR(1024))
WITH (connector = 'file', path = 'access.log', format = 'raw');

CREATE OR REPLACE STREAM "PARSED" (EVENT_TIME TIMESTAMP, PAGE VARCHAR(64), STATUS INTEGER);
CREATE OR REPLACE PUMP "PARSE_PUMP" AS INSERT INTO "PARSED"
SELECT STREAM CHAR_TO_TIMESTAMP('dd/MMM/yyyy:HH:mm:ss', l.r.COLUMN2), l.r.COLUMN3, CAST(l.r.COLUMN4 AS INTEGER)
FROM (SELECT STREAM REGEX_LOG_PARSE(LOG, '(\S+) \S+ \S+ \[([^ ]+) [^]]*\] "\S+ (\S+) [^"]*" (\d+) .*') FROM "SOURCE_SQL_STREAM_001") AS l(r)
WHERE l.r.COLUMN1 IS NOT NULL;

SELECT FLOOR(event_time TO MINUTE) AS minute_of, page, COUNT(*) AS requests, SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END) AS failed
FROM "PARSED" GROUP BY FLOOR(event_time TO MINUTE), page HAVING SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END) > 0;
