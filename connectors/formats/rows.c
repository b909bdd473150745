/* connectors/formats/rows.c -- taking bad rows out of a batch that is being filled. */
#include "connectors/formats/rows_int.h"

static void compact_nulls(uint64_t *nulls, uint32_t at, const uint32_t *idx, uint32_t n, uint32_t n_all) {
    for (uint32_t i = 0; i < n_all; i++) {
        bool null = i < n && wr_bit(nulls, at + idx[i]);
        uint64_t bit = UINT64_C(1) << (at + i) % 64, *word = &nulls[(at + i) / 64];
        *word = null ? *word | bit : *word & ~bit;
    }
}

void wri_rows_compact(wr_batch *b, uint32_t at, const uint32_t *idx, uint32_t n, uint32_t n_all) {
    for (uint32_t k = 0; k < b->n_cols; k++) {
        wr_col *c = &b->cols[k];
        if (c->phys == WR_STR)
            for (uint32_t i = 0; i < n; i++) c->str[at + i] = c->str[at + idx[i]];
        else
            for (uint32_t i = 0; i < n; i++) c->i64[at + i] = c->i64[at + idx[i]];
        if (c->nulls) compact_nulls(c->nulls, at, idx, n, n_all);
    }
    b->n = at + n;
}
