/* planner/nodes/promote.c -- a PROMOTE makes another column the event time. */
#include "nodes.h"

static bool promote_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, i);
    wri_need(in, n->promote.time, false);
    wri_need(in, n->promote.order_time, false);
    wri_x(n)->need_wm = true;
    return true;
}

static bool promote_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    n->promote.time = in[n->promote.time];
    n->promote.order_time = wri_at(in, n->promote.order_time);
    return wri_like_input(c, n, 0);
}

static void promote_explain(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "time is %s from here on", wri_col_name(&n->out, n->promote.time));
    if (n->promote.within_us)
        WRI_PUT(x, ", rows up to %s behind", wri_duration(&x->ar, n->promote.within_us));
}

static void promote_same(wri_same *x, const wr_node *n) {
    wri_id_col(x, n->in[0], n->promote.time);
    wri_id_col(x, n->in[0], n->promote.order_time);
    wri_id_put(x, "%lld", (long long)n->promote.within_us);
}

const wri_node_def wri_node_promote = {.name = "PROMOTE",
                                       .clause = "AS ROWTIME",
                                       .need = promote_need,
                                       .rebuild = promote_rebuild,
                                       .explain = promote_explain,
                                       .same = promote_same,
                                       .same_col = wri_id_like_input};
