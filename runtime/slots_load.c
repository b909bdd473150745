/* runtime/slots_load.c -- a part of slots (ops/slots.h), read from its end.
 *
 *   said = no slot
 *   each item, the last one first:   rows: those of slots that are not in said are the operator's
 *                                    which slots are said anew: they are in said from now on
 *
 * So what has been said again later is passed over, with a bit a slot for all the memory that takes. */
#include <msgpack.h>

#include "job_int.h"

#define BROKEN "slots of an operator in the snapshot are not as they were written"

typedef struct place { /* of an item */
    const char *p;
    size_t len;
    const char *slots; /* NULL: it has rows */
    size_t slots_len;
    bool bitmap;
} place;

typedef struct places {
    place *items;
    size_t n, cap;
} places;

/* How long the object at p is; *o is what it says, as long as *u is there. */
static wr_status next(const char *p, size_t n, msgpack_unpacked *u, size_t *lenp, wr_err *err) {
    *lenp = 0;
    msgpack_unpack_return got = msgpack_unpack_next(u, p, n, lenp);
    if (got == MSGPACK_UNPACK_SUCCESS) return WR_OK;
    return got == MSGPACK_UNPACK_NOMEM_ERROR ? wr_fail_oom(err, "a snapshot")
                                             : wr_fail(err, WR_EDATA, BROKEN);
}

static bool is_item(const msgpack_object *o) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 4) return false;
    const msgpack_object *f = o->via.array.ptr;
    return f[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER && f[3].type == MSGPACK_OBJECT_BIN;
}

static wr_status find_item(const char *p, size_t n, place *at, msgpack_unpacked *u, wr_err *err) {
    size_t rows = 0;
    *at = (place){.p = p};
    WR_TRY(next(p, n, u, &at->len, err));
    if (!is_item(&u->data)) return wr_fail(err, WR_EDATA, BROKEN);
    const msgpack_object *f = u->data.via.array.ptr;
    if (f[2].type != MSGPACK_OBJECT_NIL) {
        at->bitmap = f[0].via.u64 != 0;
        at->slots = f[3].via.bin.ptr; /* in p */
        at->slots_len = f[3].via.bin.size;
        return WR_OK;
    }
    WR_TRY(next(p + at->len, n - at->len, u, &rows, err));
    at->len += rows;
    return WR_OK;
}

static wr_status find_items(const wr_saved_part *part, places *found, wr_err *err) {
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    wr_status r = WR_OK;
    for (size_t k = 0; r == WR_OK && k < part->n; k++) {
        const char *p = part->pieces[k].data;
        size_t left = part->pieces[k].len;
        while (r == WR_OK && left > 0) {
            if (wr_grow(&found->items, &found->cap, found->n + 1, sizeof *found->items) != WR_OK) {
                r = wr_fail_oom(err, "a snapshot");
                break;
            }
            place *at = &found->items[found->n++];
            r = find_item(p, left, at, &u, err);
            p += at->len;
            left -= at->len;
        }
    }
    msgpack_unpacked_destroy(&u);
    return r;
}

static wr_status add_said(const place *at, uint64_t *said, wr_err *err) {
    const uint32_t slots = 1u << WR_SLOT_BITS_MAX;
    if (at->bitmap) {
        if (at->slots_len > slots / 8 || at->slots_len % sizeof *said) return wr_fail(err, WR_EDATA, BROKEN);
        for (size_t i = 0; i < at->slots_len / sizeof *said; i++) {
            uint64_t word;
            memcpy(&word, at->slots + i * sizeof word, sizeof word);
            said[i] |= word;
        }
        return WR_OK;
    }
    for (size_t i = 0; i < at->slots_len / sizeof(uint32_t); i++) {
        uint32_t slot;
        memcpy(&slot, at->slots + i * sizeof slot, sizeof slot);
        if (slot >= slots) return wr_fail(err, WR_EDATA, BROKEN);
        wr_bit_set(said, slot);
    }
    return WR_OK;
}

wr_status wri_slots_load(wr_job *j, uint32_t w, uint32_t id, const wr_saved_part *part, wr_err *err) {
    places found = {0};
    size_t used;
    uint64_t *said = wr_calloc((1u << WR_SLOT_BITS_MAX) / 64, sizeof *said);
    wr_status r = said ? find_items(part, &found, err) : wr_fail_oom(err, "a snapshot");
    for (size_t i = found.n; r == WR_OK && i > 0; i--) {
        const place *at = &found.items[i - 1];
        r = at->slots ? add_said(at, said, err) : wri_item_load(j, w, id, at->p, at->len, said, &used, err);
    }
    wr_free(said);
    wr_free(found.items);
    return r;
}
