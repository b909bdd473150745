/* connectors/datagen_int.h -- tables of generated columns. Private to datagen*.c.
 *
 * Every value is a pure function of (seed, row, column): any worker may generate any rows, and the same
 * options give the same data at every chunk size. Random numbers are a hash of the row under a key per
 * column, so that a column can be generated without the others. */
#ifndef WR_DATAGEN_INT_H
#define WR_DATAGEN_INT_H

#include "conn_int.h"

typedef struct wri_gen {
    uint64_t seed;
    int64_t start_us;   /* event time of row 0 */
    double interval_us; /* of event time from one event to the next */
    uint32_t devices;   /* telemetry */
    double anomaly_rate;
} wri_gen;

/* Fills the n values of column c of b for the rows first .. first+n. */
typedef wr_status (*wri_gen_fill)(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err);

typedef struct wri_gen_col {
    const char *name;
    wr_kind kind;
    wri_gen_fill fill;
} wri_gen_col;

typedef struct wri_gen_kind {
    const wri_gen_col *cols;
    uint32_t n_cols;
    double rate;  /* events a second of event time unless asked otherwise; 0: one per device */
    double share; /* rows of this kind per event */
} wri_gen_kind;

extern const wri_gen_kind wri_gen_clicks, wri_gen_telemetry, wri_gen_person, wri_gen_auction, wri_gen_bid;

/* The key of one use of randomness; `use` differs for each. */
static inline uint64_t wri_gen_key(const wri_gen *g, uint32_t use) {
    return wr_hash_u64(g->seed + UINT64_C(0x9e3779b97f4a7c15) * (use + 1));
}
static inline uint64_t wri_gen_u64(uint64_t key, uint64_t row) {
    return wr_hash_u64(key + row * UINT64_C(0x9e3779b97f4a7c15));
}
static inline double wri_gen_unit(uint64_t random) { /* [0, 1) */
    return (double)(random >> 11) * 0x1p-53;
}
static inline uint32_t wri_gen_below(uint64_t random, uint32_t n) { /* 0 .. n-1 */
    return (uint32_t)((random >> 32) * n >> 32);
}
/* Event time of (possibly fractional) event number `event`, in whole milliseconds. */
int64_t wri_gen_time(const wri_gen *g, double event);
/* v < 10^8 as eight digits, the first in the lowest byte. */
static inline uint64_t wri_gen_digits(uint32_t v) {
    uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t high = (fours * 10486 >> 20) & UINT64_C(0x7f0000007f); /* each four by 100 */
    uint64_t twos = high | (fours - 100 * high) << 16;
    uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return (tens | (twos - 10 * tens) << 8) + UINT64_C(0x3030303030303030);
}
/* The view of a prefix of up to four bytes (in the low bytes of `prefix`) and v < 10^8 with at least
 * `width` digits. */
static inline wr_str wri_gen_name(uint32_t prefix, uint32_t prefix_len, uint32_t v, uint32_t width) {
    static const uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    while (width < 8 && v >= tens[width]) width++;
    unsigned __int128 text = wri_gen_digits(v) >> (64 - 8 * width);
    text = text << (8 * prefix_len) | prefix;
    wr_str s = {.len = prefix_len + width};
    memcpy(s.prefix, &(uint32_t){(uint32_t)text}, 4);
    memcpy(s.rest, &(uint64_t){(uint64_t)(text >> 32)}, 8);
    return s;
}

#endif
