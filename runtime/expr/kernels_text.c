/* runtime/expr/kernels_text.c -- text operations that pay for loops of their own: LIKE with a constant
 * pattern. The other text functions run their scalar row by row. */
#include "expr_int.h"

/* A LIKE whose pattern is wrong has no compiled form: the map kernel then fails each row that uses it. */
static wri_like *compile_like(wri_prog *p, wri_ins *ins) {
    const wri_vec *pattern = &p->regs[ins->args[1]], *esc = ins->n_args > 2 ? &p->regs[ins->args[2]] : NULL;
    if (!pattern->konst || pattern->value.null) return NULL;
    if (esc && (!esc->konst || esc->value.null)) return NULL;
    wri_like *l = wr_arena_alloc(&p->ar, sizeof *l);
    if (!l) {
        ins->call.oom = true;
        return NULL;
    }
    return wri_like_compile(&ins->call, &pattern->value.str, esc ? &esc->value.str : NULL, l) ? NULL : l;
}

static bool like_fast(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    const wri_like *l = ins->aux;
    const wr_str *s = args[0]->str;
    for (uint32_t i = 0; i < n; i++) dst->i64[i] = wri_like_match(l, wr_str_data(&s[i]), s[i].len);
    return true;
}

wri_fast wri_fast_text(wri_prog *p, wri_ins *ins) {
    if (ins->e->kind != WR_X_OP) return NULL;
    ins->aux = compile_like(p, ins);
    return ins->aux ? like_fast : NULL;
}
