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
 * With tail, files that come to match a pattern are looked for now and then: each is a split of its own, or
 * is taken up by one whose file has gone.
 *
 * Threads: a split belongs to whoever is inside next() for it; sizes and positions are atomic, because
 * the progress bar looks at them at any time. The list of splits grows under a lock; a split stays where it
 * is. Chunks keep their mapping; the last one unmaps it. */
#include "file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum split_kind { AT_REST, STREAM, TAIL } split_kind;

typedef struct split {
    const char *path; /* written under the lock */
    split_kind kind;
    bool tail; /* kind is TAIL; never changes */
    wri_compression compression;
    bool opened;
    bool ended;          /* with tail: under the lock */
    bool waits;          /* STREAM: a pipe or a device */
    int fd;              /* STREAM; -1: none; atomic */
    dev_t dev;           /* of the mapped file */
    ino_t ino;           /* of the mapped file */
    int64_t bytes;       /* atomic; -1: unknown */
    int64_t at;          /* AT_REST: bytes delivered or skipped; atomic */
    int64_t from;        /* goes on from there, unpacked; 0: the beginning */
    bool resumed;        /* a snapshot's position has been found for it */
    uint64_t from_state; /* of the cutter at that place */
    bool from_skipping;
    wri_map *map; /* AT_REST */
    wri_cutter cut;
    union {
        wri_reader reader; /* STREAM */
        wri_tail follow;   /* TAIL */
    };
} split;

struct wr_source {
    const wr_sys *sys;
    size_t chunk_bytes, record_max;
    pthread_mutex_t lock;
    split **splits; /* under the lock, as is the arena once the source is open */
    size_t n_splits, cap;
    wr_arena ar; /* paths and splits */
    /* Looking for new files; one thread at a time. */
    bool looks;
    char *pattern;
    wri_claims claims;
    wr_arena found_ar;
    wri_paths found; /* by the last scan, from `next` on not yet looked at */
    size_t next;
    wri_tail_counts counts;
    uint32_t added;  /* under the lock */
    wr_err left_out; /* why the last file that cannot be followed was left out; under the lock */
};

#define AT(member) .offset = offsetof(file_opts, member)
static const wr_option options[] = {
    {"path", WR_OPT_STRING, AT(path), .required = true, .place = true,
     .doc =
         "The file; for reading also a folder or a pattern such as 'logs/*.json', each file being a split."},
    {"compression", WR_OPT_ENUM, AT(compression), .values = WRI_COMPRESSION_VALUES, .def = "auto",
     .place = true,
     .doc = "How the file is packed; auto tells by its first bytes when reading, by its name (.gz, .zst) "
            "when writing."},
    {"tail", WR_OPT_BOOL, AT(tail), .def = "false", .place = true,
     .doc =
         "Reads on as the file grows, also when it is rotated or cut back, and takes up files that come to "
         "match the pattern; never ends."},
    {"reload_interval", WR_OPT_DURATION, AT(reload_us), .def = "5 seconds", .max = INT64_MAX,
     .doc =
         "Tables joined with endless input: how often they are looked at, to read them anew when they have "
         "changed; 0: never."},
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
    bool utf16 = n >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0);
    const char *format = sp->cut.format ? sp->cut.format->with.name : "";
    if (utf16 && (strcmp(format, "json") == 0 || strcmp(format, "csv") == 0))
        return wr_fail(err, WR_EIO,
                       "'%s' is UTF-16, %s is read as UTF-8; convert it: iconv -f UTF-16 -t UTF-8", sp->path,
                       format);
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
    return wri_tail_open(&sp->follow, &cfg, s->looks ? &s->claims : NULL, &s->counts, err);
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

static void free_split(const wr_source *s, split *sp) {
    close_split(s, sp);
    wri_cutter_free(&sp->cut);
}

static void file_close(wr_source *s) {
    for (size_t i = 0; i < s->n_splits; i++) free_split(s, s->splits[i]);
    wri_claims_free(&s->claims);
    pthread_mutex_destroy(&s->lock);
    wr_free(s->splits);
    wr_free(s->pattern);
    wr_arena_free(&s->found_ar);
    wr_arena_free(&s->ar);
    wr_free(s);
}

/* A split that has not been opened, at the end of the list. */
static wr_status add_split(wr_source *s, split **outp, wr_err *err) {
    pthread_mutex_lock(&s->lock);
    split *sp = wr_arena_calloc(&s->ar, sizeof *sp);
    if (sp && wr_grow(&s->splits, &s->cap, s->n_splits + 1, sizeof *s->splits) != WR_OK) sp = NULL;
    if (sp) {
        sp->fd = -1;
        s->splits[s->n_splits++] = sp;
    }
    pthread_mutex_unlock(&s->lock);
    *outp = sp;
    return sp ? WR_OK : wr_fail_oom(err, "a list of files");
}

static wr_status open_splits(wr_source *s, const wr_source_cfg *cfg, const file_opts *o, wr_err *err) {
    wri_paths paths;
    WR_TRY(wri_file_list(s->sys, o->path, &s->ar, &paths, err));
    s->looks = o->tail && !(paths.n == 1 && strcmp(paths.items[0], o->path) == 0);
    for (size_t i = 0; i < paths.n; i++) {
        split *sp;
        WR_TRY(add_split(s, &sp, err));
        sp->path = paths.items[i];
        sp->compression = (wri_compression)o->compression;
        sp->tail = o->tail;
        WR_TRY(wri_cutter_init(&sp->cut, cfg, s->record_max, err));
        wr_status rc = open_split(s, sp, err);
        if (rc != WR_OK && rc != WR_AGAIN) return rc;
        if (rc == WR_AGAIN) { /* a link to a file that another split follows */
            sp->ended = true;
            sp->opened = false;
        }
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
    pthread_mutex_init(&s->lock, NULL);
    wri_claims_init(&s->claims, s->sys);
    s->pattern = wr_strdup(o.path);
    wr_status rc = s->pattern ? open_splits(s, cfg, &o, err) : wr_fail_oom(err, "a source");
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

/* The head of a file that is gone on with is read once more; all else stands before `from`. */
static wr_status go_on(wr_source *s, split *sp, int fd, wr_err *err) {
    wr_status rc = wri_cutter_head(&sp->cut, s->sys, fd, sp->path, err);
    sp->cut.state = sp->from_state;
    sp->cut.skipping = sp->from_skipping;
    if (rc == WR_OK && sp->kind == AT_REST && (uint64_t)sp->from > sp->map->len)
        rc = wr_fail(err, WR_EIO,
                     "'%s' has %zu bytes, %lld were read before the snapshot: it is not the same file; put "
                     "it back, or "
                     "start anew with another --state",
                     sp->path, sp->map->len, (long long)sp->from);
    __atomic_store_n(&sp->at, sp->from, __ATOMIC_RELAXED);
    return rc;
}

/* Maps the file; WR_EIO: it cannot be mapped, read it instead. */
static wr_status start_mapped(wr_source *s, split *sp, int fd, const struct stat *st, wr_err *err) {
    sp->dev = st->st_dev;
    sp->ino = st->st_ino;
    wr_status rc = wri_map_new(s->sys, fd, (size_t)st->st_size, &sp->map, err);
    sp->opened = rc == WR_OK;
    return rc == WR_OK && sp->from > 0 ? go_on(s, sp, fd, err) : rc;
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

/* What is packed is read from the beginning; chunks before `from` are dropped, it is where a record begins.
 */
static wr_status next_read(split *sp, wr_chunk *out, wr_err *err) {
    for (;;) {
        WR_TRY(wri_reader_next(&sp->reader, out, err));
        if (out->pos >= sp->from) return WR_OK;
        if (sp->from < out->pos + (int64_t)out->len) {
            size_t skip = (size_t)(sp->from - out->pos);
            out->data += skip;
            out->len -= skip;
            out->pos = sp->from;
            return WR_OK;
        }
        wr_drop(out->hold);
    }
}

static wr_status next_mapped(wr_source *s, split *sp, wr_chunk *out, wr_err *err) {
    size_t window = s->chunk_bytes;
    for (;;) {
        size_t at = (size_t)sp->at, rest = sp->map->len - at;
        WR_TRY(check_whole(s, sp, err));
        if (rest == 0) return WR_EOF;
        size_t n = window < rest ? window : rest;
        wri_piece piece;
        WR_TRY(wri_cut(&sp->cut, sp->map->data + at, n, n == rest, &piece, err));
        if (piece.take == 0) window *= 2; /* no record ends here; wri_cut gives up at record_max */
        __atomic_store_n(&sp->at, (int64_t)(at + piece.take), __ATOMIC_RELAXED);
        wri_map_passed(sp->map, at);
        /* A record of gigabytes must be stoppable. */
        if (piece.take > 0 && piece.show == 0 && n < rest) return WR_AGAIN;
        if (piece.show == 0) continue;
        *out = wri_chunk(&sp->cut, piece);
        out->data = sp->map->data + at;
        out->pos = (int64_t)at;
        out->hold = wr_hold(&sp->map->ref);
        return WR_OK;
    }
}

/* ---- new files ---- */

static int by_path(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Lists what there is now, without the files that are being followed. */
static wr_status scan(wr_source *s, wr_err *err) {
    wri_paths all;
    wr_err none = {0};
    wri_claims_scan(&s->claims);
    wr_arena_reset(&s->found_ar);
    s->found = (wri_paths){0};
    s->next = 0;
    wr_status rc = wri_file_list(s->sys, s->pattern, &s->found_ar, &all, &none);
    if (rc == WR_EIO) return WR_AGAIN; /* nothing there for now */
    if (rc != WR_OK) return wr_fail(err, rc, "%s", none.msg);
    pthread_mutex_lock(&s->lock);
    const char **mine = wr_arena_alloc(&s->found_ar, (s->n_splits + 1) * sizeof *mine);
    size_t n = 0;
    for (size_t i = 0; mine && i < s->n_splits; i++)
        if (!s->splits[i]->ended) mine[n++] = s->splits[i]->path;
    pthread_mutex_unlock(&s->lock);
    if (!mine) return wr_fail_oom(err, "a list of files");
    qsort(mine, n, sizeof *mine, by_path);
    for (size_t i = 0; i < all.n; i++)
        if (!bsearch(&all.items[i], mine, n, sizeof *mine, by_path))
            all.items[s->found.n++] = all.items[i]; /* the list becomes shorter in place */
    s->found.items = all.items;
    return WR_OK;
}

/* A split without a file, else a new one. */
static wr_status free_place(wr_source *s, uint32_t *ip, split **outp, wr_err *err) {
    pthread_mutex_lock(&s->lock);
    size_t i = 0, n = s->n_splits;
    while (i < n && !s->splits[i]->ended) i++;
    *outp = i < n ? s->splits[i] : NULL;
    pthread_mutex_unlock(&s->lock);
    *ip = (uint32_t)i;
    if (!*outp) WR_TRY(add_split(s, outp, err));
    (*outp)->ended = (*outp)->tail = true;
    return (*outp)->cut.why_long ? WR_OK : wri_cutter_like(&(*outp)->cut, &s->splits[0]->cut, err);
}

static void leave_out(wr_source *s, const wr_err *why) {
    pthread_mutex_lock(&s->lock);
    s->left_out = *why;
    pthread_mutex_unlock(&s->lock);
}

/* Why a new file is not to be followed. */
static wr_status check_new(wr_source *s, const char *path, const struct stat *st, wr_err *why) {
    split probe = {.path = path, .fd = -1, .tail = true};
    if (!S_ISREG(st->st_mode)) return wr_fail(why, WR_EINVAL, "'%s' is no regular file", path);
    if (wri_file_packed(path))
        return wr_fail(why, WR_EINVAL, "'%s' is packed, as its name says; tail = true cannot follow it",
                       path);
    int fd = wri_open(s->sys, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) return wri_file_cannot("open", path, errno, why);
    wr_status rc = inspect(s, &probe, fd, why);
    s->sys->close(fd);
    return rc;
}

static wr_status begin_tail(wr_source *s, split *sp, wr_err *err) {
    if (sp->opened) return wri_tail_take(&sp->follow, sp->path, err);
    sp->kind = TAIL;
    sp->compression = WRI_NONE;
    wri_reader_cfg cfg = reader_cfg(s, sp);
    wr_status rc = wri_tail_open(&sp->follow, &cfg, &s->claims, &s->counts, err);
    sp->opened = rc == WR_OK;
    if (rc != WR_OK) wri_tail_close(&sp->follow);
    return rc;
}

/* Follows a file that has not been followed before. WR_AGAIN: it is one that has, or cannot be. */
static wr_status take_up(wr_source *s, const char *path, uint32_t *splitp, wr_err *err) {
    struct stat st;
    split *sp;
    wr_err why = {0};
    if (s->sys->stat(path, &st) != 0 || wri_claim_seen(&s->claims, &st)) return WR_AGAIN;
    if (check_new(s, path, &st, &why) != WR_OK) {
        leave_out(s, &why);
        return WR_AGAIN;
    }
    WR_TRY(free_place(s, splitp, &sp, err));
    pthread_mutex_lock(&s->lock);
    const char *copy = wr_arena_strdup(&s->ar, path);
    if (copy) sp->path = copy;
    pthread_mutex_unlock(&s->lock);
    if (!copy) return wr_fail_oom(err, "a list of files");
    wr_status rc = begin_tail(s, sp, &why);
    if (rc == WR_EIO) leave_out(s, &why);
    if (rc != WR_OK) return rc == WR_ENOMEM ? wr_fail_oom(err, "a source") : WR_AGAIN;
    pthread_mutex_lock(&s->lock);
    sp->ended = false;
    s->added++;
    pthread_mutex_unlock(&s->lock);
    return WR_OK;
}

static wr_status file_look(wr_source *s, uint32_t *splitp, wr_err *err) {
    if (!s->looks) return WR_EOF;
    if (s->next == s->found.n) WR_TRY(scan(s, err));
    while (s->next < s->found.n) {
        wr_status rc = take_up(s, s->found.items[s->next++], splitp, err);
        if (rc != WR_AGAIN) return rc;
    }
    return WR_AGAIN;
}

static wr_status file_notes(wr_source *s, wr_buf *out) {
    pthread_mutex_lock(&s->lock);
    const struct {
        uint32_t n;
        const char *one, *many;
    } counts[] = {
        {__atomic_load_n(&s->counts.rotated, __ATOMIC_RELAXED), "rotation", "rotations"},
        {__atomic_load_n(&s->counts.cut_back, __ATOMIC_RELAXED), "file cut back", "files cut back"},
        {s->added, "new file", "new files"},
        {__atomic_load_n(&s->counts.deleted, __ATOMIC_RELAXED), "file deleted", "files deleted"},
        {__atomic_load_n(&s->counts.lost, __ATOMIC_RELAXED), "file gone before its end was seen",
         "files gone before their end was seen"},
    };
    wr_status rc = WR_OK;
    bool any = false;
    for (size_t i = 0; i < WR_LEN(counts) && rc == WR_OK; i++) {
        if (counts[i].n == 0) continue;
        rc = any ? wr_buf_puts(out, ", ") : wr_buf_printf(out, "%s: ", s->pattern);
        any = true;
        const char *what = counts[i].n == 1 ? counts[i].one : counts[i].many;
        if (rc == WR_OK) rc = wr_buf_printf(out, "%u %s", counts[i].n, what);
    }
    if (any && rc == WR_OK) rc = wr_buf_puts(out, "\n");
    if (rc == WR_OK && s->left_out.msg[0]) rc = wr_buf_printf(out, "left out: %s\n", s->left_out.msg);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- the table's functions ---- */

static split *split_at(const wr_source *s, uint32_t i) {
    pthread_mutex_t *lock = (pthread_mutex_t *)&s->lock;
    pthread_mutex_lock(lock);
    split *sp = s->splits[i];
    pthread_mutex_unlock(lock);
    return sp;
}

/* The file has gone; the reader stays, for the next file. */
static wr_status end_tail(wr_source *s, split *sp) {
    pthread_mutex_lock(&s->lock);
    sp->ended = true;
    pthread_mutex_unlock(&s->lock);
    return WR_EOF;
}

static wr_status file_next(wr_source *s, uint32_t split_no, wr_chunk *out, wr_err *err) {
    split *sp = split_at(s, split_no);
    *out = (wr_chunk){0};
    if (sp->ended) return WR_EOF;
    if (!sp->opened) WR_TRY(start(s, sp, err));
    wr_status rc = sp->kind == TAIL     ? wri_tail_next(&sp->follow, out, err)
                   : sp->kind == STREAM ? next_read(sp, out, err)
                                        : next_mapped(s, sp, out, err);
    out->split = split_no;
    if (sp->kind == STREAM)
        __atomic_store_n(&sp->at, sp->reader.at, __ATOMIC_RELAXED); /* survives the reader */
    if (rc == WR_EOF && sp->kind == TAIL) return end_tail(s, sp);
    if (rc == WR_EOF) end_split(s, sp);
    return rc;
}

/* Of a folder or pattern the file may be one only since a sink has made it: lists anew. */
static bool file_reads(wr_source *s, const struct stat *file) {
    wr_arena ar = {0};
    wri_paths all = {0};
    struct stat st;
    bool found = false;
    if (wri_file_list(s->sys, s->pattern, &ar, &all, NULL) == WR_OK)
        for (size_t i = 0; !found && i < all.n; i++)
            found = s->sys->stat(all.items[i], &st) == 0 && st.st_dev == file->st_dev &&
                    st.st_ino == file->st_ino;
    wr_arena_free(&ar);
    return found;
}

/* ---- snapshots ----
 *
 * A position, msgpack: [path, kind, place of the next record, state of the cutter, whether it skips, ended,
 * dev, ino], and of a file that is followed: [… position in the split, how many of its first bytes it is told
 * by, their hash, number of the split], which earlier versions have not.
 */

#define FIELDS_FIRST 8 /* of a position */
#define FIELDS_TAIL  12
#define SPLITS_MAX   (1 << 24)

static wr_status where(split *sp, wri_place *out, wr_err *err) {
    *out = (wri_place){0};
    if (sp->kind == TAIL) {
        WR_TRY(wri_tail_place(&sp->follow, out, err));
        out->over = out->over || sp->ended;
        return WR_OK;
    }
    out->over = sp->ended;
    if (!sp->opened) out->at = sp->ended ? sp->at : sp->from;
    else out->at = sp->kind == STREAM ? sp->reader.pos : sp->at;
    if (sp->kind == STREAM && out->at < sp->from) out->at = sp->from;
    return WR_OK;
}

static wr_status file_position(wr_source *s, uint32_t split_no, wr_buf *out, wr_err *err) {
    split *sp = split_at(s, split_no);
    wri_place p;
    msgpack_packer pk;
    if (sp->waits || !*sp->path) return WR_OK; /* a pipe cannot be read again; a free place has nothing */
    WR_TRY(where(sp, &p, err));
    bool tail = sp->kind == TAIL;
    bool waiting = !tail && !sp->opened && sp->from > 0; /* gone on with, and not yet begun */
    size_t n = strlen(sp->path);
    msgpack_packer_init(&pk, out, wr_buf_write);
    int r = msgpack_pack_array(&pk, tail ? FIELDS_TAIL : FIELDS_FIRST);
    if (r == 0) r = msgpack_pack_str(&pk, n);
    if (r == 0) r = msgpack_pack_str_body(&pk, sp->path, n);
    if (r == 0) r = msgpack_pack_int(&pk, sp->kind);
    if (r == 0) r = msgpack_pack_int64(&pk, p.at);
    if (r == 0) r = msgpack_pack_uint64(&pk, waiting ? sp->from_state : sp->cut.state);
    if (r == 0) r = msgpack_pack_int(&pk, waiting ? sp->from_skipping : sp->cut.skipping);
    if (r == 0) r = msgpack_pack_int(&pk, p.over);
    if (r == 0) r = msgpack_pack_uint64(&pk, p.dev);
    if (r == 0) r = msgpack_pack_uint64(&pk, p.ino);
    if (r == 0 && tail) r = msgpack_pack_int64(&pk, p.pos);
    if (r == 0 && tail) r = msgpack_pack_uint64(&pk, p.print_n);
    if (r == 0 && tail) r = msgpack_pack_uint64(&pk, p.print);
    if (r == 0 && tail) r = msgpack_pack_uint32(&pk, split_no);
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static bool read_position(const msgpack_object *o, wri_place *out) {
    if (o->type != MSGPACK_OBJECT_ARRAY) return false;
    const msgpack_object *f = o->via.array.ptr;
    uint32_t n = o->via.array.size;
    if ((n != FIELDS_FIRST && n != FIELDS_TAIL) || f[0].type != MSGPACK_OBJECT_STR) return false;
    for (uint32_t i = 1; i < n; i++)
        if (f[i].type != MSGPACK_OBJECT_POSITIVE_INTEGER) return false;
    *out = (wri_place){.at = f[2].via.i64,
                       .pos = n == FIELDS_TAIL ? f[8].via.i64 : f[2].via.i64,
                       .over = f[5].via.u64 != 0,
                       .dev = (dev_t)f[6].via.u64,
                       .ino = (ino_t)f[7].via.u64,
                       .print_n = n == FIELDS_TAIL ? f[9].via.u64 : 0,
                       .print = n == FIELDS_TAIL ? f[10].via.u64 : 0};
    return out->at >= 0 && out->pos >= 0;
}

/* The split of a file that was followed, by what it is: it may have been rotated to a name that the pattern
 * matches, too. Else of a path; n_splits: none. */
static wr_status find_split(const wr_source *s, const msgpack_object_str *path, const wri_place *p, bool *isp,
                            size_t *ip, wr_err *err) {
    *isp = false;
    for (*ip = 0; *ip < s->n_splits && p->ino; ++*ip) {
        const split *sp = s->splits[*ip];
        if (sp->tail && sp->opened) WR_TRY(wri_tail_is(&sp->follow, p, isp, err));
        if (*isp) return WR_OK;
    }
    for (*ip = 0; *ip < s->n_splits; ++*ip) {
        const char *of = s->splits[*ip]->path;
        if (strlen(of) == path->size && memcmp(of, path->ptr, path->size) == 0) break;
    }
    return WR_OK;
}

/* Rows of equal times are in the order of their splits' numbers: a split that is gone on with keeps its own,
 * whatever files have come and gone since. Places of files that have gone stay free. */
static wr_status renumber(wr_source *s, uint32_t *splitp, uint64_t no, wr_err *err) {
    if (no > SPLITS_MAX)
        return wr_fail(err, WR_EDATA, "the snapshot has a split %llu", (unsigned long long)no);
    while (s->n_splits <= no) {
        split *none;
        WR_TRY(add_split(s, &none, err));
        none->path = "";
        none->ended = none->tail = true;
        WR_TRY(wri_cutter_like(&none->cut, &s->splits[0]->cut, err));
    }
    split *other = s->splits[no];
    s->splits[no] = s->splits[*splitp];
    s->splits[*splitp] = other;
    *splitp = (uint32_t)no;
    return WR_OK;
}

/* The split *splitp of a file that is followed; is: its file is the one of the position. WR_AGAIN: nothing of
 * the position goes on in it. */
static wr_status resume_tail(wr_source *s, const msgpack_object_array *f, const wri_place *p, bool is,
                             uint32_t *splitp, wr_err *err) {
    split *sp = s->splits[*splitp];
    bool anew = true, other = !sp->opened || (!is && sp->resumed);
    if (other && !p->over) __atomic_add_fetch(&s->counts.lost, 1, __ATOMIC_RELAXED);
    if (other) return WR_AGAIN; /* it has the place of another file */
    WR_TRY(wri_tail_go_on(&sp->follow, p, &anew, err));
    bool ended = anew && p->over && s->looks; /* that file; there is another one of its name now */
    if (!sp->resumed && !ended && f->size == FIELDS_TAIL)
        WR_TRY(renumber(s, splitp, f->ptr[11].via.u64, err));
    sp->resumed = true;
    if (anew) return ended ? WR_AGAIN : WR_OK;
    WR_TRY(wri_cutter_head(&sp->cut, s->sys, sp->follow.fd, sp->path, err));
    sp->cut.state = f->ptr[3].via.u64;
    sp->cut.skipping = f->ptr[4].via.u64 != 0;
    return WR_OK;
}

static wr_status resume_at(wr_source *s, const msgpack_object_array *f, const wri_place *p, uint32_t *splitp,
                           wr_err *err) {
    size_t i;
    bool is;
    WR_TRY(find_split(s, &f->ptr[0].via.str, p, &is, &i, err));
    if (i == s->n_splits && p->over) return WR_AGAIN; /* read to its end and removed since */
    if (i == s->n_splits)
        return wr_fail(err, WR_EIO,
                       "'%.*s' was being read and is gone; put it back, or start anew with another --state",
                       (int)f->ptr[0].via.str.size, f->ptr[0].via.str.ptr);
    split *sp = s->splits[i];
    *splitp = (uint32_t)i;
    if (sp->tail) return resume_tail(s, f, p, is, splitp, err);
    sp->resumed = true;
    sp->from = p->at;
    sp->from_state = f->ptr[3].via.u64;
    sp->from_skipping = f->ptr[4].via.u64 != 0;
    return WR_OK;
}

static wr_status file_resume(wr_source *s, const char *p, size_t n, uint32_t *splitp, wr_err *err) {
    msgpack_unpacked u;
    wri_place place;
    size_t at = 0;
    msgpack_unpacked_init(&u);
    bool ok = msgpack_unpack_next(&u, p, n, &at) == MSGPACK_UNPACK_SUCCESS && read_position(&u.data, &place);
    wr_status rc =
        ok ? resume_at(s, &u.data.via.array, &place, splitp, err)
           : wr_fail(err, WR_EDATA, "the position of a file in the snapshot is not as it was written");
    msgpack_unpacked_destroy(&u);
    return rc;
}

static uint32_t file_n_splits(const wr_source *s) { return (uint32_t)s->n_splits; }

static void file_split_info(const wr_source *s, uint32_t split_no, wr_split_info *out) {
    pthread_mutex_t *lock = (pthread_mutex_t *)&s->lock;
    pthread_mutex_lock(lock);
    const split *sp = s->splits[split_no];
    out->name = sp->path;
    out->bytes = __atomic_load_n(sp->tail ? &sp->follow.bytes : &sp->bytes, __ATOMIC_RELAXED);
    out->at = __atomic_load_n(sp->tail ? &sp->follow.reader.at : &sp->at, __ATOMIC_RELAXED);
    pthread_mutex_unlock(lock);
}

/* A file at rest is always ready, a growing one gives no signal. */
static int file_watch(wr_source *s) {
    pthread_mutex_lock(&s->lock);
    const split *only = s->n_splits == 1 ? s->splits[0] : NULL;
    int fd = only && only->waits ? __atomic_load_n(&only->fd, __ATOMIC_RELAXED) : -1;
    pthread_mutex_unlock(&s->lock);
    return fd;
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
             .delivery = "truncate",
             .needs_format = true,
             .reload = true,
             .bounded = true},
    .open_source = file_open,
    .n_splits = file_n_splits,
    .next = file_next,
    .split_info = file_split_info,
    .position = file_position,
    .resume = file_resume,
    .watch = file_watch,
    .look = file_look,
    .notes = file_notes,
    .bounded = file_bounded,
    .stamp = wri_file_stamp,
    .reads = file_reads,
    .close_source = file_close,
    .open_sink = wri_file_sink_open,
    .begin = wri_file_sink_begin,
    .write = wri_file_sink_write,
    .flush = wri_file_sink_flush,
    .mark = wri_file_sink_mark,
    .sync = wri_file_sink_sync,
    .close_sink = wri_file_sink_close,
};
