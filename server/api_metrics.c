/* server/api_metrics.c -- how jobs fare: their numbers, why nothing comes out, the plan with numbers in it.
 *
 * All of it is read from jobs that run, in the pool: a job is borrowed for that (wri_job_borrow), so it goes
 * on meanwhile, and its end waits for the reader. What belongs to the loop (states, restarts, the server's
 * own figures) is taken on the loop, before or after. */
#include <inttypes.h>

#include "server_int.h"

/* ---- GET /metrics ---- */

typedef struct scraped {
    wri_sjob *job; /* one reference */
    bool up;
    int64_t restarts;
    bool runs; /* metrics are there */
    wr_job_metrics metrics;
} scraped;

typedef struct scrape {
    size_t n;
    scraped *jobs;
} scrape;

static wr_status put_own(const scrape *s, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "# HELP weir_job_up 1 while the job runs.\n# TYPE weir_job_up gauge\n"));
    for (size_t i = 0; i < s->n; i++)
        WR_TRY(wr_buf_printf(out, "weir_job_up{job=\"%s\"} %d\n", s->jobs[i].job->row.name,
                             s->jobs[i].up ? 1 : 0));
    WR_TRY(wr_buf_puts(out, "# HELP weir_job_restarts_total Restarts after failures.\n"
                            "# TYPE weir_job_restarts_total counter\n"));
    for (size_t i = 0; i < s->n; i++)
        WR_TRY(wr_buf_printf(out, "weir_job_restarts_total{job=\"%s\"} %" PRId64 "\n",
                             s->jobs[i].job->row.name, s->jobs[i].restarts));
    return WR_OK;
}

static wr_status put_running(const scrape *s, wr_buf *out) {
    wr_named_metrics *named = wr_calloc(s->n + 1, sizeof *named);
    size_t n = 0;
    if (!named) return WR_ENOMEM;
    for (size_t i = 0; i < s->n; i++)
        if (s->jobs[i].runs) named[n++] = (wr_named_metrics){s->jobs[i].job->row.name, &s->jobs[i].metrics};
    wr_status st = wr_metrics_prometheus(named, n, out);
    wr_free(named);
    return st;
}

static void read_all(wri_req *r) {
    scrape *s = r->own;
    wr_err err = {0};
    wr_status st = WR_OK;
    for (size_t i = 0; i < s->n && st == WR_OK; i++) {
        wr_job *run = wri_job_borrow(s->jobs[i].job);
        if (!run) continue;
        st = wr_job_metrics_read(run, &s->jobs[i].metrics, &err);
        s->jobs[i].runs = st == WR_OK;
        wri_job_give_back(s->jobs[i].job);
    }
    if (st == WR_OK) st = put_own(s, &r->out);
    if (st == WR_OK) st = put_running(s, &r->out);
    for (size_t i = 0; i < s->n; i++)
        if (s->jobs[i].runs) wr_job_metrics_free(&s->jobs[i].metrics);
    if (st != WR_OK) wri_note_error(r, 503, "out_of_memory", "out of memory");
}

static wr_status put_tls(const wri_server *srv, wr_buf *out) {
    if (!srv->tls) return WR_OK;
    return wr_buf_printf(
        out,
        "# HELP weir_tls_certificate_ends_seconds When the certificate runs out, in seconds of Unix time.\n"
        "# TYPE weir_tls_certificate_ends_seconds gauge\nweir_tls_certificate_ends_seconds %" PRId64 "\n"
        "# HELP weir_tls_failures_total Connections that were cut as they spoke no TLS, or none that is "
        "allowed.\n"
        "# TYPE weir_tls_failures_total counter\nweir_tls_failures_total %" PRIu64 "\n",
        wri_tls_ends_us(srv->tls) / WR_US_PER_SECOND, srv->n_noises);
}

static wr_status put_server(const wri_server *srv, wr_buf *out) {
    WR_TRY(put_tls(srv, out));
    return wr_buf_printf(
        out,
        "# HELP weir_uptime_seconds Since the server was started.\n# TYPE weir_uptime_seconds gauge\n"
        "weir_uptime_seconds %.3f\n"
        "# HELP weir_http_connections Open now.\n# TYPE weir_http_connections gauge\n"
        "weir_http_connections %u\n"
        "# HELP weir_http_requests_total Answered.\n# TYPE weir_http_requests_total counter\n"
        "weir_http_requests_total %" PRIu64 "\n",
        (double)(srv->sys->mono_us() - srv->started_us) / 1e6, srv->n_conns, srv->n_requests);
}

static void answer_all(wri_req *r) {
    scrape *s = r->own;
    for (size_t i = 0; i < s->n; i++) wri_job_drop(s->jobs[i].job);
    if (wri_noted(r)) wri_send_noted(r);
    else if (put_server(r->srv, &r->out) == WR_OK)
        wri_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8");
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

void wri_api_metrics(wri_req *r) {
    const wri_server *srv = r->srv;
    scrape *s = r->own = wr_arena_calloc(&r->ar, sizeof *s);
    if (s) s->jobs = wr_arena_calloc(&r->ar, (srv->n_jobs + 1) * sizeof *s->jobs);
    if (!s || !s->jobs) {
        wri_answer_error(r, 503, "out_of_memory", "out of memory");
        return;
    }
    for (size_t i = 0; i < srv->n_jobs; i++) {
        wri_sjob *j = srv->jobs[i];
        s->jobs[s->n++] =
            (scraped){.job = wri_job_hold(j), .up = j->state == WRI_RUNNING, .restarts = j->row.restarts};
    }
    wri_req_work(r, read_all, answer_all);
}

/* ---- GET /v1/jobs/{job} ---- */

typedef struct described {
    json_t *metrics; /* of the job that runs; NULL: it does not */
} described;

static void read_one(wri_req *r) {
    described *d = r->own;
    wr_buf text = {0};
    wr_err err = {0};
    wr_job *run = wri_job_borrow(r->job);
    if (!run) return;
    wr_status st = wr_job_metrics_json(run, &text, &err);
    wri_job_give_back(r->job);
    if (st == WR_OK) d->metrics = json_loadb(text.data, text.len, 0, NULL);
    wr_buf_free(&text);
    if (!d->metrics) wri_note_error(r, 503, "out_of_memory", "out of memory");
}

/* Numbers of the job that stand in the answer under names of its own. */
static void drop_doubles(json_t *metrics) {
    static const char *const doubles[] = {"running", "late_rows", "bad_rows"};
    for (size_t i = 0; i < WR_LEN(doubles); i++) (void)json_object_del(metrics, doubles[i]);
    json_t *workers = json_object_get(metrics, "workers");
    json_object_set(metrics, "worker_metrics", workers);
    (void)json_object_del(metrics, "workers"); /* how many, in the answer */
}

static json_t *with_metrics(json_t *job, json_t *metrics) {
    static const char *const lists[] = {"operators", "splits", "sinks", "worker_metrics"};
    if (metrics) {
        drop_doubles(metrics);
        (void)json_object_update_missing(job, metrics);
        return job;
    }
    for (size_t i = 0; i < WR_LEN(lists); i++) json_object_set_new(job, lists[i], json_array());
    json_object_set_new(job, "snapshots", json_null());
    return job;
}

static void answer_one(wri_req *r) {
    described *d = r->own;
    json_t *metrics = d->metrics;
    if (wri_noted(r)) wri_send_noted(r);
    else wri_answer_json(r, 200, with_metrics(wri_api_job_json(r->job, true), metrics));
    json_decref(metrics); /* NULL is allowed */
}

void wri_api_job(wri_req *r) {
    if (!wri_api_find_job(r)) return;
    r->own = wr_arena_calloc(&r->ar, sizeof(described));
    if (r->own) wri_req_work(r, read_one, answer_one);
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

/* ---- why, and the plan with numbers ---- */

typedef struct looking {
    wr_status (*look)(wr_job *run, wr_buf *out, wr_err *err);
    const char *type, *state;
} looking;

static wr_status why(wr_job *run, wr_buf *out, wr_err *err) { return wr_job_why(run, WR_WHY_JSON, out, err); }

static void look(wri_req *r) {
    const looking *l = r->own;
    wr_err err = {0};
    wr_job *run = wri_job_borrow(r->job);
    if (!run) {
        char msg[300];
        snprintf(msg, sizeof msg, "job %s is %s%s", r->job->row.name, l->state,
                 strcmp(l->state, "running") ? ": only a job that runs can be looked at; weir jobs tells more"
                                             : ", but is just beginning or ending; try again");
        wri_note_error(r, 409, "conflict", msg);
        return;
    }
    wr_status st = l->look(run, &r->out, &err);
    wri_job_give_back(r->job);
    if (st != WR_OK) wri_note_failed(r, st, &err);
}

static void looked(wri_req *r) {
    const looking *l = r->own;
    if (wri_noted(r)) wri_send_noted(r);
    else wri_answer(r, 200, l->type);
}

static void begin(wri_req *r, looking l) {
    looking *own = r->own = wr_arena_calloc(&r->ar, sizeof *own);
    l.state = wri_jstate_name(r->job->state);
    if (own) *own = l;
    if (own) wri_req_work(r, look, looked);
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

void wri_api_job_why(wri_req *r) {
    if (wri_api_find_job(r)) begin(r, (looking){.look = why, .type = "application/json"});
}

void wri_api_job_analyze(wri_req *r) {
    begin(r, (looking){.look = wr_job_analyze, .type = "text/plain; charset=utf-8"});
}
