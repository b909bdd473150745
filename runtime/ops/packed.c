/* runtime/ops/packed.c -- see packed.h. One block of memory a batch: the columns' heads, then their bytes. */
#include "packed.h"

typedef struct column {
    wr_phys phys;
    uint8_t width;    /* bytes of a word (core/words.h); of a string view 16 */
    int64_t base;     /* least value */
    const char *data; /* n of them */
    uint64_t *nulls;  /* NULL: none */
} column;

struct wri_packed {
    uint32_t n, n_cols;
    wr_arena ar;
    size_t bytes;
    column cols[];
};

uint32_t wri_packed_rows(const wri_packed *p) { return p->n; }
size_t wri_packed_bytes(const wri_packed *p) { return p->bytes; }

void wri_packed_free(wri_packed *p) {
    if (!p) return;
    wr_arena_free(&p->ar);
    wr_free(p);
}

static void *take(wri_packed *p, size_t bytes) {
    p->bytes += bytes;
    return wr_arena_alloc(&p->ar, bytes ? bytes : 1);
}

static bool pack_numbers(wri_packed *p, column *c, const int64_t *v) {
    wr_span span = wr_span_with(WR_SPAN_NONE, v, p->n);
    c->base = p->n ? span.least : 0;
    c->width = (uint8_t)wr_span_bytes(span);
    if (c->width == 0) return true;
    void *to = take(p, (size_t)p->n * c->width);
    if (to) wr_words_pack(v, p->n, c->base, c->width, to);
    c->data = to;
    return to != NULL;
}

static bool pack_strings(wri_packed *p, column *c, const wr_str *v) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->n; i++) bytes += v[i].len > WR_STR_INLINE ? v[i].len : 0;
    wr_str *to = take(p, (size_t)p->n * sizeof *to);
    char *text = take(p, bytes);
    if (!to || !text) return false;
    for (uint32_t i = 0; i < p->n; i++) {
        to[i] = v[i];
        if (v[i].len <= WR_STR_INLINE) continue;
        memcpy(text, v[i].ptr, v[i].len);
        to[i].ptr = text;
        text += v[i].len;
    }
    c->width = sizeof *to;
    c->data = (const char *)to;
    return true;
}

static bool pack_column(wri_packed *p, column *c, const wr_col *from) {
    c->phys = from->phys;
    if (from->nulls) {
        size_t bytes = wr_bitmap_words(p->n) * sizeof *c->nulls;
        c->nulls = take(p, bytes);
        if (!c->nulls) return false;
        memcpy(c->nulls, from->nulls, bytes);
    }
    /* Doubles are packed by their bits: those of one value, such as the small part of exact sums, vanish. */
    return from->phys == WR_STR ? pack_strings(p, c, from->str) : pack_numbers(p, c, from->i64);
}

wri_packed *wri_pack(const wr_batch *b, uint32_t first, uint32_t n_cols) {
    size_t bytes = sizeof(wri_packed) + n_cols * sizeof(column);
    wri_packed *p = wr_calloc(1, bytes);
    if (!p) return NULL;
    p->n = b->n;
    p->n_cols = n_cols;
    p->bytes = bytes;
    for (uint32_t c = 0; c < n_cols; c++)
        if (!pack_column(p, &p->cols[c], &b->cols[first + c])) {
            wri_packed_free(p);
            return NULL;
        }
    return p;
}

/* ---- back ---- */

/* An empty batch with room for p's rows. */
static wr_status scratch(const wri_packed *p, wr_batch **bp, wr_err *err) {
    if (*bp && (*bp)->cap >= p->n) {
        if (wr_batch_reset(*bp, p->n_cols) != WR_OK) return wr_fail_oom(err, "partials");
        return WR_OK;
    }
    wr_batch_drop(*bp);
    *bp = NULL;
    return wr_batch_new(p->n_cols, p->n, bp, err);
}

wr_status wri_unpack(const wri_packed *p, wr_batch **scratchp, wr_err *err) {
    WR_TRY(scratch(p, scratchp, err));
    wr_batch *b = *scratchp;
    b->n = p->n;
    b->split = WR_NO_SPLIT;
    for (uint32_t i = 0; i < p->n_cols; i++) {
        const column *c = &p->cols[i];
        WR_TRY(wr_batch_col(b, i, c->phys, err));
        if (c->phys == WR_STR) memcpy(b->cols[i].str, c->data, (size_t)p->n * sizeof(wr_str));
        else wr_words_unpack(c->data, p->n, c->base, c->width, b->cols[i].i64);
        if (!c->nulls) continue;
        if (!wr_batch_nulls(b, &b->cols[i])) return wr_fail_oom(err, "partials");
        memcpy(b->cols[i].nulls, c->nulls, wr_bitmap_words(p->n) * sizeof(uint64_t));
    }
    return WR_OK;
}
