/* runtime/expr/timefmt.c -- times by pattern: Java letters (yyyy-MM-dd HH:mm:ss.SSS), or, when the pattern
 * has a '%', strftime's. English names, UTC.
 *
 *   y year  M month (MMM name)  d day  D day of year  E day of week  a AM/PM  H 0-23  h 1-12  k 1-24  K 0-11
 *   m minute  s second  S fraction  z X Z zone; 'quoted' text stands for itself
 *
 * Reading: what the pattern does not name is 1970-01-01 00:00:00; text behind the pattern's end is ignored.
 */
#include <stdio.h>

#include "expr_int.h"

#define DAY_US (86400 * WR_US_PER_SECOND)

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

/* A pattern is a row of items: `count` times a letter, or one byte of text (letter 0). */
typedef struct item {
    char letter, byte;
    uint32_t count;
} item;

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* strftime's letters in Java's. */
static item percent_item(char c) {
    static const struct {
        char c;
        item it;
    } map[] = {{'Y', {'y', 0, 4}}, {'y', {'y', 0, 2}}, {'m', {'M', 0, 2}}, {'d', {'d', 0, 2}},
               {'H', {'H', 0, 2}}, {'I', {'h', 0, 2}}, {'M', {'m', 0, 2}}, {'i', {'m', 0, 2}},
               {'S', {'s', 0, 2}}, {'s', {'s', 0, 2}}, {'f', {'S', 0, 6}}, {'j', {'D', 0, 3}},
               {'p', {'a', 0, 1}}, {'b', {'M', 0, 3}}, {'B', {'M', 0, 4}}, {'a', {'E', 0, 3}},
               {'A', {'E', 0, 4}}, {'e', {'d', 0, 1}}, {'k', {'H', 0, 1}}, {'z', {'Z', 0, 1}}};
    for (size_t i = 0; i < WR_LEN(map); i++)
        if (map[i].c == c) return map[i].it;
    return (item){.byte = c};
}

/* The next item of the pattern; steps *pp over it. quoted: inside '…' (kept between calls). */
static item next_item(const char **pp, const char *end, bool percent, bool *quoted) {
    const char *p = *pp;
    item it = {.byte = *p};
    if (percent) {
        bool code = *p == '%' && p + 1 < end;
        if (code) it = percent_item(p[1]);
        *pp = p + (code ? 2 : 1);
        return it;
    }
    if (*p == '\'' && !(p + 1 < end && p[1] == '\'')) {
        *quoted = !*quoted;
        if (++p == end) {
            *pp = p;
            return (item){.count = 1}; /* nothing: the pattern ends with a quote */
        }
        *pp = p;
        return next_item(pp, end, percent, quoted);
    }
    if (*p == '\'') p++; /* '' is one quote */
    else if (!*quoted && is_letter(*p)) {
        it = (item){.letter = *p};
        while (p < end && *p == it.letter) {
            p++;
            it.count++;
        }
        *pp = p;
        return it;
    }
    *pp = p + 1;
    return it;
}

/* ---- writing ---- */

typedef struct fields {
    int64_t y;
    uint32_t m, d, doy, dow, h, min, s, us;
} fields;

static fields split(int64_t us) {
    fields f;
    int64_t day = wr_floor_div(us, DAY_US), rest = us - day * DAY_US;
    wr_civil_from_days(day, &f.y, &f.m, &f.d);
    f.doy = (uint32_t)(day - wr_days_from_civil(f.y, 1, 1)) + 1;
    f.dow = (uint32_t)((day + 4) - wr_floor_to(day + 4, 7));
    f.h = (uint32_t)(rest / (3600 * WR_US_PER_SECOND));
    f.min = (uint32_t)(rest / (60 * WR_US_PER_SECOND) % 60);
    f.s = (uint32_t)(rest / WR_US_PER_SECOND % 60);
    f.us = (uint32_t)(rest % WR_US_PER_SECOND);
    return f;
}

static wr_status put_number(wr_buf *out, int64_t v, uint32_t width) {
    return wr_buf_printf(out, "%0*lld", (int)(width < 20 ? width : 20), (long long)v);
}

static wr_status put_name(wr_buf *out, const char *name, uint32_t count) {
    return wr_buf_put(out, name, count > 3 ? strlen(name) : 3);
}

static wr_status put_item(wr_buf *out, const item *it, const fields *f) {
    uint32_t n = it->count;
    char fraction[8];
    switch (it->letter) {
    case 'y':
    case 'u':
        return n == 2 ? put_number(out, f->y - wr_floor_to(f->y, 100), 2) : put_number(out, f->y, n);
    case 'M':
    case 'L':
        return n >= 3 ? put_name(out, months[f->m - 1], n) : put_number(out, f->m, n);
    case 'd':
        return put_number(out, f->d, n);
    case 'D':
        return put_number(out, f->doy, n);
    case 'E':
        return put_name(out, days[f->dow], n);
    case 'a':
        return wr_buf_puts(out, f->h < 12 ? "AM" : "PM");
    case 'H':
        return put_number(out, f->h, n);
    case 'k':
        return put_number(out, f->h ? f->h : 24, n);
    case 'K':
        return put_number(out, f->h % 12, n);
    case 'h':
        return put_number(out, f->h % 12 ? f->h % 12 : 12, n);
    case 'm':
        return put_number(out, f->min, n);
    case 's':
        return put_number(out, f->s, n);
    case 'S':
        snprintf(fraction, sizeof fraction, "%06u", f->us % 1000000);
        WR_TRY(wr_buf_put(out, fraction, n < 6 ? n : 6));
        return n > 6 ? put_number(out, 0, n - 6) : WR_OK;
    case 'Z':
        return wr_buf_puts(out, "+0000");
    case 'X':
        return wr_buf_puts(out, "Z");
    case 'z':
        return wr_buf_puts(out, "UTC");
    default:
        return WR_EINVAL;
    }
}

const char *wri_time_format(wri_call *c, const wr_str *pattern, int64_t us, wr_value *outp) {
    if (us < WR_TS_MIN || us > WR_TS_MAX) return "TIMESTAMP out of range";
    const char *p = wr_str_data(pattern), *end = p + pattern->len, *why = NULL;
    bool percent = memchr(p, '%', pattern->len) != NULL, quoted = false;
    fields f = split(us);
    wr_buf out = {0};
    wr_status s = WR_OK;
    while (s == WR_OK && p < end && out.len <= WRI_TEXT_MAX) {
        item it = next_item(&p, end, percent, &quoted);
        if (it.letter) s = put_item(&out, &it, &f);
        else if (it.count == 0) s = wr_buf_put(&out, &it.byte, 1);
    }
    if (s == WR_EINVAL) why = "a letter of the time pattern is not known";
    else if (s != WR_OK) c->oom = true;
    if (s == WR_OK) why = wri_ret_copy(c, out.data ? out.data : "", out.len, outp);
    wr_buf_free(&out);
    return c->oom ? "out of memory" : why;
}

/* ---- reading ---- */

typedef struct reading {
    const char *p, *end;
    fields f;
    bool pm, has_pm, twelve, by_doy;
    int64_t zone_us;
} reading;

static bool read_number(reading *r, uint32_t max_digits, int64_t *outp) {
    int64_t v = 0;
    uint32_t n = 0;
    for (; r->p < r->end && n < max_digits && *r->p >= '0' && *r->p <= '9'; n++) v = v * 10 + (*r->p++ - '0');
    *outp = v;
    return n > 0;
}

static bool same_letters(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((a[i] | 32) != (b[i] | 32)) return false;
    return true;
}

/* A name, in full or its first three letters; *outp counts from 0. */
static bool read_name(reading *r, const char *const *names, uint32_t n, uint32_t *outp) {
    size_t left = (size_t)(r->end - r->p);
    for (uint32_t i = 0; i < n; i++) {
        size_t whole = strlen(names[i]),
               len = left >= whole && same_letters(r->p, names[i], whole) ? whole : 3;
        if (left < len || !same_letters(r->p, names[i], len)) continue;
        r->p += len;
        *outp = i;
        return true;
    }
    return false;
}

static bool read_fraction(reading *r, uint32_t max_digits) {
    uint32_t n = 0, us = 0;
    for (; r->p < r->end && n < max_digits && *r->p >= '0' && *r->p <= '9'; r->p++, n++)
        if (n < 6) us = us * 10 + (uint32_t)(*r->p - '0');
    for (uint32_t i = n; i < 6; i++) us *= 10;
    r->f.us = us;
    return n > 0;
}

/* Z, UTC, GMT, +hh[[:]mm] */
static bool read_zone(reading *r) {
    size_t left = (size_t)(r->end - r->p);
    if (left >= 3 && (same_letters(r->p, "UTC", 3) || same_letters(r->p, "GMT", 3))) return r->p += 3, true;
    if (left >= 1 && (*r->p | 32) == 'z') return r->p++, true;
    if (left < 3 || (*r->p != '+' && *r->p != '-')) return false;
    bool neg = *r->p++ == '-';
    int64_t h, m = 0;
    if (!read_number(r, 2, &h)) return false;
    if (r->p < r->end && *r->p == ':') r->p++;
    if (r->p < r->end && *r->p >= '0' && *r->p <= '9' && !read_number(r, 2, &m)) return false;
    r->zone_us = (h * 60 + m) * 60 * WR_US_PER_SECOND * (neg ? -1 : 1);
    return h < 24 && m < 60;
}

static bool put_field(reading *r, char letter, uint32_t count, int64_t v) {
    static const struct {
        char letter;
        int64_t lo, hi;
        size_t at;
    } table[] = {{'M', 1, 12, offsetof(fields, m)},   {'L', 1, 12, offsetof(fields, m)},
                 {'d', 1, 31, offsetof(fields, d)},   {'D', 1, 366, offsetof(fields, doy)},
                 {'H', 0, 23, offsetof(fields, h)},   {'k', 1, 24, offsetof(fields, h)},
                 {'K', 0, 11, offsetof(fields, h)},   {'h', 1, 12, offsetof(fields, h)},
                 {'m', 0, 59, offsetof(fields, min)}, {'s', 0, 59, offsetof(fields, s)}};
    if (letter == 'y' || letter == 'u') { /* two digits: 1946 to 2045 */
        r->f.y = count == 2 && v < 100 ? v + (v <= 45 ? 2000 : 1900) : v;
        return true;
    }
    for (size_t i = 0; i < WR_LEN(table); i++) {
        if (table[i].letter != letter) continue;
        uint32_t u = (uint32_t)v;
        if (v < table[i].lo || v > table[i].hi) return false;
        if (letter == 'h') u %= 12;
        if (letter == 'k') u %= 24;
        memcpy((char *)&r->f + table[i].at, &u, sizeof u);
        r->twelve |= letter == 'h' || letter == 'K';
        r->by_doy |= letter == 'D';
        return true;
    }
    return false;
}

static bool read_item(reading *r, const item *it, bool number_follows) {
    uint32_t found;
    int64_t v;
    switch (it->letter) {
    case 'E':
        return read_name(r, days, 7, &found);
    case 'a': {
        static const char *const halves[] = {"AM", "PM"};
        if (r->end - r->p < 2) return false;
        for (uint32_t i = 0; i < 2; i++)
            if (same_letters(r->p, halves[i], 2)) {
                r->p += 2;
                r->pm = i == 1;
                return r->has_pm = true;
            }
        return false;
    }
    case 'S':
        return read_fraction(r, number_follows ? it->count : 18);
    case 'z':
    case 'Z':
    case 'X':
        return read_zone(r);
    case 'M':
    case 'L':
        if (it->count >= 3) {
            if (!read_name(r, months, 12, &found)) return false;
            r->f.m = found + 1;
            return true;
        }
        break;
    default:
        break;
    }
    while (r->p < r->end && *r->p == ' ' && !number_follows) r->p++;
    return read_number(r, number_follows ? it->count : 9, &v) && put_field(r, it->letter, it->count, v);
}

static bool is_number(const item *it) {
    if (!it->letter || !strchr("yuMLdDHkKhmsS", it->letter)) return false;
    return !((it->letter == 'M' || it->letter == 'L') && it->count >= 3);
}

static bool read_pattern(reading *r, const wr_str *pattern) {
    const char *p = wr_str_data(pattern), *end = p + pattern->len;
    bool percent = memchr(p, '%', pattern->len) != NULL, quoted = false;
    while (p < end) {
        item it = next_item(&p, end, percent, &quoted), after = {0};
        const char *ahead = p;
        bool ahead_quoted = quoted;
        if (ahead < end) after = next_item(&ahead, end, percent, &ahead_quoted);
        if (it.letter) {
            if (!read_item(r, &it, is_number(&it) && is_number(&after))) return false;
        } else if (it.count == 0) {
            if (r->p == r->end || *r->p != it.byte) return false;
            r->p++;
        }
    }
    return true;
}

bool wri_time_parse(const wr_str *pattern, const wr_str *text, int64_t *outp) {
    reading r = {.p = wr_str_data(text), .f = {.y = 1970, .m = 1, .d = 1, .doy = 1}};
    r.end = r.p + text->len;
    if (!read_pattern(&r, pattern) || r.f.y > 140000) return false;
    if (r.pm && r.twelve) r.f.h += 12;
    int64_t day = wr_days_from_civil(r.f.y, r.by_doy ? 1 : r.f.m, r.by_doy ? 1 : r.f.d) +
                  (r.by_doy ? r.f.doy - 1 : 0),
            y;
    uint32_t m, d;
    wr_civil_from_days(day, &y, &m, &d); /* 30 February is no day */
    if (y != r.f.y || (!r.by_doy && (m != r.f.m || d != r.f.d))) return false;
    *outp =
        day * DAY_US + ((int64_t)r.f.h * 3600 + r.f.min * 60 + r.f.s) * WR_US_PER_SECOND + r.f.us - r.zone_us;
    return true;
}
