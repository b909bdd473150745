-- Nexmark q19: the ten highest bids of each auction.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, bidder, price, dateTime, extra, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, dateTime, extra) AS rn FROM bid
) AS ranked WHERE rn <= 10;
