/* runtime/ops/join_version.c -- FOR SYSTEM_TIME AS OF: rows with the version of a table valid at their time.
 *
 *   both inputs wait in timelines until the watermark of both has passed; then they go in the order of time:
 *   a right row replaces the version of its key, a left row meets the version that is there
 *
 * A version is valid from its time on; of two with one time the later in the source counts. Only the latest
 * version of each key that the watermark has passed is kept: those that were replaced are swept out of the
 * store once they are more than those that live. Rows behind the watermark are late. */
#include "join_saved.h"
#include "join_table.h"
#include "ops.h"
#include "saved_rows.h"
#include "timeline.h"

#define SWEEP_MIN 4096 /* replaced versions */

typedef struct ahead { /* rows of one side that are due, in the order of time */
    wr_batch *view;    /* NULL: none; holds the batch */
    const int64_t *time;
    uint32_t at, n;
    uint32_t *gids; /* by row, 0: no such key (left), or NULL in the key */
    size_t gids_cap;
} ahead;

typedef struct version_join {
    wri_jside sides[2];
    wri_timeline *lines[2];
    ahead due[2];
    wri_groups *groups; /* state: id + 1 of the version */
    wri_slots slots;    /* versions, by key */
    wri_rows rows;
    size_t dead; /* rows that were replaced */
    wri_pairs pairs, singles;
    uint8_t *hit; /* left rows of the batch at hand that met a version */
    size_t hit_cap;
    uint32_t *keyed, *none, *ok;
    size_t cap;
} version_join;

enum { LINES, VERSIONS = LINES + 2 }; /* LINES + side: tags in snapshots, and spaces of slots */

static wr_status save_versions(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                               wr_err *err);

static wr_status version_open(wr_op *op, wr_err *err) {
    version_join *j = op->state = wr_calloc(1, sizeof *j);
    const wr_node *n = op->node;
    if (!j) return wr_fail_oom(err, "a join");
    for (uint32_t s = 0; s < 2; s++) {
        WR_TRY(wri_jside_init(&j->sides[s], n, s, true, err));
        j->lines[s] = wri_timeline_new(&n->in[s]->out, n->join.time_cols[s]);
        if (!j->lines[s]) return wr_fail_oom(err, "a join");
        wri_timeline_saves(j->lines[s], op, LINES + s, n->join.keys[s], n->join.n_keys);
    }
    wri_slots_init(&j->slots, op, 0, VERSIONS, save_versions, j);
    WR_TRY(wri_pairs_init(&j->pairs, op, j->sides, true, err));
    WR_TRY(wri_pairs_init(&j->singles, op, j->sides, false, err));
    wr_phys *phys = wr_alloc((n->join.n_keys + 1) * sizeof *phys);
    for (uint32_t k = 0; phys && k < n->join.n_keys; k++) phys[k] = j->sides[1].phys[j->sides[1].keys[k]];
    j->groups = phys ? wri_groups_new(phys, n->join.n_keys, sizeof(uint32_t)) : NULL;
    wr_free(phys);
    return j->groups ? WR_OK : wr_fail_oom(err, "a join");
}

static void version_close(wr_op *op) {
    version_join *j = op->state;
    if (!j) return;
    for (uint32_t s = 0; s < 2; s++) {
        wri_jside_free(&j->sides[s]);
        wri_timeline_free(j->lines[s]);
        wr_batch_drop(j->due[s].view);
        wr_free(j->due[s].gids);
    }
    wri_pairs_free(&j->pairs);
    wri_pairs_free(&j->singles);
    wri_groups_free(j->groups);
    wri_slots_free(&j->slots);
    wri_rows_free(&j->rows);
    wr_free(j->hit);
    wr_free(j->ok);
    wr_free(j);
}

static wr_status scratch(version_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    wr_free(j->ok);
    j->cap = 0;
    j->ok = wr_alloc(3 * n * sizeof *j->ok);
    if (!j->ok) return wr_fail_oom(err, "a join");
    j->keyed = j->ok + n;
    j->none = j->ok + 2 * n;
    j->cap = n;
    return WR_OK;
}

static wr_status version_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    version_join *j = op->state;
    uint32_t n;
    WR_TRY(scratch(j, in->n, err));
    WR_TRY(wri_in_time(op, port, in, op->node->join.time_cols[port], j->ok, &n, err));
    return wri_timeline_add(j->lines[port], in, j->ok, n, err);
}

/* ---- versions ---- */

static uint32_t *version_of(version_join *j, uint32_t gid) {
    return (uint32_t *)(wri_groups_states(j->groups) + gid * wri_groups_stride(j->groups));
}

static uint32_t last_id(const wri_rows *r) {
    return (uint32_t)(r->n - 1) << WRI_BLOCK_BITS | (r->blocks[r->n - 1]->n - 1);
}

/* Copies the versions that live to a new store. */
static wr_status sweep(version_join *j, wr_err *err) {
    wri_rows fresh = {0};
    for (uint32_t gid = 1; gid <= wri_groups_count(j->groups); gid++) {
        uint32_t *id = version_of(j, gid);
        if (!*id) continue;
        uint32_t at = (*id - 1) & (WRI_BLOCK_ROWS - 1);
        wr_status r =
            wri_rows_add(&fresh, &j->sides[1], j->rows.blocks[(*id - 1) >> WRI_BLOCK_BITS], &at, 1, err);
        if (r != WR_OK) {
            wri_rows_free(&fresh);
            return r;
        }
        *id = last_id(&fresh) + 1;
    }
    wri_rows_free(&j->rows);
    j->rows = fresh;
    j->dead = 0;
    return WR_OK;
}

/* The keys of the rows at hand; those of the left side that no version has get 0. */
static wr_status find_keys(wr_op *op, uint32_t s, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[s];
    uint32_t n;
    WR_TRY(scratch(j, d->n, err));
    if (wr_grow(&d->gids, &d->gids_cap, 2 * (size_t)d->n, sizeof *d->gids) != WR_OK)
        return wr_fail_oom(err, "keys of a join");
    uint32_t *found = d->gids + d->n;
    wri_keyed_rows(&j->sides[s], op->node, d->view, NULL, d->n, j->keyed, j->none, &n);
    wri_group_rows rows = {.b = d->view, .key_cols = j->sides[s].keys, .idx = j->keyed, .n = n};
    wri_groups_freeze(j->groups, s == 0);
    wr_status r = wri_groups_find_rows(j->groups, &rows, found, err);
    wri_groups_freeze(j->groups, false);
    if (r == WR_OK && s == 1)
        r = wri_slots_touch(&j->slots, found, n, err); /* they are about to be replaced */
    memset(d->gids, 0, d->n * sizeof *d->gids);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) d->gids[j->keyed[i]] = found[i];
    return r;
}

/* ---- left rows ---- */

static wr_status flush_pairs(wr_op *op, wr_err *err) {
    version_join *j = op->state;
    if (j->pairs.n == 0) return WR_OK;
    WR_TRY(wri_pairs_test(&j->pairs, err));
    for (uint32_t i = 0; i < j->pairs.n_hits; i++) j->hit[j->pairs.row[0][j->pairs.hits[i]]] = 1;
    return wri_pairs_emit(&j->pairs, err);
}

/* The rows at hand of side s are done with. */
static wr_status finish(wr_op *op, uint32_t s, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[s];
    if (!d->view) return WR_OK;
    wr_status r = WR_OK;
    if (s == 0) {
        r = flush_pairs(op, err);
        for (uint32_t i = 0; r == WR_OK && wri_pads(op->node, 0) && i < d->n; i++)
            if (!j->hit[i]) r = wri_pairs_single(&j->singles, 0, d->view, i, err);
        if (r == WR_OK) r = wri_pairs_flush(&j->singles, err);
    }
    wr_batch_drop(d->view);
    d->view = NULL;
    return r;
}

/* The next rows of side s that are due at wm, if the last ones are done with. */
static wr_status fetch(wr_op *op, uint32_t s, int64_t wm, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[s];
    if (d->view && d->at < d->n) return WR_OK;
    WR_TRY(finish(op, s, err));
    wr_batch *b;
    WR_TRY(wri_timeline_take(j->lines[s], wm, wr_task_batch_rows(op->task), &b, err));
    if (!b) return WR_OK;
    wr_status r = wri_jside_view(&j->sides[s], b, &d->view, err);
    wr_batch_drop(b);
    if (r != WR_OK) return r;
    d->at = 0;
    d->n = d->view->n;
    d->time = d->view->cols[j->sides[s].time].i64;
    WR_TRY(find_keys(op, s, err));
    if (s == 0) {
        if (wr_grow(&j->hit, &j->hit_cap, d->n, 1) != WR_OK) return wr_fail_oom(err, "a join");
        memset(j->hit, 0, d->n);
    } else if (j->due[0].view) { /* it may have brought keys that left rows look for */
        WR_TRY(flush_pairs(op, err));
        WR_TRY(find_keys(op, 0, err));
    }
    return WR_OK;
}

/* The right row at hand becomes the version of its key. */
static wr_status replace(wr_op *op, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[1];
    uint32_t row = d->at++;
    if (!d->gids[row]) return WR_OK; /* NULL in the key: it equals nothing */
    if (j->dead > SWEEP_MIN && j->dead > j->rows.rows / 2) {
        WR_TRY(flush_pairs(op, err)); /* which may point to what is swept */
        WR_TRY(sweep(j, err));
    }
    WR_TRY(wri_rows_add(&j->rows, &j->sides[1], d->view, &row, 1, err));
    uint32_t *id = version_of(j, d->gids[row]);
    j->dead += *id != 0;
    *id = last_id(&j->rows) + 1;
    return WR_OK;
}

static wr_status meet(wr_op *op, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[0];
    uint32_t row = d->at++, id = d->gids[row] ? *version_of(j, d->gids[row]) : 0;
    if (!id) return WR_OK;
    const wr_batch *b = j->rows.blocks[(id - 1) >> WRI_BLOCK_BITS];
    bool full = wri_pairs_add(&j->pairs, d->view, row, b, (id - 1) & (WRI_BLOCK_ROWS - 1));
    return full ? flush_pairs(op, err) : WR_OK;
}

static wr_status version_watermark(wr_op *op, int64_t wm, wr_err *err) {
    version_join *j = op->state;
    for (;;) {
        WR_TRY(fetch(op, 1, wm, err));
        WR_TRY(fetch(op, 0, wm, err));
        ahead *l = &j->due[0], *r = &j->due[1];
        if (!l->view && !r->view) return WR_OK;
        if (r->view && (!l->view || r->time[r->at] <= l->time[l->at])) WR_TRY(replace(op, err));
        else WR_TRY(meet(op, err));
    }
}

/* ---- snapshots: rows that wait, and the version of each key. No rows are at hand at a barrier. ---- */

static wr_status save_versions(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                               wr_err *err) {
    version_join *j = slots->ctx;
    const wri_jside *side = &j->sides[1];
    uint32_t n_keys = slots->op->node->join.n_keys;
    wri_picked *rows = wr_alloc(n * sizeof *rows);
    wr_batch *b = NULL;
    wr_status r = rows ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        uint32_t id = *version_of(j, gids[i]) - 1;
        rows[i] = (wri_picked){.b = j->rows.blocks[id >> WRI_BLOCK_BITS], .row = id & (WRI_BLOCK_ROWS - 1)};
    }
    if (r == WR_OK) r = wri_pick_rows(rows, n, side->n, 0, &b, err);
    if (r == WR_OK) r = wr_save_slots(to, VERSIONS, b, side->keys, n_keys, gids, err);
    wr_batch_drop(b);
    wr_free(rows);
    return r;
}

static wr_status version_save(wr_op *op, wr_saver *to, wr_err *err) {
    version_join *j = op->state;
    for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_timeline_barrier(j->lines[s], to, err));
    return wri_slots_barrier(&j->slots, to, err);
}

static wr_status version_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    version_join *j = op->state;
    *leftp = false;
    for (uint32_t s = 0; s < 2 && !*leftp; s++) WR_TRY(wri_timeline_save_rest(j->lines[s], leftp, err));
    return *leftp ? WR_OK : wri_slots_rest(&j->slots, leftp, err);
}

static wr_status load_versions(wr_op *op, const wr_saved *saved, wr_err *err) {
    version_join *j = op->state;
    ahead *d = &j->due[1];
    WR_TRY(wri_jside_check(&j->sides[1], saved, 0, err));
    d->view = wr_batch_hold(saved->rows);
    d->at = 0;
    d->n = d->view->n;
    wr_status r = find_keys(op, 1, err);
    while (r == WR_OK && d->at < d->n) r = replace(op, err);
    wr_batch_drop(d->view);
    d->view = NULL;
    return r;
}

static wr_status version_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    version_join *j = op->state;
    if (saved->tag == VERSIONS) return load_versions(op, saved, err);
    if (saved->rows && saved->tag < VERSIONS)
        return wri_timeline_load(j->lines[saved->tag - LINES], saved->rows, err);
    return wr_fail(err, WR_EDATA, "a temporal join in the snapshot is not as it was written");
}

static void version_measure(const wr_op *op, wr_kept *out) {
    const version_join *j = op->state;
    out->keys = wri_groups_count(j->groups);
    out->bytes = wri_groups_bytes(j->groups) + j->rows.rows * wri_row_bytes(&op->node->in[1]->out) +
                 wri_timeline_bytes(j->lines[0]) + wri_timeline_bytes(j->lines[1]);
}

/* Rows of the left side; versions that wait with them come out with no row. */
static void version_waiting(const wr_op *op, wr_waits *out) {
    const version_join *j = op->state;
    wri_timeline_waiting(j->lines[0], out);
}

const wr_op_def wri_op_join_version = {.name = "temporal join",
                                       .open = version_open,
                                       .push = version_push,
                                       .watermark = version_watermark,
                                       .save = version_save,
                                       .save_rest = version_save_rest,
                                       .load = version_load,
                                       .keyed = true,
                                       .measure = version_measure,
                                       .waiting = version_waiting,
                                       .close = version_close};
