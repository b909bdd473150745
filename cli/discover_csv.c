/* cli/discover_csv.c -- weir discover: CSV; the delimiter, whether there is a head, the columns.
 *
 * The delimiter is the mark of , ; tab | that cuts most lines into one and the same number of fields, more
 * than one. A head is a first line of distinct texts over columns that hold something else, or over texts
 * that none of them stands among. */
#include <ctype.h>
#include <strings.h>

#include "discover.h"

#define LINES      200 /* looked at for the delimiter */
#define FIELDS_MAX 1000
#define KEPT       10 /* records shown by --aws */

typedef struct piece { /* of a line */
    const char *p;
    size_t n;
} piece;

/* The next field at *pp, in place but for quotes; *pp: behind its delimiter, NULL: it was the last. */
static piece field(wr_arena *ar, const char **pp, const char *end, char delimiter) {
    const char *p = *pp;
    piece out = {.p = p, .n = 0};
    if (p < end && *p == '"') {
        char *o = wr_arena_alloc(ar, (size_t)(end - p) + 1);
        size_t k = 0;
        for (p++; o && p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
            p += *p == '"';
            o[k++] = *p;
        }
        while (p < end && *p != delimiter) p++;
        out = (piece){.p = o ? o : "", .n = k};
    } else {
        while (p < end && *p != delimiter) p++;
        out.n = (size_t)(p - out.p);
    }
    *pp = p < end ? p + 1 : NULL;
    return out;
}

/* The end of the line at p: a line end outside quotes. */
static const char *line_end(const char *p, const char *end) {
    bool inside = false;
    for (; p < end && (inside || *p != '\n'); p++) inside ^= *p == '"';
    return p;
}

static size_t count(wr_arena *ar, const char *p, const char *end, char delimiter) {
    size_t n = 0;
    for (const char *at = p; at && n < FIELDS_MAX; n++) field(ar, &at, end, delimiter);
    return n;
}

static const char *trimmed(const char *p, const char *end) {
    return end > p && end[-1] == '\r' ? end - 1 : end;
}

/* How well a delimiter fits: lines that have as many fields as the first, by how many those are. */
static size_t fits(wri_sample *s, const char *p, const char *end, char delimiter, size_t *fieldsp) {
    size_t same = 0, lines = 0;
    *fieldsp = 0;
    for (const char *e; p < end && lines < LINES; p = e + 1, lines++) {
        e = line_end(p, end);
        size_t n = count(&s->ar, p, trimmed(p, e), delimiter);
        if (lines == 0) *fieldsp = n;
        same += n == *fieldsp;
    }
    return *fieldsp > 1 && same * 10 >= lines * 9 ? same * 1000 + *fieldsp : 0;
}

static bool is_text(piece f) {
    int64_t i;
    double d;
    return f.n > 0 && !wr_read_i64(f.p, f.n, &i) && !wr_read_f64(f.p, f.n, &d) &&
           !(f.n >= 16 && wr_read_timestamp(f.p, f.n, &i)) && strncasecmp(f.p, "true", f.n) != 0 &&
           strncasecmp(f.p, "false", f.n) != 0;
}

static bool same_text(piece a, piece b) { return a.n == b.n && memcmp(a.p, b.p, a.n) == 0; }

static size_t cut(wri_sample *s, const char *p, const char *end, piece *out, size_t most) {
    size_t n = 0;
    for (const char *at = p; at && n < most;) out[n++] = field(&s->ar, &at, end, s->delimiter);
    return n;
}

/* names[0..n) of the first line; p: behind it. */
static bool is_head(wri_sample *s, const piece *names, size_t n, const char *p, const char *end) {
    piece *row = wr_arena_alloc(&s->ar, n * sizeof *row);
    bool other = false, again = false;
    for (size_t i = 0; i < n; i++) {
        if (!is_text(names[i]) || names[i].n > 128) return false;
        for (size_t k = 0; k < i; k++)
            if (same_text(names[i], names[k])) return false;
    }
    size_t lines = 0;
    for (const char *e; row && p < end && lines < LINES; p = e + 1, lines++) {
        e = line_end(p, end);
        size_t k = cut(s, p, trimmed(p, e), row, n);
        for (size_t i = 0; i < k; i++) {
            other |= row[i].n > 0 && !is_text(row[i]);
            again |= same_text(row[i], names[i]);
        }
    }
    return !again && (other || lines > 0);
}

static wr_status see_row(wri_sample *s, const char *p, const char *end, size_t n) {
    size_t i = 0;
    for (const char *at = p; at && i < n; i++) {
        piece f = field(&s->ar, &at, end, s->delimiter);
        wri_seen *c = &s->cols[i];
        c->rows++;
        if (f.n == 0) c->nulls++;
        else wri_see_text(s, c, f.p, f.n, true);
    }
    for (; i < n; i++) {
        s->cols[i].rows++;
        s->cols[i].nulls++;
    }
    s->rows++;
    return WR_OK;
}

static wr_status keep(wri_sample *s, const char *p, const char *end) {
    if (s->n_records == KEPT) return WR_OK;
    if (!s->records) s->records = wr_arena_calloc(&s->ar, KEPT * sizeof *s->records);
    if (!s->records || !(s->records[s->n_records++] = wr_arena_strndup(&s->ar, p, (size_t)(end - p))))
        return WR_ENOMEM;
    return WR_OK;
}

static wr_status name_columns(wri_sample *s, const piece *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *name = s->header ? wr_arena_strndup(&s->ar, names[i].p, names[i].n)
                                     : wr_arena_printf(&s->ar, "column_%zu", i + 1);
        if (!name || !wri_seen_column(s, NULL, name, name)) return WR_ENOMEM;
    }
    return WR_OK;
}

wr_status wri_sample_csv(wri_sample *s, const char *p, size_t n, int64_t rows) {
    static const char marks[] = ",;\t|";
    const char *end = p + n, *e = line_end(p, end);
    size_t best = 0, fields;
    for (size_t i = 0; marks[i]; i++) {
        size_t fit = fits(s, p, end, marks[i], &fields);
        if (fit <= best) continue;
        best = fit;
        s->delimiter = marks[i];
    }
    s->raw = best == 0;
    if (s->raw) {
        wri_seen *c = wri_seen_column(s, NULL, "line", NULL);
        if (!c) return WR_ENOMEM;
        s->delimiter = '\n';
    } else {
        size_t k = count(&s->ar, p, trimmed(p, e), s->delimiter);
        piece *names = wr_arena_alloc(&s->ar, k * sizeof *names);
        if (!names) return WR_ENOMEM;
        k = cut(s, p, trimmed(p, e), names, k);
        s->header = is_head(s, names, k, e < end ? e + 1 : end, end);
        WR_TRY(name_columns(s, names, k));
        if (s->header) p = e + 1;
    }
    for (; p < end && s->rows < (uint64_t)rows; p = e + 1) {
        e = s->raw ? memchr(p, '\n', (size_t)(end - p)) : line_end(p, end);
        if (!e) e = end;
        if (trimmed(p, e) == p) continue;
        WR_TRY(keep(s, p, trimmed(p, e)));
        WR_TRY(see_row(s, p, trimmed(p, e), s->n));
    }
    return WR_OK;
}
