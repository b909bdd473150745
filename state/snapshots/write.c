/* state/snapshots/write.c -- parts to a segment and a manifest, in the order that README.md gives. */
#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <string.h>
#include <unistd.h>

#include "store_int.h"

#define COPY_BYTES ((size_t)1 << 20)

static wri_part_at *find_part(const wri_manifest *m, const char *name) {
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->parts[i].name, name) == 0) return &m->parts[i];
    return NULL;
}

static wr_status add_piece(wri_manifest *m, wri_part_at *p, wri_piece_at at, wr_err *err) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 4;
        wri_piece_at *q = wr_arena_alloc(&m->ar, cap * sizeof *q);
        if (!q) return wr_fail_oom(err, "a snapshot");
        if (p->n) memcpy(q, p->pieces, p->n * sizeof *q);
        p->pieces = q;
        p->cap = cap;
    }
    p->pieces[p->n++] = at;
    return WR_OK;
}

static uint64_t len_of(const wr_part *p) { return p->from ? p->from->len : p->len; }
static uint32_t crc_of(const wr_part *p) { return p->from ? p->from->crc : wr_crc32c(0, p->data, p->len); }

/* The manifest of what is about to be written to `segment`. */
static wr_status plan_pieces(const wr_snapshots *s, uint64_t segment, wr_part *parts, wr_buf *own, size_t n,
                             wri_manifest *m, wr_err *err) {
    uint64_t at = WRI_MAGIC_LEN;
    m->parts = wr_arena_calloc(&m->ar, (n + 1) * sizeof *m->parts);
    if (!m->parts) return wr_fail_oom(err, "a snapshot");
    for (size_t i = 0; i < n; i++) {
        wri_part_at *p = &m->parts[m->n++];
        const wri_part_at *old = parts[i].more && s->has_last ? find_part(&s->last, parts[i].name) : NULL;
        if (parts[i].more && !old)
            return wr_fail(err, WR_EINVAL, "%s is to go on, and the snapshot before has none of it",
                           parts[i].name);
        p->name = wr_arena_strdup(&m->ar, parts[i].name);
        if (!p->name) return wr_fail_oom(err, "a snapshot");
        bool folds = old && !parts[i].from;
        size_t left = folds ? wri_snap_fold(s, old, &parts[i], &own[i]) : old ? old->n : 0;
        for (size_t k = 0; k < left; k++) WR_TRY(add_piece(m, p, old->pieces[k], err));
        if (len_of(&parts[i]) == 0) continue;
        wri_piece_at piece = {segment, at, len_of(&parts[i]), crc_of(&parts[i])};
        WR_TRY(add_piece(m, p, piece, err));
        at += piece.length;
    }
    return WR_OK;
}

static wr_status copy_part(const wr_snapshots *s, int fd, const char *path, const wr_part_from *from,
                           wr_err *err) {
    uint32_t crc = 0;
    char *p = wr_alloc(COPY_BYTES);
    wr_status r = p ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint64_t at = 0; r == WR_OK && at < from->len;) {
        size_t n = from->len - at < COPY_BYTES ? (size_t)(from->len - at) : COPY_BYTES;
        r = from->read(from->ctx, at, p, n, err);
        if (r == WR_OK) r = wr_write_all(s->sys, fd, p, n, path, err);
        if (r == WR_OK) crc = wr_crc32c(crc, p, n);
        at += n;
    }
    wr_free(p);
    if (r == WR_OK && crc != from->crc)
        r = wr_fail(
            err, WR_EIO,
            "state that was written to a temporary file has changed there: its checksum is %08x, %08x was "
            "expected; check the disk",
            crc, from->crc);
    return r;
}

static wr_status write_part(const wr_snapshots *s, int fd, const char *path, const wr_part *p, wr_err *err) {
    if (p->from) return copy_part(s, fd, path, p->from, err);
    return p->len ? wr_write_all(s->sys, fd, p->data, p->len, path, err) : WR_OK;
}

wr_status wri_snap_write_file(const wr_snapshots *s, const char *path, const char *magic,
                              const wr_part *parts, size_t n, wr_err *err) {
    int fd = s->sys->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return wr_fail(err, WR_EIO, "cannot make '%s': %s", path, strerror(errno));
    wr_status r = wr_write_all(s->sys, fd, magic, WRI_MAGIC_LEN, path, err);
    for (size_t i = 0; r == WR_OK && i < n; i++) r = write_part(s, fd, path, &parts[i], err);
    if (r == WR_OK && s->sys->fdatasync(fd) != 0)
        r = wr_fail(err, WR_EIO, "cannot make '%s' durable: %s; check the disk", path, strerror(errno));
    if (s->sys->close(fd) != 0 && r == WR_OK)
        r = wr_fail(err, WR_EIO, "cannot close '%s': %s", path, strerror(errno));
    return r;
}

static int pack_text(msgpack_packer *pk, const char *s) {
    size_t n = strlen(s);
    int r = msgpack_pack_str(pk, n);
    return r == 0 ? msgpack_pack_str_body(pk, s, n) : r;
}

static int pack_part(msgpack_packer *pk, const wri_part_at *p) {
    int r = msgpack_pack_array(pk, 2);
    if (r == 0) r = pack_text(pk, p->name);
    if (r == 0) r = msgpack_pack_array(pk, p->n);
    for (size_t i = 0; r == 0 && i < p->n; i++) {
        const wri_piece_at *at = &p->pieces[i];
        r = msgpack_pack_array(pk, 4);
        if (r == 0) r = msgpack_pack_uint64(pk, at->segment);
        if (r == 0) r = msgpack_pack_uint64(pk, at->offset);
        if (r == 0) r = msgpack_pack_uint64(pk, at->length);
        if (r == 0) r = msgpack_pack_uint32(pk, at->crc);
    }
    return r;
}

wr_status wri_manifest_pack(const wri_manifest *m, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    uint32_t crc = 0;
    msgpack_packer_init(&pk, out, wr_buf_write);
    int r = wr_buf_write(out, (const char *)&crc, sizeof crc);
    if (r == 0) r = msgpack_pack_array(&pk, 5);
    if (r == 0) r = msgpack_pack_uint64(&pk, m->head.epoch);
    if (r == 0) r = msgpack_pack_int64(&pk, m->head.taken_us);
    if (r == 0) r = pack_text(&pk, m->head.plan);
    if (r == 0) r = m->head.finished ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
    if (r == 0) r = msgpack_pack_array(&pk, m->n);
    for (size_t i = 0; r == 0 && i < m->n; i++) r = pack_part(&pk, &m->parts[i]);
    if (r != 0) return wr_fail_oom(err, "a snapshot");
    crc = wr_crc32c(0, out->data + sizeof crc, out->len - sizeof crc);
    memcpy(out->data, &crc, sizeof crc);
    return WR_OK;
}

/* *staysp: it failed, and yet the manifest is there under its name; whether durably, nobody knows. */
static wr_status write_manifest(wr_snapshots *s, const wri_manifest *m, bool *staysp, wr_err *err) {
    uint64_t epoch = m->head.epoch;
    *staysp = false;
    wr_buf text = {0};
    char *path = wri_snap_path(s, m->head.epoch, "snapshot"),
         *made = wri_snap_path(s, m->head.epoch, "making");
    wr_status r = path && made ? wri_manifest_pack(m, &text, err) : wr_fail_oom(err, "a snapshot");
    wr_part whole = {.data = text.data, .len = text.len};
    if (r == WR_OK) r = wri_snap_write_file(s, made, WRI_MANIFEST, &whole, 1, err);
    if (r == WR_OK && s->sys->rename(made, path) != 0)
        r = wr_fail(err, WR_EIO, "cannot rename '%s' to '%s': %s", made, path, strerror(errno));
    else if (r == WR_OK) {
        r = wri_snap_sync_dir(s, err);
        /* The next manifest's fsync of the folder makes this durable, too, before anybody relies on it. */
        *staysp = r != WR_OK && !wri_snap_take_back(s, epoch, "snapshot");
    }
    if (r != WR_OK) wri_snap_take_back(s, epoch, "making");
    wr_buf_free(&text);
    wr_free(path);
    wr_free(made);
    return r;
}

static wr_status write_segment(const wr_snapshots *s, uint64_t segment, const wr_part *parts, size_t n,
                               wr_err *err) {
    char *path = wri_snap_path(s, segment, "seg");
    wr_status r =
        path ? wri_snap_write_file(s, path, WRI_SEGMENT, parts, n, err) : wr_fail_oom(err, "a snapshot");
    wr_free(path);
    return r;
}

/* parts: pieces that were folded into one are put in the place of what they were. */
static wr_status write_parts(wr_snapshots *s, wri_manifest *m, wr_part *parts, wr_buf *own, size_t n,
                             bool *staysp, wr_err *err) {
    uint64_t segment = s->next_segment++;
    WR_TRY(plan_pieces(s, segment, parts, own, n, m, err));
    wr_status r = write_segment(s, segment, parts, n, err);
    if (r == WR_OK) r = write_manifest(s, m, staysp, err);
    if (r != WR_OK && !*staysp) wri_snap_take_back(s, segment, "seg"); /* the disk may be full */
    return r;
}

wr_status wr_snapshots_write(wr_snapshots *s, const wr_snapshot_head *head, const wr_part *given, size_t n,
                             uint64_t *bytesp, wr_err *err) {
    wri_manifest m = {.head = *head};
    bool stays = false;
    wr_status r = WR_OK;
    wr_part *parts = wr_calloc(n, sizeof *parts);
    wr_buf *own = wr_calloc(n, sizeof *own);
    if (!parts || !own || wr_grow(&s->epochs, &s->epochs_cap, s->n_epochs + 1, sizeof *s->epochs) != WR_OK ||
        !(m.head.plan = wr_arena_strdup(&m.ar, head->plan)))
        r = wr_fail_oom(err, "a snapshot");
    if (r == WR_OK && n) memcpy(parts, given, n * sizeof *parts);
    if (r == WR_OK) r = write_parts(s, &m, parts, own, n, &stays, err);
    for (size_t i = 0; r == WR_OK && bytesp && i < n; i++) *bytesp += len_of(&parts[i]);
    for (size_t i = 0; own && i < n; i++) wr_buf_free(&own[i]);
    wr_free(own);
    wr_free(parts);
    if (r == WR_OK || stays) s->epochs[s->n_epochs++] = head->epoch;
    if (r != WR_OK) {
        wri_manifest_free(&m);
        return r;
    }
    if (s->has_last) wri_manifest_free(&s->last);
    s->last = m;
    s->has_last = true;
    s->uncollected.code = WR_OK; /* what could not be removed is tried again with the next snapshot */
    wr_status gone = wri_snap_collect(s, &s->uncollected);
    s->uncollected.code = gone;
    return WR_OK;
}

const wr_err *wr_snapshots_uncollected(const wr_snapshots *s) {
    return s->uncollected.code == WR_OK ? NULL : &s->uncollected;
}
