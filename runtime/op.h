/* runtime/op.h -- what an operator is. Private to runtime/.
 *
 * An operator is one file in ops/ that ends in one wr_op_def. It is pushed to, never blocks, and does
 * not know its neighbours: it hands batches to wr_emit, which calls the operators behind it. Its
 * state is private memory behind op->state. All calls of one operator come from one thread. */
#ifndef WR_RUNTIME_OP_H
#define WR_RUNTIME_OP_H

#include "runtime.h"

typedef struct wr_op wr_op;
typedef struct wr_task wr_task;
typedef struct wr_saver wr_saver;
struct wr_part_from; /* state/state.h */

typedef struct wr_saved {
    uint32_t tag;
    wr_batch *rows;    /* those of one wr_save_rows that are this worker's now, with hash; NULL: numbers */
    uint64_t n_likely; /* about as many rows for this worker are in the part that they are from */
    const int64_t *ints;
    uint32_t n_ints;
} wr_saved;

typedef struct wr_kept {
    uint64_t keys;  /* groups, sessions, partitions; of what keeps rows: those */
    uint64_t bytes; /* about what it has allocated for them */
} wr_kept;

/* ---- what waits: waits.c ---- */
#define WRI_WAITS_SHOWN 16 /* of each operator of each worker, those due first */
typedef struct wr_wait {
    int64_t start_us, end_us; /* of the window; WR_WM_NONE: it has none */
    int64_t due_us;           /* the watermark that lets it go; WR_WM_END: the end of the input does */
    uint64_t rows, keys;      /* in it, as far as is known here */
    bool at_most;             /* keys: several parts have some, which may be the same */
} wr_wait;
typedef struct wr_waits {
    const char *what; /* "window", "session", "row"; NULL: nothing waits */
    bool shared;      /* other workers may have their parts of the same ones: windows of all keys */
    uint32_t ends;    /* waits for the end of this input, counted from 1; 0: for the watermark */
    uint64_t n;       /* how many wait; rows and keys in all of them */
    uint64_t rows, keys;
    wr_wait first[WRI_WAITS_SHOWN]; /* by rising due_us, end_us */
    uint32_t n_first;
    int64_t holds_us;    /* the operator's, whether anything waits or not */
    bool on_disk;        /* its state is, for want of memory: nothing else is said of it */
    uint64_t on_the_way; /* rows that wait for that */
} wr_waits;
/* Adds one; those of equal borders and due_us are put together. */
void wri_waits_add(wr_waits *w, wr_wait x);
/* Adds what another part of the same operator has. */
void wri_waits_merge(wr_waits *w, const wr_waits *from);
/* About how many bytes a row of these columns takes. */
size_t wri_row_bytes(const wr_schema *s);

typedef struct wr_op_def {
    const char *name;
    wr_status (*open)(wr_op *op, wr_err *err);
    /* Takes in, borrowed for the call (hold it to keep it). port: which input. */
    wr_status (*push)(wr_op *op, uint32_t port, wr_batch *in, wr_err *err);
    /* The operator's combined watermark (least of its inputs) has risen to wm_us: no row with a time <= wm_us
     * is awaited. Emit what is complete; the chain passes the watermark on afterwards. NULL: nothing to do.
     */
    wr_status (*watermark)(wr_op *op, int64_t wm_us, wr_err *err);
    /* Input `port` has ended, others have not. NULL: nothing to do. */
    wr_status (*port_end)(wr_op *op, uint32_t port, wr_err *err);
    /* All inputs have ended (after a watermark of WR_WM_END). */
    wr_status (*end)(wr_op *op, wr_err *err);
    /* A barrier has come on all inputs: push out what the next stage must own before the snapshot. */
    wr_status (*barrier)(wr_op *op, uint64_t epoch, wr_err *err);
    /* At a barrier, after barrier(): hands all that it keeps to wr_save_rows and wr_save_ints. NULL with
     * `stateless`: it keeps nothing over a barrier. NULL without: jobs with --state refuse it. */
    wr_status (*save)(wr_op *op, wr_saver *to, wr_err *err);
    /* NULL: save() saves everything. Else called between events until *leftp is false: saves some more (about
     * a batch) of what stood at the barrier. What is about to change before its turn is saved by who changes
     * it, through wr_saver_of. */
    wr_status (*save_rest)(wr_op *op, bool *leftp, wr_err *err);
    /* Takes one of the things saved back, before the first push: in the order in which they were saved, but
     * for rows of slots, which come in any. */
    wr_status (*load)(wr_op *op, const wr_saved *saved, wr_err *err);
    /* All of it has been. NULL: nothing to do. */
    wr_status (*loaded)(wr_op *op, wr_err *err);
    bool stateless;
    /* What it keeps belongs to the keys by which its inputs are exchanged, and to nothing else. Then all of
     * it can go to disk and be worked on by ranges of keys: paged.h. */
    bool keyed;
    /* How much it keeps. Cheap: about once a second. NULL: nothing worth counting. */
    void (*measure)(const wr_op *op, wr_kept *outp);
    /* What has come in and cannot go out yet, for wr_job_why. May look at all of it. NULL: nothing waits. */
    void (*waiting)(const wr_op *op, wr_waits *outp);
    /* Memory is short: lets go of what it can make anew, send on or write to disk, if that is worth the
     * while. *didp: something was freed. Called between events, of its own or of the worker. NULL: it cannot.
     */
    wr_status (*relieve)(wr_op *op, bool *didp, wr_err *err);
    void (*close)(wr_op *op); /* also after a failed open */
} wr_op_def;

typedef struct wr_edge { /* op -> next, arriving at its input `port` */
    wr_op *to;
    uint32_t port;
} wr_edge;

typedef struct wri_bad_kept { /* of operators that read something anew */
    uint64_t n;
    char why[256]; /* the first */
} wri_bad_kept;

struct wr_op {
    const wr_op_def *def;
    const wr_node *node;
    wr_task *task; /* whose thread runs it */
    void *state;
    struct wri_paged *paged; /* NULL: state has all that it keeps */
    wr_edge *out;
    uint32_t n_out;
    int64_t *port_wm;               /* per input: its watermark */
    uint32_t n_in, ended, barriers; /* barriers: inputs that the one under way has come on */
    uint64_t epoch;                 /* of that barrier */
    bool unsaved;                   /* save_rest is to be called */
    bool spoken; /* by the snapshot its end had come on worker 0: what it says without rows has been said */
    uint32_t waits_for; /* set by open: an input, as a bit, whose watermark counts as none until it ends */
    int64_t wm;         /* combined watermark */
    int64_t holds_us;   /* set by open or watermark(): rows may be emitted that are this much older;
                         * below zero: none is awaited that is less than so much newer (another clock) */
    /* Written by the worker alone, by wri_tally; read by others meanwhile. */
    uint64_t rows_in, rows_out, late_rows, bad_rows;
    uint64_t forgotten;             /* keys that went for want of room (max_partitions) */
    uint64_t kept_keys, kept_bytes; /* as measure last said */
    int64_t blocked_us;             /* exchanges: waited for room */
    wri_bad_kept *bad_kept; /* rows that fail are counted there instead of being reported; NULL: reported */
};

/* Counters have one writer; a reader in another thread sees some recent value. */
static inline void wri_tally(uint64_t *counter, uint64_t n) {
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}
static inline uint64_t wri_tallied(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Hands a batch to everything behind op; b stays the caller's (drop it afterwards). Empty batches are fine.
 */
wr_status wr_emit(wr_op *op, wr_batch *b, wr_err *err) WR_MUST_USE;

/* ---- what a task offers its operators ---- */

/* Rows of state. b is held until the snapshot has been written, so everything it points at must be its own or
 * held by it. keys: the columns that tell whose rows they are; none: they are worker 0's. The number of
 * workers may be another one when they come back. */
wr_status wr_save_rows(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) WR_MUST_USE;
/* The same for a batch that was made to be saved: it is packed at once, and not held. */
wr_status wr_save_made(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) WR_MUST_USE;
/* Numbers; each worker that loads gets those of all that saved. */
wr_status wr_save_ints(wr_saver *to, uint32_t tag, const int64_t *ints, uint32_t n, wr_err *err) WR_MUST_USE;

/* Bytes that are not in memory, as items (saved.c) pack themselves: alone in a part of their own. They are
 * read by another thread until the snapshot has been written; hold is kept until then. */
wr_status wr_save_bytes(wr_saver *to, wr_ref *hold, const struct wr_part_from *from, wr_err *err) WR_MUST_USE;

/* Only what changed. What an operator keeps is one part, written whole by each snapshot, or several, which it
 * names by numbers. `more`: this snapshot goes on behind what the one before has of the part, and what is
 * loaded is all of it, in order. What is saved from this call on belongs to the part; one that is not begun
 * at a barrier is forgotten. sub: one of several of a number, which are loaded in any order; from
 * WR_SUB_SLOTS on they are of slots (ops/slots.h). */
#define WR_SUB_SLOTS (UINT32_C(1) << 14)
wr_status wr_save_part(wr_saver *to, int64_t part, uint32_t sub, bool more, wr_err *err) WR_MUST_USE;

/* When a part is to be written whole: its rows, those that are void now among them, would else be more than
 * WR_SAVED_MOST times the rows that there are. No more than that is read after a crash, and what is written
 * is half as much again as what changes. Parts that were written whole together come to that early once, each
 * at another time: then no snapshot has to do with all of them. */
#define WR_SAVED_MOST UINT64_C(3)
typedef struct wr_save_turn { /* of a part; all zero: it has never been saved */
    uint64_t rows;            /* saved since it was last written whole, and by that */
    bool based, alone;        /* it has been written whole; by its own turn */
} wr_save_turn;
/* At a barrier, for part `no` of those that an operator has, with `live` rows, `changed` of them since the
 * last barrier. The caller adds to t->rows what is saved. */
bool wr_save_whole(wr_save_turn *t, const wr_saver *to, uint32_t no, uint64_t changed, uint64_t live);
/* In a part of slots. Which slots it says anew: their older rows are void. n bits are set in bits[0..words).
 */
wr_status wr_save_said(wr_saver *to, const uint64_t *bits, size_t words, uint32_t n, wr_err *err) WR_MUST_USE;
/* Rows, packed at once: row i is of slot slots[i], whose lower bits count. Loaded are those that are not
 * void, in any order. */
#define WR_SLOT_BITS_MAX 18 /* the most that a part of any snapshot has */
#ifdef WR_DEBUG
#define WR_SLOT_BITS 12 /* so that tests have many parts */
#else
#define WR_SLOT_BITS WR_SLOT_BITS_MAX
#endif
wr_status wr_save_slots(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                        const uint32_t *slots, wr_err *err) WR_MUST_USE;
typedef struct wr_save_sum {
    uint64_t rows, bytes; /* as packed */
} wr_save_sum;
/* What has been packed for snapshots by it, ever: to tell what a call adds. */
wr_save_sum wr_saved_so_far(const wr_saver *to);
/* There is no snapshot before that parts could go on from: all that is kept must be saved. */
bool wr_save_anew(const wr_saver *to);
/* Rows that lie anywhere in memory, saved at once by save_rest(): what they pass through stays in a cache. */
#define WR_SAVE_SCATTERED 256
/* After the barrier, until save_rest has said that nothing is left: where op saves more of a part. */
wr_saver *wr_saver_of(wr_op *op, int64_t part, uint32_t sub);
bool wr_task_saves(const wr_task *t); /* snapshots are taken at all */

/* Rows that failed in op: row rows[i] of b, for the reason whys[i] (or why for all when whys is NULL). Counts
 * them and sends them to error_stream; with on_error = 'fail' the job fails. */
wr_status wr_task_bad_rows(wr_op *op, const wr_batch *b, const uint32_t *rows, const char *const *whys,
                           const char *why, uint32_t n, wr_err *err) WR_MUST_USE;
/* The same for rows whose evaluation failed; exprs: those that were evaluated. */
struct wr_row_errors;
wr_status wr_task_bad_exprs(wr_op *op, const wr_batch *b, const struct wr_row_errors *errs,
                            wr_expr *const *exprs, wr_err *err) WR_MUST_USE;
/* Rows of b, of input `port`, that came too late for op: counted; delivered to the late node if there is one.
 */
wr_status wr_task_late_rows(wr_op *op, uint32_t port, const wr_batch *b, const uint32_t *rows, uint32_t n,
                            wr_err *err) WR_MUST_USE;
uint32_t wr_task_worker(const wr_task *t); /* 0 .. workers-1 */
uint32_t wr_task_workers(const wr_task *t);
uint32_t wr_task_batch_rows(const wr_task *t);
const wr_plan *wr_task_plan(const wr_task *t);
const wr_sys *wr_task_sys(const wr_task *t);

#endif
