/* runtime/expr/kernels_decimal.c -- arithmetic and comparison of columns of different scales.
 *
 * Loops over 128-bit products, which divide in 64 bits where they can. A row that leaves the range sends the
 * batch to the map kernel (see scalar_decimal.c). */
#include "expr_int.h"

typedef struct column {
    const int64_t *v;
    size_t step; /* 0: a constant */
    int64_t up;  /* power of ten that brings it to the common scale */
} column;

static column column_of(const wri_ins *ins, uint32_t arg) {
    const wri_vec *v = ins->argv[arg];
    uint32_t own = wri_scale(ins->e->args[arg]->type), other = wri_scale(ins->e->args[!arg]->type);
    return (column){v->i64, v->konst ? 0 : 1, wri_ten_to(own < other ? other - own : 0)};
}

static inline __int128 at(const column *c, uint32_t i) { return (__int128)c->v[i * c->step] * c->up; }

static inline bool narrow(__int128 v) { return v == (int64_t)v; }

/* To the nearest, halves away from zero; b > 0. */
static inline int64_t div_round(int64_t a, int64_t b) {
    int64_t q = a / b, r = a % b, size = r < 0 ? -r : r;
    if (size < b - size) return q;
    return r < 0 ? q - 1 : q + 1;
}

/* True: out of range. */
static inline bool put(const wri_ins *ins, wri_vec *dst, uint32_t i, __int128 v) {
    dst->i64[i] = (int64_t)v;
    return (v < ins->lo) | (v > ins->hi);
}

static bool sum_scaled(const wri_ins *ins, wri_vec *dst, uint32_t n, int sign) {
    column a = column_of(ins, 0), b = column_of(ins, 1);
    bool bad = false;
    for (uint32_t i = 0; i < n; i++) bad |= put(ins, dst, i, at(&a, i) + sign * at(&b, i));
    return !bad;
}

static bool add_scaled(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)args;
    return sum_scaled(ins, dst, n, 1);
}
static bool sub_scaled(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)args;
    return sum_scaled(ins, dst, n, -1);
}

static bool mod_scaled(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)args;
    column a = column_of(ins, 0), b = column_of(ins, 1);
    bool bad = false;
    for (uint32_t i = 0; i < n; i++) {
        __int128 x = at(&a, i), y = at(&b, i);
        bad |= y == 0;
        if (y == 0 || y == -1) y = 1;
        bad |= put(ins, dst, i, narrow(x) && narrow(y) ? (int64_t)x % (int64_t)y : x % y);
    }
    return !bad;
}

static bool mul_rounded(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)args;
    column a = column_of(ins, 0), b = column_of(ins, 1);
    int64_t unit = ins->imm;
    bool bad = false;
    a.up = b.up = 1;
    for (uint32_t i = 0; i < n; i++) {
        __int128 x = (__int128)a.v[i * a.step] * b.v[i * b.step];
        bad |= put(ins, dst, i, narrow(x) ? div_round((int64_t)x, unit) : wri_div_round(x, unit));
    }
    return !bad;
}

static bool div_rounded(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    (void)args;
    column a = column_of(ins, 0), b = column_of(ins, 1);
    bool bad = false;
    a.up = ins->imm;
    for (uint32_t i = 0; i < n; i++) {
        __int128 x = at(&a, i);
        int64_t y = b.v[i * b.step];
        bad |= (y == 0) | (y == INT64_MIN);
        if (y == 0 || y == INT64_MIN) y = 1;
        if (y < 0) {
            x = -x;
            y = -y;
        }
        bad |= put(ins, dst, i, narrow(x) ? div_round((int64_t)x, y) : wri_div_round(x, y));
    }
    return !bad;
}

bool wri_cast_down(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    const int64_t *a = args[0]->i64;
    size_t step = args[0]->konst ? 0 : 1;
    bool bad = false;
    for (uint32_t i = 0; i < n; i++) bad |= put(ins, dst, i, div_round(a[i * step], ins->imm));
    return !bad;
}

wri_fast wri_fast_scaled(wri_ins *ins) {
    const wr_expr *e = ins->e;
    uint32_t a = wri_scale(e->args[0]->type), b = wri_scale(e->args[1]->type), to = e->type.scale;
    if (e->type.kind != WR_T_DECIMAL) return NULL;
    switch (e->op) {
    case WR_OP_ADD:
        return to == (a > b ? a : b) ? add_scaled : NULL;
    case WR_OP_SUB:
        return to == (a > b ? a : b) ? sub_scaled : NULL;
    case WR_OP_MOD:
        return to == (a > b ? a : b) ? mod_scaled : NULL;
    case WR_OP_MUL:
        if (to > a + b || a + b - to > 18) return NULL;
        ins->imm = wri_ten_to(a + b - to);
        return mul_rounded;
    case WR_OP_DIV:
        if (to + b < a || to + b - a > 18) return NULL;
        ins->imm = wri_ten_to(to + b - a);
        return div_rounded;
    default:
        return NULL;
    }
}

void wri_cmp_scaled(const wri_ins *ins, wr_xop op, int64_t *o, uint32_t n) {
    column a = column_of(ins, 0), b = column_of(ins, 1);
#define LOOP(is)                                                                                             \
    for (uint32_t i = 0; i < n; i++) o[i] = at(&a, i) is at(&b, i);                                          \
    break;
    switch (op) {
    case WR_OP_EQ:
        LOOP(==)
    case WR_OP_NE:
        LOOP(!=)
    case WR_OP_LT:
        LOOP(<)
    case WR_OP_LE:
        LOOP(<=)
    case WR_OP_GT:
        LOOP(>)
    default:
        LOOP(>=)
    }
}
