-- Nexmark q17: bids and prices of each auction and day.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS dt, COUNT(*) AS bids,
       COUNT(*) FILTER (WHERE price < 10000) AS bids_low,
       COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS bids_middle,
       COUNT(*) FILTER (WHERE price >= 1000000) AS bids_high,
       MIN(price) AS least, MAX(price) AS most, AVG(price) AS average, SUM(price) AS total
FROM bid GROUP BY auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd');
