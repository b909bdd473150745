/* Hashes of keys that come from outside: nobody who does not know the secret can make them meet. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core.h"

#define BITS 12
#define SAME 400 /* keys that meet under the known secret */

static void fill(wr_batch *b, wr_phys phys, const char *prefix, uint64_t from) {
    char text[64];
    cr_assert_eq(wr_batch_reset(b, 1), WR_OK);
    b->n = b->cap;
    cr_assert_eq(wr_batch_col(b, 0, phys, NULL), WR_OK);
    for (uint32_t i = 0; i < b->n; i++) {
        if (phys == WR_I64) b->cols[0].i64[i] = (int64_t)(from + i);
        if (phys == WR_F64) b->cols[0].f64[i] = (double)(from + i);
        if (phys != WR_STR) continue;
        int n = snprintf(text, sizeof text, "%s%lu", prefix, (unsigned long)(from + i));
        cr_assert_eq(wr_batch_str(b, text, (size_t)n, &b->cols[0].str[i], NULL), WR_OK);
    }
}

/* Finds keys whose hashes begin alike under one secret, and looks at how they lie under others. */
static void attack(wr_phys phys, const char *prefix) {
    static const uint32_t cols[] = {0};
    wr_batch *b, *one;
    uint64_t hash[4096];
    static uint64_t keys[SAME];
    uint32_t n = 0;
    wr_hash_secret_set(1, 2);
    cr_assert_eq(wr_batch_new(1, 4096, &b, NULL), WR_OK);
    cr_assert_eq(wr_batch_new(1, 1, &one, NULL), WR_OK);
    for (uint64_t from = 0; n < SAME; from += 4096) {
        fill(b, phys, prefix, from);
        wr_batch_hash(b, cols, 1, hash);
        for (uint32_t i = 0; i < b->n && n < SAME; i++)
            if (hash[i] >> (64 - BITS) == 5) keys[n++] = from + i;
    }
    for (uint64_t secret = 1; secret <= 20; secret++) {
        uint32_t load[1 << BITS] = {0}, most = 0;
        wr_hash_secret_set(wr_hash_u64(secret), wr_hash_u64(~secret));
        for (uint32_t i = 0; i < SAME; i++) {
            fill(one, phys, prefix, keys[i]);
            wr_batch_hash(one, cols, 1, hash);
            uint32_t *at = &load[hash[0] >> (64 - BITS)];
            if (++*at > most) most = *at;
        }
        cr_expect_leq(most, 8, "%u of %u keys still meet", most, SAME);
    }
    wr_batch_drop(b);
    wr_batch_drop(one);
}

Test(hash, integers) { attack(WR_I64, NULL); }
Test(hash, doubles) { attack(WR_F64, NULL); }
Test(hash, short_texts) { attack(WR_STR, "k"); }
Test(hash, long_texts) { attack(WR_STR, "a text of more than twelve bytes "); }

/* What is kept or compared across processes does not know the secret. */
Test(hash, the_fixed_ones_stay) {
    wr_str s = wr_str_make("abc", 3);
    uint64_t h = wr_hash_str(&s), u = wr_hash_u64(7);
    wr_hash_secret_set(123, 456);
    cr_expect_eq(wr_hash_str(&s), h);
    cr_expect_eq(wr_hash_u64(7), u);
}
