CREATE OR REPLACE PUMP "REF" AS INSERT INTO "D" SELECT STREAM s.ticker, "c"."Company", price FROM "S" AS s LEFT JOIN "CompanyName" AS "c" ON s.ticker = "c"."Ticker";
CREATE TABLE Orders (
    `user` BIGINT,
    product STRING,
    amount INT,
    cost AS amount * 2.5,
    order_time TIMESTAMP(3),
    proc AS PROCTIME(),
    WATERMARK FOR order_time AS order_time - INTERVAL '0.001' SECOND,
    PRIMARY KEY (`user`) NOT ENFORCED
) COMMENT 'orders' WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = 'localhost:9092', 'format' = 'json');
