/* state/streams/meta.c -- stream.meta: what a stream is made of, replaced whole.
 *
 *   offset size
 *        0    8  "WRSTRM1\n"
 *        8    4  length of the file
 *       12    4  checksum (CRC32C) of 16..
 *       16    8  uid, random
 *       24    8  generation: rises with each replacement
 *       32    8  created [us]
 *       40    8  retention [us]
 *       48    8  longest data of a record [bytes]
 *       56    4  1: on demand; else 0
 *       60    4  number of the next shard
 *       64    4  shards
 *       68    4  0
 *       72  120  per shard, by number:
 *          0  4  number         4  4  parent     8  4  second parent (all ones: none)    12  4  1: closed
 *         16 16  lowest hash key, low half first           32 16  highest
 *         48  8  created [us]  56  8  closed [us]
 *         64  8  first segment that has not expired
 *         72  8  closed: number behind the last record     80  8  last segment
 *         88  8  its length    96  8  its last arrival [us]    104 16  0
 *
 * Replacing: stream.meta.new is written and synced, takes the name, the folder is synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "log_int.h"

#define HEAD        72
#define SHARD_BYTES 120

wr_status wri_meta_encode(const wri_meta *m, wr_buf *out) {
    size_t n = HEAD + m->n * SHARD_BYTES;
    out->len = 0;
    WR_TRY(wr_buf_reserve(out, n));
    char *p = out->data;
    memset(p, 0, n);
    memcpy(p, "WRSTRM1\n", 8);
    wri_put32(p + 8, (uint32_t)n);
    wri_put64(p + 16, m->uid);
    wri_put64(p + 24, m->generation);
    wri_put64(p + 32, (uint64_t)m->created_us);
    wri_put64(p + 40, (uint64_t)m->retention_us);
    wri_put64(p + 48, (uint64_t)m->record_max);
    wri_put32(p + 56, m->on_demand);
    wri_put32(p + 60, m->next_shard);
    wri_put32(p + 64, (uint32_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        const wri_meta_shard *s = &m->shards[i];
        char *q = p + HEAD + i * SHARD_BYTES;
        wri_put32(q, s->id);
        wri_put32(q + 4, s->parent);
        wri_put32(q + 8, s->parent2);
        wri_put32(q + 12, s->closed);
        memcpy(q + 16, &s->lo, 16);
        memcpy(q + 32, &s->hi, 16);
        wri_put64(q + 48, (uint64_t)s->created_us);
        wri_put64(q + 56, (uint64_t)s->closed_us);
        wri_put64(q + 64, s->first_segment);
        wri_put64(q + 72, s->end);
        wri_put64(q + 80, s->end_segment);
        wri_put64(q + 88, (uint64_t)s->end_len);
        wri_put64(q + 96, (uint64_t)s->end_us);
    }
    wri_put32(p + 12, wr_crc32c(0, p + 16, n - 16));
    out->len = n;
    return WR_OK;
}

static wr_status broken(const char *path, const char *what, wr_err *err) {
    return wr_fail(err, WR_EDATA, "%s: %s; restore the file from a backup", path, what);
}

static wr_status check_head(const char *p, size_t n, const char *path, wr_err *err) {
    if (n < HEAD || memcmp(p, "WRSTRM", 6) != 0)
        return broken(path, "it does not begin as a stream's metadata does", err);
    if (p[6] != '1')
        return wr_fail(err, WR_EUNSUPPORTED, "%s: version %c; this weir knows version 1, use a newer one",
                       path, p[6] >= '0' && p[6] <= '9' ? p[6] : '?');
    if (p[7] != '\n' || wri_get32(p + 8) != n) return broken(path, "its length is not what it says", err);
    if (wri_get32(p + 12) != wr_crc32c(0, p + 16, n - 16)) return broken(path, "the checksum is wrong", err);
    if ((n - HEAD) % SHARD_BYTES != 0 || (n - HEAD) / SHARD_BYTES != wri_get32(p + 64))
        return broken(path, "its length does not go with the number of shards", err);
    return WR_OK;
}

wr_status wri_meta_decode(const char *p, size_t n, const char *path, wri_meta *out, wr_err *err) {
    *out = (wri_meta){0};
    WR_TRY(check_head(p, n, path, err));
    *out = (wri_meta){.uid = wri_get64(p + 16),
                      .generation = wri_get64(p + 24),
                      .created_us = (int64_t)wri_get64(p + 32),
                      .retention_us = (int64_t)wri_get64(p + 40),
                      .record_max = (int64_t)wri_get64(p + 48),
                      .on_demand = wri_get32(p + 56) == 1,
                      .next_shard = wri_get32(p + 60)};
    size_t shards = wri_get32(p + 64);
    if (wr_grow(&out->shards, &out->cap, shards, sizeof *out->shards) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    for (; out->n < shards; out->n++) {
        const char *q = p + HEAD + out->n * SHARD_BYTES;
        wri_meta_shard *s = &out->shards[out->n];
        *s = (wri_meta_shard){.id = wri_get32(q),
                              .parent = wri_get32(q + 4),
                              .parent2 = wri_get32(q + 8),
                              .closed = wri_get32(q + 12) == 1,
                              .created_us = (int64_t)wri_get64(q + 48),
                              .closed_us = (int64_t)wri_get64(q + 56),
                              .first_segment = wri_get64(q + 64),
                              .end = wri_get64(q + 72),
                              .end_segment = wri_get64(q + 80),
                              .end_len = (int64_t)wri_get64(q + 88),
                              .end_us = (int64_t)wri_get64(q + 96)};
        memcpy(&s->lo, q + 16, 16);
        memcpy(&s->hi, q + 32, 16);
        if (s->lo > s->hi || s->id >= out->next_shard || (out->n > 0 && s->id <= s[-1].id)) {
            wri_meta_free(out);
            return broken(path, "its shards contradict each other", err);
        }
    }
    return WR_OK;
}

static void meta_path(const char *dir, const char *suffix, char out[WRI_PATH]) {
    snprintf(out, WRI_PATH, "%s/" WRI_META "%s", dir, suffix);
}

wr_status wri_meta_load(const wr_sys *sys, const char *dir, wri_meta *out, wr_err *err) {
    char path[WRI_PATH];
    wr_buf b = {0};
    *out = (wri_meta){0};
    meta_path(dir, "", path);
    wr_status s = wri_slurp(sys, path, &b, err);
    if (s == WR_EOF) s = wr_fail(err, WR_EINVAL, "%s: there is no such file", path);
    else if (s == WR_OK) s = wri_meta_decode(b.data, b.len, path, out, err);
    wr_buf_free(&b);
    return s;
}

wr_status wri_meta_store(const wr_sys *sys, const char *dir, wri_meta *m, bool *replacedp, wr_err *err) {
    char path[WRI_PATH], tmp[WRI_PATH];
    wr_buf b = {0};
    *replacedp = false;
    meta_path(dir, "", path);
    meta_path(dir, ".new", tmp);
    m->generation++;
    if (wri_meta_encode(m, &b) != WR_OK) {
        wr_buf_free(&b);
        return wr_fail_oom(err, "a stream's metadata");
    }
    int fd = wri_open_fd(sys, tmp, O_WRONLY | O_CREAT | O_TRUNC);
    wr_status s = fd < 0 ? wri_cannot("write", tmp, errno, err) : WR_OK;
    if (s == WR_OK) s = wr_pwrite_all(sys, fd, b.data, b.len, 0, tmp, err);
    wr_buf_free(&b);
    if (s == WR_OK && sys->fdatasync(fd) != 0) s = wri_cannot("sync", tmp, errno, err);
    if (fd >= 0) sys->close(fd);
    if (s == WR_OK && sys->rename(tmp, path) != 0) s = wri_cannot("replace", path, errno, err);
    if (s != WR_OK) return s;
    *replacedp = true;
    return wri_sync_dir(sys, dir, err);
}

wr_status wri_meta_copy(const wri_meta *m, wri_meta *out, size_t more, wr_err *err) {
    *out = *m;
    out->shards = NULL;
    out->cap = 0;
    if (wr_grow(&out->shards, &out->cap, m->n + more, sizeof *m->shards) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    if (m->n) memcpy(out->shards, m->shards, m->n * sizeof *m->shards);
    return WR_OK;
}

void wri_meta_free(wri_meta *m) {
    wr_free(m->shards);
    *m = (wri_meta){0};
}

wri_meta_shard *wri_meta_find(const wri_meta *m, uint32_t shard) {
    size_t lo = 0, hi = m->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->shards[mid].id < shard) lo = mid + 1;
        else hi = mid;
    }
    return lo < m->n && m->shards[lo].id == shard ? &m->shards[lo] : NULL;
}
