/* planner/bind_int.h -- between the files that bind expressions. Nothing outside planner/bind*.c, types.c,
 * expr.c and ident.c includes it.
 *
 * Every function that makes an expression returns &wri_failed after it reported an error, or without a
 * report when memory ran out; given &wri_failed it returns that and stays silent, so that one mistake
 * is one message. */
#ifndef WR_PLANNER_BIND_INT_H
#define WR_PLANNER_BIND_INT_H

#include "planner_int.h"

#define WRI_NAMES_SHOWN 12 /* longest list of names a message shows */

#define WRI_US_MILLISECOND INT64_C(1000)
#define WRI_US_SECOND      WR_US_PER_SECOND
#define WRI_US_MINUTE      (60 * WRI_US_SECOND)
#define WRI_US_HOUR        (60 * WRI_US_MINUTE)
#define WRI_US_DAY         (24 * WRI_US_HOUR)

static inline bool wri_is_bad(const wr_expr *e) { return e == &wri_failed; }
static inline bool wri_is_null(const wr_expr *e) { return e->kind == WR_X_CONST && e->value.null; }
static inline bool wri_is_interval(wr_type t) {
    return t.kind == WR_T_INTERVAL_DAY || t.kind == WR_T_INTERVAL_MONTH;
}
static inline bool wri_is_char(wr_type t) { return t.kind == WR_T_CHAR || t.kind == WR_T_VARCHAR; }

/* ---- messages (ident.c) ---- */
wr_expr *wri_bind_error(wri_binder *b, wr_loc loc, const char *hint, const char *fmt, ...) WR_PRINTF(4, 5);
/* WR_EUNSUPPORTED: "<what> is not supported yet". */
wr_expr *wri_bind_unsupported(wri_binder *b, wr_loc loc, const char *what);
const char *wri_type_text(wri_binder *b, wr_type t); /* without NOT NULL; never NULL */
/* The text of the script at loc when it is short, else "…": for hints such as "write CAST(x AS DATE)". */
const char *wri_source_text(wri_binder *b, wr_loc loc);
/* "a, b, c" of n names stride bytes apart, or NULL when there are too many or none. */
const char *wri_name_list(wri_binder *b, const void *names, size_t n, size_t stride);
wr_expr *wri_bind_column(wri_binder *b, const wr_ast *e);
bool wri_same_name(const char *a, const char *b); /* ASCII letters without regard to case */

/* ---- expressions (expr.c) ---- */
/* Makes the node and folds it when its arguments are constants; &wri_failed on OOM. */
wr_expr *wri_mk_op(wri_binder *b, wr_xop op, wr_type type, wr_loc loc, uint32_t n, wr_expr *const *args);
static inline wr_expr *wri_mk_op1(wri_binder *b, wr_xop op, wr_type type, wr_loc loc, wr_expr *x) {
    return wri_mk_op(b, op, type, loc, 1, &x);
}
static inline wr_expr *wri_mk_op2(wri_binder *b, wr_xop op, wr_type type, wr_loc loc, wr_expr *x,
                                  wr_expr *y) {
    return wri_mk_op(b, op, type, loc, 2, (wr_expr *const[]){x, y});
}
/* EXTRACT, FLOOR_UNIT, CEIL_UNIT. */
wr_expr *wri_mk_unit(wri_binder *b, wr_xop op, wr_unit unit, wr_type type, wr_loc loc, wr_expr *x);
wr_expr *wri_mk_func(wri_binder *b, const wr_func_def *f, wr_type type, wr_loc loc, uint32_t n,
                     wr_expr *const *args);
wr_expr *wri_mk_i64(wri_binder *b, int64_t v, wr_type type, wr_loc loc); /* constant */
wr_expr *wri_mk_null(wri_binder *b, wr_type type, wr_loc loc);
/* Folds e when all its arguments are constants; e itself when it cannot be. */
wr_expr *wri_try_fold(wri_binder *b, wr_expr *e);
/* Reports and returns true when using `e` `times` times would make the tree too large to be worth running:
 * lowerings that repeat an operand (BETWEEN, NULLIF, …) double it at each nesting. */
bool wri_too_big(wri_binder *b, const wr_expr *e, uint32_t times, wr_loc loc);
bool wri_too_big_all(wri_binder *b, uint32_t n, wr_expr *const *es, uint32_t times, wr_loc loc);
#define WRI_NODES_MAX 20000

/* ---- types (types.c) ---- */
bool wri_same_type(wr_type a, wr_type b); /* NOT NULL ignored */
wr_type wri_plain_type(wr_type t);        /* without NOT NULL */
wr_type wri_as_decimal(wr_type t);        /* an integer or DECIMAL type as DECIMAL */
bool wri_castable(wr_type from, wr_type to);
/* Every value of e, an integer or DECIMAL, has room at `scale` (not below its own) within 18 digits. */
bool wri_fits_scale(const wr_expr *e, uint32_t scale);
/* The implicit conversion that the caller knows to be possible: nothing, a wider type on the same node, a
 * constant, or a CAST. */
wr_expr *wri_convert(wri_binder *b, wr_expr *e, wr_type to);
/* A text constant where a date or time is wanted: read now, an error at the literal. One that has more digits
 * of a second than `to` keeps them. */
wr_expr *wri_text_to_time(wri_binder *b, wr_expr *e, wr_type to);
/* As BOOLEAN; what: "AND", "WHERE". */
wr_expr *wri_to_bool(wri_binder *b, wr_expr *e, const char *what);
/* One type for all (CASE, COALESCE, IN, …): converts es[0..n) in place. what: "CASE". False after a report.
 * cmp: for a comparison, where widths need not agree and the padding of a CHAR does not count. */
bool wri_unify(wri_binder *b, wr_expr **es, uint32_t n, wr_type *outp, const char *what, bool cmp);

/* ---- operators (bind.c, arith.c) ---- */
wr_expr *wri_bind_arith(wri_binder *b, wr_loc loc, char op, wr_expr *x, wr_expr *y);
wr_expr *wri_bind_neg(wri_binder *b, wr_loc loc, wr_expr *x);
wr_expr *wri_bind_compare(wri_binder *b, wr_loc loc, wr_xop op, wr_expr *x, wr_expr *y);
wr_expr *wri_mk_and(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y);
wr_expr *wri_mk_or(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y);
wr_expr *wri_mk_not(wri_binder *b, wr_loc loc, wr_expr *x);
wr_expr *wri_mk_concat(wri_binder *b, wr_loc loc, wr_expr *x, wr_expr *y);
wr_expr *wri_bind_number(wri_binder *b, const wr_ast *e, bool negative);

/* ---- time (bind_time.c, bind_interval.c, bind_period.c) ---- */
wr_expr *wri_bind_temporal(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_interval(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_extract(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_round_to(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_step(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_qualified(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_period(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_at_zone(wri_binder *b, const wr_ast *e);
/* What clocks in the session's zone show at x, when that is a TIMESTAMP_LTZ and the zone is not UTC; else x.
 */
wr_expr *wri_clock(wri_binder *b, wr_expr *x);
/* The moment, as type `to`, at which they show x. */
wr_expr *wri_moment(wri_binder *b, wr_expr *x, wr_type to);
bool wri_has_clock(const wri_binder *b, wr_type t); /* t is such a type, and the zone is not UTC */
/* + - * / where at least one side is a date, time or interval. */
wr_expr *wri_bind_time_arith(wri_binder *b, wr_loc loc, char op, wr_expr *x, wr_expr *y);
/* CAST of an interval to a number or text. unit2 NONE: one field. */
wr_expr *wri_cast_interval(wri_binder *b, wr_expr *e, wr_type to, wr_unit unit, wr_unit unit2, wr_loc loc);
/* CAST(x AS INTERVAL unit [TO unit2]), x bound. */
wr_expr *wri_cast_to_interval(wri_binder *b, const wr_ast *e, wr_expr *x);
/* The interval that text says in unit [TO unit2]; reports at loc. */
wr_expr *wri_read_interval(wri_binder *b, const wr_ast *e, const char *text, wr_loc loc);
/* unit [TO unit2] of an interval make sense together; else reports. */
bool wri_check_units(wri_binder *b, const wr_ast *e);
/* Takes the cut of an interval to a unit off again, which dividing by or rounding down to `step` makes
 * needless. */
wr_expr *wri_uncut(wr_expr *i, int64_t step);
int64_t wri_us_of_unit(wr_unit u);     /* 0: not of fixed length */
int64_t wri_months_of_unit(wr_unit u); /* 0: not made of months */
bool wri_rounds_to(wr_unit u);         /* FLOOR(… TO u) has a meaning */
/* to - from in whole units, cut towards zero. */
wr_expr *wri_mk_time_diff(wri_binder *b, wr_unit unit, wr_expr *from, wr_expr *to, wr_loc loc);

/* ---- calls (bind_call.c, bind_special.c, bind_inline.c, signature.c) ---- */
wr_expr *wri_bind_call(wri_binder *b, const wr_ast *e);
/* CURRENT_TIMESTAMP and the like may be written without parentheses; NULL: no such function. */
wr_expr *wri_bind_niladic(wri_binder *b, const char *name, wr_loc loc);
/* Calls with their own syntax or lowering; NULL: none of these. */
wr_expr *wri_bind_special(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_json(wri_binder *b, const wr_ast *e); /* bind_json.c */
wr_expr *wri_bind_json_object(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_json_array(wri_binder *b, const wr_ast *e);
wr_expr *wri_bind_is_json(wri_binder *b, const wr_ast *e, wr_expr *x);
const char *wri_special_name(size_t i); /* the i-th of them, NULL behind the last */
/* A function of the registry with bound arguments: chooses the signature, casts, folds. */
wr_expr *wri_apply_func(wri_binder *b, const wr_func_def *f, wr_loc loc, uint32_t n, wr_expr *const *args);
/* The same with the precision and scale of a DECIMAL result, which the caller knows better than the
 * signature; as NULL: the signature's. */
wr_expr *wri_apply_func_as(wri_binder *b, const wr_func_def *f, wr_loc loc, uint32_t n, wr_expr *const *args,
                           const wr_type *as);
/* A user's SQL function; NULL: none of that name. */
wr_expr *wri_bind_inline(wri_binder *b, const wr_ast *e);
/* The value of a subquery; NULL: e is none, or not of this query. */
wr_expr *wri_sub_of(wri_binder *b, const wr_ast *e);
/* The type in which values of t go to and come from SQLite (extension.c). */
wr_type wri_extension_type(wr_type t);
/* A call of an aggregate of the script's (user_agg.c); NULL: it is none. */
wr_expr *wri_bind_user_agg(wri_binder *b, const wr_ast *e);
/* The body of an aggregate with the calls of other such aggregates expanded; NULL after a report. */
wr_ast *wri_expand_body(wri_binder *b, const wr_ast *body);
/* Binds e->args[from..) into *outp; false when one failed. */
bool wri_bind_args(wri_binder *b, const wr_ast *e, uint32_t from, wr_expr ***outp);

/* ---- signatures (signature.c) ---- */
#define WRI_LETTERS_MAX 16
typedef struct wri_sig { /* one signature, taken apart */
    uint32_t n;          /* letters */
    uint32_t min;        /* arguments that must be there */
    bool more;           /* the last letter repeats */
    char letters[WRI_LETTERS_MAX];
    char result;
} wri_sig;
typedef struct wri_sig_match {
    wri_sig sig;
    int cost;         /* of conversions; the cheapest signature wins */
    wr_type num, any; /* common types of the n and the a arguments */
    wr_type result;
} wri_sig_match;
/* What argument i, of type `have`, is cast to. */
wr_type wri_sig_arg_type(const wri_sig_match *m, uint32_t i, wr_type have);
char wri_sig_letter(const wri_sig_match *m, uint32_t i);
/* Finds the signature of f that fits args; false: none does. */
bool wri_match_signature(const wr_func_def *f, wr_expr *const *args, uint32_t n, wri_sig_match *outp);
/* "(VARCHAR [, BIGINT]) or (DATE)". */
const char *wri_signature_text(wri_binder *b, const wr_func_def *f);
/* "write CAST(x AS VARCHAR)" when that makes args fit the only signature, else NULL. */
const char *wri_signature_hint(wri_binder *b, const wr_func_def *f, wr_expr *const *args, uint32_t n);
/* "INTEGER, VARCHAR(3)" */
const char *wri_types_text(wri_binder *b, wr_expr *const *args, uint32_t n);
/* The registry's function of this name or one it is also known by; in the Kinesis dialect KDA_<name> first.
 */
const wr_func_def *wri_func_by_name(wri_binder *b, const char *name);

#endif
