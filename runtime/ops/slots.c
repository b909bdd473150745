/* runtime/ops/slots.c -- see slots.h. */
#include "slots.h"

#define PART_BITS  WR_SLOT_BITS
#define PART_SLOTS (1u << PART_BITS)
#define PART_WORDS (PART_SLOTS / 64)
#define AHEAD      16 /* slots: how far ahead their bits are fetched */
#ifdef WR_DEBUG
#define FAR_WORDS     0 /* so that tests have logs */
#define LOG_OF(words) (64 * (words))
#else
#define FAR_WORDS     4096
#define LOG_OF(words) (words)
#endif
#define FIT_FIRST 16 /* slots that are saved at a time before it is known what they take */

_Static_assert(PART_BITS >= 12, "blocks of rows (join_rows.h) are of one part");
_Static_assert(UINT32_C(1) << (32 - PART_BITS) >= WR_SUB_SLOTS, "the loader tells them from other parts");

void wri_slots_init(wri_slots *s, wr_op *op, int64_t number, uint32_t space, wri_slots_save save, void *ctx) {
    *s = (wri_slots){.op = op, .number = number, .space = space, .save = save, .ctx = ctx, .fit = FIT_FIRST};
    if (wr_task_saves(op->task)) s->notes = WRI_NOTES_ALL;
    else if (op->def->keyed) s->notes = WRI_NOTES_LIVE; /* it may go to disk: ../paged.h */
}

void wri_slots_ask(wri_slots *s, wri_slots_all all) {
    if (s->notes != WRI_NOTES_LIVE) return;
    s->notes = WRI_NOTES_NONE;
    s->all = all;
}

void wri_slots_free(wri_slots *s) {
    wr_free(s->changed);
    wr_free(s->due);
    wr_free(s->log.ids);
    wr_free(s->bits);
    wr_free(s->parts);
    wr_free(s->list);
    *s = (wri_slots){0};
}

size_t wri_slots_bytes(const wri_slots *s) {
    return s->words * (sizeof *s->changed + sizeof *s->due + sizeof *s->bits) +
           s->n_parts * sizeof *s->parts + (s->list_cap + s->log.cap) * sizeof *s->list;
}

wr_status wri_slot_log_room(wri_slot_log *l, size_t words, wr_err *err) {
    if (words <= FAR_WORDS || wr_grow(&l->ids, &l->cap, LOG_OF(words), sizeof *l->ids) == WR_OK) return WR_OK;
    return wr_fail_oom(err, "a snapshot");
}

/* ---- room ---- */

bool wri_slot_bits_grow(uint64_t **bits, size_t old, size_t words) {
    uint64_t *p = wr_reallocn(*bits, words, sizeof *p);
    if (!p) return false;
    memset(p + old, 0, (words - old) * sizeof *p);
    *bits = p;
    return true;
}

static wr_status more_words(wri_slots *s, size_t words, wr_err *err) {
    if (!wri_slot_bits_grow(&s->changed, s->words, words) || !wri_slot_bits_grow(&s->due, s->words, words))
        return wr_fail_oom(err, "a snapshot");
    wri_slot_word *bits = wr_reallocn(s->bits, words, sizeof *bits);
    if (!bits) return wr_fail_oom(err, "a snapshot");
    s->bits = bits;
    memset(bits + s->words, 0, (words - s->words) * sizeof *bits);
    s->words = words;
    return s->notes == WRI_NOTES_ALL ? wri_slot_log_room(&s->log, words, err) : WR_OK;
}

/* Small tables stay small, large ones grow by whole parts. */
static wr_status room(wri_slots *s, uint32_t top, wr_err *err) {
    size_t need = (size_t)top / 64 + 1, words = s->words ? s->words : 4, parts;
    if (need <= s->words) return WR_OK;
    while (words < need) words = words < PART_WORDS ? words * 2 : words + words / 2;
    if (words > PART_WORDS) words = (words + PART_WORDS - 1) / PART_WORDS * PART_WORDS;
    parts = (words + PART_WORDS - 1) / PART_WORDS;
    if (parts > s->n_parts) {
        wri_slot_part *p = wr_reallocn(s->parts, parts, sizeof *p);
        if (!p) return wr_fail_oom(err, "a snapshot");
        memset(p + s->n_parts, 0, (parts - s->n_parts) * sizeof *p);
        s->parts = p;
        s->n_parts = parts;
    }
    return more_words(s, words, err);
}

/* ---- saving ---- */

static uint32_t sub_of(const wri_slots *s, size_t part) {
    return (s->space + 1) << (32 - PART_BITS) | (uint32_t)part;
}

#define SAVE_BYTES ((uint64_t)256 << 10) /* packed, about half a millisecond: what is saved at a time */

/* A slot may be a row of a few bytes, or a text of many, or all rows of a key. */
static uint32_t at_a_time(const wri_slots *s) {
    uint32_t most = wr_task_batch_rows(s->op->task);
    return s->fit < most ? s->fit : most;
}

static wr_status save_some(wri_slots *s, const uint32_t *ids, uint32_t n, wr_err *err) {
    wr_saver *to = wr_saver_of(s->op, s->number, sub_of(s, ids[0] >> PART_BITS));
    wr_save_sum was = wr_saved_so_far(to);
    WR_TRY(s->save(s, ids, n, to, err));
    wr_save_sum is = wr_saved_so_far(to);
    uint64_t bytes = is.bytes - was.bytes;
    s->parts[ids[0] >> PART_BITS].turn.rows += is.rows - was.rows;
    if (bytes > SAVE_BYTES) s->fit = bytes / n < SAVE_BYTES ? (uint32_t)(SAVE_BYTES * n / bytes) : 1;
    else if (bytes < SAVE_BYTES / 4 && n >= s->fit && s->fit < PART_SLOTS) s->fit *= 2;
    return WR_OK;
}

static wr_status save_list(wri_slots *s, const uint32_t *ids, uint32_t n, wr_err *err) {
    for (uint32_t at = 0, some; at < n; at += some) {
        some = n - at < at_a_time(s) ? n - at : at_a_time(s);
        WR_TRY(save_some(s, ids + at, some, err));
    }
    return WR_OK;
}

#define COMPANY 256 /* slots: what few are saved in, as it costs little more */

/* list[n..) gets slots that are due, too, in the words behind the last of list[0..n), which are of one part.
 */
static uint32_t add_company(wri_slots *s, uint32_t *list, uint32_t n) {
    size_t w = list[n - 1] / 64, end = (w / PART_WORDS + 1) * PART_WORDS;
    wri_slot_part *p = &s->parts[w / PART_WORDS];
    uint32_t most = at_a_time(s) < COMPANY ? at_a_time(s) : COMPANY;
    for (; n < most && w < end && w < s->words && p->due > 0; w++) {
        uint64_t *due = &s->due[w];
        for (; n < most && *due; *due &= *due - 1, p->due--, s->n_due--)
            list[n++] = (uint32_t)w * 64 + (uint32_t)__builtin_ctzll(*due);
    }
    return n;
}

uint32_t wri_slots_together(uint32_t *ids, uint32_t first, uint32_t n, uint32_t bits) {
    uint32_t to = first + 1;
    for (uint32_t i = to; i < n; i++) {
        if (ids[i] >> bits != ids[first] >> bits) continue;
        uint32_t id = ids[i];
        ids[i] = ids[to];
        ids[to++] = id;
    }
    return to;
}

/* s->list[0..n), which are due no more, part by part. */
static wr_status save_forced(wri_slots *s, uint32_t n, wr_err *err) {
    for (uint32_t first = 0, to; first < n; first = to) {
        to = wri_slots_together(s->list, first, n, PART_BITS);
        if (to - first >= COMPANY) WR_TRY(save_list(s, s->list + first, to - first, err));
        else {
            uint32_t some[COMPANY];
            memcpy(some, s->list + first, (to - first) * sizeof *some);
            WR_TRY(save_list(s, some, add_company(s, some, to - first), err));
        }
    }
    return WR_OK;
}

static inline wri_slot_word *word_of(const wri_slots *s, uint32_t id) { return &s->bits[id >> 6]; }
static inline uint64_t bit_of(uint32_t id) { return UINT64_C(1) << (id & 63); }
static inline bool unset(uint64_t *word, uint64_t bit) {
    bool was = *word & bit;
    *word &= ~bit;
    return was;
}

/* No branch depends on a bit: of many slots they are as good as random, and far away. Those of ids[0..n) that
 * change for the first time since the barrier come to s->list. */
static uint32_t first_changes(wri_slots *s, const uint32_t *ids, size_t n) {
    uint32_t n_list = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t *word = &s->changed[ids[i] >> 6], bit = bit_of(ids[i]);
        if (i + AHEAD < n) __builtin_prefetch(&s->changed[ids[i + AHEAD] >> 6], 1);
        s->list[n_list] = ids[i];
        n_list += !(*word & bit);
        *word |= bit;
    }
    return n_list;
}

void wri_slot_bits_set(uint64_t *bits, const uint32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(&bits[ids[i + AHEAD] >> 6], 1);
        bits[ids[i] >> 6] |= bit_of(ids[i]);
    }
}

/* Notes that ids change; those that are due come to s->list. */
static wr_status note(wri_slots *s, const uint32_t *ids, size_t n, uint32_t *np, wr_err *err) {
    uint32_t n_list = 0;
    *np = 0;
    WR_TRY(room(s, wr_ids_top(ids, n), err));
    if (s->n_due == 0) {
        wri_slot_bits_set(s->changed, ids, n);
        return WR_OK;
    }
    if (wr_grow(&s->list, &s->list_cap, n, sizeof *s->list) != WR_OK) return wr_fail_oom(err, "a snapshot");
    uint32_t n_first = first_changes(s, ids, n);
    for (uint32_t i = 0; i < n_first; i++) {
        uint32_t id = s->list[i];
        if (!unset(&s->due[id >> 6], bit_of(id))) continue;
        s->parts[id >> PART_BITS].due--;
        s->list[n_list++] = id;
    }
    s->n_due -= n_list;
    *np = n_list;
    return WR_OK;
}

wr_status wri_slots_save_due(wri_slots *s, uint32_t id, wr_err *err) {
    if (wr_grow(&s->list, &s->list_cap, 1, sizeof *s->list) != WR_OK) return wr_fail_oom(err, "a snapshot");
    s->due[id >> 6] &= ~bit_of(id);
    s->parts[id >> PART_BITS].due--;
    s->n_due--;
    s->list[0] = id;
    return save_forced(s, 1, err);
}

static wr_status come_to_life(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) {
    for (size_t i = 0; i < n; i++) {
        if (WR_UNLIKELY(ids[i] / 64 >= s->words)) WR_TRY(room(s, ids[i], err));
        word_of(s, ids[i])->live |= bit_of(ids[i]);
    }
    return WR_OK;
}

/* It is only written while nothing is due. */
static wr_status read_log(wri_slots *s, wr_err *err) {
    if (s->log.n == 0) return WR_OK;
    WR_TRY(room(s, wr_ids_top(s->log.ids, s->log.n), err)); /* with it the log may move */
    wri_slot_bits_set(s->changed, s->log.ids, s->log.n);
    s->log.n = 0;
    return WR_OK;
}

static wr_status note_now(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) {
    uint32_t n_list = 0;
    if (s->notes == WRI_NOTES_LIVE) return come_to_life(s, ids, n, err);
    WR_TRY(read_log(s, err));
    WR_TRY(note(s, ids, n, &n_list, err));
    return n_list ? save_forced(s, n_list, err) : WR_OK;
}

wr_status wri_slots_note(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) {
    return s->n_due == 0 && wri_slot_log_put(&s->log, ids, n) ? WR_OK : note_now(s, ids, n, err);
}

wr_status wri_slots_note_gone(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err) {
    WR_TRY(note_now(s, ids, n, err));
    for (size_t i = 0; i < n; i++) {
        wri_slot_word *w = word_of(s, ids[i]);
        wri_slot_part *p = &s->parts[ids[i] >> PART_BITS];
        uint64_t bit = bit_of(ids[i]);
        p->live -= unset(&w->live, bit);
        if (!unset(&s->changed[ids[i] >> 6], bit)) continue; /* it is not noted */
        p->gone += !(w->gone & bit);
        w->gone |= bit;
    }
    return WR_OK;
}

/* The slots of a word that mask has, one by one. */
static wr_status by_slot(wri_slots *s, uint32_t word, uint64_t mask, bool leave, wr_err *err) {
    uint32_t ids[64], n = 0;
    for (; mask; mask &= mask - 1) ids[n++] = word * 64 + (uint32_t)__builtin_ctzll(mask);
    return leave ? wri_slots_note_gone(s, ids, n, err) : note_now(s, ids, n, err);
}

/* All of them at once, as long as none is due. */
static wr_status by_word(wri_slots *s, uint32_t word, uint64_t mask, bool leave, wr_err *err) {
    WR_TRY(read_log(s, err));
    WR_TRY(room(s, word * 64 + 63, err));
    wri_slot_word *w = &s->bits[word];
    if (s->n_due > 0 && s->due[word] & mask) return by_slot(s, word, mask, leave, err);
    wri_slot_part *p = &s->parts[word / PART_WORDS];
    uint64_t noted = s->notes == WRI_NOTES_ALL ? mask : 0;
    if (leave) {
        p->live -= (uint32_t)__builtin_popcountll(mask & w->live);
        p->gone += (uint32_t)__builtin_popcountll(noted & ~w->gone);
        w->live &= ~mask;
        w->gone |= noted;
        s->changed[word] &= ~mask;
    } else {
        w->live |= mask & ~noted;
        s->changed[word] |= noted;
    }
    return WR_OK;
}

static wr_status in_range(wri_slots *s, uint32_t first, uint32_t n, bool leave, wr_err *err) {
    if (!wri_slots_on(s)) return WR_OK;
    for (uint64_t at = first, end = (uint64_t)first + n, next; at < end; at = next) {
        next = (at / 64 + 1) * 64 < end ? (at / 64 + 1) * 64 : end;
        uint64_t mask = UINT64_MAX >> (64 - (next - at)) << at % 64;
        WR_TRY(by_word(s, (uint32_t)(at / 64), mask, leave, err));
    }
    return WR_OK;
}

wr_status wri_slots_touch_range(wri_slots *s, uint32_t first, uint32_t n, wr_err *err) {
    return in_range(s, first, n, false, err);
}

wr_status wri_slots_leave_range(wri_slots *s, uint32_t first, uint32_t n, wr_err *err) {
    return in_range(s, first, n, true, err);
}

wr_status wri_slots_touch_all(wri_slots *s, uint32_t count, const uint64_t *gone, wr_err *err) {
    for (uint32_t id = 1; id <= count; id++)
        if (!gone || !wr_bit(gone, id)) WR_TRY(wri_slots_touch(s, &id, 1, err));
    return WR_OK;
}

/* ---- barriers ---- */

static size_t words_of(const wri_slots *s, size_t part) {
    size_t left = s->words - part * PART_WORDS;
    return left < PART_WORDS ? left : PART_WORDS;
}

/* What has changed is live, whatever it was. Returns how many slots have changed, or are gone. */
static uint32_t settle_part(wri_slots *s, size_t part) {
    wri_slot_part *p = &s->parts[part];
    uint32_t n = 0;
    for (size_t i = part * PART_WORDS, end = i + words_of(s, part); i < end; i++) {
        uint64_t changed = s->changed[i];
        if (!changed) continue;
        wri_slot_word *w = &s->bits[i];
        n += (uint32_t)__builtin_popcountll(changed);
        p->live += (uint32_t)__builtin_popcountll(changed & ~w->live);
        p->gone -= (uint32_t)__builtin_popcountll(changed & w->gone);
        w->live |= changed;
    }
    return n + p->gone;
}

/* The part goes on: which slots it says anew. What of them is empty has been said by that. */
static wr_status say_which(wri_slots *s, size_t part, uint32_t n, wr_saver *to, wr_err *err) {
    uint64_t changed[PART_WORDS];
    size_t words = words_of(s, part), at = part * PART_WORDS;
    for (size_t i = 0; i < words; i++) changed[i] = s->changed[at + i] | s->bits[at + i].gone;
    return wr_save_said(to, changed, words, n, err);
}

/* What is due of a part: all that is live, or what has changed. */
static void make_due(wri_slots *s, size_t part, bool whole) {
    wri_slot_part *p = &s->parts[part];
    p->due = p->gone = 0;
    for (size_t i = part * PART_WORDS, end = i + words_of(s, part); i < end; i++) {
        wri_slot_word *w = &s->bits[i];
        s->due[i] = whole ? w->live : s->changed[i];
        w->gone = s->changed[i] = 0;
        p->due += (uint32_t)__builtin_popcountll(s->due[i]);
    }
}

/* How many rows those are that live: a slot has as many as it had when all were saved last. */
static uint64_t live_rows(wri_slot_part *p) {
    if (p->whole) { /* since the last barrier all have been */
        p->rows_each = (float)p->turn.rows / (float)p->whole;
        p->whole = 0;
    }
    return p->rows_each > 1 ? (uint64_t)((float)p->live * p->rows_each) : p->live;
}

static wr_status begin_part(wri_slots *s, size_t part, wr_saver *to, wr_err *err) {
    wri_slot_part *p = &s->parts[part];
    uint32_t changed = settle_part(s, part);
    if (p->live == 0) { /* the next snapshot does not name it */
        if (changed) make_due(s, part, true);
        *p = (wri_slot_part){0};
        return WR_OK;
    }
    bool whole = wr_save_whole(&p->turn, to, (uint32_t)part, changed, live_rows(p));
    if (whole) p->whole = p->live;
    WR_TRY(wr_save_part(to, s->number, sub_of(s, part), !whole, err));
    if (!whole && changed) WR_TRY(say_which(s, part, changed, to, err));
    if (whole || changed) make_due(s, part, whole);
    s->n_due += p->due;
    return WR_OK;
}

/* What was not noted as it came. */
static wr_status ask_live(wri_slots *s, wr_err *err) {
    for (size_t i = 0; i < s->words; i++) s->bits[i].live = 0;
    s->notes = WRI_NOTES_LIVE;
    wr_status r = s->all(s, err);
    s->notes = WRI_NOTES_NONE;
    return r;
}

/* What was not counted as it came. */
static void count_live(wri_slots *s) {
    for (size_t part = 0; part < s->n_parts; part++) {
        uint32_t n = 0;
        for (size_t i = 0; i < words_of(s, part); i++)
            n += (uint32_t)__builtin_popcountll(s->bits[part * PART_WORDS + i].live);
        s->parts[part].live = n;
    }
}

wr_status wri_slots_barrier(wri_slots *s, wr_saver *to, wr_err *err) {
    WR_ASSERT(s->n_due == 0);
    WR_TRY(read_log(s, err));
    if (s->all) WR_TRY(ask_live(s, err));
    if (s->notes != WRI_NOTES_ALL) count_live(s);
    s->at = 0;
    for (size_t part = 0; part < s->n_parts; part++) WR_TRY(begin_part(s, part, to, err));
    return WR_OK;
}

/* Up to `most` due slots of one part, to s->list. */
static uint32_t take(wri_slots *s, uint32_t most) {
    uint32_t n = 0;
    while (s->n_due > 0 && n < most) {
        uint64_t *word = &s->due[s->at];
        if (*word == 0) {
            s->at++;
            if (n > 0 && s->at % PART_WORDS == 0) break;
            continue;
        }
        s->list[n++] = (uint32_t)s->at * 64 + (uint32_t)__builtin_ctzll(*word);
        *word &= *word - 1;
        s->n_due--;
    }
    if (n > 0) s->parts[s->list[0] >> PART_BITS].due -= n;
    return n;
}

wr_status wri_slots_rest(wri_slots *s, bool *leftp, wr_err *err) {
    *leftp = s->n_due > 0;
    if (!*leftp) return WR_OK;
    uint32_t most = at_a_time(s);
    if (s->at_once && s->at_once < most) most = s->at_once;
    if (wr_grow(&s->list, &s->list_cap, most, sizeof *s->list) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    return save_list(s, s->list, take(s, most), err);
}

wr_status wri_slots_finish(wri_slots *s, wr_err *err) {
    for (bool left = s->n_due > 0; left;) WR_TRY(wri_slots_rest(s, &left, err));
    return WR_OK;
}

/* ---- numbers ---- */

void wri_numbers_init(wri_numbers *n, uint32_t bits) { *n = (wri_numbers){.shift = PART_BITS - bits}; }

void wri_numbers_free(wri_numbers *n) {
    wr_free(n->out);
    wr_free(n->idle);
}

static wr_status next_range(wri_numbers *n, wr_err *err) {
    if (n->n_idle > 0) {
        n->range = n->idle[--n->n_idle];
        n->at = 0;
        return WR_OK;
    }
    if (n->n >> (32 - PART_BITS))
        return wr_fail(err, WR_ELIMIT, "an operator would have to keep more than 2^32 rows");
    if (wr_grow(&n->out, &n->cap, n->n + 1, sizeof *n->out) != WR_OK ||
        wr_grow(&n->idle, &n->idle_cap, n->n + 1, sizeof *n->idle) != WR_OK) /* so that _give cannot fail */
        return wr_fail_oom(err, "rows that are kept");
    n->out[n->n] = 0;
    n->range = (uint32_t)n->n++;
    n->at = 0;
    return WR_OK;
}

wr_status wri_numbers_take(wri_numbers *n, uint32_t *nop, wr_err *err) {
    if (n->n == 0 || n->at >> n->shift) WR_TRY(next_range(n, err));
    *nop = n->range << n->shift | n->at++;
    n->out[n->range]++;
    return WR_OK;
}

void wri_numbers_give(wri_numbers *n, uint32_t no) {
    uint32_t range = no >> n->shift;
    if (--n->out[range] > 0) return;
    if (range == n->range) n->at = 0;
    else n->idle[n->n_idle++] = range;
}
