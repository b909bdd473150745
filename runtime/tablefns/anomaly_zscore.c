/* runtime/tablefns/anomaly_zscore.c -- ANOMALY_ZSCORE: how far a value is from those before it.
 *
 *   m, s   mean and standard deviation (n - 1) of the last `windowSize` values before the row, in its
 * partition score  |x - m| / max(s, |m| / 10^6, 10^-12), 0 while fewer than `warmup` values have come
 *
 * The least deviation is there for values that have been all the same. A row whose value is NULL or not
 * finite gets no score and teaches nothing.
 *
 * The window is a queue of two stacks: `front` old values, each with the moments of itself and all younger
 * ones of the front, and the moments of the rest. When the front is empty all values become it. So values
 * leave without being subtracted: a large one leaves nothing behind. Which values are in front is saved, so
 * sums come back bit by bit. */
#include <math.h>

#include "detector.h"

enum { COL, WINDOW_SIZE, WARMUP, THRESHOLD };

static const wr_table_arg args[] = {{.name = "col", .kind = 'c', .doc = "The value: a column of numbers."},
                                    {.name = "windowSize",
                                     .kind = 'i',
                                     .def = "100",
                                     .min = 2,
                                     .max = 100000,
                                     .doc = "Values it is compared with."},
                                    {.name = "warmup",
                                     .kind = 'i',
                                     .def = "10",
                                     .min = 2,
                                     .max = 100000,
                                     .doc = "Values before the first score."},
                                    WRI_DETECTOR_THRESHOLD,
                                    {0}};

typedef struct moments {
    uint64_t n;
    double mean, m2; /* sum of squared distances from the mean */
} moments;

typedef struct zscore {
    double *ring;   /* windowSize values, those of the front and then the others, from `at` on */
    moments *front; /* of ring[i] and all values of the front behind it */
    moments back;   /* of the others */
    uint64_t at, n_front, n;
} zscore;

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)n_vis, (void)ar;
    return wri_detector_bind(call, in, COL, err);
}

static uint64_t size_of(const wr_table_call *call) { return (uint64_t)call->args[WINDOW_SIZE].v.i64; }

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    zscore *z = state;
    wr_free(z->ring);
    wr_free(z->front);
    wr_free(z);
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    zscore *z = *statep = wr_calloc(1, sizeof *z);
    if (z) z->ring = wr_calloc(size_of(call), sizeof *z->ring);
    if (z) z->front = wr_calloc(size_of(call), sizeof *z->front);
    if (z && z->ring && z->front) return WR_OK;
    if (z) drop(call, z);
    *statep = NULL;
    return wr_fail_oom(err, "ANOMALY_ZSCORE");
}

static size_t bytes(const wr_table_call *call, const void *state) {
    (void)state;
    return sizeof(zscore) + size_of(call) * (sizeof(double) + sizeof(moments));
}

/* ---- the window ---- */

static void add(moments *m, double x) {
    double d = x - m->mean;
    m->n++;
    m->mean += d / (double)m->n;
    m->m2 += d * (x - m->mean);
}

static moments both(const moments *a, const moments *b) {
    if (a->n == 0) return *b;
    if (b->n == 0) return *a;
    double d = b->mean - a->mean, n = (double)(a->n + b->n);
    return (moments){.n = a->n + b->n,
                     .mean = a->mean + d * ((double)b->n / n),
                     .m2 = a->m2 + b->m2 + d * d * ((double)a->n * (double)b->n / n)};
}

/* The moments of the front anew. */
static void sum_front(zscore *z, uint64_t size) {
    moments m = {0};
    for (uint64_t k = z->n_front; k-- > 0;) {
        add(&m, z->ring[(z->at + k) % size]);
        z->front[(z->at + k) % size] = m;
    }
}

static void slide(zscore *z, uint64_t size, double x) {
    if (z->n == size) {
        if (z->n_front == 0) {
            z->n_front = z->n;
            z->back = (moments){0};
            sum_front(z, size);
        }
        z->at = (z->at + 1) % size;
        z->n_front--;
        z->n--;
    }
    z->ring[(z->at + z->n++) % size] = x;
    add(&z->back, x);
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    zscore *z = state;
    uint64_t size = size_of(call), warmup = (uint64_t)call->args[WARMUP].v.i64;
    double threshold = call->args[THRESHOLD].v.f64;
    if (warmup > size) warmup = size;
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        bool none;
        double x = wri_detector_value(call, r, i, &none);
        moments m = z->n_front ? both(&z->front[z->at], &z->back) : z->back;
        wri_verdict v = {.no_value = none || !isfinite(x), .blind = m.n == 0, .expected = m.n ? m.mean : 0};
        if (!v.no_value && m.n >= warmup) {
            double s = fmax(fmax(sqrt(m.m2 / (double)(m.n - 1)), fabs(m.mean) / 1e6), 1e-12);
            v.score = fabs(x - m.mean) / s;
            v.anomaly = v.score >= threshold;
        }
        WR_TRY(wri_detector_says(r, i, &v, err));
        if (!v.no_value) slide(z, size, x);
    }
    return WR_OK;
}

/* ---- bytes: how many, how many in front, the sum of the others, values ---- */

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    const zscore *z = state;
    bool ok =
        wr_table_put_i64(to, (int64_t)z->n) == WR_OK && wr_table_put_i64(to, (int64_t)z->n_front) == WR_OK;
    for (uint64_t k = 0; k < z->n && ok; k++)
        ok = wr_table_put_f64(to, z->ring[(z->at + k) % size_of(call)]) == WR_OK;
    return ok ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    zscore *z = state;
    wr_table_reader r = wr_table_read(text, n);
    uint64_t values = (uint64_t)wr_table_i64(&r), in_front = (uint64_t)wr_table_i64(&r);
    if (r.bad || values > size_of(call) || in_front > values) return wr_table_broken(call, err);
    for (z->n = 0; z->n < values; z->n++) {
        z->ring[z->n] = wr_table_f64(&r);
        if (z->n >= in_front) add(&z->back, z->ring[z->n]);
        else z->n_front++;
    }
    sum_front(z, size_of(call));
    return wr_table_read_end(call, &r, err);
}

static const wr_table_run run = {
    .make = make, .drop = drop, .rows = rows, .save = save, .load = load, .bytes = bytes};

const wr_table_fn wr_table_anomaly_zscore = {.name = "ANOMALY_ZSCORE",
                                             .doc = "How many standard deviations a value is from the mean "
                                                    "of those before it. Adds ANOMALY_SCORE, EXPECTED "
                                                    "(the mean) and IS_ANOMALY.",
                                             .args = args,
                                             .bind = bind,
                                             .run = &run};
