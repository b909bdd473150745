/* connectors/lambda.c -- rows to a function at a URL, as an application's LambdaOutput gets them (hook.c).
 *
 *   worker   row ─► packed: its length, its bytes
 *   pool     rows ─► requests of RECORDS rows or BYTES; what is not answered Ok goes again
 *
 * The runtime tries again, for retry_for, with back-off, and rows wait meanwhile. What has been acknowledged
 * is remembered as long as the process lives, so that only the rest goes again; after a crash, or when an
 * answer got lost, some rows come twice. */
#include <stdio.h>

#include "conn_int.h"

#define RECORDS 500
#define BYTES   (4 << 20)

typedef struct lambda_opts {
    const char *url, *arn;
    int64_t timeout_us, retry_for_us;
} lambda_opts;

#define AT(member) .offset = offsetof(lambda_opts, member)
static const wr_option options[] = {
    {"url", WR_OPT_STRING, AT(url), .required = true, .place = true,
     .doc = "Where the function answers: http://… or https://…"},
    {"arn", WR_OPT_STRING, AT(arn), .doc = "What the function is called elsewhere; for people only."},
    {"timeout", WR_OPT_DURATION, AT(timeout_us), .def = "1 minute", .min = 1000, .max = INT64_C(3600000000),
     .doc = "How long an answer may take."},
    {"retry_for", WR_OPT_DURATION, AT(retry_for_us), .def = "365 days", .max = INT64_MAX,
     .doc = "How long rows that the function does not take wait, before the job fails."},
};

struct wr_sink {
    lambda_opts o;
    wr_hook *hook;
    bool *taken; /* of the rows under way: acknowledged */
    size_t n_taken;
    uint32_t tries;
};

static void lambda_close(wr_sink *s) {
    if (!s) return;
    wr_hook_free(s->hook);
    wr_free(s->taken);
    wr_free(s);
}

static wr_status lambda_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    wr_sink *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a sink");
    wr_status r =
        wri_options(options, WR_LEN(options), cfg->options, cfg->n_options, &s->o, sizeof s->o, err);
    wr_hook_cfg hc = {.sys = cfg->sys, .url = s->o.url, .timeout_us = s->o.timeout_us, .output = true};
    if (r == WR_OK) r = wr_hook_new(&hc, &s->hook, err);
    if (r == WR_OK) *outp = s;
    else lambda_close(s);
    return r;
}

static wr_status lambda_pack(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends,
                             const char **whys, wr_buf *out, wr_err *err) {
    (void)s;
    for (uint32_t i = 0; i < b->n; i++) {
        size_t from = i ? ends[i - 1] : 0, to = ends[i];
        if (to > from && p[to - 1] == '\n') to--;
        if (to - from > BYTES) {
            whys[i] = "longer than the 4 MiB that a request may have";
            continue;
        }
        uint32_t len = (uint32_t)(to - from);
        if (wr_buf_put(out, &len, sizeof len) != WR_OK || wr_buf_put(out, p + from, len) != WR_OK)
            return wr_fail_oom(err, "records");
    }
    return WR_OK;
}

/* The rows of h; a new hand-over forgets who was acknowledged. */
static wr_status rows_of(wr_sink *s, const wr_handover *h, wr_arena *ar, wr_hook_record **outp, size_t *np,
                         wr_err *err) {
    size_t n = 0, at = 0;
    uint32_t len;
    for (; at + sizeof len <= h->len; n++) {
        memcpy(&len, h->data + at, sizeof len);
        at += sizeof len + len;
    }
    if (at != h->len) return wr_fail(err, WR_EDATA, "rows of an epoch are broken");
    wr_hook_record *rs = wr_arena_calloc(ar, (n + 1) * sizeof *rs);
    bool same = h->again && s->taken && n == s->n_taken;
    bool *taken = same ? s->taken : wr_calloc(n + 1, sizeof *taken);
    if (!rs || !taken) {
        if (!same) wr_free(taken);
        return wr_fail_oom(err, "records");
    }
    if (!same) {
        wr_free(s->taken);
        s->taken = taken;
        s->n_taken = n;
        s->tries = 0;
    }
    at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(&len, h->data + at, sizeof len);
        rs[i] = (wr_hook_record){.data = h->data + at + sizeof len, .len = len, .hint = s->tries};
        at += sizeof len + len;
    }
    s->tries++;
    *outp = rs;
    *np = n;
    return WR_OK;
}

/* Sends the next rows that are not acknowledged, from *ip on. */
static wr_status send_some(wr_sink *s, wr_hook_record *rs, size_t n, size_t *ip, wr_arena *ar, wr_err *err) {
    size_t of[RECORDS], k = 0, bytes = 0, i = *ip;
    wr_hook_record some[RECORDS];
    for (; i < n && k < RECORDS && (k == 0 || bytes + rs[i].len <= BYTES); i++) {
        if (s->taken[i]) continue;
        bytes += rs[i].len;
        of[k] = i;
        some[k++] = rs[i];
    }
    *ip = i;
    if (k == 0) return WR_OK;
    size_t failed = 0;
    wr_status r = wr_hook_call(s->hook, some, k, ar, err);
    for (size_t x = 0; x < k; x++) {
        s->taken[of[x]] = s->taken[of[x]] || some[x].result == WR_HOOK_OK;
        failed += !s->taken[of[x]];
    }
    if (r != WR_OK || failed == 0) return r;
    return wr_fail(err, WR_EIO, "%.200s did not take %zu of %zu rows", s->o.url, failed, k);
}

static wr_status lambda_commit(wr_sink *s, const wr_handover *h, wr_err *err) {
    wr_arena ar = {0};
    wr_hook_record *rs = NULL;
    size_t n = 0;
    wr_status r = rows_of(s, h, &ar, &rs, &n, err), one = r;
    for (size_t i = 0; i < n && (one == WR_OK || one == WR_EIO);) {
        wr_err why = {0};
        size_t before = i;
        one = send_some(s, rs, n, &i, &ar, &why);
        if (one != WR_OK && r == WR_OK) r = wr_fail(err, one, "%s", why.msg);
        if (one == WR_EIO && before == 0)
            break; /* most likely it is not there at all: wait before the rest */
    }
    wr_arena_free(&ar);
    return r;
}

static int64_t lambda_patience(const wr_sink *s) { return s->o.retry_for_us; }

const wr_connector_def wr_connector_lambda = {
    .with = {.name = "lambda",
             .doc = "A function at a URL that takes rows by the record contract of AWS Lambda.",
             .options = options,
             .n_options = WR_LEN(options),
             .sink = true,
             .delivery = "at least once",
             .needs_format = true},
    .open_sink = lambda_open,
    .pack = lambda_pack,
    .commit = lambda_commit,
    .patience_us = lambda_patience,
    .close_sink = lambda_close,
};
