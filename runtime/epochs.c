/* runtime/epochs.c -- when snapshots are taken, what is in one, and how a job goes on from it.
 *
 *   tick (control thread)     epochs.wanted rises: the barrier of a new epoch
 *   each source, each worker  cuts its splits, sends the barrier behind what was dealt before (source.c)
 *   each operator             waits for the barrier on all inputs, saves, passes it on (chain.c)
 *   each sink                 notes how far it has come when all workers have passed (sink.c)
 *   each worker               goes on, and saves what operators left for later bit by bit (worker.c)
 *   last worker to have saved wakes the control thread, which hands all that was saved to the pool
 *   pool                      packs, makes the sinks' output durable, writes segment and manifest
 *   control thread            lets the next epoch begin
 *
 * One epoch at a time. Workers go on as soon as they have passed; what they saved is theirs no more until the
 * snapshot has been written. A job that ends while an epoch is under way gives it up; then the state that is
 * kept says that the job has finished. */
#include <inttypes.h>

#include "job_int.h"

/* A snapshot that the pool writes. */
typedef struct wri_writing {
    wr_job *job;
    uv_work_t work;
    uint64_t epoch;
    wr_part *parts;
    wr_buf *texts; /* per part */
    size_t n, cap;
    wr_arena ar; /* names */
    uint64_t bytes;
    wr_status status;
    wr_err err;
} wri_writing;

/* ---- opening ---- */

static wr_status name_plan(wr_job *j, wr_err *err) {
    wr_registry reg = wr_builtin();
    return wr_plan_explain(j->plan, &reg, WR_EXPLAIN_TREE, &j->epochs.plan) == WR_OK &&
                   wr_buf_put(&j->epochs.plan, "", 1) == WR_OK
               ? WR_OK
               : wr_fail_oom(err, "a snapshot");
}

static wr_status same_plan(const wr_job *j, const wr_snapshot *s, wr_err *err) {
    if (strcmp(s->head.plan, j->epochs.plan.data) == 0) return WR_OK;
    return wr_fail(err, WR_EINVAL,
                   "the state in '%s' belongs to another SQL (their EXPLAINs differ); run the SQL it was "
                   "made by, or give "
                   "another --state",
                   j->opts.state_dir);
}

wr_status wri_epochs_open(wr_job *j, wr_snapshot **fromp, wr_err *err) {
    wri_epochs *e = &j->epochs;
    wr_buf said = {0};
    *fromp = NULL;
    if (!j->opts.state_dir) return WR_OK;
    WR_TRY(name_plan(j, err));
    WR_TRY(wr_snapshots_open(j->sys, j->opts.state_dir, &e->store, err));
    wr_status r = wr_snapshots_read(e->store, fromp, &said, err);
    if (r == WR_OK && said.len) r = wr_buf_put(&j->said, said.data, said.len) == WR_OK ? WR_OK : WR_ENOMEM;
    wr_buf_free(&said);
    WR_TRY(r);
    e->wanted = wr_snapshots_next(e->store) - 1;
    if (!*fromp) return WR_OK;
    WR_TRY(same_plan(j, *fromp, err));
    j->finished = (*fromp)->head.finished;
    j->restored = true;
    return WR_OK;
}

static wr_status check_node(const wr_job *j, const wr_node *n, const wr_op_def *def, wr_err *err) {
    const wri_sink *s = &j->sinks[n->id];
    if (n->kind == WR_N_SINK && s->fmt && s->fmt->shared_encoder && s->con->mark)
        return wr_fail(err, WR_EUNSUPPORTED,
                       "--state: rows of format '%s' cannot be cut back; use json or csv for stream %s",
                       s->fmt->with.name, n->sink.stream->name);
    if (def->save || def->stateless) return WR_OK;
    return wr_fail(err, WR_EUNSUPPORTED, "--state: what '%s' keeps cannot be saved yet; run without --state",
                   def->name);
}

wr_status wri_epochs_check(const wr_job *j, wr_err *err) {
    if (!j->epochs.store) return WR_OK;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        WR_TRY(check_node(j, j->plan->nodes[id], j->workers[0].ops[id].def, err));
    return WR_OK;
}

/* ---- names of parts ---- */

static const wr_piece *piece_of(const wr_snapshot *from, const char *kind, uint32_t id) {
    char name[64];
    if (!from) return NULL;
    snprintf(name, sizeof name, "%s/%u", kind, id);
    const wr_saved_part *p = wr_snapshot_part(from, name);
    return p && p->n > 0 ? &p->pieces[0] : NULL;
}

const wr_piece *wri_epochs_sink(const wr_snapshot *from, const wr_node *n) {
    return piece_of(from, "sink", n->id);
}
const wr_piece *wri_epochs_source(const wr_snapshot *from, const wr_node *n) {
    return piece_of(from, "source", n->id);
}

/* "op/<node>/<worker>", and "/<part>" where the operator has several */
static wr_status load_worker(wr_job *j, uint32_t w, const wr_snapshot *from, wr_err *err) {
    for (size_t i = 0; i < from->n; i++) {
        unsigned id, worker;
        if (sscanf(from->parts[i].name, "op/%u/%u", &id, &worker) != 2) continue;
        if (id >= j->plan->n_nodes)
            return wr_fail(err, WR_EDATA, "the snapshot has state of an operator that is not there");
        for (size_t k = 0; k < from->parts[i].n; k++) {
            const wr_piece *p = &from->parts[i].pieces[k];
            WR_TRY(wri_items_load(j, w, id, p->data, p->len, err));
        }
    }
    return WR_OK;
}

typedef struct loading { /* one worker's share; each goes through all parts and takes what is its own */
    wr_job *job;
    const wr_snapshot *from;
    uint32_t worker;
    pthread_t thread;
    bool started;
    wr_status status;
    wr_err err;
} loading;

static void *load_share(void *arg) {
    loading *l = arg;
    wr_budget *was = wr_budget_enter(&l->job->budget);
    l->status = load_worker(l->job, l->worker, l->from, &l->err);
    wr_budget_enter(was);
    return NULL;
}

wr_status wri_epochs_load(wr_job *j, const wr_snapshot *from, wr_err *err) {
    if (!from) return WR_OK;
    loading *all = wr_calloc(j->n_workers, sizeof *all);
    wr_status r = WR_OK;
    if (!all) return wr_fail_oom(err, "a snapshot");
    for (uint32_t w = 0; w < j->n_workers; w++) {
        all[w] = (loading){.job = j, .from = from, .worker = w};
        all[w].started = w > 0 && pthread_create(&all[w].thread, NULL, load_share, &all[w]) == 0;
    }
    for (uint32_t w = 0; w < j->n_workers; w++) {
        if (all[w].started) pthread_join(all[w].thread, NULL);
        else load_share(&all[w]);
        if (r == WR_OK && all[w].status != WR_OK) r = wr_fail(err, all[w].status, "%s", all[w].err.msg);
    }
    wr_free(all);
    return r;
}

/* ---- writing ---- */

static wr_status add_part(wri_writing *w, const char *name, wr_buf **textp, wr_err *err) {
    size_t cap = w->cap;
    if (wr_grow(&w->parts, &w->cap, w->n + 1, sizeof *w->parts) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    if (w->cap != cap) {
        wr_buf *t = wr_reallocn(w->texts, w->cap, sizeof *t);
        if (!t) return wr_fail_oom(err, "a snapshot");
        w->texts = t;
    }
    w->texts[w->n] = (wr_buf){0};
    w->parts[w->n] = (wr_part){.name = name};
    *textp = &w->texts[w->n++];
    return name ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static bool same_part(const wri_item *a, const wri_item *b) {
    return a->node == b->node && a->named == b->named && (!a->named || a->part == b->part);
}

/* In the pool: what the operators of worker i have saved, part by part. */
static wr_status pack_worker(wri_writing *w, uint32_t i) {
    wr_saver *s = &w->job->workers[i].saver;
    wri_saver_sort(s);
    for (size_t at = 0, next; at < s->n; at = next) {
        wr_buf *text;
        const wri_item *first = &s->items[at];
        for (next = at + 1; next < s->n && same_part(first, &s->items[next]); next++) {
        }
        const char *name = first->named
                               ? wr_arena_printf(&w->ar, "op/%u/%u/%" PRId64, first->node, i, first->part)
                               : wr_arena_printf(&w->ar, "op/%u/%u", first->node, i);
        WR_TRY(add_part(w, name, &text, &w->err));
        w->parts[w->n - 1].more = first->more;
        w->parts[w->n - 1].from = s->items[next - 1].from;
        WR_TRY(wri_items_pack(s->items + at, next - at, text, &w->err));
    }
    return WR_OK;
}

static wr_status sync_sinks(wri_writing *w) {
    wr_job *j = w->job;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        if (j->sinks[id].node && j->sinks[id].con->sync)
            WR_TRY(j->sinks[id].con->sync(j->sinks[id].sink, &w->err));
    return WR_OK;
}

static wr_status write_all(wri_writing *w) {
    wr_job *j = w->job;
    for (uint32_t i = 0; i < j->n_workers; i++) WR_TRY(pack_worker(w, i));
    WR_TRY(sync_sinks(w)); /* before the manifest says that they have come so far */
    for (size_t i = 0; i < w->n; i++) {
        w->parts[i].data = w->texts[i].data;
        w->parts[i].len = w->texts[i].len;
    }
    wr_snapshot_head head = {.epoch = w->epoch, .taken_us = j->sys->wall_us(), .plan = j->epochs.plan.data};
    return wr_snapshots_write(j->epochs.store, &head, w->parts, w->n, &w->bytes, &w->err);
}

static void in_pool(uv_work_t *work) {
    wri_writing *w = work->data;
    wr_budget *was = wr_budget_enter(&w->job->budget);
    w->status = write_all(w);
    wr_budget_enter(was);
}

static void free_writing(wri_writing *w) {
    for (size_t i = 0; i < w->n; i++) wr_buf_free(&w->texts[i]);
    wr_free(w->texts);
    wr_free(w->parts);
    wr_arena_free(&w->ar);
    wr_free(w);
}

/* Back in the control thread. */
static void written(uv_work_t *work, int status) {
    wri_writing *w = work->data;
    wr_job *j = w->job;
    wri_epochs *e = &j->epochs;
    (void)status;
    __atomic_store_n(&e->writing, false, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < j->n_workers; i++) {
        wri_saver_reset(&j->workers[i].saver);
        j->workers[i].saver.goes_on = w->status == WR_OK;
    }
    if (w->status != WR_OK) wri_job_fail(j, w->status, &w->err);
    else e->n_taken++;
    e->bytes += w->bytes;
    e->under_way = false;
    if (e->last) __atomic_store_n(&j->stop, 1, __ATOMIC_RELAXED);
    free_writing(w);
}

/* Sources and sinks: what they noted at the barrier. */
static wr_status add_ends(wri_writing *w) {
    wr_job *j = w->job;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        wr_buf *text;
        if (j->sources[id].node) {
            WR_TRY(add_part(w, wr_arena_printf(&w->ar, "source/%u", id), &text, &w->err));
            WR_TRY(wri_source_save(&j->sources[id], w->epoch, text, &w->err));
        }
        if (j->sinks[id].node) {
            WR_TRY(add_part(w, wr_arena_printf(&w->ar, "sink/%u", id), &text, &w->err));
            WR_TRY(wri_sink_save(&j->sinks[id], w->epoch, text, &w->err));
        }
    }
    return WR_OK;
}

void wri_epochs_passed(wr_job *j, uv_loop_t *loop) {
    wri_epochs *e = &j->epochs;
    if (!e->under_way || __atomic_load_n(&e->passed, __ATOMIC_ACQUIRE) < j->n_workers) return;
    __atomic_store_n(&e->passed, 0, __ATOMIC_RELAXED);
    wri_writing *w = wr_calloc(1, sizeof *w);
    wr_err err = {0};
    if (!w) {
        wri_job_fail(j, wr_fail_oom(&err, "a snapshot"), &err);
        return;
    }
    *w = (wri_writing){.job = j, .epoch = e->wanted, .work = {.data = w}};
    w->status = add_ends(w);
    if (w->status == WR_OK && uv_queue_work(loop, &w->work, in_pool, written) == 0) return;
    if (w->status == WR_OK) w->status = wr_fail(&w->err, WR_EIO, "no thread can be had to write a snapshot");
    written(&w->work, 0);
}

/* ---- when ---- */

static int64_t interval(const wr_job *j) {
    int64_t asked = j->opts.snapshot_interval_us;
    return asked ? asked : j->plan->settings.snapshot_interval_us;
}

void wri_epochs_tick(wr_job *j) {
    wri_epochs *e = &j->epochs;
    if (e->under_way || wri_stopping(j)) return;
    int64_t now = j->sys->mono_us();
    bool stop = __atomic_load_n(&j->canceled, __ATOMIC_RELAXED);
    if (e->next_us == 0) e->next_us = now + interval(j);
    if (now < e->next_us && !stop) return;
    e->next_us = now + interval(j);
    e->under_way = true;
    __atomic_store_n(&e->writing, true, __ATOMIC_RELEASE);
    e->last = stop;
    __atomic_store_n(&e->wanted, e->wanted + 1, __ATOMIC_RELEASE);
    for (uint32_t w = 0; w < j->n_workers; w++) wri_wake(&j->workers[w]);
}

uint64_t wri_epochs_wait_ms(const wr_job *j, uint64_t most) {
    uint64_t ms = (uint64_t)interval(j) / 1000;
    return ms < 1 ? 1 : ms < most ? ms : most;
}

/* ---- the end ---- */

wr_status wri_epochs_finish(wr_job *j, wr_err *err) {
    wri_epochs *e = &j->epochs;
    if (!e->store) return WR_OK;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        if (j->sinks[id].node && j->sinks[id].con->sync)
            WR_TRY(j->sinks[id].con->sync(j->sinks[id].sink, err));
    wr_snapshot_head head = {
        .epoch = e->wanted + 1, .taken_us = j->sys->wall_us(), .plan = e->plan.data, .finished = true};
    return wr_snapshots_write(e->store, &head, NULL, 0, NULL, err);
}

void wri_epochs_close(wr_job *j) {
    wr_snapshots_close(j->epochs.store);
    wr_buf_free(&j->epochs.plan);
}
