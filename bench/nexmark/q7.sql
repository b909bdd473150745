-- Nexmark q7: the highest bids of each 10 seconds.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE VIEW highest AS
SELECT window_start, window_end, MAX(price) AS price
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT b.auction, b.bidder, b.price, b.dateTime, b.extra
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) AS b JOIN highest AS h
  ON b.window_start = h.window_start AND b.window_end = h.window_end AND b.price = h.price;
