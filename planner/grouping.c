/* planner/grouping.c -- GROUP BY a, ROLLUP(b, c), … becomes a list of grouping sets.
 *
 * A set is a 64-bit mask of keys. Elements of GROUP BY multiply: every set of the first with every set
 * of the second. Without GROUPING SETS, ROLLUP and CUBE there is one set of all keys and no mask, so
 * that the number of plain keys has no limit. */
#include "plan_int.h"

#define WRI_SET_KEYS_MAX 64   /* bits of a mask */
#define WRI_SETS_MAX     1024 /* each is an aggregation of its own */

typedef struct sets {
    wri_ctx *c;
    wri_add_key *add;
    void *ctx;
    bool masks; /* false: keys are only added */
} sets;
typedef struct list {
    uint64_t *items;
    uint32_t n, cap;
} list;

static bool push(sets *s, list *l, uint64_t mask, wr_loc loc) {
    if (l->n == WRI_SETS_MAX) {
        wri_error(s->c, loc, "name the sets you need in GROUPING SETS",
                  "GROUP BY makes more than %d grouping sets", WRI_SETS_MAX);
        return false;
    }
    uint64_t *slot = wri_new_last(s->c, &l->items, &l->n, &l->cap, sizeof *slot);
    if (slot) *slot = mask;
    return slot != NULL;
}

/* The mask of an expression or a (a, b, …). */
static bool unit_mask(sets *s, const wr_group *g, uint64_t *maskp) {
    *maskp = 0;
    if (g->kind == WR_G_EXPR) {
        uint32_t idx;
        if (!s->add(s->ctx, g->expr, &idx)) return false;
        if (s->masks && idx >= WRI_SET_KEYS_MAX) {
            wri_error(s->c, g->loc, "split the query", "GROUPING SETS with more than %d keys",
                      WRI_SET_KEYS_MAX);
            return false;
        }
        if (s->masks) *maskp = UINT64_C(1) << idx;
        return true;
    }
    bool ok = true;
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t m;
        ok = unit_mask(s, &g->items[i], &m) && ok;
        if (ok) *maskp |= m;
    }
    return ok;
}

/* ROLLUP: the prefixes, longest first. CUBE: all subsets. */
static bool rollup_cube(sets *s, const wr_group *g, list *out) {
    uint64_t *units = wri_new_n(s->c, g->n, sizeof *units);
    if (!units) return false;
    for (uint32_t i = 0; i < g->n; i++)
        if (!unit_mask(s, &g->items[i], &units[i])) return false;
    if (g->kind == WR_G_ROLLUP) {
        for (uint32_t n = g->n + 1; n-- > 0;) {
            uint64_t m = 0;
            for (uint32_t i = 0; i < n; i++) m |= units[i];
            if (!push(s, out, m, g->loc)) return false;
        }
        return true;
    }
    if (g->n >= 20) return push(s, &(list){.n = WRI_SETS_MAX}, 0, g->loc); /* says that there are too many */
    for (uint32_t bits = UINT32_C(1) << g->n; bits-- > 0;) {
        uint64_t m = 0;
        for (uint32_t i = 0; i < g->n; i++)
            if (bits >> i & 1) m |= units[i];
        if (!push(s, out, m, g->loc)) return false;
    }
    return true;
}

static bool element(sets *s, const wr_group *g, list *out) {
    if (g->kind == WR_G_ROLLUP || g->kind == WR_G_CUBE) return rollup_cube(s, g, out);
    if (g->kind == WR_G_SETS) {
        for (uint32_t i = 0; i < g->n; i++)
            if (!element(s, &g->items[i], out)) return false;
        return true;
    }
    uint64_t m;
    return unit_mask(s, g, &m) && push(s, out, m, g->loc);
}

static bool is_simple(const wr_group *g, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (g[i].kind != WR_G_EXPR && g[i].kind != WR_G_TUPLE) return false;
    return true;
}

bool wri_grouping_sets(wri_ctx *c, const wr_query *y, wri_add_key *add, void *ctx, uint64_t **setsp,
                       uint32_t *np, bool *simplep) {
    sets s = {.c = c, .add = add, .ctx = ctx, .masks = !is_simple(y->groups, y->n_groups)};
    *simplep = !s.masks;
    *setsp = NULL;
    *np = 1;
    bool ok = true;
    if (!s.masks) {
        uint64_t unused;
        for (uint32_t i = 0; i < y->n_groups; i++) ok = unit_mask(&s, &y->groups[i], &unused) && ok;
        return ok;
    }
    list all = {0};
    if (!push(&s, &all, 0, y->loc)) return false;
    for (uint32_t i = 0; i < y->n_groups; i++) {
        list el = {0}, next = {0};
        if (!element(&s, &y->groups[i], &el)) return false;
        for (uint32_t a = 0; a < all.n; a++)
            for (uint32_t b = 0; b < el.n; b++)
                if (!push(&s, &next, all.items[a] | el.items[b], y->groups[i].loc)) return false;
        all = next;
    }
    *setsp = all.items;
    *np = all.n;
    return true;
}
