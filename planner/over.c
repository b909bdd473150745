/* planner/over.c -- OVER, WINDOW, QUALIFY: calls are found while expressions are bound, nodes made after.
 *
 *   in ─► PROJECT keys, arguments, filters ─► EXCHANGE by PARTITION BY ─► OVER, a column per call
 *
 * once per different PARTITION BY and ORDER BY. While SELECT, ORDER BY and QUALIFY are bound a call with OVER
 * stands as column WRI_OVER_COL + its number; wri_plan_over puts the real columns there.
 *
 * Streaming: ORDER BY is the time attribute, frames end at the current row; rows go on as the watermark
 * passes them. Complete: anything, over a partition that ends: PARTITION BY holds the borders of a window, or
 * input is bounded. Ranked (rank.c): ROW_NUMBER, RANK and DENSE_RANK in any order, as changes: with EMIT
 * CHANGES, and of input whose rows are changes. */
#include <strings.h>

#include "over_int.h"

/* ---- finding calls ---- */

static wr_expr *alias_of(wri_select *s, const wr_ast *e) {
    if (e->kind != WR_A_COLUMN || e->name.n != 1) return NULL;
    for (uint32_t i = 0; i < s->scope.n; i++)
        if (wri_ident_matches(&e->name.parts[0], s->scope.cols[i].name)) return NULL;
    for (uint32_t i = 0; i < s->n_items; i++)
        if (wri_ident_matches(&e->name.parts[0], s->out.names[i])) return s->out.exprs[i];
    return NULL;
}

static wr_expr *over_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    wri_select *s = ctx;
    if (e->kind == WR_A_CALL && e->call->over) return wri_over_call(s, e);
    wr_expr *x = s->in_qualify ? alias_of(s, e) : NULL; /* QUALIFY rn = 1 */
    if (x) return x;
    return s->below.hook ? s->below.hook(s->below.hook_ctx, b, e) : NULL;
}

void wri_over_begin(wri_select *s) {
    s->below = s->b;
    s->b.hook = over_hook;
    s->b.hook_ctx = s;
}

void wri_over_end(wri_select *s) {
    s->b.hook = s->below.hook;
    s->b.hook_ctx = s->below.hook_ctx;
}

/* ---- which kind of OVER ---- */

/* end: column of window_end when the partition is that of a window, else WR_NO_COL. */
static uint32_t window_end_of(const wr_node *n, const wri_spec *sp) {
    for (uint32_t i = 0; i < sp->n_keys; i++) {
        const wr_expr *k = sp->keys[i];
        if (k->kind != WR_X_COL || wri_x(n)->props[k->col].role != WRI_ROLE_END) continue;
        for (uint32_t j = 0; j < sp->n_keys; j++) {
            const wr_expr *o = sp->keys[j];
            if (o->kind != WR_X_COL || wri_x(n)->props[o->col].role != WRI_ROLE_START) continue;
            if (wri_x(n)->props[o->col].origin == wri_x(n)->props[k->col].origin) return k->col;
        }
    }
    return WR_NO_COL;
}

static bool by_time(const wri_q *q, const wr_node *n, const wri_spec *sp) {
    if (n->time_col == WR_NO_COL) return false;
    if (sp->n_order == 0) return q->kda;
    const wr_expr *e = sp->order[0].expr;
    return sp->n_order == 1 && !sp->order[0].desc && e->kind == WR_X_COL && e->col == n->time_col;
}

static bool fits_streaming(const wr_over_call *k) {
    switch (k->fn) {
    case WR_O_AGG:
    case WR_O_FIRST:
    case WR_O_LAST:
    case WR_O_NTH:
        return k->frame.hi == WR_B_CURRENT && k->frame.lo <= WR_B_CURRENT;
    case WR_O_PERCENT_RANK:
    case WR_O_CUME_DIST:
    case WR_O_NTILE:
        return false;
    default:
        return true;
    }
}

static const char *time_name(const wr_node *n) {
    return n->time_col == WR_NO_COL ? NULL : n->out.fields[n->time_col].name;
}

static const char *const window_hint =
    "add window_start, window_end of a window table function to PARTITION BY, or read bounded input";

/* Endless input, and ORDER BY is not the time attribute. */
static void refuse_order(wri_ctx *c, const wr_node *n, const wri_spec *sp, const wri_ocall *k) {
    const char *time = time_name(n);
    if (wri_is_rank(k->call.fn) && (sp->n_order || n->updating)) {
        wri_error(
            c, sp->n_order ? sp->order[0].loc : k->call_loc,
            "write EMIT CHANGES behind the query for updating results, or add window_start, window_end of a "
            "window table function to PARTITION BY",
            "%s%s on unbounded input never completes: add EMIT CHANGES or a window", k->name,
            n->updating ? " of updating rows" : " by another order than that of time");
        return;
    }
    if (sp->n_order == 0) {
        wri_error(c, k->call_loc, time ? wri_text(c, "add ORDER BY %s", time) : window_hint,
                  "OVER without ORDER BY on unbounded input never completes");
        return;
    }
    const wr_expr *e = sp->order[0].expr;
    bool desc = sp->order[0].desc && e->kind == WR_X_COL && e->col == n->time_col;
    if (desc)
        wri_unsupported(c, sp->order[0].loc, wri_text(c, "write ORDER BY %s", time),
                        "OVER with falling time on unbounded input is not supported yet");
    else
        wri_error(c, sp->order[0].loc,
                  time ? wri_text(c, "write ORDER BY %s, or %s", time, window_hint) : window_hint,
                  "OVER on unbounded input must be ordered by the time attribute alone");
}

static void refuse_call(wri_ctx *c, const wri_ocall *k) {
    if (k->call.fn == WR_O_NTILE || k->call.fn == WR_O_PERCENT_RANK || k->call.fn == WR_O_CUME_DIST)
        wri_error(c, k->call_loc, window_hint,
                  "%s needs all rows of its partition, which on unbounded input never ends", k->name);
    else
        wri_unsupported(c, k->call_loc, window_hint,
                        "a frame that does not end at the current row is not supported on unbounded input");
}

/* Sets k->way; false after reporting. changes: results are wanted as rows come. */
static bool classify(wri_q *q, const wr_node *n, const wri_spec *sp, wri_ocall *k, bool changes) {
    bool timed = by_time(q, n, sp) && !n->updating, window = window_end_of(n, sp) != WR_NO_COL;
    bool streams = timed && !window && fits_streaming(&k->call);
    bool ranked = wri_is_rank(k->call.fn) && (n->updating || changes) && !streams;
    k->way = ranked ? WRI_OVER_RANK : streams ? WRI_OVER_STREAM : WRI_OVER_COMPLETE;
    if (streams || window || n->bounded || (ranked && changes)) return true;
    if (!timed) refuse_order(q->c, n, sp, k);
    else refuse_call(q->c, k);
    return false;
}

/* ---- nodes ---- */

typedef struct below { /* the PROJECT under an OVER */
    wri_ctx *c;
    wr_node *in;
    wri_cols cols;
} below;

/* Column of e, which is over in; WR_NO_COL on OOM. */
static uint32_t below_col(below *p, wr_expr *e) {
    for (uint32_t i = 0; i < p->cols.n; i++)
        if (wri_expr_equal(p->cols.exprs[i], e)) return i;
    return wri_cols_add(p->c, &p->cols, e, NULL) ? p->cols.n - 1 : WR_NO_COL;
}

static void call_cols(below *p, wri_ocall *k) {
    for (uint32_t i = 0; i < k->call.agg.n_args; i++) k->call.agg.args[i] = below_col(p, k->args[i]);
    if (k->filter) k->call.agg.filter = below_col(p, k->filter);
    if (k->dflt) k->call.default_col = below_col(p, k->dflt);
    if (k->call.fn == WR_O_AGG && k->call.agg.def->by_time && p->in->time_col != WR_NO_COL)
        k->call.agg.time = below_col(p, wri_col_of(p->c, p->in, p->in->time_col, k->call_loc));
}

/* A node with in's columns and n_calls more. */
static wr_node *over_node(wri_ctx *c, wr_node *in, uint32_t n_calls, wr_loc loc) {
    wr_node *n = wri_node_new(c, WR_N_OVER, loc, 1, &in, in->out.n + n_calls);
    if (!n) return NULL;
    wri_xnode *x = wri_x(n), *xi = wri_x(in);
    for (uint32_t i = 0; i < in->out.n; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
    }
    n->time_col = in->time_col;
    x->n_vis = xi->n_vis;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    n->over.calls = wri_new_n(c, n_calls, sizeof *n->over.calls);
    n->over.n_calls = n_calls;
    return n->over.calls ? n : NULL;
}

wr_node *wri_first_rows_node(wri_ctx *c, wr_node *in, const uint32_t *keys, uint32_t n_keys, int64_t ttl_us,
                             wr_loc loc) {
    in = wri_exchange_node(c, in, n_keys ? WR_EX_HASH : WR_EX_GATHER, keys, n_keys, loc);
    wr_node *o = in ? over_node(c, in, 1, loc) : NULL;
    if (!o) return NULL;
    wr_type t = wr_type_of(WR_T_BIGINT), yes = wr_type_of(WR_T_BOOLEAN);
    o->over.keys = wri_new_n(c, n_keys, sizeof *keys);
    if (!o->over.keys) return NULL;
    if (n_keys) memcpy(o->over.keys, keys, n_keys * sizeof *keys);
    o->over.n_keys = n_keys;
    o->over.order_time = in->time_col;
    o->over.end_col = WR_NO_COL;
    o->over.ttl_us = ttl_us;
    t.not_null = true;
    o->over.calls[0] = (wr_over_call){.fn = WR_O_ROW_NUMBER, .type = t, .n = 1, .default_col = WR_NO_COL};
    o->over.calls[0].agg.filter = o->over.calls[0].agg.time = WR_NO_COL;
    o->out.fields[in->out.n] = (wr_field){.name = "ROW_NUMBER", .type = t};
    if (!wri_takes_late(c, o)) return NULL;
    wr_expr *rn = wri_col_of(c, o, in->out.n, loc);
    wr_expr *one = wri_new_const(c->ar, (wr_value){.i64 = 1}, t, loc);
    wr_expr *first = rn && one ? wri_new_op(c->ar, WR_OP_EQ, yes, loc, 2, (wr_expr *[]){rn, one}) : NULL;
    if (!first) c->oom = true;
    return first ? wri_filter_node(c, o, first, loc) : NULL;
}

/* Results of a complete OVER come when the window's time does; LEAD's come when they may. */
static void keep_time(wr_node *n, uint32_t end_col) {
    if (n->bounded || n->time_col == WR_NO_COL) return;
    bool keeps = true;
    if (n->over.complete) {
        const wri_prop *p = wri_x(n)->props;
        keeps = (p[n->time_col].role == WRI_ROLE_TIME || p[n->time_col].role == WRI_ROLE_END) &&
                p[n->time_col].origin == p[end_col].origin;
    }
    for (uint32_t i = 0; i < n->over.n_calls; i++)
        if (!n->over.complete && n->over.calls[i].fn == WR_O_LEAD) keeps = false;
    if (!keeps) n->time_col = WR_NO_COL;
}

typedef struct part { /* calls of one spec and way */
    wri_over *o;
    uint32_t spec, n_calls;
    wri_over_way way;
} part;

static bool is_of(const part *g, const wri_ocall *k) { return k->spec == g->spec && k->way == g->way; }

/* Columns of p for sp. */
static bool spec_cols(below *p, const wri_spec *sp, wri_over_cols *out) {
    wri_ctx *c = p->c;
    uint32_t *keys = wri_new_n(c, sp->n_keys, sizeof *keys);
    *out = (wri_over_cols){.keys = keys, .n_keys = sp->n_keys, .n_order = sp->n_order, .loc = sp->loc};
    out->order = wri_new_n(c, sp->n_order, sizeof *out->order);
    if (!keys || !out->order) return false;
    for (uint32_t i = 0; i < sp->n_keys; i++) keys[i] = below_col(p, sp->keys[i]);
    for (uint32_t i = 0; i < sp->n_order; i++) {
        const wr_expr *e = sp->order[i].expr;
        out->order[i] = (wr_sort_key){.col = below_col(p, sp->order[i].expr),
                                      .desc = sp->order[i].desc,
                                      .nulls_first = sp->order[i].nulls_first};
        out->ties_last = sp->order[i].desc && e->kind == WR_X_COL && wri_was_time(p->in, e->col);
    }
    out->end_col = window_end_of(p->in, sp);
    return !c->oom;
}

/* The calls of g over in, which has their arguments. */
static wr_node *calls_node(wri_ctx *c, wr_node *in, const part *g, const wri_over_cols *cols) {
    wr_node *o = over_node(c, in, g->n_calls, cols->loc);
    if (!o) return NULL;
    bool complete = g->way == WRI_OVER_COMPLETE;
    o->over.complete = complete;
    o->over.keys = wri_new_n(c, cols->n_keys, sizeof(uint32_t));
    if (!o->over.keys) return NULL;
    for (uint32_t i = 0; i < cols->n_keys; i++) o->over.keys[i] = cols->keys[i];
    o->over.n_keys = cols->n_keys;
    o->over.order = cols->order;
    o->over.n_order = complete ? cols->n_order : 0;
    o->over.ties_last = cols->ties_last;
    o->over.order_time = complete ? WR_NO_COL : in->time_col;
    o->over.end_col = complete ? cols->end_col : WR_NO_COL;
    if (o->over.end_col != WR_NO_COL)
        o->over.tick_us = in->out.fields[cols->end_col].type.prec > 3 ? 1 : 1000;
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->o->n_calls; i++)
        if (is_of(g, &g->o->calls[i])) o->over.calls[at++] = g->o->calls[i].call;
    keep_time(o, cols->end_col);
    bool late = !complete || cols->end_col != WR_NO_COL;
    return late && !wri_takes_late(c, o) ? NULL : o;
}

static wr_node *ranks_node(wri_q *q, wr_node *in, const part *g, const wri_over_cols *cols) {
    wr_over_fn *fns = wri_new_n(q->c, g->n_calls, sizeof *fns);
    uint32_t at = 0;
    if (!fns) return NULL;
    for (uint32_t i = 0; i < g->o->n_calls; i++)
        if (is_of(g, &g->o->calls[i])) fns[at++] = g->o->calls[i].call.fn;
    return wri_rank_node(q, in, cols, fns, g->n_calls);
}

/* The calls of g over n; NULL: OOM. */
static wr_node *over_group(wri_select *s, wr_node *n, part *g) {
    wri_ctx *c = s->q->c;
    const wri_spec *sp = &g->o->specs[g->spec];
    below p = {.c = c, .in = n};
    wri_over_cols cols;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (!wri_cols_add(c, &p.cols, wri_col_of(c, n, i, sp->loc), n->out.fields[i].name)) return NULL;
    if (!spec_cols(&p, sp, &cols)) return NULL;
    for (uint32_t i = 0; i < g->o->n_calls; i++)
        if (is_of(g, &g->o->calls[i])) call_cols(&p, &g->o->calls[i]);
    wr_node *in = c->oom ? NULL : wri_project_node(c, n, &p.cols, wri_x(n)->n_vis, sp->loc);
    if (in)
        in = wri_exchange_node(c, in, sp->n_keys ? WR_EX_HASH : WR_EX_GATHER, cols.keys, sp->n_keys, sp->loc);
    if (!in) return NULL;
    wr_node *o = g->way == WRI_OVER_RANK ? ranks_node(s->q, in, g, &cols) : calls_node(c, in, g, &cols);
    if (!o) return NULL;
    uint32_t at = in->out.n;
    for (uint32_t i = 0; i < g->o->n_calls; i++) {
        wri_ocall *k = &g->o->calls[i];
        if (!is_of(g, k)) continue;
        k->col = at++;
        o->out.fields[k->col] = (wr_field){.name = k->name, .type = k->call.type};
    }
    return o;
}

/* e with the columns of calls in their places. */
static wr_expr *settle(wri_select *s, wr_expr *e) {
    wri_ctx *c = s->q->c;
    if (e->kind == WR_X_COL && e->col < WRI_OVER_COL) return e;
    if (e->kind != WR_X_COL && e->n_args == 0) return e;
    wr_expr *n = wri_new(c, sizeof *n);
    if (!n) return e;
    *n = *e;
    if (e->kind == WR_X_COL) {
        n->col = s->over->calls[e->col - WRI_OVER_COL].col;
        return n;
    }
    n->args = wri_new_n(c, e->n_args, sizeof *n->args);
    for (uint32_t i = 0; n->args && i < e->n_args; i++) n->args[i] = settle(s, e->args[i]);
    return n->args ? n : e;
}

/* Whether ranks are given as they change. Over bounded input they are not where others stand beside them,
 * which are given at the end. */
static bool as_changes(const wri_q *q, const wr_node *n, const wri_over *o) {
    bool ranks = true;
    for (uint32_t i = 0; i < o->n_calls; i++) ranks = ranks && wri_is_rank(o->calls[i].call.fn);
    return q->changes && (ranks || !n->bounded);
}

wr_node *wri_plan_over(wri_select *s, wr_node *n) {
    wri_ctx *c = s->q->c;
    wri_over *o = s->over;
    bool ok = true, changes = as_changes(s->q, n, o);
    for (uint32_t i = 0; i < o->n_calls; i++)
        ok = classify(s->q, n, &o->specs[o->calls[i].spec], &o->calls[i], changes) && ok;
    if (!ok) return NULL;
    for (uint32_t sp = 0; sp < o->n_specs; sp++)
        for (int way = 0; way < WRI_OVER_WAYS; way++) {
            part g = {.o = o, .spec = sp, .way = (wri_over_way)way};
            for (uint32_t i = 0; i < o->n_calls; i++) g.n_calls += is_of(&g, &o->calls[i]);
            if (g.n_calls) n = over_group(s, n, &g);
            if (!n) return NULL;
        }
    for (uint32_t i = 0; i < s->out.n; i++) s->out.exprs[i] = settle(s, s->out.exprs[i]);
    if (s->qualify) s->qualify = settle(s, s->qualify);
    return c->oom ? NULL : n;
}

/* ---- Top-N ---- */

/* col <= *maxp follows from e, for the column `col` of some call of o; its number, or WR_NO_COL. */
static uint32_t bounds_call(const wr_node *o, const wr_expr *e, int64_t *maxp) {
    if (e->kind != WR_X_OP || e->n_args != 2) return WR_NO_COL;
    const wr_expr *l = e->args[0], *r = e->args[1];
    wr_xop op = e->op;
    if (l->kind == WR_X_CONST) { /* 3 >= rn */
        const wr_expr *t = l;
        l = r;
        r = t;
        op = op == WR_OP_GE ? WR_OP_LE : op == WR_OP_GT ? WR_OP_LT : op == WR_OP_EQ ? op : WR_OP_NE;
    }
    if (op != WR_OP_LE && op != WR_OP_LT && op != WR_OP_EQ) return WR_NO_COL;
    uint32_t first = o->out.n - o->over.n_calls;
    if (l->kind != WR_X_COL || l->col < first || r->kind != WR_X_CONST || r->value.null) return WR_NO_COL;
    if (!wr_kind_is_int((wr_kind)r->type.kind)) return WR_NO_COL;
    *maxp = op == WR_OP_LT ? r->value.i64 - (r->value.i64 > INT64_MIN) : r->value.i64;
    return l->col - first;
}

static void find_bounds(wr_node *o, const wr_expr *e) {
    if (e->kind == WR_X_OP && e->op == WR_OP_AND) {
        for (uint32_t i = 0; i < e->n_args; i++) find_bounds(o, e->args[i]);
        return;
    }
    int64_t most;
    uint32_t i = bounds_call(o, e, &most);
    if (i == WR_NO_COL) return;
    wr_over_fn fn = o->over.calls[i].fn;
    if (fn != WR_O_ROW_NUMBER && fn != WR_O_RANK) return;
    if (most < 1) most = 1; /* nothing: the filter says so */
    if (o->over.top && (o->over.top < most || (o->over.top == most && o->over.top_fn == WR_O_ROW_NUMBER)))
        return;
    o->over.top = most;
    o->over.top_fn = fn;
}

void wri_over_top(const wr_node *f) {
    wr_node *o = f->in[0];
    if (!o->over.complete) return;
    for (uint32_t i = 0; i < o->over.n_calls; i++) { /* others would miss the rows that are left out */
        if (!wri_is_rank(o->over.calls[i].fn)) return;
    }
    find_bounds(o, f->filter.pred);
}
