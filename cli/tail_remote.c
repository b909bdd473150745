/* cli/tail_remote.c -- weir tail of a server: records of a stream, rows of a job. Followed as server-sent
 * events; with --once by the page, until nothing more is there. */
#include <nettle/base64.h>
#include <unistd.h>

#include "remote.h"

typedef struct tailing {
    const wri_tail_ask *o;
    wri_client c;
    int64_t left;
    wr_buf out;
    wr_err err;
    json_t *last; /* of each shard the sequence number last seen, while following */
} tailing;

static wr_status write_out(tailing *t) {
    wr_status s =
        wr_write_all(&wr_sys_real, STDOUT_FILENO, t->out.data, t->out.len, "standard output", &t->err);
    t->out.len = 0;
    return s;
}

/* ---- a stream ---- */

static wr_status put_base64(wr_buf *out, const char *text, size_t n) {
    struct base64_decode_ctx ctx;
    size_t got = BASE64_DECODE_LENGTH(n);
    WR_TRY(wr_buf_reserve(out, got + 1));
    base64_decode_init(&ctx);
    if (base64_decode_update(&ctx, &got, (uint8_t *)out->data + out->len, n, text) &&
        base64_decode_final(&ctx))
        out->len += got;
    return WR_OK;
}

static wr_status put_record(tailing *t, const json_t *rec, const char *text, size_t n) {
    const json_t *data = json_object_get(rec, "data"), *raw = json_object_get(rec, "data_base64");
    if (t->o->json) WR_TRY(wr_buf_put(&t->out, text, n));
    else if (data) WR_TRY(wr_buf_put(&t->out, json_string_value(data), json_string_length(data)));
    else if (raw) WR_TRY(put_base64(&t->out, json_string_value(raw), json_string_length(raw)));
    return wr_buf_put(&t->out, "\n", 1);
}

/* One record, into out; whether more are wanted. */
static wr_status take_record(tailing *t, const json_t *rec, const char *text, size_t n) {
    if (t->left == 0) return WR_OK;
    if (put_record(t, rec, text, n) != WR_OK) return wr_fail_oom(&t->err, "output");
    if (t->left > 0) t->left--;
    return WR_OK;
}

/* Behind a connection that broke, the server goes on from a place that may lie before what has been shown. */
static bool seen(tailing *t, const json_t *rec) {
    const char *shard = wri_member(rec, "shard"), *last = wri_member(t->last, shard);
    json_t *seq = json_object_get(rec, "sequence_number");
    size_t n = json_string_length(seq), before = strlen(last);
    if (n < before || (n == before && n && strcmp(json_string_value(seq), last) <= 0)) return true;
    if (!t->last) t->last = json_object();
    if (seq) (void)!json_object_set(t->last, shard, seq);
    return false;
}

static bool on_record(void *ctx, const wri_sse *e) {
    tailing *t = ctx;
    json_t *rec = json_loadb(e->data, e->len, JSON_ALLOW_NUL, NULL);
    wr_status s = rec && !seen(t, rec) ? take_record(t, rec, e->data, e->len) : WR_OK;
    json_decref(rec);
    if (s == WR_OK) s = write_out(t);
    return s == WR_OK && t->left != 0;
}

static int put_json(const char *p, size_t n, void *out) { return wr_buf_write(out, p, n); }

static wr_status take_page(tailing *t, const json_t *records) {
    json_t *rec;
    size_t i;
    wr_buf text = {0};
    wr_status s = WR_OK;
    json_array_foreach(records, i, rec) {
        text.len = 0;
        if (t->o->json && json_dump_callback(rec, put_json, &text, JSON_COMPACT) < 0)
            s = wr_fail_oom(&t->err, "output");
        if (s == WR_OK) s = take_record(t, rec, text.data, text.len);
        if (s != WR_OK) break;
    }
    wr_buf_free(&text);
    return s == WR_OK ? write_out(t) : s;
}

/* NULL: no memory. */
static const char *records_path(tailing *t, const char *how, const char *from) {
    wri_client *c = &t->c;
    const char *path = wr_arena_printf(&c->ar, "/v1/streams/%s/records?%s", wri_escaped(c, t->o->name), how);
    if (path && t->o->shard != WR_NO_SHARD) path = wr_arena_printf(&c->ar, "%s&shard=%u", path, t->o->shard);
    return path ? wri_url_with(c, path, "from", from) : NULL;
}

static int stream_once(tailing *t, const char *from) {
    wri_client *c = &t->c;
    wr_arena places = {0};
    int status = EXIT_DONE;
    while (status == EXIT_DONE && t->left != 0) {
        wr_arena_reset(&c->ar);
        const char *path = records_path(t, "limit=10000", from);
        status = path ? wri_ask(c, "GET", "%s", path) : wri_no_memory(c);
        if (status != EXIT_DONE) break;
        const json_t *records = json_object_get(c->json, "records");
        if (take_page(t, records) != WR_OK) status = EXIT_FAILED;
        const char *next = wri_member(c->json, "next");
        if (json_array_size(records) == 0 && strcmp(next, from) == 0) break;
        wr_arena_reset(&places);
        from = wr_arena_strdup(&places, next);
        if (!from) status = wri_no_memory(c);
    }
    wr_arena_free(&places);
    return status;
}

static int of_stream(tailing *t) {
    wri_client *c = &t->c;
    const char *from = t->o->from;
    if (strcmp(from, "earliest") != 0 && strcmp(from, "latest") != 0)
        from = wr_arena_printf(&c->ar, "time:%s", from);
    const char *start = from ? wr_strdup(from) : NULL; /* outlives the client's texts */
    int status = start ? EXIT_DONE : wri_no_memory(c);
    if (start && t->o->once) status = stream_once(t, start);
    else if (start) {
        const char *path = records_path(t, "follow=1", start);
        status = path ? wri_follow_events(c, path, on_record, t) : wri_no_memory(c);
    }
    wr_free((char *)start);
    return status;
}

/* ---- a job ---- */

static bool on_row(void *ctx, const wri_sse *e) {
    tailing *t = ctx;
    if (wr_buf_put(&t->out, e->data, e->len) != WR_OK || wr_buf_put(&t->out, "\n", 1) != WR_OK) {
        wr_fail_oom(&t->err, "output");
        return false;
    }
    if (t->left > 0) t->left--;
    return write_out(t) == WR_OK && t->left != 0;
}

static int job_once(tailing *t, const char *path) {
    int status = wri_ask_text(&t->c, "GET", "%s", path);
    const char *p = t->c.body.data, *nl;
    if (status != EXIT_DONE) return status;
    for (; t->left != 0 && (nl = strchr(p, '\n')); p = nl + 1) {
        wri_sse e = {.data = p, .len = (size_t)(nl - p)};
        if (!on_row(t, &e)) break;
    }
    return EXIT_DONE;
}

static int of_job(tailing *t, const char *job) {
    wri_client *c = &t->c;
    if (t->o->shard != WR_NO_SHARD) {
        wri_say("tail: --shard is for streams: the rows of a job have no shards");
        return EXIT_USAGE;
    }
    const char *path = wr_arena_printf(&c->ar, "/v1/jobs/%s/output", wri_escaped(c, job));
    if (!path) return wri_no_memory(c);
    return t->o->once ? job_once(t, path)
                      : wri_follow_events(c, wri_url_with(c, path, "follow", "1"), on_row, t);
}

int wri_tail_remote(const wri_tail_ask *o) {
    tailing t = {.o = o, .left = o->left};
    int status = wri_client_or_data(&t.c, "tail", o->server);
    if (status == EXIT_DONE)
        status = strncmp(o->name, "job:", 4) == 0 ? of_job(&t, o->name + 4) : of_stream(&t);
    if (t.err.msg[0]) status = wri_data_failed("tail", t.err.code, &t.err);
    wr_buf_free(&t.out);
    json_decref(t.last);
    wri_client_close(&t.c);
    return status;
}
