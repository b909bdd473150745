/* server/conn.c -- a connection: bytes in, one request at a time, deadlines, bytes out.
 *
 *   IDLE ─first byte─► HEAD ─► BODY ─► HANDLING ─answer written─► IDLE, or LINGER ─the client closes─►
 * CLOSING
 *
 * What comes while a request is handled is kept, up to a bound, behind which the socket is not read. The next
 * request is begun when the answer has been written, so a client that pipelines but does not read is held up
 * by itself. LINGER: the answer would be lost if the socket were closed while bytes of the client are unread.
 *
 * Where the port speaks TLS, its layer (tls.h) stands between the socket and all of that: on_read and
 * wri_conn_write know of it, nobody else. It begins with the first byte (IDLE ─► SHAKING ─► IDLE), so that
 * one who speaks plain HTTP there can be told so, plainly. */
#include "server_int.h"

#define IN_MAX    65536 /* kept behind a request [bytes] */
#define LINGER_US 2000000
#define BODY_RATE 16384 /* a body may take longer, at that many bytes a second */
#define HEAD_KEPT 4096  /* of room for a head, from request to request [bytes] */
#define HANDSHAKE 0x16  /* the first byte of TLS */

typedef struct writing {
    uv_write_t req;
    wr_buf buf;
    void (*done)(wri_conn *c);
} writing;

static void feed(wri_conn *c, const char *p, size_t n);
static void read_more(wri_conn *c);

static void set_phase(wri_conn *c, wri_phase phase) {
    c->phase = phase;
    c->since_us = c->srv->sys->mono_us();
}

static void send_secure(wri_conn *c, const char *p, size_t n, void (*done)(wri_conn *c));

/* ---- the end ---- */

static void closed(uv_handle_t *h) {
    wri_conn *c = h->data;
    wr_buf_free(&c->in);
    wr_buf_free(&c->target);
    wr_buf_free(&c->name);
    wr_buf_free(&c->value);
    wri_secure_free(c->secure);
    c->srv->n_handles--;
    wr_free(c);
}

void wri_conn_close(wri_conn *c) {
    wri_server *srv = c->srv;
    wri_req *r = c->req;
    if (c->phase == WRI_CLOSING) return;
    c->phase = WRI_CLOSING;
    c->req = NULL;
    if (c->prev) c->prev->next = c->next;
    else srv->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    srv->n_conns--;
    uv_close((uv_handle_t *)&c->tcp, closed);
    if (!r) return;
    r->conn = NULL;
    if (r->follow) wri_follow_end(r);
    else if (!r->held) wri_req_free(r);
}

static void shut(uv_shutdown_t *req, int status) {
    (void)status; /* a client that has gone is seen by the read */
    wr_free(req);
}

static void linger(wri_conn *c) {
    uv_shutdown_t *req = wr_alloc(sizeof *req);
    if (c->secure) {
        wri_secure_end(c->secure);
        send_secure(c, NULL, 0, NULL);
    }
    if (!req || c->ended || uv_shutdown(req, (uv_stream_t *)&c->tcp, shut) != 0) {
        wr_free(req);
        wri_conn_close(c);
        return;
    }
    set_phase(c, WRI_LINGER);
    c->in.len = 0;
    read_more(c);
}

/* ---- out ---- */

static void written(uv_write_t *req, int status) {
    writing *w = req->data;
    wri_conn *c = req->handle->data;
    void (*done)(wri_conn *) = w->done;
    wr_buf_free(&w->buf);
    wr_free(w);
    if (c->phase == WRI_CLOSING) return;
    if (status < 0) wri_conn_close(c);
    else if (done) done(c);
}

/* To the socket. */
static void send_bytes(wri_conn *c, wr_buf *buf, void (*done)(wri_conn *c)) {
    writing *w = wr_alloc(sizeof *w);
    if (!w) {
        wr_buf_free(buf);
        c->broken = true;
        return;
    }
    *w = (writing){.req = {.data = w}, .buf = *buf, .done = done};
    *buf = (wr_buf){0};
    uv_buf_t b = uv_buf_init(w->buf.data, (unsigned)w->buf.len);
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0) c->written_us = c->srv->sys->mono_us();
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &b, 1, written) != 0) {
        wr_buf_free(&w->buf);
        wr_free(w);
        c->broken = true;
        return;
    }
    c->unwritten = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
}

/* Says p[0..n) by TLS, and sends that with what else TLS has to send. In parts, so that OpenSSL holds little
 * of a large answer. */
static void send_secure(wri_conn *c, const char *p, size_t n, void (*done)(wri_conn *c)) {
    wr_buf out = {0};
    bool ok = true;
    for (size_t at = 0, k; ok && at < n; at += k) {
        k = n - at < WRI_CHUNK_BYTES ? n - at : WRI_CHUNK_BYTES;
        ok = wri_secure_write(c->secure, p + at, k) && wri_secure_take(c->secure, &out) == WR_OK;
    }
    ok = ok && wri_secure_take(c->secure, &out) == WR_OK;
    if (ok && out.len) send_bytes(c, &out, done);
    else wr_buf_free(&out);
    c->broken |= !ok;
}

void wri_conn_write(wri_conn *c, wr_buf *buf, void (*done)(wri_conn *c)) {
    if (c->secure) {
        send_secure(c, buf->data, buf->len, done);
        wr_buf_free(buf);
    } else send_bytes(c, buf, done);
}

static void next_request(wri_conn *c) {
    wr_buf in = c->in;
    c->in = (wr_buf){0};
    set_phase(c, WRI_IDLE);
    if (in.len) feed(c, in.data, in.len);
    wr_buf_free(&in);
    if (c->phase == WRI_CLOSING) return;
    if (c->ended && c->phase < WRI_HANDLING) wri_conn_close(c);
    else read_more(c);
}

static void answered_keep(wri_conn *c) { next_request(c); }
static void answered_last(wri_conn *c) { linger(c); }

void wri_conn_answer(wri_conn *c, wr_buf *buf, bool keep) {
    c->req = NULL;
    wri_conn_write(c, buf, keep && !c->srv->stopping ? answered_keep : answered_last);
}

/* ---- in ---- */

static const char *code_of(int status) {
    switch (status) {
    case 408:
        return "timeout";
    case 413:
    case 414:
    case 431:
        return "too_large";
    case 403:
        return "forbidden";
    case 405:
        return "method_not_allowed";
    case 415:
        return "unsupported_media_type";
    case 429:
    case 503:
        return "busy";
    default:
        return "bad_request";
    }
}

/* What cannot be read is answered, and the connection ended. */
static void refuse(wri_conn *c) {
    wri_req *r = c->req ? c->req : wri_req_new(c->srv, c);
    if (!r) {
        wri_conn_close(c);
        return;
    }
    c->req = r;
    set_phase(c, WRI_HANDLING);
    r->keep = false;
    wri_answer_error(r, c->refused, code_of(c->refused), "%s", c->why);
}

static void go_on(wri_conn *c) {
    wr_buf b = {0};
    c->expects = false;
    if (wr_buf_puts(&b, "HTTP/1.1 100 Continue\r\n\r\n") != WR_OK) wri_conn_close(c);
    else wri_conn_write(c, &b, NULL);
}

static void keep_rest(wri_conn *c, const char *p, size_t n) {
    if (n && wr_buf_put(&c->in, p, n) != WR_OK) {
        wri_conn_close(c);
        return;
    }
    if (c->in.len < IN_MAX || !c->reading) return;
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
}

/* A connection that follows, or is at rest, holds no room that its long head took. */
static void forget_head(wri_conn *c) {
    wr_buf *bufs[] = {&c->target, &c->name, &c->value};
    for (size_t i = 0; i < WR_LEN(bufs); i++)
        if (bufs[i]->cap > HEAD_KEPT) wr_buf_free(bufs[i]);
}

static void feed(wri_conn *c, const char *p, size_t n) {
    size_t k = wri_http_read(c, p, n);
    if (c->refused) {
        refuse(c);
        return;
    }
    if (c->phase == WRI_BODY && c->expects && !c->req->http10 && c->req->body.len == 0) go_on(c);
    if (c->phase != WRI_HANDLING) return;
    keep_rest(c, p + k, n - k);
    if (c->phase != WRI_HANDLING) return;
    wri_route_request(c->req);
    forget_head(c);
}

static void alloc_in(uv_handle_t *h, size_t asked, uv_buf_t *out) {
    wri_conn *c = h->data;
    (void)asked;
    *out = uv_buf_init(c->srv->scratch, sizeof c->srv->scratch); /* read and used before the next read */
}

/* The client says no more, but may still listen. */
static void ended(wri_conn *c) {
    if (c->phase == WRI_HANDLING && !(c->req && c->req->follow)) {
        c->ended = true;
        uv_read_stop((uv_stream_t *)&c->tcp);
        c->reading = false;
    } else wri_conn_close(c);
}

static void heard(wri_conn *c, const char *p, size_t n) {
    if (c->phase == WRI_LINGER) return; /* of no use any more */
    if (c->phase == WRI_HANDLING) keep_rest(c, p, n);
    else feed(c, p, n);
}

/* The first bytes, p[0..n), of a connection to a port that speaks TLS. */
static void begin_secure(wri_conn *c, const char *p) {
    if (p[0] != HANDSHAKE) {
        c->refused = 400;
        c->why = "this port speaks HTTPS: ask for https:// where http:// was asked for";
        refuse(c);
    } else if ((c->secure = wri_secure_new(c->srv->tls))) set_phase(c, WRI_SHAKING);
    else wri_conn_close(c);
}

static void heard_secure(wri_conn *c, const char *p, size_t n) {
    char *plain = c->srv->scratch; /* holds p, too, which has been taken when this is written to */
    wri_heard got = WRI_HEARD_NOISE;
    size_t len;
    if (!wri_secure_feed(c->secure, p, n)) c->broken = true;
    while (!c->broken && c->phase != WRI_CLOSING) {
        got = wri_secure_read(c->secure, plain, sizeof c->srv->scratch, &len);
        if (got == WRI_HEARD_UP) set_phase(c, WRI_IDLE);
        else if (got == WRI_HEARD_DATA) heard(c, plain, len);
        else break;
    }
    if (c->phase == WRI_CLOSING) return;
    send_secure(c, NULL, 0, NULL);
    if (got == WRI_HEARD_NOISE) {
        c->srv->n_noises++;
        wri_conn_close(c);
    } else if (got == WRI_HEARD_END) ended(c);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
    wri_conn *c = s->data;
    if (c->phase == WRI_CLOSING || n == 0) return;
    if (n == UV_EOF) ended(c);
    else if (n < 0) wri_conn_close(c);
    else {
        if (c->srv->tls && !c->secure && c->phase == WRI_IDLE) begin_secure(c, buf->base);
        if (c->secure) heard_secure(c, buf->base, (size_t)n);
        else if (c->phase != WRI_CLOSING) heard(c, buf->base, (size_t)n);
    }
}

static void read_more(wri_conn *c) {
    if (c->reading || c->ended || c->phase == WRI_CLOSING) return;
    c->reading = true;
    if (uv_read_start((uv_stream_t *)&c->tcp, alloc_in, on_read) != 0) wri_conn_close(c);
}

/* ---- the beginning ---- */

/* More than max_connections: says so, without waiting for a request. By TLS that would cost a handshake. */
static void turn_away(wri_conn *c) {
    if (c->srv->tls) {
        wri_conn_close(c);
        return;
    }
    c->refused = 503;
    c->why = "too many connections; try again later (max_connections)";
    refuse(c);
}

void wri_conn_accept(uv_stream_t *listener, int status) {
    wri_server *srv = listener->data;
    if (status < 0) return; /* the next one may do */
    wri_conn *c = wr_calloc(1, sizeof *c);
    srv->unaccepted = !c; /* then the tick tries again */
    if (!c) return;
    c->srv = srv;
    if (uv_tcp_init(&srv->loop, &c->tcp) != 0) {
        wr_free(c);
        srv->unaccepted = true;
        return;
    }
    c->tcp.data = c;
    srv->n_handles++;
    c->next = srv->conns;
    if (c->next) c->next->prev = c;
    srv->conns = c;
    srv->n_conns++;
    set_phase(c, WRI_IDLE);
    wri_http_begin(c);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        wri_conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    if (srv->n_conns > srv->o.max_connections) turn_away(c);
    else read_more(c);
}

/* ---- deadlines ---- */

static void too_slow(wri_conn *c, const char *why) {
    c->refused = 408;
    c->why = why;
    refuse(c);
}

static void look(wri_conn *c, int64_t now) {
    const wr_server_opts *o = &c->srv->o;
    int64_t waited = now - c->since_us;
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    if (c->broken) {
        wri_conn_close(c);
        return;
    }
    if (left > 0 && left < c->unwritten) {
        c->unwritten = left;
        c->written_us = now;
    } else if (left > 0 && now - c->written_us > o->write_timeout_us) {
        wri_conn_close(c);
        return;
    }
    int64_t body_us = o->body_timeout_us;
    if (c->phase == WRI_BODY) body_us += (int64_t)c->req->body.len * WR_US_PER_SECOND / BODY_RATE;
    bool early = c->phase == WRI_IDLE || c->phase == WRI_SHAKING;
    if (early &&
        (waited > (c->phase == WRI_IDLE ? o->idle_timeout_us : o->header_timeout_us) || c->srv->stopping))
        wri_conn_close(c);
    else if (c->phase == WRI_HEAD && waited > o->header_timeout_us)
        too_slow(c, "the head of the request took too long");
    else if (c->phase == WRI_BODY && waited > body_us) too_slow(c, "the body of the request took too long");
    else if (c->phase == WRI_LINGER && waited > LINGER_US) wri_conn_close(c);
}

void wri_conns_look(wri_server *srv, int64_t now_us) {
    for (wri_conn *c = srv->conns, *next; c; c = next) {
        next = c->next;
        look(c, now_us);
    }
}
