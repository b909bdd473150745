/* planner/prune.c -- columns that nobody reads are not made, sources decode only what is read.
 *
 * One pass from the sinks up says which columns of each node are read (need), which of them gain from
 * dictionary codes, and whether event time matters; one pass down rebuilds every node with the columns
 * that are left and renumbers what reads them. Aggregate calls whose result nobody reads go too. */
#include "plan_int.h"

/* ---- what is read ---- */

typedef struct reading {
    wri_xnode *of;
    bool dict;
} reading;
static void read_col(void *ctx, uint32_t col) {
    const reading *r = ctx;
    r->of->need[col] = true;
    if (r->dict) r->of->dict[col] = true;
}
/* Whether an expression costs more than looking a value up: only then does once per distinct value pay. Codes
 * are not made for GROUP BY alone, since the group table finds a short string as fast as a code is found. */
static bool is_costly(const wr_expr *e) {
    if (e->kind == WR_X_FUNC || (e->kind == WR_X_OP && e->op == WR_OP_LIKE)) return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (is_costly(e->args[i])) return true;
    return false;
}

typedef struct one_col {
    uint32_t col;
    bool many;
} one_col;
static void see_col(void *ctx, uint32_t col) {
    one_col *o = ctx;
    o->many |= o->col != WR_NO_COL && o->col != col;
    o->col = col;
}
/* An expression gains from the codes of a column that is the only one it reads. */
static bool gains(const wr_expr *e) {
    one_col o = {.col = WR_NO_COL};
    wri_expr_cols(e, see_col, &o);
    return !o.many && is_costly(e);
}

static void read_expr(const wr_expr *e, wr_node *in) {
    wri_expr_cols(e, read_col, &(reading){.of = wri_x(in), .dict = gains(e)});
}
static void read_one(wr_node *in, uint32_t col, bool dict) {
    if (col != WR_NO_COL) read_col(&(reading){.of = wri_x(in), .dict = dict}, col);
}

/* Column i of n comes from column k of in as it is. */
static void pass(const wr_node *n, uint32_t i, wr_node *in, uint32_t k) {
    if (!wri_x(n)->need[i]) return;
    read_one(in, k, wri_x(n)->dict[i]);
}

static void read_agg(wri_ctx *c, wr_node *n) {
    wr_node *in = n->in[0];
    if (n->agg.late && wri_x(n->agg.late)->mark != c->mark) n->agg.late = NULL; /* nobody reads it */
    for (uint32_t i = 0; i < n->agg.n_keys; i++) read_one(in, n->agg.keys[i], false);
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        const wr_agg_call *k = &n->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) read_one(in, k->args[j], false);
        read_one(in, k->filter, false);
        read_one(in, k->time, false);
    }
    if (n->agg.win.kind == WR_W_NONE) return;
    read_one(in, n->agg.win.time_col, false);
    if (n->agg.win.kind == WR_W_ATTACHED) {
        read_one(in, n->agg.win.start_col, false);
        read_one(in, n->agg.win.end_col, false);
    }
    for (uint32_t i = 0; n->agg.late && i < n->agg.late->out.n; i++) read_one(in, n->agg.late_cols[i], false);
    wri_x(n)->need_wm = true;
}

/* ---- calls nobody reads ---- */

static void keep_partials(wr_node *n, uint32_t first, const wr_agg_call *calls, uint32_t n_calls,
                          const bool *keep) {
    uint32_t to = first, from = first;
    for (uint32_t i = 0; i < n_calls; i++)
        for (uint32_t j = 0; j < calls[i].n_partials; j++, from++)
            if (keep[i]) n->out.fields[to++] = n->out.fields[from];
    n->out.n = to;
}

static uint32_t keep_calls(wr_node *n, const bool *keep) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->agg.n_calls; i++)
        if (keep[i]) n->agg.calls[to++] = n->agg.calls[i];
    return to;
}

/* AGG_GLOBAL g over EXCHANGE over AGG_LOCAL: drops the calls that need does not name. */
static bool drop_calls(wri_ctx *c, wr_node *g) {
    wri_xnode *x = wri_x(g);
    wr_node *ex = g->in[0], *l = ex->in[0];
    uint32_t n = g->agg.n_calls, first = g->out.n - n;
    bool *keep = wri_new_n(c, n, sizeof *keep);
    if (!keep) return false;
    for (uint32_t i = 0; i < first; i++) x->map[i] = i;
    uint32_t to = first;
    for (uint32_t i = 0; i < n; i++) {
        keep[i] = x->need[first + i];
        x->map[first + i] = keep[i] ? to : WR_NO_COL;
        if (keep[i]) g->out.fields[to++] = g->out.fields[first + i];
    }
    uint32_t keys = (l->agg.win.kind == WR_W_ATTACHED ? 2 : 1) + l->agg.n_keys;
    keep_partials(l, keys, l->agg.calls, n, keep);
    keep_partials(ex, keys, l->agg.calls, n, keep);
    keep_calls(l, keep);
    g->agg.n_calls = l->agg.n_calls = keep_calls(g, keep);
    g->out.n = to;
    return true;
}

/* ---- up ---- */

static bool read_node(wri_ctx *c, wr_node *n) {
    wri_xnode *x = wri_x(n);
    wr_node *in = n->n_in ? n->in[0] : NULL;
    switch (n->kind) {
    case WR_N_FILTER:
        for (uint32_t i = 0; i < n->out.n; i++) pass(n, i, in, n->filter.keep[i]);
        read_expr(n->filter.pred, in);
        break;
    case WR_N_PROJECT:
        for (uint32_t i = 0; i < n->out.n; i++) {
            const wr_expr *e = n->project.exprs[i];
            if (e->kind == WR_X_COL) pass(n, i, in, e->col);
            else if (x->need[i]) read_expr(e, in);
        }
        break;
    case WR_N_WINDOW:
        for (uint32_t i = 0; i < in->out.n; i++) pass(n, i, in, i);
        read_one(in, n->window.win.time_col, false);
        x->need_wm = true;
        break;
    case WR_N_AGG_LOCAL:
        read_agg(c, n);
        break;
    case WR_N_AGG_GLOBAL:
        if (!drop_calls(c, n)) return false;
        for (uint32_t i = 0; i < in->out.n; i++) read_one(in, i, false);
        break;
    case WR_N_UNION:
        for (uint32_t k = 0; k < n->n_in; k++)
            for (uint32_t i = 0; i < n->out.n; i++) pass(n, i, n->in[k], i);
        break;
    case WR_N_EXCHANGE:
    case WR_N_SORT:
    case WR_N_LIMIT:
        for (uint32_t i = 0; i < n->out.n; i++) pass(n, i, in, i);
        for (uint32_t i = 0; n->kind == WR_N_EXCHANGE && i < n->exchange.n_keys; i++)
            read_one(in, n->exchange.keys[i], false);
        for (uint32_t i = 0; n->kind == WR_N_SORT && i < n->sort.n_keys; i++)
            read_one(in, n->sort.keys[i].col, false);
        break;
    case WR_N_SINK:
        for (uint32_t i = 0; i < in->out.n; i++) read_one(in, i, false);
        break;
    default:
        break;
    }
    for (uint32_t k = 0; x->need_wm && k < n->n_in; k++) wri_x(n->in[k])->need_wm = true;
    return true;
}

/* ---- down ---- */

static uint32_t at(const uint32_t *map, uint32_t col) { return col == WR_NO_COL ? WR_NO_COL : map[col]; }

static wr_expr *moved(wri_ctx *c, const wr_expr *e, const uint32_t *map) {
    wr_expr *n = wri_expr_remap(c->ar, e, map);
    if (!n) c->oom = true;
    return n;
}

typedef struct source_use { /* per column of a SOURCE: who reads it */
    bool *feeds;            /* a computed column or the watermark */
} source_use;
static void feeds_col(void *ctx, uint32_t col) { ((source_use *)ctx)->feeds[col] = true; }

/* New order: decoded columns that go on, decoded ones that do not, computed ones that go on, then the one
 * that only feeds the watermark. Returns the number of columns; x->map is filled. */
static uint32_t source_order(wr_node *n, const bool *feeds) {
    wri_xnode *x = wri_x(n);
    uint32_t old_cols = n->source.n_cols, to = 0, visible = 0;
    for (uint32_t i = 0; i < n->out.n; i++) x->map[i] = WR_NO_COL;
    for (uint32_t i = 0; i < old_cols; i++)
        if (x->need[i]) x->map[i] = to++;
    visible = to;
    for (uint32_t i = 0; i < old_cols; i++)
        if (!x->need[i] && feeds[i]) x->map[i] = to++;
    n->source.n_cols = to;
    for (uint32_t i = old_cols; i < n->out.n; i++)
        if (x->need[i]) visible = (x->map[i] = to++) + 1;
    for (uint32_t i = old_cols; i < n->out.n; i++)
        if (!x->need[i] && feeds[i]) x->map[i] = to++;
    n->source.n_visible = visible;
    return to;
}

static bool rebuild_source(wri_ctx *c, wr_node *n) {
    wri_xnode *x = wri_x(n);
    uint32_t old_n = n->out.n, old_cols = n->source.n_cols;
    source_use use = {.feeds = wri_new_n(c, old_n, sizeof(bool))};
    if (!use.feeds) return false;
    if (!x->need_wm) n->source.wm = NULL;
    if (n->source.wm) wri_expr_cols(n->source.wm, feeds_col, &use);
    for (uint32_t i = old_cols; i < old_n; i++)
        if (x->need[i] || use.feeds[i]) wri_expr_cols(n->source.computed[i - old_cols], feeds_col, &use);
    uint32_t width = source_order(n, use.feeds);
    wr_field *fields = wri_new_n(c, width, sizeof *fields);
    uint32_t *cols = wri_new_n(c, n->source.n_cols, sizeof *cols);
    bool *dict = wri_new_n(c, n->source.n_cols, sizeof *dict);
    wr_expr **computed = wri_new_n(c, width - n->source.n_cols, sizeof *computed);
    if (c->oom) return false;
    for (uint32_t i = old_cols; i < old_n; i++) { /* first, because it marks columns for dictionaries */
        if (x->map[i] == WR_NO_COL) continue;
        wr_expr *e = n->source.computed[i - old_cols];
        wri_expr_cols(e, read_col, &(reading){.of = x, .dict = e->kind == WR_X_COL ? x->dict[i] : gains(e)});
        computed[x->map[i] - n->source.n_cols] = moved(c, e, x->map);
    }
    for (uint32_t i = 0; i < old_n; i++) {
        uint32_t to = x->map[i];
        if (to == WR_NO_COL) continue;
        fields[to] = n->out.fields[i];
        if (i >= old_cols) continue;
        cols[to] = n->source.cols[i];
        dict[to] = x->dict[i] && fields[to].type.kind == WR_T_VARCHAR;
    }
    if (n->source.wm) n->source.wm = moved(c, n->source.wm, x->map);
    n->source.cols = cols;
    n->source.want_dict = dict;
    n->source.computed = computed;
    n->source.n_computed = width - n->source.n_cols;
    n->out = (wr_schema){.n = width, .fields = fields};
    return !c->oom;
}

/* The columns named by need stay, in order. */
static void compact_fields(wr_node *n) {
    wri_xnode *x = wri_x(n);
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++) {
        x->map[i] = x->need[i] ? to : WR_NO_COL;
        if (x->need[i]) n->out.fields[to++] = n->out.fields[i];
    }
    n->out.n = to;
}

static bool rebuild_filter(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i]) n->filter.keep[to++] = in[n->filter.keep[i]];
    compact_fields(n);
    n->filter.pred = moved(c, n->filter.pred, in);
    return n->filter.pred != NULL;
}

static bool rebuild_project(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i] && !(n->project.exprs[to++] = moved(c, n->project.exprs[i], in))) return false;
    compact_fields(n);
    return true;
}

/* A SOURCE that has columns only for its own use: who needs an exact layout reads it through a PROJECT. */
static bool hides(const wr_node *n) { return n->kind == WR_N_SOURCE && n->source.n_visible < n->out.n; }

/* PROJECT of columns cols[0..n_cols) of in. */
static wr_node *choice(wri_ctx *c, wr_node *in, const uint32_t *cols, uint32_t n_cols, wr_loc loc) {
    wr_node *p = wri_node_new(c, WR_N_PROJECT, loc, 1, &in, n_cols);
    if (!p) return NULL;
    p->project.exprs = wri_new_n(c, n_cols, sizeof *p->project.exprs);
    if (!p->project.exprs) return NULL;
    for (uint32_t i = 0; i < n_cols; i++) {
        p->project.exprs[i] = wri_col_of(c, in, cols[i], loc);
        p->out.fields[i] = in->out.fields[cols[i]];
        p->out.fields[i].path = NULL;
    }
    return c->oom ? NULL : p;
}

/* Input k must have exactly the columns want[0..n) (numbers before pruning), in order. */
static bool exact_input(wri_ctx *c, wr_node *n, uint32_t k, const uint32_t *want, uint32_t n_want) {
    wr_node *in = n->in[k];
    const uint32_t *map = wri_x(in)->map;
    bool exact = wri_width(in) == n_want && !hides(in);
    uint32_t *cols = wri_new_n(c, n_want, sizeof *cols);
    if (!cols) return false;
    for (uint32_t i = 0; i < n_want; i++) {
        cols[i] = map[want[i]];
        exact = exact && cols[i] == i;
    }
    if (exact) return true;
    n->in[k] = choice(c, in, cols, n_want, n->loc);
    return n->in[k] != NULL;
}

static bool rebuild_exact(wri_ctx *c, wr_node *n) {
    uint32_t *want = wri_new_n(c, n->out.n, sizeof *want), to = 0;
    if (!want) return false;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i] || n->kind == WR_N_SINK) {
            wri_x(n)->need[i] = true;
            want[to++] = i;
        }
    for (uint32_t k = 0; k < n->n_in; k++)
        if (!exact_input(c, n, k, want, to)) return false;
    compact_fields(n);
    return true;
}

/* The columns of the input, and `more` behind them. */
static bool rebuild_like_input(wri_ctx *c, wr_node *n, uint32_t more) {
    wri_xnode *x = wri_x(n);
    wr_node *in = n->in[0];
    const uint32_t *map = wri_x(in)->map;
    uint32_t width = wri_width(in), old = n->out.n - more;
    wr_field *fields = wri_new_n(c, width + more, sizeof *fields);
    uint32_t *all = wri_new_n(c, width, sizeof *all);
    if (!fields || !all) return false;
    for (uint32_t i = 0; i < width; i++) all[i] = i;
    if (hides(in) && !(n->in[0] = choice(c, in, all, width, n->loc))) return false;
    for (uint32_t i = 0; i < width; i++) {
        fields[i] = in->out.fields[i];
        fields[i].path = NULL;
    }
    for (uint32_t i = 0; i < old; i++) x->map[i] = map[i] != WR_NO_COL && map[i] < width ? map[i] : WR_NO_COL;
    for (uint32_t i = 0; i < more; i++) {
        fields[width + i] = n->out.fields[old + i];
        x->map[old + i] = width + i;
    }
    n->out = (wr_schema){.n = width + more, .fields = fields};
    return true;
}

static bool rebuild_agg_local(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    wr_win *w = &n->agg.win;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) n->agg.keys[i] = in[n->agg.keys[i]];
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        wr_agg_call *k = &n->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) k->args[j] = in[k->args[j]];
        k->filter = at(in, k->filter);
        k->time = at(in, k->time);
    }
    w->time_col = at(in, w->time_col);
    w->start_col = at(in, w->start_col);
    w->end_col = at(in, w->end_col);
    if (n->agg.late) {
        uint32_t *cols = wri_new_n(c, n->agg.late->out.n, sizeof *cols);
        if (!cols) return false;
        for (uint32_t i = 0; i < n->agg.late->out.n; i++) cols[i] = at(in, n->agg.late_cols[i]);
        n->agg.late_cols = cols;
    } else n->agg.late_cols = NULL;
    for (uint32_t i = 0; i < n->out.n; i++) wri_x(n)->map[i] = i;
    return true;
}

static bool rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = n->n_in ? wri_x(n->in[0])->map : NULL;
    switch (n->kind) {
    case WR_N_SOURCE:
        return rebuild_source(c, n);
    case WR_N_FILTER:
        return rebuild_filter(c, n);
    case WR_N_PROJECT:
        return rebuild_project(c, n);
    case WR_N_UNION:
    case WR_N_SINK:
        return rebuild_exact(c, n);
    case WR_N_WINDOW:
        n->window.win.time_col = in[n->window.win.time_col];
        return rebuild_like_input(c, n, 3);
    case WR_N_EXCHANGE:
        for (uint32_t i = 0; i < n->exchange.n_keys; i++) n->exchange.keys[i] = in[n->exchange.keys[i]];
        return rebuild_like_input(c, n, 0);
    case WR_N_SORT:
    case WR_N_LIMIT:
        for (uint32_t i = 0; i < n->sort.n_keys; i++) n->sort.keys[i].col = in[n->sort.keys[i].col];
        return rebuild_like_input(c, n, 0);
    case WR_N_AGG_LOCAL:
        return rebuild_agg_local(c, n);
    case WR_N_AGG_GLOBAL:
        return true; /* drop_calls did it; the layout below is fixed */
    default:
        for (uint32_t i = 0; i < n->out.n; i++) wri_x(n)->map[i] = i;
        return true;
    }
}

bool wri_prune(wri_ctx *c) {
    if (!wri_walk(c)) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        wri_xnode *x = wri_x(c->nodes[i]);
        uint32_t n = c->nodes[i]->out.n;
        x->need = wri_new_n(c, n, sizeof *x->need);
        x->dict = wri_new_n(c, n, sizeof *x->dict);
        x->map = wri_new_n(c, n, sizeof *x->map);
        if (c->oom) return false;
    }
    for (uint32_t i = c->n_nodes; i-- > 0;)
        if (!read_node(c, c->nodes[i])) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        wr_node *n = c->nodes[i];
        if (!rebuild(c, n)) return false;
        n->time_col = at(wri_x(n)->map, n->time_col);
        /* Where nothing works with event time a row without it is as good as any other. */
        if (n->kind == WR_N_SOURCE && !wri_x(n)->need_wm) n->time_col = WR_NO_COL;
    }
    return true;
}
