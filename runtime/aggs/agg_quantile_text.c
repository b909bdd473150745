/* runtime/aggs/agg_quantile_text.c -- PERCENTILE_DISC of texts and bytes, for agg_quantile.c.
 *
 * All values are kept, 16 bytes a value and the bytes of long ones, in a list that is sorted by bytes when it
 * is read. DISTINCT: agg_sets.c. Serialised, tag 'W': count; per value, rising, length and bytes. */
#include "aggs_int.h"

#include <stdlib.h>

typedef struct texts {
    size_t n, cap;
    size_t sorted; /* items[0..sorted) are in order */
    wr_str *items; /* long bytes in the arena */
    wr_arena ar;
} texts;

static wr_status add(texts **tp, const wr_str *s, wr_err *err) {
    if (!*tp && !(*tp = wr_calloc(1, sizeof **tp))) return wr_fail_oom(err, "the values of a percentile");
    texts *t = *tp;
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 4;
        wr_str *items = wr_reallocn(t->items, cap, sizeof *items);
        if (!items) return wr_fail_oom(err, "the values of a percentile");
        t->items = items;
        t->cap = cap;
    }
    wr_str own = *s;
    if (s->len > WR_STR_INLINE) {
        if (!t->ar.block_bytes) t->ar.block_bytes = 64; /* most groups are small */
        char *copy = wr_arena_alloc(&t->ar, s->len);
        if (!copy) return wr_fail_oom(err, "the values of a percentile");
        own = wr_str_make(memcpy(copy, s->ptr, s->len), s->len);
    }
    t->items[t->n++] = own;
    return WR_OK;
}

wr_status wri_texts_update(const wr_agg_in *in, char *states, size_t stride, const uint32_t *gids,
                           wr_err *err) {
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(add(WRI_STATE(texts *, states, stride, g), &c->str[i], err));
    }
    return WR_OK;
}

static wr_status merge_one(const wr_agg_call *call, const wr_str *bytes, texts **tp, wr_err *err) {
    wri_reader r = wri_read_head(bytes, 'W');
    for (uint64_t left = wri_read_count(&r, 1); left > 0; left--) {
        uint64_t len = wri_read_varint(&r);
        const char *p = wri_read_bytes(&r, len);
        if (r.bad) break;
        wr_str s = wr_str_make(p, len);
        WR_TRY(add(tp, &s, err));
    }
    return wri_read_end(&r, call, err);
}

wr_status wri_texts_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                          const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(merge_one(call, &c->str[i], WRI_STATE(texts *, states, stride, g), err));
    }
    return WR_OK;
}

wr_status wri_texts_combine(void *into, const void *from, wr_err *err) {
    const texts *f = *(texts *const *)from;
    for (size_t i = 0; f && i < f->n; i++) WR_TRY(add(into, &f->items[i], err));
    return WR_OK;
}

static int compare(const void *a, const void *b) { return wr_str_cmp(a, b); }

static void put_in_order(texts *t) {
    if (t->sorted != t->n) qsort(t->items, t->n, sizeof *t->items, compare);
    t->sorted = t->n;
}

static wr_status put_texts(texts *t, wr_buf *out) {
    out->len = 0;
    if (t) put_in_order(t);
    WR_TRY(wri_put_head(out, 'W'));
    WR_TRY(wri_put_varint(out, t ? t->n : 0));
    for (size_t i = 0; t && i < t->n; i++) {
        WR_TRY(wri_put_varint(out, t->items[i].len));
        WR_TRY(wr_buf_put(out, wr_str_data(&t->items[i]), t->items[i].len));
    }
    return WR_OK;
}

wr_status wri_texts_partial(const char *states, size_t stride, const uint32_t *gids, uint32_t n,
                            wr_batch *out, uint32_t first_col, wr_err *err) {
    wr_col *col;
    wr_buf bytes = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        texts *t = *WRI_STATE_CONST(texts *, states, stride, gids[i]);
        s = put_texts(t, &bytes) == WR_OK ? wri_out_bytes(out, col, i, &bytes, err)
                                          : wr_fail_oom(err, "the values of a percentile");
    }
    wr_buf_free(&bytes);
    return s;
}

wr_status wri_texts_finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                           uint32_t n, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, WR_STR, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        texts *t = *WRI_STATE(texts *, states, stride, gids[i]);
        if (!t || t->n == 0) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        put_in_order(t);
        size_t r = (size_t)wri_nearest_rank(call->param.f64, t->n);
        wri_cell cell = {.text = {.v = t->items[call->desc ? t->n - 1 - r : r]}};
        WR_TRY(wri_cell_out(&cell, out, col, i, err));
    }
    return WR_OK;
}

void wri_texts_destroy(void *state) {
    texts *t = *(texts **)state;
    if (t) {
        wr_arena_free(&t->ar);
        wr_free(t->items);
    }
    wr_free(t);
    *(texts **)state = NULL;
}
