/* state/streams/format.c -- the bytes of segments, blocks, marks and indexes; log_int.h has the tables. */
#include "log_int.h"

uint32_t wri_id_seed(wri_id id) {
    char p[12];
    wri_put64(p, id.uid);
    wri_put32(p + 8, id.shard);
    return wr_crc32c(0, p, sizeof p);
}

/* ---- segment headers ---- */

void wri_segment_encode(const wri_segment *s, wri_id id, char out[WRI_SEG_HEADER]) {
    memset(out, 0, WRI_SEG_HEADER);
    memcpy(out, "WRSEG01\n", 8);
    wri_put32(out + 12, id.shard);
    wri_put64(out + 16, id.uid);
    wri_put64(out + 24, s->first);
    wri_put64(out + 32, (uint64_t)s->created_us);
    wri_put64(out + 40, s->prev);
    wri_put64(out + 48, (uint64_t)s->prev_len);
    wri_put64(out + 56, s->prev_next);
    wri_put64(out + 64, (uint64_t)s->prev_last_us);
    wri_put32(out + 8, wr_crc32c(wri_id_seed(id), out + 12, WRI_SEG_HEADER - 12));
}

bool wri_segment_decode(const char *p, wri_id id, wri_segment *out) {
    if (memcmp(p, "WRSEG01\n", 8) != 0) return false;
    if (wri_get32(p + 8) != wr_crc32c(wri_id_seed(id), p + 12, WRI_SEG_HEADER - 12)) return false;
    *out = (wri_segment){.first = wri_get64(p + 24),
                         .created_us = (int64_t)wri_get64(p + 32),
                         .prev = wri_get64(p + 40),
                         .prev_len = (int64_t)wri_get64(p + 48),
                         .prev_next = wri_get64(p + 56),
                         .prev_last_us = (int64_t)wri_get64(p + 64)};
    return true;
}

/* ---- blocks ---- */

void wri_block_seal(wri_block *b, wri_id id, char *p) {
    uint32_t from = wri_id_seed(id);
    b->crc = wr_crc32c(from, p + WRI_BLOCK_HEADER, b->len - WRI_BLOCK_HEADER);
    memcpy(p, "WRB1", 4);
    wri_put32(p + 8, b->crc);
    wri_put32(p + 12, b->len);
    wri_put64(p + 16, b->first);
    wri_put64(p + 24, (uint64_t)b->arrival_us);
    wri_put64(p + 32, (uint64_t)b->offset);
    wri_put64(p + 40, (uint64_t)b->synced);
    wri_put32(p + 48, b->records);
    wri_put32(p + 52, 0);
    wri_put32(p + 4, wr_crc32c(from, p + 8, WRI_BLOCK_HEADER - 8));
}

bool wri_block_decode(const char *p, wri_id id, wri_block *out) {
    if (memcmp(p, "WRB1", 4) != 0 ||
        wri_get32(p + 4) != wr_crc32c(wri_id_seed(id), p + 8, WRI_BLOCK_HEADER - 8))
        return false;
    *out = (wri_block){.crc = wri_get32(p + 8),
                       .len = wri_get32(p + 12),
                       .first = wri_get64(p + 16),
                       .arrival_us = (int64_t)wri_get64(p + 24),
                       .offset = (int64_t)wri_get64(p + 32),
                       .synced = (int64_t)wri_get64(p + 40),
                       .records = wri_get32(p + 48)};
    return out->len > WRI_BLOCK_HEADER && out->len <= WRI_BLOCK_MAX && out->records > 0;
}

bool wri_block_intact(const wri_block *b, wri_id id, const char *p) {
    return wr_crc32c(wri_id_seed(id), p + WRI_BLOCK_HEADER, b->len - WRI_BLOCK_HEADER) == b->crc;
}

/* ---- records ---- */

enum { HAS_HASH = 1, HAS_MARK = 2 };

size_t wri_record_bytes(const wr_put *p) {
    return WRI_RECORD_HEAD + (p->has_hash ? 16 : 0) + (p->mark.writer ? WRI_RECORD_MARK : 0) +
           (size_t)p->key_len + p->len;
}

char *wri_record_encode(const wr_put *p, char *out) {
    uint16_t key_len = (uint16_t)p->key_len;
    uint16_t flags = (uint16_t)((p->has_hash ? HAS_HASH : 0) | (p->mark.writer ? HAS_MARK : 0));
    wri_put32(out, p->len);
    memcpy(out + 4, &key_len, 2);
    memcpy(out + 6, &flags, 2);
    out += WRI_RECORD_HEAD;
    if (p->has_hash) {
        memcpy(out, &p->hash, 16);
        out += 16;
    }
    if (p->mark.writer) {
        wri_put64(out, p->mark.writer);
        wri_put64(out + 8, p->mark.epoch);
        wri_put32(out + 16, p->mark.index);
        out += WRI_RECORD_MARK;
    }
    memcpy(out, p->key, p->key_len);
    out += p->key_len;
    if (p->len) memcpy(out, p->data, p->len);
    return out + p->len;
}

const char *wri_record_decode(const char *p, const char *end, wr_record *out) {
    if (end - p < WRI_RECORD_HEAD) return NULL;
    uint16_t key_len, flags;
    out->len = wri_get32(p);
    memcpy(&key_len, p + 4, 2);
    memcpy(&flags, p + 6, 2);
    out->key_len = key_len;
    out->has_hash = flags & HAS_HASH;
    out->hash = 0;
    out->mark = (wr_mark){0};
    p += WRI_RECORD_HEAD;
    uint64_t more = (flags & HAS_HASH ? 16 : 0) + (flags & HAS_MARK ? WRI_RECORD_MARK : 0);
    if (flags > (HAS_HASH | HAS_MARK) || (uint64_t)(end - p) < more + out->key_len + out->len) return NULL;
    if (flags & HAS_HASH) {
        memcpy(&out->hash, p, 16);
        p += 16;
    }
    if (flags & HAS_MARK) {
        out->mark = (wr_mark){wri_get64(p), wri_get64(p + 8), wri_get32(p + 16)};
        p += WRI_RECORD_MARK;
    }
    out->key = p;
    out->data = p + key_len;
    return out->data + out->len;
}

/* ---- marks ---- */

void wri_mark_encode(const wri_mark *m, wri_id id, char out[WRI_MARK_BYTES]) {
    memset(out, 0, WRI_MARK_BYTES);
    memcpy(out, "WRTAIL1\n", 8);
    wri_put64(out + 8, m->base);
    wri_put64(out + 16, (uint64_t)m->len);
    wri_put64(out + 24, (uint64_t)m->synced);
    wri_put64(out + 32, m->next);
    wri_put64(out + 40, (uint64_t)m->last_us);
    wri_put32(out + 60, wr_crc32c(wri_id_seed(id), out, 60));
}

bool wri_mark_decode(const char *p, wri_id id, wri_mark *out) {
    if (memcmp(p, "WRTAIL1\n", 8) != 0 || wri_get32(p + 60) != wr_crc32c(wri_id_seed(id), p, 60))
        return false;
    *out = (wri_mark){.base = wri_get64(p + 8),
                      .len = (int64_t)wri_get64(p + 16),
                      .synced = (int64_t)wri_get64(p + 24),
                      .next = wri_get64(p + 32),
                      .last_us = (int64_t)wri_get64(p + 40)};
    return out->len >= WRI_SEG_HEADER && out->synced <= out->len;
}

/* ---- indexes ---- */

wr_status wri_index_add(wri_index *x, const wri_block *b) {
    if (x->n > 0 && b->offset - x->items[x->n - 1].offset < WRI_IDX_EVERY) return WR_OK;
    WR_TRY(wr_grow(&x->items, &x->cap, x->n + 1, sizeof *x->items));
    x->items[x->n++] = (wri_entry_at){b->offset, b->first, b->arrival_us};
    return WR_OK;
}

static uint32_t index_crc(wri_id id, const char *p, size_t n) {
    return wr_crc32c(wr_crc32c(wri_id_seed(id), p, 36), p + 40, n - 40);
}

wr_status wri_index_encode(const wri_index *x, wri_id id, int64_t len, uint64_t next, int64_t last_us,
                           wr_buf *out) {
    size_t n = WRI_IDX_HEADER + x->n * WRI_IDX_ENTRY;
    WR_TRY(wr_buf_reserve(out, n));
    char *p = out->data;
    memcpy(p, "WRIDX01\n", 8);
    wri_put64(p + 8, (uint64_t)len);
    wri_put64(p + 16, next);
    wri_put64(p + 24, (uint64_t)last_us);
    wri_put32(p + 32, (uint32_t)x->n);
    for (size_t i = 0; i < x->n; i++) {
        char *e = p + WRI_IDX_HEADER + i * WRI_IDX_ENTRY;
        wri_put64(e, (uint64_t)x->items[i].offset);
        wri_put64(e + 8, x->items[i].first);
        wri_put64(e + 16, (uint64_t)x->items[i].arrival_us);
    }
    wri_put32(p + 36, index_crc(id, p, n));
    out->len = n;
    return WR_OK;
}

bool wri_index_decode(const char *p, size_t n, wri_id id, int64_t len, wri_index *x) {
    x->n = 0;
    if (n < WRI_IDX_HEADER || memcmp(p, "WRIDX01\n", 8) != 0) return false;
    size_t entries = wri_get32(p + 32);
    if ((n - WRI_IDX_HEADER) / WRI_IDX_ENTRY != entries || (n - WRI_IDX_HEADER) % WRI_IDX_ENTRY != 0)
        return false;
    if (wri_get32(p + 36) != index_crc(id, p, n) || (int64_t)wri_get64(p + 8) != len) return false;
    if (wr_grow(&x->items, &x->cap, entries, sizeof *x->items) != WR_OK) return false;
    for (; x->n < entries; x->n++) {
        const char *e = p + WRI_IDX_HEADER + x->n * WRI_IDX_ENTRY;
        x->items[x->n] = (wri_entry_at){(int64_t)wri_get64(e), wri_get64(e + 8), (int64_t)wri_get64(e + 16)};
    }
    return true;
}
