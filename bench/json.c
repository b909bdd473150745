/* bench/json.c -- how fast is the JSON decoder? Records per second of CPU time, one thread.
 *
 *     bench/json FILE [ROUNDS] [avx512|avx2|plain|none]
 * FILE holds clicks as gen_clicks writes them. Each line of output is the best of ROUNDS over the whole file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "connectors/formats/json_int.h"

extern const wr_format_def wr_format_json;

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t n_bad;
static void count_bad(void *ctx, const wr_bad_record *r) {
    (void)ctx;
    if (n_bad++ == 0) fprintf(stderr, "bad record at %lld: %s\n", (long long)r->pos, r->why);
}

static const wri_json_scan *scan_named(const char *name) {
    if (!name) return NULL;
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0) return &wri_json_scan_avx512;
    if (strcmp(name, "avx2") == 0) return &wri_json_scan_avx2;
#endif
    return strcmp(name, "plain") == 0 ? &wri_json_scan_plain : &wri_json_scan_none;
}

/* Maps the file with a page of zeros behind it. */
static const char *map(const char *name, size_t *lenp) {
    int fd = open(name, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(name);
        exit(1);
    }
    size_t n = (size_t)st.st_size;
    char *all = mmap(NULL, n + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *lenp = n;
    return mmap(all, n, PROT_READ, MAP_SHARED | MAP_POPULATE | MAP_FIXED, fd, 0);
}

typedef struct result {
    uint64_t rows;
    double sum; /* over a column, so that runs can be compared */
} result;

/* The mapping outlives every batch. */
static void keep(wr_ref *r) { (void)r; }
static wr_ref mapping = {.count = 1, .release = keep};

static result decode_all(wr_decoder *d, const char *p, size_t n) {
    result r = {0};
    wr_batches out = {0};
    for (size_t at = 0; at < n;) {
        uint64_t state = 0;
        size_t len = n - at < WR_CHUNK_BYTES ? n - at : WR_CHUNK_BYTES;
        len = wr_format_json.frame(p + at, len, at + len == n, &state);
        wr_chunk c = {.data = p + at, .len = len, .pos = (int64_t)at, .hold = &mapping};
        if (wr_format_json.decode(d, &c, &out, NULL) != WR_OK) exit(1);
        for (size_t i = 0; i < out.n; i++) {
            wr_batch *b = out.items[i];
            r.rows += b->n;
            r.sum += b->n_cols ? b->cols[b->n_cols - 1].f64[b->n - 1] : 0;
            wr_batch_drop(b);
        }
        out.n = 0;
        at += len;
    }
    wr_free(out.items);
    return r;
}

static void run(const char *what, const wr_decode_cfg *cfg, const char *scan, const char *p, size_t n,
                int rounds) {
    double best = 1e30;
    result r = {0};
    n_bad = 0;
    for (int i = 0; i < rounds; i++) {
        wr_decoder *d;
        wr_err err;
        if (wri_json_open(cfg, scan_named(scan), &d, &err) != WR_OK) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
        double t = cpu();
        r = decode_all(d, p, n);
        t = cpu() - t;
        if (t < best) best = t;
        wr_format_json.close_decoder(d);
    }
    printf("%-22s %7.2f M records/s  %6.1f ns  %5.2f GB/s  rows %llu bad %llu\n", what,
           (double)r.rows / best / 1e6, best / (double)r.rows * 1e9, (double)n / best / 1e9,
           (unsigned long long)r.rows, (unsigned long long)(n_bad / (uint64_t)rounds));
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE [ROUNDS] [avx512|avx2|plain|none]\n", argv[0]);
        return 2;
    }
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    const char *scan = argc > 3 ? argv[3] : NULL;
    size_t n;
    const char *p = map(argv[1], &n);
    wr_field all[] = {
        {"event_time", wr_type_of(WR_T_TIMESTAMP), NULL}, {"user_id", wr_type_of(WR_T_VARCHAR), NULL},
        {"page", wr_type_of(WR_T_VARCHAR), NULL},         {"country", wr_type_of(WR_T_VARCHAR), NULL},
        {"status", wr_type_of(WR_T_INTEGER), NULL},       {"bytes", wr_type_of(WR_T_BIGINT), NULL},
        {"latency_ms", wr_type_of(WR_T_DOUBLE), NULL}};
    wr_field three[] = {all[0], all[2], all[6]};
    const bool page_all[7] = {[2] = true}, users_all[7] = {[1] = true, [2] = true, [3] = true},
               page_three[3] = {[1] = true};
    wr_schema s7 = {.n = 7, .fields = all}, s3 = {.n = 3, .fields = three};
    wr_decode_cfg cfg = {.schema = &s7, .batch_rows = WR_BATCH_ROWS, .bad = count_bad};
    run("7 columns", &cfg, scan, p, n, rounds);
    cfg.want_dict = page_all;
    run("7 columns, page codes", &cfg, scan, p, n, rounds);
    cfg.want_dict = users_all;
    run("7 columns, all codes", &cfg, scan, p, n, rounds);
    cfg.schema = &s3;
    cfg.want_dict = NULL;
    run("3 columns", &cfg, scan, p, n, rounds);
    cfg.want_dict = page_three;
    run("3 columns, page codes", &cfg, scan, p, n, rounds);
    return 0;
}
