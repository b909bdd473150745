/* runtime/ops/by_time.h -- many rows are put in the order of their times. Private to runtime/.
 *
 * Digits of 11 bits, from the least to the highest that the times differ in: three passes for an hour of
 * milliseconds. Rows of equal time stay in the order in which they are. */
#ifndef WR_RUNTIME_BY_TIME_H
#define WR_RUNTIME_BY_TIME_H

#include <stddef.h>
#include <stdint.h>

typedef struct wri_timed {
    int64_t time;
    uint32_t slot, gid; /* whatever the caller wants to go with it */
} wri_timed;

/* room: for as many. Returns where they are in order, rows or room. */
wri_timed *wri_by_time(wri_timed *rows, wri_timed *room, size_t n);

#endif
