/* server/request.c -- a request under way: in the pool, waiting, its body as JSON. */
#include "server_int.h"

#define WAIT_US 60000000 /* a request waits no longer than that */

wri_req *wri_req_new(wri_server *srv, wri_conn *conn) {
    wri_req *r = wr_calloc(1, sizeof *r);
    if (!r) return NULL;
    r->srv = srv;
    r->conn = conn;
    r->method = HTTP_GET;
    return r;
}

void wri_req_free(wri_req *r) {
    if (!r) return;
    r->srv->body_bytes -= r->body_counted;
    wri_job_drop(r->job);
    if (r->json) json_decref(r->json);
    __atomic_sub_fetch(&r->srv->room_taken, r->room, __ATOMIC_RELAXED);
    wr_buf_free(&r->body);
    wr_buf_free(&r->out);
    wr_free(r->follow);
    wr_arena_free(&r->ar);
    wr_free(r);
}

/* ---- the pool ---- */

static void in_pool(uv_work_t *w) {
    wri_req *r = w->data;
    r->in_pool(r);
}

static void out_of_pool(uv_work_t *w, int status) {
    wri_req *r = w->data;
    (void)status;
    r->srv->n_in_pool--;
    r->held = false;
    r->after(r);
}

void wri_req_work(wri_req *r, void (*work)(wri_req *r), void (*after)(wri_req *r)) {
    r->in_pool = work;
    r->after = after;
    r->work.data = r;
    r->held = true;
    if (r->srv->n_in_pool < WRI_POOL_MAX &&
        uv_queue_work(&r->srv->loop, &r->work, in_pool, out_of_pool) == 0) {
        r->srv->n_in_pool++;
        return;
    }
    r->held = false;
    wri_note_error(r, 503, "busy", "too many requests are under way; try again later");
    after(r);
}

/* ---- waiting ---- */

void wri_req_link(wri_req *r) {
    wri_server *srv = r->srv;
    r->prev = NULL;
    r->next = srv->waiting;
    if (r->next) r->next->prev = r;
    srv->waiting = r;
}

void wri_req_unlink(wri_req *r) {
    if (r->prev) r->prev->next = r->next;
    else r->srv->waiting = r->next;
    if (r->next) r->next->prev = r->prev;
    r->prev = r->next = NULL;
}

void wri_req_wait(wri_req *r, bool (*ready)(wri_req *r), void (*after)(wri_req *r)) {
    if (ready(r) || r->srv->stopping) {
        after(r);
        return;
    }
    r->held = true;
    r->ready = ready;
    r->after = after;
    r->since_us = r->srv->sys->mono_us();
    wri_req_link(r);
}

void wri_reqs_look(wri_server *srv) {
    int64_t now = srv->sys->mono_us();
    for (wri_req *r = srv->waiting, *next; r; r = next) {
        next = r->next;
        if (!r->ready || (!r->ready(r) && !srv->stopping && now - r->since_us < WAIT_US)) continue;
        wri_req_unlink(r);
        r->ready = NULL;
        r->held = false;
        r->after(r);
        next = srv->waiting; /* the answer may have ended others */
    }
}

/* ---- JSON ---- */

/* A value takes about so many bytes of memory, however short it is written: [0,0,0,…] thirty times its text.
 */
#define VALUE_BYTES 64

/* What the values of a text will take: before each but the first stands one of , [ { and :. */
static size_t room_for(const char *p, size_t n) {
    size_t bytes = n;
    bool in_text = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"') in_text = !in_text;
        else if (in_text) i += p[i] == '\\';
        else if (p[i] == ',' || p[i] == '[' || p[i] == '{' || p[i] == ':') bytes += VALUE_BYTES;
    }
    return bytes;
}

bool wri_req_room(wri_req *r, size_t bytes) {
    if (bytes > WRI_VALUES_MOST) {
        wri_note_error(r, 413, "too_large",
                       "the body has more values than fit into memory; send it in parts");
        return false;
    }
    if (r->room) return true; /* it has been taken */
    r->room = bytes;
    if (__atomic_add_fetch(&r->srv->room_taken, bytes, __ATOMIC_RELAXED) <= WRI_VALUES_MOST) return true;
    wri_note_error(r, 429, "busy", "too many bytes of requests are under way; try again later");
    return false;
}

json_t *wri_req_json(wri_req *r) {
    json_error_t e;
    if (r->json) return r->json;
    if (!wri_req_room(r, room_for(r->body.data, r->body.len))) return NULL;
    r->json = json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_REJECT_DUPLICATES, &e);
    if (r->json && json_is_object(r->json)) return r->json;
    char msg[400];
    if (r->json) snprintf(msg, sizeof msg, "the body: expected a JSON object");
    else snprintf(msg, sizeof msg, "the body, line %d, column %d: %s", e.line, e.column, e.text);
    wri_note_error(r, 400, "bad_json", msg);
    return NULL;
}

static bool is_type(const json_t *v, char type) {
    switch (type) {
    case 's':
        return json_is_string(v);
    case 'i':
        return json_is_integer(v);
    case 'b':
        return json_is_boolean(v);
    case 'o':
        return json_is_object(v);
    default:
        return json_is_array(v);
    }
}

static const char *type_name(char type) {
    switch (type) {
    case 's':
        return "text";
    case 'i':
        return "a whole number";
    case 'b':
        return "true or false";
    case 'o':
        return "an object";
    default:
        return "a list";
    }
}

/* known[i] is "type:name", as "s:sql". */
static bool member(wri_req *r, const char *key, const json_t *v, const char *const *known) {
    const char *names[16] = {0}, *near;
    size_t n = 0;
    char msg[300];
    for (; n < WR_LEN(names) && known[n]; n++) {
        names[n] = known[n] + 2;
        if (strcmp(names[n], key) != 0) continue;
        if (is_type(v, known[n][0])) return true;
        snprintf(msg, sizeof msg, "'%s': expected %s", names[n], type_name(known[n][0]));
        wri_note_error(r, 400, "bad_request", msg);
        return false;
    }
    near = wr_nearest(key, names, n, sizeof *names);
    if (near) snprintf(msg, sizeof msg, "there is no member '%.64s' here; did you mean '%s'?", key, near);
    else
        snprintf(msg, sizeof msg, "there is no member '%.64s' here; expected %s%s", key, names[0],
                 n > 1 ? ", …" : "");
    wri_note_error(r, 400, "bad_request", msg);
    return false;
}

bool wri_json_known(wri_req *r, const json_t *o, const char *const *known) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v) {
        if (!member(r, key, v, known)) return false;
    }
    return true;
}
