/* server/follow.c -- server-sent events: lines of a job to a client that follows them.
 *
 *   id: 9f3c2a1-17               event: skipped             event: end
 *   data: {"page":"/a"}          data: {"lines":120}        data: {"state":"finished"}
 *
 * The id has the server's life before the line's number: lines are numbered anew when it is started again,
 * and one who comes back with an id of an earlier life gets them from the first.
 *
 * One write is under way at a time, of at most WRI_CHUNK_BYTES: what a slow client has not taken stays in the
 * ring, whose oldest lines go; then it is told how many. One that takes nothing is cut by the deadline of
 * writes. A line in between keeps quiet connections open. */
#include <inttypes.h>
#include <stdlib.h>

#include "server_int.h"

#define QUIET_US 15000000 /* after which a comment is sent */

static void pumped(wri_conn *c) {
    wri_req *r = c->req;
    if (!r || !r->follow) return;
    r->follow->writing = false;
    wri_follow_pump(r);
}

/* As a chunk, or bare for HTTP/1.0. */
static wr_status framed(const wri_req *r, const wr_buf *text, bool last, wr_buf *out) {
    if (r->http10) return wr_buf_put(out, text->data, text->len);
    if (text->len) {
        WR_TRY(wr_buf_printf(out, "%zx\r\n", text->len));
        WR_TRY(wr_buf_put(out, text->data, text->len));
        WR_TRY(wr_buf_puts(out, "\r\n"));
    }
    return last ? wr_buf_puts(out, "0\r\n\r\n") : WR_OK;
}

static uint64_t life_of(const wri_req *r) { return (uint64_t)r->srv->started_us; }

wr_status wri_event_data(wr_buf *out, const char *p, size_t n) {
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

/* What is due. *lastp: then no more. */
static wr_status due(wri_req *r, int64_t now, bool *lastp, wr_buf *text) {
    wr_buf end = {0};
    *lastp = false;
    wr_status s = r->follow->feed->last(r, &end); /* before looking: what comes later is not missed */
    if (s == WR_OK) s = r->follow->feed->gather(r, text);
    if (s == WR_OK && end.len && text->len < WRI_CHUNK_BYTES) {
        *lastp = true;
        s = wr_buf_put(text, end.data, end.len);
    }
    wr_buf_free(&end);
    if (s == WR_OK && text->len == 0 && now - r->follow->wrote_us > QUIET_US) s = wr_buf_puts(text, ":\n\n");
    return s;
}

void wri_follow_pump(wri_req *r) {
    wri_follow *f = r->follow;
    wri_conn *c = r->conn;
    wr_buf text = {0}, out = {0};
    bool last;
    int64_t now = r->srv->sys->mono_us();
    if (f->writing) return;
    wr_status s = due(r, now, &last, &text);
    if (s == WR_OK && text.len) s = framed(r, &text, last, &out);
    wr_buf_free(&text);
    if (s != WR_OK) {
        wr_buf_free(&out);
        wri_conn_close(c);
    } else if (last) {
        wri_conn_answer(c, &out, false);
        r->conn = NULL;
        wri_follow_end(r);
    } else if (out.len) {
        f->writing = true;
        f->wrote_us = now;
        wri_conn_write(c, &out, pumped);
    }
}

bool wri_follow_begin(wri_req *r, const wri_feed *feed) {
    wr_buf out = {0};
    wri_conn *c = r->conn;
    wri_follow *f = wr_calloc(1, sizeof *f);
    r->status = 200;
    r->type = "text/event-stream";
    r->srv->n_requests++;
    const char *framing = r->http10 ? "" : "Transfer-Encoding: chunked\r\n";
    bool ok = f && c && wri_answer_head(r, framing, false, &out) == WR_OK;
    if (ok && r->method != HTTP_HEAD) {
        *f = (wri_follow){.feed = feed, .wrote_us = r->srv->sys->mono_us(), .writing = true};
        r->follow = f;
        r->held = true;
        wri_req_link(r);
        wri_conn_write(c, &out, pumped);
        return true;
    }
    wr_free(f);
    if (c) c->req = NULL;
    if (ok) wri_conn_answer(c, &out, false);
    else if (c) wri_conn_close(c);
    wr_buf_free(&out);
    if (feed->close(r)) wri_req_free(r);
    return false;
}

void wri_follow_end(wri_req *r) {
    bool over = r->follow->feed->close(r);
    wri_req_unlink(r);
    wr_free(r->follow);
    r->follow = NULL;
    if (over) wri_req_free(r);
}

void wri_follow_look(wri_server *srv) {
    for (wri_req *r = srv->waiting, *next; r; r = next) {
        next = r->next;
        if (r->follow) wri_follow_pump(r); /* ends r at most */
    }
}

/* ---- lines of a job ---- */

static wr_status lines_gather(wri_req *r, wr_buf *out) {
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
        s = wr_buf_printf(out, "id: %" PRIx64 "-%" PRIu64 "\n", life_of(r), f->at.number - 1);
        if (s == WR_OK) s = wri_event_data(out, line.data ? line.data : "", line.len);
    }
    wr_buf_free(&line);
    return s == WR_AGAIN ? WR_OK : s;
}

/* The job is over, or the server stops. */
static wr_status lines_last(wri_req *r, wr_buf *out) {
    wri_jstate s = r->job->state;
    bool over = s == WRI_FINISHED || s == WRI_STOPPED || s == WRI_FAILED;
    if (!r->srv->stopping && !r->job->removed && (r->job->alive || !over)) return WR_OK;
    return wr_buf_printf(out, "event: end\ndata: {\"state\":\"%s\"}\n\n", wri_jstate_name(s));
}

static bool lines_close(wri_req *r) {
    if (r->follow) __atomic_sub_fetch(&r->follow->lines->followers, 1, __ATOMIC_RELAXED);
    return true;
}

static const wri_feed lines_feed = {lines_gather, lines_last, lines_close};

/* Behind which line a client goes on; false: it has seen none of this life. */
static bool seen_line(const wri_req *r, uint64_t *numberp) {
    char *end;
    if (!r->last_event || strtoull(r->last_event, &end, 16) != life_of(r) || *end != '-') return false;
    *numberp = strtoull(end + 1, &end, 10);
    return *end == 0;
}

void wri_follow_lines(wri_req *r, wri_lines *l) {
    uint64_t number;
    if (!wri_follow_begin(r, &lines_feed)) return;
    wri_follow *f = r->follow;
    f->lines = l;
    __atomic_add_fetch(&l->followers, 1, __ATOMIC_RELAXED);
    if (seen_line(r, &number)) wri_lines_at_after(l, number, &f->at);
    else wri_lines_at_start(l, &f->at);
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
