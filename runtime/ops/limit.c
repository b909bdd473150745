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

const wr_op_def wri_op_limit = {
    .name = "limit", .open = limit_open, .push = limit_push, .close = limit_close};
