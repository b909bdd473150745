-- Nexmark q5: the auctions with the most bids of the last 10 seconds, every 2 seconds.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE VIEW counts AS
SELECT window_start, window_end, auction, COUNT(*) AS num
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end, auction;

CREATE VIEW most AS
SELECT window_start, window_end, MAX(num) AS num FROM counts GROUP BY window_start, window_end;

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT c.window_start, c.window_end, c.auction, c.num
FROM counts AS c JOIN most AS m
  ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num = m.num;
