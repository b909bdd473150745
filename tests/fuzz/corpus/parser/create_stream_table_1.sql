CREATE STREAM s (a INTEGER);
create or replace stream "DESTINATION_SQL_STREAM" (ticker_symbol VARCHAR(4), sector VARCHAR(12), change DOUBLE, price DOUBLE);
CREATE OR REPLACE STREAM S (A INTEGER NOT NULL, B VARCHAR(10)) DESCRIPTION 'it''s a stream';
CREATE TABLE t (id BIGINT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = 'x', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY NOT ENFORCED, v DECIMAL(10, 2));
CREATE TEMPORARY TABLE t (id INT);
