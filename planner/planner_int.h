/* planner/planner_int.h -- between the files of planner/: binding expressions against a scope. */
#ifndef WR_PLANNER_INT_H
#define WR_PLANNER_INT_H

#include "planner.h"

/* A column that names can resolve to. */
typedef struct wri_scope_col {
    const char *qualifier; /* table or alias, NULL: none */
    const char *name;
    wr_type type;
    uint32_t col;        /* column of the input */
    bool hidden;         /* found by name only, not by * (ROWTIME) */
    bool only_qualified; /* found as qualifier.name only: of a join's USING column, or of an outer query */
    const char *row;     /* found as [qualifier.]row.name only: it is a field of this row; NULL: of none */
} wri_scope_col;
typedef struct wri_scope {
    wri_scope_col *cols;
    uint32_t n, cap;
    bool joined; /* of several tables: * may meet a name twice */
} wri_scope;

typedef struct wri_subs wri_subs; /* values of subqueries (subquery.c) */
typedef struct wri_binder wri_binder;
struct wri_binder {
    wr_arena *ar;
    wr_diags *d;
    const wr_registry *reg;
    const wri_scope *scope;
    const char *zone;       /* of the session; NULL: UTC */
    const wri_subs *subs;   /* what subqueries in this query give, or NULL */
    const wri_scope *outer; /* names that a subquery as a value would like to use and cannot, or NULL */
    bool kda;               /* the statement is in the Kinesis dialect: see docs/SQL.md for what differs */
    /* User-defined SQL functions (CREATE FUNCTION … RETURN expr): inlined by the binder. */
    wr_stmt *const *functions;
    const wr_func_def *const *natives; /* of an extension, in place of an SQL body; NULL otherwise */
    const wr_agg_def *const *aggs;     /* the same of aggregates */
    uint32_t n_functions;
    /* Called first for every node; returns a bound expression (an aggregate's or group key's column, a
     * TUMBLE_START), NULL to bind as usual, or &wri_failed after it reported an error. */
    wr_expr *(*hook)(void *ctx, wri_binder *b, const wr_ast *e);
    void *hook_ctx;
    uint32_t depth;   /* of recursion, bounded by WRI_DEPTH_MAX */
    uint32_t inlined; /* calls of SQL functions expanded in this expression, bounded by WRI_INLINE_MAX */
};
#define WRI_DEPTH_MAX  200
#define WRI_INLINE_MAX 1000
/* What a failed bind returns (never NULL): errors are reported once, binding goes on. When memory ran out it
 * comes without a diagnostic: wri_failed and no errors in d is WR_ENOMEM. */
extern wr_expr wri_failed;

/* Binds e: names resolved, functions chosen, casts put in, constants folded (when reg->fold). A name that
 * does not resolve is an error with "did you mean". */
wr_expr *wri_bind(wri_binder *b, const wr_ast *e);
/* The same, then cast to `to` by assignment rules (INSERT: numerics mutually, text cut to length; no
 * char<->number). */
wr_expr *wri_bind_as(wri_binder *b, const wr_ast *e, wr_type to);
wr_expr *wri_cast_expr(wri_binder *b, wr_expr *e, wr_type to, bool explicit_cast, wr_loc loc);
#define wri_cast wri_cast_expr /* parser/ has a function wri_cast, and both are linked into one program */
/* Constant INTERVAL of days to seconds as microseconds; false after reporting. what: "window size". */
bool wri_const_interval_us(wri_binder *b, const wr_ast *e, const char *what, int64_t *outp);
bool wri_const_int(wri_binder *b, const wr_ast *e, const char *what, int64_t *outp);
/* The type both sides convert to (comparison, CASE, UNION); kind NULL of both stays NULL. False: none. */
bool wri_common_type(wr_type a, wr_type b, wr_type *outp);
bool wri_assignable(wr_type from, wr_type to);

wr_expr *wri_new_col(wr_arena *ar, uint32_t col, wr_type type, wr_loc loc);
wr_expr *wri_new_const(wr_arena *ar, wr_value v, wr_type type, wr_loc loc);
wr_expr *wri_new_op(wr_arena *ar, wr_xop op, wr_type type, wr_loc loc, uint32_t n, wr_expr *const *args);
bool wri_expr_equal(const wr_expr *a, const wr_expr *b); /* places ignored */
/* Calls f for each column the expression reads. */
void wri_expr_cols(const wr_expr *e, void (*f)(void *ctx, uint32_t col), void *ctx);
/* A copy with every column c replaced by map[c]. */
wr_expr *wri_expr_remap(wr_arena *ar, const wr_expr *e, const uint32_t *map);

/* Identifiers: unquoted names match without regard to case, as do quoted ones all in capitals; other quoted
 * ones exactly. */
bool wri_ident_matches(const wr_ident *id, const char *name);
/* Name of an output column for an item without alias: the column's own name, else EXPR$i. */
const char *wri_item_name(wr_arena *ar, const wr_item *item, uint32_t i);
const wr_agg_def *wri_find_agg(const wr_registry *reg, const char *name);
/* The aggregate that a call without OVER is of: built in, or of an extension; NULL: none. */
const wr_agg_def *wri_agg_of(const wri_binder *b, const wr_ast *e);
/* LAG, RANK and others that exist with OVER only (over_call.c). */
bool wri_is_over_only(const char *name);
/* The function that gives a row when e is a call of one (row.c), else NULL. */
const wr_func_def *wri_row_func(wri_binder *b, const wr_ast *e);
/* The fields of a call of f, bound: columns and their names in the binder's arena. False after a report. */
bool wri_row_fields(wri_binder *b, const wr_ast *e, const wr_func_def *f, wr_expr ***exprsp,
                    wr_schema *namesp);
/* Whether a name means a row of the scope and no column; its columns are scope->cols[*firstp ..+ *np]. */
bool wri_names_row(const wri_binder *b, const wr_ast *e, uint32_t *firstp, uint32_t *np);
const wr_func_def *wri_find_func(const wr_registry *reg, const char *name);

#endif
