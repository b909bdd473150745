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
    const char *sql;              /* the text of the plan, for snapshots to tell; NULL: none */
    const char *name;             /* the same: what the job is called */
    const char *from_dir; /* a savepoint to go on from when state_dir has no snapshot yet; NULL: none */
    bool update;          /* go on although the state belongs to other SQL: see wr_update */
    wr_buf *changes; /* gets the lines of wr_update when it does, also on refusal, and those on snapshots that
                 were passed over when wr_job_new fails; NULL: nowhere */
    struct wr_streams *streams; /* the data directory (state/state.h), NULL: none */
} wr_job_opts;

typedef struct wr_job_stats {
    uint64_t rows_in, rows_out, late_rows, bad_rows;
    uint64_t forgotten;   /* keys whose state went to make room for others (max_partitions) */
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

/* ---- savepoints (savepoint.c) ---- */
/* When a savepoint is there, or cannot be (err says why); bytes: its size. From the thread of wr_job_run, or
 * before it returns. */
typedef void wr_savepoint_done(void *ctx, wr_status s, uint64_t bytes, const wr_err *err);
/* Asks for a savepoint in the folder dir, which must be empty or not there yet; from any thread, while the
 * job runs with a state_dir. Its moment is the next barrier, which is sent at once. stop: the job ends there,
 * as by wr_job_cancel. One at a time: WR_EINVAL while another is being made, or without state_dir; then done
 * is not called. */
wr_status wr_job_savepoint(wr_job *job, const char *dir, bool stop, wr_savepoint_done *done, void *ctx,
                           wr_err *err) WR_MUST_USE;
/* Before the first thread and the first hash: keys are dealt to workers as by who wrote the snapshot or
 * savepoint in dir, so that going on from it takes less time. False: it has none that says how. */
bool wr_state_adopt(const wr_sys *sys, const char *dir);
/* The same by the first of dir/.../below that says it: where several jobs run in a process they come to have
 * one way in common after a restart. */
bool wr_state_adopt_any(const wr_sys *sys, const char *dir, const char *below);
/* The last snapshot in state_dir, of a job that does not run, as a savepoint. */
wr_status wr_state_savepoint(const wr_sys *sys, const char *state_dir, const char *dir, uint64_t *bytesp,
                             wr_err *err) WR_MUST_USE;
/* Lines for people on the last snapshot in a folder, or on a savepoint: what is kept, and for which SQL. All
 * of it is read and checked. The job may be running. */
wr_status wr_state_tell(const wr_sys *sys, const char *dir, wr_buf *out, wr_err *err) WR_MUST_USE;
/* What a savepoint says of itself, in ar, without reading all of it. */
typedef struct wr_savepoint_about {
    uint64_t epoch, bytes; /* bytes: on disk */
    int64_t taken_us;
    const char *job, *version, *sql; /* job: "" where it has no name; version: of weir */
} wr_savepoint_about;
wr_status wr_savepoint_read_about(const wr_sys *sys, const char *dir, wr_arena *ar, wr_savepoint_about *outp,
                                  wr_err *err) WR_MUST_USE;
/* The SQL that it belongs to. */
wr_status wr_state_sql(const wr_sys *sys, const char *dir, wr_buf *out, wr_err *err) WR_MUST_USE;

/* ---- state and other SQL (update.c) ---- */
typedef enum wr_fate {
    WR_KEEPS,  /* it is the same, and goes on */
    WR_BEGINS, /* it is new, and begins empty: with the rows that come from then on */
    WR_DROPS   /* it is no more, and what it kept is not read */
} wr_fate;
typedef struct wr_update_item {
    wr_fate fate;
    const char *what; /* "TUMBLE 1 min over clicks by page: COUNT(*) (page_minutes)" */
    const char *note; /* what that means for results, "" if nothing */
} wr_update_item;
/* What becomes of a job's state under another plan. */
typedef struct wr_update {
    bool needed; /* something begins or is dropped: wr_job_new wants opts.update */
    wr_update_item *items;
    uint32_t n, n_of[3]; /* n_of: by fate */
    wr_arena ar;
} wr_update;
/* dir: of snapshots, which may be in use, or a savepoint. WR_EINVAL: plan cannot go on from it at all, with
 * or without opts.update; err says why. Owner of *outp: the caller, by _free, also after a failure. */
wr_status wr_update_of(const wr_sys *sys, const char *dir, const wr_plan *plan, wr_update *outp,
                       wr_err *err) WR_MUST_USE;
/* A line an item: "keeps   …", "begins  …", "drops   …". */
wr_status wr_update_tell(const wr_update *u, wr_buf *out) WR_MUST_USE;
void wr_update_free(wr_update *u);

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
    WR_TROUBLE_TARGET,   /* a database is locked or gone; rows wait, and it is tried again */
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

#include "metrics.h"

#endif
