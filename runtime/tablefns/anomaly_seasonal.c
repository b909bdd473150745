/* runtime/tablefns/anomaly_seasonal.c -- ANOMALY_SEASONAL: how far a value is from what its season lets
 * expect.
 *
 * Holt-Winters, additive, p = `period` rows a season, row t counted from 0 in its partition:
 *
 *   t < p     the first season is kept; at its end
 *               level = its mean, season[i] = its value i - level, trend = 0
 *   t >= p    expected  f = level + trend + season[t mod p]
 *             residual  e = x - f,  s = max(sqrt(v), |level| / 10^6, 10^-12)
 *             score     |e| / s from the third season on, 0 before
 *             learns    y = x; from the third season on, cut to f +- threshold * s
 *               level'  = alpha (y - season[t mod p]) + (1 - alpha) (level + trend)
 *               trend'  = beta (level' - level) + (1 - beta) trend
 *               season' = gamma (y - level') + (1 - gamma) season
 *               v'      = the mean of (y - f)^2 while there are few, then v + delta ((y - f)^2 - v)
 *
 * delta = max(1 / p, 1 / 100): residuals are those of about the last season, or of 100 rows. Since y is cut,
 * one wild value moves what is expected no more than the largest usual one would, and a shift that stays is
 * learned in the end. A row whose value is NULL or not finite takes its place in the season, gets no score
 * and teaches nothing but the trend: level' = level + trend; in the first season it counts as the value
 * before it. */
#include <math.h>

#include "detector.h"

enum { COL, PERIOD, ALPHA, BETA, GAMMA, THRESHOLD };

static const wr_table_arg args[] = {
    {.name = "col", .kind = 'c', .doc = "The value: a column of numbers."},
    {.name = "period",
     .kind = 'i',
     .min = 2,
     .max = 100000,
     .doc = "Rows of a season, such as 48 for a day of half hours."},
    {.name = "alpha", .kind = 'd', .def = "0.2", .min = 0, .max = 1, .doc = "How fast the level follows."},
    {.name = "beta", .kind = 'd', .def = "0.01", .min = 0, .max = 1, .doc = "How fast the trend follows."},
    {.name = "gamma", .kind = 'd', .def = "0.3", .min = 0, .max = 1, .doc = "How fast the season follows."},
    WRI_DETECTOR_THRESHOLD,
    {0}};

typedef struct seasonal {
    uint64_t t; /* rows so far */
    uint64_t n; /* residuals so far */
    double level, trend, v;
    double *season; /* period of them; in the first season its values */
} seasonal;

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)n_vis, (void)ar;
    return wri_detector_bind(call, in, COL, err);
}

static uint64_t period_of(const wr_table_call *call) { return (uint64_t)call->args[PERIOD].v.i64; }

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    wr_free(((seasonal *)state)->season);
    wr_free(state);
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    seasonal *z = *statep = wr_calloc(1, sizeof *z);
    if (z) z->season = wr_calloc(period_of(call), sizeof *z->season);
    if (z && z->season) return WR_OK;
    wr_free(z);
    *statep = NULL;
    return wr_fail_oom(err, "ANOMALY_SEASONAL");
}

static size_t bytes(const wr_table_call *call, const void *state) {
    (void)state;
    return sizeof(seasonal) + period_of(call) * sizeof(double);
}

/* ---- the model ---- */

/* The first season is there. */
static void begin(seasonal *z, uint64_t p) {
    double mean = 0;
    for (uint64_t i = 0; i < p; i++) mean += (z->season[i] - mean) / (double)(i + 1);
    for (uint64_t i = 0; i < p; i++) z->season[i] -= mean;
    z->level = mean;
}

static double deviation(const seasonal *z) { return fmax(fmax(sqrt(z->v), fabs(z->level) / 1e6), 1e-12); }

static void learn(const wr_table_call *call, seasonal *z, double y, double f) {
    double a = call->args[ALPHA].v.f64, b = call->args[BETA].v.f64, g = call->args[GAMMA].v.f64;
    uint64_t p = period_of(call);
    double *season = &z->season[z->t % p], level = z->level;
    double delta = fmax(fmax(1.0 / (double)p, 0.01), 1.0 / (double)++z->n), e = y - f;
    z->level = a * (y - *season) + (1 - a) * (level + z->trend);
    z->trend = b * (z->level - level) + (1 - b) * z->trend;
    *season = g * (y - z->level) + (1 - g) * *season;
    z->v += delta * (e * e - z->v);
}

static void first_season(seasonal *z, double x, bool none, uint64_t p) {
    z->season[z->t] = none ? (z->t ? z->season[z->t - 1] : 0) : x;
    if (++z->t == p) begin(z, p);
}

/* What is expected of the next row, once there is a season; *scorep: of x. */
static double see(const wr_table_call *call, seasonal *z, double x, bool none, double *scorep) {
    uint64_t p = period_of(call);
    double f = z->level + z->trend + z->season[z->t % p], s = deviation(z),
           threshold = call->args[THRESHOLD].v.f64;
    bool scored = z->t >= 2 * p && z->n > 1;
    if (none) z->level += z->trend;
    else {
        double y = x;
        if (scored) {
            *scorep = fabs(x - f) / s;
            y = fmin(fmax(x, f - threshold * s), f + threshold * s);
        }
        learn(call, z, y, f);
    }
    z->t++;
    return f;
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    seasonal *z = state;
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        bool none;
        double x = wri_detector_value(call, r, i, &none);
        wri_verdict v = {.no_value = none || !(fabs(x) <= 1e150), .blind = z->t < period_of(call)};
        if (v.blind) first_season(z, x, v.no_value, period_of(call));
        else v.expected = see(call, z, x, v.no_value, &v.score);
        v.anomaly = v.score >= call->args[THRESHOLD].v.f64 && v.score > 0;
        WR_TRY(wri_detector_says(r, i, &v, err));
    }
    return WR_OK;
}

/* ---- bytes ---- */

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    const seasonal *z = state;
    bool ok = wr_table_put_i64(to, (int64_t)z->t) == WR_OK && wr_table_put_i64(to, (int64_t)z->n) == WR_OK &&
              wr_table_put_f64(to, z->level) == WR_OK && wr_table_put_f64(to, z->trend) == WR_OK &&
              wr_table_put_f64(to, z->v) == WR_OK;
    for (uint64_t i = 0; i < period_of(call) && ok; i++) ok = wr_table_put_f64(to, z->season[i]) == WR_OK;
    return ok ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    seasonal *z = state;
    wr_table_reader r = wr_table_read(text, n);
    z->t = (uint64_t)wr_table_i64(&r);
    z->n = (uint64_t)wr_table_i64(&r);
    z->level = wr_table_f64(&r);
    z->trend = wr_table_f64(&r);
    z->v = wr_table_f64(&r);
    for (uint64_t i = 0; i < period_of(call); i++) z->season[i] = wr_table_f64(&r);
    return wr_table_read_end(call, &r, err);
}

static const wr_table_run run = {
    .make = make, .drop = drop, .rows = rows, .save = save, .load = load, .bytes = bytes};

const wr_table_fn wr_table_anomaly_seasonal = {
    .name = "ANOMALY_SEASONAL",
    .doc = "How many standard deviations a value is from what its season and trend let expect (Holt-Winters, "
           "additive). Adds ANOMALY_SCORE, EXPECTED and IS_ANOMALY.",
    .args = args,
    .bind = bind,
    .run = &run};
