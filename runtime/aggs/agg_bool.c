/* runtime/aggs/agg_bool.c -- BOOL_AND (EVERY), BOOL_OR (SOME, ANY).
 *
 * State and partial: bit 0, a TRUE was seen; bit 1, a FALSE. */
#include "aggs_int.h"

#define SAW_TRUE  1
#define SAW_FALSE 2

static wr_status bind(wr_agg_call *call, wr_err *err) {
    if (call->arg_types[0].kind != WR_T_BOOLEAN && call->arg_types[0].kind != WR_T_NULL)
        return wri_bad_arg(call, 0, "a BOOLEAN", err);
    call->type = wr_type_of(WR_T_BOOLEAN);
    call->plain = call->idempotent = true;
    call->state_bytes = sizeof(uint64_t);
    call->n_partials = 0;
    call->distinct = false; /* says nothing here */
    wri_partial_add(call, wr_type_of(WR_T_TINYINT));
    return WR_OK;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    (void)call;
    (void)err;
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++)
        *WRI_STATE(uint64_t, states, stride, wri_gid(gids, c->nulls, i)) |= c->i64[i] ? SAW_TRUE : SAW_FALSE;
    return WR_OK;
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    (void)call;
    (void)err;
    for (uint32_t i = 0; i < in->n; i++)
        *WRI_STATE(uint64_t, states, stride, gids[i]) |= (uint64_t)in->args[0]->i64[i];
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    (void)call;
    wr_col *col;
    WR_TRY(wri_out(out, first_col, WR_I64, &col, err));
    for (uint32_t i = 0; i < n; i++) col->i64[i] = *WRI_STATE_CONST(int64_t, states, stride, gids[i]);
    return WR_OK;
}

static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)call;
    (void)err;
    *(uint64_t *)into |= *(const uint64_t *)from;
    return WR_OK;
}

static wr_status finish(const char *states, size_t stride, const uint32_t *gids, uint32_t n, bool all,
                        wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, WR_I64, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t saw = *WRI_STATE_CONST(uint64_t, states, stride, gids[i]);
        if (!saw) WR_TRY(wri_out_null(out, col, i, err));
        else col->i64[i] = all ? !(saw & SAW_FALSE) : (saw & SAW_TRUE);
    }
    return WR_OK;
}

static wr_status finish_and(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)call;
    (void)failed;
    return finish(states, stride, gids, n, true, out, c, err);
}

static wr_status finish_or(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                           uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)call;
    (void)failed;
    return finish(states, stride, gids, n, false, out, c, err);
}

#define BOOL_DEF(sql, text, ex, finish_fn)                                                                   \
    {                                                                                                        \
        .name = sql, .signature = sql "(condition)", .doc = text, .example = ex, .min_args = 1,              \
        .max_args = 1, .bind = bind, .update = update, .merge = merge, .partial = partial,                   \
        .finish = finish_fn, .combine = combine,                                                             \
    }
const wr_agg_def wr_agg_bool_and =
    BOOL_DEF("BOOL_AND", "Whether the condition is TRUE for every row where it is not NULL.",
             "NOT BOOL_AND(b)", finish_and);
const wr_agg_def wr_agg_every = BOOL_DEF("EVERY", "As BOOL_AND.", "EVERY(x > 0)", finish_and);
const wr_agg_def wr_agg_bool_or =
    BOOL_DEF("BOOL_OR", "Whether the condition is TRUE for some row.", "BOOL_OR(b)", finish_or);
const wr_agg_def wr_agg_some = BOOL_DEF("SOME", "As BOOL_OR.", "SOME(x > 1)", finish_or);
const wr_agg_def wr_agg_any = BOOL_DEF("ANY", "As BOOL_OR.", "ANY(x > 1)", finish_or);
