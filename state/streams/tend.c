/* state/streams/tend.c -- what happens by itself: expired segments go, shards on demand are split by load.
 *
 * Retention: a segment has expired when its last record has; which that was stands in the next segment's
 * header. The metadata names the first segment that counts, durably, before files are unlinked. A last
 * segment whose records have all expired is ended first. Closed shards leave the metadata once all they hold
 * has expired and they have been closed for that long. A clock that jumps ahead is not believed at once.
 *
 * Load: bytes and records that a shard has taken since the last look, at least LOAD_US ago. One that takes
 * more than a shard should is split at the median of the hash keys it took of late, so that both children get
 * half; where all are of one key, splitting does not help. */
#include <errno.h>
#include <fcntl.h>

#include "log_int.h"

#define BELIEVE_US     (3600 * WR_US_PER_SECOND)
#define LOAD_US        (10 * WR_US_PER_SECOND)
#define SHARD_BYTES    (16 << 20) /* a second, of one shard on demand */
#define SHARD_RECORDS  16000      /* a second */
#define ON_DEMAND_MOST 256        /* open shards */

/* Nobody else writes to the shard until it is let go. */
static void hold(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    pthread_mutex_lock(&db->lock);
    while (sh->busy) pthread_cond_wait(&db->moved, &db->lock);
    sh->busy = true;
    pthread_mutex_unlock(&db->lock);
}
static void let_go(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    pthread_mutex_lock(&db->lock);
    wri_shard_let_go(sh);
    pthread_mutex_unlock(&db->lock);
}

/* ---- retention ---- */

/* The time. A clock that has jumped ahead may go back, and what has expired by then is gone: it is believed
 * only when it still says so after a while. */
static int64_t believed_now(wr_stream *st) {
    int64_t wall = wri_now(st->db), mono = st->db->sys->mono_us();
    int64_t expected = st->agreed_wall_us + (mono - st->agreed_mono_us);
    if (wall - expected >= BELIEVE_US && mono - st->agreed_mono_us < BELIEVE_US) {
        if (!st->jumped)
            wri_log_say(
                st->db,
                "stream %s: the clock has jumped %lld s ahead; records expire by it in an hour, if it "
                "stays so",
                st->name, (long long)((wall - expected) / WR_US_PER_SECOND));
        st->jumped = true;
        return expected;
    }
    st->agreed_wall_us = wall;
    st->agreed_mono_us = mono;
    st->jumped = false;
    return wall;
}

/* Ends the last segment where all in it has expired. */
static wr_status end_expired(wri_shard *sh, int64_t cutoff_us, wr_err *err) {
    if (sh->closed || sh->damaged != WR_OK) return WR_OK;
    hold(sh);
    bool expired = sh->len > WRI_SEG_HEADER && sh->last_us < cutoff_us;
    wr_status s = expired ? wri_shard_roll(sh, err) : WR_OK;
    let_go(sh);
    return s;
}

/* The first segment that has not expired. */
static wr_status first_kept(wri_shard *sh, const wri_meta_shard *m, int64_t cutoff_us, uint64_t *outp,
                            wr_err *err) {
    const wr_sys *sys = sh->st->db->sys;
    wri_bases b = {0};
    *outp = m->first_segment;
    wr_status s = wri_list_segments(sys, sh->dir, &b, err);
    for (size_t i = 0; s == WR_OK && i < b.n; i++) {
        wri_segment seg;
        int fd;
        if (b.items[i] <= m->first_segment) continue;
        if (m->closed && b.items[i] > m->end_segment) break;
        s = wri_open_segment(sys, sh->dir, b.items[i], sh->id, O_RDONLY, &fd, &seg, err);
        if (s != WR_OK) break;
        sys->close(fd);
        if (seg.prev_last_us >= cutoff_us || seg.prev != *outp)
            break; /* or a segment is missing: all stays */
        *outp = b.items[i];
    }
    wr_free(b.items);
    return s == WR_EDATA || s == WR_EUNSUPPORTED || s == WR_EOF ? WR_OK : s; /* readers are told of it */
}

/* Unlinks what the metadata no longer names. Failures leave files behind, which opening removes. */
static void remove_expired(wri_shard *sh, uint64_t first) {
    const wr_sys *sys = sh->st->db->sys;
    wri_bases b = {0};
    if (wri_list_segments(sys, sh->dir, &b, NULL) == WR_OK)
        for (size_t i = 0; i < b.n && b.items[i] < first; i++) wri_remove_segment(sys, sh->dir, b.items[i]);
    wr_free(b.items);
}

static bool gone(const wri_meta_shard *s, int64_t cutoff_us) {
    return s->closed && s->closed_us < cutoff_us && s->end_us < cutoff_us;
}

/* Takes shards out that the new metadata does not have, under the lock. */
static void retire(wr_stream *st, const wri_meta *m) {
    size_t kept = 0;
    for (size_t i = 0; i < st->n_shards; i++) {
        wri_shard *sh = st->shards[i];
        if (wri_meta_find(m, sh->id.shard)) st->shards[kept++] = sh;
        else st->retired[st->n_retired++] = sh;
    }
    st->n_shards = kept;
}

/* What the metadata is to be; *changedp: it differs. */
static wr_status expire(wr_stream *st, int64_t cutoff_us, wri_meta *m, bool *changedp, wr_err *err) {
    size_t kept = 0;
    *changedp = false;
    for (size_t i = 0; i < m->n; i++) {
        wri_meta_shard *s = &m->shards[i];
        uint64_t first;
        if (gone(s, cutoff_us)) {
            *changedp = true;
            continue;
        }
        WR_TRY(end_expired(st->shards[i], cutoff_us, err));
        WR_TRY(first_kept(st->shards[i], s, cutoff_us, &first, err));
        *changedp |= first != s->first_segment;
        s->first_segment = first;
        m->shards[kept++] = *s;
    }
    m->n = kept;
    return WR_OK;
}

static wr_status trim(wr_stream *st, wri_meta *m, wr_err *err) {
    bool changed;
    WR_TRY(expire(st, believed_now(st) - st->meta.retention_us, m, &changed, err));
    if (!changed) return WR_OK;
    if (wr_grow(&st->retired, &st->retired_cap, st->n_retired + st->n_shards, sizeof *st->retired) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    bool said;
    WR_TRY(
        wri_stream_store(st, m, &said, err)); /* else nothing is unlinked, and the next time says the same */
    size_t from = st->n_retired;
    pthread_mutex_lock(&st->db->lock);
    retire(st, m);
    wri_stream_adopt(st, m);
    pthread_mutex_unlock(&st->db->lock);
    for (size_t i = from; i < st->n_retired; i++) {
        wri_files_close(st->retired[i]);
        wri_remove_folder(st->db->sys, st->retired[i]->dir, 0);
    }
    for (size_t i = 0; i < st->n_shards; i++) remove_expired(st->shards[i], st->meta.shards[i].first_segment);
    return WR_OK;
}

/* ---- load ---- */

static int by_value(const void *a, const void *b) {
    wr_u128 x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Where the halves of what came of late part; false: nowhere. */
static bool median(wri_shard *sh, uint64_t records, wr_u128 *outp) {
    wr_u128 sorted[WRI_SAMPLES];
    size_t n = records < WRI_SAMPLES ? (size_t)records : WRI_SAMPLES;
    memcpy(sorted, sh->samples, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = n / 2; i < n; i++)
        if (sorted[i] != sorted[0]) {
            *outp = sorted[i];
            return true;
        }
    return false;
}

static wr_status split_by_load(wr_stream *st, wr_err *err) {
    wr_streams *db = st->db;
    int64_t now = db->sys->mono_us(), us = now - st->load_since_us;
    if (us < LOAD_US) return WR_OK;
    st->load_since_us = now;
    for (size_t i = 0, n = st->n_shards; i < n; i++) {
        wri_shard *sh = st->shards[i];
        wr_u128 at = 0;
        pthread_mutex_lock(&db->lock);
        int64_t bytes = (int64_t)(sh->load_bytes / ((uint64_t)us / 1000) * 1000);
        int64_t records = (int64_t)(sh->load_records * WR_US_PER_SECOND / (uint64_t)us);
        bool hot = !sh->closed && st->meta.on_demand && (bytes > SHARD_BYTES || records > SHARD_RECORDS) &&
                   median(sh, sh->load_records, &at);
        sh->load_bytes = sh->load_records = 0;
        pthread_mutex_unlock(&db->lock);
        if (hot && st->n_route < ON_DEMAND_MOST) WR_TRY(wri_stream_split(st, sh->id.shard, at, err));
    }
    return WR_OK;
}

wr_status wr_stream_tend(wr_stream *st, wr_err *err) {
    wri_meta m = {0};
    pthread_mutex_lock(&st->change);
    wr_status s = st->deleted ? wr_fail(err, WR_EINVAL, "stream %s has been deleted", st->name) : WR_OK;
    if (s == WR_OK) s = wri_meta_copy(&st->meta, &m, 0, err);
    if (s == WR_OK) s = trim(st, &m, err);
    wri_meta_free(&m);
    if (s == WR_OK) s = split_by_load(st, err);
    pthread_mutex_unlock(&st->change);
    return s;
}
