/* runtime/ops/join_changes.c -- joins over updating inputs: results are corrected as either side changes.
 *
 *   +r of a side   meets the rows M of the other side that are there and pass the residual:   +(r, m) for
 * each -r             the same rows again:                                                       -(r, m) for
 * each r is padded    when M is empty: +(r, NULL) or -(r, NULL) m is padded    as long as it has met nothing:
 * -(m, NULL) before its first pair, +(m, NULL) after its last
 *
 * SEMI and ANTI give rows of the left side by the same counts. So every row that is kept knows how many it
 * has met (only where that is asked). Rows are kept until they are taken back: of a changelog as many as
 * stand, of other input all (the planner asks for that to be wished).
 *
 * While a batch of one side is worked on, the other side does not change: first all its pairs are found and
 * tested, then its rows take effect one by one, in their order. A row that is taken back is found by its
 * values among those of its key; of equal rows any will do, as equal rows have met the same. Rows lie in
 * blocks, chained by key, the latest first; of a block half of whose rows are dead the others move to the
 * end.
 *
 * In a snapshot each row that lives is a slot, by its id, with how many it has met; they come back by key,
 * chains are made anew. */
#include <stdlib.h>

#include "group_table.h"
#include "join_saved.h"
#include "ops.h"
#include "slots.h"

#define FIRST_ROWS 16 /* of the first block: a table may be small */

typedef struct chain { /* state of a key: id + 1 of the first row of each side, 0: none */
    uint32_t head[2];
} chain;

typedef struct block {
    wr_batch *b; /* pos: its number */
    uint32_t dead;
    uint32_t *next; /* by row: id + 1 of the next row of the key */
    uint32_t *met;  /* rows of the other side */
} block;

typedef struct kept { /* rows of a side */
    block *blocks;    /* by number; those without b are not there */
    size_t n_blocks, blocks_cap;
    block *last; /* being filled; NULL: none */
    wri_numbers numbers;
    wri_slots slots;
    size_t rows;    /* that live */
    uint32_t *thin; /* numbers of blocks that are to be given up */
    size_t n_thin, thin_cap;
} kept;

typedef struct hit { /* row of the batch at hand with a row of the other side */
    uint32_t row, at;
    wr_batch *b;
} hit;

typedef struct changes_join {
    wri_jside sides[2];
    kept side[2];
    wri_groups *groups;
    wri_pairs pairs, out;
    hit *hits; /* by rising row */
    size_t n_hits, hits_cap;
    uint32_t *keyed, *none,
        *gids; /* scratch, by row of a batch; gids by row number of the batch, 0: NULL in the key */
    size_t cap;
    wri_picked *picked; /* scratch of snapshots */
    size_t picked_cap;
} changes_join;

/* ---- opening ---- */

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status changes_open(wr_op *op, wr_err *err) {
    changes_join *j = op->state = wr_calloc(1, sizeof *j);
    const wr_node *n = op->node;
    if (!j) return wr_fail_oom(err, "a join");
    for (uint32_t s = 0; s < 2; s++) {
        WR_TRY(wri_jside_init(&j->sides[s], n, s, true, err));
        wri_numbers_init(&j->side[s].numbers, WRI_BLOCK_BITS);
        wri_slots_init(&j->side[s].slots, op, 0, s, save_rows, j);
    }
    WR_TRY(wri_pairs_init(&j->pairs, op, j->sides, true, err));
    WR_TRY(wri_pairs_init(&j->out, op, j->sides, false, err));
    WR_TRY(wri_pairs_changes(&j->out, err));
    wr_phys *phys = wr_alloc((n->join.n_keys + 1) * sizeof *phys);
    for (uint32_t k = 0; phys && k < n->join.n_keys; k++) phys[k] = j->sides[0].phys[j->sides[0].keys[k]];
    j->groups = phys ? wri_groups_new(phys, n->join.n_keys, sizeof(chain)) : NULL;
    wr_free(phys);
    return j->groups && wri_groups_let_go(j->groups) ? WR_OK : wr_fail_oom(err, "a join");
}

static void free_block(block *x) {
    wr_batch_drop(x->b);
    wr_free(x->next);
    wr_free(x->met);
    *x = (block){0};
}

static void kept_free(kept *k) {
    for (size_t i = 0; i < k->n_blocks; i++) free_block(&k->blocks[i]);
    wr_free(k->blocks);
    wr_free(k->thin);
    wri_numbers_free(&k->numbers);
    wri_slots_free(&k->slots);
}

static void changes_close(wr_op *op) {
    changes_join *j = op->state;
    if (!j) return;
    for (uint32_t s = 0; s < 2; s++) {
        wri_jside_free(&j->sides[s]);
        kept_free(&j->side[s]);
    }
    wri_pairs_free(&j->pairs);
    wri_pairs_free(&j->out);
    wri_groups_free(j->groups);
    wr_free(j->hits);
    wr_free(j->keyed);
    wr_free(j->picked);
    wr_free(j);
}

static wr_status scratch(changes_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    wr_free(j->keyed);
    j->cap = 0;
    j->keyed = wr_alloc(4 * n * sizeof *j->keyed);
    if (!j->keyed) return wr_fail_oom(err, "a join");
    j->none = j->keyed + n;
    j->gids = j->keyed + 2 * n; /* and room for those in the order of keyed behind */
    j->cap = n;
    return WR_OK;
}

/* ---- rows that are kept ---- */

static chain *chain_of(changes_join *j, uint32_t gid) {
    return (chain *)(wri_groups_states(j->groups) + gid * wri_groups_stride(j->groups));
}
static block *block_of(const kept *k, uint32_t id) { return &k->blocks[(id - 1) >> WRI_BLOCK_BITS]; }
static uint32_t row_of(uint32_t id) { return (id - 1) & (WRI_BLOCK_ROWS - 1); }
static uint32_t *next_of(const kept *k, uint32_t id) { return &block_of(k, id)->next[row_of(id)]; }

static wr_status add_block(kept *k, const wri_jside *s, wr_err *err) {
    uint32_t no, cap = k->last ? k->last->b->cap * 4 : FIRST_ROWS;
    WR_TRY(wri_numbers_take(&k->numbers, &no, err));
    if (no >= UINT32_MAX >> WRI_BLOCK_BITS)
        return wr_fail(err, WR_ELIMIT, "a join would have to keep more than 2^32 rows");
    k->last = NULL;
    if (wr_grow(&k->blocks, &k->blocks_cap, (size_t)no + 1, sizeof *k->blocks) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    while (k->n_blocks <= no) k->blocks[k->n_blocks++] = (block){0};
    block *x = &k->blocks[no];
    if (cap > WRI_BLOCK_ROWS) cap = WRI_BLOCK_ROWS;
    WR_TRY(wri_block_new(s, cap, &x->b, err));
    x->b->pos = no;
    x->next = wr_alloc(cap * sizeof *x->next);
    x->met = wr_alloc(cap * sizeof *x->met);
    if (!x->next || !x->met) return wr_fail_oom(err, "rows of a join");
    k->last = x;
    return WR_OK;
}

/* Appends a row; *idp: its id + 1. It is in no chain yet. */
static wr_status append(kept *k, const wri_jside *s, const wr_batch *from, uint32_t row, uint32_t met,
                        uint32_t *idp, wr_err *err) {
    if (!k->last || k->last->b->n == k->last->b->cap) WR_TRY(add_block(k, s, err));
    block *x = k->last;
    uint32_t at = x->b->n, id = (uint32_t)x->b->pos << WRI_BLOCK_BITS | at;
    WR_TRY(wri_slots_touch(&k->slots, &id, 1, err));
    WR_TRY(wri_block_add(x->b, s, from, (wri_some){&row, 0, 1}, err));
    x->next[at] = 0;
    x->met[at] = met;
    k->rows++;
    *idp = id + 1;
    return WR_OK;
}

static bool same_row(const wri_jside *s, const wr_batch *a, uint32_t i, const wr_batch *b, uint32_t k) {
    for (uint32_t c = 0; c < s->n_kept; c++) {
        const wr_col *x = &a->cols[c], *y = &b->cols[c];
        bool null = wr_is_null(x, i);
        if (null != wr_is_null(y, k)) return false;
        if (null) continue;
        if (s->phys[c] == WR_STR ? !wr_str_eq(&x->str[i], &y->str[k]) : x->i64[i] != y->i64[k]) return false;
    }
    return true;
}

/* A row is gone from its chain. A block that is full, and half of it dead, will be given up. */
static wr_status bury(kept *k, uint32_t id, wr_err *err) {
    block *x = block_of(k, id);
    uint32_t slot = id - 1;
    WR_TRY(wri_slots_leave(&k->slots, &slot, 1, err));
    k->rows--;
    if (++x->dead != x->b->cap / 2) return WR_OK;
    if (wr_grow(&k->thin, &k->thin_cap, k->n_thin + 1, sizeof *k->thin) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    k->thin[k->n_thin++] = (uint32_t)x->b->pos;
    return WR_OK;
}

/* Takes a row like this out of the chain. */
static wr_status take_out(changes_join *j, uint32_t s, uint32_t gid, const wr_batch *view, uint32_t row,
                          wr_err *err) {
    kept *k = &j->side[s];
    uint32_t *link = &chain_of(j, gid)->head[s];
    while (*link && !same_row(&j->sides[s], view, row, block_of(k, *link)->b, row_of(*link)))
        link = next_of(k, *link);
    if (!*link) return wr_fail(err, WR_EINTERNAL, "a join was told to take back a row that it does not have");
    uint32_t id = *link;
    *link = *next_of(k, id);
    return bury(k, id, err);
}

/* A row that has met so many. */
static wr_status keep_row(changes_join *j, uint32_t s, uint32_t gid, const wr_batch *b, uint32_t row,
                          uint32_t met, wr_err *err) {
    kept *k = &j->side[s];
    uint32_t id = 0, *head = &chain_of(j, gid)->head[s];
    WR_TRY(append(k, &j->sides[s], b, row, met, &id, err));
    *next_of(k, id) = *head;
    *head = id;
    return WR_OK;
}

/* The rows of key gid that lie in block `no` move to the end; their order in the chain stays. */
static wr_status move_rows(changes_join *j, uint32_t s, uint32_t gid, uint32_t no, wr_err *err) {
    kept *k = &j->side[s];
    for (uint32_t at = chain_of(j, gid)->head[s], before = 0; at; at = *next_of(k, before)) {
        if ((at - 1) >> WRI_BLOCK_BITS == no) {
            uint32_t to = 0, slot = at - 1;
            block *x = block_of(k, at);
            wr_batch *b = x->b;
            uint32_t met = x->met[row_of(at)], next = x->next[row_of(at)];
            WR_TRY(append(k, &j->sides[s], b, row_of(at), met, &to, err)); /* blocks may move */
            WR_TRY(wri_slots_leave(&k->slots, &slot, 1, err));
            k->rows--;
            *next_of(k, to) = next;
            if (before) *next_of(k, before) = to;
            else chain_of(j, gid)->head[s] = to;
            at = to;
        }
        before = at;
    }
    return WR_OK;
}

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* Gives up a block: its living rows are those that the chains of its keys lead to. */
static wr_status give_up(wr_op *op, uint32_t s, uint32_t no, wr_err *err) {
    changes_join *j = op->state;
    kept *k = &j->side[s];
    wr_batch *b = k->blocks[no].b;
    uint32_t n, *found;
    if (k->last == &k->blocks[no]) k->last = NULL;
    WR_TRY(scratch(j, b->n, err));
    found = j->gids + j->cap;
    wri_keyed_rows(&j->sides[s], op->node, b, NULL, b->n, j->keyed, j->none, &n);
    wri_group_rows rows = {.b = b, .key_cols = j->sides[s].keys, .idx = j->keyed, .n = n};
    wri_groups_freeze(j->groups, true); /* keys of dead rows may be gone */
    wr_status r = wri_groups_find_rows(j->groups, &rows, found, err);
    wri_groups_freeze(j->groups, false);
    if (r == WR_OK && n) qsort(found, n, sizeof *found, by_number);
    for (uint32_t i = 0; r == WR_OK && i < n; i++)
        if (found[i] && (i == 0 || found[i] != found[i - 1])) r = move_rows(j, s, found[i], no, err);
    if (r != WR_OK) return r;
    free_block(&k->blocks[no]);
    wri_numbers_give(&k->numbers, no);
    return WR_OK;
}

/* ---- first: who meets whom ---- */

static wr_status note_hit(changes_join *j, uint32_t row, const wr_batch *b, uint32_t at, wr_err *err) {
    if (wr_grow(&j->hits, &j->hits_cap, j->n_hits + 1, sizeof *j->hits) != WR_OK)
        return wr_fail_oom(err, "pairs of a join");
    j->hits[j->n_hits++] = (hit){row, at, (wr_batch *)(uintptr_t)b};
    return WR_OK;
}

static wr_status test_pairs(wr_op *op, uint32_t port, wr_err *err) {
    changes_join *j = op->state;
    wri_pairs *p = &j->pairs;
    wr_status r = wri_pairs_test(p, err);
    for (uint32_t i = 0; r == WR_OK && i < p->n_hits; i++) {
        uint32_t h = p->hits[i];
        r = note_hit(j, p->row[port][h], p->b[!port][h], p->row[!port][h], err);
    }
    wri_pairs_forget(p);
    return r;
}

static wr_status find_hits(wr_op *op, uint32_t port, const wr_batch *view, wr_err *err) {
    changes_join *j = op->state;
    const kept *other = &j->side[!port];
    j->n_hits = 0;
    for (uint32_t i = 0; i < view->n; i++) {
        uint32_t id = j->gids[i] ? chain_of(j, j->gids[i])->head[!port] : 0;
        for (; id; id = *next_of(other, id)) {
            const wr_batch *b = block_of(other, id)->b;
            if (!op->node->join.residual) {
                WR_TRY(note_hit(j, i, b, row_of(id), err));
                continue;
            }
            bool full = port == 0 ? wri_pairs_add(&j->pairs, view, i, b, row_of(id))
                                  : wri_pairs_add(&j->pairs, b, row_of(id), view, i);
            if (full) WR_TRY(test_pairs(op, port, err));
        }
    }
    return j->pairs.n ? test_pairs(op, port, err) : WR_OK;
}

/* ---- then: what that changes ---- */

static wr_status put(changes_join *j, bool add, uint32_t side, wri_jrow a, wri_jrow b, wr_err *err) {
    return wri_pairs_put(&j->out, add ? WR_INSERT : WR_DELETE, side ? b : a, side ? a : b, err);
}

/* Whether it matters how many a row of side s has met. */
static bool counts_met(const wr_node *n, uint32_t s) {
    return wri_pads(n, s) || (s == 0 && wri_one_sided(n));
}

/* Row r of side `port` comes or goes, and meets m. */
static wr_status meet(wr_op *op, uint32_t port, wri_jrow r, const hit *h, bool add, wr_err *err) {
    changes_join *j = op->state;
    const wr_node *n = op->node;
    uint32_t o = !port, slot = (uint32_t)h->b->pos << WRI_BLOCK_BITS | h->at;
    if (counts_met(n, o)) WR_TRY(wri_slots_touch(&j->side[o].slots, &slot, 1, err));
    uint32_t *met = &j->side[o].blocks[h->b->pos].met[h->at];
    wri_jrow m = {h->b, h->at}, none = {0};
    bool semi = n->join.type == WR_JOIN_SEMI, first = add ? (*met)++ == 0 : --*met == 0;
    bool pads = first && wri_pads(n, o);
    if (pads && add) WR_TRY(put(j, false, o, m, none, err));
    if (semi && first && o == 0) WR_TRY(put(j, add, 0, m, none, err));
    if (!wri_one_sided(n)) WR_TRY(put(j, add, port, r, m, err));
    return pads && !add ? put(j, true, o, m, none, err) : WR_OK;
}

static wr_status apply_row(wr_op *op, uint32_t port, const wr_batch *view, uint32_t i, const hit *hits,
                           uint32_t n, wr_err *err) {
    changes_join *j = op->state;
    bool add = !wr_takes_back(wr_change_of(view, i));
    wri_jrow r = {view, i}, none = {0};
    for (uint32_t h = 0; h < n; h++) WR_TRY(meet(op, port, r, &hits[h], add, err));
    bool semi = port == 0 && op->node->join.type == WR_JOIN_SEMI;
    if (n ? semi : wri_pads(op->node, port)) WR_TRY(put(j, add, port, r, none, err));
    if (!j->gids[i]) return WR_OK; /* NULL in the key: it meets nothing, ever */
    if (!add) return take_out(j, port, j->gids[i], view, i, err);
    return keep_row(j, port, j->gids[i], view, i, n, err);
}

/* Keys of this batch that have no row are let go. */
static void let_go(wr_op *op, const wr_batch *view) {
    changes_join *j = op->state;
    uint32_t n = 0;
    if (op->node->join.n_keys == 0) return;
    for (uint32_t i = 0; i < view->n; i++) {
        chain *k = j->gids[i] ? chain_of(j, j->gids[i]) : NULL;
        if (!k || k->head[0] || k->head[1]) continue;
        k->head[0] = UINT32_MAX; /* found once */
        j->keyed[n++] = j->gids[i];
    }
    wri_groups_remove(j->groups, j->keyed, n);
}

static wr_status find_keys(wr_op *op, uint32_t port, const wr_batch *view, wr_err *err) {
    changes_join *j = op->state;
    uint32_t n, *found = j->gids + j->cap;
    wri_keyed_rows(&j->sides[port], op->node, view, NULL, view->n, j->keyed, j->none, &n);
    wri_group_rows rows = {.b = view, .key_cols = j->sides[port].keys, .idx = j->keyed, .n = n};
    WR_TRY(wri_groups_find_rows(j->groups, &rows, found, err));
    memset(j->gids, 0, view->n * sizeof *j->gids);
    for (uint32_t i = 0; i < n; i++) j->gids[j->keyed[i]] = found[i];
    return WR_OK;
}

static wr_status join_view(wr_op *op, uint32_t port, const wr_batch *view, wr_err *err) {
    changes_join *j = op->state;
    kept *k = &j->side[port];
    size_t at = 0;
    WR_TRY(find_keys(op, port, view, err));
    WR_TRY(find_hits(op, port, view, err));
    for (uint32_t i = 0; i < view->n; i++) {
        size_t from = at;
        while (at < j->n_hits && j->hits[at].row == i) at++;
        WR_TRY(apply_row(op, port, view, i, j->hits + from, (uint32_t)(at - from), err));
    }
    WR_TRY(wri_pairs_flush(&j->out, err)); /* before rows that it points to move */
    let_go(op, view);
    while (k->n_thin > 0) WR_TRY(give_up(op, port, k->thin[--k->n_thin], err));
    return WR_OK;
}

static wr_status changes_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    changes_join *j = op->state;
    wr_batch *view;
    WR_TRY(scratch(j, in->n, err));
    WR_TRY(wri_jside_view(&j->sides[port], in, &view, err));
    wr_status r = join_view(op, port, view, err);
    wr_batch_drop(view);
    return r;
}

/* ---- snapshots ---- */

static wr_status save_picked(changes_join *j, uint32_t s, const wri_picked *rows, uint32_t n, wr_saver *to,
                             wr_err *err) {
    const wri_jside *side = &j->sides[s];
    uint32_t *slots = wr_alloc(n * sizeof *slots + 1);
    wr_batch *b = NULL;
    if (n == 0) {
        wr_free(slots);
        return WR_OK;
    }
    wr_status r =
        slots ? wri_block_rows_saved(side, rows, n, side->n + 1, &b, err) : wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) r = wr_batch_col(b, side->n, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        slots[i] = (uint32_t)rows[i].pos << WRI_BLOCK_BITS | rows[i].row;
        b->cols[side->n].i64[i] = j->side[s].blocks[rows[i].pos].met[rows[i].row];
    }
    if (r == WR_OK) r = wr_save_slots(to, s, b, side->keys, wri_owner_keys(j->pairs.op->node), slots, err);
    wr_batch_drop(b);
    wr_free(slots);
    return r;
}

/* Many rows of a block go by themselves, the others together. */
static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    changes_join *j = slots->ctx;
    uint32_t s = slots->space, few = 0; /* in front of j->picked; behind them the rows of a block */
    if (wr_grow(&j->picked, &j->picked_cap, n, sizeof *j->picked) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t at = 0, next; at < n; at = next) {
        uint32_t no = ids[at] >> WRI_BLOCK_BITS;
        for (next = at; next < n && ids[next] >> WRI_BLOCK_BITS == no; next++)
            j->picked[few + next - at] = (wri_picked){
                .b = j->side[s].blocks[no].b, .row = ids[next] & (WRI_BLOCK_ROWS - 1), .pos = no};
        if (next - at < WRI_TOGETHER) few += next - at;
        else WR_TRY(save_picked(j, s, j->picked + few, next - at, to, err));
    }
    return save_picked(j, s, j->picked, few, to, err);
}

static wr_status changes_save(wr_op *op, wr_saver *to, wr_err *err) {
    changes_join *j = op->state;
    WR_TRY(wri_slots_barrier(&j->side[0].slots, to, err));
    return wri_slots_barrier(&j->side[1].slots, to, err);
}

static wr_status changes_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    changes_join *j = op->state;
    WR_TRY(wri_slots_rest(&j->side[0].slots, leftp, err));
    return *leftp ? WR_OK : wri_slots_rest(&j->side[1].slots, leftp, err);
}

static wr_status changes_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    changes_join *j = op->state;
    uint32_t s = saved->tag == 1;
    const wri_jside *side = &j->sides[s];
    WR_TRY(wri_jside_check(side, saved, 1, err));
    const wr_batch *b = saved->rows;
    WR_TRY(scratch(j, b->n, err));
    WR_TRY(find_keys(op, s, b, err));
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t met = b->cols[side->n].i64[i];
        if (!j->gids[i] || met < 0 || met > UINT32_MAX)
            return wr_fail(err, WR_EDATA, "rows of a join in the snapshot are not as they were written");
        WR_TRY(keep_row(j, s, j->gids[i], b, i, (uint32_t)met, err));
    }
    return WR_OK;
}

static void changes_measure(const wr_op *op, wr_kept *out) {
    const changes_join *j = op->state;
    out->bytes = wri_groups_bytes(j->groups);
    for (uint32_t s = 0; s < 2; s++) {
        out->keys += j->side[s].rows;
        out->bytes += j->side[s].rows * (wri_row_bytes(&op->node->in[s]->out) + 2 * sizeof(uint32_t)) +
                      wri_slots_bytes(&j->side[s].slots);
    }
}

const wr_op_def wri_op_join_changes = {.name = "join of changes",
                                       .open = changes_open,
                                       .push = changes_push,
                                       .save = changes_save,
                                       .save_rest = changes_save_rest,
                                       .load = changes_load,
                                       .keyed = true,
                                       .measure = changes_measure,
                                       .close = changes_close};
