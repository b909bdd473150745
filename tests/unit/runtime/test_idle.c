/* tests/unit/runtime/test_idle.c -- live streams that go quiet, on a clock that only the test moves.
 *
 * The calling thread's tick is the test's script: each step waits for what the job must come to (a number of
 * rows, a watermark), never for a time. `calls` tells that the job has looked at the clock again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"

#define SECOND    INT64_C(1000000)
#define START     INT64_C(1767225600000000) /* 2026-01-01 */
#define TICKS_MAX 600
#define LOOKS     120 /* looks at the clock in which the job surely has asked its splits again */

static struct { int64_t mono_us, calls; } fake;

static int64_t f_mono(void) {
    __atomic_add_fetch(&fake.calls, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&fake.mono_us, __ATOMIC_SEQ_CST);
}
static int64_t f_wall(void) { return START + f_mono(); }
static void go_on(int64_t us) { __atomic_add_fetch(&fake.mono_us, us, __ATOMIC_SEQ_CST); }

typedef struct run {
    char dir[64];
    wr_arena ar;
    wr_plan plan;
    wr_job *job;
    int step, ticks;
    int64_t seen; /* calls when the step began */
    bool done;
    int64_t closes_us; /* from the row's arrival on: the window is still open a tenth of a second before */
    void (*script)(struct run *r, const wr_job_stats *s);
} run;

static void path_of(const run *r, const char *name, char *out, size_t n) {
    snprintf(out, n, "%s/%s", r->dir, name);
}

static void append(const run *r, const char *name, const char *text) {
    char path[128];
    path_of(r, name, path, sizeof path);
    FILE *f = fopen(path, "a");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void next(run *r) {
    r->step++;
    r->seen = __atomic_load_n(&fake.calls, __ATOMIC_SEQ_CST);
}

static bool looked(const run *r) { return __atomic_load_n(&fake.calls, __ATOMIC_SEQ_CST) - r->seen > LOOKS; }

static void on_tick(void *ctx) {
    run *r = ctx;
    wr_job_stats s;
    wr_job_stats_read(r->job, &s);
    if (!r->done) r->script(r, &s);
    if (r->done || ++r->ticks > TICKS_MAX) wr_job_cancel(r->job);
}

#define TIMED "ts TIMESTAMP(3), k VARCHAR, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND"

/* Runs text until script says that it is done. */
static void run_text(run *r, const char *text) {
    fake.mono_us = 5 * SECOND;
    fake.calls = 0;
    wr_registry reg = wr_builtin();
    wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &r->ar};
    wr_script script;
    cr_assert_eq(wr_parse(&r->ar, &d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &r->ar, &d, &r->plan), WR_OK, "%s", d.n ? d.items[0].msg : "");
    wr_sys sys = wr_sys_real;
    sys.mono_us = f_mono;
    sys.wall_us = f_wall;
    wr_job_opts opts = {.workers = 1, .sys = &sys};
    wr_err err = {0};
    cr_assert_eq(wr_job_new(&r->plan, &opts, &r->job, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_job_run(r->job, on_tick, r, &err), WR_ECANCELED, "%s", err.msg);
    cr_assert(r->done, "stuck in step %d", r->step);
    wr_job_free(r->job);
    wr_arena_free(&r->ar);
}

/* Windows over a stream of these columns, files and options. */
static void run_script(run *r, const char *columns, const char *time, const char *files,
                       const char *options) {
    run_text(
        r,
        wr_arena_printf(
            &r->ar,
            "CREATE STREAM t (%s) WITH (connector = 'file', path = '%s/%s', format = 'json', tail = "
            "true%s);\n"
            "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT window_start, k, COUNT(*) AS n FROM "
            "TABLE(TUMBLE(TABLE t, DESCRIPTOR(%s), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, "
            "k;\n",
            columns, r->dir, files, options, time));
}

static void make_dir(run *r) {
    snprintf(r->dir, sizeof r->dir, "/tmp/weir-test-idle-XXXXXX");
    cr_assert_not_null(mkdtemp(r->dir));
}

static void drop(run *r, const char *name) {
    char path[128];
    path_of(r, name, path, sizeof path);
    unlink(path);
    rmdir(r->dir);
}

#define ROW(second) "{\"ts\":\"2026-01-01T00:00:" second ".000Z\",\"k\":\"a\"}\n"
/* Rows up to 00:00:12: the watermark is 11 s, window [0, 10) has closed, [10, 20) waits for 19.999 s. */
static void advances(run *r, const wr_job_stats *s) {
    switch (r->step) {
    case 0:
        if (s->rows_in == 3 && s->rows_out == 1 && looked(r)) {
            cr_assert_eq(s->watermark_us, START + 11 * SECOND);
            go_on(30 * SECOND - 1); /* not quiet for long enough */
            next(r);
        }
        return;
    case 1:
        if (!looked(r)) return;
        cr_assert_eq(s->watermark_us, START + 11 * SECOND);
        go_on(1 + 8950000); /* in steps of a tenth of a second */
        next(r);
        return;
    case 2:
        if (s->watermark_us == START + 11 * SECOND || !looked(r)) return;
        cr_assert_eq(s->watermark_us, START + 19900000);
        cr_assert_eq(s->rows_out, 1);
        go_on(50000);
        next(r);
        return;
    case 3:
        if (s->rows_out < 2) return;
        cr_assert_eq(s->watermark_us, START + 20 * SECOND);
        cr_assert_eq(s->idle_us, 9 * SECOND);
        append(r, "a.jsonl", ROW("13") ROW("21")); /* behind, and ahead */
        next(r);
        return;
    case 4:
        if (s->rows_in < 5 || !looked(r)) return;
        cr_assert_eq(s->late_rows, 1);
        cr_assert_eq(s->watermark_us, START + 20 * SECOND);
        go_on(30 * SECOND + 9999999); /* goes on from 20 s, not from what the rows say; [20, 30) closes */
        next(r);
        return;
    default:
        if (s->watermark_us < START + 29900000) return;
        cr_assert_eq(s->watermark_us, START + 29900000);
        r->done = true;
    }
}

Test(idle, the_last_window_closes_by_itself) {
    run r = {.script = advances};
    make_dir(&r);
    append(&r, "a.jsonl", ROW("01") ROW("02") ROW("12"));
    run_script(&r, TIMED, "ts", "a.jsonl", ", idle_timeout = '30 s'");
    drop(&r, "a.jsonl");
}

static void advances_by_default(run *r, const wr_job_stats *s) {
    if (r->step == 0 && s->rows_in == 1 && looked(r)) {
        go_on(60 * SECOND + 20 * SECOND);
        next(r);
    }
    r->done = s->rows_out == 1;
}

Test(idle, a_minute_by_default) {
    run r = {.script = advances_by_default};
    make_dir(&r);
    append(&r, "a.jsonl", ROW("01"));
    run_script(&r, TIMED, "ts", "a.jsonl", "");
    drop(&r, "a.jsonl");
}

static void holds(run *r, const wr_job_stats *s) {
    if (r->step == 0) {
        if (s->rows_in == 3 && s->rows_out == 1 && looked(r)) {
            go_on(3600 * SECOND);
            next(r);
        }
        return;
    }
    if (!looked(r)) return;
    cr_assert_eq(s->watermark_us, START + 11 * SECOND);
    cr_assert_eq(s->rows_out, 1);
    cr_assert_eq(s->idle_us, 0);
    r->done = true;
}

static void it_holds(const char *options) {
    run r = {.script = holds};
    make_dir(&r);
    append(&r, "a.jsonl", ROW("01") ROW("02") ROW("12"));
    run_script(&r, TIMED, "ts", "a.jsonl", options);
    drop(&r, "a.jsonl");
}

Test(idle, it_waits_where_that_is_asked_for) {
    it_holds(", idle_timeout = '30 s', idle_policy = 'hold'");
    it_holds(", idle_timeout = '0'");
}

/* Arrival time is the wall clock: nothing has to be idle for a window of it to close. */
static void arrives(run *r, const wr_job_stats *s) {
    if (r->step == 0 && s->rows_in == 1 && looked(r)) {
        cr_assert_eq(s->rows_out, 0);
        go_on(10 * SECOND);
        next(r);
    }
    r->done = s->rows_out == 1;
}

Test(idle, arrival_time_goes_on) {
    run r = {.script = arrives};
    make_dir(&r);
    append(&r, "a.jsonl", ROW("01"));
    run_script(&r, "k VARCHAR", "ROWTIME", "a.jsonl", "");
    drop(&r, "a.jsonl");
}

/* So it is with the windows of the Kinesis dialect, whose ROWTIME is the arrival. */
static void closes_in_time(run *r, const wr_job_stats *s) {
    switch (r->step) {
    case 0:
        if (s->rows_in < 1 || !looked(r)) return;
        cr_assert_eq(s->rows_out, 0);
        go_on(r->closes_us - 200000);
        next(r);
        return;
    case 1:
        if (!looked(r)) return;
        cr_assert_eq(s->rows_out, 0);
        go_on(300000);
        next(r);
        return;
    default:
        r->done = s->rows_out == 1;
    }
}

static void kinesis_window(const char *clause, int64_t closes_us) {
    run r = {.script = closes_in_time, .closes_us = closes_us};
    make_dir(&r);
    append(&r, "a.jsonl", ROW("01"));
    run_text(&r, wr_arena_printf(&r.ar,
                                 "CREATE STREAM t (k VARCHAR) WITH (connector = 'file', path = '%s/a.jsonl', "
                                 "format = 'json', tail = true);\n"
                                 "CREATE STREAM o (k VARCHAR, n INTEGER) WITH (connector = 'blackhole');\n"
                                 "CREATE PUMP p AS INSERT INTO o SELECT STREAM k, COUNT(*) FROM t %s;\n",
                                 r.dir, clause));
    drop(&r, "a.jsonl");
}

Test(idle, kinesis_windows_close_by_the_clock) { /* the row arrives at 5 s */
    kinesis_window("GROUP BY k, STEP(t.ROWTIME BY INTERVAL '20' SECOND)", 15 * SECOND);
    kinesis_window("WINDOWED BY STAGGER (PARTITION BY k RANGE INTERVAL '20' SECOND)", 20 * SECOND);
}

/* a.jsonl never has a row: it keeps nobody from reading b.jsonl, and holds time back until it is idle. */
static void two_splits(run *r, const wr_job_stats *s) {
    if (r->step == 0 && s->rows_in == 3 && looked(r)) {
        cr_assert_eq(s->watermark_us, WR_WM_NONE);
        go_on(30 * SECOND);
        next(r);
    }
    if (r->step == 1 && s->rows_out == 1) {
        append(r, "b.jsonl", ROW("32"));
        next(r);
    }
    r->done = r->step == 2 && s->rows_in == 4 && s->rows_out == 2 && s->watermark_us == START + 31 * SECOND;
}

Test(idle, one_quiet_split_of_two) {
    run r = {.script = two_splits};
    make_dir(&r);
    append(&r, "a.jsonl", "");
    append(&r, "b.jsonl", ROW("01") ROW("02") ROW("12"));
    run_script(&r, TIMED, "ts", "*.jsonl", ", idle_timeout = '30 s'");
    char path[128];
    path_of(&r, "b.jsonl", path, sizeof path);
    unlink(path);
    drop(&r, "a.jsonl");
}
