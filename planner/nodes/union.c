/* planner/nodes/union.c -- a UNION: the rows of all its inputs. */
#include "nodes.h"

static bool union_need(wri_ctx *c, wr_node *n) {
    (void)c;
    for (uint32_t k = 0; k < n->n_in; k++)
        for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, n->in[k], i);
    return true;
}

static void union_explain(wri_ex *x, const wr_node *n) { WRI_PUT(x, "of %u", n->n_in); }

static void union_same(wri_same *x, const wr_node *n) { wri_id_put(x, "%u ", n->n_in); }

static uint64_t union_col(wri_same *x, const wr_node *n, uint32_t i) {
    uint64_t h = 0;
    for (uint32_t k = 0; k < n->n_in; k++) h = wri_id_of(x, "union", h, wri_id_of_cols(x, n->in[k])[i]);
    return h;
}

const wri_node_def wri_node_union = {.name = "UNION",
                                     .need = union_need,
                                     .rebuild = wri_exact_columns,
                                     .explain = union_explain,
                                     .same = union_same,
                                     .same_col = union_col,
                                     .takes_changes = wri_takes_any_change};
