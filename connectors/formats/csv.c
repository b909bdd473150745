/* connectors/formats/csv.c -- CSV (RFC 4180): options, framing, definition.
 *
 * Records end at a line end outside quotes. A quote opens a quoted field only at the start of a field,
 * elsewhere it is an ordinary character (5" disk); inside, it is doubled. Framing and decoding follow the
 * same rule, so that they agree on every input. State of framing: bits 0..7 delimiter, 8..15 quote, bit 16
 * header, bit 17 set, 24..31 what else ends a row, 32..63 more characters of the delimiter, 0: no more. A
 * delimiter of several characters goes the slow way, byte by byte. Pure functions; any thread. */
#include <emmintrin.h>

#include "connectors/formats/csv_int.h"

static const wr_option options[] = {
    {"header", WR_OPT_BOOL, offsetof(wri_csv_options, header), NULL, "true", 0, 0, false,
     "The first line names the columns; reading maps by these names, writing writes them. Without it fields "
     "are taken in the order of the columns."},
    {"delimiter", WR_OPT_STRING, offsetof(wri_csv_options, delimiter), NULL, ",", 0, 0, false,
     "The character between fields, or up to five, such as ||; \\t for a tab."},
    {"quote", WR_OPT_STRING, offsetof(wri_csv_options, quote), NULL, "\"", 0, 0, false,
     "The character around fields that contain a delimiter, a quote or a line end; 'none' switches quoting "
     "off."},
    {"null_text", WR_OPT_STRING, offsetof(wri_csv_options, null_text), NULL, "", 0, 0, false,
     "The unquoted text that stands for NULL; a quoted text is never NULL in a text column."},
    {"timestamp_format", WR_OPT_ENUM, offsetof(wri_csv_options, timestamp_format), WRI_TIME_FORMATS, "iso", 0,
     0, false, WRI_TIME_DOC},
    {"coercion", WR_OPT_ENUM, offsetof(wri_csv_options, coercion), WRI_COERCIONS, "plain", 0, 0, false,
     WRI_COERCION_DOC},
    {"row_delimiter", WR_OPT_STRING, offsetof(wri_csv_options, row_delimiter), NULL, NULL, 0, 0, false,
     "Reading: a character that ends a row, beside line ends."},
};

/* ASCII that is neither letter nor digit nor control character. */
static bool is_mark(char c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return c >= ' ' && c < 0x7f && !letter;
}

/* s: NULL, or the option. */
static wr_status read_row_delimiter(const char *s, wri_csv_dialect *d, wr_err *err) {
    static const char *const lines[] = {"\n", "\r\n", "\\n", "\\r\\n"};
    bool line = !s;
    for (size_t i = 0; i < WR_LEN(lines) && !line; i++) line = strcmp(s, lines[i]) == 0;
    d->row = line ? '\n' : *s;
    if (line || (strlen(s) == 1 && is_mark(*s) && *s != d->quote && *s != d->delimiter &&
                 !memchr(d->more, *s, d->n_more)))
        return WR_OK;
    return wr_fail(
        err, WR_EINVAL,
        "option 'row_delimiter': found '%.20s', expected a line end, or one mark like | or ; other than "
        "the delimiter and the quote",
        s);
}

/* The delimiter s to d, whose quote is set. */
static wr_status read_delimiter(const char *s, wri_csv_dialect *d, wr_err *err) {
    size_t n = 0;
    for (const char *p = s; *p; p++, n++) {
        char c = *p;
        if (c == '\\' && p[1] == 't') {
            c = '\t';
            p++;
        }
        if (n > WRI_CSV_MORE || c == d->quote || (c != '\t' && !is_mark(c))) break;
        if (n == 0) d->delimiter = c;
        else d->more[n - 1] = c;
        if (!p[1]) {
            d->n_more = (uint8_t)n;
            return WR_OK;
        }
    }
    return wr_fail(err, WR_EINVAL,
                   "option 'delimiter': found '%.20s', expected a mark like , or ; or a tab, or up to %d of "
                   "them, other than the quote",
                   s, WRI_CSV_MORE + 1);
}

wr_status wri_csv_read_options(const wr_kv *kvs, size_t n_kvs, wri_csv_options *outp,
                               wri_csv_dialect *dialectp, wr_err *err) {
    *dialectp = (wri_csv_dialect){.delimiter = ',', .quote = '"', .row = '\n', .header = true};
    WR_TRY(wri_format_options(options, WR_LEN(options), kvs, n_kvs, outp, sizeof *outp, err));
    bool none = strcmp(outp->quote, "none") == 0;
    char quote = none ? 0 : *outp->quote;
    /* Numbers, times and base64 must never need their quotes doubled, nor texts look like them. */
    if (!none && (strlen(outp->quote) != 1 || !is_mark(quote) || strchr("+-./=:", quote)))
        return wr_fail(err, WR_EINVAL,
                       "option 'quote': found '%.20s', expected one mark like \" or ', or 'none'",
                       outp->quote);
    wri_csv_dialect d = {.quote = quote, .header = outp->header};
    WR_TRY(read_delimiter(outp->delimiter, &d, err));
    *dialectp = d;
    return read_row_delimiter(outp->row_delimiter, dialectp, err);
}

/* ---- framing ---- */

#define STATE_HEADER (UINT64_C(1) << 16)
#define STATE_SET    (UINT64_C(1) << 17) /* else the defaults hold */
#define STATE_BEGUN  (UINT64_C(1) << 18) /* p is not the split's start: a byte order mark there is text */

static uint64_t csv_begin(const wr_kv *kvs, size_t n_kvs) {
    wri_csv_options o;
    wri_csv_dialect d;
    /* Wrong options are told when the decoder is opened. */
    if (wri_csv_read_options(kvs, n_kvs, &o, &d, NULL) != WR_OK) return 0;
    uint64_t more = 0;
    for (uint32_t k = 0; k < d.n_more; k++) more |= (uint64_t)(unsigned char)d.more[k] << (32 + 8 * k);
    return more | (uint64_t)(unsigned char)d.delimiter | (uint64_t)(unsigned char)d.quote << 8 |
           (uint64_t)(unsigned char)d.row << 24 | (d.header ? STATE_HEADER : 0) | STATE_SET;
}

static wri_csv_dialect dialect_of(uint64_t state) {
    if (!(state & STATE_SET))
        return (wri_csv_dialect){.delimiter = ',', .quote = '"', .row = '\n', .header = true};
    wri_csv_dialect d = {.delimiter = (char)state,
                         .quote = (char)(state >> 8),
                         .row = (char)(state >> 24),
                         .header = (state & STATE_HEADER) != 0};
    while (d.n_more < WRI_CSV_MORE && (char)(state >> (32 + 8 * d.n_more))) {
        d.more[d.n_more] = (char)(state >> (32 + 8 * d.n_more));
        d.n_more++;
    }
    return d;
}

static inline uint64_t equal64(const char *p, char c) {
    __m128i x = _mm_set1_epi8(c);
    uint64_t m = 0;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, x)) << 16 * i;
    }
    return m;
}

typedef struct quotes { /* the state while walking over a text */
    bool inside;
    bool skip;  /* the next quote is the second one of a pair */
    size_t bom; /* length of the byte order mark that the text begins with */
} quotes;

/* Bits of the block at p[at..at+64) that lie in quotes; q: its quotes. */
static uint64_t quoted_bits(const char *p, size_t at, size_t n, uint64_t q, const wri_csv_dialect *d,
                            quotes *s) {
    uint64_t mask = 0;
    uint32_t from = 0;
    for (; q; q &= q - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(q);
        size_t i = at + bit;
        if (s->skip) s->skip = false;
        else if (!s->inside) {
            s->inside = i == 0 || p[i - 1] == d->delimiter || p[i - 1] == '\n' || i == s->bom;
            from = bit;
        } else if (i + 1 < n && p[i + 1] == d->quote) s->skip = true;
        else {
            s->inside = false;
            mask |= (UINT64_C(2) << bit) - (UINT64_C(1) << from);
        }
    }
    return s->inside ? mask | ~UINT64_C(0) << from : mask;
}

static size_t frame_quoted(const char *p, size_t n, const wri_csv_dialect *d, size_t bom) {
    quotes s = {.bom = bom};
    size_t whole = 0;
    for (size_t at = 0; at < n; at += 64) {
        char tail[64];
        const char *block = p + at;
        if (n - at < 64) { /* framing may not read behind n */
            memset(tail, 0, sizeof tail);
            block = memcpy(tail, block, n - at);
        }
        uint64_t q = equal64(block, d->quote), line = equal64(block, '\n');
        if (q || s.inside) line &= ~quoted_bits(p, at, n, q, d, &s);
        if (line) whole = at + 64 - (size_t)__builtin_clzll(line);
    }
    return whole;
}

/* Rows that end with more than line ends, fields with more than a character; byte by byte, as they are rare.
 */
static size_t frame_marks(const char *p, size_t n, const wri_csv_dialect *d) {
    size_t whole = 0;
    bool start = true, inside = false;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        bool quote = d->quote && c == d->quote;
        if (inside && quote && i + 1 < n && p[i + 1] == d->quote) i++;
        else if (inside) inside = !quote;
        else if (quote && start) inside = true;
        else if (c == '\n' || c == d->row) whole = i + 1;
        bool ends = !inside && wri_csv_delimits(d, p + i, n - i);
        start = ends || (!inside && (c == '\n' || c == d->row));
        if (ends) i += d->n_more;
    }
    return whole;
}

static size_t csv_frame(const char *p, size_t n, bool last, uint64_t *state) {
    if (n == 0) return 0;
    wri_csv_dialect d = dialect_of(*state);
    size_t whole = n;
    bool quoted = d.quote && memchr(p, d.quote, n);
    if (!last && (d.row != '\n' || (quoted && d.n_more))) whole = frame_marks(p, n, &d);
    else if (!last && quoted) whole = frame_quoted(p, n, &d, *state & STATE_BEGUN ? 0 : wri_bom(p, n));
    else if (!last) {
        const char *end = memrchr(p, '\n', n);
        whole = end ? (size_t)(end + 1 - p) : 0;
    }
    if (whole) *state |= STATE_BEGUN;
    return whole;
}

size_t wri_csv_first_record(const char *p, size_t n, const wri_csv_dialect *d) {
    bool start = true, inside = false;
    for (size_t i = wri_bom(p, n); i < n; i++) {
        char c = p[i];
        if (inside) {
            if (c != d->quote) continue;
            if (i + 1 < n && p[i + 1] == d->quote) i++;
            else inside = false;
            continue;
        }
        if (c == '\n' || c == d->row) return i + 1;
        if (d->quote && c == d->quote && start) inside = true;
        start = wri_csv_delimits(d, p + i, n - i);
        if (start) i += d->n_more;
    }
    return n;
}

static size_t csv_head(const char *p, size_t n, uint64_t state) {
    wri_csv_dialect d = dialect_of(state);
    return d.header ? wri_csv_first_record(p, n, &d) : 0;
}

const wr_format_def wr_format_csv = {
    .with = {.name = "csv",
             .doc = "Comma-separated values, RFC 4180: one line a row, quoted where needed.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .sink = true},
    .frame = csv_frame,
    .begin = csv_begin,
    .head = csv_head,
    .open_decoder = wri_csv_open_decoder,
    .decode = wri_csv_decode,
    .close_decoder = wri_csv_close_decoder,
    .open_encoder = wri_csv_open_encoder,
    .header = wri_csv_header,
    .encode = wri_csv_encode,
    .close_encoder = wri_csv_close_encoder,
};
