/* runtime/rcf/rcf_int.h -- how a forest lies in memory. Private to runtime/rcf/.
 *
 * All trees of a forest have as many samples, so each kind of array is one block for all of them, of `cap`
 * items a tree: nodes, leaves, keys, picks. The blocks grow together (forest.c) until cap is the sample's
 * size.
 *
 *   node   16 bytes: cut, dim, the node above, two kids; then its box: low sides, high sides. Points with
 *          x[dim] <= cut are below kid[0]. With four values that is 48 bytes: 100 trees of 256 points have
 *          1.2 MB of nodes, and a point passes about twelve of each tree.
 *   leaf   a point of the store, the node above, and how many picks name the leaf: equal points share one
 *   pick   a point of the sample, by its leaf, with its key: a heap, the largest key first
 *
 * What leaves a tree is found from its pick, upwards, without a way down.
 *
 * Values are padded to groups of four with zeros, which no cut falls into. */
#ifndef WR_RUNTIME_RCF_INT_H
#define WR_RUNTIME_RCF_INT_H

#include "rcf.h"
#include "runtime/random.h"

typedef float wri_f4 __attribute__((vector_size(16)));
typedef int32_t wri_i4 __attribute__((vector_size(16)));

#define WRI_RCF_LEAF UINT32_C(0x80000000) /* bit of a kid: it is a leaf */
#define WRI_RCF_NONE UINT32_MAX           /* no root; end of a free list */
#define WRI_RCF_TOP  UINT16_MAX /* nothing is above it: nodes of a tree are fewer than its samples */
#define WRI_RCF_FAR  1e33F      /* no value is farther from the first record's: sums stay finite */

typedef struct wri_rcf_node {
    float cut;
    uint16_t dim;
    uint16_t up;     /* the node above, or WRI_RCF_TOP */
    uint32_t kid[2]; /* kid[0] of a free one: the next free */
    wri_f4 box[];    /* q groups of low sides, q of high ones */
} wri_rcf_node;
_Static_assert(WR_RCF_SAMPLE_MAX - 1 <= WRI_RCF_TOP && WR_RCF_POINT_MAX - 1 <= UINT16_MAX,
               "places of nodes, and of values of a point, fit");

typedef struct wri_rcf_leaf {
    uint32_t point; /* of a free one: the next free */
    uint32_t count; /* 0: free */
    uint32_t up;    /* the node above, or WRI_RCF_TOP */
} wri_rcf_leaf;

typedef struct wri_rcf_tree {
    char *nodes;                   /* of f->stride bytes each */
    wri_rcf_leaf *leaves;          /* as many as nodes, and one more */
    double *keys;                  /* heap: no key is larger than keys[0] */
    uint32_t *picks;               /* leaves[picks[i]] has keys[i] */
    uint32_t root;                 /* a kid, or WRI_RCF_NONE */
    uint32_t n;                    /* picks; the sum of all leaves' counts */
    uint32_t n_nodes, n_leaves;    /* ever used: those above are fresh */
    uint32_t free_node, free_leaf; /* lists of those below */
    uint64_t random;
    uint64_t due; /* number of the next point that it takes; 0 while it takes all */
} wri_rcf_tree;

struct wr_rcf {
    wr_rcf_opts o;
    uint32_t width;     /* values of a point: dims * shingle */
    uint32_t q;         /* groups of four */
    size_t stride;      /* bytes of a node with its box */
    double decay;       /* 1 / time_decay */
    double fade;        /* 1 - e^-decay */
    uint64_t records;   /* learnt */
    uint64_t seen;      /* points: records behind the first shingle - 1 */
    uint64_t due;       /* least of all trees' */
    double *origin;     /* [dims] values of the first record */
    wri_f4 *x;          /* [q] the last `shingle` records, oldest first */
    wri_f4 *newer;      /* [q] 1 for values of the newer half of the shingle, 0 for others */
    uint32_t older;     /* values of the older half: those before the newer ones */
    double newer_share; /* of a point's values */
    double power;       /* 1, or 1/2 with a shingle: the score rests on depth^-power */
    double *worth;      /* [sample + 1] i^-power: of a cut that leaves the point at that depth */
    uint32_t *path;     /* [sample + 1] scratch: nodes on the way to a leaf */
    wri_rcf_tree *trees;
    uint32_t cap; /* items of a tree in the blocks that follow */
    char *nodes;  /* owner of all trees' */
    wri_rcf_leaf *leaves;
    double *keys;
    uint32_t *picks;
    wri_f4 *points;                        /* the store: [store_cap * q] */
    uint32_t *refs;                        /* [store_cap] picks that name it, in all trees */
    uint32_t *unused;                      /* [store_cap] stack of points that none names */
    uint32_t store_cap, n_store, n_unused; /* n_store: ever used */
    uint64_t bytes;
};

static inline wri_rcf_node *wri_rcf_node_at(const wr_rcf *f, const wri_rcf_tree *t, uint32_t i) {
    return (wri_rcf_node *)(t->nodes + (size_t)i * f->stride);
}
static inline const wri_f4 *wri_rcf_point(const wr_rcf *f, uint32_t id) {
    return f->points + (size_t)id * f->q;
}

/* ---- vectors ---- */
/* a where it is above zero, else 0. */
static inline wri_f4 wri_f4_above(wri_f4 a) { return (wri_f4)((wri_i4)a & (a > 0)); }
static inline wri_f4 wri_f4_min(wri_f4 a, wri_f4 b) {
    wri_i4 m = a < b;
    return (wri_f4)(((wri_i4)a & m) | ((wri_i4)b & ~m));
}
static inline wri_f4 wri_f4_max(wri_f4 a, wri_f4 b) {
    wri_i4 m = a > b;
    return (wri_f4)(((wri_i4)a & m) | ((wri_i4)b & ~m));
}
static inline bool wri_f4_any(wri_i4 m) {
    typedef int64_t i2 __attribute__((vector_size(16)));
    i2 w = (i2)m;
    return (w[0] | w[1]) != 0;
}
static inline bool wri_rcf_equal(const wri_f4 *a, const wri_f4 *b, uint32_t q) {
    wri_i4 differ = {0};
    for (uint32_t i = 0; i < q; i++) differ |= a[i] != b[i];
    return !wri_f4_any(differ);
}

/* How much a box grows in all when x joins it, and the sum of its sides then. */
typedef struct wri_rcf_sides {
    float growth, sum;
    float newer; /* of the growth, that of the values marked in `newer`; where that is given */
} wri_rcf_sides;
static inline __attribute__((always_inline)) wri_rcf_sides
wri_rcf_grown(const wri_f4 *lo, const wri_f4 *hi, const wri_f4 *x, uint32_t q, const wri_f4 *newer) {
    wri_f4 growth = {0}, sum = {0}, marked = {0};
    for (uint32_t i = 0; i < q; i++) {
        wri_f4 g = wri_f4_above(lo[i] - x[i]) + wri_f4_above(x[i] - hi[i]);
        growth += g;
        sum += hi[i] - lo[i] + g;
        if (newer) marked += g * newer[i];
    }
    /* Both horizontally: four pair sums, then two. */
    wri_f4 t =
        __builtin_shufflevector(growth, sum, 0, 1, 4, 5) + __builtin_shufflevector(growth, sum, 2, 3, 6, 7);
    return (wri_rcf_sides){t[0] + t[1], t[2] + t[3], marked[0] + marked[1] + (marked[2] + marked[3])};
}

/* ---- tree.c ---- */
/* Point `id` of the store joins; *t has room for a node and a leaf. Returns its leaf: a new one, or that of
 * an equal point. */
uint32_t wri_rcf_insert(const wr_rcf *f, wri_rcf_tree *t, uint32_t id);
/* One pick of this leaf leaves; the leaf goes with the last. */
void wri_rcf_remove(const wr_rcf *f, wri_rcf_tree *t, uint32_t leaf);
/* The box of a kid; of a leaf both sides are its point. */
static inline void wri_rcf_box(const wr_rcf *f, const wri_rcf_tree *t, uint32_t kid, const wri_f4 **lop,
                               const wri_f4 **hip) {
    if (kid & WRI_RCF_LEAF) {
        *lop = *hip = wri_rcf_point(f, t->leaves[kid & ~WRI_RCF_LEAF].point);
    } else {
        *lop = wri_rcf_node_at(f, t, kid)->box;
        *hip = *lop + f->q;
    }
}
/* Sets n's box to that of both kids; false: it was that already. */
bool wri_rcf_fit(const wr_rcf *f, const wri_rcf_tree *t, wri_rcf_node *n);

/* ---- sampler.c ---- */
/* The key of point number f->seen, which t takes. */
double wri_rcf_key(const wr_rcf *f, wri_rcf_tree *t);
/* It has this key and is in the tree at `leaf`: a pick more, or, when there are opts.sample of them, in the
 * place of picks[0]. Draws which point is next. */
void wri_rcf_pick(const wr_rcf *f, wri_rcf_tree *t, double key, uint32_t leaf);

/* ---- score.c ---- */
/* Ways down that are gone side by side: a step waits for its node, which is seldom in the nearest cache, and
 * has little to compute. */
#define WRI_RCF_WAYS 4
/* The sum over n trees, n <= WRI_RCF_WAYS, of what f->x could expect of depth^-power, where a value of the
 * newer half of the shingle sets it apart, else of 0. */
double wri_rcf_scores(const wr_rcf *f, const wri_rcf_tree *trees, uint32_t n);
/* The score, of the sum over all trees. */
double wri_rcf_scaled(const wr_rcf *f, double sum);
/* Adds what each column has in the score of a tree; parts: [2 * dims]. */
void wri_rcf_tree_parts(const wr_rcf *f, const wri_rcf_tree *t, double *parts);
/* Makes them sum to the score. */
void wri_rcf_scale_parts(const wr_rcf *f, double score, double *parts);

/* ---- forest.c ---- */
/* Room for so many picks of each tree, and so many points in the store. WR_ENOMEM: nothing has changed. */
wr_status wri_rcf_reserve(wr_rcf *f, uint32_t n_picks, uint32_t n_points, wr_err *err) WR_MUST_USE;

/* ---- check.c ---- */
/* NULL, or what is wrong with it. tally: [n_store], zero before and after. */
const char *wri_rcf_check(const wr_rcf *f, uint32_t *tally);

#endif
