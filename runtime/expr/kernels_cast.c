/* runtime/expr/kernels_cast.c -- fast casts among numbers, and floors of times, over columns. What is not
 * here goes through the map kernel. */
#pragma GCC optimize("O3")
#include <math.h>

#include "expr_int.h"

#define DAY_US    (86400 * WR_US_PER_SECOND)
#define EXACT_MAX (INT64_C(1) << 52)

WR_HOT static bool copy_checked(const int64_t *restrict a, int64_t *restrict o, uint32_t n, int64_t lo,
                                int64_t hi) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        bad |= (a[i] < lo) | (a[i] > hi);
        o[i] = a[i];
    }
    return !bad;
}

WR_HOT static bool scale_up(const int64_t *restrict a, int64_t *restrict o, uint32_t n, int64_t by,
                            int64_t hi) {
    int64_t bad = 0, most = hi / by; /* symmetric bounds: what fits before fits after */
    for (uint32_t i = 0; i < n; i++) {
        bad |= (a[i] < -most) | (a[i] > most);
        o[i] = (int64_t)((uint64_t)a[i] * (uint64_t)by);
    }
    return !bad;
}

WR_HOT static void to_double(const int64_t *restrict a, double *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = (double)a[i];
}

WR_HOT static bool to_double_scaled(const int64_t *restrict a, double *restrict o, uint32_t n, double by) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        bad |= (a[i] > EXACT_MAX) | (a[i] < -EXACT_MAX);
        o[i] = (double)a[i] / by;
    }
    return !bad;
}

WR_HOT static void to_float(const double *restrict a, double *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = (double)(float)a[i];
}

/* Halves away from zero: the fraction is exact below 2^52, so that no rounding of a + 0.5 can mislead. */
WR_HOT static bool to_integer(const double *restrict a, int64_t *restrict o, uint32_t n, int64_t lo,
                              int64_t hi) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool far = !(fabs(a[i]) < (double)EXACT_MAX);
        double x = far ? 0 : a[i];
        int64_t r = (int64_t)x;
        double f = x - (double)r;
        r += (f >= 0.5) - (f <= -0.5);
        bad |= far | (r < lo) | (r > hi);
        o[i] = r;
    }
    return !bad;
}

WR_HOT static void to_bool(const int64_t *restrict a, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = a[i] != 0;
}

static bool cast_range(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    return copy_checked(a[0]->i64, dst->i64, n, ins->lo, ins->hi);
}
static bool cast_scale(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    return scale_up(a[0]->i64, dst->i64, n, ins->imm, ins->hi);
}
static bool cast_i64_f64(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    (void)ins;
    to_double(a[0]->i64, dst->f64, n);
    return true;
}
static bool cast_decimal_f64(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    return to_double_scaled(a[0]->i64, dst->f64, n, (double)ins->imm);
}
static bool cast_f64_f32(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    (void)ins;
    to_float(a[0]->f64, dst->f64, n);
    return true;
}
static bool cast_f64_i64(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    return to_integer(a[0]->f64, dst->i64, n, ins->lo, ins->hi);
}
static bool cast_bool(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    (void)ins;
    to_bool(a[0]->i64, dst->i64, n);
    return true;
}

static bool whole(wr_kind k) { return k == WR_T_BOOLEAN || wr_kind_is_int(k); }

wri_fast wri_fast_cast(wri_ins *ins) {
    wr_type from = ins->e->args[0]->type, to = ins->e->type;
    wr_kind f = (wr_kind)from.kind, t = (wr_kind)to.kind;
    if (whole(f) && t == WR_T_BOOLEAN) return cast_bool;
    if (whole(f) && wr_kind_is_int(t)) return cast_range;
    if (whole(f) && t == WR_T_DOUBLE) return cast_i64_f64;
    if ((f == WR_T_REAL || f == WR_T_DOUBLE) && wr_kind_is_int(t)) return cast_f64_i64;
    if (f == WR_T_DOUBLE && t == WR_T_REAL) return cast_f64_f32;
    if (f == WR_T_DECIMAL && t == WR_T_DOUBLE) {
        ins->imm = wri_ten_to(from.scale);
        return cast_decimal_f64;
    }
    uint32_t scale = wri_scale(from);
    if (f == WR_T_DECIMAL && (t == WR_T_DECIMAL || wr_kind_is_int(t)) && scale > wri_scale(to)) {
        ins->imm = wri_ten_to(scale - wri_scale(to));
        return wri_cast_down;
    }
    if ((whole(f) || f == WR_T_DECIMAL) && t == WR_T_DECIMAL && to.scale >= scale && to.prec <= 18) {
        ins->imm = wri_ten_to(to.scale - scale);
        return cast_scale;
    }
    return NULL;
}

/* ---- floors ---- */

WR_HOT static bool floor_loop(const int64_t *restrict a, int64_t *restrict o, uint32_t n, int64_t step,
                              int64_t shift) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t v = (int64_t)((uint64_t)a[i] - (uint64_t)shift);
        bad |= (v > EXACT_MAX) | (v < -EXACT_MAX);
        int64_t q = (int64_t)((double)v / (double)step);
        int64_t r = (int64_t)((uint64_t)v - (uint64_t)q * (uint64_t)step);
        r += r < 0 ? step : 0;
        o[i] = (int64_t)((uint64_t)a[i] - (uint64_t)r);
    }
    return !bad;
}

static bool floor_fast(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    int64_t shift = ins->e->op == WR_OP_FLOOR_UNIT && ins->e->unit == WR_U_WEEK ? 4 * DAY_US : 0;
    return floor_loop(a[0]->i64, dst->i64, n, ins->imm, shift);
}

/* (time mod outer) / inner, for parts of the clock */
WR_HOT static bool part_loop(const int64_t *restrict a, int64_t *restrict o, uint32_t n, int64_t outer,
                             int64_t inner) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        bad |= (a[i] > EXACT_MAX) | (a[i] < -EXACT_MAX);
        int64_t q = (int64_t)((double)a[i] / (double)outer);
        int64_t r = (int64_t)((uint64_t)a[i] - (uint64_t)q * (uint64_t)outer);
        r += r < 0 ? outer : 0;
        o[i] = (int64_t)((double)r / (double)inner);
    }
    return !bad;
}

static bool part_fast(const wri_ins *ins, wri_vec *const *a, wri_vec *dst, uint32_t n) {
    int64_t inner = ins->imm, outer = inner == 3600 * WR_US_PER_SECOND ? DAY_US : inner * 60;
    return part_loop(a[0]->i64, dst->i64, n, outer, inner);
}

wri_fast wri_fast_time(wri_prog *p, wri_ins *ins) {
    const wr_expr *e = ins->e;
    wr_kind k = (wr_kind)e->args[0]->type.kind;
    if (e->op == WR_OP_FLOOR_STEP) {
        const wri_vec *step = &p->regs[ins->args[1]];
        if (!step->konst || step->value.null || step->value.i64 <= 0 || step->value.i64 > EXACT_MAX)
            return NULL;
        ins->imm = step->value.i64;
        bool plain = k == WR_T_TIMESTAMP || k == WR_T_BIGINT || k == WR_T_INTERVAL_DAY;
        return plain ? floor_fast : NULL;
    }
    ins->imm = wri_unit_us(e->unit);
    if (ins->imm == 0 || !wr_kind_is_time(k)) return NULL;
    if (e->op == WR_OP_FLOOR_UNIT) return floor_fast;
    bool part = e->unit == WR_U_HOUR || e->unit == WR_U_MINUTE || e->unit == WR_U_SECOND;
    bool fits = e->type.kind == WR_T_BIGINT || e->type.kind == WR_T_INTEGER;
    return part && fits ? part_fast : NULL;
}
