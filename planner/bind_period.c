/* planner/bind_period.c -- predicates on periods: (s1, e1) OVERLAPS (s2, e2) and its kin.
 *
 * A period is half-open, s <= t < e; its second part may be an interval, then e = s + interval; a single
 * time is the period of that instant. STRICTLY: the two neither begin nor end together. IMMEDIATELY: they
 * touch (PRECEDES, SUCCEEDS), end together (LEADS) or begin together (LAGS). Predicates make chains. */
#include "bind_int.h"

typedef struct period {
    wr_expr *start, *end;
    bool instant; /* one time, both ends */
} period;

static wr_expr *cmp(wri_binder *b, const wr_ast *e, wr_expr *x, wr_xop op, wr_expr *y) {
    return wri_bind_compare(b, e->loc, op, x, y);
}

static wr_expr *both(wri_binder *b, const wr_ast *e, wr_expr *x, wr_expr *y) {
    return wri_mk_and(b, e->loc, x, y);
}

static bool is_point_type(const wr_expr *x) {
    bool text = x->kind == WR_X_CONST && wri_is_char(x->type); /* read as what it is compared with */
    return wr_kind_is_time((wr_kind)x->type.kind) || x->type.kind == WR_T_NULL || text;
}

static bool bind_side(wri_binder *b, const wr_ast *e, period *p) {
    *p = (period){0};
    if (e->kind != WR_A_ROW) {
        p->start = p->end = wri_bind(b, e);
        p->instant = true;
        if (wri_is_bad(p->start)) return false;
        if (is_point_type(p->start)) return true;
        wri_bind_error(b, e->loc, "write (start, end)", "a period has dates or times, found %s",
                       wri_type_text(b, p->start->type));
        return false;
    }
    if (e->n_args != 2) {
        wri_bind_error(b, e->loc, "write (start, end)", "a period has two parts, found %u", e->n_args);
        return false;
    }
    p->start = wri_bind(b, e->args[0]);
    p->end = wri_bind(b, e->args[1]);
    if (wri_is_bad(p->start) || wri_is_bad(p->end) || wri_too_big(b, p->start, 8, e->loc) ||
        wri_too_big(b, p->end, 8, e->loc))
        return false;
    if (is_point_type(p->start) && wri_is_interval(p->end->type))
        p->end = wri_bind_arith(b, e->loc, '+', p->start, p->end);
    if (wri_is_bad(p->end)) return false;
    if (is_point_type(p->start) && is_point_type(p->end)) return true;
    wri_bind_error(b, e->loc, "write (start, end)", "a period has dates or times, found %s and %s",
                   wri_type_text(b, p->start->type), wri_type_text(b, p->end->type));
    return false;
}

/* x lies before y. */
static wr_expr *precedes(wri_binder *b, const wr_ast *e, period x, period y) {
    /* An instant ends where it begins, but still lies before what begins later only. */
    wr_xop op = e->flag2 ? WR_OP_EQ : e->flag || x.instant ? WR_OP_LT : WR_OP_LE;
    return cmp(b, e, x.end, op, y.start);
}

/* x begins before y and reaches into it, but not beyond. */
static wr_expr *leads(wri_binder *b, const wr_ast *e, period x, period y) {
    wr_xop end = e->flag2 ? WR_OP_EQ : e->flag ? WR_OP_LT : WR_OP_LE;
    return both(b, e, both(b, e, cmp(b, e, x.start, WR_OP_LT, y.start), cmp(b, e, y.start, WR_OP_LT, x.end)),
                cmp(b, e, x.end, end, y.end));
}

/* x ends after y and begins within it. */
static wr_expr *lags(wri_binder *b, const wr_ast *e, period x, period y) {
    wr_xop start = e->flag2 ? WR_OP_EQ : e->flag ? WR_OP_LT : WR_OP_LE;
    return both(b, e, both(b, e, cmp(b, e, y.start, start, x.start), cmp(b, e, x.start, WR_OP_LT, y.end)),
                cmp(b, e, y.end, WR_OP_LT, x.end));
}

static wr_expr *contains(wri_binder *b, const wr_ast *e, period x, period y) {
    wr_expr *start = cmp(b, e, x.start, e->flag ? WR_OP_LT : WR_OP_LE, y.start);
    wr_xop end = e->flag ? WR_OP_LT : WR_OP_LE;
    if (y.instant) return both(b, e, start, cmp(b, e, y.start, WR_OP_LT, x.end));
    return both(b, e, start, cmp(b, e, y.end, end, x.end));
}

static wr_expr *overlaps(wri_binder *b, const wr_ast *e, period x, period y) {
    wr_expr *r = both(b, e, cmp(b, e, x.start, y.instant ? WR_OP_LE : WR_OP_LT, y.end),
                      cmp(b, e, y.start, x.instant ? WR_OP_LE : WR_OP_LT, x.end));
    if (!e->flag) return r;
    return both(b, e, r,
                both(b, e, cmp(b, e, x.start, WR_OP_NE, y.start), cmp(b, e, x.end, WR_OP_NE, y.end)));
}

static bool op_is(const wr_ast *e, const char *op) { return strcmp(e->op, op) == 0; }

static wr_expr *bind_pair(wri_binder *b, const wr_ast *e, const wr_ast *left) {
    period x, y;
    bool ok = bind_side(b, left, &x);
    if (!bind_side(b, e->args[1], &y) || !ok) return &wri_failed;
    if (e->flag2 && (op_is(e, "CONTAINS") || op_is(e, "OVERLAPS") || op_is(e, "EQUALS")))
        return wri_bind_error(b, e->loc, NULL, "IMMEDIATELY does not go with %s", e->op);
    if (e->flag && op_is(e, "EQUALS"))
        return wri_bind_error(b, e->loc, NULL, "STRICTLY does not go with EQUALS");
    if (op_is(e, "PRECEDES")) return precedes(b, e, x, y);
    if (op_is(e, "SUCCEEDS")) return precedes(b, e, y, x);
    if (op_is(e, "LEADS")) return leads(b, e, x, y);
    if (op_is(e, "LAGS")) return lags(b, e, x, y);
    if (op_is(e, "CONTAINS")) return contains(b, e, x, y);
    if (op_is(e, "OVERLAPS")) return overlaps(b, e, x, y);
    return both(b, e, cmp(b, e, x.start, WR_OP_EQ, y.start), cmp(b, e, x.end, WR_OP_EQ, y.end));
}

/* p P q R r, a chain, is p P q AND q R r. */
wr_expr *wri_bind_period(wri_binder *b, const wr_ast *e) {
    const wr_ast *left = e->args[0];
    if (left->kind != WR_A_PERIOD) return bind_pair(b, e, left);
    wr_expr *before = wri_bind(b, left);
    if (wri_is_bad(before)) return before;
    wr_expr *last = bind_pair(b, e, left->args[1]);
    return wri_is_bad(last) ? last : both(b, e, before, last);
}
