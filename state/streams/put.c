/* state/streams/put.c -- records to their shards, answers to their callers.
 *
 *   call ─► hash, shard of each record ─► one part per shard, queued ─► … groups … ─► last part done: answer
 *
 * While shards change (wri_pause) calls wait undivided, since the record's shard is not known before. A
 * caller who waits writes what is ready himself, so a directory works without threads too. */
#include <inttypes.h>

#include "log_int.h"

/* ---- checks ---- */

static wr_status check_put(const wr_stream *st, const wr_put *p, uint32_t i, wr_err *err) {
    if (p->key_len < 1 || p->key_len > WR_PARTITION_KEY_MAX || !wr_utf8_valid(p->key, p->key_len))
        return wr_fail(err, WR_EINVAL,
                       "stream %s: record %" PRIu32 ": the partition key is 1 to 256 characters of UTF-8",
                       st->name, i);
    if ((int64_t)p->len > st->record_max)
        return wr_fail(err, WR_EINVAL,
                       "stream %s: record %" PRIu32 " has %" PRIu32 " bytes; %" PRId64
                       " is the most here (record_max of the stream)",
                       st->name, i, p->len, st->record_max);
    return WR_OK;
}

static void free_call(wri_call *c) {
    wr_free(c->order);
    wr_free(c->parts);
    wr_free(c);
}

/* A call with room for n records, each with its hash. */
static wr_status new_call(wr_stream *st, wr_put *puts, uint32_t n, wri_call **outp, wr_err *err) {
    *outp = NULL;
    for (uint32_t i = 0; i < n; i++) WR_TRY(check_put(st, &puts[i], i, err));
    wri_call *c = wr_calloc(1, sizeof *c);
    uint32_t *order = wr_reallocn(NULL, (size_t)n + 1, 2 * sizeof *order);
    wri_part *parts = wr_calloc((size_t)n + 1, sizeof *parts);
    if (!c || !order || !parts) {
        wr_free(c);
        wr_free(order);
        wr_free(parts);
        return wr_fail_oom(err, "records");
    }
    *c = (wri_call){.st = st, .puts = puts, .n = n, .order = order, .shard_of = order + n, .parts = parts};
    for (uint32_t i = 0; i < n; i++)
        if (!puts[i].has_hash) puts[i].hash = wr_hash_key(puts[i].key, puts[i].key_len);
    *outp = c;
    return WR_OK;
}

/* ---- shards ---- */

/* Place in st->route of the open shard that owns h: ranges are in order and without gaps. */
static size_t owner(const wr_stream *st, wr_u128 h) {
    size_t lo = 0, hi = st->n_route;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (st->meta.shards[st->route[mid]].lo <= h) lo = mid;
        else hi = mid;
    }
    return lo;
}

static void refuse(wri_call *c, wri_call **tellp) {
    wr_stream *st = c->st;
    c->status = wr_fail(&c->err, WR_EINVAL, "stream %s has been deleted", st->name);
    for (uint32_t i = 0; i < c->n; i++) c->puts[i].status = c->status;
    c->done = true;
    c->next = *tellp;
    *tellp = c;
}

static void queue_part(wri_call *c, wri_shard *sh, uint32_t from, uint32_t n) {
    wri_part *p = &c->parts[c->n_parts++];
    *p = (wri_part){.call = c, .from = from, .n = n};
    *sh->tailp = p;
    sh->tailp = &p->next;
    wri_shard_wake(sh);
}

/* Records by shard, in the order they have. */
static void divide(wri_call *c) {
    const wr_stream *st = c->st;
    uint32_t placed = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        c->shard_of[i] = st->route[owner(st, c->puts[i].hash)];
        st->shards[c->shard_of[i]]->tally++;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        wri_shard *sh = st->shards[c->shard_of[i]];
        if (sh->tally) { /* its first */
            c->left++;
            queue_part(c, sh, placed, sh->tally);
            sh->place = placed;
            placed += sh->tally;
            sh->tally = 0;
        }
        c->order[sh->place++] = i;
    }
}

void wri_dispatch(wri_call *c) {
    wr_stream *st = c->st;
    if (st->paused) {
        c->next = NULL;
        *st->waiting_tail = c;
        st->waiting_tail = &c->next;
    } else divide(c);
}

void wri_part_done(wri_part *p, wri_call **tellp) {
    wri_call *c = p->call;
    if (--c->left > 0) return;
    c->done = true;
    c->next = *tellp;
    *tellp = c;
}

void wri_tell(wri_call *list) {
    while (list) {
        wri_call *c = list;
        list = c->next;
        wr_streams *db = c->st->db;
        if (c->tell) {
            c->tell(c->ctx, c->status, &c->err);
            free_call(c);
        } else { /* its memory is the waiting caller's from here on */
            pthread_mutex_lock(&db->lock);
            c->ctx = c;
            pthread_cond_signal(&c->cond);
            pthread_mutex_unlock(&db->lock);
        }
    }
}

/* ---- pausing ---- */

static bool quiet(const wr_stream *st) {
    for (size_t i = 0; i < st->n_shards; i++)
        if (st->shards[i]->busy || st->shards[i]->head) return false;
    return true;
}

void wri_pause(wr_stream *st) {
    wr_streams *db = st->db;
    pthread_mutex_lock(&db->lock);
    st->paused++;
    while (!quiet(st)) {
        wri_shard *sh = wri_take_ready(db);
        if (sh) {
            pthread_mutex_unlock(&db->lock);
            wri_shard_commit(sh);
            pthread_mutex_lock(&db->lock);
        } else pthread_cond_wait(&db->moved, &db->lock);
    }
    pthread_mutex_unlock(&db->lock);
}

void wri_resume(wr_stream *st) {
    wr_streams *db = st->db;
    wri_call *tell = NULL;
    pthread_mutex_lock(&db->lock);
    if (--st->paused == 0) {
        wri_call *c = st->waiting, *next;
        st->waiting = NULL;
        st->waiting_tail = &st->waiting;
        for (; c; c = next) {
            next = c->next;
            if (st->deleted) refuse(c, &tell);
            else divide(c);
        }
    }
    pthread_mutex_unlock(&db->lock);
    wri_tell(tell);
}

/* ---- entry points ---- */

/* A change of the stream that may not be durable yet: nothing is acknowledged on top of it. */
static wr_status settle(wr_stream *st, wr_err *err) {
    if (!__atomic_load_n(&st->unsettled, __ATOMIC_ACQUIRE)) return WR_OK;
    pthread_mutex_lock(&st->change);
    wr_status s = WR_OK;
    if (st->deleted) s = wr_fail(err, WR_EINVAL, "stream %s has been deleted", st->name);
    else if (st->unsettled) {
        wri_meta m;
        s = wri_meta_copy(&st->meta, &m, 0, err);
        bool said;
        if (s == WR_OK) s = wri_stream_store(st, &m, &said, err);
        wri_meta_free(&m);
    }
    pthread_mutex_unlock(&st->change);
    return s;
}

static wr_status make_call(wr_stream *st, wr_put *puts, uint32_t n, wri_call **outp, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) puts[i].status = WR_EINTERNAL; /* until their shards say */
    WR_TRY(settle(st, err));
    return new_call(st, puts, n, outp, err);
}

static wr_status begin(wr_stream *st, wri_call *c, wr_err *err) {
    if (st->deleted) return wr_fail(err, WR_EINVAL, "stream %s has been deleted", st->name);
    wri_start_threads(st->db);
    if (c->n) wri_dispatch(c);
    else c->done = true;
    return WR_OK;
}

wr_status wr_stream_put(wr_stream *st, wr_put *puts, uint32_t n, wr_err *err) {
    wr_streams *db = st->db;
    wri_call *c;
    WR_TRY(make_call(st, puts, n, &c, err));
    pthread_cond_init(&c->cond, NULL);
    pthread_mutex_lock(&db->lock);
    wr_status s = begin(st, c, err);
    if (n == 0) c->ctx = c;
    while (s == WR_OK && !c->ctx) {
        wri_shard *sh = wri_take_ready(db);
        if (sh) {
            pthread_mutex_unlock(&db->lock);
            wri_shard_commit(sh);
            pthread_mutex_lock(&db->lock);
        } else pthread_cond_wait(&c->cond, &db->lock);
    }
    pthread_mutex_unlock(&db->lock);
    if (s == WR_OK) s = c->status;
    if (s != WR_OK && c->status != WR_OK && err) *err = c->err;
    pthread_cond_destroy(&c->cond);
    free_call(c);
    return s;
}

wr_status wr_stream_send(wr_stream *st, wr_put *puts, uint32_t n,
                         void (*done)(void *ctx, wr_status s, const wr_err *why), void *ctx, wr_err *err) {
    wr_streams *db = st->db;
    wri_call *c;
    WR_TRY(make_call(st, puts, n, &c, err));
    c->tell = done;
    c->ctx = ctx;
    pthread_mutex_lock(&db->lock);
    wri_start_threads(db);
    bool threads = db->n_threads > 0;
    wr_status s = threads ? begin(st, c, err) : WR_OK;
    pthread_mutex_unlock(&db->lock);
    if (threads && s == WR_OK && n > 0) return WR_OK;
    free_call(c);
    if (s != WR_OK) return s;
    wr_err why = {0};
    s = wr_stream_put(st, puts, n, &why); /* nobody would do it later */
    done(ctx, s, &why);
    return WR_OK;
}
