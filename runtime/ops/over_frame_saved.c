/* runtime/ops/over_frame_saved.c -- frames (over_frame.c) in snapshots: partial states, as the second phase
 * of an aggregation gets them.
 *
 * A row's states go as they are: those in front of the border hold their part of the frame, so the sums of a
 * frame are made in the same order afterwards. The accumulators of a key whose rows are nodes are made again
 * from those, so nothing is saved of the key. Older snapshots have rows without marks: there the key's row
 * says where the border is, and has the accumulators.
 *
 * Where it does not matter in which order, and how often, states are combined (MIN, MAX), a row is not saved
 * again when the border passes it: whatever has been saved of it, all rows come back behind the border. */
#include "over_frame_int.h"

#define IN_FRONT (INT64_C(1) << 32) /* a mark, above a row's seq */

uint32_t wri_frame_key_cols(const wri_over_frame *f) { return 2 + f->calls.n_partials; }

static wri_states accs_of(const wri_over_frame *f, wri_states keys) {
    return (wri_states){keys.base + f->key_off + sizeof(frame_key), keys.stride};
}

wr_status wri_frame_put_keys(wri_over_frame *f, wri_states keys, const uint32_t *gids, uint32_t n,
                             wr_batch *out, uint32_t first_col, wr_err *err) {
    WR_TRY(wr_batch_col(out, first_col, WR_I64, err));
    WR_TRY(wr_batch_col(out, first_col + 1, WR_I64, err));
    for (uint32_t i = 0; i < n; i++) {
        const frame_key *k = key_of(f, keys.base + (size_t)gids[i] * keys.stride);
        out->cols[first_col].i64[i] = f->nodes ? 0 : k->n;
        out->cols[first_col + 1].i64[i] = f->nodes ? 0 : k->front;
    }
    if (!f->nodes) return wri_calls_partial(&f->calls, accs_of(f, keys), gids, n, out, first_col + 2, err);
    uint32_t *none = wr_calloc((size_t)n + 1, sizeof *none); /* state 0 is that of no row */
    if (!none) return wr_fail_oom(err, "a snapshot");
    wr_status s = wri_calls_partial(&f->calls, accs_of(f, keys), none, n, out, first_col + 2, err);
    wr_free(none);
    return s;
}

bool wri_frame_by_key(const wri_over_frame *f) { return !f->nodes; }

wr_status wri_frame_take_keys(wri_over_frame *f, wri_states keys, const uint32_t *gids, wr_batch *b,
                              uint32_t first_col, wr_err *err) {
    for (uint32_t i = 0; i < b->n; i++) {
        frame_key *k = key_of(f, keys.base + (size_t)gids[i] * keys.stride);
        k->n = (uint32_t)b->cols[first_col].i64[i]; /* nodes count themselves */
        k->front = (uint32_t)b->cols[first_col + 1].i64[i];
    }
    return wri_calls_merge(&f->calls, b, first_col + 2, accs_of(f, keys), gids, err);
}

static uint32_t n_value_cols(const wri_over_frame *f) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n_items; i++) n += f->items[i].values != NULL;
    return n;
}

/* The states of nodes side by side, as those of a batch's rows; they stay the nodes'. */
static wr_status lay_out(wri_over_frame *f, const uint32_t *ids, uint32_t n, wr_err *err) {
    if (wr_grow(&f->laid, &f->laid_cap, ((size_t)n + 1) * f->calls.state_bytes, 1) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t c = 0; c < f->n_items; c++) {
        item *it = &f->items[c];
        for (uint32_t i = 0; i < n; i++)
            wri_over_move(f->laid + ((size_t)i + 1) * f->calls.state_bytes + it->at,
                          slot_of(node_at(f, ids[i]), it), it->agg->state_bytes);
    }
    return WR_OK;
}

static wr_status put_values(wri_over_frame *f, const uint32_t *ids, wr_batch *b, uint32_t col, wr_err *err) {
    uint32_t *vids = wr_alloc(b->n * sizeof *vids + 1);
    wr_status s = vids ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t c = 0; s == WR_OK && c < f->n_items; c++) {
        item *it = &f->items[c];
        if (!it->values) continue;
        for (uint32_t i = 0; i < b->n; i++) vids[i] = (uint32_t)*vid_of(node_at(f, ids[i]), it);
        s = wri_values_put(it->values, vids, b->n, NULL, b, col++, err);
    }
    wr_free(vids);
    return s;
}

uint32_t wri_frame_seq_col(const wri_over_frame *f, uint32_t n_keys) {
    return n_keys + 1 + f->calls.n_partials + n_value_cols(f);
}

/* Columns: keys, time, partials of all calls, values, seq with its marks. */
static wr_status save_nodes(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                            wr_err *err) {
    wri_over_frame *f = slots->ctx;
    const wri_frame_saving *v = &f->saving;
    uint32_t col = v->n_keys, seq = wri_frame_seq_col(f, col);
    uint32_t *gids = wr_alloc(2 * (size_t)n * sizeof *gids);
    wr_batch *b = NULL;
    wr_status s = gids ? WR_OK : wr_fail_oom(err, "a snapshot");
    if (s == WR_OK) s = wr_batch_new(seq + 1, n, &b, err);
    if (s == WR_OK) s = wr_batch_col(b, col, WR_I64, err);
    if (s == WR_OK) s = wr_batch_col(b, seq, WR_I64, err);
    if (s == WR_OK) b->n = n;
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        const node *x = node_at(f, ids[i]);
        if (i + AHEAD < n) __builtin_prefetch(node_at(f, ids[i + AHEAD]));
        b->cols[col].i64[i] = x->time;
        b->cols[seq].i64[i] = x->seq | (f->notes_flips && x->front ? IN_FRONT : 0) | WRI_SEQ_MARKED;
        gids[i] = x->gid;
        gids[n + i] = i + 1;
    }
    if (s == WR_OK) s = wri_groups_emit_keys(v->groups, gids, n, b, 0, err);
    if (s == WR_OK) s = lay_out(f, ids, n, err);
    wri_states states = {f->laid, f->calls.state_bytes};
    if (s == WR_OK) s = wri_calls_partial(&f->calls, states, gids + n, n, b, col + 1, err);
    if (s == WR_OK) s = put_values(f, ids, b, col + 1 + f->calls.n_partials, err);
    if (s == WR_OK) s = wr_save_slots(to, v->rows_tag, b, v->keys, v->n_keys, ids, err);
    wr_batch_drop(b);
    wr_free(gids);
    return s;
}

/* Columns: keys, which call's it is, value. */
static wr_status save_seen(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    const item *it = slots->ctx;
    const wri_frame_saving *v = &it->of->saving;
    uint32_t col = v->n_keys, *owners = wr_alloc((size_t)n * sizeof *owners);
    wr_batch *b = NULL;
    wr_status s = owners ? WR_OK : wr_fail_oom(err, "a snapshot");
    if (s == WR_OK) s = wr_batch_new(col + 2, n, &b, err);
    if (s == WR_OK) s = wr_batch_col(b, col, WR_I64, err);
    if (s == WR_OK) {
        b->n = n;
        for (uint32_t i = 0; i < n; i++) b->cols[col].i64[i] = it - it->of->items;
        s = wri_values_put(it->values, ids, n, owners, b, col + 1, err);
    }
    if (s == WR_OK) s = wri_groups_emit_keys(v->groups, owners, n, b, 0, err);
    if (s == WR_OK) s = wr_save_slots(to, v->seen_tag, b, v->keys, v->n_keys, ids, err);
    wr_batch_drop(b);
    wr_free(owners);
    return s;
}

/* Those of the queue; else those of all blocks that are not spare. */
static wr_status all_nodes(wri_slots *slots, wr_err *err) {
    wri_over_frame *f = slots->ctx;
    bool queued = f->cfg.range_us >= 0;
    size_t n = queued ? f->n_queue : f->n_blocks;
    for (size_t i = queued ? f->first : 0; i < n; i++) {
        uint32_t no = queued ? f->queue[i] : (uint32_t)i, from = queued && i == f->first ? f->head : 0;
        uint32_t to = no == f->last ? f->tail : BLOCK;
        if (f->blocks[no]) WR_TRY(wri_slots_touch_range(slots, no * BLOCK + from, to - from, err));
    }
    for (uint32_t id = f->spare; id != UINT32_MAX; id = node_at(f, id)->next)
        WR_TRY(wri_slots_leave(slots, &id, 1, err));
    return WR_OK;
}

void wri_frame_saves(wri_over_frame *f, wr_op *op, const wri_frame_saving *saving) {
    f->saving = *saving;
    if (f->nodes) {
        wri_slots_init(&f->slots, op, 0, saving->rows_tag, save_nodes, f);
        wri_slots_ask(&f->slots, all_nodes);
        f->slots.at_once = 4 * WR_SAVE_SCATTERED; /* they lie side by side, as they came */
    }
    for (uint32_t c = 0; c < f->n_items && !f->nodes; c++)
        if (f->items[c].values)
            wri_slots_init(&f->items[c].seen, op, c, saving->seen_tag, save_seen, &f->items[c]);
}

wr_status wri_frame_barrier(wri_over_frame *f, wr_saver *to, wr_err *err) {
    WR_TRY(wri_slots_barrier(&f->slots, to, err));
    for (uint32_t c = 0; c < f->n_items; c++) WR_TRY(wri_slots_barrier(&f->items[c].seen, to, err));
    return WR_OK;
}

wr_status wri_frame_save_rest(wri_over_frame *f, bool *leftp, wr_err *err) {
    WR_TRY(wri_slots_rest(&f->slots, leftp, err));
    for (uint32_t c = 0; c < f->n_items && !*leftp; c++)
        WR_TRY(wri_slots_rest(&f->items[c].seen, leftp, err));
    return WR_OK;
}

/* ---- and back ---- */

/* The values' entries. */
static wr_status find_values(wri_over_frame *f, wr_batch *b, const uint32_t *gids, uint32_t col,
                             wr_err *err) {
    for (uint32_t c = 0; c < f->n_items; c++) {
        item *it = &f->items[c];
        if (!it->values) continue;
        WR_TRY(wri_values_find(it->values, b, col++, gids, f->rows + it->at, f->calls.state_bytes,
                               it->agg->state_bytes, &it->vids, err));
    }
    return WR_OK;
}

/* Row i goes in behind the key's newest. mark: of its seq; 0: the key's row has said the rest. */
static wr_status load_row(wri_over_frame *f, const wri_over_rows *r, uint32_t i, int64_t mark, wr_err *err) {
    frame_key *k = key_of(f, r->keys.base + (size_t)r->gids[i] * r->keys.stride);
    char *states = f->rows + ((size_t)i + 1) * f->calls.state_bytes;
    bool front = mark ? (mark & IN_FRONT) != 0 : k->n < k->front;
    if (mark && front) k->front++;
    for (uint32_t c = 0; c < f->n_items; c++) {
        item *it = &f->items[c];
        bool counts = it->way == WRI_WAY_SUM || (it->way == WRI_WAY_STACK && !front);
        if (it->values) counts = wri_values_in(it->values, it->vids[i]);
        if (mark && counts) WR_TRY(wri_frame_combine(it->agg, acc_of(k, it), states + it->at, err));
    }
    WR_TRY(wri_frame_push_node(f, k, r, i, states, err));
    node_at(f, k->newest)->front = front;
    return WR_OK;
}

wr_status wri_frame_load(wri_over_frame *f, wri_states keys, const uint32_t *gids, wr_batch *b, uint32_t col,
                         wr_err *err) {
    size_t bytes = ((size_t)b->n + 1) * f->calls.state_bytes;
    uint32_t seq = wri_frame_seq_col(f, col);
    if (wr_grow(&f->rows, &f->rows_cap, bytes, 1) != WR_OK) return wr_fail_oom(err, "the rows of a frame");
    memset(f->rows, 0, bytes);
    f->n_rows = b->n;
    uint32_t *ids = wr_alloc(b->n * sizeof *ids + 1);
    if (!ids) return wr_fail_oom(err, "the rows of a frame");
    for (uint32_t i = 0; i < b->n; i++) ids[i] = i + 1;
    wri_states states = {f->rows, f->calls.state_bytes};
    wr_status s = wri_calls_merge(&f->calls, b, col + 1, states, ids, err);
    wr_free(ids);
    WR_TRY(s);
    WR_TRY(find_values(f, b, gids, col + 1 + f->calls.n_partials, err));
    wri_over_rows r = {.b = b, .time = b->cols[col].i64, .gids = gids, .keys = keys};
    for (uint32_t i = 0; i < b->n; i++) {
        if (i + AHEAD < b->n)
            __builtin_prefetch(key_of(f, keys.base + (size_t)gids[i + AHEAD] * keys.stride), 1);
        if (i + AHEAD / 2 < b->n) {
            const frame_key *k = key_of(f, keys.base + (size_t)gids[i + AHEAD / 2] * keys.stride);
            if (k->n) __builtin_prefetch(node_at(f, k->newest), 1);
        }
        WR_TRY(
            load_row(f, &r, i, b->n_cols > seq ? b->cols[seq].i64[i] & (WRI_SEQ_MARKED | IN_FRONT) : 0, err));
    }
    f->n_rows = 0;
    return wri_frame_note(f, err);
}

bool wri_frame_fits(const wri_over_frame *f, const wr_batch *b, uint32_t n_keys) {
    uint32_t seq = wri_frame_seq_col(f, n_keys);
    return f->nodes && (b->n_cols == seq || (b->n_cols == seq + 1 && b->cols[seq].phys == WR_I64)) &&
           b->cols[n_keys].phys == WR_I64;
}

wr_status wri_frame_loaded(wri_over_frame *f, wr_err *err) {
    for (uint32_t c = 0; c < f->n_items && !f->nodes; c++) {
        const uint32_t *ids;
        uint32_t n;
        if (!f->items[c].values) continue;
        WR_TRY(wri_values_all(f->items[c].values, &ids, &n, err));
        WR_TRY(wri_slots_touch(&f->items[c].seen, ids, n, err));
    }
    return WR_OK;
}

wr_status wri_frame_load_seen(wri_over_frame *f, const uint32_t *gids, wr_batch *b, uint32_t col,
                              wr_err *err) {
    uint64_t call = b->n ? (uint64_t)b->cols[col].i64[0] : 0;
    if (call >= f->n_items || !f->items[call].values)
        return wr_fail(err, WR_EDATA, "values of OVER in the snapshot are not as they were written");
    return wri_values_add(f->items[call].values, b, col + 1, gids, err);
}
