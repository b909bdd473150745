/* runtime/aggs/agg_count.c -- COUNT(*), COUNT(x), COUNT(DISTINCT x), COUNT_IF(b).
 *
 * State: one BIGINT. The partial is the same. DISTINCT: a set (agg_sets.c). */
#include "aggs_int.h"

static bool is_bag(const wr_agg_call *call) {
    return call->distinct && call->multiset && wr_type_phys(call->arg_types[0]) != WR_STR;
}

static wr_status bind(wr_agg_call *call, wr_err *err) {
    (void)err;
    call->type = wr_type_of(WR_T_BIGINT);
    call->type.not_null = true;
    call->state_bytes = sizeof(uint64_t);
    call->n_partials = 0;
    call->retracts = call->slides = call->plain = true;
    wri_partial_add(call, call->type);
    if (call->star || call->n_args == 0) call->distinct = false;
    if (is_bag(call)) wri_bag_bind(call);
    else if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

WRI_KERNEL void add_one(const uint64_t *nulls, uint32_t n, char *restrict states, size_t stride,
                        const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++) ++*WRI_STATE(uint64_t, states, stride, wri_gid(gids, nulls, i));
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (is_bag(call)) return wri_bag_update(0, in, states, stride, gids, err);
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    const uint64_t *nulls = call->star || call->n_args == 0 ? NULL : in->args[0]->nulls;
    if (nulls) add_one(nulls, in->n, states, stride, gids);
    else add_one(NULL, in->n, states, stride, gids);
    return WR_OK;
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    if (is_bag(call)) return wri_bag_merge(call, 0, in, states, stride, gids, err);
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    const int64_t *restrict v = in->args[0]->i64;
    for (uint32_t i = 0; i < in->n; i++) *WRI_STATE(uint64_t, states, stride, gids[i]) += (uint64_t)v[i];
    return WR_OK;
}

static void retract(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                    const uint32_t *gids) {
    if (is_bag(call)) {
        wri_bag_retract(call, 0, in, states, stride, gids);
        return;
    }
    const int64_t *restrict v = in->args[0]->i64;
    for (uint32_t i = 0; i < in->n; i++) *WRI_STATE(uint64_t, states, stride, gids[i]) -= (uint64_t)v[i];
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (is_bag(call)) return wri_bag_partial(states, stride, gids, n, out, first_col, err);
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    wr_col *col;
    WR_TRY(wri_out(out, first_col, WR_I64, &col, err));
    for (uint32_t i = 0; i < n; i++) col->i64[i] = *WRI_STATE_CONST(int64_t, states, stride, gids[i]);
    return WR_OK;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    wr_col *col;
    if (!call->distinct) return partial(call, states, stride, gids, n, out, c, err);
    WR_TRY(wri_out(out, c, WR_I64, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        const char *state = states + (size_t)gids[i] * stride;
        col->i64[i] = (int64_t)(is_bag(call) ? wri_bag_count((const wri_bag_state *)state)
                                             : wri_distinct_count(call, state));
    }
    return WR_OK;
}

static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)call;
    (void)err;
    *(uint64_t *)into += *(const uint64_t *)from;
    return WR_OK;
}

static void uncombine(const wr_agg_call *call, void *into, const void *from) {
    (void)call;
    *(uint64_t *)into -= *(const uint64_t *)from;
}

static void destroy(const wr_agg_call *call, void *state) {
    if (is_bag(call)) wri_bag_destroy(state);
    else if (call->distinct) wri_distinct_destroy(call, state);
}

const wr_agg_def wr_agg_count = {
    .name = "COUNT",
    .signature = "COUNT(*), COUNT([DISTINCT] value)",
    .doc = "Number of rows, or of rows whose value is not NULL, or of different values.",
    .example = "COUNT(*) = 4 AND COUNT(x) = 3 AND COUNT(DISTINCT x) = 2",
    .max_args = 1,
    .bind = bind,
    .update = update,
    .merge = merge,
    .partial = partial,
    .finish = finish,
    .retract = retract,
    .combine = combine,
    .uncombine = uncombine,
    .destroy = destroy,
};

/* ---- COUNT_IF ---- */

static wr_status bind_if(wr_agg_call *call, wr_err *err) {
    if (call->arg_types[0].kind != WR_T_BOOLEAN && call->arg_types[0].kind != WR_T_NULL)
        return wri_bad_arg(call, 0, "a BOOLEAN", err);
    call->distinct = false;
    return bind(call, err);
}

static wr_status update_if(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                           const uint32_t *gids, wr_err *err) {
    (void)call;
    (void)err;
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++)
        *WRI_STATE(uint64_t, states, stride, wri_gid(gids, c->nulls, i)) += c->i64[i] != 0;
    return WR_OK;
}

const wr_agg_def wr_agg_count_if = {
    .name = "COUNT_IF",
    .signature = "COUNT_IF(condition)",
    .doc = "Number of rows for which the condition is TRUE.",
    .example = "COUNT_IF(b) = 2",
    .min_args = 1,
    .max_args = 1,
    .bind = bind_if,
    .update = update_if,
    .merge = merge,
    .partial = partial,
    .finish = finish,
    .retract = retract,
    .combine = combine,
    .uncombine = uncombine,
};
