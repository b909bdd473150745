/* runtime/ops/limit.c -- LIMIT and OFFSET, behind an exchange that gathers to one worker. Once the limit is
 * reached nothing more is emitted; when every sink of the job is behind full limits the job ends early. */
#include "../job_int.h"
#include "ops.h"

typedef struct limiter {
    int64_t skip, left; /* left -1: no limit */
} limiter;

static wr_status limit_open(wr_op *op, wr_err *err) {
    limiter *l = op->state = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "LIMIT");
    l->skip = op->node->sort.offset;
    l->left = op->node->sort.limit;
    return WR_OK;
}

static void limit_close(wr_op *op) { wr_free(op->state); }

static wr_status limit_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    limiter *l = op->state;
    int64_t from = l->skip < in->n ? l->skip : in->n, n = in->n - from;
    if (l->left >= 0 && n > l->left) n = l->left;
    l->skip -= from;
    if (n == 0) return WR_OK;
    if (l->left >= 0 && (l->left -= n) == 0) wri_limit_full(op);
    if (n == in->n) return wr_emit(op, in, err);
    uint32_t *idx = wr_alloc((size_t)n * sizeof *idx);
    wr_batch *out;
    if (!idx) return wr_fail_oom(err, "LIMIT");
    for (int64_t i = 0; i < n; i++) idx[i] = (uint32_t)(from + i);
    wr_status r = wr_batch_gather(in, idx, (uint32_t)n, NULL, 0, &out, err);
    wr_free(idx);
    if (r != WR_OK) return r;
    r = wr_emit(op, out, err);
    wr_batch_drop(out);
    return r;
}

/* Worker 0 has all rows. Numbers come back to every worker: the others must not say them once more. */
static wr_status limit_save(wr_op *op, wr_saver *to, wr_err *err) {
    if (wr_task_worker(op->task) != 0) return WR_OK;
    const limiter *l = op->state;
    const wr_node *n = op->node;
    int64_t used[2] = {n->sort.offset - l->skip, l->left < 0 ? 0 : n->sort.limit - l->left};
    return wr_save_ints(to, 0, used, 2, err);
}

static wr_status limit_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    limiter *l = op->state;
    if (saved->n_ints != 2) return wr_fail(err, WR_EDATA, "LIMIT in the snapshot is not as it was written");
    bool was_full = l->left == 0;
    l->skip -= saved->ints[0];
    if (l->left >= 0) l->left -= saved->ints[1];
    if (l->left == 0 && !was_full && wr_task_worker(op->task) == 0) wri_limit_full(op);
    return WR_OK;
}

const wr_op_def wri_op_limit = {.name = "limit",
                                .open = limit_open,
                                .push = limit_push,
                                .save = limit_save,
                                .load = limit_load,
                                .close = limit_close};
