/* JSON lines: exact texts, jansson as the oracle for random rows, and back through weir's own decoder. */
#include <jansson.h>
#include <math.h>

#include "connectors/formats/json_encode_int.h"
#include "tests/unit/connectors/formats.h"

static void encode(const wr_schema *sc, const wr_kv *kv, size_t n_kv, const wr_batch *b, wr_buf *out) {
    wr_encode_cfg cfg = {.schema = sc, .options = kv, .n_options = n_kv};
    wr_encoder *e;
    wr_err err;
    cr_assert_eq(wri_json_open_encoder(&cfg, &e, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wri_json_encode(e, b, out, &err), WR_OK);
    wri_json_close_encoder(e);
}

/* One row of one column. */
static void expect_json(wr_type t, const char *option, wr_value v, const char *want) {
    wr_field f = {"v", t, NULL};
    wr_schema sc = {1, &f};
    wr_batch *b;
    wr_buf out = {0};
    wr_kv kv = {"timestamp_format", option, 0};
    cr_assert_eq(wr_batch_new(1, 1, &b, NULL), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, wr_type_phys(t), NULL), WR_OK);
    if (wr_type_phys(t) == WR_STR) b->cols[0].str[0] = v.str;
    else b->cols[0].i64[0] = v.i64;
    if (v.null) wr_bit_set(wr_batch_nulls(b, &b->cols[0]), 0);
    b->n = 1;
    encode(&sc, &kv, option ? 1 : 0, b, &out);
    cr_assert_gt(out.len, 7);
    cr_expect(out.len == strlen(want) + 7 && memcmp(out.data, "{\"v\":", 5) == 0 &&
                  memcmp(out.data + 5, want, out.len - 7) == 0 &&
                  memcmp(out.data + out.len - 2, "}\n", 2) == 0,
              "%.*s instead of %s", (int)out.len, out.data, want);
    wr_batch_drop(b);
    wr_buf_free(&out);
}
#define I64(x)   ((wr_value){.i64 = (x)})
#define F64(x)   ((wr_value){.f64 = (x)})
#define STR(s)   ((wr_value){.str = wr_str_make(s, sizeof(s) - 1)})
#define NEW_YEAR INT64_C(1767225600000000)

Test(encode_json, values) {
    wr_type ts[7];
    for (uint32_t p = 0; p < 7; p++) ts[p] = (wr_type){.kind = WR_T_TIMESTAMP, .prec = p};
    expect_json(wr_type_of(WR_T_BIGINT), NULL, (wr_value){.null = true}, "null");
    expect_json(wr_type_of(WR_T_BIGINT), NULL, I64(INT64_MIN), "-9223372036854775808");
    expect_json(wr_type_of(WR_T_BOOLEAN), NULL, I64(1), "true");
    expect_json(wr_type_of(WR_T_BOOLEAN), NULL, I64(0), "false");
    expect_json(wr_type_of(WR_T_DOUBLE), NULL, F64(1.0), "1.0");
    expect_json(wr_type_of(WR_T_DOUBLE), NULL, F64(0.1), "0.1");
    expect_json(wr_type_of(WR_T_DOUBLE), NULL, F64(1e21), "1e21");
    expect_json(wr_type_of(WR_T_DOUBLE), NULL, F64((double)NAN), "null");
    expect_json(wr_type_of(WR_T_DOUBLE), NULL, F64(-(double)INFINITY), "null");
    expect_json(wr_type_of(WR_T_REAL), NULL, F64((double)0.1f), "0.1");
    expect_json(wr_type_of(WR_T_REAL), NULL, F64((double)INFINITY), "null");
    expect_json((wr_type){.kind = WR_T_DECIMAL, .prec = 10, .scale = 2}, NULL, I64(-1205), "-12.05");
    expect_json((wr_type){.kind = WR_T_DECIMAL, .prec = 10}, NULL, I64(7), "7");
    expect_json(ts[3], NULL, I64(NEW_YEAR), "\"2026-01-01T00:00:00.000Z\"");
    expect_json(ts[0], NULL, I64(NEW_YEAR), "\"2026-01-01T00:00:00Z\"");
    expect_json(ts[6], NULL, I64(NEW_YEAR - 1), "\"2025-12-31T23:59:59.999999Z\"");
    expect_json(ts[6], NULL, I64(INT64_MIN), "\"-290308-12-21T19:59:05.224192Z\"");
    expect_json(ts[3], "epoch_ms", I64(NEW_YEAR), "1767225600000");
    expect_json(ts[3], "epoch_s", I64(NEW_YEAR), "1767225600");
    expect_json(ts[3], "epoch_s", I64(NEW_YEAR + 1500), "1767225600.0015");
    expect_json(ts[6], "epoch_ms", I64(-1500), "-1.5");
    expect_json(ts[6], "epoch_us", I64(-1500), "-1500");
    expect_json(wr_type_of(WR_T_DATE), NULL, I64(NEW_YEAR), "\"2026-01-01\"");
    expect_json((wr_type){.kind = WR_T_TIME, .prec = 3}, NULL, I64(45296789000), "\"12:34:56.789\"");
    expect_json(wr_type_of(WR_T_INTERVAL_DAY), NULL, I64(90000000), "\"+0 00:01:30\"");
    expect_json(wr_type_of(WR_T_INTERVAL_MONTH), NULL, I64(18), "\"+1-06\"");
    expect_json(wr_type_of(WR_T_NULL), NULL, I64(0), "null");
    expect_json(wr_type_of(WR_T_VARBINARY), NULL, STR("\xff\xfe"), "\"//4=\"");
    expect_json(wr_type_of(WR_T_VARBINARY), NULL, STR(""), "\"\"");
    expect_json(wr_type_of(WR_T_JSON), NULL, STR("{\"a\" : [1,\r\n2]}\n"), "{\"a\" : [1,  2]}");
    expect_json(wr_type_of(WR_T_JSON), NULL, STR(""), "null");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR(""), "\"\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("a\"b\\c\n\t\r"), "\"a\\\"b\\\\c\\n\\t\\r\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("\0"), "\"\\u0000\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("h\xc3\xa9llo \xf0\x9f\x98\x80 and more"),
                "\"h\xc3\xa9llo \xf0\x9f\x98\x80 and more\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("a\xff\xe2\x82z"),
                "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    expect_json(wr_type_of(WR_T_VARCHAR), NULL, STR("\xed\xa0\x80\xc3\xa9"),
                "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\"");
}

/* A special character at each place of texts of each length, so that every vector step meets it. */
Test(encode_json, every_place) {
    static const wr_field f[] = {{"s", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {1, (wr_field *)f};
    static const char *const marks[] = {"\"", "\\", "\n", "\x01", "\x1f", " ", "\x7f", "é", "日"};
    for (size_t len = 0; len <= 70; len++)
        for (size_t m = 0; m < WR_LEN(marks); m++) {
            wr_batch *b;
            cr_assert_eq(wr_batch_new(1, 80, &b, NULL), WR_OK);
            cr_assert_eq(wr_batch_col(b, 0, WR_STR, NULL), WR_OK);
            for (size_t at = 0; at <= len; at++) {
                size_t k = strlen(marks[m]);
                char *t = wr_arena_alloc(&b->arena, len + k);
                memset(t, 'x', len + k);
                memcpy(t + at, marks[m], k);
                b->cols[0].str[b->n++] = wr_str_make(t, len + k);
            }
            wr_buf out = {0};
            encode(&sc, NULL, 0, b, &out);
            const char *p = out.data;
            for (uint32_t i = 0; i < b->n; i++) {
                const char *end = memchr(p, '\n', (size_t)(out.data + out.len - p));
                cr_assert(end);
                json_t *o = json_loadb(p, (size_t)(end - p), 0, NULL);
                cr_assert(o, "%.*s", (int)(end - p), p);
                json_t *s = json_object_get(o, "s");
                cr_assert(json_string_length(s) == b->cols[0].str[i].len &&
                          memcmp(json_string_value(s), wr_str_data(&b->cols[0].str[i]),
                                 json_string_length(s)) == 0);
                json_decref(o);
                p = end + 1;
            }
            cr_assert_eq(p, out.data + out.len);
            wr_batch_drop(b);
            wr_buf_free(&out);
        }
}

static void check_value(const json_t *v, const wr_type *t, const wr_col *c, uint32_t i) {
    if (wr_is_null(c, i)) {
        cr_assert(json_is_null(v));
        return;
    }
    char text[WR_TEXT_MAX];
    size_t n = 0;
    switch (t->kind) {
    case WR_T_BOOLEAN:
        cr_assert(json_is_boolean(v) && json_is_true(v) == (c->i64[i] != 0));
        return;
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        cr_assert(json_is_integer(v) && json_integer_value(v) == c->i64[i]);
        return;
    case WR_T_REAL:
        cr_assert((float)json_number_value(v) == (float)c->f64[i]);
        return;
    case WR_T_DOUBLE:
        cr_assert(json_is_real(v) && json_real_value(v) == c->f64[i]);
        return;
    case WR_T_DECIMAL:
        cr_assert(json_is_number(v) && llround(json_number_value(v) * 1000) == c->i64[i]);
        return;
    case WR_T_VARCHAR:
        cr_assert(json_is_string(v) && json_string_length(v) == c->str[i].len &&
                  memcmp(json_string_value(v), wr_str_data(&c->str[i]), c->str[i].len) == 0);
        return;
    case WR_T_DATE:
        n = wr_write_date(c->i64[i], text);
        break;
    case WR_T_TIMESTAMP:
        n = wr_write_timestamp(c->i64[i], t->prec, true, text);
        break;
    default:
        return; /* by round trip */
    }
    cr_assert(json_is_string(v) && json_string_length(v) == n && memcmp(json_string_value(v), text, n) == 0);
}

Test(encode_json, random_rows_and_jansson) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 31;
    for (int round = 0; round < 40; round++) {
        wr_batch *b = random_batch(&sc, 100, &seed);
        wr_buf out = {0};
        encode(&sc, NULL, 0, b, &out);
        const char *p = out.data;
        for (uint32_t i = 0; i < b->n; i++) {
            const char *end = memchr(p, '\n', (size_t)(out.data + out.len - p));
            cr_assert(end);
            json_error_t why;
            json_t *o = json_loadb(p, (size_t)(end - p), JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why), *v;
            cr_assert(o, "%s: %.*s", why.text, (int)(end - p), p);
            cr_assert_eq(json_object_size(o), sc.n);
            const char *key;
            uint32_t k = 0;
            json_object_foreach(o, key, v) { /* in the order written */
                cr_assert_str_eq(key, sc.fields[k].name);
                check_value(v, &sc.fields[k].type, &b->cols[k], i);
                k++;
            }
            json_decref(o);
            p = end + 1;
        }
        cr_assert_eq(p, out.data + out.len);
        wr_batch_drop(b);
        wr_buf_free(&out);
    }
}

Test(encode_json, back_through_the_decoder) {
    wr_field f[WR_LEN(all_types)];
    wr_schema sc = {0, f};
    for (size_t k = 0; k < WR_LEN(all_types); k++) /* intervals cannot be read from JSON */
        if (all_types[k].type.kind != WR_T_INTERVAL_DAY && all_types[k].type.kind != WR_T_INTERVAL_MONTH)
            f[sc.n++] = all_types[k];
    const wr_format_def *json = wr_format_find("json");
    cr_assert(json);
    static const wr_kv kv[][1] = {{{"timestamp_format", "iso", 0}}, {{"timestamp_format", "epoch_us", 0}}};
    uint64_t seed = 32;
    for (int round = 0; round < 30; round++) {
        wr_batch *b = random_batch(&sc, 80, &seed);
        wr_buf text = {0};
        encode(&sc, kv[round % 2], 1, b, &text);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, kv[round % 2], 1, &log);
        wr_decoder *d;
        wr_batches l = {0};
        cr_assert_eq(json->open_decoder(&cfg, &d, NULL), WR_OK);
        decode_text(json, d, text.data, text.len, 0, &l);
        cr_assert_eq(log.n, 0, "%s", log.why);
        cr_assert_eq(batches_rows(&l), b->n);
        expect_rows(&sc, &l, b, 0);
        batches_free(&l);
        json->close_decoder(d);
        wr_batch_drop(b);
        wr_buf_free(&text);
    }
}

Test(encode_json, keys_and_no_columns) {
    static const wr_field f[] = {
        {"a \"quoted\" name of more than thirty-two bytes", {.kind = WR_T_BIGINT}, NULL},
        {"é\n", {.kind = WR_T_BIGINT}, NULL}};
    wr_schema sc = {2, (wr_field *)f}, none = {0, NULL};
    wr_batch *b;
    wr_buf out = {0};
    cr_assert_eq(wr_batch_new(2, 2, &b, NULL), WR_OK);
    for (uint32_t k = 0; k < 2; k++) {
        cr_assert_eq(wr_batch_col(b, k, WR_I64, NULL), WR_OK);
        b->cols[k].i64[0] = k;
        b->cols[k].i64[1] = -1;
    }
    b->n = 2;
    encode(&sc, NULL, 0, b, &out);
    encode(&none, NULL, 0, b, &out);
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    cr_expect_str_eq(out.data, "{\"a \\\"quoted\\\" name of more than thirty-two bytes\":0,\"é\\n\":1}\n"
                               "{\"a \\\"quoted\\\" name of more than thirty-two bytes\":-1,\"é\\n\":-1}\n"
                               "{}\n{}\n");
    wr_batch_drop(b);
    wr_buf_free(&out);
}

Test(encode_json, out_of_memory) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 33;
    wr_batch *b = random_batch(&sc, 100, &seed);
    for (uint64_t n = 1;; n++) {
        wr_encode_cfg cfg = {.schema = &sc};
        wr_encoder *e = NULL;
        wr_buf out = {0};
        wr_mem_fail_at(n);
        wr_status s = wri_json_open_encoder(&cfg, &e, NULL);
        if (s == WR_OK) s = wri_json_encode(e, b, &out, NULL);
        wr_mem_fail_at(0);
        if (s != WR_OK) cr_assert_eq(s, WR_ENOMEM);
        cr_assert(out.len == 0 || out.data[out.len - 1] == '\n', "only whole rows");
        wri_json_close_encoder(e);
        wr_buf_free(&out);
        if (s == WR_OK) break;
    }
    wr_batch_drop(b);
}
