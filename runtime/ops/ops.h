/* runtime/ops/ops.h -- the operators, one file each. Private to runtime/. */
#ifndef WR_RUNTIME_OPS_H
#define WR_RUNTIME_OPS_H

#include "../op.h"

extern const wr_op_def wri_op_filter, wri_op_project, wri_op_window, wri_op_agg_local, wri_op_agg_global,
    wri_op_union, wri_op_sort, wri_op_limit, wri_op_values, wri_op_join_window, wri_op_join_interval,
    wri_op_join_version, wri_op_join_table;

#endif
