/* planner/rowtime.c -- what statements of the Kinesis dialect do with ROWTIME beside windows.
 *
 *   SELECT STREAM expr AS ROWTIME, …          in ─► PROJECT ─► EXCHANGE to one task ─► PROMOTE
 *   … ORDER BY expr WITHIN INTERVAL '5' SECOND                       the same ─► SORT_TIME
 *   SELECT STREAM DISTINCT FLOOR(s.ROWTIME TO MINUTE), a    ─► OVER ROW_NUMBER by the items ─► FILTER = 1
 *
 * PROMOTE makes a column the time of the rows that pass, and tells what is behind it by the rows themselves:
 * so windows, sorts and joins behind it need to know nothing of that. DISTINCT gives each row as soon as it
 * is known to be the first, and forgets when the item that rises with ROWTIME has another value.
 *
 * MONOTONIC(column) in a key says that the column rises: it is promoted before the statement does its work.
 *
 * What groups, is distinct or is sorted must rise with ROWTIME, or it would never be complete; the messages
 * here say what is there instead, and what to write. */
#include <strings.h>

#include "over_int.h"

/* ---- expr AS ROWTIME ---- */

static bool is_rowtime(const wr_item *item) {
    return item->alias.text && strcasecmp(item->alias.text, "ROWTIME") == 0;
}

/* The item `expr AS ROWTIME` of a statement of the Kinesis dialect, NULL: none. *colp: its column. */
static const wr_item *rowtime_item(const wri_select *s, uint32_t *colp) {
    for (uint32_t i = 0; s->q->kda && i < s->y->n_items; i++) {
        const wr_item *item = &s->y->items[i];
        if (!is_rowtime(item)) continue;
        for (uint32_t col = 0; col < s->n_items; col++) {
            if (strcmp(s->out.names[col], item->alias.text) != 0) continue;
            *colp = col;
            return item;
        }
    }
    return NULL;
}

/* ORDER BY expr WITHIN interval: by how much rows may come behind others; -1 after reporting. */
static int64_t slack_of(wri_select *s, uint32_t col) {
    wri_ctx *c = s->q->c;
    const wr_query *y = s->y;
    int64_t us = 0;
    wri_scope none = {0};
    wri_binder b;
    if (!y->order_within) return 0;
    const wr_expr *key = s->out.exprs[s->order[0].col], *time = s->out.exprs[col];
    if (s->n_order > 1 || s->order[0].desc || !wri_expr_equal(key, time)) {
        wri_error(c, y->order[s->n_order > 1].expr->loc, "write ORDER BY the same expression alone, rising",
                  "ORDER BY … WITHIN sorts by what is selected AS ROWTIME, and by nothing else");
        return -1;
    }
    wri_binder_scalar(s->q, &b, &none, "WITHIN");
    if (!wri_const_interval_us(&b, y->order_within, "WITHIN", &us)) return -1;
    if (us >= 0 && us <= WR_TS_MAX / 2) return us;
    wri_error(c, y->order_within->loc, "write INTERVAL '10' SECOND, for example",
              "WITHIN: this interval is out of range");
    return -1;
}

static wr_node *promote_node(wri_ctx *c, wr_node *in, uint32_t col, int64_t within_us, wr_loc loc) {
    in = wri_exchange_node(c, in, WR_EX_GATHER, NULL, 0, loc);
    wr_node *n = in ? wri_node_new(c, WR_N_PROMOTE, loc, 1, &in, in->out.n) : NULL;
    if (!n) return NULL;
    wri_xnode *x = wri_x(n), *xi = wri_x(in);
    for (uint32_t i = 0; i < in->out.n; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
        x->props[i].rises = false;
    }
    x->props[col] = (wri_prop){0};
    n->out.fields[col].type.not_null = true;
    n->promote.time = col;
    n->promote.order_time = in->time_col;
    n->promote.within_us = within_us;
    n->time_col = col;
    x->n_vis = xi->n_vis;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return wri_takes_late(c, n) ? n : NULL;
}

wr_node *wri_promote(wri_select *s, wr_node *n) {
    wri_ctx *c = s->q->c;
    uint32_t col = WR_NO_COL;
    const wr_item *item = rowtime_item(s, &col);
    if (!item) {
        if (!s->y->order_within) return n;
        wri_error(c, s->y->order_within->loc,
                  "write SELECT STREAM event_time AS ROWTIME, … ORDER BY event_time WITHIN …",
                  "ORDER BY … WITHIN needs the time that it sorts by to be selected AS ROWTIME");
        return NULL;
    }
    wr_type t = n->out.fields[col].type;
    if (t.kind != WR_T_TIMESTAMP) {
        char have[WR_TEXT_MAX];
        wri_error(c, item->expr->loc, "give it another name, or write a CAST to TIMESTAMP",
                  "what is selected AS ROWTIME is the time of the rows, a TIMESTAMP; this is %s",
                  wr_type_print(t, have, sizeof have));
        return NULL;
    }
    int64_t slack = slack_of(s, col);
    if (slack < 0) return NULL;
    if (s->y->order_within) s->order[0].col = col;
    if (!s->y->order_within && wri_is_time(n, col)) return wri_with_time(c, n, col);
    if (n->updating) {
        wri_error(c, item->expr->loc, "give it another name",
                  "rows that are corrected later (%s) have no ROWTIME", wri_changes_of(c, n));
        return NULL;
    }
    return promote_node(c, n, col, slack, item->expr->loc);
}

/* ---- MONOTONIC(column) ---- */

/* The column that e asserts to rise, NULL: none. */
static const wr_ast *asserted(const wr_ast *e) {
    if (!e) return NULL;
    bool is = e->kind == WR_A_CALL && e->name.n == 1 && strcasecmp(e->name.parts[0].text, "MONOTONIC") == 0;
    if (is && e->n_args == 1 && e->args[0]->kind == WR_A_COLUMN) return e->args[0];
    const wr_ast *found = NULL;
    for (uint32_t i = 0; i < e->n_args && !found; i++) found = asserted(e->args[i]);
    return found;
}

static const wr_ast *asserted_in(const wr_query *y) {
    const wr_ast *found = y->n_order ? asserted(y->order[0].expr) : NULL;
    for (uint32_t i = 0; i < y->n_groups && !found; i++) found = asserted(y->groups[i].expr);
    for (uint32_t i = 0; y->distinct && i < y->n_items && !found; i++) found = asserted(y->items[i].expr);
    return found;
}

bool wri_assert_monotonic(wri_select *s) {
    const wr_ast *e =
        s->q->kda && s->in->time_col != WR_NO_COL && !s->in->updating ? asserted_in(s->y) : NULL;
    wri_binder b;
    if (!e) return true;
    wri_binder_scalar(s->q, &b, &s->scope, "MONOTONIC");
    wr_diags none = {
        .file = b.d->file, .text = b.d->text, .len = b.d->len, .ar = b.ar}; /* told by who binds it */
    b.d = &none;
    const wr_expr *x = wri_bind(&b, e);
    if (x == &wri_failed || x->kind != WR_X_COL || x->type.kind != WR_T_TIMESTAMP ||
        wri_is_time(s->in, x->col))
        return true;
    s->in = promote_node(s->q->c, s->in, x->col, 0, e->loc);
    return s->in != NULL;
}

/* ---- SELECT STREAM DISTINCT ---- */

static bool is_bare_time(const wr_node *n, const wr_expr *e) {
    return e->kind == WR_X_COL && wri_is_time(n, e->col);
}

/* For how long the items that rise with ROWTIME stay the same; 0: none does. */
static int64_t stays_for(const wri_select *s, const wr_node *n) {
    int64_t least = 0;
    bool bare = false;
    for (uint32_t i = 0; i < s->n_items; i++) {
        wri_floor f;
        bare = bare || is_bare_time(n, s->out.exprs[i]);
        if (wri_floor_time(n, s->out.exprs[i], &f) != WR_NO_COL && (least == 0 || f.size_us < least))
            least = f.size_us;
    }
    return least ? least : bare ? 1 : 0;
}

static bool has_window(const wri_select *s, const wr_node *n) {
    for (uint32_t i = 0; i < s->n_items; i++) {
        const wr_expr *e = s->out.exprs[i];
        if (e->kind == WR_X_COL && wri_x(n)->props[e->col].role != WRI_ROLE_NONE) return true;
    }
    return false;
}

bool wri_streams_distinct(const wri_select *s, const wr_node *n) {
    return s->q->kda && (s->y->stream || !n->bounded) && !n->updating && n->time_col != WR_NO_COL &&
           s->y->emit.kind != WR_EMIT_CHANGES && !s->y->emit.lateness && s->y->emit.kind != WR_EMIT_EARLY &&
           (stays_for(s, n) > 0 || !has_window(s, n));
}

wr_node *wri_stream_distinct(wri_select *s, wr_node *n) {
    wri_ctx *c = s->q->c;
    int64_t stays = stays_for(s, n);
    if (stays == 0) {
        static const char *const what = "SELECT STREAM DISTINCT";
        wri_no_rise(s, n, s->out.exprs, s->n_items, &(wri_rise_need){what, "an item", "add", s->y->loc});
        return NULL;
    }
    uint32_t *keys = wri_new_n(c, s->n_items, sizeof *keys), n_keys = 0;
    if (!keys) return NULL;
    for (uint32_t i = 0; i < s->n_items; i++)
        if (stays == 1 || !is_bare_time(n, s->out.exprs[i])) keys[n_keys++] = i;
    n = wri_project_node(c, n, &s->out, s->n_items, s->y->loc);
    if (n) n = wri_first_rows_node(c, n, keys, n_keys, stays, s->y->loc);
    for (uint32_t i = 0; n && i < s->n_items; i++)
        if (!(s->out.exprs[i] = wri_col_of(c, n, i, s->out.exprs[i]->loc))) return NULL;
    return n;
}

/* ---- what does not rise ---- */

static bool reads_time(void *ctx, uint32_t col) { return wri_is_time(ctx, col); }
static bool any_column(void *ctx, uint32_t col) {
    (void)ctx;
    (void)col;
    return true;
}

static bool is_floor(const wr_expr *e) {
    return e->kind == WR_X_OP &&
           (e->op == WR_OP_FLOOR_STEP || e->op == WR_OP_FLOOR_UNIT || e->op == WR_OP_CEIL_UNIT) &&
           wr_kind_is_time((wr_kind)e->args[0]->type.kind);
}

/* The key that was most likely meant, of exprs[0..n_exprs) over n; NULL: none has to do with time. */
static const wr_expr *meant(const wr_node *n, wr_expr *const *exprs, uint32_t n_exprs) {
    for (uint32_t i = 0; i < n_exprs; i++)
        if (exprs[i] && wri_reads(exprs[i], reads_time, (void *)(uintptr_t)n)) return exprs[i];
    for (uint32_t i = 0; i < n_exprs; i++)
        if (exprs[i] && wri_reads(exprs[i], any_column, NULL) &&
            (is_floor(exprs[i]) || wr_kind_is_time((wr_kind)exprs[i]->type.kind)))
            return exprs[i];
    return NULL;
}

/* The name by which ROWTIME is written in FROM: "s".ROWTIME. */
static const char *rowtime_name(const wri_select *s) {
    for (uint32_t i = 0; i < s->scope.n; i++)
        if (s->scope.cols[i].qualifier && strcasecmp(s->scope.cols[i].name, "ROWTIME") == 0)
            return wri_text(s->q->c, "\"%s\".ROWTIME", s->scope.cols[i].qualifier);
    return "s.ROWTIME";
}

void wri_no_rise(const wri_select *s, const wr_node *n, wr_expr *const *exprs, uint32_t n_exprs,
                 const wri_rise_need *need) {
    wri_ctx *c = s->q->c;
    const char *time = rowtime_name(s);
    const wr_expr *e = meant(n, exprs, n_exprs);
    const char *why = "none of them changes with ROWTIME";
    bool constants = n_exprs > 0;
    for (uint32_t i = 0; i < n_exprs; i++)
        constants = constants && exprs[i] && !wri_reads(exprs[i], any_column, NULL);
    if (e && wri_reads(e, reads_time, (void *)(uintptr_t)n))
        why = "this one reads ROWTIME, but may fall when ROWTIME rises";
    else if (e)
        why =
            "this one is of another time, and only ROWTIME is known to rise (or what is selected AS ROWTIME)";
    else if (constants) why = "constants never change";
    if (n_exprs == 0) why = "there is none";
    wri_error(
        c, e && n_exprs > 1 ? e->loc : need->loc,
        wri_text(c, "%s FLOOR(%s TO MINUTE) or STEP(%s BY INTERVAL '10' SECOND)", need->verb, time, time),
        "%s needs %s that rises with ROWTIME, which tells when its rows are complete: %s", need->what,
        need->a_key, why);
}
