/* runtime/expr/sqlite_ext.c -- SQLite extensions: found out about when planning, loaded into each evaluator's
 * connection. Loading runs the extension's own code: a script that names one is trusted like a program. */
#include "sqlite_int.h"

/* Without a slash the file would be looked for among the system's libraries. */
static const char *path_of(const char *file, wr_arena *ar) {
    return strchr(file, '/') ? file : wr_arena_printf(ar, "./%s", file);
}

static wr_status load(sqlite3 *db, const char *file, wr_err *err) {
    wr_arena ar = {0};
    char *said = NULL;
    const char *path = path_of(file, &ar);
    int rc = path ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, (int *)NULL);
    if (rc == SQLITE_OK) rc = sqlite3_load_extension(db, path, NULL, &said);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)NULL);
    wr_status s = WR_OK;
    struct stat st;
    /* SQLite speaks of the last file that it tried, with .so behind the name: that says nothing. */
    const char *why = said && !strstr(said, "cannot open shared object") ? said : "it is no shared library";
    if (path && wr_sys_real.stat(path, &st) != 0) why = "there is no such file";
    if (rc == SQLITE_NOMEM) s = wr_fail_oom(err, "an extension");
    else if (rc != SQLITE_OK) s = wr_fail(err, WR_EINVAL, "'%s' is no SQLite extension: %s", file, why);
    sqlite3_free(said);
    wr_arena_free(&ar);
    return s;
}

wr_status wri_lite_extension(wri_lite *l, const char *file, wr_err *err) {
    for (size_t i = 0; i < l->n_extensions; i++)
        if (strcmp(l->extensions[i], file) == 0) return WR_OK;
    if (wr_grow(&l->extensions, &l->cap_extensions, l->n_extensions + 1, sizeof *l->extensions) != WR_OK)
        return wr_fail_oom(err, "an extension");
    WR_TRY(load(l->db, file, err));
    l->extensions[l->n_extensions++] = file;
    return WR_OK;
}

/* ---- for the planner ---- */

typedef struct listing { /* what an extension has */
    const char *function;
    int n_args;
    bool aggregate; /* wanted; else a scalar function */
    bool found, deterministic;
    wr_buf others; /* "f(2), g(1)" */
} listing;

/* What is there before the extension, to be left out of the list. */
static const char remember[] =
    "CREATE TEMP TABLE was AS SELECT name, narg, type, enc, flags FROM pragma_function_list";
static const char list[] =
    "SELECT DISTINCT name, narg, flags & 2048, type <> 's' FROM (SELECT name, narg, type, enc, flags FROM "
    "pragma_function_list EXCEPT SELECT * FROM was) ORDER BY name, narg";

static wr_status list_functions(sqlite3 *db, listing *l, wr_err *err) {
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, list, -1, &stmt, NULL);
    wr_status s = WR_OK;
    while (rc == SQLITE_OK && s == WR_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        int n = sqlite3_column_int(stmt, 1);
        if (!name || (sqlite3_column_int(stmt, 3) != 0) != l->aggregate) continue;
        if (sqlite3_stricmp(name, l->function) == 0 && (n == l->n_args || n < 0)) {
            l->found = true;
            l->deterministic |= sqlite3_column_int(stmt, 2) != 0;
        }
        const char *comma = l->others.len ? ", " : "";
        s = n < 0 ? wr_buf_printf(&l->others, "%s%s(…)", comma, name)
                  : wr_buf_printf(&l->others, "%s%s(%d)", comma, name, n);
    }
    sqlite3_finalize(stmt);
    if (rc == SQLITE_NOMEM || s != WR_OK) return wr_fail_oom(err, "an extension");
    return rc == SQLITE_OK ? WR_OK : wr_fail(err, WR_EINTERNAL, "SQLite: %s", sqlite3_errmsg(db));
}
_Static_assert(SQLITE_DETERMINISTIC == 2048, "as in the statement above");

static wr_status look(sqlite3 *db, const char *file, listing *l, wr_err *err) {
    if (sqlite3_exec(db, remember, NULL, NULL, NULL) != SQLITE_OK) return wr_fail_oom(err, "SQLite");
    WR_TRY(load(db, file, err));
    WR_TRY(list_functions(db, l, err));
    if (l->found) return WR_OK;
    size_t n = l->others.len < 200 ? l->others.len : 200;
    return wr_fail(err, WR_EINVAL, "the extension '%s' has no %s %s of %d argument%s; it has %.*s", file,
                   l->aggregate ? "aggregate" : "function", l->function, l->n_args, l->n_args == 1 ? "" : "s",
                   n ? (int)n : 4, n ? l->others.data : "none");
}

wr_status wr_eval_extension(const char *file, const char *function, uint32_t n_args, bool aggregate,
                            bool *deterministicp, wr_err *err) {
    sqlite3 *db = NULL;
    listing l = {.function = function, .n_args = (int)n_args, .aggregate = aggregate};
    int rc = sqlite3_open_v2(":memory:", &db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    wr_status s = rc == SQLITE_OK ? look(db, file, &l, err) : wr_fail_oom(err, "SQLite");
    sqlite3_close(db);
    wr_buf_free(&l.others);
    *deterministicp = l.deterministic;
    return s;
}
