/* planner/bind_special.c -- calls with a syntax or a meaning of their own, lowered to the operations of
 * planner.h or mapped to functions of the registry. One table row each, at the end of the file. */
#include "bind_int.h"

#define DECIMAL_DIGITS 18

static wr_type boolean(void) { return wr_type_of(WR_T_BOOLEAN); }
static const char *name_of(const wr_ast *e) { return e->name.parts[e->name.n - 1].text; }

/* Checks the number of arguments, then binds them. usage: "NULLIF(a, b)". */
static bool take(wri_binder *b, const wr_ast *e, uint32_t min, uint32_t max, const char *usage,
                 wr_expr ***outp) {
    bool ok = wri_bind_args(b, e, 0, outp);
    if (e->n_args >= min && e->n_args <= max) return ok;
    wri_bind_error(b, e->loc, NULL, "%s has %u argument%s; write %s", name_of(e), e->n_args,
                   e->n_args == 1 ? "" : "s", usage);
    return false;
}

/* A registry function under any of the names, by the arguments given. */
static wr_expr *by_name(wri_binder *b, const wr_ast *e, const char *name, uint32_t n, wr_expr *const *args) {
    const wr_func_def *f = wri_func_by_name(b, name);
    return f ? wri_apply_func(b, f, e->loc, n, args) : wri_bind_unsupported(b, e->loc, name);
}

/* ---- choice among values ---- */

static wr_expr *bind_coalesce(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    wr_type t;
    if (!take(b, e, 1, UINT32_MAX, "COALESCE(a, b, …)", &args)) return &wri_failed;
    if (!wri_unify(b, args, e->n_args, &t, name_of(e), false)) return &wri_failed;
    if (e->n_args == 1 || t.kind == WR_T_NULL) return args[0];
    return wri_mk_op(b, WR_OP_COALESCE, t, e->loc, e->n_args, args);
}

static wr_expr *bind_nullif(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "NULLIF(a, b)", &args) || wri_too_big(b, args[0], 2, e->loc)) return &wri_failed;
    wr_expr *same = wri_bind_compare(b, e->loc, WR_OP_EQ, args[0], args[1]);
    wr_expr *parts[] = {same, wri_mk_null(b, args[0]->type, e->loc), args[0]};
    return args[0]->type.kind == WR_T_NULL ? args[0]
                                           : wri_mk_op(b, WR_OP_CASE, args[0]->type, e->loc, 3, parts);
}

static wr_expr *bind_if(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    wr_type t;
    if (!take(b, e, 3, 3, "IF(condition, a, b)", &args)) return &wri_failed;
    args[0] = wri_to_bool(b, args[0], "IF");
    if (!wri_unify(b, args + 1, 2, &t, "IF", false) || wri_is_bad(args[0])) return &wri_failed;
    return t.kind == WR_T_NULL ? args[1] : wri_mk_op(b, WR_OP_CASE, t, e->loc, 3, args);
}

/* NVL2(x, a, b): a where x is not NULL, else b. */
static wr_expr *bind_nvl2(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    wr_type t;
    if (!take(b, e, 3, 3, "NVL2(x, a, b)", &args)) return &wri_failed;
    if (!wri_unify(b, args + 1, 2, &t, "NVL2", false)) return &wri_failed;
    args[0] = wri_mk_op1(b, WR_OP_IS_NOT_NULL, boolean(), e->loc, args[0]);
    return t.kind == WR_T_NULL ? args[1] : wri_mk_op(b, WR_OP_CASE, t, e->loc, 3, args);
}

/* DECODE(x, a, b, …, else) is CASE, with NULL found by NULL; of two arguments it is about character sets. */
static wr_expr *bind_decode(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    wr_type t;
    if (e->n_args < 3) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    uint32_t n_pairs = (e->n_args - 1) / 2, n = 2 * n_pairs + 1;
    if (wri_too_big(b, args[0], n_pairs, e->loc)) return &wri_failed;
    wr_expr **parts = wr_arena_alloc(b->ar, n * sizeof *parts),
            **thens = wr_arena_alloc(b->ar, n * sizeof *thens);
    if (!parts || !thens) return &wri_failed;
    for (uint32_t i = 0; i < n_pairs; i++) {
        parts[2 * i] = wri_bind_compare(b, e->loc, WR_OP_IS_NOT_DISTINCT, args[0], args[1 + 2 * i]);
        if (wri_is_bad(parts[2 * i])) return &wri_failed;
        thens[i] = args[2 + 2 * i];
    }
    bool has_else = e->n_args % 2 == 0;
    thens[n_pairs] = has_else ? args[e->n_args - 1] : wri_mk_null(b, wr_type_of(WR_T_NULL), e->loc);
    if (!wri_unify(b, thens, n_pairs + 1, &t, "DECODE", false)) return &wri_failed;
    for (uint32_t i = 0; i < n_pairs; i++) parts[2 * i + 1] = thens[i];
    parts[n - 1] = thens[n_pairs];
    return t.kind == WR_T_NULL ? wri_mk_null(b, t, e->loc) : wri_mk_op(b, WR_OP_CASE, t, e->loc, n, parts);
}

/* CASE WHEN a IS NULL OR … THEN NULL WHEN a >= b AND a >= c THEN a WHEN b >= c THEN b ELSE c END */
static wr_expr *bind_greatest(wri_binder *b, const wr_ast *e) {
    wr_expr **args, *any = NULL;
    wr_type t;
    uint32_t n = e->n_args, k = 0;
    bool least = wri_same_name(name_of(e), "LEAST");
    if (!take(b, e, 1, UINT32_MAX, least ? "LEAST(a, b, …)" : "GREATEST(a, b, …)", &args)) return &wri_failed;
    if (!wri_unify(b, args, n, &t, name_of(e), false)) return &wri_failed;
    if (n == 1 || t.kind == WR_T_NULL) return args[0];
    if (wri_too_big_all(b, n, args, n + 2, e->loc)) return &wri_failed;
    wr_expr **parts = wr_arena_alloc(b->ar, (2 * (size_t)n + 1) * sizeof *parts);
    if (!parts) return &wri_failed;
    for (uint32_t i = 0; i < n; i++) {
        if (args[i]->kind == WR_X_CONST && !args[i]->value.null) continue;
        wr_expr *null = wri_mk_op1(b, WR_OP_IS_NULL, boolean(), e->loc, args[i]);
        any = any ? wri_mk_or(b, e->loc, any, null) : null;
    }
    if (any) {
        parts[k++] = any;
        parts[k++] = wri_mk_null(b, t, e->loc);
    }
    for (uint32_t i = 0; i + 1 < n; i++) {
        wr_expr *all = NULL;
        for (uint32_t j = i + 1; j < n; j++) {
            wr_expr *c = wri_mk_op2(b, least ? WR_OP_LE : WR_OP_GE, boolean(), e->loc, args[i], args[j]);
            all = all ? wri_mk_and(b, e->loc, all, c) : c;
        }
        parts[k++] = all;
        parts[k++] = args[i];
    }
    parts[k++] = args[n - 1];
    return wri_mk_op(b, WR_OP_CASE, t, e->loc, k, parts);
}

/* ---- numbers ---- */

static wr_expr *bind_mod(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "MOD(a, b)", &args)) return &wri_failed;
    return wri_bind_arith(b, e->loc, '%', args[0], args[1]);
}

static wr_type decimal(uint32_t prec, uint32_t scale) {
    return (wr_type){.kind = WR_T_DECIMAL,
                     .prec = prec == 0               ? 1
                             : prec > DECIMAL_DIGITS ? DECIMAL_DIGITS
                                                     : prec,
                     .scale = (uint8_t)scale};
}

/* FLOOR of a DECIMAL is its multiple of 1; CEIL(x) is -FLOOR(-x). Either may have one digit more: CEIL(9.5).
 */
static wr_expr *round_decimal(wri_binder *b, const wr_ast *e, wr_expr *x, bool up) {
    wr_type t = wri_plain_type(x->type), wide = t;
    if (t.scale == 0) return x;
    int64_t one = 1;
    for (uint32_t i = 0; i < t.scale; i++) one *= 10;
    wide.prec = t.prec + 1;
    if (up) x = wri_mk_op1(b, WR_OP_NEG, t, e->loc, x);
    x = wri_mk_op2(b, WR_OP_FLOOR_STEP, wide, e->loc, x, wri_mk_i64(b, one, t, e->loc));
    if (up) x = wri_mk_op1(b, WR_OP_NEG, wide, e->loc, x);
    return wri_convert(b, x, decimal(t.prec - t.scale + 1, 0));
}

/* ROUND and TRUNCATE of a DECIMAL to n digits have that scale, min(s, max(n, 0)), and rounding may carry into
 * one digit more. */
static wr_expr *bind_round(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 1, 2, "ROUND(x, digits)", &args)) return &wri_failed;
    const wr_func_def *f = wri_func_by_name(b, name_of(e));
    wr_type t = args[0]->type;
    if (!f || t.kind != WR_T_DECIMAL) return by_name(b, e, name_of(e), e->n_args, args);
    const wr_expr *n = e->n_args > 1 ? args[1] : NULL;
    int64_t digits = !n ? 0 : t.scale;
    if (n && n->kind == WR_X_CONST && !n->value.null && wr_kind_is_int((wr_kind)n->type.kind))
        digits = n->value.i64;
    uint32_t scale = digits < 0 ? 0 : digits > t.scale ? t.scale : (uint32_t)digits;
    uint32_t carry = wri_same_name(name_of(e), "ROUND") && digits < t.scale;
    wr_type to = decimal(t.prec - t.scale + scale + carry, scale);
    return wri_apply_func_as(b, f, e->loc, e->n_args, args, &to);
}

/* SIGN of a DECIMAL keeps its scale, and has room for 1. */
static wr_expr *bind_sign(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 1, 1, "SIGN(x)", &args)) return &wri_failed;
    const wr_func_def *f = wri_func_by_name(b, "SIGN");
    wr_type t = args[0]->type;
    if (!f || t.kind != WR_T_DECIMAL) return by_name(b, e, "SIGN", 1, args);
    uint32_t scale = t.scale < DECIMAL_DIGITS ? t.scale : DECIMAL_DIGITS - 1;
    wr_type to = decimal(t.prec > scale ? t.prec : scale + 1, scale);
    return wri_apply_func_as(b, f, e->loc, 1, args, &to);
}

static wr_expr *bind_floor(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    bool up = !wri_same_name(name_of(e), "FLOOR");
    if (!take(b, e, 1, 1, up ? "CEIL(x) or CEIL(t TO MINUTE)" : "FLOOR(x) or FLOOR(t TO MINUTE)", &args))
        return &wri_failed;
    wr_kind k = (wr_kind)args[0]->type.kind;
    if (wr_kind_is_int(k) || k == WR_T_NULL) return args[0];
    if (k == WR_T_DECIMAL) return round_decimal(b, e, args[0], up);
    if (wr_kind_is_time(k) || wri_is_interval(args[0]->type)) {
        const char *s = wri_source_text(b, args[0]->loc), *fn = up ? "CEIL" : "FLOOR";
        return wri_bind_error(b, e->loc,
                              wr_arena_printf(b->d->ar, "write %s(%s TO MINUTE), or another unit", fn, s),
                              "%s of %s needs a unit", fn, wri_type_text(b, args[0]->type));
    }
    return by_name(b, e, up ? "CEIL" : "FLOOR", 1, args);
}

static wr_expr *bind_abs(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 1, 1, "ABS(x)", &args)) return &wri_failed;
    wr_expr *x = args[0];
    if (!wri_is_interval(x->type)) return by_name(b, e, "ABS", 1, args);
    if (wri_too_big(b, x, 3, e->loc)) return &wri_failed;
    wr_type t = wri_plain_type(x->type);
    wr_expr *below = wri_mk_op2(b, WR_OP_LT, boolean(), e->loc, x, wri_mk_i64(b, 0, t, e->loc));
    wr_expr *parts[] = {below, wri_bind_neg(b, e->loc, x), x};
    wr_expr *r = wri_mk_op(b, WR_OP_CASE, t, e->loc, 3, parts);
    if (!wri_is_bad(r)) r->unit = x->unit;
    return r;
}

static wr_expr *bind_monotonic(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    return take(b, e, 1, 1, "MONOTONIC(x)", &args) ? args[0] : &wri_failed;
}

/* ---- text ---- */

static wr_expr *bind_position(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "POSITION(part IN text)", &args)) return &wri_failed;
    if (wri_func_by_name(b, "POSITION")) return by_name(b, e, "POSITION", 2, args);
    wr_expr *swapped[] = {args[1], args[0]};
    return by_name(b, e, wri_func_by_name(b, "INSTR") ? "INSTR" : "POSITION", 2, swapped);
}

static wr_expr *bind_substring(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 3, "SUBSTRING(text FROM start FOR length)", &args)) return &wri_failed;
    if (e->call->keyword) return by_name(b, e, "SIMILAR_SUBSTR", 3, args);
    if (e->call->from_form && wr_kind_is_text((wr_kind)args[1]->type.kind)) {
        if (e->n_args == 2 && wri_func_by_name(b, "REGEXP_SUBSTR"))
            return by_name(b, e, "REGEXP_SUBSTR", 2, args);
        return wri_bind_unsupported(b, e->loc, "SUBSTRING(… FROM pattern)");
    }
    bool null = b->kda && !e->call->from_form && args[0]->type.kind != WR_T_VARBINARY &&
                wri_func_by_name(b, "SUBSTRING_OR_NULL");
    return by_name(b, e, null ? "SUBSTRING_OR_NULL" : "SUBSTRING", e->n_args, args);
}

static wr_expr *bind_trim(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 1, 2, "TRIM(BOTH 'x' FROM text)", &args)) return &wri_failed;
    if (!e->call->from_form) return by_name(b, e, "TRIM", e->n_args, args);
    const char *side = e->call->keyword, *name = "TRIM";
    if (side && strcmp(side, "LEADING") == 0) name = "LTRIM";
    if (side && strcmp(side, "TRAILING") == 0) name = "RTRIM";
    wr_expr *s = args[e->n_args - 1], *c = e->n_args == 2 ? args[0] : NULL;
    if (c && b->kda && c->kind == WR_X_CONST && wri_is_char(c->type) && !c->value.null &&
        wr_utf8_count(wr_str_data(&c->value.str), c->value.str.len) != 1)
        return wri_bind_error(b, c->loc, NULL, "TRIM takes one character, found '%.*s'",
                              c->value.str.len > 40 ? 40 : (int)c->value.str.len, wr_str_data(&c->value.str));
    return by_name(b, e, name, e->n_args, (wr_expr *const[]){s, c});
}

static wr_expr *bind_overlay(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 3, 4, "OVERLAY(text PLACING part FROM start FOR length)", &args)) return &wri_failed;
    return by_name(b, e, "OVERLAY", e->n_args, args);
}

/* ---- time ---- */

static bool is_time(const wr_expr *x) {
    return wr_kind_is_time((wr_kind)x->type.kind) || x->type.kind == WR_T_NULL;
}

static wr_expr *need_times(wri_binder *b, const wr_ast *e, wr_expr *const *args, uint32_t n) {
    return wri_bind_error(b, e->loc, NULL, "%s needs dates or times, found (%s)", name_of(e),
                          wri_types_text(b, args, n));
}

static bool known_unit(wri_binder *b, const wr_ast *e) {
    if (wri_us_of_unit(e->unit) || wri_months_of_unit(e->unit)) return true;
    wri_bind_error(b, e->loc, "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND",
                   "'%s' is no unit of time", e->text ? e->text : wr_unit_name(e->unit));
    return false;
}

static wr_expr *bind_timestampadd(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "TIMESTAMPADD(MINUTE, n, t)", &args) || !known_unit(b, e)) return &wri_failed;
    wr_kind k = (wr_kind)args[0]->type.kind;
    if (!wr_kind_is_int(k) && k != WR_T_NULL)
        return wri_bind_error(b, args[0]->loc, NULL,
                              "TIMESTAMPADD needs an integer before the time, found %s",
                              wri_type_text(b, args[0]->type));
    if (!is_time(args[1])) return need_times(b, e, args + 1, 1);
    int64_t us = wri_us_of_unit(e->unit);
    wr_expr *one = wri_mk_i64(b, us ? us : wri_months_of_unit(e->unit),
                              wr_type_of(us ? WR_T_INTERVAL_DAY : WR_T_INTERVAL_MONTH), e->loc);
    if (!wri_is_bad(one)) one->unit = e->unit;
    return wri_bind_arith(b, e->loc, '+', args[1], wri_bind_arith(b, e->loc, '*', one, args[0]));
}

static wr_expr *bind_timestampdiff(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "TIMESTAMPDIFF(MINUTE, start, end)", &args) || !known_unit(b, e))
        return &wri_failed;
    if (!is_time(args[0]) || !is_time(args[1])) return need_times(b, e, args, 2);
    if (args[0]->type.kind == WR_T_NULL || args[1]->type.kind == WR_T_NULL)
        return wri_mk_null(b, wr_type_of(WR_T_BIGINT), e->loc);
    return wri_mk_time_diff(b, e->unit, args[0], args[1], e->loc);
}

/* t AT TIME ZONE z: what the zone's clocks show at t. */
wr_expr *wri_bind_at_zone(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    const wr_func_def *f = wri_find_func(b->reg, "FROM_UTC_TIMESTAMP");
    if (!f) return wri_bind_unsupported(b, e->loc, "AT TIME ZONE");
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    return wri_apply_func(b, f, e->loc, 2, args);
}

/* DATE_TRUNC('hour', t) of a constant unit is FLOOR(t TO HOUR), which has a kernel. */
static wr_expr *bind_date_trunc(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (e->n_args != 2) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    const wr_expr *u = args[0];
    bool known = u->kind == WR_X_CONST && wri_is_char(u->type) && !u->value.null;
    wr_unit unit = known ? wr_unit_by_name(wr_str_data(&u->value.str), u->value.str.len) : WR_U_OTHER;
    if (!known || args[1]->type.kind != WR_T_TIMESTAMP) return by_name(b, e, "DATE_TRUNC", 2, args);
    if (!wri_rounds_to(unit))
        return wri_bind_error(b, u->loc, "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND",
                              "'%.*s' is no unit that a time can be cut to",
                              u->value.str.len > 40 ? 40 : (int)u->value.str.len, wr_str_data(&u->value.str));
    return wri_mk_unit(b, WR_OP_FLOOR_UNIT, unit, wri_plain_type(args[1]->type), e->loc, args[1]);
}

/* Milliseconds from the first to the second; also of two counts of milliseconds. */
static wr_expr *bind_tsdiff(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!take(b, e, 2, 2, "TSDIFF(start, end)", &args)) return &wri_failed;
    wr_type big = wr_type_of(WR_T_BIGINT);
    if (args[0]->type.kind == WR_T_NULL || args[1]->type.kind == WR_T_NULL)
        return wri_mk_null(b, big, e->loc);
    if (wr_kind_is_int((wr_kind)args[0]->type.kind) && wr_kind_is_int((wr_kind)args[1]->type.kind))
        return wri_mk_op2(b, WR_OP_SUB, big, e->loc, args[1], args[0]);
    if (!is_time(args[0]) || !is_time(args[1])) return need_times(b, e, args, 2);
    return wri_mk_time_diff(b, WR_U_MILLISECOND, args[0], args[1], e->loc);
}

/* The Kinesis dialect counts milliseconds where the standard one counts seconds or reads text. */
/* A text is what clocks of the session show. */
static wr_expr *unix_of_text(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    if (!wri_is_char(args[0]->type)) return by_name(b, e, "UNIX_TIMESTAMP", e->n_args, args);
    wr_type ltz = {.kind = WR_T_TIMESTAMP, .prec = 3, .local_tz = true};
    wr_expr *x = wri_moment(b, by_name(b, e, "TO_TIMESTAMP", e->n_args, args), ltz);
    return by_name(b, e, "UNIX_TIMESTAMP", 1, &x);
}

static wr_expr *bind_unix_timestamp(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (b->zone && !b->kda && e->n_args > 0) return unix_of_text(b, e);
    if (!b->kda || e->n_args != 1) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    wr_kind k = (wr_kind)args[0]->type.kind;
    if (k != WR_T_TIMESTAMP && k != WR_T_DATE) return by_name(b, e, "UNIX_TIMESTAMP", 1, args);
    wr_expr *epoch = wri_mk_i64(b, 0, args[0]->type, e->loc);
    return wri_mk_time_diff(b, WR_U_MILLISECOND, epoch, args[0], e->loc);
}

static wr_expr *bind_to_timestamp(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!b->kda || e->n_args != 1) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    if (!wr_kind_is_int((wr_kind)args[0]->type.kind)) return by_name(b, e, "TO_TIMESTAMP", 1, args);
    wr_expr *ms = wri_mk_i64(b, WRI_US_MILLISECOND, wr_type_of(WR_T_INTERVAL_DAY), e->loc);
    wr_expr *epoch = wri_mk_i64(b, 0, wr_type_of(WR_T_TIMESTAMP), e->loc);
    return wri_bind_arith(b, e->loc, '+', epoch, wri_bind_arith(b, e->loc, '*', ms, args[0]));
}

/* ---- over the session's zone; each is as the registry has it when that is UTC ---- */

/* x, whose number is that of a moment, as one. */
static wr_expr *as_moment(wri_binder *b, const wr_expr *x) {
    if (wri_is_bad(x)) return &wri_failed;
    wr_expr *moment = wr_arena_alloc(b->ar, sizeof *moment);
    if (!moment) return &wri_failed;
    *moment = *x;
    moment->type.local_tz = true;
    return moment;
}

static wr_type ltz(uint32_t prec) {
    return (wr_type){.kind = WR_T_TIMESTAMP, .prec = (uint8_t)prec, .local_tz = true};
}

static wr_expr *bind_to_timestamp_ltz(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!b->zone) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    wr_expr *x = by_name(b, e, "TO_TIMESTAMP_LTZ", e->n_args, args);
    if (wri_is_bad(x)) return x;
    if (wri_is_char(args[0]->type)) return wri_moment(b, x, ltz(x->type.prec));
    return as_moment(b, x);
}

/* FROM_UNIXTIME(n [, pattern]): what clocks show n seconds after 1970. */
static wr_expr *bind_from_unixtime(wri_binder *b, const wr_ast *e) {
    wr_expr **args, *format[2];
    if (!b->zone || e->n_args < 1 || e->n_args > 2) return NULL;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    wr_value usual = {.str = wr_str_make("yyyy-MM-dd HH:mm:ss", 19)};
    wr_expr *since[2] = {args[0], wri_mk_i64(b, 0, wr_type_of(WR_T_BIGINT), e->loc)};
    format[0] = wri_clock(b, as_moment(b, by_name(b, e, "TO_TIMESTAMP_LTZ", 2, since)));
    format[1] = e->n_args > 1 ? args[1] : wri_new_const(b->ar, usual, wr_type_of(WR_T_VARCHAR), e->loc);
    return format[1] ? by_name(b, e, "DATE_FORMAT", 2, format) : &wri_failed;
}

/* ---- the clock ---- */

static const struct {
    const char *name, *else_name;
    wr_kind kind; /* what it gives */
    bool plain;   /* may be written without parentheses */
} clocks[] = {{"CURRENT_TIMESTAMP", NULL, WR_T_TIMESTAMP, true},
              {"LOCALTIMESTAMP", "CURRENT_TIMESTAMP", WR_T_TIMESTAMP, true},
              {"CURRENT_ROW_TIMESTAMP", "CURRENT_TIMESTAMP", WR_T_TIMESTAMP, true},
              {"NOW", "CURRENT_TIMESTAMP", WR_T_TIMESTAMP, false},
              {"PROCTIME", "CURRENT_TIMESTAMP", WR_T_TIMESTAMP, false},
              {"CURRENT_DATE", "CURRENT_TIMESTAMP", WR_T_DATE, true},
              {"CURRENT_TIME", "CURRENT_TIMESTAMP", WR_T_TIME, true},
              {"LOCALTIME", "CURRENT_TIMESTAMP", WR_T_TIME, true}};

static wr_expr *clock_call(wri_binder *b, size_t i, wr_loc loc) {
    const wr_func_def *f = wri_find_func(b->reg, clocks[i].name);
    if (!f && clocks[i].else_name) f = wri_find_func(b->reg, clocks[i].else_name);
    if (!f) return wri_bind_unsupported(b, loc, clocks[i].name);
    bool each_row = wri_same_name(clocks[i].name, "CURRENT_ROW_TIMESTAMP");
    if (b->zone && !each_row)
        f = wri_find_func(b->reg, "CURRENT_TIMESTAMP"); /* the others are what clocks show */
    const wr_func_def *began = b->kda && !each_row ? wri_find_func(b->reg, "KDA_CURRENT_TIMESTAMP") : NULL;
    if (began) f = began;
    wr_expr *x = f ? wri_apply_func(b, f, loc, 0, NULL) : &wri_failed;
    if (b->zone) {
        x = as_moment(b, x);
        if (wri_same_name(clocks[i].name, "LOCALTIMESTAMP")) return wri_clock(b, x);
    }
    if (wri_is_bad(x) || x->type.kind == clocks[i].kind) return x;
    return wri_cast_expr(b, x, wr_type_of(clocks[i].kind), true, loc);
}

wr_expr *wri_bind_niladic(wri_binder *b, const char *name, wr_loc loc) {
    for (size_t i = 0; i < WR_LEN(clocks); i++)
        if (clocks[i].plain && wri_same_name(clocks[i].name, name)) return clock_call(b, i, loc);
    return NULL;
}

static wr_expr *bind_clock(wri_binder *b, const wr_ast *e) {
    int64_t digits;
    if (e->n_args > 1)
        return wri_bind_error(b, e->loc, NULL, "%s takes at most the number of fraction digits", name_of(e));
    if (e->n_args == 1 && !wri_const_int(b, e->args[0], "the number of fraction digits", &digits))
        return &wri_failed;
    for (size_t i = 0; i < WR_LEN(clocks); i++)
        if (wri_same_name(clocks[i].name, name_of(e))) return clock_call(b, i, e->loc);
    return NULL;
}

/* ---- table ---- */

/* A binder that returns NULL leaves the call to the registry. */
static const struct {
    const char *name;
    wr_expr *(*bind)(wri_binder *b, const wr_ast *e);
} specials[] = {
    {"COALESCE", bind_coalesce},
    {"IFNULL", bind_coalesce},
    {"NVL", bind_coalesce},
    {"NVL2", bind_nvl2},
    {"DECODE", bind_decode},
    {"NULLIF", bind_nullif},
    {"IF", bind_if},
    {"GREATEST", bind_greatest},
    {"LEAST", bind_greatest},
    {"MOD", bind_mod},
    {"FLOOR", bind_floor},
    {"CEIL", bind_floor},
    {"CEILING", bind_floor},
    {"ABS", bind_abs},
    {"SIGN", bind_sign},
    {"ROUND", bind_round},
    {"TRUNCATE", bind_round},
    {"TRUNC", bind_round},
    {"MONOTONIC", bind_monotonic},
    {"POSITION", bind_position},
    {"SUBSTRING", bind_substring},
    {"TRIM", bind_trim},
    {"OVERLAY", bind_overlay},
    {"TIMESTAMPADD", bind_timestampadd},
    {"TIMESTAMPDIFF", bind_timestampdiff},
    {"TSDIFF", bind_tsdiff},
    {"DATE_TRUNC", bind_date_trunc},
    {"UNIX_TIMESTAMP", bind_unix_timestamp},
    {"TO_TIMESTAMP", bind_to_timestamp},
    {"TO_TIMESTAMP_LTZ", bind_to_timestamp_ltz},
    {"FROM_UNIXTIME", bind_from_unixtime},
    {"JSON_VALUE", wri_bind_json},
    {"JSON_QUERY", wri_bind_json},
    {"JSON_EXISTS", wri_bind_json},
    {"JSON_OBJECT", wri_bind_json_object},
    {"JSON_ARRAY", wri_bind_json_array},
    {"CURRENT_TIMESTAMP", bind_clock},
    {"LOCALTIMESTAMP", bind_clock},
    {"PROCTIME", bind_clock},
    {"CURRENT_ROW_TIMESTAMP", bind_clock},
    {"NOW", bind_clock},
    {"CURRENT_DATE", bind_clock},
    {"CURRENT_TIME", bind_clock},
    {"LOCALTIME", bind_clock},
};

const char *wri_special_name(size_t i) { return i < WR_LEN(specials) ? specials[i].name : NULL; }

wr_expr *wri_bind_special(wri_binder *b, const wr_ast *e) {
    for (size_t i = 0; i < WR_LEN(specials); i++)
        if (wri_same_name(specials[i].name, name_of(e))) return specials[i].bind(b, e);
    return NULL;
}
