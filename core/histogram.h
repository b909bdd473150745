/* core/histogram.h -- how often a duration was how long.
 *
 * Log-linear buckets, HdrHistogram's layout: 32 of equal width between each power of two and the next, so a
 * quantile is at most 1/32 too large; below 64 it is exact. Values beyond the last bucket count in it, and
 * are told as the largest.
 *
 * One thread adds, others may read meanwhile. What they see may lack the last values, no more. */
#ifndef WR_CORE_HISTOGRAM_H
#define WR_CORE_HISTOGRAM_H

#include "status.h"

#define WR_HIST_SUB     32
#define WR_HIST_BUCKETS (37 * WR_HIST_SUB) /* up to 2^41: of microseconds, 25 days */

typedef struct wr_hist {
    uint64_t count, sum, max;
    uint64_t buckets[WR_HIST_BUCKETS];
} wr_hist; /* zero-initialised is valid and empty */

void wr_hist_add(wr_hist *h, uint64_t v);
/* Adds what another one has. */
void wr_hist_merge(wr_hist *to, const wr_hist *from);
/* The largest value of the bucket that holds the q-th part of all, 0 < q <= 1; at most max. 0: it is empty.
 */
uint64_t wr_hist_quantile(const wr_hist *h, double q);

#endif
