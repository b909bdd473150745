/* runtime/ops/spill_run.c -- see spill_run.h. */
#include "spill_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)

struct wri_file {
    wr_ref ref;
    wr_job *job; /* for counting only, while the worker writes */
    const wr_sys *sys;
    int fd;
    char *dir;
    pthread_mutex_t lock; /* of what follows */
    uint32_t *free_chunks;
    size_t n_free, cap;
    uint32_t n_chunks; /* of the file */
};

static void release_file(wr_ref *ref) {
    wri_file *f = (wri_file *)ref;
    if (f->fd >= 0) f->sys->close(f->fd);
    pthread_mutex_destroy(&f->lock);
    wr_free(f->free_chunks);
    wr_free(f->dir);
    wr_free(f);
}

void wri_file_close(wri_file *f) { wr_drop(f ? &f->ref : NULL); }

static wr_status cannot(const wri_file *f, const char *what, uint64_t bytes, wr_err *err) {
    return wr_fail(
        err, WR_EIO,
        "cannot %s a temporary file in '%s' for state that does not fit in memory (%" PRIu64
        " KiB so far): %s; free space there, name another folder by TMPDIR or --state, or give a larger "
        "--memory",
        what, f->dir, bytes >> 10, strerror(errno));
}

/* Where the system has no files without names, one that loses its name at once. */
static int open_named(const wri_file *f) {
    char path[4096];
    uint64_t number = f->sys->random();
    if (snprintf(path, sizeof path, "%s/weir-%016" PRIx64 ".spill", f->dir, number) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = f->sys->open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) f->sys->unlink(path);
    return fd;
}

wr_status wri_file_open(wr_job *j, const char *dir, wri_file **outp, wr_err *err) {
    *outp = NULL;
    wri_file *f = wr_calloc(1, sizeof *f);
    if (!f) return wr_fail_oom(err, "a temporary file");
    wr_ref_init(&f->ref, release_file);
    pthread_mutex_init(&f->lock, NULL);
    f->job = j;
    f->sys = j->sys;
    f->fd = -1;
    f->dir = wr_strdup(dir);
    wr_status r = f->dir ? WR_OK : wr_fail_oom(err, "a temporary file");
    if (r == WR_OK) {
        f->fd = f->sys->open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (f->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) f->fd = open_named(f);
        if (f->fd < 0) r = cannot(f, "make", 0, err);
    }
    if (r == WR_OK) *outp = f;
    else wri_file_close(f);
    return r;
}

wr_status wri_file_make(wr_job *j, wri_file **outp, wr_err *err) {
    const char *dir = j->opts.state_dir ? j->opts.state_dir : getenv("TMPDIR");
    return wri_file_open(j, dir && *dir ? dir : "/tmp", outp, err);
}

/* ---- chunks ---- */

static void give_back(wri_file *f, const uint32_t *chunks, size_t n) {
    pthread_mutex_lock(&f->lock);
    /* Without memory for the list the chunks stay unused, as long as the file lives. */
    if (wr_grow(&f->free_chunks, &f->cap, f->n_free + n, sizeof *chunks) == WR_OK)
        for (size_t i = 0; i < n; i++) f->free_chunks[f->n_free++] = chunks[i];
    if (f->n_free == f->n_chunks && f->n_chunks > 0 && f->sys->ftruncate(f->fd, 0) == 0)
        f->n_free = f->n_chunks = 0;
    pthread_mutex_unlock(&f->lock);
}

static uint32_t take_chunk(wri_file *f) {
    pthread_mutex_lock(&f->lock);
    uint32_t c = f->n_free ? f->free_chunks[--f->n_free] : f->n_chunks++;
    pthread_mutex_unlock(&f->lock);
    return c;
}

static void release_run(wr_ref *ref) {
    wri_run *r = (wri_run *)ref;
    if (r->n_chunks) give_back(r->file, r->chunks, r->n_chunks);
    wri_file_close(r->file);
    wr_buf_free(&r->last);
    wr_free(r->chunks);
    wr_free(r);
}

void wri_run_drop(wri_run *r) { wr_drop(r ? &r->ref : NULL); }

wr_status wri_run_begin(wri_file *f, wri_run **outp, wr_err *err) {
    wri_run *r = *outp = wr_calloc(1, sizeof *r);
    if (!r) return wr_fail_oom(err, "state on disk");
    wr_ref_init(&r->ref, release_run);
    r->file = f;
    wr_hold(&f->ref);
    return WR_OK;
}

static wr_status write_chunk(wri_run *r, const char *p, size_t n, wr_err *err) {
    wri_file *f = r->file;
    if (wr_grow(&r->chunks, &r->cap, r->n_chunks + 1, sizeof *r->chunks) != WR_OK)
        return wr_fail_oom(err, "state on disk");
    r->chunks[r->n_chunks] = take_chunk(f);
    int64_t at = (int64_t)r->chunks[r->n_chunks++] * (int64_t)CHUNK;
    for (size_t done = 0; done < n;) {
        ssize_t k = f->sys->pwrite(f->fd, p + done, n - done, at + (int64_t)done);
        if (k < 0 && errno == EINTR) continue;
        if (k == 0) errno = ENOSPC;
        if (k <= 0) return cannot(f, "write", (uint64_t)f->n_chunks * CHUNK, err);
        done += (size_t)k;
    }
    return WR_OK;
}

wr_status wri_run_add(wri_run *r, const char *p, size_t n, wr_err *err) {
    r->crc = wr_crc32c(r->crc, p, n);
    r->bytes += n;
    while (n > 0) {
        size_t k = CHUNK - r->last.len < n ? CHUNK - r->last.len : n;
        if (wr_buf_put(&r->last, p, k) != WR_OK) return wr_fail_oom(err, "state on disk");
        p += k;
        n -= k;
        if (r->last.len < CHUNK) break;
        WR_TRY(write_chunk(r, r->last.data, CHUNK, err));
        r->last.len = 0;
    }
    return WR_OK;
}

wr_status wri_run_end(wri_run *r, wr_err *err) {
    if (r->last.len) WR_TRY(write_chunk(r, r->last.data, r->last.len, err));
    wr_buf_free(&r->last);
    __atomic_add_fetch(&r->file->job->spilled_bytes, r->bytes, __ATOMIC_RELAXED);
    return WR_OK;
}

wr_status wri_run_read(wri_run *r, uint64_t at, char *p, size_t n, wr_err *err) {
    const wri_file *f = r->file;
    while (n > 0) {
        size_t in = at % CHUNK, k = CHUNK - in < n ? CHUNK - in : n, got = 0;
        int64_t from = (int64_t)r->chunks[at / CHUNK] * (int64_t)CHUNK + (int64_t)in;
        WR_TRY(wr_pread_all(f->sys, f->fd, p, k, from, &got, f->dir, err));
        if (got < k)
            return wr_fail(err, WR_EIO,
                           "a temporary file in '%s' has become shorter by itself; check the disk", f->dir);
        at += k;
        p += k;
        n -= k;
    }
    return WR_OK;
}
