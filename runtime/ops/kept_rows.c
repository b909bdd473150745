/* runtime/ops/kept_rows.c -- see kept_rows.h. */
#include "kept_rows.h"

#include <stdlib.h>

typedef struct head {
    int64_t time, pos;
    uint32_t split, zero, bytes;
} head;
#define HEAD_BYTES 28

static size_t null_bytes(uint32_t n_cols) { return (n_cols + 7) / 8; }

static head head_of(const char *row) {
    head h;
    memcpy(&h, row, HEAD_BYTES);
    return h;
}

static size_t bytes_of(const wr_batch *b, uint32_t i) {
    size_t bytes = HEAD_BYTES + null_bytes(b->n_cols);
    for (uint32_t c = 0; c < b->n_cols; c++) {
        const wr_col *col = &b->cols[c];
        if (wr_is_null(col, i)) continue;
        bytes += col->phys == WR_STR ? 4 + (size_t)col->str[i].len : 8;
    }
    return bytes;
}

wr_status wri_kept_add(wr_buf *buf, const wr_batch *b, uint32_t time_col, uint32_t i, wr_err *err) {
    size_t bytes = bytes_of(b, i);
    if (bytes > UINT32_MAX) return wr_fail(err, WR_ELIMIT, "a row of more than 4 GiB in an open session");
    if (wr_buf_reserve(buf, bytes) != WR_OK) return wr_fail_oom(err, "the rows of open sessions");
    wr_row_place at_source = wr_place_of(b, i);
    head h = {.time = time_col < b->n_cols ? b->cols[time_col].i64[i] : 0,
              .pos = at_source.pos,
              .split = at_source.split,
              .bytes = (uint32_t)bytes};
    char *at = buf->data + buf->len, *nulls = at + HEAD_BYTES;
    memcpy(at, &h, HEAD_BYTES);
    memset(nulls, 0, null_bytes(b->n_cols));
    at = nulls + null_bytes(b->n_cols);
    for (uint32_t c = 0; c < b->n_cols; c++) {
        const wr_col *col = &b->cols[c];
        if (wr_is_null(col, i)) nulls[c / 8] = (char)(nulls[c / 8] | 1 << c % 8);
        else if (col->phys == WR_STR) {
            memcpy(at, &col->str[i].len, 4);
            memcpy(at + 4, wr_str_data(&col->str[i]), col->str[i].len);
            at += 4 + (size_t)col->str[i].len;
        } else {
            memcpy(at, &col->i64[i], 8);
            at += 8;
        }
    }
    buf->len += bytes;
    return WR_OK;
}

static int by_place(const void *x, const void *y) {
    head a = head_of(((const wri_kept *)x)->row), b = head_of(((const wri_kept *)y)->row);
    if (a.time != b.time) return a.time < b.time ? -1 : 1;
    if (a.split != b.split) return a.split < b.split ? -1 : 1;
    return (a.pos > b.pos) - (a.pos < b.pos);
}

wr_status wri_kept_list_add(wri_kept_list *l, const wr_buf *buf, int64_t start, int64_t end, wr_err *err) {
    size_t first = l->n;
    for (size_t at = 0; at < buf->len; at += head_of(buf->data + at).bytes) {
        if (wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items) != WR_OK)
            return wr_fail_oom(err, "the rows of a session");
        l->items[l->n++] = (wri_kept){buf->data + at, start, end};
    }
    if (l->n > first) qsort(l->items + first, l->n - first, sizeof *l->items, by_place);
    return WR_OK;
}

static wr_status read_row(const char *row, uint32_t n_cols, wr_batch *b, uint32_t i, wr_err *err) {
    const char *nulls = row + HEAD_BYTES, *at = nulls + null_bytes(n_cols);
    for (uint32_t c = 0; c < n_cols; c++) {
        wr_col *col = &b->cols[c];
        if (nulls[c / 8] >> c % 8 & 1) {
            if (!wr_batch_nulls(b, col)) return wr_fail_oom(err, "a NULL bitmap");
            wr_bit_set(col->nulls, i);
            if (col->phys == WR_STR) col->str[i] = wr_str_make("", 0);
            else col->i64[i] = 0;
        } else if (col->phys == WR_STR) {
            uint32_t len;
            memcpy(&len, at, 4);
            WR_TRY(wr_batch_str(b, at + 4, len, &col->str[i], err));
            at += 4 + (size_t)len;
        } else {
            memcpy(&col->i64[i], at, 8);
            at += 8;
        }
    }
    return WR_OK;
}

wr_status wri_kept_read(const wri_kept *rows, const wr_phys *phys, uint32_t n_cols, wr_batch *b,
                        wr_err *err) {
    for (uint32_t c = 0; c < n_cols; c++) WR_TRY(wr_batch_col(b, c, phys[c], err));
    for (uint32_t i = 0; i < b->n; i++) WR_TRY(read_row(rows[i].row, n_cols, b, i, err));
    return WR_OK;
}

wr_row_place wri_kept_place(const char *row) {
    wr_row_place at;
    memcpy(&at.pos, row + 8, sizeof at.pos);
    memcpy(&at.split, row + 16, sizeof at.split);
    return at;
}
