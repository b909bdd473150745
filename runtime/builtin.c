/* runtime/builtin.c -- what is built in, for the planner: functions, aggregates, connectors, formats. */
#include "aggs/aggs.h"
#include "job_int.h"
#include "tablefns/tablefn.h"

#define SETTING(member) offsetof(wr_settings, member)

static const wr_option settings[] = {
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = SETTING(workers),
     .def = "0",
     .max = 128,
     .doc = "Worker threads; 0 is one per core."},
    {.name = "batch_rows",
     .type = WR_OPT_INT,
     .offset = SETTING(batch_rows),
     .def = "4096",
     .min = 1,
     .max = WR_BATCH_ROWS_MAX,
     .doc = "Rows of a batch."},
    {.name = "snapshot_interval",
     .type = WR_OPT_DURATION,
     .offset = SETTING(snapshot_interval_us),
     .def = "10s",
     .min = 1000,
     .max = INT64_MAX,
     .doc = "Time between snapshots of weir run --state."},
    {.name = "memory",
     .type = WR_OPT_BYTES,
     .offset = SETTING(memory_bytes),
     .def = "0",
     .max = INT64_MAX / 2,
     .doc = "What buffers and state of the job may take, such as 512MiB; 0: half of the machine's memory, or "
            "of the "
            "control group's limit. When half of it is used, state of keys and windows goes to disk."},
    {.name = "state_ttl",
     .type = WR_OPT_DURATION,
     .offset = SETTING(state_ttl_us),
     .def = "0s",
     .max = WR_TS_MAX / 2,
     .doc = "Event time after which what no window bounds is forgotten: an idle key, a row of a join; 0: "
            "never. A join of endless streams that nothing else bounds wants it said, be it 0."},
    {.name = "evaluator",
     .type = WR_OPT_ENUM,
     .offset = SETTING(evaluator),
     .values = "auto|sqlite",
     .def = "auto",
     .doc = "auto: kernels where there are, else SQLite; sqlite: the reference, for everything."},
    {.name = "time_zone",
     .type = WR_OPT_STRING,
     .offset = SETTING(time_zone),
     .def = "UTC",
     .doc = "Time zone of the session, 'Europe/Berlin' or '+02:00': what clocks show at a TIMESTAMP_LTZ."},
    {.name = "column_names",
     .type = WR_OPT_ENUM,
     .offset = SETTING(column_names),
     .values = "as_written|upper",
     .def = "as_written",
     .doc = "upper: columns that CREATE STREAM names without quotes are kept, and written, in capitals, as "
            "Kinesis Data Analytics does."},
};

static wr_status self_columns(const char *name, const wr_kv *kvs, size_t n, wr_arena *ar, wr_schema *outp,
                              wr_err *err) {
    const wr_connector_def *c = wr_connector_find(name);
    if (!c || !c->columns) return wr_fail(err, WR_EINVAL, "connector '%s' brings no columns", name);
    return c->columns(kvs, n, ar, outp, err);
}

static bool is_bounded(const char *name, const wr_kv *kvs, size_t n) {
    const wr_connector_def *c = wr_connector_find(name);
    return c && (c->bounded ? c->bounded(kvs, n) : c->with.bounded);
}

static void no_record(void *ctx, const wr_bad_record *r) {
    (void)ctx;
    (void)r;
}

/* A format says by opening whether it takes the columns: paths, types, how many. */
static wr_status format_fits(const char *name, const wr_schema *cols, const wr_kv *kvs, size_t n, bool write,
                             wr_err *err) {
    const wr_format_def *f = wr_format_find(name);
    if (write && f && f->open_encoder) {
        wr_encode_cfg cfg = {.schema = cols, .options = kvs, .n_options = n};
        wr_encoder *e = NULL;
        WR_TRY(f->open_encoder(&cfg, &e, err));
        f->close_encoder(e);
    } else if (!write && f && f->open_decoder) {
        wr_decode_cfg cfg = {.schema = cols,
                             .declared = cols,
                             .options = kvs,
                             .n_options = n,
                             .batch_rows = 1,
                             .bad = no_record};
        wr_decoder *d = NULL;
        WR_TRY(f->open_decoder(&cfg, &d, err));
        f->close_decoder(d);
    }
    return WR_OK;
}

/* Definitions begin with their wr_with (asserted), so a list of them is a list of those. */
_Static_assert(offsetof(wr_connector_def, with) == 0 && offsetof(wr_format_def, with) == 0,
               "with comes first");

static size_t count(const void *list) {
    size_t n = 0;
    for (const void *const *p = list; p[n]; n++) {
    }
    return n;
}

wr_registry wr_builtin(void) {
    return (wr_registry){
        .funcs = wr_builtin_funcs,
        .n_funcs = wr_n_builtin_funcs,
        .aggs = wr_builtin_aggs,
        .n_aggs = wr_n_builtin_aggs,
        .tables = wr_table_fns,
        .n_tables = wr_n_table_fns,
        .connectors = (const wr_with *const *)wr_connectors,
        .n_connectors = count(wr_connectors),
        .formats = (const wr_with *const *)wr_formats,
        .n_formats = count(wr_formats),
        .set_options = settings,
        .n_set_options = WR_LEN(settings),
        .fold = wr_eval_fold,
        .extension = wr_eval_extension,
        .extension_agg = &wr_agg_extension,
        .check = wr_expr_check,
        .runs_on = wr_expr_runs_on,
        .columns = self_columns,
        .bounded = is_bounded,
        .fits = format_fits,
    };
}
