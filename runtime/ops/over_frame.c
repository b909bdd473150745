/* runtime/ops/over_frame.c -- frames that end at the current row, over rows that come in the order of time.
 *
 * Rows of a frame are nodes: their states, and links to the rows of the same key before and behind. In a
 * frame bounded by time nodes stand in one queue for all keys: before rows of time t are added, those that
 * are too old leave it at the head, whatever their key. In a frame bounded by rows a key's oldest node makes
 * room for its next one. Nodes lie in blocks, so that memory goes as the queue gets shorter. A node's id is
 * the number of its block and its place there, and its slot in snapshots.
 *
 *   key    oldest, newest node, how many, how many of them are in front of the border; accumulators
 *   node   time, key, neighbours; the row's states, in front of the border those of itself and all nodes
 *          behind it up to the border
 *
 * When no node is in front of the border and one must leave, the border moves behind the newest: one pass
 * from the newest to the oldest, so a row is combined twice in its life. */
#include "over_frame_int.h"

static void destroy(const wr_agg_call *a, void *state) {
    if (!a->plain && a->def->destroy) a->def->destroy(a, state);
}
static void empty(const wr_agg_call *a, void *state) {
    destroy(a, state);
    memset(state, 0, a->state_bytes);
}

/* ---- making ---- */

static wri_way way_of(const wri_over_frame *f, const wr_over_call *k) {
    if (k->fn == WR_O_NTH || k->fn == WR_O_LAG) return WRI_WAY_PICK;
    wr_agg_call plain;
    if (wri_values_serve(&k->agg, f->nodes, &plain) && (f->nodes || !f->cfg.clears)) return WRI_WAY_VALUES;
    if (!f->nodes) return WRI_WAY_ACC;
    if ((k->fn == WR_O_FIRST || k->fn == WR_O_LAST) && !k->ignore_nulls) return WRI_WAY_PICK;
    if (k->agg.slides) return WRI_WAY_SUM;
    return k->agg.grows ? WRI_WAY_REDO : WRI_WAY_STACK;
}

static wr_status make_items(wri_over_frame *f, const wr_over_call *const *calls, const uint32_t *cols,
                            wr_err *err) {
    f->node_bytes = sizeof(node);
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        *it = (item){.call = calls[i],
                     .agg = &f->calls.calls[i],
                     .at = f->calls.offsets[i],
                     .slot = UINT32_MAX,
                     .of = f};
        it->way = way_of(f, calls[i]);
        if (it->way == WRI_WAY_VALUES) {
            it->values = wri_values_new(wr_type_phys(it->agg->arg_types[0]));
            if (!it->values) return wr_fail_oom(err, "DISTINCT values");
        }
        it->out = (wri_over_out){.agg = it->agg, .col = cols[i]};
        f->stacks = f->stacks || it->way == WRI_WAY_STACK;
        f->notes_flips = f->notes_flips || (it->way == WRI_WAY_STACK && !it->agg->idempotent);
        if (it->way == WRI_WAY_SUM && it->agg->star && it->agg->filter == WR_NO_COL) continue;
        it->slot = f->node_bytes - (uint32_t)sizeof(node);
        f->node_bytes += it->agg->state_bytes + (it->way == WRI_WAY_VALUES ? 8u : 0u);
    }
    return WR_OK;
}

wr_status wri_frame_new(const wri_frame_cfg *cfg, const wr_over_call *const *calls, const uint32_t *cols,
                        uint32_t n, wri_over_frame **outp, wr_err *err) {
    wri_over_frame *f = *outp = wr_calloc(1, sizeof *f);
    if (!f) return wr_fail_oom(err, "OVER");
    f->cfg = *cfg;
    f->nodes = cfg->range_us >= 0 || cfg->rows >= 0;
    f->spare = f->tmp_of = UINT32_MAX;
    f->tail = f->noted = BLOCK;
    wri_numbers_init(&f->numbers, BLOCK_BITS);
    f->items = wr_calloc(n, sizeof *f->items);
    f->aggs = wr_calloc(n, sizeof *f->aggs);
    if (!f->items || !f->aggs) return wr_fail_oom(err, "OVER");
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        f->aggs[i] = calls[i]->agg;
        if (way_of(f, calls[i]) == WRI_WAY_VALUES) wri_values_serve(&calls[i]->agg, f->nodes, &f->aggs[i]);
        if (f->aggs[i].state_bytes > most) most = f->aggs[i].state_bytes;
    }
    WR_TRY(wri_calls_init(&f->calls, f->aggs, n, err));
    f->tmp = wr_calloc(1, most);
    if (!f->tmp) return wr_fail_oom(err, "OVER");
    f->n_items = n;
    return make_items(f, calls, cols, err);
}

uint32_t wri_frame_key_bytes(wri_over_frame *f, uint32_t key_off) {
    f->key_off = key_off;
    return (uint32_t)sizeof(frame_key) + f->calls.state_bytes;
}

bool wri_frame_holds(const wri_over_frame *f, const char *key) {
    return ((const frame_key *)(key + f->key_off))->n > 0;
}
bool wri_frame_forgets(const wri_over_frame *f) { return f->cfg.range_us >= 0; }
size_t wri_frame_rows(const wri_over_frame *f) { return (size_t)f->n_live; }

/* ---- nodes ---- */

/* The numbers in front of `first` have gone. */
static wr_status enqueue(wri_over_frame *f, uint32_t no, wr_err *err) {
    if (f->first > f->n_queue / 2) {
        f->n_queue -= f->first;
        memmove(f->queue, f->queue + f->first, f->n_queue * sizeof *f->queue);
        f->first = 0;
    }
    if (wr_grow(&f->queue, &f->queue_cap, f->n_queue + 1, sizeof *f->queue) != WR_OK)
        return wr_fail_oom(err, "the rows of a frame");
    f->queue[f->n_queue++] = no;
    return WR_OK;
}

wr_status wri_frame_note(wri_over_frame *f, wr_err *err) {
    uint32_t from = f->last * BLOCK + f->noted, n = f->tail - f->noted, n_left = f->n_left;
    f->noted = f->tail;
    f->n_left = 0;
    WR_TRY(wri_slots_touch_range(&f->slots, from, n, err));
    return wri_slots_leave_range(&f->slots, f->left, n_left, err);
}

/* A row is about to leave. As long as none is due, those of a queue are noted many at once. */
static wr_status leaves(wri_over_frame *f, uint32_t id, wr_err *err) {
    if (f->cfg.range_us >= 0 && f->slots.n_due == 0) {
        if (f->n_left++ == 0) f->left = id;
        return (id + 1) % BLOCK == 0 ? wri_frame_note(f, err) : WR_OK;
    }
    if (id / BLOCK == f->last) WR_TRY(wri_frame_note(f, err));
    return wri_slots_leave(&f->slots, &id, 1, err);
}

static wr_status add_block(wri_over_frame *f, wr_err *err) {
    uint32_t no;
    WR_TRY(wri_frame_note(f, err));
    WR_TRY(wri_numbers_take(&f->numbers, &no, err));
    if (wr_grow(&f->blocks, &f->blocks_cap, (size_t)no + 1, sizeof *f->blocks) != WR_OK)
        return wr_fail_oom(err, "the rows of a frame");
    while (f->n_blocks <= no) f->blocks[f->n_blocks++] = NULL;
    f->blocks[no] = f->n_idle ? f->idle[--f->n_idle] : wr_alloc((size_t)BLOCK * f->node_bytes);
    if (!f->blocks[no]) return wr_fail_oom(err, "the rows of a frame");
    if (f->cfg.range_us >= 0) WR_TRY(enqueue(f, no, err));
    f->last = no;
    f->tail = f->noted = 0;
    return WR_OK;
}

/* A node counts only once everything has been done that can fail: closing goes by what counts. */
static wr_status new_node(wri_over_frame *f, uint32_t *idp, wr_err *err) {
    bool fresh = f->spare == UINT32_MAX;
    if (fresh && f->tail == BLOCK) WR_TRY(add_block(f, err));
    *idp = fresh ? f->last * BLOCK + f->tail : f->spare;
    if (!fresh) WR_TRY(wri_slots_touch(&f->slots, idp, 1, err));
    if (fresh) f->tail++;
    else f->spare = node_at(f, *idp)->next;
    f->n_live++;
    return WR_OK;
}

/* Of a queue, the first. */
static void free_node(wri_over_frame *f, uint32_t id) {
    f->n_live--;
    if (f->cfg.range_us < 0) {
        node_at(f, id)->next = f->spare;
        f->spare = id;
    } else if (++f->head == BLOCK) {
        uint32_t no = f->queue[f->first++];
        if (f->n_idle < IDLE) f->idle[f->n_idle++] = f->blocks[no];
        else wr_free(f->blocks[no]);
        f->blocks[no] = NULL;
        wri_numbers_give(&f->numbers, no);
        f->head = 0;
    }
}

/* ---- rows come and go ---- */

/* The row's states move into a node behind the key's newest. */
wr_status wri_frame_push_node(wri_over_frame *f, frame_key *k, const wri_over_rows *r, uint32_t row,
                              char *states, wr_err *err) {
    uint32_t id;
    WR_TRY(new_node(f, &id, err));
    node *n = node_at(f, id);
    *n = (node){.time = r->time[row], .gid = r->gids[row], .prev = k->newest, .seq = f->seq++ & SEQ_MASK};
    if (k->n++) node_at(f, k->newest)->next = id;
    else k->oldest = id;
    k->newest = id;
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        char *from = states + it->at;
        if (it->slot == UINT32_MAX) it->same = *(uint64_t *)from;
        else wri_over_move(slot_of(n, it), from, it->agg->state_bytes);
        if (it->values) *vid_of(n, it) = it->vids[row];
        if (!it->agg->plain) memset(from, 0, it->agg->state_bytes);
    }
    return WR_OK;
}

static wr_status add_row(wri_over_frame *f, frame_key *k, const wri_over_rows *r, uint32_t i_row,
                         char *states, wr_err *err) {
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        char *row = states + it->at;
        bool counts = it->way == WRI_WAY_VALUES && wri_values_in(it->values, it->vids[i_row]);
        if (counts && !f->nodes) WR_TRY(wri_slots_touch(&it->seen, &it->vids[i_row], 1, err));
        if (counts || it->way == WRI_WAY_SUM || it->way == WRI_WAY_STACK || it->way == WRI_WAY_ACC)
            WR_TRY(wri_frame_combine(it->agg, acc_of(k, it), row, err));
        if (it->way == WRI_WAY_PICK && !f->nodes && k->n + 1 == it->call->n) { /* NTH_VALUE: this one stays */
            memcpy(acc_of(k, it), row, it->agg->state_bytes);
            memset(row, 0, it->agg->state_bytes);
        }
        if (!f->nodes) destroy(it->agg, row);
    }
    if (f->nodes) return wri_frame_push_node(f, k, r, i_row, states, err);
    k->n += k->n < UINT32_MAX;
    return WR_OK;
}

/* The border is about to pass a node. */
static wr_status passes(wri_over_frame *f, uint32_t id, wr_err *err) {
    return f->notes_flips ? wri_slots_touch(&f->slots, &id, 1, err) : wri_slots_restate(&f->slots, id, err);
}

/* Moves the border behind the newest node. */
static wr_status flip(wri_over_frame *f, frame_key *k, wr_err *err) {
    WR_TRY(passes(f, k->newest, err));
    node_at(f, k->newest)->front = 1;
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        if (it->way != WRI_WAY_STACK) continue;
        node *n = node_at(f, k->newest);
        for (uint32_t left = k->n; left > 1; left--) {
            node *p = node_at(f, n->prev);
            WR_TRY(passes(f, n->prev, err));
            WR_TRY(wri_frame_combine(it->agg, slot_of(p, it), slot_of(n, it), err));
            p->front = 1;
            n = p;
        }
        empty(it->agg, acc_of(k, it));
    }
    k->front = k->n;
    return WR_OK;
}

/* The key's oldest row leaves. */
static wr_status drop_row(wri_over_frame *f, frame_key *k, wr_err *err) {
    if (f->stacks && k->front == 0) WR_TRY(flip(f, k, err));
    uint32_t id = k->oldest;
    node *n = node_at(f, id);
    WR_TRY(leaves(f, id, err));
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        bool counts = it->way == WRI_WAY_SUM;
        if (it->values) WR_TRY(wri_values_out(it->values, (uint32_t)*vid_of(n, it), &counts, err));
        if (counts) it->agg->def->uncombine(it->agg, acc_of(k, it), slot_of(n, it));
        if (it->slot != UINT32_MAX) destroy(it->agg, slot_of(n, it));
    }
    k->oldest = n->next;
    k->n--;
    if (k->front) k->front--;
    free_node(f, id);
    return WR_OK;
}

static wr_status has_left(wri_left *left, uint32_t gid, wr_err *err) {
    if (wr_grow(&left->gids, &left->cap, left->n + 1, sizeof *left->gids) != WR_OK)
        return wr_fail_oom(err, "OVER");
    left->gids[left->n++] = gid;
    return WR_OK;
}

static frame_key *owner_of(const wri_over_frame *f, const node *n, wri_states keys) {
    return key_of(f, keys.base + (size_t)n->gid * keys.stride);
}

/* Rows older than `from` leave. */
static wr_status drop_older(wri_over_frame *f, int64_t from, wri_states keys, wri_left *left, wr_err *err) {
    while (f->n_live > 0) {
        uint32_t id = head_id(f);
        const node *n = node_at(f, id);
        if (n->time >= from) return WR_OK;
        if (f->n_live > AHEAD && f->head + AHEAD < BLOCK)
            __builtin_prefetch(owner_of(f, node_at(f, id + AHEAD), keys));
        uint32_t gid = n->gid;
        frame_key *k = owner_of(f, n, keys);
        if (k->n == 1) WR_TRY(has_left(left, gid, err));
        WR_TRY(drop_row(f, k, err));
    }
    return WR_OK;
}

static void sweep(wri_over_frame *f) {
    for (uint32_t i = 0; i < f->n_items; i++)
        if (f->items[i].values) wri_values_sweep(f->items[i].values);
}

static int64_t minus(int64_t t, int64_t by) { return t < INT64_MIN + by ? INT64_MIN : t - by; }

wr_status wri_frame_pass(wri_over_frame *f, int64_t wm, wri_states keys, wri_left *left, wr_err *err) {
    if (f->cfg.range_us < 0) return WR_OK;
    WR_TRY(drop_older(f, minus(wm < INT64_MAX ? wm + 1 : wm, f->cfg.range_us), keys, left, err));
    sweep(f);
    return wri_frame_note(f, err);
}

/* ---- results ---- */

/* The n-th row of the key in the frame, from its start or its end; NULL: there is none. */
static void *nth_row(wri_over_frame *f, frame_key *k, item *it) {
    const wr_over_call *c = it->call;
    uint32_t id = c->from_last ? k->newest : k->oldest, left = k->n;
    for (int64_t n = c->n; left > 0; left--) {
        node *x = node_at(f, id);
        bool counts = !c->ignore_nulls || !wri_over_empty(slot_of(x, it), it->agg->state_bytes);
        if (counts && --n == 0) return slot_of(x, it);
        id = c->from_last ? x->prev : x->next;
    }
    return NULL;
}

static void *picked(wri_over_frame *f, frame_key *k, item *it) {
    if (!f->nodes) return acc_of(k, it);
    if (k->n == 0) return NULL;
    if (it->call->fn == WR_O_FIRST) return slot_of(node_at(f, k->oldest), it);
    if (it->call->fn == WR_O_LAST) return slot_of(node_at(f, k->newest), it);
    if (it->call->fn == WR_O_LAG && it->call->n == 0) return slot_of(node_at(f, k->newest), it);
    bool last = it->call->fn == WR_O_LAG || it->call->from_last;
    if (last && f->cfg.rows == it->call->n && (f->cfg.skip || !it->call->ignore_nulls))
        return k->n == it->call->n ? slot_of(node_at(f, k->oldest), it) : NULL;
    return nth_row(f, k, it);
}

/* The state of it's result for row i, made in tmp where it is not at hand. */
static wr_status result(wri_over_frame *f, uint32_t i, frame_key *k, item *it, const void **statep,
                        wr_err *err) {
    void *acc = acc_of(k, it), *tmp = f->tmp;
    *statep = acc;
    if (it->way == WRI_WAY_PICK) {
        memset(tmp, 0, it->agg->state_bytes);
        void *state = picked(f, k, it);
        if (!state && it->missing) wr_bit_set(it->missing, i);
        *statep = state ? state : tmp;
        return WR_OK;
    }
    if (it->way == WRI_WAY_REDO || (it->way == WRI_WAY_STACK && k->front)) {
        if (!it->agg->plain || it->way == WRI_WAY_REDO) memset(tmp, 0, it->agg->state_bytes);
        f->tmp_of = it->agg->plain ? UINT32_MAX : (uint32_t)(it - f->items);
        *statep = tmp;
        uint32_t id = k->oldest;
        if (it->way == WRI_WAY_REDO) {
            for (uint32_t left = k->n; left > 0; left--, id = node_at(f, id)->next)
                WR_TRY(wri_frame_combine(it->agg, tmp, slot_of(node_at(f, id), it), err));
            return WR_OK;
        }
        if (it->agg->plain) wri_over_move(tmp, slot_of(node_at(f, id), it), it->agg->state_bytes);
        else WR_TRY(wri_frame_combine(it->agg, tmp, slot_of(node_at(f, id), it), err));
        return wri_frame_combine(it->agg, tmp, acc, err);
    }
    return WR_OK;
}

static void end_result(wri_over_frame *f) {
    if (f->tmp_of == UINT32_MAX) return;
    empty(f->items[f->tmp_of].agg, f->tmp);
    f->tmp_of = UINT32_MAX;
}

static wr_status put_row(wri_over_frame *f, const wri_over_rows *r, uint32_t i, frame_key *k, wr_err *err) {
    for (uint32_t c = 0; c < f->n_items; c++) {
        item *it = &f->items[c];
        const void *state;
        wr_status s = result(f, i, k, it, &state, err);
        if (s == WR_OK) s = wri_over_put(&it->out, r->out, i, state, r->failed, err);
        end_result(f);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

/* ---- a batch ---- */

static bool is_empty(const wri_over_frame *f, const char *states) {
    return wri_over_empty(states + f->items[0].at, f->items[0].agg->state_bytes);
}

static wr_status take_row(wri_over_frame *f, const wri_over_rows *r, uint32_t i, frame_key *k, wr_err *err) {
    char *states = f->rows + ((size_t)i + 1) * f->calls.state_bytes;
    if (f->cfg.skip && is_empty(f, states)) return WR_OK;
    if (f->cfg.rows >= 0 && k->n > 0 && k->n == f->cfg.rows) WR_TRY(drop_row(f, k, err));
    return add_row(f, k, r, i, states, err);
}

/* The states of every row alone. */
static wr_status row_states(wri_over_frame *f, const wri_over_rows *r, wr_err *err) {
    size_t bytes = ((size_t)r->b->n + 1) * f->calls.state_bytes;
    if (wr_grow(&f->rows, &f->rows_cap, bytes, 1) != WR_OK) return wr_fail_oom(err, "OVER");
    memset(f->rows, 0, bytes);
    f->n_rows = r->b->n;
    wri_states to = {f->rows, f->calls.state_bytes};
    WR_TRY(wri_calls_update(&f->calls, r->b, to, r->ids, err));
    for (uint32_t i = 0; i < f->n_items; i++) {
        item *it = &f->items[i];
        WR_TRY(wri_over_start(&it->out, r->out, r->b->n, err));
        if (it->values)
            WR_TRY(wri_values_find(it->values, r->b, it->agg->args[0], r->gids, f->rows + it->at,
                                   f->calls.state_bytes, it->agg->state_bytes, &it->vids, err));
        if (it->call->default_col == WR_NO_COL) continue;
        uint32_t words = wr_bitmap_words(r->b->n);
        if (wr_grow(&it->missing, &it->missing_cap, words, sizeof *it->missing) != WR_OK)
            return wr_fail_oom(err, "OVER");
        memset(it->missing, 0, words * sizeof *it->missing);
    }
    return WR_OK;
}

static wr_status run_rows(wri_over_frame *f, const wri_over_rows *r, wri_left *left, wr_err *err) {
    uint32_t n = r->b->n;
    for (uint32_t i = 0, j; i < n; i = j) {
        int64_t t = r->time[i];
        for (j = i + 1; f->cfg.peers && j < n && r->time[j] == t; j++) {
        }
        if (f->cfg.range_us >= 0) WR_TRY(drop_older(f, minus(t, f->cfg.range_us), r->keys, left, err));
        for (uint32_t x = i; x < j; x++) {
            char *key = r->keys.base + (size_t)r->gids[x] * r->keys.stride;
            if (x + AHEAD < n)
                __builtin_prefetch(key_of(f, r->keys.base + (size_t)r->gids[x + AHEAD] * r->keys.stride));
            if (r->fresh && wr_bit(r->fresh, x)) WR_TRY(wri_frame_clear(f, key, err));
            if (f->cfg.before) WR_TRY(put_row(f, r, x, key_of(f, key), err));
            WR_TRY(take_row(f, r, x, key_of(f, key), err));
        }
        for (uint32_t x = i; !f->cfg.before && x < j; x++)
            WR_TRY(put_row(f, r, x, key_of(f, r->keys.base + (size_t)r->gids[x] * r->keys.stride), err));
    }
    return WR_OK;
}

/* LAG: rows that have none before them get the default. */
static wr_status defaults(wri_over_frame *f, const wri_over_rows *r, wr_err *err) {
    for (uint32_t c = 0; c < f->n_items; c++) {
        const item *it = &f->items[c];
        if (it->call->default_col == WR_NO_COL) continue;
        wr_col *to = &r->out->cols[it->out.col];
        const wr_col *from = &r->b->cols[it->call->default_col];
        for (uint32_t i = 0; i < r->b->n; i++) {
            if (!wr_bit(it->missing, i)) continue;
            if (to->nulls) to->nulls[i >> 6] &= ~(UINT64_C(1) << (i & 63));
            WR_TRY(wri_over_copy(r->out, to, i, from, i, err));
        }
    }
    return WR_OK;
}

wr_status wri_frame_run(wri_over_frame *f, const wri_over_rows *r, wri_left *left, wr_err *err) {
    WR_TRY(row_states(f, r, err));
    WR_TRY(run_rows(f, r, left, err));
    WR_TRY(wri_frame_note(f, err));
    for (uint32_t i = 0; i < f->n_items; i++)
        WR_TRY(wri_over_finish(&f->items[i].out, r->out, r->ids, r->b->n, r->failed, err));
    f->n_rows = 0;
    sweep(f);
    return defaults(f, r, err);
}

/* ---- the end ---- */

/* Entries of values whose last row goes this way stay, for want of an error to return; they count nothing. */
wr_status wri_frame_clear(wri_over_frame *f, char *key, wr_err *err) {
    frame_key *k = key_of(f, key);
    if (f->cfg.range_us >= 0) return WR_OK;
    WR_TRY(wri_frame_note(f, err));
    for (uint32_t id = k->oldest, left = f->nodes ? k->n : 0; left > 0; left--) {
        WR_TRY(wri_slots_leave(&f->slots, &id, 1, err));
        node *n = node_at(f, id);
        uint32_t next = n->next;
        for (uint32_t i = 0; i < f->n_items; i++) {
            item *it = &f->items[i];
            bool last;
            if (it->values && wri_values_out(it->values, (uint32_t)*vid_of(n, it), &last, NULL) != WR_OK)
                last = true;
            if (it->slot != UINT32_MAX) destroy(it->agg, slot_of(n, it));
        }
        free_node(f, id);
        id = next;
    }
    for (uint32_t i = 0; i < f->n_items; i++) empty(f->items[i].agg, acc_of(k, &f->items[i]));
    *k = (frame_key){0};
    return WR_OK;
}

static void free_nodes(wri_over_frame *f) {
    for (; f->n_live > 0; free_node(f, head_id(f)))
        for (uint32_t i = 0; i < f->n_items; i++)
            if (f->items[i].slot != UINT32_MAX)
                destroy(f->items[i].agg, slot_of(node_at(f, head_id(f)), &f->items[i]));
}

void wri_frame_free(wri_over_frame *f, wri_states keys, uint32_t n) {
    if (!f) return;
    wri_slots_free(&f->slots);
    f->slots.op = NULL; /* nothing is noted any more, so nothing can fail */
    for (uint32_t g = 1; g <= n; g++) {
        char *key = keys.base + (size_t)g * keys.stride;
        (void)!wri_frame_clear(f, key, NULL);
        for (uint32_t i = 0; i < f->n_items; i++)
            empty(f->items[i].agg, acc_of(key_of(f, key), &f->items[i]));
    }
    if (f->cfg.range_us >= 0) free_nodes(f);
    end_result(f);
    if (f->n_items) wri_calls_destroy(&f->calls, (wri_states){f->rows, f->calls.state_bytes}, 1, f->n_rows);
    for (uint32_t i = 0; i < f->n_items; i++) {
        wri_over_out_free(&f->items[i].out);
        wr_free(f->items[i].missing);
        wri_values_free(f->items[i].values);
        wri_slots_free(&f->items[i].seen);
    }
    for (size_t i = 0; i < f->n_blocks; i++) wr_free(f->blocks[i]);
    while (f->n_idle > 0) wr_free(f->idle[--f->n_idle]);
    wri_numbers_free(&f->numbers);
    wr_free(f->queue);
    wr_free(f->laid);
    wri_calls_free(&f->calls);
    wr_free(f->blocks);
    wr_free(f->rows);
    wr_free(f->tmp);
    wr_free(f->aggs);
    wr_free(f->items);
    wr_free(f);
}
