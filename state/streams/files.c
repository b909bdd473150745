/* state/streams/files.c -- which shards have their files open. There are as many shards as streams were
 * given, and as many descriptors as the system lets a process have.
 *
 *   asleep ── take: somebody is about to write ──► awake, the latest of the list
 *   awake  ── too many are, and nobody is at it ──► asleep; the one that was written to longest ago is first
 *
 * A shard that sleeps has all but its descriptors: what it knows of its segment stays, and nothing is read
 * when it wakes. Streams that are paused for a change of shards keep theirs. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "log_int.h"

/* Half of all descriptors, two a shard: the others are for readers and connections. */
uint32_t wri_files_most(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur > UINT32_MAX) return UINT32_MAX;
    return l.rlim_cur < 8 ? 1 : (uint32_t)(l.rlim_cur / 4);
}

/* ---- the list, under the lock ---- */

static void take_out(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    if (!sh->awake) return;
    *(sh->older ? &sh->older->newer : &db->oldest) = sh->newer;
    *(sh->newer ? &sh->newer->older : &db->newest) = sh->older;
    sh->older = sh->newer = NULL;
    sh->awake = false;
    db->n_awake--;
}

static void put_last(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    sh->older = db->newest;
    *(db->newest ? &db->newest->newer : &db->oldest) = sh;
    db->newest = sh;
    sh->awake = true;
    db->n_awake++;
}

void wri_files_used(wri_shard *sh) {
    if (!sh->awake || sh->st->db->newest == sh) return;
    take_out(sh);
    put_last(sh);
}

/* ---- descriptors ---- */

static void close_both(wri_shard *sh) {
    const wr_sys *sys = sh->st->db->sys;
    if (sh->fd >= 0) sys->close(sh->fd);
    if (sh->mark_fd >= 0) sys->close(sh->mark_fd);
    sh->fd = sh->mark_fd = -1;
}

void wri_files_close(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    pthread_mutex_lock(&db->lock);
    take_out(sh);
    pthread_mutex_unlock(&db->lock);
    close_both(sh);
}

/* Puts the oldest to sleep that nobody needs. Under the lock, which is let go meanwhile. */
static bool put_to_sleep(wr_streams *db) {
    wri_shard *sh = db->oldest;
    while (sh && (sh->busy || sh->head || sh->st->paused)) sh = sh->newer;
    if (!sh) return false;
    sh->busy = true;
    take_out(sh);
    pthread_mutex_unlock(&db->lock);
    close_both(sh);
    pthread_mutex_lock(&db->lock);
    wri_shard_let_go(sh);
    return true;
}

static void make_room(wr_streams *db) {
    pthread_mutex_lock(&db->lock);
    while (db->n_awake >= db->most_awake && put_to_sleep(db)) {
    }
    pthread_mutex_unlock(&db->lock);
}

/* What others in this process have open is not known before: where there is none left, one more sleeps. */
static wr_status open_one(wri_shard *sh, const char *path, int *fdp, wr_err *err) {
    wr_streams *db = sh->st->db;
    for (;;) {
        *fdp = wri_open_fd(db->sys, path, O_RDWR);
        if (*fdp >= 0) return WR_OK;
        int e = errno;
        pthread_mutex_lock(&db->lock);
        bool again = (e == EMFILE || e == ENFILE) && put_to_sleep(db);
        pthread_mutex_unlock(&db->lock);
        if (!again) return wri_cannot("open", path, e, err);
    }
}

wr_status wri_files_take(wri_shard *sh, wr_err *err) {
    wr_streams *db = sh->st->db;
    char path[WRI_PATH];
    if (sh->awake) return WR_OK;
    make_room(db);
    wri_file_path(sh->dir, sh->base, ".seg", path);
    wr_status s = open_one(sh, path, &sh->fd, err);
    wri_tail_path(sh->dir, path);
    if (s == WR_OK) s = open_one(sh, path, &sh->mark_fd, err);
    if (s != WR_OK) {
        close_both(sh);
        return s;
    }
    pthread_mutex_lock(&db->lock);
    put_last(sh);
    pthread_mutex_unlock(&db->lock);
    return WR_OK;
}
