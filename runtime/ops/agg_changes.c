/* runtime/ops/agg_changes.c -- second phase of an aggregation whose results are given early, and corrected.
 *
 *   push(partials):   fold into the window, or into all windows that hold the slice
 *                     each_batch, or the window has closed: say what changed
 *   watermark(t):     each window by its end: closed or a multiple of every_us passed: say what changed
 *                                             closed for lateness_us: forget
 *
 * Without a window there is one table that is never forgotten as a whole; when it gives nothing before the
 * end (bounded input without EMIT CHANGES) its rows are final. */
#include "agg_updates.h"
#include "ops.h"
#include "windows.h"

typedef struct window {
    int64_t end;
    wri_updates *u;
} window;

typedef struct agg_changes {
    wri_calls calls;
    const wr_win *win;
    wr_phys *phys;
    uint32_t *keys;
    wri_updates_cfg cfg;
    window *open; /* by rising end; without a window: one, always */
    size_t n_open, open_cap;
    int64_t early; /* last multiple of every_us that the watermark has passed */
} agg_changes;

static wr_status add_window(agg_changes *a, size_t at, int64_t end, wr_err *err) {
    const wr_win *w = a->win;
    bool none = w->kind == WR_W_NONE;
    wri_result frame = {.start = w->kind == WR_W_CUMULATE ? wri_floor_off(end - 1, w->size_us, w->offset_us)
                                                          : end - w->size_us,
                        .end = end,
                        .time = end - w->tick_us,
                        .n_window = none ? 0 : 3,
                        .start_in_keys = w->kind == WR_W_ATTACHED};
    if (wr_grow(&a->open, &a->open_cap, a->n_open + 1, sizeof *a->open) != WR_OK)
        return wr_fail_oom(err, "windows");
    wri_updates *u = wri_updates_new(&a->cfg, &frame);
    if (!u) return wr_fail_oom(err, "a window");
    if (at < a->n_open) memmove(&a->open[at + 1], &a->open[at], (a->n_open - at) * sizeof *a->open);
    a->open[at] = (window){end, u};
    a->n_open++;
    return WR_OK;
}

static wr_status changes_open(wr_op *op, wr_err *err) {
    agg_changes *a = op->state = wr_calloc(1, sizeof *a);
    if (!a) return wr_fail_oom(err, "an aggregation");
    const wr_node *n = op->node;
    const wr_schema *in = &n->in[0]->out;
    a->win = &n->agg.win;
    a->early = WR_WM_NONE;
    op->holds_us = n->agg.lateness_us;
    WR_TRY(wri_calls_init(&a->calls, n->agg.calls, n->agg.n_calls, err));
    uint32_t n_keys = n->agg.n_keys + (a->win->kind == WR_W_ATTACHED);
    a->keys = wr_calloc(n_keys + 1, sizeof *a->keys);
    a->phys = wr_calloc(n_keys + 1, sizeof *a->phys);
    if (!a->keys || !a->phys) return wr_fail_oom(err, "an aggregation");
    a->keys[0] = 1;
    for (uint32_t k = 0; k < n_keys; k++) {
        a->keys[k] = 1 + k;
        a->phys[k] = wr_type_phys(in->fields[1 + k].type);
    }
    a->cfg = (wri_updates_cfg){.op = op,
                               .calls = &a->calls,
                               .phys = a->phys,
                               .keys = a->keys,
                               .n_keys = n_keys,
                               .takes_back = n->agg.takes_back,
                               .append_only = !n->updating,
                               .ttl_us = n->agg.ttl_us};
    return a->win->kind == WR_W_NONE ? add_window(a, 0, 0, err) : WR_OK;
}

static void changes_close(wr_op *op) {
    agg_changes *a = op->state;
    if (!a) return;
    for (size_t i = 0; i < a->n_open; i++) wri_updates_free(a->open[i].u);
    wr_free(a->open);
    wr_free(a->keys);
    wr_free(a->phys);
    wri_calls_free(&a->calls);
    wr_free(a);
}

static bool is_closed(const wr_op *op, const agg_changes *a, int64_t end) {
    return op->wm != WR_WM_NONE && end - a->win->tick_us <= op->wm;
}

/* Closed for so long that it has been forgotten, or is about to be. */
static bool is_over(const wr_op *op, const agg_changes *a, int64_t end) {
    return op->wm == WR_WM_END || is_closed(op, a, end + op->node->agg.lateness_us);
}

static wr_status find_window(agg_changes *a, int64_t end, window **outp, wr_err *err) {
    size_t lo = 0, hi = a->n_open;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (a->open[mid].end < end) lo = mid + 1;
        else hi = mid;
    }
    if (lo == a->n_open || a->open[lo].end != end) WR_TRY(add_window(a, lo, end, err));
    *outp = &a->open[lo];
    return WR_OK;
}

static wr_status fold_window(wr_op *op, agg_changes *a, int64_t end, const wr_batch *b, wr_err *err) {
    window *w;
    WR_TRY(find_window(a, end, &w, err));
    wri_updates *u = w->u;
    WR_TRY(wri_updates_fold(u, b, err));
    bool now = op->node->agg.each_batch || (a->win->kind != WR_W_NONE && is_closed(op, a, end));
    return now ? wri_updates_say(u, err) : WR_OK;
}

static wr_status changes_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    agg_changes *a = op->state;
    const wr_win *w = a->win;
    if (b->n == 0) return WR_OK;
    int64_t slice = b->cols[0].i64[0]; /* partials of a batch are of one slice */
    if (w->kind == WR_W_NONE) return fold_window(op, a, 0, b, err);
    int64_t last = wri_last_end(w, slice);
    bool several = w->kind == WR_W_HOP || w->kind == WR_W_CUMULATE, any = false;
    for (int64_t end = wri_first_open(w, slice, b->wm ? b->wm[0] : WR_WM_NONE); end <= last;
         end += w->slide_us) {
        if (!is_over(op, a, end)) {
            any = true;
            WR_TRY(fold_window(op, a, end, b, err));
        }
        if (!several) break;
    }
    /* Only after an idle split came back: see the README of runtime/. */
    return any ? WR_OK : wr_task_late_rows(op, 0, b, NULL, b->n, err);
}

/* Without GROUP BY there is one row even when nothing came; worker 0 owns the empty key. */
static wr_status say_last(wr_op *op, agg_changes *a, wr_err *err) {
    wri_updates *u = a->open[0].u;
    bool lone = a->cfg.n_keys == 0 && wr_task_worker(op->task) == 0 && !op->spoken;
    if (lone && wri_updates_live(u) == 0) WR_TRY(wri_updates_fold_nothing(u, err));
    return wri_updates_say(u, err);
}

static wr_status changes_watermark(wr_op *op, int64_t wm, wr_err *err) {
    agg_changes *a = op->state;
    const wr_node *n = op->node;
    if (a->win->kind == WR_W_NONE) {
        if (wm == WR_WM_END) return say_last(op, a, err);
        return n->agg.ttl_us > 0 ? wri_updates_expire(a->open[0].u, wm, err) : WR_OK;
    }
    bool early = false;
    if (n->agg.every_us > 0 && wm != WR_WM_END) {
        int64_t passed = wr_floor_div(wm, n->agg.every_us);
        early = passed > a->early;
        a->early = passed;
    }
    size_t over = 0;
    for (size_t i = 0; i < a->n_open; i++) {
        window *w = &a->open[i];
        bool closed = is_closed(op, a, w->end);
        if (!closed && !early) break;
        WR_TRY(wri_updates_say(w->u, err));
        if (is_over(op, a, w->end)) over = i + 1;
    }
    for (size_t i = 0; i < over; i++) {
        for (bool left = true; left;) WR_TRY(wri_updates_save_rest(a->open[i].u, &left, err));
    }
    for (size_t i = 0; i < over; i++) wri_updates_free(a->open[i].u);
    if (over) memmove(a->open, a->open + over, (a->n_open - over) * sizeof *a->open);
    a->n_open -= over;
    return WR_OK;
}

/* ---- snapshots: the tables of all windows, whose rows begin with the window's end ---- */

enum { EARLY = 100 }; /* the tags of wri_updates are below */

static wr_status changes_save(wr_op *op, wr_saver *to, wr_err *err) {
    agg_changes *a = op->state;
    WR_TRY(wr_save_ints(to, EARLY, &a->early, 1, err));
    for (size_t i = 0; i < a->n_open; i++) WR_TRY(wri_updates_save_touched(a->open[i].u, to, err));
    for (size_t i = 0; i < a->n_open; i++) WR_TRY(wri_updates_save(a->open[i].u, to, err));
    return WR_OK;
}

static wr_status changes_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    agg_changes *a = op->state;
    *leftp = false;
    for (size_t i = 0; i < a->n_open && !*leftp; i++) WR_TRY(wri_updates_save_rest(a->open[i].u, leftp, err));
    return WR_OK;
}

static wr_status changes_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    agg_changes *a = op->state;
    if (!saved->rows) {
        if (saved->n_ints > 0 && saved->ints[0] > a->early) a->early = saved->ints[0];
        return WR_OK;
    }
    int64_t end = saved->rows->cols[0].i64[0]; /* rows that were saved at once are of one window */
    window *w;
    WR_TRY(find_window(a, end, &w, err));
    return wri_updates_load(w->u, saved, err);
}

static void changes_measure(const wr_op *op, wr_kept *out) {
    const agg_changes *a = op->state;
    for (size_t i = 0; i < a->n_open; i++) {
        out->keys += wri_updates_live(a->open[i].u);
        out->bytes += wri_updates_bytes(a->open[i].u);
    }
}

/* Windows that have not closed; what they have is said early, too, where that is asked for. */
static void changes_waiting(const wr_op *op, wr_waits *out) {
    const agg_changes *a = op->state;
    const wr_win *w = a->win;
    int64_t every = op->node->agg.every_us;
    if (op->node->agg.each_batch) return; /* nothing waits */
    out->shared = true;
    for (size_t i = 0; i < a->n_open; i++) {
        int64_t end = a->open[i].end, due = end - w->tick_us;
        uint32_t keys = wri_updates_live(a->open[i].u);
        if (keys == 0 || (w->kind != WR_W_NONE && is_closed(op, a, end))) continue;
        if (every && a->early != WR_WM_NONE && (a->early + 1) * every < due) due = (a->early + 1) * every;
        wr_wait x = {.start_us = WR_WM_NONE, .end_us = WR_WM_NONE, .due_us = WR_WM_END, .keys = keys};
        if (w->kind != WR_W_NONE) {
            x.end_us = end;
            x.due_us = due;
            if (w->kind == WR_W_TUMBLE || w->kind == WR_W_HOP) x.start_us = end - w->size_us;
        }
        wri_waits_add(out, x);
    }
    if (out->n) out->what = w->kind == WR_W_NONE ? "result" : "window";
}

const wr_op_def wri_op_agg_changes = {.name = "changing aggregate",
                                      .open = changes_open,
                                      .push = changes_push,
                                      .watermark = changes_watermark,
                                      .save = changes_save,
                                      .save_rest = changes_save_rest,
                                      .load = changes_load,
                                      .keyed = true,
                                      .measure = changes_measure,
                                      .waiting = changes_waiting,
                                      .close = changes_close};
