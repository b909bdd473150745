-- Nexmark q1: prices in another currency.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bid;
