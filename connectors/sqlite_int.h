/* connectors/sqlite_int.h -- what reading and writing of SQLite's tables share. Private to sqlite.c and
 * sqlite_sink.c. */
#ifndef WR_SQLITE_INT_H
#define WR_SQLITE_INT_H

#include <sqlite3.h>

#include "db.h"
#include "table.h"

#define WRI_SQLITE_BUSY_MS 2000 /* SQLite's own patience with a locked file */

typedef struct wri_sqlite_opts {
    wr_lookup_opts lookup;
    const char *path, *table;
    int timestamp_format;
    wri_table_opts sink;
} wri_sqlite_opts;
wr_status wri_sqlite_options(const wr_kv *kvs, size_t n, wri_sqlite_opts *out, wr_err *err) WR_MUST_USE;
/* Binds a value, NULL too; SQLite's status. */
int wri_sqlite_bind(sqlite3_stmt *q, int at, const wr_type *t, wri_time_format tf, const wr_col *c,
                    uint32_t row);

wr_status wri_sqlite_open_sink(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);

#endif
