/* runtime/expr/sqlite_func.c -- the SQL functions of a statement: sites, AND/OR, and deliver.
 *
 * Strings are read with sqlite3_value_blob, never _text: _text would copy each one to end it with a NUL. */
#include <math.h>

#include <stdio.h>

#include "sqlite_int.h"

void wri_lite_fail(wri_lite *l, uint32_t i, const char *why) {
    wri_vec *v = &l->vecs[i];
    if (wri_vec_err(v, l->row)) return;
    if (wri_vec_fail(v, l->batch->n, l->row, why) != WR_OK) l->oom = true;
}

static const char *read_str(sqlite3_value *v, wr_value *outp) {
    const char *p = sqlite3_value_blob(v);
    outp->str = wr_str_make(p ? p : "", p ? (size_t)sqlite3_value_bytes(v) : 0);
    return NULL;
}

static const char *number_text(wri_lite *l, sqlite3_value *v, wr_value *outp) {
    char buf[WR_TEXT_MAX];
    size_t n = sqlite3_value_type(v) == SQLITE_INTEGER ? wr_write_i64(sqlite3_value_int64(v), buf)
                                                       : wr_write_f64(sqlite3_value_double(v), buf);
    const char *p = buf;
    if (n > WR_STR_INLINE) {
        char *copy = wr_arena_strndup(&l->tmp, buf, n);
        if (!copy) {
            l->oom = true;
            return "out of memory";
        }
        p = copy;
    }
    outp->str = wr_str_make(p, n);
    return NULL;
}

const char *wri_lite_value(wri_lite *l, wr_type t, sqlite3_value *v, wr_value *outp) {
    int type = sqlite3_value_type(v);
    if (type == SQLITE_NULL) return wri_ret_null(outp);
    outp->null = false;
    switch (wr_type_phys(t)) {
    case WR_I64:
        if (WR_LIKELY(type == SQLITE_INTEGER)) return wri_ret_i64(outp, sqlite3_value_int64(v));
        if (type == SQLITE_FLOAT) {
            double d = sqlite3_value_double(v);
            if (d == floor(d) && wri_round_i64(d, &outp->i64)) return NULL;
            return "a number with a fraction where an integer was expected";
        }
        return "text where an integer was expected";
    case WR_F64:
        if (WR_LIKELY(type == SQLITE_FLOAT)) {
            outp->f64 = sqlite3_value_double(v);
            return NULL;
        }
        if (type != SQLITE_INTEGER) return "text where a number was expected";
        outp->f64 = (double)sqlite3_value_int64(v);
        return NULL;
    case WR_STR:
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) return number_text(l, v, outp);
        return read_str(v, outp);
    }
    return NULL;
}

/* ---- sites ---- */

/* A long string that points into an argument dies with it; any other lies in the run's arena or longer. */
static bool borrowed(const wri_site *s, int n, const wr_str *r) {
    for (int i = 0; i < n; i++) {
        const wr_value *a = &s->vals[i];
        if (a->null || wr_type_phys(s->e->args[i]->type) != WR_STR || a->str.len <= WR_STR_INLINE) continue;
        if (r->ptr >= a->str.ptr && r->ptr <= a->str.ptr + a->str.len) return true;
    }
    return false;
}

static void return_str(sqlite3_context *ctx, const wri_site *s, int n, const wr_str *r) {
    bool copy = r->len <= WR_STR_INLINE || borrowed(s, n, r);
    void (*life)(void *) = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
    if (s->e->type.kind == WR_T_VARBINARY) sqlite3_result_blob(ctx, wr_str_data(r), (int)r->len, life);
    else sqlite3_result_text(ctx, wr_str_data(r), (int)r->len, life);
}

static void return_value(sqlite3_context *ctx, const wri_site *s, int n, const wr_value *out) {
    if (out->null) return;
    switch (wr_type_phys(s->e->type)) {
    case WR_I64:
        sqlite3_result_int64(ctx, out->i64);
        break;
    case WR_F64:
        sqlite3_result_double(ctx, out->f64);
        break;
    case WR_STR:
        return_str(ctx, s, n, &out->str);
        break;
    }
}

static void site_func(sqlite3_context *ctx, int n, sqlite3_value **argv) {
    wri_site *s = sqlite3_user_data(ctx);
    const char *why = NULL;
    for (int i = 0; i < n; i++) {
        why = wri_lite_value(s->lite, s->e->args[i]->type, argv[i], &s->vals[i]);
        if (why) break;
        if (s->vals[i].null && s->strict) return; /* NULL; the other arguments have been evaluated */
    }
    wr_value out = {.str = {0}};
    if (s->once && s->once->row == s->lite->row + UINT64_C(1)) {
        out = s->once->value;
        why = s->once->why;
    } else {
        if (!why) why = s->fn(&s->call, s->vals, &out);
        if (s->once) *s->once = (wri_once){s->lite->row + UINT64_C(1), out, why};
    }
    if (s->call.oom) s->lite->oom = true;
    if (why) wri_lite_fail(s->lite, s->expr, why);
    else return_value(ctx, s, n, &out);
}

/* A term of a lazy AND or OR: passed on; that it was NULL is remembered. */
static void term_func(sqlite3_context *ctx, int n, sqlite3_value **argv) {
    wri_site *s = sqlite3_user_data(ctx);
    (void)n;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) s->null_seen = true;
    else sqlite3_result_int(ctx, sqlite3_value_int(argv[0]) != 0);
}

static void first_term_func(sqlite3_context *ctx, int n, sqlite3_value **argv) {
    wri_site *s = sqlite3_user_data(ctx);
    s->null_seen = false;
    term_func(ctx, n, argv);
}

/* No term decided alone. */
static void no_term_func(sqlite3_context *ctx, int n, sqlite3_value **argv) {
    const wri_site *s = sqlite3_user_data(ctx);
    (void)n;
    (void)argv;
    if (!s->null_seen) sqlite3_result_int(ctx, s->e->op == WR_OP_AND);
}

static int add_function(wri_site *s, char letter, uint32_t number, int n_args,
                        void (*f)(sqlite3_context *, int, sqlite3_value **)) {
    char name[24];
    snprintf(name, sizeof name, "weir_%c%u", letter, number);
    return sqlite3_create_function_v2(s->lite->db, name, n_args, SQLITE_UTF8, s, f, NULL, NULL, NULL);
}

wr_status wri_site_register(wri_site *s, uint32_t number) {
    int rc;
    if (s->fn) rc = add_function(s, 'f', number, (int)s->e->n_args, site_func);
    else {
        rc = add_function(s, 'r', number, 1, first_term_func);
        if (rc == SQLITE_OK) rc = add_function(s, 's', number, 1, term_func);
        if (rc == SQLITE_OK) rc = add_function(s, 't', number, 0, no_term_func);
    }
    return rc == SQLITE_OK ? WR_OK : WR_ENOMEM;
}

/* ---- deliver ---- */

static void store_str(wri_lite *l, wri_vec *v, const wr_str *s) {
    v->str[l->row] = *s;
    if (s->len <= WR_STR_INLINE) return;
    char *copy = wr_arena_alloc(l->out_ar, s->len);
    if (!copy) {
        l->oom = true;
        v->str[l->row] = (wr_str){0};
        return;
    }
    v->str[l->row] = wr_str_make(memcpy(copy, s->ptr, s->len), s->len);
}

static void deliver_step(sqlite3_context *ctx, int n, sqlite3_value **argv) {
    const wri_deliver *d = sqlite3_user_data(ctx);
    wri_lite *l = d->lite;
    for (int i = 0; i < n; i++) {
        wri_vec *v = &l->vecs[d->first + (uint32_t)i];
        wr_value x = {.str = {0}};
        const char *why = wri_lite_value(l, l->exprs[d->first + (uint32_t)i]->type, argv[i], &x);
        if (WR_UNLIKELY(why != NULL)) {
            wri_lite_fail(l, d->first + (uint32_t)i, why);
            continue;
        }
        if (x.null) {
            if (!v->nulls && !wri_vec_nulls(v, l->batch->n)) l->oom = true;
            if (v->nulls) wr_bit_set(v->nulls, l->row);
        } else if (v->phys == WR_STR) {
            store_str(l, v, &x.str);
        } else {
            v->i64[l->row] = x.i64;
        }
    }
}

static void deliver_final(sqlite3_context *ctx) { sqlite3_result_null(ctx); }

/* ---- the batch as a table ---- */

typedef struct cursor {
    sqlite3_vtab_cursor base;
    wri_lite *lite;
} cursor;
typedef struct table {
    sqlite3_vtab base;
    wri_lite *lite;
} table;

static int batch_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **outp,
                         char **errp) {
    (void)argc;
    (void)argv;
    (void)errp;
    wri_lite *l = aux;
    wr_buf sql = {0};
    wr_status s = wr_buf_puts(&sql, "CREATE TABLE batch(none");
    for (uint32_t i = 0; s == WR_OK && i < l->n_cols; i++) s = wr_buf_printf(&sql, ",c%u", i);
    if (s == WR_OK) s = wr_buf_put(&sql, ")", 2);
    int rc = s == WR_OK ? sqlite3_declare_vtab(db, sql.data) : SQLITE_NOMEM;
    wr_buf_free(&sql);
    table *t = rc == SQLITE_OK ? sqlite3_malloc(sizeof *t) : NULL;
    if (!t) return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    memset(t, 0, sizeof *t);
    t->lite = l;
    *outp = &t->base;
    return SQLITE_OK;
}

static int batch_disconnect(sqlite3_vtab *t) {
    sqlite3_free(t);
    return SQLITE_OK;
}

static int batch_best_index(sqlite3_vtab *t, sqlite3_index_info *info) {
    (void)t;
    info->estimatedCost = 4096;
    info->estimatedRows = 4096;
    return SQLITE_OK;
}

static int batch_open(sqlite3_vtab *t, sqlite3_vtab_cursor **outp) {
    cursor *c = sqlite3_malloc(sizeof *c);
    if (!c) return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    c->lite = ((table *)t)->lite;
    *outp = &c->base;
    return SQLITE_OK;
}

static int batch_close(sqlite3_vtab_cursor *c) {
    sqlite3_free(c);
    return SQLITE_OK;
}

static int batch_filter(sqlite3_vtab_cursor *c, int n, const char *s, int argc, sqlite3_value **argv) {
    (void)n;
    (void)s;
    (void)argc;
    (void)argv;
    wri_lite *l = ((cursor *)c)->lite;
    l->row = l->start;
    return SQLITE_OK;
}

static int batch_next(sqlite3_vtab_cursor *c) {
    ((cursor *)c)->lite->row++;
    return SQLITE_OK;
}

static int batch_eof(sqlite3_vtab_cursor *c) {
    const wri_lite *l = ((cursor *)c)->lite;
    return l->row >= l->batch->n;
}

static int batch_column(sqlite3_vtab_cursor *cur, sqlite3_context *ctx, int i) {
    const wri_lite *l = ((cursor *)cur)->lite;
    if (i == 0) return SQLITE_OK; /* the column that makes a table without columns possible */
    uint32_t at = l->cols[i - 1], row = l->row;
    const wr_col *c = &l->batch->cols[at];
    if (wr_is_null(c, row)) return SQLITE_OK;
    switch (c->phys) {
    case WR_I64:
        sqlite3_result_int64(ctx, c->i64[row]);
        break;
    case WR_F64:
        sqlite3_result_double(ctx, c->f64[row]);
        break;
    case WR_STR: {
        const wr_str *s = &c->str[row];
        if (l->in->fields[at].type.kind == WR_T_VARBINARY)
            sqlite3_result_blob(ctx, wr_str_data(s), (int)s->len, SQLITE_STATIC);
        else sqlite3_result_text(ctx, wr_str_data(s), (int)s->len, SQLITE_STATIC);
        break;
    }
    }
    return SQLITE_OK;
}

static int batch_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *outp) {
    *outp = ((cursor *)c)->lite->row;
    return SQLITE_OK;
}

static const sqlite3_module batch_module = {
    .xConnect = batch_connect,
    .xBestIndex = batch_best_index,
    .xDisconnect = batch_disconnect,
    .xOpen = batch_open,
    .xClose = batch_close,
    .xFilter = batch_filter,
    .xNext = batch_next,
    .xEof = batch_eof,
    .xColumn = batch_column,
    .xRowid = batch_rowid,
};

wr_status wri_lite_tables(wri_lite *l, wr_err *err) {
    int rc = sqlite3_create_module(l->db, "batch", &batch_module, l);
    for (uint32_t i = 0; rc == SQLITE_OK && i < l->n_delivers; i++) {
        char name[32];
        snprintf(name, sizeof name, "weir_deliver%u", i);
        l->delivers[i] = (wri_deliver){.lite = l, .first = i * WRI_LITE_ARGS_MAX};
        rc = sqlite3_create_function_v2(l->db, name, -1, SQLITE_UTF8, &l->delivers[i], NULL, deliver_step,
                                        deliver_final, NULL);
    }
    /* The first use declares the table, which the authorizer would forbid. */
    sqlite3_stmt *first = NULL;
    if (rc == SQLITE_OK) rc = sqlite3_prepare_v2(l->db, "SELECT none FROM batch", -1, &first, NULL);
    sqlite3_finalize(first);
    return rc == SQLITE_OK ? WR_OK : wr_fail(err, WR_ENOMEM, "SQLite: %s", sqlite3_errmsg(l->db));
}
