/* connectors/stream_once.c -- an epoch's records into a stream, each once.
 *
 *   commit        record i of epoch e is put with the mark (writer, e, i), CALL_ROWS at a time, in order
 *   commit again  what the log has of the writer behind `at` is left out, the rest is put
 *
 * `at`, where each shard ended before the epoch, is in the snapshot, so that only what has come since is
 * looked through. The writer's number comes from the job's and the stream's name: two streams of a job may
 * write to the same one of the data directory.
 *
 * Where the stream is another one by now (it was deleted, and made again), places in the old one say nothing,
 * and it is looked through from its beginning.
 *
 * Records of a later epoch than that of the snapshot mean that an older snapshot was fallen back to: what the
 * later ones delivered cannot be taken back, and going on would deliver it twice, so that is refused, also
 * where the epoch itself has no records. Of a savepoint they mean that all of its epoch is there. */
#include <inttypes.h>

#include "stream_int.h"

#define CALL_ROWS  4096
#define CALL_BYTES (4 << 20)

/* Places of shards that the stream has; made: 0 in snapshots of a weir that did not note it. */
static void check_places(wri_once *o, const wr_shard_at *now, uint32_t n_now) {
    size_t kept = 0;
    o->made = now[0].made;
    for (size_t i = 0; i < o->n_at; i++) {
        wr_shard_at at = o->at[i];
        uint32_t k = 0;
        while (k < n_now && now[k].shard != at.shard) k++;
        if (k == n_now) continue; /* it has expired, or never was */
        if (at.number > now[k].number || (at.made && at.made != o->made)) at.number = 0;
        at.made = o->made;
        o->at[kept++] = at;
    }
    o->n_at = kept;
}

wr_status wri_once_open(wri_once *o, const wr_sink_cfg *cfg, const char *stream, wr_stream *st, wr_err *err) {
    wr_arena ar = {0};
    wr_shard_at *at;
    uint32_t n = 0;
    o->db = cfg->streams;
    o->st = st;
    if (!(o->stream = wr_strdup(stream))) return wr_fail_oom(err, "a sink");
    if (cfg->job == 0) return WR_OK;
    o->writer = cfg->job ^ (uint64_t)wr_hash_key(cfg->stream, strlen(cfg->stream));
    o->writer += o->writer == 0;
    if (!(o->puts = wr_calloc(CALL_ROWS, sizeof *o->puts))) return wr_fail_oom(err, "a sink");
    if (cfg->from) {
        n = (uint32_t)(cfg->from_len / sizeof *at);
        if (cfg->from_len % sizeof *at)
            return wr_fail(err, WR_EDATA, "the ends of shards in the snapshot are damaged");
    }
    uint32_t n_now = 0;
    wr_status s = wr_stream_ends(o->db, stream, &ar, &at, &n_now, err);
    if (cfg->from && s == WR_EDATA) { /* a shard is damaged: the others go on with what the snapshot says */
        s = WR_OK;
        n_now = 0;
    }
    if (!cfg->from) n = n_now;
    if (s == WR_OK && wr_grow(&o->at, &o->cap_at, (size_t)n + 1, sizeof *o->at) != WR_OK)
        s = wr_fail_oom(err, "a sink");
    if (s == WR_OK && n) memcpy(o->at, cfg->from ? (const void *)cfg->from : at, n * sizeof *at);
    if (s == WR_OK) o->n_at = n;
    if (s == WR_OK && n_now > 0) check_places(o, at, n_now);
    wr_arena_free(&ar);
    return s;
}

void wri_once_close(wri_once *o) {
    wr_free(o->stream);
    wr_free(o->at);
    wr_free(o->ends);
    wr_free(o->puts);
}

_Static_assert(sizeof(wr_shard_at) == 16,
               "a mark is 16 bytes a shard: its number, the stream's tag or 0, number of the record");

wr_status wri_once_mark(const wri_once *o, wr_buf *out, wr_err *err) {
    for (size_t i = 0; i < o->n_at; i++) {
        if (wr_buf_put(out, &o->at[i], sizeof o->at[i]) != WR_OK) return wr_fail_oom(err, "a snapshot");
    }
    return WR_OK;
}

/* ---- records ---- */

typedef struct cursor { /* in what was handed over */
    const wr_handover *h;
    size_t at;
    uint32_t index; /* of the next record */
    const wr_written *written;
    uint32_t n_written;
} cursor;

static wr_status next(const wri_once *o, cursor *c, wr_put *out, wr_err *err) {
    uint32_t lens[2] = {0};
    size_t left = c->h->len - c->at;
    if (left >= sizeof lens) memcpy(lens, c->h->data + c->at, sizeof lens);
    if (left < sizeof lens || left - sizeof lens < (uint64_t)lens[0] + lens[1])
        return wr_fail(err, WR_EDATA, "the records of an epoch are not as they were packed");
    const char *key = c->h->data + c->at + sizeof lens;
    *out = (wr_put){.key = key, .key_len = lens[0], .data = key + lens[0], .len = lens[1]};
    if (c->h->epoch) out->mark = (wr_mark){o->writer, c->h->epoch, c->index++};
    c->at += sizeof lens + lens[0] + lens[1];
    return WR_OK;
}

/* Up to a call's worth of records that are not there yet. */
static wr_status gather(const wri_once *o, cursor *c, uint32_t *np, wr_err *err) {
    size_t bytes = 0;
    *np = 0;
    while (c->at < c->h->len && *np < CALL_ROWS && bytes < CALL_BYTES) {
        wr_put *p = &o->puts[*np];
        WR_TRY(next(o, c, p, err));
        if (c->n_written &&
            wr_is_written(c->written, c->n_written, wr_hash_key(p->key, p->key_len), &p->mark))
            continue;
        bytes += p->len + p->key_len;
        ++*np;
    }
    return WR_OK;
}

static wr_status find_written(const wri_once *o, wr_arena *ar, cursor *c, wr_err *err) {
    wr_written *w;
    wr_written_where where = {.writer = o->writer, .from = o->at, .n_from = (uint32_t)o->n_at};
    WR_TRY(wr_stream_written(o->db, o->stream, &where, ar, &w, &c->n_written, err));
    c->written = w;
    for (uint32_t i = 0; i < c->n_written; i++)
        if (w[i].last.epoch > c->h->epoch && c->h->past) c->at = c->h->len; /* all of it is there */
        else if (w[i].last.epoch > c->h->epoch)
            return wr_fail(
                err, WR_EDATA,
                "the stream has records of this job's snapshot %" PRIu64
                ", but the last that is whole is %" PRIu64
                ": going on from there would write them twice; restore the snapshot, or start anew with "
                "another --state",
                w[i].last.epoch, c->h->epoch);
    return WR_OK;
}

/* ---- ends of shards ---- */

static wr_status note_end(wri_once *o, const wr_seq *seq, wr_err *err) {
    size_t i = 0;
    while (i < o->n_ends && o->ends[i].shard != seq->shard) i++;
    if (i == o->n_ends) {
        if (wr_grow(&o->ends, &o->cap_ends, i + 1, sizeof *o->ends) != WR_OK)
            return wr_fail_oom(err, "a sink");
        o->ends[o->n_ends++] = (wr_shard_at){.shard = seq->shard, .made = o->made};
    }
    if (o->ends[i].number <= seq->number) o->ends[i].number = seq->number + 1;
    return WR_OK;
}

static wr_status copy_ends(wr_shard_at **top, size_t *np, size_t *capp, const wr_shard_at *from, size_t n,
                           wr_err *err) {
    if (wr_grow(top, capp, n + 1, sizeof **top) != WR_OK) return wr_fail_oom(err, "a sink");
    if (n) memcpy(*top, from, n * sizeof *from);
    *np = n;
    return WR_OK;
}

/* The last record of each shard, from behind: most shards are met soon. */
static wr_status note_ends(wri_once *o, uint32_t n, wr_err *err) {
    for (uint32_t i = n; i-- > 0;)
        if (i + 1 == n || o->puts[i].seq.shard != o->puts[i + 1].seq.shard)
            WR_TRY(note_end(o, &o->puts[i].seq, err));
    return WR_OK;
}

wr_status wri_once_commit(wri_once *o, const wr_handover *h, wr_err *err) {
    cursor c = {.h = h};
    wr_arena ar = {0};
    wr_status s = h->again ? find_written(o, &ar, &c, err) : WR_OK;
    if (s == WR_OK) s = copy_ends(&o->ends, &o->n_ends, &o->cap_ends, o->at, o->n_at, err);
    while (s == WR_OK && c.at < h->len) {
        uint32_t n;
        s = gather(o, &c, &n, err);
        if (s == WR_OK && n) s = wr_stream_put(o->st, o->puts, n, err);
        if (s == WR_OK) s = note_ends(o, n, err);
    }
    if (s == WR_OK) s = copy_ends(&o->at, &o->n_at, &o->cap_at, o->ends, o->n_ends, err);
    wr_arena_free(&ar);
    return s;
}
