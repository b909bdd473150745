/* Rows that wait for a snapshot while none can be written: sources rest, say why, and go on by themselves. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "state/state.h"

#define ROWS   100000
#define BUDGET (16 << 20)
#define SQL                                                                                                  \
    "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 100000, seed = 3);\n"              \
    "CREATE STREAM o WITH (connector = 'stream', format = 'json', shards = '2') AS SELECT * FROM g;"

static struct {
    wr_job *job;
    pthread_t control;
    uint64_t looks;
    bool has_room; /* snapshots can be written */
    int failed;
    uint64_t rows_in; /* when that began */
    int64_t pending;
    wr_buf why, line;
} h;

/* Snapshots have no room until the sources rest, or have no more. */
static int h_rename(const char *from, const char *to) {
    wr_job_metrics m;
    wr_err err = {0};
    if (!strstr(from, ".making") || h.has_room) return wr_sys_real.rename(from, to);
    cr_assert_eq(wr_job_metrics_read(h.job, &m, &err), WR_OK, "%s", err.msg);
    if (h.failed > 0 && (m.resting || m.rows_in == ROWS)) {
        h.has_room = true;
        h.rows_in = m.rows_in;
        h.pending = m.sinks[0].pending_bytes;
        cr_assert_eq(wr_job_why(h.job, WR_WHY_TEXT, &h.why, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(wr_job_why(h.job, WR_WHY_LINE, &h.line, &err), WR_OK, "%s", err.msg);
    } else h.failed++;
    wr_job_metrics_free(&m);
    if (h.has_room) return wr_sys_real.rename(from, to);
    errno = ENOSPC;
    return -1;
}

/* A second passes with each look of the control thread: no back-off is waited for. */
static int64_t h_mono_us(void) {
    uint64_t n = pthread_equal(pthread_self(), h.control) ? __atomic_add_fetch(&h.looks, 1, __ATOMIC_RELAXED)
                                                          : __atomic_load_n(&h.looks, __ATOMIC_RELAXED);
    return wr_sys_real.mono_us() + (int64_t)n * WR_US_PER_SECOND;
}

static size_t count_records(wr_streams *db) {
    size_t n = 0;
    wr_err err = {0};
    wr_records got = {0};
    for (uint32_t shard = 0; shard < 2; shard++) {
        wr_reader *r;
        cr_assert_eq(wr_reader_open(db, "o", shard, (wr_place){0}, &r, &err), WR_OK, "%s", err.msg);
        while (wr_reader_next(r, 4096, &got, &err) == WR_OK) n += got.n;
        wr_reader_close(r);
    }
    wr_records_free(&got);
    return n;
}

Test(rest, while_no_snapshot_can_be_written) {
    char dir[] = "/tmp/weir-test-rest-XXXXXX", state[64], data[64], cmd[80];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(state, sizeof state, "%s/state", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    wr_sys sys = wr_sys_real;
    sys.rename = h_rename;
    sys.mono_us = h_mono_us;
    wr_arena ar = {0};
    wr_diags d = {.file = "test", .text = SQL, .len = strlen(SQL), .ar = &ar};
    wr_script script;
    wr_plan plan;
    wr_err err = {0};
    wr_registry reg = wr_builtin();
    cr_assert_eq(wr_parse(&ar, &d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &ar, &d, &plan), WR_OK);
    wr_job_opts opts = {.sys = &sys, .workers = 2, .batch_rows = 100, .state_dir = state};
    opts.snapshot_interval_us = 1000;
    opts.memory_bytes = BUDGET;
    cr_assert_eq(wr_streams_open(&(wr_streams_opts){.dir = data}, &opts.streams, &err), WR_OK);
    cr_assert_eq(wr_job_new(&plan, &opts, &h.job, &err), WR_OK, "%s", err.msg);
    h.control = pthread_self();
    cr_assert_eq(wr_job_run(h.job, NULL, NULL, &err), WR_OK, "%s", err.msg);
    cr_assert(h.has_room);
    cr_assert_lt(h.rows_in, ROWS, "nothing rested");
    cr_assert_leq(h.pending, BUDGET / 16 * 2 + (2 << 20), "%lld bytes", (long long)h.pending);
    cr_assert_not_null(strstr(h.why.data, "Sources rest: "), "%s", h.why.data);
    cr_assert_not_null(strstr(h.line.data, "sources rest: "), "%s", h.line.data);
    wr_trouble t;
    wr_job_trouble(h.job, WR_TROUBLE_SNAPSHOT, &t);
    cr_assert(!t.now && t.times > 0 && strstr(t.why, strerror(ENOSPC)), "%s", t.why);
    cr_assert_eq(count_records(opts.streams), ROWS);
    wr_job_free(h.job);
    wr_streams_close(opts.streams);
    wr_arena_free(&ar);
    wr_buf_free(&h.why);
    wr_buf_free(&h.line);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    cr_assert_eq(system(cmd), 0);
}
