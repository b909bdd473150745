/* runtime/ops/sort_time.c -- ORDER BY along event time: rows leave as the watermark passes them.
 *
 *   rows ─► timeline by the first key ─► watermark + lag: those that are complete, rising ─► sorted ─► rows
 *
 * All rows of one first key leave the timeline in one batch, so each batch is sorted for itself. A row whose
 * first key has been complete before it came is late. Behind an exchange that gathers to one worker. */
#include <stdlib.h>

#include "ops.h"
#include "sort.h"
#include "timeline.h"

typedef struct sort_time {
    wri_timeline *line;
    wri_place *places;
    uint32_t *in_time;
    size_t places_cap, in_time_cap;
} sort_time;

static wr_status time_open(wr_op *op, wr_err *err) {
    sort_time *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "ORDER BY");
    op->holds_us = op->node->sort.holds_us;
    s->line = wri_timeline_new(&op->node->in[0]->out, op->node->sort.keys[0].col);
    if (!s->line) return wr_fail_oom(err, "ORDER BY");
    wri_timeline_saves(s->line, op, 0, NULL, 0);
    return WR_OK;
}

static void time_close(wr_op *op) {
    sort_time *s = op->state;
    if (!s) return;
    wri_timeline_free(s->line);
    wr_free(s->places);
    wr_free(s->in_time);
    wr_free(s);
}

/* Up to which first key all rows are there. */
static int64_t complete_to(const wr_op *op, int64_t wm) {
    int64_t to;
    if (wm == WR_WM_NONE || wm == WR_WM_END) return wm;
    return __builtin_add_overflow(wm, op->node->sort.lag_us, &to) ? wm : to;
}

static wr_status time_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    sort_time *s = op->state;
    (void)port;
    const wr_col *key = &in->cols[op->node->sort.keys[0].col];
    if (wr_grow(&s->in_time, &s->in_time_cap, 3 * (size_t)in->n, sizeof *s->in_time) != WR_OK)
        return wr_fail_oom(err, "ORDER BY");
    uint32_t *ok = s->in_time, *late = ok + in->n, *null = late + in->n, n = 0, n_late = 0, n_null = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        int64_t wm = in->wm && in->wm[i] > op->wm ? in->wm[i] : op->wm;
        if (wr_is_null(key, i)) null[n_null++] = i;
        else if (wm != WR_WM_NONE && key->i64[i] <= complete_to(op, wm)) late[n_late++] = i;
        else ok[n++] = i;
    }
    WR_TRY(wri_timeline_add(s->line, in, n == in->n ? NULL : ok, n, err));
    if (n_late) WR_TRY(wr_task_late_rows(op, 0, in, late, n_late, err));
    if (n_null)
        return wr_task_bad_rows(op, in, null, NULL, "the time that it is ordered by is NULL", n_null, err);
    return WR_OK;
}

/* b: rows that are due, and all of their first keys. */
static wr_status emit_sorted(wr_op *op, sort_time *s, wr_batch *b, wr_err *err) {
    wri_sorting sorting = {op->node, &b};
    uint32_t step = wr_task_batch_rows(op->task);
    if (wr_grow(&s->places, &s->places_cap, b->n, sizeof *s->places) != WR_OK)
        return wr_fail_oom(err, "ORDER BY");
    for (uint32_t i = 0; i < b->n; i++) s->places[i] = (wri_place){0, i};
    qsort_r(s->places, b->n, sizeof *s->places, wri_place_cmp, &sorting);
    for (uint32_t at = 0; at < b->n; at += step) {
        wr_batch *out;
        WR_TRY(wri_places_batch(&sorting, s->places + at, b->n - at < step ? b->n - at : step, &out, err));
        wr_status st = wr_emit(op, out, err);
        wr_batch_drop(out);
        if (st != WR_OK) return st;
    }
    return WR_OK;
}

static wr_status time_watermark(wr_op *op, int64_t wm, wr_err *err) {
    sort_time *s = op->state;
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(s->line, complete_to(op, wm), wr_task_batch_rows(op->task), &b, err));
        if (!b) return WR_OK;
        wr_status st = emit_sorted(op, s, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
}

static wr_status time_save(wr_op *op, wr_saver *to, wr_err *err) {
    return wri_timeline_barrier(((sort_time *)op->state)->line, to, err);
}

static wr_status time_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_timeline_save_rest(((sort_time *)op->state)->line, leftp, err);
}

static wr_status time_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    sort_time *s = op->state;
    if (!saved->rows) return wr_fail(err, WR_EDATA, "ORDER BY in the snapshot is not as it was written");
    return wri_timeline_load(s->line, saved->rows, err);
}

static void time_measure(const wr_op *op, wr_kept *out) {
    const sort_time *s = op->state;
    *out = (wr_kept){wri_timeline_rows(s->line), wri_timeline_bytes(s->line)};
}

static void time_waiting(const wr_op *op, wr_waits *out) {
    const sort_time *s = op->state;
    wri_timeline_waiting(s->line, out);
    if (out->n_first) out->first[0].due_us -= op->node->sort.lag_us;
}

const wr_op_def wri_op_sort_time = {.name = "sort along time",
                                    .open = time_open,
                                    .push = time_push,
                                    .watermark = time_watermark,
                                    .save = time_save,
                                    .save_rest = time_save_rest,
                                    .load = time_load,
                                    .measure = time_measure,
                                    .waiting = time_waiting,
                                    .close = time_close};
