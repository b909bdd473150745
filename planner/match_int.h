/* planner/match_int.h -- between the files of planner/match*.c: a MATCH_RECOGNIZE being planned. */
#ifndef WR_PLANNER_MATCH_INT_H
#define WR_PLANNER_MATCH_INT_H

#include "plan_int.h"

/* While expressions are bound the widths are not known, so columns are numbered in ranges: below PREV the
 * columns of the PROJECT under the node, then prevs, values that depend on the path, and the time. */
#define WRI_MR_PREV  (UINT32_C(1) << 28)
#define WRI_MR_VALUE (UINT32_C(1) << 29)
#define WRI_MR_TIME  (UINT32_C(1) << 30)

typedef struct wri_mr_value {
    wr_match_value v; /* col, call: numbered as above */
    wr_type type;
    const char *text; /* "LAST(A.price)" */
} wri_mr_value;
typedef struct wri_mr_values {
    wri_mr_value *items;
    uint32_t n, cap;
} wri_mr_values;

typedef struct wri_mr_subset {
    const wr_ident *name;
    uint64_t vars;
} wri_mr_subset;

typedef struct wri_mr {
    wri_q *q;
    wri_ctx *c;
    const wr_match *y;
    wr_node *in;
    const wri_scope *scope;
    wr_match_spec *spec;
    wri_cols pre; /* of the PROJECT under the node, over `in` */
    uint32_t prevs_cap, vars_cap;
    wri_mr_subset *subsets;
    uint32_t n_subsets, subsets_cap;
    wri_agg agg; /* its calls are those of the node; arguments over `in` and prevs */
    wri_mr_values dvalues, values;
    /* Of the expression being bound: */
    wri_mr_values *into;
    uint32_t define; /* the variable whose condition it is, or WR_NO_COL: a measure */
    bool final;
} wri_mr;

/* ---- match_pattern.c ---- */
/* spec's vars, pos, fixed and pattern. */
bool wri_mr_pattern(wri_mr *m);
/* The variable or subset that id names, as bits; 0: none. */
uint64_t wri_mr_vars(const wri_mr *m, const wr_ident *id);
static inline uint64_t wri_mr_all(const wri_mr *m) {
    return m->spec->n_vars == 64 ? ~UINT64_C(0) : (UINT64_C(1) << m->spec->n_vars) - 1;
}
/* "did you mean" among variables and subsets, or NULL. */
const char *wri_mr_nearest_var(wri_mr *m, const wr_ident *id);

/* ---- match_bind.c ---- */
/* Binds a condition (define: whose) or a measure (WR_NO_COL). &wri_failed after reporting. */
wr_expr *wri_mr_bind(wri_mr *m, const wr_ast *e, uint32_t define);
/* Column of m->pre for e, which is over m->in; WR_NO_COL on OOM. */
uint32_t wri_mr_pre(wri_mr *m, wr_expr *e, const char *name);

#endif
