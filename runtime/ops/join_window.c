/* runtime/ops/join_window.c -- rows of one window with each other, when the watermark passes its end.
 *
 *   row ─► the window that its columns name (late when that has closed) ─► copied there
 *   watermark >= end - tick ─► hash table of the right rows, asked with the left ones ─► all of it is let go
 *
 * Windows are told apart by their end; their starts are among the keys. Open ones are in an array by rising
 * end. Lateness is decided for each row by its position: the watermark before it in its split. */
#include "join_saved.h"
#include "join_table.h"
#include "ops.h"

typedef struct window {
    int64_t end;
    wri_rows rows[2];
    wri_slots slots[2]; /* rows, by number */
    uint32_t n, at;     /* rows of the batch under way */
} window;

typedef struct window_join {
    wri_jtable t;
    window **open;
    size_t n, open_cap;
    window **of; /* scratch, by row: its window */
    uint32_t *idx, *sorted;
    size_t cap;
    window **touched;
    size_t n_touched, touched_cap;
} window_join;

static wr_status window_open(wr_op *op, wr_err *err) {
    window_join *j = op->state = wr_calloc(1, sizeof *j);
    return j ? wri_jtable_init(&j->t, op, err) : wr_fail_oom(err, "a join");
}

static void free_window(window *w) {
    for (uint32_t s = 0; s < 2; s++) {
        wri_rows_free(&w->rows[s]);
        wri_slots_free(&w->slots[s]);
    }
    wr_free(w);
}

static void window_close(wr_op *op) {
    window_join *j = op->state;
    if (!j) return;
    for (size_t i = 0; i < j->n; i++) free_window(j->open[i]);
    wr_free(j->open);
    wr_free(j->of);
    wr_free(j->idx);
    wr_free(j->sorted);
    wr_free(j->touched);
    wri_jtable_free(&j->t);
    wr_free(j);
}

static wr_status scratch(window_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    window **of = wr_reallocn(j->of, n, sizeof(window *));
    if (of) j->of = of;
    uint32_t *idx = wr_reallocn(j->idx, n, sizeof *idx);
    if (idx) j->idx = idx;
    uint32_t *sorted = wr_reallocn(j->sorted, n, sizeof *sorted);
    if (sorted) j->sorted = sorted;
    if (!of || !idx || !sorted || wr_grow(&j->touched, &j->touched_cap, n, sizeof(window *)) != WR_OK)
        return wr_fail_oom(err, "a join");
    j->cap = n;
    return WR_OK;
}

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    const window *w = slots->ctx;
    const window_join *j = slots->op->state;
    uint32_t s = slots->space;
    return wri_rows_save_slots(&w->rows[s], &j->t.sides[s], slots->op->node, NULL, s, ids, n, to, err);
}

/* The window that ends there, made when it is new. */
static wr_status find_window(window_join *j, int64_t end, window **wp, wr_err *err) {
    size_t lo = 0, hi = j->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (j->open[mid]->end < end) lo = mid + 1;
        else hi = mid;
    }
    if (lo < j->n && j->open[lo]->end == end) {
        *wp = j->open[lo];
        return WR_OK;
    }
    window *w = wr_calloc(1, sizeof *w);
    if (!w || wr_grow(&j->open, &j->open_cap, j->n + 1, sizeof(window *)) != WR_OK) {
        wr_free(w);
        return wr_fail_oom(err, "a window");
    }
    w->end = end;
    for (uint32_t s = 0; s < 2; s++) {
        wri_slots_init(&w->slots[s], j->t.op, end, s, save_rows, w);
        w->rows[s].slots = &w->slots[s];
    }
    memmove(&j->open[lo + 1], &j->open[lo], (j->n - lo) * sizeof(window *));
    j->open[lo] = *wp = w;
    j->n++;
    return WR_OK;
}

/* Window of each row that is in time; the others are reported. idx[0..*np): those in time. */
static wr_status place_rows(wr_op *op, uint32_t port, wr_batch *in, const int64_t *ends, uint32_t *np,
                            wr_err *err) {
    window_join *j = op->state;
    uint32_t n = 0, n_late = 0;
    window *w = NULL;
    j->n_touched = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        int64_t wm = in->wm && in->wm[i] > op->wm ? in->wm[i] : op->wm;
        if (wm != WR_WM_NONE && ends[i] - op->node->join.tick_us <= wm) {
            j->sorted[n_late++] = i;
            continue;
        }
        if (!w || w->end != ends[i]) WR_TRY(find_window(j, ends[i], &w, err));
        if (w->n++ == 0) j->touched[j->n_touched++] = w;
        j->of[n] = w;
        j->idx[n++] = i;
    }
    *np = n;
    return n_late ? wr_task_late_rows(op, port, in, j->sorted, n_late, err) : WR_OK;
}

/* Copies the rows that place_rows has placed to their windows. */
static wr_status keep_rows(window_join *j, uint32_t port, const wr_batch *view, uint32_t n, wr_err *err) {
    uint32_t at = 0;
    wr_status r = WR_OK;
    for (size_t k = 0; k < j->n_touched; k++) {
        j->touched[k]->at = at;
        at += j->touched[k]->n;
    }
    for (uint32_t i = 0; i < n; i++) j->sorted[j->of[i]->at++] = j->idx[i];
    for (size_t k = 0; k < j->n_touched; k++) {
        window *w = j->touched[k];
        if (r == WR_OK)
            r = wri_rows_add(&w->rows[port], &j->t.sides[port], view, j->sorted + w->at - w->n, w->n, err);
        w->n = 0;
    }
    return r;
}

static wr_status window_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    window_join *j = op->state;
    uint32_t n;
    wr_batch *view;
    WR_TRY(scratch(j, in->n, err));
    WR_TRY(place_rows(op, port, in, in->cols[op->node->join.time_cols[port]].i64, &n, err));
    WR_TRY(wri_jside_view(&j->t.sides[port], in, &view, err));
    wr_status r = keep_rows(j, port, view, n, err);
    wr_batch_drop(view);
    return r;
}

/* Emits the window's results; its rows are gone afterwards. */
static wr_status join_window(window_join *j, window *w, wr_err *err) {
    for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_slots_finish(&w->slots[s], err));
    j->t.rows = w->rows[1];
    j->t.rows.slots = NULL;
    w->rows[1] = (wri_rows){0};
    wr_status r = wri_jtable_build(&j->t, err);
    for (size_t k = 0; r == WR_OK && k < w->rows[0].n; k++) {
        r = wri_jtable_probe(&j->t, w->rows[0].blocks[k], err);
        if (r != WR_OK) break;
        wr_batch_drop(w->rows[0].blocks[k]);
        w->rows[0].blocks[k] = NULL;
    }
    if (r == WR_OK) r = wri_jtable_rest(&j->t, err);
    wri_jtable_clear(&j->t);
    return r;
}

static wr_status window_watermark(wr_op *op, int64_t wm, wr_err *err) {
    window_join *j = op->state;
    size_t done = 0;
    wr_status r = WR_OK;
    while (r == WR_OK && done < j->n && j->open[done]->end - op->node->join.tick_us <= wm) {
        r = join_window(j, j->open[done], err);
        free_window(j->open[done++]);
    }
    if (done && done < j->n) memmove(j->open, j->open + done, (j->n - done) * sizeof(window *));
    j->n -= done;
    return r;
}

/* ---- snapshots: the rows of open windows, as they came in: a part, or more, a window and side ---- */

static wr_status window_save(wr_op *op, wr_saver *to, wr_err *err) {
    const window_join *j = op->state;
    for (size_t i = 0; i < j->n; i++)
        for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_slots_barrier(&j->open[i]->slots[s], to, err));
    return WR_OK;
}

static wr_status window_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    const window_join *j = op->state;
    *leftp = false;
    for (size_t i = 0; i < j->n && !*leftp; i++)
        for (uint32_t s = 0; s < 2 && !*leftp; s++) WR_TRY(wri_slots_rest(&j->open[i]->slots[s], leftp, err));
    return WR_OK;
}

static wr_status window_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    window_join *j = op->state;
    uint32_t s = saved->tag == 1, n;
    WR_TRY(wri_jside_check(&j->t.sides[s], saved, 0, err));
    wr_batch *view = saved->rows;
    WR_TRY(scratch(j, view->n, err));
    WR_TRY(place_rows(op, s, view, view->cols[j->t.sides[s].time].i64, &n, err)); /* none is late */
    return keep_rows(j, s, view, n, err);
}

static void window_measure(const wr_op *op, wr_kept *out) {
    const window_join *j = op->state;
    for (size_t i = 0; i < j->n; i++)
        for (uint32_t s = 0; s < 2; s++) {
            out->keys += j->open[i]->rows[s].rows;
            out->bytes += j->open[i]->rows[s].rows * wri_row_bytes(&op->node->in[s]->out);
        }
}

static void window_waiting(const wr_op *op, wr_waits *out) {
    const window_join *j = op->state;
    const wr_node *n = op->node;
    bool none = n->join.time_cols[0] == WR_NO_COL;
    out->shared = true;
    for (size_t i = 0; i < j->n; i++) {
        int64_t end = j->open[i]->end;
        wri_waits_add(out, (wr_wait){.start_us = WR_WM_NONE,
                                     .end_us = none ? WR_WM_NONE : end,
                                     .due_us = none ? WR_WM_END : end - n->join.tick_us,
                                     .rows = j->open[i]->rows[0].rows + j->open[i]->rows[1].rows});
    }
    if (out->n) out->what = none ? "result" : "window";
}

const wr_op_def wri_op_join_window = {.name = "window join",
                                      .open = window_open,
                                      .push = window_push,
                                      .watermark = window_watermark,
                                      .save = window_save,
                                      .save_rest = window_save_rest,
                                      .load = window_load,
                                      .keyed = true,
                                      .measure = window_measure,
                                      .waiting = window_waiting,
                                      .close = window_close};
