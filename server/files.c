/* server/files.c -- files and folders of the server: read, made, removed. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define FILE_MOST (1 << 20) /* [bytes] */
#define DEPTH_MAX 8         /* of folders; a job's are two deep */

/* O_NONBLOCK: a pipe is refused, not waited for. */
wr_status wri_read_file(const char *path, const char *what, wr_buf *out, wr_err *err) {
    const wr_sys *sys = &wr_sys_real;
    struct stat st;
    size_t got = 0;
    int fd = sys->open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0 || sys->fstat(fd, &st) != 0) {
        int e = errno;
        if (fd >= 0) sys->close(fd);
        return wr_fail(err, WR_EINVAL, "cannot read %s '%s': %s", what, path, strerror(e));
    }
    wr_status s = WR_OK;
    if (!S_ISREG(st.st_mode)) s = wr_fail(err, WR_EINVAL, "%s '%s' is no file", what, path);
    else if (st.st_size > FILE_MOST)
        s = wr_fail(err, WR_EINVAL, "%s '%s' has %lld bytes, expected %d at most", what, path,
                    (long long)st.st_size, FILE_MOST);
    else if (wr_buf_reserve(out, (size_t)st.st_size + 1) != WR_OK) s = wr_fail_oom(err, what);
    if (s == WR_OK) s = wr_pread_all(sys, fd, out->data, (size_t)st.st_size, 0, &got, path, err);
    sys->close(fd);
    out->len = got;
    if (out->data) out->data[got] = 0;
    return s;
}

wr_status wri_sync_folder(const wr_sys *sys, const char *path, wr_err *err) {
    int fd = sys->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int bad = fd < 0 || sys->fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) sys->close(fd);
    return bad ? wr_fail(err, WR_EIO, "cannot sync the folder '%s': %s", path, strerror(bad)) : WR_OK;
}

wr_status wri_make_dir(const wr_sys *sys, const char *path, const char *above, bool *therep, wr_err *err) {
    *therep = false;
    if (sys->mkdir(path, 0755) != 0) {
        *therep = errno == EEXIST;
        if (*therep) return WR_OK;
        return wr_fail(err, WR_EIO, "cannot make the folder '%s': %s", path, strerror(errno));
    }
    return wri_sync_folder(sys, above, err);
}

typedef struct erasing {
    const wr_sys *sys;
    const char *dir;
    int depth;
    wr_status status;
    wr_err *err;
} erasing;

static wr_status erase(const wr_sys *sys, const char *path, int depth, wr_err *err);

static void each(void *ctx, const char *name) {
    erasing *e = ctx;
    char path[4096];
    if (e->status != WR_OK) return;
    if (snprintf(path, sizeof path, "%s/%s", e->dir, name) >= (int)sizeof path)
        e->status = wr_fail(e->err, WR_EIO, "the path of a file in '%s' is too long", e->dir);
    else e->status = erase(e->sys, path, e->depth + 1, e->err);
}

static wr_status erase(const wr_sys *sys, const char *path, int depth, wr_err *err) {
    if (sys->unlink(path) == 0 || errno == ENOENT) return WR_OK;
    if ((errno != EISDIR && errno != EPERM) || depth > DEPTH_MAX)
        return wr_fail(err, WR_EIO, "cannot remove '%s': %s", path, strerror(errno));
    erasing e = {.sys = sys, .dir = path, .depth = depth, .err = err};
    if (sys->list(path, each, &e) != 0 && errno != ENOENT)
        return wr_fail(err, WR_EIO, "cannot list '%s': %s", path, strerror(errno));
    if (e.status != WR_OK) return e.status;
    if (sys->rmdir(path) == 0 || errno == ENOENT) return WR_OK;
    return wr_fail(err, WR_EIO, "cannot remove '%s': %s", path, strerror(errno));
}

wr_status wri_erase(const wr_sys *sys, const char *path, wr_err *err) { return erase(sys, path, 0, err); }
