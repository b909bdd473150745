/* core/utf8.c -- is a text UTF-8, and how many characters has it. Pure functions; any thread.
 *
 * Valid is what Unicode's table 3-7 lists: no overlong form, no surrogate, nothing above U+10FFFF. The
 * second byte alone decides all three, by a range that depends on the first. */
#include "core/text.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t load8(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Bytes of the character at p (2..4; *p >= 0x80), 0 when it is not one. */
static size_t sequence(const unsigned char *p, size_t n) {
    unsigned char c = *p, low = 0x80, high = 0xbf;
    size_t len;
    if (c >= 0xc2 && c <= 0xdf) len = 2;
    else if (c >= 0xe0 && c <= 0xef) {
        len = 3;
        if (c == 0xe0) low = 0xa0;  /* shorter forms exist */
        if (c == 0xed) high = 0x9f; /* surrogates */
    } else if (c >= 0xf0 && c <= 0xf4) {
        len = 4;
        if (c == 0xf0) low = 0x90;
        if (c == 0xf4) high = 0x8f;
    } else return 0;
    if (n < len || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return len;
}

bool wr_utf8_valid(const char *p, size_t n) {
    const char *end = p + n;
    while (p < end) {
        while (end - p >= 8 && !(load8(p) & HIGH_BITS)) p += 8;
        for (; p < end && !(*p & 0x80); p++) {
        }
        while (p < end && (*p & 0x80)) {
            size_t len = sequence((const unsigned char *)p, (size_t)(end - p));
            if (len == 0) return false;
            p += len;
        }
    }
    return true;
}

size_t wr_utf8_count(const char *p, size_t n) {
    size_t count = 0, i = 0;
    for (; i + 8 <= n; i += 8) { /* bytes that are not 10xxxxxx start a character */
        uint64_t w = load8(p + i);
        count += 8 - (size_t)__builtin_popcountll(w & ~(w << 1) & HIGH_BITS);
    }
    for (; i < n; i++) count += (p[i] & 0xc0) != 0x80;
    return count;
}
