/* connectors/postgres_int.h -- what reading and writing of Postgres' tables share. Private to postgres.c and
 * postgres_sink.c. */
#ifndef WR_POSTGRES_INT_H
#define WR_POSTGRES_INT_H

#include <libpq-fe.h>

#include "db.h"
#include "table.h"

typedef struct wri_pg_opts {
    wr_lookup_opts lookup;
    const char *url, *table;
    wri_table_opts sink;
} wri_pg_opts;

wr_status wri_pg_options(const wr_kv *kvs, size_t n, wri_pg_opts *out, wr_err *err) WR_MUST_USE;

/* clang-format off */
#define PQ_LIST(X)                                                                                           \
    X(connectdbParams) X(status) X(errorMessage) X(finish) X(reset) X(exec) X(prepare) X(execPrepared)       \
    X(sendQuery) X(setSingleRowMode) X(getResult) X(resultStatus) X(resultErrorMessage) X(resultErrorField)  \
    X(ntuples) X(nfields) X(fname) X(ftype) X(fmod) X(getvalue) X(getlength) X(getisnull) X(clear)
/* clang-format on */

typedef struct wri_pq { /* libpq, loaded */
#define X(f) __typeof__(&PQ##f) f;
    PQ_LIST(X)
#undef X
} wri_pq;

wr_status wri_pq_load(wri_pq *pq, wr_err *err) WR_MUST_USE;
const char *wri_pq_line(const char *m, char out[256]);
bool wri_pq_passes(const char *state);
/* Appends an element of an array that begins at out's start. */
wr_status wri_pq_element(wr_buf *out, const wr_type *t, const wr_col *c, uint32_t row) WR_MUST_USE;

enum { /* fixed numbers of the catalog */
       PG_BOOL = 16,
       PG_BYTEA = 17,
       PG_NAME = 19,
       PG_INT8 = 20,
       PG_INT2 = 21,
       PG_INT4 = 23,
       PG_TEXT = 25,
       PG_OID = 26,
       PG_FLOAT4 = 700,
       PG_FLOAT8 = 701,
       PG_VARCHAR = 1043,
       PG_DATE = 1082,
       PG_TIME = 1083,
       PG_TIMESTAMP = 1114,
       PG_TIMESTAMPTZ = 1184,
       PG_NUMERIC = 1700
};

wr_status wri_pg_open_sink(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);

#endif
