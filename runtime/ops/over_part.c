/* runtime/ops/over_part.c -- calls of OVER over whole, sorted partitions: any frame, any function.
 *
 * The start and the end of a row's frame never go back from row to row, so a frame is a queue: rows are
 * added at its end and leave at its start, by the ways of over.h. Rows that follow each other with the same
 * frame have the same result. */
#include "over_part.h"

#include "../aggs/aggs.h"
#include "over_values.h"

typedef struct span {
    uint32_t lo, hi; /* rows lo..hi; empty when hi <= lo */
} span;

typedef struct part_call {
    const wr_over_call *call;
    wr_agg_call agg; /* AGG: the aggregate, without DISTINCT where values are counted */
    wri_calls calls; /* of it alone */
    wri_values *values;
    const uint32_t *vids;
    wri_over_out out;
    wri_way way;
    char *states; /* of row i at (i + 1) * state_bytes */
    size_t cap, n_states;
    char *acc, *tmp;
} part_call;

struct wri_over_part {
    wr_op *op;
    const wr_node *node;
    part_call *calls;
    uint32_t n_calls;
    uint32_t *peer_lo, *peer_hi, *dense; /* of each row: its peers, and which group of peers it is in */
    uint32_t *part_of;                   /* of each row: which partition */
    size_t lo_cap, hi_cap, dense_cap, part_cap;
    span *spans;
    size_t spans_cap;
    uint32_t *ids, *some; /* some: rows with a value, for IGNORE NULLS */
    size_t ids_cap, some_cap;
};

int wri_over_cmp(const wr_col *a, uint32_t i, const wr_col *b, uint32_t j) {
    bool na = wr_is_null(a, i), nb = wr_is_null(b, j);
    if (na || nb) return (int)na - (int)nb;
    switch (a->phys) {
    case WR_I64:
        return (a->i64[i] > b->i64[j]) - (a->i64[i] < b->i64[j]);
    case WR_F64: {
        double x = a->f64[i], y = b->f64[j];
        if (x != x || y != y) return (x != x) - (y != y);
        return (x > y) - (x < y);
    }
    case WR_STR:
        return wr_str_cmp(&a->str[i], &b->str[j]);
    }
    return 0;
}

static bool is_frame_fn(wr_over_fn fn) { return fn <= WR_O_NTH; }

/* FIRST_VALUE and LAST_VALUE with IGNORE NULLS are aggregates like others. */
static bool is_agg(const wr_over_call *k) {
    return k->fn == WR_O_AGG || ((k->fn == WR_O_FIRST || k->fn == WR_O_LAST) && k->ignore_nulls);
}

static wri_way way_of(const wr_over_call *k) {
    if (k->agg.slides) return WRI_WAY_SUM;
    if (k->frame.lo == WR_B_UNBOUNDED_PRECEDING) return WRI_WAY_ACC;
    return k->agg.grows ? WRI_WAY_REDO : WRI_WAY_STACK;
}

wr_status wri_part_new(wr_op *op, wri_over_part **outp, wr_err *err) {
    wri_over_part *p = *outp = wr_calloc(1, sizeof *p);
    if (!p) return wr_fail_oom(err, "OVER");
    p->op = op;
    p->node = op->node;
    uint32_t n = op->node->over.n_calls;
    p->calls = wr_calloc(n + 1u, sizeof *p->calls);
    if (!p->calls) return wr_fail_oom(err, "OVER");
    p->n_calls = n;
    for (uint32_t i = 0; i < n; i++) {
        part_call *c = &p->calls[i];
        c->call = &op->node->over.calls[i];
        if (!is_agg(c->call)) continue;
        bool slides = c->call->frame.lo != WR_B_UNBOUNDED_PRECEDING;
        c->way = wri_values_serve(&c->call->agg, slides, &c->agg) ? WRI_WAY_VALUES : way_of(c->call);
        if (c->way != WRI_WAY_VALUES) c->agg = c->call->agg;
        else c->values = wri_values_new(wr_type_phys(c->agg.arg_types[0]));
        WR_TRY(wri_calls_init(&c->calls, &c->agg, 1, err));
        c->out = (wri_over_out){.agg = c->calls.calls, .col = i};
        c->acc = wr_calloc(2, c->agg.state_bytes);
        if (!c->acc || (c->way == WRI_WAY_VALUES && !c->values)) return wr_fail_oom(err, "OVER");
        c->tmp = c->acc + c->agg.state_bytes;
    }
    return WR_OK;
}

static void empty(const wr_agg_call *a, void *state) {
    if (!a->plain && a->def->destroy) a->def->destroy(a, state);
    memset(state, 0, a->state_bytes);
}

static void drop_states(part_call *c) {
    const wr_agg_call *a = &c->agg;
    if (c->acc) {
        empty(a, c->acc);
        empty(a, c->tmp);
    }
    for (size_t i = 1; i <= c->n_states && !a->plain; i++) empty(a, c->states + i * a->state_bytes);
    c->n_states = 0;
}

void wri_part_free(wri_over_part *p) {
    if (!p) return;
    for (uint32_t i = 0; i < p->n_calls; i++) {
        part_call *c = &p->calls[i];
        drop_states(c);
        wri_calls_free(&c->calls);
        wri_over_out_free(&c->out);
        wri_values_free(c->values);
        wr_free(c->states);
        wr_free(c->acc);
    }
    wr_free(p->calls);
    wr_free(p->peer_lo);
    wr_free(p->peer_hi);
    wr_free(p->dense);
    wr_free(p->part_of);
    wr_free(p->spans);
    wr_free(p->ids);
    wr_free(p->some);
    wr_free(p);
}

bool wri_part_reads(const wri_over_part *p, uint32_t col) {
    for (uint32_t i = 0; i < p->node->over.n_order; i++)
        if (p->node->over.order[i].col == col) return true;
    for (uint32_t i = 0; i < p->n_calls; i++) {
        const wr_over_call *k = p->calls[i].call;
        if (k->agg.filter == col || k->default_col == col) return true;
        for (uint32_t j = 0; j < k->agg.n_args; j++)
            if (k->agg.args[j] == col) return true;
    }
    return false;
}

/* ---- peers ---- */

static wr_status find_peers(wri_over_part *p, const wr_batch *rows, const uint32_t *starts, uint32_t n_parts,
                            wr_err *err) {
    if (wr_grow(&p->peer_lo, &p->lo_cap, rows->n, sizeof *p->peer_lo) != WR_OK ||
        wr_grow(&p->peer_hi, &p->hi_cap, rows->n, sizeof *p->peer_hi) != WR_OK ||
        wr_grow(&p->dense, &p->dense_cap, rows->n, sizeof *p->dense) != WR_OK ||
        wr_grow(&p->part_of, &p->part_cap, rows->n, sizeof *p->part_of) != WR_OK ||
        wr_grow(&p->spans, &p->spans_cap, rows->n, sizeof *p->spans) != WR_OK ||
        wr_grow(&p->some, &p->some_cap, rows->n, sizeof *p->some) != WR_OK)
        return wr_fail_oom(err, "OVER");
    for (uint32_t k = 0; k < n_parts; k++) {
        uint32_t lo = starts[k], group = 1;
        for (uint32_t i = starts[k]; i < starts[k + 1]; i++) {
            bool same = true;
            for (uint32_t o = 0; o < p->node->over.n_order && same && i > lo; o++) {
                const wr_col *c = &rows->cols[p->node->over.order[o].col];
                same = wri_over_cmp(c, i, c, i - 1) == 0;
            }
            if (!same) {
                for (uint32_t j = lo; j < i; j++) p->peer_hi[j] = i;
                lo = i;
                group++;
            }
            p->peer_lo[i] = lo;
            p->dense[i] = group;
            p->part_of[i] = k;
        }
        for (uint32_t j = lo; j < starts[k + 1]; j++) p->peer_hi[j] = starts[k + 1];
    }
    return WR_OK;
}

/* ---- frames ---- */

typedef struct axis { /* the order key along which RANGE measures */
    const wr_col *col;
    bool desc;
} axis;

/* Whether row j lies before the place that is `by` from row i (or at it, when at is set). */
static bool lies_before(const axis *x, uint32_t j, uint32_t i, const wr_frame *f, bool hi) {
    wr_bound_kind kind = hi ? f->hi : f->lo;
    if (x->col->phys == WR_F64) {
        double d = x->desc ? x->col->f64[i] - x->col->f64[j] : x->col->f64[j] - x->col->f64[i];
        double by = hi ? f->hi_f64 : f->lo_f64;
        if (kind == WR_B_PRECEDING) by = -by;
        return hi ? d <= by : d < by;
    }
    __int128 d = (__int128)x->col->i64[j] - x->col->i64[i], by = hi ? f->hi_by : f->lo_by;
    if (x->desc) d = -d;
    if (kind == WR_B_PRECEDING) by = -by;
    return hi ? d <= by : d < by;
}

static void range_spans(wri_over_part *p, const wr_frame *f, const axis *x, uint32_t s, uint32_t e) {
    uint32_t from = s, to = e; /* rows with a key */
    while (x->col && from < to && wr_is_null(x->col, from)) from++;
    while (x->col && to > from && wr_is_null(x->col, to - 1)) to--;
    uint32_t lo = from, hi = from;
    for (uint32_t i = s; i < e; i++) {
        span *at = &p->spans[i];
        bool null = i < from || i >= to;
        at->lo = f->lo == WR_B_UNBOUNDED_PRECEDING ? s : p->peer_lo[i];
        at->hi = f->hi == WR_B_UNBOUNDED_FOLLOWING ? e : p->peer_hi[i];
        if (null || !x->col) continue;
        if (f->lo == WR_B_PRECEDING || f->lo == WR_B_FOLLOWING) {
            while (lo < to && lies_before(x, lo, i, f, false)) lo++;
            at->lo = lo;
        }
        if (f->hi == WR_B_PRECEDING || f->hi == WR_B_FOLLOWING) {
            while (hi < to && lies_before(x, hi, i, f, true)) hi++;
            at->hi = hi;
        }
    }
}

static uint32_t row_at(int64_t i, int64_t by, int64_t s, int64_t e) {
    if (by > e - i) return (uint32_t)e;
    if (by < s - i) return (uint32_t)s;
    return (uint32_t)(i + by);
}

static void rows_spans(wri_over_part *p, const wr_frame *f, uint32_t s, uint32_t e) {
    int64_t lo = f->lo == WR_B_PRECEDING ? -f->lo_by : f->lo == WR_B_FOLLOWING ? f->lo_by : 0;
    int64_t hi = f->hi == WR_B_PRECEDING ? -f->hi_by : f->hi == WR_B_FOLLOWING ? f->hi_by : 0;
    if (hi < INT64_MAX) hi++;
    for (uint32_t i = s; i < e; i++)
        p->spans[i] = (span){f->lo == WR_B_UNBOUNDED_PRECEDING ? s : row_at(i, lo, s, e),
                             f->hi == WR_B_UNBOUNDED_FOLLOWING ? e : row_at(i, hi, s, e)};
}

static void find_spans(wri_over_part *p, const wr_batch *rows, const wr_frame *f, const uint32_t *starts,
                       uint32_t n_parts) {
    axis x = {0};
    if (p->node->over.n_order == 1) {
        x.col = &rows->cols[p->node->over.order[0].col];
        x.desc = p->node->over.order[0].desc;
        if (x.col->phys == WR_STR) x.col = NULL; /* no offset can be written */
    }
    for (uint32_t k = 0; k < n_parts; k++) {
        if (f->rows) rows_spans(p, f, starts[k], starts[k + 1]);
        else range_spans(p, f, &x, starts[k], starts[k + 1]);
    }
}

/* ---- aggregates ---- */

static inline void *state_of(part_call *c, uint32_t row) {
    return c->states + ((size_t)row + 1) * c->agg.state_bytes;
}

static wr_status row_states(wri_over_part *p, part_call *c, wr_batch *rows, wr_err *err) {
    size_t bytes = ((size_t)rows->n + 1) * c->agg.state_bytes;
    if (wr_grow(&c->states, &c->cap, bytes, 1) != WR_OK) return wr_fail_oom(err, "OVER");
    memset(c->states, 0, bytes);
    c->n_states = rows->n;
    return wri_calls_update(&c->calls, rows, (wri_states){c->states, c->agg.state_bytes}, p->ids, err);
}

typedef struct queue { /* rows a..z are in the frame; those before mid hold the state of all up to mid */
    uint32_t a, z, mid;
} queue;

static wr_status leave(part_call *c, queue *q, wr_err *err) {
    const wr_agg_call *a = &c->agg;
    bool counts = c->way == WRI_WAY_SUM;
    if (c->values) WR_TRY(wri_values_out(c->values, c->vids[q->a], &counts, err));
    if (counts) a->def->uncombine(a, c->acc, state_of(c, q->a));
    else if (c->way == WRI_WAY_STACK && q->a >= q->mid) {
        for (uint32_t j = q->z - 1; j > q->a; j--)
            WR_TRY(wri_agg_combine(a, state_of(c, j - 1), state_of(c, j), err));
        q->mid = q->z;
        empty(a, c->acc);
    }
    q->a++;
    return WR_OK;
}

/* The state of frame at; *statep is acc, or tmp, which is to be emptied then. */
static wr_status frame_state(part_call *c, queue *q, span at, void **statep, wr_err *err) {
    const wr_agg_call *a = &c->agg;
    bool none = at.hi <= at.lo;
    *statep = c->tmp;
    if (c->way == WRI_WAY_REDO) {
        for (uint32_t j = at.lo; j < at.hi; j++) WR_TRY(wri_agg_combine(a, c->tmp, state_of(c, j), err));
        return WR_OK;
    }
    for (; q->z < at.hi; q->z++)
        if (!c->values || wri_values_in(c->values, c->vids[q->z]))
            WR_TRY(wri_agg_combine(a, c->acc, state_of(c, q->z), err));
    while (c->way != WRI_WAY_ACC && q->a < at.lo && q->a < q->z) WR_TRY(leave(c, q, err));
    if (none) return WR_OK;
    if (c->way != WRI_WAY_STACK || q->a >= q->mid) {
        *statep = c->acc;
        return WR_OK;
    }
    WR_TRY(wri_agg_combine(a, c->tmp, state_of(c, q->a), err));
    return wri_agg_combine(a, c->tmp, c->acc, err);
}

static void repeat(wri_over_out *o, wr_batch *out, uint32_t i, uint64_t *failed) {
    size_t bytes = o->agg->state_bytes;
    if (o->agg->plain) {
        memcpy(o->states + ((size_t)i + 1) * bytes, o->states + (size_t)i * bytes, bytes);
        return;
    }
    wr_col *col = &out->cols[o->col];
    if (col->phys == WR_STR) col->str[i] = col->str[i - 1];
    else col->i64[i] = col->i64[i - 1];
    if (wr_is_null(col, i - 1)) wr_bit_set(col->nulls, i);
    if (wr_bit(failed, i - 1)) wr_bit_set(failed, i);
}

static wr_status slide(wri_over_part *p, part_call *c, uint32_t s, uint32_t e, wr_batch *out,
                       uint64_t *failed, wr_err *err) {
    const wr_agg_call *a = &c->agg;
    queue q = {s, s, s};
    for (uint32_t i = s; i < e; i++) {
        span at = p->spans[i];
        if (i > s && at.lo == p->spans[i - 1].lo && at.hi == p->spans[i - 1].hi) {
            repeat(&c->out, out, i, failed);
            continue;
        }
        void *state;
        WR_TRY(frame_state(c, &q, at, &state, err));
        WR_TRY(wri_over_put(&c->out, out, i, state, failed, err));
        if (state == c->tmp) empty(a, c->tmp);
    }
    empty(a, c->acc);
    return WR_OK;
}

static wr_status aggregate(wri_over_part *p, part_call *c, wr_batch *rows, const uint32_t *starts,
                           uint32_t n_parts, wr_batch *out, uint64_t *failed, wr_err *err) {
    WR_TRY(row_states(p, c, rows, err));
    WR_TRY(wri_over_start(&c->out, out, rows->n, err));
    if (c->values) {
        wri_values_reset(c->values);
        WR_TRY(wri_values_find(c->values, rows, c->agg.args[0], p->part_of, c->states, c->agg.state_bytes,
                               c->agg.state_bytes, &c->vids, err));
    }
    for (uint32_t k = 0; k < n_parts; k++) WR_TRY(slide(p, c, starts[k], starts[k + 1], out, failed, err));
    drop_states(c);
    return wri_over_finish(&c->out, out, p->ids, rows->n, failed, err);
}

/* ---- values of other rows ---- */

#define NO_ROW UINT32_MAX

/* The n-th row of span with a value, from its start or its end. */
static uint32_t nth_with_value(const wr_over_call *k, const wr_col *col, span at) {
    int64_t left = k->n;
    for (uint32_t j = at.lo; j < at.hi; j++) {
        uint32_t i = k->from_last ? at.hi - 1 - (j - at.lo) : j;
        if (!wr_is_null(col, i) && --left == 0) return i;
    }
    return NO_ROW;
}

static uint32_t frame_row(const wr_over_call *k, const wr_col *col, span at) {
    if (at.hi <= at.lo) return NO_ROW;
    if (k->fn == WR_O_FIRST) return at.lo;
    if (k->fn == WR_O_LAST) return at.hi - 1;
    if (k->ignore_nulls && col->nulls) return nth_with_value(k, col, at);
    if (k->n > at.hi - at.lo) return NO_ROW;
    return k->from_last ? at.hi - (uint32_t)k->n : at.lo + (uint32_t)k->n - 1;
}

/* Row LAG's or LEAD's n before or behind i in partition s..e, of which some[0..n_some) have a value; before:
 * how many of those lie before i. */
static uint32_t near_row(const wr_over_call *k, uint32_t i, uint32_t s, uint32_t e, const uint32_t *some,
                         uint32_t n_some, uint32_t before) {
    if (k->n == 0) return i;
    if (!some) {
        if (k->fn == WR_O_LAG) return k->n > i - s ? NO_ROW : i - (uint32_t)k->n;
        return k->n >= e - i ? NO_ROW : i + (uint32_t)k->n;
    }
    if (k->fn == WR_O_LAG) return k->n > before ? NO_ROW : some[before - (uint32_t)k->n];
    uint32_t upto = before + (before < n_some && some[before] == i);
    return k->n > n_some - upto ? NO_ROW : some[upto + (uint32_t)k->n - 1];
}

static wr_status put_value(const wr_over_call *k, const wr_batch *rows, uint32_t i, uint32_t from,
                           wr_batch *out, uint32_t col, wr_err *err) {
    wr_col *to = &out->cols[col];
    if (from != NO_ROW) return wri_over_copy(out, to, i, &rows->cols[k->agg.args[0]], from, err);
    if (k->default_col != WR_NO_COL) return wri_over_copy(out, to, i, &rows->cols[k->default_col], i, err);
    if (to->phys == WR_STR) to->str[i] = (wr_str){0};
    else to->i64[i] = 0;
    if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(to->nulls, i);
    return WR_OK;
}

static wr_status pick(wri_over_part *p, const wr_over_call *k, const wr_batch *rows, uint32_t s, uint32_t e,
                      wr_batch *out, uint32_t col, wr_err *err) {
    const wr_col *from = &rows->cols[k->agg.args[0]];
    bool skips = k->ignore_nulls && from->nulls && !is_frame_fn(k->fn);
    uint32_t n_some = 0, before = 0;
    for (uint32_t i = s; skips && i < e; i++)
        if (!wr_is_null(from, i)) p->some[n_some++] = i;
    for (uint32_t i = s; i < e; i++) {
        while (before < n_some && p->some[before] < i) before++;
        uint32_t j = is_frame_fn(k->fn) ? frame_row(k, from, p->spans[i])
                                        : near_row(k, i, s, e, skips ? p->some : NULL, n_some, before);
        WR_TRY(put_value(k, rows, i, j, out, col, err));
    }
    return WR_OK;
}

/* ---- ranks ---- */

static int64_t ntile(int64_t i, int64_t n, int64_t buckets) {
    int64_t size = n / buckets, larger = n % buckets;
    if (i < larger * (size + 1)) return i / (size + 1) + 1;
    return larger + (i - larger * (size + 1)) / size + 1;
}

static void rank_rows(const wri_over_part *p, const wr_over_call *k, uint32_t s, uint32_t e, wr_col *to) {
    int64_t n = e - s;
    for (uint32_t i = s; i < e; i++) {
        int64_t rank = p->peer_lo[i] - s + 1;
        switch (k->fn) {
        case WR_O_ROW_NUMBER:
            to->i64[i] = i - s + 1;
            break;
        case WR_O_RANK:
            to->i64[i] = rank;
            break;
        case WR_O_DENSE_RANK:
            to->i64[i] = p->dense[i];
            break;
        case WR_O_PERCENT_RANK:
            to->f64[i] = n > 1 ? (double)(rank - 1) / (double)(n - 1) : 0;
            break;
        case WR_O_CUME_DIST:
            to->f64[i] = (double)(p->peer_hi[i] - s) / (double)n;
            break;
        default:
            to->i64[i] = ntile(i - s, n, k->n);
            break;
        }
    }
}

wr_status wri_part_eval(wri_over_part *p, wr_batch *rows, const uint32_t *starts, uint32_t n_parts,
                        wr_batch *out, uint64_t *failed, wr_err *err) {
    WR_TRY(wri_over_ids(&p->ids, &p->ids_cap, rows->n, err));
    WR_TRY(find_peers(p, rows, starts, n_parts, err));
    WR_TRY(wr_batch_keep(out, &rows->ref, err));
    for (uint32_t i = 0; i < p->n_calls; i++) {
        part_call *c = &p->calls[i];
        const wr_over_call *k = c->call;
        if (is_frame_fn(k->fn)) find_spans(p, rows, &k->frame, starts, n_parts);
        if (is_agg(k)) {
            WR_TRY(aggregate(p, c, rows, starts, n_parts, out, failed, err));
            continue;
        }
        WR_TRY(wr_batch_col(out, i, wr_type_phys(k->type), err));
        for (uint32_t x = 0; x < n_parts; x++) {
            if (k->fn >= WR_O_ROW_NUMBER) rank_rows(p, k, starts[x], starts[x + 1], &out->cols[i]);
            else WR_TRY(pick(p, k, rows, starts[x], starts[x + 1], out, i, err));
        }
    }
    return WR_OK;
}
