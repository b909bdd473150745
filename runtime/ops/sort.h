/* runtime/ops/sort.h -- what the operators of ORDER BY share. Private to runtime/. */
#ifndef WR_RUNTIME_SORT_H
#define WR_RUNTIME_SORT_H

#include "../job_int.h"

typedef struct wri_place { /* a row of batches[batch] */
    uint32_t batch, row;
} wri_place;
typedef struct wri_sorting {
    const wr_node *node; /* whose keys they are */
    wr_batch **batches;
} wri_sorting;

/* For qsort_r, with a wri_sorting. Rows that are equal in the keys are ordered by their other columns, so
 * that the result does not depend on the workers. */
int wri_place_cmp(const void *x, const void *y, void *sorting);
/* Rows places[0..n) as a batch of their own. */
wr_status wri_places_batch(const wri_sorting *s, const wri_place *places, uint32_t n, wr_batch **outp,
                           wr_err *err) WR_MUST_USE;

#endif
