/* runtime/tablefns/count_distinct.c -- COUNT_DISTINCT_ITEMS_TUMBLING: how many different values a column has
 * in each window: exact up to 10,000, then by HyperLogLog (runtime/aggs/hll.h). NULL does not count; a window
 * without rows says nothing. */
#include "../aggs/hll.h"
#include "tablefn.h"

#define EXACT_MAX 10000

enum { COL, WINDOW };

static const wr_table_arg args[] = {
    {.name = "columnName", .kind = 'c', .doc = "The column whose values are counted."},
    {.name = "windowSeconds",
     .kind = 't',
     .min = 1,
     .max = 3600,
     .doc = "Length of a window: seconds, or an INTERVAL."},
    {0}};

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)n_vis, (void)ar, (void)err;
    wr_table_reads(call, in, call->args[COL].cols[0], NULL);
    wr_type count = wr_type_of(WR_T_BIGINT);
    count.not_null = true;
    wr_table_adds(call, "NUMBER_OF_DISTINCT_ITEMS", count);
    call->window_us = call->args[WINDOW].v.i64;
    return WR_OK;
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    (void)call;
    *statep = wr_calloc(1, sizeof(wri_hll));
    return *statep ? WR_OK : wr_fail_oom(err, "a count of distinct values");
}

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    wri_hll_free(state);
    wr_free(state);
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    const wr_col *c = wr_table_col(call, r->in, 0);
    uint64_t last = 0; /* values often come in runs */
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        if (wr_is_null(c, i)) continue;
        uint64_t hash = wri_hll_hash(c, i);
        if (k > 0 && hash == last) continue;
        WR_TRY(wri_hll_add(state, hash, EXACT_MAX, err));
        last = hash;
    }
    return WR_OK;
}

static wr_status window(const wr_table_call *call, void *state, wr_table_window *w, wr_err *err) {
    (void)call, (void)err;
    w->out->cols[w->first].i64[w->row] = wri_hll_count(state);
    w->n = 1;
    return WR_OK;
}

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    (void)call;
    wr_buf sorted = {0};
    wr_status s = wri_hll_put(state, &sorted, to);
    wr_buf_free(&sorted);
    return s == WR_OK ? s : wr_fail_oom(err, "a snapshot");
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    wr_str bytes = wr_str_make(text, n);
    wr_status s = wri_hll_merge(state, &bytes, EXACT_MAX, err);
    return s == WR_EDATA ? wr_table_broken(call, err) : s;
}

static size_t bytes(const wr_table_call *call, const void *state) {
    (void)call;
    return sizeof(wri_hll) + wri_hll_bytes(state);
}

static const wr_table_run run = {
    .make = make, .drop = drop, .rows = rows, .window = window, .save = save, .load = load, .bytes = bytes};

const wr_table_fn wr_table_count_distinct_items_tumbling = {
    .name = "COUNT_DISTINCT_ITEMS_TUMBLING",
    .doc = "How many different values a column has in each tumbling window: exact up to 10,000, then within "
           "about "
           "0.8 %. Gives NUMBER_OF_DISTINCT_ITEMS.",
    .args = args,
    .bind = bind,
    .run = &run};
