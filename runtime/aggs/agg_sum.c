/* runtime/aggs/agg_sum.c -- SUM, SUM0, AVG, and KDA_AVG, which is AVG in the Kinesis dialect.
 *
 *   integers, DECIMAL   128-bit sum and count: exact, taken out again as well as added; whether the
 *                       result fits is asked once, at the end
 *   DOUBLE, REAL        s + e, the rounded sum and the sum of its rounding errors (TwoSum, as in the
 *                       Kahan-Babuska-Neumaier sum): what order rows came in and how they were split among
 *                       workers does not show. Once s is infinite or NaN, e means nothing.
 * AVG of integers is DOUBLE, KDA_AVG is of their type, cut off; AVG of DECIMAL(p,s) is DECIMAL(18, max(s,6)),
 * rounded half away from zero. */
#include "aggs_int.h"

#include <math.h>

#define DECIMAL_MAX INT64_C(999999999999999999) /* 18 digits */
#define AVG_SCALE   6

typedef struct exact {
    uint64_t lo, hi; /* two's complement */
    uint64_t n;
} exact;

typedef struct rounded {
    double s, e;
    uint64_t n;
} rounded;

_Static_assert(sizeof(exact) == sizeof(rounded), "one size of state");

static bool is_exact(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]) == WR_I64; }

static wr_status bind_state(wr_agg_call *call) {
    call->state_bytes = sizeof(exact);
    call->n_partials = 0;
    call->retracts = call->slides = is_exact(call);
    call->plain = true;
    wr_type part = wr_type_of(is_exact(call) ? WR_T_BIGINT : WR_T_DOUBLE);
    wri_partial_add(call, part);
    wri_partial_add(call, part);
    wri_partial_add(call, wr_type_of(WR_T_BIGINT));
    if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

static wr_status bind_sum(wr_agg_call *call, wr_err *err) {
    wr_type t = call->arg_types[0];
    bool interval = t.kind == WR_T_INTERVAL_DAY || t.kind == WR_T_INTERVAL_MONTH;
    if (!wri_is_number(t) && !interval) return wri_bad_arg(call, 0, "a number", err);
    call->type = interval || t.kind == WR_T_REAL || t.kind == WR_T_DOUBLE ? t : wr_type_of(WR_T_BIGINT);
    if (t.kind == WR_T_DECIMAL) call->type = (wr_type){.kind = WR_T_DECIMAL, .prec = 18, .scale = t.scale};
    call->type.not_null = false;
    return bind_state(call);
}

static wr_status bind_sum0(wr_agg_call *call, wr_err *err) {
    WR_TRY(bind_sum(call, err));
    call->type.not_null = true;
    return WR_OK;
}

static wr_status bind_avg(wr_agg_call *call, wr_err *err) {
    wr_type t = call->arg_types[0];
    if (!wri_is_number(t)) return wri_bad_arg(call, 0, "a number", err);
    call->type = wr_type_of(t.kind == WR_T_REAL ? WR_T_REAL : WR_T_DOUBLE);
    if (t.kind == WR_T_DECIMAL)
        call->type =
            (wr_type){.kind = WR_T_DECIMAL, .prec = 18, .scale = t.scale > AVG_SCALE ? t.scale : AVG_SCALE};
    return bind_state(call);
}

static wr_status bind_kda_avg(wr_agg_call *call, wr_err *err) {
    wr_status st = bind_avg(call, err);
    if (st == WR_OK && wr_kind_is_int((wr_kind)call->arg_types[0].kind))
        call->type = wri_nullable(call->arg_types[0]);
    return st;
}

/* ---- kernels ---- */

WRI_KERNEL void exact_add(exact *s, uint64_t lo, uint64_t hi, uint64_t n) {
    s->hi += hi + __builtin_add_overflow(s->lo, lo, &s->lo);
    s->n += n;
}

WRI_KERNEL void rounded_add(rounded *s, double x, double e, uint64_t n) {
    double t = s->s + x, back = t - s->s;
    s->e += ((s->s - (t - back)) + (x - back)) + e; /* the bits that t lost */
    s->s = t;
    s->n += n;
}

WRI_KERNEL void update_exact(const int64_t *restrict v, const uint64_t *nulls, uint32_t n,
                             char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++)
        exact_add(WRI_STATE(exact, states, stride, wri_gid(gids, nulls, i)), (uint64_t)v[i],
                  (uint64_t)(v[i] >> 63), 1);
}

WRI_KERNEL void update_rounded(const double *restrict v, const uint64_t *nulls, uint32_t n,
                               char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++)
        rounded_add(WRI_STATE(rounded, states, stride, wri_gid(gids, nulls, i)), v[i], 0, 1);
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    if (is_exact(call)) {
        if (c->nulls) update_exact(c->i64, c->nulls, in->n, states, stride, gids);
        else update_exact(c->i64, NULL, in->n, states, stride, gids);
    } else {
        if (c->nulls) update_rounded(c->f64, c->nulls, in->n, states, stride, gids);
        else update_rounded(c->f64, NULL, in->n, states, stride, gids);
    }
    return WR_OK;
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    const wr_col *a = in->args[0], *b = in->args[1];
    const int64_t *restrict n = in->args[2]->i64;
    if (is_exact(call))
        for (uint32_t i = 0; i < in->n; i++)
            exact_add(WRI_STATE(exact, states, stride, gids[i]), (uint64_t)a->i64[i], (uint64_t)b->i64[i],
                      (uint64_t)n[i]);
    else
        for (uint32_t i = 0; i < in->n; i++)
            rounded_add(WRI_STATE(rounded, states, stride, gids[i]), a->f64[i], b->f64[i], (uint64_t)n[i]);
    return WR_OK;
}

static void retract(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                    const uint32_t *gids) {
    (void)call;
    for (uint32_t i = 0; i < in->n; i++) {
        exact *s = WRI_STATE(exact, states, stride, gids[i]);
        uint64_t lo = (uint64_t)in->args[0]->i64[i];
        s->hi -= (uint64_t)in->args[1]->i64[i] + __builtin_sub_overflow(s->lo, lo, &s->lo);
        s->n -= (uint64_t)in->args[2]->i64[i];
    }
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    wr_col *a, *b, *count;
    wr_phys phys = is_exact(call) ? WR_I64 : WR_F64;
    WR_TRY(wri_out(out, first_col, phys, &a, err));
    WR_TRY(wri_out(out, first_col + 1, phys, &b, err));
    WR_TRY(wri_out(out, first_col + 2, WR_I64, &count, err));
    int64_t *los = a->i64, *his = b->i64, *ns = count->i64;
    for (uint32_t i = 0; i < n; i++) {
        const exact *s = WRI_STATE_CONST(exact, states, stride, gids[i]); /* doubles go as their bits */
        los[i] = (int64_t)s->lo;
        his[i] = (int64_t)s->hi;
        ns[i] = (int64_t)s->n;
    }
    return WR_OK;
}

/* ---- results ---- */

static __int128 sum_of(const exact *s) { return (__int128)((unsigned __int128)s->hi << 64 | s->lo); }
static double value_of(const rounded *s) { return isfinite(s->s) ? s->s + s->e : s->s; }

/* False: does not fit the result type. */
static bool fits(__int128 v, wr_type t) {
    if (t.kind == WR_T_DECIMAL) return v >= -DECIMAL_MAX && v <= DECIMAL_MAX;
    return v >= INT64_MIN && v <= INT64_MAX;
}

static double as_type(double v, wr_type t) { return t.kind == WR_T_REAL ? (double)(float)v : v; }

static wr_status finish_sums(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, bool null_if_empty,
                             wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, wr_type_phys(call->type), &col, err));
    for (uint32_t i = 0; i < n; i++) {
        const exact *s = WRI_STATE_CONST(exact, states, stride, gids[i]);
        if (s->n == 0 && null_if_empty) WR_TRY(wri_out_null(out, col, i, err));
        else if (!is_exact(call))
            col->f64[i] = as_type(value_of(WRI_STATE_CONST(rounded, states, stride, gids[i])), call->type);
        else if (fits(sum_of(s), call->type)) col->i64[i] = (int64_t)sum_of(s);
        else WR_TRY(wri_out_failed(out, col, i, failed, err));
    }
    return WR_OK;
}

static wr_status finish_sum(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    return finish_sums(call, states, stride, gids, n, out, c, failed, true, err);
}

static wr_status finish_sum0(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    return finish_sums(call, states, stride, gids, n, out, c, failed, false, err);
}

/* sum / n as a DOUBLE; rounded twice only past 2^64. */
static double quotient(__int128 sum, uint64_t n) { return (double)((long double)sum / (long double)n); }

/* sum / n times 10^up, half away from zero. False: does not fit. */
static bool decimal_quotient(__int128 sum, uint64_t n, uint32_t up, wr_type t, int64_t *outp) {
    bool neg = sum < 0;
    unsigned __int128 a = neg ? -(unsigned __int128)sum : (unsigned __int128)sum;
    unsigned __int128 whole = a / n, rest = a % n;
    uint64_t power = 1;
    for (uint32_t k = 0; k < up; k++) power *= 10;
    if (whole > (unsigned __int128)DECIMAL_MAX) return false;
    unsigned __int128 v = whole * power + (rest * power * 2 + n) / ((unsigned __int128)n * 2);
    if (!fits((__int128)v, t)) return false;
    *outp = neg ? -(int64_t)v : (int64_t)v;
    return true;
}

static wr_status finish_avg(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    wr_col *col;
    WR_TRY(wri_out(out, c, wr_type_phys(call->type), &col, err));
    uint32_t up = (uint32_t)call->type.scale - call->arg_types[0].scale;
    for (uint32_t i = 0; i < n; i++) {
        const exact *s = WRI_STATE_CONST(exact, states, stride, gids[i]);
        if (s->n == 0) WR_TRY(wri_out_null(out, col, i, err));
        else if (!is_exact(call)) {
            double v = value_of(WRI_STATE_CONST(rounded, states, stride, gids[i])) / (double)s->n;
            col->f64[i] = as_type(v, call->type);
        } else if (wr_kind_is_int((wr_kind)call->type.kind))
            col->i64[i] = (int64_t)(sum_of(s) / (__int128)s->n);
        else if (call->type.kind != WR_T_DECIMAL) col->f64[i] = quotient(sum_of(s), s->n);
        else if (!decimal_quotient(sum_of(s), s->n, up, call->type, &col->i64[i]))
            WR_TRY(wri_out_failed(out, col, i, failed, err));
    }
    return WR_OK;
}

static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)err;
    const exact *e = from;
    const rounded *r = from;
    if (is_exact(call)) exact_add(into, e->lo, e->hi, e->n);
    else rounded_add(into, r->s, r->e, r->n);
    return WR_OK;
}

static void uncombine(const wr_agg_call *call, void *into, const void *from) { /* exact ones only */
    (void)call;
    exact *s = into;
    const exact *f = from;
    s->hi -= f->hi + __builtin_sub_overflow(s->lo, f->lo, &s->lo);
    s->n -= f->n;
}

static void destroy(const wr_agg_call *call, void *state) {
    if (call->distinct) wri_distinct_destroy(call, state);
}

#define SUM_DEF(sql, sig, text, ex, bind_fn, finish_fn)                                                      \
    {                                                                                                        \
        .name = sql, .signature = sig, .doc = text, .example = ex, .min_args = 1, .max_args = 1,             \
        .bind = bind_fn, .update = update, .merge = merge, .partial = partial, .finish = finish_fn,          \
        .retract = retract, .combine = combine, .uncombine = uncombine, .destroy = destroy,                  \
    }
const wr_agg_def wr_agg_sum = SUM_DEF(
    "SUM", "SUM([DISTINCT] number)",
    "Sum: BIGINT of integers, DECIMAL(18, s) of DECIMAL(p, s), both exact; a group whose sum does not fit is "
    "an error.",
    "SUM(x) = 5 AND SUM(DISTINCT x) = 3", bind_sum, finish_sum);
const wr_agg_def wr_agg_sum0 =
    SUM_DEF("SUM0", "SUM0([DISTINCT] number)", "As SUM, but 0 when there is no value.",
            "SUM0(x) FILTER (WHERE x > 9) = 0", bind_sum0, finish_sum0);
const wr_agg_def wr_agg_avg =
    SUM_DEF("AVG", "AVG([DISTINCT] number)",
            "Mean: DOUBLE of integers, DECIMAL(18, at least 6) of DECIMAL, rounded half up.",
            "AVG(DISTINCT x) = 1.5", bind_avg, finish_avg);
const wr_agg_def wr_agg_kda_avg = SUM_DEF(
    "KDA_AVG", "KDA_AVG([DISTINCT] number)",
    "What AVG is in the Kinesis dialect: the mean of integers is of their type, cut off; else as AVG.",
    "KDA_AVG(x) = 1", bind_kda_avg, finish_avg);
