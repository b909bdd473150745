/* bench/aggs.c -- ns per row of the group table and of the aggregates' kernels, columns in cache.
 *
 * Build: make BUILD=release build/release/libweir.a, then see the first line of the output of
 * `make bench-aggs`. Each figure is the best of ROUNDS rounds over rows already decoded. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

enum key_form { KEY_I64, KEY_INLINE, KEY_LONG, KEY_CODES, KEY_TWO, N_FORMS };
static const char *const form_names[N_FORMS] = {"BIGINT", "VARCHAR inline", "VARCHAR long", "VARCHAR codes",
                                                "BIGINT + VARCHAR"};

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
    uint32_t cols[2] = {0, 1}, *gids = malloc(ROWS * sizeof *gids), n_cols = form == KEY_TWO ? 2 : 1;
    wr_dict *d = form == KEY_CODES ? wr_dict_new() : NULL;
    for (uint32_t i = 0, code; d && i < n_keys; i++) {
        char buf[16];
        wr_str s = wr_str_make(buf, (size_t)snprintf(buf, sizeof buf, "u%07u", i));
        must(wr_dict_add(d, &s, &code) == WR_OK);
    }
    for (int j = 0; j < BATCHES; j++) {
        must(wr_batch_new(n_cols, ROWS, &b[j], NULL) == WR_OK);
        fill_key(b[j], 0, form == KEY_I64 || form == KEY_TWO, form == KEY_LONG, d, n_keys);
        if (form == KEY_TWO) fill_key(b[j], 1, false, false, NULL, 1);
        must((hash[j] = malloc(ROWS * sizeof **hash)) != NULL);
    }
    wr_phys phys[2] = {b[0]->cols[0].phys, WR_STR};
    wri_groups *g = wri_groups_new(phys, n_cols, 32);
    double best = 1e9, best_hash = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        double t0 = now_ns();
        if (form != KEY_CODES)
            for (int j = 0; j < BATCHES; j++) wr_batch_hash(b[j], cols, n_cols, hash[j]);
        double t1 = now_ns();
        for (int j = 0; j < BATCHES; j++)
            must(wri_groups_find(g, b[j], cols, form == KEY_CODES ? NULL : hash[j], gids, NULL) == WR_OK);
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
    free(gids);
    wri_groups_free(g);
}

int main(void) {
    static const uint32_t sizes[] = {10, 1000, 100000};
    printf("group table, find of known keys\n");
    for (int f = 0; f < N_FORMS; f++)
        for (size_t i = 0; i < WR_LEN(sizes); i++) bench_table((enum key_form)f, sizes[i]);
    return 0;
}
