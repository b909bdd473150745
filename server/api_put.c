/* server/api_put.c -- records to a stream. In the pool; the answer says that they are durable.
 *
 *   {"records": [{"key": "k", "data": "text"}, {"data_base64": "AP8="}]}     or a line a record
 *
 * A record without a key goes to a shard by chance. */
#include <inttypes.h>
#include <nettle/base64.h>

#include "server_int.h"

#define ANSWER_BYTES 160 /* of a record in the answer, and its key */

typedef struct putting {
    wr_put *puts;
    size_t n, cap;
    uint64_t made_up; /* the next key of a record that has none */
} putting;

static bool bad(wri_req *r, size_t i, const char *why) {
    char msg[300];
    snprintf(msg, sizeof msg, "record %zu: %s", i, why);
    wri_note_error(r, 400, "bad_request", msg);
    return false;
}

static bool oom(wri_req *r) {
    wri_note_error(r, 503, "out_of_memory", "out of memory");
    return false;
}

static bool add(wri_req *r, putting *g, const char *key, size_t key_len, const char *data, size_t len) {
    if (wr_grow(&g->puts, &g->cap, g->n + 1, sizeof *g->puts) != WR_OK) return oom(r);
    if (!key) {
        key = wr_arena_printf(&r->ar, "%" PRIu64, g->made_up++);
        if (!key) return oom(r);
        key_len = strlen(key);
    }
    g->puts[g->n++] = (wr_put){.key = key, .key_len = (uint32_t)key_len, .data = data, .len = (uint32_t)len};
    return true;
}

static bool unpack(wri_req *r, size_t i, const json_t *text, char **datap, size_t *lenp) {
    struct base64_decode_ctx ctx;
    size_t n = json_string_length(text), got = BASE64_DECODE_LENGTH(n);
    *datap = wr_arena_alloc(&r->ar, got + 1);
    if (!*datap) return oom(r);
    base64_decode_init(&ctx);
    if (!base64_decode_update(&ctx, &got, (uint8_t *)*datap, n, json_string_value(text)) ||
        !base64_decode_final(&ctx))
        return bad(r, i, "data_base64: expected base64");
    *lenp = got;
    return true;
}

static bool take_record(wri_req *r, putting *g, size_t i, const json_t *o) {
    static const char *const known[] = {"s:key", "s:data", "s:data_base64", NULL};
    if (!json_is_object(o)) return bad(r, i, "expected an object with data, or data_base64, and key");
    if (!wri_json_known(r, o, known)) return false;
    json_t *key = json_object_get(o, "key"), *text = json_object_get(o, "data");
    json_t *packed = json_object_get(o, "data_base64");
    if (!text == !packed) return bad(r, i, "expected one of data and data_base64");
    const char *data = json_string_value(text);
    size_t len = json_string_length(text);
    if (packed && !unpack(r, i, packed, (char **)&data, &len)) return false;
    return add(r, g, json_string_value(key), json_string_length(key), data, len);
}

static bool take_json(wri_req *r, putting *g) {
    static const char *const known[] = {"a:records", NULL};
    json_t *o = wri_req_json(r), *rec;
    size_t i;
    if (!o || !wri_json_known(r, o, known)) return false;
    json_t *list = json_object_get(o, "records");
    if (!list) wri_note_error(r, 400, "bad_request", "expected a member 'records', a list");
    json_array_foreach(list, i, rec) {
        if (!take_record(r, g, i, rec)) return false;
    }
    return list != NULL;
}

static bool take_lines(wri_req *r, putting *g) {
    const char *key = wri_query(r, "key"), *p = r->body.data, *end = p + r->body.len;
    size_t n = 1;
    for (const char *nl = p; nl && (nl = memchr(nl, '\n', (size_t)(end - nl))); nl++) n++;
    if (!wri_req_room(r, n * (sizeof(wr_put) + ANSWER_BYTES))) return false;
    while (p && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *to = nl ? nl : end;
        if (!add(r, g, key, key ? strlen(key) : 0, p, (size_t)(to - p))) return false;
        p = to + 1;
    }
    return true;
}

/* Where each record went; of those that failed, why. As text at once: there may be a million of them. */
static wr_status put_places(const putting *g, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "{\"records\":["));
    for (size_t i = 0; i < g->n; i++) {
        const wr_put *p = &g->puts[i];
        char seq[WR_SEQ_TEXT];
        if (i) WR_TRY(wr_buf_puts(out, ","));
        if (p->status != WR_OK) {
            WR_TRY(wr_buf_printf(out, "{\"error\":\"%s\"}", wr_status_text(p->status)));
            continue;
        }
        wr_seq_write(&p->seq, seq);
        WR_TRY(wr_buf_printf(out, "{\"shard\":\"" WR_SHARD_ID "\",\"sequence_number\":\"%s\"}", p->seq.shard,
                             seq));
    }
    return wr_buf_puts(out, "]");
}

static wr_status put_answer(const putting *g, wr_status s, const wr_err *err, wr_buf *out) {
    WR_TRY(put_places(g, out));
    if (s == WR_OK) return wr_buf_puts(out, "}\n");
    json_t *o = json_pack("{s:s,s:s}", "code", s == WR_EDATA ? "damaged" : "io", "message", err->msg);
    wr_status r = o ? wr_buf_puts(out, ",\"error\":") : WR_ENOMEM;
    if (r == WR_OK) r = wri_json_write(o, out);
    json_decref(o);
    return r == WR_OK ? wr_buf_puts(out, "}\n") : r;
}

static void note_puts(wri_req *r, const putting *g, wr_status s, const wr_err *err) {
    r->status = s == WR_OK ? 200 : s == WR_EINVAL ? 400 : 500;
    r->type = "application/json";
    r->out.len = 0;
    if (put_answer(g, s, err, &r->out) != WR_OK) oom(r);
}

static void put_all(wri_req *r, putting *g) {
    wr_stream_info info;
    wr_stream *st;
    wr_err err = {0};
    if (!wri_api_describe(r, r->args[0], &info)) return;
    wr_status s = wr_stream_open(r->srv->streams, r->args[0], &st, &err);
    if (s == WR_OK && g->n) {
        s = wr_stream_put(st, g->puts, (uint32_t)g->n, &err);
        if (s != WR_EINVAL) { /* then none was written */
            note_puts(r, g, s, &err);
            return;
        }
    }
    if (s == WR_OK) note_puts(r, g, s, &err);
    else wri_note_failed(r, s, &err);
}

static void put(wri_req *r) {
    putting g = {.made_up = r->srv->sys->random() >> 20};
    if (r->body_type == WRI_BODY_LINES ? take_lines(r, &g) : take_json(r, &g)) put_all(r, &g);
    wr_free(g.puts);
}

static void have_put(wri_req *r) {
    wri_server *srv = r->srv;
    srv->n_puts++;
    wri_send_noted(r);
    wri_follow_look(srv); /* somebody may follow the stream */
}

void wri_api_records_put(wri_req *r) {
    static const char *const known[] = {"key", NULL}, *const none[] = {NULL}; /* JSON has it in it */
    if (wri_query_known(r, r->body_type == WRI_BODY_LINES ? known : none)) wri_req_work(r, put, have_put);
}
