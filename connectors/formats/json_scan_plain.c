/* connectors/formats/json_scan_plain.c -- the scanner in plain C for any machine, eight bytes at a time. */
#include "connectors/formats/json_int.h"

#define INLINE       static inline __attribute__((always_inline))
#define VARIANT      plain
#define VARIANT_NAME "plain"
#define VEC_BYTES    8
#define EACH(byte)   (UINT64_C(0x0101010101010101) * (byte))

typedef uint64_t vec;
typedef uint64_t mask; /* the top bit of each byte found; exact up to the first */

typedef struct num {
    uint64_t digits;
    uint32_t frac, len;
    bool neg;
} num;

static bool usable(void) { return true; }

INLINE vec vec_load(const void *p) {
    vec v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
INLINE vec vec_zero(void) { return 0; }
INLINE vec vec_or(vec a, vec b) { return a | b; }
INLINE bool vec_high(vec v) { return (v & EACH(0x80)) != 0; }

INLINE mask vec_special(vec v) {
    vec quote = v ^ EACH('"'), back = v ^ EACH('\\');
    return (((quote - EACH(1)) & ~quote) | ((back - EACH(1)) & ~back) | ((v - EACH(0x20)) & ~v)) & EACH(0x80);
}
INLINE mask vec_quote(vec v) {
    vec quote = v ^ EACH('"');
    return (quote - EACH(1)) & ~quote & EACH(0x80);
}
INLINE mask vec_stop(vec v) {
    vec comma = v ^ EACH(','), brace = v ^ EACH('}');
    return (((comma - EACH(1)) & ~comma) | ((brace - EACH(1)) & ~brace) | ((v - EACH(0x21)) & ~v)) &
           EACH(0x80);
}
INLINE mask mask_from(mask m, uint32_t n) { return m >> 8 * n << 8 * n; }
INLINE uint32_t mask_at(mask m) { return m ? (uint32_t)__builtin_ctzll(m) / 8 : VEC_BYTES; }

INLINE bool same(const char *p, const char *text, uint32_t n) {
    for (; n > 8; n -= 8, p += 8, text += 8)
        if (vec_load(p) != vec_load(text)) return false;
    return (vec_load(p) ^ vec_load(text)) << ((8 - n) * 8 & 63) == 0; /* n >= 1 */
}
INLINE bool same_two(const char *p, const char *q, const char *text, uint32_t n) {
    return same(p, text, n) && same(q, text, n);
}
INLINE bool same16(const char *p, const char *text) {
    return vec_load(p) == vec_load(text) && vec_load(p + 8) == vec_load(text + 8);
}

INLINE bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* As in json_simd_int.h: no exponent, at most 16 bytes. */
INLINE bool number(const char *p, num *out) {
    const char *s = p;
    uint64_t v = 0;
    uint32_t frac = 0;
    bool neg = *s == '-';
    s += neg;
    const char *first = s;
    while (is_digit(*s) && s - p < 16) v = v * 10 + (uint64_t)(*s++ - '0');
    if (s == first || (*first == '0' && s - first > 1)) return false;
    if (*s == '.') {
        const char *point = s++;
        while (is_digit(*s) && s - p < 16) v = v * 10 + (uint64_t)(*s++ - '0');
        frac = (uint32_t)(s - point) - 1;
        if (frac == 0) return false;
    }
    if (is_digit(*s) || (*s | 0x20) == 'e') return false;
    *out = (num){.digits = v, .frac = frac, .len = (uint32_t)(s - p), .neg = neg};
    return true;
}

INLINE bool whole(const char *p, num *out) { return number(p, out) && out->frac == 0; }

INLINE void view(wr_str *out, const char *p, uint32_t n) { *out = wr_str_make(p, n); }

INLINE bool seconds(const char *p, uint32_t keep, const char **endp, int64_t *usp) {
    if (p[0] != ':' || !is_digit(p[1]) || !is_digit(p[2])) return false;
    int64_t us = ((p[1] - '0') * 10 + (p[2] - '0')) * WR_US_PER_SECOND;
    const char *s = p + 3;
    if (*s == '.') {
        int64_t unit = 100000;
        const char *first = ++s;
        for (; is_digit(*s); s++, unit /= 10)
            if ((uint32_t)(s - first) < keep) us += unit * (*s - '0');
        if (s == first || s - first > 6) return false;
    }
    *usp = us;
    *endp = s;
    return us < 60 * WR_US_PER_SECOND;
}

static bool utf8(const char *p, size_t n) { return wr_utf8_valid(p, n); }

#include "connectors/formats/json_scan_body.h"
