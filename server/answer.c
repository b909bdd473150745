/* server/answer.c -- a request's answer: head, JSON, errors.
 *
 * An answer is noted (status, type, body in the request; in the pool, too), then sent by the loop. Whoever
 * sends ends the request. A client that has gone gets none. */
#include <time.h>

#include "server_int.h"

const char *wri_status_line(int status) {
    switch (status) {
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return http_status_str((enum http_status)status);
    }
}

/* RFC 9110's form of now. */
static void date(const wri_server *srv, char out[40]) {
    time_t t = (time_t)(srv->sys->wall_us() / WR_US_PER_SECOND);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) out[0] = 0;
}

wr_status wri_answer_head(wri_req *r, const char *framing, bool keep, wr_buf *out) {
    char now[40];
    date(r->srv, now);
    return wr_buf_printf(out,
                         "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n%s%sConnection: %s\r\n"
                         "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n",
                         r->status, wri_status_line(r->status), now, r->type, framing, r->head,
                         keep ? "keep-alive" : "close");
}

void wri_answer(wri_req *r, int status, const char *type) {
    wri_conn *c = r->conn;
    wr_buf out = {0};
    char length[64];
    if (!c) {
        wri_req_free(r);
        return;
    }
    r->status = status;
    r->type = type;
    bool keep = r->keep && !r->srv->stopping;
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", r->out.len);
    r->srv->n_requests++;
    if (wri_answer_head(r, length, keep, &out) != WR_OK ||
        (r->method != HTTP_HEAD && r->out.len && wr_buf_put(&out, r->out.data, r->out.len) != WR_OK)) {
        wr_buf_free(&out);
        wri_conn_close(c); /* and the request with it */
        return;
    }
    wri_conn_answer(c, &out, keep);
    wri_req_free(r);
}

/* ---- notes ---- */

#define OOM_BODY "{\"error\":{\"code\":\"out_of_memory\",\"message\":\"out of memory\"}}\n"

void wri_note(wri_req *r, int status, json_t *body) {
    r->out.len = 0;
    r->status = status;
    r->type = "application/json";
    if (!body || wri_json_write(body, &r->out) != WR_OK || wr_buf_puts(&r->out, "\n") != WR_OK) {
        r->status = 503;
        r->out.len = 0;
        if (wr_buf_puts(&r->out, OOM_BODY) != WR_OK) r->out.len = 0;
    }
    if (body) json_decref(body);
}

/* msg may hold what is no UTF-8, which JSON cannot. */
void wri_note_error(wri_req *r, int status, const char *code, const char *msg) {
    char *clean = wr_arena_strdup(&r->ar, msg);
    size_t n = strlen(msg);
    if (clean && !wr_utf8_valid(clean, n))
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)clean[i] >= 0x80) clean[i] = '?';
    while (clean && n && clean[n - 1] == '\n') clean[--n] = 0;
    wri_note(r, status,
             json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", clean ? clean : "out of memory"));
}

void wri_note_failed(wri_req *r, wr_status s, const wr_err *err) {
    static const struct {
        wr_status s;
        int status;
        const char *code;
    } map[] = {{WR_EINVAL, 400, "bad_request"},
               {WR_ESQL, 400, "sql"},
               {WR_EUNSUPPORTED, 400, "unsupported"},
               {WR_ELIMIT, 409, "conflict"},
               {WR_ENOMEM, 503, "out_of_memory"},
               {WR_EIO, 500, "io"},
               {WR_EDATA, 500, "damaged"}};
    for (size_t i = 0; i < WR_LEN(map); i++)
        if (map[i].s == s) {
            wri_note_error(r, map[i].status, map[i].code, err->msg[0] ? err->msg : wr_status_text(s));
            return;
        }
    wri_note_error(r, 500, "internal", err->msg[0] ? err->msg : wr_status_text(s));
}

bool wri_noted(const wri_req *r) { return r->status != 0; }
void wri_send_noted(wri_req *r) { wri_answer(r, r->status, r->type); }

/* ---- both at once ---- */

void wri_answer_json(wri_req *r, int status, json_t *body) {
    wri_note(r, status, body);
    wri_send_noted(r);
}

void wri_answer_error(wri_req *r, int status, const char *code, const char *fmt, ...) {
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    wri_note_error(r, status, code, msg);
    wri_send_noted(r);
}

void wri_answer_failed(wri_req *r, wr_status s, const wr_err *err) {
    wri_note_failed(r, s, err);
    wri_send_noted(r);
}
