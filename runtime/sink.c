/* runtime/sink.c -- batches to bytes to a sink.
 *
 * Each worker encodes on its own and hands whole rows to the sink under its lock, so that lines never
 * mix; sinks that print have one lock in common. Formats that must see all rows in one place (table) encode
 * under the lock, and tables that print know of each other.
 *
 * Rows wait in a worker's buffer until there are many, a watermark comes, the worker has nothing to do or
 * WAIT_US have passed. A table keeps its rows back until it has seen enough of them to be handsome: until
 * the end, HELD_ROWS or HOLD_US. Then it goes on with each batch as long as nothing else is printed.
 *
 * A connector without room has taken what it was given: the worker asks again until it is written, and lets
 * go of the lock between. Whoever else takes the lock waits first (hold), so that all below can work as if
 * writing never let go of it. The workers' rings fill meanwhile: the job rests. */
#include <msgpack.h>

#include "job_int.h"
#include "ops/ops.h"

#define FLUSH_BYTES (64 * 1024)
#define WAIT_US     100000
#define HOLD_US     300000
#define HELD_ROWS   1000

typedef struct sink_op {
    wri_sink *s;
    wr_encoder *enc; /* own, or the sink's shared one */
    wr_buf buf;
    int64_t since_us;   /* since when buf has not been empty */
    uint64_t epoch;     /* the last barrier that this worker has passed */
    wri_changelog *log; /* NULL: rows go out as they are */
    size_t *ends;       /* of the rows encoded, for sinks that take them one by one */
    size_t ends_cap;
} sink_op;

static void sink_names(wr_job *j, const wr_node *n, wri_sink *s, const char **connp, const char **fmtp) {
    static const char *const formats[] = {"json", "csv", "table"};
    const wr_plan_stream *st = n->sink.stream;
    *connp = st ? st->connector : "stdout";
    *fmtp = st ? st->format : formats[j->opts.format];
    s->options = st ? st->options : NULL;
    s->n_options = st ? st->n_options : 0;
}

/* msgpack: [whether the header has been written, the connector's mark]. */
static wr_status read_mark(const wr_piece *from, bool *headedp, wr_buf *markp, wr_err *err) {
    msgpack_unpacked u;
    size_t at = 0;
    msgpack_unpacked_init(&u);
    bool ok = msgpack_unpack_next(&u, from->data, from->len, &at) == MSGPACK_UNPACK_SUCCESS &&
              u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size == 2 &&
              u.data.via.array.ptr[0].type == MSGPACK_OBJECT_BOOLEAN &&
              u.data.via.array.ptr[1].type == MSGPACK_OBJECT_BIN;
    wr_status r = WR_OK;
    if (!ok) r = wr_fail(err, WR_EDATA, "a sink in the snapshot is not as it was written");
    else {
        const msgpack_object_bin *mark = &u.data.via.array.ptr[1].via.bin;
        *headedp = u.data.via.array.ptr[0].via.boolean;
        if (wr_buf_put(markp, mark->ptr, mark->size) != WR_OK) r = wr_fail_oom(err, "a sink");
    }
    msgpack_unpacked_destroy(&u);
    return r;
}

/* Its rows go by commit.c. */
static bool by_pack(const wri_sink *s) { return s->con->pack && (s->commits || !s->con->put); }
static bool marks(const wri_sink *s) { return s->con->mark && (s->commits || !s->con->pack); }

/* It has ended: all that it has written counts. Under the lock. */
static wr_status note_end(wr_job *j, wri_sink *s, uint64_t epoch, wr_err *err) {
    s->epoch = epoch;
    s->cut_headed = s->headed;
    s->cut.len = 0;
    if (by_pack(s)) WR_TRY(wri_commit_cut(j, s, err));
    return marks(s) ? s->con->mark(s->sink, &s->cut, err) : WR_OK;
}

wr_status wri_sink_save(wr_job *j, wri_sink *s, uint64_t epoch, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    pthread_mutex_lock(s->lock);
    /* No barrier of that epoch has come, although all have passed. */
    wr_status cut = s->epoch < epoch ? note_end(j, s, epoch, err) : WR_OK;
    int r = msgpack_pack_array(&pk, 2);
    if (r == 0) r = s->cut_headed ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
    if (r == 0) r = msgpack_pack_bin(&pk, s->cut.len);
    if (r == 0 && s->cut.len) r = msgpack_pack_bin_body(&pk, s->cut.data, s->cut.len);
    pthread_mutex_unlock(s->lock);
    if (cut != WR_OK) return cut;
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static bool is_read(void *ctx, const struct stat *file) {
    const wr_job *j = ctx;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        const wri_source *s = &j->sources[id];
        if (s->src && s->con->reads && s->con->reads(s->src, file)) return true;
    }
    return false;
}

static wr_status open_sink(wr_job *j, wri_sink *s, const char *name, const wr_piece *from, wr_err *err) {
    wr_buf mark = {0};
    wr_sink_cfg cfg = {.sys = j->sys,
                       .stream = name,
                       .options = s->options,
                       .n_options = s->n_options,
                       .schema = &s->schema,
                       .format = s->fmt,
                       .streams = j->opts.streams,
                       .key = s->node->sink.key,
                       .n_key = s->node->sink.n_key,
                       .job = s->commits ? j->epochs.job : 0,
                       .is_read = is_read,
                       .is_read_ctx = j,
                       .output = j->opts.output,
                       .output_ctx = j->opts.ctx};
    wr_status r = from ? read_mark(from, &s->headed, &mark, err) : WR_OK;
    if (mark.len > 0) {
        cfg.from = mark.data;
        cfg.from_len = mark.len;
    }
    if (r == WR_OK) r = s->con->open_sink(&cfg, &s->sink, err);
    wr_buf_free(&mark);
    return r;
}

bool wri_sink_takes_epochs(const wr_node *n) {
    wr_registry reg = wr_builtin();
    const char *delivery = wr_sink_delivery(&reg, n);
    return delivery && strcmp(delivery, "transaction") == 0;
}

wr_status wri_sink_new(wr_job *j, const wr_node *n, const wr_piece *from, wri_sink *s, wr_err *err) {
    const char *conn, *fmt;
    const char *name = n->sink.stream ? n->sink.stream->name : "standard output";
    s->node = n;
    s->open = j->n_workers;
    s->epoch = s->coming = j->epochs.wanted;
    pthread_mutex_init(&s->own_lock, NULL);
    pthread_cond_init(&s->arrived, NULL);
    WR_TRY(wri_changelog_schema(n, &s->schema, &s->fields, err));
    sink_names(j, n, s, &conn, &fmt);
    s->con = wr_connector_find(conn);
    s->fmt = fmt ? wr_format_find(fmt) : NULL;
    /* A pipe takes a part of a write at a time: without one lock, lines of several results would mix. */
    bool to_stdout = !strcmp(conn, "stdout") || !strcmp(conn, "print");
    s->lock = to_stdout || (s->fmt && s->fmt->shared_encoder) ? &j->output : &s->own_lock;
    s->table = s->fmt && s->fmt->show && to_stdout;
    j->n_tables += s->table;
    if (!s->con || !s->con->open_sink)
        return wr_fail(err, WR_EINVAL, "stream %s: connector '%s' cannot be written", name, conn);
    if (s->con->with.needs_format && (!s->fmt || !s->fmt->open_encoder))
        return wr_fail(err, WR_EINVAL, "stream %s: format '%s' cannot be written", name, fmt ? fmt : "none");
    if (s->con->put && s->fmt->shared_encoder)
        return wr_fail(err, WR_EINVAL,
                       "stream %s: connector '%s' writes rows one by one; format '%s' does not", name, conn,
                       fmt);
    s->commits = s->con->pack && j->epochs.store && wri_sink_takes_epochs(n);
    wr_status r = open_sink(j, s, name, from, err);
    return r == WR_OK || !n->sink.stream ? r : wr_fail_in(err, r, "stream %s", name);
}

void wri_sink_free(wri_sink *s) {
    if (!s->node) return;
    if (s->shared) s->fmt->close_encoder(s->shared);
    if (s->sink) s->con->close_sink(s->sink);
    wr_free(s->fields);
    wr_buf_free(&s->after);
    wr_buf_free(&s->cut);
    wr_buf_free(&s->pending);
    wr_buf_free(&s->ready);
    pthread_cond_destroy(&s->arrived);
    pthread_mutex_destroy(&s->own_lock);
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
    o->epoch = s->epoch;
    if (!wri_sink_takes_rows(s->con)) return WR_OK;
    WR_TRY(wri_changelog_new(op->node, s, &o->log, err));
    if (!s->con->with.needs_format) return WR_OK;
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
    wr_free(o->ends);
    wr_free(o);
}

/* Rows wait from now on, unless some do already. Under the lock. */
static void note_waiting(wr_job *j, wri_sink *s) {
    if (s->since_us == 0) __atomic_store_n(&s->since_us, j->sys->mono_us(), __ATOMIC_RELAXED);
}

/* Takes the lock, also when it fails. */
static wr_status hold(wr_job *j, wri_sink *s, wr_err *err) {
    pthread_mutex_lock(s->lock);
    return wri_sink_wait(j, s, err);
}

/* Under the lock, as are the next three: the connector's function, until there was room. */
static wr_status write_some(wr_job *j, wri_sink *s, const char *p, size_t n, wr_err *err) {
    wr_err why = {0};
    int64_t wait = 0;
    wr_status r = s->con->write(s->sink, p, n, &why);
    while (r == WR_AGAIN) {
        WR_TRY(wri_sink_again(j, s, &wait, &why, err));
        r = s->con->write(s->sink, NULL, 0, &why);
    }
    wri_sink_has_room(j, s, &wait);
    return r == WR_OK ? r : wr_fail(err, r, "%s", why.msg);
}

static wr_status write_bytes(wr_job *j, wri_sink *s, const char *p, size_t n, wr_err *err) {
    int64_t from = wri_meter_writing(j, s);
    wr_status r = write_some(j, s, p, n, err);
    wri_meter_written(j, s, from, n);
    return r;
}

static wr_status flush_all(wr_job *j, wri_sink *s, wr_err *err) {
    wr_err why = {0};
    int64_t wait = 0;
    wr_status r;
    while ((r = s->con->flush(s->sink, &why)) == WR_AGAIN) WR_TRY(wri_sink_again(j, s, &wait, &why, err));
    wri_sink_has_room(j, s, &wait);
    return r == WR_OK ? r : wr_fail(err, r, "%s", why.msg);
}

/* How far it has come: where an epoch ends. */
static wr_status note_cut(wr_job *j, wri_sink *s, uint64_t epoch, wr_err *err) {
    wr_err why = {0};
    int64_t wait = 0;
    wr_status r = WR_OK;
    s->cut.len = 0;
    if (by_pack(s)) WR_TRY(wri_commit_cut(j, s, err));
    while (marks(s) && (r = s->con->mark(s->sink, &s->cut, &why)) == WR_AGAIN)
        WR_TRY(wri_sink_again(j, s, &wait, &why, err));
    wri_sink_has_room(j, s, &wait);
    s->epoch = epoch;
    s->cut_headed = s->headed;
    return r == WR_OK ? r : wr_fail(err, r, "%s", why.msg);
}

/* Under the lock. */
static wr_status write_out(wr_job *j, wri_sink *s, wr_encoder *enc, wr_buf *buf, wr_err *err) {
    if (buf->len && s->con->flush) note_waiting(j, s);
    if (!s->headed && s->fmt->header) {
        wr_buf head = {0};
        wr_status r = s->fmt->header(enc, &head, err);
        if (r == WR_OK && head.len) r = write_bytes(j, s, head.data, head.len, err);
        wr_buf_free(&head);
        if (r != WR_OK) return r;
    }
    s->headed = true;
    wr_status r = buf->len ? write_bytes(j, s, buf->data, buf->len, err) : WR_OK;
    buf->len = 0;
    return r;
}

static wr_status flush(wr_op *op, wr_err *err) {
    sink_op *o = op->state;
    wri_sink *s = o->s;
    if (o->buf.len == 0) return WR_OK;
    wr_status r = hold(op->task->job, s, err);
    if (r == WR_OK && o->epoch > s->epoch) { /* what lies behind the barrier waits for what lies before it */
        if (wr_buf_put(&s->after, o->buf.data, o->buf.len) != WR_OK) r = wr_fail_oom(err, "a sink");
        o->buf.len = 0;
    } else if (r == WR_OK) r = write_out(op->task->job, s, o->enc, &o->buf, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

/* ---- barriers ---- */

/* All rows before the barrier that has come last have been written. Under the lock. */
static wr_status cut(wr_job *j, sink_op *o, wr_err *err) {
    wri_sink *s = o->s;
    s->passed = 0;
    WR_TRY(note_cut(j, s, s->coming, err));
    if (s->con->put || s->con->pack) return WR_OK;
    return write_out(j, s, s->shared ? s->shared : o->enc, &s->after, err);
}

static wr_status sink_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    sink_op *o = op->state;
    wri_sink *s = o->s;
    if (!wri_sink_takes_rows(s->con)) return WR_OK;
    WR_TRY(flush(op, err)); /* nothing, where rows are put one by one */
    wr_status r = hold(op->task->job, s, err);
    o->epoch = s->coming = epoch;
    if (r == WR_OK && ++s->passed == s->open) r = cut(op->task->job, o, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

/* ---- tables ---- */

/* s is about to be written to: a table that another one has interrupted begins again. Under the lock. */
static void take_turn(wr_job *j, wri_sink *s) {
    if (!s->table) return;
    if (j->last_table && j->last_table != s) s->fmt->anew(s->shared);
    j->last_table = s;
}

/* Under the lock. */
static wr_status show(wr_job *j, wri_sink *s, wr_buf *buf, wr_err *err) {
    take_turn(j, s);
    s->held = 0;
    s->going = true;
    return s->fmt->show(s->shared, buf, err);
}

static wr_status push_shared(wr_job *j, sink_op *o, wr_batch *b, wr_err *err) {
    wri_sink *s = o->s;
    wr_status r = hold(j, s, err);
    if (r == WR_OK) r = s->fmt->encode(s->shared, b, &o->buf, err);
    if (r == WR_OK && s->fmt->show) {
        bool mine = s->going && (!s->table || j->last_table == s);
        s->held += b->n;
        if (mine || s->held >= HELD_ROWS) r = show(j, s, &o->buf, err);
        else note_waiting(j, s);
    }
    if (r == WR_OK) r = write_out(j, s, s->shared, &o->buf, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

/* Rows one by one, each a record of its own. */
static wr_status encode_each(sink_op *o, wr_batch *b, wr_err *err) {
    wri_sink *s = o->s;
    if (wr_grow(&o->ends, &o->ends_cap, b->n, sizeof *o->ends) != WR_OK) return wr_fail_oom(err, "a sink");
    o->buf.len = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        wr_batch *row;
        WR_TRY(wr_batch_gather(b, &i, 1, NULL, 0, &row, err));
        wr_status r = s->fmt->encode(o->enc, row, &o->buf, err);
        wr_batch_drop(row);
        if (r != WR_OK) return r;
        o->ends[i] = o->buf.len;
    }
    return WR_OK;
}

static wr_status pack_rows(wr_op *op, wr_batch *b, wr_err *err) {
    sink_op *o = op->state;
    if (o->s->con->with.needs_format) WR_TRY(encode_each(o, b, err));
    wri_packing p = {.b = b, .data = o->buf.data, .ends = o->ends, .epoch = o->epoch};
    wr_status r = wri_commit_rows(op, o->s, &p, err);
    o->buf.len = 0;
    return r;
}

static wr_status put_rows(wr_job *j, sink_op *o, wr_batch *b, wr_err *err) {
    wri_sink *s = o->s;
    WR_TRY(encode_each(o, b, err));
    pthread_mutex_lock(s->lock);
    int64_t from = wri_meter_writing(j, s);
    wr_status r = s->con->put(s->sink, b, o->buf.data, o->ends, err);
    wri_meter_written(j, s, from, o->buf.len);
    pthread_mutex_unlock(s->lock);
    o->buf.len = 0;
    return r;
}

static wr_status write_rows(wr_op *op, wr_batch *b, wr_err *err) {
    sink_op *o = op->state;
    wr_job *j = op->task->job;
    __atomic_add_fetch(&j->rows_out, b->n, __ATOMIC_RELAXED);
    wri_tally(&op->rows_out, b->n);
    if (b->n == 0) return WR_OK;
    if (by_pack(o->s)) return pack_rows(op, b, err);
    if (o->s->con->put) return put_rows(j, o, b, err);
    if (!o->s->con->write) return WR_OK;
    if (o->s->shared) return push_shared(j, o, b, err);
    if (o->buf.len == 0) o->since_us = j->sys->mono_us();
    WR_TRY(o->s->fmt->encode(o->enc, b, &o->buf, err));
    return o->buf.len >= FLUSH_BYTES ? flush(op, err) : WR_OK;
}

static wr_status wait_no_longer(wr_job *j, sink_op *o, bool live, wr_err *err) {
    wri_sink *s = o->s;
    if (by_pack(s)) return wri_commit_now(j, s, err);
    __atomic_store_n(&s->since_us, 0, __ATOMIC_RELAXED);
    if (s->held > 0) WR_TRY(show(j, s, &o->buf, err));
    WR_TRY(write_out(j, s, s->shared, &o->buf, err));
    return live && s->con->flush ? flush_all(j, s, err) : WR_OK;
}

wr_status wri_sink_tick(wr_op *op, bool idle, int64_t now_us, wr_err *err) {
    sink_op *o = op->state;
    wri_sink *s = o->s;
    wr_job *j = op->task->job;
    if (o->buf.len > 0 && (idle || now_us - o->since_us >= WAIT_US)) WR_TRY(flush(op, err));
    int64_t since = __atomic_load_n(&s->since_us, __ATOMIC_RELAXED);
    if (since == 0 || now_us - since < HOLD_US) return WR_OK;
    /* Input that does not pause will end: files are flushed then, and each of several tables is kept whole.
     */
    bool live = idle || !op->node->bounded;
    if (!live && !by_pack(s) && (!s->table || j->n_tables > 1)) return WR_OK;
    wr_status r = hold(j, s, err);
    if (r == WR_OK) r = wait_no_longer(j, o, live, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

/* ---- the operator ---- */

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

/* Rows do not wait for more than a watermark. */
static wr_status sink_watermark(wr_op *op, int64_t wm, wr_err *err) {
    (void)wm;
    return flush(op, err);
}

static wr_status finish(wr_job *j, wri_sink *s, wr_encoder *enc, wr_err *err) {
    wr_buf foot = {0};
    take_turn(j, s);
    if (by_pack(s)) return wri_commit_now(j, s, err);
    wr_status r = s->con->write ? write_out(j, s, enc, &foot, err) : WR_OK; /* the header, if nothing came */
    if (r == WR_OK && s->con->write && s->fmt->footer) r = s->fmt->footer(enc, &foot, err);
    if (r == WR_OK && foot.len) r = write_bytes(j, s, foot.data, foot.len, err);
    wr_buf_free(&foot);
    return r == WR_OK && s->con->flush ? flush_all(j, s, err) : r;
}

static wr_status sink_end(wr_op *op, wr_err *err) {
    sink_op *o = op->state;
    wri_sink *s = o->s;
    WR_TRY(flush(op, err));
    wr_job *j = op->task->job;
    wr_status r = hold(j, s, err);
    s->passed -= o->epoch > s->epoch;
    s->open--;
    if (r == WR_OK && s->coming > s->epoch && s->passed == s->open)
        r = cut(j, o, err); /* others waited for this one */
    if (r == WR_OK && s->open == 0) r = finish(j, s, s->shared ? s->shared : o->enc, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

wr_status wri_sink_interrupt(wr_job *j, wri_sink *s, wr_err *err) {
    bool waits = s->node && by_pack(s) && !s->commits;
    if (!s->node || s->open == 0 || !(s->shared || waits)) return WR_OK;
    pthread_mutex_lock(s->lock);
    wr_status r = waits ? wri_commit_now(j, s, err) : finish(j, s, s->shared, err);
    pthread_mutex_unlock(s->lock);
    return r;
}

const wr_op_def wri_op_sink = {.name = "sink",
                               .open = sink_open,
                               .push = sink_push,
                               .watermark = sink_watermark,
                               .barrier = sink_barrier,
                               .stateless = true,
                               .end = sink_end,
                               .close = sink_close};
