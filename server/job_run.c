/* server/job_run.c -- a job's thread: plans its SQL, runs it on its snapshots, tells how that ended.
 *
 * Its outcome is in the catalog before the loop hears of it. The loop cancels a run through j->run, which is
 * only there while it can be. */
#include <stdio.h>

#include "server_int.h"

#define WELL_US   (60 * WR_US_PER_SECOND) /* a run of that length forgets the failures before it */
#define DATA_MOST 8192                    /* of a bad record [bytes] */

/* ---- what the runtime tells, from workers ---- */

static void wake(wri_sjob *j, wri_lines *l) {
    if (__atomic_load_n(&l->followers, __ATOMIC_RELAXED)) uv_async_send(&j->srv->wake);
}

static void on_output(void *ctx, const char *p, size_t n) {
    wri_sjob *j = ctx;
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t k = end ? (size_t)(end - p) : n;
        wri_lines_put(&j->output, p, k);
        k += end != NULL;
        p += k;
        n -= k;
    }
    wake(j, &j->output);
}

static void set_text(json_t *o, const char *key, const char *text) {
    if (text) json_object_set_new(o, key, json_string(text));
}

static void on_bad_row(void *ctx, const wr_bad_row *row) {
    wri_sjob *j = ctx;
    json_t *o = json_object();
    wr_buf line = {0};
    size_t n = row->len < DATA_MOST ? row->len : DATA_MOST;
    json_object_set_new(o, "time", wri_json_time(j->srv->sys->wall_us()));
    set_text(o, "error", row->name);
    set_text(o, "reason", row->why);
    set_text(o, "source", row->source);
    set_text(o, "file", row->file);
    if (row->pos >= 0) json_object_set_new(o, "position", json_integer(row->pos));
    if (row->data) wri_json_bytes(o, "data", row->data, n);
    if (n < row->len) json_object_set_new(o, "bytes", json_integer((json_int_t)row->len));
    if (wri_json_write(o, &line) == WR_OK) wri_lines_put(&j->errors, line.data, line.len);
    wr_buf_free(&line);
    json_decref(o);
    wake(j, &j->errors);
}

/* ---- a run ---- */

wr_status wri_data_path(const wri_server *srv, char out[4096], wr_err *err, const char *dir, const char *name,
                        const char *below) {
    if (snprintf(out, 4096, "%s/%s/%s%s", srv->o.data, dir, name, below) < 4096) return WR_OK;
    return wr_fail(err, WR_EINVAL, "the path of the data directory is too long");
}

static wr_status state_dir(const wri_sjob *j, char out[4096], wr_err *err) {
    const wr_sys *sys = j->srv->sys;
    const char *data = j->srv->o.data;
    char jobs[4096], own[4096];
    bool there;
    WR_TRY(wri_data_path(j->srv, out, err, "jobs", j->row.id, "/snapshots"));
    snprintf(jobs, sizeof jobs, "%.3900s/jobs", data);
    snprintf(own, sizeof own, "%.3900s/jobs/%.64s", data, j->row.id);
    WR_TRY(wri_make_dir(sys, jobs, data, &there, err));
    return wri_make_dir(sys, own, jobs, &there, err);
}

/* Published: from here on until it is taken back the loop may cancel it and read its statistics. */
static void publish(wri_sjob *j, wr_job *run) {
    pthread_mutex_lock(&j->lock);
    j->run = run;
    if (j->cancel) wr_job_cancel(run);
    pthread_mutex_unlock(&j->lock);
    uv_async_send(&j->srv->wake); /* who started it waits for that */
}

static void take_back(wri_sjob *j, wr_job *run) {
    pthread_mutex_lock(&j->lock);
    wr_job_stats_read(run, &j->stats);
    j->run = NULL;
    while (j->borrowed) pthread_cond_wait(&j->returned, &j->lock);
    pthread_mutex_unlock(&j->lock);
}

/* A text of lines. */
static void log_lines(wri_sjob *j, const char *p) {
    while (*p) {
        int n = (int)strcspn(p, "\n");
        wri_job_log(j, "%.*s", n, p);
        p += n + (p[n] != 0);
    }
}

static void log_said(wri_sjob *j, const wr_job *run, wr_status (*said)(const wr_job *job, wr_buf *out)) {
    wr_buf text = {0};
    if (said(run, &text) == WR_OK && wr_buf_put(&text, "", 1) == WR_OK) log_lines(j, text.data);
    wr_buf_free(&text);
}

/* With a snapshot of its own the new SQL needs no leave any more to take over another's state. */
static void settle(wri_sjob *j, uint64_t snapshots) {
    wr_err err = {0};
    if (!j->row.updating || snapshots == 0) return;
    if (wri_catalog_updated(j->srv->catalog, j->row.id, &err) == WR_OK) j->row.updating = false;
    else wri_job_log(j, "%s", err.msg);
}

/* Now and then, in the job's thread: what holds it up, and that it no longer does. */
typedef struct watching {
    wri_sjob *job;
    const wr_job *run;
    uint64_t news[WR_TROUBLE_KINDS];
    uint64_t snapshots; /* when it was last to be settled: what failed is tried again behind the next */
} watching;

static void settle_early(watching *w) {
    wr_job_stats st;
    if (!w->job->row.updating) return;
    wr_job_stats_read(w->run, &st);
    if (st.snapshots == w->snapshots) return;
    w->snapshots = st.snapshots;
    settle(w->job, st.snapshots);
}

static void on_tick(void *ctx) {
    watching *w = ctx;
    for (int k = 0; k < WR_TROUBLE_KINDS; k++) {
        wr_trouble t;
        wr_job_trouble(w->run, (wr_trouble_kind)k, &t);
        if (t.news == w->news[k]) continue;
        w->news[k] = t.news;
        wri_job_log(w->job, t.now ? "%s" : "over: %s", t.why);
    }
    settle_early(w);
}

static wr_status run_plan(wri_sjob *j, const wri_sql *sql, wr_err *err) {
    char dir[4096], from[4096];
    WR_TRY(wri_sql_servable(sql, err));
    WR_TRY(state_dir(j, dir, err));
    if (j->row.savepoint) WR_TRY(wri_data_path(j->srv, from, err, "savepoints", j->row.savepoint, ""));
    const wr_server_opts *so = &j->srv->o;
    wr_job_opts o = {.sys = j->srv->sys,
                     .workers = (uint32_t)(j->row.workers ? j->row.workers : so->workers),
                     .output = on_output,
                     .bad_row = on_bad_row,
                     .ctx = j,
                     .state_dir = dir,
                     .snapshot_interval_us =
                         j->row.snapshot_interval_us ? j->row.snapshot_interval_us : so->snapshot_interval_us,
                     .memory_bytes = j->row.memory_bytes ? j->row.memory_bytes : so->memory_bytes,
                     .sql = j->row.sql,
                     .name = j->row.name,
                     .from_dir = j->row.savepoint ? from : NULL,
                     .update = j->row.updating,
                     .streams = j->srv->streams};
    /* Where the SQL says how many, that goes before the server's default. */
    if (!j->row.workers && sql->plan.settings.workers) o.workers = 0;
    if (!j->row.memory_bytes && sql->plan.settings.memory_bytes) o.memory_bytes = 0;
    wr_job *run;
    WR_TRY(wr_job_new(&sql->plan, &o, &run, err));
    wr_status s = WR_OK;
    log_lines(j, wr_job_passed_over(run));
    if (!wr_job_finished(run)) {
        watching w = {.job = j, .run = run};
        log_said(j, run, wr_job_warnings);
        publish(j, run);
        s = wr_job_run(run, on_tick, &w, err);
        take_back(j, run);
        settle(j, j->stats.snapshots);
    }
    log_said(j, run, wr_job_notes);
    wr_job_free(run);
    return s;
}

static wr_status run_sql(wri_sjob *j, wr_buf *why) {
    char name[160];
    wri_sql sql;
    wr_err err = {0};
    snprintf(name, sizeof name, "%s", j->row.name);
    wr_status s = wri_sql_plan(&sql, name, j->row.sql, why);
    if (s == WR_OK) {
        s = run_plan(j, &sql, &err);
        if (s != WR_OK) why->len = 0;
        if (s != WR_OK && wr_buf_puts(why, err.msg[0] ? err.msg : wr_status_text(s)) != WR_OK) s = WR_ENOMEM;
    }
    wri_sql_free(&sql);
    return s;
}

/* ---- how it ended ---- */

static wri_outcome outcome_of(wr_status s) {
    switch (s) {
    case WR_OK:
        return WRI_ENDED;
    case WR_ECANCELED:
        return WRI_CANCELED;
    case WR_ESQL: /* trying again does not help */
    case WR_EUNSUPPORTED:
    case WR_EINVAL:
        return WRI_HOPELESS;
    default:
        return WRI_BROKE;
    }
}

/* Counts a failure; the last that is allowed is hopeless. */
static void count_failure(wri_sjob *j, int64_t ran_us, wr_buf *why) {
    int64_t most = j->srv->o.max_restarts;
    j->tries = ran_us >= WELL_US ? 1 : j->tries + 1;
    if (most == 0 || j->tries <= most) return;
    j->outcome = WRI_HOPELESS;
    if (wr_buf_printf(why, " (given up after %lld restarts)", (long long)most) != WR_OK) why->len = 0;
}

static void record(wri_sjob *j) {
    wr_err err = {0};
    wri_ended ended = j->outcome == WRI_ENDED      ? WRI_HAS_FINISHED
                      : j->outcome == WRI_HOPELESS ? WRI_HAS_FAILED
                                                   : WRI_NOT_ENDED;
    int64_t restarts = j->row.restarts + (j->outcome == WRI_BROKE);
    if (j->outcome == WRI_CANCELED) return;
    if (wri_catalog_ran(j->srv->catalog, j->row.id, ended, j->why, restarts, &err) != WR_OK)
        wri_job_log(j, "%s", err.msg); /* the snapshots say the same, or it is found out again */
}

static void *job_main(void *arg) {
    wri_sjob *j = arg;
    const wr_sys *sys = j->srv->sys;
    wr_buf why = {0};
    int64_t began = sys->mono_us();
    wr_status s = run_sql(j, &why);
    j->outcome = outcome_of(s);
    if (j->outcome == WRI_BROKE) count_failure(j, sys->mono_us() - began, &why);
    if (j->outcome == WRI_BROKE || j->outcome == WRI_HOPELESS) {
        while (why.len && why.data[why.len - 1] == '\n') why.len--;
        if (wr_buf_put(&why, "", 1) == WR_OK) j->why = wr_strdup(why.data);
    }
    wr_buf_free(&why);
    record(j);
    __atomic_store_n(&j->ended, 1, __ATOMIC_RELEASE);
    uv_async_send(&j->srv->wake);
    return NULL;
}

wr_status wri_job_start(wri_sjob *j, wr_err *err) {
    j->cancel = false;
    j->ended = 0;
    wr_free(j->why);
    j->why = NULL;
    int e = pthread_create(&j->thread, NULL, job_main, j);
    if (e != 0) return wr_fail(err, WR_EIO, "cannot start a thread for the job: %s", strerror(e));
    j->alive = true;
    j->started_us = j->srv->sys->wall_us();
    return WR_OK;
}

void wri_job_cancel(wri_sjob *j) {
    pthread_mutex_lock(&j->lock);
    j->cancel = true;
    if (j->run) {
        wr_job_cancel(j->run);
        wr_job_wake(j->run);
    }
    pthread_mutex_unlock(&j->lock);
}
