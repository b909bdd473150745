/* runtime/saved.c -- what operators save: a list of items while the barrier passes, bytes when a thread of
 * the pool writes them, items again when a job goes on.
 *
 *   item, msgpack: [tag, [key column, …], [number, …] | nil]; rows follow it unless there are numbers
 *   in a part of slots (ops/slots.h), whose numbers are raw little-endian words:
 *         [tag, [key column, …], nil, slot of each row]; rows follow it
 *         [LIST | BITMAP, [], [], slots]: those that it says anew
 *
 * Rows come back by their keys: hashes are of a process, and the number of workers may have changed, so rows
 * are hashed anew and dealt out as an exchange would. */
#include <msgpack.h>
#include <stdlib.h>

#include "job_int.h"

#define ENDED    UINT32_MAX /* tag: the operator had ended, on worker 0 */
#define OPERATOR "an operator in the snapshot is not as it was written"

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
    WR_TRY(add_item(to, &item, 0, err));
    item->begins = true;
    item->more = more;
    return WR_OK;
}

bool wr_save_anew(const wr_saver *to) { return !to->goes_on; }

wr_saver *wr_saver_of(wr_op *op, int64_t part, uint32_t sub) {
    wr_saver *s = &op->task->saver;
    s->node = op->node->id;
    s->named = true;
    s->part = part;
    s->sub = sub;
    return s;
}

wr_status wr_save_rows(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                       wr_err *err) {
    wri_item *item;
    if (b->n == 0) return WR_OK;
    uint32_t *own = wr_arena_alloc(&to->ar, (n_keys + 1) * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    if (n_keys) memcpy(own, keys, n_keys * sizeof *own);
    WR_TRY(add_item(to, &item, tag, err));
    item->rows = wr_batch_hold(b);
    item->keys = own;
    item->n_keys = n_keys;
    return WR_OK;
}

wr_status wr_save_slots(wr_saver *to, uint32_t tag, wr_batch *b, const uint32_t *keys, uint32_t n_keys,
                        const uint32_t *slots, wr_err *err) {
    if (b->n == 0) return WR_OK;
    uint32_t *own = wr_arena_alloc(&to->ar, b->n * sizeof *own);
    if (!own) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < b->n; i++) own[i] = slots[i] & ((1u << WR_SLOT_BITS) - 1);
    WR_TRY(wr_save_rows(to, tag, b, keys, n_keys, err));
    to->items[to->n - 1].slots = own;
    to->items[to->n - 1].slots_len = b->n * sizeof *own;
    return WR_OK;
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
    return wr_save_ints(s, ENDED, NULL, 0, err);
}

void wri_saver_at(wr_saver *s, uint32_t node) {
    s->node = node;
    s->named = false;
}

void wri_saver_reset(wr_saver *s) {
    for (size_t i = 0; i < s->n; i++) {
        wr_batch_drop(s->items[i].rows);
        wr_drop(s->items[i].hold);
    }
    s->n = 0;
    wr_arena_reset(&s->ar);
}

void wri_saver_free(wr_saver *s) {
    wri_saver_reset(s);
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

wr_status wri_item_pack(const wri_item *item, wr_buf *out, wr_err *err) {
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
    if (r != 0) return wr_fail_oom(err, "a snapshot");
    return item->rows ? wr_rows_pack(item->rows, out, err) : WR_OK;
}

wr_status wri_items_say(void *ctx, wr_segment *to, wr_err *err) {
    const wri_items *all = ctx;
    wr_buf text = {0};
    wr_status r = WR_OK;
    for (size_t i = 0; r == WR_OK && i < all->n; i++) {
        wri_item *item = &all->items[i];
        if (item->begins) continue;
        text.len = 0;
        r = item->from ? wr_segment_copy(to, item->from, err) : wri_item_pack(item, &text, err);
        if (r == WR_OK) r = wr_segment_put(to, text.data, text.len, err);
        wr_batch_drop(item->rows); /* what has been written is held no longer */
        item->rows = NULL;
    }
    wr_buf_free(&text);
    return r;
}

/* ---- loading ---- */

typedef struct found { /* an item that is being read; its memory is the unpacker's */
    uint32_t tag, n_keys, n_ints;
    uint32_t *keys;
    int64_t *ints;     /* NULL: rows follow */
    const char *slots; /* NULL: none */
    size_t slots_len;
    wr_arena ar;
} found;

static bool is_int(const msgpack_object *o) {
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER || o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

static wr_status read_item(const msgpack_object *o, found *f, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3 || o->via.array.size > 4)
        return wr_fail(err, WR_EDATA, OPERATOR);
    const msgpack_object *p = o->via.array.ptr;
    if (o->via.array.size == 4) {
        if (p[3].type != MSGPACK_OBJECT_BIN) return wr_fail(err, WR_EDATA, OPERATOR);
        f->slots = p[3].via.bin.ptr; /* in what is being read */
        f->slots_len = p[3].via.bin.size;
    }
    bool numbers = p[2].type == MSGPACK_OBJECT_ARRAY;
    if (!is_int(&p[0]) || p[1].type != MSGPACK_OBJECT_ARRAY || (!numbers && p[2].type != MSGPACK_OBJECT_NIL))
        return wr_fail(err, WR_EDATA, OPERATOR);
    f->tag = (uint32_t)p[0].via.u64;
    f->n_keys = p[1].via.array.size;
    f->n_ints = numbers ? p[2].via.array.size : 0;
    f->keys = wr_arena_calloc(&f->ar, (f->n_keys + 1) * sizeof *f->keys);
    f->ints = numbers ? wr_arena_calloc(&f->ar, (f->n_ints + 1) * sizeof *f->ints) : NULL;
    if (!f->keys || (numbers && !f->ints)) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < f->n_keys; i++) f->keys[i] = (uint32_t)p[1].via.array.ptr[i].via.u64;
    for (uint32_t i = 0; i < f->n_ints; i++) f->ints[i] = p[2].via.array.ptr[i].via.i64;
    return WR_OK;
}

static wr_status give(wr_job *j, uint32_t worker, uint32_t id, const wr_saved *saved, wr_err *err) {
    wr_op *op = &j->workers[worker].ops[id];
    if (saved->tag == ENDED) {
        op->spoken = true;
        return WR_OK;
    }
    if (op->def->load) return op->def->load(op, saved, err);
    return wr_fail(err, WR_EDATA, "the snapshot has state of '%s', which keeps none", op->def->name);
}

static wr_status give_some(wr_job *j, uint32_t worker, uint32_t id, uint32_t tag, wr_batch *b,
                           const uint32_t *idx, uint32_t n, const uint64_t *hash, wr_err *err) {
    wr_saved saved = {.tag = tag};
    WR_TRY(wr_batch_gather(b, idx, n, NULL, 0, &saved.rows, err));
    wr_batch *rows = saved.rows;
    wr_status r = WR_OK;
    rows->hash = wr_arena_alloc(&rows->arena, n * sizeof *rows->hash);
    if (!rows->hash) r = wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) rows->hash[i] = hash[idx[i]];
    if (r == WR_OK) r = give(j, worker, id, &saved, err);
    wr_batch_drop(rows);
    return r;
}

/* Row i is of a slot that later items say. */
static bool is_void(const found *f, const uint64_t *said, uint32_t i) {
    uint32_t slot;
    if (!said) return false;
    memcpy(&slot, f->slots + i * sizeof slot, sizeof slot);
    return wr_bit(said, slot & ((1u << WR_SLOT_BITS_MAX) - 1));
}

/* The rows whose keys worker w owns, and that are not void. */
static wr_status take_own(wr_job *j, uint32_t w, uint32_t id, const found *f, const uint64_t *said,
                          wr_batch *b, wr_err *err) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n_keys; i++)
        if (f->keys[i] >= b->n_cols) return wr_fail(err, WR_EDATA, OPERATOR);
    if (said && f->slots_len != b->n * sizeof(uint32_t)) return wr_fail(err, WR_EDATA, OPERATOR);
    if (f->n_keys == 0 && w != 0) return WR_OK;
    if (f->n_keys == 0 && !said) return give(j, 0, id, &(wr_saved){.tag = f->tag, .rows = b}, err);
    uint64_t *hash = wr_alloc(b->n * sizeof *hash + 1);
    uint32_t *idx = wr_alloc(b->n * sizeof *idx + 1);
    wr_status r = hash && idx ? WR_OK : wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) wr_batch_hash(b, f->keys, f->n_keys, hash);
    for (uint32_t i = 0; r == WR_OK && i < b->n; i++) {
        idx[n] = i;
        bool own = f->n_keys == 0 || wri_exchange_target(hash[i], j->n_workers) == w;
        n += own && !is_void(f, said, i);
    }
    if (r == WR_OK && n > 0) r = give_some(j, w, id, f->tag, b, idx, n, hash, err);
    wr_free(hash);
    wr_free(idx);
    return r;
}

static wr_status load_rows(wr_job *j, uint32_t w, uint32_t id, const found *f, const uint64_t *said,
                           const char *p, size_t n, size_t *usedp, wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_rows_unpack(p, n, usedp, &b, err));
    wr_status r = take_own(j, w, id, f, said, b, err);
    wr_batch_drop(b);
    return r;
}

wr_status wri_item_load(wr_job *j, uint32_t w, uint32_t id, const char *p, size_t n, const uint64_t *said,
                        size_t *usedp, wr_err *err) {
    msgpack_unpacked u;
    found f = {0};
    size_t at = 0, rows = 0;
    msgpack_unpacked_init(&u);
    msgpack_unpack_return got = msgpack_unpack_next(&u, p, n, &at);
    wr_status r =
        got == MSGPACK_UNPACK_SUCCESS ? read_item(&u.data, &f, err) : wr_fail(err, WR_EDATA, OPERATOR);
    msgpack_unpacked_destroy(&u);
    wr_saved numbers = {.tag = f.tag, .ints = f.ints, .n_ints = f.n_ints};
    if (r == WR_OK)
        r = f.ints ? give(j, w, id, &numbers, err)
                   : load_rows(j, w, id, &f, said, p + at, n - at, &rows, err);
    *usedp = at + rows;
    wr_arena_free(&f.ar);
    return r;
}

wr_status wri_items_load(wr_job *j, uint32_t w, uint32_t id, const char *p, size_t n, wr_err *err) {
    for (size_t used; n > 0; p += used, n -= used) WR_TRY(wri_item_load(j, w, id, p, n, NULL, &used, err));
    return WR_OK;
}
