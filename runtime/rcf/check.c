/* runtime/rcf/check.c -- is a forest what it claims to be? Walks all of it, without recursion. */
#include <math.h>

#include "rcf_int.h"

static uint32_t up_of(const wr_rcf *f, const wri_rcf_tree *t, uint32_t kid) {
    return kid & WRI_RCF_LEAF ? t->leaves[kid & ~WRI_RCF_LEAF].up : wri_rcf_node_at(f, t, kid)->up;
}

/* Box and kids of a node. */
static const char *node_check(const wr_rcf *f, const wri_rcf_tree *t, uint32_t i) {
    const wri_rcf_node *n = wri_rcf_node_at(f, t, i);
    const wri_f4 *lo[2], *hi[2];
    wri_rcf_box(f, t, n->kid[0], &lo[0], &hi[0]);
    wri_rcf_box(f, t, n->kid[1], &lo[1], &hi[1]);
    if (!(((const float *)hi[0])[n->dim] <= n->cut)) return "a point above a cut is below it";
    if (!(((const float *)lo[1])[n->dim] > n->cut)) return "a point below a cut is above it";
    for (uint32_t k = 0; k < f->q; k++) {
        wri_f4 low = wri_f4_min(lo[0][k], lo[1][k]), high = wri_f4_max(hi[0][k], hi[1][k]);
        if (wri_f4_any((low != n->box[k]) | (high != n->box[f->q + k])))
            return "a box is not that of its points";
    }
    if (up_of(f, t, n->kid[0]) != i || up_of(f, t, n->kid[1]) != i) return "a way up that leads elsewhere";
    return NULL;
}

static const char *leaf_check(const wr_rcf *f, const wri_rcf_leaf *leaf, uint32_t *tally) {
    if (leaf->count == 0) return "a leaf without points";
    if (leaf->point >= f->n_store) return "a leaf of a point that is not there";
    if (tally[leaf->point] > 0) return "a point with two leaves";
    tally[leaf->point] = leaf->count;
    return NULL;
}

/* Counts nodes and leaves that can be reached, and puts into tally how often leaves have which point. */
static const char *walk(const wr_rcf *f, const wri_rcf_tree *t, uint32_t *tally, uint32_t *n_nodesp,
                        uint32_t *n_leavesp) {
    uint32_t depth = 0, kid = t->root;
    if (kid == WRI_RCF_NONE) return NULL;
    if (up_of(f, t, kid) != WRI_RCF_TOP) return "something above the root";
    for (;;) {
        const char *why;
        if (kid & WRI_RCF_LEAF) {
            if (++*n_leavesp > t->n_leaves) return "more leaves than there are";
            if ((why = leaf_check(f, &t->leaves[kid & ~WRI_RCF_LEAF], tally))) return why;
            if (depth == 0) return NULL;
            kid = f->path[--depth];
        } else {
            if (++*n_nodesp > t->n_nodes || depth >= f->o.sample) return "more nodes than there are";
            const wri_rcf_node *n = wri_rcf_node_at(f, t, kid);
            if (n->dim >= f->width) return "a cut of a value that is not there";
            if ((why = node_check(f, t, kid))) return why;
            f->path[depth++] = n->kid[1];
            kid = n->kid[0];
        }
    }
}

static const char *picks_check(const wri_rcf_tree *t, uint32_t *tally) {
    for (uint32_t i = 0; i < t->n; i++) {
        if (!isfinite(t->keys[i])) return "a key that is no number";
        if (i > 0 && t->keys[i] > t->keys[(i - 1) / 2]) return "keys out of order";
        if (t->picks[i] >= t->n_leaves || t->leaves[t->picks[i]].count == 0)
            return "a pick of a leaf that is not there";
        if (tally[t->leaves[t->picks[i]].point]-- == 0) return "a pick that no leaf has";
    }
    return NULL;
}

static const char *tree_check(const wr_rcf *f, const wri_rcf_tree *t, uint32_t *tally) {
    uint32_t n_nodes = 0, n_leaves = 0;
    const char *why = walk(f, t, tally, &n_nodes, &n_leaves);
    if (!why) why = picks_check(t, tally);
    for (uint32_t i = 0; i < f->n_store; i++) {
        if (tally[i] > 0 && !why) why = "a leaf that no pick names";
        tally[i] = 0;
    }
    if (why) return why;
    if (n_leaves > 0 && n_nodes != n_leaves - 1) return "nodes that lead nowhere";
    uint32_t listed = 0;
    for (uint32_t i = t->free_node; i != WRI_RCF_NONE && listed <= t->n_nodes; listed++)
        i = wri_rcf_node_at(f, t, i)->kid[0];
    if (listed + n_nodes != t->n_nodes) return "nodes that are neither used nor free";
    listed = 0;
    for (uint32_t i = t->free_leaf; i != WRI_RCF_NONE && listed <= t->n_leaves; listed++)
        i = t->leaves[i].point;
    return listed + n_leaves != t->n_leaves ? "leaves that are neither used nor free" : NULL;
}

const char *wri_rcf_check(const wr_rcf *f, uint32_t *tally) {
    uint64_t n = f->seen < f->o.sample ? f->seen : f->o.sample, refs = 0, due = UINT64_MAX;
    for (uint32_t i = 0; i < f->o.trees; i++) {
        const wri_rcf_tree *t = &f->trees[i];
        if (t->n != n) return "a sample that is too small or too large";
        if (n == f->o.sample ? t->due <= f->seen : t->due != 0) return "a tree that has missed a point";
        if (t->due < due) due = t->due;
        const char *why = tree_check(f, t, tally);
        if (why) return why;
        refs += t->n;
    }
    if (f->due != due && n > 0) return "a point that trees would miss";
    for (uint32_t i = 0; i < f->n_store; i++) refs -= f->refs[i];
    for (uint32_t i = 0; i < f->n_unused; i++)
        if (f->unused[i] >= f->n_store || f->refs[f->unused[i]] != 0)
            return "a point in use that is said to be free";
    return refs != 0 ? "points that are counted wrongly" : NULL;
}
