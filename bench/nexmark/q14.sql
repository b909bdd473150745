-- Nexmark q14: some computing: a currency, the time of day, a function of one's own.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE FUNCTION count_char(s VARCHAR, c VARCHAR) RETURNS BIGINT
RETURN CHAR_LENGTH(s) - CHAR_LENGTH(REPLACE(s, c, ''));

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, bidder, 0.908 * price AS price,
       CASE WHEN EXTRACT(HOUR FROM dateTime) BETWEEN 8 AND 18 THEN 'day'
            WHEN EXTRACT(HOUR FROM dateTime) <= 6 OR EXTRACT(HOUR FROM dateTime) >= 20 THEN 'night'
            ELSE 'between' END AS time_of_day,
       dateTime, extra, count_char(extra, 'c') AS cs
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
