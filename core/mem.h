/* core/mem.h -- all memory of weir comes from here.
 *
 * Every allocation can fail and says so by NULL; tests make the n-th one fail (wr_mem_fail_at). An
 * arena serves one lifetime (a statement, a batch): it is reset, its pieces are never freed singly. */
#ifndef WR_CORE_MEM_H
#define WR_CORE_MEM_H

#include "status.h"

void *wr_alloc(size_t bytes);            /* contents undefined */
void *wr_calloc(size_t n, size_t bytes); /* zeroed; NULL also when n * bytes overflows */
void *wr_realloc(void *p, size_t bytes);
void *wr_reallocn(void *p, size_t n, size_t bytes); /* as wr_realloc, overflow checked */
void *wr_alloc_aligned(size_t align, size_t bytes); /* freed by wr_free */
void wr_free(void *p);                              /* NULL is allowed */
char *wr_strdup(const char *s);

/* Makes the n-th allocation from now on (1 = the next) and all later ones of this thread fail;
 * 0 switches that off. Returns how many this thread has made since the last call. For tests. */
uint64_t wr_mem_fail_at(uint64_t n);

/* ---- budgets: what somebody has taken, against what he may ----
 *
 * Each thread works for one budget at a time, or for none. It counts what it takes and gives back, by what
 * the allocator says a block holds, and tells the budget whenever that comes to WR_BUDGET_STEP; so `used` is
 * behind by less than that per thread. What one thread of a budget takes another may give back. Memory that
 * is not from here (mapped files, libraries with an allocator of their own) does not count. */
#define WR_BUDGET_STEP (64 << 10)
typedef struct wr_budget {
    int64_t used;  /* atomic [bytes] */
    int64_t peak;  /* atomic: the most that used has been */
    int64_t limit; /* an allocation that would take it beyond fails; 0: none does */
} wr_budget;

/* From now on this thread works for b (NULL: nobody). Returns for whom it did. */
wr_budget *wr_budget_enter(wr_budget *b);
/* The limit of the budget that the last allocation of this thread that failed would have passed; 0: the
 * machine had no memory. */
int64_t wr_budget_denied(void);
/* Tells its budget what this thread has taken so far. */
void wr_budget_settle(void);

/* Grows *itemsp (capacity *capp items of `size` bytes) so that `need` items fit, doubling. */
wr_status wr_grow(void *itemsp, size_t *capp, size_t need, size_t size) WR_MUST_USE;

/* ---- arena ---- */
typedef struct wr_arena_block wr_arena_block;
typedef struct wr_arena {
    wr_arena_block *blocks; /* newest first; NULL: empty */
    char *at, *end;         /* free part of the newest block */
    size_t block_bytes;     /* size of the next block; 0: the default of 4 KiB, doubling to 1 MiB */
} wr_arena;                 /* zero-initialised is valid and empty */

void *wr_arena_alloc(wr_arena *ar, size_t bytes);  /* 16-byte aligned, contents undefined, NULL on OOM */
void *wr_arena_calloc(wr_arena *ar, size_t bytes); /* zeroed */
char *wr_arena_strdup(wr_arena *ar, const char *s);
char *wr_arena_strndup(wr_arena *ar, const char *s, size_t n); /* NUL-terminated copy */
char *wr_arena_printf(wr_arena *ar, const char *fmt, ...) WR_PRINTF(2, 3);
void wr_arena_reset(wr_arena *ar); /* keeps the newest block for reuse */
void wr_arena_free(wr_arena *ar);

/* ---- growing byte buffer; owner frees with wr_buf_free ---- */
typedef struct wr_buf {
    char *data;
    size_t len, cap;
} wr_buf; /* zero-initialised is valid and empty */

wr_status wr_buf_reserve(wr_buf *b, size_t extra) WR_MUST_USE; /* room for extra more bytes */
wr_status wr_buf_put(wr_buf *b, const void *p, size_t n) WR_MUST_USE;
wr_status wr_buf_puts(wr_buf *b, const char *s) WR_MUST_USE;
wr_status wr_buf_printf(wr_buf *b, const char *fmt, ...) WR_PRINTF(2, 3) WR_MUST_USE;
/* The same for libraries that write to a callback (msgpack_packer_write): 0, or -1 without memory. */
int wr_buf_write(void *buf, const char *p, size_t n);
void wr_buf_free(wr_buf *b);

/* ---- reference-counted objects: batches, input buffers, dictionaries ---- */
typedef struct wr_ref {
    uint32_t count; /* atomic; starts at 1 */
    void (*release)(struct wr_ref *self);
} wr_ref;

static inline void wr_ref_init(wr_ref *r, void (*release)(wr_ref *)) {
    r->count = 1;
    r->release = release;
}
static inline wr_ref *wr_hold(wr_ref *r) {
    __atomic_add_fetch(&r->count, 1, __ATOMIC_RELAXED);
    return r;
}
static inline void wr_drop(wr_ref *r) { /* NULL is allowed */
    if (r && __atomic_sub_fetch(&r->count, 1, __ATOMIC_ACQ_REL) == 0) r->release(r);
}

#endif
