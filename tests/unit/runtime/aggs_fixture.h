/* Random rows and random ways to aggregate them: any split into batches, any tree of partial merges. */
#ifndef AGGS_FIXTURE_H
#define AGGS_FIXTURE_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/aggs/aggs.h"

uint64_t fx_random(void);
void fx_seed(uint64_t seed);
static inline uint64_t fx_below(uint64_t n) { return fx_random() % n; }

#define FX_ARGS 2
typedef struct fx_row {
    uint32_t gid;
    uint32_t split;
    int64_t pos, time;
    bool null[FX_ARGS];
    wr_value v[FX_ARGS];
} fx_row;

typedef struct fx_data {
    uint32_t n, n_groups, n_args;
    wr_phys phys[FX_ARGS];
    fx_row *rows; /* runs of one split with rising positions */
    wr_arena ar;
} fx_data;

/* How values come about. */
typedef enum fx_form {
    FX_SMALL,   /* few different ones, both signs */
    FX_WIDE,    /* the whole range; doubles of all exponents, without the infinities */
    FX_SPECIAL, /* extremes: INT64_MIN, -0.0, NaN, infinities, the empty string, long strings */
    FX_BOOL,
    FX_N_FORMS
} fx_form;

/* n rows in groups 1..n_groups; groups may stay empty. */
fx_data *fx_make(uint32_t n, uint32_t n_groups, const wr_type *types, uint32_t n_args, fx_form form,
                 bool nulls);
void fx_free(fx_data *d);

/* A call of the aggregate as the planner makes it, bound. */
wr_agg_call fx_call(const char *name, const wr_type *types, uint32_t n_args);
const wr_agg_def *fx_def(const char *name);

/* Aggregates d. way 0: rows in order, one batch per run of a split, no merging; else one of many random
 * ways, which depend on `way`. Row g-1 of the result is group g; failed has its bits. Drop the result. */
wr_batch *fx_run(const wr_agg_call *call, const fx_data *d, uint64_t way, uint64_t *failed);

/* Whether value i of two columns is the same to the bit; NULLs alike. */
bool fx_same(const wr_col *a, const wr_col *b, uint32_t i);
/* Runs `ways` random ways and asserts that all give what way 0 gave, to the bit when tolerance is 0, else
 * with that relative difference. Returns way 0's result. */
wr_batch *fx_check_ways(const wr_agg_call *call, const fx_data *d, uint32_t ways, double tolerance,
                        uint64_t *failed);

/* ---- states, for tests that work by hand ---- */
typedef struct fx_table {
    char *states;
    size_t stride;
    uint32_t n_groups;
} fx_table;
fx_table fx_table_new(const wr_agg_call *call, uint32_t n_groups);
void fx_table_free(const wr_agg_call *call, fx_table *t);
/* Rows [from, from + n) of d, which are of one run. */
wr_status fx_update(const wr_agg_call *call, fx_table *t, const fx_data *d, uint32_t from, uint32_t n);
/* Partial state of all groups as a batch of n_partials columns; NULL and *sp on failure. */
wr_batch *fx_partial(const wr_agg_call *call, const fx_table *t, wr_status *sp);
wr_status fx_merge(const wr_agg_call *call, fx_table *t, const wr_batch *partials);
wr_batch *fx_finish(const wr_agg_call *call, fx_table *t, uint64_t *failed, wr_status *sp);

#define FX_FAILED_WORDS 64 /* room for 4,096 groups */

#endif
