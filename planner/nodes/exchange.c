/* planner/nodes/exchange.c -- an EXCHANGE brings rows to the task that owns their key. */
#include "nodes.h"

static bool exchange_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->exchange.n_keys; i++) wri_need(in, n->exchange.keys[i], false);
    return true;
}

static bool exchange_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    for (uint32_t i = 0; i < n->exchange.n_keys; i++) n->exchange.keys[i] = in[n->exchange.keys[i]];
    return wri_like_input(c, n, 0);
}

static void exchange_explain(wri_ex *x, const wr_node *n) {
    if (n->exchange.mode == WR_EX_GATHER) WRI_PUT(x, "to one task");
    else if (n->exchange.mode == WR_EX_ALL) WRI_PUT(x, "to every task");
    else {
        WRI_PUT(x, "by ");
        wri_tell_cols(x, &n->out, n->exchange.keys, n->exchange.n_keys);
    }
    WRI_PUT(x, ", stage %u to %u", n->in[0]->stage, n->stage);
}

const wri_node_def wri_node_exchange = {.name = "EXCHANGE",
                                        .need = exchange_need,
                                        .rebuild = exchange_rebuild,
                                        .explain = exchange_explain,
                                        .takes_changes = wri_takes_any_change};
