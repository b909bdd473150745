/* runtime/expr/timewrite.c -- a time as text by a pattern, and the calendar that it needs. */
#include "timefmt_int.h"

void wri_iso_week(int64_t day, int64_t *yearp, uint32_t *weekp) {
    int64_t thursday = wr_floor_to(day - 4, 7) + 4 + 3; /* day 4 was a Monday */
    uint32_t m, d;
    wr_civil_from_days(thursday, yearp, &m, &d);
    *weekp = (uint32_t)((thursday - wr_days_from_civil(*yearp, 1, 1)) / 7) + 1;
}

int64_t wri_iso_monday(int64_t year, uint32_t week) {
    int64_t jan4 = wr_days_from_civil(year, 1, 4);
    return wr_floor_to(jan4 - 4, 7) + 4 + ((int64_t)week - 1) * 7;
}

typedef struct fields {
    int64_t day, y, us; /* us: of the day */
    uint32_t m, d;
} fields;

static char *put_text(char *o, const char *s, size_t n) { return mempcpy(o, s, n); }

static char *put_number(char *o, int64_t v, uint32_t width) {
    char text[24];
    size_t n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do text[sizeof text - ++n] = (char)('0' + u % 10);
    while ((u /= 10) > 0);
    if (v < 0) *o++ = '-';
    for (; width > n; width--) *o++ = '0';
    return put_text(o, text + sizeof text - n, n);
}

static char *put_name(char *o, const char *name, uint32_t count) {
    return put_text(o, name, count > 3 ? strlen(name) : 3);
}

static char *put_year(char *o, int64_t y, uint32_t count) {
    return count == 2 ? put_number(o, y - wr_floor_to(y, 100), 2) : put_number(o, y, count);
}

static char *put_fraction(char *o, int64_t us, uint32_t count) {
    char text[8];
    put_number(text, us, 6);
    o = put_text(o, text, count < 6 ? count : 6);
    for (uint32_t i = 6; i < count; i++) *o++ = '0';
    return o;
}

static char *put_zone(char *o, char letter, uint32_t count) {
    static const char *const x[] = {"+00", "+0000", "+00:00", "+0000", "+00:00"};
    const char *s = "UTC";
    if (letter == 'z' && count == 4) s = "Coordinated Universal Time";
    if (letter == 'X' || (letter == 'Z' && count == 5)) s = "Z";
    else if (letter == 'x') s = x[count - 1];
    else if (letter == 'O' || (letter == 'Z' && count == 4)) s = "GMT";
    else if (letter == 'Z') s = "+0000";
    return put_text(o, s, strlen(s));
}

static char *put_quarter(char *o, uint32_t q, uint32_t count) {
    static const char *const names[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
    if (count == 4) return put_text(o, names[q - 1], strlen(names[q - 1]));
    if (count == 3) *o++ = 'Q';
    return put_number(o, q, count == 2 ? 2 : 1);
}

static char *put_era(char *o, bool ad, uint32_t count) {
    if (count < 4) return put_text(o, ad ? "AD" : "BC", 2);
    return ad ? put_text(o, "Anno Domini", 11) : put_text(o, "Before Christ", 13);
}

static char *put_date(char *o, const wri_time_item *it, const fields *f) {
    uint32_t n = it->count, week;
    int64_t year;
    switch (it->letter) {
    case 'G':
        return put_era(o, f->y > 0, n);
    case 'y':
        return put_year(o, f->y > 0 ? f->y : 1 - f->y, n);
    case 'u':
        return put_year(o, f->y, n);
    case 'Y':
        wri_iso_week(f->day, &year, &week);
        return put_year(o, year, n);
    case 'w':
        wri_iso_week(f->day, &year, &week);
        return put_number(o, week, n);
    case 'Q':
    case 'q':
        return put_quarter(o, (f->m + 2) / 3, n);
    case 'M':
    case 'L':
        return n >= 3 ? put_name(o, wri_month_names[f->m - 1], n) : put_number(o, f->m, n);
    case 'd':
        return put_number(o, f->d, n);
    case 'D':
        return put_number(o, f->day - wr_days_from_civil(f->y, 1, 1) + 1, n);
    case 'E':
        return put_name(o, wri_day_names[wri_weekday(f->day)], n);
    case 'e':
    case 'c':
        if (n >= 3) return put_name(o, wri_day_names[wri_weekday(f->day)], n);
        return put_number(o, (wri_weekday(f->day) + 6) % 7 + 1, n);
    default:
        return put_zone(o, it->letter, n);
    }
}

static char *put_item(char *o, const wri_time_item *it, const fields *f) {
    uint32_t n = it->count;
    int64_t hour = f->us / (3600 * WR_US_PER_SECOND), in_second = f->us % WR_US_PER_SECOND;
    switch (it->letter) {
    case 0:
        return put_text(o, it->text, n);
    case '[':
    case ']':
        return o;
    case 'a':
        return put_text(o, hour < 12 ? "AM" : "PM", 2);
    case 'H':
        return put_number(o, hour, n);
    case 'k':
        return put_number(o, hour ? hour : 24, n);
    case 'K':
        return put_number(o, hour % 12, n);
    case 'h':
        return put_number(o, hour % 12 ? hour % 12 : 12, n);
    case 'm':
        return put_number(o, f->us / (60 * WR_US_PER_SECOND) % 60, n);
    case 's':
        return put_number(o, f->us / WR_US_PER_SECOND % 60, n);
    case 'S':
        return put_fraction(o, in_second, n);
    case 'A':
        return put_number(o, f->us / 1000, n);
    case 'n':
        return put_number(o, in_second * 1000, n);
    case 'N':
        return put_number(o, f->us * 1000, n);
    default:
        return put_date(o, it, f);
    }
}

size_t wri_time_put(const wri_time_pattern *p, int64_t us, char *out) {
    fields f = {.day = wr_floor_div(us, WRI_DAY_US)};
    f.us = us - f.day * WRI_DAY_US;
    wr_civil_from_days(f.day, &f.y, &f.m, &f.d);
    char *o = out;
    for (uint32_t i = 0; i < p->n; i++) o = put_item(o, &p->items[i], &f);
    return (size_t)(o - out);
}

const char *wri_time_format(wri_call *c, const wr_str *pattern, bool verbatim, int64_t us, wr_value *outp) {
    if (us < WR_TS_MIN || us > WR_TS_MAX) return "TIMESTAMP out of range";
    const wri_time_pattern *p;
    const char *why = wri_time_pattern_of(c, pattern, false, verbatim, &p);
    if (why) return why;
    char small[512], *out = small;
    if (p->longest > sizeof small && !(out = wri_room(c, p->longest, &why))) return why;
    size_t n = wri_time_put(p, us, out);
    if (out == small) return wri_ret_copy(c, out, n, outp);
    outp->str = wr_str_make(out, n);
    return NULL;
}
