/* connectors/std.c -- standard input as a source, standard output as a sink.
 *
 * Standard input is one split. It is asked whether it has something before it is read, and never set to
 * O_NONBLOCK: that would hold for the shell that shares the terminal as well. Standard output is
 * print.c's sink without further ado. */
#include <errno.h>
#include <unistd.h>

#include "print_int.h"

typedef struct stdin_opts {
    int compression;
    int64_t record_max, chunk_bytes;
} stdin_opts;

struct wr_source {
    int64_t bytes; /* -1: unknown */
    wri_cutter cut;
    wri_reader reader;
};

#define AT(member) .offset = offsetof(stdin_opts, member)
static const wr_option stdin_options[] = {
    {"compression", WR_OPT_ENUM, AT(compression), .values = WRI_COMPRESSION_VALUES, .def = "auto",
     .doc = "How the input is packed; auto tells by its first bytes."},
    {"max_record_bytes", WR_OPT_BYTES, AT(record_max), .def = "64MiB", .min = 1, .max = INT64_C(1) << 40,
     .doc = "Longer records are bad records."},
    {"chunk_bytes", WR_OPT_BYTES, AT(chunk_bytes), .def = "512KiB", .min = 1, .max = 1 << 30,
     .doc = "How much a worker takes at a time."},
};

static void stdin_close(wr_source *s) {
    wri_reader_close(&s->reader);
    wri_cutter_free(&s->cut);
    wr_free(s);
}

static wr_status start(wr_source *s, const wr_source_cfg *cfg, const stdin_opts *o, wr_err *err) {
    struct stat st;
    if (cfg->sys->fstat(STDIN_FILENO, &st) != 0)
        return wr_fail(err, WR_EIO, "cannot read standard input: %s", strerror(errno));
    if (S_ISDIR(st.st_mode)) return wr_fail(err, WR_EIO, "cannot read standard input: it is a folder");
    s->bytes = S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    WR_TRY(wri_cutter_init(&s->cut, cfg, (size_t)o->record_max, err));
    wri_reader_cfg rc = {
        .sys = cfg->sys,
        .name = "standard input",
        .cut = &s->cut,
        .chunk_bytes = (size_t)o->chunk_bytes,
        .compression = (wri_compression)o->compression,
        .waits = s->bytes < 0,
    };
    return wri_reader_open(&s->reader, &rc, STDIN_FILENO, err);
}

static wr_status stdin_open(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    *outp = NULL;
    stdin_opts o;
    WR_TRY(
        wri_options(stdin_options, WR_LEN(stdin_options), cfg->options, cfg->n_options, &o, sizeof o, err));
    WR_TRY(wri_readable(cfg, "standard input", err));
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a source");
    wr_status rc = start(s, cfg, &o, err);
    if (rc == WR_OK) *outp = s;
    else stdin_close(s);
    return rc;
}

static wr_status stdin_next(wr_source *s, uint32_t split, wr_chunk *out, wr_err *err) {
    wr_status rc = wri_reader_next(&s->reader, out, err);
    out->split = split;
    return rc;
}

static uint32_t stdin_n_splits(const wr_source *s) {
    (void)s;
    return 1;
}

static void stdin_split_info(const wr_source *s, uint32_t split, wr_split_info *out) {
    (void)split;
    out->name = "stdin";
    out->bytes = s->bytes;
    out->at = __atomic_load_n(&s->reader.at, __ATOMIC_RELAXED);
}

static int stdin_watch(wr_source *s) { return s->bytes < 0 ? STDIN_FILENO : -1; }

const wr_connector_def wr_connector_stdin = {
    .with = {.name = "stdin",
             .doc = "Standard input, a pipe or a file, as it comes.",
             .options = stdin_options,
             .n_options = WR_LEN(stdin_options),
             .source = true,
             .needs_format = true,
             .bounded = true},
    .open_source = stdin_open,
    .n_splits = stdin_n_splits,
    .next = stdin_next,
    .split_info = stdin_split_info,
    .watch = stdin_watch,
    .close_source = stdin_close,
};

const wr_connector_def wr_connector_stdout = {
    .with = {.name = "stdout",
             .doc = "Standard output.",
             .options = wri_print_options,
             .n_options = WRI_PRINT_OPTIONS,
             .sink = true,
             .delivery = "at least once",
             .needs_format = true},
    .open_sink = wri_print_open,
    .write = wri_print_write,
    .close_sink = wri_print_close,
};
