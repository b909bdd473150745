/* server/http.c -- bytes to a request, by http-parser, within limits.
 *
 * What is refused is refused as early as it is known: c->refused and c->why say how, and nothing behind it is
 * read. http-parser itself refuses Content-Length beside Transfer-Encoding, and two that differ. */
#include <strings.h>

#include "server_int.h"

static int refuse(wri_conn *c, int status, const char *why) {
    c->refused = status;
    c->why = why;
    return -1;
}

void wri_http_begin(wri_conn *c) {
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
}

static int on_begin(http_parser *p) {
    wri_conn *c = p->data;
    c->req = wri_req_new(c->srv, c);
    if (!c->req) return refuse(c, 503, "out of memory");
    c->phase = WRI_HEAD;
    c->since_us = c->srv->sys->mono_us();
    c->target.len = c->name.len = c->value.len = 0;
    c->head_bytes = c->n_fields = c->n_hosts = 0;
    c->in_value = c->expects = false;
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t n) {
    wri_conn *c = p->data;
    if (c->target.len + n > WRI_PATH_MAX)
        return refuse(c, 414,
                      "the target is longer than 65535 bytes; a place in a stream of many shards is shorter "
                      "with shard=");
    return wr_buf_put(&c->target, at, n) == WR_OK ? 0 : refuse(c, 503, "out of memory");
}

/* ---- fields ---- */

static int body_type(const char *v) {
    size_t n = strcspn(v, "; \t");
    if (n == 16 && strncasecmp(v, "application/json", n) == 0) return WRI_BODY_JSON;
    if (n == 15 && strncasecmp(v, "application/sql", n) == 0) return WRI_BODY_SQL;
    if (n == 20 && strncasecmp(v, "application/x-ndjson", n) == 0) return WRI_BODY_LINES;
    return 0;
}

/* A page of another origin in somebody's browser must not change anything here. */
static bool foreign(const wri_conn *c, const char *origin) {
    const char *host = strstr(origin, "://");
    if (c->parser.method == HTTP_GET || c->parser.method == HTTP_HEAD) return false;
    return !host || !c->req->host || strcasecmp(host + 3, c->req->host) != 0;
}

static int field(wri_conn *c, const char *name, const char *value) {
    wri_req *r = c->req;
    if (!strcasecmp(name, "content-type")) r->body_type = body_type(value);
    else if (!strcasecmp(name, "expect")) {
        if (strcasecmp(value, "100-continue")) return refuse(c, 417, "Expect: only 100-continue is known");
        c->expects = true;
    } else if (!strcasecmp(name, "content-encoding")) {
        if (strcasecmp(value, "identity"))
            return refuse(c, 415, "Content-Encoding: bodies are taken uncompressed");
    } else if (!strcasecmp(name, "last-event-id")) {
        r->last_event = wr_arena_strdup(&r->ar, value);
        if (!r->last_event) return refuse(c, 503, "out of memory");
    } else if (!strcasecmp(name, "host")) {
        if (c->n_hosts++) return refuse(c, 400, "two Host fields");
        r->host = wr_arena_strdup(&r->ar, value);
    } else if (!strcasecmp(name, "origin")) {
        r->origin = wr_arena_strdup(&r->ar, value); /* looked at when Host has come, too */
        if (!r->origin) return refuse(c, 503, "out of memory");
    }
    return 0;
}

/* Debian's http-parser lets blanks through in names, which others take to end them. */
static bool is_token(const char *name) {
    return *name &&
           strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
               strlen(name);
}

static int end_field(wri_conn *c) {
    if (!c->in_value) return 0;
    c->in_value = false;
    if (++c->n_fields > WRI_FIELDS_MAX) return refuse(c, 431, "more than 100 header fields");
    if (wr_buf_put(&c->name, "", 1) != WR_OK || wr_buf_put(&c->value, "", 1) != WR_OK)
        return refuse(c, 503, "out of memory");
    if (!is_token(c->name.data)) return refuse(c, 400, "a header field's name is none");
    int e = field(c, c->name.data, c->value.data);
    c->name.len = c->value.len = 0;
    return e;
}

static int add(wri_conn *c, wr_buf *to, const char *at, size_t n) {
    c->head_bytes += n;
    if (c->head_bytes > WRI_HEAD_MAX) return refuse(c, 431, "header fields of more than 64 KiB");
    return wr_buf_put(to, at, n) == WR_OK ? 0 : refuse(c, 503, "out of memory");
}

static int on_name(http_parser *p, const char *at, size_t n) {
    wri_conn *c = p->data;
    if (c->phase == WRI_BODY) return add(c, &c->name, at, n); /* a trailer: counted, and forgotten */
    return end_field(c) ? -1 : add(c, &c->name, at, n);
}

static int on_value(http_parser *p, const char *at, size_t n) {
    wri_conn *c = p->data;
    c->in_value = true;
    return add(c, &c->value, at, n);
}

static int on_head(http_parser *p) {
    wri_conn *c = p->data;
    wri_req *r = c->req;
    if (end_field(c)) return -1;
    p->upgrade = 0;
    if (p->method == HTTP_CONNECT) return refuse(c, 405, "CONNECT: this is no proxy");
    if (p->http_major != 1) return refuse(c, 505, "expected HTTP/1.1 or HTTP/1.0");
    if (p->http_minor >= 1 && c->n_hosts == 0) return refuse(c, 400, "HTTP/1.1 without a Host field");
    if (r->origin && foreign(c, r->origin))
        return refuse(c, 403, "a request of another origin (Origin differs from Host)");
    bool sized = p->flags & F_CONTENTLENGTH, chunked = p->flags & F_CHUNKED;
    if (sized && p->content_length > (uint64_t)c->srv->o.max_body_bytes)
        return refuse(c, 413, "the body is larger than max_body allows");
    r->method = (int)p->method;
    r->http10 = p->http_minor == 0;
    r->keep = http_should_keep_alive(p) != 0;
    r->sized = sized || chunked;
    c->phase = WRI_BODY;
    c->since_us = c->srv->sys->mono_us();
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t n) {
    wri_conn *c = p->data;
    wr_buf *body = &c->req->body;
    if (body->len + n > (size_t)c->srv->o.max_body_bytes)
        return refuse(c, 413, "the body is larger than max_body allows");
    if (c->srv->body_bytes + n > WRI_BODIES_MAX)
        return refuse(c, 429, "too many bytes of requests are under way; try again later");
    if (wr_buf_put(body, at, n) != WR_OK) return refuse(c, 503, "out of memory");
    c->srv->body_bytes += n;
    c->req->body_counted += n;
    return 0;
}

static int on_end(http_parser *p) {
    wri_conn *c = p->data;
    c->phase = WRI_HANDLING;
    http_parser_pause(p, 1); /* what follows is read when this one has been answered */
    return 0;
}

const http_parser_settings wri_http_settings = {.on_message_begin = on_begin,
                                                .on_url = on_url,
                                                .on_header_field = on_name,
                                                .on_header_value = on_value,
                                                .on_headers_complete = on_head,
                                                .on_body = on_body,
                                                .on_message_complete = on_end};

size_t wri_http_read(wri_conn *c, const char *p, size_t n) {
    size_t k = http_parser_execute(&c->parser, &wri_http_settings, p, n);
    enum http_errno e = HTTP_PARSER_ERRNO(&c->parser);
    if (e == HPE_PAUSED) http_parser_pause(&c->parser, 0);
    else if (e == HPE_HEADER_OVERFLOW && !c->refused) refuse(c, 431, "a head of more than 80 KiB");
    else if (e != HPE_OK && !c->refused) refuse(c, 400, http_errno_description(e));
    return k;
}
