/* runtime/aggs/agg_sets.c -- sets of distinct values, and DISTINCT for any aggregate of one argument.
 *
 * A set starts with room for three values and doubles. The free cell is all zero, so zero and the
 * empty string are flags. For DISTINCT the values of a group go, at the end and in their order,
 * through the plain aggregate: the result depends on nothing but the set.
 * Serialised: tag 'K', keys rising; tag 'S', count, then length and bytes of each string, rising. */
#include "aggs_int.h"

#include <stdlib.h>

#define LOG2_MIN 2

static bool too_full(uint64_t n, uint32_t log2) { return n * 4 > UINT64_C(3) << log2; }

/* ---- 64-bit keys ---- */

static void keys_place(wri_keys *set, int64_t key) {
    size_t mask = ((size_t)1 << set->log2) - 1;
    size_t at = wr_keyed_u64((uint64_t)key, wr_hash_secret) & mask;
    while (set->cells[at]) at = (at + 1) & mask;
    set->cells[at] = key;
}

/* old, or the empty set, with 2^log2 cells. */
static wri_keys *keys_sized(wri_keys *old, uint32_t log2, wr_err *err) {
    wri_keys *set = log2 < 58 ? wr_calloc(1, sizeof *set + (sizeof *set->cells << log2)) : NULL;
    if (!set) {
        wr_fail_oom(err, "distinct values");
        return NULL;
    }
    set->log2 = log2;
    if (!old) return set;
    set->n = old->n;
    set->has_zero = old->has_zero;
    for (size_t i = 0; i < (size_t)1 << old->log2; i++)
        if (old->cells[i]) keys_place(set, old->cells[i]);
    wr_free(old);
    return set;
}

static wri_keys *keys_grown(wri_keys *old, wr_err *err) {
    return keys_sized(old, old ? old->log2 + 1 : LOG2_MIN, err);
}

wr_status wri_keys_expect(wri_keys **setp, uint64_t n, wr_err *err) {
    uint32_t log2 = LOG2_MIN;
    if (*setp || n == 0) return WR_OK;
    while (log2 < 57 && too_full(n, log2)) log2++;
    return (*setp = keys_sized(NULL, log2, err)) ? WR_OK : WR_ENOMEM;
}

wr_status wri_keys_add(wri_keys **setp, int64_t key, wr_err *err) {
    wri_keys *set = *setp;
    if (!set && !(set = *setp = keys_grown(NULL, err))) return WR_ENOMEM;
    if (key == 0) {
        set->n += !set->has_zero;
        set->has_zero = true;
        return WR_OK;
    }
    size_t mask = ((size_t)1 << set->log2) - 1;
    size_t at = wr_keyed_u64((uint64_t)key, wr_hash_secret) & mask;
    for (; set->cells[at]; at = (at + 1) & mask)
        if (set->cells[at] == key) return WR_OK;
    if (too_full(set->n + 1, set->log2)) {
        if (!(set = keys_grown(set, err))) return WR_ENOMEM;
        *setp = set;
        keys_place(set, key);
    } else set->cells[at] = key;
    set->n++;
    return WR_OK;
}

void wri_keys_sorted(const wri_keys *set, int64_t *out) {
    size_t n = 0;
    if (set->has_zero) out[n++] = 0;
    for (size_t i = 0; i < (size_t)1 << set->log2; i++)
        if (set->cells[i]) out[n++] = set->cells[i];
    wri_sort_keys(out, n);
}

/* ---- strings ---- */

static bool cell_free(const wr_str *s) { return s->len == 0; }

static void strs_place(wr_str *cells, uint32_t log2, const wr_str *s) {
    size_t mask = ((size_t)1 << log2) - 1;
    size_t at = wr_keyed_str(s, wr_hash_secret) & mask;
    while (!cell_free(&cells[at])) at = (at + 1) & mask;
    cells[at] = *s;
}

static wr_status strs_grow(wri_strs *set, wr_err *err) {
    uint32_t log2 = set->cells ? set->log2 + 1 : LOG2_MIN;
    wr_str *cells = log2 < 56 ? wr_calloc((size_t)1 << log2, sizeof *cells) : NULL;
    if (!cells) return wr_fail_oom(err, "distinct values");
    for (size_t i = 0; set->cells && i < (size_t)1 << set->log2; i++)
        if (!cell_free(&set->cells[i])) strs_place(cells, log2, &set->cells[i]);
    wr_free(set->cells);
    set->cells = cells;
    set->log2 = log2;
    return WR_OK;
}

/* Adds s, which is not empty and not there yet. */
static wr_status strs_new(wri_strs *set, const wr_str *s, wr_err *err) {
    if (too_full(set->n + 1, set->log2)) WR_TRY(strs_grow(set, err));
    wr_str own = *s;
    if (s->len > WR_STR_INLINE) {
        if (!set->ar.block_bytes) set->ar.block_bytes = 64; /* most groups have few values */
        char *copy = wr_arena_alloc(&set->ar, s->len);
        if (!copy) return wr_fail_oom(err, "distinct values");
        memcpy(copy, s->ptr, s->len);
        own = wr_str_make(copy, s->len);
    }
    strs_place(set->cells, set->log2, &own);
    set->n++;
    return WR_OK;
}

wr_status wri_strs_add(wri_strs **setp, const wr_str *s, wr_err *err) {
    if (!*setp) *setp = wr_calloc(1, sizeof **setp);
    wri_strs *set = *setp;
    if (!set) return wr_fail_oom(err, "distinct values");
    if (!set->cells) WR_TRY(strs_grow(set, err));
    if (s->len == 0) {
        set->n += !set->has_empty;
        set->has_empty = true;
        return WR_OK;
    }
    size_t mask = ((size_t)1 << set->log2) - 1;
    for (size_t at = wr_keyed_str(s, wr_hash_secret) & mask; !cell_free(&set->cells[at]);
         at = (at + 1) & mask)
        if (wr_str_eq(&set->cells[at], s)) return WR_OK;
    return strs_new(set, s, err);
}

static int compare_strs(const void *a, const void *b) { return wr_str_cmp(a, b); }

void wri_strs_sorted(const wri_strs *set, wr_str *out) {
    size_t n = 0;
    if (set->has_empty) out[n++] = wr_str_make("", 0);
    for (size_t i = 0; set->cells && i < (size_t)1 << set->log2; i++)
        if (!cell_free(&set->cells[i])) out[n++] = set->cells[i];
    qsort(out, n, sizeof *out, compare_strs);
}

void wri_strs_free(wri_strs *set) {
    if (!set) return;
    wr_arena_free(&set->ar);
    wr_free(set->cells);
    wr_free(set);
}

/* ---- DISTINCT ---- */

typedef union distinct {
    wri_keys *keys; /* argument WR_I64, WR_F64 */
    wri_strs *strs; /* WR_STR */
} distinct;

static wr_phys arg_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]); }

void wri_distinct_bind(wr_agg_call *call) {
    call->state_bytes = sizeof(distinct);
    call->n_partials = 0;
    call->retracts = call->slides = call->plain = false;
    call->grows = true;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
}

uint64_t wri_distinct_count(const wr_agg_call *call, const void *state) {
    const distinct *d = state;
    if (arg_phys(call) == WR_STR) return d->strs ? d->strs->n : 0;
    return d->keys ? d->keys->n : 0;
}

/* For DISTINCT, as in GROUP BY, -0.0 is 0.0. */
static int64_t distinct_key(const wr_col *c, uint32_t i) {
    return c->phys == WR_F64 ? wri_key_of_f64(c->f64[i] == 0 ? 0 : c->f64[i]) : c->i64[i];
}

wr_status wri_distinct_update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                              const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    if (c->phys != arg_phys(call)) return WR_OK; /* a bare NULL where text was wanted: no value at all */
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        distinct *d = WRI_STATE(distinct, states, stride, g);
        if (c->phys == WR_STR) WR_TRY(wri_strs_add(&d->strs, &c->str[i], err));
        else WR_TRY(wri_keys_add(&d->keys, distinct_key(c, i), err));
    }
    return WR_OK;
}

static wr_status merge_one(const wr_agg_call *call, const wr_str *bytes, distinct *d, wr_err *err) {
    bool text = arg_phys(call) == WR_STR;
    wri_reader r = wri_read_head(bytes, text ? 'S' : 'K');
    if (!text) {
        wri_key_reader keys = wri_read_keys(&r);
        WR_TRY(wri_keys_expect(&d->keys, keys.left, err));
        for (int64_t key; wri_read_key(&keys, &key);) WR_TRY(wri_keys_add(&d->keys, key, err));
    } else
        for (uint64_t left = wri_read_count(&r, 1); left > 0; left--) {
            uint64_t len = wri_read_varint(&r);
            const char *p = wri_read_bytes(&r, len);
            if (r.bad) break;
            wr_str s = wr_str_make(p, len);
            WR_TRY(wri_strs_add(&d->strs, &s, err));
        }
    return wri_read_end(&r, call, err);
}

wr_status wri_distinct_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                             const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i); /* NULL: the empty set */
        if (g) WR_TRY(merge_one(call, &c->str[i], WRI_STATE(distinct, states, stride, g), err));
    }
    return WR_OK;
}

/* Values of a set, rising: as keys or strings in *bufp, which is grown. */
static wr_status values_of(const wr_agg_call *call, const distinct *d, wr_buf *buf, uint64_t *np,
                           wr_err *err) {
    bool text = arg_phys(call) == WR_STR;
    *np = wri_distinct_count(call, d);
    buf->len = 0;
    size_t size = text ? sizeof(wr_str) : sizeof(int64_t);
    if (*np > SIZE_MAX / size || wr_buf_reserve(buf, *np * size + 1) != WR_OK)
        return wr_fail_oom(err, "distinct values");
    if (*np == 0) return WR_OK;
    if (text) wri_strs_sorted(d->strs, (wr_str *)buf->data);
    else wri_keys_sorted(d->keys, (int64_t *)buf->data);
    return WR_OK;
}

static wr_status put_values(const wr_agg_call *call, const wr_buf *values, uint64_t n, wr_buf *out) {
    out->len = 0;
    if (arg_phys(call) != WR_STR) {
        WR_TRY(wri_put_head(out, 'K'));
        return wri_put_keys(out, (const int64_t *)values->data, n);
    }
    WR_TRY(wri_put_head(out, 'S'));
    WR_TRY(wri_put_varint(out, n));
    const wr_str *strs = (const wr_str *)values->data;
    for (uint64_t i = 0; i < n; i++) {
        WR_TRY(wri_put_varint(out, strs[i].len));
        WR_TRY(wr_buf_put(out, wr_str_data(&strs[i]), strs[i].len));
    }
    return WR_OK;
}

wr_status wri_distinct_partial(const wr_agg_call *call, const char *states, size_t stride,
                               const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t first_col,
                               wr_err *err) {
    wr_col *col;
    wr_buf values = {0}, bytes = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        uint64_t n_values;
        s = values_of(call, WRI_STATE_CONST(distinct, states, stride, gids[i]), &values, &n_values, err);
        if (s == WR_OK && put_values(call, &values, n_values, &bytes) != WR_OK)
            s = wr_fail_oom(err, "distinct values");
        if (s == WR_OK) s = wri_out_bytes(out, col, i, &bytes, err);
    }
    wr_buf_free(&values);
    wr_buf_free(&bytes);
    return s;
}

/* Feeds values[0..n) to the plain aggregate's group 1 of `state` (two rows of plain->state_bytes). */
static wr_status feed(const wr_agg_call *plain, wr_buf *values, uint64_t n, char *state, wr_err *err) {
    enum { CHUNK = 1024 };
    uint32_t gids[CHUNK];
    for (uint32_t i = 0; i < CHUNK; i++) gids[i] = 1;
    wr_phys phys = arg_phys(plain);
    size_t size = phys == WR_STR ? sizeof(wr_str) : 8;
    if (phys == WR_F64) /* back from keys, in place */
        for (uint64_t i = 0; i < n; i++) {
            double v = wri_f64_of_key(((int64_t *)values->data)[i]);
            memcpy(values->data + i * 8, &v, 8);
        }
    for (uint64_t at = 0; at < n; at += CHUNK) {
        wr_col col = {.phys = phys, .data = values->data + at * size};
        wr_agg_in in = {.args = {&col}, .split = WR_NO_SPLIT, .pos = (int64_t)at};
        in.n = n - at < CHUNK ? (uint32_t)(n - at) : CHUNK;
        WR_TRY(plain->def->update(plain, &in, state, plain->state_bytes, gids, err));
    }
    return WR_OK;
}

static wr_status feed_all(const wr_agg_call *call, const wr_agg_call *plain, const char *states,
                          size_t stride, const uint32_t *gids, uint32_t n, char *plain_states, wr_err *err) {
    wr_buf values = {0};
    wr_status s = WR_OK;
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        uint64_t n_values;
        s = values_of(call, WRI_STATE_CONST(distinct, states, stride, gids[i]), &values, &n_values, err);
        /* The plain group i + 1 is group 1 counted from group i, whose own turn is over: it is not written,
         * for no row goes to group 0. */
        if (s == WR_OK)
            s = feed(plain, &values, n_values, plain_states + (size_t)i * plain->state_bytes, err);
    }
    wr_buf_free(&values);
    return s;
}

wr_status wri_distinct_finish(const wr_agg_call *call, const char *states, size_t stride,
                              const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t col, uint64_t *failed,
                              wr_err *err) {
    wr_agg_call plain = *call;
    plain.distinct = false;
    plain.n_partials = 0;
    WR_TRY(call->def->bind(&plain, err));
    char *plain_states = wr_calloc((size_t)n + 1, plain.state_bytes);
    uint32_t *plain_gids = wr_calloc((size_t)n + 1, sizeof *plain_gids);
    wr_status s = plain_states && plain_gids ? WR_OK : wr_fail_oom(err, "distinct values");
    if (s == WR_OK) {
        for (uint32_t i = 0; i < n; i++) plain_gids[i] = i + 1;
        s = feed_all(call, &plain, states, stride, gids, n, plain_states, err);
    }
    if (s == WR_OK)
        s = call->def->finish(&plain, plain_states, plain.state_bytes, plain_gids, n, out, col, failed, err);
    for (uint32_t i = 0; plain_states && plain.def->destroy && i <= n; i++)
        plain.def->destroy(&plain, plain_states + (size_t)i * plain.state_bytes);
    wr_free(plain_states);
    wr_free(plain_gids);
    return s;
}

void wri_distinct_destroy(const wr_agg_call *call, void *state) {
    distinct *d = state;
    if (arg_phys(call) == WR_STR) wri_strs_free(d->strs);
    else wr_free(d->keys);
    memset(d, 0, sizeof *d);
}
