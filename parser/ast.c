/* parser/ast.c -- constructors: nodes, lists, names and expressions.
 *
 * All memory is the arena's. A constructor whose statement has already failed does nothing and returns
 * NULL; see parser_int.h. Depth is counted here, so that every later walk over a tree may recurse. */
#include "parser/parser_int.h"

void *wri_node(wri_parse *p, size_t bytes) {
    if (p->failed) return NULL;
    wri_head *h = wr_arena_calloc(p->ar, sizeof *h + bytes);
    if (!h) {
        wri_fail(p);
        return NULL;
    }
    h->depth = 1;
    return h + 1;
}

static void deepen(wri_parse *p, void *parent, uint32_t depth) {
    wri_head *h = wri_head_of(parent);
    if (h->depth <= depth) h->depth = depth + 1;
    if (h->depth > WRI_DEPTH_MAX) wri_too_deep(p);
}

void wri_below(wri_parse *p, void *parent, const void *child) {
    if (!p->failed && parent && child) deepen(p, parent, wri_head_of(child)->depth);
}

void wri_below_list(wri_parse *p, void *parent, const wri_list *l) {
    if (!p->failed && parent && l) deepen(p, parent, l->depth);
}

wri_list *wri_add(wri_parse *p, wri_list *l, const void *item, size_t bytes, uint32_t depth) {
    if (p->failed) return NULL;
    if (!l) l = wr_arena_calloc(p->ar, sizeof *l);
    if (l && l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 2;
        void *items = wr_arena_alloc(p->ar, cap * bytes);
        if (items && l->n) memcpy(items, l->items, l->n * bytes);
        if (items) {
            l->items = items;
            l->cap = cap;
        }
    }
    if (!l || l->n == l->cap) {
        wri_fail(p);
        return NULL;
    }
    memcpy((char *)l->items + (size_t)l->n++ * bytes, item, bytes);
    if (l->depth < depth) l->depth = depth;
    return l;
}

wri_list *wri_add_node(wri_parse *p, wri_list *l, void *node) {
    if (p->failed) return NULL;
    return wri_add(p, l, &node, sizeof node, wri_head_of(node)->depth);
}

wri_list *wri_add_first(wri_parse *p, wri_list *l, wr_ast *e) {
    l = wri_add_node(p, l, e);
    if (!l) return NULL;
    wr_ast **items = l->items;
    memmove(items + 1, items, (l->n - 1) * sizeof *items);
    items[0] = e;
    return l;
}

char *wri_upper(wri_parse *p, const char *s) {
    char *u = p->failed ? NULL : wr_arena_strdup(p->ar, s);
    if (!u && !p->failed) wri_fail(p);
    for (char *c = u; c && *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    return u;
}

/* ---- names ---- */
wr_ident wri_ident(wri_tok t) { return (wr_ident){t.text, t.quoted, t.loc}; }

wri_list *wri_ident_add(wri_parse *p, wri_list *l, wri_tok t) {
    wr_ident id = wri_ident(t);
    return wri_add(p, l, &id, sizeof id, 0);
}

wri_list *wri_name_part(wri_parse *p, wri_list *l, wri_tok t) { return wri_ident_add(p, l, t); }

wr_name wri_name(wri_parse *p, const wri_list *l) {
    if (p->failed || !l) return (wr_name){0};
    wr_ident *parts = l->items;
    return (wr_name){.n = l->n, .parts = parts, .loc = {parts[0].loc.at, parts[l->n - 1].loc.end}};
}

wri_list *wri_names_add(wri_parse *p, wri_list *l, wri_list *name) {
    wr_name n = wri_name(p, name);
    return wri_add(p, l, &n, sizeof n, 0);
}

wri_tok wri_tok_dotted(wri_parse *p, const wri_list *name) {
    if (p->failed) return (wri_tok){0};
    const wr_ident *parts = name->items;
    wri_tok t = {.text = parts[0].text, .quoted = parts[0].quoted && name->n == 1};
    for (uint32_t i = 1; i < name->n && t.text; i++)
        t.text = wr_arena_printf(p->ar, "%s.%s", t.text, parts[i].text);
    if (!t.text) wri_fail(p);
    t.loc = (wr_loc){parts[0].loc.at, parts[name->n - 1].loc.end};
    return t;
}

wri_tok wri_tok_signed(wri_parse *p, wri_tok sign, wri_tok number) {
    if (p->failed) return (wri_tok){0};
    wri_tok t = {.loc = {sign.loc.at, number.loc.end}, .text = wr_arena_printf(p->ar, "-%s", number.text)};
    if (!t.text) wri_fail(p);
    return t;
}

bool wri_uint(wri_parse *p, wri_tok t, uint64_t max, uint64_t *outp) {
    *outp = 0;
    if (p->failed) return false;
    uint64_t v = 0;
    const char *c = t.text;
    for (; *c >= '0' && *c <= '9' && v <= max; c++) v = v * 10 + (uint64_t)(*c - '0');
    if (!*c && v <= max) {
        *outp = v;
        return true;
    }
    wri_error(p, WR_ESQL, t.loc, NULL, "found %s, expected a whole number of at most %llu", t.text,
              (unsigned long long)max);
    return false;
}

/* ---- expressions ---- */
wr_ast *wri_ast(wri_parse *p, wr_ast_kind kind, wr_loc loc) {
    wr_ast *e = wri_node(p, sizeof *e);
    if (!e) return NULL;
    e->kind = kind;
    return wri_span(e, loc.at, loc.end);
}

wr_ast *wri_span(wr_ast *e, uint32_t at, uint32_t end) {
    if (!e) return NULL;
    if (at != UINT32_MAX) e->loc.at = at;
    e->loc.end = end;
    wri_head_of(e)->outer = e->loc;
    return e;
}

wr_ast *wri_leaf(wri_parse *p, wr_ast_kind kind, wri_tok t, const char *text) {
    wr_ast *e = wri_ast(p, kind, t.loc);
    if (e) e->text = text;
    return e;
}

/* Makes the list the arguments of e. */
static wr_ast *take_args(wri_parse *p, wr_ast *e, wri_list *l) {
    if (p->failed || !e) return NULL;
    if (l) {
        e->args = l->items;
        e->n_args = l->n;
        wri_below_list(p, e, l);
    }
    return e;
}

wr_ast *wri_op(wri_parse *p, wr_ast_kind kind, wri_oper op, wr_ast *a, wr_ast *b, wr_ast *c) {
    if (p->failed) return NULL;
    wr_ast *last = c ? c : b ? b : a;
    wr_loc from = wri_head_of(a)->outer, to = wri_head_of(last)->outer;
    if (last == a && op.at > to.end) to.end = op.at; /* IS NULL: op.at is its end */
    wr_ast *e = wri_ast(p, kind, (wr_loc){from.at, to.end});
    if (!e) return NULL;
    e->op = op.op;
    e->negated = op.negated;
    e->flag = op.flag;
    e->flag2 = op.flag2;
    wri_list *l = wri_add_node(p, NULL, a);
    if (b) l = wri_add_node(p, l, b);
    if (c) l = wri_add_node(p, l, c);
    return take_args(p, e, l);
}

wr_ast *wri_op_list(wri_parse *p, wri_oper op, wr_ast *a, wri_list *l, wri_tok end) {
    if (p->failed) return NULL;
    wr_ast *e = wri_ast(p, WR_A_IN, (wr_loc){wri_head_of(a)->outer.at, end.loc.end});
    if (e) e->negated = op.negated;
    return take_args(p, e, wri_add_first(p, l, a));
}

wr_ast *wri_unary(wri_parse *p, const char *op, wri_tok t, wr_ast *a) {
    if (p->failed) return NULL;
    wr_ast *e = wri_ast(p, WR_A_UNARY, (wr_loc){t.loc.at, wri_head_of(a)->outer.end});
    if (e) e->op = op;
    return take_args(p, e, wri_add_node(p, NULL, a));
}

wr_ast *wri_paren(wri_parse *p, wr_ast *e, wri_tok l, wri_tok r) {
    if (p->failed) return NULL;
    wri_head_of(e)->paren = true;
    wri_head_of(e)->outer = (wr_loc){l.loc.at, r.loc.end};
    return e;
}

wr_ast *wri_many(wri_parse *p, wr_ast_kind kind, wri_list *l, wri_tok from, wri_tok to) {
    return take_args(p, wri_ast(p, kind, (wr_loc){from.loc.at, to.loc.end}), l);
}

wr_ast *wri_with_query(wri_parse *p, wr_ast_kind kind, wr_ast *left, wr_query *q, wri_oper op) {
    if (p->failed) return NULL;
    wr_loc loc = wri_head_of(q)->outer;
    if (left) loc.at = wri_head_of(left)->outer.at;
    else if (op.op) loc.at = op.at;
    wr_ast *e = wri_ast(p, kind, loc);
    if (!e) return NULL;
    e->negated = op.negated;
    e->query = q;
    wri_below(p, e, q);
    return left ? take_args(p, e, wri_add_node(p, NULL, left)) : e;
}

wr_ast *wri_case(wri_parse *p, wr_ast *operand, wri_list *whens, wr_ast *otherwise, wr_loc loc) {
    wr_ast *e = wri_ast(p, WR_A_CASE, loc);
    if (otherwise) whens = wri_add_node(p, whens, otherwise);
    whens =
        wri_add(p, whens, &operand, sizeof operand, operand && !p->failed ? wri_head_of(operand)->depth : 0);
    if (!whens || !e) return NULL;
    wr_ast **items = whens->items; /* the operand, or NULL, stands first */
    memmove(items + 1, items, (whens->n - 1) * sizeof(wr_ast *));
    items[0] = operand;
    return take_args(p, e, whens);
}

wr_ast *wri_cast(wri_parse *p, wr_ast *e, wr_ast *type, bool try_cast, wr_loc loc) {
    if (p->failed) return NULL;
    if (loc.end == 0) loc = (wr_loc){wri_head_of(e)->outer.at, type->loc.end}; /* e::type */
    type->flag = try_cast;
    return take_args(p, wri_span(type, loc.at, loc.end), wri_add_node(p, NULL, e));
}

wr_ast *wri_temporal(wri_parse *p, wr_kind kind, wri_tok word, wri_tok s) {
    wr_ast *e = wri_leaf(p, WR_A_TEMPORAL, s, s.text);
    if (!e) return NULL;
    e->type = wr_type_of(kind);
    const char *dot = strrchr(s.text, '.');
    size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;
    if (kind != WR_T_DATE && digits > e->type.prec) e->type.prec = digits > 6 ? 6 : (uint32_t)digits;
    return wri_span(e, word.loc.at, s.loc.end);
}

wr_ast *wri_braces(wri_parse *p, wri_tok l, wri_tok word, wri_tok s, wri_tok r) {
    static const struct {
        const char *word;
        wr_kind kind;
    } kinds[] = {{"D", WR_T_DATE}, {"T", WR_T_TIME}, {"TS", WR_T_TIMESTAMP}};
    const char *u = p->failed ? NULL : wri_upper(p, word.text);
    for (size_t i = 0; u && i < WR_LEN(kinds); i++)
        if (strcmp(u, kinds[i].word) == 0)
            return wri_span(wri_temporal(p, kinds[i].kind, l, s), l.loc.at, r.loc.end);
    if (u) wri_error(p, WR_ESQL, word.loc, NULL, "found '%s', expected d, t or ts behind '{'", word.text);
    return wri_leaf(p, WR_A_STRING, s, s.text);
}

wr_ast *wri_column(wri_parse *p, wri_list *name) {
    /* Standard functions that are written without parentheses. */
    static const char *const plain[] = {"CURRENT_DATE", "CURRENT_TIME",   "CURRENT_TIMESTAMP",
                                        "LOCALTIME",    "LOCALTIMESTAMP", "CURRENT_ROW_TIMESTAMP"};
    wr_name n = wri_name(p, name);
    if (p->failed) return NULL;
    wr_ast *e = wri_ast(p, WR_A_COLUMN, n.loc);
    if (!e) return NULL;
    e->name = n;
    if (n.n > 1 || n.parts[0].quoted) return e;
    const char *u = wri_upper(p, n.parts[0].text);
    for (size_t i = 0; u && i < WR_LEN(plain); i++)
        if (strcmp(u, plain[i]) == 0) return wri_call(p, name, NULL, (wri_tok){.loc = n.loc});
    return e;
}

wr_ast *wri_star(wri_parse *p, wri_list *name, wri_tok star) {
    wr_ast *e = wri_ast(p, WR_A_STAR, star.loc);
    if (!e || !name) return e;
    e->name = wri_name(p, name);
    return wri_span(e, e->name.loc.at, star.loc.end);
}

wri_list *wri_sort_add(wri_parse *p, wri_list *l, wr_ast *e, bool desc, wri_oper nulls) {
    if (p->failed) return NULL;
    wr_sort s = {e, desc, nulls.flag, nulls.flag2};
    return wri_add(p, l, &s, sizeof s, wri_head_of(e)->depth);
}

/* ---- intervals and units ---- */
wri_units wri_unit(wri_parse *p, wr_unit u, wri_tok t) {
    (void)p;
    return (wri_units){.unit = u, .end = t.loc.end};
}

wri_units wri_unit_word(wri_parse *p, wri_tok t) {
    static const struct {
        const char *word;
        wr_unit unit;
    } words[] = {{"SQL_TSI_SECOND", WR_U_SECOND},   {"SQL_TSI_MINUTE", WR_U_MINUTE},
                 {"SQL_TSI_HOUR", WR_U_HOUR},       {"SQL_TSI_DAY", WR_U_DAY},
                 {"SQL_TSI_WEEK", WR_U_WEEK},       {"SQL_TSI_MONTH", WR_U_MONTH},
                 {"SQL_TSI_QUARTER", WR_U_QUARTER}, {"SQL_TSI_YEAR", WR_U_YEAR}};
    const char *u = p->failed ? NULL : wri_upper(p, t.text);
    wri_units r = {.unit = u ? wr_unit_by_name(u, strlen(u)) : WR_U_OTHER, .end = t.loc.end};
    if (r.unit == WR_U_OTHER) r.text = u;
    if (t.quoted && u)
        wri_error(p, WR_ESQL, t.loc, "write it without quotes", "found a quoted name, expected a unit");
    for (size_t i = 0; u && i < WR_LEN(words); i++)
        if (strcmp(u, words[i].word) == 0) r = (wri_units){.unit = words[i].unit, .end = t.loc.end};
    return r;
}

wri_units wri_unit_prec(wri_parse *p, wri_units u, wri_tok a, wri_tok b, wri_tok end) {
    uint64_t lead, frac;
    if (!wri_uint(p, a, 10, &lead)) return u;
    u.prec = (uint32_t)lead;
    if (lead == 0) wri_error(p, WR_ESQL, a.loc, NULL, "found 0, expected a precision of 1 to 10 digits");
    if (b.text && wri_uint(p, b, 9, &frac)) u.prec2 = (uint32_t)frac + 1;
    u.end = end.loc.end;
    return u;
}

wri_units wri_unit_to(wri_units a, wri_units b) {
    a.unit2 = b.unit;
    /* MINUTE TO SECOND(3): one number there is the fraction's. */
    if (b.prec) a.prec2 = b.prec + 1;
    if (b.prec2) a.prec2 = b.prec2;
    a.end = b.end;
    return a;
}

wr_ast *wri_interval(wri_parse *p, wri_tok word, wri_oper sign, wri_tok value, wri_units u) {
    wr_ast *e = wri_ast(p, WR_A_INTERVAL, (wr_loc){word.loc.at, u.end});
    if (!e) return NULL;
    e->unit = u.unit;
    e->unit2 = u.unit2;
    e->prec = u.prec;
    e->prec2 = u.prec2;
    e->text = value.text;
    if (sign.op && sign.op[0] == '-') {
        /* Two signs, INTERVAL -'-5' SECOND, cancel out. */
        e->text = value.text[0] == '-' ? value.text + 1 : wr_arena_printf(p->ar, "-%s", value.text);
        if (!e->text) wri_fail(p);
    }
    return e;
}

wr_ast *wri_unit_form(wri_parse *p, wr_ast_kind kind, const char *op, wr_ast *a, wri_units u) {
    if (p->failed) return NULL;
    wr_ast *e = wri_ast(p, kind, a->loc);
    if (!e) return NULL;
    e->op = op;
    e->unit = u.unit;
    e->unit2 = u.unit2;
    e->prec = u.prec;
    e->prec2 = u.prec2;
    e->text = u.text;
    return take_args(p, e, wri_add_node(p, NULL, a));
}
