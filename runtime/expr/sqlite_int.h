/* runtime/expr/sqlite_int.h -- between the files of the SQLite evaluator.
 *
 *   SELECT deliver(e1, e2, …) FROM batch
 *
 * batch is an eponymous virtual table over the current batch's needed columns, deliver an aggregate whose
 * step stores one row of results: a whole batch is one sqlite3_step. An operation whose meaning is weir's own
 * is a function weir_f<n> registered for its place in the expression (a site), so that the site's types need
 * not be passed. Such functions never abort the statement: they note why the row failed and return NULL;
 * SQLite evaluates CASE and COALESCE lazily, so only what is used is noted. */
#ifndef WR_RUNTIME_SQLITE_INT_H
#define WR_RUNTIME_SQLITE_INT_H

#include <sqlite3.h>

#include "expr_int.h"

#define WRI_LITE_ARGS_MAX 100 /* of one SQLite call; SQLite takes up to 127 */

/* What a call of a nondeterministic function gave for a row, for all sites that are this call. */
typedef struct wri_once {
    uint64_t row; /* counted from 1; 0: none yet */
    wr_value value;
    const char *why;
} wri_once;

typedef struct wri_site {
    wri_lite *lite;
    const wr_expr *e;
    wr_scalar fn;
    wri_call call;
    wr_value *vals; /* room for the arguments */
    uint32_t expr;  /* which of the statement's expressions it belongs to */
    wri_once *once; /* NULL: evaluated each time */
    bool strict;
    bool null_seen; /* lazy AND, OR: a term of the current row was NULL */
} wri_site;

typedef struct wri_deliver { /* one deliver call: the results from `first` on */
    wri_lite *lite;
    uint32_t first;
} wri_deliver;

struct wri_lite {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    wr_expr *const *exprs;
    uint32_t n_exprs;
    uint32_t *cols; /* columns of the batch table: columns of the input */
    uint32_t n_cols;
    const wr_schema *in;
    wri_site **sites;
    size_t n_sites, cap_sites;
    const wr_expr **params; /* constants, by parameter number - 1 */
    size_t n_params, cap_params;
    const char **extensions; /* loaded into db */
    size_t n_extensions, cap_extensions;
    wri_deliver *delivers;
    uint32_t n_delivers;
    wri_vec *vecs; /* per expression */
    wr_arena ar;   /* of the statement */
    /* the current run */
    const wr_batch *batch;
    uint32_t row, start;
    wr_arena *out_ar;
    wr_arena tmp; /* results of sites, error texts */
    wri_env env;
    bool oom;
};

wr_status wri_lite_open(wri_lite *l, wr_err *err) WR_MUST_USE; /* the connection */
void wri_lite_guard(wri_lite *l); /* from now on statements may only read and call functions */
wr_status wri_lite_rc(wri_lite *l, int rc, wr_err *err); /* what SQLite's rc says */
/* The text of expression number i. NULL: out of memory, or *limitp says what SQLite cannot run. */
const char *wri_lower(wri_lite *l, uint32_t i, const char **limitp);
wr_status wri_lite_extension(wri_lite *l, const char *file, wr_err *err) WR_MUST_USE; /* loads it once */
/* Registers the SQL functions of a site; called by lowering. */
wr_status wri_site_register(wri_site *s, uint32_t number);
wr_status wri_lite_tables(wri_lite *l, wr_err *err) WR_MUST_USE; /* the module and the deliver functions */
/* Notes that the current row failed in expression i. The first reason stays. */
void wri_lite_fail(wri_lite *l, uint32_t i, const char *why);
/* A value of SQLite's as one of phys; why it is none. It may borrow from v. */
const char *wri_lite_value(wri_lite *l, wr_type t, sqlite3_value *v, wr_value *outp);

#endif
