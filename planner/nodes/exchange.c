/* planner/nodes/exchange.c -- an EXCHANGE brings rows to the task that owns their key. */
#include "nodes.h"

static bool exchange_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->exchange.n_keys; i++) wri_need(in, n->exchange.keys[i], false);
    return true;
}

/* What others read of its input does not go through it, nor wait in who keeps its rows: their state would
 * else depend on other statements. */
static bool exchange_rebuild(wri_ctx *c, wr_node *n) {
    wri_xnode *x = wri_x(n);
    uint32_t *want = wri_new_n(c, n->out.n, sizeof *want), to = 0;
    if (!want) return false;
    for (uint32_t i = 0; i < n->exchange.n_keys; i++) x->need[n->exchange.keys[i]] = true;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (x->need[i]) want[to++] = i;
    if (!wri_exact_input(c, n, 0, want, to)) return false;
    wri_compact_fields(n);
    for (uint32_t i = 0; i < n->exchange.n_keys; i++) n->exchange.keys[i] = x->map[n->exchange.keys[i]];
    return true;
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
                                        .same_col = wri_id_like_input,
                                        .takes_changes = wri_takes_any_change};
