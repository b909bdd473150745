/* tests/unit/core/test_histogram.c -- quantiles against sorted values, borders of buckets. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/core.h"

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(histogram, small_values_are_exact) {
    wr_hist *h = wr_calloc(1, sizeof *h);
    cr_assert_eq(wr_hist_quantile(h, 0.5), 0);
    for (uint64_t v = 0; v < 64; v++) wr_hist_add(h, v);
    for (uint64_t v = 0; v < 64; v++) cr_assert_eq(wr_hist_quantile(h, (double)(v + 1) / 64), v);
    cr_assert_eq(h->count, 64);
    cr_assert_eq(h->sum, 63 * 32);
    wr_free(h);
}

/* Each value, alone: what is said is it, or more by at most a part of 32. */
Test(histogram, borders) {
    for (uint32_t bits = 0; bits < 64; bits++)
        for (int by = -1; by <= 1; by++) {
            uint64_t v = (UINT64_C(1) << bits) + (uint64_t)by;
            wr_hist *h = wr_calloc(1, sizeof *h);
            wr_hist_add(h, v);
            wr_hist_add(h, UINT64_MAX); /* so that the maximum is not the answer */
            uint64_t q = wr_hist_quantile(h, 0.5);
            if (v < UINT64_C(63) << 35) cr_assert(q >= v && q - v <= v / 32, "%lu: %lu", v, q);
            else cr_assert_eq(q, UINT64_MAX, "%lu: %lu", v, q);
            wr_free(h);
        }
}

Test(histogram, quantiles_of_many) {
    static const double qs[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1};
    enum { N = 20000 };
    uint64_t *v = wr_alloc(N * sizeof *v), seed = 1, sum = 0;
    wr_hist *a = wr_calloc(1, sizeof *a), *b = wr_calloc(1, sizeof *b);
    for (int i = 0; i < N; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        v[i] = (seed >> 33) >> (seed >> 28 & 31);
        sum += v[i];
        wr_hist_add(i % 3 ? a : b, v[i]);
    }
    wr_hist_merge(a, b);
    qsort(v, N, sizeof *v, by_value);
    for (size_t i = 0; i < WR_LEN(qs); i++) {
        uint64_t want = v[(int)(qs[i] * N + 0.999999) - 1], got = wr_hist_quantile(a, qs[i]);
        cr_assert(got >= want && got - want <= want / 32, "%g: %lu, not %lu", qs[i], got, want);
    }
    cr_assert_eq(a->sum, sum);
    cr_assert_eq(a->count, N);
    cr_assert_eq(a->max, v[N - 1]);
    wr_free(v);
    wr_free(a);
    wr_free(b);
}
