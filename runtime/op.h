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
    /* State as msgpack, and back into a freshly opened operator. NULL: stateless. */
    wr_status (*save)(wr_op *op, wr_buf *out, wr_err *err);
    wr_status (*load)(wr_op *op, const char *p, size_t n, wr_err *err);
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
    wr_edge *out;
    uint32_t n_out;
    int64_t *port_wm; /* per input: its watermark */
    uint32_t n_in, ended, barriers;
    uint32_t waits_for; /* set by open: an input, as a bit, whose watermark counts as none until it ends */
    int64_t wm;         /* combined watermark */
    int64_t holds_us;   /* set by open or watermark(): rows may be emitted that are this much older */
    uint64_t rows_in, rows_out, late_rows;
    wri_bad_kept *bad_kept; /* rows that fail are counted there instead of being reported; NULL: reported */
};

/* Hands a batch to everything behind op; b stays the caller's (drop it afterwards). Empty batches are fine.
 */
wr_status wr_emit(wr_op *op, wr_batch *b, wr_err *err) WR_MUST_USE;

/* ---- what a task offers its operators ---- */

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
