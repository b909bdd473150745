/* cli/put_remote.c -- records of weir put to a server: a request at a time, each of a bounded size.
 *
 * A request is answered once the disk has its records. One that fails is not sent again: whether the server
 * has taken it is not known, and records shall not be there twice. */
#include <nettle/base64.h>

#include "remote.h"

#define RECORDS_MOST 500
#define BYTES_MOST   (1 << 20) /* of data and keys, unless one record is larger */

bool wri_one_place(const char *command, const char *data, const char *server) {
    if (data && server) wri_say("%s: expected --data DIR or --server URL, found both", command);
    return !data || !server;
}

static json_t *base64(const char *p, size_t n) {
    char *text = wr_alloc(BASE64_ENCODE_RAW_LENGTH(n) + 1);
    if (!text) return NULL;
    base64_encode_raw(text, n, (const uint8_t *)p);
    json_t *v = json_stringn(text, BASE64_ENCODE_RAW_LENGTH(n));
    wr_free(text);
    return v;
}

static json_t *record_of(const wr_put *p) {
    bool text = wr_utf8_valid(p->data, p->len);
    json_t *data = text ? json_stringn(p->data, p->len) : base64(p->data, p->len);
    if (!p->key) return json_pack("{s:o}", text ? "data" : "data_base64", data);
    return json_pack("{s:s#, s:o}", "key", p->key, (int)p->key_len, text ? "data" : "data_base64", data);
}

/* The first of n that go into one request. NULL: no memory; *takenp counts them. */
static json_t *request_of(const wr_put *puts, uint32_t n, uint32_t *takenp) {
    json_t *list = json_array();
    size_t bytes = 0;
    uint32_t i = 0;
    for (; i < n && i < RECORDS_MOST; i++) {
        bytes += puts[i].len + puts[i].key_len;
        if (i > 0 && bytes > BYTES_MOST) break;
        if (json_array_append_new(list, record_of(&puts[i])) == 0) continue;
        json_decref(list);
        return NULL;
    }
    *takenp = i;
    return json_pack("{s:o}", "records", list);
}

static wr_status check_keys(const wr_put *puts, uint32_t n, uint64_t line, wr_err *err) {
    for (uint32_t i = 0; i < n; i++)
        if (puts[i].key && !wr_utf8_valid(puts[i].key, puts[i].key_len))
            return wr_fail(err, WR_EINVAL, "line %llu: its key is not UTF-8",
                           (unsigned long long)(line + i + 1));
    return WR_OK;
}

wr_status wri_put_remote(wri_client *c, const char *stream, const wr_put *puts, uint32_t n, uint64_t *donep,
                         wr_err *err) {
    WR_TRY(check_keys(puts, n, *donep, err));
    for (uint32_t at = 0, taken; at < n; at += taken) {
        c->sent = request_of(puts + at, n - at, &taken);
        if (!c->sent) return wr_fail_oom(err, "records");
        wr_arena_reset(&c->ar);
        if (wri_try(c, "POST", "/v1/streams/%s/records", wri_escaped(c, stream)) != EXIT_DONE) return WR_EIO;
        *donep += taken;
    }
    return WR_OK;
}

int wri_put_failed(const wri_client *c) { return c->code ? wri_refused(c) : EXIT_FAILED; }
