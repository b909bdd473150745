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

typedef struct wri_ocall {
    const wr_ast *ast;
    const char *name; /* of its column */
    wr_loc call_loc;
    uint32_t spec;
    wr_over_call call;
    wr_expr *args[WR_AGG_ARGS_MAX], *filter, *dflt; /* NULL: none */
    bool complete;
    uint32_t col; /* of the result, once there is a node */
} wri_ocall;

struct wri_over {
    wri_spec *specs;
    wri_ocall *calls;
    uint32_t n_specs, specs_cap, n_calls, calls_cap;
};

/* A call with OVER, as a column; &wri_failed after reporting. */
wr_expr *wri_over_call(wri_select *s, const wr_ast *e);

#endif
