/* planner/planner.h -- syntax tree to typed plan. The one header of planner/, with registry.h.
 *
 *   script ─► catalog (streams, views) ─► bound queries ─► rules ─► plan: a DAG of nodes ─► stages
 *
 * A plan is immutable once made and lives in the caller's arena; run-time state is a parallel tree in
 * runtime/. What functions, aggregates, connectors and formats exist comes in a wr_registry, so that
 * nothing here points at runtime/ or connectors/. */
#ifndef WR_PLANNER_H
#define WR_PLANNER_H

#include "registry.h"
/* ---- streams of the catalog ---- */
/* How a sink writes changes. A stream's AUTO becomes one of the others when its sink is planned. */
typedef enum wr_changelog {
    WR_CL_AUTO,     /* rows as they are, which must all be new; with a primary key: UPSERT */
    WR_CL_OP,       /* behind a column op: +I, -U, +U, -D */
    WR_CL_UPSERT,   /* by primary key: +I, +U, -D; the row before an update is left out */
    WR_CL_DEBEZIUM, /* columns before, after (JSON) and op: c, u, d */
    WR_CL_NONE      /* rows as they are */
} wr_changelog;
/* What is known of a record beside its bytes: columns that no format decodes. In wr_node.source.cols such a
 * column is WR_META_COL(kind); the arrival time of rows, ROWTIME, is WR_NO_COL. */
typedef enum wr_meta { WR_META_ARRIVAL, WR_META_KEY, WR_META_SHARD, WR_META_SEQUENCE, WR_META_KINDS } wr_meta;
#define WR_META_COL(kind) (WR_NO_COL - 1 - (uint32_t)(kind))
static inline bool wr_col_is_made(uint32_t col) { return col >= WR_META_COL(WR_META_KINDS - 1); }

typedef struct wr_plan_stream {
    const char *name;
    wr_loc loc;
    wr_schema columns;     /* declared order, computed ones included */
    wr_ast **computed;     /* per column: its expression, or NULL for a physical one */
    uint8_t *metadata;     /* per column: wr_meta + 1 of a METADATA column, else 0; NULL: there are none */
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
    const char *lambda;      /* URL of the function that records go through first; NULL: none */
    int64_t lambda_timeout_us, lambda_retry_for_us;
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
    WR_W_SESSION,
    WR_W_STAGGER
} wr_win_kind;
/* Windows of a row at t, all [us]:
 *   TUMBLE   one [s, s+size), s = floor((t-offset)/size)*size+offset
 *   HOP      every [s, s+size) that holds t with s ≡ offset mod slide
 *   CUMULATE [s, s+k*slide) for k = 1.. up to size, those that end after t
 *   ATTACHED rows carry their window in columns start_col, end_col
 *   SESSION  [first, last + size) of rows of a key that are at most size apart
 *   STAGGER  [first, first + size): a row of a key that lies in none begins one
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
    X(STAGGER, stagger, stagger) /* rows -> one row per window; a row of a key begins it */                  \
    X(PROMOTE, promote, promote) /* another column becomes event time; rows that go back fail */             \
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
    X(JOIN_RECENT, join_recent, join_recent) /* rows with the last n of the other side, in order of time */  \
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
            uint32_t
                told_time; /* event time where nothing works with it, for error_stream; 0: none, else + 1 */
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
             * window_end, window_time. STAGGER has nothing of what begins with `rows`. */
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
            uint32_t time;       /* the column that is event time from here on */
            uint32_t order_time; /* the time attribute of the input, WR_NO_COL: none */
            int64_t within_us;   /* rows may lie so far behind others */
        } promote;               /* out = input columns */
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
            /* INTERVAL, RECENT: of OVER behind the items of FROM. The result has a time of its own: the later
             * one of a pair; of a row that met nobody when its window let it go: its time - lo_us (in[0]),
             * + hi_us (in[1]). */
            bool recent;
            int64_t last[2]; /* RECENT: the current row of a side and so many before it; -1: by time */
            int64_t tick_us; /* WINDOW: closes at window_end - tick_us */
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
            int64_t ttl_us; /* streaming: a key without a row for so long is forgotten; 0: state_ttl says */
            int64_t top;    /* complete: only rows with this rank are wanted, or less; 0: all */
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
    int column_names;      /* 0 as written; 1 upper: CREATE STREAM's unquoted ones are kept in capitals */
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
    char time[20];     /* of a source: equal: the same event time; "": it has none */
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
/* A watermark that is a column, or a column less a constant (*delayp, else 0): most are, and need no
 * evaluator. */
bool wr_simple_watermark(const wr_expr *e, uint32_t *colp, int64_t *delayp);
const char *wr_op_name(wr_xop op);
const char *wr_node_kind_name(wr_node_kind k);

#endif
