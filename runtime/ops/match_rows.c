/* runtime/ops/match_rows.c -- rows that a match may still need, column by column in slots that are used
 * again. Text that does not fit its view is owned by the slot. */
#include "match.h"

static void keep_expr(const wr_expr *e, bool *kept, uint32_t n) {
    if (e->kind == WR_X_COL && e->col < n) kept[e->col] = true;
    for (uint32_t i = 0; i < e->n_args; i++) keep_expr(e->args[i], kept, n);
}

static void keep_values(const wr_match_spec *s, const wr_match_value *v, uint32_t n, bool *kept) {
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].what == WR_MATCH_NAV) kept[v[i].col] = true;
        if (v[i].what != WR_MATCH_AGG) continue;
        const wr_agg_call *k = &s->calls[v[i].call];
        for (uint32_t j = 0; j < k->n_args; j++) kept[k->args[j]] = true;
        if (k->filter != WR_NO_COL) kept[k->filter] = true;
    }
}

/* Columns that are read behind the batch in which the row came. */
static void find_kept(const wr_match_spec *s, wri_mrows *r) {
    bool *kept = r->kept;
    kept[s->time_col] = true;
    for (uint32_t i = 0; i < s->n_keys; i++) kept[s->keys[i]] = true;
    for (uint32_t i = 0; i < s->n_prevs; i++) kept[s->prevs[i].col] = true;
    bool all = s->all_rows || s->skip >= WR_SKIP_TO_FIRST; /* or a row may have to be shown as bad */
    for (uint32_t i = 0; i < s->n_vars; i++) {
        const wr_match_var *v = &s->vars[i];
        if (!v->slow && !v->may_fail) continue;
        keep_expr(v->whole, kept, r->n_cols);
        all = true;
    }
    for (uint32_t i = 0; all && i < s->n_in; i++) kept[i] = true;
    keep_values(s, s->values, s->n_values, kept);
    keep_values(s, s->dvalues, s->n_dvalues, kept);
}

wr_status wri_mrows_init(wri_mrows *r, const wr_match_spec *s, wr_err *err) {
    *r = (wri_mrows){
        .n_cols = s->n_in + s->n_prevs, .time_col = s->time_col, .var_bytes = (s->n_vars + 7) / 8};
    r->kept = wr_calloc(r->n_cols, sizeof *r->kept);
    r->cols = wr_calloc(r->n_cols, sizeof *r->cols);
    if (!r->kept || !r->cols) return wr_fail_oom(err, "rows of a pattern");
    for (uint32_t c = 0; c < r->n_cols; c++) r->cols[c].phys = wr_type_phys(s->ext.fields[c].type);
    find_kept(s, r);
    return WR_OK;
}

static void free_text(wri_mrows *r, uint32_t slot) {
    for (uint32_t c = 0; c < r->n_cols; c++) {
        if (!r->kept[c] || r->cols[c].phys != WR_STR) continue;
        wr_str *s = &r->cols[c].str[slot];
        if (s->len > WR_STR_INLINE) wr_free((void *)(uintptr_t)s->ptr);
        *s = (wr_str){0};
    }
}

void wri_mrows_free(wri_mrows *r) {
    for (uint32_t c = 0; r->cols && r->kept && c < r->n_cols; c++) {
        for (uint32_t i = 0; r->cols[c].phys == WR_STR && r->cols[c].str && i < r->n; i++)
            if (r->cols[c].str[i].len > WR_STR_INLINE) wr_free((void *)(uintptr_t)r->cols[c].str[i].ptr);
        wr_free(r->cols[c].data);
        wr_free(r->cols[c].nulls);
    }
    wr_free(r->cols);
    wr_free(r->kept);
    wr_free(r->vars);
    wr_free(r->told);
    wr_free(r->free);
}

/* Room for cap slots in *datap; the old contents stay. */
static bool widen(void *datap, size_t cap, size_t bytes) {
    void *old;
    memcpy(&old, datap, sizeof old);
    void *more = wr_reallocn(old, cap, bytes);
    if (more) memcpy(datap, &more, sizeof more);
    return more != NULL;
}

static wr_status grow(wri_mrows *r, wr_err *err) {
    if (r->cap >= WRI_MR_FRESH / 2)
        return wr_fail(err, WR_ELIMIT, "MATCH_RECOGNIZE: over a thousand million rows wait: add WITHIN");
    uint32_t cap = r->cap ? 2 * r->cap : 256, old = wr_bitmap_words(r->cap), words = wr_bitmap_words(cap);
    bool ok = widen(&r->vars, cap, 2 * (size_t)r->var_bytes) && widen(&r->told, cap, sizeof *r->told) &&
              widen(&r->free, cap, sizeof *r->free);
    for (uint32_t c = 0; c < r->n_cols && ok; c++) {
        wr_col *k = &r->cols[c];
        if (!r->kept[c]) continue;
        ok = widen(&k->data, cap, k->phys == WR_STR ? sizeof(wr_str) : 8) && widen(&k->nulls, words, 8);
        if (ok) memset(k->nulls + old, 0, (size_t)(words - old) * 8);
    }
    if (!ok) return wr_fail_oom(err, "rows of a pattern");
    r->cap = cap;
    return WR_OK;
}

static bool copy_cell(wr_col *to, uint32_t slot, const wr_col *from, uint32_t i) {
    uint64_t bit = UINT64_C(1) << (slot & 63);
    bool null = wr_is_null(from, i);
    to->nulls[slot >> 6] = null ? to->nulls[slot >> 6] | bit : to->nulls[slot >> 6] & ~bit;
    if (to->phys != WR_STR) {
        to->i64[slot] = from->i64[i];
        return true;
    }
    to->str[slot] = (wr_str){0};
    if (null) return true;
    wr_str s = from->str[i];
    if (s.len > WR_STR_INLINE) {
        char *mem = wr_alloc(s.len);
        if (!mem) return false;
        s.ptr = memcpy(mem, s.ptr, s.len);
    }
    to->str[slot] = s;
    return true;
}

static void put_vars(wri_mrows *r, uint32_t slot, uint32_t which, uint64_t v) {
    uint8_t *p = r->vars + ((size_t)slot * 2 + which) * r->var_bytes;
    for (uint32_t i = 0; i < r->var_bytes; i++) p[i] = (uint8_t)(v >> 8 * i);
}

wr_status wri_mrows_keep(wri_mrows *r, uint32_t *slotp, wr_err *err) {
    uint32_t row = *slotp & ~WRI_MR_FRESH, slot;
    if (r->n_free == 0 && r->n == r->cap) WR_TRY(grow(r, err));
    slot = r->n_free ? r->free[r->n_free - 1] : r->n;
    for (uint32_t c = 0; c < r->n_cols; c++) {
        if (!r->kept[c] || copy_cell(&r->cols[c], slot, &r->fresh->cols[c], row)) continue;
        for (uint32_t k = 0; k < c; k++) /* what has been copied goes again */
            if (r->kept[k] && r->cols[k].phys == WR_STR && r->cols[k].str[slot].len > WR_STR_INLINE) {
                wr_free((void *)(uintptr_t)r->cols[k].str[slot].ptr);
                r->cols[k].str[slot] = (wr_str){0};
            }
        return wr_fail_oom(err, "rows of a pattern");
    }
    put_vars(r, slot, 0, r->fresh_yes[row]);
    put_vars(r, slot, 1, r->fresh_ask[row]);
    r->told[slot] = r->fresh_told[row];
    if (r->n_free) r->n_free--;
    else r->n++;
    *slotp = slot;
    return WR_OK;
}

void wri_mrows_drop(wri_mrows *r, uint32_t slot) {
    if (slot & WRI_MR_FRESH) return; /* NONE, too */
    free_text(r, slot);
    r->free[r->n_free++] = slot;
}

wr_status wri_mr_put(const wri_mrows *r, uint32_t slot, uint32_t c, wr_batch *b, wr_col *to, uint32_t i,
                     wr_err *err) {
    uint32_t at = 0;
    const wr_col *from = slot == WRI_MR_NONE ? NULL : wri_mr_col(r, slot, c, &at);
    if (!from || wr_is_null(from, at)) {
        if (!wr_batch_nulls(b, to)) return wr_fail_oom(err, "a NULL bitmap");
        wr_bit_set(to->nulls, i);
        if (to->phys == WR_STR) to->str[i] = (wr_str){0};
        else to->i64[i] = 0;
        return WR_OK;
    }
    if (to->phys == WR_STR)
        return wr_batch_str(b, wr_str_data(&from->str[at]), from->str[at].len, &to->str[i], err);
    to->i64[i] = from->i64[at];
    return WR_OK;
}
