/* runtime/analyze.c -- EXPLAIN's tree with live numbers: rows a second, what is kept, where event time is. */
#include <inttypes.h>

#include "job_int.h"
#include "metrics_int.h"

/* "812", "1.2 k", "34 M" */
static wr_status put_scaled(wr_buf *out, double v, const char *unit) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    size_t u = 0;
    for (; v >= 999.5 && u + 1 < WR_LEN(prefixes); u++) v /= 1000;
    return wr_buf_printf(out, "%.*f%s%s%s", u > 0 && v < 99.95 ? 1 : 0, v, u || *unit ? " " : "", prefixes[u],
                         unit);
}

static wr_status put_rows(wr_buf *out, uint64_t rows, double a_sec, const char *what) {
    WR_TRY(wr_buf_printf(out, "%s%" PRIu64 " %s", out->len ? ", " : "", rows, what));
    if (a_sec < 0.5) return WR_OK;
    WR_TRY(wr_buf_puts(out, " ("));
    WR_TRY(put_scaled(out, a_sec, ""));
    return wr_buf_puts(out, "/s)");
}

static wr_status put_splits(const wr_job_metrics *m, const wr_op_metrics *op, wr_buf *out) {
    uint32_t n = 0, idle = 0, ended = 0;
    for (uint32_t i = 0; i < m->n_splits; i++) {
        if (m->splits[i].node != op->node) continue;
        n++;
        idle += m->splits[i].idle;
        ended += m->splits[i].ended;
    }
    WR_TRY(wr_buf_printf(out, ", %u split%s", n, n == 1 ? "" : "s"));
    if (ended) WR_TRY(wr_buf_printf(out, ", %u ended", ended));
    return idle ? wr_buf_printf(out, ", %u idle", idle) : WR_OK;
}

static wr_status put_time(const wr_op_metrics *op, wr_buf *out) {
    char t[WR_TEXT_MAX];
    if (op->watermark_us == WR_NEVER) return WR_OK;
    size_t n = wr_write_timestamp(op->watermark_us, 3, false, t);
    return wr_buf_printf(out, ", event time %.*s", (int)n, t);
}

static wr_status note(void *ctx, const wr_node *n, wr_buf *out) {
    const wr_job_metrics *m = ctx;
    if (n->id >= m->n_ops) return WR_OK;
    const wr_op_metrics *op = &m->ops[n->id];
    WR_TRY(put_rows(out, op->rows_in, op->rows_in_a_sec, n->kind == WR_N_SOURCE ? "read" : "in"));
    if (n->kind != WR_N_SINK) WR_TRY(put_rows(out, op->rows_out, op->rows_out_a_sec, "out"));
    if (n->kind == WR_N_SOURCE) WR_TRY(put_splits(m, op, out));
    if (op->late_rows) WR_TRY(wr_buf_printf(out, ", %" PRIu64 " late", op->late_rows));
    if (op->bad_rows) WR_TRY(wr_buf_printf(out, ", %" PRIu64 " bad", op->bad_rows));
    if (op->has_state) {
        WR_TRY(wr_buf_printf(out, ", keeps %" PRIu64 " (", op->state_keys));
        WR_TRY(put_scaled(out, (double)op->state_bytes, "B"));
        WR_TRY(wr_buf_puts(out, ")"));
    }
    if (op->blocked_us > 0) WR_TRY(wr_buf_printf(out, ", blocked for %.1f s", (double)op->blocked_us / 1e6));
    return put_time(op, out);
}

static wr_status put_workers(const wr_job_metrics *m, wr_buf *out) {
    for (uint32_t w = 0; w < m->n_workers; w++)
        WR_TRY(wr_buf_printf(out, "worker %u: busy %.0f %%, back-pressure %.0f %%\n", w,
                             m->workers[w].busy * 100, m->workers[w].backpressure * 100));
    return WR_OK;
}

wr_status wr_job_analyze(wr_job *job, wr_buf *out, wr_err *err) {
    wr_job_metrics m;
    wr_registry reg = wr_builtin();
    WR_TRY(wr_job_metrics_read(job, &m, err));
    wr_status s = wr_plan_annotate(job->plan, &reg, note, &m, out);
    if (s == WR_OK) s = put_workers(&m, out);
    wr_job_metrics_free(&m);
    return s == WR_OK ? s : wr_fail_oom(err, "a plan");
}
