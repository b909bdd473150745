/* planner/stage.c -- numbers the nodes and cuts the plan into stages.
 *
 *   stage(EXCHANGE) = stage(input) + 1      stage(any other) = the highest of its inputs, 0 without inputs
 *
 * All stages run on every worker, so an edge from a lower to a higher stage that is no EXCHANGE (a UNION of
 * branches, say) is a hand-over within the worker. Ids rise in topological order; a LATE node comes after
 * the nodes that send rows to it, though it has no inputs.
 *
 * Where rows of equal time or order stand in the order of their source, the order in which they come is
 * enough as long as they have not been dealt out. So a node tells the places of its rows when there is an
 * EXCHANGE between it and who goes by them, or when it gives rows several times. */
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

/* ---- places ---- */

static bool goes_by_places(const wr_node *n) {
    switch (n->kind) {
    case WR_N_OVER:
    case WR_N_TABLE_FN:
    case WR_N_MATCH:
    case WR_N_SESSION:
    case WR_N_JOIN_VERSION:
        return true;
    case WR_N_RANK:
        return !n->rank.takes_back;
    case WR_N_AGG_LOCAL:
    case WR_N_AGG_DELTA:
        for (uint32_t i = 0; i < n->agg.n_calls; i++)
            if (n->agg.calls[i].def->needs_time) return true;
        return false;
    default:
        return false;
    }
}

static bool makes_rows(const wr_node *n) {
    if (n->kind == WR_N_TABLE_FN) return n->table->window_us > 0;
    return n->kind == WR_N_AGG_LOCAL || n->kind == WR_N_AGG_DELTA || n->kind == WR_N_AGG_GLOBAL ||
           n->kind == WR_N_AGG_CHANGES || n->kind == WR_N_SINK;
}

static bool repeats_rows(const wr_node *n) {
    return n->kind == WR_N_WINDOW || n->kind == WR_N_JOIN_VERSION || n->kind == WR_N_JOIN_TABLE ||
           n->kind == WR_N_JOIN_INTERVAL || n->kind == WR_N_JOIN_WINDOW;
}

/* n's readers have been seen before it. */
static void mark_places(wr_node *n) {
    bool placed = wri_x(n)->placed, passes = !makes_rows(n);
    n->places = n->places || (placed && repeats_rows(n));
    for (uint32_t k = 0; k < n->n_in; k++) {
        wr_node *in = n->in[k];
        wri_x(in)->placed = wri_x(in)->placed || goes_by_places(n) || (passes && placed);
        in->places = in->places || (n->kind == WR_N_EXCHANGE && placed) || (passes && n->places);
    }
}

bool wri_stages(wri_ctx *c, wr_plan *plan) {
    if (!wri_walk(c)) return false;
    order o = {.c = c, .sources_bounded = true, .nodes = wri_new_n(c, c->n_nodes, sizeof *o.nodes)};
    if (!o.nodes) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (c->nodes[i]->kind == WR_N_SOURCE && !c->nodes[i]->bounded) o.sources_bounded = false;
    c->mark++;
    for (uint32_t i = 0; i < c->n_sinks; i++) finish(&o, c->sinks[i]);
    for (uint32_t i = o.n; i-- > 0;) mark_places(o.nodes[i]);
    plan->nodes = o.nodes;
    plan->n_nodes = o.n;
    plan->n_stages = 0;
    for (uint32_t i = 0; i < o.n; i++)
        if (o.nodes[i]->stage >= plan->n_stages) plan->n_stages = o.nodes[i]->stage + 1;
    return true;
}
