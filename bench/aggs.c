/* bench/aggs.c -- ns per row of the group table and of the aggregates' kernels, columns in cache.
 *
 * Each figure is the best of ROUNDS rounds over rows already decoded. Build and run:
 *   make BUILD=release build/release/libweir.a
 *   gcc -std=gnu11 -O2 -I. bench/aggs.c build/release/libweir.a -lxxhash -lm -o build/release/bench_aggs
 *   build/release/bench_aggs */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/aggs/aggs.h"
#include "runtime/ops/group_table.h"

#define ROWS   4096
#define ROUNDS 7

static uint64_t rng = 88172645463325252ULL;
static uint64_t rnd(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void must(bool ok) {
    if (!ok) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
}

enum key_form { KEY_I64, KEY_INLINE, KEY_LONG, KEY_CODES, KEY_CODES_NULLS, KEY_TWO, KEY_TWO_CODES, N_FORMS };
static const char *const form_names[N_FORMS] = {"BIGINT",        "VARCHAR inline",   "VARCHAR long",
                                                "VARCHAR codes", "codes with NULLs", "BIGINT + VARCHAR",
                                                "two with codes"};

static void fill_key(wr_batch *b, uint32_t col, bool is_int, bool long_text, wr_dict *d, uint32_t n_keys) {
    must(wr_batch_col(b, col, is_int ? WR_I64 : WR_STR, NULL) == WR_OK);
    wr_col *c = &b->cols[col];
    if (d) must((c->codes = wr_arena_alloc(&b->arena, ROWS * sizeof *c->codes)) != NULL);
    c->dict = d;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t v = (uint32_t)(rnd() % n_keys);
        char buf[64];
        int len = snprintf(buf, sizeof buf, long_text ? "/shop/category/item-%08u" : "u%07u", v);
        if (is_int) c->i64[i] = (int64_t)v * 977;
        else if (d) {
            c->codes[i] = v;
            c->str[i] = d->values[v];
        } else must(wr_batch_str(b, buf, (size_t)len, &c->str[i], NULL) == WR_OK);
    }
    b->n = ROWS;
}

static void bench_table(enum key_form form, uint32_t n_keys) {
    enum { BATCHES = 64 };
    wr_batch *b[BATCHES];
    uint64_t *hash[BATCHES];
    uint32_t cols[2] = {0, 1}, *gids = malloc(ROWS * sizeof *gids),
             n_cols = form == KEY_TWO || form == KEY_TWO_CODES ? 2 : 1;
    bool coded = form == KEY_CODES || form == KEY_CODES_NULLS || form == KEY_TWO_CODES;
    wr_dict *d = coded ? wr_dict_new() : NULL, *small = coded ? wr_dict_new() : NULL;
    for (uint32_t i = 0, code; d && i < n_keys; i++) {
        char buf[16];
        wr_str s = wr_str_make(buf, (size_t)snprintf(buf, sizeof buf, "u%07u", i));
        must(wr_dict_add(d, &s, &code) == WR_OK);
        if (i < 20) must(wr_dict_add(small, &s, &code) == WR_OK);
    }
    for (int j = 0; j < BATCHES; j++) {
        must(wr_batch_new(n_cols, ROWS, &b[j], NULL) == WR_OK);
        fill_key(b[j], 0, form == KEY_I64 || form == KEY_TWO, form == KEY_LONG, d, n_keys);
        if (form == KEY_TWO) fill_key(b[j], 1, false, false, NULL, 1);
        if (form == KEY_TWO_CODES) fill_key(b[j], 1, false, false, small, small->n);
        if (form == KEY_CODES_NULLS) {
            must(wr_batch_nulls(b[j], &b[j]->cols[0]) != NULL);
            for (uint32_t i = 0; i < ROWS; i += 1 + (uint32_t)(rnd() % 20))
                wr_bit_set(b[j]->cols[0].nulls, i);
        }
        must((hash[j] = malloc(ROWS * sizeof **hash)) != NULL);
    }
    wr_phys phys[2] = {b[0]->cols[0].phys, WR_STR};
    wri_groups *g = wri_groups_new(phys, n_cols, 32);
    double best = 1e9, best_hash = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        double t0 = now_ns();
        if (!coded)
            for (int j = 0; j < BATCHES; j++) wr_batch_hash(b[j], cols, n_cols, hash[j]);
        double t1 = now_ns();
        for (int j = 0; j < BATCHES; j++)
            must(wri_groups_find(g, b[j], cols, coded ? NULL : hash[j], gids, NULL) == WR_OK);
        double t2 = now_ns();
        if (t2 - t1 < best) best = t2 - t1;
        if (t1 - t0 < best_hash) best_hash = t1 - t0;
    }
    printf("  %-18s %8u keys  %6.2f ns/row   (hashing %5.2f)\n", form_names[form], wri_groups_count(g),
           best / (ROWS * BATCHES), best_hash / (ROWS * BATCHES));
    for (int j = 0; j < BATCHES; j++) {
        wr_batch_drop(b[j]);
        free(hash[j]);
    }
    wr_drop(d ? &d->ref : NULL);
    wr_drop(small ? &small->ref : NULL);
    free(gids);
    wri_groups_free(g);
}

/* ---- aggregates ---- */

static const wr_agg_def *find(const char *name) {
    for (size_t i = 0; i < wr_n_builtin_aggs; i++)
        if (strcmp(wr_builtin_aggs[i]->name, name) == 0) return wr_builtin_aggs[i];
    fprintf(stderr, "bench: no aggregate %s\n", name);
    exit(1);
}

/* One column of ROWS values, one in ten NULL when asked. */
static void fill_values(wr_batch *b, uint32_t col, wr_kind kind, bool nulls) {
    wr_type t = wr_type_of(kind);
    must(wr_batch_col(b, col, wr_type_phys(t), NULL) == WR_OK);
    wr_col *c = &b->cols[col];
    if (nulls) must(wr_batch_nulls(b, c) != NULL);
    for (uint32_t i = 0; i < ROWS; i++) {
        char buf[32];
        if (c->phys == WR_F64) c->f64[i] = (double)(rnd() % 1000000) / 1000;
        else if (c->phys == WR_I64) c->i64[i] = (int64_t)(rnd() % 100000000);
        else {
            int len = snprintf(buf, sizeof buf, "u%u", (uint32_t)(rnd() % 100000));
            must(wr_batch_str(b, buf, (size_t)len, &c->str[i], NULL) == WR_OK);
        }
        if (nulls && rnd() % 10 == 0) wr_bit_set(c->nulls, i);
    }
    b->n = ROWS;
}

static void bench_agg(const char *name, wr_kind kind, bool distinct, bool nulls, uint32_t n_groups) {
    enum { BATCHES = 64, PASSES = 4 };
    const wr_agg_def *def = find(name);
    wr_agg_call call = {.def = def, .n_args = def->max_args, .distinct = distinct, .time = WR_NO_COL};
    call.arg_types[0] = call.arg_types[1] = wr_type_of(kind);
    call.param = (wr_value){.f64 = 0.99};
    must(def->bind(&call, NULL) == WR_OK);
    wr_batch *b[BATCHES];
    uint32_t *gids[BATCHES];
    for (int j = 0; j < BATCHES; j++) {
        must(wr_batch_new(2, ROWS, &b[j], NULL) == WR_OK);
        fill_values(b[j], 0, kind, nulls);
        fill_values(b[j], 1, kind, nulls);
        must((gids[j] = malloc(ROWS * sizeof **gids)) != NULL);
        for (int i = 0; i < ROWS; i++) gids[j][i] = 1 + (uint32_t)(rnd() % n_groups);
    }
    double best = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        char *states = calloc(n_groups + 1, call.state_bytes);
        must(states != NULL);
        double ns = 0;
        for (int p = 0; p < PASSES; p++) {
            double t0 = now_ns();
            for (int j = 0; j < BATCHES; j++) {
                wr_agg_in in = {.args = {&b[j]->cols[0], &b[j]->cols[1]}, .n = ROWS, .pos = j * ROWS};
                must(def->update(&call, &in, states, call.state_bytes, gids[j], NULL) == WR_OK);
            }
            double t = now_ns() - t0;
            if (p > 0) ns = ns == 0 || t < ns ? t : ns; /* the first pass meets new values */
        }
        if (ns < best) best = ns;
        for (uint32_t g = 1; g <= n_groups && def->destroy; g++)
            def->destroy(&call, states + (size_t)g * call.state_bytes);
        free(states);
    }
    printf("  %-22s %-9s%-10s%-7s %7u groups %7.2f ns/row\n", name, wr_kind_name(kind),
           distinct ? " DISTINCT" : "", nulls ? "NULLs" : "", n_groups, best / (ROWS * BATCHES));
    for (int j = 0; j < BATCHES; j++) {
        wr_batch_drop(b[j]);
        free(gids[j]);
    }
}

int main(void) {
    static const uint32_t sizes[] = {10, 1000, 100000};
    static const struct {
        const char *name;
        wr_kind kind;
        bool distinct;
    } aggs[] = {{"COUNT", WR_T_BIGINT},       {"SUM", WR_T_BIGINT},
                {"SUM", WR_T_DOUBLE},         {"AVG", WR_T_DOUBLE},
                {"MIN", WR_T_BIGINT},         {"MAX", WR_T_DOUBLE},
                {"MAX", WR_T_VARCHAR},        {"STDDEV", WR_T_BIGINT},
                {"STDDEV", WR_T_DOUBLE},      {"FIRST_VALUE", WR_T_DOUBLE},
                {"LAST_VALUE", WR_T_DOUBLE},  {"ARG_MAX", WR_T_DOUBLE},
                {"MEDIAN", WR_T_DOUBLE},      {"APPROX_PERCENTILE", WR_T_DOUBLE},
                {"COUNT", WR_T_BIGINT, true}, {"COUNT", WR_T_VARCHAR, true},
                {"BOOL_AND", WR_T_BOOLEAN},   {"APPROX_COUNT_DISTINCT", WR_T_BIGINT}};
    printf("group table, find of known keys\n");
    for (int f = 0; f < N_FORMS; f++)
        for (size_t i = 0; i < WR_LEN(sizes); i++) bench_table((enum key_form)f, sizes[i]);
    printf("aggregates, update\n");
    for (size_t k = 0; k < WR_LEN(aggs); k++) {
        bench_agg(aggs[k].name, aggs[k].kind, aggs[k].distinct, false, 1000);
        if (k < 7) bench_agg(aggs[k].name, aggs[k].kind, aggs[k].distinct, true, 1000);
        if (k < 7 || k > 12) bench_agg(aggs[k].name, aggs[k].kind, aggs[k].distinct, false, 4);
    }
    return 0;
}
