/* connectors/datagen_telemetry.c -- sensor readings with planted anomalies.
 *
 * Each device reports in turn, once a second unless an event rate is given. Its temperature is its own
 * level, a daily curve and noise; vibration is a level and noise. A reading in anomaly_rate is planted:
 * its temperature is 15 to 30 degrees off, or its vibration is five to ten times as large, far outside
 * the noise (which is bounded); column `anomaly` tells which ones, so that a detector can be judged. */
#include <math.h>

#include "datagen_int.h"

enum { TIME, LEVEL, HEAT, PLANTED, SIZE, SHAKE, VOLTS, SITE };
#define DAY_US 86400e6

static uint64_t device_of(const wri_gen *g, uint64_t row) { return row % g->devices; }

/* Sum of four uniform numbers, scaled to mean 0 and standard deviation 1; |x| < 3.5. */
static double noise(uint64_t r) {
    double sum =
        (double)(r & 0xffff) + (double)(r >> 16 & 0xffff) + (double)(r >> 32 & 0xffff) + (double)(r >> 48);
    return (sum / 65536.0 - 2.0) * 1.7320508075688772;
}

static double rounded(double v) { return floor(v * 1000.0 + 0.5) / 1000.0; }

typedef enum plant { NOTHING, HOT, COLD, SHAKING } plant;
static plant planted(const wri_gen *g, uint64_t key, uint64_t row) {
    uint64_t r = wri_gen_u64(key, row);
    if (wri_gen_unit(r) >= g->anomaly_rate) return NOTHING;
    return (r & 3) == 0 ? HOT : (r & 3) == 1 ? COLD : SHAKING;
}

static wr_status event_time(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t key = wri_gen_key(g, TIME);
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].i64[i] = wri_gen_time(g, (double)(first + i) + wri_gen_unit(wri_gen_u64(key, first + i)));
    return WR_OK;
}

static wr_status device_id(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].str[i] =
            wri_gen_name('d' | 'e' << 8 | 'v' << 16 | '-' << 24, 4, (uint32_t)device_of(g, first + i), 4);
    return WR_OK;
}

static wr_status site(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    static const char *const names[] = {"north", "east", "south", "west", "harbour"};
    uint64_t key = wri_gen_key(g, SITE);
    for (uint32_t i = 0; i < b->n; i++) {
        const char *s = names[wri_gen_below(wri_gen_u64(key, device_of(g, first + i)), WR_LEN(names))];
        b->cols[c].str[i] = wr_str_make(s, strlen(s));
    }
    return WR_OK;
}

static wr_status temperature(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t level = wri_gen_key(g, LEVEL), heat = wri_gen_key(g, HEAT), size = wri_gen_key(g, SIZE);
    uint64_t plants = wri_gen_key(g, PLANTED);
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i, own = wri_gen_u64(level, device_of(g, row));
        double day = (double)row * g->interval_us / DAY_US;
        day += wri_gen_unit(own) - floor(day);
        double v = 20.0 + wri_gen_below(own << 32, 40) + 5.0 * sin(day * 6.283185307179586);
        v += 0.5 * noise(wri_gen_u64(heat, row));
        double off = 15.0 + 15.0 * wri_gen_unit(wri_gen_u64(size, row));
        plant p = planted(g, plants, row);
        b->cols[c].f64[i] = rounded(p == HOT ? v + off : p == COLD ? v - off : v);
    }
    return WR_OK;
}

static wr_status vibration(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t shake = wri_gen_key(g, SHAKE), size = wri_gen_key(g, SIZE), plants = wri_gen_key(g, PLANTED);
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i;
        double v = 1.0 + 0.1 * noise(wri_gen_u64(shake, row));
        if (planted(g, plants, row) == SHAKING) v *= 5.0 + 5.0 * wri_gen_unit(wri_gen_u64(size, row));
        b->cols[c].f64[i] = rounded(v);
    }
    return WR_OK;
}

static wr_status voltage(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t key = wri_gen_key(g, VOLTS);
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].f64[i] = rounded(24.0 + 0.05 * noise(wri_gen_u64(key, first + i)));
    return WR_OK;
}

static wr_status anomaly(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    uint64_t key = wri_gen_key(g, PLANTED);
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = planted(g, key, first + i) != NOTHING;
    return WR_OK;
}

static const wri_gen_col cols[] = {
    {"event_time", WR_T_TIMESTAMP, event_time},
    {"device_id", WR_T_VARCHAR, device_id},
    {"site", WR_T_VARCHAR, site},
    {"temperature", WR_T_DOUBLE, temperature},
    {"vibration", WR_T_DOUBLE, vibration},
    {"voltage", WR_T_DOUBLE, voltage},
    {"anomaly", WR_T_BOOLEAN, anomaly},
};
const wri_gen_kind wri_gen_telemetry = {cols, WR_LEN(cols), 0, 1};
