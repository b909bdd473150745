/* runtime/aggs/agg_items.c -- texts in the order of event time, split, position, then the text itself: the
 * state of LISTAGG and of extensions' aggregates, which takes a row of arguments for a text.
 *
 * A list that grows by doubling and is sorted when it is read. Serialised, tag 'L': count; per item time and
 * position (zigzag), split, length, bytes. */
#include "aggs_int.h"

#include <stdlib.h>

wr_status wri_items_add(wri_items **listp, const wri_item *it, wr_err *err) {
    if (!*listp && !(*listp = wr_calloc(1, sizeof **listp))) return wr_fail_oom(err, "a list");
    wri_items *l = *listp;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 2;
        wri_item *items = wr_reallocn(l->items, cap, sizeof *items);
        if (!items) return wr_fail_oom(err, "a list");
        l->items = items;
        l->cap = cap;
    }
    wri_item own = *it;
    if (it->text.len > WR_STR_INLINE) {
        if (!l->ar.block_bytes) l->ar.block_bytes = 64; /* most groups are small */
        char *copy = wr_arena_alloc(&l->ar, it->text.len);
        if (!copy) return wr_fail_oom(err, "a list");
        memcpy(copy, it->text.ptr, it->text.len);
        own.text = wr_str_make(copy, it->text.len);
    }
    l->items[l->n++] = own;
    l->text_bytes += own.text.len;
    return WR_OK;
}

wri_item wri_items_row(const wr_agg_call *call, const wr_agg_in *in, uint32_t i) {
    const wr_col *time = call->time == WR_NO_COL ? NULL : in->time;
    wri_item it = {.pos = in->pos + i, .split = in->split};
    if (in->place) {
        it.pos = in->place[i].pos;
        it.split = in->place[i].split;
    }
    if (time) it.time = wr_is_null(time, i) ? WR_TS_MIN : time->i64[i];
    return it;
}

static wr_status merge_one(const wr_agg_call *call, const wr_str *bytes, wri_items **listp, wr_err *err) {
    wri_reader r = wri_read_head(bytes, 'L');
    for (uint64_t left = wri_read_count(&r, 4); left > 0; left--) {
        wri_item it;
        it.time = wri_unzigzag(wri_read_varint(&r));
        it.pos = wri_unzigzag(wri_read_varint(&r));
        uint64_t split = wri_read_varint(&r), len = wri_read_varint(&r);
        const char *p = wri_read_bytes(&r, len);
        if (split > UINT32_MAX) r.bad = true;
        if (r.bad) break;
        it.split = (uint32_t)split;
        it.text = wr_str_make(p, len);
        WR_TRY(wri_items_add(listp, &it, err));
    }
    return wri_read_end(&r, call, err);
}

wr_status wri_items_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                          const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(merge_one(call, &c->str[i], WRI_STATE(wri_items *, states, stride, g), err));
    }
    return WR_OK;
}

static wr_status put_list(const wri_items *l, wr_buf *out) {
    out->len = 0;
    WR_TRY(wri_put_head(out, 'L'));
    WR_TRY(wri_put_varint(out, l ? l->n : 0));
    for (size_t i = 0; l && i < l->n; i++) {
        const wri_item *it = &l->items[i];
        WR_TRY(wri_put_varint(out, wri_zigzag(it->time)));
        WR_TRY(wri_put_varint(out, wri_zigzag(it->pos)));
        WR_TRY(wri_put_varint(out, it->split));
        WR_TRY(wri_put_varint(out, it->text.len));
        WR_TRY(wr_buf_put(out, wr_str_data(&it->text), it->text.len));
    }
    return WR_OK;
}

wr_status wri_items_partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    wr_col *col;
    wr_buf bytes = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        const wri_items *l = *WRI_STATE_CONST(wri_items *, states, stride, gids[i]);
        s = put_list(l, &bytes) == WR_OK ? wri_out_bytes(out, col, i, &bytes, err)
                                         : wr_fail_oom(err, "a list");
    }
    wr_buf_free(&bytes);
    return s;
}

wr_status wri_items_combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    (void)call;
    const wri_items *l = *(wri_items *const *)from;
    for (size_t i = 0; l && i < l->n; i++) WR_TRY(wri_items_add(into, &l->items[i], err));
    return WR_OK;
}

static int compare_items(const void *pa, const void *pb) {
    const wri_item *a = pa, *b = pb;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->pos != b->pos) return a->pos < b->pos ? -1 : 1;
    return wr_str_cmp(&a->text, &b->text);
}

void wri_items_sort(wri_items *l) { qsort(l->items, l->n, sizeof *l->items, compare_items); }

void wri_items_destroy(const wr_agg_call *call, void *state) {
    if (call->distinct) {
        wri_distinct_destroy(call, state);
        return;
    }
    wri_items *l = *(wri_items **)state;
    *(wri_items **)state = NULL;
    if (!l) return;
    wr_arena_free(&l->ar);
    wr_free(l->items);
    wr_free(l);
}
