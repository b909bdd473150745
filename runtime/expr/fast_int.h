/* runtime/expr/fast_int.h -- regular expressions of FAST_REGEX_LOG_PARSE: between fast_build.c (expressions),
 * fast_parse.c (patterns) and fn_log_fast.c (texts).
 *
 * An expression is a node of a graph in which equal ones are one node: characters of a class, one after the
 * other, choice, both at once, not, repetition. What is left of an expression once a character has been read,
 * its derivative, is an expression again, so that a text is read character by character, each once, with no
 * way back:
 *
 *   matches(e, "abc")  =  nullable(d(d(d(e, a), b), c))
 *
 * Derivatives are remembered: nodes are the states of an automaton that is made as far as texts need it.
 * Their number is bounded; a text that needs more fails its row. */
#ifndef WR_RUNTIME_FAST_INT_H
#define WR_RUNTIME_FAST_INT_H

#include "expr_int.h"

#define WRI_FRX_PATTERN_MAX 4096  /* bytes of a pattern: what recursion goes as deep as */
#define WRI_FRX_NODES_MAX   20000 /* expressions made for a text */
#define WRI_FRX_ENDLESS     UINT32_MAX

typedef uint32_t wri_frx_id;
enum {
    WRI_FRX_NONE,
    WRI_FRX_EMPTY,
    WRI_FRX_ANY,
    WRI_FRX_ALL
}; /* no text, the empty one, any character, any */

typedef enum wri_frx_kind {
    WRI_FRX_K_NONE,
    WRI_FRX_K_EMPTY,
    WRI_FRX_K_CLASS, /* a: class */
    WRI_FRX_K_CAT,   /* a, then b; a is no CAT */
    WRI_FRX_K_OR,    /* a or b; a is no OR and has a smaller number than those of b */
    WRI_FRX_K_AND,
    WRI_FRX_K_NOT,
    WRI_FRX_K_REP /* a from lo to hi times */
} wri_frx_kind;

typedef struct wri_frx_node {
    uint8_t kind;
    bool nullable; /* the empty text fits */
    wri_frx_id a, b;
    uint32_t lo, hi;
    int32_t fixed; /* characters of every text that fits; -1: they differ */
} wri_frx_node;
typedef struct wri_frx_range {
    uint32_t lo, hi;
} wri_frx_range;
typedef struct wri_frx_class {
    uint32_t first, n; /* of ranges, rising and apart */
} wri_frx_class;
typedef struct wri_frx_step { /* a derivative that is known; node 0: a free place */
    wri_frx_id node, next;
    uint32_t segment;
} wri_frx_step;

typedef struct wri_frx { /* of a pattern; zeroed at first */
    wri_frx_node *nodes;
    size_t n_nodes, cap_nodes;
    uint32_t *table; /* of nodes, open addressing; 0: free */
    uint32_t n_table;
    wri_frx_range *ranges;
    size_t n_ranges, cap_ranges;
    wri_frx_class *classes;
    size_t n_classes, cap_classes;
    uint32_t *cuts; /* characters at which some class begins or ends: segment i is [cuts[i], cuts[i + 1]) */
    uint32_t n_cuts;
    uint16_t ascii[128]; /* segment of each */
    wri_frx_step *steps;
    uint32_t n_steps; /* in use */
    uint32_t n_own;   /* nodes of the pattern itself: the others may be forgotten */
    bool oom, full;   /* full: too many nodes; both make results meaningless */
} wri_frx;

bool wri_frx_begin(wri_frx *f); /* false: out of memory */
void wri_frx_free(wri_frx *f);
/* The pattern's nodes are all made: characters are put into segments. */
bool wri_frx_ready(wri_frx *f);

/* Nodes. WRI_FRX_NONE with oom or full set when they cannot be made. */
wri_frx_id wri_frx_cat(wri_frx *f, wri_frx_id a, wri_frx_id b);
wri_frx_id wri_frx_or(wri_frx *f, wri_frx_id a, wri_frx_id b);
wri_frx_id wri_frx_and(wri_frx *f, wri_frx_id a, wri_frx_id b);
wri_frx_id wri_frx_not(wri_frx *f, wri_frx_id a);
wri_frx_id wri_frx_rep(wri_frx *f, wri_frx_id a, uint32_t lo, uint32_t hi);
/* A character of n ranges, in any order; negated: of none of them. */
wri_frx_id wri_frx_chars(wri_frx *f, const wri_frx_range *ranges, uint32_t n, bool negated);
static inline wri_frx_id wri_frx_char(wri_frx *f, uint32_t c) {
    return wri_frx_chars(f, &(wri_frx_range){c, c}, 1, false);
}

/* What is left of e behind character c. */
wri_frx_id wri_frx_next(wri_frx *f, wri_frx_id e, uint32_t c);
/* Before a text: forgets what texts before have made, if that is much. */
void wri_frx_rest(wri_frx *f);

/* The character at *pp of valid UTF-8, which *pp steps over. */
static inline uint32_t wri_frx_take(const char **pp, const char *end) {
    const unsigned char *p = (const unsigned char *)*pp;
    const char *behind = wri_next_char(*pp, end);
    uint32_t c = *p < 0x80 ? *p : *p < 0xE0 ? *p & 0x1Fu : *p < 0xF0 ? *p & 0x0Fu : *p & 0x07u;
    for (p++; p < (const unsigned char *)behind; p++) c = (c << 6) | (*p & 0x3Fu);
    *pp = behind;
    return c & 0x1fffff;
}

/* A pattern cut at its groups: see fast_parse.c. */
typedef struct wri_frx_part {
    wri_frx_id e;
    uint32_t tail; /* characters, of a fixed number, that every text of it ends in */
} wri_frx_part;
typedef struct wri_frx_border { /* of a group: so many characters before the end of a part, or where it begins
                                 */
    uint32_t part, back;
    bool begin;
} wri_frx_border;
typedef struct wri_frx_pattern {
    wri_frx f;
    wri_frx_part *parts;
    uint32_t n_parts;
    wri_frx_border *from, *to; /* of each group */
    uint32_t n_groups;
} wri_frx_pattern;
/* Reads a pattern; arrays lie in ar. NULL, or why it is none, in msgs; wri_log_no_memory (row_int.h). The
 * caller frees p->f in any case. */
const char *wri_frx_parse(const wr_str *text, wr_arena *ar, wr_arena *msgs, wri_frx_pattern *p);

#endif
