/* planner/query.c -- SELECT and VALUES become nodes.
 *
 *   FROM ─► FILTER (WHERE) ─► [aggregation, FILTER (HAVING)] ─► [OVER, FILTER (QUALIFY)] ─► PROJECT (items)
 *        ─► [SORT | LIMIT] (order.c)
 *
 * NULLs sort as the largest value: last when ascending, first when descending, unless NULLS FIRST or
 * LAST says otherwise. */
#include <strings.h>

#include "plan_int.h"

/* ---- aggregates in expressions ---- */

static bool is_aggregate(const wri_q *q, const wr_ast *e) {
    if (e->kind != WR_A_CALL || e->call->over || e->name.n != 1) return false;
    return wri_find_agg(q->c->reg, e->name.parts[0].text) || wri_is_user_agg(q, &e->name.parts[0]);
}

bool wri_has_aggregate(const wri_q *q, const wr_ast *e) {
    if (!e) return false;
    if (is_aggregate(q, e)) return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (wri_has_aggregate(q, e->args[i])) return true;
    const wr_window *w = e->kind == WR_A_CALL ? e->call->over : NULL;
    if (w && wri_has_aggregate(q, e->call->filter)) return true;
    for (uint32_t i = 0; w && i < w->n_partition; i++)
        if (wri_has_aggregate(q, w->partition[i])) return true;
    for (uint32_t i = 0; w && i < w->n_order; i++)
        if (wri_has_aggregate(q, w->order[i].expr)) return true;
    return false;
}

static bool is_grouped(const wri_q *q, const wr_query *y) {
    if (y->has_group || y->having || y->stagger) return true;
    for (uint32_t i = 0; i < y->n_items; i++)
        if (wri_has_aggregate(q, y->items[i].expr)) return true;
    for (uint32_t i = 0; i < y->n_order; i++)
        if (wri_has_aggregate(q, y->order[i].expr)) return true;
    return wri_has_aggregate(q, y->qualify);
}

/* EMIT CHANGES is for GROUP BY, SELECT DISTINCT and the ranks of OVER, here or in FROM; of what gives each
 * row once it changes nothing. The others are about windows of a GROUP BY. */
bool wri_emit_clause(wri_q *q, const wr_query *y) {
    const wr_emit_clause *m = &y->emit;
    const char *what = m->kind == WR_EMIT_EARLY ? "EMIT EARLY" : m->lateness ? "ALLOWED LATENESS" : NULL;
    bool groups = y->kind == WR_Q_SELECT ? is_grouped(q, y) || y->distinct
                                         : y->kind >= WR_Q_UNION && !(y->kind == WR_Q_UNION && y->all);
    if (!what || groups) return true;
    wri_error(q->c, m->loc, "leave it out, or put it behind the SELECT that has GROUP BY",
              "%s is for GROUP BY with a window", what);
    return false;
}

/* ---- items ---- */

static wr_expr *column_item(wri_select *s, const wri_scope_col *col, wr_loc loc) {
    if (s->g) return wri_group_col(s->g, col->col, col->name, loc);
    wr_expr *e = wri_new_col(s->q->c->ar, col->col, col->type, loc);
    if (!e) s->q->c->oom = true;
    return e ? e : &wri_failed;
}

/* name, or name0, name1, … when an item before has it: both sides of a join may. */
static const char *new_name(wri_select *s, const char *name) {
    const char *out = name;
    for (uint32_t k = 0, i = 0; out && i < s->out.n; i++) {
        if (strcasecmp(s->out.names[i], out) != 0) continue;
        out = wri_text(s->q->c, "%s%u", name, k++);
        i = UINT32_MAX; /* from the start again */
    }
    return out;
}

/* `*` or `t.*` */
static bool star_item(wri_select *s, const wr_ast *star) {
    wri_ctx *c = s->q->c;
    const wr_ident *of = star->name.n ? &star->name.parts[star->name.n - 1] : NULL;
    bool found = false, ok = true;
    for (uint32_t i = 0; i < s->scope.n; i++) {
        const wri_scope_col *col = &s->scope.cols[i];
        if (of && (!col->qualifier || !wri_ident_matches(of, col->qualifier))) continue;
        found = true;
        if (col->hidden) continue;
        wr_expr *e = column_item(s, col, star->loc);
        if (e == &wri_failed) {
            ok = false;
            break; /* one message for the star, not one a column */
        }
        if (col->row ? !wri_row_add(c, &s->out, col->row, col->name, e)
                     : !wri_cols_add(c, &s->out, e, s->scope.joined ? new_name(s, col->name) : col->name))
            return false;
    }
    if (found) return ok;
    if (of) {
        const char *near = s->scope.n && s->scope.cols[0].qualifier
                               ? wr_nearest(of->text, &s->scope.cols[0].qualifier, 1, sizeof(char *))
                               : NULL;
        wri_error(c, star->loc, wri_suggest(c, near), "there is no '%s' in FROM", of->text);
    } else wri_error(c, star->loc, "add FROM", "* needs a FROM to take columns from");
    return false;
}

static bool bind_items(wri_select *s) {
    wri_ctx *c = s->q->c;
    bool ok = true;
    for (uint32_t i = 0; i < s->y->n_items; i++) {
        const wr_item *item = &s->y->items[i];
        if (item->expr->kind == WR_A_STAR) {
            ok = star_item(s, item->expr) && ok;
            continue;
        }
        const char *name = item->alias.text ? item->alias.text : wri_item_name(c->ar, item, i);
        int row = wri_row_item(s, item, name);
        wr_expr *e = row ? &wri_failed : wri_bind(&s->b, item->expr);
        if (e == &wri_failed) {
            ok = ok && row > 0;
            continue;
        }
        if (!name) c->oom = true;
        if (!name || !wri_cols_add(c, &s->out, e, name)) return false;
    }
    s->n_items = s->out.n;
    return ok && !c->oom;
}

/* ---- ORDER BY ---- */

/* ORDER BY 2, or the name of an output column: *colp. 1: found, 0: neither, -1: reported. */
static int order_output(wri_ctx *c, const wr_ast *e, const char *const *names, uint32_t n, uint32_t *colp) {
    if (e->kind == WR_A_NUMBER) {
        int64_t i;
        if (!wr_read_i64(e->text, strlen(e->text), &i)) return 0;
        if (i < 1 || i > n) {
            wri_error(c, e->loc, wri_text(c, "write a number from 1 to %u", n),
                      "ORDER BY %s: there is no such column in SELECT", e->text);
            return -1;
        }
        *colp = (uint32_t)i - 1;
        return 1;
    }
    if (e->kind != WR_A_COLUMN || e->name.n != 1) return 0;
    for (uint32_t i = 0; i < n; i++)
        if (wri_ident_matches(&e->name.parts[0], names[i])) {
            *colp = i;
            return 1;
        }
    return 0;
}

static void sort_key(wr_sort_key *k, const wr_sort *o, uint32_t col) {
    k->col = col;
    k->desc = o->desc;
    k->nulls_first = o->nulls_given ? o->nulls_first : o->desc;
}

/* Column of s->out for an expression of ORDER BY or LIMIT BY, appended when it is no item. */
static bool order_expr(wri_select *s, const wr_ast *ast, const char *clause, uint32_t *colp) {
    wri_ctx *c = s->q->c;
    wr_expr *e = wri_bind(&s->b, ast);
    if (e == &wri_failed) return false;
    for (uint32_t i = 0; i < s->out.n; i++)
        if (wri_expr_equal(s->out.exprs[i], e)) {
            *colp = i;
            return true;
        }
    if (s->y->distinct) {
        wri_error(c, ast->loc, "add it to SELECT", "%s of SELECT DISTINCT must name a column of SELECT",
                  clause);
        return false;
    }
    *colp = s->out.n;
    bool plain = e->kind == WR_X_COL && !s->g && e->col < s->in->out.n;
    const char *name = plain ? s->in->out.fields[e->col].name : "ORDER";
    return wri_cols_add(c, &s->out, e, name);
}

static bool bind_order(wri_select *s) {
    wri_ctx *c = s->q->c;
    s->n_order = s->y->n_order;
    s->order = wri_new_n(c, s->n_order, sizeof *s->order);
    if (!s->order) return false;
    bool ok = true;
    for (uint32_t i = 0; i < s->n_order; i++) {
        uint32_t col = 0;
        int found = order_output(c, s->y->order[i].expr, s->out.names, s->n_items, &col);
        if (found == 0) found = order_expr(s, s->y->order[i].expr, "ORDER BY", &col) ? 1 : -1;
        ok = ok && found == 1;
        sort_key(&s->order[i], &s->y->order[i], col);
    }
    return ok && !c->oom;
}

static bool bind_limit_by(wri_select *s) {
    wri_ctx *c = s->q->c;
    bool ok = true;
    s->limit_by = wri_new_n(c, s->y->n_limit_by, sizeof *s->limit_by);
    if (!s->limit_by) return false;
    for (uint32_t i = 0; i < s->y->n_limit_by; i++) {
        int found = order_output(c, s->y->limit_by[i], s->out.names, s->n_items, &s->limit_by[i]);
        ok = (found ? found == 1 : order_expr(s, s->y->limit_by[i], "LIMIT BY", &s->limit_by[i])) && ok;
    }
    return ok && !c->oom;
}

static bool bind_qualify(wri_select *s) {
    if (!s->y->qualify) return true;
    s->in_qualify = true;
    s->qualify = wri_bind_as(&s->b, s->y->qualify, wr_type_of(WR_T_BOOLEAN));
    return s->qualify != &wri_failed;
}

bool wri_bind_outputs(wri_select *s) {
    wri_over_begin(s);
    bool ok = bind_items(s) && bind_order(s) && bind_limit_by(s) && bind_qualify(s);
    wri_over_end(s);
    return ok;
}

/* ORDER BY of VALUES and set operations: over the output columns only. */
static wr_node *order_output_only(wri_q *q, const wr_query *y, wr_node *n) {
    wri_ctx *c = q->c;
    wri_select s = {.q = q, .y = y, .in = n};
    if (y->order_within) {
        wri_error(c, y->order_within->loc, "write it in a SELECT STREAM … FROM (…)",
                  "ORDER BY … WITHIN is for a SELECT that gives its rows a ROWTIME");
        return NULL;
    }
    if (!wri_scope_of(c, n, NULL, NULL, &s.scope)) return NULL;
    wri_binder_scalar(q, &s.b, &s.scope, "ORDER BY");
    for (uint32_t i = 0; i < wri_x(n)->n_vis; i++)
        if (!wri_cols_add(c, &s.out, wri_col_of(c, n, i, y->loc), n->out.fields[i].name)) return NULL;
    s.n_items = s.out.n;
    if (!bind_order(&s) || !bind_limit_by(&s)) return NULL;
    if (s.out.n > s.n_items) {
        n = wri_project_node(c, n, &s.out, s.n_items, y->loc);
        if (!n) return NULL;
    }
    return wri_order_limit(&s, n);
}

/* ---- SELECT ---- */

/* EMIT CHANGES is for a query's FROM, too, unless it has a GROUP BY of its own. */
static wri_q q_below(const wri_q *q, const wr_query *y) {
    wri_q below = *q;
    if (y->kind == WR_Q_SELECT && (is_grouped(q, y) || y->distinct)) below.changes = false;
    return below;
}

static bool select_input(wri_select *s) {
    wri_q below = q_below(s->q, s->y), *q = &below, joined;
    const wr_query *y = s->y;
    below.select = y;
    joined = below;
    wri_where where = {0};
    joined.changes = false;
    if (!wri_split_where(q->c, y->where, &where)) return false;
    if (!y->from) {
        static const wri_cols none = {0};
        s->in = wri_values_node(q->c, &none, NULL, 1, y->loc);
    } else if (y->from->kind == WR_F_JOIN) s->in = wri_plan_join(&joined, y->from, &where, &s->scope);
    else s->in = wri_plan_from(q, y->from, &s->scope);
    if (!s->in || !wri_add_subqueries(s, &where)) return false;
    joined.subs = s->q->subs;
    if (!y->where) return true;
    wr_node *n = wri_apply_where(&joined, s->in, &s->scope, &where);
    if (!n) return q->c->d->errors > 0; /* what the other clauses have to tell comes out too */
    s->in = n;
    return true;
}

static wr_node *plan_select(wri_q *q, const wr_query *y) {
    wri_ctx *c = q->c;
    wri_select s = {.q = q, .y = y};
    if (!select_input(&s) || !wri_assert_monotonic(&s)) return NULL;
    wr_node *n = s.in;
    if (is_grouped(q, y)) n = wri_plan_group(&s);
    else {
        wri_binder_scalar(q, &s.b, &s.scope, "SELECT");
        if (!wri_bind_outputs(&s)) return NULL;
    }
    if (n && s.over) n = wri_plan_over(&s, n);
    if (n && s.qualify) n = wri_filter_node(c, n, s.qualify, y->qualify->loc);
    if (n && y->distinct)
        n = wri_streams_distinct(&s, n) ? wri_stream_distinct(&s, n)
                                        : wri_plan_distinct(&s, n, "SELECT DISTINCT", NULL, 0, NULL);
    if (n) n = wri_project_node(c, n, &s.out, s.n_items, y->loc);
    if (n) n = wri_promote(&s, n);
    if (n) n = wri_order_limit(&s, n);
    if (n) wri_rows_of(n, &s.out);
    return n;
}

/* ---- VALUES ---- */

/* exprs: n_rows * w of them, row by row, of the types in cols. */
static wr_node *values_node(wri_ctx *c, const wri_cols *cols, wr_expr **exprs, uint32_t n_rows, wr_loc loc) {
    uint32_t w = cols->n;
    bool constant = true;
    for (uint32_t i = 0; i < n_rows * w; i++) constant = constant && exprs[i]->kind == WR_X_CONST;
    if (constant) {
        wr_value *rows = wri_new_n(c, (size_t)n_rows * w, sizeof *rows);
        if (!rows) return NULL;
        for (uint32_t i = 0; i < n_rows * w; i++) rows[i] = exprs[i]->value;
        return wri_values_node(c, cols, rows, n_rows, loc);
    }
    wr_node **ins = wri_new_n(c, n_rows, sizeof *ins);
    if (!ins) return NULL;
    for (uint32_t r = 0; r < n_rows; r++) {
        static const wri_cols none = {0};
        wri_cols row = *cols;
        row.exprs = exprs + (size_t)r * w;
        wr_node *one = wri_values_node(c, &none, NULL, 1, loc);
        ins[r] = one ? wri_project_node(c, one, &row, w, loc) : NULL;
        if (!ins[r]) return NULL;
    }
    return wri_union_node(c, ins, n_rows, loc);
}

/* Binds every value; NULL after reporting. */
static wr_expr **bind_values(wri_q *q, wri_binder *b, const wr_query *y, uint32_t w) {
    wr_expr **exprs = wri_new_n(q->c, (size_t)y->n_rows * w, sizeof *exprs);
    bool ok = exprs != NULL;
    for (uint32_t r = 0; exprs && r < y->n_rows; r++) {
        const wr_ast *row = y->rows[r];
        if (row->n_args != w) {
            wri_error(q->c, row->loc, wri_text(q->c, "give %u values, as in the first row", w),
                      "this row of VALUES has %u value%s, the first has %u", row->n_args,
                      row->n_args == 1 ? "" : "s", w);
            ok = false;
            continue;
        }
        for (uint32_t i = 0; i < w; i++) {
            exprs[r * w + i] = wri_bind(b, row->args[i]);
            ok = ok && exprs[r * w + i] != &wri_failed;
        }
    }
    return ok ? exprs : NULL;
}

static wr_node *plan_values(wri_q *q, const wr_query *y) {
    wri_ctx *c = q->c;
    wr_query *rows = wri_values_of_rows(q, y);
    if (rows) return wri_plan_query(q, rows);
    if (c->oom) return NULL;
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(q, &b, &none, "VALUES");
    uint32_t w = y->rows[0]->n_args;
    wr_expr **exprs = bind_values(q, &b, y, w);
    if (!exprs) return NULL;
    wri_cols cols = {0};
    for (uint32_t i = 0; i < w; i++) {
        wr_type t = exprs[i]->type;
        for (uint32_t r = 1; r < y->n_rows; r++) {
            wr_expr *e = exprs[r * w + i];
            if (wri_common_type(t, e->type, &t)) continue;
            wri_error(c, e->loc, "write a CAST", "this value's type does not go with the rows above it");
            return NULL;
        }
        for (uint32_t r = 0; r < y->n_rows; r++) {
            wr_expr *e = exprs[r * w + i];
            if (!wri_types_same(e->type, t)) e = wri_fold(&b, wri_cast(&b, e, t, false, e->loc));
            if (e == &wri_failed) return NULL;
            exprs[r * w + i] = e;
        }
        if (!wri_cols_add(c, &cols, exprs[i], wri_text(c, "EXPR$%u", i))) return NULL;
    }
    return values_node(c, &cols, exprs, y->n_rows, y->loc);
}

/* ---- any query ---- */

wr_node *wri_rename(wri_ctx *c, wr_node *n, const wr_ident *names, uint32_t n_names, const char *what,
                    wr_loc loc) {
    if (n_names != wri_n_names(n)) {
        wri_error(c, loc, "give as many names as there are columns",
                  "%s names %u column%s, but its query has %u", what, n_names, n_names == 1 ? "" : "s",
                  wri_n_names(n));
        return NULL;
    }
    wri_cols cols = {0};
    const wr_ident *name = names;
    for (uint32_t i = 0; i < wri_x(n)->n_vis; i++) {
        if (wri_begins_name(n, i)) name = names++;
        wr_expr *e = wri_col_of(c, n, i, name->loc);
        const wri_row_col *r = i < wri_x(n)->n_rows ? &wri_x(n)->rows[i] : NULL;
        if (r && r->row ? !wri_row_add(c, &cols, name->text, r->field, e)
                        : !wri_cols_add(c, &cols, e, name->text))
            return NULL;
    }
    n = wri_project_node(c, n, &cols, cols.n, loc);
    if (n) wri_rows_of(n, &cols);
    return n;
}

static bool plan_cte(wri_q *q, const wr_cte *t) {
    wri_ctx *c = q->c;
    wri_cte *n = wri_new(c, sizeof *n);
    if (!n) return false;
    n->name = &t->name;
    n->node = wri_plan_query(q, t->query);
    if (n->node && t->n_columns)
        n->node = wri_rename(c, n->node, t->columns, t->n_columns, t->name.text, t->name.loc);
    n->next = q->ctes;
    q->ctes = n;
    return n->node != NULL;
}

static bool plan_ctes(wri_q *q, const wr_query *y) {
    for (uint32_t i = 0; i < y->n_ctes; i++) {
        for (uint32_t k = 0; k < i; k++)
            if (wri_ident_matches(&y->ctes[i].name, y->ctes[k].name.text)) {
                wri_error(q->c, y->ctes[i].name.loc, "give it another name", "WITH names '%s' twice",
                          y->ctes[i].name.text);
                return false;
            }
        if (!plan_cte(q, &y->ctes[i])) return false;
    }
    return true;
}

wr_node *wri_plan_query(wri_q *q, const wr_query *y) {
    wri_ctx *c = q->c;
    if (c->depth >= WRI_DEPTH_MAX) {
        wri_error(c, y->loc, "name parts of it in WITH or CREATE VIEW", "queries are nested too deeply");
        return NULL;
    }
    c->depth++;
    wri_q inner = *q;
    inner.kda = inner.kda || y->stream;
    inner.subs = NULL;
    inner.changes = inner.changes || y->emit.kind == WR_EMIT_CHANGES;
    wri_q below = q_below(&inner, y);
    wr_node *n = NULL;
    bool ok = wri_emit_clause(&inner, y) && plan_ctes(&below, y);
    inner.ctes = below.ctes;
    if (ok) {
        if (y->kind == WR_Q_SELECT) n = plan_select(&inner, y);
        else {
            n = y->kind == WR_Q_VALUES ? plan_values(&inner, y) : wri_plan_set(&inner, y);
            if (n) n = order_output_only(&inner, y, n);
        }
    }
    c->depth--;
    if (!n) wri_failed_silently(c);
    return n;
}
