/* runtime/ops/join_rows.h -- what joins keep of their inputs, and pairs of rows. Private to runtime/.
 *
 *   input batch ─► view: the columns that the join reads, shared ─► rows copied into blocks, column by column
 *   refs to rows of views and blocks, two by two ─► pair batch ─► residual condition ─► rows of the result
 *
 * The kept columns stand first in a view, in the order they have in blocks, so that a ref may point to a row
 * of either. A block is a batch that owns its strings and is written to by its owner only while it grows. */
#ifndef WR_RUNTIME_JOIN_ROWS_H
#define WR_RUNTIME_JOIN_ROWS_H

#include "../job_int.h"
#include "slots.h"

#define WRI_BLOCK_BITS 12
#define WRI_BLOCK_ROWS (1u << WRI_BLOCK_BITS) /* most rows of a block */

/* ---- sides ---- */
typedef struct wri_jside {
    uint32_t n;      /* columns of a view */
    uint32_t n_kept; /* the first of them are kept in blocks */
    uint32_t *cols;  /* n: columns of the input */
    wr_phys *phys;   /* n */
    uint32_t *keys;  /* the join's keys, columns of a view */
    uint32_t time;   /* the join's time_cols, column of a view, or WR_NO_COL */
    uint32_t *src;   /* per column of the pair that comes from this side: column of a view */
} wri_jside;

/* all: keys and time are kept, too. */
wr_status wri_jside_init(wri_jside *s, const wr_node *n, uint32_t side, bool all, wr_err *err) WR_MUST_USE;
void wri_jside_free(wri_jside *s);
static inline wr_status wri_jside_view(const wri_jside *s, wr_batch *in, wr_batch **outp, wr_err *err) {
    return wr_batch_share(in, s->cols, s->n, outp, err);
}
/* Rows idx[0..n) of a view, apart: those whose keys can match to the front of keyed, the others to none.
 * *np: how many can. Both have room for n. */
void wri_keyed_rows(const wri_jside *s, const wr_node *node, const wr_batch *view, const uint32_t *idx,
                    uint32_t n, uint32_t *keyed, uint32_t *none, uint32_t *np);

/* ---- blocks ---- */
/* An empty block with room for cap rows. */
wr_status wri_block_new(const wri_jside *s, uint32_t cap, wr_batch **outp, wr_err *err) WR_MUST_USE;
typedef struct wri_some { /* rows idx[first..first + n) of a batch, or first..first + n when idx is NULL */
    const uint32_t *idx;
    uint32_t first, n;
} wri_some;
static inline uint32_t wri_some_at(const wri_some *s, uint32_t i) {
    return s->idx ? s->idx[s->first + i] : s->first + i;
}
/* Appends rows of from; there is room. After a failure b is of no more use. */
wr_status wri_block_add(wr_batch *b, const wri_jside *s, const wr_batch *from, wri_some rows,
                        wr_err *err) WR_MUST_USE;

/* Rows in blocks; row id: block << WRI_BLOCK_BITS | row in it. The pos of a block counts the rows before. */
typedef struct wri_rows {
    wr_batch **blocks;
    size_t n, blocks_cap;
    size_t rows;
    wri_slots *slots; /* by number of a row; NULL: nobody saves them by these. The owner's */
} wri_rows;
/* Appends rows idx[0..n) (idx NULL: 0..n). */
wr_status wri_rows_add(wri_rows *r, const wri_jside *s, const wr_batch *from, const uint32_t *idx, uint32_t n,
                       wr_err *err) WR_MUST_USE;
void wri_rows_free(wri_rows *r);

/* ---- pairs ---- */
typedef struct wri_pairs {
    wr_op *op;
    const wri_jside *sides;
    wr_eval *residual;     /* NULL: none, or not to be asked */
    const wr_batch **b[2]; /* of pair i: batches, NULL for a side that is padded with NULLs */
    uint32_t *row[2];
    uint8_t *change; /* of pair i: a wr_change; NULL: all are inserts */
    int64_t *own;    /* of pair i: the join's own time; NULL: it follows from the rows */
    uint32_t n, cap;
    wr_batch *made; /* by _test */
    uint32_t *hits; /* those of the pairs that passed */
    uint32_t n_hits;
    bool follow; /* results have position and watermarks of their left rows, which are of one batch a flush */
    int64_t followed;
    wr_row_errors errs;
} wri_pairs;

/* test: asks the residual condition of the node. */
wr_status wri_pairs_init(wri_pairs *p, wr_op *op, const wri_jside *sides, bool test, wr_err *err) WR_MUST_USE;
void wri_pairs_free(wri_pairs *p);
/* True: full, to be tested and emitted. */
static inline bool wri_pairs_add(wri_pairs *p, const wr_batch *l, uint32_t lrow, const wr_batch *r,
                                 uint32_t rrow) {
    uint32_t i = p->n++;
    if (p->change) p->change[i] = WR_INSERT;
    p->b[0][i] = l;
    p->row[0][i] = lrow;
    p->b[1][i] = r;
    p->row[1][i] = rrow;
    return p->n == p->cap;
}
/* Finds the hits. */
wr_status wri_pairs_test(wri_pairs *p, wr_err *err) WR_MUST_USE;
/* Emits the hits (after _test) and forgets all pairs. */
wr_status wri_pairs_emit(wri_pairs *p, wr_err *err) WR_MUST_USE;
void wri_pairs_forget(wri_pairs *p);
/* One row of a side, the other side NULL (or not there: SEMI, ANTI); emits when full. Not tested. */
wr_status wri_pairs_single(wri_pairs *p, uint32_t side, const wr_batch *b, uint32_t row,
                           wr_err *err) WR_MUST_USE;
/* From now on pairs have changes: those added by _add and _single are inserts. */
wr_status wri_pairs_changes(wri_pairs *p, wr_err *err) WR_MUST_USE;
typedef struct wri_jrow {
    const wr_batch *b; /* NULL: padded with NULLs */
    uint32_t row;
} wri_jrow;
/* As _single, of two rows or one, with this change. */
wr_status wri_pairs_put(wri_pairs *p, wr_change change, wri_jrow l, wri_jrow r, wr_err *err) WR_MUST_USE;
/* Emits what _single and _put have gathered. */
wr_status wri_pairs_flush(wri_pairs *p, wr_err *err) WR_MUST_USE;

static inline bool wri_pads(const wr_node *n, uint32_t side) { /* unmatched rows of this side come out */
    wr_join_type t = n->join.type;
    return side == 0 ? t == WR_JOIN_LEFT || t == WR_JOIN_FULL || t == WR_JOIN_ANTI
                     : t == WR_JOIN_RIGHT || t == WR_JOIN_FULL;
}
static inline bool wri_one_sided(const wr_node *n) {
    return n->join.type == WR_JOIN_SEMI || n->join.type == WR_JOIN_ANTI;
}

#endif
