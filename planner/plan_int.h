/* planner/plan_int.h -- between the files that turn queries into nodes. Private to planner/.
 *
 *   script.c   walks the statements, collects outputs, runs the rules, numbers the nodes
 *   catalog.c  streams, views, functions; who feeds a stream, what its readers read
 *   query.c    SELECT, VALUES                       order.c  ORDER BY and LIMIT     setop.c  UNION,
 * INTERSECT, EXCEPT from.c     items of FROM; names in scope join_from.c, join_sub.c   joins as written,
 * subqueries in WHERE    join.c  which join it is subquery.c   subqueries as values group.c    GROUP BY and
 * aggregates          window.c, session.c  window specifications over.c, rank.c   OVER, WINDOW, QUALIFY;
 * ranks that change build.c    makes nodes                      rules.c, prune.c  rewrite the whole DAG
 *   stage.c    numbers and stages               explain.c  says it all
 *
 * Columns of a node: the first n_vis are what `*` gives; hidden ones follow (the time attribute when it
 * was not selected, ORDER BY keys, columns that a late_output stream wants). Hidden columns cost nothing:
 * what no node needs is pruned.
 *
 * Failure: a function that returns a pointer returns NULL after it reported to the diagnostics, or with
 * ctx->oom set. One thread, no globals. */
#ifndef WR_PLAN_INT_H
#define WR_PLAN_INT_H

#include "planner_int.h"

/* What is known of a column: is it a border of a window, and which node made that window. */
typedef enum wri_role { WRI_ROLE_NONE, WRI_ROLE_START, WRI_ROLE_END, WRI_ROLE_TIME } wri_role;
typedef struct wri_prop {
    wri_role role;
    const wr_node *origin; /* WINDOW, AGG_GLOBAL, UNION or a join; start and end belong together when equal */
    bool rises;            /* event time like the node's time_col: see wri_is_time */
    bool counts;           /* a rank: 1 or more */
    bool was_time;         /* event time before a window function gave the rows another */
} wri_prop;

/* A node while planning; every wr_node made here is the first member of one. */
typedef struct wri_xnode {
    wr_node n;
    wri_prop *props; /* n.out.n of them */
    uint32_t n_vis;
    const wr_node *changes_by; /* updating: the node below, or this, that made the changes */
    const char *changes_what;  /* of that node: "GROUP BY … EMIT CHANGES" */
    bool keyed2;               /* as n.keyed, by n.key: another way to tell rows apart */
    uint32_t *key2;
    uint32_t n_key2;
    wr_node *late;       /* LATE node that rows of this node go to when they are late, or NULL */
    uint32_t *late_cols; /* late->out.n columns of this node, WR_NO_COL: NULL */
    /* The same rows without the window columns of bare_of: see wri_unwindow. */
    const wr_node *bare_of;
    wr_node *bare;
    uint32_t *bare_map; /* this node's column -> bare's, WR_NO_COL: a window column */
    /* Rules. */
    wr_node *fwd;    /* replaced by; chased by wri_chase */
    uint32_t uses;   /* how many inputs point here */
    uint32_t mark;   /* of the last walk that came by */
    bool *need;      /* per column: some consumer reads it */
    bool *dict;      /* per column: dictionary codes would be used */
    bool need_wm;    /* some consumer works with event time */
    uint32_t *map;   /* old column -> new column after pruning */
    uint32_t stage1; /* stage + 1; 0: not staged yet */
    bool placed;     /* somebody behind it goes by the places of rows */
} wri_xnode;
static inline wri_xnode *wri_x(const wr_node *n) { return (wri_xnode *)(uintptr_t)n; }

typedef struct wri_stream wri_stream;
typedef enum wri_state { WRI_NEW, WRI_BUSY, WRI_DONE } wri_state;

/* INSERT INTO, pump, CREATE STREAM … AS, or a stream's late rows. */
typedef struct wri_feed {
    const wr_stmt *stmt;   /* NULL: late rows */
    const wr_query *query; /* NULL: late rows */
    uint32_t seq;          /* number of the statement */
    wri_stream *into;
    const char *label;
    const wr_ident *pump; /* NULL: no pump */
    wri_stream *late_of;  /* the stream whose late rows these are, or NULL */
    bool off;             /* a pump that is stopped or dropped: does not feed */
    bool dropped;         /* nobody finds the pump any more */
    wri_state query_state;
    wr_node *rows; /* the query's own columns */
    wri_state state;
    wr_node *node; /* in the columns of `into`; NULL: not planned or failed */
    struct wri_feed *next_into, *next;
} wri_feed;

struct wri_stream {
    wr_plan_stream *def;
    const wr_stmt *stmt;  /* NULL: predefined or made for late rows */
    uint32_t from, until; /* statements from < seq <= until see it */
    const wr_with *connector, *format;
    wri_feed *as;        /* CREATE STREAM … AS without columns or their types: they come from it */
    wri_feed *feeds;     /* in script order */
    wri_stream *late_to; /* def->late_output */
    wr_loc late_loc;     /* of that option */
    wr_node *late;       /* the LATE node, made on first use */
    wri_state state;     /* of node */
    wr_node *node;       /* what readers read */
    wr_expr **computed;  /* per column: over the stream's columns; NULL entries: physical */
    wr_expr *wm;         /* over the stream's columns */
    bool broken;         /* the declaration has errors, which were reported */
    bool errors;         /* error_stream */
    bool used;           /* read by a query */
    wri_stream *next;
};

typedef struct wri_view {
    const wr_stmt *stmt;
    uint32_t seq, until; /* statements seq < s <= until see it */
    wri_state state;
    wr_node *node;
    wr_field *fields; /* its visible columns as planned, for DESCRIBE: rules change the node */
    uint32_t n_fields;
    struct wri_view *next;
} wri_view;

typedef struct wri_func { /* CREATE FUNCTION */
    wr_stmt *stmt;
    const wr_func_def *native; /* EXTENSION's; NULL: RETURN's */
    const wr_agg_def *agg;     /* EXTENSION's, of an aggregate */
    uint32_t seq, until;
    struct wri_func *next;
} wri_func;

struct wri_ctx;
/* The function that an EXTENSION has, checked with it; NULL after a report, or out of memory. */
const wr_func_def *wri_extension_func(struct wri_ctx *c, const wr_stmt *s);
const wr_agg_def *wri_extension_agg(struct wri_ctx *c, const wr_stmt *s);

typedef struct wri_ctx {
    wr_arena *ar;
    wr_diags *d;
    const wr_registry *reg;
    const wr_script *script;
    wri_stream *streams;
    wri_view *views;
    wri_func *funcs;
    wri_feed *feeds, **last_feed;
    uint32_t only; /* plan the results of this statement only (EXPLAIN); 0: of all */
    const wr_settings *settings;
    const char *zone; /* of the session; NULL: UTC */
    wr_node **sinks;
    uint32_t n_sinks, sinks_cap;
    wr_node **nodes; /* topological order of what the sinks reach, made by wri_walk */
    uint32_t n_nodes, nodes_cap;
    uint32_t mark;
    uint32_t depth;
    bool oom;
} wri_ctx;

typedef struct wri_cte { /* innermost first */
    const wr_ident *name;
    wr_node *node;
    const struct wri_cte *next;
} wri_cte;
typedef struct wri_q { /* where a query stands */
    wri_ctx *c;
    uint32_t seq; /* of its statement */
    bool kda;
    bool changes; /* EMIT CHANGES behind it, or behind the query whose FROM it is */
    const wri_cte *ctes;
    const wri_subs *subs;   /* of the SELECT being planned */
    const wri_scope *outer; /* of the query that this one is a value in, or NULL */
} wri_q;

typedef struct wri_cols { /* output columns being collected */
    wr_expr **exprs;
    const char **names;
    uint32_t n, cap;
} wri_cols;

typedef struct wri_group wri_group;
typedef struct wri_over wri_over;
typedef struct wri_select { /* a SELECT being planned */
    wri_q *q;
    const wr_query *y;
    wr_node *in; /* FROM and WHERE */
    wri_scope scope;
    wri_binder b; /* items and ORDER BY */
    wri_cols out; /* items, then hidden ORDER BY columns */
    uint32_t n_items;
    wr_sort_key *order;
    uint32_t n_order;
    uint32_t *limit_by; /* y->n_limit_by columns of out */
    wri_group *g;       /* NULL: not grouped */
    wri_over *over;     /* calls with OVER found so far; NULL: none */
    wri_binder below;   /* binds what stands inside OVER and its calls */
    bool in_qualify;    /* aliases of items are known */
    wr_expr *qualify;   /* NULL: none */
} wri_select;

/* ---- script.c ---- */
#define wri_error(c, loc, hint, ...) wr_diag_add((c)->d, WR_ERROR, WR_ESQL, (loc), (hint), __VA_ARGS__)
#define wri_unsupported(c, loc, hint, ...)                                                                   \
    wr_diag_add((c)->d, WR_ERROR, WR_EUNSUPPORTED, (loc), (hint), __VA_ARGS__)
/* Hint "did you mean 'x'?" or NULL. */
const char *wri_suggest(wri_ctx *c, const char *near);
void wri_binder_init(wri_q *q, wri_binder *b, const wri_scope *scope);
/* As _init, with a hook that refuses aggregates; where: "WHERE", with a hint. */
void wri_binder_scalar(wri_q *q, wri_binder *b, const wri_scope *scope, const char *where);
/* What no expression may hold, or not here: subqueries, OVER, aggregates, borders of windows. &wri_failed
 * after reporting, NULL: nothing to refuse. */
wr_expr *wri_refuse(wri_binder *b, const wr_ast *e, const char *where);
/* The part behind the underscore when the name is that of a window's border (TUMBLE_START), else NULL. */
const char *wri_border_part(const char *name);
/* Something failed: when nobody has reported an error it was memory, which the binder does not report. */
void wri_failed_silently(wri_ctx *c);
uint32_t wri_line(const wri_ctx *c, wr_loc loc);
bool wri_setting_given(const wri_ctx *c, const char *name); /* by a SET statement */
bool wri_is_output(const wri_ctx *c, uint32_t seq); /* the statement's results are wanted in this plan */

/* The plan of EXPLAIN's statement number seq alone. */
wr_status wri_explain_stmt(wri_ctx *outer, uint32_t seq, wr_plan *plan);

/* ---- notes.c: SHOW, DESCRIBE, EXPLAIN ---- */
bool wri_notes(wri_ctx *c, wr_plan *plan);

/* ---- catalog.c ---- */
bool wri_catalog_init(wri_ctx *c);
/* After all statements: late_output names meet their streams. */
void wri_catalog_link(wri_ctx *c);
void wri_create_stream(wri_ctx *c, const wr_stmt *s, uint32_t seq);
void wri_create_view(wri_ctx *c, const wr_stmt *s, uint32_t seq);
void wri_create_function(wri_ctx *c, wr_stmt *s, uint32_t seq);
/* Whether a statement sees an aggregate function of the script's by this name. */
bool wri_is_user_agg(const wri_q *q, const wr_ident *name);
void wri_create_pump(wri_ctx *c, const wr_stmt *s, uint32_t seq);
void wri_drop(wri_ctx *c, const wr_stmt *s, uint32_t seq);
void wri_alter(wri_ctx *c, const wr_stmt *s, uint32_t seq);
wri_feed *wri_add_feed(wri_ctx *c, const wr_stmt *s, uint32_t seq, wri_stream *into, const char *label);
wri_stream *wri_find_stream(wri_ctx *c, const wr_name *name, uint32_t seq);
wri_view *wri_find_view(wri_ctx *c, const wr_name *name, uint32_t seq);
/* Reports that no stream, view or CTE has this name. */
void wri_no_such(wri_q *q, const wr_name *name, const char *what);
/* INSERT's target, or NULL after reporting. */
wri_stream *wri_target(wri_ctx *c, const wr_name *name, uint32_t seq);

/* ---- with.c: WITH (…) ---- */
bool wri_stream_options(wri_ctx *c, const wr_stmt *s, wri_stream *st);
/* Whether st's format can read, or write, its columns; reported if not. */
bool wri_format_fits(wri_ctx *c, const wri_stream *st, bool write);

/* ---- columns.c ---- */
/* rows: of the query behind AS when the columns or their types come from it, else NULL. */
bool wri_bind_columns(wri_ctx *c, wri_stream *st, uint32_t seq, const wr_node *rows);

/* ---- feeds.c: what feeds a stream, what its readers read ---- */
/* The columns of st are known (plans its AS query when they come from that). */
bool wri_stream_ready(wri_ctx *c, wri_stream *st);
/* st's SOURCE, which has its column i at at[i]: the first n_cols decoded, the others computed. */
bool wri_fill_source(wri_ctx *c, wr_node *n, const wri_stream *st, const uint32_t *at, uint32_t n_cols);
/* A stream whose records tell of changes (changelog.c). */
wr_node *wri_changelog_source(wri_ctx *c, wri_stream *st);
/* What a reader of st reads; NULL after reporting at loc. */
wr_node *wri_read_stream(wri_q *q, wri_stream *st, wr_loc loc);
/* The same as a table that is asked by key, for one join: a SOURCE, or a PROJECT of one that puts its columns
 * in order. NULL: st cannot be that, or out of memory (c->oom). */
wr_node *wri_lookup_table(wri_ctx *c, wri_stream *st, wr_loc loc);
wr_node *wri_read_view(wri_q *q, wri_view *v, wr_loc loc);
/* Plans the feed's query, cast to the stream's columns. */
wr_node *wri_plan_feed(wri_ctx *c, wri_feed *f);
void wri_warn_unread(wri_ctx *c);
void wri_plan_sinks(wri_ctx *c, wri_stream *st);

/* ---- query.c ---- */
wr_node *wri_plan_query(wri_q *q, const wr_query *y);
/* EMIT EARLY and ALLOWED LATENESS stand where there is something to correct. */
bool wri_emit_clause(wri_q *q, const wr_query *y);
/* n with these names for its visible columns; what: "view v", for the message when the number is wrong. */
wr_node *wri_rename(wri_ctx *c, wr_node *n, const wr_ident *names, uint32_t n_names, const char *what,
                    wr_loc loc);
bool wri_has_aggregate(const wri_q *q, const wr_ast *e);
bool wri_bind_outputs(wri_select *s);

/* ---- setop.c ---- */
wr_node *wri_plan_set(wri_q *q, const wr_query *y); /* without ORDER BY and LIMIT */

/* ---- order.c ---- */
/* n, which has the columns of s->out, with ORDER BY, LIMIT and OFFSET. */
wr_node *wri_order_limit(const wri_select *s, wr_node *n);

/* ---- from.c ---- */
wr_node *wri_plan_from(wri_q *q, const wr_from *f, wri_scope *scope);
bool wri_scope_of(wri_ctx *c, const wr_node *n, const char *qualifier, const wr_ident *names, wri_scope *sc);

/* ---- match.c ---- */
/* f->match over the rows of in, which scope names. */
wr_node *wri_plan_match(wri_q *q, const wr_from *f, wr_node *in, const wri_scope *scope);

/* ---- window.c ---- */
typedef struct wri_win_args { /* of a window function; NULL: not given */
    wr_win_kind kind;
    const char *fn; /* "TUMBLE" */
    const wr_ast *data, *time, *size, *slide, *offset;
} wri_win_args;
/* Which window function name is: TUMBLE, HOP, CUMULATE, NONE: none of them. */
wr_win_kind wri_window_fn(const wr_name *name);
/* tvf: data and DESCRIPTOR come first; else the time column. */
bool wri_win_args_read(wri_q *q, const wr_ast *call, bool tvf, wri_win_args *outp);
/* Sizes checked and put into *win (time_col is left alone); time: type of the time column. */
bool wri_win_spec(wri_q *q, const wri_win_args *a, wr_type time, wr_loc loc, wr_win *win);
wr_node *wri_plan_tvf(wri_q *q, const wr_from *f);
/* The rows of a table argument: TABLE name, (query), CURSOR(query) or a bare name; by_key: with PARTITION BY,
 * which is the caller's. NULL after a report. */
wr_node *wri_table_arg_rows(wri_q *q, const wr_ast *d, const char *fn, bool by_key, wri_scope *scope);
/* "is not the time attribute": says which column is, or how to declare one. */
void wri_not_time(wri_ctx *c, const wr_node *in, wr_loc loc, const char *fn, const char *found);
/* node without the WINDOW node w; *mapp: node's columns there. NULL when something between reads the window
 * columns. */
wr_node *wri_unwindow(wri_ctx *c, wr_node *node, const wr_node *w, const uint32_t **mapp);
/* "1 min", "90 s", "1 h 30 min": to be read by people. */
const char *wri_duration(wr_arena *ar, int64_t us);

/* ---- window_floor.c ---- */
typedef struct wri_floor { /* tumbling windows made by an expression over event time */
    int64_t size_us, offset_us;
    int64_t grain; /* the values of the expression are multiples of it */
    bool ceil;     /* CEIL: a window ends with its last tick, not before it */
} wri_floor;
/* Whether e is constant within tumbling windows of time_col and differs between them. tick: as in wr_win. */
bool wri_floor_of(const wr_expr *e, uint32_t time_col, int64_t tick, wri_floor *outp);

/* ---- join.c, join_from.c, join_sub.c ---- */
typedef struct wri_join { /* a join to be built */
    wri_q *q;
    wr_join_type type;
    bool everywhere; /* in[1] is small: every task gets all of it, and in[0] stays where it is */
    bool null_aware; /* NOT IN: the last of conds is x = item */
    wr_node *in[2];
    wr_expr **conds; /* conjuncts over in[0]'s columns, then in[1]'s */
    uint32_t n_conds, conds_cap;
    wr_expr *as_of;     /* FOR SYSTEM_TIME AS OF, over in[0]; NULL: none */
    const uint32_t *pk; /* primary key among the columns of in[1] */
    uint32_t n_pk;
    wr_node *tables[2];   /* in[], when it can be asked by key instead: what is asked; else NULL */
    const char *names[2]; /* of the sides, for hints */
    wr_loc loc;
} wri_join;
bool wri_join_add(wri_join *j, wr_expr *e); /* adds the conjuncts of e */
wr_node *wri_build_join(wri_join *j);
/* ---- subquery.c: subqueries as values ---- */
/* Whether e is one: (SELECT …), EXISTS, IN (SELECT …). */
bool wri_is_subquery(const wr_ast *e);
/* s->in, the input of s's WHERE, with what the subqueries of s give in columns behind its own; binders of s
 * find them from then on. where: conditions that are joins, which are left out. */
typedef struct wri_where wri_where;
bool wri_add_subqueries(wri_select *s, const wri_where *where);
/* The value of e over s->in; NULL: none is known. */
wr_expr *wri_sub_value(const wri_subs *subs, const wr_ast *e);

struct wri_where { /* conjuncts of WHERE; joins take those that they can ask */
    const wr_ast **items;
    uint32_t n, cap;
    bool *used;
};
bool wri_split_where(wri_ctx *c, const wr_ast *e, wri_where *w);
/* A join of FROM. where: NULL, or what may be asked here already. */
wr_node *wri_plan_join(wri_q *q, const wr_from *f, wri_where *where, wri_scope *scope);
/* Every condition of WHERE that is not used: filters, then subqueries. */
wr_node *wri_apply_where(wri_q *q, wr_node *n, const wri_scope *scope, wri_where *w);
/* Columns of l as they are, then those of r behind the n_l columns of l's node. */
bool wri_scope_concat(wri_ctx *c, const wri_scope *l, uint32_t n_l, const wri_scope *r, wri_scope *out);
/* Whether a condition of WHERE is a join: [NOT] IN or EXISTS with a subquery. */
bool wri_is_semi_join(const wr_ast *e);
/* e bound where scope has all its names, else NULL; nothing is reported. */
wr_expr *wri_bind_quietly(wri_q *q, const wri_scope *scope, const wr_ast *e);

/* ---- group.c ---- */
/* s->in, s->scope are set; binds keys, items, HAVING, ORDER BY. The node has HAVING applied and s->out's
 * expressions are over it. */
wr_node *wri_plan_group(wri_select *s);
/* Column col of the input (name as written) inside a grouped SELECT. */
wr_expr *wri_group_col(wri_group *g, uint32_t col, const char *name, wr_loc loc);
/* One row per distinct combination of s's items, which are over n; afterwards they are over the result. what:
 * the clause, for messages. counts: columns of the result with how many values cols[0..n_cols) of n have. */
wr_node *wri_plan_distinct(wri_select *s, wr_node *n, const char *what, const uint32_t *cols, uint32_t n_cols,
                           uint32_t *counts);

/* ---- over.c ---- */
/* Items, ORDER BY and QUALIFY of s may hold calls with OVER from now until _end. */
void wri_over_begin(wri_select *s);
void wri_over_end(wri_select *s);
/* n with a column for every such call; s's expressions, which were over n, are over the result. */
wr_node *wri_plan_over(wri_select *s, wr_node *n);
/* Whether a conjunct of f, a FILTER above an OVER, says how many rows of a partition are wanted: told to the
 * OVER. */
void wri_over_top(const wr_node *f);

/* ---- rank.c: ranks that change ---- */
/* f, a FILTER above a RANK that only f reads: what it says of a rank becomes the RANK's own. True: nothing
 * is left of f. */
bool wri_rank_top(wri_ctx *c, wr_node *f);
/* The keys of FILTER n without the columns that it holds to one value. */
void wri_filter_key(wr_node *n);
/* A sink tells the rows of its updating input apart by its input's key, or its key2. */
void wri_rank_told(const wr_node *sink, bool key2);

/* ---- grouping.c ---- */
/* Adds a key of GROUP BY; *idxp: its number. */
typedef bool wri_add_key(void *ctx, const wr_ast *e, uint32_t *idxp);
/* Walks GROUP BY: calls add for every expression; *setsp: the keys of each grouping set as bits, *np of
 * them. simple: no GROUPING SETS, ROLLUP, CUBE; then there is one set of all keys and no bits. */
bool wri_grouping_sets(wri_ctx *c, const wr_query *y, wri_add_key *add, void *ctx, uint64_t **setsp,
                       uint32_t *np, bool *simplep);

/* ---- aggregate.c ---- */
typedef struct wri_call {
    wr_agg_call call;
    wr_expr *args[WR_AGG_ARGS_MAX];
    wr_expr *filter; /* NULL: none */
} wri_call;
typedef struct wri_agg { /* an aggregation to be built over in */
    wr_node *in;
    wr_win win;            /* TUMBLE, HOP, CUMULATE: time_col in in; ATTACHED: start_col, end_col in in */
    const wr_node *origin; /* the WINDOW node whose columns win stands for, or NULL */
    bool end_is_time;      /* window_end is the result's event time, not window_time: see group.c */
    wr_expr **keys;        /* over in */
    const char **key_names;
    uint32_t n_keys;
    wri_call *calls;
    uint32_t n_calls, calls_cap;
    uint64_t *sets; /* per grouping set the keys in it; n_sets 1: all keys, unread */
    uint32_t n_sets;
    bool each_batch;               /* EMIT CHANGES */
    int64_t every_us, lateness_us; /* EMIT EARLY, ALLOWED LATENESS; 0: not */
    const char *what;              /* "GROUP BY … EMIT CHANGES": what makes results updating */
    wr_loc loc;
} wri_agg;
/* Columns of the result: [window_start, window_end, window_time], keys, [a 0/1 column per key when
 * n_sets > 1: 1 where the set lacks it], one per call. */
wr_node *wri_build_agg(wri_ctx *c, wri_agg *a);
uint32_t wri_agg_base(const wri_agg *a);                        /* column of the first key */
uint32_t wri_agg_calls_base(const wri_agg *a);                  /* column of the first call */
wr_type wri_border_type(const wri_agg *a, const wr_node *rows); /* of window_start and the like */
const char *wri_call_name(wri_ctx *c, const wr_agg_call *k, const wr_node *rows);
/* Adds NAME(arg), or NAME(*) for NULL, to a->calls as the last. */
bool wri_add_call(wri_ctx *c, wri_agg *a, const char *name, wr_expr *arg);
/* The body of an aggregate function s, over its parameters alone; NULL after a report. */
wr_ast *wri_check_user_agg(wri_q *q, const wr_stmt *s, const wri_scope *params);
/* Binds an aggregate call with b (over a->in); *idxp: which of a->calls. */
bool wri_bind_agg(wri_ctx *c, wri_binder *b, const wr_ast *e, wri_agg *a, uint32_t *idxp);

/* ---- table_fn.c: table functions of the registry ---- */
const wr_table_fn *wri_table_fn(const wr_registry *reg, const wr_name *name); /* NULL: none of that name */
wr_node *wri_plan_table_fn(wri_q *q, const wr_table_fn *fn, const wr_from *f);

/* ---- session.c ---- */
typedef struct wri_key_list { /* PARTITION BY */
    const wr_ast *const *items;
    uint32_t n;
    wr_loc loc;
} wri_key_list;
/* Columns of PARTITION BY, each once; an expression gets a hidden column, in a PROJECT that takes *inp's
 * place. keys has room for by->n. */
bool wri_partition_cols(wri_q *q, wr_node **inp, const wri_scope *scope, const wri_key_list *by,
                        uint32_t *keys, uint32_t *np);
/* SESSION(data …): in's rows with their session; scope: in's columns. */
wr_node *wri_session_rows(wri_q *q, wr_node *in, const wri_scope *scope, const wr_ast *data,
                          const wr_win *win, wr_loc loc);
/* The sessions of rows by keys, aggregated. */
wr_node *wri_session_agg(wri_ctx *c, const wri_agg *a, wr_node *rows, const uint32_t *keys, uint32_t n_keys);
/* Refuses results of sessions before they close, or corrected ones, where their rows are kept. */
bool wri_session_emits(wri_ctx *c, const wri_agg *a);
/* Whether a, over rows with their session, groups by exactly what the sessions are made by. */
bool wri_session_fuses(const wri_agg *a);
/* Whether FILTER f above the SESSION s keeps sessions whole: it asks for nothing but their keys. */
bool wri_session_whole(const wr_node *f, const wr_node *s);

/* ---- build.c ---- */
void *wri_new(wri_ctx *c, size_t bytes); /* zeroed; NULL sets oom */
void *wri_new_n(wri_ctx *c, size_t n, size_t size);
const char *wri_text(wri_ctx *c, const char *fmt, ...) WR_PRINTF(2, 3);
/* A place for one more item at the end of *itemsp; NULL sets oom. */
void *wri_new_last(wri_ctx *c, void *itemsp, uint32_t *np, uint32_t *capp, size_t size);
bool wri_cols_add(wri_ctx *c, wri_cols *cols, wr_expr *e, const char *name);
wr_node *wri_node_new(wri_ctx *c, wr_node_kind kind, wr_loc loc, uint32_t n_in, wr_node *const *in,
                      uint32_t n_out);
/* Rows that come too late for n go where its inputs say. */
bool wri_takes_late(wri_ctx *c, wr_node *n);
wr_node *wri_filter_node(wri_ctx *c, wr_node *in, wr_expr *pred, wr_loc loc);
/* n_vis of cols are visible. Carries the time attribute and late columns along as hidden columns. */
wr_node *wri_project_node(wri_ctx *c, wr_node *in, const wri_cols *cols, uint32_t n_vis, wr_loc loc);
wr_node *wri_window_node(wri_ctx *c, wr_node *in, const wr_win *win, wr_loc loc);
/* in with what clocks of the session show as its time attribute; in itself, if that is so or makes no
 * difference. */
wr_node *wri_clock_node(wri_ctx *c, wr_node *in, wr_loc loc);
/* Inputs have the same visible columns. One input is returned as it is. */
wr_node *wri_union_node(wri_ctx *c, wr_node *const *ins, uint32_t n, wr_loc loc);
wr_node *wri_exchange_node(wri_ctx *c, wr_node *in, wr_exchange_mode mode, const uint32_t *keys,
                           uint32_t n_keys, wr_loc loc);
wr_node *wri_sort_node(wri_ctx *c, wr_node *in, const wr_sort_key *keys, uint32_t n_keys, int64_t limit,
                       int64_t offset, wr_loc loc);
/* Exactly in's visible columns go to the sink. */
/* In the order of keys, the first of which is complete up to watermark + lag_us once that is reached; rows
 * leave at most holds_us after the watermark has passed their event time. */
wr_node *wri_sort_time_node(wri_ctx *c, wr_node *in, const wr_sort_key *keys, uint32_t n_keys, int64_t lag_us,
                            int64_t holds_us, wr_loc loc);
wr_node *wri_sink_node(wri_ctx *c, wr_node *in, const wr_plan_stream *stream, const char *label, wr_loc loc);
const wr_with *wri_sink_connector(const wr_registry *reg, const wr_node *sink); /* NULL: unknown */
/* Decides how sink writes changes; false after reporting that it cannot. key: its columns that make up the
 * stream's primary key. */
bool wri_sink_changelog(wri_ctx *c, wr_node *sink, uint32_t *key, uint32_t n_key);
wr_node *wri_values_node(wri_ctx *c, const wri_cols *cols, wr_value *rows, uint32_t n_rows, wr_loc loc);
wr_expr *wri_col_of(wri_ctx *c, const wr_node *n, uint32_t col, wr_loc loc);
/* Whether column col is event time that the watermark of n's rows speaks of: n's time attribute, or another
 * column that rises with it (both times of an interval join). */
static inline bool wri_is_time(const wr_node *n, uint32_t col) {
    return col == n->time_col || wri_x(n)->props[col].rises;
}
/* Whether rows of equal col stand in the order of their source, since they came in that order. */
static inline bool wri_was_time(const wr_node *n, uint32_t col) {
    return wri_is_time(n, col) || wri_x(n)->props[col].was_time;
}
/* n with col, which is such a column, as its time attribute; columns keep their numbers. */
wr_node *wri_with_time(wri_ctx *c, wr_node *n, uint32_t col);
wr_expr *wri_subst(wri_ctx *c, const wr_expr *e, wr_expr *const *repl); /* columns replaced by repl[col] */
bool wri_types_same(wr_type a, wr_type b);
bool wri_reads_col(const wr_expr *e, uint32_t col);
bool wri_reads(const wr_expr *e, bool (*is)(void *ctx, uint32_t col), void *ctx);
/* e, or its value when it has no columns and can be computed now. */
wr_expr *wri_fold(wri_binder *b, wr_expr *e);
/* Nodes of e when column c has sizes[c] of them (NULL: one), at most max + 1. */
uint32_t wri_expr_size(const wr_expr *e, const uint32_t *sizes, uint32_t max);
bool wri_is_deterministic(const wr_expr *e);
/* Columns that consumers see: out.n, but a source's n_visible. */
uint32_t wri_width(const wr_node *n);
/* e as `to` by the rules of INSERT; false after reporting at loc. what: "column 'x'". */
wr_expr *wri_assign(wri_binder *b, wr_expr *e, wr_type to, const char *what, wr_loc loc);

/* ---- changes.c: updating results ---- */
/* n's rows are changes from here on; what: "GROUP BY … EMIT CHANGES", for messages. At most one row stands
 * for each value of the columns key[0..n_key) of n; key NULL: nothing tells rows apart. */
bool wri_makes_changes(wri_ctx *c, wr_node *n, const char *what, const uint32_t *key, uint32_t n_key);
/* n has its input's keys, columns having kept their numbers. */
bool wri_keep_keys(wri_ctx *c, wr_node *n);
/* n, whose columns are exprs over its only input's, is told apart by what its input is told apart by, when
 * the columns are all there. */
bool wri_project_key(wri_ctx *c, wr_node *n, wr_expr *const *exprs);
/* "GROUP BY … EMIT CHANGES at f.sql:3" of what makes n's rows changes. */
const char *wri_changes_of(wri_ctx *c, const wr_node *n);
/* Reports every node that reads changes and cannot. */
bool wri_check_changes(wri_ctx *c);

/* ---- rules.c, prune.c, stage.c ---- */
bool wri_rules(wri_ctx *c); /* prunes, too */
/* Whether evaluating e can never make an error row. */
bool wri_cannot_fail(const wr_expr *e);
bool wri_prune(wri_ctx *c);
bool wri_walk(wri_ctx *c);  /* fills c->nodes, counts uses */
void wri_chase(wri_ctx *c); /* inputs that were replaced point at the replacement */
bool wri_stages(wri_ctx *c, wr_plan *plan);

#endif
