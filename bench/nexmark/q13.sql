-- Nexmark q13: bids with a value looked up in a table.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM side (k BIGINT, note VARCHAR)
WITH (connector = 'file', path = 'side.csv', format = 'csv');

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT b.auction, b.bidder, b.price, b.dateTime, s.note
FROM bid AS b JOIN side AS s ON MOD(b.auction, 1000) = s.k;
