/* runtime/source_anew.c -- a source's content once more, for tables of joins that change while a job runs.
 *
 * Who reads anew has a source operator of its own (wri_op_init), which for the time has splits of its own,
 * too. What comes of it is noted with the stream's shared source, once for all workers. See
 * ops/join_reload.h. */
#include "job_int.h"

wr_status wri_source_read(wr_op *op, wr_err *err) {
    wri_source **place = wri_source_place(op);
    wr_job *j = op->task->job;
    wri_source mine = {0}, *shared = *place;
    wri_entry e = {.op = op, .source = &mine};
    wr_status r = wri_source_new(j, op->node, shared->first_split, NULL, &mine, err);
    *place = &mine;
    while (r == WR_OK && !e.ended) {
        bool did = false;
        r = wri_stopping(j) ? wr_fail(err, WR_ECANCELED, "stopped") : wri_source_run(op->task, &e, &did, err);
        if (r == WR_OK && !did)
            r = wr_fail(err, WR_EIO, "stream %s: it is no file at rest", op->node->source.stream->name);
    }
    *place = shared;
    wri_source_free(&mine);
    return r;
}

void wri_source_reloaded(wr_op *op, uint64_t stamp) {
    wri_source *s = *wri_source_place(op);
    pthread_mutex_lock(&s->lock);
    s->n_reloaded += s->reloaded != stamp;
    s->reloaded = stamp;
    pthread_mutex_unlock(&s->lock);
}

wr_status wri_source_refused(wr_op *op, uint64_t stamp, const char *why, wr_err *err) {
    wri_source *s = *wri_source_place(op);
    char text[320];
    pthread_mutex_lock(&s->lock);
    bool known = s->refused == stamp && s->n_refused > 0;
    if (!known) {
        s->refused = stamp;
        s->n_refused++;
        snprintf(s->why_refused, sizeof s->why_refused, "%s", why);
    }
    pthread_mutex_unlock(&s->lock);
    if (known) return WR_OK;
    snprintf(text, sizeof text, "not read anew, rows go on with what was read before: %s", why);
    return wri_trouble(op, "table not reloaded", text, err);
}

wr_status wri_source_anew_notes(const wri_source *s, wr_buf *out) {
    const char *name = s->node->source.stream->name;
    if (s->n_reloaded)
        WR_TRY(wr_buf_printf(out, "stream %s: changed and was read anew, %u time%s\n", name, s->n_reloaded,
                             s->n_reloaded == 1 ? "" : "s"));
    if (s->n_refused)
        WR_TRY(wr_buf_printf(out, "stream %s: changed and could not be read anew, %u time%s; the last: %s\n",
                             name, s->n_refused, s->n_refused == 1 ? "" : "s", s->why_refused));
    return WR_OK;
}
