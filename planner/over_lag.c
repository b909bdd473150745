/* planner/over_lag.c -- LAG within a frame, as the Kinesis dialect has it: what lies outside the frame is not
 * there.
 *
 *   LAG(x, n, d) OVER (ROWS k PRECEDING)         n <= k: LAG as anywhere; else d
 *   LAG(x, n, d) OVER (RANGE i PRECEDING)        the row n + 1 from the end of the frame, whose last row is
 * this one: CASE WHEN COUNT(*) > n THEN NTH_VALUE(x, n + 1) FROM LAST ELSE d END … IGNORE NULLS this row does
 * not count, NULL or not: COALESCE(CASE WHEN x IS NULL THEN NTH_VALUE(x, n) … ELSE NTH_VALUE(x, n + 1) FROM
 * LAST IGNORE NULLS END, d)
 *
 * The calls on the right are bound as if they had been written. */
#include "bind_int.h"
#include "over_int.h"

typedef struct lag {
    wri_select *s;
    const wr_ast *e;
    int64_t n;
    wr_expr *x, *dflt; /* dflt NULL: none */
} lag;

/* fn(x, n) FROM LAST with the clauses of l->e, or fn(*) where n is 0. */
static wr_expr *call(const lag *l, const char *fn, int64_t n) {
    wri_ctx *c = l->s->q->c;
    wr_ast *e = wri_new(c, sizeof *e), *count = wri_new(c, sizeof *count);
    wr_call *syn = wri_new(c, sizeof *syn);
    wr_ident *id = wri_new(c, sizeof *id);
    wr_ast **args = wri_new_n(c, 2, sizeof *args);
    const char *text = wri_text(c, "%lld", (long long)n);
    if (!e || !count || !syn || !id || !args || !text) return &wri_failed;
    *e = *l->e;
    *syn = *l->e->call;
    *id = (wr_ident){.text = fn, .loc = l->e->loc};
    *count = (wr_ast){.kind = WR_A_NUMBER, .text = text, .loc = l->e->loc};
    args[0] = l->e->args[0];
    args[1] = count;
    e->call = syn;
    e->name = (wr_name){.n = 1, .parts = id, .loc = l->e->loc};
    e->args = args;
    e->n_args = n ? 2 : 0;
    syn->star = n == 0;
    syn->from_last = n != 0;
    if (n == 0) syn->ignore_nulls = syn->respect_nulls = false;
    return wri_over_call(l->s, e);
}

static wr_expr *skipping_nulls(const lag *l, wr_type t) {
    wri_binder *b = &l->s->below;
    wr_loc loc = l->e->loc;
    wr_expr *null = wri_mk_op1(b, WR_OP_IS_NULL, wr_type_of(WR_T_BOOLEAN), loc, l->x);
    wr_expr *before = call(l, "NTH_VALUE", l->n), *behind = call(l, "NTH_VALUE", l->n + 1);
    if (wri_is_bad(null) || wri_is_bad(before) || wri_is_bad(behind)) return &wri_failed;
    wr_expr *found =
        wri_mk_op(b, WR_OP_CASE, t, loc, 3,
                  (wr_expr *const[]){null, wri_convert(b, before, t), wri_convert(b, behind, t)});
    if (!l->dflt || wri_is_bad(found)) return found;
    return wri_mk_op2(b, WR_OP_COALESCE, t, loc, found, wri_convert(b, l->dflt, t));
}

static wr_expr *of_all(const lag *l, wr_type t) {
    wri_binder *b = &l->s->below;
    wr_loc loc = l->e->loc;
    wr_expr *found = call(l, "NTH_VALUE", l->n + 1);
    if (!l->dflt || wri_is_bad(found)) return found;
    wr_expr *count = call(l, "COUNT", 0), *n = wri_mk_i64(b, l->n, wr_type_of(WR_T_BIGINT), loc);
    if (wri_is_bad(count) || wri_is_bad(n)) return &wri_failed;
    wr_expr *there = wri_mk_op2(b, WR_OP_GT, wr_type_of(WR_T_BOOLEAN), loc, count, n);
    return wri_mk_op(b, WR_OP_CASE, t, loc, 3,
                     (wr_expr *const[]){there, wri_convert(b, found, t), wri_convert(b, l->dflt, t)});
}

wr_expr *wri_lag_in_frame(wri_select *s, const wr_ast *e, const wr_frame *f) {
    lag l = {.s = s, .e = e, .n = 1};
    if (f->lo != WR_B_PRECEDING && f->lo != WR_B_CURRENT) return NULL;
    if (e->n_args < 1 || e->n_args > 3 || e->call->filter || e->call->distinct || e->call->star) return NULL;
    if (e->n_args > 1 && !wri_const_int(&s->below, e->args[1], "the number of rows", &l.n))
        return &wri_failed;
    int64_t reach = f->lo == WR_B_CURRENT ? 0 : f->lo_by;
    if (l.n < 1 || l.n >= UINT32_MAX || (f->rows && l.n <= reach)) return NULL; /* as anywhere */
    l.x = wri_bind(&s->below, e->args[0]);
    l.dflt = e->n_args > 2 ? wri_bind(&s->below, e->args[2]) : NULL;
    if (wri_is_bad(l.x) || (l.dflt && wri_is_bad(l.dflt))) return &wri_failed;
    wr_type t = l.x->type;
    t.not_null = false;
    if (l.dflt && !wri_common_type(t, l.dflt->type, &t)) return NULL; /* reported there */
    if (f->rows) return l.dflt ? wri_convert(&s->below, l.dflt, t) : wri_mk_null(&s->below, t, e->loc);
    return e->call->ignore_nulls ? skipping_nulls(&l, t) : of_all(&l, t);
}
