/* runtime/ops/union.c -- UNION ALL: passes on what comes from any input; the chain takes the least watermark.
 */
#include "ops.h"

static wr_status union_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    return wr_emit(op, b, err);
}

const wr_op_def wri_op_union = {.name = "union", .push = union_push, .stateless = true};
