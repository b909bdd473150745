/* planner/ident.c -- names: matching, resolution of columns, and the messages of the binder.
 *
 * Unquoted names match without regard to case (ASCII), quoted ones exactly, but those all in capitals: so the
 * Kinesis dialect stores names that were declared without quotes, whose spelling is kept here. A name that
 * fits several columns of one table picks the one spelled alike, and is an error across tables. Pure
 * functions. */
#include <stdio.h>

#include "bind_int.h"

static char fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool wri_same_name(const char *a, const char *b) {
    for (; *a && fold(*a) == fold(*b); a++, b++) {
    }
    return fold(*a) == fold(*b);
}

static bool in_capitals(const char *s) {
    for (; *s; s++)
        if (*s >= 'a' && *s <= 'z') return false;
    return true;
}

bool wri_ident_matches(const wr_ident *id, const char *name) {
    if (id->quoted && !in_capitals(id->text)) return strcmp(id->text, name) == 0;
    return wri_same_name(id->text, name);
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
    const char *name = e->name.parts[0].text, *kda = b->kda ? wr_arena_printf(b->ar, "KDA_%s", name) : NULL;
    const wr_agg_def *def = kda ? wri_find_agg(b->reg, kda) : NULL;
    return def ? def : wri_find_agg(b->reg, name);
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

/* A column's name as written: [qualifier.][row.]name. name NULL: any column of the row. */
typedef struct path {
    const wr_ident *qualifier, *row, *name;
} path;

/* Whether c may be what the path means; without qualifier: of any table. */
static bool candidate(const wri_scope_col *c, path p) {
    if (p.name && !wri_ident_matches(p.name, c->name)) return false;
    if (c->only_qualified && !p.qualifier) return false;
    if (p.row ? !c->row || !wri_ident_matches(p.row, c->row) : c->row != NULL) return false;
    return !p.qualifier || (c->qualifier && wri_ident_matches(p.qualifier, c->qualifier));
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

static found look_up(const wri_scope *s, path p) {
    found f = {.one_table = true};
    int best = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        const wri_scope_col *c = &s->cols[i];
        if (!candidate(c, p)) continue;
        if (f.col && !same_qualifier(f.col, c)) f.one_table = false;
        int r = rank(c, p.name);
        if (f.n == 0 || (f.one_table && r > best)) {
            f.col = c;
            f.n = 1;
            best = r;
        } else if ((!f.one_table || r == best) && c->col != f.col->col) f.n++;
    }
    return f;
}

static const char *qualified_name(wri_binder *b, const wri_scope_col *c) {
    const char *dot = c->qualifier ? "." : "", *of = c->qualifier ? c->qualifier : "";
    const char *s = c->row ? wr_arena_printf(b->d->ar, "%s%s%s.%s", of, dot, c->row, c->name)
                           : wr_arena_printf(b->d->ar, "%s%s%s", of, dot, c->name);
    return s ? s : c->name;
}

static wr_expr *ambiguous(wri_binder *b, wr_loc loc, path p) {
    const wr_ident *name = p.name;
    const char *list = NULL, *first = NULL;
    bool helps = !p.qualifier; /* to qualify the name */
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->scope->n; i++) {
        const wri_scope_col *c = &b->scope->cols[i];
        if (!candidate(c, p)) continue;
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
        const char *name = c->row ? c->row : c->name;
        while (k < *np && strcmp(names[k], name) != 0) k++;
        if (k == *np) names[(*np)++] = name;
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

/* ---- rows ---- */

/* The columns of the scope that are fields of the row p.qualifier.row: how many, and the first. */
static uint32_t fields_of(const wri_scope *s, path p, uint32_t *firstp) {
    uint32_t n = 0;
    p.name = NULL;
    for (uint32_t i = 0; i < s->n; i++)
        if (candidate(&s->cols[i], p)) {
            if (n == 0) *firstp = i;
            if (s->cols[i].row != s->cols[*firstp].row) break; /* another row of that name */
            n++;
        }
    return n;
}

static const char *field_list(wri_binder *b, uint32_t first, uint32_t n) {
    const char *list = wri_name_list(b, &b->scope->cols[first].name, n, sizeof *b->scope->cols);
    return list ? list : wr_arena_printf(b->d->ar, "%s and %u more", b->scope->cols[first].name, n - 1);
}

/* [table.]row.field */
static wr_expr *bind_field(wri_binder *b, const wr_ast *e, path p) {
    found f = look_up(b->scope, p);
    if (f.n > 1) return ambiguous(b, e->loc, p);
    if (f.n == 1) {
        wr_expr *x = wri_new_col(b->ar, f.col->col, f.col->type, e->loc);
        return x ? x : &wri_failed;
    }
    uint32_t first = 0, n = fields_of(b->scope, p, &first);
    if (n == 0) return NULL;
    const wri_scope_col *cols = &b->scope->cols[first];
    const char *near = wr_nearest(p.name->text, &cols->name, n, sizeof *cols);
    const char *list = field_list(b, first, n);
    return wri_bind_error(b, p.name->loc, near ? wr_arena_printf(b->d->ar, "did you mean '%s'?", near) : NULL,
                          "row '%s' has no column '%s'; there are: %s", cols->row, p.name->text,
                          list ? list : "…");
}

bool wri_names_row(const wri_binder *b, const wr_ast *e, uint32_t *firstp, uint32_t *np) {
    *np = 0;
    if (e->kind != WR_A_COLUMN || e->name.n > 2 || !b->scope) return false;
    const wr_ident *last = &e->name.parts[e->name.n - 1], *of = e->name.n > 1 ? last - 1 : NULL;
    if (look_up(b->scope, (path){.qualifier = of, .name = last}).n) return false;
    if (of && look_up(b->scope, (path){.row = of, .name = last}).n) return false;
    *np = fields_of(b->scope, (path){.qualifier = of, .row = last}, firstp);
    return *np > 0;
}

/* Names that mean a field of a row, or by mistake a row; NULL: this is none. */
static wr_expr *bind_of_row(wri_binder *b, const wr_ast *e) {
    uint32_t n = e->name.n, first = 0;
    const wr_ident *last = &e->name.parts[n - 1];
    path p = {.qualifier = n > 2 ? last - 2 : NULL, .row = n > 1 ? last - 1 : NULL, .name = last};
    if (wri_names_row(b, e, &first, &n)) {
        const wri_scope_col *c = &b->scope->cols[first];
        const char *example = qualified_name(b, c), *list = field_list(b, first, n);
        return wri_bind_error(b, e->loc, wr_arena_printf(b->d->ar, "write %s", example),
                              "'%s' is a row, not a value; it has the columns %s", c->row, list ? list : "…");
    }
    return p.row ? bind_field(b, e, p) : NULL;
}

static wr_expr *no_such_row(wri_binder *b, const wr_ast *e) {
    const wr_ident *table = &e->name.parts[0], *row = &e->name.parts[1];
    if (!has_table(b->scope, table)) return no_such_table(b, table);
    if (look_up(b->scope, (path){.qualifier = table, .name = row}).n)
        return wri_bind_error(b, row->loc, NULL, "'%s.%s' is no row and has no columns", table->text,
                              row->text);
    return no_such_column(b, row->loc, table, row);
}

wr_expr *wri_bind_column(wri_binder *b, const wr_ast *e) {
    static const wri_scope empty;
    if (!b->scope) b->scope = &empty;
    uint32_t n = e->name.n;
    const wr_ident *name = &e->name.parts[n - 1], *qualifier = n > 1 ? &e->name.parts[n - 2] : NULL;
    if (n > 3) return wri_bind_unsupported(b, e->loc, "a name of more than three parts");
    found f = {0};
    if (n < 3) f = look_up(b->scope, (path){.qualifier = qualifier, .name = name});
    if (f.n > 1) return ambiguous(b, e->loc, (path){.qualifier = qualifier, .name = name});
    if (f.n == 1) {
        wr_expr *x = wri_new_col(b->ar, f.col->col, f.col->type, e->loc);
        return x ? x : &wri_failed;
    }
    wr_expr *field = bind_of_row(b, e);
    if (field) return field;
    if (n == 3) return no_such_row(b, e);
    if (!qualifier && !name->quoted) {
        wr_expr *x = wri_bind_niladic(b, name->text, e->loc);
        if (x) return x;
    }
    if (b->outer && look_up(b->outer, (path){.qualifier = qualifier, .name = name}).n)
        return of_outer_query(b, e, name);
    if (qualifier && !has_table(b->scope, qualifier)) return no_such_table(b, qualifier);
    return no_such_column(b, e->loc, qualifier, name);
}
