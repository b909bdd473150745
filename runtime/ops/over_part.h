/* runtime/ops/over_part.h -- OVER over whole, sorted partitions. Private to runtime/. */
#ifndef WR_RUNTIME_OVER_PART_H
#define WR_RUNTIME_OVER_PART_H

#include "over.h"

/* Sign of value i of a - value j of b; NULLs and NaNs are alike, and the largest. */
int wri_over_cmp(const wr_col *a, uint32_t i, const wr_col *b, uint32_t j);

typedef struct wri_over_part wri_over_part;

/* Owner of *outp: the caller. */
wr_status wri_part_new(wr_op *op, wri_over_part **outp, wr_err *err) WR_MUST_USE;
void wri_part_free(wri_over_part *p);                      /* NULL is allowed */
bool wri_part_reads(const wri_over_part *p, uint32_t col); /* column of the input */

/* rows: partitions one behind the other, each in order; partition k is rows starts[k]..starts[k + 1]. It has
 * the columns that are read; its pos rises. Makes columns 0..n_calls of out (as many rows, which keeps
 * `rows`), sets bits of rows that failed. */
wr_status wri_part_eval(wri_over_part *p, wr_batch *rows, const uint32_t *starts, uint32_t n_parts,
                        wr_batch *out, uint64_t *failed, wr_err *err) WR_MUST_USE;

#endif
