/* runtime/ops/change_rows.h -- rows of results that are corrected, and what each does. Private to runtime/.
 *
 * An operator that makes changes gathers them here, as rows of batches that it has computed, and emits them
 * at once. An update-before and the update-after behind it never part. One thread owns a list. */
#ifndef WR_RUNTIME_CHANGE_ROWS_H
#define WR_RUNTIME_CHANGE_ROWS_H

#include "../op.h"

typedef struct wri_change_row {
    wr_batch *from; /* borrowed until the list is emitted */
    uint32_t row;
    wr_change kind;
} wri_change_row;

typedef struct wri_change_rows {
    wri_change_row *items;
    size_t n, cap;
} wri_change_rows;

static inline wr_status wri_change_add(wri_change_rows *l, wr_batch *from, uint32_t row, wr_change kind,
                                       wr_err *err) {
    if (l->n == l->cap && wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items) != WR_OK)
        return wr_fail_oom(err, "results that change");
    l->items[l->n++] = (wri_change_row){from, row, kind};
    return WR_OK;
}

/* Emits the list, in batches of at most batch_rows + 1 rows, and empties it. append_only: the rows are all
 * new and bear no kinds. */
wr_status wri_change_emit(wri_change_rows *l, wr_op *op, bool append_only, wr_err *err) WR_MUST_USE;

/* Values are the same: NULL is NULL, doubles go by their bits. */
bool wri_same_value(const wr_col *x, uint32_t i, const wr_col *y, uint32_t j);
/* The same values in columns first.. of row i of x and row j of y. */
bool wri_same_values(const wr_batch *x, uint32_t i, const wr_batch *y, uint32_t j, uint32_t first);

#endif
