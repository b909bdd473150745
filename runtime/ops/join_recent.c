/* runtime/ops/join_recent.c -- rows with the last n of the other side, in the order of arrival.
 *
 *   both inputs wait in timelines until the watermark of both has passed, then go in the order of time, of
 *   place, and the left one first:      a row of time t
 *     1. lets go of the rows whose time + window < t, where a side's window is of time (join.last < 0)
 *     2. joins the window of its own side, which lets its first row go when it has more than last + 1
 *     3. meets the rows of the other window that have its key
 *
 * A side's rows have numbers from 0; its window is [first, end) in a ring. Those of a key are a chain, the
 * latest first, so a search ends at the first row that has left. Pairs are gathered before the condition is
 * asked of them: rows that have left stay in [kept, first) until that has been done, then come out, padded,
 * if they met nobody and their side is kept whole. A row's time in the result: of a pair that of the later
 * row; of one that met nobody that of the moment in which it left, at the end of input the tick behind all.
 *
 * Rows are counted over all keys, so there is one task. In snapshots: rows that wait as slots, windows whole.
 */
#include "join_saved.h"
#include "join_table.h"
#include "ops.h"
#include "saved_rows.h"
#include "timeline.h"

#define TICK_US 1000

typedef struct held { /* a row of a window */
    wr_batch *b;      /* a view, held */
    uint32_t row, gid;
    int64_t time, left; /* left: when it did */
    uint64_t before;    /* number + 1 of the row before it in its chain, 0: none */
    bool matched;
} held;

typedef struct recent {
    held *ring; /* cap: a power of two */
    size_t cap;
    uint64_t kept, first, end;
    int64_t last, us; /* rows before the current one; -1: by time */
} recent;

typedef struct ahead { /* rows of one side that are due, in the order of time */
    wr_batch *view;    /* NULL: none; holds the batch */
    uint32_t at, n;
    uint32_t *gids; /* by row, 0: NULL in the key */
    size_t gids_cap;
} ahead;

typedef struct chain { /* state of a key */
    uint64_t head[2];  /* number + 1, 0: none */
    uint64_t rows;     /* of both sides, in windows and at hand */
} chain;

typedef struct recent_join {
    wri_jside sides[2];
    wri_timeline *lines[2];
    ahead due[2];
    recent win[2];
    wri_groups *groups;
    wri_pairs pairs, singles;
    uint64_t *seq[2]; /* of pair i: the numbers of its rows */
    int64_t now;      /* time of the last row, WR_WM_NONE: there was none */
    uint32_t *ok, *keyed, *none, *found;
    size_t cap;
    uint32_t *gone; /* keys to be removed */
    size_t n_gone, gone_cap;
    wri_picked *picked; /* scratch of snapshots */
    size_t picked_cap;
} recent_join;

enum { LINES, WINDOWS = LINES + 2, NOW = WINDOWS + 2 }; /* + side: tags in snapshots, and spaces of slots */

static wr_status recent_open(wr_op *op, wr_err *err) {
    recent_join *j = op->state = wr_calloc(1, sizeof *j);
    const wr_node *n = op->node;
    if (!j) return wr_fail_oom(err, "a join");
    j->now = WR_WM_NONE;
    for (uint32_t s = 0; s < 2; s++) {
        WR_TRY(wri_jside_init(&j->sides[s], n, s, true, err));
        j->lines[s] = wri_timeline_new(&n->in[s]->out, n->join.time_cols[s]);
        if (!j->lines[s]) return wr_fail_oom(err, "a join");
        wri_timeline_places(j->lines[s]);
        wri_timeline_saves(j->lines[s], op, LINES + s, NULL, 0);
        j->win[s].last = n->join.last[s];
        j->win[s].us = s ? n->join.hi_us : -n->join.lo_us;
    }
    WR_TRY(wri_pairs_init(&j->pairs, op, j->sides, true, err));
    WR_TRY(wri_pairs_init(&j->singles, op, j->sides, false, err));
    j->pairs.own = wr_calloc(j->pairs.cap, sizeof(int64_t));
    j->singles.own = wr_calloc(j->singles.cap, sizeof(int64_t));
    for (uint32_t s = 0; s < 2; s++) j->seq[s] = wr_calloc(j->pairs.cap, sizeof(uint64_t));
    wr_phys *phys = wr_alloc((n->join.n_keys + 1) * sizeof *phys);
    for (uint32_t k = 0; phys && k < n->join.n_keys; k++) phys[k] = j->sides[0].phys[j->sides[0].keys[k]];
    j->groups = phys ? wri_groups_new(phys, n->join.n_keys, sizeof(chain)) : NULL;
    wr_free(phys);
    bool all = j->pairs.own && j->singles.own && j->seq[0] && j->seq[1];
    return all && j->groups && wri_groups_let_go(j->groups) ? WR_OK : wr_fail_oom(err, "a join");
}

static held *row_of(const recent *w, uint64_t no) { return &w->ring[no & (w->cap - 1)]; }

static void recent_close(wr_op *op) {
    recent_join *j = op->state;
    if (!j) return;
    for (uint32_t s = 0; s < 2; s++) {
        wri_jside_free(&j->sides[s]);
        wri_timeline_free(j->lines[s]);
        wr_batch_drop(j->due[s].view);
        wr_free(j->due[s].gids);
        recent *w = &j->win[s];
        for (uint64_t no = w->kept; no < w->end; no++) wr_batch_drop(row_of(w, no)->b);
        wr_free(w->ring);
        wr_free(j->seq[s]);
    }
    wri_pairs_free(&j->pairs);
    wri_pairs_free(&j->singles);
    wri_groups_free(j->groups);
    wr_free(j->ok);
    wr_free(j->gone);
    wr_free(j->picked);
    wr_free(j);
}

static wr_status scratch(recent_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    wr_free(j->ok);
    j->cap = 0;
    j->ok = wr_alloc(4 * n * sizeof *j->ok);
    if (!j->ok) return wr_fail_oom(err, "a join");
    j->keyed = j->ok + n;
    j->none = j->ok + 2 * n;
    j->found = j->ok + 3 * n;
    j->cap = n;
    return WR_OK;
}

static wr_status recent_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    recent_join *j = op->state;
    uint32_t n;
    WR_TRY(scratch(j, in->n, err));
    WR_TRY(wri_in_time(op, port, in, op->node->join.time_cols[port], j->ok, &n, err));
    return wri_timeline_add(j->lines[port], in, j->ok, n, err);
}

/* ---- keys ---- */

static chain *chain_of(recent_join *j, uint32_t gid) {
    return (chain *)(wri_groups_states(j->groups) + gid * wri_groups_stride(j->groups));
}

static wr_status let_key_go(recent_join *j, uint32_t gid, wr_err *err) {
    if (gid == 0 || --chain_of(j, gid)->rows > 0) return WR_OK;
    if (wr_grow(&j->gone, &j->gone_cap, j->n_gone + 1, sizeof *j->gone) != WR_OK)
        return wr_fail_oom(err, "keys of a join");
    j->gone[j->n_gone++] = gid;
    return WR_OK;
}

/* Before keys are looked for: nobody knows those without rows. */
static void remove_gone(recent_join *j, const wr_node *n) {
    if (n->join.n_keys) wri_groups_remove(j->groups, j->gone, (uint32_t)j->n_gone);
    else
        for (size_t i = 0; i < j->n_gone; i++) *chain_of(j, j->gone[i]) = (chain){0};
    j->n_gone = 0;
}

/* The keys of the rows at hand; 0 where one is NULL. */
static wr_status find_keys(wr_op *op, uint32_t s, wr_err *err) {
    recent_join *j = op->state;
    ahead *d = &j->due[s];
    uint32_t n;
    remove_gone(j, op->node);
    WR_TRY(scratch(j, d->n, err));
    if (wr_grow(&d->gids, &d->gids_cap, d->n, sizeof *d->gids) != WR_OK)
        return wr_fail_oom(err, "keys of a join");
    wri_keyed_rows(&j->sides[s], op->node, d->view, NULL, d->n, j->keyed, j->none, &n);
    wri_group_rows rows = {.b = d->view, .key_cols = j->sides[s].keys, .idx = j->keyed, .n = n};
    WR_TRY(wri_groups_find_rows(j->groups, &rows, j->found, err));
    memset(d->gids, 0, d->n * sizeof *d->gids);
    for (uint32_t i = 0; i < n; i++) {
        d->gids[j->keyed[i]] = j->found[i];
        chain_of(j, j->found[i])->rows++;
    }
    return WR_OK;
}

/* ---- windows ---- */

static wr_status add_row(recent_join *j, uint32_t s, held h, wr_err *err) {
    recent *w = &j->win[s];
    if (w->end - w->kept == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        held *ring = wr_alloc(cap * sizeof *ring);
        if (!ring) return wr_fail_oom(err, "rows of a join");
        for (uint64_t no = w->kept; no < w->end; no++) ring[no & (cap - 1)] = *row_of(w, no);
        wr_free(w->ring);
        w->ring = ring;
        w->cap = cap;
    }
    chain *k = h.gid ? chain_of(j, h.gid) : NULL;
    wr_batch_hold(h.b);
    h.before = k ? k->head[s] : 0;
    *row_of(w, w->end++) = h;
    if (k) k->head[s] = w->end;
    return WR_OK;
}

static void let_first_go(recent *w, int64_t at) { row_of(w, w->first++)->left = at; }

/* Rows that can meet nobody of time t or later. */
static void pass_time(recent_join *j, int64_t t) {
    for (uint32_t s = 0; s < 2; s++) {
        recent *w = &j->win[s];
        if (w->last >= 0) continue;
        for (; w->first < w->end && row_of(w, w->first)->time + w->us < t;)
            let_first_go(w, row_of(w, w->first)->time + w->us);
    }
}

/* ---- results ---- */

/* Rows of s that have left are done with; it is known of each whether it met somebody. */
static wr_status settle(wr_op *op, uint32_t s, wr_err *err) {
    recent_join *j = op->state;
    recent *w = &j->win[s];
    for (uint64_t no = w->kept; no < w->first && wri_pads(op->node, s); no++) {
        held *h = row_of(w, no);
        if (h->matched) continue;
        j->singles.own[j->singles.n] = h->left;
        WR_TRY(wri_pairs_single(&j->singles, s, h->b, h->row, err));
    }
    WR_TRY(wri_pairs_flush(&j->singles, err));
    while (w->kept < w->first) {
        held *h = row_of(w, w->kept++);
        wr_batch *b = h->b;
        uint32_t gid = h->gid;
        h->b = NULL;
        wr_batch_drop(b);
        WR_TRY(let_key_go(j, gid, err));
    }
    return WR_OK;
}

static wr_status flush(wr_op *op, wr_err *err) {
    recent_join *j = op->state;
    if (j->pairs.n) {
        WR_TRY(wri_pairs_test(&j->pairs, err));
        for (uint32_t i = 0; i < j->pairs.n_hits; i++)
            for (uint32_t s = 0; s < 2; s++) row_of(&j->win[s], j->seq[s][j->pairs.hits[i]])->matched = true;
        WR_TRY(wri_pairs_emit(&j->pairs, err));
    }
    WR_TRY(settle(op, 0, err));
    return settle(op, 1, err);
}

/* ---- rows in the order of time ---- */

/* The next rows of side s that are due at wm, if the last ones are done with. */
static wr_status fetch(wr_op *op, uint32_t s, int64_t wm, wr_err *err) {
    recent_join *j = op->state;
    ahead *d = &j->due[s];
    if (d->view && d->at < d->n) return WR_OK;
    wr_batch_drop(d->view);
    d->view = NULL;
    WR_TRY(flush(op, err)); /* so that rows which have left do not pile up */
    wr_batch *b;
    WR_TRY(wri_timeline_take(j->lines[s], wm, wr_task_batch_rows(op->task), &b, err));
    if (!b) return WR_OK;
    wr_status r = wri_jside_view(&j->sides[s], b, &d->view, err);
    wr_batch_drop(b);
    if (r != WR_OK) return r;
    d->at = 0;
    d->n = d->view->n;
    return find_keys(op, s, err);
}

static int64_t due_time(const recent_join *j, uint32_t s) {
    const ahead *d = &j->due[s];
    return d->view->cols[j->sides[s].time].i64[d->at];
}

/* Which side's row is next; both have one. */
static uint32_t next_side(const recent_join *j) {
    int64_t t = due_time(j, 0), u = due_time(j, 1);
    if (t != u) return u < t;
    wr_row_place p = wr_place_of(j->due[0].view, j->due[0].at), q = wr_place_of(j->due[1].view, j->due[1].at);
    return q.split != p.split ? q.split < p.split : q.pos < p.pos;
}

/* The row just added to the window of s meets the window of the other side. */
static wr_status meet(wr_op *op, uint32_t s, wr_err *err) {
    recent_join *j = op->state;
    const recent *w = &j->win[!s];
    uint64_t no = j->win[s].end - 1;
    const held h = *row_of(&j->win[s], no);
    if (!h.gid) return WR_OK;
    for (uint64_t at = chain_of(j, h.gid)->head[!s]; at > w->first; at = row_of(w, at - 1)->before) {
        const held *o = row_of(w, at - 1);
        uint32_t i = j->pairs.n;
        j->pairs.own[i] = h.time;
        j->seq[s][i] = no;
        j->seq[!s][i] = at - 1;
        bool full = s == 0 ? wri_pairs_add(&j->pairs, h.b, h.row, o->b, o->row)
                           : wri_pairs_add(&j->pairs, o->b, o->row, h.b, h.row);
        if (full) WR_TRY(flush(op, err));
    }
    return WR_OK;
}

/* The next row of s. */
static wr_status arrive(wr_op *op, uint32_t s, wr_err *err) {
    recent_join *j = op->state;
    ahead *d = &j->due[s];
    recent *w = &j->win[s];
    held h = {.b = d->view, .row = d->at, .gid = d->gids[d->at], .time = due_time(j, s)};
    pass_time(j, h.time);
    j->now = h.time;
    WR_TRY(add_row(j, s, h, err));
    d->at++;
    if (w->last >= 0 && w->end - w->first > (uint64_t)w->last + 1) let_first_go(w, h.time);
    return meet(op, s, err);
}

/* No row will come any more. */
static void let_all_go(recent_join *j) {
    for (uint32_t s = 0; s < 2; s++) {
        recent *w = &j->win[s];
        while (w->first < w->end)
            let_first_go(w, w->last >= 0 ? j->now + TICK_US : row_of(w, w->first)->time + w->us);
    }
}

static wr_status recent_watermark(wr_op *op, int64_t wm, wr_err *err) {
    recent_join *j = op->state;
    for (;;) {
        WR_TRY(fetch(op, 0, wm, err));
        WR_TRY(fetch(op, 1, wm, err));
        if (!j->due[0].view && !j->due[1].view) break;
        uint32_t s = !j->due[0].view || (j->due[1].view && next_side(j));
        WR_TRY(arrive(op, s, err));
    }
    if (wm == WR_WM_END) let_all_go(j);
    else if (wm != WR_WM_NONE) pass_time(j, wm + 1);
    WR_TRY(flush(op, err));
    remove_gone(j, op->node);
    return WR_OK;
}

/* ---- snapshots: rows that wait, and those of windows: place.pos is the number, place.split that it met
 * somebody. No rows are at hand at a barrier, and none has left. ---- */

static wr_status recent_save(wr_op *op, wr_saver *to, wr_err *err) {
    recent_join *j = op->state;
    WR_TRY(wr_save_ints(to, NOW, &j->now, 1, err));
    for (uint32_t s = 0; s < 2; s++) {
        const recent *w = &j->win[s];
        size_t n = (size_t)(w->end - w->first);
        if (wr_grow(&j->picked, &j->picked_cap, n, sizeof *j->picked) != WR_OK)
            return wr_fail_oom(err, "a snapshot");
        for (size_t i = 0; i < n; i++) {
            const held *h = row_of(w, w->first + i);
            j->picked[i] =
                (wri_picked){.b = h->b, .row = h->row, .split = h->matched, .pos = (int64_t)(w->first + i)};
        }
        WR_TRY(wri_save_picked(to, WINDOWS + s, j->sides[s].n, j->picked, n, err));
    }
    for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_timeline_barrier(j->lines[s], to, err));
    return WR_OK;
}

static wr_status recent_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    recent_join *j = op->state;
    *leftp = false;
    for (uint32_t s = 0; s < 2 && !*leftp; s++) WR_TRY(wri_timeline_save_rest(j->lines[s], leftp, err));
    return WR_OK;
}

static wr_status load_window(wr_op *op, uint32_t s, const wr_saved *saved, wr_err *err) {
    recent_join *j = op->state;
    ahead *d = &j->due[s];
    WR_TRY(wri_jside_check(&j->sides[s], saved, 0, err));
    if (!saved->rows->place) return wr_fail(err, WR_EDATA, "a join in the snapshot is not as it was written");
    d->view = wr_batch_hold(saved->rows);
    d->n = d->view->n;
    wr_status r = find_keys(op, s, err);
    for (d->at = 0; r == WR_OK && d->at < d->n; d->at++) {
        held h = {.b = d->view, .row = d->at, .gid = d->gids[d->at], .time = due_time(j, s)};
        h.matched = d->view->place[d->at].split != 0;
        r = add_row(j, s, h, err);
    }
    wr_batch_drop(d->view);
    d->view = NULL;
    return r;
}

static wr_status recent_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    recent_join *j = op->state;
    if (saved->rows && saved->tag < WINDOWS)
        return wri_timeline_load(j->lines[saved->tag - LINES], saved->rows, err);
    if (saved->rows && saved->tag < NOW) return load_window(op, saved->tag - WINDOWS, saved, err);
    if (saved->rows || saved->tag != NOW || saved->n_ints != 1)
        return wr_fail(err, WR_EDATA, "a join in the snapshot is not as it was written");
    if (saved->ints[0] > j->now) j->now = saved->ints[0]; /* of the worker that has seen rows */
    return WR_OK;
}

static void recent_measure(const wr_op *op, wr_kept *out) {
    const recent_join *j = op->state;
    out->bytes = wri_groups_bytes(j->groups);
    for (uint32_t s = 0; s < 2; s++) {
        uint64_t n = j->win[s].end - j->win[s].kept;
        out->keys += n;
        out->bytes += j->win[s].cap * sizeof(held) + n * wri_row_bytes(&op->node->in[s]->out) +
                      wri_timeline_bytes(j->lines[s]);
    }
}

static void recent_waiting(const wr_op *op, wr_waits *out) {
    const recent_join *j = op->state;
    for (uint32_t s = 0; s < 2; s++) wri_timeline_waiting(j->lines[s], out);
}

const wr_op_def wri_op_join_recent = {.name = "join of recent rows",
                                      .open = recent_open,
                                      .push = recent_push,
                                      .watermark = recent_watermark,
                                      .save = recent_save,
                                      .save_rest = recent_save_rest,
                                      .load = recent_load,
                                      .measure = recent_measure,
                                      .waiting = recent_waiting,
                                      .close = recent_close};
