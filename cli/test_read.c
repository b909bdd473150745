/* cli/test_read.c -- weir test: a .test file into its sections.
 *
 *   what the case is about, in any words
 *   --- KIND WORDS
 *   lines, up to the next head */
#include "test_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define HEAD "--- "

static const char *const kinds[] = {"input", "sqlite",  "postgres", "extension", "stdin", "sql",   "expect",
                                    "error", "changes", "errors",   "notes",     "stats", "given", "options"};

static bool known(const char *kind) {
    for (size_t i = 0; i < WR_LEN(kinds); i++)
        if (strcmp(kind, kinds[i]) == 0) return true;
    return false;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The words of a head to s: p[0..n) behind "--- ". */
static wr_status head(wri_case *c, const char *p, size_t n, wri_section *s, wr_err *err) {
    while (n && blank(p[n - 1])) n--;
    size_t k = 0;
    while (k < n && !blank(p[k])) k++;
    s->kind = wr_arena_strndup(&c->ar, p, k);
    while (k < n && blank(p[k])) k++;
    s->rest = wr_arena_strndup(&c->ar, p + k, n - k);
    if (!s->kind || !s->rest) return wr_fail_oom(err, "a case");
    if (known(s->kind)) return WR_OK;
    const char *near = wr_nearest(s->kind, kinds, WR_LEN(kinds), sizeof *kinds);
    return wr_fail(err, WR_EINVAL, "line %u: there is no section '%s'%s%s%s", s->line, s->kind,
                   near ? "; did you mean '" : "; see weir help test", near ? near : "", near ? "'?" : "");
}

static wr_status cut(wri_case *c, const char *text, size_t len, wr_err *err) {
    size_t cap = 0, at = 0;
    uint32_t line = 1;
    wri_section *s = NULL, *items = NULL;
    wr_status r = WR_OK;
    for (; at < len && r == WR_OK; line++) {
        const char *p = text + at, *nl = memchr(p, '\n', len - at);
        size_t n = nl ? (size_t)(nl - p) : len - at;
        at += n + (nl != NULL);
        if (n >= strlen(HEAD) && memcmp(p, HEAD, strlen(HEAD)) == 0) {
            r = wr_grow(&items, &cap, c->n + 1, sizeof *items);
            if (r != WR_OK) break;
            s = &items[c->n++];
            *s = (wri_section){.line = line, .body = text + at};
            r = head(c, p + strlen(HEAD), n - strlen(HEAD), s, err);
        } else if (s) s->len = (size_t)(text + at - s->body);
    }
    if (r == WR_OK && c->n) {
        c->sections = wr_arena_alloc(&c->ar, c->n * sizeof *items);
        if (c->sections) memcpy(c->sections, items, c->n * sizeof *items);
        else r = WR_ENOMEM;
    }
    wr_free(items);
    for (uint32_t i = 0; r == WR_OK && i < c->n; i++) {
        c->sections[i].body = wr_arena_strndup(&c->ar, c->sections[i].body, c->sections[i].len);
        if (!c->sections[i].body) r = WR_ENOMEM;
    }
    return r == WR_ENOMEM ? wr_fail_oom(err, "a case") : r;
}

wr_status wri_case_read(const char *path, wri_case *c, wr_err *err) {
    char full[PATH_MAX];
    wr_buf text = {0};
    c->path = path;
    if (!realpath(path, full)) return wr_fail(err, WR_EIO, "cannot read it: %s", strerror(errno));
    c->full = wr_arena_strdup(&c->ar, full);
    if (!c->full) return wr_fail_oom(err, "a case");
    wr_status r = wri_file_read(&text, path);
    if (r != WR_OK)
        wr_fail(err, r, "cannot read it: %s", r == WR_ENOMEM ? wr_status_text(r) : strerror(errno));
    if (r == WR_OK && memchr(text.data, 0, text.len)) r = wr_fail(err, WR_EINVAL, "it holds a NUL byte");
    if (r == WR_OK) r = cut(c, text.data, text.len, err);
    wr_buf_free(&text);
    if (r == WR_OK && c->n == 0)
        r = wr_fail(err, WR_EINVAL, "it has no section; a case begins with a line such as --- sql");
    return r;
}

void wri_case_free(wri_case *c) { wr_arena_free(&c->ar); }

uint32_t wri_case_count(const wri_case *c, const char *kind) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) n += strcmp(c->sections[i].kind, kind) == 0;
    return n;
}

const char *wri_case_name(wr_arena *ar, const char **restp, bool *quotedp) {
    const char *p = *restp;
    while (blank(*p)) p++;
    *quotedp = *p == '"';
    const char *from = p + *quotedp, *end = from;
    if (*quotedp)
        while (*end && *end != '"') end++;
    else
        while (*end && !blank(*end) && *end != '(') end++;
    if (end == from || (*quotedp && !*end)) return NULL;
    *restp = end + *quotedp;
    while (blank(**restp)) ++*restp;
    return wr_arena_strndup(ar, from, (size_t)(end - from));
}
