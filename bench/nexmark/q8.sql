-- Nexmark q8: people who opened an auction in the same 10 seconds in which they came.

CREATE STREAM auction (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'auction', events = 1000000);
CREATE STREAM person (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'person', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT p.id, p.name, p.window_start, COUNT(*) AS auctions
FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) AS p
JOIN TABLE(TUMBLE(TABLE auction, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) AS a
  ON p.id = a.seller AND p.window_start = a.window_start AND p.window_end = a.window_end
GROUP BY p.id, p.name, p.window_start, p.window_end;
