/* connectors/formats/csv_decode.c -- CSV text to batches.
 *
 * Rows are read in blocks of BLOCK_ROWS. Pass 1 finds the fields: 64 bytes at a time become a bit mask of
 * delimiters, quotes and line ends, and walking its bits yields where each wanted field of each row lies
 * (kept column by column). Pass 2 converts one column at a time, so that the type is looked at once a block.
 * A row with a value that is none is marked, and taken out when the block is done; the others go on.
 *
 * Missing fields are NULL, extra ones are ignored. With a header, columns are found by its names (exactly,
 * else without regard to case), else by order. A header reaches decoders of later chunks by chunk.head.
 * Texts longer than 12 bytes are views into the chunk, which the batch then holds; texts with doubled quotes
 * are copied. One decoder per worker. */
#include <emmintrin.h>
#include <stdio.h>

#include "connectors/formats/csv_int.h"
#include "connectors/formats/rows_int.h"

#define BLOCK_ROWS 512

/* A field's end, relative to the block's first byte, and what else is to be known of it. */
#define QUOTED     (UINT32_C(1) << 31)
#define DOUBLED    (UINT32_C(1) << 30) /* has doubled quotes inside */
#define PLACE      (DOUBLED - 1)
#define MISSING    PLACE /* no such field in the row */
#define BLOCK_SPAN (MISSING - 1)

typedef enum row_fault {
    ROW_GOOD,
    ROW_VALUE, /* the text of fault_col is not of its type */
    ROW_NULL,  /* fault_col is NOT NULL and has no value */
    ROW_JUNK,  /* text behind a closing quote */
    ROW_OPEN,  /* no closing quote */
    ROW_LONG   /* longer than a block can span */
} row_fault;

typedef struct decoder {
    wr_decode_cfg cfg;
    const wr_schema *schema;
    wri_csv_dialect dialect;
    wri_time_format tf;
    bool kinesis; /* by the rules of coerce.c */
    const char *null_text;
    size_t null_len;
    bool null_plain;           /* no number or time can be the NULL text: it has no digit */
    const wr_schema *declared; /* columns of the text; those of schema are read */
    uint32_t *by_place;        /* declared column → column; schema->n: not read */
    /* fields of the text → columns: map[k] for field k < n_map; schema->n: ignored, also map[n_map] */
    uint32_t *map, n_map;
    char *head; /* the header the map was made of; NULL: none yet */
    size_t head_len;
    uint32_t head_split;     /* split it came from */
    bool head_useless;       /* it names none of the columns */
    uint32_t *starts, *ends; /* [column * BLOCK_ROWS + row]; one more column takes what is ignored */
    /* per row of the block */
    uint32_t row_start[BLOCK_ROWS], row_end[BLOCK_ROWS], fault_col[BLOCK_ROWS];
    uint8_t fault[BLOCK_ROWS]; /* row_fault */
    bool any_fault;
    wri_dicts dicts;
    char minute[16]; /* "2026-01-01T00:00" of the latest timestamp and its value; minute[0] == 0: none */
    int64_t minute_us;
} decoder;

/* What a call of decode works on. */
typedef struct block {
    const char *p; /* first byte of the block's first row */
    uint32_t n;    /* rows */
    bool high;     /* bytes that are not ASCII may occur */
    wr_batch *b;
    bool borrows; /* a view into the chunk was made */
    bool may_borrow;
} block;

/* ---- pass 1: fields ---- */

typedef struct scanner {
    const char *p;
    size_t n, base;
    uint64_t mask; /* special characters at base.. that are still to come */
    __m128i delimiter, quote, line, row;
    char row_char; /* what ends a row beside line ends; '\n': nothing */
    bool high;
    const wri_csv_dialect *many; /* delimiters have several characters; NULL: they have one */
    size_t from;                 /* of many: what lies before has been read */
} scanner;

static inline uint64_t special_bits(scanner *s, const char *p) {
    uint64_t m = 0;
    __m128i any = _mm_setzero_si128();
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, s->delimiter), _mm_cmpeq_epi8(v, s->quote));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, s->line));
        if (WR_UNLIKELY(s->row_char != '\n')) hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, s->row));
        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << 16 * i;
        any = _mm_or_si128(any, v);
    }
    s->high |= _mm_movemask_epi8(any) != 0;
    return m;
}

static void scanner_start(scanner *s, const char *p, size_t n, const wri_csv_dialect *d) {
    *s = (scanner){.p = p, .n = n};
    s->delimiter = _mm_set1_epi8(d->delimiter);
    s->quote = _mm_set1_epi8(d->quote ? d->quote : d->delimiter);
    s->line = _mm_set1_epi8('\n');
    s->row = _mm_set1_epi8(d->row);
    s->row_char = d->row;
    s->many = d->n_more ? d : NULL;
    if (n > 0) s->mask = special_bits(s, p);
}

/* Place of the next delimiter, quote or line end, n: none. */
static inline size_t next_special(scanner *s) {
    while (s->mask == 0) {
        s->base += 64;
        if (s->base >= s->n) {
            s->base -= 64; /* stays put, however often it is asked */
            return s->n;
        }
        s->mask = special_bits(s, s->p + s->base); /* reads into the padding at most */
    }
    size_t at = s->base + (size_t)__builtin_ctzll(s->mask);
    s->mask &= s->mask - 1;
    return at < s->n ? at : s->n;
}

/* The same, where the first character of a delimiter is text when the others do not follow. */
static size_t next_whole(scanner *s) {
    size_t at = next_special(s);
    while (at < s->n && (at < s->from || (s->p[at] == s->many->delimiter &&
                                          !wri_csv_delimits(s->many, s->p + at, s->n - at))))
        at = next_special(s);
    if (at < s->n && s->p[at] == s->many->delimiter) s->from = at + 1 + s->many->n_more;
    return at;
}

static inline size_t next_end(scanner *s) {
    return WR_UNLIKELY(s->many != NULL) ? next_whole(s) : next_special(s);
}

typedef struct field {
    size_t start, end, next; /* next: the delimiter or line end behind it, or n */
    uint32_t flags;
} field;

/* The rest of a field whose opening quote is at f->start. */
static row_fault scan_quoted(scanner *s, char quote, field *f) {
    f->start++;
    f->flags = QUOTED;
    for (;;) {
        size_t q = next_special(s);
        f->end = f->next = q;
        if (q == s->n) return ROW_OPEN;
        if (s->p[q] != quote) continue;
        if (q + 1 == s->n || s->p[q + 1] != quote) break;
        next_special(s);
        f->flags |= DOUBLED;
    }
    do f->next = next_end(s);
    while (f->next < s->n && s->p[f->next] == quote);
    size_t gap = f->next - (f->end + 1);
    bool cr = gap == 1 && s->p[f->end + 1] == '\r' &&
              (f->next == s->n || s->p[f->next] == '\n' || s->p[f->next] == s->row_char);
    return gap == 0 || cr ? ROW_GOOD : ROW_JUNK;
}

static inline void set_missing(decoder *d, uint32_t col, uint32_t r) {
    d->starts[(size_t)col * BLOCK_ROWS + r] = 0; /* a place that may be read */
    d->ends[(size_t)col * BLOCK_ROWS + r] = MISSING;
}

/* Reads the row that starts at `at` as row r of the block; returns the place behind it. A row that spans too
 * much is marked. *blankp: there was nothing on the line. */
static size_t scan_row(decoder *d, scanner *s, size_t first, size_t at, uint32_t r, bool *blankp) {
    const char *p = s->p;
    size_t n = s->n;
    uint32_t k = 0;
    row_fault fault = ROW_GOOD;
    field f = {.start = at};
    for (;; k += k < d->n_map) {
        f.flags = 0;
        f.next = f.end = next_end(s);
        while (WR_UNLIKELY(f.next < n && p[f.next] == d->dialect.quote)) {
            if (f.next == f.start) {
                row_fault x = scan_quoted(s, d->dialect.quote, &f);
                if (x != ROW_GOOD) fault = x;
                break;
            }
            f.next = f.end = next_end(s); /* a quote within a field is an ordinary character */
        }
        bool last = f.next == n || p[f.next] == '\n' || p[f.next] == s->row_char;
        if (last && !f.flags && f.end > f.start && p[f.end - 1] == '\r') f.end--;
        size_t slot = (size_t)d->map[k] * BLOCK_ROWS + r;
        d->starts[slot] = (uint32_t)(f.start - first);
        d->ends[slot] = (uint32_t)(f.end - first) | f.flags;
        if (last) break;
        f.start = f.next + 1 + d->dialect.n_more;
    }
    *blankp = k == 0 && f.end == at && !f.flags;
    for (k++; k < d->n_map; k++) set_missing(d, d->map[k], r);
    if (WR_UNLIKELY(f.next - first > BLOCK_SPAN)) fault = ROW_LONG;
    d->row_start[r] = (uint32_t)(at - first);
    d->row_end[r] = f.next - first < UINT32_MAX ? (uint32_t)(f.next - first) : UINT32_MAX;
    d->fault[r] = (uint8_t)fault;
    d->any_fault |= fault != ROW_GOOD;
    return f.next < n ? f.next + 1 : n;
}

/* ---- pass 2: values ---- */

static void mark(decoder *d, uint32_t r, row_fault fault, uint32_t col) {
    if (d->fault[r]) return; /* the first fault is told */
    d->fault[r] = (uint8_t)fault;
    d->fault_col[r] = col;
    d->any_fault = true;
}

static wr_status set_null(decoder *d, block *bl, uint32_t k, uint32_t r) {
    wr_col *c = &bl->b->cols[k];
    uint64_t *nulls = wr_batch_nulls(bl->b, c);
    if (!nulls) return WR_ENOMEM;
    uint32_t i = bl->b->n + r;
    wr_bit_set(nulls, i);
    if (c->phys == WR_STR) memset(&c->str[i], 0, sizeof c->str[i]);
    else c->i64[i] = 0;
    if (d->schema->fields[k].type.not_null) mark(d, r, ROW_NULL, k);
    return WR_OK;
}

/* Does the field say NULL? text: the column takes empty texts as values. */
static inline bool says_null(const decoder *d, const char *p, size_t n, uint32_t end, bool text) {
    if (WR_UNLIKELY((end & PLACE) == MISSING)) return true;
    if (n == 0 && !text) return true;
    return n == d->null_len && !(end & QUOTED) && memcmp(p, d->null_text, n) == 0;
}

/* Takes one quote of each doubled pair out, into the batch's memory. */
static wr_status undouble(const decoder *d, wr_batch *b, const char **pp, size_t *np) {
    char *copy = wr_arena_alloc(&b->arena, *np + 16); /* may be read 16 bytes far */
    if (!copy) return WR_ENOMEM;
    const char *p = *pp, *end = p + *np;
    char *o = copy;
    while (p < end) {
        char c = *p++;
        *o++ = c;
        if (c == d->dialect.quote) p++; /* its twin */
    }
    memset(o, 0, 16);
    *pp = copy;
    *np = (size_t)(o - copy);
    return WR_OK;
}

/* Any type, by convert.c. */
static wr_status convert_any(decoder *d, block *bl, uint32_t k, uint32_t r, const char *p, size_t n,
                             bool copied) {
    const wr_type *t = &d->schema->fields[k].type;
    wr_value v;
    if (bl->b->cols[k].phys == WR_STR && t->kind != WR_T_VARBINARY && !copied && !bl->may_borrow) {
        wr_str s;
        if (wr_batch_str(bl->b, p, n, &s, NULL) != WR_OK) return WR_ENOMEM;
        if (n > WR_STR_INLINE) p = s.ptr;
    }
    wr_status st = d->kinesis ? wri_coerce_text(t, p, n, &bl->b->arena, &v)
                              : wri_from_text(t, d->tf, p, n, &bl->b->arena, &v);
    if (st == WR_ENOMEM) return st;
    if (st != WR_OK) {
        mark(d, r, ROW_VALUE, k);
        v = (wr_value){0};
    }
    if (v.null) return set_null(d, bl, k, r);
    wr_col *c = &bl->b->cols[k];
    uint32_t i = bl->b->n + r;
    if (c->phys == WR_STR) {
        c->str[i] = v.str;
        bl->borrows |= v.str.len > WR_STR_INLINE && !copied && bl->may_borrow;
    } else if (c->phys == WR_F64) c->f64[i] = v.f64;
    else c->i64[i] = v.i64;
    return WR_OK;
}

/* One field on the slow way: NULL, doubled quotes, any type. */
static wr_status convert_slow(decoder *d, block *bl, uint32_t k, uint32_t r) {
    uint32_t end = d->ends[k * (size_t)BLOCK_ROWS + r], start = d->starts[k * (size_t)BLOCK_ROWS + r];
    const char *p = bl->p + start;
    if ((end & PLACE) == MISSING) return set_null(d, bl, k, r);
    size_t n = (end & PLACE) - start;
    wr_kind kind = d->schema->fields[k].type.kind;
    bool text = kind == WR_T_CHAR || kind == WR_T_VARCHAR || kind == WR_T_VARBINARY;
    if (says_null(d, p, n, end, text)) return set_null(d, bl, k, r);
    if (end & DOUBLED) WR_TRY(undouble(d, bl->b, &p, &n));
    return convert_any(d, bl, k, r, p, n, end & DOUBLED);
}

static wr_status convert_texts(decoder *d, block *bl, uint32_t k) {
    const uint32_t *starts = d->starts + k * (size_t)BLOCK_ROWS, *ends = d->ends + k * (size_t)BLOCK_ROWS;
    wr_str *out = bl->b->cols[k].str + bl->b->n;
    uint32_t max = d->schema->fields[k].type.prec ? d->schema->fields[k].type.prec : UINT32_MAX;
    uint32_t longest = 0;
    for (uint32_t r = 0; r < bl->n; r++) {
        const char *p = bl->p + starts[r];
        uint32_t end = ends[r], n = (end & PLACE) - starts[r];
        bool easy = !d->fault[r] && !(end & DOUBLED) && end != MISSING && n <= max &&
                    (n <= WR_STR_INLINE || bl->may_borrow) &&
                    !(n == d->null_len && says_null(d, p, n, end, true)) &&
                    !(bl->high && !wr_utf8_valid(p, n));
        if (WR_LIKELY(easy)) {
            out[r] = wri_str_padded(p, n);
            longest = n > longest ? n : longest;
        } else if (d->fault[r]) memset(&out[r], 0, sizeof out[r]);
        else WR_TRY(convert_slow(d, bl, k, r));
    }
    bl->borrows |= longest > WR_STR_INLINE;
    return WR_OK;
}

static wr_status convert_ints(decoder *d, block *bl, uint32_t k) {
    const uint32_t *starts = d->starts + k * (size_t)BLOCK_ROWS, *ends = d->ends + k * (size_t)BLOCK_ROWS;
    int64_t *out = bl->b->cols[k].i64 + bl->b->n;
    wr_kind kind = d->schema->fields[k].type.kind;
    for (uint32_t r = 0; r < bl->n; r++) {
        const char *p = bl->p + starts[r];
        uint32_t n = (ends[r] & PLACE) - starts[r]; /* MISSING makes it long or wrong: slow */
        bool neg = *p == '-';
        uint64_t v = 0;
        bool easy = n - neg - 1 < 18 && ends[r] != MISSING && d->null_plain;
        for (uint32_t i = neg; easy && i < n; i++) {
            uint32_t digit = (unsigned char)(p[i] - '0');
            easy = digit < 10;
            v = v * 10 + digit;
        }
        out[r] = neg ? -(int64_t)v : (int64_t)v;
        if (WR_UNLIKELY(!easy || d->fault[r] || !wri_int_fits(kind, out[r]))) {
            out[r] = 0;
            if (!d->fault[r]) WR_TRY(convert_slow(d, bl, k, r));
        }
    }
    return WR_OK;
}

static wr_status convert_doubles(decoder *d, block *bl, uint32_t k) {
    const uint32_t *starts = d->starts + k * (size_t)BLOCK_ROWS, *ends = d->ends + k * (size_t)BLOCK_ROWS;
    double *out = bl->b->cols[k].f64 + bl->b->n;
    for (uint32_t r = 0; r < bl->n; r++) {
        uint32_t n = (ends[r] & PLACE) - starts[r];
        bool easy = ends[r] != MISSING && d->null_plain && !d->fault[r];
        if (WR_LIKELY(easy && wr_read_f64(bl->p + starts[r], n, &out[r]))) continue;
        out[r] = 0;
        if (!d->fault[r]) WR_TRY(convert_slow(d, bl, k, r));
    }
    return WR_OK;
}

/* "2026-01-01T00:00:SS[.f…][Z]" when the minute is the latest one's. */
static inline bool same_minute(const decoder *d, const char *p, uint32_t n, int64_t *outp) {
    if (n < 19 || memcmp(p, d->minute, 16) != 0 || p[16] != ':') return false;
    uint32_t tens = (unsigned char)(p[17] - '0'), ones = (unsigned char)(p[18] - '0');
    if (tens > 5 || ones > 9) return false;
    uint32_t us = 0, i = 19;
    n -= p[n - 1] == 'Z';
    if (i < n) {
        if (p[i++] != '.' || i == n) return false;
        for (uint32_t unit = 100000; i < n; i++, unit /= 10) {
            uint32_t digit = (unsigned char)(p[i] - '0');
            if (digit > 9) return false;
            us += digit * unit;
        }
    }
    *outp = d->minute_us + (int64_t)(tens * 10 + ones) * WR_US_PER_SECOND + us;
    return true;
}

/* Remembers the minute of a text that has no offset other than Z. */
static void keep_minute(decoder *d, const char *p, uint32_t n) {
    d->minute[0] = 0;
    if (n >= 19 && p[16] == ':' && wr_read_timestamp(p, 16, &d->minute_us)) memcpy(d->minute, p, 16);
}

static wr_status convert_timestamps(decoder *d, block *bl, uint32_t k) {
    const uint32_t *starts = d->starts + k * (size_t)BLOCK_ROWS, *ends = d->ends + k * (size_t)BLOCK_ROWS;
    int64_t *out = bl->b->cols[k].i64 + bl->b->n;
    const wr_type *t = &d->schema->fields[k].type;
    for (uint32_t r = 0; r < bl->n; r++) {
        const char *p = bl->p + starts[r];
        uint32_t n = (ends[r] & PLACE) - starts[r];
        bool easy = ends[r] != MISSING && !(ends[r] & DOUBLED) && d->null_plain && !d->fault[r];
        int64_t us;
        if (WR_LIKELY(easy && same_minute(d, p, n, &us))) {
            out[r] = wri_fit_timestamp(t, us);
            continue;
        }
        out[r] = 0;
        if (d->fault[r]) continue;
        WR_TRY(convert_slow(d, bl, k, r));
        if (easy && !d->fault[r] && !wr_is_null(&bl->b->cols[k], bl->b->n + r)) keep_minute(d, p, n);
    }
    return WR_OK;
}

static wr_status convert_others(decoder *d, block *bl, uint32_t k) {
    wr_col *c = &bl->b->cols[k];
    for (uint32_t r = 0; r < bl->n; r++) {
        uint32_t i = bl->b->n + r;
        if (!d->fault[r]) WR_TRY(convert_slow(d, bl, k, r));
        else if (c->phys == WR_STR) memset(&c->str[i], 0, sizeof c->str[i]);
        else c->i64[i] = 0;
    }
    return WR_OK;
}

static wr_status convert_column(decoder *d, block *bl, uint32_t k) {
    switch (d->schema->fields[k].type.kind) {
    case WR_T_CHAR:
    case WR_T_VARCHAR:
        return convert_texts(d, bl, k);
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        return convert_ints(d, bl, k);
    case WR_T_DOUBLE:
        return convert_doubles(d, bl, k);
    case WR_T_TIMESTAMP:
        return d->tf == WRI_TIME_ISO ? convert_timestamps(d, bl, k) : convert_others(d, bl, k);
    default:
        return convert_others(d, bl, k);
    }
}

/* ---- bad rows ---- */

static void report_row(decoder *d, const wr_chunk *c, const block *bl, uint32_t r) {
    size_t first = (size_t)(bl->p - c->data), from = first + d->row_start[r], to = first + d->row_end[r];
    const wr_field *f = &d->schema->fields[d->fault[r] <= ROW_NULL ? d->fault_col[r] : 0];
    char why[WRI_WHY_MAX];
    size_t slot = (size_t)d->fault_col[r] * BLOCK_ROWS + r;
    switch ((row_fault)d->fault[r]) {
    case ROW_VALUE:
        wri_why(why, f, d->tf, bl->p + d->starts[slot], (d->ends[slot] & PLACE) - d->starts[slot]);
        break;
    case ROW_NULL:
        snprintf(why, sizeof why, "%.200s: no value for a NOT NULL column", f->name);
        break;
    case ROW_JUNK:
        snprintf(why, sizeof why, "text between a closing quote and the next delimiter");
        break;
    case ROW_OPEN:
        snprintf(why, sizeof why, "a quoted field without its closing quote");
        break;
    default:
        snprintf(why, sizeof why, "a row of more than %u bytes", BLOCK_SPAN);
    }
    if (to > from && c->data[to - 1] == '\r') to--;
    wri_bad(&d->cfg, c, from, to, why);
}

static void drop_bad_rows(decoder *d, const wr_chunk *c, block *bl) {
    uint32_t idx[BLOCK_ROWS], n = 0;
    for (uint32_t r = 0; r < bl->n; r++)
        if (d->fault[r]) report_row(d, c, bl, r);
        else idx[n++] = r;
    wri_rows_compact(bl->b, bl->b->n, idx, n, bl->n);
}

/* ---- the header ---- */

/* Reads the name of the next header field at *pp; out has end - *pp bytes. False: there is none left. */
static bool header_name(const wri_csv_dialect *d, const char **pp, const char *end, char *out, size_t *lenp) {
    const char *p = *pp;
    if (p > end) return false;
    size_t n = 0;
    if (p < end && d->quote && *p == d->quote) {
        for (p++; p < end; p++) {
            if (*p == d->quote && !(p + 1 < end && p[1] == d->quote)) break;
            if (*p == d->quote) p++;
            out[n++] = *p;
        }
        while (p < end && !wri_csv_delimits(d, p, (size_t)(end - p))) p++;
    } else {
        for (; p < end && !wri_csv_delimits(d, p, (size_t)(end - p)); p++) out[n++] = *p;
        while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\r')) n--;
        size_t blanks = 0;
        while (blanks < n && out[blanks] == ' ') blanks++;
        memmove(out, out + blanks, n -= blanks);
    }
    *lenp = n;
    *pp = p + 1 + (p < end ? d->n_more : 0); /* behind the delimiter; end + 1: that was the last */
    return true;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* The declared column that takes the header field of that name, declared->n: none. */
static uint32_t find_column(const decoder *d, const char *name, size_t n) {
    for (int fold = 0; fold < 2; fold++)
        for (uint32_t k = 0; k < d->declared->n; k++) {
            const wr_field *f = &d->declared->fields[k];
            const char *want = f->path ? f->path : f->name;
            if (f->path && strncmp(want, "$.", 2) == 0) want += 2;
            if (strlen(want) != n) continue;
            size_t i = 0;
            while (i < n && (fold ? lower(want[i]) == lower(name[i]) : want[i] == name[i])) i++;
            if (i == n) return k;
        }
    return d->declared->n;
}

static wr_status map_header(decoder *d) {
    const char *p = d->head + wri_bom(d->head, d->head_len), *end = d->head + d->head_len;
    if (end > p && (end[-1] == '\n' || end[-1] == d->dialect.row)) end--;
    if (end > p && end[-1] == '\r') end--;
    size_t fields = 1, len;
    for (const char *q = p; q < end; q++) fields += *q == d->dialect.delimiter;
    char *name = wr_alloc(d->head_len + 1);
    uint32_t *map = wr_reallocn(d->map, fields + 1, sizeof *map);
    if (map) d->map = map;
    bool *taken = wr_calloc((size_t)d->declared->n + 1, sizeof *taken);
    bool ok = name && map && taken;
    d->n_map = 0;
    d->head_useless = true;
    for (uint32_t k = 0; ok && k < d->schema->n; k++) /* columns that the header lacks never get a field */
        for (uint32_t r = 0; r < BLOCK_ROWS; r++) set_missing(d, k, r);
    while (ok && header_name(&d->dialect, &p, end, name, &len)) {
        uint32_t k = find_column(d, name, len);
        if (k < d->declared->n) d->head_useless = false;
        if (taken[k]) k = d->declared->n; /* the first of equal names counts */
        taken[k] = k < d->declared->n;
        d->map[d->n_map++] = d->by_place[k];
    }
    if (ok) d->map[d->n_map] = d->schema->n;
    wr_free(name);
    wr_free(taken);
    return ok ? WR_OK : WR_ENOMEM;
}

static wr_status take_head(decoder *d, const char *p, size_t n, uint32_t split) {
    d->head_split = split;
    if (d->head && d->head_len == n && memcmp(d->head, p, n) == 0) return WR_OK;
    char *copy = wr_realloc(d->head, n + 1);
    if (!copy) return WR_ENOMEM;
    d->head = copy;
    memcpy(copy, p, n);
    d->head_len = n;
    wr_status s = map_header(d);
    if (s != WR_OK) d->head_len = 0; /* the map is not whole: made anew next time */
    return s;
}

/* Sees to the map for the chunk; *atp: where its rows begin. WR_EDATA: the chunk has been reported. */
static wr_status prepare(decoder *d, const wr_chunk *c, size_t *atp) {
    *atp = c->pos == 0 ? wri_bom(c->data, c->len) : 0;
    if (!d->dialect.header) return WR_OK;
    const char *why = NULL;
    if (c->pos == 0) {
        *atp = wri_csv_first_record(c->data, c->len, &d->dialect);
        WR_TRY(take_head(d, c->data, *atp, c->split));
    } else if (c->head && c->head_len) WR_TRY(take_head(d, c->head, c->head_len, c->split));
    else if (!d->head || d->head_split != c->split)
        why = "the header line of this input has not been seen; set header = 'false' if it has none";
    if (!why && d->head_useless)
        why =
            "the header line names none of the columns; set header = 'false' if the first line is a row, or "
            "correct the names";
    if (!why) return WR_OK;
    wri_bad(&d->cfg, c, 0, c->len, why);
    return WR_EDATA;
}

/* ---- decode ---- */

static size_t count_char(const char *p, size_t n, char c) {
    size_t found = 0;
    for (const char *end = p + n; (p = memchr(p, c, (size_t)(end - p))); p++) found++;
    return found;
}

static size_t count_rows(const decoder *d, const char *p, size_t n) {
    size_t rows = 1 + count_char(p, n, '\n'); /* the last may lack its end */
    return d->dialect.row == '\n' ? rows : rows + count_char(p, n, d->dialect.row);
}

static wr_status new_batch(decoder *d, const wr_chunk *c, size_t at, wr_batch **outp, wr_err *err) {
    size_t rows = count_rows(d, c->data + at, c->len - at);
    if (rows > d->cfg.batch_rows) rows = d->cfg.batch_rows;
    wr_batch *b;
    *outp = NULL;
    WR_TRY(wr_batch_new(d->schema->n, (uint32_t)rows, &b, err));
    for (uint32_t k = 0; k < d->schema->n; k++)
        if (wr_batch_col(b, k, wr_type_phys(d->schema->fields[k].type), err) != WR_OK) {
            wr_batch_drop(b);
            return WR_ENOMEM;
        }
    b->split = c->split;
    b->pos = c->pos + (int64_t)at;
    *outp = b;
    return WR_OK;
}

/* Finds the rows of the next block; *atp moves behind them. */
static void scan_block(decoder *d, scanner *s, size_t *atp, block *bl, uint32_t rows_max) {
    size_t first = *atp;
    bl->p = s->p + first;
    bl->n = 0;
    d->any_fault = false;
    while (bl->n < rows_max && *atp < s->n && *atp - first < BLOCK_SPAN / 2) {
        bool blank;
        *atp = scan_row(d, s, first, *atp, bl->n, &blank);
        /* An empty line is a row only where rows have one field and nothing else ends them. */
        bl->n += !(blank && (d->n_map > 1 || s->row_char != '\n'));
        if (WR_UNLIKELY(d->any_fault && d->fault[bl->n - (bl->n > 0)] == ROW_LONG)) break;
    }
    bl->high = s->high;
}

static wr_status decode_rows(decoder *d, const wr_chunk *c, scanner *s, size_t *atp, wr_batch *b,
                             wr_err *err) {
    block bl = {.b = b, .may_borrow = c->hold != NULL};
    while (b->n < b->cap && *atp < c->len) {
        uint32_t room = b->cap - b->n;
        scan_block(d, s, atp, &bl, room < BLOCK_ROWS ? room : BLOCK_ROWS);
        for (uint32_t k = 0; k < d->schema->n; k++)
            if (convert_column(d, &bl, k) != WR_OK) return wr_fail_oom(err, "decoded rows");
        if (d->any_fault) drop_bad_rows(d, c, &bl);
        else b->n += bl.n;
    }
    if (bl.borrows) WR_TRY(wr_batch_keep(b, c->hold, err));
    return wri_dicts_encode(&d->dicts, b) == WR_OK ? WR_OK : wr_fail_oom(err, "dictionary codes");
}

wr_status wri_csv_decode(wr_decoder *dec, const wr_chunk *c, wr_batches *out, wr_err *err) {
    decoder *d = (decoder *)dec;
    if (wri_bad_chunk(&d->cfg, c) || c->len == 0) return WR_OK;
    size_t at;
    wr_status st = prepare(d, c, &at);
    if (st == WR_EDATA) return WR_OK;
    if (st != WR_OK) return wr_fail_oom(err, "a CSV header");
    scanner s;
    scanner_start(&s, c->data + at, c->len - at, &d->dialect);
    wr_chunk rest = *c; /* without what stands before the rows */
    rest.data += at;
    rest.len -= at;
    rest.pos += (int64_t)at;
    for (at = 0; at < rest.len;) {
        wr_batch *b;
        WR_TRY(new_batch(d, &rest, at, &b, err));
        st = decode_rows(d, &rest, &s, &at, b, err);
        if (st != WR_OK) {
            wr_batch_drop(b);
            return st;
        }
        WR_TRY(wri_batches_add(out, b, err));
    }
    return WR_OK;
}

/* ---- open and close ---- */

static wr_status open_tables(decoder *d) {
    uint32_t n = d->schema->n, n_declared = d->declared->n;
    size_t slots = ((size_t)n + 1) * BLOCK_ROWS;
    d->starts = wr_calloc(slots, sizeof *d->starts);
    d->ends = wr_calloc(slots, sizeof *d->ends);
    d->by_place = wr_calloc((size_t)n_declared + 1, sizeof *d->by_place);
    d->map = wr_calloc((size_t)n_declared + 1, sizeof *d->map);
    if (!d->starts || !d->ends || !d->map || !d->by_place) return WR_ENOMEM;
    for (uint32_t k = 0; k <= n_declared; k++) d->by_place[k] = n;
    for (uint32_t k = 0; k < n; k++) d->by_place[wri_place(&d->cfg, k)] = k;
    /* By order, until a header says otherwise. */
    memcpy(d->map, d->by_place, ((size_t)n_declared + 1) * sizeof *d->map);
    d->n_map = n_declared;
    return WR_OK;
}

wr_status wri_csv_open_decoder(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err) {
    *outp = NULL;
    wri_csv_options o;
    wri_csv_dialect dialect;
    WR_TRY(wri_csv_read_options(cfg->options, cfg->n_options, &o, &dialect, err));
    decoder *d = wr_calloc(1, sizeof *d);
    if (!d) return wr_fail_oom(err, "a CSV decoder");
    d->cfg = *cfg;
    d->schema = cfg->schema;
    d->declared = wri_declared(&d->cfg);
    d->dialect = dialect;
    d->tf = (wri_time_format)o.timestamp_format;
    d->kinesis = o.coercion != 0;
    d->null_text = o.null_text;
    d->null_len = strlen(o.null_text);
    d->null_plain = strcspn(o.null_text, "0123456789") == d->null_len;
    if (d->cfg.batch_rows == 0) d->cfg.batch_rows = WR_BATCH_ROWS;
    if (open_tables(d) != WR_OK || wri_dicts_open(&d->dicts, cfg) != WR_OK) {
        wri_csv_close_decoder((wr_decoder *)d);
        return wr_fail_oom(err, "a CSV decoder");
    }
    *outp = (wr_decoder *)d;
    return WR_OK;
}

void wri_csv_close_decoder(wr_decoder *dec) {
    decoder *d = (decoder *)dec;
    if (!d) return;
    wr_free(d->starts);
    wr_free(d->ends);
    wr_free(d->map);
    wr_free(d->by_place);
    wri_dicts_close(&d->dicts);
    wr_free(d->head);
    wr_free(d);
}
