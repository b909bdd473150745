/* core/batch.h -- what flows: rows held as columns.
 *
 * A batch is written by one owner, then pushed and only read, by as many as hold it. Batches are
 * dense: a filter gathers the rows it keeps, there is no selection vector (docs/DESIGN.md says why).
 *
 *   cols[0..n_cols)  typed arrays of n values, a NULL bitmap where needed, dictionary codes where known
 *   split, pos       where the rows came from: row i has position (split, pos + i), rising within a
 *                    split; ties in time are broken by it. Rows made by an operator: WR_NO_SPLIT
 *   wm               NULL, or per row the watermark just before it: only when some row lies behind it
 *   change           NULL: every row is an insert; else per row a wr_change. A WR_UPDATE_BEFORE stands
 * directly before its WR_UPDATE_AFTER in the same batch; gathering one half alone makes it a delete or an
 * insert, so a row that stands is always taken back before or as it is replaced
 *
 * Strings and arrays live in the batch's arena or in what it holds (input buffer, parent batch). */
#ifndef WR_CORE_BATCH_H
#define WR_CORE_BATCH_H

#include "type.h"

#define WR_BATCH_ROWS     4096  /* default capacity [rows] */
#define WR_BATCH_ROWS_MAX 65536 /* largest capacity a user may set */
#define WR_NO_SPLIT       UINT32_MAX
#define WR_PAD            64 /* bytes that may be read (never used) behind every input buffer */

/* What a row does to the table that the rows before it have made. */
typedef enum wr_change { WR_INSERT, WR_UPDATE_BEFORE, WR_UPDATE_AFTER, WR_DELETE } wr_change;

/* Values of a low-cardinality string column, in the order first seen. One decoder appends, in the
 * thread that reads; batches that left that thread carry no codes. */
typedef struct wr_dict {
    wr_ref ref;
    uint32_t n, cap;
    wr_str *values; /* values[code]; bytes owned by ar */
    wr_arena ar;
    void *index; /* private to whoever appends */
} wr_dict;

typedef struct wr_col {
    wr_phys phys;
    union {
        int64_t *i64;
        double *f64;
        wr_str *str;
        void *data;
    };
    uint64_t *nulls; /* bit i of word i/64 set: row i is NULL. NULL pointer: no NULL in the column.
                        The value under a NULL is defined but means nothing (0 or the empty string). */
    uint32_t *codes; /* WR_STR: codes[i] indexes dict->values; NULL: none */
    wr_dict *dict;   /* borrowed; the batch holds it */
} wr_col;

typedef struct wr_batch {
    wr_ref ref;
    uint32_t n;   /* rows */
    uint32_t cap; /* rows the arrays have room for */
    uint32_t n_cols;
    uint32_t split;    /* source split, or WR_NO_SPLIT */
    wr_col *cols;      /* in the arena */
    int64_t pos;       /* position of row 0 in its split (bytes or records), see above */
    int64_t ingest_us; /* wall clock when the oldest row entered [us], 0: unknown */
    int64_t *wm;       /* see above */
    uint64_t *hash;    /* NULL, or the key hash of each row, for the exchange */
    uint8_t *change;   /* see above */
    wr_arena arena;
    wr_ref **held; /* kept alive with the batch */
    uint32_t n_held, held_cap;
} wr_batch;

static inline uint32_t wr_bitmap_words(uint32_t n) { return (n + 63) / 64; }
static inline bool wr_bit(const uint64_t *bits, uint32_t i) { return bits[i >> 6] >> (i & 63) & 1; }
static inline void wr_bit_set(uint64_t *bits, uint32_t i) { bits[i >> 6] |= UINT64_C(1) << (i & 63); }
static inline bool wr_is_null(const wr_col *c, uint32_t i) { return c->nulls && wr_bit(c->nulls, i); }

static inline wr_change wr_change_of(const wr_batch *b, uint32_t i) {
    return b->change ? (wr_change)b->change[i] : WR_INSERT;
}
/* The row is taken away: an old value or a deleted row. */
static inline bool wr_takes_back(wr_change c) { return c == WR_UPDATE_BEFORE || c == WR_DELETE; }
/* What a half of an update is without the other. */
static inline wr_change wr_lone_change(wr_change c) {
    return c == WR_UPDATE_BEFORE ? WR_DELETE : c == WR_UPDATE_AFTER ? WR_INSERT : c;
}

/* A batch with n_cols columns and no arrays yet. Owner of *outp: the caller, by wr_batch_drop. */
wr_status wr_batch_new(uint32_t n_cols, uint32_t cap, wr_batch **outp, wr_err *err) WR_MUST_USE;
/* Gives column c its array of cap values (undefined) and no NULLs. */
wr_status wr_batch_col(wr_batch *b, uint32_t c, wr_phys phys, wr_err *err) WR_MUST_USE;
/* The column's NULL bitmap, made and cleared when there is none; NULL on OOM. */
uint64_t *wr_batch_nulls(wr_batch *b, wr_col *c);
/* Empties b for reuse by its only owner (count 1): drops what it holds, resets the arena. */
wr_status wr_batch_reset(wr_batch *b, uint32_t n_cols) WR_MUST_USE;
/* b keeps r alive (takes a reference of its own). */
wr_status wr_batch_keep(wr_batch *b, wr_ref *r, wr_err *err) WR_MUST_USE;
/* Copies len bytes into b's arena as a view. */
wr_status wr_batch_str(wr_batch *b, const char *p, size_t len, wr_str *outp, wr_err *err) WR_MUST_USE;
/* A new batch of the rows idx[0..n) (rising) of the columns cols[0..n_cols) of `in`; arrays are
 * copied, string bytes stay in `in`, which the new batch keeps alive. cols NULL: all columns. */
wr_status wr_batch_gather(wr_batch *in, const uint32_t *idx, uint32_t n, const uint32_t *cols,
                          uint32_t n_cols, wr_batch **outp, wr_err *err) WR_MUST_USE;
/* Makes column c a copy of from's first b->n rows, strings included. */
wr_status wr_batch_copy_col(wr_batch *b, uint32_t c, const wr_col *from, wr_err *err) WR_MUST_USE;
/* A new batch that shares columns cols[i] of `in` (no copy) and keeps it alive; entries of
 * UINT32_MAX are left empty for the caller to fill. Split, position, wm, changes and ingest time are shared.
 */
wr_status wr_batch_share(wr_batch *in, const uint32_t *cols, uint32_t n_cols, wr_batch **outp,
                         wr_err *err) WR_MUST_USE;
/* Hash of each row's key columns, as wr_keyed_* says; out has in->n places. */
void wr_batch_hash(const wr_batch *in, const uint32_t *cols, uint32_t n_cols, uint64_t *out);
static inline wr_batch *wr_batch_hold(wr_batch *b) { return (wr_batch *)wr_hold(&b->ref); }
static inline void wr_batch_drop(wr_batch *b) { wr_drop(b ? &b->ref : NULL); }

/* A new dictionary, one reference; _add copies the bytes and returns the new code. */
wr_dict *wr_dict_new(void);
wr_status wr_dict_add(wr_dict *d, const wr_str *s, uint32_t *codep) WR_MUST_USE;

#endif
