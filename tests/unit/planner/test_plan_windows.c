/* tests/unit/planner/test_plan_windows.c -- plans of windows and aggregates, as EXPLAIN shows them. */
#include <criterion/criterion.h>

#include "plan_fake.h"

/* The texts stay as EXPLAIN and diagnostics write them, one line each. */
/* clang-format off */

Test(plan_windows, filter) {
    TREE(CLICKS
         "SELECT page, status FROM clicks WHERE status >= 500 AND country = 'DE';",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 FILTER status >= 500 AND country = 'DE' [kernel] keeps page, status  [stage 0, unbounded]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR, country VARCHAR, status INTEGER  [stage 0, unbounded]\n");
}

Test(plan_windows, tumble_into_file) {
    TREE(CLICKS
         "CREATE STREAM page_minutes WITH (connector = 'file', path = 'out.jsonl', format = 'json') AS\n"
         "SELECT window_start, window_end, page, COUNT(*) AS clicks, AVG(latency_ms) AS avg_ms FROM " TUMBLE1 "\n"
         "GROUP BY window_start, window_end, page;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK page_minutes (connector = 'file', path = 'out.jsonl', format = 'json'), of CREATE STREAM page_minutes  [stage 1, unbounded]\n"
         "  #4 PROJECT window_start, window_end, page, clicks = \"COUNT(*)\", avg_ms = \"AVG(latency_ms)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*), AVG(latency_ms)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*), AVG(latency_ms)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, latency_ms DOUBLE; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, hop_having) {
    TREE(CLICKS
         "SELECT window_start, COUNT(*) FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '1' MINUTE))\n"
         "GROUP BY window_end, window_start HAVING COUNT(*) > 3;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 FILTER \"COUNT(*)\" > 3 [kernel] keeps window_start, EXPR$1 = COUNT(*)  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL hop(slide 10 s, size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL hop(event_time, slide 10 s, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, cumulate_named_arguments_with_offset) {
    TREE(CLICKS
         "SELECT window_end, SUM(bytes) FROM CUMULATE(DATA => TABLE clicks, TIMECOL => DESCRIPTOR(event_time), STEP => INTERVAL '2' MINUTES, SIZE => INTERVAL '10' MINUTES, OFFSET => INTERVAL '-1' MINUTE)\n"
         "GROUP BY window_start, window_end;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT window_end, EXPR$1 = \"SUM(bytes)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL cumulate(step 2 min, size 10 min, offset 9 min): SUM(bytes)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL cumulate(event_time, step 2 min, size 10 min, offset 9 min): SUM(bytes)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), bytes BIGINT; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, window_without_aggregate) {
    TREE(CLICKS
         "SELECT * FROM " TUMBLE1 ";",
         "3 nodes, 1 stage, 1 sink\n"
         "#2 SINK standard output, of SELECT  [stage 0, unbounded]\n"
         "  #1 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "    #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, status INTEGER, latency_ms DOUBLE, bytes BIGINT; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, window_goes_into_the_aggregate_through_filter_and_project) {
    TREE(CLICKS
         "SELECT ws, page, COUNT(*) FROM (SELECT window_start ws, window_end we, UPPER(page) page FROM " TUMBLE1 " WHERE status > 200) GROUP BY ws, we, page;",
         "8 nodes, 2 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #6 PROJECT ws = window_start, page, EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #5 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #4 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #3 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #2 PROJECT page = UPPER(page) [sqlite], event_time  [stage 0, unbounded, time event_time]\n"
         "            #1 FILTER status > 200 [kernel] keeps event_time, page  [stage 0, unbounded, time event_time]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR (dictionary), status INTEGER; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, window_columns_read_in_between_keep_the_window_node) {
    TREE(CLICKS
         "SELECT window_start, COUNT(*) FROM " TUMBLE1 " WHERE window_start > TIMESTAMP '2026-01-01 00:00:00' AND status > 1 GROUP BY window_start, window_end;",
         "9 nodes, 2 stages, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #7 PROJECT window_start, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #6 AGG_GLOBAL attached(window_start, window_end): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #5 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #4 AGG_LOCAL attached(window_start, window_end): COUNT(*)  [stage 0, unbounded]\n"
         "          #3 FILTER window_start > TIMESTAMP '2026-01-01 00:00:00.000' [kernel] keeps window_start, window_end, window_time  [stage 0, unbounded, time window_time]\n"
         "            #2 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "              #1 FILTER status > 1 [kernel] keeps event_time  [stage 0, unbounded, time event_time]\n"
         "                #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), status INTEGER; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, aggregate_reads_window_columns) {
    TREE(CLICKS
         "SELECT window_end, MAX(window_start) FROM " TUMBLE1 " GROUP BY window_start, window_end;",
         "7 nodes, 2 stages, 1 sink\n"
         "#6 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #5 PROJECT window_end, EXPR$1 = \"MAX(window_start)\"  [stage 1, unbounded]\n"
         "    #4 AGG_GLOBAL attached(window_start, window_end): MAX(window_start)  [stage 1, unbounded, time window_time]\n"
         "      #3 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #2 AGG_LOCAL attached(window_start, window_end): MAX(window_start)  [stage 0, unbounded]\n"
         "          #1 WINDOW tumble(event_time, size 1 min)  [stage 0, unbounded, time window_time]\n"
         "            #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, window_time_as_a_key) {
    TREE(CLICKS
         "SELECT window_time, COUNT(*) FROM " TUMBLE1 " GROUP BY window_start, window_end, window_time;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT window_time, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, aggregate_of_aggregate_is_attached) {
    TREE(CLICKS
         "SELECT MAX(c) FROM (SELECT page, COUNT(*) c, window_start, window_end FROM " TUMBLE1 " GROUP BY window_start, window_end, page)\n"
         "GROUP BY window_start, window_end;",
         "9 nodes, 3 stages, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 2, unbounded]\n"
         "  #7 PROJECT EXPR$0 = \"MAX(c)\"  [stage 2, unbounded]\n"
         "    #6 AGG_GLOBAL attached(window_start, window_end): MAX(c) = MAX(COUNT(*))  [stage 2, unbounded, time window_time]\n"
         "      #5 EXCHANGE to one task, stage 1 to 2  [stage 2, unbounded]\n"
         "        #4 AGG_LOCAL attached(window_start, window_end): MAX(COUNT(*))  [stage 1, unbounded]\n"
         "          #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "            #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "              #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "                #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, cascade_on_window_time) {
    TREE(CLICKS
         "CREATE VIEW five AS SELECT window_time AS rt, page, COUNT(*) c FROM " TUMBLE1 " GROUP BY page, window_start, window_end, window_time;\n"
         "SELECT window_start, SUM(c) FROM TUMBLE(TABLE five, DESCRIPTOR(rt), INTERVAL '10' MINUTES) GROUP BY window_start, window_end;",
         "9 nodes, 3 stages, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 2, unbounded]\n"
         "  #7 PROJECT window_start, EXPR$1 = \"SUM(c)\"  [stage 2, unbounded]\n"
         "    #6 AGG_GLOBAL tumble(size 10 min): SUM(c) = SUM(COUNT(*))  [stage 2, unbounded, time window_time]\n"
         "      #5 EXCHANGE to one task, stage 1 to 2  [stage 2, unbounded]\n"
         "        #4 AGG_LOCAL tumble(window_time, size 10 min): SUM(COUNT(*))  [stage 1, unbounded]\n"
         "          #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "            #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "              #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "                #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, legacy_tumble) {
    TREE(CLICKS
         "SELECT TUMBLE_START(event_time, INTERVAL '1' MINUTE) s, TUMBLE_END(c.event_time, INTERVAL '1' MINUTE) e, TUMBLE_ROWTIME(event_time, INTERVAL '60' SECOND) r, page, COUNT(*)\n"
         "FROM clicks c GROUP BY TUMBLE(event_time, INTERVAL '1' MINUTE), page;",
         "5 nodes, 2 stages, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #3 AGG_GLOBAL tumble(size 1 min) by page: EXPR$4 = COUNT(*)  [stage 1, unbounded, time r]\n"
         "    #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "      #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "        #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, legacy_hop) {
    TREE(CLICKS
         "SELECT HOP_END(event_time, INTERVAL '10' SECOND, INTERVAL '1' MINUTE), COUNT(*) FROM clicks\n"
         "GROUP BY HOP(event_time, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) HAVING HOP_START(event_time, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) > TIMESTAMP '2026-01-01 00:00:00';",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 FILTER window_start > TIMESTAMP '2026-01-01 00:00:00.000' [kernel] keeps EXPR$0 = window_end, EXPR$1 = COUNT(*)  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL hop(slide 10 s, size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL hop(event_time, slide 10 s, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, kinesis_step) {
    TREE(CLICKS
         "SELECT STREAM ROWTIME, page, COUNT(*) FROM clicks GROUP BY page, STEP(clicks.ROWTIME BY INTERVAL '10' SECOND);",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT ROWTIME = window_end, page, EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 10 s) by page: COUNT(*)  [stage 1, unbounded, time window_end]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 10 s) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, kinesis_floor) {
    TREE(CLICKS
         "SELECT STREAM page, FLOOR(clicks.ROWTIME TO MINUTE) m, COUNT(*) FROM clicks GROUP BY FLOOR(clicks.ROWTIME TO MINUTE), page;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT page, m = window_start, EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_end]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, kinesis_epoch_idiom) {
    TREE(CLICKS
         "SELECT STREAM page, FLOOR((clicks.ROWTIME - TIMESTAMP '1970-01-01 00:00:03') MINUTE / 5 TO MINUTE) k, COUNT(*) FROM clicks\n"
         "GROUP BY page, FLOOR((clicks.ROWTIME - TIMESTAMP '1970-01-01 00:00:03') MINUTE / 5 TO MINUTE);",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT page, k = STEP(window_start - TIMESTAMP '1970-01-01 00:00:03.000' BY INTERVAL '5' MINUTE) / 5 [kernel], EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 5 min, offset 3 s) by page: COUNT(*)  [stage 1, unbounded, time window_end]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 5 min, offset 3 s) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, floor_of_the_event_time_column) {
    TREE(CLICKS
         "SELECT FLOOR(event_time TO HOUR), FLOOR(event_time TO MINUTE), COUNT(*) FROM clicks GROUP BY FLOOR(event_time TO HOUR), FLOOR(clicks.event_time TO MINUTE);",
         "7 nodes, 2 stages, 1 sink\n"
         "#6 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #5 PROJECT EXPR$0 = \"$1\", EXPR$1 = window_start, EXPR$2 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #4 AGG_GLOBAL tumble(size 1 min) by $1: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #3 EXCHANGE by $1, stage 0 to 1  [stage 1, unbounded]\n"
         "        #2 AGG_LOCAL tumble(event_time, size 1 min) by $1: COUNT(*)  [stage 0, unbounded]\n"
         "          #1 PROJECT $1 = FLOOR(event_time TO HOUR) [kernel], event_time  [stage 0, unbounded, time event_time]\n"
         "            #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, ceil_is_a_window_shifted_by_a_tick) {
    TREE(CLICKS
         "SELECT CEIL(event_time TO MINUTE) m, COUNT(*) FROM clicks GROUP BY CEIL(event_time TO MINUTE);",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT m = window_time, EXPR$1 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min, offset 1 ms): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min, offset 1 ms): COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3); watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, kinesis_pump_keeps_row_time) {
    TREE(CLICKS
         "CREATE OR REPLACE STREAM \"DEST\" (page VARCHAR(10), c INTEGER);\n"
         "CREATE OR REPLACE PUMP \"P\" AS INSERT INTO \"DEST\" SELECT STREAM page, COUNT(*) FROM clicks GROUP BY page, FLOOR(clicks.ROWTIME TO MINUTE);\n"
         "SELECT STREAM ROWTIME, * FROM \"DEST\";",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT ROWTIME = window_end, page = CAST(page AS VARCHAR(10)) [kernel], c = CAST(\"COUNT(*)\" AS INTEGER) [kernel]  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_end]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, arrival_time) {
    TREE("CREATE STREAM s (page VARCHAR) WITH (connector = 'feed', topic = 'x', format = 'json', idle_timeout = '5s');\n"
         "SELECT STREAM page, COUNT(*) c FROM s GROUP BY page, STEP(s.ROWTIME BY INTERVAL '1' MINUTE);",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT page, c = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_end]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(ROWTIME, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE s (connector = 'feed', topic = 'x', format = 'json', idle_timeout = '5s') decodes page VARCHAR, ROWTIME TIMESTAMP(3) NOT NULL (arrival time); watermark ROWTIME - INTERVAL '0.001' SECOND, when quiet the wall clock  [stage 0, unbounded, time ROWTIME]\n");
}

Test(plan_windows, rowtime_from_column) {
    TREE("CREATE STREAM s (ts TIMESTAMP(6), v INTEGER) WITH (connector = 'file', path = 'x', format = 'json') ROWTIME FROM ts;\n"
         "SELECT STREAM SUM(v) FROM s GROUP BY STEP(s.ROWTIME BY INTERVAL '1' SECOND);",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #4 PROJECT EXPR$0 = \"SUM(v)\"  [stage 1, bounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 s): SUM(v)  [stage 1, bounded, time window_end]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "        #1 AGG_LOCAL tumble(ts, size 1 s): SUM(v)  [stage 0, bounded]\n"
         "          #0 SOURCE s (connector = 'file', path = 'x', format = 'json') decodes ts TIMESTAMP(6), v INTEGER; watermark ts - INTERVAL '0.000001' SECOND  [stage 0, bounded, time ts]\n");
}

Test(plan_windows, filter_clause_distinct_percentile) {
    TREE(CLICKS
         "SELECT window_start, COUNT(*) FILTER (WHERE status >= 500) AS errs, COUNT(DISTINCT user_id), PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY latency_ms DESC), COUNT(1), COUNT(*)\n"
         "FROM " TUMBLE1 " GROUP BY window_start, window_end;",
         "7 nodes, 2 stages, 1 sink\n"
         "#6 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #5 PROJECT window_start, errs = \"COUNT(*)\", EXPR$2 = \"COUNT(DISTINCT user_id)\", EXPR$3 = \"PERCENTILE_CONT(latency_ms)\", EXPR$4 = \"COUNT(*)\", EXPR$5 = \"COUNT(*)\"  [stage 1, unbounded]\n"
         "    #4 AGG_GLOBAL tumble(size 1 min): COUNT(*) = COUNT(*) FILTER $1, COUNT(DISTINCT user_id), PERCENTILE_CONT(latency_ms) = PERCENTILE_CONT(latency_ms) DESC, COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "      #3 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "        #2 AGG_LOCAL tumble(event_time, size 1 min): COUNT(*) FILTER $1, COUNT(DISTINCT user_id), PERCENTILE_CONT(latency_ms) DESC, COUNT(*)  [stage 0, unbounded]\n"
         "          #1 PROJECT $1 = status >= 500 [kernel], user_id, latency_ms, event_time  [stage 0, unbounded, time event_time]\n"
         "            #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), user_id VARCHAR, status INTEGER, latency_ms DOUBLE; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, same_call_and_same_expression_once) {
    TREE(CLICKS
         "SELECT window_start, UPPER(page), SUM(status * 2), SUM(status * 2) + MAX(status * 2) FROM " TUMBLE1 " GROUP BY window_start, window_end, UPPER(page) HAVING SUM(status * 2) > 3;",
         "8 nodes, 2 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #6 PROJECT window_start, EXPR$1 = \"$1\", EXPR$2 = \"SUM($2)\", EXPR$3 = \"SUM($2)\" + \"MAX($2)\" [kernel]  [stage 1, unbounded]\n"
         "    #5 FILTER \"SUM($2)\" > 3 [kernel] keeps window_start, $1, SUM($2), MAX($2)  [stage 1, unbounded]\n"
         "      #4 AGG_GLOBAL tumble(size 1 min) by $1: SUM($2), MAX($2)  [stage 1, unbounded, time window_time]\n"
         "        #3 EXCHANGE by $1, stage 0 to 1  [stage 1, unbounded]\n"
         "          #2 AGG_LOCAL tumble(event_time, size 1 min) by $1: SUM($2), MAX($2)  [stage 0, unbounded]\n"
         "            #1 PROJECT $1 = UPPER(page) [sqlite], $2 = status * 2 [kernel], event_time  [stage 0, unbounded, time event_time]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR (dictionary), status INTEGER; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, grouping_sets) {
    TREE(CLICKS
         "SELECT window_start, country, page, COUNT(*), GROUPING(country, page) AS g FROM " TUMBLE1 " GROUP BY window_start, window_end, GROUPING SETS ((country, page), (page), ());",
         "16 nodes, 2 stages, 1 sink\n"
         "#15 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #14 PROJECT window_start, country, page, EXPR$3 = \"COUNT(*)\", g = \"GROUPING(country)\" * 2 + \"GROUPING(page)\" [kernel]  [stage 1, unbounded]\n"
         "    #13 UNION of 3  [stage 1, unbounded]\n"
         "      #4 PROJECT window_start, country, page, GROUPING(country) = 0, GROUPING(page) = 0, COUNT(*)  [stage 1, unbounded]\n"
         "        #3 AGG_GLOBAL tumble(size 1 min) by country, page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "          #2 EXCHANGE by country, page, stage 0 to 1  [stage 1, unbounded]\n"
         "            #1 AGG_LOCAL tumble(event_time, size 1 min) by country, page: COUNT(*)  [stage 0, unbounded]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR, country VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n"
         "      #8 PROJECT window_start, country = NULL, page, GROUPING(country) = 1, GROUPING(page) = 0, COUNT(*)  [stage 1, unbounded]\n"
         "        #7 AGG_GLOBAL tumble(size 1 min) by page: COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "          #6 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "            #5 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*)  [stage 0, unbounded]\n"
         "              #0 SOURCE (above)\n"
         "      #12 PROJECT window_start, country = NULL, page = NULL, GROUPING(country) = 1, GROUPING(page) = 1, COUNT(*)  [stage 1, unbounded]\n"
         "        #11 AGG_GLOBAL tumble(size 1 min): COUNT(*)  [stage 1, unbounded, time window_time]\n"
         "          #10 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "            #9 AGG_LOCAL tumble(event_time, size 1 min): COUNT(*)  [stage 0, unbounded]\n"
         "              #0 SOURCE (above)\n");
}

Test(plan_windows, distinct_in_windows) {
    TREE(CLICKS
         "SELECT DISTINCT window_start, window_end, page FROM " TUMBLE1 ";",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #4 PROJECT window_start, window_end, page  [stage 1, unbounded]\n"
         "    #3 AGG_GLOBAL tumble(size 1 min) by page  [stage 1, unbounded, time window_time]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min) by page  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
}

Test(plan_windows, distinct_bounded) {
    TREE(LOG
         "SELECT DISTINCT page, n + 1 AS m FROM log ORDER BY m;",
         "8 nodes, 3 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT  [stage 2, bounded]\n"
         "  #6 SORT by m  [stage 2, bounded]\n"
         "    #5 EXCHANGE to one task, stage 1 to 2  [stage 2, bounded]\n"
         "      #4 AGG_GLOBAL at the end by page, m  [stage 1, bounded]\n"
         "        #3 EXCHANGE by page, m, stage 0 to 1  [stage 1, bounded]\n"
         "          #2 AGG_LOCAL at the end by page, m  [stage 0, bounded]\n"
         "            #1 PROJECT page, m = n + 1 [kernel]  [stage 0, bounded]\n"
         "              #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR, n INTEGER  [stage 0, bounded]\n");
}

Test(plan_windows, group_bounded_order_limit) {
    TREE(LOG
         "SELECT page, SUM(n) AS s, n FROM log GROUP BY page, n ORDER BY s DESC, UPPER(page) NULLS FIRST, 3 LIMIT 10 OFFSET 2;",
         "9 nodes, 3 stages, 1 sink\n"
         "#8 SINK standard output, of SELECT  [stage 2, bounded]\n"
         "  #7 PROJECT page, s, n  [stage 2, bounded]\n"
         "    #6 SORT by s DESC, ORDER NULLS FIRST, n limit 10 offset 2  [stage 2, bounded]\n"
         "      #5 EXCHANGE to one task, stage 1 to 2  [stage 2, bounded]\n"
         "        #4 PROJECT page, s = \"SUM(n)\", n, ORDER = UPPER(page) [sqlite]  [stage 1, bounded]\n"
         "          #3 AGG_GLOBAL at the end by page, n: SUM(n)  [stage 1, bounded]\n"
         "            #2 EXCHANGE by page, n, stage 0 to 1  [stage 1, bounded]\n"
         "              #1 AGG_LOCAL at the end by page, n: SUM(n)  [stage 0, bounded]\n"
         "                #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR, n INTEGER  [stage 0, bounded]\n");
}

Test(plan_windows, group_by_ordinal_and_alias) {
    TREE(LOG
         "SELECT UPPER(page) AS p, n, COUNT(*) FROM log GROUP BY p, 2;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #4 AGG_GLOBAL at the end by p = $1, n: EXPR$2 = COUNT(*)  [stage 1, bounded]\n"
         "    #3 EXCHANGE by $1, n, stage 0 to 1  [stage 1, bounded]\n"
         "      #2 AGG_LOCAL at the end by $1, n: COUNT(*)  [stage 0, bounded]\n"
         "        #1 PROJECT $1 = UPPER(page) [sqlite], n  [stage 0, bounded]\n"
         "          #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR (dictionary), n INTEGER  [stage 0, bounded]\n");
}

Test(plan_windows, count_all_decodes_nothing) {
    TREE(LOG
         "SELECT COUNT(*) FROM log;",
         "5 nodes, 2 stages, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #3 AGG_GLOBAL at the end: EXPR$0 = COUNT(*)  [stage 1, bounded]\n"
         "    #2 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "      #1 AGG_LOCAL at the end: COUNT(*)  [stage 0, bounded]\n"
         "        #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes nothing  [stage 0, bounded]\n");
}

Test(plan_windows, group_by_nothing) {
    TREE(LOG
         "SELECT COUNT(*) FROM log GROUP BY ();",
         "5 nodes, 2 stages, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #3 AGG_GLOBAL at the end: EXPR$0 = COUNT(*)  [stage 1, bounded]\n"
         "    #2 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "      #1 AGG_LOCAL at the end: COUNT(*)  [stage 0, bounded]\n"
         "        #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes nothing  [stage 0, bounded]\n");
}

Test(plan_windows, limit_unbounded) {
    TREE(CLICKS
         "SELECT page FROM clicks LIMIT 5;",
         "4 nodes, 2 stages, 1 sink\n"
         "#3 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #2 LIMIT limit 5  [stage 1, unbounded]\n"
         "    #1 EXCHANGE to one task, stage 0 to 1  [stage 1, unbounded]\n"
         "      #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page VARCHAR  [stage 0, unbounded]\n");
}

Test(plan_windows, fetch_first) {
    TREE(LOG
         "SELECT page FROM log ORDER BY x NULLS FIRST, n DESC NULLS LAST FETCH FIRST 3 ROWS ONLY;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT  [stage 1, bounded]\n"
         "  #4 PROJECT page  [stage 1, bounded]\n"
         "    #3 SORT by x NULLS FIRST, n DESC NULLS LAST limit 3  [stage 1, bounded]\n"
         "      #2 EXCHANGE to one task, stage 0 to 1  [stage 1, bounded]\n"
         "        #1 PROJECT page, x, n  [stage 0, bounded]\n"
         "          #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR, n INTEGER, x DOUBLE  [stage 0, bounded]\n");
}
