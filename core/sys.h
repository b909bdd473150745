/* core/sys.h -- time, files and randomness, reached only through a table.
 *
 * A test passes a table of its own to inject a clock, a full disk or a torn write. wr_sys_real is the
 * real one. All calls follow POSIX: -1 and errno on failure. */
#ifndef WR_CORE_SYS_H
#define WR_CORE_SYS_H

#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "status.h"

typedef struct wr_sys {
    int64_t (*wall_us)(void); /* since 1970 [us] */
    int64_t (*mono_us)(void); /* monotonic [us] */
    uint64_t (*random)(void);
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*read)(int fd, void *p, size_t n);
    ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
    ssize_t (*write)(int fd, const void *p, size_t n);
    ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
    int (*close)(int fd);
    int (*fstat)(int fd, struct stat *st);
    int (*stat)(const char *path, struct stat *st);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);  /* of a folder: its names */
    int (*syncfs)(int fd); /* everything in the file system that fd is in */
    int (*ftruncate)(int fd, off_t n);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    /* Calls each(ctx, name) for what is in a folder but "." and "..", in no order. */
    int (*list)(const char *path, void (*each)(void *ctx, const char *name), void *ctx);
    int (*lock)(
        int fd); /* the whole file, for this descriptor alone, until it is closed; EWOULDBLOCK: taken */
    /* Adds path to the changes that become readable on fd, or on a new one (-1); returns the descriptor. */
    int (*watch)(int fd, const char *path);
    void *(*mmap)(void *at, size_t n, int prot, int flags, int fd, off_t off);
    int (*munmap)(void *p, size_t n);
    int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
    /* Only where the clock is played and not real (weir test): item number `item` of a stream's rows comes at
     * us. True: the clock now shows that. False: something else comes first, ask again. NULL: clocks are
     * real. */
    bool (*play)(const char *stream, uint64_t item, int64_t us);
} wr_sys;

extern const wr_sys wr_sys_real;

/* Writes all n bytes; EINTR and short writes are handled. */
wr_status wr_write_all(const wr_sys *sys, int fd, const void *p, size_t n, const char *name,
                       wr_err *err) WR_MUST_USE;
/* The same at a place in the file. */
wr_status wr_pwrite_all(const wr_sys *sys, int fd, const void *p, size_t n, int64_t at, const char *name,
                        wr_err *err) WR_MUST_USE;
/* Reads n bytes at a place; fewer only at the end of the file. *gotp says how many. */
wr_status wr_pread_all(const wr_sys *sys, int fd, void *p, size_t n, int64_t at, size_t *gotp,
                       const char *name, wr_err *err) WR_MUST_USE;

#endif
