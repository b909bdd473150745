-- The Kinesis dialect: windows that rows begin, rows as they are first seen, another time for them.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late', chunk_bytes = '16KiB');
CREATE STREAM out_stagger WITH (connector = 'file', path = 'out_stagger', format = 'json') AS
SELECT STREAM ROWTIME AS t, user_id, COUNT(*) AS n, AVG(bytes) AS a, LISTAGG(country) AS c
FROM clicks WINDOWED BY STAGGER (PARTITION BY user_id RANGE INTERVAL '10' SECOND);
CREATE STREAM out_distinct WITH (connector = 'file', path = 'out_distinct', format = 'json') AS
SELECT STREAM DISTINCT FLOOR(clicks.ROWTIME TO MINUTE) AS m, page, country FROM clicks;
CREATE VIEW sorted AS SELECT STREAM event_time + status * INTERVAL '0.01' SECOND AS ROWTIME, page, bytes FROM clicks
ORDER BY event_time + status * INTERVAL '0.01' SECOND WITHIN INTERVAL '3' SECOND;
CREATE STREAM out_promoted WITH (connector = 'file', path = 'out_promoted', format = 'json') AS
SELECT STREAM ROWTIME AS t, page, COUNT(*) AS n, SUM(bytes) AS b FROM sorted GROUP BY FLOOR(sorted.ROWTIME TO SECOND), page;
