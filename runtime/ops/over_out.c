/* runtime/ops/over_out.c -- from states to the columns of OVER's calls. */
#include "over.h"

wr_status wri_over_ids(uint32_t **idsp, size_t *capp, uint32_t n, wr_err *err) {
    size_t had = *capp;
    if (wr_grow(idsp, capp, n, sizeof **idsp) != WR_OK) return wr_fail_oom(err, "OVER");
    for (size_t i = had; i < *capp; i++) (*idsp)[i] = (uint32_t)i + 1;
    return WR_OK;
}

wr_status wri_over_copy(wr_batch *out, wr_col *to, uint32_t j, const wr_col *from, uint32_t i, wr_err *err) {
    if (to->phys == WR_STR) to->str[j] = from->str[i];
    else to->i64[j] = from->i64[i];
    if (!wr_is_null(from, i)) return WR_OK;
    if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(to->nulls, j);
    return WR_OK;
}

wr_status wri_over_batch(wr_op *op, wr_batch *in, wr_batch **outp, wr_err *err) {
    const wr_node *n = op->node;
    uint32_t first = n->out.n - n->over.n_calls, *cols = wr_alloc(((size_t)n->out.n + 1) * sizeof *cols);
    *outp = NULL;
    if (!cols) return wr_fail_oom(err, "OVER");
    for (uint32_t c = 0; c < n->out.n; c++) cols[c] = c < first ? c : UINT32_MAX;
    wr_status s = wr_batch_share(in, cols, n->out.n, outp, err);
    wr_free(cols);
    return s;
}

wr_status wri_over_start(wri_over_out *o, wr_batch *out, uint32_t n, wr_err *err) {
    if (!o->agg->plain) return wr_batch_col(out, o->col, wr_type_phys(o->agg->type), err);
    if (wr_grow(&o->states, &o->cap, ((size_t)n + 1) * o->agg->state_bytes, 1) != WR_OK)
        return wr_fail_oom(err, "OVER");
    return WR_OK;
}

/* A stride of 0 makes the one state that of every group; group 1 is asked for, since 0 may be ignored. */
wr_status wri_over_put_slow(wri_over_out *o, wr_batch *out, uint32_t i, const void *state, uint64_t *failed,
                            wr_err *err) {
    static const uint32_t one = 1;
    if (!o->one) WR_TRY(wr_batch_new(1, 1, &o->one, err));
    if (++o->n_one % 64 == 0) WR_TRY(wr_batch_reset(o->one, 1)); /* strings pile up */
    o->one->n = 1;
    uint64_t bad = 0;
    WR_TRY(o->agg->def->finish(o->agg, (char *)(uintptr_t)state, 0, &one, 1, o->one, 0, &bad, err));
    if (bad) wr_bit_set(failed, i);
    wr_col *to = &out->cols[o->col];
    const wr_col *from = &o->one->cols[0];
    WR_TRY(wri_over_copy(out, to, i, from, 0, err));
    if (to->phys != WR_STR || to->str[i].len <= WR_STR_INLINE) return WR_OK;
    return wr_batch_str(out, from->str[0].ptr, from->str[0].len, &to->str[i], err);
}

wr_status wri_over_finish(wri_over_out *o, wr_batch *out, const uint32_t *ids, uint32_t n, uint64_t *failed,
                          wr_err *err) {
    if (!o->agg->plain) return WR_OK;
    return o->agg->def->finish(o->agg, o->states, o->agg->state_bytes, ids, n, out, o->col, failed, err);
}

void wri_over_out_free(wri_over_out *o) {
    wr_free(o->states);
    wr_batch_drop(o->one);
}

wr_status wri_over_report(wr_op *op, wr_batch **bp, const uint64_t *failed, wr_err *err) {
    wr_batch *b = *bp, *out;
    uint64_t any = 0;
    for (uint32_t w = 0; w < wr_bitmap_words(b->n); w++) any |= failed[w];
    if (!any) return WR_OK;
    uint32_t *bad = wr_alloc(2 * (size_t)b->n * sizeof *bad), n_bad = 0, n_good = 0;
    if (!bad) return wr_fail_oom(err, "OVER");
    uint32_t *good = bad + b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        if (wr_bit(failed, i)) bad[n_bad++] = i;
        else good[n_good++] = i;
    }
    wr_status s = wr_task_bad_rows(
        op, b, bad, NULL, "an aggregate of this row's frame overflowed its type or failed", n_bad, err);
    if (s == WR_OK) s = wr_batch_gather(b, good, n_good, NULL, 0, &out, err);
    if (s == WR_OK) {
        wr_batch_drop(b);
        *bp = out;
    }
    wr_free(bad);
    return s;
}
