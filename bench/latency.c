/* bench/latency.c -- from a record's due time until a query's result that holds it is in a reader's hand.
 *
 *   latency DIR [RATE [SECONDS [fsync|os [SHARDS [READY]]]]]
 *   READY: groups after which zeros are written ahead (wr_streams_opts.ready_after); a billion: never
 *
 * One thread appends records by the clock: record i is due at i / RATE seconds, whatever became of those
 * before it, and its latency counts from then, so a stall is seen by all records that it delays (no
 * coordinated omission). A job reads stream `a`, filters and writes stream `b`; another thread reads `b`.
 * Prints percentiles of all records, exact; and the CPU time of the whole process per record. A record is
 * written and synced twice on its way, into `a` and into `b`; what the disk needs for that by itself is
 * measured before and after: writes of as many bytes as come in a millisecond, each synced. Exit 1 when a
 * record is missing. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "state/state.h"

#define MOST 4096 /* records put at a time */

static const char sql[] = "CREATE STREAM a (t BIGINT, user_id VARCHAR, status INTEGER) WITH (connector = "
                          "'stream', format = 'json');"
                          "CREATE STREAM b WITH (connector = 'stream', format = 'json') AS "
                          "SELECT t, user_id FROM a WHERE status = 200;";

typedef struct bench {
    wr_streams *db;
    wr_stream *in;
    int64_t n, rate, from_us;
    int64_t *latency; /* by record; -1: not seen */
    wr_job *job;
    uint32_t shards, ready;
} bench;

static int64_t now_us(void) { return wr_sys_real.mono_us(); }

static void must(wr_status s, const wr_err *err) {
    if (s == WR_OK) return;
    fprintf(stderr, "latency: %s\n", err->msg);
    exit(1);
}

static int64_t due_us(const bench *b, int64_t i) { return b->from_us + i * 1000000 / b->rate; }

static void *append(void *arg) {
    bench *b = arg;
    static wr_put puts[MOST];
    static char data[MOST][256], key[MOST][24];
    wr_err err;
    for (int64_t at = 0; at < b->n;) {
        uint32_t n = 0;
        for (int64_t now = now_us(); n < MOST && at + n < b->n && due_us(b, at + n) <= now; n++) {
            int64_t i = at + n;
            int k = snprintf(key[n], sizeof key[n], "u%05d", (int)(i * 7919 % 10000));
            int len = snprintf(data[n], sizeof data[n],
                               "{\"t\":%lld,\"user_id\":\"%s\",\"page\":\"/p/%03d\",\"country\":\"DE\","
                               "\"status\":200,\"latency_ms\":12.5,\"agent\":\"Mozilla/5.0 (X11; Linux)\"}",
                               (long long)i, key[n], (int)(i % 300));
            puts[n] = (wr_put){.key = key[n], .key_len = (uint32_t)k, .data = data[n], .len = (uint32_t)len};
        }
        if (n == 0) usleep(200);
        else must(wr_stream_put(b->in, puts, n, &err), &err);
        at += n;
    }
    return NULL;
}

static void *run(void *arg) {
    bench *b = arg;
    wr_err err = {0};
    wr_status s = wr_job_run(b->job, NULL, NULL, &err);
    if (s != WR_ECANCELED) must(s, &err);
    return NULL;
}

static int64_t receive(bench *b) {
    wr_err err = {0};
    wr_reader *r;
    wr_records got = {0};
    int64_t n = 0, patience = due_us(b, b->n) + 10000000;
    must(wr_reader_open(b->db, "b", 0, (wr_place){.from = WR_FROM_HORIZON}, &r, &err), &err);
    while (n < b->n && now_us() < patience) {
        wr_status s = wr_reader_next(r, 10000, &got, &err);
        if (s == WR_AGAIN) {
            wr_reader_wait(r, 100);
            continue;
        }
        must(s, &err);
        int64_t now = now_us();
        for (uint32_t k = 0; k < got.n; k++) {
            int64_t i = strtoll(got.items[k].data + 5, NULL, 10); /* {"t": */
            if (i < 0 || i >= b->n || b->latency[i] >= 0) continue;
            b->latency[i] = now - due_us(b, i);
            n++;
        }
    }
    wr_records_free(&got);
    wr_reader_close(r);
    return n;
}

static int by_size(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

#define BARE 400 /* syncs, before and after */

static void percentiles(int64_t *us, int64_t n, const char *what) {
    static const double at[] = {0.5, 0.9, 0.99, 0.999, 1};
    qsort(us, (size_t)n, sizeof *us, by_size);
    printf("%s", what);
    for (size_t i = 0; n > 0 && i < WR_LEN(at); i++)
        printf("  p%g %.2f ms", at[i] * 100, (double)us[(int64_t)(at[i] * (double)(n - 1))] / 1000);
    printf("\n");
}

static void bare_syncs(const char *dir, size_t bytes, int64_t *us) {
    char path[4096], *data = calloc(1, bytes);
    snprintf(path, sizeof path, "%s/bare", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < BARE; i++) {
        int64_t from = now_us();
        if (write(fd, data, bytes) != (ssize_t)bytes || fdatasync(fd) != 0) exit(1);
        us[i] = now_us() - from;
    }
    close(fd);
    unlink(path);
    free(data);
}

static void prepare(bench *b, const char *dir, bool relaxed, wr_arena *ar, wr_plan *plan) {
    wr_err err = {0};
    wr_script script;
    wr_registry reg = wr_builtin();
    wr_diags diags = {.file = "latency", .text = sql, .len = sizeof sql - 1, .ar = ar};
    wr_streams_opts o = {.dir = dir, .relaxed = relaxed, .threads = 2, .ready_after = b->ready};
    must(wr_streams_open(&o, &b->db, &err), &err);
    must(wr_streams_lock(b->db, &err), &err);
    must(wr_stream_create(b->db, "a", &(wr_stream_cfg){.n_shards = b->shards}, &err), &err);
    must(wr_stream_create(b->db, "b", &(wr_stream_cfg){0}, &err), &err);
    must(wr_stream_open(b->db, "a", &b->in, &err), &err);
    if (wr_parse(ar, &diags, &script) != WR_OK || wr_plan_script(&script, &reg, ar, &diags, plan) != WR_OK) {
        wr_buf said = {0};
        must(wr_diags_print(&diags, &said), &err);
        fwrite(said.data, 1, said.len, stderr);
        exit(1);
    }
    wr_job_opts jo = {.sys = &wr_sys_real, .workers = 1, .streams = b->db};
    must(wr_job_new(plan, &jo, &b->job, &err), &err);
}

static void report(bench *b, int64_t seen, double cpu) {
    qsort(b->latency, (size_t)b->n, sizeof *b->latency, by_size);
    percentiles(b->latency + (b->n - seen), seen, "record to result");
    printf("%lld of %lld records, %.2f us of CPU each\n", (long long)seen, (long long)b->n,
           cpu / (double)b->n * 1e6);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    bench b = {.rate = argc > 2 ? atoi(argv[2]) : 50000, .shards = argc > 5 ? (uint32_t)atoi(argv[5]) : 1};
    b.ready = argc > 6 ? (uint32_t)atoi(argv[6]) : 0;
    b.n = b.rate * (argc > 3 ? atoi(argv[3]) : 10);
    wr_arena ar = {0};
    wr_plan plan = {0};
    wr_err err = {0};
    bool relaxed = argc > 4 && strcmp(argv[4], "os") == 0;
    size_t bytes = (size_t)b.rate * 150 / 1000;
    static int64_t bare[2 * BARE];
    prepare(&b, argv[1], relaxed, &ar, &plan);
    if (!relaxed) bare_syncs(argv[1], bytes, bare);
    b.latency = malloc((size_t)b.n * sizeof *b.latency);
    for (int64_t i = 0; i < b.n; i++) b.latency[i] = -1;
    pthread_t runs, appends;
    double cpu = cpu_s();
    b.from_us = now_us() + 100000;
    pthread_create(&runs, NULL, run, &b);
    pthread_create(&appends, NULL, append, &b);
    int64_t seen = receive(&b);
    pthread_join(appends, NULL);
    wr_job_cancel(b.job);
    pthread_join(runs, NULL);
    report(&b, seen, cpu_s() - cpu);
    if (!relaxed) {
        bare_syncs(argv[1], bytes, bare + BARE);
        percentiles(bare, 2 * BARE, "one bare sync   ");
    }
    wr_job_free(b.job);
    wr_arena_free(&ar);
    must(wr_stream_delete(b.db, "a", &err), &err);
    must(wr_stream_delete(b.db, "b", &err), &err);
    wr_streams_close(b.db);
    free(b.latency);
    return seen == b.n ? 0 : 1;
}
