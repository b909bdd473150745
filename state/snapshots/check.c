/* state/snapshots/check.c -- whether every byte of a snapshot is as it was written.
 *
 *   places   all pieces of all parts, in the order of the files
 *   threads  each takes the next place, reads it CHUNK bytes at a time, sums it up
 *
 * A job that was killed waits for this, and a disk has more to give than one thread takes. Small snapshots
 * are looked at by the caller alone. Of several damaged pieces the first is told, however many threads
 * looked. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_int.h"

#define CHUNK       ((size_t)256 << 10)
#define THREADS_MAX 8
#define SHARED_MIN  ((uint64_t)32 << 20) /* bytes: for less no thread is worth it */

typedef struct place { /* of a piece, and whose it is */
    const wr_piece *piece;
    const char *part;
} place;

typedef struct checking {
    const wr_snapshot *of;
    place *places;
    size_t n;
    size_t next; /* atomic: the next place to take */
    bool failed; /* atomic: no other need be taken */
} checking;

typedef struct checker {
    checking *all;
    size_t at; /* where it failed */
    wr_status status;
    wr_err err;
    pthread_t thread;
} checker;

static int by_place(const void *x, const void *y) {
    const wr_piece *a = ((const place *)x)->piece, *b = ((const place *)y)->piece;
    if (a->segment != b->segment) return a->segment < b->segment ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static wr_status check_place(wr_piece_reader *r, const place *at, char *chunk, wr_err *err) {
    const wr_piece *p = at->piece;
    uint32_t crc = 0;
    uint64_t done = 0;
    do { /* a piece of no bytes must have its segment, too */
        size_t n = p->len - done < CHUNK ? (size_t)(p->len - done) : CHUNK;
        wr_status s = wr_piece_read(r, p, done, chunk, n, err);
        if (s != WR_OK) return wr_fail_in(err, s, "%s", at->part);
        crc = wr_crc32c(crc, chunk, n);
        done += n;
    } while (done < p->len);
    return wri_piece_is(r, p, crc, at->part, err);
}

static void *run(void *arg) {
    checker *c = arg;
    checking *all = c->all;
    wr_piece_reader r = {.of = all->of, .fd = -1};
    char *chunk = wr_alloc(CHUNK);
    c->status = chunk ? WR_OK : wr_fail_oom(&c->err, "a snapshot");
    while (c->status == WR_OK && !__atomic_load_n(&all->failed, __ATOMIC_RELAXED)) {
        c->at = __atomic_fetch_add(&all->next, 1, __ATOMIC_RELAXED);
        if (c->at >= all->n) break;
        c->status = check_place(&r, &all->places[c->at], chunk, &c->err);
    }
    if (c->status != WR_OK) __atomic_store_n(&all->failed, true, __ATOMIC_RELAXED);
    wr_piece_reader_close(&r);
    wr_free(chunk);
    return NULL;
}

static size_t how_many(const checking *all) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < all->n; i++) bytes += all->places[i].piece->len;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (bytes < SHARED_MIN || cpus < 2) return 1;
    size_t most = cpus < THREADS_MAX ? (size_t)cpus : THREADS_MAX;
    return most < all->n ? most : all->n;
}

static wr_status check_all(checking *all, wr_err *err) {
    checker c[THREADS_MAX] = {0};
    size_t n = how_many(all), begun = 1;
    for (size_t i = 0; i < n; i++) c[i] = (checker){.all = all};
    while (begun < n && pthread_create(&c[begun].thread, NULL, run, &c[begun]) == 0) begun++;
    run(&c[0]);
    const checker *first = &c[0];
    for (size_t i = 1; i < begun; i++) {
        pthread_join(c[i].thread, NULL);
        /* All places before one that was taken have been taken, and are looked at to their end. */
        if (c[i].status != WR_OK && (first->status == WR_OK || c[i].at < first->at)) first = &c[i];
    }
    return first->status == WR_OK ? WR_OK : wr_fail(err, first->status, "%s", first->err.msg);
}

wr_status wri_snap_check(const wr_snapshot *s, wr_err *err) {
    checking all = {.of = s};
    for (size_t i = 0; i < s->n; i++) all.n += s->parts[i].n;
    all.places = wr_alloc((all.n + 1) * sizeof *all.places);
    if (!all.places) return wr_fail_oom(err, "a snapshot");
    for (size_t i = 0, k = 0; i < s->n; i++)
        for (size_t p = 0; p < s->parts[i].n; p++)
            all.places[k++] = (place){&s->parts[i].pieces[p], s->parts[i].name};
    if (all.n) qsort(all.places, all.n, sizeof *all.places, by_place);
    wr_status r = check_all(&all, err);
    wr_free(all.places);
    return r;
}
