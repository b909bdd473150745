/* runtime/source_owner.c -- which worker reads a split whose records have an order.
 *
 * A shard of a stream holds all records of its keys, in order. So that they leave in order, too, one worker
 * reads it to its end: all that it sends on stays in order in rings and sinks. Shards are dealt out evenly;
 * one that comes later (a child of a split or merge) goes to the worker that has the fewest.
 *
 * That may be another than the one that read its parents, whose last records may still be on their way. So it
 * begins only when each other worker has come round since, and thus has let go of what its sinks held back,
 * and has had its rings emptied up to where they stood: what the child gives then comes behind. */
#include "job_int.h"

static uint32_t least_loaded(const wr_job *j, const wri_source *s) {
    uint32_t best = 0, least = UINT32_MAX;
    for (uint32_t w = 0; w < j->n_workers; w++) {
        uint32_t n = s->queues[w].n; /* splits that it reads */
        if (n >= least) continue;
        best = w;
        least = n;
    }
    return best;
}

/* Calls see(ctx, place, value) for each counter that tells how far workers other than `owner` have come. */
static size_t each_counter(const wr_job *j, uint32_t owner,
                           void (*see)(void *ctx, size_t i, const wri_ring *r, uint32_t rounds), void *ctx) {
    size_t n = 0;
    for (uint32_t w = 0; w < j->n_workers; w++) {
        if (w == owner) continue;
        see(ctx, n++, NULL, __atomic_load_n(&j->workers[w].rounds, __ATOMIC_ACQUIRE));
        for (uint32_t id = 0; id < j->plan->n_nodes; id++)
            for (uint32_t to = 0; j->exchanges[id].rings && to < j->n_workers; to++)
                see(ctx, n++, &j->exchanges[id].rings[w * j->n_workers + to], 0);
    }
    return n;
}

static void nothing(void *ctx, size_t i, const wri_ring *r, uint32_t rounds) {
    (void)ctx, (void)i, (void)r, (void)rounds;
}

static void note(void *ctx, size_t i, const wri_ring *r, uint32_t rounds) {
    ((uint32_t *)ctx)[i] = r ? __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) : rounds;
}

typedef struct looking {
    const uint32_t *noted;
    bool over;
} looking;

static void look(void *ctx, size_t i, const wri_ring *r, uint32_t rounds) {
    looking *l = ctx;
    if (r) l->over &= (int32_t)(__atomic_load_n(&r->head, __ATOMIC_ACQUIRE) - l->noted[i]) >= 0;
    else l->over &= rounds != l->noted[i];
}

wr_status wri_split_give(wr_job *j, wri_source *s, uint32_t i, bool later, wr_err *err) {
    wri_split *p = s->splits[i];
    p->owner = s->con->keyed_splits ? least_loaded(j, s) : UINT32_MAX;
    WR_TRY(wri_queue_add(wri_queue_of(s, p->owner), p, err));
    if (!s->con->keyed_splits) return WR_OK;
    if (!later || j->n_workers == 1) return WR_OK;
    wr_free(p->behind);
    p->behind = wr_alloc((each_counter(j, p->owner, nothing, NULL) + 1) * sizeof *p->behind);
    if (!p->behind) return wr_fail_oom(err, "splits");
    each_counter(j, p->owner, note, p->behind);
    for (uint32_t w = 0; w < j->n_workers; w++) wri_wake(&j->workers[w]);
    return WR_OK;
}

bool wri_split_may_begin(const wr_job *j, wri_split *p) {
    if (!p->behind) return true;
    looking l = {p->behind, true};
    each_counter(j, p->owner, look, &l);
    if (!l.over) return false;
    wr_free(p->behind);
    p->behind = NULL;
    return true;
}
