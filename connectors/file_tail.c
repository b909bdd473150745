/* connectors/file_tail.c -- following a file that grows, is rotated or cut back.
 *
 *   at its end?  the path names another file (rotated)  -> finish this one, then begin the other
 *                the file is shorter than what was read -> finish what is buffered, then begin it again
 *                the path names nothing                 -> go on with this one; another may appear
 *                the file was deleted                   -> finish and close it; another may appear
 *
 * After a restart:
 *
 *   the path names the file of the snapshot  -> go on where the snapshot says
 *   another name of that folder does         -> go on there; then the files that were rotated after it, by
 *                                               the time of their last change; then the path's
 *   it was cut back, is gone, or its inode   -> begin what the path names; tell of it
 *   is another file's by now
 *
 * Finishing means that a last line without its end is delivered as a record. Positions go on through all
 * of it, so that they rise within the split. A file that is cut back and then grows past the old place
 * between two looks cannot be told from one that just grew; nobody can, who only looks at its size. */
#include <errno.h>
#include <fcntl.h>

#include "file_int.h"

static void close_one(const wri_tail *t, int fd) {
    if (fd >= 0 && t->claims) wri_claim_leave(t->claims, fd);
    else if (fd >= 0) t->sys->close(fd);
}
static void close_fd(wri_tail *t) {
    close_one(t, t->fd);
    t->fd = -1;
}

/* Makes fd, the file of st, the one that is read. WR_AGAIN: it is another's. */
static wr_status hold(wri_tail *t, int fd, const struct stat *st, wr_err *err) {
    wr_status s = t->claims ? wri_claim_take(t->claims, st, fd) : WR_OK;
    if (s != WR_OK) return s == WR_AGAIN ? s : wr_fail_oom(err, "a list of files");
    t->fd = fd;
    t->dev = st->st_dev;
    t->ino = st->st_ino;
    __atomic_store_n(&t->bytes, (int64_t)st->st_size, __ATOMIC_RELAXED);
    return WR_OK;
}

/* WR_AGAIN: there is nothing of that name. */
static wr_status open_file(const wri_tail *t, const char *path, int *fdp, struct stat *st, wr_err *err) {
    *fdp = wri_open(t->sys, path, O_RDONLY | O_NONBLOCK, 0);
    if (*fdp < 0 && errno == ENOENT) return WR_AGAIN;
    if (*fdp < 0) return wri_file_cannot("open", path, errno, err);
    if (t->sys->fstat(*fdp, st) == 0) return WR_OK;
    int e = errno;
    t->sys->close(*fdp);
    return wri_file_cannot("open", path, e, err);
}

/* Opens path as it is now. WR_AGAIN: there is nothing of that name, or it is another's. */
static wr_status open_path(wri_tail *t, wr_err *err) {
    struct stat st;
    int fd;
    WR_TRY(open_file(t, t->path, &fd, &st, err));
    wr_status s = hold(t, fd, &st, err);
    if (s != WR_OK) t->sys->close(fd);
    return s;
}

/* The file at hand is read from its beginning. */
static void restart(wri_tail *t) {
    t->print_n = 0;
    wri_reader_restart(&t->reader, t->fd);
}

wr_status wri_tail_open(wri_tail *t, const wri_reader_cfg *cfg, wri_claims *claims, wri_tail_counts *counts,
                        wr_err *err) {
    *t = (wri_tail){.sys = cfg->sys, .path = cfg->name, .claims = claims, .counts = counts, .fd = -1};
    wr_status s = open_path(t, err);
    if (s == WR_AGAIN && !claims) return wri_file_cannot("open", t->path, ENOENT, err);
    return s == WR_OK ? wri_reader_open(&t->reader, cfg, t->fd, err) : s;
}

wr_status wri_tail_take(wri_tail *t, const char *path, wr_err *err) {
    t->path = t->reader.cfg.name = path;
    WR_TRY(open_path(t, err));
    restart(t);
    return WR_OK;
}

/* ---- places ---- */

#define PRINT_BYTES 4096 /* a file is told from another by so many of its first bytes */

static wr_status hash_head(const wri_tail *t, int fd, size_t n, uint64_t *outp, wr_err *err) {
    char head[PRINT_BYTES];
    size_t got = 0;
    *outp = 0;
    WR_TRY(wr_pread_all(t->sys, fd, head, n, 0, &got, t->path, err));
    *outp = wr_hash_bytes(head, got);
    return WR_OK;
}

static int64_t next_record(const wri_tail *t) { return t->reader.at - (int64_t)t->reader.len; }

/* Of what has been read, so that it stays the same as the file grows. */
static wr_status take_print(wri_tail *t, wr_err *err) {
    int64_t at = next_record(t);
    uint64_t n = at < PRINT_BYTES ? (uint64_t)at : PRINT_BYTES;
    if (n == t->print_n) return WR_OK;
    WR_TRY(hash_head(t, t->fd, n, &t->print, err));
    t->print_n = n;
    return WR_OK;
}

wr_status wri_tail_place(wri_tail *t, wri_place *out, wr_err *err) {
    *out = (wri_place){0};
    if (t->fd >= 0) WR_TRY(take_print(t, err));
    *out = (wri_place){.dev = t->dev,
                       .ino = t->ino,
                       .at = next_record(t),
                       .pos = t->reader.pos,
                       .over = t->fd < 0,
                       .print_n = t->print_n,
                       .print = t->print};
    return WR_OK;
}

/* Whether fd, the file of st, is that of the place, and still has what had been read of it. */
static wr_status is_file(const wri_tail *t, int fd, const struct stat *st, const wri_place *p, bool *isp,
                         wr_err *err) {
    uint64_t hash;
    *isp = false;
    if (st->st_dev != p->dev || st->st_ino != p->ino || st->st_size < p->at) return WR_OK;
    if (p->print_n > PRINT_BYTES) return WR_OK;
    WR_TRY(hash_head(t, fd, p->print_n, &hash, err));
    *isp = p->print_n == 0 || hash == p->print;
    return WR_OK;
}

wr_status wri_tail_is(const wri_tail *t, const wri_place *p, bool *isp, wr_err *err) {
    struct stat st;
    *isp = false;
    if (t->fd < 0 || t->dev != p->dev || t->ino != p->ino) return WR_OK;
    if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
    return is_file(t, t->fd, &st, p, isp, err);
}

/* ---- files that were rotated while nobody read them ---- */

typedef struct named { /* a file of the path's folder */
    dev_t dev;
    ino_t ino;
    struct timespec changed;
    char name[NAME_MAX + 1];
} named;

typedef struct search {
    const wri_tail *t;
    size_t folder; /* length of the folder's part of the path */
    wr_buf path;   /* of the name that is being looked at */
    dev_t dev;     /* by inode */
    ino_t ino;
    size_t same; /* or by name: the length of what those of t->like and of the path begin with */
    named after; /* the one that comes right after this one */
    bool oom, found;
    named best;
} search;

static const char *path_of(search *s, const char *name) {
    s->path.len = 0;
    s->oom = s->oom || wr_buf_printf(&s->path, "%.*s%s", (int)s->folder, s->t->path, name) != WR_OK;
    return s->oom ? NULL : s->path.data;
}

static void note(search *s, const char *name, const struct stat *st) {
    s->found = true;
    s->best = (named){.dev = st->st_dev, .ino = st->st_ino, .changed = st->st_mtim};
    memcpy(s->best.name, name, strlen(name) + 1);
}

static void try_inode(void *ctx, const char *name) {
    search *s = ctx;
    struct stat st;
    if (s->found || strlen(name) > NAME_MAX || !path_of(s, name)) return;
    if (s->t->sys->stat(s->path.data, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
        note(s, name, &st);
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* log.1 is like log.12, and log-20260101 like log-20260102; log.errors and log.1.gz are not. */
static bool alike(const char *a, const char *b) {
    while (*a && *b) {
        if (digit(*a) && digit(*b)) {
            while (digit(*a)) a++;
            while (digit(*b)) b++;
        } else if (*a++ != *b++) return false;
    }
    return *a == *b;
}

/* What a rotation adds to a name is shorter than this where it counts, and longer where it is a date. */
#define COUNT_BYTES 6

/* Within one tick of the file system's clock the names tell: log.1 is later than log.2, log-20260102 than
 * log-20260101. */
static bool later(const named *a, const named *b, size_t same) {
    if (a->changed.tv_sec != b->changed.tv_sec) return a->changed.tv_sec > b->changed.tv_sec;
    if (a->changed.tv_nsec != b->changed.tv_nsec) return a->changed.tv_nsec > b->changed.tv_nsec;
    const char *x = a->name + same, *y = b->name + same;
    size_t n = strlen(x), m = strlen(y);
    if (n != m) return n < m;
    return n < COUNT_BYTES ? strcmp(x, y) < 0 : strcmp(x, y) > 0;
}

static void try_next(void *ctx, const char *name) {
    search *s = ctx;
    struct stat st;
    if (strncmp(name, s->t->like, s->same) != 0 || !alike(name + s->same, s->t->like + s->same)) return;
    if (strlen(name) > NAME_MAX || !path_of(s, name)) return;
    if (s->t->sys->stat(s->path.data, &st) != 0 || !S_ISREG(st.st_mode)) return;
    if (st.st_dev == s->dev && st.st_ino == s->ino) return; /* the path's own, by a link */
    named n = {.changed = st.st_mtim};
    memcpy(n.name, name, strlen(name) + 1);
    if (later(&n, &s->after, s->same) && (!s->found || later(&s->best, &n, s->same))) note(s, name, &st);
}

/* Lists the path's folder. WR_AGAIN: nothing was found. */
static wr_status run(search *s, void (*each)(void *, const char *), wr_err *err) {
    const char *slash = strrchr(s->t->path, '/');
    s->folder = slash ? (size_t)(slash + 1 - s->t->path) : 0;
    s->found = false;
    const char *folder = slash ? path_of(s, "") : "./";
    char *copy = folder ? wr_strdup(folder) : NULL;
    bool listed = copy && s->t->sys->list(copy, each, s) == 0;
    wr_status r = !copy || s->oom ? wr_fail_oom(err, "a list of files") : WR_OK;
    wr_free(copy);
    return r == WR_OK && !(listed && s->found) ? WR_AGAIN : r;
}

/* Opens what was found; WR_AGAIN: meanwhile that name is another file's. */
static wr_status open_found(search *s, int *fdp, struct stat *st, wr_err *err) {
    *fdp = -1;
    if (!path_of(s, s->best.name)) return wr_fail_oom(err, "a list of files");
    WR_TRY(open_file(s->t, s->path.data, fdp, st, err));
    if (st->st_dev == s->best.dev && st->st_ino == s->best.ino) return WR_OK;
    s->t->sys->close(*fdp);
    *fdp = -1;
    return WR_AGAIN;
}

/* Makes the file of p, which has another name by now, the one that is read. WR_AGAIN: it is gone. */
static wr_status find_renamed(wri_tail *t, const wri_place *p, wr_err *err) {
    search s = {.t = t, .dev = p->dev, .ino = p->ino};
    struct stat st;
    int fd = -1, was = t->fd;
    bool is = false;
    wr_status r = run(&s, try_inode, err);
    if (r == WR_OK) r = open_found(&s, &fd, &st, err);
    if (r == WR_OK) r = is_file(t, fd, &st, p, &is, err);
    if (r == WR_OK) r = is ? hold(t, fd, &st, err) : WR_AGAIN;
    if (r == WR_OK) {
        memcpy(t->like, s.best.name, sizeof t->like);
        if (was >= 0 && t->claims) wri_claim_drop(t->claims, was); /* it will be taken anew */
        else if (was >= 0) t->sys->close(was);
    } else if (fd >= 0) t->sys->close(fd);
    wr_buf_free(&s.path);
    return r;
}

/* The file at hand and what its folder has by the path's name. */
static wr_status begin_search(search *s, wr_err *err) {
    const wri_tail *t = s->t;
    const char *slash = strrchr(t->path, '/'), *base = slash ? slash + 1 : t->path;
    struct stat st;
    *s = (search){.t = t, .dev = t->dev, .ino = t->ino, .path = s->path};
    while (base[s->same] && base[s->same] == t->like[s->same]) s->same++;
    wr_status r = run(s, try_inode, err);
    if (r < 0) return r;
    s->after = s->best;
    if (r == WR_AGAIN) memcpy(s->after.name, t->like, sizeof t->like); /* deleted; it has its time still */
    if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
    s->after.changed = st.st_mtim;
    bool there = t->sys->stat(t->path, &st) == 0;
    s->dev = there ? st.st_dev : 0;
    s->ino = there ? st.st_ino : 0;
    return s->same > 0 ? WR_OK : WR_AGAIN; /* names that have nothing in common tell nothing */
}

#define RENAMED_MAX 8 /* so often a folder is listed anew because its files were renamed meanwhile */

/* Begins with the file that was rotated next after the one at hand. WR_AGAIN: there is none. What other
 * splits read is left to them. */
static wr_status open_between(wri_tail *t, wr_err *err) {
    search s = {.t = t};
    struct stat st;
    wr_status r = begin_search(&s, err);
    for (int i = 0; r == WR_OK; i++) {
        int fd = -1, was = t->fd;
        r = run(&s, try_next, err);
        if (r != WR_OK) break;
        r = open_found(&s, &fd, &st, err);
        if (r == WR_OK) r = hold(t, fd, &st, err);
        if (r == WR_OK) {
            close_one(t, was);
            break;
        }
        if (fd >= 0) t->sys->close(fd);
        if (r != WR_AGAIN) break;
        if (fd < 0) r = i < RENAMED_MAX ? begin_search(&s, err) : WR_AGAIN; /* all have other names by now */
        else s.after = s.best, r = WR_OK;
    }
    wr_buf_free(&s.path);
    return r;
}

/* ---- going on after a restart ---- */

static void count_one(uint32_t *n) { __atomic_add_fetch(n, 1, __ATOMIC_RELAXED); }

/* The file at hand is the one of the place, or is made so; else it is to be begun, and that is told. */
static wr_status settle(wri_tail *t, const wri_place *p, bool *isp, wr_err *err) {
    struct stat st;
    WR_TRY(wri_tail_is(t, p, isp, err));
    if (*isp || p->over) return WR_OK;
    if (t->fd >= 0 && t->dev == p->dev && t->ino == p->ino) {
        if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
        count_one(st.st_size < p->at ? &t->counts->cut_back : &t->counts->lost);
        return WR_OK;
    }
    wr_status s = find_renamed(t, p, err);
    if (s == WR_AGAIN) count_one(&t->counts->lost);
    *isp = s == WR_OK;
    return s == WR_AGAIN ? WR_OK : s;
}

wr_status wri_tail_go_on(wri_tail *t, const wri_place *p, bool *anewp, wr_err *err) {
    bool is = false;
    *anewp = true;
    WR_TRY(settle(t, p, &is, err));
    restart(t);
    t->reader.pos = p->pos; /* also in another file, so that positions rise */
    *anewp = !is || p->at == 0;
    if (*anewp) return WR_OK;
    __atomic_store_n(&t->reader.at, p->at, __ATOMIC_RELAXED);
    t->print_n = p->print_n;
    t->print = p->print;
    return WR_OK;
}

/* At the end for now: finds out whether this file has ended for good. */
static wr_status look(wri_tail *t, wr_err *err) {
    struct stat st;
    if (t->sys->fstat(t->fd, &st) != 0) return wri_file_cannot("look at", t->path, errno, err);
    __atomic_store_n(&t->bytes, (int64_t)st.st_size, __ATOMIC_RELAXED);
    if (st.st_size < t->reader.at) {
        t->ending = t->anew = true;
        return WR_OK;
    }
    bool deleted = st.st_nlink == 0;
    if (t->sys->stat(t->path, &st) != 0) { /* renamed away and the new one is not there yet, or gone */
        t->ending = deleted;
        if (deleted) __atomic_add_fetch(&t->counts->deleted, 1, __ATOMIC_RELAXED);
        return WR_OK;
    }
    t->ending = st.st_dev != t->dev || st.st_ino != t->ino;
    return WR_OK;
}

/* Closes the file; notes what a snapshot may want of it. An inode that was given back tells nothing. */
static wr_status leave(wri_tail *t, wr_err *err) {
    struct stat st;
    if (t->fd < 0) return WR_OK;
    WR_TRY(take_print(t, err));
    if (t->sys->fstat(t->fd, &st) == 0 && st.st_nlink == 0) t->dev = t->ino = 0;
    close_fd(t);
    return WR_OK;
}

/* The old file has been delivered: begins the next. */
static wr_status begin(wri_tail *t, wr_err *err) {
    uint32_t *count = t->anew ? &t->counts->cut_back : &t->counts->rotated;
    if (!t->anew) {
        t->ending = false;
        wr_status s = t->like[0] ? open_between(t, err) : WR_AGAIN;
        if (s == WR_AGAIN) {
            t->like[0] = 0;
            WR_TRY(leave(t, err));
            s = open_path(t, err);
        }
        if (s != WR_OK) return s == WR_AGAIN && t->claims ? WR_EOF : s;
    }
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
    t->ending = t->anew = false;
    restart(t);
    return WR_OK;
}

wr_status wri_tail_next(wri_tail *t, wr_chunk *out, wr_err *err) {
    for (;;) {
        wr_status s = t->fd < 0 ? WR_EOF : wri_reader_next(&t->reader, out, err);
        if (s == WR_EOF) {
            *out = (wr_chunk){0};
            WR_TRY(begin(t, err)); /* WR_AGAIN: not there yet */
            continue;
        }
        if (s != WR_AGAIN) return s;
        bool was = t->ending;
        if (!was) WR_TRY(look(t, err));
        if (!t->ending) return WR_AGAIN;
        /* What was written between the last read and the look is read before the file is left. */
        if (was || t->anew) wri_reader_finish(&t->reader);
    }
}

void wri_tail_close(wri_tail *t) {
    wri_reader_close(&t->reader);
    close_fd(t);
}
