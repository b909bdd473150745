/* runtime/expr/kernels_arith.c -- arithmetic over columns.
 *
 * A loop computes all rows and gathers in `bad` whether any of them left the result's range; only then are
 * the rows looked at one by one (the map kernel). The loops have no branch and are vectorised. */
#pragma GCC optimize("O3")
#include <math.h>

#include "expr_int.h"

/* Exact in a double: quotients of such integers truncate to the same whether divided as doubles or not. */
#define EXACT_MAX (INT64_C(1) << 52)

/* name: three loops, over columns a and b (vv), a and a constant (vs), a constant and b (sv). */
#define LOOPS(name, T, setup, body)                                                                          \
    WR_HOT static bool name##_vv(const T *restrict av, const T *restrict bv, T *restrict o, uint32_t n,      \
                                 int64_t lo, int64_t hi) {                                                   \
        setup;                                                                                               \
        for (uint32_t i = 0; i < n; i++) {                                                                   \
            T a = av[i], b = bv[i], r;                                                                       \
            body;                                                                                            \
            o[i] = r;                                                                                        \
        }                                                                                                    \
        return !bad;                                                                                         \
    }                                                                                                        \
    WR_HOT static bool name##_vs(const T *restrict av, const T *restrict bv, T *restrict o, uint32_t n,      \
                                 int64_t lo, int64_t hi) {                                                   \
        setup;                                                                                               \
        T b = *bv;                                                                                           \
        for (uint32_t i = 0; i < n; i++) {                                                                   \
            T a = av[i], r;                                                                                  \
            body;                                                                                            \
            o[i] = r;                                                                                        \
        }                                                                                                    \
        return !bad;                                                                                         \
    }                                                                                                        \
    WR_HOT static bool name##_sv(const T *restrict av, const T *restrict bv, T *restrict o, uint32_t n,      \
                                 int64_t lo, int64_t hi) {                                                   \
        setup;                                                                                               \
        T a = *av;                                                                                           \
        for (uint32_t i = 0; i < n; i++) {                                                                   \
            T b = bv[i], r;                                                                                  \
            body;                                                                                            \
            o[i] = r;                                                                                        \
        }                                                                                                    \
        return !bad;                                                                                         \
    }                                                                                                        \
    static bool name(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {                   \
        const T *a = args[0]->data, *b = args[1]->data;                                                      \
        if (args[1]->konst) return name##_vs(a, b, dst->data, n, ins->lo, ins->hi);                          \
        if (args[0]->konst) return name##_sv(a, b, dst->data, n, ins->lo, ins->hi);                          \
        return name##_vv(a, b, dst->data, n, ins->lo, ins->hi);                                              \
    }

#define WRAP(op)      (int64_t)((uint64_t)a op(uint64_t) b)
#define INT_SETUP     int64_t bad = 0
#define OUT_OF_RANGE  ((r < lo) | (r > hi))
#define BIG(x, limit) ((uint64_t)(x) + (limit) > 2 * (uint64_t)(limit))

LOOPS(add_i64, int64_t, INT_SETUP, r = WRAP(+); bad |= (((a ^ r) & (b ^ r)) < 0) | OUT_OF_RANGE)
LOOPS(sub_i64, int64_t, INT_SETUP, r = WRAP(-); bad |= (((a ^ b) & (a ^ r)) < 0) | OUT_OF_RANGE)
/* Factors below 2^31 need no check of the product; the others are multiplied by mul_wide. */
LOOPS(mul_narrow, int64_t, INT_SETUP, r = WRAP(*);
      bad |= BIG(a, INT32_MAX) | BIG(b, INT32_MAX) | OUT_OF_RANGE)
LOOPS(mul_wide, int64_t, INT_SETUP, bad |= __builtin_mul_overflow(a, b, &r); bad |= OUT_OF_RANGE)
LOOPS(div_exact, int64_t, INT_SETUP, r = (int64_t)((double)a / (double)(b | !b));
      bad |= (b == 0) | BIG(a, EXACT_MAX) | BIG(b, EXACT_MAX) | OUT_OF_RANGE)
LOOPS(mod_exact, int64_t, INT_SETUP,
      r = (int64_t)((uint64_t)a - (uint64_t)((int64_t)((double)a / (double)(b | !b))) * (uint64_t)b);
      bad |= (b == 0) | BIG(a, EXACT_MAX) | BIG(b, EXACT_MAX) | OUT_OF_RANGE)

static bool mul_i64(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    return mul_narrow(ins, args, dst, n) || mul_wide(ins, args, dst, n);
}

#define F64_SETUP                                                                                            \
    (void)lo;                                                                                                \
    (void)hi;                                                                                                \
    int64_t bad = 0
LOOPS(add_f64, double, F64_SETUP, r = a + b; bad |= r != r)
LOOPS(sub_f64, double, F64_SETUP, r = a - b; bad |= r != r)
LOOPS(mul_f64, double, F64_SETUP, r = a * b; bad |= r != r)
LOOPS(div_f64, double, F64_SETUP, r = a / b; bad |= (r != r) | (b == 0))
LOOPS(add_f32, double, F64_SETUP, r = (double)(float)(a + b); bad |= r != r)
LOOPS(sub_f32, double, F64_SETUP, r = (double)(float)(a - b); bad |= r != r)
LOOPS(mul_f32, double, F64_SETUP, r = (double)(float)(a * b); bad |= r != r)
LOOPS(div_f32, double, F64_SETUP, r = (double)(float)(a / b); bad |= (r != r) | (b == 0))

WR_HOT static bool neg_loop_i64(const int64_t *restrict a, int64_t *restrict o, uint32_t n, int64_t lo,
                                int64_t hi) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t r = (int64_t)(0 - (uint64_t)a[i]);
        bad |= (a[i] == INT64_MIN) | OUT_OF_RANGE;
        o[i] = r;
    }
    return !bad;
}

static bool neg_i64(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    return neg_loop_i64(args[0]->i64, dst->i64, n, ins->lo, ins->hi);
}

WR_HOT static void neg_loop_f64(const double *restrict a, double *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = -a[i];
}

static bool neg_f64(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)ins;
    neg_loop_f64(args[0]->f64, dst->f64, n);
    return true;
}

WR_HOT static void neg_loop_f32(const double *restrict a, double *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = (double)(float)-a[i];
}

static bool neg_f32(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)ins;
    neg_loop_f32(args[0]->f64, dst->f64, n);
    return true;
}

/* The kinds that wri_fit only range-checks; DATE and TIME need its roundings. */
static bool range_only(wr_kind k) { return k != WR_T_DATE && k != WR_T_TIME; }

wri_fast wri_fast_arith(wri_ins *ins) {
    const wr_expr *e = ins->e;
    bool f64 = wr_type_phys(e->type) == WR_F64, f32 = e->type.kind == WR_T_REAL;
    if (!f64 && !range_only((wr_kind)e->type.kind)) return NULL;
    if (wri_scaled_scalar(e)) return wri_fast_scaled(ins);
    switch (e->op) {
    case WR_OP_NEG:
        return f32 ? neg_f32 : f64 ? neg_f64 : neg_i64;
    case WR_OP_ADD:
        return f32 ? add_f32 : f64 ? add_f64 : add_i64;
    case WR_OP_SUB:
        return f32 ? sub_f32 : f64 ? sub_f64 : sub_i64;
    case WR_OP_MUL:
        return f32 ? mul_f32 : f64 ? mul_f64 : mul_i64;
    case WR_OP_DIV:
        return f32 ? div_f32 : f64 ? div_f64 : div_exact;
    case WR_OP_MOD:
        return f64 ? NULL : mod_exact;
    default:
        return NULL;
    }
}
