/* planner/rules.c -- rewrites of the whole DAG, before and after pruning.
 *
 *   filters   go below PROJECT (where they read columns that it passes on), WINDOW (other than its own
 *             columns), SESSION (of its keys) and UNION, as far as nobody else reads that node
 *   ranks     what a filter says of a rank that changes becomes the RANK's own
 *   projects  two in a row become one, unless an expression would be computed twice; constant ones over
 *             VALUES become VALUES; those that only choose columns vanish under an aggregate
 *   identity  a PROJECT that changes nothing, or that a FILTER can do by choosing columns, vanishes
 *
 * An expression that can fail is never moved in front of a filter that might have guarded it. A node that
 * is replaced points at its replacement (fwd) until wri_chase. `uses` is kept right by every rule. */
#include <strings.h>

#include "plan_int.h"

/* ---- walking ---- */

static bool visit(wri_ctx *c, wr_node *n) {
    wri_xnode *x = wri_x(n);
    if (x->mark == c->mark) return true;
    x->mark = c->mark;
    x->uses = 0;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (!visit(c, n->in[i])) return false;
    wr_node **slot = wri_new_last(c, &c->nodes, &c->n_nodes, &c->nodes_cap, sizeof *slot);
    if (slot) *slot = n;
    return slot != NULL;
}

bool wri_walk(wri_ctx *c) {
    c->mark++;
    c->n_nodes = 0;
    for (uint32_t i = 0; i < c->n_sinks; i++)
        if (!visit(c, c->sinks[i])) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t k = 0; k < c->nodes[i]->n_in; k++) wri_x(c->nodes[i]->in[k])->uses++;
    return true;
}

static wr_node *now(wr_node *n) {
    while (wri_x(n)->fwd) n = wri_x(n)->fwd;
    return n;
}

void wri_chase(wri_ctx *c) {
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t k = 0; k < c->nodes[i]->n_in; k++) c->nodes[i]->in[k] = now(c->nodes[i]->in[k]);
}

static bool shared(const wr_node *n) { return wri_x(n)->uses != 1; }

/* ---- expressions ---- */

static bool trivial(const wr_expr *e) { return e->kind == WR_X_COL || e->kind == WR_X_CONST; }

static wr_expr *and_of(wri_ctx *c, wr_expr *a, wr_expr *b) {
    if (!a || !b) return a ? a : b;
    wr_type t = wr_type_of(WR_T_BOOLEAN);
    wr_expr *e = wri_new_op(c->ar, WR_OP_AND, t, a->loc, 2, (wr_expr *[]){a, b});
    if (!e) c->oom = true;
    return e;
}

/* ---- filters ---- */

typedef struct split { /* a predicate in two parts: what goes below the node, what stays */
    wri_ctx *c;
    bool (*moves)(void *ctx, const wr_expr *e);
    void *ctx;
    wr_expr *down, *stay;
} split;

static void split_and(split *s, wr_expr *e) {
    if (e->kind == WR_X_OP && e->op == WR_OP_AND) {
        for (uint32_t i = 0; i < e->n_args; i++) split_and(s, e->args[i]);
        return;
    }
    bool down = s->moves(s->ctx, e) && wri_cannot_fail(e);
    wr_expr **part = down ? &s->down : &s->stay;
    *part = and_of(s->c, *part, e);
}

/* The whole predicate, when all of it may move; else those conjuncts that may and cannot fail. */
static bool split_pred(split *s, wr_expr *pred) {
    if (s->moves(s->ctx, pred)) s->down = pred;
    else split_and(s, pred);
    return s->down != NULL && !s->c->oom;
}

static bool computed_col(void *ctx, uint32_t col) {
    const wr_node *p = ctx;
    return !trivial(p->project.exprs[col]);
}
static bool moves_below_project(void *ctx, const wr_expr *e) { return !wri_reads(e, computed_col, ctx); }

static bool window_col(void *ctx, uint32_t col) { return col >= ((const wr_node *)ctx)->in[0]->out.n; }
static bool moves_below_window(void *ctx, const wr_expr *e) {
    return !wri_reads(e, window_col, ctx) && wri_is_deterministic(e);
}
static bool not_key(void *ctx, uint32_t col) {
    const wr_node *s = ctx;
    for (uint32_t i = 0; i < s->session.n_keys; i++)
        if (s->session.rows && s->session.keys[i] == col) return false;
    return true;
}
static bool moves_below_session(void *ctx, const wr_expr *e) {
    return !wri_reads(e, not_key, ctx) && wri_is_deterministic(e);
}
static bool moves_below_union(void *ctx, const wr_expr *e) {
    (void)ctx;
    (void)e;
    return true;
}

/* Puts a FILTER on the edge from below's input k. */
static bool filter_edge(wri_ctx *c, wr_node *below, uint32_t k, wr_expr *pred, wr_loc loc) {
    wr_node *f = pred ? wri_filter_node(c, below->in[k], pred, loc) : NULL;
    if (!f) return false;
    wri_x(f)->uses = 1;
    below->in[k] = f;
    return true;
}

/* F over X becomes X over F. */
static bool push_filter(wri_ctx *c, wr_node *f) {
    wr_node *x = f->in[0];
    if (shared(x)) return false;
    split s = {.c = c, .ctx = x};
    if (x->kind == WR_N_PROJECT) s.moves = moves_below_project;
    else if (x->kind == WR_N_WINDOW) s.moves = moves_below_window;
    else if (x->kind == WR_N_SESSION) s.moves = moves_below_session;
    else if (x->kind == WR_N_UNION) s.moves = moves_below_union;
    else if (x->kind == WR_N_FILTER && wri_cannot_fail(f->filter.pred)) {
        x->filter.pred = and_of(c, x->filter.pred, f->filter.pred);
        wri_x(f)->fwd = x;
        return true;
    } else return false;
    if (!split_pred(&s, f->filter.pred)) return false;
    wr_expr *down = s.down;
    if (x->kind == WR_N_PROJECT) down = wri_subst(c, down, x->project.exprs);
    for (uint32_t k = 0; k < x->n_in; k++)
        if (!filter_edge(c, x, k, down, f->loc)) return false;
    if (s.stay) f->filter.pred = s.stay;
    else wri_x(f)->fwd = x;
    return true;
}

/* ---- projects ---- */

#define WRI_MERGED_MAX 200 /* nodes of a merged expression: deep trees cost more than another PROJECT */

typedef struct counts { /* how often each column is read */
    uint32_t *n;
} counts;
static void count_col(void *ctx, uint32_t col) { ((counts *)ctx)->n[col]++; }

/* Whether PROJECT u can compute what its input l computes. */
static bool can_merge(wri_ctx *c, const wr_node *u, const wr_node *l) {
    counts k = {.n = wri_new_n(c, l->out.n, sizeof(uint32_t))};
    uint32_t *sizes = wri_new_n(c, l->out.n, sizeof *sizes);
    if (!k.n || !sizes) return false;
    for (uint32_t i = 0; i < l->out.n; i++)
        sizes[i] = wri_expr_size(l->project.exprs[i], NULL, WRI_MERGED_MAX);
    bool computes = false; /* u's expressions would grow */
    for (uint32_t i = 0; i < u->out.n; i++) wri_expr_cols(u->project.exprs[i], count_col, &k);
    for (uint32_t i = 0; i < l->out.n; i++) {
        const wr_expr *e = l->project.exprs[i];
        if (trivial(e) || k.n[i] == 0) continue;
        if (k.n[i] > 1 || shared(l)) return false;
        computes = true;
    }
    for (uint32_t i = 0; computes && i < u->out.n; i++)
        if (!trivial(u->project.exprs[i]) &&
            wri_expr_size(u->project.exprs[i], sizes, WRI_MERGED_MAX) > WRI_MERGED_MAX)
            return false;
    return true;
}

static bool merge_projects(wri_ctx *c, wr_node *u) {
    wr_node *l = u->in[0];
    if (!can_merge(c, u, l)) return false;
    for (uint32_t i = 0; i < u->out.n; i++) {
        wr_expr *e = wri_subst(c, u->project.exprs[i], l->project.exprs);
        if (!e) return false;
        u->project.exprs[i] = e;
    }
    u->in[0] = l->in[0];
    if (shared(l)) wri_x(l->in[0])->uses++; /* else l is gone, and its use is now u's */
    wri_x(l)->uses--;
    return true;
}

/* Columns and constants over VALUES are VALUES. */
static bool project_values(wri_ctx *c, wr_node *p) {
    wr_node *v = p->in[0];
    for (uint32_t i = 0; i < p->out.n; i++)
        if (!trivial(p->project.exprs[i])) return false;
    wr_value *rows = wri_new_n(c, (size_t)v->values.n_rows * p->out.n, sizeof *rows);
    if (!rows) return false;
    for (uint32_t r = 0; r < v->values.n_rows; r++)
        for (uint32_t i = 0; i < p->out.n; i++) {
            const wr_expr *e = p->project.exprs[i];
            rows[r * p->out.n + i] = e->kind == WR_X_CONST ? e->value : v->values.rows[r * v->out.n + e->col];
        }
    uint32_t n_rows = v->values.n_rows;
    wri_x(v)->uses--;
    p->kind = WR_N_VALUES;
    p->n_in = 0;
    p->values.rows = rows;
    p->values.n_rows = n_rows;
    return true;
}

static void through(uint32_t *col, const wr_node *p) {
    if (*col != WR_NO_COL) *col = p->project.exprs[*col]->col;
}

/* An aggregate reads columns in any order, so a PROJECT that only chooses some is not needed. */
static bool skip_choice(wri_ctx *c, wr_node *a) {
    wr_node *p = a->in[0];
    for (uint32_t i = 0; i < p->out.n; i++)
        if (p->project.exprs[i]->kind != WR_X_COL) return false;
    for (uint32_t i = 0; i < a->agg.n_keys; i++) through(&a->agg.keys[i], p);
    for (uint32_t i = 0; i < a->agg.n_calls; i++) {
        wr_agg_call *k = &a->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) through(&k->args[j], p);
        through(&k->filter, p);
        through(&k->time, p);
    }
    through(&a->agg.win.time_col, p);
    through(&a->agg.win.start_col, p);
    through(&a->agg.win.end_col, p);
    if (a->late && a->late->to) {
        uint32_t n = a->late->to->out.n, *cols = wri_new_n(c, n, sizeof *cols);
        if (!cols) return false;
        memcpy(cols, a->late->cols, n * sizeof *cols);
        for (uint32_t i = 0; i < n; i++) through(&cols[i], p);
        a->late->cols = cols;
    }
    a->in[0] = p->in[0];
    if (shared(p)) wri_x(p->in[0])->uses++;
    wri_x(p)->uses--;
    return true;
}

/* ---- identity ---- */

/* Whether n's columns may get other names, or types that hold all their values. */
static bool may_rename(const wr_node *n) {
    return !shared(n) && n->kind != WR_N_SOURCE && n->kind != WR_N_ERRORS && n->kind != WR_N_LATE;
}

/* PROJECT that passes all columns of its input on, in order. */
static bool drop_identity(wr_node *p) {
    wr_node *in = p->in[0];
    if (p->out.n != in->out.n) return false; /* a SOURCE with columns for its own use, too */
    bool renames = false;
    for (uint32_t i = 0; i < p->out.n; i++) {
        const wr_expr *e = p->project.exprs[i];
        if (e->kind != WR_X_COL || e->col != i) return false;
        renames = renames || strcmp(p->out.fields[i].name, in->out.fields[i].name) != 0 ||
                  !wri_types_same(p->out.fields[i].type, in->out.fields[i].type);
    }
    if (renames && !may_rename(in)) return false;
    for (uint32_t i = 0; renames && i < p->out.n; i++) in->out.fields[i] = p->out.fields[i];
    wri_x(p)->fwd = in;
    wri_x(in)->uses += wri_x(p)->uses - 1;
    return true;
}

/* PROJECT that chooses columns of a FILTER: the filter does that itself. */
static bool choose_in_filter(wri_ctx *c, wr_node *p) {
    wr_node *f = p->in[0];
    if (f->kind != WR_N_FILTER || shared(f)) return false;
    for (uint32_t i = 0; i < p->out.n; i++) {
        if (p->project.exprs[i]->kind != WR_X_COL) return false;
        for (uint32_t k = 0; k < i; k++)
            if (p->project.exprs[k]->col == p->project.exprs[i]->col) return false;
    }
    uint32_t *keep = wri_new_n(c, p->out.n, sizeof *keep);
    if (!keep) return false;
    for (uint32_t i = 0; i < p->out.n; i++) keep[i] = f->filter.keep[p->project.exprs[i]->col];
    f->filter.keep = keep;
    f->out = p->out;
    f->time_col = p->time_col;
    f->keyed = p->keyed;
    f->key = p->key;
    f->n_key = p->n_key; /* key2 is for sinks, which have been planned */
    wri_x(f)->n_vis = wri_x(p)->n_vis;
    wri_x(p)->fwd = f;
    wri_x(f)->uses = wri_x(p)->uses;
    return true;
}

/* ---- rounds ---- */

static bool rewrite(wri_ctx *c, wr_node *n, bool pruned) {
    if (wri_x(n)->fwd || n->n_in == 0 || (wri_x(n)->uses == 0 && n->kind != WR_N_SINK)) return false;
    for (uint32_t i = 0; i < n->n_in; i++) n->in[i] = now(n->in[i]);
    wr_node *in = n->in[0];
    switch (n->kind) {
    case WR_N_FILTER:
        if (in->kind == WR_N_OVER && !shared(in)) wri_over_top(n);
        if (in->kind == WR_N_RANK && !shared(in) && !pruned && wri_rank_top(c, n)) {
            wri_x(n)->fwd = in;
            wri_x(in)->uses = wri_x(n)->uses;
            return true;
        }
        return !pruned && push_filter(c, n);
    case WR_N_PROJECT:
        if (in->kind == WR_N_PROJECT && merge_projects(c, n)) return true;
        if (in->kind == WR_N_VALUES && project_values(c, n)) return true;
        return pruned && (drop_identity(n) || choose_in_filter(c, n));
    case WR_N_AGG_LOCAL:
    case WR_N_AGG_DELTA:
        return in->kind == WR_N_PROJECT && skip_choice(c, n);
    default:
        return false;
    }
}

static bool rounds(wri_ctx *c, bool pruned) {
    for (bool changed = true; changed;) {
        if (!wri_walk(c)) return false;
        changed = false;
        for (uint32_t i = c->n_nodes; i-- > 0 && !c->oom;)
            changed = rewrite(c, c->nodes[i], pruned) || changed;
        wri_chase(c);
        if (c->oom) return false;
    }
    return true;
}

/* Every rule takes a node away or moves a filter down, so the rounds end. */
bool wri_rules(wri_ctx *c) { return rounds(c, false) && wri_prune(c) && rounds(c, true); }
