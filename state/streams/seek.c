/* state/streams/seek.c -- where a reader begins: the segment by its name or header, the block by index and
 * headers. */
#include <fcntl.h>

#include "reader_int.h"

/* The index of the segment, if it has ended and has one that is good. */
static void load_index(wr_reader *r, wri_index *x) {
    char path[WRI_PATH];
    wr_buf b = {0};
    if (!r->ended) return;
    wri_file_path(r->dir, r->base, ".idx", path);
    if (wri_slurp(r->sys, path, &b, NULL) != WR_OK || !wri_index_decode(b.data, b.len, r->id, r->end, x))
        x->n = 0;
    wr_buf_free(&b);
}

/* A block that is surely not behind the place. */
static void jump(wr_reader *r, wr_place to) {
    wri_index x = {0};
    load_index(r, &x);
    for (size_t i = 0; i < x.n; i++) {
        const wri_entry_at *e = &x.items[i];
        bool before = to.from == WR_FROM_TIME ? e->arrival_us < to.time_us : e->first <= to.number;
        if (!before) break;
        r->at = e->offset;
        r->expect = e->first;
    }
    wr_free(x.items);
}

/* Passes the blocks before the place by their headers. */
static wr_status pass(wr_reader *r, wr_place to, wr_err *err) {
    wri_block b;
    for (;;) {
        wr_status s = wri_header_at(&r->w, r->at, r->end, &b, err);
        if (s == WR_EOF) return WR_OK;
        if (s == WR_EDATA) return WR_OK; /* told by whoever reads it */
        if (s != WR_OK) return s;
        if (to.from == WR_FROM_TIME ? b.arrival_us >= to.time_us : b.first + b.records > to.number)
            return WR_OK;
        r->at += b.len;
        r->expect = b.first + b.records;
    }
}

/* The segment where the place lies: the last one that begins at or before it. */
static wr_status pick(wr_reader *r, const wri_bases *b, wr_place to, uint64_t *outp, wr_err *err) {
    uint64_t found = r->shard.first_segment;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i] <= found) continue;
        if (r->shard.closed && b->items[i] > r->shard.end_segment) break;
        if (to.from != WR_FROM_TIME) {
            if (b->items[i] > to.number) break;
        } else {
            wri_segment seg;
            int fd;
            wr_status s = wri_open_segment(r->sys, r->dir, b->items[i], r->id, O_RDONLY, &fd, &seg, err);
            if (s != WR_OK) break; /* being made, or broken: it is not needed to begin before it */
            r->sys->close(fd);
            if (seg.prev_last_us >= to.time_us) break;
        }
        found = b->items[i];
    }
    *outp = found;
    return WR_OK;
}

static wr_status seek(wr_reader *r, wr_place to, wr_err *err) {
    uint64_t base;
    wri_bases b = {0};
    WR_TRY(wri_list_segments(r->sys, r->dir, &b, err));
    wr_status s = pick(r, &b, to, &base, err);
    wr_free(b.items);
    if (s == WR_OK) s = wri_reader_enter(r, base, err);
    if (s == WR_OK) s = wri_reader_bound(r, err);
    if (s != WR_OK) return s;
    if (to.from != WR_FROM_TIME) r->number = to.number;
    jump(r, to);
    s = pass(r, to, err);
    if (s == WR_OK && to.from == WR_FROM_TIME) r->number = r->expect;
    return s;
}

static wr_status seek_latest(wr_reader *r, wr_err *err) {
    wri_mark m;
    WR_TRY(wri_read_mark(r->sys, r->mark_fd, r->dir, r->id, &m, err));
    if (m.base < r->shard.first_segment) { /* all has expired, and nothing came since */
        r->number = r->shard.first_segment;
        return wri_reader_enter(r, r->number, err);
    }
    WR_TRY(wri_reader_enter(r, m.base, err));
    r->at = r->end = m.len;
    r->number = r->expect = m.next;
    return WR_OK;
}

static wr_status seek_to(wr_reader *r, wr_place to, wr_err *err) {
    if (to.from == WR_FROM_LATEST) return seek_latest(r, err);
    if (to.from == WR_FROM_AFTER) {
        to.from = WR_FROM_AT;
        to.number += to.number < UINT64_MAX;
    }
    if (to.from == WR_FROM_AT || to.from == WR_FROM_TIME) {
        wr_status s = seek(r, to, err);
        if (s == WR_OK && r->number < r->shard.first_segment) {
            r->skipped += r->shard.first_segment - r->number;
            r->number = r->shard.first_segment;
        }
        return s;
    }
    r->number = r->shard.first_segment;
    return wri_reader_enter(r, r->shard.first_segment, err);
}

/* A segment that is not there may have expired since the metadata was read. */
wr_status wri_reader_seek(wr_reader *r, wr_place to, wr_err *err) {
    for (;;) {
        uint64_t first = r->shard.first_segment;
        wr_status s = seek_to(r, to, err);
        if (s != WR_EOF) return s;
        WR_TRY(wri_reader_meta(r, err));
        if (r->shard.first_segment == first) return s;
    }
}
