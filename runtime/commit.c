/* runtime/commit.c -- sinks that take rows with their epoch, and so have each once.
 *
 *   worker     row ─► pack ─► pending               behind a barrier that others have not passed: after
 *   barrier    all have passed: pending ─► ready, after ─► pending; the connector notes its place (mark)
 *   snapshot   ready is a part of it, "rows/<node>"
 *   its thread manifest durable ─► commit(epoch, ready)
 *   restart    commit(epoch of the snapshot, its rows, again), before anything else is written
 *
 * What the target shows is thus never taken back, and needs no second phase of its own: that the rows of an
 * epoch are there is the target's to say (a row of weir_epochs in the same transaction, marks of records),
 * and the rows are the snapshot's. An epoch whose snapshot failed gives its rows to the next one.
 *
 * Memory: a share is EPOCH_BYTES, or a sixteenth of the budget where that is less (wri_commit_share). When
 * the rows of a job's sinks that wait for a snapshot, or are in one that is being written or handed over,
 * come to a share, a barrier is asked for at once. Beyond two, sources deal nothing (wri_commit_waits), which
 * holds whether snapshots are slow or fail: a failure brings rows back, and the next try is due after the
 * back-off of epochs.c, not after the interval. What is under way then still comes; an operator that makes
 * many rows at once waits at two shares of its own as long as others are on their way. No barrier is ever
 * kept waiting, so all of it ends by itself with the first snapshot that is written.
 *
 * Without snapshots, or with delivery = 'at_least_once', rows are of no epoch and go at once: when
 * BATCH_BYTES have come together, when they have waited for a while, and before a barrier.
 *
 * A commit that failed in a way that may pass is tried again, after 0.1 s, 0.2 s, … up to 5 s, each a random
 * share shorter, for as long as the connector says, and told as trouble. Rows meanwhile wait, first here and
 * then further up. */
#include <stdio.h>
#include <time.h>

#include "job_int.h"

#define EPOCH_BYTES   (16 << 20)
#define BATCH_BYTES   (1 << 20) /* and the least that a share is */
#define FIRST_WAIT_US 100000
#define LONGEST_US    5000000

/* ---- handing over ---- */

static void tell_trouble(wr_job *j, const wri_sink *s, const wr_err *why) {
    char text[sizeof why->msg];
    snprintf(text, sizeof text, "stream %s: %.400s", s->node->sink.stream->name, why->msg);
    wri_trouble_begins(j, WR_TROUBLE_TARGET, false, text);
}

static int64_t patience_of(const wri_sink *s) {
    return s->con->patience_us ? s->con->patience_us(s->sink) : 0;
}

/* WR_ECANCELED: it has not succeeded so far, and the job is to stop. */
static wr_status try_to_hand_over(wr_job *j, wri_sink *s, wr_handover *h, int64_t patience, wr_err *err) {
    int64_t until = j->sys->mono_us() + patience, wait = 0;
    wr_err why = {0};
    wr_status r;
    while ((r = s->con->commit(s->sink, h, &why)) == WR_EIO && patience > 0) {
        if (wait == 0) tell_trouble(j, s, &why);
        wait = wait == 0 ? FIRST_WAIT_US : wait * 2 < LONGEST_US ? wait * 2 : LONGEST_US;
        if (j->sys->mono_us() >= until) break;
        if (!wri_wait_us(j, wait - (int64_t)(j->sys->random() % (uint64_t)(wait / 2)))) {
            r = WR_ECANCELED;
            break;
        }
        h->again = true;
    }
    if (wait > 0) wri_trouble_ends(j, WR_TROUBLE_TARGET);
    if (r == WR_EIO && patience > 0)
        return wr_fail(err, r, "%s; given up after %lld s (retry_for)", why.msg,
                       (long long)(patience / WR_US_PER_SECOND));
    return r == WR_OK ? r : wr_fail(err, r, "%s", why.msg);
}

static wr_status hand_over(wr_job *j, wri_sink *s, wr_handover *h, int64_t patience, wr_err *err) {
    int64_t from = wri_meter_writing(j, s);
    wr_status r = try_to_hand_over(j, s, h, patience, err);
    wri_meter_written(j, s, from, r == WR_OK ? h->len : 0);
    return r;
}

/* Rows of no epoch. Under the lock. */
static wr_status hand_over_now(wr_job *j, wri_sink *s, wr_err *err) {
    __atomic_store_n(&s->since_us, 0, __ATOMIC_RELAXED);
    if (s->pending.len == 0) return WR_OK;
    wr_handover h = {.data = s->pending.data, .len = s->pending.len};
    wr_status r = hand_over(j, s, &h, patience_of(s), err);
    s->pending.len = 0; /* a job that failed reads its rows again, or says that it failed */
    return r;
}

static wr_status in_sink(const wri_sink *s, wr_status r, wr_err *err) {
    return r == WR_OK ? r : wr_fail_in(err, r, "stream %s", s->node->sink.stream->name);
}

/* ---- how much waits ---- */

uint64_t wri_commit_share(const wr_job *j) {
    int64_t share = j->memory / 16;
    return (uint64_t)(share > EPOCH_BYTES ? EPOCH_BYTES : share < BATCH_BYTES ? BATCH_BYTES : share);
}

bool wri_commit_waits(const wr_task *t) {
    const wr_job *j = t->job;
    if (WR_LIKELY(__atomic_load_n(&j->waiting_bytes, __ATOMIC_RELAXED) <= 2 * wri_commit_share(j)))
        return false;
    if (__atomic_load_n(&j->epochs.wanted, __ATOMIC_ACQUIRE) != t->passed) return false;
    /* A worker that has ended passes no barrier: there is little left to come then. */
    return __atomic_load_n(&j->running, __ATOMIC_ACQUIRE) == j->n_workers;
}

/* Counts what waits in s, whose rows on the way were way_was bytes. Under its lock. */
static void count_waiting(wr_job *j, wri_sink *s, uint64_t way_was) {
    uint64_t most = 2 * wri_commit_share(j), was = s->waiting_bytes;
    uint64_t now = s->pending.len + s->after.len + s->ready.len + s->way_bytes;
    if (!s->commits) return;
    __atomic_store_n(&s->waiting_bytes, now, __ATOMIC_RELAXED);
    uint64_t way = __atomic_add_fetch(&j->way_bytes, s->way_bytes - way_was, __ATOMIC_RELAXED);
    uint64_t all = __atomic_add_fetch(&j->waiting_bytes, now - was, __ATOMIC_RELAXED);
    if (all - way > most / 2) __atomic_store_n(&j->epochs.due, true, __ATOMIC_RELAXED);
    if (all > most || all - now + was <= most) return;
    for (uint32_t w = 0; w < j->n_workers; w++) wri_wake(&j->workers[w]);
}

/* ---- rows ---- */

/* While rows are on their way, no more than so many wait for their turn. Under the lock. */
static void wait_for_room(wr_task *task, wri_sink *s) {
    wr_job *j = task->job;
    if (!s->on_way || s->pending.len + s->after.len <= 2 * wri_commit_share(j)) return;
    int64_t from = j->sys->mono_us();
    while (s->on_way && !wri_stopping(j)) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += WRI_LOOK_MS * 1000000;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        pthread_cond_clockwait(&s->arrived, s->lock, CLOCK_MONOTONIC, &t);
    }
    wri_meter_time(&task->meter.blocked_us, j->sys->mono_us() - from);
}

static wr_status tell_bad(wr_op *op, const wr_batch *b, const char **whys, wr_err *err) {
    wr_status r = WR_OK;
    for (uint32_t i = 0; r == WR_OK && i < b->n; i++)
        if (whys[i]) r = wr_task_bad_rows(op, b, &i, NULL, whys[i], 1, err);
    return r;
}

wr_status wri_commit_rows(wr_op *op, wri_sink *s, const wri_packing *p, wr_err *err) {
    wr_job *j = op->task->job;
    const char **whys = wr_calloc(p->b->n, sizeof *whys);
    if (!whys) return wr_fail_oom(err, "a sink");
    pthread_mutex_lock(s->lock);
    if (s->commits) wait_for_room(op->task, s);
    bool behind = s->commits && p->epoch > s->epoch;
    wr_status r = s->con->pack(s->sink, p->b, p->data, p->ends, whys, behind ? &s->after : &s->pending, err);
    bool was_due = __atomic_load_n(&j->epochs.due, __ATOMIC_RELAXED);
    count_waiting(j, s, s->way_bytes);
    if (!was_due && __atomic_load_n(&j->epochs.due, __ATOMIC_RELAXED)) uv_async_send(&j->done);
    if (r == WR_OK && !s->commits && s->since_us == 0)
        __atomic_store_n(&s->since_us, j->sys->mono_us(), __ATOMIC_RELAXED);
    if (r == WR_OK && !s->commits && s->pending.len > BATCH_BYTES)
        r = in_sink(s, hand_over_now(j, s, err), err);
    pthread_mutex_unlock(s->lock);
    if (r == WR_OK) r = tell_bad(op, p->b, whys, err);
    wr_free(whys);
    return r;
}

wr_status wri_commit_now(wr_job *j, wri_sink *s, wr_err *err) {
    return s->commits ? WR_OK : in_sink(s, hand_over_now(j, s, err), err);
}

/* ---- epochs ---- */

/* Appends from to to, and empties it. */
static wr_status move_rows(wr_buf *to, wr_buf *from, wr_err *err) {
    if (to->len == 0) {
        wr_buf empty = *to;
        *to = *from;
        *from = empty;
    } else if (wr_buf_put(to, from->data, from->len) != WR_OK) return wr_fail_oom(err, "a sink");
    from->len = 0;
    return WR_OK;
}

wr_status wri_commit_cut(wr_job *j, wri_sink *s, wr_err *err) {
    if (!s->commits) return wri_commit_now(j, s, err);
    WR_TRY(move_rows(&s->ready, &s->pending, err));
    return move_rows(&s->pending, &s->after, err);
}

void wri_commit_take(wr_job *j, wri_sink *s, wr_buf *text) {
    pthread_mutex_lock(s->lock);
    s->on_way = true;
    *text = s->ready;
    s->way_bytes = text->len;
    s->ready = (wr_buf){0};
    count_waiting(j, s, 0);
    pthread_mutex_unlock(s->lock);
}

/* What was taken has arrived, or comes back. */
static void settle(wr_job *j, wri_sink *s, wr_buf *text, bool arrived) {
    pthread_mutex_lock(s->lock);
    uint64_t way = s->way_bytes;
    s->on_way = false;
    s->way_bytes = 0;
    if (!arrived) {
        s->ready = *text;
        *text = (wr_buf){0};
    }
    count_waiting(j, s, way);
    pthread_cond_broadcast(&s->arrived);
    pthread_mutex_unlock(s->lock);
}

void wri_commit_back(wr_job *j, wr_buf *texts) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++)
        if (j->sinks[id].commits && j->sinks[id].on_way)
            settle(j, &j->sinks[id], &texts[j->sinks[id].part], false);
}

wr_status wri_commit_epoch(wr_job *j, uint64_t epoch, wr_buf *texts, wr_err *err) {
    wr_status r = WR_OK;
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        wri_sink *s = &j->sinks[id];
        if (!s->commits || !s->on_way) continue;
        wr_handover h = {.epoch = epoch, .data = texts[s->part].data, .len = texts[s->part].len};
        if (r == WR_OK && h.len > 0) r = in_sink(s, hand_over(j, s, &h, patience_of(s), err), err);
        settle(j, s, &texts[s->part], true); /* also after a failure: they are in the snapshot */
    }
    return r; /* WR_ECANCELED: the next run hands them over */
}

/* ---- going on ---- */

/* Without patience: nobody can cancel a job that begins yet, or is told what it waits for. */
static wr_status hand_over_again(wr_job *j, wri_sink *s, const wr_snapshot *from, wr_err *err) {
    const wr_piece *rows = wri_epochs_rows(j, from, s->node);
    wr_handover h = {.epoch = from->head.epoch, .again = true, .past = from->savepoint};
    if (rows && !s->commits)
        return in_sink(
            s,
            wr_fail(err, WR_EINVAL,
                    "the snapshot has rows for it that are to be delivered exactly once, and may not have "
                    "been: let the job go on with that delivery first, and change it then"),
            err);
    if (rows) {
        h.data = rows->data;
        h.len = rows->len;
    }
    return s->commits ? in_sink(s, hand_over(j, s, &h, 0, err), err) : WR_OK;
}

/* Where the snapshot has no rows for it, too: the target is asked whether it has those of a later one. */
wr_status wri_commit_again(wr_job *j, const wr_snapshot *from, const wr_node *n, wr_err *err) {
    bool goes_on = from && !from->savepoint && j->epochs.was[n->id].id != WR_NO_COL;
    return goes_on ? hand_over_again(j, &j->sinks[n->id], from, err) : WR_OK;
}

/* To the target they are rows of the job that the savepoint was made of, which may have delivered them. */
wr_status wri_commit_savepoint(wr_job *j, const wr_snapshot *from, const wr_node *n, wr_err *err) {
    uint64_t own = j->epochs.job, old = from && from->savepoint ? wri_epochs_job(from) : 0;
    wri_sink s = {0};
    if (!old || !wri_epochs_rows(j, from, n)) return WR_OK;
    j->epochs.job = old;
    wr_status r = wri_sink_new(j, n, wri_epochs_sink(j, from, n), &s, err);
    if (r == WR_OK) r = hand_over_again(j, &s, from, err);
    wri_sink_free(&s);
    j->epochs.job = own;
    return r;
}

wr_status wri_commit_finished(wr_job *j, const wr_snapshot *from, wr_err *err) {
    j->sinks = wr_calloc(j->plan->n_nodes, sizeof *j->sinks);
    if (!j->sinks) return wr_fail_oom(err, "a job");
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        const wr_node *n = j->plan->nodes[id];
        const wr_piece *rows = n->kind == WR_N_SINK ? wri_epochs_rows(j, from, n) : NULL;
        if (!rows || rows->len == 0) continue;
        WR_TRY(wri_sink_new(j, n, wri_epochs_sink(j, from, n), &j->sinks[id], err));
        WR_TRY(wri_commit_again(j, from, n, err));
    }
    return WR_OK;
}
