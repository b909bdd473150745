/* tests/unit/runtime/test_rcf.c -- random cut forests: what a tree is after every point, what its scores
 * mean, that it goes on from bytes as if nothing had been. All chance has fixed seeds. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>

#include "runtime/rcf/rcf_int.h"

/* Criterion's macros may evaluate what they are given twice. */
static void same(double a, double b) { cr_assert_eq(a, b); }
static void is(wr_status s, wr_status expected, const wr_err *err) {
    cr_assert_eq(s, expected, "%d%s%s", s, err ? ": " : "", err ? err->msg : "");
}

static wr_rcf *forest(uint32_t dims, uint32_t shingle, uint32_t trees, uint32_t sample, uint64_t decay) {
    wr_rcf_opts o = {dims, shingle, trees, sample, decay, 7};
    wr_rcf *f;
    wr_err err;
    is(wr_rcf_new(&o, &f, &err), WR_OK, &err);
    return f;
}

static double push(wr_rcf *f, const double *v, double *parts) {
    double score;
    wr_err err;
    is(wr_rcf_push(f, v, &score, parts, &err), WR_OK, &err);
    return score;
}

static void sound(const wr_rcf *f) {
    uint32_t *tally = wr_calloc((size_t)f->n_store + 1, sizeof *tally);
    const char *why = wri_rcf_check(f, tally);
    cr_assert(!why, "after %" PRIu64 " points: %s", f->seen, why);
    for (uint32_t i = 0; i < f->n_store; i++) cr_assert_eq(tally[i], 0);
    wr_free(tally);
    wr_rcf_opts o = f->o;
    cr_assert_leq(wr_rcf_bytes(f), wr_rcf_bytes_max(&o));
}

static uint32_t point_of(const wri_rcf_tree *t, uint32_t pick) { return t->leaves[t->picks[pick]].point; }

/* ---- streams ---- */

static double gauss(uint64_t *r) {
    return sqrt(-2 * log(wr_random_unit(r))) * cos(6.283185307179586 * wr_random_unit(r));
}
static double grid(uint64_t *r) { return (double)(wr_random_next(r) % 4); }
static double constant(uint64_t *r) {
    (void)r;
    return -17.5;
}
static double huge(uint64_t *r) {
    return (wr_random_unit(r) - 0.5) * pow(10, (double)(wr_random_next(r) % 616) - 307);
}
static double tiny(uint64_t *r) { return (double)(wr_random_next(r) % 5) * 1e-45; }
static double epoch(uint64_t *r) { return 1.7e12 + (double)(wr_random_next(r) % 1000); }
static double mixed(uint64_t *r) {
    static const double odd[] = {INFINITY, -INFINITY, NAN, 1.7976931348623157e308, -1.7976931348623157e308,
                                 0,        -0.0};
    uint64_t k = wr_random_next(r) % 20;
    return k < WR_LEN(odd) ? odd[k] : gauss(r);
}
typedef double (*stream)(uint64_t *r);
static const stream streams[] = {gauss, grid, constant, huge, tiny, epoch, mixed};

Test(rcf, trees_are_sound_after_every_point) {
    static const struct {
        uint32_t dims, shingle, sample;
        uint64_t decay;
    } shapes[] = {{1, 1, 10, 11}, {1, 4, 17, 20},  {3, 1, 32, 1},
                  {4, 1, 16, 40}, {5, 3, 9, 1000}, {2, 1, 2, 3}};
    for (size_t s = 0; s < WR_LEN(streams); s++)
        for (size_t k = 0; k < WR_LEN(shapes); k++) {
            wr_rcf *f = forest(shapes[k].dims, shapes[k].shingle, 3, shapes[k].sample, shapes[k].decay);
            uint64_t r = s * 100 + k;
            for (int i = 0; i < 600; i++) {
                double v[8], parts[16];
                for (uint32_t c = 0; c < shapes[k].dims; c++) v[c] = c == 1 ? -17.5 : streams[s](&r);
                double score = push(f, v, parts);
                sound(f);
                if (isnan(score)) continue;
                cr_assert(score >= 0 && isfinite(score));
                double sum = 0;
                for (uint32_t c = 0; c < 2 * shapes[k].dims; c++) {
                    cr_assert_geq(parts[c], 0);
                    sum += parts[c];
                }
                cr_assert_float_eq(sum, score, 1e-12 * (1 + score));
            }
            wr_rcf_free(f);
        }
}

/* ---- what a tree is ---- */

/* Depth of point id's leaf, and the sum of all picks' depths. */
static uint32_t depth_of(const wr_rcf *f, const wri_rcf_tree *t, uint32_t kid, uint32_t depth, uint32_t id,
                         uint64_t *sump, uint32_t *massp) {
    if (kid & WRI_RCF_LEAF) {
        const wri_rcf_leaf *leaf = &t->leaves[kid & ~WRI_RCF_LEAF];
        *sump += (uint64_t)depth * leaf->count;
        *massp = leaf->count;
        return leaf->point == id ? depth : 0;
    }
    uint32_t mass[2], found = 0;
    for (int i = 0; i < 2; i++)
        found += depth_of(f, t, wri_rcf_node_at(f, t, kid)->kid[i], depth + 1, id, sump, &mass[i]);
    *massp = mass[0] + mass[1];
    return found;
}

/* Brings x, padded with zeros, into the store without a tree. */
static uint32_t hold(wr_rcf *f, const float *x) {
    wr_err err;
    is(wri_rcf_reserve(f, 0, f->n_store + 1, &err), WR_OK, NULL);
    memcpy(f->points + (size_t)f->n_store * f->q, x, f->q * sizeof *f->points);
    f->refs[f->n_store] = 1;
    return f->n_store++;
}

Test(rcf, a_score_is_what_an_insertion_may_expect) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        wr_rcf *f = forest(3, 1, 1, 14, 1000);
        uint64_t r = seed;
        for (int i = 0; i < 13; i++) {
            double v[3] = {gauss(&r), grid(&r), gauss(&r) * 5};
            push(f, v, NULL);
        }
        wri_rcf_tree *t = &f->trees[0];
        float x[4] = {(float)(gauss(&r) * 2), (float)gauss(&r), (float)gauss(&r) * 9, 0};
        memcpy(f->x, x, sizeof x);
        double expected = wri_rcf_scores(f, t, 1), sum = 0;
        uint32_t id = hold(f, x), mass;
        uint64_t before = 0, after = 0;
        depth_of(f, t, t->root, 0, id, &before, &mass);
        enum { TRIES = 40000 };
        for (int i = 0; i < TRIES; i++) {
            uint64_t depths = 0;
            uint32_t leaf = wri_rcf_insert(f, t, id);
            same(t->leaves[leaf].point, id);
            sum += 1.0 / depth_of(f, t, t->root, 0, id, &depths, &mass);
            wri_rcf_remove(f, t, leaf);
        }
        depth_of(f, t, t->root, 0, id, &after, &mass);
        cr_assert_eq(before, after, "a point that came and went has changed the tree");
        cr_assert_float_eq(sum / TRIES, expected, 0.006, "%g, not %g", sum / TRIES, expected);
        wr_rcf_free(f);
    }
}

/* With a shingle of three of two values, a cut in one of the two newer ones has to have made the leaf. */
Test(rcf, of_a_shingle_the_newer_half_counts) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        wr_rcf *f = forest(2, 3, 1, 14, 1000);
        uint64_t r = seed;
        for (int i = 0; i < 15; i++) {
            double v[2] = {gauss(&r), grid(&r)};
            push(f, v, NULL);
        }
        wri_rcf_tree *t = &f->trees[0];
        float x[8] = {0};
        for (int i = 0; i < 6; i++) x[i] = (float)(gauss(&r) * 2);
        memcpy(f->x, x, sizeof x);
        double expected = wri_rcf_scores(f, t, 1), sum = 0, parts[4] = {0}, all = 0;
        wri_rcf_tree_parts(f, t, parts);
        for (int i = 0; i < 4; i++) all += parts[i];
        cr_assert_float_eq(all, expected, 1e-5 * expected, "parts of %g are %g", expected, all);
        uint32_t id = hold(f, x), mass;
        enum { TRIES = 40000 };
        for (int i = 0; i < TRIES; i++) {
            uint64_t depths = 0;
            uint32_t leaf = wri_rcf_insert(f, t, id);
            bool newer = wri_rcf_node_at(f, t, t->leaves[leaf].up)->dim >= 2;
            if (newer) sum += 1 / sqrt(depth_of(f, t, t->root, 0, id, &depths, &mass));
            wri_rcf_remove(f, t, leaf);
        }
        cr_assert_float_eq(sum / TRIES, expected, 0.006, "%g, not %g", sum / TRIES, expected);
        wr_rcf_free(f);
    }
}

/* Depth of the last of n points in a tree of all of them that is cut from nothing. */
static uint32_t depth_anew(double p[][3], uint32_t n, uint64_t *r) {
    uint32_t ids[64], x = n - 1, depth = 0;
    for (uint32_t i = 0; i < n; i++) ids[i] = i;
    for (; n > 1; depth++) {
        double lo[3] = {INFINITY, INFINITY, INFINITY}, side[3] = {0}, sum = 0;
        for (int c = 0; c < 3; c++) {
            for (uint32_t i = 0; i < n; i++) lo[c] = fmin(lo[c], p[ids[i]][c]);
            for (uint32_t i = 0; i < n; i++) side[c] = fmax(side[c], p[ids[i]][c] - lo[c]);
            sum += side[c];
        }
        double u = wr_random_unit(r) * sum;
        uint32_t c = 0, m = 0;
        while (c < 2 && u > side[c]) u -= side[c++];
        bool above = p[x][c] > lo[c] + u;
        for (uint32_t i = 0; i < n; i++)
            if ((p[ids[i]][c] > lo[c] + u) == above) ids[m++] = ids[i];
        n = m;
    }
    return depth;
}

/* Trees that points came to one by one, and others left, score as trees that are built at once. */
Test(rcf, scores_are_those_of_trees_built_anew) {
    enum { N = 24, GUESTS = 8, TREES = 2000 };
    double p[N + 1][3];
    uint64_t r = 17;
    wr_rcf *f = forest(3, 1, TREES, N + GUESTS, 1000);
    for (int i = 0; i < N; i++) {
        double far = exp(gauss(&r));
        for (int c = 0; c < 3; c++) p[i][c] = far * gauss(&r) + (i % 2 ? 30 : 0);
        push(f, p[i], NULL);
    }
    static uint32_t guests[GUESTS][TREES]; /* their leaves */
    is(wri_rcf_reserve(f, N + GUESTS, f->n_store, NULL), WR_OK, NULL);
    for (int i = 0; i < GUESTS; i++) {
        float x[4] = {(float)gauss(&r) * 40, (float)gauss(&r) * 10, (float)gauss(&r), 0};
        uint32_t id = hold(f, x);
        for (uint32_t t = 0; t < TREES; t++) guests[i][t] = wri_rcf_insert(f, &f->trees[t], id);
    }
    for (int i = 0; i < GUESTS; i++)
        for (uint32_t t = 0; t < TREES; t++) wri_rcf_remove(f, &f->trees[t], guests[i][t]);
    for (int k = 0; k < 12; k++) {
        for (int c = 0; c < 3; c++) {
            p[N][c] = exp(gauss(&r)) * gauss(&r) + (k % 2 ? 30 : 0);
            ((float *)f->x)[c] = (float)(p[N][c] - f->origin[c]);
        }
        double ours = 0, anew = 0;
        for (uint32_t t = 0; t < TREES; t++) ours += wri_rcf_scores(f, &f->trees[t], 1) / TREES;
        for (int i = 0; i < 20000; i++) anew += 1.0 / depth_anew(p, N + 1, &r) / 20000;
        cr_assert_float_eq(ours, anew, 0.04 * anew, "%g, not %g", ours, anew);
    }
    wr_rcf_free(f);
}

/* Taking a point out lifts the points below its sibling by one, and no others. */
Test(rcf, removal_displaces_the_sibling) {
    for (uint64_t seed = 0; seed < 200; seed++) {
        wr_rcf *f = forest(2, 1, 1, 12, 1000);
        uint64_t r = seed;
        for (int i = 0; i < 12; i++) {
            double v[2] = {gauss(&r), grid(&r)};
            push(f, v, NULL);
        }
        wri_rcf_tree *t = &f->trees[0];
        uint32_t pick = t->picks[seed % 12], id = t->leaves[pick].point, mass, sibling = 0;
        uint32_t above = WRI_RCF_NONE, kid = t->root;
        const float *x = (const float *)wri_rcf_point(f, id);
        while (!(kid & WRI_RCF_LEAF)) {
            above = kid;
            const wri_rcf_node *n = wri_rcf_node_at(f, t, kid);
            kid = n->kid[x[n->dim] > n->cut];
        }
        uint64_t before = 0, after = 0, none = 0;
        uint32_t depth = depth_of(f, t, t->root, 0, id, &before, &mass);
        const wri_rcf_node *n = wri_rcf_node_at(f, t, above);
        depth_of(f, t, n->kid[n->kid[0] == kid], 0, id, &none, &sibling);
        wri_rcf_remove(f, t, pick);
        depth_of(f, t, t->root, 0, id, &after, &mass);
        cr_assert_eq(before - after, sibling + depth);
        wr_rcf_free(f);
    }
}

/* The first cut of {0, 1, 10} lies below 1 one time in ten, in whatever order they come, and whoever was
 * there meanwhile. */
Test(rcf, trees_do_not_depend_on_the_order_of_points) {
    static const int orders[][4] = {{0, 1, 10, -1}, {0, 10, 1, -1}, {1, 0, 10, -1}, {10, 1, 0, -1},
                                    {10, 40, 1, 0}, {40, 0, 1, 10}, {0, 1, 40, 10}, {0, 40, 10, 1},
                                    {1, 10, 0, 40}, {5, 5, 5, 5}};
    for (size_t o = 0; o + 1 < WR_LEN(orders); o++) {
        wr_rcf_opts opts = {1, 1, 10000, 5, 1000, o + 1};
        wr_rcf *f;
        is(wr_rcf_new(&opts, &f, NULL), WR_OK, NULL);
        for (int i = 0; i < 4 && orders[o][i] >= 0; i++) {
            double v = orders[o][i];
            push(f, &v, NULL);
        }
        uint32_t low = 0;
        float forty = (float)(40 - f->origin[0]), one = (float)(1 - f->origin[0]);
        for (uint32_t i = 0; i < opts.trees; i++) {
            wri_rcf_tree *t = &f->trees[i];
            for (uint32_t k = 0; k < t->n; k++)
                if (*(const float *)wri_rcf_point(f, point_of(t, k)) == forty) {
                    wri_rcf_remove(f, t, t->picks[k]);
                    break;
                }
            low += wri_rcf_node_at(f, t, t->root)->cut < one;
        }
        cr_assert(low > 880 && low < 1120, "order %zu: %u of 10000", o, low);
        wr_rcf_free(f);
    }
}

/* ---- samples ---- */

static int by_key(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The mean age of picks is that of a reservoir that draws a key for every point. */
Test(rcf, samples_decay_as_a_weighted_reservoir) {
    enum { N = 1500, SAMPLE = 16, TREES = 3000 };
    static double keys[N][2];
    static const uint64_t decays[] = {17, 100, 1000000};
    for (size_t d = 0; d < WR_LEN(decays); d++) {
        wr_rcf *f = forest(1, 1, TREES, SAMPLE, decays[d]);
        for (int i = 0; i < N; i++) {
            double v = i;
            push(f, &v, NULL);
        }
        double age = 0, expected = 0;
        for (uint32_t t = 0; t < TREES; t++)
            for (uint32_t k = 0; k < SAMPLE; k++)
                age += N - 1 - (double)*(const float *)wri_rcf_point(f, point_of(&f->trees[t], k));
        uint64_t r = 99;
        for (uint32_t t = 0; t < TREES; t++) {
            for (int i = 0; i < N; i++) {
                keys[i][0] = log(-log(wr_random_unit(&r))) - i / (double)decays[d];
                keys[i][1] = N - 1 - i;
            }
            qsort(keys, N, sizeof keys[0], by_key);
            for (int k = 0; k < SAMPLE; k++) expected += keys[k][1];
        }
        cr_assert_float_eq(age / expected, 1, 0.02, "decay %" PRIu64 ": %g, not %g", decays[d], age,
                           expected);
        wr_rcf_free(f);
    }
}

/* ---- scores ---- */

Test(rcf, learning_scores_zero_and_outliers_high) {
    wr_rcf *f = forest(3, 1, 100, 64, 100000);
    uint64_t r = 3;
    double usual = 0;
    for (int i = 0; i < 1000; i++) {
        double v[3] = {gauss(&r), 50 + gauss(&r), gauss(&r)}, score = push(f, v, NULL);
        cr_assert_eq(score == 0, i < 64);
        usual += score / (1000 - 64);
    }
    cr_assert(usual > 0.6 && usual < 1.2, "%g", usual);
    double out[3] = {0, 20, 0}, parts[6], score = push(f, out, parts);
    cr_assert_gt(score, 2.5);
    cr_assert_gt(parts[2], 0.8 * score, "the second column is low");
    double up[3] = {40, 50, 0};
    score = push(f, up, parts);
    cr_assert_gt(parts[1], 0.8 * score, "the first one is high");
    wr_rcf_free(f);
}

Test(rcf, records_with_no_number_are_passed_over) {
    wr_rcf *f = forest(2, 3, 5, 10, 50), *g = forest(2, 3, 5, 10, 50);
    uint64_t r = 1;
    for (int i = 0; i < 300; i++) {
        double v[2] = {gauss(&r), gauss(&r)},
               bad[2] = {1, i % 3 == 0   ? NAN
                            : i % 3 == 1 ? INFINITY
                                         : -INFINITY},
               parts[4];
        double none = push(f, bad, parts);
        cr_assert(isnan(none));
        cr_assert_eq(parts[0] + parts[1] + parts[2] + parts[3], 0);
        same(push(f, v, NULL), push(g, v, NULL));
    }
    wr_rcf_free(f);
    wr_rcf_free(g);
}

/* Equal points make one leaf in each tree, one point in the store. */
Test(rcf, equal_points_share) {
    wr_rcf *f = forest(2, 1, 20, 50, 60);
    double v[2] = {4, 5}, score = 0;
    for (int i = 0; i < 500; i++) score = push(f, v, NULL);
    cr_assert_leq(f->n_store, 2);
    cr_assert_float_eq(score, 0.5, 1e-9); /* (1 - 50 / 100) / log2(51), scaled by log2(51) */
    double other[2] = {4, 6};
    score = push(f, other, NULL);
    cr_assert_float_eq(score, log2(51), 1e-6);
    wr_rcf_free(f);
}

/* ---- bytes ---- */

Test(rcf, saved_forests_go_on_as_they_would_have) {
    for (uint32_t shingle = 1; shingle <= 3; shingle += 2) {
        wr_rcf *f = forest(2, shingle, 4, 12, 15);
        uint64_t r = 5;
        for (int i = 0; i < 120; i++) {
            wr_buf saved = {0}, again = {0};
            is(wr_rcf_save(f, &saved), WR_OK, NULL);
            wr_rcf *g = forest(2, shingle, 4, 12, 15);
            wr_err err;
            is(wr_rcf_load(g, saved.data, saved.len, &err), WR_OK, &err);
            sound(g);
            is(wr_rcf_save(g, &again), WR_OK, NULL);
            cr_assert_eq(saved.len, again.len);
            cr_assert_eq(memcmp(saved.data, again.data, saved.len), 0);
            wr_rcf *h = forest(2, shingle, 4, 12, 15); /* what f would do, without doing it */
            is(wr_rcf_load(h, saved.data, saved.len, &err), WR_OK, &err);
            uint64_t ahead = r;
            for (int k = 0; k < 40; k++) {
                double v[2] = {grid(&ahead), gauss(&ahead)};
                double expected = push(h, v, NULL);
                same(push(g, v, NULL), expected);
            }
            double v[2] = {grid(&r), gauss(&r)};
            push(f, v, NULL);
            wr_buf_free(&saved);
            wr_buf_free(&again);
            wr_rcf_free(g);
            wr_rcf_free(h);
        }
        wr_rcf_free(f);
    }
}

Test(rcf, loaded_and_never_saved_score_alike) {
    wr_rcf *f = forest(3, 2, 10, 32, 40), *g = forest(3, 2, 10, 32, 40);
    uint64_t r = 8;
    for (int i = 0; i < 400; i++) {
        double v[3] = {gauss(&r), grid(&r), gauss(&r)}, a[6], b[6];
        same(push(f, v, a), push(g, v, b));
        cr_assert_eq(memcmp(a, b, sizeof a), 0);
        if (i % 37 != 0) continue;
        wr_buf saved = {0};
        is(wr_rcf_save(g, &saved), WR_OK, NULL);
        wr_rcf_free(g);
        g = forest(3, 2, 10, 32, 40);
        is(wr_rcf_load(g, saved.data, saved.len, NULL), WR_OK, NULL);
        wr_buf_free(&saved);
    }
    wr_rcf_free(f);
    wr_rcf_free(g);
}

Test(rcf, damaged_bytes_are_refused_or_harmless) {
    wr_rcf *f = forest(2, 1, 3, 8, 10);
    uint64_t r = 2;
    for (int i = 0; i < 50; i++) {
        double v[2] = {grid(&r), gauss(&r)};
        push(f, v, NULL);
    }
    wr_buf saved = {0};
    is(wr_rcf_save(f, &saved), WR_OK, NULL);
    for (size_t cut = 0; cut < saved.len; cut++) {
        wr_rcf *g = forest(2, 1, 3, 8, 10);
        is(wr_rcf_load(g, saved.data, cut, NULL), WR_EDATA, NULL);
        wr_rcf_free(g);
    }
    for (size_t i = 0; i < saved.len * 8; i++) {
        saved.data[i / 8] ^= (char)(1 << i % 8);
        wr_rcf *g = forest(2, 1, 3, 8, 10);
        if (wr_rcf_load(g, saved.data, saved.len, NULL) == WR_OK) {
            sound(g);
            for (int k = 0; k < 20; k++) {
                double v[2] = {grid(&r), gauss(&r)};
                push(g, v, NULL);
                sound(g);
            }
        }
        wr_rcf_free(g);
        saved.data[i / 8] ^= (char)(1 << i % 8);
    }
    wr_rcf *g = forest(2, 1, 3, 8, 11);
    is(wr_rcf_load(g, saved.data, saved.len, NULL), WR_EDATA, NULL);
    wr_rcf_free(g);
    wr_buf_free(&saved);
    wr_rcf_free(f);
}

/* ---- memory ---- */

Test(rcf, without_memory_nothing_changes) {
    wr_rcf_opts o = {2, 2, 3, 40, 50, 7};
    wr_rcf *f, *g = forest(2, 2, 3, 40, 50);
    wr_status s = WR_ENOMEM;
    for (uint64_t n = 1; s != WR_OK; n++) {
        wr_mem_fail_at(n);
        s = wr_rcf_new(&o, &f, NULL);
        wr_mem_fail_at(0);
        if (s != WR_OK) cr_assert(!f);
    }
    uint64_t r = 4;
    uint32_t failed = 0;
    for (int i = 0; i < 300; i++) {
        double v[2] = {gauss(&r), gauss(&r)}, score = 0;
        for (uint64_t n = 1;; n++) {
            wr_mem_fail_at(n);
            s = wr_rcf_push(f, v, &score, NULL, NULL);
            wr_mem_fail_at(0);
            if (s == WR_OK) break;
            cr_assert_eq(s, WR_ENOMEM);
            failed++;
            sound(f);
        }
        same(push(g, v, NULL), score);
    }
    cr_assert_gt(failed, 10);
    wr_buf saved = {0};
    for (uint64_t n = 1;; n++) {
        saved.len = 0;
        wr_mem_fail_at(n);
        s = wr_rcf_save(f, &saved);
        wr_mem_fail_at(0);
        if (s == WR_OK) break;
    }
    for (uint64_t n = 1;; n++) {
        wr_rcf_free(g);
        g = forest(2, 2, 3, 40, 50);
        wr_mem_fail_at(n);
        s = wr_rcf_load(g, saved.data, saved.len, NULL);
        wr_mem_fail_at(0);
        if (s == WR_OK) break;
        cr_assert_eq(s, WR_ENOMEM);
    }
    wr_buf_free(&saved);
    wr_rcf_free(f);
    wr_rcf_free(g);
}

Test(rcf, memory_is_bounded_and_options_are_checked) {
    wr_rcf_opts o = {4, 1, 100, 256, 100000, 1};
    cr_assert_lt(wr_rcf_bytes_max(&o), 4 << 20);
    wr_rcf *f = forest(4, 1, 100, 256, 257);
    uint64_t r = 1;
    for (int i = 0; i < 1500; i++) {
        double v[4] = {gauss(&r), gauss(&r), gauss(&r), gauss(&r)};
        push(f, v, NULL);
    }
    sound(f);
    wr_rcf_free(f);
    static const wr_rcf_opts wrong[] = {
        {0, 1, 1, 2, 1, 0},         {1, 0, 1, 2, 1, 0},     {1, 1, 0, 2, 1, 0},
        {1, 1, 1, 1, 1, 0},         {1, 1, 1, 2, 0, 0},     {65537, 1, 1, 2, 1, 0},
        {70000, 70000, 1, 2, 1, 0}, {1, 1, 10001, 2, 1, 0}, {1, 1, 1, 65537, 1, 0}};
    for (size_t i = 0; i < WR_LEN(wrong); i++) {
        wr_err err;
        is(wr_rcf_new(&wrong[i], &f, &err), WR_EINVAL, NULL);
        cr_assert(!f);
        cr_assert_eq(wr_rcf_bytes_max(&wrong[i]), UINT64_MAX);
    }
}
