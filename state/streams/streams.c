/* state/streams/streams.c -- a data directory: its lock, its list of streams, the threads that write.
 *
 * One lock guards all queues of the directory; it is held for moments, never while a file is touched. A shard
 * with waiting records and nobody at it is ready: a caller who waits takes it, or one of the threads. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "log_int.h"

void wri_log_say(wr_streams *db, const char *fmt, ...) {
    char line[1024];
    va_list ap;
    if (!db->opts.say) return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    db->opts.say(db->opts.ctx, line);
}

int64_t wri_now(const wr_streams *db) { return db->sys->wall_us(); }

wr_status wr_streams_open(const wr_streams_opts *opts, wr_streams **outp, wr_err *err) {
    *outp = NULL;
    size_t n = strlen(opts->dir);
    while (n > 1 && opts->dir[n - 1] == '/') n--;
    if (n == 0) return wr_fail(err, WR_EINVAL, "a data directory is needed");
    if (n >= WRI_DIR)
        return wr_fail(err, WR_ELIMIT, "the data directory's path is longer than %d bytes", WRI_DIR - 1);
    wr_streams *db = wr_calloc(1, sizeof *db);
    if (!db) return wr_fail_oom(err, "a data directory");
    db->opts = *opts;
    db->sys = opts->sys ? opts->sys : &wr_sys_real;
    memcpy(db->dir, opts->dir, n);
    db->most_awake = opts->awake ? opts->awake : wri_files_most();
    db->lock_fd = -1;
    db->ready_tail = &db->ready;
    db->prepare_tail = &db->prepare;
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->naming, NULL);
    pthread_mutex_init(&db->seen.lock, NULL);
    pthread_cond_init(&db->moved, NULL);
    pthread_cond_init(&db->work, NULL);
    pthread_cond_init(&db->prepare_work, NULL);
    *outp = db;
    return WR_OK;
}

/* ---- the lock ---- */

static wr_status make_dirs(wr_streams *db, wr_err *err) {
    char path[WRI_PATH];
    snprintf(path, sizeof path, "%s/streams", db->dir);
    if (db->sys->mkdir(db->dir, 0755) != 0 && errno != EEXIST)
        return wri_cannot("create", db->dir, errno, err);
    if (db->sys->mkdir(path, 0755) == 0) return wri_sync_dir(db->sys, db->dir, err);
    return errno == EEXIST ? WR_OK : wri_cannot("create", path, errno, err);
}

static wr_status taken(wr_streams *db, int fd, wr_err *err) {
    char pid[32] = "";
    ssize_t k = db->sys->pread(fd, pid, sizeof pid - 1, 0);
    pid[k > 0 ? (size_t)k : 0] = 0;
    pid[strcspn(pid, "\n")] = 0;
    return wr_fail(err, WR_ELIMIT, "%s: process %s writes to it; stop that one first", db->dir,
                   pid[0] ? pid : "(unknown)");
}

wr_status wr_streams_lock(wr_streams *db, wr_err *err) {
    if (db->lock_fd >= 0) return WR_OK;
    char path[WRI_PATH], pid[32];
    WR_TRY(make_dirs(db, err));
    snprintf(path, sizeof path, "%s/weir.lock", db->dir);
    int fd = wri_open_fd(db->sys, path, O_RDWR | O_CREAT);
    if (fd < 0) return wri_cannot("open", path, errno, err);
    wr_status s = WR_OK;
    if (db->sys->lock(fd) != 0)
        s = errno == EWOULDBLOCK ? taken(db, fd, err) : wri_cannot("lock", path, errno, err);
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (s == WR_OK && db->sys->ftruncate(fd, 0) != 0) s = wri_cannot("write", path, errno, err);
    if (s == WR_OK) s = wr_pwrite_all(db->sys, fd, pid, (size_t)n, 0, path, err);
    if (s == WR_OK) db->lock_fd = fd;
    else db->sys->close(fd);
    return s;
}

/* ---- threads ---- */

void wri_shard_wake(wri_shard *sh) {
    wr_streams *db = sh->st->db;
    if (sh->queued || sh->busy) return;
    sh->queued = true;
    sh->next_ready = NULL;
    *db->ready_tail = sh;
    db->ready_tail = &sh->next_ready;
    if (db->n_threads) pthread_cond_signal(&db->work);
    if (sh->head && !sh->head->call->tell) pthread_cond_signal(&sh->head->call->cond);
}

void wri_shard_let_go(wri_shard *sh) {
    sh->busy = false;
    if (sh->head) wri_shard_wake(sh);
    pthread_cond_broadcast(&sh->st->db->moved);
}

wri_shard *wri_take_ready(wr_streams *db) {
    wri_shard *sh;
    while ((sh = db->ready)) {
        db->ready = sh->next_ready;
        if (!db->ready) db->ready_tail = &db->ready;
        sh->queued = false;
        if (sh->busy) continue; /* retention has taken it since; it wakes it again */
        sh->busy = true;
        return sh;
    }
    return NULL;
}

static void *thread_main(void *arg) {
    wr_streams *db = arg;
    pthread_mutex_lock(&db->lock);
    for (;;) {
        wri_shard *sh = wri_take_ready(db);
        if (sh) {
            pthread_mutex_unlock(&db->lock);
            wri_shard_commit(sh);
            pthread_mutex_lock(&db->lock);
        } else if (db->stopping) break;
        else pthread_cond_wait(&db->work, &db->lock);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

/* As many threads as can be had; none means that callers do all. Signals are for others. */
void wri_start_threads(wr_streams *db) {
    sigset_t all, old;
    if (db->threads || db->opts.threads == 0) return;
    db->threads = wr_calloc(db->opts.threads, sizeof *db->threads);
    if (!db->threads) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (db->n_threads < db->opts.threads &&
           pthread_create(&db->threads[db->n_threads], NULL, thread_main, db) == 0)
        db->n_threads++;
    db->prepares = pthread_create(&db->preparer, NULL, wri_prepare_main, db) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void wr_streams_close(wr_streams *db) {
    if (!db) return;
    pthread_mutex_lock(&db->lock);
    db->stopping = true;
    pthread_cond_broadcast(&db->work);
    pthread_cond_broadcast(&db->prepare_work);
    pthread_mutex_unlock(&db->lock);
    for (uint32_t i = 0; i < db->n_threads; i++) pthread_join(db->threads[i], NULL);
    if (db->prepares) pthread_join(db->preparer, NULL);
    while (db->streams) {
        wr_stream *st = db->streams;
        db->streams = st->next;
        wri_stream_free(st);
    }
    if (db->lock_fd >= 0) db->sys->close(db->lock_fd);
    wr_free(db->threads);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->naming);
    pthread_mutex_destroy(&db->seen.lock);
    wri_meta_free(&db->seen.meta);
    pthread_cond_destroy(&db->moved);
    pthread_cond_destroy(&db->work);
    pthread_cond_destroy(&db->prepare_work);
    wr_free(db);
}

/* ---- names ---- */

wr_status wr_stream_name_check(const char *name, wr_err *err) {
    size_t n = strlen(name);
    size_t good = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    if (n > 0 && n <= WR_STREAM_NAME_MAX && good == n) return WR_OK;
    return wr_fail(
        err, WR_EINVAL,
        "'%.64s' cannot be a stream's name: 1 to %d letters, digits, '_', '.' and '-' are expected", name,
        WR_STREAM_NAME_MAX);
}

typedef struct naming {
    wr_arena *ar;
    const char **items;
    size_t n, cap;
    wr_status status;
} naming;

static void each_folder(void *ctx, const char *name) {
    naming *l = ctx;
    size_t n = strlen(name), end = sizeof ".stream" - 1;
    if (n <= end || strcmp(name + n - end, ".stream") != 0 || l->status != WR_OK) return;
    l->status = wr_grow(&l->items, &l->cap, l->n + 1, sizeof *l->items);
    char *copy = l->status == WR_OK ? wr_arena_strndup(l->ar, name, n - end) : NULL;
    if (copy) l->items[l->n++] = copy;
    else l->status = WR_ENOMEM;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

wr_status wr_stream_list(wr_streams *db, wr_arena *ar, const char ***namesp, size_t *np, wr_err *err) {
    char path[WRI_PATH];
    naming l = {.ar = ar};
    *namesp = NULL;
    *np = 0;
    snprintf(path, sizeof path, "%s/streams", db->dir);
    if (db->sys->list(path, each_folder, &l) != 0 && errno != ENOENT)
        l.status = wri_cannot("list", path, errno, err);
    if (l.status == WR_ENOMEM) l.status = wr_fail_oom(err, "a list of streams");
    if (l.status == WR_OK && l.n) {
        qsort(l.items, l.n, sizeof *l.items, by_name);
        *namesp = wr_arena_alloc(ar, l.n * sizeof *l.items);
        if (*namesp) memcpy(*namesp, l.items, l.n * sizeof *l.items);
        else l.status = wr_fail_oom(err, "a list of streams");
        *np = *namesp ? l.n : 0;
    }
    wr_free(l.items);
    return l.status;
}

wr_status wri_no_stream(wr_streams *db, const char *name, wr_err *err) {
    wr_arena ar = {0};
    const char **names, *near = NULL;
    size_t n;
    if (wr_stream_list(db, &ar, &names, &n, NULL) == WR_OK && n)
        near = wr_nearest(name, names, n, sizeof *names);
    if (near && strcmp(near, name) != 0) /* it is, when it has just been made */
        wr_fail(err, WR_EINVAL, "there is no stream '%s'%s%s; did you mean '%s'?", name,
                db->opts.served ? "" : " in ", db->opts.served ? "" : db->dir, near);
    else if (db->opts.served)
        wr_fail(err, WR_EINVAL, "there is no stream '%s'; weir streams create %s makes it", name, name);
    else
        wr_fail(err, WR_EINVAL, "there is no stream '%s' in %s; weir streams --data %s create %s makes it",
                name, db->dir, db->dir, name);
    wr_arena_free(&ar);
    return WR_EINVAL;
}
