/* runtime/slots_load.c -- a part of slots (ops/slots.h), read from its end.
 *
 *   said = no slot
 *   each item, the last one first:   rows: those of slots that are not in said are the operator's
 *                                    which slots are said anew: they are in said from now on
 *
 * So what has been said again later is passed over, with a bit a slot for all the memory that takes. */
#include "job_int.h"

#define BROKEN "slots of an operator in the snapshot are not as they were written"

typedef struct place { /* of an item */
    const wr_piece *piece;
    uint64_t at;
    size_t len;
} place;

typedef struct places {
    place *items;
    size_t n, cap;
    const wr_piece *piece; /* that is gone through */
} places;

static wr_status note_place(void *ctx, uint64_t at, size_t len, uint64_t rows, wr_err *err) {
    (void)rows;
    places *l = ctx;
    if (wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    l->items[l->n++] = (place){l->piece, at, len};
    return WR_OK;
}

wr_status wri_slots_said(bool bitmap, const char *slots, size_t len, uint64_t *said, wr_err *err) {
    const uint32_t most = 1u << WR_SLOT_BITS_MAX;
    if (bitmap) {
        if (len > most / 8 || len % sizeof *said) return wr_fail(err, WR_EDATA, BROKEN);
        for (size_t i = 0; i < len / sizeof *said; i++) {
            uint64_t word;
            memcpy(&word, slots + i * sizeof word, sizeof word);
            said[i] |= word;
        }
        return WR_OK;
    }
    for (size_t i = 0; i < len / sizeof(uint32_t); i++) {
        uint32_t slot;
        memcpy(&slot, slots + i * sizeof slot, sizeof slot);
        if (slot >= most) return wr_fail(err, WR_EDATA, BROKEN);
        wr_bit_set(said, slot);
    }
    return WR_OK;
}

wr_status wri_slots_load(wri_loader *l, uint32_t id, const wr_saved_part *part, wri_whose whose,
                         wr_err *err) {
    places found = {0};
    uint64_t *said;
    said = wr_calloc((1u << WR_SLOT_BITS_MAX) / 64, sizeof *said);
    wr_status r = said ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (size_t k = 0; r == WR_OK && k < part->n; k++) {
        found.piece = &part->pieces[k];
        r = wri_items_find(l, found.piece, note_place, &found, err);
    }
    for (size_t i = found.n; r == WR_OK && i > 0; i--) {
        const place *at = &found.items[i - 1];
        r = wri_item_load(l, id, at->piece, at->at, at->len, said, whose, err);
    }
    wr_free(said);
    wr_free(found.items);
    return r;
}
