/* planner/bind.c -- syntax tree of an expression to typed expression: dispatch, literals, operators, casts.
 *
 * One pass from the leaves up. Each node is offered to the caller's hook first (aggregates, group keys,
 * TUMBLE_START); what it declines is bound here. Errors are reported where they are found, and binding goes
 * on with &wri_failed, so that one run tells of several. Recursion is bounded by WRI_DEPTH_MAX; chains of
 * AND, OR and || are walked in a loop and come out as balanced trees. */
#include "bind_int.h"

/* ---- literals ---- */

static wr_expr *constant(wri_binder *b, wr_value v, wr_type t, wr_loc loc) {
    wr_expr *e = wri_new_const(b->ar, v, t, loc);
    return e ? e : &wri_failed;
}

static wr_expr *bind_decimal(wri_binder *b, const wr_ast *e, const char *text, const char *point) {
    const char *first = text;
    while (*first == '0') first++;
    size_t n = strlen(text), scale = n - (size_t)(point - text) - 1,
           whole = first < point ? (size_t)(point - first) : 0;
    if (whole + scale > 18)
        return wri_bind_error(b, e->loc, wr_arena_printf(b->d->ar, "write %se0 for a DOUBLE", text),
                              "%s has %zu digits, a DECIMAL at most 18", text, whole + scale);
    wr_value v = {0};
    uint32_t prec = whole + scale ? (uint32_t)(whole + scale) : 1;
    if (scale == 0) n--; /* "5." */
    if (!wr_read_decimal(text, n, prec, (uint32_t)scale, false, &v.i64))
        return wri_bind_error(b, e->loc, NULL, "'%s' is no number", text);
    return constant(b, v, (wr_type){.kind = WR_T_DECIMAL, .prec = prec, .scale = (uint8_t)scale}, e->loc);
}

static wr_expr *bind_integer(wri_binder *b, const wr_ast *e, bool negative) {
    uint64_t n = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    bool over = false;
    for (const char *p = e->text; *p; p++) {
        if (*p < '0' || *p > '9') return wri_bind_error(b, e->loc, NULL, "'%s' is no number", e->text);
        over |= __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n);
    }
    if (over || n > limit)
        return wri_bind_error(b, e->loc, wr_arena_printf(b->d->ar, "write %se0 for a DOUBLE", e->text),
                              "%s%s is too large for BIGINT", negative ? "-" : "", e->text);
    int64_t v = negative ? (int64_t)(0 - n) : (int64_t)n;
    return wri_mk_i64(b, v, wr_type_of(v == (int32_t)v ? WR_T_INTEGER : WR_T_BIGINT), e->loc);
}

wr_expr *wri_bind_number(wri_binder *b, const wr_ast *e, bool negative) {
    const char *point = strchr(e->text, '.');
    if (strpbrk(e->text, "eE")) {
        wr_value v = {0};
        if (!wr_read_f64(e->text, strlen(e->text), &v.f64) || v.f64 > 1.7976931348623157e308)
            return wri_bind_error(b, e->loc, NULL, "%s is too large for DOUBLE", e->text);
        if (negative) v.f64 = -v.f64;
        return constant(b, v, wr_type_of(WR_T_DOUBLE), e->loc);
    }
    if (!point) return bind_integer(b, e, negative);
    wr_expr *x = bind_decimal(b, e, e->text, point);
    if (negative && !wri_is_bad(x)) x->value.i64 = -x->value.i64;
    return x;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static wr_expr *bind_binary(wri_binder *b, const wr_ast *e) {
    size_t n = strlen(e->text);
    if (n % 2)
        return wri_bind_error(b, e->loc, NULL, "X'…' needs an even number of hexadecimal digits, found %zu",
                              n);
    char *bytes = wr_arena_alloc(b->ar, n / 2 + 1);
    if (!bytes) return &wri_failed;
    for (size_t i = 0; i < n; i += 2) {
        int hi = hex_digit(e->text[i]), lo = hex_digit(e->text[i + 1]);
        if (hi < 0 || lo < 0)
            return wri_bind_error(b, e->loc, NULL, "X'%s' holds more than hexadecimal digits", e->text);
        bytes[i / 2] = (char)(hi * 16 + lo);
    }
    return constant(b, (wr_value){.str = wr_str_make(bytes, n / 2)}, wr_type_of(WR_T_VARBINARY), e->loc);
}

static wr_expr *bind_bool(wri_binder *b, const wr_ast *e) {
    wr_type t = wr_type_of(WR_T_BOOLEAN);
    if (strcmp(e->text, "UNKNOWN") == 0) return wri_mk_null(b, t, e->loc);
    return wri_mk_i64(b, strcmp(e->text, "TRUE") == 0, t, e->loc);
}

static wr_expr *bind_string(wri_binder *b, const wr_ast *e) {
    return constant(b, (wr_value){.str = wr_str_make(e->text, strlen(e->text))}, wr_type_of(WR_T_VARCHAR),
                    e->loc);
}

/* ---- operators ---- */

static bool is_op(const wr_ast *e, const char *op) { return e->op && strcmp(e->op, op) == 0; }

static bool is_chain_op(const wr_ast *e) { return is_op(e, "AND") || is_op(e, "OR") || is_op(e, "||"); }

/* Pairs neighbours up, level by level, so that a chain of n operands is log n deep. */
static wr_expr *join_leaves(wri_binder *b, const wr_ast *e, wr_expr **leaves, uint32_t n) {
    if (n == 1) return leaves[0];
    uint32_t half = (n + 1) / 2;
    wr_expr *x = join_leaves(b, e, leaves, half), *y = join_leaves(b, e, leaves + half, n - half);
    if (is_op(e, "AND")) return wri_mk_and(b, e->loc, x, y);
    return is_op(e, "OR") ? wri_mk_or(b, e->loc, x, y) : wri_mk_concat(b, e->loc, x, y);
}

static wr_expr *bind_chain(wri_binder *b, const wr_ast *e) {
    uint32_t n = 1;
    for (const wr_ast *x = e; x->kind == WR_A_BINARY_OP && is_op(x, e->op); x = x->args[0]) n++;
    wr_expr **leaves = wr_arena_alloc(b->ar, n * sizeof(wr_expr *));
    const wr_ast **rights = wr_arena_alloc(b->ar, n * sizeof(wr_ast *));
    if (!leaves || !rights) return &wri_failed;
    const wr_ast *left = e;
    wr_expr *hooked = NULL;
    uint32_t k = 0;
    do {
        rights[k++] = left->args[1];
        left = left->args[0];
        bool goes_on = left->kind == WR_A_BINARY_OP && is_op(left, e->op);
        if (!goes_on) break;
        hooked = b->hook ? b->hook(b->hook_ctx, b, left) : NULL;
    } while (!hooked);
    leaves[0] = hooked ? hooked : wri_bind(b, left);
    for (uint32_t i = 1; i <= k; i++) leaves[i] = wri_bind(b, rights[k - i]);
    bool bad = false;
    for (uint32_t i = 0; i <= k; i++) {
        if (!is_op(e, "||")) leaves[i] = wri_to_bool(b, leaves[i], e->op);
        bad |= wri_is_bad(leaves[i]);
    }
    return bad ? &wri_failed : join_leaves(b, e, leaves, k + 1);
}

static bool comparison_of(const char *op, wr_xop *outp) {
    static const struct {
        const char *op;
        wr_xop xop;
    } ops[] = {{"=", WR_OP_EQ},  {"<>", WR_OP_NE}, {"<", WR_OP_LT},
               {"<=", WR_OP_LE}, {">", WR_OP_GT},  {">=", WR_OP_GE}};
    for (size_t i = 0; i < WR_LEN(ops); i++)
        if (strcmp(op, ops[i].op) == 0) {
            *outp = ops[i].xop;
            return true;
        }
    return false;
}

static wr_expr *bind_arrow(wri_binder *b, const wr_ast *e, wr_expr *x, wr_expr *y) {
    const char *name = is_op(e, "->") ? "JSON_ARROW" : "JSON_ARROW_TEXT";
    const wr_func_def *f = wri_find_func(b->reg, name);
    if (!f) return wri_bind_unsupported(b, e->loc, is_op(e, "->") ? "->" : "->>");
    return wri_apply_func(b, f, e->loc, 2, (wr_expr *const[]){x, y});
}

static wr_expr *bind_binary_op(wri_binder *b, const wr_ast *e) {
    if (is_chain_op(e)) return bind_chain(b, e);
    wr_expr *x = wri_bind(b, e->args[0]), *y = wri_bind(b, e->args[1]);
    if (wri_is_bad(x) || wri_is_bad(y)) return &wri_failed;
    wr_xop cmp;
    if (comparison_of(e->op, &cmp)) {
        if (e->args[0]->kind == WR_A_NULL || e->args[1]->kind == WR_A_NULL)
            wr_diag_add(b->d, WR_WARNING, WR_ESQL, e->loc, "write IS NULL or IS NOT NULL",
                        "%s NULL is never true", e->op);
        return wri_bind_compare(b, e->loc, cmp, x, y);
    }
    if (is_op(e, "->") || is_op(e, "->>")) return bind_arrow(b, e, x, y);
    return wri_bind_arith(b, e->loc, e->op[0], x, y);
}

/* NOT x IS TRUE, which in the Kinesis dialect is (NOT x) IS TRUE; NULL: e is no such. */
static wr_expr *bind_not_is(wri_binder *b, const wr_ast *e) {
    const wr_ast *a = e->args[0];
    bool truth = a->kind == WR_A_IS && (is_op(a, "TRUE") || is_op(a, "FALSE") || is_op(a, "UNKNOWN"));
    if (!b->kda || !is_op(e, "NOT") || !truth || e->loc.end != a->loc.end) return NULL; /* (x IS TRUE) */
    wr_ast not = *e, is = *a, *of_not[] = {a->args[0]}, *of_is[] = {&not };
    not .args = of_not;
    is.args = of_is;
    return wri_bind(b, &is);
}

static wr_expr *bind_unary(wri_binder *b, const wr_ast *e) {
    const wr_ast *a = e->args[0];
    wr_expr *other = bind_not_is(b, e);
    if (other) return other;
    if (is_op(e, "FINAL") || is_op(e, "RUNNING"))
        return wri_bind_error(b, e->loc, "leave it out", "%s stands in MEASURES of MATCH_RECOGNIZE only",
                              e->op);
    if (is_op(e, "-") && a->kind == WR_A_NUMBER) { /* the least BIGINT has no positive counterpart */
        wr_expr *x = b->hook ? b->hook(b->hook_ctx, b, a) : NULL;
        if (x) return wri_bind_neg(b, e->loc, x);
        x = wri_bind_number(b, a, true);
        if (!wri_is_bad(x)) x->loc = e->loc;
        return x;
    }
    wr_expr *x = wri_bind(b, a);
    if (wri_is_bad(x)) return x;
    if (is_op(e, "NOT")) {
        x = wri_to_bool(b, x, "NOT");
        return wri_is_bad(x) ? x : wri_mk_not(b, e->loc, x);
    }
    if (is_op(e, "-")) return wri_bind_neg(b, e->loc, x);
    if (wr_kind_is_num((wr_kind)x->type.kind) || wri_is_interval(x->type) || wri_is_null(x)) return x;
    return wri_bind_error(b, e->loc, NULL, "'+' needs a number or an interval, found %s",
                          wri_type_text(b, x->type));
}

static wr_expr *bind_is(wri_binder *b, const wr_ast *e) {
    wr_expr *x = wri_bind(b, e->args[0]);
    wr_type boolean = wr_type_of(WR_T_BOOLEAN);
    if (is_op(e, "DISTINCT FROM") || is_op(e, "DISTINCT")) {
        wr_expr *y = wri_bind(b, e->args[1]);
        return wri_bind_compare(b, e->loc, e->negated ? WR_OP_IS_NOT_DISTINCT : WR_OP_IS_DISTINCT, x, y);
    }
    if (wri_is_bad(x)) return x;
    if (is_op(e, "NULL"))
        return wri_mk_op1(b, e->negated ? WR_OP_IS_NOT_NULL : WR_OP_IS_NULL, boolean, e->loc, x);
    if (strncmp(e->op, "JSON", 4) == 0) return wri_bind_is_json(b, e, x);
    x = wri_to_bool(b, x, is_op(e, "TRUE") ? "IS TRUE" : is_op(e, "FALSE") ? "IS FALSE" : "IS UNKNOWN");
    wr_xop op = is_op(e, "TRUE")    ? (e->negated ? WR_OP_IS_NOT_TRUE : WR_OP_IS_TRUE)
                : is_op(e, "FALSE") ? (e->negated ? WR_OP_IS_NOT_FALSE : WR_OP_IS_FALSE)
                                    : (e->negated ? WR_OP_IS_NOT_NULL : WR_OP_IS_NULL);
    return wri_mk_op1(b, op, boolean, e->loc, x);
}

static wr_expr *between(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *lo, wr_expr *hi) {
    wr_expr *ge = wri_bind_compare(b, loc, WR_OP_GE, x, lo);
    return wri_mk_and(b, loc, ge, wri_bind_compare(b, loc, WR_OP_LE, x, hi));
}

static wr_expr *bind_between(wri_binder *b, const wr_ast *e) {
    wr_expr *x[3], *r;
    bool bad = false;
    for (uint32_t i = 0; i < 3; i++) bad |= wri_is_bad(x[i] = wri_bind(b, e->args[i]));
    if (bad || wri_too_big(b, x[0], e->flag ? 4 : 2, e->loc)) return &wri_failed;
    r = between(b, e->loc, x[0], x[1], x[2]);
    if (e->flag && !wri_is_bad(r)) r = wri_mk_or(b, e->loc, r, between(b, e->loc, x[0], x[2], x[1]));
    return e->negated && !wri_is_bad(r) ? wri_mk_not(b, e->loc, r) : r;
}

bool wri_bind_args(wri_binder *b, const wr_ast *e, uint32_t from, wr_expr ***outp) {
    uint32_t n = e->n_args - from;
    *outp = wr_arena_alloc(b->ar, (n + 1) * sizeof **outp);
    if (!*outp) return false;
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) ok &= !wri_is_bad((*outp)[i] = wri_bind(b, e->args[from + i]));
    return ok;
}

/* x IN (a, b, …) of numbers that have no scale in common: x = a OR x = b OR …, as a tree of little depth. */
static wr_expr *any_equal(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr **items, uint32_t n) {
    if (n == 1) return wri_bind_compare(b, loc, WR_OP_EQ, x, items[0]);
    return wri_mk_or(b, loc, any_equal(b, loc, x, items, n / 2),
                     any_equal(b, loc, x, items + n / 2, n - n / 2));
}

static wr_expr *bind_in(wri_binder *b, const wr_ast *e) {
    if (e->query) return wri_bind_unsupported(b, e->loc, "IN (SELECT …)");
    wr_expr **args;
    wr_type t;
    if (!wri_bind_args(b, e, 0, &args) || !wri_unify(b, args, e->n_args, &t, "IN", true)) return &wri_failed;
    bool scales = false;
    for (uint32_t i = 0; i < e->n_args; i++)
        scales |= t.kind == WR_T_DECIMAL && !wri_is_null(args[i]) && args[i]->type.scale != t.scale;
    for (uint32_t i = 0; !scales && i < e->n_args; i++) args[i] = wri_convert(b, args[i], t);
    if (scales && wri_too_big(b, args[0], e->n_args, e->loc)) return &wri_failed;
    wr_expr *x = scales ? any_equal(b, e->loc, args[0], args + 1, e->n_args - 1)
                        : wri_mk_op(b, WR_OP_IN, wr_type_of(WR_T_BOOLEAN), e->loc, e->n_args, args);
    return e->negated ? wri_mk_not(b, e->loc, x) : x;
}

/* ---- LIKE ---- */

static wr_expr *text_operand(wri_binder *b, wr_expr *x, const char *what) {
    if (wri_is_bad(x) || wr_kind_is_text((wr_kind)x->type.kind)) return x;
    if (wri_is_null(x)) return wri_mk_null(b, wr_type_of(WR_T_VARCHAR), x->loc);
    const char *hint = NULL;
    if (x->type.kind != WR_T_VARBINARY)
        hint = wr_arena_printf(b->d->ar, "write CAST(%s AS VARCHAR)", wri_source_text(b, x->loc));
    return wri_bind_error(b, x->loc, hint, "%s needs text, found %s", what, wri_type_text(b, x->type));
}

static wr_expr *check_escape(wri_binder *b, wr_expr *x) {
    if (wri_is_bad(x) || x->kind != WR_X_CONST || x->value.null) return x;
    if (wr_utf8_count(wr_str_data(&x->value.str), x->value.str.len) == 1) return x;
    return wri_bind_error(b, x->loc, NULL, "ESCAPE takes one character, found '%.*s'",
                          (int)(x->value.str.len & 0xFF), wr_str_data(&x->value.str));
}

static wr_expr *bind_like(wri_binder *b, const wr_ast *e) {
    bool similar = is_op(e, "SIMILAR TO"), plain = is_op(e, "LIKE");
    wr_expr **args;
    if (!wri_bind_args(b, e, 0, &args)) return &wri_failed;
    bool bad = false;
    for (uint32_t i = 0; i < e->n_args; i++) {
        args[i] = text_operand(b, args[i], e->op);
        if (i == 2) args[i] = check_escape(b, args[i]);
        bad |= wri_is_bad(args[i]);
    }
    if (bad) return &wri_failed;
    wr_expr *x;
    if (plain) x = wri_mk_op(b, WR_OP_LIKE, wr_type_of(WR_T_BOOLEAN), e->loc, e->n_args, args);
    else {
        const wr_func_def *f = wri_find_func(b->reg, similar ? "SIMILAR_TO" : "REGEXP_LIKE");
        if (!f) return wri_bind_unsupported(b, e->loc, e->op);
        x = wri_apply_func(b, f, e->loc, e->n_args, args);
    }
    return e->negated ? wri_mk_not(b, e->loc, x) : x;
}

/* ---- CASE, CAST ---- */

/* Binds the WHENs at args[0], args[2], … of `out`: conditions, or values the operand is compared with. */
static bool bind_whens(wri_binder *b, const wr_ast *e, wr_expr **out, uint32_t n_pairs) {
    wr_expr *operand = e->args[0] ? wri_bind(b, e->args[0]) : NULL;
    bool ok = !operand || (!wri_is_bad(operand) && !wri_too_big(b, operand, n_pairs, e->loc));
    for (uint32_t i = 0; i < n_pairs; i++) {
        const wr_ast *when = e->args[1 + 2 * i];
        wr_expr *x = wri_bind(b, when);
        if (!operand) x = wri_to_bool(b, x, "WHEN");
        else x = ok ? wri_bind_compare(b, when->loc, WR_OP_EQ, operand, x) : &wri_failed;
        out[2 * i] = x;
        ok &= !wri_is_bad(x);
    }
    return ok;
}

static wr_expr *bind_case(wri_binder *b, const wr_ast *e) {
    uint32_t left = e->n_args - 1, n_pairs = left / 2, n = 2 * n_pairs + 1, n_thens = n_pairs + 1;
    wr_expr **args = wr_arena_alloc(b->ar, n * sizeof *args),
            **thens = wr_arena_alloc(b->ar, n_thens * sizeof *thens);
    if (!args || !thens) return &wri_failed;
    bool ok = bind_whens(b, e, args, n_pairs);
    for (uint32_t i = 0; i < n_pairs; i++) thens[i] = wri_bind(b, e->args[2 + 2 * i]);
    thens[n_pairs] = left % 2 ? wri_bind(b, e->args[left]) : wri_mk_null(b, wr_type_of(WR_T_NULL), e->loc);
    wr_type t;
    if (!wri_unify(b, thens, n_thens, &t, "CASE", false) || !ok) return &wri_failed;
    for (uint32_t i = 0; i < n_pairs; i++) args[2 * i + 1] = thens[i];
    args[n - 1] = thens[n_pairs];
    if (t.kind == WR_T_NULL) return wri_mk_null(b, t, e->loc);
    return n_pairs ? wri_mk_op(b, WR_OP_CASE, t, e->loc, n, args) : args[0];
}

static wr_expr *try_cast(wri_binder *b, wr_expr *x, wr_type to, wr_loc loc) {
    to = wri_plain_type(to);
    if (wri_same_type(x->type, to) || wri_is_null(x) || !wri_castable(x->type, to) ||
        (wri_is_interval(x->type) && x->type.kind != to.kind))
        return wri_cast_expr(b, x, to, true, loc);
    if (wri_has_clock(b, to) == wri_has_clock(b, x->type)) return wri_mk_op1(b, WR_OP_TRY_CAST, to, loc, x);
    wr_type shown = to;
    shown.local_tz = false;
    return wri_moment(b, try_cast(b, wri_clock(b, x), shown, loc), to);
}

static wr_expr *bind_cast(wri_binder *b, const wr_ast *e) {
    const wr_ast *a = e->args[0];
    wr_expr *x = wri_bind(b, a);
    if (wri_is_bad(x)) return x;
    if (wri_is_interval(e->type) && e->unit != WR_U_NONE) return wri_cast_to_interval(b, e, x);
    bool fields = a->kind == WR_A_QUALIFIED || a->kind == WR_A_INTERVAL;
    if (fields && wri_is_interval(x->type) && x->type.kind != e->type.kind &&
        wri_castable(x->type, e->type) && !wri_is_null(x))
        return wri_cast_interval(b, x, wri_plain_type(e->type), a->unit, a->unit2, e->loc);
    return e->flag ? try_cast(b, x, e->type, e->loc) : wri_cast_expr(b, x, e->type, !e->flag2, e->loc);
}

/* ---- dispatch ---- */

/* Kinds that mean something only elsewhere, or nothing yet. */
static wr_expr *bind_other(wri_binder *b, const wr_ast *e) {
    switch (e->kind) {
    case WR_A_ROW:
        return wri_bind_unsupported(b, e->loc, "a row value");
    case WR_A_ARRAY:
        return wri_bind_unsupported(b, e->loc, "ARRAY");
    case WR_A_INDEX:
        return wri_bind_unsupported(b, e->loc, "access by index");
    case WR_A_SUBQUERY:
        return wri_bind_unsupported(b, e->loc, "a subquery as a value");
    case WR_A_EXISTS:
        return wri_bind_unsupported(b, e->loc, "EXISTS");
    case WR_A_STAR:
        return wri_bind_error(b, e->loc, NULL, "'*' stands only in a SELECT list and in COUNT(*)");
    case WR_A_PAIR:
        return wri_bind_error(b, e->loc, NULL, "a name with VALUE stands in JSON_OBJECT only");
    case WR_A_NAMED_ARG:
        return wri_bind_error(b, e->loc, "leave the name out",
                              "'%s =>' names arguments of table functions only", e->text ? e->text : "");
    case WR_A_TABLE_ARG:
    case WR_A_DESCRIPTOR:
    case WR_A_CURSOR:
        return wri_bind_error(b, e->loc, NULL, "%s is an argument of table functions in FROM only",
                              e->kind == WR_A_TABLE_ARG    ? "TABLE …"
                              : e->kind == WR_A_DESCRIPTOR ? "DESCRIPTOR(…)"
                                                           : "CURSOR(…)");
    default:
        return wri_bind_error(b, e->loc, NULL, "this cannot be used as a value");
    }
}

static wr_expr *dispatch(wri_binder *b, const wr_ast *e) {
    static wr_expr *(*const binders[])(wri_binder *, const wr_ast *) = {
        [WR_A_BOOL] = bind_bool,
        [WR_A_STRING] = bind_string,
        [WR_A_BINARY] = bind_binary,
        [WR_A_TEMPORAL] = wri_bind_temporal,
        [WR_A_INTERVAL] = wri_bind_interval,
        [WR_A_COLUMN] = wri_bind_column,
        [WR_A_UNARY] = bind_unary,
        [WR_A_BINARY_OP] = bind_binary_op,
        [WR_A_IS] = bind_is,
        [WR_A_BETWEEN] = bind_between,
        [WR_A_IN] = bind_in,
        [WR_A_LIKE] = bind_like,
        [WR_A_CASE] = bind_case,
        [WR_A_CAST] = bind_cast,
        [WR_A_CALL] = wri_bind_call,
        [WR_A_EXTRACT] = wri_bind_extract,
        [WR_A_ROUND_TO] = wri_bind_round_to,
        [WR_A_STEP] = wri_bind_step,
        [WR_A_QUALIFIED] = wri_bind_qualified,
        [WR_A_PERIOD] = wri_bind_period,
        [WR_A_AT_ZONE] = wri_bind_at_zone,
        [WR_A_CURSOR] = bind_other,
    };
    if (e->kind == WR_A_NULL) return wri_mk_null(b, wr_type_of(WR_T_NULL), e->loc);
    if (e->kind == WR_A_NUMBER) return wri_bind_number(b, e, false);
    if ((size_t)e->kind < WR_LEN(binders) && binders[e->kind]) return binders[e->kind](b, e);
    return bind_other(b, e);
}

wr_expr *wri_bind(wri_binder *b, const wr_ast *e) {
    if (b->depth >= WRI_DEPTH_MAX)
        return wri_bind_error(b, e->loc, "compute a part of it in a subquery",
                              "expression is nested too deeply (over %d levels)", WRI_DEPTH_MAX);
    if (b->depth++ == 0) b->inlined = 0;
    wr_expr *x = e->kind == WR_A_CALL ? wri_bind_user_agg(b, e) : NULL;
    if (b->subs && !x) x = wri_sub_of(b, e);
    if (!x && b->hook) x = b->hook(b->hook_ctx, b, e);
    if (!x) x = dispatch(b, e);
    b->depth--;
    return x;
}

wr_expr *wri_bind_as(wri_binder *b, const wr_ast *e, wr_type to) {
    return wri_cast_expr(b, wri_bind(b, e), to, false, e->loc);
}
