/* planner/table_fn.c -- table functions over streams: TABLE(F(CURSOR(query), args…)) and
 * TABLE(F(TABLE t [PARTITION BY k], args…, name => value)).
 *
 *   in ─► EXCHANGE by PARTITION BY, or gathered ─► TABLE_FN ─► PROJECT of what a user sees
 *
 * Which functions there are, their arguments and what they add to a row says the registry (wr_table_fn); here
 * arguments become constants and columns, checked against that. */
#include <math.h>
#include <stdlib.h>

#include "bind_int.h"
#include "plan_int.h"

typedef struct tcall { /* a call as written */
    wri_q *q;
    wri_ctx *c;
    const wr_table_fn *fn;
    const wr_ast *ast, *data;
    const wr_ast **written; /* per argument; NULL: not given */
    const wr_ast *limit;    /* max_partitions; NULL: not given */
    const wr_ast **keys;    /* PARTITION BY */
    uint32_t n_keys, n_args;
    wr_node *in;
    wri_scope scope;
    wr_table_value *values;
    wr_table_call *call;
} tcall;

#define PARTITIONS      "max_partitions"
#define PARTITIONS_MAX  100000000
#define PARTITIONS_USED 100000 /* when not given */

const wr_table_fn *wri_table_fn(const wr_registry *reg, const wr_name *name) {
    for (size_t i = 0; name->n == 1 && i < reg->n_tables; i++)
        if (wri_same_name(reg->tables[i]->name, name->parts[0].text)) return reg->tables[i];
    return NULL;
}

/* ---- which argument is which ---- */

/* Without regard to case and underscores: windowSize is window_size. */
static bool same_arg(const char *a, const char *b) {
    for (;;) {
        while (*a == '_') a++;
        while (*b == '_') b++;
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y) return false;
        if (x == 0) return true;
        a++;
        b++;
    }
}

static const char *write_this(const tcall *t) {
    wri_ctx *c = t->c;
    const char *text = wri_text(c, "write %s(TABLE t [PARTITION BY k] or CURSOR(query)", t->fn->name);
    for (const wr_table_arg *a = t->fn->args; a->name && text; a++) {
        bool opens = a->def && (a == t->fn->args || !a[-1].def);
        const char *dflt = a->def && a->def[0] ? wri_text(c, " = %s", a->def) : "";
        text = wri_text(c, "%s%s, %s%s%s", text, opens ? " [" : "", a->name, dflt ? dflt : "",
                        a->def && !a[1].name ? "]" : "");
    }
    return text ? wri_text(c, "%s)", text) : NULL;
}

static bool named(tcall *t, const wr_ast *arg) {
    const wr_ast **slot = same_arg(arg->text, "DATA") ? &t->data : NULL;
    if (same_arg(arg->text, PARTITIONS)) slot = &t->limit;
    for (uint32_t i = 0; i < t->n_args && !slot; i++)
        if (same_arg(arg->text, t->fn->args[i].name)) slot = &t->written[i];
    if (!slot) {
        const char **names = wri_new_n(t->c, t->n_args + 2, sizeof *names);
        if (!names) return false;
        for (uint32_t i = 0; i < t->n_args; i++) names[i] = t->fn->args[i].name;
        names[t->n_args] = "DATA";
        names[t->n_args + 1] = PARTITIONS;
        const char *near = wr_nearest(arg->text, names, t->n_args + 2, sizeof *names);
        wri_error(t->c, arg->loc, near ? wri_suggest(t->c, near) : write_this(t), "%s has no argument '%s'",
                  t->fn->name, arg->text);
        return false;
    }
    if (*slot) {
        wri_error(t->c, arg->loc, "write it once", "%s: argument %s is given twice", t->fn->name, arg->text);
        return false;
    }
    *slot = arg->args[0];
    return true;
}

/* PARTITION BY a, b: the parser knows of a, and takes b for the next argument. */
static bool is_key(const tcall *t, const wr_ast *arg, uint32_t at) {
    return at == 0 && t->n_keys > 0 && arg->kind == WR_A_COLUMN;
}

static bool read_data(tcall *t, const wr_ast *arg) {
    t->data = arg;
    t->keys = wri_new_n(t->c, t->ast->n_args + (size_t)arg->n_args, sizeof *t->keys);
    if (!t->keys) return false;
    if (arg->kind == WR_A_TABLE_ARG)
        for (uint32_t i = 0; i < arg->n_args; i++) t->keys[t->n_keys++] = arg->args[i];
    return true;
}

static bool read_args(tcall *t) {
    bool any_named = false;
    uint32_t at = 0;
    while (t->fn->args[t->n_args].name) t->n_args++;
    t->written = wri_new_n(t->c, t->n_args, sizeof *t->written);
    if (!t->written) return false;
    for (uint32_t i = 0; i < t->ast->n_args; i++) {
        const wr_ast *arg = t->ast->args[i];
        if (arg->kind == WR_A_NAMED_ARG) {
            any_named = true;
            if (!named(t, arg)) return false;
            continue;
        }
        if (!any_named && !t->data) {
            if (!read_data(t, arg)) return false;
            continue;
        }
        if (!any_named && is_key(t, arg, at)) {
            t->keys[t->n_keys++] = arg;
            continue;
        }
        if (any_named || at == t->n_args) {
            wri_error(t->c, arg->loc, write_this(t),
                      any_named ? "%s: an argument without a name follows a named one"
                                : "%s is given too many arguments",
                      t->fn->name);
            return false;
        }
        t->written[at++] = arg;
    }
    if (t->data && !t->keys && !read_data(t, t->data)) return false;
    const char *missing = t->data ? NULL : "the input table";
    for (uint32_t i = 0; i < t->n_args && !missing; i++)
        if (!t->written[i] && !t->fn->args[i].def) missing = t->fn->args[i].name;
    if (!missing) return true;
    wri_error(t->c, t->ast->loc, write_this(t), "%s: %s is missing", t->fn->name, missing);
    return false;
}

/* ---- the input ---- */

static bool has_time(tcall *t) {
    if (t->in->time_col != WR_NO_COL) return true;
    wri_not_time(t->c, t->in, t->data->loc, t->fn->name, "");
    return false;
}

static bool read_input(tcall *t) {
    t->in = wri_table_arg_rows(t->q, t->data, t->fn->name, true, &t->scope);
    if (!t->in || !has_time(t)) return false;
    const wr_ast *d = t->data;
    if (!d->call || !d->call->n_within) return true;
    wri_error(t->c, d->call->within[0].expr->loc, "leave ORDER BY away",
              "%s gets its rows in the order of event time", t->fn->name);
    return false;
}

/* ---- values ---- */

static bool wrong(tcall *t, const wr_ast *e, const wr_table_arg *a, const char *expected) {
    wri_error(t->c, e->loc, NULL, "%s: %s must be %s", t->fn->name, a->name, expected);
    return false;
}

static const char *number_text(tcall *t, double x) {
    char text[WR_TEXT_MAX];
    int n =
        x == floor(x) && fabs(x) < 1e15 ? (int)wr_write_i64((int64_t)x, text) : (int)wr_write_f64(x, text);
    return wri_text(t->c, "%.*s", n, text);
}

static bool in_range(tcall *t, const wr_ast *e, const wr_table_arg *a, double x) {
    if ((a->min == 0 && a->max == 0) || (x >= a->min && x <= a->max)) return true; /* NaN: is not */
    const char *unit = a->kind == 't' ? " seconds" : "", *is = number_text(t, x);
    if (isinf(a->max))
        wri_error(t->c, e->loc, NULL, "%s: %s must be at least %s%s, it is %s", t->fn->name, a->name,
                  number_text(t, a->min), unit, is);
    else
        wri_error(t->c, e->loc, NULL, "%s: %s must be from %s to %s%s, it is %s", t->fn->name, a->name,
                  number_text(t, a->min), number_text(t, a->max), unit, is);
    return false;
}

/* A constant, or NULL after a report. */
static wr_expr *constant(tcall *t, const wr_ast *ast, const wr_table_arg *a) {
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(t->q, &b, &none, "an argument");
    wr_expr *e = wri_bind(&b, ast);
    if (e == &wri_failed) return NULL;
    e = wri_fold(&b, e);
    if (!e || e == &wri_failed) return NULL;
    if (e->kind == WR_X_CONST && !e->value.null) return e;
    wrong(t, ast, a, e->kind == WR_X_CONST ? "a value, it is NULL" : "a constant");
    return NULL;
}

/* A number as DOUBLE. */
static bool number(tcall *t, wr_expr *e, double *outp) {
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(t->q, &b, &none, "an argument");
    e = wri_fold(&b, wri_cast_expr(&b, e, wr_type_of(WR_T_DOUBLE), true, e->loc));
    if (!e || e->kind != WR_X_CONST) return false;
    *outp = e->value.f64;
    return true;
}

static bool one_of(const char *values, const wr_str *s, const char **foundp) {
    for (const char *p = values; *p;) {
        size_t n = strcspn(p, "|");
        if (n == s->len && strncasecmp(p, wr_str_data(s), n) == 0) {
            *foundp = p;
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static bool text_value(tcall *t, const wr_ast *ast, const wr_table_arg *a, wr_table_value *v, wr_str s) {
    const char *p = NULL;
    if (a->values && !one_of(a->values, &s, &p))
        return wrong(t, ast, a, wri_text(t->c, "one of %s", a->values));
    char *copy = wr_arena_strndup(t->c->ar, p ? p : wr_str_data(&s), s.len);
    if (!copy) t->c->oom = true;
    else v->v.str = wr_str_make(copy, s.len);
    return copy != NULL;
}

static bool scalar_value(tcall *t, const wr_ast *ast, const wr_table_arg *a, wr_table_value *v) {
    wr_expr *e = constant(t, ast, a);
    if (!e) return false;
    wr_kind k = (wr_kind)e->type.kind;
    double x;
    switch (a->kind) {
    case 's':
        if (!wr_kind_is_text(k)) return wrong(t, ast, a, "a text");
        return text_value(t, ast, a, v, e->value.str);
    case 'b':
        if (k != WR_T_BOOLEAN) return wrong(t, ast, a, "TRUE or FALSE");
        v->v.i64 = e->value.i64;
        return true;
    case 'i':
        if (!wr_kind_is_int(k)) return wrong(t, ast, a, "a whole number");
        v->v.i64 = e->value.i64;
        return in_range(t, ast, a, (double)e->value.i64);
    case 't':
        if (k == WR_T_INTERVAL_DAY) v->v.i64 = e->value.i64;
        else if (!wr_kind_is_int(k)) return wrong(t, ast, a, "a whole number of seconds or an INTERVAL");
        else if (__builtin_mul_overflow(e->value.i64, WR_US_PER_SECOND, &v->v.i64)) v->v.i64 = INT64_MAX;
        return in_range(t, ast, a, (double)v->v.i64 / 1e6);
    default:
        if (!wr_kind_is_num(k) || !number(t, e, &x)) return wrong(t, ast, a, "a number");
        v->v.f64 = x;
        return isfinite(x) ? in_range(t, ast, a, x) : wrong(t, ast, a, "a finite number");
    }
}

/* A column by its name as a text: as spelled, else in any case. */
static uint32_t column_named(const tcall *t, const char *name) {
    uint32_t n_vis = wri_x(t->in)->n_vis, found = WR_NO_COL;
    const wr_field *f = t->in->out.fields;
    for (uint32_t i = 0; i < n_vis; i++) {
        if (strcmp(f[i].name, name) == 0) return i;
        if (found == WR_NO_COL && strcasecmp(f[i].name, name) == 0) found = i;
    }
    return found;
}

static bool add_column(tcall *t, const wr_ast *ast, const wr_table_arg *a, uint32_t *cols, uint32_t *np) {
    uint32_t col = WR_NO_COL;
    if (ast->kind == WR_A_COLUMN) {
        wri_binder b;
        wri_binder_scalar(t->q, &b, &t->scope, "an argument");
        wr_expr *e = wri_bind(&b, ast);
        if (e == &wri_failed) return false;
        if (e->kind == WR_X_COL) col = e->col;
    } else if (ast->kind != WR_A_STRING) {
        return wrong(t, ast, a, "a column: DESCRIPTOR(name), or its name as a text");
    } else {
        wr_expr *e = constant(t, ast, a);
        if (!e) return false;
        const wr_field *f = t->in->out.fields;
        const char *name = wri_text(t->c, "%.*s", (int)e->value.str.len, wr_str_data(&e->value.str));
        col = name ? column_named(t, name) : WR_NO_COL;
        if (name && col == WR_NO_COL) {
            wri_error(t->c, ast->loc,
                      wri_suggest(t->c, wr_nearest(name, &f[0].name, wri_x(t->in)->n_vis, sizeof *f)),
                      "%s: its input has no column '%s'", t->fn->name, name);
            return false;
        }
    }
    if (col == WR_NO_COL) return t->c->oom ? false : wrong(t, ast, a, "a column");
    cols[(*np)++] = col;
    return true;
}

static bool column_value(tcall *t, const wr_ast *ast, const wr_table_arg *a, wr_table_value *v) {
    bool many = ast->kind == WR_A_DESCRIPTOR;
    uint32_t n = many ? ast->n_args : 1, *cols = wri_new_n(t->c, n, sizeof *cols);
    if (!cols) return false;
    if (a->kind == 'c' && n != 1) return wrong(t, ast, a, "one column");
    for (uint32_t i = 0; i < n; i++)
        if (!add_column(t, many ? ast->args[i] : ast, a, cols, &v->n_cols)) return false;
    v->cols = cols;
    return true;
}

static void default_value(const wr_table_arg *a, wr_table_value *v) {
    if (a->kind == 's') v->v.str = wr_str_make(a->def, strlen(a->def));
    else if (a->kind == 'b') v->v.i64 = strcasecmp(a->def, "true") == 0;
    else if (a->kind == 'd') v->v.f64 = strtod(a->def, NULL);
    else if (a->kind == 'i') v->v.i64 = strtoll(a->def, NULL, 10);
    else if (a->kind == 't') v->v.i64 = strtoll(a->def, NULL, 10) * WR_US_PER_SECOND;
    v->v.null = a->def[0] == 0;
}

static bool read_values(tcall *t) {
    bool ok = true;
    t->values = wri_new_n(t->c, t->n_args, sizeof *t->values);
    if (!t->values) return false;
    for (uint32_t i = 0; i < t->n_args; i++) {
        const wr_table_arg *a = &t->fn->args[i];
        const wr_ast *ast = t->written[i];
        wr_table_value *v = &t->values[i];
        v->given = ast != NULL;
        if (!ast) default_value(a, v);
        else if (a->kind == 'c' || a->kind == 'C') ok = column_value(t, ast, a, v) && ok;
        else ok = scalar_value(t, ast, a, v) && ok;
    }
    return ok;
}

/* ---- the call ---- */

static bool partitions(tcall *t) {
    static const wr_table_arg arg = {.name = PARTITIONS, .kind = 'i', .min = 1, .max = PARTITIONS_MAX};
    wr_table_call *k = t->call;
    wr_table_value v = {.v.i64 = PARTITIONS_USED};
    if (t->limit && k->n_keys == 0) {
        wri_error(t->c, t->limit->loc, "write TABLE t PARTITION BY k",
                  "%s: without PARTITION BY there are no partitions", t->fn->name);
        return false;
    }
    if (t->limit && !scalar_value(t, t->limit, &arg, &v)) return false;
    k->partitions_max = k->n_keys ? v.v.i64 : 0;
    return true;
}

/* Names that the function adds must be new. */
static bool new_names(tcall *t) {
    const wr_table_call *k = t->call;
    for (uint32_t i = 0; i < k->n_added; i++)
        for (uint32_t c = 0; c < wri_x(t->in)->n_vis; c++) {
            const char *name = k->added[i].name;
            if (k->window_us || strcasecmp(t->in->out.fields[c].name, name) != 0) continue;
            wri_error(t->c, t->data->loc,
                      wri_text(t->c, "give it another name in a subquery: %s AS inner_%s", name, name),
                      "%s adds a column '%s', but its input has one already", t->fn->name, name);
            return false;
        }
    return true;
}

static bool bind(tcall *t) {
    wr_table_call *k = t->call = wri_new(t->c, sizeof *k);
    wr_err err = {0};
    if (!k) return false;
    uint32_t n_keys = 0;
    k->keys = wri_new_n(t->c, t->n_keys, sizeof *k->keys);
    wri_key_list by = {t->keys, t->n_keys, t->data->loc};
    if (!k->keys || !wri_partition_cols(t->q, &t->in, &t->scope, &by, k->keys, &n_keys)) return false;
    uint32_t n_in = t->in->out.n;
    *k = (wr_table_call){.fn = t->fn,
                         .args = t->values,
                         .time_col = t->in->time_col,
                         .tick_us = t->in->out.fields[t->in->time_col].type.prec > 3 ? 1 : 1000,
                         .keys = k->keys,
                         .n_keys = n_keys,
                         .cols = wri_new_n(t->c, n_in, sizeof *k->cols),
                         .types = wri_new_n(t->c, n_in, sizeof *k->types),
                         .bad_arg = WR_TABLE_ARG_NONE};
    if (!k->cols || !k->types || !partitions(t)) return false;
    wr_status s = t->fn->bind(k, &t->in->out, wri_x(t->in)->n_vis, t->c->ar, &err);
    if (s == WR_ENOMEM) t->c->oom = true;
    const wr_ast *at = k->bad_arg < t->n_args && t->written[k->bad_arg] ? t->written[k->bad_arg] : t->ast;
    if (s == WR_OK && k->window_us % k->tick_us) {
        s = WR_ESQL;
        (void)!wr_fail(&err, s, "its windows are finer than its event time, which has milliseconds");
    }
    if (s != WR_OK && s != WR_ENOMEM) wri_error(t->c, at->loc, NULL, "%s: %s", t->fn->name, err.msg);
    return s == WR_OK && new_names(t);
}

/* ---- nodes ---- */

/* Rows as they come, with columns added. */
static bool rows_out(tcall *t, wr_node *n, wri_cols *cols) {
    wri_xnode *x = wri_x(n), *xi = wri_x(n->in[0]);
    uint32_t n_in = n->in[0]->out.n;
    for (uint32_t i = 0; i < n_in; i++) {
        n->out.fields[i] = n->in[0]->out.fields[i];
        n->out.fields[i].path = NULL;
        x->props[i] = xi->props[i];
    }
    for (uint32_t i = 0; i < t->call->n_added; i++) n->out.fields[n_in + i] = t->call->added[i];
    n->time_col = n->in[0]->time_col;
    x->late = xi->late;
    x->late_cols = xi->late_cols;
    for (uint32_t i = 0; i < xi->n_vis + t->call->n_added; i++) {
        uint32_t col = i < xi->n_vis ? i : n_in + (i - xi->n_vis);
        if (!wri_cols_add(t->c, cols, wri_col_of(t->c, n, col, n->loc), n->out.fields[col].name))
            return false;
    }
    return true;
}

/* Keys, added columns, borders of the window: a row of the Kinesis dialect has the last only as its time. */
static bool windows_out(tcall *t, wr_node *n, wri_cols *cols) {
    static const char *const names[] = {"window_start", "window_end", "window_time"};
    const wr_table_call *k = t->call;
    wri_xnode *x = wri_x(n);
    uint32_t first = k->n_keys + k->n_added;
    wr_type time = t->in->out.fields[k->time_col].type;
    time.prec = k->tick_us == 1 ? 6 : 3;
    time.not_null = true;
    for (uint32_t i = 0; i < k->n_keys; i++) {
        n->out.fields[i] = t->in->out.fields[k->keys[i]];
        n->out.fields[i].path = NULL;
    }
    for (uint32_t i = 0; i < k->n_added; i++) n->out.fields[k->n_keys + i] = k->added[i];
    for (uint32_t i = 0; i < 3; i++) {
        n->out.fields[first + i] = (wr_field){.name = names[i], .type = time};
        x->props[first + i] = (wri_prop){.role = WRI_ROLE_START + i, .origin = n};
    }
    n->time_col = first + (t->q->kda ? 1 : 2);
    for (uint32_t i = 0; i < first + (t->q->kda ? 0 : 3); i++)
        if (!wri_cols_add(t->c, cols, wri_col_of(t->c, n, i, n->loc), n->out.fields[i].name)) return false;
    return true;
}

wr_node *wri_plan_table_fn(wri_q *q, const wr_table_fn *fn, const wr_from *f) {
    tcall t = {.q = q, .c = q->c, .fn = fn, .ast = f->function};
    if (!read_args(&t) || !read_input(&t) || !read_values(&t) || !bind(&t)) return NULL;
    wr_table_call *k = t.call;
    wr_node *in =
        wri_exchange_node(t.c, t.in, k->n_keys ? WR_EX_HASH : WR_EX_GATHER, k->keys, k->n_keys, f->loc);
    uint32_t n_out = k->window_us ? k->n_keys + k->n_added + 3 : t.in->out.n + k->n_added;
    wr_node *n = in ? wri_node_new(t.c, WR_N_TABLE_FN, f->loc, 1, &in, n_out) : NULL;
    if (!n || !wri_takes_late(t.c, n)) return NULL;
    n->table = k;
    wri_cols cols = {0};
    if (!(k->window_us ? windows_out(&t, n, &cols) : rows_out(&t, n, &cols))) return NULL;
    return wri_project_node(t.c, n, &cols, cols.n, f->loc);
}
