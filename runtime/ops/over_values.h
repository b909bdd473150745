/* runtime/ops/over_values.h -- which values a frame holds, for DISTINCT and APPROX_COUNT_DISTINCT. Private to
 * runtime/.
 *
 * Rows with equal values share an entry that counts them: a value counts when its first row comes, and no
 * more when its last one leaves. `owner` tells frames apart (a key, a partition). One thread owns a table. */
#ifndef WR_RUNTIME_OVER_VALUES_H
#define WR_RUNTIME_OVER_VALUES_H

#include "over.h"

typedef struct wri_values wri_values;

wri_values *wri_values_new(wr_phys phys); /* NULL on OOM */
void wri_values_free(wri_values *v);      /* NULL is allowed */
void wri_values_reset(wri_values *v);
/* (*idsp)[i]: entry of row i's value in column col of b, 0 where states[(i + 1) * stride] is empty (the row
 * does not count). Until the next call, and no longer than until _sweep. */
wr_status wri_values_find(wri_values *v, wr_batch *b, uint32_t col, const uint32_t *owners,
                          const char *states, size_t stride, uint32_t bytes, const uint32_t **idsp,
                          wr_err *err) WR_MUST_USE;
bool wri_values_in(wri_values *v, uint32_t id); /* true: the first row */
wr_status wri_values_out(wri_values *v, uint32_t id, bool *lastp,
                         wr_err *err) WR_MUST_USE; /* the last row? */
void wri_values_sweep(wri_values *v);              /* entries without rows go */

/* Snapshots. ids[0..n) (of entries, 0: none) as column col of out, NULL where there is none, and the owners
 * of their values, where owners is given. */
wr_status wri_values_put(const wri_values *v, const uint32_t *ids, uint32_t n, uint32_t *owners,
                         wr_batch *out, uint32_t col, wr_err *err) WR_MUST_USE;
/* The entries with rows; until the next call of any other function. */
wr_status wri_values_all(wri_values *v, const uint32_t **idsp, uint32_t *np, wr_err *err) WR_MUST_USE;
/* A row with each value of column col of b, of owners[i], is in. */
wr_status wri_values_add(wri_values *v, wr_batch *b, uint32_t col, const uint32_t *owners,
                         wr_err *err) WR_MUST_USE;

/* agg without DISTINCT, when counting values is enough for it: then true. slides: rows leave the frame. */
bool wri_values_serve(const wr_agg_call *agg, bool slides, wr_agg_call *plainp);

#endif
