/* runtime/ops/promote.c -- expr AS ROWTIME: another column becomes the event time.
 *
 *   rows ─► timeline by the time before ─► for each row: t >= max - within ? max = max(max, t), goes on
 *                                                                          : an error row
 *   watermark that goes on: max - within, less a tick, since the next row may have that very time
 *
 * Whether a row goes back is a matter of the rows before it, so they are taken in the order of the time that
 * they had, and within one time as they stood in their source. Behind an exchange that gathers to worker 0;
 * the other workers' promote never has a row, and holds nothing back. The watermark that comes in only says
 * which rows those are: it is of another time. When nothing comes, time stands still here. */
#include "ops.h"
#include "timeline.h"

typedef struct promote {
    wri_timeline *line; /* NULL: the input has no time, rows are taken as they come */
    int64_t max;        /* WR_WM_NONE: no row yet */
    int64_t tick;
    uint32_t *idx; /* rows that are in time, or go on; then those that do not */
    size_t cap;
} promote;

enum { WAITING, MAX }; /* tags in snapshots */

static wr_status promote_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    promote *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "AS ROWTIME");
    s->max = WR_WM_NONE;
    s->tick = n->out.fields[n->promote.time].type.prec > 3 ? 1 : 1000;
    op->holds_us = WR_TS_MAX; /* nothing is known of the time to come */
    if (n->promote.order_time == WR_NO_COL) return WR_OK;
    s->line = wri_timeline_new(&n->in[0]->out, n->promote.order_time);
    if (!s->line) return wr_fail_oom(err, "AS ROWTIME");
    if (n->places) wri_timeline_places(s->line);
    wri_timeline_saves(s->line, op, WAITING, NULL, 0);
    return WR_OK;
}

static void promote_close(wr_op *op) {
    promote *s = op->state;
    if (!s) return;
    wri_timeline_free(s->line);
    wr_free(s->idx);
    wr_free(s);
}

static wr_status room(promote *s, uint32_t n, wr_err *err) {
    bool ok = wr_grow(&s->idx, &s->cap, 3 * (size_t)n, sizeof *s->idx) == WR_OK;
    return ok ? WR_OK : wr_fail_oom(err, "AS ROWTIME");
}

/* b: rows in order. */
static wr_status pass(wr_op *op, promote *s, wr_batch *b, wr_err *err) {
    const wr_col *time = &b->cols[op->node->promote.time];
    int64_t within = op->node->promote.within_us;
    WR_TRY(room(s, b->n, err));
    uint32_t *on = s->idx, *back = on + b->n, *null = back + b->n, n = 0, n_back = 0, n_null = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t t = time->i64[i];
        if (wr_is_null(time, i) || t < WR_TS_MIN || t > WR_TS_MAX) null[n_null++] = i;
        else if (s->max != WR_WM_NONE && t < s->max - within) back[n_back++] = i;
        else {
            s->max = t > s->max ? t : s->max;
            on[n++] = i;
        }
    }
    if (n_null)
        WR_TRY(wr_task_bad_rows(op, b, null, NULL, "its ROWTIME is NULL or out of range", n_null, err));
    if (n_back)
        WR_TRY(wr_task_bad_rows(op, b, back, NULL,
                                within ? "its ROWTIME lies further back than ORDER BY … WITHIN allows"
                                       : "its ROWTIME lies before that of the row before it",
                                n_back, err));
    if (n == b->n) return wr_emit(op, b, err);
    wr_batch *out;
    WR_TRY(wr_batch_gather(b, on, n, NULL, 0, &out, err));
    wr_status st = wr_emit(op, out, err);
    wr_batch_drop(out);
    return st;
}

static wr_status promote_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    promote *s = op->state;
    uint32_t n;
    if (!s->line) return pass(op, s, in, err);
    WR_TRY(room(s, in->n, err));
    WR_TRY(wri_in_time(op, port, in, op->node->promote.order_time, s->idx, &n, err));
    return wri_timeline_add(s->line, in, n == in->n ? NULL : s->idx, n, err);
}

static wr_status promote_watermark(wr_op *op, int64_t wm, wr_err *err) {
    promote *s = op->state;
    if (op->task->index != 0) {
        op->holds_us = wm - WR_TS_MAX;
        return WR_OK;
    }
    for (wr_batch *b; s->line;) {
        WR_TRY(wri_timeline_take(s->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        wr_status st = pass(op, s, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
    int64_t to;
    if (s->max == WR_WM_NONE || wm == WR_WM_END) return WR_OK;
    to = s->max - op->node->promote.within_us - s->tick;
    if (__builtin_sub_overflow(wm, to, &op->holds_us)) op->holds_us = WR_TS_MAX;
    return WR_OK;
}

/* ---- snapshots ---- */

static wr_status promote_save(wr_op *op, wr_saver *to, wr_err *err) {
    promote *s = op->state;
    WR_TRY(wr_save_ints(to, MAX, &s->max, 1, err));
    return s->line ? wri_timeline_barrier(s->line, to, err) : WR_OK;
}

static wr_status promote_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    promote *s = op->state;
    *leftp = false;
    return s->line ? wri_timeline_save_rest(s->line, leftp, err) : WR_OK;
}

static wr_status promote_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    promote *s = op->state;
    if (saved->tag == MAX && !saved->rows && saved->n_ints == 1) {
        if (saved->ints[0] > s->max) s->max = saved->ints[0]; /* workers without rows have none */
        return WR_OK;
    }
    if (saved->tag == WAITING && saved->rows && s->line) return wri_timeline_load(s->line, saved->rows, err);
    return wr_fail(err, WR_EDATA, "AS ROWTIME in the snapshot is not as it was written");
}

static void promote_measure(const wr_op *op, wr_kept *out) {
    const promote *s = op->state;
    if (s->line) *out = (wr_kept){wri_timeline_rows(s->line), wri_timeline_bytes(s->line)};
}

static void promote_waiting(const wr_op *op, wr_waits *out) {
    const promote *s = op->state;
    if (s->line) wri_timeline_waiting(s->line, out);
}

const wr_op_def wri_op_promote = {.name = "promote",
                                  .open = promote_open,
                                  .push = promote_push,
                                  .watermark = promote_watermark,
                                  .save = promote_save,
                                  .save_rest = promote_save_rest,
                                  .load = promote_load,
                                  .measure = promote_measure,
                                  .waiting = promote_waiting,
                                  .close = promote_close};
