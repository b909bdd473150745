/* state/snapshots/fold.c -- pieces of a part into fewer: a part that goes on for long would have one of each
 * snapshot, and keep all their segments.
 *
 *   class of a piece = log32 of its length
 *   when a part goes on, the last piece, and those before it whose class is not above its own: 32 or more
 *   become one, which may be of the next class: the same again
 *
 * So there are at most 32 pieces of a class, and a byte is copied once per class, by the thread that writes.
 * A part that changes much is written whole before it has that many, and nothing of it is ever copied.
 * Bytes are bytes: a part is what its pieces say one behind the other. A piece that cannot be read whole is
 * left where it is, and what has been copied belongs to nothing; who reads the snapshot will be told of it.
 */
#include <fcntl.h>
#include <string.h>

#include "store_int.h"

#ifdef WR_DEBUG
#define FOLD_BITS 3 /* so that tests fold often */
#else
#define FOLD_BITS 5
#endif
#define FOLD_MIN (1u << FOLD_BITS)

static unsigned class_of(uint64_t length) { return (63 - (unsigned)__builtin_clzll(length | 1)) / FOLD_BITS; }

/* How many of the last pieces of old[0..n) are to become one; 0: none. */
static size_t to_fold(const wri_piece_at *old, size_t n) {
    size_t folded = 0, run = 0;
    for (;; folded = run) {
        uint64_t length = folded || n == 0 ? 0 : old[n - 1].length;
        for (size_t i = 0; i < folded; i++) length += old[n - 1 - i].length;
        for (run = folded; run < n && class_of(old[n - 1 - run].length) <= class_of(length); run++) {
        }
        if (run - folded + (folded > 0) < FOLD_MIN) return folded;
    }
}

typedef struct piece_file {
    const wr_sys *sys;
    int fd;
    const char *path;
    uint64_t offset;
} piece_file;

static wr_status read_some(void *ctx, uint64_t at, char *p, size_t n, wr_err *err) {
    const piece_file *f = ctx;
    size_t got = 0;
    WR_TRY(wr_pread_all(f->sys, f->fd, p, n, (int64_t)(f->offset + at), &got, f->path, err));
    return got == n ? WR_OK : wr_fail(err, WR_EDATA, "'%s' is too short", f->path);
}

/* *soundp false: it cannot be read whole. */
static wr_status copy_piece(const wr_snapshots *s, const wri_piece_at *at, wr_segment *g, bool *soundp,
                            wr_err *err) {
    char *path = wri_snap_path(s, at->segment, "seg");
    if (!path) return wr_fail_oom(err, "a snapshot");
    piece_file f = {s->sys, s->sys->open(path, O_RDONLY, 0), path, at->offset};
    wr_part_from from = {read_some, &f, at->length, at->crc};
    *soundp = false;
    wr_status r = f.fd < 0 ? WR_OK : wri_segment_copy(g, &from, soundp, err);
    if (f.fd >= 0) s->sys->close(f.fd);
    wr_free(path);
    return r;
}

wr_status wri_snap_fold(const wr_snapshots *s, const wri_part_at *old, wr_segment *g, size_t *np,
                        wri_piece_at *outp, wr_err *err) {
    size_t n = to_fold(old->pieces, old->n);
    bool sound = n > 0;
    wri_segment_begin(g);
    for (size_t i = old->n - n; sound && i < old->n; i++)
        WR_TRY(copy_piece(s, &old->pieces[i], g, &sound, err));
    *np = sound ? n : 0;
    *outp = wri_segment_piece(g);
    return WR_OK;
}
