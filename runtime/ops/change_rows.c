/* runtime/ops/change_rows.c -- see change_rows.h. */
#include "change_rows.h"

bool wri_same_value(const wr_col *x, uint32_t i, const wr_col *y, uint32_t j) {
    bool nx = wr_is_null(x, i), ny = wr_is_null(y, j);
    if (nx || ny) return nx == ny;
    return x->phys == WR_STR ? wr_str_eq(&x->str[i], &y->str[j]) : x->i64[i] == y->i64[j];
}

bool wri_same_values(const wr_batch *x, uint32_t i, const wr_batch *y, uint32_t j, uint32_t first) {
    for (uint32_t c = first; c < x->n_cols; c++)
        if (!wri_same_value(&x->cols[c], i, &y->cols[c], j)) return false;
    return true;
}

static wr_status gather_col(const wri_change_row *ch, size_t n, wr_batch *out, uint32_t c, wr_err *err) {
    WR_TRY(wr_batch_col(out, c, ch[0].from->cols[c].phys, err));
    wr_col *to = &out->cols[c];
    bool nulls = false;
    for (size_t i = 0; i < n; i++) {
        const wr_col *from = &ch[i].from->cols[c];
        if (to->phys == WR_STR) to->str[i] = from->str[ch[i].row];
        else to->i64[i] = from->i64[ch[i].row];
        nulls |= from->nulls != NULL;
    }
    if (!nulls) return WR_OK;
    if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
    for (size_t i = 0; i < n; i++)
        if (wr_is_null(&ch[i].from->cols[c], ch[i].row)) wr_bit_set(to->nulls, (uint32_t)i);
    return WR_OK;
}

static wr_status fill(const wri_change_row *ch, size_t n, bool append_only, wr_batch *out, wr_err *err) {
    out->n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        if ((i == 0 || ch[i].from != ch[i - 1].from) && (i < 2 || ch[i].from != ch[i - 2].from))
            WR_TRY(wr_batch_keep(out, &ch[i].from->ref, err));
    for (uint32_t c = 0; c < out->n_cols; c++) WR_TRY(gather_col(ch, n, out, c, err));
    if (append_only) return WR_OK;
    out->change = wr_arena_alloc(&out->arena, n);
    if (!out->change) return wr_fail_oom(err, "the kinds of changes");
    for (size_t i = 0; i < n; i++) out->change[i] = (uint8_t)ch[i].kind;
    return WR_OK;
}

wr_status wri_change_emit(wri_change_rows *l, wr_op *op, bool append_only, wr_err *err) {
    size_t step = wr_task_batch_rows(op->task);
    for (size_t at = 0, n; at < l->n; at += n) {
        n = l->n - at < step ? l->n - at : step;
        n += l->items[at + n - 1].kind == WR_UPDATE_BEFORE;
        wr_batch *out;
        WR_TRY(wr_batch_new(op->node->out.n, (uint32_t)n, &out, err));
        wr_status s = fill(l->items + at, n, append_only, out, err);
        if (s == WR_OK) s = wr_emit(op, out, err);
        wr_batch_drop(out);
        if (s != WR_OK) return s;
    }
    l->n = 0;
    return WR_OK;
}
