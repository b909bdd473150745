/* runtime/ops/group_marks.c -- see group_marks.h. */
#include "group_marks.h"

void wri_marks_free(wri_marks *m) {
    wr_free(m->changed);
    wr_free(m->due);
    *m = (wri_marks){0};
}

static bool room(uint64_t **bits, size_t *cap, uint32_t gid) {
    size_t old = *cap;
    if (gid / 64 < old) return true;
    if (wr_grow(bits, cap, gid / 64 + 1, sizeof **bits) != WR_OK) return false;
    memset(*bits + old, 0, (*cap - old) * sizeof **bits);
    return true;
}

static bool is_due(const wri_marks *m, uint32_t gid) { return gid / 64 < m->due_cap && wr_bit(m->due, gid); }

static void unset(uint64_t *bits, uint32_t gid) { bits[gid >> 6] &= ~(UINT64_C(1) << (gid & 63)); }

wr_status wri_marks_change(wri_marks *m, const uint32_t *gids, uint32_t n, uint32_t *list, uint32_t *np,
                           wr_err *err) {
    uint32_t top = 0, n_list = 0, fresh = 0;
    *np = 0;
    for (uint32_t i = 0; i < n; i++) top = gids[i] > top ? gids[i] : top;
    if (!room(&m->changed, &m->changed_cap, top)) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n; i++) {
        uint64_t *word = &m->changed[gids[i] >> 6], bit = UINT64_C(1) << (gids[i] & 63);
        fresh += !(*word & bit);
        *word |= bit;
    }
    m->n_changed += fresh;
    for (uint32_t i = 0; m->n_due > 0 && i < n; i++) {
        if (!is_due(m, gids[i])) continue;
        unset(m->due, gids[i]);
        m->n_due--;
        list[n_list++] = gids[i];
    }
    *np = n_list;
    return WR_OK;
}

/* All live groups are due. */
static wr_status all_due(wri_marks *m, const wri_groups *g, wr_err *err) {
    uint32_t count = wri_groups_count(g), words = wr_bitmap_words(count + 1);
    const uint64_t *gone = wri_groups_gone(g);
    if (!room(&m->due, &m->due_cap, count)) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < words; i++) m->due[i] = gone ? ~gone[i] : UINT64_MAX;
    unset(m->due, 0);
    if ((count + 1) % 64) m->due[words - 1] &= (UINT64_C(1) << (count + 1) % 64) - 1;
    m->n_due = wri_groups_live(g);
    return WR_OK;
}

wr_status wri_marks_barrier(wri_marks *m, const wri_groups *g, bool anew, bool *morep, wr_err *err) {
    WR_ASSERT(m->n_due == 0);
    bool whole = anew || !m->based || m->saved + m->n_changed > 2 * (uint64_t)wri_groups_live(g);
    m->at = 0;
    *morep = !whole;
    if (whole) {
        WR_TRY(all_due(m, g, err));
        if (m->n_changed) memset(m->changed, 0, m->changed_cap * sizeof *m->changed);
    } else { /* what was due is all zero now: the two change places */
        uint64_t *bits = m->due;
        size_t cap = m->due_cap;
        m->due = m->changed;
        m->due_cap = m->changed_cap;
        m->changed = bits;
        m->changed_cap = cap;
        m->n_due = m->n_changed;
    }
    m->n_changed = 0;
    m->based = true;
    m->saved = (whole ? 0 : m->saved) + m->n_due;
    return WR_OK;
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
    if (is_due(m, gid)) {
        unset(m->due, gid);
        m->n_due--;
    }
    if (gid / 64 >= m->changed_cap || !wr_bit(m->changed, gid)) return;
    unset(m->changed, gid);
    m->n_changed--;
}
