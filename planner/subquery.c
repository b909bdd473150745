/* planner/subquery.c -- subqueries as values, over bounded input: (SELECT …), EXISTS and IN (SELECT …)
 * anywhere in a SELECT.
 *
 *   (SELECT x …)      PROJECT SINGLE_VALUE(n, x) of AGG ANY_VALUE(x), COUNT(*) n     one row, always
 *   EXISTS (…)        PROJECT n > 0 of AGG COUNT(*) n                                one row, always
 *   x IN (SELECT y …) a row per different y, by which the input is LEFT JOINed, and
 *                     AGG COUNT(*) n, COUNT(y) m for the rule of NULLs
 *
 * Rows are joined with each of them, read first, behind FROM and in front of WHERE: what is one row goes to
 * every task, so that the input need not be gathered. The columns stand behind the input's own. A subquery
 * that gives more than one row fails as a row does, and no row comes out. Conditions of WHERE that are joined
 * by AND are joins themselves, which may be correlated: join_sub.c. */
#include "bind_int.h"
#include "plan_int.h"

typedef struct sub_value {
    const wr_ast *ast;
    wr_expr *value; /* over the input with its new columns */
} sub_value;

struct wri_subs {
    sub_value *items;
    uint32_t n, cap;
};

bool wri_is_subquery(const wr_ast *e) {
    return e->kind == WR_A_SUBQUERY || e->kind == WR_A_EXISTS || (e->kind == WR_A_IN && e->query);
}

wr_expr *wri_sub_value(const wri_subs *subs, const wr_ast *e) {
    for (uint32_t i = 0; subs && i < subs->n; i++)
        if (subs->items[i].ast == e) return subs->items[i].value;
    return NULL;
}

wr_expr *wri_sub_of(wri_binder *b, const wr_ast *e) {
    return wri_is_subquery(e) ? wri_sub_value(b->subs, e) : NULL;
}

/* ---- the subquery's rows ---- */

/* The subquery itself, bounded. */
static wr_node *plan(wri_select *s, const wr_ast *e) {
    wri_ctx *c = s->q->c;
    wri_q q = *s->q;
    q.outer = &s->scope;
    q.changes = false;
    wr_node *n = wri_plan_query(&q, e->query);
    if (!n) return NULL;
    if (!n->bounded) {
        wri_unsupported(
            c, e->loc, "read a bounded table there, or join the two streams",
            "a subquery as a value over unbounded input is not supported yet: it would have to be read "
            "to its end first");
        return NULL;
    }
    uint32_t w = wri_x(n)->n_vis;
    if (e->kind != WR_A_EXISTS && w != 1) {
        wri_error(c, e->loc, "select one column", "a subquery as a value has one column, this one has %u", w);
        return NULL;
    }
    return n;
}

static wri_agg agg_over(wr_node *in, wr_loc loc) {
    return (wri_agg){.in = in,
                     .loc = loc,
                     .n_sets = 1,
                     .win = {.kind = WR_W_NONE,
                             .tick_us = 1000,
                             .time_col = WR_NO_COL,
                             .start_col = WR_NO_COL,
                             .end_col = WR_NO_COL}};
}

/* ---- joining ---- */

/* s->in with the columns of r behind its own; *firstp: the first of them. on: the condition, or NULL. */
static bool join(wri_select *s, wr_node *r, wr_expr *on, wr_loc loc, uint32_t *firstp) {
    wri_join j = {.q = s->q,
                  .type = on ? WR_JOIN_LEFT : WR_JOIN_INNER,
                  .everywhere = !on,
                  .in = {s->in, r},
                  .names = {"l", "r"},
                  .loc = loc};
    uint32_t n_vis = wri_x(s->in)->n_vis;
    if (on && !wri_join_add(&j, on)) return false;
    *firstp = s->in->out.n;
    s->in = wri_build_join(&j);
    if (s->in) wri_x(s->in)->n_vis = n_vis;
    return s->in != NULL;
}

static wr_expr *compare(wri_binder *b, wr_xop op, wr_expr *x, wr_expr *y, wr_loc loc) {
    return x && y ? wri_bind_compare(b, loc, op, x, y) : &wri_failed;
}

/* (SELECT x …), EXISTS (…): one row of one column. */
static wr_expr *one_row(wri_select *s, wri_binder *b, const wr_ast *e, wr_node *r) {
    wri_ctx *c = s->q->c;
    bool exists = e->kind == WR_A_EXISTS;
    wri_agg a = agg_over(r, e->loc);
    if (!exists && !wri_add_call(c, &a, "ANY_VALUE", wri_col_of(c, r, 0, e->loc))) return NULL;
    if (!wri_add_call(c, &a, "COUNT", NULL) || !(r = wri_build_agg(c, &a))) return NULL;
    wr_expr *n = wri_col_of(c, r, !exists, e->loc), *x = &wri_failed;
    const wr_func_def *f = wri_find_func(b->reg, "SINGLE_VALUE");
    if (exists) x = compare(b, WR_OP_GT, n, wri_mk_i64(b, 0, wr_type_of(WR_T_BIGINT), e->loc), e->loc);
    else if (f && n) {
        wr_expr *args[] = {n, wri_col_of(c, r, 0, e->loc)};
        x = args[1] ? wri_mk_func(b, f, a.calls[0].call.type, e->loc, 2, args) : x;
    }
    wri_cols cols = {0};
    uint32_t col;
    if (x == &wri_failed || !wri_cols_add(c, &cols, x, exists ? "EXISTS" : "SUBQUERY")) return NULL;
    r = wri_project_node(c, r, &cols, 1, e->loc);
    if (!r || !join(s, r, NULL, e->loc, &col)) return NULL;
    return wri_col_of(c, s->in, col, e->loc);
}

/* s->in with x in a column of its own: asked for twice, evaluated once. */
static bool add_column(wri_select *s, wr_expr *x, wr_loc loc, uint32_t *colp) {
    wri_ctx *c = s->q->c;
    wri_cols all = {0};
    for (uint32_t i = 0; i < s->in->out.n; i++)
        if (!wri_cols_add(c, &all, wri_col_of(c, s->in, i, loc), s->in->out.fields[i].name)) return false;
    *colp = all.n;
    if (!wri_cols_add(c, &all, x, "IN")) return false;
    s->in = wri_project_node(c, s->in, &all, wri_x(s->in)->n_vis, loc);
    return s->in != NULL;
}

/* By the rule of NULLs: found, or there is nothing, or nobody knows, or not. n: rows, m: those that are not
 * NULL. */
static wr_expr *in_value(wri_binder *b, const wr_ast *e, wr_expr *x, wr_expr *y, wr_expr *n, wr_expr *m) {
    wr_type t = wr_type_of(WR_T_BOOLEAN);
    wr_loc loc = e->loc;
    if (!x || !y || !n || !m) return &wri_failed;
    wr_expr *yes = wri_mk_i64(b, 1, t, loc), *no = wri_mk_i64(b, 0, t, loc);
    wr_expr *found = wri_mk_op1(b, WR_OP_IS_NOT_NULL, t, loc, y);
    wr_expr *none = compare(b, WR_OP_EQ, n, wri_mk_i64(b, 0, wr_type_of(WR_T_BIGINT), loc), loc);
    wr_expr *nulls =
        wri_mk_or(b, loc, wri_mk_op1(b, WR_OP_IS_NULL, t, loc, x), compare(b, WR_OP_NE, n, m, loc));
    wr_expr *args[] = {found, yes, none, no, nulls, wri_mk_null(b, t, loc), no};
    wr_expr *v = wri_mk_op(b, WR_OP_CASE, t, loc, WR_LEN(args), args);
    return e->negated ? wri_mk_not(b, loc, v) : v;
}

static wr_expr *in_list(wri_select *s, wri_binder *b, const wr_ast *e, wr_node *r) {
    wri_ctx *c = s->q->c;
    if (e->args[0]->kind == WR_A_ROW) {
        wri_unsupported(c, e->loc, "write IN by itself in WHERE, or EXISTS there",
                        "IN of several values inside other conditions is not supported yet");
        return NULL;
    }
    uint32_t x, y, n;
    wr_expr *value = wri_bind(b, e->args[0]);
    if (value == &wri_failed || !add_column(s, value, e->loc, &x)) return NULL;
    wri_agg each = agg_over(r, e->loc), count = each;
    wr_expr *key = wri_col_of(c, r, 0, e->loc);
    const char *name = r->out.fields[0].name;
    each.keys = &key;
    each.key_names = &name;
    each.n_keys = 1;
    if (!key || !wri_add_call(c, &count, "COUNT", NULL) || !wri_add_call(c, &count, "COUNT", key))
        return NULL;
    wr_node *values = wri_build_agg(c, &each), *counts = values ? wri_build_agg(c, &count) : NULL;
    if (!counts) return NULL;
    wr_expr *theirs = wri_new_col(c->ar, s->in->out.n, values->out.fields[0].type, e->loc);
    wr_expr *on = compare(b, WR_OP_EQ, wri_col_of(c, s->in, x, e->loc), theirs, e->loc);
    if (on == &wri_failed || !join(s, values, on, e->loc, &y) || !join(s, counts, NULL, e->loc, &n))
        return NULL;
    return in_value(b, e, wri_col_of(c, s->in, x, e->loc), wri_col_of(c, s->in, y, e->loc),
                    wri_col_of(c, s->in, n, e->loc), wri_col_of(c, s->in, n + 1, e->loc));
}

/* ---- finding them ---- */

static bool add_sub(wri_select *s, wri_subs *subs, const wr_ast *e) {
    wri_ctx *c = s->q->c;
    wri_binder b;
    wri_binder_scalar(s->q, &b, &s->scope, "a subquery's condition");
    wr_node *r = plan(s, e);
    if (!r) return false;
    wr_expr *v = e->kind == WR_A_IN ? in_list(s, &b, e, r) : one_row(s, &b, e, r);
    if (v && e->kind == WR_A_EXISTS && e->negated) v = wri_mk_not(&b, e->loc, v);
    if (!v || v == &wri_failed) return false;
    sub_value *slot = wri_new_last(c, &subs->items, &subs->n, &subs->cap, sizeof *slot);
    if (slot) *slot = (sub_value){e, v};
    return slot != NULL;
}

static bool walk(wri_select *s, wri_subs *subs, const wr_ast *e);

static bool walk_over(wri_select *s, wri_subs *subs, const wr_window *w) {
    bool ok = true;
    for (uint32_t i = 0; i < w->n_partition; i++) ok = walk(s, subs, w->partition[i]) && ok;
    for (uint32_t i = 0; i < w->n_order; i++) ok = walk(s, subs, w->order[i].expr) && ok;
    return ok;
}

static bool walk(wri_select *s, wri_subs *subs, const wr_ast *e) {
    bool ok = true;
    if (!e) return true;
    for (uint32_t i = 0; i < e->n_args; i++) ok = walk(s, subs, e->args[i]) && ok;
    if (e->kind == WR_A_CALL) {
        ok = walk(s, subs, e->call->filter) && ok;
        for (uint32_t i = 0; i < e->call->n_within; i++) ok = walk(s, subs, e->call->within[i].expr) && ok;
        if (e->call->over) ok = walk_over(s, subs, e->call->over) && ok;
    }
    return ok && (!wri_is_subquery(e) || add_sub(s, subs, e));
}

static bool walk_group(wri_select *s, wri_subs *subs, const wr_group *g) {
    bool ok = walk(s, subs, g->expr);
    for (uint32_t i = 0; i < g->n; i++) ok = walk_group(s, subs, &g->items[i]) && ok;
    return ok;
}

/* A condition that is a join: only what stands left of IN. */
static bool walk_where(wri_select *s, wri_subs *subs, const wr_ast *e) {
    if (!wri_is_semi_join(e)) return walk(s, subs, e);
    while (e->kind == WR_A_UNARY) e = e->args[0];
    bool ok = true;
    for (uint32_t i = 0; i < e->n_args; i++) ok = walk(s, subs, e->args[i]) && ok;
    return ok;
}

bool wri_add_subqueries(wri_select *s, const wri_where *where) {
    const wr_query *y = s->y;
    wri_subs *subs = wri_new(s->q->c, sizeof *subs);
    bool ok = subs != NULL;
    if (!ok) return false;
    s->q->subs = subs;
    for (uint32_t i = 0; i < where->n; i++) ok = walk_where(s, subs, where->items[i]) && ok;
    for (uint32_t i = 0; i < y->n_items; i++) ok = walk(s, subs, y->items[i].expr) && ok;
    for (uint32_t i = 0; i < y->n_groups; i++) ok = walk_group(s, subs, &y->groups[i]) && ok;
    for (uint32_t i = 0; i < y->n_order; i++) ok = walk(s, subs, y->order[i].expr) && ok;
    for (uint32_t i = 0; i < y->n_windows; i++) ok = walk_over(s, subs, &y->windows[i]) && ok;
    return walk(s, subs, y->having) && walk(s, subs, y->qualify) && ok;
}
