/* connectors/print.c -- rows to standard output, each line with a prefix if one is asked for.
 *
 * Rows are written at once: somebody may be watching, and batches make the blocks large where there is
 * much to write. Whoever runs the job may take the rows instead. A reader that has gone (`| head`) is a
 * failure that says so; the process must ignore SIGPIPE for that. Where the other end was set to O_NONBLOCK
 * by somebody else, writing waits. */
#include "print_int.h"

#include <errno.h>
#include <unistd.h>

typedef struct print_opts {
    const char *prefix;
} print_opts;

const wr_option wri_print_options[WRI_PRINT_OPTIONS] = {
    {"prefix", WR_OPT_STRING, .offset = offsetof(print_opts, prefix),
     .doc = "Text put before each line, to tell the output of several statements apart."},
};

struct wr_sink {
    const wr_sys *sys;
    char *prefix; /* NULL: none */
    size_t prefix_len;
    bool inside; /* the last byte written was not the end of a line */
    wr_buf lines;
    void (*output)(void *ctx, const char *p, size_t n); /* NULL: standard output */
    void *output_ctx;
};

wr_status wri_print_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    print_opts o;
    WR_TRY(
        wri_options(wri_print_options, WRI_PRINT_OPTIONS, cfg->options, cfg->n_options, &o, sizeof o, err));
    wr_sink *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a sink");
    s->sys = cfg->sys;
    s->output = cfg->output;
    s->output_ctx = cfg->output_ctx;
    if (o.prefix && o.prefix[0]) {
        s->prefix = wr_strdup(o.prefix);
        s->prefix_len = strlen(o.prefix);
        if (!s->prefix) {
            wr_free(s);
            return wr_fail_oom(err, "a sink");
        }
    }
    *outp = s;
    return WR_OK;
}

static wr_status write_all(wr_sink *s, const char *p, size_t n, wr_err *err) {
    const wr_sys *sys = s->sys;
    if (s->output) {
        s->output(s->output_ctx, p, n);
        return WR_OK;
    }
    while (n > 0) {
        ssize_t k = sys->write(STDOUT_FILENO, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
            if (sys->poll(&wait, 1, -1) >= 0 || errno == EINTR) continue;
        }
        if (k < 0 && errno == EPIPE) return wr_fail(err, WR_EIO, "standard output was closed by its reader");
        if (k <= 0)
            return wr_fail(err, WR_EIO, "cannot write to standard output: %s",
                           k < 0 ? strerror(errno) : "the system took no bytes");
        p += k;
        n -= (size_t)k;
    }
    return WR_OK;
}

/* Copies p[0..n) with the prefix at the start of each line. */
static wr_status prefixed(wr_sink *s, const char *p, size_t n) {
    s->lines.len = 0;
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t k = end ? (size_t)(end + 1 - p) : n;
        if (!s->inside) WR_TRY(wr_buf_put(&s->lines, s->prefix, s->prefix_len));
        WR_TRY(wr_buf_put(&s->lines, p, k));
        s->inside = !end;
        p += k;
        n -= k;
    }
    return WR_OK;
}

wr_status wri_print_write(wr_sink *s, const char *p, size_t n, wr_err *err) {
    if (!s->prefix) return write_all(s, p, n, err);
    if (prefixed(s, p, n) != WR_OK) return wr_fail_oom(err, "a sink");
    return write_all(s, s->lines.data, s->lines.len, err);
}

void wri_print_close(wr_sink *s) {
    if (!s) return;
    wr_buf_free(&s->lines);
    wr_free(s->prefix);
    wr_free(s);
}

const wr_connector_def wr_connector_print = {
    .with = {.name = "print",
             .doc = "Standard output, for a look at a stream; each line may have a prefix.",
             .options = wri_print_options,
             .n_options = WRI_PRINT_OPTIONS,
             .sink = true,
             .delivery = "at least once",
             .needs_format = true},
    .open_sink = wri_print_open,
    .write = wri_print_write,
    .close_sink = wri_print_close,
};
