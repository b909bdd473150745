/* runtime/expr/sqlite_agg.c -- an aggregate of an SQLite extension, run over the rows of one group.
 *
 *   SELECT "f"(c0, c1, …) FROM batch
 *
 * SQLite's aggregates have steps and an end, no merging: the rows are kept by the caller
 * (runtime/aggs/agg_extension.c) and go through all at once. Errors that the aggregate raises are the
 * group's, not the job's. */
#include "sqlite_int.h"

struct wr_ext_agg {
    wri_lite *lite;
    sqlite3_value *last; /* what the last result points into */
};

/* Columns 0.. of the rows; SQLite has its own copy of the statement's text. */
static wr_status prepare(wri_lite *l, const char *function, wr_err *err) {
    wr_buf sql = {0};
    wr_status s = wr_buf_printf(&sql, "SELECT \"%s\"(", function);
    for (uint32_t i = 0; s == WR_OK && i < l->n_cols; i++) s = wr_buf_printf(&sql, "%sc%u", i ? "," : "", i);
    if (s == WR_OK) s = wr_buf_puts(&sql, ") FROM batch");
    if (s == WR_OK) s = wr_buf_put(&sql, "", 1);
    if (s != WR_OK) {
        wr_buf_free(&sql);
        return wr_fail_oom(err, "an aggregate");
    }
    wri_lite_guard(l);
    int rc = sqlite3_prepare_v3(l->db, sql.data, (int)sql.len, SQLITE_PREPARE_PERSISTENT, &l->stmt, NULL);
    wr_buf_free(&sql);
    return rc == SQLITE_OK ? WR_OK : wri_lite_rc(l, rc, err);
}

static wr_status make(wri_lite *l, const char *file, const char *function, wr_err *err) {
    l->n_cols = l->in->n;
    l->cols = wr_arena_alloc(&l->ar, (l->n_cols + 1u) * sizeof *l->cols);
    if (!l->cols) return wr_fail_oom(err, "an aggregate");
    for (uint32_t i = 0; i < l->n_cols; i++) l->cols[i] = i;
    WR_TRY(wri_lite_open(l, err));
    WR_TRY(wri_lite_extension(l, file, err));
    WR_TRY(wri_lite_tables(l, err));
    return prepare(l, function, err);
}

wr_status wr_ext_agg_new(const char *file, const char *function, const wr_schema *args, wr_ext_agg **outp,
                         wr_err *err) {
    wr_ext_agg *x = *outp = wr_calloc(1, sizeof *x);
    wri_lite *l = x ? x->lite = wr_calloc(1, sizeof *l) : NULL;
    if (l) l->in = args;
    wr_status s = l ? make(l, file, function, err) : wr_fail_oom(err, "an aggregate");
    if (s == WR_OK) return WR_OK;
    wr_ext_agg_free(x);
    *outp = NULL;
    return s;
}

void wr_ext_agg_free(wr_ext_agg *x) {
    if (!x) return;
    sqlite3_value_free(x->last);
    wri_lite_free(x->lite);
    wr_free(x);
}

wr_status wr_ext_agg_run(wr_ext_agg *x, const wr_batch *in, wr_type t, wr_value *outp, bool *failedp,
                         wr_err *err) {
    wri_lite *l = x->lite;
    wr_arena_reset(&l->tmp);
    l->batch = in;
    l->start = l->row = 0;
    l->oom = *failedp = false;
    *outp = (wr_value){.null = true};
    int rc = sqlite3_step(l->stmt);
    wr_status s = WR_OK;
    if (rc == SQLITE_ROW) {
        sqlite3_value_free(x->last);
        x->last = sqlite3_value_dup(sqlite3_column_value(l->stmt, 0));
        if (!x->last) s = wr_fail_oom(err, "an aggregate");
        else *failedp = wri_lite_value(l, t, x->last, outp) != NULL;
    } else if (rc == SQLITE_NOMEM || rc == SQLITE_MISUSE) s = wri_lite_rc(l, rc, err);
    else *failedp = true;
    sqlite3_reset(l->stmt);
    return s == WR_OK && l->oom ? wr_fail_oom(err, "an aggregate") : s;
}
