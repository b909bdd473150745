-- Nexmark q5: the auction with the most bids of the last 10 seconds, every 2 seconds.
-- (The published query joins the counts with their maximum; ARG_MAX gives one auction of a tie.)

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', rows = 92000, event_rate = 1000, seed = 1);

CREATE VIEW counts AS
SELECT window_start, window_end, auction, COUNT(*) AS num
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end, auction;

SELECT window_start, window_end, ARG_MAX(auction, num) AS auction, MAX(num) AS num
FROM counts GROUP BY window_start, window_end
ORDER BY window_end;
