/* state/streams/reader.c -- reading a shard, while it is written to or not, by this process or another.
 *
 * At the end of what it knows, a reader looks at the tail mark:
 *
 *   mark in this segment  -> may read up to there
 *   mark in a later one   -> this segment has ended; the header of the next one says where
 *   mark in an older one  -> nothing here is acknowledged yet
 *   metadata: closed      -> the shard has ended where the metadata says
 *
 * Nothing below the mark changes any more, so blocks that do not check out there are damage: told, each time
 * anew. Segments that have expired under a reader are skipped, and counted. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "reader_int.h"

#define TRIES 3 /* to open a reader */

void wr_records_free(wr_records *r) {
    wr_free(r->items);
    wr_drop(r->hold);
    *r = (wr_records){0};
}

/* ---- metadata ---- */

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Under the lock: the stream's metadata, whose file has just looked like st. */
static wr_status see(const wr_reader *r, const struct stat *st, wr_err *err) {
    wri_seen *seen = &r->db->seen;
    if (same_file(st, &seen->file) && strcmp(r->stream_dir, seen->dir) == 0) return WR_OK;
    wri_meta_free(&seen->meta);
    seen->file = (struct stat){0};
    WR_TRY(wri_meta_load(r->sys, r->stream_dir, &seen->meta, err));
    memcpy(seen->dir, r->stream_dir, sizeof seen->dir);
    seen->file = *st;
    return WR_OK;
}

wr_status wri_reader_meta(wr_reader *r, wr_err *err) {
    wri_seen *seen = &r->db->seen;
    char path[WRI_PATH];
    struct stat st;
    bool other = false, there = false;
    snprintf(path, sizeof path, "%.*s/" WRI_META, WRI_PATH - 16, r->stream_dir);
    if (r->sys->stat(path, &st) != 0)
        return errno == ENOENT ? wr_fail(err, WR_EINVAL, "%s: the stream has been deleted", r->stream_dir)
                               : wri_cannot("look at", path, errno, err);
    if (same_file(&st, &r->meta_seen)) return WR_OK;
    pthread_mutex_lock(&seen->lock);
    wr_status s = see(r, &st, err);
    if (s == WR_OK) {
        const wri_meta_shard *mine = wri_meta_find(&seen->meta, r->id.shard);
        other = r->id.uid && seen->meta.uid != r->id.uid;
        there = mine && !other;
        if (there) {
            r->shard = *mine;
            r->id.uid = seen->meta.uid;
            r->meta_seen = st;
        }
    }
    pthread_mutex_unlock(&seen->lock);
    if (s != WR_OK || there) return s;
    if (other)
        return wr_fail(err, WR_EINVAL, "%s: the stream has been deleted, and made anew", r->stream_dir);
    r->expired = r->id.uid != 0;
    if (r->expired) return WR_OK;
    return wr_fail(err, WR_EINVAL, "%s: there is no shard " WR_SHARD_ID "; it may have expired",
                   r->stream_dir, r->id.shard);
}

/* ---- segments ---- */

wr_status wri_reader_enter(wr_reader *r, uint64_t base, wr_err *err) {
    wri_segment seg;
    int fd;
    WR_TRY(wri_open_segment(r->sys, r->dir, base, r->id, O_RDONLY, &fd, &seg, err));
    if (r->w.fd >= 0) r->sys->close(r->w.fd);
    wri_window_free(&r->w);
    wri_file_path(r->dir, base, ".seg", r->path);
    r->w = (wri_window){.sys = r->sys, .fd = fd, .path = r->path, .id = r->id};
    r->base = base;
    r->at = r->end = WRI_SEG_HEADER;
    r->ended = false;
    r->expect = base;
    r->cur = NULL;
    return WR_OK;
}

static wr_status missing(wr_reader *r, uint64_t base, wr_err *err) {
    char path[WRI_PATH];
    wri_file_path(r->dir, base, ".seg", path);
    return wr_fail(err, WR_EDATA, "%s: the segment is missing; restore it from a backup", path);
}

/* The shard has expired as a whole: what has not been read is skipped. */
static wr_status expire(wr_reader *r) {
    wri_mark m;
    uint64_t at = r->expect > r->number ? r->expect : r->number, behind = at;
    if (r->shard.closed) behind = r->shard.end;
    else if (wri_read_mark(r->sys, r->mark_fd, r->dir, r->id, &m, NULL) == WR_OK) behind = m.next;
    if (behind > at) r->skipped += behind - at;
    r->number = behind > at ? behind : at;
    r->at = r->end;
    r->ended = true;
    r->follow = WRI_NO_SEGMENT;
    return WR_OK;
}

/* Goes on with the oldest segment that has not expired. */
static wr_status overtaken(wr_reader *r, wr_err *err) {
    WR_TRY(wri_reader_meta(r, err));
    if (r->expired) return expire(r);
    if (r->shard.first_segment <= r->base) return missing(r, r->base, err);
    wr_status s = wri_reader_enter(r, r->shard.first_segment, err);
    if (s == WR_EOF) return missing(r, r->shard.first_segment, err);
    if (s != WR_OK) return s;
    if (r->base > r->number) r->skipped += r->base - r->number;
    return wri_reader_bound(r, err);
}

/* The segment has ended: its successor says where. */
static wr_status find_end(wr_reader *r, wr_err *err) {
    wri_bases b = {0};
    wri_segment next = {0};
    size_t i = 0;
    int fd = -1;
    wr_status s = wri_list_segments(r->sys, r->dir, &b, err);
    while (s == WR_OK && i < b.n && b.items[i] <= r->base) i++;
    uint64_t follow = i < b.n ? b.items[i] : WRI_NO_SEGMENT;
    wr_free(b.items);
    if ((s != WR_OK || follow == WRI_NO_SEGMENT) && wri_reader_meta(r, NULL) == WR_OK && r->expired)
        return expire(r);
    if (s != WR_OK) return s;
    if (follow == WRI_NO_SEGMENT) return missing(r, r->base + 1, err);
    s = wri_open_segment(r->sys, r->dir, follow, r->id, O_RDONLY, &fd, &next, err);
    if (s == WR_EOF) return overtaken(r, err);
    if (s != WR_OK) return s;
    r->sys->close(fd);
    if (next.prev != r->base) return overtaken(r, err);
    r->end = next.prev_len;
    r->ended = true;
    r->follow = follow;
    return WR_OK;
}

wr_status wri_reader_bound(wr_reader *r, wr_err *err) {
    wri_mark m;
    if (r->ended) return WR_OK;
    if (!r->shard.closed) WR_TRY(wri_reader_meta(r, err));
    if (r->expired) return expire(r);
    if (r->shard.closed && r->base == r->shard.end_segment) {
        r->end = r->shard.end_len;
        r->ended = true;
        r->follow = WRI_NO_SEGMENT;
        return WR_OK;
    }
    WR_TRY(wri_read_mark(r->sys, r->mark_fd, r->dir, r->id, &m, err));
    if (r->shard.closed || m.base > r->base) return find_end(r, err);
    if (m.base == r->base) r->end = m.len;
    return WR_OK;
}

/* ---- blocks ---- */

static wr_status keep(wr_reader *r, wr_status s) {
    if (s == WR_EDATA) r->failed = s;
    return s;
}

static wr_status begin_block(wr_reader *r, wr_err *err) {
    const char *p;
    WR_TRY(wri_block_at(&r->w, r->at, r->end, &r->block, &p, err));
    if (r->block.first != r->expect)
        return wr_fail(err, WR_EDATA,
                       "%s: damaged at byte %lld: the block has other numbers than those that follow",
                       r->path, (long long)r->at);
    r->cur = p + WRI_BLOCK_HEADER;
    r->cur_end = p + r->block.len;
    r->cur_number = r->block.first;
    r->at += r->block.len;
    r->expect += r->block.records;
    return WR_OK;
}

/* Makes cur point to records. WR_AGAIN, WR_EOF: there are none (yet). */
static wr_status find_block(wr_reader *r, wr_err *err) {
    while (!r->cur) {
        if (r->at < r->end) {
            WR_TRY(begin_block(r, err));
            continue;
        }
        WR_TRY(wri_reader_bound(r, err));
        if (r->at < r->end) continue;
        if (!r->ended) return WR_AGAIN;
        if (r->follow == WRI_NO_SEGMENT) return WR_EOF;
        wr_status s = wri_reader_enter(r, r->follow, err);
        if (s == WR_EOF) s = overtaken(r, err);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

static wr_status take(wr_reader *r, uint32_t most, wr_records *out, wr_err *err) {
    uint64_t behind = r->block.first + r->block.records;
    while (r->cur && out->n < most) {
        wr_record *rec = &out->items[out->n];
        const char *next = r->cur_number < behind ? wri_record_decode(r->cur, r->cur_end, rec) : NULL;
        if (!next || (r->cur_number + 1 == behind) != (next == r->cur_end))
            return wr_fail(err, WR_EDATA, "%s: damaged at byte %lld: the block's records do not fill it",
                           r->path, (long long)(r->at - r->block.len));
        rec->number = r->cur_number++;
        rec->arrival_us = r->block.arrival_us;
        out->n += rec->number >= r->number;
        r->cur = next == r->cur_end ? NULL : next;
    }
    return WR_OK;
}

wr_status wr_reader_next(wr_reader *r, uint32_t most, wr_records *out, wr_err *err) {
    out->n = 0;
    wr_drop(out->hold);
    out->hold = NULL;
    if (r->failed != WR_OK) return wr_fail(err, r->failed, "%s", r->why.msg);
    if (most == 0) most = 1;
    while (out->n == 0) {
        wr_status s = find_block(r, &r->why);
        uint64_t left = s == WR_OK ? r->block.first + r->block.records - r->cur_number : 0;
        uint32_t want = left < most ? (uint32_t)left : most;
        size_t cap = out->cap;
        if (s == WR_OK && wr_grow(&out->items, &cap, want, sizeof *out->items) != WR_OK)
            return wr_fail_oom(err, "records");
        out->cap = (uint32_t)cap;
        if (s == WR_OK) s = take(r, want, out, &r->why);
        if (s < 0) return wr_fail(err, keep(r, s), "%s", r->why.msg);
        if (s != WR_OK) return s;
    }
    r->number = out->items[out->n - 1].number + 1;
    out->hold = wr_hold(&r->w.page->ref);
    return WR_OK;
}

/* ---- the rest ---- */

uint64_t wr_reader_at(const wr_reader *r) { return r->number; }
uint64_t wr_reader_skipped(const wr_reader *r) { return r->skipped; }

wr_status wr_reader_behind_us(wr_reader *r, int64_t *out, wr_err *err) {
    *out = 0;
    if (r->failed != WR_OK) return wr_fail(err, r->failed, "%s", r->why.msg);
    wr_status s = find_block(r, &r->why);
    if (s < 0) return wr_fail(err, keep(r, s), "%s", r->why.msg);
    if (s != WR_OK) return WR_OK;
    int64_t age = r->sys->wall_us() - r->block.arrival_us;
    *out = age > 0 ? age : 0;
    return WR_OK;
}

wr_seq wr_reader_seq(const wr_reader *r, const wr_record *rec) {
    return (wr_seq){r->shard.created_us / WR_US_PER_SECOND, r->id.shard, rec->number,
                    rec->arrival_us / WR_US_PER_SECOND};
}

int wr_reader_watch(wr_reader *r, int fd) {
    char path[WRI_PATH];
    if (!r->sys->watch) return -1;
    wri_tail_path(r->dir, path);
    int mine = r->sys->watch(fd, path);
    if (mine < 0) return -1;
    if (r->sys->watch(mine, r->stream_dir) >= 0) return mine;
    if (fd < 0) r->sys->close(mine);
    return -1;
}

static void empty(const wr_sys *sys, int fd) {
    char events[4096];
    while (sys->read(fd, events, sizeof events) > 0) {
    }
}

void wr_reader_heard(const wr_streams *db, int fd) { empty(db->sys, fd); }

void wr_reader_wait(wr_reader *r, int timeout_ms) {
    bool fresh = r->watch_fd == -1;
    if (fresh && (r->watch_fd = wr_reader_watch(r, -1)) < 0) r->watch_fd = -2;
    if (fresh && r->watch_fd >= 0) return; /* what came before the watch is found by looking once more */
    bool told = r->watch_fd >= 0;
    struct pollfd p = {.fd = r->watch_fd, .events = POLLIN};
    if (!told && timeout_ms > 10) timeout_ms = 10; /* looks often */
    if (r->sys->poll(&p, told, timeout_ms) > 0 && told) empty(r->sys, r->watch_fd);
}

void wr_reader_close(wr_reader *r) {
    if (!r) return;
    if (r->w.fd >= 0) r->sys->close(r->w.fd);
    if (r->mark_fd >= 0) r->sys->close(r->mark_fd);
    if (r->watch_fd >= 0) r->sys->close(r->watch_fd);
    wri_window_free(&r->w);
    wr_free(r);
}

static wr_status open_reader(wr_reader *r, wr_streams *db, const char *stream, uint32_t shard, wr_place at,
                             wr_err *err) {
    char path[WRI_PATH];
    struct stat st;
    r->id.shard = shard;
    wri_stream_path(db->dir, stream, r->stream_dir);
    wri_shard_path(r->stream_dir, shard, r->dir);
    if (r->sys->stat(r->stream_dir, &st) != 0 && errno == ENOENT) return wri_no_stream(db, stream, err);
    WR_TRY(wri_reader_meta(r, err));
    wri_tail_path(r->dir, path);
    r->mark_fd = wri_open_fd(r->sys, path, O_RDONLY);
    if (r->mark_fd < 0) return wri_cannot("open", path, errno, err);
    return wri_reader_seek(r, at, err);
}

static wr_status open_once(wr_streams *db, const char *stream, uint32_t shard, wr_place at, wr_reader **outp,
                           wr_err *err) {
    wr_reader *r = wr_calloc(1, sizeof *r);
    if (!r) return wr_fail_oom(err, "a reader");
    r->db = db;
    r->sys = db->sys;
    r->mark_fd = r->w.fd = r->watch_fd = -1;
    wr_status s = open_reader(r, db, stream, shard, at, err);
    if (s == WR_OK) *outp = r;
    else wr_reader_close(r);
    return s;
}

wr_status wr_reader_open(wr_streams *db, const char *stream, uint32_t shard, wr_place at, wr_reader **outp,
                         wr_err *err) {
    *outp = NULL;
    WR_TRY(wr_stream_name_check(stream, err));
    wr_status s = WR_EIO;
    /* A file that is missing may be so because the stream has just been deleted, or made again. */
    for (int i = 0; i < TRIES && (s == WR_EIO || s == WR_EOF); i++)
        s = open_once(db, stream, shard, at, outp, err);
    return s == WR_EOF
               ? wr_fail(err, WR_EDATA, "stream %s: a segment is missing; restore it from a backup", stream)
               : s;
}
