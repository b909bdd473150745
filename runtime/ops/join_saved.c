/* runtime/ops/join_saved.c -- what joins keep, in snapshots; see join_saved.h. */
#include "join_saved.h"

static wr_status share_block(wr_batch *block, uint32_t n_cols, wr_batch **outp, wr_err *err) {
    uint32_t *cols = wr_alloc((n_cols + 1) * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "a snapshot");
    for (uint32_t c = 0; c < n_cols; c++) cols[c] = c < block->n_cols ? c : UINT32_MAX;
    wr_status r = wr_batch_share(block, cols, n_cols, outp, err);
    wr_free(cols);
    return r;
}

wr_status wri_block_saved(wr_batch *block, bool grows, uint32_t n_cols, wr_batch **outp, wr_err *err) {
    if (!grows) return share_block(block, n_cols, outp, err);
    WR_TRY(wr_batch_new(n_cols, block->n, outp, err));
    (*outp)->n = block->n;
    wr_status r = WR_OK;
    for (uint32_t c = 0; r == WR_OK && c < block->n_cols; c++)
        r = wr_batch_copy_col(*outp, c, &block->cols[c], err);
    if (r == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return r;
}

static wr_status gather_block(const wri_jside *side, const wri_picked *rows, uint32_t n, uint32_t n_cols,
                              wr_batch **outp, wr_err *err) {
    wr_batch *in = (wr_batch *)(uintptr_t)rows->b, *some = NULL;
    uint32_t *idx = wr_alloc(((size_t)n + n_cols + 1) * sizeof *idx), *cols = idx + n;
    wr_status r = idx ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) idx[i] = rows[i].row;
    for (uint32_t c = 0; r == WR_OK && c < n_cols; c++) cols[c] = c < side->n_kept ? c : UINT32_MAX;
    if (r == WR_OK) r = wr_batch_gather(in, idx, n, NULL, 0, &some, err);
    if (r == WR_OK) r = wr_batch_share(some, cols, n_cols, outp, err);
    wr_batch_drop(some);
    wr_free(idx);
    return r;
}

wr_status wri_block_rows_saved(const wri_jside *side, const wri_picked *rows, uint32_t n, uint32_t n_cols,
                               wr_batch **outp, wr_err *err) {
    bool one = n >= WRI_TOGETHER, all = one && n == rows->b->n && n == rows->b->cap;
    for (uint32_t i = 0; one && i < n; i++) {
        one = rows[i].b == rows->b;
        all = all && one && rows[i].row == i;
    }
    if (all) return share_block((wr_batch *)(uintptr_t)rows->b, n_cols, outp, err); /* it grows no more */
    return one ? gather_block(side, rows, n, n_cols, outp, err)
               : wri_pick_rows(rows, n, side->n_kept, n_cols - side->n_kept, outp, err);
}

wr_status wri_marks_saved(wr_batch *b, uint32_t c, const uint64_t *bits, size_t first, wr_err *err) {
    WR_TRY(wr_batch_col(b, c, WR_I64, err));
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].i64[i] = (int64_t)(bits[(first + i) >> 6] >> ((first + i) & 63) & 1);
    return WR_OK;
}

wr_status wri_rows_save(const wri_rows *r, const wri_jside *s, const wr_node *n, const uint64_t *matched,
                        uint32_t tag, wr_saver *to, wr_err *err) {
    for (size_t k = 0; k < r->n; k++) {
        wr_batch *block = r->blocks[k], *b;
        WR_TRY(wri_block_saved(block, block->n < block->cap, s->n + (matched != NULL), &b, err));
        wr_status st = matched ? wri_marks_saved(b, s->n, matched, (size_t)block->pos, err) : WR_OK;
        if (st == WR_OK) st = wr_save_rows(to, tag, b, s->keys, wri_owner_keys(n), err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
    return WR_OK;
}

/* The block that row `number` is in. */
static const wr_batch *block_with(const wri_rows *r, uint32_t number) {
    size_t lo = 0, hi = r->n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if ((uint64_t)r->blocks[mid]->pos <= number) lo = mid;
        else hi = mid;
    }
    return r->blocks[lo];
}

/* ids[0..n): their rows are rows[0..n). */
static wr_status save_numbers(const wri_jside *s, const wr_node *node, const uint64_t *matched, uint32_t tag,
                              const wri_picked *rows, const uint32_t *ids, uint32_t n, wr_saver *to,
                              wr_err *err) {
    wr_batch *b = NULL;
    if (n == 0) return WR_OK;
    wr_status r = wri_block_rows_saved(s, rows, n, s->n + (matched != NULL), &b, err);
    if (r == WR_OK && matched) r = wr_batch_col(b, s->n, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && matched && i < n; i++) b->cols[s->n].i64[i] = wr_bit(matched, ids[i]);
    if (r == WR_OK) r = wr_save_slots(to, tag, b, s->keys, wri_owner_keys(node), ids, err);
    wr_batch_drop(b);
    return r;
}

wr_status wri_rows_save_slots(const wri_rows *r, const wri_jside *s, const wr_node *node,
                              const uint64_t *matched, uint32_t tag, const uint32_t *ids, uint32_t n,
                              wr_saver *to, wr_err *err) {
    wri_picked *rows = wr_alloc(n * sizeof *rows + 1);
    wr_status st = rows ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t at = 0, next; st == WR_OK && at < n; at = next) {
        const wr_batch *b = block_with(r, ids[at]);
        for (next = at; next < n && ids[next] - (uint64_t)b->pos < b->n; next++)
            rows[next] = (wri_picked){.b = b, .row = ids[next] - (uint32_t)b->pos};
        if (next - at >= WRI_TOGETHER || next == n) {
            st = save_numbers(s, node, matched, tag, rows, ids, at, to, err);
            if (st == WR_OK)
                st = save_numbers(s, node, matched, tag, rows + at, ids + at, next - at, to, err);
            ids += next;
            n -= next;
            next = 0;
        }
    }
    wr_free(rows);
    return st;
}

wr_status wri_jside_check(const wri_jside *s, const wr_saved *saved, uint32_t more, wr_err *err) {
    const wr_batch *b = saved->rows;
    bool ok = b && b->n_cols == s->n + more;
    for (uint32_t c = 0; ok && c < b->n_cols; c++) ok = b->cols[c].phys == (c < s->n ? s->phys[c] : WR_I64);
    return ok ? WR_OK : wr_fail(err, WR_EDATA, "rows of a join in the snapshot are not as they were written");
}
