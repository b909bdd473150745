/* planner/nodes/clock.c -- a CLOCK makes what clocks in a zone show the event time. */
#include "nodes.h"

static bool clock_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < in->out.n; i++) wri_pass(n, i, in, i);
    wri_need(in, n->clock.time, false);
    return true;
}

static bool clock_rebuild(wri_ctx *c, wr_node *n) {
    n->clock.time = wri_x(n->in[0])->map[n->clock.time];
    return wri_like_input(c, n, 1);
}

static void clock_explain(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "%s in %s", wri_col_name(&n->in[0]->out, n->clock.time), n->clock.zone);
}

static void clock_same(wri_same *x, const wr_node *n) {
    wri_id_col(x, n->in[0], n->clock.time);
    wri_id_name(x, n->clock.zone);
}

const wri_node_def wri_node_clock = {.name = "CLOCK",
                                     .need = clock_need,
                                     .rebuild = clock_rebuild,
                                     .explain = clock_explain,
                                     .same = clock_same,
                                     .same_col = wri_id_like_input,
                                     .takes_changes = wri_takes_any_change};
