/* runtime/expr/scalar_arith.c -- what + - * / % and negation mean for one pair of values.
 *
 * Integers, decimals of one scale and times compute in 128 bits and are then fitted into the result type, so
 * overflow is never a silent wrap. Doubles follow IEEE 754, except that a NaN and a division by zero fail the
 * row. */
#include <math.h>

#include "expr_int.h"

int64_t wri_ten_to(uint32_t n) {
    static const int64_t p[] = {1LL,
                                10LL,
                                100LL,
                                1000LL,
                                10000LL,
                                100000LL,
                                1000000LL,
                                10000000LL,
                                100000000LL,
                                1000000000LL,
                                10000000000LL,
                                100000000000LL,
                                1000000000000LL,
                                10000000000000LL,
                                100000000000000LL,
                                1000000000000000LL,
                                10000000000000000LL,
                                100000000000000000LL,
                                1000000000000000000LL};
    return p[n < 18 ? n : 18];
}

void wri_bounds(wr_type t, int64_t *lop, int64_t *hip) {
    int64_t lo = INT64_MIN, hi = INT64_MAX;
    switch ((wr_kind)t.kind) {
    case WR_T_BOOLEAN:
        lo = 0;
        hi = 1;
        break;
    case WR_T_TINYINT:
        lo = INT8_MIN;
        hi = INT8_MAX;
        break;
    case WR_T_SMALLINT:
        lo = INT16_MIN;
        hi = INT16_MAX;
        break;
    case WR_T_INTEGER:
        lo = INT32_MIN;
        hi = INT32_MAX;
        break;
    case WR_T_DECIMAL: /* 19 digits are accepted, as many of them as 64 bits hold */
        if (t.prec <= 18) {
            hi = wri_ten_to(t.prec) - 1;
            lo = -hi;
        }
        break;
    case WR_T_DATE:
    case WR_T_TIMESTAMP:
        lo = WR_TS_MIN;
        hi = WR_TS_MAX;
        break;
    default:
        break;
    }
    *lop = lo;
    *hip = hi;
}

const char *wri_out_of_range(wr_type t) {
    static const char *const texts[WR_N_KINDS] = {
#define X(k, name, phys) [WR_T_##k] = name " out of range",
        WR_KIND_LIST(X)
#undef X
    };
    return texts[t.kind];
}

#define DAY_US (86400 * WR_US_PER_SECOND)

const char *wri_fit(wr_type t, __int128 v, wr_value *outp) {
    int64_t lo, hi;
    wri_bounds(t, &lo, &hi);
    if (t.kind == WR_T_TIME) { /* the clock goes round */
        __int128 r = v % DAY_US;
        v = r < 0 ? r + DAY_US : r;
    }
    if (v < lo || v > hi) return wri_out_of_range(t);
    outp->i64 = (int64_t)v;
    if (t.kind == WR_T_DATE) {
        if (v < WR_TS_MIN + DAY_US) return wri_out_of_range(t);
        outp->i64 = wr_floor_to((int64_t)v, DAY_US);
    }
    return NULL;
}

const char *wri_ret_f64(wr_value *outp, double v) {
    if (v != v) return "not a number";
    outp->f64 = v;
    return NULL;
}

bool wri_round_i64(double v, int64_t *outp) {
    double r = round(v);
    if (!(r >= -9223372036854775808.0 && r < 9223372036854775808.0)) return false;
    *outp = (int64_t)r;
    return true;
}

static const char *add_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_fit(c->e->type, (__int128)a[0].i64 + a[1].i64, outp);
}
static const char *sub_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_fit(c->e->type, (__int128)a[0].i64 - a[1].i64, outp);
}
static const char *mul_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_fit(c->e->type, (__int128)a[0].i64 * a[1].i64, outp);
}
static const char *neg_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_fit(c->e->type, -(__int128)a[0].i64, outp);
}

static const char *const by_zero = "division by zero";

static const char *div_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    if (a[1].i64 == 0) return by_zero;
    return wri_fit(c->e->type, (__int128)a[0].i64 / a[1].i64, outp);
}

static const char *mod_i64(wri_call *c, const wr_value *a, wr_value *outp) {
    if (a[1].i64 == 0) return by_zero;
    return wri_fit(c->e->type, (__int128)a[0].i64 % a[1].i64, outp);
}

static inline const char *ret_real(const wri_call *c, double v, wr_value *outp) {
    if (c->e->type.kind == WR_T_REAL) v = (double)(float)v;
    return wri_ret_f64(outp, v);
}

static const char *add_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return ret_real(c, a[0].f64 + a[1].f64, outp);
}
static const char *sub_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return ret_real(c, a[0].f64 - a[1].f64, outp);
}
static const char *mul_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return ret_real(c, a[0].f64 * a[1].f64, outp);
}
static const char *neg_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return ret_real(c, -a[0].f64, outp);
}
static const char *div_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return a[1].f64 == 0 ? by_zero : ret_real(c, a[0].f64 / a[1].f64, outp);
}
static const char *mod_f64(wri_call *c, const wr_value *a, wr_value *outp) {
    return a[1].f64 == 0 ? by_zero : ret_real(c, fmod(a[0].f64, a[1].f64), outp);
}

wr_scalar wri_arith_scalar(const wr_expr *e) {
    bool f = wr_type_phys(e->type) == WR_F64;
    wr_scalar scaled = wri_scaled_scalar(e);
    if (scaled) return scaled;
    switch (e->op) {
    case WR_OP_NEG:
        return f ? neg_f64 : neg_i64;
    case WR_OP_ADD:
        return f ? add_f64 : add_i64;
    case WR_OP_SUB:
        return f ? sub_f64 : sub_i64;
    case WR_OP_MUL:
        return f ? mul_f64 : mul_i64;
    case WR_OP_DIV:
        return f ? div_f64 : div_i64;
    case WR_OP_MOD:
        return f ? mod_f64 : mod_i64;
    default:
        return NULL;
    }
}
