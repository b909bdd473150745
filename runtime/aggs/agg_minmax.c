/* runtime/aggs/agg_minmax.c -- MIN, MAX, ANY_VALUE.
 *
 * Numbers and times: values become unsigned ranks of which the largest is sought, for MIN as for MAX;
 * rank 0, the empty state, is also the rank of the worst value, so `any` tells them apart. Doubles
 * are ordered -inf … -0.0, 0.0 … inf, NaN. Strings are ordered by bytes and owned by the state.
 * The partial is the value, NULL for none, so that merging is updating. ANY_VALUE is MIN: of all
 * choices the one that does not depend on who looks first.
 *
 * Numbers and times that may be taken back need all values: a bag (agg_bag.c), which knows the same ranks. */
#include "aggs_int.h"

typedef struct ranked {
    uint64_t rank, any;
} ranked;

typedef struct text {
    wri_cell cell;
    uint64_t any;
} text;

#define MIN_MASK UINT64_C(0x7fffffffffffffff) /* smaller value, larger rank */
#define MAX_MASK UINT64_C(0x8000000000000000)

static wr_phys arg_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]); }

static bool is_bag(const wr_agg_call *call) { return call->multiset && arg_phys(call) != WR_STR; }

static wr_status bind(wr_agg_call *call, wr_err *err) {
    (void)err;
    call->type = wri_nullable(call->arg_types[0]);
    call->plain = arg_phys(call) != WR_STR;
    call->state_bytes = arg_phys(call) == WR_STR ? sizeof(text) : sizeof(ranked);
    call->n_partials = 0;
    call->distinct = false; /* says nothing here */
    call->idempotent = !is_bag(call);
    if (is_bag(call)) wri_bag_bind(call);
    else wri_partial_add(call, call->type);
    return WR_OK;
}

/* ---- kernels ---- */

WRI_KERNEL void better(ranked *s, uint64_t rank) {
    s->rank = rank > s->rank ? rank : s->rank;
    s->any = 1;
}

WRI_KERNEL void rank_i64(const int64_t *restrict v, uint64_t mask, const uint64_t *nulls, uint32_t n,
                         char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++)
        better(WRI_STATE(ranked, states, stride, wri_gid(gids, nulls, i)), (uint64_t)v[i] ^ mask);
}

WRI_KERNEL void rank_f64(const double *restrict v, uint64_t mask, const uint64_t *nulls, uint32_t n,
                         char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++)
        better(WRI_STATE(ranked, states, stride, wri_gid(gids, nulls, i)),
               (uint64_t)wri_key_of_f64(v[i]) ^ mask);
}

static wr_status fold_text(const wr_col *c, uint64_t mask, uint32_t n, char *states, size_t stride,
                           const uint32_t *gids, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        text *s = WRI_STATE(text, states, stride, g);
        if (s->any) {
            int cmp = wri_cell_cmp(&s->cell, c, i);
            if (mask == MIN_MASK ? cmp <= 0 : cmp >= 0) continue;
        }
        WR_TRY(wri_cell_set(&s->cell, c, i, err));
        s->any = 1;
    }
    return WR_OK;
}

WRI_KERNEL wr_status fold(const wr_agg_in *in, uint64_t mask, char *states, size_t stride,
                          const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    switch (c->phys) {
    case WR_I64:
        if (c->nulls) rank_i64(c->i64, mask, c->nulls, in->n, states, stride, gids);
        else rank_i64(c->i64, mask, NULL, in->n, states, stride, gids);
        break;
    case WR_F64:
        if (c->nulls) rank_f64(c->f64, mask, c->nulls, in->n, states, stride, gids);
        else rank_f64(c->f64, mask, NULL, in->n, states, stride, gids);
        break;
    case WR_STR:
        return fold_text(c, mask, in->n, states, stride, gids, err);
    }
    return WR_OK;
}

#define FOLDS(name, mask)                                                                                    \
    static wr_status update_##name(const wr_agg_call *call, const wr_agg_in *in, char *states,               \
                                   size_t stride, const uint32_t *gids, wr_err *err) {                       \
        if (is_bag(call)) return wri_bag_update(mask, in, states, stride, gids, err);                        \
        return fold(in, mask, states, stride, gids, err);                                                    \
    }                                                                                                        \
    static wr_status merge_##name(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride, \
                                  const uint32_t *gids, wr_err *err) {                                       \
        if (is_bag(call)) return wri_bag_merge(call, mask, in, states, stride, gids, err);                   \
        return fold(in, mask, states, stride, gids, err);                                                    \
    }                                                                                                        \
    static void retract_##name(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,    \
                               const uint32_t *gids) {                                                       \
        wri_bag_retract(call, mask, in, states, stride, gids);                                               \
    }
FOLDS(min, MIN_MASK)
FOLDS(max, MAX_MASK)

WRI_KERNEL wr_status combine(const wr_agg_call *call, uint64_t mask, void *into, const void *from,
                             wr_err *err) {
    static const uint32_t one = 1;
    if (arg_phys(call) != WR_STR) {
        const ranked *r = from;
        if (r->any) better(into, r->rank);
        return WR_OK;
    }
    text t = *(const text *)from; /* a view: what it points at stays from's */
    wr_col c = wri_cell_col(&t.cell, WR_STR);
    return t.any ? fold_text(&c, mask, 1, into, 0, &one, err) : WR_OK;
}

static wr_status combine_min(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, MIN_MASK, into, from, err);
}

static wr_status combine_max(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, MAX_MASK, into, from, err);
}

/* ---- results ---- */

static wr_status emit_bags(const wr_agg_call *call, uint64_t mask, char *states, size_t stride,
                           const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, arg_phys(call), &col, err));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t rank;
        if (!wri_bag_best(WRI_STATE(wri_bag_state, states, stride, gids[i]), mask, &rank)) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        wri_cell key = {.key = (int64_t)(rank ^ mask)};
        WR_TRY(wri_cell_out(&key, out, col, i, err));
    }
    return WR_OK;
}

static wr_status emit_numbers(uint64_t mask, const char *states, size_t stride, const uint32_t *gids,
                              wr_batch *out, wr_col *col, uint32_t n, wr_err *err) {
    bool real = col->phys == WR_F64;
    for (uint32_t i = 0; i < n; i++) {
        const ranked *r = WRI_STATE_CONST(ranked, states, stride, gids[i]);
        int64_t key = (int64_t)(r->rank ^ mask);
        if (WR_UNLIKELY(!r->any)) WR_TRY(wri_out_null(out, col, i, err));
        else if (real) col->f64[i] = wri_f64_of_key(key);
        else col->i64[i] = key;
    }
    return WR_OK;
}

static wr_status emit(const wr_agg_call *call, uint64_t mask, const char *states, size_t stride,
                      const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, arg_phys(call), &col, err));
    if (col->phys != WR_STR) return emit_numbers(mask, states, stride, gids, out, col, n, err);
    for (uint32_t i = 0; i < n; i++) {
        const text *t = WRI_STATE_CONST(text, states, stride, gids[i]);
        if (!t->any) WR_TRY(wri_out_null(out, col, i, err));
        else WR_TRY(wri_cell_out(&t->cell, out, col, i, err));
    }
    return WR_OK;
}

static wr_status partial_min(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (is_bag(call)) return wri_bag_partial(states, stride, gids, n, out, first_col, err);
    return emit(call, MIN_MASK, states, stride, gids, n, out, first_col, err);
}

static wr_status partial_max(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (is_bag(call)) return wri_bag_partial(states, stride, gids, n, out, first_col, err);
    return emit(call, MAX_MASK, states, stride, gids, n, out, first_col, err);
}

static wr_status finish_min(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    if (is_bag(call)) return emit_bags(call, MIN_MASK, states, stride, gids, n, out, c, err);
    return emit(call, MIN_MASK, states, stride, gids, n, out, c, err);
}

static wr_status finish_max(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    if (is_bag(call)) return emit_bags(call, MAX_MASK, states, stride, gids, n, out, c, err);
    return emit(call, MAX_MASK, states, stride, gids, n, out, c, err);
}

static void destroy(const wr_agg_call *call, void *state) {
    if (is_bag(call)) {
        wri_bag_destroy(state);
        return;
    }
    if (arg_phys(call) == WR_STR) wri_cell_free(&((text *)state)->cell, WR_STR);
    memset(state, 0, call->state_bytes);
}

const wr_agg_def wr_agg_min = {
    .name = "MIN",
    .signature = "MIN(value)",
    .doc = "Smallest value; NaN is larger than all numbers, strings compare by bytes.",
    .example = "MIN(x) = 1",
    .min_args = 1,
    .max_args = 1,
    .bind = bind,
    .update = update_min,
    .merge = merge_min,
    .retract = retract_min,
    .partial = partial_min,
    .finish = finish_min,
    .combine = combine_min,
    .destroy = destroy,
};

const wr_agg_def wr_agg_max = {
    .name = "MAX",
    .signature = "MAX(value)",
    .doc = "Largest value; NaN is larger than all numbers, strings compare by bytes.",
    .example = "MAX(s) = 'c'",
    .min_args = 1,
    .max_args = 1,
    .bind = bind,
    .update = update_max,
    .merge = merge_max,
    .retract = retract_max,
    .partial = partial_max,
    .finish = finish_max,
    .combine = combine_max,
    .destroy = destroy,
};

const wr_agg_def wr_agg_any_value = {
    .name = "ANY_VALUE",
    .signature = "ANY_VALUE(value)",
    .doc = "Some value of the group: the smallest, so that it is always the same one.",
    .example = "ANY_VALUE(x) = 1",
    .min_args = 1,
    .max_args = 1,
    .bind = bind,
    .update = update_min,
    .merge = merge_min,
    .retract = retract_min,
    .partial = partial_min,
    .finish = finish_min,
    .combine = combine_min,
    .destroy = destroy,
};
