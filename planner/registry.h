/* planner/registry.h -- typed expressions, and what there is to call in them: functions, aggregates, table
 * functions. Part of planner.h, which everybody includes; the registry is filled in by runtime/. */
#ifndef WR_PLANNER_REGISTRY_H
#define WR_PLANNER_REGISTRY_H

#include "parser/parser.h"

/* ---- typed expressions ----
 * The binder has put in every cast, so operands agree: arithmetic and comparisons see two operands of
 * one physical form. Only DECIMALs may differ in scale, and integers (scale 0) may stand beside them: the
 * operation is exact and is rounded once, half away from zero, to the result's scale; an interval times or by
 * a DECIMAL is cut. Three-valued logic. A row whose evaluation fails (overflow, division by zero, bad cast)
 * becomes an error row. */
/* clang-format off */
#define WR_OP_LIST(X)                                                                                  \
    X(NEG) X(ADD) X(SUB) X(MUL) /* int: checked against the result kind's range; DECIMAL: precision */  \
    X(DIV) X(MOD)     /* by zero is an error for every type; ints truncate */                           \
    X(EQ) X(NE) X(LT) X(LE) X(GT) X(GE) X(IS_DISTINCT) X(IS_NOT_DISTINCT)                               \
    X(AND) X(OR) X(NOT)                                                                                \
    X(IS_NULL) X(IS_NOT_NULL) X(IS_TRUE) X(IS_NOT_TRUE) X(IS_FALSE) X(IS_NOT_FALSE)                     \
    X(CASE)           /* when1, then1, when2, then2, …, else (always present; thens of the result type) */ \
    X(COALESCE)                                                                                        \
    X(IN)             /* args[0] in args[1..], all one type */                                         \
    X(CAST) X(TRY_CAST)                                                                                \
    X(CONCAT)                                                                                          \
    X(LIKE)           /* text, pattern [, escape]; case-sensitive, % and _ are characters */           \
    X(FLOOR_UNIT) X(CEIL_UNIT) X(EXTRACT) /* unit */                                                   \
    X(FLOOR_STEP)     /* args[0] (time or int) down to a multiple of args[1], a constant > 0 */        \
    X(ADD_MONTHS)     /* DATE/TIMESTAMP + months; the day is cut to the month's last */
/* clang-format on */

typedef enum wr_xop {
#define X(name) WR_OP_##name,
    WR_OP_LIST(X)
#undef X
        WR_N_OPS
} wr_xop;

typedef enum wr_xkind { WR_X_CONST, WR_X_COL, WR_X_OP, WR_X_FUNC } wr_xkind;
typedef struct wr_func_def wr_func_def;
typedef struct wr_expr wr_expr;
struct wr_expr {
    wr_xkind kind;
    wr_type type;
    wr_loc loc;
    uint32_t col;   /* COL: column of the input */
    wr_value value; /* CONST. FUNC that is not deterministic: i64 tells its calls apart; nodes with one
                       number are one call, evaluated once a row. 0: each node is a call */
    wr_xop op;      /* OP */
    wr_unit unit;   /* FLOOR_UNIT, CEIL_UNIT, EXTRACT */
    const wr_func_def *func; /* FUNC */
    wr_expr **args;
    uint32_t n_args;
};

/* ---- registry: what can be called ---- */

/* One value of a scalar function written in C (runtime/expr/expr_int.h has wri_call): NULL, or why this
 * row fails. */
struct wri_call;
typedef const char *(*wr_scalar)(struct wri_call *c, const wr_value *args, wr_value *outp);

/* A scalar function: C code (fn), which kernels and SQLite both call, or an SQLite function of the same
 * argument order. */
struct wr_func_def {
    const char *name; /* upper case SQL name; a NULL name ends a table */
    /* Argument kinds and result, one letter each: i BIGINT, d DOUBLE, s VARCHAR, t TIMESTAMP, b BOOLEAN,
     * x VARBINARY, D DATE, T TIME, n any number (all n alike), a anything (all a alike, comparable), v
     * anything (each as it is), j JSON or VARCHAR, R a row, * repeats the last; [ opens optional arguments.
     * "s[ii:s" is SUBSTR(s
     * [, i [, i]]) -> VARCHAR. Result letter n or a: the type of those arguments. Several signatures:
     * separated by a space. VARCHAR of a form that a constant is checked for when planning
     * (wr_registry.check): r regular expression, m pattern of SIMILAR TO, p time pattern to write by, q to
     * read by, z time zone, P JSON path, u unit of time, c character set, l part of a URL. */
    const char *signature;
    const char *sqlite;    /* SQLite function called; NULL: same as name in lower case */
    bool nondeterministic; /* never folded, never once per distinct value */
    bool calls_on_null;    /* false: NULL in, NULL out */
    const char *doc;       /* one sentence for docs/SQL.md and weir help functions */
    const char *extension; /* file of the SQLite extension that has it; NULL: SQLite's own, or fn */
    const char *example;   /* an SQL condition that is TRUE, shown with doc */
    wr_scalar fn;          /* NULL: runs in SQLite only */
    /* Of a function that gives a row: its columns, as constants among the arguments say, with names in ar and
     * with the time pattern that a column's text is read by as path (NULL: it is cast). Why there are none,
     * in ar, and which argument is to blame; else NULL, without fields when memory ran out. The value is the
     * row packed as VARBINARY, which ROW_FIELD(row, i) takes apart: the planner makes a column of each field,
     * and nobody else knows of rows. NULL here: no row. */
    const char *(*row)(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp, uint32_t *blamep);
};

/* Aggregate call as planned; one per distinct call of a node. */
#define WR_AGG_ARGS_MAX     4
#define WR_AGG_PARTIALS_MAX 6
#define WR_NO_COL           UINT32_MAX
typedef struct wr_agg_def wr_agg_def;
typedef struct wr_agg_call {
    const wr_agg_def *def;
    wr_loc loc;
    uint32_t n_args;
    uint32_t args[WR_AGG_ARGS_MAX]; /* input columns of the local phase */
    wr_type arg_types[WR_AGG_ARGS_MAX];
    uint32_t filter; /* BOOLEAN input column, or WR_NO_COL */
    uint32_t time;   /* event time column for FIRST/LAST_VALUE, LISTAGG; WR_NO_COL: by position */
    bool distinct;
    bool star; /* COUNT(*) */
    bool ignore_nulls;
    bool desc;      /* WITHIN GROUP (ORDER BY … DESC) */
    bool multiset;  /* rows may be taken back: keep every value, where that makes retract exact */
    wr_value param; /* constant: percentile fraction (f64), LISTAGG separator (str); null: none */
    bool param_text;
    /* set by def->bind: */
    wr_type type;         /* of the result */
    uint32_t state_bytes; /* per group; multiple of 8; all zero is the empty state */
    uint32_t n_partials;
    wr_type partials[WR_AGG_PARTIALS_MAX]; /* columns that carry a partial state to the second phase */
    bool retracts;   /* def->retract is exact for this call (SUM of integers, not of DOUBLE; not DISTINCT) */
    bool plain;      /* the state is plain bytes: copied by memcpy, nothing to destroy */
    bool slides;     /* def->uncombine is exact for this call */
    bool grows;      /* the state grows with the number of rows: lists, all values, sets */
    bool idempotent; /* rows may be folded in any order and more than once: the state is the same (MAX) */
    void *ctx;       /* what def->open made, in an operator's own copy of the call */
} wr_agg_call;

/* Rows for update (args = argument columns) or merge (args = partial columns). */
typedef struct wr_agg_in {
    const wr_col *args[WR_AGG_PARTIALS_MAX];
    const wr_col *time; /* NULL: none */
    uint32_t n;
    uint32_t split;
    int64_t pos;               /* of row 0, rising by one a row */
    const wr_row_place *place; /* NULL, or that of each row instead */
} wr_agg_in;

/* An aggregate: one file in runtime/aggs/ that ends in one of these. States are rows of stride bytes;
 * group g's state is at states + g * stride. Rows to be ignored are sent to group 0, which no query
 * reads: kernels need no branch for FILTER. */
struct wr_agg_def {
    const char *name;      /* upper case */
    const char *signature; /* for docs: "SUM([DISTINCT] number)" */
    const char *doc;
    const char *example;         /* a condition that is TRUE of v(x, s, b): see docs/SQL.md */
    uint32_t min_args, max_args; /* constants that go to param are not counted */
    bool takes_param;            /* last argument in SQL is a constant parameter */
    bool needs_time;             /* wants call->time and positions */
    bool by_time;                /* in OVER, too, where others go by the order of rows alone */
    /* Checks argument types and fills the last part of *call. Message without place; the caller adds it. */
    wr_status (*bind)(wr_agg_call *call, wr_err *err);
    /* Folds rows: row i into group gids[i]. */
    wr_status (*update)(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err);
    /* Folds partial states, given as columns, into groups. */
    wr_status (*merge)(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                       const uint32_t *gids, wr_err *err);
    /* Writes the partial state of groups gids[0..n) to columns cols[0..n_partials) of out, rows 0..n). */
    wr_status (*partial)(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err);
    /* Writes results to column col of out. A group that failed (overflow) sets its bit in failed. */
    wr_status (*finish)(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t col, uint64_t *failed, wr_err *err);
    /* Takes partial states out again, exactly, when call->retracts; else the caller merges anew. */
    void (*retract)(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                    const uint32_t *gids);
    /* Folds the state `from` into `into`, both of a call without DISTINCT; `from` stays as it is and is its
     * owner's to destroy. NULL: it goes through partial and merge (wri_agg_combine in runtime/aggs/). */
    wr_status (*combine)(const wr_agg_call *call, void *into, const void *from, wr_err *err);
    /* Takes the state `from` out of `into` again, exactly; there and called only when call->slides. */
    void (*uncombine)(const wr_agg_call *call, void *into, const void *from);
    /* Frees what a state points at and zeroes it; NULL: nothing to free. */
    void (*destroy)(const wr_agg_call *call, void *state);
    /* DISTINCT of this aggregate is what it estimates, or NULL: in a frame that slides rows are kept anyway,
     * and counting values that come and go is exact and cheaper than merging sketches. */
    const wr_agg_def *exact;
    /* What finish needs beside states, in call->ctx: one for each operator that finishes. NULL: nothing. */
    wr_status (*open)(const wr_agg_call *call, void **ctxp, wr_err *err);
    void (*close)(void *ctx);
    /* An aggregate of an SQLite extension (CREATE AGGREGATE FUNCTION): its file, what it returns, and whether
     * rows with a NULL among the arguments are left out. */
    const char *extension;
    wr_type returns;
    bool null_on_null;
};

/* ---- table functions over streams: runtime/tablefns/tablefn.h says how they run ---- */

typedef struct wr_table_arg { /* an argument behind the table; a NULL name ends a list */
    const char *name; /* as documented, "numberOfTrees"; found without regard to case and underscores */
    /* i BIGINT, d DOUBLE, s VARCHAR, b BOOLEAN, t an INTERVAL or a whole number of seconds, c a column, C
     * columns: DESCRIPTOR(a, b), a column, or its name as text */
    char kind;
    const char *def;    /* text of what it is when it is not given, "": nothing; NULL: it must be given */
    double min, max;    /* i, d, t [s]: both included; both 0: any */
    const char *values; /* s: "asc|desc", one of these; NULL: any */
    const char *doc;
} wr_table_arg;
typedef struct wr_table_value {
    bool given;
    wr_value v;           /* t: i64 [us] */
    const uint32_t *cols; /* c, C: columns of the input as it was when bound, for bind alone */
    uint32_t n_cols;
} wr_table_value;

#define WR_TABLE_ADDED_MAX 8
#define WR_TABLE_ARG_NONE  UINT32_MAX
typedef struct wr_table_fn wr_table_fn;
typedef struct wr_table_call {
    const wr_table_fn *fn;
    const wr_table_value *args; /* one per argument of fn */
    uint32_t time_col;          /* event time in the input, never NULL in rows that come */
    int64_t tick_us;            /* times are multiples of it */
    uint32_t *keys;             /* PARTITION BY: input columns */
    uint32_t n_keys;
    int64_t partitions_max; /* of a worker: a row that would make one more fails; 0: no PARTITION BY */
    /* set by fn->bind, in arrays that have room: */
    uint32_t *cols; /* input columns that it reads, in an order of its own */
    wr_type *types; /* of those */
    uint32_t n_cols;
    wr_field added[WR_TABLE_ADDED_MAX];
    uint32_t n_added;
    int64_t window_us; /* tumbling windows of event time; 0: none */
    uint32_t bad_arg;  /* when bind has failed: the argument it is about; WR_TABLE_ARG_NONE: none of them */
    void *ctx;         /* what bind leaves for run->open; of an operator's own copy: what that made */
} wr_table_call;

/* One file in runtime/tablefns/ that ends in one of these. */
struct wr_table_fn {
    const char *name; /* upper case */
    const char *doc;  /* a sentence or two for docs/SQL.md and weir help */
    const wr_table_arg *args;
    bool times; /* its rows() gets all rows of one time (and partition) at once, and may leave rows out */
    /* Checks arguments, fills the last part of *call (cols, types: room for in->n; strings from ar). n_vis:
     * the columns that a user sees come first. A message without place; the caller adds it. */
    wr_status (*bind)(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err);
    const struct wr_table_run *run; /* runtime/tablefns/tablefn.h */
};

typedef struct wr_registry {
    const wr_func_def *const *funcs; /* n_funcs pointers */
    size_t n_funcs;
    const wr_agg_def *const *aggs;
    size_t n_aggs;
    const wr_table_fn *const *tables;
    size_t n_tables;
    const wr_with *const *connectors;
    size_t n_connectors;
    const wr_with *const *formats;
    size_t n_formats;
    const wr_option *set_options; /* SET name = value and command line settings, into wr_settings */
    size_t n_set_options;
    /* Value of an expression without columns. WR_EDATA: it fails on every row (err says why). */
    wr_status (*fold)(const wr_expr *e, wr_arena *ar, wr_value *outp, wr_err *err);
    /* Whether the SQLite extension in a file has a scalar function, or an aggregate, of that name and number
     * of arguments; *deterministicp: it says of itself that it is. NULL here: there are no extensions. */
    wr_status (*extension)(const char *file, const char *function, uint32_t n_args, bool aggregate,
                           bool *deterministicp, wr_err *err);
    const wr_agg_def *extension_agg; /* what all aggregates of extensions have in common */
    /* Why a text is none of the form that a signature's letter demands; NULL: it is one. The message lies in
     * ar. NULL here: nothing is checked. */
    const char *(*check)(char letter, const wr_str *text, wr_arena *ar);
    /* "kernel", "sqlite" or "sqlite, once per distinct value of <column>" for EXPLAIN. */
    const char *(*runs_on)(const wr_expr *e, const wr_schema *in, wr_arena *ar);
    /* Columns that a self_schema connector brings, for its options. */
    wr_status (*columns)(const char *connector, const wr_kv *kvs, size_t n_kv, wr_arena *ar, wr_schema *outp,
                         wr_err *err);
    /* Whether reading with these options ends by itself (a file without tail). */
    bool (*bounded)(const char *connector, const wr_kv *kvs, size_t n_kv);
    /* Whether a format can read, or write, these columns; err says why not. */
    wr_status (*fits)(const char *format, const wr_schema *cols, const wr_kv *kvs, size_t n_kv, bool write,
                      wr_err *err);
} wr_registry;

#endif
