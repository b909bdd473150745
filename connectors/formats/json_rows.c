/* connectors/formats/json_rows.c -- the rows read from one piece of a chunk: batches, NULLs, positions.
 *
 * Batches are reused: the decoder keeps a reference to the last WRI_JSON_POOL it made and takes one again
 * when nobody else holds it, so that steady work allocates nothing and touches no fresh memory. A batch has
 * room for about what is left of its piece: where few rows come at a time, those that wait in windows and
 * joins take the room of few.
 *
 * Position of a batch: chunk position + offset of its first record, at least the end of the batch before
 * (position + rows). A row costs at least two bytes of input ("{}", or a flattened element and its comma), so
 * positions of rows rise, also into the next chunk. */
#include "connectors/formats/json_int.h"

wr_status wri_json_rows_init(wri_json *d, wri_json_rows *h) {
    h->d = d;
    h->data = wr_arena_calloc(&d->ar, (d->n_cols + 1) * sizeof *h->data);
    h->seen = wr_arena_calloc(&d->ar, (d->n_words + 1) * sizeof *h->seen);
    h->spans = wr_arena_calloc(&d->ar, (d->n_cols + WRI_JSON_SLOTS) * sizeof *h->spans);
    h->minutes = wr_arena_calloc(&d->ar, (d->n_cols + 1) * sizeof *h->minutes);
    if (!h->data || !h->seen || !h->spans || !h->minutes) return WR_ENOMEM;
    for (uint32_t c = 0; c < d->n_cols; c++) memcpy(h->minutes[c].text, "1970-01-01T00:00", 16); /* us = 0 */
    return WR_OK;
}

void wri_json_rows_free(wri_json_rows *h) {
    wr_batch_drop(h->b);
    for (size_t i = 0; i < h->done.n; i++) wr_batch_drop(h->done.items[i]);
    wr_free(h->done.items);
    wr_free(h->bads);
}

/* ---- pool ---- */

static bool only_ours(const wr_batch *b) { return __atomic_load_n(&b->ref.count, __ATOMIC_ACQUIRE) == 1; }

void wri_json_pool_idle(wri_json *d) {
    for (uint32_t i = 0; i < WRI_JSON_POOL; i++) {
        wr_batch *b = d->pool[i];
        if (!b || b->n_held == 0 || !only_ours(b)) continue;
        if (wr_batch_reset(b, d->n_cols) == WR_OK) continue;
        wr_batch_drop(b);
        d->pool[i] = NULL;
    }
}

void wri_json_pool_free(wri_json *d) {
    for (uint32_t i = 0; i < WRI_JSON_POOL; i++) wr_batch_drop(d->pool[i]);
}

#define ROWS_MIN 16

/* As many as the bytes left make if they are like those of the chunk before; where they turn out to be more,
 * each batch of the piece is twice as large as the last. */
static uint32_t rows_to_come(const wri_json_rows *h) {
    size_t likely = (size_t)(h->end - h->p) / h->d->row_bytes;
    uint32_t most = h->d->batch_rows, rows = ROWS_MIN;
    if (h->done.n > 0) rows = 2 * h->done.items[h->done.n - 1]->cap;
    while (rows < most && rows < likely + likely / 8) rows *= 2;
    return rows < most ? rows : most;
}

/* A batch without rows; the caller has a reference of its own. NULL: out of memory. */
static wr_batch *pool_take(wri_json *d, uint32_t rows) {
    for (uint32_t i = 0; i < WRI_JSON_POOL; i++) {
        wr_batch *b = d->pool[i];
        if (b && only_ours(b) && b->cap >= rows && b->cap / 4 <= rows &&
            wr_batch_reset(b, d->n_cols) == WR_OK)
            return wr_batch_hold(b);
    }
    wr_batch *b;
    if (wr_batch_new(d->n_cols, rows, &b, NULL) != WR_OK) return NULL;
    uint32_t at = d->pool_next++ % WRI_JSON_POOL;
    wr_batch_drop(d->pool[at]); /* others hold it still and free it */
    d->pool[at] = wr_batch_hold(b);
    return b;
}

/* ---- batches ---- */

static wr_status codes_new(wri_json *d, wr_batch *b, uint32_t c) {
    wr_col *col = &b->cols[c];
    if (!d->dicts || !d->dicts[c] || !d->dicts[c]->values) return WR_OK;
    col->codes = wr_arena_alloc(&b->arena, b->cap * sizeof *col->codes);
    if (!col->codes) return WR_ENOMEM;
    col->dict = d->dicts[c]->values;
    return wr_batch_keep(b, &col->dict->ref, NULL);
}

static wr_status batch_columns(wri_json *d, wr_batch *b, void **data) {
    for (uint32_t c = 0; c < d->n_cols; c++) {
        WR_TRY(wr_batch_col(b, c, wr_type_phys(d->cols[c].type), NULL));
        data[c] = b->cols[c].data;
        WR_TRY(codes_new(d, b, c));
    }
    b->split = d->chunk->split;
    return d->has_text ? wr_batch_keep(b, d->chunk->hold, NULL) : WR_OK;
}

static bool push(wri_json_rows *h) {
    if (wr_grow(&h->done.items, &h->done.cap, h->done.n + 1, sizeof *h->done.items) != WR_OK) return false;
    h->pos_min = h->b->pos + h->b->n;
    h->done.items[h->done.n++] = h->b;
    h->b = NULL;
    return true;
}

bool wri_json_rows_room(wri_json_rows *h) {
    if (WR_LIKELY(h->b && h->row < h->b->cap)) return true;
    if (h->b && !push(h)) return !(h->oom = true);
    h->b = pool_take(h->d, rows_to_come(h));
    h->row = 0;
    if (h->b && batch_columns(h->d, h->b, h->data) == WR_OK) return true;
    wr_batch_drop(h->b);
    h->b = NULL;
    return !(h->oom = true);
}

void wri_json_rows_finish(wri_json_rows *h) {
    if (!h->b) return;
    if (h->row == 0) {
        wr_batch_drop(h->b);
        h->b = NULL;
    } else if (!push(h)) h->oom = true;
}

static void encode_codes(wri_json *d, wr_batch *b, uint32_t from, uint32_t n) {
    for (uint32_t c = 0; c < d->n_cols; c++) {
        wr_col *col = &b->cols[c];
        if (!col->codes) continue;
        if (wri_dict_encode(d->dicts[c], col->str + from, n, col->codes + from)) continue;
        col->codes = NULL; /* the batch still holds the dictionary, which does no harm */
        col->dict = NULL;
    }
}

void wri_json_rows_commit(wri_json_rows *h, uint32_t n, const char *from) {
    wr_batch *b = h->b;
    if (n == 0) return;
    if (h->row == 0) {
        int64_t pos = h->d->chunk->pos + (from - h->d->chunk->data);
        b->pos = pos > h->pos_min ? pos : h->pos_min;
    }
    if (h->d->dicts) encode_codes(h->d, b, h->row, n);
    h->row += n;
    b->n = h->row;
}

/* ---- NULLs ---- */

void wri_json_rows_null(wri_json_rows *h, uint32_t col) {
    wr_col *c = &h->b->cols[col];
    uint64_t *nulls = wr_batch_nulls(h->b, c);
    if (!nulls) {
        h->oom = true;
        return;
    }
    wr_bit_set(nulls, h->row);
    if (c->phys == WR_STR) c->str[h->row] = (wr_str){0};
    else c->i64[h->row] = 0; /* also the bits of 0.0 */
}

void wri_json_rows_forget(wri_json_rows *h, uint32_t row) {
    for (uint32_t i = 0; i < h->d->n_cols; i++) {
        uint64_t *nulls = h->b->cols[i].nulls;
        if (!nulls) continue;
        nulls[row >> 6] &= (UINT64_C(1) << (row & 63)) - 1;
        nulls[(row >> 6) + 1] = 0; /* a strip has at most 64 rows; the bitmap has a word to spare */
    }
}

void wri_json_rows_copy(wri_json_rows *h, const wri_json_node *but) {
    uint32_t row = h->row, skip = 0;
    for (uint32_t i = 0; i < h->d->n_cols; i++) {
        if (skip < but->n_under && but->under[skip] == i) {
            skip++;
            continue;
        }
        wr_col *c = &h->b->cols[i];
        if (c->phys == WR_STR) c->str[row] = c->str[row - 1];
        else c->i64[row] = c->i64[row - 1];
        if (wr_is_null(c, row - 1)) wr_bit_set(c->nulls, row);
        wri_json_saw(h, i);
    }
}

/* ---- bad records ---- */

void wri_json_rows_bad(wri_json_rows *h, const char *why, const char *p, size_t len) {
    wri_json *d = h->d;
    if (!h->defer) {
        wr_bad_record r = {.why = why,
                           .data = p,
                           .len = len,
                           .split = d->chunk->split,
                           .pos = d->chunk->pos + (p - d->chunk->data)};
        if (d->bad) d->bad(d->ctx, &r);
        return;
    }
    why = wr_arena_strdup(&d->why_ar, why);
    if (!why || wr_grow(&h->bads, &h->cap_bads, h->n_bads + 1, sizeof *h->bads) != WR_OK) {
        h->oom = true;
        return;
    }
    h->bads[h->n_bads++] = (wri_json_bad){.why = why, .at = (size_t)(p - d->chunk->data), .len = len};
}
