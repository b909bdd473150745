/* cli/progress.h -- the progress line on a terminal, and the closing summary. */
#ifndef WR_CLI_PROGRESS_H
#define WR_CLI_PROGRESS_H

#include <stdio.h>

#include "runtime/runtime.h"

typedef struct wri_progress {
    const wr_job *job;
    const wr_plan *plan;
    bool on;
    /* the rest is progress.c's own */
    bool shown;                               /* a line is on the terminal */
    wr_job_stats last;                        /* of the tick before */
    double rows_a_sec, bytes_a_sec, at_a_sec; /* over the last second or two; 0: not known yet */
} wri_progress;

/* What the job shall write with: where results and the progress line share a terminal, a table whose
 * write takes the line away first; else NULL, the usual one. One job at a time. */
const wr_sys *wri_progress_sys(wri_progress *p, bool out_is_terminal);
void wri_progress_tick(void *progress);
void wri_progress_clear(wri_progress *p);
void wri_summary(FILE *f, const wri_progress *p, wr_status s);

#endif
