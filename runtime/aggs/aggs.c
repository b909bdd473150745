/* runtime/aggs/aggs.c -- the list of aggregates: one line each. */
#include "aggs.h"

#define AGGS(X)                                                                                              \
    X(count)                                                                                                 \
    X(count_if)                                                                                              \
    X(sum)                                                                                                   \
    X(sum0)                                                                                                  \
    X(avg)                                                                                                   \
    X(kda_avg)                                                                                               \
    X(exp_avg)                                                                                               \
    X(min)                                                                                                   \
    X(max)                                                                                                   \
    X(any_value)                                                                                             \
    X(var_pop)                                                                                               \
    X(var_samp)                                                                                              \
    X(variance)                                                                                              \
    X(stddev_pop)                                                                                            \
    X(stddev_samp)                                                                                           \
    X(stddev)                                                                                                \
    X(first_value)                                                                                           \
    X(last_value)                                                                                            \
    X(arg_min)                                                                                               \
    X(min_by)                                                                                                \
    X(arg_max)                                                                                               \
    X(max_by)                                                                                                \
    X(median)                                                                                                \
    X(percentile_cont)                                                                                       \
    X(percentile_disc)                                                                                       \
    X(approx_percentile)                                                                                     \
    X(approx_count_distinct)                                                                                 \
    X(listagg)                                                                                               \
    X(string_agg)                                                                                            \
    X(bool_and)                                                                                              \
    X(every)                                                                                                 \
    X(bool_or)                                                                                               \
    X(some)                                                                                                  \
    X(any)

#define X(name) extern const wr_agg_def wr_agg_##name;
AGGS(X)
#undef X

const wr_agg_def *const wr_builtin_aggs[] = {
#define X(name) &wr_agg_##name,
    AGGS(X)
#undef X
};
const size_t wr_n_builtin_aggs = WR_LEN(wr_builtin_aggs);
