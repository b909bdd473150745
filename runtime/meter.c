/* runtime/meter.c -- who counts what while a job runs.
 *
 *   rows, watermarks    the worker, in its operators: plain additions, stored so that others may read them
 *   splits              under their source's lock, which is held at those moments anyhow
 *   sinks               under their lock; read without it, as a write may hang for as long as it likes
 *   waiting, sleeping   the worker, around its naps: never while it has something to do
 *   CPU time            nobody: who wants to know reads the thread's clock
 *   sizes of state      the control thread asks once a second; each worker measures its own operators
 *                       between two events
 *   what waits          as sizes, when somebody asks why (why.c)
 *   snapshots           the control thread
 *
 * So nothing is locked, and no clock read, for a row or a batch. Rates are differences to what the control
 * thread noted one or two seconds ago. */
#include <time.h>

#include "job_int.h"
#include "paged.h"

#define READ_US 1000000 /* between readings */

static uint32_t n_values(const wr_job *j) { return 2 * j->plan->n_nodes + 2 * j->n_workers; }

wr_status wri_meters_new(wr_job *j, wr_err *err) {
    wri_meters *m = &j->meters;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->answer, NULL);
    m->older.v = wr_calloc(n_values(j), sizeof *m->older.v);
    m->newer.v = wr_calloc(n_values(j), sizeof *m->newer.v);
    return m->older.v && m->newer.v ? WR_OK : wr_fail_oom(err, "a job");
}

void wri_meters_free(wr_job *j) {
    wri_meters *m = &j->meters;
    for (uint32_t w = 0; j->workers && w < j->n_workers; w++) {
        if (!j->workers[w].job) continue;
        wr_free(j->workers[w].meter.told);
        pthread_mutex_destroy(&j->workers[w].meter.lock);
    }
    wr_free(m->older.v);
    wr_free(m->newer.v);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->answer);
}

/* ---- the control thread ---- */

uint64_t wri_node_rows(const wr_job *j, uint32_t id, bool out) {
    uint64_t n = 0;
    bool receives = out && j->plan->nodes[id]->kind == WR_N_EXCHANGE;
    for (uint32_t w = 0; w < j->n_workers; w++) {
        const wr_op *op = receives ? &j->workers[w].receivers[id] : &j->workers[w].ops[id];
        n += wri_tallied(out ? &op->rows_out : &op->rows_in);
    }
    return n;
}

void wri_meters_values(wr_job *j, uint64_t *v) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        *v++ = wri_node_rows(j, id, false);
        *v++ = wri_node_rows(j, id, true);
    }
    for (uint32_t w = 0; w < j->n_workers; w++) {
        *v++ = (uint64_t)wri_meter_cpu_us(&j->workers[w]);
        *v++ = (uint64_t)__atomic_load_n(&j->workers[w].meter.blocked_us, __ATOMIC_RELAXED);
    }
}

void wri_meters_tick(wr_job *j) {
    wri_meters *m = &j->meters;
    int64_t now = j->sys->mono_us();
    pthread_mutex_lock(&m->lock);
    m->next_us = j->epochs.next_us;
    if (now - m->newer.at_us >= READ_US) {
        wri_reading spare = m->older;
        m->older = m->newer;
        m->newer = spare;
        m->newer.at_us = now;
        wri_meters_values(j, m->newer.v);
        __atomic_add_fetch(&m->ask_sizes, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&m->lock);
}

void wri_meter_snapshot_begun(wr_job *j, uint64_t epoch) {
    pthread_mutex_lock(&j->meters.lock);
    j->meters.begun_us = j->sys->mono_us();
    j->meters.epoch = epoch;
    pthread_mutex_unlock(&j->meters.lock);
}

void wri_meter_snapshot_ended(wr_job *j, bool ok, uint64_t bytes) {
    wri_meters *m = &j->meters;
    pthread_mutex_lock(&m->lock);
    if (ok) {
        m->taken++;
        m->last_us = j->sys->wall_us();
        m->last_duration_us = j->sys->mono_us() - m->begun_us;
        m->last_bytes = bytes;
        m->bytes += bytes;
        wr_hist_add(&m->duration, (uint64_t)m->last_duration_us);
    } else m->failed++;
    pthread_mutex_unlock(&m->lock);
}

/* ---- workers ---- */

void wri_meter_init(wr_task *t) { pthread_mutex_init(&t->meter.lock, NULL); }

void wri_meter_begin(wr_task *t) {
    pthread_mutex_lock(&t->meter.lock);
    t->meter.alive = pthread_getcpuclockid(pthread_self(), &t->meter.clock) == 0;
    pthread_mutex_unlock(&t->meter.lock);
}

static int64_t cpu_us(clockid_t clock) {
    struct timespec ts;
    return clock_gettime(clock, &ts) == 0 ? ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 : 0;
}

int64_t wri_meter_cpu_us(wr_task *t) {
    pthread_mutex_lock(&t->meter.lock);
    int64_t us = t->meter.alive ? cpu_us(t->meter.clock) : t->meter.cpu_us;
    pthread_mutex_unlock(&t->meter.lock);
    return us;
}

/* Its operators are done, or have been stopped. */
void wri_meter_end(wr_task *t) {
    wri_meters *m = &t->job->meters;
    pthread_mutex_lock(&t->meter.lock);
    t->meter.cpu_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    t->meter.alive = false;
    pthread_mutex_unlock(&t->meter.lock);
    pthread_mutex_lock(&m->lock);
    pthread_cond_broadcast(&m->answer);
    pthread_mutex_unlock(&m->lock);
}

void wri_meter_barrier(wr_task *t) {
    if (t->meter.barrier_us == 0) t->meter.barrier_us = t->job->sys->mono_us();
}

void wri_meter_pause(wr_task *t, int64_t us) { wr_hist_add(&t->meter.pause, us > 0 ? (uint64_t)us : 0); }

void wri_meters_pauses(const wr_job *j, int64_t *p99p, int64_t *mostp) {
    wr_hist all = {0};
    for (uint32_t w = 0; w < j->n_workers; w++) wr_hist_merge(&all, &j->workers[w].meter.pause);
    *p99p = (int64_t)wr_hist_quantile(&all, 0.99);
    *mostp = (int64_t)all.max;
}

void wri_meter_passed(wr_task *t) {
    wri_meter *m = &t->meter;
    if (m->barrier_us == 0) return; /* everything here had ended before */
    int64_t align = t->job->sys->mono_us() - m->barrier_us - m->save_us;
    wr_hist_add(&m->align, align > 0 ? (uint64_t)align : 0);
    wri_meter_pause(t, m->save_us);
    m->barrier_us = m->save_us = 0;
}

int64_t wri_meter_writing(wr_job *j, wri_sink *s) {
    int64_t now = j->sys->mono_us();
    __atomic_store_n(&s->writing_since_us, now, __ATOMIC_RELAXED);
    return now;
}

void wri_meter_written(wr_job *j, wri_sink *s, int64_t since_us, size_t bytes) {
    wri_tally(&s->bytes, bytes);
    wri_meter_time(&s->write_us, j->sys->mono_us() - since_us);
    __atomic_store_n(&s->last_us, j->sys->wall_us(), __ATOMIC_RELAXED);
    __atomic_store_n(&s->writing_since_us, 0, __ATOMIC_RELAXED);
}

static void measure(wr_task *t) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        wr_op *op = &t->ops[id];
        wr_kept kept = {0};
        if (!op->def->measure) continue;
        if (op->paged) wri_paged_measure(op, &kept);
        else op->def->measure(op, &kept);
        __atomic_store_n(&op->kept_keys, kept.keys, __ATOMIC_RELAXED);
        __atomic_store_n(&op->kept_bytes, kept.bytes, __ATOMIC_RELAXED);
    }
}

/* Without memory it says nothing. */
static void tell(wr_task *t) {
    uint32_t n = t->job->plan->n_nodes;
    pthread_mutex_lock(&t->meter.lock);
    if (!t->meter.told) t->meter.told = wr_calloc(n, sizeof *t->meter.told);
    for (uint32_t id = 0; t->meter.told && id < n; id++) {
        const wr_op *op = &t->ops[id];
        t->meter.told[id] = (wr_waits){.holds_us = op->holds_us};
        if (op->paged) wri_paged_waiting(op, &t->meter.told[id]);
        else if (op->def->waiting) op->def->waiting(op, &t->meter.told[id]);
    }
    pthread_mutex_unlock(&t->meter.lock);
}

void wri_meter_answer(wr_task *t) {
    wri_meters *m = &t->job->meters;
    uint64_t sizes = __atomic_load_n(&m->ask_sizes, __ATOMIC_RELAXED);
    uint64_t waits = __atomic_load_n(&m->ask_waits, __ATOMIC_SEQ_CST);
    if (sizes != t->meter.measured) measure(t);
    t->meter.measured = sizes;
    if (waits == t->meter.answered) return;
    tell(t);
    pthread_mutex_lock(&m->lock);
    __atomic_store_n(&t->meter.answered, waits, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&m->answer);
    pthread_mutex_unlock(&m->lock);
}

/* ---- asking ---- */

bool wri_has_answered(wr_task *t, uint64_t request) {
    pthread_mutex_lock(&t->meter.lock);
    bool alive = t->meter.alive;
    pthread_mutex_unlock(&t->meter.lock);
    return !alive || __atomic_load_n(&t->meter.answered, __ATOMIC_ACQUIRE) >= request;
}

static bool all_answered(wr_job *j, uint64_t request) {
    for (uint32_t w = 0; w < j->n_workers; w++)
        if (!wri_has_answered(&j->workers[w], request)) return false;
    return true;
}

uint64_t wri_ask_waits(wr_job *j, int64_t timeout_us) {
    wri_meters *m = &j->meters;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + timeout_us * 1000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    uint64_t request = __atomic_add_fetch(&m->ask_waits, 1, __ATOMIC_SEQ_CST);
    for (uint32_t w = 0; w < j->n_workers; w++) wri_wake(&j->workers[w]);
    pthread_mutex_lock(&m->lock);
    while (!all_answered(j, request) && pthread_cond_timedwait(&m->answer, &m->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&m->lock);
    return request;
}
