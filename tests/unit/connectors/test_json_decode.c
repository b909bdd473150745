/* The way of a chunk: framing, positions, batches and their memory, dictionaries, limits, lack of memory. */
#include <criterion/criterion.h>

#include "json_random.h"

#define EACH_SCAN(scan)                                                                                      \
    const wri_json_scan *scans_[4];                                                                          \
    size_t n_scans_ = json_scans(scans_);                                                                    \
    for (size_t k_ = 0; k_ < n_scans_; k_++)                                                                 \
        for (const wri_json_scan *scan = scans_[k_]; scan; scan = NULL)

static void put(wr_buf *b, const char *fmt, ...) {
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    cr_assert_eq(wr_buf_put(b, line, (size_t)n), WR_OK);
}

/* Room behind the text, as a chunk has. */
static void pad(wr_buf *b) {
    cr_assert_eq(wr_buf_reserve(b, WR_PAD), WR_OK);
    memset(b->data + b->len, 'x', WR_PAD);
}

static void drop_all(wr_batches *out) {
    for (size_t i = 0; i < out->n; i++) wr_batch_drop(out->items[i]);
    out->n = 0;
}

Test(json_decode, frame_ends_behind_the_last_newline) {
    const struct {
        const char *text;
        bool last;
        size_t want;
    } cases[] = {{"", false, 0},       {"{}", false, 0},    {"{}", true, 2},    {"{}\n", false, 3},
                 {"{}\n{}", false, 3}, {"{}\n{}", true, 5}, {"\n\n", false, 2}, {"{\"a\":\"\\n", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t state = 0;
        cr_expect_eq(wr_format_json.frame(cases[i].text, strlen(cases[i].text), cases[i].last, &state),
                     cases[i].want, "%s", cases[i].text);
    }
}

/* Every record says where it begins, and some are bad. */
Test(json_decode, a_batch_has_the_position_of_its_first_record) {
    wr_arena ar = {0};
    wr_schema s = json_schema("at big, t text", &ar);
    wr_buf in = {0};
    uint64_t good = 0;
    for (int i = 0; i < 3000; i++) {
        if (i % 7 == 3) put(&in, "{\"at\":\"no\",\"t\":\"x\"}\n");
        else put(&in, "{\"at\":%zu,\"t\":\"%.*s\"}\n", in.len, i % 20, "abcdefghijklmnopqrst"), good++;
    }
    pad(&in);
    EACH_SCAN(scan) {
        for (uint32_t rows = 1; rows <= 4096; rows = rows * 3 + 1) {
            wr_decode_cfg cfg = {.schema = &s, .batch_rows = rows};
            wr_decoder *d;
            wr_batches out = {0};
            cr_assert_eq(wri_json_open(&cfg, scan, &d, NULL), WR_OK);
            wr_chunk c = {.data = in.data, .len = in.len, .pos = 500, .split = 3};
            cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
            uint64_t n = 0;
            int64_t last = -1, last_at = -1;
            for (size_t i = 0; i < out.n; i++) {
                const wr_batch *b = out.items[i];
                cr_assert_eq(b->pos, 500 + b->cols[0].i64[0], "%s, %u rows a batch", scan->name, rows);
                cr_assert_gt(b->pos, last);
                cr_assert_eq(b->split, 3);
                for (uint32_t r = 0; r < b->n; r++) {
                    cr_assert_gt(b->cols[0].i64[r], last_at);
                    last_at = b->cols[0].i64[r];
                }
                last = b->pos + b->n - 1;
                n += b->n;
            }
            cr_assert_eq(n, good);
            drop_all(&out);
            wr_free(out.items);
            wr_format_json.close_decoder(d);
        }
    }
    wr_buf_free(&in);
    wr_arena_free(&ar);
}

Test(json_decode, flattened_rows_cross_batches) {
    wr_arena ar = {0};
    wr_schema s = json_schema("n text, x int@$.i[*].x, y text@$.i[*].y", &ar);
    wr_buf in = {0}, want = {0};
    for (int i = 0; i < 20; i++) {
        put(&in, "{\"n\":\"record\\u0020%d, a long one\",\"i\":[", i);
        for (int k = 0; k <= i * 5; k++) {
            put(&in, "%s{\"x\":%d,\"y\":\"y\\u002d%d%s\"}", k ? "," : "", k, k,
                k % 3 ? "" : ", longer than a view");
            put(&want, "record %d, a long one|%d|y-%d%s\n", i, k, k, k % 3 ? "" : ", longer than a view");
        }
        put(&in, "]}\n{\"i\":[]}\n");
        put(&want, "NULL|NULL|NULL\n");
    }
    cr_assert_eq(wr_buf_put(&want, "", 1), WR_OK);
    for (uint32_t rows = 1; rows < 200; rows = rows * 2 + 1) {
        json_run r = {.schema = &s, .batch_rows = rows, .dict = true};
        json_out o;
        json_decode_text(&r, in.data, in.len, &o);
        cr_assert(!o.broken_rule, "%s", o.broken_rule);
        cr_assert_str_eq(o.text.data, want.data);
        wr_buf_free(&o.text);
    }
    wr_buf_free(&in);
    wr_buf_free(&want);
    wr_arena_free(&ar);
}

static void keep_bytes(wr_ref *r) { (void)r; }

Test(json_decode, steady_work_allocates_nothing) {
    wr_ref bytes = {.count = 1, .release = keep_bytes};
    wr_arena ar = {0};
    wr_schema s = json_schema("name text, n int, ts ts, f double", &ar);
    json_random g = {.state = 99, .other = 5};
    for (int i = 0; i < 500; i++) json_random_line(&g);
    pad(&g.out);
    EACH_SCAN(scan) {
        bool dict[4] = {true};
        wr_decode_cfg cfg = {.schema = &s, .batch_rows = 100, .want_dict = dict};
        wr_decoder *d;
        wr_batches out = {0};
        cr_assert_eq(wri_json_open(&cfg, scan, &d, NULL), WR_OK);
        wr_chunk c = {.data = g.out.data, .len = g.out.len, .hold = &bytes};
        for (int round = 0; round < 5; round++) {
            wr_mem_fail_at(0);
            cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
            uint64_t made = wr_mem_fail_at(0);
            cr_assert(round < 4 || made == 0, "%s: %d allocations", scan->name, (int)made);
            drop_all(&out);
        }
        wr_free(out.items);
        wr_format_json.close_decoder(d);
    }
    wr_buf_free(&g.out);
    wr_arena_free(&ar);
}

Test(json_decode, batches_that_are_held_are_not_reused) {
    wr_arena ar = {0};
    wr_schema s = json_schema("n int", &ar);
    wr_decode_cfg cfg = {.schema = &s, .batch_rows = 4};
    wr_decoder *d;
    wr_batches out = {0};
    cr_assert_eq(wri_json_open(&cfg, NULL, &d, NULL), WR_OK);
    wr_buf in = {0};
    for (int i = 0; i < 100; i++) { /* all are held: far more than the pool has room for */
        in.len = 0;
        put(&in, "{\"n\":%d}\n", i);
        pad(&in);
        wr_chunk c = {.data = in.data, .len = in.len, .pos = i * 100};
        cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
    }
    wr_format_json.close_decoder(d); /* batches outlive their decoder */
    cr_assert_eq(out.n, 100);
    for (int i = 0; i < 100; i++) cr_assert_eq(out.items[i]->cols[0].i64[0], i);
    drop_all(&out);
    wr_free(out.items);
    wr_buf_free(&in);
    wr_arena_free(&ar);
}

Test(json_decode, texts_outlive_a_chunk_without_hold) {
    wr_arena ar = {0};
    wr_schema s = json_schema("t text", &ar);
    EACH_SCAN(scan) {
        wr_decode_cfg cfg = {.schema = &s, .batch_rows = 100};
        wr_decoder *d;
        wr_batches out = {0};
        wr_buf in = {0};
        cr_assert_eq(wri_json_open(&cfg, scan, &d, NULL), WR_OK);
        for (int i = 0; i < 500; i++) put(&in, "{\"t\":\"a text that is longer than a view, %d\"}\n", i);
        pad(&in);
        wr_chunk c = {.data = in.data, .len = in.len};
        cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
        wr_buf_free(&in);
        wr_format_json.close_decoder(d);
        int row = 0;
        for (size_t i = 0; i < out.n; i++)
            for (uint32_t r = 0; r < out.items[i]->n; r++, row++) {
                char want[64];
                int n = snprintf(want, sizeof want, "a text that is longer than a view, %d", row);
                const wr_str *got = &out.items[i]->cols[0].str[r];
                cr_assert(got->len == (uint32_t)n && memcmp(got->ptr, want, (size_t)n) == 0);
            }
        cr_assert_eq(row, 500);
        drop_all(&out);
        wr_free(out.items);
    }
    wr_arena_free(&ar);
}

/* n values of which `distinct` differ; does the last batch have codes? */
static bool has_codes(uint32_t n, uint32_t distinct, const char *prefix) {
    wr_arena ar = {0};
    wr_schema s = json_schema("t text", &ar);
    bool want = true, codes = false;
    wr_decode_cfg cfg = {.schema = &s, .want_dict = &want};
    wr_decoder *d;
    wr_batches out = {0};
    wr_buf in = {0};
    char value[100];
    cr_assert_eq(wri_json_open(&cfg, NULL, &d, NULL), WR_OK);
    for (uint32_t i = 0; i < n;) {
        in.len = 0;
        for (uint32_t k = 0; k < 2000 && i < n; k++, i++) {
            snprintf(value, sizeof value, "%s%d", prefix, (int)(i % distinct));
            put(&in, "{\"t\":\"%s\"}\n", value);
        }
        pad(&in);
        wr_chunk c = {.data = in.data, .len = in.len};
        cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
        uint32_t at = 0;
        for (size_t b = 0; b < out.n; b++) {
            const wr_col *col = &out.items[b]->cols[0];
            codes = col->codes != NULL;
            for (uint32_t r = 0; r < out.items[b]->n; r++, at++)
                if (codes) cr_assert(wr_str_eq(&col->str[r], &col->dict->values[col->codes[r]]));
        }
        drop_all(&out);
    }
    wr_free(out.items);
    wr_format_json.close_decoder(d);
    wr_buf_free(&in);
    wr_arena_free(&ar);
    return codes;
}

Test(json_decode, dictionaries) {
    cr_expect(has_codes(50000, 1, "v"));
    cr_expect(has_codes(50000, 1000, "/p/"));
    cr_expect(has_codes(50000, 1000, "a value longer than a view, number "));
    cr_expect(has_codes(50000, 1000, "thirteen b"));
    cr_expect(!has_codes(50000, 40000, "v"), "nearly all values are new");
    cr_expect(!has_codes(500000, 70000, "v"), "more than WRI_DICT_MAX values");
}

Test(json_decode, nesting) {
    wr_arena ar = {0};
    wr_schema s = json_schema("n json, k int", &ar);
    EACH_SCAN(scan) {
        for (int arrays = WRI_JSON_DEPTH_MAX - 2; arrays <= WRI_JSON_DEPTH_MAX + 1; arrays++) {
            wr_buf in = {0};
            put(&in, "{\"k\":1,\"n\":");
            for (int i = 0; i < arrays; i++) put(&in, i % 3 ? "[" : "{\"n\":");
            put(&in, "7");
            for (int i = arrays - 1; i >= 0; i--) put(&in, i % 3 ? "]" : "}");
            put(&in, "}\n");
            json_run r = {.schema = &s, .scan = scan, .batch_rows = 4};
            json_out o;
            json_decode_text(&r, in.data, in.len, &o);
            cr_assert_eq(o.rows, arrays + 1 <= WRI_JSON_DEPTH_MAX, "%s: %d", scan->name, arrays);
            cr_assert_eq(o.bads, arrays + 1 > WRI_JSON_DEPTH_MAX);
            if (o.bads) cr_assert(strstr(o.text.data, "more than 512 nested objects and arrays"));
            wr_buf_free(&o.text);
            wr_buf_free(&in);
        }
    }
    wr_arena_free(&ar);
}

Test(json_decode, a_very_long_line) {
    wr_arena ar = {0};
    wr_schema s = json_schema("t text, n int", &ar);
    wr_buf in = {0};
    const size_t bytes = 60 << 20;
    put(&in, "{\"n\":1,\"t\":\"");
    cr_assert_eq(wr_buf_reserve(&in, bytes + 1000), WR_OK);
    memset(in.data + in.len, 'a', bytes);
    in.len += bytes;
    put(&in, "\"}\n{\"n\":2,\"t\":\"x\"}\n");
    pad(&in);
    wr_decode_cfg cfg = {.schema = &s};
    EACH_SCAN(scan) {
        wr_decoder *d;
        wr_batches out = {0};
        cr_assert_eq(wri_json_open(&cfg, scan, &d, NULL), WR_OK);
        wr_chunk c = {.data = in.data, .len = in.len};
        cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
        cr_assert_eq(out.items[0]->cols[0].str[0].len, bytes);
        cr_assert_eq(out.items[out.n - 1]->cols[1].i64[out.items[out.n - 1]->n - 1], 2);
        drop_all(&out);
        wr_free(out.items);
        wr_format_json.close_decoder(d);
    }
    wr_buf_free(&in);
    wr_arena_free(&ar);
}

Test(json_decode, many_columns_and_many_members) {
    wr_arena ar = {0};
    wr_schema s = {.n = 300, .fields = wr_arena_calloc(&ar, 300 * sizeof *s.fields)};
    for (uint32_t i = 0; i < 300; i++)
        s.fields[i] =
            (wr_field){.name = wr_arena_printf(&ar, "column_%u", i), .type = wr_type_of(WR_T_INTEGER)};
    wr_buf in = {0};
    for (int r = 0; r < 40; r++) { /* every member of the schema but two, and 1,100 new names per record */
        put(&in, "{");
        for (int i = 0; i < 300; i++)
            if (i != r && i != 299) put(&in, "\"column_%d\":%d,", i, i * r);
        for (int i = 0; i < (r % 2 ? 1100 : 50); i++)
            put(&in, "\"other_%d\":\"x\",", r % 2 ? r * 1100 + i : i);
        put(&in, "\"end\":0}\n");
    }
    wr_buf want = {0};
    for (int r = 0; r < 40; r++)
        for (int i = 0; i < 300; i++) {
            if (i == r || i == 299) put(&want, "NULL");
            else put(&want, "%d", i * r);
            put(&want, i == 299 ? "\n" : "|");
        }
    cr_assert_eq(wr_buf_put(&want, "", 1), WR_OK);
    EACH_SCAN(scan) {
        json_run run = {.schema = &s, .scan = scan, .batch_rows = 16};
        json_out o;
        json_decode_text(&run, in.data, in.len, &o);
        cr_assert_str_eq(o.text.data, want.data, "%s", scan->name);
        wr_buf_free(&o.text);
    }
    wr_buf_free(&in);
    wr_buf_free(&want);
    wr_arena_free(&ar);
}

static void keep_reason(void *ctx, const wr_bad_record *r) {
    snprintf(ctx, 200, "%lld %u %.*s %s", (long long)r->pos, r->split, (int)r->len, r->data, r->why);
}

Test(json_decode, a_bad_chunk_is_a_bad_record) {
    wr_schema s = {0};
    char got[200] = "";
    wr_decode_cfg cfg = {.schema = &s, .bad = keep_reason, .ctx = got};
    wr_decoder *d;
    wr_batches out = {0};
    cr_assert_eq(wri_json_open(&cfg, NULL, &d, NULL), WR_OK);
    wr_chunk c = {.data = "abc", .len = 3, .pos = 12, .split = 5, .bad = true, .why = "too long"};
    cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
    cr_assert_str_eq(got, "12 5 abc too long");
    cr_assert_eq(out.n, 0);
    wr_format_json.close_decoder(d);
}

Test(json_decode, options_are_checked) {
    wr_schema s = {0};
    wr_kv kv = {"timestamp_format", "epoch", 0};
    wr_decode_cfg cfg = {.schema = &s, .options = &kv, .n_options = 1};
    wr_decoder *d;
    wr_err err;
    cr_assert_eq(wr_format_json.open_decoder(&cfg, &d, &err), WR_EINVAL);
    cr_assert_null(d);
    cr_assert(strstr(err.msg, "timestamp_format"), "%s", err.msg);
}

/* With the n-th allocation failing, n = 1, 2, …: an error and no leak, or the right rows. */
Test(json_decode, lack_of_memory) {
    wr_arena ar = {0};
    wr_schema s = json_schema("n text, x int@$.nest.x, raw json, bin bytes, name text, f real", &ar);
    json_random g = {.state = 5, .odd = 30, .broken = 10, .shuffle = 20, .other = 5};
    for (int i = 0; i < 60; i++) json_random_line(&g);
    pad(&g.out);
    EACH_SCAN(scan) {
        bool dict[6] = {true, false, false, false, true};
        wr_decode_cfg cfg = {.schema = &s, .batch_rows = 8, .want_dict = dict};
        uint64_t failures = 0;
        for (uint64_t n = 1;; n++) {
            wr_decoder *d;
            wr_batches out = {0};
            wr_mem_fail_at(n);
            wr_status st = wri_json_open(&cfg, scan, &d, NULL);
            wr_chunk c = {.data = g.out.data, .len = g.out.len};
            if (st == WR_OK) st = wr_format_json.decode(d, &c, &out, NULL);
            wr_mem_fail_at(0);
            cr_assert(st == WR_OK || st == WR_ENOMEM);
            failures += st != WR_OK;
            if (st == WR_ENOMEM && d) { /* a decoder survives it */
                drop_all(&out);
                cr_assert_eq(wr_format_json.decode(d, &c, &out, NULL), WR_OK);
            }
            drop_all(&out);
            wr_free(out.items);
            wr_format_json.close_decoder(d);
            if (st == WR_OK && n > 400) break; /* some are made do without */
        }
        cr_assert_gt(failures, 20);
    }
    wr_buf_free(&g.out);
    wr_arena_free(&ar);
}

/* ---- parts ---- */

Test(json_decode, utf8_checks_agree) {
    json_random g = {.state = 31337};
    char text[400 + WR_PAD];
    static const char *pieces[] = {"\xc3\xa9",
                                   "\xe2\x82\xac",
                                   "\xf0\x9f\x98\x80",
                                   "\xf4\x8f\xbf\xbf",
                                   "\xed\x9f\xbf",
                                   "\xef\xbf\xbf",
                                   "a",
                                   "some ascii text, longer than a vector of 32 bytes"};
    static const char *wrong[] = {"\x80",
                                  "\xc3",
                                  "\xe2\x82",
                                  "\xf0\x9f\x98",
                                  "\xc0\x80",
                                  "\xc1\xbf",
                                  "\xe0\x9f\xbf",
                                  "\xed\xa0\x80",
                                  "\xf0\x8f\xbf\xbf",
                                  "\xf4\x90\x80\x80",
                                  "\xf5\x80\x80\x80",
                                  "\xff",
                                  "\xc3\xa9\xa9",
                                  "\xe2\x82\xac\x80",
                                  "\xf0\x9f\x98\x80\x80",
                                  "\xf8\x88\x80\x80\x80"};
    uint64_t valid = 0, rounds = 40000;
    for (uint64_t i = 0; i < rounds; i++) {
        size_t n = 0, want = json_rnd(&g, 200);
        while (n < want) {
            const char *p = json_chance(&g, 3) ? wrong[json_rnd(&g, 16)] : pieces[json_rnd(&g, 8)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        if (json_chance(&g, 10) && n) text[json_rnd(&g, n)] = (char)json_rnd(&g, 256);
        text[n++] = '\n';
        bool ok = wr_utf8_valid(text, n);
        valid += ok;
        EACH_SCAN(scan) {
            if (scan->utf8) cr_assert_eq(scan->utf8(text, n), ok, "%s, round %d", scan->name, (int)i);
        }
    }
    cr_assert(valid > rounds / 5 && valid < rounds * 4 / 5);
}

/* All shapes of numbers of up to 20 bytes, in every column that takes numbers. */
Test(json_decode, numbers_agree) {
    wr_arena ar = {0};
    wr_schema s = json_schema("a big, b double, c real, d dec18, e dec52, g ts6, h int", &ar);
    static const char *names = "abcdegh";
    const wri_json_scan *scans[4];
    size_t n_scans = json_scans(scans);
    json_random g = {.state = 4711};
    wr_buf in = {0};
    for (int neg = 0; neg < 2; neg++)
        for (int whole = 0; whole <= 20; whole++)
            for (int frac = -1; frac <= 18; frac++) {
                put(&in, "{");
                for (int c = 0; c < 7; c++) {
                    put(&in, "%s\"%c\":%s", c ? "," : "", names[c], neg ? "-" : "");
                    for (int i = 0; i < whole; i++)
                        put(&in, "%d", (int)json_rnd(&g, 9) + (i == 0 && json_chance(&g, 95)));
                    if (frac >= 0) put(&in, ".");
                    for (int i = 0; i < frac; i++)
                        put(&in, "%d", json_chance(&g, 60) ? 0 : (int)json_rnd(&g, 10));
                }
                put(&in, "}\n");
            }
    /* One column at a time, so that a misfit in one does not hide the others. */
    for (uint32_t c = 0; c < s.n; c++) {
        wr_schema one = {.n = 1, .fields = &s.fields[c]};
        json_out want, got;
        json_run r = {.schema = &one, .timestamp_format = "epoch_us", .scan = scans[0], .batch_rows = 100};
        json_decode_text(&r, in.data, in.len, &want);
        for (size_t k = 1; k < n_scans; k++) {
            r.scan = scans[k];
            json_decode_text(&r, in.data, in.len, &got);
            cr_assert_str_eq(got.text.data, want.text.data, "column %c, %s", names[c], scans[k]->name);
            wr_buf_free(&got.text);
        }
        cr_assert_gt(want.rows, 20);
        wr_buf_free(&want.text);
    }
    wr_buf_free(&in);
    wr_arena_free(&ar);
}
