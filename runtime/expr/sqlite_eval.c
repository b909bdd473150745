/* runtime/expr/sqlite_eval.c -- one private connection and one statement per evaluator.
 *
 * The connection is in memory, without mutex, reads nothing but the batch and calls nothing but functions. A
 * function of SQLite's own that fails aborts the statement: the row is then marked as failed and the
 * statement goes on behind it. */
#include "sqlite_int.h"

static int authorize(void *ctx, int action, const char *a, const char *b, const char *c, const char *d) {
    (void)ctx;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return action == SQLITE_SELECT || action == SQLITE_FUNCTION || action == SQLITE_READ ? SQLITE_OK
                                                                                         : SQLITE_DENY;
}

void wri_lite_guard(wri_lite *l) { sqlite3_set_authorizer(l->db, authorize, NULL); }

wr_status wri_lite_rc(wri_lite *l, int rc, wr_err *err) {
    if (rc == SQLITE_NOMEM || !l->db) return wr_fail_oom(err, "SQLite");
    return wr_fail(err, WR_EINTERNAL, "SQLite: %s", sqlite3_errmsg(l->db));
}

wr_status wri_lite_open(wri_lite *l, wr_err *err) {
    int rc = sqlite3_open_v2(":memory:", &l->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    if (rc == SQLITE_OK) rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    if (rc != SQLITE_OK) return wri_lite_rc(l, rc, err);
    sqlite3_limit(l->db, SQLITE_LIMIT_LENGTH, (int)(2 * WRI_TEXT_MAX));
    return WR_OK;
}

static wr_status bind_params(wri_lite *l, wr_err *err) {
    for (size_t i = 0; i < l->n_params; i++) {
        const wr_expr *e = l->params[i];
        const wr_value *v = &e->value;
        int at = (int)i + 1, rc = SQLITE_OK;
        if (v->null || e->type.kind == WR_T_NULL) continue; /* unbound is NULL */
        switch (wr_type_phys(e->type)) {
        case WR_I64:
            rc = sqlite3_bind_int64(l->stmt, at, v->i64);
            break;
        case WR_F64:
            rc = sqlite3_bind_double(l->stmt, at, v->f64);
            break;
        case WR_STR:
            if (e->type.kind == WR_T_VARBINARY)
                rc = sqlite3_bind_blob(l->stmt, at, wr_str_data(&v->str), (int)v->str.len, SQLITE_STATIC);
            else rc = sqlite3_bind_text(l->stmt, at, wr_str_data(&v->str), (int)v->str.len, SQLITE_STATIC);
            break;
        }
        if (rc != SQLITE_OK) return wri_lite_rc(l, rc, err);
    }
    return WR_OK;
}

/* SELECT deliver0(e0, …, e99), deliver1(e100, …) FROM batch */
static wr_status build_sql(wri_lite *l, wr_buf *sql, const char **limitp) {
    WR_TRY(wr_buf_puts(sql, "SELECT "));
    for (uint32_t i = 0; i < l->n_exprs; i++) {
        if (i % WRI_LITE_ARGS_MAX == 0)
            WR_TRY(wr_buf_printf(sql, "%sweir_deliver%u(", i ? ")," : "", i / WRI_LITE_ARGS_MAX));
        else WR_TRY(wr_buf_puts(sql, ","));
        const char *e = wri_lower(l, i, limitp);
        if (!e) return WR_ENOMEM;
        WR_TRY(wr_buf_puts(sql, e));
    }
    WR_TRY(wr_buf_puts(sql, ") FROM batch"));
    return wr_buf_put(sql, "", 1);
}

static wr_status prepare(wri_lite *l, wr_err *err) {
    wr_buf sql = {0};
    const char *limit = NULL;
    if (build_sql(l, &sql, &limit) != WR_OK) {
        wr_buf_free(&sql);
        return limit ? wr_fail(err, WR_ELIMIT, "SQLite cannot run the expression: %s", limit)
                     : wr_fail_oom(err, "an expression");
    }
    wr_status s = wri_lite_tables(l, err);
    if (s == WR_OK) {
        wri_lite_guard(l);
        int rc = sqlite3_prepare_v3(l->db, sql.data, (int)sql.len, SQLITE_PREPARE_PERSISTENT, &l->stmt, NULL);
        if (rc == SQLITE_ERROR) /* a limit, or a function this library has not */
            s = wr_fail(err, WR_EUNSUPPORTED, "SQLite cannot run the expression: %s", sqlite3_errmsg(l->db));
        else if (rc != SQLITE_OK) s = wri_lite_rc(l, rc, err);
    }
    wr_buf_free(&sql);
    return s == WR_OK ? bind_params(l, err) : s;
}

static wr_status lite_init(wri_lite *l, wr_err *err) {
    l->n_delivers = (l->n_exprs + WRI_LITE_ARGS_MAX - 1) / WRI_LITE_ARGS_MAX;
    l->cols = wr_arena_alloc(&l->ar, (l->in->n + 1u) * sizeof *l->cols);
    l->delivers = wr_arena_calloc(&l->ar, (l->n_delivers + 1u) * sizeof *l->delivers);
    l->vecs = wr_arena_calloc(&l->ar, (l->n_exprs + 1u) * sizeof *l->vecs);
    if (!l->cols || !l->delivers || !l->vecs) return wr_fail_oom(err, "an expression");
    for (uint32_t i = 0; i < l->n_exprs; i++) {
        l->vecs[i].phys = wr_type_phys(l->exprs[i]->type);
        l->vecs[i].col = WR_NO_COL;
    }
    WR_TRY(wri_lite_open(l, err));
    return prepare(l, err);
}

wr_status wri_lite_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, wri_lite **outp, wr_err *err) {
    *outp = NULL;
    wri_lite *l = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "an expression");
    l->exprs = exprs;
    l->n_exprs = n;
    l->in = in;
    wr_status s = lite_init(l, err);
    if (s != WR_OK) {
        wri_lite_free(l);
        return s;
    }
    *outp = l;
    return WR_OK;
}

void wri_lite_free(wri_lite *l) {
    if (!l) return;
    sqlite3_finalize(l->stmt);
    sqlite3_close(l->db);
    for (size_t i = 0; i < l->n_sites; i++) wri_call_done(&l->sites[i]->call);
    for (uint32_t i = 0; l->vecs && i < l->n_exprs; i++) {
        wr_free(l->vecs[i].own_nulls);
        wr_free(l->vecs[i].own_errs);
        wr_free(l->vecs[i].own_whys);
    }
    wr_free(l->sites);
    wr_free(l->extensions);
    wr_free(l->params);
    wr_arena_free(&l->tmp);
    wr_arena_free(&l->ar);
    wr_free(l);
}

wri_vec *wri_lite_vec(wri_lite *l, uint32_t i) { return &l->vecs[i]; }

/* ---- running ---- */

static wr_status place(wri_lite *l, uint32_t n, wr_arena *out_ar) {
    for (uint32_t i = 0; i < l->n_exprs; i++) {
        wri_vec *v = &l->vecs[i];
        if (n > v->cap) { /* bitmaps are made anew at this size */
            wr_free(v->own_nulls);
            wr_free(v->own_errs);
            wr_free(v->own_whys);
            *v = (wri_vec){.phys = v->phys, .col = WR_NO_COL, .cap = n};
        }
        v->nulls = v->errs = NULL;
        v->data = wr_arena_calloc(out_ar, (size_t)(n ? n : 1) * (v->phys == WR_STR ? sizeof(wr_str) : 8));
        if (!v->data) return WR_ENOMEM;
    }
    for (size_t i = 0; i < l->n_sites; i++) {
        wri_call *c = &l->sites[i]->call;
        if (l->sites[i]->once) l->sites[i]->once->row = 0;
        c->ar = c->msgs = &l->tmp;
        c->env = &l->env;
        c->oom = false;
    }
    return WR_OK;
}

/* The statement failed at the current row: all that it computes there has. */
static void fail_row(wri_lite *l) {
    const char *why = wr_arena_strdup(&l->tmp, sqlite3_errmsg(l->db));
    if (!why) l->oom = true;
    for (uint32_t i = 0; why && i < l->n_exprs; i++) wri_lite_fail(l, i, why);
}

static wr_status step_all(wri_lite *l, wr_err *err) {
    for (l->start = 0; l->start < l->batch->n; l->start = l->row + 1) {
        l->row = l->start;
        int rc = sqlite3_step(l->stmt);
        if (rc == SQLITE_ROW) {
            sqlite3_reset(l->stmt);
            return WR_OK;
        }
        bool row_failed =
            rc != SQLITE_NOMEM && rc != SQLITE_MISUSE && rc != SQLITE_INTERRUPT && l->row < l->batch->n;
        if (!row_failed) {
            wr_status s = wri_lite_rc(l, rc, err);
            sqlite3_reset(l->stmt);
            return s;
        }
        fail_row(l);
        sqlite3_reset(l->stmt);
    }
    return WR_OK;
}

wr_status wri_lite_run(wri_lite *l, const wr_batch *in, wr_arena *out_ar, const wri_env *env, wr_err *err) {
    wr_arena_reset(&l->tmp);
    l->batch = in;
    l->out_ar = out_ar;
    l->env = *env;
    l->oom = false;
    if (place(l, in->n, out_ar) != WR_OK) return wr_fail_oom(err, "an expression's values");
    WR_TRY(step_all(l, err));
    return l->oom ? wr_fail_oom(err, "an expression's values") : WR_OK;
}
