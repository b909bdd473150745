/* runtime/ops/rank_say.c -- how the rows of a partition have changed.
 *
 *   rows that stood, rows that stand ─► ranks ─► those that went, those that came ─► paired ─► batches
 *
 * A row that is there before and after, with the same ranks (of those that somebody reads), is no change. Of
 * the others a row that went and one that came are an update when they have the same place, or the same ids,
 * as whoever reads them tells rows apart; the rest are deletes and inserts, deletes first. An update of which
 * nothing shows is none. */
#include "rank.h"

#include <stdlib.h>

#include "../job_int.h"

void wri_rank_say_free(wri_rank *s) {
    wr_free(s->was.items);
    wr_free(s->is.items);
    wr_free(s->went.items);
    wr_free(s->came.items);
    wr_free(s->out.items);
}

static wr_status list_add(wri_rank_list *l, const wri_rank_entry *e, wr_change change, wr_err *err) {
    if (wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items) != WR_OK)
        return wr_fail_oom(err, "rows that are ranked");
    l->items[l->n] = *e;
    l->items[l->n++].change = change;
    return WR_OK;
}

/* ---- ranks ---- */

static int rank_of(wr_over_fn fn) { return fn == WR_O_ROW_NUMBER ? 0 : fn == WR_O_RANK ? 1 : 2; }

/* The rows that are in the result, with their ranks. */
static wr_status rank_rows(wri_rank *s, wri_row *const *rows, size_t n, wri_rank_list *out, wr_err *err) {
    const wr_node *node = s->node;
    int64_t rank = 0, dense = 0;
    out->n = 0;
    bool peers =
        node->rank.top_fn != WR_O_ROW_NUMBER && node->rank.from > 1; /* ranks with ties are asked for */
    for (uint32_t i = 0; i < node->rank.n_fns; i++) peers = peers || node->rank.fns[i] != WR_O_ROW_NUMBER;
    for (size_t i = 0; i < n; i++) {
        bool tied = peers && i > 0 && wri_row_peers(&s->form, wri_row_at(rows[i - 1]), wri_row_at(rows[i]));
        if (!tied) {
            rank = (int64_t)i + 1;
            dense++;
        }
        wri_rank_entry e = {.row = rows[i], .ranks = {(int64_t)i + 1, rank, dense}};
        if (node->rank.from > 1 && e.ranks[rank_of(node->rank.top_fn)] < node->rank.from) continue;
        WR_TRY(list_add(out, &e, WR_INSERT, err));
    }
    return WR_OK;
}

static bool same_ranks(const wr_node *n, const wri_rank_entry *x, const wri_rank_entry *y) {
    for (uint32_t i = 0; i < n->rank.n_fns; i++) {
        int r = rank_of(n->rank.fns[i]);
        if (x->ranks[r] != y->ranks[r]) return false;
    }
    return true;
}

/* ---- what went, what came ---- */

static wr_status compare(wri_rank *s, wr_err *err) {
    const wri_rank_list *was = &s->was, *is = &s->is;
    s->went.n = s->came.n = 0;
    for (size_t i = 0, j = 0; i < was->n || j < is->n;) {
        const wri_rank_entry *x = i < was->n ? &was->items[i] : NULL, *y = j < is->n ? &is->items[j] : NULL;
        int c = !x ? 1 : !y ? -1 : x->row == y->row ? 0 : 2;
        if (c == 2) c = wri_row_cmp(&s->form, wri_row_at(x->row), wri_row_at(y->row));
        i += c <= 0;
        j += c >= 0;
        if (c == 0 && same_ranks(s->node, x, y)) continue;
        if (c <= 0) WR_TRY(list_add(&s->went, x, WR_DELETE, err));
        if (c >= 0) WR_TRY(list_add(&s->came, y, WR_INSERT, err));
    }
    return WR_OK;
}

/* ---- pairs ---- */

static bool by_ids(const wr_node *n) {
    if (!n->rank.has_ids || n->rank.told == WR_TOLD_RANK) return false;
    return n->rank.told == WR_TOLD_IDS || (n->rank.n_fns == 0 && n->rank.from != n->rank.to);
}

/* Whether no two rows are an update of each other. */
static bool apart(const wr_node *n) {
    if (n->rank.told == WR_TOLD_BOTH) return true;
    return !by_ids(n) && n->rank.n_fns == 0 && n->rank.from != n->rank.to;
}

static int cmp_ids(const void *x, const void *y, void *ctx) {
    const wri_rank *s = ctx;
    const wri_rank_entry *a = x, *b = y;
    int c = wri_row_cmp_cols(&s->form, a->row, b->row, s->node->rank.ids, s->node->rank.n_ids);
    return c ? c : wri_row_cmp(&s->form, wri_row_at(a->row), wri_row_at(b->row));
}

static int cmp_pair(const wri_rank *s, const wri_rank_entry *x, const wri_rank_entry *y) {
    if (by_ids(s->node))
        return wri_row_cmp_cols(&s->form, x->row, y->row, s->node->rank.ids, s->node->rank.n_ids);
    return (x->ranks[0] > y->ranks[0]) - (x->ranks[0] < y->ranks[0]);
}

static bool shows_no_change(const wri_rank *s, const wri_rank_entry *x, const wri_rank_entry *y) {
    const wr_node *n = s->node;
    return same_ranks(n, x, y) &&
           wri_row_cmp_cols(&s->form, x->row, y->row, n->rank.shown, n->rank.n_shown) == 0;
}

static wr_status emit_some(wri_rank *s, wr_err *err);

static wr_status put_pair(wri_rank *s, const wri_rank_entry *x, const wri_rank_entry *y, wr_err *err) {
    if (x && y && shows_no_change(s, x, y)) return WR_OK;
    if (s->out.n >= wr_task_batch_rows(s->op->task))
        WR_TRY(emit_some(s, err)); /* the two halves stay together */
    if (x) WR_TRY(list_add(&s->out, x, y ? WR_UPDATE_BEFORE : WR_DELETE, err));
    return y ? list_add(&s->out, y, x ? WR_UPDATE_AFTER : WR_INSERT, err) : WR_OK;
}

static wr_status put_pairs(wri_rank *s, wr_err *err) {
    const wri_rank_list *went = &s->went, *came = &s->came;
    if (apart(s->node)) {
        for (size_t i = 0; i < went->n; i++) WR_TRY(put_pair(s, &went->items[i], NULL, err));
        for (size_t j = 0; j < came->n; j++) WR_TRY(put_pair(s, NULL, &came->items[j], err));
        return WR_OK;
    }
    if (by_ids(s->node)) {
        if (went->n > 1) qsort_r(went->items, went->n, sizeof *went->items, cmp_ids, s);
        if (came->n > 1) qsort_r(came->items, came->n, sizeof *came->items, cmp_ids, s);
    }
    for (size_t i = 0, j = 0; i < went->n || j < came->n;) {
        const wri_rank_entry *x = i < went->n ? &went->items[i] : NULL;
        const wri_rank_entry *y = j < came->n ? &came->items[j] : NULL;
        int c = !x ? 1 : !y ? -1 : cmp_pair(s, x, y);
        i += c <= 0;
        j += c >= 0;
        WR_TRY(put_pair(s, c <= 0 ? x : NULL, c >= 0 ? y : NULL, err));
    }
    return WR_OK;
}

wr_status wri_rank_say(wri_rank *s, wri_row *const *old, size_t n_old, wri_row *const *now, size_t n_now,
                       wr_err *err) {
    WR_TRY(rank_rows(s, old, n_old, &s->was, err));
    WR_TRY(rank_rows(s, now, n_now, &s->is, err));
    WR_TRY(compare(s, err));
    return put_pairs(s, err);
}

/* ---- batches ---- */

static wr_status fill(wri_rank *s, wr_batch *b, wr_err *err) {
    const wr_node *n = s->node;
    uint32_t first = n->out.n - n->rank.n_fns;
    const wri_rank_entry *e = s->out.items;
    b->n = (uint32_t)s->out.n;
    for (uint32_t c = 0; c < n->out.n; c++)
        WR_TRY(wr_batch_col(b, c, wr_type_phys(n->out.fields[c].type), err));
    for (uint32_t i = 0; i < b->n; i++) WR_TRY(wri_row_put(&s->form, e[i].row, b, i, err));
    for (uint32_t c = 0; c < n->rank.n_fns; c++)
        for (uint32_t i = 0; i < b->n; i++) b->cols[first + c].i64[i] = e[i].ranks[rank_of(n->rank.fns[c])];
    if (!n->updating) return WR_OK;
    b->change = wr_arena_alloc(&b->arena, b->n);
    if (!b->change) return wr_fail_oom(err, "the kinds of changes");
    for (uint32_t i = 0; i < b->n; i++) b->change[i] = (uint8_t)e[i].change;
    return WR_OK;
}

static wr_status emit_some(wri_rank *s, wr_err *err) {
    wr_batch *b;
    if (s->out.n == 0) return WR_OK;
    WR_TRY(wr_batch_new(s->node->out.n, (uint32_t)s->out.n, &b, err));
    wr_status st = fill(s, b, err);
    if (st == WR_OK) st = wr_emit(s->op, b, err);
    wr_batch_drop(b);
    s->out.n = 0;
    return st;
}

wr_status wri_rank_flush(wri_rank *s, wr_err *err) { return emit_some(s, err); }
