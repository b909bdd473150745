/* server/api_update.c -- other SQL for a job. docs/STATE.md says what becomes of its state.
 *
 * An update claims the job, so that nothing else changes it meanwhile; it compares, brings the job to rest
 * with a last snapshot, compares again with that, and puts the SQL into the catalog as `updating`: a crash
 * before that goes on with the old SQL, one behind it with the new. */
#include "server_int.h"

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

/* ---- update ---- */

typedef struct updating {
    const char *sql;
    bool dry_run, runs;
    bool put;      /* the job is at rest: compare() also puts the SQL into the catalog */
    char *text;    /* of a job that has been updated; owned */
    json_t *fates; /* what becomes of its state then; owned */
} updating;

/* Where its state is: its last snapshot, else the savepoint that it begins with, else "". */
static wr_status where(wri_req *r, char dir[4096], wr_err *err) {
    const wri_job_row *row = &r->job->row;
    bool found;
    WR_TRY(wri_data_path(r->srv, dir, err, "jobs", row->id, "/snapshots"));
    WR_TRY(wri_has_snapshot(r->srv, row->id, &found, err));
    if (found) return WR_OK;
    if (row->savepoint) return wri_data_path(r->srv, dir, err, "savepoints", row->savepoint, "");
    dir[0] = 0;
    return WR_OK;
}

/* Notes what becomes of the state, or why nothing can. */
static void note_fates(wri_req *r, const wr_plan *plan) {
    updating *v = r->own;
    char dir[4096];
    wr_update u = {0};
    wr_err err = {0};
    wr_status s = where(r, dir, &err);
    if (s == WR_OK && !dir[0] && v->runs && v->dry_run)
        s = wr_fail(&err, WR_ELIMIT, "job %s has no snapshot yet that would tell; try again",
                    r->job->row.name);
    if (s == WR_OK && dir[0]) s = wr_update_of(r->srv->sys, dir, plan, &u, &err);
    json_t *fates = s == WR_OK ? fates_json(&u) : NULL;
    if (v->put) v->fates = json_incref(fates);
    if (s == WR_OK) wri_note(r, 200, fates);
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

/* False: noted. */
static bool take_body(wri_req *r) {
    static const char *const known[] = {"s:sql", "b:dry_run", NULL};
    updating *v = r->own;
    json_t *o = wri_req_json(r);
    if (!o || !wri_json_known(r, o, known)) return false;
    v->sql = json_string_value(json_object_get(o, "sql"));
    v->dry_run = json_is_true(json_object_get(o, "dry_run"));
    return wri_api_script_fits(r, v->sql);
}

/* In the pool; twice, unless it is a dry run. */
static void compare(wri_req *r) {
    updating *v = r->own;
    wri_sql sql;
    wr_buf why = {0};
    wr_err err = {0};
    if (!v->sql && !take_body(r)) return;
    wr_status s = wri_sql_plan(&sql, r->job->row.name, v->sql, &why);
    if (s == WR_OK) s = wri_sql_servable(&sql, &err);
    if (s == WR_OK) note_fates(r, &sql.plan);
    else if (why.len) wri_note_error(r, s == WR_ENOMEM ? 503 : 400, "sql", why.data);
    else wri_note_failed(r, s, &err);
    wri_sql_free(&sql);
    wr_buf_free(&why);
    if (v->put && r->status == 200) put(r);
}

/* What has become of its state, and how it is with the new SQL. */
static void answer(wri_req *r) {
    const updating *v = r->own;
    const wri_sjob *j = r->job;
    if (v->fates && r->status == 200) {
        json_object_set_new(v->fates, "state", json_string(wri_jstate_name(j->state)));
        if (j->error && j->state != WRI_RUNNING)
            json_object_set_new(v->fates, "error", json_string(j->error));
        wri_note(r, 200, v->fates);
    } else json_decref(v->fates);
    wri_send_noted(r);
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
    j->busy = false; /* who would stop it need not wait */
    wri_req_wait(r, wri_api_begun, answer);
}

static void rested(wri_req *r) {
    wri_sjob *j = r->job;
    updating *v = r->own;
    if (r->srv->stopping) {
        wri_api_note_stopping(r);
        wri_api_give_back(r);
    } else if (!wri_job_at_rest(j)) wri_req_wait(r, wri_api_at_rest, rested);
    else if (j->state == WRI_FINISHED) {
        wri_note_error(r, 409, "conflict",
                       "the job has finished meanwhile: other SQL has nothing to go on from");
        wri_api_give_back(r);
    } else {
        v->put = true;
        wri_req_work(r, compare, go_on);
    }
}

static void compared(wri_req *r) {
    const updating *v = r->own;
    if (v->dry_run || r->status != 200) {
        wri_api_give_back(r);
        return;
    }
    if (!wri_job_at_rest(r->job)) wri_job_rest(r->job);
    rested(r);
}

void wri_api_job_update(wri_req *r) {
    if (!wri_api_claim_state(r, WRI_FINISHED, "updated")) return;
    updating *v = r->own = wr_arena_calloc(&r->ar, sizeof *v);
    if (v) {
        v->runs = !wri_job_at_rest(r->job);
        wri_req_work(r, compare, compared);
    } else {
        wri_note_error(r, 503, "out_of_memory", "out of memory");
        wri_api_give_back(r);
    }
}
