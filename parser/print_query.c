/* parser/print_query.c -- tree to SQL: calls, windows, queries, FROM, MATCH_RECOGNIZE. */
#include "parser/parser_int.h"

/* ---- sort items, calls, windows ---- */
void wri_put_direction(wri_out *o, const wr_sort *s) {
    if (s->desc) wri_puts(o, " DESC");
    if (s->nulls_given) wri_puts(o, s->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

void wri_put_sorts(wri_out *o, const wr_sort *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) wri_puts(o, ", ");
        wri_put_expr(o, s[i].expr);
        wri_put_direction(o, &s[i]);
    }
}

static bool text_is(const char *a, const char *word) {
    while (*a && (*a == *word || (*a >= 'a' && *a <= 'z' && *a - 'a' + 'A' == *word))) a++, word++;
    return !*a && !*word;
}

static bool word_is(const wr_ast *call, const char *word) { return text_is(call->name.parts[0].text, word); }

static bool word_goes_on(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

/* Puts parentheses around what was printed from `at` on when it begins with this word, which would be a
 * keyword there. */
static void guard(wri_out *o, size_t at, const char *word) {
    if (o->st != WR_OK) return;
    size_t n = o->b->len - at, n_word = strlen(word);
    const char *text = o->b->data + at;
    if (n < n_word || (n > n_word && (word_goes_on(text[n_word]) || text[n_word] == '.'))) return;
    for (size_t i = 0; i < n_word; i++)
        if ((text[i] & ~0x20) != word[i]) return;
    wri_puts(o, "()");
    if (o->st != WR_OK) return;
    memmove(o->b->data + at + 1, o->b->data + at, n);
    o->b->data[at] = '(';
}

/* FLOOR((x) DAY TO HOUR) would give the second unit to FLOOR; functions called descriptor and cursor look
 * like the arguments of these names. */
void wri_put_arg(wri_out *o, const wr_ast *a) {
    bool paren = a->kind == WR_A_QUALIFIED && a->unit2;
    size_t at = o->b->len;
    if (paren) wri_puts(o, "(");
    wri_put_expr(o, a);
    if (paren) wri_puts(o, ")");
    if (a->kind == WR_A_DESCRIPTOR || a->kind == WR_A_CURSOR || a->kind == WR_A_NAMED_ARG) return;
    guard(o, at, "DESCRIPTOR");
    guard(o, at, "CURSOR");
}

/* SUBSTRING(s FROM i FOR n) and its like: the words between the arguments. */
static void put_form(wri_out *o, const wr_ast *e) {
    static const char *const from_for[] = {"", " FROM ", " FOR "},
                             *const similar[] = {"", " SIMILAR ", " ESCAPE "}, *const in[] = {"", " IN "},
                             *const placing[] = {"", " PLACING ", " FROM ", " FOR "};
    const char *const *words = word_is(e, "POSITION")  ? in
                               : word_is(e, "OVERLAY") ? placing
                               : e->call->keyword      ? similar
                                                       : from_for;
    if (!word_is(e, "TRIM")) {
        for (uint32_t i = 0; i < e->n_args; i++) {
            wri_puts(o, words[i]);
            wri_put_value(o, e->args[i]);
        }
        return;
    }
    if (e->call->keyword) wri_puts(o, e->call->keyword);
    if (e->n_args == 2) {
        if (e->call->keyword) wri_puts(o, " ");
        wri_put_value(o, e->args[0]);
    }
    wri_puts(o, " FROM ");
    wri_put_value(o, e->args[e->n_args - 1]);
}

static void put_inside(wri_out *o, const wr_ast *e) {
    const wr_call *c = e->call;
    if (c->distinct) wri_puts(o, "DISTINCT ");
    if (c->star) wri_puts(o, "*");
    if (e->unit) {
        wri_puts(o, e->unit == WR_U_OTHER ? e->text : wr_unit_name(e->unit));
        wri_puts(o, ", ");
    }
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i) wri_puts(o, ", ");
        if (word_is(e, "POSITION")) wri_put_value(o, e->args[i]); /* a condition could hold its IN */
        else wri_put_arg(o, e->args[i]);
    }
    if (c->order_inside) {
        wri_puts(o, " ORDER BY ");
        wri_put_sorts(o, c->within, c->n_within);
    }
    if (c->returning.kind) {
        wri_puts(o, " RETURNING ");
        wri_put_type(o, c->returning);
    }
    if (c->keyword) {
        wri_puts(o, " ");
        wri_puts(o, c->keyword);
    }
}

/* CURRENT_DATE and the like came without parentheses. */
static bool bare(const wr_ast *e) {
    static const char *const names[] = {"CURRENT_DATE", "CURRENT_TIME",   "CURRENT_TIMESTAMP",
                                        "LOCALTIME",    "LOCALTIMESTAMP", "CURRENT_ROW_TIMESTAMP"};
    if (e->n_args || e->call->star || e->name.n != 1 || e->name.parts[0].quoted) return false;
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (word_is(e, names[i])) return true;
    return false;
}

void wri_put_call(wri_out *o, const wr_ast *e, bool in_from) {
    const wr_call *c = e->call;
    /* Before a closing parenthesis, IGNORE NULLS would belong to the call around this one. */
    bool nulls = (c->ignore_nulls || c->respect_nulls) && !c->over, inside = nulls && o->after_word;
    bool paren = nulls && !inside;
    o->after_word = false;
    if (paren) wri_puts(o, "(");
    wri_put_name(o, &e->name);
    bool tail = c->within || c->filter || c->over || c->ignore_nulls || c->respect_nulls || c->from_last;
    if (bare(e) && !tail && !in_from) return;
    wri_puts(o, "(");
    if (c->from_form) put_form(o, e);
    else put_inside(o, e);
    if (inside) wri_puts(o, c->ignore_nulls ? " IGNORE NULLS" : " RESPECT NULLS");
    wri_puts(o, ")");
    if (c->within && !c->order_inside) {
        wri_puts(o, " WITHIN GROUP (ORDER BY ");
        wri_put_sorts(o, c->within, c->n_within);
        wri_puts(o, ")");
    }
    if (c->filter) {
        wri_puts(o, " FILTER (WHERE ");
        wri_put_expr(o, c->filter);
        wri_puts(o, ")");
    }
    if (c->from_last) wri_puts(o, " FROM LAST");
    if (c->ignore_nulls && !inside) wri_puts(o, " IGNORE NULLS");
    if (c->respect_nulls && !inside) wri_puts(o, " RESPECT NULLS");
    if (paren) wri_puts(o, ")");
    if (c->over) wri_put_over(o, c->over);
}

static void put_bound(wri_out *o, wr_bound_kind kind, const wr_ast *e) {
    if (e) {
        wri_put_value(o, e);
        wri_puts(o, " ");
    }
    static const char *const words[] = {[WR_B_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
                                        [WR_B_PRECEDING] = "PRECEDING",
                                        [WR_B_CURRENT] = "CURRENT ROW",
                                        [WR_B_FOLLOWING] = "FOLLOWING",
                                        [WR_B_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING"};
    wri_puts(o, words[kind]);
}

static void put_frame(wri_out *o, const wr_window *w, bool stagger) {
    wri_puts(o, w->rows ? "ROWS " : "RANGE ");
    if (stagger) {
        wri_put_value(o, w->lo_expr);
        return;
    }
    if (w->between) wri_puts(o, "BETWEEN ");
    put_bound(o, w->lo, w->lo_expr);
    if (!w->between) return;
    wri_puts(o, " AND ");
    put_bound(o, w->hi, w->hi_expr);
}

/* The inside of a window's parentheses; own_name: the name stands elsewhere (WINDOW w AS). */
static void put_window(wri_out *o, const wr_window *w, bool own_name, bool stagger) {
    const char *blank = "";
    wri_puts(o, "(");
    if (w->name.text && !own_name) {
        wri_put_ident(o, &w->name);
        blank = " ";
    }
    if (w->n_partition) {
        wri_puts(o, blank);
        wri_puts(o, "PARTITION BY ");
        wri_put_exprs(o, w->partition, w->n_partition);
        blank = " ";
    }
    if (w->n_order) {
        wri_puts(o, blank);
        wri_puts(o, "ORDER BY ");
        wri_put_sorts(o, w->order, w->n_order);
        blank = " ";
    }
    if (w->has_frame) {
        wri_puts(o, blank);
        put_frame(o, w, stagger);
    }
    wri_puts(o, ")");
}

void wri_put_over(wri_out *o, const wr_window *w) {
    wri_puts(o, " OVER ");
    if (w->name.text && !w->n_partition && !w->n_order && !w->has_frame) wri_put_ident(o, &w->name);
    else put_window(o, w, false, false);
}

/* ---- queries ---- */
static void put_alias(wri_out *o, const wr_item *item) {
    if (!item->alias.text) return;
    wri_puts(o, " AS ");
    wri_put_ident(o, &item->alias);
}

static void put_items(wri_out *o, const wr_item *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) wri_puts(o, ", ");
        wri_put_expr(o, items[i].expr);
        put_alias(o, &items[i]);
    }
}

static void put_groups(wri_out *o, const wr_group *g, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) wri_puts(o, ", ");
        if (g[i].kind == WR_G_EXPR) {
            wri_put_expr(o, g[i].expr);
            continue;
        }
        static const char *const words[] = {[WR_G_SETS] = "GROUPING SETS (",
                                            [WR_G_ROLLUP] = "ROLLUP (",
                                            [WR_G_CUBE] = "CUBE (",
                                            [WR_G_TUPLE] = "("};
        wri_puts(o, words[g[i].kind]);
        put_groups(o, g[i].items, g[i].n);
        wri_puts(o, ")");
    }
}

static void put_clause(wri_out *o, const char *word, const wr_ast *e) {
    if (!e) return;
    wri_puts(o, word);
    wri_put_expr(o, e);
}

static void put_select_items(wri_out *o, const wr_query *q) {
    const wr_ast *first = q->items[0].expr;
    bool told = first->kind == WR_A_STAR;
    if (first->kind == WR_A_COLUMN) told = q->n_items > 1 || q->items[0].alias.text || q->from;
    if (q->stream || q->distinct || told) {
        put_items(o, q->items, q->n_items);
        return;
    }
    size_t at = o->b->len;
    wri_put_expr(o, first);
    guard(o, at, "STREAM"); /* SELECT stream(a) reads as SELECT STREAM (a) */
    put_alias(o, &q->items[0]);
    if (q->n_items == 1) return;
    wri_puts(o, ", ");
    put_items(o, q->items + 1, q->n_items - 1);
}

static void put_select(wri_out *o, const wr_query *q) {
    wri_puts(o, q->stream ? "SELECT STREAM " : "SELECT ");
    if (q->distinct) wri_puts(o, "DISTINCT ");
    put_select_items(o, q);
    if (q->from) {
        wri_puts(o, " FROM ");
        wri_put_from(o, q->from);
    }
    put_clause(o, " WHERE ", q->where);
    if (q->has_group) {
        wri_puts(o, " GROUP BY ");
        put_groups(o, q->groups, q->n_groups);
    }
    if (q->stagger) {
        wri_puts(o, " WINDOWED BY STAGGER ");
        put_window(o, q->stagger_window, true, true);
    }
    put_clause(o, " HAVING ", q->having);
    for (uint32_t i = 0; i < q->n_windows; i++) {
        wri_puts(o, i ? ", " : " WINDOW ");
        wri_put_ident(o, &q->windows[i].name);
        wri_puts(o, " AS ");
        put_window(o, &q->windows[i], true, false);
    }
    put_clause(o, " QUALIFY ", q->qualify);
}

static bool has_tail(const wr_query *q) {
    return q->n_ctes || q->n_order || q->limit || q->offset || q->emit.kind || q->emit.lateness;
}

static void put_side(wri_out *o, const wr_query *q, bool paren) {
    paren = paren || has_tail(q);
    if (paren) wri_puts(o, "(");
    wri_put_query(o, q);
    if (paren) wri_puts(o, ")");
}

static void put_set(wri_out *o, const wr_query *q) {
    static const char *const words[] = {
        [WR_Q_UNION] = " UNION ", [WR_Q_INTERSECT] = " INTERSECT ", [WR_Q_EXCEPT] = " EXCEPT "};
    bool tight = q->kind == WR_Q_INTERSECT; /* binds more than the others; all join to the left */
    bool left_loose = q->left->kind == WR_Q_UNION || q->left->kind == WR_Q_EXCEPT;
    bool right_set = q->right->kind >= WR_Q_UNION && (tight || q->right->kind != WR_Q_INTERSECT);
    put_side(o, q->left, tight && left_loose);
    wri_puts(o, words[q->kind]);
    if (q->all) wri_puts(o, "ALL ");
    put_side(o, q->right, right_set);
}

static void put_emit(wri_out *o, const wr_emit_clause *e) {
    static const char *const words[] = {[WR_EMIT_DEFAULT] = "",
                                        [WR_EMIT_CHANGES] = " EMIT CHANGES",
                                        [WR_EMIT_FINAL] = " EMIT FINAL",
                                        [WR_EMIT_ON_CLOSE] = " EMIT ON WINDOW CLOSE",
                                        [WR_EMIT_EARLY] = " EMIT EARLY EVERY "};
    wri_puts(o, words[e->kind]);
    if (e->kind == WR_EMIT_EARLY) wri_put_value(o, e->every);
    if (!e->lateness) return;
    wri_puts(o, " ALLOWED LATENESS ");
    wri_put_value(o, e->lateness);
}

static void put_tail_value(wri_out *o, const char *word, const wr_ast *e) {
    if (!e) return;
    wri_puts(o, word);
    wri_put_value(o, e);
}

static void put_ctes(wri_out *o, const wr_query *q) {
    for (uint32_t i = 0; i < q->n_ctes; i++) {
        wri_puts(o, i ? ", " : "WITH ");
        wri_put_ident(o, &q->ctes[i].name);
        if (q->ctes[i].n_columns) {
            wri_puts(o, " ");
            wri_put_idents(o, q->ctes[i].columns, q->ctes[i].n_columns);
        }
        wri_puts(o, " AS (");
        wri_put_query(o, q->ctes[i].query);
        wri_puts(o, ")");
    }
    if (q->n_ctes) wri_puts(o, " ");
}

void wri_put_query(wri_out *o, const wr_query *q) {
    put_ctes(o, q);
    if (q->kind == WR_Q_SELECT) put_select(o, q);
    else if (q->kind == WR_Q_VALUES) {
        wri_puts(o, "VALUES ");
        wri_put_exprs(o, q->rows, q->n_rows);
    } else put_set(o, q);
    if (q->n_order) {
        wri_puts(o, " ORDER BY ");
        wri_put_sorts(o, q->order, q->n_order);
    }
    put_tail_value(o, " WITHIN ", q->order_within);
    put_tail_value(o, " LIMIT ", q->limit);
    if (q->n_limit_by) {
        wri_puts(o, " BY ");
        wri_put_exprs(o, q->limit_by, q->n_limit_by);
    }
    put_tail_value(o, " OFFSET ", q->offset);
    put_emit(o, &q->emit);
}

wr_status wr_query_print(const wr_query *q, wr_buf *out) {
    wri_out o = {out, WR_OK};
    wri_put_query(&o, q);
    return o.st;
}

/* ---- FROM ---- */
static void put_join(wri_out *o, const wr_from *f) {
    static const char *const words[] = {[WR_J_INNER] = "JOIN ",
                                        [WR_J_LEFT] = "LEFT JOIN ",
                                        [WR_J_RIGHT] = "RIGHT JOIN ",
                                        [WR_J_FULL] = "FULL JOIN ",
                                        [WR_J_CROSS] = "CROSS JOIN "};
    bool left_paren = f->left->kind == WR_F_JOIN && f->left->comma && !f->comma;
    bool right_paren = f->right->kind == WR_F_JOIN && (!f->comma || f->right->comma);
    if (left_paren) wri_puts(o, "(");
    wri_put_from(o, f->left);
    if (left_paren) wri_puts(o, ")");
    wri_puts(o, f->comma ? ", " : f->natural ? " NATURAL " : " ");
    if (!f->comma) wri_puts(o, words[f->join]);
    if (right_paren) wri_puts(o, "(");
    wri_put_from(o, f->right);
    if (right_paren) wri_puts(o, ")");
    put_clause(o, " ON ", f->on);
    if (!f->n_using) return;
    wri_puts(o, " USING ");
    wri_put_idents(o, f->using_cols, f->n_using);
}

static void put_source(wri_out *o, const wr_from *f) {
    if (f->lateral) wri_puts(o, "LATERAL ");
    switch (f->kind) {
    case WR_F_TABLE:
        wri_put_name(o, &f->name);
        break;
    case WR_F_FUNCTION:
    case WR_F_UNNEST:
        if (f->table_form) wri_puts(o, "TABLE(");
        wri_put_call(o, f->function, true);
        if (f->table_form) wri_puts(o, ")");
        break;
    default:
        wri_puts(o, "(");
        wri_put_query(o, f->query);
        wri_puts(o, ")");
    }
}

void wri_put_from(wri_out *o, const wr_from *f) {
    if (f->kind == WR_F_JOIN) {
        put_join(o, f);
        return;
    }
    put_source(o, f);
    if (f->over) wri_put_over(o, f->over); /* first: AS OF f() OVER w would be f's */
    put_tail_value(o, " FOR SYSTEM_TIME AS OF ", f->as_of);
    if (f->rows.text) {
        wri_puts(o, " AS ");
        wri_put_ident(o, &f->rows);
    }
    if (f->match) wri_put_match(o, f->match);
    if (!f->alias.text) return;
    wri_puts(o, " AS ");
    wri_put_ident(o, &f->alias);
    if (!f->n_columns) return;
    wri_puts(o, " ");
    wri_put_idents(o, f->columns, f->n_columns);
}

/* ---- MATCH_RECOGNIZE ---- */
static void put_quantifier(wri_out *o, const wr_pattern *x) {
    if (x->min == 1 && x->max == 1) {
        if (x->reluctant) wri_puts(o, "{1}?");
        return;
    }
    if (x->min == 0 && x->max == -1) wri_puts(o, "*");
    else if (x->min == 1 && x->max == -1) wri_puts(o, "+");
    else if (x->min == 0 && x->max == 1) wri_puts(o, "?");
    else if (o->st == WR_OK && x->max < 0) o->st = wr_buf_printf(o->b, "{%lld,}", (long long)x->min);
    else if (o->st == WR_OK) o->st = wr_buf_printf(o->b, "{%lld,%lld}", (long long)x->min, (long long)x->max);
    if (x->reluctant) wri_puts(o, "?");
}

static void put_pattern(wri_out *o, const wr_pattern *x, bool paren) {
    bool quantified = x->min != 1 || x->max != 1 || x->reluctant;
    bool list = x->kind == WR_PT_SEQ || x->kind == WR_PT_ALT;
    paren = list && (paren || quantified);
    if (x->kind == WR_PT_VAR && text_is(x->var.text, "PERMUTE")) paren = true; /* before a parenthesis */
    static const char *const open[] = {
        [WR_PT_PERMUTE] = "PERMUTE(", [WR_PT_EXCLUDE] = "{- ", [WR_PT_EMPTY] = "("};
    static const char *const close[] = {[WR_PT_PERMUTE] = ")", [WR_PT_EXCLUDE] = " -}", [WR_PT_EMPTY] = ")"};
    if (paren) wri_puts(o, "(");
    if (x->kind == WR_PT_VAR) wri_put_ident(o, &x->var);
    else if (x->kind == WR_PT_ANCHOR) wri_puts(o, x->var.text);
    else {
        if (!list) wri_puts(o, open[x->kind]);
        for (uint32_t i = 0; i < x->n; i++) {
            if (i) wri_puts(o, x->kind == WR_PT_ALT ? " | " : x->kind == WR_PT_PERMUTE ? ", " : " ");
            put_pattern(o, x->items[i],
                        list && (x->kind == WR_PT_SEQ || x->items[i]->kind == WR_PT_ALT || x->n == 1));
        }
        if (!list) wri_puts(o, close[x->kind]);
    }
    if (paren) wri_puts(o, ")");
    put_quantifier(o, x);
}

static void put_defines(wri_out *o, const char *word, const wr_define *d, uint32_t n, const char *is) {
    for (uint32_t i = 0; i < n; i++) {
        wri_puts(o, i ? ", " : word);
        wri_put_ident(o, &d[i].var);
        wri_puts(o, is);
        if (is[1] == '=') { /* SUBSET u = (a, b) */
            wri_puts(o, "(");
            wri_put_exprs(o, d[i].expr->args, d[i].expr->n_args);
            wri_puts(o, ")");
        } else wri_put_expr(o, d[i].expr);
    }
}

void wri_put_match(wri_out *o, const wr_match *m) {
    wri_puts(o, " MATCH_RECOGNIZE (");
    if (m->n_partition) {
        wri_puts(o, "PARTITION BY ");
        wri_put_exprs(o, m->partition, m->n_partition);
        wri_puts(o, " ");
    }
    if (m->n_order) {
        wri_puts(o, "ORDER BY ");
        wri_put_sorts(o, m->order, m->n_order);
        wri_puts(o, " ");
    }
    if (m->n_measures) {
        wri_puts(o, "MEASURES ");
        put_items(o, m->measures, m->n_measures);
        wri_puts(o, " ");
    }
    wri_puts(o, m->all_rows ? "ALL ROWS PER MATCH " : "ONE ROW PER MATCH ");
    if (m->empty) {
        wri_puts(o, m->empty);
        wri_puts(o, " ");
    }
    if (m->skip) {
        wri_puts(o, "AFTER MATCH SKIP ");
        wri_puts(o, m->skip);
        wri_puts(o, " ");
        if (m->skip_var.text) {
            wri_put_ident(o, &m->skip_var);
            wri_puts(o, " ");
        }
    }
    wri_puts(o, "PATTERN (");
    put_pattern(o, m->pattern, false);
    wri_puts(o, ")");
    put_tail_value(o, " WITHIN ", m->within);
    put_defines(o, " SUBSET ", m->subsets, m->n_subsets, " = ");
    put_defines(o, " DEFINE ", m->defines, m->n_defines, " AS ");
    wri_puts(o, ")");
}
