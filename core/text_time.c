/* core/text_time.c -- dates, times, timestamps and intervals to text and back; the calendar.
 *
 * Calendar: the proleptic Gregorian one, reckoned from 1 March so that the leap day ends its year; 400 years
 * (an era) have 146,097 days, and month m of such a year starts on day (153 m + 2) / 5. Readers take years
 * 0001 to 9999; writers take every int64. Pure functions; any thread. */
#include "core/pow10_int.h"
#include "core/text.h"

#define US_PER_MINUTE (60 * WR_US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)
#define ERA_DAYS      146097
#define EPOCH_DAY     719468  /* 1970-01-01, in days since 0000-03-01 */
#define NEAR_DAYS     3652000 /* 0000-03-01 .. 9998: years of four digits */
#define OFFSET_HOURS  18      /* widest offset from UTC */

int64_t wr_days_from_civil(int64_t y, uint32_t m, uint32_t d) {
    y -= m <= 2;
    int64_t era = wr_floor_div(y, 400);
    uint32_t yoe = (uint32_t)(y - era * 400), mp = m > 2 ? m - 3 : m + 9;
    uint32_t doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * mp + 2) / 5 + d - 1;
    return era * ERA_DAYS + doe - EPOCH_DAY;
}

/* n: days since 0000-03-01, below 2^29. Each step divides by the mean length of a century, a year or a
 * month with multiplications only (C. Neri and L. Schneider, "Euclidean affine functions"). */
static inline void civil(uint32_t n, uint32_t *yp, uint32_t *mp, uint32_t *dp) {
    uint32_t q = 4 * n + 3, century = q / ERA_DAYS, day = q % ERA_DAYS / 4;
    uint64_t years = UINT64_C(2939745) * (4 * day + 3); /* ceil(2^32 / 1461) */
    uint32_t doy = (uint32_t)years / 2939745 / 4;
    uint32_t months = 2141 * doy + 197913; /* 16 bits behind the point; 3: March */
    bool next = doy >= 306;                /* January and February end the year */
    *yp = 100 * century + (uint32_t)(years >> 32) + next;
    *mp = (months >> 16) - (next ? 12 : 0);
    *dp = (months & 0xffff) / 2141 + 1;
}

void wr_civil_from_days(int64_t days, int64_t *yp, uint32_t *mp, uint32_t *dp) {
    int64_t era = wr_floor_div(days + EPOCH_DAY, ERA_DAYS);
    uint32_t y;
    civil((uint32_t)(days + EPOCH_DAY - era * ERA_DAYS), &y, mp, dp);
    *yp = era * 400 + y;
}

/* ---- reading ---- */

/* n digits; false when one is none. */
static inline bool digits(const char *p, uint32_t n, uint32_t *outp) {
    uint32_t v = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = (unsigned char)(p[i] - '0');
        if (d > 9) return false;
        v = v * 10 + d;
    }
    *outp = v;
    return true;
}

/* "YYYY-MM-DD" at p[0..10). */
static bool read_day(const char *p, int64_t *daysp) {
    static const uint8_t month_days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t y, m, d;
    if (!digits(p, 4, &y) || p[4] != '-' || !digits(p + 5, 2, &m) || p[7] != '-' || !digits(p + 8, 2, &d))
        return false;
    if (y == 0 || m == 0 || m > 12 || d == 0) return false;
    bool leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (d > month_days[m] + (uint32_t)leap) return false;
    *daysp = wr_days_from_civil(y, m, d);
    return true;
}

/* "HH:MM[:SS[.f…]]" from *pp; moves *pp behind it. Digits behind the sixth are cut. */
static bool read_clock(const char **pp, const char *end, int64_t *outp_us) {
    const char *p = *pp;
    uint32_t h, m, s = 0, frac = 0;
    if (end - p < 5 || !digits(p, 2, &h) || p[2] != ':' || !digits(p + 3, 2, &m)) return false;
    p += 5;
    if (p < end && *p == ':') {
        if (end - p < 3 || !digits(p + 1, 2, &s)) return false;
        p += 3;
        if (p < end && (*p == '.' || *p == ',')) {
            const char *first = ++p;
            uint32_t unit = 100000;
            for (; p < end && (unsigned char)(*p - '0') < 10; p++, unit /= 10)
                frac += unit * (uint32_t)(*p - '0');
            if (p == first) return false;
        }
    }
    if (h > 23 || m > 59 || s > 59) return false;
    *outp_us = (int64_t)(h * 3600 + m * 60 + s) * WR_US_PER_SECOND + frac;
    *pp = p;
    return true;
}

/* Nothing, "Z", "±HH", "±HHMM" or "±HH:MM" up to end. */
static bool read_offset(const char *p, const char *end, int64_t *outp_us) {
    *outp_us = 0;
    if (p == end) return true;
    if (*p == 'Z' || *p == 'z') return p + 1 == end;
    if (*p != '+' && *p != '-') return false;
    bool neg = *p++ == '-';
    uint32_t h, m = 0;
    if (end - p < 2 || !digits(p, 2, &h)) return false;
    p += 2;
    if (p < end && *p == ':' && end - p == 3) p++;
    if (p < end && (end - p != 2 || !digits(p, 2, &m))) return false;
    if (m > 59 || h * 60 + m > OFFSET_HOURS * 60) return false;
    int64_t us = (int64_t)(h * 60 + m) * US_PER_MINUTE;
    *outp_us = neg ? -us : us;
    return true;
}

bool wr_read_timestamp(const char *p, size_t n, int64_t *outp_us) {
    *outp_us = 0;
    const char *end = p + n;
    int64_t days, clock = 0, offset = 0;
    if (n < 10 || !read_day(p, &days)) return false;
    if (n > 10) { /* a date alone is its midnight */
        if (p[10] != 'T' && p[10] != ' ' && p[10] != 't') return false;
        p += 11;
        if (!read_clock(&p, end, &clock) || !read_offset(p, end, &offset)) return false;
    }
    *outp_us = days * US_PER_DAY + clock - offset;
    return true;
}

bool wr_read_date(const char *p, size_t n, int64_t *outp_us) {
    *outp_us = 0;
    int64_t days;
    if (n != 10 || !read_day(p, &days)) return false;
    *outp_us = days * US_PER_DAY;
    return true;
}

bool wr_read_time(const char *p, size_t n, int64_t *outp_us) {
    *outp_us = 0;
    const char *end = p + n;
    int64_t us;
    if (!read_clock(&p, end, &us) || p != end) return false;
    *outp_us = us;
    return true;
}

/* ---- writing ---- */

static inline void put2(uint32_t v, char *out) { memcpy(out, wri_digit_pairs + 2 * v, 2); }

static char *put_fraction(uint32_t us, uint32_t prec, char *o) {
    if (prec == 0) return o;
    *o++ = '.';
    put2(us / 10000, o);
    put2(us / 100 % 100, o + 2);
    put2(us % 100, o + 4);
    return o + (prec < 6 ? prec : 6);
}

static inline char *put_clock(int64_t us_of_day, uint32_t prec, char *o) {
    uint32_t s = (uint32_t)((uint64_t)us_of_day / WR_US_PER_SECOND);
    uint32_t h = s / 3600, m = s / 60 % 60;
    put2(h, o);
    o[2] = ':';
    put2(m, o + 3);
    o[5] = ':';
    put2(s % 60, o + 6);
    return put_fraction((uint32_t)(us_of_day - (int64_t)s * WR_US_PER_SECOND), prec, o + 8);
}

static inline char *put_month_day(uint32_t m, uint32_t d, char *o) {
    o[0] = '-';
    put2(m, o + 1);
    o[3] = '-';
    put2(d, o + 4);
    return o + 6;
}

static char *put_far_day(int64_t days, char *o) {
    int64_t y;
    uint32_t m, d;
    wr_civil_from_days(days, &y, &m, &d);
    if (y >= 0 && y <= 9999) {
        put2((uint32_t)y / 100, o);
        put2((uint32_t)y % 100, o + 2);
        return put_month_day(m, d, o + 4);
    }
    *o++ = y < 0 ? '-' : '+'; /* ISO 8601's expanded form: a sign and at least four digits */
    uint64_t u = (uint64_t)(y < 0 ? -y : y);
    for (uint64_t limit = 1000; limit > u && limit > 1; limit /= 10) *o++ = '0';
    o += wr_write_i64((int64_t)u, o);
    return put_month_day(m, d, o);
}

static inline char *put_day(int64_t days, char *o) {
    uint64_t n = (uint64_t)(days + EPOCH_DAY);
    if (WR_UNLIKELY(n >= NEAR_DAYS)) return put_far_day(days, o);
    uint32_t y, m, d;
    civil((uint32_t)n, &y, &m, &d);
    put2(y / 100, o);
    put2(y % 100, o + 2);
    return put_month_day(m, d, o + 4);
}

/* The day of us and what is left of it. */
static inline int64_t split_day(int64_t us, int64_t *restp) {
    uint64_t u = (uint64_t)us + (uint64_t)EPOCH_DAY * US_PER_DAY; /* unsigned division is the shorter one */
    if (WR_LIKELY(u < (uint64_t)NEAR_DAYS * US_PER_DAY)) {
        *restp = (int64_t)(u % US_PER_DAY);
        return (int64_t)(u / US_PER_DAY) - EPOCH_DAY;
    }
    int64_t days = wr_floor_div(us, US_PER_DAY);
    *restp = (int64_t)((uint64_t)us - (uint64_t)days * US_PER_DAY); /* the product may overflow */
    return days;
}

size_t wr_write_timestamp(int64_t us, uint32_t prec, bool iso, char *out) {
    int64_t rest, days = split_day(us, &rest);
    char *o = put_day(days, out);
    *o++ = iso ? 'T' : ' ';
    o = put_clock(rest, prec, o);
    if (iso) *o++ = 'Z';
    return (size_t)(o - out);
}

size_t wr_write_date(int64_t us, char *out) {
    int64_t rest;
    return (size_t)(put_day(split_day(us, &rest), out) - out);
}

size_t wr_write_time(int64_t us, uint32_t prec, char *out) {
    int64_t rest;
    split_day(us, &rest);
    return (size_t)(put_clock(rest, prec, out) - out);
}

size_t wr_write_interval(int64_t v, wr_kind kind, char *out) {
    char *o = out;
    *o++ = v < 0 ? '-' : '+';
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (kind == WR_T_INTERVAL_MONTH) {
        o += wr_write_i64((int64_t)(u / 12), o);
        *o++ = '-';
        put2((uint32_t)(u % 12), o);
        return (size_t)(o + 2 - out);
    }
    o += wr_write_i64((int64_t)(u / US_PER_DAY), o);
    *o++ = ' ';
    uint32_t us = (uint32_t)(u % (uint64_t)WR_US_PER_SECOND);
    o = put_clock((int64_t)(u % US_PER_DAY), us == 0 ? 0 : us % 1000 == 0 ? 3 : 6, o);
    return (size_t)(o - out);
}
