/* runtime/aggs/agg_ddsketch.c -- APPROX_PERCENTILE(x, p): within 1 % of the exact value.
 *
 * DDSketch (Masson, Rim, Lee, VLDB 2019): values v > 0 are counted in buckets [b, b G') with
 * G' <= G = (1 + A) / (1 - A), A = 0.01; b (1 + A) is within A of every value in its bucket. The bucket's
 * number is floor(M L(v)) where L(2^e (1 + s)) = e + P(s) takes the logarithm's place: P is the cubic of that
 * paper's library, P(0) = 0, P(1) = 1, and L rises everywhere at least 10/7 as fast as ln, so M = 0.7 / ln G
 * makes no bucket too wide. It needs no log() and is the same to the bit on every machine.
 * Negative values go to mirrored buckets, zero to one of its own, infinities and NaN to the ends. The
 * whole range of DOUBLE has some 147,000 buckets, so none are ever joined, and the sketch is a multiset
 * of bucket numbers: neither the order of rows nor that of merges shows in it.
 *
 * State: pointer to a sparse table of (bucket, count), count 0 marks a free cell, and the extremes,
 * which bound the answer. Where its buckets lie close together, as latencies do, most move to a dense array
 * when the table would have to grow, which takes no more memory and is faster. A bucket's count is what the
 * two hold together. The answer is the bucket of the value that PERCENTILE_DISC gives. Serialised, tag 'D':
 * extremes, 8 bytes each; number of buckets; per bucket, rising, the difference to the last (the first:
 * zigzag) and the count. */
#include "aggs_int.h"

#include <math.h>

#define ACCURACY             0.01
#define BUCKETS_M            34.999 /* 0.7 / ln((1 + A) / (1 - A)) = 34.99883, and no less */
#define BUCKET_BIAS          40000  /* makes buckets of positive values positive: M L(v) is in ±37,600 */
#define BUCKET_INF           90000
#define BUCKET_NAN           90001
#define DENSE_FROM_CELLS_MAX 1024 /* a table with more has its values too far apart */

typedef struct cell {
    int64_t bucket;
    uint64_t count;
} cell;

typedef struct sketch {
    uint32_t n, log2; /* cells taken, log2 of cells */
    int64_t min, max; /* wri_key_of_f64 */
    int64_t dense_lo; /* dense[i] counts bucket dense_lo + i, as long as that fits */
    uint64_t dense_n; /* 0: no dense part */
    uint32_t *dense;
    cell cells[];
} sketch;

static wr_status bind(wr_agg_call *call, wr_err *err) {
    if (!wri_is_number(call->arg_types[0])) return wri_bad_arg(call, 0, "a number", err);
    if (call->param.null || !(call->param.f64 >= 0 && call->param.f64 <= 1))
        return wr_fail(err, WR_ESQL, "%s needs a constant fraction from 0 to 1, such as 0.95",
                       call->def->name);
    if (call->distinct)
        return wr_fail(err, WR_ESQL, "%s takes no DISTINCT: use PERCENTILE_CONT", call->def->name);
    call->type = wr_type_of(WR_T_DOUBLE);
    call->state_bytes = sizeof(sketch *);
    call->n_partials = 0;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    return WR_OK;
}

/* ---- buckets ---- */

/* P, with P' (1 + s) >= 10/7 on [0, 1]. */
WRI_KERNEL double cubic(double s) { return ((6.0 / 35 * s - 3.0 / 5) * s + 10.0 / 7) * s; }

WRI_KERNEL int64_t bucket_of(double v) {
    uint64_t bits;
    int64_t bias = 1023;
    double mantissa, size = fabs(v);
    if (WR_UNLIKELY(!(size >= 0x1p-1022 && size < (double)INFINITY))) {
        if (size == 0) return 0;
        if (v != v) return BUCKET_NAN;
        if (isinf(v)) return v > 0 ? BUCKET_INF : -BUCKET_INF;
        size *= 0x1p60; /* subnormal */
        bias += 60;
    }
    memcpy(&bits, &size, 8);
    int64_t e = (int64_t)(bits >> 52) - bias;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
    memcpy(&mantissa, &bits, 8);
    int64_t k = (int64_t)(BUCKETS_M * ((double)e + cubic(mantissa - 1)) + BUCKET_BIAS);
    return v > 0 ? k : -k;
}

/* The value that stands for a bucket: its lower end times 1 + A. */
static double middle_of(int64_t bucket) {
    if (bucket == 0) return 0;
    if (bucket == BUCKET_NAN) return (double)NAN;
    if (bucket == BUCKET_INF || bucket == -BUCKET_INF)
        return bucket > 0 ? (double)INFINITY : -(double)INFINITY;
    double l = (double)((bucket > 0 ? bucket : -bucket) - BUCKET_BIAS) / BUCKETS_M, e = floor(l);
    double low = 0, high = 1; /* P(low) <= l - e <= P(high) */
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (cubic(mid) <= l - e) low = mid;
        else high = mid;
    }
    double v = ldexp((1 + low) * (1 + ACCURACY), (int)e);
    return bucket > 0 ? v : -v;
}

/* ---- the table ---- */

static cell *place_of(sketch *s, int64_t bucket) {
    size_t mask = ((size_t)1 << s->log2) - 1, at = wr_keyed_u64((uint64_t)bucket, wr_hash_secret) & mask;
    while (s->cells[at].count && s->cells[at].bucket != bucket) at = (at + 1) & mask;
    return &s->cells[at];
}

static wr_status grow(sketch **sp, wr_err *err) {
    sketch *old = *sp;
    uint32_t log2 = old ? old->log2 + 1 : 2;
    sketch *s = wr_calloc(1, sizeof *s + (sizeof *s->cells << log2));
    if (!s) return wr_fail_oom(err, "a sketch");
    if (old) *s = *old; /* without its cells */
    else {
        s->min = INT64_MAX;
        s->max = INT64_MIN;
    }
    s->log2 = log2;
    for (size_t i = 0; old && i < (size_t)1 << old->log2; i++)
        if (old->cells[i].count) *place_of(s, old->cells[i].bucket) = old->cells[i];
    wr_free(old);
    *sp = s;
    return WR_OK;
}

static bool full(const sketch *s) { return (s->n + 1) * 4 > UINT32_C(3) << s->log2; }

/* Cells whose buckets lie from lo to hi, of the sign of lo. */
typedef struct span {
    int64_t lo, hi;
    uint32_t cells;
} span;

static span span_of(const sketch *s, bool positive) {
    span w = {.lo = INT64_MAX, .hi = INT64_MIN};
    for (size_t i = 0; i < (size_t)1 << s->log2; i++) {
        int64_t b = s->cells[i].bucket;
        if (!s->cells[i].count || b == 0 || b >= BUCKET_INF || b <= -BUCKET_INF || (b > 0) != positive)
            continue;
        w.lo = b < w.lo ? b : w.lo;
        w.hi = b > w.hi ? b : w.hi;
        w.cells++;
    }
    if (s->dense_n && (s->dense_lo > 0) == positive) {
        int64_t end = s->dense_lo + (int64_t)s->dense_n - 1;
        w.lo = s->dense_lo < w.lo ? s->dense_lo : w.lo;
        w.hi = end > w.hi ? end : w.hi;
    }
    return w;
}

/* Moves the cells in the dense span out of the full table; those that are too large stay. */
static void move_to_dense(sketch *s) {
    cell left[DENSE_FROM_CELLS_MAX];
    uint32_t n_left = 0;
    for (size_t i = 0; i < (size_t)1 << s->log2; i++) {
        cell *c = &s->cells[i];
        uint64_t at = (uint64_t)(c->bucket - s->dense_lo);
        if (!c->count) continue;
        if (at < s->dense_n && c->count < UINT32_MAX - s->dense[at]) s->dense[at] += (uint32_t)c->count;
        else left[n_left++] = *c;
        c->count = 0;
    }
    for (uint32_t i = 0; i < n_left; i++) *place_of(s, left[i].bucket) = left[i];
    s->n = n_left;
}

/* Makes room in a full table by a dense part, where that takes no more memory than a larger table. */
static void make_dense(sketch *s) {
    if (s->log2 < 5 || s->n > DENSE_FROM_CELLS_MAX) return;
    span pos = span_of(s, true), neg = span_of(s, false);
    span w = s->dense_n ? (s->dense_lo > 0 ? pos : neg) : (pos.cells >= neg.cells ? pos : neg);
    if (w.cells * 2 < s->n || w.hi - w.lo >= INT64_C(8) << s->log2) return;
    uint64_t n = (uint64_t)(w.hi - w.lo + 1);
    uint32_t *dense = wr_calloc(n, sizeof *dense);
    if (!dense) return; /* it is only faster */
    if (s->dense_n) memcpy(dense + (s->dense_lo - w.lo), s->dense, s->dense_n * sizeof *dense);
    wr_free(s->dense);
    s->dense = dense;
    s->dense_lo = w.lo;
    s->dense_n = n;
    move_to_dense(s);
}

/* In the dense part, if there is one for it. */
WRI_KERNEL bool count_dense(sketch *s, int64_t bucket, uint64_t n) {
    uint64_t at = (uint64_t)(bucket - s->dense_lo);
    if (at >= s->dense_n || n >= UINT32_MAX - s->dense[at]) return false;
    s->dense[at] += (uint32_t)n;
    return true;
}

static wr_status count(sketch **sp, int64_t bucket, uint64_t n, wr_err *err) {
    if (!*sp) WR_TRY(grow(sp, err));
    if (count_dense(*sp, bucket, n)) return WR_OK;
    cell *c = place_of(*sp, bucket);
    if (!c->count) {
        if (full(*sp)) make_dense(*sp);
        if (full(*sp)) WR_TRY(grow(sp, err));
        c = place_of(*sp, bucket);
        (*sp)->n++;
        c->bucket = bucket;
    }
    /* A count at the end of its range, from a damaged state, stays there: 0 would free the cell. */
    if (__builtin_add_overflow(c->count, n, &c->count)) c->count = UINT64_MAX;
    return WR_OK;
}

static uint64_t count_of(sketch *s, int64_t bucket) {
    uint64_t at = (uint64_t)(bucket - s->dense_lo), n = place_of(s, bucket)->count;
    if (at < s->dense_n && __builtin_add_overflow(n, s->dense[at], &n)) n = UINT64_MAX;
    return n;
}

static void widen(sketch *s, int64_t min, int64_t max) {
    if (min < s->min) s->min = min;
    if (max > s->max) s->max = max;
}

/* Buckets and ordered keys of n rows. */
static void rows_to_buckets(const wr_col *c, uint32_t from, uint32_t n, double scale,
                            int64_t *restrict buckets, int64_t *restrict keys) {
    for (uint32_t i = 0; i < n; i++) {
        double v = c->phys == WR_F64 ? c->f64[from + i] : (double)c->i64[from + i] / scale;
        buckets[i] = bucket_of(v);
        keys[i] = wri_key_of_f64(v);
    }
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    enum { CHUNK = 64 };
    int64_t buckets[CHUNK], keys[CHUNK];
    const wr_col *c = in->args[0];
    double scale = call->arg_types[0].kind == WR_T_DECIMAL ? pow(10, call->arg_types[0].scale) : 1;
    for (uint32_t from = 0; from < in->n; from += CHUNK) {
        uint32_t n = in->n - from < CHUNK ? in->n - from : CHUNK;
        rows_to_buckets(c, from, n, scale, buckets, keys);
        for (uint32_t i = 0; i < n; i++) { /* the sketches of many groups are not all in the cache */
            const sketch *s = *WRI_STATE_CONST(sketch *, states, stride, gids[from + i]);
            if (s && (uint64_t)(buckets[i] - s->dense_lo) < s->dense_n)
                __builtin_prefetch(&s->dense[buckets[i] - s->dense_lo], 1);
        }
        for (uint32_t i = 0; i < n; i++) {
            uint32_t g = wri_gid(gids, c->nulls, from + i);
            if (!g) continue;
            sketch **sp = WRI_STATE(sketch *, states, stride, g);
            if (!*sp || !count_dense(*sp, buckets[i], 1)) WR_TRY(count(sp, buckets[i], 1, err));
            widen(*sp, keys[i], keys[i]);
        }
    }
    return WR_OK;
}

/* ---- bytes ---- */

static int64_t read_key(wri_reader *r) {
    int64_t key = 0;
    const char *p = wri_read_bytes(r, 8);
    if (!r->bad) memcpy(&key, p, 8);
    return key;
}

static wr_status merge_one(const wr_agg_call *call, const wr_str *bytes, sketch **sp, wr_err *err) {
    wri_reader r = wri_read_head(bytes, 'D');
    int64_t min = read_key(&r), max = read_key(&r), bucket = 0;
    uint64_t left = wri_read_count(&r, 2);
    if (left > 0 && min > max) r.bad = true;
    for (bool first = true; left > 0 && !r.bad; left--, first = false) {
        uint64_t step = wri_read_varint(&r), n = wri_read_varint(&r);
        if (first) bucket = wri_unzigzag(step);
        else if (step == 0 || step > 2 * BUCKET_NAN) r.bad = true;
        else bucket += (int64_t)step;
        if (n == 0 || bucket < -BUCKET_INF || bucket > BUCKET_NAN) r.bad = true;
        if (r.bad) break;
        WR_TRY(count(sp, bucket, n, err));
        if (first) widen(*sp, min, max);
    }
    return wri_read_end(&r, call, err);
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(merge_one(call, &c->str[i], WRI_STATE(sketch *, states, stride, g), err));
    }
    return WR_OK;
}

/* Buckets of s, rising, into buf as int64s. */
static wr_status order(const sketch *s, wr_buf *buf, size_t *np) {
    buf->len = 0;
    *np = 0;
    WR_TRY(wr_buf_reserve(buf, (s->n + s->dense_n + 1) * sizeof(int64_t)));
    int64_t *buckets = (int64_t *)buf->data;
    for (size_t i = 0; i < (size_t)1 << s->log2; i++) {
        uint64_t at = (uint64_t)(s->cells[i].bucket - s->dense_lo);
        bool both = at < s->dense_n && s->dense[at];
        if (s->cells[i].count && !both) buckets[(*np)++] = s->cells[i].bucket;
    }
    for (uint64_t i = 0; i < s->dense_n; i++)
        if (s->dense[i]) buckets[(*np)++] = s->dense_lo + (int64_t)i;
    wri_sort_keys(buckets, *np);
    return WR_OK;
}

static wr_status put_sketch(sketch *s, wr_buf *order_buf, wr_buf *out) {
    int64_t none = 0;
    size_t n = 0;
    out->len = 0;
    if (s) WR_TRY(order(s, order_buf, &n));
    const int64_t *buckets = (const int64_t *)order_buf->data;
    WR_TRY(wri_put_head(out, 'D'));
    WR_TRY(wr_buf_put(out, s ? &s->min : &none, 8));
    WR_TRY(wr_buf_put(out, s ? &s->max : &none, 8));
    WR_TRY(wri_put_varint(out, n));
    for (size_t i = 0; i < n; i++) {
        WR_TRY(wri_put_varint(out, i ? (uint64_t)(buckets[i] - buckets[i - 1]) : wri_zigzag(buckets[0])));
        WR_TRY(wri_put_varint(out, count_of(s, buckets[i])));
    }
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    (void)call;
    wr_col *col;
    wr_buf bytes = {0}, order_buf = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        sketch *sk = *WRI_STATE_CONST(sketch *, states, stride, gids[i]);
        s = put_sketch(sk, &order_buf, &bytes) == WR_OK ? wri_out_bytes(out, col, i, &bytes, err)
                                                        : wr_fail_oom(err, "a sketch");
    }
    wr_buf_free(&bytes);
    wr_buf_free(&order_buf);
    return s;
}

/* ---- results ---- */

static double quantile(sketch *s, const int64_t *buckets, size_t n, double p) {
    unsigned __int128 total = 0, before = 0;
    for (size_t i = 0; i < n; i++) total += count_of(s, buckets[i]);
    uint64_t place = wri_nearest_rank(p, total < UINT64_MAX ? (uint64_t)total : UINT64_MAX);
    size_t i = 0;
    if (place == 0 || place + 1 == total) return wri_f64_of_key(place ? s->max : s->min); /* exact */
    for (; i + 1 < n; i++) {
        before += count_of(s, buckets[i]);
        if (before > place) break;
    }
    int64_t key = wri_key_of_f64(middle_of(buckets[i]));
    key = key < s->min ? s->min : key > s->max ? s->max : key;
    return wri_f64_of_key(key);
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    wr_col *col;
    wr_buf buf = {0};
    wr_status st = wri_out(out, c, WR_F64, &col, err);
    for (uint32_t i = 0; st == WR_OK && i < n; i++) {
        sketch *s = *WRI_STATE(sketch *, states, stride, gids[i]);
        size_t n_buckets = 0;
        if (s && order(s, &buf, &n_buckets) != WR_OK) st = wr_fail_oom(err, "a sketch");
        else if (n_buckets == 0) st = wri_out_null(out, col, i, err);
        else col->f64[i] = quantile(s, (const int64_t *)buf.data, n_buckets, call->param.f64);
    }
    wr_buf_free(&buf);
    return st;
}

static void destroy(const wr_agg_call *call, void *state) {
    (void)call;
    sketch *s = *(sketch **)state;
    if (s) wr_free(s->dense);
    wr_free(s);
    *(sketch **)state = NULL;
}

const wr_agg_def wr_agg_approx_percentile = {
    .name = "APPROX_PERCENTILE",
    .signature = "APPROX_PERCENTILE(number, fraction)",
    .doc = "A value within 1 % of what PERCENTILE_DISC gives; small state.",
    .example = "APPROX_PERCENTILE(x, 0.5) BETWEEN 1.98 AND 2.02",
    .min_args = 1,
    .max_args = 1,
    .takes_param = true,
    .bind = bind,
    .update = update,
    .merge = merge,
    .partial = partial,
    .finish = finish,
    .destroy = destroy,
};
