/* parser/parser.h -- SQL text to syntax tree. The one header of parser/.
 *
 * wr_parse turns a whole script into statements. It keeps going after an error, so that one run
 * reports several. Nodes live in the caller's arena and borrow names from it; every node carries its
 * byte range in the script for carets. The tree is syntax only: names are as written (quoted or
 * not), nothing is resolved, both dialects are one grammar. wr_ast_print writes SQL that parses to
 * the same tree. */
#ifndef WR_PARSER_H
#define WR_PARSER_H

#include "core/core.h"

typedef struct wr_loc {
    uint32_t at, end; /* byte offsets in the script, [at, end) */
} wr_loc;

/* ---- diagnostics ---- */
typedef enum wr_severity { WR_ERROR, WR_WARNING } wr_severity;
typedef struct wr_diag {
    wr_severity severity;
    wr_status code; /* WR_ESQL or WR_EUNSUPPORTED */
    wr_loc loc;
    const char *msg;  /* one line: what was found, what was expected */
    const char *hint; /* what to do ("did you mean 'page'?"), or NULL */
} wr_diag;
typedef struct wr_diags {
    const char *file; /* name shown; "<stdin>", "-e" */
    const char *text; /* the whole script, NUL-terminated */
    size_t len;
    wr_arena *ar; /* where messages live */
    wr_diag *items;
    size_t n, cap;
    uint32_t errors; /* how many of items are WR_ERROR */
} wr_diags;

/* Adds a diagnostic (both may hold printf formats via the v-forms below); at most WR_DIAGS_MAX are kept. */
#define WR_DIAGS_MAX 50
void wr_diag_add(wr_diags *d, wr_severity sev, wr_status code, wr_loc loc, const char *hint, const char *fmt,
                 ...) WR_PRINTF(6, 7);
/* file:line:column: error: message / the line / a caret line / hint. Sorted by place. */
wr_status wr_diags_print(const wr_diags *d, wr_buf *out) WR_MUST_USE;
/* 1-based line and column (characters, not bytes) of a byte offset. A line "--@line 12 app.json" in the text
 * says that the one behind it is line 12 of app.json: lines are then counted, and messages named, by that. */
const char *wr_diag_file(const wr_diags *d, uint32_t at); /* the file's name there, for messages */
void wr_line_col(const char *text, size_t len, uint32_t at, uint32_t *linep, uint32_t *colp);

/* ---- names ---- */
typedef struct wr_ident {
    const char *text; /* without quotes, "" and `` undone, case as written */
    bool quoted;      /* "x" or `x` */
    wr_loc loc;
} wr_ident;
typedef struct wr_name { /* a.b.c; n = 0: absent */
    uint32_t n;
    wr_ident *parts;
    wr_loc loc;
} wr_name;

typedef struct wr_ast wr_ast;     /* expression */
typedef struct wr_query wr_query; /* SELECT, VALUES, set operation */
typedef struct wr_from wr_from;   /* item of FROM */

/* ---- expressions ---- */
typedef enum wr_ast_kind {
    WR_A_NULL,
    WR_A_BOOL,      /* text: TRUE, FALSE, UNKNOWN */
    WR_A_NUMBER,    /* text as written: 12, 1.50, 1e9 */
    WR_A_STRING,    /* text: contents, '' undone; may hold any UTF-8. u&'..' is decoded */
    WR_A_BINARY,    /* X'..': text is the hex digits */
    WR_A_TEMPORAL,  /* DATE|TIME|TIMESTAMP 'text'; type.kind says which */
    WR_A_INTERVAL,  /* INTERVAL [sign] 'text' unit [TO unit2]; text holds the sign */
    WR_A_COLUMN,    /* name: a, t.a, t.rec.a */
    WR_A_STAR,      /* * or name.* */
    WR_A_UNARY,     /* op: NOT, -, + */
    WR_A_BINARY_OP, /* op: OR AND = <> < <= > >= + - * / % || -> ->> ; args[0..1] */
    WR_A_IS, /* args[0] IS [NOT] op: NULL TRUE FALSE UNKNOWN, JSON [VALUE SCALAR ARRAY OBJECT]; or DISTINCT
                FROM args[1] */
    WR_A_BETWEEN, /* args[0] [NOT] BETWEEN [SYMMETRIC: flag] args[1] AND args[2] */
    WR_A_IN,      /* args[0] [NOT] IN (args[1..]) or (query) */
    WR_A_LIKE,    /* args[0] [NOT] op: LIKE, SIMILAR TO, RLIKE; args[1]; [ESCAPE args[2]] */
    WR_A_CASE,    /* operand or NULL in args[0]; when, then pairs args[1..]; else last when odd count left */
    WR_A_CAST, /* CAST(args[0] AS type), TRY_CAST: flag; x::type is the same; flag2: by the rules of INSERT,
                  for arguments of functions (the planner makes these) */
    WR_A_CALL, /* name(args…), see wr_call below */
    WR_A_EXTRACT,    /* EXTRACT(unit FROM args[0]) */
    WR_A_ROUND_TO,   /* op: FLOOR, CEIL (args[0] TO unit) */
    WR_A_STEP,       /* STEP(args[0] BY args[1]) */
    WR_A_QUALIFIED,  /* (args[0]) unit [TO unit2]: (a - b) SECOND */
    WR_A_PERIOD,     /* op: CONTAINS OVERLAPS EQUALS PRECEDES SUCCEEDS LEADS LAGS; flag: STRICTLY, flag2:
                        IMMEDIATELY */
    WR_A_ROW,        /* (a, b, …), ROW(…) */
    WR_A_ARRAY,      /* ARRAY[…] */
    WR_A_INDEX,      /* args[0][args[1]] */
    WR_A_SUBQUERY,   /* (SELECT …) as a value */
    WR_A_EXISTS,     /* EXISTS (query) */
    WR_A_AT_ZONE,    /* args[0] AT TIME ZONE args[1] */
    WR_A_PAIR,       /* [KEY] args[0] VALUE args[1], inside JSON_OBJECT */
    WR_A_NAMED_ARG,  /* text => args[0], inside calls and table functions */
    WR_A_TABLE_ARG,  /* TABLE name [PARTITION BY args…] [ORDER BY …] or (query) as an argument */
    WR_A_DESCRIPTOR, /* DESCRIPTOR(args…) */
    WR_A_CURSOR      /* CURSOR(query) */
} wr_ast_kind;

typedef enum wr_unit {
    WR_U_NONE,
    WR_U_YEAR,
    WR_U_QUARTER,
    WR_U_MONTH,
    WR_U_WEEK,
    WR_U_DAY,
    WR_U_HOUR,
    WR_U_MINUTE,
    WR_U_SECOND,
    WR_U_MILLISECOND,
    WR_U_MICROSECOND,
    WR_U_DOW,
    WR_U_DOY,
    WR_U_EPOCH,
    WR_U_ISODOW,
    WR_U_ISOYEAR,
    WR_U_DECADE,
    WR_U_CENTURY,
    WR_U_MILLENNIUM,
    WR_U_NANOSECOND,
    WR_U_OTHER
} wr_unit;

typedef struct wr_sort { /* item of ORDER BY */
    wr_ast *expr;
    bool desc, nulls_given, nulls_first;
} wr_sort;

typedef enum wr_bound_kind { /* ends of a frame */
                             WR_B_UNBOUNDED_PRECEDING,
                             WR_B_PRECEDING,
                             WR_B_CURRENT,
                             WR_B_FOLLOWING,
                             WR_B_UNBOUNDED_FOLLOWING
} wr_bound_kind;
typedef struct wr_window { /* OVER (…), WINDOW w AS (…) */
    wr_ident name; /* WINDOW's own name, or the name OVER w / OVER (w …) refers to; text NULL: none */
    wr_ast **partition;
    uint32_t n_partition, n_order;
    wr_sort *order;
    bool has_frame, rows, between; /* rows: ROWS, else RANGE */
    wr_bound_kind lo, hi;
    wr_ast *lo_expr, *hi_expr;
    wr_loc loc;
} wr_window;

typedef enum wr_json_on { /* what the functions of JSON give ON EMPTY, ON ERROR, ON NULL */
                          WR_J_UNSAID,
                          WR_J_NULL,
                          WR_J_ERROR,
                          WR_J_DEFAULT,
                          WR_J_TRUE,
                          WR_J_FALSE,
                          WR_J_UNKNOWN,
                          WR_J_ABSENT,
                          WR_J_EMPTY_ARRAY,
                          WR_J_EMPTY_OBJECT
} wr_json_on;
typedef enum wr_json_wrap { WR_J_PLAIN, WR_J_WITHOUT, WR_J_CONDITIONAL, WR_J_WITH } wr_json_wrap;

typedef struct wr_call { /* what only function calls have */
    bool distinct, star; /* COUNT(DISTINCT x), COUNT(*) */
    bool ignore_nulls, respect_nulls, from_last;
    bool from_form; /* SUBSTRING(s FROM i), POSITION(a IN b), TRIM(x FROM s), OVERLAY(… PLACING …) */
    const char
        *keyword; /* TRIM: LEADING, TRAILING, BOTH; JSON_…: its words behind the arguments; else NULL */
    wr_json_on on_empty, on_error, on_null;
    wr_ast *else_empty, *else_error; /* DEFAULT's values */
    wr_json_wrap wrapper;
    wr_type returning; /* JSON_VALUE(… RETURNING type); kind NULL: none */
    wr_ast *filter;    /* FILTER (WHERE …) */
    wr_sort *within;   /* WITHIN GROUP (ORDER BY …), or ORDER BY inside the parentheses */
    uint32_t n_within;
    bool order_inside; /* ORDER BY stood inside the parentheses */
    wr_window *over;   /* OVER …, or NULL */
} wr_call;

struct wr_ast {
    wr_ast_kind kind;
    wr_loc loc;
    const char *op;   /* upper case, canonical: "<>" for "!=" */
    const char *text; /* literals */
    wr_name name;
    wr_ast **args;
    uint32_t n_args;
    bool negated; /* NOT IN, NOT LIKE, IS NOT … */
    bool flag, flag2;
    wr_unit unit, unit2;
    uint32_t prec, prec2; /* INTERVAL: leading precision, fraction digits as written + 1; 0: not given */
    wr_type type;         /* CAST, TEMPORAL */
    wr_query *query;      /* SUBQUERY, EXISTS, IN, CURSOR, TABLE_ARG */
    wr_call *call;        /* CALL only, never NULL there */
};

/* ---- queries ---- */
typedef struct wr_item { /* of a SELECT list */
    wr_ast *expr;
    wr_ident alias; /* text NULL: none */
} wr_item;

typedef enum wr_group_kind { WR_G_EXPR, WR_G_SETS, WR_G_ROLLUP, WR_G_CUBE, WR_G_TUPLE } wr_group_kind;
typedef struct wr_group { /* element of GROUP BY; TUPLE is (a, b) or () */
    wr_group_kind kind;
    wr_ast *expr;
    struct wr_group *items;
    uint32_t n;
    wr_loc loc;
} wr_group;

typedef enum wr_from_kind {
    WR_F_TABLE,
    WR_F_QUERY,
    WR_F_FUNCTION,
    WR_F_JOIN,
    WR_F_VALUES,
    WR_F_UNNEST
} wr_from_kind;
typedef enum wr_join_kind { WR_J_INNER, WR_J_LEFT, WR_J_RIGHT, WR_J_FULL, WR_J_CROSS } wr_join_kind;
typedef struct wr_match wr_match; /* MATCH_RECOGNIZE */
struct wr_from {
    wr_from_kind kind;
    wr_loc loc;
    wr_name name;                    /* TABLE */
    wr_query *query;                 /* QUERY */
    wr_ast *function;                /* FUNCTION: a WR_A_CALL; table_form: written as TABLE(f(…)) */
    bool table_form, lateral, comma; /* comma: the join was written "," */
    wr_ident alias;
    wr_ident *columns; /* AS a (c1, c2) */
    uint32_t n_columns;
    wr_window *over; /* KDA: t OVER (RANGE INTERVAL … PRECEDING) */
    wr_ast *as_of;   /* FOR SYSTEM_TIME AS OF expr */
    wr_match *match;
    wr_ident rows;     /* t AS rows MATCH_RECOGNIZE (…); alias is of the result */
    wr_join_kind join; /* JOIN: left join right */
    bool natural;
    wr_from *left, *right;
    wr_ast *on;
    wr_ident *using_cols;
    uint32_t n_using;
};

typedef enum wr_pattern_kind {
    WR_PT_VAR,
    WR_PT_SEQ,
    WR_PT_ALT,
    WR_PT_PERMUTE,
    WR_PT_ANCHOR,
    WR_PT_EXCLUDE,
    WR_PT_EMPTY
} wr_pattern_kind;
typedef struct wr_pattern {
    wr_pattern_kind kind;
    wr_ident var; /* VAR; ANCHOR: text is ^ or $ */
    struct wr_pattern **items;
    uint32_t n;
    int64_t min, max; /* quantifier; max -1: unbounded; none given: 1, 1 */
    bool reluctant;
    wr_loc loc;
} wr_pattern;
typedef struct wr_define {
    wr_ident var;
    wr_ast *expr;
} wr_define;
struct wr_match {
    wr_ast **partition;
    wr_sort *order;
    wr_item *measures;
    wr_define *defines;
    wr_define *subsets; /* SUBSET u = (a, b): expr is a ROW of columns */
    uint32_t n_partition, n_order, n_measures, n_defines, n_subsets;
    bool all_rows;     /* ALL ROWS PER MATCH */
    const char *empty; /* SHOW EMPTY MATCHES, OMIT EMPTY MATCHES, WITH UNMATCHED ROWS; NULL */
    const char *skip;  /* "PAST LAST ROW", "TO NEXT ROW", "TO FIRST", "TO LAST", "TO"; NULL: not given */
    wr_ident skip_var;
    wr_pattern *pattern;
    wr_ast *within;
    wr_loc loc;
};

typedef enum wr_emit_kind {
    WR_EMIT_DEFAULT,
    WR_EMIT_CHANGES,
    WR_EMIT_FINAL,
    WR_EMIT_ON_CLOSE,
    WR_EMIT_EARLY
} wr_emit_kind;
typedef struct wr_emit_clause { /* EMIT CHANGES | FINAL | ON WINDOW CLOSE | EARLY EVERY i ; ALLOWED LATENESS i
                                 */
    wr_emit_kind kind;
    wr_ast *every, *lateness;
    wr_loc loc;
} wr_emit_clause;

typedef struct wr_cte {
    wr_ident name;
    wr_ident *columns;
    uint32_t n_columns;
    wr_query *query;
} wr_cte;

typedef enum wr_query_kind {
    WR_Q_SELECT,
    WR_Q_VALUES,
    WR_Q_UNION,
    WR_Q_INTERSECT,
    WR_Q_EXCEPT
} wr_query_kind;
struct wr_query {
    wr_query_kind kind;
    wr_loc loc;
    wr_cte *ctes;
    uint32_t n_ctes;
    /* SELECT */
    bool stream, distinct;
    wr_item *items;
    uint32_t n_items;
    wr_from *from; /* NULL: none; commas are CROSS joins with comma set */
    wr_ast *where, *having, *qualify;
    wr_group *groups;
    uint32_t n_groups;
    bool has_group, stagger; /* stagger: WINDOWED BY STAGGER (PARTITION BY … RANGE …) in stagger_window */
    wr_window *stagger_window;
    wr_window *windows;
    uint32_t n_windows;
    /* VALUES: rows of args */
    wr_ast **rows; /* WR_A_ROW each */
    uint32_t n_rows;
    /* set operation */
    wr_query *left, *right;
    bool all;
    /* any */
    wr_sort *order;
    uint32_t n_order;
    wr_ast *order_within; /* KDA: ORDER BY ts WITHIN INTERVAL */
    wr_ast *limit, *offset;
    wr_ast **limit_by; /* LIMIT n BY: so many rows for each value of these */
    uint32_t n_limit_by;
    wr_emit_clause emit;
};

/* ---- statements ---- */
typedef enum wr_stmt_kind {
    WR_S_CREATE_STREAM, /* and TABLE: is_table */
    WR_S_CREATE_VIEW,
    WR_S_CREATE_PUMP,
    WR_S_CREATE_FUNCTION,
    WR_S_INSERT,
    WR_S_QUERY,
    WR_S_EXPLAIN,  /* of inner */
    WR_S_SHOW,     /* name.parts[0]: STREAMS, FUNCTIONS, … */
    WR_S_DESCRIBE, /* name */
    WR_S_SET,      /* name, value */
    WR_S_DROP,     /* what: STREAM, TABLE, VIEW, PUMP, FUNCTION; name */
    WR_S_ALTER     /* what: PUMP, STREAM; action: START, STOP, RESET; names */
} wr_stmt_kind;

typedef struct wr_column_def {
    wr_ident name;
    wr_type type;     /* kind NULL: none written (computed column) */
    wr_ast *computed; /* name AS expr */
    const char *path; /* type FROM '$.a.b' */
    bool metadata;    /* METADATA [FROM 'key'] (then path is the key) */
    bool primary_key;
    wr_loc loc;
} wr_column_def;
typedef struct wr_option_def { /* WITH (key = value) */
    wr_ident key;
    const char *value; /* as text; strings without quotes */
    wr_loc loc;
} wr_option_def;
typedef struct wr_param {
    wr_ident name;
    wr_type type;
} wr_param;

typedef struct wr_stmt {
    wr_stmt_kind kind;
    wr_loc loc;
    bool or_replace, if_not_exists, if_exists, is_table, is_temporary;
    wr_name name;
    const char *description;
    /* CREATE STREAM */
    wr_column_def *columns;
    uint32_t n_columns;
    wr_ident wm_column; /* WATERMARK FOR wm_column AS wm_expr; text NULL: none */
    wr_ast *wm_expr;
    wr_ident rowtime; /* ROWTIME FROM column */
    wr_ident *primary_key;
    uint32_t n_primary_key;
    wr_option_def *options;
    uint32_t n_options;
    /* VIEW, INSERT, PUMP, QUERY, CREATE STREAM … AS */
    wr_query *query;
    wr_name target; /* INSERT INTO target [(target_columns)], also inside PUMP */
    wr_ident *target_columns;
    uint32_t n_target_columns;
    bool started, stopped, expedited; /* PUMP */
    /* FUNCTION */
    wr_param *params;
    uint32_t n_params;
    wr_type returns;
    wr_ast *body;
    const char *extension; /* EXTENSION 'file.so' */
    wr_loc extension_loc;
    bool deterministic, not_deterministic, null_on_null;
    bool is_aggregate; /* CREATE AGGREGATE FUNCTION */
    /* EXPLAIN, SET, DROP, ALTER, SHOW */
    struct wr_stmt *inner;
    const char *what, *action, *value, *format; /* EXPLAIN [(FORMAT JSON)]: format */
    bool analyze;
    wr_name *names;
    uint32_t n_names;
} wr_stmt;

typedef struct wr_script {
    wr_stmt **stmts; /* those that parsed */
    uint32_t n;
} wr_script;

/* Parses d->text (d->len bytes). Syntax errors go to d; statements around them are still returned.
 * WR_OK: no errors. WR_ESQL: see d. WR_ENOMEM. */
wr_status wr_parse(wr_arena *ar, wr_diags *d, wr_script *outp) WR_MUST_USE;
/* SQL text of the tree; statements end in ";\n". */
wr_status wr_stmt_print(const wr_stmt *s, wr_buf *out) WR_MUST_USE;
wr_status wr_query_print(const wr_query *q, wr_buf *out) WR_MUST_USE;
wr_status wr_ast_print(const wr_ast *e, wr_buf *out) WR_MUST_USE;
/* Structural equality, places ignored. */
bool wr_stmt_equal(const wr_stmt *a, const wr_stmt *b);
bool wr_ast_equal(const wr_ast *a, const wr_ast *b);
const char *wr_unit_name(wr_unit u);
/* The unit of that name in any case, also in the plural; WR_U_OTHER: none. */
wr_unit wr_unit_by_name(const char *name, size_t n);

#endif
