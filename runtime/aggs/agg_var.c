/* runtime/aggs/agg_var.c -- VAR_POP, VAR_SAMP (VARIANCE), STDDEV_POP, STDDEV_SAMP (STDDEV).
 *
 *   M = n Σx² - (Σx)²,   VAR_POP = M / n²,   VAR_SAMP = M / (n (n-1))
 *
 *   integers, DECIMAL   Σx in 128 and Σx² in 192 bits: M is exact, and retraction is too
 *   DOUBLE, REAL        Σx and Σx² as pairs of doubles (106 bits), so that M keeps some
 *                       16 digits while mean/deviation is below 1e8, and does not depend on the
 *                       order of rows; one Welford division a row would be slower and less exact
 * Squares past the range of DOUBLE are an error of the group; infinite or NaN values give NaN. */
#include "aggs_int.h"

#include <math.h>

typedef struct exact { /* two's complement, low word first */
    uint64_t n, s[2], q[3];
} exact;

typedef struct rounded {
    uint64_t n;
    double s, se; /* Σx  = s + se */
    double q, qe; /* Σx² = q + qe */
} rounded;

static bool is_exact(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]) == WR_I64; }

static wr_status bind(wr_agg_call *call, wr_err *err) {
    if (!wri_is_number(call->arg_types[0])) return wri_bad_arg(call, 0, "a number", err);
    call->type = wr_type_of(WR_T_DOUBLE);
    call->n_partials = 0;
    call->retracts = call->slides = is_exact(call);
    wri_partial_add(call, wr_type_of(WR_T_BIGINT));
    for (uint32_t i = 0; i < (is_exact(call) ? 5 : 4); i++)
        wri_partial_add(call, wr_type_of(is_exact(call) ? WR_T_BIGINT : WR_T_DOUBLE));
    call->plain = true;
    call->state_bytes = is_exact(call) ? sizeof(exact) : sizeof(rounded);
    if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

/* ---- kernels ---- */

/* a[0..n) += b[0..n), n constant. */
WRI_KERNEL void words_add(uint64_t *restrict a, const uint64_t *restrict b, int n) {
    unsigned __int128 carry = 0;
#pragma GCC unroll 3
    for (int k = 0; k < n; k++) {
        carry += (unsigned __int128)a[k] + b[k];
        a[k] = (uint64_t)carry;
        carry >>= 64;
    }
}

WRI_KERNEL void words_sub(uint64_t *restrict a, const uint64_t *restrict b, int n) {
    uint64_t borrow = 0;
    for (int k = 0; k < n; k++) {
        unsigned __int128 d = (unsigned __int128)a[k] - b[k] - borrow;
        a[k] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
}

WRI_KERNEL void update_exact(const int64_t *restrict v, const uint64_t *nulls, uint32_t n,
                             char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++) {
        exact *s = WRI_STATE(exact, states, stride, wri_gid(gids, nulls, i));
        unsigned __int128 sq = (unsigned __int128)((__int128)v[i] * v[i]);
        const uint64_t x[2] = {(uint64_t)v[i], (uint64_t)(v[i] >> 63)};
        const uint64_t xx[3] = {(uint64_t)sq, (uint64_t)(sq >> 64), 0};
        words_add(s->s, x, 2);
        words_add(s->q, xx, 3);
        s->n++;
    }
}

/* a + b = *sum + the returned rest, exactly (unless it overflows). */
WRI_KERNEL double two_sum(double a, double b, double *sum) {
    double t = a + b, back = t - a;
    *sum = t;
    return (a - (t - back)) + (b - back);
}

/* a * b = *product + the returned rest, exactly (Dekker; unless it over- or underflows). */
WRI_KERNEL double two_product(double a, double b, double *product) {
    double p = a * b, ca = a * 134217729, cb = b * 134217729;
    double ah = ca - (ca - a), bh = cb - (cb - b), al = a - ah, bl = b - bh;
    *product = p;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
}

WRI_KERNEL void update_rounded(const double *restrict v, const uint64_t *nulls, uint32_t n,
                               char *restrict states, size_t stride, const uint32_t *restrict gids) {
    for (uint32_t i = 0; i < n; i++) {
        rounded *s = WRI_STATE(rounded, states, stride, wri_gid(gids, nulls, i));
        double sq, rest = two_product(v[i], v[i], &sq);
        s->se += two_sum(s->s, v[i], &s->s);
        s->qe += two_sum(s->q, sq, &s->q) + rest;
        s->n++;
    }
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

/* Row i of the partial columns as words s[0..1], q[0..2]. */
static void read_exact(const wr_agg_in *in, uint32_t i, exact *outp) {
    outp->n = (uint64_t)in->args[0]->i64[i];
    for (int k = 0; k < 2; k++) outp->s[k] = (uint64_t)in->args[1 + k]->i64[i];
    for (int k = 0; k < 3; k++) outp->q[k] = (uint64_t)in->args[3 + k]->i64[i];
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    for (uint32_t i = 0; i < in->n; i++)
        if (is_exact(call)) {
            exact *s = WRI_STATE(exact, states, stride, gids[i]), row;
            read_exact(in, i, &row);
            words_add(s->s, row.s, 2);
            words_add(s->q, row.q, 3);
            s->n += row.n;
        } else {
            rounded *s = WRI_STATE(rounded, states, stride, gids[i]);
            s->se += two_sum(s->s, in->args[1]->f64[i], &s->s) + in->args[2]->f64[i];
            s->qe += two_sum(s->q, in->args[3]->f64[i], &s->q) + in->args[4]->f64[i];
            s->n += (uint64_t)in->args[0]->i64[i];
        }
    return WR_OK;
}

static void retract(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                    const uint32_t *gids) {
    (void)call;
    for (uint32_t i = 0; i < in->n; i++) {
        exact *s = WRI_STATE(exact, states, stride, gids[i]), row;
        read_exact(in, i, &row);
        words_sub(s->s, row.s, 2);
        words_sub(s->q, row.q, 3);
        s->n -= row.n;
    }
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    for (uint32_t k = 0; k < call->n_partials; k++) { /* word k of the state; doubles go as their bits */
        wr_col *col;
        WR_TRY(wri_out(out, first_col + k, wr_type_phys(call->partials[k]), &col, err));
        for (uint32_t i = 0; i < n; i++) col->i64[i] = WRI_STATE_CONST(int64_t, states, stride, gids[i])[k];
    }
    return WR_OK;
}

static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)err;
    if (is_exact(call)) {
        exact *s = into;
        const exact *f = from;
        words_add(s->s, f->s, 2);
        words_add(s->q, f->q, 3);
        s->n += f->n;
    } else {
        rounded *s = into;
        const rounded *f = from;
        s->se += two_sum(s->s, f->s, &s->s) + f->se;
        s->qe += two_sum(s->q, f->q, &s->q) + f->qe;
        s->n += f->n;
    }
    return WR_OK;
}

static void uncombine(const wr_agg_call *call, void *into, const void *from) { /* exact ones only */
    (void)call;
    exact *s = into;
    const exact *f = from;
    words_sub(s->s, f->s, 2);
    words_sub(s->q, f->q, 3);
    s->n -= f->n;
}

/* ---- results ---- */

static long double words_value(const uint64_t w[4]) {
    long double v = 0;
    for (int k = 3; k >= 0; k--) v = v * 0x1p64L + (long double)w[k];
    return v;
}

/* out = a * b, words low first; out has na + nb words. */
static void words_mul(const uint64_t *a, int na, const uint64_t *b, int nb, uint64_t *out) {
    memset(out, 0, (size_t)(na + nb) * sizeof *out);
    for (int i = 0; i < na; i++) {
        unsigned __int128 carry = 0;
        for (int k = 0; k < nb; k++) {
            carry += (unsigned __int128)a[i] * b[k] + out[i + k];
            out[i + k] = (uint64_t)carry;
            carry >>= 64;
        }
        out[i + nb] = (uint64_t)carry;
    }
}

/* M, exactly, then rounded once. */
static long double moment_exact(const exact *s) {
    uint64_t nq[4], ss[4], abs[2] = {s->s[0], s->s[1]};
    if (s->s[1] >> 63) {
        uint64_t zero[2] = {0, 0};
        words_sub(zero, s->s, 2);
        memcpy(abs, zero, sizeof abs);
    }
    words_mul(&s->n, 1, s->q, 3, nq);
    words_mul(abs, 2, abs, 2, ss);
    words_sub(nq, ss, 4);
    return nq[3] >> 63 ? 0 : words_value(nq); /* below 0 only from a state that no rows can give */
}

/* n Σ(x - mean)², as Σx² n - (Σx)(Σx / n) n, in pairs of doubles. */
static long double moment_rounded(const rounded *s) {
    double n = (double)s->n, sh, sl, qh, ql, mh, ml, back, rest, ph, pl;
    sl = two_sum(s->s, s->se, &sh);
    ql = two_sum(s->q, s->qe, &qh);
    mh = sh / n; /* mean = mh + ml */
    rest = two_product(mh, n, &back);
    ml = (((sh - back) - rest) + sl) / n;
    pl = two_product(mh, sh, &ph) + mh * sl + ml * sh;
    double d, de = two_sum(qh, -ph, &d);
    long double m = (long double)d + ((long double)de + ((long double)ql - pl));
    return m > 0 ? m * n : 0;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, bool samp, bool root,
                        wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    wr_col *col;
    WR_TRY(wri_out(out, c, WR_F64, &col, err));
    long double unit = wri_unit_of(call->arg_types[0]);
    for (uint32_t i = 0; i < n; i++) {
        const exact *e = WRI_STATE_CONST(exact, states, stride, gids[i]);
        const rounded *r = WRI_STATE_CONST(rounded, states, stride, gids[i]);
        uint64_t rows = is_exact(call) ? e->n : r->n;
        if (rows <= samp) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        if (!is_exact(call) && !(isfinite(r->s) && isfinite(r->q))) {
            if (isfinite(r->s)) WR_TRY(wri_out_failed(out, col, i, failed, err));
            else col->f64[i] = (double)NAN;
            continue;
        }
        long double v = is_exact(call) ? moment_exact(e) * unit * unit : moment_rounded(r);
        v /= (long double)rows * (long double)(rows - samp);
        col->f64[i] = (double)(root ? sqrtl(v) : v);
    }
    return WR_OK;
}

static void destroy(const wr_agg_call *call, void *state) {
    if (call->distinct) wri_distinct_destroy(call, state);
}

#define FINISH(name, samp, root)                                                                             \
    static wr_status name(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,        \
                          uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {            \
        return finish(call, states, stride, gids, n, out, c, failed, samp, root, err);                       \
    }
FINISH(finish_var_pop, false, false)
FINISH(finish_var_samp, true, false)
FINISH(finish_stddev_pop, false, true)
FINISH(finish_stddev_samp, true, true)

#define VAR_DEF(sql, text, ex, finish_fn)                                                                    \
    {                                                                                                        \
        .name = sql, .signature = sql "([DISTINCT] number)", .doc = text, .example = ex, .min_args = 1,      \
        .max_args = 1, .bind = bind, .update = update, .merge = merge, .partial = partial,                   \
        .finish = finish_fn, .retract = retract, .combine = combine, .uncombine = uncombine,                 \
        .destroy = destroy,                                                                                  \
    }
const wr_agg_def wr_agg_var_pop =
    VAR_DEF("VAR_POP", "Variance of the values themselves.", "VAR_POP(DISTINCT x) = 0.25", finish_var_pop);
const wr_agg_def wr_agg_var_samp =
    VAR_DEF("VAR_SAMP", "Variance estimated from a sample; NULL for one value.", "VAR_SAMP(DISTINCT x) = 0.5",
            finish_var_samp);
const wr_agg_def wr_agg_variance =
    VAR_DEF("VARIANCE", "As VAR_SAMP.", "VARIANCE(DISTINCT x) = 0.5", finish_var_samp);
const wr_agg_def wr_agg_stddev_pop = VAR_DEF("STDDEV_POP", "Standard deviation of the values themselves.",
                                             "STDDEV_POP(DISTINCT x) = 0.5", finish_stddev_pop);
const wr_agg_def wr_agg_stddev_samp =
    VAR_DEF("STDDEV_SAMP", "Standard deviation estimated from a sample; NULL for one value.",
            "ROUND(STDDEV_SAMP(DISTINCT x), 3) = 0.707", finish_stddev_samp);
const wr_agg_def wr_agg_stddev =
    VAR_DEF("STDDEV", "As STDDEV_SAMP.", "STDDEV(x) = STDDEV_SAMP(x)", finish_stddev_samp);
