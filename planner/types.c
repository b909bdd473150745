/* planner/types.c -- which types go together: common types, assignment, and implicit conversion.
 *
 * Numerics widen TINYINT < SMALLINT < INTEGER < BIGINT < DECIMAL < REAL, DOUBLE; DATE widens to TIMESTAMP;
 * text goes only with text, except that a text constant beside a date or time is read as one when it is
 * bound. Nothing is narrowed implicitly but by assignment. Pure functions over a binder. */
#include "bind_int.h"

#define DECIMAL_DIGITS 18

wr_type wri_plain_type(wr_type t) {
    t.not_null = false;
    return t;
}

bool wri_same_type(wr_type a, wr_type b) {
    if (a.kind != b.kind) return false;
    switch ((wr_kind)a.kind) {
    case WR_T_DECIMAL:
        return a.prec == b.prec && a.scale == b.scale;
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_VARBINARY:
    case WR_T_TIME:
        return a.prec == b.prec;
    case WR_T_TIMESTAMP:
        return a.prec == b.prec && a.local_tz == b.local_tz;
    default:
        return true;
    }
}

wr_type wri_as_decimal(wr_type t) {
    static const uint8_t digits[WR_N_KINDS] = {
        [WR_T_TINYINT] = 3, [WR_T_SMALLINT] = 5, [WR_T_INTEGER] = 10, [WR_T_BIGINT] = 19};
    if (t.kind == WR_T_DECIMAL) return wri_plain_type(t);
    return (wr_type){.kind = WR_T_DECIMAL, .prec = digits[t.kind]};
}

/* ---- common types ---- */

static wr_type common_decimal(wr_type a, wr_type b) {
    a = wri_as_decimal(a);
    b = wri_as_decimal(b);
    uint32_t scale = a.scale > b.scale ? a.scale : b.scale;
    uint32_t wa = a.prec - a.scale, wb = b.prec - b.scale, prec = (wa > wb ? wa : wb) + scale;
    if (prec > DECIMAL_DIGITS && scale > 0) prec = DECIMAL_DIGITS;
    return (wr_type){.kind = WR_T_DECIMAL, .prec = prec, .scale = (uint8_t)scale};
}

static wr_type common_number(wr_type a, wr_type b) {
    if (a.kind == WR_T_REAL && b.kind == WR_T_REAL) return wri_plain_type(a);
    if (a.kind >= WR_T_REAL || b.kind >= WR_T_REAL) return wr_type_of(WR_T_DOUBLE);
    if (a.kind == WR_T_DECIMAL || b.kind == WR_T_DECIMAL) return common_decimal(a, b);
    return wr_type_of((wr_kind)(a.kind > b.kind ? a.kind : b.kind));
}

static uint32_t longer(wr_type a, wr_type b) { /* 0 is without bound */
    if (a.prec == 0 || b.prec == 0) return 0;
    return a.prec > b.prec ? a.prec : b.prec;
}

static wr_type common_text(wr_type a, wr_type b) {
    if (a.kind == WR_T_JSON && b.kind == WR_T_JSON) return wri_plain_type(a);
    if (a.kind == WR_T_JSON || b.kind == WR_T_JSON) return wr_type_of(WR_T_VARCHAR);
    wr_type t = {.kind = a.kind == b.kind ? a.kind : WR_T_VARCHAR, .prec = longer(a, b)};
    return t;
}

bool wri_common_type(wr_type a, wr_type b, wr_type *outp) {
    wr_kind ka = (wr_kind)a.kind, kb = (wr_kind)b.kind;
    if (ka == WR_T_NULL || kb == WR_T_NULL) *outp = wri_plain_type(ka == WR_T_NULL ? b : a);
    else if (wr_kind_is_num(ka) && wr_kind_is_num(kb)) *outp = common_number(a, b);
    else if (wr_kind_is_text(ka) && wr_kind_is_text(kb)) *outp = common_text(a, b);
    else if (ka == kb) {
        *outp = wri_plain_type(a);
        if (ka == WR_T_VARBINARY) outp->prec = longer(a, b);
        else if (b.prec > a.prec) outp->prec = b.prec;
        outp->local_tz = a.local_tz || b.local_tz;
    } else if ((ka == WR_T_DATE && kb == WR_T_TIMESTAMP) || (ka == WR_T_TIMESTAMP && kb == WR_T_DATE))
        *outp = wri_plain_type(ka == WR_T_TIMESTAMP ? a : b);
    else return false;
    return true;
}

bool wri_assignable(wr_type from, wr_type to) {
    wr_kind f = (wr_kind)from.kind, t = (wr_kind)to.kind;
    if (f == WR_T_NULL || f == t) return true;
    if (wr_kind_is_num(f) && wr_kind_is_num(t)) return true;
    if (wr_kind_is_text(f) && wr_kind_is_text(t)) return true;
    return f == WR_T_DATE && t == WR_T_TIMESTAMP;
}

bool wri_castable(wr_type from, wr_type to) {
    wr_kind f = (wr_kind)from.kind, t = (wr_kind)to.kind;
    if (wri_assignable(from, to)) return true;
    if (wr_kind_is_text(t)) return f != WR_T_VARBINARY;
    if (wr_kind_is_text(f)) return t != WR_T_VARBINARY;
    if (wri_is_interval(from)) return wr_kind_is_int(t) || t == WR_T_DECIMAL;
    if (f == WR_T_TIME) return t == WR_T_TIMESTAMP;
    if (f == WR_T_TIMESTAMP) return t == WR_T_DATE || t == WR_T_TIME;
    return false;
}

/* ---- conversion ---- */

static wr_expr *retype(wri_binder *b, const wr_expr *e, wr_type to) {
    wr_expr *c = wr_arena_alloc(b->ar, sizeof *c);
    if (!c) return &wri_failed;
    *c = *e;
    to.not_null = e->type.not_null;
    c->type = to;
    return c;
}

/* Every value of `from` is, bit for bit, the same value of `to`. */
static bool widens(wr_type from, wr_type to) {
    wr_kind f = (wr_kind)from.kind, t = (wr_kind)to.kind;
    if (wr_kind_is_int(f) && wr_kind_is_int(t)) return f <= t;
    if (f == WR_T_REAL && t == WR_T_DOUBLE) return true;
    if (wri_is_char(from) && t == WR_T_VARCHAR)
        return to.prec == 0 || (from.prec != 0 && from.prec <= to.prec);
    if (f == WR_T_JSON && t == WR_T_VARCHAR) return to.prec == 0;
    if (f != t) return f == WR_T_DATE && t == WR_T_TIMESTAMP && !to.local_tz;
    switch (t) {
    case WR_T_DECIMAL:
        return from.scale == to.scale && from.prec <= to.prec;
    case WR_T_VARBINARY:
        return to.prec == 0 || (from.prec != 0 && from.prec <= to.prec);
    case WR_T_CHAR:
        return from.prec == to.prec;
    case WR_T_TIME:
        return from.prec <= to.prec;
    case WR_T_TIMESTAMP:
        return from.prec <= to.prec && from.local_tz == to.local_tz;
    default:
        return true;
    }
}

/* Whether e itself may carry the wider type. The type of an operation bounds its result, and a CAST's is its
 * meaning, so only lengths of text and digits of seconds may change there. */
static bool may_retype(const wr_expr *e, wr_type to) {
    if (!widens(e->type, to)) return false;
    if (e->kind == WR_X_COL || e->kind == WR_X_CONST) return true;
    if (e->kind == WR_X_OP && (e->op == WR_OP_CAST || e->op == WR_OP_TRY_CAST)) return false;
    return e->type.kind == to.kind && to.kind != WR_T_DECIMAL;
}

/* Constants of numbers that widen to another form, without asking the evaluator. */
static bool const_number(const wr_expr *e, wr_type to, wr_value *outp) {
    wr_kind f = (wr_kind)e->type.kind;
    memset(outp, 0, sizeof *outp);
    if (f != WR_T_DECIMAL && !wr_kind_is_int(f)) return false;
    if (to.kind == WR_T_DECIMAL) {
        if (e->type.scale > to.scale) return false;
        outp->i64 = e->value.i64;
        int64_t limit = 1;
        for (uint32_t i = e->type.scale; i < to.scale; i++)
            if (__builtin_mul_overflow(outp->i64, 10, &outp->i64)) return false;
        for (uint32_t i = 0; i < to.prec && i < DECIMAL_DIGITS; i++) limit *= 10;
        return to.prec > DECIMAL_DIGITS || (outp->i64 < limit && outp->i64 > -limit);
    }
    if (to.kind != WR_T_DOUBLE) return false;
    char text[WR_TEXT_MAX];
    size_t n = wr_write_decimal(e->value.i64, f == WR_T_DECIMAL ? e->type.scale : 0, text);
    return wr_read_f64(text, n, &outp->f64);
}

bool wri_fits_scale(const wr_expr *e, uint32_t scale) {
    wr_type t = wri_as_decimal(e->type), to = {.kind = WR_T_DECIMAL, .prec = DECIMAL_DIGITS};
    wr_value v;
    to.scale = (uint8_t)scale;
    if (e->kind == WR_X_CONST && !e->value.null && const_number(e, to, &v)) return true;
    return t.scale <= scale && t.prec - t.scale + scale <= DECIMAL_DIGITS;
}

static wr_expr *cast_node(wri_binder *b, wr_expr *e, wr_type to, wr_loc loc) {
    if (wri_has_clock(b, to) != wri_has_clock(b, e->type)) { /* over what clocks show */
        wr_type shown = to;
        shown.local_tz = false;
        return wri_moment(b, wri_convert(b, wri_clock(b, e), shown), to);
    }
    wr_expr *c = wri_new_op(b->ar, WR_OP_CAST, to, loc, 1, &e);
    if (!c) return &wri_failed;
    if (e->kind != WR_X_CONST || !b->reg->fold) return c;
    wr_value v;
    wr_err err = {0};
    wr_status st = b->reg->fold(c, b->ar, &v, &err);
    if (st == WR_OK) {
        wr_expr *k = wri_new_const(b->ar, v, to, loc);
        return k ? k : &wri_failed;
    }
    if (st == WR_ENOMEM) return &wri_failed;
    wr_buf text = {0};
    wr_status printed = wr_expr_print(e, NULL, &text);
    if (printed == WR_OK)
        wri_bind_error(b, e->loc, NULL, "%.*s cannot be cast to %s%s%s", text.len > 200 ? 200 : (int)text.len,
                       text.data, wri_type_text(b, to), *err.msg ? ": " : "", err.msg);
    wr_buf_free(&text);
    return &wri_failed;
}

wr_expr *wri_convert(wri_binder *b, wr_expr *e, wr_type to) {
    if (wri_is_bad(e) || wri_same_type(e->type, to)) return e;
    if (wri_is_null(e)) return wri_mk_null(b, to, e->loc);
    if (may_retype(e, to)) return retype(b, e, to);
    wr_value v;
    if (e->kind == WR_X_CONST && const_number(e, to, &v)) {
        wr_expr *c = wri_new_const(b->ar, v, to, e->loc);
        return c ? c : &wri_failed;
    }
    return cast_node(b, e, to, e->loc);
}

static int64_t ten_to_the(uint32_t n) {
    int64_t v = 1;
    for (; n > 0; n--) v *= 10;
    return v;
}

wr_expr *wri_text_to_time(wri_binder *b, wr_expr *e, wr_type to) {
    if (wri_is_bad(e)) return e;
    if (e->value.null) return wri_mk_null(b, to, e->loc);
    if (wri_has_clock(b, to)) {
        wr_type shown = to;
        shown.local_tz = false;
        wr_expr *x = wri_text_to_time(b, e, shown);
        if (!wri_is_bad(x)) to.prec = x->type.prec;
        return wri_moment(b, x, to);
    }
    const char *p = wr_str_data(&e->value.str);
    size_t n = e->value.str.len;
    int64_t us = 0;
    bool ok = to.kind == WR_T_DATE   ? wr_read_date(p, n, &us)
              : to.kind == WR_T_TIME ? wr_read_time(p, n, &us)
                                     : wr_read_timestamp(p, n, &us) || wr_read_date(p, n, &us);
    if (ok) {
        if (to.kind != WR_T_DATE && to.prec < 6 && us % ten_to_the(6 - to.prec) != 0) to.prec = 6;
        return wri_mk_i64(b, us, to, e->loc);
    }
    const char *form = to.kind == WR_T_DATE   ? "write it as '2026-01-31'"
                       : to.kind == WR_T_TIME ? "write it as '23:59:59'"
                                              : "write it as '2026-01-31 23:59:59'";
    return wri_bind_error(b, e->loc, form, "'%.*s' is no %s", n > 200 ? 200 : (int)n, p,
                          wr_kind_name((wr_kind)to.kind));
}

static const char *cast_hint(wri_binder *b, const wr_expr *e, wr_type to) {
    const char *x = wri_source_text(b, e->loc);
    wr_arena *ar = b->d->ar;
    if (e->type.kind == WR_T_BOOLEAN && wr_kind_is_num((wr_kind)to.kind))
        return wr_arena_printf(ar, "write CASE WHEN %s THEN 1 ELSE 0 END", x);
    if (to.kind == WR_T_BOOLEAN && wr_kind_is_num((wr_kind)e->type.kind))
        return wr_arena_printf(ar, "write %s <> 0", x);
    if (wri_is_interval(to) && wr_kind_is_num((wr_kind)e->type.kind))
        return wr_arena_printf(ar, "write %s * INTERVAL '1' %s", x,
                               to.kind == WR_T_INTERVAL_DAY ? "SECOND" : "MONTH");
    if (to.kind == WR_T_TIMESTAMP && wr_kind_is_int((wr_kind)e->type.kind) &&
        wri_find_func(b->reg, "TO_TIMESTAMP"))
        return wr_arena_printf(ar, "write TO_TIMESTAMP(%s)", x);
    return NULL;
}

wr_expr *wri_cast_expr(wri_binder *b, wr_expr *e, wr_type to, bool explicit_cast, wr_loc loc) {
    if (wri_is_bad(e)) return e;
    to = wri_plain_type(to);
    if (wri_same_type(e->type, to)) return e;
    if (wri_is_null(e)) return wri_mk_null(b, to, loc);
    if (!explicit_cast) {
        if (wr_kind_is_time((wr_kind)to.kind) && e->kind == WR_X_CONST && wri_is_char(e->type))
            return wri_convert(b, wri_text_to_time(b, e, to), to);
        if (wri_assignable(e->type, to)) return wri_convert(b, e, to);
        const char *hint = wri_castable(e->type, to)
                               ? wr_arena_printf(b->d->ar, "write CAST(%s AS %s)", wri_source_text(b, e->loc),
                                                 wri_type_text(b, to))
                               : cast_hint(b, e, to);
        if (to.kind == WR_T_BOOLEAN)
            return wri_bind_error(b, loc, hint, "expected a condition, which is BOOLEAN, found %s",
                                  wri_type_text(b, e->type));
        return wri_bind_error(b, loc, hint, "%s cannot be assigned to %s", wri_type_text(b, e->type),
                              wri_type_text(b, to));
    }
    if (!wri_castable(e->type, to))
        return wri_bind_error(b, loc, cast_hint(b, e, to), "%s cannot be cast to %s",
                              wri_type_text(b, e->type), wri_type_text(b, to));
    if (wri_is_interval(e->type) && e->type.kind != to.kind)
        return wri_cast_interval(b, e, to, e->unit, WR_U_NONE, loc);
    return may_retype(e, to) ? retype(b, e, to) : cast_node(b, e, to, loc);
}

wr_expr *wri_to_bool(wri_binder *b, wr_expr *e, const char *what) {
    if (wri_is_bad(e) || e->type.kind == WR_T_BOOLEAN) return e;
    if (wri_is_null(e)) return wri_mk_null(b, wr_type_of(WR_T_BOOLEAN), e->loc);
    const char *hint = NULL;
    if (wr_kind_is_num((wr_kind)e->type.kind))
        hint = wr_arena_printf(b->d->ar, "write %s <> 0", wri_source_text(b, e->loc));
    return wri_bind_error(b, e->loc, hint, "%s needs a BOOLEAN, found %s", what, wri_type_text(b, e->type));
}

/* ---- one type for several ---- */

/* No conversion is needed to compare: both are the same number in the same form. */
static bool comparable_as_is(wr_type from, wr_type to) {
    wr_kind f = (wr_kind)from.kind, t = (wr_kind)to.kind;
    if (wr_kind_is_int(f) && wr_kind_is_int(t)) return true;
    if (f == WR_T_DECIMAL && t == WR_T_DECIMAL) return from.scale == to.scale;
    if (f == WR_T_REAL && t == WR_T_DOUBLE) return true;
    if (wr_kind_is_text(f) && wr_kind_is_text(t)) return true;
    if (wr_kind_is_time(f) && wr_kind_is_time(t)) return from.local_tz == to.local_tz;
    return f == t;
}

/* Some value of e has no room at the scale of t: the comparison brings both to it, in 128 bits. */
static bool too_wide(const wr_expr *e, wr_type t) {
    return t.kind == WR_T_DECIMAL && e->type.kind != WR_T_NULL && !wri_fits_scale(e, t.scale);
}

static bool no_common(wri_binder *b, const wr_expr *x, wr_type t, const char *what, bool cmp) {
    const char *hint = NULL, *have = wri_type_text(b, x->type), *want = wri_type_text(b, t);
    if (wri_castable(x->type, t))
        hint = wr_arena_printf(b->d->ar, "write CAST(%s AS %s)", wri_source_text(b, x->loc), want);
    else if (wri_castable(t, x->type))
        hint = wr_arena_printf(b->d->ar, "use CAST(… AS %s) on the other side", have);
    if (cmp) wri_bind_error(b, x->loc, hint, "cannot compare %s with %s", want, have);
    else wri_bind_error(b, x->loc, hint, "%s needs values of one type, found %s and %s", what, want, have);
    return false;
}

static bool is_text_const(const wr_expr *e) { return e->kind == WR_X_CONST && wri_is_char(e->type); }

/* The blanks that fill a CHAR up do not count in comparisons, nor do those of a constant beside it. */
static wr_expr *without_padding(wri_binder *b, wr_expr *e) {
    if (wri_is_null(e) || !wri_is_char(e->type)) return e;
    if (e->kind == WR_X_CONST) {
        const char *p = wr_str_data(&e->value.str);
        size_t n = e->value.str.len;
        while (n > 0 && p[n - 1] == ' ') n--;
        wr_expr *c =
            wri_new_const(b->ar, (wr_value){.str = wr_str_make(p, n)}, wr_type_of(WR_T_VARCHAR), e->loc);
        return c ? c : &wri_failed;
    }
    const wr_func_def *f = e->type.kind == WR_T_CHAR ? wri_find_func(b->reg, "RTRIM") : NULL;
    return f ? wri_apply_func(b, f, e->loc, 1, &e) : e;
}

bool wri_unify(wri_binder *b, wr_expr **es, uint32_t n, wr_type *outp, const char *what, bool cmp) {
    bool time = false, chars = false;
    wr_type t = wr_type_of(WR_T_NULL);
    for (uint32_t i = 0; i < n; i++) {
        if (wri_is_bad(es[i])) return false;
        time |= wr_kind_is_time((wr_kind)es[i]->type.kind);
        chars |= es[i]->type.kind == WR_T_CHAR;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (time && is_text_const(es[i])) continue;
        if (!wri_common_type(t, es[i]->type, &t)) return no_common(b, es[i], t, what, cmp);
    }
    for (uint32_t i = 0; time && i < n; i++) {
        if (!is_text_const(es[i])) continue;
        es[i] = wri_text_to_time(b, es[i], t);
        if (wri_is_bad(es[i])) return false;
        if (es[i]->type.prec > t.prec) t.prec = es[i]->type.prec;
    }
    for (uint32_t i = 0; cmp && chars && i < n; i++) es[i] = without_padding(b, es[i]);
    if (cmp && chars && t.kind == WR_T_CHAR) t = wr_type_of(WR_T_VARCHAR);
    for (uint32_t i = 0; i < n; i++) {
        if (!cmp || wri_is_null(es[i]) || !(comparable_as_is(es[i]->type, t) || too_wide(es[i], t)))
            es[i] = wri_convert(b, es[i], t);
        if (wri_is_bad(es[i])) return false;
    }
    *outp = t;
    return true;
}
