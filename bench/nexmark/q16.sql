-- Nexmark q16: the same of each channel.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT channel, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS dt, MAX(DATE_FORMAT(dateTime, 'HH:mm')) AS last_minute,
       COUNT(*) AS bids,
       COUNT(*) FILTER (WHERE price < 10000) AS bids_low,
       COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS bids_middle,
       COUNT(*) FILTER (WHERE price >= 1000000) AS bids_high,
       COUNT(DISTINCT bidder) AS bidders,
       COUNT(DISTINCT bidder) FILTER (WHERE price < 10000) AS bidders_low,
       COUNT(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS bidders_middle,
       COUNT(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS bidders_high,
       COUNT(DISTINCT auction) AS auctions,
       COUNT(DISTINCT auction) FILTER (WHERE price < 10000) AS auctions_low,
       COUNT(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS auctions_middle,
       COUNT(DISTINCT auction) FILTER (WHERE price >= 1000000) AS auctions_high
FROM bid GROUP BY channel, DATE_FORMAT(dateTime, 'yyyy-MM-dd');
