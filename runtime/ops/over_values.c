/* runtime/ops/over_values.c -- a table of (owner, value) with a count of rows; see over_values.h. */
#include "over_values.h"

#include "group_table.h"

typedef struct entry {
    uint32_t rows;
    uint32_t listed; /* stands in `gone` */
} entry;

struct wri_values {
    wri_groups *groups;
    wr_phys phys;
    uint32_t *ids, *found, *idx, *gone;
    size_t ids_cap, found_cap, idx_cap, gone_cap, n_gone;
};

wri_values *wri_values_new(wr_phys phys) {
    wri_values *v = wr_calloc(1, sizeof *v);
    const wr_phys keys[] = {WR_I64, phys};
    if (v) v->phys = phys;
    if (v) v->groups = wri_groups_new(keys, 2, sizeof(entry));
    if (v && v->groups && wri_groups_let_go(v->groups)) return v;
    wri_values_free(v);
    return NULL;
}

void wri_values_free(wri_values *v) {
    if (!v) return;
    wri_groups_free(v->groups);
    wr_free(v->ids);
    wr_free(v->found);
    wr_free(v->idx);
    wr_free(v->gone);
    wr_free(v);
}

void wri_values_reset(wri_values *v) {
    wri_groups_reset(v->groups);
    v->n_gone = 0;
}

static entry *entry_of(wri_values *v, uint32_t id) {
    return (entry *)(wri_groups_states(v->groups) + (size_t)id * wri_groups_stride(v->groups));
}

static wr_status find(wri_values *v, wr_batch *b, uint32_t col, const uint32_t *owners, uint32_t n,
                      wr_err *err) {
    static const uint32_t cols[] = {0, 1};
    wr_batch *keys;
    WR_TRY(wr_batch_new(2, b->n, &keys, err));
    wr_status s = wr_batch_col(keys, 0, WR_I64, err);
    if (s == WR_OK) {
        keys->n = b->n;
        for (uint32_t i = 0; i < b->n; i++) keys->cols[0].i64[i] = owners[i];
        keys->cols[1] = b->cols[col];
        wri_group_rows rows = {.b = keys, .key_cols = cols, .idx = v->idx, .n = n};
        s = wri_groups_find_rows(v->groups, &rows, v->found, err);
    }
    wr_batch_drop(keys);
    return s;
}

static wr_status room(wri_values *v, uint32_t n, wr_err *err) {
    if (wr_grow(&v->ids, &v->ids_cap, n, sizeof *v->ids) != WR_OK ||
        wr_grow(&v->found, &v->found_cap, n, sizeof *v->found) != WR_OK ||
        wr_grow(&v->idx, &v->idx_cap, n, sizeof *v->idx) != WR_OK)
        return wr_fail_oom(err, "DISTINCT values");
    return WR_OK;
}

wr_status wri_values_find(wri_values *v, wr_batch *b, uint32_t col, const uint32_t *owners,
                          const char *states, size_t stride, uint32_t bytes, const uint32_t **idsp,
                          wr_err *err) {
    uint32_t n = 0;
    WR_TRY(room(v, b->n, err));
    for (uint32_t i = 0; i < b->n; i++) {
        v->ids[i] = 0;
        if (!wri_over_empty(states + ((size_t)i + 1) * stride, bytes)) v->idx[n++] = i;
    }
    if (n) WR_TRY(find(v, b, col, owners, n, err));
    for (uint32_t i = 0; i < n; i++) v->ids[v->idx[i]] = v->found[i];
    *idsp = v->ids;
    return WR_OK;
}

bool wri_values_in(wri_values *v, uint32_t id) { return id != 0 && entry_of(v, id)->rows++ == 0; }

wr_status wri_values_out(wri_values *v, uint32_t id, bool *lastp, wr_err *err) {
    *lastp = false;
    if (id == 0) return WR_OK;
    entry *e = entry_of(v, id);
    *lastp = --e->rows == 0;
    if (!*lastp || e->listed) return WR_OK;
    if (wr_grow(&v->gone, &v->gone_cap, v->n_gone + 1, sizeof *v->gone) != WR_OK)
        return wr_fail_oom(err, "DISTINCT values");
    e->listed = 1;
    v->gone[v->n_gone++] = id;
    return WR_OK;
}

void wri_values_sweep(wri_values *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_gone; i++) {
        entry *e = entry_of(v, v->gone[i]);
        e->listed = 0;
        if (e->rows == 0) v->gone[n++] = v->gone[i];
    }
    wri_groups_remove(v->groups, v->gone, (uint32_t)n);
    v->n_gone = 0;
}

/* ---- snapshots ---- */

static wr_status all_null(wr_phys phys, wr_batch *out, uint32_t col, wr_err *err) {
    WR_TRY(wr_batch_col(out, col, phys, err));
    wr_col *c = &out->cols[col];
    if (!wr_batch_nulls(out, c)) return wr_fail_oom(err, "a NULL bitmap");
    memset(c->data, 0, out->n * (phys == WR_STR ? sizeof(wr_str) : sizeof(int64_t)));
    for (uint32_t i = 0; i < out->n; i++) wr_bit_set(c->nulls, i);
    return WR_OK;
}

/* The keys of ids as owners and a column. */
static wr_status put_keys(const wri_values *v, const uint32_t *ids, uint32_t n, uint32_t *owners,
                          wr_batch *out, uint32_t col, wr_err *err) {
    wr_batch *keys;
    WR_TRY(wr_batch_new(2, n, &keys, err));
    keys->n = n;
    wr_status s = wri_groups_emit_keys(v->groups, ids, n, keys, 0, err);
    if (s == WR_OK) s = wr_batch_copy_col(out, col, &keys->cols[1], err);
    for (uint32_t i = 0; s == WR_OK && owners && i < n; i++) owners[i] = (uint32_t)keys->cols[0].i64[i];
    wr_batch_drop(keys);
    return s;
}

wr_status wri_values_put(const wri_values *v, const uint32_t *ids, uint32_t n, uint32_t *owners,
                         wr_batch *out, uint32_t col, wr_err *err) {
    uint32_t some = 0, *real = wr_alloc(n * sizeof *real + 1);
    if (!real) return wr_fail_oom(err, "DISTINCT values");
    for (uint32_t i = 0; i < n && !some; i++) some = ids[i];
    for (uint32_t i = 0; i < n; i++) real[i] = ids[i] ? ids[i] : some;
    wr_status s = some ? put_keys(v, real, n, owners, out, col, err) : all_null(v->phys, out, col, err);
    wr_free(real);
    WR_TRY(s);
    for (uint32_t i = 0; some && i < n; i++) {
        if (ids[i]) continue;
        if (!wr_batch_nulls(out, &out->cols[col])) return wr_fail_oom(err, "a NULL bitmap");
        wr_bit_set(out->cols[col].nulls, i);
    }
    return WR_OK;
}

wr_status wri_values_all(wri_values *v, const uint32_t **idsp, uint32_t *np, wr_err *err) {
    uint32_t count = wri_groups_count(v->groups);
    *np = 0;
    WR_TRY(room(v, count, err));
    for (uint32_t id = 1; id <= count; id++)
        if (entry_of(v, id)->rows) v->ids[(*np)++] = id;
    *idsp = v->ids;
    return WR_OK;
}

wr_status wri_values_add(wri_values *v, wr_batch *b, uint32_t col, const uint32_t *owners, wr_err *err) {
    WR_TRY(room(v, b->n, err));
    for (uint32_t i = 0; i < b->n; i++) v->idx[i] = i;
    WR_TRY(find(v, b, col, owners, b->n, err));
    for (uint32_t i = 0; i < b->n; i++) wri_values_in(v, v->found[i]);
    return WR_OK;
}

bool wri_values_serve(const wr_agg_call *agg, bool slides, wr_agg_call *plainp) {
    bool exact = slides && agg->def->exact;
    *plainp = *agg;
    if ((!agg->distinct && !exact) || agg->n_args != 1) return false;
    if (exact) plainp->def = agg->def->exact;
    plainp->distinct = plainp->grows = false;
    plainp->n_partials = 0;
    return plainp->def->bind(plainp, NULL) == WR_OK && plainp->slides && plainp->plain;
}
