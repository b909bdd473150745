/* Combining states equals folding all rows into one, for every aggregate; and what combine may not do. */
#include "aggs_fixture.h"

static wr_type T(wr_kind k) { return wr_type_of(k); }

#define TABLES 5
#define GROUPS 6

static const wr_kind kinds[] = {WR_T_BIGINT,  WR_T_DOUBLE,  WR_T_VARCHAR,
                                WR_T_BOOLEAN, WR_T_DECIMAL, WR_T_TIMESTAMP};

/* Every aggregate with every argument type it takes, plain and DISTINCT. */
static void for_each_call(void (*fn)(const wr_agg_call *call, const wr_type *types)) {
    for (size_t i = 0; i < wr_n_builtin_aggs; i++) {
        uint32_t calls = 0;
        for (uint32_t k = 0; k < WR_LEN(kinds) * 2; k++) {
            const wr_agg_def *def = wr_builtin_aggs[i];
            wr_type t[2] = {T(kinds[k / 2]), T(kinds[(k / 2 + i) % WR_LEN(kinds)])};
            wr_agg_call c = fx_call(def->name, t, def->max_args);
            c.distinct = k % 2;
            if (def->takes_param && strstr(def->signature, "fraction")) c.param = (wr_value){.f64 = 0.5};
            if (def->bind(&c, NULL) != WR_OK) continue;
            if (k % 2 && !c.distinct) continue; /* DISTINCT says nothing here */
            fn(&c, t);
            calls++;
        }
        cr_assert_gt(calls, 0, "%s was not tried", wr_builtin_aggs[i]->name);
    }
}

static wr_status combine_tables(const wr_agg_call *call, fx_table *into, const fx_table *from) {
    for (uint32_t g = 1; g <= GROUPS; g++) {
        wr_status s =
            wri_agg_combine(call, into->states + g * into->stride, from->states + g * from->stride, NULL);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

static bool same(const wr_agg_call *call, const wr_col *a, const wr_col *b, uint32_t i) {
    if (fx_same(a, b, i)) return true;
    if (wr_type_phys(call->type) != WR_F64 || wr_is_null(a, i) || wr_is_null(b, i)) return false;
    double x = a->f64[i], y = b->f64[i]; /* sums of doubles are rounded in the last place */
    return (isnan(x) && isnan(y)) || fabs(x - y) <= 1e-12 * fmax(fabs(x), fabs(y));
}

static void assert_same(const wr_agg_call *call, fx_table *got, const wr_batch *want,
                        const uint64_t *want_failed) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_status s;
    wr_batch *out = fx_finish(call, got, failed, &s);
    cr_assert_eq(s, WR_OK);
    for (uint32_t i = 0; i < GROUPS; i++) {
        cr_assert(same(call, &out->cols[0], &want->cols[0], i), "%s%s of %s: group %u", call->def->name,
                  call->distinct ? " DISTINCT" : "", wr_kind_name((wr_kind)call->arg_types[0].kind), i + 1);
        cr_assert_eq(wr_bit(failed, i), wr_bit(want_failed, i), "%s", call->def->name);
    }
    wr_batch_drop(out);
}

/* One table with all rows, and TABLES with some each; one of those may get none. */
static void spread(const wr_agg_call *call, const fx_data *d, fx_table *all, fx_table *some) {
    *all = fx_table_new(call, GROUPS);
    for (uint32_t k = 0; k < TABLES; k++) some[k] = fx_table_new(call, GROUPS);
    for (uint32_t i = 0; i < d->n; i++) {
        cr_assert_eq(fx_update(call, all, d, i, 1), WR_OK);
        cr_assert_eq(fx_update(call, &some[fx_below(TABLES - 1)], d, i, 1), WR_OK);
    }
}

/* Sums of huge doubles cancel to nothing, or overflow on the way, as the order has it. */
static bool adds_up(const wr_agg_call *call) {
    static const char *const names[] = {"SUM", "AVG", "VAR", "STDDEV", "KDA_AVG", "EXP_AVG"};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (strncmp(call->def->name, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static void equals_folding(const wr_agg_call *call, const wr_type *types) {
    uint64_t failed[FX_FAILED_WORDS], from_failed[FX_FAILED_WORDS];
    for (uint32_t k = 0; k < 12; k++) {
        fx_form form = types[0].kind == WR_T_BOOLEAN ? FX_BOOL : (fx_form)(k % 3);
        if (adds_up(call) && wr_type_phys(types[0]) == WR_F64) form = FX_SMALL;
        fx_data *d = fx_make((uint32_t)fx_below(120), GROUPS, types, call->n_args, form, k & 1);
        fx_table all, some[TABLES];
        wr_status s;
        spread(call, d, &all, some);
        wr_batch *want = fx_finish(call, &all, failed, &s);
        cr_assert_eq(s, WR_OK);
        for (uint32_t n = TABLES; n > 1; n--) { /* a random tree: two are taken, one goes */
            uint32_t from = (uint32_t)fx_below(n), into = (from + 1 + (uint32_t)fx_below(n - 1)) % n;
            wr_batch *before = fx_finish(call, &some[from], from_failed, &s);
            cr_assert_eq(combine_tables(call, &some[into], &some[from]), WR_OK);
            assert_same(call, &some[from], before, from_failed); /* `from` stays as it is */
            wr_batch_drop(before);
            fx_table_free(call, &some[from]); /* `into` must own what it needs */
            some[from] = some[n - 1];
        }
        assert_same(call, &some[0], want, failed);
        /* Both go on taking rows. */
        for (uint32_t i = 0; i < d->n; i++) {
            cr_assert_eq(fx_update(call, &all, d, i, 1), WR_OK);
            cr_assert_eq(fx_update(call, &some[0], d, i, 1), WR_OK);
        }
        wr_batch_drop(want);
        want = fx_finish(call, &all, failed, &s);
        assert_same(call, &some[0], want, failed);
        wr_batch_drop(want);
        fx_table_free(call, &all);
        fx_table_free(call, &some[0]);
        fx_free(d);
    }
}

Test(aggs_combine, equals_folding) {
    fx_seed(31);
    for_each_call(equals_folding);
}

/* Every allocation may fail; both states stay whole. */
static void out_of_memory(const wr_agg_call *call, const wr_type *types) {
    fx_data *d =
        fx_make(60, GROUPS, types, call->n_args, types[0].kind == WR_T_BOOLEAN ? FX_BOOL : FX_WIDE, true);
    for (uint64_t n = 1;; n++) {
        fx_table all, some[TABLES];
        uint64_t failed[FX_FAILED_WORDS];
        wr_status s;
        spread(call, d, &all, some);
        wr_batch *from = fx_finish(call, &some[1], failed, &s);
        wr_mem_fail_at(n);
        s = combine_tables(call, &some[0], &some[1]);
        wr_mem_fail_at(0);
        cr_assert(s == WR_OK || s == WR_ENOMEM, "%s: %d", call->def->name, s);
        assert_same(call, &some[1], from, failed);
        wr_batch_drop(from);
        wr_status read;
        wr_batch_drop(fx_finish(call, &some[0], failed, &read));
        cr_assert_eq(read, WR_OK);
        fx_table_free(call, &all);
        for (uint32_t k = 0; k < TABLES; k++) fx_table_free(call, &some[k]);
        if (s == WR_OK) break;
    }
    fx_free(d);
}

Test(aggs_combine, out_of_memory) {
    fx_seed(32);
    for_each_call(out_of_memory);
}
