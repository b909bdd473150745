/* planner/nodes/project.c -- a PROJECT computes columns. */
#include "nodes.h"

static bool project_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) {
        const wr_expr *e = n->project.exprs[i];
        if (e->kind == WR_X_COL) wri_pass(n, i, in, e->col);
        else if (wri_x(n)->need[i]) wri_need_expr(e, in);
    }
    return true;
}

static bool project_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i] && !(n->project.exprs[to++] = wri_moved(c, n->project.exprs[i], in)))
            return false;
    wri_compact_fields(n);
    return true;
}

static void project_explain(wri_ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    for (uint32_t i = 0; i < n->out.n; i++) {
        const wr_expr *e = n->project.exprs[i];
        WRI_PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (e->kind == WR_X_COL && strcmp(wri_col_name(in, e->col), n->out.fields[i].name) == 0) continue;
        WRI_PUT(x, " = ");
        wri_tell_expr(x, e, in);
        wri_tell_runs_on(x, e, in);
    }
}

static uint64_t project_col(wri_same *x, const wr_node *n, uint32_t i) {
    return wri_id_computed(x, n->project.exprs[i], wri_id_of_cols(x, n->in[0]));
}

const wri_node_def wri_node_project = {.name = "PROJECT",
                                       .need = project_need,
                                       .rebuild = project_rebuild,
                                       .explain = project_explain,
                                       .same_col = project_col,
                                       .takes_changes = wri_takes_any_change};
