/* server/follow.c -- server-sent events: lines of a job to a client that follows them.
 *
 *   id: 17                       event: skipped             event: end
 *   data: {"page":"/a"}          data: {"lines":120}        data: {"state":"finished"}
 *
 * One write is under way at a time, of at most WRI_CHUNK_BYTES: what a slow client has not taken stays in the
 * ring, whose oldest lines go; then it is told how many. One that takes nothing is cut by the deadline of
 * writes. A line in between keeps quiet connections open. */
#include <inttypes.h>

#include "server_int.h"

#define QUIET_US 15000000 /* after which a comment is sent */

static void pump(wri_req *r);

static void pumped(wri_conn *c) {
    wri_req *r = c->req;
    if (!r || !r->follow) return;
    r->follow->writing = false;
    pump(r);
}

/* As a chunk, or bare for HTTP/1.0. Takes what is in text. */
static wr_status framed(const wri_req *r, const wr_buf *text, bool last, wr_buf *out) {
    if (r->http10) return wr_buf_put(out, text->data, text->len);
    if (text->len) {
        WR_TRY(wr_buf_printf(out, "%zx\r\n", text->len));
        WR_TRY(wr_buf_put(out, text->data, text->len));
        WR_TRY(wr_buf_puts(out, "\r\n"));
    }
    return last ? wr_buf_puts(out, "0\r\n\r\n") : WR_OK;
}

/* A line that holds line ends of its own becomes several data fields. */
static wr_status put_data(wr_buf *out, const char *p, size_t n) {
    for (;;) {
        const char *end = memchr(p, '\n', n), *cr = memchr(p, '\r', n);
        if (cr && (!end || cr < end)) end = cr;
        size_t k = end ? (size_t)(end - p) : n;
        WR_TRY(wr_buf_puts(out, "data: "));
        WR_TRY(wr_buf_put(out, p, k));
        WR_TRY(wr_buf_puts(out, "\n"));
        if (!end) return wr_buf_puts(out, "\n");
        p += k + 1;
        n -= k + 1;
    }
}

/* Events that are due, up to WRI_CHUNK_BYTES or the line that reaches it. */
static wr_status gather(wri_req *r, wr_buf *out) {
    wri_follow *f = r->follow;
    wr_buf line = {0};
    wr_status s = WR_OK;
    while (s == WR_OK && out->len < WRI_CHUNK_BYTES) {
        uint64_t skipped;
        line.len = 0;
        s = wri_lines_next(f->lines, &f->at, &line, &skipped);
        if (skipped &&
            wr_buf_printf(out, "event: skipped\ndata: {\"lines\":%" PRIu64 "}\n\n", skipped) != WR_OK)
            s = WR_ENOMEM;
        if (s != WR_OK) break;
        s = wr_buf_printf(out, "id: %" PRIu64 "\n", f->at.number - 1);
        if (s == WR_OK) s = put_data(out, line.data ? line.data : "", line.len);
    }
    wr_buf_free(&line);
    return s == WR_AGAIN ? WR_OK : s;
}

/* Nothing more will come: the job is over, or the server stops. */
static bool over(const wri_req *r) {
    wri_jstate s = r->job->state;
    return r->srv->stopping || r->job->removed ||
           (!r->job->alive && (s == WRI_FINISHED || s == WRI_STOPPED || s == WRI_FAILED));
}

static wr_status gather_all(wri_req *r, bool *lastp, int64_t now, wr_buf *text) {
    bool end = over(r); /* before looking: what comes later is not missed */
    *lastp = false;
    WR_TRY(gather(r, text));
    if (text->len < WRI_CHUNK_BYTES && end) {
        *lastp = true;
        return wr_buf_printf(text, "event: end\ndata: {\"state\":\"%s\"}\n\n",
                             wri_jstate_name(r->job->state));
    }
    if (text->len == 0 && now - r->follow->wrote_us > QUIET_US) return wr_buf_puts(text, ":\n\n");
    return WR_OK;
}

static void pump(wri_req *r) {
    wri_follow *f = r->follow;
    wri_conn *c = r->conn;
    wr_buf text = {0}, out = {0};
    bool last;
    int64_t now = r->srv->sys->mono_us();
    if (f->writing) return;
    wr_status s = gather_all(r, &last, now, &text);
    if (s == WR_OK && (text.len || last)) s = framed(r, &text, last, &out);
    wr_buf_free(&text);
    if (s != WR_OK) {
        wr_buf_free(&out);
        wri_conn_close(c);
    } else if (last) {
        c->req = NULL;
        wri_follow_end(r);
        wri_conn_answer(c, &out, false);
    } else if (out.len) {
        f->writing = true;
        f->wrote_us = now;
        wri_conn_write(c, &out, pumped);
    }
}

void wri_follow_lines(wri_req *r, wri_lines *l) {
    wr_buf out = {0};
    wri_conn *c = r->conn;
    if (!c) {
        wri_req_free(r);
        return;
    }
    wri_follow *f = wr_calloc(1, sizeof *f);
    r->status = 200;
    r->type = "text/event-stream";
    const char *framing = r->http10 ? "" : "Transfer-Encoding: chunked\r\n";
    if (!f || wri_answer_head(r, framing, false, &out) != WR_OK) {
        wr_free(f);
        wr_buf_free(&out);
        wri_conn_close(c);
        return;
    }
    r->srv->n_requests++;
    if (r->method == HTTP_HEAD) {
        wr_free(f);
        wri_conn_answer(c, &out, false);
        wri_req_free(r);
        return;
    }
    f->lines = l;
    if (r->has_last_event) wri_lines_at_after(l, r->last_event, &f->at);
    else wri_lines_at_start(l, &f->at);
    f->wrote_us = r->srv->sys->mono_us();
    f->writing = true;
    r->follow = f;
    r->held = true;
    __atomic_add_fetch(&l->followers, 1, __ATOMIC_RELAXED);
    wri_req_link(r);
    wri_conn_write(c, &out, pumped);
}

void wri_follow_end(wri_req *r) {
    __atomic_sub_fetch(&r->follow->lines->followers, 1, __ATOMIC_RELAXED);
    wri_req_unlink(r);
    wri_req_free(r);
}

void wri_follow_look(wri_server *srv, int64_t now_us) {
    (void)now_us;
    for (wri_req *r = srv->waiting, *next; r; r = next) {
        next = r->next;
        if (r->follow) pump(r); /* ends r at most */
    }
}

wr_status wri_lines_all(wri_lines *l, wr_buf *out, uint64_t *gonep) {
    wri_lines_at at;
    uint64_t skipped;
    wr_status s = WR_OK;
    wri_lines_at_start(l, &at);
    *gonep = at.number;
    while (s == WR_OK) {
        s = wri_lines_next(l, &at, out, &skipped);
        *gonep += skipped;
        if (s == WR_OK) s = wr_buf_puts(out, "\n");
    }
    return s == WR_AGAIN ? WR_OK : s;
}
