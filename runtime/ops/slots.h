/* runtime/ops/slots.h -- what a snapshot still has to save of an operator's state, slot by slot. Private to
 * runtime/.
 *
 * State is kept in slots with small numbers: group ids, numbers of rows or nodes. A slot has rows of a
 * snapshot, mostly one: those that, loaded, make it again.
 *
 *   live      there is something in it
 *   changed   since the last barrier: what the next snapshot must say; gone: it is empty now
 *   due       live at the last barrier, to be said by its snapshot, and not saved yet: as it stands is as it
 *             stood then
 *
 * At a barrier `changed` becomes `due`, which takes no time to speak of. Later, between its rows, the worker
 * saves what is due bit by bit. A slot that is about to change while it is due is saved first: then, not
 * before, and it alone. So there is no pause, nothing is copied twice, nobody reads what another thread
 * writes, and whatever a state points at may change as it likes.
 *
 * The slots of a range of numbers are one part of the snapshot. Mostly a part goes on: it says by a list or
 * a bitmap which slots it says anew, which makes their older rows void, those that are empty now have no
 * others, and then come the rows of these slots. It is written whole now and then (WR_SAVED_MOST, ../op.h),
 * and is not named any more when it is empty: state that leaves in the order in which it came (wri_numbers)
 * takes its parts with it. Who loads (../slots_load.c) gives an operator the rows that are not void, in any
 * order of slots; the operator knows of no order of snapshots.
 *
 * One thread owns slots. Where no snapshots are taken only paging (../paged.h) may want what is in them: then
 * they know what is live and nothing else; and where the operator can tell that when it is asked
 * (wri_slots_ask), they note nothing at all meanwhile. */
#ifndef WR_RUNTIME_SLOTS_H
#define WR_RUNTIME_SLOTS_H

#include "../op.h"

/* Bits of many slots are not in the first cache, and soon not in the second one, either, if each row that
 * comes has one set at once: which slots have changed is written down, and read when it has become much. */
typedef struct wri_slot_log {
    uint32_t *ids;
    size_t n, cap; /* cap 0: there are few slots */
} wri_slot_log;
/* There are `words` words of bits. */
wr_status wri_slot_log_room(wri_slot_log *l, size_t words, wr_err *err) WR_MUST_USE;
/* False: there is no room (any more); the log is to be read, or ids are not for it. */
static inline bool wri_slot_log_put(wri_slot_log *l, const uint32_t *ids, size_t n) {
    if (n > l->cap - l->n) return false;
    if (n > 0) memcpy(l->ids + l->n, ids, n * sizeof *ids);
    l->n += n;
    return true;
}

/* From `old` to `words` words, with zeros. */
bool wri_slot_bits_grow(uint64_t **bits, size_t old, size_t words) WR_MUST_USE;
void wri_slot_bits_set(uint64_t *bits, const uint32_t *ids, size_t n);

typedef struct wri_slot_part {
    uint32_t live, gone, due; /* slots, as their bits say */
    uint32_t whole;           /* slots that the last barrier began to save wholly; 0: it did not */
    float rows_each;          /* of a slot, when that was done last */
    wr_save_turn turn;
} wri_slot_part;

/* 64 slots, a bit each. Which have changed, and which are due, stands elsewhere: nothing else is looked at,
 * or noted, of a slot that is touched. The rest follows at the next barrier: what has changed is live, and
 * not gone. */
typedef struct wri_slot_word {
    uint64_t live;
    uint64_t gone; /* emptied since the last barrier */
} wri_slot_word;

typedef struct wri_slots wri_slots;
/* Saves slots ids[0..n), all of one part, by wr_save_slots. */
typedef wr_status (*wri_slots_save)(const wri_slots *s, const uint32_t *ids, uint32_t n, wr_saver *to,
                                    wr_err *err);

/* Touches all slots that are live, by wri_slots_touch and its like. */
typedef wr_status (*wri_slots_all)(wri_slots *s, wr_err *err);

typedef enum wri_slots_notes { /* what is noted of slots as they come, change and go */
                               WRI_NOTES_NONE,
                               WRI_NOTES_LIVE,
                               WRI_NOTES_ALL
} wri_slots_notes;

struct wri_slots {
    wr_op *op;
    wri_slots_notes notes;
    wri_slots_all all; /* NULL: not to be asked */
    int64_t number;    /* with `space`, what tells these slots from others of the operator */
    uint32_t space;
    wri_slots_save save;
    void *ctx;
    uint64_t *changed, *due;
    wri_slot_word *bits;
    size_t words;     /* of each */
    wri_slot_log log; /* that changed, or came to life, and have no bit yet; none is due meanwhile */
    wri_slot_part *parts;
    size_t n_parts;
    uint64_t n_due;
    size_t at;        /* words of due before this one are zero */
    uint32_t at_once; /* that _rest saves, WR_SAVE_SCATTERED or the like; 0: a batch */
    uint32_t fit;     /* that are saved at a time, by what those before took */
    uint32_t *list;
    size_t list_cap;
};

/* space: below 4095. */
void wri_slots_init(wri_slots *s, wr_op *op, int64_t number, uint32_t space, wri_slots_save save, void *ctx);
/* After _init: without snapshots nothing is noted, and `all` is asked when paging wants to know. */
void wri_slots_ask(wri_slots *s, wri_slots_all all);
void wri_slots_free(wri_slots *s); /* nothing is noted any more */
size_t wri_slots_bytes(const wri_slots *s);
/* Slots are noted: else nothing needs to be said of them. */
static inline bool wri_slots_on(const wri_slots *s) { return s->notes != WRI_NOTES_NONE; }

wr_status wri_slots_note(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) WR_MUST_USE;
wr_status wri_slots_note_gone(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) WR_MUST_USE;

/* Slots ids[0..n) are about to change, or have come to life. */
WR_MUST_USE static inline wr_status wri_slots_touch(wri_slots *s, const uint32_t *ids, size_t n,
                                                    wr_err *err) {
    return n > 0 && wri_slots_on(s) ? wri_slots_note(s, ids, n, err) : WR_OK;
}
wr_status wri_slots_save_due(wri_slots *s, uint32_t id, wr_err *err) WR_MUST_USE;
/* Slot id is about to become what says the same to a snapshot: only one that still waits for it must have it
 * as it is. */
WR_MUST_USE static inline wr_status wri_slots_restate(wri_slots *s, uint32_t id, wr_err *err) {
    bool due = s->n_due > 0 && id / 64 < s->words && wr_bit(s->due, id);
    return due ? wri_slots_save_due(s, id, err) : WR_OK;
}
/* They are about to be emptied. */
WR_MUST_USE static inline wr_status wri_slots_leave(wri_slots *s, const uint32_t *ids, size_t n,
                                                    wr_err *err) {
    return n > 0 && wri_slots_on(s) ? wri_slots_note_gone(s, ids, n, err) : WR_OK;
}
/* The same for first..first + n. */
wr_status wri_slots_touch_range(wri_slots *s, uint32_t first, uint32_t n, wr_err *err) WR_MUST_USE;
wr_status wri_slots_leave_range(wri_slots *s, uint32_t first, uint32_t n, wr_err *err) WR_MUST_USE;
/* All ids in 1..count but those in gone (NULL: none is), as a group table has them. */
wr_status wri_slots_touch_all(wri_slots *s, uint32_t count, const uint64_t *gone, wr_err *err) WR_MUST_USE;

/* At a barrier, from save(). */
wr_status wri_slots_barrier(wri_slots *s, wr_saver *to, wr_err *err) WR_MUST_USE;
/* Some of what is due, from save_rest(); *leftp: there was some. */
wr_status wri_slots_rest(wri_slots *s, bool *leftp, wr_err *err) WR_MUST_USE;
/* All of it: the slots are about to go altogether. */
wr_status wri_slots_finish(wri_slots *s, wr_err *err) WR_MUST_USE;

/* Brings those of ids[first..n) that are of one part with ids[first], of 2^bits ids, together behind it.
 * Returns the end of these. */
uint32_t wri_slots_together(uint32_t *ids, uint32_t first, uint32_t n, uint32_t bits);

/* ---- numbers for blocks of slots ----
 *
 * Given out rising; those of a range are given out again when all of them have come back. So blocks that
 * leave in about the order in which they came make parts empty, one after the other. */
typedef struct wri_numbers {
    uint32_t shift;     /* of a number, to the range that it is of */
    uint32_t *out;      /* per range: numbers that are out */
    size_t n, cap;      /* ranges */
    uint32_t range, at; /* the next number; at its end: there is no range */
    uint32_t *idle;     /* ranges of which none is */
    size_t n_idle, idle_cap;
} wri_numbers;

/* Blocks of 2^bits slots. */
void wri_numbers_init(wri_numbers *n, uint32_t bits);
void wri_numbers_free(wri_numbers *n);
wr_status wri_numbers_take(wri_numbers *n, uint32_t *nop, wr_err *err) WR_MUST_USE;
void wri_numbers_give(wri_numbers *n, uint32_t no);

#endif
