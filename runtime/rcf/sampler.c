/* runtime/rcf/sampler.c -- which points a tree keeps.
 *
 * Point number t weighs w(t) = e^(t d), d = 1 / time_decay, and has the key E / w(t), E exponential with mean
 * one; the sample is that of the `sample` smallest keys of all points so far. Kept are the logarithms, ln E -
 * t d, which stay near zero for some 10^15 points of a decay of 1.
 *
 * Let K be the largest key of a full sample. Point t gets in with probability 1 - e^(-K w(t)), so the next m
 * points stay out with probability e^(-S), S = K (w(t+1) + … + w(t+m)): a geometric sum. When S passes an
 * exponential number X a point gets in, which gives its number without looking at those before it:
 *
 *   m = ceil(ln(1 + X (1 - e^-d) / r) / d),  r = K w(t)
 *
 * and its E is an exponential number below K w(t + m). */
#include <math.h>

#include "rcf_int.h"

static double exponential(wri_rcf_tree *t) { return -log(wr_random_unit(&t->random)); }

static bool full(const wr_rcf *f, const wri_rcf_tree *t) { return t->n == f->o.sample; }

double wri_rcf_key(const wr_rcf *f, wri_rcf_tree *t) {
    double age = f->decay * (double)f->seen;
    if (!full(f, t)) return log(exponential(t)) - age;
    double below = exp(t->keys[0] + age);
    double key = log(-log1p(wr_random_unit(&t->random) * expm1(-below))) - age;
    /* By rounding it could be as large; and `below` too small for a double. */
    return isfinite(key) && key < t->keys[0] ? key : t->keys[0];
}

static void draw_due(const wr_rcf *f, wri_rcf_tree *t) {
    double rate = exp(t->keys[0] + f->decay * (double)f->seen);
    double m = ceil(log1p(exponential(t) * f->fade / rate) / f->decay);
    t->due = f->seen + (m < 1 ? 1 : m < 0x1p62 ? (uint64_t)m : UINT64_C(1) << 62);
}

/* ---- the heap ---- */

static void put(const wri_rcf_tree *t, uint32_t i, double key, uint32_t leaf) {
    t->keys[i] = key;
    t->picks[i] = leaf;
}

/* Which of two is larger is as good as random: it is added, not jumped for. */
static void sift_down(const wri_rcf_tree *t, double key, uint32_t leaf) {
    const double *keys = t->keys;
    uint32_t i = 0, n = t->n;
    for (uint32_t kid; (kid = 2 * i + 1) < n; i = kid) {
        if (kid + 1 < n) kid += keys[kid + 1] > keys[kid];
        if (keys[kid] <= key) break;
        put(t, i, keys[kid], t->picks[kid]);
    }
    put(t, i, key, leaf);
}

static void sift_up(wri_rcf_tree *t, double key, uint32_t leaf) {
    uint32_t i = t->n++;
    for (uint32_t up; i > 0 && t->keys[up = (i - 1) / 2] < key; i = up) put(t, i, t->keys[up], t->picks[up]);
    put(t, i, key, leaf);
}

void wri_rcf_pick(const wr_rcf *f, wri_rcf_tree *t, double key, uint32_t leaf) {
    if (full(f, t)) sift_down(t, key, leaf);
    else sift_up(t, key, leaf);
    if (full(f, t)) draw_due(f, t);
}
