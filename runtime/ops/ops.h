/* runtime/ops/ops.h -- the operators, one file each. Private to runtime/. */
#ifndef WR_RUNTIME_OPS_H
#define WR_RUNTIME_OPS_H

#include "../op.h"

#define X(kind, node, op) extern const wr_op_def wri_op_##op;
WR_NODE_LIST(X)
#undef X
extern const wr_op_def wri_op_over_batch; /* OVER of partitions that are complete */

#endif
