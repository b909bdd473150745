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
    xcheck(part(WR_U_ISODOW, "2021-01-03 00:00:00"), "7");
    xcheck(part(WR_U_ISOYEAR, "2021-01-03 00:00:00"), "2020");
    xcheck(part(WR_U_ISOYEAR, "2018-12-31 00:00:00"), "2019");
    xcheck(part(WR_U_DECADE, "1969-12-31 00:00:00"), "196");
    xcheck(part(WR_U_CENTURY, "2000-12-31 00:00:00"), "20");
    xcheck(part(WR_U_CENTURY, "2001-01-01 00:00:00"), "21");
    xcheck(part(WR_U_MILLENNIUM, "2000-12-31 00:00:00"), "2");
    xcheck(part(WR_U_NANOSECOND, "1969-12-31 23:59:59.5"), "59500000000");
    xcheck(xunit(FLOOR_UNIT, CENTURY, TS, ts("2000-06-01 00:00:00")), "1901-01-01 00:00:00.000");
    xcheck(xunit(CEIL_UNIT, CENTURY, TS, ts("2000-06-01 00:00:00")), "2001-01-01 00:00:00.000");
    xcheck(xunit(FLOOR_UNIT, DECADE, TS, ts("1969-06-01 00:00:00")), "1960-01-01 00:00:00.000");
    xcheck(xunit(FLOOR_UNIT, MILLENNIUM, TS, ts("2001-01-01 00:00:00")), "2001-01-01 00:00:00.000");
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
        {"q QQ QQQ QQQQ", "3 03 Q3 3rd quarter"},
        {"YYYY 'W'ww e EEEE", "2004 W36 7 Sunday"},
        {"G GGGG uuuu MMM MMMM L", "AD Anno Domini 2004 Sep September 9"},
        {"A n N k K", "11045060 60000000 11045060000000 3 3"},
        {"SSSSSSSSS S", "060000000 0"},
        {"z zzzz VV O X x xx xxx Z ZZZZ ZZZZZ",
         "UTC Coordinated Universal Time UTC GMT Z +00 +0000 +00:00 +0000 GMT Z"},
        {"HH:mm[:ss]", "03:04:05"},
        {"''''", "''"},
        {"%F %T %e.%k %G-W%V-%u %j %A %L", "2004-09-05 03:04:05 5.3 2004-W36-7 249 Sunday 060"},
        {"b", "!'b' is no time pattern: there is no letter b"},
        {"%Q", "!'%Q' is no time pattern: there is no code %Q"},
        {"%Y%", "!'%Y%' is no time pattern: it ends in %"},
        {"'abc", "!''abc' is no time pattern: a quote is not closed"},
        {"[HH", "!'[HH' is no time pattern: [ without ]"},
        {"HH]", "!'HH]' is no time pattern: ] without ["},
        {"[HH[mm]]", "!'[HH[mm]]' is no time pattern: [ within [ ]"},
        {"yyyyyyyyyyyyyyyyyyyy", "!'yyyyyyyyyyyyyyyyyyyy' is no time pattern: too often in a row: y"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(xfn("DATE_FORMAT", xt(WR_T_VARCHAR), ts("2004-09-05 03:04:05.06"), xs(cases[i].pattern)),
               cases[i].want);
    xcheck(xfn("TIMESTAMP_TO_CHAR", xt(WR_T_VARCHAR), xs("yyyy"), xnull(TS)), "null");
    xcheck(xfn("TIMESTAMP_TO_CHAR", xt(WR_T_VARCHAR), xs("[HH]"), ts("2004-09-05 03:04:05")), "[03]");
    xcheck(xfn("DATE_FORMAT", xt(WR_T_VARCHAR), ts("2027-01-01 00:00:00"), xs("YYYY-'W'ww")), "2026-W53");
    wr_expr *last = xi(WR_T_TIMESTAMP, -1);
    xcheck(xfn("DATE_FORMAT", xt(WR_T_VARCHAR), last, xs("yyyy-MM-dd HH:mm:ss.SSSSSS")),
           "1969-12-31 23:59:59.999999");
    wr_expr *early = xi(WR_T_TIMESTAMP, (INT64_C(-719162) - 366 - 1) * 86400 * WR_US_PER_SECOND);
    xcheck(xfn("DATE_FORMAT", xt(WR_T_VARCHAR), early, xs("G y u yy MM-dd")), "BC 2 -1 02 12-31");
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
        {"%d %b %Y %l:%M %p %z", "5 sep 2004 3:04 PM +0530", "2004-09-05 09:34:00.000"},
        {"YYYY-'W'ww-e", "2026-W53-5", "2027-01-01 00:00:00.000"},
        {"YYYY-'W'ww", "2025-W01", "2024-12-30 00:00:00.000"},
        {"ss.n A", "05.7000 1000", "1970-01-01 00:00:01.000"},
        {"HH:mm O", "10:00 GMT+2", "1970-01-01 08:00:00.000"},
        {"HH:mm 'o''clock'", "10:00 o'clock", "1970-01-01 10:00:00.000"},
        {"[dd/MMM/yyyy]", "[10/Oct/2000]", "2000-10-10 00:00:00.000"},
        {"YYYY-'W'ww", "2025-W53", "!"},
        {"yyyy Q", "2024 1", "!'yyyy Q' is no time pattern: a text cannot be read by the letter Q"},
        {"yyyy-MM-dd", "2008-13-16", "!'2008-13-16' is no time in that pattern"},
        {"yyyy-MM-dd", "2008-02-30", "!'2008-02-30' is no"},
        {"yyyy-MM-dd", "2008/02/03", "!"},
        {"HH", "24", "!"},
        {"yyyy D", "2023 366", "!"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(xfn("CHAR_TO_TIMESTAMP", TS, xs(cases[i].pattern), xs(cases[i].text)), cases[i].want);
    xcheck(xfn("TO_TIMESTAMP", TS, xs("2026-01-01T00:00:00+02:00")), "2025-12-31 22:00:00.000");
    static const char *const texts[][2] = {{"2026-01-01 10:00", "2026-01-01 10:00:00.000"},
                                           {"2026-01-01", "2026-01-01 00:00:00.000"},
                                           {"2026-01-01 10:00:07.25", "2026-01-01 10:00:07.250"},
                                           {"2026-01-01 10:", "2026-01-01 00:00:00.000"}};
    for (size_t i = 0; i < WR_LEN(texts); i++)
        xcheck(xfn("TO_TIMESTAMP", TS, xs(texts[i][0]), xs("yyyy-MM-dd[ HH:mm][:ss][.SSS]")), texts[i][1]);
    xcheck(xfn("TO_TIMESTAMP_LTZ", TS, I(-1), I(0)), "1969-12-31 23:59:59.000");
    xcheck(xfn("TO_TIMESTAMP_LTZ", TS, I(INT64_MAX), I(0)), "!TIMESTAMP out of range");
    xcheck(xfn("UNIX_TIMESTAMP", xt(WR_T_BIGINT), ts("1970-01-02 00:00:01")), "86401");
    xcheck(xfn("LAST_DAY", xt(WR_T_DATE), xcast(xt(WR_T_DATE), xs("1970-02-03"))), "5011200000000");
    xcheck(xfn("DAYOFWEEK", xt(WR_T_BIGINT), ts("1994-09-27 00:00:00")), "3");
}
