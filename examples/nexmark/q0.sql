-- Nexmark q0: pass every bid through.
-- The 20 first bids, for a look. To measure, raise rows and write to a stream WITH (connector = 'blackhole').

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 20, seed = 1);

SELECT auction, bidder, price, dateTime, extra FROM bid;
