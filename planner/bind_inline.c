/* planner/bind_inline.c -- the script's own functions: the body of one with RETURN takes the place of the
 * call; one with EXTENSION is called.
 *
 * The body is bound by a binder of its own whose only names are the parameters; each stands for its
 * argument, cast to the parameter's type. Of several functions of one name, the one whose parameters have
 * the arguments' very types is taken, else the first that they can be assigned to. */
#include "bind_int.h"

typedef struct inlined {
    const wr_stmt *fn;
    wr_expr **args;
    const struct inlined *caller;
} inlined;

static wr_expr *param_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    (void)b;
    const inlined *in = ctx;
    if (e->kind != WR_A_COLUMN || e->name.n != 1) return NULL;
    for (uint32_t i = 0; i < in->fn->n_params; i++)
        if (wri_ident_matches(&e->name.parts[0], in->fn->params[i].name.text)) return in->args[i];
    return NULL;
}

static const char *name_of(const wr_stmt *fn) { return fn->name.parts[fn->name.n - 1].text; }

static bool is_named(const wr_stmt *fn, const wr_ast *e) {
    return fn->name.n > 0 && !fn->is_aggregate &&
           wri_ident_matches(&e->name.parts[e->name.n - 1], name_of(fn));
}

static const wr_stmt *choose(wri_binder *b, const wr_ast *e, wr_expr *const *args,
                             const wr_func_def **nativep) {
    for (int loose = 0; loose < 2; loose++)
        for (uint32_t f = 0; f < b->n_functions; f++) {
            const wr_stmt *fn = b->functions[f];
            if (!is_named(fn, e) || fn->n_params != e->n_args) continue;
            bool fits = true;
            for (uint32_t i = 0; i < e->n_args; i++) {
                wr_type to = fn->params[i].type, from = args[i]->type;
                bool literal =
                    args[i]->kind == WR_X_CONST && wri_is_char(from) && wr_kind_is_time((wr_kind)to.kind);
                fits &= loose ? wri_assignable(from, to) || literal
                              : from.kind == WR_T_NULL || from.kind == to.kind;
            }
            *nativep = b->natives ? b->natives[f] : NULL;
            if (fits) return fn;
        }
    return NULL;
}

static const char *params_text(wri_binder *b, const wr_ast *e) {
    const char *s = "";
    for (uint32_t f = 0; s && f < b->n_functions; f++) {
        const wr_stmt *fn = b->functions[f];
        if (!is_named(fn, e)) continue;
        s = wr_arena_printf(b->d->ar, "%s%s(", s, *s ? " or " : "");
        for (uint32_t i = 0; s && i < fn->n_params; i++)
            s = wr_arena_printf(b->d->ar, "%s%s%s", s, i ? ", " : "", wri_type_text(b, fn->params[i].type));
        if (s) s = wr_arena_printf(b->d->ar, "%s)", s);
    }
    return s ? s : "other arguments";
}

/* RETURNS NULL ON NULL INPUT */
static wr_expr *null_on_null(wri_binder *b, const wr_ast *e, wr_expr *const *args, wr_expr *body) {
    wr_type boolean = wr_type_of(WR_T_BOOLEAN);
    wr_expr *any = NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        wr_expr *null = wri_mk_op1(b, WR_OP_IS_NULL, boolean, e->loc, args[i]);
        any = any ? wri_mk_or(b, e->loc, any, null) : null;
    }
    if (!any || wri_is_bad(body)) return body;
    wr_expr *parts[] = {any, wri_mk_null(b, body->type, e->loc), body};
    return wri_mk_op(b, WR_OP_CASE, body->type, e->loc, 3, parts);
}

static wr_expr *expand(wri_binder *b, const wr_ast *e, const wr_stmt *fn, wr_expr **args) {
    for (uint32_t i = 0; i < fn->n_params; i++) {
        args[i] = wri_cast_expr(b, args[i], fn->params[i].type, false, args[i]->loc);
        if (wri_is_bad(args[i])) return &wri_failed;
    }
    wri_scope scope = {.n = fn->n_params, .cap = fn->n_params};
    scope.cols = wr_arena_calloc(b->ar, (fn->n_params + 1) * sizeof *scope.cols);
    if (!scope.cols) return &wri_failed;
    for (uint32_t i = 0; i < fn->n_params; i++)
        scope.cols[i] =
            (wri_scope_col){.name = fn->params[i].name.text, .type = fn->params[i].type, .col = i};
    inlined in = {fn, args, b->hook == param_hook ? b->hook_ctx : NULL};
    wri_binder sub = *b;
    sub.scope = &scope;
    sub.hook = param_hook;
    sub.hook_ctx = &in;
    wr_expr *x = wri_bind(&sub, fn->body);
    b->inlined = sub.inlined;
    x = wri_cast_expr(b, x, fn->returns, false, fn->body->loc);
    if (fn->null_on_null) x = null_on_null(b, e, args, x);
    if (wri_is_bad(x) || wri_too_big(b, x, 1, e->loc)) return &wri_failed;
    return x;
}

/* Arguments go as the parameters' types say, then as what SQLite knows; the result comes back the same way.
 */
static wr_expr *call_native(wri_binder *b, const wr_ast *e, const wr_stmt *fn, const wr_func_def *f,
                            wr_expr **args) {
    wri_sig_match m;
    for (uint32_t i = 0; i < e->n_args; i++) {
        args[i] = wri_cast_expr(b, args[i], fn->params[i].type, false, args[i]->loc);
        if (wri_is_bad(args[i])) return &wri_failed;
    }
    for (uint32_t i = 0; i < e->n_args; i++) /* BOOLEAN is a number to SQLite */
        if (args[i]->type.kind == WR_T_BOOLEAN)
            args[i] = wri_mk_op1(b, WR_OP_CAST, wr_type_of(WR_T_BIGINT), args[i]->loc, args[i]);
    if (!wri_match_signature(f, args, e->n_args, &m))
        return wri_bind_unsupported(b, e->loc, "a parameter of this type");
    wr_expr *x = wri_apply_func(b, f, e->loc, e->n_args, args);
    if (wri_is_bad(x)) return x;
    if (fn->returns.kind == WR_T_BOOLEAN)
        x = wri_bind_compare(b, e->loc, WR_OP_NE, x, wri_mk_i64(b, 0, x->type, e->loc));
    else x = wri_cast_expr(b, x, wri_plain_type(fn->returns), true, e->loc);
    return fn->null_on_null ? null_on_null(b, e, args, x) : x;
}

wr_expr *wri_bind_inline(wri_binder *b, const wr_ast *e) {
    const wr_stmt *any = NULL;
    for (uint32_t f = 0; f < b->n_functions && !any; f++)
        if (is_named(b->functions[f], e)) any = b->functions[f];
    if (!any) return NULL;
    wr_expr **args;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    const wr_func_def *native = NULL;
    const wr_stmt *fn = choose(b, e, args, &native);
    if (!fn)
        return wri_bind_error(b, e->loc, NULL, "%s takes %s, found (%s)", name_of(any), params_text(b, e),
                              wri_types_text(b, args, e->n_args));
    if (native) return call_native(b, e, fn, native, args);
    if (!fn->body) return wri_bind_unsupported(b, e->loc, "CREATE FUNCTION … EXTENSION");
    for (const inlined *in = b->hook == param_hook ? b->hook_ctx : NULL; in; in = in->caller)
        if (in->fn == fn)
            return wri_bind_error(b, e->loc, NULL, "function %s calls itself, which SQL functions cannot",
                                  name_of(fn));
    if (b->inlined > WRI_INLINE_MAX) return &wri_failed; /* has been said */
    if (b->inlined++ == WRI_INLINE_MAX)
        return wri_bind_error(b, e->loc, NULL, "too many calls of SQL functions in one expression (over %d)",
                              WRI_INLINE_MAX);
    return expand(b, e, fn, args);
}
