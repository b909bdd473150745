/* runtime/ops/spill.h -- state of windows on disk, for want of memory. Private to runtime/.
 *
 *   put    rows of one slice, partials by key, become a run: a part of a file, never changed again
 *   fire   a window's runs and what is in memory of it, merged and emitted a range of keys at a time: so a
 *          window may be larger than memory
 *   drop   runs that no later window holds
 *
 * Keys are told apart by their part, PARTS of them by hash. A run has blocks, each of a range of parts, in
 * that order; so a range of keys of many runs is read without the rest. A block is an item of a snapshot
 * (saved.c), hence a run is saved by copying its bytes, in the pool, and once: later snapshots name what the
 * first has written.
 *
 * A key has at most one row in a run and, since rows that come later make new groups in memory, several in
 * several runs: they are merged, in the order in which they were put.
 *
 * The file is one that has no name: it goes with the process. It lies in the --state folder, else in TMPDIR,
 * else in /tmp. Space of dropped runs is used again. Reading and writing is done by the worker; blocks carry
 * checksums. */
#ifndef WR_RUNTIME_SPILL_H
#define WR_RUNTIME_SPILL_H

#include "agg_calls.h"

#define WRI_SPILL_PARTS 1024

typedef struct wri_spill wri_spill;

typedef struct wri_spill_cfg { /* all borrowed */
    wr_op *op;
    wri_calls *calls;
    const wr_phys *phys; /* of the keys */
    uint32_t n_keys;
    uint32_t lead; /* columns in front of the keys */
    uint32_t tag;  /* of its items in snapshots */
} wri_spill_cfg;

wr_status wri_spill_new(const wri_spill_cfg *cfg, wri_spill **outp, wr_err *err) WR_MUST_USE;
void wri_spill_free(wri_spill *s); /* NULL is allowed */

static inline uint32_t wri_spill_part(uint64_t hash) { /* other bits than exchanges and tables go by */
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 54);
}

/* Rows in memory: rows() gives those whose part is in lo..hi-1 to wri_spill_take, as batches of
 * lead columns, keys, partials. */
typedef struct wri_spill_to wri_spill_to;
typedef struct wri_spill_from {
    void *ctx;
    wr_status (*rows)(void *ctx, uint32_t lo, uint32_t hi, wri_spill_to *to, wr_err *err);
    uint64_t n_rows; /* about */
    size_t bytes;    /* of memory that they take */
} wri_spill_from;
wr_status wri_spill_take(wri_spill_to *to, wr_batch *b, wr_err *err) WR_MUST_USE;

/* Writes the rows of the slice that ends at `end` and counts from the window on that ends at `enter`. When it
 * has failed nothing was put. */
typedef struct wri_spill_slice {
    int64_t end, enter;
    bool alone; /* while a snapshot is loaded: each row stands in the place of those put so before of its key
                 */
} wri_spill_slice;
wr_status wri_spill_put(wri_spill *s, wri_spill_slice of, const wri_spill_from *from,
                        wr_err *err) WR_MUST_USE;
/* Puts runs whose rows stand alone together, a range of keys at a time. Before anything is fired or saved. */
wr_status wri_spill_settle(wri_spill *s, wr_err *err) WR_MUST_USE;

/* Emits what r says (but for its groups) of the runs of slices that end after `after` and count in windows
 * that end at `upto`, with the rows of more (may be NULL). */
typedef struct wri_spill_window {
    int64_t after, upto;
    wri_result result;
    const wri_spill_from *more;
} wri_spill_window;
wr_status wri_spill_fire(wri_spill *s, const wri_spill_window *w, wr_err *err) WR_MUST_USE;

void wri_spill_drop(wri_spill *s, int64_t end);            /* runs of slices that end there or before */
bool wri_spill_first(const wri_spill *s, int64_t *enterp); /* the least `enter`; false: there are no runs */
bool wri_spill_has(const wri_spill *s, int64_t end);       /* a run of that slice */
wr_status wri_spill_save(wri_spill *s, wr_saver *to, wr_err *err) WR_MUST_USE;

#endif
