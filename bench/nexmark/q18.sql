-- Nexmark q18: the last bid of each bidder on each auction.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, bidder, price, channel, dateTime, extra FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC, price DESC, extra) AS rn FROM bid
) AS ranked WHERE rn = 1;
