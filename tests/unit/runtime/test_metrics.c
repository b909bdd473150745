/* tests/unit/runtime/test_metrics.c -- readings of a job that does not run, without memory; several jobs in
 * one exposition; names that have to be escaped. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "runtime/runtime.h"

static const char sql[] = "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = 3000);\n"
                          "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT user_id, COUNT(*) AS n "
                          "FROM g GROUP BY user_id;\n"
                          "CREATE STREAM p WITH (connector = 'blackhole') AS SELECT user_id FROM g WHERE "
                          "status > 1000 ORDER BY user_id;\n";

typedef struct planned {
    wr_arena ar;
    wr_plan plan;
    wr_job *job;
} planned;

static void nowhere(void *ctx, const char *p, size_t n) { (void)ctx, (void)p, (void)n; }

static void open_job(planned *p) {
    wr_registry reg = wr_builtin();
    wr_diags d = {.file = "test", .text = sql, .len = strlen(sql), .ar = &p->ar};
    wr_script script;
    cr_assert_eq(wr_parse(&p->ar, &d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &p->ar, &d, &p->plan), WR_OK, "%s", d.n ? d.items[0].msg : "");
    wr_job_opts opts = {.workers = 2, .output = nowhere};
    wr_err err = {0};
    cr_assert_eq(wr_job_new(&p->plan, &opts, &p->job, &err), WR_OK, "%s", err.msg);
}

static void close_job(planned *p) {
    wr_job_free(p->job);
    wr_arena_free(&p->ar);
}

static wr_status as_json(wr_job *j, wr_buf *out, wr_err *err) { return wr_job_metrics_json(j, out, err); }
static wr_status as_text(wr_job *j, wr_buf *out, wr_err *err) {
    return wr_job_metrics_prometheus(j, "a", out, err);
}
static wr_status why(wr_job *j, wr_buf *out, wr_err *err) { return wr_job_why(j, WR_WHY_TEXT, out, err); }
static wr_status why_line(wr_job *j, wr_buf *out, wr_err *err) {
    return wr_job_why(j, WR_WHY_LINE, out, err);
}
static wr_status why_json(wr_job *j, wr_buf *out, wr_err *err) {
    return wr_job_why(j, WR_WHY_JSON, out, err);
}
static wr_status (*const tells[])(wr_job *j, wr_buf *out, wr_err *err) = {as_json,  as_text,  why,
                                                                          why_line, why_json, wr_job_analyze};

static void tell_without_memory(wr_job *j) {
    for (size_t i = 0; i < WR_LEN(tells); i++) {
        wr_status s = WR_ENOMEM;
        uint64_t n = 1;
        for (; s != WR_OK; n++) {
            wr_buf out = {0};
            wr_err err = {0};
            wr_mem_fail_at(n);
            s = tells[i](j, &out, &err);
            wr_mem_fail_at(0);
            cr_assert(s == WR_OK ? out.len > 0 : s == WR_ENOMEM && err.msg[0], "%zu, allocation %lu: %d", i,
                      n, s);
            wr_buf_free(&out);
        }
        cr_assert_gt(n, 2);
    }
}

Test(metrics, every_allocation_fails_once) {
    planned p = {0};
    wr_err err = {0};
    open_job(&p);
    tell_without_memory(p.job);
    cr_assert_eq(wr_job_run(p.job, NULL, NULL, &err), WR_OK, "%s", err.msg);
    tell_without_memory(p.job);
    close_job(&p);
}

static void expect_why(wr_job *j, const char *want) {
    wr_buf out = {0};
    wr_err err = {0};
    cr_assert_eq(wr_job_why(j, WR_WHY_TEXT, &out, &err), WR_OK);
    cr_assert(out.len >= strlen(want) && memcmp(out.data, want, strlen(want)) == 0, "%.*s", (int)out.len,
              out.data);
    wr_buf_free(&out);
}

Test(metrics, before_and_after_a_run) {
    planned p = {0};
    wr_err err = {0};
    wr_job_metrics m;
    open_job(&p);
    expect_why(p.job, "The job is not running. No row has been read yet.\n");
    cr_assert_eq(wr_job_run(p.job, NULL, NULL, &err), WR_OK, "%s", err.msg);
    expect_why(p.job, "The job has ended. ");
    cr_assert_eq(wr_job_metrics_read(p.job, &m, &err), WR_OK);
    cr_assert_eq(m.rows_in, 3000);
    cr_assert_eq(m.n_workers, 2);
    cr_assert_eq(m.n_splits, 1);
    cr_assert_eq(m.splits[0].rows, 3000);
    cr_assert(m.splits[0].ended && !m.running && !m.snapshots.on);
    cr_assert_eq(m.sinks[0].rows + m.sinks[1].rows, m.rows_out);
    uint64_t read = m.workers[0].rows_in + m.workers[1].rows_in;
    cr_assert_eq(read, 3000);
    wr_job_metrics_free(&m);
    wr_job_metrics_free(&m); /* does no harm */
    close_job(&p);
}

/* How often part stands in text. */
static uint32_t times(const wr_buf *text, const char *part) {
    uint32_t n = 0;
    for (const char *at = text->data;
         (at = memmem(at, text->len - (size_t)(at - text->data), part, strlen(part))); at += strlen(part))
        n++;
    return n;
}

Test(metrics, several_jobs_in_one_exposition) {
    planned p = {0};
    wr_err err = {0};
    wr_job_metrics m;
    wr_buf out = {0};
    open_job(&p);
    cr_assert_eq(wr_job_metrics_read(p.job, &m, &err), WR_OK);
    close_job(&p); /* the copy needs neither job nor plan */
    wr_named_metrics jobs[] = {{"one", &m}, {"tw\"o\\\n\xff", &m}};
    cr_assert_eq(wr_metrics_prometheus(jobs, 2, &out), WR_OK);
    cr_assert_eq(times(&out, "# HELP weir_rows_in_total "), 1);
    cr_assert_eq(times(&out, "# TYPE weir_rows_in_total counter\n"), 1);
    cr_assert_eq(times(&out, "\nweir_rows_in_total{job=\"one\"} 0\n"), 1);
    cr_assert_eq(times(&out, "\nweir_rows_in_total{job=\"tw\\\"o\\\\\\n\xef\xbf\xbd\"} 0\n"), 1);
    cr_assert_eq(times(&out, "weir_sink_rows_total{job=\"one\",stream=\"o\",node="), 1);
    cr_assert_eq(times(&out, "worker=\"1\"} 0\n") > 0, 1);
    cr_assert(wr_utf8_valid(out.data, out.len));
    wr_buf_free(&out);
    wr_job_metrics_free(&m);
}

Test(metrics, names_in_the_table_are_sound) {
    for (size_t i = 0; i < wr_n_metric_defs; i++) {
        const wr_metric_def *d = &wr_metric_defs[i];
        size_t n = strlen(d->name);
        cr_assert(strncmp(d->name, "weir_", 5) == 0, "%s", d->name);
        cr_assert_eq(strspn(d->name, "abcdefghijklmnopqrstuvwxyz_"), n, "%s", d->name);
        bool total = n > 6 && strcmp(d->name + n - 6, "_total") == 0;
        cr_assert_eq(total, d->counter, "%s", d->name);
        for (size_t k = 0; k < i; k++) {
            const wr_metric_def *e = &wr_metric_defs[k];
            cr_assert_str_neq(d->name, e->name);
            cr_assert(e->scope != d->scope || strcmp(d->json, e->json) != 0, "%s", d->json);
        }
    }
}
