/* server/api_jobs.c -- jobs: submitted, listed, described, and what is wanted of them changed. */
#include <inttypes.h>

#include "server_int.h"

#define NAME_MAX_BYTES 64

/* ---- as JSON ---- */

static void set_int(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

/* "trouble": ["…"], what holds the job up and passes by itself; left out where there is none. */
static void set_trouble(json_t *o, wri_sjob *j) {
    json_t *list = json_array();
    for (int k = 0; k < WR_TROUBLE_KINDS; k++) {
        wr_trouble t;
        wri_job_trouble(j, (wr_trouble_kind)k, &t);
        if (t.now) json_array_append_new(list, json_string(t.why));
    }
    if (json_array_size(list)) json_object_set(o, "trouble", list);
    json_decref(list);
}

json_t *wri_api_job_json(wri_sjob *j, bool whole) {
    wr_job_stats st;
    wri_job_stats(j, &st);
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(j->row.id));
    json_object_set_new(o, "name", json_string(j->row.name));
    json_object_set_new(o, "state", json_string(wri_jstate_name(j->state)));
    json_object_set_new(o, "created", wri_json_time(j->row.created_us));
    json_object_set_new(o, "started", j->started_us ? wri_json_time(j->started_us) : json_null());
    set_int(o, "restarts", (uint64_t)j->row.restarts);
    if (j->error && j->state != WRI_RUNNING) json_object_set_new(o, "error", json_string(j->error));
    set_int(o, "rows_in", st.rows_in);
    set_int(o, "rows_out", st.rows_out);
    set_int(o, "late", st.late_rows);
    set_int(o, "bad", st.bad_rows);
    json_object_set_new(o, "watermark", wri_json_watermark(st.watermark_us));
    set_trouble(o, j);
    if (!whole) return o;
    json_object_set_new(o, "sql", json_string(j->row.sql));
    set_int(o, "workers", j->row.workers ? (uint64_t)j->row.workers : st.workers);
    set_int(o, "bytes_in", st.bytes_in > 0 ? (uint64_t)st.bytes_in : 0);
    if (st.first_bad[0] && wr_utf8_valid(st.first_bad, strlen(st.first_bad)))
        json_object_set_new(o, "first_bad", json_string(st.first_bad));
    return o;
}

bool wri_api_find_job(wri_req *r) {
    wri_sjob *j = wri_jobs_find(r->srv, r->args[0]);
    const char *near = j ? NULL : wri_jobs_near(r->srv, r->args[0]);
    if (j) r->job = wri_job_hold(j);
    else if (near)
        wri_answer_error(r, 404, "not_found", "there is no job '%.100s'; did you mean '%s'?", r->args[0],
                         near);
    else wri_answer_error(r, 404, "not_found", "there is no job '%.100s'; weir jobs lists them", r->args[0]);
    return j != NULL;
}

void wri_api_jobs_list(wri_req *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->srv->n_jobs; i++)
        json_array_append_new(list, wri_api_job_json(r->srv->jobs[i], false));
    wri_answer_json(r, 200, json_pack("{s:o}", "jobs", list));
}

/* ---- submit ---- */

/* A job as it was asked for; in the request's arena. */
typedef struct asked {
    wri_job_row row;
    char id[16];
    const char *interval, *memory;
} asked;

static bool bad(wri_req *r, const char *fmt, ...) WR_PRINTF(2, 3);
static bool bad(wri_req *r, const char *fmt, ...) {
    char msg[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    wri_note_error(r, 400, "bad_request", msg);
    return false;
}

bool wri_api_good_name(const char *name, size_t most) {
    size_t n = strlen(name);
    bool ok = n >= 1 && n <= most;
    for (const char *c = name; *c && ok; c++)
        ok = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
             (c > name && strchr("._-", *c)) || *c == '_';
    return ok;
}

/* Names stand in URLs and beside ids, which begin with "j-". */
static bool good_name(wri_req *r, const char *name) {
    if (wri_api_good_name(name, NAME_MAX_BYTES) && strncmp(name, "j-", 2) != 0) return true;
    return bad(r,
               "name '%.80s': expected 1 to %d letters, digits, _, - or ., not beginning with . or - or 'j-'",
               name, NAME_MAX_BYTES);
}

static bool take_json(wri_req *r, asked *a) {
    static const char *const known[] = {"s:sql",       "s:name",   "i:workers", "s:snapshot_interval",
                                        "s:savepoint", "s:memory", NULL};
    json_t *o = wri_req_json(r);
    if (!o || !wri_json_known(r, o, known)) return false;
    json_t *w = json_object_get(o, "workers");
    a->row.sql = (char *)json_string_value(json_object_get(o, "sql"));
    a->row.name = (char *)json_string_value(json_object_get(o, "name"));
    a->interval = json_string_value(json_object_get(o, "snapshot_interval"));
    a->row.savepoint = (char *)json_string_value(json_object_get(o, "savepoint"));
    a->memory = json_string_value(json_object_get(o, "memory"));
    a->row.workers = w ? json_integer_value(w) : 0;
    if (w && (a->row.workers < 1 || a->row.workers > 128))
        return bad(r, "workers: expected 1 to 128, found %" PRId64, a->row.workers);
    return wri_api_script_fits(r, a->row.sql);
}

bool wri_api_script_fits(wri_req *r, const char *sql) {
    if (!sql) return bad(r, "expected a member 'sql', the text of the script");
    return strlen(sql) <= WRI_SQL_MOST ? true : bad(r, "the script is longer than 1 MiB");
}

const char *wri_api_script(wri_req *r) {
    const char *p = r->body.data ? r->body.data : "";
    const char *sql = NULL;
    if (!wr_utf8_valid(p, r->body.len) || memchr(p, 0, r->body.len)) bad(r, "the script is no UTF-8 text");
    else if (!(sql = wr_arena_strndup(&r->ar, p, r->body.len)))
        wri_note_error(r, 503, "out_of_memory", "out of memory");
    return sql && wri_api_script_fits(r, sql) ? sql : NULL;
}

/* The body is the script itself. */
static bool take_sql(wri_req *r, asked *a) {
    const char *w = wri_query(r, "workers");
    a->row.sql = (char *)wri_api_script(r);
    if (!a->row.sql) return false;
    a->row.name = (char *)wri_query(r, "name");
    a->interval = wri_query(r, "snapshot_interval");
    a->row.savepoint = (char *)wri_query(r, "savepoint");
    a->memory = wri_query(r, "memory");
    if (w && (!wr_read_i64(w, strlen(w), &a->row.workers) || a->row.workers < 1 || a->row.workers > 128))
        return bad(r, "workers '%.32s': expected 1 to 128", w);
    return true;
}

static bool take(wri_req *r, asked *a) {
    wr_err err = {0};
    if (!(r->body_type == WRI_BODY_SQL ? take_sql(r, a) : take_json(r, a))) return false;
    if (a->interval && wr_parse_duration(a->interval, &a->row.snapshot_interval_us, &err) != WR_OK)
        return bad(r, "snapshot_interval: %s", err.msg);
    if (a->interval &&
        (a->row.snapshot_interval_us < 1000 || a->row.snapshot_interval_us > INT64_C(86400000000)))
        return bad(r, "snapshot_interval '%.32s': expected 1ms to 1d", a->interval);
    if (a->memory && wr_parse_bytes(a->memory, &a->row.memory_bytes, &err) != WR_OK)
        return bad(r, "memory: %s", err.msg);
    return !a->row.name || good_name(r, a->row.name);
}

/* "j-" and eight letters and digits that are not mistaken for others. */
static void make_id(uint64_t random, char out[16]) {
    static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyz";
    size_t n = 0;
    out[n++] = 'j';
    out[n++] = '-';
    for (int i = 0; i < 8; i++, random /= sizeof letters - 1)
        out[n++] = letters[random % (sizeof letters - 1)];
    out[n] = 0;
}

/* In the pool: planned, to say what is wrong with it; then it stands in the catalog. */
static void submit(wri_req *r) {
    asked *a = r->own;
    wri_sql sql;
    wr_buf why = {0};
    wr_err err = {0};
    if (!take(r, a)) return;
    make_id(r->srv->sys->random(), a->id);
    a->row.id = a->id;
    if (!a->row.name) a->row.name = a->id;
    a->row.created_us = r->srv->sys->wall_us();
    wr_status s = wri_sql_plan(&sql, a->row.name, a->row.sql, &why);
    if (s == WR_OK) s = wri_sql_servable(&sql, &err);
    if (s == WR_OK && a->row.savepoint && !wri_api_can_begin(r, a->row.savepoint, &sql.plan)) {
        wri_sql_free(&sql);
        return;
    }
    wri_sql_free(&sql);
    if (s == WR_OK)
        s = a->row.savepoint ? wri_savepoint_begin(r->srv, &a->row, &err)
                             : wri_catalog_add(r->srv->catalog, &a->row, &err);
    if (why.len) wri_note_error(r, s == WR_ENOMEM ? 503 : 400, "sql", why.data);
    else if (s != WR_OK) wri_note_failed(r, s, &err);
    wr_buf_free(&why);
}

bool wri_api_begun(wri_req *r) { return wri_job_begun(r->job); }
static void answer_begun(wri_req *r) { wri_answer_json(r, 201, wri_api_job_json(r->job, false)); }

static void submitted(wri_req *r) {
    asked *a = r->own;
    wr_err err = {0};
    r->srv->n_submitted--;
    if (wri_noted(r)) {
        wri_send_noted(r);
        return;
    }
    wri_sjob *j = wri_jobs_add(r->srv, &a->row, &err);
    if (!j) { /* it stands in the catalog, and runs at the next start */
        wri_answer_failed(r, WR_ENOMEM, &err);
        return;
    }
    r->job = wri_job_hold(j);
    wri_req_wait(r, wri_api_begun, answer_begun);
}

void wri_api_jobs_submit(wri_req *r) {
    static const char *const known[] = {"name", "workers", "snapshot_interval", "savepoint", "memory", NULL};
    static const char *const none[] = {NULL};
    if (!wri_query_known(r, r->body_type == WRI_BODY_SQL ? known : none)) return; /* JSON has them in it */
    if (r->srv->n_jobs + r->srv->n_submitted >= (size_t)r->srv->o.max_jobs) {
        wri_answer_error(r, 429, "too_many_jobs", "there are %zu jobs, which is max_jobs; delete some",
                         r->srv->n_jobs + r->srv->n_submitted);
        return;
    }
    r->own = wr_arena_calloc(&r->ar, sizeof(asked));
    if (r->own) {
        r->srv->n_submitted++;
        wri_req_work(r, submit, submitted);
    } else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

/* ---- what is wanted of a job ---- */

typedef struct change {
    wri_wanted wanted;
    bool has_failed;
} change;

static void want(wri_req *r) {
    change *c = r->own;
    wr_err err = {0};
    wr_status s = wri_catalog_want(r->srv->catalog, r->job->row.id, c->wanted, &err);
    if (s != WR_OK) wri_note_failed(r, s, &err);
}

bool wri_api_at_rest(wri_req *r) { return wri_job_at_rest(r->job); }
static bool is_over(wri_req *r) { return wri_job_at_rest(r->job) || r->job->row.wanted == WRI_WANT_RUN; }

static void answer_job(wri_req *r) {
    int status = wri_job_at_rest(r->job) || r->job->row.wanted == WRI_WANT_RUN ? 200 : 202;
    wri_answer_json(r, status, wri_api_job_json(r->job, false));
}

static void wanted(wri_req *r) {
    change *c = r->own;
    r->job->busy = false;
    if (wri_noted(r)) {
        wri_send_noted(r);
        return;
    }
    if (!r->srv->stopping) wri_job_act(r->job, c->wanted);
    wri_reqs_look(r->srv);
    wri_req_wait(r, c->wanted == WRI_WANT_RUN ? wri_api_begun : is_over, answer_job);
}

/* Whether a job that is so can become what is wanted. */
static bool can(wri_jstate s, wri_wanted w) {
    switch (w) {
    case WRI_WANT_RUN:
        return s != WRI_FINISHED && s != WRI_PAUSING && s != WRI_STOPPING;
    case WRI_WANT_PAUSE:
        return s == WRI_RUNNING || s == WRI_FAILING || s == WRI_PAUSING || s == WRI_PAUSED;
    case WRI_WANT_STOP:
        return s != WRI_FINISHED;
    default:
        return s == WRI_STOPPED || s == WRI_FINISHED || s == WRI_FAILED;
    }
}

/* A request is at it. What is wanted says so, too: of one whose deletion has failed that is reset. */
static bool is_held(const wri_sjob *j) { return j->busy || j->row.wanted == WRI_WANT_DELETE; }
bool wri_api_is_free(const wri_sjob *j) { return !is_held(j) && !j->doomed; }

/* No other request changes r->job, and none will until it is no longer `busy`; false: answered. */
static bool claim(wri_req *r, bool to_delete) {
    wri_sjob *j = r->job;
    bool mine = to_delete ? !is_held(j) : wri_api_is_free(j);
    if (mine) j->busy = true;
    else if (is_held(j))
        wri_answer_error(r, 409, "conflict", "job %s is being changed by another request; try again",
                         j->row.name);
    else wri_answer_error(r, 409, "conflict", "job %s: its deletion has begun; delete it again", j->row.name);
    return mine;
}

void wri_api_give_back(wri_req *r) {
    r->job->busy = false;
    wri_send_noted(r);
}

void wri_api_note_stopping(wri_req *r) {
    wri_note_error(r, 503, "stopping", "the server is stopping; ask again when it runs");
}

bool wri_api_claim_state(wri_req *r, wri_jstate not, const char *verb) {
    static const char *const none[] = {NULL};
    if (!wri_query_known(r, none) || !wri_api_find_job(r) || !claim(r, false)) return false;
    wri_jstate s = r->job->state;
    if (s != WRI_PAUSING && s != WRI_STOPPING && s != not ) return true;
    r->job->busy = false;
    wri_answer_error(r, 409, "conflict", "job %s is %s: it cannot be %s", r->job->row.name,
                     wri_jstate_name(s), verb);
    return false;
}

/* False: answered. */
static bool begin(wri_req *r, wri_wanted w, bool force, const char *verb) {
    static const char *const none[] = {NULL}, *const forced[] = {"force", NULL};
    if (!wri_query_known(r, w == WRI_WANT_DELETE ? forced : none) || !wri_api_find_job(r)) return false;
    wri_sjob *j = r->job;
    change *c = r->own = wr_arena_calloc(&r->ar, sizeof *c);
    if (!c) wri_answer_error(r, 503, "out_of_memory", "out of memory");
    else if (!claim(r, w == WRI_WANT_DELETE)) return false;
    else if (!force && !can(j->state, w)) {
        j->busy = false;
        wri_answer_error(r, 409, "conflict", "job %s is %s: it cannot be %s%s", j->row.name,
                         wri_jstate_name(j->state), verb,
                         w == WRI_WANT_DELETE ? "; stop it first, or force it" : "");
    } else {
        c->wanted = w;
        return true;
    }
    return false;
}

void wri_api_job_pause(wri_req *r) {
    if (begin(r, WRI_WANT_PAUSE, false, "paused")) wri_req_work(r, want, wanted);
}
void wri_api_job_resume(wri_req *r) {
    if (begin(r, WRI_WANT_RUN, false, "resumed")) wri_req_work(r, want, wanted);
}
void wri_api_job_stop(wri_req *r) {
    if (begin(r, WRI_WANT_STOP, false, "stopped")) wri_req_work(r, want, wanted);
}

/* ---- delete: marked, brought to rest, its folder and its row removed ---- */

static void erase(wri_req *r) {
    wr_err err = {0};
    wr_status s = wri_job_erase(r->srv, r->job->row.id, &err);
    if (s == WR_OK) return;
    wri_job_log(r->job, "cannot be deleted: %s", err.msg);
    wri_note_failed(r, s, &err);
}

static void erased(wri_req *r) {
    wri_sjob *j = r->job;
    if (wri_noted(r)) { /* it is tried again at the next start, or by another request */
        j->row.wanted = WRI_WANT_STOP;
        wri_send_noted(r);
        return;
    }
    wri_jobs_remove(j);
    wri_job_log(j, "deleted");
    wri_answer_json(r, 200,
                    json_pack("{s:s,s:s,s:s}", "id", j->row.id, "name", j->row.name, "state", "deleted"));
}

static void stopped(wri_req *r) {
    if (wri_job_at_rest(r->job)) wri_req_work(r, erase, erased);
    else if (r->srv->stopping)
        wri_answer_error(r, 503, "stopping", "the server is stopping; the job is deleted at its next start");
    else wri_req_wait(r, wri_api_at_rest, stopped); /* it goes on to wait: nobody else deletes the job */
}

static void marked(wri_req *r) {
    r->job->busy = false;
    if (wri_noted(r)) {
        wri_send_noted(r);
        return;
    }
    r->job->doomed = true; /* it is, in the catalog */
    wri_job_act(r->job, WRI_WANT_DELETE);
    stopped(r);
}

void wri_api_job_delete(wri_req *r) {
    bool force;
    if (!wri_query_bool(r, "force", &force)) return;
    if (begin(r, WRI_WANT_DELETE, force, "deleted")) wri_req_work(r, want, marked);
}
