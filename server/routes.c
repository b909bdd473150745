/* server/routes.c -- the table of routes; a request's target taken apart, and its handler found. */
#include "server_int.h"

static const wri_route routes[] = {
    {HTTP_GET, "/v1/health", 0, wri_api_health},
    {HTTP_GET, "/metrics", 0, wri_api_metrics},
    {HTTP_POST, "/v1/jobs", WRI_BODY_JSON | WRI_BODY_SQL, wri_api_jobs_submit},
    {HTTP_GET, "/v1/jobs", 0, wri_api_jobs_list},
    {HTTP_GET, "/v1/jobs/{}", 0, wri_api_job},
    {HTTP_DELETE, "/v1/jobs/{}", 0, wri_api_job_delete},
    {HTTP_POST, "/v1/jobs/{}/pause", 0, wri_api_job_pause},
    {HTTP_POST, "/v1/jobs/{}/resume", 0, wri_api_job_resume},
    {HTTP_POST, "/v1/jobs/{}/stop", 0, wri_api_job_stop},
    {HTTP_POST, "/v1/jobs/{}/savepoint", WRI_BODY_JSON | WRI_BODY_NONE, wri_api_job_savepoint},
    {HTTP_POST, "/v1/jobs/{}/update", WRI_BODY_JSON, wri_api_job_update},
    {HTTP_GET, "/v1/jobs/{}/plan", 0, wri_api_job_plan},
    {HTTP_GET, "/v1/jobs/{}/why", 0, wri_api_job_why},
    {HTTP_GET, "/v1/jobs/{}/log", 0, wri_api_job_log},
    {HTTP_GET, "/v1/jobs/{}/errors", 0, wri_api_job_errors},
    {HTTP_GET, "/v1/jobs/{}/output", 0, wri_api_job_output},
    {HTTP_GET, "/v1/savepoints", 0, wri_api_savepoints_list},
    {HTTP_GET, "/v1/savepoints/{}", 0, wri_api_savepoint},
    {HTTP_DELETE, "/v1/savepoints/{}", 0, wri_api_savepoint_delete},
    {HTTP_POST, "/v1/explain", WRI_BODY_JSON | WRI_BODY_SQL, wri_api_explain},
    {HTTP_GET, "/v1/streams", 0, wri_api_streams_list},
    {HTTP_POST, "/v1/streams", WRI_BODY_JSON, wri_api_streams_create},
    {HTTP_GET, "/v1/streams/{}", 0, wri_api_stream},
    {HTTP_DELETE, "/v1/streams/{}", 0, wri_api_stream_delete},
    {HTTP_POST, "/v1/streams/{}/split", WRI_BODY_JSON, wri_api_stream_split},
    {HTTP_POST, "/v1/streams/{}/merge", WRI_BODY_JSON, wri_api_stream_merge},
    {HTTP_POST, "/v1/streams/{}/reshard", WRI_BODY_JSON, wri_api_stream_reshard},
    {HTTP_POST, "/v1/streams/{}/retention", WRI_BODY_JSON, wri_api_stream_retention},
    {HTTP_GET, "/v1/streams/{}/records", 0, wri_api_records_get},
    {HTTP_POST, "/v1/streams/{}/records", WRI_BODY_JSON | WRI_BODY_LINES, wri_api_records_put},
    {HTTP_POST, "/v1/check", WRI_BODY_JSON | WRI_BODY_SQL, wri_api_check},
};

/* ---- the target ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %xx in place, and + where that is a blank. False: no text, or not written so. */
static bool decode(char *p, bool plus) {
    char *to = p;
    for (; *p; p++) {
        char c = *p;
        if (c == '+' && plus) c = ' ';
        if (c == '%') {
            int hi = hex(p[1]), lo = hi < 0 ? -1 : hex(p[2]);
            if (lo < 0 || hi + lo == 0) return false;
            c = (char)(hi << 4 | lo);
            p += 2;
        }
        *to++ = c;
    }
    *to = 0;
    return true;
}

static bool decoded(char *p, bool plus) { return decode(p, plus) && wr_utf8_valid(p, strlen(p)); }

static bool split_query(wri_req *r, char *p) {
    while (*p) {
        char *end = p + strcspn(p, "&"), *next = *end ? end + 1 : end;
        *end = 0;
        if (*p) {
            if (r->n_query == WRI_QUERY_MAX) return false;
            char *eq = strchr(p, '=');
            if (eq) *eq = 0;
            wri_param *q = &r->query[r->n_query++];
            *q = (wri_param){.name = p, .value = eq ? eq + 1 : end};
            if (!decoded(q->name, true) || !decoded(q->value, true)) return false;
        }
        p = next;
    }
    return true;
}

/* "/a/b?c=d", or with http://host before it. */
static bool split_target(wri_req *r, const wr_buf *target) {
    struct http_parser_url u;
    http_parser_url_init(&u);
    if (http_parser_parse_url(target->data, target->len, 0, &u) != 0) return false;
    if (!(u.field_set & 1 << UF_PATH)) r->path = wr_arena_strdup(&r->ar, "/");
    else
        r->path =
            wr_arena_strndup(&r->ar, target->data + u.field_data[UF_PATH].off, u.field_data[UF_PATH].len);
    if (!r->path) return false;
    if (!(u.field_set & 1 << UF_QUERY)) return true;
    char *q = wr_arena_strndup(&r->ar, target->data + u.field_data[UF_QUERY].off, u.field_data[UF_QUERY].len);
    return q && split_query(r, q);
}

const char *wri_query(const wri_req *r, const char *name) {
    for (uint32_t i = 0; i < r->n_query; i++)
        if (strcmp(r->query[i].name, name) == 0) return r->query[i].value;
    return NULL;
}

bool wri_query_known(wri_req *r, const char *const *names) {
    size_t n = 0;
    while (names[n]) n++;
    for (uint32_t i = 0; i < r->n_query; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++) known |= strcmp(r->query[i].name, names[k]) == 0;
        if (known) continue;
        const char *near = wr_nearest(r->query[i].name, names, n, sizeof *names);
        if (near)
            wri_answer_error(r, 400, "bad_request", "there is no parameter '%.64s' here; did you mean '%s'?",
                             r->query[i].name, near);
        else wri_answer_error(r, 400, "bad_request", "there is no parameter '%.64s' here", r->query[i].name);
        return false;
    }
    return true;
}

bool wri_query_bool(wri_req *r, const char *name, bool *outp) {
    const char *v = wri_query(r, name);
    *outp = v && (!strcmp(v, "") || !strcmp(v, "1") || !strcmp(v, "true"));
    if (!v || *outp || !strcmp(v, "0") || !strcmp(v, "false")) return true;
    wri_answer_error(r, 400, "bad_request", "%s=%.32s: expected 1 or 0", name, v);
    return false;
}

/* ---- the handler ---- */

/* Whether path is of the form; the parts that stand for {} go to args, still encoded, by length. */
static bool matches(const char *form, const char *path, const char *args[], size_t lens[]) {
    size_t n = 0;
    for (; *form; form++) {
        if (*form == '{') {
            lens[n] = strcspn(path, "/");
            args[n] = path;
            if (lens[n] == 0) return false;
            path += lens[n++];
            form++; /* } */
        } else if (*form != *path++) return false;
    }
    return *path == 0;
}

static bool take_args(wri_req *r, const char *form, const char *args[], size_t lens[]) {
    size_t n = 0;
    for (; *form; form++) n += *form == '{';
    for (size_t i = 0; i < n; i++) {
        r->args[i] = wr_arena_strndup(&r->ar, args[i], lens[i]);
        if (!r->args[i] || !decoded(r->args[i], false)) return false;
    }
    return true;
}

/* "Allow: GET, HEAD\r\n" of a path that there is, but not for this method. */
static void not_allowed(wri_req *r) {
    const char *args[WRI_ARGS_MAX];
    size_t lens[WRI_ARGS_MAX], n = 0;
    for (size_t i = 0; i < WR_LEN(routes); i++) {
        if (!matches(routes[i].path, r->path, args, lens)) continue;
        n += (size_t)snprintf(r->head + n, sizeof r->head - n, "%s%s%s",
                              n ? ", " : "Allow: ", http_method_str((enum http_method)routes[i].method),
                              routes[i].method == HTTP_GET ? ", HEAD" : "");
    }
    if (n == 0) {
        wri_answer_error(r, 404, "not_found", "there is nothing at '%.200s'", r->path);
        return;
    }
    snprintf(r->head + n, sizeof r->head - n, "\r\n");
    wri_answer_error(r, 405, "method_not_allowed", "%s is not for '%.200s'",
                     http_method_str((enum http_method)r->method), r->path);
}

/* A body is there and of a kind that the route takes; else answers. */
static bool body_fits(wri_req *r) {
    if (!r->route->body || (r->route->body & WRI_BODY_NONE && r->body.len == 0)) return true;
    if (!r->sized)
        wri_answer_error(r, 411, "length_required", "expected a body, with Content-Length or chunked");
    else if (!(r->body_type & r->route->body))
        wri_answer_error(r, 415, "unsupported_media_type", "Content-Type: expected application/json%s%s",
                         r->route->body & WRI_BODY_SQL ? " or application/sql" : "",
                         r->route->body & WRI_BODY_LINES ? " or application/x-ndjson" : "");
    else return true;
    return false;
}

int wri_route_find(wri_req *r, const wr_buf *target) {
    const char *args[WRI_ARGS_MAX] = {0};
    size_t lens[WRI_ARGS_MAX] = {0};
    if (!split_target(r, target)) return 400;
    int method = r->method == HTTP_HEAD ? HTTP_GET : r->method;
    for (size_t i = 0; i < WR_LEN(routes) && !r->route; i++)
        if (routes[i].method == method && matches(routes[i].path, r->path, args, lens)) r->route = &routes[i];
    if (!r->route) return 404;
    return take_args(r, r->route->path, args, lens) ? 0 : 400;
}

void wri_route_request(wri_req *r) {
    int status = wri_route_find(r, &r->conn->target);
    if (status == 404) not_allowed(r);
    else if (status)
        wri_answer_error(
            r, 400, "bad_request",
            "the target of the request: expected a path, and at most %d parameters, in UTF-8 with "
            "%%xx where needed",
            WRI_QUERY_MAX);
    else if (r->srv->stopping) wri_answer_error(r, 503, "stopping", "the server is stopping");
    else if (body_fits(r)) r->route->handle(r);
}
