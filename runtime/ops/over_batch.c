#include "ops.h"
static wr_status push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op;
    (void)port;
    (void)b;
    return wr_fail(err, WR_EUNSUPPORTED, "x");
}
const wr_op_def wri_op_over_batch = {.name = "over", .push = push};
