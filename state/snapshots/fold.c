/* state/snapshots/fold.c -- pieces of a part into fewer: a part that goes on for long would have one of each
 * snapshot, and keep all their segments.
 *
 *   class of a piece = log8 of its length
 *   a new piece, with the pieces before it whose class is not above its own: 8 or more become one, which may be
 *   of the next class: the same again
 *
 * So there are at most 7 pieces of a class, and a byte is copied once per class, by the thread that writes. Bytes
 * are bytes: a part is what its pieces say one behind the other. A piece that cannot be read whole is left
 * where it is; who reads the snapshot will be told of it. */
#include <fcntl.h>
#include <string.h>

#include "store_int.h"

#define FOLD_MIN 8

static unsigned class_of(uint64_t length) { return (63 - (unsigned)__builtin_clzll(length | 1)) / 3; }

/* How many of the last pieces of old[0..n) are to become one with `length` more bytes behind them. */
static size_t to_fold(const wri_piece_at *old, size_t n, uint64_t length) {
    size_t folded = 0, run = 0;
    for (bool grows = true; grows;) {
        uint64_t bytes = length;
        unsigned top = class_of(length);
        for (run = folded; run < n && class_of(old[n - 1 - run].length) <= top; run++) {
        }
        grows = run - folded + 1 >= FOLD_MIN;
        for (size_t i = folded; grows && i < run; i++) bytes += old[n - 1 - i].length;
        if (grows) folded = run;
        length = bytes;
    }
    return folded;
}

static wr_status read_piece(const wr_snapshots *s, const wri_piece_at *at, wr_buf *out) {
    wr_err why;
    size_t got = 0;
    if (wr_buf_reserve(out, out->len + at->length) != WR_OK) return WR_ENOMEM;
    char *path = wri_snap_path(s, at->segment, "seg");
    if (!path) return WR_ENOMEM;
    int fd = s->sys->open(path, O_RDONLY, 0);
    wr_status r = fd < 0 ? WR_EIO
                         : wr_pread_all(s->sys, fd, out->data + out->len, at->length, (int64_t)at->offset,
                                        &got, path, &why);
    if (fd >= 0) s->sys->close(fd);
    wr_free(path);
    if (r != WR_OK) return r;
    if (got != at->length || wr_crc32c(0, out->data + out->len, got) != at->crc) return WR_EDATA;
    out->len += got;
    return WR_OK;
}

size_t wri_snap_fold(const wr_snapshots *s, const wri_part_at *old, wr_part *part, wr_buf *own) {
    size_t n = part->len ? to_fold(old->pieces, old->n, part->len) : 0, left = old->n - n;
    wr_status r = WR_OK;
    if (n == 0) return old->n;
    for (size_t i = left; r == WR_OK && i < old->n; i++) r = read_piece(s, &old->pieces[i], own);
    if (r == WR_OK) r = wr_buf_put(own, part->data, part->len);
    if (r != WR_OK) return old->n;
    part->data = own->data;
    part->len = own->len;
    return left;
}
