/* runtime/expr/lower.c -- a typed expression as SQLite SQL with weir's meaning.
 *
 * Left to SQLite: columns, comparisons, IS, NOT, CASE, COALESCE, IN, and AND and OR whose right side cannot
 * fail. Everything else is a site function. Constants are bound parameters: SQLite then neither folds nor
 * reorders anything by their value, and no text has to be quoted.
 *
 * AND evaluates both sides in SQLite, so a chain of ANDs whose later terms may fail becomes
 *   CASE 0 WHEN r<n>(a) THEN 0 WHEN s<n>(b) THEN 0 … ELSE t<n>() END
 * with r<n> and s<n> passing their term on and remembering whether one was NULL, which t<n> then tells; OR
 * likewise. Chains of AND, OR and || are taken as a whole, as SQLite limits how deep an expression may be. */
#include "sqlite_int.h"

typedef struct low {
    const char *sql; /* NULL: failed */
    bool may_fail;
} low;

typedef struct lowering {
    wri_lite *l;
    uint32_t expr;
    const char *limit;
} lowering;

static low lower(lowering *g, const wr_expr *e);

static low text(const char *sql, bool may_fail) { return (low){.sql = sql, .may_fail = may_fail}; }

static low lower_const(lowering *g, const wr_expr *e) {
    wri_lite *l = g->l;
    if (wr_grow(&l->params, &l->cap_params, l->n_params + 1, sizeof *l->params) != WR_OK)
        return text(NULL, false);
    l->params[l->n_params++] = e;
    return text(wr_arena_printf(&l->ar, "?%zu", l->n_params), false);
}

static low lower_col(lowering *g, const wr_expr *e) {
    wri_lite *l = g->l;
    uint32_t i = 0;
    while (i < l->n_cols && l->cols[i] != e->col) i++;
    if (i == l->n_cols) l->cols[l->n_cols++] = e->col; /* there is room for every column */
    return text(wr_arena_printf(&l->ar, "c%u", i), false);
}

static wri_once *once_of(wri_lite *l, const wr_expr *e) {
    for (size_t i = 0; i < l->n_sites; i++)
        if (l->sites[i]->once && wri_same_call(l->sites[i]->e, e)) return l->sites[i]->once;
    return wr_arena_calloc(&l->ar, sizeof(wri_once));
}

static wri_site *new_site(lowering *g, const wr_expr *e, wr_scalar fn, bool strict) {
    wri_lite *l = g->l;
    if (wr_grow(&l->sites, &l->cap_sites, l->n_sites + 1, sizeof *l->sites) != WR_OK) return NULL;
    wri_site *s = wr_arena_calloc(&l->ar, sizeof *s);
    if (!s) return NULL;
    *s = (wri_site){.lite = l, .e = e, .fn = fn, .expr = g->expr, .strict = strict};
    s->call.e = e;
    if (e->kind == WR_X_FUNC && e->func->nondeterministic && !(s->once = once_of(l, e))) return NULL;
    s->vals = wr_arena_calloc(&l->ar, (e->n_args + 1) * sizeof *s->vals);
    if (!s->vals || wri_site_register(s, (uint32_t)l->n_sites) != WR_OK) return NULL;
    l->sites[l->n_sites++] = s;
    return s;
}

/* Joins the lowered arguments [from, to) by sep. */
static low join(lowering *g, const wr_expr *e, uint32_t from, uint32_t to, const char *sep) {
    wr_buf b = {0};
    low r = {0};
    bool ok = true;
    for (uint32_t i = from; ok && i < to; i++) {
        low a = lower(g, e->args[i]);
        r.may_fail |= a.may_fail;
        ok = a.sql && (i == from || wr_buf_puts(&b, sep) == WR_OK) && wr_buf_puts(&b, a.sql) == WR_OK;
    }
    if (ok) r.sql = wr_arena_strndup(&g->l->ar, b.data ? b.data : "", b.len);
    wr_buf_free(&b);
    return r;
}

static low call_site(lowering *g, const wr_expr *e, wr_scalar fn, bool strict) {
    if (e->n_args > WRI_LITE_ARGS_MAX) {
        g->limit = "a call with more than 100 arguments";
        return text(NULL, true);
    }
    uint32_t number = (uint32_t)g->l->n_sites;
    low args;
    wri_site *s = new_site(g, e, fn, strict);
    if (!s) return text(NULL, true);
    args = join(g, e, 0, e->n_args, ",");
    if (!args.sql) return args;
    return text(wr_arena_printf(&g->l->ar, "weir_f%u(%s)", number, args.sql), true);
}

/* A copy of e with only the arguments [from, to), behind `first` when that is not NULL. */
static wr_expr *slice(lowering *g, const wr_expr *e, wr_expr *first, uint32_t from, uint32_t to) {
    wr_expr *s = wr_arena_alloc(&g->l->ar, sizeof *s);
    wr_expr **args = wr_arena_alloc(&g->l->ar, (to - from + 1) * sizeof *args);
    if (!s || !args) return NULL;
    *s = *e;
    s->args = args;
    s->n_args = 0;
    if (first) args[s->n_args++] = first;
    for (uint32_t i = from; i < to; i++) args[s->n_args++] = e->args[i];
    return s;
}

/* CONCAT and COALESCE of many: the first few, with the rest as last argument. */
static const wr_expr *nest(lowering *g, const wr_expr *e) {
    if (e->n_args <= WRI_LITE_ARGS_MAX) return e;
    wr_expr *rest = slice(g, e, NULL, WRI_LITE_ARGS_MAX - 1, e->n_args);
    wr_expr *head = slice(g, e, NULL, 0, WRI_LITE_ARGS_MAX);
    if (!rest || !head) return NULL;
    head->args[WRI_LITE_ARGS_MAX - 1] = rest;
    return head;
}

/* ---- operators of SQLite's ---- */

static const char *infix(wr_xop op) {
    static const char *const ops[WR_N_OPS] = {
        [WR_OP_EQ] = "=",
        [WR_OP_NE] = "<>",
        [WR_OP_LT] = "<",
        [WR_OP_LE] = "<=",
        [WR_OP_GT] = ">",
        [WR_OP_GE] = ">=",
        [WR_OP_IS_DISTINCT] = "IS NOT",
        [WR_OP_IS_NOT_DISTINCT] = "IS",
    };
    return ops[op];
}

static const char *postfix(wr_xop op) {
    static const char *const ops[WR_N_OPS] = {
        [WR_OP_IS_NULL] = "IS NULL",   [WR_OP_IS_NOT_NULL] = "IS NOT NULL",
        [WR_OP_IS_TRUE] = "IS TRUE",   [WR_OP_IS_NOT_TRUE] = "IS NOT TRUE",
        [WR_OP_IS_FALSE] = "IS FALSE", [WR_OP_IS_NOT_FALSE] = "IS NOT FALSE",
    };
    return ops[op];
}

/* Text and bytes are different worlds to SQLite; compared with each other, both are bytes. */
static const char *as_bytes(lowering *g, const wr_expr *e, const char *sql, bool other_is_binary) {
    if (!other_is_binary || !wr_kind_is_text((wr_kind)e->type.kind)) return sql;
    return wr_arena_printf(&g->l->ar, "CAST(%s AS BLOB)", sql);
}

static low lower_infix(lowering *g, const wr_expr *e) {
    low a = lower(g, e->args[0]), b = lower(g, e->args[1]);
    if (!a.sql || !b.sql) return text(NULL, true);
    a.sql = as_bytes(g, e->args[0], a.sql, e->args[1]->type.kind == WR_T_VARBINARY);
    b.sql = as_bytes(g, e->args[1], b.sql, e->args[0]->type.kind == WR_T_VARBINARY);
    if (!a.sql || !b.sql) return text(NULL, true);
    return text(wr_arena_printf(&g->l->ar, "(%s %s %s)", a.sql, infix(e->op), b.sql),
                a.may_fail | b.may_fail);
}

static low lower_postfix(lowering *g, const wr_expr *e) {
    low a = lower(g, e->args[0]);
    if (!a.sql) return a;
    return text(wr_arena_printf(&g->l->ar, "(%s %s)", a.sql, postfix(e->op)), a.may_fail);
}

static low lower_not(lowering *g, const wr_expr *e) {
    low a = lower(g, e->args[0]);
    if (!a.sql) return a;
    return text(wr_arena_printf(&g->l->ar, "(NOT %s)", a.sql), a.may_fail);
}

typedef struct terms { /* of a chain of one operation, in order */
    const wr_expr **items;
    size_t n, cap;
} terms;

static wr_status gather(terms *t, const wr_expr *e, wr_xop op) {
    if (e->kind == WR_X_OP && e->op == op) {
        for (uint32_t i = 0; i < e->n_args; i++) WR_TRY(gather(t, e->args[i], op));
        return WR_OK;
    }
    WR_TRY(wr_grow(&t->items, &t->cap, t->n + 1, sizeof *t->items));
    t->items[t->n++] = e;
    return WR_OK;
}

/* lows[0..n) joined by sep as a tree of little depth. */
static const char *balanced(lowering *g, const low *lows, size_t n, const char *sep) {
    if (n == 1) return lows[0].sql;
    const char *a = balanced(g, lows, n / 2, sep), *b = balanced(g, lows + n / 2, n - n / 2, sep);
    return a && b ? wr_arena_printf(&g->l->ar, "(%s %s %s)", a, sep, b) : NULL;
}

static const char *lazy_chain(lowering *g, const wr_expr *e, const low *lows, size_t n) {
    uint32_t number = (uint32_t)g->l->n_sites;
    int alone = e->op == WR_OP_AND ? 0 : 1; /* the value that decides alone */
    wr_buf b = {0};
    bool ok = new_site(g, e, NULL, false) && wr_buf_printf(&b, "CASE %d", alone) == WR_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = wr_buf_printf(&b, " WHEN weir_%c%u(%s) THEN %d", i ? 's' : 'r', number, lows[i].sql, alone) ==
             WR_OK;
    ok = ok && wr_buf_printf(&b, " ELSE weir_t%u() END", number) == WR_OK;
    const char *sql = ok ? wr_arena_strndup(&g->l->ar, b.data, b.len) : NULL;
    wr_buf_free(&b);
    return sql;
}

static low lower_terms(lowering *g, const wr_expr *e, const terms *t) {
    low all = {0}, *lows = wr_arena_alloc(&g->l->ar, (t->n + 1) * sizeof *lows);
    bool lazy = false;
    if (!lows) return all;
    for (size_t i = 0; i < t->n; i++) {
        lows[i] = lower(g, t->items[i]);
        if (!lows[i].sql) return lows[i];
        lazy |= i > 0 && lows[i].may_fail;
        all.may_fail |= lows[i].may_fail;
    }
    all.sql =
        lazy ? lazy_chain(g, e, lows, t->n) : balanced(g, lows, t->n, e->op == WR_OP_AND ? "AND" : "OR");
    return all;
}

static low lower_and_or(lowering *g, const wr_expr *e) {
    terms t = {0};
    low r = gather(&t, e, e->op) == WR_OK ? lower_terms(g, e, &t) : text(NULL, true);
    wr_free(t.items);
    return r;
}

/* A CONCAT of all the terms of a chain, as its scalar wants it. */
static low lower_concat(lowering *g, const wr_expr *e) {
    terms t = {0};
    low r = text(NULL, true);
    wr_expr *whole = gather(&t, e, WR_OP_CONCAT) == WR_OK ? slice(g, e, NULL, 0, 0) : NULL;
    if (whole) {
        whole->args = (wr_expr **)t.items;
        whole->n_args = (uint32_t)t.n;
        const wr_expr *nested = nest(g, whole);
        if (nested == whole) { /* the list lives as long as the statement */
            whole->args = wr_arena_alloc(&g->l->ar, t.n * sizeof *whole->args);
            if (whole->args) memcpy(whole->args, t.items, t.n * sizeof *whole->args);
        }
        if (nested && whole->args) r = call_site(g, nested, wri_concat_scalar, true);
    }
    wr_free(t.items);
    return r;
}

static low lower_case(lowering *g, const wr_expr *e) {
    wr_buf b = {0};
    low r = {0};
    bool ok = wr_buf_puts(&b, "CASE") == WR_OK;
    for (uint32_t i = 0; ok && i < e->n_args; i++) {
        low a = lower(g, e->args[i]);
        r.may_fail |= a.may_fail;
        const char *word = i + 1 == e->n_args ? " ELSE " : i % 2 ? " THEN " : " WHEN ";
        ok = a.sql && wr_buf_puts(&b, word) == WR_OK && wr_buf_puts(&b, a.sql) == WR_OK;
    }
    if (ok && wr_buf_puts(&b, " END") == WR_OK) r.sql = wr_arena_strndup(&g->l->ar, b.data, b.len);
    wr_buf_free(&b);
    return r;
}

static low lower_coalesce(lowering *g, const wr_expr *whole) {
    const wr_expr *e = nest(g, whole);
    if (!e) return text(NULL, true);
    if (e->n_args == 1) return lower(g, e->args[0]);
    low a = join(g, e, 0, e->n_args, ",");
    if (!a.sql) return a;
    return text(wr_arena_printf(&g->l->ar, "coalesce(%s)", a.sql), a.may_fail);
}

/* ---- IN ---- */

static bool equal(wr_phys phys, const wr_value *a, const wr_value *b) {
    if (phys == WR_STR) return wr_str_eq(&a->str, &b->str);
    return phys == WR_F64 ? a->f64 == b->f64 : a->i64 == b->i64;
}

static const char *in_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    wr_phys phys = wr_type_phys(c->e->args[0]->type);
    bool null = false;
    for (uint32_t i = 1; i < c->e->n_args; i++) {
        null |= a[i].null;
        if (!a[0].null && !a[i].null && equal(phys, &a[0], &a[i])) return wri_ret_i64(outp, 1);
    }
    return a[0].null || null ? wri_ret_null(outp) : wri_ret_i64(outp, 0);
}

/* SQLite stops at the first match; items that may fail are all evaluated, as by the kernel. */
static low in_checked(lowering *g, const wr_expr *e) {
    if (e->n_args <= WRI_LITE_ARGS_MAX) return call_site(g, e, in_scalar, false);
    low all = {0};
    for (uint32_t i = 1; i < e->n_args; i += WRI_LITE_ARGS_MAX - 1) {
        uint32_t to = i + WRI_LITE_ARGS_MAX - 1 < e->n_args ? i + WRI_LITE_ARGS_MAX - 1 : e->n_args;
        wr_expr *part = slice(g, e, e->args[0], i, to);
        low p = part ? call_site(g, part, in_scalar, false) : text(NULL, true);
        if (!p.sql) return p;
        all.sql = all.sql ? wr_arena_printf(&g->l->ar, "(%s OR %s)", all.sql, p.sql) : p.sql;
        if (!all.sql) return text(NULL, true);
    }
    all.may_fail = true;
    return all;
}

static bool all_simple(const wr_expr *e) {
    for (uint32_t i = 1; i < e->n_args; i++)
        if (e->args[i]->kind != WR_X_CONST && e->args[i]->kind != WR_X_COL) return false;
    return true;
}

static low lower_in(lowering *g, const wr_expr *e) {
    bool mixed = false;
    for (uint32_t i = 1; i < e->n_args; i++) mixed |= e->args[i]->type.kind != e->args[0]->type.kind;
    if (!all_simple(e) || (mixed && wr_type_phys(e->args[0]->type) == WR_STR)) return in_checked(g, e);
    low x = lower(g, e->args[0]), items = join(g, e, 1, e->n_args, ",");
    if (!x.sql || !items.sql) return text(NULL, true);
    return text(wr_arena_printf(&g->l->ar, "(%s IN (%s))", x.sql, items.sql), x.may_fail);
}

/* ---- functions ---- */

/* What a function of SQLite's returns is made a value of the declared type before anything compares it. */
static const char *identity(wri_call *c, const wr_value *a, wr_value *outp) {
    (void)c;
    *outp = a[0];
    return NULL;
}

/* An argument of SQLite's own function: what only weir knows becomes what SQLite does. Numbers stay, decimals
 * become doubles, times text; in JSON functions, JSON stays JSON and a BOOLEAN becomes true or false. */
static low lower_foreign(lowering *g, wr_expr *a, bool json) {
    wr_kind k = (wr_kind)a->type.kind;
    bool as_text =
        wr_kind_is_time(k) || k == WR_T_INTERVAL_DAY || k == WR_T_INTERVAL_MONTH || k == WR_T_BOOLEAN;
    if (json && (k == WR_T_JSON || k == WR_T_BOOLEAN)) {
        low x = lower(g, a);
        if (!x.sql) return x;
        const char *form =
            k == WR_T_JSON ? "json(%s)" : "CASE %s WHEN 0 THEN json('false') WHEN 1 THEN json('true') END";
        wr_buf b = {0};
        const char *at = strstr(form, "%s");
        bool ok = wr_buf_put(&b, form, (size_t)(at - form)) == WR_OK && wr_buf_puts(&b, x.sql) == WR_OK &&
                  wr_buf_puts(&b, at + 2) == WR_OK;
        const char *sql = ok ? wr_arena_strndup(&g->l->ar, b.data, b.len) : NULL;
        wr_buf_free(&b);
        return text(sql, true);
    }
    if (!as_text && k != WR_T_DECIMAL) return lower(g, a);
    wr_expr *cast = wr_arena_calloc(&g->l->ar, sizeof *cast + sizeof *cast->args);
    if (!cast) return text(NULL, true);
    cast->kind = WR_X_OP;
    cast->op = WR_OP_CAST;
    cast->type = wr_type_of(as_text ? WR_T_VARCHAR : WR_T_DOUBLE);
    cast->args = (wr_expr **)(cast + 1);
    cast->args[0] = a;
    cast->n_args = 1;
    return call_site(g, cast, wri_cast_scalar, true);
}

static const char *native_name(lowering *g, const wr_func_def *f) {
    if (f->sqlite) return f->sqlite;
    char *name = wr_arena_strdup(&g->l->ar, f->name);
    for (char *p = name; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return name;
}

/* "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE " for a function of SQLite's that would make something of
 * NULL. */
static const char *null_guard(lowering *g, const wr_expr *e, const char *const *args) {
    const char *s = "";
    for (uint32_t i = 0; s && i < e->n_args && !e->func->calls_on_null; i++)
        s = wr_arena_printf(&g->l->ar, "%s%s %s IS NULL", s, i ? " OR" : "CASE WHEN", args[i]);
    return s && *s ? wr_arena_printf(&g->l->ar, "%s THEN NULL ELSE ", s) : s;
}

static low lower_native(lowering *g, const wr_expr *e) {
    if (e->n_args > WRI_LITE_ARGS_MAX) {
        g->limit = "a call with more than 100 arguments";
        return text(NULL, true);
    }
    const char *name = native_name(g, e->func), *args = "", *each[WRI_LITE_ARGS_MAX];
    wr_err err;
    if (e->func->extension && wri_lite_extension(g->l, e->func->extension, &err) != WR_OK) {
        g->limit = wr_arena_strdup(&g->l->ar, err.msg);
        return text(NULL, true);
    }
    for (uint32_t i = 0; name && args && i < e->n_args; i++) {
        low a = lower_foreign(g, e->args[i], !e->func->extension && strncmp(name, "json", 4) == 0);
        args = a.sql ? wr_arena_printf(&g->l->ar, "%s%s%s", args, i ? "," : "", a.sql) : NULL;
        each[i] = a.sql;
    }
    const char *guard = args ? null_guard(g, e, each) : NULL, *quote = e->func->extension ? "\"" : "";
    wr_expr *typed = slice(g, e, (wr_expr *)e, 0, 0); /* a one-argument node of e's type over e */
    uint32_t number = (uint32_t)g->l->n_sites;
    if (!name || !guard || !typed || !new_site(g, typed, identity, true)) return text(NULL, true);
    return text(wr_arena_printf(&g->l->ar, "weir_f%u(%s%s%s%s(%s)%s)", number, guard, quote, name, quote,
                                args, *guard ? " END" : ""),
                true);
}

static low lower_op(lowering *g, const wr_expr *e) {
    switch (e->op) {
    case WR_OP_AND:
    case WR_OP_OR:
        return lower_and_or(g, e);
    case WR_OP_NOT:
        return lower_not(g, e);
    case WR_OP_CASE:
        return lower_case(g, e);
    case WR_OP_COALESCE:
        return lower_coalesce(g, e);
    case WR_OP_IN:
        return lower_in(g, e);
    case WR_OP_CONCAT:
        return lower_concat(g, e);
    default:
        break;
    }
    bool distinct = e->op == WR_OP_IS_DISTINCT || e->op == WR_OP_IS_NOT_DISTINCT;
    if (infix(e->op) && wri_scales_differ(e)) return call_site(g, e, wri_compare_scaled, !distinct);
    if (infix(e->op)) return lower_infix(g, e);
    if (postfix(e->op)) return lower_postfix(g, e);
    if (wri_noop_cast(e)) return lower(g, e->args[0]);
    return call_site(g, e, wri_scalar_of(e), true);
}

static low lower(lowering *g, const wr_expr *e) {
    switch (e->kind) {
    case WR_X_CONST:
        return lower_const(g, e);
    case WR_X_COL:
        return lower_col(g, e);
    case WR_X_OP:
        return lower_op(g, e);
    case WR_X_FUNC:
        return e->func->fn ? call_site(g, e, e->func->fn, wri_strict(e)) : lower_native(g, e);
    }
    return text(NULL, true);
}

const char *wri_lower(wri_lite *l, uint32_t i, const char **limitp) {
    lowering g = {.l = l, .expr = i};
    low r = lower(&g, l->exprs[i]);
    *limitp = g.limit;
    return r.sql;
}
