/* runtime/ops/rank_rows.c -- see rank_rows.h. */
#include "rank_rows.h"

wr_status wri_row_form_init(wri_row_form *f, const wr_node *n, wr_err *err) {
    const wr_schema *in = &n->in[0]->out;
    *f = (wri_row_form){.schema = in,
                        .order = n->rank.order,
                        .n_order = n->rank.n_order,
                        .by_place = !n->rank.takes_back,
                        .ties_last = n->rank.ties_last};
    f->at = wr_calloc(in->n + 1u, sizeof *f->at);
    if (!f->at) return wr_fail_oom(err, "a rank");
    f->bytes = wr_bitmap_words(in->n) * sizeof(uint64_t);
    for (uint32_t c = 0; c < in->n; c++) {
        f->at[c] = (uint32_t)f->bytes;
        f->bytes += wr_type_phys(in->fields[c].type) == WR_STR ? sizeof(wr_str) : sizeof(int64_t);
    }
    return WR_OK;
}

void wri_row_form_free(wri_row_form *f) { wr_free(f->at); }

/* ---- values ---- */

/* data is aligned to words. */
static uint64_t *nulls_of(const wri_row *row) { return (uint64_t *)(void *)(uintptr_t)row->data; }
static bool is_null(const wri_row *row, uint32_t c) { return wr_bit(nulls_of(row), c); }

wr_status wri_row_new(const wri_row_form *f, const wr_batch *b, uint32_t i, wri_row **outp, wr_err *err) {
    size_t text = 0;
    for (uint32_t c = 0; c < f->schema->n; c++) {
        const wr_col *col = &b->cols[c];
        if (col->phys == WR_STR && col->str[i].len > WR_STR_INLINE && !wr_is_null(col, i))
            text += col->str[i].len;
    }
    wri_row *row = *outp = wr_alloc(sizeof *row + f->bytes + text);
    if (!row) return wr_fail_oom(err, "rows that are ranked");
    row->pos = b->pos + i;
    row->split = b->split;
    memset(row->data, 0, wr_bitmap_words(f->schema->n) * sizeof(uint64_t));
    char *behind = row->data + f->bytes;
    for (uint32_t c = 0; c < f->schema->n; c++) {
        const wr_col *col = &b->cols[c];
        bool null = wr_is_null(col, i);
        if (null) wr_bit_set(nulls_of(row), c);
        if (col->phys != WR_STR) {
            memcpy(row->data + f->at[c], &col->i64[i], sizeof(int64_t));
            continue;
        }
        wr_str s = {0};
        if (!null) s = col->str[i];
        if (s.len > WR_STR_INLINE) {
            memcpy(behind, s.ptr, s.len);
            s.ptr = behind;
            behind += s.len;
        }
        memcpy(row->data + f->at[c], &s, sizeof s);
    }
    return WR_OK;
}

wr_status wri_row_put(const wri_row_form *f, const wri_row *row, wr_batch *b, uint32_t i, wr_err *err) {
    for (uint32_t c = 0; c < f->schema->n; c++) {
        wr_col *to = &b->cols[c];
        if (to->phys != WR_STR) memcpy(&to->i64[i], row->data + f->at[c], sizeof(int64_t));
        else {
            memcpy(&to->str[i], row->data + f->at[c], sizeof(wr_str));
            if (to->str[i].len > WR_STR_INLINE)
                WR_TRY(wr_batch_str(b, to->str[i].ptr, to->str[i].len, &to->str[i], err));
        }
        if (!is_null(row, c)) continue;
        if (!wr_batch_nulls(b, to)) return wr_fail_oom(err, "a NULL bitmap");
        wr_bit_set(to->nulls, i);
    }
    return WR_OK;
}

/* ---- order ---- */

typedef struct cell {
    bool null;
    union {
        int64_t i64;
        double f64;
        wr_str str;
    };
} cell;

static inline cell cell_of(const wri_row_form *f, wri_row_ref r, uint32_t c, wr_phys phys) {
    cell v = {0};
    v.null = r.row ? is_null(r.row, c) : wr_is_null(&r.b->cols[c], r.i);
    if (v.null) return v;
    if (phys == WR_STR) {
        if (r.row) memcpy(&v.str, r.row->data + f->at[c], sizeof v.str);
        else v.str = r.b->cols[c].str[r.i];
    } else if (r.row) memcpy(&v.i64, r.row->data + f->at[c], sizeof v.i64);
    else v.i64 = r.b->cols[c].i64[r.i];
    return v;
}

/* Both are no NULL; NaNs are alike, and the largest. */
static inline int cmp_values(wr_phys phys, const cell *x, const cell *y) {
    if (phys == WR_STR) return wr_str_cmp(&x->str, &y->str);
    if (phys == WR_I64) return (x->i64 > y->i64) - (x->i64 < y->i64);
    if (x->f64 != x->f64 || y->f64 != y->f64) return (x->f64 != x->f64) - (y->f64 != y->f64);
    return (x->f64 > y->f64) - (x->f64 < y->f64);
}

static inline int cmp_order(const wri_row_form *f, wri_row_ref x, wri_row_ref y) {
    for (uint32_t k = 0; k < f->n_order; k++) {
        const wr_sort_key *o = &f->order[k];
        wr_phys phys = wr_type_phys(f->schema->fields[o->col].type);
        cell a = cell_of(f, x, o->col, phys), b = cell_of(f, y, o->col, phys);
        if (a.null != b.null) return a.null == o->nulls_first ? -1 : 1;
        if (a.null) continue;
        int c = cmp_values(phys, &a, &b);
        if (c) return o->desc ? -c : c;
    }
    return 0;
}

static int cmp_col(const wri_row_form *f, wri_row_ref x, wri_row_ref y, uint32_t c) {
    wr_phys phys = wr_type_phys(f->schema->fields[c].type);
    cell a = cell_of(f, x, c, phys), b = cell_of(f, y, c, phys);
    if (a.null || b.null) return (int)a.null - (int)b.null;
    return cmp_values(phys, &a, &b);
}

static int cmp_place(const wri_row_form *f, wri_row_ref x, wri_row_ref y) {
    uint32_t sx = x.row ? x.row->split : x.b->split, sy = y.row ? y.row->split : y.b->split;
    int64_t px = x.row ? x.row->pos : x.b->pos + x.i, py = y.row ? y.row->pos : y.b->pos + y.i;
    bool made = sx == WR_NO_SPLIT || sy == WR_NO_SPLIT;
    int c = sx != sy ? (sx < sy ? -1 : 1) : made ? 0 : (px > py) - (px < py);
    return f->ties_last && !made ? -c : c;
}

int wri_row_cmp(const wri_row_form *f, wri_row_ref x, wri_row_ref y) {
    int c = cmp_order(f, x, y);
    if (c == 0 && f->by_place) c = cmp_place(f, x, y);
    for (uint32_t k = 0; c == 0 && k < f->schema->n; k++) c = cmp_col(f, x, y, k);
    return c;
}

bool wri_row_peers(const wri_row_form *f, wri_row_ref x, wri_row_ref y) { return cmp_order(f, x, y) == 0; }

int wri_row_cmp_cols(const wri_row_form *f, const wri_row *x, const wri_row *y, const uint32_t *cols,
                     uint32_t n) {
    int c = 0;
    for (uint32_t k = 0; c == 0 && k < n; k++) c = cmp_col(f, wri_row_at(x), wri_row_at(y), cols[k]);
    return c;
}

/* ---- tree ---- */

static uint64_t priority(const wri_row *row) {
    return wr_keyed_u64((uint64_t)(uintptr_t)row, wr_hash_secret);
}

static int cmp_rows(const wri_row_form *f, const wri_row *x, const wri_row *y) {
    return wri_row_cmp(f, wri_row_at(x), wri_row_at(y));
}

void wri_tree_add(const wri_row_form *f, wri_row **rootp, wri_row *row) {
    wri_row **at = rootp;
    uint64_t mine = priority(row);
    while (*at && priority(*at) >= mine) at = &(*at)->kid[cmp_rows(f, row, *at) > 0];
    wri_row *t = *at, **less = &row->kid[0], **more = &row->kid[1];
    *at = row;
    while (t) { /* what was here is split at the new row */
        if (cmp_rows(f, t, row) < 0) {
            *less = t;
            less = &t->kid[1];
            t = t->kid[1];
        } else {
            *more = t;
            more = &t->kid[0];
            t = t->kid[0];
        }
    }
    *less = *more = NULL;
}

wri_row *wri_tree_take(const wri_row_form *f, wri_row **rootp, wri_row_ref x) {
    wri_row **at = rootp;
    while (*at) {
        int c = wri_row_cmp(f, x, wri_row_at(*at));
        if (c == 0) break;
        at = &(*at)->kid[c > 0];
    }
    wri_row *taken = *at;
    if (!taken) return NULL;
    wri_row *a = taken->kid[0], *b = taken->kid[1];
    while (a && b) {
        bool left = priority(a) >= priority(b);
        *at = left ? a : b;
        at = &(*at)->kid[left];
        if (left) a = a->kid[1];
        else b = b->kid[0];
    }
    *at = a ? a : b;
    return taken;
}

wri_row *wri_tree_first(wri_row *root) {
    while (root && root->kid[0]) root = root->kid[0];
    return root;
}

void wri_tree_free(wri_row *root) {
    while (root) {
        wri_row *less = root->kid[0];
        if (less) { /* turned, until nothing is less */
            root->kid[0] = less->kid[1];
            less->kid[1] = root;
            root = less;
        } else {
            wri_row *more = root->kid[1];
            wr_free(root);
            root = more;
        }
    }
}
