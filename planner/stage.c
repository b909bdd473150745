/* planner/stage.c -- numbers the nodes and cuts the plan into stages.
 *
 *   stage(EXCHANGE) = stage(input) + 1      stage(any other) = the highest of its inputs, 0 without inputs
 *
 * All stages run on every worker, so an edge from a lower to a higher stage that is no EXCHANGE (a UNION of
 * branches, say) is a hand-over within the worker. Ids rise in topological order; a LATE node comes after
 * the nodes that send rows to it, though it has no inputs. */
#include "plan_int.h"

typedef struct order {
    wri_ctx *c;
    wr_node **nodes;
    uint32_t n;
    bool sources_bounded;
} order;

static void finish(order *o, wr_node *n);

static bool sends_late(const wr_node *from, const wr_node *to) {
    for (uint32_t k = 0; from->late && k < from->n_in; k++)
        if (from->late[k].to == to) return true;
    return false;
}

/* The nodes that send late rows to n. */
static void finish_late(order *o, wr_node *n) {
    bool bounded = true;
    for (uint32_t i = 0; i < o->c->n_nodes; i++) {
        wr_node *a = o->c->nodes[i];
        if (!sends_late(a, n)) continue;
        finish(o, a);
        if (a->stage > n->stage) n->stage = a->stage;
        bounded = bounded && a->bounded;
    }
    n->bounded = bounded;
}

static void finish(order *o, wr_node *n) {
    wri_xnode *x = wri_x(n);
    if (x->mark == o->c->mark) return;
    x->mark = o->c->mark;
    n->stage = 0;
    bool bounded = true;
    if (n->kind == WR_N_JOIN_TABLE) finish(o, n->in[1]); /* its sources come first, also when they run */
    for (uint32_t i = 0; i < n->n_in; i++) {
        finish(o, n->in[i]);
        if (n->in[i]->stage > n->stage) n->stage = n->in[i]->stage;
        bounded = bounded && n->in[i]->bounded;
    }
    if (n->kind == WR_N_EXCHANGE) n->stage++;
    if (n->n_in) n->bounded = bounded;
    if (n->kind == WR_N_LATE) finish_late(o, n);
    if (n->kind == WR_N_ERRORS) n->bounded = o->sources_bounded;
    n->id = o->n;
    o->nodes[o->n++] = n;
}

bool wri_stages(wri_ctx *c, wr_plan *plan) {
    if (!wri_walk(c)) return false;
    order o = {.c = c, .sources_bounded = true, .nodes = wri_new_n(c, c->n_nodes, sizeof *o.nodes)};
    if (!o.nodes) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (c->nodes[i]->kind == WR_N_SOURCE && !c->nodes[i]->bounded) o.sources_bounded = false;
    c->mark++;
    for (uint32_t i = 0; i < c->n_sinks; i++) finish(&o, c->sinks[i]);
    plan->nodes = o.nodes;
    plan->n_nodes = o.n;
    plan->n_stages = 0;
    for (uint32_t i = 0; i < o.n; i++)
        if (o.nodes[i]->stage >= plan->n_stages) plan->n_stages = o.nodes[i]->stage + 1;
    return true;
}
