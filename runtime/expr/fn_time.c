/* runtime/expr/fn_time.c -- functions of dates and times; patterns are timefmt.c's. All in UTC. */
#include "expr_int.h"

#define DAY_US (86400 * WR_US_PER_SECOND)

typedef const wr_value *args_t;

static const char *ret_time(const wri_call *c, int64_t us, wr_value *outp) {
    if (c->e->type.kind == WR_T_TIMESTAMP && c->e->type.prec < 6 && us > WR_TS_MIN)
        us = wr_floor_to(us, wri_ten_to(6 - c->e->type.prec));
    return wri_fit(c->e->type, us, outp);
}

static const char *parse(wri_call *c, const wr_str *pattern, const wr_str *s, wr_value *outp) {
    int64_t us;
    bool ok = pattern ? wri_time_parse(pattern, s, &us) : wr_read_timestamp(wr_str_data(s), s->len, &us);
    if (!ok)
        return wri_bad_text(c, s,
                            pattern ? "time in that pattern" : "TIMESTAMP; expected 2026-01-31 23:59:59");
    return ret_time(c, us, outp);
}

const char *wri_fn_to_timestamp(wri_call *c, args_t a, wr_value *outp) {
    return parse(c, c->e->n_args > 1 ? &a[1].str : NULL, &a[0].str, outp);
}

const char *wri_fn_to_date(wri_call *c, args_t a, wr_value *outp) {
    int64_t us;
    if (c->e->n_args > 1) return parse(c, &a[1].str, &a[0].str, outp);
    if (!wr_read_date(wr_str_data(&a[0].str), a[0].str.len, &us))
        return wri_bad_text(c, &a[0].str, "DATE; expected 2026-01-31");
    return wri_ret_i64(outp, us);
}

/* The Kinesis dialect has the pattern first. */
const char *wri_fn_char_to_timestamp(wri_call *c, args_t a, wr_value *outp) {
    return parse(c, &a[0].str, &a[1].str, outp);
}

const char *wri_fn_timestamp_to_char(wri_call *c, args_t a, wr_value *outp) {
    if (a[1].null) return wri_ret_copy(c, "null", 4, outp);
    return a[0].null ? wri_ret_null(outp) : wri_time_format(c, &a[0].str, a[1].i64, outp);
}

const char *wri_fn_date_format(wri_call *c, args_t a, wr_value *outp) {
    return wri_time_format(c, &a[1].str, a[0].i64, outp);
}

const char *wri_fn_date_to_char(wri_call *c, args_t a, wr_value *outp) {
    return wri_time_format(c, &a[0].str, a[1].i64, outp);
}

const char *wri_fn_from_unixtime(wri_call *c, args_t a, wr_value *outp) {
    int64_t us;
    wr_str usual = wr_str_make("%Y-%m-%d %H:%M:%S", 17);
    if (__builtin_mul_overflow(a[0].i64, WR_US_PER_SECOND, &us)) return "TIMESTAMP out of range";
    return wri_time_format(c, c->e->n_args > 1 ? &a[1].str : &usual, us, outp);
}

/* Seconds since 1970: of now, of a time, of a text [in a pattern]. */
const char *wri_fn_unix_timestamp(wri_call *c, args_t a, wr_value *outp) {
    if (c->e->n_args == 0) return wri_ret_i64(outp, wr_floor_div(c->env->now_us, WR_US_PER_SECOND));
    int64_t us = a[0].i64;
    if (wr_type_phys(c->e->args[0]->type) == WR_STR) {
        const wr_str *s = &a[0].str;
        bool ok = c->e->n_args > 1 ? wri_time_parse(&a[1].str, s, &us)
                                   : wr_read_timestamp(wr_str_data(s), s->len, &us);
        if (!ok) return wri_bad_text(c, s, "TIMESTAMP; expected 2026-01-31 23:59:59");
    }
    return wri_ret_i64(outp, wr_floor_div(us, WR_US_PER_SECOND));
}

/* n counts units of 10^-precision seconds since 1970. */
const char *wri_fn_to_timestamp_ltz(wri_call *c, args_t a, wr_value *outp) {
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

const char *wri_fn_current_timestamp(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return ret_time(c, c->env->now_us, outp);
}

const char *wri_fn_current_date(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    return wri_ret_i64(outp, wr_floor_to(c->env->now_us, DAY_US));
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
