/* connectors/formats/json_encode.c -- batches to JSON lines: one object a row, keys in the schema's order.
 *
 * TIMESTAMP(p) is ISO text with p fraction digits (or a number, by timestamp_format), DATE, TIME and
 * intervals are text, DECIMAL is a number with its scale, doubles have the shortest text that reads back the
 * same; NaN and Infinity, which JSON lacks, are null. VARBINARY is base64, a JSON column goes in as it is.
 *
 * Speed: room for a whole row is reserved at once, so that nothing checks bounds within a row; a key and what
 * stands around it is one padded copy; strings are copied 16 bytes at a time while nothing in them needs an
 * escape; a timestamp equal to the one before in its column (window bounds) is copied.
 * One encoder per worker; holds no data between calls. */
#include "connectors/formats/json_encode_int.h"

#include <emmintrin.h>
#include <math.h>

#include "connectors/formats/convert.h"

#define KEY_COPY  32                  /* bytes copied at once for a key */
#define FIXED_MAX (WR_TEXT_MAX + 2)   /* a value that is no string */
#define SLACK     (WR_PAD + KEY_COPY) /* copies may write this far behind the row */

typedef struct column {
    wr_type type;
    const char *key; /* `{"a":` or `,"b":`, then KEY_COPY bytes of padding */
    size_t key_len;
    bool str;
    bool has_last; /* last and text: the latest timestamp and its text in quotes */
    uint32_t text_len;
    int64_t last;
    char text[WR_TEXT_MAX];
} column;

typedef struct encoder {
    uint32_t n;
    wri_time_format tf;
    size_t fixed; /* most bytes of a row without its strings */
    wr_arena ar;
    column cols[];
} encoder;

/* ---- strings ---- */

/* Bit i: byte i of x needs a look (control character, quote, backslash, not ASCII). */
static inline uint32_t special(__m128i x) {
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i back = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    /* Signed compare: bytes from 0x80 on are negative, hence below 0x20 as well. */
    __m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, back), low));
}

static char *put_escape(unsigned char c, char *o) {
    static const char hex[] = "0123456789abcdef";
    *o++ = '\\';
    switch (c) {
    case '"':
    case '\\':
        *o++ = (char)c;
        return o;
    case '\n':
        *o++ = 'n';
        return o;
    case '\r':
        *o++ = 'r';
        return o;
    case '\t':
        *o++ = 't';
        return o;
    default:
        memcpy(o, "u00", 3);
        o[3] = hex[c >> 4];
        o[4] = hex[c & 15];
        return o + 5;
    }
}

/* Any bytes; n at least 1. Characters that are not UTF-8 become U+FFFD, one per byte. */
static char *put_slow(const char *p, size_t n, char *o) {
    bool valid = wr_utf8_valid(p, n);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            o = put_escape(c, o);
            i++;
        } else if (c < 0x80 || valid) {
            *o++ = p[i++];
        } else {
            size_t len = 1;
            while (len < 4 && i + len < n && (p[i + len] & 0xc0) == 0x80) len++;
            while (len > 1 && !wr_utf8_valid(p + i, len)) len--;
            bool ok = wr_utf8_valid(p + i, len);
            memcpy(o, ok ? p + i : "\xef\xbf\xbd", ok ? len : 3);
            o += ok ? len : 3;
            i += len;
        }
    }
    return o;
}

static inline __m128i load16(const char *p) { return _mm_loadu_si128((const __m128i *)p); }
static inline void store16(char *o, __m128i x) { _mm_storeu_si128((__m128i *)o, x); }

/* n > 12; reads p[0..n) only. */
static inline char *put_long(const char *p, size_t n, char *o) {
    if (n < 16) {
        uint64_t head, tail;
        memcpy(&head, p, 8);
        memcpy(&tail, p + n - 8, 8);
        if (WR_UNLIKELY(special(_mm_set_epi64x((int64_t)tail, (int64_t)head)))) return put_slow(p, n, o);
        memcpy(o, &head, 8);
        memcpy(o + n - 8, &tail, 8);
        return o + n;
    }
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i x = load16(p + i);
        if (WR_UNLIKELY(special(x))) return put_slow(p + i, n - i, o + i);
        store16(o + i, x);
    }
    __m128i x = load16(p + n - 16); /* the tail, overlapping what is already there */
    if (i < n && WR_UNLIKELY(special(x))) return put_slow(p + i, n - i, o + i);
    store16(o + n - 16, x);
    return o + n;
}

static inline char *put_str(const wr_str *s, char *o) {
    *o++ = '"';
    if (s->len <= WR_STR_INLINE) {
        __m128i x = _mm_srli_si128(load16((const char *)s), 4); /* the text; zeros behind it */
        if (WR_LIKELY(!(special(x) & ((UINT32_C(1) << s->len) - 1)))) {
            store16(o, x);
            o += s->len;
        } else o = put_slow(s->prefix, s->len, o);
    } else o = put_long(s->ptr, s->len, o);
    *o++ = '"';
    return o;
}

size_t wri_json_string(const char *p, size_t n, char *out) {
    char *o = out;
    *o++ = '"';
    if (n > 0) o = put_slow(p, n, o);
    *o++ = '"';
    return (size_t)(o - out);
}

/* JSON text as it is, but on one line; nothing at all is null. */
static char *put_json(const wr_str *s, char *o) {
    const char *p = wr_str_data(s);
    size_t n = s->len;
    while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r' || p[n - 1] == ' ')) n--;
    if (n == 0) return memcpy(o, "null", 4), o + 4;
    memcpy(o, p, n);
    for (char *q = o; (q = memchr(q, '\n', (size_t)(o + n - q))); q++) *q = ' ';
    for (char *q = o; (q = memchr(q, '\r', (size_t)(o + n - q))); q++) *q = ' ';
    return o + n;
}

/* ---- values ---- */

static inline char *put_timestamp(column *c, wri_time_format tf, const wr_col *col, uint32_t i, char *o) {
    if (c->last != col->i64[i] || !c->has_last) {
        bool quoted = tf == WRI_TIME_ISO;
        c->text[0] = '"';
        size_t n = wri_to_text(&c->type, tf, col, i, c->text + quoted);
        c->text[quoted + n] = '"';
        c->text_len = (uint32_t)(n + 2 * quoted);
        c->last = col->i64[i];
        c->has_last = true;
    }
    memcpy(o, c->text, 32);
    if (WR_UNLIKELY(c->text_len > 32)) memcpy(o + 32, c->text + 32, WR_TEXT_MAX - 32);
    return o + c->text_len;
}

static inline char *put_f64(double v, char *o) {
    if (WR_UNLIKELY(!isfinite(v))) return memcpy(o, "null", 4), o + 4;
    return o + wr_write_f64(v, o);
}

static char *put_rare(const column *c, wri_time_format tf, const wr_col *col, uint32_t i, char *o) {
    switch (c->type.kind) {
    case WR_T_JSON:
        return put_json(&col->str[i], o);
    case WR_T_VARBINARY:
        *o++ = '"';
        o += wri_base64_write(wr_str_data(&col->str[i]), col->str[i].len, o);
        *o++ = '"';
        return o;
    case WR_T_REAL:
        if (!isfinite(col->f64[i])) return memcpy(o, "null", 4), o + 4;
        return o + wri_to_text(&c->type, tf, col, i, o);
    case WR_T_BOOLEAN:
    case WR_T_DECIMAL:
        return o + wri_to_text(&c->type, tf, col, i, o);
    case WR_T_NULL:
        return memcpy(o, "null", 4), o + 4;
    default: /* dates, times, intervals */
        *o++ = '"';
        o += wri_to_text(&c->type, tf, col, i, o);
        *o++ = '"';
        return o;
    }
}

static inline char *put_value(column *c, wri_time_format tf, const wr_col *col, uint32_t i, char *o) {
    switch (c->type.kind) {
    case WR_T_CHAR:
    case WR_T_VARCHAR:
        return put_str(&col->str[i], o);
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        return o + wr_write_i64(col->i64[i], o);
    case WR_T_DOUBLE:
        return put_f64(col->f64[i], o);
    case WR_T_TIMESTAMP:
        return put_timestamp(c, tf, col, i, o);
    default:
        return put_rare(c, tf, col, i, o);
    }
}

static inline char *put_key(const column *c, char *o) {
    memcpy(o, c->key, KEY_COPY);
    if (WR_UNLIKELY(c->key_len > KEY_COPY)) memcpy(o + KEY_COPY, c->key + KEY_COPY, c->key_len - KEY_COPY);
    return o + c->key_len;
}

/* Most bytes that row i can need. */
static inline size_t row_bytes(const encoder *e, const wr_batch *b, uint32_t i) {
    size_t n = e->fixed;
    for (uint32_t k = 0; k < e->n; k++)
        if (e->cols[k].str) n += (size_t)b->cols[k].str[i].len * 6;
    return n;
}

wr_status wri_json_encode(wr_encoder *enc, const wr_batch *b, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    WR_ASSERT(b->n_cols >= e->n);
    for (uint32_t i = 0; i < b->n; i++) {
        size_t need = row_bytes(e, b, i);
        if (WR_UNLIKELY(out->cap - out->len < need) && wr_buf_reserve(out, need) != WR_OK)
            return wr_fail_oom(err, "a row as JSON");
        char *o = out->data + out->len;
        for (uint32_t k = 0; k < e->n; k++) {
            column *c = &e->cols[k];
            const wr_col *col = &b->cols[k];
            o = put_key(c, o);
            if (WR_UNLIKELY(wr_is_null(col, i))) {
                memcpy(o, "null", 4);
                o += 4;
            } else o = put_value(c, e->tf, col, i, o);
        }
        if (e->n == 0) *o++ = '{';
        *o++ = '}';
        *o++ = '\n';
        out->len = (size_t)(o - out->data);
    }
    return WR_OK;
}

/* ---- open and close ---- */

static wr_status open_column(encoder *e, uint32_t k, const wr_field *f) {
    column *c = &e->cols[k];
    c->type = f->type;
    c->str = wr_type_phys(f->type) == WR_STR;
    size_t n = strlen(f->name);
    char *key = wr_arena_calloc(&e->ar, 6 * n + 8 + WR_PAD);
    if (!key) return WR_ENOMEM;
    key[0] = k == 0 ? '{' : ',';
    c->key_len = 1 + wri_json_string(f->name, n, key + 1);
    key[c->key_len++] = ':';
    c->key = key;
    e->fixed += c->key_len + FIXED_MAX;
    return WR_OK;
}

wr_status wri_json_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) {
    static const wr_option options[] = {
        {WRI_JSON_TIME_OPTION, WR_OPT_ENUM, 0, WRI_TIME_FORMATS, "iso", 0, 0, false, WRI_TIME_DOC}};
    *outp = NULL;
    int tf;
    WR_TRY(wri_format_options(options, WR_LEN(options), cfg->options, cfg->n_options, &tf, sizeof tf, err));
    encoder *e = wr_calloc(1, sizeof *e + cfg->schema->n * sizeof e->cols[0]);
    if (!e) return wr_fail_oom(err, "a JSON encoder");
    e->n = cfg->schema->n;
    e->tf = (wri_time_format)tf;
    e->fixed = 8 + SLACK;
    for (uint32_t k = 0; k < e->n; k++)
        if (open_column(e, k, &cfg->schema->fields[k]) != WR_OK) {
            wri_json_close_encoder((wr_encoder *)e);
            return wr_fail_oom(err, "a JSON encoder");
        }
    *outp = (wr_encoder *)e;
    return WR_OK;
}

void wri_json_close_encoder(wr_encoder *enc) {
    encoder *e = (encoder *)enc;
    if (!e) return;
    wr_arena_free(&e->ar);
    wr_free(e);
}
