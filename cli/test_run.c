/* cli/test_run.c -- weir test: one case, run in a folder of its own and compared.
 *
 *   BASE/in    the working directory of the scripts, with the input files
 *   BASE/out   what streams got whose rows are expected
 *
 * A script runs in this process by the same calls as weir run has it; what that would print is kept. */
#include "test_int.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "progress.h"

typedef struct running {
    wri_case c;
    const wri_test_opts *o;
    char base[4000], out[4096];
    wr_buf rows, log; /* standard output and standard error of all scripts */
    wri_tested *t;    /* of the last script */
    int status;
    wr_buf *why;
} running;

/* Text of a buffer, "" when it has none. */
static const char *text(wr_buf *b) {
    if (wr_buf_put(b, "", 1) != WR_OK) return "";
    b->len--;
    return b->data;
}

/* ---- the folder ---- */

static int gone(const char *path, const struct stat *st, int kind, struct FTW *f) {
    (void)st;
    (void)kind;
    (void)f;
    return remove(path);
}

static wr_status make_folder(running *r, wr_err *err) {
    const char *tmp = getenv("TMPDIR");
    char in[4096], full[PATH_MAX]; /* the working directory changes */
    if (!realpath(tmp && *tmp ? tmp : "/tmp", full)) snprintf(full, sizeof full, "/tmp");
    snprintf(r->base, sizeof r->base, "%.3900s/weir-test-XXXXXX", full);
    if (!mkdtemp(r->base)) {
        r->base[0] = 0;
        return wr_fail(err, WR_EIO, "cannot make a folder for the case: %s", strerror(errno));
    }
    snprintf(in, sizeof in, "%s/in", r->base);
    snprintf(r->out, sizeof r->out, "%s/out", r->base);
    if (mkdir(in, 0777) != 0 || mkdir(r->out, 0777) != 0 || chdir(in) != 0)
        return wr_fail(err, WR_EIO, "cannot make a folder for the case: %s", strerror(errno));
    return WR_OK;
}

static wr_status make_parents(const char *name, wr_err *err) {
    char path[4096];
    if (*name == '/' || strstr(name, ".."))
        return wr_fail(err, WR_EINVAL, "input '%s': name a file in the folder of the case", name);
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - name), name);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return wr_fail(err, WR_EIO, "cannot make the folder '%s': %s", path, strerror(errno));
    }
    return WR_OK;
}

static wr_status put_file(const char *name, const char *p, size_t n, wr_err *err) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return wr_fail(err, WR_EIO, "cannot write to '%s': %s", name, strerror(errno));
    wr_status r = wr_write_all(&wr_sys_real, fd, p, n, name, err);
    close(fd);
    return r;
}

static wr_status put_packed(const char *name, const wri_section *s, wr_err *err) {
    gzFile z = gzopen(name, "wb");
    bool ok = z && (s->len == 0 || gzwrite(z, s->body, (unsigned)s->len) > 0);
    if (z && gzclose(z) != Z_OK) ok = false;
    return ok ? WR_OK : wr_fail(err, WR_EIO, "cannot write to '%s'", name);
}

static wr_status put_hex(const char *name, const wri_section *s, wr_err *err) {
    wr_buf b = {0};
    wr_status r = WR_OK;
    int half = -1;
    for (const char *p = s->body; *p && r == WR_OK; p++) {
        const char *digits = "0123456789abcdef", *d = strchr(digits, *p | 32);
        if (*p == ' ' || *p == '\n' || *p == '\r') continue;
        if (!d)
            r = wr_fail(err, WR_EINVAL, "line %u: the input has a character that is no hexadecimal digit",
                        s->line);
        else if (half < 0) half = (int)(d - digits);
        else {
            char byte = (char)(half * 16 + (int)(d - digits));
            r = wr_buf_put(&b, &byte, 1);
            half = -1;
        }
    }
    if (r == WR_OK) r = put_file(name, b.len ? b.data : "", b.len, err);
    wr_buf_free(&b);
    return r;
}

static wr_status put_database(const char *name, const wri_section *s, wr_err *err) {
    sqlite3 *db = NULL;
    char *msg = NULL;
    int rc = sqlite3_open(name, &db);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db, s->body, NULL, NULL, &msg);
    wr_status r = rc == SQLITE_OK
                      ? WR_OK
                      : wr_fail(err, WR_EINVAL, "line %u: %s", s->line, msg ? msg : sqlite3_errstr(rc));
    sqlite3_free(msg);
    sqlite3_close(db);
    return r;
}

static wr_status put_input(running *r, const wri_section *s, wr_err *err) {
    bool quoted;
    const char *rest = s->rest, *name = wri_case_name(&r->c.ar, &rest, &quoted);
    if (!name) return wr_fail(err, WR_EINVAL, "line %u: expected the name of a file", s->line);
    WR_TRY(make_parents(name, err));
    if (strcmp(s->kind, "sqlite") == 0) return put_database(name, s, err);
    if (strcmp(rest, "gzip") == 0) return put_packed(name, s, err);
    if (strcmp(rest, "hex") == 0) return put_hex(name, s, err);
    if (*rest)
        return wr_fail(err, WR_EINVAL, "line %u: expected hex, gzip or nothing, found '%s'", s->line, rest);
    return put_file(name, s->body, s->len, err);
}

static wr_status put_inputs(running *r, wr_err *err) {
    const char *in = "/dev/null";
    char path[4096];
    for (uint32_t i = 0; i < r->c.n; i++) {
        const wri_section *s = &r->c.sections[i];
        if (strcmp(s->kind, "input") == 0 || strcmp(s->kind, "sqlite") == 0) WR_TRY(put_input(r, s, err));
        if (strcmp(s->kind, "stdin") != 0) continue;
        snprintf(path, sizeof path, "%s/stdin", r->base);
        WR_TRY(put_file(in = path, s->body, s->len, err));
    }
    int fd = open(in, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return wr_fail(err, WR_EIO, "cannot give standard input: %s", strerror(errno));
    close(fd);
    return WR_OK;
}

/* ---- a script ---- */

typedef struct watchdog {
    wr_job *job;
    int64_t until_us;
    bool bit;
} watchdog;

static void on_tick(void *ctx) {
    watchdog *w = ctx;
    if (wr_sys_real.mono_us() < w->until_us) return;
    w->bit = true;
    wr_job_cancel(w->job);
}

/* Whole rows, one call at a time. */
static void keep_rows(void *ctx, const char *p, size_t n) {
    running *r = ctx;
    (void)!wr_buf_put(&r->rows, p, n); /* without memory rows are missing, and the case fails */
}

static wr_status put_summary(running *r, const wri_progress *p, wr_status s) {
    char line[1024];
    FILE *f = tmpfile();
    if (!f) return WR_OK;
    wri_summary(f, p, s);
    rewind(f);
    wr_status w = WR_OK;
    while (w == WR_OK && fgets(line, sizeof line, f)) w = wr_buf_puts(&r->log, line);
    fclose(f);
    return w;
}

static wr_status run_plan(running *r, wri_tested *t, wr_err *err) {
    const wr_plan *plan = &t->sc.plan;
    for (uint32_t i = 0; i < plan->n_notes; i++) WR_TRY(wr_buf_puts(&r->rows, plan->notes[i]));
    if (plan->n_nodes == 0) return WR_OK;
    watchdog dog = {.until_us = wr_sys_real.mono_us() + r->o->timeout};
    wr_job_opts jo = {.sys = t->n_given ? wri_test_clock(t->turns, t->n_turns, t->start_us) : NULL,
                      .workers = (uint32_t)r->o->workers,
                      .output = keep_rows,
                      .ctx = r,
                      .sql = t->sc.text.data};
    wr_err why = {0};
    wr_status s = wr_job_new(plan, &jo, &dog.job, &why);
    if (s == WR_OK) {
        wri_progress p = {.plan = plan, .job = dog.job};
        s = wr_job_run(dog.job, on_tick, &dog, &why);
        WR_TRY(put_summary(r, &p, s));
        wr_job_free(dog.job);
    }
    if (dog.bit)
        return wr_fail(err, WR_ELIMIT,
                       "the script did not end within %lld s (--timeout); endless input has to be given",
                       (long long)(r->o->timeout / 1000000));
    if (s == WR_OK) return WR_OK;
    r->status = EXIT_FAILED;
    return wr_buf_printf(&r->log, "weir: %s\n", why.msg);
}

static wr_status run_script(running *r, const wri_section *s, bool last, wr_err *err) {
    wri_tested *t = r->t;
    t->last = last;
    if (s && !*s->rest) WR_TRY(put_file("case.sql", s->body, s->len, err)); /* as its messages call it */
    wr_status load = wri_tested_load(&r->c, s, r->out, t, err);
    if (load == WR_ESQL) r->status = EXIT_USAGE;
    else if (load != WR_OK) return load;
    else WR_TRY(run_plan(r, t, err));
    return t->log.len ? wr_buf_put(&r->log, t->log.data, t->log.len) : WR_OK;
}

static wr_status run_scripts(running *r, wr_err *err) {
    uint32_t n = wri_case_count(&r->c, "sql");
    if (n == 0 && wri_case_count(&r->c, "options") > 0)
        return run_script(r, NULL, true, err); /* the code is in the description */
    if (n == 0)
        return wr_fail(err, WR_EINVAL,
                       "it has no script: a line --- sql and the SQL below it, or --- sql FILE.sql");
    for (uint32_t i = 0, k = 0; i < r->c.n && r->status == EXIT_DONE; i++) {
        if (strcmp(r->c.sections[i].kind, "sql") != 0) continue;
        if (k) {
            wri_tested_free(r->t);
            *r->t = (wri_tested){0};
        }
        WR_TRY(run_script(r, &r->c.sections[i], ++k == n, err));
    }
    return WR_OK;
}

/* ---- what came of it ---- */

static wr_status read_file(const char *path, wr_buf *out) {
    char piece[8192];
    ssize_t n;
    wr_status r = WR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return WR_EIO;
    while (r == WR_OK && (n = read(fd, piece, sizeof piece)) > 0) r = wr_buf_put(out, piece, (size_t)n);
    close(fd);
    return r;
}

static const wri_watched *watched(const running *r, const wri_section *s) {
    for (uint32_t k = 0; k < r->t->n_watched; k++)
        if (r->t->watched[k].section == s) return &r->t->watched[k];
    return NULL;
}

static wr_status check_expect(running *r, const wri_section *s) {
    const wri_watched *w = watched(r, s);
    const char *rest = s->rest, *name = NULL, *word;
    bool ordered = false, quoted;
    char what[400] = "standard output";
    wr_buf got = {0};
    while ((word = wri_case_name(&r->c.ar, &rest, &quoted))) {
        if (!quoted && strcmp(word, "ordered") == 0) ordered = true;
        else name = word;
    }
    wr_status rc = WR_OK;
    if (name) {
        snprintf(what, sizeof what, w ? "rows of %s" : "file %s", name);
        rc = read_file(w ? w->path : name, &got);
        if (rc == WR_EIO)
            return wr_buf_printf(
                r->why, "  line %u: the script has neither a stream '%s' nor written a file of that name\n",
                s->line, name);
    }
    if (rc == WR_OK)
        rc = wri_compare_rows(what, s->line, s->body, name ? text(&got) : text(&r->rows), ordered, r->why);
    wr_buf_free(&got);
    return rc;
}

static wr_status check_changes(running *r, const wri_section *s) {
    const char *key = s->rest, *name = NULL;
    bool quoted;
    wr_buf got = {0}, stands = {0};
    wr_err err = {0};
    wr_status rc = WR_OK;
    if (*key) {
        name = wri_case_name(&r->c.ar, &key, &quoted);
        rc = name ? read_file(name, &got) : WR_OK;
        if (rc == WR_EIO)
            return wr_buf_printf(r->why, "  line %u: the script has not written a file '%s'\n", s->line,
                                 name);
    }
    if (rc == WR_OK) rc = wri_apply_changes(name ? text(&got) : text(&r->rows), key, &stands, &err);
    if (rc == WR_EDATA) rc = wr_buf_printf(r->why, "  line %u: a change %s\n", s->line, err.msg);
    else if (rc == WR_OK)
        rc =
            wri_compare_rows("what stands after the changes", s->line, s->body, text(&stands), false, r->why);
    wr_buf_free(&got);
    wr_buf_free(&stands);
    return rc;
}

/* Each line of the section is in p (whole: is a line of it). */
static wr_status check_lines(running *r, const wri_section *s, const char *p, bool whole, const char *what) {
    wr_buf line = {0};
    wr_status rc = WR_OK;
    for (const char *l = s->body, *nl; rc == WR_OK && *l; l = nl + (*nl != 0)) {
        nl = l + strcspn(l, "\n");
        line.len = 0;
        if (nl == l) continue;
        rc = wr_buf_printf(&line, "%.*s", (int)(nl - l), l);
        const char *at = rc == WR_OK ? strstr(p, line.data) : p;
        while (at && whole && rc == WR_OK &&
               !((at == p || at[-1] == '\n') && (at[line.len] == '\n' || !at[line.len])))
            at = strstr(at + 1, line.data);
        if (!at) rc = wr_buf_printf(r->why, "  line %u: %s lacks: %s\n", s->line, what, line.data);
        if (!at && rc == WR_OK) rc = wr_buf_printf(r->why, "  it is:\n%s", p);
    }
    wr_buf_free(&line);
    return rc;
}

static wr_status check_errors(running *r, const wri_section *s) {
    WR_TRY(wri_compare_rows("messages", s->line, s->body, text(&r->log), true, r->why));
    return wri_compare_rows("standard output", s->line, "", text(&r->rows), false, r->why);
}

static wr_status check(running *r) {
    bool errors = wri_case_count(&r->c, "errors") > 0;
    bool wants_error = errors || wri_case_count(&r->c, "error") > 0;
    if (r->status != EXIT_DONE && !wants_error)
        return wr_buf_printf(r->why, "  the script failed:\n%s", text(&r->log));
    if (r->status == EXIT_DONE && wants_error)
        return wr_buf_puts(r->why, "  an error was expected, but the script ran\n");
    if (errors && r->status != EXIT_USAGE) return wr_buf_puts(r->why, "  the error is none of the SQL\n");
    for (uint32_t i = 0; i < r->c.n; i++) {
        const wri_section *s = &r->c.sections[i];
        if (strcmp(s->kind, "expect") == 0) WR_TRY(check_expect(r, s));
        if (strcmp(s->kind, "changes") == 0) WR_TRY(check_changes(r, s));
        if (strcmp(s->kind, "error") == 0) WR_TRY(check_lines(r, s, text(&r->log), false, "the error"));
        if (strcmp(s->kind, "stats") == 0)
            WR_TRY(check_lines(r, s, text(&r->log), false, "the closing summary"));
        if (strcmp(s->kind, "notes") == 0) WR_TRY(check_lines(r, s, text(&r->rows), true, "standard output"));
        if (strcmp(s->kind, "errors") == 0) WR_TRY(check_errors(r, s));
    }
    return WR_OK;
}

/* Why it cannot be run here; NULL: it can. */
static const char *skips(const wri_case *c) {
    for (uint32_t i = 0; i < c->n; i++) {
        const char *k = c->sections[i].kind;
        if (strcmp(k, "postgres") == 0) return "it wants a server of Postgres (tests/sql/run.py has one)";
        if (strcmp(k, "extension") == 0) return "it wants a C compiler (tests/sql/run.py calls it)";
        if (strcmp(k, "options") == 0 && !wri_application_only(&c->sections[i]))
            return "it has options of weir run (tests/sql/run.py gives them)";
    }
    return NULL;
}

static wr_status run_case(running *r, wri_verdict *v, wr_err *err) {
    WR_TRY(wri_case_read(v->path, &r->c, err));
    const char *skip = skips(&r->c);
    if (skip) {
        v->outcome = WRI_SKIPPED;
        return wr_buf_printf(r->why, "  %s\n", skip);
    }
    WR_TRY(make_folder(r, err));
    WR_TRY(put_inputs(r, err));
    WR_TRY(run_scripts(r, err));
    return check(r);
}

void wri_case_run(const char *path, const wri_test_opts *o, wri_verdict *v) {
    wri_tested t = {0};
    running r = {.o = o, .why = &v->why, .t = &t};
    wr_err err = {0};
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t from = wr_sys_real.mono_us();
    *v = (wri_verdict){.path = path};
    wr_status s = run_case(&r, v, &err);
    if (s != WR_OK) (void)!wr_buf_printf(&v->why, "  %s\n", err.msg[0] ? err.msg : wr_status_text(s));
    if (v->outcome != WRI_SKIPPED && (s != WR_OK || v->why.len)) v->outcome = WRI_FAILED;
    if (here >= 0) (void)!fchdir(here);
    if (here >= 0) close(here);
    if (r.base[0]) nftw(r.base, gone, 16, FTW_DEPTH | FTW_PHYS);
    v->took_us = wr_sys_real.mono_us() - from;
    wri_tested_free(&t);
    wr_buf_free(&r.rows);
    wr_buf_free(&r.log);
    wri_case_free(&r.c);
}
