/* state/snapshots/read.c -- manifests, and the newest whole snapshot; what is damaged is said and passed
 * over. Pieces: pieces.c. */
#include <inttypes.h>
#include <msgpack.h>
#include <string.h>

#include "store_int.h"

void wri_manifest_free(wri_manifest *m) {
    wr_arena_free(&m->ar);
    *m = (wri_manifest){0};
}

/* ---- manifests ---- */

static bool is_u64(const msgpack_object *o) { return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER; }
static bool is_array(const msgpack_object *o, size_t n) {
    return o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == n;
}
static bool is_text(const msgpack_object *o) { return o->type == MSGPACK_OBJECT_STR; }

static const char *text(wri_manifest *m, const msgpack_object *o) {
    return wr_arena_strndup(&m->ar, o->via.str.ptr, o->via.str.size);
}

/* False: not as a manifest is written, or no memory (*oomp). */
static bool take_piece(const msgpack_object *o, wri_piece_at *at) {
    if (!is_array(o, 4)) return false;
    const msgpack_object *f = o->via.array.ptr;
    for (int i = 0; i < 4; i++)
        if (!is_u64(&f[i])) return false;
    *at = (wri_piece_at){f[0].via.u64, f[1].via.u64, f[2].via.u64, (uint32_t)f[3].via.u64};
    return true;
}

static bool take_part(wri_manifest *m, const msgpack_object *o, wri_part_at *p, bool *oomp) {
    if (!is_array(o, 2) || !is_text(&o->via.array.ptr[0])) return false;
    const msgpack_object *pieces = &o->via.array.ptr[1];
    if (pieces->type != MSGPACK_OBJECT_ARRAY) return false;
    p->name = text(m, &o->via.array.ptr[0]);
    p->n = p->cap = pieces->via.array.size;
    p->pieces = wr_arena_calloc(&m->ar, (p->n + 1) * sizeof *p->pieces);
    *oomp = !p->name || !p->pieces;
    for (size_t i = 0; !*oomp && i < p->n; i++)
        if (!take_piece(&pieces->via.array.ptr[i], &p->pieces[i])) return false;
    return !*oomp;
}

static bool take_manifest(wri_manifest *m, const msgpack_object *o, bool *oomp) {
    if (!is_array(o, 5)) return false;
    const msgpack_object *f = o->via.array.ptr;
    bool signed_int = is_u64(&f[1]) || f[1].type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (!is_u64(&f[0]) || !signed_int || !is_text(&f[2]) || f[3].type != MSGPACK_OBJECT_BOOLEAN ||
        f[4].type != MSGPACK_OBJECT_ARRAY)
        return false;
    m->head = (wr_snapshot_head){f[0].via.u64, f[1].via.i64, text(m, &f[2]), f[3].via.boolean, 0};
    m->n = m->cap = f[4].via.array.size;
    m->parts = wr_arena_calloc(&m->ar, (m->n + 1) * sizeof *m->parts);
    *oomp = !m->head.plan || !m->parts;
    for (size_t i = 0; !*oomp && i < m->n; i++)
        if (!take_part(m, &f[4].via.array.ptr[i], &m->parts[i], oomp)) return false;
    return !*oomp;
}

#define HEAD ((size_t)WRI_MAGIC_LEN + sizeof(uint32_t)) /* of a manifest */

/* The checksum that a manifest of its format has: from format 2 on the magic is under it. */
static uint32_t sum_of(const wr_buf *file) {
    uint32_t crc = file->data[WRI_MAGIC_LEN - 1] == '1' ? 0 : wr_crc32c(0, file->data, WRI_MAGIC_LEN);
    return wr_crc32c(crc, file->data + HEAD, file->len - HEAD);
}

/* Magic and checksum. */
static wr_status check_manifest(const char *path, const wr_buf *file, wr_err *err) {
    const size_t digit = WRI_MAGIC_LEN - 1;
    uint32_t crc = 0;
    if (file->len < HEAD) return wr_fail(err, WR_EDATA, "'%s' is cut off at byte %zu", path, file->len);
    char format = file->data[digit];
    if (memcmp(file->data, WRI_MANIFEST, digit) != 0 || format < '1' || format > '9')
        return wr_fail(err, WR_EDATA, "'%s' does not begin with %s: it is damaged, or no file of weir", path,
                       WRI_MANIFEST);
    memcpy(&crc, file->data + WRI_MAGIC_LEN, sizeof crc);
    uint32_t found = sum_of(file);
    if (found != crc)
        return wr_fail(err, WR_EDATA, "'%s' is damaged: its checksum is %08x, %08x was expected", path, found,
                       crc);
    if (format <= WRI_MANIFEST[digit]) return WR_OK;
    return wr_fail(
        err, WR_EUNSUPPORTED, /* no damage: nobody may fall back behind it */
        "'%s' has format %c, and this weir knows formats up to %c; go on with the weir that wrote it, "
        "or a newer one",
        path, format, WRI_MANIFEST[digit]);
}

static wr_status parse_manifest(const char *path, const wr_buf *file, wri_manifest *m, wr_err *err) {
    msgpack_unpacked u;
    size_t at = 0;
    bool oom = false;
    msgpack_unpacked_init(&u);
    bool ok = msgpack_unpack_next(&u, file->data + HEAD, file->len - HEAD, &at) == MSGPACK_UNPACK_SUCCESS &&
              at == file->len - HEAD && take_manifest(m, &u.data, &oom);
    msgpack_unpacked_destroy(&u);
    m->head.format = file->data[WRI_MAGIC_LEN - 1] - '0';
    if (ok) return WR_OK;
    return oom ? wr_fail_oom(err, "a snapshot")
               : wr_fail(err, WR_EDATA, "'%s' is no manifest that this version of weir knows", path);
}

wr_status wri_manifest_load(const wr_snapshots *s, const char *path, wri_manifest *out, wr_err *err) {
    wr_buf file = {0};
    *out = (wri_manifest){0};
    wr_status r = wri_snap_read_file(s, path, &file, err);
    if (r == WR_OK) r = check_manifest(path, &file, err);
    if (r == WR_OK) r = parse_manifest(path, &file, out, err);
    wr_buf_free(&file);
    if (r != WR_OK) wri_manifest_free(out);
    return r;
}

wr_status wri_manifest_read(const wr_snapshots *s, uint64_t epoch, wri_manifest *out, wr_err *err) {
    *out = (wri_manifest){0};
    char *path = wri_snap_path(s, epoch, "snapshot");
    if (!path) return wr_fail_oom(err, "a snapshot");
    wr_status r = wri_manifest_load(s, path, out, err);
    if (r == WR_OK && out->head.epoch != epoch) {
        r = wr_fail(err, WR_EDATA, "'%s' holds snapshot %" PRIu64 ": the file was renamed", path,
                    out->head.epoch);
        wri_manifest_free(out);
    }
    wr_free(path);
    return r;
}

static wr_status pass_over(wr_buf *said, uint64_t epoch, const wr_err *why) {
    return wr_buf_printf(said, "snapshot %" PRIu64 " is passed over: %s\n", epoch, why->msg);
}

wr_status wr_snapshots_read(wr_snapshots *s, wr_snapshot **outp, wr_buf *said, wr_err *err) {
    wr_err why = {0};
    *outp = NULL;
    for (size_t i = s->n_epochs; i > 0; i--) {
        wri_manifest m;
        wr_status r = wri_manifest_read(s, s->epochs[i - 1], &m, &why);
        if (r == WR_OK) r = wri_snap_read_parts(s, &m, outp, &why);
        if (r == WR_OK) {
            if (s->has_last) wri_manifest_free(&s->last);
            s->last = m;
            s->has_last = true;
            return WR_OK;
        }
        wri_manifest_free(&m);
        if (r != WR_EDATA && r != WR_EIO) return wr_fail(err, r, "%s", why.msg);
        if (pass_over(said, s->epochs[i - 1], &why) != WR_OK) return wr_fail_oom(err, "a snapshot");
    }
    if (s->n_epochs == 0) return WR_OK;
    return wr_fail(
        err, WR_EDATA,
        "no snapshot in '%s' is whole, the newest because: %s. Repair it from a backup, or remove the folder "
        "to start anew",
        s->dir, why.msg);
}
