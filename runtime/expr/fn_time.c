/* runtime/expr/fn_time.c -- functions of dates and times; patterns are timepat.c's, zones zone.c's. Times are
 * UTC. */
#include "timefmt_int.h"

#define DAY_US WRI_DAY_US

typedef const wr_value *args_t;

static const char *ret_time(const wri_call *c, int64_t us, wr_value *outp) {
    if (c->e->type.kind == WR_T_TIMESTAMP && c->e->type.prec < 6 && us > WR_TS_MIN)
        us = wr_floor_to(us, wri_ten_to(6 - c->e->type.prec));
    return wri_fit(c->e->type, us, outp);
}

/* ---- by pattern ---- */

static const char *no_time = "TIMESTAMP; expected 2026-01-31 23:59:59";

/* A text as a time: in the usual form, or by a pattern. */
static const char *read_time(wri_call *c, const wr_str *pattern, bool verbatim, const wr_str *s,
                             int64_t *usp) {
    if (pattern) return wri_time_parse(c, pattern, verbatim, s, usp);
    return wr_read_timestamp(wr_str_data(s), s->len, usp) ? NULL : wri_bad_text(c, s, no_time);
}

static const char *parse(wri_call *c, const wr_str *pattern, bool verbatim, const wr_str *s, wr_value *outp) {
    int64_t us;
    const char *why = read_time(c, pattern, verbatim, s, &us);
    return why ? why : ret_time(c, us, outp);
}

const char *wri_fn_to_timestamp(wri_call *c, args_t a, wr_value *outp) {
    return parse(c, c->e->n_args > 1 ? &a[1].str : NULL, false, &a[0].str, outp);
}

const char *wri_fn_to_date(wri_call *c, args_t a, wr_value *outp) {
    int64_t us;
    if (c->e->n_args > 1) return parse(c, &a[1].str, false, &a[0].str, outp);
    if (!wr_read_date(wr_str_data(&a[0].str), a[0].str.len, &us))
        return wri_bad_text(c, &a[0].str, "DATE; expected 2026-01-31");
    return wri_ret_i64(outp, us);
}

/* The Kinesis dialect has the pattern first. */
const char *wri_fn_char_to_timestamp(wri_call *c, args_t a, wr_value *outp) {
    return parse(c, &a[0].str, true, &a[1].str, outp);
}

const char *wri_fn_timestamp_to_char(wri_call *c, args_t a, wr_value *outp) {
    if (a[1].null) return wri_ret_copy(c, "null", 4, outp);
    return a[0].null ? wri_ret_null(outp) : wri_time_format(c, &a[0].str, true, a[1].i64, outp);
}

const char *wri_fn_date_format(wri_call *c, args_t a, wr_value *outp) {
    return wri_time_format(c, &a[1].str, false, a[0].i64, outp);
}

const char *wri_fn_date_to_char(wri_call *c, args_t a, wr_value *outp) {
    return wri_time_format(c, &a[0].str, true, a[1].i64, outp);
}

static const char *const usual = "yyyy-MM-dd HH:mm:ss";

const char *wri_fn_from_unixtime(wri_call *c, args_t a, wr_value *outp) {
    int64_t us;
    wr_str pattern = wr_str_make(usual, strlen(usual));
    if (__builtin_mul_overflow(a[0].i64, WR_US_PER_SECOND, &us)) return "TIMESTAMP out of range";
    return wri_time_format(c, c->e->n_args > 1 ? &a[1].str : &pattern, false, us, outp);
}

/* Seconds since 1970: of now, of a time, of a text [in a pattern]. */
const char *wri_fn_unix_timestamp(wri_call *c, args_t a, wr_value *outp) {
    if (c->e->n_args == 0) return wri_ret_i64(outp, wr_floor_div(c->env->now_us, WR_US_PER_SECOND));
    int64_t us = a[0].i64;
    const char *why = NULL;
    if (wr_type_phys(c->e->args[0]->type) == WR_STR)
        why = read_time(c, c->e->n_args > 1 ? &a[1].str : NULL, false, &a[0].str, &us);
    return why ? why : wri_ret_i64(outp, wr_floor_div(us, WR_US_PER_SECOND));
}

/* ---- time zones ---- */

/* us, with its seconds and what is below them apart, moved by a zone's offset there. */
static int64_t to_local(wri_zone *z, int64_t us) {
    return us + wri_zone_offset(z, wr_floor_div(us, WR_US_PER_SECOND)) * WR_US_PER_SECOND;
}

static int64_t from_local(wri_zone *z, int64_t us) {
    int64_t s = wr_floor_div(us, WR_US_PER_SECOND);
    return wri_zone_to_utc(z, s) * WR_US_PER_SECOND + (us - s * WR_US_PER_SECOND);
}

static bool in_range(int64_t us) { return us >= WR_TS_MIN && us <= WR_TS_MAX; }

const char *wri_fn_from_utc(wri_call *c, args_t a, wr_value *outp) {
    wri_zone *z;
    const char *why = wri_zone_of(c, &a[1].str, &z);
    if (!why && !in_range(a[0].i64)) why = wri_out_of_range(c->e->type);
    return why ? why : wri_fit(c->e->type, to_local(z, a[0].i64), outp);
}

const char *wri_fn_to_utc(wri_call *c, args_t a, wr_value *outp) {
    wri_zone *z;
    const char *why = wri_zone_of(c, &a[1].str, &z);
    if (!why && !in_range(a[0].i64)) why = wri_out_of_range(c->e->type);
    return why ? why : wri_fit(c->e->type, from_local(z, a[0].i64), outp);
}

/* A time, or a text of one, as the clocks of one zone show it, in those of another. */
const char *wri_fn_convert_tz(wri_call *c, args_t a, wr_value *outp) {
    bool is_text = wr_type_phys(c->e->type) == WR_STR;
    int64_t us = a[0].i64;
    wri_zone *z;
    const char *why = is_text ? read_time(c, NULL, false, &a[0].str, &us) : NULL;
    if (!why) why = wri_zone_of(c, &a[1].str, &z);
    if (!why && !in_range(us)) why = "TIMESTAMP out of range";
    if (why) return why;
    us = from_local(z, us);
    why = wri_zone_of(c, &a[2].str, &z); /* the first zone is done with: it may be gone now */
    if (why) return why;
    us = to_local(z, us);
    if (!is_text) return wri_fit(c->e->type, us, outp);
    if (!in_range(us)) return "TIMESTAMP out of range";
    char text[WR_TEXT_MAX];
    return wri_ret_copy(c, text, wr_write_timestamp(us, 0, false, text), outp);
}

/* n counts units of 10^-precision seconds since 1970. */
const char *wri_fn_to_timestamp_ltz(wri_call *c, args_t a, wr_value *outp) {
    if (wr_type_phys(c->e->args[0]->type) == WR_STR) return wri_fn_to_timestamp(c, a, outp);
    int64_t prec = c->e->n_args > 1 ? a[1].i64 : 3;
    if (prec < 0 || prec > 9) return "the precision of TO_TIMESTAMP_LTZ is 0 to 9";
    __int128 v = a[0].i64;
    if (prec > 6)
        v = v < 0 ? -((-v + wri_ten_to((uint32_t)prec - 6) - 1) / wri_ten_to((uint32_t)prec - 6))
                  : v / wri_ten_to((uint32_t)prec - 6);
    else v *= wri_ten_to((uint32_t)(6 - prec));
    if (v < WR_TS_MIN || v > WR_TS_MAX) return "TIMESTAMP out of range";
    return ret_time(c, (int64_t)v, outp);
}

/* ---- the clock ---- */

const char *wri_fn_current_timestamp(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return ret_time(c, c->env->now_us, outp);
}

const char *wri_fn_current_row_timestamp(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return ret_time(c, c->env->sys->wall_us(), outp);
}

const char *wri_fn_kda_current_timestamp(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return ret_time(c, c->env->start_us, outp);
}

const char *wri_fn_current_date(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return wri_ret_i64(outp, wr_floor_to(c->env->now_us, DAY_US));
}

/* ---- calendar ---- */

/* Days moved by n; what is no day of the calendar fails. */
static const char *ret_days(const wri_call *c, int64_t day_us, int64_t n, wr_value *outp) {
    __int128 us = day_us + (__int128)n * DAY_US;
    if (us < WR_TS_MIN || us > WR_TS_MAX) return wri_out_of_range(c->e->type);
    return wri_fit(c->e->type, us, outp);
}

const char *wri_fn_date_add(wri_call *c, args_t a, wr_value *outp) {
    return ret_days(c, a[0].i64, a[1].i64, outp);
}
const char *wri_fn_date_sub(wri_call *c, args_t a, wr_value *outp) {
    if (a[1].i64 == INT64_MIN) return wri_out_of_range(c->e->type);
    return ret_days(c, a[0].i64, -a[1].i64, outp);
}

const char *wri_fn_datediff(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, wr_floor_div(a[0].i64, DAY_US) - wr_floor_div(a[1].i64, DAY_US));
}

const char *wri_fn_add_months(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_add_months(a[0].i64, a[1].i64, &outp->i64);
}

const char *wri_fn_make_date(wri_call *c, args_t a, wr_value *outp) {
    int64_t year = a[0].i64, y;
    uint32_t m, d;
    if (year < -140000 || year > 140000 || a[1].i64 < 1 || a[1].i64 > 12 || a[2].i64 < 1 || a[2].i64 > 31)
        return "no such date";
    int64_t day = wr_days_from_civil(year, (uint32_t)a[1].i64, (uint32_t)a[2].i64);
    wr_civil_from_days(day, &y, &m, &d);
    return m == a[1].i64 ? wri_fit(c->e->type, (__int128)day * DAY_US, outp) : "no such date";
}

static const char *unit_of(wri_call *c, const wr_str *s, wr_unit *outp) {
    *outp = wr_unit_by_name(wr_str_data(s), s->len);
    return *outp == WR_U_OTHER ? wri_bad_text(c, s, "unit of time; expected 'minute', 'day' and so on")
                               : NULL;
}

/* Of a constant unit the planner makes FLOOR(… TO unit) and EXTRACT. */
const char *wri_fn_date_trunc(wri_call *c, args_t a, wr_value *outp) {
    wr_unit unit;
    const char *why = unit_of(c, &a[0].str, &unit);
    if (!why && (unit == WR_U_DOW || unit == WR_U_DOY || unit == WR_U_EPOCH || unit == WR_U_ISODOW ||
                 unit == WR_U_ISOYEAR))
        why = wri_bad_text(c, &a[0].str, "unit that a time can be cut to");
    return why ? why : wri_floor_to_unit(c->e->type, unit, a[1].i64, &outp->i64);
}

static const char *ret_name(wri_call *c, const char *name, wr_value *outp) {
    return wri_ret_copy(c, name, strlen(name), outp);
}

const char *wri_fn_dayname(wri_call *c, args_t a, wr_value *outp) {
    return ret_name(c, wri_day_names[wri_weekday(wr_floor_div(a[0].i64, DAY_US))], outp);
}

const char *wri_fn_monthname(wri_call *c, args_t a, wr_value *outp) {
    int64_t y;
    uint32_t m, d;
    if (!in_range(a[0].i64)) return "TIMESTAMP out of range";
    wr_civil_from_days(wr_floor_div(a[0].i64, DAY_US), &y, &m, &d);
    return ret_name(c, wri_month_names[m - 1], outp);
}

const char *wri_fn_last_day(wri_call *c, args_t a, wr_value *outp) {
    int64_t us = a[0].i64, y;
    uint32_t m, d;
    if (us < WR_TS_MIN || us > WR_TS_MAX) return wri_out_of_range(c->e->type);
    wr_civil_from_days(wr_floor_div(us, DAY_US), &y, &m, &d);
    return wri_fit(c->e->type,
                   ((__int128)wr_days_from_civil(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1) - 1) * DAY_US,
                   outp);
}

/* ---- parts by name: EXTRACT in other words ---- */

#define PART(name, u)                                                                                        \
    const char *wri_fn_##name(wri_call *c, args_t a, wr_value *outp) {                                       \
        return wri_extract_unit(c->e, u, a[0].i64, outp);                                                    \
    }
PART(year, WR_U_YEAR)
PART(quarter, WR_U_QUARTER)
PART(month, WR_U_MONTH)
PART(week, WR_U_WEEK)
PART(dayofyear, WR_U_DOY)
PART(dayofmonth, WR_U_DAY)
PART(dayofweek, WR_U_DOW)
PART(hour, WR_U_HOUR)
PART(minute, WR_U_MINUTE)
PART(second, WR_U_SECOND)
