/* server/lines.h -- the newest lines of something, in bounded memory. Part of server_int.h.
 *
 *   bytes, a ring of cap (a power of two, grown up to most):  … [length 4][line] [length 4][line] … head
 *
 * Lines have numbers from 0 that rise by one. A writer never waits: when the ring is full the oldest lines
 * go, and so does one that is too long, which readers see as a gap in the numbers. All functions lock. */
#ifndef WR_SERVER_LINES_H
#define WR_SERVER_LINES_H

#include <pthread.h>

#include "core/core.h"

typedef struct wri_lines {
    pthread_mutex_t lock;
    char *bytes;
    size_t cap, most;     /* cap 0: nothing yet */
    uint64_t tail, head;  /* places of the oldest line and behind the newest; place % cap is the offset */
    uint64_t first, next; /* their numbers */
    uint32_t followers;   /* atomic: somebody wants to be woken */
} wri_lines;

/* A reader's place: the line of that number comes next. */
typedef struct wri_lines_at {
    uint64_t number, place;
} wri_lines_at;

void wri_lines_init(wri_lines *l, size_t most);
void wri_lines_free(wri_lines *l);
void wri_lines_put(wri_lines *l, const char *p, size_t n); /* without its line end */
void wri_lines_at_start(wri_lines *l, wri_lines_at *at);
/* The line behind line `number`, or the nearest that is there. */
void wri_lines_at_after(wri_lines *l, uint64_t number, wri_lines_at *at);
uint64_t wri_lines_gone(wri_lines *l); /* how many there have been that are no longer kept */
/* Appends the next line to out; *skippedp: lines before it that are gone. WR_AGAIN: none yet; then
 * *skippedp may count, too. */
wr_status wri_lines_next(wri_lines *l, wri_lines_at *at, wr_buf *out, uint64_t *skippedp) WR_MUST_USE;

#endif
