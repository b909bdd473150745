/* planner/build.c -- makes nodes.
 *
 * A node made here knows its columns, which of them are hidden, where its event time is, which columns
 * are borders of windows, and where its rows go when they are late. Those properties follow from the
 * inputs, so that no caller has to keep them up. Nodes refer to all columns of their inputs; prune.c
 * takes away what nobody reads. */
#include <stdio.h>

#include "plan_int.h"

void *wri_new(wri_ctx *c, size_t bytes) {
    void *p = wr_arena_calloc(c->ar, bytes ? bytes : 1);
    if (!p) c->oom = true;
    return p;
}

void *wri_new_n(wri_ctx *c, size_t n, size_t size) {
    if (size && n > SIZE_MAX / size) {
        c->oom = true;
        return NULL;
    }
    return wri_new(c, n * size);
}

const char *wri_text(wri_ctx *c, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = n < 0 ? NULL : wri_new(c, (size_t)n + 1);
    if (s) vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void *wri_new_last(wri_ctx *c, void *itemsp, uint32_t *np, uint32_t *capp, size_t size) {
    void *items;
    memcpy(&items, itemsp, sizeof items);
    if (*np == *capp) {
        uint32_t cap = *capp ? *capp * 2 : 8;
        void *more = cap > *capp ? wri_new_n(c, cap, size) : NULL;
        if (!more) {
            c->oom = true;
            return NULL;
        }
        if (*np) memcpy(more, items, *np * size);
        items = more;
        memcpy(itemsp, &items, sizeof items);
        *capp = cap;
    }
    return (char *)items + (size_t)(*np)++ * size;
}

bool wri_cols_add(wri_ctx *c, wri_cols *cols, wr_expr *e, const char *name) {
    if (!e) {
        c->oom = true;
        return false;
    }
    if (cols->n == cols->cap) {
        uint32_t cap = cols->cap ? cols->cap * 2 : 8;
        wr_expr **exprs = wri_new_n(c, cap, sizeof *exprs);
        const char **names = wri_new_n(c, cap, sizeof *names);
        if (!exprs || !names) return false;
        if (cols->n) {
            memcpy(exprs, cols->exprs, cols->n * sizeof *exprs);
            memcpy(names, cols->names, cols->n * sizeof *names);
        }
        cols->exprs = exprs;
        cols->names = names;
        cols->cap = cap;
    }
    cols->exprs[cols->n] = e;
    cols->names[cols->n] =
        name ? name : wri_text(c, "$%u", cols->n + 1); /* a name of no column is never asked for */
    cols->n++;
    return true;
}

wr_expr *wri_col_of(wri_ctx *c, const wr_node *n, uint32_t col, wr_loc loc) {
    wr_expr *e = wri_new_col(c->ar, col, n->out.fields[col].type, loc);
    if (!e) c->oom = true;
    return e;
}

uint32_t wri_width(const wr_node *n) { return n->kind == WR_N_SOURCE ? n->source.n_visible : n->out.n; }

wr_node *wri_node_new(wri_ctx *c, wr_node_kind kind, wr_loc loc, uint32_t n_in, wr_node *const *in,
                      uint32_t n_out) {
    wri_xnode *x = wri_new(c, sizeof *x);
    if (!x) return NULL;
    wr_node *n = &x->n;
    n->kind = kind;
    n->loc = loc;
    n->n_in = n_in;
    n->time_col = WR_NO_COL;
    n->bounded = true;
    n->in = wri_new_n(c, n_in, sizeof *n->in);
    n->out.n = n_out;
    n->out.fields = wri_new_n(c, n_out, sizeof *n->out.fields);
    x->props = wri_new_n(c, n_out, sizeof *x->props);
    x->n_vis = n_out;
    if (!n->in || !n->out.fields || !x->props) return NULL;
    for (uint32_t i = 0; i < n_in; i++) {
        n->in[i] = in[i];
        n->bounded = n->bounded && in[i]->bounded;
        if (!in[i]->updating) continue;
        n->updating = true;
        if (!x->changes_by) x->changes_by = wri_x(in[i])->changes_by;
    }
    return n;
}

bool wri_takes_late(wri_ctx *c, wr_node *n) {
    n->late = wri_new_n(c, n->n_in, sizeof *n->late);
    if (!n->late) return false;
    for (uint32_t k = 0; k < n->n_in; k++) {
        const wri_xnode *in = wri_x(n->in[k]);
        n->late[k] = (wr_late){.to = in->late, .cols = in->late_cols};
    }
    return true;
}

/* A node with the columns of its only input. */
static wr_node *like_input(wri_ctx *c, wr_node_kind kind, wr_node *in, wr_loc loc) {
    wr_node *n = wri_node_new(c, kind, loc, 1, &in, in->out.n);
    if (!n) return NULL;
    wri_xnode *x = wri_x(n), *xi = wri_x(in);
    for (uint32_t i = 0; i < in->out.n; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
    }
    n->time_col = in->time_col;
    x->n_vis = xi->n_vis;
    x->rows = xi->rows;
    x->n_rows = xi->n_rows;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return wri_keep_keys(c, n) ? n : NULL;
}

wr_node *wri_filter_node(wri_ctx *c, wr_node *in, wr_expr *pred, wr_loc loc) {
    wr_node *n = like_input(c, WR_N_FILTER, in, loc);
    if (!n) return NULL;
    n->filter.pred = pred;
    n->filter.keep = wri_new_n(c, in->out.n, sizeof(uint32_t));
    if (!n->filter.keep) return NULL;
    for (uint32_t i = 0; i < in->out.n; i++) n->filter.keep[i] = i;
    wri_filter_key(n);
    return n;
}

/* ---- projection ---- */

static uint32_t find_bare(const wri_cols *cols, uint32_t col) {
    for (uint32_t i = 0; i < cols->n; i++)
        if (cols->exprs[i]->kind == WR_X_COL && cols->exprs[i]->col == col) return i;
    return WR_NO_COL;
}

/* Where column col of in is among cols; appended when it is not there. WR_NO_COL on OOM. */
static uint32_t carry(wri_ctx *c, const wr_node *in, wri_cols *cols, uint32_t col, wr_loc loc) {
    uint32_t at = find_bare(cols, col);
    if (at != WR_NO_COL) return at;
    if (!wri_cols_add(c, cols, wri_col_of(c, in, col, loc), in->out.fields[col].name)) return WR_NO_COL;
    return cols->n - 1;
}

static wr_node *project_raw(wri_ctx *c, wr_node *in, const wri_cols *cols, uint32_t n_vis, wr_loc loc) {
    wr_node *n = wri_node_new(c, WR_N_PROJECT, loc, 1, &in, cols->n);
    if (!n) return NULL;
    wri_xnode *x = wri_x(n);
    x->n_vis = n_vis;
    n->project.exprs = wri_new_n(c, cols->n, sizeof *n->project.exprs);
    if (!n->project.exprs) return NULL;
    for (uint32_t i = 0; i < cols->n; i++) {
        wr_expr *e = cols->exprs[i];
        n->project.exprs[i] = e;
        n->out.fields[i] = (wr_field){.name = cols->names[i], .type = e->type};
        if (e->kind == WR_X_COL) x->props[i] = wri_x(in)->props[e->col];
    }
    return wri_project_key(c, n, n->project.exprs) ? n : NULL;
}

wr_node *wri_project_node(wri_ctx *c, wr_node *in, const wri_cols *cols, uint32_t n_vis, wr_loc loc) {
    wri_cols all = {0};
    for (uint32_t i = 0; i < cols->n; i++)
        if (!wri_cols_add(c, &all, cols->exprs[i], cols->names[i])) return NULL;
    uint32_t time = WR_NO_COL;
    if (in->time_col != WR_NO_COL) time = carry(c, in, &all, in->time_col, loc);
    wr_node *late = wri_x(in)->late;
    uint32_t *late_cols = NULL;
    if (late) {
        late_cols = wri_new_n(c, late->out.n, sizeof *late_cols);
        if (!late_cols) return NULL;
        for (uint32_t i = 0; i < late->out.n; i++) {
            uint32_t from = wri_x(in)->late_cols[i];
            late_cols[i] = from == WR_NO_COL ? WR_NO_COL : carry(c, in, &all, from, loc);
        }
    }
    if (c->oom) return NULL;
    wr_node *n = project_raw(c, in, &all, n_vis, loc);
    if (!n) return NULL;
    n->time_col = time;
    wri_x(n)->late = late;
    wri_x(n)->late_cols = late_cols;
    return n;
}

wr_node *wri_with_time(wri_ctx *c, wr_node *in, uint32_t col) {
    if (col == in->time_col) return in;
    wri_cols cols = {0};
    for (uint32_t i = 0; i < in->out.n; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, in, i, in->loc), in->out.fields[i].name)) return NULL;
    wr_node *n = wri_project_node(c, in, &cols, wri_x(in)->n_vis, in->loc);
    if (n) n->time_col = col;
    return n;
}

/* ---- windows ---- */

wr_node *wri_window_node(wri_ctx *c, wr_node *in, const wr_win *win, wr_loc loc) {
    wri_xnode *xi = wri_x(in);
    wr_node *n = wri_node_new(c, WR_N_WINDOW, loc, 1, &in, in->out.n + 3);
    if (!n) return NULL;
    wri_xnode *x = wri_x(n);
    uint32_t w = in->out.n;
    for (uint32_t i = 0; i < w; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
    }
    x->props[win->time_col].was_time = true;
    wr_type t = in->out.fields[win->time_col].type;
    t.prec = win->tick_us == 1 ? 6 : 3;
    t.not_null = true;
    static const char *const names[] = {"window_start", "window_end", "window_time"};
    for (uint32_t i = 0; i < 3; i++) {
        n->out.fields[w + i] = (wr_field){.name = names[i], .type = t};
        x->props[w + i] = (wri_prop){.role = WRI_ROLE_START + i, .origin = n};
    }
    n->window.win = *win;
    n->time_col = w + 2;
    x->rows = xi->rows;
    x->n_rows = xi->n_rows;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return n;
}

/* ---- union ---- */

/* Keeps window borders of columns on which all inputs agree, when start and end are of one window. */
static void union_props(wr_node *u) {
    wri_xnode *x = wri_x(u);
    uint32_t start = WR_NO_COL, end = WR_NO_COL;
    for (uint32_t i = 0; i < u->out.n; i++) {
        wri_role role = wri_x(u->in[0])->props[i].role;
        for (uint32_t k = 1; k < u->n_in; k++)
            if (wri_x(u->in[k])->props[i].role != role) role = WRI_ROLE_NONE;
        if (role == WRI_ROLE_START && start == WR_NO_COL) start = i;
        else if (role == WRI_ROLE_END && end == WR_NO_COL) end = i;
        else if (role != WRI_ROLE_TIME) role = WRI_ROLE_NONE;
        bool rises = true;
        for (uint32_t k = 0; k < u->n_in; k++) rises = rises && wri_is_time(u->in[k], i);
        x->props[i] = (wri_prop){.role = role, .origin = u, .rises = rises};
    }
    bool paired = start != WR_NO_COL && end != WR_NO_COL;
    for (uint32_t k = 0; paired && k < u->n_in; k++)
        paired = wri_x(u->in[k])->props[start].origin == wri_x(u->in[k])->props[end].origin;
    for (uint32_t i = 0; !paired && i < u->out.n; i++) x->props[i] = (wri_prop){.rises = x->props[i].rises};
}

/* The input with its visible columns, then its time (when hidden is set), then its late columns. */
static wr_node *union_input(wri_ctx *c, wr_node *in, bool hidden_time, const wr_node *late, wr_loc loc) {
    wri_cols cols = {0};
    uint32_t n_vis = wri_x(in)->n_vis;
    for (uint32_t i = 0; i < n_vis; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, in, i, loc), in->out.fields[i].name)) return NULL;
    if (hidden_time) {
        wr_expr *t = wri_col_of(c, in, in->time_col, loc);
        if (!wri_cols_add(c, &cols, t, "ROWTIME")) return NULL;
    }
    for (uint32_t i = 0; late && i < late->out.n; i++) {
        uint32_t from = wri_x(in)->late_cols[i];
        if (from == WR_NO_COL) from = 0; /* a place holder, never read */
        if (!wri_cols_add(c, &cols, wri_col_of(c, in, from, loc), late->out.fields[i].name)) return NULL;
    }
    wr_node *n = project_raw(c, in, &cols, n_vis, loc);
    if (n && hidden_time) n->time_col = n_vis;
    else if (n && in->time_col < n_vis) n->time_col = in->time_col;
    return n;
}

/* Where the union's late columns are: behind its own, unless an input lacks them. */
static bool union_late(wri_ctx *c, wr_node *u, wr_node *const *ins, wr_node *late, uint32_t first) {
    uint32_t *cols = wri_new_n(c, late->out.n, sizeof *cols);
    if (!cols) return false;
    for (uint32_t i = 0; i < late->out.n; i++) {
        cols[i] = first + i;
        for (uint32_t k = 0; k < u->n_in; k++)
            if (wri_x(ins[k])->late_cols[i] == WR_NO_COL) cols[i] = WR_NO_COL;
    }
    wri_x(u)->late = late;
    wri_x(u)->late_cols = cols;
    return true;
}

wr_node *wri_union_node(wri_ctx *c, wr_node *const *ins, uint32_t n, wr_loc loc) {
    if (n == 1) return ins[0];
    uint32_t n_vis = wri_x(ins[0])->n_vis;
    bool timed = true, visible = true;
    wr_node *late = wri_x(ins[0])->late;
    for (uint32_t i = 0; i < n; i++) {
        timed = timed && ins[i]->time_col != WR_NO_COL;
        visible = visible && ins[i]->time_col == ins[0]->time_col && ins[i]->time_col < n_vis;
        if (wri_x(ins[i])->late != late) late = NULL;
    }
    wr_node **in = wri_new_n(c, n, sizeof *in);
    if (!in) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        in[i] = union_input(c, ins[i], timed && !visible, late, loc);
        if (!in[i]) return NULL;
    }
    wr_node *u = wri_node_new(c, WR_N_UNION, loc, n, in, in[0]->out.n);
    if (!u) return NULL;
    for (uint32_t i = 0; i < u->out.n; i++) {
        u->out.fields[i] = in[0]->out.fields[i];
        for (uint32_t k = 1; k < n; k++)
            if (!in[k]->out.fields[i].type.not_null) u->out.fields[i].type.not_null = false;
    }
    wri_x(u)->n_vis = n_vis;
    if (timed) u->time_col = visible ? ins[0]->time_col : n_vis;
    union_props(u);
    if (late && !union_late(c, u, ins, late, n_vis + (timed && !visible))) return NULL;
    return u;
}

/* ---- the rest ---- */

wr_node *wri_exchange_node(wri_ctx *c, wr_node *in, wr_exchange_mode mode, const uint32_t *keys,
                           uint32_t n_keys, wr_loc loc) {
    wr_node *n = like_input(c, WR_N_EXCHANGE, in, loc);
    if (!n) return NULL;
    n->exchange.mode = mode;
    n->exchange.n_keys = n_keys;
    n->exchange.keys = wri_new_n(c, n_keys, sizeof(uint32_t));
    if (!n->exchange.keys) return NULL;
    if (n_keys) memcpy(n->exchange.keys, keys, n_keys * sizeof *keys);
    return n;
}

static wr_node *sort_node(wri_ctx *c, wr_node_kind kind, wr_node *in, const wr_sort_key *keys,
                          uint32_t n_keys, wr_loc loc) {
    in = wri_exchange_node(c, in, WR_EX_GATHER, NULL, 0, loc);
    wr_node *n = in ? like_input(c, kind, in, loc) : NULL;
    if (!n) return NULL;
    n->sort.n_keys = n_keys;
    n->sort.limit = -1;
    n->sort.keys = wri_new_n(c, n_keys, sizeof *keys);
    if (!n->sort.keys) return NULL;
    if (n_keys) memcpy(n->sort.keys, keys, n_keys * sizeof *keys);
    return n;
}

wr_node *wri_sort_node(wri_ctx *c, wr_node *in, const wr_sort_key *keys, uint32_t n_keys, int64_t limit,
                       int64_t offset, wr_loc loc) {
    wr_node *n = sort_node(c, n_keys ? WR_N_SORT : WR_N_LIMIT, in, keys, n_keys, loc);
    if (!n) return NULL;
    n->sort.limit = limit;
    n->sort.offset = offset;
    return n;
}

wr_node *wri_sort_time_node(wri_ctx *c, wr_node *in, const wr_sort_key *keys, uint32_t n_keys, int64_t lag_us,
                            int64_t holds_us, wr_loc loc) {
    wr_node *n = sort_node(c, WR_N_SORT_TIME, in, keys, n_keys, loc);
    if (!n) return NULL;
    n->sort.lag_us = lag_us;
    n->sort.holds_us = holds_us;
    return wri_takes_late(c, n) ? n : NULL;
}

wr_node *wri_sink_node(wri_ctx *c, wr_node *in, const wr_plan_stream *stream, const char *label, wr_loc loc) {
    wri_cols cols = {0};
    for (uint32_t i = 0; i < wri_x(in)->n_vis; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, in, i, loc), in->out.fields[i].name)) return NULL;
    in = project_raw(c, in, &cols, cols.n, loc);
    wr_node *n = in ? like_input(c, WR_N_SINK, in, loc) : NULL;
    if (!n) return NULL;
    n->sink.stream = stream;
    n->sink.label = label;
    wr_node **slot = wri_new_last(c, &c->sinks, &c->n_sinks, &c->sinks_cap, sizeof *slot);
    if (!slot) return NULL;
    *slot = n;
    return n;
}

wr_node *wri_values_node(wri_ctx *c, const wri_cols *cols, wr_value *rows, uint32_t n_rows, wr_loc loc) {
    wr_node *n = wri_node_new(c, WR_N_VALUES, loc, 0, NULL, cols->n);
    if (!n) return NULL;
    for (uint32_t i = 0; i < cols->n; i++)
        n->out.fields[i] = (wr_field){.name = cols->names[i], .type = cols->exprs[i]->type};
    n->values.rows = rows;
    n->values.n_rows = n_rows;
    return n;
}

/* ---- expressions ---- */

wr_expr *wri_subst(wri_ctx *c, const wr_expr *e, wr_expr *const *repl) {
    if (e->kind == WR_X_COL) return repl[e->col];
    wr_expr *n = wri_new(c, sizeof *n);
    if (!n) return NULL;
    *n = *e;
    if (e->n_args == 0) return n;
    n->args = wri_new_n(c, e->n_args, sizeof *n->args);
    if (!n->args) return NULL;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!(n->args[i] = wri_subst(c, e->args[i], repl))) return NULL;
    return n;
}

bool wri_reads(const wr_expr *e, bool (*is)(void *ctx, uint32_t col), void *ctx) {
    if (e->kind == WR_X_COL) return is(ctx, e->col);
    for (uint32_t i = 0; i < e->n_args; i++)
        if (wri_reads(e->args[i], is, ctx)) return true;
    return false;
}

static bool this_column(void *ctx, uint32_t col) { return *(const uint32_t *)ctx == col; }
bool wri_reads_col(const wr_expr *e, uint32_t col) { return wri_reads(e, this_column, &col); }

uint32_t wri_expr_size(const wr_expr *e, const uint32_t *sizes, uint32_t max) {
    if (e->kind == WR_X_COL) return sizes ? sizes[e->col] : 1;
    uint32_t n = 1;
    for (uint32_t i = 0; i < e->n_args && n <= max; i++) n += wri_expr_size(e->args[i], sizes, max);
    return n <= max ? n : max + 1;
}

bool wri_is_deterministic(const wr_expr *e) {
    if (e->kind == WR_X_FUNC && e->func->nondeterministic) return false;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!wri_is_deterministic(e->args[i])) return false;
    return true;
}

bool wri_cannot_fail(const wr_expr *e) {
    if (e->kind == WR_X_FUNC) return false;
    if (e->kind == WR_X_OP) switch (e->op) {
        case WR_OP_EQ:
        case WR_OP_NE:
        case WR_OP_LT:
        case WR_OP_LE:
        case WR_OP_GT:
        case WR_OP_GE:
        case WR_OP_IS_DISTINCT:
        case WR_OP_IS_NOT_DISTINCT:
        case WR_OP_AND:
        case WR_OP_OR:
        case WR_OP_NOT:
        case WR_OP_IS_NULL:
        case WR_OP_IS_NOT_NULL:
        case WR_OP_IS_TRUE:
        case WR_OP_IS_NOT_TRUE:
        case WR_OP_IS_FALSE:
        case WR_OP_IS_NOT_FALSE:
        case WR_OP_CASE:
        case WR_OP_COALESCE:
        case WR_OP_IN:
            break;
        default:
            return false;
        }
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!wri_cannot_fail(e->args[i])) return false;
    return true;
}

static bool any_column(void *ctx, uint32_t col) {
    (void)ctx;
    (void)col;
    return true;
}

wr_expr *wri_fold(wri_binder *b, wr_expr *e) {
    if (e == &wri_failed || e->kind == WR_X_CONST || !b->reg->fold) return e;
    if (!wri_is_deterministic(e) || wri_reads(e, any_column, NULL)) return e;
    wr_value v;
    if (b->reg->fold(e, b->ar, &v, NULL) != WR_OK) return e; /* it fails when it runs, and says so then */
    wr_expr *k = wri_new_const(b->ar, v, e->type, e->loc);
    return k ? k : e;
}

bool wri_types_same(wr_type a, wr_type b) {
    return a.kind == b.kind && a.scale == b.scale && a.prec == b.prec && a.local_tz == b.local_tz;
}

/* No value changes when a column of type a is called b. */
static bool renames(wr_type a, wr_type b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case WR_T_VARCHAR:
    case WR_T_VARBINARY:
        return b.prec == 0 || (a.prec != 0 && a.prec <= b.prec);
    case WR_T_TIME:
        return a.prec <= b.prec;
    case WR_T_TIMESTAMP:
        return a.prec <= b.prec && a.local_tz == b.local_tz;
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        return true;
    default:
        return a.scale == b.scale && a.prec == b.prec;
    }
}

wr_expr *wri_assign(wri_binder *b, wr_expr *e, wr_type to, const char *what, wr_loc loc) {
    if (e == &wri_failed) return e;
    to.not_null = false;
    if (renames(e->type, to)) {
        if (e->kind != WR_X_COL && e->kind != WR_X_CONST) return e; /* a CAST's type is what it does */
        wr_expr *n = wr_arena_alloc(b->ar, sizeof *n);
        if (!n) return &wri_failed;
        *n = *e;
        to.not_null = e->type.not_null;
        n->type = to;
        return n;
    }
    if (!wri_assignable(e->type, to)) {
        char from[WR_TEXT_MAX], want[WR_TEXT_MAX];
        wr_type_print(e->type, from, sizeof from);
        wr_type_print(to, want, sizeof want);
        wr_diag_add(b->d, WR_ERROR, WR_ESQL, loc, wr_arena_printf(b->ar, "write CAST(… AS %s)", want),
                    "%s is %s, but gets %s", what, want, from);
        return &wri_failed;
    }
    return wri_cast(b, e, to, false, loc);
}
