/* runtime/aggs/aggs.h -- the aggregates that are built in, for the registry. See README.md. */
#ifndef WR_RUNTIME_AGGS_H
#define WR_RUNTIME_AGGS_H

#include "planner/planner.h"

extern const wr_agg_def *const wr_builtin_aggs[];
extern const size_t wr_n_builtin_aggs;

#endif
