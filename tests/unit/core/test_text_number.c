/* Numbers to text and back. Oracles: strtod, and printf with rising precision. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core.h"

static uint64_t next(uint64_t *s) {
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static double from_bits(uint64_t bits) {
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}
static uint64_t to_bits(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static void expect_f64(double v, const char *want) {
    char t[WR_TEXT_MAX];
    size_t n = wr_write_f64(v, t);
    cr_expect(n == strlen(want) && memcmp(t, want, n) == 0, "%.*s instead of %s", (int)n, t, want);
}
static void expect_f32(float v, const char *want) {
    char t[WR_TEXT_MAX];
    size_t n = wr_write_f32(v, t);
    cr_expect(n == strlen(want) && memcmp(t, want, n) == 0, "%.*s instead of %s", (int)n, t, want);
}

/* Digits of a text without sign, point, exponent and zeros at either end. */
static int significant(const char *p, size_t n) {
    int count = 0, zeros = 0;
    for (size_t i = 0; i < n && p[i] != 'e'; i++) {
        if (p[i] < '0' || p[i] > '9') continue;
        if (p[i] == '0') zeros += count > 0;
        else {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

/* Reads back the same through both readers, has the least number of digits, and is nearest among those. */
static void check_f64(double v) {
    char t[WR_TEXT_MAX], o[64];
    size_t n = wr_write_f64(v, t);
    double back;
    if (!wr_read_f64(t, n, &back) || to_bits(back) != to_bits(v)) cr_assert_fail("%a: %.*s", v, (int)n, t);
    t[n] = 0;
    if (to_bits(strtod(t, NULL)) != to_bits(v)) cr_assert_fail("%a: %s", v, t);
    int prec = 1;
    for (; prec < 17; prec++) {
        snprintf(o, sizeof o, "%.*e", prec - 1, v);
        if (to_bits(strtod(o, NULL)) == to_bits(v)) break;
    }
    snprintf(o, sizeof o, "%.*e", prec - 1, v);
    int digits = significant(t, n);
    if (digits > significant(o, strlen(o))) cr_assert_fail("%a: %s is longer than %s", v, t, o);
}

static void check_f32(float v) {
    char t[WR_TEXT_MAX], o[64];
    size_t n = wr_write_f32(v, t);
    t[n] = 0;
    if (strtof(t, NULL) != v) cr_assert_fail("%a: %s", (double)v, t);
    int prec = 1;
    for (; prec < 9; prec++) {
        snprintf(o, sizeof o, "%.*e", prec - 1, (double)v);
        if (strtof(o, NULL) == v) break;
    }
    snprintf(o, sizeof o, "%.*e", prec - 1, (double)v);
    if (significant(t, n) > significant(o, strlen(o)))
        cr_assert_fail("%a: %s is longer than %s", (double)v, t, o);
}

Test(text_number, write_f64_layout) {
    expect_f64(0.0, "0.0");
    expect_f64(-0.0, "-0.0");
    expect_f64(1.0, "1.0");
    expect_f64(-1.0, "-1.0");
    expect_f64(0.1, "0.1");
    expect_f64(0.5, "0.5");
    expect_f64(84.95, "84.95");
    expect_f64(1234567.891, "1234567.891");
    expect_f64(100.0, "100.0");
    expect_f64(1e15, "1000000000000000.0");
    expect_f64(9007199254740993.0, "9007199254740992.0");
    expect_f64(1e20, "100000000000000000000.0");
    expect_f64(123456789012345680000.0, "123456789012345680000.0");
    expect_f64(1e21, "1e21");
    expect_f64(1.25e22, "1.25e22");
    expect_f64(0.00001, "0.00001");
    expect_f64(0.000012345678901234567, "0.000012345678901234568");
    expect_f64(0.0000099, "9.9e-6");
    expect_f64(1.5e-7, "1.5e-7");
    expect_f64(-1.5e-7, "-1.5e-7");
    expect_f64(5e-324, "5e-324");
    expect_f64(2.2250738585072014e-308, "2.2250738585072014e-308");
    expect_f64(1.7976931348623157e308, "1.7976931348623157e308");
    expect_f64(0.1 + 0.2, "0.30000000000000004");
    expect_f64(2e-44, "2e-44");
    expect_f64(9.5367431640625e-7, "9.5367431640625e-7");
    expect_f64((double)NAN, "NaN");
    expect_f64((double)INFINITY, "Infinity");
    expect_f64((double)-INFINITY, "-Infinity");
    expect_f32(0.1f, "0.1");
    expect_f32(-0.0f, "-0.0");
    expect_f32(16777216.0f, "16777216.0");
    expect_f32(3.4028235e38f, "3.4028235e38");
    expect_f32(1e-45f, "1e-45");
    expect_f32(0.3f, "0.3");
    expect_f32(NAN, "NaN");
    expect_f32(INFINITY, "Infinity");
}

Test(text_number, write_f64_shortest) {
    uint64_t seed = 2;
    for (int i = 0; i < 60000; i++) {
        uint64_t r = next(&seed);
        double v = from_bits(r);
        if (isfinite(v)) check_f64(v);
        check_f64((double)(int64_t)(r >> 40) / 100);               /* prices, latencies */
        check_f64((double)(r >> 11) / (double)(1 + (r & 0xffff))); /* near 2^53 */
        check_f64(from_bits(r & UINT64_C(0xfffffffffffff)));       /* subnormal */
    }
    for (uint64_t e = 0; e < 0x7ff; e++) /* every power of two and its neighbours: uneven intervals */
        for (int d = -1; d <= 1; d++) {
            if (e == 0 && d <= 0) continue;
            check_f64(from_bits((e << 52) + (uint64_t)(int64_t)d));
        }
    for (int e = -323; e <= 308; e++) {
        char t[16];
        snprintf(t, sizeof t, "1e%d", e);
        check_f64(strtod(t, NULL));
    }
}

Test(text_number, write_f32_shortest) {
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = (uint32_t)next(&seed) & 0x7fffffff;
        float v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v)) check_f32(v);
    }
    for (uint32_t e = 0; e < 0xff; e++)
        for (uint32_t d = 0; d < 3; d++) {
            uint32_t bits = (e << 23) + d - (e > 0);
            float v;
            memcpy(&v, &bits, sizeof v);
            check_f32(v);
        }
}

static void check_read(const char *s) {
    double v, want = strtod(s, NULL);
    bool ok = wr_read_f64(s, strlen(s), &v);
    if (isinf(want)) {
        if (ok) cr_assert_fail("%s: accepted", s);
    } else if (!ok || to_bits(v) != to_bits(want)) cr_assert_fail("%s: %a instead of %a", s, v, want);
}

Test(text_number, read_f64_rounding) {
    uint64_t seed = 4;
    char t[128];
    for (int i = 0; i < 200000; i++) {
        uint64_t a = next(&seed), b = next(&seed);
        double v = from_bits(a);
        int digits = 1 + (int)(b % 25);
        if (isfinite(v)) { /* near halves of every length */
            snprintf(t, sizeof t, "%.*e", digits, v);
            check_read(t);
        }
        snprintf(t, sizeof t, "%" PRIu64 "e%d", a >> (b & 63), (int)(b >> 8 & 1023) - 512);
        check_read(t);
        snprintf(t, sizeof t, "%" PRIu64 "%" PRIu64 ".%" PRIu64 "e%d", a, b, a ^ b,
                 (int)(b >> 8 & 511) - 256);
        check_read(t);
        snprintf(t, sizeof t, "-%u.%02u", (unsigned)(a & 0xfffff), (unsigned)(b % 100));
        check_read(t);
    }
}

/* The exact middle between two doubles, a digit below and a digit above it. */
Test(text_number, read_f64_halves) {
    uint64_t seed = 5;
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = next(&seed) >> 1;
        if (i % 3 == 0) bits = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t)(1023 + i % 128) << 52;
        double v = from_bits(bits);
        if (!isfinite(v) || !isfinite(from_bits(bits + 1))) continue;
        long double mid = ((long double)v + (long double)from_bits(bits + 1)) / 2; /* 64 bits: exact */
        char t[1600];
        int n = snprintf(t, sizeof t, "%.1100Lf", mid);
        cr_assert(n > 0 && (size_t)n < sizeof t);
        check_read(t);
        t[n] = '1';
        t[n + 1] = 0;
        check_read(t);
        t[n] = '9'; /* now just below: borrow from the digits before */
        char *last = t + n - 1;
        for (; *last == '0' || *last == '.'; last--)
            if (*last == '0') *last = '9';
        *last = (char)(*last - 1);
        check_read(t);
    }
}

Test(text_number, read_f64_edges) {
    static const char *const good[] = {"0",
                                       "-0",
                                       "0e999999999999999999999",
                                       "1e-99999999999999999999",
                                       "1e308",
                                       "1.7976931348623157e308",
                                       "1.7976931348623158e308",
                                       "1.7976931348623159e308",
                                       "1e309",
                                       "1e999999999999",
                                       "4.9e-324",
                                       "2.4703282292062327e-324",
                                       "2.4703282292062328e-324",
                                       "2.2250738585072011e-308",
                                       "2.2250738585072012e-308",
                                       "9007199254740993",
                                       "9007199254740992.999999999999999999999999999999",
                                       "9007199254740993.00000000000000000000000001",
                                       "9223372036854775807",
                                       "18446744073709551615",
                                       "18446744073709551616",
                                       "99999999999999999999999999",
                                       "0.000000000000000000000000000000000000000000000000000000000000000001",
                                       ".5",
                                       "5.",
                                       "+1.5",
                                       "1E5",
                                       "1e+5",
                                       "00012.50",
                                       "123456789012345678901234567890e-30",
                                       "179769313486231580793e289",
                                       "8.5e-4",
                                       "6.02214076e23"};
    for (size_t i = 0; i < WR_LEN(good); i++) check_read(good[i]);
    static const char *const bad[] = {"",      " ",    "+",    "-",     ".",        "e5", "1e",  "1e+",
                                      "1.5.5", "0x10", "inf",  "nan",   "NaN",      "1 ", " 1",  "1,5",
                                      "--1",   "1e5.", "1e5x", "1_000", "infinity", "-.", "-.e1"};
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        double v = 7;
        cr_expect_not(wr_read_f64(bad[i], strlen(bad[i]), &v), "'%s'", bad[i]);
    }
    char *big = wr_alloc(3000);
    memset(big, '1', 3000);
    double v;
    cr_expect_not(wr_read_f64(big, 3000, &v));
    memcpy(big + 2995, "e-999", 5);
    double low = 0;
    cr_expect_not(wr_read_f64(big, 3000, &low)); /* about 1e1995 */
    memcpy(big + 2994, "e-2900", 6);
    cr_expect(wr_read_f64(big, 3000, &low));
    cr_expect(low > 1.1e93 && low < 1.2e93);
    wr_free(big);
}

Test(text_number, i64) {
    int64_t v;
    static const struct {
        const char *s;
        bool ok;
        int64_t v;
    } t[] = {{"0", true, 0},
             {"-0", true, 0},
             {"+7", true, 7},
             {"9223372036854775807", true, INT64_MAX},
             {"-9223372036854775808", true, INT64_MIN},
             {"9223372036854775808", false, 0},
             {"-9223372036854775809", false, 0},
             {"00000000000000000000012", true, 12},
             {"99999999999999999999", false, 0},
             {"", false, 0},
             {"-", false, 0},
             {"1 ", false, 0},
             {"1.0", false, 0},
             {"18446744073709551616", false, 0},
             {"123456789012345678", true, 123456789012345678},
             {"--1", false, 0}};
    for (size_t i = 0; i < WR_LEN(t); i++) {
        v = 1;
        cr_expect_eq(wr_read_i64(t[i].s, strlen(t[i].s), &v), t[i].ok, "%s", t[i].s);
        cr_expect_eq(v, t[i].v, "%s", t[i].s);
    }
    uint64_t seed = 6;
    for (int i = 0; i < 200000; i++) {
        int64_t x = (int64_t)next(&seed) >> (i & 63), back;
        char text[WR_TEXT_MAX], o[64];
        size_t n = wr_write_i64(x, text);
        int len = snprintf(o, sizeof o, "%" PRId64, x);
        if ((size_t)len != n || memcmp(o, text, n) != 0)
            cr_assert_fail("%.*s instead of %s", (int)n, text, o);
        if (!wr_read_i64(text, n, &back) || back != x) cr_assert_fail("%s", o);
    }
    for (int64_t p = 1; p < INT64_MAX / 10; p *= 10)
        for (int64_t x = p - 1; x <= p + 1; x++) {
            char text[WR_TEXT_MAX], o[64];
            size_t n = wr_write_i64(x, text);
            snprintf(o, sizeof o, "%" PRId64, x);
            cr_expect(n == strlen(o) && memcmp(o, text, n) == 0);
        }
}

Test(text_number, decimal) {
    static const struct {
        const char *s;
        uint32_t prec, scale;
        bool round, ok;
        int64_t v;
    } t[] = {{"12.34", 10, 2, false, true, 1234},
             {"-12.34", 10, 2, false, true, -1234},
             {"12.3", 10, 2, false, true, 1230},
             {"12", 10, 2, false, true, 1200},
             {"12.345", 10, 2, false, false, 0},
             {"12.345", 10, 2, true, true, 1235},
             {"-12.345", 10, 2, true, true, -1235},
             {"12.344999", 10, 2, true, true, 1234},
             {"12.340000", 10, 2, false, true, 1234},
             {"1.2e3", 10, 2, false, true, 120000},
             {"1234e-2", 10, 2, false, true, 1234},
             {"0.004", 10, 2, true, true, 0},
             {"0.005", 10, 2, true, true, 1},
             {"0.0009", 10, 2, true, true, 0},
             {"0.0009", 10, 2, false, false, 0},
             {"0.5", 4, 0, true, true, 1},
             {"9.99", 2, 1, true, false, 0},
             {"9.94", 2, 1, true, true, 99},
             {"100", 2, 0, false, false, 0},
             {"99", 2, 0, false, true, 99},
             {"999999999999999999", 18, 0, false, true, 999999999999999999},
             {"9223372036854775807", 19, 0, false, true, INT64_MAX},
             {"9223372036854775808", 19, 0, false, false, 0},
             {"99999999999999999999", 19, 0, false, false, 0},
             {"1e18", 18, 0, false, false, 0},
             {"1e999999999999999999", 18, 0, true, false, 0},
             {"1e-999999999999999999", 18, 0, true, true, 0},
             {"0e999999999999999999", 18, 4, false, true, 0},
             {"0.00", 4, 1, false, true, 0},
             {"000123.4500", 6, 3, false, true, 123450},
             {"", 4, 1, true, false, 0},
             {"1.", 4, 1, true, true, 10},
             {"abc", 4, 1, true, false, 0}};
    for (size_t i = 0; i < WR_LEN(t); i++) {
        int64_t v = 5;
        cr_expect_eq(wr_read_decimal(t[i].s, strlen(t[i].s), t[i].prec, t[i].scale, t[i].round, &v), t[i].ok,
                     "%s", t[i].s);
        cr_expect_eq(v, t[i].v, "%s: %" PRId64, t[i].s, v);
    }
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        uint64_t r = next(&seed);
        uint32_t scale = (uint32_t)(r & 15);
        int64_t v = (int64_t)next(&seed) >> (r >> 8 & 63), back;
        char text[WR_TEXT_MAX];
        size_t n = wr_write_decimal(v, scale, text);
        if (v == INT64_MIN) continue;
        if (!wr_read_decimal(text, n, 19, scale, false, &back) || back != v)
            cr_assert_fail("%.*s", (int)n, text);
    }
}
