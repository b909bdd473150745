/* runtime/ops/rank.h -- between rank.c, which keeps ranked rows, and rank_say.c, which tells how they
 * changed. Private to runtime/. */
#ifndef WR_RUNTIME_RANK_H
#define WR_RUNTIME_RANK_H

#include "../op.h"
#include "group_table.h"
#include "rank_rows.h"
#include "slots.h"
#include "timers.h"

typedef struct wri_rank_part { /* a partition: state of a group */
    union {
        wri_row *one;   /* cap 0: the only row */
        wri_row **many; /* in order */
    };
    uint32_t n, cap;   /* of the head */
    uint32_t distinct; /* DENSE_RANK: different ones among them */
    bool touched;      /* told is to be compared */
    wri_row *rest;
    int64_t used, due; /* watermark at the newest row; when the one timer that counts is due, 0: none */
} wri_rank_part;

typedef struct wri_rank_told_part { /* rows that were told of a partition: old[first..first + n) */
    uint32_t gid;
    size_t first;
    uint32_t n;
} wri_rank_told_part;

typedef struct wri_rank_entry { /* a row with its ranks */
    const wri_row *row;
    int64_t ranks[3]; /* ROW_NUMBER, RANK, DENSE_RANK */
    wr_change change;
} wri_rank_entry;

typedef struct wri_rank_list {
    wri_rank_entry *items;
    size_t n, cap;
} wri_rank_list;

typedef struct wri_rank {
    wr_op *op;
    const wr_node *node;
    wr_over_fn top;
    int64_t to;
    wri_row_form form;
    wri_groups *groups;
    wri_slots slots; /* by partition: all of its rows */
    bool removes;    /* partitions are forgotten */
    wri_timers timers;
    wri_row **gone; /* rows that go when the batch is over */
    size_t n_gone, gone_cap;
    wri_rank_told_part *told;
    size_t n_told, told_cap;
    wri_row **old;
    size_t n_old, old_cap;
    uint32_t *gids, *idx;
    size_t gids_cap, idx_cap;
    wri_rank_list was, is; /* scratch: all rows of a partition, those that went, those that came */
    wri_rank_list went, came, out;
} wri_rank;

static inline wri_rank_part *wri_rank_part_at(const wri_rank *s, uint32_t gid) {
    return (wri_rank_part *)(void *)(wri_groups_states(s->groups) +
                                     (size_t)gid * wri_groups_stride(s->groups));
}
static inline wri_row **wri_rank_head(wri_rank_part *p) { return p->cap ? p->many : &p->one; }

/* A row comes into partition gid: its time counts; it is kept where it belongs. */
wr_status wri_rank_see(wri_rank *s, uint32_t gid, const wr_batch *b, uint32_t i, wr_err *err) WR_MUST_USE;
wr_status wri_rank_add(wri_rank *s, uint32_t gid, wri_row_ref x, wr_err *err) WR_MUST_USE;
void wri_rank_over(wri_rank *s); /* the batch is: what it has touched counts as told */

/* rank_saved.c */
void wri_rank_saves(wri_rank *s); /* once it is open */
wr_status wri_rank_save(wr_op *op, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_rank_save_rest(wr_op *op, bool *leftp, wr_err *err) WR_MUST_USE;
wr_status wri_rank_load(wr_op *op, const wr_saved *saved, wr_err *err) WR_MUST_USE;

/* The rows old[0..n_old) stand, from now on it is those of now[0..n_now): both in order. */
wr_status wri_rank_say(wri_rank *s, wri_row *const *old, size_t n_old, wri_row *const *now, size_t n_now,
                       wr_err *err) WR_MUST_USE;
wr_status wri_rank_flush(wri_rank *s, wr_err *err) WR_MUST_USE; /* emits what has been said */
void wri_rank_say_free(wri_rank *s);

#endif
