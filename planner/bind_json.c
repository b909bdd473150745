/* planner/bind_json.c -- JSON's own syntax, lowered to functions of the registry.
 *
 *   JSON_VALUE(j, path RETURNING t a ON EMPTY b ON ERROR)
 *     = CASE JSON_FOUND(j, path, 'V') WHEN 1 THEN a WHEN 2 THEN b ELSE TRY_CAST(JSON_VALUE(j, path) AS t) END
 *
 * where a value that is no t counts as an error, too. ERROR is JSON_FOUND's to raise, and CAST's. */
#include "bind_int.h"

static const char *name_of(const wr_ast *e) { return e->name.parts[e->name.n - 1].text; }

static wr_expr *call(wri_binder *b, const wr_ast *e, const char *name, uint32_t n, wr_expr *const *args) {
    const wr_func_def *f = wri_find_func(b->reg, name);
    return f ? wri_apply_func(b, f, e->loc, n, args) : wri_bind_unsupported(b, e->loc, name);
}

static wr_expr *text(wri_binder *b, const char *s, wr_loc loc) {
    wr_expr *x =
        wri_new_const(b->ar, (wr_value){.str = wr_str_make(s, strlen(s))}, wr_type_of(WR_T_VARCHAR), loc);
    return x ? x : &wri_failed;
}

/* ---- which clauses belong where ---- */

#define ON(x) (1u << WR_J_##x)
static const struct form {
    const char *name;
    char what; /* for JSON_FOUND */
    uint32_t on_empty, on_error;
    bool wrapper, returning;
} forms[] = {
    {"JSON_VALUE", 'V', ON(NULL) | ON(ERROR) | ON(DEFAULT), ON(NULL) | ON(ERROR) | ON(DEFAULT), false, true},
    {"JSON_QUERY", 'Q', ON(NULL) | ON(ERROR) | ON(EMPTY_ARRAY) | ON(EMPTY_OBJECT),
     ON(NULL) | ON(ERROR) | ON(EMPTY_ARRAY) | ON(EMPTY_OBJECT), true, true},
    {"JSON_EXISTS", 'E', 0, ON(TRUE) | ON(FALSE) | ON(UNKNOWN) | ON(ERROR), false, false},
};

static const struct form *form_of(const char *name) {
    for (size_t i = 0; i < WR_LEN(forms); i++)
        if (wri_same_name(forms[i].name, name)) return &forms[i];
    return NULL;
}

static bool right_clauses(wri_binder *b, const wr_ast *e, const struct form *f) {
    const wr_call *c = e->call;
    const char *wrong = NULL;
    if (c->on_empty && !(f->on_empty >> c->on_empty & 1)) wrong = "this ON EMPTY";
    else if (c->on_error && !(f->on_error >> c->on_error & 1)) wrong = "this ON ERROR";
    else if (c->on_null) wrong = "ON NULL";
    else if (c->wrapper && !f->wrapper) wrong = "WRAPPER";
    else if (c->returning.kind != WR_T_NULL && !f->returning) wrong = "RETURNING";
    if (wrong) wri_bind_error(b, e->loc, NULL, "%s does not take %s", f->name, wrong);
    return !wrong;
}

/* ---- JSON_VALUE, JSON_QUERY, JSON_EXISTS ---- */

/* What a clause gives, as type t. */
static wr_expr *given(wri_binder *b, const wr_ast *e, wr_json_on on, const wr_ast *value, wr_type t) {
    switch (on) {
    case WR_J_DEFAULT: {
        wr_expr *x = wri_bind(b, value);
        if (!wri_is_bad(x) && x->kind != WR_X_CONST)
            return wri_bind_error(b, value->loc, NULL, "the value of DEFAULT must be constant");
        return wri_cast_expr(b, x, t, true, value->loc);
    }
    case WR_J_TRUE:
    case WR_J_FALSE:
        return wri_mk_i64(b, on == WR_J_TRUE, t, e->loc);
    case WR_J_EMPTY_ARRAY:
        return wri_cast_expr(b, text(b, "[]", e->loc), t, true, e->loc);
    case WR_J_EMPTY_OBJECT:
        return wri_cast_expr(b, text(b, "{}", e->loc), t, true, e->loc);
    default:
        return wri_mk_null(b, t, e->loc);
    }
}

/* The value as t; one that is none is what ON ERROR gives. */
static wr_expr *as_type(wri_binder *b, const wr_ast *e, wr_expr *x, wr_type t, wr_expr *on_error) {
    if (wri_is_bad(x) || wri_same_type(x->type, t)) return x;
    bool strict = e->call->on_error == WR_J_ERROR || wri_is_null(x) || !wri_castable(x->type, t);
    if (strict) return wri_cast_expr(b, x, t, true, e->loc);
    wr_expr *cast = wri_mk_op1(b, WR_OP_TRY_CAST, t, e->loc, x);
    if (e->call->on_error != WR_J_DEFAULT) return cast;
    wr_type boolean = wr_type_of(WR_T_BOOLEAN);
    wr_expr *parts[] = {wri_mk_op1(b, WR_OP_IS_NULL, boolean, e->loc, x), wri_mk_null(b, t, e->loc),
                        wri_mk_op1(b, WR_OP_IS_NULL, boolean, e->loc, cast), on_error, cast};
    return wri_mk_op(b, WR_OP_CASE, t, e->loc, WR_LEN(parts), parts);
}

wr_expr *wri_bind_json(wri_binder *b, const wr_ast *e) {
    const struct form *f = form_of(name_of(e));
    const wr_call *c = e->call;
    wr_expr **args;
    if (!f || (!c->on_empty && !c->on_error && !c->on_null && !c->wrapper && c->returning.kind == WR_T_NULL))
        return NULL;
    if (!right_clauses(b, e, f) || !wri_bind_args(b, e, 0, &args)) return &wri_failed;
    if (e->n_args != 2)
        return wri_bind_error(b, e->loc, NULL, "%s has %u argument%s; write %s(json, path …)", f->name,
                              e->n_args, e->n_args == 1 ? "" : "s", f->name);
    bool wraps = c->wrapper > WR_J_WITHOUT;
    wr_expr *three[] = {args[0], args[1], text(b, c->wrapper == WR_J_WITH ? "A" : "C", e->loc)};
    wr_expr *x = call(b, e, f->name, wraps ? 3 : 2, three);
    if (wri_is_bad(x) || wri_too_big(b, args[0], 4, e->loc)) return &wri_failed;
    wr_type t = c->returning.kind == WR_T_NULL ? x->type : wri_plain_type(c->returning);
    bool usual = c->on_error <= WR_J_NULL || (f->what == 'E' && c->on_error == WR_J_FALSE);
    if (c->on_empty <= WR_J_NULL && usual && !(f->what == 'E' && c->on_error == WR_J_NULL))
        return as_type(b, e, x, t, NULL);
    const char *what =
        wr_arena_printf(b->ar, "%c%s%s", wraps ? 'W' : f->what, c->on_empty == WR_J_ERROR ? "e" : "",
                        c->on_error == WR_J_ERROR ? "r" : "");
    if (!what) return &wri_failed;
    three[2] = text(b, what, e->loc);
    wr_expr *found = call(b, e, "JSON_FOUND", 3, three);
    wr_expr *empty = given(b, e, c->on_empty, c->else_empty, t);
    if (f->what == 'E') empty = wri_mk_i64(b, 0, t, e->loc);
    wr_expr *error = given(b, e,
                           c->on_error      ? c->on_error
                           : f->what == 'E' ? WR_J_FALSE
                                            : WR_J_NULL,
                           c->else_error, t);
    if (wri_is_bad(found) || wri_is_bad(empty) || wri_is_bad(error)) return &wri_failed;
    wr_type big = wr_type_of(WR_T_BIGINT);
    wr_expr *parts[] = {wri_bind_compare(b, e->loc, WR_OP_EQ, found, wri_mk_i64(b, 1, big, e->loc)), empty,
                        wri_bind_compare(b, e->loc, WR_OP_EQ, found, wri_mk_i64(b, 2, big, e->loc)), error,
                        as_type(b, e, x, t, error)};
    return wri_mk_op(b, WR_OP_CASE, t, e->loc, WR_LEN(parts), parts);
}

/* ---- JSON_OBJECT, JSON_ARRAY ---- */

static bool only_on_null(wri_binder *b, const wr_ast *e) {
    const wr_call *c = e->call;
    bool other = c->on_empty || c->on_error || c->wrapper || c->returning.kind != WR_T_NULL;
    if (c->on_null && c->on_null != WR_J_NULL && c->on_null != WR_J_ABSENT) other = true;
    if (other)
        wri_bind_error(b, e->loc, "write NULL ON NULL or ABSENT ON NULL", "%s does not take this",
                       name_of(e));
    return !other;
}

/* Names and values in turn; a pair is two arguments. */
wr_expr *wri_bind_json_object(wri_binder *b, const wr_ast *e) {
    wr_expr **args = wr_arena_alloc(b->ar, (2 * (size_t)e->n_args + 1) * sizeof *args);
    if (!args || !only_on_null(b, e)) return &wri_failed;
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n_args; i++) {
        const wr_ast *a = e->args[i];
        bool pair = a->kind == WR_A_PAIR;
        if (pair && n % 2) return wri_bind_error(b, a->loc, NULL, "a name before this pair has no value");
        if (pair) args[n++] = wri_bind(b, a->args[0]);
        args[n++] = wri_bind(b, pair ? a->args[1] : a);
    }
    for (uint32_t i = 0; i < n; i++)
        if (wri_is_bad(args[i])) return &wri_failed;
    if (n % 2)
        return wri_bind_error(b, e->loc, "write JSON_OBJECT('name' VALUE 1, …)",
                              "the last name has no value");
    for (uint32_t i = 0; i < n; i += 2)
        if (!wri_is_char(args[i]->type))
            return wri_bind_error(b, args[i]->loc, NULL, "a name in JSON_OBJECT must be text, found %s",
                                  wri_type_text(b, args[i]->type));
    return call(b, e, e->call->on_null == WR_J_ABSENT ? "JSON_OBJECT_WITHOUT_NULLS" : "JSON_OBJECT", n, args);
}

wr_expr *wri_bind_json_array(wri_binder *b, const wr_ast *e) {
    wr_expr **args;
    if (!only_on_null(b, e) || !wri_bind_args(b, e, 0, &args)) return &wri_failed;
    return call(b, e, e->call->on_null == WR_J_NULL ? "JSON_ARRAY_WITH_NULLS" : "JSON_ARRAY", e->n_args,
                args);
}

/* x IS [NOT] JSON [SCALAR|ARRAY|OBJECT]; op is "JSON ARRAY". */
wr_expr *wri_bind_is_json(wri_binder *b, const wr_ast *e, wr_expr *x) {
    const char *kind = e->op[4] ? e->op + 5 : "VALUE";
    x = call(b, e, "JSON_VALID", 2, (wr_expr *const[]){x, text(b, kind, e->loc)});
    return e->negated ? wri_mk_not(b, e->loc, x) : x;
}
