/* runtime/source.c -- chunks of splits to batches with their watermark.
 *
 *   deal (under the lock: the split furthest behind in event time) ─► decode, computed columns, largest
 *   watermark (side by side) ─► wait for the chunks before it to say theirs ─► emit ─► announce
 *
 * What a worker announces is the least watermark of the splits that can still give it chunks. A row is
 * judged late by the watermark before it in its own split, never by who was faster. */
#include <inttypes.h>
#include <time.h>

#include "job_int.h"
#include "ops/ops.h"

#define SLOTS_PER_WORKER 2
#define WAIT_NS          50000000
#define LOOK_US          1000000 /* between looks for new splits */

typedef struct source_op {
    wri_source *s;
    wr_decoder *decoder;
    wri_hook *hook;    /* NULL: none */
    wr_eval *computed; /* NULL: none */
    wr_eval *wm;       /* NULL: wm_col and wm_delay say it, or no event time */
    uint32_t wm_col;   /* WR_NO_COL: no event time */
    int64_t wm_delay;
    uint32_t *share;     /* out column -> decoded column, UINT32_MAX: made here */
    uint32_t *eval_cols; /* out columns of the computed expressions */
    wr_batches batches;  /* of the chunk under way */
    wr_row_errors errs;
    int64_t arrival;              /* of the chunk under way [us] */
    const wr_record_about *about; /* of the record under way; NULL: not known, or not wanted */
    uint64_t rows;                /* of the chunk under way, with those that could not be read */
    uint64_t unreadable;          /* records */
    bool *seen;                   /* per decoded column: some value was not NULL */
    uint32_t n_unseen;
} source_op;

/* ---- the shared part ---- */

/* Columns of records: all that the stream declares, and among them those that are read. */
static wr_status make_decoded(const wr_node *n, wri_source *s, wr_err *err) {
    const wr_plan_stream *st = n->source.stream;
    uint32_t n_read = n->source.n_cols, n_all = st->columns.n;
    s->decoded.fields = wr_calloc(n_read + 1, sizeof *s->decoded.fields);
    s->declared.fields = wr_calloc(n_all + 1, sizeof *s->declared.fields);
    s->places = wr_calloc(n_read + 1, sizeof *s->places);
    uint32_t *at = wr_calloc(n_all + 1, sizeof *at); /* column of the stream -> place in declared */
    bool ok = s->decoded.fields && s->declared.fields && s->places && at;
    for (uint32_t i = 0; ok && i < n_all; i++) {
        at[i] = s->declared.n;
        bool decoded = !(st->computed && st->computed[i]) && !(st->metadata && st->metadata[i]);
        if (decoded) s->declared.fields[s->declared.n++] = st->columns.fields[i];
    }
    for (uint32_t i = 0; ok && i < n_read; i++) {
        if (wr_col_is_made(n->source.cols[i])) continue;
        s->places[s->decoded.n] = at[n->source.cols[i]];
        s->decoded.fields[s->decoded.n++] = n->out.fields[i];
    }
    wr_free(at);
    return ok ? WR_OK : wr_fail_oom(err, "a source");
}

/* So that there are n splits; those that are new have ended. Under the lock. */
wr_status wri_source_add_splits(wri_source *s, uint32_t n, wr_err *err) {
    while (s->n_splits < n) {
        wri_split *p = wr_calloc(1, sizeof *p);
        if (p) p->slots = wr_calloc(s->n_slots, sizeof *p->slots);
        if (!p || !p->slots ||
            wr_grow(&s->splits, &s->splits_cap, s->n_splits + 1, sizeof *s->splits) != WR_OK) {
            if (p) wr_free(p->slots);
            wr_free(p);
            return wr_fail_oom(err, "splits");
        }
        p->wm = p->clock_wm = WR_WM_NONE;
        p->ended = true;
        p->no = s->n_splits;
        p->turn = p->no;
        s->splits[s->n_splits++] = p;
    }
    return WR_OK;
}

wr_status wri_source_new(wr_job *j, const wr_node *n, uint32_t first_split, const wr_piece *from,
                         wri_source *s, wr_err *err) {
    const wr_plan_stream *st = n->source.stream;
    s->node = n;
    s->first_split = first_split;
    s->con = wr_connector_find(st->connector);
    s->fmt = st->format ? wr_format_find(st->format) : NULL;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
    if (!s->con || !s->con->open_source)
        return wr_fail(err, WR_EINVAL, "stream %s: connector '%s' cannot be read", st->name, st->connector);
    WR_TRY(make_decoded(n, s, err));
    WR_TRY(wri_queues_new(s, s->con->keyed_splits ? j->n_workers : 1, err));
    if (n->source.lookup) return WR_OK; /* without splits it has ended */
    wr_source_cfg cfg = {.sys = j->sys,
                         .stream = st->name,
                         .options = st->options,
                         .n_options = st->n_options,
                         .schema = &s->decoded,
                         .format = s->fmt,
                         .streams = j->opts.streams,
                         .about = wri_reads_about(n) || st->lambda};
    wr_status r = s->con->open_source(&cfg, &s->src, err);
    if (r != WR_OK) return wr_fail_in(err, r, "stream %s", st->name);
    s->n_slots = j->n_workers * SLOTS_PER_WORKER;
    s->announced = s->told = WR_WM_NONE;
    s->grows = s->con->look != NULL;
    WR_TRY(wri_source_add_splits(s, s->con->n_splits(s->src), err));
    for (uint32_t i = 0; i < s->n_splits; i++) s->splits[i]->ended = false;
    s->n_live = s->n_splits;
    s->epoch = j->epochs.wanted;
    if (from) WR_TRY(wri_source_load(s, from, j->epochs.was[n->id].retimed, err));
    for (uint32_t i = 0; i < s->n_splits; i++)
        if (!s->splits[i]->ended) WR_TRY(wri_split_give(j, s, i, false, err));
    return WR_OK;
}

void wri_source_free(wri_source *s) {
    if (!s->node) return;
    for (uint32_t i = 0; i < s->n_splits; i++) {
        wr_free(s->splits[i]->slots);
        wr_buf_free(&s->splits[i]->cut);
        wr_free(s->splits[i]->behind);
        wr_free(s->splits[i]);
    }
    wri_queues_free(s);
    wr_free(s->splits);
    wr_free(s->decoded.fields);
    wr_free(s->declared.fields);
    wr_free(s->places);
    if (s->src) s->con->close_source(s->src);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
}

/* Until a split or a slot comes free, or the chunk before is resolved. Under the lock. */
static void wait_moment(wri_source *s) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* the wall clock may be put back */
    until.tv_nsec += WAIT_NS;               /* only to look at the stop flag */
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_clockwait(&s->moved, &s->lock, CLOCK_MONOTONIC, &until);
}

/* Split i begins, or begins again: when all that belongs to its past is over. It does not hold the watermark
 * back before it has something. Under the lock. */
static wr_status begin_split(wr_job *j, wri_source *s, uint32_t i, wr_err *err) {
    WR_TRY(wri_source_add_splits(s, i + 1, err));
    wri_split *p = s->splits[i];
    while ((p->busy || p->resolved < p->dealt) && !wri_stopping(j)) wait_moment(s);
    if (!p->ended) return WR_OK; /* stopping */
    p->ended = false;
    p->idle = true;
    p->wm = p->clock_wm = p->idle_wm = WR_WM_NONE;
    p->quiet_since_us = 0;
    s->n_live++;
    return wri_split_give(j, s, i, true, err);
}

/* Looks for new splits from time to time, one worker at once. Under the lock, which it gives up meanwhile. */
static wr_status look_around(wr_job *j, wri_source *s, wr_err *err) {
    wr_status r = WR_OK;
    if (!s->grows || s->looking || j->sys->mono_us() < s->look_at_us) return WR_OK;
    s->looking = true;
    while (r == WR_OK && !wri_stopping(j)) {
        uint32_t i = 0;
        pthread_mutex_unlock(&s->lock);
        r = s->con->look(s->src, &i, err);
        pthread_mutex_lock(&s->lock);
        if (r == WR_OK) r = begin_split(j, s, i, err);
    }
    s->looking = false;
    s->look_at_us = j->sys->mono_us() + LOOK_US;
    if (r == WR_EOF) s->grows = false;
    return r < 0 ? r : WR_OK;
}

/* Where split i would go on now. Nobody is taking a chunk of it. Under the lock. */
static wr_status cut_split(wri_source *s, uint32_t i, wr_err *err) {
    wri_split *p = s->splits[i];
    p->cut_due = false;
    p->cut_seq = p->dealt;
    p->cut_wm = p->wm; /* resolve() brings it up to the chunks under way */
    p->cut_ended = p->ended;
    p->cut.len = 0;
    return s->con->position ? s->con->position(s->src, i, &p->cut, err) : WR_OK;
}

/* The first worker that hears of a barrier cuts all splits; one that another worker is at just then is cut by
 * that one, as its chunk still lies before the barrier. Under the lock. */
wr_status wri_source_cut(wri_source *s, uint64_t epoch, wr_err *err) {
    s->epoch = epoch;
    s->told = WR_WM_END;
    for (uint32_t i = 0; i < s->n_splits; i++) {
        s->splits[i]->cut_due = s->splits[i]->busy;
        if (!s->splits[i]->busy) WR_TRY(cut_split(s, i, err));
    }
    return WR_OK;
}

/* Whether a barrier comes before the next chunk for a worker that has passed barrier `passed`. Under the
 * lock.
 */
static bool barrier_due(wr_job *j, wri_source *s, uint64_t passed, wr_status *rp, wr_err *err) {
    uint64_t wanted = __atomic_load_n(&j->epochs.wanted, __ATOMIC_ACQUIRE);
    if (s->epoch < wanted) {
        wr_status r = wri_source_cut(s, wanted, err);
        if (r != WR_OK) *rp = r;
    }
    return passed < s->epoch;
}

/* Takes the next chunk of some split. WR_AGAIN: nothing now, or (*duep) a barrier comes first. WR_EOF: the
 * source has ended. */
static wr_status take_chunk(wr_task *t, wri_source *s, uint64_t passed, wr_chunk *c, uint64_t *seqp,
                            int64_t *arrivalp, bool *duep, wr_err *err) {
    wr_job *j = t->job;
    pthread_mutex_lock(&s->lock);
    wr_status r = look_around(j, s, err);
    wri_queue *q = wri_queue_of(s, t->index);
    wri_queue_call(q);
    *duep = false;
    if (r == WR_OK) r = WR_AGAIN;
    while (r == WR_AGAIN && !(*duep = barrier_due(j, s, passed, &r, err))) {
        bool held; /* by another worker: a matter of microseconds */
        wri_split *p = wri_queue_take(q, &held);
        if (!p && held && !wri_stopping(j)) {
            wait_moment(s);
            continue;
        }
        if (!p) break;
        if (!wri_split_may_begin(j, p)) {
            wri_queue_quiet(q, p);
            continue;
        }
        p->busy = true;
        pthread_mutex_unlock(&s->lock);
        *c = (wr_chunk){0};
        r = s->con->next(s->src, p->no, c, err);
        c->split = s->first_split + p->no;
        pthread_mutex_lock(&s->lock);
        p->busy = false;
        pthread_cond_broadcast(&s->moved);
        if (r == WR_OK) {
            wri_split_gave(p);
            p->read_us = j->sys->wall_us();
            *seqp = p->dealt++;
            *arrivalp = wri_source_arrive(j, s);
            p->slots[*seqp % s->n_slots].state = WRI_DEALT;
            p->full = p->slots[p->dealt % s->n_slots].state != WRI_FREE;
            if (!p->full) wri_queue_ready(q, p);
        }
        if (r == WR_EOF) {
            p->ended = true;
            s->n_live--;
            t->let_go = true;
            wri_queue_drop(q, p);
        }
        if (p->cut_due && r >= 0) {
            wr_status cut = cut_split(s, p->no, err);
            if (cut != WR_OK) r = cut;
        }
        if (r == WR_EOF) {
            s->look_at_us = 0; /* others may have waited for its end */
            r = WR_AGAIN;
            continue;
        }
        if (r != WR_AGAIN) break;
        wri_queue_quiet(q, p);
        wri_split_had_nothing(j, s, p);
    }
    if (r == WR_AGAIN && !*duep && s->n_live == 0 && !s->grows) r = WR_EOF;
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Says the chunk's largest watermark and waits for those before it; the watermark before its first row. */
static wr_status resolve(wr_op *op, const wr_chunk *c, uint64_t seq, int64_t max, int64_t *beforep,
                         wr_err *err) {
    wr_job *j = op->task->job;
    source_op *o = op->state;
    wri_source *s = o->s;
    wri_split *p = s->splits[c->split - s->first_split];
    wri_slot *mine = &p->slots[seq % s->n_slots];
    wri_queue *q = wri_queue_of(s, op->task->index);
    pthread_mutex_lock(&s->lock);
    p->rows += o->rows;
    p->bytes += c->len;
    mine->max = max;
    mine->state = WRI_DECODED;
    bool moved = false;
    for (wri_slot *k; p->resolved < p->dealt; p->resolved++, moved = true) {
        k = &p->slots[p->resolved % s->n_slots];
        if (k->state != WRI_DECODED) break;
        k->before = p->wm;
        if (k->max > p->wm) p->wm = k->max;
        wri_queue_later(q, p);
        if (p->resolved < p->cut_seq) p->cut_wm = p->wm;
        k->state = WRI_RESOLVED;
    }
    if (moved) pthread_cond_broadcast(&s->moved);
    while (mine->state != WRI_RESOLVED && !wri_stopping(j)) wait_moment(s);
    bool ok = mine->state == WRI_RESOLVED;
    *beforep = mine->before;
    mine->state = WRI_FREE;
    if (p->full && p->slots[p->dealt % s->n_slots].state == WRI_FREE) {
        p->full = false;
        wri_queue_ready(q, p);
    }
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return ok ? WR_OK : wr_fail(err, WR_ECANCELED, "stopped");
}

/* ---- one worker's part ---- */

static wr_status open_exprs(wr_op *op, source_op *o, wr_err *err) {
    const wr_node *n = op->node;
    wr_eval_opts eo = {.sqlite_only = op->task->job->plan->settings.evaluator == 1,
                       .sys = op->task->job->sys};
    if (n->source.n_computed > 0) {
        o->eval_cols = wr_calloc(n->source.n_computed, sizeof *o->eval_cols);
        if (!o->eval_cols) return wr_fail_oom(err, "a source");
        for (uint32_t i = 0; i < n->source.n_computed; i++) o->eval_cols[i] = n->source.n_cols + i;
        WR_TRY(wr_eval_new(n->source.computed, n->source.n_computed, &n->out, &eo, &o->computed, err));
    }
    o->wm_col = WR_NO_COL;
    if (!n->source.wm || wr_simple_watermark(n->source.wm, &o->wm_col, &o->wm_delay)) return WR_OK;
    return wr_eval_new(&n->source.wm, 1, &n->out, &eo, &o->wm, err);
}

/* Debezium writes null behind the record of a deleted row, for the log to forget its key by: nothing new. */
static void bad_record(void *ctx, const wr_bad_record *r) {
    const wr_op *op = ctx;
    if (op->node->source.in_order && r->len == 4 && memcmp(r->data, "null", 4) == 0) return;
    wri_bad_record(ctx, r);
}

static wr_status source_open(wr_op *op, wr_err *err) {
    source_op *o = op->state = wr_calloc(1, sizeof *o);
    if (!o) return wr_fail_oom(err, "a source");
    const wr_node *n = op->node;
    wri_source *s = o->s = &op->task->job->sources[n->id];
    o->share = wr_calloc(n->out.n ? n->out.n : 1, sizeof *o->share);
    o->seen = wr_calloc(s->decoded.n + 1, sizeof *o->seen);
    if (!o->share || !o->seen) return wr_fail_oom(err, "a source");
    o->n_unseen = s->decoded.n;
    uint32_t d = 0;
    for (uint32_t i = 0; i < n->out.n; i++)
        o->share[i] = i < n->source.n_cols && !wr_col_is_made(n->source.cols[i]) ? d++ : UINT32_MAX;
    WR_TRY(open_exprs(op, o, err));
    if (!s->fmt) return WR_OK;
    WR_TRY(wri_hook_open(op, &o->hook, err));
    wr_decode_cfg cfg = {.schema = &s->decoded,
                         .declared = &s->declared,
                         .places = s->places,
                         .want_dict = s->decoded.n == n->source.n_cols ? n->source.want_dict : NULL,
                         .options = n->source.stream->options,
                         .n_options = n->source.stream->n_options,
                         .batch_rows = op->task->job->batch_rows,
                         .bad = bad_record,
                         .ctx = op};
    wr_status r = s->fmt->open_decoder(&cfg, &o->decoder, err);
    return r == WR_OK ? r : wr_fail_in(err, r, "stream %s", n->source.stream->name);
}

static void drop_batches(source_op *o) {
    for (size_t i = 0; i < o->batches.n; i++) wr_batch_drop(o->batches.items[i]);
    o->batches.n = 0;
}

static void source_close(wr_op *op) {
    source_op *o = op->state;
    if (!o) return;
    drop_batches(o);
    wr_free(o->batches.items);
    wri_hook_close(o->hook);
    if (o->decoder) o->s->fmt->close_decoder(o->decoder);
    wr_eval_free(o->computed);
    wr_eval_free(o->wm);
    wr_row_errors_free(&o->errs);
    wr_free(o->share);
    wr_free(o->seen);
    wr_free(o->eval_cols);
    wr_free(o);
}

/* Removes the given rows (rising) from *bp. */
static wr_status without_rows(wr_batch **bp, const uint32_t *rows, uint32_t n, wr_err *err) {
    if (n == 0) return WR_OK;
    wr_batch *b = *bp, *out;
    uint32_t *idx = wr_alloc(b->n * sizeof *idx), k = 0, e = 0;
    if (!idx) return wr_fail_oom(err, "a batch");
    for (uint32_t i = 0; i < b->n; i++) {
        if (e < n && rows[e] == i) e++;
        else idx[k++] = i;
    }
    wr_status r = wr_batch_gather(b, idx, k, NULL, 0, &out, err);
    wr_free(idx);
    if (r != WR_OK) return r;
    wr_batch_drop(b);
    *bp = out;
    return WR_OK;
}

static wr_status compute(wr_op *op, source_op *o, wr_batch **bp, wr_err *err) {
    const wr_node *n = op->node;
    if (n->out.n == o->s->decoded.n) return WR_OK;
    wr_batch *b;
    WR_TRY(wr_batch_share(*bp, o->share, n->out.n, &b, err));
    wr_batch_drop(*bp);
    *bp = b;
    for (uint32_t i = 0; i < n->source.n_cols; i++)
        if (wr_col_is_made(n->source.cols[i]))
            WR_TRY(wri_fill_about(b, i, n->source.cols[i], o->about, o->arrival, err));
    if (!o->computed) return WR_OK;
    /* Computed columns read decoded ones only, so the evaluator may see the batch it fills. */
    wr_row_errors_reset(&o->errs);
    WR_TRY(wr_eval_run(o->computed, b, b, o->eval_cols, &o->errs, err));
    if (o->errs.n == 0) return WR_OK;
    WR_TRY(wr_task_bad_exprs(op, b, &o->errs, n->source.computed, err));
    return without_rows(bp, o->errs.rows, o->errs.n, err);
}

wr_status wri_source_rows(wr_op *op, wr_batch **bp, wr_err *err) {
    source_op *o = op->state;
    o->arrival = wr_floor_to(op->task->job->sys->wall_us(), 1000);
    return compute(op, o, bp, err);
}

/* Rows without event time cannot be placed in any window. */
static wr_status drop_null_times(wr_op *op, wr_batch **bp, uint32_t col, wr_err *err) {
    const wr_col *c = &(*bp)->cols[col];
    if (!c->nulls) return WR_OK;
    uint32_t n = 0, *rows = wr_alloc((*bp)->n * sizeof *rows);
    if (!rows) return wr_fail_oom(err, "a batch");
    for (uint32_t i = 0; i < (*bp)->n; i++)
        if (wr_bit(c->nulls, i)) rows[n++] = i;
    wr_status r = n ? wr_task_bad_rows(op, *bp, rows, NULL, "the event time is NULL", n, err) : WR_OK;
    if (r == WR_OK) r = without_rows(bp, rows, n, err);
    wr_free(rows);
    return r;
}

/* The watermark each row brings: a column and a delay to subtract. *tmpp: holds the column, or NULL. */
static wr_status row_watermarks(source_op *o, wr_batch *b, const wr_col **colp, wr_batch **tmpp,
                                wr_err *err) {
    static const uint32_t first = 0;
    *tmpp = NULL;
    if (!o->wm) {
        *colp = &b->cols[o->wm_col];
        return WR_OK;
    }
    WR_TRY(wr_batch_new(1, b->n, tmpp, err));
    (*tmpp)->n = b->n;
    wr_row_errors_reset(&o->errs);
    wr_status r = wr_eval_run(o->wm, b, *tmpp, &first, &o->errs, err); /* a failed row holds NULL */
    *colp = &(*tmpp)->cols[0];
    return r;
}

/* Times are clamped to ±2^62 and delays are less, so the difference never overflows. */
static int64_t largest(const wr_col *c, uint32_t n) {
    int64_t max = WR_WM_NONE;
    if (!c->nulls)
        for (uint32_t i = 0; i < n; i++) max = c->i64[i] > max ? c->i64[i] : max;
    else
        for (uint32_t i = 0; i < n; i++)
            if (c->i64[i] > max && !wr_bit(c->nulls, i)) max = c->i64[i];
    return max;
}

/* The watermark before each row to `out` (NULL: not wanted), starting from wm; returns the one behind the
 * last. *behindp: some row is not ahead of the watermark before it. */
static int64_t walk(const wr_col *w, int64_t delay, const int64_t *ts, uint32_t n, int64_t wm, int64_t *out,
                    bool *behindp) {
    bool behind = false;
    for (uint32_t i = 0; i < n; i++) {
        if (out) out[i] = wm;
        behind |= ts[i] <= wm;
        int64_t v = w->i64[i] - delay;
        if (w->nulls && wr_bit(w->nulls, i)) continue; /* the watermark expression gave none */
        wm = v > wm ? v : wm;
    }
    *behindp = behind;
    return wm;
}

/* Gives b its rows' watermarks if any row lies behind the one before it. *wmp moves on past b. */
static wr_status place(source_op *o, wr_batch *b, uint32_t time_col, int64_t *wmp, wr_err *err) {
    const wr_col *w;
    wr_batch *tmp;
    bool behind;
    WR_TRY(row_watermarks(o, b, &w, &tmp, err));
    const int64_t *ts = b->cols[time_col].i64;
    int64_t wm = walk(w, o->wm_delay, ts, b->n, *wmp, NULL, &behind);
    wr_status r = WR_OK;
    if (behind) {
        b->wm = wr_arena_alloc(&b->arena, b->n * sizeof *b->wm);
        if (b->wm) walk(w, o->wm_delay, ts, b->n, *wmp, b->wm, &behind);
        else r = wr_fail_oom(err, "row watermarks");
    }
    *wmp = wm;
    wr_batch_drop(tmp);
    return r;
}

static bool all_null(const wr_col *c, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!c->nulls || !wr_bit(c->nulls, i)) return false;
    return true;
}

/* Which columns have had a value: a column that never has is often one whose name is wrong. */
static void note_values(source_op *o, const wr_batch *b) {
    for (uint32_t c = 0; o->n_unseen > 0 && c < o->s->decoded.n; c++) {
        if (o->seen[c] || all_null(&b->cols[c], b->n)) continue;
        o->seen[c] = true;
        o->n_unseen--;
    }
}

/* The rows of c, behind those that are there. */
static wr_status decode_part(wr_op *op, source_op *o, const wr_chunk *c, uint64_t *rowsp, wr_err *err) {
    wri_source *s = o->s;
    size_t first = o->batches.n;
    if (s->fmt) WR_TRY(s->fmt->decode(o->decoder, c, &o->batches, err));
    else WR_TRY(s->con->generate(s->src, c, op->task->job->batch_rows, &o->batches, err));
    for (size_t i = first; i < o->batches.n; i++) {
        wr_batch **bp = &o->batches.items[i];
        *rowsp += (*bp)->n;
        (*bp)->split = c->split;
        note_values(o, *bp);
        WR_TRY(compute(op, o, bp, err));
        if (op->node->time_col != WR_NO_COL) WR_TRY(drop_null_times(op, bp, op->node->time_col, err));
    }
    return WR_OK;
}

/* Record by record, as each has metadata of its own: that costs, and only those pay who read them. at: where
 * each was in the split's chunk; NULL: where it is. */
static wr_status decode_records(wr_op *op, source_op *o, const wr_chunk *c, const size_t *at, uint64_t *rowsp,
                                wr_err *err) {
    wr_chunk one = *c;
    size_t from = 0;
    wr_status r = WR_OK;
    for (uint32_t i = 0; i < c->n_records && r == WR_OK; i++) {
        const wr_record_about *a = &c->records[i];
        o->about = a->sequence_number.len ? a : NULL; /* of a file only where it ends is known */
        one.data = c->data + from;
        one.len = a->end - from;
        one.pos = c->pos + (int64_t)(at ? at[i] : from);
        r = decode_part(op, o, &one, rowsp, err);
        from = a->end;
    }
    o->about = NULL;
    return r;
}

static wr_status decode_hooked(wr_op *op, source_op *o, const wr_chunk *c, uint64_t *rowsp, wr_err *err) {
    wr_chunk changed;
    const size_t *at;
    wr_status r = wri_hook_chunk(o->hook, c, &changed, &at, err);
    if (r == WR_OK) r = decode_records(op, o, &changed, at, rowsp, err);
    wri_hook_done(o->hook);
    return r;
}

static wr_status decode_chunk(wr_op *op, source_op *o, const wr_chunk *c, wr_err *err) {
    wr_job *j = op->task->job;
    uint64_t rows = 0, unreadable = o->unreadable;
    o->rows = 0;
    if (c->bad) {
        wr_bad_record r = {c->why, c->data, c->len, c->split, c->pos};
        wri_bad_record(op, &r);
        o->rows = 1;
        return WR_OK;
    }
    WR_TRY(o->hook        ? decode_hooked(op, o, c, &rows, err)
           : c->n_records ? decode_records(op, o, c, NULL, &rows, err)
                          : decode_part(op, o, c, &rows, err));
    wri_tally(&op->rows_in, rows);
    o->rows = rows + o->unreadable - unreadable;
    if (op->bad_kept) return WR_OK; /* what is read anew is not counted */
    __atomic_add_fetch(&j->rows_in, rows, __ATOMIC_RELAXED);
    __atomic_add_fetch(&j->bytes_in, c->len, __ATOMIC_RELAXED);
    return WR_OK;
}

static wr_status chunk_max(source_op *o, int64_t *maxp, wr_err *err) {
    *maxp = WR_WM_NONE;
    if (o->wm_col == WR_NO_COL && !o->wm) return WR_OK;
    for (size_t i = 0; i < o->batches.n; i++) {
        const wr_col *w;
        wr_batch *tmp, *b = o->batches.items[i];
        WR_TRY(row_watermarks(o, b, &w, &tmp, err));
        int64_t max = largest(w, b->n);
        wr_batch_drop(tmp);
        if (max != WR_WM_NONE) max -= o->wm_delay;
        if (max > *maxp) *maxp = max;
    }
    return WR_OK;
}

static wr_status emit_chunk(wr_op *op, source_op *o, int64_t before, wr_err *err) {
    bool timed = op->node->time_col != WR_NO_COL && (o->wm_col != WR_NO_COL || o->wm);
    for (size_t i = 0; i < o->batches.n; i++) {
        wr_batch *b = o->batches.items[i];
        if (timed) WR_TRY(place(o, b, op->node->time_col, &before, err));
        WR_TRY(wr_emit(op, b, err));
        wr_batch_drop(b); /* at once: the decoder gets its memory back while it is in the cache */
        o->batches.items[i] = NULL;
    }
    o->batches.n = 0;
    return WR_OK;
}

/* Another worker reads the source, alone, so that what it reads stays in order. */
static wr_status watch(wr_job *j, wri_source *s, uint64_t passed, bool *duep, wr_err *err) {
    wr_status r = WR_AGAIN;
    pthread_mutex_lock(&s->lock);
    *duep = barrier_due(j, s, passed, &r, err);
    if (!*duep && ((s->n_live == 0 && !s->grows) || wri_enough(j))) r = WR_EOF;
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Behind all barriers event time is where the last of the workers was. */
static wr_status pass_barrier(wri_source *s, wri_entry *e, wr_err *err) {
    pthread_mutex_lock(&s->lock);
    e->passed = s->epoch; /* only this worker's passing lets it rise */
    if (e->op->wm < s->told) s->told = e->op->wm;
    pthread_mutex_unlock(&s->lock);
    return wri_emit_barrier(e->op, e->passed, err);
}

static wr_status go_on_to(wr_op *op, int64_t wm, wr_err *err) {
    if (wm <= op->wm) return WR_OK;
    __atomic_store_n(&op->wm, wm, __ATOMIC_RELAXED); /* statistics read it */
    return wri_emit_watermark(op, wm, err);
}

wr_status wri_source_run(wr_task *t, wri_entry *e, bool *didp, wr_err *err) {
    wr_op *op = e->op;
    source_op *o = op->state;
    wri_source *s = o->s;
    wr_chunk c;
    uint64_t seq = 0;
    bool due = false;
    wr_status r = WR_EOF;
    if (op->node->source.in_order && t->index != 0) r = watch(t->job, s, e->passed, &due, err);
    else if (!wri_enough(t->job)) r = take_chunk(t, s, e->passed, &c, &seq, &o->arrival, &due, err);
    if (due) {
        *didp = true;
        return r == WR_AGAIN ? pass_barrier(s, e, err) : r;
    }
    if (r == WR_EOF) {
        e->ended = true;
        *didp = true;
        __atomic_store_n(&op->wm, WR_WM_END, __ATOMIC_RELAXED); /* statistics read it */
        return wri_emit_end(op, err);
    }
    if (r == WR_OK) {
        int64_t max = WR_WM_NONE, before = WR_WM_NONE;
        *didp = true;
        r = decode_chunk(op, o, &c, err);
        if (r == WR_OK) r = chunk_max(o, &max, err);
        if (r == WR_OK) r = resolve(op, &c, seq, max, &before, err);
        if (r == WR_OK) r = emit_chunk(op, o, before, err);
        drop_batches(o);
        wr_drop(c.hold);
    }
    if (r != WR_OK && r != WR_AGAIN) return r;
    return go_on_to(op, wri_source_announce(s), err);
}

wr_status wri_source_tell(wri_entry *e, bool *didp, wr_err *err) {
    const source_op *o = e->op->state;
    int64_t wm = __atomic_load_n(&o->s->announced, __ATOMIC_ACQUIRE);
    *didp |= wm > e->op->wm;
    return go_on_to(e->op, wm, err);
}

wri_source **wri_source_place(wr_op *op) { return &((source_op *)op->state)->s; }

void wri_source_unreadable(wr_op *op) { ((source_op *)op->state)->unreadable++; }

static wr_status name_unseen(const wr_job *j, const wri_source *s, uint64_t rows, wr_buf *out) {
    uint32_t n = 0;
    for (uint32_t c = 0; c < s->decoded.n; c++) {
        bool seen = false;
        for (uint32_t w = 0; w < j->n_workers; w++)
            seen |= ((source_op *)j->workers[w].ops[s->node->id].state)->seen[c];
        if (seen) continue;
        const char *before = n++ ? ", " : "stream ";
        WR_TRY(wr_buf_printf(out, "%s%s%s'%s'", before, n > 1 ? "" : s->node->source.stream->name,
                             n > 1 ? "" : ": no value was found for ", s->decoded.fields[c].name));
    }
    if (n == 0) return WR_OK;
    return wr_buf_printf(out, " in %" PRIu64 " row%s; check the spelling\n", rows, rows == 1 ? "" : "s");
}

wr_status wri_source_notes(const wr_job *j, const wri_source *s, wr_buf *out) {
    uint64_t rows = 0, unreadable = 0;
    if (s->con->notes && s->src) WR_TRY(s->con->notes(s->src, out));
    WR_TRY(wri_source_anew_notes(s, out));
    if (!s->fmt) return WR_OK;
    for (uint32_t w = 0; w < j->n_workers; w++) {
        const wr_op *op = &j->workers[w].ops[s->node->id];
        rows += op->rows_in;
        unreadable += ((source_op *)op->state)->unreadable;
    }
    /* Not all records that tell of a change have both of its rows. */
    if (rows > 0 && s->node->source.in_order) return WR_OK;
    if (rows > 0) return name_unseen(j, s, rows, out);
    if (unreadable == 0) return WR_OK;
    const char *fmt = s->fmt->with.name;
    return wr_buf_printf(out, "stream %s: no record could be read; is format = '%s' right?%s\n",
                         s->node->source.stream->name, fmt,
                         strcmp(fmt, "json") == 0 ? " Each record must be on one line." : "");
}

static wr_status source_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)b;
    return wr_fail(err, WR_EINTERNAL, "a source was pushed to");
}

const wr_op_def wri_op_source = {
    .name = "source", .open = source_open, .push = source_push, .stateless = true, .close = source_close};
