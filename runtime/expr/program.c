/* runtime/expr/program.c -- expressions compiled to vector instructions over registers, and run.
 *
 * The instructions are in evaluation order; equal ones are made once (common subexpressions), different calls
 * of a nondeterministic function are not. A register belongs to one instruction, constant or input column, so
 * nothing is overwritten during a run. Results are written straight into the output's arena. */
#include "expr_int.h"

/* ---- registers ---- */

/* A NULL constant has no type to go by: its zeros serve as values of every form. */
static size_t vec_bytes(const wri_vec *v) {
    return v->phys == WR_STR || (v->konst && v->value.null) ? sizeof(wr_str) : 8;
}

static wr_status vec_room(wri_vec *v, uint32_t n) {
    if (n <= v->cap) return WR_OK;
    /* Contents are not kept: a constant is filled again, all else is computed per run. */
    wr_free(v->own);
    wr_free(v->own_nulls);
    wr_free(v->own_errs);
    wr_free(v->own_whys);
    v->own_nulls = v->own_errs = NULL;
    v->own_whys = NULL;
    v->cap = 0;
    size_t rows = v->konst && !v->spread ? 1 : n;
    v->own = wr_alloc_aligned(64, rows * vec_bytes(v) + WR_PAD);
    if (!v->own) return WR_ENOMEM;
    v->cap = n;
    return WR_OK;
}

static void vec_free(wri_vec *v) {
    wr_free(v->own);
    wr_free(v->own_nulls);
    wr_free(v->own_errs);
    wr_free(v->own_whys);
}

uint64_t *wri_vec_nulls(wri_vec *v, uint32_t n) {
    uint32_t room = v->cap > n ? v->cap : n;
    if (!v->own_nulls) v->own_nulls = wr_alloc((wr_bitmap_words(room) + 1) * sizeof(uint64_t));
    if (v->own_nulls) memset(v->own_nulls, 0, (wr_bitmap_words(n) + 1) * sizeof(uint64_t));
    return v->nulls = v->own_nulls;
}

uint64_t *wri_vec_errs(wri_vec *v, uint32_t n) {
    if (v->errs) return v->errs;
    uint32_t room = v->cap > n ? v->cap : n;
    if (!v->own_errs) v->own_errs = wr_alloc((wr_bitmap_words(room) + 1) * sizeof(uint64_t));
    if (!v->own_whys) v->own_whys = wr_alloc(room * sizeof *v->own_whys);
    if (!v->own_errs || !v->own_whys) return NULL;
    memset(v->own_errs, 0, (wr_bitmap_words(n) + 1) * sizeof(uint64_t));
    v->whys = v->own_whys;
    return v->errs = v->own_errs;
}

wr_status wri_vec_fail(wri_vec *v, uint32_t n, uint32_t row, const char *why) {
    if (!wri_vec_errs(v, n)) return WR_ENOMEM;
    wr_bit_set(v->errs, row);
    v->whys[row] = why;
    return WR_OK;
}

static wr_status merge_nulls(wri_vec *dst, wri_vec *const *args, uint32_t n_args, uint32_t n) {
    uint64_t *first = NULL;
    bool own = false;
    for (uint32_t a = 0; a < n_args; a++) {
        uint64_t *nulls = args[a]->nulls;
        if (!nulls || nulls == first) continue;
        if (!first) {
            first = dst->nulls = nulls;
            continue;
        }
        if (!own) {
            if (!wri_vec_nulls(dst, n)) return WR_ENOMEM;
            memcpy(dst->nulls, first, wr_bitmap_words(n) * sizeof(uint64_t));
            own = true;
        }
        for (uint32_t w = 0; w < wr_bitmap_words(n); w++) dst->nulls[w] |= nulls[w];
    }
    return WR_OK;
}

wr_status wri_merge_states(wri_vec *dst, wri_vec *const *args, uint32_t n_args, bool nulls, uint32_t n) {
    if (nulls && merge_nulls(dst, args, n_args, n) != WR_OK) return WR_ENOMEM;
    for (uint32_t a = 0; a < n_args; a++) {
        const wri_vec *v = args[a];
        if (!v->errs) continue;
        if (!wri_vec_errs(dst, n)) return WR_ENOMEM;
        for (uint32_t w = 0; w < wr_bitmap_words(n); w++) {
            uint64_t add = v->errs[w] & ~dst->errs[w];
            dst->errs[w] |= add;
            for (; add; add &= add - 1) {
                uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(add);
                dst->whys[i] = v->whys[i];
            }
        }
    }
    return WR_OK;
}

/* ---- compiling ---- */

bool wri_kernel_able(const wr_expr *e) {
    if (e->kind == WR_X_FUNC && !e->func->fn) return false;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!wri_kernel_able(e->args[i])) return false;
    return true;
}

static wr_status new_reg(wri_prog *p, wri_vec v, uint32_t *regp) {
    WR_TRY(wr_grow(&p->regs, &p->cap_regs, p->n_regs + 1, sizeof *p->regs));
    *regp = (uint32_t)p->n_regs;
    p->regs[p->n_regs++] = v;
    return WR_OK;
}

static wr_status emit_col(wri_prog *p, const wr_expr *e, uint32_t *regp) {
    for (uint32_t r = 0; r < p->n_regs; r++)
        if (p->regs[r].col == e->col) {
            *regp = r;
            return WR_OK;
        }
    return new_reg(p, (wri_vec){.phys = wr_type_phys(e->type), .col = e->col}, regp);
}

static bool same_value(wr_phys phys, const wr_value *a, const wr_value *b) {
    if (a->null || b->null) return a->null && b->null;
    if (phys == WR_STR) return wr_str_eq(&a->str, &b->str);
    return a->i64 == b->i64; /* doubles by their bits */
}

static wr_status emit_const(wri_prog *p, const wr_expr *e, uint32_t *regp) {
    wri_vec v = {.phys = wr_type_phys(e->type), .konst = true, .col = WR_NO_COL, .value = e->value};
    if (e->type.kind == WR_T_NULL) v.value.null = true;
    if (v.value.null) memset(&v.value.str, 0, sizeof v.value.str);
    for (uint32_t r = 0; r < p->n_regs; r++) {
        const wri_vec *o = &p->regs[r];
        if (o->konst && o->phys == v.phys && same_value(v.phys, &o->value, &v.value)) {
            *regp = r;
            return WR_OK;
        }
    }
    return new_reg(p, v, regp);
}

static bool same_type(wr_type a, wr_type b) {
    return a.kind == b.kind && a.scale == b.scale && a.prec == b.prec;
}

/* Same operation over the same registers? Argument types matter too: a scale is not in the register. */
static bool same_ins(const wri_ins *o, const wr_expr *e, const uint32_t *args) {
    const wr_expr *x = o->e;
    if (x->kind != e->kind || x->op != e->op || x->unit != e->unit || x->func != e->func) return false;
    if (o->n_args != e->n_args || x->n_args != e->n_args || !same_type(x->type, e->type)) return false;
    if (!wri_same_call(x, e)) return false;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (o->args[i] != args[i] || !same_type(x->args[i]->type, e->args[i]->type)) return false;
    return true;
}

static wr_status add_ins(wri_prog *p, const wr_expr *e, uint32_t *args, uint32_t n_args, uint32_t *regp) {
    for (size_t i = 0; n_args == e->n_args && i < p->n_ins; i++)
        if (same_ins(&p->ins[i], e, args)) {
            *regp = p->ins[i].dst;
            return WR_OK;
        }
    WR_TRY(wr_grow(&p->ins, &p->cap_ins, p->n_ins + 1, sizeof *p->ins));
    wri_ins ins = {.e = e, .args = args, .n_args = n_args, .strict = wri_strict(e)};
    ins.call = (wri_call){.e = e};
    ins.argv = wr_arena_calloc(&p->ar, (e->n_args + 1) * sizeof *ins.argv);
    ins.vals = wr_arena_calloc(&p->ar, (e->n_args + 1) * sizeof *ins.vals);
    if (!ins.argv || !ins.vals) return WR_ENOMEM;
    WR_TRY(new_reg(p, (wri_vec){.phys = wr_type_phys(e->type), .col = WR_NO_COL}, &ins.dst));
    *regp = ins.dst;
    p->ins[p->n_ins++] = ins;
    return WR_OK;
}

static wr_status emit(wri_prog *p, const wr_expr *e, uint32_t *regp) {
    if (e->kind == WR_X_COL) return emit_col(p, e, regp);
    if (e->kind == WR_X_CONST) return emit_const(p, e, regp);
    if (wri_noop_cast(e)) return emit(p, e->args[0], regp);
    uint32_t *args = wr_arena_alloc(&p->ar, (e->n_args + 1) * sizeof *args);
    if (!args) return WR_ENOMEM;
    uint32_t n_args = wri_in_constants(e) ? 1 : e->n_args; /* the items go into the instruction itself */
    for (uint32_t i = 0; i < n_args; i++) WR_TRY(emit(p, e->args[i], &args[i]));
    return add_ins(p, e, args, n_args, regp);
}

/* Strings made by an instruction live in the output's arena when an output may point at them. */
static void mark_escapes(wri_prog *p) {
    for (uint32_t i = 0; i < p->n_outs; i++)
        for (size_t k = 0; k < p->n_ins; k++)
            if (p->ins[k].dst == p->outs[i]) p->ins[k].is_out = p->ins[k].escapes = true;
    for (size_t k = p->n_ins; k-- > 0;) {
        const wri_ins *user = &p->ins[k];
        if (!user->escapes || p->regs[user->dst].phys != WR_STR) continue;
        for (size_t j = 0; j < k; j++)
            for (uint32_t a = 0; a < user->n_args; a++)
                if (p->ins[j].dst == user->args[a]) p->ins[j].escapes = true;
    }
}

static wr_status compile(wri_prog *p, wr_expr *const *exprs, uint32_t n) {
    p->outs = wr_arena_calloc(&p->ar, (n + 1) * sizeof *p->outs);
    if (!p->outs) return WR_ENOMEM;
    p->n_outs = n;
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(emit(p, exprs[i], &p->outs[i]));
        if (p->regs[p->outs[i]].konst) p->regs[p->outs[i]].spread = true;
    }
    for (size_t k = 0; k < p->n_ins; k++)
        if (!wri_pick_kernel(p, &p->ins[k])) return WR_ENOMEM;
    mark_escapes(p);
    return WR_OK;
}

wr_status wri_prog_new(wr_expr *const *exprs, uint32_t n, wri_prog **outp, wr_err *err) {
    *outp = NULL;
    wri_prog *p = wr_calloc(1, sizeof *p);
    if (!p) return wr_fail_oom(err, "an expression");
    if (compile(p, exprs, n) != WR_OK) {
        wri_prog_free(p);
        return wr_fail_oom(err, "an expression");
    }
    *outp = p;
    return WR_OK;
}

void wri_prog_free(wri_prog *p) {
    if (!p) return;
    for (size_t r = 0; r < p->n_regs; r++) vec_free(&p->regs[r]);
    for (size_t k = 0; k < p->n_ins; k++) wri_call_done(&p->ins[k].call);
    wr_free(p->regs);
    wr_free(p->ins);
    wr_arena_free(&p->tmp);
    wr_arena_free(&p->ar);
    wr_free(p);
}

/* ---- running ---- */

static wr_status fill_const(wri_vec *v, uint32_t n) {
    if (n <= v->cap && v->own) return WR_OK;
    WR_TRY(vec_room(v, n));
    uint32_t rows = v->spread ? n : 1;
    v->data = v->own;
    v->nulls = NULL;
    if (v->value.null) {
        memset(v->data, 0, rows * vec_bytes(v));
        if (!wri_vec_nulls(v, n)) return WR_ENOMEM;
        memset(v->nulls, 0xff, wr_bitmap_words(n) * sizeof(uint64_t));
        return WR_OK;
    }
    for (uint32_t i = 0; i < rows; i++)
        if (v->phys == WR_STR) v->str[i] = v->value.str;
        else v->i64[i] = v->value.i64;
    return WR_OK;
}

static wr_status prepare(wri_prog *p, const wr_batch *in) {
    for (size_t r = 0; r < p->n_regs; r++) {
        wri_vec *v = &p->regs[r];
        if (v->konst) {
            WR_TRY(fill_const(v, in->n ? in->n : 1));
        } else if (v->col != WR_NO_COL) {
            const wr_col *c = &in->cols[v->col];
            v->data = c->data;
            v->nulls = c->nulls;
        } else {
            v->nulls = v->errs = NULL;
        }
    }
    return WR_OK;
}

static wr_status place(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *v = &p->regs[ins->dst];
    WR_TRY(vec_room(v, n ? n : 1));
    v->data = v->own;
    if (ins->is_out && p->out_ar != &p->tmp) {
        v->data = wr_arena_alloc(p->out_ar, (size_t)(n ? n : 1) * vec_bytes(v));
        if (!v->data) return WR_ENOMEM;
    }
    for (uint32_t a = 0; a < ins->n_args; a++) ins->argv[a] = &p->regs[ins->args[a]];
    ins->call.ar = ins->escapes ? p->out_ar : &p->tmp;
    ins->call.msgs = &p->tmp;
    ins->call.env = &p->env;
    ins->call.oom = false;
    return WR_OK;
}

wr_status wri_prog_run(wri_prog *p, const wr_batch *in, wr_arena *out_ar, const wri_env *env, wr_err *err) {
    wr_arena_reset(&p->tmp);
    p->out_ar = out_ar ? out_ar : &p->tmp;
    p->env = *env;
    wr_status s = prepare(p, in);
    for (size_t k = 0; s == WR_OK && k < p->n_ins; k++) {
        wri_ins *ins = &p->ins[k];
        s = place(p, ins, in->n);
        if (s == WR_OK) s = ins->run(p, ins, in->n);
        if (s == WR_OK && ins->call.oom) s = WR_ENOMEM;
    }
    return s == WR_OK ? WR_OK : wr_fail_oom(err, "an expression's values");
}
