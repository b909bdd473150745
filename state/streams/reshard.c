/* state/streams/reshard.c -- split, merge, uniform resharding; changes of a stream's settings.
 *
 *   pause ─► parents sealed ─► children made, durable ─► stream.meta replaced ─► children take records ─►
 * resume
 *
 * Replacing the metadata is the moment that counts: before it, the children's folders are leftovers, after it
 * the parents are closed. Should it be uncertain whether the replacement is durable, nothing is acknowledged
 * before another one is (stream `unsettled`). A child is created in a later second than its parents, so its
 * sequence numbers follow theirs. */
#include <errno.h>
#include <inttypes.h>

#include "log_int.h"

static wr_status no_shard(const wr_stream *st, uint32_t shard, wr_err *err) {
    const wri_meta_shard *s = wri_meta_find(&st->meta, shard);
    return wr_fail(err, WR_EINVAL, "stream %s: shard " WR_SHARD_ID " %s", st->name, shard,
                   s ? "is closed" : "does not exist");
}

static wri_meta_shard *open_shard(wri_meta *m, uint32_t shard) {
    wri_meta_shard *s = wri_meta_find(m, shard);
    return s && !s->closed ? s : NULL;
}

void wri_stream_adopt(wr_stream *st, wri_meta *m) {
    wri_meta old = st->meta;
    st->meta = *m;
    *m = old;
    __atomic_store_n(&st->retention_us, st->meta.retention_us, __ATOMIC_RELAXED);
    wr_status s = wri_stream_route(st, NULL);
    WR_ASSERT(s == WR_OK); /* there is room, and what was made covers all keys */
}

/* Room for n more shards in all that has a place per shard. */
static wr_status make_room(wr_stream *st, size_t n, wr_err *err) {
    size_t need = st->meta.n + n + 1;
    if (wr_grow(&st->shards, &st->shards_cap, need, sizeof *st->shards) != WR_OK ||
        wr_grow(&st->route, &st->route_cap, need, sizeof *st->route) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    return WR_OK;
}

/* ---- parents and children ---- */

typedef struct change {
    wr_stream *st;
    wri_meta m; /* as it is to be */
    wri_shard **parents;
    wri_meta_shard *children; /* their ranges and parents; the rest is given when they are made */
    wri_shard **made;         /* of the children */
    size_t n_parents, n_children, parents_cap, children_cap, made_cap;
} change;

/* s: of st->meta. */
static wr_status add_parent(change *c, const wri_meta_shard *s, wr_err *err) {
    if (wr_grow(&c->parents, &c->parents_cap, c->n_parents + 1, sizeof(wri_shard *)) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    c->parents[c->n_parents++] = c->st->shards[s - c->st->meta.shards];
    return WR_OK;
}

static wr_status add_child(change *c, const wri_meta_shard *child, wr_err *err) {
    size_t n = c->n_children + 1;
    if (wr_grow(&c->children, &c->children_cap, n, sizeof *c->children) != WR_OK ||
        wr_grow(&c->made, &c->made_cap, n, sizeof(wri_shard *)) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    c->made[c->n_children] = NULL;
    c->children[c->n_children++] = *child;
    return WR_OK;
}

static wr_status close_parents(change *c, int64_t now_us, wr_err *err) {
    for (size_t i = 0; i < c->n_parents; i++) {
        wri_shard *sh = c->parents[i];
        if (sh->damaged != WR_OK) return wr_fail(err, sh->damaged, "%s", sh->why.msg);
        WR_TRY(wri_shard_seal(sh, err));
        wri_files_close(
            sh); /* descriptors do not suffice for many; one that goes on after a failure opens them again */
        wri_meta_shard *s = wri_meta_find(&c->m, sh->id.shard);
        s->closed = true;
        s->closed_us = now_us;
        s->end = sh->end;
        s->end_segment = sh->base;
        s->end_len = sh->len;
        s->end_us = sh->last_us;
    }
    return WR_OK;
}

static wr_status make_children(change *c, int64_t now_us, wr_err *err) {
    int64_t born_us = now_us;
    bool many = c->n_children > WRI_MANY_SHARDS;
    for (size_t i = 0; i < c->n_parents; i++) { /* a later second, whatever the clock says */
        int64_t after =
            wr_floor_to(wri_meta_find(&c->m, c->parents[i]->id.shard)->created_us, WR_US_PER_SECOND) +
            WR_US_PER_SECOND;
        if (born_us < after) born_us = after;
    }
    for (size_t i = 0; i < c->n_children; i++) {
        wri_meta_shard *s = &c->children[i];
        s->id = c->m.next_shard++;
        s->created_us = born_us;
        WR_TRY(wri_shard_new(c->st, s->id, born_us, &c->made[i], err));
        WR_TRY(wri_shard_create(c->made[i], !many, err));
        WR_ASSERT(c->m.n < c->m.cap);
        c->m.shards[c->m.n++] = *s;
    }
    return many ? wri_sync_all(c->st->db->sys, c->st->dir, err) : WR_OK;
}

static wr_status carry_out(change *c, bool *saidp, wr_err *err) {
    wr_stream *st = c->st;
    int64_t now_us = wri_now(st->db);
    size_t n = st->meta.n + c->n_children;
    if (n > WR_SHARDS_KEPT)
        return wr_fail(
            err, WR_ELIMIT,
            "stream %s: it would keep %zu shards, closed ones included; %d are the most, and closed ones "
            "go when their records expire (retention)",
            st->name, n, WR_SHARDS_KEPT);
    WR_TRY(make_room(st, c->n_children, err));
    WR_TRY(wri_meta_copy(&st->meta, &c->m, c->n_children, err));
    WR_TRY(close_parents(c, now_us, err));
    WR_TRY(make_children(c, now_us, err));
    return wri_stream_store(st, &c->m, saidp, err);
}

static wr_status apply(change *c, wr_err *err) {
    wr_stream *st = c->st;
    bool said = false;
    wri_pause(st);
    wr_status s = carry_out(c, &said, err);
    if (said) {
        pthread_mutex_lock(&st->db->lock);
        for (size_t i = 0; i < c->n_parents; i++) c->parents[i]->closed = true;
        for (size_t i = 0; i < c->n_children; i++) st->shards[st->n_shards++] = c->made[i];
        wri_stream_adopt(st, &c->m);
        pthread_mutex_unlock(&st->db->lock);
    } else {
        for (size_t i = 0; i < c->n_children; i++) {
            if (c->made[i]) wri_remove_folder(st->db->sys, c->made[i]->dir, 0);
            wri_shard_free(c->made[i]);
        }
    }
    wri_meta_free(&c->m);
    wri_resume(st);
    return s;
}

/* Releases it. s: how adding to it went. */
static wr_status end(change *c, wr_status s, wr_err *err) {
    if (s == WR_OK && c->n_parents) s = apply(c, err);
    wr_free(c->parents);
    wr_free(c->children);
    wr_free(c->made);
    return s;
}

static wr_status split(wr_stream *st, uint32_t shard, wr_u128 hash, wr_err *err) {
    wri_meta_shard *s = open_shard(&st->meta, shard);
    char lo[WR_SEQ_TEXT], hi[WR_SEQ_TEXT], at[WR_SEQ_TEXT];
    if (!s) return no_shard(st, shard, err);
    if (hash == 0) hash = s->lo + (s->hi - s->lo) / 2 + 1;
    if (hash <= s->lo || hash > s->hi) {
        wr_u128_write(s->lo, lo);
        wr_u128_write(s->hi, hi);
        wr_u128_write(hash, at);
        return wr_fail(err, WR_EINVAL,
                       "stream %s: shard " WR_SHARD_ID " owns %s to %s; it cannot be split at %s", st->name,
                       shard, lo, hi, at);
    }
    if (st->n_route >= WR_SHARDS_MAX)
        return wr_fail(err, WR_ELIMIT, "stream %s: %d open shards are the most", st->name, WR_SHARDS_MAX);
    change c = {.st = st};
    wri_meta_shard low = {.lo = s->lo, .hi = hash - 1, .parent = shard, .parent2 = WR_NO_SHARD};
    wri_meta_shard high = {.lo = hash, .hi = s->hi, .parent = shard, .parent2 = WR_NO_SHARD};
    wr_status ok = add_parent(&c, s, err);
    if (ok == WR_OK) ok = add_child(&c, &low, err);
    if (ok == WR_OK) ok = add_child(&c, &high, err);
    return end(&c, ok, err);
}

/* x and y are neighbours. */
static wr_status add_merged(change *c, const wri_meta_shard *x, const wri_meta_shard *y, wr_err *err) {
    wri_meta_shard child = {.parent = x->id, .parent2 = y->id};
    child.lo = x->lo < y->lo ? x->lo : y->lo;
    child.hi = x->lo < y->lo ? y->hi : x->hi;
    WR_TRY(add_parent(c, x, err));
    WR_TRY(add_parent(c, y, err));
    return add_child(c, &child, err);
}

static wr_status merge(wr_stream *st, uint32_t a, uint32_t b, wr_err *err) {
    wri_meta_shard *x = open_shard(&st->meta, a), *y = open_shard(&st->meta, b);
    change c = {.st = st};
    if (!x || !y) return no_shard(st, x ? b : a, err);
    if (x == y || (x->lo < y->lo ? x->hi + 1 != y->lo : y->hi + 1 != x->lo))
        return wr_fail(err, WR_EINVAL, "stream %s: shards %" PRIu32 " and %" PRIu32 " are not neighbours",
                       st->name, a, b);
    return end(&c, add_merged(&c, x, y, err), err);
}

/* ---- uniform ---- */

/* The ranges that there shall be: n, of `slice` keys each, the last of what is left. */
typedef struct ranges {
    uint32_t n;
    wr_u128 slice; /* n 1: 0, which stands for all */
} ranges;

static bool is_border(const ranges *to, wr_u128 h) {
    return to->n > 1 && h % to->slice == 0 && h / to->slice < to->n;
}

/* The pieces of one shard, when it has a border within; *ip: the first border not below it. */
static wr_status cut(change *c, const ranges *to, const wri_meta_shard *s, uint32_t *ip, wr_err *err) {
    wri_meta_shard piece = {.lo = s->lo, .parent = s->id, .parent2 = WR_NO_SHARD};
    for (; *ip < to->n && to->slice * *ip <= s->hi; ++*ip) {
        if (to->slice * *ip == s->lo) continue;
        piece.hi = to->slice * *ip - 1;
        WR_TRY(add_child(c, &piece, err));
        piece.lo = piece.hi + 1;
    }
    if (piece.lo == s->lo) return WR_OK;
    piece.hi = s->hi;
    WR_TRY(add_child(c, &piece, err));
    return add_parent(c, s, err);
}

static wr_status cut_all(wr_stream *st, const ranges *to, wr_err *err) {
    change c = {.st = st};
    wr_status s = WR_OK;
    uint32_t i = 1;
    for (size_t k = 0; k < st->n_route && s == WR_OK; k++)
        s = cut(&c, to, &st->meta.shards[st->route[k]], &i, err);
    return end(&c, s, err);
}

/* Neighbours that no border parts become one, two at a time; *anyp: there were such. */
static wr_status join_some(wr_stream *st, const ranges *to, bool *anyp, wr_err *err) {
    change c = {.st = st};
    wr_status s = WR_OK;
    size_t k = 1;
    while (k < st->n_route && s == WR_OK) {
        const wri_meta_shard *x = &st->meta.shards[st->route[k - 1]], *y = &st->meta.shards[st->route[k]];
        bool apart = is_border(to, y->lo);
        if (!apart) s = add_merged(&c, x, y, err);
        k += apart ? 1 : 2;
    }
    *anyp = c.n_parents > 0;
    return end(&c, s, err);
}

/* First every border of the new ranges is made, at once, then every other one goes, in rounds: a shard has
 * two parents at most. In between there may be more open shards than WR_SHARDS_MAX. */
static wr_status reshard(wr_stream *st, uint32_t n, wr_err *err) {
    wr_u128 max = ~(wr_u128)0;
    ranges to = {.n = n, .slice = n <= 1 ? 0 : (max - (n - 1)) / n + 1};
    bool any = true;
    if (n < 1 || n > WR_SHARDS_MAX)
        return wr_fail(err, WR_EINVAL, "stream %s: 1 to %d shards", st->name, WR_SHARDS_MAX);
    WR_TRY(cut_all(st, &to, err));
    while (any) WR_TRY(join_some(st, &to, &any, err));
    return WR_OK;
}

/* ---- entry points ---- */

static wr_status begin(wr_stream *st, wr_err *err) {
    pthread_mutex_lock(&st->change);
    if (!st->deleted) return WR_OK;
    pthread_mutex_unlock(&st->change);
    return wr_fail(err, WR_EINVAL, "stream %s has been deleted", st->name);
}

wr_status wr_stream_split(wr_stream *st, uint32_t shard, wr_u128 hash, wr_err *err) {
    WR_TRY(begin(st, err));
    wr_status s = split(st, shard, hash, err);
    pthread_mutex_unlock(&st->change);
    return s;
}

wr_status wr_stream_merge(wr_stream *st, uint32_t a, uint32_t b, wr_err *err) {
    WR_TRY(begin(st, err));
    wr_status s = merge(st, a, b, err);
    pthread_mutex_unlock(&st->change);
    return s;
}

wr_status wr_stream_reshard(wr_stream *st, uint32_t n, wr_err *err) {
    WR_TRY(begin(st, err));
    wr_status s = reshard(st, n, err);
    pthread_mutex_unlock(&st->change);
    return s;
}

static wr_status set(wr_stream *st, int64_t retention_us, bool on_demand, wr_err *err) {
    wri_meta m;
    bool said;
    WR_TRY(wri_meta_copy(&st->meta, &m, 0, err));
    m.retention_us = retention_us;
    m.on_demand = on_demand;
    wr_status s = wri_stream_store(st, &m, &said, err);
    pthread_mutex_lock(&st->db->lock);
    if (said) wri_stream_adopt(st, &m);
    pthread_mutex_unlock(&st->db->lock);
    wri_meta_free(&m);
    return s;
}

wr_status wr_stream_set_retention(wr_stream *st, int64_t retention_us, wr_err *err) {
    if (retention_us < WR_RETENTION_MIN_US || retention_us > WR_RETENTION_MAX_US)
        return wr_fail(err, WR_EINVAL, "stream %s: the retention is 1 hour to 365 days", st->name);
    WR_TRY(begin(st, err));
    wr_status s = set(st, retention_us, st->meta.on_demand, err);
    pthread_mutex_unlock(&st->change);
    return s;
}

wr_status wr_stream_set_mode(wr_stream *st, bool on_demand, wr_err *err) {
    WR_TRY(begin(st, err));
    wr_status s = set(st, st->meta.retention_us, on_demand, err);
    pthread_mutex_unlock(&st->change);
    return s;
}

wr_status wri_stream_split(wr_stream *st, uint32_t shard, wr_u128 hash, wr_err *err) {
    return split(st, shard, hash, err);
}
