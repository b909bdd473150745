/* core/histogram.c -- see histogram.h. */
#include "histogram.h"

/* v = m * 2^shift with m of 6 bits, the first set; small values are their own bucket. */
static uint32_t bucket_of(uint64_t v) {
    uint32_t e = v < 2 * WR_HIST_SUB ? 5 : 63 - (uint32_t)__builtin_clzll(v);
    uint64_t i = (e - 5) * WR_HIST_SUB + (v >> (e - 5));
    return i < WR_HIST_BUCKETS ? (uint32_t)i : WR_HIST_BUCKETS - 1;
}

static uint64_t last_of(uint32_t bucket) {
    uint32_t shift = bucket < 2 * WR_HIST_SUB ? 0 : bucket / WR_HIST_SUB - 1;
    return ((uint64_t)(bucket - shift * WR_HIST_SUB + 1) << shift) - 1;
}

static uint64_t get(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static void set(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }

void wr_hist_add(wr_hist *h, uint64_t v) {
    uint64_t *b = &h->buckets[bucket_of(v)];
    set(b, *b + 1);
    set(&h->sum, h->sum + v);
    if (v > h->max) set(&h->max, v);
    set(&h->count, h->count + 1);
}

void wr_hist_merge(wr_hist *to, const wr_hist *from) {
    uint64_t max = get(&from->max);
    for (uint32_t i = 0; i < WR_HIST_BUCKETS; i++) to->buckets[i] += get(&from->buckets[i]);
    to->sum += get(&from->sum);
    to->count += get(&from->count);
    if (max > to->max) to->max = max;
}

uint64_t wr_hist_quantile(const wr_hist *h, double q) {
    uint64_t total = 0, seen = 0, max = get(&h->max);
    for (uint32_t i = 0; i < WR_HIST_BUCKETS; i++) total += get(&h->buckets[i]);
    if (total == 0) return 0;
    double exact = q * (double)total;
    uint64_t want = (uint64_t)exact;
    want += (double)want < exact || want == 0;
    for (uint32_t i = 0; i < WR_HIST_BUCKETS; i++) {
        seen += get(&h->buckets[i]);
        if (seen >= want) return i < WR_HIST_BUCKETS - 1 && last_of(i) < max ? last_of(i) : max;
    }
    return max;
}
