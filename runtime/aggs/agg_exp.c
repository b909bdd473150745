/* runtime/aggs/agg_exp.c -- EXP_AVG(x, INTERVAL h): a mean in which a value weighs half as much for each h
 * that it is older.
 *
 *   w(t) = 2^(t / h),   EXP_AVG = Σ x w(t) / Σ w(t)
 *
 * The time of the result is not in it: it would be in both sums. t / h is a whole part q and a rest in [0,
 * 1), so w = 2^rest · 2^q, and sums are kept in units of 2^q of the latest row: going on to a later q
 * multiplies by a power of two, which is exact. Sums are pairs of doubles as in agg_sum.c. What is 2,000
 * halvings old is gone. Partial: both pairs, q, number of rows. Without a time all values weigh the same. */
#include "aggs_int.h"

#include <math.h>

#define GONE 2000 /* halvings */

typedef struct sums {
    double s, se; /* Σ x w = (s + se) 2^q */
    double w, we; /* Σ w = (w + we) 2^q */
    int64_t q;
    uint64_t n; /* rows; 0: all else is nothing */
} sums;

static wr_status bind(wr_agg_call *call, wr_err *err) {
    if (!wri_is_number(call->arg_types[0])) return wri_bad_arg(call, 0, "a number", err);
    if (call->param.null || call->param_text || !(call->param.f64 >= 1))
        return wr_fail(err, WR_ESQL,
                       "EXP_AVG takes the time in which weights halve, such as INTERVAL '10' SECOND");
    if (call->distinct) return wr_fail(err, WR_ESQL, "EXP_AVG takes no DISTINCT");
    call->type = wr_type_of(WR_T_DOUBLE);
    call->n_partials = 0;
    for (int i = 0; i < 4; i++) wri_partial_add(call, wr_type_of(WR_T_DOUBLE));
    for (int i = 0; i < 2; i++) wri_partial_add(call, wr_type_of(WR_T_BIGINT));
    call->plain = true;
    call->state_bytes = sizeof(sums);
    return WR_OK;
}

/* *s + *e += x, as exactly as a pair can hold it. */
WRI_KERNEL void pair_add(double *s, double *e, double x, double xe) {
    double t = *s + x, back = t - *s;
    *e += ((*s - (t - back)) + (x - back)) + xe;
    *s = t;
}

static void to_unit(sums *s, int64_t q) {
    int64_t by; /* below zero */
    int e = __builtin_sub_overflow(s->q, q, &by) || by < -GONE ? -GONE : (int)by;
    s->s = ldexp(s->s, e);
    s->se = ldexp(s->se, e);
    s->w = ldexp(s->w, e);
    s->we = ldexp(s->we, e);
    s->q = q;
}

static void add(sums *into, sums from) {
    if (from.n == 0) return;
    if (into->n == 0) {
        *into = from;
        return;
    }
    if (from.q > into->q) to_unit(into, from.q);
    else if (from.q < into->q) to_unit(&from, into->q);
    pair_add(&into->s, &into->se, from.s, from.se);
    pair_add(&into->w, &into->we, from.w, from.we);
    into->n += from.n;
}

static sums of_row(double x, int64_t t, int64_t half) {
    int64_t q = wr_floor_div(t, half);
    double w = exp2((double)(t - q * half) / (double)half);
    return (sums){.s = x * w, .w = w, .q = q, .n = 1};
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    (void)err;
    const wr_col *c = in->args[0];
    int64_t half = call->param.f64 < (double)WR_TS_MAX ? (int64_t)call->param.f64 : WR_TS_MAX;
    bool exact = wr_type_phys(call->arg_types[0]) == WR_I64;
    double unit = wri_unit_of(call->arg_types[0]);
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        int64_t t = in->time && !wr_is_null(in->time, i) ? in->time->i64[i] : 0;
        double x = exact ? (double)c->i64[i] * unit : c->f64[i];
        add(WRI_STATE(sums, states, stride, g), of_row(x, t, half));
    }
    return WR_OK;
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    (void)call, (void)err;
    for (uint32_t i = 0; i < in->n; i++)
        add(WRI_STATE(sums, states, stride, gids[i]), (sums){.s = in->args[0]->f64[i],
                                                             .se = in->args[1]->f64[i],
                                                             .w = in->args[2]->f64[i],
                                                             .we = in->args[3]->f64[i],
                                                             .q = in->args[4]->i64[i],
                                                             .n = (uint64_t)in->args[5]->i64[i]});
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    wr_col *cols[6];
    (void)call;
    for (uint32_t k = 0; k < 6; k++)
        WR_TRY(wri_out(out, first_col + k, k < 4 ? WR_F64 : WR_I64, &cols[k], err));
    for (uint32_t i = 0; i < n; i++) {
        const sums *s = WRI_STATE_CONST(sums, states, stride, gids[i]);
        cols[0]->f64[i] = s->s;
        cols[1]->f64[i] = s->se;
        cols[2]->f64[i] = s->w;
        cols[3]->f64[i] = s->we;
        cols[4]->i64[i] = s->q;
        cols[5]->i64[i] = (int64_t)s->n;
    }
    return WR_OK;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    wr_col *col;
    (void)call, (void)failed;
    WR_TRY(wri_out(out, c, WR_F64, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        const sums *s = WRI_STATE_CONST(sums, states, stride, gids[i]);
        if (s->n == 0) WR_TRY(wri_out_null(out, col, i, err));
        else col->f64[i] = (isfinite(s->s) ? s->s + s->se : s->s) / (s->w + s->we);
    }
    return WR_OK;
}

static wr_status combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)call, (void)err;
    add(into, *(const sums *)from);
    return WR_OK;
}

const wr_agg_def wr_agg_exp_avg = {
    .name = "EXP_AVG",
    .signature = "EXP_AVG(number, INTERVAL half_life)",
    .doc = "Mean in which a value weighs half as much for each half_life that its row is older.",
    .example = "EXP_AVG(x, INTERVAL '1' MINUTE) BETWEEN 1.6 AND 1.7",
    .min_args = 1,
    .max_args = 1,
    .takes_param = true,
    .needs_time = true,
    .by_time = true,
    .bind = bind,
    .update = update,
    .merge = merge,
    .partial = partial,
    .finish = finish,
    .combine = combine,
};
