/* cli/test_given.c -- weir test: given rows into records and the moments at which they come.
 *
 * JSON lines are records as they are; the member ROWTIME, if there is one, says when. A line that is no JSON
 * is a record, too, for tests of what becomes of such. A body whose first line does not begin with '{' is CSV
 * with a head, and becomes JSON: values are text, which columns convert, and empty ones NULL. */
#include "test_int.h"

#include <strings.h>

#define ROWTIME "ROWTIME"

int wri_json_dump_to(const char *p, size_t n, void *buf) { return wr_buf_put(buf, p, n) == WR_OK ? 0 : -1; }

static wr_status add(wri_given *g, wr_arena *ar, size_t *cap, const char *record, int64_t us) {
    size_t k = g->at.n;
    if (k == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        const char **grown = wr_arena_alloc(ar, more * sizeof *grown);
        if (!grown) return WR_ENOMEM;
        if (k) memcpy(grown, g->records, k * sizeof *grown);
        g->records = grown;
        *cap = more;
    }
    WR_TRY(wr_grow(&g->at.us, &g->at.cap, k + 1, sizeof *g->at.us));
    g->records[k] = record;
    g->at.us[g->at.n++] = us;
    return WR_OK;
}

/* When a value of ROWTIME says; a number is milliseconds. */
static bool moment(const json_t *v, int64_t *usp) {
    const char *s = json_string_value(v);
    if (json_is_integer(v)) return !__builtin_mul_overflow((int64_t)json_integer_value(v), 1000, usp);
    return s && (wr_read_timestamp(s, strlen(s), usp) ||
                 (wr_read_i64(s, strlen(s), usp) && !__builtin_mul_overflow(*usp, 1000, usp)));
}

static wr_status no_moment(uint32_t line, wr_err *err) {
    return wr_fail(
        err, WR_EINVAL,
        "line %u: ROWTIME is no time; expected '2026-01-01 00:00:00.000' or milliseconds since 1970", line);
}

static json_t *rowtime_of(json_t *row) {
    const char *key;
    json_t *v;
    json_object_foreach(row, key, v) if (strcasecmp(key, ROWTIME) == 0) return v;
    return NULL;
}

/* A line of JSON, p[0..n). */
static wr_status json_line(wri_given *g, wr_arena *ar, size_t *cap, const char *p, size_t n, uint32_t line,
                           wr_err *err) {
    int64_t us = WRI_NO_MOMENT;
    json_t *row = json_loadb(p, n, JSON_ALLOW_NUL, NULL), *at = row ? rowtime_of(row) : NULL;
    wr_status r = WR_OK;
    bool only = at && json_object_size(row) == 1;
    if (at && !json_is_null(at) && !moment(at, &us)) r = no_moment(line, err);
    json_decref(row);
    if (r != WR_OK) return r;
    const char *record = only ? "" : wr_arena_strndup(ar, p, n);
    return record ? add(g, ar, cap, record, us) : WR_ENOMEM;
}

/* ---- CSV ---- */

/* The next value of a line at *pp, up to end, in ar; quoted: "" is no NULL then. False: no memory. */
static char *csv_value(wr_arena *ar, const char **pp, const char *end, bool *quotedp) {
    const char *p = *pp;
    char *out = wr_arena_alloc(ar, (size_t)(end - p) + 1), *o = out;
    if (!out) return NULL;
    *quotedp = p < end && *p == '"';
    if (*quotedp) {
        for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
            p += *p == '"';
            *o++ = *p;
        }
        while (p < end && *p != ',') p++;
    } else
        while (p < end && *p != ',') *o++ = *p++;
    *o = 0;
    *pp = p < end ? p + 1 : NULL;
    return out;
}

typedef struct csv_head {
    const char **names;
    size_t n;
} csv_head;

static wr_status csv_names(wr_arena *ar, const char *p, size_t n, csv_head *h) {
    const char *end = p + n;
    size_t most = 1;
    bool quoted;
    for (const char *q = p; q < end; q++) most += *q == ',';
    h->names = wr_arena_alloc(ar, most * sizeof *h->names);
    if (!h->names) return WR_ENOMEM;
    for (const char *at = p; at && h->n < most;)
        if (!(h->names[h->n++] = csv_value(ar, &at, end, &quoted))) return WR_ENOMEM;
    return WR_OK;
}

static wr_status csv_line(wri_given *g, wr_arena *ar, size_t *cap, const csv_head *h, const char *p, size_t n,
                          uint32_t line, wr_err *err) {
    const char *at = p, *end = p + n;
    int64_t us = WRI_NO_MOMENT;
    json_t *row = json_object();
    wr_status r = row ? WR_OK : WR_ENOMEM;
    bool quoted, some = false;
    size_t i = 0;
    for (; r == WR_OK && at; i++) {
        const char *v = csv_value(ar, &at, end, &quoted);
        bool null = v && !*v && !quoted;
        json_t *value = v ? null ? json_null() : json_string(v) : NULL;
        if (i >= h->n)
            r = wr_fail(err, WR_EINVAL, "line %u has more values than the %zu of the head", line, h->n);
        else if (!value) r = v ? wr_fail(err, WR_EINVAL, "line %u is no UTF-8", line) : WR_ENOMEM;
        else if (strcasecmp(h->names[i], ROWTIME) == 0 && !null && !moment(value, &us))
            r = no_moment(line, err);
        some |= !null && i < h->n && strcasecmp(h->names[i], ROWTIME) != 0;
        if (r == WR_OK && json_object_set(row, h->names[i], value) != 0) r = WR_ENOMEM;
        json_decref(value);
    }
    wr_buf text = {0};
    if (r == WR_OK && some && json_dump_callback(row, wri_json_dump_to, &text, JSON_COMPACT) != 0)
        r = WR_ENOMEM;
    const char *record = text.len ? wr_arena_strndup(ar, text.data, text.len) : "";
    if (r == WR_OK) r = record ? add(g, ar, cap, record, us) : WR_ENOMEM;
    wr_buf_free(&text);
    json_decref(row);
    return r;
}

wr_status wri_given_read(wr_arena *ar, const wri_section *s, wri_given *g, wr_err *err) {
    size_t cap = 0;
    uint32_t line = s->line + 1;
    csv_head h = {0};
    const char *body = s->body + strspn(s->body, "\r\n");
    g->csv = *body && *body != '{' && *body != '[';
    wr_status r = WR_OK;
    for (const char *p = s->body, *nl; *p && r == WR_OK; p = nl + (*nl != 0), line++) {
        nl = p + strcspn(p, "\n");
        size_t n = (size_t)(nl - p);
        while (n && (p[n - 1] == '\r' || p[n - 1] == ' ')) n--;
        if (n == 0) continue;
        if (!g->csv) r = json_line(g, ar, &cap, p, n, line, err);
        else if (!h.n) r = csv_names(ar, p, n, &h);
        else r = csv_line(g, ar, &cap, &h, p, n, line, err);
    }
    return r == WR_ENOMEM ? wr_fail_oom(err, "given rows") : r;
}

void wri_given_free(wri_given *g) { wr_free(g->at.us); }
