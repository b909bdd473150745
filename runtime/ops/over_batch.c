/* runtime/ops/over_batch.c -- OVER over partitions that are complete at a known moment.
 *
 *   rows ─► partitions (references to held batches) ─► complete: sort, evaluate (over_part.c) ─► rows
 *
 * A partition is complete when the watermark passes its window, or at the end of input. Rows that are equal
 * in ORDER BY stand in the order of their position in the source (in the reverse one where the order ends
 * with falling time), rows that an operator made in that of their values: never by chance. With Top-N a
 * partition is cut to its best rows each time it has grown to twice as many; when most of what the held
 * batches hold is of no use any more, the rest is copied out of them.
 *
 * In snapshots each row is a slot: row `row` of a held batch is at % 64 of its number row / 64. */
#include <stdlib.h>

#include "../job_int.h"
#include "group_table.h"
#include "ops.h"
#include "over_part.h"
#include "saved_rows.h"
#include "slots.h"
#include "timers.h"

#define COPY_ROWS 65536u /* rows of held batches for which nothing is ever copied */

typedef struct source { /* a batch that rows of partitions are in */
    wr_batch *b;
    uint32_t live;  /* rows that are referred to */
    uint32_t at;    /* place in the list */
    uint32_t n_nos; /* 0: its rows are no slots */
    uint32_t nos[]; /* one for 64 rows */
} source;

typedef struct owner { /* of a number */
    source *of;
    uint32_t first; /* of its rows */
} owner;

typedef struct ref {
    source *of;
    uint32_t row, split;
    int64_t pos;
} ref;

typedef struct part { /* state of a group */
    ref *refs;
    uint32_t n, cap;
    uint32_t limit; /* cut when there are so many; 0: never yet */
    uint32_t none;
} part;

typedef struct over_batch {
    const wr_node *node;
    wri_groups *groups;
    wri_over_part *eval;
    wri_timers timers;
    source **sources;
    size_t n_sources, sources_cap;
    uint64_t held_rows, live_rows;
    uint32_t *gids, *idx, *starts;
    size_t gids_cap, idx_cap, starts_cap;
    ref *sorted; /* rows of partitions that are being evaluated */
    size_t n_sorted, sorted_cap;
    uint32_t n_parts;
    /* snapshots */
    wri_slots slots;
    wri_numbers numbers;
    owner *owners; /* by number */
    uint32_t *ids; /* scratch: slots; rows that are saved */
    wri_picked *picked;
    size_t owners_cap, ids_cap, picked_cap;
} over_batch;

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err);
static wr_status all_rows(wri_slots *slots, wr_err *err);

static bool windowed(const over_batch *s) { return s->node->over.end_col != WR_NO_COL; }

static wr_status batch_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    over_batch *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "OVER");
    s->node = n;
    WR_TRY(wri_part_new(op, &s->eval, err));
    wri_timers_init(&s->timers, WR_US_PER_SECOND);
    wri_numbers_init(&s->numbers, 6);
    wri_slots_init(&s->slots, op, 0, 0, save_rows, s);
    wri_slots_ask(&s->slots, all_rows);
    wr_phys *phys = wr_calloc(n->over.n_keys + 1u, sizeof *phys);
    if (!phys) return wr_fail_oom(err, "OVER");
    for (uint32_t i = 0; i < n->over.n_keys; i++) phys[i] = wr_type_phys(n->out.fields[n->over.keys[i]].type);
    s->groups = wri_groups_new(phys, n->over.n_keys, sizeof(part));
    wr_free(phys);
    if (!s->groups || (windowed(s) && !wri_groups_let_go(s->groups))) return wr_fail_oom(err, "OVER");
    if (!windowed(s)) op->holds_us = WR_TS_MAX; /* rows of all times come at the end */
    return WR_OK;
}

static part *part_at(over_batch *s, uint32_t gid) {
    return (part *)(wri_groups_states(s->groups) + (size_t)gid * wri_groups_stride(s->groups));
}

static void batch_close(wr_op *op) {
    over_batch *s = op->state;
    if (!s) return;
    for (uint32_t g = 1; s->groups && g <= wri_groups_count(s->groups); g++) wr_free(part_at(s, g)->refs);
    for (size_t i = 0; i < s->n_sources; i++) {
        wr_batch_drop(s->sources[i]->b);
        wr_free(s->sources[i]);
    }
    wri_groups_free(s->groups);
    wri_part_free(s->eval);
    wri_timers_free(&s->timers);
    wr_free(s->sources);
    wr_free(s->gids);
    wr_free(s->idx);
    wr_free(s->starts);
    wr_free(s->sorted);
    wri_slots_free(&s->slots);
    wri_numbers_free(&s->numbers);
    wr_free(s->owners);
    wr_free(s->ids);
    wr_free(s->picked);
    wr_free(s);
}

/* ---- held batches ---- */

static wr_status number_rows(over_batch *s, source *x, wr_err *err) {
    for (uint32_t i = 0; i < x->b->n; i += 64) {
        uint32_t no;
        WR_TRY(wri_numbers_take(&s->numbers, &no, err));
        x->nos[x->n_nos++] = no;
        if (wr_grow(&s->owners, &s->owners_cap, (size_t)no + 1, sizeof *s->owners) != WR_OK)
            return wr_fail_oom(err, "a snapshot");
        s->owners[no] = (owner){x, i};
    }
    return WR_OK;
}

static uint32_t slot_of(const ref *r) { return r->of->nos[r->row / 64] * 64 + r->row % 64; }

typedef wr_status (*say_slots)(wri_slots *s, const uint32_t *ids, size_t n, wr_err *err);

/* Tells the slots of rows that they come or leave. */
static wr_status tell(over_batch *s, const ref *refs, size_t n, say_slots say, wr_err *err) {
    if (n == 0 || !wri_slots_on(&s->slots)) return WR_OK;
    if (wr_grow(&s->ids, &s->ids_cap, n, sizeof *s->ids) != WR_OK) return wr_fail_oom(err, "a snapshot");
    for (size_t i = 0; i < n; i++) s->ids[i] = slot_of(&refs[i]);
    return say(&s->slots, s->ids, n, err);
}

static wr_status add_source(over_batch *s, wr_batch *b, source **outp, wr_err *err) {
    *outp = NULL;
    if (wr_grow(&s->sources, &s->sources_cap, s->n_sources + 1, sizeof(source *)) != WR_OK)
        return wr_fail_oom(err, "rows of a partition");
    source *x = wr_alloc(sizeof *x + (b->n / 64 + (size_t)1) * sizeof *x->nos);
    if (!x) return wr_fail_oom(err, "rows of a partition");
    *x = (source){.b = wr_batch_hold(b), .at = (uint32_t)s->n_sources};
    s->sources[s->n_sources++] = *outp = x;
    s->held_rows += b->n;
    return wri_slots_on(&s->slots) ? number_rows(s, x, err) : WR_OK;
}

static void drop_source(over_batch *s, source *x) {
    s->held_rows -= x->b->n;
    s->sources[x->at] = s->sources[--s->n_sources];
    s->sources[x->at]->at = x->at;
    for (uint32_t i = 0; i < x->n_nos; i++) wri_numbers_give(&s->numbers, x->nos[i]);
    wr_batch_drop(x->b);
    wr_free(x);
}

static void let_go(over_batch *s, const ref *r) {
    s->live_rows--;
    if (--r->of->live == 0) drop_source(s, r->of);
}

/* ---- columns of rows ---- */

static wr_status gather_col(const ref *refs, uint32_t n, uint32_t c, wr_batch *out, wr_err *err) {
    wr_col *to = &out->cols[c];
    for (uint32_t i = 0; i < n; i++) {
        const wr_col *from = &refs[i].of->b->cols[c];
        if (to->phys == WR_STR) to->str[i] = from->str[refs[i].row];
        else to->i64[i] = from->i64[refs[i].row];
        if (!wr_is_null(from, refs[i].row)) continue;
        if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
        wr_bit_set(to->nulls, i);
    }
    return WR_OK;
}

static wr_status own_strings(wr_batch *b, wr_col *c, wr_err *err) {
    for (uint32_t i = 0; i < b->n && c->phys == WR_STR; i++)
        if (c->str[i].len > WR_STR_INLINE)
            WR_TRY(wr_batch_str(b, c->str[i].ptr, c->str[i].len, &c->str[i], err));
    return WR_OK;
}

/* Copies n rows into a batch of their own. */
static wr_status copy_rows(over_batch *s, ref *refs, uint32_t n, wr_err *err) {
    const wr_schema *in = &s->node->in[0]->out;
    wr_batch *b;
    source *x = NULL;
    WR_TRY(wr_batch_new(in->n, n, &b, err));
    b->n = n;
    wr_status st = wr_batch_places(b) ? WR_OK : wr_fail_oom(err, "places of rows");
    for (uint32_t i = 0; st == WR_OK && i < n; i++) b->place[i] = (wr_row_place){refs[i].pos, refs[i].split};
    for (uint32_t c = 0; st == WR_OK && c < in->n; c++) {
        st = wr_batch_col(b, c, wr_type_phys(in->fields[c].type), err);
        if (st == WR_OK) st = gather_col(refs, n, c, b, err);
        if (st == WR_OK) st = own_strings(b, &b->cols[c], err);
    }
    if (st == WR_OK) st = add_source(s, b, &x, err);
    wr_batch_drop(b);
    if (st == WR_OK) st = tell(s, refs, n, wri_slots_leave, err);
    if (st != WR_OK) return st;
    for (uint32_t i = 0; i < n; i++) {
        let_go(s, &refs[i]);
        s->live_rows++;
        refs[i].of = x;
        refs[i].row = i;
        x->live++;
    }
    return tell(s, refs, n, wri_slots_touch, err);
}

/* Most rows that are held are of no use: the others move. */
static wr_status copy_out(over_batch *s, wr_err *err) {
    if (s->held_rows < COPY_ROWS || s->held_rows / 4 < s->live_rows) return WR_OK;
    const uint32_t most = WR_BATCH_ROWS;
    for (uint32_t g = 1; g <= wri_groups_count(s->groups); g++) {
        part *p = part_at(s, g);
        for (uint32_t at = 0; at < p->n; at += most)
            WR_TRY(copy_rows(s, p->refs + at, p->n - at < most ? p->n - at : most, err));
    }
    return WR_OK;
}

/* ---- order ---- */

static int by_place(const over_batch *s, const ref *x, const ref *y) {
    if (x->split != y->split) return x->split < y->split ? -1 : 1;
    if (x->split != WR_NO_SPLIT) return (x->pos > y->pos) - (x->pos < y->pos);
    int c = 0;
    for (uint32_t k = 0; k < s->node->in[0]->out.n && c == 0; k++)
        c = wri_over_cmp(&x->of->b->cols[k], x->row, &y->of->b->cols[k], y->row);
    return c;
}

static int by_keys(const over_batch *s, const ref *x, const ref *y) {
    for (uint32_t i = 0; i < s->node->over.n_order; i++) {
        const wr_sort_key *k = &s->node->over.order[i];
        const wr_col *a = &x->of->b->cols[k->col], *b = &y->of->b->cols[k->col];
        bool na = wr_is_null(a, x->row), nb = wr_is_null(b, y->row);
        if (na != nb) return na == k->nulls_first ? -1 : 1;
        if (na) continue;
        int c = wri_over_cmp(a, x->row, b, y->row);
        if (c) return k->desc ? -c : c;
    }
    return 0;
}

static int in_order(const void *x, const void *y, void *ctx) {
    const over_batch *s = ctx;
    int c = by_keys(s, x, y);
    if (c) return c;
    c = by_place(s, x, y);
    bool placed = ((const ref *)x)->split != WR_NO_SPLIT && ((const ref *)y)->split != WR_NO_SPLIT;
    return s->node->over.ties_last && placed ? -c : c;
}

/* Sorts a partition, and cuts it to the rows that are wanted. */
static wr_status sort_part(over_batch *s, part *p, wr_err *err) {
    if (p->n > 1) qsort_r(p->refs, p->n, sizeof *p->refs, in_order, s);
    int64_t top = s->node->over.top;
    if (!top || p->n <= top) return WR_OK;
    uint32_t n = (uint32_t)top;
    while (s->node->over.top_fn == WR_O_RANK && n < p->n && by_keys(s, &p->refs[n - 1], &p->refs[n]) == 0)
        n++;
    WR_TRY(tell(s, p->refs + n, p->n - n, wri_slots_leave, err));
    while (p->n > n) let_go(s, &p->refs[--p->n]);
    return WR_OK;
}

/* ---- rows come ---- */

/* Rows whose window is open still. */
static wr_status in_time(wr_op *op, over_batch *s, wr_batch *b, uint32_t *np, wr_err *err) {
    const wr_col *end = windowed(s) ? &b->cols[s->node->over.end_col] : NULL;
    uint32_t n = 0, n_late = 0;
    if (wr_grow(&s->idx, &s->idx_cap, 2 * (size_t)b->n, sizeof *s->idx) != WR_OK)
        return wr_fail_oom(err, "OVER");
    uint32_t *late = s->idx + b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t wm = b->wm && b->wm[i] > op->wm ? b->wm[i] : op->wm;
        bool gone = end && wm != WR_WM_NONE && end->i64[i] - s->node->over.tick_us <= wm;
        if (gone) late[n_late++] = i;
        else s->idx[n++] = i;
    }
    *np = n;
    return n_late ? wr_task_late_rows(op, 0, b, late, n_late, err) : WR_OK;
}

static wr_status add_row(over_batch *s, uint32_t gid, ref r, wr_err *err) {
    part *p = part_at(s, gid);
    if (p->n == 0 && p->cap == 0 && windowed(s)) {
        int64_t end = r.of->b->cols[s->node->over.end_col].i64[r.row];
        WR_TRY(wri_timers_add(&s->timers, end - s->node->over.tick_us, gid, err));
    }
    if (p->n == p->cap) {
        if (p->cap > UINT32_MAX / 2)
            return wr_fail(err, WR_ELIMIT, "OVER: a partition has 2^32 rows: add keys to PARTITION BY");
        uint32_t cap = p->cap ? p->cap * 2 : 4;
        ref *more = wr_reallocn(p->refs, cap, sizeof *more);
        if (!more) return wr_fail_oom(err, "rows of a partition");
        p->refs = more;
        p->cap = cap;
    }
    WR_TRY(tell(s, &r, 1, wri_slots_touch, err));
    p->refs[p->n++] = r;
    r.of->live++;
    s->live_rows++;
    int64_t top = s->node->over.top;
    if (!top || top > UINT32_MAX / 4 || p->n < 2 * top + 32 || p->n < p->limit) return WR_OK;
    WR_TRY(sort_part(s, p, err));
    p->limit = 2 * p->n;
    return WR_OK;
}

/* Rows rows[0..n) of b (NULL: rows 0..n). */
static wr_status add_rows(over_batch *s, wr_batch *b, const uint32_t *rows, uint32_t n, wr_err *err) {
    if (wr_grow(&s->gids, &s->gids_cap, n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "OVER");
    wri_group_rows find = {.b = b, .key_cols = s->node->over.keys, .hash = b->hash, .idx = rows, .n = n};
    WR_TRY(wri_groups_find_rows(s->groups, &find, s->gids, err));
    source *x;
    WR_TRY(add_source(s, b, &x, err));
    x->live++; /* until all its rows are in */
    wr_status st = WR_OK;
    for (uint32_t k = 0; st == WR_OK && k < n; k++) {
        uint32_t i = rows ? rows[k] : k;
        wr_row_place at = wr_place_of(b, i);
        st = add_row(s, s->gids[k], (ref){.of = x, .row = i, .split = at.split, .pos = at.pos}, err);
    }
    if (--x->live == 0) drop_source(s, x);
    return st == WR_OK ? copy_out(s, err) : st;
}

static wr_status batch_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    over_batch *s = op->state;
    uint32_t n = 0;
    (void)port;
    WR_TRY(in_time(op, s, in, &n, err));
    return n ? add_rows(s, in, n == in->n ? NULL : s->idx, n, err) : WR_OK;
}

/* ---- partitions are complete ---- */

/* Rows from..from + n of those evaluated: the input's columns and the calls'. */
static wr_status emit_some(wr_op *op, over_batch *s, wr_batch *rows, wr_batch *res, const uint64_t *failed,
                           uint32_t from, uint32_t n, wr_err *err) {
    const wr_node *node = op->node;
    uint32_t n_in = node->out.n - node->over.n_calls;
    wr_batch *out;
    WR_TRY(wr_batch_new(node->out.n, n, &out, err));
    out->n = n;
    wr_status st = WR_OK;
    if (node->places && !wr_batch_places(out)) st = wr_fail_oom(err, "places of rows");
    for (uint32_t i = 0; st == WR_OK && node->places && i < n; i++)
        out->place[i] = (wr_row_place){s->sorted[from + i].pos, s->sorted[from + i].split};
    if (st == WR_OK) st = wr_batch_keep(out, &rows->ref, err);
    if (st == WR_OK) st = wr_batch_keep(out, &res->ref, err);
    for (uint32_t c = 0; st == WR_OK && c < node->out.n; c++) {
        st = wr_batch_col(out, c, wr_type_phys(node->out.fields[c].type), err);
        if (st == WR_OK && c < n_in) st = gather_col(s->sorted + from, n, c, out, err);
        for (uint32_t i = 0; st == WR_OK && c >= n_in && i < n; i++)
            st = wri_over_copy(out, &out->cols[c], i, &res->cols[c - n_in], from + i, err);
    }
    uint64_t *bad = st == WR_OK ? wr_arena_calloc(&out->arena, wr_bitmap_words(n) * sizeof *bad) : NULL;
    if (st == WR_OK && !bad) st = wr_fail_oom(err, "OVER");
    for (uint32_t i = 0; st == WR_OK && i < n; i++)
        if (wr_bit(failed, from + i)) wr_bit_set(bad, i);
    if (st == WR_OK) st = wri_over_report(op, &out, bad, err);
    if (st == WR_OK) st = wr_emit(op, out, err);
    wr_batch_drop(out);
    return st;
}

/* What the calls read of the sorted rows, as one batch that keeps all batches they come from. */
static wr_status read_rows(over_batch *s, wr_batch **outp, wr_err *err) {
    uint32_t n = (uint32_t)s->n_sorted, n_cols = s->node->in[0]->out.n;
    WR_TRY(wr_batch_new(n_cols, n, outp, err));
    wr_batch *b = *outp;
    b->n = n;
    b->split = WR_NO_SPLIT;
    const source *last = NULL;
    for (uint32_t i = 0; i < n; i++) { /* a batch may be kept more than once */
        if (s->sorted[i].of == last) continue;
        last = s->sorted[i].of;
        WR_TRY(wr_batch_keep(b, &last->b->ref, err));
    }
    for (uint32_t c = 0; c < n_cols; c++) {
        if (!wri_part_reads(s->eval, c)) continue;
        WR_TRY(wr_batch_col(b, c, wr_type_phys(s->node->in[0]->out.fields[c].type), err));
        WR_TRY(gather_col(s->sorted, n, c, b, err));
    }
    return WR_OK;
}

static wr_status evaluate(wr_op *op, over_batch *s, wr_err *err) {
    uint32_t n = (uint32_t)s->n_sorted, step = wr_task_batch_rows(op->task);
    if (n == 0) {
        s->n_parts = 0;
        return WR_OK;
    }
    wr_batch *rows = NULL, *res = NULL;
    wr_status st = read_rows(s, &rows, err);
    if (st == WR_OK) st = wr_batch_new(op->node->over.n_calls, n, &res, err);
    uint64_t *failed = NULL;
    if (st == WR_OK) {
        res->n = n;
        failed = wr_arena_calloc(&res->arena, wr_bitmap_words(n) * sizeof *failed);
        if (!failed) st = wr_fail_oom(err, "OVER");
    }
    s->starts[s->n_parts] = n;
    if (st == WR_OK) st = wri_part_eval(s->eval, rows, s->starts, s->n_parts, res, failed, err);
    for (uint32_t at = 0; st == WR_OK && at < n; at += step)
        st = emit_some(op, s, rows, res, failed, at, n - at < step ? n - at : step, err);
    wr_batch_drop(res);
    wr_batch_drop(rows);
    if (st == WR_OK) st = tell(s, s->sorted, s->n_sorted, wri_slots_leave, err);
    for (size_t i = 0; i < s->n_sorted; i++) let_go(s, &s->sorted[i]);
    s->n_sorted = 0;
    s->n_parts = 0;
    return st;
}

/* A complete partition joins those to be evaluated; they go when they fill a batch. */
static wr_status complete(wr_op *op, over_batch *s, uint32_t gid, wr_err *err) {
    part *p = part_at(s, gid);
    WR_TRY(sort_part(s, p, err));
    if (s->n_sorted + p->n > UINT32_MAX)
        return wr_fail(err, WR_ELIMIT, "OVER: a partition has 2^32 rows: add keys to PARTITION BY");
    if (wr_grow(&s->sorted, &s->sorted_cap, s->n_sorted + p->n, sizeof *s->sorted) != WR_OK ||
        wr_grow(&s->starts, &s->starts_cap, s->n_parts + 2u, sizeof *s->starts) != WR_OK)
        return wr_fail_oom(err, "rows of a partition");
    if (p->n) memcpy(s->sorted + s->n_sorted, p->refs, p->n * sizeof *p->refs);
    s->starts[s->n_parts++] = (uint32_t)s->n_sorted;
    s->n_sorted += p->n;
    wr_free(p->refs);
    *p = (part){0};
    return s->n_sorted >= WR_BATCH_ROWS ? evaluate(op, s, err) : WR_OK;
}

static wr_status batch_watermark(wr_op *op, int64_t wm, wr_err *err) {
    over_batch *s = op->state;
    if (!windowed(s)) {
        if (wm != WR_WM_END) return WR_OK;
        for (uint32_t g = 1; g <= wri_groups_count(s->groups); g++) WR_TRY(complete(op, s, g, err));
        return evaluate(op, s, err);
    }
    wri_timer t;
    while (wri_timers_take(&s->timers, wm, &t)) {
        uint32_t gid = (uint32_t)t.id;
        WR_TRY(complete(op, s, gid, err));
        wri_groups_remove(s->groups, &gid, 1);
    }
    return evaluate(op, s, err);
}

/* ---- snapshots: the rows of all partitions ---- */

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    over_batch *s = slots->ctx;
    const wr_node *node = s->node;
    if (wr_grow(&s->picked, &s->picked_cap, n, sizeof *s->picked) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n; i++) {
        owner o = s->owners[ids[i] / 64];
        uint32_t row = o.first + ids[i] % 64;
        wr_row_place at = wr_place_of(o.of->b, row);
        s->picked[i] = (wri_picked){o.of->b, row, at.split, at.pos};
    }
    wri_picked_slots v = {.n_cols = node->in[0]->out.n,
                          .rows = s->picked,
                          .ids = ids,
                          .n = n,
                          .keys = node->over.keys,
                          .n_keys = node->over.n_keys};
    return wri_save_picked_slots(to, &v, err);
}

/* Without snapshots rows get their numbers only when paging asks what there is. */
static wr_status all_rows(wri_slots *slots, wr_err *err) {
    over_batch *s = slots->ctx;
    for (size_t i = 0; i < s->n_sources; i++)
        if (s->sources[i]->n_nos == 0) WR_TRY(number_rows(s, s->sources[i], err));
    for (uint32_t g = 1; g <= wri_groups_count(s->groups); g++)
        WR_TRY(tell(s, part_at(s, g)->refs, part_at(s, g)->n, wri_slots_touch, err));
    return WR_OK;
}

static wr_status batch_save(wr_op *op, wr_saver *to, wr_err *err) {
    return wri_slots_barrier(&((over_batch *)op->state)->slots, to, err);
}

static wr_status batch_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((over_batch *)op->state)->slots, leftp, err);
}

static wr_status batch_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    if (!saved->rows) return wr_fail(err, WR_EDATA, "OVER in the snapshot is not as it was written");
    WR_TRY(wri_check_picked(saved->rows, &op->node->in[0]->out, err));
    return add_rows(op->state, saved->rows, NULL, saved->rows->n, err);
}

wri_over_kept wri_over_batch_keeps(const wr_op *op) {
    const over_batch *s = op->state;
    return (wri_over_kept){.keys = wri_groups_live(s->groups), .rows = s->held_rows};
}

static void batch_measure(const wr_op *op, wr_kept *out) {
    const over_batch *s = op->state;
    out->keys = wri_groups_live(s->groups);
    out->bytes = wri_groups_bytes(s->groups) + s->live_rows * sizeof(ref) +
                 s->held_rows * wri_row_bytes(&op->node->in[0]->out);
}

static void batch_waiting(const wr_op *op, wr_waits *out) {
    const over_batch *s = op->state;
    if (s->live_rows == 0) return;
    wr_wait x = {WR_WM_NONE, WR_WM_NONE, WR_WM_END, s->live_rows, wri_groups_live(s->groups), false};
    if (windowed(s)) {
        x.due_us = wri_timers_next(&s->timers);
        if (op->wm != WR_WM_NONE && x.due_us <= op->wm) x.due_us = op->wm + 1; /* a bucket begins before it */
    }
    wri_waits_add(out, x);
    out->what = "partition";
    out->n = x.keys;
}

const wr_op_def wri_op_over_batch = {.name = "over",
                                     .open = batch_open,
                                     .push = batch_push,
                                     .watermark = batch_watermark,
                                     .save = batch_save,
                                     .save_rest = batch_save_rest,
                                     .load = batch_load,
                                     .keyed = true,
                                     .measure = batch_measure,
                                     .waiting = batch_waiting,
                                     .close = batch_close};
