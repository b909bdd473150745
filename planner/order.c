/* planner/order.c -- ORDER BY, LIMIT and OFFSET of a query.
 *
 *   SORT        input that ends: all rows, at the end
 *   SORT_TIME   endless input, in an order that begins with event time or the border of a window, rising:
 *               rows leave as the watermark passes them; with SELECT STREAM of input that ends, too
 *   RANK        LIMIT n BY: the first rows of each value, such as of each window; ORDER BY, LIMIT and
 *               EMIT CHANGES: the first rows so far; over changes that end: what stands then (rank.c)
 *   LIMIT       the first rows of all, after which the query ends, over endless input, too */
#include "over_int.h"

static bool count_clause(wri_q *q, const wr_ast *e, const char *what, int64_t *outp) {
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(q, &b, &none, what);
    if (!wri_const_int(&b, e, what, outp)) return false;
    if (*outp >= 0) return true;
    wri_error(q->c, e->loc, "give zero or more rows", "%s cannot be negative", what);
    return false;
}

/* ---- along event time ---- */

typedef struct along {
    int64_t lag_us;   /* the first key is complete up to the watermark and this */
    int64_t holds_us; /* rows leave at most this much behind their time */
} along;

static int64_t tick_of(const wr_node *n, uint32_t col) { return n->out.fields[col].type.prec > 3 ? 1 : 1000; }

/* What made the windows of o, which may be an aggregation of rows that had them already. */
static const wr_node *maker_of(const wr_node *o) {
    while ((o->kind == WR_N_AGG_GLOBAL || o->kind == WR_N_AGG_CHANGES) && o->agg.win.kind == WR_W_ATTACHED) {
        const wr_node *local = o->in[0]->in[0];
        o = wri_x(local->in[0])->props[local->agg.win.start_col].origin;
    }
    return o;
}

/* Window borders, which are by the size of the window and a tick before or behind the time of its rows. */
static bool along_border(const wr_node *n, uint32_t col, along *a) {
    const wri_prop *p = wri_x(n)->props, *t = &p[n->time_col];
    if (p[col].role == WRI_ROLE_NONE || p[col].origin != t->origin || !t->origin) return false;
    if (t->role != WRI_ROLE_TIME && t->role != WRI_ROLE_END) return false;
    const wr_node *o = maker_of(t->origin);
    const wr_win *w = o->kind == WR_N_WINDOW ? &o->window.win : &o->agg.win;
    bool made = o->kind == WR_N_WINDOW || o->kind == WR_N_AGG_GLOBAL || o->kind == WR_N_AGG_CHANGES;
    int64_t end = t->role == WRI_ROLE_TIME ? tick_of(n, col) : 0; /* of the end, behind the time */
    a->lag_us = p[col].role == WRI_ROLE_TIME ? end - tick_of(n, col) : end;
    if (p[col].role != WRI_ROLE_START) return true;
    if (!made || (w->kind != WR_W_TUMBLE && w->kind != WR_W_HOP))
        return false; /* starts of other windows do not rise */
    a->lag_us = end - w->size_us;
    return true;
}

/* FLOOR(ts TO MINUTE) and the like, of a PROJECT. */
static bool along_floor(const wr_node *n, uint32_t col, along *a) {
    if (n->kind != WR_N_PROJECT) return false;
    const wr_node *in = n->in[0];
    const wr_expr *e = n->project.exprs[col];
    bool plain = e->kind == WR_X_OP && e->type.kind == WR_T_TIMESTAMP && in->time_col != WR_NO_COL &&
                 (e->op == WR_OP_FLOOR_STEP || e->op == WR_OP_FLOOR_UNIT || e->op == WR_OP_CEIL_UNIT) &&
                 e->args[0]->kind == WR_X_COL;
    if (!plain) return false;
    int64_t tick = tick_of(in, in->time_col);
    wri_floor f;
    if (!wri_floor_of(e, in->time_col, tick, &f)) return false;
    *a = (along){.lag_us = f.ceil ? 0 : tick - f.size_us, .holds_us = f.size_us};
    return true;
}

static bool along_time(const wr_node *n, const wr_sort_key *k, along *a) {
    *a = (along){0};
    if (n->time_col == WR_NO_COL || k->desc) return false;
    return wri_is_time(n, k->col) || along_border(n, k->col, a) || along_floor(n, k->col, a);
}

static void refuse_order(const wri_select *s, const wr_node *n, wr_loc loc) {
    wri_ctx *c = s->q->c;
    const wr_sort_key *k = &s->order[0];
    if (s->q->kda && k->desc && along_time(n, &(wr_sort_key){.col = k->col}, &(along){0})) {
        wri_error(c, loc, "leave DESC out",
                  "ORDER BY of SELECT STREAM must begin with what rises with ROWTIME");
        return;
    }
    if (s->q->kda) {
        bool project = n->kind == WR_N_PROJECT;
        wr_expr *e = project ? n->project.exprs[k->col] : wri_col_of(c, n, k->col, loc);
        wri_rise_need need = {"ORDER BY of SELECT STREAM", "a first key", "begin with", loc};
        if (e) wri_no_rise(s, project ? n->in[0] : n, &e, 1, &need);
        return;
    }
    const char *time = n->time_col == WR_NO_COL ? NULL : n->out.fields[n->time_col].name;
    bool window = n->time_col != WR_NO_COL && wri_x(n)->props[n->time_col].role != WRI_ROLE_NONE;
    wri_error(c, loc,
              window ? "begin with window_end (or window_start of TUMBLE and HOP); for the first rows so far "
                       "add LIMIT n "
                       "and EMIT CHANGES"
              : time
                  ? wri_text(c, "begin with %s; for the first rows so far add LIMIT n and EMIT CHANGES", time)
                  : "for the first rows so far add LIMIT n and EMIT CHANGES",
              "ORDER BY on unbounded input must begin with the event time, rising");
}

/* ---- the first rows so far ---- */

typedef struct limits {
    int64_t n, offset; /* n -1: all */
} limits;

/* The window whose borders are both among cols: the column of its end; else WR_NO_COL. */
static uint32_t window_end_of(const wr_node *n, const uint32_t *cols, uint32_t n_cols) {
    const wri_prop *p = wri_x(n)->props;
    for (uint32_t i = 0; i < n_cols; i++)
        for (uint32_t j = 0; j < n_cols; j++)
            if (p[cols[i]].role == WRI_ROLE_END && p[cols[j]].role == WRI_ROLE_START &&
                p[cols[i]].origin == p[cols[j]].origin)
                return cols[i];
    return WR_NO_COL;
}

/* One row of r stands for each value of cols. */
static bool told_by(wri_ctx *c, wr_node *r, const uint32_t *cols, uint32_t n) {
    r->key = wri_new_n(c, n, sizeof *r->key);
    if (!r->key) return false;
    for (uint32_t i = 0; i < n; i++) r->key[i] = cols[i];
    r->n_key = n;
    r->keyed = true;
    return true;
}

/* The first rows of each value of LIMIT's BY, or of all. */
static wr_node *first_rows(const wri_select *s, wr_node *n, limits l, wr_loc loc) {
    wri_ctx *c = s->q->c;
    uint32_t n_by = s->y->n_limit_by;
    wri_over_cols cols = {.keys = s->limit_by, .n_keys = n_by, .n_order = s->n_order, .loc = loc};
    cols.end_col = window_end_of(n, s->limit_by, n_by);
    cols.order = wri_new_n(c, s->n_order, sizeof *s->order);
    if (!cols.order) return NULL;
    for (uint32_t i = 0; i < s->n_order; i++) cols.order[i] = s->order[i];
    const wr_sort_key *last = s->n_order ? &s->order[s->n_order - 1] : NULL;
    cols.ties_last = last && last->desc && wri_was_time(n, last->col);
    if (!n->bounded && !s->q->changes && cols.end_col == WR_NO_COL) {
        wri_error(c, s->y->limit_by[0]->loc,
                  "add window_start, window_end to BY, or write EMIT CHANGES behind the query",
                  "LIMIT … BY on unbounded input never completes: add a window or EMIT CHANGES");
        return NULL;
    }
    wr_node *in = wri_exchange_node(c, n, n_by ? WR_EX_HASH : WR_EX_GATHER, s->limit_by, n_by, loc);
    wr_node *r = in ? wri_rank_node(s->q, in, &cols, NULL, 0) : NULL;
    if (!r) return NULL;
    wri_x(r)->changes_what = n_by ? "LIMIT … BY … EMIT CHANGES" : "ORDER BY … LIMIT … EMIT CHANGES";
    r->rank.from = l.offset < INT64_MAX ? l.offset + 1 : l.offset;
    if (l.n >= 0) r->rank.to = l.n > INT64_MAX - l.offset ? INT64_MAX : l.n + l.offset;
    return l.n != 1 || !r->updating || told_by(c, r, s->limit_by, n_by) ? r : NULL;
}

/* ---- entry point ---- */

static bool read_limits(const wri_select *s, limits *l) {
    const wr_query *y = s->y;
    *l = (limits){.n = -1};
    return (!y->limit || count_clause(s->q, y->limit, "LIMIT", &l->n)) &&
           (!y->offset || count_clause(s->q, y->offset, "OFFSET", &l->offset));
}

/* Endless rows, none of which is taken back, in order; l: the first of them. */
static wr_node *order_endless(const wri_select *s, wr_node *n, limits l, wr_loc loc) {
    along a;
    if (!along_time(n, &s->order[0], &a)) {
        refuse_order(s, n, loc);
        return NULL;
    }
    n = wri_sort_time_node(s->q->c, n, s->order, s->n_order, a.lag_us, a.holds_us, loc);
    if (!n || (l.n < 0 && l.offset == 0)) return n;
    return wri_sort_node(s->q->c, n, NULL, 0, l.n, l.offset, s->y->limit ? s->y->limit->loc : loc);
}

wr_node *wri_order_limit(const wri_select *s, wr_node *n) {
    wri_ctx *c = s->q->c;
    const wr_query *y = s->y;
    limits l;
    along a;
    if (!read_limits(s, &l)) return NULL;
    if (!s->n_order && !y->limit && !y->offset) return n;
    wr_loc loc = s->n_order ? y->order[0].expr->loc : y->limit ? y->limit->loc : y->offset->loc;
    bool so_far = s->q->changes && y->limit && s->n_order && !(n->bounded && !n->updating);
    bool at_end = !s->q->changes && s->n_order && n->bounded && n->updating; /* of rows that are taken back */
    if (y->n_limit_by || so_far || at_end) {
        n = first_rows(s, n, l, loc);
        if (!n || n->updating || !s->n_order) return n;
        /* Of endless input what comes of a window is in order; windows are when the order begins with their
         * time. */
        if (!n->bounded && !along_time(n, &s->order[0], &a)) return n;
        l = (limits){.n = -1};
    }
    bool by_rowtime = y->stream && n->time_col != WR_NO_COL && !n->updating; /* whether it ends or not */
    if (!s->n_order || (n->bounded && !by_rowtime))
        return wri_sort_node(c, n, s->order, s->n_order, l.n, l.offset, loc);
    return order_endless(s, n, l, loc);
}
