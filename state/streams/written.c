/* state/streams/written.c -- what there is of a writer: exactly once for those that put again after a crash.
 *
 *   written(shard) = the mark of the writer's last record in it, from a place on that was its end before
 *   is_written(r)  = some shard whose range has r's hash key has a mark of r's or a later one
 *
 * Of each shard at most the last segment is read, however much others have written since: writers.c.
 *
 * The shards need not be those that the records were first sent to: a parent keeps what it got, for the hash
 * keys of its children. Only readers; any thread. */
#include "reader_int.h"

wr_status wr_stream_ends(wr_streams *db, const char *name, wr_arena *ar, wr_shard_at **outp, uint32_t *np,
                         wr_err *err) {
    wr_stream_info info;
    *np = 0;
    WR_TRY(wr_stream_describe(db, name, ar, &info, err));
    uint32_t made = (uint32_t)wr_hash_u64((uint64_t)info.created_us) | 1;
    wr_shard_at *out = *outp = wr_arena_alloc(ar, (info.n_shards + 1) * sizeof *out);
    if (!out) return wr_fail_oom(err, "shards");
    for (uint32_t i = 0; i < info.n_shards; i++) {
        const wr_shard_info *sh = &info.shards[i];
        out[*np] = (wr_shard_at){sh->id, made, sh->end};
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

bool wr_is_written(const wr_written *w, uint32_t n, wr_u128 hash, const wr_mark *mark) {
    for (uint32_t i = 0; i < n; i++)
        if (w[i].lo <= hash && hash <= w[i].hi && wri_later_mark(&w[i].last, mark)) return true;
    return false;
}

/* The writer's last record in a shard; last->writer stays 0 when it has none. */
static wr_status last_of(wr_reader *r, uint64_t writer, wr_mark *last, wr_err *err) {
    wr_records got = {0};
    wr_status s;
    while ((s = wr_reader_next(r, 4096, &got, err)) == WR_OK)
        for (uint32_t i = 0; i < got.n; i++) {
            const wr_mark *m = &got.items[i].mark;
            if (m->writer == writer && (last->writer == 0 || wri_later_mark(m, last))) *last = *m;
        }
    wr_records_free(&got);
    return s == WR_AGAIN || s == WR_EOF ? WR_OK : s;
}

/* From which number on is to be looked. */
static uint64_t place_of(const wr_written_where *w, const wr_shard_info *sh) {
    uint64_t number = sh->first;
    for (uint32_t i = 0; i < w->n_from; i++)
        if (w->from[i].shard == sh->id && w->from[i].number > number) number = w->from[i].number;
    return number;
}

/* What is known of the writer without reading what lies before the last segment: *fromp moves on to that. */
static wr_status known_of(wr_streams *db, const char *name, const wr_shard_info *sh, uint64_t writer,
                          uint64_t *fromp, wr_mark *last, wr_err *err) {
    wr_reader *r;
    wri_writers w = {0};
    WR_TRY(wr_reader_open(db, name, sh->id, (wr_place){.from = WR_FROM_LATEST}, &r, err));
    if (*fromp < r->base && wri_writers_load(r->sys, r->dir, r->base, r->id, &w) && w.since <= *fromp) {
        const wri_writer *found = wri_writers_find(&w, writer);
        if (found && found->number >= *fromp) *last = found->last;
        *fromp = r->base;
    }
    wri_writers_free(&w);
    wr_reader_close(r);
    return WR_OK;
}

static wr_status of_shard(wr_streams *db, const char *name, const wr_shard_info *sh,
                          const wr_written_where *where, wr_mark *last, wr_err *err) {
    uint64_t from = place_of(where, sh);
    wr_reader *r;
    *last = (wr_mark){0};
    if (sh->closed_us && from >= sh->end) return WR_OK;
    WR_TRY(known_of(db, name, sh, where->writer, &from, last, err));
    WR_TRY(wr_reader_open(db, name, sh->id, (wr_place){.from = WR_FROM_AT, .number = from}, &r, err));
    wr_status s = last_of(r, where->writer, last, err);
    wr_reader_close(r);
    return s;
}

wr_status wr_stream_written(wr_streams *db, const char *name, const wr_written_where *where, wr_arena *ar,
                            wr_written **outp, uint32_t *np, wr_err *err) {
    wr_stream_info info;
    *np = 0;
    WR_TRY(wr_stream_describe(db, name, ar, &info, err));
    wr_written *out = *outp = wr_arena_alloc(ar, (info.n_shards + 1) * sizeof *out);
    if (!out) return wr_fail_oom(err, "shards");
    for (uint32_t i = 0; i < info.n_shards; i++) {
        wr_mark last;
        WR_TRY(of_shard(db, name, &info.shards[i], where, &last, err));
        if (last.writer) out[(*np)++] = (wr_written){info.shards[i].lo, info.shards[i].hi, last};
    }
    return WR_OK;
}
