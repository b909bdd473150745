/* planner/bind_row.c -- functions that give a row, such as W3C_LOG_PARSE.
 *
 * Which columns the row has is said by constants among the arguments (a pattern, a list of columns), so it is
 * known here, and the row itself exists between two operations only: its columns become
 *
 *   CAST(ROW_FIELD(f(args), i) AS type of column i)
 *
 * all over the same call, which the evaluator runs once a row, or once per distinct value, however many of
 * them are read. A NULL row makes all its columns NULL. Who may write such a call: an item of SELECT or of
 * VALUES (row_item.c); everywhere else it is an error that says what to write. */
#include "bind_int.h"

const wr_func_def *wri_row_func(wri_binder *b, const wr_ast *e) {
    if (e->kind != WR_A_CALL || e->name.n != 1 || e->call->over) return NULL;
    const wr_func_def *f = wri_func_by_name(b, e->name.parts[0].text);
    return f && f->row ? f : NULL;
}

/* The function that reads a text by a time pattern. */
static const char *reader_of(wr_type t) {
    return t.kind == WR_T_DATE ? "CHAR_TO_DATE" : t.kind == WR_T_TIME ? "CHAR_TO_TIME" : "CHAR_TO_TIMESTAMP";
}

/* Field i of a row as its column says. */
static wr_expr *field(wri_binder *b, wr_expr *row, uint32_t i, const wr_field *f, wr_loc loc) {
    const wr_func_def *take = wri_find_func(b->reg, "ROW_FIELD");
    if (!take) return wri_bind_unsupported(b, loc, "a function that gives a row");
    wr_expr *args[] = {row, wri_mk_i64(b, i, wr_type_of(WR_T_BIGINT), loc),
                       wri_mk_i64(b, 1, wr_type_of(WR_T_BOOLEAN), loc)};
    wr_expr *x = wri_apply_func(b, take, loc, wri_is_char(f->type) ? 2 : 3, args);
    if (wri_is_bad(x)) return x;
    if (f->path) {
        const wr_func_def *read = wri_find_func(b->reg, reader_of(f->type));
        if (!read) return wri_bind_unsupported(b, loc, reader_of(f->type));
        wr_value v = {.str = wr_str_make(f->path, strlen(f->path))};
        wr_expr *by[] = {wri_new_const(b->ar, v, wr_type_of(WR_T_VARCHAR), loc), x};
        x = by[0] ? wri_apply_func(b, read, loc, 2, by) : &wri_failed;
    }
    if (wri_is_bad(x) || wri_same_type(x->type, f->type)) return x;
    return wri_cast_expr(b, x, f->type, true, loc);
}

bool wri_row_fields(wri_binder *b, const wr_ast *e, const wr_func_def *f, wr_expr ***exprsp,
                    wr_schema *namesp) {
    wr_expr **args, *row = NULL;
    uint32_t blame = 0;
    *exprsp = NULL;
    if (!wri_bind_args(b, e, 0, &args)) return false;
    wri_sig_match m;
    bool fits = wri_match_signature(f, args, e->n_args, &m);
    if (fits) {
        const char *why = f->row(args, e->n_args, b->ar, namesp, &blame);
        if (why) {
            wri_bind_error(b, blame < e->n_args ? args[blame]->loc : e->loc, NULL, "%s", why);
            return false;
        }
        if (!namesp->fields) return false;
    }
    row = wri_apply_func(b, f, e->loc, e->n_args, args);
    if (wri_is_bad(row)) return false;
    *exprsp = wr_arena_alloc(b->ar, (namesp->n + 1) * sizeof **exprsp);
    bool ok = *exprsp != NULL;
    for (uint32_t i = 0; ok && i < namesp->n; i++) {
        (*exprsp)[i] = field(b, row, i, &namesp->fields[i], e->loc);
        ok = !wri_is_bad((*exprsp)[i]);
    }
    return ok;
}
