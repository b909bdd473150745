/* tests/unit/runtime/test_job.c -- opening a job when memory runs out at any point, and running it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/runtime.h"

static const char script_text[] =
    "CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, v BIGINT, w AS v * 2, WATERMARK FOR ts AS ts - INTERVAL "
    "'1' SECOND)\n"
    "WITH (connector = 'file', path = '%s', format = 'json', late_output = 'late');\n"
    "CREATE STREAM a WITH (connector = 'blackhole') AS SELECT window_start, UPPER(k) AS k, SUM(w) AS s, "
    "MEDIAN(v) AS m,\n"
    "  COUNT(DISTINCT v) AS d, LISTAGG(k) AS l FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND,\n"
    "  INTERVAL '3' SECOND)) WHERE v >= 0 OR k LIKE 'a%%' GROUP BY window_start, window_end, k HAVING "
    "COUNT(*) > 0;\n"
    "CREATE STREAM b WITH (connector = 'blackhole') AS SELECT k, FORMAT('%%s', k) AS f FROM t ORDER BY k "
    "LIMIT 3;\n"
    "CREATE STREAM c WITH (connector = 'blackhole') AS SELECT message FROM error_stream UNION ALL SELECT k "
    "FROM late;\n"
    "CREATE STREAM d WITH (connector = 'blackhole') AS SELECT k, MAX(v) AS v FROM t GROUP BY k;\n";

typedef struct {
    char path[64];
    wr_arena ar;
    char *text;
    wr_diags d;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
} planned;

static void make_input(char *path, size_t n, const char *mode) {
    snprintf(path, n, "/tmp/weir-test-job-%d.jsonl", (int)getpid());
    gzFile f = gzopen(path, mode);
    cr_assert_not_null(f);
    for (int i = 0; i < 500; i++)
        gzprintf(f, "{\"ts\":\"2026-01-01T00:00:%02d.000Z\",\"k\":\"key of some length %d\",\"v\":%d}\n",
                 (i * 7) % 60, i % 9, i);
    gzputs(f, "{\"ts\":\"2026-01-01T00:00:01.000Z\",\"v\":\"no number\"}\n");
    gzclose(f);
}

/* mode: of gzopen; "wT" writes plain text. */
static void make_plan_over(planned *p, const char *mode) {
    memset(p, 0, sizeof *p);
    make_input(p->path, sizeof p->path, mode);
    p->reg = wr_builtin();
    p->text = wr_arena_printf(&p->ar, script_text, p->path);
    p->d = (wr_diags){.file = "test", .text = p->text, .len = strlen(p->text), .ar = &p->ar};
    cr_assert_eq(wr_parse(&p->ar, &p->d, &p->script), WR_OK);
    wr_status s = wr_plan_script(&p->script, &p->reg, &p->ar, &p->d, &p->plan);
    cr_assert_eq(s, WR_OK, "%s", p->d.n ? p->d.items[0].msg : "");
}

static void make_plan(planned *p) { make_plan_over(p, "wT"); }

static void free_plan(planned *p) {
    unlink(p->path);
    wr_arena_free(&p->ar);
}

Test(job, every_allocation_of_opening_fails_once) {
    planned p;
    make_plan(&p);
    wr_job_opts opts = {.workers = 2};
    wr_status s = WR_ENOMEM;
    uint64_t n = 1;
    for (; s != WR_OK; n++) {
        wr_err err = {0};
        wr_job *job = NULL;
        wr_mem_fail_at(n);
        s = wr_job_new(&p.plan, &opts, &job, &err);
        wr_mem_fail_at(0);
        if (s == WR_OK) wr_job_free(job);
        else
            cr_assert(s == WR_ENOMEM && job == NULL && err.msg[0], "allocation %lu: %s: %s", n,
                      wr_status_text(s), err.msg);
        cr_assert(n < 20000);
    }
    cr_assert(n > 100, "the job made only %lu allocations", n);
    free_plan(&p);
}

static void run_once(uint32_t workers, uint32_t batch_rows, const char *mode) {
    planned p;
    struct stat file;
    make_plan_over(&p, mode);
    cr_assert_eq(stat(p.path, &file), 0);
    wr_job_opts opts = {.workers = workers, .batch_rows = batch_rows};
    wr_err err = {0};
    wr_job *job;
    wr_job_stats st;
    cr_assert_eq(wr_job_new(&p.plan, &opts, &job, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_job_run(job, NULL, NULL, &err), WR_OK, "%s", err.msg);
    wr_job_stats_read(job, &st);
    cr_assert_eq(st.rows_in, 501);
    cr_assert_eq(st.bad_rows, 1);
    cr_assert(st.late_rows > 0);
    cr_assert(st.bytes_in > 30000, "%ld", (long)st.bytes_in);
    cr_assert_eq(st.at, st.total);
    cr_assert_eq(st.total, file.st_size); /* as packed */
    wr_job_free(job);
    free_plan(&p);
}

Test(job, counts_do_not_depend_on_workers_or_batches) {
    run_once(1, 4096, "wT");
    run_once(2, 1, "wT");
    run_once(3, 7, "wT");
    run_once(8, 100, "wT");
    run_once(2, 4096, "wb");
}

Test(job, cancelled_before_it_runs) {
    planned p;
    make_plan(&p);
    wr_job_opts opts = {.workers = 2};
    wr_err err = {0};
    wr_job *job;
    cr_assert_eq(wr_job_new(&p.plan, &opts, &job, &err), WR_OK, "%s", err.msg);
    wr_job_cancel(job);
    cr_assert_eq(wr_job_run(job, NULL, NULL, &err), WR_ECANCELED);
    wr_job_free(job);
    free_plan(&p);
}
