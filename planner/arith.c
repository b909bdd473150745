/* planner/arith.c -- operators over bound operands: + - * / %, comparison, logic, ||.
 *
 * DECIMAL results (operands p1,s1 and p2,s2; integers count as DECIMAL(3|5|10|19, 0)):
 *   + -   s = max(s1,s2)        p = max(p1-s1, p2-s2) + s + 1
 *   *     s = s1+s2             p = p1+p2
 *   /     s = max(6, s1+p2+1)   p = (p1-s1+s2) + s
 *   %     s = max(s1,s2)        p = min(p1-s1, p2-s2) + s
 * Beyond 18 digits p is 18. + - % then keep s, so that no digit is lost and overflow is the row's error;
 * * and / give digits of the fraction up for whole ones, but keep s1 (* also s2) and at least six. The
 * evaluator reckons in 128 bits and rounds once, to s: only a result that does not fit fails. */
#include "bind_int.h"

#define DECIMAL_DIGITS 18
#define KEPT_SCALE     6

static uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- numbers ---- */

/* The fraction digits that fit beside `whole` digits. */
static uint32_t capped_scale(uint32_t whole, uint32_t scale, uint32_t kept) {
    if (whole + scale <= DECIMAL_DIGITS) return scale;
    uint32_t left = whole < DECIMAL_DIGITS ? DECIMAL_DIGITS - whole : 0;
    return min_u32(min_u32(scale, DECIMAL_DIGITS), max_u32(left, max_u32(kept, KEPT_SCALE)));
}

static wr_type decimal_type(uint32_t prec, uint32_t scale) {
    return (wr_type){
        .kind = WR_T_DECIMAL, .prec = min_u32(max_u32(prec, 1), DECIMAL_DIGITS), .scale = (uint8_t)scale};
}

/* An operand at `scale` fraction digits where that cannot overflow; else as it is, and the operation brings
 * it there in 128 bits. */
static wr_expr *to_scale(wri_binder *b, wr_expr *e, uint32_t scale) {
    wr_type t = wri_as_decimal(e->type);
    if (t.scale == scale || !wri_fits_scale(e, scale)) return e;
    return wri_convert(b, e, decimal_type(t.prec - t.scale + scale, scale));
}

static wr_expr *decimal_arith(wri_binder *b, wr_loc loc, wr_xop op, wr_expr *x, wr_expr *y) {
    wr_type tx = wri_as_decimal(x->type), ty = wri_as_decimal(y->type);
    uint32_t wx = tx.prec - tx.scale, wy = ty.prec - ty.scale;
    if (op == WR_OP_MUL) {
        uint32_t scale = capped_scale(wx + wy, (uint32_t)tx.scale + ty.scale, max_u32(tx.scale, ty.scale));
        return wri_mk_op2(b, op, decimal_type(wx + wy + scale, scale), loc, x, y);
    }
    if (op == WR_OP_DIV) {
        uint32_t whole = wx + ty.scale;
        uint32_t scale = capped_scale(whole, max_u32(KEPT_SCALE, tx.scale + ty.prec + 1), tx.scale);
        return wri_mk_op2(b, op, decimal_type(whole + scale, scale), loc, x, y);
    }
    uint32_t scale = max_u32(tx.scale, ty.scale);
    uint32_t whole = op == WR_OP_MOD ? min_u32(wx, wy) : max_u32(wx, wy) + 1;
    wr_type t = decimal_type(whole + scale, scale);
    return wri_mk_op2(b, op, t, loc, to_scale(b, x, scale), to_scale(b, y, scale));
}

static wr_expr *number_arith(wri_binder *b, wr_loc loc, wr_xop op, wr_expr *x, wr_expr *y) {
    wr_type t;
    if (!wri_common_type(x->type, y->type, &t)) return &wri_failed;
    if (t.kind == WR_T_DECIMAL) return decimal_arith(b, loc, op, x, y);
    if (t.kind == WR_T_DOUBLE) { /* REAL is held as a double: nothing to convert */
        if (x->type.kind != WR_T_REAL) x = wri_convert(b, x, t);
        if (y->type.kind != WR_T_REAL) y = wri_convert(b, y, t);
    }
    return wri_mk_op2(b, op, t, loc, x, y);
}

static wr_xop arith_op(char op) {
    return op == '+'   ? WR_OP_ADD
           : op == '-' ? WR_OP_SUB
           : op == '*' ? WR_OP_MUL
           : op == '/' ? WR_OP_DIV
                       : WR_OP_MOD;
}

static wr_expr *not_numbers(wri_binder *b, wr_loc loc, char op, const wr_expr *x, const wr_expr *y) {
    bool tx = wr_kind_is_text((wr_kind)x->type.kind), ty = wr_kind_is_text((wr_kind)y->type.kind);
    const wr_expr *text = tx ? x : ty ? y : NULL;
    const char *hint = NULL;
    if (tx && ty && op == '+') hint = "text is joined by ||";
    else if (text)
        hint = wr_arena_printf(b->d->ar, "write CAST(%s AS DOUBLE)", wri_source_text(b, text->loc));
    return wri_bind_error(b, loc, hint, "'%c' needs numbers, found %s and %s", op, wri_type_text(b, x->type),
                          wri_type_text(b, y->type));
}

wr_expr *wri_bind_arith(wri_binder *b, wr_loc loc, char op, wr_expr *x, wr_expr *y) {
    if (wri_is_bad(x) || wri_is_bad(y)) return &wri_failed;
    wr_kind kx = (wr_kind)x->type.kind, ky = (wr_kind)y->type.kind;
    if (wr_kind_is_time(kx) || wr_kind_is_time(ky) || wri_is_interval(x->type) || wri_is_interval(y->type))
        return wri_bind_time_arith(b, loc, op, x, y);
    bool ok = (wr_kind_is_num(kx) || kx == WR_T_NULL) && (wr_kind_is_num(ky) || ky == WR_T_NULL);
    if (!ok) return not_numbers(b, loc, op, x, y);
    if (kx == WR_T_NULL || ky == WR_T_NULL) return wri_mk_null(b, kx == WR_T_NULL ? y->type : x->type, loc);
    return number_arith(b, loc, arith_op(op), x, y);
}

wr_expr *wri_bind_neg(wri_binder *b, wr_loc loc, wr_expr *x) {
    if (wri_is_bad(x)) return x;
    if (wri_is_null(x) && x->type.kind == WR_T_NULL) return x;
    if (!wr_kind_is_num((wr_kind)x->type.kind) && !wri_is_interval(x->type))
        return wri_bind_error(b, loc, NULL, "'-' needs a number or an interval, found %s",
                              wri_type_text(b, x->type));
    wr_expr *e = wri_mk_op1(b, WR_OP_NEG, x->type, loc, x);
    if (!wri_is_bad(e)) e->unit = x->unit;
    return e;
}

/* ---- comparison and logic ---- */

wr_expr *wri_bind_compare(wri_binder *b, wr_loc loc, wr_xop op, wr_expr *x, wr_expr *y) {
    if (wri_is_bad(x) || wri_is_bad(y)) return &wri_failed;
    wr_type t, boolean = wr_type_of(WR_T_BOOLEAN);
    wr_expr *both[2] = {x, y};
    if (!wri_unify(b, both, 2, &t, "", true)) return &wri_failed;
    bool total = op == WR_OP_IS_DISTINCT || op == WR_OP_IS_NOT_DISTINCT;
    if (t.kind == WR_T_NULL && wri_is_null(x) && wri_is_null(y))
        return total ? wri_mk_i64(b, op == WR_OP_IS_NOT_DISTINCT, boolean, loc)
                     : wri_mk_null(b, boolean, loc);
    return wri_mk_op2(b, op, boolean, loc, both[0], both[1]);
}

wr_expr *wri_mk_and(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y) {
    return wri_mk_op2(b, WR_OP_AND, wr_type_of(WR_T_BOOLEAN), loc, x, y);
}

wr_expr *wri_mk_or(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y) {
    return wri_mk_op2(b, WR_OP_OR, wr_type_of(WR_T_BOOLEAN), loc, x, y);
}

wr_expr *wri_mk_not(wri_binder *b, wr_loc loc, wr_expr *x) {
    return wri_mk_op1(b, WR_OP_NOT, wr_type_of(WR_T_BOOLEAN), loc, x);
}

/* ---- text ---- */

static wr_expr *as_text(wri_binder *b, wr_expr *e) {
    if (wri_is_bad(e) || wr_kind_is_text((wr_kind)e->type.kind)) return e;
    wr_type text = wr_type_of(WR_T_VARCHAR);
    if (wri_castable(e->type, text)) return wri_cast_expr(b, e, text, true, e->loc);
    return wri_bind_error(b, e->loc, NULL, "'||' joins text, found %s", wri_type_text(b, e->type));
}

wr_expr *wri_mk_concat(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y) {
    x = as_text(b, x);
    y = as_text(b, y);
    if (wri_is_bad(x) || wri_is_bad(y)) return &wri_failed;
    wr_type t = wr_type_of(WR_T_VARCHAR);
    bool bounded = wri_is_char(x->type) && wri_is_char(y->type) && x->type.prec && y->type.prec;
    if (bounded && x->type.prec < UINT32_MAX / 2 && y->type.prec < UINT32_MAX / 2)
        t.prec = x->type.prec + y->type.prec;
    return wri_mk_op2(b, WR_OP_CONCAT, t, loc, x, y);
}
