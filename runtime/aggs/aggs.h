/* runtime/aggs/aggs.h -- the aggregates that are built in, for the registry. See README.md. */
#ifndef WR_RUNTIME_AGGS_H
#define WR_RUNTIME_AGGS_H

#include "planner/planner.h"

extern const wr_agg_def *const wr_builtin_aggs[];
extern const size_t wr_n_builtin_aggs;

/* Folds one state into another of the same call, whatever the aggregate: as if the rows of `from` had come to
 * `into`. `from` stays as it is, and is its owner's to destroy. After a failure `into` is whole, its value
 * worthless. */
wr_status wri_agg_combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) WR_MUST_USE;

#endif
