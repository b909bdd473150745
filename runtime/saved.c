/* runtime/saved.c -- what operators save: items, from the barrier on until a thread of its own has written
 * them. saved_load.c has the way back. Batches that an operator has anyway are held and packed when they are
 * written. All else is packed at once, into a few large buffers that the next snapshot uses again: a third of
 * the memory waits for the writer, the next batch lies where this one did, and no page is asked for anew.
 *
 *   item, msgpack: [tag, [key column, …], [number, …] | nil]; rows follow it unless there are numbers
 *   in a part of slots (ops/slots.h), whose numbers are raw little-endian words:
 *         [tag, [key column, …], nil, slot of each row]; rows follow it
 *         [LIST | BITMAP, [], [], slots]: those that it says anew */
#include <msgpack.h>
#include <stdlib.h>

#include "job_int.h"

enum { LIST, BITMAP }; /* tags: 32-bit numbers, or a bit for each slot in 64-bit words */

#ifdef WR_DEBUG
#define BUF ((size_t)4 << 10) /* so that tests have several */
#else
#define BUF ((size_t)256 << 10) /* bytes: the next item goes to another one */
#endif

/* ---- saving ---- */

static wr_status add_item(wr_saver *s, wri_item **outp, wr_err *err) {
    if (wr_grow(&s->items, &s->cap, s->n + 1, sizeof *s->items) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    *outp = &s->items[s->n];
    **outp = (wri_item){.node = s->node,
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
    WR_TRY(add_item(to, &item, err));
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

bool wr_save_whole(wr_save_turn *t, const wr_saver *to, uint32_t no, uint64_t changed, uint64_t live) {
    bool anew = wr_save_anew(to) || !t->based;
    uint64_t part = (no + 1) * UINT32_C(0x9e3779b9) >> 24; /* of 256, the golden section: far from others' */
    uint64_t most = t->alone ? WR_SAVED_MOST * live : live + (WR_SAVED_MOST - 1) * live * part / 256;
    bool whole = anew || t->rows + changed > most;
    if (whole) *t = (wr_save_turn){.based = true, .alone = !anew};
    return whole;
}

wr_saver *wr_saver_of(wr_op *op, int64_t part, uint32_t sub) {
    wr_saver *s = op->task->aside ? op->task->aside : &op->task->saver;
    s->node = op->node->id;
    s->named = true;
    s->part = part;
    s->sub = sub;
    return s;
}

wr_status wr_save_rows(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) {
    wri_item *item, all = {.tag = tag, .rows = b, .keys = keys, .n_keys = n_keys};
    if (b->n == 0) return WR_OK;
    if (to->straight) return hand_on(to, all, err);
    uint32_t *own = wr_arena_alloc(&to->ar, (n_keys + 1) * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    if (n_keys) memcpy(own, keys, n_keys * sizeof *own);
    WR_TRY(add_item(to, &item, err));
    item->tag = tag;
    item->rows = wr_batch_hold(b);
    item->keys = own;
    item->n_keys = n_keys;
    return WR_OK;
}

/* The buffer that the next item is packed into. */
static wr_status next_buf(wr_saver *s, wr_buf **outp, wr_err *err) {
    if (s->n_bufs == 0 || s->bufs[s->n_bufs - 1].len >= BUF) {
        if (s->n_bufs == s->n_made) {
            if (wr_grow(&s->bufs, &s->bufs_cap, s->n_made + 1, sizeof *s->bufs) != WR_OK)
                return wr_fail_oom(err, "a snapshot");
            s->bufs[s->n_made++] = (wr_buf){0};
        }
        s->n_bufs++;
    }
    *outp = &s->bufs[s->n_bufs - 1];
    return WR_OK;
}

/* While what it is made of is still in the cache. */
static wr_status pack(wr_saver *to, const wri_item *what, wr_err *err) {
    wr_buf *buf = NULL;
    wri_item *item;
    WR_TRY(next_buf(to, &buf, err));
    size_t at = buf->len;
    wr_status r = wri_item_pack(what, buf, err);
    if (r == WR_OK) r = add_item(to, &item, err);
    if (r != WR_OK) {
        buf->len = at;
        return r;
    }
    item->buf = to->n_bufs - 1;
    item->at = at;
    item->len = buf->len - at;
    to->sum.rows += what->rows ? what->rows->n : 0;
    to->sum.bytes += item->len;
    return WR_OK;
}

wr_save_sum wr_saved_so_far(const wr_saver *to) { return to->sum; }

wr_status wr_save_made(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) {
    wri_item item = {.tag = tag, .rows = b, .keys = keys, .n_keys = n_keys};
    if (b->n == 0) return WR_OK;
    return to->straight ? hand_on(to, item, err) : pack(to, &item, err);
}

/* Scratch for n numbers. */
static uint32_t *room_for(wr_saver *s, uint32_t n) {
    return wr_grow(&s->room, &s->room_cap, (size_t)n + 1, sizeof *s->room) == WR_OK ? s->room : NULL;
}

wr_status wr_save_slots(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                        const uint32_t *slots, wr_err *err) {
    wri_item item = {.tag = tag, .rows = b, .keys = keys, .n_keys = n_keys};
    if (b->n == 0) return WR_OK;
    if (to->straight) return hand_on(to, item, err); /* none of them is void */
    uint32_t *low = room_for(to, b->n);
    if (!low) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < b->n; i++) low[i] = slots[i] & ((1u << WR_SLOT_BITS) - 1);
    item.slots = low;
    item.slots_len = b->n * sizeof *low;
    return pack(to, &item, err);
}

static void list_bits(const uint64_t *bits, size_t words, uint32_t *list) {
    for (size_t w = 0; w < words; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1)
            *list++ = (uint32_t)w * 64 + (uint32_t)__builtin_ctzll(left);
}

wr_status wr_save_said(wr_saver *to, const uint64_t *bits, size_t words, uint32_t n, wr_err *err) {
    wri_item item = {.tag = BITMAP, .slots = bits, .slots_len = words * sizeof *bits};
    if (to->straight) return WR_OK; /* what goes there is all there is */
    if (n * sizeof(uint32_t) < item.slots_len) {
        uint32_t *list = room_for(to, n);
        if (!list) return wr_fail_oom(err, "a snapshot");
        list_bits(bits, words, list);
        item = (wri_item){.tag = LIST, .slots = list, .slots_len = n * sizeof *list};
    }
    return pack(to, &item, err);
}

wr_status wr_save_ints(wr_saver *to, uint32_t tag, const int64_t *ints, uint32_t n, wr_err *err) {
    wri_item item = {.tag = tag, .ints = ints, .n_ints = n};
    return to->straight ? hand_on(to, item, err) : pack(to, &item, err);
}

wr_status wr_save_bytes(wr_saver *to, wr_ref *hold, const wr_part_from *from, wr_err *err) {
    wri_item *item;
    if (to->straight) return wr_fail(err, WR_EINTERNAL, "bytes on disk cannot be saved aside");
    wr_part_from *own = wr_arena_alloc(&to->ar, sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    *own = *from;
    WR_TRY(add_item(to, &item, err));
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

static void keep_bufs(wr_saver *s, size_t n) {
    while (s->n_made > n) wr_buf_free(&s->bufs[--s->n_made]);
    for (size_t i = 0; i < s->n_made; i++) s->bufs[i].len = 0;
}

void wri_saver_reset(wr_saver *s) {
    for (size_t i = 0; i < s->n; i++) {
        wr_batch_drop(s->items[i].rows);
        wr_drop(s->items[i].hold);
    }
    s->n = 0;
    wr_arena_reset(&s->ar);
    size_t fewer = s->n_made - (s->n_made + 7) / 8; /* when less is saved from now on */
    keep_bufs(s, s->n_bufs > fewer ? s->n_bufs : fewer);
    s->n_bufs = 0;
}

void wri_saver_free(wr_saver *s) {
    wri_saver_reset(s);
    keep_bufs(s, 0);
    wr_free(s->bufs);
    wr_free(s->room);
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
    if (r == 0 && item->rows) r = msgpack_pack_nil(&pk);
    else if (r == 0) r = msgpack_pack_array(&pk, item->n_ints);
    for (uint32_t i = 0; r == 0 && i < item->n_ints; i++) r = msgpack_pack_int64(&pk, item->ints[i]);
    if (r == 0 && item->slots) r = msgpack_pack_bin(&pk, item->slots_len);
    if (r == 0 && item->slots) r = msgpack_pack_bin_body(&pk, item->slots, item->slots_len);
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

wr_status wri_item_pack(const wri_item *item, wr_buf *out, wr_err *err) {
    WR_TRY(pack_head(item, out, err));
    return item->rows ? wr_rows_pack(item->rows, out, err) : WR_OK;
}

static wr_status say_item(const wr_saver *of, const wri_item *item, wr_segment *to, wr_buf *head,
                          wr_err *err) {
    if (item->from) return wr_segment_copy(to, item->from, err);
    if (item->len) return wr_segment_put(to, wri_item_packed(of, item), item->len, err);
    head->len = 0;
    WR_TRY(pack_head(item, head, err));
    WR_TRY(wr_segment_put(to, head->data, head->len, err));
    return wr_rows_say(item->rows, to, err); /* no copy of what is large */
}

wr_status wri_items_say(void *ctx, wr_segment *to, wr_err *err) {
    const wri_items *all = ctx;
    wr_buf head = {0};
    wr_status r = WR_OK;
    for (size_t i = 0; r == WR_OK && i < all->n; i++) {
        wri_item *item = &all->items[i];
        if (item->begins) continue;
        r = say_item(all->of, item, to, &head, err);
        wr_batch_drop(item->rows); /* what has been written is held no longer */
        item->rows = NULL;
    }
    wr_buf_free(&head);
    return r;
}
