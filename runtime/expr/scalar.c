/* runtime/expr/scalar.c -- which scalar a node of an expression has, and what may be assumed of it. */
#include "expr_int.h"

bool wri_noop_cast(const wr_expr *e) {
    if (e->kind != WR_X_OP || (e->op != WR_OP_CAST && e->op != WR_OP_TRY_CAST)) return false;
    wr_type a = e->args[0]->type, t = e->type;
    if (wr_type_phys(a) != wr_type_phys(t)) return false;
    if (a.kind == t.kind && a.scale == t.scale && a.prec == t.prec) return t.kind != WR_T_CHAR;
    if (wr_kind_is_int((wr_kind)a.kind) && wr_kind_is_int((wr_kind)t.kind)) return t.kind >= a.kind;
    if (a.kind == WR_T_BOOLEAN) return wr_kind_is_int((wr_kind)t.kind);
    if (a.kind == WR_T_REAL) return t.kind == WR_T_DOUBLE;
    if (t.kind == WR_T_JSON && a.kind != WR_T_JSON) return false; /* may be none */
    if (wr_kind_is_text((wr_kind)a.kind))
        return wr_kind_is_text((wr_kind)t.kind) && t.kind != WR_T_CHAR && t.prec == 0;
    if (a.kind == t.kind && a.kind == WR_T_TIMESTAMP) return t.prec >= a.prec;
    if (a.kind == t.kind && a.kind == WR_T_DECIMAL) return t.prec >= a.prec && t.scale == a.scale;
    return false;
}

wr_scalar wri_scalar_of(const wr_expr *e) {
    if (e->kind == WR_X_FUNC) return e->func->fn;
    if (e->kind != WR_X_OP) return NULL;
    switch (e->op) {
    case WR_OP_CAST:
        return wri_cast_scalar;
    case WR_OP_TRY_CAST:
        return wri_try_cast_scalar;
    case WR_OP_CONCAT:
        return wri_concat_scalar;
    case WR_OP_LIKE:
        return wri_like_scalar;
    case WR_OP_FLOOR_UNIT:
        return wri_floor_unit_scalar;
    case WR_OP_CEIL_UNIT:
        return wri_ceil_unit_scalar;
    case WR_OP_EXTRACT:
        return wri_extract_scalar;
    case WR_OP_FLOOR_STEP:
        return wri_floor_step_scalar;
    case WR_OP_ADD_MONTHS:
        return wri_add_months_scalar;
    default:
        return wri_arith_scalar(e);
    }
}

bool wri_strict(const wr_expr *e) {
    if (e->kind == WR_X_FUNC) return !e->func->calls_on_null;
    return e->kind == WR_X_OP;
}

bool wri_same_call(const wr_expr *a, const wr_expr *b) {
    if (a->kind != WR_X_FUNC || !a->func->nondeterministic) return true;
    return a->func == b->func && a->value.i64 != 0 && a->value.i64 == b->value.i64;
}

bool wri_expr_deterministic(const wr_expr *e) {
    if (e->kind == WR_X_FUNC && e->func->nondeterministic) return false;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!wri_expr_deterministic(e->args[i])) return false;
    return true;
}

uint32_t wri_only_col(const wr_expr *e) {
    if (e->kind == WR_X_COL) return e->col;
    uint32_t col = WR_NO_COL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        uint32_t c = wri_only_col(e->args[i]);
        if (c == WR_NO_COL || c == col) continue;
        if (col != WR_NO_COL) return WRI_MANY_COLS;
        col = c;
    }
    return col;
}
