/* runtime/metrics_text.c -- the numbers of jobs as Prometheus' text, as JSON, and as a page of documentation.
 *
 * All three walk the table (metrics_table.c). Prometheus wants all samples of a metric together: metric by
 * metric, job by job, part by part. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "metrics_int.h"

typedef struct scope_def {
    wr_metric_scope scope;
    const char *json;   /* list or object of the JSON; NULL: the outermost object */
    const char *title;  /* of its table in docs/METRICS.md */
    const char *labels; /* the same */
    size_t bytes;       /* of its struct */
} scope_def;

static const scope_def scopes[] = {
    {WR_M_JOB, NULL, "The job", "job", sizeof(wr_job_metrics)},
    {WR_M_OPERATOR, "operators", "Operators, one for each node of EXPLAIN", "job, operator, node",
     sizeof(wr_op_metrics)},
    {WR_M_SHARE, NULL, "Operators on each worker", "job, operator, node, worker", 0},
    {WR_M_SPLIT, "splits", "Splits of sources: files, shards", "job, stream, node, shard",
     sizeof(wr_split_metrics)},
    {WR_M_SINK, "sinks", "Sinks", "job, stream, node", sizeof(wr_sink_metrics)},
    {WR_M_WORKER, "workers", "Workers", "job, worker", sizeof(wr_worker_metrics)},
    {WR_M_SNAPSHOTS, "snapshots", "Snapshots, of jobs that take them", "job", sizeof(wr_snapshot_metrics)},
};

/* The parts of m that a scope is of, *np of them. */
static const char *parts(const wr_job_metrics *m, wr_metric_scope scope, uint32_t *np) {
    *np = 1;
    switch (scope) {
    case WR_M_OPERATOR:
    case WR_M_SHARE:
        *np = m->n_ops;
        return (const char *)m->ops;
    case WR_M_SPLIT:
        *np = m->n_splits;
        return (const char *)m->splits;
    case WR_M_SINK:
        *np = m->n_sinks;
        return (const char *)m->sinks;
    case WR_M_WORKER:
        *np = m->n_workers;
        return (const char *)m->workers;
    case WR_M_SNAPSHOTS:
        *np = m->snapshots.on;
        return (const char *)&m->snapshots;
    case WR_M_JOB:
        break;
    }
    return (const char *)m;
}

/* Where the part has such a number at all. */
static bool is_there(const wr_metric_def *d, const char *part) {
    const void *p = part + d->offset;
    if (d->scope == WR_M_OPERATOR && (d->offset == offsetof(wr_op_metrics, state_keys) ||
                                      d->offset == offsetof(wr_op_metrics, state_bytes)))
        return ((const wr_op_metrics *)(const void *)part)->has_state;
    if (d->value != WR_V_NUMBER && d->value != WR_V_SECONDS && d->value != WR_V_TIME) return true;
    return *(const int64_t *)p != WR_NEVER;
}

static wr_status put_f64(wr_buf *out, double v) {
    char text[WR_TEXT_MAX];
    return wr_buf_put(out, text, wr_write_f64(isfinite(v) ? v : 0, text));
}

/* Microseconds as seconds, exactly. */
static wr_status put_seconds(wr_buf *out, int64_t us) {
    uint64_t v = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    return wr_buf_printf(out, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", v / 1000000, v % 1000000);
}

static wr_status put_value(wr_buf *out, const wr_metric_def *d, const void *p) {
    switch (d->value) {
    case WR_V_COUNT:
        return wr_buf_printf(out, "%" PRIu64, *(const uint64_t *)p);
    case WR_V_NUMBER:
        return wr_buf_printf(out, "%" PRId64, *(const int64_t *)p);
    case WR_V_SECONDS:
    case WR_V_TIME:
        return put_seconds(out, *(const int64_t *)p);
    case WR_V_FLAG:
        return wr_buf_puts(out, *(const bool *)p ? "1" : "0");
    case WR_V_RATE:
    case WR_V_DURATION:
        break;
    }
    return put_f64(out, *(const double *)p);
}

/* ---- Prometheus ---- */

wr_status wr_metrics_label(wr_buf *out, const char *value) {
    bool text = wr_utf8_valid(value, strlen(value));
    for (const char *c = value; *c; c++) {
        if (!text && (*c & 0x80)) {
            WR_TRY(wr_buf_puts(out, "\xef\xbf\xbd"));
            continue;
        }
        wr_status s = *c == '\n'                ? wr_buf_puts(out, "\\n")
                      : *c == '"' || *c == '\\' ? wr_buf_printf(out, "\\%c", *c)
                                                : wr_buf_put(out, c, 1);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

static wr_status put_label(wr_buf *out, const char *name, const char *value) {
    WR_TRY(wr_buf_printf(out, ",%s=\"", name));
    WR_TRY(wr_metrics_label(out, value));
    return wr_buf_puts(out, "\"");
}

static wr_status put_number_label(wr_buf *out, const char *name, uint32_t v) {
    return wr_buf_printf(out, ",%s=\"%u\"", name, v);
}

/* {job="…",… without the closing brace. */
static wr_status put_labels(wr_buf *out, const char *job, wr_metric_scope scope, const void *part) {
    WR_TRY(wr_buf_puts(out, "{job=\""));
    WR_TRY(wr_metrics_label(out, job));
    WR_TRY(wr_buf_puts(out, "\""));
    if (scope == WR_M_OPERATOR || scope == WR_M_SHARE) {
        const wr_op_metrics *op = part;
        WR_TRY(put_label(out, "operator", op->name));
        WR_TRY(put_number_label(out, "node", op->node));
    } else if (scope == WR_M_SPLIT) {
        const wr_split_metrics *s = part;
        WR_TRY(put_label(out, "stream", s->stream));
        WR_TRY(put_number_label(out, "node", s->node));
        WR_TRY(put_label(out, "shard", s->name));
    } else if (scope == WR_M_SINK) {
        const wr_sink_metrics *s = part;
        WR_TRY(put_label(out, "stream", s->stream ? s->stream : "stdout"));
        WR_TRY(put_number_label(out, "node", s->node));
    } else if (scope == WR_M_WORKER) {
        WR_TRY(put_number_label(out, "worker", ((const wr_worker_metrics *)part)->worker));
    }
    return WR_OK;
}

static wr_status put_summary(wr_buf *out, const char *job, const wr_metric_def *d, const void *part,
                             const wr_duration_metrics *v) {
    static const char *const quantiles[] = {"0.5", "0.9", "0.99", "1"};
    const int64_t values[] = {v->p50_us, v->p90_us, v->p99_us, v->max_us};
    for (uint32_t i = 0; i < WR_LEN(quantiles) && v->count > 0; i++) {
        WR_TRY(wr_buf_puts(out, d->name));
        WR_TRY(put_labels(out, job, d->scope, part));
        WR_TRY(wr_buf_printf(out, ",quantile=\"%s\"} ", quantiles[i]));
        WR_TRY(put_seconds(out, values[i]));
        WR_TRY(wr_buf_puts(out, "\n"));
    }
    WR_TRY(wr_buf_printf(out, "%s_sum", d->name));
    WR_TRY(put_labels(out, job, d->scope, part));
    WR_TRY(wr_buf_puts(out, "} "));
    WR_TRY(put_seconds(out, v->sum_us));
    WR_TRY(wr_buf_printf(out, "\n%s_count", d->name));
    WR_TRY(put_labels(out, job, d->scope, part));
    return wr_buf_printf(out, "} %" PRIu64 "\n", v->count);
}

/* An operator's part on each worker. */
static wr_status put_shares(wr_buf *out, const wr_named_metrics *j, const wr_metric_def *d,
                            const wr_op_metrics *op) {
    for (uint32_t w = 0; j->m->n_workers > 1 && w < j->m->n_workers; w++) {
        WR_TRY(wr_buf_puts(out, d->name));
        WR_TRY(put_labels(out, j->job, d->scope, op));
        WR_TRY(wr_buf_printf(out, ",worker=\"%u\"} %" PRIu64 "\n", w, op->worker_rows_in[w]));
    }
    return WR_OK;
}

static wr_status put_sample(wr_buf *out, const wr_named_metrics *j, const wr_metric_def *d,
                            const char *part) {
    const void *p = part + d->offset;
    if (d->scope == WR_M_SHARE) return put_shares(out, j, d, (const wr_op_metrics *)(const void *)part);
    if (!is_there(d, part)) return WR_OK;
    if (d->value == WR_V_DURATION) return put_summary(out, j->job, d, part, p);
    WR_TRY(wr_buf_puts(out, d->name));
    WR_TRY(put_labels(out, j->job, d->scope, part));
    WR_TRY(wr_buf_puts(out, "} "));
    WR_TRY(put_value(out, d, p));
    return wr_buf_puts(out, "\n");
}

static size_t bytes_of(wr_metric_scope scope) {
    return scope == WR_M_SHARE ? sizeof(wr_op_metrics) : scopes[scope].bytes;
}

static const char *type_of(const wr_metric_def *d) {
    return d->value == WR_V_DURATION ? "summary" : d->counter ? "counter" : "gauge";
}

wr_status wr_metrics_prometheus(const wr_named_metrics *jobs, size_t n, wr_buf *out) {
    for (size_t k = 0; k < wr_n_metric_defs; k++) {
        const wr_metric_def *d = &wr_metric_defs[k];
        WR_TRY(wr_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", d->name, d->help, d->name, type_of(d)));
        for (size_t j = 0; j < n; j++) {
            uint32_t count;
            const char *part = parts(jobs[j].m, d->scope, &count);
            for (uint32_t i = 0; i < count; i++)
                WR_TRY(put_sample(out, &jobs[j], d, part + i * bytes_of(d->scope)));
        }
    }
    return WR_OK;
}

/* ---- JSON ---- */

wr_status wri_metrics_quote(wr_buf *out, const char *text) {
    bool valid = wr_utf8_valid(text, strlen(text));
    WR_TRY(wr_buf_puts(out, "\""));
    for (const char *c = text; *c; c++) {
        unsigned char u = (unsigned char)*c;
        if (u == '"' || u == '\\') WR_TRY(wr_buf_printf(out, "\\%c", u));
        else if (u < 0x20) WR_TRY(wr_buf_printf(out, "\\u%04x", u));
        else if (u >= 0x80 && !valid) WR_TRY(wr_buf_puts(out, "\\ufffd"));
        else WR_TRY(wr_buf_put(out, c, 1));
    }
    return wr_buf_puts(out, "\"");
}

wr_status wri_metrics_time(wr_buf *out, int64_t us) {
    char text[WR_TEXT_MAX];
    if (us == WR_NEVER) return wr_buf_puts(out, "null");
    WR_TRY(wr_buf_puts(out, "\""));
    WR_TRY(wr_buf_put(out, text, wr_write_timestamp(us, 3, true, text)));
    return wr_buf_puts(out, "\"");
}

static wr_status put_json_duration(wr_buf *out, const wr_duration_metrics *v) {
    static const char *const names[] = {"sum_seconds", "p50_seconds", "p90_seconds", "p99_seconds",
                                        "max_seconds"};
    const int64_t values[] = {v->sum_us, v->p50_us, v->p90_us, v->p99_us, v->max_us};
    WR_TRY(wr_buf_printf(out, "{\"count\":%" PRIu64, v->count));
    for (uint32_t i = 0; i < WR_LEN(names); i++) {
        WR_TRY(wr_buf_printf(out, ",\"%s\":", names[i]));
        WR_TRY(put_seconds(out, values[i]));
    }
    return wr_buf_puts(out, "}");
}

static wr_status put_json_value(wr_buf *out, const wr_metric_def *d, const char *part) {
    const void *p = part + d->offset;
    if (!is_there(d, part)) return wr_buf_puts(out, "null");
    if (d->value == WR_V_TIME) return wri_metrics_time(out, *(const int64_t *)p);
    if (d->value == WR_V_FLAG) return wr_buf_puts(out, *(const bool *)p ? "true" : "false");
    if (d->value == WR_V_DURATION) return put_json_duration(out, p);
    return put_value(out, d, p);
}

/* What it is called. */
static wr_status put_json_names(wr_buf *out, wr_metric_scope scope, const void *part) {
    if (scope == WR_M_OPERATOR) {
        const wr_op_metrics *op = part;
        return wr_buf_printf(out, "\"node\":%u,\"operator\":\"%s\"", op->node, op->name);
    }
    if (scope == WR_M_SPLIT) {
        const wr_split_metrics *s = part;
        WR_TRY(wr_buf_printf(out, "\"node\":%u,\"stream\":", s->node));
        WR_TRY(wri_metrics_quote(out, s->stream));
        WR_TRY(wr_buf_puts(out, ",\"shard\":"));
        return wri_metrics_quote(out, s->name);
    }
    if (scope == WR_M_SINK) {
        const wr_sink_metrics *s = part;
        WR_TRY(wr_buf_printf(out, "\"node\":%u,\"stream\":", s->node));
        return s->stream ? wri_metrics_quote(out, s->stream) : wr_buf_puts(out, "null");
    }
    if (scope == WR_M_WORKER)
        return wr_buf_printf(out, "\"worker\":%u", ((const wr_worker_metrics *)part)->worker);
    return WR_OK;
}

static wr_status put_json_shares(const wr_job_metrics *m, wr_buf *out, const wr_op_metrics *op) {
    WR_TRY(wr_buf_puts(out, ",\"worker_rows_in\":["));
    for (uint32_t w = 0; w < m->n_workers; w++)
        WR_TRY(wr_buf_printf(out, "%s%" PRIu64, w ? "," : "", op->worker_rows_in[w]));
    return wr_buf_puts(out, "]");
}

/* The members of a part, without the braces. */
static wr_status put_json_part(const wr_job_metrics *m, wr_metric_scope scope, const char *part,
                               wr_buf *out) {
    size_t from = out->len;
    WR_TRY(put_json_names(out, scope, part));
    for (size_t k = 0; k < wr_n_metric_defs; k++) {
        const wr_metric_def *d = &wr_metric_defs[k];
        if (d->scope != scope) continue;
        WR_TRY(wr_buf_printf(out, "%s\"%s\":", out->len > from ? "," : "", d->json));
        WR_TRY(put_json_value(out, d, part));
    }
    return scope == WR_M_OPERATOR ? put_json_shares(m, out, (const wr_op_metrics *)(const void *)part)
                                  : WR_OK;
}

static wr_status put_json_scope(const wr_job_metrics *m, const scope_def *s, wr_buf *out) {
    uint32_t n;
    const char *part = parts(m, s->scope, &n);
    bool one = s->scope == WR_M_SNAPSHOTS;
    WR_TRY(wr_buf_printf(out, ",\"%s\":%s", s->json, one ? "" : "["));
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_buf_puts(out, i ? ",{" : "{"));
        WR_TRY(put_json_part(m, s->scope, part + i * s->bytes, out));
        WR_TRY(wr_buf_puts(out, "}"));
    }
    return wr_buf_puts(out, !one ? "]" : n ? "" : "null");
}

wr_status wr_metrics_json(const wr_job_metrics *m, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "{"));
    WR_TRY(put_json_part(m, WR_M_JOB, (const char *)m, out));
    for (size_t i = 0; i < WR_LEN(scopes); i++)
        if (scopes[i].json) WR_TRY(put_json_scope(m, &scopes[i], out));
    return wr_buf_puts(out, "}");
}

/* ---- of one job ---- */

wr_status wr_job_metrics_json(wr_job *job, wr_buf *out, wr_err *err) {
    wr_job_metrics m;
    WR_TRY(wr_job_metrics_read(job, &m, err));
    wr_status s = wr_metrics_json(&m, out);
    wr_job_metrics_free(&m);
    return s == WR_OK ? s : wr_fail_oom(err, "metrics");
}

wr_status wr_job_metrics_prometheus(wr_job *job, const char *name, wr_buf *out, wr_err *err) {
    wr_job_metrics m;
    WR_TRY(wr_job_metrics_read(job, &m, err));
    wr_status s = wr_metrics_prometheus(&(wr_named_metrics){name, &m}, 1, out);
    wr_job_metrics_free(&m);
    return s == WR_OK ? s : wr_fail_oom(err, "metrics");
}

/* ---- docs/METRICS.md ---- */

wr_status wr_metrics_markdown(wr_buf *out) {
    for (size_t i = 0; i < WR_LEN(scopes); i++) {
        WR_TRY(wr_buf_printf(
            out, "\n## %s\n\nLabels: %s.\n\n| metric | type | in JSON | what |\n|---|---|---|---|\n",
            scopes[i].title, scopes[i].labels));
        for (size_t k = 0; k < wr_n_metric_defs; k++) {
            const wr_metric_def *d = &wr_metric_defs[k];
            if (d->scope != scopes[i].scope) continue;
            WR_TRY(wr_buf_printf(out, "| `%s` | %s | %s%s`%s` | %s |\n", d->name, type_of(d),
                                 scopes[i].json           ? scopes[i].json
                                 : d->scope == WR_M_SHARE ? "operators"
                                                          : "",
                                 scopes[i].json || d->scope == WR_M_SHARE ? " " : "", d->json, d->help));
        }
    }
    return WR_OK;
}
