/* connectors/formats/csv_encode.c -- batches to CSV: a header line if wanted, then one line a row.
 *
 * A text is quoted only where it must be: when it contains the delimiter, the quote or a line end, when it
 * would be read as NULL or, at the start of a line, as a byte order mark. NULL is null_text. So what
 * csv_decode.c reads is what was written. Room for a whole row is reserved at once. One encoder per worker.
 */
#include <emmintrin.h>

#include "connectors/formats/csv_int.h"

#define FIXED_MAX (WR_TEXT_MAX + 3) /* a value that is no string, quotes and its delimiter */

typedef struct encoder {
    wri_csv_dialect dialect;
    wri_time_format tf;
    const char *null_text;
    size_t null_len;
    size_t fixed; /* most bytes of a row without its strings */
    const wr_schema *schema;
    bool *str; /* per column: WR_STR */
} encoder;

/* Is there a delimiter, quote or line end in p[0..n)? */
static bool has_special(const char *p, size_t n, const wri_csv_dialect *d) {
    char quote = d->quote ? d->quote : d->delimiter;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(p + i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(d->delimiter)),
                                   _mm_cmpeq_epi8(x, _mm_set1_epi8(quote)));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\n')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\r')));
        if (_mm_movemask_epi8(hit)) return true;
    }
    for (; i < n; i++)
        if (p[i] == d->delimiter || p[i] == quote || p[i] == '\n' || p[i] == '\r') return true;
    return false;
}

/* Texts with only its first character are quoted as well: "a|" before "||" would end too early. */
static char *put_delimiter(const wri_csv_dialect *d, char *o) {
    *o++ = d->delimiter;
    for (uint32_t i = 0; i < d->n_more; i++) *o++ = d->more[i];
    return o;
}

static char *put_quoted(const char *p, size_t n, char quote, char *o) {
    *o++ = quote;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == quote) *o++ = quote;
        *o++ = p[i];
    }
    *o++ = quote;
    return o;
}

/* Without quotes a row keeps its fields only so. */
static char *put_blanked(const char *p, size_t n, char delimiter, char *o) {
    for (size_t i = 0; i < n; i++) *o++ = p[i] == delimiter || p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
    return o;
}

static inline bool is_null_text(const encoder *e, const char *p, size_t n) {
    return n == e->null_len && memcmp(p, e->null_text, n) == 0;
}

static char *put_text(const encoder *e, const char *p, size_t n, bool first, char *o) {
    bool special = has_special(p, n, &e->dialect);
    if (special && !e->dialect.quote) return put_blanked(p, n, e->dialect.delimiter, o);
    if (e->dialect.quote && (special || is_null_text(e, p, n) || (first && wri_bom(p, n))))
        return put_quoted(p, n, e->dialect.quote, o);
    memcpy(o, p, n);
    return o + n;
}

/* The number, time or base64 text at o + 1, of n bytes: it holds no quote, but maybe the delimiter. */
static char *put_plain(const encoder *e, size_t n, char *o) {
    if (e->dialect.quote && (is_null_text(e, o + 1, n) || memchr(o + 1, e->dialect.delimiter, n))) {
        o[0] = o[n + 1] = e->dialect.quote;
        return o + n + 2;
    }
    memmove(o, o + 1, n);
    return o + n;
}

static char *put_value(const encoder *e, uint32_t k, const wr_col *c, uint32_t i, char *o) {
    const wr_type *t = &e->schema->fields[k].type;
    if (t->kind == WR_T_NULL || wr_is_null(c, i)) {
        memcpy(o, e->null_text, e->null_len);
        return o + e->null_len;
    }
    if (!e->str[k]) return put_plain(e, wri_to_text(t, e->tf, c, i, o + 1), o);
    const wr_str *s = &c->str[i];
    if (t->kind == WR_T_VARBINARY) return put_plain(e, wri_base64_write(wr_str_data(s), s->len, o + 1), o);
    return put_text(e, wr_str_data(s), s->len, k == 0, o);
}

static size_t row_bytes(const encoder *e, const wr_batch *b, uint32_t i) {
    size_t n = e->fixed;
    for (uint32_t k = 0; k < e->schema->n; k++)
        if (e->str[k]) n += (size_t)b->cols[k].str[i].len * 2 + 8;
    return n;
}

wr_status wri_csv_encode(wr_encoder *enc, const wr_batch *b, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    WR_ASSERT(b->n_cols >= e->schema->n);
    for (uint32_t i = 0; i < b->n; i++) {
        size_t need = row_bytes(e, b, i);
        if (WR_UNLIKELY(out->cap - out->len < need) && wr_buf_reserve(out, need) != WR_OK)
            return wr_fail_oom(err, "a row as CSV");
        char *o = out->data + out->len;
        for (uint32_t k = 0; k < e->schema->n; k++) {
            if (k > 0) o = put_delimiter(&e->dialect, o);
            o = put_value(e, k, &b->cols[k], i, o);
        }
        *o++ = '\n';
        out->len = (size_t)(o - out->data);
    }
    return WR_OK;
}

wr_status wri_csv_header(wr_encoder *enc, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    if (!e->dialect.header) return WR_OK;
    for (uint32_t k = 0; k < e->schema->n; k++) {
        const char *name = e->schema->fields[k].name;
        size_t n = strlen(name);
        if (wr_buf_reserve(out, 2 * n + 4 + WRI_CSV_MORE) != WR_OK) return wr_fail_oom(err, "a CSV header");
        char *o = out->data + out->len;
        if (k > 0) o = put_delimiter(&e->dialect, o);
        /* The reader skips blanks around names that have no quotes. */
        bool blanks = n > 0 && (name[0] == ' ' || name[n - 1] == ' ');
        if (blanks && e->dialect.quote) o = put_quoted(name, n, e->dialect.quote, o);
        else o = put_text(e, name, n, k == 0, o);
        out->len = (size_t)(o - out->data);
    }
    return wr_buf_put(out, "\n", 1) == WR_OK ? WR_OK : wr_fail_oom(err, "a CSV header");
}

wr_status wri_csv_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) {
    *outp = NULL;
    wri_csv_options o;
    wri_csv_dialect dialect;
    WR_TRY(wri_csv_read_options(cfg->options, cfg->n_options, &o, &dialect, err));
    encoder *e = wr_calloc(1, sizeof *e);
    bool *str = wr_calloc((size_t)cfg->schema->n + 1, sizeof *str);
    if (!e || !str) {
        wr_free(e);
        wr_free(str);
        return wr_fail_oom(err, "a CSV encoder");
    }
    *e = (encoder){.dialect = dialect,
                   .tf = (wri_time_format)o.timestamp_format,
                   .null_text = o.null_text,
                   .null_len = strlen(o.null_text),
                   .schema = cfg->schema,
                   .str = str};
    e->fixed = cfg->schema->n * (FIXED_MAX + WRI_CSV_MORE + e->null_len + 4) + 8;
    for (uint32_t k = 0; k < cfg->schema->n; k++)
        str[k] = wr_type_phys(cfg->schema->fields[k].type) == WR_STR;
    *outp = (wr_encoder *)e;
    return WR_OK;
}

void wri_csv_close_encoder(wr_encoder *enc) {
    encoder *e = (encoder *)enc;
    if (!e) return;
    wr_free(e->str);
    wr_free(e);
}
