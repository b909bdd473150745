/* state/streams/written.c -- what there is of a writer: exactly once for those that put again after a crash.
 *
 *   written(shard) = the mark of the writer's last record in it, from a place on that was its end before
 *   is_written(r)  = some shard whose range has r's hash key has a mark of r's or a later one
 *
 * The shards need not be those that the records were first sent to: a parent keeps what it got, for the hash
 * keys of its children. Only readers; any thread. */
#include "log_int.h"

wr_status wr_stream_ends(wr_streams *db, const char *name, wr_arena *ar, wr_shard_at **outp, uint32_t *np,
                         wr_err *err) {
    wr_stream_info info;
    *np = 0;
    WR_TRY(wr_stream_describe(db, name, ar, &info, err));
    wr_shard_at *out = *outp = wr_arena_alloc(ar, (info.n_shards + 1) * sizeof *out);
    if (!out) return wr_fail_oom(err, "shards");
    for (uint32_t i = 0; i < info.n_shards; i++) {
        const wr_shard_info *sh = &info.shards[i];
        out[*np] = (wr_shard_at){sh->id, sh->end};
        if (!sh->closed_us) {
            wr_reader *r;
            WR_TRY(wr_reader_open(db, name, sh->id, (wr_place){.from = WR_FROM_LATEST}, &r, err));
            out[*np].number = wr_reader_at(r);
            wr_reader_close(r);
        }
        ++*np;
    }
    return WR_OK;
}

static bool later(const wr_mark *a, const wr_mark *b) { /* or the same */
    return a->epoch > b->epoch || (a->epoch == b->epoch && a->index >= b->index);
}

bool wr_is_written(const wr_written *w, uint32_t n, wr_u128 hash, const wr_mark *mark) {
    for (uint32_t i = 0; i < n; i++)
        if (w[i].lo <= hash && hash <= w[i].hi && later(&w[i].last, mark)) return true;
    return false;
}

/* The writer's last record in a shard; last->writer stays 0 when it has none. */
static wr_status last_of(wr_reader *r, uint64_t writer, wr_mark *last, wr_err *err) {
    wr_records got = {0};
    wr_status s;
    while ((s = wr_reader_next(r, 4096, &got, err)) == WR_OK)
        for (uint32_t i = 0; i < got.n; i++) {
            const wr_mark *m = &got.items[i].mark;
            if (m->writer == writer && (last->writer == 0 || later(m, last))) *last = *m;
        }
    wr_records_free(&got);
    return s == WR_AGAIN || s == WR_EOF ? WR_OK : s;
}

static wr_place place_of(const wr_written_where *w, uint32_t shard) {
    for (uint32_t i = 0; i < w->n_from; i++)
        if (w->from[i].shard == shard) return (wr_place){.from = WR_FROM_AT, .number = w->from[i].number};
    return (wr_place){.from = WR_FROM_HORIZON};
}

wr_status wr_stream_written(wr_streams *db, const char *name, const wr_written_where *where, wr_arena *ar,
                            wr_written **outp, uint32_t *np, wr_err *err) {
    wr_stream_info info;
    *np = 0;
    WR_TRY(wr_stream_describe(db, name, ar, &info, err));
    wr_written *out = *outp = wr_arena_alloc(ar, (info.n_shards + 1) * sizeof *out);
    if (!out) return wr_fail_oom(err, "shards");
    for (uint32_t i = 0; i < info.n_shards; i++) {
        const wr_shard_info *sh = &info.shards[i];
        wr_place at = place_of(where, sh->id);
        if (sh->closed_us && at.from == WR_FROM_AT && at.number >= sh->end) continue;
        wr_reader *r;
        wr_mark last = {0};
        WR_TRY(wr_reader_open(db, name, sh->id, at, &r, err));
        wr_status s = last_of(r, where->writer, &last, err);
        wr_reader_close(r);
        if (s != WR_OK) return s;
        if (last.writer) out[(*np)++] = (wr_written){sh->lo, sh->hi, last};
    }
    return WR_OK;
}
