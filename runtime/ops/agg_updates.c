/* runtime/ops/agg_updates.c -- see agg_updates.h.
 *
 * Behind the states of the calls each group has a `standing`. A group is touched from the first fold after it
 * was last said until it is said again; meanwhile `olds` holds the row that stands for it. Groups without
 * rows left are removed once that is said. */
#include "agg_updates.h"

#include "change_rows.h"
#include "group_marks.h"
#include "timers.h"

typedef struct standing {
    int64_t rows;      /* folded less those taken back, when takes_back */
    int64_t used, due; /* watermark when last said; when the one timer that counts is due. When ttl_us */
    uint32_t old_batch, old_row; /* what stands, while touched and stands */
    bool touched, stands, failed;
} standing;

struct wri_updates {
    wri_updates_cfg cfg;
    wri_result frame;
    wri_groups *groups;
    size_t at; /* of the standing in a group's state */
    uint32_t *touched;
    size_t n_touched, touched_cap;
    wr_batch **olds;
    size_t n_olds, olds_cap;
    uint32_t *gids, *minus, *list; /* scratch: room for cap rows each */
    size_t cap;
    wri_change_rows changes; /* scratch */
    int64_t end;             /* the part of snapshots that this is */
    wri_marks marks;         /* when they are taken, as is the next */
    wr_batch **gone;         /* keys of groups that went since the last barrier */
    size_t n_gone, gone_cap;
    wri_timers timers;
};

wri_updates *wri_updates_new(const wri_updates_cfg *cfg, const wri_result *frame) {
    wri_updates *u = wr_calloc(1, sizeof *u);
    if (!u) return NULL;
    u->cfg = *cfg;
    u->marks.undivided = true;
    u->frame = *frame;
    u->end = frame->n_window ? frame->end : 0;
    u->at = (cfg->calls->state_bytes + 7) & ~(size_t)7;
    wri_timers_init(&u->timers, cfg->ttl_us / 16 + 1);
    u->groups = wri_groups_new(cfg->phys, cfg->n_keys, u->at + sizeof(standing));
    if (u->groups && ((!cfg->takes_back && cfg->ttl_us == 0) || wri_groups_let_go(u->groups))) return u;
    wri_updates_free(u);
    return NULL;
}

static wri_states states(const wri_updates *u) {
    return (wri_states){wri_groups_states(u->groups), wri_groups_stride(u->groups)};
}

static standing *standing_of(const wri_updates *u, uint32_t gid) {
    wri_states st = states(u);
    return (standing *)(void *)(st.base + gid * st.stride + u->at);
}

static void drop_olds(wri_updates *u) {
    while (u->n_olds > 0) wr_batch_drop(u->olds[--u->n_olds]);
}

static void drop_gone(wri_updates *u) {
    while (u->n_gone > 0) wr_batch_drop(u->gone[--u->n_gone]);
}

void wri_updates_free(wri_updates *u) {
    if (!u) return;
    drop_olds(u);
    drop_gone(u);
    wri_marks_free(&u->marks);
    wr_free(u->gone);
    if (u->groups) wri_calls_destroy(u->cfg.calls, states(u), 0, wri_groups_count(u->groups));
    wri_groups_free(u->groups);
    wri_timers_free(&u->timers);
    wr_free(u->touched);
    wr_free(u->olds);
    wr_free(u->gids);
    wr_free(u->minus);
    wr_free(u->list);
    wr_free(u->changes.items);
    wr_free(u);
}

size_t wri_updates_bytes(const wri_updates *u) {
    return wri_groups_bytes(u->groups) + wri_timers_bytes(&u->timers);
}

uint32_t wri_updates_live(const wri_updates *u) { return wri_groups_live(u->groups); }

static wr_status scratch(wri_updates *u, size_t n, wr_err *err) {
    if (n <= u->cap) return WR_OK;
    uint32_t *g = wr_reallocn(u->gids, n, sizeof *g);
    if (g) u->gids = g;
    uint32_t *m = wr_reallocn(u->minus, n, sizeof *m);
    if (m) u->minus = m;
    uint32_t *l = wr_reallocn(u->list, n, sizeof *l);
    if (l) u->list = l;
    if (!g || !m || !l) return wr_fail_oom(err, "results that change");
    u->cap = n;
    return WR_OK;
}

static wri_result result_of(const wri_updates *u) {
    wri_result r = u->frame;
    r.op = u->cfg.op;
    r.calls = u->cfg.calls;
    r.groups = u->groups;
    r.st = states(u);
    return r;
}

/* ---- snapshots: a part, named by the window's end ----
 *
 *   GONE    end of the window, keys: of groups that went since the snapshot before
 *   GROUPS  end of the window, keys, partials of the calls, rows, used, due, flags
 *
 * and, whole each time, of groups that are touched:
 *
 *   OLDS    end of the window, keys, the row that stands
 *   FRESH   end of the window, keys: none does */

enum { GROUPS, OLDS, GONE, FRESH };
enum { STANDS = 2, FAILED = 4 };
#define GROUP_NUMBERS 4 /* columns behind the partials */

static int64_t flags_of(const standing *s) { return (s->stands ? STANDS : 0) | (s->failed ? FAILED : 0); }

/* Columns end and keys of groups gids[0..n); the others are the caller's. */
static wr_status begin_saved(wri_updates *u, const uint32_t *gids, uint32_t n, uint32_t n_cols,
                             wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(n_cols, n, outp, err));
    wr_batch *b = *outp;
    b->n = n;
    wr_status r = wr_batch_col(b, 0, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) b->cols[0].i64[i] = u->end;
    if (r == WR_OK) r = wri_groups_emit_keys(u->groups, gids, n, b, 1, err);
    if (r == WR_OK) return WR_OK;
    wr_batch_drop(b);
    *outp = NULL;
    return r;
}

static wr_status save_groups(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    uint32_t first = 1 + u->cfg.n_keys, at = first + u->cfg.calls->n_partials;
    wr_batch *b = NULL;
    wr_status r = begin_saved(u, gids, n, at + GROUP_NUMBERS, &b, err);
    if (r == WR_OK) r = wri_calls_partial_far(u->cfg.calls, states(u), gids, n, b, first, err);
    for (uint32_t c = 0; r == WR_OK && c < GROUP_NUMBERS; c++) r = wr_batch_col(b, at + c, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        const standing *s = standing_of(u, gids[i]);
        int64_t numbers[GROUP_NUMBERS] = {s->rows, s->used, s->due, flags_of(s)};
        for (uint32_t c = 0; c < GROUP_NUMBERS; c++) b->cols[at + c].i64[i] = numbers[c];
    }
    if (r == WR_OK)
        r = wr_save_made(wr_saver_of(u->cfg.op, u->end, 0), GROUPS, b, u->cfg.keys, u->cfg.n_keys, err);
    wr_batch_drop(b);
    return r;
}

/* Groups gids[0..n) are about to change; u->list has room for as many. */
static wr_status mark(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    uint32_t n_due;
    if (!wr_task_saves(u->cfg.op->task)) return WR_OK;
    WR_TRY(wri_marks_change(&u->marks, gids, n, u->list, &n_due, err));
    return n_due ? save_groups(u, u->list, n_due, err) : WR_OK;
}

/* Rows of olds[batch] whose groups are gids[0..n), at u->list[0..n). */
static wr_status save_olds(wri_updates *u, size_t batch, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wr_batch *old, *b = NULL;
    if (n == 0) return WR_OK;
    WR_TRY(wr_batch_gather(u->olds[batch], u->list, n, NULL, 0, &old, err));
    wr_status r = begin_saved(u, gids, n, 1 + u->cfg.n_keys + old->n_cols, &b, err);
    for (uint32_t c = 0; r == WR_OK && c < old->n_cols; c++)
        r = wr_batch_copy_col(b, 1 + u->cfg.n_keys + c, &old->cols[c], err);
    if (r == WR_OK) r = wr_save_rows(to, OLDS, b, u->cfg.keys, u->cfg.n_keys, err);
    wr_batch_drop(old);
    wr_batch_drop(b);
    return r;
}

static wr_status save_fresh(wri_updates *u, const uint32_t *gids, uint32_t n, wr_saver *to, wr_err *err) {
    wr_batch *b = NULL;
    if (n == 0) return WR_OK;
    WR_TRY(begin_saved(u, gids, n, 1 + u->cfg.n_keys, &b, err));
    wr_status r = wr_save_rows(to, FRESH, b, u->cfg.keys, u->cfg.n_keys, err);
    wr_batch_drop(b);
    return r;
}

wr_status wri_updates_save_touched(wri_updates *u, wr_saver *to, wr_err *err) {
    uint32_t n = 0;
    WR_TRY(scratch(u, u->n_touched + 1, err));
    for (size_t i = 0; i < u->n_touched; i++)
        if (!standing_of(u, u->touched[i])->stands) u->gids[n++] = u->touched[i];
    WR_TRY(save_fresh(u, u->gids, n, to, err));
    for (size_t batch = 0; batch < u->n_olds; batch++) {
        n = 0;
        for (size_t i = 0; i < u->n_touched; i++) {
            const standing *s = standing_of(u, u->touched[i]);
            if (!s->stands || s->old_batch != batch) continue;
            u->gids[n] = u->touched[i];
            u->list[n++] = s->old_row;
        }
        WR_TRY(save_olds(u, batch, u->gids, n, to, err));
    }
    return WR_OK;
}

wr_status wri_updates_save(wri_updates *u, wr_saver *to, wr_err *err) {
    bool more;
    WR_TRY(wri_marks_barrier(&u->marks, u->groups, to, u->end, &more, err));
    for (size_t i = 0; more && i < u->n_gone; i++)
        WR_TRY(wr_save_rows(to, GONE, u->gone[i], u->cfg.keys, u->cfg.n_keys, err));
    drop_gone(u);
    return WR_OK;
}

wr_status wri_updates_save_rest(wri_updates *u, bool *leftp, wr_err *err) {
    uint32_t step = wri_marks_step(u->cfg.op);
    *leftp = u->marks.n_due > 0;
    if (!*leftp) return WR_OK;
    WR_TRY(scratch(u, step, err));
    uint32_t n = wri_marks_take(&u->marks, u->gids, step);
    return save_groups(u, u->gids, n, err);
}

/* ---- folding ---- */

/* Computes what stands for gids[0..n). */
static wr_status keep_old(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    if (n == 0) return WR_OK;
    if (wr_grow(&u->olds, &u->olds_cap, u->n_olds + 1, sizeof *u->olds) != WR_OK)
        return wr_fail_oom(err, "results that change");
    wri_result r = result_of(u);
    uint64_t *failed; /* none: what failed does not stand */
    WR_TRY(wri_result_rows(&r, gids, n, &failed, &u->olds[u->n_olds], err));
    for (uint32_t i = 0; i < n; i++) {
        standing *s = standing_of(u, gids[i]);
        s->old_batch = (uint32_t)u->n_olds;
        s->old_row = i;
    }
    u->n_olds++;
    return WR_OK;
}

static wr_status touch(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    uint32_t n_old = 0;
    if (wr_grow(&u->touched, &u->touched_cap, u->n_touched + n, sizeof *u->touched) != WR_OK)
        return wr_fail_oom(err, "results that change");
    for (uint32_t i = 0; i < n; i++) {
        standing *s = standing_of(u, gids[i]);
        if (s->touched) continue;
        s->touched = true;
        u->touched[u->n_touched++] = gids[i];
        if (s->stands) u->list[n_old++] = gids[i];
    }
    return keep_old(u, u->list, n_old, err);
}

/* Partials of rows that take others back. Of a group that state_ttl has forgotten nothing can be taken. */
static wr_status take_back(wri_updates *u, const wr_batch *b, uint32_t rows_col, wr_err *err) {
    uint32_t back = rows_col + 1, back_rows = back + u->cfg.calls->n_partials;
    const int64_t *plus = b->cols[rows_col].i64, *minus = b->cols[back_rows].i64;
    bool any = false;
    for (uint32_t i = 0; i < b->n; i++) {
        standing *s = standing_of(u, u->gids[i]);
        bool fresh = u->cfg.ttl_us > 0 && s->rows == 0 && !s->stands;
        u->minus[i] = minus[i] && !fresh ? u->gids[i] : 0;
        s->rows += plus[i] - (fresh ? 0 : minus[i]);
        any |= u->minus[i] != 0;
    }
    WR_TRY(wri_calls_merge(u->cfg.calls, b, rows_col - u->cfg.calls->n_partials, states(u), u->gids, err));
    if (any) wri_calls_retract(u->cfg.calls, b, back, states(u), u->minus);
    return WR_OK;
}

wr_status wri_updates_fold(wri_updates *u, const wr_batch *b, wr_err *err) {
    uint32_t first = u->cfg.keys[0] + u->cfg.n_keys;
    WR_TRY(scratch(u, b->n, err));
    WR_TRY(wri_groups_find(u->groups, b, u->cfg.keys, b->hash, u->gids, err));
    WR_TRY(mark(u, u->gids, b->n, err));
    WR_TRY(touch(u, u->gids, b->n, err));
    if (u->cfg.takes_back) return take_back(u, b, first + u->cfg.calls->n_partials, err);
    return wri_calls_merge(u->cfg.calls, b, first, states(u), u->gids, err);
}

wr_status wri_updates_fold_nothing(wri_updates *u, wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_batch_new(1, 1, &b, err));
    b->n = 1;
    wr_status s = scratch(u, 1, err);
    if (s == WR_OK) s = wri_groups_find(u->groups, b, u->cfg.keys, NULL, u->gids, err);
    if (s == WR_OK) s = mark(u, u->gids, 1, err);
    if (s == WR_OK) s = touch(u, u->gids, 1, err);
    wr_batch_drop(b);
    return s;
}

/* ---- saying ---- */

/* Has rows, or needs none: without keys there is always a result. */
static bool is_live(const wri_updates *u, const standing *s) {
    return !u->cfg.takes_back || u->cfg.n_keys == 0 || s->rows > 0;
}

/* What changed of group gid, whose result is row `row` of cur (ok: it has one). Keys and window are the same
 * anyway, so only results are compared. */
static wr_status note_change(wri_updates *u, uint32_t gid, wr_batch *cur, uint32_t row, bool ok,
                             wr_err *err) {
    standing *s = standing_of(u, gid);
    wr_batch *old = s->stands ? u->olds[s->old_batch] : NULL;
    if (old && ok && wri_same_values(old, s->old_row, cur, row, old->n_cols - u->cfg.calls->n)) return WR_OK;
    s->stands = ok;
    if (old) WR_TRY(wri_change_add(&u->changes, old, s->old_row, ok ? WR_UPDATE_BEFORE : WR_DELETE, err));
    return ok ? wri_change_add(&u->changes, cur, row, old ? WR_UPDATE_AFTER : WR_INSERT, err) : WR_OK;
}

/* Notes what changed of groups gids[0..n), whose results are the rows of cur; those that failed are told. */
static wr_status note_changes(wri_updates *u, const uint32_t *gids, uint32_t n, wr_batch *cur,
                              const uint64_t *failed, wr_err *err) {
    uint32_t n_bad = 0;
    for (uint32_t i = 0, row = 0; i < n; i++) {
        standing *s = standing_of(u, gids[i]);
        bool live = is_live(u, s), bad = live && wr_bit(failed, row);
        WR_TRY(note_change(u, gids[i], cur, row, live && !bad, err));
        if (bad && !s->failed) u->minus[n_bad++] = row;
        s->failed = bad;
        row += live;
    }
    return n_bad ? wr_task_bad_rows(u->cfg.op, cur, u->minus, NULL, WRI_GROUP_FAILED, n_bad, err) : WR_OK;
}

/* Says groups gids[0..n); u->list and u->minus have room for as many. */
static wr_status say_some(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    uint32_t n_live = 0;
    wr_batch *cur = NULL;
    uint64_t *failed = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (is_live(u, standing_of(u, gids[i]))) u->list[n_live++] = gids[i];
    wri_result r = result_of(u);
    if (n_live) WR_TRY(wri_result_rows(&r, u->list, n_live, &failed, &cur, err));
    wr_status st = note_changes(u, gids, n, cur, failed, err);
    if (st == WR_OK) st = wri_change_emit(&u->changes, u->cfg.op, u->cfg.append_only, err);
    wr_batch_drop(cur);
    return st;
}

/* The keys of gids[0..n), which go, are for the next snapshot to tell. */
static wr_status keep_gone(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    if (wr_grow(&u->gone, &u->gone_cap, u->n_gone + 1, sizeof *u->gone) != WR_OK)
        return wr_fail_oom(err, "results that change");
    WR_TRY(begin_saved(u, gids, n, 1 + u->cfg.n_keys, &u->gone[u->n_gone], err));
    u->n_gone++;
    return WR_OK;
}

static void remove_groups(wri_updates *u, const uint32_t *gids, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        wri_marks_forget(&u->marks, gids[i]);
        wri_calls_destroy(u->cfg.calls, states(u), gids[i], gids[i]);
    }
    wri_groups_remove(u->groups, gids, n);
}

/* Groups gids[0..n), which have been marked. */
static wr_status forget(wri_updates *u, const uint32_t *gids, uint32_t n, wr_err *err) {
    if (n == 0) return WR_OK;
    if (wr_task_saves(u->cfg.op->task)) WR_TRY(keep_gone(u, gids, n, err));
    remove_groups(u, gids, n);
    return WR_OK;
}

static wr_status used(wri_updates *u, uint32_t gid, standing *s, wr_err *err) {
    s->used = u->cfg.op->wm;
    if (s->due) return WR_OK;
    s->due = s->used + u->cfg.ttl_us;
    if (s->due == 0) s->due = 1; /* 0: no timer yet */
    return wri_timers_add(&u->timers, s->due, gid, err);
}

/* touched[0..n) have been said. */
static wr_status settle(wri_updates *u, const uint32_t *touched, uint32_t n, wr_err *err) {
    uint32_t n_gone = 0;
    for (uint32_t i = 0; i < n; i++) {
        standing *s = standing_of(u, touched[i]);
        s->touched = false;
        if (u->cfg.takes_back && s->rows == 0 && u->cfg.n_keys > 0) u->list[n_gone++] = touched[i];
        else if (u->cfg.ttl_us > 0) WR_TRY(used(u, touched[i], s, err));
    }
    return forget(u, u->list, n_gone, err);
}

wr_status wri_updates_say(wri_updates *u, wr_err *err) {
    uint32_t step = wr_task_batch_rows(u->cfg.op->task) / 2; /* a group makes two rows */
    if (step == 0) step = 1;
    WR_TRY(scratch(u, step, err));
    for (size_t at = 0; at < u->n_touched; at += step) {
        size_t left = u->n_touched - at;
        uint32_t n = (uint32_t)(left < step ? left : step);
        WR_TRY(mark(u, u->touched + at, n, err));
        WR_TRY(say_some(u, u->touched + at, n, err));
    }
    for (size_t at = 0; at < u->n_touched; at += step) {
        size_t left = u->n_touched - at;
        WR_TRY(settle(u, u->touched + at, (uint32_t)(left < step ? left : step), err));
    }
    u->n_touched = 0;
    drop_olds(u);
    return WR_OK;
}

/* The timer of gid, which has been marked; *goesp: it has been idle for too long. */
static wr_status timed(wri_updates *u, uint32_t gid, int64_t wm, bool *goesp, wr_err *err) {
    standing *s = standing_of(u, gid);
    s->used = s->used == WR_WM_NONE ? wm : s->used; /* said before there was any time */
    *goesp = wm - s->used >= u->cfg.ttl_us;
    if (*goesp) {
        s->due = 0; /* a second timer of the same time means nothing */
        return WR_OK;
    }
    s->due = s->used + u->cfg.ttl_us;
    return wri_timers_add(&u->timers, s->due, gid, err);
}

wr_status wri_updates_expire(wri_updates *u, int64_t wm, wr_err *err) {
    uint32_t step = wr_task_batch_rows(u->cfg.op->task);
    wri_timer t;
    WR_TRY(scratch(u, step, err));
    for (bool more = true; more;) {
        uint32_t n = 0, n_gone = 0;
        while (n < step && (more = wri_timers_take(&u->timers, wm, &t)))
            if (standing_of(u, t.id)->due == t.due) u->gids[n++] = t.id; /* else of a group that is gone */
        WR_TRY(mark(u, u->gids, n, err));
        for (uint32_t i = 0; i < n; i++) {
            bool goes = false;
            if (standing_of(u, u->gids[i])->due == 0) continue; /* it had two */
            WR_TRY(timed(u, u->gids[i], wm, &goes, err));
            if (goes) u->list[n_gone++] = u->gids[i];
        }
        WR_TRY(forget(u, u->list, n_gone, err));
    }
    return WR_OK;
}

/* ---- going on from a snapshot ---- */

/* A group that was saved again has changed: the later row stands for it alone. */
static void load_group(wri_updates *u, uint32_t gid, const wr_batch *b, uint32_t row, uint32_t at) {
    standing *s = standing_of(u, gid);
    int64_t flags = b->cols[at + 3].i64[row];
    *s = (standing){.rows = b->cols[at].i64[row],
                    .used = b->cols[at + 1].i64[row],
                    .due = b->cols[at + 2].i64[row],
                    .stands = flags & STANDS,
                    .failed = flags & FAILED};
}

static wr_status load_groups(wri_updates *u, const wr_batch *b, wr_err *err) {
    uint32_t first = 1 + u->cfg.n_keys, at = first + u->cfg.calls->n_partials;
    wri_states st = states(u);
    if (b->n_cols != at + GROUP_NUMBERS)
        return wr_fail(err, WR_EDATA, "a group in the snapshot is not as it was written");
    wri_calls_forget(u->cfg.calls, st, u->gids, b->n, u->at);
    WR_TRY(wri_calls_merge(u->cfg.calls, b, first, st, u->gids, err));
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t due = standing_of(u, u->gids[i])->due;
        load_group(u, u->gids[i], b, i, at);
        int64_t now = standing_of(u, u->gids[i])->due;
        if (now && now != due) WR_TRY(wri_timers_add(&u->timers, now, u->gids[i], err));
    }
    return WR_OK;
}

/* A key may have gone more than once. */
static void load_gone(wri_updates *u, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (wri_groups_is_live(u->groups, u->gids[i])) remove_groups(u, &u->gids[i], 1);
}

static wr_status load_touched(wri_updates *u, uint32_t n, wr_err *err) {
    if (wr_grow(&u->touched, &u->touched_cap, u->n_touched + n, sizeof *u->touched) != WR_OK)
        return wr_fail_oom(err, "results that change");
    for (uint32_t i = 0; i < n; i++) {
        standing_of(u, u->gids[i])->touched = true;
        u->touched[u->n_touched++] = u->gids[i];
    }
    return WR_OK;
}

static wr_status load_olds(wri_updates *u, wr_batch *b, wr_err *err) {
    uint32_t skip = 1 + u->cfg.n_keys, n = b->n_cols - skip, *cols = wr_alloc((n + 1) * sizeof *cols);
    if (!cols || wr_grow(&u->olds, &u->olds_cap, u->n_olds + 1, sizeof *u->olds) != WR_OK) {
        wr_free(cols);
        return wr_fail_oom(err, "results that change");
    }
    for (uint32_t c = 0; c < n; c++) cols[c] = skip + c;
    wr_status r = wr_batch_share(b, cols, n, &u->olds[u->n_olds], err);
    wr_free(cols);
    if (r != WR_OK) return r;
    for (uint32_t i = 0; i < b->n; i++) {
        standing *s = standing_of(u, u->gids[i]);
        s->old_batch = (uint32_t)u->n_olds;
        s->old_row = i;
    }
    u->n_olds++;
    return WR_OK;
}

wr_status wri_updates_load(wri_updates *u, const wr_saved *saved, wr_err *err) {
    wr_batch *b = saved->rows;
    WR_TRY(scratch(u, b->n, err));
    WR_TRY(wri_groups_find(u->groups, b, u->cfg.keys, b->hash, u->gids, err));
    if (saved->tag == GROUPS) return load_groups(u, b, err);
    if (saved->tag == GONE) {
        load_gone(u, b->n);
        return WR_OK;
    }
    WR_TRY(load_touched(u, b->n, err));
    return saved->tag == OLDS ? load_olds(u, b, err) : WR_OK;
}
