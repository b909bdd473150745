/* runtime/ops/saved_rows.h -- rows that an operator holds in batches of others, as rows of a snapshot.
 * Private to runtime/.
 *
 * A copy, with the place of each row (wr_batch.place), so that ties stay in order. */
#ifndef WR_RUNTIME_SAVED_ROWS_H
#define WR_RUNTIME_SAVED_ROWS_H

#include "../op.h"

typedef struct wri_picked { /* a row, and its place in the source */
    const wr_batch *b;
    uint32_t row, split;
    int64_t pos;
} wri_picked;

/* Saves rows[0..n), none of them a change, in pieces. */
wr_status wri_save_picked(wr_saver *to, uint32_t tag, uint32_t n_cols, const wri_picked *rows, size_t n,
                          wr_err *err) WR_MUST_USE;

/* Rows that are slots ids[0..n), at most a batch of them. */
typedef struct wri_picked_slots {
    uint32_t tag, n_cols;
    const wri_picked *rows;
    const uint32_t *ids;
    uint32_t n;
    const uint32_t *keys;
    uint32_t n_keys;
} wri_picked_slots;
wr_status wri_save_picked_slots(wr_saver *to, const wri_picked_slots *v, wr_err *err) WR_MUST_USE;

/* A copy of columns 0..n_cols of rows[0..n), in a batch with room for `more` columns behind them.
 * Rows that are changes stay so: halves of an update that do not follow each other in rows are a delete and
 * an insert. */
wr_status wri_pick_rows(const wri_picked *rows, uint32_t n, uint32_t n_cols, uint32_t more, wr_batch **outp,
                        wr_err *err) WR_MUST_USE;

/* Whether a batch that comes back is such rows of this schema. */
wr_status wri_check_picked(const wr_batch *b, const wr_schema *schema, wr_err *err) WR_MUST_USE;

#endif
