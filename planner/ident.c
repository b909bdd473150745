/* planner/ident.c -- names: matching, resolution of columns, and the messages of the binder.
 *
 * Unquoted names match without regard to case (ASCII), quoted ones exactly. A name that fits several
 * columns of one table picks the one spelled alike, and is an error across tables. Pure functions. */
#include <stdio.h>

#include "bind_int.h"

static char fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool wri_same_name(const char *a, const char *b) {
    for (; *a && fold(*a) == fold(*b); a++, b++) {
    }
    return fold(*a) == fold(*b);
}

bool wri_ident_matches(const wr_ident *id, const char *name) {
    return id->quoted ? strcmp(id->text, name) == 0 : wri_same_name(id->text, name);
}

const char *wri_item_name(wr_arena *ar, const wr_item *item, uint32_t i) {
    if (item->alias.text) return item->alias.text;
    const wr_ast *e = item->expr;
    if (e && e->kind == WR_A_COLUMN && e->name.n) return e->name.parts[e->name.n - 1].text;
    return wr_arena_printf(ar, "EXPR$%u", i);
}

const wr_agg_def *wri_find_agg(const wr_registry *reg, const char *name) {
    for (size_t i = 0; i < reg->n_aggs; i++)
        if (wri_same_name(reg->aggs[i]->name, name)) return reg->aggs[i];
    return NULL;
}

const wr_agg_def *wri_agg_of(const wri_binder *b, const wr_ast *e) {
    if (e->kind != WR_A_CALL || e->call->over || e->name.n != 1) return NULL;
    for (uint32_t f = 0; b->aggs && f < b->n_functions; f++)
        if (b->aggs[f] && b->functions[f]->n_params == e->n_args &&
            wri_ident_matches(&e->name.parts[0], b->aggs[f]->name))
            return b->aggs[f];
    return wri_find_agg(b->reg, e->name.parts[0].text);
}

const wr_func_def *wri_find_func(const wr_registry *reg, const char *name) {
    for (size_t i = 0; i < reg->n_funcs; i++)
        if (wri_same_name(reg->funcs[i]->name, name)) return reg->funcs[i];
    return NULL;
}

/* ---- messages ---- */

/* The body of an SQL function is bound at each of its calls, but its mistakes are told of once. */
static void report(wri_binder *b, wr_status code, wr_loc loc, const char *hint, const char *msg) {
    for (size_t i = 0; i < b->d->n; i++) {
        const wr_diag *d = &b->d->items[i];
        if (d->loc.at == loc.at && d->loc.end == loc.end && d->code == code && strcmp(d->msg, msg) == 0)
            return;
    }
    wr_diag_add(b->d, WR_ERROR, code, loc, hint, "%s", msg);
}

wr_expr *wri_bind_error(wri_binder *b, wr_loc loc, const char *hint, const char *fmt, ...) {
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    report(b, WR_ESQL, loc, hint, msg);
    return &wri_failed;
}

wr_expr *wri_bind_unsupported(wri_binder *b, wr_loc loc, const char *what) {
    char msg[256];
    snprintf(msg, sizeof msg, "%s is not supported yet", what);
    report(b, WR_EUNSUPPORTED, loc, NULL, msg);
    return &wri_failed;
}

const char *wri_type_text(wri_binder *b, wr_type t) {
    char text[80];
    const char *s = wr_arena_strdup(b->d->ar, wr_type_print(wri_plain_type(t), text, sizeof text));
    return s ? s : wr_kind_name((wr_kind)t.kind);
}

const char *wri_source_text(wri_binder *b, wr_loc loc) {
    const char *text = b->d->text;
    if (!text || loc.end > b->d->len || loc.at >= loc.end || loc.end - loc.at > 40) return "…";
    if (memchr(text + loc.at, '\n', loc.end - loc.at)) return "…";
    const char *s = wr_arena_strndup(b->d->ar, text + loc.at, loc.end - loc.at);
    return s ? s : "…";
}

const char *wri_name_list(wri_binder *b, const void *names, size_t n, size_t stride) {
    if (n == 0 || n > WRI_NAMES_SHOWN) return NULL;
    const char *list = NULL;
    for (size_t i = 0; i < n; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        list = list ? wr_arena_printf(b->d->ar, "%s, %s", list, name) : name;
        if (!list) return NULL;
    }
    return list;
}

/* ---- columns ---- */

static bool same_qualifier(const wri_scope_col *a, const wri_scope_col *b) {
    if (!a->qualifier || !b->qualifier) return a->qualifier == b->qualifier;
    return strcmp(a->qualifier, b->qualifier) == 0;
}

/* Whether c may be what the name means; qualifier NULL: any table. */
static bool candidate(const wri_scope_col *c, const wr_ident *qualifier, const wr_ident *name) {
    if (!wri_ident_matches(name, c->name) || (c->only_qualified && !qualifier)) return false;
    return !qualifier || (c->qualifier && wri_ident_matches(qualifier, c->qualifier));
}

typedef struct found {
    const wri_scope_col *col; /* the best so far */
    uint32_t n;               /* how many different columns are as good */
    bool one_table;           /* all of them */
} found;

/* How well a column of one table fits: as spelled beats the upper case of it (how the Kinesis dialect
 * stores unquoted names) beats any other case; declared beats hidden. */
static int rank(const wri_scope_col *c, const wr_ident *name) {
    int r = c->hidden ? 0 : 4;
    if (strcmp(c->name, name->text) == 0) return r + 2;
    for (const char *p = c->name; *p; p++)
        if (*p >= 'a' && *p <= 'z') return r;
    return r + 1;
}

static found look_up(const wri_scope *s, const wr_ident *qualifier, const wr_ident *name) {
    found f = {.one_table = true};
    int best = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        const wri_scope_col *c = &s->cols[i];
        if (!candidate(c, qualifier, name)) continue;
        if (f.col && !same_qualifier(f.col, c)) f.one_table = false;
        int r = rank(c, name);
        if (f.n == 0 || (f.one_table && r > best)) {
            f.col = c;
            f.n = 1;
            best = r;
        } else if ((!f.one_table || r == best) && c->col != f.col->col) f.n++;
    }
    return f;
}

static const char *qualified_name(wri_binder *b, const wri_scope_col *c) {
    if (!c->qualifier) return c->name;
    const char *s = wr_arena_printf(b->d->ar, "%s.%s", c->qualifier, c->name);
    return s ? s : c->name;
}

static wr_expr *ambiguous(wri_binder *b, wr_loc loc, const wr_ident *qualifier, const wr_ident *name) {
    const char *list = NULL, *first = NULL;
    bool helps = !qualifier; /* to qualify the name */
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->scope->n; i++) {
        const wri_scope_col *c = &b->scope->cols[i];
        if (!candidate(c, qualifier, name)) continue;
        const char *q = qualified_name(b, c);
        if (first && strcmp(first, q) == 0) helps = false;
        if (!first) first = q;
        if (n++ < WRI_NAMES_SHOWN) list = list ? wr_arena_printf(b->d->ar, "%s, %s", list, q) : q;
    }
    const char *hint = "give the columns different names in the query they come from";
    if (helps && strchr(first, '.')) hint = wr_arena_printf(b->d->ar, "write %s", first);
    return wri_bind_error(b, loc, hint, "column '%s' is ambiguous: it could be %s", name->text,
                          list ? list : "…");
}

/* Names of the columns of a table (qualifier NULL: of all), each once, hidden ones left out. */
static const char **column_names(wri_binder *b, const wr_ident *qualifier, size_t *np) {
    const char **names = wr_arena_alloc(b->d->ar, (b->scope->n + 1) * sizeof *names);
    *np = 0;
    for (uint32_t i = 0; names && i < b->scope->n; i++) {
        const wri_scope_col *c = &b->scope->cols[i];
        if (c->hidden || (qualifier && !(c->qualifier && wri_ident_matches(qualifier, c->qualifier))))
            continue;
        size_t k = 0;
        while (k < *np && strcmp(names[k], c->name) != 0) k++;
        if (k == *np) names[(*np)++] = c->name;
    }
    return names;
}

static wr_expr *no_such_column(wri_binder *b, wr_loc loc, const wr_ident *qualifier, const wr_ident *name) {
    size_t n;
    const char **names = column_names(b, qualifier, &n);
    if (!names) return &wri_failed;
    const char *list = wri_name_list(b, names, n, sizeof *names);
    const char *near = n ? wr_nearest(name->text, names, n, sizeof *names) : NULL, *hint = NULL;
    if (near && wri_same_name(near, name->text))
        hint = wr_arena_printf(b->d->ar, "did you mean \"%s\"? Quoted names keep their case", near);
    else if (near) hint = wr_arena_printf(b->d->ar, "did you mean '%s'?", near);
    else if (name->quoted && !qualifier)
        hint = wr_arena_printf(b->d->ar, "double quotes are for names; text is written '%s'", name->text);
    if (!near && (wri_same_name(name->text, "window_start") || wri_same_name(name->text, "window_end") ||
                  wri_same_name(name->text, "window_time")))
        hint = "it comes from a window function: FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' "
               "MINUTE))";
    const char *q = qualifier ? qualifier->text : "", *dot = qualifier ? "." : "";
    if (list)
        return wri_bind_error(b, loc, hint, "column '%s%s%s' does not exist; there are: %s", q, dot,
                              name->text, list);
    if (n) return wri_bind_error(b, loc, hint, "column '%s%s%s' does not exist", q, dot, name->text);
    return wri_bind_error(b, loc, hint, "column '%s%s%s' does not exist; no columns can be used here", q, dot,
                          name->text);
}

static wr_expr *no_such_table(wri_binder *b, const wr_ident *qualifier) {
    const char **names = wr_arena_alloc(b->d->ar, (b->scope->n + 1) * sizeof *names);
    size_t n = 0;
    for (uint32_t i = 0; names && i < b->scope->n; i++) {
        const char *q = b->scope->cols[i].qualifier;
        size_t k = 0;
        while (q && k < n && strcmp(names[k], q) != 0) k++;
        if (q && k == n) names[n++] = q;
    }
    if (!names) return &wri_failed;
    const char *list = wri_name_list(b, names, n, sizeof *names);
    const char *near = n ? wr_nearest(qualifier->text, names, n, sizeof *names) : NULL;
    const char *hint = near ? wr_arena_printf(b->d->ar, "did you mean '%s'?", near) : NULL;
    if (!list)
        return wri_bind_error(b, qualifier->loc, hint, "'%s' is no table of this query", qualifier->text);
    return wri_bind_error(b, qualifier->loc, hint, "'%s' is no table of this query; there are: %s",
                          qualifier->text, list);
}

static bool has_table(const wri_scope *s, const wr_ident *qualifier) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->cols[i].qualifier && wri_ident_matches(qualifier, s->cols[i].qualifier)) return true;
    return false;
}

static wr_expr *of_outer_query(wri_binder *b, const wr_ast *e, const wr_ident *name) {
    const char *outer = wri_source_text(b, e->loc);
    const char *hint =
        wr_arena_printf(b->d->ar,
                        "join instead: … LEFT JOIN (SELECT key, MAX(v) AS v FROM … GROUP BY key) AS j "
                        "ON j.key = %s, and use j.v",
                        outer);
    return wri_bind_error(b, e->loc, hint,
                          "'%s' is a column of the outer query, which a subquery as a value cannot use",
                          name->text);
}

wr_expr *wri_bind_column(wri_binder *b, const wr_ast *e) {
    static const wri_scope empty;
    if (!b->scope) b->scope = &empty;
    uint32_t n = e->name.n;
    const wr_ident *name = &e->name.parts[n - 1], *qualifier = n > 1 ? &e->name.parts[n - 2] : NULL;
    if (n > 2) return wri_bind_unsupported(b, e->loc, "a name of three parts (a field of a row)");
    found f = look_up(b->scope, qualifier, name);
    if (f.n > 1) return ambiguous(b, e->loc, qualifier, name);
    if (f.n == 1) {
        wr_expr *x = wri_new_col(b->ar, f.col->col, f.col->type, e->loc);
        return x ? x : &wri_failed;
    }
    if (!qualifier && !name->quoted) {
        wr_expr *x = wri_bind_niladic(b, name->text, e->loc);
        if (x) return x;
    }
    if (b->outer && look_up(b->outer, qualifier, name).n) return of_outer_query(b, e, name);
    if (qualifier && !has_table(b->scope, qualifier)) return no_such_table(b, qualifier);
    return no_such_column(b, e->loc, qualifier, name);
}
