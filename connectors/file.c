/* connectors/file.c -- files as a source: each file is a split.
 *
 *   a file at rest   mapped whole; a chunk is a range of it that ends where a record ends
 *   packed, a pipe,  read piece by piece (reader.c)
 *   a device
 *   tail = true      read by offset, rotation followed (file_tail.c)
 *
 * Files at rest are opened when their first chunk is asked for and closed at once: a folder of ten
 * thousand files needs no ten thousand descriptors. open_source opens each to find out that it can be
 * read. A file at rest is read up to the size that it had when it was mapped.
 *
 * Threads: a split belongs to whoever is inside next() for it; sizes and positions are atomic, because
 * the progress bar looks at them at any time. Chunks keep their mapping; the last one unmaps it. */
#include "file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

typedef enum split_kind { AT_REST, STREAM, TAIL } split_kind;

typedef struct split {
    const char *path;
    split_kind kind;
    bool tail; /* kind is TAIL; never changes */
    wri_compression compression;
    bool opened, ended;
    bool waits;    /* STREAM: a pipe or a device */
    int fd;        /* STREAM; -1: none; atomic */
    dev_t dev;     /* of the mapped file */
    ino_t ino;     /* of the mapped file */
    int64_t bytes; /* atomic; -1: unknown */
    int64_t at;    /* AT_REST: bytes delivered or skipped; atomic */
    wri_map *map;  /* AT_REST */
    wri_cutter cut;
    union {
        wri_reader reader; /* STREAM */
        wri_tail follow;   /* TAIL */
    };
} split;

struct wr_source {
    const wr_sys *sys;
    size_t chunk_bytes, record_max;
    split *splits;
    uint32_t n_splits;
    wr_arena ar; /* paths and splits */
};

#define AT(member) .offset = offsetof(file_opts, member)
static const wr_option options[] = {
    {"path", WR_OPT_STRING, AT(path), .required = true,
     .doc =
         "The file; for reading also a folder or a pattern such as 'logs/*.json', each file being a split."},
    {"compression", WR_OPT_ENUM, AT(compression), .values = WRI_COMPRESSION_VALUES, .def = "auto",
     .doc = "How the file is packed; auto tells by its first bytes when reading, by its name (.gz, .zst) "
            "when writing."},
    {"tail", WR_OPT_BOOL, AT(tail), .def = "false",
     .doc = "Reads on as the file grows, also when it is rotated or cut back; never ends."},
    {"max_record_bytes", WR_OPT_BYTES, AT(record_max), .def = "64MiB", .min = 1, .max = INT64_C(1) << 40,
     .doc = "Longer records are bad records."},
    {"chunk_bytes", WR_OPT_BYTES, AT(chunk_bytes), .def = "512KiB", .min = 1, .max = 1 << 30,
     .doc = "How much a worker takes at a time."},
};
wr_status wri_file_options(const wr_kv *kvs, size_t n, file_opts *out, wr_err *err) {
    return wri_options(options, WR_LEN(options), kvs, n, out, sizeof *out, err);
}

/* ---- opening ---- */

static wri_reader_cfg reader_cfg(const wr_source *s, split *sp) {
    return (wri_reader_cfg){
        .sys = s->sys,
        .name = sp->path,
        .cut = &sp->cut,
        .chunk_bytes = s->chunk_bytes,
        .compression = sp->compression,
        .waits = sp->waits,
        .follows = sp->kind == TAIL,
    };
}

/* Reads the first bytes of a regular file and tells what packed it. */
static wr_status look_inside(const wr_sys *sys, int fd, split *sp, wr_err *err) {
    char p[WRI_MAGIC_BYTES];
    size_t n = 0;
    while (n < sizeof p) {
        ssize_t k = sys->pread(fd, p + n, sizeof p - n, (off_t)n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return wri_file_cannot("read", sp->path, errno, err);
        if (k == 0) break;
        n += (size_t)k;
    }
    if (sp->compression == WRI_AUTO) sp->compression = wri_magic(p, n, true);
    return WR_OK;
}

/* What kind of file it is, by its type and first bytes; keeps the descriptor of pipes and devices,
 * where opening a second time would not give the same bytes. */
static wr_status inspect(wr_source *s, split *sp, int fd, wr_err *err) {
    struct stat st;
    if (s->sys->fstat(fd, &st) != 0) return wri_file_cannot("open", sp->path, errno, err);
    if (S_ISDIR(st.st_mode)) return wri_file_cannot("read", sp->path, EISDIR, err);
    bool regular = S_ISREG(st.st_mode);
    sp->bytes = regular ? (int64_t)st.st_size : -1;
    sp->waits = !regular;
    if (!regular && sp->tail)
        return wr_fail(err, WR_EINVAL, "'%s' is no regular file, tail = true cannot follow it; leave it out",
                       sp->path);
    if (regular) WR_TRY(look_inside(s->sys, fd, sp, err));
    bool packed = sp->compression == WRI_GZIP || sp->compression == WRI_ZSTD;
    if (sp->tail && packed)
        return wr_fail(err, WR_EINVAL, "'%s' holds %s data, tail = true cannot follow it; leave it out",
                       sp->path, wri_compression_name(sp->compression));
    sp->kind = sp->tail ? TAIL : regular && !packed && st.st_size > 0 ? AT_REST : STREAM;
    sp->fd = regular ? -1 : fd;
    return WR_OK;
}

static wr_status open_split(wr_source *s, split *sp, wr_err *err) {
    struct stat st;
    int flags = O_RDONLY;
    /* Opening a pipe must not wait for its writer. */
    if (s->sys->stat(sp->path, &st) == 0 && !S_ISREG(st.st_mode)) flags |= O_NONBLOCK;
    int fd = wri_open(s->sys, sp->path, flags, 0);
    if (fd < 0) return wri_file_cannot("open", sp->path, errno, err);
    wr_status rc = inspect(s, sp, fd, err);
    if (sp->fd != fd) s->sys->close(fd);
    if (rc != WR_OK || !sp->tail) return rc;
    sp->opened = true; /* at once: a file that is rotated before the first look is not to be missed */
    wri_reader_cfg cfg = reader_cfg(s, sp);
    return wri_tail_open(&sp->follow, &cfg, sp->path, err);
}

static void close_split(const wr_source *s, split *sp) {
    wr_drop(sp->map ? &sp->map->ref : NULL);
    sp->map = NULL;
    if (sp->kind == STREAM && sp->opened) wri_reader_close(&sp->reader);
    if (sp->fd >= 0) s->sys->close(sp->fd);
    if (sp->kind == TAIL && sp->opened) wri_tail_close(&sp->follow);
    __atomic_store_n(&sp->fd, -1, __ATOMIC_RELAXED);
    sp->opened = false;
}

static void end_split(const wr_source *s, split *sp) {
    close_split(s, sp);
    sp->ended = true;
}

static void file_close(wr_source *s) {
    for (uint32_t i = 0; i < s->n_splits; i++) {
        close_split(s, &s->splits[i]);
        wri_cutter_free(&s->splits[i].cut);
    }
    wr_arena_free(&s->ar);
    wr_free(s);
}

static wr_status open_splits(wr_source *s, const wr_source_cfg *cfg, const file_opts *o, wr_err *err) {
    wri_paths paths;
    WR_TRY(wri_file_list(s->sys, o->path, &s->ar, &paths, err));
    s->splits = wr_arena_calloc(&s->ar, paths.n * sizeof *s->splits);
    if (!s->splits) return wr_fail_oom(err, "a list of files");
    for (size_t i = 0; i < paths.n; i++) {
        split *sp = &s->splits[i];
        *sp = (split){.path = paths.items[i], .fd = -1, .compression = (wri_compression)o->compression};
        sp->tail = o->tail;
        s->n_splits++;
        WR_TRY(wri_cutter_init(&sp->cut, cfg, s->record_max, err));
        WR_TRY(open_split(s, sp, err));
    }
    return WR_OK;
}

static wr_status file_open(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    *outp = NULL;
    file_opts o;
    WR_TRY(wri_file_options(cfg->options, cfg->n_options, &o, err));
    WR_TRY(wri_readable(cfg, o.path, err));
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a source");
    s->sys = cfg->sys;
    s->chunk_bytes = (size_t)o.chunk_bytes;
    s->record_max = (size_t)o.record_max;
    wr_status rc = open_splits(s, cfg, &o, err);
    if (rc == WR_OK) *outp = s;
    else file_close(s);
    return rc;
}

/* ---- files at rest ---- */

static wr_status start_reader(wr_source *s, split *sp, int fd, wr_err *err) {
    sp->kind = STREAM;
    wri_reader_cfg cfg = reader_cfg(s, sp);
    wr_status rc = wri_reader_open(&sp->reader, &cfg, fd, err);
    __atomic_store_n(&sp->fd, fd, __ATOMIC_RELAXED);
    sp->opened = true;
    if (rc != WR_OK) end_split(s, sp);
    return rc;
}

/* Maps the file; WR_EIO: it cannot be mapped, read it instead. */
static wr_status start_mapped(wr_source *s, split *sp, int fd, const struct stat *st, wr_err *err) {
    sp->dev = st->st_dev;
    sp->ino = st->st_ino;
    wr_status rc = wri_map_new(s->sys, fd, (size_t)st->st_size, &sp->map, err);
    sp->opened = rc == WR_OK;
    return rc;
}

/* Maps the file, or readies it for reading where it is packed, or its file system cannot map. */
static wr_status start(wr_source *s, split *sp, wr_err *err) {
    if (sp->fd >= 0) return start_reader(s, sp, sp->fd, err);
    struct stat st;
    int fd = wri_open(s->sys, sp->path, O_RDONLY, 0);
    if (fd < 0) return wri_file_cannot("open", sp->path, errno, err);
    wr_status rc = WR_EIO;
    if (s->sys->fstat(fd, &st) != 0) rc = wri_file_cannot("open", sp->path, errno, err);
    else {
        __atomic_store_n(&sp->bytes, (int64_t)st.st_size, __ATOMIC_RELAXED);
        if (sp->kind == AT_REST && st.st_size > 0) rc = start_mapped(s, sp, fd, &st, err);
        if (rc == WR_EIO) return start_reader(s, sp, fd, err);
    }
    s->sys->close(fd);
    return rc;
}

/* The mapped file must still be as long as it was: what was cut off reads as zeros, or raises SIGBUS,
 * which the mapping survives but remembers. */
static wr_status check_whole(const wr_source *s, const split *sp, wr_err *err) {
    struct stat st;
    bool known = s->sys->stat(sp->path, &st) == 0 && st.st_dev == sp->dev && st.st_ino == sp->ino;
    if (known && (uint64_t)st.st_size < sp->map->len)
        return wr_fail(err, WR_EIO,
                       "'%s' was truncated while being read (expected %zu bytes, found %lld); read it "
                       "when it is complete, or with tail = true",
                       sp->path, sp->map->len, (long long)st.st_size);
    if (wri_map_broken(sp->map))
        return wr_fail(err, WR_EIO,
                       "'%s' was truncated while being read (expected %zu bytes), or its disk failed; "
                       "check it and run again",
                       sp->path, sp->map->len);
    return WR_OK;
}

static wr_status next_mapped(wr_source *s, split *sp, wr_chunk *out, wr_err *err) {
    size_t window = s->chunk_bytes;
    for (;;) {
        size_t at = (size_t)sp->at, rest = sp->map->len - at;
        WR_TRY(check_whole(s, sp, err));
        if (rest == 0) return WR_EOF;
        if (window > s->record_max) window = s->record_max;
        size_t n = window < rest ? window : rest;
        wri_piece piece;
        WR_TRY(wri_cut(&sp->cut, sp->map->data + at, n, n == rest, &piece, err));
        if (piece.take == 0) window *= 2; /* no record ends here; wri_cut gives up at record_max */
        __atomic_store_n(&sp->at, (int64_t)(at + piece.take), __ATOMIC_RELAXED);
        wri_map_passed(sp->map, at);
        if (piece.show == 0) continue;
        *out = wri_chunk(&sp->cut, piece);
        out->data = sp->map->data + at;
        out->pos = (int64_t)at;
        out->hold = wr_hold(&sp->map->ref);
        return WR_OK;
    }
}

/* ---- the table's functions ---- */

static wr_status file_next(wr_source *s, uint32_t split_no, wr_chunk *out, wr_err *err) {
    split *sp = &s->splits[split_no];
    *out = (wr_chunk){0};
    if (sp->ended) return WR_EOF;
    if (!sp->opened) WR_TRY(start(s, sp, err));
    wr_status rc = sp->kind == TAIL     ? wri_tail_next(&sp->follow, out, err)
                   : sp->kind == STREAM ? wri_reader_next(&sp->reader, out, err)
                                        : next_mapped(s, sp, out, err);
    out->split = split_no;
    if (sp->kind == STREAM)
        __atomic_store_n(&sp->at, sp->reader.at, __ATOMIC_RELAXED); /* survives the reader */
    if (rc == WR_EOF) end_split(s, sp);
    return rc;
}

static uint32_t file_n_splits(const wr_source *s) { return s->n_splits; }

static void file_split_info(const wr_source *s, uint32_t split_no, wr_split_info *out) {
    const split *sp = &s->splits[split_no];
    out->name = sp->path;
    out->bytes = __atomic_load_n(sp->tail ? &sp->follow.bytes : &sp->bytes, __ATOMIC_RELAXED);
    out->at = __atomic_load_n(sp->tail ? &sp->follow.reader.at : &sp->at, __ATOMIC_RELAXED);
}

static int file_poll_fd(const wr_source *s, uint32_t split_no) {
    const split *sp = &s->splits[split_no];
    return sp->waits ? __atomic_load_n(&sp->fd, __ATOMIC_RELAXED)
                     : -1; /* a file at rest is always ready, a growing one gives no signal */
}

static bool file_bounded(const wr_kv *kvs, size_t n) {
    file_opts o;
    return wri_file_options(kvs, n, &o, NULL) != WR_OK || !o.tail;
}

const wr_connector_def wr_connector_file = {
    .with = {.name = "file",
             .doc = "Files: JSON lines, CSV and so on, plain or packed; read at rest or as they grow.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .sink = true,
             .needs_format = true,
             .bounded = true},
    .open_source = file_open,
    .n_splits = file_n_splits,
    .next = file_next,
    .split_info = file_split_info,
    .poll_fd = file_poll_fd,
    .bounded = file_bounded,
    .close_source = file_close,
    .delivery = "truncate",
    .open_sink = wri_file_sink_open,
    .write = wri_file_sink_write,
    .flush = wri_file_sink_flush,
    .close_sink = wri_file_sink_close,
};
