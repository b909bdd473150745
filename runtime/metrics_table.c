/* runtime/metrics_table.c -- which numbers there are: names, units, help. Their order is that of the output.
 */
#include "metrics.h"

#define JOB(m, j)   WR_M_JOB, .offset = offsetof(wr_job_metrics, m), .json = j
#define OP(m, j)    WR_M_OPERATOR, .offset = offsetof(wr_op_metrics, m), .json = j
#define SPLIT(m, j) WR_M_SPLIT, .offset = offsetof(wr_split_metrics, m), .json = j
#define SINK(m, j)  WR_M_SINK, .offset = offsetof(wr_sink_metrics, m), .json = j
#define WORK(m, j)  WR_M_WORKER, .offset = offsetof(wr_worker_metrics, m), .json = j
#define SNAP(m, j)  WR_M_SNAPSHOTS, .offset = offsetof(wr_snapshot_metrics, m), .json = j

#define COUNTER(n)  .value = WR_V_COUNT, .counter = true, .name = n
#define COUNT(n)    .value = WR_V_COUNT, .name = n
#define NUMBER(n)   .value = WR_V_NUMBER, .name = n
#define SECONDS(n)  .value = WR_V_SECONDS, .name = n
#define SPENT(n)    .value = WR_V_SECONDS, .counter = true, .name = n
#define TIME(n)     .value = WR_V_TIME, .name = n
#define FLAG(n)     .value = WR_V_FLAG, .name = n
#define RATE(n)     .value = WR_V_RATE, .name = n
#define DURATION(n) .value = WR_V_DURATION, .name = n

/* clang-format off */
const wr_metric_def wr_metric_defs[] = {
    {JOB(running, "running"), FLAG("weir_job_running"), .help = "Whether the job's workers are at work."},
    {JOB(uptime_us, "uptime_seconds"), SECONDS("weir_job_uptime_seconds"), .help = "How long it has run since it was last started."},
    {JOB(rows_in, "rows_in"), COUNTER("weir_rows_in_total"), .help = "Records read by all sources, bad ones included."},
    {JOB(rows_out, "rows_out"), COUNTER("weir_rows_out_total"), .help = "Rows given to all sinks."},
    {JOB(bytes_in, "bytes_in"), COUNTER("weir_bytes_in_total"), .help = "Bytes read by all sources, unpacked."},
    {JOB(bytes_out, "bytes_out"), COUNTER("weir_bytes_out_total"), .help = "Bytes given to all sinks, as encoded."},
    {JOB(late_rows, "late_rows"), COUNTER("weir_late_rows_total"), .help = "Rows that came behind the watermark and counted nowhere."},
    {JOB(bad_rows, "bad_rows"), COUNTER("weir_bad_rows_total"), .help = "Records and rows that failed; error_stream has them."},
    {JOB(forgotten, "forgotten_keys"), COUNTER("weir_forgotten_keys_total"), .help = "Keys whose state was forgotten to make room for others (max_partitions)."},
    {JOB(watermark_us, "watermark"), TIME("weir_watermark_seconds"), .help = "Watermark, the least of all sources."},
    {JOB(lag_us, "watermark_lag_seconds"), SECONDS("weir_watermark_lag_seconds"), .help = "How far the watermark is behind the wall clock."},
    {JOB(state_keys, "state_keys"), COUNT("weir_state_keys"), .help = "Keys, or rows, kept by all operators."},
    {JOB(state_bytes, "state_bytes"), COUNT("weir_state_bytes"), .help = "About how many bytes they take."},
    {JOB(rows_in_a_sec, "rows_in_per_second"), RATE("weir_rows_in_per_second"), .help = "Rows read, over the last one or two seconds."},
    {JOB(rows_out_a_sec, "rows_out_per_second"), RATE("weir_rows_out_per_second"), .help = "Rows given to sinks, over the last one or two seconds."},
    {JOB(busy, "busy"), RATE("weir_busy_ratio"), .help = "Share of the time that a worker spends on a processor, mean of all."},
    {JOB(backpressure, "backpressure"), RATE("weir_backpressure_ratio"), .help = "Share of the time that a worker waits for full rings, mean of all."},
    {JOB(resting, "resting"), FLAG("weir_job_resting"), .help = "Whether its sources rest because too many rows wait for a snapshot that can bring them out (exactly once)."},

    {OP(rows_in, "rows_in"), COUNTER("weir_operator_rows_in_total"), .help = "Rows that came to the operator."},
    {OP(rows_out, "rows_out"), COUNTER("weir_operator_rows_out_total"), .help = "Rows that it passed on."},
    {OP(late_rows, "late_rows"), COUNTER("weir_operator_late_rows_total"), .help = "Rows that came too late for it."},
    {OP(bad_rows, "bad_rows"), COUNTER("weir_operator_bad_rows_total"), .help = "Rows that failed in it."},
    {OP(forgotten, "forgotten_keys"), COUNTER("weir_operator_forgotten_keys_total"), .help = "Keys whose state it forgot to make room for others."},
    {OP(state_keys, "state_keys"), COUNT("weir_operator_state_keys"), .help = "Keys, or rows, that it keeps, as of the last second."},
    {OP(state_bytes, "state_bytes"), COUNT("weir_operator_state_bytes"), .help = "About how many bytes they take."},
    {OP(watermark_us, "watermark"), TIME("weir_operator_watermark_seconds"), .help = "Its watermark, the least of all workers."},
    {OP(lag_us, "watermark_lag_seconds"), SECONDS("weir_operator_watermark_lag_seconds"), .help = "How far that is behind the wall clock."},
    {OP(blocked_us, "blocked_seconds"), SPENT("weir_operator_blocked_seconds_total"), .help = "How long workers have waited for room in its rings (exchanges)."},
    {OP(rows_in_a_sec, "rows_in_per_second"), RATE("weir_operator_rows_in_per_second"), .help = "Rows that came to it, over the last one or two seconds."},
    {OP(rows_out_a_sec, "rows_out_per_second"), RATE("weir_operator_rows_out_per_second"), .help = "Rows that it passed on, over the last one or two seconds."},

    {WR_M_SHARE, .json = "worker_rows_in", COUNTER("weir_operator_worker_rows_in_total"),
     .help = "Rows that came to it, by worker: whether keys are spread evenly. Only with several workers."},

    {SPLIT(rows, "rows"), COUNTER("weir_split_rows_total"), .help = "Records read from a file or shard, bad ones included."},
    {SPLIT(bytes, "bytes"), COUNTER("weir_split_bytes_total"), .help = "Bytes read from it, unpacked."},
    {SPLIT(watermark_us, "watermark"), TIME("weir_split_watermark_seconds"), .help = "Watermark after the rows that were read."},
    {SPLIT(lag_us, "watermark_lag_seconds"), SECONDS("weir_split_watermark_lag_seconds"), .help = "How far that is behind the wall clock."},
    {SPLIT(read_us, "last_read"), TIME("weir_split_read_timestamp_seconds"), .help = "When it last gave records."},
    {SPLIT(age_us, "iterator_age_seconds"), SECONDS("weir_split_iterator_age_seconds"), .help = "How old the last record read is; 0 when there is no more at the moment."},
    {SPLIT(quiet_us, "quiet_seconds"), SECONDS("weir_split_quiet_seconds"), .help = "For how long nothing new has been there."},
    {SPLIT(idle, "idle"), FLAG("weir_split_idle"), .help = "Whether it was quiet for longer than idle_timeout and does not hold the watermark back."},
    {SPLIT(advanced_us, "idle_advanced_seconds"), SECONDS("weir_split_idle_advanced_seconds"), .help = "How far the wall clock has taken event time on meanwhile."},
    {SPLIT(ended, "ended"), FLAG("weir_split_ended"), .help = "Whether it has been read to its end."},
    {SPLIT(at, "position"), NUMBER("weir_split_position"), .help = "How far it has been read, in the connector's measure (bytes as stored, records)."},
    {SPLIT(size, "size"), NUMBER("weir_split_size"), .help = "How large it is in that measure, where that is known."},
    {SPLIT(behind_bytes, "behind_bytes"), NUMBER("weir_split_behind_bytes"), .help = "Bytes of it that are there and have not been read, where that is known."},

    {SINK(rows, "rows"), COUNTER("weir_sink_rows_total"), .help = "Rows given to a sink."},
    {SINK(bytes, "bytes"), COUNTER("weir_sink_bytes_total"), .help = "Bytes given to it, as encoded."},
    {SINK(pending_bytes, "pending_bytes"), NUMBER("weir_sink_pending_bytes"), .help = "Bytes of rows that come out with a snapshot (exactly once), as packed, until they have."},
    {SINK(last_us, "last_written"), TIME("weir_sink_write_timestamp_seconds"), .help = "When the last of them were."},
    {SINK(write_us, "write_seconds"), SPENT("weir_sink_write_seconds_total"), .help = "Time spent in writing to it."},
    {SINK(writing_us, "writing_seconds"), SECONDS("weir_sink_writing_seconds"), .help = "For how long the write under way has taken so far: a slow or stuck receiver."},

    {WORK(rows_in, "rows_in"), COUNTER("weir_worker_rows_in_total"), .help = "Records that a worker has read."},
    {WORK(cpu_us, "cpu_seconds"), SPENT("weir_worker_cpu_seconds_total"), .help = "Processor time of a worker."},
    {WORK(blocked_us, "blocked_seconds"), SPENT("weir_worker_blocked_seconds_total"), .help = "Time it has waited for room in full rings: back-pressure."},
    {WORK(slept_us, "idle_seconds"), SPENT("weir_worker_idle_seconds_total"), .help = "Time it has had nothing to do."},
    {WORK(busy, "busy"), RATE("weir_worker_busy_ratio"), .help = "Share of the time that it was on a processor, over the last one or two seconds."},
    {WORK(backpressure, "backpressure"), RATE("weir_worker_backpressure_ratio"), .help = "Share of the time that it waited for full rings, over the last one or two seconds."},

    {SNAP(taken, "taken"), COUNTER("weir_snapshots_total"), .help = "Snapshots taken since the start."},
    {SNAP(failed, "failed"), COUNTER("weir_snapshots_failed_total"), .help = "Snapshots that could not be written."},
    {SNAP(epoch, "epoch"), NUMBER("weir_snapshot_epoch"), .help = "Number of the last one that was begun."},
    {SNAP(last_us, "last"), TIME("weir_snapshot_timestamp_seconds"), .help = "When the last one was durable."},
    {SNAP(next_us, "next"), TIME("weir_snapshot_next_timestamp_seconds"), .help = "When the next is due."},
    {SNAP(last_duration_us, "last_duration_seconds"), SECONDS("weir_snapshot_last_duration_seconds"), .help = "How long the last one took from its barrier until it was durable."},
    {SNAP(last_bytes, "last_bytes"), COUNT("weir_snapshot_last_bytes"), .help = "Bytes that the last one wrote."},
    {SNAP(bytes, "bytes"), COUNTER("weir_snapshot_bytes_total"), .help = "Bytes that all have written."},
    {SNAP(duration, "duration"), DURATION("weir_snapshot_duration_seconds"), .help = "How long they took from the barrier until they were durable."},
    {SNAP(align, "align"), DURATION("weir_snapshot_align_seconds"), .help = "From a worker's first sight of a barrier until it has passed all its operators, without the pause."},
    {SNAP(pause, "pause"), DURATION("weir_snapshot_pause_seconds"), .help = "How long a worker stood still while its operators saved, each time: at the barrier, and bit by bit behind it; not while the job ends."},
};
/* clang-format on */
const size_t wr_n_metric_defs = WR_LEN(wr_metric_defs);
