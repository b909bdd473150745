/* state/streams/recover.c -- opening a shard for writing: finds where to go on, and what is missing.
 *
 *   expired segments         -> unlinked (stream.meta said so first)
 *   chain of headers broken  -> damaged: a segment is missing, short or of another stream
 *   last header broken       -> removed, where nothing in that segment was acknowledged
 *   last segment, scanned    -> whole up to `good`
 *        good < synced       -> damaged: acknowledged bytes are broken or gone
 *        else                -> the rest is a torn write: cut, synced, said
 *
 * synced is what the mark says, or a block behind the broken place: a group is written only when the one
 * before it is durable, and says so. A mark that is broken is made again, and that is said too, as without it
 * a shortened last segment cannot be told from a whole one. A damaged shard keeps its message and takes no
 * records; what is before the damage can be read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "log_int.h"

typedef struct recovery {
    wri_shard *sh;
    const wri_meta_shard *m;
    const wr_sys *sys;
    wri_bases bases;
    wri_mark mark;
    bool has_mark;
    wri_segment last; /* header of the last segment */
} recovery;

static wr_status damage(recovery *r, const char *fmt, ...) WR_PRINTF(2, 3);
static wr_status damage(recovery *r, const char *fmt, ...) {
    wr_err *why = &r->sh->why;
    va_list ap;
    char msg[sizeof why->msg];
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return r->sh->damaged = wr_fail(why, WR_EDATA, "%s", msg);
}

static void remove_segment(recovery *r, uint64_t base) { wri_remove_segment(r->sys, r->sh->dir, base); }

/* ---- the mark ---- */

static wr_status load_mark(recovery *r, wr_err *err) {
    char path[WRI_PATH];
    wri_shard *sh = r->sh;
    wr_err why = {0};
    wri_tail_path(sh->dir, path);
    sh->mark_fd = wri_open_fd(r->sys, path, O_RDWR | O_CREAT);
    if (sh->mark_fd < 0) return wri_cannot("open", path, errno, err);
    wr_status s = wri_read_mark(r->sys, sh->mark_fd, sh->dir, sh->id, &r->mark, &why);
    r->has_mark = s == WR_OK;
    if (s == WR_EIO || s == WR_EUNSUPPORTED) return wr_fail(err, s, "%s", why.msg);
    if (s != WR_OK)
        wri_log_say(sh->st->db, "stream %s: %s: the checksum is wrong; it is made again from the segments",
                    sh->st->name, path);
    return WR_OK;
}

/* ---- the chain ---- */

static wr_status file_size(recovery *r, uint64_t base, int64_t *outp, wr_err *err) {
    char path[WRI_PATH];
    struct stat st;
    wri_file_path(r->sh->dir, base, ".seg", path);
    if (r->sys->stat(path, &st) != 0) return wri_cannot("look at", path, errno, err);
    *outp = (int64_t)st.st_size;
    return WR_OK;
}

/* The index of an ended segment; made again where it is no good. */
static wr_status check_index(recovery *r, uint64_t base, const wri_segment *next, wr_err *err) {
    char path[WRI_PATH];
    wri_shard *sh = r->sh;
    wr_buf b = {0};
    wri_index x = {0};
    wri_file_path(sh->dir, base, ".idx", path);
    wr_status s = wri_slurp(r->sys, path, &b, err);
    bool good = s == WR_OK && wri_index_decode(b.data, b.len, sh->id, next->prev_len, &x);
    wr_buf_free(&b);
    x.n = 0;
    wri_window w = {.sys = r->sys, .fd = -1, .path = path, .id = sh->id};
    wri_segment seg;
    s = good ? WR_OK : wri_open_segment(r->sys, sh->dir, base, sh->id, O_RDONLY, &w.fd, &seg, err);
    wri_file_path(sh->dir, base, ".seg", path);
    for (int64_t at = WRI_SEG_HEADER; !good && s == WR_OK;) {
        wri_block block;
        const char *p;
        s = wri_block_at(&w, at, next->prev_len, &block, &p, err);
        if (s == WR_OK) s = wri_index_add(&x, &block);
        at += block.len;
    }
    if (s == WR_EOF) s = wri_write_index(sh, base, &x, next->prev_len, next->prev_next, next->prev_last_us);
    if (s == WR_EDATA) { /* whoever reads up to there will be told */
        wri_log_say(sh->st->db, "stream %s: %s", sh->st->name, err ? err->msg : "damaged");
        s = WR_OK;
    }
    if (w.fd >= 0) r->sys->close(w.fd);
    wri_window_free(&w);
    wr_free(x.items);
    return s;
}

/* Segment i continues the one before it. */
static wr_status check_link(recovery *r, size_t i, const wri_segment *seg, wr_err *err) {
    if (i == 0) return WR_OK;
    uint64_t before = r->bases.items[i - 1];
    char path[WRI_PATH];
    int64_t size;
    wri_file_path(r->sh->dir, before, ".seg", path);
    if (seg->prev != before) {
        wri_file_path(r->sh->dir, seg->prev, ".seg", path);
        return damage(r, "%s: the segment is missing; restore it from a backup", path);
    }
    WR_TRY(file_size(r, before, &size, err));
    if (size < seg->prev_len)
        return damage(r, "%s: damaged: it has %lld bytes, %lld were acknowledged", path, (long long)size,
                      (long long)seg->prev_len);
    if (r->has_mark && r->mark.base == before && r->mark.synced > seg->prev_len)
        return damage(r, "%s: %lld bytes were acknowledged, the next segment knows of %lld", path,
                      (long long)r->mark.synced, (long long)seg->prev_len);
    return check_index(r, before, seg, err);
}

/* The last segment's header is broken: harmless where it was made and never used. */
static wr_status drop_last(recovery *r, const wr_err *why, wr_err *err) {
    uint64_t base = r->bases.items[r->bases.n - 1];
    int64_t size;
    WR_TRY(file_size(r, base, &size, err));
    bool used = size > WRI_SEG_HEADER || (r->has_mark && r->mark.base == base);
    if (used || r->bases.n < 2) return damage(r, "%s", why->msg);
    wri_log_say(r->sh->st->db,
                "stream %s, shard %u: removed a segment that was being made: %020" PRIu64 ".seg",
                r->sh->st->name, r->sh->id.shard, base);
    remove_segment(r, base);
    r->bases.n--;
    return WR_OK;
}

static wr_status check_chain(recovery *r, wr_err *err) {
    char path[WRI_PATH];
    size_t expired = 0;
    while (expired < r->bases.n && r->bases.items[expired] < r->m->first_segment)
        remove_segment(r, r->bases.items[expired++]);
    if (expired)
        memmove(r->bases.items, r->bases.items + expired, (r->bases.n -= expired) * sizeof *r->bases.items);
    wri_file_path(r->sh->dir, r->m->first_segment, ".seg", path);
    if (r->bases.n == 0 || r->bases.items[0] != r->m->first_segment)
        return damage(r, "%s: the segment is missing; restore it from a backup", path);
    for (size_t i = 0; i < r->bases.n; i++) {
        int fd;
        wr_err why = {0};
        wr_status s =
            wri_open_segment(r->sys, r->sh->dir, r->bases.items[i], r->sh->id, O_RDONLY, &fd, &r->last, &why);
        if (s == WR_EDATA && i + 1 == r->bases.n) {
            WR_TRY(drop_last(r, &why, err));
            return check_chain(r, err);
        }
        if (s == WR_EOF) return damage(r, "%s: a segment went away while it was looked at", r->sh->dir);
        if (s != WR_OK) return wr_fail(err, s, "%s", why.msg);
        r->sys->close(fd);
        WR_TRY(check_link(r, i, &r->last, err));
    }
    uint64_t base = r->bases.items[r->bases.n - 1];
    wri_file_path(r->sh->dir, r->mark.base, ".seg", path);
    if (r->has_mark && r->mark.base > base)
        return damage(r, "%s: the segment is missing; restore it from a backup", path);
    return WR_OK;
}

/* ---- the last segment ---- */

/* Blocks up to the first that is not whole; *whyp says what is wrong there, empty: the file ends. */
static wr_status scan(recovery *r, wri_window *w, int64_t size, wr_err *why, wr_err *err) {
    wri_shard *sh = r->sh;
    sh->len = WRI_SEG_HEADER;
    sh->next = r->last.first;
    for (;;) {
        wri_block b;
        const char *p;
        wr_status s = wri_block_at(w, sh->len, size, &b, &p, why);
        if (s == WR_EOF || s == WR_EDATA) return WR_OK;
        if (s != WR_OK) return wr_fail(err, s, "%s", why->msg);
        if (b.first != sh->next) {
            s = wr_fail(why, WR_EDATA,
                        "%s: damaged at byte %lld: the block has other numbers than those that follow",
                        w->path, (long long)sh->len);
            return WR_OK;
        }
        if (wri_index_add(&sh->index, &b) != WR_OK) return wr_fail_oom(err, "an index");
        wri_writers_note_block(&sh->writers, &b, p);
        sh->next += b.records;
        sh->last_us = b.arrival_us > sh->last_us ? b.arrival_us : sh->last_us;
        sh->len += b.len;
    }
}

/* Writes once more what is there and may not be durable, so that the next sync is about it whatever became of
 * an earlier one. */
static wr_status write_again(recovery *r, wri_window *w, int64_t from, wr_err *err) {
    wri_block b;
    const char *p;
    for (int64_t at = from < WRI_SEG_HEADER ? WRI_SEG_HEADER : from; at < r->sh->len; at += b.len) {
        WR_TRY(wri_block_at(w, at, r->sh->len, &b, &p, err));
        WR_TRY(wr_pwrite_all(r->sys, r->sh->fd, p, b.len, at, w->path, err));
    }
    return r->sys->fdatasync(r->sh->fd) == 0 ? WR_OK : wri_cannot("sync", w->path, errno, err);
}

static wr_status cut_tail(recovery *r, wri_window *w, int64_t size, int64_t synced, wr_err *err) {
    wri_shard *sh = r->sh;
    sh->end = sh->next;
    if (size > sh->len) {
        bool zeros;
        WR_TRY(wri_only_zeros(w, sh->len, size, &zeros, err)); /* ready.c wrote them */
        if (!zeros)
            wri_log_say(sh->st->db, "stream %s: %s: cut %lld bytes of a write that was torn at byte %lld",
                        sh->st->name, w->path, (long long)(size - sh->len), (long long)sh->len);
        if (r->sys->ftruncate(sh->fd, (off_t)sh->len) != 0) return wri_cannot("cut", w->path, errno, err);
    }
    if (r->has_mark && r->mark.base == sh->base && r->mark.next > sh->next) {
        wri_log_say(sh->st->db,
                    "stream %s: %s: %" PRIu64 " records are lost that were acknowledged with durability = os",
                    sh->st->name, w->path, r->mark.next - sh->next);
        sh->next = r->mark.next; /* their numbers are not used again */
        sh->spoiled = true;
    }
    return write_again(r, w, synced, err);
}

static wr_status check_last(recovery *r, wr_err *err) {
    wri_shard *sh = r->sh;
    char path[WRI_PATH];
    int64_t size, synced = 0, later = 0;
    wr_err why = {0};
    sh->base = r->bases.items[r->bases.n - 1];
    sh->last_us = r->last.prev_last_us;
    sh->created_us = r->last.created_us;
    wri_file_path(sh->dir, sh->base, ".seg", path);
    WR_TRY(file_size(r, sh->base, &size, err));
    sh->fd = wri_open_fd(r->sys, path, O_RDWR);
    if (sh->fd < 0) return wri_cannot("open", path, errno, err);
    wri_window w = {.sys = r->sys, .fd = sh->fd, .path = path, .id = sh->id};
    wri_writers_load(r->sys, sh->dir, sh->base, sh->id, &sh->writers);
    wr_status s = scan(r, &w, size, &why, err);
    if (r->has_mark && r->mark.base == sh->base) synced = r->mark.synced;
    if (s == WR_OK && size > sh->len) s = wri_find_synced(&w, sh->len + 1, size, &later, err);
    if (s == WR_OK && sh->len < (later > synced ? later : synced)) {
        if (why.code == WR_OK)
            wr_fail(&why, WR_EDATA, "%s: damaged: it has %lld bytes, %lld were acknowledged", path,
                    (long long)size, (long long)synced);
        s = damage(r, "%s", why.msg);
    }
    if (s == WR_OK) s = cut_tail(r, &w, size, synced, err);
    sh->synced = sh->len;
    wri_window_free(&w);
    return s;
}

/* ---- closed shards ---- */

static wr_status check_end(recovery *r, wr_err *err) {
    wri_shard *sh = r->sh;
    const wri_meta_shard *m = r->m;
    char path[WRI_PATH];
    int64_t size;
    while (r->bases.n > 1 &&
           r->bases.items[r->bases.n - 1] > m->end_segment) /* being made as it was closed */
        remove_segment(r, r->bases.items[--r->bases.n]);
    sh->base = r->bases.items[r->bases.n - 1];
    wri_file_path(sh->dir, m->end_segment, ".seg", path);
    if (sh->base != m->end_segment)
        return damage(r, "%s: the segment is missing; restore it from a backup", path);
    WR_TRY(file_size(r, sh->base, &size, err));
    if (size < m->end_len)
        return damage(r, "%s: damaged: it has %lld bytes, %lld were acknowledged", path, (long long)size,
                      (long long)m->end_len);
    sh->len = sh->synced = m->end_len;
    sh->next = sh->end = m->end;
    sh->last_us = m->end_us;
    return WR_OK;
}

static wr_status recover(recovery *r, wr_err *err) {
    wri_shard *sh = r->sh;
    WR_TRY(wri_list_segments(r->sys, sh->dir, &r->bases, err));
    WR_TRY(load_mark(r, err));
    sh->closed = r->m->closed;
    WR_TRY(check_chain(r, err));
    WR_TRY(sh->closed ? check_end(r, err) : check_last(r, err));
    if (sh->closed && r->has_mark && r->mark.base == sh->base && r->mark.len == sh->len) return WR_OK;
    char p[WRI_MARK_BYTES];
    wri_mark mark;
    wri_shard_mark(sh, &mark);
    wri_mark_encode(&mark, sh->id, p);
    return wr_pwrite_all(r->sys, sh->mark_fd, p, sizeof p, 0, sh->dir, err);
}

wr_status wri_shard_recover(wri_shard *sh, const wri_meta_shard *m, wr_err *err) {
    recovery r = {.sh = sh, .m = m, .sys = sh->st->db->sys};
    wr_err why = {0};
    wri_files_close(sh);
    sh->index.n = 0;
    wri_ready_anew(sh);
    sh->damaged = WR_OK;
    sh->spoiled = false;
    wr_status s = recover(&r, &why);
    sh->unsealed = sh->spoiled;
    wri_files_close(sh); /* until somebody writes to it */
    wr_free(r.bases.items);
    if (s == WR_OK) return WR_OK;
    if (s == WR_ENOMEM) return wr_fail(err, s, "%s", why.msg);
    if (sh->damaged == WR_OK) sh->why = why;
    sh->damaged = s;
    wri_log_say(sh->st->db, "stream %s, shard %u takes no records: %s", sh->st->name, sh->id.shard,
                sh->why.msg);
    return WR_OK;
}
