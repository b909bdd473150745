/* tests/unit/planner/bind_valid.c -- what planner.h promises the evaluator about a typed expression. */
#include "bind_test.h"

static wr_kind kind(const wr_expr *e) { return (wr_kind)e->type.kind; }

/* One type for values that meet without a cast: kind, and scale of DECIMALs. */
static bool alike(const wr_type a, const wr_type b) {
    if (a.kind == WR_T_NULL || b.kind == WR_T_NULL) return true;
    return a.kind == b.kind && (a.kind != WR_T_DECIMAL || a.scale == b.scale);
}

static bool exact_number(const wr_type t) {
    return t.kind == WR_T_DECIMAL || wr_kind_is_int((wr_kind)t.kind);
}

/* Operands that are compared: one class of kinds, DECIMALs also with integers and of any scale. */
static bool comparable(const wr_type a, const wr_type b) {
    wr_kind x = (wr_kind)a.kind, y = (wr_kind)b.kind;
    if (wr_type_phys(a) != wr_type_phys(b)) return false;
    if (exact_number(a) && exact_number(b)) return true;
    if (wr_type_phys(a) == WR_F64) return true;
    if (wr_kind_is_text(x) && wr_kind_is_text(y)) return true;
    if (x != WR_T_TIME && y != WR_T_TIME && wr_kind_is_time(x) && wr_kind_is_time(y))
        return a.local_tz == b.local_tz;
    return alike(a, b);
}

static const char *check_arith(const wr_expr *e) {
    const wr_type t = e->type;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (wr_type_phys(e->args[i]->type) != wr_type_phys(t)) return "arithmetic over two physical forms";
    if (e->op == WR_OP_NEG) return alike(t, e->args[0]->type) ? NULL : "negation changes the type";
    const wr_type a = e->args[0]->type, b = e->args[1]->type;
    if (t.kind != WR_T_DECIMAL || e->op == WR_OP_DIV) return NULL;
    if (!exact_number(a) || !exact_number(b)) return "DECIMAL arithmetic over other types";
    if (e->op == WR_OP_MUL) return a.scale + b.scale >= t.scale ? NULL : "a product gains digits";
    return a.scale == t.scale || b.scale == t.scale ? NULL : "the scale is not the larger one";
}

static const char *check_choice(const wr_expr *e) {
    bool conditions = e->op == WR_OP_CASE;
    const wr_type t = e->op == WR_OP_IN ? e->args[0]->type : e->type;
    if (conditions && e->n_args % 2 == 0) return "CASE without ELSE";
    for (uint32_t i = 0; i < e->n_args; i++) {
        bool when = conditions && i % 2 == 0 && i + 1 < e->n_args;
        if (when && kind(e->args[i]) != WR_T_BOOLEAN) return "WHEN is no BOOLEAN";
        if (!when && !alike(e->args[i]->type, t)) return "values of different types";
    }
    return NULL;
}

static const char *check_op(const wr_expr *e) {
    const wr_type a = e->n_args ? e->args[0]->type : e->type;
    switch (e->op) {
    case WR_OP_NEG:
    case WR_OP_ADD:
    case WR_OP_SUB:
    case WR_OP_MUL:
    case WR_OP_DIV:
    case WR_OP_MOD:
        return check_arith(e);
    case WR_OP_EQ:
    case WR_OP_NE:
    case WR_OP_LT:
    case WR_OP_LE:
    case WR_OP_GT:
    case WR_OP_GE:
    case WR_OP_IS_DISTINCT:
    case WR_OP_IS_NOT_DISTINCT:
        return comparable(a, e->args[1]->type) ? NULL : "comparison of different types";
    case WR_OP_AND:
    case WR_OP_OR:
    case WR_OP_NOT:
    case WR_OP_IS_TRUE:
    case WR_OP_IS_NOT_TRUE:
    case WR_OP_IS_FALSE:
    case WR_OP_IS_NOT_FALSE:
        for (uint32_t i = 0; i < e->n_args; i++)
            if (kind(e->args[i]) != WR_T_BOOLEAN) return "logic over other types than BOOLEAN";
        return NULL;
    case WR_OP_CASE:
    case WR_OP_COALESCE:
    case WR_OP_IN:
        return check_choice(e);
    case WR_OP_CONCAT:
    case WR_OP_LIKE:
        for (uint32_t i = 0; i < e->n_args; i++)
            if (!wr_kind_is_text(kind(e->args[i]))) return "text operation over other types";
        return NULL;
    case WR_OP_FLOOR_STEP:
        if (e->args[1]->kind != WR_X_CONST || e->args[1]->value.null || e->args[1]->value.i64 <= 0)
            return "a step that is no constant above zero";
        return wr_type_phys(a) == WR_I64 ? NULL : "a step of no integer";
    case WR_OP_ADD_MONTHS:
        return wr_kind_is_time(kind(e->args[0])) && wr_type_phys(e->args[1]->type) == WR_I64 ? NULL
                                                                                             : "ADD_MONTHS";
    case WR_OP_FLOOR_UNIT:
    case WR_OP_CEIL_UNIT:
    case WR_OP_EXTRACT:
        return e->unit != WR_U_NONE && wr_type_phys(a) == WR_I64 ? NULL : "no unit";
    default:
        return NULL;
    }
}

const char *bind_valid(const wr_expr *e) {
    if (e == &wri_failed) return "a failed operand inside";
    for (uint32_t i = 0; i < e->n_args; i++) {
        const char *why = bind_valid(e->args[i]);
        if (why) return why;
    }
    if (e->type.not_null && e->kind != WR_X_COL) return "NOT NULL without proof";
    if (e->kind == WR_X_OP && kind(e) == WR_T_NULL) return "an operation without a type";
    return e->kind == WR_X_OP ? check_op(e) : NULL;
}
