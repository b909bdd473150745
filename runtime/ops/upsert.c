/* runtime/ops/upsert.c -- the last row of each key, so that a new one can say what it replaces.
 *
 *   push(rows):  each key of the batch: the row that stands, and what the batch's last row of the key makes
 *                of it: update-before and -after, an insert, a delete; nothing when it is the same
 *
 * An input row is the key's row from now on or, when it is taken back, the end of the key; an update-before
 * means nothing unless its update-after has another key. A key that is gone is forgotten; the others stay for
 * ever, a copy of their row with them. */
#include "change_rows.h"
#include "group_table.h"
#include "kept_rows.h"
#include "ops.h"
#include "slots.h"

typedef struct standing { /* of a key */
    wr_buf row;           /* as kept_rows has it; empty: none stands */
    uint32_t at;          /* in keys, from 1; 0: not in this batch */
} standing;

typedef struct touched {
    uint32_t gid;
    uint32_t last; /* row of the batch; NONE: the key ends */
    uint32_t old;  /* row of the batch of what stood; NONE: nothing did */
} touched;
#define NONE UINT32_MAX

typedef struct upsert {
    wri_groups *groups;
    wr_phys *phys; /* of the columns */
    uint32_t *gids;
    size_t gids_cap;
    touched *keys;
    size_t n_keys, keys_cap;
    wri_kept_list olds;
    wri_change_rows out;
    wri_slots slots; /* by key */
} upsert;

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status upsert_open(wr_op *op, wr_err *err) {
    upsert *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "keys");
    const wr_node *n = op->node;
    uint32_t n_keys = n->upsert.n_keys;
    s->phys = wr_calloc((size_t)n->out.n + n_keys + 1, sizeof *s->phys);
    if (!s->phys) return wr_fail_oom(err, "keys");
    wr_phys *keys = s->phys + n->out.n;
    for (uint32_t c = 0; c < n->out.n; c++) s->phys[c] = wr_type_phys(n->out.fields[c].type);
    for (uint32_t k = 0; k < n_keys; k++) keys[k] = s->phys[n->upsert.keys[k]];
    s->groups = wri_groups_new(keys, n_keys, sizeof(standing));
    wri_slots_init(&s->slots, op, 0, 0, save_keys, NULL);
    return s->groups && wri_groups_let_go(s->groups) ? WR_OK : wr_fail_oom(err, "keys");
}

static standing *standing_of(const upsert *s, uint32_t gid) {
    return (standing *)(void *)(wri_groups_states(s->groups) + gid * wri_groups_stride(s->groups));
}

static void upsert_close(wr_op *op) {
    upsert *s = op->state;
    if (!s) return;
    for (uint32_t g = 1; s->groups && g <= wri_groups_count(s->groups); g++)
        wr_buf_free(&standing_of(s, g)->row);
    wri_groups_free(s->groups);
    wri_slots_free(&s->slots);
    wr_free(s->phys);
    wr_free(s->gids);
    wr_free(s->keys);
    wr_free(s->olds.items);
    wr_free(s->out.items);
    wr_free(s);
}

/* What the batch's rows make of their keys. */
static wr_status touch(upsert *s, const wr_batch *b, wr_err *err) {
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t gid = s->gids[i];
        wr_change kind = wr_change_of(b, i);
        if (kind == WR_UPDATE_BEFORE && i + 1 < b->n && s->gids[i + 1] == gid) continue;
        standing *x = standing_of(s, gid);
        if (!x->at) {
            if (wr_grow(&s->keys, &s->keys_cap, s->n_keys + 1, sizeof *s->keys) != WR_OK)
                return wr_fail_oom(err, "keys");
            uint32_t old = x->row.len ? (uint32_t)s->olds.n : NONE;
            if (old != NONE) WR_TRY(wri_kept_list_add(&s->olds, &x->row, 0, 0, err));
            s->keys[s->n_keys++] = (touched){.gid = gid, .old = old};
            x->at = (uint32_t)s->n_keys;
        }
        s->keys[x->at - 1].last = wr_takes_back(kind) ? NONE : i;
    }
    return WR_OK;
}

static wr_status say(upsert *s, const touched *k, wr_batch *old, wr_batch *b, wr_err *err) {
    if (k->old == NONE) return k->last == NONE ? WR_OK : wri_change_add(&s->out, b, k->last, WR_INSERT, err);
    if (k->last == NONE) return wri_change_add(&s->out, old, k->old, WR_DELETE, err);
    if (wri_same_values(old, k->old, b, k->last, 0)) return WR_OK;
    WR_TRY(wri_change_add(&s->out, old, k->old, WR_UPDATE_BEFORE, err));
    return wri_change_add(&s->out, b, k->last, WR_UPDATE_AFTER, err);
}

static wr_status read_olds(wr_op *op, upsert *s, wr_batch **outp, wr_err *err) {
    *outp = NULL;
    if (s->olds.n == 0) return WR_OK;
    WR_TRY(wr_batch_new(op->node->out.n, (uint32_t)s->olds.n, outp, err));
    (*outp)->n = (uint32_t)s->olds.n;
    wr_status r = wri_kept_read(s->olds.items, s->phys, op->node->out.n, *outp, err);
    if (r == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return r;
}

/* The rows of the batch take the place of those that stood; keys that have ended are forgotten. */
static wr_status keep(upsert *s, const wr_batch *b, wr_err *err) {
    for (size_t i = 0; i < s->n_keys; i++) {
        const touched *k = &s->keys[i];
        standing *x = standing_of(s, k->gid);
        x->row.len = 0;
        x->at = 0;
        if (k->last != NONE) {
            WR_TRY(wri_kept_add(&x->row, b, UINT32_MAX, k->last, err));
            continue;
        }
        WR_TRY(wri_slots_leave(&s->slots, &k->gid, 1, err));
        wr_buf_free(&x->row);
        x->row = (wr_buf){0};
        wri_groups_remove(s->groups, &k->gid, 1);
    }
    return WR_OK;
}

static wr_status upsert_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    upsert *s = op->state;
    if (b->n == 0) return WR_OK;
    if (wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "keys");
    wr_batch *old;
    s->n_keys = s->olds.n = 0;
    WR_TRY(wri_groups_find(s->groups, b, op->node->upsert.keys, b->hash, s->gids, err));
    WR_TRY(wri_slots_touch(&s->slots, s->gids, b->n, err));
    WR_TRY(touch(s, b, err));
    WR_TRY(read_olds(op, s, &old, err));
    wr_status r = WR_OK;
    for (size_t i = 0; r == WR_OK && i < s->n_keys; i++) r = say(s, &s->keys[i], old, b, err);
    if (r == WR_OK) r = wri_change_emit(&s->out, op, false, err);
    wr_batch_drop(old);
    return r == WR_OK ? keep(s, b, err) : r;
}

/* ---- snapshots: the rows that stand ---- */

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wr_op *op = slots->op;
    upsert *s = op->state;
    wr_batch *b;
    s->olds.n = 0;
    for (uint32_t i = 0; i < n; i++)
        WR_TRY(wri_kept_list_add(&s->olds, &standing_of(s, gids[i])->row, 0, 0, err));
    WR_TRY(read_olds(op, s, &b, err));
    wr_status r = wr_save_slots(to, 0, b, op->node->upsert.keys, op->node->upsert.n_keys, gids, err);
    wr_batch_drop(b);
    s->olds.n = 0;
    return r;
}

static wr_status upsert_save(wr_op *op, wr_saver *to, wr_err *err) {
    return wri_slots_barrier(&((upsert *)op->state)->slots, to, err);
}

static wr_status upsert_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((upsert *)op->state)->slots, leftp, err);
}

static wr_status upsert_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    upsert *s = op->state;
    wr_batch *b = saved->rows;
    if (!b || b->n_cols != op->node->out.n)
        return wr_fail(err, WR_EDATA, "rows of keys in the snapshot are not as they were written");
    if (wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "keys");
    WR_TRY(wri_groups_find(s->groups, b, op->node->upsert.keys, b->hash, s->gids, err));
    for (uint32_t i = 0; i < b->n; i++)
        WR_TRY(wri_kept_add(&standing_of(s, s->gids[i])->row, b, UINT32_MAX, i, err));
    return wri_slots_touch(&s->slots, s->gids, b->n, err);
}

static void upsert_measure(const wr_op *op, wr_kept *out) {
    const upsert *s = op->state;
    out->keys = wri_groups_live(s->groups);
    out->bytes = wri_groups_bytes(s->groups) + out->keys * wri_row_bytes(&op->node->out);
}

const wr_op_def wri_op_upsert = {.name = "upsert",
                                 .open = upsert_open,
                                 .push = upsert_push,
                                 .save = upsert_save,
                                 .save_rest = upsert_save_rest,
                                 .load = upsert_load,
                                 .keyed = true,
                                 .measure = upsert_measure,
                                 .close = upsert_close};
