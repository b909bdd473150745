/* runtime/ops/over_frame_int.h -- what the two files of frames share: over_frame.c has the model. Private to
 * runtime/ops/over_frame*.c. */
#ifndef WR_RUNTIME_OVER_FRAME_INT_H
#define WR_RUNTIME_OVER_FRAME_INT_H

#include "over.h"

#include "../aggs/aggs.h"
#include "group_table.h"
#include "over_values.h"

#define BLOCK_BITS 8
#define BLOCK      (1u << BLOCK_BITS)      /* nodes */
#define IDLE       (WR_BATCH_ROWS / BLOCK) /* blocks */
#define SEQ_MASK   0x7fffffffu
#define AHEAD      6u /* rows for which memory is asked before they are reached */

typedef struct node {
    int64_t time;
    uint32_t gid, prev, next;
    uint32_t seq : 31;  /* rises, modulo 2^31: the order of a key's rows of one time, in snapshots */
    uint32_t front : 1; /* in front of the border */
} node;                 /* states follow */

typedef struct frame_key {
    uint32_t oldest, newest, n, front;
} frame_key; /* accumulators follow */

typedef struct item {
    const wr_over_call *call;
    const wr_agg_call *agg;
    wri_way way;
    uint32_t at;   /* in a row's states, and in the accumulators */
    uint32_t slot; /* in a node; UINT32_MAX: every row's state is `same` */
    uint64_t same;
    wri_over_out out;
    wri_values *values;   /* VALUES; its entry stands behind the states in a node */
    const uint32_t *vids; /* of the batch's rows */
    uint64_t *missing;    /* LAG with a default: rows that have none so far behind them */
    size_t missing_cap;
    wri_over_frame *of;
    wri_slots seen; /* of values, in frames without nodes */
} item;

struct wri_over_frame {
    wri_frame_cfg cfg;
    bool nodes, stacks;
    bool notes_flips; /* to a snapshot it matters where the border is */
    uint32_t key_off, node_bytes, n_items;
    item *items;
    wr_agg_call *aggs;
    wri_calls calls;
    char *rows; /* states of a batch's rows, row i at (i + 1) * stride */
    size_t rows_cap;
    uint32_t n_rows; /* that may hold something */
    char *tmp;       /* a state under way */
    uint32_t tmp_of; /* which item's, UINT32_MAX: none */
    char **blocks;   /* by number, NULL: none */
    size_t n_blocks, blocks_cap;
    char *idle[IDLE]; /* blocks for the next rows: about as many come as have just left */
    uint32_t n_idle;
    wri_numbers numbers;
    uint32_t last, tail;   /* the block that is being filled, how many of it have been given out */
    uint32_t noted;        /* and how many of those slots know of: new ones are noted many at once, */
    uint32_t left, n_left; /* as are those that have left, from the node `left` on */
    uint32_t spare;        /* ROWS: a list of nodes */
    uint32_t *queue;       /* RANGE: numbers of blocks in order, from `first` on; */
    size_t first, n_queue, queue_cap;
    uint32_t head; /* nodes of the first of them that have left */
    uint32_t seq;
    uint64_t n_live;
    wri_frame_saving saving;
    wri_slots slots; /* nodes */
    char *laid;      /* states of nodes that are saved */
    size_t laid_cap;
};

static inline node *node_at(const wri_over_frame *f, uint32_t id) {
    return (node *)(f->blocks[id / BLOCK] + (size_t)(id % BLOCK) * f->node_bytes);
}
wr_status wri_frame_note(wri_over_frame *f, wr_err *err) WR_MUST_USE; /* before anybody else saves */
static inline uint32_t head_id(const wri_over_frame *f) { return f->queue[f->first] * BLOCK + f->head; }
static inline frame_key *key_of(const wri_over_frame *f, char *key) {
    return (frame_key *)(key + f->key_off);
}
static inline char *acc_of(frame_key *k, const item *it) { return (char *)(k + 1) + it->at; }
static inline void *slot_of(node *n, item *it) {
    return it->slot == UINT32_MAX ? (void *)&it->same : (char *)(n + 1) + it->slot;
}

static inline uint64_t *vid_of(node *n, item *it) {
    return (uint64_t *)((char *)slot_of(n, it) + it->agg->state_bytes);
}

static inline wr_status wri_frame_combine(const wr_agg_call *a, void *into, const void *from, wr_err *err) {
    if (a->def->combine && !a->distinct) return a->def->combine(a, into, from, err);
    return wri_agg_combine(a, into, from, err);
}
/* Row `row` of r, whose states these are, becomes the newest node of the key. */
wr_status wri_frame_push_node(wri_over_frame *f, frame_key *k, const wri_over_rows *r, uint32_t row,
                              char *states, wr_err *err) WR_MUST_USE;

#endif
