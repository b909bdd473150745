/* state/snapshots/pieces.c -- the pieces of a snapshot, where they lie, read bit by bit.
 *
 *   look up   a manifest says where each piece lies; nothing is read yet
 *   check     all of them (check.c): a snapshot is gone on from only if its every byte is as it was written,
 *             which must be known before any of it is used
 *   read      once more, by whoever needs them, in chunks as large as he likes
 *
 * So a snapshot may be larger than memory: what is held is a chunk and the places. Files are read and not
 * mapped: a disk that cannot read must be an error that is told, not the end of the process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "store_int.h"

/* ---- reading ---- */

void wr_piece_reader_close(wr_piece_reader *r) {
    if (r->fd >= 0) r->of->sys->close(r->fd);
    wr_free(r->path);
    r->fd = -1;
    r->path = NULL;
}

static wr_status check_magic(wr_piece_reader *r, wr_err *err) {
    char magic[WRI_MAGIC_LEN];
    size_t got = 0;
    struct stat st;
    WR_TRY(wr_pread_all(r->of->sys, r->fd, magic, sizeof magic, 0, &got, r->path, err));
    if (got < sizeof magic || memcmp(magic, WRI_SEGMENT, sizeof magic) != 0)
        return wr_fail(err, WR_EDATA, "'%s' does not begin with %s: it is damaged, or no file of weir",
                       r->path, WRI_SEGMENT);
    if (r->of->sys->fstat(r->fd, &st) != 0)
        return wr_fail(err, WR_EIO, "cannot read '%s': %s", r->path, strerror(errno));
    r->size = (uint64_t)st.st_size;
    return WR_OK;
}

static wr_status open_segment(wr_piece_reader *r, uint64_t number, wr_err *err) {
    if (r->fd >= 0 && r->segment == number) return WR_OK;
    wr_piece_reader_close(r);
    wr_snapshots s = {.sys = r->of->sys, .dir = r->of->dir};
    r->segment = number;
    r->path = wri_snap_path(&s, number, "seg");
    if (!r->path) return wr_fail_oom(err, "a snapshot");
    r->fd = r->of->sys->open(r->path, O_RDONLY | O_CLOEXEC, 0);
    if (r->fd < 0)
        return wr_fail(err, WR_EIO,
                       "cannot open '%s': %s; check the folder of --state, its permissions and the disk",
                       r->path, strerror(errno));
    wr_status s2 = check_magic(r, err);
    if (s2 != WR_OK) wr_piece_reader_close(r);
    return s2;
}

wr_status wr_piece_read(wr_piece_reader *r, const wr_piece *p, uint64_t at, char *out, size_t n,
                        wr_err *err) {
    size_t got = 0;
    WR_TRY(open_segment(r, p->segment, err));
    uint64_t from = p->offset + at;
    if (p->offset > r->size || p->len > r->size - p->offset)
        return wr_fail(err, WR_EDATA, "'%s' is cut off at byte %" PRIu64 ": a piece reaches to %" PRIu64,
                       r->path, r->size, p->offset + p->len);
    WR_TRY(wr_pread_all(r->of->sys, r->fd, out, n, (int64_t)from, &got, r->path, err));
    return got == n ? WR_OK : wr_fail(err, WR_EDATA, "'%s' has become shorter while it was read", r->path);
}

wr_status wri_piece_is(const wr_piece_reader *r, const wr_piece *p, uint32_t crc, const char *part,
                       wr_err *err) {
    if (crc == p->crc) return WR_OK;
    return wr_fail(err, WR_EDATA,
                   "'%s' is damaged in bytes %" PRIu64 " to %" PRIu64
                   " (%s): their checksum is %08x, %08x was expected",
                   r->path, p->offset, p->offset + p->len, part, crc, p->crc);
}

/* ---- a snapshot ---- */

/* Parts and pieces of m. */
static wr_status look_up(wr_snapshot *out, const wri_manifest *m, wr_err *err) {
    out->parts = wr_arena_calloc(&out->ar, (m->n + 1) * sizeof *out->parts);
    if (!out->parts) return wr_fail_oom(err, "a snapshot");
    for (size_t i = 0; i < m->n; i++) {
        const wri_part_at *from = &m->parts[i];
        wr_saved_part *p = &out->parts[out->n++];
        p->pieces = wr_arena_calloc(&out->ar, (from->n + 1) * sizeof *p->pieces);
        p->name = wr_arena_strdup(&out->ar, from->name);
        if (!p->pieces || !p->name) return wr_fail_oom(err, "a snapshot");
        for (p->n = 0; p->n < from->n; p->n++) {
            const wri_piece_at *at = &from->pieces[p->n];
            p->pieces[p->n] =
                (wr_piece){.len = at->length, .segment = at->segment, .offset = at->offset, .crc = at->crc};
        }
    }
    return WR_OK;
}

wr_status wri_snap_read_parts(const wr_snapshots *s, const wri_manifest *m, wr_snapshot **outp, wr_err *err) {
    wr_snapshot *out = wr_calloc(1, sizeof *out);
    if (!out) return wr_fail_oom(err, "a snapshot");
    out->sys = s->sys;
    out->dir = wr_arena_strdup(&out->ar, s->dir);
    out->head = m->head;
    out->head.plan = wr_arena_strdup(&out->ar, m->head.plan);
    wr_status r = out->head.plan && out->dir ? look_up(out, m, err) : wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) r = wri_snap_check(out, err);
    if (r == WR_OK) *outp = out;
    else wr_snapshot_free(out);
    return r;
}

const wr_saved_part *wr_snapshot_part(const wr_snapshot *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->parts[i].name, name) == 0) return &s->parts[i];
    return NULL;
}

static wr_status bring_piece(wr_snapshot *s, wr_piece_reader *r, const char *part, wr_piece *p, wr_err *err) {
    char *data = wr_arena_alloc(&s->ar, p->len);
    if (!data) return wr_fail_oom(err, "a snapshot");
    WR_TRY(wr_piece_read(r, p, 0, data, p->len, err));
    WR_TRY(wri_piece_is(r, p, wr_crc32c(0, data, p->len), part, err));
    p->data = data;
    return WR_OK;
}

wr_status wr_snapshot_bring(wr_snapshot *s, const char *but, wr_err *err) {
    wr_piece_reader r = {.of = s, .fd = -1};
    wr_status st = WR_OK;
    for (size_t i = 0; i < s->n; i++) {
        wr_saved_part *p = &s->parts[i];
        if (but && strncmp(p->name, but, strlen(but)) == 0) continue;
        for (size_t k = 0; st == WR_OK && k < p->n; k++)
            if (!p->pieces[k].data) st = bring_piece(s, &r, p->name, &p->pieces[k], err);
    }
    wr_piece_reader_close(&r);
    return st;
}

void wr_snapshot_free(wr_snapshot *s) {
    if (!s) return;
    wr_arena_free(&s->ar);
    wr_free(s);
}
