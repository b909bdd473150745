/* runtime/aggs/agg_listagg.c -- LISTAGG(text [, separator]) (STRING_AGG).
 *
 * Values in the order of event time, split, position, then the text itself; DISTINCT: in the order of
 * the text. NULLs are left out. State: a list that grows by doubling and is sorted when it is read.
 * Serialised, tag 'L': count; per value time and position (zigzag), split, length, bytes. */
#include "aggs_int.h"

#include <stdlib.h>

typedef struct item {
    int64_t time, pos;
    uint32_t split;
    wr_str text; /* long bytes in the list's arena */
} item;

typedef struct list {
    size_t n, cap;
    uint64_t text_bytes; /* of all texts */
    item *items;
    wr_arena ar;
} list;

static wr_status bind(wr_agg_call *call, wr_err *err) {
    wr_type t = call->arg_types[0];
    if (!wr_kind_is_text((wr_kind)t.kind) && t.kind != WR_T_NULL) return wri_bad_arg(call, 0, "text", err);
    if (t.kind == WR_T_NULL) call->arg_types[0] = wr_type_of(WR_T_VARCHAR);
    call->type = wr_type_of(WR_T_VARCHAR);
    call->grows = true;
    call->state_bytes = sizeof(list *);
    call->n_partials = 0;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

/* Copies it->text into the list. */
static wr_status add(list **listp, const item *it, wr_err *err) {
    if (!*listp && !(*listp = wr_calloc(1, sizeof **listp))) return wr_fail_oom(err, "LISTAGG");
    list *l = *listp;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 2;
        item *items = wr_reallocn(l->items, cap, sizeof *items);
        if (!items) return wr_fail_oom(err, "LISTAGG");
        l->items = items;
        l->cap = cap;
    }
    item own = *it;
    if (it->text.len > WR_STR_INLINE) {
        if (!l->ar.block_bytes) l->ar.block_bytes = 64; /* most groups are small */
        char *copy = wr_arena_alloc(&l->ar, it->text.len);
        if (!copy) return wr_fail_oom(err, "LISTAGG");
        memcpy(copy, it->text.ptr, it->text.len);
        own.text = wr_str_make(copy, it->text.len);
    }
    l->items[l->n++] = own;
    l->text_bytes += own.text.len;
    return WR_OK;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0], *time = call->time == WR_NO_COL ? NULL : in->time;
    if (c->phys != WR_STR) return WR_OK; /* a bare NULL: no value at all */
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        item it = {.pos = in->pos + i, .split = in->split, .text = c->str[i]};
        if (time) it.time = wr_is_null(time, i) ? WR_TS_MIN : time->i64[i];
        WR_TRY(add(WRI_STATE(list *, states, stride, g), &it, err));
    }
    return WR_OK;
}

static wr_status merge_one(const wr_agg_call *call, const wr_str *bytes, list **listp, wr_err *err) {
    wri_reader r = wri_read_head(bytes, 'L');
    for (uint64_t left = wri_read_count(&r, 4); left > 0; left--) {
        item it;
        it.time = wri_unzigzag(wri_read_varint(&r));
        it.pos = wri_unzigzag(wri_read_varint(&r));
        uint64_t split = wri_read_varint(&r), len = wri_read_varint(&r);
        const char *p = wri_read_bytes(&r, len);
        if (split > UINT32_MAX) r.bad = true;
        if (r.bad) break;
        it.split = (uint32_t)split;
        it.text = wr_str_make(p, len);
        WR_TRY(add(listp, &it, err));
    }
    return wri_read_end(&r, call, err);
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_merge(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(merge_one(call, &c->str[i], WRI_STATE(list *, states, stride, g), err));
    }
    return WR_OK;
}

static wr_status put_list(const list *l, wr_buf *out) {
    out->len = 0;
    WR_TRY(wri_put_head(out, 'L'));
    WR_TRY(wri_put_varint(out, l ? l->n : 0));
    for (size_t i = 0; l && i < l->n; i++) {
        const item *it = &l->items[i];
        WR_TRY(wri_put_varint(out, wri_zigzag(it->time)));
        WR_TRY(wri_put_varint(out, wri_zigzag(it->pos)));
        WR_TRY(wri_put_varint(out, it->split));
        WR_TRY(wri_put_varint(out, it->text.len));
        WR_TRY(wr_buf_put(out, wr_str_data(&it->text), it->text.len));
    }
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    if (call->distinct) return wri_distinct_partial(call, states, stride, gids, n, out, first_col, err);
    wr_col *col;
    wr_buf bytes = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        const list *l = *WRI_STATE_CONST(list *, states, stride, gids[i]);
        s = put_list(l, &bytes) == WR_OK ? wri_out_bytes(out, col, i, &bytes, err)
                                         : wr_fail_oom(err, "LISTAGG");
    }
    wr_buf_free(&bytes);
    return s;
}

static int compare_items(const void *pa, const void *pb) {
    const item *a = pa, *b = pb;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->pos != b->pos) return a->pos < b->pos ? -1 : 1;
    return wr_str_cmp(&a->text, &b->text);
}

/* The joined text in out's arena; length already known to fit. */
static wr_status join(const list *l, const wr_str *sep, uint64_t bytes, wr_batch *out, wr_str *to,
                      wr_err *err) {
    char small[WR_STR_INLINE];
    char *text = bytes <= WR_STR_INLINE ? small : wr_arena_alloc(&out->arena, bytes), *at = text;
    if (!text) return wr_fail_oom(err, "LISTAGG");
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0) at = (char *)memcpy(at, wr_str_data(sep), sep->len) + sep->len;
        at = (char *)memcpy(at, wr_str_data(&l->items[i].text), l->items[i].text.len) + l->items[i].text.len;
    }
    *to = wr_str_make(text, bytes);
    return WR_OK;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    wr_col *col;
    wr_str sep = call->param.null ? wr_str_make(",", 1) : call->param.str;
    WR_TRY(wri_out(out, c, WR_STR, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        list *l = *WRI_STATE(list *, states, stride, gids[i]);
        if (!l || l->n == 0) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        uint64_t bytes = l->text_bytes + (uint64_t)sep.len * (l->n - 1);
        if (bytes > UINT32_MAX) { /* no string is that long */
            WR_TRY(wri_out_failed(out, col, i, failed, err));
            continue;
        }
        qsort(l->items, l->n, sizeof *l->items, compare_items);
        WR_TRY(join(l, &sep, bytes, out, &col->str[i], err));
    }
    return WR_OK;
}

static void destroy(const wr_agg_call *call, void *state) {
    if (call->distinct) {
        wri_distinct_destroy(call, state);
        return;
    }
    list *l = *(list **)state;
    *(list **)state = NULL;
    if (!l) return;
    wr_arena_free(&l->ar);
    wr_free(l->items);
    wr_free(l);
}

#define LIST_DEF(sql, text)                                                                                  \
    {                                                                                                        \
        .name = sql, .signature = sql "([DISTINCT] text [, separator])", .doc = text, .min_args = 1,         \
        .max_args = 1, .takes_param = true, .needs_time = true, .bind = bind, .update = update,              \
        .merge = merge, .partial = partial, .finish = finish, .destroy = destroy,                            \
    }
const wr_agg_def wr_agg_listagg =
    LIST_DEF("LISTAGG", "The texts in the order of event time, joined by the separator (a comma).");
const wr_agg_def wr_agg_string_agg = LIST_DEF("STRING_AGG", "As LISTAGG.");
