/* Helpers for the tests of formats: schemas, random batches, chunks, decoding, comparing. */
#ifndef TEST_FORMATS_H
#define TEST_FORMATS_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "connectors/connectors.h"

static inline uint64_t rnd(uint64_t *s) {
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* One column of every type. */
static const wr_field all_types[] = {
    {"vc", {.kind = WR_T_VARCHAR}, NULL},
    {"ok", {.kind = WR_T_BOOLEAN}, NULL},
    {"tiny", {.kind = WR_T_TINYINT}, NULL},
    {"small", {.kind = WR_T_SMALLINT}, NULL},
    {"int", {.kind = WR_T_INTEGER}, NULL},
    {"big", {.kind = WR_T_BIGINT}, NULL},
    {"dec", {.kind = WR_T_DECIMAL, .prec = 12, .scale = 3}, NULL},
    {"real", {.kind = WR_T_REAL}, NULL},
    {"dbl", {.kind = WR_T_DOUBLE}, NULL},
    {"bin", {.kind = WR_T_VARBINARY}, NULL},
    {"day", {.kind = WR_T_DATE}, NULL},
    {"clock", {.kind = WR_T_TIME, .prec = 6}, NULL},
    {"ts3", {.kind = WR_T_TIMESTAMP, .prec = 3}, NULL},
    {"ts6", {.kind = WR_T_TIMESTAMP, .prec = 6}, NULL},
    {"span", {.kind = WR_T_INTERVAL_DAY, .prec = 6}, NULL},
    {"months", {.kind = WR_T_INTERVAL_MONTH}, NULL},
    {"js", {.kind = WR_T_JSON}, NULL},
    {"text, \"two\"", {.kind = WR_T_VARCHAR}, NULL},
};
#define ALL_TYPES ((wr_schema){WR_LEN(all_types), (wr_field *)all_types})

static inline size_t random_text(uint64_t *seed, char *out, size_t max) {
    static const char *const bits[] = {"a",  "B7", ",",    "\"",   "\n", "\r\n", "\\",
                                       "\t", "é",  "日本", "😀",    " ",  "\"\"", "/p/0042",
                                       ";",  "'",  "\x01", "NULL", "x=y"};
    size_t n = 0, want = rnd(seed) % 5 == 0 ? rnd(seed) % max : rnd(seed) % 16;
    while (n < want) {
        const char *b = bits[rnd(seed) % WR_LEN(bits)];
        if (n + strlen(b) > max) break;
        memcpy(out + n, b, strlen(b));
        n += strlen(b);
    }
    return n;
}

static inline int64_t random_i64(const wr_type *t, uint64_t *seed) {
    const int64_t day = INT64_C(86400000000);
    int64_t v = (int64_t)rnd(seed) >> (rnd(seed) % 64);
    switch (t->kind) {
    case WR_T_BOOLEAN:
        return v & 1;
    case WR_T_TINYINT:
        return (int8_t)v;
    case WR_T_SMALLINT:
        return (int16_t)v;
    case WR_T_INTEGER:
        return (int32_t)v;
    case WR_T_DECIMAL:
        return v % 1000000000000;
    case WR_T_DATE:
        return (int64_t)(rnd(seed) % 50000) * day - 20000 * day;
    case WR_T_TIME:
        return (int64_t)(rnd(seed) % (uint64_t)day);
    case WR_T_TIMESTAMP:
        v = INT64_C(1767225600000000) + (v >> 12) % (day * 100000); /* 1752 to 2299 */
        return t->prec == 3 ? wr_floor_to(v, 1000) : v;
    case WR_T_INTERVAL_MONTH:
        return v >> 8;
    default:
        return v;
    }
}

static inline double random_f64(const wr_type *t, uint64_t *seed) {
    uint64_t r = rnd(seed);
    double v = r % 3 == 0 ? (double)(int64_t)(r >> 40) / 100 : r % 3 == 1 ? (double)(int32_t)(r >> 8) : 0;
    if (r % 3 == 2) {
        r = rnd(seed) & ~(UINT64_C(1) << 62); /* finite */
        memcpy(&v, &r, sizeof v);
    }
    return t->kind == WR_T_REAL ? (double)(float)v : v;
}

static inline void random_str(wr_batch *b, const wr_type *t, uint64_t *seed, wr_str *out) {
    char text[200];
    size_t n = random_text(seed, text, sizeof text);
    if (t->kind == WR_T_VARBINARY)
        for (size_t i = 0; i < n; i++) text[i] = (char)rnd(seed);
    if (t->kind == WR_T_JSON) {
        static const char *const json[] = {"{\"a\":[1,2,{\"b\":null}]}",        "12.5", "\"x\"", "[]", "true",
                                           "{\"long\":\"text, with 'quotes'\"}"};
        const char *s = json[rnd(seed) % WR_LEN(json)];
        n = strlen(s);
        memcpy(text, s, n);
    }
    cr_assert_eq(wr_batch_str(b, text, n, out, NULL), WR_OK);
}

static inline wr_batch *random_batch(const wr_schema *sc, uint32_t rows, uint64_t *seed) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(sc->n, rows, &b, NULL), WR_OK);
    b->n = rows;
    for (uint32_t k = 0; k < sc->n; k++) {
        const wr_type *t = &sc->fields[k].type;
        cr_assert_eq(wr_batch_col(b, k, wr_type_phys(*t), NULL), WR_OK);
        wr_col *c = &b->cols[k];
        for (uint32_t i = 0; i < rows; i++) {
            bool null = rnd(seed) % 6 == 0;
            if (null) wr_bit_set(wr_batch_nulls(b, c), i);
            if (c->phys == WR_STR) {
                if (null) memset(&c->str[i], 0, sizeof c->str[i]);
                else random_str(b, t, seed, &c->str[i]);
            } else if (c->phys == WR_F64) c->f64[i] = null ? 0 : random_f64(t, seed);
            else c->i64[i] = null ? 0 : random_i64(t, seed);
        }
    }
    return b;
}

/* A chunk in memory of exactly its size and padding, so that the sanitizer sees reads behind it. */
static inline void bytes_release(wr_ref *r) { wr_free(r); }
static inline wr_chunk chunk_of(const char *p, size_t n, int64_t pos) {
    wr_bytes *m = wr_alloc(sizeof *m + n + WR_PAD);
    cr_assert(m);
    wr_ref_init(&m->ref, bytes_release);
    m->cap = n;
    if (n) memcpy(m->data, p, n);
    memset(m->data + n, '"', WR_PAD); /* must never be used */
    return (wr_chunk){.data = m->data, .len = n, .pos = pos, .split = 3, .hold = &m->ref};
}

typedef struct bad_log {
    uint32_t n;
    int64_t pos;     /* of the latest */
    char why[512];   /* of the latest */
    char data[4096]; /* of all, each ended by '|' */
} bad_log;
static inline void bad_add(void *ctx, const wr_bad_record *r) {
    bad_log *l = ctx;
    l->n++;
    l->pos = r->pos;
    snprintf(l->why, sizeof l->why, "%s", r->why);
    size_t at = strlen(l->data);
    snprintf(l->data + at, sizeof l->data - at, "%.*s|", (int)r->len, r->data);
    cr_assert_eq(r->split, 3);
}

static inline wr_decode_cfg decode_cfg(const wr_schema *sc, const wr_kv *kv, size_t n_kv, bad_log *log) {
    return (wr_decode_cfg){
        .schema = sc, .options = kv, .n_options = n_kv, .batch_rows = 100, .bad = bad_add, .ctx = log};
}

static inline void batches_free(wr_batches *l) {
    for (size_t i = 0; i < l->n; i++) wr_batch_drop(l->items[i]);
    wr_free(l->items);
    *l = (wr_batches){0};
}

static inline uint64_t batches_rows(const wr_batches *l) {
    uint64_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += l->items[i]->n;
    return n;
}

static inline void decode_text(const wr_format_def *f, wr_decoder *d, const char *p, size_t n, int64_t pos,
                               wr_batches *out) {
    wr_chunk c = chunk_of(p, n, pos);
    wr_err err;
    cr_assert_eq(f->decode(d, &c, out, &err), WR_OK);
    wr_drop(c.hold);
}

static inline bool same_value(const wr_col *a, uint32_t i, const wr_col *b, uint32_t j) {
    if (wr_is_null(a, i) != wr_is_null(b, j)) return false;
    if (wr_is_null(a, i)) return true;
    if (a->phys == WR_STR) return wr_str_eq(&a->str[i], &b->str[j]);
    return a->i64[i] == b->i64[j];
}

/* Codes name the values, wherever a column has them. Returns how many rows have. */
static inline uint64_t expect_codes(const wr_batches *l, uint32_t col) {
    uint64_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const wr_col *c = &l->items[i]->cols[col];
        for (uint32_t r = 0; c->codes && r < l->items[i]->n; r++, n++) {
            cr_assert_lt(c->codes[r], c->dict->n);
            if (!wr_is_null(c, r)) cr_assert(wr_str_eq(&c->str[r], &c->dict->values[c->codes[r]]));
        }
    }
    return n;
}

/* The rows of the list are those of b from row `from` on; positions rise. */
static inline void expect_rows(const wr_schema *sc, const wr_batches *l, const wr_batch *b, uint32_t from) {
    uint32_t row = from;
    int64_t pos = INT64_MIN;
    for (size_t i = 0; i < l->n; i++) {
        const wr_batch *x = l->items[i];
        cr_assert(x->n > 0 && x->n <= x->cap);
        cr_assert_geq(x->pos, pos);
        pos = x->pos + x->n;
        for (uint32_t r = 0; r < x->n; r++, row++) {
            cr_assert_lt(row, b->n);
            for (uint32_t k = 0; k < sc->n; k++)
                if (!same_value(&x->cols[k], r, &b->cols[k], row)) {
                    char type[64];
                    cr_assert_fail(
                        "row %u, column %s %s: %d %" PRId64 " %.*s instead of %d %" PRId64 " %.*s", row,
                        sc->fields[k].name, wr_type_print(sc->fields[k].type, type, sizeof type),
                        wr_is_null(&x->cols[k], r), x->cols[k].phys == WR_STR ? 0 : x->cols[k].i64[r],
                        x->cols[k].phys == WR_STR ? (int)x->cols[k].str[r].len : 0,
                        x->cols[k].phys == WR_STR ? wr_str_data(&x->cols[k].str[r]) : "",
                        wr_is_null(&b->cols[k], row), x->cols[k].phys == WR_STR ? 0 : b->cols[k].i64[row],
                        x->cols[k].phys == WR_STR ? (int)b->cols[k].str[row].len : 0,
                        x->cols[k].phys == WR_STR ? wr_str_data(&b->cols[k].str[row]) : "");
                }
        }
    }
}

#endif
