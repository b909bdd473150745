/* runtime/why_int.h -- what wr_job_why finds out, before it is put into words. Private to runtime/. */
#ifndef WR_RUNTIME_WHY_INT_H
#define WR_RUNTIME_WHY_INT_H

#include "job_int.h"
#include "metrics_int.h"

/* What an operator waits for: the source that is furthest behind among those that lead to it, and in that the
 * split that holds event time back. */
typedef enum wri_held_by {
    WRI_HELD_NOBODY,   /* what would let it go is under way */
    WRI_HELD_READING,  /* input that ends is still being read */
    WRI_HELD_SPLIT,    /* split: quiet or not, its watermark is the least */
    WRI_HELD_NO_SPLIT, /* the source has no split at the moment */
    WRI_HELD_CLOCK,    /* all splits are idle: event time goes on with the wall clock */
    WRI_HELD_IDLE /* all splits are idle, and stay where they are (idle_policy = 'hold', or nothing came) */
} wri_held_by;
typedef struct wri_blame {
    wri_held_by by;
    const wr_node *source; /* NULL: none */
    int64_t need_us;       /* watermark that the source has to reach; WR_WM_END: it has to end */
    const wr_split_metrics *split;
    uint32_t n_others; /* splits that hold it back likewise */
    int64_t watermark; /* of the source, WR_WM_NONE: none yet */
    int64_t record_us; /* event time of a record that would do, WR_NEVER: cannot be said */
    int64_t in_us;     /* CLOCK: time until then; SPLIT: until it counts as idle, WR_NEVER: never */
} wri_blame;

typedef struct wri_finding { /* an operator in which something waits */
    const wr_node *node;
    wr_waits waits; /* of all workers */
    int64_t wm;     /* its watermark */
    wri_blame blame;
} wri_finding;

typedef struct wri_why {
    wr_job *j;
    wr_job_metrics m;
    wri_finding *found;
    uint32_t n;
    struct wri_on_disk {
        bool is;
        uint64_t rows; /* that wait for the next round */
    } * on_disk;       /* by node: its state is */
    uint64_t asked;    /* the request to the workers; 0: none */
    uint32_t silent;   /* workers that have not answered */
} wri_why;

/* *outp: the caller's, also after a failure. */
wr_status wri_why_find(wr_job *j, wri_why *outp, wr_err *err) WR_MUST_USE;
void wri_why_free(wri_why *w);
/* Who is to blame that node's input has not got as far as need_us. */
void wri_why_blame(const wri_why *w, const wr_node *n, int64_t need_us, wri_blame *out);

#endif
