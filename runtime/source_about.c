/* runtime/source_about.c -- metadata of records as columns: when each came, its key, shard and sequence
 * number.
 *
 * A format knows rows, not records, so a source whose metadata is read is decoded record by record
 * (source.c), and each batch then is of one record. Pure functions. */
#include "job_int.h"

bool wri_reads_about(const wr_node *n) {
    for (uint32_t i = 0; i < n->source.n_cols; i++)
        if (n->source.cols[i] != WR_NO_COL && wr_col_is_made(n->source.cols[i])) return true;
    return false;
}

static wr_status fill_times(wr_batch *b, uint32_t c, int64_t us, wr_err *err) {
    WR_TRY(wr_batch_col(b, c, WR_I64, err));
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = us;
    return WR_OK;
}

wr_status wri_fill_about(wr_batch *b, uint32_t c, uint32_t col, const wr_record_about *a, int64_t arrival_us,
                         wr_err *err) {
    if (col == WR_NO_COL) return fill_times(b, c, arrival_us, err);
    wr_meta kind = (wr_meta)(WR_META_COL(0) - col);
    if (kind == WR_META_ARRIVAL)
        return fill_times(b, c, a ? wr_floor_to(a->arrival_us, 1000) : arrival_us, err);
    const wr_str *of[] = {[WR_META_KEY] = a ? &a->key : NULL,
                          [WR_META_SHARD] = a ? &a->shard : NULL,
                          [WR_META_SEQUENCE] = a ? &a->sequence_number : NULL};
    wr_str text = {0};
    WR_TRY(wr_batch_col(b, c, WR_STR, err));
    if (of[kind]) WR_TRY(wr_batch_str(b, wr_str_data(of[kind]), of[kind]->len, &text, err));
    uint64_t *nulls = of[kind] ? NULL : wr_batch_nulls(b, &b->cols[c]);
    if (!of[kind] && !nulls) return wr_fail_oom(err, "metadata");
    for (uint32_t i = 0; i < b->n; i++) {
        b->cols[c].str[i] = text;
        if (nulls) wr_bit_set(nulls, i);
    }
    return WR_OK;
}
