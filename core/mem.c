/* core/mem.c -- allocation, arenas, byte buffers.
 *
 * The only file that calls malloc and free. The failure hook is per thread, so that a test of one
 * module does not disturb another thread; so is the account that a budget is told of now and then, so that an
 * allocation costs no shared cache line. */
#include "mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t made;    /* allocations since the last wr_mem_fail_at */
static _Thread_local uint64_t fail_at; /* 0: never */

typedef struct account {
    wr_budget *of;   /* NULL: nobody's */
    int64_t pending; /* taken, less given back, since it was last told */
    bool near;       /* the next allocation may be one too many */
} account;
static _Thread_local account acc;
static _Thread_local int64_t denied; /* the limit that the last allocation that failed would have passed */

void wr_budget_settle(void) {
    wr_budget *b = acc.of;
    if (b) {
        int64_t used = __atomic_add_fetch(&b->used, acc.pending, __ATOMIC_RELAXED);
        int64_t peak = __atomic_load_n(&b->peak, __ATOMIC_RELAXED);
        while (used > peak && !__atomic_compare_exchange_n(&b->peak, &peak, used, true, __ATOMIC_RELAXED,
                                                           __ATOMIC_RELAXED)) {
        }
        acc.near = b->limit > 0 && used > b->limit - WR_BUDGET_STEP;
    }
    acc.pending = 0;
}

wr_budget *wr_budget_enter(wr_budget *b) {
    wr_budget *was = acc.of;
    wr_budget_settle();
    acc.of = b;
    acc.near = b != NULL; /* until it has been looked at */
    if (b) denied = 0;
    return was;
}

static void charge(int64_t bytes) {
    acc.pending += bytes;
    if (WR_UNLIKELY(acc.pending >= WR_BUDGET_STEP || acc.pending <= -WR_BUDGET_STEP)) wr_budget_settle();
}

static bool beyond(size_t bytes) {
    wr_budget_settle();
    const wr_budget *b = acc.of;
    return b && b->limit > 0 &&
           (bytes > (size_t)b->limit ||
            __atomic_load_n(&b->used, __ATOMIC_RELAXED) > b->limit - (int64_t)bytes);
}

/* Whether `bytes` more are not to be had. */
static bool must_fail(size_t bytes) {
    made++;
    if (WR_UNLIKELY(fail_at != 0) && made >= fail_at) {
        denied = 0;
        return true;
    }
    if (WR_LIKELY(!acc.near && bytes < WR_BUDGET_STEP) || !beyond(bytes)) return false;
    denied = acc.of->limit;
    return true;
}

static void *taken(void *p) {
    if (p) charge((int64_t)malloc_usable_size(p));
    else denied = 0;
    return p;
}

int64_t wr_budget_denied(void) { return denied; }

uint64_t wr_mem_fail_at(uint64_t n) {
    uint64_t was = made;
    made = 0;
    fail_at = n;
    return was;
}

void *wr_alloc(size_t bytes) { return must_fail(bytes) ? NULL : taken(malloc(bytes ? bytes : 1)); }

void *wr_calloc(size_t n, size_t bytes) {
    size_t total;
    if (__builtin_mul_overflow(n, bytes, &total) || must_fail(total)) return NULL;
    return taken(calloc(n ? n : 1, bytes ? bytes : 1));
}

void *wr_realloc(void *p, size_t bytes) {
    size_t old = p ? malloc_usable_size(p) : 0;
    if (must_fail(bytes > old ? bytes - old : 0)) return NULL;
    void *q = realloc(p, bytes ? bytes : 1);
    if (q) charge((int64_t)malloc_usable_size(q) - (int64_t)old);
    else denied = 0;
    return q;
}

void *wr_reallocn(void *p, size_t n, size_t bytes) {
    size_t total;
    if (__builtin_mul_overflow(n, bytes, &total)) return NULL;
    return wr_realloc(p, total);
}

void *wr_alloc_aligned(size_t align, size_t bytes) {
    void *p = NULL;
    if (must_fail(bytes) || posix_memalign(&p, align, bytes ? bytes : align) != 0) return NULL;
    return taken(p);
}

void wr_free(void *p) {
    if (!p) return;
    charge(-(int64_t)malloc_usable_size(p));
    free(p);
}

char *wr_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = wr_alloc(n);
    return p ? memcpy(p, s, n) : NULL;
}

wr_status wr_grow(void *itemsp, size_t *capp, size_t need, size_t size) {
    if (need <= *capp) return WR_OK;
    size_t cap = *capp ? *capp : 8;
    while (cap < need) {
        if (cap > SIZE_MAX / 2) return WR_ENOMEM;
        cap *= 2;
    }
    void *old;
    memcpy(&old, itemsp, sizeof old);
    void *p = wr_reallocn(old, cap, size);
    if (!p) return WR_ENOMEM;
    memcpy(itemsp, &p, sizeof p);
    *capp = cap;
    return WR_OK;
}

/* ---- arena ---- */

#define BLOCK_MIN 4096
#define BLOCK_MAX (1 << 20)

struct wr_arena_block {
    wr_arena_block *next;
    size_t bytes; /* behind this header */
    char data[] __attribute__((aligned(16)));
};

static bool arena_block(wr_arena *ar, size_t need) {
    size_t size = ar->block_bytes ? ar->block_bytes : BLOCK_MIN;
    if (size < need) size = need;
    if (size > SIZE_MAX - sizeof(wr_arena_block)) return false;
    wr_arena_block *b = wr_alloc(sizeof *b + size);
    if (!b) return false;
    b->next = ar->blocks;
    b->bytes = size;
    ar->blocks = b;
    ar->at = b->data;
    ar->end = b->data + size;
    if (size >= ar->block_bytes && size < BLOCK_MAX) ar->block_bytes = size * 2;
    return true;
}

void *wr_arena_alloc(wr_arena *ar, size_t bytes) {
    if (bytes > SIZE_MAX - 15) return NULL;
    if (bytes == 0) bytes = 1; /* NULL means out of memory only */
    bytes = (bytes + 15) & ~(size_t)15;
    if (WR_UNLIKELY((size_t)(ar->end - ar->at) < bytes) && !arena_block(ar, bytes)) return NULL;
    void *p = ar->at;
    ar->at += bytes;
    return p;
}

void *wr_arena_calloc(wr_arena *ar, size_t bytes) {
    void *p = wr_arena_alloc(ar, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *wr_arena_strndup(wr_arena *ar, const char *s, size_t n) {
    char *p = wr_arena_alloc(ar, n + 1);
    if (!p) return NULL;
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *wr_arena_strdup(wr_arena *ar, const char *s) { return wr_arena_strndup(ar, s, strlen(s)); }

char *wr_arena_printf(wr_arena *ar, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : wr_arena_alloc(ar, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

void wr_arena_reset(wr_arena *ar) {
    wr_arena_block *b = ar->blocks;
    if (!b) return;
    /* The newest block is the largest: what was needed once fits next time without a call. */
    for (wr_arena_block *old = b->next, *next; old; old = next) {
        next = old->next;
        wr_free(old);
    }
    b->next = NULL;
    ar->at = b->data;
    ar->end = b->data + b->bytes;
}

void wr_arena_free(wr_arena *ar) {
    for (wr_arena_block *b = ar->blocks, *next; b; b = next) {
        next = b->next;
        wr_free(b);
    }
    *ar = (wr_arena){0};
}

/* ---- byte buffer ---- */

wr_status wr_buf_reserve(wr_buf *b, size_t extra) {
    if (extra > SIZE_MAX - b->len) return WR_ENOMEM;
    return wr_grow(&b->data, &b->cap, b->len + extra, 1);
}

wr_status wr_buf_put(wr_buf *b, const void *p, size_t n) {
    WR_TRY(wr_buf_reserve(b, n));
    if (n) memcpy(b->data + b->len, p, n);
    b->len += n;
    return WR_OK;
}

wr_status wr_buf_puts(wr_buf *b, const char *s) { return wr_buf_put(b, s, strlen(s)); }

wr_status wr_buf_printf(wr_buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    wr_status s = n < 0 ? WR_EINVAL : wr_buf_reserve(b, (size_t)n + 1);
    if (s == WR_OK) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return s;
}

int wr_buf_write(void *buf, const char *p, size_t n) { return wr_buf_put(buf, p, n) == WR_OK ? 0 : -1; }

void wr_buf_free(wr_buf *b) {
    wr_free(b->data);
    *b = (wr_buf){0};
}
