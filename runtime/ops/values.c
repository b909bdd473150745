/* runtime/ops/values.c -- VALUES, SELECT without FROM: constant rows, made when worker 0 starts. */
#include "../job_int.h"
#include "ops.h"

static wr_status set(wr_batch *b, uint32_t c, uint32_t row, const wr_value *v, wr_err *err) {
    wr_col *col = &b->cols[c];
    if (v->null) {
        if (!wr_batch_nulls(b, col)) return wr_fail_oom(err, "VALUES");
        wr_bit_set(col->nulls, row);
    }
    switch (col->phys) {
    case WR_I64:
        col->i64[row] = v->null ? 0 : v->i64;
        return WR_OK;
    case WR_F64:
        col->f64[row] = v->null ? 0 : v->f64;
        return WR_OK;
    case WR_STR:
        col->str[row] = v->null ? wr_str_make("", 0) : v->str;
        return WR_OK; /* the plan owns the bytes */
    }
    return WR_OK;
}

/* "Pushed" once with NULL by the worker when it starts. */
static wr_status values_push(wr_op *op, uint32_t port, wr_batch *unused, wr_err *err) {
    (void)port, (void)unused;
    const wr_node *n = op->node;
    wr_batch *b;
    if (wr_task_worker(op->task) != 0) return WR_OK;
    WR_TRY(wr_batch_new(n->out.n, n->values.n_rows, &b, err));
    b->n = n->values.n_rows;
    wr_status r = WR_OK;
    for (uint32_t c = 0; r == WR_OK && c < n->out.n; c++) {
        r = wr_batch_col(b, c, wr_type_phys(n->out.fields[c].type), err);
        for (uint32_t i = 0; r == WR_OK && i < b->n; i++)
            r = set(b, c, i, &n->values.rows[i * n->out.n + c], err);
    }
    if (r == WR_OK) r = wr_emit(op, b, err);
    wr_batch_drop(b);
    return r;
}

const wr_op_def wri_op_values = {.name = "values", .push = values_push, .stateless = true};
