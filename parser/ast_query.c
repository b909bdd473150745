/* parser/ast_query.c -- constructors: queries, FROM, GROUP BY. */
#include "parser/parser_int.h"

/* ---- SELECT ---- */
wri_list *wri_item_add(wri_parse *p, wri_list *l, wr_ast *e, wri_tok alias) {
    if (p->failed) return NULL;
    wr_item item = {.expr = e};
    if (alias.text) item.alias = wri_ident(alias);
    return wri_add(p, l, &item, sizeof item, wri_head_of(e)->depth);
}

static wr_query *query(wri_parse *p, wr_query_kind kind, uint32_t at, uint32_t end) {
    wr_query *q = wri_node(p, sizeof *q);
    if (!q) return NULL;
    q->kind = kind;
    q->loc = wri_head_of(q)->outer = (wr_loc){at, end};
    return q;
}

static void reach(wr_query *q, uint32_t end) {
    if (end > q->loc.end) q->loc.end = wri_head_of(q)->outer.end = end;
}

wr_query *wri_select(wri_parse *p, wri_tok word, bool stream, bool distinct, wri_list *items) {
    wr_query *q = query(p, WR_Q_SELECT, word.loc.at, word.loc.end);
    if (!q) return NULL;
    q->stream = stream;
    q->distinct = distinct;
    q->items = items->items;
    q->n_items = items->n;
    wri_below_list(p, q, items);
    const wr_item *last = &q->items[q->n_items - 1];
    reach(q, last->alias.text ? last->alias.loc.end : wri_head_of(last->expr)->outer.end);
    return q;
}

static void stagger(wri_parse *p, wr_query *q, wr_window *w) {
    q->stagger = true;
    q->stagger_window = w;
    wri_below(p, q, w);
    reach(q, w->loc.end);
}

static void group_by(wri_parse *p, wr_query *q, wri_list *l) {
    q->has_group = true;
    q->groups = l->items;
    q->n_groups = l->n;
    wri_below_list(p, q, l);
    reach(q, q->groups[q->n_groups - 1].loc.end);
}

wr_query *wri_clause(wri_parse *p, wr_query *q, wri_clause_kind kind, void *node) {
    if (p->failed) return NULL;
    wri_list *l = node;
    switch (kind) {
    case WRI_C_FROM:
        q->from = node;
        break;
    case WRI_C_WHERE:
        q->where = node;
        break;
    case WRI_C_HAVING:
        q->having = node;
        break;
    case WRI_C_QUALIFY:
        q->qualify = node;
        break;
    case WRI_C_GROUP:
        group_by(p, q, l);
        return q;
    case WRI_C_STAGGER:
        stagger(p, q, node);
        return q;
    case WRI_C_WINDOW:
        q->windows = l->items;
        q->n_windows = l->n;
        wri_below_list(p, q, l);
        reach(q, q->windows[q->n_windows - 1].loc.end);
        return q;
    }
    wri_below(p, q, node);
    reach(q, wri_head_of(node)->outer.end);
    return q;
}

wri_list *wri_window_add(wri_parse *p, wri_list *l, wri_tok name, wr_window *w) {
    if (p->failed) return NULL;
    w->name = wri_ident(name);
    return wri_add(p, l, w, sizeof *w, wri_head_of(w)->depth);
}

wr_query *wri_values(wri_parse *p, wri_tok word, wri_list *rows) {
    wr_query *q = query(p, WR_Q_VALUES, word.loc.at, word.loc.end);
    if (!q) return NULL;
    q->rows = (wr_ast **)rows->items;
    q->n_rows = rows->n;
    wri_below_list(p, q, rows);
    reach(q, wri_head_of(q->rows[q->n_rows - 1])->outer.end);
    for (uint32_t i = 0; i < q->n_rows && !p->failed; i++) { /* VALUES 1, (2): rows of one column */
        if (q->rows[i]->kind == WR_A_ROW) continue;
        wri_tok at = {.loc = wri_head_of(q->rows[i])->outer};
        q->rows[i] = wri_many(p, WR_A_ROW, wri_add_node(p, NULL, q->rows[i]), at, at);
        wri_below(p, q, q->rows[i]);
    }
    return p->failed ? NULL : q;
}

/* ---- what stands around a SELECT ---- */
static bool has_tail(const wr_query *q) {
    return q->n_ctes || q->n_order || q->limit || q->offset || q->emit.kind || q->emit.lateness;
}

/* (SELECT ... LIMIT 3) LIMIT 1: the query in parentheses becomes the FROM of a new one, so that both
 * tails have a place. */
static wr_query *outer(wri_parse *p, wr_query *q) {
    if (p->failed || !wri_head_of(q)->paren || !has_tail(q)) return q;
    wri_tok t = {.loc = wri_head_of(q)->outer};
    wr_query *o = wri_select(p, t, false, false, wri_item_add(p, NULL, wri_star(p, NULL, t), (wri_tok){0}));
    return wri_clause(p, o, WRI_C_FROM, wri_from_query(p, q));
}

wr_query *wri_set(wri_parse *p, wr_query_kind kind, bool all, wr_query *l, wr_query *r) {
    if (p->failed) return NULL;
    wr_query *q = query(p, kind, wri_head_of(l)->outer.at, wri_head_of(r)->outer.end);
    if (!q) return NULL;
    q->all = all;
    q->left = l;
    q->right = r;
    wri_below(p, q, l);
    wri_below(p, q, r);
    return q;
}

wr_query *wri_query_paren(wri_parse *p, wr_query *q, wri_tok l, wri_tok r) {
    if (p->failed) return NULL;
    wri_head_of(q)->paren = true;
    wri_head_of(q)->outer = (wr_loc){l.loc.at, r.loc.end};
    return q;
}

wr_query *wri_query_with(wri_parse *p, wri_tok word, wri_list *ctes, wr_query *q) {
    q = outer(p, q);
    if (p->failed) return NULL;
    q->ctes = ctes->items;
    q->n_ctes = ctes->n;
    q->loc.at = wri_head_of(q)->outer.at = word.loc.at;
    wri_below_list(p, q, ctes);
    return q;
}

wri_list *wri_cte_add(wri_parse *p, wri_list *l, wri_tok name, wri_list *columns, wr_query *q) {
    if (p->failed) return NULL;
    wr_cte c = {.name = wri_ident(name), .query = q};
    if (columns) {
        c.columns = columns->items;
        c.n_columns = columns->n;
    }
    return wri_add(p, l, &c, sizeof c, wri_head_of(q)->depth);
}

wr_query *wri_query_order(wri_parse *p, wr_query *q, wri_list *sorts, wr_ast *within) {
    q = outer(p, q);
    if (p->failed) return NULL;
    q->order = sorts->items;
    q->n_order = sorts->n;
    q->order_within = within;
    wri_below_list(p, q, sorts);
    wri_below(p, q, within);
    wr_ast *last = within ? within : q->order[q->n_order - 1].expr;
    reach(q, wri_head_of(last)->outer.end);
    return q;
}

wr_query *wri_query_tail(wri_parse *p, wr_query *q, wri_tail t) {
    q = outer(p, q);
    if (p->failed) return NULL;
    static const char *const names[] = {"LIMIT or FETCH", "OFFSET", "EMIT", "ALLOWED LATENESS"};
    bool again = false;
    switch (t.kind) {
    case WRI_L_LIMIT:
        again = q->limit;
        q->limit = t.expr;
        if (t.by) {
            q->limit_by = t.by->items;
            q->n_limit_by = t.by->n;
            wri_below_list(p, q, t.by);
        }
        break;
    case WRI_L_OFFSET:
        again = q->offset;
        q->offset = t.expr;
        break;
    case WRI_L_EMIT:
        again = q->emit.kind;
        q->emit.kind = t.emit;
        q->emit.every = t.expr;
        break;
    case WRI_L_LATENESS:
        again = q->emit.lateness;
        q->emit.lateness = t.expr;
        break;
    }
    if (again) wri_error(p, WR_ESQL, t.loc, NULL, "%s is given twice", names[t.kind]);
    wri_below(p, q, t.expr);
    const wr_ast *last = t.by ? q->limit_by[q->n_limit_by - 1] : t.expr;
    uint32_t end = last && !p->failed ? wri_head_of(last)->outer.end : t.loc.end;
    if (t.kind >= WRI_L_EMIT) {
        wr_loc *loc = &q->emit.loc;
        *loc = (wr_loc){loc->end ? loc->at : t.loc.at, end};
    }
    reach(q, end);
    return q;
}

/* ---- GROUP BY ---- */
static wr_group *tuple(wri_parse *p, wr_ast *row) {
    wri_list *l = NULL;
    for (uint32_t i = 0; i < row->n_args; i++)
        l = wri_group_add(p, l, wri_group(p, WR_G_EXPR, row->args[i], NULL, row->args[i]->loc));
    return wri_group(p, WR_G_TUPLE, NULL, l, row->loc);
}

wr_group *wri_group(wri_parse *p, wr_group_kind kind, wr_ast *e, wri_list *items, wr_loc loc) {
    if (p->failed) return NULL;
    if (kind == WR_G_EXPR && e->kind == WR_A_ROW && e->n_args == 1) e = e->args[0];
    if (kind == WR_G_EXPR && e->kind == WR_A_ROW && e->n_args > 1) return tuple(p, e); /* (a, b) */
    wr_group *g = wri_node(p, sizeof *g);
    if (!g) return NULL;
    g->kind = kind;
    g->expr = e;
    g->loc = e ? wri_head_of(e)->outer : loc;
    wri_below(p, g, e);
    if (!items) return g;
    g->items = items->items;
    g->n = items->n;
    if (g->items[g->n - 1].loc.end > g->loc.end) g->loc.end = g->items[g->n - 1].loc.end;
    wri_below_list(p, g, items);
    return g;
}

wri_list *wri_group_add(wri_parse *p, wri_list *l, wr_group *g) {
    if (p->failed) return NULL;
    return wri_add(p, l, g, sizeof *g, wri_head_of(g)->depth);
}

/* ---- FROM ---- */
static wr_from *from(wri_parse *p, wr_from_kind kind, wr_loc loc) {
    wr_from *f = wri_node(p, sizeof *f);
    if (!f) return NULL;
    f->kind = kind;
    f->loc = wri_head_of(f)->outer = loc;
    return f;
}

static wr_from *from_end(wr_from *f, uint32_t end) {
    if (end > f->loc.end) f->loc.end = wri_head_of(f)->outer.end = end;
    return f;
}

wr_from *wri_from_table(wri_parse *p, wri_list *name) {
    wr_name n = wri_name(p, name);
    wr_from *f = from(p, WR_F_TABLE, n.loc);
    if (f) f->name = n;
    return f;
}

wr_from *wri_from_query(wri_parse *p, wr_query *q) {
    if (p->failed) return NULL;
    wr_from *f = from(p, WR_F_QUERY, wri_head_of(q)->outer);
    if (!f) return NULL;
    f->query = q;
    wri_below(p, f, q);
    return f;
}

wr_from *wri_from_function(wri_parse *p, wr_from_kind kind, wr_ast *call, bool table_form, wr_loc loc) {
    if (p->failed) return NULL;
    wr_from *f = from(p, kind, loc.end ? loc : call->loc);
    if (!f) return NULL;
    f->function = call;
    f->table_form = table_form;
    wri_below(p, f, call);
    return f;
}

wr_from *wri_from_lateral(wr_from *f, wri_tok word) {
    if (!f) return NULL;
    f->lateral = true;
    f->loc.at = wri_head_of(f)->outer.at = word.loc.at;
    return f;
}

wr_from *wri_from_alias(wri_parse *p, wr_from *f, wri_tok alias, wri_list *columns, uint32_t end) {
    if (p->failed) return NULL;
    if (f->alias.text) wri_error(p, WR_ESQL, alias.loc, NULL, "a second alias; '%s' has one", f->alias.text);
    f->alias = wri_ident(alias);
    if (columns) {
        f->columns = columns->items;
        f->n_columns = columns->n;
    }
    return from_end(f, end);
}

wr_from *wri_from_over(wri_parse *p, wr_from *f, wr_window *w) {
    if (p->failed) return NULL;
    if (f->over) wri_error(p, WR_ESQL, w->loc, NULL, "OVER is given twice");
    f->over = w;
    wri_below(p, f, w);
    return from_end(f, w->loc.end);
}

wr_from *wri_from_as_of(wri_parse *p, wr_from *f, wr_ast *e) {
    if (p->failed) return NULL;
    if (f->as_of) wri_error(p, WR_ESQL, e->loc, NULL, "FOR SYSTEM_TIME AS OF is given twice");
    f->as_of = e;
    wri_below(p, f, e);
    return from_end(f, wri_head_of(e)->outer.end);
}

wr_from *wri_from_match(wri_parse *p, wr_from *f, wri_tok rows, wr_match *m, wri_tok end) {
    if (p->failed) return NULL;
    if (f->match)
        wri_error(p, WR_EUNSUPPORTED, end.loc, "put the first into a subquery",
                  "a second MATCH_RECOGNIZE ends here");
    m->loc = (wr_loc){f->loc.end, end.loc.end};
    f->match = m;
    if (rows.text) f->rows = wri_ident(rows);
    wri_below(p, f, m);
    return from_end(f, end.loc.end);
}

wr_from *wri_join(wri_parse *p, wr_from *l, wri_oper kind, wr_from *r) {
    if (p->failed) return NULL;
    wr_from *f = from(p, WR_F_JOIN, (wr_loc){wri_head_of(l)->outer.at, wri_head_of(r)->outer.end});
    if (!f) return NULL;
    switch (kind.op[0]) {
    case 'L':
        f->join = WR_J_LEFT;
        break;
    case 'R':
        f->join = WR_J_RIGHT;
        break;
    case 'F':
        f->join = WR_J_FULL;
        break;
    case 'I':
        f->join = WR_J_INNER;
        break;
    default:
        f->join = WR_J_CROSS;
        break;
    }
    f->comma = kind.op[0] == ',';
    f->natural = kind.flag;
    f->left = l;
    f->right = r;
    wri_below(p, f, l);
    wri_below(p, f, r);
    if (f->natural && f->join == WR_J_CROSS)
        wri_error(p, WR_ESQL, (wr_loc){kind.at, kind.at + 5}, NULL, "a join is NATURAL or CROSS, not both");
    return f;
}

wr_from *wri_join_on(wri_parse *p, wr_from *join, wr_ast *on, wri_list *using_cols) {
    if (p->failed) return NULL;
    join->on = on;
    if (using_cols) {
        join->using_cols = using_cols->items;
        join->n_using = using_cols->n;
    }
    wri_below(p, join, on);
    wr_loc at = on ? wri_head_of(on)->outer : join->using_cols[0].loc;
    if (join->natural || join->join == WR_J_CROSS)
        wri_error(p, WR_ESQL, at, NULL, "a %s JOIN has no %s", join->natural ? "NATURAL" : "CROSS",
                  on ? "ON" : "USING");
    return from_end(join, on ? at.end : join->using_cols[join->n_using - 1].loc.end + 1);
}
