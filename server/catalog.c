/* server/catalog.c -- the jobs of a data directory, in SQLite. */
#include "catalog.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

struct wri_catalog {
    sqlite3 *db;
    pthread_mutex_t lock;
    char *path;
};

/* What makes version i + 1 of the file, its user_version, of version i; 0 is an empty file. */
static const char *const steps[] = {
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, sql TEXT NOT NULL, error TEXT,"
    " workers INTEGER NOT NULL, snapshot_interval_us INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " restarts INTEGER NOT NULL DEFAULT 0, wanted INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0);"
    "PRAGMA user_version = 1;",
    "ALTER TABLE jobs ADD COLUMN savepoint TEXT;"
    "ALTER TABLE jobs ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN updating INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;",
};
#define VERSION ((int)WR_LEN(steps))

/* A full disk, a damaged file, … as SQLite says it. */
static wr_status failed(const wri_catalog *c, int rc, wr_err *err) {
    if (rc == SQLITE_NOMEM) return wr_fail_oom(err, "the catalog");
    return wr_fail(err, WR_EIO, "the catalog '%s': %s", c->path, sqlite3_errmsg(c->db));
}

static wr_status exec(wri_catalog *c, const char *sql, wr_err *err) {
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? WR_OK : failed(c, rc, err);
}

static wr_status prepare(wri_catalog *c, const char *sql, sqlite3_stmt **outp, wr_err *err) {
    int rc = sqlite3_prepare_v2(c->db, sql, -1, outp, NULL);
    return rc == SQLITE_OK ? WR_OK : failed(c, rc, err);
}

/* Runs a statement that gives no rows; *changedp (may be NULL): rows that it changed. */
static wr_status finish(wri_catalog *c, sqlite3_stmt *st, int *changedp, wr_err *err) {
    int rc = sqlite3_step(st);
    wr_status s = WR_OK;
    if (rc == SQLITE_CONSTRAINT) s = wr_fail(err, WR_ELIMIT, "taken");
    else if (rc != SQLITE_DONE) s = failed(c, rc, err);
    if (changedp) *changedp = sqlite3_changes(c->db);
    sqlite3_finalize(st);
    return s;
}

static wr_status version(wri_catalog *c, int *outp, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "PRAGMA user_version", &st, err));
    int rc = sqlite3_step(st);
    *outp = sqlite3_column_int(st, 0);
    wr_status s = rc == SQLITE_ROW ? WR_OK : failed(c, rc, err);
    sqlite3_finalize(st);
    return s;
}

/* What is damaged here would come out as other jobs than were submitted, or none. */
static wr_status check_whole(wri_catalog *c, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "PRAGMA quick_check(1)", &st, err));
    int rc = sqlite3_step(st);
    const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    wr_status s = WR_OK;
    if (rc != SQLITE_ROW) s = failed(c, rc, err);
    else if (!said || strcmp(said, "ok") != 0)
        s = wr_fail(
            err, WR_EDATA,
            "the catalog '%s' is damaged (%s): put back a copy of the data directory; without one, move "
            "the file away and submit the jobs anew",
            c->path, said ? said : "");
    sqlite3_finalize(st);
    return s;
}

/* A row that no weir has written. */
static bool is_odd(const wri_job_row *row) {
    return row->workers < 0 || row->workers > 128 || row->snapshot_interval_us < 0 || row->memory_bytes < 0 ||
           row->restarts < 0 || row->wanted > WRI_WANT_DELETE || row->ended > WRI_HAS_FAILED ||
           !wr_utf8_valid(row->name, strlen(row->name)) || !wr_utf8_valid(row->sql, strlen(row->sql)) ||
           strspn(row->id, "-23456789abcdefghjkmnpqrstuvwxyz") != strlen(row->id);
}

static wr_status open_file(wri_catalog *c, const char *path, wr_err *err) {
    int found;
    if (!c->path) return wr_fail_oom(err, "the catalog");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc != SQLITE_OK) return failed(c, rc, err);
    sqlite3_busy_timeout(c->db, 5000); /* somebody may look at it with another program */
    WR_TRY(exec(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err));
    WR_TRY(check_whole(c, err));
    WR_TRY(version(c, &found, err));
    if (found > VERSION)
        return wr_fail(err, WR_EINVAL,
                       "the catalog '%s' is of version %d, a later weir's; this one knows version %d", path,
                       found, VERSION);
    if (found == VERSION) return WR_OK;
    WR_TRY(exec(c, "BEGIN", err));
    wr_status s = WR_OK;
    for (int i = found < 0 ? 0 : found; i < VERSION && s == WR_OK; i++) s = exec(c, steps[i], err);
    if (s == WR_OK) s = exec(c, "COMMIT", err);
    return s;
}

wr_status wri_catalog_open(const char *path, wri_catalog **outp, wr_err *err) {
    *outp = NULL;
    wri_catalog *c = wr_calloc(1, sizeof *c);
    if (!c) return wr_fail_oom(err, "the catalog");
    pthread_mutex_init(&c->lock, NULL);
    c->path = wr_strdup(path);
    wr_status s = open_file(c, path, err);
    if (s == WR_OK) *outp = c;
    else wri_catalog_close(c);
    return s;
}

void wri_catalog_close(wri_catalog *c) {
    if (!c) return;
    sqlite3_close(c->db);
    wr_free(c->path);
    pthread_mutex_destroy(&c->lock);
    wr_free(c);
}

/* ---- statements; the lock is held ---- */

static void bind_text(sqlite3_stmt *st, int i, const char *text) {
    if (text) sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

static wr_status add(wri_catalog *c, const wri_job_row *row, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c,
                   "INSERT INTO jobs (id, name, sql, workers, snapshot_interval_us, created_us, wanted, "
                   "savepoint, memory_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   &st, err));
    bind_text(st, 1, row->id);
    bind_text(st, 2, row->name);
    bind_text(st, 3, row->sql);
    sqlite3_bind_int64(st, 4, row->workers);
    sqlite3_bind_int64(st, 5, row->snapshot_interval_us);
    sqlite3_bind_int64(st, 6, row->created_us);
    sqlite3_bind_int(st, 7, (int)row->wanted);
    bind_text(st, 8, row->savepoint);
    sqlite3_bind_int64(st, 9, row->memory_bytes);
    wr_status s = finish(c, st, NULL, err);
    return s == WR_ELIMIT
               ? wr_fail(err, s, "there is a job '%s' already; update that one, or give another name",
                         row->name)
               : s;
}

static wr_status want(wri_catalog *c, const char *id, wri_wanted wanted, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c,
                   wanted == WRI_WANT_RUN ? "UPDATE jobs SET wanted = ?, ended = 0 WHERE id = ?"
                                          : "UPDATE jobs SET wanted = ? WHERE id = ?",
                   &st, err));
    sqlite3_bind_int(st, 1, (int)wanted);
    bind_text(st, 2, id);
    return finish(c, st, NULL, err);
}

static wr_status ran(wri_catalog *c, const wri_job_row *row, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "UPDATE jobs SET ended = ?, error = ?, restarts = ? WHERE id = ?", &st, err));
    sqlite3_bind_int(st, 1, (int)row->ended);
    bind_text(st, 2, row->error);
    sqlite3_bind_int64(st, 3, row->restarts);
    bind_text(st, 4, row->id);
    return finish(c, st, NULL, err);
}

static wr_status update(wri_catalog *c, const char *id, const char *sql, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "UPDATE jobs SET sql = ?, updating = 1, ended = 0 WHERE id = ?", &st, err));
    bind_text(st, 1, sql);
    bind_text(st, 2, id);
    return finish(c, st, NULL, err);
}

static wr_status updated(wri_catalog *c, const char *id, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "UPDATE jobs SET updating = 0 WHERE id = ?", &st, err));
    bind_text(st, 1, id);
    return finish(c, st, NULL, err);
}

static wr_status drop(wri_catalog *c, const char *id, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(prepare(c, "DELETE FROM jobs WHERE id = ?", &st, err));
    bind_text(st, 1, id);
    return finish(c, st, NULL, err);
}

static char *text_of(sqlite3_stmt *st, int i) { return (char *)sqlite3_column_text(st, i); }

/* ---- the calls ---- */

wr_status wri_catalog_add(wri_catalog *c, const wri_job_row *row, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = add(c, row, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

wr_status wri_catalog_want(wri_catalog *c, const char *id, wri_wanted wanted, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = want(c, id, wanted, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

wr_status wri_catalog_ran(wri_catalog *c, const char *id, wri_ended ended, const char *error,
                          int64_t restarts, wr_err *err) {
    wri_job_row row = {.id = (char *)id, .ended = ended, .error = (char *)error, .restarts = restarts};
    pthread_mutex_lock(&c->lock);
    wr_status s = ran(c, &row, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

wr_status wri_catalog_update(wri_catalog *c, const char *id, const char *sql, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = update(c, id, sql, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

wr_status wri_catalog_updated(wri_catalog *c, const char *id, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = updated(c, id, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

wr_status wri_catalog_remove(wri_catalog *c, const char *id, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = drop(c, id, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}

static wr_status each_row(wri_catalog *c, wr_status (*each)(void *ctx, const wri_job_row *row, wr_err *err),
                          void *ctx, wr_err *err) {
    sqlite3_stmt *st;
    WR_TRY(
        prepare(c,
                "SELECT id, name, sql, error, workers, snapshot_interval_us, created_us, restarts, wanted, "
                "ended, savepoint, memory_bytes, updating FROM jobs ORDER BY created_us, id",
                &st, err));
    wr_status s = WR_OK;
    int rc = SQLITE_DONE;
    while (s == WR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        wri_job_row row = {.id = text_of(st, 0),
                           .name = text_of(st, 1),
                           .sql = text_of(st, 2),
                           .error = text_of(st, 3),
                           .workers = sqlite3_column_int64(st, 4),
                           .snapshot_interval_us = sqlite3_column_int64(st, 5),
                           .created_us = sqlite3_column_int64(st, 6),
                           .restarts = sqlite3_column_int64(st, 7),
                           .wanted = (wri_wanted)sqlite3_column_int(st, 8),
                           .ended = (wri_ended)sqlite3_column_int(st, 9),
                           .savepoint = text_of(st, 10),
                           .memory_bytes = sqlite3_column_int64(st, 11),
                           .updating = sqlite3_column_int(st, 12) != 0};
        if (!row.id || !row.name || !row.sql) s = wr_fail_oom(err, "the catalog");
        else if (is_odd(&row))
            s = wr_fail(err, WR_EDATA,
                        "the catalog '%s' is damaged: the row of job %.64s is not as it was written", c->path,
                        row.id);
        else s = each(ctx, &row, err);
    }
    if (s == WR_OK && rc != SQLITE_DONE) s = failed(c, rc, err);
    sqlite3_finalize(st);
    return s;
}

wr_status wri_catalog_each(wri_catalog *c, wr_status (*each)(void *ctx, const wri_job_row *row, wr_err *err),
                           void *ctx, wr_err *err) {
    pthread_mutex_lock(&c->lock);
    wr_status s = each_row(c, each, ctx, err);
    pthread_mutex_unlock(&c->lock);
    return s;
}
