-- Stagger windows against tumbling ones: trades per company and minute of the event, where events come late.
-- Input: ticker.jsonl, here; trades of INTC arrive up to 20 seconds after they happened.
-- Output: how many rows each kind of window gave for a minute of a company, and how many trades they counted. A
-- tumbling window of arrival tears the events of a minute apart; a stagger window begins with the first of them.

CREATE OR REPLACE STREAM "SOURCE_SQL_STREAM_001" (
  ARRIVAL TIMESTAMP, EVENT_TIME TIMESTAMP, TICKER_SYMBOL VARCHAR(4), SECTOR VARCHAR(16), CHANGE DOUBLE, PRICE DOUBLE)
WITH (connector = 'file', path = 'ticker.jsonl', format = 'json') ROWTIME FROM ARRIVAL;

CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (KIND VARCHAR(8), EVENT_MINUTE TIMESTAMP, TICKER_SYMBOL VARCHAR(4), TICKER_COUNT INTEGER);
CREATE OR REPLACE PUMP "TUMBLING_PUMP" AS INSERT INTO "DESTINATION_SQL_STREAM"
SELECT STREAM 'tumbling', FLOOR(EVENT_TIME TO MINUTE), TICKER_SYMBOL, COUNT(TICKER_SYMBOL)
FROM "SOURCE_SQL_STREAM_001"
GROUP BY TICKER_SYMBOL, FLOOR(EVENT_TIME TO MINUTE), FLOOR("SOURCE_SQL_STREAM_001".ROWTIME TO MINUTE);
CREATE OR REPLACE PUMP "STAGGER_PUMP" AS INSERT INTO "DESTINATION_SQL_STREAM"
SELECT STREAM 'stagger', FLOOR(EVENT_TIME TO MINUTE), TICKER_SYMBOL, COUNT(TICKER_SYMBOL)
FROM "SOURCE_SQL_STREAM_001"
WINDOWED BY STAGGER (PARTITION BY FLOOR(EVENT_TIME TO MINUTE), TICKER_SYMBOL RANGE INTERVAL '90' SECOND);

SELECT kind, ticker_symbol, COUNT(*) AS results, SUM(ticker_count) AS trades
FROM "DESTINATION_SQL_STREAM" GROUP BY kind, ticker_symbol;
