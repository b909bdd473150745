/* server/api_health.c -- the server itself: whether it is there, and its figures for Prometheus. */
#include <inttypes.h>

#include "server_int.h"

void wri_api_health(wri_req *r) {
    double up = (double)(r->srv->sys->mono_us() - r->srv->started_us) / 1e6;
    wri_answer_json(r, 200,
                    json_pack("{s:s,s:s,s:f}", "status", r->srv->stopping ? "stopping" : "ok", "version",
                              r->srv->o.version, "uptime_seconds", up));
}

/* ---- metrics ---- */

typedef struct figure {
    const char *name, *type, *help;
    double (*of)(const wri_sjob *j, const wr_job_stats *st);
} figure;

static double up(const wri_sjob *j, const wr_job_stats *st) {
    (void)st;
    return j->state == WRI_RUNNING;
}
static double restarts(const wri_sjob *j, const wr_job_stats *st) {
    (void)st;
    return (double)j->row.restarts;
}
static double rows_in(const wri_sjob *j, const wr_job_stats *st) {
    (void)j;
    return (double)st->rows_in;
}
static double rows_out(const wri_sjob *j, const wr_job_stats *st) {
    (void)j;
    return (double)st->rows_out;
}
static double late(const wri_sjob *j, const wr_job_stats *st) {
    (void)j;
    return (double)st->late_rows;
}
static double bad(const wri_sjob *j, const wr_job_stats *st) {
    (void)j;
    return (double)st->bad_rows;
}
static double bytes_in(const wri_sjob *j, const wr_job_stats *st) {
    (void)j;
    return (double)st->bytes_in;
}

static const figure figures[] = {
    {"weir_job_up", "gauge", "1 while the job runs.", up},
    {"weir_job_restarts_total", "counter", "Restarts after failures.", restarts},
    {"weir_job_rows_in_total", "counter", "Rows read since the job last started.", rows_in},
    {"weir_job_rows_out_total", "counter", "Rows written since the job last started.", rows_out},
    {"weir_job_late_rows_total", "counter", "Late rows since the job last started.", late},
    {"weir_job_bad_rows_total", "counter", "Bad rows since the job last started.", bad},
    {"weir_job_bytes_in_total", "counter", "Bytes read since the job last started.", bytes_in},
};

static wr_status put_jobs(wri_server *srv, const wr_job_stats *stats, wr_buf *out) {
    for (size_t f = 0; f < WR_LEN(figures); f++) {
        const figure *g = &figures[f];
        WR_TRY(wr_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", g->name, g->help, g->name, g->type));
        for (size_t i = 0; i < srv->n_jobs; i++)
            WR_TRY(wr_buf_printf(out, "%s{job=\"%s\"} %.17g\n", g->name, srv->jobs[i]->row.name,
                                 g->of(srv->jobs[i], &stats[i])));
    }
    WR_TRY(wr_buf_puts(
        out,
        "# HELP weir_job_watermark_seconds Event time reached.\n# TYPE weir_job_watermark_seconds gauge\n"));
    for (size_t i = 0; i < srv->n_jobs; i++) {
        int64_t wm = stats[i].watermark_us;
        if (wm != WR_WM_NONE && wm != WR_WM_END)
            WR_TRY(wr_buf_printf(out, "weir_job_watermark_seconds{job=\"%s\"} %.3f\n", srv->jobs[i]->row.name,
                                 (double)wm / 1e6));
    }
    return WR_OK;
}

static wr_status put_server(const wri_server *srv, wr_buf *out) {
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

void wri_api_metrics(wri_req *r) {
    wri_server *srv = r->srv;
    wr_job_stats *stats = wr_calloc(srv->n_jobs + 1, sizeof *stats);
    for (size_t i = 0; stats && i < srv->n_jobs; i++) wri_job_stats(srv->jobs[i], &stats[i]);
    bool ok = stats && put_server(srv, &r->out) == WR_OK && put_jobs(srv, stats, &r->out) == WR_OK;
    wr_free(stats);
    if (ok) wri_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8");
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}
