/* runtime/expr/fast_parse.c -- patterns of FAST_REGEX_LOG_PARSE.
 *
 *   a|b  a&b  ~a    one of them, both at once, anything else      a? a* a+ a{n} a{n,} a{n,m}
 *   . [a-z] [^a-z]  a character        @ any text   # no text     "text"  \c  ()  the empty text
 *   <Digit> and so on: a class by name  <n-m>: a number in decimal
 *
 * ( ) at the top are the groups, within they only hold together. What stands inside a group and what stands
 * between groups are pieces. Pieces are read one after the other, never going back, so how far one reaches
 * must be seen from it alone: characters of a fixed number at the beginning of a piece go to the end of the
 * one before, as what that looks for. (.*)_+(.*) is three parts, where a+ is aa*:
 *
 *   .*_     the shortest text that fits, since it ends in something fixed
 *   _*      the longest, since it does not
 *   .*      the last: all that is left */
#include <stdio.h>

#include "fast_int.h"
#include "row_int.h"

#define DEPTH_MAX 100
#define REP_MAX   10000
#define DIGITS    18

typedef struct parser {
    wri_frx *f;
    const char *p, *end;
    wr_arena *ar, *msgs;
    const char *why;
    uint32_t depth;
} parser;

static wri_frx_id bad(parser *r, const char *why) {
    size_t left = (size_t)(r->end - r->p), n = left < 20 ? left : 20;
    if (r->why) return WRI_FRX_NONE;
    r->why = left ? wr_arena_printf(r->msgs, "the fast pattern is wrong at '%.*s': %s", (int)n, r->p, why)
                  : wr_arena_printf(r->msgs, "the fast pattern is wrong at its end: %s", why);
    if (!r->why) r->why = wri_log_no_memory;
    return WRI_FRX_NONE;
}

static bool at(const parser *r, char c) { return r->p < r->end && *r->p == c; }
static bool take(parser *r, char c) {
    if (!at(r, c)) return false;
    r->p++;
    return true;
}

static bool take_number(parser *r, uint64_t max, uint64_t *outp) {
    const char *first = r->p;
    uint64_t v = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        v = v * 10 + (uint64_t)(*r->p - '0');
        if (v > max) return bad(r, "a smaller number is expected"), false;
    }
    *outp = v;
    return r->p > first;
}

/* ---- named classes and numbers ---- */

static wri_frx_id named(parser *r, const char *p, size_t n) {
    static const struct {
        const char *name;
        wri_frx_range ranges[8];
        uint32_t n;
    } names[] = {{"Digit", {{'0', '9'}}, 1},
                 {"Upper", {{'A', 'Z'}}, 1},
                 {"Lower", {{'a', 'z'}}, 1},
                 {"ASCII", {{0, 0x7f}}, 1},
                 {"Alpha", {{'A', 'Z'}, {'a', 'z'}}, 2},
                 {"Alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, 3},
                 {"Punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4},
                 {"Blank", {{'\t', '\t'}, {' ', ' '}}, 2},
                 {"Space", {{'\t', '\r'}, {' ', ' '}}, 2},
                 {"Cntrl", {{0, 0x1f}, {0x7f, 0x7f}}, 2},
                 {"XDigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, 3},
                 {"Print", {{'!', '~'}}, 1},
                 {"Graph", {{'!', '~'}}, 1}};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (strlen(names[i].name) == n && memcmp(names[i].name, p, n) == 0)
            return wri_frx_chars(r->f, names[i].ranges, names[i].n, false);
    return bad(r, "there is no class of that name; there are <Digit>, <Alpha>, <Alnum>, <Upper>, <Lower>, "
                  "<Punct>, <Blank>, <Space>, <Cntrl>, <XDigit>, <Print>, <Graph>, <ASCII>");
}

static wri_frx_id digits(wri_frx *f, uint32_t lo, uint32_t hi) {
    return wri_frx_chars(f, &(wri_frx_range){'0' + lo, '0' + hi}, 1, false);
}

/* Digits i to n of the numbers between lo and hi; low: those before are lo's, high: hi's. */
static wri_frx_id between(wri_frx *f, const char *lo, const char *hi, uint32_t i, uint32_t n, bool low,
                          bool high) {
    if (i == n) return WRI_FRX_EMPTY;
    if (!low && !high) return wri_frx_rep(f, digits(f, 0, 9), n - i, n - i);
    uint32_t a = low ? (uint32_t)(lo[i] - '0') : 0, b = high ? (uint32_t)(hi[i] - '0') : 9;
    wri_frx_id first = wri_frx_cat(f, digits(f, a, a), between(f, lo, hi, i + 1, n, low, high && a == b));
    if (a == b) return first;
    wri_frx_id last = wri_frx_cat(f, digits(f, b, b), between(f, lo, hi, i + 1, n, false, high));
    wri_frx_id rest = WRI_FRX_NONE;
    if (b - a > 1)
        rest = wri_frx_cat(f, digits(f, a + 1, b - 1), wri_frx_rep(f, digits(f, 0, 9), n - i - 1, n - i - 1));
    return wri_frx_or(f, first, wri_frx_or(f, rest, last));
}

/* Numbers from lo to hi: of as many digits as both are written with, or with any zeros before them. */
static wri_frx_id interval(wri_frx *f, uint64_t lo, uint64_t hi, uint32_t width) {
    char a[DIGITS + 8], b[DIGITS + 8];
    if (width) {
        snprintf(a, sizeof a, "%0*llu", (int)width, (unsigned long long)lo);
        snprintf(b, sizeof b, "%0*llu", (int)width, (unsigned long long)hi);
        return between(f, a, b, 0, width, true, true);
    }
    wri_frx_id all = WRI_FRX_NONE;
    uint64_t from = 0, to = 9;
    for (uint32_t n = 1; n <= DIGITS; n++, from = to + 1, to = to * 10 + 9) {
        uint64_t x = lo > from ? lo : from, y = hi < to ? hi : to;
        if (x > y) continue;
        snprintf(a, sizeof a, "%0*llu", (int)n, (unsigned long long)x);
        snprintf(b, sizeof b, "%0*llu", (int)n, (unsigned long long)y);
        all = wri_frx_or(f, all, between(f, a, b, 0, n, true, true));
    }
    return wri_frx_cat(f, wri_frx_rep(f, digits(f, 0, 0), 0, WRI_FRX_ENDLESS), all);
}

/* <name> or <n-m>, behind the '<' */
static wri_frx_id angle(parser *r) {
    const char *close = memchr(r->p, '>', (size_t)(r->end - r->p)), *start = r->p;
    uint64_t lo, hi, max = 0;
    if (!close) return bad(r, "'>' is missing");
    for (uint32_t i = 0; i < DIGITS; i++) max = max * 10 + 9;
    if (r->p < close && *r->p >= '0' && *r->p <= '9') {
        if (!take_number(r, max, &lo)) return WRI_FRX_NONE;
        size_t a = (size_t)(r->p - start);
        const char *second = r->p + 1;
        if (!take(r, '-') || !take_number(r, max, &hi) || r->p != close)
            return bad(r, "expected two numbers, <n-m>");
        size_t b = (size_t)(r->p - second);
        if (a > DIGITS || b > DIGITS) return bad(r, "numbers of <n-m> have at most 18 digits");
        r->p = close + 1;
        return interval(r->f, lo < hi ? lo : hi, lo < hi ? hi : lo, a == b ? (uint32_t)a : 0);
    }
    wri_frx_id e = named(r, start, (size_t)(close - start));
    r->p = close + 1;
    return e;
}

/* ---- expressions ---- */

static wri_frx_id choice(parser *r);

/* One character, that behind a backslash included. */
static bool take_char(parser *r, uint32_t *outp) {
    (void)take(r, '\\');
    if (r->p == r->end) return bad(r, "a character is missing"), false;
    *outp = wri_frx_take(&r->p, r->end);
    return true;
}

/* Behind the '['. */
static wri_frx_id set(parser *r) {
    bool negated = take(r, '^');
    wri_frx_range *ranges = wr_arena_alloc(r->ar, (size_t)(r->end - r->p + 1) * sizeof *ranges);
    uint32_t n = 0;
    if (!ranges) {
        r->why = wri_log_no_memory;
        return WRI_FRX_NONE;
    }
    while (!at(r, ']')) {
        uint32_t lo, hi;
        if (!take_char(r, &lo)) return WRI_FRX_NONE;
        hi = lo;
        bool range = at(r, '-') && r->p + 1 < r->end && r->p[1] != ']';
        if (range && (r->p++, !take_char(r, &hi))) return WRI_FRX_NONE;
        if (hi < lo) return bad(r, "a range must rise");
        ranges[n++] = (wri_frx_range){lo, hi};
    }
    r->p++;
    return n ? wri_frx_chars(r->f, ranges, n, negated) : bad(r, "a class of characters is empty");
}

/* Behind the opening quote. */
static wri_frx_id quoted(parser *r) {
    const char *close = memchr(r->p, '"', (size_t)(r->end - r->p));
    uint32_t cs[WRI_FRX_PATTERN_MAX], n = 0;
    if (!close) return bad(r, "'\"' is missing");
    while (r->p < close) cs[n++] = wri_frx_take(&r->p, close);
    r->p++;
    wri_frx_id e = WRI_FRX_EMPTY;
    while (n > 0) e = wri_frx_cat(r->f, wri_frx_char(r->f, cs[--n]), e);
    return e;
}

/* Behind the '('. */
static wri_frx_id parenthesis(parser *r) {
    if (take(r, ')')) return WRI_FRX_EMPTY;
    if (++r->depth > DEPTH_MAX) return bad(r, "parentheses are nested too deeply");
    wri_frx_id e = choice(r);
    r->depth--;
    if (!r->why && !take(r, ')')) return bad(r, "')' is missing");
    return e;
}

static wri_frx_id simple(parser *r) {
    static const char reserved[] = "?*+{)|&>]}";
    if (r->p == r->end) return bad(r, "something is missing");
    uint32_t c;
    switch (*r->p) {
    case '(':
        return r->p++, parenthesis(r);
    case '[':
        return r->p++, set(r);
    case '"':
        return r->p++, quoted(r);
    case '<':
        return r->p++, angle(r);
    case '.':
        return r->p++, WRI_FRX_ANY;
    case '@':
        return r->p++, WRI_FRX_ALL;
    case '#':
        return r->p++, WRI_FRX_NONE;
    default:
        if (strchr(reserved, *r->p) && *r->p && *r->p != '>' && *r->p != ']' && *r->p != '}')
            return bad(r, "this has a meaning of its own; put a backslash before it");
        return take_char(r, &c) ? wri_frx_char(r->f, c) : WRI_FRX_NONE;
    }
}

/* Behind the '{'. */
static wri_frx_id counted(parser *r, wri_frx_id e) {
    uint64_t lo, hi;
    if (!take_number(r, REP_MAX, &lo)) return bad(r, "a number of times is expected, at most 10000");
    hi = lo;
    bool endless = false;
    if (take(r, ',') && !take_number(r, REP_MAX, &hi)) endless = true;
    if (!take(r, '}')) return bad(r, "'}' is missing");
    if (!endless && hi < lo) return bad(r, "the second number must not be less than the first");
    if (!endless) return wri_frx_rep(r->f, e, (uint32_t)lo, (uint32_t)hi);
    return wri_frx_cat(r->f, wri_frx_rep(r->f, e, (uint32_t)lo, (uint32_t)lo),
                       wri_frx_rep(r->f, e, 0, WRI_FRX_ENDLESS));
}

/* What may stand behind an expression. *anyp: something did. */
static wri_frx_id repeated(parser *r, wri_frx_id e, bool *anyp) {
    for (; !r->why && r->p < r->end; *anyp = true) {
        if (take(r, '?')) e = wri_frx_rep(r->f, e, 0, 1);
        else if (take(r, '*')) e = wri_frx_rep(r->f, e, 0, WRI_FRX_ENDLESS);
        else if (take(r, '+')) e = wri_frx_cat(r->f, e, wri_frx_rep(r->f, e, 0, WRI_FRX_ENDLESS));
        else if (take(r, '{')) e = counted(r, e);
        else break;
    }
    return e;
}

static wri_frx_id complement(parser *r) {
    bool negated = false, any = false;
    while (take(r, '~')) negated = !negated;
    wri_frx_id e = repeated(r, simple(r), &any);
    return negated ? wri_frx_not(r->f, e) : e;
}

static bool ends(const parser *r) {
    return r->why || r->p == r->end || *r->p == '|' || *r->p == '&' || *r->p == ')';
}

/* One after the other: put together from the last on, since that is cheap. */
static wri_frx_id sequence(parser *r) {
    wri_frx_id *items = NULL;
    size_t n = 0, cap = 0;
    do {
        wri_frx_id e = complement(r);
        if (wr_grow(&items, &cap, n + 1, sizeof *items) != WR_OK) r->why = wri_log_no_memory;
        else items[n++] = e;
    } while (!ends(r));
    wri_frx_id all = WRI_FRX_EMPTY;
    while (n > 0) all = wri_frx_cat(r->f, items[--n], all);
    wr_free(items);
    return all;
}

static wri_frx_id both(parser *r) {
    wri_frx_id e = sequence(r);
    while (!r->why && take(r, '&')) e = wri_frx_and(r->f, e, sequence(r));
    return e;
}

static wri_frx_id choice(parser *r) {
    wri_frx_id e = both(r);
    while (!r->why && take(r, '|')) e = wri_frx_or(r->f, e, both(r));
    return e;
}

/* ---- pieces to parts ---- */

typedef struct cutter {
    wri_frx_pattern *p;
    wri_frx_id *items; /* of all parts */
    size_t n, cap;
    bool begun; /* the last part has something */
    bool oom;
} cutter;

static wri_frx_border here(const cutter *k) {
    const wri_frx_part *part = &k->p->parts[k->p->n_parts - 1];
    return (wri_frx_border){.part = k->p->n_parts - 1, .back = part->tail, .begin = !k->begun};
}

static void add_item(cutter *k, wri_frx_id e) {
    k->begun = true;
    if (wr_grow(&k->items, &k->cap, k->n + 1, sizeof *k->items) != WR_OK) k->oom = true;
    else k->items[k->n++] = e;
}

/* Takes what e begins with, of a fixed number of characters, to the end of the last part; the rest is a part
 * of its own. */
static void add_piece(cutter *k, wri_frx_id e) {
    wri_frx *f = &k->p->f;
    while (e != WRI_FRX_EMPTY) {
        wri_frx_part *last = &k->p->parts[k->p->n_parts - 1];
        wri_frx_node n = f->nodes[e];
        wri_frx_id first = n.kind == WRI_FRX_K_CAT ? n.a : e,
                   rest = n.kind == WRI_FRX_K_CAT ? n.b : WRI_FRX_EMPTY;
        if (f->nodes[first].fixed < 0) break;
        add_item(k, first);
        last->tail += (uint32_t)f->nodes[first].fixed;
        e = rest;
    }
    if (e == WRI_FRX_EMPTY) return;
    if (k->begun) k->p->parts[k->p->n_parts++] = (wri_frx_part){.e = (uint32_t)k->n};
    add_item(k, e);
}

/* The parts' items, of which e is the first so far, become one expression each. */
static void join_parts(cutter *k) {
    size_t end = k->n;
    for (uint32_t i = k->p->n_parts; i-- > 0;) {
        wri_frx_part *part = &k->p->parts[i];
        size_t first = part->e;
        part->e = WRI_FRX_EMPTY;
        for (size_t j = end; j-- > first;) part->e = wri_frx_cat(&k->p->f, k->items[j], part->e);
        end = first;
    }
}

static void cut(parser *r, cutter *k) {
    wri_frx_pattern *p = k->p;
    while (!r->why && !k->oom && !p->f.oom && !p->f.full && r->p < r->end) {
        bool group = at(r, '('), any = false;
        if (at(r, '|') || at(r, '&')) {
            bad(r, "a choice stands in a group: (a|b)");
            return;
        }
        wri_frx_border from = here(k);
        wri_frx_id e = group ? repeated(r, simple(r), &any) : complement(r);
        if (r->why) return;
        add_piece(k, e);
        if (!group) continue;
        if (p->n_groups == WRI_ROW_COLS_MAX) {
            bad(r, "a row has at most 1000 columns");
            return;
        }
        p->from[p->n_groups] = from;
        p->to[p->n_groups++] = here(k);
    }
}

/* From the number of characters at the end of a part when the border was met to that behind it. */
static void settle(wri_frx_pattern *p, wri_frx_border *b) { b->back = p->parts[b->part].tail - b->back; }

const char *wri_frx_parse(const wr_str *text, wr_arena *ar, wr_arena *msgs, wri_frx_pattern *p) {
    const char *s = wr_str_data(text);
    parser r = {.f = &p->f, .p = s, .end = s + text->len, .ar = ar, .msgs = msgs};
    *p = (wri_frx_pattern){0};
    if (text->len > WRI_FRX_PATTERN_MAX) return "the fast pattern is longer than 4096 bytes";
    if (!wr_utf8_valid(s, text->len)) return "the fast pattern is not UTF-8";
    size_t groups = 0;
    for (uint32_t i = 0; i < text->len; i++) groups += s[i] == '(';
    p->parts = wr_arena_calloc(ar, ((size_t)text->len + 2) * sizeof *p->parts);
    p->from = wr_arena_calloc(ar, (groups + 1) * sizeof *p->from);
    p->to = wr_arena_calloc(ar, (groups + 1) * sizeof *p->to);
    if (!p->parts || !p->from || !p->to || !wri_frx_begin(&p->f)) return wri_log_no_memory;
    p->n_parts = 1;
    cutter k = {.p = p};
    cut(&r, &k);
    if (!k.oom) join_parts(&k);
    wr_free(k.items);
    if (k.oom || p->f.oom || (!r.why && !p->f.full && !wri_frx_ready(&p->f))) return wri_log_no_memory;
    if (r.why) return r.why;
    if (p->f.full) return "the fast pattern is too large";
    if (p->n_groups == 0) return "the fast pattern has no group ( ) to make a column of";
    for (uint32_t i = 0; i < p->n_groups; i++) {
        settle(p, &p->from[i]);
        settle(p, &p->to[i]);
    }
    return NULL;
}
