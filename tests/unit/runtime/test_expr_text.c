/* tests/unit/runtime/test_expr_text.c -- text: LIKE, SUBSTRING and the other functions, casts, JSON. The
 * tables of the Kinesis SQL reference are here; every case runs on both evaluators. */
#include "expr_help.h"

#define S         xt(WR_T_VARCHAR)
#define I(v)      xi(WR_T_BIGINT, v)
#define like(...) xbool(LIKE, __VA_ARGS__)

Test(expr_text, like) {
    static const struct {
        const char *text, *pattern, *want;
    } cases[] = {
        {"a", "a", "1"},
        {"a", "b", "0"},
        {"a", "A", "0"},
        {"", "", "1"},
        {"", "%", "1"},
        {"", "_", "0"},
        {"a", "", "0"},
        {"abc", "a%", "1"},
        {"abc", "%c", "1"},
        {"abc", "%b%", "1"},
        {"abc", "%d%", "0"},
        {"abc", "a_c", "1"},
        {"abc", "a__c", "0"},
        {"abc", "___", "1"},
        {"abc", "_%", "1"},
        {"abc", "%_", "1"},
        {"aaab", "%ab", "1"},
        {"aXbXc", "a%b%c", "1"},
        {"abcbc", "a%bc", "1"},
        {"abab", "%ab%ab", "1"},
        {"ab", "%ab%ab", "0"},
        {"水曜日", "__日", "1"},
        {"水", "_", "1"},
        {"🙂!", "_!", "1"},
        {"é", "_", "1"},
        {"é", "__", "0"},
        {"a.b", "a.b", "1"},
        {"axb", "a.b", "0"},
        {"a long string that is not inline", "%string%inline", "1"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "%a%a%a%a%a%a%a%a%c", "0"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        xcheck(like(xs(cases[i].text), xs(cases[i].pattern)), cases[i].want);
        /* the pattern as a value that is no constant to the kernel */
        xcheck(like(xs(cases[i].text), xop(CONCAT, S, xs(cases[i].pattern), xs(""))), cases[i].want);
    }
}

Test(expr_text, like_escape) {
    xcheck(like(xs("50%"), xs("50!%"), xs("!")), "1");
    xcheck(like(xs("500"), xs("50!%"), xs("!")), "0");
    xcheck(like(xs("a_b"), xs("a!_b"), xs("!")), "1");
    xcheck(like(xs("axb"), xs("a!_b"), xs("!")), "0");
    xcheck(like(xs("a!b"), xs("a!!b"), xs("!")), "1");
    xcheck(like(xs("%x"), xs("é%%"), xs("é")), "1");
    xcheck(like(xs("x"), xs("x!"), xs("!")), "!in a LIKE pattern the escape");
    xcheck(like(xs("x"), xs("!x"), xs("!")), "!in a LIKE pattern the escape");
    xcheck(like(xs("x"), xs("x"), xs("!!")), "!the escape of LIKE must be one character");
    xcheck(like(xs("x"), xs("x"), xs("")), "!the escape of LIKE must be one character");
    xcheck(like(xnull(S), xs("x")), "NULL");
    xcheck(like(xs("x"), xnull(S)), "NULL");
}

Test(expr_text, substring_as_the_standard) {
    wr_expr *s = xs("123456789");
    xcheck(xfn("SUBSTRING", S, s, I(3)), "3456789");
    xcheck(xfn("SUBSTRING", S, s, I(17)), "");
    xcheck(xfn("SUBSTRING", S, s, I(-1)), "123456789");
    xcheck(xfn("SUBSTRING", S, s, I(6), I(0)), "");
    xcheck(xfn("SUBSTRING", S, s, I(8), I(20)), "89");
    xcheck(xfn("SUBSTRING", S, s, I(-1), I(4)), "12");
    xcheck(xfn("SUBSTRING", S, s, I(0), I(4)), "123");
    xcheck(xfn("SUBSTRING", S, s, I(INT64_MIN), I(INT64_MAX)), "");
    xcheck(xfn("SUBSTRING", S, s, I(2), I(INT64_MAX)), "23456789");
    xcheck(xfn("SUBSTRING", S, s, I(3), I(-1)), "!the length of a substring");
    xcheck(xfn("SUBSTRING", S, xs("水曜日は休み、とても長い文字列です"), I(2), I(2)), "曜日");
    xcheck(xfn("SUBSTRING", S, xnull(S), I(1)), "NULL");
}

Test(expr_text, overlay_position_trim) {
    wr_expr *s = xs("12345"), *foo = xs("foo");
    xcheck(xfn("OVERLAY", S, s, foo, I(1)), "foo45");
    xcheck(xfn("OVERLAY", S, s, foo, I(0)), "foo345");
    xcheck(xfn("OVERLAY", S, s, foo, I(-2)), "foo12345");
    xcheck(xfn("OVERLAY", S, s, foo, I(4)), "123foo");
    xcheck(xfn("OVERLAY", S, s, foo, I(17)), "12345foo");
    xcheck(xfn("OVERLAY", S, s, foo, I(2), I(0)), "1foo2345");
    xcheck(xfn("OVERLAY", S, s, foo, I(2), I(2)), "1foo45");
    xcheck(xfn("OVERLAY", S, s, foo, I(2), I(9)), "1foo");
    xcheck(xfn("OVERLAY", S, s, foo, I(2), I(-1)), "!the length of OVERLAY");
    xcheck(xfn("POSITION", xt(WR_T_BIGINT), xs("findme"), xs("1234findmeXXX")), "5");
    xcheck(xfn("POSITION", xt(WR_T_BIGINT), xs("findme"), xs("123not-here")), "0");
    xcheck(xfn("POSITION", xt(WR_T_BIGINT), xs(""), xs("abc")), "1");
    xcheck(xfn("POSITION", xt(WR_T_BIGINT), xs("日"), xs("水曜日")), "3");
    xcheck(xfn("LOCATE", xt(WR_T_BIGINT), xs("a"), xs("abcabc"), I(2)), "4");
    xcheck(xfn("INSTR", xt(WR_T_BIGINT), xs("abc"), xs("c")), "3");
    xcheck(xfn("TRIM", S, xs("  a b  ")), "a b");
    xcheck(xfn("LTRIM", S, xs("xxabcxx"), xs("x")), "abcxx");
    xcheck(xfn("RTRIM", S, xs("日abc日日"), xs("日")), "日abc");
    xcheck(xfn("TRIM", S, xs("   ")), "");
}

Test(expr_text, other_functions) {
    wr_type i = xt(WR_T_BIGINT), b = xt(WR_T_BOOLEAN);
    xcheck(xfn("UPPER", S, xs("straße und mehr")), "STRAẞE UND MEHR");
    xcheck(xfn("LOWER", S, xs("ABC-É")), "abc-é");
    xcheck(xfn("INITCAP", S, xs("each FIRST letter")), "Each First Letter");
    xcheck(xfn("CHAR_LENGTH", i, xs("水曜日")), "3");
    xcheck(xfn("OCTET_LENGTH", i, xs("水曜日")), "9");
    xcheck(xfn("CHAR_LENGTH", i, xsn("a\0b", 3)), "3");
    xcheck(xfn("CHAR_LENGTH", i, xcast(xt_len(WR_T_CHAR, 16), xs("fred"))), "16");
    xcheck(xfn("LEFT", S, xs("abcdef"), I(2)), "ab");
    xcheck(xfn("RIGHT", S, xs("abcdef"), I(2)), "ef");
    xcheck(xfn("RIGHT", S, xs("abc"), I(INT64_MAX)), "abc");
    xcheck(xfn("LEFT", S, xs("abc"), I(INT64_MIN)), "");
    xcheck(xfn("REPLACE", S, xs("a-b-c"), xs("-"), xs("--")), "a--b--c");
    xcheck(xfn("REPLACE", S, xs("abc"), xs(""), xs("x")), "abc");
    xcheck(xfn("TRANSLATE", S, xs("abcabc"), xs("ab"), xs("x")), "xcxc");
    xcheck(xfn("LPAD", S, xs("7"), I(3), xs("0")), "007");
    xcheck(xfn("RPAD", S, xs("ab"), I(7), xs("xyz")), "abxyzxy");
    xcheck(xfn("LPAD", S, xs("abcdef"), I(3)), "abc");
    xcheck(xfn("REPEAT", S, xs("ab"), I(3)), "ababab");
    xcheck(xfn("REPEAT", S, xs("ab"), I(1 << 30)), "!text longer than 16 MiB");
    xcheck(xfn("REVERSE", S, xs("aé水")), "水éa");
    xcheck(xfn("SPLIT_INDEX", S, xs("a,b,,c"), xs(","), I(3)), "c");
    xcheck(xfn("SPLIT_INDEX", S, xs("a,b,,c"), xs(","), I(2)), "");
    xcheck(xfn("SPLIT_INDEX", S, xs("a,b"), xs(","), I(2)), "NULL");
    xcheck(xfn("STARTS_WITH", b, xs("/cart/1"), xs("/cart")), "1");
    xcheck(xfn("ENDS_WITH", b, xs("a.png"), xs(".jpg")), "0");
    xcheck(xfn("CONCAT", S, xs("a"), xnull(S)), "NULL");
    xcheck(xfn("CONCAT_WS", S, xs(", "), xs("a"), xnull(S), xs("b")), "a, b");
    xcheck(xop(CONCAT, S, xs("a"), xs("b"), xs("cdefghijklmnop")), "abcdefghijklmnop");
    xcheck(xfn("ASCII", i, xs("é")), "233");
    xcheck(xfn("CHR", S, I(0x1F642)), "🙂");
    xcheck(xfn("CHR", S, I(0xD800)), "!no such character");
    xcheck(xfn("HEX", S, xs("az")), "617A");
    xcheck(xfn("HEX", S, I(-1)), "FFFFFFFFFFFFFFFF");
    xcheck(xfn("TO_BASE64", S, xs("light work.")), "bGlnaHQgd29yay4=");
    xcheck(xfn("FROM_BASE64", xt(WR_T_VARBINARY), xs("bGlnaHQgd29yay4=")), "light work.");
    xcheck(xfn("FROM_BASE64", xt(WR_T_VARBINARY), xs("b*")), "!'b*' is no base64 text");
    xcheck(xfn("CRC32", i, xs("123456789")), "3421780262");
}

Test(expr_text, functions_of_sqlite) {
    xcheck(xfn("SOUNDEX", S, xs("Robert")), "R163");
    xcheck(xfn("FORMAT", S, xs("%05.1f|%d|%s"), xd(3.14159), I(42), xs("x")), "003.1|42|x");
    wr_expr *price = I(1250);
    price->type = xt_dec(9, 2);
    xcheck(xfn("FORMAT", S, xs("%.2f"), price), "12.50");
    xcheck(xfn("JSON_ARRAY_WITH_NULLS", xt(WR_T_JSON), I(1), xi(WR_T_BOOLEAN, 1), xs("a"), xnull(S)),
           "[1,true,\"a\",null]");
    xcheck(xfn("JSON_OBJECT", xt(WR_T_JSON), xs("a"), price), "{\"a\":12.50}");
    xcheck(xfn("JSON_PATCH", xt(WR_T_JSON), xs("{\"a\":1}"), xs("{")), "!malformed JSON");
    /* an error of SQLite's own counts only where it is used */
    xcheck(xop(CASE, S, xi(WR_T_BOOLEAN, 0), xfn("JSON_PATCH", S, xs("{"), xs("{")), xs("ok")), "ok");
    xcheck(xbool(AND, xi(WR_T_BOOLEAN, 0), xbool(IS_NULL, xfn("JSON_PATCH", S, xs("{"), xs("{")))), "0");
}

Test(expr_text, json_by_path) {
    wr_expr *j = xs("{\"a\": {\"b\": [10, \"x\\u00e9\\n\", {\"c\": null}]}, \"t\": true, \"a b\": 1.5e3, "
                    "\"\\u0061x\": 7}");
    static const struct {
        const char *path, *value, *query;
    } cases[] = {
        {"$.a.b[0]", "10", "NULL"},   {"$.a.b[1]", "xé\n", "NULL"}, {"$.a.b[2].c", "NULL", "NULL"},
        {"$.a.b[3]", "NULL", "NULL"}, {"$.t", "true", "NULL"},      {"lax $.\"a b\"", "1.5e3", "NULL"},
        {"$['ax']", "7", "NULL"},     {"$.x.y", "NULL", "NULL"},    {"$.a.b[2]", "NULL", "{\"c\": null}"},
        {"$.t[0]", "true", "NULL"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        xcheck(xfn("JSON_VALUE", S, j, xs(cases[i].path)), cases[i].value);
        xcheck(xfn("JSON_QUERY", xt(WR_T_JSON), j, xs(cases[i].path)), cases[i].query);
    }
    xcheck(xfn("JSON_VALUE", S, xs("{\"a\":1"), xs("$.a")), "NULL");
    xcheck(xfn("JSON_VALUE", S, xs("{}"), xs("a")), "!'a' is no JSON path");
    xcheck(xfn("JSON_VALUE", S, xs("{}"), xs("$.a[")), "!'$.a[' is no JSON path");
    xcheck(xfn("JSON_EXTRACT", S, xs("[1"), xs("$")), "!'[1' is no JSON");
    xcheck(xfn("JSON_TYPE", S, xs("[1.0]"), xs("$[0]")), "real");
    xcheck(xfn("JSON_ARRAY_LENGTH", xt(WR_T_BIGINT), xs("[1, [2, 3], {\"a\":[]}]")), "3");
    xcheck(xfn("JSON_EXISTS", xt(WR_T_BOOLEAN), xs("{\"a\":null}"), xs("$.a")), "1");
    static const char *const good[] = {"1", " [ ] ", "-0.5e+3", "\"\\ud83d\\ude42\"", "{\"a\":{}}"},
                             *const bad[] = {"",    "01",      "[1,]", "{\"a\"}", "\"\t\"", "nul",
                                             "1 2", "\"\\x\"", "[",    "-",       "1."};
    for (size_t i = 0; i < WR_LEN(good); i++) xcheck(xfn("JSON_VALID", xt(WR_T_BOOLEAN), xs(good[i])), "1");
    for (size_t i = 0; i < WR_LEN(bad); i++) xcheck(xfn("JSON_VALID", xt(WR_T_BOOLEAN), xs(bad[i])), "0");
    char deep[1200];
    memset(deep, '[', sizeof deep);
    xcheck(xfn("JSON_VALID", xt(WR_T_BOOLEAN), xsn(deep, sizeof deep)), "0");
}

Test(expr_text, casts_from_text) {
    xcheck(xcast(xt(WR_T_INTEGER), xs(" 42 ")), "42");
    xcheck(xcast(xt(WR_T_INTEGER), xs("4x")), "!'4x' is no INTEGER");
    xcheck(xcast(xt(WR_T_TINYINT), xs("200")), "!TINYINT out of range");
    xcheck(xcast(xt(WR_T_BOOLEAN), xs("TrUe")), "1");
    xcheck(xcast(xt(WR_T_BOOLEAN), xs("maybe")), "!'maybe' is no BOOLEAN");
    xcheck(xcast(xt_dec(9, 2), xs("12.345")), "12.35");
    xcheck(xcast(xt(WR_T_DOUBLE), xs("1e3")), "1000.0");
    xcheck(xcast(xt(WR_T_DOUBLE), xs("nan")), "!'nan' is no DOUBLE");
    xcheck(xcast(xt(WR_T_TIMESTAMP), xs("2026-01-31 10:20:30.5")), "2026-01-31 10:20:30.500");
    xcheck(xcast(xt(WR_T_TIMESTAMP), xs("yesterday")), "!'yesterday' is no TIMESTAMP");
    xcheck(xop(TRY_CAST, xt(WR_T_INTEGER), xs("x")), "NULL");
    xcheck(xop(TRY_CAST, xt(WR_T_INTEGER), xcast(xt(WR_T_VARCHAR), xint(DIV, I(1), I(0)))),
           "!division by zero");
    xcheck(xcast(xt_len(WR_T_VARCHAR, 2), xs("水曜日")), "水曜");
    xcheck(xcast(xt_len(WR_T_CHAR, 4), xs("ab")), "ab  ");
}

Test(expr_text, casts_to_text) {
    xcheck(xcast(S, I(INT64_MIN)), "-9223372036854775808");
    xcheck(xcast(S, xi(WR_T_BOOLEAN, 1)), "TRUE");
    xcheck(xcast(S, xd(0.1)), "0.1");
    wr_expr *d = xcast(xt(WR_T_DATE), xs("2026-02-28"));
    xcheck(xcast(S, d), "2026-02-28");
    xcheck(xcast(xt_len(WR_T_VARCHAR, 9), d), "!text too long for the type");
    wr_expr *iv = xi(WR_T_INTERVAL_DAY, INT64_C(173171000000));
    xcheck(xcast(S, iv), "+2 00:06:11");
    xcheck(xcast(xt_len(WR_T_VARCHAR, 8), iv), "+2 00:06");
}

Test(expr_text, casts_among_numbers) {
    xcheck(xcast(xt(WR_T_INTEGER), xd(2.5)), "3");
    xcheck(xcast(xt(WR_T_INTEGER), xd(-2.5)), "-3");
    xcheck(xcast(xt(WR_T_INTEGER), xd(0.49999999999999994)), "0");
    xcheck(xcast(xt(WR_T_BIGINT), xd(4503599627370497.0)), "4503599627370497");
    xcheck(xcast(xt(WR_T_BIGINT), xd(9.3e18)), "!BIGINT out of range");
    xcheck(xcast(xt(WR_T_BIGINT), xd(__builtin_inf())), "!BIGINT out of range");
    xcheck(xcast(xt(WR_T_SMALLINT), I(40000)), "!SMALLINT out of range");
    xcheck(xcast(xt_dec(18, 3), xd(0.285)), "0.285");
    xcheck(xcast(xt_dec(18, 2), xd(1.005)), "1.01"); /* by its digits, not its bits */
    xcheck(xcast(xt_dec(4, 2), I(100)), "!DECIMAL out of range");
    wr_expr *m = I(-150);
    m->type = xt_dec(9, 2);
    xcheck(xcast(xt(WR_T_BIGINT), m), "-2");
    xcheck(xcast(xt(WR_T_DOUBLE), m), "-1.5");
    xcheck(xcast(xt_dec(9, 1), m), "-1.5");
    xcheck(xcast(xt(WR_T_REAL), xd(0.1)), "0.10000000149011612");
    xcheck(xcast(xt(WR_T_BOOLEAN), I(7)), "1");
}

Test(expr_text, numbers) {
    wr_type d = xt(WR_T_DOUBLE), i = xt(WR_T_BIGINT);
    xcheck(xfn("ROUND", d, xd(2.5)), "3.0");
    xcheck(xfn("ROUND", d, xd(-2.5)), "-3.0");
    xcheck(xfn("ROUND", d, xd(1.005), I(2)), "1.01");
    xcheck(xfn("ROUND", d, xd(1234.5), I(-2)), "1200.0");
    xcheck(xfn("TRUNCATE", d, xd(0.29), I(2)), "0.29");
    xcheck(xfn("TRUNCATE", d, xd(-1.999), I(1)), "-1.9");
    xcheck(xfn("ROUND", i, I(1250), I(-2)), "1300");
    xcheck(xfn("ROUND", i, I(INT64_MAX), I(-1)), "!BIGINT out of range");
    xcheck(xfn("ROUND", i, I(7), I(INT64_MIN)), "0");
    wr_expr *x = I(12345);
    x->type = xt_dec(9, 3);
    xcheck(xfn("ROUND", x->type, x, I(1)), "12.300");
    xcheck(xfn("ABS", i, I(INT64_MIN)), "!BIGINT out of range");
    xcheck(xfn("SIGN", x->type, x), "1.000");
    xcheck(xfn("FLOOR", d, xd(-3.3)), "-4.0");
    xcheck(xfn("LN", d, xd(0)), "!logarithm of");
    xcheck(xfn("LOG", d, xd(2), xd(8)), "3.0");
    xcheck(xfn("POWER", d, xd(0), xd(-1)), "!zero to a negative power");
    xcheck(xfn("POWER", d, xd(-8), xd(0.5)), "!a negative number to a fractional");
    xcheck(xfn("SQRT", d, xd(-1)), "!square root");
    xcheck(xfn("ACOS", d, xd(2)), "!not a number");
}
