/* server/catalog.h -- the jobs of a data directory, in DATA/weir.db. Part of server_int.h.
 *
 * SQLite in WAL mode with synchronous FULL: a call that returns WR_OK is durable. Calls block and lock: from
 * the pool and the threads of jobs only. */
#ifndef WR_SERVER_CATALOG_H
#define WR_SERVER_CATALOG_H

#include "core/core.h"

typedef struct wri_catalog wri_catalog;

/* What is wanted of a job. DELETED: its folder goes, then its row. */
typedef enum wri_wanted { WRI_WANT_RUN, WRI_WANT_PAUSE, WRI_WANT_STOP, WRI_WANT_DELETE } wri_wanted;
/* Whether it has come to an end by itself. */
typedef enum wri_ended { WRI_NOT_ENDED, WRI_HAS_FINISHED, WRI_HAS_FAILED } wri_ended;

typedef struct wri_job_row {
    char *id, *name, *sql;
    char *error;                           /* why it failed last; NULL: it did not */
    char *savepoint;                       /* whose state it begins with; NULL: none */
    int64_t workers, snapshot_interval_us; /* 0: not said */
    int64_t memory_bytes;                  /* the same */
    int64_t created_us;
    int64_t restarts; /* after failures, since it was submitted */
    wri_wanted wanted;
    wri_ended ended;
    bool updating; /* the SQL is newer than the last snapshot, which it shall go on from all the same */
} wri_job_row;

/* Makes the file where there is none. */
wr_status wri_catalog_open(const char *path, wri_catalog **outp, wr_err *err) WR_MUST_USE;
void wri_catalog_close(wri_catalog *c); /* NULL is allowed */
/* WR_ELIMIT: there is a job of that name. */
wr_status wri_catalog_add(wri_catalog *c, const wri_job_row *row, wr_err *err) WR_MUST_USE;
/* WRI_WANT_RUN also forgets how it ended. */
wr_status wri_catalog_want(wri_catalog *c, const char *id, wri_wanted wanted, wr_err *err) WR_MUST_USE;
/* How a run has ended; error may be NULL. */
wr_status wri_catalog_ran(wri_catalog *c, const char *id, wri_ended ended, const char *error,
                          int64_t restarts, wr_err *err) WR_MUST_USE;
/* Other SQL from now on: the job is updating, and has not ended. One transaction. */
wr_status wri_catalog_update(wri_catalog *c, const char *id, const char *sql, wr_err *err) WR_MUST_USE;
/* There is a snapshot of its SQL: it is no longer updating. */
wr_status wri_catalog_updated(wri_catalog *c, const char *id, wr_err *err) WR_MUST_USE;
wr_status wri_catalog_remove(wri_catalog *c, const char *id, wr_err *err) WR_MUST_USE;
/* Calls each with every row, in the order of creation; strings borrow. It must not call the catalog. */
wr_status wri_catalog_each(wri_catalog *c, wr_status (*each)(void *ctx, const wri_job_row *row, wr_err *err),
                           void *ctx, wr_err *err) WR_MUST_USE;

#endif
