/* runtime/expr/kernels_cmp.c -- comparisons, IS [NOT] DISTINCT FROM and IN over columns. They cannot fail
 * themselves. Strings compare by bytes, -0.0 equals 0.0. */
#pragma GCC optimize("O3")
#include "expr_int.h"

typedef enum order { O_EQ, O_NE, O_LT, O_LE, O_GT, O_GE } order;

#define CMP_LOOP(name, T, op)                                                                                \
    WR_HOT static void name##_vv(const T *restrict a, const T *restrict b, int64_t *restrict o,              \
                                 uint32_t n) {                                                               \
        for (uint32_t i = 0; i < n; i++) o[i] = a[i] op b[i];                                                \
    }                                                                                                        \
    WR_HOT static void name##_vs(const T *restrict a, const T *restrict bp, int64_t *restrict o,             \
                                 uint32_t n) {                                                               \
        T b = *bp;                                                                                           \
        for (uint32_t i = 0; i < n; i++) o[i] = a[i] op b;                                                   \
    }
CMP_LOOP(eq_i64, int64_t, ==)
CMP_LOOP(ne_i64, int64_t, !=)
CMP_LOOP(lt_i64, int64_t, <)
CMP_LOOP(le_i64, int64_t, <=)
CMP_LOOP(gt_i64, int64_t, >)
CMP_LOOP(ge_i64, int64_t, >=)
CMP_LOOP(eq_f64, double, ==)
CMP_LOOP(ne_f64, double, !=)
CMP_LOOP(lt_f64, double, <)
CMP_LOOP(le_f64, double, <=)
CMP_LOOP(gt_f64, double, >)
CMP_LOOP(ge_f64, double, >=)

typedef void (*loop_i64)(const int64_t *, const int64_t *, int64_t *, uint32_t);
typedef void (*loop_f64)(const double *, const double *, int64_t *, uint32_t);
static const loop_i64 loops_i64[][2] = {{eq_i64_vv, eq_i64_vs}, {ne_i64_vv, ne_i64_vs},
                                        {lt_i64_vv, lt_i64_vs}, {le_i64_vv, le_i64_vs},
                                        {gt_i64_vv, gt_i64_vs}, {ge_i64_vv, ge_i64_vs}};
static const loop_f64 loops_f64[][2] = {{eq_f64_vv, eq_f64_vs}, {ne_f64_vv, ne_f64_vs},
                                        {lt_f64_vv, lt_f64_vs}, {le_f64_vv, le_f64_vs},
                                        {gt_f64_vv, gt_f64_vs}, {ge_f64_vv, ge_f64_vs}};

/* A short constant equals a view exactly when their 16 bytes do. */
static void eq_short(const wr_str *restrict a, const wr_str *b, int64_t *restrict o, uint32_t n, int64_t eq) {
    uint64_t want[2], got[2];
    memcpy(want, b, 16);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(got, &a[i], 16);
        o[i] = (((got[0] ^ want[0]) | (got[1] ^ want[1])) == 0) == eq;
    }
}

static void eq_str(const wr_str *restrict a, const wr_str *restrict b, int64_t *restrict o, uint32_t n,
                   int64_t eq) {
    for (uint32_t i = 0; i < n; i++) o[i] = wr_str_eq(&a[i], &b[i]) == eq;
}

/* keep: bit 0, 1, 2 set when less, equal, greater counts as TRUE. */
static void order_str(const wr_str *restrict a, const wr_str *restrict b, int64_t *restrict o, uint32_t n,
                      uint32_t keep) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t x, y;
        memcpy(&x, a[i].prefix, 4);
        memcpy(&y, b[i].prefix, 4);
        int c;
        if (x != y) { /* zero padding sorts before every byte; a zero byte itself makes them equal */
            x = __builtin_bswap32(x);
            y = __builtin_bswap32(y);
            c = x < y ? -1 : 1;
        } else {
            c = wr_str_cmp(&a[i], &b[i]);
            c = (c > 0) - (c < 0);
        }
        o[i] = keep >> (c + 1) & 1;
    }
}

static void cmp_str(order op, wri_vec *const *args, int64_t *o, uint32_t n) {
    static const uint8_t keep[] = {[O_EQ] = 2, [O_NE] = 5, [O_LT] = 1, [O_LE] = 3, [O_GT] = 4, [O_GE] = 6};
    const wr_str *a = args[0]->str, *b = args[1]->str;
    if (op != O_EQ && op != O_NE) order_str(a, b, o, n, keep[op]);
    else if (args[1]->konst && b->len <= WR_STR_INLINE) eq_short(a, b, o, n, op == O_EQ);
    else eq_str(a, b, o, n, op == O_EQ);
}

wr_status wri_run_cmp(wri_prog *p, wri_ins *ins, uint32_t n) {
    static const order mirror[] = {O_EQ, O_NE, O_GT, O_GE, O_LT, O_LE};
    wri_vec *dst = &p->regs[ins->dst], *args[2] = {ins->argv[0], ins->argv[1]};
    order op = (order)(ins->e->op - WR_OP_EQ);
    if (args[0]->konst && !args[1]->konst) { /* constants go to the right */
        args[0] = ins->argv[1];
        args[1] = ins->argv[0];
        op = mirror[op];
    }
    int by_const = args[1]->konst;
    if (wri_scales_differ(ins->e)) wri_cmp_scaled(ins, ins->e->op, dst->i64, n);
    else switch (args[0]->phys) {
        case WR_I64:
            loops_i64[op][by_const](args[0]->i64, args[1]->i64, dst->i64, n);
            break;
        case WR_F64:
            loops_f64[op][by_const](args[0]->f64, args[1]->f64, dst->i64, n);
            break;
        case WR_STR:
            cmp_str(op, args, dst->i64, n);
            break;
        }
    return wri_merge_states(dst, ins->argv, 2, true, n);
}

wr_status wri_run_distinct(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst], *const *args = ins->argv;
    bool is = ins->e->op == WR_OP_IS_DISTINCT;
    int64_t *o = dst->i64;
    if (wri_scales_differ(ins->e)) wri_cmp_scaled(ins, WR_OP_NE, o, n);
    else switch (args[0]->phys) {
        case WR_I64:
            loops_i64[O_NE][0](args[0]->i64, args[1]->i64, o, n);
            break;
        case WR_F64:
            loops_f64[O_NE][0](args[0]->f64, args[1]->f64, o, n);
            break;
        case WR_STR:
            eq_str(args[0]->str, args[1]->str, o, n, false);
            break;
        }
    if (args[0]->nulls || args[1]->nulls)
        for (uint32_t i = 0; i < n; i++) {
            bool a = wri_vec_null(args[0], i), b = wri_vec_null(args[1], i);
            if (a | b) o[i] = a != b;
        }
    if (!is)
        for (uint32_t i = 0; i < n; i++) o[i] ^= 1;
    return wri_merge_states(dst, args, 2, false, n);
}

/* ---- IN ---- */

#define LINEAR_MAX 8

/* The constants of a list; many are hashed: open addressing, a power of two of slots, at most half full. */
typedef struct set {
    uint32_t mask;
    uint32_t *slots; /* index into items + 1, 0: free; NULL: few items, compared one by one */
    wr_value *items; /* those that are not NULL */
    uint32_t n;
    bool has_null;
} set;

static uint64_t hash_item(wr_phys phys, const wr_value *v) {
    if (phys == WR_STR) return wr_hash_str(&v->str);
    if (phys == WR_I64) return wr_hash_u64((uint64_t)v->i64);
    wr_value z = {.f64 = v->f64 == 0 ? 0 : v->f64};
    return wr_hash_u64((uint64_t)z.i64);
}

static bool same_item(wr_phys phys, const wr_value *a, const wr_value *b) {
    if (phys == WR_STR) return wr_str_eq(&a->str, &b->str);
    return phys == WR_I64 ? a->i64 == b->i64 : a->f64 == b->f64;
}

static uint32_t *slot_of(const set *s, wr_phys phys, const wr_value *v) {
    uint32_t at = (uint32_t)hash_item(phys, v) & s->mask;
    while (s->slots[at] && !same_item(phys, &s->items[s->slots[at] - 1], v)) at = (at + 1) & s->mask;
    return &s->slots[at];
}

bool wri_in_constants(const wr_expr *e) {
    if (e->kind != WR_X_OP || e->op != WR_OP_IN) return false;
    for (uint32_t i = 1; i < e->n_args; i++)
        if (e->args[i]->kind != WR_X_CONST) return false;
    return true;
}

static bool hash_items(wri_prog *p, set *s, wr_phys phys) {
    uint32_t slots = 16;
    while (slots < 2 * s->n) slots *= 2;
    s->mask = slots - 1;
    s->slots = wr_arena_calloc(&p->ar, slots * sizeof *s->slots);
    if (!s->slots) return false;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t *slot = slot_of(s, phys, &s->items[i]);
        if (!*slot) *slot = i + 1;
    }
    return true;
}

bool wri_in_prepare(wri_prog *p, wri_ins *ins) {
    const wr_expr *e = ins->e;
    if (!wri_in_constants(e)) return true;
    set *s = ins->aux = wr_arena_calloc(&p->ar, sizeof *s);
    if (!s || !(s->items = wr_arena_alloc(&p->ar, e->n_args * sizeof *s->items))) return false;
    for (uint32_t a = 1; a < e->n_args; a++) {
        bool null = e->args[a]->value.null || e->args[a]->type.kind == WR_T_NULL;
        s->has_null |= null;
        if (!null) s->items[s->n++] = e->args[a]->value;
    }
    return s->n <= LINEAR_MAX || hash_items(p, s, p->regs[ins->args[0]].phys);
}

static void in_hashed(const set *s, const wri_vec *x, int64_t *restrict o, uint32_t n) {
    wr_value v = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (x->phys == WR_STR) v.str = x->str[i];
        else v.i64 = x->i64[i];
        o[i] = *slot_of(s, x->phys, &v) != 0;
    }
}

WR_HOT static void in_i64(const int64_t *restrict x, int64_t item, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] |= x[i] == item;
}
WR_HOT static void in_f64(const double *restrict x, double item, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] |= x[i] == item;
}
static void in_str(const wr_str *restrict x, const wr_str *item, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] |= wr_str_eq(&x[i], item);
}

static void in_linear(const set *s, const wri_vec *x, int64_t *o, uint32_t n) {
    memset(o, 0, n * sizeof *o);
    for (uint32_t k = 0; k < s->n; k++) {
        if (x->phys == WR_I64) in_i64(x->i64, s->items[k].i64, o, n);
        else if (x->phys == WR_F64) in_f64(x->f64, s->items[k].f64, o, n);
        else in_str(x->str, &s->items[k].str, o, n);
    }
}

static void in_column(const wri_vec *x, const wri_vec *item, int64_t *o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (wri_vec_null(item, i)) continue;
        if (x->phys == WR_I64) o[i] |= x->i64[i] == item->i64[i];
        else if (x->phys == WR_F64) o[i] |= x->f64[i] == item->f64[i];
        else o[i] |= wr_str_eq(&x->str[i], &item->str[i]);
    }
}

/* NULL unless found, when the value or some item is NULL. */
static wr_status in_nulls(wri_vec *dst, wri_vec *const *args, uint32_t n_args, bool has_null, uint32_t n) {
    bool any = has_null;
    for (uint32_t a = 0; a < n_args; a++) any |= args[a]->nulls != NULL;
    if (!any) return WR_OK;
    if (!wri_vec_nulls(dst, n)) return WR_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        bool item_null = has_null;
        for (uint32_t a = 1; a < n_args; a++) item_null |= wri_vec_null(args[a], i);
        if (wri_vec_null(args[0], i) || (item_null && !dst->i64[i])) wr_bit_set(dst->nulls, i);
    }
    return WR_OK;
}

wr_status wri_run_in(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst], *const *args = ins->argv;
    const set *s = ins->aux;
    if (s && s->slots) in_hashed(s, args[0], dst->i64, n);
    else if (s) in_linear(s, args[0], dst->i64, n);
    else {
        memset(dst->i64, 0, n * sizeof *dst->i64);
        for (uint32_t a = 1; a < ins->n_args; a++) in_column(args[0], args[a], dst->i64, n);
    }
    WR_TRY(in_nulls(dst, args, ins->n_args, s && s->has_null, n));
    return wri_merge_states(dst, args, ins->n_args, false, n);
}
