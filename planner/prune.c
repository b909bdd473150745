/* planner/prune.c -- columns that nobody reads are not made, sources decode only what is read.
 *
 * One pass from the sinks up says which columns of each node are read (need), which of them gain from
 * dictionary codes, and whether event time matters; one pass down rebuilds every node with the columns
 * that are left and renumbers what reads them. Aggregate calls whose result nobody reads go too. */
#include "nodes/nodes.h"

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

void wri_need_expr(const wr_expr *e, wr_node *in) {
    wri_expr_cols(e, read_col, &(reading){.of = wri_x(in), .dict = gains(e)});
}
void wri_need(wr_node *in, uint32_t col, bool dict) {
    if (col != WR_NO_COL) read_col(&(reading){.of = wri_x(in), .dict = dict}, col);
}

void wri_pass(const wr_node *n, uint32_t i, wr_node *in, uint32_t k) {
    if (!wri_x(n)->need[i]) return;
    wri_need(in, k, wri_x(n)->dict[i]);
}

void wri_need_all(wr_node *in) {
    for (uint32_t i = 0; i < in->out.n; i++) wri_need(in, i, false);
}

void wri_need_computed(wr_node *source, const wr_expr *e, bool dict) {
    wri_expr_cols(e, read_col,
                  &(reading){.of = wri_x(source), .dict = e->kind == WR_X_COL ? dict : gains(e)});
}

/* ---- what is left ---- */

wr_expr *wri_moved(wri_ctx *c, const wr_expr *e, const uint32_t *map) {
    wr_expr *n = wri_expr_remap(c->ar, e, map);
    if (!n) c->oom = true;
    return n;
}

bool wri_same_columns(wri_ctx *c, wr_node *n) {
    (void)c;
    for (uint32_t i = 0; i < n->out.n; i++) wri_x(n)->map[i] = i;
    return true;
}

void wri_compact_fields(wr_node *n) {
    wri_xnode *x = wri_x(n);
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->out.n; i++) {
        x->map[i] = x->need[i] ? to : WR_NO_COL;
        if (x->need[i]) n->out.fields[to++] = n->out.fields[i];
    }
    n->out.n = to;
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
    return !c->oom && wri_project_key(c, p, p->project.exprs) ? p : NULL;
}

bool wri_exact_input(wri_ctx *c, wr_node *n, uint32_t k, const uint32_t *want, uint32_t n_want) {
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

bool wri_exact_columns(wri_ctx *c, wr_node *n) {
    uint32_t *want = wri_new_n(c, n->out.n, sizeof *want), to = 0;
    if (!want) return false;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (wri_x(n)->need[i] || n->kind == WR_N_SINK) {
            wri_x(n)->need[i] = true;
            want[to++] = i;
        }
    for (uint32_t k = 0; k < n->n_in; k++)
        if (!wri_exact_input(c, n, k, want, to)) return false;
    wri_compact_fields(n);
    return true;
}

bool wri_like_input(wri_ctx *c, wr_node *n, uint32_t more) {
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

/* ---- late rows ---- */

static void need_late(wri_ctx *c, wr_node *n) {
    for (uint32_t k = 0; n->late && k < n->n_in; k++) {
        wr_late *l = &n->late[k];
        if (l->to && wri_x(l->to)->mark != c->mark) l->to = NULL; /* nobody reads it */
        for (uint32_t i = 0; l->to && i < l->to->out.n; i++) wri_need(n->in[k], l->cols[i], false);
    }
}

static bool rebuild_late(wri_ctx *c, wr_node *n) {
    for (uint32_t k = 0; n->late && k < n->n_in; k++) {
        wr_late *l = &n->late[k];
        if (!l->to) continue;
        uint32_t *cols = wri_new_n(c, l->to->out.n, sizeof *cols);
        if (!cols) return false;
        for (uint32_t i = 0; i < l->to->out.n; i++) cols[i] = wri_at(wri_x(n->in[k])->map, l->cols[i]);
        l->cols = cols;
    }
    return true;
}

/* ---- error_stream's data_rowtime ---- */

/* Whether somebody reads it, by what has been found to be read. */
static bool reads_error_times(const wri_ctx *c) {
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        const wr_node *n = c->nodes[i];
        for (uint32_t k = 0; n->kind == WR_N_ERRORS && k < n->out.n; k++)
            if (wri_x(n)->need[k] && strcmp(n->out.fields[k].name, "data_rowtime") == 0) return true;
    }
    return false;
}

/* Rows that may fail here take their time along, for who asks when it was. */
static void need_error_time(wr_node *n) {
    bool may = n->kind == WR_N_FILTER;
    for (uint32_t i = 0; n->kind == WR_N_PROJECT && i < n->out.n; i++)
        may = may || (wri_x(n)->need[i] && n->project.exprs[i]->kind != WR_X_COL);
    if (may) wri_need(n->in[0], n->in[0]->time_col, false);
}

/* ---- the passes ---- */

static bool need(wri_ctx *c, wr_node *n) {
    if (!wri_node_defs[n->kind]->need(c, n)) return false;
    if (c->error_times) need_error_time(n);
    need_late(c, n);
    /* A table is read wholly, first, or asked by key, so that its event time is of no use. */
    uint32_t timed = n->kind == WR_N_JOIN_TABLE || n->kind == WR_N_JOIN_LOOKUP ? 1 : n->n_in;
    for (uint32_t k = 0; wri_x(n)->need_wm && k < timed; k++) wri_x(n->in[k])->need_wm = true;
    return true;
}

/* Where nothing works with event time a row without it is as good as any other; rows that fail tell it. */
static void tell_time(wr_node *n) {
    uint32_t told = n->source.told_time ? wri_at(wri_x(n)->map, n->source.told_time - 1) : n->time_col;
    n->source.told_time = told + 1; /* WR_NO_COL: 0 */
    if (!wri_x(n)->need_wm) n->time_col = WR_NO_COL;
}

/* error_stream is read: it says the time of rows, where that is ROWTIME. */
static void need_times(wri_ctx *c) {
    bool errors = false;
    for (uint32_t i = 0; i < c->n_nodes; i++) errors = errors || c->nodes[i]->kind == WR_N_ERRORS;
    for (uint32_t i = 0; i < c->n_nodes && errors; i++) {
        const wr_node *n = c->nodes[i];
        if (n->kind != WR_N_SOURCE || n->source.stream->wm_ast) continue;
        if (n->time_col != WR_NO_COL) wri_need((wr_node *)(uintptr_t)n, n->time_col, false);
        else if (n->source.told_time) wri_need((wr_node *)(uintptr_t)n, n->source.told_time - 1, false);
    }
}

static bool rebuild(wri_ctx *c, wr_node *n) {
    if (!rebuild_late(c, n) || !wri_node_defs[n->kind]->rebuild(c, n)) return false;
    n->time_col = wri_at(wri_x(n)->map, n->time_col);
    if (n->kind == WR_N_SOURCE) tell_time(n);
    for (uint32_t i = 0; i < n->n_key; i++) {
        n->key[i] = wri_at(wri_x(n)->map, n->key[i]);
        if (n->key[i] == WR_NO_COL) n->keyed = false;
    }
    if (!n->keyed) n->n_key = 0;
    return true;
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
    need_times(c);
    for (uint32_t i = c->n_nodes; i-- > 0;)
        if (!need(c, c->nodes[i])) return false;
    c->error_times = reads_error_times(c);
    for (uint32_t i = c->n_nodes; c->error_times && i-- > 0;)
        if (!need(c, c->nodes[i])) return false;
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (!rebuild(c, c->nodes[i])) return false;
    return true;
}
