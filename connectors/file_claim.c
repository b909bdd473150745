/* connectors/file_claim.c -- which files are read, or were, whatever they are called by now.
 *
 * A pattern may match the old names of rotated files too (log, log.1, …): a file that goes on under another
 * name must not be read twice. A claim is a file by device and inode, and its descriptor: as long as that
 * is open, the inode cannot come to be another file's. A file that was left is kept until a scan of the
 * pattern no longer finds it.
 *
 * Threads: any; one lock. */
#include "file_int.h"

void wri_claims_init(wri_claims *c, const wr_sys *sys) {
    *c = (wri_claims){.sys = sys};
    pthread_mutex_init(&c->lock, NULL);
}

void wri_claims_free(wri_claims *c) {
    if (!c->sys) return;
    for (size_t i = 0; i < c->n; i++) c->sys->close(c->items[i].fd);
    wr_free(c->items);
    pthread_mutex_destroy(&c->lock);
}

static wri_claim *find(wri_claims *c, const struct stat *st) {
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].ino == st->st_ino && c->items[i].dev == st->st_dev) return &c->items[i];
    return NULL;
}

wr_status wri_claim_take(wri_claims *c, const struct stat *st, int fd) {
    pthread_mutex_lock(&c->lock);
    wr_status s = find(c, st) ? WR_AGAIN : wr_grow(&c->items, &c->cap, c->n + 1, sizeof *c->items);
    if (s == WR_OK) c->items[c->n++] = (wri_claim){.dev = st->st_dev, .ino = st->st_ino, .fd = fd};
    pthread_mutex_unlock(&c->lock);
    return s;
}

void wri_claim_leave(wri_claims *c, int fd) {
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].fd == fd) {
            c->items[i].left = true;
            c->items[i].seen = c->scan; /* a scan under way may have come past it already */
        }
    pthread_mutex_unlock(&c->lock);
}

void wri_claim_drop(wri_claims *c, int fd) {
    pthread_mutex_lock(&c->lock);
    size_t i = 0;
    while (i < c->n && c->items[i].fd != fd) i++;
    if (i < c->n) c->items[i] = c->items[--c->n];
    pthread_mutex_unlock(&c->lock);
    c->sys->close(fd);
}

bool wri_claim_seen(wri_claims *c, const struct stat *st) {
    pthread_mutex_lock(&c->lock);
    wri_claim *k = find(c, st);
    if (k) k->seen = c->scan;
    pthread_mutex_unlock(&c->lock);
    return k != NULL;
}

void wri_claims_scan(wri_claims *c) {
    pthread_mutex_lock(&c->lock);
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        wri_claim k = c->items[i];
        if (k.left && k.seen < c->scan) c->sys->close(k.fd);
        else c->items[kept++] = k;
    }
    c->n = kept;
    c->scan++;
    pthread_mutex_unlock(&c->lock);
}
