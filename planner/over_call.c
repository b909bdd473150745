/* planner/over_call.c -- binds one call with OVER: its window, its frame, its function.
 *
 * A frame that is not written is, as in the standard, RANGE from the start of the partition to the current
 * row with ORDER BY, and the whole partition without. In the Kinesis dialect rows come in the order of
 * ROWTIME without ORDER BY, and a row's frame holds only what came before it. */
#include <strings.h>

#include "over_int.h"

/* ---- the window ---- */

static const wr_window *named(wri_select *s, const wr_ident *name) {
    const wr_query *y = s->y;
    for (uint32_t i = 0; i < y->n_windows; i++)
        if (wri_ident_matches(name, y->windows[i].name.text)) return &y->windows[i];
    const char *near =
        y->n_windows ? wr_nearest(name->text, &y->windows[0].name.text, y->n_windows, sizeof y->windows[0])
                     : NULL;
    wri_error(s->q->c, name->loc,
              near ? wri_suggest(s->q->c, near)
                   : wri_text(s->q->c, "add WINDOW %s AS (PARTITION BY … ORDER BY …)", name->text),
              "there is no window '%s'", name->text);
    return NULL;
}

/* OVER w, OVER (…), OVER (w …) as one window. */
static bool resolve(wri_select *s, const wr_window *w, wr_window *outp) {
    wri_ctx *c = s->q->c;
    *outp = *w;
    if (!w->name.text) return true;
    const wr_window *base = named(s, &w->name);
    if (!base) return false;
    if (w->n_partition) {
        wri_error(c, w->partition[0]->loc, "leave it out, or write the whole window here",
                  "window '%s' has its PARTITION BY already", w->name.text);
        return false;
    }
    if (w->n_order && base->n_order) {
        wri_error(c, w->order[0].expr->loc, "leave it out, or write the whole window here",
                  "window '%s' has its ORDER BY already", w->name.text);
        return false;
    }
    if (base->has_frame && (w->has_frame || w->n_order)) {
        wri_error(c, w->loc, "take the frame out of WINDOW, or write the whole window here",
                  "window '%s' has its frame already", w->name.text);
        return false;
    }
    outp->partition = base->partition;
    outp->n_partition = base->n_partition;
    if (!w->n_order) {
        outp->order = base->order;
        outp->n_order = base->n_order;
    }
    if (!w->has_frame && base->has_frame) {
        wr_loc loc = w->loc;
        wr_window part = *outp;
        *outp = *base;
        outp->order = part.order;
        outp->n_order = part.n_order;
        outp->loc = loc;
    }
    return true;
}

static bool bind_spec(wri_select *s, const wr_window *w, wri_spec *sp) {
    wri_ctx *c = s->q->c;
    sp->loc = w->loc;
    sp->keys = wri_new_n(c, w->n_partition, sizeof *sp->keys);
    sp->order = wri_new_n(c, w->n_order, sizeof *sp->order);
    if (!sp->keys || !sp->order) return false;
    bool ok = true;
    for (uint32_t i = 0; i < w->n_partition; i++) {
        wr_expr *e = wri_bind(&s->below, w->partition[i]);
        ok = ok && e != &wri_failed;
        bool twice = e->kind == WR_X_CONST;
        for (uint32_t k = 0; k < sp->n_keys; k++) twice = twice || wri_expr_equal(sp->keys[k], e);
        if (!twice) sp->keys[sp->n_keys++] = e;
    }
    for (uint32_t i = 0; i < w->n_order; i++) {
        const wr_sort *o = &w->order[i];
        wr_expr *e = wri_bind(&s->below, o->expr);
        ok = ok && e != &wri_failed;
        sp->order[sp->n_order++] = (wri_okey){.expr = e,
                                              .desc = o->desc,
                                              .nulls_first = o->nulls_given ? o->nulls_first : o->desc,
                                              .loc = o->expr->loc};
    }
    return ok;
}

static bool same_spec(const wri_spec *a, const wri_spec *b) {
    if (a->n_keys != b->n_keys || a->n_order != b->n_order) return false;
    for (uint32_t i = 0; i < a->n_keys; i++)
        if (!wri_expr_equal(a->keys[i], b->keys[i])) return false;
    for (uint32_t i = 0; i < a->n_order; i++)
        if (!wri_expr_equal(a->order[i].expr, b->order[i].expr) || a->order[i].desc != b->order[i].desc ||
            a->order[i].nulls_first != b->order[i].nulls_first)
            return false;
    return true;
}

/* Which of the specs it is; WR_NO_COL after reporting. */
static uint32_t spec_of(wri_select *s, const wr_window *w) {
    wri_over *o = s->over;
    wri_spec sp = {0};
    if (!bind_spec(s, w, &sp)) return WR_NO_COL;
    for (uint32_t i = 0; i < o->n_specs; i++)
        if (same_spec(&o->specs[i], &sp)) return i;
    wri_spec *slot = wri_new_last(s->q->c, &o->specs, &o->n_specs, &o->specs_cap, sizeof *slot);
    if (!slot) return WR_NO_COL;
    *slot = sp;
    return o->n_specs - 1;
}

/* ---- the frame ---- */

static bool negative(wri_ctx *c, const wr_ast *e) {
    wri_error(c, e->loc, "turn it round: n PRECEDING is -n FOLLOWING", "a frame's offset cannot be negative");
    return false;
}

/* The offset of a RANGE frame, in units of the order key. */
static bool range_offset(wri_select *s, const wri_spec *sp, const wr_ast *e, int64_t *by, double *by_f64) {
    wri_ctx *c = s->q->c;
    wr_type t = sp->n_order ? sp->order[0].expr->type : wr_type_of(WR_T_TIMESTAMP);
    if (sp->n_order > 1 || (sp->n_order == 0 && !s->q->kda)) {
        wri_error(c, e->loc, "order by one column, or use ROWS",
                  "RANGE with an offset needs exactly one ORDER BY column");
        return false;
    }
    if (t.kind == WR_T_DATE || t.kind == WR_T_TIMESTAMP || t.kind == WR_T_TIME) {
        if (!wri_const_interval_us(&s->below, e, "a frame of RANGE", by)) return false;
        return *by >= 0 || negative(c, e);
    }
    if (!wr_kind_is_num((wr_kind)t.kind) && t.kind != WR_T_INTERVAL_DAY) {
        char text[WR_TEXT_MAX];
        wri_error(c, e->loc, "use ROWS, or order by a number or a time",
                  "RANGE with an offset cannot be measured along a %s", wr_type_print(t, text, sizeof text));
        return false;
    }
    if (wr_type_phys(t) == WR_F64) t = wr_type_of(WR_T_DOUBLE);
    if (wr_kind_is_int((wr_kind)t.kind)) t = wr_type_of(WR_T_BIGINT);
    wr_expr *x = wri_fold(&s->below, wri_bind_as(&s->below, e, t));
    if (x == &wri_failed) return false;
    if (x->kind != WR_X_CONST || x->value.null) {
        wri_error(c, e->loc, "for example RANGE 10 PRECEDING", "a frame's offset must be a constant");
        return false;
    }
    if (wr_type_phys(t) == WR_F64) *by_f64 = x->value.f64;
    else *by = x->value.i64;
    return *by < 0 || !(*by_f64 >= 0) ? negative(c, e) : true;
}

static bool offset(wri_select *s, const wri_spec *sp, const wr_window *w, const wr_ast *e, int64_t *by,
                   double *by_f64) {
    if (!w->rows) return range_offset(s, sp, e, by, by_f64);
    if (e->kind == WR_A_INTERVAL) {
        wri_error(s->q->c, e->loc, "use RANGE", "ROWS counts rows, found an INTERVAL");
        return false;
    }
    if (!wri_const_int(&s->below, e, "a frame of ROWS", by)) return false;
    return *by >= 0 || negative(s->q->c, e);
}

static bool bind_frame(wri_select *s, const wr_window *w, const wri_spec *sp, wr_frame *f) {
    wri_ctx *c = s->q->c;
    bool ordered = sp->n_order || s->q->kda;
    *f = (wr_frame){.lo = WR_B_UNBOUNDED_PRECEDING, .hi = ordered ? WR_B_CURRENT : WR_B_UNBOUNDED_FOLLOWING};
    f->alone = s->q->kda && sp->n_order == 0;
    if (!w->has_frame) return true;
    f->rows = w->rows;
    f->lo = w->lo;
    f->hi = w->hi;
    if (w->lo_expr && !offset(s, sp, w, w->lo_expr, &f->lo_by, &f->lo_f64)) return false;
    if (w->hi_expr && !offset(s, sp, w, w->hi_expr, &f->hi_by, &f->hi_f64)) return false;
    if (f->lo == WR_B_UNBOUNDED_FOLLOWING || f->hi == WR_B_UNBOUNDED_PRECEDING || f->lo > f->hi) {
        wri_error(c, w->loc, "write BETWEEN start AND end", "the frame ends before it starts");
        return false;
    }
    return true;
}

/* ---- the function ---- */

typedef struct fn_info {
    const char *name;
    wr_over_fn fn;
    uint32_t min_args, max_args;
    const char *form;
} fn_info;

static const fn_info fns[] = {
    {"FIRST_VALUE", WR_O_FIRST, 1, 1, "FIRST_VALUE(value) OVER (…)"},
    {"LAST_VALUE", WR_O_LAST, 1, 1, "LAST_VALUE(value) OVER (…)"},
    {"NTH_VALUE", WR_O_NTH, 2, 2, "NTH_VALUE(value, n) OVER (…)"},
    {"LAG", WR_O_LAG, 1, 3, "LAG(value [, n [, default]]) OVER (…)"},
    {"LEAD", WR_O_LEAD, 1, 3, "LEAD(value [, n [, default]]) OVER (…)"},
    {"ROW_NUMBER", WR_O_ROW_NUMBER, 0, 0, "ROW_NUMBER() OVER (…)"},
    {"RANK", WR_O_RANK, 0, 0, "RANK() OVER (…)"},
    {"DENSE_RANK", WR_O_DENSE_RANK, 0, 0, "DENSE_RANK() OVER (…)"},
    {"PERCENT_RANK", WR_O_PERCENT_RANK, 0, 0, "PERCENT_RANK() OVER (…)"},
    {"CUME_DIST", WR_O_CUME_DIST, 0, 0, "CUME_DIST() OVER (…)"},
    {"NTILE", WR_O_NTILE, 1, 1, "NTILE(buckets) OVER (…)"},
};

bool wri_is_over_only(const char *name) {
    for (size_t i = 2; i < WR_LEN(fns); i++)
        if (strcasecmp(fns[i].name, name) == 0) return true;
    return false;
}

static const fn_info *fn_of(const wr_ast *e) {
    for (size_t i = 0; e->name.n == 1 && i < WR_LEN(fns); i++)
        if (strcasecmp(fns[i].name, e->name.parts[0].text) == 0) return &fns[i];
    return NULL;
}

static bool count_arg(wri_select *s, const wr_ast *e, const fn_info *f, int64_t least, int64_t *outp) {
    const char *what = f->fn == WR_O_NTILE ? "the number of buckets" : "the number of rows";
    if (!wri_const_int(&s->below, e, what, outp)) return false;
    if (*outp >= least && *outp <= UINT32_MAX) return true;
    wri_error(s->q->c, e->loc, f->form, "%s: %s must be from %lld to %u", f->name, what, (long long)least,
              UINT32_MAX);
    return false;
}

/* The value that a FIRST_VALUE or LAST_VALUE holds, and LAG's and LEAD's default in its type. */
static bool value_arg(wri_select *s, const wr_ast *e, const fn_info *f, wri_ocall *k) {
    wri_ctx *c = s->q->c;
    wr_expr *x = wri_bind(&s->below, e->args[0]), *d = NULL;
    if (e->n_args > 2) d = wri_bind(&s->below, e->args[2]);
    if (x == &wri_failed || d == &wri_failed) return false;
    wr_type t = x->type;
    if (d && !wri_common_type(x->type, d->type, &t)) {
        wri_error(c, e->args[2]->loc, "write a CAST", "%s: the default's type does not go with the value's",
                  f->name);
        return false;
    }
    if (d && !wri_types_same(x->type, t)) x = wri_fold(&s->below, wri_cast(&s->below, x, t, false, x->loc));
    if (d && !wri_types_same(d->type, t)) d = wri_fold(&s->below, wri_cast(&s->below, d, t, false, d->loc));
    if (x == &wri_failed || d == &wri_failed) return false;
    k->dflt = d;
    k->args[0] = x;
    wr_agg_call *a = &k->call.agg;
    *a = (wr_agg_call){.def = wri_find_agg(c->reg, f->fn == WR_O_LAST ? "LAST_VALUE" : "FIRST_VALUE"),
                       .loc = e->loc,
                       .n_args = 1,
                       .filter = WR_NO_COL,
                       .time = WR_NO_COL,
                       .param = {.null = true},
                       .ignore_nulls = k->call.ignore_nulls};
    a->arg_types[0] = x->type;
    wr_err err = {0};
    if (!a->def || a->def->bind(a, &err) != WR_OK) {
        wri_unsupported(c, e->loc, NULL, "%s is not supported here", f->name);
        return false;
    }
    k->call.type = a->type;
    k->call.type.not_null = false;
    return true;
}

static bool no_clauses(wri_select *s, const wr_ast *e, const fn_info *f) {
    wri_ctx *c = s->q->c;
    const wr_call *k = e->call;
    const char *clause = k->filter                              ? "FILTER"
                         : k->distinct                          ? "DISTINCT"
                         : k->n_within                          ? "ORDER BY"
                         : k->star                              ? "*"
                         : k->ignore_nulls && f->fn > WR_O_LEAD ? "IGNORE NULLS"
                                                                : NULL;
    if (!clause) return true;
    wri_error(c, e->loc, f->form, "%s takes no %s", f->name, clause);
    return false;
}

static bool bind_fn(wri_select *s, const wr_ast *e, const fn_info *f, wri_ocall *k) {
    wri_ctx *c = s->q->c;
    wr_over_call *call = &k->call;
    call->fn = f->fn;
    call->ignore_nulls = e->call->ignore_nulls;
    call->from_last = e->call->from_last;
    call->type = wr_type_of(WR_T_BIGINT);
    call->type.not_null = true;
    call->n = 1;
    if (!no_clauses(s, e, f)) return false;
    if (e->n_args < f->min_args || e->n_args > f->max_args) {
        wri_error(c, e->loc, f->form, "%s is given %u argument%s", f->name, e->n_args,
                  e->n_args == 1 ? "" : "s");
        return false;
    }
    switch (f->fn) {
    case WR_O_NTILE:
        return count_arg(s, e->args[0], f, 1, &call->n);
    case WR_O_PERCENT_RANK:
    case WR_O_CUME_DIST:
        call->type.kind = WR_T_DOUBLE;
        return true;
    case WR_O_FIRST:
    case WR_O_LAST:
    case WR_O_NTH:
    case WR_O_LAG:
    case WR_O_LEAD:
        if (e->n_args > 1 && !count_arg(s, e->args[1], f, f->fn == WR_O_NTH, &call->n)) return false;
        return value_arg(s, e, f, k);
    default:
        return true;
    }
}

static bool bind_aggregate(wri_select *s, const wr_ast *e, wri_ocall *k) {
    wri_ctx *c = s->q->c;
    wr_call plain_call = *e->call;
    wr_ast plain = *e;
    plain_call.over = NULL;
    plain.call = &plain_call;
    const wr_agg_def *def = wri_agg_of(&s->below, &plain);
    const char *name = e->name.parts[e->name.n - 1].text;
    if (!def) {
        const char *near = c->reg->n_aggs ? wr_nearest(name, &fns[0].name, WR_LEN(fns), sizeof fns[0]) : NULL;
        wri_error(c, e->name.loc, wri_suggest(c, near), "%s is no aggregate and no window function", name);
        return false;
    }
    if (e->call->n_within && def->needs_time) {
        wri_error(c, e->call->within[0].expr->loc, "leave it out",
                  "%s in OVER is in the order of OVER's ORDER BY", def->name);
        return false;
    }
    wri_agg a = {.in = s->in, .loc = e->loc};
    uint32_t idx;
    if (!wri_bind_agg(c, &s->below, &plain, &a, &idx)) return false;
    k->call.fn = WR_O_AGG;
    k->call.agg = a.calls[idx].call;
    k->call.agg.time = WR_NO_COL;
    k->call.type = k->call.agg.type;
    for (uint32_t i = 0; i < k->call.agg.n_args; i++) k->args[i] = a.calls[idx].args[i];
    k->filter = a.calls[idx].filter;
    return true;
}

static wr_expr *column_of(wri_select *s, uint32_t i, wr_loc loc) {
    wri_ctx *c = s->q->c;
    wr_expr *x = wri_new_col(c->ar, WRI_OVER_COL + i, s->over->calls[i].call.type, loc);
    if (!x) c->oom = true;
    return x ? x : &wri_failed;
}

wr_expr *wri_over_call(wri_select *s, const wr_ast *e) {
    wri_ctx *c = s->q->c;
    if (!s->over) s->over = wri_new(c, sizeof *s->over);
    if (!s->over) return &wri_failed;
    for (uint32_t i = 0; i < s->over->n_calls; i++)
        if (wr_ast_equal(s->over->calls[i].ast, e)) return column_of(s, i, e->loc);
    wri_ocall k = {.ast = e, .call_loc = e->loc};
    k.call.agg.filter = k.call.agg.time = k.call.default_col = WR_NO_COL;
    wr_window w;
    const fn_info *f = fn_of(e);
    if (!resolve(s, e->call->over, &w)) return &wri_failed;
    k.spec = spec_of(s, &w);
    if (k.spec == WR_NO_COL || !bind_frame(s, &w, &s->over->specs[k.spec], &k.call.frame)) return &wri_failed;
    if (s->q->kda && f && f->fn == WR_O_LAG && w.has_frame) {
        wr_expr *x = wri_lag_in_frame(s, e, &k.call.frame);
        if (x) return x;
    }
    if (!(f ? bind_fn(s, e, f, &k) : bind_aggregate(s, e, &k))) return &wri_failed;
    k.name = f ? f->name : k.call.agg.def->name;
    wri_ocall *slot = wri_new_last(c, &s->over->calls, &s->over->n_calls, &s->over->calls_cap, sizeof *slot);
    if (!slot) return &wri_failed;
    *slot = k;
    return column_of(s, s->over->n_calls - 1, e->loc);
}
