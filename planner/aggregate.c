/* planner/aggregate.c -- an aggregation becomes nodes, in two phases.
 *
 *   in ─► PROJECT keys, arguments, filters ─► AGG_LOCAL ─► EXCHANGE by keys ─► AGG_GLOBAL
 *
 * When the window comes from a WINDOW node below and nothing but the grouping reads its columns, the
 * local phase works on the rows as they are and assigns windows itself (TUMBLE, HOP, CUMULATE); else
 * the rows carry their window in columns (ATTACHED). Results that are given early and corrected come from
 * AGG_CHANGES instead of AGG_GLOBAL; without a window AGG_DELTA then stands for AGG_LOCAL. Grouping sets
 * share the PROJECT: one pair of phases each, then a UNION of PROJECTs that put NULL for absent keys.
 * Sessions and staggered windows have one phase: session.c. */
#include <strings.h>

#include "bind_int.h"
#include "plan_int.h"

uint32_t wri_agg_base(const wri_agg *a) { return a->win.kind == WR_W_NONE ? 0 : 3; }
uint32_t wri_agg_calls_base(const wri_agg *a) {
    return wri_agg_base(a) + a->n_keys + (a->n_sets > 1 ? a->n_keys : 0);
}

/* ---- calls ---- */

static bool same_value(const wr_value *a, const wr_value *b) {
    if (a->null || b->null) return a->null == b->null;
    return memcmp(&a->str, &b->str, sizeof a->str) == 0;
}

static bool same_call(const wri_call *a, const wri_call *b) {
    const wr_agg_call *x = &a->call, *y = &b->call;
    if (x->def != y->def || x->n_args != y->n_args || x->distinct != y->distinct || x->star != y->star ||
        x->ignore_nulls != y->ignore_nulls || x->desc != y->desc || !same_value(&x->param, &y->param))
        return false;
    if ((a->filter == NULL) != (b->filter == NULL)) return false;
    if (a->filter && !wri_expr_equal(a->filter, b->filter)) return false;
    for (uint32_t i = 0; i < x->n_args; i++)
        if (!wri_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

/* The constant that goes to call.param: numbers and intervals (in microseconds) as DOUBLE, text as it is. */
static bool bind_param(wri_ctx *c, wri_binder *b, const wr_ast *arg, wri_call *k) {
    wr_expr *e = wri_bind(b, arg);
    if (e == &wri_failed) return false;
    bool number = wr_kind_is_num(e->type.kind), interval = e->type.kind == WR_T_INTERVAL_DAY;
    if (interval != k->call.def->by_time && (interval || number)) {
        wri_error(c, arg->loc, k->call.def->signature, "%s: this argument must be %s", k->call.def->name,
                  interval ? "a number" : "an INTERVAL");
        return false;
    }
    if (number) e = wri_fold(b, wri_cast(b, e, wr_type_of(WR_T_DOUBLE), true, arg->loc));
    if (e == &wri_failed) return false;
    if (e->kind != WR_X_CONST || e->value.null) {
        wri_error(c, arg->loc, k->call.def->signature, "%s: this argument must be a constant",
                  k->call.def->name);
        return false;
    }
    memset(&k->call.param, 0, sizeof k->call.param); /* same_value compares all bytes */
    if (number) k->call.param.f64 = e->value.f64;
    else if (interval) k->call.param.f64 = (double)e->value.i64;
    else {
        k->call.param = e->value;
        k->call.param_text = true;
    }
    return true;
}

static bool bind_arg(wri_ctx *c, wri_binder *b, const wr_ast *arg, wri_call *k) {
    wr_agg_call *call = &k->call;
    if (call->n_args == WR_AGG_ARGS_MAX || call->n_args == call->def->max_args) {
        wri_error(c, arg->loc, call->def->signature, "%s is given too many arguments", call->def->name);
        return false;
    }
    wr_expr *e = wri_bind(b, arg);
    if (e == &wri_failed) return false;
    call->arg_types[call->n_args] = e->type;
    k->args[call->n_args++] = e;
    return true;
}

static bool literal(const wr_ast *e) {
    if (e->kind == WR_A_UNARY) e = e->args[0];
    return e->kind == WR_A_NUMBER || e->kind == WR_A_STRING || e->kind == WR_A_NULL;
}

/* Column col of a->in is the event time by which the aggregate orders rows. */
static bool orders_rows(wri_ctx *c, const wri_agg *a, uint32_t col) {
    if (col == a->in->time_col) return true;
    if (!a->origin || (a->origin->kind != WR_N_WINDOW && a->origin->kind != WR_N_SESSION)) return false;
    const uint32_t *map;
    const wr_node *bare = wri_unwindow(c, a->in, a->origin, &map);
    return bare && map[col] != WR_NO_COL && map[col] == bare->time_col;
}

/* WITHIN GROUP (ORDER BY x): the argument of PERCENTILE_CONT. Lists are in order of event time anyway. */
static bool bind_within(wri_ctx *c, wri_binder *b, const wr_sort *o, const wri_agg *a, wri_call *k) {
    const wr_agg_def *def = k->call.def;
    if (!def->needs_time) {
        k->call.desc = o->desc;
        return bind_arg(c, b, o->expr, k);
    }
    wr_expr *e = wri_bind(b, o->expr);
    if (e == &wri_failed) return false;
    if (e->kind == WR_X_COL && orders_rows(c, a, e->col) && !o->desc) return true;
    wri_unsupported(c, o->expr->loc, "leave ORDER BY out: the order is that of event time",
                    "%s in another order than that of event time is not supported yet", def->name);
    return false;
}

/* Whether the last argument is the constant parameter and no data. */
static bool has_param(const wr_agg_def *def, const wr_ast *e) {
    uint32_t n = e->n_args;
    if (!def->takes_param || n == 0) return false;
    if (!def->needs_time) n += e->call->n_within;
    return n > def->max_args || (n > def->min_args && literal(e->args[e->n_args - 1]));
}

static bool bind_args(wri_ctx *c, wri_binder *b, const wr_ast *e, const wri_agg *a, wri_call *k) {
    const wr_call *syn = e->call;
    const wr_agg_def *def = k->call.def;
    if (syn->n_within > 1) {
        wri_unsupported(c, syn->within[1].expr->loc, "order by one expression",
                        "%s: ordering by more than one expression is not supported yet", def->name);
        return false;
    }
    uint32_t n = e->n_args;
    bool param = has_param(def, e);
    if (param && !bind_param(c, b, e->args[n - 1], k)) return false;
    bool ok = true;
    for (uint32_t i = 0; i < n - param; i++) ok = bind_arg(c, b, e->args[i], k) && ok;
    if (syn->n_within) ok = bind_within(c, b, &syn->within[0], a, k) && ok;
    if (!ok) return false;
    if (k->call.n_args < def->min_args && !k->call.star) {
        wri_error(c, e->loc, def->signature, "%s needs %u argument%s, %u given", def->name, def->min_args,
                  def->min_args == 1 ? "" : "s", k->call.n_args);
        return false;
    }
    return true;
}

/* COUNT(1) counts rows as COUNT(*) does. */
static void count_of_constant(wri_call *k) {
    wr_agg_call *call = &k->call;
    if (strcmp(call->def->name, "COUNT") != 0 || call->distinct || call->n_args != 1) return;
    const wr_expr *e = k->args[0];
    if (e->kind != WR_X_CONST || e->value.null) return;
    call->star = true;
    call->n_args = 0;
}

bool wri_bind_agg(wri_ctx *c, wri_binder *b, const wr_ast *e, wri_agg *a, uint32_t *idxp) {
    wri_call k = {.call = {.def = wri_agg_of(b, e), .loc = e->loc}};
    wr_agg_call *call = &k.call;
    call->filter = call->time = WR_NO_COL;
    call->param.null = true;
    call->distinct = e->call->distinct;
    call->star = e->call->star;
    call->ignore_nulls = e->call->ignore_nulls;
    if (call->star && strcmp(call->def->name, "COUNT") != 0) {
        wri_error(c, e->loc, call->def->signature, "%s(*): only COUNT can be asked of *", call->def->name);
        return false;
    }
    if (!bind_args(c, b, e, a, &k)) return false;
    count_of_constant(&k);
    if (e->call->filter) {
        k.filter = wri_bind_as(b, e->call->filter, wr_type_of(WR_T_BOOLEAN));
        if (k.filter == &wri_failed) return false;
        call->filter = 0; /* given; its column is known when the node is built */
    }
    for (uint32_t i = 0; i < a->n_calls; i++)
        if (same_call(&a->calls[i], &k)) {
            *idxp = i;
            return true;
        }
    wr_err err = {0};
    wr_status st = call->def->bind(call, &err);
    if (st != WR_OK) {
        if (st == WR_ENOMEM) c->oom = true;
        else
            wr_diag_add(c->d, WR_ERROR, st == WR_EUNSUPPORTED ? st : WR_ESQL, e->loc, call->def->signature,
                        "%s", err.msg);
        return false;
    }
    *idxp = a->n_calls;
    wri_call *slot = wri_new_last(c, &a->calls, &a->n_calls, &a->calls_cap, sizeof *slot);
    if (slot) *slot = k;
    return slot != NULL;
}

bool wri_add_call(wri_ctx *c, wri_agg *a, const char *name, wr_expr *arg) {
    wri_call k = {.call = {.def = wri_find_agg(c->reg, name),
                           .loc = a->loc,
                           .star = !arg,
                           .n_args = arg != NULL,
                           .filter = WR_NO_COL,
                           .time = WR_NO_COL,
                           .param = {.null = true}},
                  .args = {arg}};
    wr_err err = {.msg = "there is no such aggregate"};
    if (arg) k.call.arg_types[0] = arg->type;
    wr_status st = k.call.def ? k.call.def->bind(&k.call, &err) : WR_EUNSUPPORTED;
    if (st == WR_ENOMEM) c->oom = true;
    else if (st != WR_OK) wri_unsupported(c, a->loc, NULL, "%s: %s", name, err.msg);
    wri_call *slot =
        st == WR_OK ? wri_new_last(c, &a->calls, &a->n_calls, &a->calls_cap, sizeof *slot) : NULL;
    if (slot) *slot = k;
    return slot != NULL;
}

/* ---- the body of CREATE AGGREGATE FUNCTION ---- */

typedef struct body {
    wri_ctx *c;
    wri_agg agg;
    wri_binder args; /* of the aggregates in it */
} body;

static wr_expr *body_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    body *k = ctx;
    if (e->kind == WR_A_COLUMN) {
        if (wri_bind(&k->args, e) != &wri_failed)
            wri_error(k->c, e->loc, "for example MAX(x) - MIN(x)",
                      "the parameter '%s' stands outside of an aggregate", e->name.parts[0].text);
        return &wri_failed;
    }
    if (!wri_agg_of(b, e)) return wri_refuse(b, e, "a function");
    uint32_t idx;
    if (!wri_bind_agg(k->c, &k->args, e, &k->agg, &idx)) return &wri_failed;
    wr_expr *x = wri_new_col(k->c->ar, idx, k->agg.calls[idx].call.type, e->loc);
    if (!x) k->c->oom = true;
    return x ? x : &wri_failed;
}

wr_ast *wri_check_user_agg(wri_q *q, const wr_stmt *s, const wri_scope *params) {
    static const wri_cols none = {0};
    body k = {.c = q->c};
    wri_binder b;
    if (s->null_on_null) {
        wri_error(q->c, s->loc, "leave it out: aggregates pass over NULLs by themselves",
                  "RETURNS NULL ON NULL INPUT is not for aggregate functions with RETURN");
        return NULL;
    }
    wri_binder_scalar(q, &k.args, params, "an aggregate");
    wri_binder_init(q, &b, params);
    b.hook = body_hook;
    b.hook_ctx = &k;
    k.agg.in = wri_values_node(q->c, &none, NULL, 1, s->loc); /* for its lack of a time attribute */
    wr_ast *e = k.agg.in ? wri_expand_body(&b, s->body) : NULL;
    if (!e || wri_bind_as(&b, e, s->returns) == &wri_failed) return NULL;
    if (k.agg.n_calls) return e;
    wri_error(q->c, s->body->loc, "write CREATE FUNCTION, or use an aggregate such as MAX(x)",
              "this aggregate function holds no aggregate");
    return NULL;
}

/* ---- the projection below ---- */

typedef struct below { /* what the local phase reads */
    wri_ctx *c;
    wr_node *in;
    wri_cols cols;
    const uint32_t *map; /* columns of a->in in `in`, NULL: the same */
} below;

static bool reads_lost(void *ctx, uint32_t col) { return ((const uint32_t *)ctx)[col] == WR_NO_COL; }

/* Column for e, which is over a->in; WR_NO_COL on OOM. */
static uint32_t below_col(below *p, wr_expr *e, const char *name) {
    wri_ctx *c = p->c;
    if (p->map) e = wri_expr_remap(c->ar, e, p->map);
    if (!e) {
        c->oom = true;
        return WR_NO_COL;
    }
    for (uint32_t i = 0; i < p->cols.n; i++)
        if (wri_expr_equal(p->cols.exprs[i], e)) return i;
    if (!name)
        name = e->kind == WR_X_COL ? p->in->out.fields[e->col].name : wri_text(c, "$%u", p->cols.n + 1);
    return wri_cols_add(c, &p->cols, e, name) ? p->cols.n - 1 : WR_NO_COL;
}

/* Whether everything can be said without the window's columns. */
static bool all_mapped(const wri_agg *a, const uint32_t *map) {
    void *ctx = (void *)(uintptr_t)map;
    for (uint32_t i = 0; i < a->n_keys; i++)
        if (wri_reads(a->keys[i], reads_lost, ctx)) return false;
    for (uint32_t i = 0; i < a->n_calls; i++) {
        const wri_call *k = &a->calls[i];
        if (k->filter && wri_reads(k->filter, reads_lost, ctx)) return false;
        for (uint32_t j = 0; j < k->call.n_args; j++)
            if (wri_reads(k->args[j], reads_lost, ctx)) return false;
    }
    return true;
}

/* Chooses between assigning windows in the aggregate and reading them from columns. */
static bool choose_window(wri_ctx *c, wri_agg *a, below *p) {
    p->c = c;
    p->in = a->in;
    bool session = a->origin && a->origin->kind == WR_N_SESSION && wri_session_fuses(a);
    if (!session && (!a->origin || a->origin->kind != WR_N_WINDOW)) return true;
    const uint32_t *map;
    wr_node *bare = wri_unwindow(c, a->in, a->origin, &map);
    if (!bare) return !c->oom;
    if (!all_mapped(a, map)) return true;
    a->win = session ? a->origin->session.win : a->origin->window.win;
    a->win.time_col = bare->time_col;
    p->in = bare;
    p->map = map;
    return true;
}

/* Makes the PROJECT and turns a's expressions into columns of it: keys, calls, window. */
static wr_node *project_below(wri_ctx *c, wri_agg *a, below *p, uint32_t *keys) {
    for (uint32_t i = 0; i < a->n_keys; i++) keys[i] = below_col(p, a->keys[i], a->key_names[i]);
    bool needs_time = a->win.kind != WR_W_NONE && a->win.kind != WR_W_ATTACHED;
    for (uint32_t i = 0; i < a->n_calls; i++) {
        wri_call *k = &a->calls[i];
        for (uint32_t j = 0; j < k->call.n_args; j++) k->call.args[j] = below_col(p, k->args[j], NULL);
        if (k->filter) k->call.filter = below_col(p, k->filter, NULL);
        needs_time = needs_time || k->call.def->needs_time;
    }
    if (a->win.kind == WR_W_ATTACHED) {
        wr_expr *s = wri_col_of(c, a->in, a->win.start_col, a->loc);
        wr_expr *e = wri_col_of(c, a->in, a->win.end_col, a->loc);
        if (!s || !e) return NULL;
        a->win.start_col = below_col(p, s, NULL);
        a->win.end_col = below_col(p, e, NULL);
    }
    if (c->oom) return NULL;
    wr_node *n = wri_project_node(c, p->in, &p->cols, p->cols.n, a->loc); /* brings the time column */
    if (!n) return NULL;
    a->win.time_col = a->win.kind == WR_W_NONE ? WR_NO_COL : n->time_col;
    for (uint32_t i = 0; i < a->n_calls; i++)
        if (a->calls[i].call.def->needs_time) a->calls[i].call.time = n->time_col;
    return n;
}

/* ---- the two phases ---- */

wr_type wri_border_type(const wri_agg *a, const wr_node *rows) {
    wr_type t = wr_type_of(WR_T_TIMESTAMP);
    uint32_t col = a->win.kind == WR_W_ATTACHED ? a->win.end_col : a->win.time_col;
    if (col != WR_NO_COL) t.local_tz = rows->out.fields[col].type.local_tz;
    t.prec = a->win.tick_us == 1 ? 6 : 3;
    t.not_null = true;
    return t;
}

static bool fill_agg(wri_ctx *c, wr_node *n, const wri_agg *a, uint32_t n_keys) {
    n->agg.win = a->win;
    n->agg.n_keys = n_keys;
    n->agg.n_calls = a->n_calls;
    n->agg.keys = wri_new_n(c, n_keys, sizeof(uint32_t));
    n->agg.calls = wri_new_n(c, a->n_calls, sizeof *n->agg.calls);
    if (!n->agg.keys || !n->agg.calls) return false;
    for (uint32_t i = 0; i < a->n_calls; i++) n->agg.calls[i] = a->calls[i].call;
    n->agg.each_batch = a->each_batch;
    n->agg.every_us = a->every_us;
    n->agg.lateness_us = a->lateness_us;
    return true;
}

/* ---- results that change ---- */

static bool is_updating(const wri_agg *a) { return a->each_batch || a->every_us > 0 || a->lateness_us > 0; }
/* There is no window to wait for, or no one to wait for it. */
static bool takes_deltas(const wri_agg *a, const wr_node *rows) {
    return a->win.kind == WR_W_NONE && (a->each_batch || rows->updating);
}

/* The call as one that keeps every value, where that lets it give up rows. */
static bool keeps_values(wr_agg_call *k) {
    wr_agg_call all = *k;
    all.multiset = true;
    wr_err err = {0};
    if (k->def->bind(&all, &err) != WR_OK || !all.retracts) return false;
    *k = all;
    return true;
}

/* Every call can give up rows, exactly. */
static bool can_take_back(wri_ctx *c, const wri_agg *a, const wr_node *rows) {
    for (uint32_t i = 0; i < a->n_calls; i++) {
        wr_agg_call *k = &a->calls[i].call;
        if (k->retracts || keeps_values(k)) continue;
        bool summed = k->n_args == 1 && !k->distinct && wr_type_phys(k->arg_types[0]) == WR_F64;
        wri_unsupported(c, k->loc,
                        summed
                            ? "sum a CAST(… AS DECIMAL(18, 6)): rounded numbers cannot be taken out exactly"
                            : "COUNT, SUM and AVG of integers or decimals can, MIN, MAX and COUNT(DISTINCT "
                              "…) of numbers and times",
                        "%s%s cannot read an updating input (%s): it cannot take rows back", k->def->name,
                        k->distinct ? "(DISTINCT …)" : "", wri_changes_of(c, rows));
        return false;
    }
    return true;
}

static wr_field *add_partials(wri_ctx *c, const wri_agg *a, const char *name, wr_field *f) {
    for (uint32_t i = 0; i < a->n_calls; i++)
        for (uint32_t j = 0; j < a->calls[i].call.n_partials; j++)
            *f++ =
                (wr_field){.name = wri_text(c, "%s%u_%u", name, i, j), .type = a->calls[i].call.partials[j]};
    return f;
}

static bool describe_changes(wri_ctx *c, const wri_agg *a, wr_node *n, const wr_node *rows) {
    n->agg.takes_back = rows->updating;
    n->agg.ttl_us = a->win.kind == WR_W_NONE && a->each_batch ? c->settings->state_ttl_us : 0;
    n->updating = n->keyed = false;
    /* The first sight of a key is all that SELECT DISTINCT of new rows has to tell. */
    if (!is_updating(a) || (a->n_calls == 0 && !rows->updating)) return true;
    uint32_t base = wri_agg_base(a), to = 0, *key = wri_new_n(c, 2 + n->agg.n_keys, sizeof *key);
    if (!key) return false;
    if (a->win.kind == WR_W_ATTACHED) key[to++] = 0;
    if (base) key[to++] = 1; /* the end of a window says where it begins */
    for (uint32_t i = 0; i < n->agg.n_keys; i++) key[to++] = base + i;
    return wri_makes_changes(c, n, a->what, key, to);
}

/* "AVG(latency_ms)": names the call's column for EXPLAIN and messages. */
const char *wri_call_name(wri_ctx *c, const wr_agg_call *k, const wr_node *rows) {
    const char *args = k->star ? "*" : "";
    for (uint32_t i = 0; i < k->n_args; i++)
        args = wri_text(c, "%s%s%s", args ? args : "", i ? ", " : "", rows->out.fields[k->args[i]].name);
    return wri_text(c, "%s(%s%s)", k->def->name, k->distinct ? "DISTINCT " : "", args ? args : "");
}

static wr_node *local_phase(wri_ctx *c, const wri_agg *a, wr_node *rows, const uint32_t *keys,
                            uint32_t n_keys) {
    uint32_t base = a->win.kind == WR_W_ATTACHED ? 2 : 1, n_partials = 0;
    bool deltas = takes_deltas(a, rows), back = deltas && rows->updating;
    for (uint32_t i = 0; i < a->n_calls; i++) n_partials += a->calls[i].call.n_partials;
    uint32_t w = base + n_keys + (back ? 2 * (n_partials + 1) : n_partials);
    wr_node *n = wri_node_new(c, deltas ? WR_N_AGG_DELTA : WR_N_AGG_LOCAL, a->loc, 1, &rows, w);
    if (!n || !fill_agg(c, n, a, n_keys)) return NULL;
    n->agg.takes_back = back;
    wr_type t = wri_border_type(a, rows);
    n->out.fields[0] = (wr_field){.name = "slice", .type = t};
    if (base == 2) n->out.fields[1] = (wr_field){.name = "window_start", .type = t};
    for (uint32_t i = 0; i < n_keys; i++) {
        n->agg.keys[i] = keys[i];
        n->out.fields[base + i] = rows->out.fields[keys[i]];
    }
    wr_field *f = add_partials(c, a, "partial", &n->out.fields[base + n_keys]);
    if (back) {
        *f++ = (wr_field){.name = "rows", .type = wr_type_of(WR_T_BIGINT)};
        f = add_partials(c, a, "back", f);
        *f = (wr_field){.name = "rows_back", .type = wr_type_of(WR_T_BIGINT)};
    }
    if (a->win.kind != WR_W_NONE && !wri_takes_late(c, n)) return NULL;
    return c->oom ? NULL : n;
}

static wr_node *global_phase(wri_ctx *c, const wri_agg *a, wr_node *rows, wr_node *in, uint32_t n_keys) {
    uint32_t base = wri_agg_base(a), first = a->win.kind == WR_W_ATTACHED ? 2 : 1;
    bool changes = is_updating(a) || takes_deltas(a, rows);
    wr_node *n = wri_node_new(c, changes ? WR_N_AGG_CHANGES : WR_N_AGG_GLOBAL, a->loc, 1, &in,
                              base + n_keys + a->n_calls);
    if (!n || !fill_agg(c, n, a, n_keys)) return NULL;
    static const char *const names[] = {"window_start", "window_end", "window_time"};
    wr_type t = wri_border_type(a, rows);
    for (uint32_t i = 0; i < base; i++) {
        n->out.fields[i] = (wr_field){.name = names[i], .type = t};
        wri_x(n)->props[i] = (wri_prop){.role = WRI_ROLE_START + i, .origin = n};
    }
    if (base) n->time_col = a->end_is_time ? 1 : 2;
    for (uint32_t i = 0; i < n_keys; i++) {
        n->agg.keys[i] = first + i;
        n->out.fields[base + i] = in->out.fields[first + i];
    }
    for (uint32_t i = 0; i < a->n_calls; i++)
        n->out.fields[base + n_keys + i] =
            (wr_field){.name = wri_call_name(c, &a->calls[i].call, rows), .type = a->calls[i].call.type};
    if (changes && !describe_changes(c, a, n, rows)) return NULL;
    return c->oom ? NULL : n;
}

static wr_node *phases(wri_ctx *c, const wri_agg *a, wr_node *rows, const uint32_t *keys, uint32_t n_keys) {
    if (a->win.kind == WR_W_SESSION || a->win.kind == WR_W_STAGGER)
        return wri_session_agg(c, a, rows, keys, n_keys);
    if (takes_deltas(a, rows) && rows->updating && !can_take_back(c, a, rows)) return NULL;
    wr_node *l = local_phase(c, a, rows, keys, n_keys);
    uint32_t *ex_keys = wri_new_n(c, n_keys, sizeof *ex_keys);
    if (!l || !ex_keys) return NULL;
    for (uint32_t i = 0; i < n_keys; i++) ex_keys[i] = (a->win.kind == WR_W_ATTACHED ? 2 : 1) + i;
    wr_node *x = wri_exchange_node(c, l, n_keys ? WR_EX_HASH : WR_EX_GATHER, ex_keys, n_keys, a->loc);
    return x ? global_phase(c, a, rows, x, n_keys) : NULL;
}

/* ---- grouping sets ---- */

/* The result of one set in the columns that all sets share. */
static wr_node *set_columns(wri_ctx *c, const wri_agg *a, wr_node *g, uint64_t set,
                            const char *const *names) {
    wri_cols cols = {0};
    uint32_t base = wri_agg_base(a), at = base;
    for (uint32_t i = 0; i < base; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, g, i, a->loc), g->out.fields[i].name)) return NULL;
    for (uint32_t i = 0; i < a->n_keys; i++) {
        wr_type t = a->keys[i]->type;
        t.not_null = false;
        wr_expr *e = set >> i & 1 ? wri_col_of(c, g, at++, a->loc)
                                  : wri_new_const(c->ar, (wr_value){.null = true}, t, a->loc);
        if (!wri_cols_add(c, &cols, e, names[i])) return NULL;
    }
    for (uint32_t i = 0; i < a->n_keys; i++) {
        wr_value v = {.i64 = !(set >> i & 1)};
        wr_expr *e = wri_new_const(c->ar, v, wr_type_of(WR_T_BIGINT), a->loc);
        if (!wri_cols_add(c, &cols, e, wri_text(c, "GROUPING(%s)", names[i]))) return NULL;
    }
    for (uint32_t i = 0; i < a->n_calls; i++, at++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, g, at, a->loc), g->out.fields[at].name)) return NULL;
    return wri_project_node(c, g, &cols, cols.n, a->loc);
}

static wr_node *all_sets(wri_ctx *c, const wri_agg *a, wr_node *rows, const uint32_t *keys) {
    wr_node **ins = wri_new_n(c, a->n_sets, sizeof *ins);
    uint32_t *some = wri_new_n(c, a->n_keys, sizeof *some);
    const char **names = wri_new_n(c, a->n_keys, sizeof *names);
    if (!ins || !some || !names) return NULL;
    for (uint32_t i = 0; i < a->n_keys; i++) names[i] = rows->out.fields[keys[i]].name;
    for (uint32_t s = 0; s < a->n_sets; s++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < a->n_keys; i++)
            if (a->sets[s] >> i & 1) some[n++] = keys[i];
        wr_node *g = phases(c, a, rows, some, n);
        ins[s] = g ? set_columns(c, a, g, a->sets[s], names) : NULL;
        if (!ins[s]) return NULL;
    }
    return wri_union_node(c, ins, a->n_sets, a->loc);
}

wr_node *wri_build_agg(wri_ctx *c, wri_agg *a) {
    below p = {0};
    uint32_t *keys = wri_new_n(c, a->n_keys, sizeof *keys);
    if (!keys || !choose_window(c, a, &p) || (is_updating(a) && !wri_session_emits(c, a))) return NULL;
    wr_node *rows = project_below(c, a, &p, keys);
    if (!rows) return NULL;
    if (a->n_sets > 1) return all_sets(c, a, rows, keys);
    return phases(c, a, rows, keys, a->n_keys);
}
