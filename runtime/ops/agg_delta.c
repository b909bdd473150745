/* runtime/ops/agg_delta.c -- first phase without a window: what a batch adds to each key, and takes from it.
 *
 *   push(rows):  gids = table.find(keys); update(states, gids); partials out; forget all
 *
 * When the input takes rows back, a group has two states: one of the rows that came and one of those that are
 * taken back; both go out in one row, so that the second phase sees no moment between them. Nothing is kept
 * from batch to batch. */
#include "agg_calls.h"
#include "group_table.h"
#include "ops.h"

typedef struct agg_delta {
    wri_calls calls;
    wri_groups *groups;
    uint32_t *keys;
    uint32_t n_keys;
    bool takes_back;
    size_t half; /* bytes of the states of the calls and the count behind them, which is at half - 8 */
    uint32_t *gids, *minus;
    size_t cap;
} agg_delta;

static wr_status delta_open(wr_op *op, wr_err *err) {
    agg_delta *a = op->state = wr_calloc(1, sizeof *a);
    if (!a) return wr_fail_oom(err, "an aggregation");
    const wr_node *n = op->node;
    a->takes_back = n->agg.takes_back;
    a->n_keys = n->agg.n_keys;
    a->keys = wr_calloc(a->n_keys + 1, sizeof *a->keys);
    wr_phys *phys = wr_calloc(a->n_keys + 1, sizeof *phys);
    wr_status s = a->keys && phys ? WR_OK : wr_fail_oom(err, "an aggregation");
    for (uint32_t k = 0; s == WR_OK && k < a->n_keys; k++) {
        a->keys[k] = n->agg.keys[k];
        phys[k] = wr_type_phys(n->in[0]->out.fields[a->keys[k]].type);
    }
    if (s == WR_OK) s = wri_calls_init(&a->calls, n->agg.calls, n->agg.n_calls, err);
    if (s == WR_OK) {
        a->half = ((a->calls.state_bytes + 7) & ~(size_t)7) + 8;
        a->groups = wri_groups_new(phys, a->n_keys, a->takes_back ? 2 * a->half : a->calls.state_bytes);
        if (!a->groups) s = wr_fail_oom(err, "an aggregation");
    }
    wr_free(phys);
    return s;
}

static wri_states states(const agg_delta *a, bool back) {
    char *base = wri_groups_states(a->groups);
    return (wri_states){back ? base + a->half : base, wri_groups_stride(a->groups)};
}

static void destroy(agg_delta *a) {
    uint32_t n = wri_groups_count(a->groups);
    wri_calls_destroy(&a->calls, states(a, false), 0, n);
    if (a->takes_back) wri_calls_destroy(&a->calls, states(a, true), 0, n);
}

static void delta_close(wr_op *op) {
    agg_delta *a = op->state;
    if (!a) return;
    if (a->groups) destroy(a);
    wri_groups_free(a->groups);
    wri_calls_free(&a->calls);
    wr_free(a->keys);
    wr_free(a->gids);
    wr_free(a->minus);
    wr_free(a);
}

static wr_status scratch(agg_delta *a, size_t n, wr_err *err) {
    if (n <= a->cap) return WR_OK;
    uint32_t *g = wr_reallocn(a->gids, n, sizeof *g);
    if (g) a->gids = g;
    uint32_t *m = wr_reallocn(a->minus, n, sizeof *m);
    if (m) a->minus = m;
    if (!g || !m) return wr_fail_oom(err, "an aggregation");
    a->cap = n;
    return WR_OK;
}

/* ---- partials out ---- */

/* Partials of one half and, when rows are counted, their number, from column *colp on. */
static wr_status fill_half(const agg_delta *a, bool back, wr_batch *b, uint32_t *colp, wr_err *err) {
    wri_states st = states(a, back);
    WR_TRY(wri_calls_partial((wri_calls *)&a->calls, st, a->gids, b->n, b, *colp, err));
    *colp += a->calls.n_partials;
    if (!a->takes_back) return WR_OK;
    WR_TRY(wr_batch_col(b, *colp, WR_I64, err));
    int64_t *out = b->cols[*colp].i64;
    for (uint32_t i = 0; i < b->n; i++) memcpy(&out[i], st.base + a->gids[i] * st.stride + a->half - 8, 8);
    ++*colp;
    return WR_OK;
}

static wr_status fill(const agg_delta *a, uint32_t first, wr_batch *b, wr_err *err) {
    uint32_t col = 1 + a->n_keys;
    WR_TRY(wr_batch_col(b, 0, WR_I64, err));
    memset(b->cols[0].i64, 0, b->n * sizeof(int64_t)); /* no slice */
    WR_TRY(wri_groups_emit_keys(a->groups, a->gids, b->n, b, 1, err));
    WR_TRY(fill_half(a, false, b, &col, err));
    if (a->takes_back) WR_TRY(fill_half(a, true, b, &col, err));
    b->hash = wr_arena_alloc(&b->arena, b->n * sizeof *b->hash);
    if (!b->hash) return wr_fail_oom(err, "partials");
    memcpy(b->hash, wri_groups_hashes(a->groups) + first, b->n * sizeof *b->hash);
    return WR_OK;
}

static wr_status emit_all(wr_op *op, agg_delta *a, wr_err *err) {
    uint32_t count = wri_groups_count(a->groups), step = wr_task_batch_rows(op->task);
    for (uint32_t first = 1; first <= count; first += step) {
        uint32_t left = count - first + 1;
        wr_batch *b;
        WR_TRY(wr_batch_new(op->node->out.n, left < step ? left : step, &b, err));
        b->n = b->cap;
        for (uint32_t i = 0; i < b->n; i++) a->gids[i] = first + i; /* at most as many groups as rows */
        wr_status s = fill(a, first, b, err);
        if (s == WR_OK) s = wr_emit(op, b, err);
        wr_batch_drop(b);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

/* ---- rows in ---- */

/* Counts rows by group; sends rows of the other half to group 0 in either list. *anyp: some are taken back.
 */
static void split(agg_delta *a, const wr_batch *b, bool *anyp) {
    wri_states st = states(a, false);
    *anyp = false;
    for (uint32_t i = 0; i < b->n; i++) {
        bool back = wr_takes_back(wr_change_of(b, i));
        int64_t *rows =
            (int64_t *)(void *)(st.base + a->gids[i] * st.stride + a->half - 8 + (back ? a->half : 0));
        ++*rows;
        a->minus[i] = back ? a->gids[i] : 0;
        if (back) a->gids[i] = 0;
        *anyp |= back;
    }
}

static wr_status delta_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    agg_delta *a = op->state;
    if (b->n == 0) return WR_OK;
    bool any = false;
    WR_TRY(scratch(a, b->n, err));
    WR_TRY(wri_groups_find(a->groups, b, a->keys, NULL, a->gids, err));
    if (a->takes_back) split(a, b, &any);
    WR_TRY(wri_calls_update(&a->calls, b, states(a, false), a->gids, err));
    if (any) WR_TRY(wri_calls_update(&a->calls, b, states(a, true), a->minus, err));
    WR_TRY(emit_all(op, a, err));
    destroy(a);
    wri_groups_reset(a->groups);
    return WR_OK;
}

const wr_op_def wri_op_agg_delta = {.name = "delta aggregate",
                                    .open = delta_open,
                                    .push = delta_push,
                                    .stateless = true,
                                    .close = delta_close};
