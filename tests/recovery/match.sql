-- Patterns: matches under way, WITHIN, PREV and aggregates in conditions, all rows, rows without a match, numbers of matches, the first row.
CREATE STREAM clicks (
  event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT,
  WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', late_output = 'late');
CREATE STREAM out_within WITH (connector = 'file', path = 'out_within', format = 'json') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY page ORDER BY event_time
  MEASURES A.event_time AS t, LAST(B.event_time) AS bt, COUNT(B.bytes) AS n, SUM(B.bytes) AS s, C.user_id AS u
  ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (A B* C) WITHIN INTERVAL '20' SECOND
  DEFINE A AS A.status = 500, B AS B.status = 404 OR B.latency_ms > LAST(B.latency_ms, 1), C AS C.latency_ms > 60 AND C.country = A.country);
CREATE STREAM out_long WITH (connector = 'file', path = 'out_long', format = 'json') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY country ORDER BY event_time
  MEASURES MATCH_NUMBER() AS k, A.user_id || ' long enough for a heap' AS u, COUNT(*) AS n, LAST(event_time) AS l, AVG(B.latency_ms) AS a
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+ C)
  DEFINE A AS A.status = 500, B AS B.status <> 500, C AS C.status = 500 AND SUM(B.bytes) > 100000);
CREATE STREAM out_rows WITH (connector = 'file', path = 'out_rows', format = 'csv') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY event_time
  MEASURES MATCH_NUMBER() AS k, CLASSIFIER() AS c, RUNNING SUM(UP.latency_ms) AS s
  ALL ROWS PER MATCH WITH UNMATCHED ROWS AFTER MATCH SKIP PAST LAST ROW PATTERN (A UP{2,})
  DEFINE UP AS UP.latency_ms > PREV(UP.latency_ms), A AS A.bytes > 20000);
CREATE STREAM out_first WITH (connector = 'file', path = 'out_first', format = 'json') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY event_time
  MEASURES A.event_time AS t, B.event_time AS b, A.page AS p
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (^ A X*? B)
  DEFINE A AS A.status = 200, B AS B.status = 500);
CREATE STREAM out_next WITH (connector = 'file', path = 'out_next', format = 'json') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY event_time
  MEASURES A.event_time AS t, LAST(B.page) AS p
  ONE ROW PER MATCH AFTER MATCH SKIP TO LAST B PATTERN (A B+)
  DEFINE A AS A.status = 404, B AS NEXT(B.bytes) > B.bytes);
CREATE STREAM out_all WITH (connector = 'file', path = 'out_all', format = 'json') AS
SELECT * FROM (SELECT * FROM clicks WHERE latency_ms > 100) MATCH_RECOGNIZE (ORDER BY event_time
  MEASURES A.user_id AS a, LAST(B.user_id) AS b, COUNT(*) AS n
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B*)
  DEFINE B AS B.latency_ms > PREV(B.latency_ms));
CREATE STREAM out_windows WITH (connector = 'file', path = 'out_windows', format = 'json') AS
SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE (SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY page ORDER BY event_time
  MEASURES MATCH_ROWTIME() AS t, COUNT(*) AS k ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B*? C) WITHIN INTERVAL '30' SECOND
  DEFINE A AS A.status = 500, C AS C.status = 404)), DESCRIPTOR(t), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
CREATE STREAM out_covered WITH (connector = 'file', path = 'out_covered', format = 'csv') AS
SELECT event_time, page, user_id, k FROM clicks MATCH_RECOGNIZE (PARTITION BY page ORDER BY event_time MEASURES FINAL COUNT(*) AS k
  ALL ROWS PER MATCH WITH UNMATCHED ROWS AFTER MATCH SKIP TO NEXT ROW PATTERN (A B*? C) WITHIN INTERVAL '40' SECOND
  DEFINE A AS A.status = 500 OR A.status = 404, C AS C.latency_ms > 2 * A.latency_ms);
CREATE STREAM out_divided WITH (connector = 'file', path = 'out_divided', format = 'json') AS
SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY country ORDER BY event_time MEASURES A.event_time AS t, COUNT(*) AS n
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A (B | X)*? C) WITHIN INTERVAL '5' SECOND
  DEFINE A AS A.latency_ms > 150, B AS B.bytes / (B.status - A.status) < 1000000, C AS C.bytes / (C.status - 404) > 350);
CREATE STREAM out_bad WITH (connector = 'file', path = 'out_bad', format = 'json') AS SELECT message, data_row FROM error_stream;
CREATE STREAM out_late WITH (connector = 'file', path = 'out_late', format = 'json') AS SELECT event_time, user_id FROM late;
