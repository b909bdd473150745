/* core/batch.c -- batches and dictionaries: memory and sharing.
 *
 * A batch keeps what its views point into alive: the input buffer, the batch it was gathered from, a
 * dictionary. Dropping the last reference drops those in turn; chains are short (a few operators). */
#include "batch.h"

static size_t phys_bytes(wr_phys p) { return p == WR_STR ? sizeof(wr_str) : 8; }

static void drop_held(wr_batch *b) {
    for (uint32_t i = 0; i < b->n_held; i++) wr_drop(b->held[i]);
    b->n_held = 0;
}

static void batch_release(wr_ref *r) {
    wr_batch *b = (wr_batch *)r;
    drop_held(b);
    wr_free(b->held);
    wr_arena_free(&b->arena);
    wr_free(b);
}

static wr_status set_cols(wr_batch *b, uint32_t n_cols) {
    b->cols = wr_arena_calloc(&b->arena, (n_cols ? n_cols : 1) * sizeof *b->cols);
    b->n_cols = b->cols ? n_cols : 0;
    return b->cols ? WR_OK : WR_ENOMEM;
}

wr_status wr_batch_new(uint32_t n_cols, uint32_t cap, wr_batch **outp, wr_err *err) {
    *outp = NULL;
    wr_batch *b = wr_calloc(1, sizeof *b);
    if (!b) return wr_fail_oom(err, "a batch");
    wr_ref_init(&b->ref, batch_release);
    b->cap = cap;
    b->split = WR_NO_SPLIT;
    /* One block holds a usual batch, so that its memory comes from one allocation. */
    b->arena.block_bytes = ((size_t)cap * 12 + 64) * n_cols + 256;
    if (set_cols(b, n_cols) != WR_OK) {
        wr_batch_drop(b);
        return wr_fail_oom(err, "a batch");
    }
    *outp = b;
    return WR_OK;
}

wr_status wr_batch_col(wr_batch *b, uint32_t c, wr_phys phys, wr_err *err) {
    wr_col *col = &b->cols[c];
    *col = (wr_col){.phys = phys};
    col->data = wr_arena_alloc(&b->arena, (size_t)(b->cap ? b->cap : 1) * phys_bytes(phys));
    return col->data ? WR_OK : wr_fail_oom(err, "a column");
}

uint64_t *wr_batch_nulls(wr_batch *b, wr_col *c) {
    if (!c->nulls) c->nulls = wr_arena_calloc(&b->arena, (wr_bitmap_words(b->cap) + 1) * sizeof(uint64_t));
    return c->nulls;
}

wr_status wr_batch_reset(wr_batch *b, uint32_t n_cols) {
    drop_held(b);
    wr_arena_reset(&b->arena);
    b->n = 0;
    b->split = WR_NO_SPLIT;
    b->pos = b->ingest_us = 0;
    b->wm = NULL;
    b->hash = NULL;
    b->change = NULL;
    return set_cols(b, n_cols);
}

wr_status wr_batch_keep(wr_batch *b, wr_ref *r, wr_err *err) {
    for (uint32_t i = 0; i < b->n_held; i++)
        if (b->held[i] == r) return WR_OK;
    size_t cap = b->held_cap;
    if (wr_grow(&b->held, &cap, b->n_held + 1u, sizeof *b->held) != WR_OK)
        return wr_fail_oom(err, "a batch's references");
    b->held_cap = (uint32_t)cap;
    b->held[b->n_held++] = wr_hold(r);
    return WR_OK;
}

wr_status wr_batch_str(wr_batch *b, const char *p, size_t len, wr_str *outp, wr_err *err) {
    if (len > WR_STR_INLINE) {
        char *copy = wr_arena_alloc(&b->arena, len);
        if (!copy) return wr_fail_oom(err, "a string");
        p = memcpy(copy, p, len);
    }
    *outp = wr_str_make(p, len);
    return WR_OK;
}

static void gather_i64(const int64_t *restrict in, const uint32_t *restrict idx, uint32_t n,
                       int64_t *restrict out) {
    for (uint32_t i = 0; i < n; i++) out[i] = in[idx[i]];
}

static void gather_str(const wr_str *restrict in, const uint32_t *restrict idx, uint32_t n,
                       wr_str *restrict out) {
    for (uint32_t i = 0; i < n; i++) out[i] = in[idx[i]];
}

static wr_status gather_col(const wr_col *in, const uint32_t *idx, uint32_t n, wr_batch *out, uint32_t c,
                            wr_err *err) {
    WR_TRY(wr_batch_col(out, c, in->phys, err));
    wr_col *o = &out->cols[c];
    if (in->phys == WR_STR) gather_str(in->str, idx, n, o->str);
    else gather_i64(in->i64, idx, n, o->i64); /* doubles move as their bits */
    if (in->nulls) {
        if (!wr_batch_nulls(out, o)) return wr_fail_oom(err, "a NULL bitmap");
        for (uint32_t i = 0; i < n; i++) o->nulls[i >> 6] |= (uint64_t)wr_bit(in->nulls, idx[i]) << (i & 63);
    }
    if (in->codes) {
        o->codes = wr_arena_alloc(&out->arena, (n ? n : 1) * sizeof *o->codes);
        if (!o->codes) return wr_fail_oom(err, "dictionary codes");
        o->dict = in->dict;
        for (uint32_t i = 0; i < n; i++) o->codes[i] = in->codes[idx[i]];
    }
    return WR_OK;
}

/* A half of an update whose other half stays behind is a delete or an insert. */
static wr_status gather_changes(const wr_batch *in, const uint32_t *idx, uint32_t n, wr_batch *out,
                                wr_err *err) {
    out->change = wr_arena_alloc(&out->arena, n ? n : 1);
    if (!out->change) return wr_fail_oom(err, "the kinds of changes");
    for (uint32_t i = 0; i < n; i++) {
        wr_change c = (wr_change)in->change[idx[i]];
        bool whole = c == WR_UPDATE_BEFORE  ? i + 1 < n && idx[i + 1] == idx[i] + 1
                     : c == WR_UPDATE_AFTER ? i > 0 && idx[i] == idx[i - 1] + 1
                                            : true;
        out->change[i] = (uint8_t)(whole ? c : wr_lone_change(c));
    }
    return WR_OK;
}

static wr_status gather_into(wr_batch *in, const uint32_t *idx, uint32_t n, const uint32_t *cols,
                             uint32_t n_cols, wr_batch *out, wr_err *err) {
    bool views = false;
    for (uint32_t c = 0; c < n_cols; c++) {
        const wr_col *from = &in->cols[cols ? cols[c] : c];
        WR_TRY(gather_col(from, idx, n, out, c, err));
        views |= from->phys == WR_STR;
    }
    if (in->wm) {
        out->wm = wr_arena_alloc(&out->arena, (n ? n : 1) * sizeof *out->wm);
        if (!out->wm) return wr_fail_oom(err, "row watermarks");
        gather_i64(in->wm, idx, n, out->wm);
    }
    if (in->change) WR_TRY(gather_changes(in, idx, n, out, err));
    out->n = n;
    out->split = in->split;
    out->pos = in->pos;
    out->ingest_us = in->ingest_us;
    return views ? wr_batch_keep(out, &in->ref, err) : WR_OK;
}

wr_status wr_batch_gather(wr_batch *in, const uint32_t *idx, uint32_t n, const uint32_t *cols,
                          uint32_t n_cols, wr_batch **outp, wr_err *err) {
    if (!cols) n_cols = in->n_cols;
    WR_TRY(wr_batch_new(n_cols, n, outp, err));
    wr_status s = gather_into(in, idx, n, cols, n_cols, *outp, err);
    if (s != WR_OK) {
        wr_batch_drop(*outp);
        *outp = NULL;
    }
    return s;
}

wr_status wr_batch_copy_col(wr_batch *b, uint32_t c, const wr_col *from, wr_err *err) {
    WR_TRY(wr_batch_col(b, c, from->phys, err));
    wr_col *to = &b->cols[c];
    if (from->nulls) {
        if (!wr_batch_nulls(b, to)) return wr_fail_oom(err, "a NULL bitmap");
        memcpy(to->nulls, from->nulls, wr_bitmap_words(b->n) * sizeof *to->nulls);
    }
    if (from->phys != WR_STR) {
        memcpy(to->data, from->data, b->n * sizeof *to->i64);
        return WR_OK;
    }
    for (uint32_t i = 0; i < b->n; i++)
        WR_TRY(wr_batch_str(b, wr_str_data(&from->str[i]), from->str[i].len, &to->str[i], err));
    return WR_OK;
}

wr_status wr_batch_share(wr_batch *in, const uint32_t *cols, uint32_t n_cols, wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(n_cols, in->n, outp, err));
    wr_batch *out = *outp;
    for (uint32_t c = 0; c < n_cols; c++)
        if (cols[c] != UINT32_MAX) out->cols[c] = in->cols[cols[c]];
    out->n = in->n;
    out->split = in->split;
    out->pos = in->pos;
    out->ingest_us = in->ingest_us;
    out->wm = in->wm;
    out->change = in->change;
    wr_status s = wr_batch_keep(out, &in->ref, err);
    if (s != WR_OK) {
        wr_batch_drop(out);
        *outp = NULL;
    }
    return s;
}

/* ---- hashing of keys ---- */

static uint64_t hash_f64(double v, wr_secret k) {
    uint64_t bits;
    if (v == 0) v = 0; /* -0.0 is the same key as 0.0 */
    if (v != v) return wr_keyed_u64(UINT64_C(0x7ff8000000000000), k);
    memcpy(&bits, &v, 8);
    return wr_keyed_u64(bits, k);
}

static void hash_col(const wr_col *c, uint32_t n, wr_secret k, uint64_t *restrict out) {
    switch (c->phys) {
    case WR_I64:
        for (uint32_t i = 0; i < n; i++) out[i] = wr_hash_mix(out[i], wr_keyed_u64((uint64_t)c->i64[i], k));
        break;
    case WR_F64:
        for (uint32_t i = 0; i < n; i++) out[i] = wr_hash_mix(out[i], hash_f64(c->f64[i], k));
        break;
    case WR_STR:
        for (uint32_t i = 0; i < n; i++) out[i] = wr_hash_mix(out[i], wr_keyed_str(&c->str[i], k));
        break;
    }
}

static uint64_t hash_value(const wr_col *c, uint32_t i, wr_secret k) {
    if (wr_is_null(c, i)) return WR_HASH_NULL;
    switch (c->phys) {
    case WR_I64:
        return wr_keyed_u64((uint64_t)c->i64[i], k);
    case WR_F64:
        return hash_f64(c->f64[i], k);
    case WR_STR:
        return wr_keyed_str(&c->str[i], k);
    }
    return 0;
}

void wr_batch_hash(const wr_batch *in, const uint32_t *cols, uint32_t n_cols, uint64_t *out) {
    const wr_secret secret = wr_hash_secret;
    for (uint32_t i = 0; i < in->n; i++) out[i] = WR_HASH_SEED;
    for (uint32_t k = 0; k < n_cols; k++) {
        const wr_col *c = &in->cols[cols[k]];
        if (!c->nulls) hash_col(c, in->n, secret, out);
        else
            for (uint32_t i = 0; i < in->n; i++) out[i] = wr_hash_mix(out[i], hash_value(c, i, secret));
    }
}

/* ---- dictionary ---- */

static void dict_release(wr_ref *r) {
    wr_dict *d = (wr_dict *)r;
    wr_arena_free(&d->ar);
    wr_free(d->values);
    wr_free(d->index);
    wr_free(d);
}

wr_dict *wr_dict_new(void) {
    wr_dict *d = wr_calloc(1, sizeof *d);
    if (d) wr_ref_init(&d->ref, dict_release);
    return d;
}

wr_status wr_dict_add(wr_dict *d, const wr_str *s, uint32_t *codep) {
    size_t cap = d->cap;
    WR_TRY(wr_grow(&d->values, &cap, d->n + 1u, sizeof *d->values));
    d->cap = (uint32_t)cap;
    const char *p = wr_str_data(s);
    if (s->len > WR_STR_INLINE) {
        char *copy = wr_arena_alloc(&d->ar, s->len);
        if (!copy) return WR_ENOMEM;
        p = memcpy(copy, p, s->len);
    }
    d->values[d->n] = wr_str_make(p, s->len);
    *codep = d->n++;
    return WR_OK;
}
