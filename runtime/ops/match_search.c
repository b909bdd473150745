/* runtime/ops/match_search.c -- the search among a key's rows: backtracking that can wait; see match.h. */
#include "match.h"

/* Searching for so many rows per row that came is cheaper than remembering what failed. Debug builds remember
 * from the start, so that small tests see it. */
#ifdef WR_DEBUG
#define TRIES_PER_ROW 0
#else
#define TRIES_PER_ROW 8
#endif

#define TEXT(x)       #x
#define STEPS_TEXT(x) TEXT(x)

typedef enum outcome { WAITS, FOUND, NONE } outcome;

/* ---- parts ---- */

static bool add_path(wri_matcher *m, wri_mpart *p) {
    uint32_t n = m->s->n_vars;
    wri_mpath *k = p->path = wr_calloc(1, sizeof *k);
    if (!k) return false;
    k->first_of = wr_calloc(2 * (size_t)n, sizeof *k->first_of);
    if (m->daggs.n) k->states = wr_calloc(2, m->daggs.stride);
    k->last_of = k->first_of + n;
    return k->first_of && (!m->daggs.n || k->states);
}

wri_mpart *wri_mpart_new(wri_matcher *m, uint32_t gid) {
    wri_mpart *p = m->spare;
    if (p) m->spare = p->next;
    else {
        p = wr_calloc(1, sizeof *p);
        if (!p) return NULL;
        p->rows = p->few_rows;
        p->frames = p->few_frames;
        p->cap = p->frames_cap = WRI_MR_FEW;
        if (m->links && !add_path(m, p)) {
            wri_mpart_destroy(m, p);
            return NULL;
        }
    }
    p->tried = NULL;
    p->gid = gid;
    m->n_parts++;
    return p;
}

static void free_rows(wri_mpart *p) {
    if (p->rows != p->few_rows) wr_free(p->rows);
    if (p->frames != p->few_frames) wr_free(p->frames);
}

static void free_tried(wri_mtried *t) {
    if (!t) return;
    wr_free(t->fail);
    wr_free(t->now);
    wr_free(t->marks);
    wr_free(t);
}

static void end_search(wri_matcher *m, wri_mpart *p) {
    if (p->active) m->n_active--;
    p->active = false;
    if (p->path && p->path->folded) wri_mcond_reset(m, p);
}

void wri_mpart_free(wri_matcher *m, wri_mpart *p) {
    end_search(m, p);
    for (uint32_t i = 0; i < p->n; i++) wri_mrows_drop(&m->rows, wri_mpart_slot(p, i));
    free_tried(p->tried);
    p->head = p->n = p->start = p->n_fresh = p->depth = p->covered = p->work = p->taken = 0;
    p->first = false;
    if (p->cap > 1024 || p->frames_cap > 1024) { /* what a long match took is not hoarded */
        free_rows(p);
        p->rows = p->few_rows;
        p->frames = p->few_frames;
        p->cap = p->frames_cap = WRI_MR_FEW;
    }
    p->next = m->spare;
    m->spare = p;
    m->n_parts--;
}

/* p is in use, not spare. */
void wri_mpart_destroy(wri_matcher *m, wri_mpart *p) {
    free_tried(p->tried);
    free_rows(p);
    if (p->path) {
        if (p->path->states) wri_maggs_destroy(&m->daggs, p->path->states, 1);
        wr_free(p->path->states);
        wr_free(p->path->first_of);
    }
    wr_free(p->path);
    wr_free(p);
}

/* ---- rows ---- */

/* Twice the room for *itemsp, which is `few` while it is small; NULL on OOM. */
static bool more_room(void *itemsp, const void *few, uint32_t cap, size_t size) {
    void *old;
    memcpy(&old, itemsp, sizeof old);
    void *p = old == few ? wr_alloc(2 * cap * size) : wr_reallocn(old, 2 * (size_t)cap, size);
    if (!p) return false;
    if (old == few) memcpy(p, few, cap * size);
    memcpy(itemsp, &p, sizeof p);
    return true;
}

/* Moves the rows to the front, or gives them twice the room. */
static bool make_room(const wri_matcher *m, wri_mpart *p) {
    size_t w = m->words;
    wri_mtried *t = p->tried;
    if (p->head >= p->cap / 2 && p->head > 0) {
        memmove(p->rows, p->rows + p->head, p->n * sizeof *p->rows);
        if (t) {
            memmove(t->fail, t->fail + p->head * w, p->n * w * 8);
            memmove(t->now, t->now + p->head * w, p->n * w * 8);
        }
        p->head = 0;
        return true;
    }
    if (p->cap > UINT32_MAX / 2 || !more_room(&p->rows, p->few_rows, p->cap, sizeof *p->rows)) return false;
    if (t && (!more_room(&t->fail, NULL, p->cap, w * 8) || !more_room(&t->now, NULL, p->cap, w * 8)))
        return false;
    p->cap *= 2;
    return true;
}

static bool frame_room(wri_mpart *p) {
    if (p->depth + 2u <= p->frames_cap) return true;
    if (p->frames_cap > UINT32_MAX / 2 ||
        !more_room(&p->frames, p->few_frames, p->frames_cap, sizeof *p->frames))
        return false;
    wri_mmark **marks = p->tried ? &p->tried->marks : NULL;
    if (marks && *marks && !more_room(marks, NULL, p->frames_cap, sizeof **marks)) return false;
    p->frames_cap *= 2;
    return true;
}

wr_status wri_mr_add(wri_matcher *m, wri_mpart *p, uint32_t slot, wr_err *err) {
    if (p->n_fresh == 0) {
        if (wr_grow(&m->touched, &m->touched_cap, m->n_touched + 1, sizeof *m->touched) != WR_OK)
            return wr_fail_oom(err, "a pattern's rows");
        m->touched[m->n_touched++] = p;
    }
    if (p->head + p->n == p->cap && !make_room(m, p)) return wr_fail_oom(err, "a pattern's rows");
    uint32_t at = p->head + p->n;
    p->rows[at] = slot;
    if (p->tried) {
        memset(p->tried->fail + (size_t)at * m->words, 0, m->words * 8);
        memset(p->tried->now + (size_t)at * m->words, 0, m->words * 8);
    }
    p->n++;
    p->n_fresh++;
    p->taken += p->taken < UINT32_MAX;
    return WR_OK;
}

/* Rows that neither the search nor PREV can come to go. */
static void release(wri_matcher *m, wri_mpart *p) {
    uint32_t keep = m->history, gone = p->start > keep ? p->start - keep : 0;
    for (uint32_t i = 0; i < gone; i++) wri_mrows_drop(&m->rows, wri_mpart_slot(p, i));
    p->head += gone;
    if (p->tried) p->tried->gone += gone;
    p->n -= gone;
    p->start -= gone;
    p->covered -= p->covered < gone ? p->covered : gone;
    if (gone) p->first = false;
    if (p->n_fresh > p->n) p->n_fresh = p->n;
}

/* ---- what has failed ---- */

static void remember(wri_matcher *m, wri_mpart *p) {
    wri_mtried *t = wr_calloc(1, sizeof *t);
    if (t) t->fail = wr_calloc(p->cap, (size_t)m->words * 8);
    if (t) t->now = wr_calloc(p->cap, (size_t)m->words * 8);
    if (!t || !t->fail || !t->now) { /* it goes without, only slower */
        free_tried(t);
        return;
    }
    if (m->memo.works) t->marks = wr_calloc(p->frames_cap, sizeof *t->marks);
    t->serial = ++m->serials;
    p->tried = t;
}

static uint64_t *fail_word(const wri_matcher *m, const wri_mpart *p, uint64_t *words, uint32_t row,
                           uint32_t pos) {
    return &words[(size_t)(p->head + row) * m->words + pos / 64];
}

/* Whether the position fails at the row, as was found before. */
static bool known(const wri_matcher *m, const wri_mpart *p, uint32_t row, uint32_t pos, wri_mframe *f) {
    const wri_mtried *t = p->tried;
    if (!t) return false;
    if (*fail_word(m, p, t->fail, row, pos) >> (pos % 64) & 1) return true;
    if (!t->dirty || !(*fail_word(m, p, t->now, row, pos) >> (pos % 64) & 1)) return false;
    f->cut = true;
    return true;
}

/* ---- the path ---- */

static wr_status push(wri_matcher *m, wri_mpart *p, uint32_t pos, wr_err *err) {
    if (!frame_room(p)) return wr_fail_oom(err, "a match under way");
    uint32_t at = ++p->depth, v = m->s->pos[pos].var;
    p->frames[at] = (wri_mframe){.pos = pos};
    if (m->links) {
        wri_mpath *k = p->path;
        p->frames[at].same = k->last_of[v];
        if (!k->last_of[v]) k->first_of[v] = at;
        k->last_of[v] = at;
    }
    p->work += p->work < UINT32_MAX;
    if (!p->tried && p->work > TRIES_PER_ROW * ((uint64_t)p->taken + 8)) remember(m, p);
    if (!p->tried || !p->tried->marks) return WR_OK;
    p->tried->marks[at] = (wri_mmark){0};
    return m->static_from[pos] ? WR_OK : wri_mmemo_mark(m, p, &p->tried->marks[at], err);
}

/* The path cannot go on from its last row. */
static void pop(wri_matcher *m, wri_mpart *p) {
    const wri_mframe *f = &p->frames[p->depth];
    wri_mtried *t = p->tried;
    if (t && m->static_from[f->pos]) {
        uint64_t *words = f->cut ? t->now : t->fail;
        *fail_word(m, p, words, p->start + p->depth - 1, f->pos) |= UINT64_C(1) << (f->pos % 64);
        t->dirty |= f->cut;
    }
    if (t && t->marks && t->marks[p->depth].a) wri_mmemo_fail(m, p, t->marks[p->depth], f->cut);
    if (m->links) p->path->last_of[m->s->pos[f->pos].var] = f->same;
    if (p->path && p->path->folded >= p->depth) wri_mcond_reset(m, p);
    p->depth--;
    p->frames[p->depth].cut |= f->cut;
}

static wr_status unmatched(wri_matcher *m, wri_mpart *p, wr_err *err) {
    return m->s->unmatched && p->start >= p->covered ? wri_mout_unmatched(m, p, err) : WR_OK;
}

/* Goes to the next row a match may begin with. False: there is none yet. */
static wr_status begin(wri_matcher *m, wri_mpart *p, bool *anyp, wr_err *err) {
    while (p->start < p->n && !m->s->empty) {
        uint32_t slot = wri_mpart_slot(p, p->start);
        if ((wri_mr_yes(&m->rows, slot) | wri_mr_ask(&m->rows, slot)) & m->start_vars) break;
        WR_TRY(unmatched(m, p, err));
        p->start++;
    }
    release(m, p);
    *anyp = p->start < p->n;
    if (!*anyp) return WR_OK;
    wri_mtried *t = p->tried;
    if (t && t->dirty) {
        memset(t->now + p->head * (size_t)m->words, 0, p->n * (size_t)m->words * 8);
        t->dirty = false;
    }
    p->frames[0] = (wri_mframe){.pos = p->first && p->start == 0 ? m->s->first : 0};
    p->depth = 0;
    p->steps = 0;
    if (m->links) memset(p->path->last_of, 0, m->s->n_vars * sizeof *p->path->last_of);
    p->active = true;
    m->n_active++;
    return WR_OK;
}

/* May row i be taken as the variable? */
static wr_status takes(wri_matcher *m, wri_mpart *p, uint32_t v, uint32_t i, bool *resultp, wr_err *err) {
    uint32_t slot = wri_mpart_slot(p, i);
    uint64_t bit = UINT64_C(1) << v;
    bool ask = wri_mr_ask(&m->rows, slot) & bit;
    *resultp = wri_mr_yes(&m->rows, slot) & bit;
    if (!ask && (!*resultp || !(m->slow_vars & bit))) return WR_OK;
    p->steps++;
    return wri_mcond_asks(m, p, v, i, resultp, err);
}

/* No row that may still come can be part of a match from here. */
static bool is_over(const wri_matcher *m, int64_t first, int64_t horizon) {
    return horizon == WR_WM_END || (m->s->within_us && horizon - m->s->within_us >= first);
}

static wr_status attempt(wri_matcher *m, wri_mpart *p, int64_t horizon, outcome *outp, wr_err *err) {
    const wr_match_spec *s = m->s;
    int64_t first = wri_mr_time(&m->rows, wri_mpart_slot(p, p->start));
    uint32_t ready = horizon == WR_WM_END ? p->n : p->n > s->ahead ? p->n - s->ahead : 0; /* rows before */
    for (;;) {
        wri_mframe *f = &p->frames[p->depth];
        const wr_match_pos *at = &s->pos[f->pos];
        *outp = NONE;
        if (f->next == at->n_next) {
            if (p->depth == 0) return WR_OK;
            pop(m, p);
            continue;
        }
        uint32_t to = at->next[f->next], i = p->start + p->depth;
        *outp = FOUND;
        if (to == WR_MATCH_END) return WR_OK;
        *outp = WAITS;
        bool there = i < p->n;
        if (to == WR_MATCH_LAST && !there) {
            if (horizon == WR_WM_END) *outp = FOUND;
            return WR_OK;
        }
        if (there ? i >= ready : !is_over(m, first, horizon)) return WR_OK;
        f->next++;
        if (to == WR_MATCH_LAST) continue;
        if (s->within_us && there ? wri_mr_time(&m->rows, wri_mpart_slot(p, i)) - s->within_us >= first
                                  : !there && horizon != WR_WM_END) {
            f->cut = true;
            continue;
        }
        if (!there || known(m, p, i, to, f)) continue;
        bool yes;
        WR_TRY(takes(m, p, s->pos[to].var, i, &yes, err));
        if (m->links && ++p->steps > WRI_MR_STEPS_MAX) {
            *outp = NONE;
            return wri_mr_bad(
                m, wri_mpart_slot(p, p->start),
                "MATCH_RECOGNIZE gave up looking for a match from this row after " STEPS_TEXT(
                    WRI_MR_STEPS_MAX) " steps: make the conditions that refer to other rows narrower, "
                                      "or add WITHIN",
                err);
        }
        if (!yes) continue;
        WR_TRY(push(m, p, to, err));
        const wri_mmark *mark = p->tried && p->tried->marks ? &p->tried->marks[p->depth] : NULL;
        if (mark && mark->a && wri_mmemo_failed(m, p, *mark)) pop(m, p);
    }
}

/* ---- after a match ---- */

static wr_status skip(wri_matcher *m, wri_mpart *p, uint32_t *stepp, wr_err *err) {
    const wr_match_spec *s = m->s;
    uint32_t at = 0;
    *stepp = s->skip == WR_SKIP_PAST_LAST && p->depth ? p->depth : 1;
    if (s->skip < WR_SKIP_TO_FIRST) return WR_OK;
    for (uint32_t i = 1; i <= p->depth; i++) {
        if (!(s->skip_vars >> s->pos[p->frames[i].pos].var & 1)) continue;
        at = i;
        if (s->skip == WR_SKIP_TO_FIRST) break;
    }
    if (at > 1) {
        *stepp = at - 1;
        return WR_OK;
    }
    return wri_mr_bad(
        m, wri_mpart_slot(p, p->start),
        at ? "AFTER MATCH SKIP leads back to the first row of the match; the search went on with "
             "the next row"
           : "AFTER MATCH SKIP names a variable without a row in the match that begins here; the "
             "search went on with the next row",
        err);
}

wr_status wri_mr_search(wri_matcher *m, wri_mpart *p, int64_t horizon, wr_err *err) {
    for (;;) {
        bool any = true;
        if (!p->active) WR_TRY(begin(m, p, &any, err));
        if (!any) return WR_OK;
        outcome o;
        WR_TRY(attempt(m, p, horizon, &o, err));
        if (o == WAITS) return WR_OK;
        uint32_t step = 1;
        if (o == FOUND) {
            uint32_t end = p->start + (p->depth ? p->depth : 1);
            WR_TRY(wri_mout_match(m, p, err));
            WR_TRY(skip(m, p, &step, err));
            if (end > p->covered) p->covered = end;
        } else WR_TRY(unmatched(m, p, err));
        end_search(m, p);
        p->start += step;
    }
}
