/* tests/unit/runtime/test_join.c -- the join operators by hand: memory that fails, and memory that is let go.
 * Their results are compared with another engine's by tests/oracle/joins.py. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/job_int.h"
#include "runtime/runtime.h"

#define SECOND WR_US_PER_SECOND

static const char streams[] =
    "CREATE STREAM l (ts TIMESTAMP(3), k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts) WITH (connector = "
    "'file', "
    "path = '/dev/null', format = 'json');\n"
    "CREATE STREAM r (ts TIMESTAMP(3), k VARCHAR, v BIGINT, PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR ts "
    "AS "
    "ts) WITH (connector = 'file', path = '/dev/null', format = 'json');\n"
    "CREATE VIEW lw AS SELECT * FROM TABLE(TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '10' SECOND));\n"
    "CREATE VIEW rw AS SELECT * FROM TABLE(TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '10' SECOND));\n"
    "CREATE STREAM o WITH (connector = 'blackhole') AS SELECT ";

static const struct {
    wr_node_kind kind;
    const char *sql;
} joins[] = {
    {WR_N_JOIN_INTERVAL,
     "l.k AS a, l.v AS b, r.k AS c, r.ts AS d FROM l FULL JOIN r ON l.k = r.k AND l.v < r.v "
     "AND l.ts BETWEEN r.ts - INTERVAL '5' SECOND AND r.ts + INTERVAL '5' SECOND;"},
    {WR_N_JOIN_INTERVAL, "l.k AS a FROM l WHERE EXISTS (SELECT 1 FROM r WHERE l.k = r.k AND l.ts = r.ts);"},
    {WR_N_JOIN_INTERVAL,
     "l.k AS a, l.v AS b, r.k AS c FROM l OVER (RANGE INTERVAL '5' SECOND PRECEDING) AS l "
     "FULL JOIN r ON l.k = r.k AND l.v < r.v;"},
    {WR_N_JOIN_RECENT, "l.k AS a, l.v AS b, r.k AS c FROM l OVER (ROWS 50 PRECEDING) AS l FULL JOIN r OVER "
                       "(ROWS 9 PRECEDING) AS r ON l.k = r.k AND l.v < r.v;"},
    {WR_N_JOIN_WINDOW,
     "lw.k AS a, lw.v AS b, rw.k AS c, rw.ts AS d FROM lw FULL JOIN rw ON lw.k = rw.k AND lw.v < rw.v AND "
     "lw.window_start = rw.window_start AND lw.window_end = rw.window_end;"},
    {WR_N_JOIN_WINDOW, "lw.k AS a FROM lw WHERE lw.k NOT IN (SELECT rw.k FROM rw WHERE lw.window_start = "
                       "rw.window_start AND lw.window_end = rw.window_end);"},
    {WR_N_JOIN_VERSION,
     "l.k AS a, l.ts AS b, r.v AS c FROM l LEFT JOIN r FOR SYSTEM_TIME AS OF l.ts ON l.k = r.k AND r.v > 3;"},
    {WR_N_JOIN_TABLE,
     "l.k AS a, l.v AS b, r.k AS c, r.ts AS d FROM l FULL JOIN r ON l.k = r.k AND l.v < r.v;"},
    {WR_N_JOIN_CHANGES, "l.k AS a, l.v AS b, g.n AS c FROM l FULL JOIN (SELECT k, COUNT(*) AS n FROM r GROUP "
                        "BY k EMIT CHANGES) AS g "
                        "ON l.k = g.k AND l.v < g.n;"},
    {WR_N_JOIN_LOOKUP, "l.k AS a, l.v AS b, t.name AS c FROM l LEFT JOIN t ON l.v = t.id AND l.k <> t.name;"},
};

static char database[64];
static void make_database(void) {
    sqlite3 *db;
    snprintf(database, sizeof database, "/tmp/weir-test-join-%d.db", (int)getpid());
    unlink(database);
    cr_assert_eq(sqlite3_open(database, &db), SQLITE_OK);
    const char *fill =
        "CREATE TABLE t (id INTEGER, name TEXT); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
        "SELECT x + 1 FROM n WHERE x < 40) INSERT INTO t SELECT x % 7, 'a name of some length ' || x "
        "FROM n";
    cr_assert_eq(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}
static void drop_database(void) { unlink(database); }
TestSuite(join, .init = make_database, .fini = drop_database);

typedef struct {
    wr_arena ar;
    wr_diags d;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
    wr_job *job;
    wr_op *op;
} joined;

static void open_join(joined *j, size_t i) {
    memset(j, 0, sizeof *j);
    j->reg = wr_builtin();
    char *text =
        wr_arena_printf(&j->ar,
                        "CREATE TABLE t (id BIGINT, name VARCHAR) WITH (connector = 'sqlite', path = "
                        "'%s', table = 't', lookup_cache_rows = 20);\n%s%s",
                        database, streams, joins[i].sql);
    j->d = (wr_diags){.file = "test", .text = text, .len = strlen(text), .ar = &j->ar};
    cr_assert_eq(wr_parse(&j->ar, &j->d, &j->script), WR_OK);
    wr_status s = wr_plan_script(&j->script, &j->reg, &j->ar, &j->d, &j->plan);
    cr_assert_eq(s, WR_OK, "%s", j->d.n ? j->d.items[0].msg : "");
    wr_job_opts opts = {.workers = 1, .batch_rows = 64};
    wr_err err = {0};
    cr_assert_eq(wr_job_new(&j->plan, &opts, &j->job, &err), WR_OK, "%s", err.msg);
    for (uint32_t id = 0; id < j->plan.n_nodes; id++)
        if (j->plan.nodes[id]->kind == joins[i].kind) j->op = &j->job->workers[0].ops[id];
    cr_assert_not_null(j->op, "join %zu is of another kind", i);
}

static void close_join(joined *j) {
    wr_job_free(j->job);
    wr_arena_free(&j->ar);
}

/* n rows from second t on, ten a second, with keys from `key` on, each third of them NULL when nulls is set.
 */
static wr_status push(joined *j, uint32_t port, uint32_t n, int64_t t, int key, bool nulls, wr_err *err) {
    const wr_schema *s = &j->op->node->in[port]->out;
    wr_batch *b;
    WR_TRY(wr_batch_new(s->n, n, &b, err));
    b->n = n;
    wr_status r = WR_OK;
    for (uint32_t c = 0; r == WR_OK && c < s->n; c++) {
        const char *name = s->fields[c].name;
        r = wr_batch_col(b, c, wr_type_phys(s->fields[c].type), err);
        for (uint32_t i = 0; r == WR_OK && i < n; i++) {
            int64_t ts = t * SECOND + i * SECOND / 10;
            char text[64];
            if (b->cols[c].phys == WR_STR) {
                int len = snprintf(text, sizeof text, "a key of some length %d", key + (int)(i % 40));
                r = wr_batch_str(b, text, (size_t)len, &b->cols[c].str[i], err);
                if (r != WR_OK || !nulls || i % 3) continue;
                if (!wr_batch_nulls(b, &b->cols[c])) r = WR_ENOMEM;
                else wr_bit_set(b->cols[c].nulls, i);
            } else if (strcmp(name, "window_start") == 0) b->cols[c].i64[i] = wr_floor_to(ts, 10 * SECOND);
            else if (strcmp(name, "window_end") == 0)
                b->cols[c].i64[i] = wr_floor_to(ts, 10 * SECOND) + 10 * SECOND;
            else b->cols[c].i64[i] = s->fields[c].type.kind == WR_T_TIMESTAMP ? ts : (int64_t)i % 10;
        }
    }
    if (r == WR_OK) r = wri_deliver(j->op, port, b, err);
    wr_batch_drop(b);
    return r;
}

static wr_status steps(joined *j, wr_err *err) {
    for (int k = 0; k < 3; k++) {
        WR_TRY(push(j, 0, 150, k * 15, k, k == 1, err));
        if (j->op->node->kind != WR_N_JOIN_LOOKUP) WR_TRY(push(j, 1, 150, k * 15, k, k == 2, err));
        for (uint32_t port = 0; port < 2; port++) WR_TRY(wri_watermark(j->op, port, k * 15 * SECOND, err));
    }
    WR_TRY(wri_end(j->op, 1, err));
    WR_TRY(push(j, 0, 20, 60, 0, false, err));
    return wri_end(j->op, 0, err);
}

Test(join, every_allocation_of_running_fails_once) {
    for (size_t i = 0; i < WR_LEN(joins); i++) {
        wr_status s = WR_ENOMEM;
        uint64_t n = 1, rows = 0;
        for (; s != WR_OK; n += 1 + n / 30) {
            joined j;
            wr_err err = {0};
            open_join(&j, i);
            wr_mem_fail_at(n);
            s = steps(&j, &err);
            wr_mem_fail_at(0);
            cr_assert(s == WR_OK || s == WR_ENOMEM, "join %zu, allocation %lu: %s", i, n, err.msg);
            rows = j.op->rows_out;
            close_join(&j);
            cr_assert(n < 100000);
        }
        cr_assert(n > 50 && rows >= 20, "join %zu: %lu allocations, %lu rows", i, n, rows);
    }
}

Test(join, every_allocation_of_opening_a_table_fails_once) {
    const size_t lookup = WR_LEN(joins) - 1;
    wr_status s = WR_ENOMEM;
    uint64_t n = 1;
    for (; s != WR_OK; n++) {
        joined j;
        wr_err err = {0};
        wr_job_opts opts = {.workers = 1, .batch_rows = 64};
        wr_job *job = NULL;
        open_join(&j, lookup);
        wr_mem_fail_at(n);
        s = wr_job_new(&j.plan, &opts, &job, &err);
        wr_mem_fail_at(0);
        wr_job_free(job);
        cr_assert(s == WR_OK || s == WR_ENOMEM, "allocation %lu: %s", n, err.msg);
        close_join(&j);
    }
    cr_assert_gt(n, 50);
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
static size_t bytes_in_use(void) {
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

/* Ever new keys: what the watermark has passed is gone. */
Test(join, memory_follows_what_is_open) {
    for (size_t i = 0; i < 6; i++) {
        joined j;
        wr_err err = {0};
        open_join(&j, i);
        size_t early = 0;
        for (int k = 0; k < 400; k++) {
            for (uint32_t port = 0; port < 2; port++)
                cr_assert_eq(push(&j, port, 100, k * 10, k * 40, false, &err), WR_OK, "%s", err.msg);
            for (uint32_t port = 0; port < 2; port++)
                cr_assert_eq(wri_watermark(j.op, port, (k * 10 - 2) * SECOND, &err), WR_OK, "%s", err.msg);
            if (k == 100) early = bytes_in_use();
        }
        size_t late = bytes_in_use();
        cr_assert(late < early + early / 4, "join %zu: %zu bytes became %zu", i, early, late);
        cr_assert(j.op->rows_out > 1000 || i == 5, "join %zu gave %lu rows", i, j.op->rows_out);
        close_join(&j);
    }
}

/* Ever new versions of the same keys: those that no left row can ask for any more are gone, also while the
 * left side is behind. */
Test(join, versions_that_nobody_can_ask_for_are_dropped) {
    size_t version = 0;
    while (joins[version].kind != WR_N_JOIN_VERSION) version++;
    joined j;
    wr_err err = {0};
    open_join(&j, version);
    size_t early = 0;
    for (int k = 0; k < 600; k++) {
        for (uint32_t port = 0; port < 2; port++)
            cr_assert_eq(push(&j, port, 100, k * 10, 0, false, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(wri_watermark(j.op, 1, (k * 10 - 2) * SECOND, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(wri_watermark(j.op, 0, (k * 10 - 42) * SECOND, &err), WR_OK, "%s", err.msg);
        if (k == 200) early = bytes_in_use(); /* 20,000 versions: swept several times */
    }
    size_t late = bytes_in_use();
    cr_assert(late < early + early / 4, "%zu bytes became %zu", early, late);
    cr_assert_gt(j.op->rows_out, 50000);
    close_join(&j);
}
