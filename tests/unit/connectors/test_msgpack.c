/* MessagePack: round trips, every kind of value into every kind of column, broken bytes, cuts at every byte.
 */
#include <math.h>
#include <msgpack.h>

#include "tests/unit/connectors/formats.h"

extern const wr_format_def wr_format_msgpack;
static const wr_format_def *const mp = &wr_format_msgpack;

static void encode(const wr_schema *sc, const wr_kv *kv, size_t n_kv, const wr_batch *b, wr_buf *out) {
    wr_encode_cfg cfg = {.schema = sc, .options = kv, .n_options = n_kv};
    wr_encoder *e;
    wr_err err;
    cr_assert_eq(mp->open_encoder(&cfg, &e, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(mp->encode(e, b, out, &err), WR_OK);
    mp->close_encoder(e);
}

static const wr_kv kvs[][2] = {{{"layout", "map", 0}, {"timestamp_format", "iso", 0}},
                               {{"layout", "array", 0}, {"timestamp_format", "ext", 0}},
                               {{"layout", "map", 0}, {"timestamp_format", "epoch_s", 0}},
                               {{"layout", "array", 0}, {"timestamp_format", "epoch_us", 0}},
                               {{"layout", "map", 0}, {"timestamp_format", "epoch_ms", 0}}};

Test(msgpack, round_trip) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 11;
    for (int round = 0; round < 50; round++) {
        const wr_kv *kv = kvs[(size_t)round % WR_LEN(kvs)];
        wr_batch *b = random_batch(&sc, round % 10 == 9 ? 900 : 33, &seed);
        wr_buf text = {0};
        encode(&sc, kv, 2, b, &text);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, kv, 2, &log);
        bool dict[WR_LEN(all_types)] = {true}; /* the first column is text */
        cfg.want_dict = round % 2 ? dict : NULL;
        cfg.batch_rows = round % 3 ? 16 : 4096;
        wr_decoder *d;
        wr_batches l = {0};
        cr_assert_eq(mp->open_decoder(&cfg, &d, NULL), WR_OK);
        decode_text(mp, d, text.data, text.len, 0, &l);
        cr_assert_eq(log.n, 0, "%s", log.why);
        cr_assert_eq(batches_rows(&l), b->n);
        expect_rows(&sc, &l, b, 0);
        cr_assert_eq(expect_codes(&l, 0), round % 2 ? b->n : 0);
        cr_assert_eq(expect_codes(&l, 9), 0);
        batches_free(&l);
        mp->close_decoder(d);
        wr_batch_drop(b);
        wr_buf_free(&text);
    }
}

Test(msgpack, cut_everywhere) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 12;
    for (size_t k = 0; k < WR_LEN(kvs); k++) {
        wr_batch *b = random_batch(&sc, 5, &seed);
        wr_buf text = {0};
        encode(&sc, kvs[k], 2, b, &text);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, kvs[k], 2, &log);
        wr_decoder *d;
        cr_assert_eq(mp->open_decoder(&cfg, &d, NULL), WR_OK);
        size_t before = 0;
        uint32_t rows = 0;
        for (size_t cut = 0; cut <= text.len; cut++) {
            uint64_t state = 0;
            char *exact = wr_alloc(cut);
            memcpy(exact, text.data, cut);
            size_t n = mp->frame(exact, cut, false, &state);
            wr_free(exact);
            cr_assert(n <= cut && n >= before);
            if (n == before) continue;
            wr_batches l = {0};
            decode_text(mp, d, text.data + before, n - before, (int64_t)before, &l);
            cr_assert_eq(batches_rows(&l), 1); /* an object ends at each place where framing grows */
            expect_rows(&sc, &l, b, rows++);
            cr_assert_eq(l.items[0]->pos, (int64_t)before);
            batches_free(&l);
            before = n;
        }
        cr_assert_eq(before, text.len);
        cr_assert_eq(rows, b->n);
        cr_assert_eq(log.n, 0);
        /* Cut off in the middle, and nothing follows: the rest is one bad record. */
        wr_batches l = {0};
        decode_text(mp, d, text.data, text.len - 1, 0, &l);
        cr_expect_eq(batches_rows(&l), b->n - 1);
        cr_expect_eq(log.n, 1);
        cr_expect(strstr(log.why, "cut off"), "%s", log.why);
        batches_free(&l);
        mp->close_decoder(d);
        wr_batch_drop(b);
        wr_buf_free(&text);
    }
}

/* ---- hand-made objects ---- */

static void decode_packed(const wr_schema *sc, const wr_kv *kv, size_t n_kv, const char *p, size_t n,
                          wr_batches *l, bad_log *log) {
    wr_decode_cfg cfg = decode_cfg(sc, kv, n_kv, log);
    wr_decoder *d;
    wr_err err = {0};
    cr_assert_eq(mp->open_decoder(&cfg, &d, &err), WR_OK, "%s", err.msg);
    decode_text(mp, d, p, n, 0, l);
    mp->close_decoder(d);
}

/* One column of type t from the one value at p: "NULL", "bad" or the value as text. */
static void expect_value(wr_type t, const wr_kv *kv, size_t n_kv, const char *p, size_t n, const char *want) {
    wr_field f = {"v", t, NULL};
    wr_schema sc = {1, &f};
    char object[256], got[256] = "?";
    cr_assert_lt(n + 3, sizeof object);
    memcpy(object, "\x81\xa1v", 3);
    memcpy(object + 3, p, n);
    wr_batches l = {0};
    bad_log log = {0};
    decode_packed(&sc, kv, n_kv, object, n + 3, &l, &log);
    if (log.n) snprintf(got, sizeof got, "bad");
    else {
        const wr_col *c = &l.items[0]->cols[0];
        if (wr_is_null(c, 0)) snprintf(got, sizeof got, "NULL");
        else if (c->phys == WR_STR)
            snprintf(got, sizeof got, "%.*s", (int)c->str[0].len, wr_str_data(&c->str[0]));
        else if (c->phys == WR_F64) snprintf(got, sizeof got, "%.17g", c->f64[0]);
        else snprintf(got, sizeof got, "%" PRId64, c->i64[0]);
    }
    char type[64];
    cr_expect_str_eq(got, want, "%s: '%s' instead of '%s' (%s)", wr_type_print(t, type, sizeof type), got,
                     want, log.why);
    batches_free(&l);
}
#define VALUE(kind, bytes, want) expect_value(wr_type_of(WR_T_##kind), NULL, 0, bytes, sizeof bytes - 1, want)

Test(msgpack, values) {
    VALUE(BIGINT, "\xc0", "NULL");
    VALUE(BIGINT, "\x07", "7");
    VALUE(BIGINT, "\xff", "-1");
    VALUE(BIGINT, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807");
    VALUE(BIGINT, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "bad");
    VALUE(DOUBLE, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "9.2233720368547758e+18");
    VALUE(VARCHAR, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "9223372036854775808");
    VALUE(VARBINARY, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "bad");
    VALUE(BIGINT, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    VALUE(TINYINT, "\xcc\x80", "bad");
    VALUE(TINYINT, "\xd0\x80", "-128");
    VALUE(SMALLINT, "\xd1\x80\x00", "-32768");
    VALUE(SMALLINT, "\xcd\x80\x00", "bad");
    VALUE(INTEGER, "\xce\x7f\xff\xff\xff", "2147483647");
    VALUE(INTEGER, "\xd2\x80\x00\x00\x00", "-2147483648");
    VALUE(INTEGER, "\xcb\x40\x08\x00\x00\x00\x00\x00\x00", "3");
    VALUE(INTEGER, "\xcb\x40\x08\x00\x00\x00\x00\x00\x01", "bad");
    VALUE(INTEGER,
          "\xa2"
          "42",
          "42");
    VALUE(INTEGER,
          "\xa2"
          "4x",
          "bad");
    VALUE(INTEGER, "\xc3", "1");
    VALUE(BOOLEAN, "\xc3", "1");
    VALUE(BOOLEAN, "\x00", "0");
    VALUE(BOOLEAN,
          "\xa5"
          "false",
          "0");
    VALUE(DOUBLE, "\xca\x3f\xc0\x00\x00", "1.5");
    VALUE(DOUBLE, "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "NULL");
    VALUE(REAL, "\xcb\x7f\xef\xff\xff\xff\xff\xff\xff", "bad");
    VALUE(DOUBLE, "\x05", "5");
    VALUE(DECIMAL, "\xcb\x40\x08\x00\x00\x00\x00\x00\x00", "3");
    VALUE(VARCHAR, "\xa0", "");
    VALUE(VARCHAR, "\x05", "5");
    VALUE(VARCHAR, "\xc2", "false");
    VALUE(VARCHAR, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5");
    VALUE(VARCHAR, "\xa1\xff", "bad");
    VALUE(VARCHAR, "\xc4\x02hi", "hi");
    VALUE(VARBINARY, "\xc4\x02\xff\xfe", "\xff\xfe");
    VALUE(VARBINARY, "\xa1\xff", "\xff");
    VALUE(VARBINARY, "\x01", "bad");
    VALUE(JSON, "\xa7{\"a\":1}", "{\"a\":1}");
    VALUE(JSON, "\xa2{]", "bad");
    VALUE(JSON, "\xc3", "true");
    VALUE(DATE,
          "\xaa"
          "2026-01-01",
          "1767225600000000");
    VALUE(DATE, "\x01", "bad");
    VALUE(TIMESTAMP,
          "\xb4"
          "2026-01-01T00:00:00Z",
          "1767225600000000");
    VALUE(TIMESTAMP, "\x01", "bad");
    VALUE(TIMESTAMP, "\xd6\xff\x69\x55\xb9\x00", "1767225600000000");
    VALUE(TIMESTAMP, "\xd7\xff\x77\x35\x94\x00\x69\x55\xb9\x00", "1767225600500000");
    VALUE(TIMESTAMP, "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", "-1000000");
    VALUE(TIMESTAMP, "\xc7\x0c\xff\x3b\x9a\xca\x00\xff\xff\xff\xff\xff\xff\xff\xff", "bad");
    VALUE(TIMESTAMP, "\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "bad");
    VALUE(TIMESTAMP, "\xd6\x05\x69\x55\xb9\x00", "bad");
    VALUE(BIGINT, "\xd4\xff\x01", "bad");
    const wr_kv ms[] = {{"timestamp_format", "epoch_ms", 0}};
    expect_value(wr_type_of(WR_T_TIMESTAMP), ms, 1, "\xcd\x27\x10", 3, "10000000");
    expect_value(wr_type_of(WR_T_TIMESTAMP), ms, 1,
                 "\xa5"
                 "10000",
                 6, "10000000");
    expect_value(wr_type_of(WR_T_TIMESTAMP), ms, 1, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9,
                 "4611686018427387000");
    expect_value((wr_type){.kind = WR_T_VARCHAR, .prec = 3}, NULL, 0,
                 "\xa7"
                 "h\xc3\xa9llo!",
                 8, "h\xc3\xa9l");
}

Test(msgpack, nested_values_as_json) {
    VALUE(JSON,
          "\x93\x01\xc0\x81\xa1"
          "a\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00",
          "[1,null,{\"a\":1.5}]");
    VALUE(VARCHAR,
          "\x82\xa1\"\xc3\x05\xc4\x01"
          "A",
          "{\"\\\"\":true,\"5\":\"QQ==\"}");
    VALUE(JSON, "\x80", "{}");
    VALUE(JSON, "\x90", "[]");
    VALUE(JSON, "\x91\xd6\xff\x69\x55\xb9\x00", "[\"2026-01-01T00:00:00.000000Z\"]");
    VALUE(JSON, "\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "[18446744073709551615]");
    VALUE(JSON, "\x91\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "[null]");
    VALUE(JSON, "\x81\xc3\x01", "bad"); /* a key that is no text and no number */
    VALUE(BIGINT, "\x91\x01", "bad");
    VALUE(BIGINT, "\x80", "bad");
}

Test(msgpack, paths) {
    static const wr_field f[] = {{"city", {.kind = WR_T_VARCHAR}, "$.address.city"},
                                 {"first", {.kind = WR_T_BIGINT}, "$.list[0]"},
                                 {"deep", {.kind = WR_T_BIGINT}, "$.list[1].x"},
                                 {"address", {.kind = WR_T_JSON}, NULL},
                                 {"a.b", {.kind = WR_T_BIGINT}, NULL}};
    wr_schema sc = {WR_LEN(f), (wr_field *)f};
    wr_batches l = {0};
    bad_log log = {0};
    const char packed[] = "\x84\xa7"
                          "address\x82\xa4"
                          "city\xa6"
                          "Berlin\xa1z\x05\xa4"
                          "list\x92\x07\x81\xa1x\x08\xa3"
                          "a.b\x09\xa5"
                          "extra\x92\x01\x81\xa4"
                          "city\x02"
                          "\x82\xa4"
                          "list\x01\xa7"
                          "address\x90";
    decode_packed(&sc, NULL, 0, packed, sizeof packed - 1, &l, &log);
    cr_assert_eq(log.n, 0, "%s", log.why);
    cr_assert_eq(batches_rows(&l), 2);
    wr_col *c = l.items[0]->cols;
    cr_expect(c[0].str[0].len == 6 && memcmp(wr_str_data(&c[0].str[0]), "Berlin", 6) == 0);
    cr_expect_eq(c[1].i64[0], 7);
    cr_expect_eq(c[2].i64[0], 8);
    cr_expect(c[3].str[0].len == 23 &&
              memcmp(wr_str_data(&c[3].str[0]), "{\"city\":\"Berlin\",\"z\":5}", 23) == 0);
    cr_expect_eq(c[4].i64[0], 9);
    cr_expect(wr_is_null(&c[0], 1) && wr_is_null(&c[1], 1) && wr_is_null(&c[2], 1) && wr_is_null(&c[4], 1));
    cr_expect(c[3].str[1].len == 2);
    batches_free(&l);
    static const char *const wrong[] = {"$", "$..a", "$.a[x]", "$.a[0", "", "$.a[-1]", "$.list[0:]"};
    for (size_t i = 0; i < WR_LEN(wrong); i++) {
        wr_field w = {"c", {.kind = WR_T_BIGINT}, wrong[i]};
        wr_schema one = {1, &w};
        wr_decode_cfg cfg = {.schema = &one};
        wr_decoder *d;
        wr_err err;
        cr_expect_eq(mp->open_decoder(&cfg, &d, &err), WR_EINVAL, "%s", wrong[i]);
        cr_expect(strstr(err.msg, "path"), "%s", err.msg);
    }
    wr_field twice[] = {{"a", {.kind = WR_T_BIGINT}, NULL}, {"b", {.kind = WR_T_BIGINT}, "$.a"}};
    wr_schema two = {2, twice};
    wr_decode_cfg cfg = {.schema = &two};
    wr_decoder *d;
    cr_expect_eq(mp->open_decoder(&cfg, &d, NULL), WR_EINVAL);
}

Test(msgpack, rows_and_faults) {
    static const wr_field f[] = {{"n", {.kind = WR_T_INTEGER, .not_null = true}, NULL},
                                 {"s", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {2, (wr_field *)f};
    wr_batches l = {0};
    bad_log log = {0};
    /* missing NOT NULL, wrong type, good, key twice, array too short, too long, empty map, strays, good,
     * broken */
    const char packed[] = "\x81\xa1s\xa1x"
                          "\x82\xa1n\xa1q\xa1s\xc0"
                          "\x82\xa1s\xa1y\xa1n\x01"
                          "\x82\xa1n\x01\xa1n\x02"
                          "\x91\x03"
                          "\x93\x04\xa1z\xc3"
                          "\x80"
                          "\x05\xa2hi\xc0"
                          "\x81\xa1n\x06"
                          "\x82\xa1n\xc1trash behind it";
    decode_packed(&sc, NULL, 0, packed, sizeof packed - 1, &l, &log);
    cr_expect_eq(batches_rows(&l), 5);
    const wr_col *c = l.items[0]->cols;
    static const int64_t want[] = {1, 2, 3, 4, 6};
    for (uint32_t i = 0; i < 5; i++) cr_expect_eq(c[0].i64[i], want[i]);
    cr_expect(!wr_is_null(&c[1], 0) && wr_is_null(&c[1], 1) && wr_is_null(&c[1], 2) &&
              !wr_is_null(&c[1], 3) && wr_is_null(&c[1], 4));
    cr_expect_eq(log.n, 5);
    cr_expect_str_eq(log.why, "byte 0xc1 is no MessagePack; the rest of this piece cannot be read");
    cr_expect_str_eq(
        log.data, "\x81\xa1s\xa1x|\x82\xa1n\xa1q\xa1s\xc0|\x80|\x05\xa2hi\xc0|\x82\xa1n\xc1trash behind it|");
    cr_expect_eq(log.pos, 45);
    batches_free(&l);
}

Test(msgpack, reasons) {
    static const wr_field f[] = {{"n", {.kind = WR_T_INTEGER}, NULL}};
    wr_schema sc = {1, (wr_field *)f};
    static const struct {
        const char *p;
        size_t n;
        const char *why;
    } t[] = {{"\x91\xa3"
              "abc",
              5, "n: 'abc' is no INTEGER"},
             {"\x91\xce\xff\xff\xff\xff", 6, "n: '4294967295' is out of range for INTEGER"},
             {"\x91\x80", 2, "n: 'a map' is no INTEGER"},
             {"\x91\xd4\x01\x02", 4, "n: 'an extension' is no INTEGER"},
             {"\x01\x02", 2, "neither a map nor an array"},
             {"\x91", 1, "the object is cut off: the input ends within it"}};
    for (size_t i = 0; i < WR_LEN(t); i++) {
        wr_batches l = {0};
        bad_log log = {0};
        decode_packed(&sc, NULL, 0, t[i].p, t[i].n, &l, &log);
        cr_expect_eq(log.n, 1);
        cr_expect_str_eq(log.why, t[i].why, "%s", log.why);
        batches_free(&l);
    }
}

/* Only the third of three columns is read; arrays keep their order. */
Test(msgpack, some_columns) {
    static const wr_field f[] = {{"a", {.kind = WR_T_BIGINT}, NULL},
                                 {"b", {.kind = WR_T_BIGINT}, NULL},
                                 {"c", {.kind = WR_T_JSON}, NULL}};
    wr_schema all = {3, (wr_field *)f}, last = {1, (wr_field *)&f[2]};
    static const uint32_t place = 2;
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&last, NULL, 0, &log);
    cfg.declared = &all;
    cfg.places = &place;
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(mp->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(mp, d,
                "\x93\xa1x\x02\x07\x93\x01\x02\x91\x08\x81\xa1"
                "c\x09",
                14, 0, &l);
    cr_expect_eq(log.n, 0, "%s", log.why);
    cr_assert_eq(batches_rows(&l), 3);
    const wr_str *s = l.items[0]->cols[0].str;
    cr_expect(s[0].len == 1 && s[0].prefix[0] == '7' && s[1].len == 3 && s[1].prefix[1] == '8' &&
              s[2].prefix[0] == '9');
    batches_free(&l);
    mp->close_decoder(d);
}

/* As deep as allowed, one deeper; and a nested value deeper than the library goes. */
Test(msgpack, depth) {
    static const wr_field f[] = {{"j", {.kind = WR_T_JSON}, NULL}};
    wr_schema sc = {1, (wr_field *)f};
    for (int depth = 20; depth <= 700; depth += depth < 40 ? 1 : 118) {
        char p[700];
        memset(p, 0x91, (size_t)depth);
        p[depth - 1] = (char)0x90;
        wr_batches l = {0};
        bad_log log = {0};
        decode_packed(&sc, NULL, 0, p, (size_t)depth, &l, &log);
        cr_expect_eq(batches_rows(&l) + log.n, 1, "%d", depth);
        if (depth <= 32) cr_expect_eq(log.n, 0, "%d: %s", depth, log.why);
        if (depth > 512) cr_expect(strstr(log.why, "512"), "%s", log.why);
        uint64_t state = 0;
        cr_expect_eq(mp->frame(p, (size_t)depth, false, &state), (size_t)depth);
        batches_free(&l);
    }
}

/* Lengths that promise more than there is cost nothing. */
Test(msgpack, promises) {
    wr_schema sc = ALL_TYPES;
    static const struct {
        const char *p;
        size_t n;
    } t[] = {{"\xdd\xff\xff\xff\xff", 5},        {"\xdf\xff\xff\xff\xff", 5},
             {"\xdb\xff\xff\xff\xff", 5},        {"\xc6\xff\xff\xff\xff", 5},
             {"\xc9\xff\xff\xff\xff", 5},        {"\x91\xc9\xff\xff\xff\xff\x01", 7},
             {"\x91\xdd\x0f\xff\xff\xff\x01", 7}};
    for (size_t i = 0; i < WR_LEN(t); i++) {
        wr_batches l = {0};
        bad_log log = {0};
        decode_packed(&sc, NULL, 0, t[i].p, t[i].n, &l, &log);
        cr_expect_geq(log.n, 1, "%zu", i);
        cr_expect_eq(batches_rows(&l), 0, "%zu", i);
        uint64_t state = 0;
        mp->frame(t[i].p, t[i].n, false, &state);
        batches_free(&l);
    }
}

Test(msgpack, without_hold_and_bad_chunk) {
    static const wr_field f[] = {{"s", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {1, (wr_field *)f};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(mp->open_decoder(&cfg, &d, NULL), WR_OK);
    wr_chunk c = chunk_of("\x91\xb4"
                          "a text of 20 letters",
                          22, 0);
    wr_ref *hold = c.hold;
    c.hold = NULL;
    cr_assert_eq(mp->decode(d, &c, &l, NULL), WR_OK);
    c.bad = true;
    cr_assert_eq(mp->decode(d, &c, &l, NULL), WR_OK);
    cr_expect_eq(log.n, 1);
    wr_drop(hold);
    cr_expect(memcmp(wr_str_data(&l.items[0]->cols[0].str[0]), "a text of 20 letters", 20) == 0);
    batches_free(&l);
    mp->close_decoder(d);
}

Test(msgpack, out_of_memory) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 13;
    wr_batch *b = random_batch(&sc, 40, &seed);
    wr_buf text = {0};
    encode(&sc, kvs[0], 2, b, &text);
    wr_chunk c = chunk_of(text.data, text.len, 0);
    for (uint64_t n = 1;; n++) {
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
        wr_encode_cfg ecfg = {.schema = &sc};
        wr_decoder *d = NULL;
        wr_encoder *e = NULL;
        wr_batches l = {0};
        wr_buf out = {0};
        cfg.batch_rows = 16;
        bool dict[WR_LEN(all_types)] = {true};
        cfg.want_dict = dict;
        wr_mem_fail_at(n);
        wr_status s = mp->open_decoder(&cfg, &d, NULL);
        if (s == WR_OK) s = mp->decode(d, &c, &l, NULL);
        if (s == WR_OK) s = mp->open_encoder(&ecfg, &e, NULL);
        if (s == WR_OK) s = mp->encode(e, b, &out, NULL);
        wr_mem_fail_at(0);
        if (s == WR_OK) cr_expect(out.len == text.len && memcmp(out.data, text.data, out.len) == 0);
        else cr_assert_eq(s, WR_ENOMEM);
        mp->close_encoder(e);
        mp->close_decoder(d);
        batches_free(&l);
        wr_buf_free(&out);
        if (s == WR_OK) break;
    }
    wr_drop(c.hold);
    wr_buf_free(&text);
    wr_batch_drop(b);
}
