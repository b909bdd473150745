/* cli/test.c -- weir test: cases of scripts, their given rows and the rows expected. */
#include <stdlib.h>

#include "test_int.h"

#define OPT(member) offsetof(wri_test_opts, member)
static const wr_option flags[] = {
    {.name = "junit",
     .type = WR_OPT_STRING,
     .offset = OPT(junit),
     .doc = "Also write the verdicts to this file, as JUnit XML."},
    {.name = "quiet",
     .type = WR_OPT_BOOL,
     .offset = OPT(quiet),
     .def = "false",
     .doc = "Name only cases that fail."},
    {.name = "timeout",
     .type = WR_OPT_DURATION,
     .offset = OPT(timeout),
     .def = "30s",
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "A script that runs for longer has failed."},
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = OPT(workers),
     .def = "1",
     .min = 1,
     .max = 128,
     .doc = "Worker threads; with one, rows come in the order of the input."},
};

typedef struct list {
    char **paths;
    size_t n, cap;
} list;

typedef struct folder {
    list *out;
    const char *path;
    wr_status status;
} folder;

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static wr_status add(list *l, char *path) {
    wr_status r = path ? wr_grow(&l->paths, &l->cap, l->n + 1, sizeof *l->paths) : WR_ENOMEM;
    if (r == WR_OK) l->paths[l->n++] = path;
    else wr_free(path);
    return r;
}

static wr_status walk(list *l, const char *path, int depth);

static void each(void *ctx, const char *name) {
    folder *f = ctx;
    struct stat st;
    wr_buf path = {0};
    if (f->status != WR_OK || *name == '.' || strcmp(name, "pending") == 0) return;
    f->status = wr_buf_printf(&path, "%s%s%s", f->path, ends_with(f->path, "/") ? "" : "/", name);
    if (f->status == WR_OK && wr_sys_real.stat(path.data, &st) == 0) {
        if (S_ISDIR(st.st_mode)) f->status = walk(f->out, path.data, 1);
        else if (ends_with(name, ".test")) f->status = add(f->out, wr_strdup(path.data));
    }
    wr_buf_free(&path);
}

static wr_status walk(list *l, const char *path, int depth) {
    struct stat st;
    if (depth == 0 && (wr_sys_real.stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
        return add(l, wr_strdup(path));
    folder f = {.out = l, .path = path};
    if (wr_sys_real.list(path, each, &f) != 0) return WR_EIO;
    return f.status;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void tell(const wri_verdict *v, bool quiet) {
    static const char *const words[] = {"ok  ", "FAIL", "SKIP"};
    if (quiet && v->outcome == WRI_PASSED) return;
    printf("%s %s (%.1f ms)\n", words[v->outcome], v->path, (double)v->took_us / 1000);
    if (v->why.len) fwrite(v->why.data, 1, v->why.len, stdout);
    fflush(stdout);
}

static int run_all(const list *l, const wri_test_opts *o) {
    size_t of[3] = {0};
    wr_err err = {0};
    int status = EXIT_DONE;
    wri_verdict *v = wr_calloc(l->n + 1, sizeof *v);
    if (!v) {
        wri_say("test: out of memory");
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < l->n; i++) {
        wri_case_run(l->paths[i], o, &v[i]);
        tell(&v[i], o->quiet);
        of[v[i].outcome]++;
    }
    printf("%zu passed, %zu failed", of[WRI_PASSED], of[WRI_FAILED]);
    if (of[WRI_SKIPPED]) printf(", %zu skipped", of[WRI_SKIPPED]);
    putchar('\n');
    if (of[WRI_FAILED]) status = EXIT_FAILED;
    if (o->junit && wri_junit(o->junit, v, l->n, &err) != WR_OK) {
        wri_say("test: %s", err.msg);
        status = EXIT_USAGE;
    }
    for (size_t i = 0; i < l->n; i++) wr_buf_free(&v[i].why);
    wr_free(v);
    return status;
}

static int run(const void *opts, char **args, int n) {
    list l = {0};
    struct stat st;
    int status = EXIT_DONE;
    if (n == 0) {
        wri_say("test: expected folders or .test files; see weir help test");
        return EXIT_USAGE;
    }
    for (int i = 0; i < n && status == EXIT_DONE; i++) {
        if (wr_sys_real.stat(args[i], &st) != 0) {
            wri_say("test: there is no file or folder '%s'", args[i]);
            status = EXIT_USAGE;
            break;
        }
        size_t before = l.n;
        if (walk(&l, args[i], 0) != WR_OK) status = EXIT_USAGE;
        if (status != EXIT_DONE) wri_say("test: cannot read '%s'", args[i]);
        else if (l.n == before) {
            wri_say("test: there is no .test file in '%s'", args[i]);
            status = EXIT_USAGE;
        }
        if (l.n > before) qsort(l.paths + before, l.n - before, sizeof *l.paths, by_name);
    }
    if (status == EXIT_DONE) status = run_all(&l, opts);
    for (size_t i = 0; i < l.n; i++) wr_free(l.paths[i]);
    wr_free(l.paths);
    return status;
}

const wr_command wri_cmd_test = {
    .name = "test",
    .args = "DIR|FILE.test ...",
    .files = "*.test",
    .summary = "run scripts on given rows, compare with the rows expected",
    .doc =
        "A case is a file of sections, each begun by a line '--- KIND WORDS':\n\n"
        "  --- sql alerts.sql            the script, as it is in production; or --- sql\n"
        "                                with the SQL below\n"
        "  --- given orders              rows instead of the connector of stream orders:\n"
        "  {\"ROWTIME\":\"2026-01-01 10:00:00\",\"id\":7,\"price\":12.5}\n"
        "  {\"ROWTIME\":\"2026-01-01 10:01:00\"}\n"
        "  --- expect alerts             the rows that stream alerts got\n"
        "  {\"id\":7,\"why\":\"too dear\"}\n\n"
        "Time is virtual. ROWTIME is when a row arrives; a line with nothing else says that time passes, so "
        "that "
        "windows close and idle_timeout runs out. CURRENT_TIMESTAMP and arrival times go by it, and nothing "
        "sleeps. Rows are JSON lines, or CSV with a head. What the script writes to systems outside goes "
        "nowhere "
        "but to the expected rows; what it reads from outside has to be given. A stream that the script does "
        "not "
        "declare is given with its columns: --- given \"SOURCE_SQL_STREAM_001\" (ticker VARCHAR(4)).\n\n"
        "Further sections: input NAME (a file for the script), expect [ordered] [NAME] (a stream, a file, or "
        "standard output), error (lines that the error has), errors (all messages on the SQL), stats, "
        "changes, "
        "notes, stdin, sqlite NAME. docs/TESTING.md has them all.\n\n"
        "  weir test tests\n"
        "  weir test --junit report.xml tests/alerts.test\n\n"
        "Exit status: 0 all passed, 1 some failed, 2 usage error.",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(wri_test_opts),
    .run = run,
};
