/* cli/script.c -- reads, parses and plans a SQL file; prints what is wrong with it. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define READ_BYTES 65536

/* All of fd and a NUL behind it. */
static wr_status read_all(wr_buf *out, int fd) {
    ssize_t n;
    do {
        if (wr_buf_reserve(out, READ_BYTES) != WR_OK) {
            errno = ENOMEM;
            return WR_ENOMEM;
        }
        n = read(fd, out->data + out->len, READ_BYTES - 1);
        if (n > 0) out->len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0) return WR_EIO;
    out->data[out->len] = 0;
    return WR_OK;
}

wr_status wri_file_read(wr_buf *out, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return WR_EIO;
    wr_status s = read_all(out, fd);
    int e = errno;
    close(fd);
    errno = e;
    return s;
}

static int read_text(wri_script *s, const char *path, const char *sql) {
    wr_status r;
    if (sql) {
        s->diags.file = "-e";
        errno = ENOMEM;
        r = wr_buf_put(&s->text, sql, strlen(sql) + 1);
        if (r == WR_OK) s->text.len--;
    } else if (strcmp(path, "-") == 0) {
        s->diags.file = "<stdin>";
        r = read_all(&s->text, STDIN_FILENO);
    } else {
        s->diags.file = path;
        r = wri_file_read(&s->text, path);
    }
    if (r != WR_OK) wri_say("cannot read '%s': %s", s->diags.file, strerror(errno));
    return r == WR_OK ? EXIT_DONE : r == WR_ENOMEM ? EXIT_FAILED : EXIT_USAGE;
}

int wri_script_read(wri_script *s, const wri_app_opts *app, const char *path, const char *sql) {
    int status = path || sql ? read_text(s, path, sql) : EXIT_DONE;
    return status == EXIT_DONE && app && app->file ? wri_application_sql(s, app) : status;
}

/* Not all errors may have found room, and then those that have may be wrong: it was memory that was missing.
 */
static int print_diags(const wr_diags *d, wr_status r) {
    wr_buf out = {0};
    if (r == WR_ENOMEM || wr_diags_print(d, &out) != WR_OK || (d->errors && !out.len)) {
        wri_say("%s: %s", d->file, wr_status_text(WR_ENOMEM));
        wr_buf_free(&out);
        return EXIT_FAILED;
    }
    if (out.len) fwrite(out.data, 1, out.len, stderr);
    wr_buf_free(&out);
    return d->errors ? EXIT_USAGE : EXIT_DONE;
}

int wri_script_load(wri_script *s, const wri_app_opts *app, const char *path, const char *sql) {
    *s = (wri_script){.reg = wr_builtin()};
    int read = wri_script_read(s, app, path, sql);
    if (read != EXIT_DONE) return read;
    s->diags.text = s->text.data;
    s->diags.len = s->text.len;
    s->diags.ar = &s->ar;
    wr_status r = wr_parse(&s->ar, &s->diags, &s->script);
    /* Only once the syntax is right can "there is no stream x" be trusted. */
    if (r == WR_OK) r = wr_plan_script(&s->script, &s->reg, &s->ar, &s->diags, &s->plan);
    int status = print_diags(&s->diags, r);
    if (status == EXIT_DONE && r != WR_OK) {
        wri_say("%s: %s", s->diags.file, wr_status_text(r));
        status = EXIT_FAILED;
    }
    return status;
}

void wri_script_free(wri_script *s) {
    wr_arena_free(&s->ar);
    wr_buf_free(&s->text);
}

bool wri_one_script(const char *command, const wri_app_opts *app, const char *sql, int n_args) {
    if (n_args == (sql ? 0 : 1) || (app->file && n_args == 0)) return true;
    if (sql) wri_say("%s: expected a file or -e 'SQL', found both", command);
    else if (n_args == 0)
        wri_say("%s: expected a SQL file, - for standard input, or -e 'SQL'; see weir help %s", command,
                command);
    else wri_say("%s: expected one SQL file, found %d", command, n_args);
    return false;
}
