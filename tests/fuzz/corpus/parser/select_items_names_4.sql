SELECT date '2020-01-01', date, time '10:00:00', time, timestamp '2020-01-01 00:00:00', timestamp FROM t;
SELECT left(a, 2), right(a, 2), year(ts), second(ts), hour(ts), date(ts), replace(a, 'b', 'c'), if(a, b, c), format(a), row FROM t;
SELECT COUNT(*) count, SUM(x) sum, MIN(y) AS min FROM t GROUP BY z;
SELECT COUNT(*) AS count FROM t GROUP BY key, value, date;
SELECT "ROWTIME", s.ROWTIME, s."ROWTIME", ROWTIME AS "resultrowtime" FROM s;
SELECT "APPROXIMATE_ARRIVAL_TIME", APPROXIMATE_ARRIVAL_TIME, s.APPROXIMATE_ARRIVAL_TIME, PARTITION_KEY, SHARD_ID, SEQUENCE_NUMBER FROM s;
