/* runtime/aggs/aggs.h -- the aggregates that are built in, for the registry. See README.md. */
#ifndef WR_RUNTIME_AGGS_H
#define WR_RUNTIME_AGGS_H

#include "planner/planner.h"

extern const wr_agg_def *const wr_builtin_aggs[];
extern const size_t wr_n_builtin_aggs;
extern const wr_agg_def wr_agg_extension; /* what aggregates of extensions have in common */

/* Copies of calls with what their finish needs (call.ctx), for one operator. *outp NULL after a failure. */
wr_status wri_agg_open(const wr_agg_call *calls, uint32_t n, wr_agg_call **outp, wr_err *err) WR_MUST_USE;
void wri_agg_close(wr_agg_call *calls, uint32_t n); /* NULL is allowed */

/* Folds one state into another of the same call, whatever the aggregate: as if the rows of `from` had come to
 * `into`. `from` stays as it is, and is its owner's to destroy. After a failure `into` is whole, its value
 * worthless. */
wr_status wri_agg_combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) WR_MUST_USE;

#endif
