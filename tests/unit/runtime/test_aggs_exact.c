/* COUNT, SUM, AVG, MIN, MAX, variances, BOOL_*: against brute force, in any order, and their failures. */
#include "aggs_fixture.h"

static wr_type T(wr_kind k) { return wr_type_of(k); }
static wr_type decimal(uint32_t scale) {
    return (wr_type){.kind = WR_T_DECIMAL, .prec = 18, .scale = (uint8_t)scale};
}

static wr_agg_call bound(const char *name, const wr_type *types, uint32_t n_args, bool distinct) {
    wr_agg_call c = fx_call(name, types, n_args);
    c.distinct = distinct;
    cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
    return c;
}

static bool same_value(const fx_data *d, const wr_value *a, const wr_value *b) {
    if (d->phys[0] == WR_STR) return wr_str_eq(&a->str, &b->str);
    if (d->phys[0] == WR_I64) return a->i64 == b->i64;
    return a->f64 == b->f64 || (a->f64 != a->f64 && b->f64 != b->f64);
}

/* Row i counts: of this group, not NULL, and (distinct) none of its value before it. */
static bool counts(const fx_data *d, uint32_t i, uint32_t gid, bool distinct) {
    const fx_row *r = &d->rows[i];
    if (r->gid != gid || r->null[0]) return false;
    for (uint32_t k = 0; distinct && k < i; k++)
        if (d->rows[k].gid == gid && !d->rows[k].null[0] && same_value(d, &d->rows[k].v[0], &r->v[0]))
            return false;
    return true;
}

static const wr_kind all_kinds[] = {WR_T_TINYINT, WR_T_SMALLINT, WR_T_INTEGER,   WR_T_BIGINT,
                                    WR_T_DOUBLE,  WR_T_VARCHAR,  WR_T_VARBINARY, WR_T_TIMESTAMP,
                                    WR_T_DATE,    WR_T_TIME,     WR_T_BOOLEAN,   WR_T_INTERVAL_DAY};

Test(aggs_exact, count) {
    uint64_t failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < WR_LEN(all_kinds) * FX_N_FORMS * 2; k++) {
        fx_seed(k + 1);
        wr_type t = T(all_kinds[k / 2 / FX_N_FORMS]);
        bool distinct = k % 2;
        fx_data *d = fx_make(400, 6, &t, 1, (fx_form)(k / 2 % FX_N_FORMS), k % 3 != 0);
        wr_agg_call c = bound("COUNT", &t, 1, distinct);
        cr_assert_eq(c.retracts, !distinct);
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        for (uint32_t g = 1; g <= 6; g++) {
            int64_t want = 0;
            for (uint32_t i = 0; i < d->n; i++) want += counts(d, i, g, distinct);
            cr_assert_eq(out->cols[0].i64[g - 1], want, "kind %u group %u", k, g);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

Test(aggs_exact, count_star_and_if) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_BOOLEAN);
    fx_seed(3);
    fx_data *d = fx_make(500, 5, &t, 1, FX_BOOL, true);
    wr_agg_call star = bound("COUNT", &t, 0, true), cif = bound("COUNT_IF", &t, 1, false);
    wr_batch *a = fx_check_ways(&star, d, 5, 0, failed), *b = fx_check_ways(&cif, d, 5, 0, failed);
    for (uint32_t g = 1; g <= 5; g++) {
        int64_t rows = 0, yes = 0;
        for (uint32_t i = 0; i < d->n; i++) {
            const fx_row *r = &d->rows[i];
            rows += r->gid == g;
            yes += r->gid == g && !r->null[0] && r->v[0].i64;
        }
        cr_assert_eq(a->cols[0].i64[g - 1], rows);
        cr_assert_eq(b->cols[0].i64[g - 1], yes);
    }
    wr_batch_drop(a);
    wr_batch_drop(b);
    fx_free(d);
}

/* ---- sums ---- */

static void check_sum_i64(const char *name, wr_type t, fx_form form, bool distinct) {
    uint64_t failed[FX_FAILED_WORDS];
    fx_data *d = fx_make(300, 8, &t, 1, form, fx_below(2));
    wr_agg_call c = bound(name, &t, 1, distinct);
    cr_assert_eq(c.retracts, !distinct);
    wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
    const wr_col *col = &out->cols[0];
    __int128 most = t.kind == WR_T_DECIMAL ? 999999999999999999 : INT64_MAX;
    __int128 least = t.kind == WR_T_DECIMAL ? -most : INT64_MIN;
    for (uint32_t g = 1; g <= d->n_groups; g++) {
        __int128 sum = 0;
        int64_t n = 0;
        for (uint32_t i = 0; i < d->n; i++)
            if (counts(d, i, g, distinct)) {
                sum += d->rows[i].v[0].i64;
                n++;
            }
        bool none = n == 0 && strcmp(name, "SUM0") != 0, fits = sum >= least && sum <= most;
        cr_assert_eq(wr_is_null(col, g - 1), none || !fits);
        cr_assert_eq(wr_bit(failed, g - 1), !none && !fits);
        if (!none && fits) cr_assert_eq(col->i64[g - 1], (int64_t)sum);
    }
    wr_batch_drop(out);
    fx_free(d);
}

Test(aggs_exact, sum_of_integers) {
    wr_type types[] = {T(WR_T_INTEGER), T(WR_T_BIGINT), decimal(2), T(WR_T_INTERVAL_DAY)};
    for (uint32_t k = 0; k < 96; k++) {
        fx_seed(k + 1);
        wr_type t = types[k % WR_LEN(types)];
        fx_form form = (fx_form)(k / 4 % 3);
        check_sum_i64(k & 16 ? "SUM0" : "SUM", t, form, k & 32);
    }
    wr_agg_call c = bound("SUM", types, 1, false);
    cr_assert_eq(c.type.kind, WR_T_BIGINT);
    c = bound("SUM", &types[2], 1, false);
    cr_assert(c.type.kind == WR_T_DECIMAL && c.type.prec == 18 && c.type.scale == 2);
}

Test(aggs_exact, avg_of_integers) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type types[] = {T(WR_T_INTEGER), T(WR_T_BIGINT)};
    for (uint32_t k = 0; k < 24; k++) {
        fx_seed(k + 1);
        wr_type t = types[k % 2];
        bool distinct = k & 2;
        fx_data *d = fx_make(300, 8, &t, 1, (fx_form)(k / 4 % 3), true);
        wr_agg_call c = bound("AVG", &t, 1, distinct);
        cr_assert_eq(c.type.kind, WR_T_DOUBLE);
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        for (uint32_t g = 1; g <= 8; g++) {
            __int128 sum = 0, n = 0;
            for (uint32_t i = 0; i < d->n; i++)
                if (counts(d, i, g, distinct)) {
                    sum += d->rows[i].v[0].i64;
                    n++;
                }
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), n == 0);
            if (n == 0) continue;
            double want = (double)((__float128)sum / (__float128)n), got = out->cols[0].f64[g - 1];
            cr_assert_leq(fabs(got - want), fabs(want) * 3e-16);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* Half away from zero, at scale 6 at least. */
Test(aggs_exact, avg_of_decimals) {
    static const struct {
        uint32_t scale;
        int64_t v[4];
        uint32_t n;
        uint32_t want_scale;
        int64_t want;
    } cases[] = {
        {2, {100, 200, 200}, 3, 6, 1666667},
        {2, {-100, -200, -200}, 3, 6, -1666667},
        {8, {1, 2}, 2, 8, 2},
        {8, {-1, -2}, 2, 8, -2},
        {7, {1, 1, 2, 1}, 4, 7, 1},
        {0, {7, 8}, 2, 6, 7500000},
        {18, {999999999999999999, 1}, 2, 18, 500000000000000000},
    };
    uint64_t failed[FX_FAILED_WORDS];
    for (size_t k = 0; k < WR_LEN(cases); k++) {
        wr_type t = decimal(cases[k].scale);
        fx_data *d = fx_make(cases[k].n, 1, &t, 1, FX_SMALL, false);
        for (uint32_t i = 0; i < d->n; i++) d->rows[i].v[0].i64 = cases[k].v[i];
        wr_agg_call c = bound("AVG", &t, 1, false);
        cr_assert(c.type.kind == WR_T_DECIMAL && c.type.scale == cases[k].want_scale);
        wr_batch *out = fx_check_ways(&c, d, 3, 0, failed);
        cr_assert_eq(out->cols[0].i64[0], cases[k].want, "case %zu: %lld", k, (long long)out->cols[0].i64[0]);
        wr_batch_drop(out);
        fx_free(d);
    }
    wr_type t = decimal(0); /* 10^17 at scale 6 has 24 digits */
    fx_data *d = fx_make(1, 1, &t, 1, FX_SMALL, false);
    d->rows[0].v[0].i64 = 100000000000000000;
    wr_agg_call c = bound("AVG", &t, 1, false);
    wr_batch *out = fx_run(&c, d, 0, failed);
    cr_assert(wr_bit(failed, 0) && wr_is_null(&out->cols[0], 0));
    wr_batch_drop(out);
    fx_free(d);
}

Test(aggs_exact, sums_of_doubles) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    for (uint32_t k = 0; k < 40; k++) {
        fx_seed(k + 1);
        bool avg = k % 2, distinct = k & 2;
        fx_data *d = fx_make(800, 5, &t, 1, k & 4 ? FX_WIDE : FX_SMALL, k & 8);
        wr_agg_call c = bound(avg ? "AVG" : "SUM", &t, 1, distinct);
        cr_assert(!c.retracts);
        wr_batch *out = fx_check_ways(&c, d, 10, 0, failed);
        for (uint32_t g = 1; g <= 5; g++) {
            __float128 sum = 0;
            double n = 0, got = out->cols[0].f64[g - 1];
            for (uint32_t i = 0; i < d->n; i++)
                if (counts(d, i, g, distinct)) {
                    sum += (__float128)d->rows[i].v[0].f64;
                    n++;
                }
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), n == 0);
            double want = (double)(avg ? sum / (__float128)n : sum);
            if (n > 0) cr_assert_leq(fabs(got - want), fabs(want) * 3e-16);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

static double sum_of_values(const char *name, const double *v, uint32_t n) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    fx_data *d = fx_make(n, 1, &t, 1, FX_SMALL, false);
    for (uint32_t i = 0; i < n; i++) d->rows[i].v[0].f64 = v[i];
    wr_agg_call c = bound(name, &t, 1, false);
    wr_batch *out = fx_check_ways(&c, d, 4, 0, failed);
    double got = out->cols[0].f64[0];
    wr_batch_drop(out);
    fx_free(d);
    return got;
}

Test(aggs_exact, sums_of_infinities) {
    const double inf = (double)INFINITY;
    cr_assert_eq(sum_of_values("SUM", (double[]){1, inf, 2}, 3), inf);
    cr_assert_eq(sum_of_values("SUM", (double[]){-inf, 5, 1e308}, 3), -inf);
    cr_assert(isnan(sum_of_values("SUM", (double[]){inf, 1, -inf}, 3)));
    cr_assert(isnan(sum_of_values("SUM", (double[]){1, (double)NAN}, 2)));
    cr_assert_eq(sum_of_values("AVG", (double[]){1, inf}, 2), inf);
    cr_assert_eq(sum_of_values("SUM", (double[]){1e16, 1, -1e16, 1}, 4), 2);
    cr_assert_eq(sum_of_values("SUM", (double[]){1, 1e100, 1, -1e100}, 4), 2);
    cr_assert(isnan(sum_of_values("VAR_POP", (double[]){1, inf}, 2)));
}

Test(aggs_exact, real_stays_real) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_REAL);
    fx_data *d = fx_make(3, 1, &t, 1, FX_SMALL, false);
    for (uint32_t i = 0; i < 3; i++) d->rows[i].v[0].f64 = (double)(float)0.1;
    wr_agg_call s = bound("SUM", &t, 1, false), a = bound("AVG", &t, 1, false);
    cr_assert(s.type.kind == WR_T_REAL && a.type.kind == WR_T_REAL);
    wr_batch *x = fx_run(&s, d, 0, failed), *y = fx_run(&a, d, 0, failed);
    cr_assert_eq(x->cols[0].f64[0], (double)0.3f);
    cr_assert_eq(y->cols[0].f64[0], (double)0.1f);
    wr_batch_drop(x);
    wr_batch_drop(y);
    fx_free(d);
}

/* ---- extremes ---- */

/* Sign of a - b in the order of MIN and MAX. */
static int order(const fx_data *d, const wr_value *a, const wr_value *b) {
    if (d->phys[0] == WR_STR) return wr_str_cmp(&a->str, &b->str);
    if (d->phys[0] == WR_I64) return (a->i64 > b->i64) - (a->i64 < b->i64);
    bool an = isnan(a->f64), bn = isnan(b->f64);
    if (an || bn) return an - bn;
    if (a->f64 == 0 && b->f64 == 0) return !!signbit(b->f64) - !!signbit(a->f64);
    return (a->f64 > b->f64) - (a->f64 < b->f64);
}

Test(aggs_exact, extremes) {
    static const char *const names[] = {"MIN", "MAX", "ANY_VALUE"};
    uint64_t failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < WR_LEN(all_kinds) * 3 * 3; k++) {
        fx_seed(k + 1);
        wr_type t = T(all_kinds[k / 9]);
        const char *name = names[k % 3];
        fx_data *d = fx_make(150, 9, &t, 1, (fx_form)(k / 3 % 3), k % 2);
        wr_agg_call c = bound(name, &t, 1, false);
        cr_assert_eq(c.type.kind, t.kind);
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        for (uint32_t g = 1; g <= 9; g++) {
            const wr_value *best = NULL;
            for (uint32_t i = 0; i < d->n; i++) {
                if (!counts(d, i, g, false)) continue;
                int cmp = best ? order(d, &d->rows[i].v[0], best) : 0;
                if (!best || (strcmp(name, "MAX") == 0 ? cmp > 0 : cmp < 0)) best = &d->rows[i].v[0];
            }
            const wr_col *col = &out->cols[0];
            cr_assert_eq(wr_is_null(col, g - 1), !best);
            if (!best) continue;
            wr_value got = {0};
            if (col->phys == WR_STR) got.str = col->str[g - 1];
            else got.i64 = col->i64[g - 1];
            cr_assert_eq(order(d, &got, best), 0, "%s kind %u group %u", name, k / 9, g);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* ---- variances ---- */

static void check_variance(const char *name, wr_type t, fx_form form, bool distinct, double shift) {
    uint64_t failed[FX_FAILED_WORDS];
    fx_data *d = fx_make(400, 6, &t, 1, form, fx_below(2));
    bool ints = d->phys[0] == WR_I64;
    for (uint32_t i = 0; i < d->n; i++)
        if (!ints) d->rows[i].v[0].f64 += shift;
    wr_agg_call c = bound(name, &t, 1, distinct);
    cr_assert_eq(c.retracts, ints && !distinct);
    wr_batch *out = fx_check_ways(&c, d, 8, ints ? 0 : 1e-13, failed);
    bool samp = strstr(name, "POP") == NULL, root = strncmp(name, "STD", 3) == 0;
    for (uint32_t g = 1; g <= 6; g++) {
        __float128 n = 0, mean = 0, m2 = 0, unit = t.kind == WR_T_DECIMAL ? 100 : 1;
        for (uint32_t i = 0; i < d->n; i++)
            if (counts(d, i, g, distinct)) {
                mean += (ints ? (__float128)d->rows[i].v[0].i64 : (__float128)d->rows[i].v[0].f64) / unit;
                n++;
            }
        cr_assert_eq(wr_is_null(&out->cols[0], g - 1), n < 1 + samp);
        if (n < 1 + samp) continue;
        mean /= n;
        for (uint32_t i = 0; i < d->n; i++)
            if (counts(d, i, g, distinct)) {
                __float128 x =
                    (ints ? (__float128)d->rows[i].v[0].i64 : (__float128)d->rows[i].v[0].f64) / unit;
                m2 += (x - mean) * (x - mean);
            }
        double want = (double)(m2 / (n - samp)), got = out->cols[0].f64[g - 1];
        if (root) want = sqrt(want);
        cr_assert_leq(fabs(got - want), fabs(want) * (ints ? 1e-15 : 1e-12), "%s group %u: %.17g %.17g", name,
                      g, got, want);
    }
    wr_batch_drop(out);
    fx_free(d);
}

Test(aggs_exact, variances) {
    static const char *const names[] = {"VAR_POP",    "VAR_SAMP",    "VARIANCE",
                                        "STDDEV_POP", "STDDEV_SAMP", "STDDEV"};
    for (uint32_t k = 0; k < 60; k++) {
        fx_seed(k + 1);
        const char *name = names[k % 6];
        check_variance(name, T(WR_T_BIGINT), (fx_form)(k / 6 % 3), k & 1, 0);
        check_variance(name, decimal(2), FX_WIDE, k & 1, 0);
        check_variance(name, T(WR_T_DOUBLE), k & 2 ? FX_WIDE : FX_SMALL, k & 1, k & 4 ? 1e8 : 0);
    }
}

Test(aggs_exact, variance_out_of_range) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_DOUBLE);
    fx_data *d = fx_make(2, 1, &t, 1, FX_SMALL, false);
    d->rows[0].v[0].f64 = d->rows[1].v[0].f64 = 1e200;
    wr_agg_call c = bound("STDDEV_POP", &t, 1, false);
    wr_batch *out = fx_check_ways(&c, d, 4, 0, failed);
    cr_assert(wr_bit(failed, 0) && wr_is_null(&out->cols[0], 0));
    wr_batch_drop(out);
    fx_free(d);
}

/* ---- BOOL_* ---- */

Test(aggs_exact, bools) {
    static const char *const names[] = {"BOOL_AND", "EVERY", "BOOL_OR", "SOME", "ANY"};
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_BOOLEAN);
    for (uint32_t k = 0; k < 20; k++) {
        fx_seed(k + 1);
        fx_data *d = fx_make(40, 14, &t, 1, FX_BOOL, true);
        wr_agg_call c = bound(names[k % 5], &t, 1, false);
        wr_batch *out = fx_check_ways(&c, d, 5, 0, failed);
        for (uint32_t g = 1; g <= 14; g++) {
            bool all = true, some = false, any = false;
            for (uint32_t i = 0; i < d->n; i++)
                if (counts(d, i, g, false)) {
                    any = true;
                    all &= d->rows[i].v[0].i64 != 0;
                    some |= d->rows[i].v[0].i64 != 0;
                }
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), !any);
            if (any) cr_assert_eq(out->cols[0].i64[g - 1], k % 5 < 2 ? all : some);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* ---- retraction ---- */

/* Taking a part out again leaves exactly the state of the rest. */
Test(aggs_exact, retract) {
    static const char *const names[] = {"COUNT", "COUNT_IF", "SUM", "SUM0", "AVG", "VAR_POP", "STDDEV"};
    for (uint32_t k = 0; k < WR_LEN(names) * 4; k++) {
        fx_seed(k + 1);
        const char *name = names[k % WR_LEN(names)];
        wr_type t = strcmp(name, "COUNT_IF") == 0 ? T(WR_T_BOOLEAN) : k & 8 ? decimal(3) : T(WR_T_BIGINT);
        fx_data *d = fx_make(200, 7, &t, 1, FX_SPECIAL, true);
        wr_agg_call c = bound(name, &t, 1, false);
        cr_assert(c.retracts && c.def->retract);
        fx_table keep = fx_table_new(&c, 7), gone = fx_table_new(&c, 7), all = fx_table_new(&c, 7);
        for (uint32_t i = 0; i < d->n; i++) {
            cr_assert_eq(fx_update(&c, i % 3 ? &keep : &gone, d, i, 1), WR_OK);
            cr_assert_eq(fx_update(&c, &all, d, i, 1), WR_OK);
        }
        wr_status s;
        wr_batch *p = fx_partial(&c, &gone, &s);
        wr_agg_in in = {.n = 7};
        uint32_t gids[7] = {1, 2, 3, 4, 5, 6, 7};
        for (uint32_t i = 0; i < c.n_partials; i++) in.args[i] = &p->cols[i + 1];
        c.def->retract(&c, &in, all.states, all.stride, gids);
        /* Group 0 took the NULLs. */
        cr_assert_arr_eq(keep.states + keep.stride, all.states + all.stride, 7 * keep.stride);
        wr_batch_drop(p);
        fx_table_free(&c, &keep);
        fx_table_free(&c, &gone);
        fx_table_free(&c, &all);
        fx_free(d);
    }
}

/* ---- binding ---- */

Test(aggs_exact, wrong_arguments) {
    static const struct {
        const char *name;
        wr_kind kind;
    } cases[] = {{"SUM", WR_T_VARCHAR},      {"AVG", WR_T_TIMESTAMP},
                 {"SUM0", WR_T_BOOLEAN},     {"STDDEV", WR_T_VARCHAR},
                 {"BOOL_AND", WR_T_BIGINT},  {"COUNT_IF", WR_T_VARCHAR},
                 {"MEDIAN", WR_T_DATE},      {"LISTAGG", WR_T_BIGINT},
                 {"AVG", WR_T_INTERVAL_DAY}, {"PERCENTILE_CONT", WR_T_VARCHAR}};
    for (size_t k = 0; k < WR_LEN(cases); k++) {
        wr_type t = T(cases[k].kind);
        wr_agg_call c = fx_call(cases[k].name, &t, 1);
        c.param = (wr_value){.f64 = 0.5};
        wr_err err = {0};
        cr_assert_eq(c.def->bind(&c, &err), WR_ESQL, "%s", cases[k].name);
        cr_assert(strstr(err.msg, cases[k].name) && strstr(err.msg, wr_kind_name(cases[k].kind)), "%s",
                  err.msg);
    }
}

/* Every definition is whole, its name is unique, its partial fits, a bare NULL is taken. */
Test(aggs_exact, definitions) {
    uint64_t failed[FX_FAILED_WORDS];
    for (size_t i = 0; i < wr_n_builtin_aggs; i++) {
        const wr_agg_def *def = wr_builtin_aggs[i];
        cr_assert(def->name && def->signature && def->doc && def->bind && def->update && def->merge &&
                  def->partial && def->finish);
        cr_assert_eq(fx_def(def->name), def, "%s is there twice", def->name);
        cr_assert_eq(strncmp(def->signature, def->name, strlen(def->name)), 0);
        wr_type types[2] = {T(WR_T_NULL), T(WR_T_NULL)};
        wr_agg_call c = fx_call(def->name, types, def->max_args);
        if (def->takes_param && strstr(def->signature, "fraction")) c.param = (wr_value){.f64 = 0.5};
        cr_assert_eq(def->bind(&c, NULL), WR_OK, "%s", def->name);
        cr_assert(c.n_partials >= 1 && c.n_partials <= WR_AGG_PARTIALS_MAX);
        fx_data *d = fx_make(20, 2, types, def->max_args, FX_SMALL, false);
        for (uint32_t r = 0; r < 20; r++) d->rows[r].null[0] = d->rows[r].null[1] = true;
        wr_batch *out = fx_check_ways(&c, d, 2, 0, failed);
        for (uint32_t g = 0; g < 2; g++)
            if (c.type.not_null) cr_assert(!wr_is_null(&out->cols[0], g) && out->cols[0].i64[g] == 0);
            else cr_assert(wr_is_null(&out->cols[0], g), "%s", def->name);
        wr_batch_drop(out);
        fx_free(d);
    }
}
