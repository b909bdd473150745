/* tests/unit/planner/test_plan_changes.c -- updating results: which there are, what tells their rows apart,
 * who may read them. */
#include <criterion/criterion.h>

#include "plan_fake.h"

#define COUNTS "SELECT page, COUNT(*) AS c FROM clicks GROUP BY page EMIT CHANGES"
#define EARLY  " GROUP BY window_start, window_end, page EMIT EARLY EVERY INTERVAL '10' SECOND"
#define SINK(k, w)                                                                                           \
    "CREATE STREAM o (page VARCHAR, c BIGINT" k ") WITH (connector = 'file', path = 'o', format = 'json'" w  \
    ");\n"

/* What the last node of a plan is, or NULL. */
static const wr_node *sink_of(const plan_result *r) {
    return r->plan.n_nodes ? r->plan.nodes[r->plan.n_nodes - 1] : NULL;
}

static wr_changelog form_of(const char *sql) {
    plan_result r;
    plan_run(&r, sql);
    cr_assert_eq(r.st, WR_OK, "%s: %s", sql, r.d.n ? r.d.items[0].msg : "");
    wr_changelog form = sink_of(&r)->sink.changelog;
    plan_result_free(&r);
    return form;
}

Test(plan_changes, how_a_sink_writes_them) {
    cr_expect_eq(form_of(CLICKS COUNTS ";"), WR_CL_OP);
    cr_expect_eq(form_of(CLICKS "SELECT page FROM clicks EMIT CHANGES;"), WR_CL_NONE);
    cr_expect_eq(form_of(CLICKS SINK("", ", changelog = 'op'") "INSERT INTO o " COUNTS ";"), WR_CL_OP);
    cr_expect_eq(form_of(CLICKS SINK("", ", changelog = 'debezium'") "INSERT INTO o " COUNTS ";"),
                 WR_CL_DEBEZIUM);
    cr_expect_eq(form_of(CLICKS SINK(", PRIMARY KEY (page) NOT ENFORCED", "") "INSERT INTO o " COUNTS ";"),
                 WR_CL_UPSERT);
    cr_expect_eq(
        form_of(CLICKS SINK(", PRIMARY KEY (c, page)", ", changelog = 'upsert'") "INSERT INTO o " COUNTS ";"),
        WR_CL_UPSERT);
    cr_expect_eq(
        form_of(CLICKS
                "CREATE STREAM o (page VARCHAR PRIMARY KEY, c INTEGER) WITH (connector = 'file', path = "
                "'o', format = 'json');\nINSERT INTO o " COUNTS ";"),
        WR_CL_UPSERT, "out of range fails the row, so the key is told");
    cr_expect_eq(
        form_of(CLICKS SINK(", PRIMARY KEY (page)", "") "INSERT INTO o SELECT page, status FROM clicks;"),
        WR_CL_NONE, "new rows need no kinds");
    cr_expect_eq(
        form_of(CLICKS SINK("", ", changelog = 'op'") "INSERT INTO o SELECT page, status FROM clicks;"),
        WR_CL_OP);
    cr_expect_eq(form_of(CLICKS "CREATE STREAM o WITH (connector = 'blackhole') AS " COUNTS ";"), WR_CL_NONE);
}

Test(plan_changes, sinks_that_cannot) {
    DIAGS(CLICKS SINK("", "") "INSERT INTO o " COUNTS ";",
          "3:1 error: 'o' only takes new rows, but these results are updating (GROUP BY … EMIT CHANGES at "
          "t.sql:3) | add changelog = 'op' to WITH (…) of 'o', or a PRIMARY KEY for upserts\n");
    DIAGS(CLICKS SINK("", ", changelog = 'upsert'") "INSERT INTO o " COUNTS ";",
          "2:15 error: stream 'o': changelog = 'upsert' needs a PRIMARY KEY | add PRIMARY KEY (…) to its "
          "columns\n");
    DIAGS(CLICKS SINK(", PRIMARY KEY (c)", "") "INSERT INTO o " COUNTS ";",
          "3:1 error: rows of 'o' could replace each other: the updating results (GROUP BY … EMIT CHANGES at "
          "t.sql:3) are not told apart by its PRIMARY KEY | make it PRIMARY KEY (page), or use changelog = "
          "'op'\n");
    DIAGS(CLICKS SINK(", PRIMARY KEY (page)", "") "INSERT INTO o SELECT UPPER(page), c FROM (" COUNTS ");",
          "3:1 error: rows of 'o' could replace each other: the updating results (GROUP BY … EMIT CHANGES at "
          "t.sql:3) are not told apart by its PRIMARY KEY | write its key, too, or use changelog = 'op'\n");
    DIAGS(CLICKS SINK(", PRIMARY KEY (pag)", "") "INSERT INTO o " COUNTS ";",
          "2:55 error: PRIMARY KEY: stream 'o' has no column 'pag' | did you mean 'page'?\n");
    DIAGS(CLICKS
          "CREATE STREAM o (page VARCHAR, c BIGINT) WITH (connector = 'file', path = 'o', format = 'csv', "
          "changelog = 'debezium');\nINSERT INTO o " COUNTS ";",
          "2:15 error: stream 'o': changelog = 'debezium' is written as JSON | use format = 'json', or "
          "changelog = 'op'\n");
    DIAGS(CLICKS "SELECT page AS op, COUNT(*) FROM clicks GROUP BY page EMIT CHANGES;",
          "2:1 error: 'the result' has a column 'op', and the kinds of changes go into one of that name | "
          "give the "
          "column another name\n");
}

Test(plan_changes, operators_that_cannot) {
    DIAGS(CLICKS "CREATE VIEW v AS " COUNTS ";\nSELECT * FROM v ORDER BY c;",
          "3:26 error: ORDER BY on unbounded input must begin with the event time, rising | "
          "for the first rows so far add LIMIT n and EMIT CHANGES\n");
    DIAGS(LOG "CREATE VIEW v AS SELECT page, COUNT(*) AS c FROM log GROUP BY page EMIT CHANGES;\nSELECT * "
              "FROM v ORDER BY c EMIT CHANGES;",
          "3:26 error: ORDER BY cannot read an updating input (GROUP BY … EMIT CHANGES at t.sql:2): its rows "
          "take earlier ones back | let it read the stream itself, or make the result final with a window\n");
    DIAGS(CLICKS
          "SELECT window_start, COUNT(*) FROM (SELECT window_start, window_end, page, COUNT(*) FROM " TUMBLE1
              EARLY ") GROUP BY window_start, window_end;",
          "2:251 error: GROUP BY cannot read an updating input (GROUP BY … EMIT EARLY at t.sql:2): its rows "
          "take earlier ones back | let it read the stream itself, or make the result final with a window\n");
    DIAGS(CLICKS "SELECT MAX(page) FROM (" COUNTS ") EMIT CHANGES;",
          "2:8 later: MAX cannot read an updating input (GROUP BY … EMIT CHANGES at t.sql:2): it cannot take "
          "rows back | COUNT, SUM and AVG of integers or decimals can, MIN, MAX and COUNT(DISTINCT …) of "
          "numbers and times\n");
    DIAGS(CLICKS "SELECT COUNT(DISTINCT page) FROM (" COUNTS ") EMIT CHANGES;",
          "2:8 later: COUNT(DISTINCT …) cannot read an updating input (GROUP BY … EMIT CHANGES at t.sql:2): "
          "it cannot take rows back | COUNT, SUM and AVG of integers or decimals can, MIN, MAX and "
          "COUNT(DISTINCT …) of numbers and times\n");
    DIAGS(CLICKS "SELECT SUM(l) FROM (SELECT page, MAX(latency_ms) l FROM clicks GROUP BY page EMIT CHANGES) "
                 "EMIT CHANGES;",
          "2:8 later: SUM cannot read an updating input (GROUP BY … EMIT CHANGES at t.sql:2): it cannot take "
          "rows back | sum a CAST(… AS DECIMAL(18, 6)): rounded numbers cannot be taken out exactly\n");
}

Test(plan_changes, clauses_out_of_place) {
    DIAGS(CLICKS "SELECT page FROM clicks EMIT EARLY EVERY INTERVAL '1' SECOND;",
          "2:25 error: EMIT EARLY is for GROUP BY with a window | leave it out, or put it behind the SELECT "
          "that has GROUP "
          "BY\n");
    DIAGS(CLICKS "SELECT page FROM clicks ALLOWED LATENESS INTERVAL '1' SECOND;",
          "2:25 error: ALLOWED LATENESS is for GROUP BY with a window | leave it out, or put it behind the "
          "SELECT that has "
          "GROUP BY\n");
    DIAGS(LOG "SELECT page, COUNT(*) FROM log GROUP BY page EMIT EARLY EVERY INTERVAL '1' SECOND;",
          "2:46 error: EMIT EARLY needs a window, and this GROUP BY has none | use EMIT CHANGES, or add a "
          "window\n");
    DIAGS(LOG "SELECT page, COUNT(*) FROM log GROUP BY page ALLOWED LATENESS INTERVAL '1' SECOND;",
          "2:46 error: ALLOWED LATENESS needs a window, and this GROUP BY has none | leave it out, or add a "
          "window\n");
    DIAGS(CLICKS "SELECT page, COUNT(*) FROM " TUMBLE1
                 " GROUP BY window_start, window_end, page EMIT EARLY EVERY INTERVAL '0' SECOND;",
          "2:158 error: EMIT EARLY EVERY: this interval is out of range | write INTERVAL '10' SECOND, for "
          "example\n");
    DIAGS(CLICKS "SELECT page, COUNT(*) FROM " TUMBLE1
                 " GROUP BY window_start, window_end, page ALLOWED LATENESS INTERVAL '-1' SECOND;",
          "2:158 error: ALLOWED LATENESS: this interval is out of range | write INTERVAL '10' SECOND, for "
          "example\n");
}

Test(plan_changes, trees) {
    TREE(CLICKS "SELECT page, COUNT(*) AS c FROM clicks GROUP BY page HAVING COUNT(*) "
                "> 1 EMIT CHANGES;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT, changes by column op  [stage 1, unbounded, updating by page]\n"
         "  #4 FILTER \"COUNT(*)\" > 1 [kernel]  [stage 1, unbounded, updating by page]\n"
         "    #3 AGG_CHANGES as rows come by page: COUNT(*)  [stage 1, unbounded, updating by page]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_DELTA of each batch by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page "
         "VARCHAR  [stage 0, unbounded]\n");
    TREE(CLICKS "SELECT c, COUNT(*) FROM (SELECT page, COUNT(*) c, SUM(bytes) s FROM clicks GROUP BY page "
                "EMIT CHANGES) GROUP BY c EMIT CHANGES;",
         "8 nodes, 3 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT, changes by column op  [stage 2, unbounded, updating by c]\n"
         "  #6 AGG_CHANGES as rows come by c = COUNT(*): EXPR$1 = COUNT(*); takes rows back  [stage 2, "
         "unbounded, updating by c]\n"
         "    #5 EXCHANGE by c, stage 1 to 2  [stage 2, unbounded, updating]\n"
         "      #4 AGG_DELTA of each batch by COUNT(*): COUNT(*); takes rows back  [stage 1, unbounded, "
         "updating]\n"
         "        #3 AGG_CHANGES as rows come by page: COUNT(*)  [stage 1, unbounded, updating by page]\n"
         "          #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "            #1 AGG_DELTA of each batch by page: COUNT(*)  [stage 0, unbounded]\n"
         "              #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes "
         "page VARCHAR  [stage 0, unbounded]\n");
    TREE(CLICKS "SELECT DISTINCT page FROM clicks EMIT CHANGES;",
         "5 nodes, 2 stages, 1 sink\n"
         "#4 SINK standard output, of SELECT  [stage 1, unbounded]\n"
         "  #3 AGG_CHANGES as rows come by page  [stage 1, unbounded]\n"
         "    #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "      #1 AGG_DELTA of each batch by page  [stage 0, unbounded]\n"
         "        #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page "
         "VARCHAR  [stage 0, unbounded]\n");
    TREE(CLICKS "SELECT window_start, page, COUNT(*) c FROM " TUMBLE1 EARLY
                " ALLOWED LATENESS INTERVAL '1' HOUR;",
         "6 nodes, 2 stages, 1 sink\n"
         "#5 SINK standard output, of SELECT, changes by column op  [stage 1, unbounded, updating by "
         "window_start, page]\n"
         "  #4 PROJECT window_start, page, c = \"COUNT(*)\"  [stage 1, unbounded, updating by window_start, "
         "page]\n"
         "    #3 AGG_CHANGES tumble(size 1 min) by page: COUNT(*); early every 10 s; corrected for 1 h  "
         "[stage 1, unbounded, time window_time, updating by window_end, page]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_LOCAL tumble(event_time, size 1 min) by page: COUNT(*); early every 10 s; corrected "
         "for 1 h  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes "
         "event_time TIMESTAMP(3), page VARCHAR; watermark event_time - INTERVAL '2' SECOND, idle after 1 "
         "min, then on with the wall clock  [stage 0, unbounded, time event_time]\n");
    TREE(CLICKS "SELECT page, c FROM (" COUNTS ") UNION ALL SELECT page, status FROM clicks;",
         "7 nodes, 2 stages, 1 sink\n"
         "#6 SINK standard output, of SELECT, changes by column op  [stage 1, unbounded, updating]\n"
         "  #5 UNION of 2  [stage 1, unbounded, updating]\n"
         "    #3 AGG_CHANGES as rows come by page: c = COUNT(*)  [stage 1, unbounded, updating by page]\n"
         "      #2 EXCHANGE by page, stage 0 to 1  [stage 1, unbounded]\n"
         "        #1 AGG_DELTA of each batch by page: COUNT(*)  [stage 0, unbounded]\n"
         "          #0 SOURCE clicks (connector = 'feed', topic = 'clicks', format = 'json') decodes page "
         "VARCHAR, status INTEGER  [stage 0, unbounded]\n"
         "    #4 PROJECT page, c = status  [stage 0, unbounded]\n"
         "      #0 SOURCE (above)\n");
    TREE(LOG
         "SELECT c, COUNT(*) FROM (SELECT page, COUNT(*) c FROM log GROUP BY page EMIT CHANGES) GROUP BY c;",
         "8 nodes, 3 stages, 1 sink\n"
         "#7 SINK standard output, of SELECT  [stage 2, bounded]\n"
         "  #6 AGG_CHANGES at the end by c = COUNT(*): EXPR$1 = COUNT(*); takes rows back  [stage 2, "
         "bounded]\n"
         "    #5 EXCHANGE by c, stage 1 to 2  [stage 2, bounded, updating]\n"
         "      #4 AGG_DELTA of each batch by COUNT(*): COUNT(*); takes rows back  [stage 1, bounded, "
         "updating]\n"
         "        #3 AGG_CHANGES as rows come by page: COUNT(*)  [stage 1, bounded, updating by page]\n"
         "          #2 EXCHANGE by page, stage 0 to 1  [stage 1, bounded]\n"
         "            #1 AGG_DELTA of each batch by page: COUNT(*)  [stage 0, bounded]\n"
         "              #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page "
         "VARCHAR  [stage 0, bounded]\n");
}
