/* runtime/ops/rank_saved.c -- ranked rows in snapshots: all rows of a partition are a slot.
 *
 *   columns of the input | split | pos | used, of the partition
 *
 * Rows come back by being added again, in any order, without a word about it: what a head holds at a barrier
 * has been told. */
#include "../job_int.h"
#include "rank.h"

typedef struct filling { /* rows on their way into batches */
    wri_rank *s;
    wr_saver *to;
    wr_batch *b;    /* NULL: none is begun */
    uint32_t *gids; /* of its rows */
} filling;

/* All rows of a partition, to list[0..*np). */
static wr_status list_rows(wri_rank_part *p, wri_row ***listp, size_t *capp, size_t *np, wr_err *err) {
    size_t n = p->n;
    if (wr_grow(listp, capp, n + 1, sizeof **listp) != WR_OK) return wr_fail_oom(err, "a snapshot");
    if (n) memcpy(*listp, wri_rank_head(p), n * sizeof **listp);
    if (p->rest) (*listp)[n++] = p->rest;
    for (size_t at = p->n; at < n; at++) { /* those below each row of the tree come behind it */
        if (wr_grow(listp, capp, n + 2, sizeof **listp) != WR_OK) return wr_fail_oom(err, "a snapshot");
        for (int k = 0; k < 2; k++)
            if ((*listp)[at]->kid[k]) (*listp)[n++] = (*listp)[at]->kid[k];
    }
    *np = n;
    return WR_OK;
}

static wr_status begin(filling *f, wr_err *err) {
    const wr_schema *in = f->s->form.schema;
    WR_TRY(wr_batch_new(in->n + 3, WR_BATCH_ROWS, &f->b, err));
    f->b->split = WR_NO_SPLIT;
    for (uint32_t c = 0; c < in->n + 3; c++)
        WR_TRY(wr_batch_col(f->b, c, c < in->n ? wr_type_phys(in->fields[c].type) : WR_I64, err));
    return WR_OK;
}

static wr_status hand_over(filling *f, wr_err *err) {
    if (!f->b) return WR_OK;
    const wr_node *n = f->s->node;
    wr_status st = wr_save_slots(f->to, 0, f->b, n->rank.keys, n->rank.n_keys, f->gids, err);
    wr_batch_drop(f->b);
    f->b = NULL;
    return st;
}

static wr_status put_row(filling *f, uint32_t gid, const wri_rank_part *p, const wri_row *row, wr_err *err) {
    if (!f->b) WR_TRY(begin(f, err));
    wr_batch *b = f->b;
    uint32_t i = b->n, col = f->s->form.schema->n;
    bool placed = f->s->form.by_place;
    WR_TRY(wri_row_put(&f->s->form, row, b, i, err));
    b->cols[col].i64[i] = placed ? row->split : WR_NO_SPLIT;
    b->cols[col + 1].i64[i] = placed ? row->pos : 0;
    b->cols[col + 2].i64[i] = p->used;
    f->gids[i] = gid;
    b->n++;
    return b->n == WR_BATCH_ROWS ? hand_over(f, err) : WR_OK;
}

static wr_status save_parts(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                            wr_err *err) {
    wri_rank *s = slots->ctx;
    filling f = {.s = s, .to = to, .gids = wr_alloc(WR_BATCH_ROWS * sizeof *f.gids)};
    wri_row **list = NULL;
    size_t cap = 0, n_rows = 0;
    wr_status st = f.gids ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t g = 0; st == WR_OK && g < n; g++) {
        wri_rank_part *p = wri_rank_part_at(s, gids[g]);
        st = list_rows(p, &list, &cap, &n_rows, err);
        for (size_t i = 0; st == WR_OK && i < n_rows; i++) st = put_row(&f, gids[g], p, list[i], err);
    }
    if (st == WR_OK) st = hand_over(&f, err);
    wr_batch_drop(f.b);
    wr_free(list);
    wr_free(f.gids);
    return st;
}

static wr_status all_parts(wri_slots *slots, wr_err *err) {
    const wri_groups *g = ((const wri_rank *)slots->ctx)->groups;
    return wri_slots_touch_all(slots, wri_groups_count(g), wri_groups_gone(g), err);
}

void wri_rank_saves(wri_rank *s) {
    wri_slots_init(&s->slots, s->op, 0, 0, save_parts, s);
    wri_slots_ask(&s->slots, all_parts);
    s->slots.at_once = WR_SAVE_SCATTERED;
}

wr_status wri_rank_save(wr_op *op, wr_saver *to, wr_err *err) {
    return wri_slots_barrier(&((wri_rank *)op->state)->slots, to, err);
}

wr_status wri_rank_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((wri_rank *)op->state)->slots, leftp, err);
}

static wr_status add_saved(wri_rank *s, wr_batch *b, wr_err *err) {
    uint32_t col = s->form.schema->n;
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t gid = s->gids[i];
        b->split =
            (uint32_t)b->cols[col].i64[i]; /* the place of row i, as long as it is the one that counts */
        b->pos = b->cols[col + 1].i64[i] - i;
        WR_TRY(wri_rank_see(s, gid, b, i, err));
        WR_TRY(wri_rank_add(s, gid, (wri_row_ref){.b = b, .i = i}, err));
        wri_rank_part_at(s, gid)->used = b->cols[col + 2].i64[i];
    }
    return WR_OK;
}

wr_status wri_rank_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    wri_rank *s = op->state;
    wr_batch *b = saved->rows;
    if (!b || b->n_cols != s->form.schema->n + 3)
        return wr_fail(err, WR_EDATA, "ranks in the snapshot are not as they were written");
    if (wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "a rank");
    WR_TRY(wri_groups_find(s->groups, b, s->node->rank.keys, b->hash, s->gids, err));
    WR_TRY(wri_slots_touch(&s->slots, s->gids, b->n, err));
    WR_TRY(add_saved(s, b, err));
    wri_rank_over(s);
    return WR_OK;
}
