/* runtime/saved.c -- what operators save: a list of items while the barrier passes, bytes when a thread of
 * the pool writes them. saved_load.c has the way back. Batches that were made to be saved are packed at once:
 * a third of the memory waits for the writer, and the next batch lies where this one did.
 *
 *   item, msgpack: [tag, [key column, …], [number, …] | nil]; rows follow it unless there are numbers
 *   in a part of slots (ops/slots.h), whose numbers are raw little-endian words:
 *         [tag, [key column, …], nil, slot of each row]; rows follow it
 *         [LIST | BITMAP, [], [], slots]: those that it says anew */
#include <msgpack.h>
#include <stdlib.h>

#include "job_int.h"

enum { LIST, BITMAP }; /* tags: 32-bit numbers, or a bit for each slot in 64-bit words */

/* ---- saving ---- */

static wr_status add_item(wr_saver *s, wri_item **outp, uint32_t tag, wr_err *err) {
    if (wr_grow(&s->items, &s->cap, s->n + 1, sizeof *s->items) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    *outp = &s->items[s->n];
    **outp = (wri_item){.node = s->node,
                        .tag = tag,
                        .seq = (uint32_t)s->n,
                        .named = s->named,
                        .part = s->part,
                        .sub = s->named ? s->sub : 0};
    s->n++;
    return WR_OK;
}

wr_status wr_save_part(wr_saver *to, int64_t part, uint32_t sub, bool more, wr_err *err) {
    wri_item *item = NULL;
    to->named = true;
    to->part = part;
    to->sub = sub;
    if (to->straight) return WR_OK;
    WR_TRY(add_item(to, &item, 0, err));
    item->begins = true;
    item->more = more;
    return WR_OK;
}

/* Straight to whoever takes it. */
static wr_status hand_on(const wr_saver *s, wri_item item, wr_err *err) {
    item.node = s->node;
    item.named = s->named;
    item.part = s->part;
    item.sub = s->named ? s->sub : 0;
    return s->straight->take(s->straight->ctx, &item, err);
}

bool wr_save_anew(const wr_saver *to) { return !to->goes_on; }

wr_saver *wr_saver_of(wr_op *op, int64_t part, uint32_t sub) {
    wr_saver *s = op->task->aside ? op->task->aside : &op->task->saver;
    s->node = op->node->id;
    s->named = true;
    s->part = part;
    s->sub = sub;
    return s;
}

/* The item that rows of b become. *outp NULL: nothing is left to do, they are none or have been handed on. */
static wr_status add_rows(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                          wri_item **outp, wr_err *err) {
    *outp = NULL;
    if (b->n == 0) return WR_OK;
    if (to->straight) {
        wri_item one = {.tag = tag, .rows = b, .keys = (uint32_t *)keys, .n_keys = n_keys};
        return hand_on(to, one, err);
    }
    uint32_t *own = wr_arena_alloc(&to->ar, (n_keys + 1) * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    if (n_keys) memcpy(own, keys, n_keys * sizeof *own);
    WR_TRY(add_item(to, outp, tag, err));
    (*outp)->keys = own;
    (*outp)->n_keys = n_keys;
    return WR_OK;
}

wr_status wr_save_rows(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) {
    wri_item *item;
    WR_TRY(add_rows(to, tag, b, keys, n_keys, &item, err));
    if (item) item->rows = wr_batch_hold(b);
    return WR_OK;
}

/* While its columns are still in the cache; the batch's memory is used again for the next one. */
static wr_status pack(wr_saver *to, const wr_batch *b, wri_item *item, wr_err *err) {
    to->room.len = 0;
    WR_TRY(wr_rows_pack(b, &to->room, err));
    item->packed.data = wr_alloc(to->room.len);
    if (!item->packed.data) return wr_fail_oom(err, "a snapshot");
    memcpy(item->packed.data, to->room.data, to->room.len);
    item->packed.len = item->packed.cap = to->room.len;
    return WR_OK;
}

wr_status wr_save_made(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) {
    wri_item *item;
    WR_TRY(add_rows(to, tag, b, keys, n_keys, &item, err));
    return item ? pack(to, b, item, err) : WR_OK;
}

wr_status wr_save_slots(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                        const uint32_t *slots, wr_err *err) {
    wri_item *item;
    WR_TRY(add_rows(to, tag, b, keys, n_keys, &item, err));
    if (!item) return WR_OK; /* handed on: none of them is void */
    uint32_t *own = wr_arena_alloc(&to->ar, b->n * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < b->n; i++) own[i] = slots[i] & ((1u << WR_SLOT_BITS) - 1);
    item->slots = own;
    item->slots_len = b->n * sizeof *own;
    return pack(to, b, item, err);
}

static void list_bits(const uint64_t *bits, size_t words, uint32_t *list) {
    for (size_t w = 0; w < words; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1)
            *list++ = (uint32_t)w * 64 + (uint32_t)__builtin_ctzll(left);
}

wr_status wr_save_said(wr_saver *to, const uint64_t *bits, size_t words, uint32_t n, wr_err *err) {
    bool list = n * sizeof(uint32_t) < words * sizeof *bits;
    size_t len = list ? n * sizeof(uint32_t) : words * sizeof *bits;
    wri_item *item;
    if (to->straight) return WR_OK; /* what goes there is all there is */
    void *own = wr_arena_alloc(&to->ar, len + 1);
    if (!own) return wr_fail_oom(err, "a snapshot");
    if (list) list_bits(bits, words, own);
    else memcpy(own, bits, len);
    WR_TRY(add_item(to, &item, list ? LIST : BITMAP, err));
    item->slots = own;
    item->slots_len = len;
    return WR_OK;
}

wr_status wr_save_ints(wr_saver *to, uint32_t tag, const int64_t *ints, uint32_t n, wr_err *err) {
    wri_item *item;
    if (to->straight) return hand_on(to, (wri_item){.tag = tag, .ints = (int64_t *)ints, .n_ints = n}, err);
    int64_t *own = wr_arena_alloc(&to->ar, (n + 1) * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    if (n) memcpy(own, ints, n * sizeof *own);
    WR_TRY(add_item(to, &item, tag, err));
    item->ints = own;
    item->n_ints = n;
    return WR_OK;
}

wr_status wr_save_bytes(wr_saver *to, wr_ref *hold, const wr_part_from *from, wr_err *err) {
    wri_item *item;
    if (to->straight) return wr_fail(err, WR_EINTERNAL, "bytes on disk cannot be saved aside");
    wr_part_from *own = wr_arena_alloc(&to->ar, sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    *own = *from;
    WR_TRY(add_item(to, &item, 0, err));
    item->from = own;
    item->hold = wr_hold(hold);
    return WR_OK;
}

wr_status wri_save_ended(wr_saver *s, uint32_t node, wr_err *err) {
    wri_saver_at(s, node);
    return wr_save_ints(s, WRI_ITEM_ENDED, NULL, 0, err);
}

void wri_saver_at(wr_saver *s, uint32_t node) {
    s->node = node;
    s->named = false;
}

void wri_saver_reset(wr_saver *s) {
    for (size_t i = 0; i < s->n; i++) {
        wr_batch_drop(s->items[i].rows);
        wr_buf_free(&s->items[i].packed);
        wr_drop(s->items[i].hold);
    }
    s->n = 0;
    wr_arena_reset(&s->ar);
}

void wri_saver_free(wr_saver *s) {
    wri_saver_reset(s);
    wr_buf_free(&s->room);
    wr_free(s->items);
    wr_arena_free(&s->ar);
}

static int by_part(const void *x, const void *y) {
    const wri_item *a = x, *b = y;
    if (a->node != b->node) return a->node < b->node ? -1 : 1;
    if (a->named != b->named) return a->named ? -1 : 1; /* what is not named may be about what is */
    if (a->named && a->part != b->part) return a->part < b->part ? -1 : 1;
    if (a->sub != b->sub) return a->sub < b->sub ? -1 : 1;
    return a->seq < b->seq ? -1 : 1;
}

void wri_saver_sort(wr_saver *s) {
    if (s->n) qsort(s->items, s->n, sizeof *s->items, by_part);
}

static wr_status pack_head(const wri_item *item, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    int r = msgpack_pack_array(&pk, item->slots ? 4 : 3);
    if (r == 0) r = msgpack_pack_uint32(&pk, item->tag);
    if (r == 0) r = msgpack_pack_array(&pk, item->n_keys);
    for (uint32_t i = 0; r == 0 && i < item->n_keys; i++) r = msgpack_pack_uint32(&pk, item->keys[i]);
    if (r == 0 && (item->rows || item->packed.len)) r = msgpack_pack_nil(&pk);
    else if (r == 0) r = msgpack_pack_array(&pk, item->n_ints);
    for (uint32_t i = 0; r == 0 && i < item->n_ints; i++) r = msgpack_pack_int64(&pk, item->ints[i]);
    if (r == 0 && item->slots) r = msgpack_pack_bin(&pk, item->slots_len);
    if (r == 0 && item->slots) r = msgpack_pack_bin_body(&pk, item->slots, item->slots_len);
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

wr_status wri_item_pack(const wri_item *item, wr_buf *out, wr_err *err) {
    WR_TRY(pack_head(item, out, err));
    if (item->packed.len && wr_buf_put(out, item->packed.data, item->packed.len) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    return item->rows ? wr_rows_pack(item->rows, out, err) : WR_OK;
}

static wr_status say_item(const wri_item *item, wr_segment *to, wr_buf *head, wr_err *err) {
    if (item->from) return wr_segment_copy(to, item->from, err);
    head->len = 0;
    WR_TRY(pack_head(item, head, err));
    WR_TRY(wr_segment_put(to, head->data, head->len, err));
    if (item->packed.len) return wr_segment_put(to, item->packed.data, item->packed.len, err);
    return item->rows ? wr_rows_say(item->rows, to, err) : WR_OK; /* no copy of what is large */
}

wr_status wri_items_say(void *ctx, wr_segment *to, wr_err *err) {
    const wri_items *all = ctx;
    wr_buf head = {0};
    wr_status r = WR_OK;
    for (size_t i = 0; r == WR_OK && i < all->n; i++) {
        wri_item *item = &all->items[i];
        if (item->begins) continue;
        r = say_item(item, to, &head, err);
        wr_batch_drop(item->rows); /* what has been written is held no longer */
        item->rows = NULL;
        wr_buf_free(&item->packed);
    }
    wr_buf_free(&head);
    return r;
}
