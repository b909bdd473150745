/* runtime/source_saved.c -- a source in a snapshot: how far each split had been read at the barrier.
 *
 * msgpack: [largest arrival time, [[position, watermark after what lies before it, whether the split had
 * ended], …], watermark that had been told (-2^63: none); the last was not there at first] */
#include <msgpack.h>

#include "job_int.h"

wr_status wri_source_save(wri_source *s, uint64_t epoch, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    pthread_mutex_lock(&s->lock);
    uint32_t n = 0;
    /* It has ended before any worker heard of the barrier: what was cut before is not how it stands. */
    wr_status cut = s->epoch < epoch ? wri_source_cut(s, epoch, err) : WR_OK;
    for (uint32_t i = 0; i < s->n_splits; i++) n += s->splits[i]->cut.len > 0;
    int r = msgpack_pack_array(&pk, 3);
    if (r == 0) r = msgpack_pack_int64(&pk, s->arrival_us);
    if (r == 0) r = msgpack_pack_array(&pk, n);
    for (uint32_t i = 0; r == 0 && i < s->n_splits; i++) {
        const wri_split *p = s->splits[i];
        if (p->cut.len == 0) continue; /* it came after the barrier, or cannot be read again */
        r = msgpack_pack_array(&pk, 3);
        if (r == 0) r = msgpack_pack_bin(&pk, p->cut.len);
        if (r == 0) r = msgpack_pack_bin_body(&pk, p->cut.data, p->cut.len);
        if (r == 0) r = msgpack_pack_int64(&pk, p->cut_wm);
        if (r == 0) r = p->cut_ended ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
    }
    if (r == 0) r = msgpack_pack_int64(&pk, s->told == WR_WM_END ? WR_WM_NONE : s->told);
    pthread_mutex_unlock(&s->lock);
    if (cut != WR_OK) return cut;
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static bool is_int(const msgpack_object *o) {
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER || o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

static wr_status load_split(wri_source *s, const msgpack_object *o, bool retimed, wr_err *err) {
    const msgpack_object *f = o->via.array.ptr;
    uint32_t i;
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 3 || f[0].type != MSGPACK_OBJECT_BIN ||
        !is_int(&f[1]) || f[2].type != MSGPACK_OBJECT_BOOLEAN)
        return wr_fail(err, WR_EDATA, "a split in the snapshot is not as it was written");
    wr_status r = s->con->resume(s->src, f[0].via.bin.ptr, f[0].via.bin.size, &i, err);
    if (r != WR_OK) return r == WR_AGAIN ? WR_OK : r; /* AGAIN: had ended, and has gone since */
    if (i >= s->n_splits) {
        WR_TRY(wri_source_add_splits(s, i + 1, err));
        s->splits[i]->ended = false;
        s->n_live++;
    }
    wri_split *p = s->splits[i];
    if (!retimed) p->wm = p->clock_wm = f[1].via.i64;
    if (f[2].via.boolean && !p->ended) {
        p->ended = true;
        s->n_live--;
    }
    return WR_OK;
}

/* Of a split that was idle then, or is new, rows behind what had been told are late, as they would have been.
 */
static void go_on_from(wri_source *s, int64_t told) {
    for (uint32_t i = 0; i < s->n_splits; i++) {
        wri_split *p = s->splits[i];
        if (p->wm < told) p->wm = told;
        if (p->clock_wm < told) p->clock_wm = told;
    }
}

wr_status wri_source_load(wri_source *s, const wr_piece *from, bool retimed, wr_err *err) {
    msgpack_unpacked u;
    size_t at = 0;
    msgpack_unpacked_init(&u);
    wr_status r = WR_OK;
    bool ok = msgpack_unpack_next(&u, from->data, from->len, &at) == MSGPACK_UNPACK_SUCCESS &&
              u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size >= 2 &&
              is_int(&u.data.via.array.ptr[0]) && u.data.via.array.ptr[1].type == MSGPACK_OBJECT_ARRAY;
    if (!ok) r = wr_fail(err, WR_EDATA, "a source in the snapshot is not as it was written");
    else s->arrival_us = u.data.via.array.ptr[0].via.i64;
    for (uint32_t i = 0; r == WR_OK && i < u.data.via.array.ptr[1].via.array.size; i++)
        r = load_split(s, &u.data.via.array.ptr[1].via.array.ptr[i], retimed, err);
    if (r == WR_OK && !retimed && u.data.via.array.size > 2 && is_int(&u.data.via.array.ptr[2]))
        go_on_from(s, u.data.via.array.ptr[2].via.i64);
    msgpack_unpacked_destroy(&u);
    return r;
}
