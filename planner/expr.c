/* planner/expr.c -- typed expressions: making, folding, comparing and walking them.
 *
 * Nodes are immutable once made, may be shared, and live in the caller's arena. Trees are as deep as
 * the syntax they came from (WRI_DEPTH_MAX) times a small factor, so recursion over them is bounded. */
#include "bind_int.h"

wr_expr wri_failed = {.kind = WR_X_CONST, .value = {.null = true}};

const char *wr_op_name(wr_xop op) {
    static const char *const names[] = {
#define X(name) #name,
        WR_OP_LIST(X)
#undef X
    };
    return (unsigned)op < WR_N_OPS ? names[op] : "?";
}

/* ---- making ---- */

static wr_expr *new_node(wr_arena *ar, wr_xkind kind, wr_type type, wr_loc loc) {
    wr_expr *e = wr_arena_calloc(ar, sizeof *e);
    if (!e) return NULL;
    e->kind = kind;
    e->type = type;
    e->loc = loc;
    return e;
}

wr_expr *wri_new_col(wr_arena *ar, uint32_t col, wr_type type, wr_loc loc) {
    wr_expr *e = new_node(ar, WR_X_COL, type, loc);
    if (e) e->col = col;
    return e;
}

wr_expr *wri_new_const(wr_arena *ar, wr_value v, wr_type type, wr_loc loc) {
    wr_expr *e = new_node(ar, WR_X_CONST, wri_plain_type(type), loc);
    if (e) e->value = v;
    return e;
}

static bool set_args(wr_arena *ar, wr_expr *e, uint32_t n, wr_expr *const *args) {
    e->n_args = n;
    if (!n) return true;
    e->args = wr_arena_alloc(ar, n * sizeof *e->args);
    if (!e->args) return false;
    memcpy(e->args, args, n * sizeof *e->args);
    return true;
}

wr_expr *wri_new_op(wr_arena *ar, wr_xop op, wr_type type, wr_loc loc, uint32_t n, wr_expr *const *args) {
    wr_expr *e = new_node(ar, WR_X_OP, wri_plain_type(type), loc);
    if (!e) return NULL;
    e->op = op;
    return set_args(ar, e, n, args) ? e : NULL;
}

static bool any_bad(uint32_t n, wr_expr *const *args) {
    for (uint32_t i = 0; i < n; i++)
        if (wri_is_bad(args[i])) return true;
    return false;
}

wr_expr *wri_mk_op(wri_binder *b, wr_xop op, wr_type type, wr_loc loc, uint32_t n, wr_expr *const *args) {
    if (any_bad(n, args)) return &wri_failed;
    wr_expr *e = wri_new_op(b->ar, op, type, loc, n, args);
    return e ? wri_try_fold(b, e) : &wri_failed;
}

wr_expr *wri_mk_unit(wri_binder *b, wr_xop op, wr_unit unit, wr_type type, wr_loc loc, wr_expr *x) {
    if (wri_is_bad(x)) return x;
    wr_expr *e = wri_new_op(b->ar, op, type, loc, 1, &x);
    if (!e) return &wri_failed;
    e->unit = unit;
    return wri_try_fold(b, e);
}

wr_expr *wri_mk_func(wri_binder *b, const wr_func_def *f, wr_type type, wr_loc loc, uint32_t n,
                     wr_expr *const *args) {
    if (any_bad(n, args)) return &wri_failed;
    wr_expr *e = new_node(b->ar, WR_X_FUNC, wri_plain_type(type), loc);
    if (!e) return &wri_failed;
    e->func = f;
    /* BETWEEN, CASE and other lowerings use an operand more than once: it is one call all the same. */
    if (f->nondeterministic) e->value.i64 = (int64_t)(uintptr_t)e;
    return set_args(b->ar, e, n, args) ? wri_try_fold(b, e) : &wri_failed;
}

wr_expr *wri_mk_i64(wri_binder *b, int64_t v, wr_type type, wr_loc loc) {
    wr_expr *e = wri_new_const(b->ar, (wr_value){.i64 = v}, type, loc);
    return e ? e : &wri_failed;
}

wr_expr *wri_mk_null(wri_binder *b, wr_type type, wr_loc loc) {
    wr_value v;
    memset(&v, 0, sizeof v);
    v.null = true;
    wr_expr *e = wri_new_const(b->ar, v, type, loc);
    return e ? e : &wri_failed;
}

wr_expr *wri_try_fold(wri_binder *b, wr_expr *e) {
    if (!b->reg->fold || (e->kind != WR_X_OP && e->kind != WR_X_FUNC)) return e;
    if (e->kind == WR_X_FUNC && e->func->nondeterministic) return e;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (e->args[i]->kind != WR_X_CONST) return e;
    wr_value v;
    wr_status st = b->reg->fold(e, b->ar, &v, NULL);
    if (st == WR_ENOMEM) return &wri_failed;
    if (st != WR_OK) return e; /* it fails on every row: each of them says so when it is run */
    wr_expr *c = wri_new_const(b->ar, v, e->type, e->loc);
    if (!c) return &wri_failed;
    c->unit = e->unit;
    return c;
}

/* ---- size ---- */

/* Counts nodes, shared ones as often as they are used, and stops at max. */
static uint32_t count_nodes(const wr_expr *e, uint32_t max) {
    uint32_t n = 1;
    for (uint32_t i = 0; i < e->n_args && n < max; i++) n += count_nodes(e->args[i], max - n);
    return n;
}

bool wri_too_big(wri_binder *b, const wr_expr *e, uint32_t times, wr_loc loc) {
    return wri_too_big_all(b, 1, (wr_expr *const[]){(wr_expr *)(uintptr_t)e}, times, loc);
}

bool wri_too_big_all(wri_binder *b, uint32_t n, wr_expr *const *es, uint32_t times, wr_loc loc) {
    uint64_t nodes = 0;
    for (uint32_t i = 0; i < n && nodes <= WRI_NODES_MAX; i++) nodes += count_nodes(es[i], WRI_NODES_MAX + 1);
    if (nodes * times <= WRI_NODES_MAX) return false;
    wri_bind_error(b, loc, "compute a part of it in a subquery",
                   "expression is too large (over %d operations)", WRI_NODES_MAX);
    return true;
}

/* ---- comparing ---- */

static bool same_value(const wr_expr *a, const wr_expr *b) {
    if (a->value.null || b->value.null) return a->value.null == b->value.null;
    switch (wr_type_phys(a->type)) {
    case WR_I64:
        return a->value.i64 == b->value.i64;
    case WR_F64: /* by bits: 0.0 and -0.0 are different constants */
        return memcmp(&a->value.f64, &b->value.f64, sizeof(double)) == 0;
    case WR_STR:
        return wr_str_eq(&a->value.str, &b->value.str);
    }
    return false;
}

bool wri_expr_equal(const wr_expr *a, const wr_expr *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->n_args != b->n_args || !wri_same_type(a->type, b->type)) return false;
    switch (a->kind) {
    case WR_X_CONST:
        return same_value(a, b);
    case WR_X_COL:
        return a->col == b->col;
    case WR_X_OP:
        if (a->op != b->op) return false;
        if ((a->op == WR_OP_FLOOR_UNIT || a->op == WR_OP_CEIL_UNIT || a->op == WR_OP_EXTRACT) &&
            a->unit != b->unit)
            return false;
        break;
    case WR_X_FUNC:
        if (a->func != b->func || a->func->nondeterministic) return false;
        break;
    }
    for (uint32_t i = 0; i < a->n_args; i++)
        if (!wri_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

/* ---- walking ---- */

void wri_expr_cols(const wr_expr *e, void (*f)(void *ctx, uint32_t col), void *ctx) {
    if (e->kind == WR_X_COL) f(ctx, e->col);
    for (uint32_t i = 0; i < e->n_args; i++) wri_expr_cols(e->args[i], f, ctx);
}

wr_expr *wri_expr_remap(wr_arena *ar, const wr_expr *e, const uint32_t *map) {
    wr_expr *c = wr_arena_alloc(ar, sizeof *c);
    if (!c) return NULL;
    *c = *e;
    if (c->kind == WR_X_COL) c->col = map[e->col];
    if (!e->n_args) return c;
    c->args = wr_arena_alloc(ar, e->n_args * sizeof *c->args);
    if (!c->args) return NULL;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!(c->args[i] = wri_expr_remap(ar, e->args[i], map))) return NULL;
    return c;
}
