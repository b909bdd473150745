/* runtime/rcf/forest.c -- options, memory, what a record does.
 *
 * A record moves the shingle on by one; the shingle is the point. Each tree scores it, then may learn it: all
 * do while their samples fill, later those whose `due` it is. Trees know nothing of each other, so it goes
 * through a few at a time. Memory is made sure of before anything changes. */
#include "rcf_int.h"

#include <math.h>

#define CAP_FIRST 16 /* picks of a tree, points of the store */

/* ---- options and memory ---- */

static bool in_range(const wr_rcf_opts *o) {
    return o->dims > 0 && o->shingle > 0 && (uint64_t)o->dims * o->shingle <= WR_RCF_POINT_MAX &&
           o->trees > 0 && o->trees <= WR_RCF_TREES_MAX && o->sample >= 2 && o->sample <= WR_RCF_SAMPLE_MAX &&
           o->time_decay > 0;
}

static uint32_t groups(const wr_rcf_opts *o) { return (o->dims * o->shingle + 3) / 4; }
static size_t stride_of(const wr_rcf_opts *o) {
    return sizeof(wri_rcf_node) + 2 * (size_t)groups(o) * sizeof(wri_f4);
}
static uint64_t fixed_bytes(const wr_rcf_opts *o) {
    return sizeof(wr_rcf) + o->dims * sizeof(double) + 2 * groups(o) * sizeof(wri_f4) +
           (o->sample + 1) * (sizeof(double) + sizeof(uint32_t)) + o->trees * sizeof(wri_rcf_tree);
}
/* Of a tree, per pick; of the store, per point. */
static uint64_t pick_bytes(const wr_rcf_opts *o) {
    return stride_of(o) + sizeof(wri_rcf_leaf) + sizeof(double) + sizeof(uint32_t);
}
static uint64_t point_bytes(const wr_rcf_opts *o) {
    return groups(o) * sizeof(wri_f4) + 2 * sizeof(uint32_t);
}
/* No pick names a point that another does not name, and one is on its way. */
static uint32_t points_max(const wr_rcf_opts *o) { return o->trees * o->sample + 1; }

static uint32_t enough(uint32_t cap, uint32_t need, uint32_t most) {
    uint64_t to = cap ? cap : CAP_FIRST;
    while (to < need) to *= 2;
    return to < most ? (uint32_t)to : most;
}

/* The size before the last time that something grew to `most`. */
static uint32_t before(uint32_t most) { return most <= CAP_FIRST ? 0 : enough(0, most, UINT32_MAX) / 2; }

/* While blocks grow, the old one is there beside the new one: of the trees, or of the store. */
uint64_t wr_rcf_bytes_max(const wr_rcf_opts *o) {
    if (!in_range(o)) return UINT64_MAX;
    uint64_t trees = o->trees * pick_bytes(o), grow = trees * before(o->sample);
    uint64_t move = before(points_max(o)) * groups(o) * sizeof(wri_f4);
    return fixed_bytes(o) + trees * o->sample + points_max(o) * point_bytes(o) + (grow > move ? grow : move);
}

uint64_t wr_rcf_bytes(const wr_rcf *f) {
    return fixed_bytes(&f->o) + (uint64_t)f->o.trees * f->cap * pick_bytes(&f->o) +
           f->store_cap * point_bytes(&f->o);
}

/* A block of `size` bytes an item for all trees, with the first `from` of each tree of old moved to it. */
static void *moved(const wr_rcf *f, const void *old, uint32_t from, uint32_t to, size_t size) {
    char *block = wr_reallocn(NULL, (size_t)f->o.trees * to, size);
    for (uint32_t i = 0; block && from > 0 && i < f->o.trees; i++)
        memcpy(block + (size_t)i * to * size, (const char *)old + (size_t)i * from * size, from * size);
    return block;
}

/* Where each tree's part of the blocks is. */
static void lay_out(wr_rcf *f, uint32_t cap) {
    f->cap = cap;
    for (uint32_t i = 0; i < f->o.trees; i++) {
        wri_rcf_tree *t = &f->trees[i];
        t->nodes = f->nodes + (size_t)i * cap * f->stride;
        t->leaves = f->leaves + (size_t)i * cap;
        t->keys = f->keys + (size_t)i * cap;
        t->picks = f->picks + (size_t)i * cap;
    }
}

static wr_status grow_trees(wr_rcf *f, uint32_t cap, wr_err *err) {
    char *nodes = moved(f, f->nodes, f->cap, cap, f->stride);
    wri_rcf_leaf *leaves = moved(f, f->leaves, f->cap, cap, sizeof *leaves);
    double *keys = moved(f, f->keys, f->cap, cap, sizeof *keys);
    uint32_t *picks = moved(f, f->picks, f->cap, cap, sizeof *picks);
    if (!nodes || !leaves || !keys || !picks) {
        wr_free(nodes);
        wr_free(leaves);
        wr_free(keys);
        wr_free(picks);
        return wr_fail_oom(err, "a random cut forest");
    }
    wr_free(f->nodes);
    wr_free(f->leaves);
    wr_free(f->keys);
    wr_free(f->picks);
    f->nodes = nodes;
    f->leaves = leaves;
    f->keys = keys;
    f->picks = picks;
    lay_out(f, cap);
    return WR_OK;
}

static wr_status grow_store(wr_rcf *f, uint32_t cap, wr_err *err) {
    wri_f4 *points = wr_reallocn(f->points, cap, f->q * sizeof *points);
    if (points) f->points = points;
    uint32_t *refs = points ? wr_reallocn(f->refs, cap, sizeof *refs) : NULL;
    if (refs) f->refs = refs;
    uint32_t *unused = refs ? wr_reallocn(f->unused, cap, sizeof *unused) : NULL;
    if (!unused) return wr_fail_oom(err, "a random cut forest");
    f->unused = unused;
    f->store_cap = cap;
    return WR_OK;
}

wr_status wri_rcf_reserve(wr_rcf *f, uint32_t n_picks, uint32_t n_points, wr_err *err) {
    if (n_picks > f->cap) WR_TRY(grow_trees(f, enough(f->cap, n_picks, f->o.sample), err));
    if (n_points > f->store_cap)
        WR_TRY(grow_store(f, enough(f->store_cap, n_points, points_max(&f->o)), err));
    return WR_OK;
}

/* ---- life ---- */

static wr_status allocate(wr_rcf *f, wr_err *err) {
    const wr_rcf_opts *o = &f->o;
    f->origin = wr_calloc(o->dims, sizeof *f->origin);
    f->x = wr_calloc(f->q, sizeof *f->x);
    f->newer = wr_calloc(f->q, sizeof *f->newer);
    f->worth = wr_reallocn(NULL, o->sample + 1, sizeof *f->worth);
    f->path = wr_reallocn(NULL, o->sample + 1, sizeof *f->path);
    f->trees = wr_calloc(o->trees, sizeof *f->trees);
    if (!f->origin || !f->x || !f->newer || !f->worth || !f->path || !f->trees)
        return wr_fail_oom(err, "a random cut forest");
    uint64_t seeds = o->seed;
    for (uint32_t i = 0; i < o->trees; i++) {
        wri_rcf_tree *t = &f->trees[i];
        t->root = t->free_node = t->free_leaf = WRI_RCF_NONE;
        t->random = wr_random_next(&seeds);
    }
    f->power = o->shingle > 1 ? 0.5 : 1;
    for (uint32_t i = 1; i <= o->sample; i++) f->worth[i] = pow(i, -f->power);
    f->worth[0] = 0;
    f->older = o->shingle / 2 * o->dims;
    for (uint32_t i = f->older; i < f->width; i++) ((float *)f->newer)[i] = 1;
    f->newer_share = (double)(f->width - f->older) / f->width;
    return WR_OK;
}

wr_status wr_rcf_new(const wr_rcf_opts *o, wr_rcf **outp, wr_err *err) {
    *outp = NULL;
    if (!in_range(o))
        return wr_fail(
            err, WR_EINVAL,
            "a random cut forest of %u trees of %u points of %u x %u values: at most %d trees of 2 to %d "
            "points of %d values can be",
            o->trees, o->sample, o->dims, o->shingle, WR_RCF_TREES_MAX, WR_RCF_SAMPLE_MAX, WR_RCF_POINT_MAX);
    wr_rcf *f = wr_calloc(1, sizeof *f);
    if (!f) return wr_fail_oom(err, "a random cut forest");
    f->o = *o;
    f->width = o->dims * o->shingle;
    f->q = groups(o);
    f->stride = stride_of(o);
    f->decay = 1.0 / (double)o->time_decay;
    f->fade = -expm1(-f->decay);
    wr_status s = allocate(f, err);
    if (s != WR_OK) {
        wr_rcf_free(f);
        return s;
    }
    *outp = f;
    return WR_OK;
}

void wr_rcf_free(wr_rcf *f) {
    if (!f) return;
    wr_free(f->origin);
    wr_free(f->x);
    wr_free(f->newer);
    wr_free(f->worth);
    wr_free(f->path);
    wr_free(f->trees);
    wr_free(f->nodes);
    wr_free(f->leaves);
    wr_free(f->keys);
    wr_free(f->picks);
    wr_free(f->points);
    wr_free(f->refs);
    wr_free(f->unused);
    wr_free(f);
}

/* ---- a record ---- */

static bool all_finite(const double *values, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* The newest record goes to the end of the shingle. */
static void shingle_move(wr_rcf *f, const double *values) {
    float *x = (float *)f->x;
    uint32_t dims = f->o.dims, kept = f->width - dims;
    if (f->records++ == 0) memcpy(f->origin, values, dims * sizeof *values);
    if (kept > 0) memmove(x, x + dims, kept * sizeof *x);
    for (uint32_t c = 0; c < dims; c++) {
        double v = values[c] - f->origin[c]; /* may be infinite */
        v = v < (double)-WRI_RCF_FAR  ? (double)-WRI_RCF_FAR
            : v > (double)WRI_RCF_FAR ? (double)WRI_RCF_FAR
                                      : v;
        x[kept + c] = (float)v;
    }
}

static uint32_t store_take(wr_rcf *f) {
    uint32_t id = f->n_unused > 0 ? f->unused[--f->n_unused] : f->n_store++;
    memcpy(f->points + (size_t)id * f->q, f->x, f->q * sizeof *f->x);
    f->refs[id] = 1; /* until every tree has seen it */
    return id;
}

static void store_drop(wr_rcf *f, uint32_t id) {
    if (--f->refs[id] == 0) f->unused[f->n_unused++] = id;
}

static void tree_learn(wr_rcf *f, wri_rcf_tree *t, uint32_t id) {
    double key = wri_rcf_key(f, t);
    if (t->n == f->o.sample) {
        uint32_t leaf = t->picks[0], old = t->leaves[leaf].point;
        wri_rcf_remove(f, t, leaf);
        store_drop(f, old);
    }
    uint32_t leaf = wri_rcf_insert(f, t, id);
    f->refs[t->leaves[leaf].point]++;
    wri_rcf_pick(f, t, key, leaf);
}

static void some_learn(wr_rcf *f, wri_rcf_tree *trees, uint32_t n, uint32_t id) {
    for (uint32_t i = 0; i < n; i++) {
        if (trees[i].due <= f->seen) tree_learn(f, &trees[i], id);
        if (trees[i].due < f->due) f->due = trees[i].due;
    }
}

/* The point goes to a few trees at a time, which score it, then learn it: the nodes that it passes are near
 * the second time. */
static void visit(wr_rcf *f, double *scorep, double *parts) {
    bool scored = f->seen >= f->o.sample, learnt = f->due <= ++f->seen;
    uint32_t id = learnt ? store_take(f) : 0;
    double sum = 0;
    if (learnt) f->due = UINT64_MAX;
    for (uint32_t i = 0, n; i < f->o.trees; i += n) {
        n = f->o.trees - i < WRI_RCF_WAYS ? f->o.trees - i : WRI_RCF_WAYS;
        if (scored) sum += wri_rcf_scores(f, &f->trees[i], n);
        for (uint32_t k = 0; scored && parts && k < n; k++) wri_rcf_tree_parts(f, &f->trees[i + k], parts);
        if (learnt) some_learn(f, &f->trees[i], n, id);
    }
    if (learnt) store_drop(f, id);
    *scorep = scored ? wri_rcf_scaled(f, sum) : 0;
    if (scored && parts) wri_rcf_scale_parts(f, *scorep, parts);
}

wr_status wr_rcf_push(wr_rcf *f, const double *values, double *scorep, double *parts, wr_err *err) {
    *scorep = 0;
    if (parts) memset(parts, 0, 2 * f->o.dims * sizeof *parts);
    if (!all_finite(values, f->o.dims)) {
        *scorep = (double)NAN;
        return WR_OK;
    }
    uint32_t n = f->trees[0].n;
    uint32_t spare = f->n_unused > 0 ? 0 : 1;
    WR_TRY(wri_rcf_reserve(f, n < f->o.sample ? n + 1 : n, f->n_store + spare, err));
    shingle_move(f, values);
    if (f->records < f->o.shingle) return WR_OK;
    visit(f, scorep, parts);
    return WR_OK;
}
