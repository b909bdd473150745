/* parser/unicode.c -- the little of Unicode that a lexer and a caret need.
 *
 * Decoding one character, its width on a terminal, and the names of characters that word processors
 * and web pages put where SQL has ' " - or a space. */
#include "parser/parser_int.h"

uint32_t wri_utf8(const char *p, size_t n, uint32_t *lenp) {
    const unsigned char *s = (const unsigned char *)p;
    *lenp = 1;
    if (s[0] < 0x80) return s[0];
    uint32_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n) return UINT32_MAX;
    uint32_t cp = s[0] & (0x7fu >> len);
    for (uint32_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return UINT32_MAX;
        cp = cp << 6 | (s[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) return UINT32_MAX;
    *lenp = len;
    return cp;
}

size_t wri_utf8_put(uint32_t cp, char out[4]) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

typedef struct range {
    uint32_t lo, hi;
} range;

static bool in_ranges(uint32_t cp, const range *r, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (cp >= r[i].lo && cp <= r[i].hi) return true;
    return false;
}

uint32_t wri_char_width(uint32_t cp) {
    static const range none[] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                                 {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
    static const range wide[] = {
        {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
        {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
        {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if (cp < 0x300) return 1;
    if (in_ranges(cp, none, WR_LEN(none))) return 0;
    return in_ranges(cp, wide, WR_LEN(wide)) ? 2 : 1;
}

const char *wri_char_name(uint32_t cp) {
    static const struct {
        uint32_t cp;
        const char *name;
    } names[] = {{0x00ab, "a typographic quote"},
                 {0x00bb, "a typographic quote"},
                 {0x00d7, "a multiplication sign"},
                 {0x2010, "a typographic hyphen"},
                 {0x2011, "a typographic hyphen"},
                 {0x2012, "a typographic dash"},
                 {0x2013, "a typographic dash"},
                 {0x2014, "a typographic dash"},
                 {0x2018, "a typographic quote"},
                 {0x2019, "a typographic quote"},
                 {0x201a, "a typographic quote"},
                 {0x201c, "a typographic double quote"},
                 {0x201d, "a typographic double quote"},
                 {0x201e, "a typographic double quote"},
                 {0x2026, "a typographic ellipsis"},
                 {0x2212, "a typographic minus"},
                 {0x2264, "a less-or-equal sign"},
                 {0x2265, "a greater-or-equal sign"},
                 {0x2260, "a not-equal sign"},
                 {0xff08, "a full-width parenthesis"},
                 {0xff09, "a full-width parenthesis"},
                 {0xff0c, "a full-width comma"},
                 {0xff1b, "a full-width semicolon"},
                 {0xff1d, "a full-width equals sign"},
                 {0x00b4, "an acute accent"},
                 {0xfffd, "a replacement character"}};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (names[i].cp == cp) return names[i].name;
    return NULL;
}
