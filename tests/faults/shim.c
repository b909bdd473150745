/* tests/faults/shim.c -- makes a call of a process fail, by LD_PRELOAD.
 *
 *   WEIR_FAULT=kind:from[-to]:action   calls from..to of that kind (1 is the first; "-" alone: all from then
 * on) kind     open read write sync rename unlink truncate mkdir list mmap, disk (any of these), wall (a look
 * at the wall clock), thread, malloc action   kill (before it takes effect), tear (half of a write, then
 * kill), short (half of it), the name of an errno, or for wall: seconds by which the clock jumps from then on
 *   WEIR_FAULT_DIRS=a:b    calls on files count when they are below these folders
 *   WEIR_FAULT_ONLY=own    malloc: only calls from the program itself; "libs": only from libraries
 *   WEIR_FAULT_LOG=file    gets "hit kind n path" and the stack when the fault is hit, and the counts at exit
 *
 * Which call is the n-th is a matter of timing where there are threads; a driver samples. Calls that libc
 * makes inside (malloc's own mmap, fopen's open) are not seen. Not for ASan's malloc: it has its own. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    OPEN,
    READ,
    WRITE,
    SYNC,
    RENAME,
    UNLINK,
    TRUNCATE,
    MKDIR,
    LIST,
    MMAP,
    DISK,
    WALL,
    THREAD,
    MALLOC,
    KINDS
};
static const char *const names[KINDS] = {"open",  "read", "write", "sync", "rename", "unlink", "truncate",
                                         "mkdir", "list", "mmap",  "disk", "wall",   "thread", "malloc"};
enum action { NONE, FAIL, KILL, TEAR, SHORT };

static const struct {
    const char *name;
    int value;
} errnos[] = {{"EIO", EIO},     {"ENOSPC", ENOSPC}, {"ENOMEM", ENOMEM},
              {"EINTR", EINTR}, {"EMFILE", EMFILE}, {"EACCES", EACCES},
              {"EROFS", EROFS}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT}};

static struct {
    enum kind kind;
    uint64_t from, to;
    enum action action;
    int error;
    int64_t jump_s;
    int only; /* 1: own, 2: libraries */
    const char *dirs, *log;
    uintptr_t own_from, own_to; /* the program's text */
    bool ready;
} fault = {.kind = KINDS};
static atomic_uint_fast64_t counts[KINDS];

#define FDS 65536
static atomic_bool watched[FDS];  /* descriptors of files below the folders */
static _Thread_local bool inside; /* a call that this file makes itself */

/* ---- starting ---- */

static void read_action(const char *text) {
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (strcmp(text, errnos[i].name) == 0) {
            fault.action = FAIL;
            fault.error = errnos[i].value;
            return;
        }
    if (strcmp(text, "kill") == 0) fault.action = KILL;
    else if (strcmp(text, "tear") == 0) fault.action = TEAR;
    else if (strcmp(text, "short") == 0) fault.action = SHORT;
    else {
        fault.action = FAIL;
        fault.jump_s = atoll(text);
    }
}

static void read_fault(const char *text) {
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    char *save, *kind = strtok_r(copy, ":", &save), *at = strtok_r(NULL, ":", &save),
                *what = strtok_r(NULL, ":", &save);
    if (!kind || !at || !what) {
        fprintf(stderr, "shim: WEIR_FAULT is kind:from[-to]:action, not '%s'\n", text);
        _exit(99);
    }
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kind, names[k]) == 0) fault.kind = (enum kind)k;
    char *end;
    fault.from = fault.to = strtoull(at, &end, 10);
    if (*end == '-') fault.to = end[1] ? strtoull(end + 1, NULL, 10) : UINT64_MAX;
    read_action(what);
}

/* The program is what maps first. */
static void find_own(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], path[512], first[512] = "";
    unsigned long from, to;
    while (maps && fgets(line, sizeof line, maps)) {
        path[0] = 0;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %500s", &from, &to, path) < 2) continue;
        if (!first[0]) {
            snprintf(first, sizeof first, "%s", path);
            fault.own_from = from;
        }
        if (strcmp(first, path) == 0) fault.own_to = to;
    }
    if (maps) fclose(maps);
}

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("WEIR_FAULT"), *only = getenv("WEIR_FAULT_ONLY");
    void *warm[2];
    fault.dirs = getenv("WEIR_FAULT_DIRS");
    fault.log = getenv("WEIR_FAULT_LOG");
    fault.only = only && strcmp(only, "own") == 0 ? 1 : only && strcmp(only, "libs") == 0 ? 2 : 0;
    if (text) read_fault(text);
    find_own();
    backtrace(warm, 2); /* its first call allocates */
    fault.ready = true;
}

__attribute__((destructor)) static void finish(void) {
    if (!fault.log) return;
    inside = true;
    FILE *out = fopen(fault.log, "a");
    for (int k = 0; out && k < KINDS; k++)
        fprintf(out, "count %s %llu\n", names[k], (unsigned long long)counts[k]);
    if (out) fclose(out);
}

/* ---- deciding ---- */

static void note(enum kind k, uint64_t n, const char *path) {
    void *stack[32];
    char line[512];
    if (!fault.log) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, fault.log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0) return;
    int len =
        snprintf(line, sizeof line, "hit %s %llu %s\n", names[k], (unsigned long long)n, path ? path : "");
    syscall(SYS_write, fd, line, (size_t)(len < (int)sizeof line ? len : (int)sizeof line - 1));
    backtrace_symbols_fd(stack, backtrace(stack, 32), fd);
    syscall(SYS_close, fd);
}

static bool in_range(enum kind k, const char *path) {
    uint64_t n = atomic_fetch_add(&counts[k], 1) + 1;
    if (k != fault.kind || n < fault.from || n > fault.to) return false;
    inside = true;
    if (n == fault.from) note(k, n, path);
    inside = false;
    return true;
}

/* What the call is to do. Death is here, unless a write has to be torn first. */
static enum action decide(enum kind k, const char *path) {
    if (!fault.ready || inside) return NONE;
    bool hit = in_range(k, path);
    if (k < DISK) hit |= in_range(DISK, path);
    if (!hit) return NONE;
    if (fault.action == KILL || (fault.action == TEAR && k != WRITE)) kill(getpid(), SIGKILL);
    if (fault.action == SHORT && k != WRITE && k != READ) return NONE;
    if (fault.action == FAIL) errno = fault.error;
    return fault.action;
}
static bool fails(enum kind k, const char *path) { return decide(k, path) == FAIL; }

static bool below(const char *path) {
    char whole[8192];
    if (!fault.dirs || !path) return false;
    if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        char cwd[4096];
        if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0) return false;
        snprintf(whole, sizeof whole, "%s/%s", cwd, path);
    }
    for (const char *d = fault.dirs; *d; d += strcspn(d, ":"), d += *d == ':') {
        size_t n = strcspn(d, ":");
        if (n > 0 && strncmp(whole, d, n) == 0 && (whole[n] == '/' || whole[n] == 0)) return true;
    }
    return false;
}

static bool is_watched(int fd) { return fd >= 0 && fd < FDS && watched[fd]; }

#define REAL(name)                                                                                           \
    static __typeof__(&name) real;                                                                           \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* ---- files ---- */

static int watch(int fd, bool yes) {
    if (fd >= 0 && fd < FDS) watched[fd] = yes;
    return fd;
}

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    bool ours = below(path);
    if (ours && fails(OPEN, path)) return -1;
    return watch((int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE, mode), ours);
}

#define MODE(flags, last)                                                                                    \
    mode_t mode = 0;                                                                                         \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                   \
        va_list ap;                                                                                          \
        va_start(ap, last);                                                                                  \
        mode = va_arg(ap, mode_t);                                                                           \
        va_end(ap);                                                                                          \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, flags)
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE(flags, flags)
    return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int dir, const char *path, int flags, ...) {
    MODE(flags, flags)
    return open_at(dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
    MODE(flags, flags)
    return open_at(dir, path, flags, mode);
}
int close(int fd) {
    if (fd >= 0 && fd < FDS) watched[fd] = false;
    return (int)syscall(SYS_close, fd);
}

static ssize_t read_some(int fd, void *p, size_t n, off_t at, bool placed) {
    if (is_watched(fd)) {
        enum action a = decide(READ, NULL);
        if (a == FAIL) return -1;
        if (a == SHORT && n > 1) n /= 2;
    }
    return placed ? syscall(SYS_pread64, fd, p, n, at) : syscall(SYS_read, fd, p, n);
}
ssize_t read(int fd, void *p, size_t n) { return read_some(fd, p, n, 0, false); }
ssize_t pread(int fd, void *p, size_t n, off_t at) { return read_some(fd, p, n, at, true); }
ssize_t pread64(int fd, void *p, size_t n, off_t at) { return read_some(fd, p, n, at, true); }

static ssize_t write_some(int fd, const void *p, size_t n, off_t at, bool placed) {
    enum action a = is_watched(fd) ? decide(WRITE, NULL) : NONE;
    if (a == FAIL) return -1;
    if ((a == SHORT || a == TEAR) && n > 1) n /= 2;
    ssize_t k = placed ? syscall(SYS_pwrite64, fd, p, n, at) : syscall(SYS_write, fd, p, n);
    if (a == TEAR) kill(getpid(), SIGKILL);
    return k;
}
ssize_t write(int fd, const void *p, size_t n) { return write_some(fd, p, n, 0, false); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return write_some(fd, p, n, at, true); }
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) { return write_some(fd, p, n, at, true); }
ssize_t writev(int fd, const struct iovec *v, int n) {
    if (is_watched(fd)) {
        enum action a = decide(WRITE, NULL);
        if (a == FAIL) return -1;
        if (a != NONE && n > 1) n /= 2;
        ssize_t k = syscall(SYS_writev, fd, v, n);
        if (a == TEAR) kill(getpid(), SIGKILL);
        return k;
    }
    return syscall(SYS_writev, fd, v, n);
}

int fsync(int fd) { return is_watched(fd) && fails(SYNC, NULL) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return is_watched(fd) && fails(SYNC, NULL) ? -1 : (int)syscall(SYS_fdatasync, fd); }
int syncfs(int fd) { return is_watched(fd) && fails(SYNC, NULL) ? -1 : (int)syscall(SYS_syncfs, fd); }
int ftruncate(int fd, off_t n) {
    return is_watched(fd) && fails(TRUNCATE, NULL) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}
int ftruncate64(int fd, off_t n) {
    return is_watched(fd) && fails(TRUNCATE, NULL) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}
int rename(const char *from, const char *to) {
    return below(from) && fails(RENAME, from) ? -1 : (int)syscall(SYS_rename, from, to);
}
int unlink(const char *path) {
    return below(path) && fails(UNLINK, path) ? -1 : (int)syscall(SYS_unlink, path);
}
int rmdir(const char *path) {
    return below(path) && fails(UNLINK, path) ? -1 : (int)syscall(SYS_rmdir, path);
}
int mkdir(const char *path, mode_t mode) {
    return below(path) && fails(MKDIR, path) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}
DIR *opendir(const char *path) {
    REAL(opendir);
    return below(path) && fails(LIST, path) ? NULL : real(path);
}
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off) {
    if (is_watched(fd) && fails(MMAP, NULL)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off) {
    return mmap(at, n, prot, flags, fd, off);
}

/* ---- the clock ---- */

static int64_t wall_jump(void) {
    if (!fault.ready || inside) return 0;
    return in_range(WALL, NULL) ? fault.jump_s : 0;
}
int clock_gettime(clockid_t id, struct timespec *t) {
    REAL(clock_gettime);
    int r = real(id, t);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += wall_jump();
    return r;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    int r = (int)syscall(SYS_gettimeofday, t, zone);
    t->tv_sec += wall_jump();
    return r;
}

/* ---- threads and memory ---- */

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*f)(void *), void *arg) {
    REAL(pthread_create);
    return fails(THREAD, NULL) ? fault.error : real(t, attr, f, arg);
}

#ifndef NO_MALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static bool no_memory(const void *caller) {
    if (!fault.ready || inside) return false;
    uintptr_t at = (uintptr_t)caller;
    bool own = at >= fault.own_from && at < fault.own_to;
    if ((fault.only == 1 && !own) || (fault.only == 2 && own)) return false;
    return fails(MALLOC, NULL);
}
#define CALLER __builtin_return_address(0)
void *malloc(size_t n) { return no_memory(CALLER) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return no_memory(CALLER) ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return no_memory(CALLER) ? NULL : __libc_realloc(p, n); }
void *memalign(size_t align, size_t n) { return no_memory(CALLER) ? NULL : __libc_memalign(align, n); }
void *aligned_alloc(size_t align, size_t n) { return no_memory(CALLER) ? NULL : __libc_memalign(align, n); }
int posix_memalign(void **p, size_t align, size_t n) {
    if (no_memory(CALLER)) return ENOMEM;
    *p = __libc_memalign(align, n);
    return *p ? 0 : ENOMEM;
}
#endif
