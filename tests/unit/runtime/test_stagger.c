/* WINDOWED BY STAGGER against brute force: rows in any order up to a delay, watermarks, rows that are late;
 * that keys and windows go; lack of memory at every point. Snapshots and crashes: test_saving.c. */
#include <stdlib.h>

#include "op_rig.h"
#include "tests/unit/random.h"

#define STREAM                                                                                               \
    "CREATE STREAM t (ts TIMESTAMP(3), k BIGINT, x BIGINT, s VARCHAR, WATERMARK FOR ts AS ts) "              \
    "WITH (connector = 'file', path = 'none', format = 'json', tail = 'true');\n"
#define SQL                                                                                                  \
    "SELECT STREAM ROWTIME, k, COUNT(*) AS n, SUM(x) AS total, FIRST_VALUE(x) AS first, LISTAGG(s) AS list " \
    "FROM t WINDOWED BY STAGGER (PARTITION BY k RANGE INTERVAL '20' SECOND);"
#define SIZE_US INT64_C(20000000)
#define MOST    600

typedef struct row {
    int64_t ts, k, x;
    bool late, done;
} row;
typedef struct result {
    int64_t k, start, n, total, first;
} result;

static row rows[MOST];
static uint32_t n_rows;
static result got[MOST];
static uint32_t n_got;
static int64_t wm_now; /* that the operator was told last */

static int64_t col_of(const wr_batch *b, const char *name, uint32_t i) {
    const wr_schema *out = &the_rig->op.node->out;
    for (uint32_t c = 0; c < out->n; c++)
        if (strncmp(out->fields[c].name, name, strlen(name)) == 0) return b->cols[c].i64[i];
    cr_assert_fail("no column %s", name);
    return 0;
}

static wr_status sink_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    the_rig->rows += b->n;
    for (uint32_t i = 0; i < b->n && n_got < MOST; i++) {
        int64_t end = col_of(b, "window_end", i);
        got[n_got] = (result){.k = col_of(b, "k", i),
                              .start = col_of(b, "window_start", i),
                              .n = col_of(b, "COUNT", i),
                              .total = col_of(b, "SUM", i),
                              .first = col_of(b, "FIRST_VALUE", i)};
        cr_assert_eq(end, got[n_got].start + SIZE_US);
        cr_assert(wm_now == WR_WM_END || end - 1000 <= wm_now, "a window came before its end");
        cr_assert(n_got == 0 || got[n_got - 1].start <= got[n_got].start, "windows come by their ends");
        n_got++;
    }
    return WR_OK;
}
static const wr_op_def sink_def = {.name = "sink", .push = sink_push};

static wr_status open_op(rig *r, wr_err *err) {
    n_got = 0;
    return rig_open_node(r, rig_node(r, WR_N_STAGGER), &wri_op_stagger, &sink_def, err);
}

static wr_status push(rig *r, const row *w, uint32_t n, int64_t pos, wr_err *err) {
    const wr_schema *in = &r->op.node->in[0]->out;
    static const char text[] = "a text that is too long to be inline";
    wr_batch *b;
    WR_TRY(wr_batch_new(in->n, n, &b, err));
    b->n = n;
    b->split = 0;
    b->pos = pos;
    wr_status st = WR_OK;
    for (uint32_t c = 0; c < in->n && st == WR_OK; c++) {
        const char *name = in->fields[c].name;
        st = wr_batch_col(b, c, wr_type_phys(in->fields[c].type), err);
        for (uint32_t i = 0; i < n && st == WR_OK; i++) {
            if (b->cols[c].phys == WR_STR)
                b->cols[c].str[i] = wr_str_make(text + w[i].x % 7, sizeof text - 8);
            else b->cols[c].i64[i] = name[0] == 't' ? w[i].ts : name[0] == 'k' ? w[i].k : w[i].x;
        }
    }
    if (st == WR_OK) st = wri_deliver(&r->op, 0, b, err);
    wr_batch_drop(b);
    return st;
}

static wr_status tell(rig *r, int64_t wm, wr_err *err) {
    if (wm > wm_now) wm_now = wm;
    return wri_watermark(&r->op, 0, wm, err);
}

static wr_status finish(rig *r, wr_err *err) {
    wm_now = WR_WM_END;
    return wri_end(&r->op, 0, err);
}

static void ok(wr_status st) { cr_assert_eq(st, WR_OK); }

/* ---- brute force ---- */

/* The row that is looked at next: the earliest that is not late, of those the one that came first. */
static row *next_of(int64_t k, int64_t from) {
    row *best = NULL;
    for (uint32_t i = 0; i < n_rows; i++)
        if (!rows[i].late && !rows[i].done && rows[i].k == k && rows[i].ts >= from &&
            (!best || rows[i].ts < best->ts))
            best = &rows[i];
    return best;
}

static uint32_t brute(result *want, uint64_t keys) {
    uint32_t n = 0;
    for (int64_t k = 0; k < (int64_t)keys; k++)
        for (row *w; (w = next_of(k, INT64_MIN));) {
            result *x = &want[n++];
            *x = (result){.k = k, .start = w->ts, .first = w->x};
            for (uint32_t i = 0; i < n_rows; i++) {
                if (rows[i].late || rows[i].k != k || rows[i].ts < x->start ||
                    rows[i].ts >= x->start + SIZE_US)
                    continue;
                rows[i].done = true;
                x->n++;
                x->total += rows[i].x;
            }
        }
    return n;
}

static int by_all(const void *a, const void *b) {
    const result *x = a, *y = b;
    if (x->k != y->k) return x->k < y->k ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

static void compare(uint64_t keys, uint64_t seed) {
    static result want[MOST];
    uint32_t n = brute(want, keys);
    cr_assert_eq(n_got, n, "seed %llu: %u windows, not %u", (unsigned long long)seed, n_got, n);
    qsort(got, n, sizeof *got, by_all);
    qsort(want, n, sizeof *want, by_all);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(memcmp(&got[i], &want[i], sizeof *got) == 0, "seed %llu: window %u of key %lld",
                  (unsigned long long)seed, i, (long long)want[i].k);
}

/* Rows about a second apart for each key, many at the very edge of a window, some out of order. */
static void make_rows(uint64_t keys, uint64_t delay) {
    n_rows = 200 + (uint32_t)(rnd() % (MOST - 200));
    for (uint32_t i = 0; i < n_rows; i++) {
        int64_t second = (int64_t)(i / keys * 2 + 100 - rnd() % (delay + 1));
        if (rnd() % 4 == 0) second -= second % 20;
        rows[i] = (row){.ts = second * 1000000 - (rnd() % 8 == 0 ? 1000 : 0),
                        .k = (int64_t)(rnd() % keys),
                        .x = (int64_t)(rnd() % 1000)};
    }
}

static void run_trace(rig *r, uint64_t seed) {
    uint64_t keys = 1 + rnd() % 12, delay = rnd() % 30;
    uint32_t n_late = 0;
    make_rows(keys, delay);
    wm_now = WR_WM_NONE;
    ok(open_op(r, NULL));
    for (uint32_t at = 0, n; at < n_rows; at += n) {
        n = 1 + (uint32_t)(rnd() % 30);
        if (n > n_rows - at) n = n_rows - at;
        for (uint32_t i = at; i < at + n; i++) n_late += rows[i].late = rows[i].ts <= wm_now;
        ok(push(r, rows + at, n, at, NULL));
        ok(tell(r, rows[at + n - 1].ts - (int64_t)(rnd() % 20) * 1000000, NULL));
    }
    ok(finish(r, NULL));
    cr_assert_eq(r->op.late_rows, n_late, "seed %llu", (unsigned long long)seed);
    compare(keys, seed);
    r->op.def->close(&r->op);
}

Test(stagger, brute_force) {
    rig r;
    rig_plan_of(&r, STREAM, SQL);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
        run_trace(&r, seed);
    }
    ok(open_op(&r, NULL));
    rig_free(&r);
}

/* A row at exactly start + n is of the next window, the one a millisecond before it of this one. */
Test(stagger, the_end_is_not_in_it) {
    rig r;
    rig_plan_of(&r, STREAM, SQL);
    static const row w[] = {
        {.ts = 1000000, .x = 1}, {.ts = 1000000 + SIZE_US - 1000, .x = 2}, {.ts = 1000000 + SIZE_US, .x = 4}};
    wm_now = WR_WM_NONE;
    ok(open_op(&r, NULL));
    ok(push(&r, w, 3, 0, NULL));
    ok(tell(&r, 1000000 + SIZE_US - 2000, NULL));
    cr_assert_eq(n_got, 0);
    ok(tell(&r, 1000000 + SIZE_US - 1000, NULL));
    cr_assert_eq(n_got, 1);
    cr_assert_eq(got[0].total, 3);
    ok(finish(&r, NULL));
    cr_assert_eq(n_got, 2);
    cr_assert_eq(got[1].total, 4);
    cr_assert_eq(got[1].start, 1000000 + SIZE_US);
    rig_free(&r);
}

Test(stagger, keys_go_with_their_windows) {
    rig r;
    rig_plan_of(&r, STREAM, SQL);
    wm_now = WR_WM_NONE;
    ok(open_op(&r, NULL));
    wr_kept k = {0};
    uint64_t early = 0;
    for (int64_t t = 0; t < 20000; t++) {
        row w = {.ts = t * 1000000, .k = t, .x = t % 10}; /* a new key each second */
        ok(push(&r, &w, 1, t, NULL));
        ok(tell(&r, w.ts, NULL));
        r.op.def->measure(&r.op, &k);
        cr_assert_leq(k.keys, 21);
        if (t == 1000) early = k.bytes;
    }
    cr_assert_leq(k.bytes, early * 2);
    ok(finish(&r, NULL));
    r.op.def->measure(&r.op, &k);
    cr_assert_eq(k.keys, 0);
    cr_assert_eq(r.rows, 20000);
    rig_free(&r);
}

static wr_status whole(rig *r, wr_err *err) {
    WR_TRY(open_op(r, err));
    for (uint32_t at = 0; at < n_rows; at += 20) {
        WR_TRY(push(r, rows + at, 20, at, err));
        WR_TRY(tell(r, rows[at].ts - 2000000, err));
    }
    return finish(r, err);
}

Test(stagger, without_memory) {
    rig r;
    rig_plan_of(&r, STREAM, SQL);
    rng = 7;
    make_rows(3, 4);
    n_rows = 120;
    wr_status st = WR_ENOMEM;
    for (uint64_t n = 1; st != WR_OK; n++) {
        if (n > 1) r.op.def->close(&r.op);
        wr_err err = {0};
        wm_now = WR_WM_NONE;
        wr_mem_fail_at(n);
        st = whole(&r, &err);
        wr_mem_fail_at(0);
        cr_assert(st == WR_OK || st == WR_ENOMEM, "%s", err.msg);
    }
    rig_free(&r);
}
