/* The group table against a naive list of keys. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/ops/group_table.h"
#include "tests/unit/random.h"

/* ---- random batches ---- */
static wr_str text_of(wr_batch *b, uint64_t v) {
    char buf[200];
    /* Of 0..180 bytes; equal prefixes, inline and long ones, some that differ only at the end. */
    int n = snprintf(buf, sizeof buf, "%.*s%llu", (int)(v % 3 * 60),
                     "a long common prefix that makes views point at their bytes, and goes on and on and on, "
                     "beyond any block of a hash function, up to here.......................",
                     (unsigned long long)v);
    if (v % 7 == 0) n = 0;
    wr_str s;
    cr_assert_eq(wr_batch_str(b, buf, (size_t)n, &s, NULL), WR_OK);
    return s;
}

static double float_of(uint64_t v) {
    switch (v % 5) {
    case 0:
        return v % 2 ? 0.0 : -0.0;
    case 1:
        return v % 2 ? NAN : -NAN;
    default:
        return (double)v / 4;
    }
}

static wr_batch *random_batch(const wr_phys *phys, uint32_t n_keys, uint32_t n, uint64_t range, bool nulls) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(n_keys, n ? n : 1, &b, NULL), WR_OK);
    b->n = n;
    for (uint32_t k = 0; k < n_keys; k++) {
        cr_assert_eq(wr_batch_col(b, k, phys[k], NULL), WR_OK);
        wr_col *c = &b->cols[k];
        bool with_nulls = nulls && rnd() % 2;
        if (with_nulls) wr_batch_nulls(b, c);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t v = rnd() % range;
            bool null = with_nulls && rnd() % 4 == 0;
            if (null) wr_bit_set(c->nulls, i);
            if (phys[k] == WR_I64) c->i64[i] = null ? 0 : (int64_t)v - 3;
            else if (phys[k] == WR_F64) c->f64[i] = null ? 0 : float_of(v);
            else c->str[i] = null ? wr_str_make("", 0) : text_of(b, v);
        }
    }
    return b;
}

/* A key as bytes that are equal exactly when the keys are. */
static char *key_text(const wr_batch *b, const uint32_t *cols, uint32_t n_keys, uint32_t row, size_t *np) {
    wr_buf out = {0};
    for (uint32_t k = 0; k < n_keys; k++) {
        const wr_col *c = &b->cols[cols[k]];
        wr_status s;
        if (wr_is_null(c, row)) s = wr_buf_puts(&out, "null;");
        else if (c->phys == WR_I64) s = wr_buf_printf(&out, "i%lld;", (long long)c->i64[row]);
        else if (c->phys == WR_F64)
            s = c->f64[row] != c->f64[row] ? wr_buf_puts(&out, "nan;")
                                           : wr_buf_printf(&out, "f%a;", c->f64[row] == 0 ? 0 : c->f64[row]);
        else {
            s = wr_buf_printf(&out, "s%u:", c->str[row].len);
            cr_assert_eq(wr_buf_put(&out, wr_str_data(&c->str[row]), c->str[row].len), WR_OK);
        }
        cr_assert_eq(s, WR_OK);
    }
    cr_assert_eq(wr_buf_reserve(&out, 1), WR_OK);
    *np = out.len;
    return out.data;
}

typedef struct naive {
    uint32_t n;
    char *keys[4096];
    size_t lens[4096];
} naive;

static uint32_t naive_find(naive *m, const wr_batch *b, const uint32_t *cols, uint32_t n_keys, uint32_t row) {
    size_t n;
    char *key = key_text(b, cols, n_keys, row, &n);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->lens[i] == n && memcmp(m->keys[i], key, n) == 0) {
            wr_free(key);
            return i + 1;
        }
    cr_assert_lt(m->n, 4096);
    m->keys[m->n] = key;
    m->lens[m->n] = n;
    return ++m->n;
}

static void naive_clear(naive *m) {
    for (uint32_t i = 0; i < m->n; i++) wr_free(m->keys[i]);
    m->n = 0;
}

/* The keys that the table gives back are those it was given, and hash alike. */
static void check_emit(wri_groups *g, const naive *m, const wr_phys *phys, uint32_t n_keys) {
    uint32_t n = wri_groups_count(g), *gids = malloc((n + 1) * sizeof *gids);
    uint32_t cols[8], *order = malloc((n + 1) * sizeof *order);
    uint64_t *hash = malloc((n + 1) * sizeof *hash);
    for (uint32_t i = 0; i < n; i++) gids[i] = n - i;
    wr_batch *out;
    cr_assert_eq(wr_batch_new(n_keys + 1, n + 1, &out, NULL), WR_OK);
    cr_assert_eq(wri_groups_emit_keys(g, gids, n, out, 1, NULL), WR_OK);
    out->n = n;
    for (uint32_t k = 0; k < n_keys; k++) {
        cols[k] = k + 1;
        cr_assert_eq(out->cols[k + 1].phys, phys[k]);
    }
    wr_batch_hash(out, cols, n_keys, hash);
    for (uint32_t i = 0; i < n; i++) {
        size_t len;
        char *key = key_text(out, cols, n_keys, i, &len);
        cr_assert_eq(len, m->lens[gids[i] - 1]);
        cr_assert_arr_eq(key, m->keys[gids[i] - 1], len);
        cr_assert_eq(hash[i], wri_groups_hashes(g)[gids[i]]);
        wr_free(key);
    }
    wr_batch_drop(out);
    free(gids);
    free(order);
    free(hash);
}

/* Every state row holds its own id + 1, or zero when new; group 0 is zero too. */
static void check_states(wri_groups *g, uint32_t known) {
    char *s = wri_groups_states(g);
    for (uint32_t i = 0; i <= wri_groups_count(g); i++) {
        uint64_t *v = (uint64_t *)(s + i * wri_groups_stride(g));
        cr_assert_eq(v[0], i == 0 || i > known ? 0 : i + 1, "group %u", i);
        cr_assert_eq(v[1], 0);
        if (i) v[0] = i + 1;
    }
}

static void run(const wr_phys *phys, uint32_t n_keys, uint64_t range, bool nulls) {
    wri_groups *g = wri_groups_new(phys, n_keys, 13);
    cr_assert_eq(wri_groups_stride(g), 16);
    static naive m;
    uint32_t cols[8];
    for (uint32_t k = 0; k < n_keys; k++) cols[k] = k;
    for (int round = 0; round < 12; round++) {
        uint32_t n = round == 3 ? 0 : (uint32_t)(rnd() % 1400), known = wri_groups_count(g);
        wr_batch *b = random_batch(phys, n_keys, n, range, nulls);
        uint64_t *hash = malloc((n + 1) * sizeof *hash);
        uint32_t *gids = malloc((n + 1) * sizeof *gids), *idx = malloc((n + 1) * sizeof *idx), n_idx = 0;
        wr_batch_hash(b, cols, n_keys, hash);
        for (uint32_t i = 0; i < n; i++)
            if (round % 3 || rnd() % 2) idx[n_idx++] = i;
        const uint64_t *h = round % 2 ? hash : NULL;
        if (round % 3) cr_assert_eq(wri_groups_find(g, b, cols, h, gids, NULL), WR_OK);
        else {
            wri_group_rows rows = {.b = b, .key_cols = cols, .hash = h, .idx = idx, .n = n_idx};
            cr_assert_eq(wri_groups_find_rows(g, &rows, gids, NULL), WR_OK);
        }
        for (uint32_t i = 0; i < n_idx; i++)
            cr_assert_eq(gids[i], naive_find(&m, b, cols, n_keys, idx[i]), "round %d row %u", round, i);
        cr_assert_eq(wri_groups_count(g), m.n);
        wr_batch_drop(b); /* the table must not look at it any more */
        check_states(g, known);
        check_emit(g, &m, phys, n_keys);
        cr_assert_gt(wri_groups_bytes(g), 0);
        free(hash);
        free(gids);
        free(idx);
        if (round == 5 || round == 8) {
            wri_groups_reset(g);
            naive_clear(&m);
            cr_assert_eq(wri_groups_count(g), 0);
        }
    }
    naive_clear(&m);
    wri_groups_free(g);
}

Test(group_table, against_naive) {
    for (uint32_t seed = 1; seed <= 60; seed++) {
        rng = seed * 7919;
        wr_phys phys[5];
        uint32_t n_keys = seed % 5;
        for (uint32_t k = 0; k < n_keys; k++) phys[k] = (wr_phys)(rnd() % 3);
        run(phys, n_keys, 1 + rnd() % (n_keys > 1 ? 5 : 150), seed % 3 != 0);
    }
}

/* One table per case, each with its single kind of key, many keys. */
Test(group_table, one_key_each_kind) {
    for (int p = 0; p < 3; p++) {
        wr_phys phys[1] = {(wr_phys)p};
        rng = 99 + (uint64_t)p;
        run(phys, 1, 900, false);
        run(phys, 1, 900, true);
    }
}

/* Column col: texts with codes of d, which learns what it has not got. */
static void coded_column(wr_dict *d, wr_batch *b, uint32_t col, uint32_t n, uint32_t range, bool nulls) {
    cr_assert_eq(wr_batch_col(b, col, WR_STR, NULL), WR_OK);
    wr_col *c = &b->cols[col];
    c->codes = wr_arena_alloc(&b->arena, (n + 1) * sizeof *c->codes);
    c->dict = d;
    cr_assert_eq(wr_batch_keep(b, &d->ref, NULL), WR_OK);
    if (nulls) wr_batch_nulls(b, c);
    for (uint32_t i = 0; i < n; i++) {
        wr_str s = text_of(b, rnd() % range * 3 + 1);
        uint32_t code = 0;
        while (code < d->n && !wr_str_eq(&d->values[code], &s)) code++;
        if (code == d->n) cr_assert_eq(wr_dict_add(d, &s, &code), WR_OK);
        c->codes[i] = code;
        c->str[i] = s;
        if (nulls && rnd() % 3 == 0) {
            wr_bit_set(c->nulls, i);
            c->codes[i] = UINT32_MAX;
            c->str[i] = wr_str_make("", 0);
        }
    }
    b->n = n;
}

/* Dictionaries grow, change and are freed between batches; some batches have no codes. */
static void run_coded(uint32_t n_keys) {
    wr_phys phys[3] = {WR_STR, WR_STR, WR_STR};
    wri_groups *g = wri_groups_new(phys, n_keys, 8);
    static naive m;
    uint32_t cols[3] = {0, 1, 2}, gids[600], idx[600];
    uint64_t hash[600];
    wr_dict *d[3] = {wr_dict_new(), wr_dict_new(), wr_dict_new()};
    for (int round = 0; round < 20; round++) {
        wr_batch *b;
        uint32_t n = (uint32_t)(rnd() % 600), n_idx = 0;
        for (uint32_t k = 0; k < n_keys; k++)
            if (rnd() % 6 == 0) {
                wr_drop(&d[k]->ref);
                d[k] = wr_dict_new();
            }
        uint32_t range = n_keys == 1 ? 1 + (uint32_t)round * 10 : 2 + (uint32_t)round / 5;
        if (rnd() % 4) {
            cr_assert_eq(wr_batch_new(n_keys, n + 1, &b, NULL), WR_OK);
            for (uint32_t k = 0; k < n_keys; k++) coded_column(d[k], b, k, n, range, rnd() % 2);
        } else b = random_batch(phys, n_keys, n, range, true);
        wr_batch_hash(b, cols, n_keys, hash);
        for (uint32_t i = 0; i < n; i++)
            if (round % 2 || rnd() % 2) idx[n_idx++] = i;
        wri_group_rows rows = {.b = b, .key_cols = cols, .idx = round % 2 ? NULL : idx, .n = n_idx};
        if (rnd() % 2) rows.hash = hash;
        cr_assert_eq(wri_groups_find_rows(g, &rows, gids, NULL), WR_OK);
        for (uint32_t i = 0; i < n_idx; i++) cr_assert_eq(gids[i], naive_find(&m, b, cols, n_keys, idx[i]));
        wr_batch_drop(b);
        check_emit(g, &m, phys, n_keys);
        if (round == 12) {
            wri_groups_reset(g);
            naive_clear(&m);
        }
    }
    for (uint32_t k = 0; k < 3; k++) wr_drop(&d[k]->ref);
    naive_clear(&m);
    wri_groups_free(g);
}

Test(group_table, dictionary_codes) {
    for (uint32_t seed = 1; seed <= 60; seed++) {
        rng = seed * 104729;
        run_coded(1 + seed % 3);
    }
}

/* Two million keys, twice; hashes that all fall on few places of the table. */
Test(group_table, millions) {
    wr_phys phys[1] = {WR_I64};
    wri_groups *g = wri_groups_new(phys, 1, 8);
    enum { N = 4096, ROUNDS = 500 };
    uint32_t cols[1] = {0}, *gids = malloc(N * sizeof *gids);
    for (int pass = 0; pass < 2; pass++)
        for (int r = 0; r < ROUNDS; r++) {
            wr_batch *b;
            cr_assert_eq(wr_batch_new(1, N, &b, NULL), WR_OK);
            cr_assert_eq(wr_batch_col(b, 0, WR_I64, NULL), WR_OK);
            b->n = N;
            for (int i = 0; i < N; i++) b->cols[0].i64[i] = (int64_t)(r * N + i) << 20;
            cr_assert_eq(wri_groups_find(g, b, cols, NULL, gids, NULL), WR_OK);
            for (int i = 0; i < N; i++) cr_assert_eq(gids[i], (uint32_t)(r * N + i + 1));
            wr_batch_drop(b);
        }
    cr_assert_eq(wri_groups_count(g), N * ROUNDS);
    wri_groups_free(g);
    free(gids);
}

/* Equal hashes of unequal keys are told apart, NULLs too. */
Test(group_table, equal_hashes) {
    wr_phys phys[2] = {WR_I64, WR_STR};
    for (uint32_t seed = 1; seed <= 12; seed++) {
        rng = seed * 31;
        wri_groups *g = wri_groups_new(phys, 2, 0);
        uint64_t hash[300] = {0};
        uint32_t cols[2] = {0, 1}, gids[300];
        static naive m;
        for (int round = 0; round < 2; round++) {
            wr_batch *b = random_batch(phys, 2, 300, 5, true);
            cr_assert_eq(wri_groups_find(g, b, cols, hash, gids, NULL), WR_OK);
            for (uint32_t i = 0; i < 300; i++) cr_assert_eq(gids[i], naive_find(&m, b, cols, 2, i));
            wr_batch_drop(b);
        }
        naive_clear(&m);
        wri_groups_free(g);
    }
}

/* Whatever allocation fails: a clean error, a table that then works. */
Test(group_table, out_of_memory) {
    wr_phys phys[3] = {WR_STR, WR_F64, WR_STR};
    uint32_t cols[3] = {0, 1, 2}, gids[300];
    static naive m;
    bool done = false;
    for (uint64_t at = 1; !done && at < 500; at++) {
        rng = 77;
        wr_batch *b = random_batch(phys, 3, 300, 6, true);
        wr_mem_fail_at(at);
        wri_groups *g = wri_groups_new(phys, 3, 24);
        wr_status s = g ? wri_groups_find(g, b, cols, NULL, gids, NULL) : WR_ENOMEM;
        wr_mem_fail_at(0);
        done = s == WR_OK;
        cr_assert(done || s == WR_ENOMEM);
        if (g) {
            cr_assert_eq(wri_groups_find(g, b, cols, NULL, gids, NULL), WR_OK);
            for (uint32_t i = 0; i < 300; i++) cr_assert_eq(gids[i], naive_find(&m, b, cols, 3, i));
            cr_assert_eq(wri_groups_count(g), m.n);
            naive_clear(&m);
        }
        wr_batch_drop(b);
        wri_groups_free(g);
    }
    cr_assert(done);
}

/* ---- removal ---- */

#define LIVING 6000

/* Keys come and go: ids of living keys stay, new ones start from zero, ids and memory are used again. */
static void come_and_go(wr_phys phys, uint64_t range) {
    wri_groups *g = wri_groups_new(&phys, 1, 8);
    cr_assert(wri_groups_let_go(g));
    static uint32_t id_of[LIVING];
    memset(id_of, 0, sizeof id_of);
    uint32_t col = 0, living = 0, most = 0;
    for (int round = 0; round < 300; round++) {
        uint32_t n = 1 + (uint32_t)(rnd() % 200), gids[200], gone[200], n_gone = 0;
        wr_batch *b;
        cr_assert_eq(wr_batch_new(1, n, &b, NULL), WR_OK);
        cr_assert_eq(wr_batch_col(b, 0, phys, NULL), WR_OK);
        b->n = n;
        uint64_t v[200];
        for (uint32_t i = 0; i < n; i++) {
            v[i] = rnd() % range;
            if (phys == WR_STR) { /* long ones, all different */
                char text[100];
                int len = snprintf(text, sizeof text, "%080llu", (unsigned long long)v[i]);
                cr_assert_eq(wr_batch_str(b, text, (size_t)len, &b->cols[0].str[i], NULL), WR_OK);
            } else b->cols[0].i64[i] = (int64_t)v[i];
        }
        cr_assert_eq(wri_groups_find(g, b, &col, NULL, gids, NULL), WR_OK);
        wr_batch_drop(b);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t *state = (uint64_t *)(wri_groups_states(g) + gids[i] * wri_groups_stride(g));
            cr_assert_eq(*state, id_of[v[i]] ? v[i] + 1 : 0);
            if (id_of[v[i]]) cr_assert_eq(id_of[v[i]], gids[i]);
            else living++;
            id_of[v[i]] = gids[i];
            *state = v[i] + 1;
        }
        most = living > most ? living : most;
        cr_assert_eq(wri_groups_live(g), living);
        for (uint64_t k = rnd() % 7, step = 1 + rnd() % 40; k < range && n_gone < 200; k += step) {
            if (!id_of[k]) continue;
            gone[n_gone++] = id_of[k];
            id_of[k] = 0;
        }
        wri_groups_remove(g, gone, n_gone);
        living -= n_gone;
        cr_assert_eq(wri_groups_live(g), living);
    }
    cr_assert_leq(wri_groups_count(g), most);
    cr_assert_lt(wri_groups_bytes(g), (size_t)1 << 20); /* of 300 rounds only what lives is kept */
    wri_groups_reset(g);
    cr_assert_eq(wri_groups_live(g), 0);
    wri_groups_free(g);
}

Test(group_table, keys_come_and_go) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rng = seed * 104729;
        come_and_go(seed % 2 ? WR_STR : WR_I64, seed % 3 ? 500 : LIVING);
    }
}
