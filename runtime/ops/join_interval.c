/* runtime/ops/join_interval.c -- rows with equal keys whose times lie near each other, as they come.
 *
 *   lo <= l.time - r.time <= hi     l is needed until the right watermark reaches l.time - lo,
 *                                   r is needed until the left  watermark reaches r.time + hi
 *
 * A row first meets the rows of the other side that are there, then waits itself if others can still come.
 * Each key has a chain of waiting rows a side, the latest first, so that a search ends at the first row that
 * is too old; rows know the time of the next one, so that no row is touched that has been freed. Rows lie in
 * blocks by time: buckets of a sixteenth of the interval. When a bucket is no longer needed its blocks go,
 * and keys without rows with them: O(1) a row. Unmatched rows of outer joins come out exactly when the
 * watermark proves them unmatched. Rows behind the watermark before them in their split are late.
 *
 * An outer join that nothing but state_ttl bounds does not wait for that (node->join.early): a row that meets
 * nothing comes out padded at once, and is taken back when its first match comes.
 *
 * What comes out is at most max(-lo, hi, 0) older than the watermark (op->holds_us); not so where the result
 * has a time of its own (node->join.recent), which is that of the row that came last, or of the watermark.
 *
 * In snapshots each row that waits is a slot, by its id; it changes when it is matched, if that counts. Rows
 * that are loaded come in any order, and go into their chains when all are there: bucket by bucket, by time.
 */
#include "by_time.h"
#include "join_saved.h"
#include "join_table.h"
#include "ops.h"
#include "saved_rows.h"
#include "slots.h"
#include "timeline.h"

#define ROWS_BITS 8
#define ROWS      (1u << ROWS_BITS) /* the most of a block */
#define AHEAD     16                /* rows; of what is fetched before it is needed */
#define FEW       4                 /* rows of a bucket's first block; the next have four times as many */

typedef struct block {
    wr_batch *b; /* kept columns; b->pos is the number of the block */
    uint32_t side, next_block;
    uint32_t cap;          /* rows that there is room for, in the arrays behind this, too */
    uint32_t *next, *gid;  /* next: id + 1 of the row behind it in its chain, 0: none */
    int64_t *next_ts, *ts; /* next_ts: of that row; a walk through a chain reads these two, and no others */
    uint64_t matched[ROWS / 64]; /* or done with */
} block;
#define ROW_BYTES (2 * sizeof(int64_t) + 2 * sizeof(uint32_t)) /* in its arrays */

typedef struct bucket {
    int64_t no;
    uint32_t first, last; /* numbers of its blocks + 1 */
} bucket;

typedef struct waiting { /* rows of one side */
    bucket *buckets;     /* rising */
    size_t n, cap;
    int64_t live_from; /* rows before this time are freed */
    int64_t after;     /* a row is needed until the other watermark reaches its time + after */
} waiting;

typedef struct chain { /* state of a key */
    int64_t ts[2];     /* of the first row of each side */
    uint32_t head[2];  /* its id + 1, 0: none */
    uint32_t rows;     /* of both sides; GONE: to be removed */
} chain;
#define GONE UINT32_MAX

typedef struct interval_join {
    wri_jside sides[2];
    waiting wait[2];
    wri_groups *groups;
    block **blocks; /* by number, NULL: none */
    size_t n_blocks, blocks_cap, n_live;
    uint64_t room; /* rows that the live ones have room for */
    wri_numbers numbers;
    wri_slots slots;
    wri_picked *picked; /* scratch of snapshots */
    size_t picked_cap;
    bool unlinked; /* rows were loaded, and stand in no chain yet */
    wri_pairs pairs, singles;
    int64_t width;
    bool forever;
    /* scratch, by row of a batch */
    uint32_t *ok, *keyed, *none, *gids, *ids, *sorted;
    uint8_t *hit;
    size_t cap;
    uint32_t *gone; /* keys to be removed */
    size_t n_gone, gone_cap;
} interval_join;

/* ---- opening ---- */

static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

static uint32_t slot_of(const block *b, uint32_t row) { return (uint32_t)b->b->pos << ROWS_BITS | row; }

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status all_rows(wri_slots *slots, wr_err *err) {
    const interval_join *j = slots->ctx;
    for (size_t i = 0; i < j->n_blocks; i++)
        if (j->blocks[i])
            WR_TRY(wri_slots_touch_range(slots, slot_of(j->blocks[i], 0), j->blocks[i]->b->n, err));
    return WR_OK;
}

static wr_status interval_open(wr_op *op, wr_err *err) {
    interval_join *j = op->state = wr_calloc(1, sizeof *j);
    const wr_node *n = op->node;
    if (!j) return wr_fail_oom(err, "a join");
    j->forever = n->join.time_cols[0] == WR_NO_COL;
    wri_numbers_init(&j->numbers, ROWS_BITS);
    wri_slots_init(&j->slots, op, 0, 0, save_rows, j);
    wri_slots_ask(&j->slots, all_rows);
    for (uint32_t s = 0; s < 2; s++) {
        WR_TRY(wri_jside_init(&j->sides[s], n, s, false, err));
        j->wait[s].live_from = INT64_MIN;
    }
    WR_TRY(wri_pairs_init(&j->pairs, op, j->sides, true, err));
    WR_TRY(wri_pairs_init(&j->singles, op, j->sides, false, err));
    if (n->join.early) WR_TRY(wri_pairs_changes(&j->singles, err));
    if (!j->forever) {
        j->wait[0].after = -n->join.lo_us;
        j->wait[1].after = n->join.hi_us;
        if (!n->join.recent) op->holds_us = at_least(at_least(-n->join.lo_us, n->join.hi_us), 0);
        j->width = at_least((n->join.hi_us - n->join.lo_us) / 16, 100000);
    }
    wr_phys *phys = wr_alloc((n->join.n_keys + 1) * sizeof *phys);
    for (uint32_t k = 0; phys && k < n->join.n_keys; k++) phys[k] = j->sides[0].phys[j->sides[0].keys[k]];
    j->groups = phys ? wri_groups_new(phys, n->join.n_keys, sizeof(chain)) : NULL;
    wr_free(phys);
    return j->groups && wri_groups_let_go(j->groups) ? WR_OK : wr_fail_oom(err, "a join");
}

static void interval_close(wr_op *op) {
    interval_join *j = op->state;
    if (!j) return;
    for (uint32_t s = 0; s < 2; s++) {
        wri_jside_free(&j->sides[s]);
        wr_free(j->wait[s].buckets);
    }
    for (size_t i = 0; i < j->n_blocks; i++) {
        if (j->blocks[i]) wr_batch_drop(j->blocks[i]->b);
        wr_free(j->blocks[i]);
    }
    wri_pairs_free(&j->pairs);
    wri_pairs_free(&j->singles);
    wri_groups_free(j->groups);
    wr_free(j->blocks);
    wri_numbers_free(&j->numbers);
    wri_slots_free(&j->slots);
    wr_free(j->picked);
    wr_free(j->ok);
    wr_free(j->hit);
    wr_free(j->gone);
    wr_free(j);
}

static wr_status scratch(interval_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    wr_free(j->ok);
    wr_free(j->hit);
    j->cap = 0;
    j->ok = wr_alloc(6 * n * sizeof *j->ok);
    j->hit = wr_alloc(n);
    if (!j->ok || !j->hit) return wr_fail_oom(err, "a join");
    j->keyed = j->ok + n;
    j->none = j->ok + 2 * n;
    j->gids = j->ok + 3 * n;
    j->ids = j->ok + 4 * n;
    j->sorted = j->ok + 5 * n;
    j->cap = n;
    return WR_OK;
}

static chain *chain_of(interval_join *j, uint32_t gid) {
    return (chain *)(wri_groups_states(j->groups) + gid * wri_groups_stride(j->groups));
}

/* ---- meeting the other side ---- */

static bool was_matched(const block *b, uint32_t row) { return b->matched[row >> 6] >> (row & 63) & 1; }
static void set_matched(block *b, uint32_t row) { b->matched[row >> 6] |= UINT64_C(1) << (row & 63); }

/* Whether it matters later that a row of side s was matched. */
static bool marks(const wr_node *n, uint32_t s) { return wri_pads(n, s) || (s == 0 && wri_one_sided(n)); }

/* Row i of the batch met row at of b. Left rows of a semi join come out once. */
static wr_status met(interval_join *j, const wr_node *n, uint32_t port, uint32_t i, block *b, uint32_t at,
                     wr_err *err) {
    j->hit[i] = 1;
    bool first = !was_matched(b, at);
    bool semi = port == 1 && n->join.type == WR_JOIN_SEMI && first;
    uint32_t slot = slot_of(b, at);
    if (first && marks(n, !port)) WR_TRY(wri_slots_touch(&j->slots, &slot, 1, err));
    set_matched(b, at);
    if (first && n->join.early && wri_pads(n, !port)) { /* it came out padded */
        wri_jrow m = {b->b, at}, none = {0};
        return wri_pairs_put(&j->singles, WR_DELETE, port ? m : none, port ? none : m, err);
    }
    return semi ? wri_pairs_single(&j->singles, 0, b->b, at, err) : WR_OK;
}

static wr_status flush_pairs(wr_op *op, uint32_t port, wr_err *err) {
    interval_join *j = op->state;
    wri_pairs *p = &j->pairs;
    if (p->n == 0) return WR_OK;
    WR_TRY(wri_pairs_test(p, err));
    if (op->node->join.type != WR_JOIN_INNER)
        for (uint32_t i = 0; i < p->n_hits; i++) {
            uint32_t h = p->hits[i];
            block *b = j->blocks[p->b[!port][h]->pos];
            WR_TRY(met(j, op->node, port, p->row[port][h], b, p->row[!port][h], err));
        }
    if (op->node->join.early)
        WR_TRY(wri_pairs_flush(&j->singles, err)); /* taken back before they come paired */
    return wri_pairs_emit(p, err);
}

typedef struct range {
    int64_t lo, hi;
} range;

/* Times of the other side that go with time t of this side. */
static range partners(const wr_node *n, const interval_join *j, uint32_t port, int64_t t) {
    if (j->forever) return (range){INT64_MIN, INT64_MAX};
    if (port == 0) return (range){t - n->join.hi_us, t - n->join.lo_us};
    return (range){t + n->join.lo_us, t + n->join.hi_us};
}

/* Row i of view, of time t, meets the waiting rows of the other side. */
static wr_status meet(wr_op *op, uint32_t port, const wr_batch *view, uint32_t i, int64_t t, const chain *k,
                      wr_err *err) {
    interval_join *j = op->state;
    const wr_node *n = op->node;
    uint32_t other = !port, id = k->head[other];
    if (!id) return WR_OK;
    bool one_sided = wri_one_sided(n), simple = one_sided && !n->join.residual;
    range r = partners(n, j, port, t);
    int64_t ts = k->ts[other], from = at_least(r.lo, j->wait[other].live_from);
    while (id && ts >= from) {
        block *b = j->blocks[(id - 1) >> ROWS_BITS];
        uint32_t at = (id - 1) & (ROWS - 1);
        bool fits = ts <= r.hi && !(one_sided && port == 1 && was_matched(b, at));
        if (fits && simple) {
            WR_TRY(met(j, n, port, i, b, at, err));
            if (port == 0) return WR_OK;
        } else if (fits) {
            bool full = port == 0 ? wri_pairs_add(&j->pairs, view, i, b->b, at)
                                  : wri_pairs_add(&j->pairs, b->b, at, view, i);
            if (full) WR_TRY(flush_pairs(op, port, err));
        }
        ts = b->next_ts[at];
        id = b->next[at];
    }
    return WR_OK;
}

/* ---- waiting ---- */

static wr_status new_block(interval_join *j, uint32_t side, uint32_t cap, uint32_t *nop, wr_err *err) {
    uint32_t no;
    WR_TRY(wri_numbers_take(&j->numbers, &no, err));
    if (no >= UINT32_MAX >> ROWS_BITS)
        return wr_fail(err, WR_ELIMIT, "an interval join would have to keep more than 2^32 rows");
    if (wr_grow(&j->blocks, &j->blocks_cap, (size_t)no + 1, sizeof(block *)) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    while (j->n_blocks <= no) j->blocks[j->n_blocks++] = NULL;
    block *b = wr_alloc(sizeof *b + cap * ROW_BYTES);
    if (!b) return wr_fail_oom(err, "rows of a join");
    j->blocks[no] = b;
    b->b = NULL;
    WR_TRY(wri_block_new(&j->sides[side], cap, &b->b, err));
    b->b->pos = no;
    b->side = side;
    b->next_block = 0;
    b->cap = cap;
    b->next_ts = (int64_t *)(b + 1);
    b->ts = b->next_ts + cap;
    b->next = (uint32_t *)(b->ts + cap);
    b->gid = b->next + cap;
    memset(b->matched, 0, sizeof b->matched);
    j->n_live++;
    j->room += cap;
    *nop = no;
    return WR_OK;
}

static wr_status find_bucket(waiting *w, int64_t no, size_t *atp, wr_err *err) {
    size_t lo = w->n;
    while (lo > 0 && w->buckets[lo - 1].no >= no) lo--; /* rows are nearly always of the last ones */
    *atp = lo;
    if (lo < w->n && w->buckets[lo].no == no) return WR_OK;
    if (wr_grow(&w->buckets, &w->cap, w->n + 1, sizeof *w->buckets) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    memmove(&w->buckets[lo + 1], &w->buckets[lo], (w->n - lo) * sizeof *w->buckets);
    w->buckets[lo] = (bucket){.no = no};
    w->n++;
    return WR_OK;
}

/* Copies rows idx[0..n) into bucket k; ids[i] of row idx[i]. */
static wr_status store(interval_join *j, uint32_t port, size_t k, const wr_batch *view, const uint32_t *idx,
                       uint32_t n, uint32_t *ids, wr_err *err) {
    bucket *u = &j->wait[port].buckets[k];
    for (uint32_t at = 0; at < n;) {
        block *b = u->last ? j->blocks[u->last - 1] : NULL;
        if (!b || b->b->n == b->cap) {
            uint32_t no = 0;
            WR_TRY(new_block(j, port, !b ? FEW : b->cap < ROWS ? 4 * b->cap : ROWS, &no, err));
            if (b) b->next_block = no + 1;
            else u->first = no + 1;
            u->last = no + 1;
            continue;
        }
        uint32_t first = b->b->n, m = b->cap - first < n - at ? b->cap - first : n - at;
        WR_TRY(wri_slots_touch_range(&j->slots, slot_of(b, first), m, err));
        WR_TRY(wri_block_add(b->b, &j->sides[port], view, (wri_some){idx, at, m}, err));
        for (uint32_t i = 0; i < m; i++) ids[at + i] = slot_of(b, first + i);
        at += m;
    }
    return WR_OK;
}

/* Puts a stored row into its key's chain, before all that are not later. */
static void enchain(interval_join *j, uint32_t port, block *b, uint32_t at) {
    int64_t t = b->ts[at], live = j->wait[port].live_from;
    chain *k = chain_of(j, b->gid[at]);
    uint32_t *link = &k->head[port];
    int64_t *link_ts = &k->ts[port];
    while (*link && *link_ts > t && *link_ts >= live) {
        block *p = j->blocks[(*link - 1) >> ROWS_BITS];
        uint32_t pa = (*link - 1) & (ROWS - 1);
        link = &p->next[pa];
        link_ts = &p->next_ts[pa];
    }
    b->next[at] = *link;
    b->next_ts[at] = *link_ts;
    *link = slot_of(b, at) + 1;
    *link_ts = t;
}

/* Stores rows idx[0..n) of one batch, of keys gids. */
static wr_status keep_rows(interval_join *j, uint32_t port, const wr_batch *view, const int64_t *time,
                           const uint32_t *idx, const uint32_t *gids, uint32_t n, wr_err *err) {
    waiting *w = &j->wait[port];
    for (uint32_t at = 0; at < n;) {
        /* Of the rows left, those of the bucket of the first, up to a run of one block's rows. */
        int64_t no = j->forever ? 0 : wr_floor_div(time[idx[at]], j->width);
        uint32_t m = at + 1;
        while (m < n && (j->forever || wr_floor_div(time[idx[m]], j->width) == no)) m++;
        size_t k;
        WR_TRY(find_bucket(w, no, &k, err));
        WR_TRY(store(j, port, k, view, idx + at, m - at, j->ids, err));
        for (uint32_t i = at; i < m; i++) {
            block *b = j->blocks[j->ids[i - at] >> ROWS_BITS];
            uint32_t row = j->ids[i - at] & (ROWS - 1);
            b->ts[row] = j->forever ? 0 : time[idx[i]];
            b->gid[row] = gids[i];
            if (j->hit[idx[i]]) set_matched(b, row);
            if (!j->unlinked) enchain(j, port, b, row);
        }
        at = m;
    }
    return WR_OK;
}

/* ---- letting go ---- */

static wr_status note_gone(interval_join *j, uint32_t gid, chain *k, wr_err *err) {
    if (wr_grow(&j->gone, &j->gone_cap, j->n_gone + 1, sizeof *j->gone) != WR_OK)
        return wr_fail_oom(err, "keys of a join");
    k->rows = GONE;
    j->gone[j->n_gone++] = gid;
    return WR_OK;
}

static void remove_gone(interval_join *j, const wr_node *n) {
    if (n->join.n_keys) wri_groups_remove(j->groups, j->gone, (uint32_t)j->n_gone);
    else
        for (size_t i = 0; i < j->n_gone; i++) *chain_of(j, j->gone[i]) = (chain){0};
    j->n_gone = 0;
}

/* Unmatched rows that will stay so at watermark wm come out. */
static wr_status emit_unmatched(wr_op *op, uint32_t s, const bucket *u, int64_t wm, wr_err *err) {
    interval_join *j = op->state;
    int64_t after = j->wait[s].after;
    for (uint32_t no = u->first; no; no = j->blocks[no - 1]->next_block) {
        block *b = j->blocks[no - 1];
        for (uint32_t i = 0; i < b->b->n; i++) {
            if (was_matched(b, i) || (wm != WR_WM_END && b->ts[i] + after > wm)) continue;
            uint32_t slot = slot_of(b, i);
            WR_TRY(wri_slots_touch(&j->slots, &slot, 1, err));
            set_matched(b, i);
            WR_TRY(wri_pairs_single(&j->singles, s, b->b, i, err));
        }
    }
    return wri_pairs_flush(&j->singles, err); /* before blocks go */
}

static wr_status free_bucket(interval_join *j, const bucket *u, wr_err *err) {
    for (uint32_t no = u->first; no;) {
        block *b = j->blocks[no - 1];
        for (uint32_t i = 0; i < b->b->n; i++) {
            chain *k = chain_of(j, b->gid[i]);
            if (--k->rows == 0) WR_TRY(note_gone(j, b->gid[i], k, err));
        }
        WR_TRY(wri_slots_leave_range(&j->slots, slot_of(b, 0), b->b->n, err));
        wr_batch_drop(b->b);
        j->blocks[no - 1] = NULL;
        j->n_live--;
        j->room -= b->cap;
        wri_numbers_give(&j->numbers, no - 1);
        no = b->next_block;
        wr_free(b);
    }
    return WR_OK;
}

/* Rows of side s that the other side's watermark makes useless. */
static wr_status expire(wr_op *op, uint32_t s, wr_err *err) {
    interval_join *j = op->state;
    waiting *w = &j->wait[s];
    int64_t wm = op->port_wm[!s];
    size_t done = 0;
    wr_status r = WR_OK;
    if (wm == WR_WM_NONE || (j->forever && wm != WR_WM_END)) return WR_OK;
    for (size_t i = 0; i < w->n && r == WR_OK; i++) {
        const bucket *u = &w->buckets[i];
        if (wm != WR_WM_END && u->no * j->width + w->after > wm) break;
        int64_t end = j->forever ? INT64_MAX : (u->no + 1) * j->width;
        if (wri_pads(op->node, s) && !op->node->join.early) r = emit_unmatched(op, s, u, wm, err);
        if (wm != WR_WM_END && end - 1 + w->after > wm) break;
        if (r == WR_OK) r = free_bucket(j, u, err);
        if (end > w->live_from) w->live_from = end;
        done++;
    }
    if (done && done < w->n) memmove(w->buckets, w->buckets + done, (w->n - done) * sizeof *w->buckets);
    w->n -= done;
    remove_gone(j, op->node);
    return r;
}

static wr_status link_loaded(interval_join *j, wr_err *err);

static wr_status interval_watermark(wr_op *op, int64_t wm, wr_err *err) {
    (void)wm;
    WR_TRY(link_loaded(op->state, err));
    WR_TRY(expire(op, 0, err));
    return expire(op, 1, err);
}

static wr_status interval_port_end(wr_op *op, uint32_t port, wr_err *err) {
    WR_TRY(link_loaded(op->state, err));
    return expire(op, !port, err);
}

/* ---- rows in ---- */

/* Whether a row of this time can still meet one that has not come. */
static bool can_wait(const wr_op *op, uint32_t port, int64_t t) {
    const interval_join *j = op->state;
    int64_t wm = op->port_wm[!port];
    return wm != WR_WM_END && (j->forever || t + j->wait[port].after > wm);
}

/* Row i of view, which waits for nothing: as it is now. */
static wr_status settle(wr_op *op, uint32_t port, const wr_batch *view, uint32_t i, bool hit, wr_err *err) {
    interval_join *j = op->state;
    bool out = hit ? port == 0 && op->node->join.type == WR_JOIN_SEMI : wri_pads(op->node, port);
    return out ? wri_pairs_single(&j->singles, port, view, i, err) : WR_OK;
}

/* After all have met the other side: to the front of keyed those that wait; the others are settled. Keys that
 * have no row are let go. */
static wr_status sort_out(wr_op *op, uint32_t port, const wr_batch *view, const int64_t *time, uint32_t n,
                          uint32_t *np, wr_err *err) {
    interval_join *j = op->state;
    uint32_t to = 0;
    bool done_when_hit = port == 0 && wri_one_sided(op->node);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = j->keyed[i];
        bool hit = j->hit[row];
        if (can_wait(op, port, j->forever ? 0 : time[row]) && !(hit && done_when_hit)) {
            chain_of(j, j->gids[i])->rows++;
            if (op->node->join.early) WR_TRY(settle(op, port, view, row, hit, err));
            j->keyed[to] = row;
            j->gids[to++] = j->gids[i];
        } else {
            WR_TRY(settle(op, port, view, row, hit, err));
            j->sorted[i - to] = j->gids[i];
        }
    }
    *np = to;
    for (uint32_t i = 0; i < n - to; i++) {
        chain *k = chain_of(j, j->sorted[i]);
        if (k->rows == 0) WR_TRY(note_gone(j, j->sorted[i], k, err));
    }
    remove_gone(j, op->node);
    return WR_OK;
}

static wr_status join_rows(wr_op *op, uint32_t port, wr_batch *view, const int64_t *time, uint32_t n,
                           wr_err *err) {
    interval_join *j = op->state;
    uint32_t n_keyed, n_wait;
    wri_keyed_rows(&j->sides[port], op->node, view, j->ok, n, j->keyed, j->none, &n_keyed);
    for (uint32_t i = 0; i < n - n_keyed; i++) WR_TRY(settle(op, port, view, j->none[i], false, err));
    wri_group_rows rows = {.b = view, .key_cols = j->sides[port].keys, .idx = j->keyed, .n = n_keyed};
    WR_TRY(wri_groups_find_rows(j->groups, &rows, j->gids, err));
    memset(j->hit, 0, view->n);
    for (uint32_t i = 0; i < n_keyed; i++) {
        uint32_t row = j->keyed[i];
        WR_TRY(meet(op, port, view, row, j->forever ? 0 : time[row], chain_of(j, j->gids[i]), err));
    }
    WR_TRY(flush_pairs(op, port, err));
    WR_TRY(sort_out(op, port, view, time, n_keyed, &n_wait, err));
    WR_TRY(keep_rows(j, port, view, time, j->keyed, j->gids, n_wait, err));
    return wri_pairs_flush(&j->singles, err);
}

static wr_status interval_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    interval_join *j = op->state;
    uint32_t n = in->n, col = op->node->join.time_cols[port];
    WR_TRY(link_loaded(j, err));
    WR_TRY(scratch(j, in->n, err));
    if (j->forever)
        for (uint32_t i = 0; i < n; i++) j->ok[i] = i;
    else WR_TRY(wri_in_time(op, port, in, col, j->ok, &n, err));
    if (n == 0) return WR_OK;
    wr_batch *view;
    WR_TRY(wri_jside_view(&j->sides[port], in, &view, err));
    wr_status r = join_rows(op, port, view, j->forever ? NULL : in->cols[col].i64, n, err);
    wri_pairs_forget(&j->pairs); /* nothing points to the view any more */
    wri_pairs_forget(&j->singles);
    wr_batch_drop(view);
    return r;
}

/* ---- snapshots: rows as they came in, and whether they have been matched; chains are made anew ---- */

/* Columns of a view that are not kept: the keys and the time; and the marks. */
static wr_status save_rest(interval_join *j, uint32_t s, const wri_picked *rows, wr_batch *out, wr_err *err) {
    const wri_jside *side = &j->sides[s];
    const wr_node *n = j->pairs.op->node;
    uint32_t *gids = wr_alloc(out->n * sizeof *gids);
    wr_batch *keys = NULL;
    bool timed = side->time != WR_NO_COL && side->time >= side->n_kept;
    wr_status r = gids ? wr_batch_new(n->join.n_keys, out->n, &keys, err) : wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < out->n; i++) gids[i] = j->blocks[rows[i].pos]->gid[rows[i].row];
    if (r == WR_OK) {
        keys->n = out->n;
        r = wri_groups_emit_keys(j->groups, gids, out->n, keys, 0, err);
    }
    if (r == WR_OK) r = wr_batch_keep(out, &keys->ref, err);
    for (uint32_t k = 0; r == WR_OK && k < n->join.n_keys; k++) {
        if (side->keys[k] >= side->n_kept) out->cols[side->keys[k]] = keys->cols[k];
        timed &= side->keys[k] != side->time;
    }
    if (r == WR_OK && timed) r = wr_batch_col(out, side->time, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && timed && i < out->n; i++)
        out->cols[side->time].i64[i] = j->blocks[rows[i].pos]->ts[rows[i].row];
    if (r == WR_OK && marks(n, s)) r = wr_batch_col(out, side->n, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && marks(n, s) && i < out->n; i++)
        out->cols[side->n].i64[i] = was_matched(j->blocks[rows[i].pos], rows[i].row);
    wr_batch_drop(keys);
    wr_free(gids);
    return r;
}

/* rows[0..n) of side s; pos: the number of the block. */
static wr_status save_picked(interval_join *j, uint32_t s, const wri_picked *rows, uint32_t n, wr_saver *to,
                             wr_err *err) {
    const wri_jside *side = &j->sides[s];
    const wr_node *node = j->pairs.op->node;
    uint32_t n_cols = side->n + marks(node, s), *slots = wr_alloc(n * sizeof *slots + 1);
    wr_batch *out = NULL;
    if (!slots) return wr_fail_oom(err, "a snapshot");
    wr_status r = n ? wri_block_rows_saved(side, rows, n, n_cols, &out, err) : WR_OK;
    for (uint32_t i = 0; i < n; i++) slots[i] = (uint32_t)rows[i].pos << ROWS_BITS | rows[i].row;
    if (r == WR_OK && n > 0) r = save_rest(j, s, rows, out, err);
    if (r == WR_OK && n > 0) r = wr_save_slots(to, s, out, side->keys, node->join.n_keys, slots, err);
    wr_batch_drop(out);
    wr_free(slots);
    return r;
}

/* Many rows of a block go by themselves, the others of a side together. */
static wr_status save_side(interval_join *j, uint32_t s, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    uint32_t few = 0; /* in front of j->picked; behind them the rows of a block */
    for (uint32_t at = 0, next; at < n; at = next) {
        uint32_t no = ids[at] >> ROWS_BITS;
        for (next = at; next < n && ids[next] >> ROWS_BITS == no; next++)
            j->picked[few + next - at] =
                (wri_picked){.b = j->blocks[no]->b, .row = ids[next] & (ROWS - 1), .pos = no};
        if (j->blocks[no]->side != s) continue;
        if (next - at < WRI_TOGETHER) few += next - at;
        else WR_TRY(save_picked(j, s, j->picked + few, next - at, to, err));
    }
    return save_picked(j, s, j->picked, few, to, err);
}

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    interval_join *j = slots->ctx;
    if (wr_grow(&j->picked, &j->picked_cap, n, sizeof *j->picked) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    WR_TRY(save_side(j, 0, ids, n, to, err));
    return save_side(j, 1, ids, n, to, err);
}

static wr_status interval_save(wr_op *op, wr_saver *to, wr_err *err) {
    interval_join *j = op->state;
    WR_TRY(link_loaded(j, err));
    return wri_slots_barrier(&j->slots, to, err);
}

static wr_status interval_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((interval_join *)op->state)->slots, leftp, err);
}

static wr_status interval_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    interval_join *j = op->state;
    uint32_t s = saved->tag == 1;
    const wri_jside *side = &j->sides[s];
    bool marked = marks(op->node, s);
    WR_TRY(wri_jside_check(side, saved, marked, err));
    wr_batch *view = saved->rows;
    WR_TRY(scratch(j, view->n, err));
    for (uint32_t i = 0; i < view->n; i++) {
        j->keyed[i] = i;
        j->hit[i] = marked && view->cols[side->n].i64[i];
    }
    wri_group_rows rows = {.b = view, .key_cols = side->keys, .idx = j->keyed, .n = view->n};
    WR_TRY(wri_groups_find_rows(j->groups, &rows, j->gids, err));
    for (uint32_t i = 0; i < view->n; i++) chain_of(j, j->gids[i])->rows++;
    j->unlinked = true; /* until all rows are there: else each would have to look for its place */
    const int64_t *time = j->forever ? NULL : view->cols[side->time].i64;
    return keep_rows(j, s, view, time, j->keyed, j->gids, view->n, err);
}

static uint32_t rows_in(const interval_join *j, const bucket *u) {
    uint32_t n = 0;
    for (uint32_t no = u->first; no; no = j->blocks[no - 1]->next_block) n += j->blocks[no - 1]->b->n;
    return n;
}

/* Rows of a bucket go into their chains, whose rows so far are all of earlier buckets. In the order of their
 * times, each is the first of its chain. */
static wr_status link_bucket(interval_join *j, uint32_t s, const bucket *u, wri_timed **room, size_t *cap,
                             wr_err *err) {
    uint32_t n = rows_in(j, u), at = 0;
    if (wr_grow(room, cap, 2 * (size_t)n, sizeof **room) != WR_OK) return wr_fail_oom(err, "rows of a join");
    for (uint32_t no = u->first; no; no = j->blocks[no - 1]->next_block) {
        const block *b = j->blocks[no - 1];
        for (uint32_t i = 0; i < b->b->n; i++)
            (*room)[at++] = (wri_timed){b->ts[i], slot_of(b, i), b->gid[i]};
    }
    const wri_timed *rows = wri_by_time(*room, *room + n, n);
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(chain_of(j, rows[i + AHEAD].gid), 1);
        enchain(j, s, j->blocks[rows[i].slot >> ROWS_BITS], rows[i].slot & (ROWS - 1));
    }
    return WR_OK;
}

/* Before the first of anything that happens after loading. */
static wr_status link_loaded(interval_join *j, wr_err *err) {
    wri_timed *room = NULL;
    size_t cap = 0;
    wr_status r = WR_OK;
    if (!j->unlinked) return WR_OK;
    j->unlinked = false;
    for (uint32_t s = 0; s < 2; s++)
        for (size_t i = 0; r == WR_OK && i < j->wait[s].n; i++)
            r = link_bucket(j, s, &j->wait[s].buckets[i], &room, &cap, err);
    wr_free(room);
    return r;
}

static uint64_t rows_kept(const interval_join *j) {
    uint64_t n = 0;
    for (size_t i = 0; i < j->n_blocks; i++) n += j->blocks[i] ? j->blocks[i]->b->n : 0;
    return n;
}

static void interval_measure(const wr_op *op, wr_kept *out) {
    const interval_join *j = op->state;
    size_t row = wri_row_bytes(&op->node->in[0]->out), other = wri_row_bytes(&op->node->in[1]->out);
    out->keys = rows_kept(j);
    out->bytes = wri_groups_bytes(j->groups) + j->n_live * (sizeof(block) + sizeof(wr_batch)) +
                 j->room * (ROW_BYTES + (row + other) / 2) + wri_slots_bytes(&j->slots);
}

/* Rows of the bucket, and the least time among them. */
static uint64_t look_into(const interval_join *j, const bucket *b, int64_t *leastp) {
    uint64_t n = 0;
    for (uint32_t at = b->first; at; at = j->blocks[at - 1]->next_block) {
        const block *k = j->blocks[at - 1];
        for (uint32_t i = 0; i < k->b->n; i++)
            if (k->ts[i] < *leastp) *leastp = k->ts[i];
        n += k->b->n;
    }
    return n;
}

/* Of inner joins nothing waits: pairs come out at once. Of outer ones rows that have met nobody, which are
 * among those that are kept. */
static void interval_waiting(const wr_op *op, wr_waits *out) {
    const interval_join *j = op->state;
    uint64_t rows = 0;
    for (uint32_t s = 0; s < 2; s++) {
        const waiting *w = &j->wait[s];
        int64_t least = INT64_MAX;
        if (!wri_pads(op->node, s) || op->node->join.early || w->n == 0) continue;
        for (size_t i = 0; i < w->n; i++) rows += look_into(j, &w->buckets[i], &least);
        if (least == INT64_MAX) continue;
        wr_wait x = {.start_us = WR_WM_NONE, .end_us = WR_WM_NONE, .due_us = WR_WM_END};
        if (!j->forever) x.due_us = least + w->after;
        if (op->wm != WR_WM_NONE && x.due_us <= op->wm)
            x.due_us = op->wm + 1; /* it has met one, and goes soon */
        wri_waits_add(out, x);
    }
    if (out->n == 0) return;
    out->what = "row that may still meet another one";
    out->rows = out->n = rows;
}

const wr_op_def wri_op_join_interval = {.name = "interval join",
                                        .open = interval_open,
                                        .push = interval_push,
                                        .watermark = interval_watermark,
                                        .port_end = interval_port_end,
                                        .save = interval_save,
                                        .save_rest = interval_save_rest,
                                        .load = interval_load,
                                        .keyed = true,
                                        .measure = interval_measure,
                                        .waiting = interval_waiting,
                                        .close = interval_close};
