/* runtime/aggs/agg_arg.c -- ARG_MIN(x, by) (MIN_BY), ARG_MAX(x, by) (MAX_BY).
 *
 * The x of the row with the smallest (largest) `by`; among equal ones the smallest x, so that the
 * order of rows does not matter. Rows where either is NULL are ignored. State: any, by, x, each cell
 * as large as its type needs. Partial: by (NULL: empty), x. */
#include "aggs_int.h"

static wr_phys x_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]); }
static wr_phys by_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[1]); }

static wr_status bind(wr_agg_call *call, wr_err *err) {
    (void)err;
    call->type = wri_nullable(call->arg_types[0]);
    call->plain = by_phys(call) != WR_STR && x_phys(call) != WR_STR;
    call->state_bytes = 8 + wri_cell_bytes(by_phys(call)) + wri_cell_bytes(x_phys(call));
    call->n_partials = 0;
    call->distinct = false; /* says nothing here */
    wri_partial_add(call, call->arg_types[1]);
    wri_partial_add(call, call->arg_types[0]);
    return WR_OK;
}

/* Parts of a state. */
static uint64_t *any_of(char *s) { return (uint64_t *)s; }
static wri_cell *by_of(char *s) { return (wri_cell *)(s + 8); }
static wri_cell *x_of(char *s, wr_phys by) { return (wri_cell *)(s + 8 + wri_cell_bytes(by)); }

/* sign: 1 seeks the smallest, -1 the largest. */
WRI_KERNEL wr_status fold(const wr_col *x, const wr_col *by, uint32_t n, char *states, size_t stride,
                          const uint32_t *gids, int sign, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t g = gids[i];
        if (!g || wr_is_null(x, i) || wr_is_null(by, i)) continue;
        char *s = states + (size_t)g * stride;
        int cmp = 1;
        if (*any_of(s)) {
            cmp = wri_cell_cmp(by_of(s), by, i) * sign;
            if (cmp == 0) cmp = wri_cell_cmp(x_of(s, by->phys), x, i);
        }
        if (cmp <= 0) continue;
        /* x first: when the memory for `by` is missing the state is worthless, but whole. */
        WR_TRY(wri_cell_set(x_of(s, by->phys), x, i, err));
        WR_TRY(wri_cell_set(by_of(s), by, i, err));
        *any_of(s) = 1;
    }
    return WR_OK;
}

static wr_status update_min(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                            const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold(in->args[0], in->args[1], in->n, states, stride, gids, 1, err);
}

static wr_status update_max(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                            const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold(in->args[0], in->args[1], in->n, states, stride, gids, -1, err);
}

static wr_status merge_min(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                           const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold(in->args[1], in->args[0], in->n, states, stride, gids, 1, err);
}

static wr_status merge_max(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                           const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold(in->args[1], in->args[0], in->n, states, stride, gids, -1, err);
}

WRI_KERNEL wr_status combine(const wr_agg_call *call, void *into, const void *from, int sign, wr_err *err) {
    static const uint32_t one = 1;
    const char *s = from;
    if (!*(const uint64_t *)s) return WR_OK;
    wr_phys by_p = by_phys(call), x_p = x_phys(call);
    wri_cell by, x; /* what they point at stays from's */
    memcpy(&by, s + 8, wri_cell_bytes(by_p));
    memcpy(&x, s + 8 + wri_cell_bytes(by_p), wri_cell_bytes(x_p));
    wr_col by_col = wri_cell_col(&by, by_p), x_col = wri_cell_col(&x, x_p);
    return fold(&x_col, &by_col, 1, into, 0, &one, sign, err);
}

static wr_status combine_min(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, into, from, 1, err);
}

static wr_status combine_max(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, into, from, -1, err);
}

static wr_status emit(const wr_agg_call *call, bool x, const char *states, size_t stride,
                      const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    size_t offset = x ? 8 + wri_cell_bytes(by_phys(call)) : 8;
    WR_TRY(wri_out(out, c, x ? x_phys(call) : by_phys(call), &col, err));
    for (uint32_t i = 0; i < n; i++) {
        const char *s = states + (size_t)gids[i] * stride;
        if (!*(const uint64_t *)s) WR_TRY(wri_out_null(out, col, i, err));
        else WR_TRY(wri_cell_out((const wri_cell *)(s + offset), out, col, i, err));
    }
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    WR_TRY(emit(call, false, states, stride, gids, n, out, first_col, err));
    return emit(call, true, states, stride, gids, n, out, first_col + 1, err);
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    return emit(call, true, states, stride, gids, n, out, c, err);
}

static void destroy(const wr_agg_call *call, void *state) {
    wri_cell_free(by_of(state), by_phys(call));
    wri_cell_free(x_of(state, by_phys(call)), x_phys(call));
    *any_of(state) = 0;
}

#define ARG_DEF(sql, text, ex, update_fn, merge_fn, combine_fn)                                              \
    {                                                                                                        \
        .name = sql, .signature = sql "(value, by)", .doc = text, .example = ex, .min_args = 2,              \
        .max_args = 2, .bind = bind, .update = update_fn, .merge = merge_fn, .partial = partial,             \
        .finish = finish, .combine = combine_fn, .destroy = destroy,                                         \
    }
const wr_agg_def wr_agg_arg_min =
    ARG_DEF("ARG_MIN", "Value of the row whose `by` is smallest; ties: the smallest value.",
            "ARG_MIN(s, x) = 'a'", update_min, merge_min, combine_min);
const wr_agg_def wr_agg_min_by =
    ARG_DEF("MIN_BY", "As ARG_MIN.", "MIN_BY(s, x) = 'a'", update_min, merge_min, combine_min);
const wr_agg_def wr_agg_arg_max =
    ARG_DEF("ARG_MAX", "Value of the row whose `by` is largest; ties: the smallest value.",
            "ARG_MAX(s, x) = 'b'", update_max, merge_max, combine_max);
const wr_agg_def wr_agg_max_by =
    ARG_DEF("MAX_BY", "As ARG_MAX.", "MAX_BY(s, x) = 'b'", update_max, merge_max, combine_max);
