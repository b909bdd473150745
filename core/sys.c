/* core/sys.c -- the real clock, files and randomness. */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static int64_t real_wall_us(void) { return clock_us(CLOCK_REALTIME); }
static int64_t real_mono_us(void) { return clock_us(CLOCK_MONOTONIC); }

static uint64_t real_random(void) {
    uint64_t v = 0;
    if (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v) v ^= (uint64_t)real_mono_us();
    return v;
}

static int real_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }
static int real_fstat(int fd, struct stat *st) { return fstat(fd, st); }
static int real_stat(const char *path, struct stat *st) { return stat(path, st); }

static int real_list(const char *path, void (*each)(void *ctx, const char *name), void *ctx) {
    DIR *dir = opendir(path);
    if (!dir) return -1;
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)); errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) each(ctx, e->d_name);
    int why = errno;
    closedir(dir);
    errno = why;
    return why ? -1 : 0;
}

static int real_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

static int real_watch(int fd, const char *path) {
    int in = fd >= 0 ? fd : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (in < 0) return -1;
    if (inotify_add_watch(in, path, IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF) >= 0) return in;
    int why = errno;
    if (fd < 0) close(in);
    errno = why;
    return -1;
}

const wr_sys wr_sys_real = {
    .wall_us = real_wall_us,
    .mono_us = real_mono_us,
    .random = real_random,
    .open = real_open,
    .read = read,
    .pread = pread,
    .write = write,
    .pwrite = pwrite,
    .close = close,
    .fstat = real_fstat,
    .stat = real_stat,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .syncfs = syncfs,
    .ftruncate = ftruncate,
    .rename = rename,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .list = real_list,
    .lock = real_lock,
    .watch = real_watch,
    .mmap = mmap,
    .munmap = munmap,
    .poll = poll,
};

wr_status wr_write_all(const wr_sys *sys, int fd, const void *p, size_t n, const char *name, wr_err *err) {
    const char *at = p;
    while (n > 0) {
        ssize_t k = sys->write(fd, at, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return wr_fail(err, WR_EIO, "%s: cannot write: %s", name, strerror(errno));
        if (k == 0) return wr_fail(err, WR_EIO, "%s: cannot write: the system took no bytes", name);
        at += k;
        n -= (size_t)k;
    }
    return WR_OK;
}

wr_status wr_pwrite_all(const wr_sys *sys, int fd, const void *p, size_t n, int64_t at, const char *name,
                        wr_err *err) {
    const char *from = p;
    while (n > 0) {
        ssize_t k = sys->pwrite(fd, from, n, (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0)
            return wr_fail(err, WR_EIO, "%s: cannot write at byte %lld: %s", name, (long long)at,
                           strerror(errno));
        if (k == 0) return wr_fail(err, WR_EIO, "%s: cannot write: the system took no bytes", name);
        from += k;
        at += k;
        n -= (size_t)k;
    }
    return WR_OK;
}

wr_status wr_pread_all(const wr_sys *sys, int fd, void *p, size_t n, int64_t at, size_t *gotp,
                       const char *name, wr_err *err) {
    *gotp = 0;
    while (*gotp < n) {
        ssize_t k = sys->pread(fd, (char *)p + *gotp, n - *gotp, (off_t)at + (off_t)*gotp);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0)
            return wr_fail(err, WR_EIO, "%s: cannot read at byte %lld: %s", name,
                           (long long)at + (long long)*gotp, strerror(errno));
        if (k == 0) break;
        *gotp += (size_t)k;
    }
    return WR_OK;
}
