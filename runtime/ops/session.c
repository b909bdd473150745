/* runtime/ops/session.c -- session windows: one row per session, or the rows with their session.
 *
 *   push(rows):    gids = keys; ids = sessions.join(gids); fold each row into states[ids]
 *                  rows behind the watermark before them wait
 *   watermark(W):  waiting rows of a watermark below W, in its order; then sessions that end at or before W
 *
 * What is late does not depend on timing. A row at t lies behind the watermark w before it when t <= w. It
 * is looked at once no row with a smaller watermark can come any more (W > w), against the sessions that are
 * open at w: those that end after w. It is in time when [t, t + gap) ends after w or touches such a session.
 * Rows that were folded earlier than their place says cannot make a difference: they are ahead of their own
 * watermark, and so of every session that has ended by then.
 *
 * A session closes at its end, not a tick before, so that a row at exactly its end still finds it; what is
 * emitted is therefore up to a tick older than the watermark, and the next operators' is held back by that.
 *
 * ALLOWED LATENESS l keeps sessions for l after their end: all of the above holds for watermarks less l. What
 * they give at their end, before it (EMIT EARLY, EMIT CHANGES) and after it is up to session_changes. There a
 * watermark that passes over those of waiting rows goes by them one after the other, so that each finds what
 * had been said by then.
 */
#include <stdlib.h>

#include "agg_calls.h"
#include "kept_rows.h"
#include "session_changes.h"
#include "sessions.h"

#define AHEAD 8 /* rows, keys: how far ahead sessions are fetched */

typedef struct waiting { /* a row behind its watermark */
    int64_t wm;          /* before it */
    wr_batch *b;         /* held */
    uint32_t row;
} waiting;

typedef struct session {
    wri_sessions open;
    wri_calls calls;
    bool rows;     /* rows are kept, in a wr_buf per session; else calls are folded */
    bool places;   /* some call looks at the rows' positions */
    wr_phys *phys; /* of the input columns */
    waiting *late; /* in no order */
    size_t n_late, late_cap;
    uint32_t *gids, *ids, *idx, *owners;
    int64_t *starts, *ends;
    size_t cap; /* rows of the six */
    wri_kept_list kept;
    int64_t emitted; /* rows, the position of the next one */
    wri_said *said;  /* NULL: a result comes once, when its session closes */
    size_t told;     /* bytes of what `said` keeps of a session, in front of the calls' */
    int64_t early;   /* last multiple of every_us that the watermark has passed */
    /* Scratch of snapshots: sessions and the keys that they are of, rows that are kept, columns of keys. */
    uint32_t *save_ids, *save_gids, *key_cols;
    size_t n_save, save_ids_cap, save_gids_cap;
    wri_kept_list save_kept;
} session;

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status all_keys(wri_slots *slots, wr_err *err) {
    const wri_groups *g = ((const session *)slots->op->state)->open.groups;
    return wri_slots_touch_all(slots, wri_groups_count(g), wri_groups_gone(g), err);
}

enum { SESSIONS, ROWS, WAITING, TOUCHED, NUMBERS }; /* tags in snapshots; SESSIONS, TOUCHED: of slots, too */

static wr_status session_open(wr_op *op, wr_err *err) {
    session *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "sessions");
    const wr_node *n = op->node;
    const wr_schema *in = &n->in[0]->out;
    uint32_t n_keys = n->session.n_keys;
    s->rows = n->session.rows;
    op->holds_us = n->session.win.tick_us + n->session.lateness_us;
    WR_TRY(wri_calls_init(&s->calls, n->session.calls, n->session.n_calls, err));
    for (uint32_t i = 0; i < s->calls.n; i++) s->places |= s->calls.calls[i].def->needs_time;
    s->phys = wr_calloc(in->n + n_keys + 1, sizeof *s->phys);
    s->key_cols = wr_calloc(n_keys + 1, sizeof *s->key_cols);
    if (!s->phys || !s->key_cols) return wr_fail_oom(err, "sessions");
    for (uint32_t k = 0; k < n_keys; k++) s->key_cols[k] = s->rows ? n->session.keys[k] : k;
    wr_phys *keys = s->phys + in->n;
    for (uint32_t c = 0; c < in->n; c++) s->phys[c] = wr_type_phys(in->fields[c].type);
    for (uint32_t k = 0; k < n_keys; k++) keys[k] = s->phys[n->session.keys[k]];
    if (n->updating) s->told = sizeof(wri_told);
    size_t bytes = s->told + (s->rows ? sizeof(wr_buf) : s->calls.state_bytes);
    WR_TRY(wri_sessions_init(&s->open, keys, n_keys, bytes, n->session.win.size_us, err));
    wri_slots_init(&s->open.slots, op, 0, SESSIONS, save_keys, NULL);
    wri_slots_ask(&s->open.slots, all_keys);
    s->open.slots.at_once = WR_SAVE_SCATTERED;
    if (!n->updating) return WR_OK;
    s->early = WR_WM_NONE;
    wri_said_cfg cfg = {.op = op,
                        .calls = &s->calls,
                        .open = &s->open,
                        .early = n->session.every_us > 0,
                        .each = n->session.each_batch,
                        .tag = TOUCHED,
                        .keys = s->key_cols};
    s->said = wri_said_new(&cfg);
    return s->said ? WR_OK : wr_fail_oom(err, "sessions");
}

/* The watermark by which sessions are over. */
static int64_t over_at(const wr_op *op, int64_t wm) {
    return wm == WR_WM_NONE || wm == WR_WM_END ? wm : wm - op->node->session.lateness_us;
}

/* What the operator keeps of sessions, by place. */
static wri_states states(const session *s) {
    return (wri_states){wri_groups_states(s->open.groups) + sizeof(wri_session) + s->told,
                        wri_groups_stride(s->open.groups)};
}
static char *state_at(const session *s, uint32_t id) {
    wri_states st = states(s);
    return st.base + (size_t)id * st.stride;
}

static void destroy_at(session *s, uint32_t id) {
    if (!s->rows) {
        wri_calls_destroy(&s->calls, states(s), id, id);
        return;
    }
    wr_buf *b = (wr_buf *)state_at(s, id);
    wr_buf_free(b);
    *b = (wr_buf){0};
}

static void session_close(wr_op *op) {
    session *s = op->state;
    if (!s) return;
    for (size_t i = 0; i < s->n_late; i++) wr_batch_drop(s->late[i].b);
    if (s->open.groups && (s->rows || s->calls.owns))
        for (uint32_t id = 0; id <= wri_groups_count(s->open.groups); id++) destroy_at(s, id);
    wri_said_free(s->said);
    wri_sessions_free(&s->open);
    wri_calls_free(&s->calls);
    wr_free(s->phys);
    wr_free(s->late);
    wr_free(s->gids);
    wr_free(s->ids);
    wr_free(s->idx);
    wr_free(s->owners);
    wr_free(s->starts);
    wr_free(s->ends);
    wr_free(s->kept.items);
    wr_free(s->save_kept.items);
    wr_free(s->save_ids);
    wr_free(s->save_gids);
    wr_free(s->key_cols);
    wr_free(s);
}

static wr_status scratch(session *s, size_t n, wr_err *err) {
    if (n <= s->cap) return WR_OK;
    uint32_t **u[] = {&s->gids, &s->ids, &s->idx, &s->owners};
    int64_t **t[] = {&s->starts, &s->ends};
    for (size_t i = 0; i < WR_LEN(u); i++) {
        uint32_t *p = wr_reallocn(*u[i], n, sizeof *p);
        if (!p) return wr_fail_oom(err, "sessions");
        *u[i] = p;
    }
    for (size_t i = 0; i < WR_LEN(t); i++) {
        int64_t *p = wr_reallocn(*t[i], n, sizeof *p);
        if (!p) return wr_fail_oom(err, "sessions");
        *t[i] = p;
    }
    s->cap = n;
    return WR_OK;
}

/* ---- folding ---- */

/* Row i of b goes into session ids[i]; 0: nowhere. */
static wr_status fold(wr_op *op, session *s, const wr_batch *b, const uint32_t *ids, wr_err *err) {
    if (!s->rows) return wri_calls_update(&s->calls, b, states(s), ids, err);
    for (uint32_t i = 0; i < b->n; i++)
        if (ids[i])
            WR_TRY(wri_kept_add((wr_buf *)state_at(s, ids[i]), b, op->node->session.win.time_col, i, err));
    return WR_OK;
}

/* What was folded into sessions that have merged since goes where they went. */
static wr_status settle_merged(session *s, wr_err *err) {
    for (size_t i = 0; i < s->open.n_merged; i++) {
        wri_session_pair p = s->open.merged[i];
        char *into = state_at(s, p.into), *from = state_at(s, p.from);
        if (!s->rows) WR_TRY(wri_calls_combine(&s->calls, into, from, err));
        else if (wr_buf_put((wr_buf *)into, ((wr_buf *)from)->data, ((wr_buf *)from)->len) != WR_OK)
            return wr_fail_oom(err, "the rows of open sessions");
        destroy_at(s, p.from);
        memset(wri_session_at(&s->open, p.from) + 1, 0,
               wri_groups_stride(s->open.groups) - sizeof(wri_session));
    }
    s->open.n_merged = 0;
    return WR_OK;
}

/* ---- rows in ---- */

static wr_status wait_row(session *s, wr_batch *b, uint32_t row, int64_t wm, wr_err *err) {
    if (wr_grow(&s->late, &s->late_cap, s->n_late + 1, sizeof *s->late) != WR_OK)
        return wr_fail_oom(err, "rows that may be late");
    s->late[s->n_late++] = (waiting){wm, wr_batch_hold(b), row};
    return WR_OK;
}

/* Rows ahead of their watermark go to idx, the others wait; rows without a time fail. */
static wr_status sort_out(wr_op *op, session *s, wr_batch *b, uint32_t *np, wr_err *err) {
    const wr_col *time = &b->cols[op->node->session.win.time_col];
    uint32_t n = 0, n_bad = 0, *bad = wr_alloc((size_t)b->n * sizeof *bad);
    if (!bad) return wr_fail_oom(err, "sessions");
    wr_status r = WR_OK;
    for (uint32_t i = 0; i < b->n && r == WR_OK; i++) {
        int64_t wm = b->wm && b->wm[i] > op->wm ? b->wm[i] : op->wm, t = time->i64[i];
        if (wr_is_null(time, i) || t < WR_TS_MIN || t > WR_TS_MAX) bad[n_bad++] = i;
        else if (wm != WR_WM_NONE && t <= over_at(op, wm)) r = wait_row(s, b, i, wm, err);
        else s->idx[n++] = i;
    }
    *np = n;
    if (r == WR_OK && n_bad)
        r = wr_task_bad_rows(op, b, bad, NULL, "the event time is NULL or out of range", n_bad, err);
    wr_free(bad);
    return r;
}

/* Whether every row is ahead of its watermark and has a time. */
static bool all_ahead(const wr_op *op, const wr_batch *b) {
    const wr_col *time = &b->cols[op->node->session.win.time_col];
    if (b->wm || time->nulls) return false;
    int64_t lo = time->i64[0], hi = lo;
    for (uint32_t i = 1; i < b->n; i++) {
        lo = time->i64[i] < lo ? time->i64[i] : lo;
        hi = time->i64[i] > hi ? time->i64[i] : hi;
    }
    return lo >= WR_TS_MIN && hi <= WR_TS_MAX && (op->wm == WR_WM_NONE || lo > over_at(op, op->wm));
}

static wr_status session_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    session *s = op->state;
    uint32_t n = b->n;
    if (n == 0) return WR_OK;
    WR_TRY(scratch(s, n, err));
    const uint32_t *idx = NULL;
    if (!all_ahead(op, b)) {
        WR_TRY(sort_out(op, s, b, &n, err));
        if (n == 0) return WR_OK;
        if (n < b->n) idx = s->idx;
    }
    if (idx) memset(s->ids, 0, b->n * sizeof *s->ids);
    wri_group_rows keys = {.b = b, .key_cols = op->node->session.keys, .hash = b->hash, .idx = idx, .n = n};
    WR_TRY(wri_groups_find_rows(s->open.groups, &keys, s->gids, err));
    if (s->said) WR_TRY(wri_said_touch(s->said, s->gids, n, err));
    wri_session_rows rows = {.times = b->cols[op->node->session.win.time_col].i64,
                             .gids = s->gids,
                             .idx = idx,
                             .n = n,
                             .ids = s->ids};
    WR_TRY(wri_sessions_join(&s->open, &rows, err));
    WR_TRY(fold(op, s, b, s->ids, err));
    WR_TRY(settle_merged(s, err));
    return s->said ? wri_said_say(s->said, op->wm, false, err) : WR_OK;
}

/* ---- rows behind their watermark ---- */

static int by_place(const void *x, const void *y) {
    const waiting *a = x, *c = y;
    if (a->wm != c->wm) return a->wm < c->wm ? -1 : 1;
    wr_row_place p = wr_place_of(a->b, a->row), q = wr_place_of(c->b, c->row);
    if (p.split != q.split) return p.split < q.split ? -1 : 1;
    return (p.pos > q.pos) - (p.pos < q.pos);
}

/* Folds rows s->idx[from..to) of b into s->ids[from..to). */
static wr_status fold_some(wr_op *op, session *s, wr_batch *b, uint32_t from, uint32_t to, wr_err *err) {
    if (from == to) return WR_OK;
    wr_batch *part;
    WR_TRY(wr_batch_gather(b, s->idx + from, to - from, NULL, 0, &part, err));
    part->pos += s->idx[from]; /* right for all when the rows follow each other; else nobody looks */
    wr_status r = fold(op, s, part, s->ids + from, err);
    wr_batch_drop(part);
    return r == WR_OK ? settle_merged(s, err) : r;
}

/* Rows s->idx[0..n) of b, in the order of their watermarks w[0..n). */
static wr_status judge(wr_op *op, session *s, wr_batch *b, const waiting *w, uint32_t n, wr_err *err) {
    const int64_t *times = b->cols[op->node->session.win.time_col].i64;
    wri_group_rows keys = {
        .b = b, .key_cols = op->node->session.keys, .hash = b->hash, .idx = s->idx, .n = n};
    WR_TRY(wri_groups_find_rows(s->open.groups, &keys, s->gids, err));
    if (s->said) WR_TRY(wri_said_touch(s->said, s->gids, n, err));
    uint32_t folded = 0, n_late = 0, *late = s->owners; /* free until something is emitted */
    for (uint32_t k = 0; k < n; k++) {
        uint32_t gid = s->gids[k], row = s->idx[k];
        if (k + AHEAD < n) __builtin_prefetch(wri_session_at(&s->open, s->gids[k + AHEAD]), 1);
        int64_t t = times[row], over = over_at(op, w[k].wm);
        WR_TRY(wri_sessions_idle(&s->open, gid, err));
        if (wri_sessions_close_moves(&s->open, gid, over)) {
            WR_TRY(fold_some(op, s, b, folded, k, err));
            folded = k;
        }
        WR_TRY(wri_sessions_close_key(&s->open, gid, over, err));
        s->ids[k] = 0;
        if (t + s->open.gap <= over && !wri_sessions_touch(&s->open, gid, t)) {
            late[n_late++] = row;
            continue;
        }
        wri_session_rows one = {.times = &times[row], .gids = &gid, .n = 1, .ids = &s->ids[k]};
        WR_TRY(wri_sessions_join(&s->open, &one, err));
    }
    WR_TRY(fold_some(op, s, b, folded, n, err));
    return n_late ? wr_task_late_rows(op, 0, b, late, n_late, err) : WR_OK;
}

/* Rows w[0..n) in order, a batch at a time; when positions count, rows that follow each other at a time. */
static wr_status judge_all(wr_op *op, session *s, const waiting *w, size_t n, wr_err *err) {
    for (size_t at = 0, next; at < n; at = next) {
        wr_batch *b = w[at].b;
        for (next = at + 1; next < n && w[next].b == b; next++)
            if (s->places ? w[next].row != w[next - 1].row + 1 : w[next].row <= w[next - 1].row) break;
        uint32_t run = (uint32_t)(next - at);
        WR_TRY(scratch(s, run, err));
        for (uint32_t k = 0; k < run; k++) s->idx[k] = w[at + k].row;
        WR_TRY(judge(op, s, b, w + at, run, err));
    }
    return WR_OK;
}

/* ---- results ---- */

static wr_status emit_kept(wr_op *op, session *s, wr_err *err) {
    uint32_t step = wr_task_batch_rows(op->task), n_in = op->node->in[0]->out.n;
    for (size_t at = 0; at < s->kept.n; at += step) {
        wr_batch *b;
        uint32_t n = s->kept.n - at < step ? (uint32_t)(s->kept.n - at) : step;
        const wri_kept *rows = s->kept.items + at;
        WR_TRY(wr_batch_new(n_in + 3, n, &b, err));
        b->n = n;
        b->split = WR_NO_SPLIT;
        b->pos = s->emitted;
        s->emitted += n;
        wr_status r = wri_kept_read(rows, s->phys, n_in, b, err);
        for (uint32_t c = 0; c < 3 && r == WR_OK; c++) r = wr_batch_col(b, n_in + c, WR_I64, err);
        for (uint32_t i = 0; i < n && r == WR_OK; i++) {
            b->cols[n_in].i64[i] = rows[i].start;
            b->cols[n_in + 1].i64[i] = rows[i].end;
            b->cols[n_in + 2].i64[i] = rows[i].end - op->node->session.win.tick_us;
        }
        if (r == WR_OK) r = wr_emit(op, b, err);
        wr_batch_drop(b);
        if (r != WR_OK) return r;
    }
    s->kept.n = 0;
    return WR_OK;
}

/* Emits closed[0..n); room for as many in scratch. */
static wr_status emit_closed(wr_op *op, session *s, const uint32_t *closed, uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        const wri_session *x = wri_session_at(&s->open, closed[i]);
        s->owners[i] = x->owner;
        s->starts[i] = wri_session_start(x);
        s->ends[i] = x->last + s->open.gap;
    }
    if (!s->rows) {
        wri_result r = {.op = op,
                        .calls = &s->calls,
                        .groups = s->open.groups,
                        .st = states(s),
                        .time = op->node->session.win.tick_us,
                        .owners = s->owners,
                        .starts = s->starts,
                        .ends = s->ends};
        WR_TRY(wri_result_emit(&r, closed, n, err));
    } else {
        for (uint32_t i = 0; i < n; i++)
            WR_TRY(
                wri_kept_list_add(&s->kept, (wr_buf *)state_at(s, closed[i]), s->starts[i], s->ends[i], err));
        WR_TRY(emit_kept(op, s, err));
    }
    for (uint32_t i = 0; i < n && (s->rows || s->calls.owns); i++) destroy_at(s, closed[i]);
    return WR_OK;
}

/* Gives the results of sessions that are over, and forgets them. */
static wr_status close_over(wr_op *op, session *s, int64_t over, wr_err *err) {
    uint32_t step = wr_task_batch_rows(op->task);
    WR_TRY(scratch(s, step, err));
    for (bool more = true; more;) {
        WR_TRY(wri_sessions_close(&s->open, over, step, &more, err));
        for (size_t at = 0; at < s->open.n_closed && !s->said; at += step) {
            size_t left = s->open.n_closed - at;
            WR_TRY(emit_closed(op, s, s->open.closed + at, left < step ? (uint32_t)left : step, err));
        }
        for (size_t i = 0; i < s->open.n_closed && s->said; i++) destroy_at(s, s->open.closed[i]);
        WR_TRY(wri_sessions_forget(&s->open, err));
    }
    return WR_OK;
}

/* Says what the watermark has changed: sessions that end, and at a tick all that have changed. */
static wr_status say_due(wr_op *op, session *s, int64_t wm, wr_err *err) {
    int64_t every = op->node->session.every_us;
    bool tick = false;
    if (every > 0 && wm != WR_WM_END) {
        int64_t passed = wr_floor_div(wm, every);
        tick = passed > s->early;
        s->early = passed;
    }
    for (bool more = true; more;) {
        WR_TRY(wri_said_due(s->said, wm, wr_task_batch_rows(op->task), &more, err));
        WR_TRY(wri_said_say(s->said, wm, tick && !more, err));
    }
    return WR_OK;
}

static wr_status advance(wr_op *op, session *s, int64_t wm, wr_err *err) {
    if (s->said) WR_TRY(say_due(op, s, wm, err));
    return close_over(op, s, over_at(op, wm), err);
}

/* Rows w[0..n) in order; between those of different watermarks, what these would have done. */
static wr_status judge_in_turn(wr_op *op, session *s, const waiting *w, size_t n, wr_err *err) {
    for (size_t at = 0, next; at < n; at = next) {
        for (next = at + 1; next < n && w[next].wm == w[at].wm;) next++;
        WR_TRY(advance(op, s, w[at].wm, err));
        WR_TRY(judge_all(op, s, w + at, next - at, err));
        WR_TRY(wri_said_say(s->said, w[at].wm, false, err));
    }
    return WR_OK;
}

static wr_status judge_waiting(wr_op *op, session *s, int64_t wm, wr_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_late; i++) {
        if (s->late[i].wm >= wm) continue;
        waiting w = s->late[i];
        s->late[i] = s->late[n];
        s->late[n++] = w;
    }
    if (n == 0) return WR_OK;
    qsort(s->late, n, sizeof *s->late, by_place);
    wr_status r = s->said ? judge_in_turn(op, s, s->late, n, err) : judge_all(op, s, s->late, n, err);
    for (size_t i = 0; i < n; i++) wr_batch_drop(s->late[i].b);
    memmove(s->late, s->late + n, (s->n_late - n) * sizeof *s->late);
    s->n_late -= n;
    return r;
}

static wr_status session_watermark(wr_op *op, int64_t wm, wr_err *err) {
    session *s = op->state;
    WR_TRY(judge_waiting(op, s, wm, err));
    return advance(op, s, wm, err);
}

/* ---- snapshots ----
 *
 *   SESSIONS  keys, start, last, due, flags, partials of the calls    (rows are folded)
 *   ROWS      rows that are kept, with their places                   (they make the sessions again)
 *   WAITING   rows that wait, with their places, and the watermark before each
 *   TOUCHED   see session_changes.c
 *   NUMBERS   emitted, early
 *
 * The first two and TOUCHED are slots, by key. Nothing waits to be emitted at a barrier, so what a key leads
 * to is all there is. */

enum { STANDS = 1, FAILED = 2 };

static wri_told *told_at(const session *s, uint32_t id) {
    return s->told ? (wri_told *)(wri_session_at(&s->open, id) + 1) : NULL;
}

static wr_status add_place(session *s, uint32_t gid, uint32_t id, wr_err *err) {
    if (wr_grow(&s->save_ids, &s->save_ids_cap, s->n_save + 1, sizeof *s->save_ids) != WR_OK ||
        wr_grow(&s->save_gids, &s->save_gids_cap, s->n_save + 1, sizeof *s->save_gids) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    s->save_ids[s->n_save] = id;
    s->save_gids[s->n_save++] = gid;
    return WR_OK;
}

/* The sessions save_ids[0..n_save) of the keys save_gids[…]. */
static wr_status save_folded(wr_op *op, session *s, wr_saver *to, wr_err *err) {
    uint32_t n_keys = op->node->session.n_keys, at = n_keys, n = (uint32_t)s->n_save;
    wr_batch *b;
    WR_TRY(wr_batch_new(n_keys + 4 + s->calls.n_partials, n ? n : 1, &b, err));
    b->n = n;
    wr_status r = wri_groups_emit_keys(s->open.groups, s->save_gids, n, b, 0, err);
    for (uint32_t c = 0; r == WR_OK && c < 4; c++) r = wr_batch_col(b, at + c, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        const wri_session *x = wri_session_at(&s->open, s->save_ids[i]);
        const wri_told *t = told_at(s, s->save_ids[i]);
        b->cols[at].i64[i] = wri_session_start(x);
        b->cols[at + 1].i64[i] = x->last;
        b->cols[at + 2].i64[i] = t ? t->due : 0;
        b->cols[at + 3].i64[i] = t ? (t->stands ? STANDS : 0) | (t->failed ? FAILED : 0) : 0;
    }
    if (r == WR_OK) r = wri_calls_partial_far(&s->calls, states(s), s->save_ids, n, b, at + 4, err);
    if (r == WR_OK) r = wr_save_slots(to, SESSIONS, b, s->key_cols, n_keys, s->save_gids, err);
    wr_batch_drop(b);
    return r;
}

/* Rows of the input, by the keys that they have there. */
static wr_status save_input(wr_op *op, uint32_t tag, wr_batch *b, wr_saver *to, wr_err *err) {
    return wr_save_rows(to, tag, b, op->node->session.keys, op->node->session.n_keys, err);
}

/* rows[0..n) of the keys gids[0..n). */
static wr_status save_rows(wr_op *op, session *s, const wri_kept *rows, const uint32_t *gids, uint32_t n,
                           wr_saver *to, wr_err *err) {
    uint32_t n_in = op->node->in[0]->out.n;
    wr_batch *b;
    WR_TRY(wr_batch_new(n_in, n, &b, err));
    b->n = n;
    wr_status r = wri_kept_read(rows, s->phys, n_in, b, err);
    if (r == WR_OK && !wr_batch_places(b)) r = wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n && r == WR_OK; i++) b->place[i] = wri_kept_place(rows[i].row);
    if (r == WR_OK) r = wr_save_slots(to, ROWS, b, s->key_cols, op->node->session.n_keys, gids, err);
    wr_batch_drop(b);
    return r;
}

/* The rows of the sessions of keys gids[0..n). */
static wr_status save_kept(wr_op *op, session *s, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    uint32_t step = wr_task_batch_rows(op->task);
    s->save_kept.n = s->n_save = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t id = gids[i]; id; id = wri_session_at(&s->open, id)->next)
            if (!wri_session_empty(wri_session_at(&s->open, id)))
                WR_TRY(wri_kept_list_add(&s->save_kept, (wr_buf *)state_at(s, id), 0, 0, err));
        while (s->n_save < s->save_kept.n) WR_TRY(add_place(s, gids[i], 0, err));
    }
    for (size_t at = 0; at < s->save_kept.n; at += step) {
        size_t left = s->save_kept.n - at;
        WR_TRY(save_rows(op, s, s->save_kept.items + at, s->save_gids + at,
                         left < step ? (uint32_t)left : step, to, err));
    }
    return WR_OK;
}

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wr_op *op = slots->op;
    session *s = op->state;
    if (s->rows) return save_kept(op, s, gids, n, to, err);
    s->n_save = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(wri_session_at(&s->open, gids[i + AHEAD]));
        for (uint32_t id = gids[i]; id; id = wri_session_at(&s->open, id)->next)
            if (!wri_session_empty(wri_session_at(&s->open, id))) WR_TRY(add_place(s, gids[i], id, err));
    }
    return save_folded(op, s, to, err);
}

/* Rows w[0..n), which are of one batch and stand in it in this order. */
static wr_status save_waiting(wr_op *op, const waiting *w, uint32_t n, wr_saver *to, wr_err *err) {
    uint32_t n_in = op->node->in[0]->out.n, *cols = wr_alloc(((size_t)n_in + 1 + n) * sizeof *cols);
    wr_batch *some = NULL, *b = NULL;
    if (!cols) return wr_fail_oom(err, "a snapshot");
    uint32_t *idx = cols + n_in + 1;
    for (uint32_t i = 0; i < n; i++) idx[i] = w[i].row;
    wr_status r = wr_batch_gather(w->b, idx, n, NULL, 0, &some, err);
    for (uint32_t c = 0; r == WR_OK && c <= n_in; c++) cols[c] = c < n_in ? c : UINT32_MAX;
    if (r == WR_OK) r = wr_batch_share(some, cols, n_in + 1, &b, err);
    if (r == WR_OK) r = wr_batch_col(b, n_in, WR_I64, err);
    if (r == WR_OK && !wr_batch_places(b)) r = wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        b->wm = NULL;
        b->cols[n_in].i64[i] = w[i].wm;
        b->place[i] = wr_place_of(w->b, w[i].row);
    }
    if (r == WR_OK) r = save_input(op, WAITING, b, to, err);
    wr_batch_drop(b);
    wr_batch_drop(some);
    wr_free(cols);
    return r;
}

static wr_status save_all_waiting(wr_op *op, const session *s, wr_saver *to, wr_err *err) {
    const waiting *w = s->late;
    for (size_t at = 0, next; at < s->n_late; at = next) {
        for (next = at + 1; next < s->n_late && w[next].b == w[at].b && w[next].row > w[next - 1].row;)
            next++;
        WR_TRY(save_waiting(op, w + at, (uint32_t)(next - at), to, err));
    }
    return WR_OK;
}

static wr_status session_save(wr_op *op, wr_saver *to, wr_err *err) {
    session *s = op->state;
    int64_t numbers[2] = {s->emitted, s->said ? s->early : WR_WM_NONE};
    WR_TRY(wr_save_ints(to, NUMBERS, numbers, 2, err));
    WR_TRY(save_all_waiting(op, s, to, err));
    WR_TRY(wri_slots_barrier(&s->open.slots, to, err));
    return s->said ? wri_said_barrier(s->said, to, err) : WR_OK;
}

static wr_status session_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    session *s = op->state;
    WR_TRY(wri_slots_rest(&s->open.slots, leftp, err));
    return *leftp || !s->said ? WR_OK : wri_said_save_rest(s->said, leftp, err);
}

static wr_status load_sessions(wr_op *op, session *s, wr_batch *b, wr_err *err) {
    uint32_t at = op->node->session.n_keys;
    for (uint32_t i = 0; i < b->n; i++) {
        wri_session_rows row = {.times = &b->cols[at].i64[i], .gids = &s->gids[i], .n = 1, .ids = &s->ids[i]};
        WR_TRY(wri_sessions_join(&s->open, &row, err));
        wri_session_at(&s->open, s->ids[i])->last = b->cols[at + 1].i64[i];
        wri_told *t = told_at(s, s->ids[i]);
        if (!t) continue;
        *t = (wri_told){.due = b->cols[at + 2].i64[i],
                        .stands = b->cols[at + 3].i64[i] & STANDS,
                        .failed = b->cols[at + 3].i64[i] & FAILED};
        WR_TRY(wri_said_load_timer(s->said, s->ids[i], err));
    }
    return wri_calls_merge(&s->calls, b, at + 4, states(s), s->ids, err);
}

static wr_status load_kept(wr_op *op, session *s, wr_batch *b, wr_err *err) {
    uint32_t time_col = op->node->session.win.time_col;
    for (uint32_t i = 0; i < b->n; i++) {
        wri_session_rows row = {
            .times = &b->cols[time_col].i64[i], .gids = &s->gids[i], .n = 1, .ids = &s->ids[i]};
        WR_TRY(wri_sessions_join(&s->open, &row, err));
        WR_TRY(settle_merged(s, err));
        WR_TRY(wri_kept_add((wr_buf *)state_at(s, s->ids[i]), b, time_col, i, err));
    }
    return WR_OK;
}

static wr_status load_waiting(wr_op *op, session *s, wr_batch *b, wr_err *err) {
    uint32_t n_in = op->node->in[0]->out.n, *cols = wr_alloc((n_in + 1) * sizeof *cols);
    wr_batch *rows = NULL;
    if (!cols) return wr_fail_oom(err, "rows that may be late");
    for (uint32_t c = 0; c < n_in; c++) cols[c] = c;
    wr_status r = b->n_cols == n_in + 1
                      ? wr_batch_share(b, cols, n_in, &rows, err)
                      : wr_fail(err, WR_EDATA, "sessions in the snapshot are not as they were written");
    for (uint32_t i = 0; r == WR_OK && i < b->n; i++) r = wait_row(s, rows, i, b->cols[n_in].i64[i], err);
    wr_batch_drop(rows);
    wr_free(cols);
    return r;
}

static wr_status session_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    session *s = op->state;
    wr_batch *b = saved->rows;
    if (!b) {
        if (saved->n_ints != 2)
            return wr_fail(err, WR_EDATA, "sessions in the snapshot are not as they were written");
        if (saved->ints[0] > s->emitted) s->emitted = saved->ints[0];
        if (s->said && saved->ints[1] > s->early) s->early = saved->ints[1];
        return WR_OK;
    }
    if (saved->tag == WAITING) return load_waiting(op, s, b, err);
    uint32_t n_keys = op->node->session.n_keys, most = b->n > n_keys ? b->n : n_keys;
    WR_TRY(scratch(s, most, err));
    for (uint32_t k = 0; k < n_keys; k++) s->idx[k] = saved->tag == ROWS ? op->node->session.keys[k] : k;
    wri_group_rows keys = {.b = b, .key_cols = s->idx, .hash = b->hash, .n = b->n};
    WR_TRY(wri_groups_find_rows(s->open.groups, &keys, s->gids, err));
    if (saved->tag == TOUCHED) return wri_said_load(s->said, b, n_keys, s->gids, err);
    return saved->tag == ROWS ? load_kept(op, s, b, err) : load_sessions(op, s, b, err);
}

#define SAMPLES 4096 /* sessions that are looked at to guess how many bytes their rows take */

static void session_measure(const wr_op *op, wr_kept *out) {
    const session *s = op->state;
    out->keys = wri_groups_live(s->open.groups);
    out->bytes = wri_sessions_bytes(&s->open) + s->late_cap * sizeof *s->late;
    uint32_t count = wri_groups_count(s->open.groups), step = count / SAMPLES + 1;
    for (uint32_t id = 1; s->rows && id <= count; id += step)
        out->bytes += step * ((const wr_buf *)state_at(s, id))->cap;
}

static void session_waiting(const wr_op *op, wr_waits *out) {
    const session *s = op->state;
    const wr_node *n = op->node;
    if (n->session.each_batch) return; /* nothing waits */
    for (uint32_t id = 1; id <= wri_groups_count(s->open.groups); id++) {
        const wri_session *x = wri_session_at(&s->open, id);
        if (x->owner == 0 || wri_session_empty(x) || x->next == WRI_SESSION_CLOSED) continue;
        int64_t end = x->last + s->open.gap;
        if (n->updating && op->wm != WR_WM_NONE && end <= op->wm) continue; /* said, and may be corrected */
        wri_waits_add(out, (wr_wait){wri_session_start(x), end, end, 0, 1, false});
    }
    out->what = out->n ? "session" : NULL;
    out->keys = wri_groups_live(s->open.groups);
}

const wr_op_def wri_op_session = {.name = "session",
                                  .open = session_open,
                                  .push = session_push,
                                  .watermark = session_watermark,
                                  .save = session_save,
                                  .save_rest = session_save_rest,
                                  .load = session_load,
                                  .keyed = true,
                                  .measure = session_measure,
                                  .waiting = session_waiting,
                                  .close = session_close};
