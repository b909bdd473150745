/* connectors/formats/json_simd_int.h -- the scanner's 128-bit parts, shared by the AVX2 and AVX-512 variants.
 *
 * To be included behind the includer's target pragma. */
#ifndef WRI_JSON_SIMD_INT_H
#define WRI_JSON_SIMD_INT_H

#include <immintrin.h>

#include "connectors/formats/json_int.h"

#define INLINE static inline __attribute__((always_inline))

typedef struct num {
    uint64_t digits; /* up to 16 of them, the point left out */
    uint32_t frac;   /* of them behind the point */
    uint32_t len;    /* bytes */
    bool neg;
} num;

/* 16 bytes from [16 - n] on: n times 0xff, then 0. From [16 + n] on shuffles the first n bytes to the end. */
static const uint8_t keep_first[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t align_last[32] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                       0x80, 0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,
                                       6,    7,    8,    9,    10,   11,   12,   13,   14,   15};

INLINE __m128i load16(const void *p) { return _mm_loadu_si128(p); }
INLINE bool same16(const char *p, const char *text) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(load16(p), load16(text))) == 0xffff;
}

/* 16 digits (values, not characters) to two 32-bit numbers of eight, most significant first. */
INLINE __m128i join_digits(__m128i d) {
    d = _mm_maddubs_epi16(d, _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1));
    d = _mm_madd_epi16(d, _mm_setr_epi16(100, 1, 100, 1, 100, 1, 100, 1));
    d = _mm_packus_epi32(d, d);
    return _mm_madd_epi16(d, _mm_setr_epi16(10000, 1, 10000, 1, 10000, 1, 10000, 1));
}

/* A JSON number without exponent in at most 16 bytes. False: something else or longer.
 * The point is taken out by moving what is left of it one byte to the right. */
INLINE bool number(const char *p, num *out) {
    __m128i v = load16(p), d = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
    uint32_t neg = *p == '-';
    uint32_t others = (~(uint32_t)_mm_movemask_epi8(is_digit) | 0x10000) & ~neg;
    uint32_t first = _tzcnt_u32(others), second = _tzcnt_u32(_blsr_u32(others) | 0x10000);
    bool point = p[first] == '.';
    uint32_t end = point ? second : first, frac = point ? second - first - 1 : 0;
    uint32_t whole = first - neg;
    unsigned char next = (unsigned char)p[end];
    if (WR_UNLIKELY((whole == 0) | ((whole > 1) & (p[neg] == '0')) | (point & ((frac == 0) | (first == 16))) |
                    ((unsigned char)(next - '0') < 10) | ((next | 0x20) == 'e')))
        return false;
    __m128i x = _mm_shuffle_epi8(_mm_and_si128(d, is_digit), load16(align_last + end));
    __m128i left = load16(keep_first + (point ? frac : 16)); /* what moves to the right */
    x = _mm_blendv_epi8(x, _mm_slli_si128(x, 1), left);
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(join_digits(x));
    *out =
        (num){.digits = (both & 0xffffffff) * 100000000 + (both >> 32), .frac = frac, .len = end, .neg = neg};
    return true;
}

/* A JSON number of digits only, at most 16 bytes with its sign. */
INLINE bool whole(const char *p, num *out) {
    __m128i v = load16(p), d = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
    uint32_t neg = *p == '-';
    uint32_t end = _tzcnt_u32((~(uint32_t)_mm_movemask_epi8(is_digit) | 0x10000) & ~neg);
    unsigned char next = (unsigned char)p[end];
    if (WR_UNLIKELY((end == neg) | ((end - neg > 1) & (p[neg] == '0')) | ((unsigned char)(next - '0') < 10) |
                    (next == '.') | ((next | 0x20) == 'e')))
        return false;
    __m128i x = _mm_shuffle_epi8(_mm_and_si128(d, is_digit), load16(align_last + end));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(join_digits(x));
    *out = (num){.digits = (both & 0xffffffff) * 100000000 + (both >> 32), .len = end, .neg = neg};
    return true;
}

/* out = the view of p[0..n), n < 32; 16 bytes at p can be read. */
INLINE void view(wr_str *out, const char *p, uint32_t n) {
    uint32_t kept = n < WR_STR_INLINE ? n : WR_STR_INLINE;
    __m128i x = _mm_and_si128(load16(p), load16(keep_first + 16 - kept));
    x = _mm_insert_epi32(_mm_slli_si128(x, 4), (int)n, 0);
    _mm_storeu_si128((__m128i *)out, x);
    const char *unused, **at = n > WR_STR_INLINE ? &out->ptr : &unused; /* no branch on the length */
    *at = p;
}

/* ":SS", then perhaps a point and one to six digits; *usp with `keep` of them. */
INLINE bool seconds(const char *p, uint32_t keep, const char **endp, int64_t *usp) {
    __m128i d = _mm_sub_epi8(load16(p), _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
    uint32_t digits = (uint32_t)_mm_movemask_epi8(is_digit);
    uint32_t run = _tzcnt_u32(~(digits >> 4));
    bool point = p[3] == '.';
    if ((digits & 6) != 6 || p[0] != ':' || (point && run - 1 > 5)) return false;
    uint32_t frac = point ? run : 0, kept = frac < keep ? frac : keep;
    d = _mm_shuffle_epi8(d, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 1, 2, 4, 5, 6, 7, 8, 9));
    d = _mm_and_si128(d, load16(keep_first + 16 - 10 - kept)); /* the first ten: eight zeros, the seconds */
    int64_t us = (int64_t)((uint64_t)_mm_cvtsi128_si64(join_digits(d)) >> 32);
    *usp = us;
    *endp = p + (point ? 4 + frac : 3);
    return us < 60 * WR_US_PER_SECOND;
}

/* ---- UTF-8 ----
 *
 * What can be wrong with a byte shows in it and the three before it. Two table look-ups by the halves of the
 * byte before and one by the upper half of the byte itself give sets of faults; a fault is in all three sets
 * exactly when the pair has it. Continuations two and three bytes behind a long lead are checked apart:
 * LONE_PAIR marks two continuations in a row, which is right there and only there. */
enum {
    SHORT_LEAD = 1,  /* lead, then no continuation */
    LONE_TAIL = 2,   /* ASCII, then a continuation */
    OVERLONG_3 = 4,  /* e0 80..9f */
    SURROGATE = 8,   /* ed a0..bf */
    OVERLONG_2 = 16, /* c0, c1 */
    TOO_LARGE = 32,  /* f4 90.., f5.. */
    OVERLONG_4 = 64, /* f0 80..8f; also f5.. 80..8f */
    LONE_PAIR = 128  /* two continuations */
};
#define TAIL    (LONE_TAIL | OVERLONG_2 | LONE_PAIR)
#define ANY_LOW (SHORT_LEAD | LONE_TAIL | LONE_PAIR)

/* Upper half of the byte before. */
#define UTF8_BEFORE_HIGH                                                                                     \
    LONE_TAIL, LONE_TAIL, LONE_TAIL, LONE_TAIL, LONE_TAIL, LONE_TAIL, LONE_TAIL, LONE_TAIL, (char)LONE_PAIR, \
        (char)LONE_PAIR, (char)LONE_PAIR, (char)LONE_PAIR, SHORT_LEAD | OVERLONG_2, SHORT_LEAD,              \
        SHORT_LEAD | OVERLONG_3 | SURROGATE, SHORT_LEAD | TOO_LARGE | OVERLONG_4
/* Lower half of the byte before. */
#define UTF8_BEFORE_LOW                                                                                      \
    (char)(ANY_LOW | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(ANY_LOW | OVERLONG_2), (char)ANY_LOW,     \
        (char)ANY_LOW, (char)(ANY_LOW | TOO_LARGE), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4),                \
        (char)(ANY_LOW | TOO_LARGE | OVERLONG_4), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4),                  \
        (char)(ANY_LOW | TOO_LARGE | OVERLONG_4), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4),                  \
        (char)(ANY_LOW | TOO_LARGE | OVERLONG_4), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4),                  \
        (char)(ANY_LOW | TOO_LARGE | OVERLONG_4), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4 | SURROGATE),      \
        (char)(ANY_LOW | TOO_LARGE | OVERLONG_4), (char)(ANY_LOW | TOO_LARGE | OVERLONG_4)
/* Upper half of the byte itself: ASCII and leads can only end a lead too early. */
#define UTF8_HIGH                                                                                            \
    SHORT_LEAD, SHORT_LEAD, SHORT_LEAD, SHORT_LEAD, SHORT_LEAD, SHORT_LEAD, SHORT_LEAD, SHORT_LEAD,          \
        (char)(TAIL | OVERLONG_3 | OVERLONG_4), (char)(TAIL | OVERLONG_3 | TOO_LARGE),                       \
        (char)(TAIL | SURROGATE | TOO_LARGE), (char)(TAIL | SURROGATE | TOO_LARGE), SHORT_LEAD, SHORT_LEAD,  \
        SHORT_LEAD, SHORT_LEAD

#endif
