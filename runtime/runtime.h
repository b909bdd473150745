/* runtime/runtime.h -- a plan, run. The one header of runtime/ for the rooms above it.
 *
 *   job = stages × workers tasks; a task is a chain of operators called directly; stages are joined by
 *   exchanges (bounded rings). Everything that flows is a batch, a watermark, a barrier or the end. */
#ifndef WR_RUNTIME_H
#define WR_RUNTIME_H

#include "connectors/connectors.h"
#include "planner/planner.h"

/* What the planner and `weir help` may know of what is built in. */
wr_registry wr_builtin(void);

typedef struct wr_job wr_job;

/* A row or record that failed; text borrows for the call, NULL where it is not known. */
typedef struct wr_bad_row {
    const char *name;   /* "bad row", "bad record" */
    const char *why;    /* "status: 'abc' is no INTEGER" */
    const char *source; /* the statement or stream whose row it is */
    const char *file;   /* that it came from */
    const char *data;   /* the record as read, or the row as JSON */
    size_t len;
    int64_t pos; /* of the record in file [bytes], -1: unknown */
} wr_bad_row;

typedef struct wr_job_opts {
    const wr_sys *sys;
    uint32_t workers;    /* 0: plan's setting, then cores */
    uint32_t batch_rows; /* 0: plan's setting */
    int format;          /* of a bare SELECT: index of "json|csv|table" */
    /* Who runs the job may take what would go to standard output (whole rows, one call at a time), and be
     * told of bad rows (by several workers at once). Both must not wait. NULL: standard output; nobody. */
    void (*output)(void *ctx, const char *p, size_t n);
    void (*bad_row)(void *ctx, const wr_bad_row *row);
    void *ctx;
    bool terminal;
    uint32_t width;               /* columns of the terminal, 0: unknown */
    const char *state_dir;        /* snapshots are kept there, and gone on from; NULL: none */
    int64_t snapshot_interval_us; /* 0: plan's setting */
    int64_t memory_bytes;         /* what buffers and state may take; 0: plan's setting, then half of RAM */
    struct wr_streams *streams;   /* the data directory (state/state.h), NULL: none */
} wr_job_opts;

typedef struct wr_job_stats {
    uint64_t rows_in, rows_out, late_rows, bad_rows;
    int64_t bytes_in;     /* unpacked */
    int64_t at, total;    /* how far sources have come, in their own measure (bytes as packed, rows made up);
                             total    -1: unknown */
    int64_t watermark_us; /* lowest over sources, WR_WM_NONE: none yet */
    int64_t
        idle_us; /* how far event time went on with the wall clock while streams were quiet, most of all */
    int64_t elapsed_us;
    int64_t memory_bytes, memory_peak, memory_limit;
    int64_t spilled_bytes;              /* state that has been written to disk for want of memory, in all */
    uint64_t snapshots, snapshot_bytes; /* written since the start */
    int64_t pause_us,
        pause_most_us; /* how long barriers kept workers from rows: 99 of 100 times at most, ever */
    uint32_t workers;
    char first_bad[256]; /* message of the first bad row, "" if none */
} wr_job_stats;

/* Opens files, makes tasks; nothing runs yet. Owner of *outp: the caller. */
wr_status wr_job_new(const wr_plan *plan, const wr_job_opts *opts, wr_job **outp, wr_err *err) WR_MUST_USE;
/* Runs until all sources have ended, a failure, or wr_job_cancel. Calls tick(ctx) about ten times a second
 * from the calling thread (NULL: never). */
/* With state_dir, a cancel takes a snapshot first; a job whose snapshot says that it has finished runs no
 * more. */
wr_status wr_job_run(wr_job *job, void (*tick)(void *ctx), void *ctx, wr_err *err) WR_MUST_USE;
void wr_job_cancel(wr_job *job); /* from any thread or signal handler; wr_job_run returns WR_ECANCELED */
/* Behind wr_job_cancel, from any thread but no signal handler: it is seen at once, not at the next tick. */
void wr_job_wake(wr_job *job);
bool wr_job_finished(const wr_job *job); /* by the snapshot that it went on from */
/* Lines on what a job with state_dir cannot promise; before it runs. */
wr_status wr_job_warnings(const wr_job *job, wr_buf *out) WR_MUST_USE;
/* Lines on the snapshots that were passed over because they are damaged, "": none. Lives as the job. */
const char *wr_job_passed_over(const wr_job *job);
void wr_job_stats_read(const wr_job *job, wr_job_stats *outp);
/* What holds a job up for now and passes by itself. */
typedef enum wr_trouble_kind {
    WR_TROUBLE_SNAPSHOT, /* it could not be written, the job goes on without; the next one is tried anew */
    WR_TROUBLE_OUTPUT,   /* there is no room for rows, the job rests; nothing is lost or written twice */
    WR_TROUBLE_KINDS
} wr_trouble_kind;
typedef struct wr_trouble {
    uint64_t times; /* that it came up */
    uint64_t news;  /* rises when `now` or `why` changes */
    bool now;
    char why[508]; /* of the last time, "": never */
} wr_trouble;
void wr_job_trouble(const wr_job *job, wr_trouble_kind kind, wr_trouble *outp); /* at any time */
/* Lines on what sources have met that a summary should tell; to be called when the job has run. */
wr_status wr_job_notes(const wr_job *job, wr_buf *out);
void wr_job_free(wr_job *job);

#endif
