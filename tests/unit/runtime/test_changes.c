/* tests/unit/runtime/test_changes.c -- results that change: state that is let go, and memory that runs out at
 * any moment of a run. What they say is held against DuckDB by tests/oracle/changes.py. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/aggs/aggs.h"
#include "runtime/job_int.h"
#include "runtime/ops/agg_updates.h"

/* ---- a table by hand: COUNT(*) by a BIGINT key ---- */

typedef struct {
    wr_plan plan;
    wr_job job;
    wr_task task;
    wr_field f_out[2];
    wr_node node;
    wr_agg_call call;
    wri_calls calls;
    wr_phys phys;
    uint32_t key;
    wr_op op, sink;
    wr_edge to_sink;
    int64_t wm_sink[1];
    wri_updates *u;
    char said[512]; /* "+I 1 2; …" */
} table;

static wr_status hear(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port, (void)err;
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    table *t = op->state;
    for (uint32_t i = 0; i < b->n; i++) {
        size_t at = strlen(t->said);
        snprintf(t->said + at, sizeof t->said - at, "%s %lld %lld; ", names[wr_change_of(b, i)],
                 (long long)b->cols[0].i64[i], (long long)b->cols[1].i64[i]);
    }
    return WR_OK;
}
static const wr_op_def hearer = {.name = "hearer", .push = hear};

static void open_table(table *t, bool takes_back, int64_t ttl_us) {
    wr_err err = {0};
    memset(t, 0, sizeof *t);
    t->call = (wr_agg_call){.filter = WR_NO_COL, .time = WR_NO_COL, .star = true, .param.null = true};
    for (size_t i = 0; i < wr_n_builtin_aggs; i++)
        if (strcmp(wr_builtin_aggs[i]->name, "COUNT") == 0) t->call.def = wr_builtin_aggs[i];
    cr_assert_eq(t->call.def->bind(&t->call, &err), WR_OK);
    cr_assert_eq(wri_calls_init(&t->calls, &t->call, 1, &err), WR_OK);
    t->f_out[0] = (wr_field){"k", wr_type_of(WR_T_BIGINT), NULL};
    t->f_out[1] = (wr_field){"n", wr_type_of(WR_T_BIGINT), NULL};
    t->node.out = (wr_schema){2, t->f_out};
    t->job = (wr_job){.plan = &t->plan, .n_workers = 1, .batch_rows = 3};
    t->task.job = &t->job;
    t->phys = WR_I64;
    t->key = 1;
    t->sink = (wr_op){.def = &hearer, .state = t, .port_wm = t->wm_sink, .n_in = 1};
    t->to_sink = (wr_edge){&t->sink, 0};
    t->op = (wr_op){.node = &t->node, .task = &t->task, .out = &t->to_sink, .n_out = 1, .wm = WR_WM_NONE};
    wri_updates_cfg cfg = {.op = &t->op,
                           .calls = &t->calls,
                           .phys = &t->phys,
                           .keys = &t->key,
                           .n_keys = 1,
                           .takes_back = takes_back,
                           .ttl_us = ttl_us};
    wri_result frame = {0};
    t->u = wri_updates_new(&cfg, &frame);
    cr_assert_not_null(t->u);
}

static void close_table(table *t) {
    wri_updates_free(t->u);
    wri_calls_free(&t->calls);
}

/* n keys from `first` on, each with `plus` rows more and `minus` less. */
static void fold(table *t, int64_t first, uint32_t n, int64_t plus, int64_t minus) {
    wr_batch *b;
    wr_err err = {0};
    uint32_t p = t->calls.n_partials;
    cr_assert_eq(p, 1);
    cr_assert_eq(wr_batch_new(6, n, &b, &err), WR_OK);
    b->n = n;
    for (uint32_t c = 0; c < 6; c++) cr_assert_eq(wr_batch_col(b, c, WR_I64, &err), WR_OK);
    for (uint32_t i = 0; i < n; i++) {
        b->cols[1].i64[i] = first + i;
        b->cols[2].i64[i] = b->cols[3].i64[i] = plus;
        b->cols[4].i64[i] = b->cols[5].i64[i] = minus;
    }
    cr_assert_eq(wri_updates_fold(t->u, b, &err), WR_OK, "%s", err.msg);
    wr_batch_drop(b);
}

static const char *say(table *t) {
    wr_err err = {0};
    t->said[0] = 0;
    cr_assert_eq(wri_updates_say(t->u, &err), WR_OK, "%s", err.msg);
    return t->said;
}

Test(changes, each_touched_key_says_what_changed) {
    table t;
    open_table(&t, true, 0);
    fold(&t, 1, 3, 2, 0);
    fold(&t, 2, 1, 1, 0);
    cr_expect_str_eq(say(&t), "+I 1 2; +I 2 3; +I 3 2; ");
    fold(&t, 1, 2, 1, 0);
    fold(&t, 2, 2, 0, 2);
    cr_expect_str_eq(say(&t), "-U 1 2; +U 1 3; -U 2 3; +U 2 2; -D 3 2; ");
    fold(&t, 1, 2, 1, 1);
    cr_expect_str_eq(say(&t), "", "what is the same again is not said");
    fold(&t, 3, 1, 1, 0);
    fold(&t, 3, 1, 0, 1);
    cr_expect_str_eq(say(&t), "", "what came and went in between was never there");
    cr_expect_eq(wri_updates_live(t.u), 2);
    close_table(&t);
}

Test(changes, keys_without_rows_are_let_go) {
    table t;
    open_table(&t, true, 0);
    for (int64_t k = 0; k < 20000; k += 100) {
        fold(&t, k, 100, 1, 0);
        say(&t);
        cr_assert_eq(wri_updates_live(t.u), 100);
        fold(&t, k, 100, 0, 1);
        say(&t);
        cr_assert_eq(wri_updates_live(t.u), 0);
    }
    close_table(&t);
}

Test(changes, idle_keys_are_forgotten) {
    table t;
    wr_err err = {0};
    open_table(&t, false, 1000);
    fold(&t, 1, 1, 1, 0); /* before there is any time */
    cr_expect_str_eq(say(&t), "+I 1 1; ");
    for (int64_t now = 1000000; now < 1100000; now += 100) {
        t.op.wm = now;
        cr_assert_eq(wri_updates_expire(t.u, now, &err), WR_OK);
        fold(&t, now, 10, 1, 0); /* keys of their own, used once */
        fold(&t, 2, 1, 1, 0);    /* one that is always used */
        say(&t);
        cr_assert_leq(wri_updates_live(t.u), 10 * 11 + 2, "%u groups", wri_updates_live(t.u));
        if (now == 1050000) { /* key 1 is gone: it starts anew */
            fold(&t, 1, 1, 5, 0);
            cr_expect_str_eq(say(&t), "+I 1 5; ");
        }
    }
    fold(&t, 2, 1, 1, 0);
    cr_expect_str_eq(say(&t), "-U 2 1000; +U 2 1001; ");
    cr_assert_eq(wri_updates_expire(t.u, 1200000, &err), WR_OK);
    cr_expect_eq(wri_updates_live(t.u), 0);
    close_table(&t);
}

Test(changes, a_row_taken_from_a_forgotten_key_takes_nothing) {
    table t;
    wr_err err = {0};
    open_table(&t, true, 1000);
    t.op.wm = 0;
    fold(&t, 7, 1, 2, 0);
    say(&t);
    t.op.wm = 5000;
    cr_assert_eq(wri_updates_expire(t.u, 5000, &err), WR_OK);
    fold(&t, 7, 1, 1, 1);
    cr_expect_str_eq(say(&t), "+I 7 1; ");
    close_table(&t);
}

/* ---- memory that runs out ---- */

static const char *const scripts[] = {
    "CREATE STREAM o (k VARCHAR PRIMARY KEY, n BIGINT, d BIGINT, l VARCHAR) WITH (connector = 'file', path = "
    "'%s.out', "
    "format = 'json'); INSERT INTO o SELECT k, COUNT(*), COUNT(DISTINCT v), LISTAGG(k) FROM t GROUP BY k "
    "HAVING "
    "COUNT(*) < 8 EMIT CHANGES;",
    "CREATE STREAM o (n BIGINT, c BIGINT, s BIGINT) WITH (connector = 'file', path = '%s.out', format = "
    "'json', "
    "changelog = 'debezium'); INSERT INTO o SELECT n, COUNT(*), SUM(n) FROM (SELECT k, COUNT(*) AS n FROM t "
    "GROUP BY k "
    "EMIT CHANGES) GROUP BY n EMIT CHANGES;",
    "CREATE STREAM o WITH (connector = 'file', path = '%s.out', format = 'csv', changelog = 'op') AS SELECT "
    "window_start, k, COUNT(*) AS n, MAX(k) AS m FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' "
    "SECOND, "
    "INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '2' SECOND "
    "ALLOWED LATENESS "
    "INTERVAL '20' SECOND;",
    "SET state_ttl = '20 s'; CREATE STREAM o (k VARCHAR, v BIGINT, rn BIGINT, r BIGINT, PRIMARY KEY (k, rn)) "
    "WITH "
    "(connector = 'file', path = '%s.out', format = 'json'); INSERT INTO o SELECT * FROM (SELECT k, v, "
    "ROW_NUMBER() "
    "OVER (PARTITION BY k ORDER BY v % 4, v DESC) AS rn, RANK() OVER (PARTITION BY k ORDER BY v % 4, v DESC) "
    "AS r "
    "FROM t) WHERE rn <= 3 EMIT CHANGES;",
    "CREATE STREAM o (k VARCHAR PRIMARY KEY, n BIGINT) WITH (connector = 'file', path = '%s.out', format = "
    "'json'); "
    "INSERT INTO o SELECT k, COUNT(*) AS n FROM t GROUP BY k ORDER BY COUNT(*) % 3, k DESC LIMIT 2 EMIT "
    "CHANGES;",
    "CREATE STREAM o WITH (connector = 'file', path = '%s.out', format = 'json') AS SELECT k, n FROM (SELECT "
    "window_start, window_end, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' "
    "SECOND)) "
    "GROUP BY window_start, window_end, k EMIT CHANGES) ORDER BY n, k LIMIT 2 BY window_start, window_end;"};

/* A plan either comes about or says that there is no memory. */
static void plans_cleanly(const char *text) {
    wr_registry reg = wr_builtin();
    wr_status s = WR_ENOMEM;
    for (uint64_t n = 1; s != WR_OK; n++) {
        wr_arena ar = {.block_bytes = 64};
        wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &ar};
        wr_script script;
        wr_plan plan;
        wr_mem_fail_at(n);
        s = wr_parse(&ar, &d, &script);
        if (s == WR_OK) s = wr_plan_script(&script, &reg, &ar, &d, &plan);
        wr_mem_fail_at(0);
        cr_assert(s == WR_OK || s == WR_ENOMEM, "allocation %lu: %s", n, wr_status_text(s));
        wr_arena_free(&ar);
    }
}

static void on_done(uv_async_t *a) { (void)a; }

/* The job's only worker, run by this thread. */
static wr_status run_here(const wr_plan *plan, uint64_t fail_at, wr_err *err) {
    wr_job_opts opts = {.workers = 1, .batch_rows = 7};
    wr_job *j;
    uv_loop_t loop;
    cr_assert_eq(wr_job_new(plan, &opts, &j, err), WR_OK, "%s", err->msg);
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(uv_async_init(&loop, &j->done, on_done), 0);
    j->running = 1;
    wr_mem_fail_at(fail_at);
    wri_worker_main(&j->workers[0]);
    wr_mem_fail_at(0);
    uv_close((uv_handle_t *)&j->done, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    wr_status s = j->status;
    *err = j->err;
    wr_job_free(j);
    return s;
}

static void fails_cleanly(const char *tail) {
    char path[64], out[80];
    wr_arena ar = {0};
    snprintf(path, sizeof path, "/tmp/weir-test-changes-%d.jsonl", (int)getpid());
    snprintf(out, sizeof out, "%s.out", path);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    for (int i = 0; i < 60; i++)
        fprintf(f, "{\"ts\":\"2026-01-01T00:00:%02d.000Z\",\"k\":\"key of some length %d\",\"v\":%d}\n",
                (i * 7) % 60, i % 5, i);
    fclose(f);
    const char *head =
        wr_arena_printf(&ar,
                        "CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts) "
                        "WITH (connector = 'file', path = '%s', format = 'json', chunk_bytes = '500');\n",
                        path);
    wr_buf text = {0};
    cr_assert_eq(wr_buf_puts(&text, head), WR_OK);
    const char *at = strstr(tail, "%s");
    cr_assert_eq(wr_buf_put(&text, tail, (size_t)(at - tail)), WR_OK);
    cr_assert_eq(wr_buf_puts(&text, path), WR_OK);
    cr_assert_eq(wr_buf_put(&text, at + 2, strlen(at + 2) + 1), WR_OK);
    text.len--; /* the end of the text is not part of it */
    wr_registry reg = wr_builtin();
    wr_diags d = {.file = "test", .text = text.data, .len = text.len, .ar = &ar};
    wr_script script;
    wr_plan plan;
    cr_assert_eq(wr_parse(&ar, &d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &ar, &d, &plan), WR_OK, "%s", d.n ? d.items[0].msg : "");
    plans_cleanly(text.data);
    wr_status s = WR_ENOMEM;
    uint64_t n = 1;
    for (; s != WR_OK && n < 100000; n++) {
        wr_err err = {0};
        s = run_here(&plan, n, &err);
        cr_assert(s == WR_OK || (s == WR_ENOMEM && err.msg[0]), "allocation %lu: %s: %s", n,
                  wr_status_text(s), err.msg);
    }
    cr_assert_eq(s, WR_OK);
    cr_assert(n > 100, "the run made only %lu allocations", n);
    wr_buf_free(&text);
    wr_arena_free(&ar);
    unlink(path);
    unlink(out);
}

Test(changes, upserts_without_memory) { fails_cleanly(scripts[0]); }
Test(changes, changes_of_changes_without_memory) { fails_cleanly(scripts[1]); }
Test(changes, windows_without_memory) { fails_cleanly(scripts[2]); }
Test(changes, ranks_without_memory) { fails_cleanly(scripts[3]); }
Test(changes, ranks_of_changes_without_memory) { fails_cleanly(scripts[4]); }
Test(changes, ranks_of_windows_without_memory) { fails_cleanly(scripts[5]); }
