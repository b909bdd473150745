/* planner/nodes/filter.c -- a FILTER chooses rows, and columns on the way. */
#include "nodes.h"

static bool filter_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, n->filter.keep[i]);
    wri_need_expr(n->filter.pred, in);
    return true;
}

static bool filter_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i]) n->filter.keep[to++] = in[n->filter.keep[i]];
    wri_compact_fields(n);
    n->filter.pred = wri_moved(c, n->filter.pred, in);
    return n->filter.pred != NULL;
}

static void filter_explain(wri_ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    wri_tell_expr(x, n->filter.pred, in);
    wri_tell_runs_on(x, n->filter.pred, in);
    bool all = n->out.n == wri_width(n->in[0]);
    for (uint32_t i = 0; i < n->out.n; i++) all = all && n->filter.keep[i] == i;
    if (all) return;
    WRI_PUT(x, " keeps ");
    for (uint32_t i = 0; i < n->out.n; i++) {
        const char *from = wri_col_name(in, n->filter.keep[i]);
        WRI_PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (strcmp(from, n->out.fields[i].name) != 0) WRI_PUT(x, " = %s", from);
    }
    if (n->out.n == 0) WRI_PUT(x, "no column");
}

static void filter_same(wri_same *x, const wr_node *n) {
    wri_id_expr(x, n->filter.pred, wri_id_of_cols(x, n->in[0]));
}

static uint64_t filter_col(wri_same *x, const wr_node *n, uint32_t i) {
    return wri_id_of_cols(x, n->in[0])[n->filter.keep[i]];
}

const wri_node_def wri_node_filter = {.name = "FILTER",
                                      .need = filter_need,
                                      .rebuild = filter_rebuild,
                                      .explain = filter_explain,
                                      .same = filter_same,
                                      .same_col = filter_col,
                                      .takes_changes = wri_takes_any_change};
