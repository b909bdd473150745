/* connectors/datagen_clicks.c -- clickstream events.
 *
 * Events come every 0.7 ms on average; one in ten is up to two seconds out of order. Users and pages
 * have log-uniform ranks, so that a few are frequent and most are rare. */
#include <math.h>

#include "datagen_int.h"

enum { TIME, LATE, LATENESS, USER, PAGE, COUNTRY, STATUS, LATENCY, BYTES };
#define N_USERS 100000
#define N_PAGES 1000

static wr_status event_time(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t time = wri_gen_key(g, TIME), late = wri_gen_key(g, LATE), by = wri_gen_key(g, LATENESS);
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i;
        int64_t t = wri_gen_time(g, (double)row + wri_gen_unit(wri_gen_u64(time, row)));
        if (wri_gen_below(wri_gen_u64(late, row), 10) == 0)
            t -= (int64_t)wri_gen_below(wri_gen_u64(by, row), 2000) * 1000;
        int64_t earliest = wr_floor_to(g->start_us, 1000);
        b->cols[c].i64[i] = t < earliest ? earliest : t;
    }
    return WR_OK;
}

static void ranked(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, uint32_t use, uint32_t n) {
    uint64_t key = wri_gen_key(g, use);
    double scale = log(n + 1.0);
    bool user = use == USER; /* u00042 or /p/042 */
    uint32_t prefix = user ? 'u' : '/' | 'p' << 8 | '/' << 16, prefix_len = user ? 1 : 3,
             width = user ? 5 : 3;
    for (uint32_t i = 0; i < b->n; i++) {
        double x = wri_gen_unit(wri_gen_u64(key, first + i));
        uint32_t rank = (uint32_t)(exp(x * scale) - 1.0);
        b->cols[c].str[i] = wri_gen_name(prefix, prefix_len, rank < n ? rank : n - 1, width);
    }
}

static wr_status user_id(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    ranked(g, first, b, c, USER, N_USERS);
    return WR_OK;
}

static wr_status page(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    ranked(g, first, b, c, PAGE, N_PAGES);
    return WR_OK;
}

static wr_status country(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    static const char names[8][3] = {"DE", "US", "FR", "JP", "BR", "IN", "GB", "CN"};
    uint64_t key = wri_gen_key(g, COUNTRY);
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].str[i] = wr_str_make(names[wri_gen_u64(key, first + i) >> 61], 2);
    return WR_OK;
}

static wr_status status(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    static const int64_t codes[10] = {200, 200, 200, 200, 200, 200, 200, 301, 404, 500};
    uint64_t key = wri_gen_key(g, STATUS);
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].i64[i] = codes[wri_gen_below(wri_gen_u64(key, first + i), 10)];
    return WR_OK;
}

/* 5 ms and an exponential of mean 80 ms, in tenths. */
static wr_status latency_ms(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t key = wri_gen_key(g, LATENCY);
    for (uint32_t i = 0; i < b->n; i++) {
        double u = wri_gen_unit(wri_gen_u64(key, first + i));
        b->cols[c].f64[i] = floor((5.0 - 80.0 * log(1.0 - u)) * 10.0 + 0.5) / 10.0;
    }
    return WR_OK;
}

static wr_status bytes(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t key = wri_gen_key(g, BYTES);
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].i64[i] = 200 + wri_gen_below(wri_gen_u64(key, first + i), 65536);
    return WR_OK;
}

static const wri_gen_col cols[] = {
    {"event_time", WR_T_TIMESTAMP, event_time},
    {"user_id", WR_T_VARCHAR, user_id},
    {"page", WR_T_VARCHAR, page},
    {"country", WR_T_VARCHAR, country},
    {"status", WR_T_INTEGER, status},
    {"latency_ms", WR_T_DOUBLE, latency_ms},
    {"bytes", WR_T_BIGINT, bytes},
};
const wri_gen_kind wri_gen_clicks = {cols, WR_LEN(cols), 1000 / 0.7, 1};
