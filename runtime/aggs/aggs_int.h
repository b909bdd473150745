/* runtime/aggs/aggs_int.h -- what the aggregates share. Private to runtime/aggs/.
 *
 *   kernels   loops over rows and group ids; rows to ignore go to group 0
 *   cells     one owned value of any physical form, ordered
 *   bytes     reading and writing of the serialised states that travel in VARBINARY columns
 *   sets      distinct 64-bit values and distinct strings, and DISTINCT for any aggregate
 *
 * Every state is valid when all zero. States of variable size ignore group 0, so that nothing piles up there.
 */
#ifndef WR_RUNTIME_AGGS_INT_H
#define WR_RUNTIME_AGGS_INT_H

#include "planner/planner.h"

/* ---- kernels ---- */
#define WRI_KERNEL                                 static inline __attribute__((always_inline))
#define WRI_STATE(type, states, stride, gid)       ((type *)((states) + (size_t)(gid) * (stride)))
#define WRI_STATE_CONST(type, states, stride, gid) ((type const *)((states) + (size_t)(gid) * (stride)))

/* Group of row i; 0 when its value is NULL. A kernel called with a constant NULL bitmap loses the test. */
WRI_KERNEL uint32_t wri_gid(const uint32_t *gids, const uint64_t *nulls, uint32_t i) {
    return nulls ? gids[i] & ((uint32_t)wr_bit(nulls, i) - 1) : gids[i];
}

/* Doubles as integers that sort as the doubles do: -inf < … < -0.0 < 0.0 < … < inf < NaN; all NaNs are one.
 */
WRI_KERNEL int64_t wri_key_of_f64(double v) {
    int64_t k;
    memcpy(&k, &v, 8);
    k ^= (int64_t)((uint64_t)(k >> 63) >> 1);
    return v != v ? INT64_C(0x7ff8000000000000) : k;
}
WRI_KERNEL double wri_f64_of_key(int64_t k) {
    double v;
    k ^= (int64_t)((uint64_t)(k >> 63) >> 1);
    memcpy(&v, &k, 8);
    return v;
}
WRI_KERNEL int64_t wri_key_at(const wr_col *c, uint32_t i) { /* WR_I64 or WR_F64 */
    return c->phys == WR_F64 ? wri_key_of_f64(c->f64[i]) : c->i64[i];
}

/* ---- binding ---- */
/* "SUM takes a number, not VARCHAR" with the name of call's definition. */
wr_status wri_bad_arg(const wr_agg_call *call, uint32_t i, const char *wanted, wr_err *err);
static inline bool wri_is_number(wr_type t) { return wr_kind_is_num((wr_kind)t.kind) || t.kind == WR_T_NULL; }
static inline bool wri_is_i64_number(wr_type t) { return wri_is_number(t) && wr_type_phys(t) == WR_I64; }
static inline wr_type wri_nullable(wr_type t) {
    t.not_null = false;
    return t;
}
/* 10^-scale for DECIMAL, else 1: what one unit of the stored integer is worth. */
double wri_unit_of(wr_type t);
/* Adds a column to the partial state. */
void wri_partial_add(wr_agg_call *call, wr_type t);

/* ---- output columns ---- */
/* Column c of out, made when it has no array yet, without NULLs. */
wr_status wri_out(wr_batch *out, uint32_t c, wr_phys phys, wr_col **colp, wr_err *err) WR_MUST_USE;
wr_status wri_out_null(wr_batch *out, wr_col *col, uint32_t i, wr_err *err) WR_MUST_USE;
/* Group i of the output failed: NULL there, and its bit set (failed may be NULL). */
wr_status wri_out_failed(wr_batch *out, wr_col *col, uint32_t i, uint64_t *failed, wr_err *err) WR_MUST_USE;
/* Bytes of buf as value i of a string column. */
wr_status wri_out_bytes(wr_batch *out, wr_col *col, uint32_t i, const wr_buf *buf, wr_err *err) WR_MUST_USE;

/* ---- cells: one owned value ---- */
typedef struct wri_text {
    wr_str v;
    char *mem; /* owner: this; holds long values, kept for reuse */
    uint64_t cap;
} wri_text;
typedef union wri_cell {
    int64_t key; /* WR_I64: the value; WR_F64: wri_key_of_f64 */
    wri_text text;
} wri_cell; /* only the first wri_cell_bytes of it exist */

static inline uint32_t wri_cell_bytes(wr_phys p) {
    return p == WR_STR ? (uint32_t)sizeof(wri_text) : (uint32_t)sizeof(int64_t);
}
/* Sign of cell - row i of c; c is not NULL there. */
int wri_cell_cmp(const wri_cell *cell, const wr_col *c, uint32_t i);
wr_status wri_cell_set(wri_cell *cell, const wr_col *c, uint32_t i, wr_err *err) WR_MUST_USE;
wr_status wri_cell_out(const wri_cell *cell, wr_batch *out, wr_col *col, uint32_t i, wr_err *err) WR_MUST_USE;
/* A column of one row that holds the cell's value; numbers are ordered and copied by their keys. */
wr_col wri_cell_col(wri_cell *cell, wr_phys phys);
void wri_cell_free(wri_cell *cell, wr_phys phys);

/* ---- bytes of serialised states ----
 *   0     version, WRI_BYTES_VERSION
 *   1     tag, says what follows
 *   2..   varints (7 bits a byte, low first) and raw bytes
 * A reader never goes past the end; after the first fault every read gives 0 and `bad` stays set. */
#define WRI_BYTES_VERSION 1
typedef struct wri_reader {
    const uint8_t *at, *end, *start;
    bool bad;
} wri_reader;

wr_status wri_put_head(wr_buf *out, char tag) WR_MUST_USE;
wr_status wri_put_varint(wr_buf *out, uint64_t v) WR_MUST_USE;
/* A reader behind the head; bad when version or tag differ. */
wri_reader wri_read_head(const wr_str *s, char tag);
uint64_t wri_read_varint(wri_reader *r);
/* A count of items that take at least min_bytes each; bad when they cannot be there. */
uint64_t wri_read_count(wri_reader *r, size_t min_bytes);
const char *wri_read_bytes(wri_reader *r, uint64_t n);
/* WR_OK when all was read without fault, else WR_EDATA. */
wr_status wri_read_end(const wri_reader *r, const wr_agg_call *call, wr_err *err) WR_MUST_USE;
static inline uint64_t wri_zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }
static inline int64_t wri_unzigzag(uint64_t v) { return (int64_t)(v >> 1 ^ (0 - (v & 1))); }

/* Rising keys as count and differences; `keys` is sorted. The reader gives one key a call. */
wr_status wri_put_keys(wr_buf *out, const int64_t *keys, size_t n) WR_MUST_USE;
typedef struct wri_key_reader {
    wri_reader *r;
    uint64_t left, last;
    bool first;
} wri_key_reader;
wri_key_reader wri_read_keys(wri_reader *r);
bool wri_read_key(wri_key_reader *k, int64_t *keyp); /* false: end or fault */

/* Sorts in place, no memory needed, worst case n log n. */
void wri_sort_keys(int64_t *keys, size_t n);

/* ---- items: texts with the place of their rows, read in order (agg_items.c). The state is one pointer. ----
 */
typedef struct wri_item {
    int64_t time, pos;
    uint32_t split;
    wr_str text; /* long bytes in the list's arena */
} wri_item;
typedef struct wri_items {
    size_t n, cap;
    uint64_t text_bytes; /* of all texts */
    wri_item *items;
    wr_arena ar;
} wri_items;
/* Copies it->text into the list; *listp NULL: the empty one. */
wr_status wri_items_add(wri_items **listp, const wri_item *it, wr_err *err) WR_MUST_USE;
/* Row i of in as an item without text. */
wri_item wri_items_row(const wr_agg_call *call, const wr_agg_in *in, uint32_t i);
/* merge, partial, combine and destroy of wr_agg_def, also of calls with DISTINCT, whose state is another. */
wr_status wri_items_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                          const uint32_t *gids, wr_err *err) WR_MUST_USE;
wr_status wri_items_partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                            uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) WR_MUST_USE;
wr_status wri_items_combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) WR_MUST_USE;
void wri_items_sort(wri_items *l); /* by time, split, position, then text */
void wri_items_destroy(const wr_agg_call *call, void *state);

/* ---- distinct 64-bit keys: open addressing, at most 3/4 full ---- */
typedef struct wri_keys {
    uint64_t n; /* keys, the zero one included */
    uint32_t log2;
    bool has_zero; /* zero marks a free cell, so the key zero is kept here */
    int64_t cells[];
} wri_keys;
/* *setp NULL: the empty set. */
wr_status wri_keys_add(wri_keys **setp, int64_t key, wr_err *err) WR_MUST_USE;
/* Room for n keys at once in a set that is empty still. */
wr_status wri_keys_expect(wri_keys **setp, uint64_t n, wr_err *err) WR_MUST_USE;
/* All keys, rising; out has room for set->n. */
void wri_keys_sorted(const wri_keys *set, int64_t *out);

/* ---- distinct strings ---- */
typedef struct wri_strs {
    uint64_t n;
    uint32_t log2;
    bool has_empty; /* a cell of all zeroes is free, so the empty string is kept here */
    wr_arena ar;    /* bytes of long strings */
    wr_str *cells;
} wri_strs;
wr_status wri_strs_add(wri_strs **setp, const wr_str *s, wr_err *err) WR_MUST_USE;
void wri_strs_sorted(const wri_strs *set, wr_str *out);
void wri_strs_free(wri_strs *set); /* NULL is allowed */

/* ---- percentiles ---- */
/* p * n, which is a whole number when it only misses one by the rounding of p: 0.07 * 100. */
double wri_share(double p, double n);
/* Place, from 0, of the first of n ordered values whose share of values at or before it is at least p; n > 0.
 */
uint64_t wri_nearest_rank(double p, uint64_t n);
/* PERCENTILE_DISC of texts: the state is one pointer. */
wr_status wri_texts_update(const wr_agg_in *in, char *states, size_t stride, const uint32_t *gids,
                           wr_err *err) WR_MUST_USE;
wr_status wri_texts_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                          const uint32_t *gids, wr_err *err) WR_MUST_USE;
wr_status wri_texts_partial(const char *states, size_t stride, const uint32_t *gids, uint32_t n,
                            wr_batch *out, uint32_t first_col, wr_err *err) WR_MUST_USE;
wr_status wri_texts_finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                           uint32_t n, wr_batch *out, uint32_t c, wr_err *err) WR_MUST_USE;
wr_status wri_texts_combine(void *into, const void *from, wr_err *err) WR_MUST_USE;
void wri_texts_destroy(void *state);

/* ---- bags: every value with its count, for rows that may be taken back (agg_bag.c). mask: a key's rank, of
 * which the largest is the best, is key ^ mask ---- */
typedef struct wri_bag wri_bag;
typedef struct wri_bag_state {
    wri_bag *bag; /* NULL: empty */
    uint64_t best, known;
} wri_bag_state;
void wri_bag_bind(wr_agg_call *call);
wr_status wri_bag_update(uint64_t mask, const wr_agg_in *in, char *states, size_t stride,
                         const uint32_t *gids, wr_err *err) WR_MUST_USE;
wr_status wri_bag_merge(const wr_agg_call *call, uint64_t mask, const wr_agg_in *in, char *states,
                        size_t stride, const uint32_t *gids, wr_err *err) WR_MUST_USE;
void wri_bag_retract(const wr_agg_call *call, uint64_t mask, const wr_agg_in *in, char *states, size_t stride,
                     const uint32_t *gids);
wr_status wri_bag_partial(const char *states, size_t stride, const uint32_t *gids, uint32_t n, wr_batch *out,
                          uint32_t first_col, wr_err *err) WR_MUST_USE;
uint64_t wri_bag_count(const wri_bag_state *s);                      /* of different values */
bool wri_bag_best(wri_bag_state *s, uint64_t mask, uint64_t *rankp); /* false: there is none */
void wri_bag_destroy(wri_bag_state *s);

/* ---- DISTINCT: the state is a set; at the end its values, in order, go through the plain aggregate ----
 * An aggregate that allows it calls these from its own functions when call->distinct. */
/* To be called last in bind. */
void wri_distinct_bind(wr_agg_call *call);
wr_status wri_distinct_update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                              const uint32_t *gids, wr_err *err) WR_MUST_USE;
wr_status wri_distinct_merge(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                             const uint32_t *gids, wr_err *err) WR_MUST_USE;
wr_status wri_distinct_partial(const wr_agg_call *call, const char *states, size_t stride,
                               const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t first_col,
                               wr_err *err) WR_MUST_USE;
wr_status wri_distinct_finish(const wr_agg_call *call, const char *states, size_t stride,
                              const uint32_t *gids, uint32_t n, wr_batch *out, uint32_t col, uint64_t *failed,
                              wr_err *err) WR_MUST_USE;
void wri_distinct_destroy(const wr_agg_call *call, void *state);
/* Values in the set, for COUNT. */
uint64_t wri_distinct_count(const wr_agg_call *call, const void *state);

#endif
