/* runtime/epochs.c -- when snapshots are taken, what is in one, and how a job goes on from it.
 *
 *   tick (control thread)     epochs.wanted rises: the barrier of a new epoch
 *   each source, each worker  cuts its splits, sends the barrier behind what was dealt before (source.c)
 *   each operator             waits for the barrier on all inputs, saves, passes it on (chain.c)
 *   each sink                 notes how far it has come when all workers have passed (sink.c)
 *   each worker               goes on, and saves what operators left for later bit by bit (worker.c)
 *   last worker to have saved wakes the control thread, which hands all that was saved to a thread
 *   a thread of its own       makes the sinks' output durable, writes segment and manifest
 *   control thread            lets the next epoch begin
 *
 * One epoch at a time. Workers go on as soon as they have passed; what they saved is theirs no more until the
 * snapshot has been written. A job that ends while an epoch is under way gives it up; then the state that is
 * kept says that the job has finished.
 *
 * A snapshot that cannot be written (no room, no memory, an I/O error) is given up: its files go, the job
 * goes on, the trouble is told, and the next one is tried with new files, later and later. Only one thing
 * ends the job: a sink that cannot be made durable. After a failed fsync nobody knows what the disk has of
 * it, and asking again may say yes to what is lost; so nothing may rest on it. The output is cut back to the
 * last snapshot and written once more, which starting again does. */
#include <inttypes.h>

#include "job_int.h"
#include "paged.h"

/* A snapshot under way. It is written by a thread made for it, not by libuv's pool, which ends the process
 * when it cannot have its threads. */
struct wri_writing {
    wr_job *job;
    pthread_t thread;
    bool done; /* atomic: the thread has nothing more to do */
    uint64_t epoch;
    wr_part *parts;
    wr_buf *texts; /* per part */
    size_t n, cap;
    wr_arena ar; /* names */
    uint64_t bytes;
    bool unsure;                 /* a sink could not be made durable */
    wr_status status, committed; /* of the snapshot; of handing over its rows */
    wr_err err;
};

#define BACK_OFF_US   100000 /* after the first snapshot that fails, doubling */
#define BACK_OFF_MOST (10 * WR_US_PER_SECOND)
#define LAST_TRIES    5 /* to note that the job has finished */

/* ---- opening ---- */

static wr_status name_plan(wr_job *j, wr_err *err) {
    wr_registry reg = wr_builtin();
    wri_about about;
    wr_arena ar = {0};
    wr_status r = wr_plan_explain(j->plan, &reg, WR_EXPLAIN_TREE, &j->epochs.plan) == WR_OK &&
                          wr_buf_put(&j->epochs.plan, "", 1) == WR_OK
                      ? WR_OK
                      : wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) r = wri_about_plan(j->plan, &ar, &about, err);
    if (r == WR_OK) about.sql = j->opts.sql ? j->opts.sql : "";
    if (r == WR_OK) about.job = j->opts.name ? j->opts.name : "";
    if (r == WR_OK) r = wri_about_pack(&about, &j->epochs.about, err);
    wr_arena_free(&ar);
    return r;
}

/* *fromp NULL: the state has no snapshot yet. */
static wr_status read_from(wr_job *j, wr_snapshot **fromp, wr_err *err) {
    wr_buf said = {0};
    wr_status r = wr_snapshots_read(j->epochs.store, fromp, &said, err);
    if (r == WR_OK && said.len &&
        (wr_buf_put(&j->said, said.data, said.len) != WR_OK || wr_buf_put(&j->said, "", 1) != WR_OK))
        r = wr_fail_oom(err, "a snapshot");
    wr_buf_free(&said);
    if (r == WR_OK && !*fromp && j->opts.from_dir)
        r = wr_savepoint_read(j->sys, j->opts.from_dir, fromp, err);
    return r == WR_OK && *fromp ? wr_snapshot_bring(*fromp, WRI_OP_PARTS, err) : r;
}

wr_status wri_epochs_open(wr_job *j, wr_snapshot **fromp, wr_err *err) {
    wri_epochs *e = &j->epochs;
    *fromp = NULL;
    if (!j->opts.state_dir && j->opts.from_dir)
        return wr_fail(err, WR_EINVAL, "--from needs a folder for the job's own snapshots: add --state DIR");
    if (!j->opts.state_dir) return WR_OK;
    WR_TRY(name_plan(j, err));
    WR_TRY(wr_snapshots_open(j->sys, j->opts.state_dir, &e->store, err));
    WR_TRY(read_from(j, fromp, err));
    e->wanted = wr_snapshots_next(e->store) - 1;
    do e->job = j->sys->random();
    while (e->job == 0);
    if (!*fromp) return WR_OK;
    if (e->wanted < (*fromp)->head.epoch) e->wanted = (*fromp)->head.epoch; /* of a savepoint */
    WR_TRY(wri_update_job(j, *fromp, err));
    /* Epochs behind a savepoint are another job's to sinks: the one that it was made of may have gone on. */
    uint64_t job = (*fromp)->savepoint ? 0 : wri_epochs_job(*fromp);
    if (job) e->job = job;
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

static const wr_piece *piece_of(const wr_job *j, const wr_snapshot *from, const char *kind, uint32_t id) {
    char name[64];
    if (!from || j->epochs.was[id].id == WR_NO_COL) return NULL;
    snprintf(name, sizeof name, "%s/%u", kind, j->epochs.was[id].id);
    const wr_saved_part *p = wr_snapshot_part(from, name);
    return p && p->n > 0 ? &p->pieces[0] : NULL;
}

uint64_t wri_epochs_job(const wr_snapshot *from) {
    const wr_saved_part *p = wr_snapshot_part(from, "job");
    uint64_t job = 0;
    if (p && p->n == 1 && p->pieces[0].len == sizeof job) memcpy(&job, p->pieces[0].data, sizeof job);
    return job;
}

const wr_piece *wri_epochs_sink(const wr_job *j, const wr_snapshot *from, const wr_node *n) {
    return piece_of(j, from, "sink", n->id);
}
const wr_piece *wri_epochs_rows(const wr_job *j, const wr_snapshot *from, const wr_node *n) {
    return piece_of(j, from, "rows", n->id);
}
const wr_piece *wri_epochs_source(const wr_job *j, const wr_snapshot *from, const wr_node *n) {
    return piece_of(j, from, "source", n->id);
}

/* The node that goes on with what node `was` of the snapshot has kept; WR_NO_COL: none, it is dropped. */
static uint32_t now_of(const wr_job *j, uint32_t was) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        if (j->epochs.was[id].id == was) return id;
    return WR_NO_COL;
}

/* "op/<node>/<worker>", and "/<part>" where the operator has several, "/<part>/<sub>" of those that are
 * several, too */
typedef struct part_name {
    uint32_t now; /* node that goes on with it; WR_NO_COL: none */
    unsigned worker, sub;
    int64_t part;
    uint64_t first; /* bytes that it and those like it behind it, of other subs, begin with */
} part_name;

static bool like(const part_name *a, const part_name *b) {
    return a->now == b->now && a->worker == b->worker && a->part == b->part;
}

/* For each part of the snapshot; the caller's. */
static part_name *read_names(const wr_job *j, const wr_snapshot *from) {
    part_name *names = wr_calloc(from->n + 1, sizeof *names);
    for (size_t i = from->n; names && i-- > 0;) {
        const wr_saved_part *p = &from->parts[i];
        part_name *x = &names[i];
        unsigned id;
        int n = sscanf(p->name, WRI_OP_PARTS "%u/%u/%" SCNd64 "/%u", &id, &x->worker, &x->part, &x->sub);
        x->now = n >= 2 ? now_of(j, id) : WR_NO_COL;
        x->first = p->n > 0 ? p->pieces[0].len : 0;
        if (n >= 3 && i + 1 < from->n && like(x, x + 1)) x->first += x[1].first;
    }
    return names;
}

typedef struct loading { /* one worker's share: all parts are gone over, and what is its own is taken */
    wri_loader loader;
    const wr_snapshot *from;
    const part_name *names;
    bool same; /* each worker's rows are its own again */
    pthread_t thread;
    bool started;
    wr_status status;
    wr_err err;
} loading;

/* The bytes of each operator's parts. */
static void measure_parts(const loading *l, uint64_t *bytes) {
    for (size_t i = 0; i < l->from->n; i++) {
        const wr_saved_part *p = &l->from->parts[i];
        uint32_t now = l->names[i].now;
        for (size_t k = 0; now != WR_NO_COL && k < p->n; k++) bytes[now] += p->pieces[k].len;
    }
}

static wr_status load_part(loading *l, const part_name *name, const wr_saved_part *p, wr_err *err) {
    wri_whose whose = !l->same ? WRI_BY_KEY : name->worker == l->loader.worker ? WRI_OWN : WRI_OTHERS;
    l->loader.likely = name->first;
    /* Of slots that are others' there are only rows without keys to be had, which the first worker takes. */
    if (name->sub >= WR_SUB_SLOTS && whose == WRI_OTHERS && l->loader.worker != 0) return WR_OK;
    if (name->sub >= WR_SUB_SLOTS) return wri_slots_load(&l->loader, name->now, p, whose, err);
    for (size_t k = 0; k < p->n; k++)
        WR_TRY(wri_items_load(&l->loader, name->now, &p->pieces[k], whose, err));
    return WR_OK;
}

static wr_status load_parts(loading *l, uint32_t now, wr_err *err) {
    l->loader.taken = 0;
    for (size_t i = 0; i < l->from->n; i++)
        if (l->names[i].now == now) WR_TRY(load_part(l, &l->names[i], &l->from->parts[i], err));
    return WR_OK;
}

/* The operator hears before how much it will be; where that was too low a guess it is loaded twice. */
static wr_status load_op(loading *l, uint32_t now, uint64_t bytes, wr_err *err) {
    wr_op *op = &l->loader.job->workers[l->loader.worker].ops[now];
    WR_TRY(wri_paged_expect(op, bytes, err));
    wr_status s = load_parts(l, now, err);
    if (s != WR_AGAIN) return s;
    WR_TRY(wri_paged_anew(op, (double)l->loader.taken / (double)bytes, err));
    return load_parts(l, now, err);
}

static wr_status load_worker(loading *l, wr_err *err) {
    uint32_t n = l->loader.job->plan->n_nodes;
    uint64_t *bytes = wr_calloc(n, sizeof *bytes);
    if (!bytes) return wr_fail_oom(err, "a snapshot");
    measure_parts(l, bytes);
    wr_status s = WR_OK;
    for (uint32_t now = 0; now < n && s == WR_OK; now++)
        if (bytes[now]) s = load_op(l, now, bytes[now], err);
    wr_free(bytes);
    return s == WR_OK ? wri_items_loaded(&l->loader, err) : s;
}

static void *load_share(void *arg) {
    loading *l = arg;
    wr_budget *was = wr_budget_enter(&l->loader.job->budget);
    l->status = load_worker(l, &l->err);
    wri_loader_free(&l->loader);
    wr_budget_enter(was);
    return NULL;
}

wr_status wri_epochs_load(wr_job *j, const wr_snapshot *from, wr_err *err) {
    if (!from) return WR_OK;
    loading *all = wr_calloc(j->n_workers, sizeof *all);
    part_name *names = read_names(j, from);
    wr_status r = WR_OK;
    if (!all || !names) {
        wr_free(all);
        wr_free(names);
        return wr_fail_oom(err, "a snapshot");
    }
    bool same = wri_owners_same(j, from);
    for (uint32_t w = 0; w < j->n_workers; w++) {
        wri_loader own = {.job = j, .worker = w, .reader = {.of = from, .fd = -1}};
        all[w] = (loading){.loader = own, .from = from, .names = names, .same = same};
        all[w].started = w > 0 && pthread_create(&all[w].thread, NULL, load_share, &all[w]) == 0;
    }
    for (uint32_t w = 0; w < j->n_workers; w++) {
        if (all[w].started) pthread_join(all[w].thread, NULL);
        else load_share(&all[w]);
        if (r == WR_OK && all[w].status != WR_OK) r = wr_fail(err, all[w].status, "%s", all[w].err.msg);
    }
    wr_free(all);
    wr_free(names);
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
    return a->node == b->node && a->named == b->named &&
           (!a->named || (a->part == b->part && a->sub == b->sub));
}

static const char *name_of(wr_arena *ar, const wri_item *item, uint32_t worker) {
    if (!item->named) return wr_arena_printf(ar, "op/%u/%u", item->node, worker);
    if (!item->sub) return wr_arena_printf(ar, "op/%u/%u/%" PRId64, item->node, worker, item->part);
    return wr_arena_printf(ar, "op/%u/%u/%" PRId64 "/%u", item->node, worker, item->part, item->sub);
}

/* In the thread: what the operators of worker i have saved, part by part. */
static wr_status add_worker(wri_writing *w, uint32_t i) {
    wr_saver *s = &w->job->workers[i].saver;
    wri_saver_sort(s);
    for (size_t at = 0, next; at < s->n; at = next) {
        wr_buf *none;
        const wri_item *first = &s->items[at];
        for (next = at + 1; next < s->n && same_part(first, &s->items[next]); next++) {
        }
        wri_items *run = wr_arena_alloc(&w->ar, sizeof *run);
        if (!run) return wr_fail_oom(&w->err, "a snapshot");
        *run = (wri_items){s, s->items + at, next - at};
        WR_TRY(add_part(w, name_of(&w->ar, first, i), &none, &w->err));
        w->parts[w->n - 1].more = first->more;
        w->parts[w->n - 1].say = wri_items_say;
        w->parts[w->n - 1].ctx = run;
    }
    return WR_OK;
}

static wr_status sync_sinks(const wr_job *j, wr_err *err) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        const wri_sink *s = &j->sinks[id];
        wr_err why = {0};
        wr_status r = s->node && s->con->sync ? s->con->sync(s->sink, &why) : WR_OK;
        if (r != WR_OK)
            return wr_fail(err, r,
                           "%s; nobody knows what the disk has of it: start again, and it is written anew "
                           "from the last snapshot",
                           why.msg);
    }
    return WR_OK;
}

static wr_status write_manifest(wri_writing *w, bool finished) {
    wr_job *j = w->job;
    for (size_t i = 0; i < w->n; i++) {
        w->parts[i].data = w->texts[i].data;
        w->parts[i].len = w->texts[i].len;
    }
    wr_snapshot_head head = {
        .epoch = w->epoch, .taken_us = j->sys->wall_us(), .plan = j->epochs.plan.data, .finished = finished};
    return wr_snapshots_write(j->epochs.store, &head, w->parts, w->n, &w->bytes, &w->err);
}

static wr_status write_all(wri_writing *w) {
    wr_job *j = w->job;
    for (uint32_t i = 0; i < j->n_workers; i++) WR_TRY(add_worker(w, i));
    wr_status synced = sync_sinks(j, &w->err); /* before the manifest says that they have come so far */
    w->unsure = synced != WR_OK;
    WR_TRY(synced);
    return write_manifest(w, false);
}

static void *write_main(void *arg) {
    wri_writing *w = arg;
    wr_job *j = w->job;
    wr_budget *was = wr_budget_enter(&j->budget);
    w->status = write_all(w);
    if (w->status == WR_OK) w->committed = wri_commit_epoch(j, w->epoch, w->texts, &w->err);
    if (w->status == WR_OK) wri_savepoint_make(j, w->committed == WR_OK);
    wr_budget_enter(was);
    __atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
    uv_async_send(&j->done);
    return NULL;
}

static void free_writing(wri_writing *w) {
    for (size_t i = 0; i < w->n; i++) wr_buf_free(&w->texts[i]);
    wr_free(w->texts);
    wr_free(w->parts);
    wr_arena_free(&w->ar);
    wr_free(w);
}

static int64_t back_off(uint32_t failed) {
    int64_t us = BACK_OFF_US;
    while (--failed > 0 && us < BACK_OFF_MOST) us *= 2;
    return us < BACK_OFF_MOST ? us : BACK_OFF_MOST;
}

static void tell(wr_job *j, bool again, const char *what, const wr_err *why) {
    wr_buf text = {0};
    bool said = wr_buf_printf(&text, "%s: %s", what, why->msg) == WR_OK;
    wri_trouble_begins(j, WR_TROUBLE_SNAPSHOT, again, said ? text.data : why->msg);
    wr_buf_free(&text);
}

static void give_up(wr_job *j, const wr_err *why) {
    wri_epochs *e = &j->epochs;
    int64_t at = j->sys->mono_us() + back_off(++e->failed);
    tell(j, e->troubled, "a snapshot could not be written", why);
    e->troubled = true;
    if (e->next_us < at) e->next_us = at;
    e->retry_us = at;
}

/* Old ones that cannot be removed do no harm but take room. */
static void has_been_written(wr_job *j) {
    wri_epochs *e = &j->epochs;
    const wr_err *left = wr_snapshots_uncollected(e->store);
    __atomic_add_fetch(&e->n_taken, 1, __ATOMIC_RELAXED);
    e->failed = 0;
    if (left) tell(j, e->troubled, "an old snapshot could not be removed", left);
    else if (e->troubled) wri_trouble_ends(j, WR_TROUBLE_SNAPSHOT);
    e->troubled = left != NULL;
}

/* What was saved is let go, the next may begin. */
static void over(wr_job *j, bool written) {
    wri_epochs *e = &j->epochs;
    __atomic_store_n(&e->held, false, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < j->n_workers; i++) {
        wri_saver_reset(&j->workers[i].saver);
        j->workers[i].saver.goes_on = written;
    }
    e->under_way = false;
    if (e->last) __atomic_store_n(&j->stop, 1, __ATOMIC_RELAXED);
}

/* Back in the control thread. */
static void written(wri_writing *w) {
    wr_job *j = w->job;
    wri_epochs *e = &j->epochs;
    wri_meter_snapshot_ended(j, w->status == WR_OK, w->bytes);
    if (w->status != WR_OK) wri_commit_back(j, w->texts);
    if (w->status == WR_OK) has_been_written(j);
    else if (w->unsure) wri_job_fail(j, w->status, &w->err);
    else give_up(j, &w->err);
    /* Rows that have not been handed over are in this snapshot only: when the job is to stop, it is the last.
     */
    if (w->committed == WR_ECANCELED) {
        e->last = true;
        w->committed = WR_OK;
    }
    if (w->status == WR_OK && w->committed != WR_OK) wri_job_fail(j, w->committed, &w->err);
    wri_savepoint_told(j, w->status != WR_OK ? w->status : w->committed, &w->err);
    __atomic_add_fetch(&e->bytes, w->bytes, __ATOMIC_RELAXED);
    over(j, w->status == WR_OK);
    free_writing(w);
}

static wr_status add_job(wri_writing *w) {
    wr_buf *text;
    WR_TRY(add_part(w, "job", &text, &w->err));
    uint64_t job = w->job->epochs.job;
    if (wr_buf_put(text, &job, sizeof job) != WR_OK) return wr_fail_oom(&w->err, "a snapshot");
    WR_TRY(add_part(w, WRI_OWNERS, &text, &w->err));
    WR_TRY(wri_owners_pack(w->job, text, &w->err));
    const wr_buf *about = &w->job->epochs.about;
    WR_TRY(add_part(w, WRI_ABOUT, &text, &w->err));
    return wr_buf_put(text, about->data, about->len) == WR_OK ? WR_OK : wr_fail_oom(&w->err, "a snapshot");
}

static wr_status add_sink(wri_writing *w, wri_sink *s) {
    wr_buf *text;
    WR_TRY(add_part(w, wr_arena_printf(&w->ar, "sink/%u", s->node->id), &text, &w->err));
    WR_TRY(wri_sink_save(w->job, s, w->epoch, text, &w->err));
    if (!s->commits) return WR_OK;
    WR_TRY(add_part(w, wr_arena_printf(&w->ar, "rows/%u", s->node->id), &text, &w->err));
    s->part = (uint32_t)w->n - 1;
    wri_commit_take(w->job, s, text);
    return WR_OK;
}

/* Sources and sinks: what they noted at the barrier. */
static wr_status add_ends(wri_writing *w) {
    wr_job *j = w->job;
    WR_TRY(add_job(w));
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        wr_buf *text;
        if (j->sources[id].node) {
            WR_TRY(add_part(w, wr_arena_printf(&w->ar, "source/%u", id), &text, &w->err));
            WR_TRY(wri_source_save(&j->sources[id], w->epoch, text, &w->err));
        }
        if (j->sinks[id].node) WR_TRY(add_sink(w, &j->sinks[id]));
    }
    return WR_OK;
}

void wri_epochs_passed(wr_job *j) {
    wri_epochs *e = &j->epochs;
    if (!e->under_way || __atomic_load_n(&e->passed, __ATOMIC_ACQUIRE) < j->n_workers) return;
    __atomic_store_n(&e->passed, 0, __ATOMIC_RELAXED);
    wri_writing *w = wr_calloc(1, sizeof *w);
    wr_err err = {0};
    if (!w) {
        (void)!wr_fail_oom(&err, "a snapshot");
        give_up(j, &err);
        over(j, false);
        return;
    }
    *w = (wri_writing){.job = j, .epoch = e->wanted};
    w->status = add_ends(w);
    bool going = w->status == WR_OK; /* once the thread runs, w->status is its own */
    int no = going ? pthread_create(&w->thread, NULL, write_main, w) : 0;
    if (no) w->status = wr_fail(&w->err, WR_EIO, "no thread can be had for it: %s", strerror(no));
    if (going && !no) e->writing = w;
    else written(w);
}

void wri_epochs_written(wr_job *j, bool wait) {
    wri_writing *w = j->epochs.writing;
    if (!w || (!wait && !__atomic_load_n(&w->done, __ATOMIC_ACQUIRE))) return;
    pthread_join(w->thread, NULL);
    j->epochs.writing = NULL;
    written(w);
}

/* ---- when ---- */

static int64_t interval(const wr_job *j) {
    int64_t asked = j->opts.snapshot_interval_us;
    return asked ? asked : j->plan->settings.snapshot_interval_us;
}

void wri_epochs_tick(wr_job *j) {
    wri_epochs *e = &j->epochs;
    if (!e->store || e->under_way || wri_stopping(j)) return;
    int64_t now = j->sys->mono_us();
    bool stop = wri_canceled(j);
    if (e->next_us == 0) e->next_us = now + interval(j);
    bool due = __atomic_load_n(&e->due, __ATOMIC_RELAXED) && (e->failed == 0 || now >= e->retry_us);
    if (now < e->next_us && !stop && !due && !wri_savepoint_asked(j)) return;
    __atomic_store_n(&e->due, false, __ATOMIC_RELAXED);
    wri_savepoint_take_up(j);
    e->next_us = now + interval(j);
    e->under_way = true;
    __atomic_store_n(&e->held, true, __ATOMIC_RELEASE);
    e->last = stop;
    wri_meter_snapshot_begun(j, e->wanted + 1);
    __atomic_store_n(&e->wanted, e->wanted + 1, __ATOMIC_RELEASE);
    for (uint32_t w = 0; w < j->n_workers; w++) wri_wake(&j->workers[w]);
}

uint64_t wri_epochs_wait_ms(const wr_job *j, uint64_t most) {
    uint64_t ms = (uint64_t)interval(j) / 1000;
    return ms < 1 ? 1 : ms < most ? ms : most;
}

/* ---- the end ---- */

/* Rows that no epoch has taken yet are all that it holds. */
static wr_status write_last(wri_writing *w) {
    wr_job *j = w->job;
    WR_TRY(add_job(w));
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        wri_sink *s = &j->sinks[id];
        if (s->node && s->commits) WR_TRY(add_sink(w, s));
    }
    wr_status r = WR_EIO;
    for (uint32_t i = 0; r != WR_OK && i < LAST_TRIES; i++) {
        w->epoch = ++j->epochs.wanted;
        if (i > 0) uv_sleep((unsigned)(back_off(i) / 1000));
        r = write_manifest(w, true);
    }
    if (r != WR_OK) return wr_fail_in(&w->err, r, "that the job has finished could not be noted");
    return wri_commit_epoch(j, w->epoch, w->texts, &w->err);
}

wr_status wri_epochs_finish(wr_job *j, wr_err *err) {
    wri_epochs *e = &j->epochs;
    if (!e->store) return WR_OK;
    WR_TRY(sync_sinks(j, err));
    wri_writing *w = wr_calloc(1, sizeof *w);
    if (!w) return wr_fail_oom(err, "a snapshot");
    *w = (wri_writing){.job = j, .epoch = e->wanted + 1};
    wr_status r = write_last(w);
    if (r != WR_OK) r = wr_fail(err, r, "%s", w->err.msg);
    free_writing(w);
    return r;
}

void wri_epochs_close(wr_job *j) {
    wr_snapshots_close(j->epochs.store);
    wr_buf_free(&j->epochs.plan);
    wr_buf_free(&j->epochs.about);
    wr_free(j->epochs.was);
    wr_free(j->savepoint.dir);
}
