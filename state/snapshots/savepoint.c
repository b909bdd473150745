/* state/snapshots/savepoint.c -- savepoints, and a look at a folder that others may be using.
 *
 * A savepoint is made from a snapshot that has been written: its pieces, wherever they lie, are copied one by
 * one into a single segment. So it is whole however little each snapshot writes, it costs the job nothing but
 * the disk. The order is that of a snapshot: the segment is
 * durable before the manifest names it, and without a manifest the folder is no savepoint.
 *
 * Reading one never falls back: who asks for a savepoint means that moment and no other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_int.h"

#define NAME       "savepoint"
#define COPY_BYTES ((size_t)1 << 20)
#define TRIES      5 /* of a look: each time, three snapshots would have to be taken meanwhile */

static char *path_of(const char *dir, const char *name) {
    wr_buf b = {0};
    if (wr_buf_printf(&b, "%s/%s", dir, name) == WR_OK) return b.data;
    wr_buf_free(&b);
    return NULL;
}

wr_status wri_snap_is_savepoint(const wr_snapshots *s, bool *isp, wr_err *err) {
    struct stat st;
    char *path = path_of(s->dir, NAME);
    if (!path) return wr_fail_oom(err, "a savepoint");
    *isp = s->sys->stat(path, &st) == 0;
    wr_free(path);
    return WR_OK;
}

/* ---- copying pieces ---- */

typedef struct copying {
    const wr_snapshots *from;
    wr_snapshots to; /* sys and dir */
    const char *but; /* parts to leave out; NULL: none */
    wr_piece_reader in;
    int out; /* descriptor, -1: none */
    char *out_path;
    uint64_t at; /* written so far */
    char *bytes; /* COPY_BYTES of them */
} copying;

static wr_status cannot(const char *what, const char *path, wr_err *err) {
    return wr_fail(err, WR_EIO, "savepoint: cannot %s '%s': %s", what, path, strerror(errno));
}

/* *p is where the piece lies, and then where its copy does. A piece that turns out to be damaged has been
 * written by then: without a manifest that is nothing. */
static wr_status copy_piece(copying *c, const char *part, wri_piece_at *p, wr_err *err) {
    wr_piece piece = {.len = p->length, .segment = p->segment, .offset = p->offset, .crc = p->crc};
    uint32_t crc = 0;
    wr_status r = WR_OK;
    for (uint64_t done = 0; r == WR_OK && done < p->length;) {
        size_t n = p->length - done < COPY_BYTES ? (size_t)(p->length - done) : COPY_BYTES;
        r = wr_piece_read(&c->in, &piece, done, c->bytes, n, err);
        if (r == WR_OK) crc = wr_crc32c(crc, c->bytes, n);
        if (r == WR_OK) r = wr_write_all(c->from->sys, c->out, c->bytes, n, c->out_path, err);
        done += n;
    }
    if (r == WR_OK && p->length) r = wri_piece_is(&c->in, &piece, crc, part, err);
    if (r != WR_OK) return wr_fail_in(err, r, "savepoint");
    *p = (wri_piece_at){1, c->at, p->length, p->crc};
    c->at += p->length;
    return WR_OK;
}

static wr_status copy_parts(copying *c, const wri_manifest *from, wri_manifest *to, wr_err *err) {
    to->head = from->head;
    to->parts = wr_arena_calloc(&to->ar, (from->n + 1) * sizeof *to->parts);
    if (!to->parts) return wr_fail_oom(err, "a savepoint");
    for (size_t i = 0; i < from->n; i++) {
        if (c->but && strncmp(from->parts[i].name, c->but, strlen(c->but)) == 0) continue;
        wri_part_at *p = &to->parts[to->n++];
        *p = from->parts[i];
        p->pieces = wr_arena_alloc(&to->ar, (p->n + 1) * sizeof *p->pieces);
        if (!p->pieces) return wr_fail_oom(err, "a savepoint");
        if (p->n) memcpy(p->pieces, from->parts[i].pieces, p->n * sizeof *p->pieces);
        for (size_t k = 0; k < p->n; k++) WR_TRY(copy_piece(c, p->name, &p->pieces[k], err));
    }
    return WR_OK;
}

static wr_status copy_segment(copying *c, wri_manifest *to, wr_err *err) {
    const wr_sys *sys = c->from->sys;
    c->out_path = wri_snap_path(&c->to, 1, "seg");
    if (!c->out_path) return wr_fail_oom(err, "a savepoint");
    c->out = sys->open(c->out_path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (c->out < 0) return cannot("make", c->out_path, err);
    c->at = WRI_MAGIC_LEN;
    WR_TRY(wr_write_all(sys, c->out, WRI_SEGMENT, WRI_MAGIC_LEN, c->out_path, err));
    WR_TRY(copy_parts(c, &c->from->last, to, err));
    if (sys->fdatasync(c->out) != 0) return cannot("make durable", c->out_path, err);
    int fd = c->out;
    c->out = -1;
    return sys->close(fd) == 0 ? WR_OK : cannot("close", c->out_path, err);
}

/* ---- the folder ---- */

static void count_name(void *ctx, const char *name) {
    (void)name;
    ++*(size_t *)ctx;
}

/* *madep: it was not there. */
static wr_status make_folder(const wr_sys *sys, const char *dir, bool *madep, wr_err *err) {
    size_t names = 0;
    *madep = sys->mkdir(dir, 0755) == 0;
    if (*madep) return WR_OK;
    if (errno != EEXIST) return cannot("make the folder", dir, err);
    if (sys->list(dir, count_name, &names) != 0) return cannot("list", dir, err);
    return names == 0
               ? WR_OK
               : wr_fail(err, WR_EINVAL,
                         "savepoint: the folder '%s' is not empty; name one that is, or is not there yet",
                         dir);
}

/* So that the folder itself is there after a power cut. */
static wr_status sync_parent(const wr_sys *sys, const char *dir, wr_err *err) {
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    while (n > 0 && dir[n - 1] != '/') n--;
    wr_snapshots parent = {.sys = sys, .dir = NULL};
    wr_buf b = {0};
    if (wr_buf_put(&b, n ? dir : ".", n ? n : 1) != WR_OK || wr_buf_put(&b, "", 1) != WR_OK) {
        wr_buf_free(&b);
        return wr_fail_oom(err, "a savepoint");
    }
    parent.dir = b.data;
    wr_status r = wri_snap_sync_dir(&parent, err);
    wr_buf_free(&b);
    return r;
}

/* Adds its length to *bytesp. */
static wr_status write_manifest(const wr_snapshots *to, const wri_manifest *m, uint64_t *bytesp,
                                wr_err *err) {
    wr_buf text = {0};
    struct stat st;
    char *path = path_of(to->dir, NAME), *made = path_of(to->dir, NAME ".making");
    wr_status r = path && made ? wri_manifest_pack(m, &text, err) : wr_fail_oom(err, "a savepoint");
    if (r == WR_OK) r = wri_snap_write_file(to, made, WRI_MANIFEST, &text, err);
    if (r == WR_OK && to->sys->rename(made, path) != 0) r = cannot("rename", made, err);
    if (r == WR_OK) r = wri_snap_sync_dir(to, err);
    if (r == WR_OK) r = sync_parent(to->sys, to->dir, err);
    if (r == WR_OK && to->sys->stat(path, &st) == 0) *bytesp += (uint64_t)st.st_size;
    if (r != WR_OK && path && made) {
        to->sys->unlink(path);
        to->sys->unlink(made);
    }
    wr_buf_free(&text);
    wr_free(path);
    wr_free(made);
    return r;
}

wr_status wr_savepoint_write(wr_snapshots *s, const char *dir, const char *but, uint64_t *bytesp,
                             wr_err *err) {
    wr_snapshot of = {.sys = s->sys, .dir = s->dir};
    copying c = {.from = s, .but = but, .to = {.sys = s->sys}, .in = {.of = &of, .fd = -1}, .out = -1};
    wri_manifest m = {0};
    if (!s->has_last) return wr_fail(err, WR_EINVAL, "savepoint: '%s' has no snapshot to make it of", s->dir);
    c.to.dir = wr_strdup(dir);
    c.bytes = wr_alloc(COPY_BYTES);
    bool made = false;
    wr_status r =
        c.to.dir && c.bytes ? make_folder(s->sys, dir, &made, err) : wr_fail_oom(err, "a savepoint");
    bool ours = r == WR_OK;
    if (r == WR_OK) r = copy_segment(&c, &m, err);
    if (r == WR_OK) r = write_manifest(&c.to, &m, &c.at, err);
    if (r == WR_OK && bytesp) *bytesp = c.at;
    wr_piece_reader_close(&c.in);
    if (c.out >= 0) s->sys->close(c.out);
    if (r != WR_OK && ours && c.out_path) s->sys->unlink(c.out_path);
    if (r != WR_OK && made) s->sys->rmdir(dir);
    wri_manifest_free(&m);
    wr_free(c.out_path);
    wr_free(c.to.dir);
    wr_free(c.bytes);
    return r;
}

/* ---- reading ---- */

static wr_status read_savepoint(const wr_snapshots *s, wr_snapshot **outp, wr_err *err) {
    wri_manifest m;
    char *path = path_of(s->dir, NAME);
    if (!path) return wr_fail_oom(err, "a savepoint");
    wr_status r = wri_manifest_load(s, path, &m, err);
    if (r == WR_OK) r = wri_snap_read_parts(s, &m, outp, err);
    if (r == WR_OK) (*outp)->savepoint = true;
    wri_manifest_free(&m);
    wr_free(path);
    return r;
}

/* dir is to be freed in any case. */
static wr_status open_savepoint(const wr_sys *sys, const char *dir, wr_snapshots *s, wr_err *err) {
    bool is = false;
    *s = (wr_snapshots){.sys = sys, .lock = -1, .dir = wr_strdup(dir)};
    if (!s->dir) return wr_fail_oom(err, "a savepoint");
    WR_TRY(wri_snap_is_savepoint(s, &is, err));
    if (is) return WR_OK;
    return wr_fail(err, WR_EINVAL,
                   "'%s' is no savepoint: there is no file '%s/" NAME "'; weir state --savepoint "
                   "makes one of a folder of --state",
                   dir, dir);
}

wr_status wr_savepoint_read(const wr_sys *sys, const char *dir, wr_snapshot **outp, wr_err *err) {
    wr_snapshots s;
    *outp = NULL;
    wr_status r = open_savepoint(sys, dir, &s, err);
    if (r == WR_OK) r = read_savepoint(&s, outp, err);
    wr_free(s.dir);
    return r;
}

/* ---- a glance ---- */

/* Where the segment must end at least. */
static uint64_t end_of(const wri_manifest *m) {
    uint64_t end = WRI_MAGIC_LEN;
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < m->parts[i].n; k++) {
            const wri_piece_at *p = &m->parts[i].pieces[k];
            if (p->offset + p->length > end) end = p->offset + p->length;
        }
    return end;
}

static wr_status glance_piece(const wr_sys *sys, int fd, const char *path, const wri_piece_at *p, wr_buf *out,
                              wr_err *err) {
    size_t got = 0;
    if (wr_buf_reserve(out, p->length + 1) != WR_OK) return wr_fail_oom(err, "a savepoint");
    WR_TRY(wr_pread_all(sys, fd, out->data + out->len, p->length, (int64_t)p->offset, &got, path, err));
    if (got != p->length || wr_crc32c(0, out->data + out->len, got) != p->crc)
        return wr_fail(err, WR_EDATA, "'%s' is damaged in bytes %" PRIu64 " to %" PRIu64, path, p->offset,
                       p->offset + p->length);
    out->len += got;
    return WR_OK;
}

/* The bytes of one part, from a segment that is as long as m wants it. */
static wr_status glance_part(const wr_snapshots *s, const wri_manifest *m, const char *part, wr_buf *out,
                             uint64_t *bytesp, wr_err *err) {
    struct stat st;
    char *path = wri_snap_path(s, 1, "seg");
    if (!path) return wr_fail_oom(err, "a savepoint");
    int fd = s->sys->open(path, O_RDONLY | O_CLOEXEC, 0);
    wr_status r = WR_OK;
    if (fd < 0 || s->sys->fstat(fd, &st) != 0) r = cannot("open", path, err);
    else if ((uint64_t)st.st_size < end_of(m))
        r = wr_fail(err, WR_EDATA, "'%s' is cut off at byte %lld: it had %" PRIu64, path,
                    (long long)st.st_size, end_of(m));
    else *bytesp += (uint64_t)st.st_size;
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; r == WR_OK && strcmp(m->parts[i].name, part) == 0 && k < m->parts[i].n; k++)
            r = glance_piece(s->sys, fd, path, &m->parts[i].pieces[k], out, err);
    if (fd >= 0) s->sys->close(fd);
    wr_free(path);
    return r;
}

static wr_status make_glance(const wri_manifest *m, const char *part, const wr_buf *text, wr_snapshot **outp,
                             wr_err *err) {
    wr_snapshot *out = wr_calloc(1, sizeof *out);
    if (!out) return wr_fail_oom(err, "a savepoint");
    *outp = out;
    out->head = m->head;
    out->head.plan = "";
    out->savepoint = true;
    out->parts = wr_arena_calloc(&out->ar, sizeof *out->parts);
    wr_piece *piece = wr_arena_calloc(&out->ar, sizeof *piece);
    const char *name = wr_arena_strdup(&out->ar, part);
    char *data = wr_arena_alloc(&out->ar, text->len);
    if (!out->parts || !piece || !name || !data) return wr_fail_oom(err, "a savepoint");
    if (text->len) memcpy(data, text->data, text->len);
    out->n = 1;
    *piece = (wr_piece){.data = data, .len = text->len};
    out->parts[0] = (wr_saved_part){.name = name, .pieces = piece, .n = 1};
    return WR_OK;
}

wr_status wr_savepoint_glance(const wr_sys *sys, const char *dir, const char *part, wr_snapshot **outp,
                              uint64_t *bytesp, wr_err *err) {
    wr_snapshots s;
    wri_manifest m = {0};
    wr_buf text = {0};
    struct stat st;
    *outp = NULL;
    *bytesp = 0;
    wr_status r = open_savepoint(sys, dir, &s, err);
    char *path = r == WR_OK ? path_of(dir, NAME) : NULL;
    if (r == WR_OK && !path) r = wr_fail_oom(err, "a savepoint");
    if (r == WR_OK) r = wri_manifest_load(&s, path, &m, err);
    if (r == WR_OK) r = glance_part(&s, &m, part, &text, bytesp, err);
    if (r == WR_OK && sys->stat(path, &st) == 0) *bytesp += (uint64_t)st.st_size;
    if (r == WR_OK) r = make_glance(&m, part, &text, outp, err);
    if (r != WR_OK) {
        wr_snapshot_free(*outp);
        *outp = NULL;
    }
    wr_buf_free(&text);
    wri_manifest_free(&m);
    wr_free(path);
    wr_free(s.dir);
    return r;
}

static wr_status look_once(const wr_sys *sys, const char *dir, wr_snapshot **outp, wr_buf *said,
                           wr_err *err) {
    wr_snapshots s = {.sys = sys, .lock = -1};
    s.dir = wr_strdup(dir);
    if (!s.dir) return wr_fail_oom(err, "a snapshot");
    bool is = false;
    wr_status r = wri_snap_is_savepoint(&s, &is, err);
    if (is) r = read_savepoint(&s, outp, err);
    else if (r == WR_OK) {
        r = wri_snap_list(&s, err);
        if (r == WR_OK) r = wr_snapshots_read(&s, outp, said, err);
    }
    if (s.has_last) wri_manifest_free(&s.last);
    wr_free(s.epochs);
    wr_free(s.dir);
    return r;
}

wr_status wr_snapshots_look(const wr_sys *sys, const char *dir, wr_snapshot **outp, wr_buf *said,
                            wr_err *err) {
    size_t len = said->len;
    wr_status r = WR_OK;
    *outp = NULL;
    for (int i = 0; i < TRIES; i++) { /* who writes there may remove what is just being read */
        said->len = len;
        r = look_once(sys, dir, outp, said, err);
        if (r == WR_OK && said->len == len) return r;
        if (r == WR_OK && i + 1 < TRIES) {
            wr_snapshot_free(*outp);
            *outp = NULL;
        }
    }
    return r;
}

/* ---- a peek ---- */

static wr_status newest_manifest(wr_snapshots *s, wri_manifest *m, wr_err *err) {
    bool is = false;
    *m = (wri_manifest){0};
    WR_TRY(wri_snap_is_savepoint(s, &is, err));
    if (is) {
        char *path = path_of(s->dir, NAME);
        wr_status r = path ? wri_manifest_load(s, path, m, err) : wr_fail_oom(err, "a savepoint");
        wr_free(path);
        return r;
    }
    WR_TRY(wri_snap_list(s, err));
    return s->n_epochs ? wri_manifest_read(s, s->epochs[s->n_epochs - 1], m, err) : WR_OK;
}

static wr_status peek_piece(const wr_snapshots *s, const wri_piece_at *at, wr_buf *out, wr_err *err) {
    wr_snapshot of = {.sys = s->sys, .dir = s->dir};
    wr_piece_reader r = {.of = &of, .fd = -1};
    wr_piece p = {.len = at->length, .segment = at->segment, .offset = at->offset, .crc = at->crc};
    wr_status st = wr_buf_reserve(out, p.len) == WR_OK ? WR_OK : wr_fail_oom(err, "a snapshot");
    if (st == WR_OK) st = wr_piece_read(&r, &p, 0, out->data, p.len, err);
    if (st == WR_OK) st = wri_piece_is(&r, &p, wr_crc32c(0, out->data, p.len), "a part", err);
    if (st == WR_OK) out->len = p.len;
    wr_piece_reader_close(&r);
    return st;
}

wr_status wr_snapshots_peek(const wr_sys *sys, const char *dir, const char *part, wr_buf *out, wr_err *err) {
    wr_snapshots s = {.sys = sys, .lock = -1};
    wri_manifest m = {0};
    out->len = 0;
    s.dir = wr_strdup(dir);
    wr_status r = s.dir ? newest_manifest(&s, &m, err) : wr_fail_oom(err, "a snapshot");
    for (size_t i = 0; r == WR_OK && i < m.n; i++)
        if (strcmp(m.parts[i].name, part) == 0 && m.parts[i].n > 0)
            r = peek_piece(&s, &m.parts[i].pieces[0], out, err);
    wri_manifest_free(&m);
    wr_free(s.epochs);
    wr_free(s.dir);
    return r;
}
