/* Values of each type, records and paths of the JSON decoder, as tables. Every case runs in every variant of
 * the scanner, once alone and once many times over, so that it is also met in a learnt layout by two cursors.
 */
#include <criterion/criterion.h>

#include "json_dump.h"

/* Decodes `copies` times the text; the dump of the first must be `want` (rows, then bad without position). */
static void expect(const json_run *base, const char *text, size_t len, const char *want) {
    const wri_json_scan *scans[4];
    size_t n_scans = json_scans(scans);
    for (size_t copies = 1; copies <= 1201; copies += 1200) {
        wr_buf in = {0}, rows = {0}, bads = {0};
        for (size_t i = 0; i < copies; i++) {
            cr_assert_eq(wr_buf_put(&in, text, len), WR_OK);
            if (len == 0 || text[len - 1] != '\n') cr_assert_eq(wr_buf_put(&in, "\n", 1), WR_OK);
        }
        for (size_t k = 0; k < n_scans; k++) {
            json_run r = *base;
            r.scan = scans[k];
            r.batch_rows = copies == 1 ? 10 : 64;
            json_out o;
            json_decode_text(&r, in.data, in.len, &o);
            cr_assert_eq(o.status, WR_OK);
            cr_assert(!o.broken_rule, "%s, %s: %s", scans[k]->name, text, o.broken_rule);
            rows.len = bads.len = 0;
            /* Take positions out of the bad lines, then each line must come once per copy. */
            char *save = NULL;
            for (char *line = strtok_r(o.text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *colon = strncmp(line, "bad ", 4) == 0 ? strchr(line, ':') : NULL;
                wr_buf *to = colon ? &bads : &rows;
                cr_assert_eq(wr_buf_printf(to, "%s%s\n", colon ? "bad" : "", colon ? colon : line), WR_OK);
            }
            cr_assert_eq(rows.len % copies, 0, "%s: %s", scans[k]->name, text);
            cr_assert_eq(bads.len % copies, 0, "%s: %s", scans[k]->name, text);
            size_t nr = rows.len / copies, nb = bads.len / copies;
            for (size_t i = 1; i < copies; i++) {
                cr_assert(nr == 0 || memcmp(rows.data, rows.data + i * nr, nr) == 0, "copy %zu of %s", i,
                          text);
                cr_assert(nb == 0 || memcmp(bads.data, bads.data + i * nb, nb) == 0, "copy %zu of %s", i,
                          text);
            }
            char got[4096];
            snprintf(got, sizeof got, "%.*s%.*s", (int)nr, nr ? rows.data : "", (int)nb, nb ? bads.data : "");
            cr_assert_str_eq(got, want, "%s, %zu copies of %s:\n got %s\nwant %s", scans[k]->name, copies,
                             text, got, want);
            wr_buf_free(&o.text);
        }
        wr_buf_free(&in);
        wr_buf_free(&rows);
        wr_buf_free(&bads);
    }
}

typedef struct value_case {
    const char *type, *json, *want; /* want: the value, or "!reason" (its beginning) */
    const char *format;
} value_case;

static const value_case values[] = {
    {"int", "0", "0"},
    {"int", "-0", "0"},
    {"int", "2147483647", "2147483647"},
    {"int", "-2147483648", "-2147483648"},
    {"int", "2147483648",
     "!v: 2147483648 is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "123.4", "!v: 123.4 is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "123.0", "123"},
    {"int", "1.5e1", "15"},
    {"int", "1e-1", "!v: 1e-1 is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "\"12\"", "12"},
    {"int", "\"-7\"", "-7"},
    {"int", "\"1\\u0032\"", "12"},
    {"int", "\"abc\"", "!v: 'abc' is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "\"\"", "!v: '' is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "true", "1"},
    {"int", "false", "0"},
    {"int", "null", "NULL"},
    {"int", "{}", "!v: {} is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"int", "[1]", "!v: [1] is no INTEGER; expected a whole number from -2147483648 to 2147483647"},
    {"tiny", "127", "127"},
    {"tiny", "-128", "-128"},
    {"tiny", "300", "!v: 300 is no TINYINT; expected a whole number from -128 to 127"},
    {"small", "32767", "32767"},
    {"small", "-32769", "!v: -32769 is no SMALLINT; expected a whole number from -32768 to 32767"},
    {"big", "9223372036854775807", "9223372036854775807"},
    {"big", "-9223372036854775808", "-9223372036854775808"},
    {"big", "1234567890123456", "1234567890123456"},
    {"big", "12345678901234567", "12345678901234567"},
    {"big", "-123456789012345", "-123456789012345"},
    {"big", "9223372036854775808",
     "!v: 9223372036854775808 is no BIGINT; expected a whole number from -9223372036854775808 to "
     "9223372036854775807"},
    {"dec52", "123.45", "12345"},
    {"dec52", "-0.5", "-50"},
    {"dec52", "7", "700"},
    {"dec52", "1.230", "123"},
    {"dec52", "1.234", "123"},
    {"dec52", "-1.235", "-124"},
    {"dec52", "999.995",
     "!v: 999.995 is no DECIMAL(5,2); expected a number of at most 3 digits before the point"},
    {"dec52", "1000", "!v: 1000 is no DECIMAL(5,2); expected a number of at most 3 digits before the point"},
    {"dec52", "999.99", "99999"},
    {"dec52", "\"3.10\"", "310"},
    {"dec18", "123456789012.345678", "123456789012345678"},
    {"double", "0", "0"},
    {"double", "-0", "-0"},
    {"double", "1.5", "1.5"},
    {"double", "-12.25", "-12.25"},
    {"double", "0.1", "0.10000000000000001"},
    {"double", "1e308", "1e+308"},
    {"double", "1e999", "!v: 1e999 is no DOUBLE; expected a number"},
    {"double", "4.9406564584124654e-324", "4.9406564584124654e-324"},
    {"double", "1e-400", "0"},
    {"double", "9007199254740993", "9007199254740992"},
    {"double", "9007199254740993.0000000000001", "9007199254740994"},
    {"double", "179769313486231580793e289", "!v: 179769313486231580793e289 is no DOUBLE; expected a number"},
    {"double", "\"2.5\"", "2.5"},
    {"double", "\"x\"", "!v: 'x' is no DOUBLE; expected a number"},
    {"double", "true", "1"},
    {"real", "0.1", "0.10000000149011612"},
    {"real", "16777217", "16777216"},
    {"real", "16777217.0000000001", "16777218"},
    {"real", "7.00649232162408535461e-46", "0"},
    {"real", "7.00649232162408535462e-46", "1.4012984643248171e-45"},
    {"real", "340282356779733661637539395458142568447", "3.4028234663852886e+38"},
    {"real", "340282356779733661637539395458142568448",
     "!v: 340282356779733661637539395458142568448 is no REAL; expected a number"},
    {"bool", "true", "1"},
    {"bool", "false", "0"},
    {"bool", "1", "1"},
    {"bool", "0", "0"},
    {"bool", "2", "!v: 2 is no BOOLEAN; expected true or false"},
    {"bool", "\"true\"", "1"},
    {"bool", "\"FALSE\"", "0"},
    {"bool", "\"yes\"", "1"},
    {"bool", "\"maybe\"", "!v: 'maybe' is no BOOLEAN; expected true or false"},
    {"text", "\"\"", ""},
    {"text", "\"twelve bytes\"", "twelve bytes"},
    {"text", "\"thirteen byte\"", "thirteen byte"},
    {"text", "\"0123456789012345678901234567890\"", "0123456789012345678901234567890"},
    {"text", "\"01234567890123456789012345678901\"", "01234567890123456789012345678901"},
    {"text", "\"a longer text that spans more than two vectors of thirty-two bytes, for the loop\"",
     "a longer text that spans more than two vectors of thirty-two bytes, for the loop"},
    {"text", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\x5c/\\x08\\x0c\\x0a\\x0d\\x09"},
    {"text", "\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80"},
    {"text", "\"\\u0000\"", "\\x00"},
    {"text", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80"},
    {"text", "\"a \\\\ in a text that is longer than what fits a vector of the scanner, 32 or 64 bytes\"",
     "a \\x5c in a text that is longer than what fits a vector of the scanner, 32 or 64 bytes"},
    {"text", "12.50", "12.50"},
    {"text", "true", "true"},
    {"text", "{\"a\": [1, 2]}", "{\"a\": [1, 2]}"},
    {"text", "[ ]", "[ ]"},
    {"text", "null", "NULL"},
    {"text5", "\"abcdef\"", "abcde"},
    {"text5", "\"\xc3\xa9\xc3\xa9\xc3\xa9\"", "\\xc3\\xa9\\xc3\\xa9\\xc3\\xa9"},
    {"text5", "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"",
     "\\xc3\\xa9\\xc3\\xa9\\xc3\\xa9\\xc3\\xa9\\xc3\\xa9"},
    {"text5", "1234567", "12345"},
    {"char3", "\"\\u00e9bcd\"", "\\xc3\\xa9bc"},
    {"json", "\"a\\n\"", "\"a\\x5cn\""},
    {"json", "{\"b\":null}", "{\"b\":null}"},
    {"json", "1e5", "1e5"},
    {"json", "null", "NULL"},
    {"bytes", "\"aGVsbG8=\"", "hello"},
    {"bytes", "\"aGVsbG8\"", "hello"},
    {"bytes", "\"aGVsbG8h\"", "hello!"},
    {"bytes", "\"aA==\"", "h"},
    {"bytes", "\"\\/\\/8=\"", "\\xff\\xff"},
    {"bytes", "\"\"", ""},
    {"bytes", "\"a\"", "!v: 'a' is no VARBINARY; expected base64 text"},
    {"bytes", "\"aG=V\"", "!v: 'aG=V' is no VARBINARY; expected base64 text"},
    {"bytes", "1", "!v: 1 is no VARBINARY; expected base64 text"},
    {"bytes4", "\"aGVsbA==\"", "hell"},
    {"bytes4", "\"aGVsbG8=\"", "hell"},
    {"interval", "\"+2 00:06:11.5\"", "173171500000"},
    {"interval", "\"2\"",
     "!v: '2' is no INTERVAL DAY TO SECOND; expected an interval like \"+2 23:59:59.999\""},
    {"double", "\"NaN\"", "NULL"},
    {"double", "\" 1.5 \"", "1.5"},
    {"date", "true", "!v: true is no DATE; expected a date like \"2026-01-31\""},
    {"time", "1", "!v: 1 is no TIME(3); expected a time like \"23:59:59.999\""},
    {"date", "\"2026-02-28\"", "1772236800000000"},
    {"date", "\"2026-02-29\"", "!v: '2026-02-29' is no DATE; expected a date like \"2026-01-31\""},
    {"date", "20260228", "!v: 20260228 is no DATE; expected a date like \"2026-01-31\""},
    {"time", "\"23:59:59.9999\"", "86399999000"},
    {"time", "\"25:00:00\"", "!v: '25:00:00' is no TIME(3); expected a time like \"23:59:59.999\""},
    {"ts", "\"2026-01-01T00:00:00.123Z\"", "1767225600123000"},
    {"ts", "\"2026-01-01 00:00:00.123\"", "1767225600123000"},
    {"ts", "\"2026-01-01T00:00:00Z\"", "1767225600000000"},
    {"ts", "\"2026-01-01 00:00:00\"", "1767225600000000"},
    {"ts", "\"2026-01-01T00:00:00.1\"", "1767225600100000"},
    {"ts", "\"2026-01-01T00:00:00.123456Z\"", "1767225600123000"},
    {"ts", "\"2026-01-01T00:00:00.123456789Z\"", "1767225600123000"},
    {"ts6", "\"2026-01-01T00:00:00.123456789Z\"", "1767225600123456"},
    {"ts6", "\"2026-01-01T00:00:00.12345Z\"", "1767225600123450"},
    {"ts0", "\"2026-01-01T00:00:59.999Z\"", "1767225659000000"},
    {"ts", "\"2026-01-01T02:00:00+02:00\"", "1767225600000000"},
    {"ts", "\"2026-01-01T00:00\"", "1767225600000000"},
    {"ts", "\"2026-01-01\"", "1767225600000000"},
    {"ts", "\"1969-12-31T23:59:59.9999Z\"", "-1000"},
    {"ts", "\"2026-01-01T00:00:60Z\"",
     "!v: '2026-01-01T00:00:60Z' is no TIMESTAMP(3); expected a time like \"2026-01-31T23:59:59.999Z\" (or "
     "set "
     "timestamp_format)"},
    {"ts", "\"2026-02-30T00:00:00Z\"",
     "!v: '2026-02-30T00:00:00Z' is no TIMESTAMP(3); expected a time like \"2026-01-31T23:59:59.999Z\" (or "
     "set "
     "timestamp_format)"},
    {"ts", "\"2026-01-01T00:00:00.Z\"",
     "!v: '2026-01-01T00:00:00.Z' is no TIMESTAMP(3); expected a time like \"2026-01-31T23:59:59.999Z\" (or "
     "set "
     "timestamp_format)"},
    {"ts", "1767225600",
     "!v: 1767225600 is a number, but timestamp_format = 'iso' expects text like "
     "\"2026-01-31T23:59:59.999Z\"; set "
     "timestamp_format to epoch_s, epoch_ms or epoch_us"},
    {"ts", "1767225600", "1767225600000000", "epoch_s"},
    {"ts", "1767225600.1239", "1767225600123000", "epoch_s"},
    {"ts", "-0.0001", "-1000", "epoch_s"},
    {"ts", "1.7672256e9", "1767225600000000", "epoch_s"},
    {"ts", "\"1767225600\"", "1767225600000000", "epoch_s"},
    {"ts", "1767225600123", "1767225600123000", "epoch_ms"},
    {"ts0", "1767225600123", "1767225600000000", "epoch_ms"},
    {"ts", "-1", "-1000", "epoch_ms"},
    {"ts6", "1767225600123456", "1767225600123456", "epoch_us"},
    {"ts6", "1.5", "1", "epoch_us"},
    {"ts6", "-1.5", "-2", "epoch_us"},
    {"ts6", "9223372036854775807", "4611686018427387904", "epoch_us"},
    {"ts6", "-99999999999999999999", "-4611686018427387904", "epoch_us"},
    {"ts", "\"2026-01-01T00:00:00Z\"",
     "!v: '2026-01-01T00:00:00Z' is no TIMESTAMP(3); expected a number, as timestamp_format says",
     "epoch_ms"},
    {"ts", "true", "!v: true is no TIMESTAMP(3); expected a number, as timestamp_format says", "epoch_ms"},
};

Test(json_values, of_each_type) {
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const value_case *c = &values[i];
        wr_arena ar = {0};
        char schema[64], text[512], want[512];
        snprintf(schema, sizeof schema, "id int, v %s", c->type);
        wr_schema s = json_schema(schema, &ar);
        json_run r = {.schema = &s, .timestamp_format = c->format};
        snprintf(text, sizeof text, "{\"id\":1,\"v\":%s}", c->json);
        if (c->want[0] == '!') snprintf(want, sizeof want, "bad: %s\n", c->want + 1);
        else snprintf(want, sizeof want, "1|%s\n", c->want);
        expect(&r, text, strlen(text), want);
        snprintf(text, sizeof text, " { \"v\" : %s , \"id\" : 1 } ", c->json);
        expect(&r, text, strlen(text), want);
        wr_arena_free(&ar);
    }
}

typedef struct record_case {
    const char *text, *want;
} record_case;

#define REC(s) s

/* Columns a INTEGER, b VARCHAR. */
static const record_case records[] = {
    {"{\"a\":1,\"b\":\"x\"}", "1|x\n"},
    {"{\"b\":\"x\",\"a\":1}", "1|x\n"},
    {"{\"a\":1}", "1|NULL\n"},
    {"{}", "NULL|NULL\n"},
    {"{ }", "NULL|NULL\n"},
    {"{\"a\":1,\"zz\":[1,{\"q\":\"\\u0041\"},null,true,-1.5e+3],\"b\":\"x\"}", "1|x\n"},
    {"{\"a\":1,\"a\":2}", "2|NULL\n"},
    {"{\"a\":null,\"a\":2,\"b\":\"x\",\"b\":null}", "2|NULL\n"},
    {"{\"a\":2,\"a\":null}", "NULL|NULL\n"},
    {"{\"\\u0061\":5,\"b\":\"\"}", "5|\n"},
    {"{\"a\":1}{\"a\":2}", "1|NULL\n2|NULL\n"},
    {"{\"a\":1} {\"a\":2}\t{\"a\":3}", "1|NULL\n2|NULL\n3|NULL\n"},
    {"[{\"a\":1},{\"a\":2}]", "1|NULL\n2|NULL\n"},
    {"[ ] [{\"a\":7} ]{\"a\":8}", "7|NULL\n8|NULL\n"},
    {"{\"a\":1,\"b\":\"x\"}\r", "1|x\n"},
    {"", ""},
    {"   \t \r", ""},
    {"{\"a\":1,\"b\":\"x\"", "bad: byte 14: the record ends where ',' or '}' is expected\n"},
    {"{\"a\":1,\"b\":\"x", "bad: byte 13: the record ends inside a string\n"},
    {"{\"a\":1,}", "bad: byte 7: expected a member name in double quotes, found '}'\n"},
    {"{\"a\" 1}", "bad: byte 5: expected ':', found '1'\n"},
    {"{\"a\":01}", "bad: byte 5: a number does not begin with 0\n"},
    {"{\"a\":1.}", "bad: byte 7: expected a digit, found '}'\n"},
    {"{\"a\":-}", "bad: byte 6: expected a digit, found '}'\n"},
    {"{\"a\":1e}", "bad: byte 7: expected a digit, found '}'\n"},
    {"{\"a\":+1}", "bad: byte 5: expected a value, found '+'\n"},
    {"{\"a\":.5}", "bad: byte 5: expected a value, found '.'\n"},
    {"{\"a\":nul}", "bad: byte 5: expected a value, found 'n'\n"},
    {"{\"a\":truex}", "bad: byte 9: expected ',' or '}', found 'x'\n"},
    {"{\"a\":1 2}", "bad: byte 7: expected ',' or '}', found '2'\n"},
    {"{\"zz\":01,\"a\":1}", "bad: byte 6: a number does not begin with 0\n"},
    {"{\"zz\":[1,],\"a\":1}", "bad: byte 9: expected a value, found ']'\n"},
    {"{\"zz\":[1 2],\"a\":1}", "bad: byte 9: expected ',' or ']', found '2'\n"},
    {"{\"zz\":{\"x\"},\"a\":1}", "bad: byte 10: expected ':', found '}'\n"},
    {"{\"zz\":{\"x\":1,},\"a\":1}", "bad: byte 13: expected a member name in double quotes, found '}'\n"},
    {"{\"zz\":[1}},\"a\":1}", "bad: byte 8: expected ',' or ']', found '}'\n"},
    {"{\"zz\":\"\x01\",\"a\":1}", "bad: byte 7: control byte 0x01 in a string; write \\u0001\n"},
    {"{\"b\":\"a\tb\"}", "bad: byte 7: control byte 0x09 in a string; write \\u0009\n"},
    {"{\"b\":\"\\x\"}", "bad: byte 7: expected one of \" \\ / b f n r t u behind a backslash, found 'x'\n"},
    {"{\"b\":\"\\u12g4\"}", "bad: byte 6: \\u needs four hexadecimal digits\n"},
    {"{\"b\":\"\\ud800\"}", "bad: byte 6: half of a surrogate pair\n"},
    {"{\"b\":\"\\udc00\"}", "bad: byte 6: half of a surrogate pair\n"},
    {"{\"b\":\"\\ud800\\u0041\"}", "bad: byte 6: half of a surrogate pair\n"},
    {"{\"b\":\"\xff\"}", "bad: byte 6: byte 0xff is no UTF-8\n"},
    {"{\"b\":\"\xc3(\"}", "bad: byte 6: byte 0xc3 is no UTF-8\n"},
    {"{\"b\":\"\xed\xa0\x80\"}", "bad: byte 6: byte 0xed is no UTF-8\n"},
    {"{\"b\":\"\xc0\x80\"}", "bad: byte 6: byte 0xc0 is no UTF-8\n"},
    {"{\"b\":\"\xf4\x90\x80\x80\"}", "bad: byte 6: byte 0xf4 is no UTF-8\n"},
    {"{\"zz\":\"\xe2\x82\",\"a\":1}", "bad: byte 7: byte 0xe2 is no UTF-8\n"},
    {"{\"\x80\":1,\"a\":1}", "bad: byte 2: byte 0x80 is no UTF-8\n"},
    {"\xef\xbb\xbf{\"a\":1}", "bad: byte 0: expected a value, found byte 0xef\n"},
    {"123", "bad: expected an object, found 123\n"},
    {"\"x\" {\"a\":1}", "1|NULL\nbad: expected an object, found \"x\"\n"},
    {"nonsense", "bad: byte 0: expected a value, found 'n'\n"},
    {"{\"a\":1} x {\"a\":2}", "1|NULL\nbad: byte 0: expected a value, found 'x'\n"},
    {"{\"a\":\"x\"} {\"a\":2}",
     "2|NULL\nbad: a: 'x' is no INTEGER; expected a whole number from -2147483648 to 2147483647\n"},
    {"{\"a\":\"x\",} {\"a\":2}", "bad: byte 9: expected a member name in double quotes, found '}'\n"},
    {"[{\"a\":1},2,{\"a\":3}]", "1|NULL\n3|NULL\nbad: expected an object, found 2\n"},
    {"[{\"a\":1}",
     "1|NULL\nbad: byte 0: the record ends where ',' or ']' of an array of records is expected\n"},
    {"{\"a\":\"\\ud83d\\ude00 and more than forty bytes of text, quite some\"}",
     "bad: a: '\\ud83d\\ude00 and more than forty bytes o…' is no INTEGER; expected a whole number from "
     "-2147483648 to 2147483647\n"},
    {"[{\"a\":1} {\"a\":2}]", "1|NULL\nbad: byte 0: expected ',' or ']' of an array of records, found '{'\n"},
    {"{\"a\":1,\"a\":\"x\"}",
     "bad: a: 'x' is no INTEGER; expected a whole number from -2147483648 to 2147483647\n"},
};

Test(json_values, records) {
    wr_arena ar = {0};
    wr_schema s = json_schema("a int, b text", &ar);
    json_run r = {.schema = &s};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        expect(&r, records[i].text, strlen(records[i].text), records[i].want);
    wr_arena_free(&ar);
}

typedef struct path_case {
    const char *schema, *text, *want;
} path_case;

static const path_case paths[] = {
    {"x int@$.a.b", "{\"a\":{\"b\":1,\"c\":2}}", "1\n"},
    {"x int@$.a.b", "{\"a\":{\"c\":2}}", "NULL\n"},
    {"x int@$.a.b", "{\"a\":5}", "NULL\n"},
    {"x int@$.a.b", "{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "NULL\n"},
    {"x int@$.a.b", "{\"a\":{\"b\":1},\"a\":5}", "NULL\n"},
    {"x int@$.a.b", "{\"a\":{},\"a\":{\"b\":4}}", "4\n"},
    {"x int@$['a']['b c']", "{\"a\":{\"b c\":3}}", "3\n"},
    {"x int@$.i[1].p,y text@$.i[0],z json@$.i", "{\"i\":[7,{\"p\":8}]}", "8|7|[7,{\"p\":8}]\n"},
    {"x int@$.i[1].p", "{\"i\":[7]}", "NULL\n"},
    {"x int@$.i[1].p", "{\"i\":{\"p\":1}}", "NULL\n"},
    {"x text@$.i[0:]", "{\"i\":[1,2]}", "[1,2]\n"},
    {"x text@$.i[*]", "{\"i\":[1,2]}", "[1,2]\n"},
    {"x json@$", "{\"i\":[1,2]} {\"k\": 1}", "{\"i\":[1,2]}\n{\"k\": 1}\n"},
    {"a int,x int@$.a", "{\"a\":3}", "3|3\n"},
    {"a.b int", "{\"a.b\":3}", "3\n"},
    {"x int@$.a_name_that_is_longer_than_two_vectors_of_thirty_two_bytes_each_by_far_and_away",
     "{\"a_name_that_is_longer_than_two_vectors_of_thirty_two_bytes_each_by_far_and_away\":4}", "4\n"},
    {"x int@$.a.b.c,y int@$.a.d", "{\"a\":{\"z\":{\"b\":1},\"b\":{\"c\":2},\"d\":3}}", "2|3\n"},
    {"x int@$.a.b.c,y int@$.a.d", "{\"a\":{\"b\":{\"c\":2},\"d\":3},\"a\":{\"d\":4}}", "NULL|4\n"},
    {"x int@$.a.b.c,y text@$.a.b", "{\"a\":{\"b\":{\"c\":2}}}", "2|{\"c\":2}\n"},
    {"x int@$.a.b,y int", "{\"a\":{\"\\u0062\":1},\"y\":2}", "1|2\n"},
    {"n text,x int@$.i[*].x,y text@$.i[0:].y", "{\"i\":[{\"x\":1,\"y\":\"p\"},{\"x\":2},{}],\"n\":\"q\"}",
     "q|1|p\nq|2|NULL\nq|NULL|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"n\":\"q\",\"i\":[]}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"n\":\"q\"}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"n\":\"q\",\"i\":7}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"n\":\"q\",\"i\":{\"x\":1}}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"i\":[{\"y\":1},2],\"n\":\"q\"}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"i\":[{\"x\":1}],\"n\":\"q\",\"i\":[{\"x\":5},{\"x\":6}]}", "q|5\nq|6\n"},
    {"n text,x int@$.i[*].x", "{\"i\":[{\"x\":1}],\"n\":\"q\",\"i\":null}", "q|NULL\n"},
    {"n text,x int@$.i[*].x", "{\"i\":[ {\"x\":1} , {\"x\":null} ],\"n\":null}", "NULL|1\nNULL|NULL\n"},
    {"n text,x tiny@$.i[*].x", "{\"i\":[{\"x\":1},{\"x\":300}],\"n\":\"q\"}",
     "bad: x: 300 is no TINYINT; expected a whole number from -128 to 127\n"},
    {"n text,x int@$.a.i[*].x.z", "{\"a\":{\"i\":[{\"x\":{\"z\":1}},{\"x\":{\"z\":2}}]},\"n\":\"\\u0041\"}",
     "A|1\nA|2\n"},
    {"a int!,b int", "{\"b\":1}", "bad: a: missing, but the column is NOT NULL\n"},
    {"a int!,b int", "{\"a\":null}", "bad: a: null, but the column is NOT NULL\n"},
    {"a int!,b int", "{\"a\":2}", "2|NULL\n"},
    {"x int!@$.a.b", "{\"a\":{}}", "bad: x: missing, but the column is NOT NULL\n"},
};

Test(json_values, paths) {
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        wr_arena ar = {0};
        wr_schema s = json_schema(paths[i].schema, &ar);
        json_run r = {.schema = &s};
        expect(&r, paths[i].text, strlen(paths[i].text), paths[i].want);
        wr_arena_free(&ar);
    }
}

static const record_case wrong_paths[] = {
    {"x int@a.b", "column x: path 'a.b', byte 1: a path begins with '$'"},
    {"x int@$a", "column x: path '$a', byte 2: expected '.' or '['"},
    {"x int@$.a..b", "column x: path '$.a..b', byte 5: expected a name behind '.'"},
    {"x int@$.a[x]", "column x: path '$.a[x]', byte 4: expected [3], [0:], [*] or ['name']"},
    {"x int@$.a['b", "column x: path '$.a['b', byte 4: the quoted name does not end in a quote and ']'"},
    {"x int@$.a[*].b,y int@$.c[*].d", "column y: path '$.c[*].d', byte 4: only one array can be flattened in "
                                      "a stream; read the other as JSON text"},
    {"x int@$.a[*].b[*].c", "column x: path '$.a[*].b[*].c', byte 9: only one array can be flattened in a "
                            "stream; read the other as JSON "
                            "text"},
};

Test(json_values, wrong_paths) {
    for (size_t i = 0; i < sizeof wrong_paths / sizeof wrong_paths[0]; i++) {
        wr_arena ar = {0};
        wr_schema s = json_schema(wrong_paths[i].text, &ar);
        wr_decode_cfg cfg = {.schema = &s};
        wr_decoder *d;
        wr_err err;
        cr_assert_lt(wr_format_json.open_decoder(&cfg, &d, &err), 0, "%s", wrong_paths[i].text);
        cr_assert_null(d);
        cr_expect_str_eq(err.msg, wrong_paths[i].want);
        wr_arena_free(&ar);
    }
}
