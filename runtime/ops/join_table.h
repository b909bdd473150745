/* runtime/ops/join_table.h -- a hash table of the right side's rows, asked with rows of the left side.
 * Private to runtime/.
 *
 *   rows (added to `rows`) ─► build ─► probe(left view), as often as wanted ─► rest ─► clear
 *
 * Emits the results of a join of any type: pairs as they are found, unmatched left rows at the end of each
 * probe, unmatched right rows by rest. One thread owns a table. */
#ifndef WR_RUNTIME_JOIN_TABLE_H
#define WR_RUNTIME_JOIN_TABLE_H

#include "group_table.h"
#include "join_rows.h"

typedef struct wri_jtable {
    wr_op *op;
    wri_jside sides[2];
    wri_rows rows;      /* of the right side */
    wri_groups *groups; /* of the keys; state: id + 1 of the first row */
    uint32_t *next;     /* per row, by its number: id + 1 of the next one with its key; 0: none */
    size_t next_cap;
    uint64_t *matched; /* bit per row, by its number, when unmatched right rows come out */
    size_t matched_cap;
    uint64_t
        *was; /* bit per row: those that a snapshot says were matched; words was_n.. are 0. _build takes it */
    size_t was_n, was_cap;
    wri_groups *nulls; /* NOT IN: groups of the keys but the last; state: whether there are rows, a NULL */
    wri_pairs pairs, singles;
    uint32_t *gids, *keyed, *none; /* scratch, by row of a batch */
    uint8_t *hit;
    size_t cap;
} wri_jtable;

wr_status wri_jtable_init(wri_jtable *t, wr_op *op, wr_err *err) WR_MUST_USE;
void wri_jtable_free(wri_jtable *t);
wr_status wri_jtable_build(wri_jtable *t, wr_err *err) WR_MUST_USE;
wr_status wri_jtable_probe(wri_jtable *t, const wr_batch *left, wr_err *err) WR_MUST_USE;
wr_status wri_jtable_rest(wri_jtable *t, wr_err *err) WR_MUST_USE;
void wri_jtable_clear(wri_jtable *t); /* forgets all rows */

#endif
