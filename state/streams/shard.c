/* state/streams/shard.c -- appending to a shard: a group becomes a block, the block becomes durable, the mark
 * moves.
 *
 *   take a group (lock) ─► encode ─► pwrite ─► fdatasync ─► mark ─► answer (lock)
 *
 * Only one thread is busy with a shard at a time; it holds no lock while it writes. Whatever fails between
 * pwrite and mark spoils the segment: its good length is what the mark says, numbers of the group are
 * skipped, and the next group begins a new segment, whose header tells where the spoiled one ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "log_int.h"

#define SEGMENT_BYTES (64 << 20)

wr_status wri_shard_new(wr_stream *st, uint32_t id, int64_t born_us, wri_shard **outp, wr_err *err) {
    wri_shard *sh = *outp = wr_calloc(1, sizeof *sh);
    if (!sh) return wr_fail_oom(err, "a shard");
    sh->st = st;
    sh->born_us = born_us;
    sh->id = (wri_id){st->meta.uid, id};
    sh->fd = sh->mark_fd = -1;
    sh->tailp = &sh->head;
    wri_shard_path(st->dir, id, sh->dir);
    return WR_OK;
}

void wri_shard_free(wri_shard *sh) {
    if (!sh) return;
    wri_files_close(sh);
    wr_free(sh->index.items);
    wri_writers_free(&sh->writers);
    wr_buf_free(&sh->block);
    wr_free(sh->group);
    wr_free(sh);
}

void wri_shard_mark(const wri_shard *sh, wri_mark *out) {
    *out = (wri_mark){sh->base, sh->len, sh->synced, sh->next, sh->last_us};
}

static wr_status write_mark(const wri_shard *sh, const wri_mark *m, wr_err *err) {
    char p[WRI_MARK_BYTES];
    wri_mark_encode(m, sh->id, p);
    return wr_pwrite_all(sh->st->db->sys, sh->mark_fd, p, sizeof p, 0, sh->dir, err);
}

wr_status wri_write_index(wri_shard *sh, uint64_t base, const wri_index *x, int64_t len, uint64_t next,
                          int64_t last_us) {
    const wr_sys *sys = sh->st->db->sys;
    char path[WRI_PATH];
    wr_buf b = {0};
    wri_file_path(sh->dir, base, ".idx", path);
    wr_status s = wri_index_encode(x, sh->id, len, next, last_us, &b);
    int fd = s == WR_OK ? wri_open_fd(sys, path, O_WRONLY | O_CREAT | O_TRUNC) : -1;
    /* Not synced and no failure of the log: a broken index is made again when the stream is opened. */
    if (fd >= 0 && wr_pwrite_all(sys, fd, b.data, b.len, 0, path, NULL) != WR_OK) sys->unlink(path);
    if (fd >= 0) sys->close(fd);
    wr_buf_free(&b);
    return s;
}

/* ---- segments ---- */

/* A new file with a header, durable under its name where that is asked for. */
static wr_status make_segment(wri_shard *sh, const wri_segment *seg, bool durable, int *fdp, wr_err *err) {
    const wr_sys *sys = sh->st->db->sys;
    char path[WRI_PATH], p[WRI_SEG_HEADER];
    wri_file_path(sh->dir, seg->first, ".seg", path);
    wri_segment_encode(seg, sh->id, p);
    int fd = *fdp = wri_open_fd(sys, path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0) return wri_cannot("create", path, errno, err);
    wr_status s = wr_pwrite_all(sys, fd, p, sizeof p, 0, path, err);
    if (s == WR_OK && durable && sys->fdatasync(fd) != 0) s = wri_cannot("sync", path, errno, err);
    if (s == WR_OK && durable) s = wri_sync_dir(sys, sh->dir, err);
    if (s == WR_OK) return WR_OK;
    sys->close(fd);
    sys->unlink(path);
    *fdp = -1;
    return s;
}

static void begin_segment(wri_shard *sh, const wri_segment *seg, int fd) {
    sh->fd = fd;
    sh->spoiled = false;
    sh->base = sh->end = seg->first;
    sh->len = sh->synced = WRI_SEG_HEADER;
    sh->created_us = seg->created_us;
    sh->index.n = 0;
    wri_ready_anew(sh);
}

/* The old segment is no longer written to: whole up to its length. */
static void end_segment(wri_shard *sh) {
    const wr_sys *sys = sh->st->db->sys;
    char path[WRI_PATH];
    wri_file_path(sh->dir, sh->base, ".seg", path);
    /* What lies behind does not count, whether it can be cut or not. */
    bool longer = sh->spoiled || sh->ready > sh->len;
    if (longer && sys->ftruncate(sh->fd, (off_t)sh->len) != 0)
        wri_log_say(sh->st->db, "stream %s: %s: cannot cut it to %lld bytes: %s", sh->st->name, path,
                    (long long)sh->len, strerror(errno));
    wr_status s = wri_write_index(sh, sh->base, &sh->index, sh->len, sh->end, sh->last_us);
    (void)s; /* it is made again when the stream is opened */
    sys->close(sh->fd);
    sh->fd = -1;
}

wr_status wri_shard_roll(wri_shard *sh, wr_err *err) {
    if (sh->len == WRI_SEG_HEADER && !sh->spoiled) return WR_OK;
    WR_TRY(wri_files_take(sh, err));
    wri_ready_wait(sh);
    if (sh->synced < sh->len &&
        sh->st->db->sys->fdatasync(sh->fd) != 0) /* durability = os: it was never promised */
        wri_log_say(sh->st->db, "stream %s: %s: records that were acknowledged may not be durable: %s",
                    sh->st->name, sh->dir, strerror(errno));
    wri_segment seg = {.first = sh->next,
                       .created_us = wri_now(sh->st->db),
                       .prev = sh->base,
                       .prev_len = sh->len,
                       .prev_next = sh->end,
                       .prev_last_us = sh->last_us};
    int fd;
    wri_writers_store(sh, seg.first); /* first: once there are records behind it, it is there */
    WR_TRY(make_segment(sh, &seg, true, &fd, err));
    end_segment(sh);
    begin_segment(sh, &seg, fd);
    return WR_OK;
}

wr_status wri_shard_create(wri_shard *sh, bool durable, wr_err *err) {
    const wr_sys *sys = sh->st->db->sys;
    char path[WRI_PATH];
    wri_mark mark;
    if (sys->mkdir(sh->dir, 0755) != 0 && errno != EEXIST) return wri_cannot("create", sh->dir, errno, err);
    wri_tail_path(sh->dir, path);
    sh->mark_fd = wri_open_fd(sys, path, O_RDWR | O_CREAT | O_TRUNC);
    if (sh->mark_fd < 0) return wri_cannot("create", path, errno, err);
    wri_segment seg = {.created_us = wri_now(sh->st->db), .prev = WRI_NO_SEGMENT};
    sh->len = WRI_SEG_HEADER;
    wri_shard_mark(sh, &mark);
    WR_TRY(write_mark(sh, &mark, err));
    if (durable && sys->fdatasync(sh->mark_fd) != 0) return wri_cannot("sync", path, errno, err);
    int fd;
    WR_TRY(make_segment(sh, &seg, durable, &fd, err)); /* syncs the folder */
    begin_segment(sh, &seg, fd);
    wri_files_close(sh); /* until somebody writes to it */
    return WR_OK;
}

wr_status wri_shard_seal(wri_shard *sh, wr_err *err) {
    const wr_sys *sys = sh->st->db->sys;
    wri_mark mark;
    if (!sh->unsealed) return WR_OK;
    WR_TRY(wri_files_take(sh, err));
    if (sh->spoiled) WR_TRY(wri_shard_roll(sh, err));
    wri_ready_wait(sh);
    wri_ready_give_back(sh);
    if (sh->synced < sh->len) {
        if (sys->fdatasync(sh->fd) != 0) {
            sh->spoiled = true;
            return wri_cannot("sync", sh->dir, errno, err);
        }
        sh->synced = sh->len;
    }
    wri_shard_mark(sh, &mark);
    WR_TRY(write_mark(sh, &mark, err));
    if (sys->fdatasync(sh->mark_fd) != 0) return wri_cannot("sync the mark of", sh->dir, errno, err);
    sh->unsealed = false;
    return WR_OK;
}

/* ---- groups ---- */

int64_t wri_segment_bytes(const wr_streams *db) {
    return db->opts.segment_bytes ? db->opts.segment_bytes : SEGMENT_BYTES;
}

/* Segments are also ended by age, so that retention can take them one by one. */
static bool full(const wri_shard *sh) {
    int64_t age = wri_now(sh->st->db) - sh->created_us;
    return sh->len >= wri_segment_bytes(sh->st->db) ||
           age > __atomic_load_n(&sh->st->retention_us, __ATOMIC_RELAXED) / 24;
}

/* Moves records that wait into the group, in order. Under the lock. */
static wr_status take_group(wri_shard *sh, size_t *np, size_t *bytesp) {
    *np = 0;
    *bytesp = WRI_BLOCK_HEADER;
    for (wri_part *p = sh->head; p; p = p->next)
        for (uint32_t i = p->from; i < p->from + p->n; i++) {
            wr_put *put = &p->call->puts[p->call->order[i]];
            size_t bytes = wri_record_bytes(put);
            if (*np > 0 && *bytesp + bytes > WRI_BLOCK_AIM) return WR_OK;
            WR_TRY(wr_grow(&sh->group, &sh->group_cap, *np + 1, sizeof *sh->group));
            sh->group[(*np)++] = put;
            *bytesp += bytes;
        }
    return WR_OK;
}

static wr_status write_block(wri_shard *sh, size_t n, size_t bytes, int64_t now_us, wr_err *err) {
    const wr_streams *db = sh->st->db;
    char path[WRI_PATH];
    sh->block.len = 0;
    if (wr_buf_reserve(&sh->block, bytes) != WR_OK) return wr_fail_oom(err, "a group of records");
    wri_block b = {.len = (uint32_t)bytes,
                   .first = sh->next,
                   .arrival_us = now_us,
                   .offset = sh->len,
                   .synced = sh->synced,
                   .records = (uint32_t)n};
    char *at = sh->block.data + WRI_BLOCK_HEADER;
    for (size_t i = 0; i < n; i++) at = wri_record_encode(sh->group[i], at);
    WR_ASSERT(at == sh->block.data + bytes);
    if (wri_index_add(&sh->index, &b) != WR_OK) return wr_fail_oom(err, "an index");
    wri_block_seal(&b, sh->id, sh->block.data);
    wri_file_path(sh->dir, sh->base, ".seg", path);
    /* Only this thread lets the preparer begin: a look without the lock is enough. */
    bool meets =
        __atomic_load_n(&sh->preparing, __ATOMIC_ACQUIRE) && sh->len + (int64_t)bytes > sh->ready_from;
    if (meets) wri_ready_wait(sh);
    sh->spoiled = true; /* until all that follows has gone well */
    sh->next += n;      /* something may be in the file: the numbers are not given again */
    WR_TRY(wr_pwrite_all(db->sys, sh->fd, sh->block.data, bytes, sh->len, path, err));
    bool synced = !db->opts.relaxed;
    if (synced && db->sys->fdatasync(sh->fd) != 0) return wri_cannot("sync", path, errno, err);
    int64_t len = sh->len + (int64_t)bytes;
    wri_mark mark = {sh->base, len, synced ? len : sh->synced, sh->next, now_us};
    WR_TRY(write_mark(sh, &mark, err));
    sh->spoiled = false;
    sh->len = mark.len;
    sh->synced = mark.synced;
    sh->end = sh->next;
    sh->last_us = now_us;
    sh->groups++;
    sh->group_bytes += (int64_t)bytes;
    for (size_t i = 0; i < n; i++)
        if (sh->group[i]->mark.writer)
            wri_writers_note(&sh->writers, &(wri_writer){sh->group[i]->mark, b.first + i, now_us});
    return WR_OK;
}

/* What was noted for a block that is not there. */
static void forget_block(wri_shard *sh) {
    while (sh->index.n && sh->index.items[sh->index.n - 1].offset >= sh->len) sh->index.n--;
}

/* The shard could not be opened, which may have passed. */
static wr_status try_again(wri_shard *sh, wr_err *err) {
    wr_streams *db = sh->st->db;
    pthread_mutex_lock(&db->lock);
    wri_meta_shard m = *wri_meta_find(&sh->st->meta, sh->id.shard);
    pthread_mutex_unlock(&db->lock);
    return wri_shard_recover(sh, &m, err);
}

static wr_status write_group(wri_shard *sh, size_t n, size_t bytes, int64_t *now_usp, wr_err *err) {
    *now_usp = 0;
    if (__atomic_load_n(&sh->st->unsettled, __ATOMIC_ACQUIRE))
        return wr_fail(err, WR_EIO, "%s/" WRI_META ": a change may not be durable yet; try again",
                       sh->st->dir);
    if (sh->damaged == WR_EIO) WR_TRY(try_again(sh, err));
    if (sh->damaged != WR_OK) return wr_fail(err, sh->damaged, "%s", sh->why.msg);
    WR_TRY(wri_files_take(sh, err));
    sh->unsealed = true;
    if (sh->spoiled || full(sh)) WR_TRY(wri_shard_roll(sh, err));
    int64_t now_us = wri_now(sh->st->db);
    if (now_us < sh->last_us) now_us = sh->last_us; /* arrivals do not go back with the clock */
    *now_usp = now_us;
    wr_status s = write_block(sh, n, bytes, now_us, err);
    if (s != WR_OK) forget_block(sh);
    return s;
}

static void measure(wri_shard *sh, const wr_put *p) {
    sh->load_bytes += p->key_len + p->len;
    sh->samples[sh->load_records++ % WRI_SAMPLES] = p->hash;
}

/* Tells the records of the group what has become of them. Under the lock. */
static void answer(wri_shard *sh, size_t n, wr_status s, const wr_err *why, int64_t now_us,
                   wri_call **tellp) {
    size_t done = 0;
    int64_t born_s = sh->born_us / WR_US_PER_SECOND;
    uint64_t first = sh->next - n;
    while (done < n) {
        wri_part *p = sh->head;
        wri_call *c = p->call;
        for (; p->n > 0 && done < n; p->from++, p->n--, done++) {
            wr_put *put = &c->puts[c->order[p->from]];
            put->status = s;
            put->arrival_us = now_us;
            put->seq = (wr_seq){born_s, sh->id.shard, first + done, now_us / WR_US_PER_SECOND};
            measure(sh, put);
        }
        if (s != WR_OK && c->status == WR_OK) {
            c->status = s;
            c->err = *why;
        }
        if (p->n > 0 && (s == WR_OK || c->puts[c->order[p->from]].mark.writer == 0)) break;
        /* A writer's records leave no gap: the rest of the call fails, too. */
        for (; p->n > 0; p->from++, p->n--) c->puts[c->order[p->from]].status = s;
        sh->head = p->next;
        if (!sh->head) sh->tailp = &sh->head;
        wri_part_done(p, tellp);
    }
}

void wri_shard_commit(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    size_t n, bytes;
    int64_t now_us = 0;
    wr_err why = {0};
    wri_call *tell = NULL;
    pthread_mutex_lock(&db->lock);
    wr_status s = take_group(sh, &n, &bytes);
    pthread_mutex_unlock(&db->lock);
    if (s != WR_OK) { /* then the first record, and nobody else */
        s = wr_fail_oom(&why, "a group of records");
        n = 1;
    } else if (n > 0) s = write_group(sh, n, bytes, &now_us, &why);
    pthread_mutex_lock(&db->lock);
    if (n > 0) answer(sh, n, s, &why, now_us, &tell);
    if (n > 0 && s == WR_OK) wri_ready_ask(sh);
    wri_files_used(sh);
    wri_shard_let_go(sh);
    pthread_mutex_unlock(&db->lock);
    wri_tell(tell);
}
