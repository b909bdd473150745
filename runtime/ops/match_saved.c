/* runtime/ops/match_saved.c -- MATCH_RECOGNIZE in snapshots: rows that wait, rows that a match may still
 * need, and what is known of keys; see match.h.
 *
 *   LINE   rows that wait for the watermark
 *   KEYS   keys | matches so far: when MATCH_NUMBER or ^ is asked, of all keys
 *   ROWS   kept columns | variables whose quick condition holds | those to ask | bits of the row's place;
 *          a key's rows one behind the other
 *   DONE   a worker's last: searches begin anew
 *
 * Paths are not saved. A search that waited has looked at the same rows when it begins anew, so it comes to
 * the same place and waits there: nothing is found and nothing is said by it. Nor is what has failed: the
 * limit of steps may then be met by a search that would have been spared, or the other way round. */
#include "match.h"

enum { LINE, KEYS, ROWS, DONE };
enum { TOLD = 1, BEHIND = 2, COVERED = 4, FIRST = 8 }; /* BEHIND: before the search, for PREV */

static wr_status broken(wr_err *err) {
    return wr_fail(err, WR_EDATA, "a pattern in the snapshot is not as it was written");
}

/* ---- saving ---- */

typedef struct saving {
    wri_matcher *m;
    wr_saver *to;
    uint32_t *slots, *places, n, cap; /* of rows that are gathered */
    uint32_t *keys;                   /* their columns among those kept */
} saving;

/* Place of column c among those that are kept. */
static uint32_t kept_before(const wri_mrows *r, uint32_t c) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < c; i++) n += r->kept[i];
    return n;
}

static wr_status fill_rows(const saving *s, uint32_t n_kept, wr_batch *b, wr_err *err) {
    const wri_mrows *r = &s->m->rows;
    for (uint32_t c = 0, to = 0; c < r->n_cols; c++) {
        if (!r->kept[c]) continue;
        WR_TRY(wr_batch_col(b, to, r->cols[c].phys, err));
        for (uint32_t i = 0; i < s->n; i++) WR_TRY(wri_mr_put(r, s->slots[i], c, b, &b->cols[to], i, err));
        to++;
    }
    for (uint32_t c = n_kept; c < n_kept + 3; c++) WR_TRY(wr_batch_col(b, c, WR_I64, err));
    for (uint32_t i = 0; i < s->n; i++) {
        b->cols[n_kept].i64[i] = (int64_t)wri_mr_yes(r, s->slots[i]);
        b->cols[n_kept + 1].i64[i] = (int64_t)wri_mr_ask(r, s->slots[i]);
        b->cols[n_kept + 2].i64[i] = s->places[i] | (*wri_mr_told(r, s->slots[i]) ? TOLD : 0);
    }
    return WR_OK;
}

static wr_status save_gathered(saving *s, wr_err *err) {
    uint32_t n_kept = kept_before(&s->m->rows, s->m->rows.n_cols);
    wr_batch *b;
    if (s->n == 0) return WR_OK;
    WR_TRY(wr_batch_new(n_kept + 3, s->n, &b, err));
    b->n = s->n;
    wr_status st = fill_rows(s, n_kept, b, err);
    if (st == WR_OK) st = wr_save_rows(s->to, ROWS, b, s->keys, s->m->s->n_keys, err);
    wr_batch_drop(b);
    s->n = 0;
    return st;
}

static wr_status save_rows(saving *s, wr_err *err) {
    wri_matcher *m = s->m;
    for (uint32_t g = 1; g <= wri_groups_count(m->groups); g++) {
        const wri_mpart *p = wri_mr_key(m, g)->part;
        for (uint32_t i = 0; p && i < p->n; i++) {
            if (s->n == s->cap) WR_TRY(save_gathered(s, err));
            s->slots[s->n] = wri_mpart_slot(p, i);
            s->places[s->n++] = (i < p->start ? BEHIND : 0) | (i < p->covered ? COVERED : 0) |
                                (i == 0 && p->first ? FIRST : 0);
        }
    }
    return save_gathered(s, err);
}

/* s->slots are groups here. */
static wr_status save_keys(saving *s, wr_err *err) {
    wri_matcher *m = s->m;
    uint32_t n_keys = m->s->n_keys, count = wri_groups_count(m->groups);
    for (uint32_t g = 1; g <= count;) {
        uint32_t n = 0;
        wr_batch *b;
        for (; g <= count && n < s->cap; g++)
            if (wri_mr_key(m, g)->live) s->slots[n++] = g;
        WR_TRY(wr_batch_new(n_keys + 1, n ? n : 1, &b, err));
        b->n = n;
        wr_status st = wri_groups_emit_keys(m->groups, s->slots, n, b, 0, err);
        if (st == WR_OK) st = wr_batch_col(b, n_keys, WR_I64, err);
        for (uint32_t i = 0; st == WR_OK && i < n; i++)
            b->cols[n_keys].i64[i] = (int64_t)wri_mr_key(m, s->slots[i])->matches;
        for (uint32_t k = 0; k < n_keys; k++) s->places[k] = k;
        if (st == WR_OK) st = wr_save_rows(s->to, KEYS, b, s->places, n_keys, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
    return WR_OK;
}

wr_status wri_match_save(wri_matcher *m, wr_saver *to, wr_err *err) {
    const wr_match_spec *s = m->s;
    uint32_t step = wr_task_batch_rows(m->op->task), room = step + s->n_keys + 1;
    saving v = {.m = m, .to = to, .cap = step};
    WR_TRY(wri_timeline_save(m->line, to, LINE, s->keys, s->n_keys, err));
    v.slots = wr_alloc(3 * (size_t)room * sizeof *v.slots);
    if (!v.slots) return wr_fail_oom(err, "a snapshot");
    v.places = v.slots + room;
    v.keys = v.places + room;
    for (uint32_t k = 0; k < s->n_keys; k++) v.keys[k] = kept_before(&m->rows, s->keys[k]);
    wr_status st = m->numbers || s->first ? save_keys(&v, err) : WR_OK;
    if (st == WR_OK) st = save_rows(&v, err);
    if (st == WR_OK) st = wr_save_ints(to, DONE, NULL, 0, err);
    wr_free(v.slots);
    return st;
}

/* ---- loading ---- */

/* The saved rows as a batch like those that come, its other columns empty. */
static wr_status as_fresh(const wri_matcher *m, wr_batch *b, wr_batch **outp, wr_err *err) {
    const wri_mrows *r = &m->rows;
    uint32_t n = 0, *cols = wr_alloc((r->n_cols + 1) * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "rows of a pattern");
    bool ok = true;
    for (uint32_t c = 0; c < r->n_cols; c++) {
        cols[c] = r->kept[c] ? n++ : UINT32_MAX;
        ok = ok && (!r->kept[c] || (n <= b->n_cols && b->cols[n - 1].phys == r->cols[c].phys));
    }
    ok = ok && b->n_cols == n + 3;
    for (uint32_t c = n; ok && c < n + 3; c++) ok = b->cols[c].phys == WR_I64;
    wr_status st = ok ? wr_batch_share(b, cols, r->n_cols, outp, err) : broken(err);
    wr_free(cols);
    return st;
}

static wr_status load_row(wri_matcher *m, uint32_t i, int64_t place, wr_err *err) {
    wri_mkey *k = wri_mr_key(m, m->gids[i]);
    k->live = true;
    if (!k->part) k->part = wri_mpart_new(m, m->gids[i]);
    if (!k->part) return wr_fail_oom(err, "a match under way");
    wri_mpart *p = k->part;
    p->first |= (place & FIRST) != 0;
    p->start += (place & BEHIND) != 0;
    p->covered += (place & COVERED) != 0;
    return wri_mr_add(m, p, i | WRI_MR_FRESH, err);
}

static wr_status load_fresh(wri_matcher *m, const wr_batch *b, wr_err *err) {
    wri_mrows *r = &m->rows;
    const wr_col *more = &b->cols[b->n_cols - 3];
    WR_TRY(wri_match_room(m, b->n, err));
    WR_TRY(wri_groups_find(m->groups, r->fresh, m->s->keys, b->hash, m->gids, err));
    for (uint32_t i = 0; i < b->n; i++) {
        r->fresh_yes[i] = (uint64_t)more[0].i64[i];
        r->fresh_ask[i] = (uint64_t)more[1].i64[i];
        r->fresh_told[i] = more[2].i64[i] & TOLD;
    }
    for (uint32_t i = 0; i < b->n; i++) WR_TRY(load_row(m, i, more[2].i64[i], err));
    return wri_match_settle(m, err);
}

static wr_status load_rows(wri_matcher *m, wr_batch *b, wr_err *err) {
    WR_TRY(as_fresh(m, b, &m->rows.fresh, err));
    wr_status st = load_fresh(m, b, err);
    wr_batch_drop(m->rows.fresh);
    m->rows.fresh = NULL;
    return st;
}

static wr_status load_keys(wri_matcher *m, const wr_batch *b, wr_err *err) {
    uint32_t n_keys = m->s->n_keys, *cols;
    if (b->n_cols != n_keys + 1 || b->cols[n_keys].phys != WR_I64) return broken(err);
    WR_TRY(wri_match_room(m, b->n, err));
    cols = wr_alloc((n_keys + 1) * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "keys of a pattern");
    for (uint32_t k = 0; k < n_keys; k++) cols[k] = k;
    wr_status st = wri_groups_find(m->groups, b, cols, b->hash, m->gids, err);
    wr_free(cols);
    for (uint32_t i = 0; st == WR_OK && i < b->n; i++) {
        wri_mkey *k = wri_mr_key(m, m->gids[i]);
        k->live = true;
        k->matches = (uint64_t)b->cols[n_keys].i64[i] & UINT64_MAX >> 2;
    }
    return st;
}

/* The searches of all keys whose rows are there. */
static wr_status begin_all(wri_matcher *m, wr_err *err) {
    for (uint32_t g = 1; g <= wri_groups_count(m->groups); g++) {
        wri_mpart *p = wri_mr_key(m, g)->part;
        if (!p || p->active || p->n == 0) continue;
        WR_TRY(wri_match_go_on(m, p, wri_mr_time(&m->rows, wri_mpart_slot(p, p->n - 1)), err));
    }
    return WR_OK;
}

wr_status wri_match_load(wri_matcher *m, const wr_saved *saved, wr_err *err) {
    if (saved->tag == DONE) return begin_all(m, err);
    if (!saved->rows || saved->tag > DONE) return broken(err);
    if (saved->tag == LINE) return wri_timeline_load(m->line, saved->rows, err);
    return saved->tag == KEYS ? load_keys(m, saved->rows, err) : load_rows(m, saved->rows, err);
}
