/* planner/over_int.h -- between over.c, which makes nodes, and over_call.c, which binds calls. */
#ifndef WR_PLANNER_OVER_INT_H
#define WR_PLANNER_OVER_INT_H

#include "plan_int.h"

#define WRI_OVER_COL UINT32_C(0x40000000) /* column of call 0 until the node is made */

typedef struct wri_okey {
    wr_expr *expr;
    bool desc, nulls_first;
    wr_loc loc;
} wri_okey;

typedef struct wri_spec { /* one PARTITION BY and ORDER BY; expressions over the input of OVER */
    wr_expr **keys;
    wri_okey *order;
    uint32_t n_keys, n_order;
    wr_loc loc;
} wri_spec;

/* In the order of time; over complete partitions; a rank that changes as rows come. */
typedef enum wri_over_way { WRI_OVER_STREAM, WRI_OVER_COMPLETE, WRI_OVER_RANK, WRI_OVER_WAYS } wri_over_way;

typedef struct wri_ocall {
    const wr_ast *ast;
    const char *name; /* of its column */
    wr_loc call_loc;
    uint32_t spec;
    wr_over_call call;
    wr_expr *args[WR_AGG_ARGS_MAX], *filter, *dflt; /* NULL: none */
    wri_over_way way;
    uint32_t col; /* of the result, once there is a node */
} wri_ocall;

struct wri_over {
    wri_spec *specs;
    wri_ocall *calls;
    uint32_t n_specs, specs_cap, n_calls, calls_cap;
};

static inline bool wri_is_rank(wr_over_fn fn) {
    return fn == WR_O_ROW_NUMBER || fn == WR_O_RANK || fn == WR_O_DENSE_RANK;
}

/* The parts of an OVER that are over the columns of its input. */
typedef struct wri_over_cols {
    const uint32_t *keys;
    uint32_t n_keys;
    wr_sort_key *order;
    uint32_t n_order;
    bool ties_last;
    uint32_t end_col; /* WR_NO_COL: partitions are not those of a window */
    wr_loc loc;
} wri_over_cols;
/* A RANK over in with a column for each of fns[0..n). */
wr_node *wri_rank_node(wri_q *q, wr_node *in, const wri_over_cols *cols, const wr_over_fn *fns, uint32_t n);

/* over_lag.c: LAG, of which nothing outside of the frame f is seen. NULL: it is LAG as anywhere. */
wr_expr *wri_lag_in_frame(wri_select *s, const wr_ast *e, const wr_frame *f);
/* A call with OVER, as a column; &wri_failed after reporting. */
wr_expr *wri_over_call(wri_select *s, const wr_ast *e);

#endif
