/* runtime/expr/fn_math.c -- functions of numbers. Outside a function's domain the row fails, as does a result
 * that is not a number; rounding is to the nearest, halves away from zero, in decimal digits as written. */
#include <math.h>

#include "expr_int.h"

typedef const wr_value *args_t;

static bool is_f64(const wri_call *c) { return wr_type_phys(c->e->args[0]->type) == WR_F64; }

const char *wri_fn_abs(wri_call *c, args_t a, wr_value *outp) {
    if (is_f64(c)) return wri_ret_f64(outp, fabs(a[0].f64));
    __int128 v = a[0].i64;
    return wri_fit(c->e->type, v < 0 ? -v : v, outp);
}

const char *wri_fn_sign(wri_call *c, args_t a, wr_value *outp) {
    if (is_f64(c)) return wri_ret_f64(outp, (double)((a[0].f64 > 0) - (a[0].f64 < 0)));
    int64_t one = c->e->type.kind == WR_T_DECIMAL ? wri_ten_to(c->e->type.scale) : 1;
    return wri_fit(c->e->type, ((a[0].i64 > 0) - (a[0].i64 < 0)) * one, outp);
}

const char *wri_fn_floor(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_f64(outp, floor(a[0].f64));
}
const char *wri_fn_ceil(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_f64(outp, ceil(a[0].f64));
}

/* ---- rounding to digits ---- */

/* An integer or DECIMAL brought to a multiple of 10^-digits, in the scale of the result, which keeps all of
 * these digits that there are. */
static const char *round_units(wr_type from, wr_type to, int64_t v, int64_t digits, bool cut,
                               wr_value *outp) {
    int64_t scale = wri_scale(from);
    if (digits > scale) digits = scale;
    if (digits < scale - 19) return wri_ret_i64(outp, 0);
    int64_t drop = scale - digits;
    __int128 unit = wri_ten_to_wide((uint32_t)drop), r = cut ? v / unit : wri_div_round(v, unit);
    int64_t up = (int64_t)wri_scale(to) - digits;
    return wri_fit(to, r * wri_ten_to_wide((uint32_t)(up > 0 ? up : 0)), outp);
}

/* A double's digits are those of its shortest text: 1.005 rounds to 1.01 though it is a little less. */
static double round_text(double v, uint32_t digits, bool cut) {
    char text[WR_TEXT_MAX];
    size_t n = wr_write_f64(v, text);
    const char *point = memchr(text, '.', n);
    if (!point || memchr(text, 'e', n) || memchr(text, 'E', n)) return v;
    int64_t units;
    double out;
    size_t keep = (size_t)(point - text) + 1 + digits;
    if (keep >= n) return v;
    if (cut) return wr_read_f64(text, digits ? keep : keep - 1, &out) ? out : v;
    if (!wr_read_decimal(text, n, 18, digits, true, &units)) return v;
    return copysign(wri_decimal_to_f64(units, digits), v);
}

static double round_f64(double v, int64_t digits, bool cut) {
    if (!isfinite(v) || digits >= 18) return v;
    if (digits == 0) return cut ? trunc(v) : round(v);
    if (digits < 0) {
        if (digits < -308) return 0;
        double unit = pow(10, (double)-digits);
        return (cut ? trunc(v / unit) : round(v / unit)) * unit;
    }
    if (fabs(v) < 1e-5) { /* written with an exponent: below any digit kept, unless many are */
        int64_t units;
        if (!wri_f64_to_decimal(v, 18, (uint32_t)digits, &units)) return v;
        if (cut && fabs(wri_decimal_to_f64(units, (uint32_t)digits)) > fabs(v)) units -= v < 0 ? -1 : 1;
        return copysign(wri_decimal_to_f64(units, (uint32_t)digits), v);
    }
    return fabs(v) >= 0x1p52 ? v : round_text(v, (uint32_t)digits, cut);
}

static const char *round_to(const wri_call *c, args_t a, bool cut, wr_value *outp) {
    int64_t digits = c->e->n_args > 1 ? a[1].i64 : 0;
    if (!is_f64(c)) return round_units(c->e->args[0]->type, c->e->type, a[0].i64, digits, cut, outp);
    double v = round_f64(a[0].f64, digits, cut);
    return wri_ret_f64(outp, c->e->type.kind == WR_T_REAL ? (double)(float)v : v);
}

const char *wri_fn_round(wri_call *c, args_t a, wr_value *outp) { return round_to(c, a, false, outp); }
const char *wri_fn_truncate(wri_call *c, args_t a, wr_value *outp) { return round_to(c, a, true, outp); }

/* ---- powers and logarithms ---- */

const char *wri_fn_sqrt(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return a[0].f64 < 0 ? "square root of a negative number" : wri_ret_f64(outp, sqrt(a[0].f64));
}

const char *wri_fn_power(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    double x = a[0].f64, y = a[1].f64;
    if (x == 0 && y < 0) return "zero to a negative power";
    if (x < 0 && isfinite(x) && y != floor(y)) return "a negative number to a fractional power";
    return wri_ret_f64(outp, pow(x, y));
}

static const char *const bad_log = "logarithm of a number that is not above zero";
const char *wri_fn_ln(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return a[0].f64 > 0 ? wri_ret_f64(outp, log(a[0].f64)) : bad_log;
}
const char *wri_fn_log10(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return a[0].f64 > 0 ? wri_ret_f64(outp, log10(a[0].f64)) : bad_log;
}
const char *wri_fn_log2(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return a[0].f64 > 0 ? wri_ret_f64(outp, log2(a[0].f64)) : bad_log;
}
const char *wri_fn_log(wri_call *c, args_t a, wr_value *outp) {
    if (c->e->n_args == 1) return wri_fn_ln(c, a, outp);
    if (!(a[0].f64 > 0) || !(a[1].f64 > 0)) return bad_log;
    return a[0].f64 == 1 ? "logarithm to the base 1" : wri_ret_f64(outp, log(a[1].f64) / log(a[0].f64));
}

/* ---- one double in, one out ---- */

#define UNARY(name, call)                                                                                    \
    const char *wri_fn_##name(wri_call *c, args_t a, wr_value *outp) {                                       \
        (void)c;                                                                                             \
        double x = a[0].f64;                                                                                 \
        return wri_ret_f64(outp, call);                                                                      \
    }
/* The C library misses some whole roots by the last bit: 27. */
static double cube_root(double x) {
    double r = cbrt(x), whole = rint(r);
    return whole * whole * whole == x ? whole : r;
}
UNARY(cbrt, cube_root(x))
#define PI 3.14159265358979323846
UNARY(exp, exp(x))
UNARY(sin, sin(x))
UNARY(cos, cos(x))
UNARY(tan, tan(x))
UNARY(asin, asin(x))
UNARY(acos, acos(x))
UNARY(atan, atan(x))
UNARY(sinh, sinh(x))
UNARY(cosh, cosh(x))
UNARY(tanh, tanh(x))
UNARY(asinh, asinh(x))
UNARY(acosh, acosh(x))
UNARY(atanh, atanh(x))
UNARY(degrees, x *(180 / PI))
UNARY(radians, x *(PI / 180))

const char *wri_fn_cot(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return a[0].f64 == 0 ? "division by zero" : wri_ret_f64(outp, 1 / tan(a[0].f64));
}
const char *wri_fn_atan2(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_f64(outp, atan2(a[0].f64, a[1].f64));
}
const char *wri_fn_pi(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    (void)a;
    return wri_ret_f64(outp, PI);
}
const char *wri_fn_e(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    (void)a;
    return wri_ret_f64(outp, 2.71828182845904523536);
}

/* WIDTH_BUCKET(x, lo, hi, n): which of n equal parts of [lo, hi) x lies in, 0 and n + 1 outside; hi may be
 * below lo, then the parts count down. */
const char *wri_fn_width_bucket(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    double x = a[0].f64, lo = a[1].f64, hi = a[2].f64;
    int64_t n = a[3].i64;
    if (n < 1 || n > INT32_MAX) return "WIDTH_BUCKET needs a number of parts above zero";
    if (!isfinite(lo) || !isfinite(hi) || lo == hi) return "WIDTH_BUCKET needs two different bounds";
    if (hi < lo) {
        x = -x;
        lo = -lo;
        hi = -hi;
    }
    if (x < lo) return wri_ret_i64(outp, 0);
    if (x >= hi) return wri_ret_i64(outp, n + 1);
    int64_t part = (int64_t)((x - lo) / (hi - lo) * (double)n); /* rounding may reach n */
    return wri_ret_i64(outp, (part < n ? part : n - 1) + 1);
}

/* ---- bits ---- */

const char *wri_fn_bit_count(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, __builtin_popcountll((uint64_t)a[0].i64));
}

const char *wri_fn_bitand(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, a[0].i64 & a[1].i64);
}
const char *wri_fn_bitor(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, a[0].i64 | a[1].i64);
}
const char *wri_fn_bitxor(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, a[0].i64 ^ a[1].i64);
}
const char *wri_fn_bitnot(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, ~a[0].i64);
}
