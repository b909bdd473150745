-- Nexmark q6: the average price of each seller's last ten sales.

CREATE STREAM auction (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'auction', events = 1000000);
CREATE STREAM bid (WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
WITH (connector = 'datagen', kind = 'bid', events = 1000000);

CREATE VIEW sale AS
SELECT seller, id, price, dateTime FROM (
  SELECT a.seller, a.id, b.price, b.dateTime,
         ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime, b.extra) AS rn
  FROM auction AS a JOIN bid AS b ON a.id = b.auction
  WHERE b.dateTime BETWEEN a.dateTime AND a.expires
) AS ranked WHERE rn = 1;

CREATE STREAM result WITH (connector = 'blackhole') AS
SELECT seller, id,
       AVG(price) OVER (PARTITION BY seller ORDER BY dateTime, id ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) AS average
FROM sale;
