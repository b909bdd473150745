/* runtime/ops/filter.c -- WHERE, HAVING: keeps the rows for which the predicate is TRUE.
 *
 * The kept rows are gathered into a dense batch of the columns that are still needed; when all rows
 * pass, the columns are shared instead. */
#include "../job_int.h"
#include "ops.h"

typedef struct filter {
    wr_eval *pred;
    uint32_t *idx;
    size_t cap;
    wr_row_errors errs;
} filter;

static wr_status filter_open(wr_op *op, wr_err *err) {
    filter *f = op->state = wr_calloc(1, sizeof *f);
    if (!f) return wr_fail_oom(err, "a filter");
    wr_eval_opts eo = {.sqlite_only = wr_task_plan(op->task)->settings.evaluator == 1,
                       .sys = wr_task_sys(op->task)};
    return wr_eval_new(&op->node->filter.pred, 1, &op->node->in[0]->out, &eo, &f->pred, err);
}

static void filter_close(wr_op *op) {
    filter *f = op->state;
    if (!f) return;
    wr_eval_free(f->pred);
    wr_row_errors_free(&f->errs);
    wr_free(f->idx);
    wr_free(f);
}

static wr_status filter_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    filter *f = op->state;
    const wr_node *n = op->node;
    wr_batch *out;
    uint32_t kept;
    if (wr_grow(&f->idx, &f->cap, in->n, sizeof *f->idx) != WR_OK) return wr_fail_oom(err, "a filter");
    wr_row_errors_reset(&f->errs);
    WR_TRY(wr_eval_filter(f->pred, in, f->idx, &kept, &f->errs, err));
    if (f->errs.n) WR_TRY(wr_task_bad_exprs(op, in, &f->errs, &n->filter.pred, err));
    if (kept == 0) return WR_OK;
    if (kept == in->n) WR_TRY(wr_batch_share(in, n->filter.keep, n->out.n, &out, err));
    else WR_TRY(wr_batch_gather(in, f->idx, kept, n->filter.keep, n->out.n, &out, err));
    wr_status r = wr_emit(op, out, err);
    wr_batch_drop(out);
    return r;
}

const wr_op_def wri_op_filter = {
    .stateless = true, .name = "filter", .open = filter_open, .push = filter_push, .close = filter_close};
