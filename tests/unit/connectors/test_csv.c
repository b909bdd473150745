/* CSV: reading, writing, framing; round trips of every type, cuts at every byte. */
#include "tests/unit/connectors/formats.h"

extern const wr_format_def wr_format_csv;
static const wr_format_def *const csv = &wr_format_csv;
#define WR_BOM_TEXT "\xef\xbb\xbf"

/* Rows of the decoded text as "a|b|NULL" lines. */
static void print_rows(const wr_schema *sc, const wr_batches *l, char *out, size_t cap) {
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < l->n; i++)
        for (uint32_t r = 0; r < l->items[i]->n; r++) {
            for (uint32_t k = 0; k < sc->n; k++) {
                const wr_col *c = &l->items[i]->cols[k];
                const char *gap = k ? "|" : "";
                if (wr_is_null(c, r)) n += (size_t)snprintf(out + n, cap - n, "%sNULL", gap);
                else if (c->phys == WR_STR)
                    n += (size_t)snprintf(out + n, cap - n, "%s%.*s", gap, (int)c->str[r].len,
                                          wr_str_data(&c->str[r]));
                else if (c->phys == WR_F64) n += (size_t)snprintf(out + n, cap - n, "%s%g", gap, c->f64[r]);
                else n += (size_t)snprintf(out + n, cap - n, "%s%" PRId64, gap, c->i64[r]);
                cr_assert_lt(n, cap);
            }
            n += (size_t)snprintf(out + n, cap - n, "/");
        }
}

static const wr_field abc[] = {{"a", {.kind = WR_T_VARCHAR}, NULL},
                               {"b", {.kind = WR_T_INTEGER}, NULL},
                               {"c", {.kind = WR_T_DOUBLE}, NULL}};
#define ABC ((wr_schema){WR_LEN(abc), (wr_field *)abc})

static void expect(const wr_kv *kv, size_t n_kv, const char *text, const char *rows, const char *bad,
                   const char *why) {
    wr_schema sc = ABC;
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, kv, n_kv, &log);
    wr_decoder *d;
    wr_err err;
    cr_assert_eq(csv->open_decoder(&cfg, &d, &err), WR_OK, "%s", err.msg);
    wr_batches l = {0};
    char got[4096];
    decode_text(csv, d, text, strlen(text), 0, &l);
    print_rows(&sc, &l, got, sizeof got);
    cr_expect_str_eq(got, rows, "%s: '%s' instead of '%s'", text, got, rows);
    cr_expect_str_eq(log.data, bad, "%s: bad '%s' instead of '%s'", text, log.data, bad);
    if (*bad) cr_expect_str_eq(log.why, why, "%s", log.why);
    batches_free(&l);
    csv->close_decoder(d);
}

static const wr_kv no_header[] = {{"header", "false", 0}};
#define PLAIN no_header, 1

Test(csv, fields) {
    expect(PLAIN, "x,1,2.5\n", "x|1|2.5/", "", "");
    expect(PLAIN, "x,1,2.5", "x|1|2.5/", "", "");
    expect(PLAIN, "x,1,2.5\r\ny,2,3\r\n", "x|1|2.5/y|2|3/", "", "");
    expect(PLAIN, "x,1,2.5\r", "x|1|2.5/", "", "");
    expect(PLAIN, "x,1,2.5,extra,\"more\"\n", "x|1|2.5/", "", "");
    expect(PLAIN, "x,1\ny\n", "x|1|NULL/y|NULL|NULL/", "", "");
    expect(PLAIN, ",,\n\"\",\"\",\"\"\n", "NULL|NULL|NULL/|NULL|NULL/", "", "");
    expect(PLAIN, "\n\r\nx,1,2\n\n\n", "x|1|2/", "", "");
    expect(PLAIN, "", "", "", "");
    expect(PLAIN, "\n", "", "", "");
    expect(PLAIN, "\"a,b\",\"1\",\"2\"\n", "a,b|1|2/", "", "");
    expect(PLAIN, "\"a\nb\",1,2\nx,2,3\n", "a\nb|1|2/x|2|3/", "", "");
    expect(PLAIN, "\"a\"\"b\",1,2\n", "a\"b|1|2/", "", "");
    expect(PLAIN, "\"\"\"\",1,2\n", "\"|1|2/", "", "");
    expect(PLAIN, "5\" disk,1,2\nsay \"hi\",3,4\n", "5\" disk|1|2/say \"hi\"|3|4/", "", "");
    expect(PLAIN, "x, 1 ,\t2.5 \n", "x|1|2.5/", "", "");
    expect(PLAIN, "x,\"1\"\r\n", "x|1|NULL/", "", "");
    expect(PLAIN, "a text longer than twelve bytes,1,2\n\"and a \"\"quoted\"\" long one\",2,3\n",
           "a text longer than twelve bytes|1|2/and a \"quoted\" long one|2|3/", "", "");
    expect(PLAIN, "h\xc3\xa9,1.0,NaN\nx,1e3,-Infinity\n", "h\xc3\xa9|1|NULL/x|1000|-inf/", "", "");
    expect(PLAIN, WR_BOM_TEXT "x,1,2\n", "x|1|2/", "", "");
}

Test(csv, bad_rows) {
    expect(PLAIN, "x,one,2\ny,2,3\n", "y|2|3/", "x,one,2|", "b: 'one' is no INTEGER");
    expect(PLAIN, "y,2,3\nx,1.5,2\r\n", "y|2|3/", "x,1.5,2|", "b: '1.5' is no whole number for INTEGER");
    expect(PLAIN, "x,2147483648,2\n", "", "x,2147483648,2|", "b: '2147483648' is out of range for INTEGER");
    expect(PLAIN, "x,2147483647,2\n", "x|2147483647|2/", "", "");
    expect(PLAIN, "x,1,1e999\n", "", "x,1,1e999|", "c: '1e999' is no DOUBLE");
    expect(PLAIN, "x,q,z\n", "", "x,q,z|", "b: 'q' is no INTEGER"); /* the first column is told */
    expect(PLAIN, "\xff,1,2\nx,1,2\n", "x|1|2/", "\xff,1,2|", "a: '\\xff' is no UTF-8 text");
    expect(PLAIN, "\"x\"y,1,2\nz,1,2\n", "z|1|2/", "\"x\"y,1,2|",
           "text between a closing quote and the next delimiter");
    expect(PLAIN, "z,1,2\n\"x,1,2\nz,1,2\n", "z|1|2/", "\"x,1,2\nz,1,2\n|",
           "a quoted field without its closing quote");
    expect(PLAIN, "x,\"a\"\"b\",2\n", "", "x,\"a\"\"b\",2|", "b: 'a\"\"b' is no INTEGER");
}

Test(csv, options) {
    const wr_kv tab[] = {{"header", "false", 0}, {"delimiter", "\\t", 0}, {"null_text", "\\N", 0}};
    expect(tab, 3, "x\t1\t2\n\\N\t\\N\t\\N\n\t\t\n\"\\N\"\t1\n",
           "x|1|2/NULL|NULL|NULL/|NULL|NULL/\\N|1|NULL/", "", "");
    const wr_kv apostrophe[] = {{"header", "false", 0}, {"quote", "'", 0}, {"delimiter", ";", 0}};
    expect(apostrophe, 3, "'a;''b';1;2\n\"x;1;2\n", "a;'b|1|2/\"x|1|2/", "", "");
    const wr_kv none[] = {{"header", "false", 0}, {"quote", "none", 0}};
    expect(none, 2, "\"x,1,2\n", "\"x|1|2/", "", "");
    const wr_kv numeric_null[] = {{"header", "false", 0}, {"null_text", "-1", 0}};
    expect(numeric_null, 2, "x,-1,-1\n-1,1,2\n", "x|NULL|NULL/NULL|1|2/", "", "");
    const wr_kv bars[] = {{"header", "false", 0}, {"delimiter", "||", 0}};
    expect(bars, 2, "x|y||1||2\n\"||\"||1||2||3\n||||2|\na|\n", "x|y|1|2/|||1|2/a||NULL|NULL/", "||||2||",
           "c: '2|' is no DOUBLE");
    const wr_kv five[] = {{"header", "false", 0}, {"delimiter", "\\t-\\t~ ", 0}};
    expect(five, 2, "x\t-\t1\t-\t~ 1\t-\t~ 2\n", "x\t-\t1|1|2/", "", "");
    wr_schema sc = ABC;
    static const wr_kv wrong[][1] = {
        {{"quote", "ab", 0}},      {{"quote", "7", 0}},          {{"quote", "", 0}},
        {{"delimiter", "\"", 0}},  {{"delimiter", "a", 0}},      {{"delimiter", "\n", 0}},
        {{"delimiter", "|a", 0}},  {{"delimiter", "||||||", 0}}, {{"delimiter", "", 0}},
        {{"delimiter", "|\"", 0}}, {{"header", "maybe", 0}},     {{"timestamp_format", "epoch", 0}}};
    for (size_t i = 0; i < WR_LEN(wrong); i++) {
        wr_decode_cfg cfg = {.schema = &sc, .options = wrong[i], .n_options = 1};
        wr_decoder *d;
        wr_err err = {0};
        cr_expect_eq(csv->open_decoder(&cfg, &d, &err), WR_EINVAL, "%zu", i);
        cr_expect_null(d);
        cr_expect(strstr(err.msg, wrong[i][0].key), "%s", err.msg);
    }
}

Test(csv, header) {
    expect(NULL, 0, "a,b,c\nx,1,2\n", "x|1|2/", "", "");
    expect(NULL, 0, "c,other,a\n2,y,x\n3,z\n", "x|NULL|2/NULL|NULL|3/", "", "");
    expect(NULL, 0, WR_BOM_TEXT "\"c\", B ,\"a\"\r\n2,1,x\r\n", "x|1|2/", "", "");
    expect(NULL, 0, "a,a,b\nx,y,1\n", "x|1|NULL/", "", "");
    expect(NULL, 0, "a,b,c\n", "", "", "");
    expect(NULL, 0, "a,b,c", "", "", "");
    expect(NULL, 0, "u,v\nx,1,2\n", "", "u,v\nx,1,2\n|",
           "the header line names none of the columns; set header = 'false' if the first line is a row, or "
           "correct "
           "the names");
}

/* Chunks behind the first one get the header by chunk.head, or from the decoder's memory of the split. */
Test(csv, head_of_later_chunks) {
    wr_schema sc = ABC;
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    wr_decoder *d;
    wr_batches l = {0};
    char got[256];
    cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
    wr_chunk c = chunk_of("1,x\n", 4, 10);
    cr_assert_eq(csv->decode(d, &c, &l, NULL), WR_OK);
    cr_expect_eq(log.n, 1);
    cr_expect_eq(log.pos, 10);
    c.head = "b,a\n";
    c.head_len = 4;
    cr_assert_eq(csv->decode(d, &c, &l, NULL), WR_OK);
    print_rows(&sc, &l, got, sizeof got);
    cr_expect_str_eq(got, "x|1|NULL/");
    cr_expect_eq(l.items[0]->pos, 10);
    c.head = NULL;
    cr_assert_eq(csv->decode(d, &c, &l, NULL), WR_OK);
    cr_expect_eq(batches_rows(&l), 2);
    c.split = 3;
    c.head = "a,b\n";
    cr_assert_eq(csv->decode(d, &c, &l, NULL), WR_OK);
    cr_expect_eq(log.n, 2, "'x' is no number");
    wr_drop(c.hold);
    batches_free(&l);
    csv->close_decoder(d);
    uint64_t state = csv->begin(NULL, 0);
    cr_expect_eq(csv->head("a,b\n1,2\n", 8, state), 4);
    cr_expect_eq(csv->head("\"a\nb\",c\n1,2\n", 13, state), 8);
    cr_expect_eq(csv->head("a,b\n1,2\n", 8, csv->begin(no_header, 1)), 0);
}

Test(csv, bad_chunk_and_not_null) {
    static const wr_field f[] = {{"n", {.kind = WR_T_BIGINT, .not_null = true}, NULL},
                                 {"s", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {2, (wr_field *)f};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, no_header, 1, &log);
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(csv, d, "1,x\n,y\n3,z\n", 11, 100, &l);
    cr_expect_eq(batches_rows(&l), 2);
    cr_expect_eq(log.n, 1);
    cr_expect_eq(log.pos, 104);
    cr_expect_str_eq(log.why, "n: no value for a NOT NULL column");
    wr_chunk c = chunk_of("whatever", 8, 500);
    c.bad = true;
    c.why = "too long";
    cr_assert_eq(csv->decode(d, &c, &l, NULL), WR_OK);
    cr_expect_eq(log.n, 2);
    cr_expect_eq(log.pos, 500);
    cr_expect_str_eq(log.why, "too long");
    wr_drop(c.hold);
    batches_free(&l);
    csv->close_decoder(d);
}

/* Of the columns a, b, c only some are read: fields keep their places, blank lines are no rows. */
Test(csv, some_columns) {
    wr_schema all = ABC, last = {1, (wr_field *)&abc[2]}, none = {0, NULL};
    static const uint32_t place = 2;
    static const char *const texts[] = {"x,one,2\n\n\"y\ny\",2\n", "b,a,c\none,x,2\n\n2,y\n"};
    for (int header = 0; header < 2; header++)
        for (int n = 0; n < 2; n++) {
            bad_log log = {0};
            wr_decode_cfg cfg = decode_cfg(n ? &last : &none, no_header, !header, &log);
            cfg.declared = &all;
            cfg.places = &place;
            wr_decoder *d;
            wr_batches l = {0};
            cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
            decode_text(csv, d, texts[header], strlen(texts[header]), 0, &l);
            cr_expect_eq(log.n, 0, "%s", log.why);
            cr_assert_eq(batches_rows(&l), 2);
            if (n) {
                cr_expect_eq(l.items[0]->cols[0].f64[0], 2.0);
                cr_expect(wr_is_null(&l.items[0]->cols[0], 1));
            }
            batches_free(&l);
            csv->close_decoder(d);
        }
}

/* ---- round trips ---- */

typedef struct setting {
    wr_kv kv[4];
    size_t n;
} setting;
static const setting settings[] = {
    {{{"header", "true", 0}}, 1},
    {{{"header", "false", 0}, {"delimiter", "\\t", 0}}, 2},
    {{{"quote", "'", 0}, {"delimiter", ";", 0}, {"null_text", "NULL", 0}}, 3},
    {{{"timestamp_format", "epoch_us", 0}, {"delimiter", "-", 0}, {"null_text", "\\N", 0}}, 3},
    {{{"timestamp_format", "epoch_s", 0}, {"delimiter", ".", 0}}, 2},
    {{{"timestamp_format", "epoch_ms", 0}, {"delimiter", "/", 0}, {"header", "false", 0}}, 3},
    {{{"delimiter", "--", 0}}, 1},
    {{{"delimiter", "\\t\\t", 0}, {"quote", "'", 0}, {"null_text", "NULL", 0}}, 3},
};

static void encode_csv(const wr_schema *sc, const setting *s, const wr_batch *b, wr_buf *out) {
    wr_encode_cfg cfg = {.schema = sc, .options = s->kv, .n_options = s->n};
    wr_encoder *e;
    wr_err err;
    cr_assert_eq(csv->open_encoder(&cfg, &e, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(csv->header(e, out, &err), WR_OK);
    cr_assert_eq(csv->encode(e, b, out, &err), WR_OK);
    csv->close_encoder(e);
}

Test(csv, round_trip) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 1;
    for (int round = 0; round < 60; round++) {
        const setting *s = &settings[(size_t)round % WR_LEN(settings)];
        wr_batch *b = random_batch(&sc, round % 10 == 9 ? 1500 : 37, &seed);
        wr_buf text = {0};
        encode_csv(&sc, s, b, &text);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, s->kv, s->n, &log);
        bool dict[WR_LEN(all_types)] = {true}; /* the first column is text */
        cfg.want_dict = round % 2 ? dict : NULL;
        cfg.batch_rows = round % 3 ? 16 : 4096;
        wr_decoder *d;
        wr_batches l = {0};
        cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
        decode_text(csv, d, text.data, text.len, 0, &l);
        cr_assert_eq(log.n, 0, "%s: %s", log.why, log.data);
        cr_assert_eq(batches_rows(&l), b->n);
        expect_rows(&sc, &l, b, 0);
        cr_assert_eq(expect_codes(&l, 0), round % 2 ? b->n : 0);
        cr_assert_eq(expect_codes(&l, 9), 0);
        batches_free(&l);
        csv->close_decoder(d);
        wr_batch_drop(b);
        wr_buf_free(&text);
    }
}

/* One column, all NULL or empty: lines that hold nothing are rows here. */
Test(csv, one_column) {
    static const wr_field f[] = {{"s", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {1, (wr_field *)f};
    uint64_t seed = 2;
    wr_batch *b = random_batch(&sc, 500, &seed);
    wr_buf text = {0};
    encode_csv(&sc, &settings[0], b, &text);
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(csv, d, text.data, text.len, 0, &l);
    cr_expect_eq(batches_rows(&l), 500);
    expect_rows(&sc, &l, b, 0);
    batches_free(&l);
    csv->close_decoder(d);
    wr_batch_drop(b);
    wr_buf_free(&text);
}

/* What framing cuts off at every byte of the text, decoded piece by piece, is what the whole text holds. */
Test(csv, cut_everywhere) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 3;
    for (size_t si = 0; si < WR_LEN(settings); si++) {
        const setting *s = &settings[si];
        wr_batch *b = random_batch(&sc, 8, &seed);
        wr_buf text = {0};
        encode_csv(&sc, s, b, &text);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, s->kv, s->n, &log);
        wr_decoder *d;
        cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
        uint64_t begin = csv->begin(s->kv, s->n);
        size_t head = csv->head(text.data, text.len, begin);
        size_t before = 0;
        for (size_t cut = 0; cut <= text.len; cut++) {
            uint64_t state = begin;
            char *exact = wr_alloc(cut); /* framing must not read behind it */
            memcpy(exact, text.data, cut);
            size_t n = csv->frame(exact, cut, false, &state);
            wr_free(exact);
            cr_assert_leq(n, cut);
            cr_assert_geq(n, before);
            if (n == before) continue;
            before = n;
            wr_batches l = {0};
            decode_text(csv, d, text.data, n, 0, &l);
            uint64_t rows = batches_rows(&l);
            expect_rows(&sc, &l, b, 0);
            batches_free(&l);
            wr_chunk rest = chunk_of(text.data + n, text.len - n, (int64_t)n);
            rest.head = text.data;
            rest.head_len = head;
            cr_assert_eq(csv->decode(d, &rest, &l, NULL), WR_OK);
            wr_drop(rest.hold);
            cr_assert_eq(rows + batches_rows(&l), b->n);
            expect_rows(&sc, &l, b, (uint32_t)rows);
            batches_free(&l);
            cr_assert_eq(log.n, 0, "%s", log.why);
        }
        cr_assert_eq(before, text.len);
        uint64_t state = begin;
        cr_assert_eq(csv->frame(text.data, text.len - 1, true, &state), text.len - 1);
        csv->close_decoder(d);
        wr_batch_drop(b);
        wr_buf_free(&text);
    }
}

/* Framing agrees with a walk that knows only the rules, on random marks. */
Test(csv, frame_oracle) {
    uint64_t seed = 4;
    for (int round = 0; round < 20000; round++) {
        static const char marks[] = "\"\"\",,\n\nab\r";
        char t[300];
        size_t n = rnd(&seed) % (round % 2 ? 300 : 20), whole = 0;
        for (size_t i = 0; i < n; i++) t[i] = marks[rnd(&seed) % (sizeof marks - 1)];
        bool start = true, inside = false;
        for (size_t i = 0; i < n; i++) {
            if (inside && t[i] == '"' && i + 1 < n && t[i + 1] == '"') i++;
            else if (inside && t[i] == '"') inside = false;
            else if (inside) continue;
            else if (start && t[i] == '"') inside = true;
            else if (t[i] == '\n') whole = i + 1;
            start = !inside && (t[i] == ',' || t[i] == '\n');
        }
        uint64_t state = 0;
        size_t got = csv->frame(t, n, false, &state);
        if (got != whole) cr_assert_fail("%.*s: %zu instead of %zu", (int)n, t, got, whole);
    }
}

/* Fields of delimiters of several characters, against a walk that knows only the rules; and framing and
 * decoding agree on where rows end. */
Test(csv, delimiters_of_several_characters) {
    static const wr_field f[] = {{"a", {.kind = WR_T_VARCHAR}, NULL}, {"b", {.kind = WR_T_VARCHAR}, NULL}};
    wr_schema sc = {2, (wr_field *)f};
    const wr_kv kv[] = {{"header", "false", 0}, {"delimiter", "|;|", 0}, {"null_text", "NULL", 0}};
    uint64_t seed = 9;
    for (int round = 0; round < 5000; round++) {
        static const char *const parts[] = {"|;|", "|;|", "|;|", "|", ";", "\"", "\"\"", "ab", "\n"};
        char t[400];
        size_t n = 0;
        for (size_t k = rnd(&seed) % 60; k > 0; k--) {
            const char *part = parts[rnd(&seed) % WR_LEN(parts)];
            memcpy(t + n, part, strlen(part));
            n += strlen(part);
        }
        size_t rows = 0, whole = 0;
        bool start = true, inside = false, any = false;
        for (size_t i = 0; i < n; i++) {
            bool was = start;
            start = false;
            any = any || t[i] != '\n';
            if (inside && t[i] == '"' && i + 1 < n && t[i + 1] == '"') i++;
            else if (inside) inside = t[i] != '"';
            else if (was && t[i] == '"') inside = true;
            else if (n - i >= 3 && memcmp(t + i, "|;|", 3) == 0) {
                i += 2;
                start = true;
            } else if (t[i] == '\n') {
                whole = i + 1;
                rows += any;
                any = false;
                start = true;
            }
        }
        uint64_t state = csv->begin(kv, 3);
        char *exact = wr_alloc(n);
        memcpy(exact, t, n);
        size_t got = csv->frame(exact, n, false, &state);
        wr_free(exact);
        if (got != whole) cr_assert_fail("%.*s: %zu instead of %zu", (int)n, t, got, whole);
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, kv, 3, &log);
        wr_decoder *d;
        wr_batches l = {0};
        cr_assert_eq(csv->open_decoder(&cfg, &d, NULL), WR_OK);
        decode_text(csv, d, t, whole, 0, &l);
        size_t found = batches_rows(&l) + log.n;
        if (found != rows) cr_assert_fail("%.*s: %zu rows instead of %zu", (int)n, t, found, rows);
        batches_free(&l);
        csv->close_decoder(d);
    }
}

Test(csv, encoded_text) {
    wr_schema sc = ABC;
    wr_batch *b;
    cr_assert_eq(wr_batch_new(3, 4, &b, NULL), WR_OK);
    for (uint32_t k = 0; k < 3; k++) cr_assert_eq(wr_batch_col(b, k, wr_type_phys(abc[k].type), NULL), WR_OK);
    static const char *const s[] = {"plain", "a,b", "say \"hi\"", ""};
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(wr_batch_str(b, s[i], strlen(s[i]), &b->cols[0].str[i], NULL), WR_OK);
        b->cols[1].i64[i] = i;
        b->cols[2].f64[i] = i / 2.0;
    }
    wr_bit_set(wr_batch_nulls(b, &b->cols[1]), 1);
    b->n = 4;
    wr_buf text = {0};
    encode_csv(&sc, &settings[0], b, &text);
    cr_assert_eq(wr_buf_put(&text, "", 1), WR_OK);
    cr_expect_str_eq(text.data, "a,b,c\nplain,0,0.0\n\"a,b\",,0.5\n\"say \"\"hi\"\"\",2,1.0\n\"\",3,1.5\n");
    text.len = 0;
    const setting none = {{{"quote", "none", 0}}, 1};
    encode_csv(&sc, &none, b, &text);
    cr_assert_eq(wr_buf_put(&text, "", 1), WR_OK);
    cr_expect_str_eq(text.data, "a,b,c\nplain,0,0.0\na b,,0.5\nsay \"hi\",2,1.0\n,3,1.5\n");
    wr_buf_free(&text);
    wr_batch_drop(b);
}

/* Every allocation of a whole pass fails once; nothing leaks, the status says so. */
Test(csv, out_of_memory) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 5;
    wr_batch *b = random_batch(&sc, 50, &seed);
    wr_buf text = {0};
    encode_csv(&sc, &settings[0], b, &text);
    wr_chunk c = chunk_of(text.data, text.len, 0);
    for (uint64_t n = 1;; n++) {
        bad_log log = {0};
        wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
        wr_encode_cfg ecfg = {.schema = &sc};
        wr_decoder *d = NULL;
        wr_encoder *e = NULL;
        wr_batches l = {0};
        wr_buf out = {0};
        bool dict[WR_LEN(all_types)] = {true};
        cfg.want_dict = dict;
        wr_mem_fail_at(n);
        wr_status s = csv->open_decoder(&cfg, &d, NULL);
        if (s == WR_OK) s = csv->decode(d, &c, &l, NULL);
        if (s == WR_OK) s = csv->open_encoder(&ecfg, &e, NULL);
        if (s == WR_OK) s = csv->header(e, &out, NULL);
        if (s == WR_OK) s = csv->encode(e, b, &out, NULL);
        wr_mem_fail_at(0);
        if (s == WR_OK) cr_expect(out.len == text.len && memcmp(out.data, text.data, out.len) == 0);
        else cr_assert_eq(s, WR_ENOMEM);
        csv->close_encoder(e);
        csv->close_decoder(d);
        batches_free(&l);
        wr_buf_free(&out);
        if (s == WR_OK) {
            cr_expect_gt(n, 10);
            break;
        }
    }
    wr_drop(c.hold);
    wr_buf_free(&text);
    wr_batch_drop(b);
}
