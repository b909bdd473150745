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

static void values_same(wri_same *x, const wr_node *n) {
    for (uint32_t i = 0; i < n->values.n_rows * n->out.n; i++)
        wri_id_value(x, &n->values.rows[i], wr_type_phys(n->out.fields[i % n->out.n].type));
}

const wri_node_def wri_node_values = {.name = "VALUES",
                                      .need = values_need,
                                      .rebuild = wri_same_columns,
                                      .explain = values_explain,
                                      .same = values_same};
