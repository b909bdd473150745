/* tests/unit/runtime/test_windows.c -- both aggregation phases against brute force, on random traces.
 *
 * One split of random out-of-order rows is cut into chunks; several first phases take chunks in order
 * and finish them in any order, as workers do; the second phase gets their partials. The result must be
 * that of assigning each row to its open windows one by one, whatever the chunks, batches and order. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/aggs/aggs.h"
#include "runtime/job_int.h"
#include "runtime/ops/ops.h"

#define LOCALS 3
#define SECOND INT64_C(1000000)

static uint64_t seed;
static uint32_t rnd(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

typedef struct {
    int64_t ts, key, v, wm; /* wm: watermark before the row */
} row;
typedef struct {
    int64_t start, end, key, count, sum, max;
} result;
typedef struct {
    result *items;
    size_t n, cap;
} results;

static void add_result(results *r, result x) {
    cr_assert_eq(wr_grow(&r->items, &r->cap, r->n + 1, sizeof x), WR_OK);
    r->items[r->n++] = x;
}

static int by_all(const void *a, const void *b) { return memcmp(a, b, sizeof(result)); }

/* ---- brute force ---- */

static void fold(results *r, int64_t start, int64_t end, const row *x) {
    for (size_t i = 0; i < r->n; i++) {
        result *g = &r->items[i];
        if (g->start != start || g->end != end || g->key != x->key) continue;
        g->count++;
        g->sum += x->v;
        g->max = x->v > g->max ? x->v : g->max;
        return;
    }
    add_result(r, (result){start, end, x->key, 1, x->v, x->v});
}

static bool is_open(const wr_win *w, int64_t end, int64_t wm) {
    return wm == WR_WM_NONE || end - w->tick_us > wm;
}

static uint64_t brute(const wr_win *w, const row *rows, uint32_t n, results *out) {
    uint64_t late = 0;
    for (uint32_t i = 0; i < n; i++) {
        const row *x = &rows[i];
        bool any = false;
        int64_t step = w->kind == WR_W_TUMBLE ? w->size_us : w->slide_us;
        int64_t cycle = (x->ts - w->offset_us) / w->size_us * w->size_us + w->offset_us;
        int64_t first = w->kind == WR_W_CUMULATE ? cycle + step : cycle - w->size_us;
        for (int64_t end = first; end <= cycle + 2 * w->size_us; end += step) {
            int64_t start = w->kind == WR_W_CUMULATE ? cycle : end - w->size_us;
            if (w->kind == WR_W_CUMULATE && end > cycle + w->size_us) break;
            if (x->ts < start || x->ts >= end || !is_open(w, end, x->wm)) continue;
            fold(out, start, end, x);
            any = true;
        }
        late += !any;
    }
    return late;
}

/* ---- the operators ---- */

typedef struct {
    wr_job job;
    wr_plan plan;
    wr_task task;
    wr_node src, local, global;
    wr_node *in_local, *in_global;
    wr_field f_src[3], f_local[8], f_global[9];
    uint32_t key;
    wr_agg_call calls[3];
    wr_op locals[LOCALS], gop, sink;
    wr_edge to_global[LOCALS], to_sink;
    int64_t wm_local[LOCALS][1], wm_global[LOCALS], wm_sink[1];
    results out;
} rig;

static wr_status collect(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port, (void)err;
    rig *r = op->state;
    for (uint32_t i = 0; i < b->n; i++) {
        cr_assert_eq(b->cols[2].i64[i], b->cols[1].i64[i] - r->global.agg.win.tick_us);
        add_result(&r->out,
                   (result){b->cols[0].i64[i], b->cols[1].i64[i], b->cols[3].i64[i], b->cols[4].i64[i],
                            b->cols[5].i64[i], b->n_cols > 6 ? b->cols[6].i64[i] : 0});
    }
    return WR_OK;
}
static const wr_op_def collector = {.name = "collector", .push = collect};

static void bind_call(wr_agg_call *c, const char *name, bool star) {
    *c = (wr_agg_call){.filter = WR_NO_COL,
                       .time = WR_NO_COL,
                       .star = star,
                       .n_args = !star,
                       .args = {2},
                       .param.null = true,
                       .arg_types = {wr_type_of(WR_T_BIGINT)}};
    for (size_t i = 0; i < wr_n_builtin_aggs; i++)
        if (strcmp(wr_builtin_aggs[i]->name, name) == 0) c->def = wr_builtin_aggs[i];
    wr_err err = {0};
    cr_assert_not_null(c->def, "no aggregate %s", name);
    cr_assert_eq(c->def->bind(c, &err), WR_OK, "%s", err.msg);
}

static void make_nodes(rig *r, const wr_win *win, uint32_t n_calls) {
    const wr_type ts = wr_type_of(WR_T_TIMESTAMP), big = wr_type_of(WR_T_BIGINT);
    bind_call(&r->calls[0], "COUNT", true);
    bind_call(&r->calls[1], "SUM", false);
    bind_call(&r->calls[2], "MAX", false);
    r->f_src[0] = (wr_field){"ts", ts, NULL};
    r->f_src[1] = (wr_field){"k", big, NULL};
    r->f_src[2] = (wr_field){"v", big, NULL};
    r->src.out = (wr_schema){3, r->f_src};
    uint32_t n = 0;
    r->f_local[n++] = (wr_field){"slice", ts, NULL};
    r->f_local[n++] = (wr_field){"k", big, NULL};
    for (uint32_t c = 0; c < n_calls; c++)
        for (uint32_t p = 0; p < r->calls[c].n_partials; p++)
            r->f_local[n++] = (wr_field){"p", r->calls[c].partials[p], NULL};
    r->key = 1;
    r->in_local = &r->src;
    r->in_global = &r->local;
    r->local = (wr_node){.kind = WR_N_AGG_LOCAL, .in = &r->in_local, .n_in = 1, .out = {n, r->f_local}};
    r->local.agg.win = *win;
    r->local.agg.keys = &r->key;
    r->local.agg.n_keys = 1;
    r->local.agg.calls = r->calls;
    r->local.agg.n_calls = n_calls;
    r->global = r->local;
    r->global.kind = WR_N_AGG_GLOBAL;
    r->global.in = &r->in_global;
    for (uint32_t c = 0; c < 3; c++) r->f_global[c] = (wr_field){"w", ts, NULL};
    for (uint32_t c = 3; c < 9; c++) r->f_global[c] = (wr_field){"c", big, NULL};
    r->global.out = (wr_schema){4 + n_calls, r->f_global};
}

/* COUNT and SUM can take partials out again, MAX cannot: with two calls HOP keeps running totals, with three
 * it merges anew. */
static void open_rig(rig *r, const wr_win *win, uint32_t n_calls) {
    wr_err err = {0};
    memset(r, 0, sizeof *r);
    make_nodes(r, win, n_calls);
    r->job.plan = &r->plan;
    r->job.n_workers = 1;
    r->job.batch_rows = 1 + rnd(50);
    r->task.job = &r->job;
    r->sink = (wr_op){.def = &collector, .state = r};
    r->to_sink = (wr_edge){&r->sink, 0};
    r->sink.port_wm = r->wm_sink;
    r->sink.n_in = 1;
    r->wm_sink[0] = r->sink.wm = WR_WM_NONE;
    r->gop = (wr_op){.def = &wri_op_agg_global,
                     .node = &r->global,
                     .task = &r->task,
                     .out = &r->to_sink,
                     .n_out = 1,
                     .port_wm = r->wm_global,
                     .n_in = LOCALS,
                     .wm = WR_WM_NONE};
    cr_assert_eq(r->gop.def->open(&r->gop, &err), WR_OK, "%s", err.msg);
    for (int i = 0; i < LOCALS; i++) {
        r->wm_global[i] = r->wm_local[i][0] = WR_WM_NONE;
        r->to_global[i] = (wr_edge){&r->gop, (uint32_t)i};
        r->locals[i] = (wr_op){.def = &wri_op_agg_local,
                               .node = &r->local,
                               .task = &r->task,
                               .out = &r->to_global[i],
                               .n_out = 1,
                               .port_wm = r->wm_local[i],
                               .n_in = 1,
                               .wm = WR_WM_NONE};
        cr_assert_eq(r->locals[i].def->open(&r->locals[i], &err), WR_OK, "%s", err.msg);
    }
}

static void close_rig(rig *r) {
    for (int i = 0; i < LOCALS; i++) r->locals[i].def->close(&r->locals[i]);
    r->gop.def->close(&r->gop);
    wr_free(r->out.items);
}

static wr_batch *make_batch(const row *rows, uint32_t n) {
    wr_batch *b;
    bool behind = false;
    cr_assert_eq(wr_batch_new(3, n, &b, NULL), WR_OK);
    b->n = n;
    b->split = 0;
    for (uint32_t c = 0; c < 3; c++) cr_assert_eq(wr_batch_col(b, c, WR_I64, NULL), WR_OK);
    for (uint32_t i = 0; i < n; i++) {
        b->cols[0].i64[i] = rows[i].ts;
        b->cols[1].i64[i] = rows[i].key;
        b->cols[2].i64[i] = rows[i].v;
        behind |= rows[i].ts <= rows[i].wm;
    }
    if (!behind) return b;
    b->wm = wr_arena_alloc(&b->arena, n * sizeof *b->wm);
    for (uint32_t i = 0; i < n; i++) b->wm[i] = rows[i].wm;
    return b;
}

/* A chunk taken by a first phase and not yet folded. */
typedef struct {
    uint32_t from, to;
    bool taken;
} chunk;

static void finish_chunk(rig *r, int who, chunk *c, const row *rows) {
    wr_err err = {0};
    for (uint32_t at = c->from; at < c->to;) {
        uint32_t n = 1 + rnd(c->to - at);
        wr_batch *b = make_batch(rows + at, n);
        cr_assert_eq(wri_deliver(&r->locals[who], 0, b, &err), WR_OK, "%s", err.msg);
        wr_batch_drop(b);
        at += n;
    }
    c->taken = false;
}

/* What a worker announces after a chunk: the watermark before the next chunk to be dealt. */
static void announce(rig *r, int who, const row *rows, uint32_t dealt, uint32_t n) {
    wr_err err = {0};
    int64_t wm = dealt < n ? rows[dealt].wm : rows[n].wm;
    cr_assert_eq(wri_watermark(&r->locals[who], 0, wm, &err), WR_OK, "%s", err.msg);
}

static void run(rig *r, const row *rows, uint32_t n) {
    chunk held[LOCALS] = {0};
    uint32_t dealt = 0;
    wr_err err = {0};
    for (bool busy = true; busy;) {
        int who = (int)rnd(LOCALS);
        if (held[who].taken) {
            finish_chunk(r, who, &held[who], rows);
            announce(r, who, rows, dealt, n);
        } else if (dealt < n) {
            uint32_t size = 1 + rnd(40);
            held[who] = (chunk){dealt, dealt + size < n ? dealt + size : n, true};
            dealt = held[who].to;
        }
        busy = dealt < n;
        for (int i = 0; i < LOCALS; i++) busy |= held[i].taken;
    }
    for (int i = 0; i < LOCALS; i++) {
        cr_assert_eq(wri_end(&r->locals[i], 0, &err), WR_OK, "%s", err.msg);
    }
}

static uint32_t make_rows(row *rows, uint32_t most, int64_t delay) {
    int64_t t = 1000 * SECOND, wm = WR_WM_NONE;
    uint32_t n = rnd(most), keys = 1 + rnd(6), jump = 1 + rnd(8), back = 1 + rnd(40);
    for (uint32_t i = 0; i <= n; i++) {
        t += (int64_t)rnd(jump * 1000) * 1000;
        rows[i] = (row){t - (rnd(3) == 0 ? (int64_t)rnd(back * 1000) * 1000 : 0), rnd(keys),
                        (int64_t)rnd(1000) - 500, wm};
        if (rows[i].ts - delay > wm) wm = rows[i].ts - delay;
    }
    return n;
}

static void compare(wr_win win, int rounds) {
    static row rows[600];
    for (int round = 0; round < rounds; round++) {
        uint64_t at_start = seed;
        rig r;
        results want = {0};
        uint32_t n = make_rows(rows, 599, (int64_t)rnd(20) * SECOND);
        uint64_t late = brute(&win, rows, n, &want), got_late = 0;
        uint32_t n_calls = 2 + rnd(2);
        for (size_t i = 0; n_calls < 3 && i < want.n; i++) want.items[i].max = 0;
        open_rig(&r, &win, n_calls);
        run(&r, rows, n);
        for (int i = 0; i < LOCALS; i++) got_late += r.locals[i].late_rows;
        cr_assert_eq(got_late, late, "late rows: %lu, expected %lu (seed %lu)", got_late, late, at_start);
        cr_assert_eq(r.gop.late_rows, 0);
        cr_assert_eq(r.out.n, want.n, "%zu results, expected %zu (seed %lu)", r.out.n, want.n, at_start);
        if (want.n) {
            qsort(want.items, want.n, sizeof(result), by_all);
            qsort(r.out.items, r.out.n, sizeof(result), by_all);
            cr_assert_eq(memcmp(want.items, r.out.items, want.n * sizeof(result)), 0,
                         "results differ (seed %lu)", at_start);
        }
        wr_free(want.items);
        close_rig(&r);
    }
}

Test(windows, tumble) {
    seed = 11;
    for (int64_t size = 1; size <= 30; size += 7)
        compare(
            (wr_win){
                .kind = WR_W_TUMBLE, .size_us = size * SECOND, .slice_us = size * SECOND, .tick_us = 1000},
            40);
}

Test(windows, tumble_offset) {
    seed = 12;
    compare((wr_win){.kind = WR_W_TUMBLE,
                     .size_us = 10 * SECOND,
                     .slice_us = 10 * SECOND,
                     .offset_us = 3 * SECOND,
                     .tick_us = 1000},
            60);
}

Test(windows, hop) {
    seed = 13;
    for (int64_t k = 1; k <= 8; k++)
        compare((wr_win){.kind = WR_W_HOP,
                         .size_us = k * 5 * SECOND,
                         .slide_us = 5 * SECOND,
                         .slice_us = 5 * SECOND,
                         .offset_us = (k % 3) * SECOND,
                         .tick_us = 1000},
                40);
}

/* So many slices that they are merged to blocks; slides that are no multiple of a block. */
Test(windows, hop_of_many_slices) {
    seed = 15;
    for (int64_t k = 1; k <= 6; k++)
        compare((wr_win){.kind = WR_W_HOP,
                         .size_us = (k * 8 + k % 3) * (1 + k % 2) * SECOND,
                         .slide_us = (1 + k % 2) * SECOND,
                         .slice_us = (1 + k % 2) * SECOND,
                         .offset_us = (k % 2) * SECOND,
                         .tick_us = 1000},
                25);
}

Test(windows, cumulate) {
    seed = 14;
    for (int64_t k = 1; k <= 8; k++)
        compare((wr_win){.kind = WR_W_CUMULATE,
                         .size_us = k * 5 * SECOND,
                         .slide_us = 5 * SECOND,
                         .slice_us = 5 * SECOND,
                         .offset_us = (k % 3) * SECOND,
                         .tick_us = 1000},
                40);
}
