/* runtime/rcf/tree.c -- a point joins a tree, a point leaves it.
 *
 * insert(x), at a node with box B on the way down: B grows by g in all to a box with sides of sum s. A cut
 * drawn of the grown box separates x from B with probability g / s, and then lies in what was gained. If it
 * does, x and the node become the kids of a new one with that cut. Else the node's own cut stays, and its box
 * is the grown one.
 *
 * remove(leaf): the leaf and its parent go, the sibling takes the parent's place. Boxes above are made anew
 * from their kids' until one does not change; one that has the point inside is not looked at further.
 *
 * Points of up to four values have copies of their own of what is done at every node, without loops.
 *
 * Invariants (check.c tests them): a node's box is the smallest that has its points; kid[0]'s points have
 * x[dim] <= cut, kid[1]'s have more; no two leaves have equal points. */
#include "rcf_int.h"

/* ---- places ---- */

static uint32_t node_take(const wr_rcf *f, wri_rcf_tree *t) {
    uint32_t i = t->free_node;
    if (i == WRI_RCF_NONE) return t->n_nodes++;
    t->free_node = wri_rcf_node_at(f, t, i)->kid[0];
    return i;
}

static uint32_t leaf_take(wri_rcf_tree *t) {
    uint32_t i = t->free_leaf;
    if (i == WRI_RCF_NONE) return t->n_leaves++;
    t->free_leaf = t->leaves[i].point;
    return i;
}

/* ---- insertion ---- */

/* Between a and b, a < b: never b itself. */
static float cut_between(float a, float b, double u) {
    float c = (float)((double)a + ((double)b - (double)a) * u);
    return c < b ? c : a;
}

/* Draws a cut in what the box gains by x. */
static void cut_draw(const float *lo, const float *hi, const float *x, uint32_t width, double growth,
                     wri_rcf_tree *t, wri_rcf_node *outp) {
    double u = wr_random_unit(&t->random) * growth;
    uint32_t dim = 0;
    for (uint32_t d = 0; d < width; d++) {
        double g = x[d] < lo[d] ? (double)(lo[d] - x[d]) : x[d] > hi[d] ? (double)(x[d] - hi[d]) : 0;
        if (g == 0) continue;
        dim = d; /* rounding may leave u at the end of the last one */
        if (u < g) break;
        u -= g;
    }
    double v = wr_random_unit(&t->random);
    bool below = x[dim] < lo[dim];
    outp->dim = dim;
    outp->cut = below ? cut_between(x[dim], lo[dim], v) : cut_between(hi[dim], x[dim], v);
}

static void set_up(const wr_rcf *f, const wri_rcf_tree *t, uint32_t kid, uint32_t up) {
    if (kid & WRI_RCF_LEAF) t->leaves[kid & ~WRI_RCF_LEAF].up = up;
    else wri_rcf_node_at(f, t, kid)->up = (uint16_t)up;
}

/* x and what *link leads to, with the box lo, hi, become the kids of a new node below `up`. Returns x's leaf.
 */
static uint32_t separate(const wr_rcf *f, wri_rcf_tree *t, uint32_t *link, uint32_t up, uint32_t id,
                         wri_rcf_sides sides) {
    const wri_f4 *x = wri_rcf_point(f, id), *lo, *hi;
    wri_rcf_box(f, t, *link, &lo, &hi);
    uint32_t leaf = leaf_take(t), i = node_take(f, t);
    t->leaves[leaf] = (wri_rcf_leaf){id, 1, i};
    set_up(f, t, *link, i);
    wri_rcf_node *n = wri_rcf_node_at(f, t, i);
    cut_draw((const float *)lo, (const float *)hi, (const float *)x, f->width, (double)sides.growth, t, n);
    n->up = (uint16_t)up;
    bool right = ((const float *)x)[n->dim] > n->cut;
    n->kid[right] = leaf | WRI_RCF_LEAF;
    n->kid[!right] = *link;
    for (uint32_t k = 0; k < f->q; k++) {
        n->box[k] = wri_f4_min(lo[k], x[k]);
        n->box[f->q + k] = wri_f4_max(hi[k], x[k]);
    }
    *link = i;
    return leaf;
}

static inline __attribute__((always_inline)) uint32_t insert(const wr_rcf *f, wri_rcf_tree *t, uint32_t id,
                                                             uint32_t q) {
    const wri_f4 *x = wri_rcf_point(f, id);
    if (t->root == WRI_RCF_NONE) {
        uint32_t leaf = leaf_take(t);
        t->leaves[leaf] = (wri_rcf_leaf){id, 1, WRI_RCF_TOP};
        t->root = leaf | WRI_RCF_LEAF;
        return leaf;
    }
    uint32_t *link = &t->root, up = WRI_RCF_TOP;
    while (!(*link & WRI_RCF_LEAF)) {
        wri_rcf_node *n = wri_rcf_node_at(f, t, *link);
        wri_rcf_sides s = wri_rcf_grown(n->box, n->box + q, x, q, NULL);
        if (s.growth > 0) {
            if (wr_random_unit(&t->random) * (double)s.sum < (double)s.growth)
                return separate(f, t, link, up, id, s);
            for (uint32_t k = 0; k < q; k++) {
                n->box[k] = wri_f4_min(n->box[k], x[k]);
                n->box[q + k] = wri_f4_max(n->box[q + k], x[k]);
            }
        }
        up = *link;
        link = &n->kid[((const float *)x)[n->dim] > n->cut];
    }
    uint32_t leaf = *link & ~WRI_RCF_LEAF;
    const wri_f4 *at = wri_rcf_point(f, t->leaves[leaf].point);
    if (wri_rcf_equal(at, x, q)) {
        t->leaves[leaf].count++;
        return leaf;
    }
    return separate(f, t, link, up, id, wri_rcf_grown(at, at, x, q, NULL));
}

uint32_t wri_rcf_insert(const wr_rcf *f, wri_rcf_tree *t, uint32_t id) {
    return f->q == 1 ? insert(f, t, id, 1) : insert(f, t, id, f->q);
}

/* ---- removal ---- */

static inline __attribute__((always_inline)) bool fit(const wr_rcf *f, const wri_rcf_tree *t, wri_rcf_node *n,
                                                      uint32_t q) {
    const wri_f4 *lo0, *hi0, *lo1, *hi1;
    wri_rcf_box(f, t, n->kid[0], &lo0, &hi0);
    wri_rcf_box(f, t, n->kid[1], &lo1, &hi1);
    wri_i4 changed = {0};
    for (uint32_t k = 0; k < q; k++) {
        wri_f4 lo = wri_f4_min(lo0[k], lo1[k]), hi = wri_f4_max(hi0[k], hi1[k]);
        changed |= (lo != n->box[k]) | (hi != n->box[q + k]);
        n->box[k] = lo;
        n->box[q + k] = hi;
    }
    return wri_f4_any(changed);
}

bool wri_rcf_fit(const wr_rcf *f, const wri_rcf_tree *t, wri_rcf_node *n) { return fit(f, t, n, f->q); }

/* Can the box of n be smaller without x? A side of no length stays, whoever goes. */
static inline __attribute__((always_inline)) bool touches(const wri_rcf_node *n, const wri_f4 *x,
                                                          uint32_t q) {
    wri_i4 on = {0};
    for (uint32_t k = 0; k < q; k++) {
        wri_f4 lo = n->box[k], hi = n->box[q + k];
        on |= ((x[k] == lo) | (x[k] == hi)) & (lo != hi);
    }
    return wri_f4_any(on);
}

static inline __attribute__((always_inline)) void shrink(const wr_rcf *f, const wri_rcf_tree *t, uint32_t up,
                                                         const wri_f4 *x, uint32_t q) {
    while (up != WRI_RCF_TOP) {
        wri_rcf_node *n = wri_rcf_node_at(f, t, up);
        if (!touches(n, x, q) || !fit(f, t, n, q)) return;
        up = n->up;
    }
}

void wri_rcf_remove(const wr_rcf *f, wri_rcf_tree *t, uint32_t leaf) {
    wri_rcf_leaf *l = &t->leaves[leaf];
    if (--l->count > 0) return;
    uint32_t gone = l->up;
    const wri_f4 *x = wri_rcf_point(f, l->point);
    l->point = t->free_leaf;
    t->free_leaf = leaf;
    if (gone == WRI_RCF_TOP) {
        t->root = WRI_RCF_NONE;
        return;
    }
    wri_rcf_node *parent = wri_rcf_node_at(f, t, gone);
    uint32_t sibling = parent->kid[parent->kid[0] == (leaf | WRI_RCF_LEAF)], up = parent->up;
    parent->kid[0] = t->free_node;
    t->free_node = gone;
    set_up(f, t, sibling, up);
    if (up == WRI_RCF_TOP) {
        t->root = sibling;
        return;
    }
    wri_rcf_node *above = wri_rcf_node_at(f, t, up);
    above->kid[above->kid[1] == gone] = sibling;
    if (f->q == 1) shrink(f, t, up, x, 1);
    else shrink(f, t, up, x, f->q);
}
