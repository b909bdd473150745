/* runtime/ops/agg_calls.h -- the aggregate calls of one node as a whole. Private to runtime/.
 *
 * The states of all calls lie side by side in one row per group, so that a group costs one cache line
 * or two, not one per call. */
#ifndef WR_RUNTIME_AGG_CALLS_H
#define WR_RUNTIME_AGG_CALLS_H

#include "../job_int.h"

typedef struct wri_calls {
    wr_agg_call *calls; /* copies of the node's */
    uint32_t n;
    uint32_t *offsets;    /* of each call's state in a row */
    uint32_t state_bytes; /* of a row */
    uint32_t n_partials;  /* columns of all calls together */
    bool retracts;        /* every call can take partials out again */
    bool owns;            /* some state points at memory: destroy is needed */
    uint32_t *masked;     /* scratch: group ids with filtered rows sent to group 0 */
    size_t masked_cap;
    char *laid; /* scratch: states that lay far apart, side by side */
    uint32_t *laid_ids;
    size_t laid_cap, laid_ids_cap;
} wri_calls;

/* A table's states, for the functions below. */
typedef struct wri_states {
    char *base;
    size_t stride;
} wri_states;

wr_status wri_calls_init(wri_calls *c, const wr_agg_call *calls, uint32_t n, wr_err *err) WR_MUST_USE;
void wri_calls_free(wri_calls *c);
/* Folds the rows of b, row i into group gids[i]. */
wr_status wri_calls_update(wri_calls *c, const wr_batch *b, wri_states st, const uint32_t *gids,
                           wr_err *err) WR_MUST_USE;
/* Folds partials: b's columns first_col.. are all calls' partial columns. */
wr_status wri_calls_merge(wri_calls *c, const wr_batch *b, uint32_t first_col, wri_states st,
                          const uint32_t *gids, wr_err *err) WR_MUST_USE;
void wri_calls_retract(wri_calls *c, const wr_batch *b, uint32_t first_col, wri_states st,
                       const uint32_t *gids); /* only when retracts */
wr_status wri_calls_partial(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, wr_batch *out,
                            uint32_t first_col, wr_err *err) WR_MUST_USE;
/* The same for groups that lie anywhere in a large table: memory is asked for ahead, and once for all calls.
 */
wr_status wri_calls_partial_far(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, wr_batch *out,
                                uint32_t first_col, wr_err *err) WR_MUST_USE;
/* Folds row `from` of states into row `into`; from's is its owner's to destroy. */
wr_status wri_calls_combine(const wri_calls *c, char *into, const char *from, wr_err *err) WR_MUST_USE;
void wri_calls_destroy(wri_calls *c, wri_states st, uint32_t first, uint32_t last); /* groups first..last */
/* The first `bytes` of the states of gids[0..n) are empty again, those of the calls among them. */
void wri_calls_forget(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, size_t bytes);

/* Emits result rows of groups gids[0..n) as batches: the window's columns, the keys, one column per call.
 * Groups that failed go to the error stream. */
typedef struct wri_result {
    wr_op *op;
    wri_calls *calls;
    struct wri_groups *groups;
    wri_states st;
    int64_t start, end, time; /* of the window [us] */
    /* Sessions, else NULL: per row of the result the group that has its key, and its borders; gids say where
     * its state is, and time is how much before its end a session's window_time is. At most batch_rows rows.
     */
    const uint32_t *owners;
    const int64_t *starts, *ends;
    uint32_t n_window;  /* window columns in front: 3, or 0 */
    bool start_in_keys; /* ATTACHED: the first key is window_start */
} wri_result;
wr_status wri_result_emit(const wri_result *r, const uint32_t *gids, uint32_t n, wr_err *err) WR_MUST_USE;

/* The result rows of gids[0..n) as one batch, which is the caller's. Bit i of *failedp, which lives as long
 * as the batch: group gids[i] failed. */
wr_status wri_result_rows(const wri_result *r, const uint32_t *gids, uint32_t n, uint64_t **failedp,
                          wr_batch **outp, wr_err *err) WR_MUST_USE;
#define WRI_GROUP_FAILED "an aggregate of this group overflowed its type or failed"

#endif
