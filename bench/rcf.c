/* bench/rcf.c -- random cut forests: points per second of one core.
 *
 *   rcf [POINTS]
 *
 * Each line is a forest that has seen more points than its sample, over normal noise with outliers:
 *   usual   100 trees of 256 points, four values, time_decay 100,000: what runs most of the time; a point
 * gets into a quarter of a tree every   the same with time_decay 1: every point goes into every tree, another
 * comes out of each, after it was scored parts   as usual, with what each column adds to the score shingle
 * one value, shingle 48 What bench/rcf.py makes of them are ratios to a Python package that does the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/random.h"
#include "runtime/rcf/rcf.h"

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double value(uint64_t *r) {
    double v = sqrt(-2 * log(wr_random_unit(r))) * cos(6.283185307179586 * wr_random_unit(r));
    return wr_random_next(r) % 1000 == 0 ? v * 20 : v;
}

static void run(const char *name, wr_rcf_opts o, bool parts, uint32_t n) {
    wr_rcf *f;
    wr_err err;
    double *values = malloc((size_t)n * o.dims * sizeof *values), got[8], sum = 0, score;
    if (!values || wr_rcf_new(&o, &f, &err) != WR_OK) exit(1);
    uint64_t r = 1;
    for (uint64_t i = 0; i < (uint64_t)n * o.dims; i++) values[i] = value(&r);
    double start = 0;
    uint32_t warm = n / 4;
    for (uint32_t i = 0; i < n; i++) {
        if (i == warm) start = cpu_s();
        if (wr_rcf_push(f, values + (size_t)i * o.dims, &score, parts ? got : NULL, &err) != WR_OK) exit(1);
        sum += score;
    }
    double s = cpu_s() - start;
    printf("%-8s %8.0f points/s, %5.2f us each, mean score %.3f, %.1f MB of at most %.1f\n", name,
           (n - warm) / s, s / (n - warm) * 1e6, sum / n, (double)wr_rcf_bytes(f) / 1e6,
           (double)wr_rcf_bytes_max(&o) / 1e6);
    wr_rcf_free(f);
    free(values);
}

int main(int argc, char **argv) {
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    run("usual", (wr_rcf_opts){4, 1, 100, 256, 100000, 1}, false, n);
    run("every", (wr_rcf_opts){4, 1, 100, 256, 1, 1}, false, n / 4);
    run("parts", (wr_rcf_opts){4, 1, 100, 256, 100000, 1}, true, n / 2);
    run("shingle", (wr_rcf_opts){1, 48, 100, 256, 100000, 1}, false, n / 4);
    return 0;
}
