/* runtime/job.c -- builds a job from a plan, runs its workers, takes it down.
 *
 * The calling thread is the control thread: a libuv loop that ticks for progress and waits for the
 * workers. Operators are made worker by worker before any thread starts, so that opening needs no
 * locks and every failure is reported before a row has moved. */
#include "job_int.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "ops/ops.h"
#include "paged.h"

#define TICK_MS        100
#define SPLITS_TO_COME (1 << 20) /* room between the numbers of splits of sources that may get more */

static const wr_op_def *const op_defs[WR_NODE_KINDS] = {
#define X(kind, node, op) [WR_N_##kind] = &wri_op_##op,
    WR_NODE_LIST(X)
#undef X
};

const wr_op_def *wri_op_def_of(const wr_node *n) {
    return n->kind == WR_N_OVER && n->over.complete ? &wri_op_over_batch : op_defs[n->kind];
}

/* The receiving end of an exchange only passes on. */
static const wr_op_def *receiver_def(void) { return &wri_op_union; }

void wri_job_fail(wr_job *j, wr_status s, const wr_err *err) {
    pthread_mutex_lock(&j->lock);
    if (j->status == WR_OK) {
        j->status = s;
        j->err = *err;
    }
    pthread_mutex_unlock(&j->lock);
    __atomic_store_n(&j->stop, 1, __ATOMIC_RELAXED);
}

void wri_limit_full(wr_op *op) {
    wr_job *j = op->task->job;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        const wr_node *n = j->plan->nodes[id];
        if (n->kind != WR_N_SINK) continue;
        do n = n->in[0];
        while (n->kind == WR_N_PROJECT || n->kind == WR_N_FILTER);
        if (n == op->node) __atomic_sub_fetch(&j->wanting, 1, __ATOMIC_RELAXED);
    }
}

/* ---- operators of one worker ---- */

static wr_status init_op(wr_task *t, wr_op *op, const wr_op_def *def, const wr_node *n, uint32_t n_in,
                         wr_err *err) {
    op->def = def;
    op->node = n;
    op->task = t;
    op->n_in = n_in;
    op->wm = WR_WM_NONE;
    op->port_wm = wr_calloc(n_in ? n_in : 1, sizeof *op->port_wm);
    if (!op->port_wm) return wr_fail_oom(err, "an operator");
    for (uint32_t i = 0; i < n_in; i++) op->port_wm[i] = WR_WM_NONE;
    return WR_OK;
}

wr_status wri_op_connect(wr_op *from, wr_op *to, uint32_t port, wr_err *err) {
    wr_edge *e = wr_reallocn(from->out, from->n_out + 1, sizeof *e);
    if (!e) return wr_fail_oom(err, "an operator");
    from->out = e;
    e[from->n_out++] = (wr_edge){to, port};
    return WR_OK;
}

wr_status wri_op_init(wr_task *t, wr_op *op, const wr_op_def *def, const wr_node *n, wr_err *err) {
    return init_op(t, op, def ? def : op_defs[n->kind], n, 1, err);
}

/* An exchange has two ends: what feeds it goes to the sending end, what reads it hangs on the receiving one.
 */
static wr_status link_ops(wr_task *t, wr_err *err) {
    const wr_plan *p = t->job->plan;
    for (uint32_t id = 0; id < p->n_nodes; id++) {
        const wr_node *n = p->nodes[id];
        for (uint32_t i = 0; i < n->n_in; i++) {
            uint32_t from = n->in[i]->id;
            wr_op *src = n->in[i]->kind == WR_N_EXCHANGE ? &t->receivers[from] : &t->ops[from];
            WR_TRY(wri_op_connect(src, &t->ops[id], i, err));
        }
    }
    return WR_OK;
}

static bool fed_by_side(const wr_node *n) {
    if (n->kind == WR_N_ERRORS || n->kind == WR_N_LATE) return true;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (fed_by_side(n->in[i])) return true;
    return false;
}

static wr_status add_entry(wr_task *t, const wr_node *n, wr_err *err) {
    wri_entry *e = &t->entries[t->n_entries++];
    wr_job *j = t->job;
    *e = (wri_entry){.stage = n->stage, .side_fed = fed_by_side(n), .passed = t->passed};
    if (n->kind == WR_N_EXCHANGE) {
        e->rests = wr_calloc(j->n_workers, sizeof *e->rests);
        if (!e->rests) return wr_fail_oom(err, "an exchange");
        e->op = &t->receivers[n->id];
        e->exchange = &j->exchanges[n->id];
        if (n->n_in && n->in[0]->stage == n->stage) e->stage++; /* the receiving end is the next stage's */
    } else {
        e->op = &t->ops[n->id];
        if (n->kind == WR_N_SOURCE) e->source = &j->sources[n->id];
    }
    return WR_OK;
}

static int by_falling_stage(const void *a, const void *b) {
    const wri_entry *x = a, *y = b;
    return (x->stage < y->stage) - (x->stage > y->stage);
}

static wr_status make_task(wr_job *j, uint32_t index, wr_err *err) {
    wr_task *t = &j->workers[index];
    const wr_plan *p = j->plan;
    t->job = j;
    t->index = index;
    t->passed = t->saved = t->sides_passed = j->epochs.wanted;
    t->wake_fd = -1;
    wri_meter_init(t);
    t->ops = wr_calloc(p->n_nodes, sizeof *t->ops);
    t->receivers = wr_calloc(p->n_nodes, sizeof *t->receivers);
    t->entries = wr_calloc(p->n_nodes, sizeof *t->entries);
    t->sides = wr_calloc(p->n_nodes, sizeof *t->sides);
    t->sinks = wr_calloc(p->n_nodes, sizeof *t->sinks);
    if (!t->ops || !t->receivers || !t->entries || !t->sides || !t->sinks)
        return wr_fail_oom(err, "operators");
    for (uint32_t id = 0; id < p->n_nodes; id++) {
        const wr_node *n = p->nodes[id];
        WR_TRY(init_op(t, &t->ops[id], wri_op_def_of(n), n, n->n_in, err));
        if (n->kind == WR_N_EXCHANGE)
            WR_TRY(init_op(t, &t->receivers[id], receiver_def(), n, j->n_workers, err));
        bool side = n->kind == WR_N_ERRORS || n->kind == WR_N_LATE;
        if (side) t->sides[id].op = &t->ops[id];
        if (n->kind == WR_N_SINK && wri_sink_takes_rows(j->sinks[id].con))
            t->sinks[t->n_sinks++] = &t->ops[id];
        if (n->kind == WR_N_SOURCE || (n->kind == WR_N_EXCHANGE && j->n_workers > 1) ||
            n->kind == WR_N_VALUES)
            WR_TRY(add_entry(t, n, err));
    }
    qsort(t->entries, t->n_entries, sizeof *t->entries, by_falling_stage);
    WR_TRY(wri_waker_open(t, err));
    WR_TRY(link_ops(t, err));
    for (uint32_t id = 0; id < p->n_nodes; id++)
        if (t->ops[id].def->open) WR_TRY(t->ops[id].def->open(&t->ops[id], err));
    return WR_OK;
}

void wri_op_free(wr_op *op) {
    if (!op->def) return;
    if (op->def->close) op->def->close(op);
    wri_paged_free(op);
    wr_free(op->port_wm);
    wr_free(op->out);
}

static void free_task(wr_job *j, wr_task *t) {
    if (!t->job) return;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        if (t->ops) wri_op_free(&t->ops[id]);
        if (t->receivers) wri_op_free(&t->receivers[id]);
        if (t->sides) wri_side_free(&t->sides[id]);
    }
    for (uint32_t i = 0; t->entries && i < t->n_entries; i++) wr_free(t->entries[i].rests);
    wr_free(t->ops);
    wr_free(t->receivers);
    wr_free(t->entries);
    wr_free(t->sides);
    wr_free(t->sinks);
    wri_waker_close(t);
}

/* ---- the job ---- */

static uint32_t pick_workers(const wr_plan *plan, const wr_job_opts *o) {
    int64_t n = o->workers ? o->workers : plan->settings.workers;
    if (n <= 0) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 128 ? 128 : (uint32_t)n; /* 128 key groups: more workers would own none */
}

static wr_status make_sink(wr_job *j, const wr_node *n, const wr_snapshot *from, wr_err *err) {
    WR_TRY(wri_commit_savepoint(j, from, n, err));
    WR_TRY(wri_sink_new(j, n, wri_epochs_sink(j, from, n), &j->sinks[n->id], err));
    j->wanting++;
    return wri_commit_again(j, from, n, err);
}

static wr_status make_shared(wr_job *j, const wr_snapshot *from, wr_err *err) {
    const wr_plan *p = j->plan;
    uint32_t splits = 0;
    j->sources = wr_calloc(p->n_nodes, sizeof *j->sources);
    j->sinks = wr_calloc(p->n_nodes, sizeof *j->sinks);
    j->exchanges = wr_calloc(p->n_nodes, sizeof *j->exchanges);
    j->workers = wr_calloc(j->n_workers, sizeof *j->workers);
    if (!j->sources || !j->sinks || !j->exchanges || !j->workers) return wr_fail_oom(err, "a job");
    for (uint32_t id = 0; id < p->n_nodes; id++) {
        const wr_node *n = p->nodes[id];
        if (n->kind == WR_N_SOURCE) {
            WR_TRY(wri_source_new(j, n, splits, wri_epochs_source(j, from, n), &j->sources[id], err));
            splits += j->sources[id].n_splits + (n->bounded ? 0 : SPLITS_TO_COME);
        }
        if (n->kind == WR_N_EXCHANGE) WR_TRY(wri_exchange_new(j, n, &j->exchanges[id], err));
    }
    /* Sinks last: a missing input must not have emptied an output file. Nor must a target that refuses to go
     * on from an old snapshot: files are cut behind all of those. */
    for (int files = 0; files < 2; files++)
        for (uint32_t id = 0; id < p->n_nodes; id++)
            if (p->nodes[id]->kind == WR_N_SINK && wri_sink_takes_epochs(p->nodes[id]) != files)
                WR_TRY(make_sink(j, p->nodes[id], from, err));
    return WR_OK;
}

static wr_status make_job(wr_job *j, const wr_snapshot *from, wr_err *err) {
    WR_TRY(make_shared(j, from, err));
    for (uint32_t w = 0; w < j->n_workers; w++) WR_TRY(make_task(j, w, err));
    WR_TRY(wri_epochs_check(j, err));
    return wri_epochs_load(j, from, err);
}

wr_status wr_job_new(const wr_plan *plan, const wr_job_opts *opts, wr_job **outp, wr_err *err) {
    *outp = NULL;
    wr_job *j = wr_calloc(1, sizeof *j);
    if (!j) return wr_fail_oom(err, "a job");
    j->plan = plan;
    j->opts = *opts;
    j->sys = opts->sys ? opts->sys : &wr_sys_real;
    j->n_workers = pick_workers(plan, opts);
    j->batch_rows = opts->batch_rows ? opts->batch_rows : (uint32_t)plan->settings.batch_rows;
    if (j->batch_rows == 0) j->batch_rows = WR_BATCH_ROWS;
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->output, NULL);
    wri_memory_open(j);
    wr_budget *was = wr_budget_enter(&j->budget);
    wr_snapshot *from = NULL;
    wr_status s = wri_meters_new(j, err);
    if (s == WR_OK) s = wri_epochs_open(j, &from, err);
    if (s == WR_OK) s = j->finished ? wri_commit_finished(j, from, err) : make_job(j, from, err);
    wr_snapshot_free(from);
    wr_budget_enter(was);
    if (s != WR_OK && opts->changes && j->said.len > 0) /* why it may be that it cannot go on */
        (void)!wr_buf_put(opts->changes, j->said.data, j->said.len - 1);
    if (s != WR_OK) {
        wr_job_free(j);
        return s;
    }
    *outp = j;
    return WR_OK;
}

void wr_job_free(wr_job *j) {
    if (!j) return;
    wr_budget *was = wr_budget_enter(&j->budget);
    for (uint32_t w = 0; j->workers && w < j->n_workers; w++) free_task(j, &j->workers[w]);
    for (uint32_t w = 0; j->workers && w < j->n_workers; w++) wri_saver_free(&j->workers[w].saver);
    wri_epochs_close(j);
    wr_buf_free(&j->said);
    wri_meters_free(j);
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        if (j->exchanges) wri_exchange_free(j, &j->exchanges[id]);
        if (j->sources) wri_source_free(&j->sources[id]);
        if (j->sinks) wri_sink_free(&j->sinks[id]);
    }
    wr_free(j->workers);
    wr_free(j->sources);
    wr_free(j->sinks);
    wr_free(j->exchanges);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->output);
    wr_budget_enter(was);
    wr_free(j);
}

void wr_job_cancel(wr_job *j) {
    __atomic_store_n(&j->canceled, true, __ATOMIC_RELAXED);
    if (!j->epochs.store) __atomic_store_n(&j->stop, 1, __ATOMIC_RELAXED); /* else: after a last snapshot */
}

void wr_job_wake(wr_job *j) {
    pthread_mutex_lock(&j->lock);
    if (j->looping) uv_async_send(&j->done);
    pthread_mutex_unlock(&j->lock);
}

static void set_looping(wr_job *j, bool on) {
    pthread_mutex_lock(&j->lock);
    j->looping = on;
    pthread_mutex_unlock(&j->lock);
}

/* ---- running ---- */

typedef struct control {
    wr_job *job;
    uv_loop_t loop;
    uv_timer_t timer, epochs;
    void (*tick)(void *ctx);
    void *ctx;
    /* the end of a job whose input has ended: on a thread of its own, so that ticks go on meanwhile */
    bool finishing;
    int finished; /* atomic: it is over, and */
    wr_status status;
    wr_err err;
} control;

static void on_timer(uv_timer_t *timer) {
    control *c = timer->data;
    wri_meters_tick(c->job);
    wr_budget *was = wr_budget_enter(NULL); /* what it keeps is not the job's */
    if (c->tick) c->tick(c->ctx);
    wr_budget_enter(was);
}

static void on_epoch(uv_timer_t *timer) {
    control *c = timer->data;
    wri_epochs_tick(c->job);
}

/* Sent by each worker as its last act, and when it has passed a barrier; when a snapshot was written; by
 * whoever cancels. */
static void on_done(uv_async_t *done) {
    control *c = done->data;
    wr_job *j = c->job;
    if (c->finishing) {
        if (__atomic_load_n(&c->finished, __ATOMIC_ACQUIRE)) uv_stop(&c->loop);
        return;
    }
    wri_epochs_written(j, false);
    wri_epochs_passed(j);
    bool ends = wri_canceled(j) && j->epochs.store;
    if (ends || __atomic_load_n(&j->epochs.due, __ATOMIC_RELAXED)) wri_epochs_tick(j);
    if (__atomic_load_n(&j->running, __ATOMIC_ACQUIRE) == 0 && !j->epochs.writing) uv_stop(&c->loop);
}

/* Only once the threads are gone: one may still be sending. */
static void close_loop(control *c) {
    set_looping(c->job, false);
    uv_close((uv_handle_t *)&c->timer, NULL);
    uv_close((uv_handle_t *)&c->epochs, NULL);
    uv_close((uv_handle_t *)&c->job->done, NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
}

static wr_status start_workers(wr_job *j, uint32_t *startedp, wr_err *err) {
    __atomic_store_n(&j->running, j->n_workers, __ATOMIC_RELEASE);
    for (*startedp = 0; *startedp < j->n_workers; ++*startedp) {
        wr_task *t = &j->workers[*startedp];
        int e = pthread_create(&t->thread, NULL, wri_worker_main, t);
        if (e == 0) continue;
        __atomic_store_n(&j->stop, 1, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&j->running, j->n_workers - *startedp, __ATOMIC_RELEASE);
        uv_async_send(&j->done); /* the last of those started may have ended before this */
        return wr_fail(err, WR_EIO, "cannot start worker %u of %u: %s; lower --workers", *startedp + 1,
                       j->n_workers, strerror(e));
    }
    return WR_OK;
}

static void *finish_main(void *arg) {
    control *c = arg;
    wr_budget *was = wr_budget_enter(&c->job->budget);
    c->status = wri_epochs_finish(c->job, &c->err);
    wr_budget_enter(was);
    __atomic_store_n(&c->finished, 1, __ATOMIC_RELEASE);
    uv_async_send(&c->job->done);
    return NULL;
}

/* All rows have come through: what was kept for the sinks goes out, which may take as long as they like. */
static wr_status finish(control *c, wr_err *err) {
    pthread_t thread;
    if (!c->job->epochs.store) return WR_OK;
    uv_timer_stop(&c->epochs);
    c->finishing = true;
    int e = pthread_create(&thread, NULL, finish_main, c);
    if (e != 0) return wri_epochs_finish(c->job, err);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    if (c->status != WR_OK && err) *err = c->err;
    return c->status;
}

static wr_status begin_sinks(wr_job *j, wr_err *err) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        wri_sink *s = &j->sinks[id];
        if (s->sink && s->con->begin) WR_TRY(s->con->begin(s->sink, err));
    }
    return WR_OK;
}

static wr_status run(wr_job *j, void (*tick)(void *ctx), void *ctx, wr_err *err) {
    control c = {.job = j, .tick = tick, .ctx = ctx};
    uint32_t started = 0;
    __atomic_store_n(&j->started_us, j->sys->mono_us(), __ATOMIC_RELAXED); /* somebody may be looking */
    if (j->finished) return WR_OK;
    int e = uv_loop_init(&c.loop);
    if (e == 0 && (e = uv_async_init(&c.loop, &j->done, on_done)) != 0) uv_loop_close(&c.loop);
    if (e != 0) return wr_fail(err, WR_EIO, "cannot start the event loop: %s", uv_strerror(e));
    uv_timer_init(&c.loop, &c.timer);
    uv_timer_init(&c.loop, &c.epochs);
    c.timer.data = c.epochs.data = j->done.data = &c;
    uv_timer_start(&c.timer, on_timer, TICK_MS, TICK_MS);
    set_looping(j, true);
    uint64_t ms = wri_epochs_wait_ms(j, TICK_MS);
    if (j->epochs.store) uv_timer_start(&c.epochs, on_epoch, ms, ms);
    wr_status s = begin_sinks(j, err);
    if (s == WR_OK) s = start_workers(j, &started, err);
    if (started > 0) uv_run(&c.loop, UV_RUN_DEFAULT);
    for (uint32_t w = 0; w < started; w++) pthread_join(j->workers[w].thread, NULL);
    wri_epochs_written(j, true);
    bool finishes = s == WR_OK && j->status == WR_OK && !wri_canceled(j);
    wri_savepoint_end(j); /* there will be no barrier any more */
    if (finishes) s = finish(&c, err);
    close_loop(&c);
    __atomic_store_n(&j->ended_us, j->sys->mono_us(), __ATOMIC_RELAXED);
    if (finishes || s != WR_OK) return s;
    if (j->status != WR_OK) {
        if (err) *err = j->err;
        return j->status;
    }
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) WR_TRY(wri_sink_interrupt(j, &j->sinks[id], err));
    return wr_fail(err, WR_ECANCELED, "interrupted");
}

wr_status wr_job_run(wr_job *j, void (*tick)(void *ctx), void *ctx, wr_err *err) {
    wr_budget *was = wr_budget_enter(&j->budget);
    wr_status s = run(j, tick, ctx, err);
    wr_budget_enter(was);
    return s;
}

/* ---- statistics ---- */

static void add_source_stats(const wri_source *s, wr_job_stats *out) {
    pthread_mutex_lock((pthread_mutex_t *)&s->lock);
    if (s->by_clock_us > out->idle_us) out->idle_us = s->by_clock_us;
    uint32_t n = s->n_splits;
    pthread_mutex_unlock((pthread_mutex_t *)&s->lock);
    for (uint32_t i = 0; i < n; i++) {
        wr_split_info info = {.bytes = -1};
        if (s->con->split_info) s->con->split_info(s->src, i, &info);
        out->at += info.at;
        if (info.bytes < 0) out->total = -1;
        else if (out->total >= 0) out->total += info.bytes;
    }
}

bool wr_job_finished(const wr_job *j) { return j->finished; }
const char *wr_job_passed_over(const wr_job *j) { return j->said.len ? j->said.data : ""; }

wr_status wr_job_notes(const wr_job *j, wr_buf *out) {
    if (j->finished) return WR_OK;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        if (j->sources[id].node) WR_TRY(wri_source_notes(j, &j->sources[id], out));
    }
    return WR_OK;
}

wr_status wr_job_warnings(const wr_job *j, wr_buf *out) {
    for (uint32_t id = 0; j->epochs.store && !j->finished && id < j->plan->n_nodes; id++) {
        const wri_source *s = &j->sources[id];
        if (!s->node || s->con->position) continue;
        const char *what = strcmp(s->con->with.name, "stdin") == 0
                               ? "standard input cannot be read again: after a crash, records that were read "
                                 "since the last snapshot are lost"
                               : "what it reads has no places to go on from: after a restart it is read from "
                                 "its beginning once more";
        WR_TRY(wr_buf_printf(out, "warning: stream %s (connector '%s'): %s\n", s->node->source.stream->name,
                             s->con->with.name, what));
    }
    return WR_OK;
}

void wr_job_stats_read(const wr_job *j, wr_job_stats *out) {
    *out = (wr_job_stats){.watermark_us = WR_WM_END, .workers = j->n_workers};
    out->rows_in = __atomic_load_n(&j->rows_in, __ATOMIC_RELAXED);
    out->rows_out = __atomic_load_n(&j->rows_out, __ATOMIC_RELAXED);
    out->bytes_in = (int64_t)__atomic_load_n(&j->bytes_in, __ATOMIC_RELAXED);
    for (uint32_t w = 0; w < j->n_workers; w++) {
        out->bad_rows += __atomic_load_n(&j->workers[w].bad_rows, __ATOMIC_RELAXED);
        out->late_rows += __atomic_load_n(&j->workers[w].late_rows, __ATOMIC_RELAXED);
        for (uint32_t id = 0; id < j->plan->n_nodes; id++)
            out->forgotten += wri_tallied(&j->workers[w].ops[id].forgotten);
        for (uint32_t i = 0; i < j->workers[w].n_entries; i++) {
            const wri_entry *e = &j->workers[w].entries[i];
            if (!e->source) continue;
            int64_t wm = __atomic_load_n(&e->op->wm, __ATOMIC_RELAXED);
            if (wm < out->watermark_us) out->watermark_us = wm;
        }
    }
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        if (j->sources[id].node) add_source_stats(&j->sources[id], out);
    out->memory_bytes = __atomic_load_n(&j->budget.used, __ATOMIC_RELAXED);
    out->memory_peak = __atomic_load_n(&j->budget.peak, __ATOMIC_RELAXED);
    out->memory_limit = j->memory;
    out->spilled_bytes = (int64_t)__atomic_load_n(&j->spilled_bytes, __ATOMIC_RELAXED);
    out->snapshots = __atomic_load_n(&j->epochs.n_taken, __ATOMIC_RELAXED);
    out->snapshot_bytes = __atomic_load_n(&j->epochs.bytes, __ATOMIC_RELAXED);
    wri_meters_pauses(j, &out->pause_us, &out->pause_most_us);
    out->elapsed_us = wri_job_ran_us(j, j->sys->mono_us());
    pthread_mutex_lock((pthread_mutex_t *)&j->lock);
    memcpy(out->first_bad, j->first_bad, sizeof out->first_bad);
    pthread_mutex_unlock((pthread_mutex_t *)&j->lock);
}
