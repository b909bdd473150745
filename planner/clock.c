/* planner/clock.c -- the time zone of the session: between moments and what clocks show.
 *
 * A TIMESTAMP_LTZ is a moment, held as UTC; a TIMESTAMP, DATE, TIME or text is what a clock shows. Whatever
 * looks at parts of a moment, or turns it into one of the others or back, goes over the session's zone. That
 * is said here in terms of FROM_UTC_TIMESTAMP and TO_UTC_TIMESTAMP, so nothing behind the binder knows of the
 * session. With UTC both are the same number, and nothing is added.
 *
 * Windows are of what clocks show, as in Flink: a CLOCK in front of the window makes that the event time. */
#include "bind_int.h"
#include "plan_int.h"

bool wri_has_clock(const wri_binder *b, wr_type t) {
    return b->zone && t.kind == WR_T_TIMESTAMP && t.local_tz;
}

static wr_expr *over_zone(wri_binder *b, const char *name, wr_expr *x, wr_type to) {
    const wr_func_def *f = wri_find_func(b->reg, name);
    wr_value v = {.str = wr_str_make(b->zone, strlen(b->zone))};
    wr_expr *zone = wri_new_const(b->ar, v, wr_type_of(WR_T_VARCHAR), x->loc);
    if (!f) return wri_bind_unsupported(b, x->loc, "a session's time zone");
    return zone ? wri_mk_func(b, f, to, x->loc, 2, (wr_expr *const[]){x, zone}) : &wri_failed;
}

wr_expr *wri_clock(wri_binder *b, wr_expr *x) {
    if (wri_is_bad(x) || !wri_has_clock(b, x->type)) return x;
    wr_type to = wri_plain_type(x->type);
    to.local_tz = false;
    return over_zone(b, "FROM_UTC_TIMESTAMP", x, to);
}

wr_expr *wri_moment(wri_binder *b, wr_expr *x, wr_type to) {
    if (wri_is_bad(x) || !wri_has_clock(b, to) || wri_has_clock(b, x->type)) return x;
    return over_zone(b, "TO_UTC_TIMESTAMP", x, wri_plain_type(to));
}

wr_node *wri_clock_node(wri_ctx *c, wr_node *in, wr_loc loc) {
    if (!c->zone || in->time_col == WR_NO_COL || !in->out.fields[in->time_col].type.local_tz) return in;
    wri_xnode *xi = wri_x(in);
    uint32_t w = in->out.n;
    wr_node *n = wri_node_new(c, WR_N_CLOCK, loc, 1, &in, w + 1);
    if (!n) return NULL;
    wri_xnode *x = wri_x(n);
    for (uint32_t i = 0; i < w; i++) {
        n->out.fields[i] = in->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
        x->props[i].rises = false;
        if (x->props[i].role == WRI_ROLE_TIME) x->props[i].role = WRI_ROLE_NONE;
    }
    wr_type t = in->out.fields[in->time_col].type;
    t.local_tz = false;
    n->out.fields[w] = (wr_field){.name = "local_time", .type = t};
    n->clock.time = in->time_col;
    n->clock.zone = c->zone;
    n->time_col = w;
    x->n_vis = xi->n_vis;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    return n;
}
