/* runtime/ops/match.h -- MATCH_RECOGNIZE: between the files of ops/match*.c.
 *
 *   rows in order of time ─► key ─► part: rows that a match may still need, and the search among them
 *
 * Each key is searched from one row at a time, by backtracking in the order of preference, so that the first
 * path found is the match. A search that comes to the end of the rows waits there, its path kept, until the
 * next row of the key, or until the watermark proves that no row can come in time (WITHIN). What has failed
 * once (a position at a row) is remembered: where it cannot depend on the path by a bit, so that a search
 * costs at most rows x positions; else with what conditions read of the path (match_memo). What is left, such
 * as sums that differ for every path, is counted and given up beyond a limit.
 *
 * NEXT looks at rows behind, so a row is asked about once as many of its key have come as NEXT reaches, or at
 * the end. $ waits for the end. Neither is helped by the watermark.
 *
 * A row is named by a slot. Slots with WRI_MR_FRESH are rows of the batch under way, and copied (kept) only
 * if they are needed behind it. One thread owns all. */
#ifndef WR_RUNTIME_MATCH_H
#define WR_RUNTIME_MATCH_H

#include "group_table.h"
#include "timeline.h"

#define WRI_MR_FRESH UINT32_C(0x80000000)
#define WRI_MR_NONE  UINT32_MAX
#define WRI_MR_FEW   2
/* Rows tried in one search with conditions that depend on the path; less in debug builds, which are slow. */
#ifdef WR_DEBUG
#define WRI_MR_STEPS_MAX 20000
#else
#define WRI_MR_STEPS_MAX 1000000
#endif

/* ---- rows (match_rows.c) ---- */
typedef struct wri_mrows { /* columns of kept rows by slot, those of the batch by row */
    uint32_t n_cols;       /* input columns and prevs */
    uint32_t time_col;
    bool *kept; /* per column: is read behind the batch */
    wr_col *cols;
    /* Per slot, var_bytes each: bits of variables whose quick condition holds; of those where it failed, so
     * that the whole one is to be asked. */
    uint8_t *vars;
    uint32_t var_bytes;
    bool *told; /* per slot: the row was reported as bad */
    uint32_t n, cap, *free, n_free;
    wr_batch *fresh; /* NULL: none under way */
    uint64_t *fresh_yes, *fresh_ask;
    bool *fresh_told;
} wri_mrows;

wr_status wri_mrows_init(wri_mrows *r, const wr_match_spec *s, wr_err *err) WR_MUST_USE;
void wri_mrows_free(wri_mrows *r);
/* Copies a row of the batch into a slot of its own. */
wr_status wri_mrows_keep(wri_mrows *r, uint32_t *slotp, wr_err *err) WR_MUST_USE;
void wri_mrows_drop(wri_mrows *r, uint32_t slot);

static inline const wr_col *wri_mr_col(const wri_mrows *r, uint32_t slot, uint32_t c, uint32_t *ip) {
    *ip = slot & ~WRI_MR_FRESH;
    return slot & WRI_MR_FRESH ? &r->fresh->cols[c] : &r->cols[c];
}
static inline int64_t wri_mr_time(const wri_mrows *r, uint32_t slot) {
    uint32_t i;
    const wr_col *c = wri_mr_col(r, slot, r->time_col, &i);
    return c->i64[i];
}
static inline uint64_t wri_mr_vars_at(const wri_mrows *r, uint32_t slot, uint32_t which) {
    const uint8_t *p = r->vars + ((size_t)slot * 2 + which) * r->var_bytes;
    uint64_t v = 0;
    for (uint32_t i = 0; i < r->var_bytes; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}
static inline uint64_t wri_mr_yes(const wri_mrows *r, uint32_t slot) {
    return slot & WRI_MR_FRESH ? r->fresh_yes[slot & ~WRI_MR_FRESH] : wri_mr_vars_at(r, slot, 0);
}
static inline uint64_t wri_mr_ask(const wri_mrows *r, uint32_t slot) {
    return slot & WRI_MR_FRESH ? r->fresh_ask[slot & ~WRI_MR_FRESH] : wri_mr_vars_at(r, slot, 1);
}
static inline bool *wri_mr_told(const wri_mrows *r, uint32_t slot) {
    return slot & WRI_MR_FRESH ? &r->fresh_told[slot & ~WRI_MR_FRESH] : &r->told[slot];
}
/* Row i of column `to` (no NULLs set yet) becomes the slot's value; slot WRI_MR_NONE: NULL. Text is copied
 * into b. */
wr_status wri_mr_put(const wri_mrows *r, uint32_t slot, uint32_t c, wr_batch *b, wr_col *to, uint32_t i,
                     wr_err *err) WR_MUST_USE;

/* ---- a key's search ---- */
typedef struct wri_mmark { /* of a path; all zero: none */
    uint64_t a, b;
} wri_mmark;

typedef struct wri_mframe { /* a row of the path; frame 0 is the start, before the first row */
    uint32_t pos;           /* position that took the row */
    uint32_t next : 31;     /* which of its successors is tried for the row behind */
    uint32_t cut : 1;       /* something behind failed by WITHIN, so another start may fare better */
    uint32_t same;          /* the frame before with this variable, 0: none; kept if the matcher links */
} wri_mframe;

typedef struct wri_mtried { /* what has failed, once a search has tried many rows */
    uint64_t *fail, *now;   /* per row and position: no match that way; now: from this start */
    bool dirty;             /* now has bits */
    wri_mmark *marks;       /* per frame, where conditions depend on the path; NULL: not kept */
    uint64_t serial;        /* of this use of the part */
    uint64_t gone;          /* rows that went before rows[head] since */
} wri_mtried;

typedef struct wri_mpath {        /* of the path, kept where conditions depend on it */
    uint32_t *first_of, *last_of; /* per variable: frames, 0 none (first_of: only while last_of is set) */
    char *states;                 /* aggregates of conditions: groups 0 and 1; NULL: none */
    uint32_t folded;              /* frames in states */
} wri_mpath;

/* There is one for every key with a row that may begin a match: kept small. */
typedef struct wri_mpart {
    uint32_t gid;
    uint32_t head, n, cap;
    uint32_t start;   /* first row of the search; those before it are there for PREV */
    uint32_t n_fresh; /* so many at the end are rows of the batch */
    uint32_t covered; /* rows before are in a match; kept for WITH UNMATCHED ROWS */
    uint32_t depth, frames_cap;
    uint32_t work, taken; /* rows tried, rows added: when to begin to remember */
    uint32_t steps;       /* of this search */
    bool active;          /* frames hold a search that waits */
    bool first;           /* rows[head] is the key's first row */
    uint32_t *rows;       /* slots: rows[head .. head + n) */
    wri_mframe *frames;
    wri_mpath *path; /* NULL: no condition depends on it */
    union {
        wri_mtried *tried;      /* NULL: nothing is remembered */
        struct wri_mpart *next; /* of spare ones */
    };
    uint32_t few_rows[WRI_MR_FEW]; /* rows and frames are these until there are more */
    wri_mframe few_frames[WRI_MR_FEW];
} wri_mpart;

typedef struct wri_mkey { /* state of a group */
    wri_mpart *part;      /* NULL: no row is kept */
    uint64_t matches : 62;
    uint64_t queued : 1;  /* waits in the heap */
    uint64_t live : 1;    /* the group has not been removed */
    uint32_t batch, last; /* PREV: last row of this key in the batch of that number */
} wri_mkey;

typedef struct wri_mwait { /* a key whose search waits, by the time of its first row or an earlier one */
    int64_t time;
    uint32_t gid;
} __attribute__((packed, aligned(4))) wri_mwait;

/* ---- values of conditions (match_cond.c) ---- */
typedef struct wri_mcond { /* a variable's condition */
    wr_eval *quick, *slow, *whole;
    uint32_t *reads; /* columns of ext that whole reads */
    uint32_t n_reads;
} wri_mcond;

typedef struct wri_magg { /* an aggregate among values */
    uint32_t value;
    const wr_agg_call *call;
    uint32_t offset; /* of its state in a group's */
    bool plain;      /* the state points at nothing: it can be copied, and need not be destroyed */
} wri_magg;
typedef struct wri_maggs {
    wri_magg *items;
    wr_agg_call *calls; /* copies of the node's */
    uint32_t n, n_calls, stride;
    bool owns; /* some state is not plain */
} wri_maggs;

/* ---- failures that depend on the path (match_memo.c) ---- */
typedef struct wri_mmemo {
    bool works; /* what conditions read of the path fits into a mark */
    wri_mmark *table;
    wr_buf text; /* of a mark in the making */
} wri_mmemo;

/* ---- results (match_emit.c) ---- */
typedef struct wri_marg { /* an argument of aggregates, row by row of a match */
    void *data;
    uint64_t *nulls;
    size_t cap, nulls_cap;
} wri_marg;
typedef struct wri_mout {
    wr_batch *b; /* NULL: no row waits */
    char *states;
    uint64_t *failed;
} wri_mout;

typedef struct wri_matcher {
    wr_op *op;
    const wr_match_spec *s;
    wri_timeline *line;
    wri_groups *groups;
    wri_mrows rows;
    uint64_t start_vars; /* variables a match can begin with */
    uint64_t always;     /* variables every row will do for */
    uint64_t slow_vars;  /* variables with a slow part */
    uint32_t history;    /* rows before the current one that PREV reaches */
    uint32_t words;      /* of fail, per row */
    bool *static_from;   /* per position: no condition from here on depends on the path */
    bool links;          /* some condition depends on the path */
    uint64_t path_vars;  /* variables with such a condition */
    bool take_all;       /* every row counts, whether a match can begin with it or not */
    bool patient;        /* the watermark does not end a search: NEXT, $ */
    bool heap_needed;
    bool numbers;         /* MATCH_NUMBER is asked */
    wri_mcond *conds;     /* per variable */
    wr_batch *row, *cell; /* one row for conditions; one value of an aggregate */
    uint64_t bit;         /* the NULL bitmap of one NULL */
    wr_row_errors errs;
    wri_maggs daggs, vaggs;
    wri_mmemo memo;
    uint64_t serials;
    char *scratch; /* states of daggs, with the row that is being asked about */
    char *vstates; /* ALL ROWS: of one value */
    wri_marg args[WR_AGG_ARGS_MAX];
    wri_mout out;
    wri_mpart *spare;
    size_t n_parts;      /* not spare */
    wri_mpart **touched; /* parts that may hold rows of the batch */
    size_t n_touched, touched_cap;
    wri_mwait *heap;
    size_t n_heap, heap_cap, n_active;
    uint32_t batch; /* number of the batch under way */
    /* scratch by row of the batch */
    uint32_t *ok, *gids, *order, *chain;
    size_t ok_cap, gids_cap, order_cap, chain_cap;
    wri_slots saved;    /* by key: all of its rows */
    uint32_t *key_cols; /* 0, 1, …; behind them those of the keys among the columns that are kept */
    bool unbegun;       /* rows came out of a snapshot, and are to be searched */
    uint32_t *slots, *labels, *at; /* scratch of a match: its rows, their variables (gids of aggregates) */
    size_t slots_cap, labels_cap, at_cap;
} wri_matcher;

static inline uint32_t wri_mpart_slot(const wri_mpart *p, uint32_t i) { return p->rows[p->head + i]; }
/* The slot of the row `ahead` behind row i of the key, where i WRI_MR_NONE is none. */
static inline uint32_t wri_mpart_ahead(const wri_mpart *p, uint32_t i, uint32_t ahead) {
    return i == WRI_MR_NONE || ahead >= p->n - i ? WRI_MR_NONE : wri_mpart_slot(p, i + ahead);
}
static inline wri_mkey *wri_mr_key(wri_matcher *m, uint32_t gid) {
    return (wri_mkey *)(wri_groups_states(m->groups) + gid * wri_groups_stride(m->groups));
}

/* match.c */
/* Room for a batch of n rows. */
wr_status wri_match_room(wri_matcher *m, uint32_t n, wr_err *err) WR_MUST_USE;
/* Searches on, then files the key where it belongs. */
wr_status wri_match_go_on(wri_matcher *m, wri_mpart *p, int64_t horizon, wr_err *err) WR_MUST_USE;
/* What is still needed of the batch is copied. */
wr_status wri_match_settle(wri_matcher *m, wr_err *err) WR_MUST_USE;

/* match_saved.c: snapshots. */
wr_status wri_match_saves(wri_matcher *m, wr_err *err) WR_MUST_USE; /* behind all that opens */
wr_status wri_match_begin(wri_matcher *m, wr_err *err) WR_MUST_USE; /* what was loaded, if something was */
wr_status wri_match_load(wri_matcher *m, const wr_saved *saved, wr_err *err) WR_MUST_USE;

/* match_search.c. horizon: no row of the key with a time below it will come; WR_WM_END: none at all. */
wr_status wri_mr_add(wri_matcher *m, wri_mpart *p, uint32_t slot, wr_err *err) WR_MUST_USE;
wr_status wri_mr_search(wri_matcher *m, wri_mpart *p, int64_t horizon, wr_err *err) WR_MUST_USE;
wri_mpart *wri_mpart_new(wri_matcher *m, uint32_t gid); /* NULL on OOM */
void wri_mpart_free(wri_matcher *m, wri_mpart *p);      /* to the spare ones; its rows are dropped */
void wri_mpart_destroy(wri_matcher *m, wri_mpart *p);

/* match_cond.c */
wr_status wri_mcond_init(wri_matcher *m, wr_err *err) WR_MUST_USE;
void wri_mcond_free(wri_matcher *m);
/* The quick conditions of the batch rows->fresh: fills fresh_yes and fresh_ask. */
wr_status wri_mcond_batch(wri_matcher *m, wr_err *err) WR_MUST_USE;
/* Whether row i (behind start) may be taken as variable v by the path frames[0..depth]. */
wr_status wri_mcond_asks(wri_matcher *m, wri_mpart *p, uint32_t v, uint32_t i, bool *resultp,
                         wr_err *err) WR_MUST_USE;
void wri_mcond_reset(wri_matcher *m, wri_mpart *p); /* aggregates of p's path begin anew */
/* The k-th last, or first, frame with one of vars; 0: none, *leftp: how many are lacking. */
uint32_t wri_mpath_last(const wri_matcher *m, const wri_mpart *p, uint64_t vars, uint32_t k);
uint32_t wri_mpath_first(const wri_matcher *m, const wri_mpart *p, uint64_t vars, uint32_t k,
                         uint32_t *leftp);
wr_status wri_mcond_fold(wri_matcher *m, wri_mpart *p, wr_err *err) WR_MUST_USE; /* all of the path */
/* Reports a row as bad, once. */
wr_status wri_mr_bad(wri_matcher *m, uint32_t slot, const char *why, wr_err *err) WR_MUST_USE;

/* match_memo.c */
void wri_mmemo_init(wri_matcher *m); /* behind _mcond_init */
void wri_mmemo_free(wri_mmemo *k);
/* The mark of the path frames[1..depth]. */
wr_status wri_mmemo_mark(wri_matcher *m, wri_mpart *p, wri_mmark *out, wr_err *err) WR_MUST_USE;
/* Whether such a path has failed before; its last frame is told when it was by WITHIN, for this start only.
 */
bool wri_mmemo_failed(const wri_matcher *m, wri_mpart *p, wri_mmark mark);
void wri_mmemo_fail(wri_matcher *m, const wri_mpart *p, wri_mmark mark, bool cut);

/* match_emit.c */
wr_status wri_mout_init(wri_matcher *m, wr_err *err) WR_MUST_USE;
void wri_mout_free(wri_matcher *m);
/* The path frames[1..depth] is a match. */
wr_status wri_mout_match(wri_matcher *m, wri_mpart *p, wr_err *err) WR_MUST_USE;
/* The first row of the search is in no match. */
wr_status wri_mout_unmatched(wri_matcher *m, wri_mpart *p, wr_err *err) WR_MUST_USE;
wr_status wri_mout_flush(wri_matcher *m, wr_err *err) WR_MUST_USE;
/* Sorts out which values are aggregates. */
wr_status wri_maggs_init(wri_maggs *a, const wr_match_spec *s, const wr_match_value *v, uint32_t n,
                         wr_err *err) WR_MUST_USE;
void wri_maggs_destroy(const wri_maggs *a, char *states, uint32_t n); /* of groups 0..n */
void wri_maggs_free(wri_maggs *a);
/* Folds rows slots[0..n) into groups gids of aggregate k. */
wr_status wri_magg_update(wri_matcher *m, const wri_magg *k, char *states, size_t stride,
                          const uint32_t *slots, const uint32_t *gids, uint32_t n, uint32_t first,
                          wr_err *err) WR_MUST_USE;

#endif
