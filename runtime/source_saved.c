/* runtime/source_saved.c -- a source's part of a snapshot; how it is laid out, and how it is read: source.c.
 */
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
    int r = msgpack_pack_array(&pk, 2);
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
    pthread_mutex_unlock(&s->lock);
    if (cut != WR_OK) return cut;
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}
