/* core/text_float.c -- the shortest text of a double or float that reads back the same.
 *
 * Model (R. Giulietti, "The Schubfach way to render doubles"): v = c * 2^q rounds from every real in an
 * interval around it. With k the largest power such that the interval is at least 10^k wide, it holds one or
 * more multiples of 10^k and at most one of 10^(k+1); that one, if any, is the shortest, else the multiple
 * of 10^k nearest to v. The ends of the interval are scaled by 10^-k with one 64 x 128-bit product each,
 * kept with two bits and a sticky bit behind the point, which is enough to compare exactly.
 * Layout: plain for 1e-5 <= |v| < 1e21 (always with a point), else d.ddde±x. Pure; any thread. */
#include "core/pow10_int.h"
#include "core/text.h"

#define PLAIN_MIN (-5) /* decimal exponents written without 'e' */
#define PLAIN_MAX 20

typedef struct shortest { /* digits * 10^exp */
    uint64_t digits;
    int exp;
} shortest;

/* floor(g * c / 2^128) with the lowest bit set when the rest is not zero (g is rounded up: rest > 1). */
static inline uint64_t scale_odd(const uint64_t g[2], uint64_t c) {
    uint64_t low = (uint64_t)((unsigned __int128)g[1] * c >> 64);
    unsigned __int128 y = (unsigned __int128)g[0] * c + low;
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* The same for floats, where the upper 64 bits of g (rounded up) are enough: floor(g * c / 2^64). */
static inline uint64_t scale_odd32(uint64_t g, uint64_t c) {
    unsigned __int128 y = (unsigned __int128)g * c;
    return (uint64_t)(y >> 64) | ((uint64_t)y >> 32 > 1);
}

/* vl, v, vr: lower end, value and upper end, scaled by 4 * 10^-k; odd: the ends do not belong. */
static inline shortest choose(uint64_t vl, uint64_t v, uint64_t vr, bool odd, int k) {
    uint64_t lower = vl + odd, upper = vr - odd, s = v / 4;
    if (s >= 10) {
        uint64_t t = s / 10;
        bool down = lower <= 40 * t, up = 40 * t + 40 <= upper;
        if (down != up) return (shortest){t + up, k + 1};
    }
    bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down != up) return (shortest){s + up, k};
    uint64_t mid = 4 * s + 2;
    return (shortest){s + (v > mid || (v == mid && (s & 1))), k};
}

/* c * 2^q; edge: the neighbour below is half as far as the one above. */
static inline int scale_power(int q, bool edge) { return (q * 1262611 - (edge ? 524031 : 0)) >> 22; }

static shortest shortest_f64(uint64_t frac, int biased) {
    uint64_t c = biased ? frac | UINT64_C(1) << 52 : frac;
    int q = (biased ? biased : 1) - 1075;
    bool edge = frac == 0 && biased > 1;
    int k = scale_power(q, edge);
    int h = q + wri_floor_log2_pow10(-k) + 1; /* 1..4 */
    const uint64_t *g = wri_pow10[-k - WRI_POW10_MIN];
    uint64_t vl = scale_odd(g, (4 * c - 2 + edge) << h), v = scale_odd(g, 4 * c << h);
    return choose(vl, v, scale_odd(g, (4 * c + 2) << h), c & 1, k);
}

static shortest shortest_f32(uint32_t frac, int biased) {
    uint64_t c = biased ? frac | UINT32_C(1) << 23 : frac;
    int q = (biased ? biased : 1) - 150;
    bool edge = frac == 0 && biased > 1;
    int k = scale_power(q, edge);
    int h = q + wri_floor_log2_pow10(-k) + 1;
    const uint64_t *e = wri_pow10[-k - WRI_POW10_MIN];
    uint64_t g = e[0] + (e[1] != 0);
    uint64_t vl = scale_odd32(g, (4 * c - 2 + edge) << h), v = scale_odd32(g, 4 * c << h);
    return choose(vl, v, scale_odd32(g, (4 * c + 2) << h), c & 1, k);
}

/* Drops trailing zeros of digits != 0. */
static inline shortest trim(shortest s) {
    while (s.digits % 100000000 == 0) s.digits /= 100000000, s.exp += 8;
    if (s.digits % 10000 == 0) s.digits /= 10000, s.exp += 4;
    if (s.digits % 100 == 0) s.digits /= 100, s.exp += 2;
    if (s.digits % 10 == 0) s.digits /= 10, s.exp += 1;
    return s;
}

/* |exp| < 1000. */
static size_t put_exponent(int exp, char *out) {
    char *o = out;
    *o++ = 'e';
    return (size_t)(o - out) + wr_write_i64(exp, o);
}

static size_t put_decimal(shortest s, char *out) {
    char text[48], *o = out; /* longer than the digits, so that copies have a constant length */
    int n = (int)wr_write_i64((int64_t)s.digits, text), top = n - 1 + s.exp; /* exponent of the first digit */
    if (top < PLAIN_MIN || top > PLAIN_MAX) {
        *o++ = text[0];
        if (n > 1) *o++ = '.';
        memcpy(o, text + 1, 20);
        o += n - 1;
        return (size_t)(o - out) + put_exponent(top, o);
    }
    if (top < 0) { /* 0.000ddd */
        memcpy(o, "0.000000", 8);
        o += 1 - top;
        memcpy(o, text, 20);
        return (size_t)(o - out) + (size_t)n;
    }
    if (s.exp >= 0) { /* ddd000.0 */
        memcpy(o, text, 20);
        o += n;
        for (int i = 0; i < s.exp; i++) *o++ = '0';
        memcpy(o, ".0", 2);
        return (size_t)(o - out) + 2;
    }
    memcpy(o, text, 20); /* dd.ddd */
    o[top + 1] = '.';
    memcpy(o + top + 2, text + top + 1, 20);
    return (size_t)(o - out) + (size_t)n + 1;
}

static size_t put_special(bool nan, bool neg, char *out) {
    if (nan) return (size_t)(memcpy(out, "NaN", 3), 3);
    char *o = out;
    if (neg) *o++ = '-';
    memcpy(o, "Infinity", 8);
    return (size_t)(o - out) + 8;
}

size_t wr_write_f64(double v, char *out) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    char *o = out;
    bool neg = bits >> 63;
    int biased = (int)(bits >> 52 & 0x7ff);
    uint64_t frac = bits & ((UINT64_C(1) << 52) - 1);
    if (biased == 0x7ff) return put_special(frac != 0, neg, out);
    if (neg) *o++ = '-';
    double a = neg ? -v : v;
    if (a < 9007199254740992.0 && a == (double)(int64_t)a) { /* whole: all digits count */
        o += wr_write_i64((int64_t)a, o);
        memcpy(o, ".0", 2);
        return (size_t)(o - out) + 2;
    }
    return (size_t)(o - out) + put_decimal(trim(shortest_f64(frac, biased)), o);
}

size_t wr_write_f32(float v, char *out) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    char *o = out;
    bool neg = bits >> 31;
    int biased = (int)(bits >> 23 & 0xff);
    uint32_t frac = bits & ((UINT32_C(1) << 23) - 1);
    if (biased == 0xff) return put_special(frac != 0, neg, out);
    if (neg) *o++ = '-';
    if (biased == 0 && frac == 0) return (size_t)(o - out) + (size_t)(memcpy(o, "0.0", 3), 3);
    return (size_t)(o - out) + put_decimal(trim(shortest_f32(frac, biased)), o);
}
