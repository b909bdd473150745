/* tests/unit/planner/test_plan_errors.c -- messages of queries, each with its place. */
#include <criterion/criterion.h>

#include "plan_fake.h"

/* The texts stay as EXPLAIN and diagnostics write them, one line each. */
/* clang-format off */

Test(plan_errors, names) {
    DIAGS(CLICKS
         "SELECT * FROM clickz;",
         "2:15 error: there is no stream, view or WITH query 'clickz' | did you mean 'clicks'?\n");
    DIAGS(CLICKS
         "SELECT pag, clics.page FROM clicks;",
         "2:8 error: column 'pag' does not exist; there are: event_time, user_id, page, country, status, latency_ms, bytes | did you mean 'page'?\n"
         "2:13 error: 'clics' is no table of this query; there are: clicks | did you mean 'clicks'?\n");
    DIAGS(CLICKS
         "SELECT * FROM later; CREATE VIEW later AS SELECT page FROM clicks;",
         "2:15 error: 'later' is used before it is created | move its CREATE from line 2 before this statement\n");
    DIAGS(CLICKS
         "INSERT INTO nowhere SELECT page FROM clicks;",
         "2:13 error: there is no stream 'nowhere' | create it first: CREATE STREAM nowhere (…)\n");
    DIAGS(CLICKS
         "SELECT x.* FROM clicks c;",
         "2:8 error: there is no 'x' in FROM\n");
    DIAGS("SELECT *;",
         "1:8 error: * needs a FROM to take columns from | add FROM\n");
    DIAGS(CLICKS
         "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a;",
         "2:23 error: WITH names 'a' twice | give it another name\n");
    DIAGS(CLICKS
         "SELECT * FROM (SELECT page, page FROM clicks) AS t (a);",
         "2:53 error: t has 2 columns, but the list names 1 | name all 2 columns\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBEL(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE));",
         "2:21 error: there is no table function 'TUMBEL' | did you mean 'TUMBLE'?\n");
}

Test(plan_errors, grouping) {
    DIAGS(CLICKS
         "SELECT page, COUNT(*) FROM clicks GROUP BY page;",
         "2:44 error: GROUP BY without a window on unbounded input never completes: add a window or EMIT CHANGES | for example FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM clicks;",
         "2:1 error: an aggregate without a window on unbounded input never completes: add a window or EMIT CHANGES | for example FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end\n");
    DIAGS(CLICKS
         "SELECT DISTINCT page FROM (SELECT page, COUNT(*) AS n FROM clicks GROUP BY page EMIT CHANGES);",
         "2:1 error: SELECT DISTINCT without a window on unbounded input never completes: add a window or EMIT CHANGES | for example FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end\n");
    DIAGS(CLICKS
         "SELECT window_start, page, COUNT(*) FROM " TUMBLE1 " GROUP BY window_start, window_end;",
         "2:22 error: column 'page' must be in GROUP BY or inside an aggregate | add 'page' to GROUP BY, or use an aggregate such as MAX(page)\n");
    DIAGS(CLICKS
         "SELECT page, COUNT(*) FROM " TUMBLE1 ";",
         "2:1 error: an aggregate without a window on unbounded input never completes: add a window or EMIT CHANGES | for example FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end\n");
    DIAGS(LOG
         "SELECT page, COUNT(*) FROM log;",
         "2:8 error: column 'page' stands beside an aggregate, but there is no GROUP BY | add GROUP BY page, or use an aggregate such as MAX(page)\n");
    DIAGS(LOG
         "SELECT * FROM log GROUP BY page;",
         "2:8 error: column 'ts' must be in GROUP BY or inside an aggregate | add 'ts' to GROUP BY, or use an aggregate such as MAX(ts)\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM " TUMBLE1 " GROUP BY window_start;",
         "2:104 error: GROUP BY on unbounded input needs both window_start and window_end | add window_end to GROUP BY\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM " TUMBLE1 " GROUP BY page, window_end;",
         "2:110 error: GROUP BY on unbounded input needs both window_start and window_end | add window_start to GROUP BY\n");
    DIAGS(LOG
         "SELECT page FROM log GROUP BY 2;",
         "2:31 error: GROUP BY 2: there is no such item in SELECT | write a number from 1 to 1\n");
    DIAGS(LOG
         "SELECT COUNT(*) AS c FROM log GROUP BY c;",
         "2:8 error: aggregate COUNT is not allowed in GROUP BY | aggregate in a subquery first\n");
    DIAGS(LOG
         "SELECT page FROM log GROUP BY page HAVING n > 3;",
         "2:43 error: column 'n' must be in GROUP BY or inside an aggregate | add 'n' to GROUP BY, or use an aggregate such as MAX(n)\n");
    DIAGS(LOG
         "SELECT page FROM log GROUP BY page ORDER BY x;",
         "2:45 error: column 'x' must be in GROUP BY or inside an aggregate | add 'x' to GROUP BY, or use an aggregate such as MAX(x)\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM " TUMBLE1 " GROUP BY GROUPING SETS ((window_start, window_end, page), (page));",
         "2:120 error: the window must be in every grouping set | put the window's columns before GROUPING SETS, ROLLUP or CUBE\n");
    DIAGS(LOG
         "SELECT GROUPING(x) FROM log GROUP BY ROLLUP(page);",
         "2:17 error: GROUPING asks for what is no key | name a key of GROUP BY\n");
    DIAGS(LOG
         "SELECT COUNT(*) FROM log GROUP BY CUBE(ts, page, n, x, n+1, n+2, n+3, n+4, n+5, n+6, n+7);",
         "2:35 error: GROUP BY makes more than 1024 grouping sets | name the sets you need in GROUPING SETS\n");
}

Test(plan_errors, aggregates) {
    DIAGS(CLICKS
         "SELECT page FROM clicks WHERE COUNT(*) > 3;",
         "2:31 error: aggregate COUNT is not allowed in WHERE | filter groups with HAVING\n");
    DIAGS(LOG
         "SELECT SUM(COUNT(*)) FROM log;",
         "2:12 error: COUNT inside an aggregate: aggregates cannot be nested | aggregate in a subquery first\n");
    DIAGS(LOG
         "SELECT SUM(page) FROM log;",
         "2:8 error: SUM takes a number, not VARCHAR: add a CAST | SUM([DISTINCT] number)\n");
    DIAGS(LOG
         "SELECT SUM(n, 2), SUM(), SUM(*) FROM log;",
         "2:15 error: SUM is given too many arguments | SUM([DISTINCT] number)\n"
         "2:19 error: SUM needs 1 argument, 0 given | SUM([DISTINCT] number)\n"
         "2:26 error: SUM(*): only COUNT can be asked of * | SUM([DISTINCT] number)\n");
    DIAGS(LOG
         "SELECT PERCENTILE_CONT(n) WITHIN GROUP (ORDER BY n) FROM log;",
         "2:24 error: PERCENTILE_CONT: this argument must be a constant | PERCENTILE_CONT(fraction) WITHIN GROUP (ORDER BY number [DESC])\n");
    DIAGS(LOG
         "SELECT LISTAGG(page) WITHIN GROUP (ORDER BY n), LISTAGG(page) WITHIN GROUP (ORDER BY ts, n) FROM log;",
         "2:45 later: LISTAGG in another order than that of event time is not supported yet | leave ORDER BY out: the order is that of event time\n"
         "2:90 later: LISTAGG: ordering by more than one expression is not supported yet | order by one expression\n");
    DIAGS(LOG
         "SELECT COUNT(*) FILTER (WHERE page) FROM log;",
         "2:31 error: expected a condition, which is BOOLEAN, found VARCHAR | write CAST(page AS BOOLEAN)\n");
    DIAGS(LOG
         "SELECT COUNT(*) FILTER (WHERE SUM(n) > 1) FROM log;",
         "2:31 error: SUM inside an aggregate: aggregates cannot be nested | aggregate in a subquery first\n");
    DIAGS(CLICKS
         "CREATE VIEW v AS SELECT page FROM clicks GROUP BY MAX(page);",
         "2:51 error: aggregate MAX is not allowed in GROUP BY | aggregate in a subquery first\n");
}

Test(plan_errors, windows) {
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(page), INTERVAL '1' MINUTE));",
         "2:53 error: TUMBLE: 'page' is not the time attribute of the input | use 'event_time'\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_tim), INTERVAL '1' MINUTE));",
         "2:53 error: column 'event_tim' does not exist; there are: event_time, user_id, page, country, status, latency_ms, bytes | did you mean 'event_time'?\n");
    DIAGS(LOG
         "SELECT * FROM TABLE(TUMBLE(TABLE log, DESCRIPTOR(ts), INTERVAL '1' MINUTE));",
         "2:50 error: TUMBLE: 'ts' is not the time attribute of the input | use ROWTIME (arrival time), or declare one: WATERMARK FOR column AS column - INTERVAL '5' SECOND in CREATE STREAM\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE (SELECT page FROM clicks), DESCRIPTOR(page), INTERVAL '1' MINUTE));",
         "2:72 error: TUMBLE: 'page' is not the time attribute of the input | select 'event_time' in its input and use that\n");
    DIAGS("SELECT * FROM TABLE(TUMBLE(TABLE (SELECT 1 AS a), DESCRIPTOR(a), INTERVAL '1' MINUTE));",
         "1:62 error: TUMBLE needs event time, and its input has no time attribute | declare one: WATERMARK FOR column AS column - INTERVAL '5' SECOND in CREATE STREAM\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '7' SECOND, INTERVAL '1' MINUTE));",
         "2:84 error: HOP: the size 1 min is not a multiple of the slide 7 s | the nearest multiples are 56 s and 1 min 3 s\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '7' SECOND));",
         "2:84 error: HOP: the size 7 s is not a multiple of the slide 1 min | slide comes before the size; the nearest multiple is 1 min\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(CUMULATE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '7' SECOND, INTERVAL '1' MINUTE));",
         "2:89 error: CUMULATE: the size 1 min is not a multiple of the step 7 s | the nearest multiples are 56 s and 1 min 3 s\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '0' MINUTE));",
         "2:66 error: TUMBLE: the size must be above zero, it is 0 s | give an interval above zero\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '-1' MINUTE));",
         "2:66 error: TUMBLE: the size must be above zero, it is -1 min | give an interval above zero\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '0.0005' SECOND));",
         "2:15 error: TUMBLE: the window is finer than its time column, which is TIMESTAMP(3) | use whole milliseconds, or a TIMESTAMP(6) column\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MONTH));",
         "2:66 error: TUMBLE: the size must have a fixed length; months and years have none | use days, for example INTERVAL '30' DAY\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), 5));",
         "2:66 error: TUMBLE: the size must be an INTERVAL, found INTEGER | for example INTERVAL '1' MINUTE\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time)));",
         "2:21 error: TUMBLE: the window size is missing | write TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset])\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE));",
         "2:21 error: HOP: the window size is missing | write HOP(TABLE t, DESCRIPTOR(c), slide, size [, offset])\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '0' SECOND, 3));",
         "2:108 error: TUMBLE is given too many arguments | write TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset])\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(DATA => TABLE clicks, TIMECOL => DESCRIPTOR(event_time), SIZ => INTERVAL '1' MINUTE));",
         "2:85 error: TUMBLE has no argument 'SIZ' | did you mean 'SIZE'?\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(DATA => TABLE clicks, TIMECOL => DESCRIPTOR(event_time), SIZE => INTERVAL '1' MINUTE, SIZE => INTERVAL '1' MINUTE));",
         "2:114 error: TUMBLE: argument SIZE is given twice | write it once\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(DATA => TABLE clicks, DESCRIPTOR(event_time), SIZE => INTERVAL '1' MINUTE));",
         "2:50 error: TUMBLE: an argument without a name follows a named one | write TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset])\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks PARTITION BY page, DESCRIPTOR(event_time), INTERVAL '1' MINUTE));",
         "2:54 error: TUMBLE takes no PARTITION BY: its windows do not depend on a key | group by it instead\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time, page), INTERVAL '1' MINUTE));",
         "2:42 error: TUMBLE: DESCRIPTOR must name one column | write DESCRIPTOR(column)\n");
    DIAGS(CLICKS
         "SELECT * FROM TABLE(TUMBLE(5, DESCRIPTOR(event_time), INTERVAL '1' MINUTE));",
         "2:28 error: TUMBLE: the first argument is not a table | write TABLE name or a subquery\n");
    DIAGS(CLICKS
         "SELECT * FROM TUMBLE(TABLE (SELECT * FROM " TUMBLE1 "), DESCRIPTOR(window_time), INTERVAL '2' MINUTE);",
         "2:22 error: TUMBLE adds a column 'window_start', but its input has one already | give it another name in a subquery: window_start AS inner_window_start\n");
    DIAGS(CLICKS
         "SELECT TUMBLE_START(event_time, INTERVAL '2' MINUTE) FROM clicks GROUP BY TUMBLE(event_time, INTERVAL '1' MINUTE);",
         "2:8 error: the arguments of TUMBLE_START differ from those of TUMBLE in GROUP BY | write the same arguments in both places\n");
    DIAGS(CLICKS
         "SELECT HOP_START(event_time, INTERVAL '2' MINUTE) FROM clicks GROUP BY TUMBLE(event_time, INTERVAL '1' MINUTE);",
         "2:8 error: HOP_START does not go with GROUP BY, which has no HOP | write TUMBLE_START\n");
    DIAGS(CLICKS
         "SELECT TUMBLE_END(event_time, INTERVAL '2' MINUTE) FROM clicks;",
         "2:8 error: TUMBLE_END needs a window in GROUP BY | add GROUP BY TUMBLE(…)\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM clicks GROUP BY TUMBLE(page, INTERVAL '1' MINUTE);",
         "2:45 error: TUMBLE: 'page' is not the time attribute of the input | use 'event_time'\n");
    DIAGS(CLICKS
         "SELECT COUNT(*) FROM clicks GROUP BY TUMBLE(event_time, INTERVAL '1' MINUTE), TUMBLE(event_time, INTERVAL '2' MINUTE);",
         "2:79 error: GROUP BY holds two window functions | keep one of them\n");
}
