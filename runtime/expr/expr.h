/* runtime/expr/expr.h -- evaluation of typed expressions over whole batches. Private to runtime/.
 *
 *   wr_expr ─► kernels: a program of vector instructions over registers      (the common subset)
 *           └► SQLite: one prepared statement over an eponymous virtual table of the current batch
 *
 * An expression runs wholly on one of the two, or, when it is deterministic and depends on one column
 * with dictionary codes, once per distinct value. Both give the same bits; tests/fuzz holds them
 * together and settings.evaluator = sqlite forces the reference. */
#ifndef WR_RUNTIME_EXPR_H
#define WR_RUNTIME_EXPR_H

#include "planner/planner.h"

/* Rows whose evaluation failed, rising, each once. Reset before each run. */
typedef struct wr_row_errors {
    uint32_t n, cap;
    uint32_t *rows;
    const char **whys;  /* static text or in ar */
    uint32_t *culprits; /* the expression that failed first: its number */
    wr_arena ar;
} wr_row_errors;
void wr_row_errors_reset(wr_row_errors *e);
void wr_row_errors_free(wr_row_errors *e);

typedef struct wr_eval wr_eval;
typedef struct wr_eval_opts {
    bool sqlite_only;  /* force the reference */
    bool no_dict;      /* never once per distinct value */
    const wr_sys *sys; /* clock and randomness of nondeterministic functions; NULL: the real ones */
} wr_eval_opts;

/* Prepares exprs[0..n) over batches shaped like `in`. Owner of *outp: the caller; one thread. exprs is
 * borrowed. */
wr_status wr_eval_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, const wr_eval_opts *opts,
                      wr_eval **outp, wr_err *err) WR_MUST_USE;
/* Evaluates every row of in; result i becomes out->cols[out_cols[i]] (array made in out's arena, or shared
 * with in where the expression is a bare column; then out keeps in alive, unless out is in itself). A row in
 * which any expression failed holds NULL in every computed result and is in errs. out->n becomes in->n. Views
 * of string constants point into exprs' own memory. */
wr_status wr_eval_run(wr_eval *ev, wr_batch *in, wr_batch *out, const uint32_t *out_cols, wr_row_errors *errs,
                      wr_err *err) WR_MUST_USE;
/* For one BOOLEAN expression: indices of the rows where it is TRUE, to idx (room for in->n). */
wr_status wr_eval_filter(wr_eval *ev, wr_batch *in, uint32_t *idx, uint32_t *np, wr_row_errors *errs,
                         wr_err *err) WR_MUST_USE;
/* "kernel", "sqlite", "column", "constant" for expression i. */
const char *wr_eval_runs_on(const wr_eval *ev, uint32_t i);
void wr_eval_free(wr_eval *ev);

/* For wr_registry: the value of an expression without columns. */
wr_status wr_eval_fold(const wr_expr *e, wr_arena *ar, wr_value *outp, wr_err *err) WR_MUST_USE;
wr_status wr_eval_extension(const char *file, const char *function, uint32_t n_args, bool aggregate,
                            bool *deterministicp, wr_err *err) WR_MUST_USE;
const char *wr_expr_check(char letter, const wr_str *text, wr_arena *ar);
const char *wr_expr_runs_on(const wr_expr *e, const wr_schema *in, wr_arena *ar);

/* An aggregate of an SQLite extension, to be run over rows shaped like `args`. Owner of *outp: the caller;
 * one thread. */
typedef struct wr_ext_agg wr_ext_agg;
wr_status wr_ext_agg_new(const char *file, const char *function, const wr_schema *args, wr_ext_agg **outp,
                         wr_err *err) WR_MUST_USE;
/* Its value over the rows of in, as t, which lives until the next run. *failedp: it has none for these rows.
 */
wr_status wr_ext_agg_run(wr_ext_agg *x, const wr_batch *in, wr_type t, wr_value *outp, bool *failedp,
                         wr_err *err) WR_MUST_USE;
void wr_ext_agg_free(wr_ext_agg *x);

/* The scalar functions, NULL-terminated (expr/functions.c lists the families' tables). */
extern const wr_func_def *const wr_builtin_funcs[];
extern const size_t wr_n_builtin_funcs;

#endif
