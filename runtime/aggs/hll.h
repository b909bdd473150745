/* runtime/aggs/hll.h -- counts of distinct values: exact as long as they are few, then HyperLogLog. For
 * APPROX_COUNT_DISTINCT and runtime/tablefns/; agg_hll.c says how.
 *
 * All zero is empty. What comes out depends on the set of hashes alone, as long as sparse_max is the same in
 * all calls: one more hash than that and they become registers. One thread owns one. */
#ifndef WR_RUNTIME_HLL_H
#define WR_RUNTIME_HLL_H

#include "core/core.h"

typedef struct wri_hll {
    struct wri_keys *sparse;
    uint8_t *registers; /* not NULL: sparse is not used any more */
} wri_hll;

/* Hash of row i, which is not NULL, of a column; the same in every process. */
uint64_t wri_hll_hash(const wr_col *c, uint32_t i);
wr_status wri_hll_add(wri_hll *h, uint64_t hash, uint32_t sparse_max, wr_err *err) WR_MUST_USE;
int64_t wri_hll_count(const wri_hll *h);
/* Appends the bytes of h to out; sorted: scratch. */
wr_status wri_hll_put(const wri_hll *h, wr_buf *sorted, wr_buf *out) WR_MUST_USE;
/* Adds what such bytes say; WR_EDATA: they are none. */
wr_status wri_hll_merge(wri_hll *h, const wr_str *bytes, uint32_t sparse_max, wr_err *err) WR_MUST_USE;
size_t wri_hll_bytes(const wri_hll *h);
void wri_hll_free(wri_hll *h); /* it is empty then */

#endif
