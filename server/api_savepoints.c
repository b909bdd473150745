/* server/api_savepoints.c -- savepoints: made of jobs, begun with, listed, deleted. docs/STATE.md says what
 * they are.
 *
 *   DATA/savepoints/NAME/               one; it is whole when it has its manifest, which is written last
 *   DATA/savepoints/.deleted-NAME-…/    one that is being deleted
 *
 * It is renamed first, so that no half of it is ever taken for a savepoint; what a crash leaves of it goes at
 * the next start.
 *
 * Who makes or deletes one holds its name meanwhile (wri_claim, on the loop), so nobody else does. A job that
 * is to begin with one is put into the catalog under srv->savepoints, under which a deletion looks there for
 * such jobs and renames: either finds what the other has done.
 *
 * To make one the job is claimed, too, for as long as there is work in the pool. The folder is made first,
 * which takes its name; a job that runs is asked for it and answers in its own thread (wri_saved), that of
 * one at rest is copied in the pool. A job that runs may need long, as its rows have to reach their targets
 * first: meanwhile it is not claimed, only `saving`, so that others can stop or delete it, which ends the
 * wait. */
#include <errno.h>
#include <stdlib.h>

#include "server_int.h"

#define NAME_MOST 96        /* of a savepoint [bytes] */
#define BODY_MOST (4 << 10) /* it is read on the loop */
#define DELETED   ".deleted-"

/* ---- names that are held ---- */

/* False: somebody else holds it, which has been noted. */
static bool hold(wri_req *r, wri_claim *c, const char *name, const char *doing) {
    wri_server *srv = r->srv;
    char msg[300];
    for (const wri_claim *o = srv->claims; o; o = o->next)
        if (strcmp(o->name, name) == 0) {
            snprintf(msg, sizeof msg, "savepoint '%s' is being %s; try again", name, o->doing);
            wri_note_error(r, 409, "conflict", msg);
            return false;
        }
    *c = (wri_claim){.name = name, .doing = doing, .next = srv->claims};
    srv->claims = c;
    return true;
}

static void let_go(wri_server *srv, wri_claim *c) {
    for (wri_claim **p = &srv->claims; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            return;
        }
}

/* ---- made ---- */

typedef struct saving {
    wri_claim claim;
    bool claims; /* its job is `busy` for it */
    char name[NAME_MOST + 1], path[4096];
} saving;

/* The end of a request that holds a name, and its job. */
static void end_saving(wri_req *r) {
    saving *v = r->own;
    let_go(r->srv, &v->claim);
    r->job->saving = false;
    if (v->claims) wri_api_give_back(r);
    else wri_send_noted(r);
}

/* The job is no longer claimed, until claim_again. */
static void wait_for(wri_req *r, bool (*ready)(wri_req *r), void (*after)(wri_req *r)) {
    saving *v = r->own;
    if (v->claims) r->job->busy = false;
    v->claims = false;
    wri_req_wait(r, ready, after);
}

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

static void count_name(void *ctx, const char *name) {
    (void)name;
    ++*(size_t *)ctx;
}

/* In the pool: takes the name. An empty folder of that name is what a stop or a crash has left of this. */
static void take_name(wri_req *r) {
    saving *v = r->own;
    const wri_server *srv = r->srv;
    char above[4096];
    bool there = false;
    size_t n = 0;
    wr_err err = {0};
    wr_status s = wri_data_path(srv, v->path, &err, "savepoints", v->name, "");
    if (s == WR_OK) s = wri_data_path(srv, above, &err, "savepoints", "", "");
    if (s == WR_OK) s = wri_make_dir(srv->sys, above, srv->o.data, &there, &err);
    if (s == WR_OK) s = wri_make_dir(srv->sys, v->path, above, &there, &err);
    if (s == WR_OK && there && (srv->sys->list(v->path, count_name, &n) != 0 || n > 0))
        s = wr_fail(&err, WR_ELIMIT, "there is a savepoint '%s' already", v->name);
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
    j->saved.status = s;
    j->saved.bytes = bytes;
    if (err) j->saved.err = *err;
    __atomic_store_n(&j->saved.done, 1, __ATOMIC_RELEASE);
    uv_async_send(&j->srv->wake);
}

static bool is_done(const wri_sjob *j) { return __atomic_load_n(&j->saved.done, __ATOMIC_ACQUIRE) != 0; }
static bool is_saved(wri_req *r) { return is_done(r->job) || wri_job_at_rest(r->job); }

/* Of one at rest, which may have been waited for: then others may be at it. */
static void copy_claimed(wri_req *r) {
    saving *v = r->own;
    wri_sjob *j = r->job;
    if (!v->claims && wri_api_is_free(j)) v->claims = j->busy = true;
    if (v->claims) {
        wri_req_work(r, copy, end_saving);
        return;
    }
    r->srv->sys->rmdir(v->path);
    wri_note_error(r, 409, "conflict", "the job ended before the savepoint was there, and is being changed");
    end_saving(r);
}

static void saved(wri_req *r) {
    const wri_saved *v = &r->job->saved;
    if (is_done(r->job)) {
        if (v->status == WR_OK) note_saved(r, v->bytes);
        else note_unsaved(r, v->status, &v->err);
        end_saving(r);
    } else if (r->srv->stopping) {
        wri_api_note_stopping(r);
        end_saving(r);
    } else if (wri_job_at_rest(r->job)) copy_claimed(r);
    else wri_req_wait(r, is_saved, saved); /* it goes on to wait: the job answers, or ends */
}

static void ask(wri_req *r) {
    wri_sjob *j = r->job;
    const saving *v = r->own;
    wr_err err = {0};
    wr_status s = WR_OK;
    if (wri_noted(r) || r->srv->stopping) {
        if (!wri_noted(r)) {
            r->srv->sys->rmdir(v->path);
            wri_api_note_stopping(r);
        }
        end_saving(r);
        return;
    }
    pthread_mutex_lock(&j->lock);
    bool runs = j->run != NULL;
    j->saved = (wri_saved){0};
    if (runs) s = wr_job_savepoint(j->run, v->path, false, on_saved, j, &err);
    pthread_mutex_unlock(&j->lock);
    if (s != WR_OK) {
        note_unsaved(r, s, &err);
        end_saving(r);
    } else if (runs) wait_for(r, is_saved, saved);
    else if (wri_job_at_rest(j)) copy_claimed(r);
    else wait_for(r, wri_api_begun, ask); /* it is being planned */
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
    if (r->body.len > BODY_MOST) {
        wri_note_error(r, 413, "too_large", "the body: expected a name, and no more");
        return false;
    }
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
    if (!wri_api_claim_state(r, WRI_FINISHED, "made a savepoint of")) return;
    saving *v = r->own = wr_arena_calloc(&r->ar, sizeof *v);
    if (!v) wri_note_error(r, 503, "out_of_memory", "out of memory");
    if (v && r->job->saving)
        wri_note_error(r, 409, "conflict", "a savepoint of it is being made; try again when it is there");
    else if (v && read_name(r, v) && hold(r, &v->claim, v->name, "made")) {
        v->claims = r->job->saving = true;
        wri_req_work(r, take_name, ask);
        return;
    }
    wri_api_give_back(r);
}

/* ---- begun with ---- */

static wr_status path_of(const wri_server *srv, const char *name, char path[4096], wr_err *err) {
    struct stat st;
    if (!wri_api_good_name(name, NAME_MOST))
        return wr_fail(err, WR_EINVAL, "there is no savepoint '%.100s'", name);
    WR_TRY(wri_data_path(srv, path, err, "savepoints", name, ""));
    if (srv->sys->stat(path, &st) == 0) return WR_OK;
    if (errno == ENOENT) return wr_fail(err, WR_EINVAL, "there is no savepoint '%s'", name);
    return wr_fail(err, WR_EIO, "cannot look at the savepoint '%s': %s", path, strerror(errno));
}

bool wri_api_can_begin(wri_req *r, const char *savepoint, const wr_plan *plan) {
    char dir[4096];
    wr_update u = {0};
    wr_err err = {0};
    wr_status s = path_of(r->srv, savepoint, dir, &err);
    if (s == WR_OK) s = wr_update_of(r->srv->sys, dir, plan, &u, &err);
    wr_err gone = {0}; /* it may have been deleted while it was read */
    if (s != WR_OK && path_of(r->srv, savepoint, dir, &gone) == WR_EINVAL) {
        s = WR_EINVAL;
        err = gone;
    }
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

wr_status wri_savepoint_begin(wri_server *srv, const wri_job_row *row, wr_err *err) {
    char path[4096];
    pthread_mutex_lock(&srv->savepoints);
    wr_status s = path_of(srv, row->savepoint, path, err);
    if (s == WR_OK) s = wri_catalog_add(srv->catalog, row, err);
    pthread_mutex_unlock(&srv->savepoints);
    return s;
}

/* ---- looked at ---- */

typedef struct looking {
    wri_req *r;
    const char **names; /* that are there */
    size_t n, cap;
    bool oom;
} looking;

/* ready, incomplete (it is being made, or was when the server ended) or broken. */
static const char *state_of(wr_status s) {
    return s == WR_OK ? "ready" : s == WR_EINVAL ? "incomplete" : "broken";
}

/* NULL: it has gone meanwhile, or there was no memory. */
static json_t *savepoint_json(wri_req *r, const char *name, bool whole) {
    char path[4096];
    wr_savepoint_about about;
    wr_arena ar = {0};
    wr_err err = {0};
    wr_status s = path_of(r->srv, name, path, &err);
    if (s == WR_EINVAL) return NULL;
    if (s == WR_OK) s = wr_savepoint_read_about(r->srv->sys, path, &ar, &about, &err);
    json_t *o = json_pack("{s:s,s:s,s:s}", "name", name, "path", path, "state", state_of(s));
    if (s == WR_OK) {
        json_object_set_new(o, "job", *about.job ? json_string(about.job) : json_null());
        json_object_set_new(o, "taken", wri_json_time(about.taken_us));
        json_object_set_new(o, "epoch", json_integer((json_int_t)about.epoch));
        json_object_set_new(o, "bytes", json_integer((json_int_t)about.bytes));
        json_object_set_new(o, "version", json_string(about.version));
        if (whole) json_object_set_new(o, "sql", json_string(about.sql));
    } else if (s == WR_EINVAL)
        json_object_set_new(
            o, "error",
            json_string("it has no manifest: it is being made, or the server ended while it was"));
    else json_object_set_new(o, "error", json_string(err.msg));
    wr_arena_free(&ar);
    return o;
}

static void take_found(void *ctx, const char *name) {
    looking *l = ctx;
    const char *copy;
    if (!wri_api_good_name(name, NAME_MOST)) return; /* nobody's savepoint */
    if (wr_grow(&l->names, &l->cap, l->n + 1, sizeof *l->names) == WR_OK &&
        (copy = wr_arena_strdup(&l->r->ar, name)))
        l->names[l->n++] = copy;
    else l->oom = true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list(wri_req *r) {
    looking l = {.r = r};
    char path[4096];
    wr_err err = {0};
    wr_status s = wri_data_path(r->srv, path, &err, "savepoints", "", "");
    if (s == WR_OK && r->srv->sys->list(path, take_found, &l) != 0 && errno != ENOENT)
        s = wr_fail(&err, WR_EIO, "cannot list '%s': %s", path, strerror(errno));
    if (l.oom) s = wr_fail_oom(&err, "savepoints");
    json_t *a = json_array();
    if (l.n) qsort(l.names, l.n, sizeof *l.names, by_name);
    for (size_t i = 0; s == WR_OK && i < l.n; i++) {
        json_t *o = savepoint_json(r, l.names[i], false);
        if (o) json_array_append_new(a, o);
    }
    if (s == WR_OK) wri_note(r, 200, json_pack("{s:O}", "savepoints", a));
    else wri_note_failed(r, s, &err);
    json_decref(a);
    wr_free(l.names);
}

static void note_none(wri_req *r) {
    char msg[200];
    snprintf(msg, sizeof msg, "there is no savepoint '%.100s'", r->args[0]);
    wri_note_error(r, 404, "not_found", msg);
}

static void describe(wri_req *r) {
    json_t *o = savepoint_json(r, r->args[0], true);
    if (o) wri_note(r, 200, o);
    else note_none(r);
}

void wri_api_savepoints_list(wri_req *r) { wri_api_work(r, list); }
void wri_api_savepoint(wri_req *r) { wri_api_work(r, describe); }

/* ---- deleted ---- */

typedef struct needed {
    const wri_server *srv;
    const char *name;
} needed;

/* WR_ELIMIT: the job begins with it, and has no state of its own yet. */
static wr_status need(void *ctx, const wri_job_row *row, wr_err *err) {
    const needed *d = ctx;
    bool has = false;
    if (!row->savepoint || strcmp(row->savepoint, d->name) != 0 || row->wanted == WRI_WANT_DELETE)
        return WR_OK;
    WR_TRY(wri_has_snapshot(d->srv, row->id, &has, err));
    if (has) return WR_OK;
    return wr_fail(
        err, WR_ELIMIT,
        "job %s begins with savepoint '%s' and has taken no snapshot of its own yet; try again when "
        "it has, or delete the job",
        row->name, d->name);
}

static wr_status sync_names(const wri_server *srv, wr_err *err) {
    char path[4096];
    WR_TRY(wri_data_path(srv, path, err, "savepoints", "", ""));
    return wri_sync_folder(srv->sys, path, err);
}

/* Nobody needs it, and it is no savepoint any more; to: what it is called from now on. */
static wr_status put_aside(wri_server *srv, const char *name, const char *from, const char *to, wr_err *err) {
    needed d = {.srv = srv, .name = name};
    pthread_mutex_lock(&srv->savepoints);
    wr_status s = wri_catalog_each(srv->catalog, need, &d, err);
    if (s == WR_OK && srv->sys->rename(from, to) != 0)
        s = wr_fail(err, WR_EIO, "cannot delete the savepoint '%s': %s", from, strerror(errno));
    pthread_mutex_unlock(&srv->savepoints);
    return s == WR_OK ? sync_names(srv, err) : s;
}

static void delete (wri_req *r) {
    char path[4096], aside[4096], name[NAME_MOST + 64];
    wr_err err = {0};
    wr_status s = path_of(r->srv, r->args[0], path, &err);
    if (s == WR_EINVAL) {
        note_none(r);
        return;
    }
    snprintf(name, sizeof name, DELETED "%s-%016llx", r->args[0], (unsigned long long)r->srv->sys->random());
    if (s == WR_OK) s = wri_data_path(r->srv, aside, &err, "savepoints", name, "");
    if (s == WR_OK) s = put_aside(r->srv, r->args[0], path, aside, &err);
    if (s == WR_OK) s = wri_erase(r->srv->sys, aside, &err);
    if (s == WR_OK) wri_note(r, 200, json_pack("{s:s,s:b}", "name", r->args[0], "deleted", 1));
    else wri_note_failed(r, s, &err);
}

static void deleted(wri_req *r) {
    let_go(r->srv, r->own);
    wri_send_noted(r);
}

void wri_api_savepoint_delete(wri_req *r) {
    static const char *const none[] = {NULL};
    if (!wri_query_known(r, none)) return;
    wri_claim *c = r->own = wr_arena_calloc(&r->ar, sizeof *c);
    if (!c) wri_answer_error(r, 503, "out_of_memory", "out of memory");
    else if (hold(r, c, r->args[0], "deleted")) wri_req_work(r, delete, deleted);
    else wri_send_noted(r);
}

/* ---- the start ---- */

static void erase_deleted(void *ctx, const char *name) {
    const wri_server *srv = ctx;
    char path[4096];
    wr_err err = {0};
    if (strncmp(name, DELETED, strlen(DELETED)) != 0) return;
    if (wri_data_path(srv, path, &err, "savepoints", name, "") != WR_OK ||
        wri_erase(srv->sys, path, &err) != WR_OK)
        wri_server_say(srv, "%s", err.msg); /* it is in nobody's way */
}

void wri_savepoints_open(wri_server *srv) {
    char path[4096];
    if (wri_data_path(srv, path, NULL, "savepoints", "", "") == WR_OK)
        (void)srv->sys->list(path, erase_deleted, srv);
}
