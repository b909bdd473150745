/* runtime/ops/timers.h -- what is due at a watermark: ids by time, in buckets. Private to runtime/.
 *
 * add is O(1) but for a new bucket; take costs what it returns, and at most one bucket is looked through
 * without yield. Nothing is ever removed: whoever takes an id looks whether it still means something, and
 * adds it again when its time has moved on. One thread owns timers. */
#ifndef WR_RUNTIME_TIMERS_H
#define WR_RUNTIME_TIMERS_H

#include "core/core.h"

typedef struct wri_timer { /* there is one for each key of some operators: no padding */
    int64_t due;
    uint32_t id;
} __attribute__((packed, aligned(4))) wri_timer;

typedef struct wri_timer_bucket {
    int64_t no; /* due times [no * width, (no + 1) * width) */
    wri_timer *items;
    size_t n, cap;
    size_t n_due; /* the last ones are known to be due */
} wri_timer_bucket;

typedef struct wri_timers {
    int64_t width;
    wri_timer_bucket *buckets; /* by falling no: the next one is the last */
    size_t n, cap;
    size_t last;            /* the bucket that was last added to, or any other */
    wri_timer_bucket spare; /* memory of an emptied bucket */
    size_t waiting;
} wri_timers;

/* width: of a bucket [us]; a sixteenth of the usual waiting time is a good one. */
void wri_timers_init(wri_timers *t, int64_t width);
void wri_timers_free(wri_timers *t);
wr_status wri_timers_add(wri_timers *t, int64_t due, uint32_t id, wr_err *err) WR_MUST_USE;
/* Takes one with due <= wm, in no particular order; false: none. */
bool wri_timers_take(wri_timers *t, int64_t wm, wri_timer *outp);
int64_t wri_timers_next(const wri_timers *t); /* no timer is due before this; INT64_MAX: none waits */
size_t wri_timers_bytes(const wri_timers *t);

#endif
