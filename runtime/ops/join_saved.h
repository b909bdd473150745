/* runtime/ops/join_saved.h -- what joins keep, in snapshots. Private to runtime/.
 *
 * Saved rows have the columns of a view, so that they come back as rows that were pushed: a column more says
 * which had been matched, where that matters. Mostly they are slots (slots.h), by the row. Where all rows are
 * saved at a barrier (_rows_save), blocks that are full are handed over as they are, and only one that grows
 * is copied. */
#ifndef WR_RUNTIME_JOIN_SAVED_H
#define WR_RUNTIME_JOIN_SAVED_H

#include "join_rows.h"
#include "saved_rows.h"

/* A batch with the columns of a block, and behind them empty ones: n_cols of them in all. Owner: the caller.
 */
wr_status wri_block_saved(wr_batch *block, bool grows, uint32_t n_cols, wr_batch **outp,
                          wr_err *err) WR_MUST_USE;
/* Makes column c of b from bits first.. of a bitmap: 0 or 1 per row. */
wr_status wri_marks_saved(wr_batch *b, uint32_t c, const uint64_t *bits, size_t first,
                          wr_err *err) WR_MUST_USE;
/* Hands over all rows of a side that keeps all its columns; they belong to whom its exchange would bring
 * them. matched: a bit per row by its number, or NULL. */
wr_status wri_rows_save(const wri_rows *r, const wri_jside *s, const wr_node *n, const uint64_t *matched,
                        uint32_t tag, wr_saver *to, wr_err *err) WR_MUST_USE;
/* The same of rows with the numbers ids[0..n), rising: slots. */
wr_status wri_rows_save_slots(const wri_rows *r, const wri_jside *s, const wr_node *node,
                              const uint64_t *matched, uint32_t tag, const uint32_t *ids, uint32_t n,
                              wr_saver *to, wr_err *err) WR_MUST_USE;
/* How many keys say whose a row is: the exchange of NOT IN leaves out the last. */
static inline uint32_t wri_owner_keys(const wr_node *n) { return n->join.n_keys - n->join.null_aware; }
#define WRI_TOGETHER 64 /* rows of a block that are worth a batch of their own: their text is not copied */
/* The kept columns of rows of blocks of this side, in a batch of n_cols columns. */
wr_status wri_block_rows_saved(const wri_jside *side, const wri_picked *rows, uint32_t n, uint32_t n_cols,
                               wr_batch **outp, wr_err *err) WR_MUST_USE;
/* Whether what was saved are rows of a view of s, with `more` columns of numbers behind. */
wr_status wri_jside_check(const wri_jside *s, const wr_saved *saved, uint32_t more, wr_err *err) WR_MUST_USE;

#endif
