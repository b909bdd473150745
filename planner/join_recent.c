/* planner/join_recent.c -- joins of the Kinesis dialect: OVER behind the items of FROM.
 *
 *   FROM orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o JOIN shipments AS s ON …
 *
 * OVER says which rows of an item the rows of the other one meet when they arrive: those of the last minute
 * (RANGE), or the last n and the current one (ROWS n PRECEDING). Without OVER that is the current row alone,
 * which is met by what arrives at the same time. With w0, w1 for the lengths of both windows, a pair is
 *
 *   -w0 <= time of in[0] - time of in[1] <= w1
 *
 * hence an interval join; rows are only counted by an operator of their own, JOIN_RECENT. A row of a side
 * that is kept whole (LEFT, RIGHT, FULL) and met nobody comes out when its own window lets it go. The
 * result's ROWTIME is the time at which a row of it became known; alias.ROWTIME is that of an input.
 *
 * A join of joins: a pair of the lower join comes at its ROWTIME and counts as long as each of its rows does
 * by the window of its own item.
 *
 * An item without ROWTIME, or that is read to its end and has none declared, is a reference table: rows are
 * asked of it, OVER or not. */
#include "bind_int.h"
#include "plan_int.h"

static const wr_window *window_named(const wri_q *q, const wr_ident *name) {
    const wr_query *y = q->select;
    for (uint32_t i = 0; y && i < y->n_windows; i++)
        if (wri_ident_matches(name, y->windows[i].name.text)) return &y->windows[i];
    wri_error(q->c, name->loc,
              wri_text(q->c, "add WINDOW %s AS (RANGE INTERVAL '1' MINUTE PRECEDING)", name->text),
              "there is no window '%s'", name->text);
    return NULL;
}

static const char *const forms =
    "write OVER (RANGE INTERVAL '1' MINUTE PRECEDING) or OVER (ROWS 10 PRECEDING)";

/* What a window of a join cannot have. */
static bool plain(const wri_q *q, const wr_window *w) {
    wri_ctx *c = q->c;
    if (w->n_partition)
        wri_error(c, w->partition[0]->loc, "put the equation into ON",
                  "the window of a join cannot have PARTITION BY");
    else if (w->n_order)
        wri_error(c, w->order[0].expr->loc, "leave ORDER BY out",
                  "the window of a join is in the order of arrival");
    else if (!w->has_frame) wri_error(c, w->loc, forms, "the window of a join must say how far back it goes");
    else if (w->lo == WR_B_UNBOUNDED_PRECEDING)
        wri_error(c, w->loc, forms, "the window of this join would keep all rows for ever");
    else if (w->lo > WR_B_CURRENT || w->hi > WR_B_CURRENT)
        wri_unsupported(c, w->loc, "turn the join round: give the other item a window of rows PRECEDING",
                        "FOLLOWING in the window of a join is not supported");
    else if (w->hi != WR_B_CURRENT)
        wri_unsupported(c, w->loc, forms,
                        "a window of a join that ends before the current row is not supported");
    else return true;
    return false;
}

/* OVER of side s. */
static bool bind_frame(wri_join *j, uint32_t s, const wr_window *over) {
    const wri_q *q = j->q;
    wri_recent *r = &j->recent;
    wri_binder b;
    static const wri_scope none;
    const wr_window *w = over;
    if (over->name.text) {
        if (over->has_frame || over->n_partition || over->n_order) {
            wri_error(q->c, over->loc, "write the whole window here, or OVER and its name alone",
                      "the window of a join cannot be made of '%s' and something more", over->name.text);
            return false;
        }
        w = window_named(q, &over->name);
    }
    if (!w || !plain(q, w)) return false;
    r->given = true;
    if (w->rows) r->last[s] = 0;
    if (w->lo == WR_B_CURRENT) return true;
    wri_binder_scalar(j->q, &b, &none, "OVER");
    if (w->rows && w->lo_expr->kind == WR_A_INTERVAL)
        wri_error(q->c, w->lo_expr->loc, "use RANGE", "ROWS counts rows, found an INTERVAL");
    else {
        int64_t *to = w->rows ? &r->last[s] : &r->us[s];
        bool ok = w->rows ? wri_const_int(&b, w->lo_expr, "a window of ROWS", to)
                          : wri_const_interval_us(&b, w->lo_expr, "a window of RANGE", to);
        if (!ok) return false;
        if (*to >= 0 && *to <= INT64_C(1) << 60) return true;
        wri_error(q->c, w->lo_expr->loc, forms, "the window of a join goes back by %s",
                  *to < 0 ? "less than nothing" : "too much");
    }
    return false;
}

/* Rows are asked of it, it does not send any by itself: no ROWTIME, or none declared and read to its end. */
static bool is_table(const wr_node *n) {
    if (n->time_col == WR_NO_COL) return true;
    while (n->n_in) n = n->in[0];
    return n->bounded && n->kind == WR_N_SOURCE && n->source.stream->arrival_time;
}

/* "in[!s]'s row comes while this row of in[s] is in its window", of a join below. */
static wr_expr *still_in(wri_join *j, uint32_t s, const wri_reach *of) {
    const wr_node *in = j->in[s], *other = j->in[!s];
    uint32_t w0 = j->in[0]->out.n;
    wr_type boolean = wr_type_of(WR_T_BOOLEAN), time = in->out.fields[of->col].type;
    wri_binder b;
    static const wri_scope none;
    wri_binder_scalar(j->q, &b, &none, "OVER");
    wr_expr *t = wri_new_col(b.ar, of->col + (s ? w0 : 0), time, j->loc);
    wr_expr *now =
        wri_new_col(b.ar, other->time_col + (s ? 0 : w0), other->out.fields[other->time_col].type, j->loc);
    if (!t || !now) return NULL;
    wr_expr *until = wri_mk_op2(&b, WR_OP_ADD, wri_plain_type(time), j->loc, t,
                                wri_mk_i64(&b, of->us, wr_type_of(WR_T_INTERVAL_DAY), j->loc));
    wr_expr *in_time = wri_mk_op2(&b, WR_OP_LE, boolean, j->loc, now, until);
    wr_expr *absent = wri_mk_op1(&b, WR_OP_IS_NULL, boolean, j->loc, t);
    wr_expr *e = wri_mk_op2(&b, WR_OP_OR, boolean, j->loc, absent, in_time);
    return e == &wri_failed ? NULL : e;
}

/* in[s] is a join itself: its pairs count as long as their rows do, the least of which bounds the join. */
static bool join_below(wri_join *j, uint32_t s, const wri_recent *below) {
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < below->n_reach; i++) {
        const wri_reach *of = &below->reach[i];
        if (of->us < 0) {
            wri_unsupported(j->q->c, j->loc, "use RANGE, or make the first join a stream by a pump",
                            "a join of more than two items is not supported with windows of ROWS");
            return false;
        }
        if (of->us < least) least = of->us;
        wr_expr *e = still_in(j, s, of);
        if (!e || !wri_join_add(j, e)) return false;
    }
    j->recent.us[s] = least;
    j->recent.given = true;
    return true;
}

static bool note_reach(wri_join *j) {
    wri_ctx *c = j->q->c;
    wri_recent *r = &j->recent;
    uint32_t cap = 0;
    for (uint32_t s = 0; s < 2; s++) {
        const wri_recent *below = wri_x(j->in[s])->recent;
        uint32_t n = below ? below->n_reach : 1, shift = s ? j->in[0]->out.n : 0;
        for (uint32_t i = 0; i < n; i++) {
            wri_reach *to = wri_new_last(c, &r->reach, &r->n_reach, &cap, sizeof *to);
            if (!to) return false;
            *to = below ? below->reach[i] : (wri_reach){j->in[s]->time_col, r->last[s] >= 0 ? -1 : r->us[s]};
            to->col += shift;
        }
    }
    return true;
}

/* OVER of side s, if it may have one. */
static bool side_window(wri_join *j, uint32_t s, const wr_window *w) {
    wri_ctx *c = j->q->c;
    if (is_table(j->in[s])) {
        wri_error(c, w->loc, "leave OVER out, or give it ROWTIME FROM … or WATERMARK FOR …",
                  "'%s' has no ROWTIME, so there is no window over it", j->names[s]);
        return false;
    }
    if (j->in[0]->updating || j->in[1]->updating) {
        wri_unsupported(c, w->loc, "make the results final with a window",
                        "OVER in a join with updating results (%s) is not supported",
                        wri_changes_of(c, j->in[j->in[0]->updating ? 0 : 1]));
        return false;
    }
    return bind_frame(j, s, w);
}

bool wri_join_recent(wri_join *j, const wr_from *f) {
    const wr_window *over[] = {f->left->over, f->right->over};
    wri_recent *r = &j->recent;
    bool tables = is_table(j->in[0]) || is_table(j->in[1]);
    *r = (wri_recent){.last = {-1, -1}};
    for (uint32_t s = 0; s < 2; s++)
        if (over[s] && !side_window(j, s, over[s])) return false;
    if (tables) *r = (wri_recent){.last = {-1, -1}}; /* its rows never arrive: no window is looked into */
    if (tables || j->as_of || j->in[0]->updating || j->in[1]->updating) return true;
    for (uint32_t s = 0; s < 2; s++) {
        const wri_recent *below = wri_x(j->in[s])->recent;
        if (below && !join_below(j, s, below)) return false;
    }
    r->on = r->given || j->q->kda;
    r->by_rows = r->last[0] >= 0 || r->last[1] >= 0;
    return !r->on || note_reach(j);
}

bool wri_recent_made(const wri_join *j, wr_node *n) {
    wri_recent *r = wri_new(j->q->c, sizeof *r);
    if (r) *r = j->recent;
    wri_x(n)->recent = r;
    return r != NULL;
}
