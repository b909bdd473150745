/* runtime/metrics.c -- the numbers of a job, copied: who has counted them says meter.c.
 *
 * Each number is read by itself, so two of them may be of moments that lie a little apart. Names are copied,
 * too: a job may be gone when its metrics are printed. */
#include "job_int.h"
#include "metrics_int.h"

typedef struct reading {
    wr_job *j;
    wr_job_metrics *m;
    int64_t mono_us;
    double seconds;   /* that rates are over; 0: none has passed */
    uint64_t *now;    /* values as in wri_reading */
    uint64_t *before; /* seconds ago */
} reading;

static int64_t load(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

/* Watermarks that are no time are none. */
static int64_t watermark(int64_t wm) { return wm == WR_WM_NONE || wm == WR_WM_END ? WR_NEVER : wm; }
static int64_t behind(const reading *r, int64_t wm) { return wm == WR_NEVER ? WR_NEVER : r->m->wall_us - wm; }

static double rate(const reading *r, uint32_t i) {
    return r->seconds > 0 ? (double)(r->now[i] - r->before[i]) / r->seconds : 0;
}
static double share(const reading *r, uint32_t i) {
    double s = rate(r, i) / 1e6;
    return s > 1 ? 1 : s;
}

/* ---- operators ---- */

int64_t wri_node_watermark(const wr_job *j, uint32_t id) {
    int64_t least = WR_WM_END;
    bool receives = j->plan->nodes[id]->kind == WR_N_EXCHANGE;
    for (uint32_t w = 0; w < j->n_workers; w++) {
        const wr_op *op = receives ? &j->workers[w].receivers[id] : &j->workers[w].ops[id];
        int64_t wm = load(&op->wm);
        if (wm < least) least = wm;
    }
    return least;
}

static wr_status read_op(const reading *r, uint32_t id) {
    wr_op_metrics *out = &r->m->ops[id];
    const wr_node *n = r->j->plan->nodes[id];
    *out = (wr_op_metrics){.node = id, .name = wr_node_kind_name(n->kind)};
    out->worker_rows_in = wr_arena_calloc(&r->m->ar, r->j->n_workers * sizeof *out->worker_rows_in);
    if (!out->worker_rows_in) return WR_ENOMEM;
    int64_t blocked = 0;
    for (uint32_t w = 0; w < r->j->n_workers; w++) {
        const wr_op *op = &r->j->workers[w].ops[id];
        out->worker_rows_in[w] = wri_tallied(&op->rows_in);
        out->rows_in += out->worker_rows_in[w];
        out->late_rows += wri_tallied(&op->late_rows);
        out->bad_rows += wri_tallied(&op->bad_rows);
        out->forgotten += wri_tallied(&op->forgotten);
        out->state_keys += wri_tallied(&op->kept_keys);
        out->state_bytes += wri_tallied(&op->kept_bytes);
        if (n->kind == WR_N_EXCHANGE) blocked += load(&op->blocked_us);
        out->has_state = op->def->measure != NULL;
        if (n->kind == WR_N_SOURCE) r->m->workers[w].rows_in += out->worker_rows_in[w];
    }
    out->blocked_us = n->kind == WR_N_EXCHANGE ? blocked : WR_NEVER;
    out->rows_out = wri_node_rows(r->j, id, true);
    out->watermark_us = watermark(wri_node_watermark(r->j, id));
    out->lag_us = behind(r, out->watermark_us);
    out->rows_in_a_sec = rate(r, 2 * id);
    out->rows_out_a_sec = rate(r, 2 * id + 1);
    r->m->state_keys += out->state_keys;
    r->m->state_bytes += out->state_bytes;
    r->m->forgotten += out->forgotten;
    return WR_OK;
}

/* ---- sources ---- */

static void read_split(const reading *r, const wri_source *s, const wri_split *p, wr_split_metrics *out) {
    *out = (wr_split_metrics){.node = s->node->id,
                              .rows = p->rows,
                              .bytes = p->bytes,
                              .watermark_us = watermark(p->wm),
                              .read_us = p->read_us ? p->read_us : WR_NEVER,
                              .quiet_us = WR_NEVER,
                              .idle = p->idle && !p->ended,
                              .ended = p->ended};
    out->lag_us = behind(r, out->watermark_us);
    if (p->quiet_since_us && !p->ended) out->quiet_us = r->mono_us - p->quiet_since_us;
    if (p->idle && p->clock_wm > p->idle_wm && p->idle_wm != WR_WM_NONE)
        out->advanced_us = p->clock_wm - p->idle_wm;
}

/* What the connector knows. */
static wr_status ask_connector(const reading *r, const wri_source *s, uint32_t i, wr_split_metrics *out) {
    wr_split_info info = {.bytes = -1};
    if (s->con->split_info) s->con->split_info(s->src, i, &info);
    out->name = wr_arena_strdup(&r->m->ar, info.name ? info.name : "");
    out->stream = wr_arena_strdup(&r->m->ar, s->node->source.stream->name);
    out->at = info.at;
    out->size = info.bytes < 0 ? WR_NEVER : info.bytes;
    out->behind_bytes = info.bytes < info.at ? WR_NEVER : info.bytes - info.at;
    int64_t arrived = info.arrival_us ? info.arrival_us : out->read_us;
    if (out->ended || out->quiet_us != WR_NEVER) out->age_us = 0;
    else out->age_us = arrived == WR_NEVER ? WR_NEVER : r->m->wall_us - arrived;
    if (out->age_us != WR_NEVER && out->age_us < 0) out->age_us = 0;
    return out->name && out->stream ? WR_OK : WR_ENOMEM;
}

static wr_status read_source(const reading *r, wri_source *s) {
    wr_job_metrics *m = r->m;
    pthread_mutex_lock(&s->lock);
    uint32_t n = s->n_splits, at = m->n_splits;
    wr_split_metrics *all = wr_arena_alloc(&m->ar, (at + n + 1) * sizeof *all);
    if (all && at) memcpy(all, m->splits, at * sizeof *all);
    for (uint32_t i = 0; all && i < n; i++) read_split(r, s, s->splits[i], &all[at + i]);
    pthread_mutex_unlock(&s->lock);
    if (!all) return WR_ENOMEM;
    m->splits = all;
    m->n_splits += n;
    for (uint32_t i = 0; i < n; i++) WR_TRY(ask_connector(r, s, i, &all[at + i]));
    return WR_OK;
}

/* ---- sinks ---- */

static wr_status read_sink(const reading *r, const wri_sink *s, wr_sink_metrics *out) {
    const wr_plan_stream *st = s->node->sink.stream;
    *out = (wr_sink_metrics){.node = s->node->id, .last_us = WR_NEVER};
    if (st) out->stream = wr_arena_strdup(&r->m->ar, st->name);
    if (st && !out->stream) return WR_ENOMEM;
    out->pending_bytes = s->commits ? (int64_t)wri_tallied(&s->waiting_bytes) : WR_NEVER;
    out->rows = wri_node_rows(r->j, s->node->id, true);
    out->bytes = wri_tallied(&s->bytes);
    int64_t last = load(&s->last_us), since = load(&s->writing_since_us);
    if (last) out->last_us = last;
    out->write_us = load(&s->write_us);
    out->writing_us = since && r->mono_us >= since ? r->mono_us - since : WR_NEVER;
    r->m->bytes_out += out->bytes;
    return WR_OK;
}

/* ---- workers and snapshots ---- */

static void read_worker(const reading *r, uint32_t w) {
    wr_worker_metrics *out = &r->m->workers[w];
    uint32_t i = 2 * r->j->plan->n_nodes + 2 * w;
    out->worker = w;
    out->cpu_us = (int64_t)r->now[i];
    out->blocked_us = (int64_t)r->now[i + 1];
    out->slept_us = load(&r->j->workers[w].meter.slept_us);
    out->busy = share(r, i);
    out->backpressure = share(r, i + 1);
    r->m->busy += out->busy / r->j->n_workers;
    r->m->backpressure += out->backpressure / r->j->n_workers;
}

static wr_duration_metrics summary(const wr_hist *h) {
    return (wr_duration_metrics){.count = h->count,
                                 .sum_us = (int64_t)h->sum,
                                 .p50_us = (int64_t)wr_hist_quantile(h, 0.5),
                                 .p90_us = (int64_t)wr_hist_quantile(h, 0.9),
                                 .p99_us = (int64_t)wr_hist_quantile(h, 0.99),
                                 .max_us = (int64_t)h->max};
}

static wr_status read_workers_hist(const wr_job *j, bool pause, wr_duration_metrics *out) {
    wr_hist *all = wr_calloc(1, sizeof *all);
    if (!all) return WR_ENOMEM;
    for (uint32_t w = 0; w < j->n_workers; w++)
        wr_hist_merge(all, pause ? &j->workers[w].meter.pause : &j->workers[w].meter.align);
    *out = summary(all);
    wr_free(all);
    return WR_OK;
}

static wr_status read_snapshots(const reading *r) {
    wr_snapshot_metrics *out = &r->m->snapshots;
    wri_meters *m = &r->j->meters;
    *out = (wr_snapshot_metrics){.on = r->j->epochs.store != NULL, .last_us = WR_NEVER, .next_us = WR_NEVER};
    out->last_duration_us = WR_NEVER;
    if (!out->on) return WR_OK;
    pthread_mutex_lock(&m->lock);
    out->taken = m->taken;
    out->failed = m->failed;
    out->epoch = m->epoch;
    out->last_bytes = m->last_bytes;
    out->bytes = m->bytes;
    if (m->taken) out->last_us = m->last_us;
    if (m->taken) out->last_duration_us = m->last_duration_us;
    if (m->next_us) out->next_us = r->m->wall_us + m->next_us - r->mono_us;
    out->duration = summary(&m->duration);
    pthread_mutex_unlock(&m->lock);
    WR_TRY(read_workers_hist(r->j, false, &out->align));
    return read_workers_hist(r->j, true, &out->pause);
}

/* ---- all of it ---- */

/* What rates are differences to. */
static wr_status compare_with(reading *r) {
    wri_meters *m = &r->j->meters;
    size_t bytes = (2 * r->j->plan->n_nodes + 2 * r->j->n_workers) * sizeof *r->now;
    r->now = wr_arena_calloc(&r->m->ar, bytes);
    r->before = wr_arena_calloc(&r->m->ar, bytes);
    if (!r->now || !r->before) return WR_ENOMEM;
    wri_meters_values(r->j, r->now);
    int64_t ended_us = __atomic_load_n(&r->j->ended_us, __ATOMIC_RELAXED);
    int64_t until = ended_us ? ended_us : r->mono_us, since = until - wri_job_ran_us(r->j, r->mono_us);
    pthread_mutex_lock(&m->lock);
    if (!ended_us && m->older.at_us) {
        since = m->older.at_us;
        memcpy(r->before, m->older.v, bytes);
    }
    pthread_mutex_unlock(&m->lock);
    r->seconds = since && until > since ? (double)(until - since) / 1e6 : 0;
    return WR_OK;
}

static wr_status read_parts(reading *r) {
    wr_job *j = r->j;
    wr_job_metrics *m = r->m;
    uint32_t n = j->plan->n_nodes;
    m->ops = wr_arena_calloc(&m->ar, (n + 1) * sizeof *m->ops);
    m->sinks = wr_arena_calloc(&m->ar, (n + 1) * sizeof *m->sinks);
    m->workers = wr_arena_calloc(&m->ar, j->n_workers * sizeof *m->workers);
    if (!m->ops || !m->sinks || !m->workers) return WR_ENOMEM;
    WR_TRY(compare_with(r));
    m->n_ops = n;
    m->n_workers = j->n_workers;
    for (uint32_t w = 0; w < j->n_workers; w++) read_worker(r, w);
    for (uint32_t w = 0; w < j->n_workers; w++)
        m->resting |= __atomic_load_n(&j->workers[w].meter.rests, __ATOMIC_RELAXED);
    int64_t wm = WR_WM_END;
    for (uint32_t id = 0; id < n; id++) {
        WR_TRY(read_op(r, id));
        if (j->sources[id].node) {
            WR_TRY(read_source(r, &j->sources[id]));
            int64_t own = wri_node_watermark(j, id);
            if (own < wm) wm = own;
            m->rows_in_a_sec += m->ops[id].rows_out_a_sec;
        }
        if (!j->sinks[id].node) continue;
        m->rows_out_a_sec += m->ops[id].rows_out_a_sec;
        WR_TRY(read_sink(r, &j->sinks[id], &m->sinks[m->n_sinks++]));
    }
    m->watermark_us = watermark(wm);
    m->lag_us = behind(r, m->watermark_us);
    return read_snapshots(r);
}

wr_status wr_job_metrics_read(wr_job *j, wr_job_metrics *m, wr_err *err) {
    reading r = {.j = j, .m = m, .mono_us = j->sys->mono_us()};
    *m = (wr_job_metrics){.wall_us = j->sys->wall_us(), .watermark_us = WR_NEVER, .lag_us = WR_NEVER};
    m->rows_in = __atomic_load_n(&j->rows_in, __ATOMIC_RELAXED);
    m->rows_out = __atomic_load_n(&j->rows_out, __ATOMIC_RELAXED);
    m->bytes_in = __atomic_load_n(&j->bytes_in, __ATOMIC_RELAXED);
    m->running = __atomic_load_n(&j->running, __ATOMIC_RELAXED) > 0;
    m->uptime_us = wri_job_ran_us(j, r.mono_us);
    m->snapshots = (wr_snapshot_metrics){.last_us = WR_NEVER, .next_us = WR_NEVER};
    if (j->finished) return WR_OK; /* it has no parts */
    for (uint32_t w = 0; w < j->n_workers; w++) {
        m->late_rows += wri_tallied(&j->workers[w].late_rows);
        m->bad_rows += wri_tallied(&j->workers[w].bad_rows);
    }
    if (read_parts(&r) == WR_OK) return WR_OK;
    wr_job_metrics_free(m);
    return wr_fail_oom(err, "metrics");
}

void wr_job_metrics_free(wr_job_metrics *m) {
    wr_arena_free(&m->ar);
    *m = (wr_job_metrics){0};
}
