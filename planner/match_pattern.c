/* planner/match_pattern.c -- PATTERN and SUBSET: from regular expression to positions.
 *
 *   A B+ C?  ─►  pos 1 A: next 2;  pos 2 B: next 2, 3, END;  pos 3 C: next END
 *
 * Quantifiers are written out, so that {2,4} is four positions. The graph in between has a node per variable
 * and per choice; what follows a position is the walk over choices, the preferred branch first. Iterations
 * beyond the least number that take no row are not considered: a gate at their end stops a walk that came in
 * at their beginning. Which iterations those are is one number, as without a row since an outer one began
 * there was none since the inner ones began; so each choice is walked at most once for each depth. */
#include <strings.h>

#include "match_int.h"

#define NODES_MAX   10000    /* of the pattern written out */
#define EDGES_MAX   1000000  /* what follows all positions together */
#define WALK_MAX    20000000 /* choices and positions passed to find that */
#define PERMUTE_MAX 8
#define END         WR_MATCH_END
#define LAST        WR_MATCH_LAST

typedef struct node {
    enum { POSITION, CHOICE, GATE, BEGIN, FINISH } kind; /* BEGIN: ^; FINISH: $ */
    bool excluded;
    uint32_t var;
    uint32_t a, b; /* CHOICE: a, else b. Others: what it goes on to is a */
    uint32_t pos;  /* POSITION: its number */
    /* CHOICE, GATE: how many iterations that may be empty lie around what they begin and end, and this one;
     * 0: it takes a row for certain, or is none. */
    uint32_t depth;
    bool second; /* CHOICE: b is the iteration, not a */
} node;

typedef struct place { /* of a walk: the iterations from level on have taken no row yet */
    uint32_t node, level;
    bool last; /* it came through $: no row can follow */
} place;

typedef struct graph {
    wri_mr *m;
    node *nodes;
    uint32_t n, cap, n_pos;
    uint32_t depth, deepest;
    place *stack;
    uint32_t top, stack_cap;
    bool at_first; /* the walk begins at a key's first row: ^ lets it through */
    uint64_t walked;
    uint32_t *seen, *listed, walk; /* by node and level, by position: the walk that was there last */
    bool failed;
} graph;

/* ---- names ---- */

static uint32_t var_of(const wri_mr *m, const wr_ident *id) {
    for (uint32_t i = 0; i < m->spec->n_vars; i++)
        if (wri_ident_matches(id, m->spec->vars[i].name)) return i;
    return WR_NO_COL;
}

uint64_t wri_mr_vars(const wri_mr *m, const wr_ident *id) {
    uint32_t v = var_of(m, id);
    if (v != WR_NO_COL) return UINT64_C(1) << v;
    for (uint32_t i = 0; i < m->n_subsets; i++)
        if (wri_ident_matches(id, m->subsets[i].name->text)) return m->subsets[i].vars;
    return 0;
}

const char *wri_mr_nearest_var(wri_mr *m, const wr_ident *id) {
    uint32_t n = m->spec->n_vars;
    const char **names = wri_new_n(m->c, n + m->n_subsets + 1, sizeof *names);
    if (!names) return NULL;
    for (uint32_t i = 0; i < n; i++) names[i] = m->spec->vars[i].name;
    for (uint32_t i = 0; i < m->n_subsets; i++) names[n++] = m->subsets[i].name->text;
    return wri_suggest(m->c, wr_nearest(id->text, names, n, sizeof *names));
}

static bool add_vars(wri_mr *m, const wr_pattern *x) {
    for (uint32_t i = 0; i < x->n; i++)
        if (!add_vars(m, x->items[i])) return false;
    if (x->kind != WR_PT_VAR || var_of(m, &x->var) != WR_NO_COL) return true;
    if (m->spec->n_vars == WR_MATCH_VARS_MAX) {
        wri_error(m->c, x->var.loc, "name rows that need not be told apart the same",
                  "PATTERN has more than %d different variables", WR_MATCH_VARS_MAX);
        return false;
    }
    wr_match_var *v = wri_new_last(m->c, &m->spec->vars, &m->spec->n_vars, &m->vars_cap, sizeof *v);
    if (v) *v = (wr_match_var){.name = x->var.text};
    return v != NULL;
}

static bool add_subset(wri_mr *m, const wr_define *s) {
    wri_mr_subset sub = {.name = &s->var};
    if (wri_mr_vars(m, &s->var)) {
        wri_error(m->c, s->var.loc, "give it another name", "SUBSET %s: there is a variable of that name",
                  s->var.text);
        return false;
    }
    for (uint32_t i = 0; i < s->expr->n_args; i++) {
        const wr_ast *e = s->expr->args[i];
        uint32_t v = e->kind == WR_A_COLUMN && e->name.n == 1 ? var_of(m, &e->name.parts[0]) : WR_NO_COL;
        if (v == WR_NO_COL) {
            wri_error(m->c, e->loc, e->kind == WR_A_COLUMN ? wri_mr_nearest_var(m, &e->name.parts[0]) : NULL,
                      "SUBSET %s: this is no variable of PATTERN", s->var.text);
            return false;
        }
        sub.vars |= UINT64_C(1) << v;
    }
    wri_mr_subset *slot = wri_new_last(m->c, &m->subsets, &m->n_subsets, &m->subsets_cap, sizeof *slot);
    if (slot) *slot = sub;
    return slot != NULL;
}

/* ---- lengths ---- */

#define MANY (INT64_C(1) << 40)
typedef struct lengths {
    int64_t min, max; /* cut off at MANY */
} lengths;

static lengths length_of(const wr_pattern *x) {
    lengths l = {x->kind == WR_PT_VAR, x->kind == WR_PT_VAR};
    for (uint32_t i = 0; i < x->n; i++) {
        lengths k = length_of(x->items[i]);
        if (x->kind == WR_PT_ALT && i > 0) {
            l.min = k.min < l.min ? k.min : l.min;
            l.max = k.max > l.max ? k.max : l.max;
        } else {
            l.min += k.min;
            l.max += k.max;
        }
        if (l.min > MANY) l.min = MANY;
        if (l.max > MANY) l.max = MANY;
    }
    int64_t most = x->max < 0 ? MANY : x->max;
    l.min = l.min && x->min > MANY / l.min ? MANY : l.min * x->min;
    l.max = l.max && most > MANY / l.max ? MANY : l.max * most;
    return l;
}

/* ---- the graph ---- */

static uint32_t fail(graph *g, const wr_pattern *x, bool unsupported, const char *what, const char *hint) {
    if (!g->failed) {
        if (unsupported) wri_unsupported(g->m->c, x->loc, hint, "%s", what);
        else wri_error(g->m->c, x->loc, hint, "%s", what);
    }
    g->failed = true;
    return END;
}

static uint32_t add_node(graph *g, const wr_pattern *x, node n) {
    if (g->failed) return END;
    if (g->n == NODES_MAX)
        return fail(g, x, false,
                    "the pattern is too large: over 10000 parts with its quantifiers written out",
                    "use * or + in place of large numbers");
    node *slot = wri_new_last(g->m->c, &g->nodes, &g->n, &g->cap, sizeof *slot);
    if (!slot) {
        g->failed = true;
        return END;
    }
    *slot = n;
    return g->n - 1;
}

static uint32_t choice(graph *g, const wr_pattern *x, uint32_t first, uint32_t second, bool swap) {
    return add_node(g, x, (node){.kind = CHOICE, .a = swap ? second : first, .b = swap ? first : second});
}

static uint32_t build(graph *g, const wr_pattern *x, uint32_t next, bool excluded);

/* Items in any order: left holds those still to come. done[left]: entry of what is left, or END. */
static uint32_t permute(graph *g, const wr_pattern *x, uint32_t left, uint32_t next, bool ex,
                        uint32_t *done) {
    if (left == 0) return next;
    if (done[left] != END || g->failed) return done[left];
    uint32_t all = END;
    for (uint32_t i = x->n; i-- > 0;) { /* the first item is the preferred one, so it comes last here */
        if (!(left >> i & 1)) continue;
        uint32_t one = build(g, x->items[i], permute(g, x, left & ~(UINT32_C(1) << i), next, ex, done), ex);
        all = all == END ? one : choice(g, x, one, all, false);
    }
    return done[left] = all;
}

static uint32_t build_permute(graph *g, const wr_pattern *x, uint32_t next, bool ex) {
    if (x->n > PERMUTE_MAX)
        return fail(g, x, true, "PERMUTE of more than 8 items is not supported yet", "use fewer items");
    uint32_t done[1 << PERMUTE_MAX];
    for (uint32_t i = 0; i < 1 << PERMUTE_MAX; i++) done[i] = END;
    return permute(g, x, (UINT32_C(1) << x->n) - 1, next, ex, done);
}

/* x without its quantifier. */
static uint32_t build_once(graph *g, const wr_pattern *x, uint32_t next, bool ex) {
    uint32_t at = next;
    if (g->failed) return END;
    switch (x->kind) {
    case WR_PT_VAR:
        return add_node(g, x,
                        (node){.var = var_of(g->m, &x->var), .excluded = ex, .a = next, .pos = ++g->n_pos});
    case WR_PT_SEQ:
    case WR_PT_EXCLUDE:
        for (uint32_t i = x->n; i-- > 0;) at = build(g, x->items[i], at, ex || x->kind == WR_PT_EXCLUDE);
        return at;
    case WR_PT_ALT:
        at = build(g, x->items[x->n - 1], next, ex);
        for (uint32_t i = x->n - 1; i-- > 0;) at = choice(g, x, build(g, x->items[i], next, ex), at, false);
        return at;
    case WR_PT_PERMUTE:
        return build_permute(g, x, next, ex);
    case WR_PT_EMPTY:
        return next;
    case WR_PT_ANCHOR:
        return add_node(g, x, (node){.kind = x->var.text[0] == '^' ? BEGIN : FINISH, .a = next});
    }
    return END;
}

/* x once or not at all, then `at`; without it `next`. The body leads back to the choice when x is a loop. */
static uint32_t build_maybe(graph *g, const wr_pattern *x, uint32_t at, uint32_t next, bool ex) {
    wr_pattern once = *x;
    once.min = once.max = 1;
    bool empty = length_of(&once).min == 0;
    uint32_t c = choice(g, x, END, next, x->reluctant), depth = empty ? ++g->depth : 0;
    if (g->depth > g->deepest) g->deepest = g->depth;
    if (x->max < 0) at = c;
    if (empty) at = add_node(g, x, (node){.kind = GATE, .a = at, .depth = depth});
    uint32_t body = build_once(g, x, at, ex);
    if (g->failed) return END;
    if (empty) g->depth--;
    g->nodes[c].depth = depth;
    g->nodes[c].second = x->reluctant;
    if (x->reluctant) g->nodes[c].b = body;
    else g->nodes[c].a = body;
    return c;
}

static uint32_t build(graph *g, const wr_pattern *x, uint32_t next, bool ex) {
    uint32_t at = next;
    if (x->max < 0) at = build_maybe(g, x, END, next, ex);
    for (int64_t i = x->min; i < x->max && !g->failed; i++) at = build_maybe(g, x, at, next, ex);
    for (int64_t i = 0; i < x->min && !g->failed; i++) at = build_once(g, x, at, ex);
    return at;
}

/* ---- what follows ---- */

#define NO_LEVEL UINT32_MAX

static bool go(graph *g, place at) {
    place *p = wri_new_last(g->m->c, &g->stack, &g->top, &g->stack_cap, sizeof *p);
    if (p) *p = at;
    return p != NULL;
}

/* Goes on from what is no position, the preferred branch on top. */
static bool step(graph *g, const node *x, place p) {
    if (x->kind == BEGIN) return !g->at_first || go(g, (place){x->a, p.level, p.last});
    if (x->kind == FINISH) return go(g, (place){x->a, p.level, true});
    if (x->kind == GATE) return p.level <= x->depth || go(g, (place){x->a, NO_LEVEL, p.last});
    uint32_t inner = x->depth && x->depth < p.level ? x->depth : p.level;
    return go(g, (place){x->b, x->second ? inner : p.level, p.last}) &&
           go(g, (place){x->a, x->second ? p.level : inner, p.last});
}

static bool too_large(graph *g) {
    wri_error(g->m->c, g->m->y->pattern->loc, "use * or + in place of large numbers",
              "the pattern is too large: too many ways through it with its quantifiers written out");
    return false;
}

static bool list(graph *g, wr_match_pos *out, uint32_t pos, uint32_t *capp, uint32_t *edgesp) {
    bool real = pos != END && pos != LAST;
    if (real && g->listed[pos] == g->walk) return true;
    if (real) g->listed[pos] = g->walk;
    uint32_t *slot = wri_new_last(g->m->c, &out->next, &out->n_next, capp, sizeof *slot);
    if (slot) *slot = pos;
    return slot && (++*edgesp <= EDGES_MAX || too_large(g));
}

/* The positions reached from `from` without taking a row, in order; END ends the list. */
static bool follow(graph *g, uint32_t from, wr_match_pos *out, uint32_t *edgesp) {
    uint32_t cap = 0;
    g->walk++;
    g->top = 0;
    if (!go(g, (place){from, NO_LEVEL, false})) return false;
    while (g->top > 0) {
        place p = g->stack[--g->top];
        if (p.node == END) {
            if (!list(g, out, p.last ? LAST : END, &cap, edgesp)) return false;
            if (p.last) continue; /* if a row does follow, other ways are asked */
            return true;
        }
        size_t at = (size_t)p.node * (g->deepest + 1) + (p.level == NO_LEVEL ? 0 : p.level);
        if (g->seen[2 * at + p.last] == g->walk) continue;
        g->seen[2 * at + p.last] = g->walk;
        if (++g->walked > WALK_MAX) return too_large(g);
        const node *x = &g->nodes[p.node];
        bool ok = true;
        if (x->kind != POSITION) ok = step(g, x, p);
        else if (!p.last) ok = list(g, out, x->pos, &cap, edgesp);
        if (!ok) return false;
    }
    return true;
}

/* pos[0] is the start, the last one the start at a key's first row where that differs. */
static bool positions(graph *g, uint32_t start) {
    wr_match_spec *s = g->m->spec;
    uint32_t edges = 0;
    bool begins = false;
    for (uint32_t i = 0; i < g->n; i++) begins |= g->nodes[i].kind == BEGIN;
    s->n_pos = g->n_pos + 1 + begins;
    s->first = begins ? g->n_pos + 1 : 0;
    s->pos = wri_new_n(g->m->c, s->n_pos, sizeof *s->pos);
    g->seen = wri_new_n(g->m->c, 2 * ((size_t)g->n * (g->deepest + 1) + 1), sizeof *g->seen);
    g->listed = wri_new_n(g->m->c, s->n_pos, sizeof *g->listed);
    if (!s->pos || !g->seen || !g->listed || !follow(g, start, &s->pos[0], &edges)) return false;
    g->at_first = begins;
    if (begins && !follow(g, start, &s->pos[s->first], &edges)) return false;
    g->at_first = false;
    s->pos[0].var = s->pos[s->first].var = WR_NO_COL;
    for (uint32_t i = 0; i < g->n; i++) {
        const node *x = &g->nodes[i];
        if (x->kind != POSITION) continue;
        s->pos[x->pos].var = x->var;
        s->pos[x->pos].excluded = x->excluded;
        if (!follow(g, x->a, &s->pos[x->pos], &edges)) return false;
    }
    return true;
}

/* What the positions say of matches: whether one may have no row, or ends with the input. */
static void describe(wr_match_spec *s) {
    for (uint32_t p = 0; p < s->n_pos; p++)
        for (uint32_t i = 0; i < s->pos[p].n_next; i++) {
            uint32_t to = s->pos[p].next[i];
            s->anchored |= to == LAST;
            s->empty |= s->pos[p].var == WR_NO_COL && (to == END || to == LAST);
        }
}

/* ---- text ---- */

static const char *text_of(wri_ctx *c, const wr_pattern *x);

static const char *items_text(wri_ctx *c, const wr_pattern *x, const char *sep) {
    const char *s = "";
    for (uint32_t i = 0; i < x->n && s; i++)
        s = wri_text(c, "%s%s%s", s, i ? sep : "", text_of(c, x->items[i]));
    return s;
}

static const char *text_of(wri_ctx *c, const wr_pattern *x) {
    const char *s = x->var.text, *q = x->reluctant ? "?" : "";
    bool plain = x->min == 1 && x->max == 1;
    if (x->kind == WR_PT_PERMUTE) s = wri_text(c, "PERMUTE(%s)", items_text(c, x, ", "));
    else if (x->kind == WR_PT_EXCLUDE) s = wri_text(c, "{- %s -}", items_text(c, x, " "));
    else if (x->kind == WR_PT_ALT) s = wri_text(c, "(%s)", items_text(c, x, " | "));
    else if (x->kind != WR_PT_VAR && x->kind != WR_PT_ANCHOR)
        s = wri_text(c, plain && x->n ? "%s" : "(%s)", items_text(c, x, " "));
    if (plain || !s) return s ? s : "";
    if (x->min == 0 && x->max == 1) return wri_text(c, "%s?%s", s, q);
    if (x->max < 0 && x->min < 2) return wri_text(c, "%s%s%s", s, x->min ? "+" : "*", q);
    if (x->max < 0) return wri_text(c, "%s{%lld,}%s", s, (long long)x->min, q);
    if (x->max == x->min) return wri_text(c, "%s{%lld}%s", s, (long long)x->min, q);
    return wri_text(c, "%s{%lld,%lld}%s", s, (long long)x->min, (long long)x->max, q);
}

bool wri_mr_pattern(wri_mr *m) {
    const wr_match *y = m->y;
    if (!add_vars(m, y->pattern)) return false;
    if (m->spec->n_vars == 0) {
        wri_error(m->c, y->pattern->loc, "for example PATTERN (A+)", "PATTERN names no variable");
        return false;
    }
    for (uint32_t i = 0; i < y->n_subsets; i++)
        if (!add_subset(m, &y->subsets[i])) return false;
    lengths l = length_of(y->pattern);
    graph g = {.m = m};
    uint32_t start = build(&g, y->pattern, END, false);
    if (g.failed || m->c->oom || !positions(&g, start)) return false;
    describe(m->spec);
    m->spec->fixed = l.min == l.max && !m->spec->anchored;
    if (m->spec->anchored && !m->in->bounded) {
        wri_error(m->c, y->pattern->loc, "leave $ out, or read bounded input",
                  "$ in PATTERN waits for the last row of a key, which unbounded input does not have");
        return false;
    }
    m->spec->pattern = text_of(m->c, y->pattern);
    return m->spec->pattern != NULL;
}
