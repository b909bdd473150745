/* Raw lines: rows, framing, what the schema must be. */
#include "tests/unit/connectors/formats.h"

extern const wr_format_def wr_format_raw;
static const wr_format_def *const raw = &wr_format_raw;

static const wr_field text_col = {"line", {.kind = WR_T_VARCHAR}, NULL};
static const wr_field bytes_col = {"line", {.kind = WR_T_VARBINARY}, NULL};

static void expect_lines(const wr_field *f, const char *p, size_t n, const char *const *want, size_t n_want) {
    wr_schema sc = {1, (wr_field *)f};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    cfg.batch_rows = 2;
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(raw->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(raw, d, p, n, 7, &l);
    cr_assert_eq(batches_rows(&l), n_want, "%.*s", (int)n, p);
    size_t row = 0;
    for (size_t i = 0; i < l.n; i++)
        for (uint32_t r = 0; r < l.items[i]->n; r++, row++) {
            const wr_str *s = &l.items[i]->cols[0].str[r];
            cr_expect(s->len == strlen(want[row]) && memcmp(wr_str_data(s), want[row], s->len) == 0, "%.*s",
                      (int)s->len, wr_str_data(s));
        }
    cr_expect_eq(log.n, 0);
    batches_free(&l);
    raw->close_decoder(d);
}

Test(raw, lines) {
    expect_lines(&text_col, "", 0, NULL, 0);
    expect_lines(&text_col, "a\n", 2, (const char *const[]){"a"}, 1);
    expect_lines(&text_col, "a\r\n\r\n\nlast line without an end", 30,
                 (const char *const[]){"a", "", "", "last line without an end"}, 4);
    expect_lines(&bytes_col, "\xff\r\nb\n", 5, (const char *const[]){"\xff\r", "b"}, 2);
}

Test(raw, bad_text) {
    wr_schema sc = {1, (wr_field *)&text_col};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(raw->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(raw, d, "good\nb\xe9te\nand good again\n", 25, 100, &l);
    cr_expect_eq(batches_rows(&l), 2);
    cr_expect_eq(log.n, 1);
    cr_expect_eq(log.pos, 105);
    cr_expect_str_eq(log.data, "b\xe9te|");
    cr_expect_str_eq(log.why, "line: 'b\\xe9te' is no UTF-8 text");
    batches_free(&l);
    raw->close_decoder(d);
}

Test(raw, without_hold) {
    wr_schema sc = {1, (wr_field *)&text_col};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&sc, NULL, 0, &log);
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(raw->open_decoder(&cfg, &d, NULL), WR_OK);
    char *text = wr_alloc(40 + WR_PAD);
    memset(text, 'x', 40 + WR_PAD);
    wr_chunk c = {.data = text, .len = 40, .split = 3};
    cr_assert_eq(raw->decode(d, &c, &l, NULL), WR_OK);
    wr_free(text); /* the batch must have its own copy */
    cr_expect_eq(l.items[0]->cols[0].str[0].len, 40);
    cr_expect_eq(wr_str_data(&l.items[0]->cols[0].str[0])[39], 'x');
    batches_free(&l);
    raw->close_decoder(d);
}

/* COUNT(*) reads no column. */
Test(raw, no_column_read) {
    wr_schema all = {1, (wr_field *)&text_col}, none = {0, NULL};
    bad_log log = {0};
    wr_decode_cfg cfg = decode_cfg(&none, NULL, 0, &log);
    cfg.declared = &all;
    wr_decoder *d;
    wr_batches l = {0};
    cr_assert_eq(raw->open_decoder(&cfg, &d, NULL), WR_OK);
    decode_text(raw, d, "a\n\nb", 4, 0, &l);
    cr_expect_eq(batches_rows(&l), 3);
    batches_free(&l);
    raw->close_decoder(d);
}

Test(raw, cut_everywhere) {
    const char text[] = "one\n\ntwo\r\nthree";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        uint64_t state = 0;
        size_t n = raw->frame(text, cut, false, &state);
        cr_expect_eq(n, cut < 4 ? 0 : cut < 5 ? 4 : cut < 10 ? 5 : 10, "%zu", cut);
        cr_expect_eq(raw->frame(text, cut, true, &state), cut);
    }
}

Test(raw, schema) {
    wr_field two[] = {text_col, bytes_col}, number = {"n", {.kind = WR_T_BIGINT}, NULL};
    wr_schema bad[] = {{2, two}, {0, two}, {1, &number}};
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        wr_decode_cfg dc = {.schema = &bad[i]};
        wr_encode_cfg ec = {.schema = &bad[i]};
        wr_decoder *d;
        wr_encoder *e;
        wr_err err = {0};
        cr_expect_eq(raw->open_decoder(&dc, &d, &err), WR_EINVAL);
        cr_expect(strstr(err.msg, "VARCHAR"), "%s", err.msg);
        cr_expect_eq(raw->open_encoder(&ec, &e, &err), WR_EINVAL);
    }
}

Test(raw, round_trip_and_memory) {
    wr_schema sc = {1, (wr_field *)&bytes_col};
    uint64_t seed = 1;
    wr_batch *b = random_batch(&sc, 300, &seed);
    for (uint32_t i = 0; i < b->n; i++) { /* no line feeds; NULL comes back as empty */
        char *p = (char *)(uintptr_t)wr_str_data(&b->cols[0].str[i]);
        for (uint32_t k = 0; k < b->cols[0].str[i].len; k++)
            if (p[k] == '\n') p[k] = ' ';
    }
    b->cols[0].nulls = NULL;
    for (uint32_t i = 0; i < b->n; i++) { /* prefixes of long views follow their bytes */
        wr_str *s = &b->cols[0].str[i];
        if (s->len > WR_STR_INLINE) memcpy(s->prefix, s->ptr, 4);
    }
    wr_encode_cfg ec = {.schema = &sc};
    wr_encoder *e = NULL;
    wr_buf text = {0};
    cr_assert_eq(raw->open_encoder(&ec, &e, NULL), WR_OK);
    cr_assert_eq(raw->encode(e, b, &text, NULL), WR_OK);
    raw->close_encoder(e);
    wr_chunk c = chunk_of(text.data, text.len, 0);
    for (uint64_t n = 1;; n++) {
        bad_log log = {0};
        wr_decode_cfg dc = decode_cfg(&sc, NULL, 0, &log);
        wr_decoder *d = NULL;
        wr_buf again = {0};
        wr_batches l = {0};
        e = NULL;
        wr_mem_fail_at(n);
        wr_status s = raw->open_encoder(&ec, &e, NULL);
        if (s == WR_OK) s = raw->encode(e, b, &again, NULL);
        if (s == WR_OK) s = raw->open_decoder(&dc, &d, NULL);
        if (s == WR_OK) s = raw->decode(d, &c, &l, NULL);
        wr_mem_fail_at(0);
        if (s == WR_OK) {
            cr_expect_eq(batches_rows(&l), b->n);
            expect_rows(&sc, &l, b, 0);
            cr_expect(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
        } else cr_assert_eq(s, WR_ENOMEM);
        raw->close_encoder(e);
        raw->close_decoder(d);
        batches_free(&l);
        wr_buf_free(&again);
        if (s == WR_OK) break;
    }
    wr_drop(c.hold);
    wr_buf_free(&text);
    wr_batch_drop(b);
}
