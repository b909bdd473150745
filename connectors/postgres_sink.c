/* connectors/postgres_sink.c -- a table of a Postgres database as a sink; table.h has the model.
 *
 *   INSERT INTO t (c, …) SELECT * FROM unnest($1::a[], …) [ON CONFLICT (k, …) DO UPDATE SET …]
 *   DELETE FROM t USING unnest($1::a[], …) AS d(k1, …) WHERE t.k = d.k1 AND …
 *
 * The rows of a batch are one statement, their columns arrays. The connection is made anew when it was lost;
 * the epoch in weir_epochs then tells whether a commit that was not answered has come through. */
#include <stdio.h>

#include "postgres_int.h"

typedef struct column {
    const char *name;  /* as the table has it; in ar */
    const char *array; /* element type of the arrays */
    int most;          /* characters of a text; -1: any number */
} column;

struct wri_table {
    wri_pg_opts o;
    wr_schema schema;
    uint32_t *key, n_key; /* in ar */
    const char *sink;
    char job[WRI_JOB_TEXT];
    wri_pq pq;
    PGconn *conn;
    column *cols;
    wr_buf put, take; /* texts, NUL-terminated */
    bool prepared;
    wr_buf *arrays; /* per column: the parameter */
    const char **params;
    wr_arena ar;
};

static void pg_close(wri_table *t) {
    if (!t) return;
    if (t->conn) t->pq.finish(t->conn);
    for (uint32_t i = 0; t->arrays && i < t->schema.n; i++) wr_buf_free(&t->arrays[i]);
    wr_free(t->arrays);
    wr_free(t->params);
    wr_buf_free(&t->put);
    wr_buf_free(&t->take);
    wr_arena_free(&t->ar);
    wr_free(t);
}

/* Takes res. */
static wr_status cannot(wri_table *t, PGresult *res, const char *doing, wr_err *err) {
    char line[256];
    bool lost = t->pq.status(t->conn) != CONNECTION_OK;
    const char *state = res ? t->pq.resultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *m = res ? t->pq.resultErrorMessage(res) : t->pq.errorMessage(t->conn);
    wr_status s = wr_fail(err, lost || wri_pq_passes(state) ? WR_EIO : WR_EINVAL,
                          "Postgres: cannot %s table '%s': %s", doing, t->o.table, wri_pq_line(m, line));
    if (res) t->pq.clear(res);
    return s;
}

static wr_status run(wri_table *t, const char *sql, const char *doing, wr_err *err) {
    PGresult *r = t->pq.exec(t->conn, sql);
    if (!r || t->pq.resultStatus(r) != PGRES_COMMAND_OK) return cannot(t, r, doing, err);
    t->pq.clear(r);
    return WR_OK;
}

static wr_status connect(wri_table *t, wr_err *err) {
    static const char *const names[] = {"connect_timeout",           "tcp_user_timeout", "dbname",
                                        "fallback_application_name", "client_encoding",  NULL};
    const char *const values[] = {"10", "30000", t->o.url, "weir", "UTF8", NULL};
    char line[256];
    t->prepared = false;
    if (t->conn) t->pq.reset(t->conn);
    else t->conn = t->pq.connectdbParams(names, values, 1);
    if (!t->conn) return wr_fail_oom(err, "a connection");
    if (t->pq.status(t->conn) == CONNECTION_OK)
        return run(t, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET client_min_messages = 'warning'",
                   "write to", err);
    return wr_fail(err, WR_EIO, "cannot connect to Postgres: %s; check option 'url' and that the server runs",
                   wri_pq_line(t->pq.errorMessage(t->conn), line));
}

/* ---- types ---- */

static wr_status type_name(const wr_type *t, wr_buf *out) {
    switch (t->kind) {
    case WR_T_BOOLEAN:
        return wr_buf_puts(out, "boolean");
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
        return wr_buf_puts(out, "smallint");
    case WR_T_INTEGER:
        return wr_buf_puts(out, "integer");
    case WR_T_BIGINT:
        return wr_buf_puts(out, "bigint");
    case WR_T_DECIMAL:
        return wr_buf_printf(out, "numeric(%u, %u)", t->prec, t->scale);
    case WR_T_REAL:
        return wr_buf_puts(out, "real");
    case WR_T_DOUBLE:
        return wr_buf_puts(out, "double precision");
    case WR_T_VARBINARY:
        return wr_buf_puts(out, "bytea");
    case WR_T_DATE:
        return wr_buf_puts(out, "date");
    case WR_T_TIME:
        return wr_buf_printf(out, "time(%u)", t->prec);
    case WR_T_TIMESTAMP:
        return wr_buf_printf(out, "%s(%u)", t->local_tz ? "timestamptz" : "timestamp", t->prec);
    default:
        return wr_buf_puts(out, "text");
    }
}

/* A numeric(p, s) column, by its type modifier, for values of p digits, s of them behind the point. */
static bool numeric_fits(int mod, uint32_t prec, uint32_t scale) {
    if (mod < 4) return true;
    uint32_t p = (uint32_t)(mod - 4) >> 16, s = (uint32_t)(mod - 4) & 0x7ff;
    return s >= scale && p - s >= prec - scale && s <= p;
}

/* The type of the arrays for a column of type oid; NULL: it would not keep every value of the declared one.
 */
static const char *array_type(const wr_type *t, Oid oid, int mod) {
    static const uint32_t digits[] = {
        [WR_T_TINYINT] = 3, [WR_T_SMALLINT] = 5, [WR_T_INTEGER] = 10, [WR_T_BIGINT] = 19};
    static const uint32_t bytes[] = {
        [WR_T_TINYINT] = 2, [WR_T_SMALLINT] = 2, [WR_T_INTEGER] = 4, [WR_T_BIGINT] = 8};
    uint32_t has = oid == PG_INT2 ? 2 : oid == PG_INT4 ? 4 : oid == PG_INT8 ? 8 : 0;
    if (wr_kind_is_int(t->kind))
        return has >= bytes[t->kind]                                        ? "int8"
               : oid == PG_NUMERIC && numeric_fits(mod, digits[t->kind], 0) ? "numeric"
                                                                            : NULL;
    bool fraction_fits = mod < 0 || (uint32_t)mod >= t->prec;
    switch (t->kind) {
    case WR_T_BOOLEAN:
        return oid == PG_BOOL ? "bool" : NULL;
    case WR_T_DECIMAL:
        return oid == PG_NUMERIC && numeric_fits(mod, t->prec, t->scale) ? "numeric" : NULL;
    case WR_T_REAL:
        return oid == PG_FLOAT4 ? "float4" : oid == PG_FLOAT8 ? "float8" : NULL;
    case WR_T_DOUBLE:
        return oid == PG_FLOAT8 ? "float8" : NULL;
    case WR_T_VARBINARY:
        return oid == PG_BYTEA ? "bytea" : NULL;
    case WR_T_DATE:
        return oid == PG_DATE ? "date" : NULL;
    case WR_T_TIME:
        return oid == PG_TIME && fraction_fits ? "time" : NULL;
    case WR_T_TIMESTAMP:
        return !fraction_fits          ? NULL
               : oid == PG_TIMESTAMP   ? "timestamp"
               : oid == PG_TIMESTAMPTZ ? "timestamptz"
                                       : NULL;
    default:
        return oid == PG_TEXT || oid == PG_VARCHAR ? "text" : NULL;
    }
}

static wr_status misfit(wri_table *t, const wr_field *f, const PGresult *res, int at, wr_err *err) {
    char sql[96], want[WR_TEXT_MAX], have[64] = "of another type";
    wr_buf own = {0};
    snprintf(sql, sizeof sql, "SELECT format_type(%u, %d)", t->pq.ftype(res, at), t->pq.fmod(res, at));
    PGresult *r = t->pq.exec(t->conn, sql);
    if (r && t->pq.resultStatus(r) == PGRES_TUPLES_OK && t->pq.ntuples(r) == 1)
        snprintf(have, sizeof have, "%s", t->pq.getvalue(r, 0, 0));
    if (r) t->pq.clear(r);
    wr_status s =
        type_name(&f->type, &own) == WR_OK && wr_buf_put(&own, "", 1) == WR_OK
            ? wr_fail(err, WR_EINVAL,
                      "column '%s' of table '%s' is %s in Postgres, which does not keep every %s as it is; "
                      "make it %s, "
                      "or cast what is written",
                      wri_db_column(f), t->o.table, have, wr_type_print(f->type, want, sizeof want), own.data)
            : wr_fail_oom(err, "columns");
    wr_buf_free(&own);
    return s;
}

/* ---- opening ---- */

static wr_status match_columns(wri_table *t, const PGresult *res, wr_err *err) {
    uint32_t n = (uint32_t)t->pq.nfields(res), at;
    const char **names = wr_arena_alloc(&t->ar, (n + 1) * sizeof *names);
    t->cols = wr_arena_calloc(&t->ar, (t->schema.n + 1) * sizeof *t->cols);
    if (!names || !t->cols) return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < n; i++)
        if (!(names[i] = wr_arena_strdup(&t->ar, t->pq.fname(res, (int)i))))
            return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < t->schema.n; i++) {
        const wr_field *f = &t->schema.fields[i];
        WR_TRY(wri_db_find_column(f, t->o.table, names, n, &at, err));
        Oid oid = t->pq.ftype(res, (int)at);
        int mod = t->pq.fmod(res, (int)at);
        t->cols[i] =
            (column){names[at], array_type(&f->type, oid, mod), oid == PG_VARCHAR && mod >= 4 ? mod - 4 : -1};
        if (!t->cols[i].array) return misfit(t, f, res, (int)at, err);
    }
    return WR_OK;
}

static wr_status missing(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    wr_buf sql = {0};
    wr_status s = wri_table_create_text(cfg, t->o.table, type_name, &sql) == WR_OK
                      ? WR_OK
                      : wr_fail_oom(err, "a statement");
    if (s == WR_OK && !t->o.sink.create)
        s = wr_fail(err, WR_EINVAL,
                    "the Postgres database has no table '%s'; add create = 'true', or make it: %s",
                    t->o.table, sql.data);
    if (s == WR_OK) s = run(t, sql.data, "create", err);
    wr_buf_free(&sql);
    return s;
}

static wr_status find_columns(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    wr_buf sql = {0};
    bool ok = wr_buf_puts(&sql, "SELECT * FROM ") == WR_OK && wri_db_quote(&sql, t->o.table, true) == WR_OK &&
              wr_buf_put(&sql, " LIMIT 0", sizeof " LIMIT 0") == WR_OK;
    PGresult *r = ok ? t->pq.exec(t->conn, sql.data) : NULL;
    wr_status s = ok ? WR_OK : wr_fail_oom(err, "a query");
    const char *state = r ? t->pq.resultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (state && strcmp(state, "42P01") == 0) {
        t->pq.clear(r);
        s = missing(t, cfg, err);
        r = s == WR_OK ? t->pq.exec(t->conn, sql.data) : NULL;
    }
    wr_buf_free(&sql);
    if (s != WR_OK) return s;
    if (!r || t->pq.resultStatus(r) != PGRES_TUPLES_OK) return cannot(t, r, "read", err);
    s = match_columns(t, r, err);
    t->pq.clear(r);
    return s;
}

static wr_status put_text(wri_table *t, const wr_sink_cfg *cfg, wr_buf *out) {
    const char **names = wr_arena_alloc(&t->ar, (t->schema.n + 1) * sizeof *names);
    if (!names) return WR_ENOMEM;
    WR_TRY(wr_buf_puts(out, "INSERT INTO "));
    WR_TRY(wri_db_quote(out, t->o.table, true));
    for (uint32_t i = 0; i < t->schema.n; i++) {
        names[i] = t->cols[i].name;
        WR_TRY(wr_buf_puts(out, i ? ", " : " ("));
        WR_TRY(wri_db_quote(out, names[i], false));
    }
    WR_TRY(wr_buf_puts(out, ") SELECT * FROM unnest("));
    for (uint32_t i = 0; i < t->schema.n; i++)
        WR_TRY(wr_buf_printf(out, "%s$%u::%s[]", i ? ", " : "", i + 1, t->cols[i].array));
    WR_TRY(wr_buf_puts(out, ")"));
    WR_TRY(wri_table_conflict_text(cfg, names, out));
    return wr_buf_put(out, "", 1);
}

static wr_status take_text(wri_table *t, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "DELETE FROM "));
    WR_TRY(wri_db_quote(out, t->o.table, true));
    WR_TRY(wr_buf_puts(out, " AS t USING unnest("));
    for (uint32_t k = 0; k < t->n_key; k++)
        WR_TRY(wr_buf_printf(out, "%s$%u::%s[]", k ? ", " : "", k + 1, t->cols[t->key[k]].array));
    WR_TRY(wr_buf_puts(out, ") AS d("));
    for (uint32_t k = 0; k < t->n_key; k++) WR_TRY(wr_buf_printf(out, "%sk%u", k ? ", " : "", k + 1));
    for (uint32_t k = 0; k < t->n_key; k++) {
        WR_TRY(wr_buf_puts(out, k ? " AND t." : ") WHERE t."));
        WR_TRY(wri_db_quote(out, t->cols[t->key[k]].name, false));
        WR_TRY(wr_buf_printf(out, " = d.k%u", k + 1));
    }
    return wr_buf_put(out, "", 1);
}

static wr_status prepare(wri_table *t, const char *name, const char *sql, wr_err *err) {
    PGresult *r = t->pq.prepare(t->conn, name, sql, 0, NULL);
    if (!r || t->pq.resultStatus(r) != PGRES_COMMAND_OK) return cannot(t, r, "write to", err);
    t->pq.clear(r);
    return WR_OK;
}

static wr_status prepare_all(wri_table *t, wr_err *err) {
    WR_TRY(prepare(t, "put", t->put.data, err));
    if (t->n_key) WR_TRY(prepare(t, "take", t->take.data, err));
    t->prepared = true;
    return WR_OK;
}

static wr_status make_texts(wri_table *t, const wr_sink_cfg *cfg, wr_err *err) {
    t->arrays = wr_calloc(t->schema.n + 1, sizeof *t->arrays);
    t->params = wr_calloc(t->schema.n + 1, sizeof *t->params);
    bool ok = t->arrays && t->params && put_text(t, cfg, &t->put) == WR_OK &&
              (t->n_key == 0 || take_text(t, &t->take) == WR_OK);
    return ok ? WR_OK : wr_fail_oom(err, "statements");
}

/* ---- rows ---- */

#define YEAR_1    INT64_C(-62135596800000000)
#define YEAR_9999 INT64_C(253402300799999999)

static const char *refuse_text(const wr_str *s, int most) {
    const char *p = wr_str_data(s);
    if (!wr_utf8_valid(p, s->len)) return "a text that is not UTF-8, which Postgres does not take";
    if (memchr(p, 0, s->len)) return "a text with a NUL character, which Postgres does not take";
    if (most >= 0 && wr_utf8_count(p, s->len) > (size_t)most)
        return "a text that is longer than its column in Postgres";
    return NULL;
}

static const char *pg_refuse(const wri_table *t, const wr_batch *b, uint32_t row) {
    for (uint32_t i = 0; i < t->schema.n; i++) {
        const wr_type *type = &t->schema.fields[i].type;
        const wr_col *c = &b->cols[i];
        if (wr_is_null(c, row)) continue;
        const char *why = wr_kind_is_text(type->kind) ? refuse_text(&c->str[row], t->cols[i].most) : NULL;
        if (why) return why;
        bool dated = type->kind == WR_T_DATE || type->kind == WR_T_TIMESTAMP;
        if (dated && (c->i64[row] < YEAR_1 || c->i64[row] > YEAR_9999))
            return "a time outside of the years 1 to 9999";
    }
    return NULL;
}

/* Parameter `at`: column col of these rows. */
static wr_status put_array(wri_table *t, const wr_batch *b, uint32_t col, uint32_t at, const uint32_t *rows,
                           uint32_t n) {
    wr_buf *out = &t->arrays[at];
    out->len = 0;
    WR_TRY(wr_buf_puts(out, "{"));
    for (uint32_t r = 0; r < n; r++)
        WR_TRY(wri_pq_element(out, &t->schema.fields[col].type, &b->cols[col], rows[r]));
    WR_TRY(wr_buf_put(out, "}", 2));
    t->params[at] = out->data;
    return WR_OK;
}

static wr_status execute(wri_table *t, const char *name, uint32_t n_params, const char *doing, wr_err *err) {
    PGresult *r = t->pq.execPrepared(t->conn, name, (int)n_params, t->params, NULL, NULL, 0);
    const char *state = r ? t->pq.resultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (state && strcmp(state, "42P10") == 0) {
        t->pq.clear(r);
        return wr_fail(
            err, WR_EINVAL,
            "table '%s' has no PRIMARY KEY or UNIQUE constraint on just the columns of the stream's PRIMARY "
            "KEY; rows could not replace each other",
            t->o.table);
    }
    if (!r || t->pq.resultStatus(r) != PGRES_COMMAND_OK) return cannot(t, r, doing, err);
    t->pq.clear(r);
    return WR_OK;
}

static wr_status pg_put(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < t->schema.n; i++)
        if (put_array(t, b, i, i, rows, n) != WR_OK) return wr_fail_oom(err, "rows for Postgres");
    return execute(t, "put", t->schema.n, "write to", err);
}

static wr_status pg_take(wri_table *t, const wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err) {
    for (uint32_t k = 0; k < t->n_key; k++)
        if (put_array(t, b, t->key[k], k, rows, n) != WR_OK) return wr_fail_oom(err, "rows for Postgres");
    return execute(t, "take", t->n_key, "delete from", err);
}

/* ---- transactions ---- */

static wr_status pg_begin(wri_table *t, wr_err *err) {
    if (t->pq.status(t->conn) != CONNECTION_OK) WR_TRY(connect(t, err));
    if (!t->prepared) WR_TRY(prepare_all(t, err));
    return run(t, "BEGIN", "write to", err);
}

static wr_status pg_commit(wri_table *t, wr_err *err) { return run(t, "COMMIT", "write to", err); }

static void pg_rollback(wri_table *t) {
    wr_status unheard = run(t, "ROLLBACK", "write to", NULL);
    (void)unheard;
}

/* The names go in as text in single quotes. */
static wr_status put_literal(wr_buf *out, const char *text) {
    WR_TRY(wr_buf_puts(out, "E'"));
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') WR_TRY(wr_buf_put(out, *text == '\'' ? "'" : "\\", 1));
        WR_TRY(wr_buf_put(out, text, 1));
    }
    return wr_buf_puts(out, "'");
}

static wr_status pg_epoch(wri_table *t, uint64_t *out, wr_err *err) {
    wr_buf sql = {0};
    *out = 0;
    bool ok =
        wr_buf_printf(&sql, "SELECT epoch FROM weir_epochs WHERE job = '%s' AND sink = ", t->job) == WR_OK &&
        put_literal(&sql, t->sink) == WR_OK && wr_buf_put(&sql, "", 1) == WR_OK;
    PGresult *r = ok ? t->pq.exec(t->conn, sql.data) : NULL;
    wr_buf_free(&sql);
    if (!ok) return wr_fail_oom(err, "a query");
    if (!r || t->pq.resultStatus(r) != PGRES_TUPLES_OK) return cannot(t, r, "read weir_epochs beside", err);
    int64_t epoch = 0;
    if (t->pq.ntuples(r) == 1 &&
        wr_read_i64(t->pq.getvalue(r, 0, 0), (size_t)t->pq.getlength(r, 0, 0), &epoch))
        *out = (uint64_t)epoch;
    t->pq.clear(r);
    return WR_OK;
}

static wr_status pg_set_epoch(wri_table *t, uint64_t epoch, wr_err *err) {
    wr_buf sql = {0};
    bool ok =
        wr_buf_printf(&sql, "INSERT INTO weir_epochs (job, sink, epoch) VALUES ('%s', ", t->job) == WR_OK &&
        put_literal(&sql, t->sink) == WR_OK &&
        wr_buf_printf(&sql, ", %llu)" WRI_EPOCHS_SET, (unsigned long long)epoch) == WR_OK;
    wr_status s = ok ? run(t, sql.data, "write weir_epochs beside", err) : wr_fail_oom(err, "a statement");
    wr_buf_free(&sql);
    return s;
}

/* No rows: whether it may write, and whether a constraint tells rows apart. */
static wr_status try_out(wri_table *t, wr_err *err) {
    wr_batch *none;
    WR_TRY(wr_batch_new(t->schema.n, 1, &none, err));
    wr_status s = pg_begin(t, err);
    if (s == WR_OK) s = pg_put(t, none, NULL, 0, err);
    if (s == WR_OK && t->n_key) s = pg_take(t, none, NULL, 0, err);
    pg_rollback(t);
    wr_batch_drop(none);
    return s;
}

static const wri_table_def def = {.refuse = pg_refuse,
                                  .begin = pg_begin,
                                  .epoch = pg_epoch,
                                  .set_epoch = pg_set_epoch,
                                  .put = pg_put,
                                  .take = pg_take,
                                  .commit = pg_commit,
                                  .rollback = pg_rollback,
                                  .close = pg_close};

wr_status wri_pg_open_sink(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    wri_table *t = wr_calloc(1, sizeof *t);
    if (!t) return wr_fail_oom(err, "a connection");
    t->schema = *cfg->schema;
    t->n_key = cfg->n_key;
    t->sink = cfg->stream;
    wri_table_job(cfg, t->job);
    t->key = wr_arena_alloc(&t->ar, (cfg->n_key + 1) * sizeof *t->key);
    wr_status s =
        t->key ? wri_pg_options(cfg->options, cfg->n_options, &t->o, err) : wr_fail_oom(err, "a connection");
    if (s == WR_OK && cfg->n_key) memcpy(t->key, cfg->key, cfg->n_key * sizeof *t->key);
    if (s == WR_OK) s = wri_pq_load(&t->pq, err);
    if (s == WR_OK) s = connect(t, err);
    if (s == WR_OK) s = find_columns(t, cfg, err);
    if (s == WR_OK) s = make_texts(t, cfg, err);
    if (s == WR_OK) s = prepare_all(t, err);
    if (s == WR_OK) s = try_out(t, err);
    if (s == WR_OK && cfg->job) s = run(t, WRI_EPOCHS_TABLE, "make table weir_epochs beside", err);
    if (s == WR_OK) return wri_table_sink(&def, t, cfg, &t->o.sink, outp, err);
    pg_close(t);
    return s;
}
