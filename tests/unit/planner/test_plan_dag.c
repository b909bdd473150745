/* tests/unit/planner/test_plan_dag.c -- sharing, pruning, push-down, streams inside the script. */
#include <criterion/criterion.h>

#include "plan_fake.h"

/* The texts stay as EXPLAIN and diagnostics write them, one line each. */
/* clang-format off */

Test(plan_dag, one_source_for_all_readers) {
    TREE(CLICKS
         "SELECT page FROM clicks;\n"
         "SELECT status FROM clicks WHERE bytes > 3;\n"
         "SELECT country FROM clicks;",
         "7 nodes, 1 stage, 3 sinks\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 PROJECT page  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, country VARCHAR, status INTEGER, bytes BIGINT  [stage 0, unbounded]\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 FILTER bytes > 3 [kernel] keeps status  [stage 0, unbounded]\n"
         "    #0 SOURCE (above)\n"
         "#6 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #5 PROJECT country  [stage 0, unbounded]\n"
         "    #0 SOURCE (above)\n");
}

Test(plan_dag, view_used_twice_is_planned_once) {
    TREE(CLICKS
         "CREATE VIEW v (a, b) AS SELECT page, status + 1 FROM clicks;\n"
         "SELECT a FROM v WHERE b > 3;\n"
         "SELECT b FROM v WHERE a = 'x';",
         "6 nodes, 1 stage, 2 sinks\n"
         "#3 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #2 FILTER b > 3 [kernel] keeps a  [stage 0, unbounded]\n"
         "    #1 PROJECT a = page, b = status + 1 [kernel]  [stage 0, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n"
         "#5 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #4 FILTER a = 'x' [kernel] keeps b  [stage 0, unbounded]\n"
         "    #1 PROJECT (above)\n");
}

Test(plan_dag, cte_used_twice_shares_the_filter_below_both_aggregates) {
    TREE(CLICKS
         "WITH w AS (SELECT window_start ws, window_end we, page, status FROM " TUMBLE1 " WHERE status > 200)\n"
         "SELECT ws, page, COUNT(*) FROM w GROUP BY ws, we, page UNION ALL SELECT ws, 'all', COUNT(*) FROM w GROUP BY ws, we;",
         "12 nodes, 2 stages, 1 sink\n"
         "#11 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #10 UNION of 2  [stage 1, unbounded]\n"
         "    #5 PROJECT ws = window_start, page, EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "      #4 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "        #3 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "          #2 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "            #1 FILTER status > 200 [kernel] keeps event_time, page  [stage 0, unbounded, time event_time]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, status INTEGER; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "    #9 PROJECT ws = window_start, page = 'all', EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "      #8 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "        #7 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "          #6 AGG_LOCAL tumble(event_time, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "            #1 FILTER (above)\n");
}

Test(plan_dag, unused_things_cost_nothing) {
    TREE(CLICKS
         LOG
         "CREATE VIEW unused AS SELECT page FROM clicks;\n"
         "CREATE STREAM mid (p VARCHAR);\n"
         "WITH w AS (SELECT UPPER(page) u FROM clicks) SELECT n FROM log;",
         "2 nodes, 1 stage, 1 sink\n"
         "#1 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes n INTEGER  [stage 0, bounded]\n");
}

Test(plan_dag, filter_below_project_window_and_union) {
    TREE(CLICKS
         "SELECT p, window_start FROM (SELECT page AS p, window_start, status s FROM " TUMBLE1 " UNION ALL SELECT country, window_end, bytes FROM " TUMBLE1 ") WHERE s > 1;",
         "9 nodes, 1 stage, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #7 UNION of 2  [stage 0, unbounded]\n"
         "    #3 PROJECT p = page, window_start  [stage 0, unbounded]\n"
         "      #2 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "        #1 FILTER status > 1 [kernel] keeps event_time, page  [stage 0, unbounded, time event_time]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, country VARCHAR, status INTEGER, bytes BIGINT; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "    #6 PROJECT p = country, window_start = window_end  [stage 0, unbounded]\n"
         "      #5 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "        #4 FILTER bytes > 1 [kernel] keeps event_time, country  [stage 0, unbounded, time event_time]\n"
         "          #0 SOURCE (above)\n");
}

Test(plan_dag, filter_stays_above_a_shared_project) {
    TREE(CLICKS
         "WITH w AS (SELECT page p, status s FROM clicks)\n"
         "SELECT p FROM w WHERE s > 1 UNION ALL SELECT p FROM w;",
         "5 nodes, 1 stage, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 UNION of 2  [stage 0, unbounded]\n"
         "    #1 FILTER status > 1 [kernel] keeps p = page  [stage 0, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n"
         "    #2 PROJECT p = page  [stage 0, unbounded]\n"
         "      #0 SOURCE (above)\n");
}

Test(plan_dag, only_safe_conjuncts_pass_a_computed_column) {
    TREE(CLICKS
         "SELECT page FROM (SELECT page, status, bytes / 2 AS h FROM clicks) WHERE h > 1 AND page <> 'x' AND 10 / status > 1;",
         "5 nodes, 1 stage, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 FILTER h > 1 AND 10 / status > 1 [kernel] keeps page  [stage 0, unbounded]\n"
         "    #2 PROJECT page, status, h = bytes / 2 [kernel]  [stage 0, unbounded]\n"
         "      #1 FILTER page <> 'x' [kernel]  [stage 0, unbounded]\n"
         "        #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER, bytes BIGINT  [stage 0, unbounded]\n");
}

Test(plan_dag, filters_that_may_fail_are_not_joined) {
    TREE(CLICKS
         "SELECT page FROM (SELECT page, status FROM clicks WHERE status <> 0) WHERE 10 / status > 1;",
         "4 nodes, 1 stage, 1 sink\n"
         "#3 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #2 FILTER 10 / status > 1 [kernel] keeps page  [stage 0, unbounded]\n"
         "    #1 FILTER status <> 0 [kernel]  [stage 0, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_dag, filters_that_cannot_fail_are_joined) {
    TREE(CLICKS
         "SELECT page FROM (SELECT page, status FROM clicks WHERE status <> 0) WHERE status < 10 OR page IS NULL;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 FILTER status <> 0 AND (status < 10 OR page IS NULL) [kernel] keeps page  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_dag, expensive_expression_is_not_doubled) {
    TREE(CLICKS
         "SELECT u, u || u AS uu FROM (SELECT UPPER(page) u FROM clicks);",
         "4 nodes, 1 stage, 1 sink\n"
         "#3 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #2 PROJECT u, uu = u || u [kernel]  [stage 0, unbounded]\n"
         "    #1 PROJECT u = UPPER(page) [sqlite]  [stage 0, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR (dictionary)  [stage 0, unbounded]\n");
}

Test(plan_dag, projects_are_merged) {
    TREE(CLICKS
         "SELECT b + 1 AS c FROM (SELECT a * 2 AS b FROM (SELECT status AS a, page FROM clicks));",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 PROJECT c = status * 2 + 1 [kernel]  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_dag, computed_columns) {
    TREE("CREATE STREAM raw (t VARCHAR, v INTEGER, ts AS CAST(t AS TIMESTAMP(3)), w AS v * 2, w2 AS w + 1, u AS UPPER(t), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH (connector = 'file', path = 'x', format = 'json');\n"
         "SELECT w2 FROM raw;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #1 PROJECT w2  [stage 0, bounded]\n"
         "    #0 SOURCE raw (connector = 'file', path = 'x', format = 'json') decodes v INTEGER; computes w2 = v * 2 + 1 [kernel]  [stage 0, bounded]\n");
}

Test(plan_dag, computed_event_time) {
    TREE("CREATE STREAM raw (w AS v * 2, t VARCHAR, v INTEGER, ts AS CAST(t AS TIMESTAMP(3)), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH (connector = 'file', path = 'x', format = 'json');\n"
         "SELECT * FROM raw;\n"
         "SELECT window_start, SUM(w) FROM TABLE(TUMBLE(TABLE raw, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;",
         "8 nodes, 2 stages, 2 sinks\n"
         "#2 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #1 PROJECT w, t, v, ts  [stage 0, bounded]\n"
         "    #0 SOURCE raw (connector = 'file', path = 'x', format = 'json') decodes t VARCHAR, v INTEGER; computes w = v * 2 [kernel]; computes ts = CAST(t AS TIMESTAMP(3)) [kernel]; watermark ts - INTERVAL '1' SECOND  [stage 0, bounded, time ts]\n"
         "#7 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #6 PROJECT window_start, EXPR$1 = \"SUM(w)\"  [stage 1, bounded]\n"
         "    #5 AGG_GLOBAL tumble(size 1 min): SUM(w)  [stage 1, bounded, time window_time]\n"
         "      #4 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "        #3 AGG_LOCAL tumble(ts, size 1 min): SUM(w)  [stage 0, bounded]\n"
         "          #0 SOURCE (above)\n");
}

Test(plan_dag, watermark_from_a_column_of_its_own) {
    TREE("CREATE STREAM s (a TIMESTAMP(3), b TIMESTAMP(3), v INTEGER, WATERMARK FOR a AS b) WITH (connector = 'feed', topic = 'x', format = 'json');\n"
         "SELECT a, window_end FROM TUMBLE(TABLE s, DESCRIPTOR(a), INTERVAL '1' MINUTE);",
         "5 nodes, 1 stage, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 PROJECT a, window_end  [stage 0, unbounded]\n"
         "    #2 WINDOW tumble(a, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "      #1 PROJECT a  [stage 0, unbounded]\n"
         "        #0 SOURCE s (connector = 'feed', topic = 'x', format = 'json') decodes a TIMESTAMP(3), b TIMESTAMP(3); watermark b, idle after 1 min, then on with the wall clock; passes on a  [stage 0, unbounded, time a]\n");
}

Test(plan_dag, paths) {
    TREE("CREATE STREAM s (page VARCHAR FROM '$.request.page', n BIGINT FROM '$.n[0]') WITH (connector = 'file', path = 'x', format = 'json', on_error = 'fail');\n"
         "SELECT page FROM s;",
         "2 nodes, 1 stage, 1 sink\n"
         "#1 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #0 SOURCE s (connector = 'file', path = 'x', format = 'json', on_error = 'fail') decodes page VARCHAR FROM '$.request.page'; fails on a bad record  [stage 0, bounded]\n");
}

Test(plan_dag, inner_stream_of_two_inserts) {
    TREE(CLICKS
         "CREATE STREAM mid (ts TIMESTAMP(3), page VARCHAR, n INTEGER);\n"
         "INSERT INTO mid SELECT event_time, page, status FROM clicks WHERE status > 1;\n"
         "SELECT window_start, page, SUM(n) FROM TABLE(TUMBLE(TABLE mid, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, page;\n"
         "SELECT page FROM mid WHERE n = 2;\n"
         "INSERT INTO mid (page, ts) SELECT page, event_time FROM clicks;",
         "11 nodes, 2 stages, 2 sinks\n"
         "#8 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #7 PROJECT window_start, page, EXPR$2 = \"SUM(n)\"  [stage 1, unbounded]\n"
         "    #6 AGG_GLOBAL tumble(size 1 h) by page: SUM(n)  [stage 1, unbounded, time window_time]\n"
         "      #5 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #4 AGG_LOCAL tumble(ts, size 1 h) by page: SUM(n)  [stage 0, unbounded]\n"
         "          #3 UNION of 2  [stage 0, unbounded, time ts]\n"
         "            #1 FILTER status > 1 [kernel]  [stage 0, unbounded, time ts]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, status INTEGER; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "            #2 PROJECT ts = event_time, page, n = NULL  [stage 0, unbounded, time ts]\n"
         "              #0 SOURCE (above)\n"
         "#10 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #9 FILTER n = 2 [kernel] keeps page  [stage 0, unbounded]\n"
         "    #3 UNION (above)\n");
}

Test(plan_dag, inner_stream_with_computed_column_and_watermark) {
    TREE(CLICKS
         "CREATE STREAM mid (ts TIMESTAMP(3), n INTEGER, m AS n * 2, WATERMARK FOR ts AS ts);\n"
         "INSERT INTO mid SELECT event_time, bytes FROM clicks;\n"
         "SELECT m, window_end FROM TUMBLE(TABLE mid, DESCRIPTOR(ts), INTERVAL '1' HOUR);",
         "5 nodes, 1 stage, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 PROJECT m, window_end  [stage 0, unbounded]\n"
         "    #2 WINDOW tumble(ts, size 1 h)  [stage 0, unbounded, time window_time]\n"
         "      #1 PROJECT ts = event_time, m = CAST(bytes AS INTEGER) * 2 [kernel]  [stage 0, unbounded, time ts]\n"
         "        #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), bytes BIGINT; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_dag, sink_that_is_read_in_the_script) {
    TREE(CLICKS
         "CREATE STREAM out (page VARCHAR, n INTEGER) WITH (connector = 'file', path = 'o', format = 'csv', delimiter = ';');\n"
         "INSERT INTO out SELECT page, status FROM clicks;\n"
         "SELECT page FROM out WHERE n > 3;",
         "5 nodes, 1 stage, 2 sinks\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 FILTER status > 3 [kernel] keeps page  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n"
         "#4 SINK out (connector = 'file', path = 'o', format = 'csv', delimiter = ';'), of INSERT INTO out  [stage 0, unbounded]\n"
         "  #3 PROJECT page, n = status  [stage 0, unbounded]\n"
         "    #0 SOURCE (above)\n");
}

Test(plan_dag, two_inserts_one_sink) {
    TREE(CLICKS
         "CREATE STREAM out (page VARCHAR, n BIGINT) WITH (connector = 'blackhole');\n"
         "INSERT INTO out SELECT page, status FROM clicks;\n"
         "INSERT INTO out (n, page) SELECT bytes, country FROM clicks;",
         "5 nodes, 1 stage, 1 sink\n"
         "#4 SINK out (connector = 'blackhole'), of INSERT INTO out  [stage 0, unbounded]\n"
         "  #3 UNION of 2  [stage 0, unbounded]\n"
         "    #1 PROJECT page, n = status  [stage 0, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, country VARCHAR, status INTEGER, bytes BIGINT  [stage 0, unbounded]\n"
         "    #2 PROJECT page = country, n = bytes  [stage 0, unbounded]\n"
         "      #0 SOURCE (above)\n");
}

Test(plan_dag, late_output_made) {
    TREE("CREATE STREAM s (ts TIMESTAMP(3), v INTEGER, p VARCHAR, WATERMARK FOR ts AS ts) WITH (connector = 'feed', topic = 'x', format = 'json', late_output = 'late');\n"
         "SELECT window_start, SUM(v) FROM (SELECT v * 2 AS v, ts, window_start, window_end FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE))) GROUP BY window_start, window_end;\n"
         "SELECT * FROM late;",
         "9 nodes, 2 stages, 2 sinks\n"
         "#6 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #5 PROJECT window_start, EXPR$1 = \"SUM(v)\"  [stage 1, unbounded]\n"
         "    #4 AGG_GLOBAL tumble(size 1 min): SUM(v)  [stage 1, unbounded, time window_time]\n"
         "      #3 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #2 AGG_LOCAL tumble(ts, size 1 min): SUM(v); late rows to #7  [stage 0, unbounded]\n"
         "          #1 PROJECT v = v * 2 [kernel], ts, v, p  [stage 0, unbounded, time ts]\n"
         "            #0 SOURCE s (connector = 'feed', topic = 'x', format = 'json', late_output = 'late') decodes ts TIMESTAMP(3), v INTEGER, p VARCHAR; watermark ts, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time ts]\n"
         "#8 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #7 LATE late rows of s  [stage 0, unbounded, time ts]\n");
}

Test(plan_dag, late_output_declared_into_a_sink) {
    TREE("CREATE STREAM s (ts TIMESTAMP(3), v INTEGER, p VARCHAR, WATERMARK FOR ts AS ts) WITH (connector = 'feed', topic = 'x', format = 'json', late_output = 'late');\n"
         "CREATE STREAM late (v BIGINT, extra VARCHAR, ts TIMESTAMP(3)) WITH (connector = 'file', path = 'late', format = 'json');\n"
         "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;",
         "9 nodes, 2 stages, 2 sinks\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT window_start, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(ts, size 1 min): COUNT(*); late rows to #6  [stage 0, unbounded]\n"
         "          #0 SOURCE s (connector = 'feed', topic = 'x', format = 'json', late_output = 'late') decodes ts TIMESTAMP(3), v INTEGER; watermark ts, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time ts]\n"
         "#8 SINK late (connector = 'file', path = 'late', format = 'json'), of late rows of s  [stage 0, unbounded]\n"
         "  #7 PROJECT v, extra, ts  [stage 0, unbounded]\n"
         "    #6 LATE late rows of s  [stage 0, unbounded, time ts]\n");
}

Test(plan_dag, late_output_that_nobody_reads) {
    TREE("CREATE STREAM s (ts TIMESTAMP(3), v INTEGER, p VARCHAR, WATERMARK FOR ts AS ts) WITH (connector = 'feed', topic = 'x', format = 'json', late_output = 'late');\n"
         "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT window_start, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(ts, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE s (connector = 'feed', topic = 'x', format = 'json', late_output = 'late') decodes ts TIMESTAMP(3); watermark ts, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time ts]\n");
}

Test(plan_dag, late_rows_of_late_rows_are_counted_after_their_aggregate) {
    TREE("CREATE STREAM s (ts TIMESTAMP(3), v INTEGER, WATERMARK FOR ts AS ts) WITH (connector = 'file', path = 'x', format = 'json', late_output = 'late');\n"
         "SELECT COUNT(*) FROM late;\n"
         "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;",
         "11 nodes, 2 stages, 2 sinks\n"
         "#6 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #5 AGG_GLOBAL at the end: EXPR$0 = COUNT(*)  [stage 1, bounded]\n"
         "    #4 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "      #3 AGG_LOCAL at the end: COUNT(*)  [stage 0, bounded]\n"
         "        #2 LATE late rows of s  [stage 0, bounded, time ts]\n"
         "#10 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #9 PROJECT EXPR$0 = \"COUNT(*)\"  [stage 1, bounded]\n"
         "    #8 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, bounded, time window_time]\n"
         "      #7 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "        #1 AGG_LOCAL tumble(ts, size 1 min): COUNT(*); late rows to #2  [stage 0, bounded]\n"
         "          #0 SOURCE s (connector = 'file', path = 'x', format = 'json', late_output = 'late') decodes ts TIMESTAMP(3), v INTEGER; watermark ts  [stage 0, bounded, time ts]\n");
}

Test(plan_dag, error_stream) {
    TREE(CLICKS
         "SELECT error_name, message FROM error_stream WHERE position > 3;\n"
         "SELECT page FROM clicks;",
         "5 nodes, 1 stage, 2 sinks\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 FILTER position > 3 [kernel] keeps error_name, message  [stage 0, unbounded]\n"
         "    #0 ERRORS rows that failed in this job  [stage 0, unbounded, time error_time]\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR  [stage 0, unbounded]\n");
}

Test(plan_dag, union_of_different_stages) {
    TREE(CLICKS
         "SELECT page, COUNT(*) c FROM " TUMBLE1 " GROUP BY window_start, window_end, page UNION ALL SELECT page, bytes FROM clicks;",
         "8 nodes, 2 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #6 UNION of 2  [stage 1, unbounded]\n"
         "    #4 PROJECT page, c = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "      #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "        #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "          #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "            #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, bytes BIGINT; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "    #5 PROJECT page, c = bytes  [stage 0, unbounded]\n"
         "      #0 SOURCE (above)\n");
}

Test(plan_dag, union_keeps_event_time) {
    TREE(CLICKS
         "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE (SELECT event_time t, page FROM clicks UNION ALL SELECT event_time, country FROM clicks), DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;",
         "9 nodes, 2 stages, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #7 PROJECT window_start, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #6 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #5 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #4 AGG_LOCAL tumble(t, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "          #3 UNION of 2  [stage 0, unbounded, time t]\n"
         "            #1 PROJECT t = event_time  [stage 0, unbounded, time t]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "            #2 PROJECT t = event_time  [stage 0, unbounded, time t]\n"
         "              #0 SOURCE (above)\n");
}

Test(plan_dag, union_of_windows_is_attached) {
    TREE(CLICKS
         "SELECT window_start, COUNT(*) FROM (SELECT * FROM " TUMBLE1 " UNION ALL SELECT * FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '2' MINUTES))) GROUP BY window_start, window_end;",
         "11 nodes, 2 stages, 1 sink\n"
         "#10 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #9 PROJECT window_start, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #8 AGG_GLOBAL attached(window_start, window_end): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #7 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #6 AGG_LOCAL attached(window_start, window_end): COUNT(*)  [stage 0, unbounded]\n"
         "          #5 UNION of 2  [stage 0, unbounded, time window_time]\n"
         "            #2 PROJECT window_start, window_end, window_time  [stage 0, unbounded, time window_time]\n"
         "              #1 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "                #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "            #4 PROJECT window_start, window_end, window_time  [stage 0, unbounded, time window_time]\n"
         "              #3 WINDOW hop(event_time, slide 1 min, size 2 min)  [stage 0, unbounded, time window_time]\n"
         "                #0 SOURCE (above)\n");
}

Test(plan_dag, values_are_constants) {
    TREE("SELECT x, y || '!' AS z FROM (VALUES (1, 'a'), (2.5, NULL)) AS v (x, y) WHERE x > 1 ORDER BY 1 DESC;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #4 SORT by x DESC  [stage 1, bounded]\n"
         "    #3 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "      #2 PROJECT x = EXPR$0, z = EXPR$1 || '!' [kernel]  [stage 0, bounded]\n"
         "        #1 FILTER EXPR$0 > 1.0 [kernel]  [stage 0, bounded]\n"
         "          #0 VALUES 2 rows  [stage 0, bounded]\n");
}

Test(plan_dag, values_into_a_sink) {
    TREE("CREATE STREAM o (a BIGINT, b VARCHAR) WITH (connector = 'blackhole');\n"
         "INSERT INTO o VALUES (1, 'a'), (2, 'b');",
         "2 nodes, 1 stage, 1 sink\n"
         "#1 SINK o (connector = 'blackhole'), of INSERT INTO o  [stage 0, bounded]\n"
         "  #0 VALUES 2 rows  [stage 0, bounded]\n");
}

Test(plan_dag, select_without_from) {
    TREE("SELECT 1 + 1 AS two, 'x', NULL AS n;",
         "2 nodes, 1 stage, 1 sink\n"
         "#1 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #0 VALUES 1 row  [stage 0, bounded]\n");
}

Test(plan_dag, self_schema) {
    TREE("CREATE STREAM g WITH (connector = 'datagen', rows = '10');\n"
         "SELECT page, id FROM g;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #1 PROJECT page, id  [stage 0, bounded]\n"
         "    #0 SOURCE g (connector = 'datagen', rows = '10') decodes id BIGINT, page VARCHAR  [stage 0, bounded]\n");
}

Test(plan_dag, self_schema_chosen) {
    TREE("CREATE STREAM g (page VARCHAR, id BIGINT, up AS UPPER(page)) WITH (connector = 'datagen', rate = 5);\n"
         "SELECT * FROM g;",
         "2 nodes, 1 stage, 1 sink\n"
         "#1 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #0 SOURCE g (connector = 'datagen', rate = '5') decodes page VARCHAR (dictionary), id BIGINT; computes up = UPPER(page) [sqlite]  [stage 0, unbounded]\n");
}

Test(plan_dag, function_is_inlined) {
    TREE(CLICKS
         "CREATE FUNCTION twice (a INTEGER) RETURNS INTEGER RETURN a * 2;\n"
         "SELECT twice(status), twice(4) FROM clicks;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 PROJECT EXPR$0 = status * 2 [kernel], EXPR$1 = 8  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_dag, replaced_objects_are_seen_by_later_statements_only) {
    TREE(CLICKS
         "CREATE VIEW v AS SELECT page FROM clicks;\n"
         "SELECT * FROM v;\n"
         "CREATE OR REPLACE VIEW v AS SELECT country FROM clicks;\n"
         "SELECT * FROM v;",
         "5 nodes, 1 stage, 2 sinks\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 PROJECT page  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, country VARCHAR  [stage 0, unbounded]\n"
         "#4 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #3 PROJECT country  [stage 0, unbounded]\n"
         "    #0 SOURCE (above)\n");
}

Test(plan_dag, stopped_and_dropped_pumps) {
    TREE(CLICKS
         "CREATE STREAM a (p VARCHAR);\n"
         "CREATE PUMP p1 AS INSERT INTO a SELECT page FROM clicks;\n"
         "CREATE PUMP p2 STOPPED AS INSERT INTO a SELECT country FROM clicks;\n"
         "CREATE PUMP p3 STOPPED AS INSERT INTO a SELECT user_id FROM clicks;\n"
         "ALTER PUMP p3 START;\n"
         "DROP PUMP p1;\n"
         "SELECT * FROM a;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 PROJECT p = user_id  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes user_id VARCHAR  [stage 0, unbounded]\n");
}

Test(plan_dag, column_names_of_as) {
    TREE(CLICKS
         "CREATE STREAM s (a, b INTEGER) WITH (connector = 'blackhole') AS SELECT page, bytes FROM clicks;",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK s (connector = 'blackhole'), of CREATE STREAM s  [stage 0, unbounded]\n"
         "  #1 PROJECT a = page, b = CAST(bytes AS INTEGER) [kernel]  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, bytes BIGINT  [stage 0, unbounded]\n");
}

Test(plan_dag, subquery_columns_renamed) {
    TREE(CLICKS
         "SELECT z FROM (SELECT page, status FROM clicks) AS t (y, z) WHERE t.y = 'a';",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 FILTER page = 'a' [kernel] keeps z = status  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_dag, merging_stops_before_expressions_get_deep) {
    TREE(LOG
         "SELECT a + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 AS b FROM (SELECT a + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 AS a FROM (SELECT n + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 AS a FROM log));",
         "4 nodes, 1 stage, 1 sink\n"
         "#3 SINK standard output, of SELECT  [stage 0, bounded]\n"
         "  #2 PROJECT b = a + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 [kernel]  [stage 0, bounded]\n"
         "    #1 PROJECT a = n + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 [kernel]  [stage 0, bounded]\n"
         "      #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes n INTEGER  [stage 0, bounded]\n");
}
