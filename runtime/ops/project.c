/* runtime/ops/project.c -- SELECT list: one expression per output column; bare columns are shared. */
#include "../job_int.h"
#include "ops.h"

typedef struct project {
    wr_eval *eval;
    uint32_t *cols;  /* 0, 1, 2, … */
    uint32_t *empty; /* columns to be filled */
    uint32_t *good;  /* scratch: rows that did not fail */
    size_t cap;
    wr_row_errors errs;
} project;

static wr_status project_open(wr_op *op, wr_err *err) {
    project *p = op->state = wr_calloc(1, sizeof *p);
    if (!p) return wr_fail_oom(err, "a projection");
    const wr_node *n = op->node;
    p->cols = wr_calloc(n->out.n + 1, sizeof *p->cols);
    p->empty = wr_calloc(n->out.n + 1, sizeof *p->empty);
    if (!p->cols || !p->empty) return wr_fail_oom(err, "a projection");
    for (uint32_t i = 0; i < n->out.n; i++) {
        p->cols[i] = i;
        p->empty[i] = UINT32_MAX;
    }
    wr_eval_opts eo = {.sqlite_only = wr_task_plan(op->task)->settings.evaluator == 1,
                       .sys = wr_task_sys(op->task)};
    return wr_eval_new(n->project.exprs, n->out.n, &n->in[0]->out, &eo, &p->eval, err);
}

static void project_close(wr_op *op) {
    project *p = op->state;
    if (!p) return;
    wr_eval_free(p->eval);
    wr_row_errors_free(&p->errs);
    wr_free(p->cols);
    wr_free(p->empty);
    wr_free(p->good);
    wr_free(p);
}

/* Reports the failed rows and takes them out of *bp. */
static wr_status drop_failed(wr_op *op, project *p, wr_batch *in, wr_batch **bp, wr_err *err) {
    wr_batch *out;
    uint32_t n = 0, e = 0;
    WR_TRY(wr_task_bad_exprs(op, in, &p->errs, op->node->project.exprs, err));
    if (wr_grow(&p->good, &p->cap, in->n, sizeof *p->good) != WR_OK) return wr_fail_oom(err, "a projection");
    for (uint32_t i = 0; i < in->n; i++) {
        if (e < p->errs.n && p->errs.rows[e] == i) e++;
        else p->good[n++] = i;
    }
    WR_TRY(wr_batch_gather(*bp, p->good, n, NULL, 0, &out, err));
    wr_batch_drop(*bp);
    *bp = out;
    return WR_OK;
}

static wr_status project_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    project *p = op->state;
    wr_batch *out;
    WR_TRY(wr_batch_share(in, p->empty, op->node->out.n, &out, err));
    wr_row_errors_reset(&p->errs);
    wr_status r = wr_eval_run(p->eval, in, out, p->cols, &p->errs, err);
    if (r == WR_OK && p->errs.n) r = drop_failed(op, p, in, &out, err);
    if (r == WR_OK) r = wr_emit(op, out, err);
    wr_batch_drop(out);
    return r;
}

const wr_op_def wri_op_project = {
    .stateless = true, .name = "project", .open = project_open, .push = project_push, .close = project_close};
