/* runtime/ops/stagger.c -- WINDOWED BY STAGGER: a window of a key begins with a row of it.
 *
 *   rows ─► timeline (until the watermark passes them) ─► keys ─► windows ─► a row per window
 *
 *   for each row at t, in the order of time and, within one time, of arrival:
 *       w = newest window of its key; none, or t >= w.start + n: w = a new one, which starts at t
 *       the row is folded into w
 *   when time has come to T: windows with start + n <= T close, those that ended first in front
 *
 * Where a window begins is a matter of all rows before it, so that a row out of order would move each later
 * window of its key: that is why rows wait for the watermark, and why those behind it are late, as in OVER.
 * (Sessions take rows as they come because two of them can become one. Windows of a fixed length cannot.)
 *
 * Windows lie in a table beside that of the keys, which only point at their newest one. So a batch is folded
 * at once, even where it has rows of several windows of a key. Each window has one timer, which closes it:
 * what a later row of the key has replaced ends at that row or before, and so closes when the batch has been
 * folded. Between events a key has one open window; a key without goes. In snapshots a key is a slot. */
#include <stdlib.h>

#include "agg_calls.h"
#include "group_table.h"
#include "ops.h"
#include "timeline.h"
#include "timers.h"

#define BUCKETS 128 /* of timers within a window */

typedef struct newest { /* what a key keeps */
    uint32_t window;    /* 0: none */
} newest;

typedef struct window { /* what calls keep follows */
    int64_t start;
    uint32_t key; /* 0: the place is free */
} window;

typedef struct closing {
    int64_t end;
    uint32_t id, key;
} closing;

typedef struct stagger {
    wri_timeline *line;
    wri_groups *keys, *windows; /* windows: of no key, places only */
    wri_calls calls;
    wri_timers timers;
    wri_slots slots;    /* by key */
    uint32_t *key_cols; /* 0, 1, … */
    uint32_t *in_time, *gids, *ids;
    size_t in_time_cap, gids_cap, ids_cap;
    closing *over;
    size_t over_cap;
    uint32_t *over_ids, *over_keys; /* a batch of results */
    int64_t *starts, *ends;
    size_t over_ids_cap, over_keys_cap, starts_cap, ends_cap;
} stagger;

enum { WAITING, WINDOWS }; /* tags in snapshots, and spaces of slots */

static newest *key_at(const stagger *s, uint32_t gid) {
    return (newest *)(wri_groups_states(s->keys) + (size_t)gid * wri_groups_stride(s->keys));
}
static window *window_at(const stagger *s, uint32_t id) {
    return (window *)(wri_groups_states(s->windows) + (size_t)id * wri_groups_stride(s->windows));
}
static wri_states states(const stagger *s) {
    return (wri_states){wri_groups_states(s->windows) + sizeof(window), wri_groups_stride(s->windows)};
}

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status stagger_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    stagger *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "WINDOWED BY STAGGER");
    uint32_t n_keys = n->session.n_keys;
    bool ordered = false;
    WR_TRY(wri_calls_init(&s->calls, n->session.calls, n->session.n_calls, err));
    for (uint32_t i = 0; i < s->calls.n; i++) ordered |= s->calls.calls[i].def->needs_time;
    wri_timers_init(&s->timers, n->session.win.size_us / BUCKETS + 1);
    wr_phys *phys = wr_calloc(n_keys + 1u, sizeof *phys);
    s->key_cols = wr_calloc(n_keys + 1u, sizeof *s->key_cols);
    for (uint32_t k = 0; phys && s->key_cols && k < n_keys; k++) {
        phys[k] = wr_type_phys(n->in[0]->out.fields[n->session.keys[k]].type);
        s->key_cols[k] = k;
    }
    if (phys && s->key_cols) {
        s->keys = wri_groups_new(phys, n_keys, sizeof(newest));
        s->windows = wri_groups_new(NULL, 0, sizeof(window) + s->calls.state_bytes);
        s->line = wri_timeline_new(&n->in[0]->out, n->session.win.time_col);
    }
    wr_free(phys);
    bool ok = s->keys && s->windows && s->line && wri_groups_let_go(s->keys) && wri_groups_let_go(s->windows);
    if (!ok) return wr_fail_oom(err, "WINDOWED BY STAGGER");
    if (ordered) wri_timeline_places(s->line);
    wri_timeline_saves(s->line, op, WAITING, n->session.keys, n_keys);
    wri_slots_init(&s->slots, op, 0, WINDOWS, save_keys, NULL);
    return WR_OK;
}

static void stagger_close(wr_op *op) {
    stagger *s = op->state;
    if (!s) return;
    if (s->windows && s->calls.owns) wri_calls_destroy(&s->calls, states(s), 0, wri_groups_count(s->windows));
    wri_timeline_free(s->line);
    wri_groups_free(s->keys);
    wri_groups_free(s->windows);
    wri_calls_free(&s->calls);
    wri_timers_free(&s->timers);
    wri_slots_free(&s->slots);
    wr_free(s->key_cols);
    wr_free(s->in_time);
    wr_free(s->gids);
    wr_free(s->ids);
    wr_free(s->over);
    wr_free(s->over_ids);
    wr_free(s->over_keys);
    wr_free(s->starts);
    wr_free(s->ends);
    wr_free(s);
}

/* ---- rows ---- */

static wr_status stagger_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    stagger *s = op->state;
    uint32_t n;
    if (wr_grow(&s->in_time, &s->in_time_cap, in->n, sizeof *s->in_time) != WR_OK)
        return wr_fail_oom(err, "WINDOWED BY STAGGER");
    WR_TRY(wri_in_time(op, port, in, op->node->session.win.time_col, s->in_time, &n, err));
    return wri_timeline_add(s->line, in, n == in->n ? NULL : s->in_time, n, err);
}

/* A window of the key that starts at t. */
static wr_status open_window(const wr_op *op, stagger *s, uint32_t gid, int64_t t, uint32_t *idp,
                             wr_err *err) {
    WR_TRY(wri_groups_spare(s->windows, idp, err));
    wr_status r = wri_timers_add(&s->timers, t + op->node->session.win.size_us, *idp, err);
    if (r != WR_OK) {
        wri_groups_unspare(s->windows, *idp);
        return r;
    }
    *window_at(s, *idp) = (window){.start = t, .key = gid};
    key_at(s, gid)->window = *idp;
    return WR_OK;
}

/* The keys of b's rows to s->gids; room for as many ids. */
static wr_status find_keys(stagger *s, const wr_batch *b, const uint32_t *cols, wr_err *err) {
    if (wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) != WR_OK ||
        wr_grow(&s->ids, &s->ids_cap, b->n, sizeof *s->ids) != WR_OK)
        return wr_fail_oom(err, "WINDOWED BY STAGGER");
    WR_TRY(wri_groups_find(s->keys, b, cols, b->hash, s->gids, err));
    return wri_slots_touch(&s->slots, s->gids, b->n, err);
}

/* b: rows that are due, in order. */
static wr_status fold(wr_op *op, stagger *s, const wr_batch *b, wr_err *err) {
    const wr_node *n = op->node;
    const int64_t *times = b->cols[n->session.win.time_col].i64, size = n->session.win.size_us;
    WR_TRY(find_keys(s, b, n->session.keys, err));
    for (uint32_t i = 0; i < b->n; i++) {
        s->ids[i] = key_at(s, s->gids[i])->window;
        if (s->ids[i] == 0 || times[i] - size >= window_at(s, s->ids[i])->start)
            WR_TRY(open_window(op, s, s->gids[i], times[i], &s->ids[i], err));
    }
    return wri_calls_update(&s->calls, b, states(s), s->ids, err);
}

/* ---- results ---- */

static int by_end(const void *x, const void *y) {
    const closing *a = x, *b = y;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

/* Windows that end at or before `to`, to s->over. */
static wr_status take_over(const wr_op *op, stagger *s, int64_t to, size_t *np, wr_err *err) {
    wri_timer t;
    for (*np = 0; wri_timers_take(&s->timers, to, &t); ++*np) {
        if (wr_grow(&s->over, &s->over_cap, *np + 1, sizeof *s->over) != WR_OK)
            return wr_fail_oom(err, "WINDOWED BY STAGGER");
        const window *w = window_at(s, t.id);
        s->over[*np] = (closing){w->start + op->node->session.win.size_us, t.id, w->key};
    }
    if (*np > 1) qsort(s->over, *np, sizeof *s->over, by_end);
    return WR_OK;
}

static wr_status room_for_results(stagger *s, size_t n, wr_err *err) {
    if (wr_grow(&s->over_ids, &s->over_ids_cap, n, sizeof *s->over_ids) != WR_OK ||
        wr_grow(&s->over_keys, &s->over_keys_cap, n, sizeof *s->over_keys) != WR_OK ||
        wr_grow(&s->starts, &s->starts_cap, n, sizeof *s->starts) != WR_OK ||
        wr_grow(&s->ends, &s->ends_cap, n, sizeof *s->ends) != WR_OK)
        return wr_fail_oom(err, "WINDOWED BY STAGGER");
    return WR_OK;
}

static wr_status emit(wr_op *op, stagger *s, const closing *over, uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        s->over_ids[i] = over[i].id;
        s->over_keys[i] = over[i].key;
        s->starts[i] = window_at(s, over[i].id)->start;
        s->ends[i] = over[i].end;
    }
    wri_result r = {.op = op,
                    .calls = &s->calls,
                    .groups = s->keys,
                    .st = states(s),
                    .time = op->node->session.win.tick_us,
                    .owners = s->over_keys,
                    .starts = s->starts,
                    .ends = s->ends};
    return wri_result_emit(&r, s->over_ids, n, err);
}

/* Gives back the places of windows that were emitted; keys that have no other go. */
static void forget(stagger *s, const closing *over, uint32_t n) {
    uint32_t n_keys = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s->calls.owns) wri_calls_destroy(&s->calls, states(s), over[i].id, over[i].id);
        wri_groups_unspare(s->windows, over[i].id);
        if (key_at(s, over[i].key)->window == over[i].id) s->over_keys[n_keys++] = over[i].key;
    }
    wri_groups_remove(s->keys, s->over_keys, n_keys);
}

/* Closes what ends at or before `to`. A key that goes is saved first, as long as its window is whole; one
 * that has a newer window was, when that began. */
static wr_status close_windows(wr_op *op, stagger *s, int64_t to, wr_err *err) {
    size_t n, step = wr_task_batch_rows(op->task);
    WR_TRY(take_over(op, s, to, &n, err));
    WR_TRY(room_for_results(s, n < step ? n : step, err));
    for (size_t at = 0, some; at < n; at += some) {
        const closing *over = s->over + at;
        uint32_t n_keys = 0;
        some = n - at < step ? n - at : step;
        for (size_t i = 0; i < some; i++)
            if (key_at(s, over[i].key)->window == over[i].id) s->over_keys[n_keys++] = over[i].key;
        WR_TRY(wri_slots_leave(&s->slots, s->over_keys, n_keys, err));
        WR_TRY(emit(op, s, over, (uint32_t)some, err));
        forget(s, over, (uint32_t)some);
    }
    return WR_OK;
}

static wr_status stagger_watermark(wr_op *op, int64_t wm, wr_err *err) {
    stagger *s = op->state;
    const wr_win *win = &op->node->session.win;
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(s->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        int64_t last = b->cols[win->time_col].i64[b->n - 1];
        wr_status st = fold(op, s, b, err);
        wr_batch_drop(b);
        if (st == WR_OK) st = close_windows(op, s, last, err);
        if (st != WR_OK) return st;
    }
    return close_windows(op, s, wm == WR_WM_END ? wm : wm + win->tick_us, err);
}

/* ---- snapshots ----
 *
 *   WAITING   rows that wait                              (timeline)
 *   WINDOWS   keys, start, partials of the calls          (slots, by key)
 */

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wr_op *op = slots->op;
    stagger *s = op->state;
    uint32_t n_keys = op->node->session.n_keys, *ids = wr_alloc((n + 1u) * sizeof *ids);
    wr_batch *b = NULL;
    wr_status r =
        ids ? wr_batch_new(n_keys + 1 + s->calls.n_partials, n, &b, err) : wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) {
        b->n = n;
        r = wri_groups_emit_keys(s->keys, gids, n, b, 0, err);
    }
    if (r == WR_OK) r = wr_batch_col(b, n_keys, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        ids[i] = key_at(s, gids[i])->window;
        b->cols[n_keys].i64[i] = window_at(s, ids[i])->start;
    }
    if (r == WR_OK) r = wri_calls_partial_far(&s->calls, states(s), ids, n, b, n_keys + 1, err);
    if (r == WR_OK) r = wr_save_slots(to, WINDOWS, b, s->key_cols, n_keys, gids, err);
    wr_batch_drop(b);
    wr_free(ids);
    return r;
}

static wr_status stagger_save(wr_op *op, wr_saver *to, wr_err *err) {
    stagger *s = op->state;
    WR_TRY(wri_timeline_barrier(s->line, to, err));
    return wri_slots_barrier(&s->slots, to, err);
}

static wr_status stagger_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    stagger *s = op->state;
    WR_TRY(wri_timeline_save_rest(s->line, leftp, err));
    return *leftp ? WR_OK : wri_slots_rest(&s->slots, leftp, err);
}

static wr_status stagger_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    stagger *s = op->state;
    wr_batch *b = saved->rows;
    uint32_t n_keys = op->node->session.n_keys;
    if (b && saved->tag == WAITING) return wri_timeline_load(s->line, b, err);
    if (!b || saved->tag != WINDOWS || b->n_cols != n_keys + 1 + s->calls.n_partials)
        return wr_fail(err, WR_EDATA, "WINDOWED BY STAGGER in the snapshot is not as it was written");
    WR_TRY(find_keys(s, b, s->key_cols, err));
    for (uint32_t i = 0; i < b->n; i++)
        WR_TRY(open_window(op, s, s->gids[i], b->cols[n_keys].i64[i], &s->ids[i], err));
    return wri_calls_merge(&s->calls, b, n_keys + 1, states(s), s->ids, err);
}

/* ---- what it keeps ---- */

static void stagger_measure(const wr_op *op, wr_kept *out) {
    const stagger *s = op->state;
    out->keys = wri_groups_live(s->keys);
    out->bytes = wri_groups_bytes(s->keys) + wri_groups_bytes(s->windows) + wri_timers_bytes(&s->timers) +
                 wri_timeline_bytes(s->line) + wri_slots_bytes(&s->slots);
}

static void stagger_waiting(const wr_op *op, wr_waits *out) {
    const stagger *s = op->state;
    const wr_win *win = &op->node->session.win;
    for (uint32_t id = 1; id <= wri_groups_count(s->windows); id++) {
        const window *w = window_at(s, id);
        if (w->key == 0) continue;
        int64_t end = w->start + win->size_us;
        wri_waits_add(out, (wr_wait){w->start, end, end - win->tick_us, 0, 1, false});
    }
    out->what = out->n ? "window" : NULL;
    out->keys = wri_groups_live(s->keys);
    if (out->n == 0) wri_timeline_waiting(s->line, out);
}

const wr_op_def wri_op_stagger = {.name = "stagger",
                                  .open = stagger_open,
                                  .push = stagger_push,
                                  .watermark = stagger_watermark,
                                  .save = stagger_save,
                                  .save_rest = stagger_save_rest,
                                  .load = stagger_load,
                                  .keyed = true,
                                  .measure = stagger_measure,
                                  .waiting = stagger_waiting,
                                  .close = stagger_close};
