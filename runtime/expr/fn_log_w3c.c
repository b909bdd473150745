/* runtime/expr/fn_log_w3c.c -- W3C_LOG_PARSE: lines of web servers.
 *
 * A format is Apache's: text, and specifiers such as %h or %>s, each of which is a column. Header names stand
 * in [ ] (or { }). A line is read once from left to right, without going back:
 *
 *   "…"      a specifier between quotes takes all to the next quote that has no backslash before it
 *   %t       in [ ], which stay, unless the format itself has them around it
 *   others   all up to where the text behind the specifier next stands; at the end all there is
 *
 * Between blanks a field has at least one byte. What does not fit is a NULL row. */
#include "row_int.h"

typedef enum how { UNTIL, QUOTED, TIME } how;
typedef struct item {
    how how;
    bool may_be_empty;
    const char *text; /* behind the field, in the format's own copy */
    uint32_t n;
} item;
typedef struct format {
    wr_str src;
    const char *why;
    const char *text; /* before the first field */
    uint32_t n_text;
    item *items;
    uint32_t n;
    bool comma; /* a comma may stand behind the last field */
} format;

static const struct {
    const char *name, *format;
} named[] = {
    {"COMMON", "%h %l %u %t \"%r\" %>s %b"},
    {"COMMON WITH VHOST", "%v %h %l %u %t \"%r\" %>s %b"},
    {"NCSA EXTENDED", "%h %l %u %t \"%r\" %>s %b \"%[Referer]i\" \"%[User-agent]i\""},
    {"REFERER", "%[Referer]i ---> %U"},
    {"AGENT", "%[User-agent]i"},
    /* client, user, date, time, service, server, its address, milliseconds, bytes received and sent,
     * status, that of Windows, method, target, parameters */
    {"IIS", "%h, %u, %[date]t, %[time]t, %[service]n, %v, %A, %D, %I, %O, %s, %[windows]n, %m, %U, %q"}};

static bool same_letters(const wr_str *s, const char *name) {
    const char *p = wr_str_data(s);
    if (strlen(name) != s->len) return false;
    for (uint32_t i = 0; i < s->len; i++)
        if ((p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i]) != name[i]) return false;
    return true;
}

/* ---- formats ---- */

static bool bad(format *f, wr_arena *msgs, const char *at, const char *end, const char *why) {
    int n = end - at < 20 ? (int)(end - at) : 20;
    f->why = n ? wr_arena_printf(msgs, "the log format is wrong at '%.*s': %s", n, at, why)
               : wr_arena_printf(msgs, "the log format is wrong: %s", why);
    if (!f->why) f->why = wri_log_no_memory;
    return false;
}

/* p behind a '%': steps over conditions and a name, and returns the letter's place; NULL after a report. */
static const char *specifier(format *f, wr_arena *msgs, const char *p, const char *end) {
    const char *start = p - 1;
    while (p < end && strchr("!<>0123456789,", *p)) p++;
    if (p < end && (*p == '[' || *p == '{')) {
        const char *close = memchr(p, *p == '[' ? ']' : '}', (size_t)(end - p));
        if (!close) {
            bad(f, msgs, start, end, "a name is not closed");
            return NULL;
        }
        p = close + 1;
    }
    if (p < end && *p && strchr("aAbBCdDefhHiIklLmnoOpPqrRsStTuUvVX", *p)) return p;
    bad(f, msgs, start, end, "there is no such specifier; expected %h, %u, %t, %r, %>s, %b and so on");
    return NULL;
}

/* Text at p up to the next specifier, %% being one '%' and \" a quote, copied to out; *np: how much. */
static const char *take_text(const char *p, const char *end, char *out, uint32_t *np) {
    uint32_t n = 0;
    for (; p < end; p++) {
        if (*p == '%' && (p + 1 == end || p[1] != '%')) break;
        if ((*p == '%' || *p == '\\') && p + 1 < end && (*p == '%' || p[1] == '"' || p[1] == '\\')) p++;
        out[n++] = *p;
    }
    *np = n;
    return p;
}

static bool ends_in(const format *f, char c) {
    const char *t = f->n ? f->items[f->n - 1].text : f->text;
    uint32_t n = f->n ? f->items[f->n - 1].n : f->n_text;
    return n && t[n - 1] == c;
}

static bool take_items(format *f, wr_arena *ar, wr_arena *msgs, const char *p, const char *end) {
    char *text = wr_arena_alloc(ar, (size_t)(end - p) + 1);
    f->items = wr_arena_calloc(ar, ((size_t)(end - p) / 2 + 1) * sizeof *f->items);
    if (!text || !f->items) {
        f->why = wri_log_no_memory;
        return false;
    }
    f->text = text;
    p = take_text(p, end, text, &f->n_text);
    text += f->n_text;
    while (p < end) {
        const char *at = p, *letter = specifier(f, msgs, p + 1, end);
        if (!letter) return false;
        item it = {.text = text, .may_be_empty = *letter == 'q'};
        bool quote = ends_in(f, '"'), bracket = ends_in(f, '[');
        p = take_text(letter + 1, end, text, &it.n);
        text += it.n;
        if (it.n == 0 && p < end) return bad(f, msgs, at, end, "two specifiers need something between them");
        if (quote && it.n && it.text[0] == '"') it.how = QUOTED;
        else if (*letter == 't' && letter == at + 1 && !bracket) it.how = TIME;
        if (f->n == WRI_ROW_COLS_MAX) return bad(f, msgs, at, end, "a row has at most 1000 columns");
        f->items[f->n++] = it;
    }
    return f->n || bad(f, msgs, p, end, "it has no specifier such as %h");
}

static void compile(format *f, const wr_str *src, wr_arena *ar, wr_arena *msgs) {
    const char *copy = wr_arena_strndup(ar, wr_str_data(src), src->len);
    if (!copy) {
        f->why = wri_log_no_memory;
        return;
    }
    *f = (format){.src = wr_str_make(copy, src->len)};
    for (size_t i = 0; i < WR_LEN(named); i++) {
        if (!same_letters(src, named[i].name)) continue;
        f->comma = strcmp(named[i].name, "IIS") == 0;
        take_items(f, ar, msgs, named[i].format, named[i].format + strlen(named[i].format));
        return;
    }
    take_items(f, ar, msgs, copy, copy + src->len);
}

const char *wri_log_row_w3c(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                            uint32_t *blamep) {
    (void)n;
    format f = {0};
    wri_log_cols cols = {0};
    const wr_str *src = wri_log_const(args, 1, "the log format", ar, blamep, &f.why);
    if (src) compile(&f, src, ar, ar);
    if (!f.why && !wri_log_cols_make(f.n, ar, &cols)) f.why = wri_log_no_memory;
    return wri_log_tell(f.why, &cols, ar, outp);
}

/* ---- lines ---- */

/* The quote that ends what begins at p; NULL: there is none. */
static const char *closing_quote(const char *p, const char *end) {
    for (; p < end; p++) {
        if (*p == '"') return p;
        if (*p == '\\' && p + 1 < end) p++;
    }
    return NULL;
}

/* Where the field that begins at p ends; NULL: the line does not fit. */
static const char *field_end(const item *it, const char *p, const char *end) {
    if (it->how == QUOTED) return closing_quote(p, end);
    if (it->how == TIME && p < end && *p == '[') {
        const char *close = memchr(p, ']', (size_t)(end - p));
        return close ? close + 1 : NULL;
    }
    return it->n ? memmem(p, (size_t)(end - p), it->text, it->n) : end;
}

/* False: the line does not fit. */
static bool split(const format *f, const char *p, const char *end, wri_log_line *r) {
    if ((size_t)(end - p) < f->n_text || memcmp(p, f->text, f->n_text) != 0) return false;
    p += f->n_text;
    for (uint32_t i = 0; i < f->n; i++) {
        const item *it = &f->items[i];
        const char *stop = field_end(it, p, end);
        if (!stop || (stop == p && it->how != QUOTED && !it->may_be_empty)) return false;
        if ((size_t)(end - stop) < it->n || memcmp(stop, it->text, it->n) != 0) return false;
        wri_log_put(r, p, (size_t)(stop - p));
        p = stop + it->n;
    }
    return p == end;
}

const char *wri_fn_w3c_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    format *f = c->memo;
    if (!f || !wr_str_eq(&f->src, &a[1].str)) {
        wri_forget(c);
        f = wr_arena_calloc(&c->memo_ar, sizeof *f);
        if (f) compile(f, &a[1].str, &c->memo_ar, &c->memo_ar);
        if (!f || f->why == wri_log_no_memory) return wri_log_oom(c);
        c->memo = f;
    }
    if (f->why) return wri_kept_why(c, f->why);
    const char *p = wr_str_data(&a[0].str), *end = p + a[0].str.len;
    while (end > p && (end[-1] == '\n' || end[-1] == '\r')) end--;
    if (f->comma && end > p && end[-1] == ',') end--;
    wri_log_line r;
    const char *why = wri_log_begin(c, f->n, (size_t)(end - p), &r);
    if (why) return why;
    return split(f, p, end, &r) ? wri_log_end(&r, outp) : wri_ret_null(outp);
}
