/* planner/join_sub.c -- subqueries in WHERE become semi and anti joins.
 *
 *   x IN (SELECT y FROM r WHERE …)      rows of the query that match some y              SEMI on x = y
 *   EXISTS (SELECT … FROM r WHERE …)    rows for which the subquery has one              SEMI
 *   NOT IN, NOT EXISTS                  the others; NOT IN minds NULLs                   ANTI
 *
 * Conditions inside the subquery that name columns of the outer query are those of the join; the others
 * filter its rows. Names are the inner query's where both have them. */
#include <strings.h>

#include "bind_int.h"
#include "plan_int.h"

typedef struct sub { /* a predicate with a subquery */
    const wr_ast *e; /* IN or EXISTS */
    bool negated;
} sub;

static bool is_sub(const wr_ast *e, sub *s) {
    s->negated = false;
    while (e->kind == WR_A_UNARY && strcmp(e->op, "NOT") == 0) {
        s->negated = !s->negated;
        e = e->args[0];
    }
    s->e = e;
    if (e->negated) s->negated = !s->negated;
    return e->kind == WR_A_EXISTS || (e->kind == WR_A_IN && e->query);
}

bool wri_is_semi_join(const wr_ast *e) {
    sub s;
    return is_sub(e, &s);
}

/* Whether conditions of the subquery can be taken out of it. */
static bool is_simple(const wri_q *q, const wr_query *y) {
    if (y->kind != WR_Q_SELECT || !y->from || y->has_group || y->having || y->qualify || y->n_ctes ||
        y->n_windows || y->n_order || y->limit || y->offset || y->stagger ||
        y->emit.kind != WR_EMIT_DEFAULT || y->emit.lateness)
        return false;
    for (uint32_t i = 0; i < y->n_items; i++) {
        const wr_ast *e = y->items[i].expr;
        if (wri_has_aggregate(q, e) || (e->kind == WR_A_CALL && e->call->over)) return false;
    }
    return true;
}

/* Names of the subquery hide those of the outer query, which are in front. */
static bool correlated_scope(wri_ctx *c, const wri_scope *outer, uint32_t n_outer, const wri_scope *inner,
                             wri_scope *out) {
    if (!wri_scope_concat(c, outer, n_outer, inner, out)) return false;
    for (uint32_t i = 0; i < outer->n; i++) {
        wri_scope_col *o = &out->cols[i];
        for (uint32_t k = 0; k < inner->n; k++) {
            const char *q = inner->cols[k].qualifier;
            if (strcasecmp(o->name, inner->cols[k].name) == 0) o->only_qualified = true;
            if (o->qualifier && q && strcasecmp(o->qualifier, q) == 0) { /* its table is hidden as a whole */
                o->only_qualified = true;
                o->qualifier = NULL;
            }
        }
    }
    return true;
}

/* The rows of a subquery, with the conditions that name the outer query in j. */
static bool simple_rows(wri_join *j, wri_q *q, const wri_scope *outer, const wr_query *y, wri_scope *inner) {
    wri_ctx *c = q->c;
    wri_where w = {0};
    if (!wri_split_where(c, y->where, &w)) return false;
    wri_select sel = {.q = q, .y = y};
    sel.in =
        y->from->kind == WR_F_JOIN ? wri_plan_join(q, y->from, &w, inner) : wri_plan_from(q, y->from, inner);
    sel.scope = *inner;
    if (!sel.in || !wri_add_subqueries(&sel, &w)) return false;
    j->in[1] = sel.in;
    wri_scope both;
    if (!correlated_scope(c, outer, j->in[0]->out.n, inner, &both)) return false;
    wri_where own = {0};
    for (uint32_t i = 0; i < w.n; i++) {
        sub s;
        if (w.used[i]) continue;
        if (is_sub(w.items[i], &s) || wri_bind_quietly(q, inner, w.items[i])) {
            const wr_ast **slot = wri_new_last(c, &own.items, &own.n, &own.cap, sizeof(wr_ast *));
            if (!slot) return false;
            *slot = w.items[i];
            continue;
        }
        wri_binder b;
        wri_binder_scalar(q, &b, &both, "WHERE");
        b.subs = NULL; /* they are over the subquery's rows alone */
        wr_expr *e = wri_bind_as(&b, w.items[i], wr_type_of(WR_T_BOOLEAN));
        if (e == &wri_failed || !wri_join_add(j, e)) return false;
    }
    own.used = wri_new_n(c, own.n, sizeof *own.used);
    if (!own.used) return false;
    j->in[1] = wri_apply_where(q, j->in[1], inner, &own);
    return j->in[1] != NULL;
}

/* Values of IN's subquery over the columns of in[1]. */
static bool in_items(wri_join *j, wri_q *q, const wr_query *y, bool simple, const wri_scope *inner,
                     wri_cols *items) {
    wri_ctx *c = j->q->c;
    wri_binder b;
    wri_binder_scalar(q, &b, inner, "SELECT");
    if (!simple) {
        for (uint32_t i = 0; i < wri_x(j->in[1])->n_vis; i++)
            if (!wri_cols_add(c, items, wri_col_of(c, j->in[1], i, y->loc), NULL)) return false;
        return true;
    }
    for (uint32_t i = 0; i < y->n_items; i++) {
        const wr_ast *e = y->items[i].expr;
        if (e->kind != WR_A_STAR) {
            wr_expr *x = wri_bind(&b, e);
            if (x == &wri_failed || !wri_cols_add(c, items, x, NULL)) return false;
            continue;
        }
        for (uint32_t k = 0; k < inner->n; k++) {
            const wri_scope_col *col = &inner->cols[k];
            if (!col->hidden && !wri_cols_add(c, items, wri_col_of(c, j->in[1], col->col, e->loc), NULL))
                return false;
        }
    }
    return true;
}

/* x = item, or each of (x, y) = each item. */
static bool equate(wri_join *j, const wri_scope *outer, const wr_ast *e, const wri_cols *items) {
    wri_ctx *c = j->q->c;
    const wr_ast *x = e->args[0];
    bool row = x->kind == WR_A_ROW;
    uint32_t n = row ? x->n_args : 1, w0 = j->in[0]->out.n, w1 = j->in[1]->out.n;
    if (items->n != n) {
        wri_error(c, e->loc, "select one column for each value on the left",
                  "IN compares %u value%s with a subquery of %u column%s", n, n == 1 ? "" : "s", items->n,
                  items->n == 1 ? "" : "s");
        return false;
    }
    if (j->null_aware && n > 1) {
        wri_unsupported(c, e->loc, "write NOT EXISTS", "NOT IN of several values is not supported yet");
        return false;
    }
    wri_binder b;
    wri_binder_scalar(j->q, &b, outer, "IN");
    uint32_t *map = wri_new_n(c, w1, sizeof *map);
    for (uint32_t i = 0; map && i < w1; i++) map[i] = w0 + i;
    for (uint32_t i = 0; map && i < n; i++) {
        wr_expr *l = wri_bind(&b, row ? x->args[i] : x);
        if (l == &wri_failed) return false;
        wr_expr *r = wri_expr_remap(c->ar, items->exprs[i], map);
        wr_expr *eq = r ? wri_bind_compare(&b, e->loc, WR_OP_EQ, l, r) : NULL;
        if (!eq || eq == &wri_failed || !wri_join_add(j, eq)) return false;
    }
    return map != NULL;
}

static wr_node *plan_sub(wri_q *q, wr_node *n, const wri_scope *scope, const sub *s) {
    const wr_query *y = s->e->query;
    wri_join j = {.q = q,
                  .type = s->negated ? WR_JOIN_ANTI : WR_JOIN_SEMI,
                  .in = {n},
                  .loc = s->e->loc,
                  .names = {"l", "r"}};
    wri_scope inner = {0};
    wri_cols items = {0};
    bool simple = is_simple(q, y);
    wri_q own = *q; /* the subquery's */
    own.kda = own.kda || y->stream;
    own.subs = NULL;
    if (simple) {
        if (!simple_rows(&j, &own, scope, y, &inner)) return NULL;
    } else if (!(j.in[1] = wri_plan_query(q, y))) return NULL;
    if (s->e->kind == WR_A_IN) {
        j.null_aware = s->negated;
        if (!in_items(&j, &own, y, simple, &inner, &items) || !equate(&j, scope, s->e, &items)) return NULL;
    }
    return wri_build_join(&j);
}

wr_node *wri_apply_where(wri_q *q, wr_node *n, const wri_scope *scope, wri_where *w) {
    wri_ctx *c = q->c;
    wri_binder b;
    wr_expr *pred = NULL;
    bool ok = true;
    wri_binder_scalar(q, &b, scope, "WHERE");
    for (uint32_t i = 0; i < w->n; i++) {
        sub s;
        if (is_sub(w->items[i], &s)) continue;
        wr_expr *e =
            wri_bind_as(&b, w->items[i], wr_type_of(WR_T_BOOLEAN)); /* used ones for their mistakes */
        ok = ok && e != &wri_failed;
        if (!ok || w->used[i]) continue;
        pred = pred ? wri_mk_and(&b, w->items[i]->loc, pred, e) : e;
    }
    if (!ok) return NULL;
    if (pred) n = wri_filter_node(c, n, pred, w->items[0]->loc);
    for (uint32_t i = 0; n && i < w->n; i++) {
        sub s;
        if (is_sub(w->items[i], &s)) n = plan_sub(q, n, scope, &s);
    }
    return n;
}
