/* state/snapshots/segment.c -- a segment while it is written: bytes come a bit at a time.
 *
 *   put ─► block ─► checksum, file
 *
 * Whole blocks go past the page cache, where the file system can: a snapshot is read after a crash, if at
 * all, and each fresh page of the cache costs several times what is done with its bytes before. The end of a
 * segment, and all of a small one, goes through the cache. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "store_int.h"

#define ALIGN 4096
#ifdef WR_DEBUG
#define BLOCK ((size_t)ALIGN) /* so that snapshots of tests have some */
#else
#define BLOCK ((size_t)512 << 10) /* fits the cache of a core, and is enough for a disk to be busy with */
#endif

wr_status wri_segment_open(wr_snapshots *s, uint64_t number, wr_segment *out, wr_err *err) {
    *out = (wr_segment){.sys = s->sys, .number = number, .fd = -1};
    out->path = wri_snap_path(s, number, "seg");
    out->block = wr_alloc_aligned(ALIGN, BLOCK);
    if (!out->path || !out->block) return wr_fail_oom(err, "a snapshot");
    out->fd = s->sys->open(out->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (out->fd < 0) return wr_fail(err, WR_EIO, "cannot make '%s': %s", out->path, strerror(errno));
    return wr_segment_put(out, WRI_SEGMENT, WRI_MAGIC_LEN, err);
}

static uint32_t crc_of(const wr_segment *g) {
    return wr_crc32c(g->crc, g->block + g->summed, g->n - g->summed);
}

/* Other flags that F_SETFL changes are not used here. */
static bool past_cache(int fd, bool past) { return fcntl(fd, F_SETFL, past ? O_DIRECT : 0) == 0; }

static wr_status write_at(const wr_segment *g, wr_err *err) {
    return wr_pwrite_all(g->sys, g->fd, g->block, g->n, (int64_t)g->at, g->path, err);
}

static wr_status write_block(wr_segment *g, wr_err *err) {
    bool past = g->n == BLOCK && past_cache(g->fd, true);
    g->crc = crc_of(g);
    wr_status r = write_at(g, err);
    bool refused = past && r != WR_OK && errno == EINVAL; /* a file system that wants it otherwise */
    if (past) past_cache(g->fd, false);
    WR_TRY(refused ? write_at(g, err) : r);
    g->at += g->n;
    g->n = g->summed = 0;
    return WR_OK;
}

wr_status wr_segment_put(wr_segment *g, const void *p, size_t n, wr_err *err) {
    const char *from = p;
    while (n > 0) {
        size_t k = n < BLOCK - g->n ? n : BLOCK - g->n;
        memcpy(g->block + g->n, from, k);
        g->n += k;
        from += k;
        n -= k;
        if (g->n == BLOCK) WR_TRY(write_block(g, err));
    }
    return WR_OK;
}

wr_status wri_segment_copy(wr_segment *g, const wr_part_from *from, bool *soundp, wr_err *err) {
    uint32_t crc = 0;
    char *p = wr_alloc(BLOCK);
    wr_status r = p ? WR_OK : wr_fail_oom(err, "a snapshot");
    *soundp = true;
    for (uint64_t at = 0; r == WR_OK && *soundp && at < from->len;) {
        size_t n = from->len - at < BLOCK ? (size_t)(from->len - at) : BLOCK;
        *soundp = from->read(from->ctx, at, p, n, err) == WR_OK;
        if (*soundp) r = wr_segment_put(g, p, n, err);
        crc = wr_crc32c(crc, p, n);
        at += n;
    }
    wr_free(p);
    if (r == WR_OK && *soundp && crc != from->crc) {
        *soundp = false;
        (void)!wr_fail(err, WR_EIO, "its checksum is %08x, %08x was expected; check the disk", crc,
                       from->crc);
    }
    return r;
}

wr_status wr_segment_copy(wr_segment *g, const wr_part_from *from, wr_err *err) {
    bool sound;
    WR_TRY(wri_segment_copy(g, from, &sound, err));
    if (sound) return WR_OK;
    return wr_fail_in(err, WR_EIO, "state that was written to a temporary file cannot be read back");
}

void wri_segment_begin(wr_segment *g) {
    g->began = g->at + g->n;
    g->summed = g->n;
    g->crc = 0;
}

wri_piece_at wri_segment_piece(const wr_segment *g) {
    return (wri_piece_at){g->number, g->began, g->at + g->n - g->began, crc_of(g)};
}

wr_status wri_segment_finish(wr_segment *g, wr_err *err) {
    if (g->n > 0) WR_TRY(write_block(g, err));
    if (g->sys->fdatasync(g->fd) != 0)
        return wr_fail(err, WR_EIO, "cannot make '%s' durable: %s; check the disk", g->path, strerror(errno));
    int fd = g->fd;
    g->fd = -1;
    if (g->sys->close(fd) == 0) return WR_OK;
    return wr_fail(err, WR_EIO, "cannot close '%s': %s", g->path, strerror(errno));
}

void wri_segment_close(wr_segment *g) {
    if (g->fd >= 0) g->sys->close(g->fd);
    wr_free(g->path);
    wr_free(g->block);
}
