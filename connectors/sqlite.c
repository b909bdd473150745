/* connectors/sqlite.c -- a table of an SQLite database: read as a whole, or asked by key.
 *
 *   SELECT c, … FROM t                            the source, stepped through within one read transaction
 *   … WHERE k IN (?, …)                           lookups by one column
 *   … WHERE (k, l) IN (VALUES (?, ?), …)          by several
 *
 * Statements of a few sizes are prepared once; a list that is shorter is filled up with its last key. The
 * database is opened for reading only. A value has the type it was stored with, whatever the column's: it
 * must make a value of the declared type, else its row is a bad record.
 *
 * Keys are bound as what they most likely are stored as: numbers as numbers, BOOLEAN as 0 and 1, DECIMAL and
 * DATE as text, which columns of numeric affinity turn into numbers. A time kept as text may be written in
 * many ways and can be no key. */
#include <errno.h>

#include "sqlite_int.h"

#define AT(member) .offset = offsetof(wri_sqlite_opts, member)
static const wr_option options[] = {
    WRI_LOOKUP_OPTIONS,
    {"path", WR_OPT_STRING, AT(path), .required = true, .place = true, .doc = "The database file."},
    {"table", WR_OPT_STRING, AT(table), .required = true, .place = true, .doc = "Table or view in it."},
    {"timestamp_format", WR_OPT_ENUM, AT(timestamp_format), .values = WRI_TIME_FORMATS, .def = "iso",
     .doc = WRI_TIME_DOC},
    WRI_TABLE_OPTIONS(AT),
};

wr_status wri_sqlite_options(const wr_kv *kvs, size_t n, wri_sqlite_opts *out, wr_err *err) {
    return wri_options(options, WR_LEN(options), kvs, n, out, sizeof *out, err);
}

static const uint32_t sizes[] = {1, 8, 64, 512}; /* keys of a statement */

struct wri_db {
    wri_db_cfg cfg;
    wri_sqlite_opts o;
    sqlite3 *db;
    wr_buf select;      /* SELECT … FROM … */
    const char **names; /* of the table's columns that are wanted, as the table has them; in ar */
    sqlite3_stmt *scan; /* the source's, NULL: not begun */
    sqlite3_stmt *find[WR_LEN(sizes)];
    wr_buf row; /* a bad row's text */
    wr_arena ar;
};

/* ---- failures ---- */

/* A locked file or a disk in trouble may pass; a table that is gone does not come back by itself. */
static wr_status sqlite_fail(const wri_db *d, const char *doing, wr_err *err) {
    int rc = sqlite3_errcode(d->db) & 0xff;
    bool passes = rc == SQLITE_BUSY || rc == SQLITE_LOCKED || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN;
    if (rc == SQLITE_NOMEM) return wr_fail_oom(err, "SQLite");
    return wr_fail(err, passes ? WR_EIO : WR_EINVAL, "cannot %s %s: %s%s", doing, d->o.path,
                   sqlite3_errmsg(d->db), rc == SQLITE_BUSY ? " by another program" : "");
}

/* ---- opening ---- */

static void sqlite_close(wri_db *d) {
    if (!d) return;
    sqlite3_finalize(d->scan);
    for (size_t i = 0; i < WR_LEN(sizes); i++) sqlite3_finalize(d->find[i]);
    sqlite3_close(d->db);
    wr_buf_free(&d->select);
    wr_buf_free(&d->row);
    wr_arena_free(&d->ar);
    wr_free(d);
}

static wr_status open_file(wri_db *d, wr_err *err) {
    struct stat st;
    if (d->cfg.sys->stat(d->o.path, &st) != 0)
        return wr_fail(err, WR_EIO,
                       "cannot open the database %s: %s; option 'path' is relative to the folder that "
                       "weir was started in",
                       d->o.path, strerror(errno));
    int rc = sqlite3_open_v2(d->o.path, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (!d->db) return wr_fail_oom(err, "SQLite");
    if (rc != SQLITE_OK) return sqlite_fail(d, "open the database", err);
    sqlite3_busy_timeout(d->db, WRI_SQLITE_BUSY_MS);
    /* The first look at the file: is it a database? */
    if (sqlite3_exec(d->db, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL) == SQLITE_OK) return WR_OK;
    return sqlite_fail(d, "read the database", err);
}

static wr_status no_table(wri_db *d, wr_err *err) {
    sqlite3_stmt *q = NULL;
    const char **names = NULL;
    size_t n = 0, cap = 0;
    bool ok = sqlite3_prepare_v2(d->db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')", -1,
                                 &q, NULL) == SQLITE_OK;
    while (ok && sqlite3_step(q) == SQLITE_ROW) {
        char *name = wr_arena_strdup(&d->ar, (const char *)sqlite3_column_text(q, 0));
        ok = name && wr_grow(&names, &cap, n + 1, sizeof *names) == WR_OK;
        if (ok) names[n++] = name;
    }
    sqlite3_finalize(q);
    const char *near = n ? wr_nearest(d->o.table, names, n, sizeof *names) : NULL;
    wr_status s = wr_fail(err, WR_EINVAL, "the database %s has no table '%s'%s%s%s", d->o.path, d->o.table,
                          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    wr_free(names);
    return s;
}

/* "SELECT * FROM t": what columns there are. */
static wr_status find_columns(wri_db *d, wr_err *err) {
    wr_buf sql = {0};
    sqlite3_stmt *q = NULL;
    bool ok = wr_buf_puts(&sql, "SELECT * FROM ") == WR_OK && wri_db_quote(&sql, d->o.table, true) == WR_OK;
    int rc = ok ? sqlite3_prepare_v2(d->db, sql.data, (int)sql.len, &q, NULL) : SQLITE_NOMEM;
    wr_buf_free(&sql);
    if (rc == SQLITE_NOMEM) return wr_fail_oom(err, "SQLite");
    if (rc != SQLITE_OK)
        return strncmp(sqlite3_errmsg(d->db), "no such table", 13) ? sqlite_fail(d, "read from", err)
                                                                   : no_table(d, err);
    uint32_t n = (uint32_t)sqlite3_column_count(q);
    const char **names = wr_arena_alloc(&d->ar, (n + 1) * sizeof *names);
    d->names = wr_arena_alloc(&d->ar, (d->cfg.schema->n + 1) * sizeof *d->names);
    wr_status s = names && d->names ? WR_OK : wr_fail_oom(err, "columns");
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        names[i] = wr_arena_strdup(&d->ar, sqlite3_column_name(q, (int)i));
        if (!names[i]) s = wr_fail_oom(err, "columns");
    }
    for (uint32_t i = 0; s == WR_OK && i < d->cfg.schema->n; i++) {
        uint32_t at = 0;
        s = wri_db_find_column(&d->cfg.schema->fields[i], d->o.table, names, n, &at, err);
        if (s == WR_OK) d->names[i] = names[at];
    }
    sqlite3_finalize(q);
    return s;
}

static wr_status select_text(wri_db *d) {
    WR_TRY(wr_buf_puts(&d->select, "SELECT "));
    for (uint32_t i = 0; i < d->cfg.schema->n; i++) {
        if (i) WR_TRY(wr_buf_puts(&d->select, ", "));
        WR_TRY(wri_db_quote(&d->select, d->names[i], false));
    }
    if (d->cfg.schema->n == 0) WR_TRY(wr_buf_puts(&d->select, "1"));
    WR_TRY(wr_buf_puts(&d->select, " FROM "));
    return wri_db_quote(&d->select, d->o.table, true);
}

static wr_status check_keys(const wri_db *d, wr_err *err) {
    for (uint32_t k = 0; k < d->cfg.n_keys; k++) {
        const wr_field *f = &d->cfg.schema->fields[d->cfg.keys[k]];
        bool text = f->type.kind == WR_T_TIME ||
                    (f->type.kind == WR_T_TIMESTAMP && d->o.timestamp_format == WRI_TIME_ISO);
        if (!text) continue;
        return wr_fail(
            err, WR_EUNSUPPORTED,
            "column '%s': a %s that is kept as text cannot be looked up, as it may be written in several "
            "ways; keep it as a number (timestamp_format = 'epoch_ms', for example), or join by another "
            "column",
            f->name, wr_kind_name(f->type.kind));
    }
    return WR_OK;
}

static wr_status sqlite_open(const wri_db_cfg *cfg, wri_db **outp, wr_err *err) {
    *outp = NULL;
    wri_db *d = wr_calloc(1, sizeof *d);
    if (!d) return wr_fail_oom(err, "a connection");
    d->cfg = *cfg;
    wr_status s = wri_sqlite_options(cfg->options, cfg->n_options, &d->o, err);
    if (s == WR_OK) s = open_file(d, err);
    if (s == WR_OK) s = find_columns(d, err);
    if (s == WR_OK && select_text(d) != WR_OK) s = wr_fail_oom(err, "a query");
    if (s == WR_OK) s = check_keys(d, err);
    if (s == WR_OK) *outp = d;
    else sqlite_close(d);
    return s;
}

static wri_time_format sqlite_time_format(const wri_db *d) { return (wri_time_format)d->o.timestamp_format; }

/* ---- rows ---- */

static wr_status cell(wri_db *d, sqlite3_stmt *q, uint32_t i, wri_fill *f, wr_err *err) {
    const wr_type *t = &f->schema->fields[i].type;
    int kind = sqlite3_column_type(q, (int)i);
    char text[WR_TEXT_MAX];
    wr_value v = {0};
    if (kind == SQLITE_NULL) return wri_fill_null(f, i, err);
    if (kind == SQLITE_INTEGER) {
        int64_t x = sqlite3_column_int64(q, (int)i);
        wr_status s = wri_from_i64(t, f->time, x, &f->b->arena, &v);
        return wri_fill_set(f, i, s, &v, text, s == WR_EDATA ? wr_write_i64(x, text) : 0, err);
    }
    if (kind == SQLITE_FLOAT) {
        double x = sqlite3_column_double(q, (int)i);
        wr_status s = wri_from_f64(t, f->time, x, &f->b->arena, &v);
        return wri_fill_set(f, i, s, &v, text, s == WR_EDATA ? wr_write_f64(x, text) : 0, err);
    }
    const char *p = sqlite3_column_blob(q, (int)i);
    size_t n = (size_t)sqlite3_column_bytes(q, (int)i);
    if (!p && n > 0) return wr_fail_oom(err, "SQLite");
    if (!p) p = "";
    wr_status s = kind == SQLITE_BLOB || t->kind == WR_T_VARBINARY
                      ? wri_from_bytes(t, p, n, &v)
                      : wri_from_text(t, f->time, p, n, &f->b->arena, &v);
    (void)d;
    return wri_fill_set(f, i, s, &v, p, n, err);
}

/* "id: 7, name: Ann" */
static wr_status tell_row(wri_db *d, sqlite3_stmt *q, wr_err *err) {
    bool ok = true;
    d->row.len = 0;
    for (uint32_t i = 0; ok && i < d->cfg.schema->n; i++) {
        const char *p = (const char *)sqlite3_column_text(q, (int)i);
        size_t n = (size_t)sqlite3_column_bytes(q, (int)i);
        ok = wr_buf_printf(&d->row, "%s%s: ", i ? ", " : "", d->names[i]) == WR_OK &&
             (p ? wr_buf_put(&d->row, p, n) : wr_buf_puts(&d->row, "NULL")) == WR_OK;
    }
    return ok ? WR_OK : wr_fail_oom(err, "a bad row");
}

static wr_status put_row(wri_db *d, sqlite3_stmt *q, wri_fill *f, wr_err *err) {
    WR_TRY(wri_fill_begin(f, err));
    for (uint32_t i = 0; i < f->schema->n; i++) WR_TRY(cell(d, q, i, f, err));
    if (f->is_bad) WR_TRY(tell_row(d, q, err));
    return wri_fill_end(f, &d->row, err);
}

static wr_status sqlite_step(wri_db *d, wri_fill *f, wr_err *err) {
    if (!d->scan &&
        sqlite3_prepare_v2(d->db, d->select.data, (int)d->select.len, &d->scan, NULL) != SQLITE_OK)
        return sqlite_fail(d, "read from", err);
    int rc = sqlite3_step(d->scan);
    if (rc == SQLITE_DONE) return WR_EOF;
    return rc == SQLITE_ROW ? put_row(d, d->scan, f, err) : sqlite_fail(d, "read from", err);
}

/* ---- keys ---- */

/* The condition for n keys, behind d->select. */
static wr_status where(const wri_db *d, uint32_t n, wr_buf *out) {
    uint32_t n_keys = d->cfg.n_keys;
    WR_TRY(wr_buf_put(out, d->select.data, d->select.len));
    WR_TRY(wr_buf_puts(out, n_keys > 1 ? " WHERE (" : " WHERE "));
    for (uint32_t k = 0; k < n_keys; k++) {
        if (k) WR_TRY(wr_buf_puts(out, ", "));
        WR_TRY(wri_db_quote(out, d->names[d->cfg.keys[k]], false));
    }
    WR_TRY(wr_buf_puts(out, n_keys > 1 ? ") IN (VALUES " : " IN ("));
    for (uint32_t i = 0; i < n; i++) {
        if (i) WR_TRY(wr_buf_puts(out, ", "));
        for (uint32_t k = 0; n_keys > 1 && k < n_keys; k++) WR_TRY(wr_buf_puts(out, k ? ", ?" : "(?"));
        WR_TRY(wr_buf_puts(out, n_keys > 1 ? ")" : "?"));
    }
    return wr_buf_puts(out, ")");
}

static wr_status prepare(wri_db *d, size_t size, wr_err *err) {
    wr_buf sql = {0};
    if (d->find[size]) return WR_OK;
    int rc = where(d, sizes[size], &sql) != WR_OK
                 ? SQLITE_NOMEM
                 : sqlite3_prepare_v3(d->db, sql.data, (int)sql.len, SQLITE_PREPARE_PERSISTENT,
                                      &d->find[size], NULL);
    wr_buf_free(&sql);
    if (rc == SQLITE_NOMEM) return wr_fail_oom(err, "a query");
    return rc == SQLITE_OK ? WR_OK : sqlite_fail(d, "look up rows in", err);
}

int wri_sqlite_bind(sqlite3_stmt *q, int at, const wr_type *t, wri_time_format tf, const wr_col *c,
                    uint32_t row) {
    char text[WR_TEXT_MAX];
    if (wr_is_null(c, row)) return sqlite3_bind_null(q, at);
    if (c->phys == WR_F64) return sqlite3_bind_double(q, at, c->f64[row]);
    if (c->phys == WR_STR) {
        const wr_str *s = &c->str[row]; /* lives as long as the keys */
        if (t->kind == WR_T_VARBINARY)
            return sqlite3_bind_blob64(q, at, wr_str_data(s), s->len, SQLITE_TRANSIENT);
        return sqlite3_bind_text64(q, at, wr_str_data(s), s->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    if (t->kind == WR_T_BOOLEAN || wr_kind_is_int(t->kind)) return sqlite3_bind_int64(q, at, c->i64[row]);
    size_t n = wri_to_text(t, tf, c, row, text);
    int64_t number;
    if (t->kind == WR_T_TIMESTAMP && wr_read_i64(text, n, &number)) return sqlite3_bind_int64(q, at, number);
    return sqlite3_bind_text64(q, at, text, n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* Keys [at, at + n) of keys, n at most sizes[size]. */
static wr_status find_some(wri_db *d, const wr_batch *keys, uint32_t at, uint32_t n, size_t size, wri_fill *f,
                           wr_err *err) {
    WR_TRY(prepare(d, size, err));
    sqlite3_stmt *q = d->find[size];
    int place = 1, rc = SQLITE_OK;
    for (uint32_t i = 0; i < sizes[size]; i++)
        for (uint32_t k = 0; rc == SQLITE_OK && k < d->cfg.n_keys; k++)
            rc = wri_sqlite_bind(q, place++, &d->cfg.schema->fields[d->cfg.keys[k]].type,
                                 (wri_time_format)d->o.timestamp_format, &keys->cols[k],
                                 at + (i < n ? i : n - 1));
    wr_status s = WR_OK;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW) s = put_row(d, q, f, err);
        if (s != WR_OK) break;
    }
    if (s == WR_OK && rc != SQLITE_DONE) s = sqlite_fail(d, "look up rows in", err);
    sqlite3_reset(q);
    return s;
}

static wr_status sqlite_find(wri_db *d, const wr_batch *keys, wri_fill *f, wr_err *err) {
    const uint32_t most = sizes[WR_LEN(sizes) - 1];
    for (uint32_t at = 0; at < keys->n;) {
        uint32_t n = keys->n - at < most ? keys->n - at : most;
        size_t size = 0;
        while (sizes[size] < n) size++;
        WR_TRY(find_some(d, keys, at, n, size, f, err));
        at += n;
    }
    return WR_OK;
}

/* ---- the connector ---- */

static const wri_db_def def = {.name = "sqlite",
                               .open = sqlite_open,
                               .time_format = sqlite_time_format,
                               .step = sqlite_step,
                               .find = sqlite_find,
                               .close = sqlite_close};

static wr_status open_source(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    return wri_db_open_source(&def, cfg, outp, err);
}
static wr_status open_lookup(const wr_lookup_cfg *cfg, wr_lookup **outp, wr_err *err) {
    return wri_db_open_lookup(&def, cfg, outp, err);
}

const wr_connector_def wr_connector_sqlite = {
    .with = {.name = "sqlite",
             .doc = "A table of an SQLite database: written, read as a whole, or asked by key in a join.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .sink = true,
             .delivery = "transaction",
             .upserts = true,
             .bounded = true,
             .lookup = true},
    .open_source = open_source,
    .open_lookup = open_lookup,
    WRI_DB_SLOTS,
    .open_sink = wri_sqlite_open_sink,
    WRI_TABLE_SINK,
};
