/* tests/unit/runtime/test_expr_time.c -- dates and times: floors and ceilings, EXTRACT, months, patterns. */
#include "expr_help.h"

#define TS   xt(WR_T_TIMESTAMP)
#define I(v) xi(WR_T_BIGINT, v)

static wr_expr *ts(const char *s) { return xcast(TS, xs(s)); }
static wr_expr *floor_to(wr_unit u, const char *s) { return xop_(WR_OP_FLOOR_UNIT, u, TS, ts(s), NULL); }
static wr_expr *ceil_to(wr_unit u, const char *s) { return xop_(WR_OP_CEIL_UNIT, u, TS, ts(s), NULL); }
static wr_expr *part(wr_unit u, const char *s) {
    return xop_(WR_OP_EXTRACT, u, xt(WR_T_BIGINT), ts(s), NULL);
}

Test(expr_time, floor_and_ceiling) {
    static const struct {
        wr_unit unit;
        const char *text, *floor, *ceil;
    } cases[] = {
        {WR_U_YEAR, "2004-09-30 13:48:23.987", "2004-01-01 00:00:00.000", "2005-01-01 00:00:00.000"},
        {WR_U_QUARTER, "2004-09-30 13:48:23", "2004-07-01 00:00:00.000", "2004-10-01 00:00:00.000"},
        {WR_U_MONTH, "2004-12-30 13:48:23", "2004-12-01 00:00:00.000", "2005-01-01 00:00:00.000"},
        {WR_U_WEEK, "2026-01-01 10:00:00", "2025-12-29 00:00:00.000", "2026-01-05 00:00:00.000"},
        {WR_U_DAY, "2004-09-30 13:48:23", "2004-09-30 00:00:00.000", "2004-10-01 00:00:00.000"},
        {WR_U_HOUR, "2004-09-30 13:48:23", "2004-09-30 13:00:00.000", "2004-09-30 14:00:00.000"},
        {WR_U_MINUTE, "2004-09-30 13:48:23", "2004-09-30 13:48:00.000", "2004-09-30 13:49:00.000"},
        {WR_U_SECOND, "2004-09-30 13:48:23.987", "2004-09-30 13:48:23.000", "2004-09-30 13:48:24.000"},
        {WR_U_MINUTE, "1969-12-31 23:59:30", "1969-12-31 23:59:00.000", "1970-01-01 00:00:00.000"},
        {WR_U_MONTH, "1900-02-28 23:59:30", "1900-02-01 00:00:00.000", "1900-03-01 00:00:00.000"},
        {WR_U_HOUR, "2004-09-30 13:00:00", "2004-09-30 13:00:00.000", "2004-09-30 13:00:00.000"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        xcheck(floor_to(cases[i].unit, cases[i].text), cases[i].floor);
        xcheck(ceil_to(cases[i].unit, cases[i].text), cases[i].ceil);
    }
}

Test(expr_time, steps) {
    xcheck(xint(FLOOR_STEP, I(23), I(5)), "20");
    xcheck(xint(FLOOR_STEP, I(-23), I(5)), "-25");
    xcheck(xint(FLOOR_STEP, I(INT64_MIN), I(7)), "!BIGINT out of range");
    xcheck(xint(FLOOR_STEP, I(INT64_MAX), I(INT64_MAX)), "9223372036854775807");
    wr_expr *step = xi(WR_T_INTERVAL_DAY, 10 * WR_US_PER_SECOND);
    xcheck(xop(FLOOR_STEP, TS, ts("2004-09-30 13:48:23"), step), "2004-09-30 13:48:20.000");
    xcheck(xop(FLOOR_STEP, TS, ts("1969-12-31 23:59:55"), step), "1969-12-31 23:59:50.000");
}

Test(expr_time, extract) {
    const char *t = "2026-11-21 13:48:23.987";
    xcheck(part(WR_U_YEAR, t), "2026");
    xcheck(part(WR_U_QUARTER, t), "4");
    xcheck(part(WR_U_MONTH, t), "11");
    xcheck(part(WR_U_WEEK, t), "47");
    xcheck(part(WR_U_DAY, t), "21");
    xcheck(part(WR_U_HOUR, t), "13");
    xcheck(part(WR_U_MINUTE, t), "48");
    xcheck(part(WR_U_SECOND, t), "23");
    xcheck(part(WR_U_MILLISECOND, t), "23987");
    xcheck(part(WR_U_DOW, t), "7"); /* a Saturday */
    xcheck(part(WR_U_DOY, t), "325");
    xcheck(part(WR_U_EPOCH, t), "1795268903");
    xcheck(part(WR_U_WEEK, "2021-01-03 00:00:00"), "53"); /* of 2020 */
    xcheck(part(WR_U_WEEK, "2018-12-31 00:00:00"), "1");  /* of 2019 */
    xcheck(part(WR_U_SECOND, "1969-12-31 23:59:59.5"), "59");
    xcheck(part(WR_U_HOUR, "1969-12-31 23:59:59.5"), "23");
    xcheck(xop_(WR_OP_EXTRACT, WR_U_SECOND, xt_dec(5, 3), ts(t), NULL), "23.987");
    wr_expr *iv = xi(WR_T_INTERVAL_DAY, -(INT64_C(2) * 86400 + 3 * 3600 + 62) * WR_US_PER_SECOND);
    xcheck(xop_(WR_OP_EXTRACT, WR_U_DAY, xt(WR_T_BIGINT), iv, NULL), "-2");
    xcheck(xop_(WR_OP_EXTRACT, WR_U_HOUR, xt(WR_T_BIGINT), iv, NULL), "-3");
    xcheck(xop_(WR_OP_EXTRACT, WR_U_MINUTE, xt(WR_T_BIGINT), iv, NULL), "-1");
}

Test(expr_time, months_and_intervals) {
    xcheck(xop(ADD_MONTHS, TS, ts("2024-01-31 10:00:00"), I(1)), "2024-02-29 10:00:00.000");
    xcheck(xop(ADD_MONTHS, TS, ts("2023-01-31 10:00:00"), I(1)), "2023-02-28 10:00:00.000");
    xcheck(xop(ADD_MONTHS, TS, ts("2024-03-31 00:00:00"), I(-1)), "2024-02-29 00:00:00.000");
    xcheck(xop(ADD_MONTHS, TS, ts("2024-03-31 00:00:00"), I(-27)), "2021-12-31 00:00:00.000");
    xcheck(xop(ADD_MONTHS, TS, ts("2024-03-31 00:00:00"), I(INT64_MAX)), "!TIMESTAMP out of range");
    wr_expr *day = xi(WR_T_INTERVAL_DAY, INT64_C(86400) * WR_US_PER_SECOND);
    xcheck(xop(ADD, TS, ts("2024-02-28 10:00:00"), day), "2024-02-29 10:00:00.000");
    xcheck(xop(ADD, TS, ts("2024-02-28 10:00:00"), xi(WR_T_INTERVAL_DAY, INT64_MAX)),
           "!TIMESTAMP out of range");
    wr_expr *noon = xcast(xt(WR_T_TIME), xs("23:00:00"));
    xcheck(xop(ADD, xt(WR_T_TIME), noon, xi(WR_T_INTERVAL_DAY, INT64_C(7200) * WR_US_PER_SECOND)),
           "3600000000");
    wr_expr *d = xcast(xt(WR_T_DATE), xs("1969-12-31"));
    xcheck(xop(ADD, xt(WR_T_DATE), d, xi(WR_T_INTERVAL_DAY, INT64_C(3600) * WR_US_PER_SECOND)),
           "-86400000000");
}

Test(expr_time, patterns_written) {
    static const struct {
        const char *pattern, *want;
    } cases[] = {
        {"yyyy-MM-dd HH:mm:ss.SSS", "2004-09-05 03:04:05.060"},
        {"yy/M/d H:m:s", "04/9/5 3:4:5"},
        {"EEE, d MMM yyyy hh:mm a", "Sun, 5 Sep 2004 03:04 AM"},
        {"EEEE 'o''clock' D", "Sunday o'clock 249"},
        {"yyyy-MM-dd'T'HH:mm:ssX", "2004-09-05T03:04:05Z"},
        {"%Y-%m-%d %H:%i:%S.%f", "2004-09-05 03:04:05.060000"},
        {"%d %b %y, 100%%", "05 Sep 04, 100%"},
        {"", ""},
        {"q", "!a letter of the time pattern is not known"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(xfn("DATE_FORMAT", xt(WR_T_VARCHAR), ts("2004-09-05 03:04:05.06"), xs(cases[i].pattern)),
               cases[i].want);
    xcheck(xfn("TIMESTAMP_TO_CHAR", xt(WR_T_VARCHAR), xs("yyyy"), xnull(TS)), "null");
    xcheck(xfn("FROM_UNIXTIME", xt(WR_T_VARCHAR), I(44)), "1970-01-01 00:00:44");
}

Test(expr_time, patterns_read) {
    static const struct {
        const char *pattern, *text, *want;
    } cases[] = {
        {"yyyy-MM-dd HH:mm:ss", "2008-12-16 09:16:07", "2008-12-16 09:16:07.000"},
        {"yyyy-MM-dd", "2008-12-16 and more", "2008-12-16 00:00:00.000"},
        {"HH:mm", "09:16", "1970-01-01 09:16:00.000"},
        {"MMM dd, yyyy", "Dec 16, 2008", "2008-12-16 00:00:00.000"},
        {"MMMM d yyyy", "september 5 2004", "2004-09-05 00:00:00.000"},
        {"yyyyMMddHHmm", "200812160916", "2008-12-16 09:16:00.000"},
        {"hh:mm a", "12:30 AM", "1970-01-01 00:30:00.000"},
        {"hh:mm a", "12:30 pm", "1970-01-01 12:30:00.000"},
        {"yy", "08", "2008-01-01 00:00:00.000"},
        {"yy", "70", "1970-01-01 00:00:00.000"},
        {"dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "2000-10-10 20:55:36.000"},
        {"yyyy-MM-dd HH:mm:ss.SSS", "2008-12-16 09:16:07.5", "2008-12-16 09:16:07.500"},
        {"yyyy D", "2024 366", "2024-12-31 00:00:00.000"},
        {"%Y-%m-%dT%H:%M:%S", "2008-12-16T09:16:07", "2008-12-16 09:16:07.000"},
        {"yyyy-MM-dd", "2008-13-16", "!'2008-13-16' is no time in that pattern"},
        {"yyyy-MM-dd", "2008-02-30", "!'2008-02-30' is no"},
        {"yyyy-MM-dd", "2008/02/03", "!"},
        {"HH", "24", "!"},
        {"yyyy D", "2023 366", "!"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(xfn("CHAR_TO_TIMESTAMP", TS, xs(cases[i].pattern), xs(cases[i].text)), cases[i].want);
    xcheck(xfn("TO_TIMESTAMP", TS, xs("2026-01-01T00:00:00+02:00")), "2025-12-31 22:00:00.000");
    xcheck(xfn("TO_TIMESTAMP_LTZ", TS, I(-1), I(0)), "1969-12-31 23:59:59.000");
    xcheck(xfn("TO_TIMESTAMP_LTZ", TS, I(INT64_MAX), I(0)), "!TIMESTAMP out of range");
    xcheck(xfn("UNIX_TIMESTAMP", xt(WR_T_BIGINT), ts("1970-01-02 00:00:01")), "86401");
    xcheck(xfn("LAST_DAY", xt(WR_T_DATE), xcast(xt(WR_T_DATE), xs("1970-02-03"))), "5011200000000");
    xcheck(xfn("DAYOFWEEK", xt(WR_T_BIGINT), ts("1994-09-27 00:00:00")), "3");
}
