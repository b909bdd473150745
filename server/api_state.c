/* server/api_state.c -- savepoints of jobs, and other SQL for them. docs/STATE.md says what they are.
 *
 * Both claim the job, so that nothing else changes it meanwhile. A savepoint's folder is made first, which
 * takes its name; a job that runs is asked for it and answers in its own thread (wri_saved), that of one at
 * rest is copied in the pool. An update compares, brings the job to rest with a last snapshot, compares again
 * with that, and puts the SQL into the catalog as `updating`: a crash before that goes on with the old SQL,
 * one behind it with the new. */
#include <errno.h>

#include "server_int.h"

#define NAME_MOST 96 /* of a savepoint [bytes] */

/* The end of a request that has claimed its job. */
static void give_back(wri_req *r) {
    r->job->busy = false;
    wri_send_noted(r);
}

static void note_stopping(wri_req *r) {
    wri_note_error(r, 503, "stopping", "the server is stopping; ask again when it runs");
}

static bool at_rest(wri_req *r) { return wri_job_at_rest(r->job); }

/* Finds the job and claims it, unless it is on its way to rest or `not` is its state; false: answered. */
static bool claim(wri_req *r, wri_jstate not, const char *verb) {
    static const char *const none[] = {NULL};
    if (!wri_query_known(r, none) || !wri_api_find_job(r) || !wri_api_claim(r)) return false;
    wri_jstate s = r->job->state;
    if (s != WRI_PAUSING && s != WRI_STOPPING && s != not ) return true;
    r->job->busy = false;
    wri_answer_error(r, 409, "conflict", "job %s is %s: it cannot be %s", r->job->row.name,
                     wri_jstate_name(s), verb);
    return false;
}

/* ---- savepoints ---- */

typedef struct saving {
    char name[NAME_MOST + 1], path[4096];
} saving;

static void note_saved(wri_req *r, uint64_t bytes) {
    const saving *v = r->own;
    wri_note(r, 201,
             json_pack("{s:s,s:s,s:I}", "name", v->name, "path", v->path, "bytes", (json_int_t)bytes));
}

/* The name is free again. */
static void note_unsaved(wri_req *r, wr_status s, const wr_err *err) {
    const saving *v = r->own;
    r->srv->sys->rmdir(v->path);
    if (s == WR_EINVAL || s == WR_ECANCELED) s = WR_ELIMIT; /* the job is not in a state for it */
    wri_note_failed(r, s, err);
}

/* In the pool: takes the name. */
static void take_name(wri_req *r) {
    saving *v = r->own;
    const wri_server *srv = r->srv;
    char above[4096];
    bool there = false;
    wr_err err = {0};
    wr_status s = wri_data_path(srv, v->path, &err, "savepoints", v->name, "");
    if (s == WR_OK) s = wri_data_path(srv, above, &err, "savepoints", "", "");
    if (s == WR_OK) s = wri_make_dir(srv->sys, above, srv->o.data, &there, &err);
    if (s == WR_OK) s = wri_make_dir(srv->sys, v->path, above, &there, &err);
    if (s == WR_OK && there) s = wr_fail(&err, WR_ELIMIT, "there is a savepoint '%s' already", v->name);
    if (s != WR_OK) wri_note_failed(r, s, &err);
}

/* In the pool, of a job at rest. */
static void copy(wri_req *r) {
    const saving *v = r->own;
    char dir[4096];
    uint64_t bytes = 0;
    wr_err err = {0};
    wr_status s = wri_data_path(r->srv, dir, &err, "jobs", r->job->row.id, "/snapshots");
    if (s == WR_OK) s = wr_state_savepoint(r->srv->sys, dir, v->path, &bytes, &err);
    if (s == WR_OK) note_saved(r, bytes);
    else note_unsaved(r, s, &err);
}

/* The job's thread. */
static void on_saved(void *ctx, wr_status s, uint64_t bytes, const wr_err *err) {
    wri_sjob *j = ctx;
    j->saved = (wri_saved){.status = s, .bytes = bytes};
    if (err) j->saved.err = *err;
    __atomic_store_n(&j->saved.done, 1, __ATOMIC_RELEASE);
    uv_async_send(&j->srv->wake);
}

static bool is_done(const wri_sjob *j) { return __atomic_load_n(&j->saved.done, __ATOMIC_ACQUIRE) != 0; }
static bool is_saved(wri_req *r) { return is_done(r->job) || wri_job_at_rest(r->job); }

static void saved(wri_req *r) {
    const wri_saved *v = &r->job->saved;
    if (is_done(r->job)) {
        if (v->status == WR_OK) note_saved(r, v->bytes);
        else note_unsaved(r, v->status, &v->err);
        give_back(r);
    } else if (r->srv->stopping) {
        note_stopping(r);
        give_back(r);
    } else if (wri_job_at_rest(r->job)) wri_req_work(r, copy, give_back);
    else wri_req_wait(r, is_saved, saved); /* it goes on to wait: the job answers, or ends */
}

static bool can_ask(wri_req *r) {
    wri_sjob *j = r->job;
    pthread_mutex_lock(&j->lock);
    bool runs = j->run != NULL;
    pthread_mutex_unlock(&j->lock);
    return runs || wri_job_at_rest(j);
}

static void ask(wri_req *r) {
    wri_sjob *j = r->job;
    const saving *v = r->own;
    wr_err err = {0};
    wr_status s = WR_OK;
    if (wri_noted(r) || r->srv->stopping) {
        if (!wri_noted(r)) {
            r->srv->sys->rmdir(v->path);
            note_stopping(r);
        }
        give_back(r);
        return;
    }
    pthread_mutex_lock(&j->lock);
    bool runs = j->run != NULL;
    j->saved = (wri_saved){0};
    if (runs) s = wr_job_savepoint(j->run, v->path, false, on_saved, j, &err);
    pthread_mutex_unlock(&j->lock);
    if (s != WR_OK) {
        note_unsaved(r, s, &err);
        give_back(r);
    } else if (runs) wri_req_wait(r, is_saved, saved);
    else if (wri_job_at_rest(j)) wri_req_work(r, copy, give_back);
    else wri_req_wait(r, can_ask, ask); /* it is being planned */
}

/* JOB-20261121T150256Z */
static void make_name(wri_req *r, char out[NAME_MOST + 1]) {
    char time[WR_TEXT_MAX + 1];
    size_t n = (size_t)snprintf(out, NAME_MOST + 1, "%.64s-", r->job->row.name);
    time[wr_write_timestamp(wr_floor_to(r->srv->sys->wall_us(), WR_US_PER_SECOND), 0, true, time)] = 0;
    for (const char *c = time; *c && n < NAME_MOST; c++)
        if (*c != '-' && *c != ':') out[n++] = *c;
    out[n] = 0;
}

/* The name that the body gives; false: noted. */
static bool read_name(wri_req *r, saving *v) {
    static const char *const known[] = {"s:name", NULL};
    json_t *o = r->body.len ? wri_req_json(r) : NULL;
    if (r->body.len && (!o || !wri_json_known(r, o, known))) return false;
    const char *name = o ? json_string_value(json_object_get(o, "name")) : NULL;
    if (!name) make_name(r, v->name);
    else if (wri_api_good_name(name, NAME_MOST)) snprintf(v->name, sizeof v->name, "%s", name);
    else {
        wri_note_error(r, 400, "bad_request",
                       "name: expected 1 to 96 letters, digits, _, - or ., not beginning with . or -");
        return false;
    }
    return true;
}

void wri_api_job_savepoint(wri_req *r) {
    if (!claim(r, WRI_FINISHED, "made a savepoint of")) return;
    saving *v = r->own = wr_arena_calloc(&r->ar, sizeof *v);
    if (!v) wri_note_error(r, 503, "out_of_memory", "out of memory");
    if (v && read_name(r, v)) wri_req_work(r, take_name, ask);
    else give_back(r);
}

/* ---- what becomes of state ---- */

/* Lists of keeps, begins and drops; NULL u: of no state at all. */
static json_t *fates_json(const wr_update *u) {
    static const char *const names[] = {[WR_KEEPS] = "keeps", [WR_BEGINS] = "begins", [WR_DROPS] = "drops"};
    json_t *o = json_object();
    for (size_t k = 0; k < WR_LEN(names); k++) json_object_set_new(o, names[k], json_array());
    for (uint32_t i = 0; u && i < u->n; i++) {
        const wr_update_item *t = &u->items[i];
        json_array_append_new(json_object_get(o, names[t->fate]),
                              json_sprintf("%s%s%s", t->what, *t->note ? "; " : "", t->note));
    }
    return o;
}

static void find_snapshot(void *ctx, const char *name) {
    const char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".snapshot") == 0) *(bool *)ctx = true;
}

bool wri_api_can_begin(wri_req *r, const char *savepoint, const wr_plan *plan) {
    char dir[4096], msg[600];
    wr_update u = {0};
    wr_err err = {0};
    struct stat st;
    wr_status s = WR_OK;
    if (wri_api_good_name(savepoint, NAME_MOST))
        s = wri_data_path(r->srv, dir, &err, "savepoints", savepoint, "");
    if (!wri_api_good_name(savepoint, NAME_MOST) || (s == WR_OK && r->srv->sys->stat(dir, &st) != 0)) {
        snprintf(msg, sizeof msg, "there is no savepoint '%.100s'", savepoint);
        wri_note_error(r, 400, "bad_request", msg);
        return false;
    }
    if (s == WR_OK) s = wr_update_of(r->srv->sys, dir, plan, &u, &err);
    if (s == WR_OK && u.needed)
        s = wr_fail(
            &err, WR_EINVAL,
            "savepoint '%s' belongs to other SQL: of what it holds %u would be kept and %u dropped, and "
            "%u would begin; submit the SQL it was made by, then update the job",
            savepoint, u.n_of[WR_KEEPS], u.n_of[WR_DROPS], u.n_of[WR_BEGINS]);
    if (s != WR_OK) wri_note_failed(r, s, &err);
    wr_update_free(&u);
    return s == WR_OK;
}

/* ---- update ---- */

typedef struct updating {
    const char *sql;
    bool dry_run, runs;
    bool put;   /* the job is at rest: compare() also puts the SQL into the catalog */
    char *text; /* of a job that has been updated; owned */
} updating;

/* Where its state is: its last snapshot, else the savepoint that it begins with, else "". */
static wr_status where(wri_req *r, char dir[4096], wr_err *err) {
    const wri_job_row *row = &r->job->row;
    bool found = false;
    WR_TRY(wri_data_path(r->srv, dir, err, "jobs", row->id, "/snapshots"));
    if (r->srv->sys->list(dir, find_snapshot, &found) != 0 && errno != ENOENT)
        return wr_fail(err, WR_EIO, "cannot list '%s': %s", dir, strerror(errno));
    if (found) return WR_OK;
    if (row->savepoint) return wri_data_path(r->srv, dir, err, "savepoints", row->savepoint, "");
    dir[0] = 0;
    return WR_OK;
}

/* Notes what becomes of the state, or why nothing can. */
static void note_fates(wri_req *r, const wr_plan *plan) {
    const updating *v = r->own;
    char dir[4096];
    wr_update u = {0};
    wr_err err = {0};
    wr_status s = where(r, dir, &err);
    if (s == WR_OK && !dir[0] && v->runs && v->dry_run)
        s = wr_fail(&err, WR_ELIMIT, "job %s has no snapshot yet that would tell; try again",
                    r->job->row.name);
    if (s == WR_OK && dir[0]) s = wr_update_of(r->srv->sys, dir, plan, &u, &err);
    if (s == WR_OK) wri_note(r, 200, fates_json(&u));
    else wri_note_failed(r, s == WR_EINVAL ? WR_ELIMIT : s, &err);
    wr_update_free(&u);
}

static void put(wri_req *r) {
    updating *v = r->own;
    wr_err err = {0};
    v->text = wr_strdup(v->sql);
    wr_status s = v->text ? wri_catalog_update(r->srv->catalog, r->job->row.id, v->sql, &err)
                          : wr_fail_oom(&err, "an update");
    if (s == WR_OK) return;
    wr_free(v->text);
    v->text = NULL;
    wri_note_failed(r, s, &err);
}

static void compare(wri_req *r) {
    updating *v = r->own;
    wri_sql sql;
    wr_buf why = {0};
    wr_err err = {0};
    wr_status s = wri_sql_plan(&sql, r->job->row.name, v->sql, &why);
    if (s == WR_OK) s = wri_sql_servable(&sql, &err);
    if (s == WR_OK) note_fates(r, &sql.plan);
    else if (why.len) wri_note_error(r, s == WR_ENOMEM ? 503 : 400, "sql", why.data);
    else wri_note_failed(r, s, &err);
    wri_sql_free(&sql);
    wr_buf_free(&why);
    if (v->put && r->status == 200) put(r);
}

/* The job goes on as is wanted of it, with the new SQL or, when that has been refused, the old. */
static void go_on(wri_req *r) {
    updating *v = r->own;
    wri_sjob *j = r->job;
    if (v->text) {
        wr_free(j->row.sql);
        j->row.sql = v->text;
        j->row.updating = true;
        wri_job_log(j, "has other SQL");
    }
    if (!r->srv->stopping && j->row.wanted == WRI_WANT_RUN && (v->text || j->state != WRI_FAILED))
        wri_job_act(j, WRI_WANT_RUN);
    give_back(r);
}

static void rested(wri_req *r) {
    wri_sjob *j = r->job;
    updating *v = r->own;
    if (r->srv->stopping) {
        note_stopping(r);
        give_back(r);
    } else if (!wri_job_at_rest(j)) wri_req_wait(r, at_rest, rested);
    else if (j->state == WRI_FINISHED) {
        wri_note_error(r, 409, "conflict",
                       "the job has finished meanwhile: other SQL has nothing to go on from");
        give_back(r);
    } else {
        v->put = true;
        wri_req_work(r, compare, go_on);
    }
}

static void compared(wri_req *r) {
    const updating *v = r->own;
    if (v->dry_run || r->status != 200) {
        give_back(r);
        return;
    }
    if (!wri_job_at_rest(r->job)) wri_job_rest(r->job);
    rested(r);
}

void wri_api_job_update(wri_req *r) {
    static const char *const known[] = {"s:sql", "b:dry_run", NULL};
    if (!claim(r, WRI_FINISHED, "updated")) return;
    updating *v = r->own = wr_arena_calloc(&r->ar, sizeof *v);
    json_t *o = v ? wri_req_json(r) : NULL;
    if (!v) wri_note_error(r, 503, "out_of_memory", "out of memory");
    else if (o && wri_json_known(r, o, known)) {
        v->sql = json_string_value(json_object_get(o, "sql"));
        v->dry_run = json_is_true(json_object_get(o, "dry_run"));
        v->runs = !wri_job_at_rest(r->job);
        if (!v->sql) wri_note_error(r, 400, "bad_request", "expected a member 'sql', the text of the script");
        else if (strlen(v->sql) > WRI_SQL_MOST)
            wri_note_error(r, 400, "bad_request", "the script is longer than 1 MiB");
    }
    if (wri_noted(r)) give_back(r);
    else wri_req_work(r, compare, compared);
}
