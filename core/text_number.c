/* core/text_number.c -- numbers to text and back, except shortest doubles (text_float.c).
 *
 * Reading a double: the digits are gathered into a 64-bit integer w and a power of ten q, so that the
 * value is w * 10^q. Small w and q are exact in hardware (Clinger); else one 64 x 128-bit product decides
 * the rounding (Eisel and Lemire); the few texts that neither decides go to strtod, as digits and an
 * exponent without a point, so that the locale plays no part. All pure functions; any thread. */
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/pow10_int.h"
#include "core/text.h"

#define DIGITS_MAX 800 /* significant digits that can decide the rounding of a double: 768 */

/* A decimal number as found in text: 0.d1d2d3… * 10^point, leading zeros dropped. */
typedef struct decimal {
    const char *first; /* first significant digit; NULL: the number is zero */
    const char *end;   /* behind the last digit of the significand; a point may lie between */
    uint64_t w;        /* the first min(19, n) significant digits */
    uint32_t n;        /* significant digits, trailing zeros included */
    int64_t point;
    bool neg;
} decimal;

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

const char wri_digit_pairs[200] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

bool wr_read_i64(const char *p, size_t n, int64_t *outp) {
    *outp = 0;
    bool neg = n > 0 && *p == '-';
    if (n > 0 && (*p == '-' || *p == '+')) p++, n--;
    if (n == 0) return false;
    uint64_t v = 0;
    if (n <= 18) { /* cannot overflow */
        for (size_t i = 0; i < n; i++) {
            unsigned d = (unsigned char)(p[i] - '0');
            if (d > 9) return false;
            v = v * 10 + d;
        }
    } else {
        uint64_t max = (uint64_t)INT64_MAX + neg;
        for (size_t i = 0; i < n; i++) {
            unsigned d = (unsigned char)(p[i] - '0');
            if (d > 9) return false;
            if (v > (max - d) / 10) return false;
            v = v * 10 + d;
        }
    }
    *outp = (int64_t)(neg ? 0 - v : v);
    return true;
}

/* The exponent behind 'e'; values beyond any use are clamped. False when there is no digit. */
static bool scan_exponent(const char *p, const char *end, int64_t *outp) {
    bool neg = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    int64_t e = 0;
    for (; p < end; p++) {
        if (!is_digit(*p)) return false;
        if (e < 100000000000) e = e * 10 + (*p - '0');
    }
    *outp = neg ? -e : e;
    return true;
}

/* [sign] digits [. digits] [e exponent], at least one digit, nothing else. */
static bool scan_decimal(const char *p, size_t len, decimal *d) {
    const char *end = p + len;
    *d = (decimal){.neg = len > 0 && *p == '-'};
    if (len > 0 && (*p == '-' || *p == '+')) p++;
    bool any = false, behind = false;
    uint64_t n = 0;
    for (; p < end; p++) {
        if (is_digit(*p)) {
            any = true;
            if (!d->first && *p == '0') {
                d->point -= behind;
                continue;
            }
            if (!d->first) d->first = p;
            if (n < 19) d->w = d->w * 10 + (uint64_t)(*p - '0');
            n++;
            d->point += !behind;
        } else if (*p == '.' && !behind) behind = true;
        else break;
    }
    d->end = p;
    if (!any || n > UINT32_MAX) return false;
    d->n = (uint32_t)n;
    if (p == end) return true;
    int64_t e = 0;
    if ((*p | 0x20) != 'e' || !scan_exponent(p + 1, end, &e)) return false;
    d->point += e;
    return true;
}

/* ---- doubles ---- */

/* w * 10^q by strtod: the digits again, at most DIGITS_MAX and one that stands for all behind. */
static bool read_slow(const decimal *d, double *outp) {
    char buf[DIGITS_MAX + 32];
    size_t n = 0;
    int64_t e = d->point;
    for (const char *p = d->first; p < d->end; p++) {
        if (*p == '.') continue;
        if (n < DIGITS_MAX) buf[n++] = *p;
        else if (*p != '0') {
            buf[n++] = '1';
            break;
        }
    }
    snprintf(buf + n, sizeof buf - n, "e%lld", (long long)(e - (int64_t)n));
    *outp = strtod(buf, NULL);
    return *outp <= DBL_MAX;
}

/* The IEEE bits of w * 10^q, w != 0, -342 <= q <= 308, or UINT64_MAX when the product does not decide. */
static uint64_t product_bits(uint64_t w, int q) {
    int lz = __builtin_clzll(w);
    w <<= lz;
    uint64_t hi = wri_pow10[q - WRI_POW10_MIN][0], lo = wri_pow10[q - WRI_POW10_MIN][1];
    if (q > 55) { /* the proof wants positive powers rounded down; the table rounds up */
        hi -= lo == 0;
        lo--;
    }
    unsigned __int128 m = (unsigned __int128)w * hi;
    uint64_t upper = (uint64_t)(m >> 64), lower = (uint64_t)m;
    if ((upper & 0x1ff) == 0x1ff) { /* bits below the rounding point are all ones: a carry may come */
        uint64_t more = (uint64_t)((unsigned __int128)w * lo >> 64);
        lower += more;
        upper += lower < more;
        if (lower == UINT64_MAX && (q < -27 || q > 55)) return UINT64_MAX;
    }
    int top = (int)(upper >> 63);
    uint64_t mant = upper >> (top + 9);
    int64_t e = wri_floor_log2_pow10(q) + 63 + top - lz + 1023;
    if (e <= 0) { /* subnormal */
        if (1 - e >= 64) return 0;
        mant >>= 1 - e;
        mant = (mant + (mant & 1)) >> 1;
        return mant; /* 2^52 here is the smallest normal number, as it should be */
    }
    /* Exactly half way: to even. Only these powers can give an exact product. */
    if (lower <= 1 && q >= -4 && q <= 23 && (mant & 3) == 1 && mant << (top + 9) == upper) mant--;
    mant = (mant + (mant & 1)) >> 1;
    if (mant >> 53) {
        mant >>= 1;
        e++;
    }
    if (e >= 0x7ff) return UINT64_C(0x7ff) << 52;
    return (uint64_t)e << 52 | (mant & ~(UINT64_C(1) << 52));
}

bool wr_read_f64(const char *p, size_t n, double *outp) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    *outp = 0;
    decimal d;
    if (!scan_decimal(p, n, &d)) return false;
    double v = 0;
    bool ok = true;
    uint32_t digits = d.n < 19 ? d.n : 19;
    int64_t q = d.point - digits;
    if (!d.first || q < -342) v = 0; /* even 9999999999999999999e-343 is below half the least double */
    else if (q > 308) return false;
    else if (d.n <= 19 && d.w <= UINT64_C(1) << 53 && q >= -22 && q <= 22)
        v = q < 0 ? (double)d.w / tens[-q] : (double)d.w * tens[q];
    else {
        uint64_t bits = product_bits(d.w, (int)q);
        if (bits == UINT64_MAX || (d.n > 19 && bits != product_bits(d.w + 1, (int)q))) ok = read_slow(&d, &v);
        else if (bits >> 52 == 0x7ff) return false;
        else memcpy(&v, &bits, sizeof v);
    }
    *outp = d.neg ? -v : v;
    return ok;
}

/* ---- decimals ---- */

static const uint64_t tens_u64[20] = {1,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      UINT64_C(10000000000000000000)};

bool wr_read_decimal(const char *p, size_t n, uint32_t prec, uint32_t scale, bool round, int64_t *outp) {
    *outp = 0;
    decimal d;
    if (!scan_decimal(p, n, &d)) return false;
    if (!d.first) return true;
    int64_t keep = d.point + scale; /* digits in front of the scaled point */
    if (keep > 19) return false;
    uint64_t v = 0;
    int64_t i = 0;
    bool up = false, lost = false;
    for (const char *s = d.first; s < d.end; s++) {
        if (*s == '.') continue;
        if (i < keep) v = v * 10 + (uint64_t)(*s - '0');
        else if (i == keep && i >= 0) up = *s >= '5';
        if (i >= keep) lost |= *s != '0';
        i++;
        if (keep < 0 || (i > keep && lost)) break; /* the first digit is not zero */
    }
    if (keep < 0) lost = true;
    if (lost && !round) return false;
    for (; i < keep; i++) v *= 10; /* at most 19 digits: no overflow */
    v += up;
    uint64_t max = prec == 0 || prec >= 19 ? (uint64_t)INT64_MAX : tens_u64[prec] - 1;
    if (v > max) return false;
    *outp = d.neg ? -(int64_t)v : (int64_t)v;
    return true;
}

/* ---- writing ---- */

static uint32_t count_digits(uint64_t v) {
    uint32_t n = (uint32_t)(64 - __builtin_clzll(v | 1)) * 1233 >> 12;
    return n + (v >= tens_u64[n] || v == 0);
}

/* The n digits of v, zeros in front. */
static void put_digits(uint64_t v, uint32_t n, char *out) {
    while (n >= 2) {
        n -= 2;
        memcpy(out + n, wri_digit_pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (n) out[0] = (char)('0' + v % 10);
}

size_t wr_write_i64(int64_t v, char *out) {
    char *o = out;
    if (v < 0) *o++ = '-';
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint32_t n = count_digits(u);
    put_digits(u, n, o);
    return (size_t)(o - out) + n;
}

size_t wr_write_decimal(int64_t v, uint32_t scale, char *out) {
    if (scale == 0) return wr_write_i64(v, out);
    if (scale > 19) scale = 19;
    char *o = out;
    if (v < 0) *o++ = '-';
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint64_t whole = u / tens_u64[scale];
    uint32_t n = count_digits(whole);
    put_digits(whole, n, o);
    o += n;
    *o++ = '.';
    put_digits(u % tens_u64[scale], scale, o);
    return (size_t)(o - out) + scale;
}
