/* tests/unit/runtime/expr_help.h -- typed expressions and batches in few words, for tests of runtime/expr. */
#ifndef EXPR_HELP_H
#define EXPR_HELP_H

#include <criterion/criterion.h>
#include <stdarg.h>

#include "runtime/expr/expr.h"

static wr_arena xh_ar; /* every test ends its process */

static inline wr_type xt(wr_kind k) { return wr_type_of(k); }
static inline wr_type xt_dec(uint32_t p, uint8_t s) {
    return (wr_type){.kind = WR_T_DECIMAL, .prec = p, .scale = s};
}
static inline wr_type xt_len(wr_kind k, uint32_t n) { return (wr_type){.kind = (uint8_t)k, .prec = n}; }

static inline wr_expr *xnew(wr_xkind kind, wr_type t) {
    wr_expr *e = wr_arena_calloc(&xh_ar, sizeof *e);
    e->kind = kind;
    e->type = t;
    return e;
}
static inline wr_expr *xcol(uint32_t c, wr_type t) {
    wr_expr *e = xnew(WR_X_COL, t);
    e->col = c;
    return e;
}
static inline wr_expr *xi(wr_kind k, int64_t v) {
    wr_expr *e = xnew(WR_X_CONST, xt(k));
    e->value.i64 = v;
    return e;
}
static inline wr_expr *xd(double v) {
    wr_expr *e = xnew(WR_X_CONST, xt(WR_T_DOUBLE));
    e->value.f64 = v;
    return e;
}
static inline wr_expr *xsn(const char *s, size_t n) {
    wr_expr *e = xnew(WR_X_CONST, xt(WR_T_VARCHAR));
    e->value.str = wr_str_make(wr_arena_strndup(&xh_ar, s, n), n);
    return e;
}
static inline wr_expr *xs(const char *s) { return xsn(s, strlen(s)); }
static inline wr_expr *xnull(wr_type t) {
    wr_expr *e = xnew(WR_X_CONST, t);
    e->value.null = true;
    return e;
}
static inline wr_expr *xva(wr_expr *e, va_list ap) {
    wr_expr *args[64], *a;
    while ((a = va_arg(ap, wr_expr *)) != NULL) args[e->n_args++] = a;
    e->args = wr_arena_alloc(&xh_ar, (e->n_args + 1) * sizeof *e->args);
    memcpy(e->args, args, e->n_args * sizeof *e->args);
    return e;
}
static inline wr_expr *xop_(wr_xop op, wr_unit unit, wr_type t, ...) {
    wr_expr *e = xnew(WR_X_OP, t);
    e->op = op;
    e->unit = unit;
    va_list ap;
    va_start(ap, t);
    xva(e, ap);
    va_end(ap);
    return e;
}
#define xop(op, t, ...)         xop_(WR_OP_##op, WR_U_NONE, t, __VA_ARGS__, NULL)
#define xunit(op, unit, t, ...) xop_(WR_OP_##op, WR_U_##unit, t, __VA_ARGS__, NULL)
#define xbool(op, ...)          xop(op, xt(WR_T_BOOLEAN), __VA_ARGS__)
#define xint(op, ...)           xop(op, xt(WR_T_BIGINT), __VA_ARGS__)
#define xcast(t, e)             xop(CAST, t, e)

static inline wr_expr *xfn_(const char *name, wr_type t, ...) {
    wr_expr *e = xnew(WR_X_FUNC, t);
    for (size_t i = 0; i < wr_n_builtin_funcs; i++)
        if (strcmp(wr_builtin_funcs[i]->name, name) == 0) e->func = wr_builtin_funcs[i];
    cr_assert(e->func, "no function %s", name);
    va_list ap;
    va_start(ap, t);
    xva(e, ap);
    va_end(ap);
    return e;
}
#define xfn(name, t, ...) xfn_(name, t, __VA_ARGS__, NULL)

/* The value of e (without columns) as text: "NULL", "!reason", or the value. */
static inline const char *xeval_on(wr_expr *e, bool sqlite) {
    wr_schema none = {0};
    wr_eval_opts opts = {.sqlite_only = sqlite};
    wr_eval *ev;
    wr_err err;
    wr_batch *in, *out;
    wr_row_errors errs = {0};
    wr_expr *exprs[1] = {e};
    uint32_t col = 0;
    char *text = NULL, buf[WR_TEXT_MAX];
    cr_assert_eq(wr_eval_new(exprs, 1, &none, &opts, &ev, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_batch_new(0, 1, &in, &err), WR_OK);
    cr_assert_eq(wr_batch_new(1, 1, &out, &err), WR_OK);
    in->n = 1;
    cr_assert_eq(wr_eval_run(ev, in, out, &col, &errs, &err), WR_OK, "%s", err.msg);
    const wr_col *c = &out->cols[0];
    if (errs.n) {
        cr_assert(wr_is_null(c, 0));
        text = wr_arena_printf(&xh_ar, "!%s", errs.whys[0]);
    } else if (wr_is_null(c, 0)) {
        text = wr_arena_strdup(&xh_ar, "NULL");
    } else if (c->phys == WR_STR) {
        text = wr_arena_strndup(&xh_ar, wr_str_data(c->str), c->str->len);
    } else if (c->phys == WR_F64) {
        text = wr_arena_strndup(&xh_ar, buf, wr_write_f64(c->f64[0], buf));
    } else if (e->type.kind == WR_T_DECIMAL) {
        text = wr_arena_strndup(&xh_ar, buf, wr_write_decimal(c->i64[0], e->type.scale, buf));
    } else if (e->type.kind == WR_T_TIMESTAMP) {
        text = wr_arena_strndup(&xh_ar, buf, wr_write_timestamp(c->i64[0], e->type.prec, false, buf));
    } else {
        text = wr_arena_strndup(&xh_ar, buf, wr_write_i64(c->i64[0], buf));
    }
    wr_row_errors_free(&errs);
    wr_batch_drop(out);
    wr_batch_drop(in);
    wr_eval_free(ev);
    return text;
}

/* Both evaluators give want; want beginning with "!": an error whose reason begins so. */
static inline void xcheck_(wr_expr *e, const char *want, const char *file, int line) {
    for (int sqlite = 0; sqlite < 2; sqlite++) {
        const char *got = xeval_on(e, sqlite);
        bool ok = want[0] == '!' ? strncmp(got, want, strlen(want)) == 0 : strcmp(got, want) == 0;
        cr_expect(ok, "%s:%d: %s gives \"%s\", not \"%s\"", file, line, sqlite ? "sqlite" : "kernel", got,
                  want);
    }
}
#define xcheck(e, want) xcheck_(e, want, __FILE__, __LINE__)

/* Evaluates e, which reads no column, with each allocation failing in turn until none is left to: that is
 * told. Returns how many rows failed in the end, 0 or 1, whose reason says nothing of memory. */
static inline size_t x_starve(wr_expr *e, const char *what, uint64_t most) {
    wr_schema none = {0};
    size_t bad = 0;
    for (uint64_t n = 1, done = 0; !done; n++) {
        wr_eval *ev = NULL;
        wr_batch *in = NULL, *out = NULL;
        wr_row_errors errs = {0};
        wr_err err;
        uint32_t col = 0;
        cr_assert(n < most, "%s", what);
        cr_assert_eq(wr_batch_new(0, 1, &in, &err), WR_OK);
        cr_assert_eq(wr_batch_new(1, 1, &out, &err), WR_OK);
        in->n = 1;
        wr_mem_fail_at(n);
        wr_status s = wr_eval_new(&e, 1, &none, NULL, &ev, &err);
        if (s == WR_OK) s = wr_eval_run(ev, in, out, &col, &errs, &err);
        wr_mem_fail_at(0);
        cr_assert(s == WR_OK || s == WR_ENOMEM, "%s: %d: %s", what, s, err.msg);
        done = s == WR_OK;
        if (done && errs.n) cr_expect_null(strstr(errs.whys[0], "memory"), "%s: %s", what, errs.whys[0]);
        bad = errs.n;
        wr_row_errors_free(&errs);
        wr_eval_free(ev);
        wr_batch_drop(in);
        wr_batch_drop(out);
    }
    return bad;
}

#endif
