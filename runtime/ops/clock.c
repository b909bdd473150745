/* runtime/ops/clock.c -- what clocks in a zone show becomes the event time of the rows that pass.
 *
 * Where clocks are set back, rows rise in time and fall on the clock. A watermark w says that no row at or
 * before w is awaited; on the clock it becomes the largest time before all that clocks will show from then
 * on:
 *
 *   min over t > w of shown(t), less a microsecond
 *
 * which stands still from the moment that shows first what will be shown again until it is shown again. So a
 * window of an hour that clocks pass twice is complete after the second time. It never falls as w rises, and
 * a row ahead of w lies ahead of it. No state. */
#include "../expr/expr_int.h"
#include "../job_int.h"
#include "ops.h"

typedef struct clock_state {
    wri_env env;
    wri_call call; /* keeps the zone */
    wri_zone *zone;
    wr_arena msgs;
    uint32_t *cols; /* of the input that the output shares */
} clock_state;

static wr_status clock_open(wr_op *op, wr_err *err) {
    clock_state *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a time zone");
    const char *name = op->node->clock.zone;
    wr_str zone = wr_str_make(name, strlen(name));
    s->env.sys = wr_task_sys(op->task);
    s->call = (wri_call){.env = &s->env, .ar = &s->msgs, .msgs = &s->msgs};
    const char *why = wri_zone_of(&s->call, &zone, &s->zone);
    if (s->call.oom) return wr_fail_oom(err, "a time zone");
    if (why) return wr_fail(err, WR_EINVAL, "%s", why);
    s->cols = wr_alloc(op->node->out.n * sizeof *s->cols);
    if (!s->cols) return wr_fail_oom(err, "a time zone");
    for (uint32_t i = 0; i < op->node->out.n; i++) s->cols[i] = i + 1 < op->node->out.n ? i : UINT32_MAX;
    return WR_OK;
}

static void clock_close(wr_op *op) {
    clock_state *s = op->state;
    if (!s) return;
    wri_call_done(&s->call);
    wr_arena_free(&s->msgs);
    wr_free(s->cols);
    wr_free(s);
}

static bool in_range(int64_t us) { return us >= WR_TS_MIN / 2 && us <= WR_TS_MAX / 2; }

static int64_t shown(wri_zone *z, int64_t us) {
    if (!in_range(us)) return us; /* no calendar reaches there */
    return us + wri_zone_offset(z, wr_floor_div(us, WR_US_PER_SECOND)) * WR_US_PER_SECOND;
}

static int64_t shown_wm(wri_zone *z, int64_t wm) {
    if (!in_range(wm)) return wm;
    int64_t s = wr_floor_div(wm + 1, WR_US_PER_SECOND), part = wm + 1 - s * WR_US_PER_SECOND;
    int64_t now = (s + wri_zone_offset(z, s)) * WR_US_PER_SECOND + part;
    int64_t least = wri_zone_least(z, s) * WR_US_PER_SECOND;
    return (least < now ? least : now) - 1;
}

static wr_status clock_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    clock_state *s = op->state;
    uint32_t n = op->node->out.n;
    const int64_t *t = in->cols[op->node->clock.time].i64;
    wr_batch *out;
    WR_TRY(wr_batch_share(in, s->cols, n, &out, err));
    wr_status st = wr_batch_col(out, n - 1, WR_I64, err);
    int64_t *wm = st == WR_OK && in->wm ? wr_arena_alloc(&out->arena, in->n * sizeof *wm) : NULL;
    if (st == WR_OK && in->wm && !wm) st = wr_fail_oom(err, "watermarks");
    for (uint32_t i = 0; st == WR_OK && i < in->n; i++) {
        out->cols[n - 1].i64[i] = shown(s->zone, t[i]);
        if (wm) wm[i] = shown_wm(s->zone, in->wm[i]);
    }
    out->wm = wm;
    if (st == WR_OK) {
        out->cols[n - 1].nulls = in->cols[op->node->clock.time].nulls;
        st = wr_emit(op, out, err);
    }
    wr_batch_drop(out);
    return st;
}

static wr_status clock_watermark(wr_op *op, int64_t wm, wr_err *err) {
    (void)err;
    const clock_state *s = op->state;
    op->holds_us = wm - shown_wm(s->zone, wm); /* below zero east of Greenwich */
    return WR_OK;
}

const wr_op_def wri_op_clock = {.name = "clock",
                                .open = clock_open,
                                .push = clock_push,
                                .watermark = clock_watermark,
                                .stateless = true,
                                .close = clock_close};
