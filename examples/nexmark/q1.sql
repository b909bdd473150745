-- Nexmark q1: bids in euros.
CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 92000, seed = 1);

SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bid;
