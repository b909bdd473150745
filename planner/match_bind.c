/* planner/match_bind.c -- expressions of DEFINE and MEASURES.
 *
 * What they read is of three sorts:
 *   the current row      in the condition of A: c, A.c; PREV of these. Columns like others
 *   rows of the path     LAST(B.c, k), FIRST(B.c, k), B.c, aggregates over B.c: a value (wr_match_value)
 *   rows behind          NEXT of any of these: a value, too, though one of the current row depends on no path
 *   the match            CLASSIFIER(), MATCH_NUMBER(), MATCH_ROWTIME()
 * A column without a variable is that of all variables together, so c is LAST(c). Arguments are expressions
 * over one row, computed by the PROJECT below the node; `inner` binds them and finds out of which variable
 * their columns are. */
#include <strings.h>

#include "match_int.h"

#define OFFSET_MAX 1000000

typedef struct inner { /* an argument */
    wri_mr *m;
    const char *fn; /* whose */
    bool prev;      /* may hold PREV: aggregates */
    bool seen;      /* a column was read; vars says of which variables */
    uint64_t vars;
} inner;

static wr_expr *oom(wri_mr *m) {
    m->c->oom = true;
    return &wri_failed;
}

static bool is_call(const wr_ast *e, const char *name) {
    return e->kind == WR_A_CALL && e->name.n == 1 && strcasecmp(e->name.parts[0].text, name) == 0;
}

static bool is_nav(const wr_ast *e) {
    return is_call(e, "FIRST") || is_call(e, "LAST") || is_call(e, "PREV") || is_call(e, "NEXT");
}

static const char *clause(const wri_mr *m) { return m->define == WR_NO_COL ? "MEASURES" : "DEFINE"; }

/* ---- columns below ---- */

uint32_t wri_mr_pre(wri_mr *m, wr_expr *e, const char *name) {
    for (uint32_t i = 0; i < m->pre.n; i++)
        if (wri_expr_equal(m->pre.exprs[i], e)) return i;
    if (!name)
        name = e->kind == WR_X_COL ? m->in->out.fields[e->col].name : wri_text(m->c, "$%u", m->pre.n + 1);
    return wri_cols_add(m->c, &m->pre, e, name) ? m->pre.n - 1 : WR_NO_COL;
}

/* Number of the column `back` rows before: of prevs, or pre itself. */
static uint32_t before(wri_mr *m, uint32_t pre, uint32_t back) {
    wr_match_spec *s = m->spec;
    if (back == 0 || pre == WR_NO_COL) return pre;
    for (uint32_t i = 0; i < s->n_prevs; i++)
        if (s->prevs[i].col == pre && s->prevs[i].back == back) return WRI_MR_PREV + i;
    wr_match_prev *p = wri_new_last(m->c, &s->prevs, &s->n_prevs, &m->prevs_cap, sizeof *p);
    if (!p) return WR_NO_COL;
    *p = (wr_match_prev){.col = pre, .back = back};
    return WRI_MR_PREV + s->n_prevs - 1;
}

static wr_expr *column(wri_mr *m, uint32_t col, wr_type t, wr_loc loc) {
    wr_expr *e = col == WR_NO_COL ? NULL : wri_new_col(m->c->ar, col, t, loc);
    return e ? e : oom(m);
}

/* ---- values of the path ---- */

static bool same_value(const wr_match_value *a, const wr_match_value *b) {
    return a->what == b->what && a->last == b->last && a->final == b->final && a->vars == b->vars &&
           a->self == b->self && a->offset == b->offset && a->ahead == b->ahead && a->col == b->col &&
           a->call == b->call;
}

static wr_expr *value(wri_mr *m, wr_match_value v, wr_type t, wr_loc loc) {
    v.final = m->final;
    wri_mr_values *to = m->into;
    uint32_t i = 0;
    while (i < to->n && !same_value(&to->items[i].v, &v)) i++;
    if (i == to->n) {
        wri_binder b;
        wri_binder_init(m->q, &b, m->scope);
        wri_mr_value *slot = wri_new_last(m->c, &to->items, &to->n, &to->cap, sizeof *slot);
        if (!slot) return &wri_failed;
        const char *text = m->c->d->text && loc.end <= m->c->d->len && loc.at < loc.end
                               ? wr_arena_strndup(m->c->ar, m->c->d->text + loc.at, loc.end - loc.at)
                               : "value";
        *slot = (wri_mr_value){.v = v, .type = t, .text = text ? text : "value"};
    }
    return column(m, WRI_MR_VALUE + i, t, loc);
}

/* ---- arguments ---- */

/* name.column where name is neither a variable nor the table. */
static bool no_variable(wri_mr *m, const wr_ast *e) {
    if (e->name.n != 2) return false;
    const wr_ident *of = &e->name.parts[0];
    for (uint32_t i = 0; i < m->scope->n; i++)
        if (m->scope->cols[i].qualifier && wri_ident_matches(of, m->scope->cols[i].qualifier)) return false;
    wri_error(m->c, of->loc, wri_mr_nearest_var(m, of), "%s: '%s' is no variable of PATTERN", clause(m),
              of->text);
    return true;
}

/* A column, its variable taken off: over m->in. */
static wr_expr *row_column(inner *x, const wr_ast *e) {
    wri_mr *m = x->m;
    wr_ast plain = *e;
    uint64_t vars = e->name.n == 2 ? wri_mr_vars(m, &e->name.parts[0]) : 0;
    if (vars) plain.name = (wr_name){.n = 1, .parts = e->name.parts + 1, .loc = e->name.parts[1].loc};
    else if (no_variable(m, e)) return &wri_failed;
    else vars = wri_mr_all(m);
    wri_binder b;
    wri_binder_scalar(m->q, &b, m->scope, clause(m));
    wr_expr *r = wri_bind(&b, &plain);
    if (r == &wri_failed || r->kind != WR_X_COL) return r; /* CURRENT_DATE and the like */
    if (x->seen && x->vars != vars) {
        wri_error(m->c, e->loc, "call it once for each variable and compute with the results",
                  "%s reads columns of different variables", x->fn);
        return &wri_failed;
    }
    x->seen = true;
    x->vars = vars;
    return r;
}

static bool offset_of(wri_mr *m, const wr_ast *call, int64_t without, int64_t *outp) {
    const char *fn = call->name.parts[0].text;
    *outp = without;
    if (call->n_args == 1) return true;
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(m->q, &b, &none, fn);
    if (call->n_args != 2) {
        wri_error(m->c, call->loc, wri_text(m->c, "write %s(column) or %s(column, number)", fn, fn),
                  "%s has %u arguments", fn, call->n_args);
        return false;
    }
    if (!wri_const_int(&b, call->args[1], fn, outp)) return false;
    if (*outp >= 0 && *outp <= OFFSET_MAX) return true;
    wri_error(m->c, call->args[1]->loc, wri_text(m->c, "give a number of rows from 0 to %d", OFFSET_MAX),
              "%s: the offset is %lld", fn, (long long)*outp);
    return false;
}

/* PREV(c, n) inside an aggregate: a column like others, but not of m->in. */
static wr_expr *inner_prev(inner *x, const wr_ast *e) {
    wri_mr *m = x->m;
    int64_t back;
    if (!offset_of(m, e, 1, &back)) return &wri_failed;
    if (e->args[0]->kind != WR_A_COLUMN) {
        wri_unsupported(m->c, e->loc, "take PREV of a column", "PREV of an expression inside %s", x->fn);
        return &wri_failed;
    }
    wr_expr *r = row_column(x, e->args[0]);
    if (r == &wri_failed) return r;
    wr_type t = r->type;
    t.not_null = false;
    uint32_t col = before(m, wri_mr_pre(m, r, NULL), (uint32_t)back);
    if (col < WRI_MR_PREV) return r; /* PREV(c, 0) */
    return column(m, col, t, e->loc);
}

static wr_expr *inner_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    inner *x = ctx;
    if (e->kind == WR_A_COLUMN) return row_column(x, e);
    if (is_call(e, "PREV") && x->prev) return inner_prev(x, e);
    if (is_nav(e) || is_call(e, "CLASSIFIER") || is_call(e, "MATCH_NUMBER") || is_call(e, "MATCH_ROWTIME")) {
        const char *hint = is_call(e, "PREV")   ? "write PREV(LAST(…)), the other way round"
                           : is_call(e, "NEXT") ? "write NEXT(LAST(…)), the other way round"
                                                : NULL;
        if (x->prev && is_call(e, "NEXT")) hint = NULL;
        wri_error(x->m->c, e->loc, hint, "%s cannot stand inside %s", e->name.parts[0].text, x->fn);
        return &wri_failed;
    }
    return wri_refuse(b, e, clause(x->m));
}

static wr_expr *bind_inner(inner *x, const wr_ast *e) {
    wri_binder b;
    wri_binder_init(x->m->q, &b, x->m->scope);
    b.hook = inner_hook;
    b.hook_ctx = x;
    return wri_bind(&b, e);
}

/* ---- navigation ---- */

static wr_expr *bind_classifier(wri_mr *m, const wr_ast *e, bool last, int64_t k);

/* PREV(LAST(x, k), back) and NEXT(LAST(x, k), ahead) in all their shorter forms. */
static wr_expr *bind_nav(wri_mr *m, const wr_ast *e) {
    const wr_ast *at = e;
    int64_t back = 0, ahead = 0, k = 0;
    bool last = true;
    if (is_call(at, "PREV") || is_call(at, "NEXT")) {
        if (at->n_args == 0 || !offset_of(m, at, 1, is_call(at, "PREV") ? &back : &ahead)) goto usage;
        at = at->args[0];
    }
    if (is_call(at, "FIRST") || is_call(at, "LAST")) {
        if (at->n_args == 0 || !offset_of(m, at, 0, &k)) goto usage;
        last = is_call(at, "LAST");
        at = at->args[0];
        if (is_call(at, "CLASSIFIER") && !back && !ahead) return bind_classifier(m, at, last, k);
    }
    inner x = {.m = m, .fn = e->kind == WR_A_CALL ? e->name.parts[0].text : "an expression"};
    wr_expr *row = bind_inner(&x, at);
    if (row == &wri_failed || (!x.seen && e->kind != WR_A_CALL)) return row;
    if (!x.seen) x.vars = wri_mr_all(m);
    uint32_t pre = wri_mr_pre(m, row, NULL), col = before(m, pre, (uint32_t)back);
    if (col == WR_NO_COL) return oom(m);
    wr_type t = row->type;
    bool self = m->define != WR_NO_COL && last && k == 0 && x.vars >> m->define & 1; /* the current row */
    if (back || ahead || !self) t.not_null = false;
    if (self && ahead == 0) return column(m, col, t, e->loc);
    if (ahead > m->spec->ahead) m->spec->ahead = (uint32_t)ahead;
    wr_match_value v = {.what = WR_MATCH_NAV,
                        .last = last,
                        .self = self,
                        .vars = self ? 0 : x.vars,
                        .offset = (uint32_t)k,
                        .ahead = (uint32_t)ahead,
                        .col = col};
    return value(m, v, t, e->loc);
usage:
    if (at->n_args == 0)
        wri_error(m->c, at->loc, "for example LAST(A.price, 1)", "%s needs an argument",
                  at->name.parts[0].text);
    return &wri_failed;
}

/* ---- aggregates ---- */

static wr_expr *bind_aggregate(wri_mr *m, const wr_ast *e) {
    inner x = {.m = m, .fn = e->name.parts[0].text, .prev = true};
    wri_binder b;
    wri_binder_init(m->q, &b, m->scope);
    b.hook = inner_hook;
    b.hook_ctx = &x;
    wr_ast plain = *e;
    wr_call syn = *e->call;
    plain.call = &syn;
    if (e->n_args == 1 && e->args[0]->kind == WR_A_STAR) { /* COUNT(A.*) */
        const wr_name *of = &e->args[0]->name;
        x.vars = of->n == 1 ? wri_mr_vars(m, &of->parts[0]) : 0;
        if (!x.vars) {
            wri_error(m->c, e->args[0]->loc, of->n ? wri_mr_nearest_var(m, &of->parts[0]) : NULL,
                      "COUNT: this is no variable of PATTERN");
            return &wri_failed;
        }
        x.seen = true;
        plain.n_args = 0;
        syn.star = true;
    }
    uint32_t idx;
    if (!wri_bind_agg(m->c, &b, &plain, &m->agg, &idx)) return &wri_failed;
    wr_type t = m->agg.calls[idx].call.type;
    t.not_null = false;
    wr_match_value v = {
        .what = WR_MATCH_AGG, .last = true, .vars = x.seen ? x.vars : wri_mr_all(m), .call = idx};
    return value(m, v, t, e->loc);
}

/* ---- the match ---- */

static wr_expr *bind_rowtime(wri_mr *m, const wr_ast *e) {
    wr_type t = m->in->out.fields[m->in->time_col].type;
    if (m->define != WR_NO_COL) {
        wri_error(m->c, e->loc, "compare the time column", "MATCH_ROWTIME stands in MEASURES only");
        return &wri_failed;
    }
    if (e->n_args > 1) {
        wri_error(m->c, e->loc, "write MATCH_ROWTIME()", "MATCH_ROWTIME has %u arguments", e->n_args);
        return &wri_failed;
    }
    if (e->n_args == 1) {
        inner x = {.m = m, .fn = "MATCH_ROWTIME"};
        wr_expr *r = bind_inner(&x, e->args[0]);
        if (r == &wri_failed) return r;
        if (r->kind != WR_X_COL || r->col != m->in->time_col) {
            wri_error(m->c, e->args[0]->loc, "write MATCH_ROWTIME()",
                      "MATCH_ROWTIME: this is not the time attribute");
            return &wri_failed;
        }
    }
    if (!m->spec->all_rows) return column(m, WRI_MR_TIME, t, e->loc);
    uint32_t col = wri_mr_pre(m, wri_col_of(m->c, m->in, m->in->time_col, e->loc), NULL);
    bool final = m->final;
    m->final = true;
    wr_match_value v = {.what = WR_MATCH_NAV, .last = true, .vars = wri_mr_all(m), .col = col};
    wr_expr *r = col == WR_NO_COL ? oom(m) : value(m, v, t, e->loc);
    m->final = final;
    return r;
}

/* CLASSIFIER([U]) of the k-th last, or first, row of the variables. */
static wr_expr *bind_classifier(wri_mr *m, const wr_ast *e, bool last, int64_t k) {
    wr_type t = wr_type_of(WR_T_VARCHAR);
    uint64_t vars = wri_mr_all(m);
    if (e->n_args == 1 && e->args[0]->kind == WR_A_COLUMN && e->args[0]->name.n == 1) {
        const wr_ident *of = &e->args[0]->name.parts[0];
        vars = wri_mr_vars(m, of);
        if (!vars) {
            wri_error(m->c, of->loc, wri_mr_nearest_var(m, of), "CLASSIFIER: '%s' is no variable of PATTERN",
                      of->text);
            return &wri_failed;
        }
    } else if (e->n_args) {
        wri_error(m->c, e->loc, "write CLASSIFIER() or CLASSIFIER(U)",
                  "CLASSIFIER takes a variable of PATTERN or SUBSET");
        return &wri_failed;
    }
    bool self = m->define != WR_NO_COL && last && k == 0 && vars >> m->define & 1;
    t.not_null = self || (vars == wri_mr_all(m) && k == 0 && !m->spec->empty && !m->spec->unmatched);
    if (!self) {
        wr_match_value v = {.what = WR_MATCH_CLASSIFIER, .last = last, .vars = vars, .offset = (uint32_t)k};
        return value(m, v, t, e->loc);
    }
    const char *name = m->spec->vars[m->define].name;
    wr_value v = {.str = wr_str_make(name, strlen(name))};
    wr_expr *x = wri_new_const(m->c->ar, v, t, e->loc);
    return x ? x : oom(m);
}

static wr_expr *bind_number(wri_mr *m, const wr_ast *e) {
    wr_type t = wr_type_of(WR_T_BIGINT);
    t.not_null = !m->spec->unmatched;
    if (e->n_args == 0) return value(m, (wr_match_value){.what = WR_MATCH_NUMBER}, t, e->loc);
    wri_error(m->c, e->loc, "write MATCH_NUMBER()", "MATCH_NUMBER takes no argument");
    return &wri_failed;
}

/* ---- dispatch ---- */

static wr_expr *final_inside(wri_mr *m, const wr_ast *e) {
    wri_error(m->c, e->loc, "write it in front of the whole measure",
              "%s stands at the head of a measure only", e->op);
    return &wri_failed;
}

static wr_expr *hook(void *ctx, wri_binder *b, const wr_ast *e) {
    wri_mr *m = ctx;
    if (e->kind == WR_A_COLUMN || is_nav(e)) return bind_nav(m, e);
    if (e->kind == WR_A_UNARY && (!strcmp(e->op, "FINAL") || !strcmp(e->op, "RUNNING")))
        return final_inside(m, e);
    if (is_call(e, "CLASSIFIER")) return bind_classifier(m, e, true, 0);
    if (is_call(e, "MATCH_NUMBER")) return bind_number(m, e);
    if (is_call(e, "MATCH_ROWTIME")) return bind_rowtime(m, e);
    if (is_call(e, "MATCH_PROCTIME")) {
        wri_unsupported(m->c, e->loc, "use MATCH_ROWTIME()", "MATCH_PROCTIME is not supported");
        return &wri_failed;
    }
    if (wri_agg_of(b, e)) return bind_aggregate(m, e);
    return wri_refuse(b, e, clause(m));
}

wr_expr *wri_mr_bind(wri_mr *m, const wr_ast *e, uint32_t define, bool final) {
    m->into = define == WR_NO_COL ? &m->values : &m->dvalues;
    m->define = define;
    m->final = final;
    wri_binder b;
    wri_binder_init(m->q, &b, m->scope);
    b.hook = hook;
    b.hook_ctx = m;
    return define == WR_NO_COL ? wri_bind(&b, e) : wri_bind_as(&b, e, wr_type_of(WR_T_BOOLEAN));
}
