/* connectors/formats/rows_int.h -- small things that decoders share; private to formats/. */
#ifndef WRI_FORMATS_ROWS_INT_H
#define WRI_FORMATS_ROWS_INT_H

#include "connectors/formats/convert.h"
#include "connectors/formats/dict_int.h"

/* All columns of a record, and the place of column k among them. */
static inline const wr_schema *wri_declared(const wr_decode_cfg *cfg) {
    return cfg->declared ? cfg->declared : cfg->schema;
}
static inline uint32_t wri_place(const wr_decode_cfg *cfg, uint32_t k) {
    return cfg->places ? cfg->places[k] : k;
}

/* Appends b, or drops it when it has no rows. Takes b also on failure. */
static inline wr_status wri_batches_add(wr_batches *out, wr_batch *b, wr_err *err) {
    if (b->n > 0 && wr_grow(&out->items, &out->cap, out->n + 1, sizeof(wr_batch *)) == WR_OK) {
        out->items[out->n++] = b;
        return WR_OK;
    }
    bool oom = b->n > 0;
    wr_batch_drop(b);
    return oom ? wr_fail_oom(err, "a list of batches") : WR_OK;
}

/* Reports data[from..to) of the chunk as a bad record. */
static inline void wri_bad(const wr_decode_cfg *cfg, const wr_chunk *c, size_t from, size_t to,
                           const char *why) {
    if (!cfg->bad) return;
    wr_bad_record r = {.why = why,
                       .data = c->data + from,
                       .len = to - from,
                       .split = c->split,
                       .pos = c->pos + (int64_t)from};
    cfg->bad(cfg->ctx, &r);
}

/* True when the chunk holds no record at all; it has then been reported. */
static inline bool wri_bad_chunk(const wr_decode_cfg *cfg, const wr_chunk *c) {
    if (c->bad) wri_bad(cfg, c, 0, c->len, c->why ? c->why : "a piece that is no record");
    return c->bad;
}

/* A view of p[0..n), which may be read 16 bytes far whatever n is. */
static inline wr_str wri_str_padded(const char *p, size_t n) {
    wr_str s;
    if (n <= WR_STR_INLINE) {
        uint64_t a, b;
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        /* Keep n bytes: shifts of 64 are avoided by two shifts of half. */
        uint32_t ka = n < 8 ? (uint32_t)n * 4 : 32, kb = n < 8 ? 0 : (uint32_t)(n - 8) * 4;
        a &= ~(~UINT64_C(0) << ka << ka);
        b &= ~(~UINT64_C(0) << kb << kb);
        uint64_t w[2] = {(uint64_t)n | a << 32, a >> 32 | b << 32};
        memcpy(&s, w, sizeof s);
        return s;
    }
    s.len = (uint32_t)n;
    memcpy(s.prefix, p, 4);
    s.ptr = p;
    return s;
}

/* Dictionaries of the string columns that cfg->want_dict names. */
typedef struct wri_dicts {
    wri_dict **items; /* per column, NULL: no codes; NULL: none at all */
    uint32_t n;
} wri_dicts;
wr_status wri_dicts_open(wri_dicts *d, const wr_decode_cfg *cfg) WR_MUST_USE;
void wri_dicts_close(wri_dicts *d);
/* Gives the columns of a filled batch their codes. */
wr_status wri_dicts_encode(wri_dicts *d, wr_batch *b) WR_MUST_USE;

/* Rows idx[0..n) (rising) of the rows [at, at + n_all) of b move together; b->n = at + n. */
void wri_rows_compact(wr_batch *b, uint32_t at, const uint32_t *idx, uint32_t n, uint32_t n_all);

#endif
