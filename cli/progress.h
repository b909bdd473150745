/* cli/progress.h -- the progress line on a terminal and the closing summary. */
#ifndef WR_CLI_PROGRESS_H
#define WR_CLI_PROGRESS_H

#include "runtime/runtime.h"

typedef struct wri_progress {
    const wr_job *job;
    bool on;
    bool shown; /* a line is on the terminal */
} wri_progress;

void wri_progress_tick(void *progress);
void wri_progress_clear(wri_progress *p);
void wri_summary(const wr_job *job, wr_status s);

#endif
