/* parser/diag.c -- diagnostics: collecting them, and showing the place in the script.
 *
 * Messages and the list live in d->ar. Running out of memory here loses a message, never the count of
 * errors. Pure functions of the script otherwise. */
#include <stdio.h>

#include "parser/parser_int.h"

#define LINE_MAX 160 /* columns of the source line that are shown; longer ones are cut on both sides */

/* Room for one more item; the list only grows to WR_DIAGS_MAX, so old lists waste little. */
static bool reserve(wr_diags *d) {
    if (d->n < d->cap) return true;
    size_t cap = d->cap ? d->cap * 2 : 8;
    if (cap > WR_DIAGS_MAX) cap = WR_DIAGS_MAX;
    wr_diag *items = wr_arena_alloc(d->ar, cap * sizeof *items);
    if (!items) return false;
    if (d->n) memcpy(items, d->items, d->n * sizeof *items);
    d->items = items;
    d->cap = cap;
    return true;
}

/* Control characters of the script must not reach a terminal through a message. */
static void plain(char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = ' ';
}

static char *format(wr_arena *ar, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = n < 0 ? NULL : wr_arena_alloc(ar, (size_t)n + 1);
    if (s) {
        vsnprintf(s, (size_t)n + 1, fmt, again);
        plain(s);
    }
    va_end(again);
    return s;
}

void wr_diag_add(wr_diags *d, wr_severity sev, wr_status code, wr_loc loc, const char *hint, const char *fmt,
                 ...) {
    if (sev == WR_ERROR) d->errors++;
    if (d->n >= WR_DIAGS_MAX || !reserve(d)) return;
    va_list ap;
    va_start(ap, fmt);
    const char *msg = format(d->ar, fmt, ap);
    va_end(ap);
    char *kept = hint ? wr_arena_strdup(d->ar, hint) : NULL;
    if (!msg || (hint && !kept)) return;
    if (kept) plain(kept);
    d->items[d->n++] = (wr_diag){sev, code, loc, msg, kept};
}

/* A byte order mark at the start is no column: editors do not count it. */
static uint32_t mark_bytes(const char *text, size_t len) {
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* ---- places: a line "--@line 12 app.json" says that the one behind it is line 12 of app.json. So a script
 * that was put together from several texts (apps/) has the places that people know. ---- */

typedef struct mark {
    uint32_t line;    /* 0: this is no mark */
    const char *file; /* n bytes; NULL: the text's own name */
    size_t n;
} mark;

#define MARK "--@line "

static mark mark_of(const char *p, const char *end) {
    const size_t head = sizeof MARK - 1;
    mark m = {0};
    if ((size_t)(end - p) <= head || memcmp(p, MARK, head) != 0) return m;
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    if (!nl) return m;
    for (p += head; p < nl && *p >= '0' && *p <= '9' && m.line < UINT32_MAX / 16; p++)
        m.line = m.line * 10 + (uint32_t)(*p - '0');
    if (p == nl || *p != ' ' || p + 1 == nl) return (mark){0};
    m.file = p + 1;
    m.n = (size_t)(nl - p - 1);
    return m;
}

/* Line and column of a byte; the file is that of the last mark before it. */
static mark place_at(const char *text, size_t len, uint32_t at, uint32_t *colp) {
    if (at > len) at = (uint32_t)len;
    uint32_t start = at >= 3 ? mark_bytes(text, len) : 0;
    mark here = {.line = 1};
    for (;;) {
        mark m = mark_of(text + start, text + at);
        const char *nl = memchr(text + start, '\n', at - start);
        if (!nl) break;
        start = (uint32_t)(nl - text) + 1;
        if (m.line) here = m;
        else here.line++;
    }
    *colp = 1;
    for (uint32_t i = start; i < at; i++) *colp += ((unsigned char)text[i] & 0xc0) != 0x80;
    return here;
}

void wr_line_col(const char *text, size_t len, uint32_t at, uint32_t *linep, uint32_t *colp) {
    *linep = place_at(text, len, at, colp).line;
}

const char *wr_diag_file(const wr_diags *d, uint32_t at) {
    uint32_t col;
    mark m = place_at(d->text, d->len, at, &col);
    const char *name = m.file ? wr_arena_strndup(d->ar, m.file, m.n) : d->file;
    return name ? name : "line";
}

/* ---- the source line and its carets ---- */
typedef struct shown { /* part of a line, [from, to), that goes on the screen */
    uint32_t from, to;
    bool cut_left, cut_right;
} shown;

static shown choose(const wr_diags *d, wr_loc loc) {
    uint32_t len = (uint32_t)d->len, at = loc.at < len ? loc.at : len, from = at, to = at;
    while (from > 0 && d->text[from - 1] != '\n') from--;
    while (to < len && d->text[to] != '\n') to++;
    if (from == 0) from = mark_bytes(d->text, d->len);
    if (to > from && d->text[to - 1] == '\r') to--;
    shown s = {from, to, false, false};
    if (to - from <= LINE_MAX) return s;
    if (at - from > LINE_MAX / 2) {
        s.from = at - LINE_MAX / 2;
        while (s.from < at && ((unsigned char)d->text[s.from] & 0xc0) == 0x80) s.from++;
        s.cut_left = true;
    }
    if (to - s.from > LINE_MAX) {
        s.to = s.from + LINE_MAX;
        while (s.to > at + 1 && ((unsigned char)d->text[s.to] & 0xc0) == 0x80) s.to--;
        s.cut_right = true;
    }
    return s;
}

/* Writes one character of the line; tabs stay tabs, so that the carets below line up. */
static wr_status put_char(wr_buf *out, const char *p, uint32_t n, uint32_t cp) {
    if (cp == UINT32_MAX) return wr_buf_puts(out, "?");
    if ((cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0) || wri_char_width(cp) == 0)
        return wr_buf_puts(out, " ");
    return wr_buf_put(out, p, n);
}

static wr_status put_line(const wr_diags *d, const shown *s, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, s->cut_left ? "  …" : "  "));
    for (uint32_t i = s->from, n; i < s->to; i += n) {
        uint32_t cp = wri_utf8(d->text + i, s->to - i, &n);
        WR_TRY(put_char(out, d->text + i, n, cp));
    }
    return wr_buf_puts(out, s->cut_right ? "…\n" : "\n");
}

static wr_status put_carets(const wr_diags *d, const shown *s, wr_loc loc, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, s->cut_left ? "   " : "  "));
    bool any = false;
    for (uint32_t i = s->from, n; i < s->to && (i < loc.end || i <= loc.at); i += n) {
        uint32_t cp = wri_utf8(d->text + i, s->to - i, &n);
        uint32_t width = cp == UINT32_MAX ? 1 : wri_char_width(cp);
        if (width == 0) width = 1; /* put_char shows a blank */
        bool under = i + n > loc.at;
        if (cp == '\t' && !under) WR_TRY(wr_buf_puts(out, "\t"));
        else
            for (uint32_t k = 0; k < width; k++) WR_TRY(wr_buf_puts(out, under ? "^" : " "));
        any = any || under;
    }
    return wr_buf_puts(out, any ? "\n" : "^\n");
}

static wr_status put_diag(const wr_diags *d, const wr_diag *x, wr_buf *out) {
    uint32_t col;
    mark m = place_at(d->text, d->len, x->loc.at, &col);
    if (m.file) WR_TRY(wr_buf_put(out, m.file, m.n));
    else WR_TRY(wr_buf_puts(out, d->file ? d->file : "<sql>"));
    WR_TRY(wr_buf_printf(out, ":%u:%u: %s: %s\n", m.line, col,
                         x->severity == WR_WARNING ? "warning" : "error", x->msg));
    shown s = choose(d, x->loc);
    WR_TRY(put_line(d, &s, out));
    WR_TRY(put_carets(d, &s, x->loc, out));
    return x->hint ? wr_buf_printf(out, "  hint: %s\n", x->hint) : WR_OK;
}

wr_status wr_diags_print(const wr_diags *d, wr_buf *out) {
    uint8_t order[WR_DIAGS_MAX];
    _Static_assert(WR_DIAGS_MAX <= 256, "order holds bytes");
    for (size_t i = 0; i < d->n; i++) { /* insertion keeps diagnostics of one place in their order */
        size_t k = i;
        for (; k > 0 && d->items[order[k - 1]].loc.at > d->items[i].loc.at; k--) order[k] = order[k - 1];
        order[k] = (uint8_t)i;
    }
    for (size_t i = 0; i < d->n; i++) WR_TRY(put_diag(d, &d->items[order[i]], out));
    uint32_t kept = 0;
    for (size_t i = 0; i < d->n; i++) kept += d->items[i].severity == WR_ERROR;
    if (d->errors > kept) return wr_buf_printf(out, "%u more errors are not shown\n", d->errors - kept);
    return WR_OK;
}
