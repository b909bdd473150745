/* tests/unit/planner/test_plan_errors2.c -- messages of what is not there yet, of statements and options. */
#include <criterion/criterion.h>

#include "plan_fake.h"

/* The texts stay as EXPLAIN and diagnostics write them, one line each. */
/* clang-format off */

Test(plan_errors2, not_supported_yet) {
    DIAGS(CLICKS
         "SELECT a.page FROM clicks a JOIN clicks b ON a.page = b.page;",
         "2:34 error: this join of unbounded streams would keep all rows for ever: nothing bounds it | bound their times, as in a.event_time BETWEEN b.event_time - INTERVAL '1' HOUR AND b.event_time + INTERVAL '1' HOUR, join windows, or SET state_ttl = '1 h'\n");
    DIAGS(CLICKS
         "SELECT a.page FROM clicks a LEFT JOIN clicks b ON a.page = b.page;",
         "2:39 error: this join of unbounded streams would keep all rows for ever: nothing bounds it | bound their times, as in a.event_time BETWEEN b.event_time - INTERVAL '1' HOUR AND b.event_time + INTERVAL '1' HOUR, join windows, or SET state_ttl = '1 h'\n");
    DIAGS(CLICKS
         "SELECT a.page FROM clicks a, clicks b;",
         "2:30 error: this join of unbounded streams would keep all rows for ever: nothing bounds it | bound their times, as in a.event_time BETWEEN b.event_time - INTERVAL '1' HOUR AND b.event_time + INTERVAL '1' HOUR, join windows, or SET state_ttl = '1 h'\n");
    DIAGS(CLICKS
         "SELECT page, ROW_NUMBER() OVER (PARTITION BY page ORDER BY event_time DESC) FROM clicks;",
         "2:60 error: ROW_NUMBER by another order than that of time on unbounded input never completes: add EMIT "
         "CHANGES or a window | write EMIT CHANGES behind the query for updating results, or add window_start, "
         "window_end of a window table function to PARTITION BY\n");
    DIAGS(CLICKS
         "SELECT SUM(status) OVER w FROM clicks WINDOW w AS (PARTITION BY page);",
         "2:8 error: OVER without ORDER BY on unbounded input never completes | add ORDER BY event_time\n");
    DIAGS(CLICKS
         "SELECT MOD(status, 2), COUNT(*) FROM TABLE(SESSION(TABLE clicks PARTITION BY status, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, MOD(status, 2) EMIT CHANGES;",
         "2:141 later: EMIT CHANGES with sessions whose rows are grouped otherwise is not supported: they are known when a session closes | group by window_start, window_end and what the sessions are partitioned by, and filter rows before SESSION\n");
    DIAGS(CLICKS
         "SELECT STREAM COUNT(*) FROM clicks WINDOWED BY STAGGER (PARTITION BY page RANGE INTERVAL '1' MINUTE) EMIT EARLY EVERY INTERVAL '1' SECOND;",
         "2:102 later: EMIT EARLY with WINDOWED BY STAGGER is not supported: its results come when a window ends | leave it out, or use a window of GROUP BY\n");
    DIAGS(CLICKS
         "SELECT * FROM clicks FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP;",
         "2:44 later: FOR SYSTEM_TIME AS OF is not supported yet\n");
    DIAGS(CLICKS
         "SELECT page FROM clicks INTERSECT ALL SELECT country FROM clicks;",
         "2:1 error: INTERSECT ALL on unbounded input needs a window: how often a row is there is never known else | select window_start and window_end on both sides, or read bounded input\n");
    DIAGS(CLICKS
         "SELECT page FROM clicks EXCEPT SELECT country FROM clicks;",
         "2:1 error: EXCEPT without a window on unbounded input never completes: add a window or EMIT CHANGES | select window_start and window_end of a window table function on both sides\n");
    DIAGS(CLICKS
         "SELECT * FROM clicks WHERE status IN (SELECT status FROM clicks);",
         "2:28 error: this join of unbounded streams would keep all rows for ever: nothing bounds it | bound their times, as in l.event_time BETWEEN r.event_time - INTERVAL '1' HOUR AND r.event_time + INTERVAL '1' HOUR, join windows, or SET state_ttl = '1 h'\n");
    DIAGS(CLICKS
         "SELECT * FROM clicks WHERE EXISTS (SELECT status FROM clicks);",
         "2:28 error: this join of unbounded streams would keep all rows for ever: nothing bounds it | bound their times, as in l.event_time BETWEEN r.event_time - INTERVAL '1' HOUR AND r.event_time + INTERVAL '1' HOUR, join windows, or SET state_ttl = '1 h'\n");
    DIAGS(CLICKS
         "SELECT (SELECT MAX(status) FROM clicks EMIT CHANGES) FROM clicks;",
         "2:8 later: a subquery as a value over unbounded input is not supported yet: it would have to be read to its end first | read a bounded table there, or join the two streams\n");
    DIAGS(CLICKS
         "SELECT * FROM UNNEST(ARRAY[1, 2]);",
         "2:15 later: UNNEST is not supported yet\n");
    DIAGS(CLICKS
         "SELECT STREAM page FROM clicks ORDER BY page;",
         "2:41 error: ORDER BY of SELECT STREAM needs a first key that rises with ROWTIME, which tells when its rows are complete: none of them changes with ROWTIME | begin with FLOOR(\"clicks\".ROWTIME TO MINUTE) or STEP(\"clicks\".ROWTIME BY INTERVAL '10' SECOND)\n");
    DIAGS(CLICKS
         "SELECT page FROM clicks ORDER BY event_time WITHIN INTERVAL '1' MINUTE;",
         "2:52 error: ORDER BY … WITHIN needs the time that it sorts by to be selected AS ROWTIME | write SELECT STREAM event_time AS ROWTIME, … ORDER BY event_time WITHIN …\n");
    DIAGS("CREATE FUNCTION uuid() RETURNS VARCHAR EXTENSION './uuid.so';",
         "1:1 later: CREATE FUNCTION … EXTENSION is not supported yet | write the function as RETURN expression\n");
    DIAGS(CLICKS
         "EXPLAIN ANALYZE SELECT page FROM clicks;",
         "2:1 later: EXPLAIN ANALYZE is not supported yet | write EXPLAIN without ANALYZE\n");
    DIAGS(CLICKS
         "CREATE STREAM mid (ts TIMESTAMP(3), WATERMARK FOR ts AS ts);\n"
         "INSERT INTO mid SELECT event_time + INTERVAL '1' HOUR FROM clicks;\n"
         "SELECT * FROM mid;",
         "2:51 later: a new event time for 'mid', which is fed in the script, is not supported yet | insert the event time of the source into 'ts'\n");
}

Test(plan_errors2, order_and_limit) {
    DIAGS(CLICKS
         "SELECT page FROM clicks ORDER BY page;",
         "2:34 error: ORDER BY on unbounded input must begin with the event time, rising | begin with event_time; for the first rows so far add LIMIT n and EMIT CHANGES\n");
    DIAGS(LOG
         "SELECT page FROM log ORDER BY 2;",
         "2:31 error: ORDER BY 2: there is no such column in SELECT | write a number from 1 to 1\n");
    DIAGS(LOG
         "SELECT DISTINCT page FROM log ORDER BY n;",
         "2:40 error: ORDER BY of SELECT DISTINCT must name a column of SELECT | add it to SELECT\n");
    DIAGS(LOG
         "SELECT page FROM log LIMIT -1;",
         "2:28 error: LIMIT cannot be negative | give zero or more rows\n");
    DIAGS(LOG
         "SELECT page FROM log OFFSET n;",
         "2:29 error: column 'n' does not exist; no columns can be used here\n");
    DIAGS(LOG
         "SELECT page FROM log UNION ALL SELECT page FROM log ORDER BY n;",
         "2:62 error: column 'n' does not exist; there are: page\n");
}

Test(plan_errors2, unions_and_values) {
    DIAGS(CLICKS
         "SELECT page FROM clicks UNION ALL SELECT page, status FROM clicks;",
         "2:35 error: this side of UNION ALL has 2 columns, the first has 1 | give both sides the same columns\n");
    DIAGS(CLICKS
         "SELECT status FROM clicks UNION ALL SELECT page FROM clicks;",
         "2:37 error: column 1 of UNION ALL ('status') is VARCHAR here, but INTEGER above | write a CAST\n");
    DIAGS("SELECT * FROM (VALUES (1, 2), (3));",
         "1:31 error: this row of VALUES has 1 value, the first has 2 | give 2 values, as in the first row\n");
    DIAGS("SELECT * FROM (VALUES (1), (DATE '2020-01-01'));",
         "1:29 error: this value's type does not go with the rows above it | write a CAST\n");
    DIAGS(CLICKS
         "SELECT * FROM clicks WHERE page;",
         "2:28 error: expected a condition, which is BOOLEAN, found VARCHAR | write CAST(page AS BOOLEAN)\n");
}

Test(plan_errors2, inserts) {
    DIAGS(CLICKS
         "INSERT INTO clicks SELECT * FROM clicks;",
         "2:13 error: 'clicks' cannot be written: connector 'feed' only reads | insert into a stream that can be written\n");
    DIAGS("INSERT INTO error_stream VALUES (1);",
         "1:13 error: error_stream can only be read | insert into a stream of your own\n");
    DIAGS(CLICKS
         "CREATE VIEW v AS SELECT page FROM clicks; INSERT INTO v SELECT page FROM clicks;",
         "2:55 error: 'v' is a view and cannot be inserted into | insert into a stream\n");
    DIAGS(CLICKS
         "CREATE STREAM o (a INTEGER, b VARCHAR) WITH (connector = 'blackhole');\n"
         "INSERT INTO o SELECT page, status FROM clicks;",
         "3:22 error: column 'a' of 'o' is INTEGER, but gets VARCHAR | write CAST(… AS INTEGER)\n"
         "3:28 error: column 'b' of 'o' is VARCHAR, but gets INTEGER | write CAST(… AS VARCHAR)\n");
    DIAGS(CLICKS
         "CREATE STREAM o (a INTEGER, b VARCHAR) WITH (connector = 'blackhole');\n"
         "INSERT INTO o SELECT page FROM clicks;",
         "3:15 error: stream 'o' has 2 columns, but the query has 1 | the columns are a, b; those that are not named are NULL: INSERT INTO o (a)\n");
    DIAGS(CLICKS
         "CREATE STREAM o (aa INTEGER, bb VARCHAR, cc AS aa + 1) WITH (connector = 'blackhole');\n"
         "INSERT INTO o (aa, bc) SELECT status, page FROM clicks;\n"
         "INSERT INTO o (aa, aa) SELECT status, page FROM clicks;\n"
         "INSERT INTO o (aa, cc) SELECT status, page FROM clicks;\n"
         "INSERT INTO o (aa, bb) SELECT status FROM clicks;",
         "3:20 error: stream 'o' has no column 'bc' | did you mean 'bb'?\n"
         "4:20 error: column 'aa' is named twice | name each column once\n"
         "5:20 error: column 'cc' is computed and cannot be inserted | leave it out\n"
         "6:24 error: INSERT names 2 columns, but the query has 1 | give one value for each column named\n");
    DIAGS(CLICKS
         "CREATE STREAM o (a INTEGER, b VARCHAR NOT NULL) WITH (connector = 'blackhole');\n"
         "INSERT INTO o (a) SELECT status FROM clicks;",
         "3:13 error: column 'b' is NOT NULL and gets no value | name it and give it a value\n");
    DIAGS("CREATE STREAM m (a INTEGER); SELECT * FROM m;",
         "1:44 error: nothing feeds 'm' | INSERT INTO m, or give it WITH (connector = …)\n");
    DIAGS(CLICKS
         "CREATE STREAM m (p VARCHAR); CREATE PUMP x STOPPED AS INSERT INTO m SELECT page FROM clicks; SELECT * FROM m;",
         "2:108 error: nothing feeds 'm': its pump is stopped | INSERT INTO m, or give it WITH (connector = …)\n");
    DIAGS(CLICKS
         "CREATE STREAM m (a INTEGER);\n"
         "INSERT INTO m SELECT status FROM clicks;",
         "3:1 error: nothing to run: 'm' is fed, but nothing reads it and it has no connector | add SELECT * FROM m, or CREATE STREAM m … WITH (connector = …)\n");
    DIAGS(CLICKS
         "CREATE STREAM m (a INTEGER);\n"
         "INSERT INTO m SELECT status FROM clicks;\n"
         "SELECT page FROM clicks;",
         "3:1 warning: 'm' is fed, but nothing reads it | read 'm', or give it WITH (connector = …)\n");
    DIAGS("CREATE STREAM a (x INTEGER); INSERT INTO a SELECT x FROM a; SELECT * FROM a;",
         "1:58 error: 'a' reads itself | feed it from another stream\n");
    DIAGS("CREATE STREAM a (x INTEGER); CREATE STREAM b (x INTEGER);\n"
         "INSERT INTO a SELECT x FROM b; INSERT INTO b SELECT x FROM a; SELECT * FROM a;",
         "2:60 error: 'a' reads itself | feed it from another stream\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'blackhole'); SELECT * FROM o;",
         "1:75 error: 'o' cannot be read: connector 'blackhole' only writes | INSERT INTO it, or read another stream\n");
}

Test(plan_errors2, nothing_to_run) {
    DIAGS("CREATE STREAM a (x INTEGER);",
         "1:1 error: nothing to run: the script has no SELECT, INSERT or pump | add a SELECT, or an INSERT INTO a stream with a connector\n");
    DIAGS("SET workers = 2;",
         "1:1 error: nothing to run: the script has no SELECT, INSERT or pump | add a SELECT, or an INSERT INTO a stream with a connector\n");
    DIAGS(CLICKS
         "CREATE STREAM a (x INTEGER); CREATE PUMP p STOPPED AS INSERT INTO a SELECT status FROM clicks;",
         "2:30 error: nothing to run: the pump into 'a' is stopped | add SELECT * FROM a, or CREATE STREAM a … WITH (connector = …)\n");
}

Test(plan_errors2, declarations) {
    DIAGS(CLICKS
         "CREATE STREAM clicks (a INTEGER);",
         "2:15 error: there is a stream 'clicks' already | it was created at line 1; use CREATE OR REPLACE STREAM, or another name\n");
    DIAGS(CLICKS
         "CREATE VIEW clicks AS SELECT 1;",
         "2:13 error: there is a stream 'clicks' already | it was created at line 1; choose another name\n");
    DIAGS("CREATE STREAM error_stream (a INTEGER);",
         "1:15 error: error_stream is predefined | choose another name\n");
    DIAGS("CREATE STREAM o (a INTEGER, A VARCHAR) WITH (connector = 'blackhole');",
         "1:29 error: column 'A' is declared twice | give it another name\n");
    DIAGS("CREATE STREAM o WITH (connector = 'blackhole');",
         "1:15 error: stream 'o' has no columns | write CREATE STREAM o (name type, …)\n");
    DIAGS("CREATE STREAM o (a) WITH (connector = 'blackhole');",
         "1:18 error: column 'a' has no type | write its type, e.g. VARCHAR, behind the name\n");
    DIAGS("CREATE STREAM o (aa VARCHAR, WATERMARK FOR aa AS aa) WITH (connector = 'feed', topic = 'x', format = 'json');",
         "1:44 error: WATERMARK FOR: column 'aa' is VARCHAR, not TIMESTAMP | event time is a TIMESTAMP(3); convert text by TO_TIMESTAMP in a computed column\n");
    DIAGS("CREATE STREAM o (abc TIMESTAMP(3), WATERMARK FOR abd AS abd) WITH (connector = 'feed', topic = 'x', format = 'json');",
         "1:50 error: WATERMARK FOR: stream 'o' has no column 'abd' | did you mean 'abc'?\n");
    DIAGS("CREATE STREAM o (a TIMESTAMP(3), WATERMARK FOR a AS 1) WITH (connector = 'feed', topic = 'x', format = 'json');",
         "1:53 error: the watermark of 'o' must be a TIMESTAMP, it is INTEGER | write a - INTERVAL '5' SECOND, for example\n");
    DIAGS("CREATE STREAM o (a TIMESTAMP(3), WATERMARK FOR a AS a) WITH (connector = 'feed', topic = 'x', format = 'json') ROWTIME FROM a;",
         "1:125 error: stream 'o' has both WATERMARK FOR and ROWTIME FROM | keep one of them\n");
    DIAGS("CREATE STREAM o (a INTEGER, b AS c + 1, c AS a + 1) WITH (connector = 'feed', topic = 'x', format = 'json');",
         "1:34 error: column 'c' does not exist; there are: a\n");
    DIAGS("CREATE STREAM g (pge VARCHAR, id VARCHAR) WITH (connector = 'datagen');",
         "1:18 error: connector 'datagen' has no column 'pge' | did you mean 'page'?\n"
         "1:31 error: column 'id' of connector 'datagen' is BIGINT | leave the type out, or CAST where you read it\n");
    DIAGS(CLICKS
         "CREATE STREAM s WITH (connector = 'blackhole') AS SELECT page, page FROM clicks;",
         "2:64 error: stream 's' would have two columns 'page' | give one of them another name with AS\n");
    DIAGS(CLICKS
         "CREATE STREAM s (a, b) WITH (connector = 'blackhole') AS SELECT page FROM clicks;",
         "2:18 error: stream 's' has 2 columns, but the query has 1 | name each column of the query\n");
    DIAGS(CLICKS
         "CREATE VIEW v (a, b) AS SELECT page FROM clicks;",
         "2:16 error: v names 2 columns, but its query has 1 | give as many names as there are columns\n");
    DIAGS("CREATE FUNCTION f (a INTEGER) RETURNS INTEGER RETURN a + b; SELECT f(1);",
         "1:58 error: column 'b' does not exist; there are: a\n");
    DIAGS("CREATE FUNCTION f (a INTEGER) RETURNS INTEGER RETURN a; CREATE FUNCTION f (b INTEGER) RETURNS INTEGER RETURN b; SELECT f(1);",
         "1:73 error: there is a function 'f' already | it was created at line 1; use CREATE OR REPLACE FUNCTION, or another name\n");
    DIAGS(CLICKS
         "CREATE STREAM a (x VARCHAR); CREATE PUMP p AS INSERT INTO a SELECT page FROM clicks; CREATE PUMP p AS INSERT INTO a SELECT page FROM clicks; SELECT * FROM a;",
         "2:98 error: there is a pump 'p' already | it was created at line 2; use CREATE OR REPLACE PUMP, or another name\n");
    DIAGS("DROP STREAM nope; DROP VIEW nope; DROP FUNCTION nope; DROP PUMP nope; ALTER PUMP nope STOP; ALTER STREAM nope RESET; DROP STREAM error_stream; DROP VIEW IF EXISTS nope;",
         "1:13 error: there is no stream 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:29 error: there is no view 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:49 error: there is no function 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:65 error: there is no pump 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:82 error: there is no pump 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:106 error: there is no stream 'nope' | see the CREATE statements above, or write IF EXISTS\n"
         "1:130 error: error_stream is predefined and cannot be dropped\n");
    DIAGS(CLICKS
         "DROP STREAM clicks; SELECT * FROM clicks;",
         "2:35 error: there is no stream, view or WITH query 'clicks' | create it first: CREATE STREAM clicks (…)\n");
}

Test(plan_errors2, options) {
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'filesystem', path = 'x', format = 'json');",
         "1:35 error: there is no connector 'filesystem' | did you mean 'file'?\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'pulsar');",
         "1:35 error: there is no connector 'pulsar' | there are file, feed, datagen, blackhole, print\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', pth = 'x', format = 'json');",
         "1:55 error: unknown option 'pth' of connector 'file' with format 'json' | did you mean 'path'?\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', format = 'json');",
         "1:15 error: stream 'o': option 'path' is missing: The file.\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', path = 'x', format = 'jsn');",
         "1:67 error: there is no format 'jsn' | did you mean 'json'?\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', path = 'x');",
         "1:15 error: stream 'o': connector 'file' needs a format | add format = …: json, csv\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', path = 'x', format = 'json', pat = 'y', late_ouput = 'x', header = 'true', zzz = '1');",
         "1:84 error: unknown option 'pat' of connector 'file' with format 'json' | did you mean 'path'?\n"
         "1:95 error: unknown option 'late_ouput' of connector 'file' with format 'json' | did you mean 'late_output'?\n"
         "1:113 error: unknown option 'header' of connector 'file' with format 'json'\n"
         "1:130 error: unknown option 'zzz' of connector 'file' with format 'json'\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'file', path = 'x', format = 'csv', header = 'maybe');",
         "1:83 error: stream 'o': option 'header': found 'maybe', expected true or false\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'datagen', rows = '0');",
         "1:58 error: stream 'o': option 'rows': found '0', expected 1 to 1000\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (path = 'x');",
         "1:35 error: stream 'o': option 'connector' is missing | add connector = …: file, feed, datagen, blackhole, print\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'feed', topic = 'x', format = 'json', idle_timeout = 'soon');",
         "1:85 error: stream 'o': option 'idle_timeout': found 'soon', expected a duration like 50ms, 2 seconds, 1m or 1h\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'feed', topic = 'x', format = 'json', 'scan.watermark.idle-timeout' = '5');",
         "1:85 error: stream 'o': option 'idle_timeout': found '5', expected a duration like 50ms, 2 seconds, 1m or 1h\n");
    DIAGS("CREATE STREAM o (a INTEGER) WITH (connector = 'feed', topic = 'x', topic = 'y', format = 'json', on_error = 'explode');",
         "1:98 error: stream 'o': option 'on_error': found 'explode', expected log or fail\n");
    DIAGS(CLICKS
         "CREATE STREAM s (a INTEGER) WITH (connector='feed', topic='t', format='json', late_output='clicks');",
         "2:79 error: late_output = 'clicks': connector 'feed' cannot be written | name a stream without connector, or one that can be written\n");
    DIAGS("CREATE STREAM s (a INTEGER) WITH (connector='feed', topic='t', format='json', late_output='s');",
         "1:79 error: late_output = 's': a stream cannot take its own late rows | name a stream of its own for late rows\n");
    DIAGS("CREATE STREAM s (a INTEGER) WITH (connector='feed', topic='t', format='json', late_output='error_stream');",
         "1:79 error: late_output = 'error_stream': error_stream can only be read | name a stream of its own for late rows\n");
}

Test(plan_errors2, settings_and_notes) {
    DIAGS("SET worker = 3; SELECT 1;",
         "1:5 error: there is no setting 'worker' | did you mean 'workers'?\n");
    DIAGS("SET workers = 'abc'; SELECT 1;",
         "1:1 error: SET: option 'workers': found 'abc', expected a whole number\n");
    DIAGS("SET 'table.exec.x' = 3; SELECT 1;",
         "1:5 error: there is no setting 'table.exec.x'\n");
    DIAGS("SHOW STREAMZ;",
         "1:6 error: SHOW does not know 'STREAMZ' | did you mean 'STREAMS'?\n");
    DIAGS("DESCRIBE nope;",
         "1:10 error: there is no stream or view 'nope' | create it first: CREATE STREAM nope (…)\n");
    DIAGS(CLICKS
         "EXPLAIN SELECT nope FROM clicks;",
         "2:16 error: column 'nope' does not exist; there are: event_time, user_id, page, country, status, latency_ms, bytes\n");
    DIAGS(CLICKS
         "EXPLAIN DROP STREAM clicks;",
         "2:1 error: EXPLAIN needs a query | explain a SELECT, an INSERT or a pump\n");
    DIAGS(CLICKS
         "EXPLAIN (FORMAT xml) SELECT page FROM clicks;",
         "2:17 error: found FORMAT xml, expected TEXT, JSON or DOT\n");
}

Test(plan_errors2, limits) {
    DIAGS("CREATE STREAM s (a INTEGER, b0 AS a + a, b1 AS b0 + b0, b2 AS b1 + b1, b3 AS b2 + b2, b4 AS b3 + b3, b5 AS b4 + b4, b6 AS b5 + b5, b7 AS b6 + b6, b8 AS b7 + b7, b9 AS b8 + b8, c0 AS b9 + b9, c1 AS c0 + c0, c2 AS c1 + c1, c3 AS c2 + c2, c4 AS c3 + c3) WITH (connector = 'feed', topic = 'x', format = 'json');",
         "1:228 error: computed column 'c3' uses others so often that it has over 20000 operations | compute it in a view\n");
}
