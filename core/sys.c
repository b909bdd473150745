/* core/sys.c -- the real clock, files and randomness. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

const wr_sys wr_sys_real = {
    .wall_us = real_wall_us,
    .mono_us = real_mono_us,
    .random = real_random,
    .open = real_open,
    .read = read,
    .pread = pread,
    .write = write,
    .close = close,
    .fstat = real_fstat,
    .stat = real_stat,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .rename = rename,
    .unlink = unlink,
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
