/* runtime/expr/timeread.c -- a text read as a time by a pattern.
 *
 * What the pattern does not name is 1970-01-01 00:00:00; text behind the pattern's end is ignored; a year of
 * two digits is one of 1946 to 2045. A number takes all digits there are, or as many as its letters when
 * another number follows at once (yyyyMMdd). */
#include "timefmt_int.h"

typedef struct reading {
    const char *p, *end;
    int64_t y, week_y, day_us; /* day_us: 'A' and 'N' */
    uint32_t m, d, doy, week, dow, h, min, s, us;
    bool bc, pm, twelve, by_doy, by_week, by_day_us;
    int64_t zone_us;
} reading;

static bool digit_at(const reading *r) { return r->p < r->end && *r->p >= '0' && *r->p <= '9'; }

static bool read_number(reading *r, uint32_t max_digits, int64_t *outp) {
    int64_t v = 0;
    uint32_t n = 0;
    for (; n < max_digits && digit_at(r); n++) v = v * 10 + (*r->p++ - '0');
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

/* One of two words of two letters. */
static bool read_pair(reading *r, const char *no, const char *yes, bool *outp) {
    if (r->end - r->p < 2) return false;
    *outp = same_letters(r->p, yes, 2);
    if (!*outp && !same_letters(r->p, no, 2)) return false;
    r->p += 2;
    return true;
}

static bool read_fraction(reading *r, uint32_t max_digits) {
    uint32_t n = 0, us = 0;
    for (; n < max_digits && digit_at(r); r->p++, n++)
        if (n < 6) us = us * 10 + (uint32_t)(*r->p - '0');
    for (uint32_t i = n; i < 6; i++) us *= 10;
    r->us = us;
    return n > 0;
}

/* Z, UTC, GMT, +hh[[:]mm], or the last behind UTC or GMT */
static bool read_zone(reading *r) {
    size_t left = (size_t)(r->end - r->p);
    bool named = left >= 3 && (same_letters(r->p, "UTC", 3) || same_letters(r->p, "GMT", 3));
    if (named) r->p += 3;
    else if (left >= 1 && (*r->p | 32) == 'z') return r->p++, true;
    if (r->end - r->p < 2 || (*r->p != '+' && *r->p != '-') || r->p[1] < '0' || r->p[1] > '9') return named;
    bool neg = *r->p++ == '-';
    int64_t h, m = 0;
    if (!read_number(r, 2, &h)) return false;
    if (r->end - r->p >= 2 && *r->p == ':' && r->p[1] >= '0' && r->p[1] <= '9') r->p++;
    if (digit_at(r) && !read_number(r, 2, &m)) return false;
    r->zone_us = (h * 60 + m) * 60 * WR_US_PER_SECOND * (neg ? -1 : 1);
    return h < 24 && m < 60;
}

static bool put_field(reading *r, char letter, int64_t v) {
    static const struct {
        char letter;
        int64_t lo, hi;
        size_t at;
    } table[] = {{'M', 1, 12, offsetof(reading, m)},    {'L', 1, 12, offsetof(reading, m)},
                 {'d', 1, 31, offsetof(reading, d)},    {'D', 1, 366, offsetof(reading, doy)},
                 {'H', 0, 23, offsetof(reading, h)},    {'k', 1, 24, offsetof(reading, h)},
                 {'K', 0, 11, offsetof(reading, h)},    {'h', 1, 12, offsetof(reading, h)},
                 {'m', 0, 59, offsetof(reading, min)},  {'s', 0, 59, offsetof(reading, s)},
                 {'w', 1, 53, offsetof(reading, week)}, {'e', 1, 7, offsetof(reading, dow)}};
    for (size_t i = 0; i < WR_LEN(table); i++) {
        if (table[i].letter != letter) continue;
        uint32_t u = (uint32_t)v;
        if (v < table[i].lo || v > table[i].hi) return false;
        if (letter == 'h') u %= 12;
        if (letter == 'k') u %= 24;
        memcpy((char *)r + table[i].at, &u, sizeof u);
        r->twelve |= letter == 'h' || letter == 'K';
        r->by_doy |= letter == 'D';
        r->by_week |= letter == 'w';
        return true;
    }
    return false;
}

/* The longest number that each letter can mean, so that none overflows. */
static bool read_other(reading *r, const wri_time_item *it, bool number_follows) {
    int64_t v, nano = INT64_C(86400) * 1000000000;
    bool negative = it->letter == 'u' && r->p < r->end && *r->p == '-';
    if (negative) r->p++;
    if (!read_number(r, number_follows && it->count < 15 ? it->count : it->letter == 'N' ? 15 : 9, &v))
        return false;
    switch (it->letter) {
    case 'y':
    case 'u':
    case 'Y':
        if (it->count == 2 && v < 100) v += v <= 45 ? 2000 : 1900;
        *(it->letter == 'Y' ? &r->week_y : &r->y) = negative ? -v : v;
        return true;
    case 'A':
    case 'N':
        r->day_us = it->letter == 'A' ? v * 1000 : v / 1000;
        r->by_day_us = true;
        return v < (it->letter == 'A' ? nano / 1000000 : nano);
    case 'n':
        r->us = (uint32_t)(v / 1000);
        return true;
    default:
        return put_field(r, it->letter, v);
    }
}

static bool read_item(reading *r, const wri_time_item *it, bool number_follows) {
    uint32_t found;
    switch (it->letter) {
    case 0:
        if ((size_t)(r->end - r->p) < it->count || memcmp(r->p, it->text, it->count) != 0) return false;
        r->p += it->count;
        return true;
    case 'G':
        return read_pair(r, "AD", "BC", &r->bc);
    case 'a':
        return read_pair(r, "AM", "PM", &r->pm);
    case 'S':
        return read_fraction(r, number_follows ? it->count : 18);
    case 'z':
    case 'V':
    case 'O':
    case 'Z':
    case 'X':
    case 'x':
        return read_zone(r);
    case 'E':
    case 'e':
        if (it->letter == 'e' && it->count < 3) break;
        if (!read_name(r, wri_day_names, 7, &found)) return false;
        r->dow = (found + 6) % 7 + 1;
        return true;
    case 'M':
    case 'L':
        if (it->count < 3) break;
        if (!read_name(r, wri_month_names, 12, &found)) return false;
        r->m = found + 1;
        return true;
    default:
        break;
    }
    while (r->p < r->end && *r->p == ' ' && !number_follows) r->p++;
    return read_other(r, it, number_follows);
}

static bool is_number(const wri_time_item *it) {
    if (!it->letter || !strchr("yuYMLdDHkKhmsSAnNwe", it->letter)) return false;
    return !(strchr("MLe", it->letter) && it->count >= 3);
}

/* Items [i, n). What stands in brackets is read as a whole, or not at all. */
static bool read_items(reading *r, const wri_time_item *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const wri_time_item *it = &items[i];
        if (it->letter == ']') continue;
        if (it->letter == '[') {
            reading before = *r;
            if (!read_items(r, it + 1, it->count - 1)) *r = before;
            i += it->count;
            continue;
        }
        uint32_t k = i + 1;
        while (k < n && (items[k].letter == '[' || items[k].letter == ']')) k++;
        if (!read_item(r, it, is_number(it) && k < n && is_number(&items[k]))) return false;
    }
    return true;
}

/* The day that was read; false: there is none such, as 30 February. */
static bool day_of(const reading *r, int64_t *dayp) {
    int64_t year = r->bc ? 1 - r->y : r->y, y;
    uint32_t m, d;
    if (year > 140000 || year < -140000 || r->week_y > 140000) return false;
    if (r->by_week) {
        *dayp = wri_iso_monday(r->week_y, r->week) + r->dow - 1;
        wri_iso_week(*dayp, &y, &m);
        return y == r->week_y && m == r->week;
    }
    *dayp = r->by_doy ? wr_days_from_civil(year, 1, 1) + r->doy - 1 : wr_days_from_civil(year, r->m, r->d);
    wr_civil_from_days(*dayp, &y, &m, &d);
    return y == year && (r->by_doy || (m == r->m && d == r->d));
}

bool wri_time_get(const wri_time_pattern *p, const wr_str *text, int64_t *outp) {
    reading r = {
        .p = wr_str_data(text), .y = 1970, .week_y = 1970, .m = 1, .d = 1, .doy = 1, .week = 1, .dow = 1};
    int64_t day;
    r.end = r.p + text->len;
    if (!read_items(&r, p->items, p->n) || !day_of(&r, &day)) return false;
    if (r.pm && r.twelve) r.h += 12;
    int64_t us = ((int64_t)r.h * 3600 + r.min * 60 + r.s) * WR_US_PER_SECOND + r.us;
    *outp = day * WRI_DAY_US + (r.by_day_us ? r.day_us : us) - r.zone_us;
    return true;
}

const char *wri_time_parse(wri_call *c, const wr_str *pattern, bool verbatim, const wr_str *text,
                           int64_t *outp) {
    const wri_time_pattern *p;
    const char *why = wri_time_pattern_of(c, pattern, true, verbatim, &p);
    if (why) return why;
    return wri_time_get(p, text, outp) ? NULL : wri_bad_text(c, text, "time in that pattern");
}
