/* connectors/table.h -- tables of a database as sinks. Private to connectors/.
 *
 *   pack     rows that the database can have ─► batches as bytes (wr_rows_pack), kept by the runtime
 *   commit   one transaction: is the epoch in weir_epochs? ─► the rows ─► weir_epochs(job, sink, epoch)
 *
 * Without a key rows are inserted. With one, of the rows of a batch that share their key only the last
 * counts, and it is an upsert or a delete; the others have been replaced before anybody could see them.
 *
 * What a database cannot have is told before it is asked: a column whose type would not keep every value as
 * it is, when the table is opened; a value that it refuses (a text that is no UTF-8), as a bad row. So a
 * transaction does not fail for ever because of one row, but for the table's own constraints, which are told
 * as they are. */
#ifndef WR_CONN_TABLE_H
#define WR_CONN_TABLE_H

#include "conn_int.h"

typedef struct wri_table_opts {
    bool create;
    int delivery;
    int64_t retry_for_us;
} wri_table_opts;

/* The options of a connector whose struct has a wri_table_opts `sink`. */
/* clang-format off */
#define WRI_TABLE_OPTIONS(AT)                                                                                \
    {"create", WR_OPT_BOOL, AT(sink.create), .def = "false",                                                 \
     .doc = "Writing: makes the table where there is none."},                                                \
    {"delivery", WR_OPT_ENUM, AT(sink.delivery), .values = WRI_DELIVERY_VALUES, .def = "exactly_once",       \
     .doc = WRI_DELIVERY_DOC},                                                                               \
    {"retry_for", WR_OPT_DURATION, AT(sink.retry_for_us), .def = "5 minutes", .max = INT64_MAX,              \
     .doc = "Writing: how long a database that cannot be reached is tried again, before the job fails; rows wait " \
            "meanwhile."}
/* clang-format on */

typedef struct wri_table wri_table; /* each database's own: a connection to a table */
typedef struct wri_table_def {
    /* Why the database cannot have the row, as a text that stays; NULL: it can. Any thread. */
    const char *(*refuse)(const wri_table *t, const wr_batch *b, uint32_t row);
    /* Transactions. WR_EIO: may be tried again, from begin on, which connects anew where need be. */
    wr_status (*begin)(wri_table *t, wr_err *err);
    wr_status (*epoch)(wri_table *t, uint64_t *outp,
                       wr_err *err); /* the last of this job and sink; 0: none */
    wr_status (*set_epoch)(wri_table *t, uint64_t epoch, wr_err *err);
    wr_status (*put)(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err);
    wr_status (*take)(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err);
    wr_status (*commit)(wri_table *t, wr_err *err);
    void (*rollback)(wri_table *t);
    void (*close)(wri_table *t);
} wri_table_def;

/* A sink over t, which it owns, also when this fails. */
wr_status wri_table_sink(const wri_table_def *def, wri_table *t, const wr_sink_cfg *cfg,
                         const wri_table_opts *o, wr_sink **outp, wr_err *err) WR_MUST_USE;
wr_status wri_table_pack(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, const char **whys,
                         wr_buf *out, wr_err *err);
wr_status wri_table_commit(wr_sink *s, const wr_handover *h, wr_err *err);
int64_t wri_table_patience(const wr_sink *s);
void wri_table_close(wr_sink *s);
#define WRI_TABLE_SINK                                                                                       \
    .pack = wri_table_pack, .commit = wri_table_commit, .patience_us = wri_table_patience,                   \
    .close_sink = wri_table_close

/* ---- texts ---- */
/* "CREATE TABLE t (…)", NUL-terminated; type_name appends what the database calls a column's type. */
wr_status wri_table_create_text(const wr_sink_cfg *cfg, const char *table,
                                wr_status (*type_name)(const wr_type *t, wr_buf *out),
                                wr_buf *out) WR_MUST_USE;
/* " ON CONFLICT (…) DO UPDATE SET …" for the columns called names; nothing without a key. */
wr_status wri_table_conflict_text(const wr_sink_cfg *cfg, const char *const *names, wr_buf *out) WR_MUST_USE;
/* "%016x" of the job's number. */
#define WRI_JOB_TEXT 17
void wri_table_job(const wr_sink_cfg *cfg, char out[WRI_JOB_TEXT]);
#define WRI_EPOCHS_TABLE                                                                                     \
    "CREATE TABLE IF NOT EXISTS weir_epochs (job TEXT, sink TEXT, epoch BIGINT, PRIMARY KEY (job, sink))"
#define WRI_EPOCHS_SET " ON CONFLICT (job, sink) DO UPDATE SET epoch = excluded.epoch"

#endif
