/* runtime/ops/saved_rows.c -- see saved_rows.h. */
#include "saved_rows.h"

static wr_status copy_col(const wri_picked *rows, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *to = &out->cols[c];
    for (uint32_t i = 0; i < out->n; i++) {
        const wr_col *from = &rows[i].b->cols[c];
        bool null = wr_is_null(from, rows[i].row);
        if (to->phys != WR_STR) to->i64[i] = from->i64[rows[i].row];
        else {
            wr_str s = from->str[rows[i].row]; /* under a NULL: the empty string */
            WR_TRY(wr_batch_str(out, wr_str_data(&s), s.len, &to->str[i], err));
        }
        if (!null) continue;
        if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
        wr_bit_set(to->nulls, i);
    }
    return WR_OK;
}

static bool follows(const wri_picked *x, const wri_picked *y) { return y->b == x->b && y->row == x->row + 1; }

static wr_status copy_changes(const wri_picked *rows, wr_batch *out, wr_err *err) {
    bool any = false;
    for (uint32_t i = 0; i < out->n; i++) any |= rows[i].b->change != NULL;
    if (!any) return WR_OK;
    out->change = wr_arena_alloc(&out->arena, out->n);
    if (!out->change) return wr_fail_oom(err, "the kinds of changes");
    for (uint32_t i = 0; i < out->n; i++) {
        wr_change c = wr_change_of(rows[i].b, rows[i].row);
        bool whole = c == WR_UPDATE_BEFORE  ? i + 1 < out->n && follows(&rows[i], &rows[i + 1])
                     : c == WR_UPDATE_AFTER ? i > 0 && follows(&rows[i - 1], &rows[i])
                                            : true;
        out->change[i] = (uint8_t)(whole ? c : wr_lone_change(c));
    }
    return WR_OK;
}

static wr_status fill(const wri_picked *rows, uint32_t n_cols, wr_batch *b, wr_err *err) {
    for (uint32_t c = 0; c < n_cols; c++) {
        WR_TRY(wr_batch_col(b, c, rows[0].b->cols[c].phys, err));
        WR_TRY(copy_col(rows, b, c, err));
    }
    return copy_changes(rows, b, err);
}

wr_status wri_pick_rows(const wri_picked *rows, uint32_t n, uint32_t n_cols, uint32_t more, wr_batch **outp,
                        wr_err *err) {
    WR_TRY(wr_batch_new(n_cols + more, n, outp, err));
    (*outp)->n = n;
    (*outp)->split = WR_NO_SPLIT;
    wr_status s = n ? fill(rows, n_cols, *outp, err) : WR_OK;
    if (s == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return s;
}

static wr_status put_places(const wri_picked *rows, wr_batch *b, wr_err *err) {
    if (!wr_batch_places(b)) return wr_fail_oom(err, "places of rows");
    for (uint32_t i = 0; i < b->n; i++)
        b->place[i] = (wr_row_place){.pos = rows[i].pos, .split = rows[i].split};
    return WR_OK;
}

wr_status wri_save_picked(wr_saver *to, uint32_t tag, uint32_t n_cols, const wri_picked *rows, size_t n,
                          wr_err *err) {
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < WR_BATCH_ROWS ? n - at : WR_BATCH_ROWS;
        wr_batch *b;
        WR_TRY(wri_pick_rows(rows + at, (uint32_t)some, n_cols, 0, &b, err));
        wr_status s = put_places(rows + at, b, err);
        if (s == WR_OK) s = wr_save_rows(to, tag, b, NULL, 0, err);
        wr_batch_drop(b);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

wr_status wri_save_picked_slots(wr_saver *to, const wri_picked_slots *v, wr_err *err) {
    wr_batch *b;
    WR_TRY(wri_pick_rows(v->rows, v->n, v->n_cols, 0, &b, err));
    wr_status s = put_places(v->rows, b, err);
    if (s == WR_OK) s = wr_save_slots(to, v->tag, b, v->keys, v->n_keys, v->ids, err);
    wr_batch_drop(b);
    return s;
}

wr_status wri_check_picked(const wr_batch *b, const wr_schema *schema, wr_err *err) {
    bool ok = b->n_cols == schema->n && b->place;
    for (uint32_t c = 0; ok && c < b->n_cols; c++)
        ok = b->cols[c].phys == wr_type_phys(schema->fields[c].type);
    return ok ? WR_OK : wr_fail(err, WR_EDATA, "rows in the snapshot are not as they were written");
}
