/* tests/unit/runtime/test_over.c -- the OVER operators by themselves: what they keep, against brute force on
 * random rows, and lack of memory at every point. Queries as a whole are held against DuckDB by
 * tests/oracle/over.py. */
#include <stdio.h>

#include "op_rig.h"
#include "runtime/ops/over.h"
#include "runtime/runtime.h"
#include "tests/unit/random.h"

#define STREAM                                                                                               \
    "CREATE STREAM t (ts TIMESTAMP(3), k BIGINT, x BIGINT, s VARCHAR, WATERMARK FOR ts AS ts) "              \
    "WITH (connector = 'file', path = 'none', format = 'json', tail = 'true');\n"

typedef struct row {
    int64_t ts, k, x;
    bool late, done;
} row;
static row rows[3000];
static uint32_t n_rows;
static void (*check)(const wr_batch *b, uint32_t i);

static wr_status sink_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    the_rig->rows += b->n;
    for (uint32_t i = 0; check && i < b->n; i++) check(b, i);
    return WR_OK;
}
static const wr_op_def sink_def = {.name = "sink", .push = sink_push};

static void rig_plan(rig *r, const char *sql) {
    rig_plan_of(r, STREAM, sql);
    check = NULL;
}

static wr_status rig_open(rig *r, wr_err *err) {
    const wr_node *n = rig_node(r, WR_N_OVER);
    return rig_open_node(r, n, n->over.complete ? &wri_op_over_batch : &wri_op_over, &sink_def, err);
}

/* Columns by the first letter of their names: ts, k, x, s, window_start, window_end. */
static int64_t value_of(const char *name, const row *w) {
    if (name[0] == 't') return w->ts;
    if (name[0] == 'k') return w->k;
    if (name[0] != 'w') return w->x;
    return wr_floor_to(w->ts, 60000000) + (strstr(name, "end") || strstr(name, "time") ? 60000000 : 0);
}

static wr_status rig_push(rig *r, const row *w, uint32_t n, int64_t pos, wr_err *err) {
    const wr_schema *in = &r->op.node->in[0]->out;
    static const char text[] = "a text that is too long to be inline";
    wr_batch *b;
    WR_TRY(wr_batch_new(in->n, n, &b, err));
    b->n = n;
    b->split = 0;
    b->pos = pos;
    wr_status st = WR_OK;
    for (uint32_t c = 0; c < in->n && st == WR_OK; c++) {
        st = wr_batch_col(b, c, wr_type_phys(in->fields[c].type), err);
        for (uint32_t i = 0; i < n && st == WR_OK; i++) {
            if (b->cols[c].phys == WR_STR)
                b->cols[c].str[i] = wr_str_make(text + w[i].x % 7, sizeof text - 8);
            else b->cols[c].i64[i] = value_of(in->fields[c].name, &w[i]);
        }
    }
    if (st == WR_OK) st = wri_deliver(&r->op, 0, b, err);
    wr_batch_drop(b);
    return st;
}

static void ok(wr_status st) { cr_assert_eq(st, WR_OK); }

/* Rows about a second apart for each of `keys` keys, up to `late` seconds out of order. */
static void make_rows(uint32_t n, uint64_t keys, uint64_t late) {
    n_rows = n;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = (row){.ts = (int64_t)(i / keys + 100 - rnd() % (late + 1)) * 1000000,
                        .k = (int64_t)(rnd() % keys),
                        .x = (int64_t)(rnd() % 1000)};
}

/* ---- brute force ---- */

#define RANGE_US 20000000

static int64_t col_of(const wr_batch *b, const char *name, uint32_t i) {
    const wr_schema *out = &the_rig->op.node->out;
    for (uint32_t c = 0; c < out->n; c++)
        if (strcmp(out->fields[c].name, name) == 0) return b->cols[c].i64[i];
    cr_assert_fail("no column %s", name);
    return 0;
}

static void check_range(const wr_batch *b, uint32_t i) {
    int64_t ts = col_of(b, "ts", i), k = col_of(b, "k", i), x = col_of(b, "x", i);
    int64_t sum = 0, min = INT64_MAX;
    row *self = NULL;
    for (uint32_t j = 0; j < n_rows; j++) {
        row *w = &rows[j];
        if (!self && !w->done && !w->late && w->ts == ts && w->k == k && w->x == x) self = w;
        if (w->late || w->k != k || w->ts > ts || w->ts < ts - RANGE_US) continue;
        sum += w->x;
        if (w->x < min) min = w->x;
    }
    cr_assert_not_null(self, "a row that is not there, or comes twice");
    self->done = true;
    cr_assert_eq(col_of(b, "total", i), sum);
    cr_assert_eq(col_of(b, "least", i), min);
}

typedef struct step { /* so many rows, then a watermark */
    uint32_t n;
    int64_t wm;
} step;

/* All rows in steps; marks those that will be late before any result is looked at. */
static uint32_t plan_steps(step *steps, uint32_t *latep) {
    int64_t wm = WR_WM_NONE;
    uint32_t n_steps = 0;
    for (uint32_t at = 0; at < n_rows; n_steps++) {
        uint32_t n = 1 + (uint32_t)(rnd() % 30);
        if (n > n_rows - at) n = n_rows - at;
        for (uint32_t i = at; i < at + n; i++) {
            rows[i].late = rows[i].ts <= wm;
            *latep += rows[i].late;
        }
        at += n;
        steps[n_steps] = (step){n, rows[at - 1].ts - (int64_t)(rnd() % 20) * 1000000};
        if (steps[n_steps].wm > wm) wm = steps[n_steps].wm;
    }
    return n_steps;
}

Test(over, range_against_brute_force) {
    rig r;
    rig_plan(
        &r,
        "SELECT ts, k, x, SUM(x) OVER w AS total, MIN(x) OVER w AS least FROM t WINDOW w AS (PARTITION BY k "
        "ORDER BY ts RANGE INTERVAL '20' SECOND PRECEDING);");
    for (rng = 1; rng < 20; rng++) {
        uint64_t seed = rng;
        make_rows(400, 1 + rnd() % 20, rnd() % 30);
        ok(rig_open(&r, NULL));
        check = check_range;
        step steps[400];
        uint32_t n_late = 0, n_steps = plan_steps(steps, &n_late);
        for (uint32_t k = 0, at = 0; k < n_steps; at += steps[k++].n) {
            ok(rig_push(&r, rows + at, steps[k].n, at, NULL));
            ok(wri_watermark(&r.op, 0, steps[k].wm, NULL));
        }
        ok(wri_end(&r.op, 0, NULL));
        cr_assert_eq(r.rows + n_late, n_rows, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(r.op.late_rows, n_late);
        r.op.def->close(&r.op);
        rng = seed;
    }
    ok(rig_open(&r, NULL));
    rig_free(&r);
}

/* ---- what is kept ---- */

Test(over, keys_go_with_their_rows) {
    rig r;
    rig_plan(&r, "SELECT x, COUNT(*) OVER w AS n, MAX(s) OVER w AS m, COUNT(DISTINCT x) OVER w AS d FROM t "
                 "WINDOW w AS (PARTITION BY k ORDER BY ts RANGE INTERVAL '20' SECOND PRECEDING);");
    ok(rig_open(&r, NULL));
    for (int64_t t = 0; t < 2000; t++) {
        row w = {.ts = t * 1000000, .k = t, .x = t % 10}; /* a new key each second */
        ok(rig_push(&r, &w, 1, t, NULL));
        ok(wri_watermark(&r.op, 0, w.ts, NULL));
        cr_assert_leq(wri_over_keeps(&r.op).keys, 22);
        cr_assert_leq(wri_over_keeps(&r.op).rows, 22);
    }
    ok(wri_watermark(&r.op, 0, INT64_C(5000) * 1000000, NULL));
    cr_assert_eq(wri_over_keeps(&r.op).keys, 0);
    cr_assert_eq(wri_over_keeps(&r.op).rows, 0);
    cr_assert_eq(r.rows, 2000);
    rig_free(&r);
}

Test(over, keys_are_forgotten_after_state_ttl) {
    rig r;
    rig_plan(
        &r, "SET state_ttl = '30s'; SELECT x, SUM(x) OVER w AS n, LAG(s, 2) OVER w AS l, ROW_NUMBER() OVER w "
            "AS rn FROM t WINDOW w AS (PARTITION BY k ORDER BY ts);");
    ok(rig_open(&r, NULL));
    for (int64_t t = 0; t < 2000; t++) {
        row w = {.ts = t * 1000000, .k = t, .x = t % 10};
        ok(rig_push(&r, &w, 1, t, NULL));
        ok(wri_watermark(&r.op, 0, w.ts, NULL));
        cr_assert_leq(wri_over_keeps(&r.op).keys, 50);
        cr_assert_leq(wri_over_keeps(&r.op).rows, 50);
    }
    rig_free(&r);
}

Test(over, top_n_keeps_what_is_wanted) {
    rig r;
    rig_plan(
        &r, "SELECT s, x FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY x "
            "DESC) AS rn FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))) WHERE rn <= 3;");
    r.job.batch_rows = 4096;
    ok(rig_open(&r, NULL));
    size_t most = 0;
    static row many[1000];
    for (int64_t at = 0; at < 400; at++) {
        for (int i = 0; i < 1000; i++) many[i] = (row){.ts = at * 1000000, .x = (int64_t)(rnd() % 1000000)};
        ok(rig_push(&r, many, 1000, at * 1000, NULL));
        ok(wri_watermark(&r.op, 0, at * 1000000, NULL));
        if (wri_over_batch_keeps(&r.op).rows > most) most = wri_over_batch_keeps(&r.op).rows;
    }
    cr_assert_leq(most, 70000, "of 400,000 rows %zu were held", most);
    ok(wri_end(&r.op, 0, NULL));
    cr_assert_eq(r.rows, 21);
    cr_assert_eq(wri_over_batch_keeps(&r.op).rows, 0);
    rig_free(&r);
}

/* ---- lack of memory ---- */

static wr_status whole(rig *r, wr_err *err) {
    WR_TRY(rig_open(r, err));
    for (uint32_t at = 0; at < n_rows; at += 20) {
        WR_TRY(rig_push(r, rows + at, 20, at, err));
        WR_TRY(wri_watermark(&r->op, 0, rows[at].ts - 2000000, err));
    }
    return wri_end(&r->op, 0, err);
}

static void without_memory(const char *sql) {
    rig r;
    rig_plan(&r, sql);
    rng = 7;
    make_rows(120, 3, 4);
    wr_status st = WR_ENOMEM;
    for (uint64_t n = 1; st != WR_OK; n++) {
        if (n > 1) r.op.def->close(&r.op);
        wr_err err = {0};
        wr_mem_fail_at(n);
        st = whole(&r, &err);
        wr_mem_fail_at(0);
        cr_assert(st == WR_OK || st == WR_ENOMEM, "%s", err.msg);
    }
    rig_free(&r);
}

Test(over, without_memory_in_order) {
    without_memory(
        "SELECT SUM(x) OVER w, MIN(s) OVER w, MAX(CAST(x AS DOUBLE)) OVER w, COUNT(DISTINCT s) OVER w, "
        "LISTAGG(s) OVER w, MEDIAN(x) OVER w, NTH_VALUE(s, 2) OVER w, LAST_VALUE(s) IGNORE NULLS OVER w, "
        "LAG(s, 2, 'none') OVER v, RANK() OVER v, MIN(s) OVER (v ROWS 3 PRECEDING), MAX(s) OVER v, "
        "APPROX_COUNT_DISTINCT(s) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY ts RANGE INTERVAL "
        "'5' SECOND PRECEDING), v AS (PARTITION BY k ORDER BY ts);");
    without_memory(
        "SELECT LEAD(s, 2, 'none') OVER v, LEAD(x) IGNORE NULLS OVER v, x FROM t WINDOW v AS (PARTITION BY k "
        "ORDER BY ts);");
    without_memory(
        "SET state_ttl = '2s'; SELECT SUM(x) OVER v, MAX(s) OVER v, LAG(s) OVER v, COUNT(DISTINCT s) OVER "
        "(v ROWS 5 PRECEDING) FROM t WINDOW v AS (PARTITION BY k ORDER BY ts);");
}

Test(over, without_memory_whole_partitions) {
    without_memory(
        "SELECT SUM(x) OVER w, MIN(s) OVER (w ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING), MEDIAN(x) OVER w, "
        "COUNT(DISTINCT s) OVER (w ROWS 3 PRECEDING), LISTAGG(s) OVER (w ROWS 1 PRECEDING), LEAD(s, 1, 'x') "
        "OVER w, NTILE(3) OVER w, NTH_VALUE(s, 2) OVER w FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL "
        "'1' MINUTE)) WINDOW w AS (PARTITION BY window_start, window_end, k ORDER BY x);");
    without_memory(
        "SELECT s FROM (SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY x DESC) AS rn "
        "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))) WHERE rn <= 3;");
}
