/* parser/ast_call.c -- constructors: function calls, their modifiers, windows, types. */
#include "parser/parser_int.h"

/* ---- calls ---- */
wr_ast *wri_call(wri_parse *p, wri_list *name, wri_list *args, wri_tok end) {
    wr_name n = wri_name(p, name);
    wr_ast *e = wri_ast(p, WR_A_CALL, (wr_loc){n.loc.at, end.loc.end});
    if (!e) return NULL;
    e->name = n;
    e->call = wri_node(p, sizeof *e->call);
    if (!e->call) return NULL;
    if (!args) return e;
    e->args = args->items;
    e->n_args = args->n;
    wri_below_list(p, e, args);
    /* TABLE t PARTITION BY a, b, DESCRIPTOR(c): b belongs to PARTITION BY, not to the function. */
    uint32_t k = 1;
    while (k < e->n_args && e->args[k]->kind == WR_A_COLUMN) k++;
    bool named = e->args[0]->kind == WR_A_NAMED_ARG; /* DATA => TABLE t PARTITION BY a, b, TIMECOL => … */
    wr_ast *t = named ? e->args[0]->args[0] : e->args[0];
    if (k == 1 || k == e->n_args || t->kind != WR_A_TABLE_ARG || !t->n_args) return e;
    if (e->args[k]->kind != WR_A_DESCRIPTOR && !(named && e->args[k]->kind == WR_A_NAMED_ARG)) return e;
    wri_list *by = NULL;
    for (uint32_t i = 0; i < t->n_args; i++) by = wri_add_node(p, by, t->args[i]);
    for (uint32_t i = 1; i < k; i++) by = wri_add_node(p, by, e->args[i]);
    if (!by) return NULL;
    t->args = by->items;
    t->n_args = by->n;
    e->n_args -= k - 1;
    memmove(e->args + 1, e->args + k, (e->n_args - 1) * sizeof(wr_ast *));
    return e;
}

wr_ast *wri_call_word(wri_parse *p, wri_tok word, wri_list *args, wri_tok end) {
    if (p->failed) return NULL;
    word.text = wr_arena_strndup(p->ar, p->text + word.loc.at, word.loc.end - word.loc.at);
    if (!word.text) {
        wri_fail(p);
        return NULL;
    }
    return wri_call(p, wri_name_part(p, NULL, word), args, end);
}

wr_ast *wri_call_form(wri_parse *p, wri_tok word, const char *keyword, wri_list *args, wri_tok end) {
    wr_ast *e = wri_call_word(p, word, args, end);
    if (p->failed || !e) return NULL;
    e->call->from_form = true;
    e->call->keyword = keyword;
    return e;
}

wr_ast *wri_call_quant(wr_ast *call, bool distinct, bool star) {
    if (!call) return NULL;
    call->call->distinct = distinct;
    call->call->star = star;
    return call;
}

/* Does the text of an interval hold one field only, '10' and not '10:30'? */
static bool one_field(const char *text) {
    return strcspn(text + (text[0] == '-' || text[0] == '+'), " :-") + (text[0] == '-' || text[0] == '+') ==
           strlen(text);
}

/* The node at the right end of e whose second unit is meant for FLOOR: of FLOOR((a - b) SECOND TO MINUTE),
 * as intervals have no FLOOR without a unit, and of FLOOR(ts + INTERVAL '1' DAY TO HOUR), as '1' is no
 * DAY TO HOUR. NULL: none. */
static wr_ast *unit_at_end(wr_ast *e) {
    while ((e->kind == WR_A_BINARY_OP || e->kind == WR_A_UNARY) && !wri_head_of(e)->paren)
        e = e->args[e->n_args - 1];
    if (wri_head_of(e)->paren || e->unit2 == WR_U_NONE) return NULL;
    if (e->kind == WR_A_QUALIFIED) return e;
    return e->kind == WR_A_INTERVAL && one_field(e->text) ? e : NULL;
}

wr_ast *wri_call_floor(wri_parse *p, wri_tok word, const char *op, wri_list *args, wri_tok end) {
    if (p->failed) return NULL;
    wr_ast *a = args->n == 1 ? *(wr_ast **)args->items : NULL, *last = a ? unit_at_end(a) : NULL;
    if (!last) return wri_call_word(p, word, args, end);
    wri_units u = {.unit = last->unit2};
    last->unit2 = WR_U_NONE;
    last->prec2 = 0;
    return wri_span(wri_unit_form(p, WR_A_ROUND_TO, op, a, u), word.loc.at, end.loc.end);
}

wr_ast *wri_call_unit(wri_parse *p, wri_tok word, wri_units u, wri_list *args, wri_tok end) {
    wr_ast *e = wri_call_word(p, word, args, end);
    if (p->failed || !e) return NULL;
    e->unit = u.unit;
    e->text = u.text;
    return e;
}

wri_list *wri_mod_add(wri_parse *p, wri_list *l, wri_mod m) { return wri_add(p, l, &m, sizeof m, 0); }

/* Functions that IGNORE NULLS belongs to when it could belong to an outer call as well. */
static bool minds_nulls(const wr_ast *call) {
    static const char *const names[] = {"FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "LAG", "LEAD"};
    if (call->kind != WR_A_CALL || call->name.n != 1) return false;
    for (size_t i = 0; i < WR_LEN(names); i++) {
        const char *a = call->name.parts[0].text, *b = names[i];
        while (*a && (*a == *b || (*a >= 'a' && *a <= 'z' && *a - 'a' + 'A' == *b))) a++, b++;
        if (!*a && !*b) return true;
    }
    return false;
}

/* Adds "NULL ON EMPTY" to the call's text; each event once. */
static void mod_text(wri_parse *p, wr_ast *e, const wri_mod *m) {
    wr_buf b = {0};
    wr_status st = WR_OK;
    const char *event = m->event ? wr_arena_printf(p->ar, " ON %s", m->event) : "";
    wri_out o = {&b, WR_OK};
    if (m->expr) wri_put_value(&o, m->expr);
    st = o.st;
    if (st == WR_OK && event) {
        const char *old = e->call->keyword;
        e->call->keyword =
            wr_arena_printf(p->ar, "%s%s%s%s%.*s%s", old ? old : "", old ? " " : "", m->behaviour,
                            m->expr ? " " : "", (int)b.len, b.data ? b.data : "", event);
        if (!e->call->keyword) st = WR_ENOMEM;
    }
    wr_buf_free(&b);
    if (st != WR_OK || !event) wri_fail(p);
}

static void mod_on(wri_parse *p, wr_ast *e, const wri_mod *m) {
    wr_call *c = e->call;
    wr_json_on on = (wr_json_on)m->on;
    mod_text(p, e, m);
    if (strcmp(m->event, "EMPTY") == 0) {
        c->on_empty = on;
        c->else_empty = m->expr;
    } else if (strcmp(m->event, "ERROR") == 0) {
        c->on_error = on;
        c->else_error = m->expr;
    } else c->on_null = on;
    if (m->expr) wri_below(p, e, m->expr);
}

static bool is_json(wri_parse *p, const wr_ast *e) {
    const char *u = wri_upper(p, e->name.parts[e->name.n - 1].text);
    return u && strncmp(u, "JSON_", 5) == 0;
}

static void twice(wri_parse *p, const wri_mod *m, const char *what) {
    wri_error(p, WR_ESQL, m->loc, NULL, "%s is given twice", what);
}

static void mod_nulls(wri_parse *p, wr_ast *e, const wri_mod *m) {
    wr_ast *last = e->n_args ? e->args[e->n_args - 1] : NULL;
    /* Inside the parentheses, ROUND(LAST_VALUE(x) IGNORE NULLS): the inner call's. */
    bool inner = m->sorts == NULL && m->event && last && !minds_nulls(e) && minds_nulls(last) &&
                 !wri_head_of(last)->paren;
    wr_call *c = inner ? last->call : e->call;
    if (c->ignore_nulls || c->respect_nulls) twice(p, m, "IGNORE NULLS or RESPECT NULLS");
    if (m->kind == WRI_M_IGNORE) c->ignore_nulls = true;
    else c->respect_nulls = true;
}

static void apply(wri_parse *p, wr_ast *e, const wri_mod *m) {
    wr_call *c = e->call;
    switch (m->kind) {
    case WRI_M_ORDER_INSIDE:
    case WRI_M_WITHIN:
        if (c->within) twice(p, m, "ORDER BY of this call");
        c->within = m->sorts->items;
        c->n_within = m->sorts->n;
        c->order_inside = m->kind == WRI_M_ORDER_INSIDE;
        wri_below_list(p, e, m->sorts);
        break;
    case WRI_M_IGNORE:
    case WRI_M_RESPECT:
        mod_nulls(p, e, m);
        break;
    case WRI_M_FROM_FIRST:
        break; /* the default */
    case WRI_M_FROM_LAST:
        c->from_last = true;
        break;
    case WRI_M_FILTER:
        if (c->filter) twice(p, m, "FILTER");
        c->filter = m->expr;
        wri_below(p, e, m->expr);
        break;
    case WRI_M_RETURNING:
        if (c->returning.kind) twice(p, m, "RETURNING");
        c->returning = m->expr->type;
        if (!is_json(p, e)) wri_error(p, WR_ESQL, m->loc, NULL, "RETURNING is for functions of JSON only");
        break;
    case WRI_M_ON:
        if (is_json(p, e)) mod_on(p, e, m);
        else wri_error(p, WR_ESQL, m->loc, NULL, "ON %s is for functions of JSON only", m->event);
        break;
    case WRI_M_WRAPPER:
        if (c->wrapper) twice(p, m, "WRAPPER");
        c->wrapper = (wr_json_wrap)m->on;
        if (is_json(p, e)) mod_text(p, e, m);
        else wri_error(p, WR_ESQL, m->loc, NULL, "WRAPPER is for JSON_QUERY only");
        break;
    }
}

/* Is the event of mods[i], EMPTY or ERROR, that of one before? */
static bool on_twice(const wri_mod *mods, uint32_t i) {
    for (uint32_t k = 0; k < i && mods[i].kind == WRI_M_ON; k++)
        if (mods[k].kind == WRI_M_ON && strcmp(mods[k].event, mods[i].event) == 0) return true;
    return false;
}

wr_ast *wri_call_mods(wri_parse *p, wr_ast *call, wri_list *mods) {
    const wri_mod *m = mods ? mods->items : NULL;
    for (uint32_t i = 0; !p->failed && mods && i < mods->n; i++) {
        if (on_twice(m, i)) wri_error(p, WR_ESQL, m[i].loc, NULL, "ON %s is given twice", m[i].event);
        else apply(p, call, &m[i]);
        if (!p->failed && m[i].loc.end > call->loc.end) wri_span(call, UINT32_MAX, m[i].loc.end);
    }
    return p->failed ? NULL : call;
}

wr_ast *wri_call_over(wri_parse *p, wr_ast *call, wr_window *over) {
    if (p->failed) return NULL;
    call->call->over = over;
    wri_below(p, call, over);
    return wri_span(call, UINT32_MAX, over->loc.end);
}

wr_ast *wri_named_arg(wri_parse *p, wri_tok name, wr_ast *a) {
    if (p->failed) return NULL;
    wr_ast *e = wri_op(p, WR_A_NAMED_ARG, (wri_oper){0}, a, NULL, NULL);
    if (!e) return NULL;
    e->text = name.text;
    e->name = wri_name(p, wri_name_part(p, NULL, name));
    return wri_span(e, name.loc.at, wri_head_of(a)->outer.end);
}

/* ---- table arguments ---- */
wr_ast *wri_table_arg(wri_parse *p, wri_tok word, wri_list *name, wr_query *q, uint32_t end) {
    wr_ast *e = wri_ast(p, WR_A_TABLE_ARG, word.loc);
    if (!e) return NULL;
    e->name = wri_name(p, name);
    e->query = q;
    wri_below(p, e, q);
    if (end == 0) end = q ? wri_head_of(q)->outer.end : e->name.loc.end;
    return wri_span(e, word.loc.at, end);
}

/* PARTITION BY (a, b): one expression that is a row stands for its columns. */
static wri_list *spread(wri_parse *p, wr_ast *e) {
    wri_list *l = NULL;
    if (e->kind != WR_A_ROW) return wri_add_node(p, NULL, e);
    for (uint32_t i = 0; i < e->n_args; i++) l = wri_add_node(p, l, e->args[i]);
    return l;
}

wr_ast *wri_table_arg_by(wri_parse *p, wr_ast *t, wr_ast *partition, wri_list *order) {
    if (p->failed) return NULL;
    if (partition) {
        wri_list *l = spread(p, partition);
        if (p->failed) return NULL;
        t->args = l ? l->items : NULL;
        t->n_args = l ? l->n : 0;
        wri_below_list(p, t, l);
        wri_span(t, UINT32_MAX, wri_head_of(partition)->outer.end);
    }
    if (!order) return t;
    wr_sort *s = order->items;
    wr_ast *by = s[0].expr;
    wri_span(t, UINT32_MAX, wri_head_of(by)->outer.end);
    if (by->kind == WR_A_ROW && by->n_args) {
        order = NULL;
        for (uint32_t i = 0; i < by->n_args; i++)
            order = wri_sort_add(p, order, by->args[i], s[0].desc,
                                 (wri_oper){.flag = s[0].nulls_given, .flag2 = s[0].nulls_first});
    }
    wr_call *c = wri_node(p, sizeof *c);
    if (!c) return NULL;
    c->within = order->items;
    c->n_within = order->n;
    t->call = c;
    wri_below_list(p, t, order);
    return p->failed ? NULL : t;
}

/* ---- windows ---- */
wr_window *wri_window(wri_parse *p, wri_tok l, wri_list *partition, wri_list *order, wri_tok r) {
    wr_window *w = wri_node(p, sizeof *w);
    if (!w) return NULL;
    w->loc = (wr_loc){l.loc.at, r.loc.end};
    if (partition) {
        w->partition = partition->items;
        w->n_partition = partition->n;
    }
    if (order) {
        w->order = order->items;
        w->n_order = order->n;
    }
    wri_below_list(p, w, partition);
    wri_below_list(p, w, order);
    return w;
}

wr_window *wri_window_named(wri_parse *p, wri_tok name, wr_window *w) {
    if (!w) w = wri_window(p, name, NULL, NULL, name);
    if (p->failed) return NULL;
    w->name = wri_ident(name);
    return w;
}

wr_window *wri_window_at(wr_window *w, wri_tok l, wri_tok r) {
    if (w) w->loc = (wr_loc){l.loc.at, r.loc.end};
    return w;
}

wr_window *wri_window_frame(wri_parse *p, wr_window *w, wri_frame f) {
    if (p->failed) return NULL;
    w->has_frame = true;
    w->rows = f.rows;
    w->between = f.between;
    w->lo = f.lo.kind;
    w->hi = f.hi.kind;
    w->lo_expr = f.lo.expr;
    w->hi_expr = f.hi.expr;
    wri_below(p, w, f.lo.expr);
    wri_below(p, w, f.hi.expr);
    return w;
}
