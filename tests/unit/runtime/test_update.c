/* What a job keeps when its SQL changes: edits of a script, and the lines that come of them. */
#include <criterion/criterion.h>

#include "runtime/job_int.h"

typedef struct planned {
    wr_arena ar;
    wr_diags d;
    wr_plan plan;
    wri_about about;
} planned;

static void plan(planned *p, const char *sql) {
    wr_registry reg = wr_builtin();
    wr_script script;
    wr_err err = {0};
    memset(p, 0, sizeof *p);
    p->d = (wr_diags){.file = "test", .text = sql, .len = strlen(sql), .ar = &p->ar};
    cr_assert_eq(wr_parse(&p->ar, &p->d, &script), WR_OK, "%s: %s", sql, p->d.n ? p->d.items[0].msg : "");
    cr_assert_eq(wr_plan_script(&script, &reg, &p->ar, &p->d, &p->plan), WR_OK, "%s: %s", sql,
                 p->d.n ? p->d.items[0].msg : "");
    cr_assert_eq(wri_about_plan(&p->plan, &p->ar, &p->about, &err), WR_OK);
}

/* The lines, or the message of a refusal. */
static wr_buf lines(const char *before, const char *after) {
    planned a, b;
    wr_update u = {0};
    wr_buf out = {0};
    wr_err err = {0};
    plan(&a, before);
    plan(&b, after);
    wri_was *was = wr_calloc(b.plan.n_nodes, sizeof *was);
    wr_status r = wri_update_make(&a.about, &b.about, &b.plan, &u, was, &err);
    if (r == WR_OK) cr_assert_eq(wr_update_tell(&u, &out), WR_OK);
    else cr_assert_eq(wr_buf_printf(&out, "refused: %s\n", err.msg), WR_OK);
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    cr_assert_eq(u.needed, r == WR_OK && (u.n_of[WR_BEGINS] || u.n_of[WR_DROPS]));
    wr_update_free(&u);
    wr_free(was);
    wr_arena_free(&a.ar);
    wr_arena_free(&b.ar);
    return out;
}

static void expect(const char *before, const char *after, const char *want, int line) {
    wr_buf got = lines(before, after);
    if (strcmp(got.data, want) != 0)
        cr_log_error("line %d\n--- expected\n%s--- got\n%s", line, want, got.data);
    cr_expect_str_eq(got.data, want, "line %d differs", line);
    wr_buf_free(&got);
}
#define EXPECT(before, after, want) expect(before, after, want, __LINE__)

/* Nothing begins and nothing is dropped, either way. */
static void same(const char *a, const char *b, int line) {
    for (int way = 0; way < 2; way++) {
        wr_buf got = lines(way ? b : a, way ? a : b);
        cr_expect(!strstr(got.data, "begins") && !strstr(got.data, "drops") && !strstr(got.data, "refused"),
                  "line %d: %s", line, got.data);
        wr_buf_free(&got);
    }
}
#define SAME(a, b) same(a, b, __LINE__)

/* What `key` names is kept, although other things may begin or be dropped. */
static void kept(const char *a, const char *b, const char *label, int line) {
    char want[512];
    wr_buf got = lines(a, b);
    snprintf(want, sizeof want, "keeps   %s\n", label);
    cr_expect(strstr(got.data, want), "line %d: %s is not kept:\n%s", line, label, got.data);
    wr_buf_free(&got);
}
#define KEPT(a, b, label) kept(a, b, label, __LINE__)

static void not_kept(const char *a, const char *b, const char *label, int line) {
    char begins[512], drops[512];
    wr_buf got = lines(a, b);
    snprintf(begins, sizeof begins, "begins  %s", label);
    snprintf(drops, sizeof drops, "drops   %s", label);
    cr_expect(strstr(got.data, begins) && strstr(got.data, drops), "line %d: %s is kept:\n%s", line, label,
              got.data);
    wr_buf_free(&got);
}
#define NOT_KEPT(a, b, label) not_kept(a, b, label, __LINE__)

#define CLICKS(more)                                                                                         \
    "CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, "        \
    "status INTEGER, latency_ms DOUBLE, bytes BIGINT, WATERMARK FOR event_time AS event_time - INTERVAL "    \
    "'2' "                                                                                                   \
    "SECOND) WITH (connector = 'file', path = 'clicks.jsonl', tail = true, format = 'json'" more ");\n"
#define INTO(name) "CREATE STREAM " name " WITH (connector = 'file', path = '" name "', format = 'json') AS\n"
#define CHANGES(name)                                                                                        \
    "CREATE STREAM " name " WITH (connector = 'file', path = '" name                                         \
    "', format = 'json', changelog = 'op') AS\n"
#define MINUTES(size, calls, where)                                                                          \
    INTO("minutes")                                                                                          \
    "SELECT window_start, page, " calls                                                                      \
    " FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL " size "))" where                     \
    " GROUP BY window_start, window_end, page;\n"
#define RUNS                                                                                                 \
    INTO("runs")                                                                                             \
    "SELECT event_time, user_id, SUM(bytes) OVER (PARTITION BY user_id ORDER BY event_time ROWS BETWEEN 3 "  \
    "PRECEDING "                                                                                             \
    "AND CURRENT ROW) AS s FROM clicks;\n"
#define PLAIN MINUTES("'1' MINUTE", "COUNT(*) AS n", "")

#define L_MINUTES "TUMBLE 1 min over clicks by page: COUNT(*) (minutes)"
#define L_RUNS    "OVER over clicks by user_id (runs)"

Test(update, nothing_has_changed) {
    EXPECT(CLICKS("") PLAIN RUNS, CLICKS("") PLAIN RUNS,
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "keeps   " L_MINUTES "\n"
           "keeps   into minutes (file 'minutes')\n"
           "keeps   " L_RUNS "\n"
           "keeps   into runs (file 'runs')\n");
}

Test(update, what_does_not_matter) {
    SAME(CLICKS("") PLAIN RUNS, CLICKS("") RUNS PLAIN);                        /* order */
    SAME(CLICKS("") PLAIN, "-- a comment\n" CLICKS("") "/* another */" PLAIN); /* text */
    SAME(CLICKS("") PLAIN, "SET workers = 3; SET batch_rows = 7;" CLICKS("") PLAIN);
    SAME(CLICKS("") PLAIN, CLICKS(", chunk_bytes = '1KiB', on_error = 'fail'") PLAIN);
    SAME(CLICKS("") PLAIN, CLICKS(", idle_timeout = '5 s'") PLAIN);
    SAME(CLICKS("") "CREATE VIEW v AS SELECT * FROM clicks WHERE status = 200;" CHANGES(
             "x") "SELECT page, COUNT(*) AS n FROM "
                  "v GROUP BY page EMIT CHANGES;",
         CLICKS("") CHANGES(
             "x") "SELECT page, COUNT(*) AS n FROM clicks WHERE status = 200 GROUP BY page EMIT CHANGES;");
    SAME(CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) AS n", ""),
         CLICKS("") MINUTES("'60' SECOND", "COUNT(*) AS n", ""));
    KEPT(CLICKS("") PLAIN, CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) + 1 AS n", ""), L_MINUTES);
}

Test(update, other_statements_do_not_matter) {
    static const char *const more[] = {
        INTO("m1") "SELECT event_time, page, LAG(country) OVER (PARTITION BY page ORDER BY event_time) AS l "
                   "FROM clicks;\n",
        INTO("m2") "SELECT * FROM clicks;\n",
        INTO("m3") "SELECT latency_ms * 2 AS x, UPPER(country) AS c FROM clicks WHERE status = 500;\n",
        INTO("m4") "SELECT a.page, b.bytes FROM clicks a JOIN clicks b ON a.user_id = b.user_id AND "
                   "b.event_time BETWEEN "
                   "a.event_time AND a.event_time + INTERVAL '1' SECOND;\n",
        CHANGES(
            "m5") "SELECT country, status, ROW_NUMBER() OVER (PARTITION BY country ORDER BY latency_ms) AS "
                  "r FROM "
                  "clicks EMIT CHANGES;\n",
    };
    static const struct {
        const char *sql, *label;
    } old[] = {
        {PLAIN, L_MINUTES},
        {RUNS, L_RUNS},
        {INTO("s") "SELECT user_id, COUNT(*) AS n FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, "
                   "DESCRIPTOR(event_time), INTERVAL '30' SECOND)) GROUP BY window_start, window_end, "
                   "user_id;\n",
         "SESSION 30 s over clicks by user_id: COUNT(*) (s)"},
        {INTO("j") "SELECT a.page, b.status FROM clicks a JOIN clicks b ON a.page = b.page AND b.event_time "
                   "BETWEEN "
                   "a.event_time AND a.event_time + INTERVAL '5' SECOND;\n",
         "JOIN of clicks (j)"},
        {CHANGES(
             "r") "SELECT page, bytes FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY page ORDER BY bytes "
                  "DESC) AS rn "
                  "FROM clicks) WHERE rn <= 3 EMIT CHANGES;\n",
         "ROW_NUMBER over clicks by page (r)"},
        {INTO(
             "p") "SELECT * FROM clicks MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY event_time MEASURES "
                  "A.page AS a "
                  "ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B) WITHIN INTERVAL '5' SECOND "
                  "DEFINE A AS A.status = 500, B AS B.status = 200);\n",
         "MATCH_RECOGNIZE over clicks by user_id (p)"},
        {INTO("o") "SELECT event_time, page FROM clicks ORDER BY event_time, page;\n",
         "ORDER BY over clicks (o)"},
        {CHANGES("c") "SELECT page, COUNT(*) AS n FROM clicks GROUP BY page EMIT CHANGES;\n",
         "GROUP BY over clicks by page: COUNT(*) (c)"},
    };
    for (size_t o = 0; o < WR_LEN(old); o++)
        for (size_t m = 0; m < WR_LEN(more); m++) {
            char a[4096], b[4096];
            snprintf(a, sizeof a, "%s%s", CLICKS(""), old[o].sql);
            snprintf(b, sizeof b, "%s%s%s", CLICKS(""), m % 2 ? more[m] : old[o].sql,
                     m % 2 ? old[o].sql : more[m]);
            KEPT(a, b, old[o].label);
            KEPT(b, a, old[o].label);
        }
}

Test(update, a_statement_more_and_one_less) {
    EXPECT(CLICKS("") PLAIN, CLICKS("") PLAIN RUNS,
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "keeps   " L_MINUTES "\n"
           "keeps   into minutes (file 'minutes')\n"
           "begins  " L_RUNS "; it sees the rows that come from now on, not those that have been read\n"
           "begins  into runs (file 'runs'); what is there already is not gone on with, and a file is "
           "overwritten\n");
    EXPECT(CLICKS("") PLAIN RUNS, CLICKS("") PLAIN,
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "keeps   " L_MINUTES "\n"
           "keeps   into minutes (file 'minutes')\n"
           "drops   " L_RUNS "\n"
           "drops   into runs (file 'runs')\n");
}

Test(update, another_window_is_another_operator_and_the_same_sink) {
    EXPECT(CLICKS("") PLAIN, CLICKS("") MINUTES("'5' MINUTE", "COUNT(*) AS n", ""),
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "keeps   into minutes (file 'minutes')\n"
           "begins  TUMBLE 5 min over clicks by page: COUNT(*) (minutes); it sees the rows that come from "
           "now on, not "
           "those that have been read\n"
           "drops   " L_MINUTES "\n");
}

Test(update, what_does_matter) {
    NOT_KEPT(CLICKS("") PLAIN, CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) AS n", " WHERE status = 200"),
             L_MINUTES);
    NOT_KEPT(CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) AS n", " WHERE status = 200"),
             CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) AS n", " WHERE status = 404"), L_MINUTES);
    NOT_KEPT(CLICKS("") MINUTES("'1' MINUTE", "LISTAGG(country, ',') AS n", ""),
             CLICKS("") MINUTES("'1' MINUTE", "LISTAGG(country, ';') AS n", ""),
             "TUMBLE 1 min over clicks by page");
    NOT_KEPT(CLICKS("") MINUTES("'1' MINUTE", "APPROX_PERCENTILE(bytes, 0.9) AS n", ""),
             CLICKS("") MINUTES("'1' MINUTE", "APPROX_PERCENTILE(bytes, 0.99) AS n", ""),
             "TUMBLE 1 min over clicks by page");
    NOT_KEPT(CLICKS("") MINUTES("'1' MINUTE", "SUM(bytes) AS n", ""),
             CLICKS("") MINUTES("'1' MINUTE", "SUM(status) AS n", ""), "TUMBLE 1 min over clicks by page");
    NOT_KEPT(CLICKS("") MINUTES("'1' MINUTE", "SUM(bytes) AS n", ""),
             CLICKS("") MINUTES("'1' MINUTE", "SUM(DISTINCT bytes) AS n", ""),
             "TUMBLE 1 min over clicks by page");
    NOT_KEPT(CLICKS("") INTO("r") "SELECT event_time, LAG(page, 1) OVER (PARTITION BY user_id ORDER BY "
                                  "event_time) AS l FROM clicks;",
             CLICKS("") INTO("r") "SELECT event_time, LAG(page, 2) OVER (PARTITION BY user_id ORDER BY "
                                  "event_time) AS l FROM clicks;",
             "OVER over clicks by user_id");
    /* Rows that wait would lack a column. */
    NOT_KEPT(
        CLICKS("") RUNS,
        CLICKS("") INTO(
            "runs") "SELECT event_time, user_id, country, SUM(bytes) OVER (PARTITION BY "
                    "user_id ORDER BY event_time ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS s FROM clicks;",
        L_RUNS);
}

Test(update, an_aggregate_more_is_another_operator) {
    EXPECT(CLICKS("") PLAIN, CLICKS("") MINUTES("'1' MINUTE", "COUNT(*) AS n, MAX(bytes) AS m", ""),
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "begins  TUMBLE 1 min over clicks by page: COUNT(*), MAX(bytes) (minutes); it sees the rows that "
           "come from "
           "now on, not those that have been read\n"
           "begins  into minutes (file 'minutes'); what is there already is not gone on with, and a file is "
           "overwritten\n"
           "drops   " L_MINUTES "\n"
           "drops   into minutes (file 'minutes')\n");
}

Test(update, another_source_or_sink) {
    static const char other[] =
        "CREATE STREAM clicks (event_time TIMESTAMP(3), page VARCHAR, WATERMARK FOR event_time AS "
        "event_time - INTERVAL '2' SECOND) WITH (connector = 'file', path = 'other.jsonl', tail = "
        "true, format = 'json');\n" PLAIN;
    EXPECT(CLICKS("") PLAIN, other,
           "keeps   into minutes (file 'minutes')\n"
           "begins  position in clicks (file 'other.jsonl'); it is read from its beginning\n"
           "begins  " L_MINUTES "\n"
           "drops   position in clicks (file 'clicks.jsonl')\n"
           "drops   " L_MINUTES "\n");
    KEPT(CLICKS("") "CREATE STREAM m WITH (connector = 'file', path = 'a', format = 'json', changelog = "
                    "'op') AS SELECT page, "
                    "COUNT(*) AS n "
                    "FROM clicks GROUP BY page EMIT CHANGES;",
         CLICKS("") "CREATE STREAM m WITH (connector = 'file', path = 'b', format = 'csv', changelog = 'op') "
                    "AS SELECT page, "
                    "COUNT(*) AS n "
                    "FROM clicks GROUP BY page EMIT CHANGES;",
         "GROUP BY over clicks by page: COUNT(*) (m)");
}

Test(update, two_that_are_the_same_are_counted) {
    EXPECT(CLICKS("")
               CHANGES("a") "SELECT page, COUNT(*) AS n FROM clicks GROUP BY page EMIT CHANGES;\n" CHANGES(
                   "b") "SELECT page, COUNT(*) AS n FROM clicks GROUP BY page EMIT CHANGES;",
           CLICKS("") CHANGES("b") "SELECT page, COUNT(*) AS n FROM clicks GROUP BY page EMIT CHANGES;",
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "keeps   GROUP BY over clicks by page: COUNT(*) (b)\n"
           "keeps   into b (file 'b')\n"
           "drops   into a (file 'a')\n"
           "drops   GROUP BY over clicks by page: COUNT(*) (b)\n");
}

/* ---- tables that are read first ---- */

#define USERS                                                                                                \
    "CREATE STREAM users (id VARCHAR, name VARCHAR, age INTEGER) WITH (connector = 'file', path = 'u', "     \
    "format = 'json');\n"
#define NAMED(what) INTO("named") "SELECT c.page, " what " FROM clicks c JOIN users u ON c.user_id = u.id;\n"

Test(update, a_new_join_reads_its_table_again) {
    EXPECT(CLICKS("") USERS NAMED("u.name"), CLICKS("") USERS NAMED("u.age AS name"),
           "keeps   position in clicks (file 'clicks.jsonl')\n"
           "begins  position in users (file 'u'); it is read from its beginning\n"
           "begins  JOIN of clicks, users (named); it sees the rows that come from now on, not those that "
           "have been read\n"
           "begins  into named (file 'named'); what is there already is not gone on with, and a file is "
           "overwritten\n"
           "drops   position in users (file 'u')\n"
           "drops   JOIN of clicks, users (named)\n"
           "drops   into named (file 'named')\n");
}

#define BY(column)                                                                                           \
    "CREATE STREAM t (a TIMESTAMP(3), b TIMESTAMP(3), WATERMARK FOR " column " AS " column                   \
    ") WITH (connector = 'file', path = 't', tail = true, format = 'json');\n" INTO(                         \
        "n") "SELECT COUNT(*) AS n FROM t GROUP BY FLOOR(" column " TO MINUTE);\n"

Test(update, another_event_time) {
    EXPECT(
        BY("a"), BY("b"),
        "keeps   position in t (file 't'); its event time is another one, and begins anew\n"
        "keeps   into n (file 'n')\n"
        "begins  TUMBLE 1 min over t: COUNT(*) (n); it sees the rows that come from now on, not those that "
        "have been read\n"
        "drops   TUMBLE 1 min over t: COUNT(*) (n)\n");
}

Test(update, a_table_that_others_have_read_is_not_read_twice) {
    wr_buf got = lines(CLICKS("") USERS INTO("n") "SELECT COUNT(*) AS n FROM users;\n",
                       CLICKS("") USERS INTO("n") "SELECT COUNT(*) AS n FROM users;\n" NAMED("u.name"));
    cr_assert_not_null(strstr(got.data, "refused: a new join reads the rows of users first"), "%s", got.data);
    wr_buf_free(&got);
}
