/* runtime/ops/join_table.c -- a hash table of rows and the operator that is nothing but one: see
 * join_table.h.
 *
 * The operator: the right input is bounded and read first; rows of the left one wait until it has ended,
 * then pass as they come. The watermark of the right input does not count, so that nothing is late behind. */
#include "join_table.h"

#include "join_reload.h"
#include "join_saved.h"
#include "ops.h"

typedef struct null_state {
    uint32_t any, null;
} null_state;

static wri_groups *new_groups(const wri_jside *s, uint32_t n, size_t bytes) {
    wr_phys *phys = wr_alloc((n + 1) * sizeof *phys);
    for (uint32_t i = 0; phys && i < n; i++) phys[i] = s->phys[s->keys[i]];
    wri_groups *g = phys ? wri_groups_new(phys, n, bytes) : NULL;
    wr_free(phys);
    return g;
}

wr_status wri_jtable_init(wri_jtable *t, wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    t->op = op;
    for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_jside_init(&t->sides[s], n, s, true, err));
    WR_TRY(wri_pairs_init(&t->pairs, op, t->sides, true, err));
    WR_TRY(wri_pairs_init(&t->singles, op, t->sides, false, err));
    t->groups = new_groups(&t->sides[1], n->join.n_keys, sizeof(uint32_t));
    if (t->groups && n->join.null_aware)
        t->nulls = new_groups(&t->sides[1], n->join.n_keys - 1, sizeof(null_state));
    return t->groups && (t->nulls || !n->join.null_aware) ? WR_OK : wr_fail_oom(err, "a join");
}

void wri_jtable_free(wri_jtable *t) {
    for (uint32_t s = 0; s < 2; s++) wri_jside_free(&t->sides[s]);
    wri_pairs_free(&t->pairs);
    wri_pairs_free(&t->singles);
    wri_groups_free(t->groups);
    wri_groups_free(t->nulls);
    wri_rows_free(&t->rows);
    wr_free(t->next);
    wr_free(t->matched);
    wr_free(t->was);
    wr_free(t->gids);
    wr_free(t->keyed);
    wr_free(t->none);
    wr_free(t->hit);
}

static wr_status scratch(wri_jtable *t, size_t n, wr_err *err) {
    if (n <= t->cap) return WR_OK;
    uint32_t *g = wr_reallocn(t->gids, n, sizeof *g);
    if (g) t->gids = g;
    uint32_t *k = wr_reallocn(t->keyed, n, sizeof *k);
    if (k) t->keyed = k;
    uint32_t *o = wr_reallocn(t->none, n, sizeof *o);
    if (o) t->none = o;
    uint8_t *h = wr_realloc(t->hit, n);
    if (h) t->hit = h;
    if (!g || !k || !o || !h) return wr_fail_oom(err, "a join");
    t->cap = n;
    return WR_OK;
}

static uint32_t *head_of(wri_jtable *t, uint32_t gid) {
    return (uint32_t *)(wri_groups_states(t->groups) + gid * wri_groups_stride(t->groups));
}
static size_t number_of(const wri_jtable *t, uint32_t id) {
    return (size_t)t->rows.blocks[id >> WRI_BLOCK_BITS]->pos + (id & (WRI_BLOCK_ROWS - 1));
}

/* ---- NOT IN ----
 * x NOT IN S is true when S is empty, or when neither x nor any of S is NULL and x is not in S. S is the rows
 * that agree in the keys before the last. */

static bool outer_null(const wri_jtable *t, uint32_t side, const wr_batch *b, uint32_t row) {
    const wr_node *n = t->op->node;
    for (uint32_t k = 0; k + 1 < n->join.n_keys; k++)
        if (!n->join.null_eq[k] && wr_is_null(&b->cols[t->sides[side].keys[k]], row)) return true;
    return false;
}

static wr_status find_sets(wri_jtable *t, uint32_t side, const wr_batch *b, uint32_t n, wr_err *err) {
    wri_group_rows rows = {.b = b, .key_cols = t->sides[side].keys, .idx = t->none, .n = n};
    return wri_groups_find_rows(t->nulls, &rows, t->gids, err);
}

static null_state *set_of(wri_jtable *t, uint32_t gid) {
    return (null_state *)(wri_groups_states(t->nulls) + gid * wri_groups_stride(t->nulls));
}

static const wr_col *last_key(const wri_jtable *t, uint32_t side, const wr_batch *b) {
    return &b->cols[t->sides[side].keys[t->op->node->join.n_keys - 1]];
}

static wr_status note_sets(wri_jtable *t, const wr_batch *b, wr_err *err) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++)
        if (!outer_null(t, 1, b, i)) t->none[n++] = i;
    WR_TRY(find_sets(t, 1, b, n, err));
    for (uint32_t i = 0; i < n; i++) {
        null_state *s = set_of(t, t->gids[i]);
        s->any = 1;
        s->null |= wr_is_null(last_key(t, 1, b), t->none[i]);
    }
    return WR_OK;
}

/* Marks as hit the left rows for which NOT IN is not true although nothing equals them. */
static wr_status hit_nulls(wri_jtable *t, const wr_batch *left, wr_err *err) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < left->n; i++)
        if (!t->hit[i] && !outer_null(t, 0, left, i)) t->none[n++] = i;
    wri_groups_freeze(t->nulls, true);
    wr_status r = find_sets(t, 0, left, n, err);
    wri_groups_freeze(t->nulls, false);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        const null_state *s = set_of(t, t->gids[i]);
        if (t->gids[i] && s->any && (s->null || wr_is_null(last_key(t, 0, left), t->none[i])))
            t->hit[t->none[i]] = 1;
    }
    return r;
}

/* ---- building ---- */

wr_status wri_jtable_build(wri_jtable *t, wr_err *err) {
    const wr_node *node = t->op->node;
    size_t words = t->rows.rows / 64 + 1;
    if (wr_grow(&t->next, &t->next_cap, t->rows.rows + 1, sizeof *t->next) != WR_OK)
        return wr_fail_oom(err, "a join");
    if (wri_pads(node, 1)) {
        if (wr_grow(&t->matched, &t->matched_cap, words, sizeof *t->matched) != WR_OK)
            return wr_fail_oom(err, "a join");
        memset(t->matched, 0, words * sizeof *t->matched);
        if (t->was_n) memcpy(t->matched, t->was, t->was_n * sizeof *t->was);
        t->was_n = 0;
    }
    for (size_t k = 0; k < t->rows.n; k++) {
        const wr_batch *b = t->rows.blocks[k];
        uint32_t n;
        WR_TRY(scratch(t, b->n, err));
        if (t->nulls) WR_TRY(note_sets(t, b, err));
        wri_keyed_rows(&t->sides[1], node, b, NULL, b->n, t->keyed, t->none, &n);
        wri_group_rows rows = {.b = b, .key_cols = t->sides[1].keys, .idx = t->keyed, .n = n};
        WR_TRY(wri_groups_find_rows(t->groups, &rows, t->gids, err));
        for (uint32_t i = 0; i < n; i++) {
            uint32_t *head = head_of(t, t->gids[i]);
            t->next[b->pos + t->keyed[i]] = *head;
            *head = ((uint32_t)k << WRI_BLOCK_BITS | t->keyed[i]) + 1;
        }
    }
    return WR_OK;
}

/* ---- probing ---- */

static wr_status flush_pairs(wri_jtable *t, wr_err *err) {
    wri_pairs *p = &t->pairs;
    if (p->n == 0) return WR_OK;
    WR_TRY(wri_pairs_test(p, err));
    for (uint32_t i = 0; i < p->n_hits; i++) t->hit[p->row[0][p->hits[i]]] = 1;
    for (uint32_t i = 0; wri_pads(t->op->node, 1) && i < p->n_hits; i++) {
        uint32_t h = p->hits[i];
        uint32_t number = (uint32_t)p->b[1][h]->pos + p->row[1][h];
        if (wr_bit(t->matched, number)) continue;
        if (t->rows.slots) WR_TRY(wri_slots_touch(t->rows.slots, &number, 1, err));
        wr_bit_set(t->matched, number);
    }
    return wri_pairs_emit(p, err);
}

static wr_status probe_row(wri_jtable *t, const wr_batch *left, uint32_t row, uint32_t head, wr_err *err) {
    for (uint32_t id = head; id;) {
        const wr_batch *b = t->rows.blocks[(id - 1) >> WRI_BLOCK_BITS];
        uint32_t at = (id - 1) & (WRI_BLOCK_ROWS - 1);
        if (wri_pairs_add(&t->pairs, left, row, b, at)) WR_TRY(flush_pairs(t, err));
        id = t->next[number_of(t, id - 1)];
    }
    return WR_OK;
}

/* Left rows that come out alone. */
static wr_status emit_left(wri_jtable *t, const wr_batch *left, wr_err *err) {
    const wr_node *node = t->op->node;
    bool semi = node->join.type == WR_JOIN_SEMI;
    if (!semi && !wri_pads(node, 0)) return WR_OK;
    t->singles.followed = t->pairs.followed;
    for (uint32_t i = 0; i < left->n; i++)
        if (t->hit[i] == semi) WR_TRY(wri_pairs_single(&t->singles, 0, left, i, err));
    return wri_pairs_flush(&t->singles, err);
}

wr_status wri_jtable_probe(wri_jtable *t, const wr_batch *left, wr_err *err) {
    const wr_node *node = t->op->node;
    bool exists = wri_one_sided(node) && !node->join.residual;
    uint32_t n;
    WR_TRY(scratch(t, left->n, err));
    memset(t->hit, 0, left->n);
    t->pairs.followed = 0;
    wri_keyed_rows(&t->sides[0], node, left, NULL, left->n, t->keyed, t->none, &n);
    wri_group_rows rows = {.b = left, .key_cols = t->sides[0].keys, .idx = t->keyed, .n = n};
    wri_groups_freeze(t->groups, true);
    wr_status r = wri_groups_find_rows(t->groups, &rows, t->gids, err);
    wri_groups_freeze(t->groups, false);
    for (uint32_t i = 0; i < n && r == WR_OK; i++) {
        uint32_t head = t->gids[i] ? *head_of(t, t->gids[i]) : 0;
        if (exists) t->hit[t->keyed[i]] = head != 0;
        else if (head) r = probe_row(t, left, t->keyed[i], head, err);
    }
    if (r == WR_OK) r = flush_pairs(t, err);
    if (r == WR_OK && t->nulls) r = hit_nulls(t, left, err);
    return r == WR_OK ? emit_left(t, left, err) : r;
}

wr_status wri_jtable_rest(wri_jtable *t, wr_err *err) {
    if (!wri_pads(t->op->node, 1)) return WR_OK;
    t->singles.followed = 0;
    for (size_t k = 0; k < t->rows.n; k++) {
        const wr_batch *b = t->rows.blocks[k];
        for (uint32_t i = 0; i < b->n; i++)
            if (!wr_bit(t->matched, (uint32_t)b->pos + i))
                WR_TRY(wri_pairs_single(&t->singles, 1, b, i, err));
    }
    return wri_pairs_flush(&t->singles, err);
}

void wri_jtable_clear(wri_jtable *t) {
    wri_pairs_forget(&t->pairs);
    wri_pairs_forget(&t->singles);
    wri_rows_free(&t->rows);
    wri_groups_reset(t->groups);
    if (t->nulls) wri_groups_reset(t->nulls);
}

/* ---- the operator ---- */

typedef struct table_join {
    wri_jtable *t;
    wri_reload *reload; /* NULL: the right side is read once */
    wr_batch **waiting; /* left views, until the right side has ended */
    size_t n_waiting, waiting_cap;
    bool built;
    wri_slots slots; /* right rows, unless they are read anew from time to time */
} table_join;

static void free_table(wri_jtable *t) {
    if (t) wri_jtable_free(t);
    wr_free(t);
}

/* *tp is the caller's also after a failure. */
static wr_status new_table(wr_op *op, wri_jtable **tp, wr_err *err) {
    wri_jtable *t = *tp = wr_calloc(1, sizeof *t);
    if (!t) return wr_fail_oom(err, "a join");
    WR_TRY(wri_jtable_init(t, op, err));
    t->pairs.follow = t->singles.follow = true;
    return WR_OK;
}

/* Room for a mark of each of n right rows that a snapshot has or had. */
static wr_status make_marks(wri_jtable *t, size_t n, wr_err *err) {
    size_t words = n / 64 + 1;
    if (words <= t->was_n) return WR_OK;
    if (wr_grow(&t->was, &t->was_cap, words, sizeof *t->was) != WR_OK) return wr_fail_oom(err, "a join");
    memset(t->was + t->was_n, 0, (words - t->was_n) * sizeof *t->was);
    t->was_n = words;
    return WR_OK;
}

/* Which right rows have been matched: until the table is built, as the snapshot says that the job goes on
 * from. NULL: none, or nobody asks. */
static wr_status find_marks(const table_join *j, const wr_node *n, const uint64_t **outp, wr_err *err) {
    *outp = NULL;
    if (!wri_pads(n, 1)) return WR_OK;
    if (!j->built && j->t->was_n == 0) return WR_OK;
    if (!j->built) WR_TRY(make_marks(j->t, j->t->rows.rows, err));
    *outp = j->built ? j->t->matched : j->t->was;
    return WR_OK;
}

enum { LEFT, RIGHT, RIGHT_MATCHED, STAMP }; /* tags in snapshots; RIGHT: a space of slots */

static wr_status save_right(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                            wr_err *err) {
    const wr_op *op = slots->op;
    const table_join *j = slots->ctx;
    const uint64_t *marks;
    WR_TRY(find_marks(j, op->node, &marks, err));
    return wri_rows_save_slots(&j->t->rows, &j->t->sides[1], op->node, marks, marks ? RIGHT_MATCHED : RIGHT,
                               ids, n, to, err);
}

static wr_status table_open(wr_op *op, wr_err *err) {
    table_join *j = op->state = wr_calloc(1, sizeof *j);
    if (!j) return wr_fail_oom(err, "a join");
    op->waits_for = 1u << 1;
    WR_TRY(new_table(op, &j->t, err));
    WR_TRY(wri_reload_new(op, &j->reload, err));
    if (j->reload) return WR_OK;
    wri_slots_init(&j->slots, op, 0, RIGHT, save_right, j);
    j->t->rows.slots = &j->slots;
    return WR_OK;
}

static void table_close(wr_op *op) {
    table_join *j = op->state;
    if (!j) return;
    for (size_t i = 0; i < j->n_waiting; i++) wr_batch_drop(j->waiting[i]);
    wr_free(j->waiting);
    free_table(j->t);
    wri_reload_free(j->reload);
    wri_slots_free(&j->slots);
    wr_free(j);
}

static wr_status probe_view(table_join *j, wr_batch *view, wr_err *err) {
    wr_status r = wri_jtable_probe(j->t, view, err);
    wr_batch_drop(view);
    return r;
}

/* Swaps the table for a new one when what it was read from has changed. */
static wr_status renew(wr_op *op, wr_err *err) {
    table_join *j = op->state;
    bool due, ok = false;
    WR_TRY(wri_reload_due(j->reload, &due, err));
    if (!due) return WR_OK;
    wri_jtable *fresh;
    wr_status r = new_table(op, &fresh, err);
    if (r == WR_OK) r = wri_reload_read(j->reload, fresh, &ok, err);
    if (r == WR_OK && ok) r = wri_jtable_build(fresh, err);
    wri_jtable *old = r == WR_OK && ok ? j->t : fresh;
    if (old == j->t) j->t = fresh;
    free_table(old);
    return r;
}

static wr_status table_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    table_join *j = op->state;
    wr_batch *view;
    if (port == 0 && j->built && j->reload) WR_TRY(renew(op, err));
    WR_TRY(wri_jside_view(&j->t->sides[port], in, &view, err));
    if (port == 1) {
        wr_status r = wri_rows_add(&j->t->rows, &j->t->sides[1], view, NULL, view->n, err);
        wr_batch_drop(view);
        return r;
    }
    if (j->built) return probe_view(j, view, err);
    if (wr_grow(&j->waiting, &j->waiting_cap, j->n_waiting + 1, sizeof(wr_batch *)) != WR_OK) {
        wr_batch_drop(view);
        return wr_fail_oom(err, "rows that wait for the other side of a join");
    }
    j->waiting[j->n_waiting++] = view;
    return WR_OK;
}

/* Once the right side has ended: the rows that waited. */
static wr_status ready(wr_op *op, wr_err *err) {
    table_join *j = op->state;
    if (j->built || op->port_wm[1] != WR_WM_END) return WR_OK;
    j->built = true;
    WR_TRY(wri_jtable_build(j->t, err));
    /* They came while it was read: what changed since it was begun is for them, too. */
    if (j->reload && j->n_waiting) WR_TRY(renew(op, err));
    for (size_t i = 0; i < j->n_waiting; i++) {
        wr_batch *view = j->waiting[i];
        j->waiting[i] = NULL;
        WR_TRY(probe_view(j, view, err));
    }
    j->n_waiting = 0;
    return WR_OK;
}

static wr_status table_watermark(wr_op *op, int64_t wm, wr_err *err) {
    (void)wm;
    return ready(op, err);
}
static wr_status table_port_end(wr_op *op, uint32_t port, wr_err *err) {
    (void)port;
    return ready(op, err);
}
static wr_status table_end(wr_op *op, wr_err *err) {
    table_join *j = op->state;
    WR_TRY(ready(op, err));
    return wri_jtable_rest(j->t, err);
}

/* ---- snapshots: the right rows, whether they have been matched, and left rows that wait ----
 *
 * The right side's source may have ended before the snapshot, and what is between it and this operator has
 * state of its own, so its rows are saved, not read anew: as slots; of a table that is read anew now and then
 * all of them at each barrier, without a copy. */

static wr_status table_save(wr_op *op, wr_saver *to, wr_err *err) {
    table_join *j = op->state;
    const wri_jtable *t = j->t;
    const uint64_t *marks;
    WR_TRY(find_marks(j, op->node, &marks, err));
    if (j->reload)
        WR_TRY(
            wri_rows_save(&t->rows, &t->sides[1], op->node, marks, marks ? RIGHT_MATCHED : RIGHT, to, err));
    for (size_t i = 0; i < j->n_waiting; i++)
        WR_TRY(wr_save_rows(to, LEFT, j->waiting[i], t->sides[0].keys, wri_owner_keys(op->node), err));
    int64_t stamp = j->reload ? (int64_t)wri_reload_stamp(j->reload) : 0;
    return j->reload ? wr_save_ints(to, STAMP, &stamp, 1, err) : wri_slots_barrier(&j->slots, to, err);
}

static wr_status table_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((table_join *)op->state)->slots, leftp, err);
}

/* Notes which of the right rows from number `first` on had been matched. */
static wr_status note_matched(wri_jtable *t, size_t first, const wr_batch *b, wr_err *err) {
    const int64_t *was = b->cols[t->sides[1].n].i64;
    WR_TRY(make_marks(t, first + b->n, err));
    for (uint32_t i = 0; i < b->n; i++)
        if (was[i]) t->was[(first + i) >> 6] |= UINT64_C(1) << ((first + i) & 63);
    return WR_OK;
}

static wr_status table_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    table_join *j = op->state;
    wri_jtable *t = j->t;
    wr_batch *view = saved->rows;
    if (saved->tag == STAMP && saved->n_ints == 1) {
        if (j->reload) wri_reload_resume(j->reload, (uint64_t)saved->ints[0]);
        return WR_OK;
    }
    WR_TRY(wri_jside_check(&t->sides[saved->tag != LEFT], saved, saved->tag == RIGHT_MATCHED, err));
    if (saved->tag != LEFT) wri_reload_stale(j->reload);
    if (saved->tag == RIGHT_MATCHED) WR_TRY(note_matched(t, t->rows.rows, view, err));
    if (saved->tag != LEFT) return wri_rows_add(&t->rows, &t->sides[1], view, NULL, view->n, err);
    if (wr_grow(&j->waiting, &j->waiting_cap, j->n_waiting + 1, sizeof(wr_batch *)) != WR_OK)
        return wr_fail_oom(err, "rows that wait for the other side of a join");
    j->waiting[j->n_waiting++] = wr_batch_hold(view);
    return WR_OK;
}

static void table_measure(const wr_op *op, wr_kept *out) {
    const table_join *j = op->state;
    if (!j->t) return;
    out->keys = j->t->rows.rows;
    out->bytes = wri_groups_bytes(j->t->groups) + j->t->next_cap * sizeof(uint32_t) +
                 j->t->rows.rows * wri_row_bytes(&op->node->in[1]->out);
}

static void table_waiting(const wr_op *op, wr_waits *out) {
    const table_join *j = op->state;
    for (size_t i = 0; i < j->n_waiting; i++) out->rows += j->waiting[i]->n;
    if (out->rows == 0) return;
    out->what = "row";
    wri_waits_add(out, (wr_wait){WR_WM_NONE, WR_WM_NONE, WR_WM_END, 0, 0, false});
    out->n = out->rows;
    out->ends = 2;
}

const wr_op_def wri_op_join_table = {.name = "table join",
                                     .open = table_open,
                                     .push = table_push,
                                     .watermark = table_watermark,
                                     .port_end = table_port_end,
                                     .end = table_end,
                                     .save = table_save,
                                     .save_rest = table_save_rest,
                                     .load = table_load,
                                     .measure = table_measure,
                                     .waiting = table_waiting,
                                     .close = table_close};
