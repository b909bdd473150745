/* runtime/ops/agg_global.c -- second phase: partials to one row per (window, key), in the key's owner.
 *
 * Dispatches on the window: one slice per window (TUMBLE, ATTACHED, NONE) is done here, windows of
 * several slices (HOP, CUMULATE) in agg_slices.c.
 *
 *   push(partials of slice s):  gids = table[s].find(keys); merge
 *   watermark(t):               for each slice that t has passed: emit results, forget the slice */
#include "agg_calls.h"
#include "agg_slices.h"
#include "group_marks.h"
#include "spill.h"
#include "windows.h"

enum { PARTIALS, SPILLED, LOADED }; /* the first two are tags in snapshots */

typedef struct window {
    int64_t end;
    wri_groups *groups;
    wri_marks marks;  /* when snapshots are taken */
    uint64_t touched; /* when it was last added to, counted in batches */
} window;

typedef struct agg_global {
    wri_calls calls;
    const wr_win *win;
    wr_phys *phys;
    uint32_t *keys; /* columns of the partials */
    uint32_t n_keys;
    window *open; /* by rising end */
    size_t n_open, open_cap;
    wri_groups **spare;
    size_t n_spare, spare_cap;
    uint32_t *gids;
    size_t gids_cap;
    uint32_t *list; /* groups to be saved: as many as a batch has rows */
    size_t list_cap;
    wri_slices *slices; /* HOP, CUMULATE; NULL: else */
    wri_spill *spill;   /* parts of windows on disk; NULL: slices has its own */
    uint64_t batches;
    uint32_t loading; /* the tag of what was loaded last; LOADED: nothing is loaded any more */
    bool any;         /* some partial came */
} agg_global;

static wr_status global_open(wr_op *op, wr_err *err) {
    agg_global *a = op->state = wr_calloc(1, sizeof *a);
    if (!a) return wr_fail_oom(err, "an aggregation");
    const wr_node *n = op->node;
    const wr_schema *in = &n->in[0]->out;
    a->win = &n->agg.win;
    a->loading = LOADED;
    WR_TRY(wri_calls_init(&a->calls, n->agg.calls, n->agg.n_calls, err));
    a->n_keys = in->n - 1 - a->calls.n_partials;
    a->keys = wr_calloc(a->n_keys + 1, sizeof *a->keys);
    a->phys = wr_calloc(a->n_keys + 1, sizeof *a->phys);
    if (!a->keys || !a->phys) return wr_fail_oom(err, "an aggregation");
    for (uint32_t k = 0; k < a->n_keys; k++) {
        a->keys[k] = 1 + k;
        a->phys[k] = wr_type_phys(in->fields[1 + k].type);
    }
    wri_spill_cfg spill = {op, &a->calls, a->phys, a->n_keys, 1, SPILLED};
    if (a->win->kind != WR_W_HOP && a->win->kind != WR_W_CUMULATE)
        return wri_spill_new(&spill, &a->spill, err);
    wri_slices_cfg cfg = {op, &a->calls, a->win, a->phys, a->keys, a->n_keys};
    return wri_slices_new(&cfg, &a->slices, err);
}

static wri_states states(wri_groups *g) { return (wri_states){wri_groups_states(g), wri_groups_stride(g)}; }

static void free_groups(agg_global *a, wri_groups *g) {
    if (!g) return;
    wri_calls_destroy(&a->calls, states(g), 0, wri_groups_count(g));
    wri_groups_free(g);
}

static void global_close(wr_op *op) {
    agg_global *a = op->state;
    if (!a) return;
    for (size_t i = 0; i < a->n_open; i++) {
        free_groups(a, a->open[i].groups);
        wri_marks_free(&a->open[i].marks);
    }
    for (size_t i = 0; i < a->n_spare; i++) free_groups(a, a->spare[i]);
    wri_slices_free(a->slices);
    wri_spill_free(a->spill);
    wr_free(a->open);
    wr_free(a->spare);
    wr_free(a->keys);
    wr_free(a->phys);
    wr_free(a->gids);
    wr_free(a->list);
    wri_calls_free(&a->calls);
    wr_free(a);
}

static wr_status find_window(agg_global *a, int64_t end, window **outp, wr_err *err) {
    size_t i = a->n_open;
    while (i > 0 && a->open[i - 1].end > end) i--; /* new windows come at the end */
    if (i == 0 || a->open[i - 1].end != end) {
        if (wr_grow(&a->open, &a->open_cap, a->n_open + 1, sizeof *a->open) != WR_OK)
            return wr_fail_oom(err, "windows");
        wri_groups *g =
            a->n_spare ? a->spare[--a->n_spare] : wri_groups_new(a->phys, a->n_keys, a->calls.state_bytes);
        if (!g) return wr_fail_oom(err, "a window");
        memmove(&a->open[i + 1], &a->open[i], (a->n_open - i) * sizeof *a->open);
        a->open[i++] = (window){.end = end, .groups = g};
        a->n_open++;
    }
    *outp = &a->open[i - 1];
    return WR_OK;
}

/* ---- snapshots: a part per window, named by its end, of partials as they came in ---- */

/* Groups list[0..n) of a window as a batch like those pushed. */
static wr_status partials_of(agg_global *a, const window *w, const uint32_t *list, uint32_t n,
                             wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(1 + a->n_keys + a->calls.n_partials, n, outp, err));
    wr_batch *b = *outp;
    b->n = n;
    wr_status r = wr_batch_col(b, 0, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) b->cols[0].i64[i] = w->end;
    if (r == WR_OK) r = wri_groups_emit_keys(w->groups, list, n, b, 1, err);
    if (r == WR_OK) r = wri_calls_partial_far(&a->calls, states(w->groups), list, n, b, 1 + a->n_keys, err);
    if (r != WR_OK) wr_batch_drop(b);
    return r;
}

/* Groups list[0..n) of w, which are of one range. */
static wr_status save_groups(wr_op *op, agg_global *a, const window *w, const uint32_t *list, uint32_t n,
                             wr_err *err) {
    wr_batch *b;
    WR_TRY(partials_of(a, w, list, n, &b, err));
    wr_saver *to = wr_saver_of(op, w->end, wri_marks_range(&w->marks, list[0]));
    wr_status r = wr_save_made(to, PARTIALS, b, a->keys, a->n_keys, err);
    wr_batch_drop(b);
    return r;
}

/* Some of what is due of w; *anyp: there was some. */
static wr_status save_some(wr_op *op, agg_global *a, window *w, bool *anyp, wr_err *err) {
    uint32_t step = wri_marks_step(op);
    *anyp = w->marks.n_due > 0;
    if (!*anyp) return WR_OK;
    if (wr_grow(&a->list, &a->list_cap, step, sizeof *a->list) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    uint32_t n = wri_marks_take(&w->marks, a->list, step);
    return save_groups(op, a, w, a->list, n, err);
}

/* w goes. */
static wr_status save_left(wr_op *op, agg_global *a, window *w, wr_err *err) {
    for (bool any = true; any;) WR_TRY(save_some(op, a, w, &any, err));
    return WR_OK;
}

/* gids[0..n) of w are about to change. */
static wr_status mark_changes(wr_op *op, agg_global *a, window *w, uint32_t n, wr_err *err) {
    uint32_t n_due;
    if (wr_grow(&a->list, &a->list_cap, n, sizeof *a->list) != WR_OK) return wr_fail_oom(err, "a snapshot");
    WR_TRY(wri_marks_change(&w->marks, a->gids, n, a->list, &n_due, err));
    for (uint32_t first = 0, end; first < n_due; first = end) {
        end = wri_marks_together(&w->marks, a->list, first, n_due);
        WR_TRY(save_groups(op, a, w, a->list + first, end - first, err));
    }
    return WR_OK;
}

static wr_status global_save(wr_op *op, wr_saver *to, wr_err *err) {
    agg_global *a = op->state;
    if (a->slices) return wri_slices_save(a->slices, to, err);
    for (size_t i = 0; i < a->n_open; i++) {
        window *w = &a->open[i];
        bool more;
        WR_TRY(wri_marks_barrier(&w->marks, w->groups, to, w->end, &more, err));
    }
    return wri_spill_save(a->spill, to, err);
}

static wr_status global_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    agg_global *a = op->state;
    if (a->slices) return wri_slices_save_rest(a->slices, leftp, err);
    *leftp = false;
    for (size_t i = 0; i < a->n_open && !*leftp; i++) WR_TRY(save_some(op, a, &a->open[i], leftp, err));
    return WR_OK;
}

/* ---- want of memory: windows go to disk, the one that has had no rows for longest first ---- */

typedef struct spilling {
    agg_global *a;
    const window *w;
    uint32_t *list; /* room for a batch */
    uint32_t step;
} spilling;

static wr_status give_groups(void *ctx, uint32_t lo, uint32_t hi, wri_spill_to *to, wr_err *err) {
    const spilling *s = ctx;
    const uint64_t *hashes = wri_groups_hashes(s->w->groups);
    uint32_t count = wri_groups_count(s->w->groups), n = 0;
    for (uint32_t g = 1; g <= count; g++) {
        uint32_t part = wri_spill_part(hashes[g]);
        s->list[n] = g;
        n += part >= lo && part < hi;
        if (n < s->step && g < count) continue;
        if (n == 0) break;
        wr_batch *b;
        WR_TRY(partials_of(s->a, s->w, s->list, n, &b, err));
        wr_status r = wri_spill_take(to, b, err);
        wr_batch_drop(b);
        WR_TRY(r);
        n = 0;
    }
    return WR_OK;
}

static wri_spill_from groups_of(spilling *s) {
    return (wri_spill_from){s, give_groups, wri_groups_count(s->w->groups), wri_groups_bytes(s->w->groups)};
}

static wr_status spill_window(wr_op *op, agg_global *a, window *w, wr_err *err) {
    spilling s = {.a = a, .w = w, .step = wr_task_batch_rows(op->task)};
    wri_spill_from from = groups_of(&s);
    wri_groups *fresh = wri_groups_new(a->phys, a->n_keys, a->calls.state_bytes);
    s.list = wr_alloc((s.step + 1) * sizeof *s.list);
    wri_spill_slice of = {.end = w->end, .enter = w->end, .alone = a->loading == PARTIALS};
    wr_status r = fresh && s.list ? wri_spill_put(a->spill, of, &from, err)
                                  : wr_fail_oom(err, "state that goes to disk");
    wr_free(s.list);
    if (r != WR_OK) {
        wri_groups_free(fresh);
        return r;
    }
    free_groups(a, w->groups);
    w->groups = fresh;
    wri_marks_free(&w->marks); /* the next snapshot has what comes from now on, and the run */
    return WR_OK;
}

static void global_measure(const wr_op *op, wr_kept *out) {
    const agg_global *a = op->state;
    *out = (wr_kept){0};
    if (a->slices) wri_slices_measure(a->slices, out);
    for (size_t i = 0; i < a->n_open; i++) {
        out->keys += wri_groups_count(a->open[i].groups);
        out->bytes += wri_groups_bytes(a->open[i].groups);
    }
    for (size_t i = 0; i < a->n_spare; i++) out->bytes += wri_groups_bytes(a->spare[i]);
}

static window *coldest(agg_global *a) {
    window *found = NULL;
    for (size_t i = 0; i < a->n_open; i++) {
        window *w = &a->open[i];
        if (wri_groups_count(w->groups) == 0) continue;
        if (!found || w->touched <= found->touched) found = w;
    }
    return found;
}

static wr_status global_relieve(wr_op *op, bool *didp, wr_err *err) {
    agg_global *a = op->state;
    wr_kept kept;
    window *w;
    if (op->unsaved) return WR_OK; /* what a snapshot still has to be given goes first, and sources wait */
    if (a->slices) return wri_slices_relieve(a->slices, didp, err);
    for (; a->n_spare > 0; *didp = true) free_groups(a, a->spare[--a->n_spare]);
    global_measure(op, &kept);
    if (kept.bytes < wri_memory_worth(op)) return WR_OK;
    while (!wri_memory_eased(op) && (w = coldest(a))) {
        WR_TRY(spill_window(op, a, w, err));
        *didp = true;
    }
    return WR_OK;
}

/* ---- rows in, windows out ---- */

/* Where there is no memory for a larger table its groups go to disk, and it begins anew. */
static wr_status find_groups(wr_op *op, agg_global *a, window *w, const wr_batch *b, wr_err *err) {
    wr_status r = wri_groups_find(w->groups, b, a->keys, b->hash, a->gids, err);
    if (r != WR_ENOMEM || op->unsaved || wri_groups_count(w->groups) == 0) return r;
    WR_TRY(spill_window(op, a, w, err));
    return wri_groups_find(w->groups, b, a->keys, b->hash, a->gids, err);
}

static wr_status global_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    agg_global *a = op->state;
    if (b->n == 0) return WR_OK;
    a->any = true;
    if (a->slices) return wri_slices_add(a->slices, b, err);
    if (wr_grow(&a->gids, &a->gids_cap, b->n, sizeof *a->gids) != WR_OK)
        return wr_fail_oom(err, "an aggregation");
    int64_t end = b->cols[0].i64[0]; /* partials of a batch are of one slice */
    if (a->win->kind != WR_W_NONE && op->wm != WR_WM_NONE && end - a->win->tick_us <= op->wm)
        return wr_task_late_rows(op, 0, b, NULL, b->n, err);
    window *w = NULL;
    WR_TRY(find_window(a, end, &w, err));
    w->touched = ++a->batches;
    WR_TRY(find_groups(op, a, w, b, err));
    if (wr_task_saves(op->task)) WR_TRY(mark_changes(op, a, w, b->n, err));
    return wri_calls_merge(&a->calls, b, 1 + a->n_keys, states(w->groups), a->gids, err);
}

static wr_status emit_spilled(wr_op *op, agg_global *a, const window *w, const wri_result *r, wr_err *err) {
    spilling s = {.a = a, .w = w, .step = wr_task_batch_rows(op->task)};
    wri_spill_from from = groups_of(&s);
    wri_spill_window fired = {.after = w->end - 1, .upto = w->end, .result = *r, .more = &from};
    s.list = wr_alloc((s.step + 1) * sizeof *s.list);
    if (!s.list) return wr_fail_oom(err, "results");
    wr_status st = wri_spill_fire(a->spill, &fired, err);
    wr_free(s.list);
    wri_spill_drop(a->spill, w->end); /* windows fire in order: there are no earlier ones */
    return st;
}

static wr_status emit_groups(agg_global *a, const wri_result *r, uint32_t count, wr_err *err) {
    if (wr_grow(&a->gids, &a->gids_cap, count + 1, sizeof *a->gids) != WR_OK)
        return wr_fail_oom(err, "results");
    for (uint32_t i = 0; i < count; i++) a->gids[i] = i + 1;
    return wri_result_emit(r, a->gids, count, err);
}

static wr_status emit_window(wr_op *op, agg_global *a, window *w, wr_err *err) {
    uint32_t count = wri_groups_count(w->groups);
    WR_TRY(save_left(op, a, w, err));
    wri_result r = {.op = op,
                    .calls = &a->calls,
                    .groups = w->groups,
                    .st = states(w->groups),
                    .start = w->end - a->win->size_us,
                    .end = w->end,
                    .time = w->end - a->win->tick_us,
                    .n_window = a->win->kind == WR_W_NONE ? 0 : 3,
                    .start_in_keys = a->win->kind == WR_W_ATTACHED};
    WR_TRY(wri_spill_has(a->spill, w->end) ? emit_spilled(op, a, w, &r, err)
                                           : emit_groups(a, &r, count, err));
    wri_calls_destroy(&a->calls, states(w->groups), 0, count);
    wri_groups_reset(w->groups);
    wri_marks_free(&w->marks);
    return WR_OK;
}

/* Without GROUP BY there is one row even when nothing came; worker 0 owns the empty key. It goes out before
 * the last watermark does, like all results: who reads it may be complete then. */
static wr_status emit_empty(wr_op *op, agg_global *a, wr_err *err) {
    static const uint32_t one = 1;
    wri_groups *g = wri_groups_new(a->phys, 0, a->calls.state_bytes);
    wr_batch *b = NULL;
    uint32_t gid;
    wr_status s = g ? wr_batch_new(1, 1, &b, err) : wr_fail_oom(err, "results");
    if (s == WR_OK) {
        b->n = 1;
        s = wri_groups_find(g, b, a->keys, NULL, &gid, err);
    }
    wr_batch_drop(b);
    wri_result r = {.op = op, .calls = &a->calls, .groups = g};
    if (s == WR_OK) {
        r.st = states(g);
        s = wri_result_emit(&r, &one, 1, err);
    }
    free_groups(a, g);
    return s;
}

static wr_status global_watermark(wr_op *op, int64_t wm, wr_err *err) {
    agg_global *a = op->state;
    if (a->slices) return wri_slices_fire(a->slices, wm, err);
    size_t fired = 0;
    wr_status s = WR_OK;
    for (; fired < a->n_open && s == WR_OK; fired++) {
        window *w = &a->open[fired];
        if (wm != WR_WM_END && (a->win->kind == WR_W_NONE || w->end - a->win->tick_us > wm)) break;
        s = emit_window(op, a, w, err);
        if (s != WR_OK) break;
        if (wr_grow(&a->spare, &a->spare_cap, a->n_spare + 1, sizeof *a->spare) != WR_OK) {
            s = wr_fail_oom(err, "windows");
            break;
        }
        a->spare[a->n_spare++] = w->groups;
    }
    if (fired < a->n_open) memmove(a->open, a->open + fired, (a->n_open - fired) * sizeof *a->open);
    a->n_open -= fired;
    bool lone = a->win->kind == WR_W_NONE && a->n_keys == 0 && wr_task_worker(op->task) == 0;
    return s == WR_OK && wm == WR_WM_END && lone && !a->any && !op->spoken ? emit_empty(op, a, err) : s;
}

/* ---- going on from a snapshot ---- */

/* What is loaded from now on is of another kind. Where a part of a window has gone to disk meanwhile the rest
 * of it goes after it: rows of the one kind stand for their groups alone, in the place of those saved before,
 * those of the other are added. */
static wr_status turn(wr_op *op, agg_global *a, uint32_t to, wr_err *err) {
    if (a->loading == to) return WR_OK;
    for (size_t i = 0; i < a->n_open && a->loading != LOADED; i++) {
        window *w = &a->open[i];
        if (wri_groups_count(w->groups) > 0 && wri_spill_has(a->spill, w->end))
            WR_TRY(spill_window(op, a, w, err));
    }
    a->loading = to;
    return WR_OK;
}

/* Rows of groups that were there stand in the place of what these have. */
static void forget_old(agg_global *a, wri_groups *g, uint32_t before, uint32_t n) {
    uint32_t n_old = 0;
    wri_states st = states(g);
    for (uint32_t i = 0; i < n; i++) {
        a->list[n_old] = a->gids[i];
        n_old += a->gids[i] <= before;
    }
    wri_calls_forget(&a->calls, st, a->list, n_old, st.stride);
}

static wr_status load_groups(wr_op *op, agg_global *a, const wr_saved *saved, wr_err *err) {
    uint32_t tag = saved->tag;
    const wr_batch *b = saved->rows;
    if (tag > SPILLED || b->n_cols != 1 + a->n_keys + a->calls.n_partials)
        return wr_fail(err, WR_EDATA, "a window in the snapshot is not as it was written");
    if (wr_grow(&a->gids, &a->gids_cap, b->n, sizeof *a->gids) != WR_OK ||
        wr_grow(&a->list, &a->list_cap, b->n + 1, sizeof *a->list) != WR_OK)
        return wr_fail_oom(err, "an aggregation");
    window *w = NULL;
    WR_TRY(turn(op, a, tag, err));
    WR_TRY(find_window(a, b->cols[0].i64[0], &w, err));
    w->touched = ++a->batches;
    uint32_t before = wri_groups_count(w->groups);
    if (before == 0 && !wri_memory_short(op->task->job)) wri_groups_expect(w->groups, saved->n_likely);
    WR_TRY(find_groups(op, a, w, b, err));
    if (tag == PARTIALS) forget_old(a, w->groups, before, b->n);
    WR_TRY(wri_calls_merge(&a->calls, b, 1 + a->n_keys, states(w->groups), a->gids, err));
    bool did;
    return wri_memory_short(op->task->job) ? global_relieve(op, &did, err) : WR_OK;
}

static wr_status global_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    agg_global *a = op->state;
    if (a->slices) return wri_slices_load(a->slices, saved, err);
    if (!saved->rows) return wr_fail(err, WR_EDATA, "a window in the snapshot is not as it was written");
    a->any = true;
    return load_groups(op, a, saved, err);
}

static wr_status global_loaded(wr_op *op, wr_err *err) {
    agg_global *a = op->state;
    if (a->slices) return WR_OK;
    WR_TRY(turn(op, a, LOADED, err));
    return wri_spill_settle(a->spill, err);
}

/* The first phase knows their rows, and of windows of several slices which there are. */
static void global_waiting(const wr_op *op, wr_waits *out) {
    const agg_global *a = op->state;
    const wr_win *w = a->win;
    bool none = w->kind == WR_W_NONE;
    out->shared = true;
    if (a->slices) out->keys = wri_slices_keys(a->slices);
    for (size_t i = 0; i < a->n_open; i++) {
        int64_t end = a->open[i].end;
        wri_waits_add(out, (wr_wait){.start_us = w->kind == WR_W_TUMBLE ? end - w->size_us : WR_WM_NONE,
                                     .end_us = none ? WR_WM_NONE : end,
                                     .due_us = none ? WR_WM_END : end - w->tick_us,
                                     .keys = wri_groups_count(a->open[i].groups)});
    }
    if (out->n || out->keys) out->what = none ? "result" : "window";
}

const wr_op_def wri_op_agg_global = {.name = "global aggregate",
                                     .open = global_open,
                                     .push = global_push,
                                     .watermark = global_watermark,
                                     .save = global_save,
                                     .save_rest = global_save_rest,
                                     .load = global_load,
                                     .loaded = global_loaded,
                                     .measure = global_measure,
                                     .waiting = global_waiting,
                                     .relieve = global_relieve,
                                     .close = global_close};
