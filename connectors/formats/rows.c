/* connectors/formats/rows.c -- bad rows out of a batch that is being filled, codes into one that is filled.
 */
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

wr_status wri_dicts_open(wri_dicts *d, const wr_decode_cfg *cfg) {
    *d = (wri_dicts){.n = cfg->schema->n};
    bool any = false;
    for (uint32_t k = 0; cfg->want_dict && k < d->n; k++) any |= cfg->want_dict[k];
    if (!any) return WR_OK;
    d->items = wr_calloc(d->n, sizeof *d->items);
    if (!d->items) return WR_ENOMEM;
    for (uint32_t k = 0; k < d->n; k++)
        if (cfg->want_dict[k] && wr_type_phys(cfg->schema->fields[k].type) == WR_STR)
            WR_TRY(wri_dict_new(&d->items[k])); /* undone by wri_dicts_close */
    return WR_OK;
}

void wri_dicts_close(wri_dicts *d) {
    for (uint32_t k = 0; d->items && k < d->n; k++) wri_dict_free(d->items[k]);
    wr_free(d->items);
    *d = (wri_dicts){0};
}

wr_status wri_dicts_encode(wri_dicts *d, wr_batch *b) {
    for (uint32_t k = 0; d->items && k < d->n; k++) {
        wri_dict *x = d->items[k];
        if (!x || !x->values || b->n == 0) continue;
        uint32_t *codes = wr_arena_alloc(&b->arena, b->n * sizeof *codes);
        if (!codes || wr_batch_keep(b, &x->values->ref, NULL) != WR_OK) return WR_ENOMEM;
        wr_dict *values = x->values;
        if (!wri_dict_encode(x, b->cols[k].str, b->n, codes)) continue; /* held in vain, which does no harm */
        b->cols[k].codes = codes;
        b->cols[k].dict = values;
    }
    return WR_OK;
}
