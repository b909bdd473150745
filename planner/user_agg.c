/* planner/user_agg.c -- calls of aggregates that the script makes: CREATE AGGREGATE FUNCTION.
 *
 *   … RETURN expression     spread(x) over MAX(x) - MIN(x): the expression takes the place of the call, its
 *                           parameters are the arguments, FILTER and OVER of the call go to its aggregates
 *   … EXTENSION 'file.so'   the call stays; arguments are cast to the parameters' types and to what SQLite
 *                           knows, the result comes back as the function says
 *
 * Both are done on syntax, before the statement's own hook sees the call: so an aggregate may stand wherever
 * a built-in one may, and nothing else has to know of it. Bodies are expanded when they are created: no body
 * ever holds a call of this kind. Nodes of a body get the place of the call, which is what a mistake that
 * depends on the call is about. Arguments stand where a parameter did, each time anew. */
#include "bind_int.h"

typedef struct expansion {
    wri_binder *b;
    wr_loc loc;        /* of the call; end 0: nodes keep their own */
    const wr_stmt *fn; /* whose parameters are replaced, NULL: none */
    wr_ast **args;     /* in their place */
    wr_ast *filter;    /* for the aggregates in the body */
    wr_window *over;
    uint32_t left; /* nodes that may still be made */
    bool failed;
} expansion;

static wr_ast *copy(expansion *x, const wr_ast *e);

static const char *name_of(const wr_stmt *fn) { return fn->name.parts[fn->name.n - 1].text; }

/* The aggregate that e calls, by its name; of several the one that takes as many arguments. */
static const wr_stmt *find(const wri_binder *b, const wr_ast *e, const wr_agg_def **nativep) {
    const wr_stmt *any = NULL;
    for (uint32_t f = 0; e->kind == WR_A_CALL && e->name.n == 1 && f < b->n_functions; f++) {
        const wr_stmt *fn = b->functions[f];
        if (!fn->is_aggregate || !wri_ident_matches(&e->name.parts[0], name_of(fn))) continue;
        *nativep = b->aggs ? b->aggs[f] : NULL;
        if (fn->n_params == e->n_args) return fn;
        any = fn;
    }
    return any;
}

/* ---- making nodes ---- */

static void *out_of_memory(expansion *x) {
    x->failed = true;
    return NULL;
}

static wr_ast *cast_to(expansion *x, wr_ast *e, wr_type to, bool as_insert) {
    wr_ast *n = e ? wr_arena_calloc(x->b->ar, sizeof *n) : NULL, **args;
    args = n ? wr_arena_alloc(x->b->ar, sizeof *args) : NULL;
    if (!args) return out_of_memory(x);
    args[0] = e;
    *n =
        (wr_ast){.kind = WR_A_CAST, .loc = e->loc, .args = args, .n_args = 1, .type = to, .flag2 = as_insert};
    return n;
}

static wr_ast *both(expansion *x, wr_ast *a, wr_ast *b) {
    if (!a || !b) return a ? a : b;
    wr_ast *n = wr_arena_calloc(x->b->ar, sizeof *n), **args;
    args = n ? wr_arena_alloc(x->b->ar, 2 * sizeof *args) : NULL;
    if (!args) return out_of_memory(x);
    args[0] = a;
    args[1] = b;
    *n = (wr_ast){.kind = WR_A_BINARY_OP, .loc = b->loc, .op = "AND", .args = args, .n_args = 2};
    return n;
}

static wr_ast **copy_all(expansion *x, wr_ast *const *args, uint32_t n) {
    wr_ast **out = wr_arena_calloc(x->b->ar, (n + 1u) * sizeof *out);
    if (!out) return out_of_memory(x);
    for (uint32_t i = 0; i < n; i++) out[i] = args[i] ? copy(x, args[i]) : NULL;
    return out;
}

static wr_call *copy_call(expansion *x, const wr_ast *e) {
    wr_call *k = wr_arena_alloc(x->b->ar, sizeof *k);
    if (!k) return out_of_memory(x);
    *k = *e->call;
    if (k->filter) k->filter = copy(x, k->filter);
    if (k->else_empty) k->else_empty = copy(x, k->else_empty);
    if (k->else_error) k->else_error = copy(x, k->else_error);
    k->within = wr_arena_calloc(x->b->ar, (k->n_within + 1u) * sizeof *k->within);
    if (!k->within) return out_of_memory(x);
    for (uint32_t i = 0; i < k->n_within; i++) {
        k->within[i] = e->call->within[i];
        k->within[i].expr = copy(x, k->within[i].expr);
    }
    if (!wri_agg_of(x->b, e)) return k;
    k->filter = both(x, x->filter, k->filter);
    k->over = x->over;
    return k;
}

static wr_ast *param(expansion *x, const wr_ast *e) {
    if (!x->fn || e->kind != WR_A_COLUMN || e->name.n != 1) return NULL;
    for (uint32_t i = 0; i < x->fn->n_params; i++)
        if (wri_ident_matches(&e->name.parts[0], x->fn->params[i].name.text)) return x->args[i];
    return NULL;
}

/* ---- calls ---- */

static bool takes(expansion *x, const wr_stmt *fn, const wr_ast *e, bool native) {
    const wr_call *k = e->call;
    const char *name = name_of(fn);
    const char *clause = k->star                            ? "*"
                         : k->distinct && !native           ? "DISTINCT"
                         : k->n_within && !native           ? "ORDER BY"
                         : k->ignore_nulls && !native       ? "IGNORE NULLS"
                         : k->respect_nulls || k->from_last ? "RESPECT NULLS and FROM"
                                                            : NULL;
    if (fn->n_params != e->n_args)
        wri_bind_error(x->b, e->loc, NULL, "%s takes %u argument%s, %u given", name, fn->n_params,
                       fn->n_params == 1 ? "" : "s", e->n_args);
    else if (clause)
        wri_bind_error(x->b, e->loc, "write it in the function's own aggregates", "%s takes no %s", name,
                       clause);
    else if (k->distinct && e->n_args != 1)
        wri_bind_error(x->b, e->loc, NULL, "%s: DISTINCT is for one argument", name);
    else return true;
    x->failed = true;
    return false;
}

/* The body of fn in place of the call e, whose arguments and filter are args and filter. */
static wr_ast *expand(expansion *x, const wr_stmt *fn, const wr_ast *e, wr_ast **args, wr_ast *filter) {
    expansion in = {.b = x->b, .loc = e->loc, .fn = fn, .args = args, .left = x->left};
    in.filter = both(x, x->filter, filter);
    in.over = e->call->over ? e->call->over : x->over;
    if (x->loc.end) in.loc = x->loc;
    for (uint32_t i = 0; i < fn->n_params; i++) args[i] = cast_to(x, args[i], fn->params[i].type, true);
    wr_ast *body = x->failed ? NULL : copy(&in, fn->body);
    x->left = in.left;
    x->failed = x->failed || in.failed;
    return body ? cast_to(x, body, fn->returns, true) : NULL;
}

static wr_ast *copy(expansion *x, const wr_ast *e) {
    if (x->failed) return NULL;
    if (x->left-- == 0) {
        wri_bind_error(x->b, x->loc, "compute a part of it in a subquery",
                       "this call of an aggregate function expands to too much (over %d terms)",
                       WRI_NODES_MAX);
        return out_of_memory(x);
    }
    wr_ast *arg = param(x, e);
    if (arg) return arg;
    const wr_agg_def *native = NULL;
    const wr_stmt *fn = find(x->b, e, &native);
    wr_ast *n = wr_arena_alloc(x->b->ar, sizeof *n);
    if (!n) return out_of_memory(x);
    *n = *e;
    if (x->loc.end) n->loc = x->loc;
    n->args = copy_all(x, e->args, e->n_args);
    if (fn && !native) {
        if (!takes(x, fn, e, false)) return NULL;
        return expand(x, fn, e, n->args, e->call->filter ? copy(x, e->call->filter) : NULL);
    }
    if (e->kind == WR_A_CALL) n->call = copy_call(x, e);
    return x->failed ? NULL : n;
}

wr_ast *wri_expand_body(wri_binder *b, const wr_ast *body) {
    expansion x = {.b = b, .left = WRI_NODES_MAX};
    return copy(&x, body);
}

/* The same call with its arguments as SQLite takes them. */
static wr_expr *call_native(expansion *x, const wr_stmt *fn, const wr_ast *e) {
    wri_binder *b = x->b;
    wr_ast call = *e;
    call.args = wr_arena_calloc(b->ar, (e->n_args + 1u) * sizeof *call.args);
    for (uint32_t i = 0; call.args && i < e->n_args; i++) {
        wr_type t = fn->params[i].type, to = wri_extension_type(t);
        call.args[i] = cast_to(x, e->args[i], t, true);
        if (call.args[i] && to.kind != t.kind && !wri_is_char(t))
            call.args[i] = cast_to(x, call.args[i], to, false);
    }
    wr_ast *kept = call.args && !x->failed ? wr_arena_alloc(b->ar, sizeof *kept) : NULL;
    if (!kept) return &wri_failed;
    *kept = call; /* the hook remembers calls */
    wr_expr *r = b->hook ? b->hook(b->hook_ctx, b, kept) : NULL;
    if (!r) return wri_bind_error(b, e->loc, NULL, "%s is an aggregate and cannot be used here", name_of(fn));
    if (fn->returns.kind == WR_T_BOOLEAN && !wri_is_bad(r))
        return wri_bind_compare(b, e->loc, WR_OP_NE, r, wri_mk_i64(b, 0, r->type, e->loc));
    return wri_cast_expr(b, r, wri_plain_type(fn->returns), true, e->loc);
}

wr_expr *wri_bind_user_agg(wri_binder *b, const wr_ast *e) {
    const wr_agg_def *native = NULL;
    const wr_stmt *fn = find(b, e, &native);
    expansion x = {.b = b, .left = WRI_NODES_MAX};
    if (!fn) return NULL;
    if (!takes(&x, fn, e, native != NULL)) return &wri_failed;
    if (native) return call_native(&x, fn, e);
    wr_ast **args = wr_arena_calloc(b->ar, (e->n_args + 1u) * sizeof *args);
    if (!args) return &wri_failed;
    for (uint32_t i = 0; i < e->n_args; i++) args[i] = e->args[i];
    x.loc = e->loc;
    wr_ast *body = expand(&x, fn, e, args, e->call->filter);
    return body ? wri_bind(b, body) : &wri_failed;
}
