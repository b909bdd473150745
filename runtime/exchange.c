/* runtime/exchange.c -- rows to the worker that owns their key.
 *
 * Each pair of workers has a ring with one producer and one consumer, so a slot is handed over by one
 * store of the index. The sending end scatters a batch by key hash: 128 key groups are spread over
 * the workers, so that state can move to another number of workers by group. With one worker the
 * sending end calls the receiving end. A full ring is back-pressure: the sender does the work of later
 * stages until there is room (wri_help). */
#include "job_int.h"
#include "ops/ops.h"

#define KEY_GROUPS 128

bool wri_ring_put(wri_ring *r, wri_event e) {
    uint32_t tail = r->tail; /* ours */
    if (tail - __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == WRI_RING_EVENTS) return false;
    r->slots[tail % WRI_RING_EVENTS] = e;
    __atomic_store_n(&r->tail, tail + 1,
                     __ATOMIC_SEQ_CST); /* before wri_wake looks whether the consumer sleeps */
    return true;
}

bool wri_ring_take(wri_ring *r, wri_event *ep) {
    uint32_t head = r->head; /* ours */
    if (head == __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE)) return false;
    *ep = r->slots[head % WRI_RING_EVENTS];
    __atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
    return true;
}

uint32_t wri_exchange_target(uint64_t hash, uint32_t workers) {
    return (uint32_t)(hash >> 57) * workers / KEY_GROUPS;
}

wr_status wri_exchange_new(wr_job *j, const wr_node *n, wri_exchange *x, wr_err *err) {
    size_t bytes = (size_t)j->n_workers * j->n_workers * sizeof(wri_ring);
    x->rings = wr_alloc_aligned(64, bytes);
    if (!x->rings) return wr_fail_oom(err, "an exchange");
    memset(x->rings, 0, bytes);
    x->node = n;
    return WR_OK;
}

void wri_exchange_free(wr_job *j, wri_exchange *x) {
    if (!x->rings) return;
    wri_event e;
    for (uint32_t i = 0; i < j->n_workers * j->n_workers; i++)
        while (wri_ring_take(&x->rings[i], &e))
            if (e.kind == WRI_BATCH) wr_batch_drop(e.batch);
    wr_free(x->rings);
}

/* ---- sending end ---- */

typedef struct sender {
    wri_exchange *x;
    uint64_t *hash; /* scratch, room for hash_cap rows */
    uint32_t *idx;  /* scratch: rows by target, then positions */
    uint8_t *target;
    size_t cap;
    uint32_t *starts; /* per worker */
} sender;

static wr_status sender_open(wr_op *op, wr_err *err) {
    sender *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "an exchange");
    s->x = &op->task->job->exchanges[op->node->id];
    s->starts = wr_calloc(op->task->job->n_workers + 1, sizeof *s->starts);
    return s->starts ? WR_OK : wr_fail_oom(err, "an exchange");
}

static void sender_close(wr_op *op) {
    sender *s = op->state;
    if (!s) return;
    wr_free(s->hash);
    wr_free(s->idx);
    wr_free(s->target);
    wr_free(s->starts);
    wr_free(s);
}

/* When memory is short a ring holds little: what is in it cannot be written to disk. */
static bool put(wr_task *t, wri_ring *r, wri_event e) {
    return !(wri_memory_short(t->job) && wri_ring_crowded(r)) && wri_ring_put(r, e);
}

/* The ring is full: works at later stages until it is not. */
static wr_status wait_for_room(wr_op *op, wri_ring *r, wri_event e, wr_err *err) {
    wr_task *t = op->task;
    int64_t blocked = t->meter.blocked_us;
    const wr_node *before = t->meter.blocked_at; /* what it helps with may have to wait, too */
    do {
        __atomic_store_n(&t->meter.blocked_at, op->node, __ATOMIC_RELAXED);
        wr_status st = wri_help(t, op->node->in[0]->stage, err);
        if (st != WR_OK) {
            if (e.kind == WRI_BATCH) wr_batch_drop(e.batch);
            return st;
        }
    } while (!put(t, r, e));
    __atomic_store_n(&t->meter.blocked_at, before, __ATOMIC_RELAXED);
    wri_meter_time(&op->blocked_us, t->meter.blocked_us - blocked);
    return WR_OK;
}

static wr_status send_event(wr_op *op, uint32_t to, wri_event e, wr_err *err) {
    wr_task *t = op->task;
    sender *s = op->state;
    wri_ring *r = &s->x->rings[t->index * t->job->n_workers + to];
    if (WR_UNLIKELY(!put(t, r, e))) WR_TRY(wait_for_room(op, r, e, err));
    wri_wake(&t->job->workers[to]);
    return WR_OK;
}

static wr_status scratch(sender *s, uint32_t n, wr_err *err) {
    if (n <= s->cap) return WR_OK;
    uint64_t *h = wr_reallocn(s->hash, n, sizeof *h);
    if (h) s->hash = h;
    uint32_t *i = wr_reallocn(s->idx, n, sizeof *i);
    if (i) s->idx = i;
    uint8_t *t = wr_reallocn(s->target, n, sizeof *t);
    if (t) s->target = t;
    if (!h || !i || !t) return wr_fail_oom(err, "an exchange");
    s->cap = n;
    return WR_OK;
}

/* Orders the row numbers of b by target worker: rows of worker w are idx[starts[w] .. starts[w + 1]). */
static void scatter(sender *s, const wr_batch *b, const uint64_t *hash, uint32_t workers) {
    memset(s->starts, 0, (workers + 1) * sizeof *s->starts);
    for (uint32_t i = 0; i < b->n; i++) {
        s->target[i] = (uint8_t)wri_exchange_target(hash[i], workers);
        s->starts[s->target[i] + 1]++;
    }
    for (uint32_t w = 0; w < workers; w++) s->starts[w + 1] += s->starts[w];
    for (uint32_t i = 0; i < b->n; i++) s->idx[s->starts[s->target[i]]++] = i;
    for (uint32_t w = workers; w > 0; w--) s->starts[w] = s->starts[w - 1];
    s->starts[0] = 0;
}

/* Dictionary codes are of the thread that made them; other workers see strings only. */
static void strip_codes(wr_batch *b) {
    for (uint32_t c = 0; c < b->n_cols; c++) {
        b->cols[c].codes = NULL;
        b->cols[c].dict = NULL;
    }
}

/* Where the rows stand in their source: rows of one batch that go to several workers may meet again behind
 * the next exchange. */
static wr_status keep_places(const wr_op *op, const wr_batch *in, const uint32_t *idx, wr_batch *out,
                             wr_err *err) {
    if (!op->node->places || out->place || in->split == WR_NO_SPLIT || out->n == in->n) return WR_OK;
    if (!wr_batch_places(out)) return wr_fail_oom(err, "an exchange");
    for (uint32_t i = 0; i < out->n; i++) out->place[i] = wr_place_of(in, idx[i]);
    return WR_OK;
}

static wr_status keep_hashes(const uint64_t *hash, const uint32_t *idx, wr_batch *out, wr_err *err) {
    out->hash = wr_arena_alloc(&out->arena, (size_t)out->n * sizeof *out->hash);
    if (!out->hash) return wr_fail_oom(err, "an exchange");
    for (uint32_t i = 0; i < out->n; i++) out->hash[i] = hash[idx[i]];
    return WR_OK;
}

static wr_status send_rows(wr_op *op, wr_batch *in, const uint32_t *idx, uint32_t n, const uint64_t *hash,
                           uint32_t to, wr_err *err) {
    wr_batch *out;
    WR_TRY(wr_batch_gather(in, idx, n, NULL, 0, &out, err));
    strip_codes(out);
    wr_status s = keep_places(op, in, idx, out, err);
    if (s == WR_OK && in->hash) s = keep_hashes(hash, idx, out, err);
    if (s != WR_OK) {
        wr_batch_drop(out);
        return s;
    }
    return send_event(op, to, (wri_event){.kind = WRI_BATCH, .batch = out}, err);
}

static wr_status sender_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    wr_task *t = op->task;
    sender *s = op->state;
    uint32_t workers = t->job->n_workers;
    if (workers == 1) return wri_deliver(&t->receivers[op->node->id], 0, in, err);
    WR_TRY(scratch(s, in->n, err));
    if (op->node->exchange.mode == WR_EX_GATHER) {
        for (uint32_t i = 0; i < in->n; i++) s->idx[i] = i;
        return send_rows(op, in, s->idx, in->n, in->hash, 0, err);
    }
    if (op->node->exchange.mode == WR_EX_ALL) {
        for (uint32_t i = 0; i < in->n; i++) s->idx[i] = i;
        for (uint32_t w = 0; w < workers; w++) WR_TRY(send_rows(op, in, s->idx, in->n, in->hash, w, err));
        return WR_OK;
    }
    const uint64_t *hash = in->hash;
    if (!hash) {
        wr_batch_hash(in, op->node->exchange.keys, op->node->exchange.n_keys, s->hash);
        hash = s->hash;
    }
    scatter(s, in, hash, workers);
    for (uint32_t w = 0; w < workers; w++) {
        uint32_t at = s->starts[w], n = s->starts[w + 1] - at;
        if (n > 0) WR_TRY(send_rows(op, in, s->idx + at, n, hash, w, err));
    }
    return WR_OK;
}

static wr_status send_all(wr_op *op, wri_event e, wr_err *err) {
    for (uint32_t w = 0; w < op->task->job->n_workers; w++) WR_TRY(send_event(op, w, e, err));
    return WR_OK;
}

static wr_status sender_watermark(wr_op *op, int64_t wm, wr_err *err) {
    if (wm == WR_WM_END) return WR_OK; /* the end that follows says it */
    wr_task *t = op->task;
    if (t->job->n_workers == 1) return wri_watermark(&t->receivers[op->node->id], 0, wm, err);
    return send_all(op, (wri_event){.kind = WRI_WATERMARK, .wm = wm}, err);
}

static wr_status sender_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    wr_task *t = op->task;
    if (t->job->n_workers == 1) return wri_barrier(&t->receivers[op->node->id], epoch, err);
    return send_all(op, (wri_event){.kind = WRI_BARRIER, .epoch = epoch}, err);
}

static wr_status sender_end(wr_op *op, wr_err *err) {
    wr_task *t = op->task;
    if (t->job->n_workers == 1) return wri_end(&t->receivers[op->node->id], 0, err);
    return send_all(op, (wri_event){.kind = WRI_END}, err);
}

const wr_op_def wri_op_exchange = {.name = "exchange",
                                   .open = sender_open,
                                   .push = sender_push,
                                   .watermark = sender_watermark,
                                   .barrier = sender_barrier,
                                   .end = sender_end,
                                   .stateless = true,
                                   .close = sender_close};

/* ---- receiving end: an operator with one input per sending worker ----
 *
 * A ring whose barrier has come rests until the other rings' have: what follows it belongs to the next epoch.
 * When the last has come the whole entry rests, until its worker's other entries have passed the barrier,
 * too.
 */

static wr_status take_barrier(wr_task *t, wri_entry *e, uint32_t from, uint64_t epoch, wr_err *err) {
    e->rests[from] = true;
    WR_TRY(wri_barrier(e->op, epoch, err));
    if (e->op->barriers > 0) return WR_OK;
    memset(e->rests, 0, t->job->n_workers * sizeof *e->rests);
    e->passed = epoch;
    return WR_OK;
}

static wr_status take_end(wr_task *t, wri_entry *e, uint32_t from, wr_err *err) {
    bool waited = e->op->barriers > 0;
    WR_TRY(wri_end(e->op, from, err));
    if (!waited || e->op->barriers > 0) return WR_OK;
    memset(e->rests, 0, t->job->n_workers * sizeof *e->rests); /* it was the last that others waited for */
    e->passed = e->op->epoch;
    return WR_OK;
}

wr_status wri_exchange_drain(wr_task *t, wri_entry *e, bool *didp, wr_err *err) {
    uint32_t workers = t->job->n_workers;
    for (uint32_t from = 0; from < workers; from++) {
        wri_ring *r = &e->exchange->rings[from * workers + t->index];
        wri_event ev;
        for (int k = 0; k < 8 && !e->rests[from] && e->passed == t->passed && wri_ring_take(r, &ev); k++) {
            *didp = true;
            wr_status s = WR_OK;
            switch (ev.kind) {
            case WRI_BATCH:
                s = wri_deliver(e->op, from, ev.batch, err);
                wr_batch_drop(ev.batch);
                break;
            case WRI_WATERMARK:
                s = wri_watermark(e->op, from, ev.wm, err);
                break;
            case WRI_BARRIER:
                s = take_barrier(t, e, from, ev.epoch, err);
                break;
            case WRI_END:
                s = take_end(t, e, from, err);
                break;
            }
            if (s != WR_OK) return s;
        }
    }
    if (e->op->ended == e->op->n_in) e->ended = true;
    return WR_OK;
}
