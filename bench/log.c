/* bench/log.c -- the sharded log against what the disk and the page cache allow.
 *
 *   log DIR [MEGABYTES [PUTS]]
 *
 * Records of 1 KB, batches of 500, one shard:
 *   plain    sequential writes of 500 KB, fdatasync after each, the bare limit of append
 *   append   wr_stream_put with durability = fsync; in turns with plain, as the disk has moods
 *   copy     4 threads side by side that only pread a plain file of the same size from page cache
 *   read     4 readers side by side, each of all of it, from page cache; every record is looked at
 *   sync     100 bytes written and synced every 10 ms, by the schedule: what the disk leaves for tail
 *   tail     one record every 10 ms from one thread, received by another: from when it was due until it is in
 *            hand; in turns with sync
 *
 * Prints a line each. Exit 1 when what was read is not what was put. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "state/state.h"

#define RECORD   1024
#define BATCH    500
#define READERS  4
#define INTERVAL 0.01 /* seconds from put to put */
#define ROUNDS   4    /* of plain and append */

static double now(void) { return (double)wr_sys_real.mono_us() / 1e6; }

static void must(wr_status s, const wr_err *err) {
    if (s == WR_OK) return;
    fprintf(stderr, "log: %s\n", err->msg);
    exit(1);
}

static double plain(const char *dir, int batches) {
    char path[4096];
    static char block[RECORD * BATCH];
    snprintf(path, sizeof path, "%s/plain", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    double from = now();
    for (int i = 0; i < batches; i++)
        if (write(fd, block, sizeof block) != sizeof block || fdatasync(fd) != 0) exit(1);
    double took = now() - from;
    close(fd);
    unlink(path);
    return took;
}

static wr_put puts_of[BATCH];
static char data[BATCH][RECORD];

static double append(wr_stream *st, int batches) {
    wr_err err;
    double from = now();
    for (int i = 0; i < batches; i++) must(wr_stream_put(st, puts_of, BATCH, &err), &err);
    return now() - from;
}

/* ---- what the page cache allows ---- */

typedef struct copying {
    const char *path;
    uint64_t bytes;
} copying;

static void *copy_all(void *arg) {
    copying *c = arg;
    char *p = malloc(1 << 20);
    ssize_t n;
    int fd = open(c->path, O_RDONLY);
    while ((n = pread(fd, p, 1 << 20, (off_t)c->bytes)) > 0) c->bytes += (uint64_t)n;
    close(fd);
    free(p);
    return NULL;
}

/* Seconds for all readers. */
static double bare_copy(const char *dir, double bytes) {
    char path[4096];
    static char block[RECORD * BATCH];
    snprintf(path, sizeof path, "%s/plain", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (double at = 0; at < bytes; at += sizeof block)
        if (write(fd, block, sizeof block) != sizeof block) exit(1);
    close(fd);
    copying c[READERS];
    pthread_t t[READERS];
    double from = now();
    for (int i = 0; i < READERS; i++) {
        c[i] = (copying){.path = path};
        pthread_create(&t[i], NULL, copy_all, &c[i]);
    }
    for (int i = 0; i < READERS; i++) pthread_join(t[i], NULL);
    double took = now() - from;
    unlink(path);
    return took;
}

typedef struct reading {
    wr_streams *db;
    uint64_t records, sum;
} reading;

static void *read_all(void *arg) {
    reading *g = arg;
    wr_err err = {0};
    wr_reader *r;
    wr_records got = {0};
    wr_status s;
    must(wr_reader_open(g->db, "bench", 0, (wr_place){.from = WR_FROM_HORIZON}, &r, &err), &err);
    while ((s = wr_reader_next(r, 10000, &got, &err)) == WR_OK)
        for (uint32_t i = 0; i < got.n; i++) {
            g->records++;
            g->sum += (uint64_t)got.items[i].data[0] + got.items[i].len;
        }
    if (s != WR_AGAIN) must(s, &err);
    wr_records_free(&got);
    wr_reader_close(r);
    return NULL;
}

typedef struct following {
    wr_streams *db;
    int n;
    bool listens;
    double *latency; /* seconds */
} following;

static void *follow(void *arg) {
    following *f = arg;
    wr_err err = {0};
    wr_reader *r;
    wr_records got = {0};
    must(wr_reader_open(f->db, "tail", 0, (wr_place){.from = WR_FROM_LATEST}, &r, &err), &err);
    __atomic_store_n(&f->listens, true, __ATOMIC_RELEASE);
    for (int n = 0; n < f->n;) {
        wr_status s = wr_reader_next(r, 100, &got, &err);
        if (s == WR_AGAIN) {
            wr_reader_wait(r, 100);
            continue;
        }
        must(s, &err);
        for (uint32_t i = 0; i < got.n; i++) {
            double sent;
            memcpy(&sent, got.items[i].data, sizeof sent);
            f->latency[n++] = now() - sent;
        }
    }
    wr_records_free(&got);
    wr_reader_close(r);
    return NULL;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void show(const char *what, double *latency, int n) {
    qsort(latency, (size_t)n, sizeof(double), by_size);
    printf("%s    %8.2f ms p50, %.2f ms p99, %.2f ms most\n", what, 1e3 * latency[n / 2],
           1e3 * latency[n * 99 / 100], 1e3 * latency[n - 1]);
    free(latency);
}

/* Until it is time; a slow put delays the next, and that counts. */
static void wait_for(double due) {
    while (now() < due) usleep(200);
}

static void bare_sync(const char *dir, double *latency, int n) {
    char path[4096], bytes[100] = {0};
    double due = now();
    snprintf(path, sizeof path, "%s/plain", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < n; i++, due += INTERVAL) {
        wait_for(due);
        if (write(fd, bytes, sizeof bytes) != sizeof bytes || fdatasync(fd) != 0) exit(1);
        latency[i] = now() - due;
    }
    close(fd);
    unlink(path);
}

static void tail(wr_streams *db, wr_stream *st, double *latency, int n) {
    following f = {.db = db, .n = n, .latency = latency};
    pthread_t t;
    wr_err err;
    pthread_create(&t, NULL, follow, &f);
    while (!__atomic_load_n(&f.listens, __ATOMIC_ACQUIRE)) usleep(200);
    double due = now();
    for (int i = 0; i < n; i++, due += INTERVAL) {
        wait_for(due);
        wr_put p = {.key = "k", .key_len = 1, .data = (const char *)&due, .len = sizeof due};
        must(wr_stream_put(st, &p, 1, &err), &err);
    }
    pthread_join(t, NULL);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int mb = argc > 2 ? atoi(argv[2]) : 400, puts_n = argc > 3 ? atoi(argv[3]) : 1000;
    int batches = mb * 1024 / BATCH / ROUNDS;
    wr_streams_opts o = {.dir = argv[1], .segment_bytes = 64 << 20, .threads = 2};
    wr_streams *db;
    wr_stream *st, *tail_st;
    wr_err err = {0};
    char key[BATCH][16];
    must(wr_streams_open(&o, &db, &err), &err);
    must(wr_streams_lock(db, &err), &err);
    must(wr_stream_create(db, "bench", &(wr_stream_cfg){0}, &err), &err);
    must(wr_stream_create(db, "tail", &(wr_stream_cfg){0}, &err), &err);
    must(wr_stream_open(db, "bench", &st, &err), &err);
    must(wr_stream_open(db, "tail", &tail_st, &err), &err);
    for (int i = 0; i < BATCH; i++) {
        memset(data[i], 'a' + i % 26, RECORD);
        snprintf(key[i], sizeof key[i], "key-%d", i);
        puts_of[i] =
            (wr_put){.key = key[i], .key_len = (uint32_t)strlen(key[i]), .data = data[i], .len = RECORD};
    }
    double bare = 0, ours = 0, bytes = (double)ROUNDS * batches * BATCH * RECORD;
    for (int i = 0; i < ROUNDS; i++) {
        bare += plain(argv[1], batches);
        ours += append(st, batches);
    }
    printf("plain   %8.1f MB/s\n", bytes / bare / 1e6);
    printf("append  %8.1f MB/s, %.0f %% of plain\n", bytes / ours / 1e6, 100 * bare / ours);
    double copied = bare_copy(argv[1], bytes);
    printf("copy    %8.1f MB/s by %d threads\n", READERS * bytes / copied / 1e6, READERS);
    reading g[READERS];
    pthread_t t[READERS];
    double from = now();
    for (int i = 0; i < READERS; i++) {
        g[i] = (reading){.db = db};
        pthread_create(&t[i], NULL, read_all, &g[i]);
    }
    bool whole = true;
    for (int i = 0; i < READERS; i++) {
        pthread_join(t[i], NULL);
        whole = whole && g[i].records == (uint64_t)ROUNDS * (uint64_t)batches * BATCH && g[i].sum == g[0].sum;
    }
    printf("read    %8.1f MB/s by %d readers%s\n", READERS * bytes / (now() - from) / 1e6, READERS,
           whole ? "" : ": NOT what was put");
    double *synced = calloc((size_t)puts_n, sizeof *synced), *tailed = calloc((size_t)puts_n, sizeof *tailed);
    for (int i = 0, n = puts_n / ROUNDS; i < ROUNDS; i++) {
        bare_sync(argv[1], synced + i * n, n);
        tail(db, tail_st, tailed + i * n, n);
    }
    show("sync", synced, puts_n / ROUNDS * ROUNDS);
    show("tail", tailed, puts_n / ROUNDS * ROUNDS);
    must(wr_stream_delete(db, "bench", &err), &err);
    must(wr_stream_delete(db, "tail", &err), &err);
    wr_streams_close(db);
    return whole ? 0 : 1;
}
