/* connectors/sqlite_sink.c -- a table of an SQLite database as a sink; table.h has the model.
 *
 *   INSERT INTO t (c, …) VALUES (?, …) [ON CONFLICT (k, …) DO UPDATE SET …]
 *   DELETE FROM t WHERE k = ? AND …
 *
 * SQLite turns values into what a column's affinity likes, so the affinity must be one that leaves every
 * value of the declared type as it is. Values are kept as sqlite.c looks them up: BOOLEAN as 0 and 1, times
 * by timestamp_format, DECIMAL as text, which NUMERIC columns turn into numbers (exact up to 15 digits). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "sqlite_int.h"

struct wri_table {
    const wr_sys *sys;
    wri_sqlite_opts o; /* texts are the plan's */
    wr_schema schema;
    uint32_t *key, n_key; /* in ar */
    const char *sink;     /* the stream's name */
    char job[WRI_JOB_TEXT];
    sqlite3 *db;
    const char **names; /* of the columns, as the table has them; in ar */
    sqlite3_stmt *put, *take, *get_epoch, *put_epoch;
    wr_arena ar;
};

static wr_status cannot(const wri_table *t, const char *doing, wr_err *err) {
    int rc = sqlite3_errcode(t->db) & 0xff;
    bool passes = rc == SQLITE_BUSY || rc == SQLITE_LOCKED || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN ||
                  rc == SQLITE_FULL;
    if (rc == SQLITE_NOMEM) return wr_fail_oom(err, "SQLite");
    return wr_fail(err, passes ? WR_EIO : WR_EINVAL, "cannot %s table '%s' of %s: %s%s", doing, t->o.table,
                   t->o.path, sqlite3_errmsg(t->db), rc == SQLITE_BUSY ? " by another program" : "");
}

static void sqlite_close(wri_table *t) {
    if (!t) return;
    sqlite3_finalize(t->put);
    sqlite3_finalize(t->take);
    sqlite3_finalize(t->get_epoch);
    sqlite3_finalize(t->put_epoch);
    sqlite3_close(t->db);
    wr_arena_free(&t->ar);
    wr_free(t);
}

/* ---- opening ---- */

static wr_status type_name(const wr_type *t, wr_buf *out) {
    switch (t->kind) {
    case WR_T_BOOLEAN:
        return wr_buf_puts(out, "BOOLEAN");
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        return wr_buf_puts(out, wr_kind_name(t->kind));
    case WR_T_REAL:
    case WR_T_DOUBLE:
        return wr_buf_puts(out, "DOUBLE");
    case WR_T_VARBINARY:
        return wr_buf_puts(out, "BLOB");
    default:
        return wr_buf_puts(out, "TEXT");
    }
}

static wr_status type_name_epoch(const wr_type *t, wr_buf *out) {
    return t->kind == WR_T_TIMESTAMP ? wr_buf_puts(out, "BIGINT") : type_name(t, out);
}

static wr_status create_text(const wri_table *t, const wr_sink_cfg *cfg, wr_buf *out) {
    return wri_table_create_text(cfg, t->o.table,
                                 t->o.timestamp_format == WRI_TIME_ISO ? type_name : type_name_epoch, out);
}

static wr_status open_file(wri_table *t, wr_err *err) {
    struct stat st;
    if (!t->o.sink.create && t->sys->stat(t->o.path, &st) != 0)
        return wr_fail(
            err, WR_EIO,
            "cannot open the database %s: %s; option 'path' is relative to the folder that weir was "
            "started in; create = 'true' makes database and table",
            t->o.path, strerror(errno));
    int rc = sqlite3_open_v2(
        t->o.path, &t->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (t->o.sink.create ? SQLITE_OPEN_CREATE : 0), NULL);
    if (!t->db) return wr_fail_oom(err, "SQLite");
    if (rc != SQLITE_OK) return cannot(t, "open", err);
    sqlite3_busy_timeout(t->db, WRI_SQLITE_BUSY_MS);
    if (sqlite3_exec(t->db, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL) != SQLITE_OK)
        return cannot(t, "open", err);
    return WR_OK;
}

static int run(wri_table *t, const wr_buf *sql) { return sqlite3_exec(t->db, sql->data, NULL, NULL, NULL); }

static wr_status missing(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    wr_buf sql = {0};
    wr_status s = create_text(t, cfg, &sql) == WR_OK ? WR_OK : wr_fail_oom(err, "a statement");
    if (s == WR_OK && !t->o.sink.create)
        s = wr_fail(err, WR_EINVAL, "the database %s has no table '%s'; add create = 'true', or make it: %s",
                    t->o.path, t->o.table, sql.data);
    if (s == WR_OK && run(t, &sql) != SQLITE_OK) s = cannot(t, "create", err);
    wr_buf_free(&sql);
    return s;
}

/* By SQLite's rules, from the type that the column was declared with. */
typedef enum { A_TEXT, A_NUMERIC, A_INTEGER, A_REAL, A_NONE } affinity;
static affinity affinity_of(const char *type) {
    if (!type || !*type) return A_NONE;
    if (strcasestr(type, "INT")) return A_INTEGER;
    if (strcasestr(type, "CHAR") || strcasestr(type, "CLOB") || strcasestr(type, "TEXT")) return A_TEXT;
    if (strcasestr(type, "BLOB") || strcasecmp(type, "ANY") == 0) return A_NONE;
    if (strcasestr(type, "REAL") || strcasestr(type, "FLOA") || strcasestr(type, "DOUB")) return A_REAL;
    return A_NUMERIC;
}

/* Whether a column of that affinity keeps all values of the type as they are. */
static bool keeps(affinity a, const wr_type *t, int time_format) {
    if (a == A_NONE) return true;
    if (wr_kind_is_int(t->kind) || t->kind == WR_T_BOOLEAN) return a == A_INTEGER || a == A_NUMERIC;
    if (t->kind == WR_T_REAL || t->kind == WR_T_DOUBLE) return a != A_TEXT;
    if (t->kind == WR_T_DECIMAL) return a == A_TEXT || t->prec <= 15;
    if (t->kind == WR_T_VARBINARY) return false;
    if (t->kind == WR_T_TIMESTAMP && time_format != WRI_TIME_ISO) return a == A_INTEGER || a == A_NUMERIC;
    if (wr_kind_is_time(t->kind)) return a == A_TEXT || a == A_NUMERIC; /* no number: stays a text */
    return a == A_TEXT;
}

static wr_status check_column(wri_table *t, const wr_field *f, const char *name, wr_err *err) {
    const char *type = NULL;
    char want[WR_TEXT_MAX];
    wr_buf own = {0};
    sqlite3_table_column_metadata(t->db, NULL, t->o.table, name, &type, NULL, NULL, NULL, NULL);
    if (keeps(affinity_of(type), &f->type, t->o.timestamp_format)) return WR_OK;
    bool epoch = t->o.timestamp_format != WRI_TIME_ISO;
    bool ok = (epoch ? type_name_epoch(&f->type, &own) : type_name(&f->type, &own)) == WR_OK &&
              wr_buf_put(&own, "", 1) == WR_OK;
    wr_status s = ok ? wr_fail(err, WR_EINVAL,
                               "column '%s' of table '%s' is %s in SQLite, which does not keep every %s as "
                               "it is; make it %s, "
                               "or cast what is written",
                               name, t->o.table, type, wr_type_print(f->type, want, sizeof want), own.data)
                     : wr_fail_oom(err, "columns");
    wr_buf_free(&own);
    return s;
}

static wr_status match_columns(wri_table *t, sqlite3_stmt *q, wr_err *err) {
    uint32_t n = (uint32_t)sqlite3_column_count(q), at;
    const char **names = wr_arena_alloc(&t->ar, (n + 1) * sizeof *names);
    t->names = wr_arena_alloc(&t->ar, (t->schema.n + 1) * sizeof *t->names);
    if (!names || !t->names) return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < n; i++)
        if (!(names[i] = wr_arena_strdup(&t->ar, sqlite3_column_name(q, (int)i))))
            return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < t->schema.n; i++) {
        WR_TRY(wri_db_find_column(&t->schema.fields[i], t->o.table, names, n, &at, err));
        t->names[i] = names[at];
        WR_TRY(check_column(t, &t->schema.fields[i], names[at], err));
    }
    return WR_OK;
}

static wr_status find_columns(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    wr_buf sql = {0};
    sqlite3_stmt *q = NULL;
    bool ok = wr_buf_puts(&sql, "SELECT * FROM ") == WR_OK && wri_db_quote(&sql, t->o.table, true) == WR_OK;
    int rc = ok ? sqlite3_prepare_v2(t->db, sql.data, (int)sql.len, &q, NULL) : SQLITE_NOMEM;
    wr_status s = WR_OK;
    if (ok && rc != SQLITE_OK && strncmp(sqlite3_errmsg(t->db), "no such table", 13) == 0) {
        s = missing(t, cfg, err);
        if (s == WR_OK) rc = sqlite3_prepare_v2(t->db, sql.data, (int)sql.len, &q, NULL);
    }
    if (s == WR_OK && rc != SQLITE_OK) s = ok ? cannot(t, "read", err) : wr_fail_oom(err, "a query");
    if (s == WR_OK) s = match_columns(t, q, err);
    sqlite3_finalize(q);
    wr_buf_free(&sql);
    return s;
}

/* ---- statements ---- */

static wr_status put_text(const wri_table *t, const wr_sink_cfg *cfg, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "INSERT INTO "));
    WR_TRY(wri_db_quote(out, t->o.table, true));
    for (uint32_t i = 0; i < t->schema.n; i++) {
        WR_TRY(wr_buf_puts(out, i ? ", " : " ("));
        WR_TRY(wri_db_quote(out, t->names[i], false));
    }
    for (uint32_t i = 0; i < t->schema.n; i++) WR_TRY(wr_buf_puts(out, i ? ", ?" : ") VALUES (?"));
    WR_TRY(wr_buf_puts(out, ")"));
    return wri_table_conflict_text(cfg, t->names, out);
}

static wr_status take_text(const wri_table *t, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "DELETE FROM "));
    WR_TRY(wri_db_quote(out, t->o.table, true));
    for (uint32_t k = 0; k < t->n_key; k++) {
        WR_TRY(wr_buf_puts(out, k ? " AND " : " WHERE "));
        WR_TRY(wri_db_quote(out, t->names[t->key[k]], false));
        WR_TRY(wr_buf_puts(out, " = ?"));
    }
    return WR_OK;
}

static wr_status prepare(wri_table *t, wr_status made, wr_buf *sql, sqlite3_stmt **outp, wr_err *err) {
    int rc = made == WR_OK
                 ? sqlite3_prepare_v3(t->db, sql->data, (int)sql->len, SQLITE_PREPARE_PERSISTENT, outp, NULL)
                 : SQLITE_NOMEM;
    wr_buf_free(sql);
    if (made != WR_OK) return wr_fail_oom(err, "a statement");
    if (rc == SQLITE_OK) return WR_OK;
    if (strncmp(sqlite3_errmsg(t->db), "ON CONFLICT", 11) != 0) return cannot(t, "write to", err);
    return wr_fail(err, WR_EINVAL,
                   "table '%s' of %s has no PRIMARY KEY or UNIQUE constraint on just the columns of the "
                   "stream's PRIMARY KEY; "
                   "rows could not replace each other",
                   t->o.table, t->o.path);
}

static wr_status prepare_all(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    wr_buf sql = {0};
    WR_TRY(prepare(t, put_text(t, cfg, &sql), &sql, &t->put, err));
    if (t->n_key) WR_TRY(prepare(t, take_text(t, &sql), &sql, &t->take, err));
    if (!cfg->job) return WR_OK;
    if (sqlite3_exec(t->db, WRI_EPOCHS_TABLE, NULL, NULL, NULL) != SQLITE_OK)
        return cannot(t, "make table weir_epochs beside", err);
    wr_status s = wr_buf_puts(&sql, "SELECT epoch FROM weir_epochs WHERE job = ? AND sink = ?");
    WR_TRY(prepare(t, s, &sql, &t->get_epoch, err));
    s = wr_buf_puts(&sql, "INSERT INTO weir_epochs (job, sink, epoch) VALUES (?, ?, ?)" WRI_EPOCHS_SET);
    WR_TRY(prepare(t, s, &sql, &t->put_epoch, err));
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *q = i ? t->put_epoch : t->get_epoch;
        if (sqlite3_bind_text(q, 1, t->job, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_bind_text(q, 2, t->sink, -1, SQLITE_STATIC) != SQLITE_OK)
            return cannot(t, "write to", err);
    }
    return WR_OK;
}

/* ---- rows ---- */

static const char *sqlite_refuse(const wri_table *t, const wr_batch *b, uint32_t row) {
    for (uint32_t i = 0; i < t->schema.n; i++)
        if (b->cols[i].phys == WR_F64 && !wr_is_null(&b->cols[i], row) && isnan(b->cols[i].f64[row]))
            return "SQLite has no NaN";
    return NULL;
}

static wr_status step(wri_table *t, sqlite3_stmt *q, int bound, const char *doing, wr_err *err) {
    int rc = bound == SQLITE_OK ? sqlite3_step(q) : bound;
    wr_status s = rc == SQLITE_DONE ? WR_OK : cannot(t, doing, err);
    sqlite3_reset(q);
    return s;
}

static wr_status sqlite_put(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err) {
    for (uint32_t r = 0; r < n; r++) {
        int rc = SQLITE_OK;
        for (uint32_t i = 0; rc == SQLITE_OK && i < t->schema.n; i++)
            rc = wri_sqlite_bind(t->put, (int)i + 1, &t->schema.fields[i].type,
                                 (wri_time_format)t->o.timestamp_format, &b->cols[i], rows[r]);
        WR_TRY(step(t, t->put, rc, "write to", err));
    }
    return WR_OK;
}

static wr_status sqlite_take(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err) {
    for (uint32_t r = 0; r < n; r++) {
        int rc = SQLITE_OK;
        for (uint32_t k = 0; rc == SQLITE_OK && k < t->n_key; k++)
            rc = wri_sqlite_bind(t->take, (int)k + 1, &t->schema.fields[t->key[k]].type,
                                 (wri_time_format)t->o.timestamp_format, &b->cols[t->key[k]], rows[r]);
        WR_TRY(step(t, t->take, rc, "delete from", err));
    }
    return WR_OK;
}

/* ---- transactions ---- */

static wr_status sqlite_begin(wri_table *t, wr_err *err) {
    return sqlite3_exec(t->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? WR_OK
                                                                                 : cannot(t, "write to", err);
}

static wr_status sqlite_commit(wri_table *t, wr_err *err) {
    return sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? WR_OK : cannot(t, "write to", err);
}

static void sqlite_rollback(wri_table *t) { sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL); }

static wr_status sqlite_epoch(wri_table *t, uint64_t *out, wr_err *err) {
    *out = 0;
    int rc = sqlite3_step(t->get_epoch);
    if (rc == SQLITE_ROW) *out = (uint64_t)sqlite3_column_int64(t->get_epoch, 0);
    wr_status s = rc == SQLITE_ROW || rc == SQLITE_DONE ? WR_OK : cannot(t, "read weir_epochs beside", err);
    sqlite3_reset(t->get_epoch);
    return s;
}

static wr_status sqlite_set_epoch(wri_table *t, uint64_t epoch, wr_err *err) {
    int rc = sqlite3_bind_int64(t->put_epoch, 3, (sqlite3_int64)epoch);
    return step(t, t->put_epoch, rc, "write weir_epochs beside", err);
}

static const wri_table_def def = {.refuse = sqlite_refuse,
                                  .begin = sqlite_begin,
                                  .epoch = sqlite_epoch,
                                  .set_epoch = sqlite_set_epoch,
                                  .put = sqlite_put,
                                  .take = sqlite_take,
                                  .commit = sqlite_commit,
                                  .rollback = sqlite_rollback,
                                  .close = sqlite_close};

wr_status wri_sqlite_open_sink(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    wri_table *t = wr_calloc(1, sizeof *t);
    if (!t) return wr_fail_oom(err, "a connection");
    t->sys = cfg->sys;
    t->schema = *cfg->schema;
    t->n_key = cfg->n_key;
    t->sink = cfg->stream;
    wri_table_job(cfg, t->job);
    t->key = wr_arena_alloc(&t->ar, (cfg->n_key + 1) * sizeof *t->key);
    wr_status s = t->key ? wri_sqlite_options(cfg->options, cfg->n_options, &t->o, err)
                         : wr_fail_oom(err, "a connection");
    if (s == WR_OK && cfg->n_key) memcpy(t->key, cfg->key, cfg->n_key * sizeof *t->key);
    if (s == WR_OK) s = open_file(t, err);
    if (s == WR_OK) s = find_columns(t, cfg, err);
    if (s == WR_OK) s = prepare_all(t, cfg, err);
    if (s == WR_OK) return wri_table_sink(&def, t, cfg, &t->o.sink, outp, err);
    sqlite_close(t);
    return s;
}
