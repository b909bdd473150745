/* connectors/file_tail.c -- following a file that grows, is rotated or cut back.
 *
 *   at its end?  the path names another file (rotated)  -> finish this one, then begin the other
 *                the file is shorter than what was read -> finish what is buffered, then begin it again
 *                the path names nothing                 -> go on with this one; another may appear
 *                the file was deleted                   -> finish and close it; another may appear
 *
 * Finishing means that a last line without its end is delivered as a record. Positions go on through all
 * of it, so that they rise within the split. A file that is cut back and then grows past the old place
 * between two looks cannot be told from one that just grew; nobody can, who only looks at its size. */
#include <errno.h>
#include <fcntl.h>

#include "file_int.h"

static void close_fd(wri_tail *t) {
    if (t->fd >= 0 && t->claims) wri_claim_leave(t->claims, t->fd);
    else if (t->fd >= 0) t->sys->close(t->fd);
    t->fd = -1;
}

/* Opens path as it is now. WR_AGAIN: there is nothing of that name, or it is another's. */
static wr_status open_path(wri_tail *t, wr_err *err) {
    struct stat st;
    int fd = wri_open(t->sys, t->path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno == ENOENT) return WR_AGAIN;
    if (fd < 0) return wri_file_cannot("open", t->path, errno, err);
    if (t->sys->fstat(fd, &st) != 0) {
        int e = errno;
        t->sys->close(fd);
        return wri_file_cannot("open", t->path, e, err);
    }
    wr_status s = t->claims ? wri_claim_take(t->claims, &st, fd) : WR_OK;
    if (s != WR_OK) {
        t->sys->close(fd);
        return s == WR_AGAIN ? s : wr_fail_oom(err, "a list of files");
    }
    t->fd = fd;
    t->dev = st.st_dev;
    t->ino = st.st_ino;
    __atomic_store_n(&t->bytes, (int64_t)st.st_size, __ATOMIC_RELAXED);
    return WR_OK;
}

wr_status wri_tail_open(wri_tail *t, const wri_reader_cfg *cfg, wri_claims *claims, wri_tail_counts *counts,
                        wr_err *err) {
    *t = (wri_tail){.sys = cfg->sys, .path = cfg->name, .claims = claims, .counts = counts, .fd = -1};
    wr_status s = open_path(t, err);
    if (s == WR_AGAIN && !claims) return wri_file_cannot("open", t->path, ENOENT, err);
    return s == WR_OK ? wri_reader_open(&t->reader, cfg, t->fd, err) : s;
}

wr_status wri_tail_take(wri_tail *t, const char *path, wr_err *err) {
    t->path = t->reader.cfg.name = path;
    WR_TRY(open_path(t, err));
    wri_reader_restart(&t->reader, t->fd);
    return WR_OK;
}

/* ---- going on after a restart ---- */

typedef struct search { /* a file of a folder, by its inode */
    const wri_tail *t;
    dev_t dev;
    ino_t ino;
    size_t folder; /* length of the folder's part of the path */
    wr_buf path;   /* of the file, once it is found */
    bool found, oom;
} search;

static void try_name(void *ctx, const char *name) {
    search *s = ctx;
    struct stat st;
    if (s->found || s->oom) return;
    s->path.len = 0;
    s->oom = wr_buf_printf(&s->path, "%.*s%s", (int)s->folder, s->t->path, name) != WR_OK;
    s->found =
        !s->oom && s->t->sys->stat(s->path.data, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

/* A file that was rotated while nobody read it bears another name in the same folder: it is read to its end
 * first, as if it had been rotated just now. */
static wr_status find_renamed(wri_tail *t, dev_t dev, ino_t ino, wr_err *err) {
    const char *slash = strrchr(t->path, '/');
    search s = {.t = t, .dev = dev, .ino = ino, .folder = slash ? (size_t)(slash + 1 - t->path) : 0};
    char *folder = s.folder ? wr_strdup(t->path) : wr_strdup(".");
    wr_status r = folder ? WR_OK : wr_fail_oom(err, "a list of files");
    if (r == WR_OK && s.folder > 1) folder[s.folder - 1] = 0;
    if (r == WR_OK && t->sys->list(folder, try_name, &s) != 0) r = WR_AGAIN;
    if (r == WR_OK) r = s.oom ? wr_fail_oom(err, "a list of files") : s.found ? WR_OK : WR_AGAIN;
    int fd = r == WR_OK ? wri_open(t->sys, s.path.data, O_RDONLY | O_NONBLOCK, 0) : -1;
    if (r == WR_OK && fd < 0) r = WR_AGAIN;
    if (r == WR_OK) {
        close_fd(t);
        t->fd = fd;
        t->dev = dev;
        t->ino = ino;
    }
    wr_buf_free(&s.path);
    wr_free(folder);
    return r;
}

wr_status wri_tail_go_on(wri_tail *t, dev_t dev, ino_t ino, int64_t at, wr_err *err) {
    struct stat st;
    if (t->fd < 0 || t->dev != dev || t->ino != ino) {
        WR_TRY(find_renamed(t, dev, ino, err));
        wri_reader_restart(&t->reader, t->fd);
    }
    if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
    if (st.st_size < at) return WR_OK; /* cut back meanwhile: from its beginning */
    t->reader.at = t->reader.pos = at;
    return WR_OK;
}

/* At the end for now: finds out whether this file has ended for good. */
static wr_status look(wri_tail *t, wr_err *err) {
    struct stat st;
    if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
    __atomic_store_n(&t->bytes, (int64_t)st.st_size, __ATOMIC_RELAXED);
    if (st.st_size < t->reader.at) {
        t->ending = t->anew = true;
        return WR_OK;
    }
    bool deleted = st.st_nlink == 0;
    if (t->sys->stat(t->path, &st) != 0) { /* renamed away and the new one is not there yet, or gone */
        t->ending = deleted;
        if (deleted) __atomic_add_fetch(&t->counts->deleted, 1, __ATOMIC_RELAXED);
        return WR_OK;
    }
    t->ending = st.st_dev != t->dev || st.st_ino != t->ino;
    return WR_OK;
}

/* The old file has been delivered: begins the next. */
static wr_status begin(wri_tail *t, wr_err *err) {
    uint32_t *count = t->anew ? &t->counts->cut_back : &t->counts->rotated;
    if (!t->anew) {
        t->ending = false;
        close_fd(t);
        wr_status s = open_path(t, err);
        if (s != WR_OK) return s == WR_AGAIN && t->claims ? WR_EOF : s;
    }
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
    t->ending = t->anew = false;
    wri_reader_restart(&t->reader, t->fd);
    return WR_OK;
}

wr_status wri_tail_next(wri_tail *t, wr_chunk *out, wr_err *err) {
    for (;;) {
        wr_status s = t->fd < 0 ? WR_EOF : wri_reader_next(&t->reader, out, err);
        if (s == WR_EOF) {
            *out = (wr_chunk){0};
            WR_TRY(begin(t, err)); /* WR_AGAIN: not there yet */
            continue;
        }
        if (s != WR_AGAIN) return s;
        bool was = t->ending;
        if (!was) WR_TRY(look(t, err));
        if (!t->ending) return WR_AGAIN;
        /* What was written between the last read and the look is read before the file is left. */
        if (was || t->anew) wri_reader_finish(&t->reader);
    }
}

void wri_tail_close(wri_tail *t) {
    wri_reader_close(&t->reader);
    close_fd(t);
}
