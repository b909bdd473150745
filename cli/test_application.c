/* cli/test_application.c -- weir test: a case whose script is the code of an application.
 *
 *   --- options
 *   --application app.json --input SOURCE_SQL_STREAM=trades.jsonl
 *
 * The words are flags of weir run, those that --application takes. The description is an input of the case,
 * or else the file of that name seen from the case's own folder: the one that runs in production. What it
 * makes of the code (section sql, or what it has itself) is the script; streams of it are given and expected
 * as any. */
#include "test_int.h"

#include <unistd.h>

typedef struct app_holder {
    wri_app_opts app;
} app_holder;

static const wr_option flags[] = {WRI_APP_FLAGS(app_holder)};

static const wr_option *find(const char *word, size_t n) {
    char name[64];
    for (size_t i = 0; i < WR_LEN(flags); i++) {
        wri_flag_name(&flags[i], name);
        if (strlen(name) == n && memcmp(name, word, n) == 0) return &flags[i];
    }
    return NULL;
}

bool wri_application_only(const wri_section *s) {
    for (const char *p = s->body; *p;) {
        p += strspn(p, " \t\r\n");
        size_t n = strcspn(p, " \t\r\n");
        if (n >= 13 && memcmp(p, "--application", 13) == 0 && (n == 13 || p[13] == '=')) return true;
        p += n;
    }
    return false;
}

/* The words of s as keys and values, from kvs[*n] on, which has room for half as many as s has bytes. */
static wr_status words(wr_arena *ar, const wri_section *s, wr_kv *kvs, size_t *n, wr_err *err) {
    char *next = NULL, *text = wr_arena_strdup(ar, s->body);
    if (!text) return wr_fail_oom(err, "a case");
    for (char *w = strtok_r(text, " \t\r\n", &next); w; w = strtok_r(NULL, " \t\r\n", &next)) {
        const char *value = strchr(w, '=');
        const wr_option *f = find(w, value ? (size_t)(value - w) : strlen(w));
        if (!f)
            return wr_fail(
                err, WR_EINVAL,
                "line %u: beside --application a case can have what weir application takes, not '%s'; "
                "see weir help application",
                s->line, w);
        value = value ? value + 1 : strtok_r(NULL, " \t\r\n", &next);
        if (!value) return wr_fail(err, WR_EINVAL, "line %u: option %s needs a value", s->line, w);
        kvs[(*n)++] = (wr_kv){.key = f->name, .value = value};
    }
    return WR_OK;
}

wr_status wri_case_application(const wri_case *c, wr_arena *ar, wri_app_opts *app, wr_err *err) {
    app_holder h = {0};
    size_t n = 0, room = 1;
    for (uint32_t i = 0; i < c->n; i++)
        if (strcmp(c->sections[i].kind, "options") == 0) room += c->sections[i].len / 2 + 1;
    wr_kv *kvs = wr_arena_alloc(ar, room * sizeof *kvs);
    if (!kvs) return wr_fail_oom(err, "a case");
    for (uint32_t i = 0; i < c->n; i++)
        if (strcmp(c->sections[i].kind, "options") == 0) WR_TRY(words(ar, &c->sections[i], kvs, &n, err));
    WR_TRY(wr_options_read(flags, WR_LEN(flags), kvs, n, NULL, &h, sizeof h, NULL, err));
    *app = h.app;
    if (!app->file || *app->file == '/' || access(app->file, F_OK) == 0) return WR_OK;
    const char *slash = strrchr(c->full, '/');
    app->file = wr_arena_printf(ar, "%.*s/%s", (int)(slash - c->full), c->full, app->file);
    return app->file ? WR_OK : wr_fail_oom(err, "a case");
}
