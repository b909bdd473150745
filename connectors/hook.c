/* connectors/hook.c -- functions at a URL, by the record contract of Lambda.
 *
 *   before the code   {invocationId, applicationArn, streamArn,
 *                      records: [{recordId, data, kinesisStreamRecordMetadata}]}
 *      is answered by  {records: [{recordId, result: Ok | Dropped | ProcessingFailed, data}]}
 *   outputs           {invocationId, applicationArn,
 *                      records: [{recordId, data, lambdaDeliveryRecordMetadata}]}
 *      are answered by {records: [{recordId, result: Ok | DeliveryFailed}]}
 *
 * data is base64. What is answered is not trusted: ids must be those that were sent, each once, before the
 * code also all of them; of an output, what has no answer has not been delivered. A request has a time limit
 * and an answer a size. libcurl is loaded at first use: weir starts without it. One thread at a time. */
#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "conn_int.h"
#include "formats/convert.h"

#define ANSWER_MAX (64 << 20)
#define APP_ARN    "arn:aws:kinesisanalytics:local:000000000000:application/weir"

/* clang-format off */
#define CURL_LIST(X)                                                                                         \
    X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_reset) X(easy_cleanup)                \
    X(easy_strerror) X(slist_append) X(slist_free_all)
/* clang-format on */

typedef struct curl_functions {
#define X(f) __typeof__(&curl_##f) f;
    CURL_LIST(X)
#undef X
} curl_functions;

struct wr_hook {
    curl_functions curl;
    wr_hook_cfg cfg;
    CURL *easy;
    char said[CURL_ERROR_SIZE];
    char invocation[40];
    wr_buf answer;
    bool oom, long_answer;
};

static wr_status load_library(curl_functions *into, wr_err *err) {
    static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#define X(f) "curl_" #f,
    static const char *const functions[] = {CURL_LIST(X) NULL};
#undef X
    static const wr_library lib = {
        .user = "a function at a URL", .package = "libcurl4", .files = files, .functions = functions};
    return wr_library_load(&lib, into, err);
}

wr_status wr_hook_new(const wr_hook_cfg *cfg, wr_hook **outp, wr_err *err) {
    *outp = NULL;
    if (strncmp(cfg->url, "http://", 7) != 0 && strncmp(cfg->url, "https://", 8) != 0)
        return wr_fail(err, WR_EINVAL, "'%.100s' is no address of a function: expected http://… or https://…",
                       cfg->url);
    wr_hook *h = wr_calloc(1, sizeof *h);
    if (!h) return wr_fail_oom(err, "a function at a URL");
    h->cfg = *cfg;
    wr_status s = load_library(&h->curl, err);
    if (s == WR_OK && !(h->easy = h->curl.easy_init())) s = wr_fail_oom(err, "a function at a URL");
    if (s == WR_OK) *outp = h;
    else wr_hook_free(h);
    return s;
}

void wr_hook_free(wr_hook *h) {
    if (!h) return;
    if (h->easy) h->curl.easy_cleanup(h->easy);
    wr_buf_free(&h->answer);
    wr_free(h);
}

/* ---- the request ---- */

static json_t *base64(wr_arena *ar, const char *p, size_t n) {
    char *text = wr_arena_alloc(ar, wri_base64_len(n) + 1);
    return text ? json_stringn(text, wri_base64_write(p, n, text)) : NULL;
}

/* A key that is no UTF-8 cannot be told in JSON. */
static json_t *text_of(const wr_str *s) {
    return wr_utf8_valid(wr_str_data(s), s->len) ? json_stringn(wr_str_data(s), s->len) : json_string("");
}

static json_t *metadata(const wr_hook *h, const wr_hook_record *r) {
    if (h->cfg.output) return json_pack("{s:I}", "retryHint", (json_int_t)r->hint);
    json_int_t arrival = (r->about ? r->about->arrival_us : r->arrival_us) / WR_US_PER_SECOND;
    if (!r->about) return json_pack("{s:I}", "approximateArrivalTimestamp", arrival);
    return json_pack("{s:o,s:o,s:o,s:I}", "shardId", text_of(&r->about->shard), "partitionKey",
                     text_of(&r->about->key), "sequenceNumber", text_of(&r->about->sequence_number),
                     "approximateArrivalTimestamp", arrival);
}

static json_t *record(const wr_hook *h, const wr_hook_record *r, size_t i, wr_arena *ar) {
    char id[64];
    snprintf(id, sizeof id, "%s:%zu", h->invocation, i);
    const char *about = h->cfg.output ? "lambdaDeliveryRecordMetadata"
                        : r->about    ? "kinesisStreamRecordMetadata"
                                      : "kinesisFirehoseRecordMetadata";
    return json_pack("{s:s,s:o,s:o}", "recordId", id, "data", base64(ar, r->data, r->len), about,
                     metadata(h, r));
}

static int dump(const char *p, size_t n, void *buf) { return wr_buf_write(buf, p, n); }

static wr_status request(wr_hook *h, const wr_hook_record *rs, size_t n, wr_arena *ar, wr_buf *out) {
    snprintf(h->invocation, sizeof h->invocation, "%016" PRIx64 "%016" PRIx64, h->cfg.sys->random(),
             h->cfg.sys->random());
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = json_array_append_new(list, record(h, &rs[i], i, ar)) == 0;
    json_t *all =
        json_pack("{s:s,s:s,s:o}", "invocationId", h->invocation, "applicationArn", APP_ARN, "records", list);
    if (ok && all && !h->cfg.output) {
        char arn[256];
        snprintf(arn, sizeof arn, "arn:aws:kinesis:local:000000000000:stream/%.128s", h->cfg.stream);
        ok = json_object_set_new(all, "streamArn", json_string(arn)) == 0;
    }
    ok = ok && all && json_dump_callback(all, dump, out, JSON_COMPACT) == 0;
    json_decref(all);
    return ok ? WR_OK : WR_ENOMEM;
}

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx) {
    wr_hook *h = ctx;
    if (h->answer.len + size * n > ANSWER_MAX) h->long_answer = true;
    else if (wr_buf_put(&h->answer, p, size * n) != WR_OK) h->oom = true;
    else return size * n;
    return 0;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const wr_hook *h = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return h->cfg.stop && h->cfg.stop(h->cfg.ctx);
}

static void set_up(wr_hook *h, const wr_buf *body, struct curl_slist *headers) {
    CURL *e = h->easy;
    h->curl.easy_reset(e); /* keeps the connection */
    h->curl.easy_setopt(e, CURLOPT_URL, h->cfg.url);
    h->curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    h->curl.easy_setopt(e, CURLOPT_PROXY, "");
    h->curl.easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    h->curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    h->curl.easy_setopt(e, CURLOPT_USERAGENT, "weir/" WR_VERSION);
    h->curl.easy_setopt(e, CURLOPT_ERRORBUFFER, h->said);
    h->curl.easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(h->cfg.timeout_us / 1000));
    h->curl.easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    h->curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    h->curl.easy_setopt(e, CURLOPT_WRITEDATA, h);
    h->curl.easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    h->curl.easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    h->curl.easy_setopt(e, CURLOPT_XFERINFODATA, h);
    h->curl.easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    h->curl.easy_setopt(e, CURLOPT_POSTFIELDS, body->data);
}

/* The answer in h->answer. */
static wr_status post(wr_hook *h, const wr_buf *body, wr_err *err) {
    struct curl_slist *headers = h->curl.slist_append(NULL, "Content-Type: application/json"), *l = headers;
    if (l) l = h->curl.slist_append(l, "Expect:"); /* it would cost a round trip */
    h->answer.len = 0;
    h->oom = h->long_answer = false;
    h->said[0] = 0;
    if (!l) {
        h->curl.slist_free_all(headers);
        return wr_fail_oom(err, "a request");
    }
    set_up(h, body, headers);
    long code = 0;
    CURLcode rc = h->curl.easy_perform(h->easy);
    h->curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &code);
    h->curl.slist_free_all(headers);
    if (h->oom) return wr_fail_oom(err, "an answer");
    if (h->long_answer)
        return wr_fail(err, WR_EIO, "%.200s answers more than %d MiB", h->cfg.url, ANSWER_MAX >> 20);
    if (rc == CURLE_ABORTED_BY_CALLBACK) return wr_fail(err, WR_ECANCELED, "interrupted");
    if (rc != CURLE_OK)
        return wr_fail(err, WR_EIO, "%.200s: %.200s", h->cfg.url,
                       h->said[0] ? h->said : h->curl.easy_strerror(rc));
    if (code < 200 || code > 299)
        return wr_fail(err, WR_EIO, "%.200s answers with status %ld", h->cfg.url, code);
    return WR_OK;
}

/* ---- the answer ---- */

static wr_status lie(const wr_hook *h, wr_err *err, const char *what, const char *shown) {
    char text[176] = "";
    if (shown) wri_excerpt(shown, strlen(shown), text, sizeof text);
    return wr_fail(err, WR_EIO, "%.200s answers %s%s%s", h->cfg.url, what, shown ? " " : "", text);
}

static bool number_of(const wr_hook *h, const char *id, size_t n, size_t *ip) {
    size_t len = strlen(h->invocation);
    int64_t i;
    if (!id || strncmp(id, h->invocation, len) != 0 || id[len] != ':') return false;
    if (!wr_read_i64(id + len + 1, strlen(id + len + 1), &i) || i < 0 || (uint64_t)i >= n) return false;
    *ip = (size_t)i;
    return true;
}

static wr_status take_data(const wr_hook *h, const json_t *v, wr_hook_record *r, wr_arena *ar, wr_err *err) {
    const char *text = json_string_value(v);
    if (!text) return lie(h, err, "a record that is Ok, without its data", NULL);
    size_t n = json_string_length(v);
    r->out = wr_arena_alloc(ar, n / 4 * 3 + 3);
    if (!r->out) return wr_fail_oom(err, "an answer");
    return wri_base64_read(text, n, r->out, &r->out_len) ? WR_OK
                                                         : lie(h, err, "data that is no base64:", text);
}

static wr_status take_record(const wr_hook *h, const json_t *v, wr_hook_record *rs, size_t n, wr_arena *ar,
                             wr_err *err) {
    const char *id = json_string_value(json_object_get(v, "recordId"));
    const char *result = json_string_value(json_object_get(v, "result"));
    size_t i;
    if (!number_of(h, id, n, &i)) return lie(h, err, "a recordId that was not asked:", id ? id : "none");
    if (rs[i].result != WR_HOOK_NONE) return lie(h, err, "a recordId twice:", id);
    if (!result) return lie(h, err, "a record without a result", NULL);
    if (strcmp(result, "Ok") == 0) rs[i].result = WR_HOOK_OK;
    else if (!h->cfg.output && strcmp(result, "Dropped") == 0) rs[i].result = WR_HOOK_DROPPED;
    else if (strcmp(result, h->cfg.output ? "DeliveryFailed" : "ProcessingFailed") == 0)
        rs[i].result = WR_HOOK_FAILED;
    else return lie(h, err, "a result that there is not:", result);
    bool wanted = !h->cfg.output && rs[i].result == WR_HOOK_OK;
    return wanted ? take_data(h, json_object_get(v, "data"), &rs[i], ar, err) : WR_OK;
}

static wr_status take_answer(const wr_hook *h, wr_hook_record *rs, size_t n, wr_arena *ar, wr_err *err) {
    json_t *all = json_loadb(h->answer.data ? h->answer.data : "", h->answer.len, 0, NULL), *v;
    json_t *list = json_object_get(all, "records");
    const char *said = json_string_value(json_object_get(all, "errorMessage"));
    wr_status s = WR_OK;
    size_t i, answered = 0;
    if (!json_is_array(list))
        s = lie(h, err, all ? said ? "an error:" : "no records" : "what is no JSON", said);
    json_array_foreach(list, i, v) {
        if (s == WR_OK) s = take_record(h, v, rs, n, ar, err);
        answered++;
    }
    if (s == WR_OK && !h->cfg.output && answered < n)
        s = wr_fail(err, WR_EIO, "%.200s answers %zu of %zu records", h->cfg.url, answered, n);
    json_decref(all);
    return s;
}

wr_status wr_hook_call(wr_hook *h, wr_hook_record *rs, size_t n, wr_arena *ar, wr_err *err) {
    wr_buf body = {0};
    for (size_t i = 0; i < n; i++) rs[i].result = WR_HOOK_NONE;
    wr_status s = request(h, rs, n, ar, &body);
    if (s != WR_OK) s = wr_fail_oom(err, "a request");
    else s = post(h, &body, err);
    wr_buf_free(&body);
    return s == WR_OK ? take_answer(h, rs, n, ar, err) : s;
}
