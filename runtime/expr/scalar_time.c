/* runtime/expr/scalar_time.c -- calendar operations on one value: floor and ceiling to a unit, EXTRACT,
 * adding months. Weeks begin on Monday (ISO 8601); days of the week count from Sunday = 1. */
#include "expr_int.h"

#define DAY_US (86400 * WR_US_PER_SECOND)

int64_t wri_unit_us(wr_unit u) {
    switch (u) {
    case WR_U_WEEK:
        return 7 * DAY_US;
    case WR_U_DAY:
        return DAY_US;
    case WR_U_HOUR:
        return 3600 * WR_US_PER_SECOND;
    case WR_U_MINUTE:
        return 60 * WR_US_PER_SECOND;
    case WR_U_SECOND:
        return WR_US_PER_SECOND;
    case WR_U_MILLISECOND:
        return 1000;
    case WR_U_MICROSECOND:
        return 1;
    default:
        return 0;
    }
}

/* Months of a unit longer than a week, else 0. */
static int64_t unit_months(wr_unit u) {
    return u == WR_U_YEAR ? 12 : u == WR_U_QUARTER ? 3 : u == WR_U_MONTH ? 1 : 0;
}

static bool in_range(int64_t us) { return us >= WR_TS_MIN && us <= WR_TS_MAX; }

static uint32_t month_days(int64_t y, uint32_t m) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return days[m - 1] + (m == 2 && leap);
}

/* First day of month number n, counted from year 0. */
static int64_t month_start_us(int64_t n) {
    int64_t y = wr_floor_div(n, 12);
    return wr_days_from_civil(y, (uint32_t)(n - y * 12) + 1, 1) * DAY_US;
}

static int64_t month_number(int64_t us) {
    int64_t y;
    uint32_t m, d;
    wr_civil_from_days(wr_floor_div(us, DAY_US), &y, &m, &d);
    return y * 12 + m - 1;
}

const char *wri_add_months(int64_t us, int64_t months, int64_t *outp) {
    static const char *const why = "TIMESTAMP out of range";
    if (!in_range(us) || months > WRI_MONTHS_MAX || months < -WRI_MONTHS_MAX) return why;
    int64_t days = wr_floor_div(us, DAY_US), y;
    uint32_t m, d;
    wr_civil_from_days(days, &y, &m, &d);
    int64_t n = y * 12 + m - 1 + months, to_y = wr_floor_div(n, 12);
    uint32_t to_m = (uint32_t)(n - to_y * 12) + 1, last = month_days(to_y, to_m);
    int64_t to = wr_days_from_civil(to_y, to_m, d < last ? d : last), out;
    if (__builtin_mul_overflow(to, DAY_US, &out) || __builtin_add_overflow(out, us - days * DAY_US, &out) ||
        !in_range(out))
        return why;
    *outp = out;
    return NULL;
}

const char *wri_add_months_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    (void)c;
    return wri_add_months(a[0].i64, a[1].i64, &outp->i64);
}

/* Years of a unit longer than a year, else 0. Decades begin with years that end in 0, centuries and millennia
 * with those that end in 1. */
static int64_t unit_years(wr_unit u) {
    return u == WR_U_DECADE ? 10 : u == WR_U_CENTURY ? 100 : u == WR_U_MILLENNIUM ? 1000 : 0;
}

static int64_t years_start(wr_unit u, int64_t year) {
    int64_t n = unit_years(u), first = n > 10;
    return wr_floor_to(year - first, n) + first;
}

/* Floor to a unit in whatever the value counts: months, or microseconds. Values outside every calendar are
 * refused before calendar arithmetic. */
const char *wri_floor_to_unit(wr_type t, wr_unit unit, int64_t v, int64_t *outp) {
    wr_kind k = (wr_kind)t.kind;
    int64_t months = unit_months(unit), us = wri_unit_us(unit);
    if (k == WR_T_INTERVAL_MONTH) {
        if (v < INT64_MIN + 12) return wri_out_of_range(t);
        *outp = months > 1 ? wr_floor_to(v, months) : v;
        return NULL;
    }
    if (!in_range(v)) return wri_out_of_range(t);
    if (unit_years(unit))
        *outp = wr_days_from_civil(years_start(unit, wr_floor_div(month_number(v), 12)), 1, 1) * DAY_US;
    else if (months && k != WR_T_INTERVAL_DAY && k != WR_T_TIME)
        *outp = month_start_us(wr_floor_to(month_number(v), months));
    else if (months) *outp = 0;
    else if (unit == WR_U_WEEK && k != WR_T_INTERVAL_DAY) /* 1970-01-05 was a Monday */
        *outp = wr_floor_to(v - 4 * DAY_US, us) + 4 * DAY_US;
    else *outp = us ? wr_floor_to(v, us) : v;
    return in_range(*outp) ? NULL : wri_out_of_range(t);
}

const char *wri_floor_unit_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_floor_to_unit(c->e->args[0]->type, c->e->unit, a[0].i64, &outp->i64);
}

const char *wri_ceil_unit_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    const wr_expr *e = c->e;
    wr_kind k = (wr_kind)e->args[0]->type.kind;
    int64_t f, months = unit_months(e->unit) + 12 * unit_years(e->unit);
    const char *why = wri_floor_to_unit(e->args[0]->type, e->unit, a[0].i64, &f);
    if (why) return why;
    if (f == a[0].i64) return wri_ret_i64(outp, f);
    if (k == WR_T_INTERVAL_MONTH) {
        if (__builtin_add_overflow(f, months, &f)) return wri_out_of_range(e->type);
        return wri_ret_i64(outp, f);
    }
    if (months && k != WR_T_INTERVAL_DAY && k != WR_T_TIME) return wri_add_months(f, months, &outp->i64);
    /* A time of day is at most the end of its day; wri_fit takes it round to midnight. */
    return wri_fit(e->type, (__int128)f + (months ? DAY_US : wri_unit_us(e->unit)), outp);
}

const char *wri_floor_step_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    int64_t v = a[0].i64, step = a[1].i64;
    if (step <= 0) return "a step must be greater than zero";
    int64_t r = v % step;
    return wri_fit(c->e->type, (__int128)v - (r < 0 ? r + step : r), outp);
}

/* ---- EXTRACT ---- */

/* ISO 8601: week 1 holds the year's first Thursday. */
static int64_t iso_week(int64_t days) {
    int64_t thursday = wr_floor_to(days - 4, 7) + 4 + 3, y;
    uint32_t m, d;
    wr_civil_from_days(thursday, &y, &m, &d);
    return (thursday - wr_days_from_civil(y, 1, 1)) / 7 + 1;
}

static int64_t date_part(wr_unit u, int64_t us) {
    int64_t days = wr_floor_div(us, DAY_US), y;
    uint32_t m, d;
    wr_civil_from_days(days, &y, &m, &d);
    switch (u) {
    case WR_U_YEAR:
        return y;
    case WR_U_QUARTER:
        return (m + 2) / 3;
    case WR_U_MONTH:
        return m;
    case WR_U_WEEK:
        return iso_week(days);
    case WR_U_DAY:
        return d;
    case WR_U_DOW: /* day 0 was a Thursday */
        return (days + 4) - wr_floor_to(days + 4, 7) + 1;
    case WR_U_DOY:
        return days - wr_days_from_civil(y, 1, 1) + 1;
    case WR_U_ISODOW: /* Monday 1 */
        return (days + 3) - wr_floor_to(days + 3, 7) + 1;
    case WR_U_ISOYEAR:
        wr_civil_from_days(wr_floor_to(days - 4, 7) + 4 + 3, &y, &m, &d);
        return y;
    case WR_U_DECADE:
        return wr_floor_div(y, 10);
    case WR_U_CENTURY:
    case WR_U_MILLENNIUM: /* there is none of number 0 */
        y = wr_floor_div(y - 1, unit_years(u));
        return y + (y >= 0);
    default:
        return 0;
    }
}

/* Seconds with their fraction, in the result's own form. */
static const char *ret_seconds(const wr_expr *e, int64_t us, wr_value *outp) {
    if (e->type.kind == WR_T_DECIMAL) {
        uint32_t s = e->type.scale;
        __int128 v = s >= 6 ? (__int128)us * wri_ten_to(s - 6) : us / wri_ten_to(6 - s);
        return wri_fit(e->type, v, outp);
    }
    if (wr_type_phys(e->type) == WR_F64) return wri_ret_f64(outp, (double)us / 1e6);
    return wri_fit(e->type, us / WR_US_PER_SECOND, outp);
}

static const char *ret_part(const wr_expr *e, int64_t v, wr_value *outp) {
    if (e->type.kind == WR_T_DECIMAL) return wri_fit(e->type, (__int128)v * wri_ten_to(e->type.scale), outp);
    if (wr_type_phys(e->type) == WR_F64) return wri_ret_f64(outp, (double)v);
    return wri_fit(e->type, v, outp);
}

static const char *extract_interval(const wr_expr *e, wr_unit unit, int64_t v, wr_value *outp) {
    if (e->args[0]->type.kind == WR_T_INTERVAL_MONTH)
        return ret_part(e,
                        unit == WR_U_YEAR      ? v / 12
                        : unit == WR_U_QUARTER ? v % 12 / 3
                        : unit == WR_U_MONTH   ? v % 12
                                               : 0,
                        outp);
    switch (unit) { /* each part bears the interval's sign */
    case WR_U_WEEK:
        return ret_part(e, v / (7 * DAY_US), outp);
    case WR_U_DAY:
        return ret_part(e, v / DAY_US, outp);
    case WR_U_HOUR:
        return ret_part(e, v % DAY_US / (3600 * WR_US_PER_SECOND), outp);
    case WR_U_MINUTE:
        return ret_part(e, v % (3600 * WR_US_PER_SECOND) / (60 * WR_US_PER_SECOND), outp);
    case WR_U_SECOND:
        return ret_seconds(e, v % (60 * WR_US_PER_SECOND), outp);
    case WR_U_MILLISECOND:
        return ret_part(e, v % (60 * WR_US_PER_SECOND) / 1000, outp);
    case WR_U_MICROSECOND:
        return ret_part(e, v % (60 * WR_US_PER_SECOND), outp);
    case WR_U_NANOSECOND:
        return ret_part(e, v % (60 * WR_US_PER_SECOND) * 1000, outp);
    case WR_U_EPOCH:
        return ret_seconds(e, v, outp);
    default:
        return ret_part(e, 0, outp);
    }
}

const char *wri_extract_unit(const wr_expr *e, wr_unit unit, int64_t v, wr_value *outp) {
    wr_kind k = (wr_kind)e->args[0]->type.kind;
    if (k == WR_T_INTERVAL_DAY || k == WR_T_INTERVAL_MONTH) return extract_interval(e, unit, v, outp);
    if (!in_range(v)) return wri_out_of_range(e->args[0]->type);
    int64_t in_minute = v - wr_floor_div(v, 60 * WR_US_PER_SECOND) * (60 * WR_US_PER_SECOND);
    switch (unit) {
    case WR_U_HOUR:
        return ret_part(e, (v - wr_floor_div(v, DAY_US) * DAY_US) / (3600 * WR_US_PER_SECOND), outp);
    case WR_U_MINUTE: {
        int64_t hour_us = 3600 * WR_US_PER_SECOND;
        return ret_part(e, (v - wr_floor_div(v, hour_us) * hour_us) / (60 * WR_US_PER_SECOND), outp);
    }
    case WR_U_SECOND:
        return ret_seconds(e, in_minute, outp);
    case WR_U_MILLISECOND:
        return ret_part(e, in_minute / 1000, outp);
    case WR_U_MICROSECOND:
        return ret_part(e, in_minute, outp);
    case WR_U_NANOSECOND:
        return ret_part(e, in_minute * 1000, outp);
    case WR_U_EPOCH:
        if (wr_kind_is_int((wr_kind)e->type.kind))
            return wri_fit(e->type, wr_floor_div(v, WR_US_PER_SECOND), outp);
        return ret_seconds(e, v, outp);
    default:
        return ret_part(e, date_part(unit, v), outp);
    }
}

const char *wri_extract_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    return wri_extract_unit(c->e, c->e->unit, a[0].i64, outp);
}
