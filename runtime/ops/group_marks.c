/* runtime/ops/group_marks.c -- see group_marks.h. */
#include "group_marks.h"

#ifdef WR_DEBUG
#define RANGE_BITS 6 /* so that tests have several */
#else
#define RANGE_BITS 20
#endif
#define RANGE_WORDS (UINT32_C(1) << (RANGE_BITS - 6))

#define AHEAD 16 /* groups: how far ahead their bits are fetched */

void wri_marks_free(wri_marks *m) {
    wr_free(m->changed);
    wr_free(m->due);
    wr_free(m->log.ids);
    wr_free(m->turns);
    *m = (wri_marks){0};
}

static wr_status room(wri_marks *m, uint32_t gid, wr_err *err) {
    size_t need = gid / 64 + 1, words = need > 2 * m->words ? need : 2 * m->words;
    if (need <= m->words) return WR_OK;
    if (!wri_slot_bits_grow(&m->changed, m->words, words) || !wri_slot_bits_grow(&m->due, m->words, words))
        return wr_fail_oom(err, "a snapshot");
    m->words = words;
    return wri_slot_log_room(&m->log, words, err);
}

/* Those of gids[0..n) that were set, to list. Returns how many. No branch depends on a bit: in a large table
 * they are as good as random, and far away. */
static uint32_t take_set(uint64_t *bits, const uint32_t *gids, uint32_t n, uint32_t *list) {
    uint32_t n_list = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(&bits[gids[i + AHEAD] >> 6], 1);
        uint64_t *word = &bits[gids[i] >> 6], bit = UINT64_C(1) << (gids[i] & 63);
        list[n_list] = gids[i];
        n_list += (*word & bit) != 0;
        *word &= ~bit;
    }
    return n_list;
}

static void read_log(wri_marks *m) {
    wri_slot_bits_set(m->changed, m->log.ids, m->log.n);
    m->log.n = 0;
}

static void note_changed(wri_marks *m, const uint32_t *gids, uint32_t n) {
    if (wri_slot_log_put(&m->log, gids, n)) return;
    read_log(m);
    wri_slot_bits_set(m->changed, gids, n);
}

wr_status wri_marks_change(wri_marks *m, const uint32_t *gids, uint32_t n, uint32_t *list, uint32_t *np,
                           wr_err *err) {
    *np = 0;
    if (n == 0) return WR_OK;
    WR_TRY(room(m, wr_ids_top(gids, n), err));
    note_changed(m, gids, n);
    if (m->n_due) *np = take_set(m->due, gids, n, list);
    m->n_due -= *np;
    return WR_OK;
}

/* ---- ranges ---- */

uint32_t wri_marks_range(const wri_marks *m, uint32_t gid) { return m->undivided ? 0 : gid >> RANGE_BITS; }

uint32_t wri_marks_together(const wri_marks *m, uint32_t *list, uint32_t first, uint32_t n) {
    return m->undivided ? n : wri_slots_together(list, first, n, RANGE_BITS);
}

typedef struct range {
    size_t from, to; /* words */
    const uint64_t *gone;
    uint64_t end; /* ids below it */
} range;

static range range_of(const wri_marks *m, const wri_groups *g, uint32_t no) {
    size_t words = RANGE_WORDS, from = no * words, to = from + words;
    uint64_t end = (uint64_t)wri_groups_count(g) + 1;
    return (range){from, m->undivided || to > m->words ? m->words : to, wri_groups_gone(g), end};
}

static uint64_t live_of(const range *r, size_t word) {
    if (word * 64 >= r->end) return 0;
    uint64_t live = r->gone ? ~r->gone[word] : UINT64_MAX, left = r->end - word * 64;
    if (word == 0) live &= ~UINT64_C(1);
    return left < 64 ? live & ((UINT64_C(1) << left) - 1) : live;
}

static wr_status begin_range(wri_marks *m, uint32_t no, const range *r, wr_saver *to, int64_t part,
                             bool *morep, wr_err *err) {
    wr_save_turn *turn = &m->turns[no];
    uint64_t live = 0, changed = 0, due = 0;
    for (size_t w = r->from; w < r->to; w++) {
        live += (uint64_t)__builtin_popcountll(live_of(r, w));
        changed += (uint64_t)__builtin_popcountll(m->changed[w]);
    }
    bool whole = wr_save_whole(turn, to, no, changed, live);
    WR_TRY(wr_save_part(to, part, no, !whole, err));
    for (size_t w = r->from; w < r->to; w++) {
        m->due[w] = whole ? live_of(r, w) : m->changed[w];
        m->changed[w] = 0;
        due += (uint64_t)__builtin_popcountll(m->due[w]);
    }
    turn->rows += due;
    m->n_due += (uint32_t)due;
    *morep = !whole;
    return WR_OK;
}

wr_status wri_marks_barrier(wri_marks *m, const wri_groups *g, wr_saver *to, int64_t part, bool *morep,
                            wr_err *err) {
    WR_ASSERT(m->n_due == 0);
    uint32_t last = wri_marks_range(m, wri_groups_count(g));
    size_t had = m->turns_cap;
    WR_ASSERT(last < WR_SUB_SLOTS); /* the loader tells ranges from slots by that */
    WR_TRY(room(m, wri_groups_count(g), err));
    if (wr_grow(&m->turns, &m->turns_cap, (size_t)last + 1, sizeof *m->turns) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    memset(m->turns + had, 0, (m->turns_cap - had) * sizeof *m->turns);
    read_log(m);
    m->at = 0;
    for (uint32_t no = 0; no <= last; no++) {
        range r = range_of(m, g, no);
        WR_TRY(begin_range(m, no, &r, to, part, morep, err));
    }
    return WR_OK;
}

uint32_t wri_marks_step(const wr_op *op) {
    uint32_t most = wr_task_batch_rows(op->task);
    return most < WR_SAVE_SCATTERED ? most : WR_SAVE_SCATTERED;
}

uint32_t wri_marks_take(wri_marks *m, uint32_t *list, uint32_t most) {
    uint32_t n = 0;
    for (; m->n_due > 0 && n < most; m->at++) {
        uint64_t *word = &m->due[m->at];
        for (; *word && n < most; *word &= *word - 1, m->n_due--)
            list[n++] = m->at * 64 + (uint32_t)__builtin_ctzll(*word);
        if (*word) break;
        if (n > 0 && (m->at + 1) % RANGE_WORDS == 0) most = n; /* the range ends here */
    }
    return n;
}

void wri_marks_forget(wri_marks *m, uint32_t gid) {
    if (gid / 64 >= m->words) return;
    read_log(m);
    uint64_t *changed = &m->changed[gid >> 6], *due = &m->due[gid >> 6], bit = UINT64_C(1) << (gid & 63);
    m->n_due -= (*due & bit) != 0;
    *changed &= ~bit;
    *due &= ~bit;
}
