/* runtime/ops/group_marks.c -- see group_marks.h. */
#include "group_marks.h"

#define AHEAD 16 /* groups: how far ahead their bits are fetched */
/* Bits of a large table are not in the first cache, and soon not in the second one, either, if each row that
 * comes has one set at once: which groups have changed is written down, and read when it has become much. */
#ifdef WR_DEBUG
#define FAR_WORDS     0
#define LOG_OF(words) (64 * (words))
#else
#define FAR_WORDS     4096
#define LOG_OF(words) (words)
#endif

void wri_marks_free(wri_marks *m) {
    wr_free(m->changed);
    wr_free(m->due);
    wr_free(m->log);
    *m = (wri_marks){0};
}

static bool grow(uint64_t **bits, size_t old, size_t words) {
    uint64_t *p = wr_reallocn(*bits, words, sizeof *p);
    if (!p) return false;
    memset(p + old, 0, (words - old) * sizeof *p);
    *bits = p;
    return true;
}

static wr_status room(wri_marks *m, uint32_t gid, wr_err *err) {
    size_t need = gid / 64 + 1, words = need > 2 * m->words ? need : 2 * m->words;
    if (need <= m->words) return WR_OK;
    if (!grow(&m->changed, m->words, words) || !grow(&m->due, m->words, words) ||
        (words > FAR_WORDS && wr_grow(&m->log, &m->log_cap, LOG_OF(words), sizeof *m->log) != WR_OK))
        return wr_fail_oom(err, "a snapshot");
    m->words = words;
    return WR_OK;
}

/* In these no branch depends on a bit: in a large table they are as good as random, and far away. */

/* Sets those of gids[0..n). Returns how many were not set. */
static uint32_t set_all(uint64_t *bits, const uint32_t *gids, uint32_t n) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(&bits[gids[i + AHEAD] >> 6], 1);
        uint64_t *word = &bits[gids[i] >> 6], bit = UINT64_C(1) << (gids[i] & 63);
        fresh += !(*word & bit);
        *word |= bit;
    }
    return fresh;
}

/* Those of gids[0..n) that were set, to list. Returns how many. */
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
    m->n_changed += set_all(m->changed, m->log, m->n_log);
    m->n_log = 0;
}

static void note_changed(wri_marks *m, const uint32_t *gids, uint32_t n) {
    if (n > m->log_cap) {
        m->n_changed += set_all(m->changed, gids, n);
        return;
    }
    if (n > m->log_cap - m->n_log) read_log(m);
    memcpy(m->log + m->n_log, gids, n * sizeof *gids);
    m->n_log += n;
}

wr_status wri_marks_change(wri_marks *m, const uint32_t *gids, uint32_t n, uint32_t *list, uint32_t *np,
                           wr_err *err) {
    uint32_t top = 0;
    *np = 0;
    if (n == 0) return WR_OK;
    for (uint32_t i = 0; i < n; i++) top = gids[i] > top ? gids[i] : top;
    WR_TRY(room(m, top, err));
    note_changed(m, gids, n);
    if (m->n_due) *np = take_set(m->due, gids, n, list);
    m->n_due -= *np;
    return WR_OK;
}

/* All live groups are due. */
static wr_status all_due(wri_marks *m, const wri_groups *g, wr_err *err) {
    uint32_t count = wri_groups_count(g), words = wr_bitmap_words(count + 1);
    const uint64_t *gone = wri_groups_gone(g);
    WR_TRY(room(m, count, err));
    for (uint32_t i = 0; i < words; i++) m->due[i] = gone ? ~gone[i] : UINT64_MAX;
    m->due[0] &= ~UINT64_C(1);
    if ((count + 1) % 64) m->due[words - 1] &= (UINT64_C(1) << (count + 1) % 64) - 1;
    memset(m->changed, 0, m->words * sizeof *m->changed);
    m->n_due = wri_groups_live(g);
    return WR_OK;
}

/* What was due is all zero now: the two change places. */
static void changed_due(wri_marks *m) {
    uint64_t *bits = m->due;
    m->due = m->changed;
    m->changed = bits;
    m->n_due = m->n_changed;
}

wr_status wri_marks_barrier(wri_marks *m, const wri_groups *g, bool anew, bool *morep, wr_err *err) {
    WR_ASSERT(m->n_due == 0);
    read_log(m);
    bool whole = anew || !m->based || m->saved + m->n_changed > WR_SAVED_MOST * wri_groups_live(g);
    m->at = 0;
    *morep = !whole;
    if (whole) WR_TRY(all_due(m, g, err));
    else changed_due(m);
    m->n_changed = 0;
    m->based = true;
    m->saved = (whole ? 0 : m->saved) + m->n_due;
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
    }
    return n;
}

void wri_marks_forget(wri_marks *m, uint32_t gid) {
    if (gid / 64 >= m->words) return;
    read_log(m);
    uint64_t *changed = &m->changed[gid >> 6], *due = &m->due[gid >> 6], bit = UINT64_C(1) << (gid & 63);
    m->n_changed -= (*changed & bit) != 0;
    m->n_due -= (*due & bit) != 0;
    *changed &= ~bit;
    *due &= ~bit;
}
