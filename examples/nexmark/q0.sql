-- Nexmark q0: pass every bid through.
CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 92000, seed = 1);

SELECT auction, bidder, price, dateTime, extra FROM bid;
