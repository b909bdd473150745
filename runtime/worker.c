/* runtime/worker.c -- a worker's thread: which entry runs next.
 *
 * Later stages first, so that rings are emptied before sources fill them; sources last, one chunk at
 * a time. With nothing to do the worker sleeps until an exchange or a source wakes it; for a moment only when
 * it has a live source that cannot. */
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "job_int.h"
#include "paged.h"

#define NAP_MS   1   /* while a live source may get data and cannot tell */
#define TICK_MS  20  /* while one may that can: clocks and rows that have waited are looked after */
#define SLEEP_MS 100 /* else: only a missed wake-up would cost this */
#define SLICE_US 500 /* of saving, between rows: in few of them another process gets the processor */

wr_status wri_waker_open(wr_task *t, wr_err *err) {
    t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->wakers = wr_calloc(t->n_entries + 1, sizeof *t->wakers);
    if (!t->wakers) return wr_fail_oom(err, "a worker");
    if (t->wake_fd >= 0) return WR_OK;
    return wr_fail(err, WR_EIO, "a worker cannot be woken: %s; raise the limit of open files (ulimit -n)",
                   strerror(errno));
}

void wri_waker_close(wr_task *t) {
    if (t->wake_fd >= 0) close(t->wake_fd);
    wr_free(t->wakers);
}

void wri_wake(wr_task *t) {
    /* Who falls asleep now sees the event, or we see the sleeper: on both sides a store and then a load, in
     * one order. */
    if (!__atomic_load_n(&t->asleep, __ATOMIC_SEQ_CST)) return;
    uint64_t one = 1;
    ssize_t full = write(t->wake_fd, &one, sizeof one); /* fails only where enough is written */
    (void)full;
}

/* But for those that rest: what ends that comes by another ring. */
static bool rings_empty(const wr_task *t) {
    uint32_t workers = t->job->n_workers;
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_exchange *x = t->entries[i].exchange;
        if (!x || t->entries[i].ended || t->entries[i].passed != t->passed) continue;
        for (uint32_t from = 0; from < workers; from++) {
            if (t->entries[i].rests[from]) continue;
            const wri_ring *r = &x->rings[from * workers + t->index];
            if (r->head != __atomic_load_n(&r->tail, __ATOMIC_SEQ_CST)) return false;
        }
    }
    return true;
}

/* The descriptor that tells of more in e, -1: none does. A worker that does not read now must not be told. */
static int teller(const wr_task *t, const wri_entry *e) {
    bool reads = e->passed == t->passed && !(e->op->node->source.in_order && t->index != 0);
    return reads && e->source->con->watch ? e->source->con->watch(e->source->src) : -1;
}

/* Fills t->wakers; *np: how many. Returns for how long the worker may sleep. */
static int find_wakers(wr_task *t, bool deaf, nfds_t *np) {
    int ms = SLEEP_MS;
    t->wakers[(*np)++] = (struct pollfd){.fd = t->wake_fd, .events = POLLIN};
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_entry *e = &t->entries[i];
        if (!e->source || e->ended) continue;
        int fd = deaf ? -1 : teller(t, e);
        if (fd >= 0) t->wakers[(*np)++] = (struct pollfd){.fd = fd, .events = POLLIN};
        int most = fd >= 0 ? TICK_MS : NAP_MS;
        if (most < ms) ms = most;
    }
    return ms;
}

static void hear(wr_task *t, const struct pollfd *p) {
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_entry *e = &t->entries[i];
        if (!e->source || e->ended || teller(t, e) != p->fd) continue;
        if (e->source->con->heard) e->source->con->heard(e->source->src);
    }
}

/* A source of this worker has not heard yet of a barrier that was sent. */
static bool barrier_waits(const wr_task *t) {
    uint64_t wanted = __atomic_load_n(&t->job->epochs.wanted, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_entry *e = &t->entries[i];
        if (e->source && !e->ended && e->passed == t->passed && e->passed < wanted) return true;
    }
    return false;
}

/* Until there may be something to do. deaf: what told last time had nothing to tell (a pipe whose writer has
 * gone), so it is not listened to for a moment. Returns whether a source told. */
static bool doze(wr_task *t, bool deaf) {
    nfds_t n = 0;
    bool told = false;
    int ms = find_wakers(t, deaf, &n);
    __atomic_store_n(&t->asleep, true, __ATOMIC_SEQ_CST);
    int64_t from = t->job->sys->mono_us();
    bool rest = rings_empty(t) && !barrier_waits(t) && !wri_stopping(t->job) && !wri_asked(t);
    int woken = rest ? t->job->sys->poll(t->wakers, n, ms) : 0;
    wri_meter_time(t->meter.rests ? &t->meter.blocked_us : &t->meter.slept_us, t->job->sys->mono_us() - from);
    __atomic_store_n(&t->asleep, false, __ATOMIC_RELAXED);
    if (woken <= 0) return false;
    for (nfds_t i = 1; i < n; i++) {
        if (!t->wakers[i].revents) continue;
        hear(t, &t->wakers[i]);
        told = true;
    }
    uint64_t count;
    if (t->wakers[0].revents && read(t->wake_fd, &count, sizeof count) < 0) return told; /* another wake-up */
    return told;
}

static wr_status drain_behind(wr_task *t, uint32_t stage, bool *didp, wr_err *err) {
    for (uint32_t i = 0; i < t->n_entries; i++) { /* entries are sorted by falling stage */
        wri_entry *e = &t->entries[i];
        if (e->stage <= stage) break;
        if (e->exchange && !e->ended) WR_TRY(wri_exchange_drain(t, e, didp, err));
    }
    return WR_OK;
}

wr_status wri_help(wr_task *t, uint32_t stage, wr_err *err) {
    bool did = false;
    if (wri_stopping(t->job)) return wr_fail(err, WR_ECANCELED, "stopped");
    WR_TRY(drain_behind(t, stage, &did, err));
    if (!did) {
        struct timespec nap = {0, 20000};
        int64_t from = t->job->sys->mono_us();
        nanosleep(&nap, NULL);
        wri_meter_time(&t->meter.blocked_us, t->job->sys->mono_us() - from);
    }
    return WR_OK;
}

/* Runs the source that is furthest behind in event time and has something; sources thus advance together. */
static wr_status run_sources(wr_task *t, bool *didp, wr_err *err) {
    int64_t above = INT64_MIN;
    uint32_t after = 0; /* entries of equal watermark go by place */
    for (;;) {
        wri_entry *next = NULL;
        for (uint32_t i = 0; i < t->n_entries; i++) {
            wri_entry *e = &t->entries[i];
            if (!e->source || e->ended || e->passed != t->passed) continue;
            if (e->op->wm < above || (e->op->wm == above && i < after)) continue;
            if (!next || e->op->wm < next->op->wm) next = e;
        }
        if (!next) return WR_OK;
        above = next->op->wm;
        after = (uint32_t)(next - t->entries) + 1;
        WR_TRY(wri_source_run(t, next, didp, err));
        if (*didp) return WR_OK;
    }
}

/* A worker that has no time for its sources says at least how far the others have brought them: else what
 * they send would wait for it, more and more. */
static wr_status tell_sources(wr_task *t, bool *didp, wr_err *err) {
    for (uint32_t i = 0; i < t->n_entries; i++) {
        wri_entry *e = &t->entries[i];
        if (e->source && !e->ended && e->passed == t->passed) WR_TRY(wri_source_tell(e, didp, err));
    }
    return WR_OK;
}

/* ---- barriers ----
 *
 * An entry that the barrier has gone through rests until it has gone through all entries of the worker: so
 * nothing that lies behind it can reach an operator before it has come on all inputs. What the entries
 * still do meanwhile lies before the barrier, and no ring that takes it rests; so the wait ends. */

/* Whether the barrier has gone through all entries; side_fed: those behind sides, too. */
static bool through(const wr_task *t, uint64_t epoch, bool side_fed) {
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_entry *e = &t->entries[i];
        if (!e->ended && e->passed < epoch && (side_fed || !e->side_fed)) return false;
    }
    return true;
}

/* Of operators that no barrier reached it is noted that they had ended: they keep nothing any more. What the
 * snapshot that the job goes on from has noted holds for ever. */
static wr_status save_ended(wr_task *t, uint64_t epoch, wr_err *err) {
    for (uint32_t id = 0; t->index == 0 && id < t->job->plan->n_nodes; id++) {
        const wr_op *op = &t->ops[id];
        bool ended = op->ended == op->n_in && op->epoch != epoch;
        if (op->def->load && (ended || op->spoken)) WR_TRY(wri_save_ended(&t->saver, id, err));
    }
    return WR_OK;
}

static wr_status pass_barrier(wr_task *t, bool *didp, wr_err *err) {
    wr_job *j = t->job;
    uint64_t epoch = __atomic_load_n(&j->epochs.wanted, __ATOMIC_ACQUIRE);
    if (epoch == t->passed || !through(t, epoch, false)) return WR_OK;
    if (t->sides_passed < epoch) {
        WR_TRY(wri_side_flush(t, didp, err));
        t->sides_passed = epoch;
        WR_TRY(wri_side_barrier(t, epoch, err));
        *didp = true;
    }
    if (!through(t, epoch, true)) return WR_OK;
    WR_TRY(wri_side_save(t, err));
    WR_TRY(save_ended(t, epoch, err));
    t->passed = epoch;
    wri_meter_passed(t);
    *didp = true;
    return WR_OK;
}

/* One more thing of what the operators left to be saved; false: there is nothing more. */
static wr_status save_one(wr_task *t, bool *leftp, wr_err *err) {
    *leftp = false;
    for (uint32_t id = 0; id < t->job->plan->n_nodes && !*leftp; id++) {
        wr_op *op = &t->ops[id];
        if (!op->unsaved) continue;
        WR_TRY(op->def->save_rest(op, &op->unsaved, err));
        *leftp = true;
    }
    return WR_OK;
}

/* Saves what the barrier left, in turns with the worker's rows: for SLICE_US at most, after as long a time
 * for rows. all: there will be no other turn. */
static wr_status save_rest(wr_task *t, bool all, bool *didp, wr_err *err) {
    wr_job *j = t->job;
    if (t->saved == t->passed) return WR_OK;
    int64_t began = j->sys->mono_us(), now = began;
    bool left = true;
    all |= wri_canceled(j); /* somebody waits for the last snapshot */
    if (!all && *didp && began - t->rest_us < SLICE_US) return WR_OK;
    while (left && (all || now - began < SLICE_US)) {
        WR_TRY(save_one(t, &left, err));
        now = j->sys->mono_us();
    }
    *didp = true;
    t->rest_us = now;
    if (!all) wri_meter_pause(t, now - began); /* else no rows wait any more */
    if (left) return WR_OK;
    t->saved = t->passed;
    if (__atomic_add_fetch(&j->epochs.passed, 1, __ATOMIC_ACQ_REL) == j->n_workers) uv_async_send(&j->done);
    return WR_OK;
}

/* One round over the entries. *leftp: those that have not ended. */
static wr_status round_once(wr_task *t, bool *didp, uint32_t *leftp, wr_err *err) {
    uint32_t feeding = 0;
    for (uint32_t i = 0; i < t->n_entries; i++) {
        wri_entry *e = &t->entries[i];
        if (e->exchange && !e->ended) WR_TRY(wri_exchange_drain(t, e, didp, err));
    }
    bool did = true; /* rows of exchanges may have come, and what is saved here takes no turn from sources */
    WR_TRY(save_rest(t, false, &did, err));
    WR_TRY(wri_memory_relieve(t, didp, err));
    __atomic_store_n(&t->meter.rests, wri_commit_waits(t), __ATOMIC_RELAXED);
    bool room = !wri_memory_waits(t);
    if (*didp || !room) WR_TRY(tell_sources(t, didp, err));
    else if (!t->meter.rests) WR_TRY(run_sources(t, didp, err));
    WR_TRY(wri_side_flush(t, didp, err));
    if (!*didp) WR_TRY(wri_paged_idle(t, didp, err));
    if (t->job->epochs.store) {
        WR_TRY(pass_barrier(t, didp, err));
        WR_TRY(save_rest(t, false, didp, err));
    }
    *leftp = 0;
    for (uint32_t i = 0; i < t->n_entries; i++) {
        const wri_entry *e = &t->entries[i];
        if (e->ended) continue;
        ++*leftp;
        feeding += !e->side_fed;
    }
    return feeding == 0 ? wri_side_end(t, err) : WR_OK;
}

/* VALUES have nothing to wait for: they speak first, and once. */
static wr_status run_values(wr_task *t, wr_err *err) {
    for (uint32_t i = 0; i < t->n_entries; i++) {
        wri_entry *e = &t->entries[i];
        if (e->source || e->exchange) continue;
        const wri_was *was = t->job->epochs.was;
        bool speaks = !t->job->restored || (was && was[e->op->node->id].speaks);
        if (speaks) WR_TRY(e->op->def->push(e->op, 0, NULL, err));
        WR_TRY(wri_emit_end(e->op, err));
        e->ended = true;
    }
    return WR_OK;
}

static wr_status tick_sinks(wr_task *t, bool idle, wr_err *err) {
    int64_t now = t->n_sinks ? t->job->sys->mono_us() : 0;
    for (uint32_t i = 0; i < t->n_sinks; i++) WR_TRY(wri_sink_tick(t->sinks[i], idle, now, err));
    return WR_OK;
}

/* Sources begin to tell before they are first read, so that nothing comes unheard in between. */
static void listen_to_sources(const wr_task *t) {
    for (uint32_t i = 0; i < t->n_entries; i++)
        if (t->entries[i].source) (void)teller(t, &t->entries[i]);
}

static wr_status work(wr_task *t, wr_err *err) {
    bool told = false;
    WR_TRY(run_values(t, err));
    listen_to_sources(t);
    for (;;) {
        bool did = false;
        uint32_t left;
        if (wri_stopping(t->job)) return WR_OK;
        WR_TRY(round_once(t, &did, &left, err));
        if (WR_UNLIKELY(wri_asked(t))) wri_meter_answer(t);
        if (left == 0) return save_rest(t, true, &did, err);
        WR_TRY(tick_sinks(t, !did || t->let_go, err));
        t->let_go = false;
        __atomic_store_n(&t->rounds, t->rounds + 1, __ATOMIC_RELEASE);
        told = !did && doze(t, told);
    }
}

void *wri_worker_main(void *arg) {
    wr_task *t = arg;
    wr_err err = {0};
    wr_budget_enter(&t->job->budget);
    wri_meter_begin(t);
    wr_status s = wri_memory_explain(t, work(t, &err), &err);
    wr_budget_enter(NULL);
    if (s != WR_OK && s != WR_ECANCELED) wri_job_fail(t->job, s, &err);
    __atomic_store_n(&t->rounds, t->rounds + 1, __ATOMIC_RELEASE);
    if (s != WR_OK) __atomic_store_n(&t->job->stop, 1, __ATOMIC_RELAXED);
    wri_meter_end(t);
    __atomic_sub_fetch(&t->job->running, 1, __ATOMIC_RELEASE);
    uv_async_send(&t->job->done);
    return NULL;
}

uint32_t wr_task_worker(const wr_task *t) { return t->index; }
uint32_t wr_task_workers(const wr_task *t) { return t->job->n_workers; }
uint32_t wr_task_batch_rows(const wr_task *t) { return t->job->batch_rows; }
const wr_plan *wr_task_plan(const wr_task *t) { return t->job->plan; }
bool wr_task_saves(const wr_task *t) { return t->job->epochs.store != NULL; }
const wr_sys *wr_task_sys(const wr_task *t) { return t->job->sys; }
