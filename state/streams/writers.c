/* state/streams/writers.c -- whose marks a shard has, so that a restart need not read all that others wrote.
 *
 *   group durable    each writer's last mark is noted in memory (wri_shard.writers)
 *   segment begins   the notes go into a file beside it, SSSS.writers: what there is before the segment
 *   opened           that file, and then the marks of the last segment
 *   written.c        the file of the last segment, and then that segment: at most one is read
 *
 * `since` says from which number on nothing is missing from the notes: where they had to begin anew (no
 * memory, a file that is broken, a shard of a weir that did not write them), that is not the shard's
 * beginning, and who asks about what lies before it has to read. So the file is a short cut only; it is not
 * synced, and one that does not check out counts as none. Writers whose last record has expired are left out.
 *
 * Threads: whoever is busy with the shard; reading a file needs nobody. */
#include <errno.h>
#include <fcntl.h>

#include "log_int.h"

#define HEAD  32
#define ENTRY 40

void wri_writers_anew(wri_writers *w, uint64_t since) {
    w->n = w->hit = 0;
    w->since = since;
}

void wri_writers_free(wri_writers *w) {
    wr_free(w->items);
    *w = (wri_writers){0};
}

bool wri_later_mark(const wr_mark *a, const wr_mark *b) {
    return a->epoch > b->epoch || (a->epoch == b->epoch && a->index >= b->index);
}

const wri_writer *wri_writers_find(const wri_writers *w, uint64_t writer) {
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].last.writer == writer) return &w->items[i];
    return NULL;
}

void wri_writers_note(wri_writers *w, const wri_writer *one) {
    if (w->hit >= w->n || w->items[w->hit].last.writer != one->last.writer) {
        const wri_writer *found = wri_writers_find(w, one->last.writer);
        w->hit = found ? (size_t)(found - w->items) : w->n;
    }
    if (w->hit < w->n) {
        if (wri_later_mark(&one->last, &w->items[w->hit].last)) w->items[w->hit] = *one;
    } else if (wr_grow(&w->items, &w->cap, w->n + 1, sizeof *w->items) == WR_OK) w->items[w->n++] = *one;
    else wri_writers_anew(w, one->number + 1);
}

void wri_writers_note_block(wri_writers *w, const wri_block *b, const char *p) {
    const char *at = p + WRI_BLOCK_HEADER, *end = p + b->len;
    for (uint32_t i = 0; at && i < b->records; i++) {
        wr_record r;
        at = wri_record_decode(at, end, &r);
        if (at && r.mark.writer) wri_writers_note(w, &(wri_writer){r.mark, b->first + i, b->arrival_us});
    }
}

/* ---- the file ---- */

static uint32_t checksum(wri_id id, const char *p, size_t n) {
    return wr_crc32c(wr_crc32c(wri_id_seed(id), p, 28), p + HEAD, n - HEAD);
}

static wr_status encode(const wri_writers *w, wri_id id, uint64_t base, int64_t horizon_us, wr_buf *out) {
    WR_TRY(wr_buf_reserve(out, HEAD + w->n * ENTRY));
    char *p = out->data, *e = p + HEAD;
    memset(p, 0, HEAD + w->n * ENTRY);
    for (size_t i = 0; i < w->n; i++) {
        const wri_writer *x = &w->items[i];
        if (x->arrival_us < horizon_us) continue;
        wri_put64(e, x->last.writer);
        wri_put64(e + 8, x->last.epoch);
        wri_put32(e + 16, x->last.index);
        wri_put64(e + 24, x->number);
        wri_put64(e + 32, (uint64_t)x->arrival_us);
        e += ENTRY;
    }
    out->len = (size_t)(e - p);
    memcpy(p, "WRWHO01\n", 8);
    wri_put64(p + 8, base);
    wri_put64(p + 16, w->since);
    wri_put32(p + 24, (uint32_t)((out->len - HEAD) / ENTRY));
    wri_put32(p + 28, checksum(id, p, out->len));
    return WR_OK;
}

static bool decode(const char *p, size_t n, wri_id id, uint64_t base, wri_writers *w) {
    if (n < HEAD || memcmp(p, "WRWHO01\n", 8) != 0 || wri_get64(p + 8) != base) return false;
    size_t entries = wri_get32(p + 24);
    if ((n - HEAD) % ENTRY != 0 || (n - HEAD) / ENTRY != entries) return false;
    if (wri_get32(p + 28) != checksum(id, p, n)) return false;
    if (wr_grow(&w->items, &w->cap, entries + 1, sizeof *w->items) != WR_OK) return false;
    for (const char *e = p + HEAD; w->n < entries; e += ENTRY)
        w->items[w->n++] = (wri_writer){{wri_get64(e), wri_get64(e + 8), wri_get32(e + 16)},
                                        wri_get64(e + 24),
                                        (int64_t)wri_get64(e + 32)};
    w->since = wri_get64(p + 16);
    return true;
}

void wri_writers_store(const wri_shard *sh, uint64_t base) {
    const wr_sys *sys = sh->st->db->sys;
    char path[WRI_PATH];
    wr_buf b = {0};
    int64_t horizon_us = wri_now(sh->st->db) - __atomic_load_n(&sh->st->retention_us, __ATOMIC_RELAXED);
    wri_file_path(sh->dir, base, WRI_WRITERS, path);
    if (encode(&sh->writers, sh->id, base, horizon_us, &b) == WR_OK) {
        int fd = wri_open_fd(sys, path, O_WRONLY | O_CREAT | O_TRUNC);
        if (fd >= 0 && wr_pwrite_all(sys, fd, b.data, b.len, 0, path, NULL) != WR_OK) sys->unlink(path);
        if (fd >= 0) sys->close(fd);
    }
    wr_buf_free(&b);
}

bool wri_writers_load(const wr_sys *sys, const char *shard_dir, uint64_t base, wri_id id, wri_writers *w) {
    char path[WRI_PATH];
    wr_buf b = {0};
    wri_writers_anew(w, base);
    wri_file_path(shard_dir, base, WRI_WRITERS, path);
    bool good = wri_slurp(sys, path, &b, NULL) == WR_OK && decode(b.data, b.len, id, base, w);
    wr_buf_free(&b);
    if (!good) wri_writers_anew(w, base);
    return good;
}
