/* runtime/ops/match_saved.c -- MATCH_RECOGNIZE in snapshots: rows that wait, rows that a match may still
 * need, and what is known of keys; see match.h.
 *
 *   LINE   rows that wait for the watermark: slots of the timeline
 *   KEYS   keys | matches so far: when MATCH_NUMBER or ^ is asked, of all keys
 *   ROWS   kept columns | variables whose quick condition holds | those to ask | bits of the row's place;
 *          a key's rows one behind the other, in one batch
 *   DONE   searches begin anew: only in snapshots of old, as they do before the first row anyway
 *
 * KEYS and ROWS are slots, by key. Paths are not saved. A search that waited has looked at the same rows when
 * it begins anew, so it comes to the same place and waits there: nothing is found and nothing is said by it.
 * Nor is what has failed: the limit of steps may then be met by a search that would have been spared, or the
 * other way round. */
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
    uint32_t *slots, *places, *gids, n; /* of rows that are gathered */
    size_t slots_cap, places_cap, gids_cap;
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
    uint32_t n_kept = kept_before(&s->m->rows, s->m->rows.n_cols), n_keys = s->m->s->n_keys;
    wr_batch *b;
    if (s->n == 0) return WR_OK;
    WR_TRY(wr_batch_new(n_kept + 3, s->n, &b, err));
    b->n = s->n;
    wr_status st = fill_rows(s, n_kept, b, err);
    if (st == WR_OK) st = wr_save_slots(s->to, ROWS, b, s->m->key_cols + n_keys, n_keys, s->gids, err);
    wr_batch_drop(b);
    s->n = 0;
    return st;
}

static wr_status gather_part(saving *s, const wri_mpart *p, wr_err *err) {
    if (wr_grow(&s->slots, &s->slots_cap, s->n + (size_t)p->n, sizeof *s->slots) != WR_OK ||
        wr_grow(&s->places, &s->places_cap, s->n + (size_t)p->n, sizeof *s->places) != WR_OK ||
        wr_grow(&s->gids, &s->gids_cap, s->n + (size_t)p->n, sizeof *s->gids) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < p->n; i++) {
        s->slots[s->n] = wri_mpart_slot(p, i);
        s->gids[s->n] = p->gid;
        s->places[s->n++] =
            (i < p->start ? BEHIND : 0) | (i < p->covered ? COVERED : 0) | (i == 0 && p->first ? FIRST : 0);
    }
    return WR_OK;
}

static wr_status save_keys(wri_matcher *m, const uint32_t *gids, uint32_t n, wr_saver *to, wr_err *err) {
    uint32_t n_keys = m->s->n_keys;
    wr_batch *b;
    WR_TRY(wr_batch_new(n_keys + 1, n, &b, err));
    b->n = n;
    wr_status st = wri_groups_emit_keys(m->groups, gids, n, b, 0, err);
    if (st == WR_OK) st = wr_batch_col(b, n_keys, WR_I64, err);
    for (uint32_t i = 0; st == WR_OK && i < n; i++)
        b->cols[n_keys].i64[i] = (int64_t)wri_mr_key(m, gids[i])->matches;
    if (st == WR_OK) st = wr_save_slots(to, KEYS, b, m->key_cols, n_keys, gids, err);
    wr_batch_drop(b);
    return st;
}

static wr_status save_parts(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                            wr_err *err) {
    wri_matcher *m = slots->ctx;
    saving v = {.m = m, .to = to};
    uint32_t step = wr_task_batch_rows(m->op->task);
    wr_status st = m->numbers || m->s->first ? save_keys(m, gids, n, to, err) : WR_OK;
    for (uint32_t i = 0; st == WR_OK && i < n; i++) {
        const wri_mpart *p = wri_mr_key(m, gids[i])->part;
        if (p) st = gather_part(&v, p, err);
        if (st == WR_OK && v.n >= step) st = save_gathered(&v, err);
    }
    if (st == WR_OK) st = save_gathered(&v, err);
    wr_free(v.slots);
    wr_free(v.places);
    wr_free(v.gids);
    return st;
}

wr_status wri_match_saves(wri_matcher *m, wr_err *err) {
    const wr_match_spec *s = m->s;
    m->key_cols = wr_calloc(2 * (size_t)s->n_keys + 1, sizeof *m->key_cols);
    if (!m->key_cols) return wr_fail_oom(err, "a pattern");
    for (uint32_t k = 0; k < s->n_keys; k++) {
        m->key_cols[k] = k;
        m->key_cols[s->n_keys + k] = kept_before(&m->rows, s->keys[k]);
    }
    wri_timeline_saves(m->line, m->op, LINE, s->keys, s->n_keys);
    wri_slots_init(&m->saved, m->op, 0, ROWS, save_parts, m);
    return WR_OK;
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
    WR_TRY(wri_slots_touch(&m->saved, m->gids, b->n, err));
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
    if (st == WR_OK) st = wri_slots_touch(&m->saved, m->gids, b->n, err);
    for (uint32_t i = 0; st == WR_OK && i < b->n; i++) {
        wri_mkey *k = wri_mr_key(m, m->gids[i]);
        k->live = true;
        k->matches = (uint64_t)b->cols[n_keys].i64[i] & UINT64_MAX >> 2;
    }
    return st;
}

/* The searches of all keys whose rows are there. */
wr_status wri_match_begin(wri_matcher *m, wr_err *err) {
    if (!m->unbegun) return WR_OK;
    m->unbegun = false;
    for (uint32_t g = 1; g <= wri_groups_count(m->groups); g++) {
        wri_mpart *p = wri_mr_key(m, g)->part;
        if (!p || p->active || p->n == 0) continue;
        WR_TRY(wri_match_go_on(m, p, wri_mr_time(&m->rows, wri_mpart_slot(p, p->n - 1)), err));
    }
    return WR_OK;
}

wr_status wri_match_load(wri_matcher *m, const wr_saved *saved, wr_err *err) {
    m->unbegun = true;
    if (saved->tag == DONE) return WR_OK;
    if (!saved->rows || saved->tag > DONE) return broken(err);
    if (saved->tag == LINE) return wri_timeline_load(m->line, saved->rows, err);
    return saved->tag == KEYS ? load_keys(m, saved->rows, err) : load_rows(m, saved->rows, err);
}
