/* runtime/expr/similar.c -- patterns of SIMILAR TO as regular expressions.
 *
 *   % any text  _ any character  | either  * + ? {m,n} repeated  ( ) together  [a-z] [^a-z] [[:ALPHA:]] one
 * of  [a-e^c] one of the first that is none of the second
 *
 * All else stands for itself, as does what follows the escape character. Of SUBSTRING(s SIMILAR 'a#"b#"c'
 * ESCAPE
 * '#') the first and last parts take as little as they can. */
#include "regex_int.h"

typedef struct translation {
    const char *p, *end;
    const wr_str *esc;
    wr_buf *out;
    bool ok, repeatable;
    uint32_t cuts;
    const char *why;
} translation;

static void put(translation *t, const char *s, size_t n) {
    t->ok = t->ok && wr_buf_put(t->out, s, n) == WR_OK;
}
static void puts_(translation *t, const char *s) { put(t, s, strlen(s)); }

/* A character for itself. */
static void put_literal(translation *t) {
    const char *next = wri_next_char(t->p, t->end);
    unsigned char c = (unsigned char)*t->p;
    bool plain = c >= 0x80 || c < ' ' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (c == 0) puts_(t, "\\x00");
    else {
        if (!plain) puts_(t, "\\");
        put(t, t->p, (size_t)(next - t->p));
    }
    t->p = next;
}

static bool at_escape(const translation *t) {
    return t->esc && t->esc->len && (size_t)(t->end - t->p) >= t->esc->len &&
           memcmp(t->p, wr_str_data(t->esc), t->esc->len) == 0;
}

/* What follows the escape character. */
static void take_escaped(translation *t, bool parts) {
    t->p += t->esc->len;
    if (t->p == t->end) t->why = "pattern of SIMILAR TO: it ends in the escape character";
    else if (parts && *t->p == '"') {
        t->p++;
        puts_(t, ++t->cuts == 1 ? ")(" : ")(?U:");
        t->repeatable = false;
    } else {
        put_literal(t);
        t->repeatable = true;
    }
}

/* [:ALPHA:] within brackets. */
static bool take_class_name(translation *t) {
    const char *p = t->p + 2;
    while (p < t->end && ((*p | 32) >= 'a' && (*p | 32) <= 'z')) p++;
    if (t->end - p < 2 || p[0] != ':' || p[1] != ']') return false;
    puts_(t, "[:");
    for (const char *q = t->p + 2; q < p; q++) {
        char lower = (char)(*q | 32);
        put(t, &lower, 1);
    }
    puts_(t, ":]");
    t->p = p + 2;
    return true;
}

/* Whether the set at t->p takes characters away: [a-e^c]. */
static bool takes_away(const translation *t) {
    translation s = *t;
    s.p += 1 + (s.p + 1 < s.end && s.p[1] == '^');
    for (const char *first = s.p; s.p < s.end && *s.p != ']'; s.p++) {
        if (at_escape(&s)) s.p += s.esc->len < (size_t)(s.end - s.p) ? s.esc->len : 0;
        else if (*s.p == '^' && s.p > first) return true;
    }
    return false;
}

static void take_set(translation *t) {
    bool away = takes_away(t), rest = false; /* rest: behind the ^ */
    puts_(t, away ? "(?:[" : "[");
    t->p++;
    if (t->p < t->end && *t->p == '^') {
        puts_(t, "^");
        t->p++;
    }
    const char *first = t->p;
    while (t->p < t->end && *t->p != ']') {
        if (away && !rest && *t->p == '^' && t->p > first && !at_escape(t)) {
            puts_(t, "](?<!["); /* the character just taken is none of these */
            first = ++t->p;
            rest = true;
        } else if (at_escape(t)) {
            t->p += t->esc->len;
            if (t->p == t->end) break;
            put_literal(t);
        } else if (*t->p == '[' && t->p + 1 < t->end && t->p[1] == ':') {
            if (!take_class_name(t)) {
                t->why = "pattern of SIMILAR TO: expected [:ALPHA:] or another class after [[:";
                return;
            }
        } else if (*t->p == '-') {
            puts_(t, "-");
            t->p++;
        } else put_literal(t);
    }
    if (t->p == t->end) t->why = "pattern of SIMILAR TO: [ without ]";
    else if (t->p == first) t->why = "pattern of SIMILAR TO: nothing in [ ]";
    else {
        puts_(t, rest ? "]))" : away ? "])" : "]");
        t->p++;
    }
}

static void take_braces(translation *t) {
    const char *p = t->p + 1;
    bool digits = false;
    for (; p < t->end && ((*p >= '0' && *p <= '9') || *p == ','); p++) digits |= *p != ',';
    if (p == t->end || *p != '}' || !digits || t->p[1] == ',') {
        t->why = "pattern of SIMILAR TO: expected {2}, {2,} or {2,5}";
        return;
    }
    put(t, t->p, (size_t)(p + 1 - t->p));
    t->p = p + 1;
}

/* One piece of the pattern outside brackets. */
static void take_piece(translation *t) {
    char c = *t->p;
    bool repeats = c == '*' || c == '+' || c == '?' || c == '{', opens = c == '(' || c == '|';
    if (repeats && !t->repeatable) {
        t->why = "pattern of SIMILAR TO: nothing to repeat before *, +, ? or {";
        return;
    }
    if (c == '%') puts_(t, ".*");
    else if (c == '_') puts_(t, ".");
    else if (c == '(') puts_(t, "(?:");
    else if (c == '[') take_set(t);
    else if (c == '{') take_braces(t);
    else if (repeats || c == '|' || c == ')') put(t, t->p, 1);
    else put_literal(t);
    if (c == '%' || c == '_' || c == '(' || (repeats && c != '{') || c == '|' || c == ')') t->p++;
    t->repeatable = !repeats && !opens && c != '%';
}

bool wri_similar_translate(wri_regex_kind kind, const wr_str *pattern, const wr_str *esc, wr_buf *out,
                           const char **whyp) {
    bool some = kind == WRI_RE_SIMILAR_SOME, parts = some || kind == WRI_RE_SIMILAR_PART;
    const char *p = wr_str_data(pattern);
    translation t = {.p = p, .end = p + pattern->len, .esc = esc, .out = out, .ok = true};
    *whyp = NULL;
    if (esc && wri_chars(wr_str_data(esc), esc->len) != 1) {
        *whyp = "pattern of SIMILAR TO: its escape must be one character";
        return true;
    }
    puts_(&t, some ? "(?U:" : parts ? "\\A(?U:" : "\\A(?:");
    while (t.ok && !t.why && t.p < t.end) {
        if (at_escape(&t)) take_escaped(&t, parts);
        else take_piece(&t);
    }
    puts_(&t, some ? ")" : ")\\z");
    if (parts && !t.why && t.cuts != 2)
        t.why = "pattern of SUBSTRING: expected two of the escape character and \"";
    *whyp = t.why;
    return t.ok;
}
