/* planner/planner.h -- syntax tree to typed plan. The one header of planner/.
 *
 *   script ─► catalog (streams, views) ─► bound queries ─► rules ─► plan: a DAG of nodes ─► stages
 *
 * A plan is immutable once made and lives in the caller's arena; run-time state is a parallel tree in
 * runtime/. What functions, aggregates, connectors and formats exist comes in a wr_registry, so that
 * nothing here points at runtime/ or connectors/. */
#ifndef WR_PLANNER_H
#define WR_PLANNER_H

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
     * anything (each as it is), j JSON or VARCHAR, * repeats the last; [ opens optional arguments. "s[ii:s"
     * is SUBSTR(s
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
    bool retracts; /* def->retract is exact for this call (SUM of integers, not of DOUBLE; not DISTINCT) */
    bool plain;    /* the state is plain bytes: copied by memcpy, nothing to destroy */
    bool slides;   /* def->uncombine is exact for this call */
    bool grows;    /* the state grows with the number of rows: lists, all values, sets */
    void *ctx;     /* what def->open made, in an operator's own copy of the call */
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

/* ---- streams of the catalog ---- */
/* How a sink writes changes. A stream's AUTO becomes one of the others when its sink is planned. */
typedef enum wr_changelog {
    WR_CL_AUTO,     /* rows as they are, which must all be new; with a primary key: UPSERT */
    WR_CL_OP,       /* behind a column op: +I, -U, +U, -D */
    WR_CL_UPSERT,   /* by primary key: +I, +U, -D; the row before an update is left out */
    WR_CL_DEBEZIUM, /* columns before, after (JSON) and op: c, u, d */
    WR_CL_NONE      /* rows as they are */
} wr_changelog;
typedef struct wr_plan_stream {
    const char *name;
    wr_loc loc;
    wr_schema columns;     /* declared order, computed ones included */
    wr_ast **computed;     /* per column: its expression, or NULL for a physical one */
    uint32_t rowtime;      /* event time column (WATERMARK FOR / ROWTIME FROM), or WR_NO_COL */
    wr_ast *wm_ast;        /* NULL: the column itself */
    const char *connector; /* NULL: inside the script */
    const char *format;    /* NULL: none */
    wr_kv *options;        /* all of WITH (…) */
    size_t n_options;
    bool bounded;
    bool reloads;            /* bounded, and can be read anew when it has changed */
    const char *late_output; /* stream that gets late rows, or NULL */
    int64_t idle_timeout_us; /* 0: an idle split holds the watermark back for ever; bounded: 0 */
    bool idle_advance;       /* when all are idle event time goes on with the wall clock; bounded: false */
    bool on_error_fail;      /* on_error = 'fail' */
    wr_changelog changelog;
    uint32_t *primary_key; /* columns */
    uint32_t n_primary_key;
    bool arrival_time; /* no event time declared: ROWTIME is the arrival time, a hidden last column */
} wr_plan_stream;

/* ---- plan ---- */
typedef enum wr_win_kind {
    WR_W_NONE,
    WR_W_TUMBLE,
    WR_W_HOP,
    WR_W_CUMULATE,
    WR_W_ATTACHED,
    WR_W_SESSION
} wr_win_kind;
/* Windows of a row at t, all [us]:
 *   TUMBLE   one [s, s+size), s = floor((t-offset)/size)*size+offset
 *   HOP      every [s, s+size) that holds t with s ≡ offset mod slide
 *   CUMULATE [s, s+k*slide) for k = 1.. up to size, those that end after t
 *   ATTACHED rows carry their window in columns start_col, end_col
 *   SESSION  [first, last + size) of rows of a key that are at most size apart
 *   NONE     one window without end: fires at the end of bounded input */
typedef struct wr_win {
    wr_win_kind kind;
    int64_t size_us, slide_us, offset_us;
    int64_t slice_us; /* greatest common divisor of size and slide */
    int64_t
        tick_us; /* 1000 for TIMESTAMP(<=3), else 1: window_time = end - tick; fires at watermark >= that */
    uint32_t time_col;           /* event time in the input; WR_NO_COL for NONE */
    uint32_t start_col, end_col; /* ATTACHED */
} wr_win;

/* Every kind of node: its name, its wri_node_def (planner/nodes/), its operator (runtime/). */
#define WR_NODE_LIST(X)                                                                                      \
    X(SOURCE, source, source)             /* splits of a stream, decoded, computed columns, watermark */     \
    X(ERRORS, errors, side)               /* error_stream: the rows that failed anywhere in the job */       \
    X(LATE, late, side)                   /* a late_output stream: rows too late for who reads it */         \
    X(VALUES, values, values)             /* constant rows */                                                \
    X(CHANGELOG, changelog, changelog_in) /* records that tell of changes -> rows with their kinds */        \
    X(UPSERT, upsert, upsert) /* the last row of each key, so that a new one says what it replaces */        \
    X(FILTER, filter, filter)                                                                                \
    X(PROJECT, project, project)                                                                             \
    X(CLOCK, clock, clock) /* event time is what clocks in a zone show: adds that time, moves watermarks */  \
    X(WINDOW, window, window)             /* adds window_start, window_end, window_time; a row a window */   \
    X(AGG_LOCAL, agg_local, agg_local)    /* rows -> partials per (slice, key) */                            \
    X(EXCHANGE, exchange, exchange)       /* to the task that owns the key */                                \
    X(AGG_GLOBAL, agg_global, agg_global) /* partials -> one row per (window, key) */                        \
    X(AGG_DELTA, agg_delta, agg_delta)    /* rows -> what each batch adds to, and takes from, each key */    \
    X(AGG_CHANGES, agg_changes, agg_changes) /* partials of both -> results, corrected as they change */     \
    X(SESSION, session, session) /* rows -> one row per session of a key, or the rows with their session */  \
    X(UNION, union, union)                                                                                   \
    X(MATCH, match, match) /* MATCH_RECOGNIZE: rows in order of time -> matches of a pattern, per key */     \
    X(SORT, sort, sort)    /* bounded input: all rows, at the end; with limit: Top-N */                      \
    X(SORT_TIME, sort_time, sort_time) /* rows in an order that begins with time, as the watermark passes */ \
    X(LIMIT, limit, limit)                                                                                   \
    X(OVER, over, over)                      /* window functions: a column per call behind the input's */    \
    X(TABLE_FN, table_fn, table_fn)          /* a table function over the rows of a stream, per partition */ \
    X(RANK, rank, rank)                      /* rows ranked by anything, as changes: Top-N, the last row */  \
    X(JOIN_WINDOW, join_window, join_window) /* rows of one window with each other, when it closes */        \
    X(JOIN_INTERVAL, join_interval, join_interval) /* rows whose times lie near each other, as they come */  \
    X(JOIN_VERSION, join_version, join_version) /* rows with the version of a table valid at their time */   \
    X(JOIN_CHANGES, join_changes, join_changes) /* rows of updating inputs; pairs are taken back again */    \
    X(JOIN_LOOKUP, join_lookup, join_lookup)    /* rows with those of a table that is asked by key */        \
    X(JOIN_TABLE, join_table, join_table)       /* rows with a bounded input that is read first */           \
    X(SINK, sink, sink)
/* clang-format off */
typedef enum wr_node_kind {
#define X(kind, node, op) WR_N_##kind,
    WR_NODE_LIST(X)
#undef X
    WR_NODE_KINDS
} wr_node_kind;
/* clang-format on */

/* ---- OVER ---- */
typedef enum wr_over_fn {
    WR_O_AGG,   /* any aggregate over the frame */
    WR_O_FIRST, /* FIRST_VALUE, LAST_VALUE, NTH_VALUE of the frame */
    WR_O_LAST,
    WR_O_NTH,
    WR_O_LAG, /* n rows of the partition before, behind */
    WR_O_LEAD,
    WR_O_ROW_NUMBER,
    WR_O_RANK,
    WR_O_DENSE_RANK,
    WR_O_PERCENT_RANK,
    WR_O_CUME_DIST,
    WR_O_NTILE
} wr_over_fn;
/* Rows from lo to hi around the current one, both included. Offsets: rows, or units of the one order key
 * (microseconds of an interval); of a DOUBLE or REAL key in lo_f64, hi_f64. */
typedef struct wr_frame {
    bool rows;  /* ROWS; else RANGE, in which rows of equal order keys (peers) count alike */
    bool alone; /* RANGE of the Kinesis dialect without ORDER BY: a row has no peers but those before it */
    wr_bound_kind lo, hi;
    int64_t lo_by, hi_by;
    double lo_f64, hi_f64;
} wr_frame;
typedef struct wr_over_call {
    wr_over_fn fn;
    wr_frame frame;
    /* AGG: the aggregate, over columns of the input. FIRST, LAST, NTH, LAG, LEAD: a FIRST_VALUE or LAST_VALUE
     * of one argument, whose state holds a value. */
    wr_agg_call agg;
    int64_t n;            /* NTH, LAG, LEAD: which row; NTILE: how many buckets */
    uint32_t default_col; /* LAG, LEAD: of the type of the argument; WR_NO_COL: NULL */
    bool ignore_nulls, from_last;
    wr_type type;
} wr_over_call;

typedef enum wr_exchange_mode {
    WR_EX_HASH,
    WR_EX_GATHER,
    WR_EX_ALL
} wr_exchange_mode; /* ALL: every task gets all rows */
typedef struct wr_sort_key {
    uint32_t col;
    bool desc, nulls_first;
} wr_sort_key;

/* How the rows of a RANK are told apart by who reads them, so that no row is taken back behind the one that
 * stands in its place: by their rank (and partition), by the columns that tell the input's rows apart, or by
 * both, by different readers; then what goes is said before what comes. */
typedef enum wr_rank_told { WR_TOLD_ANY, WR_TOLD_RANK, WR_TOLD_IDS, WR_TOLD_BOTH } wr_rank_told;

/* ---- MATCH_RECOGNIZE ----
 * Rows of a key, in the order of time, become the labels of a path through positions: pos[0] is the start,
 * each other position takes one row of its variable. next lists what may follow, the preferred first;
 * WR_MATCH_END: the match is complete, and nothing is listed behind it; WR_MATCH_LAST ($): it is complete
 * if no row of the key follows. The match from a row is the first path by that preference, as backtracking
 * would find it. The first row of a key has a start of its own where the pattern has ^.
 *
 * Conditions are over the columns in `ext`: those of the input, then prevs, then dvalues. */
#define WR_MATCH_END      UINT32_MAX
#define WR_MATCH_LAST     (UINT32_MAX - 1)
#define WR_MATCH_VARS_MAX 64 /* variables are bits of a word */
typedef struct wr_match_pos {
    uint32_t var;
    bool excluded; /* inside {- -}: not among ALL ROWS PER MATCH */
    uint32_t n_next;
    uint32_t *next;
} wr_match_pos;
typedef struct wr_match_prev { /* PREV(col, back): of the row `back` before in the key; NULL: there is none */
    uint32_t col;              /* of the input */
    uint32_t back;
} wr_match_prev;
typedef enum wr_match_what { WR_MATCH_NAV, WR_MATCH_AGG, WR_MATCH_CLASSIFIER, WR_MATCH_NUMBER } wr_match_what;
typedef struct wr_match_value { /* depends on the path */
    wr_match_what what;
    bool last;       /* NAV, CLASSIFIER: LAST, else FIRST */
    bool final;      /* over the whole match, else up to the current row */
    uint64_t vars;   /* NAV, AGG, CLASSIFIER: rows of these variables, as bits */
    bool self;       /* NAV of a condition: of the row that is asked about, not of the path */
    uint32_t offset; /* NAV, CLASSIFIER: so many rows of vars before the last, or behind the first */
    uint32_t ahead;  /* NAV: NEXT: of the row so many behind that in the key */
    uint32_t col;    /* NAV: of the row so found: an input column or, behind them, one of prevs */
    uint32_t call;   /* AGG */
} wr_match_value;
typedef struct wr_match_var {
    const char *name;
    wr_expr *quick; /* the part of the condition that reads the row and prevs alone; NULL: TRUE */
    wr_expr *slow;  /* the part that reads dvalues; NULL: TRUE */
    wr_expr *whole; /* both; NULL: not defined, every row will do */
    bool may_fail;  /* quick can fail; then its row is asked whole, if the search comes to it */
} wr_match_var;
typedef enum wr_match_skip {
    WR_SKIP_PAST_LAST,
    WR_SKIP_TO_NEXT,
    WR_SKIP_TO_FIRST,
    WR_SKIP_TO_LAST
} wr_match_skip;
typedef struct wr_match_spec {
    uint32_t *keys; /* input columns */
    uint32_t n_keys;
    uint32_t time_col;
    wr_sort_key *order; /* ORDER BY behind the time, for rows of one time */
    uint32_t n_order;
    wr_match_prev *prevs;
    uint32_t n_prevs;
    wr_match_var *vars;
    uint32_t n_vars;
    wr_match_pos *pos;
    uint32_t n_pos;
    uint32_t first;                   /* position of the start at a key's first row; 0: as at any */
    bool anchored;                    /* some position ends with WR_MATCH_LAST */
    bool empty;                       /* a match may have no row */
    uint32_t ahead;                   /* the most that NEXT looks ahead: a row waits for so many of its key */
    bool fixed;                       /* all matches are of one length */
    wr_match_value *dvalues, *values; /* of conditions; of MEASURES, a column each */
    uint32_t n_dvalues, n_values;
    wr_agg_call *calls; /* arguments: input columns, prevs; the second phase is not used */
    uint32_t n_calls;
    uint32_t n_in; /* input columns */
    wr_schema ext;
    int64_t within_us; /* a match's last row is less than this after its first; 0: no WITHIN */
    wr_match_skip skip;
    uint64_t skip_vars;
    bool all_rows;
    bool omit_empty;     /* ALL ROWS: matches without a row are not shown */
    bool unmatched;      /* ALL ROWS: rows in no match are shown, too; values NULL */
    const char *pattern; /* text, for EXPLAIN */
} wr_match_spec;

/* ---- joins ---- */
/* SEMI, ANTI: rows of in[0] that match, or do not; they have columns of in[0] only. */
typedef enum wr_join_type {
    WR_JOIN_INNER,
    WR_JOIN_LEFT,
    WR_JOIN_RIGHT,
    WR_JOIN_FULL,
    WR_JOIN_SEMI,
    WR_JOIN_ANTI
} wr_join_type;
#define WR_JOIN_OWN 2 /* as a side: the time of the window, which the operator knows itself */
typedef struct wr_join_col {
    uint32_t side, col; /* column col of in[side] */
} wr_join_col;

typedef struct wr_node wr_node;
typedef struct wr_late { /* where late rows of an input go */
    wr_node *to;         /* the LATE node of a late_output stream; NULL: they are counted only */
    uint32_t *cols;      /* to->out.n columns of the input that make up its row, WR_NO_COL: NULL */
} wr_late;
struct wr_node {
    wr_node_kind kind;
    uint32_t id;    /* rising in topological order from 0: inputs have smaller ids */
    uint32_t stage; /* set by staging: nodes of one stage run as one task per worker */
    wr_loc loc;     /* the clause it came from, for messages */
    wr_node **in;
    uint32_t n_in;
    wr_schema out;     /* its columns */
    uint32_t time_col; /* event time among out, or WR_NO_COL */
    bool bounded;      /* ends by itself */
    bool places; /* its rows tell their places: somebody goes by them to whom order alone does not tell */
    /* Whether rows may take earlier ones back (wr_batch.change); else every row is new. keyed: at most one
     * row stands for each value of the columns key[0..n_key) of out; with n_key 0 at most one row at all. */
    bool updating, keyed;
    uint32_t *key;
    uint32_t n_key;
    wr_late *late; /* n_in of them; NULL: no row is ever late here */
    union {
        struct {
            const wr_plan_stream *stream;
            /* Decoded columns first (names and types in out, their place in the stream in cols), then
             * computed ones: exprs over the decoded columns. */
            uint32_t *cols;
            uint32_t n_cols;
            wr_expr **computed;
            uint32_t n_computed;
            wr_expr *wm;        /* watermark expression over out's columns, NULL: none */
            bool *want_dict;    /* per decoded column: dictionary codes pay off */
            bool lookup;        /* gives no rows: the table of a JOIN_LOOKUP, which asks for them */
            uint32_t n_visible; /* the first n_visible columns of out go on; later ones only feed wm */
            bool in_order;      /* records that tell of changes: one worker reads them */
        } source;
        struct {
            const wr_plan_stream *stream; /* whose changelog says the form: OP, UPSERT or DEBEZIUM */
            /* Input columns: op, then one per column of out; DEBEZIUM: op, before, after, payload, and out's
             * columns are decoded from those, by their paths. */
            uint32_t *cols;
            bool by_key; /* an UPSERT follows: what a record replaces need not be known */
        } changelog;
        struct {
            uint32_t *keys;
            uint32_t n_keys;
        } upsert;
        struct {
            const wr_node *of; /* LATE: unused; ERRORS: unused */
            const char *stream;
        } side;
        struct {
            wr_value *rows; /* n_rows * out.n, row by row */
            uint32_t n_rows;
        } values;
        struct {
            wr_expr *pred;
            uint32_t *keep; /* input columns that out has, in order */
        } filter;
        struct {
            wr_expr **exprs; /* out.n of them */
        } project;
        struct {
            uint32_t time; /* event time in the input, a moment */
            const char *zone;
        } clock; /* out = input columns, the time that clocks show */
        struct {
            wr_win win;
        } window; /* out = input columns, window_start, window_end, window_time */
        struct {
            /* LOCAL in: rows. out: slice (TIMESTAMP, the slice's or attached window's end, 0 for NONE),
             * [window_start if ATTACHED], keys, partials of each call in order.
             * GLOBAL in: LOCAL's out through an exchange. out: window_start, window_end, window_time (not for
             * NONE), keys, one result per call. */
            wr_win win;
            uint32_t *keys; /* LOCAL: input columns */
            uint32_t n_keys;
            wr_agg_call *calls;
            uint32_t n_calls;
            /* LOCAL feeding CHANGES, DELTA, CHANGES: */
            bool each_batch;     /* EMIT CHANGES: results are given after each batch */
            bool takes_back;     /* DELTA, CHANGES: input rows may take others back. DELTA's partials are then
                                  * followed by the number of rows, and both again for rows taken back */
            int64_t every_us;    /* EMIT EARLY: also when the watermark passes a multiple of this; 0: not */
            int64_t lateness_us; /* windows stay for so long after they closed */
            int64_t ttl_us;      /* CHANGES without a window: keys idle for so long are forgotten; 0: none */
        } agg;
        struct {
            /* in: rows through an exchange by keys. out: window_start, window_end, window_time, keys, one
             * result per call; when `rows` is set there are no calls, and out = input columns, window_start,
             * window_end, window_time. */
            wr_win win;
            uint32_t *keys;
            uint32_t n_keys;
            wr_agg_call *calls;
            uint32_t n_calls;
            bool rows;
            bool each_batch; /* as in agg; with any of them the node is updating */
            int64_t every_us, lateness_us;
        } session;
        struct {
            wr_exchange_mode mode;
            uint32_t *keys;
            uint32_t n_keys;
        } exchange;
        /* MATCH out: ONE ROW: keys, values, time; ALL ROWS: the input's columns, values. */
        wr_match_spec *match;
        struct {
            wr_sort_key *keys;
            uint32_t n_keys;
            int64_t limit, offset;    /* limit -1: none */
            int64_t lag_us, holds_us; /* SORT_TIME: the first key is complete up to watermark + lag_us; rows
                                         leave at most holds_us after the watermark has passed their time */
        } sort;                       /* LIMIT uses limit and offset only, SORT_TIME no limit */
        struct {                      /* two inputs, exchanged alike */
            wr_join_type type;
            uint32_t *keys[2]; /* columns of each input that must be equal */
            bool *null_eq;     /* per key: NULL equals NULL */
            uint32_t n_keys;
            bool early; /* INTERVAL, outer: rows come out padded at once, and are taken back if they match */
            bool null_aware;   /* ANTI of NOT IN: the last key is what is compared by its rule of NULLs */
            wr_schema pair;    /* of two rows put together: out's columns, then those only residual reads */
            wr_join_col *from; /* pair.n of them */
            wr_expr *residual; /* over pair: the condition besides keys and times; NULL: none */
            /* INTERVAL, VERSION: event time of each input (WR_NO_COL: rows are kept for ever). WINDOW: the
             * end of the window, WR_NO_COL: one window that closes at the end. */
            uint32_t time_cols[2];
            int64_t lo_us, hi_us; /* INTERVAL: lo_us <= time of in[0] - time of in[1] <= hi_us */
            int64_t tick_us;      /* WINDOW: closes at window_end - tick_us */
        } join;
        struct {
            /* out = input columns, one column per call. In streaming the order is that of time_col of the
             * input, frames end at the current row. Else (complete) a partition's rows are kept until it is
             * complete: at window_end (end_col; fires at a watermark >= end - tick), or at the end of input.
             */
            bool complete;
            uint32_t *keys; /* PARTITION BY: input columns */
            uint32_t n_keys;
            wr_sort_key *order; /* complete only */
            uint32_t n_order;
            uint32_t order_time; /* streaming: the time attribute of the input */
            uint32_t end_col;    /* complete: WR_NO_COL: at the end of input */
            int64_t tick_us;
            wr_over_call *calls;
            uint32_t n_calls;
            int64_t top;       /* complete: only rows with this rank are wanted, or less; 0: all */
            wr_over_fn top_fn; /* which rank that is */
            bool ties_last;    /* complete: rows equal in order stand in the reverse order of the source */
        } over;
        /* TABLE_FN out: the input's columns, call->added; with a window: keys, added, window_start,
         * window_end, window_time. */
        wr_table_call *table;
        struct {
            /* out = input columns, a BIGINT per rank in fns. Rows are ranked as they come, whatever the
             * order; those with from <= top_fn <= to are the result. */
            uint32_t *keys; /* PARTITION BY: input columns */
            uint32_t n_keys;
            wr_sort_key *order;
            uint32_t n_order;
            bool ties_last;  /* as in over */
            wr_over_fn *fns; /* ROW_NUMBER, RANK, DENSE_RANK */
            uint32_t n_fns;
            wr_over_fn top_fn;
            int64_t from, to;
            bool takes_back;  /* input rows may take others back: all are kept */
            bool each_batch;  /* EMIT CHANGES: else once, when the partition is complete */
            uint32_t end_col; /* window_end of the partition, which is forgotten (and complete) then;
                                 WR_NO_COL: at the end of input */
            int64_t tick_us;
            int64_t ttl_us; /* partitions idle for so long are forgotten; 0: never */
            wr_rank_told told;
            uint32_t *ids; /* input columns by which at most one row of the input stands */
            uint32_t n_ids;
            bool has_ids;
            uint32_t
                *shown; /* input columns that somebody reads: a row that is the same in them is no change */
            uint32_t n_shown;
        } rank;
        struct {
            const wr_plan_stream *stream; /* NULL: standard output of a bare SELECT */
            const char *label;            /* "INSERT INTO x" for messages and EXPLAIN */
            wr_changelog changelog;       /* never AUTO */
            uint32_t *key;                /* UPSERT: columns of out */
            uint32_t n_key;
        } sink;
    };
};

typedef struct wr_settings {
    int64_t workers;    /* 0: one per core */
    int64_t batch_rows; /* rows of a batch */
    int64_t snapshot_interval_us;
    int64_t memory_bytes;  /* 0: half of RAM */
    int64_t state_ttl_us;  /* event time without a row after which a key is forgotten; 0: never */
    int evaluator;         /* 0 auto, 1 sqlite: forces the reference evaluator */
    const char *time_zone; /* of the session, a name or an offset */
} wr_settings;

/* A statement that moves rows or says where they come from: what a node's loc belongs to. */
typedef struct wr_plan_stmt {
    uint32_t at;      /* where it begins in the script; rising */
    const char *name; /* "minutes" (the stream that it declares or feeds), "query 2, line 14", "view v" */
    bool stream;      /* name is that of a stream */
    const char *pump; /* NULL: no pump */
} wr_plan_stmt;

typedef struct wr_plan {
    wr_node **nodes; /* topological order, nodes[i]->id == i */
    uint32_t n_nodes;
    uint32_t n_stages;
    wr_settings settings; /* defaults, then SET statements */
    wr_plan_stmt *stmts;
    uint32_t n_stmts;
    /* Statements that only inform (SHOW, DESCRIBE, EXPLAIN inside the script): their text, in order. */
    const char **notes;
    uint32_t n_notes;
} wr_plan;

/* Options that every stream takes in WITH (…), beside those of its connector and format. */
extern const wr_option wr_stream_options[];
extern const size_t wr_n_stream_options;

/* Plans a whole script as one job. Problems go to d. WR_OK, WR_ESQL (see d), WR_ENOMEM. */
wr_status wr_plan_script(const wr_script *script, const wr_registry *reg, wr_arena *ar, wr_diags *d,
                         wr_plan *outp) WR_MUST_USE;

/* What a node is, so that it is found again in the plan of another SQL (same.c). */
typedef struct wr_plan_id {
    char same[32];     /* equal: the same operator, which can go on with what the other has kept */
    const char *label; /* for people: "TUMBLE 1 min over clicks by page: COUNT(*) (page_minutes)" */
} wr_plan_id;
/* Of each node, by its id; in ar. */
wr_status wr_plan_identify(const wr_plan *plan, const wr_registry *reg, wr_arena *ar, wr_plan_id **idsp,
                           wr_err *err) WR_MUST_USE;

typedef enum wr_explain_form { WR_EXPLAIN_TREE, WR_EXPLAIN_JSON, WR_EXPLAIN_DOT } wr_explain_form;
/* Whether the table of a JOIN_TABLE is read anew when it changes: endless input joined with what comes from
 * such a stream through nothing but FILTER, PROJECT and an EXCHANGE. */
bool wr_join_reloads(const wr_node *join);
wr_status wr_plan_explain(const wr_plan *plan, const wr_registry *reg, wr_explain_form form,
                          wr_buf *out) WR_MUST_USE;
/* The tree, with a line below each node from note(ctx, n, out), which writes it without a line end; nothing:
 * no line. */
wr_status wr_plan_annotate(const wr_plan *plan, const wr_registry *reg,
                           wr_status (*note)(void *ctx, const wr_node *n, wr_buf *out), void *ctx,
                           wr_buf *out) WR_MUST_USE;
/* How a sink's rows come out under --state, as wr_with.delivery has it and the stream's options want it: one
 * of its words, or "idempotent" (rows written again replace themselves). NULL: unknown. */
const char *wr_sink_delivery(const wr_registry *reg, const wr_node *sink);
/* SQL-like text of a typed expression, column names from `in`. */
wr_status wr_expr_print(const wr_expr *e, const wr_schema *in, wr_buf *out) WR_MUST_USE;
const char *wr_op_name(wr_xop op);
const char *wr_node_kind_name(wr_node_kind k);

#endif
