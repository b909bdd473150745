/* planner/nodes/window.c -- a WINDOW gives rows their windows. */
#include "nodes.h"

static bool window_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < in->out.n; i++) wri_pass(n, i, in, i);
    wri_need(in, n->window.win.time_col, false);
    wri_x(n)->need_wm = true;
    return true;
}

static bool window_rebuild(wri_ctx *c, wr_node *n) {
    n->window.win.time_col = wri_x(n->in[0])->map[n->window.win.time_col];
    return wri_like_input(c, n, 3);
}

static void window_explain(wri_ex *x, const wr_node *n) {
    wri_tell_window(x, &n->window.win, &n->in[0]->out, true);
}

static void window_same(wri_same *x, const wr_node *n) { wri_id_win(x, &n->window.win, n->in[0]); }

const wri_node_def wri_node_window = {.name = "WINDOW",
                                      .need = window_need,
                                      .rebuild = window_rebuild,
                                      .explain = window_explain,
                                      .same = window_same,
                                      .same_col = wri_id_like_input};
