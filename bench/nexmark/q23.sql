-- Nexmark q23: bids with their auctions and who sells.

CREATE STREAM auction (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'auction', events = 1000000);
CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);
CREATE STREAM person (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'person', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT b.auction, b.bidder, b.price, b.dateTime AS bid_time, a.itemName, a.category, p.name, p.city, p.state
FROM bid AS b JOIN auction AS a ON b.auction = a.id JOIN person AS p ON a.seller = p.id;
