/* runtime/source_queue.c -- which split of a source is asked next.
 *
 *   ready ─► held: a worker asks it, or all its slots are in use ─┬─► ready, when it gave a chunk
 *     ▲                                                           └─► quiet, when it had nothing ──┐
 *     └──────────────────────────────── the next round ────────────────────────────────────────────┘
 *
 * ready is a heap: the split furthest behind in event time comes first, so that splits advance together; of
 * equals the one with the lower number, or, with by_turn, the one asked longest ago, so that none starves.
 *
 * A call is one search for a chunk. One that finds none has asked every split since it began. One that finds
 * some leaves quiet splits alone, but for QUIET_PER_CALL of them on average: thousands of quiet splits cost a
 * chunk no more than those few, and a few are asked before each chunk. */
#include "job_int.h"

#define QUIET_PER_CALL 64

static bool comes_before(const wri_split *a, const wri_split *b) {
    return a->wm != b->wm ? a->wm < b->wm : a->turn < b->turn;
}

static void put_at(wri_queue *q, uint32_t place, wri_split *p) {
    q->ready[place] = p;
    p->place = place;
}

static void sift_up(wri_queue *q, wri_split *p) {
    uint32_t at = p->place;
    for (; at > 0 && comes_before(p, q->ready[(at - 1) / 2]); at = (at - 1) / 2)
        put_at(q, at, q->ready[(at - 1) / 2]);
    put_at(q, at, p);
}

static void sift_down(wri_queue *q, wri_split *p) {
    uint32_t at = p->place;
    for (uint32_t child; (child = 2 * at + 1) < q->n_ready; at = child) {
        child += child + 1 < q->n_ready && comes_before(q->ready[child + 1], q->ready[child]);
        if (!comes_before(q->ready[child], p)) break;
        put_at(q, at, q->ready[child]);
    }
    put_at(q, at, p);
}

static void make_ready(wri_queue *q, wri_split *p) {
    p->at = WRI_READY;
    put_at(q, q->n_ready++, p);
    sift_up(q, p);
}

static void begin_round(wri_queue *q) {
    while (q->quiet) {
        wri_split *p = q->quiet;
        q->quiet = p->next_quiet;
        make_ready(q, p);
    }
    q->n_quiet = q->calls = 0;
    q->round++;
    q->all = true;
}

wr_status wri_queues_new(wri_source *s, uint32_t n, wr_err *err) {
    s->queues = wr_calloc(n, sizeof *s->queues);
    if (!s->queues) return wr_fail_oom(err, "a source");
    s->n_queues = n;
    for (uint32_t i = 0; i < n; i++)
        s->queues[i] = (wri_queue){.by_turn = s->con->keyed_splits, .turns = UINT32_MAX};
    return WR_OK;
}

void wri_queues_free(wri_source *s) {
    for (uint32_t i = 0; i < s->n_queues; i++) wr_free(s->queues[i].ready);
    wr_free(s->queues);
}

wri_queue *wri_queue_of(const wri_source *s, uint32_t worker) {
    return &s->queues[s->con->keyed_splits ? worker : 0];
}

wr_status wri_queue_add(wri_queue *q, wri_split *p, wr_err *err) {
    if (wr_grow(&q->ready, &q->cap, q->n + 1, sizeof *q->ready) != WR_OK) return wr_fail_oom(err, "splits");
    q->n++;
    make_ready(q, p);
    return WR_OK;
}

void wri_queue_call(wri_queue *q) {
    q->all = false;
    if (q->n_quiet <= ++q->calls * QUIET_PER_CALL) begin_round(q);
}

wri_split *wri_queue_take(wri_queue *q, bool *heldp) {
    if (q->n_ready == 0 && !q->all) begin_round(q);
    *heldp = q->n_ready == 0 && q->n_held > 0;
    if (q->n_ready == 0) return NULL;
    wri_split *p = q->ready[0], *last = q->ready[--q->n_ready];
    last->place = 0;
    if (last != p) sift_down(q, last);
    p->at = WRI_HELD;
    p->round = q->round;
    if (q->by_turn) p->turn = ++q->turns;
    q->n_held++;
    return p;
}

void wri_queue_ready(wri_queue *q, wri_split *p) {
    q->n_held--;
    make_ready(q, p);
}

void wri_queue_quiet(wri_queue *q, wri_split *p) {
    if (p->round != q->round) { /* perhaps asked before what the new round is for */
        wri_queue_ready(q, p);
        return;
    }
    q->n_held--;
    p->at = WRI_QUIET;
    p->next_quiet = q->quiet;
    q->quiet = p;
    q->n_quiet++;
}

void wri_queue_drop(wri_queue *q, wri_split *p) {
    q->n_held--;
    q->n--;
    p->at = WRI_NOWHERE;
}

void wri_queue_later(wri_queue *q, wri_split *p) {
    if (p->at == WRI_READY) sift_down(q, p);
}
