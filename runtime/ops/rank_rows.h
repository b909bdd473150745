/* runtime/ops/rank_rows.h -- rows that are ranked: kept one by one, compared, put into batches again. Private
 * to runtime/.
 *
 * Each row is one piece of memory, so that rows come and go singly: a head, the bits of its NULLs, its
 * columns at fixed places, and behind them the text that does not fit into a string view. Rows that are
 * ranked have a total order: by the order keys; then, where no row is ever taken back, by their place in the
 * source; then by values. */
#ifndef WR_RUNTIME_RANK_ROWS_H
#define WR_RUNTIME_RANK_ROWS_H

#include "core/core.h"
#include "planner/planner.h"

typedef struct wri_row {
    union {
        struct {
            int64_t pos; /* in the source: no row is ever taken back */
            uint32_t split;
        };
        struct wri_row *kid[2]; /* in a tree: rows may be taken back */
    };
    char data[];
} wri_row;

typedef struct wri_row_form { /* what rows of a RANK look like */
    const wr_schema *schema;  /* of its input */
    const wr_sort_key *order;
    uint32_t n_order;
    bool by_place, ties_last;
    uint32_t *at; /* per column: its place in data */
    size_t bytes; /* of data, less the text behind it */
} wri_row_form;

/* n: a RANK. */
wr_status wri_row_form_init(wri_row_form *f, const wr_node *n, wr_err *err) WR_MUST_USE;
void wri_row_form_free(wri_row_form *f);

/* A copy of row i of b. Owner of *outp: the caller, by wr_free. */
wr_status wri_row_new(const wri_row_form *f, const wr_batch *b, uint32_t i, wri_row **outp,
                      wr_err *err) WR_MUST_USE;

/* A row, or row i of a batch. */
typedef struct wri_row_ref {
    const wri_row *row; /* NULL: see b */
    const wr_batch *b;
    uint32_t i;
} wri_row_ref;
static inline wri_row_ref wri_row_at(const wri_row *row) { return (wri_row_ref){.row = row}; }
int wri_row_cmp(const wri_row_form *f, wri_row_ref x, wri_row_ref y);    /* in the total order */
bool wri_row_peers(const wri_row_form *f, wri_row_ref x, wri_row_ref y); /* alike in the order keys */
/* By the values of cols[0..n). */
int wri_row_cmp_cols(const wri_row_form *f, const wri_row *x, const wri_row *y, const uint32_t *cols,
                     uint32_t n);

/* Writes row i of b, whose columns are there: those of the schema. Text is copied. */
wr_status wri_row_put(const wri_row_form *f, const wri_row *row, wr_batch *b, uint32_t i,
                      wr_err *err) WR_MUST_USE;

/* ---- an ordered set of rows that are not wanted so far: a treap whose priorities are hashes of addresses
 * ---- */
void wri_tree_add(const wri_row_form *f, wri_row **rootp, wri_row *row);
/* Takes a row that equals x out; NULL: there is none. */
wri_row *wri_tree_take(const wri_row_form *f, wri_row **rootp, wri_row_ref x);
wri_row *wri_tree_first(wri_row *root); /* NULL: it is empty */
void wri_tree_free(wri_row *root);

#endif
