/* FIRST/LAST_VALUE, ARG_MIN/MAX, LISTAGG, exact percentiles: against brute force, in any order. */
#include "aggs_fixture.h"

static wr_type T(wr_kind k) { return wr_type_of(k); }

static const fx_data *sorting; /* what qsort's comparators look at; one test is one process */

static int value_order(wr_phys p, const wr_value *a, const wr_value *b) {
    if (p == WR_STR) return wr_str_cmp(&a->str, &b->str);
    if (p == WR_I64) return (a->i64 > b->i64) - (a->i64 < b->i64);
    bool an = isnan(a->f64), bn = isnan(b->f64);
    if (an || bn) return an - bn;
    if (a->f64 == b->f64) return !!signbit(b->f64) - !!signbit(a->f64);
    return a->f64 < b->f64 ? -1 : 1;
}

static bool is_value(const wr_col *c, uint32_t i, const wr_value *want) {
    wr_value got = {0};
    if (wr_is_null(c, i)) return false;
    if (c->phys == WR_STR) got.str = c->str[i];
    else got.i64 = c->i64[i];
    return value_order(c->phys, &got, want) == 0;
}

/* ---- FIRST_VALUE, LAST_VALUE ---- */

static int row_order(const fx_row *a, const fx_row *b) {
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->pos != b->pos) return a->pos < b->pos ? -1 : 1;
    return 0;
}

static const wr_kind kinds[] = {WR_T_BIGINT, WR_T_DOUBLE, WR_T_VARCHAR, WR_T_TIMESTAMP};

Test(aggs_order, first_and_last) {
    uint64_t failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < 96; k++) {
        fx_seed(k + 1);
        wr_type t = T(kinds[k % 4]);
        bool last = k & 4, ignore = k & 8, timeless = k & 16;
        fx_data *d = fx_make(200, 10, &t, 1, (fx_form)(k / 32 % 3), true);
        wr_agg_call c = fx_call(last ? "LAST_VALUE" : "FIRST_VALUE", &t, 1);
        cr_assert(c.def->needs_time);
        c.ignore_nulls = ignore;
        if (timeless) c.time = WR_NO_COL;
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        if (timeless)
            for (uint32_t i = 0; i < d->n; i++) d->rows[i].time = 0;
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        for (uint32_t g = 1; g <= 10; g++) {
            const fx_row *best = NULL;
            for (uint32_t i = 0; i < d->n; i++) {
                const fx_row *r = &d->rows[i];
                if (r->gid != g || (ignore && r->null[0])) continue;
                if (!best || (last ? row_order(r, best) > 0 : row_order(r, best) < 0)) best = r;
            }
            if (!best || best->null[0]) cr_assert(wr_is_null(&out->cols[0], g - 1));
            else cr_assert(is_value(&out->cols[0], g - 1, &best->v[0]), "case %u group %u", k, g);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* Rows made by an operator may share split and position: the value decides. */
Test(aggs_order, first_of_equal_places) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_BIGINT);
    for (uint32_t k = 0; k < 4; k++) {
        fx_data *d = fx_make(6, 1, &t, 1, FX_SMALL, false);
        for (uint32_t i = 0; i < 6; i++)
            d->rows[i] = (fx_row){.gid = 1, .split = i % 2 ? WR_NO_SPLIT : WR_NO_SPLIT - 1, .time = 5};
        int64_t v[6] = {4, 7, 2, 9, 3, 8};
        for (uint32_t i = 0; i < 6; i++) d->rows[i].v[0].i64 = v[i];
        if (k & 2) d->rows[4].null[0] = d->rows[3].null[0] = true;
        wr_agg_call c = fx_call(k & 1 ? "LAST_VALUE" : "FIRST_VALUE", &t, 1);
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_check_ways(&c, d, 10, 0, failed);
        const wr_col *col = &out->cols[0];
        if (k == 0) cr_assert_eq(col->i64[0], 2);
        if (k == 1) cr_assert_eq(col->i64[0], 9);
        if (k == 2) cr_assert(wr_is_null(col, 0)); /* NULL stands before the values */
        if (k == 3) cr_assert_eq(col->i64[0], 8);
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* ---- ARG_MIN, ARG_MAX ---- */

Test(aggs_order, arg_min_and_max) {
    static const char *const names[] = {"ARG_MIN", "ARG_MAX", "MIN_BY", "MAX_BY"};
    uint64_t failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < 4 * 4 * 4 * 3; k++) {
        fx_seed(k + 1);
        wr_type t[2] = {T(kinds[k % 4]), T(kinds[k / 4 % 4])};
        const char *name = names[k / 16 % 4];
        bool max = strstr(name, "MAX") != NULL;
        fx_data *d = fx_make(150, 7, t, 2, (fx_form)(k / 64), k % 3 != 0);
        wr_agg_call c = fx_call(name, t, 2);
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        cr_assert_eq(c.type.kind, t[0].kind);
        wr_batch *out = fx_check_ways(&c, d, 5, 0, failed);
        for (uint32_t g = 1; g <= 7; g++) {
            const fx_row *best = NULL;
            for (uint32_t i = 0; i < d->n; i++) {
                const fx_row *r = &d->rows[i];
                if (r->gid != g || r->null[0] || r->null[1]) continue;
                int cmp = best ? value_order(d->phys[1], &r->v[1], &best->v[1]) : -1;
                if (best && max) cmp = -cmp;
                if (cmp == 0) cmp = value_order(d->phys[0], &r->v[0], &best->v[0]);
                if (cmp < 0) best = r;
            }
            if (!best) cr_assert(wr_is_null(&out->cols[0], g - 1));
            else cr_assert(is_value(&out->cols[0], g - 1, &best->v[0]), "%s case %u group %u", name, k, g);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* ---- LISTAGG ---- */

static int list_order(const void *pa, const void *pb) {
    const fx_row *a = &sorting->rows[*(const uint32_t *)pa], *b = &sorting->rows[*(const uint32_t *)pb];
    return row_order(a, b);
}

static int text_order(const void *pa, const void *pb) {
    const fx_row *a = &sorting->rows[*(const uint32_t *)pa], *b = &sorting->rows[*(const uint32_t *)pb];
    return wr_str_cmp(&a->v[0].str, &b->v[0].str);
}

Test(aggs_order, listagg) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_VARCHAR);
    for (uint32_t k = 0; k < 32; k++) {
        fx_seed(k + 1);
        bool distinct = k & 1;
        fx_data *d = fx_make(1 + (uint32_t)fx_below(250), 6, &t, 1, k & 2 ? FX_SMALL : FX_WIDE, k & 4);
        wr_agg_call c = fx_call(k & 8 ? "STRING_AGG" : "LISTAGG", &t, 1);
        const char *sep = ",";
        c.distinct = distinct;
        if (k & 16) {
            sep = k & 2 ? "" : " and then, after a long pause, ";
            c.param = (wr_value){.str = wr_str_make(sep, strlen(sep))};
        }
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_check_ways(&c, d, 6, 0, failed);
        sorting = d;
        for (uint32_t g = 1; g <= 6; g++) {
            uint32_t idx[300], n = 0;
            for (uint32_t i = 0; i < d->n; i++)
                if (d->rows[i].gid == g && !d->rows[i].null[0]) idx[n++] = i;
            qsort(idx, n, sizeof *idx, distinct ? text_order : list_order);
            wr_buf want = {0};
            cr_assert_eq(wr_buf_reserve(&want, 1), WR_OK);
            for (uint32_t i = 0; i < n; i++) {
                const wr_str *s = &d->rows[idx[i]].v[0].str;
                if (distinct && i > 0 && wr_str_eq(s, &d->rows[idx[i - 1]].v[0].str)) continue;
                if (i > 0) cr_assert_eq(wr_buf_puts(&want, sep), WR_OK);
                cr_assert_eq(wr_buf_put(&want, wr_str_data(s), s->len), WR_OK);
            }
            cr_assert_eq(wr_is_null(&out->cols[0], g - 1), n == 0);
            wr_str w = wr_str_make(want.data, want.len);
            if (n) cr_assert(wr_str_eq(&out->cols[0].str[g - 1], &w), "case %u group %u", k, g);
            wr_buf_free(&want);
        }
        wr_batch_drop(out);
        fx_free(d);
    }
}

/* ---- percentiles ---- */

static int first_value_order(const void *pa, const void *pb) {
    const fx_row *a = &sorting->rows[*(const uint32_t *)pa], *b = &sorting->rows[*(const uint32_t *)pb];
    return value_order(sorting->phys[0], &a->v[0], &b->v[0]);
}

static double as_double(const fx_data *d, uint32_t row, wr_type t) {
    if (d->phys[0] == WR_F64) return d->rows[row].v[0].f64;
    return (double)d->rows[row].v[0].i64 / (t.kind == WR_T_DECIMAL ? 100 : 1);
}

static double cont_of(const fx_data *d, const uint32_t *idx, uint32_t n, double p, bool desc, wr_type t) {
    double r = p * (n - 1);
    uint32_t lo = (uint32_t)floor(r), hi = (uint32_t)ceil(r);
    double a = as_double(d, idx[desc ? n - 1 - lo : lo], t), b = as_double(d, idx[desc ? n - 1 - hi : hi], t);
    if (lo == hi || a == b) return a;
    return a + (b - a) * (r - lo);
}

static void check_percentile(const char *name, wr_type t, fx_form form, bool desc, bool distinct) {
    static const double ps[] = {0, 1, 0.5, 0.25, 0.9, 0.999, 0.1};
    uint64_t failed[FX_FAILED_WORDS];
    fx_data *d = fx_make(1 + (uint32_t)fx_below(400), 6, &t, 1, form, fx_below(2));
    wr_agg_call c = fx_call(name, &t, 1);
    double p = strcmp(name, "MEDIAN") == 0 ? 0.5 : ps[fx_below(WR_LEN(ps))];
    c.param = (wr_value){.f64 = p};
    c.desc = desc;
    c.distinct = distinct;
    cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
    wr_batch *out = fx_check_ways(&c, d, 5, 0, failed);
    sorting = d;
    bool disc = strstr(name, "DISC") != NULL;
    cr_assert_eq(c.type.kind, disc ? t.kind : WR_T_DOUBLE);
    for (uint32_t g = 1; g <= 6; g++) {
        uint32_t idx[500], n = 0, kept = 0;
        for (uint32_t i = 0; i < d->n; i++)
            if (d->rows[i].gid == g && !d->rows[i].null[0]) idx[n++] = i;
        qsort(idx, n, sizeof *idx, first_value_order);
        for (uint32_t i = 0; i < n; i++) {
            const wr_value *a = &d->rows[idx[i]].v[0], *b = kept ? &d->rows[idx[kept - 1]].v[0] : a;
            bool same =
                kept && (value_order(d->phys[0], a, b) == 0 || (d->phys[0] == WR_F64 && a->f64 == b->f64));
            if (!distinct || !same) idx[kept++] = idx[i];
        }
        n = kept;
        const wr_col *col = &out->cols[0];
        cr_assert_eq(wr_is_null(col, g - 1), n == 0);
        if (n == 0) continue;
        if (disc) {
            uint32_t at = p * n <= 1 ? 0 : (uint32_t)ceil(p * n) - 1;
            cr_assert(distinct || is_value(col, g - 1, &d->rows[idx[desc ? n - 1 - at : at]].v[0]));
        } else {
            double want = cont_of(d, idx, n, p, desc, t), got = col->f64[g - 1];
            double size = fabs(want) + 1e-300;
            if (form != FX_SPECIAL) cr_assert_leq(fabs(got - want), size * 1e-9, "%s %g %g", name, got, want);
        }
    }
    wr_batch_drop(out);
    fx_free(d);
}

Test(aggs_order, percentiles) {
    static const char *const names[] = {"MEDIAN", "PERCENTILE_CONT", "PERCENTILE_DISC"};
    wr_type types[] = {T(WR_T_BIGINT), T(WR_T_DOUBLE), {.kind = WR_T_DECIMAL, .prec = 18, .scale = 2}};
    for (uint32_t k = 0; k < 108; k++) {
        fx_seed(k + 1);
        check_percentile(names[k % 3], types[k / 3 % 3], (fx_form)(k / 9 % 3), k / 27 % 2, k / 54);
    }
    check_percentile("PERCENTILE_DISC", T(WR_T_TIMESTAMP), FX_WIDE, false, false);
    for (uint32_t k = 0; k < 12; k++) /* DISTINCT and DESC, too */
        check_percentile("PERCENTILE_DISC", T(k % 6 ? WR_T_VARCHAR : WR_T_VARBINARY), (fx_form)(k % 3),
                         k / 3 % 2, k / 6);
}

/* 0.07 * 100 is a little more than 7 in binary; the seventh of 100 values is meant. */
Test(aggs_order, fractions_of_whole_numbers) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_BIGINT);
    static const char *const names[] = {"PERCENTILE_DISC", "PERCENTILE_CONT", "APPROX_PERCENTILE"};
    fx_data *d = fx_make(101, 1, &t, 1, FX_SMALL, false);
    for (uint32_t i = 0; i < d->n; i++) d->rows[i].v[0].i64 = i;
    for (uint32_t percent = 0; percent <= 100; percent++)
        for (uint32_t k = 0; k < 3; k++) {
            d->n = k == 1 ? 101 : 100;
            wr_agg_call c = fx_call(names[k], &t, 1);
            c.param = (wr_value){.f64 = percent / 100.0};
            cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
            wr_batch *out = fx_run(&c, d, 0, failed);
            double want = k == 1 ? percent : percent ? percent - 1 : 0;
            double got = k ? out->cols[0].f64[0] : (double)out->cols[0].i64[0];
            cr_expect_leq(fabs(got - want), k == 2 ? 0.0100001 * want : 0, "%s %u %g", names[k], percent,
                          got);
            wr_batch_drop(out);
        }
    d->n = 101;
    fx_free(d);
}

Test(aggs_order, fractions_are_checked) {
    wr_type t = T(WR_T_DOUBLE);
    static const double bad[] = {-0.01, 1.01, (double)NAN};
    static const char *const names[] = {"PERCENTILE_CONT", "PERCENTILE_DISC", "APPROX_PERCENTILE"};
    for (uint32_t k = 0; k < 12; k++) {
        wr_agg_call c = fx_call(names[k % 3], &t, 1);
        if (k / 3 < 3) c.param = (wr_value){.f64 = bad[k / 3]};
        wr_err err = {0};
        cr_assert_eq(c.def->bind(&c, &err), WR_ESQL);
        cr_assert(strstr(err.msg, "fraction"), "%s", err.msg);
    }
}

/* Inputs that make simple quicksorts slow or wrong: sorted, equal, saw, organ pipe. */
Test(aggs_order, sorting_of_many) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_type t = T(WR_T_BIGINT);
    enum { N = 60000 };
    for (int shape = 0; shape < 6; shape++) {
        fx_data *d = fx_make(N, 1, &t, 1, FX_WIDE, false);
        for (int i = 0; i < N; i++) {
            fx_row *r = &d->rows[i];
            r->split = 0;
            r->pos = i;
            if (shape == 0) r->v[0].i64 = i;
            if (shape == 1) r->v[0].i64 = N - i;
            if (shape == 2) r->v[0].i64 = 7;
            if (shape == 3) r->v[0].i64 = i % 17;
            if (shape == 4) r->v[0].i64 = i < N / 2 ? i : N - i;
        }
        wr_agg_call c = fx_call("PERCENTILE_DISC", &t, 1);
        c.param = (wr_value){.f64 = 0.3};
        cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
        wr_batch *out = fx_run(&c, d, 0, failed);
        int64_t got = out->cols[0].i64[0];
        uint32_t below = 0, at_most = 0;
        for (int i = 0; i < N; i++) {
            below += d->rows[i].v[0].i64 < got;
            at_most += d->rows[i].v[0].i64 <= got;
        }
        cr_assert(below < 0.3 * N && at_most >= 0.3 * N, "shape %d", shape);
        wr_batch_drop(out);
        fx_free(d);
    }
}
