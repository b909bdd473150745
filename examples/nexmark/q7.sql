-- Nexmark q7: the highest bid of each 10 seconds.
-- (The published query joins bids with the maximum price; ARG_MAX gives one bid of a tie.)

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 92000, event_rate = 1000, seed = 1);

SELECT window_start, window_end, MAX(price) AS price, ARG_MAX(auction, price) AS auction,
       ARG_MAX(bidder, price) AS bidder
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY window_start, window_end
ORDER BY window_end;
