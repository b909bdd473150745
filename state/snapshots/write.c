/* state/snapshots/write.c -- parts to a segment and a manifest, in the order that README.md gives. */
#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <string.h>
#include <unistd.h>

#include "store_int.h"

/* *atp: where the one before it was. Snapshots have their parts in the same order, and may have many. */
static wri_part_at *find_part(const wri_manifest *m, const char *name, size_t *atp) {
    for (size_t i = 0; i < m->n; i++) {
        size_t at = (*atp + 1 + i) % m->n;
        if (strcmp(m->parts[at].name, name) != 0) continue;
        *atp = at;
        return &m->parts[at];
    }
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

/* A part of the manifest m, and its bytes behind what g has. *lastp: find_part's. */
static wr_status write_part(const wr_snapshots *s, wr_segment *g, const wr_part *part, wri_manifest *m,
                            size_t *lastp, wr_err *err) {
    wri_part_at *p = &m->parts[m->n++];
    const wri_part_at *old = part->more && s->has_last ? find_part(&s->last, part->name, lastp) : NULL;
    if (part->more && !old)
        return wr_fail(err, WR_EINVAL, "%s is to go on, and the snapshot before has none of it", part->name);
    p->name = wr_arena_strdup(&m->ar, part->name);
    if (!p->name) return wr_fail_oom(err, "a snapshot");
    if (old) {
        wri_piece_at one;
        size_t n;
        WR_TRY(wri_snap_fold(s, old, g, &n, &one, err));
        for (size_t k = 0; k < old->n - n; k++) WR_TRY(add_piece(m, p, old->pieces[k], err));
        if (n > 0) WR_TRY(add_piece(m, p, one, err));
    }
    wri_segment_begin(g);
    WR_TRY(part->say ? part->say(part->ctx, g, err) : wr_segment_put(g, part->data, part->len, err));
    wri_piece_at own = wri_segment_piece(g);
    return own.length ? add_piece(m, p, own, err) : WR_OK;
}

wr_status wri_snap_write_file(const wr_snapshots *s, const char *path, const char *magic, const wr_buf *data,
                              wr_err *err) {
    int fd = s->sys->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return wr_fail(err, WR_EIO, "cannot make '%s': %s", path, strerror(errno));
    wr_status r = wr_write_all(s->sys, fd, magic, WRI_MAGIC_LEN, path, err);
    if (r == WR_OK) r = wr_write_all(s->sys, fd, data->data, data->len, path, err);
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
    crc = wr_crc32c(0, WRI_MANIFEST, WRI_MAGIC_LEN);
    crc = wr_crc32c(crc, out->data + sizeof crc, out->len - sizeof crc);
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
    if (r == WR_OK) r = wri_snap_write_file(s, made, WRI_MANIFEST, &text, err);
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

static wr_status write_segment(wr_snapshots *s, uint64_t segment, const wr_part *parts, size_t n,
                               wri_manifest *m, uint64_t *bytesp, wr_err *err) {
    wr_segment g;
    size_t last = 0;
    wr_status r = wri_segment_open(s, segment, &g, err);
    for (size_t i = 0; r == WR_OK && i < n; i++) r = write_part(s, &g, &parts[i], m, &last, err);
    *bytesp = g.at + g.n - WRI_MAGIC_LEN;
    if (r == WR_OK) r = wri_segment_finish(&g, err);
    wri_segment_close(&g);
    return r;
}

static wr_status write_parts(wr_snapshots *s, wri_manifest *m, const wr_part *parts, size_t n,
                             uint64_t *bytesp, bool *staysp, wr_err *err) {
    uint64_t segment = s->next_segment++;
    wr_status r = write_segment(s, segment, parts, n, m, bytesp, err);
    if (r == WR_OK) r = write_manifest(s, m, staysp, err);
    if (r != WR_OK && !*staysp) wri_snap_take_back(s, segment, "seg"); /* the disk may be full */
    return r;
}

wr_status wr_snapshots_write(wr_snapshots *s, const wr_snapshot_head *head, const wr_part *parts, size_t n,
                             uint64_t *bytesp, wr_err *err) {
    wri_manifest m = {.head = *head};
    bool stays = false;
    uint64_t bytes = 0;
    wr_status r = WR_OK;
    m.parts = wr_arena_calloc(&m.ar, (n + 1) * sizeof *m.parts);
    m.head.plan = wr_arena_strdup(&m.ar, head->plan);
    if (!m.parts || !m.head.plan ||
        wr_grow(&s->epochs, &s->epochs_cap, s->n_epochs + 1, sizeof *s->epochs) != WR_OK)
        r = wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) r = write_parts(s, &m, parts, n, &bytes, &stays, err);
    if (r == WR_OK || stays) s->epochs[s->n_epochs++] = head->epoch;
    if (r != WR_OK) {
        wri_manifest_free(&m);
        return r;
    }
    if (bytesp) *bytesp = bytes;
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
