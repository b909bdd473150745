/* What the fuzz targets of formats share: a schema of all types, chunks of exact size, rows that compare. */
#ifndef FUZZ_FORMATS_H
#define FUZZ_FORMATS_H

#include <stdio.h>
#include <stdlib.h>

#include "connectors/connectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond), abort()))

static const wr_field fuzz_fields[] = {
    {"a", {.kind = WR_T_VARCHAR}, NULL},
    {"b", {.kind = WR_T_INTEGER}, NULL},
    {"c", {.kind = WR_T_DOUBLE}, NULL},
    {"d", {.kind = WR_T_TIMESTAMP, .prec = 3}, NULL},
    {"e", {.kind = WR_T_DECIMAL, .prec = 9, .scale = 2}, NULL},
    {"f", {.kind = WR_T_VARBINARY}, NULL},
    {"g", {.kind = WR_T_BOOLEAN}, NULL},
    {"h", {.kind = WR_T_JSON}, NULL},
    {"i", {.kind = WR_T_VARCHAR, .prec = 5}, NULL},
    {"j", {.kind = WR_T_TIME, .prec = 6}, NULL},
    {"k", {.kind = WR_T_DATE}, NULL},
    {"l", {.kind = WR_T_REAL}, NULL},
    {"m", {.kind = WR_T_INTERVAL_DAY}, NULL},
    {"n", {.kind = WR_T_BIGINT, .not_null = true}, NULL},
};

typedef struct rows { /* decoded */
    wr_batches l;
    uint64_t n, bad;
} rows;

static inline void fuzz_bad(void *ctx, const wr_bad_record *r) {
    CHECK(r->why && strlen(r->why) < 1024);
    volatile char sink = 0;
    for (size_t i = 0; i < r->len; i++) sink ^= r->data[i]; /* all of it may be read */
    (*(uint64_t *)ctx)++;
}

static inline void fuzz_release(wr_ref *r) { free(r); }

static inline void fuzz_decode(const wr_format_def *f, wr_decoder *d, const char *p, size_t n, int64_t pos,
                               rows *to) {
    struct bytes {
        wr_ref ref;
        char data[];
    } *m = malloc(sizeof *m + n + WR_PAD);
    CHECK(m);
    wr_ref_init(&m->ref, fuzz_release);
    if (n) memcpy(m->data, p, n);
    memset(m->data + n, '"', WR_PAD); /* may be read, must not be used */
    wr_chunk c = {.data = m->data, .len = n, .pos = pos, .hold = &m->ref};
    size_t first = to->l.n;
    CHECK(f->decode(d, &c, &to->l, NULL) == WR_OK);
    wr_drop(&m->ref);
    for (size_t i = first; i < to->l.n; i++) to->n += to->l.items[i]->n;
}

static inline void fuzz_free(rows *r) {
    for (size_t i = 0; i < r->l.n; i++) wr_batch_drop(r->l.items[i]);
    wr_free(r->l.items);
    *r = (rows){0};
}

static inline bool same_cell(const wr_col *a, uint32_t i, const wr_col *b, uint32_t j) {
    if (wr_is_null(a, i) || wr_is_null(b, j)) return wr_is_null(a, i) && wr_is_null(b, j);
    return a->phys == WR_STR ? wr_str_eq(&a->str[i], &b->str[j]) : a->i64[i] == b->i64[j];
}

/* Both lists hold the same rows, however they are cut into batches. */
static inline void fuzz_same(const rows *x, const rows *y) {
    CHECK(x->n == y->n);
    size_t bx = 0, by = 0;
    uint32_t ix = 0, iy = 0;
    for (uint64_t r = 0; r < x->n; r++, ix++, iy++) {
        if (ix == x->l.items[bx]->n) bx++, ix = 0;
        if (iy == y->l.items[by]->n) by++, iy = 0;
        const wr_batch *a = x->l.items[bx], *b = y->l.items[by];
        for (uint32_t k = 0; k < a->n_cols; k++) {
            CHECK(same_cell(&a->cols[k], ix, &b->cols[k], iy));
            const wr_col *c = &b->cols[k];
            if (c->codes && !wr_is_null(c, iy)) CHECK(wr_str_eq(&c->str[iy], &c->dict->values[c->codes[iy]]));
        }
    }
}

/* Times that ISO text can say. */
static inline bool fuzz_plain_times(const rows *r) {
    for (size_t i = 0; i < r->l.n; i++)
        for (uint32_t k = 0; k < r->l.items[i]->n; k++) {
            int64_t us = r->l.items[i]->cols[3].i64[k];
            if (us < INT64_C(-62135596800000000) || us >= INT64_C(253402300800000000)) return false;
        }
    return true;
}

/* What was decoded, written and read again, is the same. */
static inline void fuzz_round_trip(const wr_format_def *f, const wr_schema *sc, const wr_kv *kv, size_t n_kv,
                                   const rows *r) {
    if (!fuzz_plain_times(r)) return;
    wr_encode_cfg ecfg = {.schema = sc, .options = kv, .n_options = n_kv};
    rows back = {0};
    wr_decode_cfg dcfg = {
        .schema = sc, .options = kv, .n_options = n_kv, .batch_rows = 64, .bad = fuzz_bad, .ctx = &back.bad};
    wr_encoder *e;
    wr_decoder *d;
    wr_buf out = {0};
    CHECK(f->open_encoder(&ecfg, &e, NULL) == WR_OK && f->open_decoder(&dcfg, &d, NULL) == WR_OK);
    for (size_t i = 0; i < r->l.n; i++) CHECK(f->encode(e, r->l.items[i], &out, NULL) == WR_OK);
    fuzz_decode(f, d, out.data, out.len, 0, &back);
    CHECK(back.bad == 0);
    fuzz_same(r, &back);
    fuzz_free(&back);
    wr_buf_free(&out);
    f->close_encoder(e);
    f->close_decoder(d);
}

#endif
