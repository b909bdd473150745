/* planner/session.c -- session windows.
 *
 *   in ─► EXCHANGE by PARTITION BY ─► SESSION, which adds the window's columns to the rows
 *   in ─► PROJECT keys, arguments ─► EXCHANGE by keys ─► SESSION with aggregates
 *
 * SESSION(…) in FROM is the first. When an aggregation groups by its borders and by what it is partitioned
 * by, and nothing between them takes rows out of a session, it becomes the second: no row is kept. Any
 * other grouping reads the window from the columns. GROUP BY SESSION(…) is the second; there each grouping
 * set has sessions of its own. */
#include "plan_int.h"

static wr_node *session_node(wri_ctx *c, wr_node *in, const wr_win *win, const uint32_t *keys,
                             uint32_t n_keys, uint32_t n_out, wr_loc loc) {
    wr_node *x = wri_exchange_node(c, in, n_keys ? WR_EX_HASH : WR_EX_GATHER, keys, n_keys, loc);
    wr_node *n = x ? wri_node_new(c, WR_N_SESSION, loc, 1, &x, n_out) : NULL;
    if (!n) return NULL;
    n->session.win = *win;
    n->session.n_keys = n_keys;
    n->session.keys = wri_new_n(c, n_keys, sizeof *keys);
    if (!n->session.keys) return NULL;
    if (n_keys) memcpy(n->session.keys, keys, n_keys * sizeof *keys);
    return wri_takes_late(c, n) ? n : NULL;
}

/* window_start, window_end, window_time as columns first.. of n. */
static void border_fields(wr_node *n, uint32_t first, wr_type t) {
    static const char *const names[] = {"window_start", "window_end", "window_time"};
    for (uint32_t i = 0; i < 3; i++) {
        n->out.fields[first + i] = (wr_field){.name = names[i], .type = t};
        wri_x(n)->props[first + i] = (wri_prop){.role = WRI_ROLE_START + i, .origin = n};
    }
    n->time_col = first + 2;
}

/* ---- rows with their session ---- */

bool wri_partition_cols(wri_q *q, wr_node **inp, const wri_scope *scope, const wri_key_list *by,
                        uint32_t *keys, uint32_t *np) {
    wri_ctx *c = q->c;
    wr_node *in = *inp;
    wri_cols cols = {0};
    wri_binder b;
    wri_binder_scalar(q, &b, scope, "PARTITION BY");
    for (uint32_t i = 0; i < wri_x(in)->n_vis; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, in, i, by->loc), in->out.fields[i].name)) return false;
    uint32_t n_vis = cols.n, n = 0;
    for (uint32_t i = 0; i < by->n; i++) {
        wr_expr *e = wri_bind(&b, by->items[i]);
        if (e == &wri_failed) return false;
        uint32_t at = 0;
        while (at < cols.n && !wri_expr_equal(cols.exprs[at], e)) at++;
        if (at == cols.n && !wri_cols_add(c, &cols, e, wri_text(c, "$key%u", i + 1))) return false;
        bool twice = false;
        for (uint32_t k = 0; k < n; k++) twice = twice || keys[k] == at;
        if (!twice) keys[n++] = at;
    }
    *np = n;
    if (cols.n > n_vis) *inp = wri_project_node(c, in, &cols, n_vis, by->loc);
    return *inp != NULL;
}

wr_node *wri_session_rows(wri_q *q, wr_node *in, const wri_scope *scope, const wr_ast *data,
                          const wr_win *win, wr_loc loc) {
    wri_ctx *c = q->c;
    uint32_t *keys = wri_new_n(c, data->n_args, sizeof *keys), n_keys = 0;
    wri_key_list by = {(const wr_ast *const *)data->args, data->n_args, data->loc};
    if (!keys || !wri_partition_cols(q, &in, scope, &by, keys, &n_keys)) return NULL;
    wr_win w = *win;
    w.time_col = in->time_col;
    uint32_t n_in = in->out.n;
    wr_node *n = session_node(c, in, &w, keys, n_keys, n_in + 3, loc);
    if (!n) return NULL;
    n->session.rows = true;
    wri_xnode *x = wri_x(n), *xi = wri_x(in);
    for (uint32_t i = 0; i < n_in; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
    }
    wr_type t = in->out.fields[in->time_col].type;
    t.prec = win->tick_us == 1 ? 6 : 3;
    t.not_null = true;
    border_fields(n, n_in, t);
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return n;
}

/* ---- aggregated ---- */

/* Results that are corrected are told apart by where they begin: no two sessions of a key that stand do so at
 * one time, nor do they end at one. */
static bool describe_changes(wri_ctx *c, const wri_agg *a, wr_node *n, uint32_t n_keys) {
    n->session.each_batch = a->each_batch;
    n->session.every_us = a->every_us;
    n->session.lateness_us = a->lateness_us;
    if (!a->each_batch && a->every_us == 0 && a->lateness_us == 0) return true;
    uint32_t *key = wri_new_n(c, 1 + n_keys, sizeof *key);
    if (!key) return false;
    for (uint32_t i = 0; i < n_keys; i++) key[1 + i] = 3 + i;
    return wri_makes_changes(c, n, a->what, key, 1 + n_keys);
}

wr_node *wri_session_agg(wri_ctx *c, const wri_agg *a, wr_node *rows, const uint32_t *keys, uint32_t n_keys) {
    wr_node *n = session_node(c, rows, &a->win, keys, n_keys, 3 + n_keys + a->n_calls, a->loc);
    if (!n) return NULL;
    n->session.n_calls = a->n_calls;
    n->session.calls = wri_new_n(c, a->n_calls, sizeof *n->session.calls);
    if (!n->session.calls) return NULL;
    border_fields(n, 0, wri_border_type(a, rows));
    for (uint32_t i = 0; i < n_keys; i++) n->out.fields[3 + i] = rows->out.fields[keys[i]];
    for (uint32_t i = 0; i < a->n_calls; i++) {
        const wr_agg_call *k = &a->calls[i].call;
        n->session.calls[i] = *k;
        n->out.fields[3 + n_keys + i] = (wr_field){.name = wri_call_name(c, k, rows), .type = k->type};
    }
    if (!describe_changes(c, a, n, n_keys)) return NULL;
    return c->oom ? NULL : n;
}

bool wri_session_emits(wri_ctx *c, const wri_agg *a) {
    if (a->win.kind == WR_W_SESSION || !a->origin || a->origin->kind != WR_N_SESSION) return true;
    const char *what = a->each_batch ? "EMIT CHANGES" : a->every_us > 0 ? "EMIT EARLY" : "ALLOWED LATENESS";
    wri_unsupported(c, a->loc,
                    "group by window_start, window_end and what the sessions are partitioned by, and filter "
                    "rows before SESSION",
                    "%s with sessions whose rows are grouped otherwise is not supported: they are known when "
                    "a session closes",
                    what);
    return false;
}

/* Which column of s, somewhere below n, is column col of n; WR_NO_COL: none, or something else is between. */
static uint32_t column_below(const wr_node *n, uint32_t col, const wr_node *s) {
    while (n != s && col != WR_NO_COL) {
        if (n->kind == WR_N_FILTER) col = n->filter.keep[col];
        else if (n->kind == WR_N_PROJECT && n->project.exprs[col]->kind == WR_X_COL)
            col = n->project.exprs[col]->col;
        else return WR_NO_COL;
        n = n->in[0];
    }
    return col;
}

static bool is_key(const wr_node *s, uint32_t col) {
    for (uint32_t i = 0; i < s->session.n_keys; i++)
        if (s->session.keys[i] == col) return true;
    return false;
}

bool wri_session_fuses(const wri_agg *a) {
    const wr_node *s = a->origin;
    if (!s->session.rows || a->n_sets > 1) return false;
    for (uint32_t i = 0; i < a->n_keys; i++)
        if (a->keys[i]->kind != WR_X_COL || !is_key(s, column_below(a->in, a->keys[i]->col, s))) return false;
    for (uint32_t k = 0; k < s->session.n_keys; k++) {
        bool found = false;
        for (uint32_t i = 0; i < a->n_keys && !found; i++)
            found = column_below(a->in, a->keys[i]->col, s) == s->session.keys[k];
        if (!found) return false;
    }
    return true;
}

typedef struct whole {
    const wr_node *in, *s;
} whole;
static bool no_key(void *ctx, uint32_t col) {
    const whole *w = ctx;
    return !is_key(w->s, column_below(w->in, col, w->s));
}

bool wri_session_whole(const wr_node *f, const wr_node *s) {
    whole w = {f->in[0], s};
    return !wri_reads(f->filter.pred, no_key, &w) && wri_is_deterministic(f->filter.pred);
}
