-- Nexmark q2: bids on some auctions.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 9200, seed = 1);

SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
