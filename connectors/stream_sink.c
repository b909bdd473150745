/* connectors/stream_sink.c -- rows to a stream of the data directory, a record each.
 *
 *   at once      batch ─► copied, keys made ─► wr_stream_send ─► … the log's threads … ─► answered
 *   with epochs  batch ─► keys made, packed ─► kept by the runtime ─► commit: stream_once.c
 *
 * At once, the worker does not wait for the disk unless AHEAD batches are under way; flush waits for all. A
 * batch that fails is told by the next call. The partition key is the values of the partition_by columns as
 * text, joined by '|'; without such columns a row's number, which spreads rows over the shards. */
#include "stream_int.h"

#include <pthread.h>
#include <stdio.h>

#define AHEAD   16
#define TEND_US (60 * WR_US_PER_SECOND)
#define KEY_MAX 256 /* bytes; longer keys are told by their digest */

typedef struct sending { /* one batch under way */
    struct wr_sink *sink;
    wr_buf data, keys;
    wr_put *puts;
    size_t cap;
} sending;

struct wr_sink {
    wr_stream *st;
    wri_once once; /* for rows that go with their epoch */
    int64_t record_max;
    char why_long[96];
    wr_between between;
    const wr_schema *schema;
    uint32_t *by; /* columns of the key */
    size_t n_by, by_cap;
    uint64_t rows;
    const wr_sys *sys;
    int64_t tend_at_us; /* when the stream is tended next */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint32_t ahead;   /* batches under way */
    wr_status failed; /* of the first batch that failed */
    wr_err why;
};

/* ---- opening ---- */

static wr_status find_columns(wr_sink *s, const char *list, wr_err *err) {
    while (list && *list) {
        char name[256];
        size_t n = strcspn(list, ","), from = strspn(list, " ");
        size_t len = n > from ? n - from : 0;
        while (len && list[from + len - 1] == ' ') len--;
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), list + from);
        uint32_t c = 0;
        while (c < s->schema->n && strcmp(s->schema->fields[c].name, name) != 0) c++;
        if (c == s->schema->n) {
            const char *near = wr_nearest(name, &s->schema->fields[0].name, c, sizeof *s->schema->fields);
            return wr_fail(err, WR_EINVAL, "option 'partition_by': there is no column '%s'%s%s%s", name,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (wr_grow(&s->by, &s->by_cap, s->n_by + 1, sizeof *s->by) != WR_OK)
            return wr_fail_oom(err, "a sink");
        s->by[s->n_by++] = c;
        list += n + (list[n] == ',');
    }
    return WR_OK;
}

/* The stream, made where there is none. */
static wr_status open_stream(const wr_sink_cfg *cfg, const stream_opts *o, wr_stream **outp, wr_err *err) {
    const char *name = o->stream ? o->stream : cfg->stream;
    wr_arena ar = {0};
    wr_stream_info info;
    WR_TRY(wr_streams_lock(cfg->streams, err));
    wr_status s = wr_stream_describe(cfg->streams, name, &ar, &info, err);
    wr_arena_free(&ar);
    wr_stream_cfg c = {.n_shards = (uint32_t)o->shards};
    if (s == WR_EINVAL) s = wr_stream_create(cfg->streams, name, &c, err); /* or only its folder is there */
    if (s == WR_EINVAL && wr_stream_open(cfg->streams, name, outp, NULL) == WR_OK)
        return WR_OK; /* another made it meanwhile */
    return s == WR_OK ? wr_stream_open(cfg->streams, name, outp, err) : s;
}

static wr_status find_record_max(wr_sink *s, const wr_sink_cfg *cfg, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_status rc = wr_stream_describe(cfg->streams, s->once.stream, &ar, &info, err);
    if (rc == WR_OK) s->record_max = info.record_max;
    wr_arena_free(&ar);
    snprintf(s->why_long, sizeof s->why_long,
             "longer than the %lld bytes that a record of the stream may have", (long long)s->record_max);
    return rc;
}

wr_status wri_stream_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    stream_opts o;
    *outp = NULL;
    WR_TRY(wri_stream_connector_options(cfg->options, cfg->n_options, &o, err));
    WR_TRY(wri_no_header(cfg->format, cfg->options, cfg->n_options, err));
    WR_TRY(wri_need_streams(cfg->streams, err));
    wr_sink *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a sink");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
    s->sys = cfg->sys;
    s->tend_at_us = s->sys->mono_us() + TEND_US;
    s->schema = cfg->schema;
    s->between = cfg->format->between;
    wr_status rc = find_columns(s, o.partition_by, err);
    if (rc == WR_OK) rc = open_stream(cfg, &o, &s->st, err);
    if (rc == WR_OK) rc = wri_once_open(&s->once, cfg, o.stream ? o.stream : cfg->stream, s->st, err);
    if (rc == WR_OK) rc = find_record_max(s, cfg, err);
    if (rc == WR_OK) *outp = s;
    else wri_stream_sink_close(s);
    return rc;
}

/* ---- keys ---- */

static wr_status put_value(wr_buf *out, const wr_field *f, const wr_col *c, uint32_t i) {
    char text[WR_TEXT_MAX];
    size_t n;
    if (wr_is_null(c, i)) return WR_OK;
    if (c->phys == WR_STR) return wr_buf_put(out, wr_str_data(&c->str[i]), c->str[i].len);
    if (c->phys == WR_F64) n = wr_write_f64(c->f64[i], text);
    else if (f->type.kind == WR_T_TIMESTAMP) n = wr_write_timestamp(c->i64[i], f->type.prec, true, text);
    else if (f->type.kind == WR_T_DECIMAL) n = wr_write_decimal(c->i64[i], f->type.scale, text);
    else n = wr_write_i64(c->i64[i], text);
    return wr_buf_put(out, text, n);
}

/* Appends the key of row i. */
static wr_status put_key(wr_sink *s, const wr_batch *b, uint32_t i, wr_buf *out) {
    size_t from = out->len;
    char text[WR_SEQ_TEXT];
    for (size_t k = 0; k < s->n_by; k++) {
        if (k) WR_TRY(wr_buf_puts(out, "|"));
        WR_TRY(put_value(out, &s->schema->fields[s->by[k]], &b->cols[s->by[k]], i));
    }
    s->rows++;
    if (s->n_by == 0) return wr_buf_put(out, text, wr_write_i64((int64_t)s->rows, text));
    if (out->len == from) return wr_buf_puts(out, "-"); /* NULL or empty: a key has at least a character */
    if (out->len - from <= KEY_MAX && wr_utf8_valid(out->data + from, out->len - from)) return WR_OK;
    size_t n = wr_u128_write(wr_hash_key(out->data + from, out->len - from), text);
    out->len = from;
    return wr_buf_put(out, text, n);
}

/* ---- writing ---- */

static void free_sending(sending *g) {
    wr_buf_free(&g->data);
    wr_buf_free(&g->keys);
    wr_free(g->puts);
    wr_free(g);
}

static void answered(void *ctx, wr_status rc, const wr_err *why) {
    sending *g = ctx;
    wr_sink *s = g->sink;
    free_sending(g);
    pthread_mutex_lock(&s->lock);
    if (rc != WR_OK && s->failed == WR_OK) {
        s->failed = rc;
        s->why = *why;
    }
    s->ahead--;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

/* Until at most `ahead` batches are under way; what has failed is told. */
static wr_status wait_for(wr_sink *s, uint32_t ahead, wr_err *err) {
    pthread_mutex_lock(&s->lock);
    while (s->ahead > ahead) pthread_cond_wait(&s->moved, &s->lock);
    wr_status rc = s->failed == WR_OK ? WR_OK : wr_fail(err, s->failed, "%s", s->why.msg);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static wr_status copy_rows(sending *g, const wr_batch *b, const char *p, const size_t *ends) {
    wr_sink *s = g->sink;
    WR_TRY(wr_buf_put(&g->data, p, ends[b->n - 1]));
    if (!(g->puts = wr_calloc(b->n, sizeof *g->puts))) return WR_ENOMEM;
    for (uint32_t i = 0; i < b->n; i++) {
        size_t from = i ? ends[i - 1] : 0, to = ends[i], key = g->keys.len;
        if (s->between != WR_BETWEEN_NOTHING && to > from && p[to - 1] == '\n') to--;
        WR_TRY(put_key(s, b, i, &g->keys));
        g->puts[i] = (wr_put){.data = g->data.data + from,
                              .len = (uint32_t)(to - from),
                              .key_len = (uint32_t)(g->keys.len - key)};
    }
    const char *key = g->keys.data; /* it no longer moves */
    for (uint32_t i = 0; i < b->n; key += g->puts[i++].key_len) g->puts[i].key = key;
    return WR_OK;
}

/* Expired segments go, hot shards are split. That it failed is no failure of the rows; the next minute tries
 * again. */
static void tend(wr_sink *s) {
    if (s->sys->mono_us() < s->tend_at_us) return;
    s->tend_at_us = s->sys->mono_us() + TEND_US;
    wr_status unheard = wr_stream_tend(s->st, NULL);
    (void)unheard;
}

wr_status wri_stream_sink_pack(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends,
                               const char **whys, wr_buf *out, wr_err *err) {
    for (uint32_t i = 0; i < b->n; i++) {
        size_t from = i ? ends[i - 1] : 0, to = ends[i], head = out->len;
        if (s->between != WR_BETWEEN_NOTHING && to > from && p[to - 1] == '\n') to--;
        if ((int64_t)(to - from) > s->record_max) {
            whys[i] = s->why_long;
            continue;
        }
        uint32_t lens[2] = {0, (uint32_t)(to - from)};
        bool ok = wr_buf_put(out, lens, sizeof lens) == WR_OK && put_key(s, b, i, out) == WR_OK;
        lens[0] = (uint32_t)(out->len - head - sizeof lens);
        if (!ok || wr_buf_put(out, p + from, to - from) != WR_OK) return wr_fail_oom(err, "records");
        memcpy(out->data + head, lens, sizeof lens);
    }
    return WR_OK;
}

wr_status wri_stream_sink_commit(wr_sink *s, const wr_handover *h, wr_err *err) {
    tend(s);
    return wri_once_commit(&s->once, h, err);
}

wr_status wri_stream_sink_mark(wr_sink *s, wr_buf *out, wr_err *err) {
    return wri_once_mark(&s->once, out, err);
}

wr_status wri_stream_sink_put(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, wr_err *err) {
    if (b->n == 0) return WR_OK;
    tend(s);
    WR_TRY(wait_for(s, AHEAD - 1, err));
    sending *g = wr_calloc(1, sizeof *g);
    if (!g) return wr_fail_oom(err, "records");
    g->sink = s;
    wr_status rc = copy_rows(g, b, p, ends) == WR_OK ? WR_OK : wr_fail_oom(err, "records");
    pthread_mutex_lock(&s->lock);
    s->ahead++;
    pthread_mutex_unlock(&s->lock);
    if (rc == WR_OK) rc = wr_stream_send(s->st, g->puts, b->n, answered, g, err);
    if (rc == WR_OK) return WR_OK;
    free_sending(g);
    pthread_mutex_lock(&s->lock);
    s->ahead--;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

wr_status wri_stream_sink_flush(wr_sink *s, wr_err *err) { return wait_for(s, 0, err); }

void wri_stream_sink_close(wr_sink *s) {
    if (!s) return;
    wr_status unheard = wait_for(s, 0, NULL);
    (void)unheard;
    wri_once_close(&s->once);
    wr_free(s->by);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
    wr_free(s);
}
