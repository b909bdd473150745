/* Savepoints of a job under load, at whatever instants they are asked for: from each of them the job, with
 * another number of workers, ends with the same output; damaged ones are refused. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/job_int.h"

#define MOST 6 /* savepoints of a run */

static char dir[64];

static void remove_all(void) {
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    if (system(cmd) != 0) abort();
}

static const char *path(const char *name) {
    static char paths[8][128];
    static unsigned at;
    char *p = paths[at++ % 8];
    snprintf(p, 128, "%s/%s", dir, name);
    return p;
}

static void setup(void) {
    snprintf(dir, sizeof dir, "/tmp/weir-save-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    FILE *f = fopen(path("in"), "w");
    for (int i = 0; i < 60000; i++)
        fprintf(f, "{\"ts\":\"2026-01-01T00:%02d:%02d.%03dZ\",\"k\":\"key %d\",\"v\":%d}\n", i / 2000,
                i / 33 % 60, i * 7 % 1000, i % 97, i);
    fclose(f);
}

typedef struct planned {
    wr_arena ar;
    wr_diags d;
    char *text;
    wr_plan plan;
} planned;

static void plan(planned *p, const char *more) {
    wr_registry reg = wr_builtin();
    wr_script script;
    memset(p, 0, sizeof *p);
    p->text = wr_arena_printf(&p->ar,
                              "CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts "
                              "- INTERVAL '2' SECOND) WITH "
                              "(connector = 'file', path = '%s/in', format = 'json', chunk_bytes = '8KiB');\n"
                              "CREATE STREAM a WITH (connector = 'file', path = '%s/a', format = 'json') AS "
                              "SELECT window_start, k, SUM(v) "
                              "AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP "
                              "BY window_start, window_end, k;\n"
                              "CREATE STREAM b WITH (connector = 'file', path = '%s/b', format = 'json') AS "
                              "SELECT ts, k, COUNT(*) OVER "
                              "(PARTITION BY k ORDER BY ts) AS n FROM t WHERE v %% 3 = 0;\n%s",
                              dir, dir, dir, more);
    p->d = (wr_diags){.file = "test", .text = p->text, .len = strlen(p->text), .ar = &p->ar};
    cr_assert_eq(wr_parse(&p->ar, &p->d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &p->ar, &p->d, &p->plan), WR_OK, "%s",
                 p->d.n ? p->d.items[0].msg : "");
}

/* A hash of a file's lines, in any order. */
static uint64_t hash_of(const char *file) {
    char line[512];
    uint64_t h = 0;
    FILE *f = fopen(path(file), "r");
    cr_assert_not_null(f, "%s", file);
    while (fgets(line, sizeof line, f)) h += wr_hash_bytes(line, strlen(line));
    fclose(f);
    return h;
}

/* ---- asking ---- */

typedef struct asking {
    wr_job *job;
    uint32_t asked, made, failed; /* savepoints; written by the control thread */
    uint64_t rows;                /* that had been read when the last was asked for */
    bool waits, stop;
    wr_err err;
} asking;

static void done(void *ctx, wr_status s, uint64_t bytes, const wr_err *err) {
    asking *a = ctx;
    a->waits = false;
    if (s == WR_OK) {
        cr_assert_gt(bytes, 0);
        a->made++;
    } else {
        a->failed++;
        a->err = *err;
    }
}

/* From a thread of its own: asks again and again until enough is there, or the job has ended. */
static void *ask(void *ctx) {
    asking *a = ctx;
    char to[128];
    wr_err err = {0};
    while (a->asked < MOST) {
        snprintf(to, sizeof to, "%s/point%u", dir, a->asked);
        wr_status s = wr_job_savepoint(a->job, to, a->stop && a->asked + 1 == MOST, done, a, &err);
        if (s == WR_OK) a->asked++;
        else if (strstr(err.msg, "has ended")) break;
        else sched_yield();
    }
    return NULL;
}

static wr_status run(const planned *p, wr_job_opts opts, asking *a, wr_err *err) {
    wr_job *job;
    pthread_t thread;
    wr_status s = wr_job_new(&p->plan, &opts, &job, err);
    if (s != WR_OK) return s;
    if (a) {
        a->job = job;
        cr_assert_eq(pthread_create(&thread, NULL, ask, a), 0);
    }
    s = wr_job_run(job, NULL, NULL, err);
    if (a) pthread_join(thread, NULL);
    wr_job_free(job);
    return s;
}

static void go_on_from(const planned *p, uint32_t point, uint32_t workers, uint64_t a, uint64_t b) {
    char from[128], state[128];
    wr_err err = {0};
    snprintf(from, sizeof from, "%s/point%u", dir, point);
    snprintf(state, sizeof state, "%s/state.%u.%u", dir, point, workers);
    wr_job_opts opts = {.workers = workers, .state_dir = state, .from_dir = from, .sql = p->text};
    cr_assert_eq(run(p, opts, NULL, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(hash_of("a"), a, "savepoint %u, %u workers: a", point, workers);
    cr_assert_eq(hash_of("b"), b, "savepoint %u, %u workers: b", point, workers);
}

/* Later savepoints first: what a file holds below a mark must be what the job had written there, in its
 * order. */
Test(job_savepoint, taken_under_load_and_gone_on_from, .timeout = 120) {
    planned p;
    wr_err err = {0};
    asking a = {0};
    setup();
    plan(&p, "");
    wr_job_opts opts = {
        .workers = 2, .state_dir = path("state"), .sql = p.text, .snapshot_interval_us = 5000};
    cr_assert_eq(run(&p, opts, &a, &err), WR_OK, "%s", err.msg);
    uint64_t ha = hash_of("a"), hb = hash_of("b");
    cr_assert_eq(a.made + a.failed, a.asked);
    if (a.failed)
        cr_assert_not_null(strstr(a.err.msg, "ended before"), "%s", a.err.msg); /* the last one only */
    cr_assert(a.made >= 1 && a.failed <= 1, "%u made, %u failed", a.made, a.failed);
    for (uint32_t i = a.made; i-- > 0;) go_on_from(&p, i, 1 + i % 5, ha, hb);
    remove_all();
    wr_arena_free(&p.ar);
}

Test(job_savepoint, stop_with_a_savepoint_and_go_on_with_other_sql, .timeout = 120) {
    planned p, q;
    wr_err err = {0};
    asking a = {.asked = MOST - 1, .stop = true};
    setup();
    plan(&p, "");
    plan(&q, "CREATE STREAM c WITH (connector = 'blackhole') AS SELECT k, MAX(v) AS m FROM t GROUP BY k EMIT "
             "CHANGES;");
    cr_assert_eq(run(&p, (wr_job_opts){.workers = 3}, NULL, &err), WR_OK, "%s", err.msg);
    uint64_t ha = hash_of("a"), hb = hash_of("b");
    wr_job_opts opts = {
        .workers = 2, .state_dir = path("state"), .sql = p.text, .snapshot_interval_us = 2000};
    cr_assert_eq(run(&p, opts, &a, &err), WR_ECANCELED, "%s", err.msg);
    cr_assert_eq(a.made, 1, "%s", a.err.msg);
    wr_buf changes = {0};
    wr_job_opts other = {
        .workers = 5, .state_dir = path("new"), .from_dir = path("point5"), .changes = &changes};
    cr_assert_eq(run(&q, other, NULL, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "give --update"), "%s", err.msg);
    other.update = true;
    cr_assert_eq(run(&q, other, NULL, &err), WR_OK, "%s", err.msg);
    cr_assert(changes.len > 0);
    cr_assert_eq(hash_of("a"), ha);
    cr_assert_eq(hash_of("b"), hb);
    wr_buf_free(&changes);
    remove_all();
    wr_arena_free(&p.ar);
    wr_arena_free(&q.ar);
}

Test(job_savepoint, is_refused_without_a_state) {
    planned p;
    wr_err err = {0};
    wr_job *job;
    setup();
    plan(&p, "");
    cr_assert_eq(wr_job_new(&p.plan, &(wr_job_opts){.workers = 1}, &job, &err), WR_OK);
    cr_assert_eq(wr_job_savepoint(job, path("point"), false, done, NULL, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "--state DIR"), "%s", err.msg);
    wr_job_free(job);
    cr_assert_neq(access(path("point"), F_OK), 0);
    remove_all();
    wr_arena_free(&p.ar);
}
