/* planner/bind_time.c -- dates, times and intervals: literals, arithmetic, FLOOR/CEIL … TO, STEP, EXTRACT.
 *
 * Both kinds of interval count (microseconds, months), so most of this lowers to integer operations on
 * their physical form. An interval of one field carries it in wr_expr.unit: CAST and + for DATEs need it.
 * FLOOR(i / n TO unit) of an interval i becomes STEP(i BY n units) / n, the bucket number times the unit:
 * the form in which the planner recognises the idiom FLOOR((t - epoch) SECOND / 10 TO SECOND). */
#include "bind_int.h"

static wr_type ts_type(uint32_t prec) { return (wr_type){.kind = WR_T_TIMESTAMP, .prec = prec}; }
static bool is_time(const wr_expr *x) { return wr_kind_is_time((wr_kind)x->type.kind); }
static bool is_day(const wr_expr *x) { return x->type.kind == WR_T_INTERVAL_DAY; }
static bool is_month(const wr_expr *x) { return x->type.kind == WR_T_INTERVAL_MONTH; }
static bool is_num(const wr_expr *x) { return wr_kind_is_num((wr_kind)x->type.kind); }

/* x, known to be of one field. */
static wr_expr *with_unit(wri_binder *b, wr_expr *x, wr_unit unit) {
    if (wri_is_bad(x) || x->unit == unit || (x->kind == WR_X_OP && x->op >= WR_OP_FLOOR_UNIT)) return x;
    wr_expr *c = wr_arena_alloc(b->ar, sizeof *c);
    if (!c) return &wri_failed;
    *c = *x;
    c->unit = unit;
    return c;
}

static wr_expr *unit_const(wri_binder *b, wr_unit unit, wr_loc loc) {
    int64_t us = wri_us_of_unit(unit);
    return wri_mk_i64(b, us ? us : wri_months_of_unit(unit),
                      wr_type_of(us ? WR_T_INTERVAL_DAY : WR_T_INTERVAL_MONTH), loc);
}

/* ---- literals ---- */

wr_expr *wri_bind_temporal(wri_binder *b, const wr_ast *e) {
    wr_type t = wri_plain_type(e->type);
    const char *text = e->text;
    size_t n = strlen(text);
    int64_t us = 0;
    bool ok = t.kind == WR_T_DATE   ? wr_read_date(text, n, &us)
              : t.kind == WR_T_TIME ? wr_read_time(text, n, &us)
                                    : wr_read_timestamp(text, n, &us) || wr_read_date(text, n, &us);
    if (!ok) {
        const char *form = t.kind == WR_T_DATE   ? "write DATE '2026-01-31'"
                           : t.kind == WR_T_TIME ? "write TIME '23:59:59'"
                                                 : "write TIMESTAMP '2026-01-31 23:59:59'";
        return wri_bind_error(b, e->loc, form, "'%.200s' is no %s", text, wr_kind_name((wr_kind)t.kind));
    }
    return wri_mk_i64(b, us, t, e->loc);
}

/* ---- arithmetic ---- */

static wr_expr *cannot(wri_binder *b, wr_loc loc, char op, const wr_expr *x, const wr_expr *y) {
    const char *hint = NULL, *sx = wri_source_text(b, x->loc), *sy = wri_source_text(b, y->loc);
    bool sum = op == '+' || op == '-';
    bool before = op == '+' && wr_kind_is_int((wr_kind)x->type.kind) && is_time(y);
    if (before || (sum && is_time(x) && wr_kind_is_int((wr_kind)y->type.kind)))
        hint = wr_arena_printf(b->d->ar, "write %s %c %s * INTERVAL '1' %s (or another unit)",
                               before ? sy : sx, op, before ? sx : sy,
                               (before ? y : x)->type.kind == WR_T_DATE ? "DAY" : "SECOND");
    else if (is_time(x) && wri_is_char(y->type) && op == '-')
        hint = wr_arena_printf(b->d->ar, "write CAST(%s AS TIMESTAMP)", sy);
    else if (is_time(x) && is_time(y) && op == '+') hint = "times are subtracted from each other, not added";
    else if (wri_is_interval(x->type) && wri_is_interval(y->type) && sum)
        hint = "an interval of months and one of days do not mix";
    else if (is_day(x) && is_day(y) && op == '/')
        hint = "divide numbers: CAST((…) SECOND AS BIGINT) is an interval's seconds";
    return wri_bind_error(b, loc, hint, "'%c' cannot take %s and %s", op, wri_type_text(b, x->type),
                          wri_type_text(b, y->type));
}

static bool whole_days(const wr_expr *i) {
    if (i->kind == WR_X_CONST) return i->value.null || i->value.i64 % WRI_US_DAY == 0;
    return i->unit == WR_U_DAY || i->unit == WR_U_WEEK;
}

/* t + i or t - i. A DATE stays one when the interval is of whole days. */
static wr_expr *shift(wri_binder *b, wr_loc loc, bool minus, wr_expr *t, wr_expr *i) {
    wr_type type = wri_plain_type(t->type);
    if (is_month(i)) {
        if (type.kind == WR_T_TIME) return cannot(b, loc, minus ? '-' : '+', t, i);
        if (minus) i = wri_bind_neg(b, i->loc, i);
        return wri_mk_op2(b, WR_OP_ADD_MONTHS, type, loc, t, i);
    }
    if (type.kind == WR_T_DATE && !whole_days(i)) type = ts_type(3);
    bool fine = i->kind == WR_X_CONST && !i->value.null && i->value.i64 % WRI_US_MILLISECOND != 0;
    if (fine && type.prec < 6) type.prec = 6;
    return wri_mk_op2(b, minus ? WR_OP_SUB : WR_OP_ADD, type, loc, t, i);
}

static wr_expr *difference(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y) {
    wr_expr *both[2] = {x, y};
    wr_type t;
    if ((x->type.kind == WR_T_TIME) != (y->type.kind == WR_T_TIME)) return cannot(b, loc, '-', x, y);
    if (!wri_unify(b, both, 2, &t, "-", true)) return &wri_failed;
    return wri_mk_op2(b, WR_OP_SUB, wr_type_of(WR_T_INTERVAL_DAY), loc, both[0], both[1]);
}

/* i * n or i / n. A DOUBLE n is taken as a DECIMAL. */
static wr_expr *scaled(wri_binder *b, wr_loc loc, bool divide, wr_expr *i, wr_expr *n) {
    wr_type t = wr_type_of((wr_kind)i->type.kind);
    if (n->type.kind == WR_T_REAL || n->type.kind == WR_T_DOUBLE)
        n = wri_cast_expr(b, n, (wr_type){.kind = WR_T_DECIMAL, .prec = 18, .scale = 6}, true, n->loc);
    if (wri_is_bad(n)) return n;
    return with_unit(b, wri_mk_op2(b, divide ? WR_OP_DIV : WR_OP_MUL, t, loc, i, n), i->unit);
}

wr_expr *wri_bind_time_arith(wri_binder *b, wr_loc loc, char op, wr_expr *x, wr_expr *y) {
    bool sum = op == '+' || op == '-', nx = x->type.kind == WR_T_NULL, ny = y->type.kind == WR_T_NULL;
    if (op != '%' && (nx || ny)) return wri_mk_null(b, nx ? y->type : x->type, loc);
    if (sum && is_time(x) && wri_is_interval(y->type)) return shift(b, loc, op == '-', x, y);
    if (op == '+' && wri_is_interval(x->type) && is_time(y)) return shift(b, loc, false, y, x);
    if (op == '-' && is_time(x) && is_time(y)) return difference(b, loc, x, y);
    if (sum && wri_is_interval(x->type) && x->type.kind == y->type.kind) {
        wr_expr *r = wri_mk_op2(b, op == '+' ? WR_OP_ADD : WR_OP_SUB, wri_plain_type(x->type), loc, x, y);
        return with_unit(b, r, x->unit == y->unit ? x->unit : WR_U_NONE);
    }
    if ((op == '*' || op == '/') && wri_is_interval(x->type) && is_num(y))
        return scaled(b, loc, op == '/', x, y);
    if (op == '*' && is_num(x) && wri_is_interval(y->type)) return scaled(b, loc, false, y, x);
    return cannot(b, loc, op, x, y);
}

wr_expr *wri_mk_time_diff(wri_binder *b, wr_unit unit, wr_expr *from, wr_expr *to, wr_loc loc) {
    wr_type big = wr_type_of(WR_T_BIGINT);
    wr_expr *one = unit_const(b, unit, loc);
    if (wri_us_of_unit(unit)) {
        wr_expr *d = wri_is_bad(from) || wri_is_bad(to) ? &wri_failed : difference(b, loc, to, from);
        return wri_mk_op2(b, WR_OP_DIV, big, loc, d, one);
    }
    if (wri_is_bad(from) || wri_is_bad(to) || wri_too_big(b, from, 12, loc) || wri_too_big(b, to, 12, loc))
        return &wri_failed;
    if (from->type.kind == WR_T_TIME || to->type.kind == WR_T_TIME) return cannot(b, loc, '-', to, from);
    from = wri_clock(b, from);
    to = wri_clock(b, to);
    wr_expr *side[2] = {from, to}, *months[2], *twelve = wri_mk_i64(b, 12, big, loc);
    for (int i = 0; i < 2; i++) {
        wr_expr *years = wri_mk_unit(b, WR_OP_EXTRACT, WR_U_YEAR, big, loc, side[i]);
        months[i] = wri_mk_op2(b, WR_OP_ADD, big, loc, wri_mk_op2(b, WR_OP_MUL, big, loc, years, twelve),
                               wri_mk_unit(b, WR_OP_EXTRACT, WR_U_MONTH, big, loc, side[i]));
    }
    /* The months between the calendar months, one less when the last of them is not yet full; from the
     * earlier to the later time, so that the other way round is the same with the other sign. */
    wr_expr *m = wri_mk_op2(b, WR_OP_SUB, big, loc, months[1], months[0]),
            *unit1 = wri_mk_i64(b, 1, big, loc);
    wr_type mid_type = from->type.kind == WR_T_DATE ? to->type : from->type;
    wr_expr *up = wri_mk_op2(b, WR_OP_ADD_MONTHS, mid_type, loc, from, m);
    wr_expr *down = wri_mk_op2(b, WR_OP_ADD_MONTHS, mid_type, loc, to, wri_mk_op1(b, WR_OP_NEG, big, loc, m));
    wr_expr *over = wri_mk_and(b, loc, wri_bind_compare(b, loc, WR_OP_GE, to, from),
                               wri_bind_compare(b, loc, WR_OP_GT, up, to));
    wr_expr *under = wri_mk_and(b, loc, wri_bind_compare(b, loc, WR_OP_LT, to, from),
                                wri_bind_compare(b, loc, WR_OP_GT, down, from));
    wr_expr *args[] = {over, wri_mk_op2(b, WR_OP_SUB, big, loc, m, unit1), under,
                       wri_mk_op2(b, WR_OP_ADD, big, loc, m, unit1), m};
    m = wri_mk_op(b, WR_OP_CASE, big, loc, WR_LEN(args), args);
    return wri_months_of_unit(unit) == 1 ? m : wri_mk_op2(b, WR_OP_DIV, big, loc, m, one);
}

/* ---- (x) unit [TO unit2] ---- */

/* An interval has no smaller fields than its qualifier's last: the rest is cut off. */
static wr_expr *qualify(wri_binder *b, const wr_ast *e, wr_expr *x) {
    wr_unit last = e->unit2 == WR_U_NONE ? e->unit : e->unit2;
    int64_t us = wri_us_of_unit(last), months = wri_months_of_unit(last);
    if (wri_is_null(x) && x->type.kind == WR_T_NULL)
        return wri_mk_null(b, wr_type_of(us ? WR_T_INTERVAL_DAY : WR_T_INTERVAL_MONTH), e->loc);
    if (!wri_is_interval(x->type))
        return wri_bind_error(b, e->loc, NULL,
                              "%s after parentheses needs an interval, as in (t2 - t1) %s, found %s",
                              wr_unit_name(e->unit), wr_unit_name(e->unit), wri_type_text(b, x->type));
    if (is_day(x) != (us != 0))
        return wri_bind_error(b, e->loc, NULL, "%s cannot qualify an interval of %s", wr_unit_name(e->unit),
                              is_day(x) ? "days to seconds" : "months");
    if (us > WRI_US_SECOND || months > 1) {
        wr_expr *one = unit_const(b, last, e->loc);
        wr_expr *n = wri_mk_op2(b, WR_OP_DIV, wr_type_of(WR_T_BIGINT), e->loc, x, one);
        x = wri_mk_op2(b, WR_OP_MUL, wr_type_of((wr_kind)x->type.kind), e->loc, n, one);
    }
    return with_unit(b, x, e->unit2 == WR_U_NONE || e->unit2 == e->unit ? e->unit : WR_U_NONE);
}

wr_expr *wri_bind_qualified(wri_binder *b, const wr_ast *e) {
    const wr_ast *a = e->args[0];
    if (!wri_check_units(b, e)) {
        wri_bind(b, a);
        return &wri_failed;
    }
    bool minus = a->kind == WR_A_BINARY_OP && strcmp(a->op, "-") == 0;
    if (!minus || !wri_months_of_unit(e->unit)) {
        wr_expr *x = wri_bind(b, a);
        return wri_is_bad(x) ? x : qualify(b, e, x);
    }
    wr_expr *x = wri_bind(b, a->args[0]), *y = wri_bind(b, a->args[1]);
    if (wri_is_bad(x) || wri_is_bad(y)) return &wri_failed;
    if (!is_time(x) || !is_time(y)) {
        x = wri_bind_arith(b, a->loc, '-', x, y);
        return wri_is_bad(x) ? x : qualify(b, e, x);
    }
    wr_unit last = e->unit2 == WR_U_NONE ? e->unit : e->unit2;
    wr_expr *n = wri_mk_time_diff(b, last, y, x, e->loc);
    x = wri_mk_op2(b, WR_OP_MUL, wr_type_of(WR_T_INTERVAL_MONTH), e->loc, n, unit_const(b, last, e->loc));
    return with_unit(b, x, e->unit2 == WR_U_NONE || e->unit2 == e->unit ? e->unit : WR_U_NONE);
}

wr_expr *wri_cast_to_interval(wri_binder *b, const wr_ast *e, wr_expr *x) {
    if (!wri_check_units(b, e)) return &wri_failed;
    if (wri_is_null(x)) return wri_mk_null(b, e->type, e->loc);
    if (x->kind == WR_X_CONST && wri_is_char(x->type)) {
        char *text = wr_arena_strndup(b->ar, wr_str_data(&x->value.str), x->value.str.len);
        return text ? wri_read_interval(b, e, text, x->loc) : &wri_failed;
    }
    if (is_num(x) && e->unit2 == WR_U_NONE)
        return with_unit(b, scaled(b, e->loc, false, unit_const(b, e->unit, e->loc), x), e->unit);
    if (wri_is_interval(x->type)) return qualify(b, e, x);
    x = wri_cast_expr(b, x, wri_plain_type(e->type), true, e->loc);
    return wri_is_bad(x) ? x : qualify(b, e, x);
}

/* ---- rounding ---- */

bool wri_rounds_to(wr_unit u) {
    bool years = u == WR_U_DECADE || u == WR_U_CENTURY || u == WR_U_MILLENNIUM;
    return years || wri_us_of_unit(u) || wri_months_of_unit(u);
}

/* DATE has no parts below the day, TIME none above the hour. */
static bool has_part(wr_type t, wr_unit u) {
    bool below = wri_us_of_unit(u) > 0 && wri_us_of_unit(u) < WRI_US_DAY;
    switch ((wr_kind)t.kind) {
    case WR_T_DATE:
        return !below;
    case WR_T_TIME:
        return below;
    case WR_T_INTERVAL_DAY:
        return wri_us_of_unit(u) > 0 || u == WR_U_EPOCH;
    case WR_T_INTERVAL_MONTH:
        return wri_months_of_unit(u) > 0;
    default:
        return true;
    }
}

/* The n of i / n, when x is that for a constant n > 0 and an interval i; *ip the interval. */
static int64_t divisor(const wr_expr *x, wr_expr **ip) {
    if (x->kind != WR_X_OP || x->op != WR_OP_DIV || !is_day(x)) return 0;
    const wr_expr *n = x->args[1];
    if (n->kind != WR_X_CONST || n->value.null || !wr_kind_is_int((wr_kind)n->type.kind)) return 0;
    *ip = x->args[0];
    return n->value.i64;
}

static wr_expr *floor_interval(wri_binder *b, const wr_ast *e, wr_expr *x) {
    wr_expr *i = NULL;
    int64_t n = divisor(x, &i), us = wri_us_of_unit(e->unit), step;
    if (n > 0 && !__builtin_mul_overflow(n, us, &step)) {
        i = wri_uncut(i, step);
        wr_type t = wr_type_of(WR_T_INTERVAL_DAY);
        wr_expr *k = wri_mk_op2(b, WR_OP_FLOOR_STEP, t, e->loc, i, wri_mk_i64(b, step, t, e->loc));
        return with_unit(b, wri_mk_op2(b, WR_OP_DIV, t, e->loc, k, x->args[1]), x->unit ? x->unit : e->unit);
    }
    return wri_mk_unit(b, WR_OP_FLOOR_UNIT, e->unit, wri_plain_type(x->type), e->loc, x);
}

wr_expr *wri_bind_round_to(wri_binder *b, const wr_ast *e) {
    bool up = strcmp(e->op, "FLOOR") != 0;
    wr_expr *x = wri_bind(b, e->args[0]);
    if (wri_is_bad(x)) return x;
    if (wri_is_null(x) && x->type.kind == WR_T_NULL) return wri_mk_null(b, ts_type(3), e->loc);
    if (!is_time(x) && !wri_is_interval(x->type))
        return wri_bind_error(b, e->loc, NULL, "%s(… TO %s) needs a date, time or interval, found %s", e->op,
                              wr_unit_name(e->unit), wri_type_text(b, x->type));
    if (!wri_rounds_to(e->unit) || !has_part(x->type, e->unit))
        return wri_bind_error(
            b, e->loc,
            e->unit == WR_U_OTHER
                ? "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND; "
                  "for others write STEP(t BY INTERVAL '5' MINUTE)"
                : NULL,
            "%s cannot be rounded to %s", wri_type_text(b, x->type),
            e->unit == WR_U_OTHER && e->text ? e->text : wr_unit_name(e->unit));
    if (is_day(x) && !up) return floor_interval(b, e, x);
    wr_type to = wri_plain_type(x->type);
    x = wri_clock(b, x);
    if (wri_is_bad(x)) return x;
    x = wri_mk_unit(b, up ? WR_OP_CEIL_UNIT : WR_OP_FLOOR_UNIT, e->unit, wri_plain_type(x->type), e->loc, x);
    return wri_moment(b, x, to);
}

/* STEP(t BY INTERVAL n MONTH): months since 1970-01, down to a multiple of n, and back. */
static wr_expr *step_months(wri_binder *b, const wr_ast *e, wr_expr *t, int64_t n) {
    wr_type type = wri_plain_type(t->type), big = wr_type_of(WR_T_BIGINT);
    wr_loc loc = e->loc;
    if (n == 1) return wri_mk_unit(b, WR_OP_FLOOR_UNIT, WR_U_MONTH, type, loc, t);
    if (n == 3) return wri_mk_unit(b, WR_OP_FLOOR_UNIT, WR_U_QUARTER, type, loc, t);
    if (n == 12) return wri_mk_unit(b, WR_OP_FLOOR_UNIT, WR_U_YEAR, type, loc, t);
    wr_expr *y = wri_mk_unit(b, WR_OP_EXTRACT, WR_U_YEAR, big, loc, t);
    wr_expr *m =
        wri_mk_op2(b, WR_OP_ADD, big, loc, wri_mk_op2(b, WR_OP_MUL, big, loc, y, wri_mk_i64(b, 12, big, loc)),
                   wri_mk_unit(b, WR_OP_EXTRACT, WR_U_MONTH, big, loc, t));
    m = wri_mk_op2(b, WR_OP_SUB, big, loc, m, wri_mk_i64(b, 1970 * 12 + 1, big, loc));
    m = wri_mk_op2(b, WR_OP_FLOOR_STEP, big, loc, m, wri_mk_i64(b, n, big, loc));
    return wri_mk_op2(b, WR_OP_ADD_MONTHS, type, loc, wri_mk_i64(b, 0, type, loc), m);
}

wr_expr *wri_bind_step(wri_binder *b, const wr_ast *e) {
    wr_expr *x = wri_bind(b, e->args[0]), *s = wri_bind(b, e->args[1]);
    if (wri_is_bad(x) || wri_is_bad(s)) return &wri_failed;
    wr_loc at = e->args[1]->loc;
    bool time = is_time(x) || is_day(x), whole = wr_kind_is_int((wr_kind)x->type.kind);
    if (!time && !whole)
        return wri_bind_error(b, e->args[0]->loc, NULL, "STEP needs a date, time or integer, found %s",
                              wri_type_text(b, x->type));
    bool months = is_month(s) && (x->type.kind == WR_T_TIMESTAMP || x->type.kind == WR_T_DATE);
    if (time ? !is_day(s) && !months : !wr_kind_is_int((wr_kind)s->type.kind))
        return wri_bind_error(
            b, at, time ? "for example STEP(t BY INTERVAL '10' SECOND)" : "for example STEP(x BY 5)",
            "a step of %s must be %s, found %s", wri_type_text(b, x->type),
            time ? "an INTERVAL of days to seconds" : "an integer", wri_type_text(b, s->type));
    if (s->kind != WR_X_CONST || s->value.null)
        return wri_bind_error(b, at, NULL, "the step of STEP must be constant");
    if (s->value.i64 <= 0) return wri_bind_error(b, at, NULL, "the step of STEP must be greater than zero");
    wr_type to = x->type, type;
    x = wri_clock(b, x);
    if (wri_is_bad(x) || (months && wri_too_big(b, x, 2, e->loc))) return &wri_failed;
    if (months) return wri_moment(b, step_months(b, e, x, s->value.i64), to);
    type = wri_plain_type(x->type);
    if (type.kind == WR_T_DATE && s->value.i64 % WRI_US_DAY != 0) type = ts_type(3);
    return wri_moment(b, wri_mk_op2(b, WR_OP_FLOOR_STEP, type, e->loc, x, s), to);
}

/* ---- EXTRACT ---- */

wr_expr *wri_bind_extract(wri_binder *b, const wr_ast *e) {
    wr_expr *x = wri_bind(b, e->args[0]);
    wr_type t = wr_type_of(WR_T_BIGINT);
    if (wri_is_bad(x)) return x;
    if (b->kda && e->unit == WR_U_SECOND) t = (wr_type){.kind = WR_T_DECIMAL, .prec = 5, .scale = 3};
    if (wri_is_null(x) && x->type.kind == WR_T_NULL) return wri_mk_null(b, t, e->loc);
    if (!is_time(x) && !wri_is_interval(x->type))
        return wri_bind_error(b, e->loc, NULL, "EXTRACT needs a date, time or interval, found %s",
                              wri_type_text(b, x->type));
    if (e->unit == WR_U_NONE || e->unit == WR_U_OTHER)
        return wri_bind_error(
            b, e->loc, "parts are YEAR, QUARTER, MONTH, WEEK, DAY, DOY, DOW, HOUR, MINUTE, SECOND, EPOCH, …",
            "%s has no part %s", wri_type_text(b, x->type), e->text ? e->text : "of that name");
    if (!has_part(x->type, e->unit))
        return wri_bind_error(b, e->loc, NULL, "%s has no %s", wri_type_text(b, x->type),
                              wr_unit_name(e->unit));
    if (e->unit != WR_U_EPOCH) x = wri_clock(b, x);
    return wri_is_bad(x) ? x : wri_mk_unit(b, WR_OP_EXTRACT, e->unit, t, e->loc, x);
}
