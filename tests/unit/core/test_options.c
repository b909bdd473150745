/* Option tables: every type, every kind of mistake, and the suggestions. */
#include <criterion/criterion.h>

#include "core/core.h"

typedef struct opts {
    const char *path;
    char delimiter;
    bool header;
    int64_t rows;
    double rate;
    int64_t chunk;
    int64_t delay_us;
    int compression;
} opts;

#define AT(member) .offset = offsetof(opts, member)
static const wr_option table[] = {
    {"path", WR_OPT_STRING, AT(path), .required = true, .doc = "the file"},
    {"delimiter", WR_OPT_CHAR, AT(delimiter), .def = ","},
    {"header", WR_OPT_BOOL, AT(header), .def = "true"},
    {"rows", WR_OPT_INT, AT(rows), .min = 1, .max = 100},
    {"rate", WR_OPT_DOUBLE, AT(rate), .def = "0.5", .min = 0, .max = 10},
    {"chunk_bytes", WR_OPT_BYTES, AT(chunk), .def = "64KiB", .min = 1024, .max = INT64_MAX},
    {"delay", WR_OPT_DURATION, AT(delay_us), .def = "2s", .min = 1000, .max = 60000000},
    {"compression", WR_OPT_ENUM, AT(compression), .values = "auto|none|gzip|zstd", .def = "auto"},
};

static wr_status read_one(const char *key, const char *value, opts *o, wr_err *err) {
    wr_kv kvs[2] = {{"path", "x", 0}, {key, value, 0}};
    size_t at = 99;
    wr_status s = wr_options_read(table, WR_LEN(table), kvs, 2, NULL, o, sizeof *o, &at, err);
    cr_assert_eq(at, s == WR_OK ? 2 : 1);
    return s;
}

static void refused(const char *key, const char *value, const char *msg) {
    opts o;
    wr_err err = {0};
    cr_assert_eq(read_one(key, value, &o, &err), WR_EINVAL, "%s = %s was taken", key, value);
    cr_assert_eq(err.code, WR_EINVAL);
    cr_assert_str_eq(err.msg, msg);
}

Test(options, defaults) {
    opts o;
    memset(&o, 0xff, sizeof o);
    cr_assert_eq(read_one("PATH-", "", &o, NULL), WR_EINVAL);
    wr_kv kv = {"path", "a.json", 0};
    wr_err err;
    cr_assert_eq(wr_options_read(table, WR_LEN(table), &kv, 1, NULL, &o, sizeof o, NULL, &err), WR_OK);
    cr_assert_str_eq(o.path, "a.json");
    cr_assert_eq(o.delimiter, ',');
    cr_assert(o.header);
    cr_assert_eq(o.rows, 0);
    cr_assert_eq(o.rate, 0.5);
    cr_assert_eq(o.chunk, 65536);
    cr_assert_eq(o.delay_us, 2000000);
    cr_assert_eq(o.compression, 0);
}

Test(options, values) {
    opts o;
    wr_err err;
    cr_assert_eq(read_one("delimiter", "\\t", &o, &err), WR_OK);
    cr_assert_eq(o.delimiter, '\t');
    cr_assert_eq(read_one("header", "False", &o, &err), WR_OK);
    cr_assert_not(o.header);
    cr_assert_eq(read_one("rows", "100", &o, &err), WR_OK);
    cr_assert_eq(o.rows, 100);
    cr_assert_eq(read_one("RATE", "10", &o, &err), WR_OK);
    cr_assert_eq(o.rate, 10.0);
    cr_assert_eq(read_one("chunk-bytes", "1MiB", &o, &err), WR_OK);
    cr_assert_eq(o.chunk, 1 << 20);
    cr_assert_eq(read_one("compression", "ZSTD", &o, &err), WR_OK);
    cr_assert_eq(o.compression, 3);
}

Test(options, messages) {
    refused("header", "yes", "option 'header': found 'yes', expected true or false");
    refused("delimiter", ";;",
            "option 'delimiter': found ';;', expected one character of one byte (\\t for a tab)");
    refused("delimiter", "",
            "option 'delimiter': found '', expected one character of one byte (\\t for a tab)");
    refused("rows", "many", "option 'rows': found 'many', expected a whole number");
    refused("rows", "0", "option 'rows': found '0', expected 1 to 100");
    refused("rows", "101", "option 'rows': found '101', expected 1 to 100");
    refused("rate", "fast", "option 'rate': found 'fast', expected a number");
    refused("rate", "10.5", "option 'rate': found '10.5', expected 0 to 10");
    refused("chunk_bytes", "big",
            "option 'chunk_bytes': found 'big', expected a size like 512, 64KiB or 10MB");
    refused("chunk_bytes", "1023", "option 'chunk_bytes': found '1023', expected 1KiB or more");
    refused("delay", "2 weeks",
            "option 'delay': found '2 weeks', expected a duration like 50ms, 2 seconds, 1m or 1h");
    refused("delay", "2h", "option 'delay': found '2h', expected 1 ms to 1 min");
    refused("compression", "gz", "option 'compression': found 'gz', expected auto, none, gzip or zstd");
    refused("compresion", "gzip", "unknown option 'compresion'; did you mean 'compression'?");
    refused("zzz", "1",
            "unknown option 'zzz'; known options: path, delimiter, header, rows, rate, chunk_bytes, delay, "
            "compression");
    refused("path", "y", "option 'path' is given twice");
}

Test(options, long_and_odd_text_stays_one_short_line) {
    char value[400];
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = 0;
    memcpy(value + 59, "\xc3\xa9", 2); /* would be cut in two */
    value[3] = '\n';
    opts o;
    wr_err err;
    cr_assert_eq(read_one("header", value, &o, &err), WR_EINVAL);
    cr_assert_null(strchr(err.msg, '\n'));
    cr_assert(wr_utf8_valid(err.msg, strlen(err.msg)));
    cr_assert_lt(strlen(err.msg), 160);
}

Test(options, required) {
    opts o;
    size_t at = 99;
    wr_err err;
    wr_kv kv = {"rows", "5", 0};
    cr_assert_eq(wr_options_read(table, WR_LEN(table), &kv, 1, NULL, &o, sizeof o, &at, &err), WR_EINVAL);
    cr_assert_eq(at, 1);
    cr_assert_str_eq(err.msg, "option 'path' is missing: the file");
}

Test(options, unknown_keys_are_left_to_the_caller) {
    wr_kv kvs[] = {{"connector", "file", 0}, {"path", "x", 0}, {"format", "json", 0}, {"rows", "7", 0}};
    bool known[4] = {true, false, false, false}; /* the caller knows `connector` already */
    opts o;
    wr_err err;
    cr_assert_eq(wr_options_read(table, WR_LEN(table), kvs, 4, known, &o, sizeof o, NULL, &err), WR_OK);
    cr_assert(known[0] && known[1] && !known[2] && known[3]);
    cr_assert_eq(o.rows, 7);
    cr_assert_eq(wr_options_read(NULL, 0, kvs, 1, NULL, NULL, 0, NULL, &err), WR_EINVAL);
    cr_assert_str_eq(err.msg, "unknown option 'connector'; no options are known here");
}

Test(options, bytes) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"512", 512},
                {" 64 KiB ", 65536},
                {"10MB", 10000000},
                {"1.5k", 1536},
                {"2g", INT64_C(2) << 30},
                {"3 bytes", 3},
                {"9223372036854775807", INT64_MAX}};
    for (size_t i = 0; i < WR_LEN(good); i++) {
        int64_t v = -1;
        cr_assert_eq(wr_parse_bytes(good[i].text, &v, NULL), WR_OK, "%s", good[i].text);
        cr_assert_eq(v, good[i].value, "%s", good[i].text);
    }
    static const char *const bad[] = {"",
                                      " ",
                                      "k",
                                      "-1",
                                      "1..5k",
                                      "1.5",
                                      "1e3",
                                      "9223372036854775808",
                                      "9000000 TiB",
                                      "1 kk",
                                      "1k 2k",
                                      "0.00000000000000000000000000001k",
                                      "."};
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        int64_t v = -1;
        cr_assert_eq(wr_parse_bytes(bad[i], &v, NULL), WR_EINVAL, "%s", bad[i]);
        cr_assert_eq(v, 0);
    }
}

Test(options, durations) {
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"0", 0},          {"50ms", 50000},  {"2 minutes", 120000000}, {"5 SECONDS", 5000000},
                {"1.5s", 1500000}, {"1m", 60000000}, {"1h", 3600000000},       {"1 day", 86400000000},
                {"7us", 7}};
    for (size_t i = 0; i < WR_LEN(good); i++) {
        int64_t v = -1;
        cr_assert_eq(wr_parse_duration(good[i].text, &v, NULL), WR_OK, "%s", good[i].text);
        cr_assert_eq(v, good[i].us, "%s", good[i].text);
    }
    static const char *const bad[] = {"",    "5",       "0.5us",        "s",
                                      "-1s", "1 month", "300000 years", "9223372036854775807d"};
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        int64_t v = -1;
        cr_assert_eq(wr_parse_duration(bad[i], &v, NULL), WR_EINVAL, "%s", bad[i]);
    }
}

Test(options, nearest) {
    static const char *const names[] = {"path", "format", "connector", NULL, "compression"};
    cr_assert_str_eq(wr_nearest("pth", names, 5, sizeof names[0]), "path");
    cr_assert_str_eq(wr_nearest("PATH", names, 5, sizeof names[0]), "path");
    cr_assert_str_eq(wr_nearest("fromat", names, 5, sizeof names[0]), "format"); /* a swap is one step */
    cr_assert_str_eq(wr_nearest("conection", names, 5, sizeof names[0]), "connector");
    cr_assert_null(wr_nearest("xyz", names, 5, sizeof names[0]));
    cr_assert_null(wr_nearest("", names, 5, sizeof names[0]));
    cr_assert_null(wr_nearest("q", names, 5, sizeof names[0]));
    cr_assert_null(wr_nearest("path", names, 0, sizeof names[0]));
    char huge[200];
    memset(huge, 'p', sizeof huge);
    huge[sizeof huge - 1] = 0;
    cr_assert_null(wr_nearest(huge, names, 5, sizeof names[0]));
    cr_assert_str_eq(wr_nearest("hedaer", &table[0].name, WR_LEN(table), sizeof table[0]), "header");
}
