/* planner/cast_interval.c -- CAST of an interval to a number or to text.
 *
 * An interval of one field is a number of that unit: CAST((b - a) SECOND AS BIGINT) divides by it. As text it
 * is written with its sign and its own fields: "+371" SECOND, "+6:11" MINUTE TO SECOND, "+3 04:20" DAY TO
 * MINUTE; without fields given, "+2 00:06:11" (the evaluator's CAST). */
#include "bind_int.h"

static wr_type big(void) { return wr_type_of(WR_T_BIGINT); }

wr_expr *wri_uncut(wr_expr *i, int64_t step) {
    if (i->kind != WR_X_OP || i->op != WR_OP_MUL || i->args[0]->kind != WR_X_OP ||
        i->args[0]->op != WR_OP_DIV)
        return i;
    const wr_expr *by = i->args[0]->args[1], *times = i->args[1];
    bool cut = times->kind == WR_X_CONST && by->kind == WR_X_CONST && wri_is_interval(times->type) &&
               times->type.kind == by->type.kind && times->value.i64 == by->value.i64 && times->value.i64 > 0;
    return cut && step % times->value.i64 == 0 ? i->args[0]->args[0] : i;
}

/* Whole units of interval x. */
static wr_expr *in_units(wri_binder *b, wr_expr *x, wr_unit u, wr_type to, wr_loc loc) {
    int64_t us = wri_us_of_unit(u), size = us ? us : wri_months_of_unit(u);
    wr_expr *one = wri_mk_i64(b, size, wr_type_of((wr_kind)x->type.kind), loc);
    return wri_mk_op2(b, WR_OP_DIV, to, loc, to.kind == WR_T_DECIMAL ? x : wri_uncut(x, size), one);
}

static wr_expr *text(wri_binder *b, const char *s, wr_loc loc) {
    wr_expr *e =
        wri_new_const(b->ar, (wr_value){.str = wr_str_make(s, strlen(s))}, wr_type_of(WR_T_VARCHAR), loc);
    return e ? e : &wri_failed;
}

static wr_expr *choose(wri_binder *b, wr_xop op, wr_expr *x, wr_expr *then, wr_expr *otherwise, wr_type t,
                       wr_loc loc) {
    if (wri_is_bad(x)) return x;
    wr_type xt = wri_plain_type(x->type);
    wr_expr *zero_or_ten = wri_mk_i64(b, wri_is_interval(xt) ? 0 : 10, xt, loc);
    wr_expr *when = wri_mk_op2(b, op, wr_type_of(WR_T_BOOLEAN), loc, x, zero_or_ten);
    return wri_mk_op(b, WR_OP_CASE, t, loc, 3, (wr_expr *const[]){when, then, otherwise});
}

static wr_expr *number_text(wri_binder *b, wr_expr *n, wr_loc loc) {
    return wri_mk_op1(b, WR_OP_CAST, wr_type_of(WR_T_VARCHAR), loc, n);
}

/* Fields of a literal after the first: their range and what stands before them. */
static const struct {
    wr_unit unit;
    int64_t range;
    const char *before;
} fields[] = {{WR_U_YEAR, 0, ""},   {WR_U_MONTH, 12, "-"},  {WR_U_DAY, 0, ""},
              {WR_U_HOUR, 24, " "}, {WR_U_MINUTE, 60, ":"}, {WR_U_SECOND, 60, ":"}};

static wr_expr *fields_text(wri_binder *b, wr_expr *x, wr_unit unit, wr_unit unit2, wr_loc loc) {
    wr_type it = wr_type_of((wr_kind)x->type.kind), vt = wr_type_of(WR_T_VARCHAR);
    wr_expr *size = choose(b, WR_OP_LT, x, wri_bind_neg(b, loc, x), x, it, loc);
    wr_expr *sign = choose(b, WR_OP_LT, x, text(b, "-", loc), text(b, "+", loc), vt, loc);
    wr_expr *r = wri_is_bad(size) ? size : number_text(b, in_units(b, size, unit, big(), loc), loc);
    if (wri_is_bad(r) || wri_is_bad(sign)) return &wri_failed;
    r = wri_mk_concat(b, loc, sign, r);
    size_t f = 0;
    while (f < WR_LEN(fields) && fields[f].unit != unit) f++;
    for (f++; unit2 != WR_U_NONE && unit2 != unit && f < WR_LEN(fields); f++) {
        wr_expr *n = in_units(b, size, fields[f].unit, big(), loc);
        n = wri_mk_op2(b, WR_OP_MOD, big(), loc, n, wri_mk_i64(b, fields[f].range, big(), loc));
        char zero[4] = {fields[f].before[0], '0', 0}, plain[2] = {fields[f].before[0], 0};
        const char *z = wr_arena_strdup(b->ar, zero), *p = wr_arena_strdup(b->ar, plain);
        if (!z || !p || wri_is_bad(n)) return &wri_failed;
        wr_expr *lead = choose(b, WR_OP_LT, n, text(b, z, loc), text(b, p, loc), vt, loc);
        r = wri_mk_concat(b, loc, r, wri_mk_concat(b, loc, lead, number_text(b, n, loc)));
        if (fields[f].unit == unit2) break;
    }
    return r;
}

wr_expr *wri_cast_interval(wri_binder *b, wr_expr *e, wr_type to, wr_unit unit, wr_unit unit2, wr_loc loc) {
    if (wri_is_bad(e)) return e;
    if (unit2 == unit) unit2 = WR_U_NONE;
    bool day = e->type.kind == WR_T_INTERVAL_DAY;
    if (wr_kind_is_text((wr_kind)to.kind)) {
        if (unit == WR_U_NONE) return wri_mk_op1(b, WR_OP_CAST, to, loc, e);
        if (wri_too_big(b, e, 24, loc)) return &wri_failed;
        wr_expr *x = fields_text(b, e, unit, unit2, loc);
        return wri_convert(b, x, to);
    }
    if (unit != WR_U_NONE && unit2 == WR_U_NONE) return in_units(b, e, unit, to, loc);
    const char *hint =
        wr_arena_printf(b->d->ar, "name one unit: CAST((%s) %s AS %s)", wri_source_text(b, e->loc),
                        day ? "SECOND" : "MONTH", wri_type_text(b, to));
    return wri_bind_error(b, loc, hint, "an interval of several units has no single number");
}
