/* planner/rank.c -- ROW_NUMBER, RANK and DENSE_RANK as updating results: Top-N, the last row of a key.
 *
 *   in ─► PROJECT keys, order ─► EXCHANGE by PARTITION BY ─► RANK ─► FILTER rn <= n ─► PROJECT
 *
 * The RANK takes what the FILTER says of a rank (the rules find the two side by side), so that a column rn
 * which is in no result is pruned, and then a row that only moves within the first n is no change.
 *
 * Rows of the result are told apart in two ways, and a sink with a PRIMARY KEY may use either:
 *
 *   key    the keys of PARTITION BY, and ROW_NUMBER. A FILTER that holds a column to one value takes it
 *          out, so that with rn = 1 the keys of PARTITION BY are left
 *   key2   what tells the input's rows apart, where the keys of PARTITION BY are among it (then all of a
 *          row's changes come from one worker, in order)
 *
 * Changes that are right for one can be wrong for the other (two rows change places: each rank has a new row,
 * or each row a new rank), hence the RANK is told which is in use. */
#include "over_int.h"

/* ---- the node ---- */

static bool is_among(uint32_t col, const uint32_t *cols, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (cols[i] == col) return true;
    return false;
}

/* in's own key, when it tells the rows of r apart, too. */
static bool add_ids(wri_ctx *c, wr_node *r) {
    const wr_node *in = r->in[0];
    wri_xnode *x = wri_x(r);
    bool fits = in->updating && in->keyed;
    for (uint32_t i = 0; i < r->rank.n_keys; i++)
        fits = fits && is_among(r->rank.keys[i], in->key, in->n_key);
    if (!fits) return true;
    r->rank.ids = wri_new_n(c, in->n_key, sizeof *r->rank.ids);
    x->key2 = wri_new_n(c, in->n_key, sizeof *x->key2);
    if (!r->rank.ids || !x->key2) return false;
    for (uint32_t i = 0; i < in->n_key; i++) r->rank.ids[i] = x->key2[i] = in->key[i];
    r->rank.n_ids = x->n_key2 = in->n_key;
    r->rank.has_ids = x->keyed2 = true;
    return true;
}

static bool says_changes(wri_q *q, wr_node *r) {
    wri_ctx *c = q->c;
    uint32_t first = r->out.n - r->rank.n_fns, n = 0, number = WR_NO_COL;
    uint32_t *key = wri_new_n(c, r->rank.n_keys + 1, sizeof *key);
    if (!key) return false;
    r->updating = false;
    if (!r->rank.each_batch) return true;
    for (uint32_t i = 0; i < r->rank.n_fns; i++)
        if (r->rank.fns[i] == WR_O_ROW_NUMBER) number = first + i;
    for (uint32_t i = 0; i < r->rank.n_keys; i++) key[n++] = r->rank.keys[i];
    if (number != WR_NO_COL) key[n++] = number;
    return wri_makes_changes(c, r, "a rank with EMIT CHANGES", number == WR_NO_COL ? NULL : key, n) &&
           add_ids(c, r);
}

/* Rows come again when they change, so only that of a window, which ends, have a time. */
static void keep_time(wr_node *r) {
    uint32_t end = r->rank.end_col;
    if (r->time_col == WR_NO_COL) return;
    const wri_prop *p = wri_x(r)->props;
    bool keeps = end != WR_NO_COL && p[r->time_col].origin == p[end].origin &&
                 (p[r->time_col].role == WRI_ROLE_TIME || p[r->time_col].role == WRI_ROLE_END);
    if (!keeps) r->time_col = WR_NO_COL;
}

static bool rank_columns(wri_ctx *c, wr_node *r, const wr_over_fn *fns, uint32_t n_fns) {
    const wr_node *in = r->in[0];
    wri_xnode *x = wri_x(r);
    const wri_xnode *xi = wri_x(in);
    for (uint32_t i = 0; i < in->out.n; i++) {
        r->out.fields[i] = in->out.fields[i];
        r->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
        x->props[i].rises = false;
    }
    r->rank.fns = wri_new_n(c, n_fns, sizeof *r->rank.fns);
    if (!r->rank.fns) return false;
    for (uint32_t i = 0; i < n_fns; i++) {
        r->rank.fns[i] = fns[i];
        x->props[in->out.n + i].counts = true;
    }
    r->rank.n_fns = n_fns;
    r->time_col = in->time_col;
    x->n_vis = xi->n_vis;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return true;
}

wr_node *wri_rank_node(wri_q *q, wr_node *in, const wri_over_cols *cols, const wr_over_fn *fns,
                       uint32_t n_fns) {
    wri_ctx *c = q->c;
    wr_node *r = wri_node_new(c, WR_N_RANK, cols->loc, 1, &in, in->out.n + n_fns);
    if (!r || !rank_columns(c, r, fns, n_fns)) return NULL;
    r->rank.keys = wri_new_n(c, cols->n_keys, sizeof(uint32_t));
    if (!r->rank.keys) return NULL;
    for (uint32_t i = 0; i < cols->n_keys; i++) r->rank.keys[i] = cols->keys[i];
    r->rank.n_keys = cols->n_keys;
    r->rank.order = cols->order;
    r->rank.n_order = cols->n_order;
    r->rank.ties_last = cols->ties_last;
    r->rank.top_fn = WR_O_ROW_NUMBER;
    r->rank.from = 1;
    r->rank.to = INT64_MAX;
    r->rank.takes_back = in->updating;
    r->rank.each_batch = q->changes;
    r->rank.end_col = cols->end_col;
    bool windowed = cols->end_col != WR_NO_COL;
    if (windowed) r->rank.tick_us = in->out.fields[cols->end_col].type.prec > 3 ? 1 : 1000;
    else if (q->changes && cols->n_keys) r->rank.ttl_us = c->settings->state_ttl_us;
    keep_time(r);
    if (!says_changes(q, r)) return NULL;
    return windowed && !wri_takes_late(c, r) ? NULL : r;
}

/* ---- what filters say of ranks ---- */

typedef struct bound { /* from <= col <= to */
    uint32_t col;
    int64_t from, to;
} bound;

static wr_xop turned(wr_xop op) {
    switch (op) {
    case WR_OP_LE:
        return WR_OP_GE;
    case WR_OP_LT:
        return WR_OP_GT;
    case WR_OP_GE:
        return WR_OP_LE;
    case WR_OP_GT:
        return WR_OP_LT;
    default:
        return op;
    }
}

/* Whether e is a comparison of an integer column with a constant. */
static bool bound_of(const wr_expr *e, bound *b) {
    if (e->kind != WR_X_OP || e->n_args != 2) return false;
    const wr_expr *l = e->args[0], *r = e->args[1];
    wr_xop op = e->op;
    if (l->kind == WR_X_CONST) {
        const wr_expr *t = l;
        l = r;
        r = t;
        op = turned(op);
    }
    if (l->kind != WR_X_COL || r->kind != WR_X_CONST || r->value.null) return false;
    if (!wr_kind_is_int((wr_kind)l->type.kind) || !wr_kind_is_int((wr_kind)r->type.kind)) return false;
    int64_t v = r->value.i64;
    *b = (bound){.col = l->col, .from = INT64_MIN, .to = INT64_MAX};
    if (op == WR_OP_EQ) b->from = b->to = v;
    else if (op == WR_OP_LE) b->to = v;
    else if (op == WR_OP_GE) b->from = v;
    else if (op == WR_OP_LT && v > INT64_MIN) b->to = v - 1;
    else if (op == WR_OP_GT && v < INT64_MAX) b->from = v + 1;
    else return false;
    return true;
}

/* r takes the bound, when it is of one of its ranks, and of the one that bounds it already. */
static bool takes_bound(wr_node *r, const bound *b) {
    uint32_t first = r->out.n - r->rank.n_fns;
    if (b->col < first) return false;
    wr_over_fn fn = r->rank.fns[b->col - first];
    bool bounded = r->rank.from > 1 || r->rank.to < INT64_MAX;
    if (bounded && fn != r->rank.top_fn) return false;
    r->rank.top_fn = fn;
    if (b->from > r->rank.from) r->rank.from = b->from;
    if (b->to < r->rank.to) r->rank.to = b->to < 0 ? 0 : b->to;
    return true;
}

/* What r cannot take of e; NULL: nothing is left. */
static wr_expr *rest_of(wri_ctx *c, wr_node *r, wr_expr *e) {
    bound b;
    if (e->kind != WR_X_OP || e->op != WR_OP_AND) return bound_of(e, &b) && takes_bound(r, &b) ? NULL : e;
    wr_expr *left = NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        wr_expr *x = rest_of(c, r, e->args[i]);
        if (x && left) {
            left = wri_new_op(c->ar, WR_OP_AND, e->type, e->loc, 2, (wr_expr *[]){left, x});
            if (!left) c->oom = true;
            if (!left) return e;
        } else if (x) left = x;
    }
    return left;
}

bool wri_rank_top(wri_ctx *c, wr_node *f) {
    wr_expr *left = rest_of(c, f->in[0], f->filter.pred);
    if (left) f->filter.pred = left;
    return !left;
}

/* ---- what tells rows apart ---- */

static bool is_fixed(const wr_node *n, const wr_expr *e, uint32_t col) {
    if (e->kind == WR_X_OP && e->op == WR_OP_AND) {
        for (uint32_t i = 0; i < e->n_args; i++)
            if (is_fixed(n, e->args[i], col)) return true;
        return false;
    }
    bound b;
    if (bound_of(e, &b))
        return b.col == col && (b.from == b.to || (wri_x(n)->props[col].counts && b.to == 1));
    if (e->kind != WR_X_OP || e->op != WR_OP_EQ) return false;
    const wr_expr *l = e->args[0], *r = e->args[1];
    return (l->kind == WR_X_COL && l->col == col && r->kind == WR_X_CONST) ||
           (r->kind == WR_X_COL && r->col == col && l->kind == WR_X_CONST);
}

static void drop_fixed(const wr_node *f, uint32_t *key, uint32_t *np) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < *np; i++)
        if (!is_fixed(f, f->filter.pred, key[i])) key[to++] = key[i];
    *np = to;
}

void wri_filter_key(wr_node *n) {
    wri_xnode *x = wri_x(n);
    if (n->keyed) drop_fixed(n, n->key, &n->n_key);
    if (x->keyed2) drop_fixed(n, x->key2, &x->n_key2);
}

void wri_rank_told(const wr_node *sink, bool key2) {
    wri_xnode *by = (wri_xnode *)(uintptr_t)wri_x(sink)->changes_by;
    if (!by || by->n.kind != WR_N_RANK) return;
    wr_rank_told told = key2 ? WR_TOLD_IDS : WR_TOLD_RANK;
    by->n.rank.told = by->n.rank.told == WR_TOLD_ANY || by->n.rank.told == told ? told : WR_TOLD_BOTH;
}
