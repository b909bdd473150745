/* state/streams/segment.c -- the files of a shard: paths, lists, headers, a checked window on the blocks. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "log_int.h"

#define PAGE_BYTES (256 * 1024)

/* ---- paths ---- */

void wri_stream_path(const char *data_dir, const char *name, char out[WRI_PATH]) {
    snprintf(out, WRI_PATH, "%s/streams/%s.stream", data_dir, name);
}
void wri_shard_path(const char *stream_dir, uint32_t shard, char out[WRI_PATH]) {
    snprintf(out, WRI_PATH, "%.*s/%012" PRIu32, WRI_PATH - 20, stream_dir, shard);
}
void wri_file_path(const char *shard_dir, uint64_t base, const char *ext, char out[WRI_PATH]) {
    snprintf(out, WRI_PATH, "%.*s/%020" PRIu64 "%s", WRI_PATH - 32, shard_dir, base, ext);
}

void wri_tail_path(const char *shard_dir, char out[WRI_PATH]) {
    snprintf(out, WRI_PATH, "%.*s/tail", WRI_PATH - 8, shard_dir);
}

/* ---- the system ---- */

int wri_open_fd(const wr_sys *sys, const char *path, int flags) {
    int fd;
    do fd = sys->open(path, flags, 0644);
    while (fd < 0 && errno == EINTR);
    return fd;
}

wr_status wri_cannot(const char *what, const char *path, int e, wr_err *err) {
    const char *hint = e == EMFILE ? "; raise the limit of this process (ulimit -n)" : "";
    return wr_fail(err, WR_EIO, "%s: cannot %s it: %s%s", path, what, strerror(e), hint);
}

static wr_status sync_by(const wr_sys *sys, int (*sync)(int fd), const char *path, wr_err *err) {
    int fd = wri_open_fd(sys, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return wri_cannot("open", path, errno, err);
    wr_status s = sync(fd) == 0 ? WR_OK : wri_cannot("sync", path, errno, err);
    sys->close(fd);
    return s;
}
wr_status wri_sync_dir(const wr_sys *sys, const char *path, wr_err *err) {
    return sync_by(sys, sys->fsync, path, err);
}
wr_status wri_sync_all(const wr_sys *sys, const char *path, wr_err *err) {
    return sync_by(sys, sys->syncfs, path, err);
}

wr_status wri_slurp(const wr_sys *sys, const char *path, wr_buf *b, wr_err *err) {
    b->len = 0;
    int fd = wri_open_fd(sys, path, O_RDONLY);
    if (fd < 0) return errno == ENOENT ? WR_EOF : wri_cannot("open", path, errno, err);
    wr_status s = WR_OK;
    for (size_t got = 1; s == WR_OK && got > 0;) {
        s = wr_buf_reserve(b, 64 * 1024);
        if (s != WR_OK) s = wr_fail_oom(err, path);
        else s = wr_pread_all(sys, fd, b->data + b->len, b->cap - b->len, (int64_t)b->len, &got, path, err);
        if (s == WR_OK) b->len += got;
    }
    sys->close(fd);
    return s;
}

/* ---- lists ---- */

typedef struct listing {
    wri_bases *out;
    wr_status status;
} listing;

static void each_name(void *ctx, const char *name) {
    listing *l = ctx;
    uint64_t v = 0;
    size_t i = 0;
    for (; i < 20 && name[i] >= '0' && name[i] <= '9'; i++) v = v * 10 + (uint64_t)(name[i] - '0');
    if (i != 20 || strcmp(name + 20, ".seg") != 0 || l->status != WR_OK) return;
    wri_bases *b = l->out;
    l->status = wr_grow(&b->items, &b->cap, b->n + 1, sizeof *b->items);
    if (l->status == WR_OK) b->items[b->n++] = v;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

wr_status wri_list_segments(const wr_sys *sys, const char *shard_dir, wri_bases *out, wr_err *err) {
    listing l = {.out = out};
    out->n = 0;
    if (sys->list(shard_dir, each_name, &l) != 0) return wri_cannot("list", shard_dir, errno, err);
    if (l.status != WR_OK) return wr_fail_oom(err, "a list of segments");
    if (out->n) qsort(out->items, out->n, sizeof *out->items, by_number);
    return WR_OK;
}

void wri_remove_segment(const wr_sys *sys, const char *shard_dir, uint64_t base) {
    static const char *const kinds[] = {WRI_WRITERS, ".idx", ".seg"}; /* it is there as long as the last is */
    char path[WRI_PATH];
    for (size_t i = 0; i < WR_LEN(kinds); i++) {
        wri_file_path(shard_dir, base, kinds[i], path);
        sys->unlink(path);
    }
}

/* ---- marks and headers ---- */

wr_status wri_read_mark(const wr_sys *sys, int fd, const char *shard_dir, wri_id id, wri_mark *out,
                        wr_err *err) {
    char p[WRI_MARK_BYTES];
    /* The writer may be at it in this very moment: what is torn is read again. */
    for (int i = 0; i < 100; i++) {
        size_t got;
        WR_TRY(wr_pread_all(sys, fd, p, sizeof p, 0, &got, shard_dir, err));
        if (got == sizeof p && wri_mark_decode(p, id, out)) return WR_OK;
        if (got >= 8 && memcmp(p, "WRTAIL", 6) == 0 && p[6] > '1' && p[6] <= '9' && p[7] == '\n')
            return wr_fail(err, WR_EUNSUPPORTED,
                           "%s/tail: version %c; this weir knows version 1, use a newer one", shard_dir,
                           p[6]);
    }
    return wr_fail(err, WR_EDATA,
                   "%s/tail: the checksum is wrong; opening the stream for writing makes it again",
                   shard_dir);
}

wr_status wri_open_segment(const wr_sys *sys, const char *shard_dir, uint64_t base, wri_id id, int flags,
                           int *fdp, wri_segment *out, wr_err *err) {
    char path[WRI_PATH], p[WRI_SEG_HEADER];
    size_t got;
    *fdp = -1;
    wri_file_path(shard_dir, base, ".seg", path);
    int fd = wri_open_fd(sys, path, flags);
    if (fd < 0) return errno == ENOENT ? WR_EOF : wri_cannot("open", path, errno, err);
    wr_status s = wr_pread_all(sys, fd, p, sizeof p, 0, &got, path, err);
    if (s == WR_OK && got == sizeof p && memcmp(p, "WRSEG", 5) == 0 && memcmp(p + 5, "01\n", 3) != 0)
        s = wr_fail(err, WR_EUNSUPPORTED, "%s: version %.2s; this weir knows version 01, use a newer one",
                    path, p + 5);
    else if (s == WR_OK && (got < sizeof p || !wri_segment_decode(p, id, out) || out->first != base))
        s = wr_fail(err, WR_EDATA, "%s: damaged: its first %d bytes are no header of this segment", path,
                    WRI_SEG_HEADER);
    if (s == WR_OK) *fdp = fd;
    else sys->close(fd);
    return s;
}

/* ---- windows ---- */

static void free_page(wr_ref *r) { wr_free(r); }

void wri_window_free(wri_window *w) {
    wr_drop(w->page ? &w->page->ref : NULL);
    *w = (wri_window){.fd = -1};
}

/* A page of at least n bytes that nobody else looks at. */
static wr_status fresh_page(wri_window *w, size_t n, wr_err *err) {
    size_t cap = n > PAGE_BYTES ? n : PAGE_BYTES;
    if (w->page && w->page->cap >= n && __atomic_load_n(&w->page->ref.count, __ATOMIC_ACQUIRE) == 1)
        return WR_OK;
    wr_drop(w->page ? &w->page->ref : NULL);
    w->page = wr_alloc(sizeof *w->page + cap);
    if (!w->page) return wr_fail_oom(err, "a read buffer");
    wr_ref_init(&w->page->ref, free_page);
    w->page->cap = cap;
    return WR_OK;
}

/* n bytes at `at`, which lie before end. */
static wr_status need(wri_window *w, int64_t at, int64_t end, size_t n, const char **pp, wr_err *err) {
    if (!w->page || at < w->from || at + (int64_t)n > w->from + (int64_t)w->len) {
        w->len = 0;
        WR_TRY(fresh_page(w, n, err));
        size_t want = end - at < (int64_t)w->page->cap ? (size_t)(end - at) : w->page->cap;
        WR_TRY(wr_pread_all(w->sys, w->fd, w->page->data, want, at, &w->len, w->path, err));
        w->from = at;
        if (w->len < n)
            return wr_fail(err, WR_EDATA, "%s: damaged: it ends at byte %lld, before byte %lld", w->path,
                           (long long)(at + (int64_t)w->len), (long long)end);
    }
    *pp = w->page->data + (at - w->from);
    return WR_OK;
}

static wr_status damaged(const wri_window *w, int64_t at, const char *what, wr_err *err) {
    return wr_fail(err, WR_EDATA, "%s: damaged at byte %lld: %s", w->path, (long long)at, what);
}

wr_status wri_header_at(wri_window *w, int64_t at, int64_t end, wri_block *out, wr_err *err) {
    const char *p;
    if (at == end) return WR_EOF;
    if (end - at < WRI_BLOCK_HEADER) return damaged(w, at, "no block fits before its end", err);
    WR_TRY(need(w, at, end, WRI_BLOCK_HEADER, &p, err));
    if (!wri_block_decode(p, w->id, out) || out->offset != at)
        return damaged(w, at, "no block begins there", err);
    if (out->len > end - at)
        return damaged(w, at, "the block there does not end before the segment does", err);
    return WR_OK;
}

wr_status wri_block_at(wri_window *w, int64_t at, int64_t end, wri_block *out, const char **pp, wr_err *err) {
    wr_status s = wri_header_at(w, at, end, out, err);
    if (s != WR_OK) return s;
    WR_TRY(need(w, at, end, out->len, pp, err));
    return wri_block_intact(out, w->id, *pp)
               ? WR_OK
               : damaged(w, at, "the checksum of the block there is wrong", err);
}

wr_status wri_only_zeros(wri_window *w, int64_t from, int64_t end, bool *outp, wr_err *err) {
    *outp = true;
    while (*outp && from < end) {
        const char *p;
        WR_TRY(need(w, from, end, 1, &p, err));
        size_t n = w->len - (size_t)(from - w->from);
        *outp = p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
        from += (int64_t)n;
    }
    return WR_OK;
}

wr_status wri_find_synced(wri_window *w, int64_t from, int64_t end, int64_t *out, wr_err *err) {
    *out = 0;
    for (int64_t at = from; end - at >= WRI_BLOCK_HEADER; at++) {
        const char *p;
        wri_block b;
        WR_TRY(need(w, at, end, WRI_BLOCK_HEADER, &p, err));
        /* The window's bytes without a magic are skipped at once. */
        size_t here = w->len - (size_t)(at - w->from);
        const char *hit = memmem(p, here, "WRB1", 4);
        if (!hit) {
            at += (int64_t)here - WRI_BLOCK_HEADER;
            continue;
        }
        at += hit - p;
        if (end - at < WRI_BLOCK_HEADER) break;
        WR_TRY(need(w, at, end, WRI_BLOCK_HEADER, &p, err));
        if (wri_block_decode(p, w->id, &b) && b.offset == at && b.synced > *out) *out = b.synced;
    }
    return WR_OK;
}
