-- Nexmark q21: which channel a bid came by.

CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT auction, bidder, price, channel, channel_id FROM (
  SELECT auction, bidder, price, channel,
         CASE LOWER(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
              ELSE REGEXP_EXTRACT(url, '[&?]channel_id=([^&]*)', 1) END AS channel_id
  FROM bid
) AS c WHERE channel_id IS NOT NULL;
