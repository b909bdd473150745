/* connectors/file_sink.c -- a file as a sink.
 *
 * Rows are gathered to blocks of 64 KiB and more before they are written, packed if asked for; a full disk
 * makes them wait in the buffer. flush()
 * writes all of it, and ends the gzip member or zstd frame, so that the file can be read, cut back to that
 * length and continued. The runtime calls flush() before close(); close() writes what is left but can tell
 * nobody when that fails. One thread at a time, but for sync().
 *
 * A file has one writer: it is locked (flock) while it is open. A mark is the file's length after a flush, 8
 * bytes. Going on from it cuts off what was written behind; a
 * file that is shorter than that is not the one that the job wrote. */
#include <errno.h>
#include <fcntl.h>

#include "file_int.h"

#define BLOCK_BYTES (64 * 1024)

struct wr_sink {
    const wr_sys *sys;
    char *path;
    int fd;
    bool to_empty; /* of what somebody has written before, once this job begins */
    bool regular;  /* a file on a disk, which may have room again */
    wri_zip *zip;  /* NULL: not packed */
    wr_buf buf;    /* rows not yet written; with zip: packed bytes */
};

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

bool wri_file_packed(const char *path) { return ends_with(path, ".gz") || ends_with(path, ".zst"); }

static wri_compression by_name(const char *path, int asked) {
    if (asked != WRI_AUTO) return (wri_compression)asked;
    return ends_with(path, ".gz") ? WRI_GZIP : ends_with(path, ".zst") ? WRI_ZSTD : WRI_NONE;
}

/* Says what is wrong with the folder of a file that could not be made. */
static wr_status cannot_create(const wr_sys *sys, const char *path, int e, wr_err *err) {
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (e == EISDIR) return wr_fail(err, WR_EIO, "'%s' is a folder; name a file to write to", path);
    if (e != ENOENT || !slash || slash == path) return wri_file_cannot("write to", path, e, err);
    wr_buf dir = {0};
    wr_status s = wr_buf_printf(&dir, "%.*s", (int)(slash - path), path);
    if (s == WR_OK && sys->stat(dir.data, &st) != 0)
        s = wr_fail(err, WR_EIO, "cannot write to '%s': there is no folder '%s'; make it first", path,
                    dir.data);
    else s = wri_file_cannot("write to", path, e, err);
    wr_buf_free(&dir);
    return s;
}

static wr_status cut_back(wr_sink *s, const wr_sink_cfg *cfg, int64_t size, wr_err *err) {
    int64_t len;
    if (cfg->from_len != sizeof len) return wr_fail(err, WR_EDATA, "the mark of '%s' is damaged", s->path);
    memcpy(&len, cfg->from, sizeof len);
    if (!s->regular) return WR_OK;
    if (size < len)
        return wr_fail(
            err, WR_EIO,
            "'%s' has %lld bytes, %lld were written before the snapshot: it was changed since; put it back, "
            "or start anew with another --state",
            s->path, (long long)size, (long long)len);
    return s->sys->ftruncate(s->fd, len) == 0 ? WR_OK : wri_file_cannot("cut back", s->path, errno, err);
}

/* The file is this sink's, and nobody's input here: what is in it will be lost. */
static wr_status take(wr_sink *s, const wr_sink_cfg *cfg, const struct stat *st, wr_err *err) {
    if (cfg->is_read && cfg->is_read(cfg->is_read_ctx, st))
        return wr_fail(err, WR_EINVAL,
                       "'%s' is read by the same SQL, and must not be written to as well; name another file "
                       "to write to",
                       s->path);
    /* File systems without locks are no reason not to write. */
    if (s->sys->lock(s->fd) == 0 || errno != EWOULDBLOCK) return WR_OK;
    return wr_fail(err, WR_ELIMIT,
                   "'%s' is being written to by another sink, job or process of weir; name another file to "
                   "write to, or stop that one",
                   s->path);
}

static wr_status open_file(wr_sink *s, const wr_sink_cfg *cfg, wr_err *err) {
    struct stat st;
    s->fd = wri_open(s->sys, s->path, O_WRONLY | O_CREAT | (cfg->from ? O_APPEND : 0), 0644);
    if (s->fd < 0) return cannot_create(s->sys, s->path, errno, err);
    if (s->sys->fstat(s->fd, &st) != 0) return wri_file_cannot("look at", s->path, errno, err);
    s->regular = S_ISREG(st.st_mode);
    if (s->regular) WR_TRY(take(s, cfg, &st, err));
    if (cfg->from) return cut_back(s, cfg, st.st_size, err);
    s->to_empty = s->regular && st.st_size > 0;
    return WR_OK;
}

wr_status wri_file_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    file_opts o;
    WR_TRY(wri_file_options(cfg->options, cfg->n_options, &o, err));
    if (o.tail)
        return wr_fail(err, WR_EINVAL, "option 'tail' is for reading; leave it out to write '%s'", o.path);
    wr_sink *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a sink");
    s->sys = cfg->sys;
    s->fd = -1;
    wri_compression kind = by_name(o.path, o.compression);
    wr_status rc = WR_OK;
    if (!(s->path = wr_strdup(o.path)) || wr_buf_reserve(&s->buf, BLOCK_BYTES) != WR_OK)
        rc = wr_fail_oom(err, "a sink");
    if (rc == WR_OK && kind != WRI_NONE) rc = wri_zip_new(kind, &s->zip, err);
    if (rc == WR_OK) rc = open_file(s, cfg, err); /* last, so that nothing is cut back in vain */
    if (rc == WR_OK) *outp = s;
    else wri_file_sink_close(s);
    return rc;
}

wr_status wri_file_sink_begin(wr_sink *s, wr_err *err) {
    if (!s->to_empty) return WR_OK;
    if (s->sys->ftruncate(s->fd, 0) != 0) return wri_file_cannot("empty", s->path, errno, err);
    s->to_empty = false;
    return WR_OK;
}

/* *np: how much of it is in the file. WR_AGAIN: for the rest the disk has no room now. */
static wr_status write_out(wr_sink *s, const char *p, size_t n, size_t *np, wr_err *err) {
    for (*np = 0; *np < n;) {
        ssize_t k = s->sys->write(s->fd, p + *np, n - *np);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) {
            bool no_room = k < 0 && s->regular && (errno == ENOSPC || errno == EDQUOT);
            return wr_fail(err, no_room ? WR_AGAIN : WR_EIO, "%s: cannot write: %s", s->path,
                           k < 0 ? strerror(errno) : "the system took no bytes");
        }
        *np += (size_t)k;
    }
    return WR_OK;
}

/* Writes the buffer. What finds no room stays in it, from the byte on that is missing in the file. After
 * another failure it is empty: that is not tried again, the job has failed and goes on from its snapshot. */
static wr_status write_buffer(wr_sink *s, wr_err *err) {
    size_t done, n = s->buf.len;
    wr_status r = write_out(s, s->buf.data, n, &done, err);
    s->buf.len = r == WR_AGAIN ? n - done : 0;
    memmove(s->buf.data, s->buf.data + done, s->buf.len);
    return r;
}

static wr_status write_through(wr_sink *s, const char *p, size_t n, wr_err *err) {
    size_t done;
    wr_status r = write_out(s, p, n, &done, err);
    if (r == WR_AGAIN && wr_buf_put(&s->buf, p + done, n - done) != WR_OK) return wr_fail_oom(err, "a sink");
    return r;
}

wr_status wri_file_sink_write(wr_sink *s, const char *p, size_t n, wr_err *err) {
    WR_TRY(wri_file_sink_begin(s, err));
    if (s->zip) {
        WR_TRY(wri_zip_run(s->zip, p, n, false, &s->buf, err));
        return s->buf.len >= BLOCK_BYTES ? write_buffer(s, err) : WR_OK;
    }
    if (n >= BLOCK_BYTES && s->buf.len == 0) return write_through(s, p, n, err);
    if (wr_buf_put(&s->buf, p, n) != WR_OK) return wr_fail_oom(err, "a sink");
    return s->buf.len >= BLOCK_BYTES ? write_buffer(s, err) : WR_OK;
}

wr_status wri_file_sink_flush(wr_sink *s, wr_err *err) {
    WR_TRY(wri_file_sink_begin(s, err));
    if (s->zip) WR_TRY(wri_zip_run(s->zip, NULL, 0, true, &s->buf, err));
    return write_buffer(s, err);
}

wr_status wri_file_sink_mark(wr_sink *s, wr_buf *out, wr_err *err) {
    struct stat st;
    WR_TRY(wri_file_sink_flush(s, err));
    if (s->sys->fstat(s->fd, &st) != 0) return wri_file_cannot("look at", s->path, errno, err);
    int64_t len = st.st_size;
    return wr_buf_put(out, &len, sizeof len) == WR_OK ? WR_OK : wr_fail_oom(err, "a sink");
}

wr_status wri_file_sink_sync(wr_sink *s, wr_err *err) {
    /* Pipes and devices have nothing to sync. */
    if (s->sys->fdatasync(s->fd) == 0 || errno == EINVAL || errno == EROFS) return WR_OK;
    return wri_file_cannot("make durable", s->path, errno, err);
}

void wri_file_sink_close(wr_sink *s) {
    if (!s) return;
    if (s->fd >= 0) {
        wr_status unheard = s->to_empty ? WR_OK : wri_file_sink_flush(s, NULL); /* to_empty: it never began */
        (void)unheard;
        s->sys->close(s->fd);
    }
    wri_zip_free(s->zip);
    wr_buf_free(&s->buf);
    wr_free(s->path);
    wr_free(s);
}
