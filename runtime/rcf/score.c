/* runtime/rcf/score.c -- how unlike is f->x to the points of the trees?
 *
 * If x were inserted, it would be cut off at a node of depth d (the root's is 0) with probability p = growth
 * / sum of the grown box's sides, if it was not above, and would then be a leaf of depth d + 1. At a leaf
 * with another point p is 1. So the expected value of 1 / depth is the sum over the way down of w p / (d +
 * 1), where w, at first 1, is what is left: w (1 - p) goes on. At a leaf with the same point, sampled m times
 * of M, there is nothing to cut off: w (1 - m / 2M) / (d + log2(m + 1)), as if it hung below a tree of its
 * twins. The score is the mean over the trees, times log2(M + 1).
 *
 * A point with a shingle is unlike the others as long as there is a strange record in it, and it is the
 * newest record that is asked about: of p only what the values of the newer half gain counts. And it has many
 * values, any of which a first cut may fall into: 1 / sqrt(depth) takes the place of 1 / depth, whose mean a
 * few such cuts would make.
 *
 * Parts: p is a sum over sides of the box that x lies beyond, low or high; each takes its own share. Twins
 * have no direction: their share is spread evenly. */
#include <math.h>

#include "rcf_int.h"

/* The share of a leaf with the same point. */
static double twins(const wr_rcf *f, const wri_rcf_tree *t, const wri_rcf_leaf *leaf, uint32_t depth) {
    double m = (double)leaf->count;
    double below = m == 1 ? 1 : log2(m + 1);
    return pow((1 - m / (2.0 * t->n)) / (depth + below), f->power);
}

typedef struct way {
    const wri_rcf_tree *t;
    uint32_t kid, depth;
    double left, score;
} way;

static inline __attribute__((always_inline)) void step(const wr_rcf *f, way *w, uint32_t q, bool shingled) {
    const wri_rcf_node *n = wri_rcf_node_at(f, w->t, w->kid);
    w->kid = n->kid[((const float *)f->x)[n->dim] > n->cut];
    wri_rcf_sides s = wri_rcf_grown(n->box, n->box + q, f->x, q, shingled ? f->newer : NULL);
    double off = w->left * (double)(s.growth / s.sum);
    double counts = shingled ? w->left * (double)(s.newer / s.sum) : off;
    w->left -= off;
    w->score += counts * f->worth[++w->depth];
}

static double way_end(const wr_rcf *f, const way *w) {
    const wri_rcf_leaf *leaf = &w->t->leaves[w->kid & ~WRI_RCF_LEAF];
    const wri_f4 *at = wri_rcf_point(f, leaf->point);
    if (wri_rcf_equal(at, f->x, f->q))
        return w->score + w->left * twins(f, w->t, leaf, w->depth) * f->newer_share;
    double counts = w->left;
    if (f->o.shingle > 1) {
        wri_rcf_sides s = wri_rcf_grown(at, at, f->x, f->q, f->newer);
        counts *= (double)(s.newer / s.growth);
    }
    return w->score + counts * f->worth[w->depth + 1];
}

static inline __attribute__((always_inline)) double few_scores(const wr_rcf *f, const wri_rcf_tree *trees,
                                                               uint32_t n, uint32_t q, bool shingled) {
    way w[WRI_RCF_WAYS];
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) w[i] = (way){&trees[i], trees[i].root, 0, 1, 0};
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < n; i++) {
            if (w[i].kid & WRI_RCF_LEAF) continue;
            step(f, &w[i], q, shingled);
            more = true;
        }
    }
    for (uint32_t i = 0; i < n; i++) sum += way_end(f, &w[i]);
    return sum;
}

/* Points of up to four values, and the usual number of ways, have loops that are unrolled. */
double wri_rcf_scores(const wr_rcf *f, const wri_rcf_tree *trees, uint32_t n) {
    if (f->o.shingle > 1) return few_scores(f, trees, n, f->q, true);
    if (n < WRI_RCF_WAYS) return few_scores(f, trees, n, f->q, false);
    return f->q == 1 ? few_scores(f, trees, WRI_RCF_WAYS, 1, false)
                     : few_scores(f, trees, WRI_RCF_WAYS, f->q, false);
}

/* A point of the usual depth, log2(M + 1), of which each value has its share, has 1; one that newer values
 * set apart by the first cut in every tree log2(M + 1). In between it is a power of the mean: the first,
 * without a shingle. */
double wri_rcf_scaled(const wr_rcf *f, double sum) {
    double most = log2(f->trees[0].n + 1.0), usual = f->power * log(most) - log(f->newer_share);
    return most * pow(sum / f->o.trees, log(most) / usual);
}

/* ---- parts ---- */

/* Each unit that the values of the newer half gain takes as much. */
static void share(const wr_rcf *f, const wri_f4 *lo, const wri_f4 *hi, double each, double *parts) {
    const float *low = (const float *)lo, *high = (const float *)hi, *x = (const float *)f->x;
    for (uint32_t d = f->older, c = 0; d < f->width; d++, c = c + 1 < f->o.dims ? c + 1 : 0) {
        if (x[d] < low[d]) parts[2 * c] += each * (double)(low[d] - x[d]);
        else if (x[d] > high[d]) parts[2 * c + 1] += each * (double)(x[d] - high[d]);
    }
}

void wri_rcf_tree_parts(const wr_rcf *f, const wri_rcf_tree *t, double *parts) {
    uint32_t depth = 0, kid = t->root, q = f->q;
    double left = 1;
    while (!(kid & WRI_RCF_LEAF)) {
        const wri_rcf_node *n = wri_rcf_node_at(f, t, kid);
        wri_rcf_sides s = wri_rcf_grown(n->box, n->box + q, f->x, q, NULL);
        double off = left * (double)(s.growth / s.sum);
        left -= off;
        depth++;
        if (s.growth > 0) share(f, n->box, n->box + q, off * f->worth[depth] / (double)s.growth, parts);
        kid = n->kid[((const float *)f->x)[n->dim] > n->cut];
    }
    const wri_rcf_leaf *leaf = &t->leaves[kid & ~WRI_RCF_LEAF];
    const wri_f4 *at = wri_rcf_point(f, leaf->point);
    wri_rcf_sides s = wri_rcf_grown(at, at, f->x, q, NULL);
    if (s.growth > 0) {
        share(f, at, at, left * f->worth[depth + 1] / (double)s.growth, parts);
        return;
    }
    double each = left * twins(f, t, leaf, depth) / (2.0 * f->o.dims);
    for (uint32_t c = 0; c < 2 * f->o.dims; c++) parts[c] += each;
}

void wri_rcf_scale_parts(const wr_rcf *f, double score, double *parts) {
    double sum = 0;
    for (uint32_t c = 0; c < 2 * f->o.dims; c++) sum += parts[c];
    /* They sum to the score but for rounding of floats; this takes that out, and scales them. */
    for (uint32_t c = 0; sum > 0 && c < 2 * f->o.dims; c++) parts[c] *= score / sum;
}
