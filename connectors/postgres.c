/* connectors/postgres.c -- a table of a Postgres database: read as a whole, or asked by key.
 *
 *   SELECT t.c, … FROM table AS t                         the source, row by row as they arrive
 *     … WHERE t.k = ANY($1)                               lookups by one column
 *     … JOIN unnest($1, $2, …) AS k(c1, c2, …) ON …       by several
 *
 * Keys go as arrays, so one prepared statement serves any number of them, and an index of the column is used.
 * libpq is loaded at first use: weir starts without it. Everything is text, in UTF-8, with times in UTC;
 * which types of columns go with a declared one is checked when the table is opened.
 *
 * A query that failed because the connection is gone, or by an error that Postgres calls transient, may be
 * tried again: the next one connects anew. Other errors are final. The password is in no message. */
#include <libpq-fe.h>
#include <stdio.h>

#include "postgres_int.h"

#define AT(member) .offset = offsetof(wri_pg_opts, member)
static const wr_option options[] = {
    WRI_LOOKUP_OPTIONS,
    {"url", WR_OPT_STRING, AT(url), .required = true, .place = true,
     .doc = "Where the database is: postgresql://user@host/database, or host=… dbname=… as libpq has it. A "
            "password "
            "is better kept in PGPASSWORD or ~/.pgpass."},
    {"table", WR_OPT_STRING, AT(table), .required = true, .place = true,
     .doc = "Table or view, with its schema if need be."},
    WRI_TABLE_OPTIONS(AT),
};

/* ---- the library ---- */

wr_status wri_pq_load(wri_pq *pq, wr_err *err) {
    static const char *const files[] = {"libpq.so.5", NULL};
#define X(f) "PQ" #f,
    static const char *const functions[] = {PQ_LIST(X) NULL};
#undef X
    static const wr_library lib = {
        .user = "connector 'postgres'", .package = "libpq5", .files = files, .functions = functions};
    return wr_library_load(&lib, pq, err);
}

/* ---- a connection ---- */

typedef struct pg_col {
    const char *name; /* as the table has it; in ar */
    Oid type;
    const char *array; /* keys: element type of the array that is asked with */
} pg_col;

struct wri_db {
    wri_db_cfg cfg;
    wri_pg_opts o;
    wri_pq pq;
    PGconn *conn;
    pg_col *cols;        /* per column of the schema */
    wr_buf select, find; /* texts; NUL-terminated */
    bool prepared, scanning;
    PGresult *rows; /* of the scan: at hand, or NULL */
    int row;
    wr_buf *arrays; /* per key: the parameter */
    const char **params;
    wr_buf text; /* a bad row's */
    wr_arena ar;
};

static void postgres_close(wri_db *d) {
    if (!d) return;
    if (d->rows) d->pq.clear(d->rows);
    if (d->conn) d->pq.finish(d->conn);
    for (uint32_t k = 0; d->arrays && k < d->cfg.n_keys; k++) wr_buf_free(&d->arrays[k]);
    wr_free(d->arrays);
    wr_free(d->params);
    wr_buf_free(&d->select);
    wr_buf_free(&d->find);
    wr_buf_free(&d->text);
    wr_arena_free(&d->ar);
    wr_free(d);
}

/* The first line of what libpq says. */
const char *wri_pq_line(const char *m, char out[256]) {
    size_t n = strcspn(m, "\n");
    snprintf(out, 256, "%.*s", (int)(n < 255 ? n : 255), m);
    return out;
}

/* Errors that Postgres expects to pass: lost or refused connections, deadlocks, too many of something,
 * shutdown. */
bool wri_pq_passes(const char *state) {
    static const char *const classes[] = {"08", "40", "53", "55", "57"};
    for (size_t i = 0; state && i < WR_LEN(classes); i++)
        if (strncmp(state, classes[i], 2) == 0) return true;
    return state == NULL;
}

/* Takes res. */
static wr_status query_fail(wri_db *d, PGresult *res, const char *doing, wr_err *err) {
    char line[256];
    bool lost = d->pq.status(d->conn) != CONNECTION_OK;
    const char *state = res ? d->pq.resultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *m = res ? d->pq.resultErrorMessage(res) : d->pq.errorMessage(d->conn);
    wr_status s = wr_fail(err, lost || wri_pq_passes(state) ? WR_EIO : WR_EINVAL,
                          "Postgres: cannot %s table '%s': %s", doing, d->o.table, wri_pq_line(m, line));
    if (res) d->pq.clear(res);
    return s;
}

static wr_status session(wri_db *d, wr_err *err) {
    PGresult *r =
        d->pq.exec(d->conn, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1; "
                            "SET bytea_output = 'hex'");
    if (!r || d->pq.resultStatus(r) != PGRES_COMMAND_OK) return query_fail(d, r, "read", err);
    d->pq.clear(r);
    return WR_OK;
}

static wr_status connect(wri_db *d, wr_err *err) {
    static const char *const names[] = {"connect_timeout", "dbname", "fallback_application_name",
                                        "client_encoding", NULL};
    const char *const values[] = {"10", d->o.url, "weir", "UTF8", NULL};
    char line[256];
    d->prepared = false;
    if (d->conn) d->pq.reset(d->conn);
    else d->conn = d->pq.connectdbParams(names, values, 1);
    if (!d->conn) return wr_fail_oom(err, "a connection");
    if (d->pq.status(d->conn) == CONNECTION_OK) return session(d, err);
    return wr_fail(err, WR_EIO, "cannot connect to Postgres: %s; check option 'url' and that the server runs",
                   wri_pq_line(d->pq.errorMessage(d->conn), line));
}

/* ---- columns and their types ---- */

static bool is_int(Oid t) { return t == PG_INT8 || t == PG_INT4 || t == PG_INT2 || t == PG_OID; }
static bool is_text(Oid t) { return t == PG_TEXT || t == PG_VARCHAR || t == PG_NAME; }

/* The type of the array by which a column of type t, declared so, is asked for; NULL: they do not go
 * together. */
static const char *array_type(const wr_type *declared, Oid t) {
    bool number = is_int(t) || t == PG_NUMERIC || t == PG_FLOAT4 || t == PG_FLOAT8;
    switch (declared->kind) {
    case WR_T_BOOLEAN:
        return t == PG_BOOL ? "bool" : NULL;
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        return is_int(t) ? "int8" : t == PG_NUMERIC ? "numeric" : NULL;
    case WR_T_DECIMAL:
        return number ? "numeric" : NULL;
    case WR_T_REAL:
        return t == PG_FLOAT4 ? "float4" : number ? "float8" : NULL;
    case WR_T_DOUBLE:
        return number ? "float8" : NULL;
    case WR_T_VARBINARY:
        return t == PG_BYTEA ? "bytea" : NULL;
    case WR_T_DATE:
        return t == PG_DATE ? "date" : NULL;
    case WR_T_TIME:
        return t == PG_TIME ? "time" : NULL;
    case WR_T_TIMESTAMP:
        return t == PG_TIMESTAMP ? "timestamp" : t == PG_TIMESTAMPTZ ? "timestamptz" : NULL;
    default:
        return wr_kind_is_text(declared->kind) ? "text" : NULL;
    }
}

static wr_status misfit(wri_db *d, const wr_field *f, const PGresult *res, int at, wr_err *err) {
    char sql[96], want[WR_TEXT_MAX], have[64] = "of another type";
    snprintf(sql, sizeof sql, "SELECT format_type(%u, %d)", d->pq.ftype(res, at), d->pq.fmod(res, at));
    PGresult *r = d->pq.exec(d->conn, sql);
    if (r && d->pq.resultStatus(r) == PGRES_TUPLES_OK && d->pq.ntuples(r) == 1)
        snprintf(have, sizeof have, "%s", d->pq.getvalue(r, 0, 0));
    if (r) d->pq.clear(r);
    return wr_fail(
        err, WR_EINVAL,
        "column '%s' of table '%s' is %s in Postgres, which does not go with %s; declare another type "
        "(VARCHAR goes with all), or read a view that casts it",
        wri_db_column(f), d->o.table, have, wr_type_print(f->type, want, sizeof want));
}

static wr_status no_table(wri_db *d, wr_err *err) {
    PGresult *r =
        d->pq.exec(d->conn, "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'f') AND "
                            "pg_table_is_visible(oid)");
    int n = r && d->pq.resultStatus(r) == PGRES_TUPLES_OK ? d->pq.ntuples(r) : 0;
    const char **names = wr_calloc((size_t)n + 1, sizeof *names);
    for (int i = 0; names && i < n; i++) names[i] = d->pq.getvalue(r, i, 0);
    const char *near = names && n ? wr_nearest(d->o.table, names, (size_t)n, sizeof *names) : NULL;
    wr_status s = wr_fail(err, WR_EINVAL, "the Postgres database has no table '%s'%s%s%s", d->o.table,
                          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    wr_free(names);
    if (r) d->pq.clear(r);
    return s;
}

static wr_status match_columns(wri_db *d, const PGresult *res, wr_err *err) {
    uint32_t n = (uint32_t)d->pq.nfields(res);
    const char **names = wr_arena_alloc(&d->ar, (n + 1) * sizeof *names);
    d->cols = wr_arena_calloc(&d->ar, (d->cfg.schema->n + 1) * sizeof *d->cols);
    if (!names || !d->cols) return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < n; i++)
        if (!(names[i] = wr_arena_strdup(&d->ar, d->pq.fname(res, (int)i))))
            return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < d->cfg.schema->n; i++) {
        const wr_field *f = &d->cfg.schema->fields[i];
        uint32_t at = 0;
        WR_TRY(wri_db_find_column(f, d->o.table, names, n, &at, err));
        Oid type = d->pq.ftype(res, (int)at);
        d->cols[i] = (pg_col){names[at], type, array_type(&f->type, type)};
        if (!d->cols[i].array) return misfit(d, f, res, (int)at, err);
    }
    return WR_OK;
}

static wr_status find_columns(wri_db *d, wr_err *err) {
    wr_buf sql = {0};
    bool ok = wr_buf_puts(&sql, "SELECT * FROM ") == WR_OK && wri_db_quote(&sql, d->o.table, true) == WR_OK &&
              wr_buf_put(&sql, " LIMIT 0", sizeof " LIMIT 0") == WR_OK;
    PGresult *r = ok ? d->pq.exec(d->conn, sql.data) : NULL;
    wr_buf_free(&sql);
    if (!ok) return wr_fail_oom(err, "a query");
    if (r && d->pq.resultStatus(r) == PGRES_TUPLES_OK) {
        wr_status s = match_columns(d, r, err);
        d->pq.clear(r);
        return s;
    }
    const char *state = r ? d->pq.resultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (!state || strcmp(state, "42P01") != 0) return query_fail(d, r, "read", err);
    d->pq.clear(r);
    return no_table(d, err);
}

/* ---- texts of queries ---- */

static wr_status put_column(const wri_db *d, uint32_t i, wr_buf *out) {
    const pg_col *c = &d->cols[i];
    WR_TRY(wr_buf_puts(out, "t."));
    WR_TRY(wri_db_quote(out, c->name, false));
    wr_kind k = d->cfg.schema->fields[i].type.kind;
    if (wr_kind_is_text(k)) return is_text(c->type) ? WR_OK : wr_buf_puts(out, "::text");
    /* 0.1 is to be 0.1 in double precision, too, as it is when it is read. */
    return c->type == PG_FLOAT4 && k != WR_T_REAL ? wr_buf_puts(out, "::text::float8") : WR_OK;
}

static wr_status select_text(wri_db *d, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "SELECT "));
    for (uint32_t i = 0; i < d->cfg.schema->n; i++) {
        if (i) WR_TRY(wr_buf_puts(out, ", "));
        WR_TRY(put_column(d, i, out));
    }
    WR_TRY(wr_buf_puts(out, d->cfg.schema->n ? " FROM " : "1 FROM "));
    WR_TRY(wri_db_quote(out, d->o.table, true));
    return wr_buf_puts(out, " AS t");
}

static wr_status find_text(wri_db *d, wr_buf *out) {
    const uint32_t *keys = d->cfg.keys, n = d->cfg.n_keys;
    WR_TRY(select_text(d, out));
    if (n == 1) {
        WR_TRY(wr_buf_puts(out, " WHERE "));
        WR_TRY(put_column(d, keys[0], out));
        return wr_buf_printf(out, " = ANY($1::%s[])", d->cols[keys[0]].array);
    }
    WR_TRY(wr_buf_puts(out, " JOIN unnest("));
    for (uint32_t k = 0; k < n; k++)
        WR_TRY(wr_buf_printf(out, "%s$%u::%s[]", k ? ", " : "", k + 1, d->cols[keys[k]].array));
    WR_TRY(wr_buf_puts(out, ") AS k("));
    for (uint32_t k = 0; k < n; k++) WR_TRY(wr_buf_printf(out, "%sc%u", k ? ", " : "", k + 1));
    for (uint32_t k = 0; k < n; k++) {
        WR_TRY(wr_buf_puts(out, k ? " AND " : ") ON "));
        WR_TRY(put_column(d, keys[k], out));
        WR_TRY(wr_buf_printf(out, " = k.c%u", k + 1));
    }
    return WR_OK;
}

static wr_status make_texts(wri_db *d, wr_err *err) {
    d->arrays = wr_calloc(d->cfg.n_keys + 1, sizeof *d->arrays);
    d->params = wr_calloc(d->cfg.n_keys + 1, sizeof *d->params);
    bool ok = d->arrays && d->params && select_text(d, &d->select) == WR_OK &&
              wr_buf_put(&d->select, "", 1) == WR_OK;
    if (ok && d->cfg.n_keys) ok = find_text(d, &d->find) == WR_OK && wr_buf_put(&d->find, "", 1) == WR_OK;
    return ok ? WR_OK : wr_fail_oom(err, "a query");
}

wr_status wri_pg_options(const wr_kv *kvs, size_t n, wri_pg_opts *out, wr_err *err) {
    return wri_options(options, WR_LEN(options), kvs, n, out, sizeof *out, err);
}

static wr_status postgres_open(const wri_db_cfg *cfg, wri_db **outp, wr_err *err) {
    *outp = NULL;
    wri_db *d = wr_calloc(1, sizeof *d);
    if (!d) return wr_fail_oom(err, "a connection");
    d->cfg = *cfg;
    wr_status s = wri_pg_options(cfg->options, cfg->n_options, &d->o, err);
    if (s == WR_OK) s = wri_pq_load(&d->pq, err);
    if (s == WR_OK) s = connect(d, err);
    if (s == WR_OK) s = find_columns(d, err);
    if (s == WR_OK) s = make_texts(d, err);
    if (s == WR_OK) *outp = d;
    else postgres_close(d);
    return s;
}

static wri_time_format postgres_time_format(const wri_db *d) {
    (void)d;
    return WRI_TIME_ISO;
}

/* ---- rows ---- */

/* "\x4142" */
static wr_status from_hex(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *v) {
    char *bytes = wr_arena_alloc(ar, n / 2 + 1);
    if (!bytes) return WR_ENOMEM;
    if (n < 2 || p[0] != '\\' || p[1] != 'x' || n % 2) return WR_EDATA;
    for (size_t i = 2; i < n; i++) {
        int digit = p[i] >= 'a' && p[i] <= 'f'   ? p[i] - 'a' + 10
                    : p[i] >= '0' && p[i] <= '9' ? p[i] - '0'
                                                 : -1;
        if (digit < 0) return WR_EDATA;
        char *to = &bytes[(i - 2) / 2];
        *to = (char)(i % 2 ? *to | digit : digit << 4);
    }
    return wri_from_bytes(t, bytes, n / 2 - 1, v);
}

static wr_status put_row(wri_db *d, const PGresult *r, int row, wri_fill *f, wr_err *err) {
    WR_TRY(wri_fill_begin(f, err));
    for (uint32_t i = 0; i < f->schema->n; i++) {
        const wr_type *t = &f->schema->fields[i].type;
        const char *p = d->pq.getvalue(r, row, (int)i);
        size_t n = (size_t)d->pq.getlength(r, row, (int)i);
        wr_value v = {0};
        if (d->pq.getisnull(r, row, (int)i)) {
            WR_TRY(wri_fill_null(f, i, err));
            continue;
        }
        wr_status s = t->kind == WR_T_VARBINARY ? from_hex(t, p, n, &f->b->arena, &v)
                                                : wri_from_text(t, WRI_TIME_ISO, p, n, &f->b->arena, &v);
        WR_TRY(wri_fill_set(f, i, s, &v, p, n, err));
    }
    d->text.len = 0;
    for (uint32_t i = 0; f->is_bad && i < f->schema->n; i++) {
        bool null = d->pq.getisnull(r, row, (int)i);
        if (wr_buf_printf(&d->text, "%s%s: %s", i ? ", " : "", d->cols[i].name,
                          null ? "NULL" : d->pq.getvalue(r, row, (int)i)) != WR_OK)
            return wr_fail_oom(err, "a bad row");
    }
    return wri_fill_end(f, &d->text, err);
}

static wr_status postgres_step(wri_db *d, wri_fill *f, wr_err *err) {
    if (!d->scanning) {
        if (!d->pq.sendQuery(d->conn, d->select.data) || !d->pq.setSingleRowMode(d->conn))
            return query_fail(d, NULL, "read", err);
        d->scanning = true;
    }
    PGresult *r = d->pq.getResult(d->conn);
    if (!r) return WR_EOF;
    ExecStatusType st = d->pq.resultStatus(r);
    if (st != PGRES_SINGLE_TUPLE && st != PGRES_TUPLES_OK) return query_fail(d, r, "read", err);
    wr_status s = WR_OK;
    for (int i = 0; s == WR_OK && i < d->pq.ntuples(r); i++) s = put_row(d, r, i, f, err);
    d->pq.clear(r);
    return s;
}

/* ---- keys ---- */

/* Whether Postgres can have such a text at all. */
static bool possible(const wri_db *d, const wr_batch *keys, uint32_t row) {
    for (uint32_t k = 0; k < d->cfg.n_keys; k++) {
        if (!wr_kind_is_text(d->cfg.schema->fields[d->cfg.keys[k]].type.kind)) continue;
        const wr_str *s = &keys->cols[k].str[row];
        if (memchr(wr_str_data(s), 0, s->len) || !wr_utf8_valid(wr_str_data(s), s->len)) return false;
    }
    return true;
}

static wr_status put_text(wr_buf *out, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\') WR_TRY(wr_buf_put(out, "\\", 1));
        WR_TRY(wr_buf_put(out, p + i, 1));
    }
    return WR_OK;
}

wr_status wri_pq_element(wr_buf *out, const wr_type *t, const wr_col *c, uint32_t row) {
    char text[WR_TEXT_MAX];
    if (wr_is_null(c, row)) return wr_buf_puts(out, out->len == 1 ? "NULL" : ",NULL");
    WR_TRY(wr_buf_puts(out, out->len == 1 ? "\"" : ",\""));
    const wr_str *s = c->phys == WR_STR ? &c->str[row] : NULL;
    if (t->kind == WR_T_VARBINARY) {
        WR_TRY(wr_buf_puts(out, "\\\\x"));
        for (uint32_t i = 0; i < s->len; i++) WR_TRY(wr_buf_printf(out, "%02x", (uint8_t)wr_str_data(s)[i]));
    } else if (s) WR_TRY(put_text(out, wr_str_data(s), s->len));
    else WR_TRY(wr_buf_put(out, text, wri_to_text(t, WRI_TIME_ISO, c, row, text)));
    return wr_buf_puts(out, "\"");
}

static wr_status put_arrays(wri_db *d, const wr_batch *keys) {
    for (uint32_t k = 0; k < d->cfg.n_keys; k++) {
        wr_buf *out = &d->arrays[k];
        const wr_type *t = &d->cfg.schema->fields[d->cfg.keys[k]].type;
        out->len = 0;
        WR_TRY(wr_buf_puts(out, "{"));
        for (uint32_t i = 0; i < keys->n; i++)
            if (possible(d, keys, i)) WR_TRY(wri_pq_element(out, t, &keys->cols[k], i));
        WR_TRY(wr_buf_put(out, "}", 2));
        d->params[k] = out->data;
    }
    return WR_OK;
}

static wr_status postgres_find(wri_db *d, const wr_batch *keys, wri_fill *f, wr_err *err) {
    if (put_arrays(d, keys) != WR_OK) return wr_fail_oom(err, "keys of a query");
    if (d->pq.status(d->conn) != CONNECTION_OK) WR_TRY(connect(d, err));
    if (!d->prepared) {
        PGresult *r = d->pq.prepare(d->conn, "find", d->find.data, 0, NULL);
        if (!r || d->pq.resultStatus(r) != PGRES_COMMAND_OK) return query_fail(d, r, "look up rows in", err);
        d->pq.clear(r);
        d->prepared = true;
    }
    PGresult *r = d->pq.execPrepared(d->conn, "find", (int)d->cfg.n_keys, d->params, NULL, NULL, 0);
    if (!r || d->pq.resultStatus(r) != PGRES_TUPLES_OK) return query_fail(d, r, "look up rows in", err);
    wr_status s = WR_OK;
    for (int i = 0, n = d->pq.ntuples(r); s == WR_OK && i < n; i++) s = put_row(d, r, i, f, err);
    d->pq.clear(r);
    return s;
}

/* ---- the connector ---- */

static const wri_db_def def = {.name = "postgres",
                               .open = postgres_open,
                               .time_format = postgres_time_format,
                               .step = postgres_step,
                               .find = postgres_find,
                               .close = postgres_close};

static wr_status open_source(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    return wri_db_open_source(&def, cfg, outp, err);
}
static wr_status open_lookup(const wr_lookup_cfg *cfg, wr_lookup **outp, wr_err *err) {
    return wri_db_open_lookup(&def, cfg, outp, err);
}

const wr_connector_def wr_connector_postgres = {
    .with = {.name = "postgres",
             .doc = "A table of a Postgres database: written, read as a whole, or asked by key in a join.",
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
    .open_sink = wri_pg_open_sink,
    WRI_TABLE_SINK,
};
