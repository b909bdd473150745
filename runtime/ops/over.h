/* runtime/ops/over.h -- what the parts of OVER share. Private to runtime/.
 *
 * Every row is first made a state of its own for every aggregate (all rows of a batch at once, by update).
 * From there on frames are a matter of states: combined, taken out again, copied. What a call needs:
 *
 *   SUM    exact removal: one accumulator, rows are combined into it and taken out      COUNT, SUM(BIGINT)
 *   STACK  two stacks: the older rows of a frame hold the state of themselves and all    MIN, SUM(DOUBLE)
 *          rows behind them up to a border, an accumulator that of the rows behind it
 *   VALUES rows that hold different values: the first row of a value is combined, the      COUNT(DISTINCT x)
 *          last one taken out (over_values.h)
 *   REDO   states that grow with their rows: combined anew for every result              LISTAGG, MEDIAN
 *   ACC    rows never leave: one accumulator                                             UNBOUNDED PRECEDING
 *   PICK   the state of one row                                                          NTH_VALUE, LAG
 *
 * A result is the state that finish turns into a value: those of plain bytes are copied and finished a batch
 * at a time, the others at once. */
#ifndef WR_RUNTIME_OVER_H
#define WR_RUNTIME_OVER_H

#include "agg_calls.h"
#include "slots.h"

typedef enum wri_way {
    WRI_WAY_SUM,
    WRI_WAY_STACK,
    WRI_WAY_VALUES,
    WRI_WAY_REDO,
    WRI_WAY_ACC,
    WRI_WAY_PICK
} wri_way;

/* How a call's result is turned into values of column col. */
typedef struct wri_over_out {
    const wr_agg_call *agg;
    uint32_t col;
    char *states; /* plain: the result state of row i at (i + 1) * state_bytes */
    size_t cap;
    wr_batch *one; /* else: one row, finished at once */
    uint32_t n_one;
} wri_over_out;

/* Before the results of n rows of out. */
wr_status wri_over_start(wri_over_out *o, wr_batch *out, uint32_t n, wr_err *err) WR_MUST_USE;
/* The result of row i comes from state. */
wr_status wri_over_put_slow(wri_over_out *o, wr_batch *out, uint32_t i, const void *state, uint64_t *failed,
                            wr_err *err) WR_MUST_USE;
/* States are a few words: a call of memcpy costs more than to copy them. */
static inline void wri_over_move(void *to, const void *from, uint32_t bytes) {
    uint64_t *restrict t = to;
    const uint64_t *restrict f = from;
    for (uint32_t i = 0; i < bytes / 8; i++) t[i] = f[i];
}
static inline wr_status wri_over_put(wri_over_out *o, wr_batch *out, uint32_t i, const void *state,
                                     uint64_t *failed, wr_err *err) {
    if (!o->agg->plain) return wri_over_put_slow(o, out, i, state, failed, err);
    wri_over_move(o->states + ((size_t)i + 1) * o->agg->state_bytes, state, o->agg->state_bytes);
    return WR_OK;
}
/* After them; ids: 1, 2, …, n. */
wr_status wri_over_finish(wri_over_out *o, wr_batch *out, const uint32_t *ids, uint32_t n, uint64_t *failed,
                          wr_err *err) WR_MUST_USE;
void wri_over_out_free(wri_over_out *o);

/* Takes the rows that failed out of *bp and reports them. */
wr_status wri_over_report(wr_op *op, wr_batch **bp, const uint64_t *failed, wr_err *err) WR_MUST_USE;
/* The input's columns and room for the calls'. */
wr_status wri_over_batch(wr_op *op, wr_batch *in, wr_batch **outp, wr_err *err) WR_MUST_USE;
/* Value i of from as value j of to, a column of out; strings stay where they are. */
wr_status wri_over_copy(wr_batch *out, wr_col *to, uint32_t j, const wr_col *from, uint32_t i,
                        wr_err *err) WR_MUST_USE;
/* ids[i] = i + 1, at least n of them. */
wr_status wri_over_ids(uint32_t **idsp, size_t *capp, uint32_t n, wr_err *err) WR_MUST_USE;
/* A state of zeroes is that of no row. */
static inline bool wri_over_empty(const void *state, uint32_t bytes) {
    const uint64_t *w = state;
    uint64_t any = 0;
    for (uint32_t i = 0; i < bytes / 8; i++) any |= w[i];
    return any == 0;
}

/* What an operator keeps: keys or partitions, and rows. */
typedef struct wri_over_kept {
    size_t keys, rows;
} wri_over_kept;
wri_over_kept wri_over_keeps(const wr_op *op);
wri_over_kept wri_over_batch_keeps(const wr_op *op);

/* ---- over_frame.c: frames that end at the current row, of rows that come in order ---- */

typedef struct wri_over_frame wri_over_frame;

typedef struct wri_frame_cfg {
    int64_t range_us; /* rows at most this much older; -1: no bound */
    int64_t rows;     /* at most so many rows; -1: no bound */
    bool peers;       /* rows of equal time see each other */
    bool before;      /* results come before the row itself is added (LAG) */
    bool clears;      /* keys are forgotten before all their rows have left */
    bool skip;        /* rows with an empty state are not there (IGNORE NULLS) */
} wri_frame_cfg;

/* Rows of a batch and what belongs to them. */
typedef struct wri_over_rows {
    wr_batch *b;   /* rising in time; pos rises over all batches */
    wr_batch *out; /* where results go */
    const int64_t *time;
    const uint32_t *gids;
    const uint32_t *ids;   /* 1, 2, … */
    const uint64_t *fresh; /* bits of rows whose key was forgotten before them; NULL: none */
    wri_states keys;       /* states of the group table */
    uint64_t *failed;
} wri_over_rows;

/* Keys whose rows have all left a frame, for whoever may remove them. */
typedef struct wri_left {
    uint32_t *gids;
    size_t n, cap;
} wri_left;

/* calls: those of node calls that are of this frame, with their output columns. Owner of *outp: the caller.
 */
wr_status wri_frame_new(const wri_frame_cfg *cfg, const wr_over_call *const *calls, const uint32_t *cols,
                        uint32_t n, wri_over_frame **outp, wr_err *err) WR_MUST_USE;
/* Bytes that the frame has in a key's state; they are at key_off from now on. */
uint32_t wri_frame_key_bytes(wri_over_frame *f, uint32_t key_off);
wr_status wri_frame_run(wri_over_frame *f, const wri_over_rows *r, wri_left *left, wr_err *err) WR_MUST_USE;
/* No row will have a time <= wm any more: lets go of what is out of reach. */
wr_status wri_frame_pass(wri_over_frame *f, int64_t wm, wri_states keys, wri_left *left,
                         wr_err *err) WR_MUST_USE;
bool wri_frame_holds(const wri_over_frame *f, const char *key); /* some row of the key is in it */
bool wri_frame_forgets(const wri_over_frame *f);                /* rows leave it by time */
/* Forgets a key's rows, but those that will leave by time. */
wr_status wri_frame_clear(wri_over_frame *f, char *key, wr_err *err) WR_MUST_USE;
/* Frees everything, keys 1..n included. */
void wri_frame_free(wri_over_frame *f, wri_states keys, uint32_t n);
size_t wri_frame_rows(const wri_over_frame *f); /* in all keys' frames */

/* Snapshots: what a frame keeps of keys and cannot make of its rows, as columns of the operator's rows of
 * keys; and its rows, as rows of their own, whose first columns are the keys of `groups`, slots by node; and
 * of DISTINCT over frames without a bound the values that have been seen, slots by entry. */
typedef struct wri_frame_saving {
    struct wri_groups *groups;
    const uint32_t *keys; /* 0, 1, … n_keys - 1 */
    uint32_t n_keys;
    uint32_t rows_tag, seen_tag; /* tags, and spaces of slots */
} wri_frame_saving;
void wri_frame_saves(wri_over_frame *f, wr_op *op, const wri_frame_saving *saving);
wr_status wri_frame_barrier(wri_over_frame *f, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_frame_save_rest(wri_over_frame *f, bool *leftp, wr_err *err) WR_MUST_USE;
bool wri_frame_by_key(const wri_over_frame *f); /* it keeps something of keys that its rows do not tell */
uint32_t wri_frame_key_cols(const wri_over_frame *f);
wr_status wri_frame_put_keys(wri_over_frame *f, wri_states keys, const uint32_t *gids, uint32_t n,
                             wr_batch *out, uint32_t first_col, wr_err *err) WR_MUST_USE;
wr_status wri_frame_take_keys(wri_over_frame *f, wri_states keys, const uint32_t *gids, wr_batch *b,
                              uint32_t first_col, wr_err *err) WR_MUST_USE;
bool wri_frame_fits(const wri_over_frame *f, const wr_batch *b, uint32_t n_keys); /* b may be such rows */
/* The column of rows that were saved that has their seq; older snapshots have none. */
uint32_t wri_frame_seq_col(const wri_over_frame *f, uint32_t n_keys);
#define WRI_SEQ_MARKED (INT64_C(1) << 33) /* in it: 31 bits of seq and marks; else 32 bits of seq */
/* Where row i of b stands among those of its key and time: a number that rises and may wrap; `otherwise`:
 * rows of older snapshots stand in their order. */
static inline uint32_t wri_seq_of(const wr_batch *b, uint32_t col, uint32_t i, uint32_t otherwise) {
    if (b->n_cols <= col) return otherwise;
    int64_t seq = b->cols[col].i64[i];
    return (uint32_t)(seq & WRI_SEQ_MARKED ? (uint64_t)seq << 1 : (uint64_t)seq);
}
/* Rows of any number of such batches, rising in time, those of a key in their order. gids: of its keys; col:
 * the first behind them; time is in it. */
wr_status wri_frame_load(wri_over_frame *f, wri_states keys, const uint32_t *gids, wr_batch *b, uint32_t col,
                         wr_err *err) WR_MUST_USE;
wr_status wri_frame_load_seen(wri_over_frame *f, const uint32_t *gids, wr_batch *b, uint32_t col,
                              wr_err *err) WR_MUST_USE;
wr_status wri_frame_loaded(wri_over_frame *f, wr_err *err) WR_MUST_USE; /* all of them */

#endif
