/* runtime/aggs/agg_hll.c -- APPROX_COUNT_DISTINCT(x): exact to 1,024 values, then within about 0.8 %.
 *
 * The counting itself (hll.h) is shared with COUNT_DISTINCT_ITEMS_TUMBLING, which is exact for longer.
 * HyperLogLog with 2^14 registers. While few hashes were seen they are kept as a set, and the count is
 * its size; one more than sparse_max and they move to registers. Whether that happens depends on the set
 * of hashes alone, and registers are maxima: the result depends on the values, not on order or merges.
 * The estimate is Ertl's (New cardinality estimation algorithms for HyperLogLog sketches, 2017),
 * unbiased over the whole range without tables.
 * Serialised: tag 'H', the hashes as keys, rising; or tag 'R', registers of 6 bits, low bits first. */
#include "hll.h"

#include "aggs_int.h"

#include <math.h>

extern const wr_agg_def wr_agg_approx_count_distinct;

#define BITS       14
#define REGISTERS  (1u << BITS)
#define RANK_MAX   (64 - BITS + 1)
#define PACKED     (REGISTERS * 6 / 8)
#define SPARSE_MAX 1024

typedef wri_hll hll;

static wr_status bind(wr_agg_call *call, wr_err *err) {
    (void)err;
    call->type = wr_type_of(WR_T_BIGINT);
    call->type.not_null = true;
    call->state_bytes = sizeof(hll);
    call->n_partials = 0;
    call->distinct = false; /* says nothing here */
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    return WR_OK;
}

static void note(uint8_t *registers, uint64_t hash) {
    uint64_t rest = hash << BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAX;
    uint8_t *r = &registers[hash >> (64 - BITS)];
    if (rank > *r) *r = rank;
}

/* Leaves the sparse form. */
static wr_status densify(hll *h, wr_err *err) {
    if (h->registers) return WR_OK;
    uint8_t *registers = wr_calloc(REGISTERS, 1);
    if (!registers) return wr_fail_oom(err, "a count of distinct values");
    if (h->sparse) {
        if (h->sparse->has_zero) note(registers, 0);
        for (size_t i = 0; i < (size_t)1 << h->sparse->log2; i++)
            if (h->sparse->cells[i]) note(registers, (uint64_t)h->sparse->cells[i]);
    }
    wr_free(h->sparse);
    h->sparse = NULL;
    h->registers = registers;
    return WR_OK;
}

wr_status wri_hll_add(wri_hll *h, uint64_t hash, uint32_t sparse_max, wr_err *err) {
    if (h->registers) {
        note(h->registers, hash);
        return WR_OK;
    }
    WR_TRY(wri_keys_add(&h->sparse, (int64_t)hash, err));
    return h->sparse->n > sparse_max ? densify(h, err) : WR_OK;
}

/* Hash of a value; mixed once more, for the low bits of the same hash may have chosen the worker. */
uint64_t wri_hll_hash(const wr_col *c, uint32_t i) {
    uint64_t h;
    if (c->phys == WR_STR) h = wr_hash_str(&c->str[i]);
    else if (c->phys == WR_I64) h = (uint64_t)c->i64[i];
    else h = (uint64_t)wri_key_of_f64(c->f64[i] == 0 ? 0 : c->f64[i]);
    return wr_hash_u64(h ^ UINT64_C(0x9e3779b97f4a7c15));
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    (void)call;
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(wri_hll_add(WRI_STATE(hll, states, stride, g), wri_hll_hash(c, i), SPARSE_MAX, err));
    }
    return WR_OK;
}

/* ---- bytes ---- */

static wr_status merge_registers(wri_reader *r, hll *h, wr_err *err) {
    const uint8_t *p = (const uint8_t *)wri_read_bytes(r, PACKED);
    if (r->bad) return WR_OK; /* told by wri_read_end */
    WR_TRY(densify(h, err));
    for (uint32_t i = 0; i < REGISTERS; i += 4, p += 3) { /* four registers in three bytes */
        uint32_t w = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
        for (uint32_t k = 0; k < 4; k++, w >>= 6) {
            uint8_t rank = w & 63;
            if (rank > RANK_MAX) r->bad = true;
            else if (rank > h->registers[i + k]) h->registers[i + k] = rank;
        }
    }
    return WR_OK;
}

wr_status wri_hll_merge(wri_hll *h, const wr_str *bytes, uint32_t sparse_max, wr_err *err) {
    const wr_agg_call call = {.def = &wr_agg_approx_count_distinct}; /* for the message */
    if (bytes->len > 1 && wr_str_data(bytes)[1] == 'R') {
        wri_reader r = wri_read_head(bytes, 'R');
        WR_TRY(merge_registers(&r, h, err));
        return wri_read_end(&r, &call, err);
    }
    wri_reader r = wri_read_head(bytes, 'H');
    wri_key_reader keys = wri_read_keys(&r);
    if (!h->registers && keys.left <= sparse_max) WR_TRY(wri_keys_expect(&h->sparse, keys.left, err));
    for (int64_t key; wri_read_key(&keys, &key);) WR_TRY(wri_hll_add(h, (uint64_t)key, sparse_max, err));
    return wri_read_end(&r, &call, err);
}

static wr_status merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    (void)call;
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(wri_hll_merge(WRI_STATE(hll, states, stride, g), &c->str[i], SPARSE_MAX, err));
    }
    return WR_OK;
}

wr_status wri_hll_put(const wri_hll *h, wr_buf *sorted, wr_buf *out) {
    sorted->len = 0;
    WR_TRY(wri_put_head(out, h->registers ? 'R' : 'H'));
    if (!h->registers) {
        size_t n = h->sparse ? h->sparse->n : 0;
        WR_TRY(wr_buf_reserve(sorted, (n + 1) * sizeof(int64_t)));
        if (n) wri_keys_sorted(h->sparse, (int64_t *)sorted->data);
        return wri_put_keys(out, (const int64_t *)sorted->data, n);
    }
    WR_TRY(wr_buf_reserve(out, PACKED));
    for (uint32_t i = 0; i < REGISTERS; i += 4) {
        const uint8_t *r = &h->registers[i];
        uint32_t w = r[0] | (uint32_t)r[1] << 6 | (uint32_t)r[2] << 12 | (uint32_t)r[3] << 18;
        char bytes[3] = {(char)w, (char)(w >> 8), (char)(w >> 16)};
        WR_TRY(wr_buf_put(out, bytes, 3));
    }
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    (void)call;
    wr_col *col;
    wr_buf bytes = {0}, sorted = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        bytes.len = 0;
        s = wri_hll_put(WRI_STATE_CONST(hll, states, stride, gids[i]), &sorted, &bytes) == WR_OK
                ? wri_out_bytes(out, col, i, &bytes, err)
                : wr_fail_oom(err, "a count of distinct values");
    }
    wr_buf_free(&bytes);
    wr_buf_free(&sorted);
    return s;
}

/* ---- estimate ---- */

/* x + Σ x^(2^k) 2^(k-1), for registers still 0. */
static double sigma(double x) {
    double y = 1, z = x, last;
    do {
        x *= x;
        last = z;
        z += x * y;
        y += y;
    } while (z != last);
    return z;
}

/* For registers at RANK_MAX. */
static double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double y = 1, z = 1 - x, last;
    do {
        x = sqrt(x);
        last = z;
        y /= 2;
        z -= (1 - x) * (1 - x) * y;
    } while (z != last);
    return z / 3;
}

int64_t wri_hll_count(const wri_hll *h) {
    if (!h->registers) return h->sparse ? (int64_t)h->sparse->n : 0;
    uint32_t have[RANK_MAX + 1] = {0};
    for (uint32_t i = 0; i < REGISTERS; i++) have[h->registers[i]]++;
    const double m = REGISTERS;
    if (have[0] == REGISTERS) return 0;
    double z = m * tau(1 - have[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k >= 1; k--) z = (z + have[k]) / 2;
    z += m * sigma(have[0] / m);
    double n = m * m / (2 * M_LN2 * z);
    return n < 9e18 ? (int64_t)llround(n) : INT64_MAX;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)call;
    (void)failed;
    wr_col *col;
    WR_TRY(wri_out(out, c, WR_I64, &col, err));
    for (uint32_t i = 0; i < n; i++)
        col->i64[i] = wri_hll_count(WRI_STATE_CONST(hll, states, stride, gids[i]));
    return WR_OK;
}

size_t wri_hll_bytes(const wri_hll *h) {
    return h->registers ? REGISTERS : h->sparse ? sizeof(wri_keys) + (sizeof(int64_t) << h->sparse->log2) : 0;
}

void wri_hll_free(wri_hll *h) {
    wr_free(h->sparse);
    wr_free(h->registers);
    *h = (wri_hll){0};
}

static void destroy(const wr_agg_call *call, void *state) {
    (void)call;
    wri_hll_free(state);
}

extern const wr_agg_def wr_agg_count;
const wr_agg_def wr_agg_approx_count_distinct = {
    .name = "APPROX_COUNT_DISTINCT",
    .signature = "APPROX_COUNT_DISTINCT(value)",
    .doc = "Number of different values: exact up to 1,024, then within about 0.8 %; at most 16 KiB a group. "
           "Exact in a frame of OVER that slides.",
    .example = "APPROX_COUNT_DISTINCT(x) = 2",
    .min_args = 1,
    .max_args = 1,
    .bind = bind,
    .update = update,
    .merge = merge,
    .partial = partial,
    .finish = finish,
    .destroy = destroy,
    .exact = &wr_agg_count,
};
