/* runtime/aggs/agg_common.c -- output columns, cells, serialised bytes, sorting: what the aggregates share.
 */
#include "aggs_int.h"

#include <math.h>

/* ---- binding ---- */

wr_status wri_bad_arg(const wr_agg_call *call, uint32_t i, const char *wanted, wr_err *err) {
    char type[64];
    wr_type_print(wri_nullable(call->arg_types[i]), type, sizeof type);
    if (call->n_args > 1)
        return wr_fail(err, WR_ESQL, "argument %u of %s must be %s, not %s: add a CAST", i + 1,
                       call->def->name, wanted, type);
    return wr_fail(err, WR_ESQL, "%s takes %s, not %s: add a CAST", call->def->name, wanted, type);
}

double wri_unit_of(wr_type t) { return t.kind == WR_T_DECIMAL ? pow(10, -(double)t.scale) : 1; }

void wri_partial_add(wr_agg_call *call, wr_type t) {
    WR_ASSERT(call->n_partials < WR_AGG_PARTIALS_MAX);
    call->partials[call->n_partials++] = wri_nullable(t);
}

/* ---- output columns ---- */

wr_status wri_out(wr_batch *out, uint32_t c, wr_phys phys, wr_col **colp, wr_err *err) {
    wr_col *col = &out->cols[c];
    *colp = col;
    if (!col->data || col->phys != phys) return wr_batch_col(out, c, phys, err);
    col->nulls = NULL;
    col->codes = NULL;
    col->dict = NULL;
    return WR_OK;
}

wr_status wri_out_null(wr_batch *out, wr_col *col, uint32_t i, wr_err *err) {
    if (!wr_batch_nulls(out, col)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(col->nulls, i);
    if (col->phys == WR_STR) col->str[i] = wr_str_make("", 0);
    else col->i64[i] = 0;
    return WR_OK;
}

wr_status wri_out_failed(wr_batch *out, wr_col *col, uint32_t i, uint64_t *failed, wr_err *err) {
    if (failed) wr_bit_set(failed, i);
    return wri_out_null(out, col, i, err);
}

wr_status wri_out_bytes(wr_batch *out, wr_col *col, uint32_t i, const wr_buf *buf, wr_err *err) {
    if (buf->len > UINT32_MAX)
        return wr_fail(err, WR_ELIMIT,
                       "the state of one group takes %zu bytes, more than 4 GiB: make the window "
                       "shorter or add keys to GROUP BY",
                       buf->len);
    return wr_batch_str(out, buf->data, buf->len, &col->str[i], err);
}

/* ---- cells ---- */

int wri_cell_cmp(const wri_cell *cell, const wr_col *c, uint32_t i) {
    if (c->phys == WR_STR) return wr_str_cmp(&cell->text.v, &c->str[i]);
    int64_t key = wri_key_at(c, i);
    return (cell->key > key) - (cell->key < key);
}

static wr_status text_set(wri_text *t, const wr_str *s, wr_err *err) {
    if (s->len <= WR_STR_INLINE) {
        t->v = *s;
        return WR_OK;
    }
    if (s->len > t->cap) {
        uint64_t cap = t->cap * 2 > s->len ? t->cap * 2 : s->len;
        char *mem = wr_alloc(cap);
        if (!mem) return wr_fail_oom(err, "a string in an aggregate");
        wr_free(t->mem);
        t->mem = mem;
        t->cap = cap;
        t->v = wr_str_make("", 0); /* the old value went with its memory */
    }
    memcpy(t->mem, s->ptr, s->len);
    t->v = wr_str_make(t->mem, s->len);
    return WR_OK;
}

wr_status wri_cell_set(wri_cell *cell, const wr_col *c, uint32_t i, wr_err *err) {
    if (c->phys == WR_STR) return text_set(&cell->text, &c->str[i], err);
    cell->key = wri_key_at(c, i);
    return WR_OK;
}

wr_status wri_cell_out(const wri_cell *cell, wr_batch *out, wr_col *col, uint32_t i, wr_err *err) {
    switch (col->phys) {
    case WR_I64:
        col->i64[i] = cell->key;
        break;
    case WR_F64:
        col->f64[i] = wri_f64_of_key(cell->key);
        break;
    case WR_STR:
        return wr_batch_str(out, wr_str_data(&cell->text.v), cell->text.v.len, &col->str[i], err);
    }
    return WR_OK;
}

wr_col wri_cell_col(wri_cell *cell, wr_phys phys) {
    if (phys == WR_STR) return (wr_col){.phys = WR_STR, .str = &cell->text.v};
    return (wr_col){.phys = WR_I64, .i64 = &cell->key};
}

void wri_cell_free(wri_cell *cell, wr_phys phys) {
    if (phys == WR_STR) wr_free(cell->text.mem);
    memset(cell, 0, wri_cell_bytes(phys));
}

/* ---- percentiles ---- */

double wri_share(double p, double n) {
    double share = p * n, whole = rint(share);
    return fabs(share - whole) <= whole * 0x1p-50 ? whole : share;
}

uint64_t wri_nearest_rank(double p, uint64_t n) {
    double share = ceil(wri_share(p, (double)n));
    if (share < 1) return 0;
    return share < (double)n ? (uint64_t)share - 1 : n - 1;
}

/* ---- bytes ---- */

wr_status wri_put_head(wr_buf *out, char tag) {
    char head[2] = {WRI_BYTES_VERSION, tag};
    return wr_buf_put(out, head, 2);
}

wr_status wri_put_varint(wr_buf *out, uint64_t v) {
    char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    return wr_buf_put(out, bytes, n);
}

wri_reader wri_read_head(const wr_str *s, char tag) {
    const uint8_t *p = (const uint8_t *)wr_str_data(s);
    wri_reader r = {.at = p, .start = p, .end = p + s->len};
    if (s->len < 2 || p[0] != WRI_BYTES_VERSION || p[1] != (uint8_t)tag) r.bad = true;
    else r.at += 2;
    return r;
}

uint64_t wri_read_varint(wri_reader *r) {
    uint64_t v = 0;
    for (uint32_t shift = 0; !r->bad && r->at < r->end && shift < 64; shift += 7) {
        uint64_t b = *r->at++;
        if (shift == 63 && b > 1) break;
        v |= (b & 0x7f) << shift;
        if (!(b & 0x80)) return v;
    }
    r->bad = true;
    return 0;
}

uint64_t wri_read_count(wri_reader *r, size_t min_bytes) {
    uint64_t n = wri_read_varint(r);
    if (n > (uint64_t)(r->end - r->at) / min_bytes) r->bad = true;
    return r->bad ? 0 : n;
}

const char *wri_read_bytes(wri_reader *r, uint64_t n) {
    const char *p = (const char *)r->at;
    if (r->bad || n > (uint64_t)(r->end - r->at)) {
        r->bad = true;
        return p;
    }
    r->at += n;
    return p;
}

wr_status wri_read_end(const wri_reader *r, const wr_agg_call *call, wr_err *err) {
    if (!r->bad && r->at == r->end) return WR_OK;
    return wr_fail(err, WR_EDATA,
                   "a saved state of %s is damaged at byte %zu of %zu: restore another snapshot",
                   call->def->name, (size_t)(r->at - r->start), (size_t)(r->end - r->start));
}

/* Unsigned in the order of the signed keys. */
static uint64_t biased(int64_t key) { return (uint64_t)key ^ UINT64_C(1) << 63; }

wr_status wri_put_keys(wr_buf *out, const int64_t *keys, size_t n) {
    WR_TRY(wri_put_varint(out, n));
    uint64_t last = 0;
    for (size_t i = 0; i < n; i++) {
        WR_TRY(wri_put_varint(out, biased(keys[i]) - last));
        last = biased(keys[i]);
    }
    return WR_OK;
}

wri_key_reader wri_read_keys(wri_reader *r) {
    uint64_t n = wri_read_count(r, 1);
    return (wri_key_reader){.r = r, .left = n};
}

bool wri_read_key(wri_key_reader *k, int64_t *keyp) {
    if (k->left == 0) return false;
    k->left--;
    if (__builtin_add_overflow(k->last, wri_read_varint(k->r), &k->last)) k->r->bad = true;
    *keyp = (int64_t)(k->last ^ UINT64_C(1) << 63);
    return !k->r->bad;
}

/* ---- sorting: quicksort, heapsort where that goes deep, insertion sort for what is short ---- */

static void swap_keys(int64_t *a, int64_t *b) {
    int64_t t = *a;
    *a = *b;
    *b = t;
}

static void insertion_sort(int64_t *k, size_t n) {
    for (size_t i = 1; i < n; i++) {
        int64_t v = k[i];
        size_t j = i;
        for (; j > 0 && k[j - 1] > v; j--) k[j] = k[j - 1];
        k[j] = v;
    }
}

static void sift_down(int64_t *k, size_t at, size_t n) {
    for (size_t child; (child = at * 2 + 1) < n; at = child) {
        if (child + 1 < n && k[child + 1] > k[child]) child++;
        if (k[at] >= k[child]) return;
        swap_keys(&k[at], &k[child]);
    }
}

static void heap_sort(int64_t *k, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift_down(k, i, n);
    for (size_t end = n; end-- > 1;) {
        swap_keys(&k[0], &k[end]);
        sift_down(k, 0, end);
    }
}

static void sort_depth(int64_t *k, size_t n, int depth) {
    while (n > 24) {
        if (depth-- == 0) {
            heap_sort(k, n);
            return;
        }
        size_t mid = n / 2; /* median of three to the middle */
        if (k[mid] < k[0]) swap_keys(&k[mid], &k[0]);
        if (k[n - 1] < k[mid]) swap_keys(&k[n - 1], &k[mid]);
        if (k[mid] < k[0]) swap_keys(&k[mid], &k[0]);
        int64_t pivot = k[mid];
        size_t i = 0, j = n - 1;
        for (;;) {
            while (k[i] < pivot) i++;
            while (k[j] > pivot) j--;
            if (i >= j) break;
            swap_keys(&k[i++], &k[j--]);
        }
        size_t left = j + 1; /* k[0..left) <= pivot <= k[left..n), both not empty */
        if (left < n - left) {
            sort_depth(k, left, depth);
            k += left;
            n -= left;
        } else {
            sort_depth(k + left, n - left, depth);
            n = left;
        }
    }
    insertion_sort(k, n);
}

void wri_sort_keys(int64_t *keys, size_t n) {
    if (n > 1) sort_depth(keys, n, 2 * (64 - __builtin_clzll(n)));
}
