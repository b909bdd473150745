/* runtime/tablefns/group_rank.c -- GROUP_RANK: rows of one ROWTIME, ranked by a column.
 *
 * The rows of a group (one event time, one partition) get 1 + the number of rows before them in the order of
 * `sort`, so ties have one rank, and come out in the order of their ranks or against it, ties as they came;
 * of them the first `outputMax`. NULL is the largest value. A group is whole when event time has passed it,
 * so nothing is kept, and maxIdle, for which the service waits by the clock, has nothing to do. */
#include <stdlib.h>

#include "tablefn.h"

enum { RANK_BY, RANK_OUT, SORT, OUTPUT, MAX_IDLE, OUTPUT_MAX };

static const wr_table_arg args[] = {
    {.name = "rankByColumnName", .kind = 'c', .doc = "The column by which rows are ranked."},
    {.name = "rankOutColumnName",
     .kind = 's',
     .def = "groupRank",
     .doc = "Name of the column that is added."},
    {.name = "sortOrder",
     .kind = 's',
     .def = "asc",
     .values = "asc|desc",
     .doc = "Which value has rank 1: the least or the greatest."},
    {.name = "outputOrder",
     .kind = 's',
     .def = "asc",
     .values = "asc|desc",
     .doc = "Order of the rows by their ranks."},
    {.name = "maxIdle",
     .kind = 'i',
     .def = "0",
     .min = 0,
     .max = 9e15,
     .doc = "Milliseconds; groups are given when event time has passed them, whatever it is."},
    {.name = "outputMax",
     .kind = 'i',
     .def = "0",
     .min = 0,
     .max = 4294967295.0,
     .doc = "The most rows of a group that come out; 0: all."},
    {0}};

static bool descends(const wr_table_call *call, int arg) {
    return wr_str_data(&call->args[arg].v.str)[0] == 'd';
}

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)n_vis;
    const wr_str *name = &call->args[RANK_OUT].v.str;
    call->bad_arg = RANK_OUT;
    if (name->len == 0) return wr_fail(err, WR_ESQL, "the column that is added needs a name");
    wr_table_reads(call, in, call->args[RANK_BY].cols[0], NULL);
    const char *copy = wr_arena_strndup(ar, wr_str_data(name), name->len);
    if (!copy) return wr_fail_oom(err, "GROUP_RANK");
    wr_table_adds(call, copy, wr_type_of(WR_T_INTEGER));
    return WR_OK;
}

typedef struct ranking {
    const wr_col *col;
    bool desc;
} ranking;

static int by_value(const wr_col *c, uint32_t i, uint32_t j) {
    bool ni = wr_is_null(c, i), nj = wr_is_null(c, j);
    if (ni || nj) return (int)ni - (int)nj;
    switch (c->phys) {
    case WR_I64:
        return (c->i64[i] > c->i64[j]) - (c->i64[i] < c->i64[j]);
    case WR_F64: {
        bool x = c->f64[i] != c->f64[i], y = c->f64[j] != c->f64[j]; /* NaN: above all numbers */
        if (x || y) return (int)x - (int)y;
        return (c->f64[i] > c->f64[j]) - (c->f64[i] < c->f64[j]);
    }
    case WR_STR:
        return wr_str_cmp(&c->str[i], &c->str[j]);
    }
    return 0;
}

static int by_rank(const void *x, const void *y, void *ctx) {
    const ranking *r = ctx;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    int c = by_value(r->col, i, j);
    if (c) return r->desc ? -c : c;
    return (i > j) - (i < j); /* rows of a batch stand as they came */
}

static void reverse(uint32_t *rows, uint32_t n) {
    for (uint32_t i = 0; i < n / 2; i++) {
        uint32_t row = rows[i];
        rows[i] = rows[n - 1 - i];
        rows[n - 1 - i] = row;
    }
}

/* rows[0..n) by rising rank, which out has: by falling rank, ties still as they came. */
static void turn(uint32_t *rows, uint32_t n, const wr_col *out) {
    reverse(rows, n);
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && out->i64[rows[to]] == out->i64[rows[from]]; to++) {
        }
        reverse(rows + from, to - from);
    }
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    (void)state, (void)err;
    ranking by = {wr_table_col(call, r->in, 0), descends(call, SORT)};
    wr_col *out = &r->out->cols[r->first];
    for (uint32_t k = 0; k < r->n; k++) r->order[k] = wr_table_row(r, k);
    qsort_r(r->order, r->n, sizeof *r->order, by_rank, &by);
    for (uint32_t k = 0; k < r->n; k++) {
        bool tie = k > 0 && by_value(by.col, r->order[k - 1], r->order[k]) == 0;
        out->i64[r->order[k]] = tie ? out->i64[r->order[k - 1]] : (int64_t)k + 1;
    }
    if (descends(call, OUTPUT)) turn(r->order, r->n, out);
    int64_t most = call->args[OUTPUT_MAX].v.i64;
    *r->n_orderp = most && most < (int64_t)r->n ? (uint32_t)most : r->n;
    return WR_OK;
}

static const wr_table_run run = {.rows = rows, .state_bytes = 8};

const wr_table_fn wr_table_group_rank = {
    .name = "GROUP_RANK",
    .doc = "Rows of one ROWTIME with their rank by a column; ties have one rank. Adds the rank, an INTEGER.",
    .args = args,
    .times = true,
    .bind = bind,
    .run = &run};
