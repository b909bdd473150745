/* cli/events.c -- server-sent events: lines "id:", "event:" and "data:", a blank line behind each event.
 *
 * What breaks is tried again from behind the last event, at once and then ever more slowly; once the server
 * answers that it will not (the job has been deleted, say), or says that the job has ended, that is the end.
 */
#include "client.h"

#include <poll.h>

#define LINE_MAX_BYTES (64 << 20) /* no record is longer */
#define WAIT_FIRST_MS  100
#define WAIT_MOST_MS   5000

typedef struct following {
    wri_client *c;
    bool (*each)(void *ctx, const wri_sse *e);
    void *ctx;
    wr_buf line, data;                 /* of what has come; each without a NUL until it is used */
    wr_buf id, kind, last;             /* last: id of the last whole event; NUL-terminated once set */
    bool has_data, done, full, failed; /* full: no memory, or a line without end */
    bool any;                          /* an event, since the connection was made */
} following;

static bool set(wr_buf *b, const char *p, size_t n) {
    b->len = 0;
    return wr_buf_put(b, p, n) == WR_OK && wr_buf_put(b, "", 1) == WR_OK;
}

/* A server that stops says "end" too: its jobs go on when it is back. */
static bool is_final(const wri_sse *e) {
    json_t *v = json_loadb(e->data, e->len, 0, NULL);
    const char *state = wri_member(v, "state");
    bool final = !strcmp(state, "finished") || !strcmp(state, "stopped") || !strcmp(state, "failed");
    json_decref(v);
    return final;
}

static void tell_skipped(const following *f, const wri_sse *e) {
    char n[WRI_SHOWN];
    json_t *v = json_loadb(e->data, e->len, 0, NULL);
    wri_say("%s: %s lines left out: the server keeps only the last ones", f->c->command,
            wri_shown(v, "lines", n));
    json_decref(v);
}

static bool end_event(following *f) {
    bool go = true;
    if (f->has_data) {
        if (wr_buf_put(&f->data, "", 1) != WR_OK) return false;
        wri_sse e = {.id = f->id.len ? f->id.data : "",
                     .kind = f->kind.len ? f->kind.data : "",
                     .data = f->data.data,
                     .len = f->data.len - 1};
        f->any = true;
        if (strcmp(e.kind, "end") == 0) f->done = is_final(&e);
        else if (strcmp(e.kind, "skipped") == 0) tell_skipped(f, &e);
        else if (strcmp(e.kind, "error") == 0) {
            wri_plain(stderr, "weir: %s: %s\n", f->c->command, e.data);
            f->done = f->failed = true;
        } else if (strcmp(e.kind, "position") == 0) go = true; /* only its id counts */
        else go = f->each(f->ctx, &e);
        if (f->id.len && !set(&f->last, f->id.data, f->id.len - 1)) return false;
    }
    f->data.len = f->kind.len = 0;
    f->has_data = false;
    f->done |= !go;
    return !f->done;
}

static bool field(following *f, const char *p, size_t n) {
    const char *colon = memchr(p, ':', n);
    size_t name = colon ? (size_t)(colon - p) : n, from = colon ? name + 1 : n;
    if (from < n && p[from] == ' ') from++;
    if (name == 2 && memcmp(p, "id", 2) == 0) return set(&f->id, p + from, n - from);
    if (name == 5 && memcmp(p, "event", 5) == 0) return set(&f->kind, p + from, n - from);
    if (name != 4 || memcmp(p, "data", 4) != 0) return true; /* a comment, or of another time */
    if (f->has_data && wr_buf_put(&f->data, "\n", 1) != WR_OK) return false;
    f->has_data = true;
    if (f->data.len + n > LINE_MAX_BYTES) return false;
    return wr_buf_put(&f->data, p + from, n - from) == WR_OK;
}

static bool take_line(following *f) {
    size_t n = f->line.len;
    if (n > 0 && f->line.data[n - 1] == '\r') n--;
    bool go = n == 0 ? end_event(f) : field(f, f->line.data, n);
    f->full |= !go && !f->done;
    f->line.len = 0;
    return go;
}

static bool take(void *ctx, long code, const char *p, size_t n) {
    following *f = ctx;
    if (code != 200) /* the message of an error */
        return f->c->body.len + n <= LINE_MAX_BYTES && wr_buf_put(&f->c->body, p, n) == WR_OK;
    while (n > 0) {
        const char *nl = memchr(p, '\n', n);
        size_t k = nl ? (size_t)(nl - p) : n;
        if (f->line.len + k > LINE_MAX_BYTES || wr_buf_put(&f->line, p, k) != WR_OK) {
            f->full = true;
            return false;
        }
        if (nl && !take_line(f)) return false;
        p += k + (nl != NULL);
        n -= k + (nl != NULL);
    }
    return true;
}

/* One connection. False: it is over, with *statusp. */
static bool connect_once(following *f, const char *url, bool first, int *statusp) {
    wri_client *c = f->c;
    wr_err err = {0};
    wri_http_call x = {.method = "GET",
                       .server = c->url,
                       .ca = c->ca,
                       .other = c->other,
                       .url = url,
                       .take = take,
                       .ctx = f,
                       .last_id = f->last.len ? f->last.data : ""};
    c->body.len = f->line.len = f->data.len = f->kind.len = 0;
    f->has_data = f->any = false;
    wr_status s = wri_http_do(c->http, &x, &err);
    c->code = x.code;
    *statusp = EXIT_DONE;
    if (f->failed) *statusp = EXIT_FAILED;
    if (f->done) return false;
    if (f->full) {
        *statusp = wri_no_memory(c);
        return false;
    }
    if (s == WR_OK && x.code != 200 && x.code != 503) {
        json_decref(c->json);
        c->json = json_loadb(c->body.data ? c->body.data : "", c->body.len, 0, NULL);
        *statusp = wri_refused(c);
        return false;
    }
    if (s != WR_OK && first && x.code == 0) {
        wri_say("%s: %s", c->command, err.msg);
        *statusp = s == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
        return false;
    }
    return true;
}

int wri_follow_events(wri_client *c, const char *path, bool (*each)(void *ctx, const wri_sse *e), void *ctx) {
    following f = {.c = c, .each = each, .ctx = ctx};
    const char *url = wr_arena_printf(&c->ar, "%s%s", c->url, path);
    int status, wait_ms = 0;
    if (!url || c->oom) return wri_no_memory(c);
    for (bool first = true; connect_once(&f, url, first, &status); first = false) {
        if (f.any) wait_ms = 0;
        else if (wait_ms == WAIT_FIRST_MS)
            wri_say("%s: the connection to %s broke; trying again", c->command, c->url);
        poll(NULL, 0, wait_ms);
        wait_ms = wait_ms == 0 ? WAIT_FIRST_MS : wait_ms * 2 > WAIT_MOST_MS ? WAIT_MOST_MS : wait_ms * 2;
    }
    wr_buf *bufs[] = {&f.line, &f.data, &f.id, &f.kind, &f.last};
    for (size_t i = 0; i < WR_LEN(bufs); i++) wr_buf_free(bufs[i]);
    return status;
}
