/* runtime/ops/agg_local.c -- first phase: rows to partial aggregates per (slice, key), no exchange.
 *
 *   push(rows):    for each slice in rows: gids = table[slice].find(keys); update(states, gids)
 *   watermark(t):  for each slice that t has passed: emit partials, forget the slice
 *
 * A row can come after some windows of its slice have closed by the watermark before it, and before
 * others have: it then belongs to the others only. Such rows get a table of their own, named by the
 * slice and the end of the first window they count in (`from`); the second phase respects it.
 * Nothing is left here after a barrier, so there is nothing to save.
 *
 * Results that are given early take their partials early: after each batch (each_batch), or when the
 * watermark passes a multiple of every_us. With lateness_us a row is late, and a window closed to it, by that
 * much less than the watermark before it. */
#include <stdlib.h>

#include "agg_calls.h"
#include "group_table.h"
#include "windows.h"

#define EARLY_FLUSH_GROUPS 65536 /* more are pushed on: the table stays in the cache, memory is bounded */

typedef struct slot {
    int64_t end, from; /* from == end but for the rows described above */
    wri_groups *groups;
} slot;

typedef struct counted { /* rows of a slice since it was opened, however often it was flushed: wr_job_why */
    int64_t end;
    uint64_t rows;
} counted;

typedef struct agg_local {
    wri_calls calls;
    const wr_win *win;
    uint32_t *keys; /* input columns; ATTACHED: window_start first */
    uint32_t n_keys;
    wr_phys *phys;
    slot *slots; /* open, by rising (end, from) */
    size_t n_slots, slots_cap;
    wri_groups **spare; /* empty tables for reuse */
    size_t n_spare, spare_cap;
    size_t last; /* slot used last */
    uint32_t *gids, *idx, *sorted;
    int64_t *ends, *froms;
    size_t cap;      /* rows of the five scratch arrays */
    int64_t early;   /* last multiple of every_us that the watermark has passed */
    counted *counts; /* by rising end; only of results that come once */
    size_t n_counts, counts_cap, last_count;
} agg_local;

static wr_status local_open(wr_op *op, wr_err *err) {
    agg_local *a = op->state = wr_calloc(1, sizeof *a);
    if (!a) return wr_fail_oom(err, "an aggregation");
    const wr_node *n = op->node;
    const wr_schema *in = &n->in[0]->out;
    a->win = &n->agg.win;
    a->early = WR_WM_NONE;
    bool attached = a->win->kind == WR_W_ATTACHED;
    a->n_keys = n->agg.n_keys + attached;
    a->keys = wr_calloc(a->n_keys + 1, sizeof *a->keys);
    a->phys = wr_calloc(a->n_keys + 1, sizeof *a->phys);
    if (!a->keys || !a->phys) return wr_fail_oom(err, "an aggregation");
    if (attached) a->keys[0] = a->win->start_col;
    memcpy(a->keys + attached, n->agg.keys, n->agg.n_keys * sizeof *a->keys);
    for (uint32_t k = 0; k < a->n_keys; k++) a->phys[k] = wr_type_phys(in->fields[a->keys[k]].type);
    return wri_calls_init(&a->calls, n->agg.calls, n->agg.n_calls, err);
}

static wri_states states(wri_groups *g) { return (wri_states){wri_groups_states(g), wri_groups_stride(g)}; }

static void free_groups(agg_local *a, wri_groups *g) {
    if (!g) return;
    wri_calls_destroy(&a->calls, states(g), 0, wri_groups_count(g));
    wri_groups_free(g);
}

static void local_close(wr_op *op) {
    agg_local *a = op->state;
    if (!a) return;
    for (size_t i = 0; i < a->n_slots; i++) free_groups(a, a->slots[i].groups);
    for (size_t i = 0; i < a->n_spare; i++) free_groups(a, a->spare[i]);
    wr_free(a->slots);
    wr_free(a->spare);
    wr_free(a->keys);
    wr_free(a->phys);
    wr_free(a->gids);
    wr_free(a->idx);
    wr_free(a->sorted);
    wr_free(a->ends);
    wr_free(a->froms);
    wr_free(a->counts);
    wri_calls_free(&a->calls);
    wr_free(a);
}

/* ---- slots ---- */

static bool before(const slot *s, int64_t end, int64_t from) {
    return s->end < end || (s->end == end && s->from < from);
}

static size_t lower_bound(const agg_local *a, int64_t end, int64_t from) {
    size_t lo = 0, hi = a->n_slots;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (before(&a->slots[mid], end, from)) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static wr_status find_slot(agg_local *a, int64_t end, int64_t from, slot **outp, wr_err *err) {
    size_t i = a->last;
    if (i >= a->n_slots || a->slots[i].end != end || a->slots[i].from != from) i = lower_bound(a, end, from);
    if (i == a->n_slots || a->slots[i].end != end || a->slots[i].from != from) {
        if (wr_grow(&a->slots, &a->slots_cap, a->n_slots + 1, sizeof *a->slots) != WR_OK)
            return wr_fail_oom(err, "slices");
        wri_groups *g =
            a->n_spare ? a->spare[--a->n_spare] : wri_groups_new(a->phys, a->n_keys, a->calls.state_bytes);
        if (!g) return wr_fail_oom(err, "a slice");
        memmove(&a->slots[i + 1], &a->slots[i], (a->n_slots - i) * sizeof *a->slots);
        a->slots[i] = (slot){end, from, g};
        a->n_slots++;
    }
    a->last = i;
    *outp = &a->slots[i];
    return WR_OK;
}

/* ---- partials out ---- */

static wr_status emit_partials(wr_op *op, agg_local *a, const slot *s, uint32_t first, uint32_t n,
                               wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_batch_new(op->node->out.n, n, &b, err));
    b->n = n;
    for (uint32_t i = 0; i < n; i++) a->gids[i] = first + i;
    wr_status r = wr_batch_col(b, 0, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) b->cols[0].i64[i] = s->end;
    if (r == WR_OK) r = wri_groups_emit_keys(s->groups, a->gids, n, b, 1, err);
    if (r == WR_OK) r = wri_calls_partial(&a->calls, states(s->groups), a->gids, n, b, 1 + a->n_keys, err);
    if (r == WR_OK) {
        b->hash = wr_arena_alloc(&b->arena, n * sizeof *b->hash);
        if (b->hash) memcpy(b->hash, wri_groups_hashes(s->groups) + first, n * sizeof *b->hash);
        else r = wr_fail_oom(err, "partials");
    }
    if (r == WR_OK && s->from != s->end) { /* tells the second phase: not in windows that end before from */
        b->wm = wr_arena_alloc(&b->arena, n * sizeof *b->wm);
        if (!b->wm) r = wr_fail_oom(err, "partials");
        for (uint32_t i = 0; b->wm && i < n; i++) b->wm[i] = s->from - a->win->tick_us - 1;
    }
    if (r == WR_OK) r = wr_emit(op, b, err);
    wr_batch_drop(b);
    return r;
}

static wr_status scratch(agg_local *a, size_t n, wr_err *err) {
    if (n <= a->cap) return WR_OK;
    uint32_t *g = wr_reallocn(a->gids, n, sizeof *g);
    if (g) a->gids = g;
    uint32_t *i = wr_reallocn(a->idx, n, sizeof *i);
    if (i) a->idx = i;
    uint32_t *o = wr_reallocn(a->sorted, n, sizeof *o);
    if (o) a->sorted = o;
    int64_t *e = wr_reallocn(a->ends, n, sizeof *e);
    if (e) a->ends = e;
    int64_t *f = wr_reallocn(a->froms, n, sizeof *f);
    if (f) a->froms = f;
    if (!g || !i || !o || !e || !f) return wr_fail_oom(err, "an aggregation");
    a->cap = n;
    return WR_OK;
}

/* Pushes all groups of the slot on and empties its table. */
static wr_status flush_slot(wr_op *op, agg_local *a, slot *s, wr_err *err) {
    uint32_t count = wri_groups_count(s->groups), step = wr_task_batch_rows(op->task);
    WR_TRY(scratch(a, step, err));
    for (uint32_t first = 1; first <= count; first += step) {
        uint32_t left = count - first + 1;
        WR_TRY(emit_partials(op, a, s, first, left < step ? left : step, err));
    }
    wri_calls_destroy(&a->calls, states(s->groups), 0, count);
    wri_groups_reset(s->groups);
    return WR_OK;
}

static wr_status keep_spare(agg_local *a, wri_groups *g, wr_err *err) {
    if (wr_grow(&a->spare, &a->spare_cap, a->n_spare + 1, sizeof *a->spare) != WR_OK) {
        free_groups(a, g);
        return wr_fail_oom(err, "slices");
    }
    a->spare[a->n_spare++] = g;
    return WR_OK;
}

/* Flushes the slots whose first window is complete at watermark wm. */
static wr_status flush_due(wr_op *op, int64_t wm, wr_err *err) {
    agg_local *a = op->state;
    size_t kept = 0;
    wr_status r = WR_OK;
    for (size_t i = 0; i < a->n_slots; i++) {
        slot *s = &a->slots[i];
        bool due = wm == WR_WM_END || (a->win->kind != WR_W_NONE && s->from - a->win->tick_us <= wm);
        if (r == WR_OK && due) {
            r = flush_slot(op, a, s, err);
            if (r == WR_OK) {
                r = keep_spare(a, s->groups, err);
                continue;
            }
        }
        a->slots[kept++] = *s;
    }
    a->n_slots = kept;
    return r;
}

/* ---- what waits ---- */

static bool comes_once(const wr_node *n) {
    return !n->agg.each_batch && n->agg.every_us == 0 && n->agg.lateness_us == 0;
}

/* Without memory rows are not counted: the numbers are for people. */
static void count_rows(wr_op *op, agg_local *a, int64_t end, uint32_t n) {
    size_t i = a->last_count;
    if (i >= a->n_counts || a->counts[i].end != end) {
        if (!comes_once(op->node)) return;
        for (i = a->n_counts; i > 0 && a->counts[i - 1].end > end; i--) {
        }
        if (i == 0 || a->counts[i - 1].end != end) {
            if (wr_grow(&a->counts, &a->counts_cap, a->n_counts + 1, sizeof *a->counts) != WR_OK) return;
            memmove(&a->counts[i + 1], &a->counts[i], (a->n_counts - i) * sizeof *a->counts);
            a->counts[i] = (counted){.end = end};
            a->n_counts++;
        } else i--;
        a->last_count = i;
    }
    a->counts[i].rows += n;
}

/* Slices whose last window has closed. */
static void forget_counts(agg_local *a, int64_t wm) {
    size_t gone = 0;
    while (gone < a->n_counts &&
           (wm == WR_WM_END ||
            (a->win->kind != WR_W_NONE && wri_last_end(a->win, a->counts[gone].end) - a->win->tick_us <= wm)))
        gone++;
    if (gone == 0) return;
    memmove(a->counts, a->counts + gone, (a->n_counts - gone) * sizeof *a->counts);
    a->n_counts -= gone;
}

static wr_status local_watermark(wr_op *op, int64_t wm, wr_err *err) {
    agg_local *a = op->state;
    forget_counts(a, wm);
    int64_t every = op->node->agg.every_us;
    if (every == 0 || wm == WR_WM_END) return flush_due(op, wm, err);
    int64_t passed = wr_floor_div(wm, every);
    bool early = passed > a->early;
    a->early = passed;
    return flush_due(op, early ? WR_WM_END : wm, err);
}

static wr_status local_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    (void)epoch;
    return flush_due(op, WR_WM_END, err);
}

/* ---- want of memory: what is here can always be pushed on, and empty tables can be had again ---- */

static void local_measure(const wr_op *op, wr_kept *out) {
    const agg_local *a = op->state;
    *out = (wr_kept){0};
    for (size_t i = 0; i < a->n_slots; i++) {
        out->keys += wri_groups_count(a->slots[i].groups);
        out->bytes += wri_groups_bytes(a->slots[i].groups);
    }
    for (size_t i = 0; i < a->n_spare; i++) out->bytes += wri_groups_bytes(a->spare[i]);
}

static wr_status local_relieve(wr_op *op, bool *didp, wr_err *err) {
    agg_local *a = op->state;
    wr_kept kept;
    local_measure(op, &kept);
    if ((a->n_slots == 0 && a->n_spare == 0) || kept.bytes < wri_memory_worth(op)) return WR_OK;
    WR_TRY(flush_due(op, WR_WM_END, err));
    while (a->n_spare > 0) free_groups(a, a->spare[--a->n_spare]);
    *didp = true;
    return WR_OK;
}

/* ---- rows in ---- */

static wr_status fold(wr_op *op, agg_local *a, const wr_batch *b, int64_t end, int64_t from, wr_err *err) {
    slot *s = NULL;
    WR_TRY(find_slot(a, end, from, &s, err));
    count_rows(op, a, end, b->n);
    WR_TRY(wri_groups_find(s->groups, b, a->keys, NULL, a->gids, err));
    WR_TRY(wri_calls_update(&a->calls, b, states(s->groups), a->gids, err));
    return wri_groups_count(s->groups) > EARLY_FLUSH_GROUPS ? flush_slot(op, a, s, err) : WR_OK;
}

/* Slice, first open window and lateness of each row; kept rows go to idx, late ones are reported. */
static wr_status place_rows(wr_op *op, agg_local *a, wr_batch *b, uint32_t *np, wr_err *err) {
    const wr_win *w = a->win;
    const int64_t *t = b->cols[w->kind == WR_W_ATTACHED ? w->end_col : w->time_col].i64;
    int64_t lateness = op->node->agg.lateness_us;
    uint32_t n = 0, n_late = 0, *late = wr_alloc(b->n * sizeof *late);
    if (!late) return wr_fail_oom(err, "an aggregation");
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t wm = b->wm && b->wm[i] > op->wm ? b->wm[i] : op->wm;
        if (wm > WR_WM_NONE + lateness) wm -= lateness;
        int64_t end = w->kind == WR_W_ATTACHED ? t[i] : wri_slice_end(w, t[i]);
        if (wm != WR_WM_NONE && wri_last_end(w, end) - w->tick_us <= wm) {
            late[n_late++] = i;
            continue;
        }
        int64_t from = wri_first_open(w, end, wm);
        a->ends[i] = end;
        a->froms[i] = from == wri_first_open(w, end, WR_WM_NONE) ? end : from;
        a->idx[n++] = i;
    }
    *np = n;
    wr_status r = n_late ? wr_task_late_rows(op, 0, b, late, n_late, err) : WR_OK;
    wr_free(late);
    return r;
}

static int by_slice(const void *x, const void *y, void *ctx) {
    const agg_local *a = ctx;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    if (a->ends[i] != a->ends[j]) return a->ends[i] < a->ends[j] ? -1 : 1;
    if (a->froms[i] != a->froms[j]) return a->froms[i] < a->froms[j] ? -1 : 1;
    return i < j ? -1 : 1; /* rows of a slice keep their order */
}

#define FEW_SLICES 16

/* Orders idx[0..n) by counting, when there are few slices; false: there are many. */
static bool sort_few(agg_local *a, uint32_t n) {
    struct {
        int64_t end, from;
        uint32_t n, at;
    } seen[FEW_SLICES];
    uint32_t n_seen = 0, last = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t end = a->ends[a->idx[i]], from = a->froms[a->idx[i]];
        if (!n_seen || seen[last].end != end || seen[last].from != from) {
            for (last = 0; last < n_seen && (seen[last].end != end || seen[last].from != from); last++) {
            }
            if (last == FEW_SLICES) return false;
            if (last == n_seen) {
                seen[n_seen].end = end;
                seen[n_seen].from = from;
                seen[n_seen++].n = 0;
            }
        }
        seen[last].n++;
        a->gids[i] = last;
    }
    uint32_t at = 0;
    for (uint32_t k = 0; k < n_seen; at += seen[k++].n) seen[k].at = at;
    for (uint32_t i = 0; i < n; i++) a->sorted[seen[a->gids[i]].at++] = a->idx[i];
    memcpy(a->idx, a->sorted, n * sizeof *a->idx);
    return true;
}

/* Groups idx[0..n) by (slice, from); rows of a slice keep their order. */
static void sort_rows(agg_local *a, uint32_t n) {
    if (!sort_few(a, n)) qsort_r(a->idx, n, sizeof *a->idx, by_slice, a);
}

/* Rows of several slices: split by slice, each part folded like a batch of its own. */
static wr_status fold_parts(wr_op *op, agg_local *a, wr_batch *b, wr_err *err) {
    uint32_t n = 0;
    WR_TRY(place_rows(op, a, b, &n, err));
    sort_rows(a, n);
    for (uint32_t at = 0, next; at < n; at = next) {
        int64_t end = a->ends[a->idx[at]], from = a->froms[a->idx[at]];
        for (next = at + 1; next < n; next++)
            if (a->ends[a->idx[next]] != end || a->froms[a->idx[next]] != from) break;
        if (next - at == b->n) return fold(op, a, b, end, from, err);
        wr_batch *part;
        WR_TRY(wr_batch_gather(b, a->idx + at, next - at, NULL, 0, &part, err));
        wr_status r = fold(op, a, part, end, from, err);
        wr_batch_drop(part);
        if (r != WR_OK) return r;
    }
    return WR_OK;
}

/* Whether all rows are of one slice with all its windows open; then *endp is its end. */
static bool one_slice(const wr_op *op, const agg_local *a, const wr_batch *b, int64_t *endp) {
    const wr_win *w = a->win;
    if (b->wm || w->kind == WR_W_ATTACHED) return false;
    const int64_t *t = b->cols[w->time_col].i64;
    int64_t lo = t[0], hi = t[0];
    for (uint32_t i = 1; i < b->n; i++) {
        lo = t[i] < lo ? t[i] : lo;
        hi = t[i] > hi ? t[i] : hi;
    }
    *endp = wri_slice_end(w, lo);
    return hi < *endp && (op->wm == WR_WM_NONE || wri_first_open(w, *endp, WR_WM_NONE) - w->tick_us > op->wm);
}

static wr_status local_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    agg_local *a = op->state;
    int64_t end = 0;
    if (b->n == 0) return WR_OK;
    WR_TRY(scratch(a, b->n, err));
    if (a->win->kind == WR_W_NONE || one_slice(op, a, b, &end)) WR_TRY(fold(op, a, b, end, end, err));
    else WR_TRY(fold_parts(op, a, b, err));
    return op->node->agg.each_batch ? flush_due(op, WR_WM_END, err) : WR_OK;
}

static int64_t start_of(const wr_win *w, int64_t end) {
    if (w->kind == WR_W_ATTACHED || w->kind == WR_W_NONE) return WR_WM_NONE;
    return w->kind == WR_W_CUMULATE ? wri_floor_off(end - 1, w->size_us, w->offset_us) : end - w->size_us;
}

/* Windows of one slice, as this worker has them. */
static void single_windows(const agg_local *a, wr_waits *out) {
    const wr_win *w = a->win;
    bool none = w->kind == WR_W_NONE;
    for (size_t i = 0; i < a->n_counts; i++)
        wri_waits_add(out, (wr_wait){.start_us = start_of(w, a->counts[i].end),
                                     .end_us = none ? WR_WM_NONE : a->counts[i].end,
                                     .due_us = none ? WR_WM_END : a->counts[i].end - w->tick_us,
                                     .rows = a->counts[i].rows});
    for (size_t i = 0; i < a->n_slots; i++)
        wri_waits_add(out, (wr_wait){.start_us = start_of(w, a->slots[i].end),
                                     .end_us = none ? WR_WM_NONE : a->slots[i].end,
                                     .due_us = none ? WR_WM_END : a->slots[i].end - w->tick_us,
                                     .keys = wri_groups_count(a->slots[i].groups)});
}

/* Windows of several slices: the first few; how many there are is a matter of arithmetic. */
static void several_windows(const wr_op *op, const agg_local *a, wr_waits *out) {
    const wr_win *w = a->win;
    int64_t first = INT64_MAX, last = INT64_MIN;
    uint64_t rows = 0, n;
    for (size_t i = 0; i < a->n_counts; i++) {
        int64_t from = wri_first_open(w, a->counts[i].end, op->wm), to = wri_last_end(w, a->counts[i].end);
        first = from < first ? from : first;
        last = to > last ? to : last;
        rows += a->counts[i].rows;
    }
    if (a->n_counts == 0) return;
    n = (uint64_t)((last - first) / w->slide_us) + 1;
    for (uint64_t k = 0; k < n && k < WRI_WAITS_SHOWN; k++) {
        int64_t end = first + (int64_t)k * w->slide_us;
        wr_wait x = {.start_us = start_of(w, end), .end_us = end, .due_us = end - w->tick_us};
        for (size_t i = 0; i < a->n_counts; i++)
            if (a->counts[i].end > x.start_us && a->counts[i].end <= end) x.rows += a->counts[i].rows;
        wri_waits_add(out, x);
    }
    out->n = n;
    out->rows = rows;
}

static void local_waiting(const wr_op *op, wr_waits *out) {
    const agg_local *a = op->state;
    out->shared = true;
    if (a->win->kind == WR_W_HOP || a->win->kind == WR_W_CUMULATE) several_windows(op, a, out);
    else if (comes_once(op->node)) single_windows(a, out);
    if (out->n) out->what = a->win->kind == WR_W_NONE ? "result" : "window";
}

const wr_op_def wri_op_agg_local = {.name = "local aggregate",
                                    .open = local_open,
                                    .push = local_push,
                                    .watermark = local_watermark,
                                    .barrier = local_barrier,
                                    .stateless = true,
                                    .measure = local_measure,
                                    .waiting = local_waiting,
                                    .relieve = local_relieve,
                                    .close = local_close};
