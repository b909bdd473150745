/* parser/ast_match.c -- constructors: MATCH_RECOGNIZE and its patterns. */
#include "parser/parser_int.h"

wr_match *wri_match(wri_parse *p) { return wri_node(p, sizeof(wr_match)); }

wr_match *wri_match_set(wri_parse *p, wr_match *m, wri_match_part part, void *node) {
    if (p->failed) return NULL;
    wri_list *l = node;
    switch (part) {
    case WRI_MT_PATTERN:
        m->pattern = node;
        wri_below(p, m, node);
        return m;
    case WRI_MT_WITHIN:
        m->within = node;
        wri_below(p, m, node);
        return m;
    case WRI_MT_PARTITION:
        m->partition = l->items;
        m->n_partition = l->n;
        break;
    case WRI_MT_ORDER:
        m->order = l->items;
        m->n_order = l->n;
        break;
    case WRI_MT_MEASURES:
        m->measures = l->items;
        m->n_measures = l->n;
        break;
    case WRI_MT_SUBSETS:
        m->subsets = l->items;
        m->n_subsets = l->n;
        break;
    case WRI_MT_DEFINES:
        m->defines = l->items;
        m->n_defines = l->n;
        break;
    }
    wri_below_list(p, m, l);
    return m;
}

wr_match *wri_match_rows(wri_parse *p, wr_match *m, bool all, const char *empty) {
    if (p->failed) return NULL;
    m->all_rows = all;
    m->empty = empty;
    return m;
}

wr_match *wri_match_skip(wri_parse *p, wr_match *m, const char *skip, wri_tok var) {
    if (p->failed) return NULL;
    m->skip = skip;
    if (var.text) m->skip_var = wri_ident(var);
    return m;
}

wri_list *wri_define_add(wri_parse *p, wri_list *l, wri_tok var, wr_ast *e) {
    if (p->failed) return NULL;
    wr_define d = {wri_ident(var), e};
    return wri_add(p, l, &d, sizeof d, wri_head_of(e)->depth);
}

static wr_pattern *pattern(wri_parse *p, wr_pattern_kind kind, uint32_t at, uint32_t end) {
    wr_pattern *x = wri_node(p, sizeof *x);
    if (!x) return NULL;
    x->kind = kind;
    x->min = x->max = 1;
    x->loc = (wr_loc){at, end};
    return x;
}

static wr_pattern *take(wri_parse *p, wr_pattern *x, wri_list *l) {
    if (p->failed || !x) return NULL;
    if (l) {
        x->items = l->items;
        x->n = l->n;
    }
    wri_below_list(p, x, l);
    return x;
}

wr_pattern *wri_pattern_var(wri_parse *p, wr_pattern_kind kind, wri_tok t, const char *anchor) {
    wr_pattern *x = pattern(p, kind, t.loc.at, t.loc.end);
    if (!x) return NULL;
    x->var = wri_ident(t);
    if (anchor) x->var.text = anchor;
    return x;
}

/* A B C is one SEQ of three, A | B | C one ALT, unless parentheses say otherwise. The list in the making
 * keeps its capacity in the head's outer.end, which patterns do not use else. */
wr_pattern *wri_pattern_join(wri_parse *p, wr_pattern_kind kind, wr_pattern *a, wr_pattern *b) {
    if (p->failed) return NULL;
    wri_list *l = NULL, old = {a->items, a->n, wri_head_of(a)->outer.end, wri_head_of(a)->depth - 1};
    bool grow = a->kind == kind && !wri_head_of(a)->paren;
    wr_pattern *x = grow ? a : pattern(p, kind, a->loc.at, b->loc.end);
    if (grow) l = wri_add_node(p, &old, b);
    else l = wri_add_node(p, wri_add_node(p, NULL, a), b);
    if (p->failed) return NULL;
    wri_head_of(x)->outer.end = l->cap;
    x->loc.end = b->loc.end;
    return take(p, x, l);
}

wr_pattern *wri_pattern_list(wri_parse *p, wr_pattern_kind kind, wri_list *l, wri_tok from, wri_tok to) {
    return take(p, pattern(p, kind, from.loc.at, to.loc.end), l);
}

wr_pattern *wri_pattern_group(wr_pattern *a, wri_tok l, wri_tok r) {
    if (!a) return NULL;
    wri_head_of(a)->paren = true;
    a->loc = (wr_loc){l.loc.at, r.loc.end};
    return a;
}

wri_quant wri_quant_of(wri_parse *p, wri_tok lo, wri_tok hi, bool comma) {
    wri_quant q = {0, -1, false};
    uint64_t v;
    if (lo.text && wri_uint(p, lo, INT32_MAX, &v)) q.min = (int64_t)v;
    if (!comma) q.max = q.min;
    if (hi.text && wri_uint(p, hi, INT32_MAX, &v)) q.max = (int64_t)v;
    if (q.max >= 0 && q.max < q.min)
        wri_error(p, WR_ESQL, hi.loc, NULL, "at most %s is less than at least %s", hi.text, lo.text);
    else if (q.max == 0 && !p->failed)
        wri_error(p, WR_ESQL, hi.text ? hi.loc : lo.loc, NULL,
                  "a pattern that may match at most 0 rows is none");
    return q;
}

wr_pattern *wri_pattern_times(wri_parse *p, wr_pattern *a, wri_quant q) {
    if (p->failed) return NULL;
    if (a->min != 1 || a->max != 1 || a->reluctant) { /* (A+){2}: a sequence of one keeps both */
        wr_pattern *x = pattern(p, WR_PT_SEQ, a->loc.at, a->loc.end);
        a = take(p, x, wri_add_node(p, NULL, a));
        if (!a) return NULL;
    }
    a->min = q.min;
    a->max = q.max;
    a->reluctant = q.reluctant;
    wri_head_of(a)->paren = true; /* (A B)+ C is not (A B C)+ */
    return a;
}
