/* runtime/sink.c -- batches to bytes to a sink.
 *
 * Each worker encodes on its own and hands whole rows to the sink under its lock, so that lines never
 * mix. Formats that must see all rows in one place (table) encode under the lock. */
#include "job_int.h"

#define FLUSH_BYTES (64 * 1024)

typedef struct sink_op {
    wri_sink *s;
    wr_encoder *enc; /* own, or the sink's shared one */
    wr_buf buf;
    wri_changelog *log; /* NULL: rows go out as they are */
} sink_op;

static void sink_names(wr_job *j, const wr_node *n, wri_sink *s, const char **connp, const char **fmtp) {
    static const char *const formats[] = {"json", "csv", "table"};
    const wr_plan_stream *st = n->sink.stream;
    *connp = st ? st->connector : "stdout";
    *fmtp = st ? st->format : formats[j->opts.format];
    s->options = st ? st->options : NULL;
    s->n_options = st ? st->n_options : 0;
}

wr_status wri_sink_new(wr_job *j, const wr_node *n, wri_sink *s, wr_err *err) {
    const char *conn, *fmt;
    const char *name = n->sink.stream ? n->sink.stream->name : "standard output";
    s->node = n;
    s->open = j->n_workers;
    pthread_mutex_init(&s->lock, NULL);
    WR_TRY(wri_changelog_schema(n, &s->schema, &s->fields, err));
    sink_names(j, n, s, &conn, &fmt);
    s->con = wr_connector_find(conn);
    s->fmt = fmt ? wr_format_find(fmt) : NULL;
    if (!s->con || !s->con->open_sink)
        return wr_fail(err, WR_EINVAL, "stream %s: connector '%s' cannot be written", name, conn);
    if (s->con->write && (!s->fmt || !s->fmt->open_encoder))
        return wr_fail(err, WR_EINVAL, "stream %s: format '%s' cannot be written", name, fmt ? fmt : "none");
    wr_sink_cfg cfg = {.sys = j->sys,
                       .stream = name,
                       .options = s->options,
                       .n_options = s->n_options,
                       .schema = &s->schema};
    wr_status r = s->con->open_sink(&cfg, &s->sink, err);
    return r == WR_OK || !n->sink.stream ? r : wr_fail_in(err, r, "stream %s", name);
}

void wri_sink_free(wri_sink *s) {
    if (!s->node) return;
    if (s->shared) s->fmt->close_encoder(s->shared);
    if (s->sink) s->con->close_sink(s->sink);
    wr_free(s->fields);
    pthread_mutex_destroy(&s->lock);
}

static wr_status open_encoder(wr_op *op, wri_sink *s, wr_encoder **outp, wr_err *err) {
    wr_job *j = op->task->job;
    wr_encode_cfg cfg = {.schema = &s->schema,
                         .options = s->options,
                         .n_options = s->n_options,
                         .terminal = j->opts.terminal,
                         .width = j->opts.width};
    return s->fmt->open_encoder(&cfg, outp, err);
}

static wr_status sink_open(wr_op *op, wr_err *err) {
    sink_op *o = op->state = wr_calloc(1, sizeof *o);
    if (!o) return wr_fail_oom(err, "a sink");
    wri_sink *s = o->s = &op->task->job->sinks[op->node->id];
    if (!s->con->write) return WR_OK;
    WR_TRY(wri_changelog_new(op->node, s, &o->log, err));
    if (!s->fmt->shared_encoder) return open_encoder(op, s, &o->enc, err);
    if (!s->shared) WR_TRY(open_encoder(op, s, &s->shared, err)); /* workers are opened one after another */
    return WR_OK;
}

static void sink_close(wr_op *op) {
    sink_op *o = op->state;
    if (!o) return;
    if (o->enc) o->s->fmt->close_encoder(o->enc);
    wri_changelog_free(o->log);
    wr_buf_free(&o->buf);
    wr_free(o);
}

static wr_status write_out(wri_sink *s, wr_encoder *enc, wr_buf *buf, wr_err *err) {
    if (!s->headed && s->fmt->header) {
        wr_buf head = {0};
        wr_status r = s->fmt->header(enc, &head, err);
        if (r == WR_OK && head.len) r = s->con->write(s->sink, head.data, head.len, err);
        wr_buf_free(&head);
        if (r != WR_OK) return r;
    }
    s->headed = true;
    wr_status r = buf->len ? s->con->write(s->sink, buf->data, buf->len, err) : WR_OK;
    buf->len = 0;
    return r;
}

static wr_status flush(sink_op *o, wr_err *err) {
    if (o->buf.len == 0) return WR_OK;
    pthread_mutex_lock(&o->s->lock);
    wr_status r = write_out(o->s, o->enc, &o->buf, err);
    pthread_mutex_unlock(&o->s->lock);
    return r;
}

static wr_status push_shared(sink_op *o, wr_batch *b, wr_err *err) {
    wri_sink *s = o->s;
    pthread_mutex_lock(&s->lock);
    wr_status r = s->fmt->encode(s->shared, b, &o->buf, err);
    if (r == WR_OK) r = write_out(s, s->shared, &o->buf, err);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static wr_status write_rows(wr_op *op, wr_batch *b, wr_err *err) {
    sink_op *o = op->state;
    __atomic_add_fetch(&op->task->job->rows_out, b->n, __ATOMIC_RELAXED);
    if (!o->s->con->write) return WR_OK;
    if (o->s->shared) return push_shared(o, b, err);
    WR_TRY(o->s->fmt->encode(o->enc, b, &o->buf, err));
    return o->buf.len >= FLUSH_BYTES ? flush(o, err) : WR_OK;
}

static wr_status sink_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    sink_op *o = op->state;
    if (!o->log) return write_rows(op, b, err);
    wr_batch *rows;
    WR_TRY(wri_changelog_rows(o->log, b, &rows, err));
    wr_status r = write_rows(op, rows, err);
    wr_batch_drop(rows);
    return r;
}

/* Rows do not wait for more than a watermark: results of a live stream are seen at once. */
static wr_status sink_watermark(wr_op *op, int64_t wm, wr_err *err) {
    (void)wm;
    sink_op *o = op->state;
    WR_TRY(flush(o, err));
    if (!o->s->con->flush || op->node->bounded) return WR_OK;
    pthread_mutex_lock(&o->s->lock);
    wr_status r = o->s->con->flush(o->s->sink, err);
    pthread_mutex_unlock(&o->s->lock);
    return r;
}

wr_status wri_sinks_flush(wr_task *t, wr_err *err) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        const wr_node *n = t->job->plan->nodes[id];
        if (n->kind != WR_N_SINK || n->bounded) continue;
        sink_op *o = t->ops[id].state;
        if (o->buf.len == 0) continue;
        WR_TRY(flush(o, err));
        if (!o->s->con->flush) continue;
        pthread_mutex_lock(&o->s->lock);
        wr_status r = o->s->con->flush(o->s->sink, err);
        pthread_mutex_unlock(&o->s->lock);
        if (r != WR_OK) return r;
    }
    return WR_OK;
}

static wr_status finish(wri_sink *s, wr_encoder *enc, wr_err *err) {
    wr_buf foot = {0};
    wr_status r = s->con->write ? write_out(s, enc, &foot, err) : WR_OK; /* the header, if nothing came */
    if (r == WR_OK && s->con->write && s->fmt->footer) r = s->fmt->footer(enc, &foot, err);
    if (r == WR_OK && foot.len) r = s->con->write(s->sink, foot.data, foot.len, err);
    wr_buf_free(&foot);
    return r == WR_OK && s->con->flush ? s->con->flush(s->sink, err) : r;
}

static wr_status sink_end(wr_op *op, wr_err *err) {
    sink_op *o = op->state;
    wri_sink *s = o->s;
    WR_TRY(flush(o, err));
    pthread_mutex_lock(&s->lock);
    wr_status r = --s->open == 0 ? finish(s, s->shared ? s->shared : o->enc, err) : WR_OK;
    pthread_mutex_unlock(&s->lock);
    return r;
}

const wr_op_def wri_op_sink = {.name = "sink",
                               .open = sink_open,
                               .push = sink_push,
                               .watermark = sink_watermark,
                               .end = sink_end,
                               .close = sink_close};
