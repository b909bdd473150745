/* planner/nodes/values.c -- VALUES: constant rows. */
#include "nodes.h"

static bool values_need(wri_ctx *c, wr_node *n) {
    (void)c;
    (void)n;
    return true;
}

static void values_explain(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "%u row%s", n->values.n_rows, n->values.n_rows == 1 ? "" : "s");
}

const wri_node_def wri_node_values = {
    .name = "VALUES", .need = values_need, .rebuild = wri_same_columns, .explain = values_explain};
