/* What only the Kinesis dialect has: AVG of integers that is an integer, EXP_AVG. Against brute force. */
#include "aggs_fixture.h"

Test(aggs_kinesis, avg_is_cut_off) {
    uint64_t failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < 24; k++) {
        fx_seed(k + 1);
        wr_type t = wr_type_of(k % 2 ? WR_T_INTEGER : WR_T_BIGINT);
        fx_data *d = fx_make(300, 8, &t, 1, (fx_form)(k / 4 % 3), true);
        wr_agg_call c = fx_call("KDA_AVG", &t, 1);
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        cr_assert_eq(c.type.kind, t.kind);
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        for (uint32_t g = 1; g <= 8; g++) {
            __int128 sum = 0, n = 0;
            for (uint32_t i = 0; i < d->n; i++)
                if (d->rows[i].gid == g && !d->rows[i].null[0]) {
                    sum += d->rows[i].v[0].i64;
                    n++;
                }
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), n == 0);
            if (n > 0) cr_assert_eq(out->cols[0].i64[g - 1], (int64_t)(sum / n));
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* Weights as of the latest row, in long doubles. */
static long double brute(const fx_data *d, uint32_t g, long double half) {
    long double s = 0, w = 0;
    int64_t now = INT64_MIN;
    for (uint32_t i = 0; i < d->n; i++)
        if (d->rows[i].gid == g && !d->rows[i].null[0] && d->rows[i].time > now) now = d->rows[i].time;
    for (uint32_t i = 0; i < d->n; i++) {
        const fx_row *r = &d->rows[i];
        if (r->gid != g || r->null[0]) continue;
        long double weight = exp2l(-((long double)now - (long double)r->time) / half);
        s += weight * (long double)r->v[0].i64;
        w += weight;
    }
    return w > 0 ? s / w : NAN;
}

Test(aggs_kinesis, exp_avg) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = wr_type_of(WR_T_BIGINT);
    static const double halves[] = {1, 7, 1e3, 1e6, 1e12, 4e18};
    for (uint32_t k = 0; k < 60; k++) {
        fx_seed(k + 1);
        fx_data *d = fx_make(200, 5, &t, 1, FX_SMALL, true);
        for (uint32_t i = 0; i < d->n; i++) /* near each other, far apart, before 1970 */
            d->rows[i].time = (int64_t)fx_below(k % 3 ? 50 : UINT64_C(1) << 40) - (k % 2 ? 1000000 : 0);
        wr_agg_call c = fx_call("EXP_AVG", &t, 1);
        c.param.f64 = halves[k % WR_LEN(halves)];
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_check_ways(&c, d, 6, 1e-12, failed);
        for (uint32_t g = 1; g <= 5; g++) {
            double want = (double)brute(d, g, c.param.f64), got = out->cols[0].f64[g - 1];
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), isnan(want));
            if (!isnan(want))
                cr_assert_leq(fabs(got - want), 1e-9 * (1 + fabs(want)), "seed %u: %g, not %g", k, got, want);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

Test(aggs_kinesis, exp_avg_needs_a_time) {
    wr_type t = wr_type_of(WR_T_DOUBLE), text = wr_type_of(WR_T_VARCHAR);
    wr_err err = {0};
    wr_agg_call c = fx_call("EXP_AVG", &t, 1);
    c.param.f64 = 0;
    cr_assert_eq(c.def->bind(&c, &err), WR_ESQL);
    c = fx_call("EXP_AVG", &text, 1);
    cr_assert_eq(c.def->bind(&c, &err), WR_ESQL);
}
