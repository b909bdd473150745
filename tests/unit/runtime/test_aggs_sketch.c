/* APPROX_PERCENTILE and APPROX_COUNT_DISTINCT: error bounds, and no dependence on order or merges. */
#include "aggs_fixture.h"

static wr_type T(wr_kind k) { return wr_type_of(k); }

static int double_order(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

static double uniform(void) { return ((double)(fx_random() >> 8) + 0.5) / 0x1p53; }

/* One distribution each. */
static double draw(int shape) {
    double u = uniform();
    switch (shape) {
    case 0:
        return u; /* uniform */
    case 1:
        return -log(u) * 20; /* exponential: latencies */
    case 2:
        return pow(u, -1.2); /* heavy tail */
    case 3:
        return (u - 0.5) * 1e6; /* both signs */
    case 4:
        return exp(8 * (uniform() + uniform() + uniform() - 1.5)); /* about lognormal */
    case 5:
        return u < 0.3 ? 0 : u < 0.6 ? -3 : 12; /* few values, zero among them */
    case 6:
        return u < 0.5 ? u * 1e-310 : u * 1e307; /* subnormal to nearly infinite */
    default:
        return (double)(int64_t)(u * 100); /* small integers */
    }
}

Test(aggs_sketch, percentiles_within_one_percent) {
    static const double ps[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    enum { N = 5000 };
    for (int shape = 0; shape < 8; shape++) {
        fx_seed((uint64_t)shape + 1);
        fx_data *d = fx_make(N, 1, &t, 1, FX_SMALL, false);
        double *v = malloc(N * sizeof *v);
        for (int i = 0; i < N; i++) d->rows[i].v[0].f64 = v[i] = draw(shape);
        qsort(v, N, sizeof *v, double_order);
        for (size_t k = 0; k < WR_LEN(ps); k++) {
            wr_agg_call c = fx_call("APPROX_PERCENTILE", &t, 1);
            c.param = (wr_value){.f64 = ps[k]};
            cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
            wr_batch *out = fx_check_ways(&c, d, 3, 0, failed);
            double want = v[(size_t)(ps[k] * (N - 1))], got = out->cols[0].f64[0];
            /* Subnormals have fewer than two digits at the lower end. */
            cr_assert_leq(fabs(got - want), fabs(want) * 0.0100001 + 1e-323, "shape %d p %g: %g, not %g",
                          shape, ps[k], got, want);
            wr_batch_drop(out);
        }
        free(v);
        fx_free(d);
    }
}

Test(aggs_sketch, percentiles_of_special_values) {
    uint64_t failed[FX_FAILED_WORDS];
    const double inf = (double)INFINITY;
    wr_type t = T(WR_T_DOUBLE);
    static const double v[] = {-(double)INFINITY, -1.7e308, -5e-324, 0, 5e-324, 1.7e308, (double)INFINITY};
    fx_data *d = fx_make(WR_LEN(v), 1, &t, 1, FX_SMALL, false);
    for (size_t i = 0; i < WR_LEN(v); i++) d->rows[i].v[0].f64 = v[i];
    for (size_t i = 0; i < WR_LEN(v); i++) {
        wr_agg_call c = fx_call("APPROX_PERCENTILE", &t, 1);
        c.param = (wr_value){.f64 = ((double)i + 0.1) / (WR_LEN(v) - 1)};
        if (i + 1 == WR_LEN(v)) c.param.f64 = 1;
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_check_ways(&c, d, 4, 0, failed);
        double got = out->cols[0].f64[0];
        if (isinf(v[i])) cr_assert_eq(got, v[i]);
        else
            cr_assert_leq(fabs(got - v[i]), fabs(v[i]) * 0.0100001 + 5e-324, "%zu: %g, not %g", i, got, v[i]);
        cr_assert(got != inf || v[i] == inf);
        wr_batch_drop(out);
    }
    fx_free(d);
}

Test(aggs_sketch, percentiles_of_other_types) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type types[] = {T(WR_T_BIGINT), {.kind = WR_T_DECIMAL, .prec = 18, .scale = 2}};
    for (int k = 0; k < 2; k++) {
        fx_data *d = fx_make(1000, 1, &types[k], 1, FX_SMALL, false);
        for (int i = 0; i < 1000; i++) d->rows[i].v[0].i64 = (i * 37 % 1000 - 200) * 100;
        wr_agg_call c = fx_call("APPROX_PERCENTILE", &types[k], 1);
        c.param = (wr_value){.f64 = 0.9};
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_check_ways(&c, d, 4, 0, failed);
        double want = k ? 699 : 69900;
        cr_assert_leq(fabs(out->cols[0].f64[0] - want), want * 0.01);
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* One value between two others that are far off, so that nothing but its bucket decides: close to powers of
 * two, where buckets are widest, and all over a binade. */
Test(aggs_sketch, every_bucket_is_narrow_enough) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    enum { GROUPS = 4000 };
    double worst = 0;
    for (int exponent = -3; exponent < 900; exponent += 60) {
        fx_data *d = fx_make(GROUPS * 3, GROUPS, &t, 1, FX_SMALL, false);
        for (uint32_t i = 0; i < d->n; i++) {
            fx_row *r = &d->rows[i];
            uint32_t g = i / 3;
            *r = (fx_row){.gid = g + 1, .pos = i};
            double s = g < GROUPS / 2 ? g * 1e-5 : (g - GROUPS / 2) / (GROUPS / 2.0);
            r->v[0].f64 = i % 3 == 0 ? 1e-300 : i % 3 == 1 ? 1e300 : ldexp(1 + s, exponent);
        }
        wr_agg_call c = fx_call("APPROX_PERCENTILE", &t, 1);
        c.param = (wr_value){.f64 = 0.5};
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_run(&c, d, 0, failed);
        for (uint32_t g = 0; g < GROUPS; g++) {
            double want = d->rows[g * 3 + 2].v[0].f64, off = fabs(out->cols[0].f64[g] - want) / want;
            cr_assert_leq(off, 0.01 * (1 + 1e-12), "%.17g", want);
            worst = off > worst ? off : worst;
        }
        wr_batch_drop(out);
        fx_free(d);
    }
    cr_assert_gt(worst, 0.0099); /* and no narrower than need be */
}

/* A state merged into itself again and again: counts far past 32 bits, of dense buckets and others. */
Test(aggs_sketch, percentiles_of_many) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    for (int shape = 0; shape < 8; shape++) {
        fx_seed((uint64_t)shape + 50);
        fx_data *d = fx_make(3000, 1, &t, 1, FX_SMALL, false);
        for (int i = 0; i < 3000; i++) d->rows[i].v[0].f64 = draw(shape);
        wr_agg_call c = fx_call("APPROX_PERCENTILE", &t, 1);
        c.param = (wr_value){.f64 = 0.75};
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *want = fx_run(&c, d, 0, failed);
        fx_table table = fx_table_new(&c, 1);
        for (uint32_t i = 0; i < d->n; i++) cr_assert_eq(fx_update(&c, &table, d, i, 1), WR_OK);
        wr_status s;
        for (int k = 0; k < 45; k++) {
            wr_batch *p = fx_partial(&c, &table, &s);
            cr_assert_eq(fx_merge(&c, &table, p), WR_OK);
            wr_batch_drop(p);
        }
        wr_batch *got = fx_finish(&c, &table, failed, &s);
        /* The place p (n-1) is another by less than one value. */
        cr_assert_leq(fabs(got->cols[0].f64[0] - want->cols[0].f64[0]), fabs(want->cols[0].f64[0]) * 0.03);
        cr_assert_eq(fx_update(&c, &table, d, 0, 1), WR_OK);
        wr_batch_drop(got);
        wr_batch_drop(want);
        fx_table_free(&c, &table);
        fx_free(d);
    }
}

/* ---- distinct counts ---- */

/* d's values become v(i) for i in 0..n, one of each and then some again. */
static double distinct_error(wr_kind kind, uint32_t n, uint64_t salt, uint32_t ways) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(kind);
    uint32_t rows = n + n / 3;
    fx_data *d = fx_make(rows, 1, &t, 1, FX_SMALL, false);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t v = (i < n ? i : fx_below(n)) + salt * 1000003;
        char buf[32];
        int len = snprintf(buf, sizeof buf, salt % 2 ? "u%llu" : "user-name-%llu", (unsigned long long)v);
        if (kind == WR_T_BIGINT) d->rows[i].v[0].i64 = (int64_t)v;
        else if (kind == WR_T_DOUBLE) d->rows[i].v[0].f64 = (double)v / 8;
        else d->rows[i].v[0].str = wr_str_make(wr_arena_strndup(&d->ar, buf, (size_t)len), (size_t)len);
        d->rows[i].split = i / 500;
        d->rows[i].pos = i;
    }
    wr_agg_call c = fx_call("APPROX_COUNT_DISTINCT", &t, 1);
    cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
    wr_batch *out = fx_check_ways(&c, d, ways, 0, failed);
    double got = (double)out->cols[0].i64[0];
    wr_batch_drop(out);
    fx_free(d);
    return (got - n) / n;
}

Test(aggs_sketch, distinct_counts) {
    static const wr_kind kinds[] = {WR_T_BIGINT, WR_T_DOUBLE, WR_T_VARCHAR};
    static const uint32_t sizes[] = {1, 7, 1023, 1024};
    for (uint32_t k = 0; k < 3; k++)
        for (uint32_t s = 0; s < WR_LEN(sizes); s++)
            cr_assert_eq(distinct_error(kinds[k], sizes[s], s, 3), 0, "exact while few");
    /* Past the exact part: the standard error is 1.04 / sqrt(2^14) = 0.81 %; the mean has no bias. */
    static const uint32_t large[] = {1025, 3000, 20000, 60000, 150000};
    for (uint32_t s = 0; s < WR_LEN(large); s++) {
        double sum = 0, sq = 0;
        uint32_t trials = s < 3 ? 12 : 6;
        for (uint32_t k = 0; k < trials; k++) {
            double e = distinct_error(kinds[k % 3], large[s], k + 7, k == 0 ? 2 : 0);
            cr_assert_leq(fabs(e), 0.0081 * 4, "%u values: error %g", large[s], e);
            sum += e;
            sq += e * e;
        }
        cr_assert_leq(sqrt(sq / trials), 0.0081 * 1.8);
        cr_assert_leq(fabs(sum / trials), 0.0081 * 3 / sqrt(trials));
    }
}

Test(aggs_sketch, distinct_counts_of_random_groups) {
    uint64_t failed[FX_FAILED_WORDS];
    static const wr_kind kinds[] = {WR_T_BIGINT, WR_T_DOUBLE, WR_T_VARCHAR};
    for (uint32_t k = 0; k < 18; k++) {
        fx_seed(k + 1);
        wr_type t = T(kinds[k % 3]);
        fx_data *d = fx_make(600, 5, &t, 1, (fx_form)(k / 3 % 3), true);
        wr_agg_call approx = fx_call("APPROX_COUNT_DISTINCT", &t, 1), exact = fx_call("COUNT", &t, 1);
        exact.distinct = true;
        cr_assert_eq(approx.def->bind(&approx, NULL), WR_OK);
        cr_assert_eq(exact.def->bind(&exact, NULL), WR_OK);
        wr_batch *a = fx_check_ways(&approx, d, 5, 0, failed), *b = fx_run(&exact, d, 0, failed);
        for (uint32_t g = 0; g < 5; g++) cr_assert_eq(a->cols[0].i64[g], b->cols[0].i64[g]);
        wr_batch_drop(a);
        wr_batch_drop(b);
        fx_free(d);
    }
}
