/* runtime/hook.c -- records that go through a function at a URL before they are decoded (option lambda).
 *
 *   chunk ─► records ─► requests of RECORDS records or BYTES ─► what became of them, as a chunk ─► decoder
 *
 * It is the worker that waits, as for the decoder; others go on. A request that fails, or whose answer cannot
 * be right, is tried again after 0.1 s, 0.2 s, … up to 5 s, and told as trouble; after lambda_retry_for its
 * records are error rows with their bytes, and the job goes on, so that no function can hold it for ever.
 * Records that it says it could not process are error rows, too; those that it drops are gone, as it wants
 * them to be.
 *
 * A hook belongs to one worker. */
#include <stdio.h>

#include "job_int.h"
#include "ops/ops.h"

#define RECORDS       500
#define BYTES         (4 << 20)
#define FIRST_WAIT_US 100000
#define LONGEST_US    5000000

struct wri_hook {
    wr_op *op;
    wr_hook *fn;
    int64_t retry_for_us;
    wr_between between;
    wr_arena ar; /* of the chunk under way */
    wr_hook_record *records;
    size_t *at; /* where each is in the chunk */
    size_t n, cap, cap_at;
    wr_bytes *bytes;
};

static bool ends_soon(void *ctx) { return wri_ends_soon(ctx); }

wr_status wri_hook_open(wr_op *op, wri_hook **outp, wr_err *err) {
    wr_job *j = op->task->job;
    const wr_plan_stream *st = op->node->source.stream;
    const wr_format_def *fmt = j->sources[op->node->id].fmt;
    *outp = NULL;
    if (!st->lambda || !fmt) return WR_OK;
    wri_hook *h = wr_calloc(1, sizeof *h);
    if (!h) return wr_fail_oom(err, "a function at a URL");
    h->op = op;
    h->retry_for_us = st->lambda_retry_for_us;
    h->between = fmt->between;
    wr_hook_cfg cfg = {.sys = j->sys,
                       .url = st->lambda,
                       .stream = st->name,
                       .timeout_us = st->lambda_timeout_us,
                       .stop = ends_soon,
                       .ctx = j};
    wr_status r = wr_hook_new(&cfg, &h->fn, err);
    if (r != WR_OK) {
        wri_hook_close(h);
        return wr_fail_in(err, r, "stream %s", st->name);
    }
    *outp = h;
    return WR_OK;
}

void wri_hook_done(wri_hook *h) {
    wr_arena_reset(&h->ar);
    h->n = 0;
    if (h->bytes) wr_drop(&h->bytes->ref);
    h->bytes = NULL;
}

void wri_hook_close(wri_hook *h) {
    if (!h) return;
    wri_hook_done(h);
    wr_hook_free(h->fn);
    wr_free(h->records);
    wr_free(h->at);
    wr_arena_free(&h->ar);
    wr_free(h);
}

/* ---- records of a chunk ---- */

static wr_status add(wri_hook *h, const wr_chunk *c, size_t from, size_t to, const wr_record_about *about,
                     wr_err *err) {
    if (wr_grow(&h->records, &h->cap, h->n + 1, sizeof *h->records) != WR_OK ||
        wr_grow(&h->at, &h->cap_at, h->n + 1, sizeof *h->at) != WR_OK)
        return wr_fail_oom(err, "records");
    h->at[h->n] = from;
    while (to > from && h->between != WR_BETWEEN_NOTHING &&
           (c->data[to - 1] == '\n' || c->data[to - 1] == '\r'))
        to--;
    h->records[h->n++] = (wr_hook_record){.data = c->data + from,
                                          .len = to - from,
                                          .about = about,
                                          .arrival_us = h->op->task->job->sys->wall_us()};
    return WR_OK;
}

/* Those that the connector tells of, else lines. */
static wr_status split(wri_hook *h, const wr_chunk *c, wr_err *err) {
    size_t from = 0;
    for (uint32_t i = 0; i < c->n_records; i++) {
        WR_TRY(add(h, c, from, c->records[i].end, &c->records[i], err));
        from = c->records[i].end;
    }
    while (c->n_records == 0 && from < c->len) {
        const char *nl =
            h->between == WR_BETWEEN_NOTHING ? NULL : memchr(c->data + from, '\n', c->len - from);
        size_t to = nl ? (size_t)(nl + 1 - c->data) : c->len;
        WR_TRY(add(h, c, from, to, NULL, err));
        from = to;
    }
    return WR_OK;
}

/* ---- asking ---- */

static void bad(const wri_hook *h, const wr_chunk *c, size_t i, const char *why) {
    wr_bad_record r = {.why = why,
                       .data = h->records[i].data,
                       .len = h->records[i].len,
                       .split = c->split,
                       .pos = c->pos + (int64_t)h->at[i]};
    wri_bad_record(h->op, &r);
}

static wr_status ask(wri_hook *h, const wr_chunk *c, size_t from, size_t n, wr_err *err) {
    wr_job *j = h->op->task->job;
    int64_t until = j->sys->mono_us() + h->retry_for_us, wait = 0;
    wr_err why = {0};
    wr_status r;
    while ((r = wr_hook_call(h->fn, h->records + from, n, &h->ar, &why)) == WR_EIO) {
        char text[sizeof why.msg];
        snprintf(text, sizeof text, "stream %s: %.400s", h->op->node->source.stream->name, why.msg);
        if (wait == 0) wri_trouble_begins(j, WR_TROUBLE_TARGET, false, text);
        wait = wait == 0 ? FIRST_WAIT_US : wait * 2 < LONGEST_US ? wait * 2 : LONGEST_US;
        if (j->sys->mono_us() + wait > until) break;
        if (!wri_wait_us(j, wait - (int64_t)(j->sys->random() % (uint64_t)(wait / 2)))) {
            r = WR_ECANCELED;
            break;
        }
    }
    if (wait > 0) wri_trouble_ends(j, WR_TROUBLE_TARGET);
    if (r == WR_ECANCELED) return wr_fail(err, r, "stopped");
    if (r != WR_OK && r != WR_EIO) return wr_fail(err, r, "%s", why.msg);
    for (size_t i = from; i < from + n; i++) {
        if (r == WR_EIO) {
            h->records[i].result = WR_HOOK_FAILED;
            bad(h, c, i, why.msg);
        } else if (h->records[i].result == WR_HOOK_FAILED)
            bad(h, c, i, "the function answered ProcessingFailed");
    }
    return WR_OK;
}

static wr_status ask_all(wri_hook *h, const wr_chunk *c, wr_err *err) {
    for (size_t from = 0, n, bytes; from < h->n; from += n) {
        for (n = bytes = 0; from + n < h->n && n < RECORDS; n++) {
            bytes += h->records[from + n].len;
            if (n > 0 && bytes > BYTES) break;
        }
        WR_TRY(ask(h, c, from, n, err));
    }
    return WR_OK;
}

/* ---- the answer as a chunk ---- */

/* As a source gives records: a line each, line ends within are blanks where they mean no more. */
static char *put_record(const wri_hook *h, const wr_hook_record *r, char *to) {
    memcpy(to, r->out, r->out_len);
    char *end = to + r->out_len;
    if (h->between == WR_BETWEEN_NOTHING) return end;
    if (h->between == WR_BETWEEN_BLANKS)
        for (char *nl = to; (nl = memchr(nl, '\n', (size_t)(end - nl)));) *nl = ' ';
    if (r->out_len == 0 || end[-1] != '\n') *end++ = '\n';
    return end;
}

wr_status wri_hook_chunk(wri_hook *h, const wr_chunk *c, wr_chunk *out, const size_t **atp, wr_err *err) {
    *out = *c;
    WR_TRY(split(h, c, err));
    WR_TRY(ask_all(h, c, err));
    size_t bytes = 0, kept = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->records[i].result == WR_HOOK_OK) bytes += h->records[i].out_len + 1;
    wr_record_about *about = wr_arena_calloc(&h->ar, (h->n + 1) * sizeof *about);
    h->bytes = wr_bytes_new(bytes);
    if (!about || !h->bytes) return wr_fail_oom(err, "records");
    char *to = h->bytes->data;
    for (size_t i = 0; i < h->n; i++) {
        const wr_hook_record *r = &h->records[i];
        if (r->result != WR_HOOK_OK) continue;
        to = put_record(h, r, to);
        if (r->about) about[kept] = *r->about;
        about[kept].end = (size_t)(to - h->bytes->data);
        h->at[kept++] = h->at[i];
    }
    memset(to, 0, WR_PAD);
    out->data = h->bytes->data;
    out->len = (size_t)(to - h->bytes->data);
    out->hold = &h->bytes->ref;
    out->records = about;
    out->n_records = (uint32_t)kept;
    *atp = h->at;
    return WR_OK;
}
