/* Damaged partial states are refused or harmless; every allocation may fail. Run under ASan. */
#include "aggs_fixture.h"

static wr_type T(wr_kind k) { return wr_type_of(k); }

/* Every aggregate with every argument type it takes, plain and DISTINCT. */
typedef void visit(const wr_agg_call *call, const wr_type *types);

static void for_each_call(visit *fn) {
    static const wr_kind kinds[] = {WR_T_BIGINT, WR_T_DOUBLE, WR_T_VARCHAR, WR_T_BOOLEAN};
    uint32_t calls = 0;
    for (size_t i = 0; i < wr_n_builtin_aggs; i++)
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
    cr_assert_gt(calls, 60);
}

/* ---- damage ---- */

/* Merges the partials into an empty table, reads that, and frees it. */
static void merge_and_read(const wr_agg_call *call, const wr_batch *p, uint32_t n_groups) {
    uint64_t failed[FX_FAILED_WORDS];
    fx_table t = fx_table_new(call, n_groups);
    wr_status s = fx_merge(call, &t, p);
    cr_assert(s == WR_OK || s == WR_EDATA, "%s: %d", call->def->name, s);
    wr_batch *out = fx_finish(call, &t, failed, &s), *again;
    cr_assert_eq(s, WR_OK);
    wr_batch_drop(out);
    again = fx_partial(call, &t, &s);
    cr_assert_eq(s, WR_OK);
    wr_batch_drop(again);
    fx_table_free(call, &t);
}

static void damage_value(const wr_agg_call *call, wr_batch *p, wr_col *c, uint32_t i, uint32_t n_groups) {
    wr_str whole = c->str[i];
    char *copy = malloc(whole.len + 1);
    uint32_t step = whole.len > 400 ? whole.len / 97 : 1;
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x40};
    for (uint32_t at = 0; at < whole.len; at += step) {
        for (uint32_t f = 0; f < WR_LEN(flips); f++) {
            memcpy(copy, wr_str_data(&whole), whole.len);
            copy[at] = (char)(copy[at] ^ flips[f]);
            c->str[i] = wr_str_make(copy, whole.len);
            merge_and_read(call, p, n_groups);
        }
        char *cut = malloc(at ? at : 1); /* of that length, so that ASan sees a read behind it */
        memcpy(cut, wr_str_data(&whole), at);
        c->str[i] = wr_str_make(cut, at);
        fx_table t = fx_table_new(call, n_groups);
        cr_assert_eq(fx_merge(call, &t, p), WR_EDATA, "%s: cut at %u of %u", call->def->name, at, whole.len);
        fx_table_free(call, &t);
        free(cut);
    }
    c->str[i] = whole;
    free(copy);
}

static void damage(const wr_agg_call *call, const wr_type *types) {
    fx_data *d = fx_make(30, 3, types, call->n_args, types[0].kind == WR_T_BOOLEAN ? FX_BOOL : FX_WIDE, true);
    fx_table t = fx_table_new(call, 3);
    for (uint32_t i = 0; i < d->n; i++) cr_assert_eq(fx_update(call, &t, d, i, 1), WR_OK);
    wr_status s;
    wr_batch *p = fx_partial(call, &t, &s);
    cr_assert_eq(s, WR_OK);
    for (uint32_t k = 0; k < call->n_partials; k++) {
        wr_col *c = &p->cols[k + 1];
        bool bytes = call->partials[k].kind == WR_T_VARBINARY && types[0].kind != WR_T_VARBINARY;
        if (bytes) {
            damage_value(call, p, c, 0, 3);
            continue;
        }
        if (c->phys == WR_STR) continue; /* a value of its own: nothing to damage */
        for (uint32_t b = 0; b < 64; b++) {
            c->i64[0] ^= (int64_t)(UINT64_C(1) << b);
            merge_and_read(call, p, 3);
            c->i64[0] ^= (int64_t)(UINT64_C(1) << b);
        }
        int64_t was = c->i64[0];
        static const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 0};
        for (uint32_t e = 0; e < WR_LEN(extremes); e++) {
            c->i64[0] = extremes[e];
            merge_and_read(call, p, 3);
        }
        c->i64[0] = was;
    }
    wr_batch_drop(p);
    fx_table_free(call, &t);
    fx_free(d);
}

Test(aggs_bytes, damage) {
    fx_seed(11);
    for_each_call(damage);
}

/* The dense form of APPROX_COUNT_DISTINCT, and large sets. */
static void damage_large(const char *name, wr_kind kind, bool distinct, uint32_t n) {
    wr_type t = T(kind);
    fx_data *d = fx_make(n, 1, &t, 1, FX_WIDE, false);
    wr_agg_call c = fx_call(name, &t, 1);
    c.distinct = distinct;
    c.param = (wr_value){.f64 = 0.5};
    if (strcmp(name, "LISTAGG") == 0) c.param.null = true;
    cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
    fx_table table = fx_table_new(&c, 1);
    for (uint32_t i = 0; i < n; i++) cr_assert_eq(fx_update(&c, &table, d, i, 1), WR_OK);
    wr_status s;
    wr_batch *p = fx_partial(&c, &table, &s);
    damage_value(&c, p, &p->cols[1], 0, 1);
    wr_batch_drop(p);
    fx_table_free(&c, &table);
    fx_free(d);
}

Test(aggs_bytes, damage_of_large_states) {
    fx_seed(12);
    damage_large("APPROX_COUNT_DISTINCT", WR_T_BIGINT, false, 3000);
    damage_large("APPROX_COUNT_DISTINCT", WR_T_BIGINT, false, 900);
    damage_large("APPROX_PERCENTILE", WR_T_DOUBLE, false, 800);
    damage_large("COUNT", WR_T_BIGINT, true, 500);
    damage_large("COUNT", WR_T_VARCHAR, true, 500);
    damage_large("LISTAGG", WR_T_VARCHAR, false, 200);
}

static void random_bytes(const wr_agg_call *call, const wr_type *types) {
    (void)types;
    if (call->n_partials != 1 || call->partials[0].kind != WR_T_VARBINARY) return;
    static const char tags[] = "KSVDHRL";
    wr_batch *p;
    cr_assert_eq(wr_batch_new(2, 1, &p, NULL), WR_OK);
    cr_assert_eq(wr_batch_col(p, 1, WR_STR, NULL), WR_OK);
    p->n = 1;
    for (uint32_t k = 0; k < 300; k++) {
        uint32_t len = (uint32_t)fx_below(40);
        char *bytes = malloc(len + 1);
        for (uint32_t i = 0; i < len; i++) bytes[i] = (char)(fx_below(3) ? fx_random() % 8 : fx_random());
        if (len > 1 && k % 8) {
            bytes[0] = 1;
            bytes[1] = tags[fx_below(WR_LEN(tags) - 1)];
        }
        p->cols[1].str[0] = wr_str_make(bytes, len);
        merge_and_read(call, p, 1);
        free(bytes);
    }
    wr_batch_drop(p);
}

Test(aggs_bytes, random_bytes) {
    fx_seed(13);
    for_each_call(random_bytes);
}

/* ---- allocation failures ---- */

/* update, partial, merge, finish with allocation `at` and all later ones failing; true: nothing failed. */
static bool run_failing(const wr_agg_call *call, const fx_data *d, uint64_t at) {
    uint64_t failed[FX_FAILED_WORDS];
    fx_table a = fx_table_new(call, 4), b = fx_table_new(call, 4);
    wr_status s = WR_OK;
    wr_batch *p = NULL, *out = NULL;
    bool armed = false;
    /* The fixture's own batches must not fail, so the count goes on from one call to the next. */
    for (uint32_t i = 0; s == WR_OK && i < d->n; i++) {
        wr_batch *batch = NULL;
        cr_assert_eq(wr_batch_new(3, 1, &batch, NULL), WR_OK);
        uint32_t gid = d->rows[i].gid;
        wr_agg_in in = {.n = 1, .split = d->rows[i].split, .pos = d->rows[i].pos};
        for (uint32_t k = 0; k < d->n_args; k++) {
            cr_assert_eq(wr_batch_col(batch, k, d->phys[k], NULL), WR_OK);
            if (d->phys[k] == WR_STR) batch->cols[k].str[0] = d->rows[i].v[k].str;
            else batch->cols[k].i64[0] = d->rows[i].v[k].i64;
            in.args[k] = &batch->cols[k];
        }
        if (at == 0) armed = true;
        wr_mem_fail_at(armed ? 1 : at);
        s = call->def->update(call, &in, a.states, a.stride, &gid, NULL);
        uint64_t made = wr_mem_fail_at(0);
        at = made >= at ? 0 : at - made;
        wr_batch_drop(batch);
    }
    if (s == WR_OK) {
        wr_mem_fail_at(at ? at : 1);
        p = fx_partial(call, &a, &s);
        if (s == WR_OK) s = fx_merge(call, &b, p);
        if (s == WR_OK) out = fx_finish(call, &b, failed, &s);
        wr_mem_fail_at(0);
    }
    cr_assert(s == WR_OK || s == WR_ENOMEM, "%s: %d", call->def->name, s);
    wr_batch_drop(out);
    wr_batch_drop(p);
    fx_table_free(call, &a);
    fx_table_free(call, &b);
    return s == WR_OK;
}

static void fail_allocations(const wr_agg_call *call, const wr_type *types) {
    fx_data *d =
        fx_make(40, 4, types, call->n_args, types[0].kind == WR_T_BOOLEAN ? FX_BOOL : FX_WIDE, false);
    uint64_t at = 1;
    while (!run_failing(call, d, at)) cr_assert_lt(++at, 2000, "%s", call->def->name);
    cr_assert_gt(at, 1); /* batches at least are allocated */
    fx_free(d);
}

Test(aggs_bytes, out_of_memory) {
    fx_seed(14);
    for_each_call(fail_allocations);
}

/* From hashes to registers. */
Test(aggs_bytes, out_of_memory_at_the_change_of_form) {
    wr_type t = T(WR_T_BIGINT);
    fx_data *d = fx_make(1100, 1, &t, 1, FX_WIDE, false);
    wr_agg_call c = fx_call("APPROX_COUNT_DISTINCT", &t, 1);
    cr_assert_eq(c.def->bind(&c, NULL), WR_OK);
    uint64_t at = 1;
    while (!run_failing(&c, d, at)) cr_assert_lt(++at, 200);
    cr_assert_gt(at, 10);
    fx_free(d);
}
