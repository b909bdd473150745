/* runtime/expr/scalar_decimal.c -- + - * / % and comparison where scales differ: DECIMALs with each other and
 * with integers (scale 0), and intervals times or by a DECIMAL.
 *
 * A value v of scale s is v / 10^s. Operands have at most 63 bits, and 10^18 has 60, so both fit in 128 bits
 * at the larger of two scales, and so does a product. The exact result is rounded once, half away from zero,
 * to the scale of the result (an interval is cut), and only then must it fit. */
#include "expr_int.h"

__int128 wri_ten_to_wide(uint32_t n) {
    __int128 v = wri_ten_to(n < 18 ? n : 18);
    for (uint32_t i = 18; i < n; i++) v *= 10;
    return v;
}

__int128 wri_div_round(__int128 a, __int128 b) {
    __int128 q = a / b, r = a % b;
    if (r < 0) return -r >= b - -r ? q - 1 : q;
    return r >= b - r ? q + 1 : q;
}

uint32_t wri_scale(wr_type t) { return t.kind == WR_T_DECIMAL ? t.scale : 0; }

static uint32_t scale_of(const wri_call *c, uint32_t arg) { return wri_scale(c->e->args[arg]->type); }

/* v of scale `from`, as the result. */
static const char *deliver(const wri_call *c, __int128 v, uint32_t from, wr_value *outp) {
    wr_type t = c->e->type;
    uint32_t to = wri_scale(t);
    if (to < from) v = wri_div_round(v, wri_ten_to_wide(from - to));
    else if (__builtin_mul_overflow(v, wri_ten_to_wide(to - from), &v)) return wri_out_of_range(t);
    return wri_fit(t, v, outp);
}

/* Both operands at the larger of their scales, which is returned. */
static uint32_t align(const wri_call *c, const wr_value *a, __int128 v[2]) {
    uint32_t s[2] = {scale_of(c, 0), scale_of(c, 1)}, to = s[0] > s[1] ? s[0] : s[1];
    for (int i = 0; i < 2; i++) v[i] = (__int128)a[i].i64 * wri_ten_to(to - s[i]);
    return to;
}

static const char *add(wri_call *c, const wr_value *a, wr_value *outp) {
    __int128 v[2];
    uint32_t s = align(c, a, v);
    return deliver(c, v[0] + v[1], s, outp);
}

static const char *sub(wri_call *c, const wr_value *a, wr_value *outp) {
    __int128 v[2];
    uint32_t s = align(c, a, v);
    return deliver(c, v[0] - v[1], s, outp);
}

static const char *mod(wri_call *c, const wr_value *a, wr_value *outp) {
    __int128 v[2];
    if (a[1].i64 == 0) return "division by zero";
    uint32_t s = align(c, a, v);
    return deliver(c, v[0] % v[1], s, outp);
}

static const char *mul(wri_call *c, const wr_value *a, wr_value *outp) {
    return deliver(c, (__int128)a[0].i64 * a[1].i64, scale_of(c, 0) + scale_of(c, 1), outp);
}

/* a/10^s1 / (b/10^s2) at scale s is a * 10^(s+s2-s1) / b. A numerator beyond 128 bits makes a quotient
 * beyond 64, whatever b is; a divisor beyond 128 bits makes one that rounds to zero. */
static const char *divide(wri_call *c, const wr_value *a, wr_value *outp) {
    wr_type t = c->e->type;
    if (a[1].i64 == 0) return "division by zero";
    __int128 num = a[0].i64, den = a[1].i64;
    int up = (int)wri_scale(t) + (int)scale_of(c, 1) - (int)scale_of(c, 0);
    for (; up > 0; up--)
        if (__builtin_mul_overflow(num, (__int128)10, &num)) return wri_out_of_range(t);
    for (; up < 0; up++)
        if (__builtin_mul_overflow(den, (__int128)10, &den)) return wri_ret_i64(outp, 0);
    if (den < 0) { /* neither is the least of 128 bits: both came from 64 */
        num = -num;
        den = -den;
    }
    return wri_fit(t, wri_div_round(num, den), outp);
}

/* ---- intervals ---- */

static const char *mul_interval(wri_call *c, const wr_value *a, wr_value *outp) {
    __int128 v = (__int128)a[0].i64 * a[1].i64;
    return wri_fit(c->e->type, v / wri_ten_to(scale_of(c, 0) + scale_of(c, 1)), outp);
}

static const char *div_interval(wri_call *c, const wr_value *a, wr_value *outp) {
    if (a[1].i64 == 0) return "division by zero";
    return wri_fit(c->e->type, (__int128)a[0].i64 * wri_ten_to(scale_of(c, 1)) / a[1].i64, outp);
}

wr_scalar wri_scaled_scalar(const wr_expr *e) {
    if (e->n_args != 2) return NULL;
    wr_type a = e->args[0]->type, b = e->args[1]->type;
    if (e->type.kind == WR_T_INTERVAL_DAY || e->type.kind == WR_T_INTERVAL_MONTH) {
        if (wri_scale(a) + wri_scale(b) == 0) return NULL;
        return e->op == WR_OP_MUL ? mul_interval : e->op == WR_OP_DIV ? div_interval : NULL;
    }
    if (e->type.kind != WR_T_DECIMAL) return NULL;
    bool one = wri_scale(a) == wri_scale(b) && wri_scale(a) == e->type.scale;
    switch (e->op) {
    case WR_OP_ADD:
        return one ? NULL : add;
    case WR_OP_SUB:
        return one ? NULL : sub;
    case WR_OP_MOD:
        return one ? NULL : mod;
    case WR_OP_MUL:
        return wri_scale(a) + wri_scale(b) == e->type.scale ? NULL : mul;
    case WR_OP_DIV:
        return divide;
    default:
        return NULL;
    }
}

/* ---- comparison ---- */

bool wri_scales_differ(const wr_expr *e) {
    if (e->n_args != 2) return false;
    wr_type a = e->args[0]->type, b = e->args[1]->type;
    return wr_type_phys(a) == WR_I64 && wr_type_phys(b) == WR_I64 && wri_scale(a) != wri_scale(b);
}

static bool holds(wr_xop op, __int128 a, __int128 b) {
    switch (op) {
    case WR_OP_EQ:
    case WR_OP_IS_NOT_DISTINCT:
        return a == b;
    case WR_OP_NE:
    case WR_OP_IS_DISTINCT:
        return a != b;
    case WR_OP_LT:
        return a < b;
    case WR_OP_LE:
        return a <= b;
    case WR_OP_GT:
        return a > b;
    default:
        return a >= b;
    }
}

const char *wri_compare_scaled(wri_call *c, const wr_value *a, wr_value *outp) {
    __int128 v[2];
    align(c, a, v);
    if (a[0].null || a[1].null) { /* comes here for IS [NOT] DISTINCT FROM only */
        v[0] = a[0].null;
        v[1] = a[1].null;
    }
    return wri_ret_i64(outp, holds(c->e->op, v[0], v[1]));
}
