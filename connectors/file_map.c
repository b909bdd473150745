/* connectors/file_map.c -- files mapped into memory, and what happens when one is cut short.
 *
 * Reading a page that a truncation took away raises SIGBUS, which would kill the process. The handler
 * here puts zeros in the place of what is left of the mapping, marks the mapping broken and lets the
 * reader go on; the source looks at the mark and fails the job with the file's name.
 *
 *   address space: [ file, len bytes | zeros to the page's end | one page of zeros ]
 *
 * The handler needs a list of the mappings that it can walk at any moment in any thread. Its nodes are
 * therefore never freed: a dropped mapping leaves its node for the next one. A node is published by
 * storing `start` last and withdrawn by clearing it first. The handler can meet a node that is being
 * reused, but the one that it looks for stays as it is, because the thread that faulted holds the mapping.
 *
 * This is process-wide state, as signal handlers are. The handler is installed with the first mapping
 * and passes on faults that are not ours. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn_int.h"

#define KEEP_BYTES ((size_t)16 << 20) /* behind the place of reading that stay in memory */

typedef struct wri_guard {
    struct wri_guard *next; /* fixed once published */
    uintptr_t start, end;   /* atomic; start 0: free */
    uint32_t round;         /* atomic; odd while start and end change */
    bool broken;            /* atomic */
    bool used;              /* under lock */
} guard;

static guard *guards; /* atomic head; nodes are only added */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static struct sigaction before;
static uintptr_t page_bytes = 4096;

/* ---- the handler: async-signal-safe calls and atomics only ---- */

static guard *guard_of(uintptr_t at, uintptr_t *endp) {
    for (guard *g = __atomic_load_n(&guards, __ATOMIC_ACQUIRE); g; g = g->next) {
        uint32_t round = __atomic_load_n(&g->round, __ATOMIC_ACQUIRE);
        uintptr_t start = __atomic_load_n(&g->start, __ATOMIC_ACQUIRE);
        *endp = __atomic_load_n(&g->end, __ATOMIC_ACQUIRE);
        bool torn = round & 1 || __atomic_load_n(&g->round, __ATOMIC_ACQUIRE) != round;
        if (!torn && start != 0 && at >= start && at < *endp) return g;
    }
    return NULL;
}

static void pass_on(int sig, siginfo_t *info, void *context) {
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) before.sa_sigaction(sig, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(sig);
    else sigaction(sig, &before, NULL); /* the fault happens again and takes its usual way */
}

static void on_sigbus(int sig, siginfo_t *info, void *context) {
    int saved = errno;
    uintptr_t end = 0, page = (uintptr_t)info->si_addr & ~(page_bytes - 1);
    guard *g = guard_of((uintptr_t)info->si_addr, &end);
    /* The rest at once: behind the first lost page the others are lost too. */
    void *zeros =
        !g ? MAP_FAILED
           : mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros != MAP_FAILED) __atomic_store_n(&g->broken, true, __ATOMIC_RELEASE);
    else pass_on(sig, info, context);
    errno = saved;
}

static void install(void) {
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, &before);
}

/* ---- the list ---- */

static guard *guard_take(uintptr_t start, uintptr_t end) {
    pthread_mutex_lock(&lock);
    guard *g = guards;
    while (g && g->used) g = g->next;
    bool fresh = !g;
    if (fresh) g = wr_calloc(1, sizeof *g);
    if (g) {
        g->used = true;
        __atomic_add_fetch(&g->round, 1, __ATOMIC_ACQ_REL);
        __atomic_store_n(&g->broken, false, __ATOMIC_RELAXED);
        __atomic_store_n(&g->end, end, __ATOMIC_RELEASE);
        __atomic_store_n(&g->start, start, __ATOMIC_RELEASE);
        __atomic_add_fetch(&g->round, 1, __ATOMIC_ACQ_REL);
        if (fresh) {
            g->next = guards;
            __atomic_store_n(&guards, g, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&lock);
    return g;
}

static void guard_drop(guard *g) {
    pthread_mutex_lock(&lock);
    __atomic_store_n(&g->start, 0, __ATOMIC_RELEASE);
    g->used = false;
    pthread_mutex_unlock(&lock);
}

/* ---- mappings ---- */

static void map_release(wr_ref *r) {
    wri_map *m = (wri_map *)r;
    if (m->guard) guard_drop(m->guard);
    if (m->data) m->sys->munmap((void *)m->data, m->reserved);
    wr_free(m);
}

static bool map_file(wri_map *m, int fd) {
    void *at = m->sys->mmap(NULL, m->reserved, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return false;
    m->data = at;
    if (m->sys->mmap(at, m->len, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) return false;
    madvise(at, m->len, MADV_SEQUENTIAL); /* a hint; nothing is lost where it is refused */
    return true;
}

wr_status wri_map_new(const wr_sys *sys, int fd, size_t len, wri_map **outp, wr_err *err) {
    *outp = NULL;
    pthread_once(&installed, install);
    if (len > SIZE_MAX / 2) return wr_fail(err, WR_ELIMIT, "the file is too large to be mapped");
    wri_map *m = wr_calloc(1, sizeof *m);
    if (!m) return wr_fail_oom(err, "a file mapping");
    wr_ref_init(&m->ref, map_release);
    m->sys = sys;
    m->len = len;
    m->reserved = ((len + page_bytes - 1) & ~(page_bytes - 1)) + page_bytes;
    if (!map_file(m, fd)) {
        int e = errno;
        wr_drop(&m->ref);
        return wr_fail(err, WR_EIO, "cannot be mapped: %s", strerror(e));
    }
    m->guard = guard_take((uintptr_t)m->data, (uintptr_t)m->data + m->reserved);
    if (!m->guard) {
        wr_drop(&m->ref);
        return wr_fail_oom(err, "a file mapping");
    }
    *outp = m;
    return WR_OK;
}

void wri_map_passed(wri_map *m, size_t at) {
    if (at < m->passed + 2 * KEEP_BYTES) return;
    size_t to = (at - KEEP_BYTES) & ~(page_bytes - 1);
    madvise((char *)m->data + m->passed, to - m->passed, MADV_DONTNEED);
    m->passed = to;
}

bool wri_map_broken(const wri_map *m) { return __atomic_load_n(&m->guard->broken, __ATOMIC_ACQUIRE); }
