/* runtime/ops/kept_rows.h -- rows that are kept by bytes, for as long as a session is open. Private to
 * runtime/.
 *
 * A row is copied, strings included, so that a session that stays open for long does not hold the batches its
 * rows came in:
 *
 *   0   int64   event time               24  uint32  bytes of the row, this head included
 *   8   int64   position                 28  a bit per column, rounded up to bytes: NULL
 *   16  uint32  split                    ..  columns that are not NULL: 8 bytes, or length (4) and bytes
 *   20  uint32  0
 */
#ifndef WR_RUNTIME_KEPT_ROWS_H
#define WR_RUNTIME_KEPT_ROWS_H

#include "core/core.h"

/* Appends row i of b to buf; on failure buf is as it was. time_col: one that b has not for rows without. */
wr_status wri_kept_add(wr_buf *buf, const wr_batch *b, uint32_t time_col, uint32_t i,
                       wr_err *err) WR_MUST_USE;

wr_row_place wri_kept_place(const char *row); /* where it came from */

typedef struct wri_kept {
    const char *row;
    int64_t start, end; /* of its session */
} wri_kept;
typedef struct wri_kept_list {
    wri_kept *items;
    size_t n, cap;
} wri_kept_list;
/* Appends the rows of buf to the list, in the order of (time, split, position). They point into buf. */
wr_status wri_kept_list_add(wri_kept_list *l, const wr_buf *buf, int64_t start, int64_t end,
                            wr_err *err) WR_MUST_USE;
/* Writes rows 0..b->n to columns 0..n_cols of b, which it makes; strings are copied. */
wr_status wri_kept_read(const wri_kept *rows, const wr_phys *phys, uint32_t n_cols, wr_batch *b,
                        wr_err *err) WR_MUST_USE;

#endif
