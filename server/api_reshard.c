/* server/api_reshard.c -- streams changed while they are written and read: shards split, merged and dealt out
 * anew, the time for which records are kept. All in the pool. */
#include "server_int.h"

typedef struct asked {
    wr_stream *st;
    uint32_t n_open; /* its open shards */
    const json_t *body;
} asked;

static wr_status shard(const json_t *v, const char *where, uint32_t *outp, wr_err *err) {
    const char *text = json_string_value(v);
    if (text && wr_shard_id_read(text, strlen(text), outp)) return WR_OK;
    return wr_fail(err, WR_EINVAL, "%s: expected a shard, as \"3\" or \"shardId-000000000003\"", where);
}

static wr_status split(const asked *a, wr_err *err) {
    const char *hash = json_string_value(json_object_get(a->body, "hash"));
    uint32_t which;
    wr_u128 at = 0; /* in the middle */
    WR_TRY(shard(json_object_get(a->body, "shard"), "shard", &which, err));
    if (hash && (!wr_u128_read(hash, strlen(hash), &at) || at == 0))
        return wr_fail(err, WR_EINVAL, "hash: expected a hash key, \"1\" to 2^128 - 1");
    return wr_stream_split(a->st, which, at, err);
}

static wr_status merge(const asked *a, wr_err *err) {
    const json_t *two = json_object_get(a->body, "shards");
    uint32_t x, y;
    if (json_array_size(two) != 2)
        return wr_fail(err, WR_EINVAL, "shards: expected the two that shall become one");
    WR_TRY(shard(json_array_get(two, 0), "shards", &x, err));
    WR_TRY(shard(json_array_get(two, 1), "shards", &y, err));
    return wr_stream_merge(a->st, x, y, err);
}

static wr_status reshard(const asked *a, wr_err *err) {
    json_int_t n = json_integer_value(json_object_get(a->body, "shards")), open = a->n_open;
    if (n < 1 || n > WR_SHARDS_MAX)
        return wr_fail(err, WR_EINVAL, "shards: expected how many there shall be, 1 to %d", WR_SHARDS_MAX);
    if (n > 2 * open || 2 * n < open)
        return wr_fail(
            err, WR_ELIMIT,
            "%d shards: there are %d now, and one step leads to half or twice as many at most; take several",
            (int)n, (int)open);
    return wr_stream_reshard(a->st, (uint32_t)n, err);
}

static wr_status retention(const asked *a, wr_err *err) {
    const char *text = json_string_value(json_object_get(a->body, "retention"));
    int64_t us;
    if (!text) return wr_fail(err, WR_EINVAL, "retention: expected 1h to 365d");
    WR_TRY(wr_parse_duration(text, &us, err));
    WR_TRY(wr_stream_set_retention(a->st, us, err));
    return wr_stream_tend(a->st, err);
}

/* The answer is the stream as it has become. */
static void change(wri_req *r, const char *const *known, wr_status (*f)(const asked *a, wr_err *err)) {
    wr_stream_info info;
    asked a = {.body = wri_req_json(r)};
    wr_err err = {0};
    if (!a.body || !wri_json_known(r, a.body, known) || !wri_api_describe(r, r->args[0], &info)) return;
    a.n_open = wri_api_open_shards(&info);
    wr_status s = wr_stream_open(r->srv->streams, r->args[0], &a.st, &err);
    if (s == WR_OK) s = f(&a, &err);
    if (s == WR_OK) wri_api_note_stream(r);
    else wri_note_failed(r, s, &err);
}

static void do_split(wri_req *r) { change(r, (const char *const[]){"s:shard", "s:hash", NULL}, split); }
static void do_merge(wri_req *r) { change(r, (const char *const[]){"a:shards", NULL}, merge); }
static void do_reshard(wri_req *r) { change(r, (const char *const[]){"i:shards", NULL}, reshard); }
static void do_retention(wri_req *r) { change(r, (const char *const[]){"s:retention", NULL}, retention); }

void wri_api_stream_split(wri_req *r) { wri_api_work(r, do_split); }
void wri_api_stream_merge(wri_req *r) { wri_api_work(r, do_merge); }
void wri_api_stream_reshard(wri_req *r) { wri_api_work(r, do_reshard); }
void wri_api_stream_retention(wri_req *r) { wri_api_work(r, do_retention); }
