/* tests/unit/runtime/test_why.c -- what wr_job_why says, word by word, on a clock that only the test moves.
 *
 * Each case is a script over two files that get no more; its answer is in why.expected. The calling thread's
 * tick waits until all rows have been read and the splits have been found quiet, moves the clock, waits
 * again, and asks. WEIR_WRITE=1 writes why.expected anew. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"

#define EXPECTED  "tests/unit/runtime/why.expected"
#define SECOND    INT64_C(1000000)
#define START     INT64_C(1767225600000000) /* 2026-01-01 */
#define TICKS_MAX 600
#define LOOKS     120

typedef struct why_case {
    const char *name, *options; /* of stream t */
    const char *a, *b;          /* a.jsonl, b.jsonl */
    const char *sql;            /* reads t */
    int64_t later_us;           /* the clock goes on by that before it is asked */
    uint64_t rows, out;         /* to wait for */
} why_case;

#define ROW(second, k, v) "{\"ts\":\"2026-01-01T00:00:" second "Z\",\"k\":\"" k "\",\"v\":" v "}\n"
#define A                 ROW("01", "a", "1") ROW("02", "a", "2") ROW("12", "b", "3") ROW("33", "c", "4")
#define B                 ROW("03", "d", "5")
#define HELD              ", idle_timeout = '0'"
#define TUMBLE            "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
#define OUT               "CREATE STREAM o WITH (connector = 'blackhole') AS "

static const why_case cases[] = {
    {"tumble, a split that holds it", HELD, A, B,
     OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k", 34 * SECOND, 5, 0},
    {"the same, before idle_timeout", ", idle_timeout = '30 s'", A, B,
     OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k", 10 * SECOND, 5, 0},
    {"all idle, on hold", ", idle_timeout = '30 s', idle_policy = 'hold'", A, B,
     OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k", 600 * SECOND, 5, 3},
    {"all idle, by the clock", ", idle_timeout = '30 s'", A, B,
     OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k", 31 * SECOND, 5, 3},
    {"a split without a row", HELD, A, "",
     OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k", 7200 * SECOND, 4, 0},
    {"no rows", HELD, "", "", OUT "SELECT k, COUNT(*) AS n " TUMBLE "GROUP BY window_start, window_end, k",
     61 * SECOND, 0, 0},
    {"all filtered", HELD, A, B, OUT "SELECT k, v + 1 AS w FROM t WHERE v > 10 OR k LIKE 'x%'", SECOND, 5, 0},
    {"all late", HELD, ROW("59", "a", "1") ROW("01", "b", "1"), "",
     OUT
     "SELECT k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND)) WHERE k = 'b' "
     "GROUP BY window_start, window_end, k",
     SECOND, 2, 0},
    {"hop", HELD, A, B,
     OUT "SELECT COUNT(*) AS n FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' "
         "SECOND)) "
         "GROUP BY window_start, window_end",
     SECOND, 5, 0},
    {"cumulate", HELD, A, B,
     OUT
     "SELECT COUNT(*) AS n FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '20' "
     "SECOND)) GROUP BY window_start, window_end",
     SECOND, 5, 0},
    {"sessions", HELD, A, B,
     OUT "SELECT k, COUNT(*) AS n FROM t GROUP BY k, SESSION(ts, INTERVAL '5' SECOND)", SECOND, 5, 0},
    {"early results", HELD, A, B,
     OUT "SELECT k, COUNT(*) AS n " TUMBLE
         "GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '4' SECOND",
     SECOND, 5, 0},
    {"over", HELD, A, B,
     OUT "SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '1' MINUTE PRECEDING) AS s FROM t",
     SECOND, 5, 1},
    {"top n of a window", HELD, A, B,
     OUT "SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY v "
         "DESC) AS rn "
         "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE rn <= 2",
     SECOND, 5, 0},
    {"order by time", HELD, A, B, OUT "SELECT k, v FROM t ORDER BY ts", SECOND, 5, 2},
    {"window join", HELD, A, B,
     OUT "SELECT l.k, r.v FROM (SELECT * " TUMBLE ") AS l JOIN (SELECT * " TUMBLE
         ") AS r ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end",
     SECOND, 5, 0},
    {"outer interval join", HELD, A, B,
     OUT
     "SELECT l.k, r.v FROM t AS l LEFT JOIN t AS r ON l.k = r.k AND r.v = 9 AND r.ts BETWEEN l.ts AND l.ts + "
     "INTERVAL '5' SECOND",
     SECOND, 5, 0},
    {"inner interval join", HELD, A, B,
     OUT "SELECT l.k, r.v FROM t AS l JOIN t AS r ON l.k = r.k AND r.v = l.v + 9 AND r.ts BETWEEN l.ts AND "
         "l.ts + "
         "INTERVAL '5' SECOND",
     SECOND, 5, 0},
    {"match", HELD, A, B,
     OUT "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES LAST(x.v) AS v PATTERN (s x) "
         "WITHIN "
         "INTERVAL '1' MINUTE DEFINE x AS x.v > 100)",
     SECOND, 5, 0},
    {"delivered", HELD, A, B, OUT "SELECT k, v FROM t", SECOND, 5, 5},
};

static struct { int64_t mono_us, calls; } fake;
static int64_t f_mono(void) {
    __atomic_add_fetch(&fake.calls, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&fake.mono_us, __ATOMIC_SEQ_CST);
}
static int64_t f_wall(void) { return START + f_mono(); }

typedef struct run {
    const why_case *c;
    char dir[64];
    wr_arena ar;
    wr_job *job;
    int step, ticks;
    int64_t seen;
    wr_buf text, line, json;
} run;

static void on_tick(void *ctx) {
    run *r = ctx;
    wr_job_stats s;
    wr_err err = {0};
    wr_job_stats_read(r->job, &s);
    bool there = s.rows_in == r->c->rows && (r->step == 0 || s.rows_out >= r->c->out);
    bool looked = __atomic_load_n(&fake.calls, __ATOMIC_SEQ_CST) - r->seen > LOOKS;
    if (r->step < 2 && there && looked) {
        if (r->step == 0) __atomic_add_fetch(&fake.mono_us, r->c->later_us, __ATOMIC_SEQ_CST);
        r->seen = __atomic_load_n(&fake.calls, __ATOMIC_SEQ_CST);
        r->step++;
    } else if (r->step == 2) {
        cr_assert_eq(wr_job_why(r->job, WR_WHY_TEXT, &r->text, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(wr_job_why(r->job, WR_WHY_LINE, &r->line, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(wr_job_why(r->job, WR_WHY_JSON, &r->json, &err), WR_OK, "%s", err.msg);
        r->step++;
    }
    if (r->step == 3 || ++r->ticks > TICKS_MAX) wr_job_cancel(r->job);
}

static void put_file(const run *r, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void drop_file(const run *r, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    unlink(path);
}

static void nowhere(void *ctx, const char *p, size_t n) { (void)ctx, (void)p, (void)n; }

static void run_job(run *r, uint32_t workers) {
    char *text =
        wr_arena_printf(&r->ar,
                        "CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - "
                        "INTERVAL '1' SECOND) WITH "
                        "(connector = 'file', path = '%s/*.jsonl', format = 'json', tail = true%s);\n%s;\n",
                        r->dir, r->c->options, r->c->sql);
    wr_registry reg = wr_builtin();
    wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &r->ar};
    wr_script script;
    wr_plan plan;
    cr_assert_eq(wr_parse(&r->ar, &d, &script), WR_OK, "%s: %s", r->c->name, d.n ? d.items[0].msg : "");
    cr_assert_eq(wr_plan_script(&script, &reg, &r->ar, &d, &plan), WR_OK, "%s: %s", r->c->name,
                 d.n ? d.items[0].msg : "");
    wr_sys sys = wr_sys_real;
    sys.mono_us = f_mono;
    sys.wall_us = f_wall;
    fake.mono_us = 5 * SECOND;
    fake.calls = 0;
    wr_job_opts opts = {.workers = workers, .output = nowhere, .sys = &sys};
    wr_err err = {0};
    cr_assert_eq(wr_job_new(&plan, &opts, &r->job, &err), WR_OK, "%s", err.msg);
    wr_status s = wr_job_run(r->job, on_tick, r, &err);
    cr_assert_eq(s, WR_ECANCELED, "%s: %s", r->c->name, err.msg);
    cr_assert_eq(r->step, 3, "%s: stuck in step %d", r->c->name, r->step);
    wr_job_free(r->job);
}

/* The text without the folder's name. Several workers may have read rows of one key: how many there are is
 * then known as a limit only. */
static void add_masked(const run *r, const wr_buf *from, wr_buf *out) {
    size_t n = strlen(r->dir), at = 0;
    while (at < from->len) {
        bool dir = from->len - at >= n && memcmp(from->data + at, r->dir, n) == 0;
        bool most = from->len - at >= 8 && memcmp(from->data + at, "at most ", 8) == 0;
        if (!most) cr_assert_eq(wr_buf_put(out, dir ? "DIR" : from->data + at, dir ? 3 : 1), WR_OK);
        at += dir ? n : most ? 8 : 1;
    }
}

static void check_json(const run *r) {
    json_error_t e;
    json_t *j = json_loadb(r->json.data, r->json.len, 0, &e);
    cr_assert_not_null(j, "%s: %s: %s", r->c->name, e.text, r->json.data);
    wr_buf all = {0};
    for (size_t i = 0; i < json_array_size(json_object_get(j, "lines")); i++)
        cr_assert_eq(
            wr_buf_printf(&all, "%s\n", json_string_value(json_array_get(json_object_get(j, "lines"), i))),
            WR_OK);
    cr_assert(all.len == r->text.len && memcmp(all.data, r->text.data, all.len) == 0, "%s: %.*s", r->c->name,
              (int)all.len, all.data);
    cr_assert(json_is_array(json_object_get(j, "windows")));
    wr_buf_free(&all);
    json_decref(j);
}

static void ask(const why_case *c, uint32_t workers, wr_buf *out) {
    run r = {.c = c};
    snprintf(r.dir, sizeof r.dir, "/tmp/weir-test-why-XXXXXX");
    cr_assert_not_null(mkdtemp(r.dir));
    put_file(&r, "a.jsonl", c->a);
    put_file(&r, "b.jsonl", c->b);
    run_job(&r, workers);
    check_json(&r);
    cr_assert_eq(wr_buf_printf(out, "== %s\n", c->name), WR_OK);
    add_masked(&r, &r.text, out);
    cr_assert_eq(wr_buf_puts(out, "-- "), WR_OK);
    add_masked(&r, &r.line, out);
    cr_assert_eq(wr_buf_puts(out, "\n"), WR_OK);
    drop_file(&r, "a.jsonl");
    drop_file(&r, "b.jsonl");
    rmdir(r.dir);
    wr_buf_free(&r.text);
    wr_buf_free(&r.line);
    wr_buf_free(&r.json);
    wr_arena_free(&r.ar);
}

static void read_expected(wr_buf *out) {
    FILE *f = fopen(EXPECTED, "r");
    cr_assert_not_null(f, EXPECTED);
    for (int ch; (ch = fgetc(f)) != EOF;) {
        char c = (char)ch;
        cr_assert_eq(wr_buf_put(out, &c, 1), WR_OK);
    }
    fclose(f);
}

static void all_cases(uint32_t workers) {
    wr_buf got = {0}, want = {0};
    for (size_t i = 0; i < WR_LEN(cases); i++) ask(&cases[i], workers, &got);
    if (getenv("WEIR_WRITE")) {
        FILE *f = fopen(EXPECTED, "w");
        fwrite(got.data, 1, got.len, f);
        fclose(f);
    }
    read_expected(&want);
    size_t at = 0;
    while (at < got.len && at < want.len && got.data[at] == want.data[at]) at++;
    size_t from = at;
    while (from > 0 && got.data[from - 1] != '\n') from--;
    cr_assert(at == got.len && at == want.len, "with %u workers:\n%.*s\nnot\n%.*s", workers,
              (int)(got.len - from < 400 ? got.len - from : 400), got.data + from,
              (int)(want.len - from < 400 ? want.len - from : 400), want.data + from);
    wr_buf_free(&got);
    wr_buf_free(&want);
}

Test(why, one_worker) { all_cases(1); }
Test(why, three_workers) { all_cases(3); }
