/* runtime/ops/timeline.h -- rows that wait for the watermark, and leave in the order of event time.
 * Private to runtime/.
 *
 *   add(batches in any order) ─► wait ─► take(watermark): dense batches, rising in time
 *
 * Rows of equal time leave in the order of their position in the source (split, pos), rows that an operator
 * made in the order of their values: never by chance. All rows of one time that are due leave in one batch,
 * so a batch can be larger than batch_rows. One thread owns a timeline. */
#ifndef WR_RUNTIME_TIMELINE_H
#define WR_RUNTIME_TIMELINE_H

#include "../job_int.h"
#include "slots.h"

typedef struct wri_timeline wri_timeline;

/* time_col: a column of schema without NULLs in the rows that are added. NULL on OOM. */
wri_timeline *wri_timeline_new(const wr_schema *schema, uint32_t time_col);
void wri_timeline_free(wri_timeline *t); /* NULL is allowed */

/* Before the first row: times count by multiples of grain. Rows leave when the watermark has reached the last
 * tick of their grain, in the order of those; in between in the order of their source, and not all in one
 * batch. That is a good deal cheaper for rows that are out of order. */
void wri_timeline_coarse(wri_timeline *t, int64_t grain, int64_t tick);
/* Before the first row: batches that are taken tell the place of each row. */
void wri_timeline_places(wri_timeline *t);
/* Rows idx[0..n) of b (idx NULL: all); b is held, and no longer than one of them waits. */
wr_status wri_timeline_add(wri_timeline *t, wr_batch *b, const uint32_t *idx, uint32_t n,
                           wr_err *err) WR_MUST_USE;

/* The next rows with a time <= wm, at least one and about batch_rows; *outp NULL: none are left. Owner: the
 * caller, by wr_batch_drop. The batch has the columns of the schema, and hash when all rows came with one;
 * its split is WR_NO_SPLIT; order is all that is left of the position, unless places were asked for. */
wr_status wri_timeline_take(wri_timeline *t, int64_t wm, uint32_t batch_rows, wr_batch **outp,
                            wr_err *err) WR_MUST_USE;

size_t wri_timeline_rows(const wri_timeline *t);   /* that wait */
int64_t wri_timeline_first(const wri_timeline *t); /* time of the first of them, WR_WM_END: none */
size_t wri_timeline_bytes(const wri_timeline *t);  /* about what they take */
/* They wait for the watermark to reach their times. */
void wri_timeline_waiting(const wri_timeline *t, wr_waits *out);

/* Before the first row: op saves the rows that wait, as slots of the space `tag`; they are added again by
 * _load: in a timeline of the same schema, in any order of the batches. keys: columns that say whose rows
 * they are, those of whoever hashes them. */
void wri_timeline_saves(wri_timeline *t, wr_op *op, uint32_t tag, const uint32_t *keys, uint32_t n_keys);
wr_status wri_timeline_barrier(wri_timeline *t, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_timeline_save_rest(wri_timeline *t, bool *leftp, wr_err *err) WR_MUST_USE;
wr_status wri_timeline_load(wri_timeline *t, wr_batch *saved, wr_err *err) WR_MUST_USE;

/* Splits the rows of b, an input of op, by the watermark before each: ok gets the rows that are in time, the
 * others are reported as late. Rows without a time fail. ok has room for b->n; *np: how many are in time. */
wr_status wri_in_time(wr_op *op, uint32_t port, wr_batch *b, uint32_t time_col, uint32_t *ok, uint32_t *np,
                      wr_err *err) WR_MUST_USE;

#endif
