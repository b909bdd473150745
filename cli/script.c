/* cli/script.c -- reads, parses and plans a SQL file; prints what is wrong with it. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_all(wr_buf *out, const char *path) {
    bool in = strcmp(path, "-") == 0;
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        if (wr_buf_reserve(out, 65536) != WR_OK) {
            errno = ENOMEM;
            n = -1;
            break;
        }
        n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n > 0) out->len += (size_t)n;
        if (n < 0 && errno == EINTR) n = 1;
    }
    if (n < 0) wri_say("cannot read %s: %s", in ? "standard input" : path, strerror(errno));
    if (fd > 0 && !in) close(fd);
    return n < 0 ? EXIT_USAGE : EXIT_DONE;
}

static int print_diags(const wr_diags *d) {
    wr_buf out = {0};
    if (wr_diags_print(d, &out) == WR_OK && out.len) fwrite(out.data, 1, out.len, stderr);
    wr_buf_free(&out);
    return d->errors ? EXIT_USAGE : EXIT_DONE;
}

int wri_script_load(wri_script *s, const char *path, const char *sql) {
    *s = (wri_script){0};
    s->reg = wr_builtin();
    int status = EXIT_DONE;
    if (sql) status = wr_buf_puts(&s->text, sql) == WR_OK ? EXIT_DONE : EXIT_FAILED;
    else status = read_all(&s->text, path);
    if (status != EXIT_DONE) return status;
    if (wr_buf_put(&s->text, "", 1) != WR_OK) return EXIT_FAILED;
    s->diags = (wr_diags){.file = sql                      ? "-e"
                                  : strcmp(path, "-") == 0 ? "<stdin>"
                                                           : path,
                          .text = s->text.data,
                          .len = s->text.len - 1,
                          .ar = &s->ar};
    wr_status parsed = wr_parse(&s->ar, &s->diags, &s->script);
    /* Planning what did parse tells of more errors in the same run, but only once the syntax is right can
     * "there is no stream x" be trusted. */
    wr_status r = parsed == WR_OK ? wr_plan_script(&s->script, &s->reg, &s->ar, &s->diags, &s->plan) : parsed;
    status = print_diags(&s->diags);
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
