/* Text to typed values: what each type takes and refuses, and the reasons given. */
#include <math.h>

#include "connectors/formats/convert.h"
#include "tests/unit/connectors/formats.h"

/* "bad", "NULL" or the value as text. */
static void value_text(wr_status s, const wr_type *t, const wr_value *v, char out[300]) {
    if (s != WR_OK) snprintf(out, 300, "%s", s == WR_EDATA ? "bad" : "memory");
    else if (v->null) snprintf(out, 300, "NULL");
    else if (wr_type_phys(*t) == WR_STR) snprintf(out, 300, "%.*s", (int)v->str.len, wr_str_data(&v->str));
    else if (wr_type_phys(*t) == WR_F64) snprintf(out, 300, "%.17g", v->f64);
    else snprintf(out, 300, "%" PRId64, v->i64);
}

static void expect_text(wr_type t, wri_time_format tf, const char *text, const char *want) {
    wr_arena ar = {0};
    wr_value v;
    char got[300], name[64];
    value_text(wri_from_text(&t, tf, text, strlen(text), &ar, &v), &t, &v, got);
    cr_expect_str_eq(got, want, "%s of '%s': '%s' instead of '%s'", wr_type_print(t, name, sizeof name), text,
                     got, want);
    wr_arena_free(&ar);
}
#define TEXT(kind, text, want) expect_text(wr_type_of(WR_T_##kind), WRI_TIME_ISO, text, want)

Test(convert, numbers) {
    TEXT(BOOLEAN, "true", "1");
    TEXT(BOOLEAN, "FALSE", "0");
    TEXT(BOOLEAN, " Yes ", "1");
    TEXT(BOOLEAN, "n", "0");
    TEXT(BOOLEAN, "1", "1");
    TEXT(BOOLEAN, "2", "bad");
    TEXT(BOOLEAN, "", "bad");
    TEXT(TINYINT, "-128", "-128");
    TEXT(TINYINT, "128", "bad");
    TEXT(SMALLINT, "32767", "32767");
    TEXT(SMALLINT, "-32769", "bad");
    TEXT(INTEGER, "2147483648", "bad");
    TEXT(INTEGER, "+5", "5");
    TEXT(INTEGER, "12.0", "12");
    TEXT(INTEGER, "1.2e1", "12");
    TEXT(INTEGER, "12.5", "bad");
    TEXT(INTEGER, "0x10", "bad");
    TEXT(INTEGER, "1 2", "bad");
    TEXT(BIGINT, "9223372036854775807", "9223372036854775807");
    TEXT(BIGINT, "9223372036854775808", "bad");
    TEXT(DOUBLE, " 1.5\t", "1.5");
    TEXT(DOUBLE, "1,5", "bad");
    TEXT(DOUBLE, "nan", "NULL");
    TEXT(DOUBLE, "Infinity", "inf");
    TEXT(DOUBLE, "-inf", "-inf");
    TEXT(DOUBLE, "1e400", "bad");
    TEXT(DOUBLE, "", "bad");
    TEXT(REAL, "0.1", "0.10000000149011612");
    TEXT(REAL, "1e39", "bad");
    wr_type dec = {.kind = WR_T_DECIMAL, .prec = 5, .scale = 2};
    expect_text(dec, WRI_TIME_ISO, "123.455", "12346");
    expect_text(dec, WRI_TIME_ISO, "-123.455", "-12346");
    expect_text(dec, WRI_TIME_ISO, "999.994", "99999");
    expect_text(dec, WRI_TIME_ISO, "999.995", "bad");
    expect_text(dec, WRI_TIME_ISO, "1000", "bad");
}

Test(convert, texts) {
    TEXT(VARCHAR, " as it is ", " as it is ");
    TEXT(VARCHAR, "", "");
    TEXT(VARCHAR, "\xc3", "bad");
    expect_text((wr_type){.kind = WR_T_VARCHAR, .prec = 2}, WRI_TIME_ISO, "日本語", "日本");
    expect_text((wr_type){.kind = WR_T_VARCHAR, .prec = 3}, WRI_TIME_ISO, "日本語", "日本語");
    expect_text((wr_type){.kind = WR_T_CHAR, .prec = 4}, WRI_TIME_ISO, "abcdef", "abcd");
    TEXT(VARBINARY, "SGVsbG8=", "Hello");
    TEXT(VARBINARY, "SGVsbG8", "Hello");
    TEXT(VARBINARY, "", "");
    TEXT(VARBINARY, "S", "bad");
    TEXT(VARBINARY, "SG*s", "bad");
    TEXT(VARBINARY, "SG==bG8=", "bad");
    expect_text((wr_type){.kind = WR_T_VARBINARY, .prec = 2}, WRI_TIME_ISO, "SGVsbG8=", "He");
    TEXT(JSON, " {\"a\": [1]} ", " {\"a\": [1]} ");
    TEXT(JSON, "{'a': 1}", "bad");
}

Test(convert, times) {
    wr_type ts3 = wr_type_of(WR_T_TIMESTAMP), ts0 = {.kind = WR_T_TIMESTAMP, .prec = 0};
    expect_text(ts3, WRI_TIME_ISO, "2026-01-01T00:00:00.123999Z", "1767225600123000");
    expect_text(ts0, WRI_TIME_ISO, "1969-12-31T23:59:59.5Z", "-1000000");
    expect_text(ts3, WRI_TIME_ISO, "1767225600", "bad");
    expect_text(ts3, WRI_TIME_ISO, "", "bad");
    expect_text(ts3, WRI_TIME_EPOCH_S, "1767225600", "1767225600000000");
    expect_text(ts3, WRI_TIME_EPOCH_S, "1767225600.0015", "1767225600001000");
    expect_text(ts3, WRI_TIME_EPOCH_MS, "-1", "-1000");
    expect_text(ts3, WRI_TIME_EPOCH_US, "1767225600000999", "1767225600000000");
    expect_text(ts3, WRI_TIME_EPOCH_MS, "2026-01-01", "bad");
    expect_text(ts3, WRI_TIME_EPOCH_US, "4611686018427387905", "4611686018427387000");
    expect_text(ts0, WRI_TIME_EPOCH_MS, "-9e30", "-4611686018427387904");
    expect_text((wr_type){.kind = WR_T_TIMESTAMP, .prec = 6}, WRI_TIME_EPOCH_S, "-1.2345678", "-1234568");
    expect_text((wr_type){.kind = WR_T_TIMESTAMP, .prec = 6}, WRI_TIME_EPOCH_S, "1.9999999", "1999999");
    expect_text((wr_type){.kind = WR_T_TIMESTAMP, .prec = 6}, WRI_TIME_EPOCH_S, "15e-1", "1500000");
    expect_text(ts3, WRI_TIME_EPOCH_S, "9223372036854", "4611686018427387000");
    expect_text(ts3, WRI_TIME_EPOCH_S, "1e999", "bad");
    TEXT(DATE, "2024-02-29", "1709164800000000");
    TEXT(DATE, "2023-02-29", "bad");
    expect_text((wr_type){.kind = WR_T_TIME, .prec = 0}, WRI_TIME_ISO, "00:00:01.9", "1000000");
    TEXT(INTERVAL_DAY, "+2 00:06:11", "173171000000");
    TEXT(INTERVAL_DAY, "-0 00:00:00.5", "-500000");
    TEXT(INTERVAL_DAY, "-106751991 04:00:54.775808", "-9223372036854775808");
    TEXT(INTERVAL_DAY, "106751991 04:00:54.775808", "bad");
    TEXT(INTERVAL_DAY, "106751992 00:00:00", "bad");
    TEXT(INTERVAL_DAY, "2", "bad");
    TEXT(INTERVAL_DAY, "--2 00:00:00", "bad");
    TEXT(INTERVAL_MONTH, "+1-06", "18");
    TEXT(INTERVAL_MONTH, "-0-01", "-1");
    TEXT(INTERVAL_MONTH, "1-12", "bad");
    TEXT(INTERVAL_MONTH, "1-6", "bad");
    TEXT(INTERVAL_MONTH, "9223372036854775807-01", "bad");
    TEXT(NULL, "anything", "NULL");
}

static void expect_value(wr_status s, wr_type t, const wr_value *v, const char *want) {
    char got[300];
    value_text(s, &t, v, got);
    cr_expect_str_eq(got, want);
}

Test(convert, numbers_and_truth) {
    wr_arena ar = {0};
    wr_value v;
    wr_type i = wr_type_of(WR_T_INTEGER), d = wr_type_of(WR_T_DOUBLE), s = wr_type_of(WR_T_VARCHAR),
            ts = wr_type_of(WR_T_TIMESTAMP), dec = {.kind = WR_T_DECIMAL, .prec = 6, .scale = 2},
            b = wr_type_of(WR_T_BOOLEAN), date = wr_type_of(WR_T_DATE);
    expect_value(wri_from_i64(&i, WRI_TIME_ISO, INT32_MAX + 1LL, &ar, &v), i, &v, "bad");
    expect_value(wri_from_i64(&d, WRI_TIME_ISO, 3, &ar, &v), d, &v, "3");
    expect_value(wri_from_i64(&s, WRI_TIME_ISO, INT64_MIN, &ar, &v), s, &v, "-9223372036854775808");
    expect_value(wri_from_i64(&dec, WRI_TIME_ISO, 12, &ar, &v), dec, &v, "1200");
    expect_value(wri_from_i64(&ts, WRI_TIME_ISO, 12, &ar, &v), ts, &v, "bad");
    expect_value(wri_from_i64(&ts, WRI_TIME_EPOCH_S, 12, &ar, &v), ts, &v, "12000000");
    expect_value(wri_from_i64(&ts, WRI_TIME_EPOCH_S, INT64_MAX, &ar, &v), ts, &v, "4611686018427387000");
    expect_value(wri_from_i64(&date, WRI_TIME_EPOCH_S, 12, &ar, &v), date, &v, "bad");
    expect_value(wri_from_i64(&b, WRI_TIME_ISO, -3, &ar, &v), b, &v, "1");
    expect_value(wri_from_f64(&i, WRI_TIME_ISO, 12.0, &ar, &v), i, &v, "12");
    expect_value(wri_from_f64(&i, WRI_TIME_ISO, 12.5, &ar, &v), i, &v, "bad");
    expect_value(wri_from_f64(&i, WRI_TIME_ISO, 1e300, &ar, &v), i, &v, "bad");
    expect_value(wri_from_f64(&i, WRI_TIME_ISO, (double)INFINITY, &ar, &v), i, &v, "bad");
    expect_value(wri_from_f64(&i, WRI_TIME_ISO, (double)NAN, &ar, &v), i, &v, "NULL");
    expect_value(wri_from_f64(&dec, WRI_TIME_ISO, 0.125, &ar, &v), dec, &v, "13");
    expect_value(wri_from_f64(&s, WRI_TIME_ISO, 0.1, &ar, &v), s, &v, "0.1");
    expect_value(wri_from_f64(&ts, WRI_TIME_EPOCH_S, 1.5, &ar, &v), ts, &v, "1500000");
    expect_value(wri_from_bool(&i, true, &ar, &v), i, &v, "1");
    expect_value(wri_from_bool(&s, false, &ar, &v), s, &v, "false");
    expect_value(wri_from_bool(&ts, true, &ar, &v), ts, &v, "bad");
    wr_arena_free(&ar);
}

static void expect_why(wr_type t, wri_time_format tf, const char *text, size_t n, const char *want) {
    wr_field f = {"col", t, NULL};
    char why[WRI_WHY_MAX];
    wri_why(why, &f, tf, text, n);
    cr_expect_str_eq(why, want, "%s", why);
}
#define WHY(kind, text, want) expect_why(wr_type_of(WR_T_##kind), WRI_TIME_ISO, text, sizeof text - 1, want)

Test(convert, reasons) {
    WHY(INTEGER, "abc", "col: 'abc' is no INTEGER");
    WHY(INTEGER, "", "col: '' is no INTEGER");
    WHY(TINYINT, "300", "col: '300' is out of range for TINYINT");
    WHY(BIGINT, "1.5", "col: '1.5' is no whole number for BIGINT");
    WHY(VARCHAR, "a\xff", "col: 'a\\xff' is no UTF-8 text");
    WHY(VARBINARY, "*", "col: '*' is no base64 text");
    WHY(JSON, "{", "col: '{' is no JSON");
    WHY(TIMESTAMP, "yesterday", "col: 'yesterday' is no TIMESTAMP(3)");
    WHY(BOOLEAN, "a\nb\0c", "col: 'a\\x0ab\\x00c' is no BOOLEAN");
    WHY(DATE, "0123456789012345678901234567890123456789X",
        "col: '0123456789012345678901234567890123456789…' is no DATE");
    WHY(DATE, "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
        "col: '日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日…' is no "
        "DATE");
    expect_why((wr_type){.kind = WR_T_DECIMAL, .prec = 5, .scale = 2, .not_null = true}, WRI_TIME_ISO, "1e9",
               3, "col: '1e9' is out of range for DECIMAL(5,2)");
    expect_why(wr_type_of(WR_T_TIMESTAMP), WRI_TIME_EPOCH_MS, "2026", 4,
               "col: '2026' is no TIMESTAMP(3) as milliseconds since 1970");
}

Test(convert, base64_round_trip) {
    uint64_t seed = 41;
    for (size_t n = 0; n < 200; n++) {
        char bytes[200], text[300], back[300];
        for (size_t i = 0; i < n; i++) bytes[i] = (char)rnd(&seed);
        size_t len = wri_base64_write(bytes, n, text), got;
        cr_assert_eq(len, wri_base64_len(n));
        cr_assert(wri_base64_read(text, len, back, &got) && got == n && memcmp(back, bytes, n) == 0);
    }
}

Test(convert, json_check) {
    static const char *const good[] = {"0",
                                       "-0.5e+3",
                                       "\"\"",
                                       "\"\\u00e9\\n\"",
                                       "[]",
                                       "[[],{}]",
                                       " {\"a\":{\"b\":[1,null,true,false]}} ",
                                       "\"é\"",
                                       "{\"\":\"\"}",
                                       "1E5"};
    static const char *const bad[] = {"",           " ",    "01",      "-",           "1.",       ".5",
                                      "1e",         "\"",   "\"\\x\"", "\"\\u12g4\"", "\"\n\"",   "[",
                                      "]",          "[1,]", "[,1]",    "{\"a\"}",     "{\"a\":}", "{a:1}",
                                      "{\"a\":1,}", "{,}",  "[1}",     "{\"a\":1]",   "1 2",      "tru",
                                      "nul",        "NaN",  "'a'",     "\"\xff\"",    "\"\\",     "{\"a",
                                      "[1 2]",      "[]]",  "+1"};
    for (size_t i = 0; i < WR_LEN(good); i++)
        cr_expect(wri_json_valid(good[i], strlen(good[i])), "%s", good[i]);
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        size_t n = strlen(bad[i]);
        char *exact = wr_alloc(n); /* no byte behind it may be read */
        memcpy(exact, bad[i], n);
        cr_expect_not(wri_json_valid(exact, n), "%s", bad[i]);
        wr_free(exact);
    }
    char deep[1100];
    for (size_t depth = 510; depth <= 514; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        cr_expect_eq(wri_json_valid(deep, 2 * depth), depth <= 512, "%zu", depth);
    }
}
