/* server/jobs.c -- the table of jobs, and the states of each. See README.md.
 *
 * Only the loop changes a state: when a request has put into the catalog what is wanted (wri_job_act), when a
 * thread has ended, when the time of a restart has come. */
#include <errno.h>

#include "server_int.h"

static const char *const names[] = {"running", "pausing",  "paused",  "stopping",
                                    "stopped", "finished", "failing", "failed"};

const char *wri_jstate_name(wri_jstate s) { return names[s]; }

void wri_job_log(wri_sjob *j, const char *fmt, ...) {
    wr_buf line = {0};
    char time[WR_TEXT_MAX + 1], text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    time[wr_write_timestamp(wr_floor_to(j->srv->sys->wall_us(), 1000), 3, true, time)] = 0;
    if (wr_buf_printf(&line, "%s %s", time, text) == WR_OK) wri_lines_put(&j->log, line.data, line.len);
    wr_buf_free(&line);
    wri_server_say(j->srv, "job %s: %s", j->row.name, text);
    if (__atomic_load_n(&j->log.followers, __ATOMIC_RELAXED)) uv_async_send(&j->srv->wake);
}

/* ---- one job ---- */

static void free_job(wri_sjob *j) {
    wr_free(j->row.id);
    wr_free(j->row.name);
    wr_free(j->row.sql);
    wr_free(j->row.savepoint);
    wr_free(j->error);
    wr_free(j->why);
    wri_lines_free(&j->output);
    wri_lines_free(&j->errors);
    wri_lines_free(&j->log);
    pthread_cond_destroy(&j->returned);
    pthread_mutex_destroy(&j->lock);
    wr_free(j);
}

wri_sjob *wri_job_hold(wri_sjob *j) {
    j->refs++;
    return j;
}

void wri_job_drop(wri_sjob *j) {
    if (j && --j->refs == 0) free_job(j);
}

static wri_sjob *new_job(wri_server *srv, const wri_job_row *row) {
    size_t most = (size_t)srv->o.output_bytes;
    wri_sjob *j = wr_calloc(1, sizeof *j);
    if (!j) return NULL;
    j->srv = srv;
    j->refs = 1;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->returned, NULL);
    wri_lines_init(&j->output, most);
    wri_lines_init(&j->errors, most);
    wri_lines_init(&j->log, most / 4);
    j->row = *row;
    j->row.error = NULL;
    j->row.id = wr_strdup(row->id);
    j->row.name = wr_strdup(row->name);
    j->row.sql = wr_strdup(row->sql);
    j->row.savepoint = row->savepoint ? wr_strdup(row->savepoint) : NULL;
    j->error = row->error ? wr_strdup(row->error) : NULL;
    j->stats.watermark_us = WR_WM_NONE;
    if (j->row.id && j->row.name && j->row.sql && (j->error || !row->error) &&
        (j->row.savepoint || !row->savepoint))
        return j;
    free_job(j);
    return NULL;
}

static void set_state(wri_sjob *j, wri_jstate s) {
    bool other = j->state != s;
    j->state = s;
    if (other) wri_job_log(j, "%s", names[s]);
}

static void set_error(wri_sjob *j, char *why) { /* takes it */
    wr_free(j->error);
    j->error = why;
}

/* 1 s, 2 s, 4 s, … to the most, less up to a half. */
static int64_t back_off(const wri_sjob *j) {
    const wr_server_opts *o = &j->srv->o;
    int64_t us = o->restart_delay_us;
    for (uint32_t i = 1; i < j->tries && us < o->restart_delay_max_us; i++) us *= 2;
    if (us > o->restart_delay_max_us) us = o->restart_delay_max_us;
    return us - (int64_t)(j->srv->sys->random() % (uint64_t)(us / 2 + 1));
}

static void fail_later(wri_sjob *j) {
    int64_t us = back_off(j);
    j->state = WRI_FAILING;
    j->again_us = j->srv->sys->mono_us() + us;
    wri_job_log(j, "failing: %s; starts again in %.1f s", j->error ? j->error : "out of memory",
                (double)us / 1e6);
}

static void start(wri_sjob *j) {
    wr_err err = {0};
    if (wri_job_start(j, &err) == WR_OK) {
        j->state = WRI_RUNNING;
        wri_job_log(j, "running");
        return;
    }
    j->tries++;
    set_error(j, wr_strdup(err.msg));
    fail_later(j);
}

void wri_job_rest(wri_sjob *j) {
    set_state(j, WRI_STOPPING);
    wri_job_cancel(j);
}

bool wri_job_at_rest(const wri_sjob *j) { return !j->alive; }

bool wri_job_begun(wri_sjob *j) {
    pthread_mutex_lock(&j->lock);
    bool open = j->run != NULL;
    pthread_mutex_unlock(&j->lock);
    return open || !j->alive;
}

void wri_job_act(wri_sjob *j, wri_wanted wanted) {
    j->row.wanted = wanted;
    if (wanted == WRI_WANT_RUN) {
        if (j->alive) return;
        j->row.ended = WRI_NOT_ENDED;
        j->tries = 0;
        set_error(j, NULL);
        start(j);
    } else if (j->alive) {
        set_state(j, wanted == WRI_WANT_PAUSE ? WRI_PAUSING : WRI_STOPPING);
        wri_job_cancel(j);
    } else if (j->state != WRI_FINISHED) set_state(j, wanted == WRI_WANT_PAUSE ? WRI_PAUSED : WRI_STOPPED);
}

void wri_job_stats(wri_sjob *j, wr_job_stats *outp) {
    pthread_mutex_lock(&j->lock);
    if (j->run) wr_job_stats_read(j->run, outp);
    else *outp = j->stats;
    pthread_mutex_unlock(&j->lock);
}

void wri_job_trouble(wri_sjob *j, wr_trouble_kind kind, wr_trouble *outp) {
    *outp = (wr_trouble){0};
    pthread_mutex_lock(&j->lock);
    if (j->run) wr_job_trouble(j->run, kind, outp);
    pthread_mutex_unlock(&j->lock);
}

wr_job *wri_job_borrow(wri_sjob *j) {
    pthread_mutex_lock(&j->lock);
    wr_job *run = j->run;
    j->borrowed += run != NULL;
    pthread_mutex_unlock(&j->lock);
    return run;
}

void wri_job_give_back(wri_sjob *j) {
    pthread_mutex_lock(&j->lock);
    if (--j->borrowed == 0) pthread_cond_broadcast(&j->returned);
    pthread_mutex_unlock(&j->lock);
}

/* Its thread has ended. */
static void ended(wri_sjob *j) {
    pthread_join(j->thread, NULL);
    j->alive = false;
    if (j->outcome == WRI_BROKE || j->outcome == WRI_HOPELESS) {
        set_error(j, j->why);
        j->why = NULL;
    }
    if (j->outcome == WRI_ENDED) {
        j->row.ended = WRI_HAS_FINISHED;
        set_error(j, NULL);
        set_state(j, WRI_FINISHED);
    } else if (j->row.wanted != WRI_WANT_RUN) {
        if (j->error) wri_job_log(j, "%s", j->error);
        set_state(j, j->row.wanted == WRI_WANT_PAUSE ? WRI_PAUSED : WRI_STOPPED);
    } else if (j->outcome == WRI_HOPELESS) {
        j->row.ended = WRI_HAS_FAILED;
        j->state = WRI_FAILED;
        wri_job_log(j, "failed: %s", j->error ? j->error : "out of memory");
    } else if (j->outcome == WRI_BROKE) {
        j->row.restarts++;
        fail_later(j);
    } else set_state(j, WRI_STOPPING); /* the server's end */
}

/* ---- the table ---- */

wri_sjob *wri_jobs_find(wri_server *srv, const char *id_or_name) {
    for (size_t i = 0; i < srv->n_jobs; i++) {
        wri_sjob *j = srv->jobs[i];
        if (strcmp(j->row.id, id_or_name) == 0 || strcmp(j->row.name, id_or_name) == 0) return j;
    }
    return NULL;
}

const char *wri_jobs_near(wri_server *srv, const char *name) {
    const char **all = srv->n_jobs ? wr_alloc(srv->n_jobs * sizeof *all) : NULL, *near = NULL;
    for (size_t i = 0; all && i < srv->n_jobs; i++) all[i] = srv->jobs[i]->row.name;
    if (all) near = wr_nearest(name, all, srv->n_jobs, sizeof *all);
    wr_free(all);
    return near;
}

wri_sjob *wri_jobs_add(wri_server *srv, const wri_job_row *row, wr_err *err) {
    wri_sjob *j = NULL;
    if (wr_grow(&srv->jobs, &srv->cap_jobs, srv->n_jobs + 1, sizeof(wri_sjob *)) != WR_OK ||
        !(j = new_job(srv, row))) {
        wr_fail_oom(err, "a job");
        return NULL;
    }
    srv->jobs[srv->n_jobs++] = j;
    if (row->ended == WRI_HAS_FINISHED) j->state = WRI_FINISHED;
    else if (row->wanted == WRI_WANT_PAUSE) j->state = WRI_PAUSED;
    else if (row->wanted == WRI_WANT_STOP || row->wanted == WRI_WANT_DELETE) j->state = WRI_STOPPED;
    else if (row->ended == WRI_HAS_FAILED) j->state = WRI_FAILED;
    else if (srv->stopping) j->state = WRI_STOPPING; /* it runs when the server is back */
    else start(j);
    return j;
}

void wri_jobs_remove(wri_sjob *j) {
    wri_server *srv = j->srv;
    size_t i = 0;
    while (i < srv->n_jobs && srv->jobs[i] != j) i++;
    if (i == srv->n_jobs) return;
    memmove(srv->jobs + i, srv->jobs + i + 1, (srv->n_jobs - i - 1) * sizeof *srv->jobs);
    srv->n_jobs--;
    j->removed = true;
    wri_job_drop(j);
}

void wri_jobs_look(wri_server *srv, int64_t now_us) {
    for (size_t i = 0; i < srv->n_jobs; i++) {
        wri_sjob *j = srv->jobs[i];
        if (j->alive && __atomic_load_n(&j->ended, __ATOMIC_ACQUIRE)) ended(j);
        if (j->state == WRI_FAILING && !j->busy && !srv->stopping && now_us >= j->again_us) start(j);
    }
}

void wri_jobs_stop(wri_server *srv) {
    for (size_t i = 0; i < srv->n_jobs; i++)
        if (srv->jobs[i]->alive) wri_job_cancel(srv->jobs[i]);
}

void wri_jobs_join(wri_server *srv) {
    for (size_t i = 0; i < srv->n_jobs; i++)
        if (srv->jobs[i]->alive) ended(srv->jobs[i]);
}

bool wri_jobs_rest(const wri_server *srv) {
    for (size_t i = 0; i < srv->n_jobs; i++)
        if (srv->jobs[i]->alive) return false;
    return true;
}

void wri_jobs_free(wri_server *srv) {
    while (srv->n_jobs) wri_jobs_remove(srv->jobs[srv->n_jobs - 1]);
    wr_free(srv->jobs);
}

static void find_snapshot(void *ctx, const char *name) {
    const char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".snapshot") == 0) *(bool *)ctx = true;
}

wr_status wri_has_snapshot(const wri_server *srv, const char *id, bool *hasp, wr_err *err) {
    char dir[4096];
    *hasp = false;
    WR_TRY(wri_data_path(srv, dir, err, "jobs", id, "/snapshots"));
    if (srv->sys->list(dir, find_snapshot, hasp) == 0 || errno == ENOENT) return WR_OK;
    return wr_fail(err, WR_EIO, "cannot list '%s': %s", dir, strerror(errno));
}

wr_status wri_job_erase(wri_server *srv, const char *id, wr_err *err) {
    char path[4096];
    WR_TRY(wri_data_path(srv, path, err, "jobs", id, ""));
    WR_TRY(wri_erase(srv->sys, path, err));
    return wri_catalog_remove(srv->catalog, id, err);
}

/* ---- the start ---- */

static wr_status open_row(void *ctx, const wri_job_row *row, wr_err *err) {
    return wri_jobs_add(ctx, row, err) ? WR_OK : WR_ENOMEM;
}

/* One that cannot be deleted now stays in sight, so that somebody tries again. */
static void erase_doomed(wri_sjob *j) {
    wri_server *srv = j->srv;
    wr_err err = {0};
    wr_buf why = {0};
    if (wri_job_erase(srv, j->row.id, &err) == WR_OK) {
        wri_jobs_remove(j);
        return;
    }
    j->row.wanted = WRI_WANT_STOP;
    j->doomed = true;
    j->state = WRI_FAILED;
    if (wr_buf_printf(&why, "cannot be deleted: %s", err.msg) == WR_OK) set_error(j, why.data);
    else wr_buf_free(&why);
    wri_job_log(j, "%s", j->error ? j->error : "out of memory");
}

wr_status wri_jobs_open(wri_server *srv, wr_err *err) {
    WR_TRY(wri_catalog_each(srv->catalog, open_row, srv, err));
    for (size_t i = srv->n_jobs; i-- > 0;)
        if (srv->jobs[i]->row.wanted == WRI_WANT_DELETE) erase_doomed(srv->jobs[i]);
    return WR_OK;
}
