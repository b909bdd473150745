/* runtime/expr/kernels.c -- which kernel an instruction gets, and the map kernel, which can do everything
 * that has a scalar, one row after the other. */
#include "expr_int.h"

static inline void load(wr_value *out, const wri_vec *v, uint32_t i) {
    if (v->phys == WR_STR) out->str = v->str[i];
    else out->i64 = v->i64[i];
}

static inline void store(wri_vec *v, uint32_t i, const wr_value *x) {
    if (v->phys == WR_STR) v->str[i] = x->str;
    else v->i64[i] = x->i64;
}

/* The NULL bitmap of dst as its own, keeping what is set. */
static wr_status own_nulls(wri_vec *dst, uint32_t n) {
    const uint64_t *shared = dst->nulls;
    if (shared && shared == dst->own_nulls) return WR_OK;
    if (!wri_vec_nulls(dst, n)) return WR_ENOMEM;
    if (shared) memcpy(dst->nulls, shared, wr_bitmap_words(n) * sizeof(uint64_t));
    return WR_OK;
}

static wr_status map_row(wri_ins *ins, wri_vec *dst, uint32_t i, uint32_t n) {
    static const wr_value nothing = {.str = {0}};
    wr_value out = nothing;
    for (uint32_t a = 0; a < ins->n_args; a++) {
        load(&ins->vals[a], ins->argv[a], ins->argv[a]->konst ? 0 : i);
        ins->vals[a].null = wri_vec_null(ins->argv[a], i);
    }
    const char *why = ins->fn(&ins->call, ins->vals, &out);
    if (WR_UNLIKELY(why != NULL)) {
        store(dst, i, &nothing);
        return ins->call.oom ? WR_ENOMEM : wri_vec_fail(dst, n, i, why);
    }
    store(dst, i, &out);
    if (WR_UNLIKELY(out.null)) {
        WR_TRY(own_nulls(dst, n));
        wr_bit_set(dst->nulls, i);
    }
    return WR_OK;
}

wr_status wri_run_map(wri_prog *p, wri_ins *ins, uint32_t n) {
    static const wr_value nothing = {.str = {0}};
    wri_vec *dst = &p->regs[ins->dst];
    WR_TRY(wri_merge_states(dst, ins->argv, ins->n_args, ins->strict, n));
    for (uint32_t w = 0; w < wr_bitmap_words(n); w++) {
        uint64_t skip = (ins->strict && dst->nulls ? dst->nulls[w] : 0) | (dst->errs ? dst->errs[w] : 0);
        uint32_t end = n - w * 64 < 64 ? n : w * 64 + 64;
        for (uint32_t i = w * 64; i < end; i++)
            if (skip >> (i & 63) & 1) store(dst, i, &nothing);
            else WR_TRY(map_row(ins, dst, i, n));
    }
    return WR_OK;
}

wr_status wri_run_strict(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst];
    if (ins->fast(ins, ins->argv, dst, n)) return wri_merge_states(dst, ins->argv, ins->n_args, true, n);
    return wri_run_map(p, ins, n);
}

static wri_kernel special(const wr_expr *e) {
    if (e->kind != WR_X_OP) return NULL;
    switch (e->op) {
    case WR_OP_EQ:
    case WR_OP_NE:
    case WR_OP_LT:
    case WR_OP_LE:
    case WR_OP_GT:
    case WR_OP_GE:
        return wri_run_cmp;
    case WR_OP_IS_DISTINCT:
    case WR_OP_IS_NOT_DISTINCT:
        return wri_run_distinct;
    case WR_OP_AND:
    case WR_OP_OR:
        return wri_run_and_or;
    case WR_OP_NOT:
        return wri_run_not;
    case WR_OP_IS_NULL:
    case WR_OP_IS_NOT_NULL:
    case WR_OP_IS_TRUE:
    case WR_OP_IS_NOT_TRUE:
    case WR_OP_IS_FALSE:
    case WR_OP_IS_NOT_FALSE:
        return wri_run_is;
    case WR_OP_CASE:
        return wri_run_case;
    case WR_OP_COALESCE:
        return wri_run_coalesce;
    case WR_OP_IN:
        return wri_run_in;
    default:
        return NULL;
    }
}

static wri_fast pick_fast(wri_prog *p, wri_ins *ins) {
    const wr_expr *e = ins->e;
    if (e->kind == WR_X_FUNC) return wri_fast_text(p, ins);
    switch (e->op) {
    case WR_OP_NEG:
    case WR_OP_ADD:
    case WR_OP_SUB:
    case WR_OP_MUL:
    case WR_OP_DIV:
    case WR_OP_MOD:
        return wri_fast_arith(ins);
    case WR_OP_CAST:
    case WR_OP_TRY_CAST:
        return wri_fast_cast(ins);
    case WR_OP_FLOOR_UNIT:
    case WR_OP_FLOOR_STEP:
    case WR_OP_EXTRACT:
        return wri_fast_time(p, ins);
    case WR_OP_LIKE:
        return wri_fast_text(p, ins);
    default:
        return NULL;
    }
}

/* Whether a two-armed loop takes the only constant among its operands from data[0]. */
static bool takes_one_constant(const wri_prog *p, const wri_ins *ins) {
    bool arith = ins->run == wri_run_strict && ins->e->kind == WR_X_OP && ins->e->op <= WR_OP_MOD;
    if (ins->n_args != 2 || (!arith && ins->run != wri_run_cmp)) return false;
    const wri_vec *a = &p->regs[ins->args[0]], *b = &p->regs[ins->args[1]];
    return a->konst != b->konst && (arith || (a->phys != WR_STR && b->phys != WR_STR));
}

/* Marks the constants of which an instruction reads more than data[0]. */
static void spread_constants(wri_prog *p, const wri_ins *ins) {
    if (ins->run == wri_run_map || ins->run == wri_run_coalesce || takes_one_constant(p, ins)) return;
    for (uint32_t a = 0; a < ins->n_args; a++) {
        bool value_of_case = ins->run == wri_run_case && (a % 2 == 1 || a + 1 == ins->n_args);
        if (!value_of_case) p->regs[ins->args[a]].spread = true;
    }
}

static void pick(wri_prog *p, wri_ins *ins) {
    wri_bounds(ins->e->type, &ins->lo, &ins->hi);
    ins->run = special(ins->e);
    if (ins->run) return;
    ins->fn = wri_scalar_of(ins->e);
    ins->fast = pick_fast(p, ins);
    ins->run = ins->fast ? wri_run_strict : wri_run_map;
}

bool wri_pick_kernel(wri_prog *p, wri_ins *ins) {
    pick(p, ins);
    if (ins->run == wri_run_in && !wri_in_prepare(p, ins)) return false;
    spread_constants(p, ins);
    return !ins->call.oom;
}
