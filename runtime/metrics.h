/* runtime/metrics.h -- how a job fares: what has gone through each of its parts, and why nothing comes out.
 *
 * wr_job_metrics_read copies all numbers of a job, at any time between wr_job_new and wr_job_free, from any
 * thread; workers are not held up, and the copy outlives the job and its plan. What is printed of them goes
 * by one table (wr_metric_defs): the JSON of REST, Prometheus' text and docs/METRICS.md. To add a number: a
 * member here, a line there, and who fills it in (runtime/metrics.c).
 *
 * Counters are of this run: a job that goes on from a snapshot begins at 0. */
#ifndef WR_RUNTIME_METRICS_H
#define WR_RUNTIME_METRICS_H

#include "runtime.h"

#define WR_NEVER INT64_MIN /* of a time or a duration: there is none */

/* One operator: a node of the plan, summed over the workers. */
typedef struct wr_op_metrics {
    uint32_t node;    /* #n of EXPLAIN */
    const char *name; /* "GLOBAL AGGREGATE" */
    uint64_t rows_in, rows_out, late_rows, bad_rows;
    uint64_t forgotten;               /* keys whose state went for want of room */
    uint64_t state_keys, state_bytes; /* as each worker last said, about once a second */
    bool has_state;
    int64_t watermark_us, lag_us; /* least over the workers; lag: behind the wall clock */
    int64_t blocked_us; /* exchanges, else WR_NEVER: how long workers have waited for room, in all */
    double rows_in_a_sec, rows_out_a_sec; /* of the last one or two seconds; of all, when the job has ended */
    uint64_t *worker_rows_in;             /* per worker */
} wr_op_metrics;

/* One split of a source: a file, a shard. */
typedef struct wr_split_metrics {
    uint32_t node;
    const char *stream, *name;
    uint64_t rows, bytes;         /* that were read, bad ones included; bytes unpacked */
    int64_t watermark_us, lag_us; /* of the rows that were read */
    int64_t read_us;              /* when the last of them was taken, wall clock */
    int64_t age_us;               /* iterator age: how old the last record read is, 0: there is no more now */
    int64_t quiet_us;             /* for how long nothing has been there, WR_NEVER: something is */
    bool idle, ended;             /* idle: does not hold the watermark back */
    int64_t advanced_us;          /* how far the wall clock has taken event time on while it was idle */
    int64_t at, size;             /* position, in the connector's measure; size WR_NEVER: unknown */
    int64_t behind_bytes;         /* there, not yet read; WR_NEVER: unknown */
} wr_split_metrics;

typedef struct wr_sink_metrics {
    uint32_t node;
    const char *stream; /* NULL: standard output of a bare SELECT */
    uint64_t rows, bytes;
    int64_t last_us;       /* when rows were last handed to the connector, wall clock */
    int64_t write_us;      /* time spent in the connector */
    int64_t pending_bytes; /* of rows that come out with a snapshot (exactly once), as packed, until they
                              have; WR_NEVER: there are none of the kind */
    int64_t writing_us;    /* for how long the write under way has been, WR_NEVER: none is */
} wr_sink_metrics;

typedef struct wr_worker_metrics {
    uint32_t worker;
    uint64_t rows_in;
    int64_t cpu_us, blocked_us, slept_us; /* blocked: waiting for room in a ring; slept: nothing to do */
    double busy, backpressure;            /* shares of the last one or two seconds, 0..1 */
} wr_worker_metrics;

typedef struct wr_duration_metrics { /* of a histogram */
    uint64_t count;
    int64_t sum_us, p50_us, p90_us, p99_us, max_us;
} wr_duration_metrics;

typedef struct wr_snapshot_metrics {
    bool on; /* snapshots are taken */
    uint64_t taken, failed, epoch;
    uint64_t last_bytes, bytes;
    int64_t last_us, next_us;                   /* wall clock; next: when it is due */
    int64_t last_duration_us;                   /* from the barrier's start until it was durable */
    wr_duration_metrics duration, align, pause; /* align: a worker's first barrier until its last; pause: what
                                                   its operators needed to say what they keep */
} wr_snapshot_metrics;

typedef struct wr_job_metrics {
    wr_arena ar; /* all that follows */
    uint64_t rows_in, rows_out, late_rows, bad_rows, bytes_in, bytes_out;
    uint64_t forgotten;
    uint64_t state_keys, state_bytes;
    int64_t watermark_us, lag_us; /* least over the sources */
    int64_t uptime_us, wall_us;   /* wall: when this was read */
    bool running;
    bool resting; /* sources deal nothing, as too many rows wait for a snapshot */
    double rows_in_a_sec, rows_out_a_sec, busy, backpressure; /* the last two: mean over the workers */
    uint32_t n_workers, n_ops, n_splits, n_sinks;
    wr_op_metrics *ops; /* by node number */
    wr_split_metrics *splits;
    wr_sink_metrics *sinks;
    wr_worker_metrics *workers;
    wr_snapshot_metrics snapshots;
} wr_job_metrics;

wr_status wr_job_metrics_read(wr_job *job, wr_job_metrics *outp, wr_err *err) WR_MUST_USE;
void wr_job_metrics_free(wr_job_metrics *m);

/* ---- the table ---- */
typedef enum wr_metric_scope { /* what a number is of, and so its labels beside job */
                               WR_M_JOB,
                               WR_M_OPERATOR, /* operator, node */
                               WR_M_SHARE, /* operator, node, worker: an operator's part on each worker, where
                                              there are several */
                               WR_M_SPLIT, /* stream, node, shard */
                               WR_M_SINK,  /* stream, node */
                               WR_M_WORKER,   /* worker */
                               WR_M_SNAPSHOTS /* jobs that take them */
} wr_metric_scope;
typedef enum wr_metric_value {               /* C type of the member, and how it is said */
                               WR_V_COUNT,   /* uint64_t */
                               WR_V_NUMBER,  /* int64_t; WR_NEVER is left out, null in JSON, as of all that
                                                follow */
                               WR_V_SECONDS, /* int64_t of microseconds */
                               WR_V_TIME, /* int64_t of microseconds since 1970: seconds since 1970; in JSON
                                             ISO 8601 */
                               WR_V_FLAG, /* bool: 0 or 1 */
                               WR_V_RATE, /* double */
                               WR_V_DURATION /* wr_duration_metrics: a summary */
} wr_metric_value;
typedef struct wr_metric_def {
    wr_metric_scope scope;
    wr_metric_value value;
    bool counter;     /* else a gauge (or a summary) */
    size_t offset;    /* in the struct of the scope */
    const char *name; /* "weir_rows_in_total" */
    const char *json; /* "rows_in" */
    const char *help; /* a sentence */
} wr_metric_def;
extern const wr_metric_def wr_metric_defs[];
extern const size_t wr_n_metric_defs;

typedef struct wr_named_metrics {
    const char *job; /* label job */
    const wr_job_metrics *m;
} wr_named_metrics;
/* Prometheus' text format 0.0.4 of all these jobs: HELP and TYPE of each metric once. Whoever serves it may
 * add metrics of its own behind. */
wr_status wr_metrics_prometheus(const wr_named_metrics *jobs, size_t n, wr_buf *out) WR_MUST_USE;
/* {"rows_in":…, "operators":[…], "splits":[…], "sinks":[…], "workers":[…], "snapshots":{…}|null} */
wr_status wr_metrics_json(const wr_job_metrics *m, wr_buf *out) WR_MUST_USE;
/* docs/METRICS.md's tables. */
wr_status wr_metrics_markdown(wr_buf *out) WR_MUST_USE;
/* A label's value between quotes, for metrics of others. */
wr_status wr_metrics_label(wr_buf *out, const char *value) WR_MUST_USE;

/* The same of one job, read and printed. */
wr_status wr_job_metrics_json(wr_job *job, wr_buf *out, wr_err *err) WR_MUST_USE;
wr_status wr_job_metrics_prometheus(wr_job *job, const char *name, wr_buf *out, wr_err *err) WR_MUST_USE;

/* ---- why ---- */
typedef enum wr_why_form {
    WR_WHY_TEXT, /* sentences, a line each */
    WR_WHY_LINE, /* the most important one, without a line end: for lists of jobs */
    WR_WHY_JSON  /* {"lines":[…], "windows":[…]} */
} wr_why_form;
/* Why no more has come out yet. Asks the workers what waits in their operators, which takes until each is
 * between two batches: a quarter of a second at most (then it says which worker does not answer, and what it
 * is at). From any thread; not while one is inside wr_job_run's tick of another job. */
wr_status wr_job_why(wr_job *job, wr_why_form form, wr_buf *out, wr_err *err) WR_MUST_USE;
/* EXPLAIN's tree with a line of live numbers below each node. */
wr_status wr_job_analyze(wr_job *job, wr_buf *out, wr_err *err) WR_MUST_USE;

#endif
