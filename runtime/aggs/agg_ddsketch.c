/* runtime/aggs/agg_ddsketch.c -- APPROX_PERCENTILE(x, p): within 1 % of the exact value.
 *
 * DDSketch (Masson, Rim, Lee, VLDB 2019): a value v > 0 is counted in bucket k = ceil(log v / log G),
 * G = (1 + A) / (1 - A), A = 0.01, whose middle 2 G^k / (G + 1) is within A of every value in it.
 * Negative values go to mirrored buckets, zero to one of its own, infinities and NaN to the ends. The
 * whole range of DOUBLE has some 142,000 buckets, so none are ever joined, and the sketch is a multiset
 * of bucket numbers: neither the order of rows nor that of merges shows in it.
 *
 * State: pointer to a sparse table of (bucket, count), count 0 marks a free cell, and the extremes,
 * which bound the answer. The answer is the bucket of the value at place floor(p (n-1)).
 * Serialised, tag 'D': extremes, 8 bytes each; number of buckets; per bucket, rising, the difference to
 * the last (the first: zigzag) and the count. */
#include "aggs_int.h"

#include <math.h>

#define ACCURACY    0.01
#define BUCKET_BIAS 40000 /* makes buckets of positive values positive: k is -37,200 .. 35,500 */
#define BUCKET_INF  90000
#define BUCKET_NAN  90001

typedef struct cell {
    int64_t bucket;
    uint64_t count;
} cell;

typedef struct sketch {
    uint32_t n, log2; /* cells taken, log2 of cells */
    int64_t min, max; /* wri_key_of_f64 */
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

static double log_growth(void) { return log((1 + ACCURACY) / (1 - ACCURACY)); }

static int64_t bucket_of(double v, double inverse_log) {
    if (v == 0) return 0;
    if (v != v) return BUCKET_NAN;
    if (isinf(v)) return v > 0 ? BUCKET_INF : -BUCKET_INF;
    int64_t k = (int64_t)ceil(log(fabs(v)) * inverse_log) + BUCKET_BIAS;
    return v > 0 ? k : -k;
}

static double middle_of(int64_t bucket) {
    if (bucket == 0) return 0;
    if (bucket == BUCKET_NAN) return (double)NAN;
    int64_t k = bucket > 0 ? bucket : -bucket;
    /* 2 G^k / (G + 1) = G^k (1 - A); the exponent first, so that the largest bucket does not overflow. */
    double v =
        k == BUCKET_INF ? (double)INFINITY : exp((double)(k - BUCKET_BIAS) * log_growth() + log1p(-ACCURACY));
    return bucket > 0 ? v : -v;
}

/* ---- the table ---- */

static cell *place_of(sketch *s, int64_t bucket) {
    size_t mask = ((size_t)1 << s->log2) - 1, at = wr_hash_u64((uint64_t)bucket) & mask;
    while (s->cells[at].count && s->cells[at].bucket != bucket) at = (at + 1) & mask;
    return &s->cells[at];
}

static wr_status grow(sketch **sp, wr_err *err) {
    sketch *old = *sp;
    uint32_t log2 = old ? old->log2 + 1 : 2;
    sketch *s = wr_calloc(1, sizeof *s + (sizeof *s->cells << log2));
    if (!s) return wr_fail_oom(err, "a sketch");
    s->log2 = log2;
    s->min = INT64_MAX;
    s->max = INT64_MIN;
    if (old) {
        s->n = old->n;
        s->min = old->min;
        s->max = old->max;
        for (size_t i = 0; i < (size_t)1 << old->log2; i++)
            if (old->cells[i].count) *place_of(s, old->cells[i].bucket) = old->cells[i];
    }
    wr_free(old);
    *sp = s;
    return WR_OK;
}

static wr_status count(sketch **sp, int64_t bucket, uint64_t n, wr_err *err) {
    if (!*sp) WR_TRY(grow(sp, err));
    cell *c = place_of(*sp, bucket);
    if (!c->count) {
        if (((*sp)->n + 1) * 4 > UINT32_C(3) << (*sp)->log2) {
            WR_TRY(grow(sp, err));
            c = place_of(*sp, bucket);
        }
        (*sp)->n++;
        c->bucket = bucket;
    }
    /* A count at the end of its range, from a damaged state, stays there: 0 would free the cell. */
    if (__builtin_add_overflow(c->count, n, &c->count)) c->count = UINT64_MAX;
    return WR_OK;
}

static void widen(sketch *s, int64_t min, int64_t max) {
    if (min < s->min) s->min = min;
    if (max > s->max) s->max = max;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    double inverse_log = 1 / log_growth(), scale = 1;
    if (call->arg_types[0].kind == WR_T_DECIMAL) scale = pow(10, call->arg_types[0].scale);
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        sketch **sp = WRI_STATE(sketch *, states, stride, g);
        double v = c->phys == WR_F64 ? c->f64[i] : (double)c->i64[i] / scale;
        WR_TRY(count(sp, bucket_of(v, inverse_log), 1, err));
        int64_t key = wri_key_of_f64(v);
        widen(*sp, key, key);
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
static wr_status order(const sketch *s, wr_buf *buf) {
    buf->len = 0;
    WR_TRY(wr_buf_reserve(buf, (s->n + 1) * sizeof(int64_t)));
    int64_t *buckets = (int64_t *)buf->data;
    size_t n = 0;
    for (size_t i = 0; i < (size_t)1 << s->log2; i++)
        if (s->cells[i].count) buckets[n++] = s->cells[i].bucket;
    wri_sort_keys(buckets, n);
    return WR_OK;
}

static wr_status put_sketch(sketch *s, wr_buf *order_buf, wr_buf *out) {
    int64_t none = 0;
    out->len = 0;
    WR_TRY(wri_put_head(out, 'D'));
    WR_TRY(wr_buf_put(out, s ? &s->min : &none, 8));
    WR_TRY(wr_buf_put(out, s ? &s->max : &none, 8));
    WR_TRY(wri_put_varint(out, s ? s->n : 0));
    if (!s) return WR_OK;
    WR_TRY(order(s, order_buf));
    const int64_t *buckets = (const int64_t *)order_buf->data;
    for (uint32_t i = 0; i < s->n; i++) {
        WR_TRY(wri_put_varint(out, i ? (uint64_t)(buckets[i] - buckets[i - 1]) : wri_zigzag(buckets[0])));
        WR_TRY(wri_put_varint(out, place_of(s, buckets[i])->count));
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

static double quantile(sketch *s, const int64_t *buckets, double p) {
    unsigned __int128 total = 0, before = 0;
    for (uint32_t i = 0; i < s->n; i++) total += place_of(s, buckets[i])->count;
    double place = floor(p * (double)(total - 1));
    uint32_t i = 0;
    for (; i + 1 < s->n; i++) {
        before += place_of(s, buckets[i])->count;
        if ((double)before > place) break;
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
        if (!s || s->n == 0) st = wri_out_null(out, col, i, err);
        else if (order(s, &buf) != WR_OK) st = wr_fail_oom(err, "a sketch");
        else col->f64[i] = quantile(s, (const int64_t *)buf.data, call->param.f64);
    }
    wr_buf_free(&buf);
    return st;
}

static void destroy(const wr_agg_call *call, void *state) {
    (void)call;
    wr_free(*(sketch **)state);
    *(sketch **)state = NULL;
}

const wr_agg_def wr_agg_approx_percentile = {
    .name = "APPROX_PERCENTILE",
    .signature = "APPROX_PERCENTILE(number, fraction)",
    .doc = "A value within 1 % of the one at that fraction of the ordered values; small state.",
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
