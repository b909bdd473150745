/* state/streams/stream.c -- a stream: made, opened, described, deleted.
 *
 * Making one: folder, shards, and last the metadata, durable under its name; a folder without metadata is
 * none and is made anew. Deleting: the folder gets another name first, then its files go. What a change of
 * shards left half done are folders that the metadata does not name; opening for writing removes them. */
#include <errno.h>
#include <stdio.h>

#include "log_int.h"

#define RETENTION_US (24 * WR_RETENTION_MIN_US)
#define RECORD_MAX   (1 << 20)
#define ON_DEMAND    4 /* shards that a stream on demand begins with */

static wr_status need_lock(const wr_streams *db, wr_err *err) {
    if (db->lock_fd >= 0) return WR_OK;
    return wr_fail(err, WR_EINVAL, "%s is open for reading only", db->dir);
}

/* ---- removing folders ---- */

typedef struct names {
    char **items;
    size_t n, cap;
    bool failed;
} names;

static void each_file(void *ctx, const char *name) {
    names *l = ctx;
    if (wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items) != WR_OK ||
        !(l->items[l->n] = wr_strdup(name)))
        l->failed = true;
    else l->n++;
}

void wri_remove_folder(const wr_sys *sys, const char *path, int depth) {
    names l = {0};
    if (sys->list(path, each_file, &l) != 0 || l.failed) l.failed = true;
    for (size_t i = 0; i < l.n; i++) {
        char *at = wr_alloc(WRI_PATH);
        if (at) {
            snprintf(at, WRI_PATH, "%s/%s", path, l.items[i]);
            if (sys->unlink(at) != 0 && depth > 0) wri_remove_folder(sys, at, depth - 1);
        }
        wr_free(at);
        wr_free(l.items[i]);
    }
    wr_free(l.items);
    sys->rmdir(path);
}

/* ---- the object ---- */

void wri_stream_free(wr_stream *st) {
    for (size_t i = 0; i < st->n_shards; i++) {
        wri_shard *sh = st->shards[i];
        wr_err why = {0};
        if (!st->deleted && !sh->closed && sh->damaged == WR_OK && wri_shard_seal(sh, &why) != WR_OK)
            wri_log_say(st->db, "stream %s: %s", st->name, why.msg);
        wri_shard_free(sh);
    }
    for (size_t i = 0; i < st->n_retired; i++) wri_shard_free(st->retired[i]);
    wr_free(st->shards);
    wr_free(st->retired);
    wr_free(st->route);
    wri_meta_free(&st->meta);
    pthread_mutex_destroy(&st->change);
    wr_free(st);
}

static wr_status new_stream(wr_streams *db, const char *name, wr_stream **outp, wr_err *err) {
    WR_TRY(wr_stream_name_check(name, err));
    wr_stream *st = *outp = wr_calloc(1, sizeof *st);
    if (!st) return wr_fail_oom(err, "a stream");
    st->db = db;
    snprintf(st->name, sizeof st->name, "%s", name);
    wri_stream_path(db->dir, name, st->dir);
    pthread_mutex_init(&st->change, NULL);
    st->waiting_tail = &st->waiting;
    st->load_since_us = st->agreed_mono_us = db->sys->mono_us();
    st->agreed_wall_us = wri_now(db);
    return WR_OK;
}

wr_status wri_stream_store(wr_stream *st, wri_meta *m, bool *saidp, wr_err *err) {
    wr_status s = wri_meta_store(st->db->sys, st->dir, m, saidp, err);
    if (*saidp) __atomic_store_n(&st->unsettled, s != WR_OK, __ATOMIC_RELEASE);
    return s;
}

static int by_range(const void *a, const void *b, void *ctx) {
    wr_stream *st = ctx;
    wr_u128 x = st->meta.shards[*(const uint32_t *)a].lo, y = st->meta.shards[*(const uint32_t *)b].lo;
    return (x > y) - (x < y);
}

wr_status wri_stream_route(wr_stream *st, wr_err *err) {
    if (wr_grow(&st->route, &st->route_cap, st->meta.n + 1, sizeof *st->route) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    st->n_route = 0;
    for (size_t i = 0; i < st->meta.n; i++)
        if (!st->meta.shards[i].closed) st->route[st->n_route++] = (uint32_t)i;
    qsort_r(st->route, st->n_route, sizeof *st->route, by_range, st);
    wr_u128 next = 0;
    for (size_t i = 0; i < st->n_route; i++) {
        const wri_meta_shard *s = &st->meta.shards[st->route[i]];
        if (s->lo != next) break;
        next = s->hi + 1; /* 0 behind the highest */
        if (next == 0 && i + 1 == st->n_route) return WR_OK;
    }
    return wr_fail(err, WR_EDATA,
                   "%s/" WRI_META
                   ": the open shards do not cover all hash keys once; restore the file from a backup",
                   st->dir);
}

static wr_status add_shard(wr_stream *st, const wri_meta_shard *m, wri_shard **outp, wr_err *err) {
    if (wr_grow(&st->shards, &st->shards_cap, st->n_shards + 1, sizeof *st->shards) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    WR_TRY(wri_shard_new(st, m->id, m->created_us, outp, err));
    st->shards[st->n_shards++] = *outp;
    return WR_OK;
}

/* ---- create ---- */

static wr_status check_cfg(const char *name, const wr_stream_cfg *cfg, wr_err *err) {
    if (cfg->n_shards > WR_SHARDS_MAX)
        return wr_fail(err, WR_ELIMIT, "stream %s: %u shards; %d is the most", name, cfg->n_shards,
                       WR_SHARDS_MAX);
    if (cfg->retention_us < WR_RETENTION_MIN_US || cfg->retention_us > WR_RETENTION_MAX_US)
        return wr_fail(err, WR_EINVAL, "stream %s: the retention is 1 hour to 365 days", name);
    if (cfg->record_max < 1 || cfg->record_max > WR_LOG_RECORD_MAX)
        return wr_fail(err, WR_EINVAL, "stream %s: the longest record is 1 byte to %d", name,
                       WR_LOG_RECORD_MAX);
    return WR_OK;
}

static wr_status first_shards(wri_meta *m, uint32_t n, int64_t now_us, wr_err *err) {
    if (wr_grow(&m->shards, &m->cap, n, sizeof *m->shards) != WR_OK)
        return wr_fail_oom(err, "a stream's shards");
    wr_u128 max = ~(wr_u128)0, slice = n == 1 ? max : (max - (n - 1)) / n + 1; /* floor(2^128 / n) */
    for (uint32_t i = 0; i < n; i++)
        m->shards[m->n++] = (wri_meta_shard){.id = i,
                                             .parent = WR_NO_SHARD,
                                             .parent2 = WR_NO_SHARD,
                                             .lo = slice * i,
                                             .hi = i + 1 == n ? max : slice * (i + 1) - 1,
                                             .created_us = now_us};
    m->next_shard = n;
    return WR_OK;
}

static wr_status create(wr_stream *st, const wr_stream_cfg *cfg, wr_err *err) {
    wr_streams *db = st->db;
    char streams[WRI_PATH];
    int64_t now = wri_now(db);
    st->meta = (wri_meta){.uid = db->sys->random(),
                          .created_us = now,
                          .retention_us = cfg->retention_us,
                          .record_max = cfg->record_max,
                          .on_demand = cfg->on_demand};
    WR_TRY(first_shards(&st->meta, cfg->n_shards, now, err));
    bool many = cfg->n_shards > WRI_MANY_SHARDS;
    if (db->sys->mkdir(st->dir, 0755) != 0) {
        if (errno != EEXIST) return wri_cannot("create", st->dir, errno, err);
        wri_remove_folder(db->sys, st->dir, 2); /* it has no metadata: somebody was interrupted here */
        if (db->sys->mkdir(st->dir, 0755) != 0) return wri_cannot("create", st->dir, errno, err);
    }
    for (size_t i = 0; i < st->meta.n; i++) {
        wri_shard *sh;
        WR_TRY(add_shard(st, &st->meta.shards[i], &sh, err));
        WR_TRY(wri_shard_create(sh, !many, err));
    }
    if (many) WR_TRY(wri_sync_all(db->sys, st->dir, err));
    snprintf(streams, sizeof streams, "%s/streams", db->dir);
    WR_TRY(wri_sync_dir(db->sys, streams, err));
    bool said;
    return wri_stream_store(st, &st->meta, &said, err);
}

static wr_stream *find_open(wr_streams *db, const char *name) {
    for (wr_stream *st = db->streams; st; st = st->next)
        if (!st->deleted && strcmp(st->name, name) == 0) return st;
    return NULL;
}

/* Whether there is a stream; its folder may be there without. */
static bool exists(wr_streams *db, const char *name) {
    char dir[WRI_PATH], path[WRI_PATH];
    struct stat st;
    wri_stream_path(db->dir, name, dir);
    snprintf(path, sizeof path, "%.*s/" WRI_META, WRI_PATH - 16, dir);
    return db->sys->stat(path, &st) == 0 || errno != ENOENT;
}

wr_status wr_stream_create(wr_streams *db, const char *name, const wr_stream_cfg *cfg, wr_err *err) {
    wr_stream_cfg c = *cfg;
    wr_stream *st = NULL;
    if (c.n_shards == 0) c.n_shards = c.on_demand ? ON_DEMAND : 1;
    if (c.retention_us == 0) c.retention_us = RETENTION_US;
    if (c.record_max == 0) c.record_max = RECORD_MAX;
    WR_TRY(need_lock(db, err));
    WR_TRY(wr_stream_name_check(name, err));
    WR_TRY(check_cfg(name, &c, err));
    pthread_mutex_lock(&db->naming);
    wr_status s = exists(db, name)
                      ? wr_fail(err, WR_EINVAL, "there is a stream '%s' already in %s", name, db->dir)
                      : new_stream(db, name, &st, err);
    if (s == WR_OK) s = create(st, &c, err);
    if (st) {
        st->deleted = s != WR_OK; /* nothing to seal */
        if (s != WR_OK && !st->unsettled) wri_remove_folder(db->sys, st->dir, 2);
        wri_stream_free(st);
    }
    pthread_mutex_unlock(&db->naming);
    return s;
}

/* ---- open ---- */

typedef struct leftovers {
    wr_stream *st;
    uint32_t *ids;
    size_t n, cap;
    bool failed;
} leftovers;

static void each_shard(void *ctx, const char *name) {
    leftovers *l = ctx;
    uint32_t id;
    if (strlen(name) != 12 || !wr_shard_id_read(name, 12, &id)) return;
    if (wri_meta_find(&l->st->meta, id)) return;
    if (wr_grow(&l->ids, &l->cap, l->n + 1, sizeof *l->ids) == WR_OK) l->ids[l->n++] = id;
    else l->failed = true;
}

/* A shard that the metadata has not heard of: one that was being made has no records; else the metadata is an
 * old one, from a backup. */
static wr_status check_unheard(const wr_stream *st, uint32_t id, const char *path, wr_err *err) {
    const wr_sys *sys = st->db->sys;
    wri_bases b = {0};
    char seg[WRI_PATH];
    struct stat file;
    wr_status s = wri_list_segments(sys, path, &b, err);
    for (size_t i = 0; s == WR_OK && i < b.n; i++) {
        wri_file_path(path, b.items[i], ".seg", seg);
        if (sys->stat(seg, &file) == 0 && file.st_size > WRI_SEG_HEADER)
            s = wr_fail(err, WR_EDATA,
                        "%s/" WRI_META ": it is older than shard " WR_SHARD_ID
                        ", which has records; restore the one that goes with it",
                        st->dir, id);
    }
    wr_free(b.items);
    return s;
}

/* Folders that the metadata does not name: nothing in them was ever acknowledged, or all has expired. What
 * cannot be removed does no harm. */
static wr_status remove_leftovers(wr_stream *st, wr_err *err) {
    leftovers l = {.st = st};
    char path[WRI_PATH];
    wr_status s = WR_OK;
    if (st->db->sys->list(st->dir, each_shard, &l) != 0) s = wri_cannot("list", st->dir, errno, err);
    else if (l.failed) s = wr_fail_oom(err, "a list of shards");
    for (size_t i = 0; s == WR_OK && i < l.n; i++) {
        wri_shard_path(st->dir, l.ids[i], path);
        if (l.ids[i] >= st->meta.next_shard) s = check_unheard(st, l.ids[i], path, err);
        if (s == WR_OK) wri_remove_folder(st->db->sys, path, 0);
    }
    wr_free(l.ids);
    return s;
}

static wr_status open_stream(wr_stream *st, wr_err *err) {
    WR_TRY(wri_meta_load(st->db->sys, st->dir, &st->meta, err));
    st->retention_us = st->meta.retention_us;
    st->record_max = st->meta.record_max;
    WR_TRY(wri_stream_route(st, err));
    WR_TRY(remove_leftovers(st, err));
    for (size_t i = 0; i < st->meta.n; i++) {
        wri_shard *sh;
        WR_TRY(add_shard(st, &st->meta.shards[i], &sh, err));
        WR_TRY(wri_shard_recover(sh, &st->meta.shards[i], err));
    }
    /* The rename may be younger than the last sync of the folder; what is acknowledged from now on relies on
     * it. */
    return wri_sync_dir(st->db->sys, st->dir, err);
}

/* One at a time: who opens cuts tails and makes marks anew, and must not do so to a shard that is in use. */
static wr_status open_once(wr_streams *db, const char *name, wr_stream **outp, wr_err *err) {
    wr_stream *st = NULL;
    pthread_mutex_lock(&db->lock);
    *outp = find_open(db, name);
    pthread_mutex_unlock(&db->lock);
    if (*outp) return WR_OK;
    if (!exists(db, name)) return wri_no_stream(db, name, err);
    WR_TRY(new_stream(db, name, &st, err));
    wr_status s = open_stream(st, err);
    if (s != WR_OK) {
        st->deleted = true; /* nothing to seal */
        wri_stream_free(st);
        return wr_fail_in(err, s, "stream %s", name);
    }
    pthread_mutex_lock(&db->lock);
    st->next = db->streams;
    db->streams = st;
    pthread_mutex_unlock(&db->lock);
    *outp = st;
    return WR_OK;
}

wr_status wr_stream_open(wr_streams *db, const char *name, wr_stream **outp, wr_err *err) {
    *outp = NULL;
    WR_TRY(need_lock(db, err));
    WR_TRY(wr_stream_name_check(name, err));
    pthread_mutex_lock(&db->naming);
    wr_status s = open_once(db, name, outp, err);
    pthread_mutex_unlock(&db->naming);
    return s;
}

/* ---- describe, delete ---- */

const wr_shard_info *wr_stream_shard(const wr_stream_info *info, uint32_t shard) {
    size_t lo = 0, hi = info->n_shards; /* they are by number */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (info->shards[mid].id < shard) lo = mid + 1;
        else hi = mid;
    }
    return lo < info->n_shards && info->shards[lo].id == shard ? &info->shards[lo] : NULL;
}

wr_status wr_stream_describe(wr_streams *db, const char *name, wr_arena *ar, wr_stream_info *out,
                             wr_err *err) {
    char dir[WRI_PATH];
    wri_meta m;
    *out = (wr_stream_info){0};
    WR_TRY(wr_stream_name_check(name, err));
    if (!exists(db, name)) return wri_no_stream(db, name, err);
    wri_stream_path(db->dir, name, dir);
    WR_TRY(wri_meta_load(db->sys, dir, &m, err));
    wr_shard_info *shards = wr_arena_calloc(ar, (m.n + 1) * sizeof *shards);
    for (size_t i = 0; shards && i < m.n; i++) {
        const wri_meta_shard *s = &m.shards[i];
        shards[i] = (wr_shard_info){.id = s->id,
                                    .parent = s->parent,
                                    .parent2 = s->parent2,
                                    .lo = s->lo,
                                    .hi = s->hi,
                                    .created_us = s->created_us,
                                    .closed_us = s->closed ? s->closed_us : 0,
                                    .first = s->first_segment,
                                    .end = s->closed ? s->end : UINT64_MAX};
    }
    *out = (wr_stream_info){.created_us = m.created_us,
                            .retention_us = m.retention_us,
                            .record_max = m.record_max,
                            .on_demand = m.on_demand,
                            .n_shards = (uint32_t)m.n,
                            .shards = shards};
    wri_meta_free(&m);
    return shards ? WR_OK : wr_fail_oom(err, "a stream's shards");
}

static wr_status delete_once(wr_streams *db, const char *name, wr_err *err) {
    char dir[WRI_PATH], gone[WRI_PATH], streams[WRI_PATH];
    if (!exists(db, name)) return wri_no_stream(db, name, err);
    pthread_mutex_lock(&db->lock);
    wr_stream *st = find_open(db, name);
    pthread_mutex_unlock(&db->lock);
    if (st) {
        pthread_mutex_lock(&st->change);
        wri_pause(st);
        /* The preparer goes by the path, which may be that of another stream soon. */
        for (size_t i = 0; i < st->n_shards; i++) wri_ready_wait(st->shards[i]);
    }
    wri_stream_path(db->dir, name, dir);
    snprintf(streams, sizeof streams, "%s/streams", db->dir);
    snprintf(gone, sizeof gone, "%s/streams/%s.gone", db->dir, name);
    wri_remove_folder(db->sys, gone, 2);            /* of a deletion that was interrupted */
    bool renamed = db->sys->rename(dir, gone) == 0; /* then it is gone, even if that may not be durable */
    wr_status s = renamed ? wri_sync_dir(db->sys, streams, err) : wri_cannot("delete", dir, errno, err);
    if (s == WR_OK) wri_remove_folder(db->sys, gone, 2);
    if (st) {
        pthread_mutex_lock(&db->lock);
        st->deleted = renamed;
        pthread_mutex_unlock(&db->lock);
        /* Nobody writes to it any more; the object stays for those who hold it. */
        for (size_t i = 0; renamed && i < st->n_shards; i++) wri_files_close(st->shards[i]);
        wri_resume(st);
        pthread_mutex_unlock(&st->change);
    }
    return s;
}

wr_status wr_stream_delete(wr_streams *db, const char *name, wr_err *err) {
    WR_TRY(need_lock(db, err));
    WR_TRY(wr_stream_name_check(name, err));
    pthread_mutex_lock(&db->naming);
    wr_status s = delete_once(db, name, err);
    pthread_mutex_unlock(&db->naming);
    return s;
}
