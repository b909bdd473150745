/* runtime/ops/match.c -- MATCH_RECOGNIZE: rows wait for the watermark, then go to their keys; see match.h.
 *
 * A match is emitted as soon as it is certain. It can become certain without a row of its key, when the
 * watermark passes the end of WITHIN, so keys whose search waits are in a heap by the time of their first
 * row. What is emitted can be as old as that, so the watermark passed on stays before the least of them. */
#include "match.h"

#include <stdlib.h>

#include "ops.h"

#define IDLE_MIN 4096 /* keys that nothing is kept of, before they are looked for */

/* ---- making ---- */

static void find_vars(wri_matcher *m) {
    const wr_match_spec *s = m->s;
    for (uint32_t p = 0; p < s->n_pos; p++)
        for (uint32_t i = 0; s->pos[p].var == WR_NO_COL && i < s->pos[p].n_next; i++) {
            uint32_t to = s->pos[p].next[i];
            if (to < WR_MATCH_LAST) m->start_vars |= UINT64_C(1) << s->pos[to].var;
        }
    for (uint32_t i = 0; i < s->n_prevs; i++)
        if (s->prevs[i].back > m->history) m->history = s->prevs[i].back;
    for (uint32_t i = 0; i < s->n_values; i++) m->numbers |= s->values[i].what == WR_MATCH_NUMBER;
    for (uint32_t i = 0; i < s->n_dvalues; i++) m->numbers |= s->dvalues[i].what == WR_MATCH_NUMBER;
    m->take_all = s->empty || s->unmatched;
    m->patient = s->ahead || s->anchored;
    m->heap_needed = s->within_us || !s->fixed || s->all_rows || m->patient;
    m->words = s->n_pos / 64 + 1;
}

#define ROUNDS_MAX 64 /* usually two or three; a pattern that takes more is searched without memory */

static void find_static(wri_matcher *m) {
    const wr_match_spec *s = m->s;
    bool changed = m->path_vars != 0;
    for (uint32_t p = 0; p < s->n_pos; p++) m->static_from[p] = true;
    for (uint32_t round = 0; changed; round++) {
        changed = false;
        for (uint32_t p = 0; p < s->n_pos; p++) {
            bool ok = round < ROUNDS_MAX;
            for (uint32_t i = 0; ok && i < s->pos[p].n_next; i++) {
                uint32_t to = s->pos[p].next[i];
                ok = to >= WR_MATCH_LAST || (m->static_from[to] && !(m->path_vars >> s->pos[to].var & 1));
            }
            changed |= round < ROUNDS_MAX && ok != m->static_from[p];
            m->static_from[p] = ok;
        }
    }
}

static wr_status open_groups(wri_matcher *m, wr_err *err) {
    const wr_match_spec *s = m->s;
    wr_phys *phys = wr_calloc(s->n_keys + 1u, sizeof *phys);
    if (!phys) return wr_fail_oom(err, "keys of a pattern");
    for (uint32_t i = 0; i < s->n_keys; i++) phys[i] = wr_type_phys(s->ext.fields[s->keys[i]].type);
    m->groups = wri_groups_new(phys, s->n_keys, sizeof(wri_mkey));
    wr_free(phys);
    if (!m->groups || (s->n_keys && !wri_groups_let_go(m->groups)))
        return wr_fail_oom(err, "keys of a pattern");
    return WR_OK;
}

static wr_status match_open(wr_op *op, wr_err *err) {
    wri_matcher *m = op->state = wr_calloc(1, sizeof *m);
    if (!m) return wr_fail_oom(err, "a pattern");
    m->op = op;
    m->s = op->node->match;
    find_vars(m);
    m->static_from = wr_calloc(m->s->n_pos, sizeof *m->static_from);
    m->line = wri_timeline_new(&op->node->in[0]->out, m->s->time_col);
    if (!m->static_from || !m->line) return wr_fail_oom(err, "a pattern");
    WR_TRY(open_groups(m, err));
    WR_TRY(wri_mrows_init(&m->rows, m->s, err));
    WR_TRY(wri_mcond_init(m, err));
    find_static(m);
    wri_mmemo_init(m);
    WR_TRY(wri_match_saves(m, err));
    return wri_mout_init(m, err);
}

static void match_close(wr_op *op) {
    wri_matcher *m = op->state;
    if (!m) return;
    for (uint32_t g = 1; m->groups && g <= wri_groups_count(m->groups); g++) {
        wri_mkey *k = wri_mr_key(m, g);
        if (k->part) wri_mpart_destroy(m, k->part);
    }
    for (wri_mpart *p = m->spare; p;) {
        wri_mpart *next = p->next;
        p->tried = NULL; /* where next is */
        wri_mpart_destroy(m, p);
        p = next;
    }
    wri_mout_free(m);
    wri_mcond_free(m);
    wri_mmemo_free(&m->memo);
    wri_mrows_free(&m->rows);
    wri_groups_free(m->groups);
    wri_slots_free(&m->saved);
    wri_timeline_free(m->line);
    void *const scratch[] = {m->static_from, m->touched, m->heap,   m->ok, m->gids,    m->order,
                             m->chain,       m->slots,   m->labels, m->at, m->key_cols};
    for (size_t i = 0; i < WR_LEN(scratch); i++) wr_free(scratch[i]);
    wr_free(m->rows.fresh_yes);
    wr_free(m->rows.fresh_ask);
    wr_free(m->rows.fresh_told);
    wr_free(m);
}

static wr_status match_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    wri_matcher *m = op->state;
    uint32_t n;
    if (wr_grow(&m->ok, &m->ok_cap, in->n, sizeof *m->ok) != WR_OK)
        return wr_fail_oom(err, "rows of a pattern");
    WR_TRY(wri_in_time(op, port, in, m->s->time_col, m->ok, &n, err));
    return wri_timeline_add(m->line, in, m->ok, n, err);
}

/* ---- keys that wait ---- */

static void sink(wri_mwait *h, size_t n, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++)
            if (h[k].time < h[least].time) least = k;
        if (least == i) return;
        wri_mwait t = h[i];
        h[i] = h[least];
        h[least] = t;
        i = least;
    }
}

static wr_status enqueue(wri_matcher *m, const wri_mpart *p, wr_err *err) {
    if (wr_grow(&m->heap, &m->heap_cap, m->n_heap + 1, sizeof *m->heap) != WR_OK)
        return wr_fail_oom(err, "keys that wait");
    wri_mwait w = {wri_mr_time(&m->rows, wri_mpart_slot(p, p->start)), p->gid};
    size_t i = m->n_heap++;
    for (; i > 0 && m->heap[(i - 1) / 2].time > w.time; i = (i - 1) / 2) m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = w;
    wri_mr_key(m, p->gid)->queued = true;
    return WR_OK;
}

static void dequeue(wri_matcher *m) {
    wri_mr_key(m, m->heap[0].gid)->queued = false;
    m->heap[0] = m->heap[--m->n_heap];
    sink(m->heap, m->n_heap, 0);
}

/* Entries of keys that wait no more go. */
static void tidy_heap(wri_matcher *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->n_heap; i++) {
        wri_mkey *k = wri_mr_key(m, m->heap[i].gid);
        if (k->part && k->part->active) m->heap[n++] = m->heap[i];
        else k->queued = false;
    }
    m->n_heap = n;
    for (size_t i = n / 2; i-- > 0;) sink(m->heap, n, i);
}

wr_status wri_match_go_on(wri_matcher *m, wri_mpart *p, int64_t horizon, wr_err *err) {
    WR_TRY(wri_slots_touch(&m->saved, &p->gid, 1, err));
    WR_TRY(wri_mr_search(m, p, horizon, err));
    wri_mkey *k = wri_mr_key(m, p->gid);
    if (p->n == 0) {
        k->part = NULL;
        wri_mpart_free(m, p);
        return WR_OK;
    }
    if (!p->active || !m->heap_needed || k->queued) return WR_OK;
    return enqueue(m, p, err);
}

/* Searches that no row can help any more. */
static wr_status due(wri_matcher *m, int64_t wm, wr_err *err) {
    if (m->n_heap > 64 && m->n_heap > 2 * m->n_active) tidy_heap(m);
    while (m->n_heap > 0) {
        wri_mwait top = m->heap[0];
        wri_mpart *p = wri_mr_key(m, top.gid)->part;
        bool waits = p && p->active;
        int64_t first = waits ? wri_mr_time(&m->rows, wri_mpart_slot(p, p->start)) : 0;
        bool over = m->s->within_us && !m->patient && wm + 1 - m->s->within_us >= first;
        if (waits && first == top.time && !over) break;
        dequeue(m);
        if (waits && first == top.time) WR_TRY(wri_match_go_on(m, p, wm + 1, err));
        else if (waits) WR_TRY(enqueue(m, p, err)); /* it has moved on to a later row */
    }
    return WR_OK;
}

static wr_status finish_all(wri_matcher *m, wr_err *err) {
    m->n_heap = 0;
    for (uint32_t g = 1; g <= wri_groups_count(m->groups); g++) {
        wri_mkey *k = wri_mr_key(m, g);
        k->queued = true; /* nothing is queued any more */
        if (k->part) WR_TRY(wri_match_go_on(m, k->part, WR_WM_END, err));
    }
    return WR_OK;
}

/* Keys that nothing is kept of go, once they are as many as the others. */
static wr_status sweep(wri_matcher *m, wr_err *err) {
    uint32_t live = wri_groups_live(m->groups), n = 0;
    if (m->s->n_keys == 0 || m->numbers || m->history || m->s->first || live < IDLE_MIN ||
        live < 2 * m->n_parts)
        return WR_OK;
    tidy_heap(m);
    if (wr_grow(&m->gids, &m->gids_cap, live, sizeof *m->gids) != WR_OK)
        return wr_fail_oom(err, "keys of a pattern");
    for (uint32_t g = 1; g <= wri_groups_count(m->groups); g++) {
        wri_mkey *k = wri_mr_key(m, g);
        if (k->live && !k->part) m->gids[n++] = g;
    }
    WR_TRY(wri_slots_leave(&m->saved, m->gids, n, err));
    wri_groups_remove(m->groups, m->gids, n);
    return WR_OK;
}

/* ---- a batch in order of time ---- */

wr_status wri_match_room(wri_matcher *m, uint32_t n, wr_err *err) {
    wri_mrows *r = &m->rows;
    if (n > m->order_cap) { /* grows them all */
        wr_free(r->fresh_yes);
        wr_free(r->fresh_ask);
        wr_free(r->fresh_told);
        r->fresh_yes = wr_alloc(n * sizeof *r->fresh_yes);
        r->fresh_ask = wr_alloc(n * sizeof *r->fresh_ask);
        r->fresh_told = wr_alloc(n * sizeof *r->fresh_told);
        if (!r->fresh_yes || !r->fresh_ask || !r->fresh_told) return wr_fail_oom(err, "rows of a pattern");
    }
    if (wr_grow(&m->gids, &m->gids_cap, n, sizeof *m->gids) != WR_OK ||
        wr_grow(&m->at, &m->at_cap, n, sizeof *m->at) != WR_OK ||
        wr_grow(&m->chain, &m->chain_cap, n, sizeof *m->chain) != WR_OK)
        return wr_fail_oom(err, "rows of a pattern");
    size_t cap = m->order_cap;
    if (cap >= n) return WR_OK;
    uint32_t *order = wr_reallocn(m->order, n, sizeof *order);
    if (!order) return wr_fail_oom(err, "rows of a pattern");
    m->order = order;
    m->order_cap = n; /* exactly: it is also the room of the arrays above */
    return WR_OK;
}

typedef struct ordering {
    const wr_match_spec *s;
    const wr_batch *b;
} ordering;

static int compare_col(const wr_col *c, uint32_t i, uint32_t j, const wr_sort_key *k) {
    bool ni = wr_is_null(c, i), nj = wr_is_null(c, j);
    if (ni || nj) return ni == nj ? 0 : ni == k->nulls_first ? -1 : 1;
    int r = c->phys == WR_STR   ? wr_str_cmp(&c->str[i], &c->str[j])
            : c->phys == WR_F64 ? (c->f64[i] > c->f64[j]) - (c->f64[i] < c->f64[j])
                                : (c->i64[i] > c->i64[j]) - (c->i64[i] < c->i64[j]);
    return k->desc ? -r : r;
}

static int compare_rows(const void *x, const void *y, void *ctx) {
    const ordering *o = ctx;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    int64_t a = o->b->cols[o->s->time_col].i64[i], b = o->b->cols[o->s->time_col].i64[j];
    if (a != b) return a < b ? -1 : 1;
    for (uint32_t k = 0; k < o->s->n_order; k++) {
        int r = compare_col(&o->b->cols[o->s->order[k].col], i, j, &o->s->order[k]);
        if (r) return r;
    }
    return (i > j) - (i < j);
}

static void sort_rows(wri_matcher *m, const wr_batch *b) {
    for (uint32_t i = 0; i < b->n; i++) m->order[i] = i;
    ordering o = {m->s, b};
    if (m->s->n_order) qsort_r(m->order, b->n, sizeof *m->order, compare_rows, &o);
}

/* ---- PREV ---- */

/* The row before each row in its key: of the batch, or NONE. */
static void chain_rows(wri_matcher *m, uint32_t n) {
    m->batch++;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = m->order[k];
        wri_mkey *key = wri_mr_key(m, m->gids[i]);
        m->chain[i] = key->batch == m->batch ? key->last : WRI_MR_NONE;
        key->batch = m->batch;
        key->last = i;
    }
}

static uint32_t row_before(wri_matcher *m, uint32_t i, uint32_t back) {
    uint32_t at = i;
    for (; back > 0 && m->chain[at] != WRI_MR_NONE; back--) at = m->chain[at];
    if (back == 0) return at | WRI_MR_FRESH;
    const wri_mpart *p = wri_mr_key(m, m->gids[i])->part;
    return p && back <= p->n ? wri_mpart_slot(p, p->n - back) : WRI_MR_NONE;
}

static wr_status add_prevs(wri_matcher *m, wr_batch *b, wr_err *err) {
    const wr_match_spec *s = m->s;
    wr_batch *ext = NULL;
    uint32_t *cols = wr_alloc(m->rows.n_cols * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "PREV");
    for (uint32_t c = 0; c < m->rows.n_cols; c++) cols[c] = c < s->n_in ? c : UINT32_MAX;
    wr_status st = wr_batch_share(b, cols, m->rows.n_cols, &ext, err);
    wr_free(cols);
    if (st != WR_OK) return st;
    ext->n = b->n;
    m->rows.fresh = ext; /* owned by process */
    chain_rows(m, b->n);
    for (uint32_t k = 0; k < s->n_prevs; k++) {
        uint32_t c = s->n_in + k;
        WR_TRY(wr_batch_col(ext, c, m->rows.cols[c].phys, err));
        for (uint32_t i = 0; i < b->n; i++)
            WR_TRY(wri_mr_put(&m->rows, row_before(m, i, s->prevs[k].back), s->prevs[k].col, ext,
                              &ext->cols[c], i, err));
    }
    return WR_OK;
}

/* ---- rows to their keys ---- */

static wr_status one_row(wri_matcher *m, uint32_t i, const int64_t *times, wr_err *err) {
    wri_mkey *k = wri_mr_key(m, m->gids[i]);
    bool first = !k->live, begins = (m->rows.fresh_yes[i] | m->rows.fresh_ask[i]) & m->start_vars;
    k->live = true;
    if (!k->part) {
        if (!m->history && !m->take_all && !begins) return WR_OK;
        k->part = wri_mpart_new(m, m->gids[i]);
        if (!k->part) return wr_fail_oom(err, "a match under way");
        k->part->first = first;
    }
    WR_TRY(wri_mr_add(m, k->part, i | WRI_MR_FRESH, err));
    return wri_match_go_on(m, k->part, times[i], err);
}

wr_status wri_match_settle(wri_matcher *m, wr_err *err) {
    for (size_t t = 0; t < m->n_touched; t++) {
        wri_mpart *p = m->touched[t];
        for (; p->n_fresh > 0; p->n_fresh--)
            WR_TRY(wri_mrows_keep(&m->rows, &p->rows[p->head + p->n - p->n_fresh], err));
    }
    m->n_touched = 0;
    return WR_OK;
}

static wr_status rows_of(wri_matcher *m, wr_batch *b, wr_err *err) {
    WR_TRY(wri_match_room(m, b->n, err));
    WR_TRY(wri_groups_find(m->groups, b, m->s->keys, b->hash, m->gids, err));
    WR_TRY(wri_slots_touch(&m->saved, m->gids, b->n, err));
    sort_rows(m, b);
    if (m->s->n_prevs) WR_TRY(add_prevs(m, b, err));
    WR_TRY(wri_mcond_batch(m, err));
    const int64_t *times = b->cols[m->s->time_col].i64;
    for (uint32_t k = 0; k < b->n; k++) WR_TRY(one_row(m, m->order[k], times, err));
    return wri_match_settle(m, err);
}

static wr_status process(wri_matcher *m, wr_batch *b, wr_err *err) {
    m->rows.fresh = b;
    wr_status st = rows_of(m, b, err);
    if (m->rows.fresh != b) wr_batch_drop(m->rows.fresh);
    m->rows.fresh = NULL;
    return st;
}

static wr_status match_watermark(wr_op *op, int64_t wm, wr_err *err) {
    wri_matcher *m = op->state;
    WR_TRY(wri_match_begin(m, err));
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(m->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        wr_status st = process(m, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
    if (wm == WR_WM_END) WR_TRY(finish_all(m, err));
    else WR_TRY(due(m, wm, err));
    WR_TRY(wri_mout_flush(m, err));
    op->holds_us = m->n_heap && m->heap[0].time <= wm ? wm - m->heap[0].time + 1 : 0;
    return wm == WR_WM_END ? WR_OK : sweep(m, err);
}

static wr_status match_save(wr_op *op, wr_saver *to, wr_err *err) {
    wri_matcher *m = op->state;
    WR_TRY(wri_timeline_barrier(m->line, to, err));
    return wri_slots_barrier(&m->saved, to, err);
}
static wr_status match_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    wri_matcher *m = op->state;
    WR_TRY(wri_timeline_save_rest(m->line, leftp, err));
    return *leftp ? WR_OK : wri_slots_rest(&m->saved, leftp, err);
}
static wr_status match_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    return wri_match_load(op->state, saved, err);
}

static void match_measure(const wr_op *op, wr_kept *out) {
    const wri_matcher *m = op->state;
    out->keys = wri_groups_live(m->groups);
    out->bytes = wri_groups_bytes(m->groups) + wri_timeline_bytes(m->line) + m->n_parts * sizeof(wri_mpart) +
                 (size_t)m->rows.cap * (wri_row_bytes(&m->s->ext) + 2 * m->rows.var_bytes + 5) +
                 m->heap_cap * sizeof *m->heap;
}

/* Rows for the watermark; then beginnings of matches, for rows or (WITHIN) for the watermark, too. */
static void match_waiting(const wr_op *op, wr_waits *out) {
    const wri_matcher *m = op->state;
    wri_timeline_waiting(m->line, out);
    if (out->n || m->n_active == 0) return;
    wr_wait x = {WR_WM_NONE, WR_WM_NONE, WR_WM_END, 0, 0, false};
    if (m->s->within_us && !m->patient && m->n_heap > 0) x.due_us = m->heap[0].time + m->s->within_us - 1;
    if (op->wm != WR_WM_NONE && x.due_us <= op->wm) x.due_us = op->wm + 1; /* it has moved on since */
    wri_waits_add(out, x);
    out->what = "beginning of a match";
    out->n = m->n_active;
}

const wr_op_def wri_op_match = {.name = "match",
                                .open = match_open,
                                .push = match_push,
                                .watermark = match_watermark,
                                .save = match_save,
                                .save_rest = match_save_rest,
                                .load = match_load,
                                .keyed = true,
                                .measure = match_measure,
                                .waiting = match_waiting,
                                .close = match_close};
