/* runtime/ops/window.c -- a window table function without aggregation behind it: each row once per
 * window it lies in, with window_start, window_end, window_time. Keeps no state, drops no row. */
#include "../job_int.h"
#include "ops.h"
#include "windows.h"

typedef struct windowed { /* scratch, by output row */
    uint32_t *rows;
    int64_t *starts, *ends;
    size_t rows_cap, starts_cap, ends_cap;
} windowed;

static wr_status window_open(wr_op *op, wr_err *err) {
    op->state = wr_calloc(1, sizeof(windowed));
    return op->state ? WR_OK : wr_fail_oom(err, "a window");
}

static void window_close(wr_op *op) {
    windowed *s = op->state;
    if (!s) return;
    wr_free(s->rows);
    wr_free(s->starts);
    wr_free(s->ends);
    wr_free(s);
}

/* End of the first window that holds time t; further ones end a step later each. */
static int64_t first_end(const wr_win *w, int64_t t) {
    int64_t step = w->kind == WR_W_TUMBLE ? w->size_us : w->slide_us;
    return wri_floor_off(t, step, w->offset_us) + step;
}

static int64_t start_of(const wr_win *w, int64_t t, int64_t end) {
    return w->kind == WR_W_CUMULATE ? wri_floor_off(t, w->size_us, w->offset_us) : end - w->size_us;
}

static int64_t end_of_last(const wr_win *w, int64_t t) {
    if (w->kind == WR_W_HOP) return wri_floor_off(t, w->slide_us, w->offset_us) + w->size_us;
    return wri_floor_off(t, w->size_us, w->offset_us) + w->size_us;
}

static wr_status emit_rows(wr_op *op, windowed *s, wr_batch *in, uint32_t n, wr_err *err) {
    const wr_win *w = &op->node->window.win;
    uint32_t base = op->node->in[0]->out.n;
    wr_batch *rows, *out;
    uint32_t *cols = wr_alloc(op->node->out.n * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "a window");
    for (uint32_t c = 0; c < op->node->out.n; c++) cols[c] = c < base ? c : UINT32_MAX;
    wr_status r = wr_batch_gather(in, s->rows, n, NULL, 0, &rows, err);
    if (r == WR_OK) {
        r = wr_batch_share(rows, cols, op->node->out.n, &out, err);
        wr_batch_drop(rows);
    }
    wr_free(cols);
    if (r != WR_OK) return r;
    for (uint32_t c = base; r == WR_OK && c < base + 3; c++) r = wr_batch_col(out, c, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        out->cols[base].i64[i] = s->starts[i];
        out->cols[base + 1].i64[i] = s->ends[i];
        out->cols[base + 2].i64[i] = s->ends[i] - w->tick_us;
    }
    if (r == WR_OK) r = wr_emit(op, out, err);
    wr_batch_drop(out);
    return r;
}

static wr_status window_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    windowed *s = op->state;
    const wr_win *w = &op->node->window.win;
    const int64_t *t = in->cols[w->time_col].i64;
    int64_t step = w->kind == WR_W_TUMBLE ? w->size_us : w->slide_us;
    uint32_t n = 0, most = wr_task_batch_rows(op->task);
    for (uint32_t i = 0; i < in->n; i++) {
        int64_t last = end_of_last(w, t[i]);
        for (int64_t end = first_end(w, t[i]); end <= last; end += step) {
            if (wr_grow(&s->rows, &s->rows_cap, n + 1u, sizeof *s->rows) != WR_OK ||
                wr_grow(&s->starts, &s->starts_cap, n + 1u, sizeof *s->starts) != WR_OK ||
                wr_grow(&s->ends, &s->ends_cap, n + 1u, sizeof *s->ends) != WR_OK)
                return wr_fail_oom(err, "a window");
            s->rows[n] = i;
            s->starts[n] = start_of(w, t[i], end);
            s->ends[n++] = end;
            if (n < most) continue;
            WR_TRY(emit_rows(op, s, in, n, err));
            n = 0;
        }
    }
    return n ? emit_rows(op, s, in, n, err) : WR_OK;
}

const wr_op_def wri_op_window = {
    .stateless = true, .name = "window", .open = window_open, .push = window_push, .close = window_close};
