/* planner/match.c -- MATCH_RECOGNIZE becomes nodes.
 *
 *   input ─► PROJECT (columns and arguments) ─► EXCHANGE by key ─► MATCH ─► PROJECT (keys, measures)
 *
 * The MATCH gives the values that measures are made of, so that ordinary evaluators compute the measures;
 * conditions are split into the part that can be evaluated over whole batches (quick) and the rest (slow). */
#include <strings.h>

#include "match_int.h"

/* ---- clauses ---- */

static wr_expr *plain_column(wri_mr *m, const wr_ast *e, const char *what) {
    wri_binder b;
    wri_binder_scalar(m->q, &b, m->scope, what);
    return wri_bind(&b, e);
}

static bool bind_partition(wri_mr *m) {
    wr_match_spec *s = m->spec;
    s->keys = wri_new_n(m->c, m->y->n_partition, sizeof *s->keys);
    if (!s->keys) return false;
    bool ok = true;
    for (uint32_t i = 0; i < m->y->n_partition; i++) {
        const wr_ast *e = m->y->partition[i];
        wr_expr *x = plain_column(m, e, "PARTITION BY");
        if (x != &wri_failed && x->kind != WR_X_COL)
            wri_error(m->c, e->loc, "compute it in a subquery and give it a name",
                      "PARTITION BY of MATCH_RECOGNIZE takes columns");
        ok = ok && x != &wri_failed && x->kind == WR_X_COL;
        if (ok && (s->keys[s->n_keys++] = wri_mr_pre(m, x, NULL)) == WR_NO_COL) return false;
    }
    return ok;
}

static bool bind_order(wri_mr *m) {
    const wr_match *y = m->y;
    wr_match_spec *s = m->spec;
    if (y->n_order == 0) {
        wri_error(m->c, y->loc, "add ORDER BY and the column of WATERMARK FOR",
                  "MATCH_RECOGNIZE needs ORDER BY the time attribute");
        return false;
    }
    const wr_ast *first = y->order[0].expr;
    wr_expr *t = plain_column(m, first, "ORDER BY");
    if (t == &wri_failed) return false;
    if (t->kind != WR_X_COL || t->col != m->in->time_col) {
        const char *name = first->kind == WR_A_COLUMN ? first->name.parts[first->name.n - 1].text : "this";
        wri_not_time(m->c, m->in, first->loc, "ORDER BY of MATCH_RECOGNIZE", name);
        return false;
    }
    if (y->order[0].desc) {
        wri_error(m->c, first->loc, "leave DESC out",
                  "MATCH_RECOGNIZE takes rows as they come: ORDER BY must be ascending");
        return false;
    }
    s->order = wri_new_n(m->c, y->n_order, sizeof *s->order);
    if (!s->order) return false;
    for (uint32_t i = 1; i < y->n_order; i++) {
        const wr_sort *o = &y->order[i];
        wr_expr *x = plain_column(m, o->expr, "ORDER BY");
        uint32_t col = x == &wri_failed ? WR_NO_COL : wri_mr_pre(m, x, NULL);
        if (col == WR_NO_COL) return false;
        s->order[s->n_order++] = (wr_sort_key){
            .col = col, .desc = o->desc, .nulls_first = o->nulls_given ? o->nulls_first : o->desc};
    }
    return true;
}

static bool bind_within(wri_mr *m) {
    const wr_ast *e = m->y->within;
    if (!e) return true;
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(m->q, &b, &none, "WITHIN");
    if (!wri_const_interval_us(&b, e, "WITHIN", &m->spec->within_us)) return false;
    if (m->spec->within_us > 0) {
        if (m->spec->within_us > WR_TS_MAX) m->spec->within_us = WR_TS_MAX;
        return true;
    }
    wri_error(m->c, e->loc, "give an interval above zero", "WITHIN must be above zero, it is %s",
              wri_duration(m->c->ar, m->spec->within_us));
    return false;
}

/* SKIP TO FIRST v would begin the same match for ever when every match begins with v. */
static bool loops(const wri_mr *m) {
    const wr_match_spec *s = m->spec;
    for (uint32_t p = 0; p < s->n_pos; p++)
        for (uint32_t i = 0; s->pos[p].var == WR_NO_COL && i < s->pos[p].n_next; i++) {
            uint32_t to = s->pos[p].next[i];
            if (to == WR_MATCH_END || to == WR_MATCH_LAST || !(s->skip_vars >> s->pos[to].var & 1))
                return false;
        }
    return s->skip == WR_SKIP_TO_FIRST;
}

static bool bind_skip(wri_mr *m) {
    const char *skip = m->y->skip;
    wr_match_spec *s = m->spec;
    if (!skip || !strcmp(skip, "PAST LAST ROW")) return true;
    s->skip = !strcmp(skip, "TO NEXT ROW") ? WR_SKIP_TO_NEXT
              : !strcmp(skip, "TO FIRST")  ? WR_SKIP_TO_FIRST
                                           : WR_SKIP_TO_LAST;
    if (s->skip == WR_SKIP_TO_NEXT) return true;
    const wr_ident *v = &m->y->skip_var;
    s->skip_vars = wri_mr_vars(m, v);
    if (!s->skip_vars) {
        wri_error(m->c, v->loc, wri_mr_nearest_var(m, v),
                  "AFTER MATCH SKIP %s %s: no such variable in PATTERN", skip, v->text);
        return false;
    }
    if (!loops(m)) return true;
    wri_error(m->c, v->loc, "use SKIP TO NEXT ROW, or name a variable further back",
              "AFTER MATCH SKIP %s %s: every match begins with %s and would be found again for ever", skip,
              v->text, v->text);
    return false;
}

static bool clauses(wri_mr *m) {
    const wr_match *y = m->y;
    m->spec->all_rows = y->all_rows;
    m->spec->omit_empty = y->empty && !strcmp(y->empty, "OMIT EMPTY MATCHES");
    m->spec->unmatched = y->empty && !strcmp(y->empty, "WITH UNMATCHED ROWS");
    bool ok = wri_mr_pattern(m);
    for (uint32_t i = 0; m->spec->unmatched && i < m->spec->n_pos; i++) {
        if (!m->spec->pos[i].excluded) continue;
        wri_error(m->c, y->pattern->loc, "leave one of them out",
                  "PATTERN excludes rows by {- -} that WITH UNMATCHED ROWS is to show");
        return false;
    }
    for (uint32_t i = 0; ok && y->all_rows && i < wri_x(m->in)->n_vis; i++) {
        wr_expr *e = wri_col_of(m->c, m->in, i, y->loc);
        if (!wri_cols_add(m->c, &m->pre, e, m->in->out.fields[i].name)) return false;
    }
    ok = bind_order(m) && ok;
    ok = bind_partition(m) && ok;
    ok = bind_within(m) && ok;
    return ok && bind_skip(m);
}

/* ---- conditions ---- */

static bool is_value(void *ctx, uint32_t col) {
    (void)ctx;
    return col >= WRI_MR_VALUE;
}

static wr_expr *and_of(wri_mr *m, wr_expr *a, wr_expr *b) {
    if (!a || !b) return a ? a : b;
    wr_expr *e = wri_new_op(m->c->ar, WR_OP_AND, wr_type_of(WR_T_BOOLEAN), a->loc, 2, (wr_expr *[]){a, b});
    if (!e) m->c->oom = true;
    return e;
}

static void split(wri_mr *m, wr_match_var *v, wr_expr *e) {
    if (e->kind == WR_X_OP && e->op == WR_OP_AND) {
        for (uint32_t i = 0; i < e->n_args && !m->c->oom; i++) split(m, v, e->args[i]);
        return;
    }
    wr_expr **part = wri_reads(e, is_value, NULL) ? &v->slow : &v->quick;
    *part = and_of(m, *part, e);
}

static bool bind_define(wri_mr *m, const wr_define *d) {
    uint64_t bits = wri_mr_vars(m, &d->var);
    uint32_t v = bits ? (uint32_t)__builtin_ctzll(bits) : 0;
    for (uint32_t i = 0; i < m->n_subsets; i++)
        if (wri_ident_matches(&d->var, m->subsets[i].name->text)) {
            wri_error(m->c, d->var.loc, "define its variables",
                      "DEFINE %s: a SUBSET has no condition of its own", d->var.text);
            return false;
        }
    if (!bits) {
        wri_error(m->c, d->var.loc, wri_mr_nearest_var(m, &d->var), "DEFINE %s: no such variable in PATTERN",
                  d->var.text);
        return false;
    }
    wr_match_var *var = &m->spec->vars[v];
    if (var->whole) {
        wri_error(m->c, d->var.loc, "join the conditions by AND", "DEFINE gives %s twice", d->var.text);
        return false;
    }
    wr_expr *e = wri_mr_bind(m, d->expr, v, false);
    if (e == &wri_failed) return false;
    var->whole = e;
    split(m, var, e);
    var->may_fail = var->quick && !wri_cannot_fail(var->quick);
    return !m->c->oom;
}

/* ---- measures ---- */

static bool bind_measures(wri_mr *m, wri_cols *out) {
    bool ok = true;
    for (uint32_t i = 0; i < m->y->n_measures; i++) {
        const wr_item *item = &m->y->measures[i];
        const wr_ast *e = item->expr;
        bool final = e->kind == WR_A_UNARY && !strcmp(e->op, "FINAL");
        if (final || (e->kind == WR_A_UNARY && !strcmp(e->op, "RUNNING"))) e = e->args[0];
        wr_expr *x = wri_mr_bind(m, e, WR_NO_COL, final);
        if (x == &wri_failed) ok = false;
        else if (!wri_cols_add(m->c, out, x, item->alias.text)) return false;
    }
    return ok;
}

/* ---- numbers, once the widths are known ---- */

typedef struct widths {
    uint32_t n_in, n_prevs; /* of ext */
    uint32_t values, time;  /* columns of the node's output */
} widths;

static uint32_t ext_col(const widths *w, uint32_t col) {
    if (col == WR_NO_COL || col < WRI_MR_PREV) return col;
    if (col < WRI_MR_VALUE) return w->n_in + (col - WRI_MR_PREV);
    return w->n_in + w->n_prevs + (col - WRI_MR_VALUE);
}

/* Renumbers in place. Parts may be shared: a number is only changed once, as it is small afterwards. */
static void to_ext(wr_expr *e, const widths *w) {
    if (e->kind == WR_X_COL) e->col = ext_col(w, e->col);
    for (uint32_t i = 0; i < e->n_args; i++) to_ext(e->args[i], w);
}

static void to_out(wr_expr *e, const widths *w) {
    if (e->kind == WR_X_COL && e->col >= WRI_MR_VALUE)
        e->col = e->col == WRI_MR_TIME ? w->time : w->values + (e->col - WRI_MR_VALUE);
    for (uint32_t i = 0; i < e->n_args; i++) to_out(e->args[i], w);
}

/* ---- aggregates ---- */

static bool is_prev(void *ctx, uint32_t col) {
    (void)ctx;
    return col >= WRI_MR_PREV;
}

/* Column for an argument, which is over m->in or one of prevs. */
static uint32_t arg_col(wri_mr *m, wr_expr *e) {
    if (e->kind == WR_X_COL && e->col >= WRI_MR_PREV) return e->col;
    if (!wri_reads(e, is_prev, NULL)) return wri_mr_pre(m, e, NULL);
    wri_unsupported(m->c, e->loc, "compute it in a subquery with OVER",
                    "PREV in an expression inside an aggregate is not supported yet");
    return WR_NO_COL;
}

static bool fill_calls(wri_mr *m) {
    wr_match_spec *s = m->spec;
    s->n_calls = m->agg.n_calls;
    s->calls = wri_new_n(m->c, s->n_calls, sizeof *s->calls);
    if (!s->calls) return false;
    for (uint32_t i = 0; i < s->n_calls; i++) {
        wri_call *k = &m->agg.calls[i];
        for (uint32_t j = 0; j < k->call.n_args; j++)
            if ((k->call.args[j] = arg_col(m, k->args[j])) == WR_NO_COL) return false;
        if (k->filter && (k->call.filter = arg_col(m, k->filter)) == WR_NO_COL) return false;
        s->calls[i] = k->call;
    }
    return true;
}

/* ---- the node ---- */

static wr_match_value *fill_values(wri_mr *m, const wri_mr_values *from, const widths *w) {
    wr_match_value *to = wri_new_n(m->c, from->n, sizeof *to);
    for (uint32_t i = 0; to && i < from->n; i++) {
        to[i] = from->items[i].v;
        to[i].col = ext_col(w, to[i].col);
    }
    return to;
}

/* Input columns, prevs, values of conditions. */
static bool fill_ext(wri_mr *m, const wr_node *in) {
    wr_match_spec *s = m->spec;
    s->ext.n = in->out.n + s->n_prevs + s->n_dvalues;
    s->ext.fields = wri_new_n(m->c, s->ext.n, sizeof *s->ext.fields);
    if (!s->ext.fields) return false;
    for (uint32_t i = 0; i < in->out.n; i++) s->ext.fields[i] = in->out.fields[i];
    for (uint32_t i = 0; i < s->n_prevs; i++) {
        const wr_field *of = &in->out.fields[s->prevs[i].col];
        wr_field *f = &s->ext.fields[in->out.n + i];
        f->type = of->type;
        f->type.not_null = false;
        f->name = s->prevs[i].back == 1 ? wri_text(m->c, "PREV(%s)", of->name)
                                        : wri_text(m->c, "PREV(%s, %u)", of->name, s->prevs[i].back);
    }
    for (uint32_t i = 0; i < s->n_dvalues; i++)
        s->ext.fields[in->out.n + s->n_prevs + i] =
            (wr_field){.name = m->dvalues.items[i].text, .type = m->dvalues.items[i].type};
    return !m->c->oom;
}

static bool fill_spec(wri_mr *m, const wr_node *in, const widths *w) {
    wr_match_spec *s = m->spec;
    s->n_in = w->n_in;
    s->time_col = in->time_col;
    s->n_dvalues = m->dvalues.n;
    s->n_values = m->values.n;
    s->dvalues = fill_values(m, &m->dvalues, w);
    s->values = fill_values(m, &m->values, w);
    if (!s->dvalues || !s->values || !fill_ext(m, in)) return false;
    for (uint32_t i = 0; i < s->n_calls; i++) {
        wr_agg_call *k = &s->calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) k->args[j] = ext_col(w, k->args[j]);
        k->filter = ext_col(w, k->filter);
    }
    for (uint32_t i = 0; i < s->n_vars; i++)
        if (s->vars[i].whole) {
            to_ext(s->vars[i].whole, w);
            if (s->vars[i].quick) to_ext(s->vars[i].quick, w);
            if (s->vars[i].slow) to_ext(s->vars[i].slow, w);
        }
    return true;
}

/* ONE ROW: keys, values, time; ALL ROWS: the input's columns, values. */
static wr_node *match_node(wri_mr *m, wr_node *in, const widths *w) {
    wr_match_spec *s = m->spec;
    uint32_t n_out = w->values + s->n_values + !s->all_rows;
    wr_node *n = wri_node_new(m->c, WR_N_MATCH, m->y->loc, 1, &in, n_out);
    if (!n || !wri_takes_late(m->c, n)) return NULL;
    n->match = s;
    for (uint32_t i = 0; i < w->values; i++) {
        n->out.fields[i] = in->out.fields[s->all_rows ? i : s->keys[i]];
        n->out.fields[i].path = NULL;
    }
    for (uint32_t i = 0; i < s->n_values; i++)
        n->out.fields[w->values + i] =
            (wr_field){.name = m->values.items[i].text, .type = m->values.items[i].type};
    n->time_col = w->time;
    if (!s->all_rows) {
        n->out.fields[w->time] = in->out.fields[in->time_col];
        n->out.fields[w->time].path = NULL;
    }
    return n;
}

static bool add_col(wri_mr *m, wri_cols *cols, const wr_node *n, uint32_t col) {
    for (uint32_t i = 0; i < cols->n; i++)
        if (cols->exprs[i]->kind == WR_X_COL && cols->exprs[i]->col == col) return true;
    return wri_cols_add(m->c, cols, wri_col_of(m->c, n, col, m->y->loc), n->out.fields[col].name);
}

/* Keys, [ORDER BY,] measures[, the other columns]. */
static wr_node *output(wri_mr *m, wr_node *n, const wri_cols *measures) {
    wr_match_spec *s = m->spec;
    wri_cols cols = {0};
    uint32_t n_vis = wri_x(m->in)->n_vis;
    for (uint32_t i = 0; i < s->n_keys; i++)
        if (!add_col(m, &cols, n, s->all_rows ? s->keys[i] : i)) return NULL;
    if (s->all_rows && m->in->time_col < n_vis && !add_col(m, &cols, n, n->time_col)) return NULL;
    for (uint32_t i = 0; s->all_rows && i < s->n_order; i++)
        if (s->order[i].col < n_vis && !add_col(m, &cols, n, s->order[i].col)) return NULL;
    for (uint32_t i = 0; i < measures->n; i++)
        if (!wri_cols_add(m->c, &cols, measures->exprs[i], measures->names[i])) return NULL;
    for (uint32_t i = 0; s->all_rows && i < n_vis; i++)
        if (!add_col(m, &cols, n, i)) return NULL;
    return wri_project_node(m->c, n, &cols, cols.n, m->y->loc);
}

static wr_node *build(wri_mr *m, wri_cols *measures) {
    wr_match_spec *s = m->spec;
    wr_node *in = wri_project_node(m->c, m->in, &m->pre, m->pre.n, m->y->loc);
    if (!in) return NULL;
    in = wri_exchange_node(m->c, in, s->n_keys ? WR_EX_HASH : WR_EX_GATHER, s->keys, s->n_keys, m->y->loc);
    if (!in) return NULL;
    widths w = {.n_in = in->out.n, .n_prevs = s->n_prevs, .values = s->all_rows ? in->out.n : s->n_keys};
    w.time = s->all_rows ? in->time_col : w.values + m->values.n;
    if (!fill_spec(m, in, &w)) return NULL;
    wr_node *n = match_node(m, in, &w);
    if (!n) return NULL;
    for (uint32_t i = 0; i < measures->n; i++) to_out(measures->exprs[i], &w);
    return output(m, n, measures);
}

wr_node *wri_plan_match(wri_q *q, const wr_from *f, wr_node *in, const wri_scope *scope) {
    wri_mr m = {.q = q, .c = q->c, .y = f->match, .in = in, .scope = scope};
    m.spec = wri_new(q->c, sizeof *m.spec);
    m.agg.in = in;
    if (!m.spec) return NULL;
    bool ok = clauses(&m);
    if (!ok && m.spec->n_pos == 0) return NULL; /* without a pattern every name would be an error */
    for (uint32_t i = 0; i < f->match->n_defines; i++) ok = bind_define(&m, &f->match->defines[i]) && ok;
    wri_cols measures = {0};
    ok = bind_measures(&m, &measures) && ok;
    if (!ok || q->c->oom || !fill_calls(&m)) return NULL;
    return build(&m, &measures);
}
