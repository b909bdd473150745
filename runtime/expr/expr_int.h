/* runtime/expr/expr_int.h -- between the files of runtime/expr/.
 *
 *   scalar   one value at a time, in C: what an operation means. Called by SQLite (one registered function
 *            per place in the expression) and by the map kernel.
 *   kernel   whole columns. The fast ones assume that nothing goes wrong and say false when something did;
 *            the instruction is then run again by the map kernel, which finds the failing rows.
 *   error    the third state of a value, beside present and NULL. It travels with the value, so it counts
 *            only where the value is used: CASE, AND, OR and COALESCE drop it with the branch not taken. */
#ifndef WR_RUNTIME_EXPR_INT_H
#define WR_RUNTIME_EXPR_INT_H

#include "expr.h"

/* A value longer than this fails its row, so that REPEAT and the like cannot eat the memory. */
#define WRI_TEXT_MAX ((size_t)16 << 20)
/* Texts whose lengths have a larger product are not compared each byte with each. */
#define WRI_PRODUCT_MAX (UINT64_C(1) << 32)
/* Values of a month count or step beyond this are out of every calendar. */
#define WRI_MONTHS_MAX (INT64_C(12) * 400000)

/* ---- scalars ---- */
typedef struct wri_env { /* what nondeterministic functions see */
    const wr_sys *sys;
    int64_t now_us;   /* wall clock, read once per run */
    int64_t start_us; /* wall clock when the evaluator was made */
} wri_env;

typedef struct wri_call {
    const wr_expr *e; /* the call: types of arguments and result, unit */
    const wri_env *env;
    wr_arena *ar;   /* bytes of results; they live as long as the batch being computed */
    wr_arena *msgs; /* error texts */
    bool oom;       /* set when memory ran out; the row's result is then meaningless */
    void *memo;     /* kept between rows by the function itself (a compiled pattern) in memo_ar, which
                       nobody else uses */
    wr_arena memo_ar;
    void (*memo_free)(void *memo); /* what memo holds besides memo_ar; NULL: nothing */
} wri_call;
void wri_forget(wri_call *c);    /* before a new memo is made */
void wri_call_done(wri_call *c); /* frees what a call has kept */

/* Room for a result of n bytes, or NULL: *whyp then says why (too long, or c->oom). */
char *wri_room(wri_call *c, size_t n, const char **whyp);
/* A reason kept with a memo (NULL: none), as one that outlives it. */
const char *wri_kept_why(wri_call *c, const char *why);
/* outp = a copy of p[0..n). */
const char *wri_ret_copy(wri_call *c, const char *p, size_t n, wr_value *outp);
/* An error text that names what was found: fmt with one %s for the quoted beginning of s. */
const char *wri_bad_text(wri_call *c, const wr_str *s, const char *what);
static inline const char *wri_ret_i64(wr_value *outp, int64_t v) {
    outp->i64 = v;
    return NULL;
}
static inline const char *wri_ret_null(wr_value *outp) {
    outp->null = true;
    outp->str = (wr_str){0};
    return NULL;
}
const char *wri_ret_f64(wr_value *outp, double v); /* NaN: "not a number" */

/* A cast that changes neither bits nor range. */
bool wri_noop_cast(const wr_expr *e);
/* The scalar of a node, or NULL when the node has none (AND, CASE, a function of SQLite's). */
wr_scalar wri_scalar_of(const wr_expr *e);
/* False when a and b, equal but for that, are different calls of a nondeterministic function. */
bool wri_same_call(const wr_expr *a, const wr_expr *b);
/* Whether a NULL argument makes the result NULL without a call. */
bool wri_strict(const wr_expr *e);

wr_scalar wri_arith_scalar(const wr_expr *e);
const char *wri_cast_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_try_cast_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_concat_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_like_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_floor_unit_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_ceil_unit_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_extract_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_floor_step_scalar(wri_call *c, const wr_value *args, wr_value *outp);
const char *wri_add_months_scalar(wri_call *c, const wr_value *args, wr_value *outp);

/* The C functions of functions.def. */
#define FN(name, signature, fn, ...)           const char *fn(wri_call *c, const wr_value *args, wr_value *outp);
#define FN_NULLS(name, signature, fn, ...)     FN(name, signature, fn, )
#define FN_EACH_TIME(name, signature, fn, ...) FN(name, signature, fn, )
#define FN_ROW(name, signature, fn, ...)       FN(name, signature, fn, )
#define SQLITE_FN(...)
#define SQLITE_NULLS(...)
#include "functions.def"
#undef FN
#undef FN_NULLS
#undef FN_EACH_TIME
#undef FN_ROW
#undef SQLITE_FN
#undef SQLITE_NULLS

/* ---- shared meaning ---- */

/* Least and greatest value that a type held in int64 takes. */
void wri_bounds(wr_type t, int64_t *lop, int64_t *hip);
const char *wri_out_of_range(wr_type t); /* "INTEGER out of range" */
/* Puts a raw result into the domain of a type: DATE to midnight, TIME into the day, ranges checked. */
const char *wri_fit(wr_type t, __int128 v, wr_value *outp);
int64_t wri_ten_to(uint32_t n);       /* n <= 18 */
__int128 wri_ten_to_wide(uint32_t n); /* n <= 38 */
/* a / b to the nearest, halves away from zero; b > 0. */
__int128 wri_div_round(__int128 a, __int128 b);
uint32_t wri_scale(wr_type t); /* of a DECIMAL; 0 of all else */
/* + - * / % whose operands or result differ in scale; NULL: they do not. */
wr_scalar wri_scaled_scalar(const wr_expr *e);
/* Whether a comparison is one of DECIMALs (or integers) of different scales. */
bool wri_scales_differ(const wr_expr *e);
const char *wri_compare_scaled(wri_call *c, const wr_value *args, wr_value *outp);
/* Rounds to the nearest integer, halves away from zero; false: outside int64. */
bool wri_round_i64(double v, int64_t *outp);
bool wri_f64_to_decimal(double v, uint32_t prec, uint32_t scale, int64_t *outp);
double wri_decimal_to_f64(int64_t v, uint32_t scale);
/* Microseconds of a fixed-length unit (WEEK down to MICROSECOND), 0 for others. */
int64_t wri_unit_us(wr_unit u);
const char *wri_add_months(int64_t us, int64_t months, int64_t *outp);
/* A character is a byte with the continuation bytes behind it; in valid UTF-8 that is a code point. */
static inline const char *wri_next_char(const char *p, const char *end) {
    for (p++; p < end && ((unsigned char)*p & 0xC0) == 0x80; p++) {
    }
    return p;
}
size_t wri_chars(const char *p, size_t n);
/* o = p[0..n) with the ASCII letters from `first` ('a' or 'A') on in the other case. */
void wri_flip_case(const char *p, char *o, size_t n, unsigned char first);
/* p moved on by n characters, at most to end. */
const char *wri_skip_chars(const char *p, const char *end, int64_t n);

bool wri_is_json(const wr_str *s); /* one JSON value, blanks around it allowed */
/* One part of a time or interval in the form of e's result; e->args[0] has the type of v. */
const char *wri_extract_unit(const wr_expr *e, wr_unit unit, int64_t v, wr_value *outp);
/* A value of type t down to a unit; out of every calendar: why. */
const char *wri_floor_to_unit(wr_type t, wr_unit unit, int64_t v, int64_t *outp);
/* Times by pattern; verbatim: brackets of the pattern are text (timefmt_int.h). */
const char *wri_time_format(wri_call *c, const wr_str *pattern, bool verbatim, int64_t us, wr_value *outp);
const char *wri_time_parse(wri_call *c, const wr_str *pattern, bool verbatim, const wr_str *text,
                           int64_t *outp);

/* Why a text is no JSON path; NULL: it is one. */
const char *wri_check_json_path(wri_call *c, const wr_str *path);
/* Whether a text names a character set, or a part of a URL; why not. */
const char *wri_check_charset(wri_call *c, const wr_str *name);
const char *wri_check_url_part(wri_call *c, const wr_str *name);

/* Time zones (zone.c). */
typedef struct wri_zone wri_zone;
/* Of a name, "Europe/Berlin", or an offset, "+02:00"; kept by the call. NULL, or why there is none such. */
const char *wri_zone_of(wri_call *c, const wr_str *name, wri_zone **outp);
/* What is ahead of UTC in a zone at a moment [s]. */
int64_t wri_zone_offset(wri_zone *z, int64_t utc_s);
/* The moment at which clocks in a zone show this: the first of two when they are set back, as far behind the
 * gap as it says when they are set forward. */
int64_t wri_zone_to_utc(wri_zone *z, int64_t local_s);
/* The least that clocks show at any moment from utc_s on [s]. */
int64_t wri_zone_least(wri_zone *z, int64_t utc_s);
/* A file of the tz database. NULL: it is none. For tests: wri_zone_of reads it by its name. */
wri_zone *wri_zone_parse(const char *p, size_t n, wr_arena *ar);

typedef enum wri_like_kind {
    WRI_LIKE_GENERAL,
    WRI_LIKE_EXACT,
    WRI_LIKE_PREFIX,
    WRI_LIKE_SUFFIX,
    WRI_LIKE_INFIX
} wri_like_kind;
typedef struct wri_like { /* a pattern, taken apart */
    wri_like_kind kind;
    wr_str src, esc; /* what it was made from */
    bool has_esc;
    const char *lit;   /* literal bytes; GENERAL: one byte each, see op */
    const uint8_t *op; /* GENERAL: per byte of lit: 0 itself, 1 '_', 2 '%' */
    uint32_t n;
} wri_like;
const char *wri_like_compile(wri_call *c, const wr_str *pattern, const wr_str *esc, wri_like *outp);
bool wri_like_match(const wri_like *l, const char *p, size_t n);
bool wri_like_bounded(const wri_like *l, size_t n); /* matching n bytes takes bounded time */

/* ---- vector programs ---- */
typedef struct wri_vec { /* a register: one value per row */
    wr_phys phys;
    bool konst;  /* a constant: data[0] is the value */
    bool spread; /* a constant with the value in every row, for kernels that know no constants */
    union {
        int64_t *i64;
        double *f64;
        wr_str *str;
        void *data;
    };
    uint64_t *nulls;   /* NULL: no row is; may be another register's */
    uint64_t *errs;    /* NULL: no row failed; own memory of this register */
    const char **whys; /* valid where errs is set */
    wr_value value;    /* konst: the value */
    uint32_t col;      /* input column, WR_NO_COL: computed */
    /* memory of its own, for cap rows */
    void *own;
    uint64_t *own_nulls, *own_errs;
    const char **own_whys;
    uint32_t cap;
} wri_vec;

typedef struct wri_prog wri_prog;
typedef struct wri_ins wri_ins;
/* Runs over rows [0, n). WR_ENOMEM is the only failure; row errors go to the register. */
typedef wr_status (*wri_kernel)(wri_prog *p, wri_ins *ins, uint32_t n);
/* The optimistic kernel of an instruction: false when some row needs the map kernel. Arguments carry no
 * meaning in NULL rows, so overflow there may send it the slow way, never wrong. */
typedef bool (*wri_fast)(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n);

struct wri_ins {
    wri_kernel run;
    wri_fast fast; /* for wri_run_strict; NULL: map at once */
    wr_scalar fn;  /* for the map kernel */
    const wr_expr *e;
    uint32_t dst, n_args;
    uint32_t *args; /* registers */
    wri_vec **argv; /* the same, as pointers: set before each run */
    wr_value *vals; /* room for one row's arguments */
    bool strict;    /* NULL in, NULL out */
    bool is_out;    /* the register is a result */
    bool escapes;   /* its strings may reach a result: they go into the output's arena */
    int64_t lo, hi; /* bounds of the result */
    int64_t imm;    /* e.g. unit in microseconds */
    void *aux;      /* hash set of IN, compiled pattern */
    wri_call call;
};

struct wri_prog {
    wr_arena ar; /* instructions, constants */
    wri_vec *regs;
    size_t n_regs, cap_regs;
    wri_ins *ins;
    size_t n_ins, cap_ins;
    uint32_t *outs; /* register of each expression */
    uint32_t n_outs;
    wr_arena tmp;     /* strings of intermediate results, error texts: reset before each run */
    wr_arena *out_ar; /* arena of the output of the current run; &tmp when there is none */
    wri_env env;
};

/* Whether every node has a kernel. */
bool wri_kernel_able(const wr_expr *e);
wr_status wri_prog_new(wr_expr *const *exprs, uint32_t n, wri_prog **outp, wr_err *err) WR_MUST_USE;
/* Runs over in's rows. Registers of results lie in out_ar (NULL: in the program's own memory). */
wr_status wri_prog_run(wri_prog *p, const wr_batch *in, wr_arena *out_ar, const wri_env *env,
                       wr_err *err) WR_MUST_USE;
void wri_prog_free(wri_prog *p);

/* Sets run, fast, fn, bounds, aux of an instruction; false: out of memory. */
bool wri_pick_kernel(wri_prog *p, wri_ins *ins);
wri_fast wri_fast_arith(wri_ins *ins);
wri_fast wri_fast_scaled(wri_ins *ins); /* for wri_scaled_scalar's operations */
/* CAST to a smaller scale: divides by ins->imm. */
bool wri_cast_down(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n);
wri_fast wri_fast_cast(wri_ins *ins);
wri_fast wri_fast_time(wri_prog *p, wri_ins *ins);
wri_fast wri_fast_text(wri_prog *p, wri_ins *ins);
/* x IN (constants …) */
bool wri_in_constants(const wr_expr *e);
bool wri_in_prepare(wri_prog *p, wri_ins *ins);
wr_status wri_run_strict(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_map(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_cmp(wri_prog *p, wri_ins *ins, uint32_t n);
/* o = EQ to GE of operands of different scales; NULLs are the caller's. */
void wri_cmp_scaled(const wri_ins *ins, wr_xop op, int64_t *o, uint32_t n);
wr_status wri_run_distinct(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_and_or(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_not(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_is(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_case(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_coalesce(wri_prog *p, wri_ins *ins, uint32_t n);
wr_status wri_run_in(wri_prog *p, wri_ins *ins, uint32_t n);

/* For kernels. NULL on OOM. */
uint64_t *wri_vec_nulls(wri_vec *v, uint32_t n); /* own bitmap, cleared */
uint64_t *wri_vec_errs(wri_vec *v, uint32_t n);  /* own bitmap, cleared on first use in a run */
wr_status wri_vec_fail(wri_vec *v, uint32_t n, uint32_t row, const char *why);
/* dst's NULLs and errors = those of all args together; the first argument's reason wins. */
wr_status wri_merge_states(wri_vec *dst, wri_vec *const *args, uint32_t n_args, bool nulls, uint32_t n);
static inline bool wri_vec_null(const wri_vec *v, uint32_t i) { return v->nulls && wr_bit(v->nulls, i); }
static inline bool wri_vec_err(const wri_vec *v, uint32_t i) { return v->errs && wr_bit(v->errs, i); }

/* ---- SQLite ---- */
typedef struct wri_lite wri_lite;
wr_status wri_lite_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, wri_lite **outp,
                       wr_err *err) WR_MUST_USE;
/* Evaluates in's rows; the results are wri_lite_vec(l, i), errors included. Arrays and strings lie in out_ar.
 */
wr_status wri_lite_run(wri_lite *l, const wr_batch *in, wr_arena *out_ar, const wri_env *env,
                       wr_err *err) WR_MUST_USE;
wri_vec *wri_lite_vec(wri_lite *l, uint32_t i);
void wri_lite_free(wri_lite *l);

/* ---- once per distinct value ---- */
typedef struct wri_lift wri_lift;
/* Whether an expression gains from running once per value of its only column (col: which). */
bool wri_liftable(const wr_expr *e, uint32_t *colp);
/* All expressions over one column, so that what they have in common is computed once. Owner of *outp: the
 * caller; exprs stays where it is. */
wr_status wri_lift_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, const wr_eval_opts *opts,
                       wri_lift **outp, wr_err *err) WR_MUST_USE;
/* The expressions' values for in's rows, data in out_ar, until the next run: wri_lift_vec. Strings are kept
 * alive by *keepp (NULL: nothing to keep; borrowed). */
wr_status wri_lift_run(wri_lift *l, wr_batch *in, wr_arena *out_ar, wr_ref **keepp, wr_err *err) WR_MUST_USE;
wri_vec *wri_lift_vec(wri_lift *l, uint32_t i);
void wri_lift_free(wri_lift *l);
/* The expressions' values as registers, for wri_lift: of the first, then wri_eval_part's. */
wr_status wri_eval_vec(wr_eval *ev, wr_batch *in, wr_arena *out_ar, wri_vec **outp, wr_err *err) WR_MUST_USE;
wri_vec *wri_eval_part(wr_eval *ev, uint32_t i);

/* ---- walks over expressions ---- */
/* The only column an expression reads: WR_NO_COL when none, UINT32_MAX - 1 when several. */
#define WRI_MANY_COLS (UINT32_MAX - 1)
uint32_t wri_only_col(const wr_expr *e);
bool wri_expr_deterministic(const wr_expr *e);

#endif
