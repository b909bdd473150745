/* runtime/aggs/agg_quantile.c -- MEDIAN, PERCENTILE_CONT, PERCENTILE_DISC: exact.
 *
 * All values are kept: 8 bytes a value (texts: agg_quantile_text.c). With n values in order v[0..n):
 *   CONT(p)   between v[floor(r)] and v[ceil(r)], r = p (n-1), linearly; MEDIAN is CONT(0.5)
 *   DISC(p)   the first v whose share of rows at or before it is at least p: v[ceil(p n) - 1]
 * ORDER BY … DESC numbers the values from the other end. DISTINCT: agg_sets.c.
 * Serialised, tag 'V': the values as keys, rising (agg_common.c). */
#include "aggs_int.h"

#include <math.h>

typedef struct values {
    size_t n, cap;
    size_t sorted; /* keys[0..sorted) are in order */
    int64_t keys[];
} values;

static wr_phys arg_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]); }

static void bind_state(wr_agg_call *call) {
    call->slides = arg_phys(call) != WR_STR;
    call->grows = true;
    call->state_bytes = sizeof(values *);
    call->n_partials = 0;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    if (call->distinct) wri_distinct_bind(call);
}

static wr_status check_fraction(const wr_agg_call *call, wr_err *err) {
    if (!call->param.null && call->param.f64 >= 0 && call->param.f64 <= 1) return WR_OK;
    return wr_fail(err, WR_ESQL, "%s needs a constant fraction from 0 to 1, such as 0.95", call->def->name);
}

static wr_status bind_cont(wr_agg_call *call, wr_err *err) {
    WR_TRY(check_fraction(call, err));
    if (!wri_is_number(call->arg_types[0])) return wri_bad_arg(call, 0, "a number", err);
    call->type = wr_type_of(WR_T_DOUBLE);
    bind_state(call);
    return WR_OK;
}

static wr_status bind_median(wr_agg_call *call, wr_err *err) {
    call->param = (wr_value){.f64 = 0.5};
    return bind_cont(call, err);
}

static wr_status bind_disc(wr_agg_call *call, wr_err *err) {
    WR_TRY(check_fraction(call, err));
    call->type = wri_nullable(call->arg_types[0]);
    bind_state(call);
    return WR_OK;
}

/* Room for one more key. */
static wr_status grow(values **vp, wr_err *err) {
    values *v = *vp;
    if (v && v->n < v->cap) return WR_OK;
    size_t cap = v ? v->cap * 2 : 4, bytes;
    bool over = __builtin_mul_overflow(cap, sizeof(int64_t), &bytes) || bytes > SIZE_MAX - sizeof *v;
    values *big = over ? NULL : wr_realloc(v, sizeof *v + bytes);
    if (!big) return wr_fail_oom(err, "the values of a percentile");
    if (!v) big->n = big->sorted = 0;
    big->cap = cap;
    *vp = big;
    return WR_OK;
}

static wr_status add(values **vp, int64_t key, wr_err *err) {
    if (!*vp || (*vp)->n == (*vp)->cap) WR_TRY(grow(vp, err));
    (*vp)->keys[(*vp)->n++] = key;
    return WR_OK;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    if (arg_phys(call) == WR_STR) return wri_texts_update(in, states, stride, gids, err);
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(add(WRI_STATE(values *, states, stride, g), wri_key_at(c, i), err));
    }
    return WR_OK;
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    if (arg_phys(call) == WR_STR) return wri_texts_merge(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        wri_reader r = wri_read_head(&c->str[i], 'V');
        wri_key_reader keys = wri_read_keys(&r);
        for (int64_t key; wri_read_key(&keys, &key);)
            WR_TRY(add(WRI_STATE(values *, states, stride, g), key, err));
        WR_TRY(wri_read_end(&r, call, err));
    }
    return WR_OK;
}

/* In place: a state that is read again after more rows came only costs those. */
static void put_in_order(values *v) {
    if (v->sorted == v->n) return;
    wri_sort_keys(v->keys, v->n);
    v->sorted = v->n;
}

/* Where key belongs among keys in order. */
static size_t place_of(const values *v, int64_t key) {
    size_t lo = 0, hi = v->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v->keys[mid] < key) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Single values go to their places, as long as all are in order: a sliding frame asks after each. */
static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    if (arg_phys(call) == WR_STR) return wri_texts_combine(into, from, err);
    values **v = into;
    const values *f = *(values *const *)from;
    for (size_t i = 0; f && i < f->n; i++) {
        bool in_order = f->n == 1 && (!*v || (*v)->sorted == (*v)->n);
        size_t at = in_order && *v ? place_of(*v, f->keys[i]) : 0;
        WR_TRY(add(v, f->keys[i], err));
        if (!in_order) continue;
        memmove(&(*v)->keys[at + 1], &(*v)->keys[at], ((*v)->n - 1 - at) * sizeof(int64_t));
        (*v)->keys[at] = f->keys[i];
        (*v)->sorted = (*v)->n;
    }
    return WR_OK;
}

static void uncombine(const wr_agg_call *call, void *into, const void *from) { /* numbers only */
    (void)call;
    values *v = *(values **)into;
    const values *f = *(values *const *)from;
    if (!f) return;
    put_in_order(v);
    for (size_t i = 0; i < f->n; i++) {
        size_t at = place_of(v, f->keys[i]);
        memmove(&v->keys[at], &v->keys[at + 1], (--v->n - at) * sizeof(int64_t));
    }
    v->sorted = v->n;
    if (v->n > 0) return;
    wr_free(v); /* the state of no rows is all zero: a key without rows is let go as it is */
    *(values **)into = NULL;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    if (arg_phys(call) == WR_STR) return wri_texts_partial(states, stride, gids, n, out, first_col, err);
    wr_col *col;
    wr_buf bytes = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        values *v = *WRI_STATE_CONST(values *, states, stride, gids[i]);
        if (v) put_in_order(v);
        bytes.len = 0;
        s = wri_put_head(&bytes, 'V');
        if (s == WR_OK) s = wri_put_keys(&bytes, v ? v->keys : NULL, v ? v->n : 0);
        if (s != WR_OK) wr_fail_oom(err, "the values of a percentile");
        else s = wri_out_bytes(out, col, i, &bytes, err);
    }
    wr_buf_free(&bytes);
    return s;
}

/* ---- results ---- */

static double number(const wr_agg_call *call, int64_t key) {
    if (arg_phys(call) == WR_F64) return wri_f64_of_key(key);
    double scale = 1; /* a division by a power of ten rounds once, a product with its inverse twice */
    if (call->arg_types[0].kind == WR_T_DECIMAL) scale = pow(10, call->arg_types[0].scale);
    return (double)key / scale;
}

/* Value at place r of n in the order asked for. */
static int64_t at_place(const wr_agg_call *call, const values *v, size_t r) {
    return v->keys[call->desc ? v->n - 1 - r : r];
}

static double interpolate(const wr_agg_call *call, const values *v) {
    double r = wri_share(call->param.f64, (double)(v->n - 1)), low = floor(r), part = r - low;
    double a = number(call, at_place(call, v, (size_t)low));
    double b = number(call, at_place(call, v, (size_t)ceil(r)));
    if (part == 0 || a == b) return a; /* infinities included */
    return a * (1 - part) + b * part;
}

static int64_t discrete(const wr_agg_call *call, const values *v) {
    return at_place(call, v, (size_t)wri_nearest_rank(call->param.f64, v->n));
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, bool cont, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, wr_type_phys(call->type), &col, err));
    for (uint32_t i = 0; i < n; i++) {
        values *v = *WRI_STATE(values *, states, stride, gids[i]);
        if (!v || v->n == 0) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        put_in_order(v);
        if (cont) col->f64[i] = interpolate(call, v);
        else {
            wri_cell cell = {.key = discrete(call, v)};
            WR_TRY(wri_cell_out(&cell, out, col, i, err));
        }
    }
    return WR_OK;
}

static wr_status finish_cont(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    return finish(call, states, stride, gids, n, out, c, true, err);
}

static wr_status finish_disc(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    if (arg_phys(call) == WR_STR) return wri_texts_finish(call, states, stride, gids, n, out, c, err);
    return finish(call, states, stride, gids, n, out, c, false, err);
}

static void destroy(const wr_agg_call *call, void *state) {
    if (call->distinct) {
        wri_distinct_destroy(call, state);
        return;
    }
    if (arg_phys(call) == WR_STR) {
        wri_texts_destroy(state);
        return;
    }
    wr_free(*(values **)state);
    *(values **)state = NULL;
}

#define QUANTILE_DEF(sql, sig, text, ex, param, bind_fn, finish_fn)                                          \
    {                                                                                                        \
        .name = sql, .signature = sig, .doc = text, .example = ex, .min_args = 1, .max_args = 1,             \
        .takes_param = param, .bind = bind_fn, .update = update, .merge = merge, .partial = partial,         \
        .finish = finish_fn, .combine = combine, .uncombine = uncombine, .destroy = destroy,                 \
    }
const wr_agg_def wr_agg_median =
    QUANTILE_DEF("MEDIAN", "MEDIAN([DISTINCT] number)",
                 "Middle value, the mean of the two middle ones of an even number; exact, keeps all values.",
                 "MEDIAN(x) = 2", false, bind_median, finish_cont);
const wr_agg_def wr_agg_percentile_cont =
    QUANTILE_DEF("PERCENTILE_CONT", "PERCENTILE_CONT(fraction) WITHIN GROUP (ORDER BY number [DESC])",
                 "Value at that fraction of the ordered values, interpolated; exact, keeps all values.",
                 "PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY x) = 1.5", true, bind_cont, finish_cont);
const wr_agg_def wr_agg_percentile_disc =
    QUANTILE_DEF("PERCENTILE_DISC", "PERCENTILE_DISC(fraction) WITHIN GROUP (ORDER BY value [DESC])",
                 "First of the ordered values at or past that fraction; exact, keeps all values.",
                 "PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY s) = 'b'", true, bind_disc, finish_disc);
