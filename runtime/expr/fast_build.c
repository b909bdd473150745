/* runtime/expr/fast_build.c -- expressions of FAST_REGEX_LOG_PARSE: made, each once, and stepped through. */
#include <stdlib.h>

#include "fast_int.h"

#define CHAR_MAX_ UINT32_C(0x10ffff)
#define STEPS     (1u << 16) /* places for derivatives; half of them are used */
#define FIXED_MAX 1000000

bool wri_frx_begin(wri_frx *f) {
    *f = (wri_frx){.n_table = 1u << 10};
    f->table = wr_calloc(f->n_table, sizeof *f->table);
    if (!f->table || wr_grow(&f->nodes, &f->cap_nodes, 4, sizeof *f->nodes) != WR_OK) return false;
    f->nodes[WRI_FRX_NONE] = (wri_frx_node){.kind = WRI_FRX_K_NONE, .fixed = -1};
    f->nodes[WRI_FRX_EMPTY] = (wri_frx_node){.kind = WRI_FRX_K_EMPTY, .nullable = true};
    f->n_nodes = 2;
    wri_frx_id any = wri_frx_chars(f, &(wri_frx_range){0, CHAR_MAX_}, 1, false);
    wri_frx_id all = wri_frx_rep(f, any, 0, WRI_FRX_ENDLESS);
    return !f->oom && any == WRI_FRX_ANY && all == WRI_FRX_ALL;
}

void wri_frx_free(wri_frx *f) {
    wr_free(f->nodes);
    wr_free(f->table);
    wr_free(f->ranges);
    wr_free(f->classes);
    wr_free(f->cuts);
    wr_free(f->steps);
    *f = (wri_frx){0};
}

/* ---- nodes, each once ---- */

static uint32_t node_hash(const wri_frx_node *n) {
    uint64_t h = wr_hash_u64(((uint64_t)n->a << 32) | n->b);
    h = wr_hash_u64(h ^ (((uint64_t)n->lo << 32) | n->hi) ^ ((uint64_t)n->kind << 56));
    return (uint32_t)h;
}

static bool same_node(const wri_frx_node *x, const wri_frx_node *y) {
    return x->kind == y->kind && x->a == y->a && x->b == y->b && x->lo == y->lo && x->hi == y->hi;
}

static void enter(wri_frx *f, uint32_t id) {
    uint32_t at = node_hash(&f->nodes[id]) & (f->n_table - 1);
    while (f->table[at]) at = (at + 1) & (f->n_table - 1);
    f->table[at] = id;
}

static bool grow_table(wri_frx *f) {
    uint32_t n = f->n_table * 2;
    uint32_t *table = wr_calloc(n, sizeof *table);
    if (!table) return false;
    wr_free(f->table);
    f->table = table;
    f->n_table = n;
    for (uint32_t i = 2; i < f->n_nodes; i++) enter(f, i);
    return true;
}

static wri_frx_id node(wri_frx *f, wri_frx_node n) {
    if (f->oom || f->full) return WRI_FRX_NONE;
    uint32_t at = node_hash(&n) & (f->n_table - 1);
    for (; f->table[at]; at = (at + 1) & (f->n_table - 1))
        if (same_node(&f->nodes[f->table[at]], &n)) return f->table[at];
    if (f->n_nodes >= WRI_FRX_NODES_MAX) {
        f->full = true;
        return WRI_FRX_NONE;
    }
    if (wr_grow(&f->nodes, &f->cap_nodes, f->n_nodes + 1, sizeof *f->nodes) != WR_OK ||
        (f->n_nodes * 2 >= f->n_table && !grow_table(f))) {
        f->oom = true;
        return WRI_FRX_NONE;
    }
    f->nodes[f->n_nodes] = n;
    enter(f, (uint32_t)f->n_nodes);
    return (uint32_t)f->n_nodes++;
}

static int32_t sum(int32_t a, int32_t b) { return a < 0 || b < 0 || a + b > FIXED_MAX ? -1 : a + b; }

wri_frx_id wri_frx_cat(wri_frx *f, wri_frx_id a, wri_frx_id b) {
    if (a == WRI_FRX_NONE || b == WRI_FRX_NONE) return WRI_FRX_NONE;
    if (a == WRI_FRX_EMPTY) return b;
    if (b == WRI_FRX_EMPTY || (a == WRI_FRX_ALL && b == WRI_FRX_ALL)) return a;
    wri_frx_node x = f->nodes[a], y = f->nodes[b];
    if (x.kind == WRI_FRX_K_CAT) return wri_frx_cat(f, x.a, wri_frx_cat(f, x.b, b));
    return node(f, (wri_frx_node){.kind = WRI_FRX_K_CAT,
                                  .nullable = x.nullable && y.nullable,
                                  .a = a,
                                  .b = b,
                                  .fixed = sum(x.fixed, y.fixed)});
}

static wri_frx_id pair(wri_frx *f, wri_frx_kind kind, wri_frx_id a, wri_frx_id b) {
    wri_frx_node x = f->nodes[a], y = f->nodes[b], n = {.kind = kind, .a = a, .b = b};
    bool or = kind == WRI_FRX_K_OR;
    n.nullable = or ? x.nullable || y.nullable : x.nullable && y.nullable;
    n.fixed = or ? (x.fixed == y.fixed ? x.fixed : -1) : x.fixed >= 0 ? x.fixed : y.fixed;
    return node(f, n);
}

/* The choices of both, each once, by number: without that there would be no end of derivatives. */
wri_frx_id wri_frx_or(wri_frx *f, wri_frx_id a, wri_frx_id b) {
    wri_frx_id heads[2], all = WRI_FRX_NONE, *list = NULL;
    size_t n = 0, cap = 0;
    if (a == b || b == WRI_FRX_NONE || a == WRI_FRX_ALL) return a;
    if (a == WRI_FRX_NONE || b == WRI_FRX_ALL) return b;
    for (bool more = true; more && !f->oom;) {
        const wri_frx_node *x = &f->nodes[a], *y = &f->nodes[b];
        heads[0] = x->kind == WRI_FRX_K_OR ? x->a : a;
        heads[1] = y->kind == WRI_FRX_K_OR ? y->a : b;
        if (a == WRI_FRX_NONE) heads[0] = UINT32_MAX;
        if (b == WRI_FRX_NONE) heads[1] = UINT32_MAX;
        wri_frx_id least = heads[0] < heads[1] ? heads[0] : heads[1];
        if (least == UINT32_MAX) break;
        if (heads[0] == least) a = x->kind == WRI_FRX_K_OR ? x->b : WRI_FRX_NONE;
        if (heads[1] == least) b = y->kind == WRI_FRX_K_OR ? y->b : WRI_FRX_NONE;
        if (wr_grow(&list, &cap, n + 1, sizeof *list) != WR_OK) f->oom = true;
        else list[n++] = least;
    }
    if (n && !f->oom) all = list[--n];
    while (n > 0 && all) all = pair(f, WRI_FRX_K_OR, list[--n], all);
    wr_free(list);
    return f->oom || f->full ? WRI_FRX_NONE : all;
}

wri_frx_id wri_frx_and(wri_frx *f, wri_frx_id a, wri_frx_id b) {
    if (a == b || a == WRI_FRX_NONE || b == WRI_FRX_ALL) return a;
    if (b == WRI_FRX_NONE || a == WRI_FRX_ALL) return b;
    return a < b ? pair(f, WRI_FRX_K_AND, a, b) : pair(f, WRI_FRX_K_AND, b, a);
}

wri_frx_id wri_frx_not(wri_frx *f, wri_frx_id a) {
    if (a == WRI_FRX_NONE) return WRI_FRX_ALL;
    if (a == WRI_FRX_ALL) return WRI_FRX_NONE;
    if (f->nodes[a].kind == WRI_FRX_K_NOT) return f->nodes[a].a;
    return node(
        f, (wri_frx_node){.kind = WRI_FRX_K_NOT, .nullable = !f->nodes[a].nullable, .a = a, .fixed = -1});
}

wri_frx_id wri_frx_rep(wri_frx *f, wri_frx_id a, uint32_t lo, uint32_t hi) {
    wri_frx_node x = f->nodes[a];
    if (hi == 0 || a == WRI_FRX_EMPTY) return WRI_FRX_EMPTY;
    if (a == WRI_FRX_NONE) return lo == 0 ? WRI_FRX_EMPTY : WRI_FRX_NONE;
    if (lo == 1 && hi == 1) return a;
    if (x.nullable) lo = 0;
    if (x.kind == WRI_FRX_K_REP && x.lo == 0 && x.hi == WRI_FRX_ENDLESS) return a;
    int64_t fixed = lo == hi && x.fixed >= 0 ? (int64_t)x.fixed * lo : -1;
    return node(f, (wri_frx_node){.kind = WRI_FRX_K_REP,
                                  .nullable = lo == 0,
                                  .a = a,
                                  .lo = lo,
                                  .hi = hi,
                                  .fixed = fixed > FIXED_MAX ? -1 : (int32_t)fixed});
}

/* ---- classes of characters ---- */

static int by_lo(const void *a, const void *b) {
    const wri_frx_range *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static bool add_range(wri_frx *f, size_t first, uint32_t lo, uint32_t hi) {
    if (f->n_ranges > first && lo <= (uint64_t)f->ranges[f->n_ranges - 1].hi + 1) {
        wri_frx_range *last = &f->ranges[f->n_ranges - 1];
        if (hi > last->hi) last->hi = hi;
        return true;
    }
    if (wr_grow(&f->ranges, &f->cap_ranges, f->n_ranges + 1, sizeof *f->ranges) != WR_OK) return false;
    f->ranges[f->n_ranges++] = (wri_frx_range){lo, hi};
    return true;
}

/* The class that the ranges from `first` on make; they are taken off again when there is one like it. */
static bool class_of(wri_frx *f, size_t first, uint32_t *idp) {
    uint32_t n = (uint32_t)(f->n_ranges - first);
    for (uint32_t i = 0; i < f->n_classes; i++)
        if (f->classes[i].n == n &&
            memcmp(&f->ranges[f->classes[i].first], &f->ranges[first], n * sizeof *f->ranges) == 0) {
            f->n_ranges = first;
            *idp = i;
            return true;
        }
    if (wr_grow(&f->classes, &f->cap_classes, f->n_classes + 1, sizeof *f->classes) != WR_OK) return false;
    *idp = (uint32_t)f->n_classes;
    f->classes[f->n_classes++] = (wri_frx_class){(uint32_t)first, n};
    return true;
}

wri_frx_id wri_frx_chars(wri_frx *f, const wri_frx_range *ranges, uint32_t n, bool negated) {
    wri_frx_range *sorted = wr_alloc((n + 1) * sizeof *sorted);
    size_t first = f->n_ranges;
    uint32_t class = 0, from = 0;
    f->oom |= !sorted;
    if (f->oom) {
        wr_free(sorted);
        return WRI_FRX_NONE;
    }
    memcpy(sorted, ranges, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_lo);
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        if (!negated) ok = add_range(f, first, sorted[i].lo, sorted[i].hi);
        else if (sorted[i].lo > from) ok = add_range(f, first, from, sorted[i].lo - 1);
        if (sorted[i].hi + 1 > from) from = sorted[i].hi + 1;
    }
    if (ok && negated && from <= CHAR_MAX_) ok = add_range(f, first, from, CHAR_MAX_);
    wr_free(sorted);
    if (ok && f->n_ranges == first) return WRI_FRX_NONE; /* no character is in it */
    if (!ok || !class_of(f, first, &class)) f->oom = true;
    return node(f, (wri_frx_node){.kind = WRI_FRX_K_CLASS, .a = class, .fixed = 1});
}

static bool has_char(const wri_frx *f, uint32_t class, uint32_t c) {
    uint32_t lo = f->classes[class].first, hi = lo + f->classes[class].n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (c > f->ranges[mid].hi) lo = mid + 1;
        else hi = mid;
    }
    return lo < f->classes[class].first + f->classes[class].n && c >= f->ranges[lo].lo;
}

/* ---- segments ---- */

static int by_value(const void *a, const void *b) {
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static uint32_t segment_of(const wri_frx *f, uint32_t c) {
    uint32_t lo = 0, hi = f->n_cuts;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (f->cuts[mid] <= c) lo = mid;
        else hi = mid;
    }
    return lo;
}

bool wri_frx_ready(wri_frx *f) {
    f->cuts = wr_calloc(2 * f->n_ranges + 1, sizeof *f->cuts);
    f->steps = wr_calloc(STEPS, sizeof *f->steps);
    if (!f->cuts || !f->steps) return false;
    uint32_t n = 1;
    for (size_t i = 0; i < f->n_ranges; i++) {
        f->cuts[n++] = f->ranges[i].lo;
        f->cuts[n++] = f->ranges[i].hi + 1;
    }
    qsort(f->cuts, n, sizeof *f->cuts, by_value);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || f->cuts[i] != f->cuts[f->n_cuts - 1]) f->cuts[f->n_cuts++] = f->cuts[i];
    for (uint32_t c = 0; c < 128; c++) f->ascii[c] = (uint16_t)segment_of(f, c);
    f->n_own = (uint32_t)f->n_nodes;
    return true;
}

/* ---- derivatives ---- */

static wri_frx_id next(wri_frx *f, wri_frx_id e, uint32_t segment);

static wri_frx_id derive(wri_frx *f, wri_frx_id e, uint32_t segment) {
    wri_frx_node n = f->nodes[e];
    switch ((wri_frx_kind)n.kind) {
    case WRI_FRX_K_NONE:
    case WRI_FRX_K_EMPTY:
        return WRI_FRX_NONE;
    case WRI_FRX_K_CLASS:
        return has_char(f, n.a, f->cuts[segment]) ? WRI_FRX_EMPTY : WRI_FRX_NONE;
    case WRI_FRX_K_CAT: {
        wri_frx_id first = wri_frx_cat(f, next(f, n.a, segment), n.b);
        return f->nodes[n.a].nullable ? wri_frx_or(f, first, next(f, n.b, segment)) : first;
    }
    case WRI_FRX_K_OR: {
        wri_frx_id all = next(f, n.a, segment);
        for (e = n.b; !f->oom && !f->full; e = f->nodes[e].b) {
            bool last = f->nodes[e].kind != WRI_FRX_K_OR;
            all = wri_frx_or(f, all, next(f, last ? e : f->nodes[e].a, segment));
            if (last) break;
        }
        return all;
    }
    case WRI_FRX_K_AND:
        return wri_frx_and(f, next(f, n.a, segment), next(f, n.b, segment));
    case WRI_FRX_K_NOT:
        return wri_frx_not(f, next(f, n.a, segment));
    case WRI_FRX_K_REP: {
        uint32_t hi = n.hi == WRI_FRX_ENDLESS ? n.hi : n.hi - 1;
        wri_frx_id rest = wri_frx_rep(f, n.a, n.lo ? n.lo - 1 : 0, hi);
        return wri_frx_cat(f, next(f, n.a, segment), rest);
    }
    }
    return WRI_FRX_NONE;
}

static wri_frx_id next(wri_frx *f, wri_frx_id e, uint32_t segment) {
    if (e == WRI_FRX_NONE || e == WRI_FRX_EMPTY) return WRI_FRX_NONE;
    uint32_t at = (uint32_t)wr_hash_u64(((uint64_t)e << 32) | segment) & (STEPS - 1);
    for (; f->steps[at].node; at = (at + 1) & (STEPS - 1))
        if (f->steps[at].node == e && f->steps[at].segment == segment) return f->steps[at].next;
    if (f->n_steps >= STEPS / 2) f->full = true;
    if (f->full || f->oom) return WRI_FRX_NONE;
    f->n_steps++;
    wri_frx_id d = derive(f, e, segment);
    if (f->full || f->oom) return WRI_FRX_NONE;
    at = (uint32_t)wr_hash_u64(((uint64_t)e << 32) | segment) & (STEPS - 1);
    while (f->steps[at].node) at = (at + 1) & (STEPS - 1); /* others have been put meanwhile */
    f->steps[at] = (wri_frx_step){.node = e, .next = d, .segment = segment};
    return d;
}

wri_frx_id wri_frx_next(wri_frx *f, wri_frx_id e, uint32_t c) {
    return next(f, e, c < 128 ? f->ascii[c] : segment_of(f, c));
}

void wri_frx_rest(wri_frx *f) {
    if (!f->full && f->n_nodes < WRI_FRX_NODES_MAX / 2 && f->n_steps < STEPS / 4) return;
    memset(f->steps, 0, STEPS * sizeof *f->steps);
    memset(f->table, 0, f->n_table * sizeof *f->table);
    f->n_nodes = f->n_own;
    f->n_steps = 0;
    f->full = false;
    for (uint32_t i = 2; i < f->n_nodes; i++) enter(f, i);
}
