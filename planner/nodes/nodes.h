/* planner/nodes/nodes.h -- what the planner knows of each kind of node. Private to planner/.
 *
 * A kind is one file here that ends in its wri_node_def, a line in WR_NODE_LIST and its part of struct
 * wr_node in planner.h; its operator is a file in runtime/ops/. Pruning goes over the DAG twice:
 *
 *   up    need():     x->need says which of n's columns are read; say which columns of the inputs that
 *                     takes, by wri_need and the like. Late columns are seen to by the caller.
 *   down  rebuild():  the inputs have their new columns, and each old one's new place in wri_x(in)->map
 *                     (WR_NO_COL: gone). Renumber what n reads, make n->out, fill wri_x(n)->map.
 *
 * Both return false on OOM (c->oom) only. */
#ifndef WR_PLANNER_NODES_H
#define WR_PLANNER_NODES_H

#include "../plan_int.h"

typedef struct wri_ex { /* explaining */
    const wr_plan *plan;
    const wr_registry *reg;
    wr_buf *out;
    wr_arena ar;
    bool *seen;
    wr_status (*note)(void *ctx, const wr_node *n, wr_buf *out); /* NULL: no notes */
    void *note_ctx;
    wr_status st; /* the first failure; nothing is written after it */
} wri_ex;

struct wri_same;
typedef struct wri_node_def {
    const char *name;
    bool (*need)(wri_ctx *c, wr_node *n);
    bool (*rebuild)(wri_ctx *c, wr_node *n);
    void (*explain)(wri_ex *x, const wr_node *n); /* what it does, for EXPLAIN: one line, no line end */
    /* Whether n can read rows that take earlier ones back (wr_node.updating); NULL: never, then a plan that
     * asks for it is refused. */
    bool (*takes_changes)(const wr_node *n);
    const char *clause; /* what a user wrote to get it, for that message: "ORDER BY"; NULL: name */
    /* What the rows of n depend on beside its kind and its inputs (same.c), all of it: two nodes that say the
     * same can go on with each other's state. NULL: it passes its input's rows on. */
    void (*same)(struct wri_same *x, const wr_node *n);
    uint64_t (*same_col)(struct wri_same *x, const wr_node *n, uint32_t i); /* NULL: made by n, told by i */
    bool views;      /* keeps only those columns of its inputs that `same` tells of, in that order */
    bool same_place; /* what it keeps is a place, whatever its inputs */
    /* For people, before the names of streams; NULL: clause or name. */
    void (*label)(wri_ex *x, const wr_node *n);
    const uint32_t *(*label_keys)(const wr_node *n, uint32_t *np); /* columns of its input; NULL: none */
} wri_node_def;
extern const wri_node_def *const wri_node_defs[WR_NODE_KINDS];

#define X(kind, node, op) extern const wri_node_def wri_node_##node;
WR_NODE_LIST(X)
#undef X

bool wri_takes_any_change(const wr_node *n); /* takes_changes of what passes rows on as they are */

/* ---- prune.c: up ---- */
/* Column col of in is read (WR_NO_COL: none); dict: its dictionary codes would be used. */
void wri_need(wr_node *in, uint32_t col, bool dict);
void wri_need_all(wr_node *in);
void wri_need_expr(const wr_expr *e, wr_node *in);
/* A SOURCE's own computed column e, whose codes are used when dict is set. */
void wri_need_computed(wr_node *source, const wr_expr *e, bool dict);
/* Column i of n comes from column k of in as it is. */
void wri_pass(const wr_node *n, uint32_t i, wr_node *in, uint32_t k);

/* ---- prune.c: down ---- */
static inline uint32_t wri_at(const uint32_t *map, uint32_t col) {
    return col == WR_NO_COL ? WR_NO_COL : map[col];
}
wr_expr *wri_moved(wri_ctx *c, const wr_expr *e, const uint32_t *map); /* NULL sets oom */
bool wri_same_columns(wri_ctx *c, wr_node *n);                         /* as rebuild: nothing changes */
void wri_compact_fields(wr_node *n);                                   /* columns that nobody needs go */
/* Input k gets exactly the columns want[0..n) (numbers before pruning), in order. */
bool wri_exact_input(wri_ctx *c, wr_node *n, uint32_t k, const uint32_t *want, uint32_t n_want);
bool wri_exact_columns(wri_ctx *c, wr_node *n); /* as rebuild: every input has n's columns in order */
/* n has the columns of its input, and its own last `more` behind them. */
bool wri_like_input(wri_ctx *c, wr_node *n, uint32_t more);

/* ---- same.c: what nodes are told by ---- */
typedef struct wri_same_id {
    uint64_t rows, *cols;
} wri_same_id;
typedef struct wri_same {
    const wr_plan *plan;
    const wr_registry *reg;
    wr_arena ar;
    wri_same_id *ids; /* by node */
    wr_buf text;
    wr_status st; /* the first failure */
} wri_same;
void wri_id_put(wri_same *x, const char *fmt, ...) WR_PRINTF(2, 3); /* up to 500 bytes */
void wri_id_str(wri_same *x, const char *s, size_t n);
void wri_id_name(wri_same *x, const char *s); /* NULL: as "" */
void wri_id_type(wri_same *x, wr_type t);
void wri_id_value(wri_same *x, const wr_value *v, wr_phys phys);
void wri_id_col(wri_same *x, const wr_node *in, uint32_t col);
void wri_id_cols(wri_same *x, const wr_node *in, const uint32_t *cols, uint32_t n);
void wri_id_expr(wri_same *x, const wr_expr *e, const uint64_t *cols); /* cols: of what e is over */
void wri_id_call(wri_same *x, const wr_agg_call *k, const uint64_t *cols);
void wri_id_win(wri_same *x, const wr_win *w,
                const wr_node *in); /* in NULL: its columns are told elsewhere */
void wri_id_order(wri_same *x, const wr_node *in, const wr_sort_key *keys, uint32_t n);
void wri_id_place(wri_same *x, const wr_plan_stream *s);
uint64_t wri_id_rows(const wri_same *x, const wr_node *n);
const uint64_t *wri_id_of_cols(const wri_same *x, const wr_node *n);
uint64_t wri_id_of(wri_same *x, const char *what, uint64_t a, uint64_t b); /* a hash of all three */
uint64_t wri_id_computed(wri_same *x, const wr_expr *e, const uint64_t *cols);
/* As same_col: its input's columns, then columns of its own. */
uint64_t wri_id_like_input(wri_same *x, const wr_node *n, uint32_t i);
/* ---- label.c ---- */
void wri_label_window(wri_ex *x, const wr_win *w);
void wri_label_stream(wri_ex *x, const wr_plan_stream *s, const char *word);
wr_status wri_label_all(const wr_plan *plan, const wr_registry *reg, wr_arena *ar, wr_plan_id *ids);

/* ---- explain.c ---- */
#define WRI_PUT(x, ...)                                                                                      \
    do {                                                                                                     \
        if ((x)->st == WR_OK) (x)->st = wr_buf_printf((x)->out, __VA_ARGS__);                                \
    } while (0)
void wri_tell_expr(wri_ex *x, const wr_expr *e, const wr_schema *in);
void wri_tell_runs_on(wri_ex *x, const wr_expr *e, const wr_schema *in);
void wri_tell_type(wri_ex *x, wr_type t);
void wri_tell_cols(wri_ex *x, const wr_schema *s, const uint32_t *cols, uint32_t n);
void wri_tell_options(wri_ex *x, const wr_plan_stream *s);
bool wri_tells_value(const wr_kv *option); /* it is no secret */
/* local: columns are of the node's input. */
void wri_tell_window(wri_ex *x, const wr_win *w, const wr_schema *in, bool local);
/* "COUNT(DISTINCT a) FILTER b" in terms of the columns of rows. */
void wri_tell_call(wri_ex *x, const wr_agg_call *k, const wr_schema *rows);
/* "; early every 10 s": when an aggregation gives results besides at the end. */
void wri_tell_emits(wri_ex *x, bool each_batch, int64_t every_us, int64_t lateness_us);
static inline const char *wri_col_name(const wr_schema *s, uint32_t col) {
    return col < s->n ? s->fields[col].name : "?";
}

#endif
