-- Nexmark q12: bids of each bidder by 10 seconds of arrival time.

CREATE STREAM bid WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT bidder, window_start, window_end, COUNT(*) AS bids
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ROWTIME), INTERVAL '10' SECOND))
GROUP BY bidder, window_start, window_end;
