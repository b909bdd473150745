/* cli/discover_print.c -- weir discover: the columns as a CREATE STREAM that runs, a comment a column. */
#include <ctype.h>
#include <inttypes.h>

#include "discover.h"

/* Whether a name needs quotes: asked of the parser, which knows its words. */
static bool needs_quotes(const char *name) {
    wr_arena ar = {0};
    wr_buf text = {0};
    wr_script sc;
    bool bad = !isalpha((unsigned char)*name) && *name != '_';
    for (const char *p = name; *p; p++) bad |= !isalnum((unsigned char)*p) && *p != '_';
    if (!bad && wr_buf_printf(&text, "CREATE STREAM s (%s INTEGER); SELECT %s AS x FROM s WHERE %s = 1", name,
                              name, name) == WR_OK) {
        wr_diags d = {.file = "", .text = text.data, .len = text.len, .ar = &ar};
        bad = wr_parse(&ar, &d, &sc) != WR_OK;
    }
    wr_buf_free(&text);
    wr_arena_free(&ar);
    return bad;
}

static wr_status put_name(wr_buf *out, const char *name) {
    if (!needs_quotes(name)) return wr_buf_puts(out, name);
    WR_TRY(wr_buf_puts(out, "\""));
    for (; *name; name++) WR_TRY(wr_buf_printf(out, *name == '"' ? "\"\"" : "%c", *name));
    return wr_buf_puts(out, "\"");
}

static wr_status put_string(wr_buf *out, const char *s) {
    WR_TRY(wr_buf_puts(out, "'"));
    for (; *s; s++) WR_TRY(wr_buf_printf(out, *s == '\'' ? "''" : "%c", *s));
    return wr_buf_puts(out, "'");
}

/* ---- what was seen ---- */

static wr_status put_kinds(wr_buf *out, const wri_seen *c) {
    const struct {
        uint64_t n;
        const char *what;
    } kinds[] = {{c->texts, "texts"},
                 {c->ints + c->reals, "numbers"},
                 {c->bools, "truth values"},
                 {c->arrays, "arrays"},
                 {c->docs, "objects"}};
    const char *comma = "mixed: ";
    for (size_t i = 0; i < WR_LEN(kinds); i++) {
        if (!kinds[i].n) continue;
        WR_TRY(wr_buf_printf(out, "%s%" PRIu64 " %s", comma, kinds[i].n, kinds[i].what));
        comma = ", ";
    }
    return WR_OK;
}

/* A text that may be cut, in a comment: no line ends, no marks that end it. */
static wr_status put_example(wr_buf *out, const char *s) {
    WR_TRY(wr_buf_puts(out, "'"));
    for (size_t n = 0; s && *s && n < 40; s++, n++)
        WR_TRY(wr_buf_printf(out, "%c", (unsigned char)*s < 32 ? ' ' : *s));
    return wr_buf_puts(out, "'");
}

static wr_status put_seen(wr_buf *out, const wri_seen *c) {
    static const char *const epochs[] = {"seconds", "milliseconds", "microseconds"};
    uint64_t values = c->rows - c->nulls;
    if (c->found == WRI_F_MIXED) WR_TRY(put_kinds(out, c));
    else if (c->found == WRI_F_NOTHING) WR_TRY(wr_buf_puts(out, "never a value: a guess"));
    else if (c->found == WRI_F_ARRAY)
        WR_TRY(wr_buf_printf(out, "arrays of at most %zu, as JSON text; a row an element: FROM '%s[0:]...'",
                             c->elements, c->path));
    else if (c->docs) WR_TRY(wr_buf_printf(out, "%" PRIu64 " objects, as JSON text", c->docs));
    else if (c->moment >= WRI_M_SECONDS && c->moment <= WRI_M_MICROS)
        WR_TRY(wr_buf_printf(out, "times in %s since 1970, such as %" PRId64,
                             epochs[c->moment - WRI_M_SECONDS], c->max));
    else if (c->ints && !c->reals) WR_TRY(wr_buf_printf(out, "from %" PRId64 " to %" PRId64, c->min, c->max));
    else if (c->reals) WR_TRY(wr_buf_printf(out, "from %g to %g", c->least, c->most));
    else if (c->bools) WR_TRY(wr_buf_puts(out, "true or false"));
    else {
        WR_TRY(wr_buf_puts(out, "such as "));
        WR_TRY(put_example(out, c->example));
        if (c->found == WRI_F_TEXT) WR_TRY(wr_buf_printf(out, ", %zu at most", c->longest));
    }
    if (c->nulls && values)
        WR_TRY(wr_buf_printf(out, "; %" PRIu64 " of %" PRIu64 " NULL", c->nulls, c->rows));
    return WR_OK;
}

/* ---- the statement ---- */

typedef struct lines { /* of the column list: the last has no comma */
    wr_buf *out;
    size_t left;
} lines;

static wr_status put_line(lines *l, const wr_buf *what, const wr_buf *why) {
    l->left--;
    return wr_buf_printf(l->out, "  %.*s%s%*s-- %.*s\n", (int)what->len, what->data, l->left ? "," : "",
                         what->len < 34 ? (int)(36 - what->len) - (l->left != 0) : 2, "", (int)why->len,
                         why->data);
}

static bool computed(const wri_seen *c, wri_moment epoch) {
    if (c->moment >= WRI_M_SECONDS && c->moment <= WRI_M_MICROS) return epoch == WRI_M_NONE;
    return c->moment != WRI_M_NONE && c->moment >= WRI_M_PATTERNS;
}

/* The name of the TIMESTAMP made of c, or that of c itself. */
static const char *time_name(wri_sample *s, const wri_seen *c, wri_moment epoch) {
    return computed(c, epoch) ? wr_arena_printf(&s->ar, "%s_time", c->name) : c->name;
}

static wr_status put_column(lines *l, const wri_seen *c, wri_moment epoch) {
    wr_buf what = {0}, why = {0};
    char type[64];
    wri_seen_type(c, type, sizeof type);
    bool direct = c->moment == epoch && epoch != WRI_M_NONE;
    wr_status r = put_name(&what, c->name);
    if (r == WR_OK) r = wr_buf_printf(&what, " %s", direct ? "TIMESTAMP(3)" : type);
    if (r == WR_OK && c->path && !(c->top && strcmp(c->top, c->name) == 0)) {
        r = wr_buf_puts(&what, " FROM ");
        if (r == WR_OK) r = put_string(&what, c->path);
    }
    if (r == WR_OK) r = put_seen(&why, c);
    if (r == WR_OK) r = put_line(l, &what, &why);
    wr_buf_free(&what);
    wr_buf_free(&why);
    return r;
}

static wr_status put_computed(wri_sample *s, lines *l, const wri_seen *c, wri_moment epoch) {
    wr_buf what = {0}, why = {0};
    const char *name = time_name(s, c, epoch);
    wr_status r = name ? put_name(&what, name) : WR_ENOMEM;
    bool text = c->moment >= WRI_M_PATTERNS;
    if (r == WR_OK) r = wr_buf_puts(&what, text ? " AS TO_TIMESTAMP(" : " AS CAST(TO_TIMESTAMP_LTZ(");
    if (r == WR_OK) r = put_name(&what, c->name);
    if (r == WR_OK && text)
        r = wr_buf_printf(&what, ", '%s')", wri_moment_patterns[c->moment - WRI_M_PATTERNS]);
    else if (r == WR_OK)
        r = wr_buf_printf(&what, ", %d) AS TIMESTAMP(3))", 3 * (int)(c->moment - WRI_M_SECONDS));
    if (r == WR_OK)
        r = wr_buf_puts(&why, c->moment == WRI_M_US && c->moments[WRI_M_SLASHES] == c->texts
                                  ? "or dd/MM: no day is beyond 12"
                                  : "the same as a time");
    if (r == WR_OK) r = put_line(l, &what, &why);
    wr_buf_free(&what);
    wr_buf_free(&why);
    return r;
}

/* Twice the disorder that was seen, at least 5 seconds, rounded up. */
static int64_t delay_s(const wri_seen *c) {
    static const int64_t steps[] = {5, 10, 30, 60, 120, 300, 600, 1800, 3600};
    int64_t back = c->moment <= WRI_M_MICROS ? 2 * c->back_us[c->moment] / 1000000 : 0;
    for (size_t i = 0; i < WR_LEN(steps); i++)
        if (back <= steps[i]) return steps[i];
    return 3600;
}

static wr_status put_watermark(wri_sample *s, lines *l, const wri_seen *c, wri_moment epoch) {
    wr_buf what = {0}, why = {0};
    const char *name = time_name(s, c, epoch);
    wr_status r = name ? wr_buf_puts(&what, "WATERMARK FOR ") : WR_ENOMEM;
    if (r == WR_OK) r = put_name(&what, name);
    if (r == WR_OK) r = wr_buf_puts(&what, " AS ");
    if (r == WR_OK) r = put_name(&what, name);
    if (r == WR_OK)
        r = wr_buf_printf(&what, " - INTERVAL '%" PRId64 "' SECOND%s", delay_s(c),
                          delay_s(c) > 99 ? "(4)" : "");
    if (r == WR_OK && c->moment > WRI_M_MICROS)
        r = wr_buf_puts(&why, "a guess: how late rows come was not looked at");
    else if (r == WR_OK && c->back_us[c->moment])
        r = wr_buf_printf(&why, "a guess: rows were up to %.1f s out of order",
                          (double)c->back_us[c->moment] / 1e6);
    else if (r == WR_OK) r = wr_buf_puts(&why, "a guess: rows were in order");
    if (r == WR_OK) r = put_line(l, &what, &why);
    wr_buf_free(&what);
    wr_buf_free(&why);
    return r;
}

static wr_status put_columns(wri_sample *s, wr_buf *out, const wri_seen *event, wri_moment epoch) {
    lines l = {.out = out, .left = s->n + (event != NULL)};
    for (size_t i = 0; i < s->n; i++) l.left += computed(&s->cols[i], epoch);
    for (size_t i = 0; i < s->n; i++) WR_TRY(put_column(&l, &s->cols[i], epoch));
    for (size_t i = 0; i < s->n; i++)
        if (computed(&s->cols[i], epoch)) WR_TRY(put_computed(s, &l, &s->cols[i], epoch));
    return event ? put_watermark(s, &l, event, epoch) : WR_OK;
}

static wr_status put_with(wri_sample *s, wr_buf *out, wri_moment epoch) {
    static const char *const units[] = {"epoch_s", "epoch_ms", "epoch_us"};
    WR_TRY(wr_buf_printf(out, ") WITH (connector = '%s'", s->connector));
    if (strcmp(s->connector, "file") == 0) {
        WR_TRY(wr_buf_puts(out, ", path = "));
        WR_TRY(put_string(out, s->what));
    }
    if (strcmp(s->connector, "stream") == 0) WR_TRY(wr_buf_puts(out, ", start = 'earliest'"));
    WR_TRY(wr_buf_printf(out, ", format = '%s'", s->raw ? "raw" : s->csv ? "csv" : "json"));
    if (s->csv && !s->raw && s->delimiter != ',')
        WR_TRY(wr_buf_printf(out, s->delimiter == '\t' ? ", delimiter = '\\t'" : ", delimiter = '%c'",
                             s->delimiter));
    if (s->csv && !s->raw && !s->header) WR_TRY(wr_buf_puts(out, ", header = 'false'"));
    if (epoch != WRI_M_NONE)
        WR_TRY(wr_buf_printf(out, ", timestamp_format = '%s'", units[epoch - WRI_M_SECONDS]));
    return wr_buf_puts(out, ");\n");
}

/* A name for the stream: that of the file without its end and folders. */
static const char *stream_name(wri_sample *s) {
    const char *slash = strrchr(s->what, '/'), *base = slash ? slash + 1 : s->what;
    if (strcmp(s->connector, "stream") == 0) return s->what; /* where the stream of that name is meant */
    char *name = wr_arena_strndup(&s->ar, base, strcspn(base, "."));
    for (char *p = name; p && *p; p++)
        if (!isalnum((unsigned char)*p)) *p = '_';
    return name && *name && !isdigit((unsigned char)*name) ? name : "records";
}

wr_status wri_print_stream(wri_sample *s, wr_buf *out) {
    const wri_seen *event = wri_event_time(s);
    wri_moment epoch = wri_one_epoch(s);
    const char *name = stream_name(s);
    WR_TRY(wr_buf_printf(out, "-- %" PRIu64 " record%s of %s, %s%s", s->rows, s->rows == 1 ? "" : "s",
                         s->what,
                         s->raw   ? "text"
                         : s->csv ? "CSV"
                                  : "JSON",
                         s->csv && !s->raw ? s->header ? " with a head" : " without a head" : ""));
    if (s->bad) WR_TRY(wr_buf_printf(out, "; %" PRIu64 " could not be read", s->bad));
    WR_TRY(wr_buf_puts(out, "\nCREATE STREAM "));
    WR_TRY(put_name(out, name));
    WR_TRY(wr_buf_puts(out, " (\n"));
    WR_TRY(put_columns(s, out, event, epoch));
    WR_TRY(put_with(s, out, epoch));
    if (event) {
        WR_TRY(wr_buf_puts(
            out, "-- Where rows are in order, instead of WATERMARK, behind the columns: ROWTIME FROM "));
        WR_TRY(put_name(out, time_name(s, event, epoch)));
    } else
        WR_TRY(wr_buf_puts(
            out,
            "-- No column is a time that every row has: ROWTIME, the time of arrival, is the event time"));
    WR_TRY(wr_buf_puts(out, "\nSELECT * FROM "));
    WR_TRY(put_name(out, name));
    return wr_buf_puts(out, " LIMIT 10;\n");
}
