/* The table: layout, widths, what is escaped, growing as rows come. */
#include "tests/unit/connectors/formats.h"

extern const wr_format_def wr_format_table;
static const wr_format_def *const table = &wr_format_table;

static const wr_field cols[] = {{"page", {.kind = WR_T_VARCHAR}, NULL},
                                {"clicks", {.kind = WR_T_BIGINT}, NULL}};
#define SCHEMA ((wr_schema){WR_LEN(cols), (wr_field *)cols})

typedef struct row {
    const char *page;
    int64_t clicks; /* -1: NULL */
} row;

static wr_batch *rows_of(const row *r, uint32_t n) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(2, n ? n : 1, &b, NULL), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, WR_STR, NULL), WR_OK);
    cr_assert_eq(wr_batch_col(b, 1, WR_I64, NULL), WR_OK);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(wr_batch_str(b, r[i].page, strlen(r[i].page), &b->cols[0].str[i], NULL), WR_OK);
        b->cols[1].i64[i] = r[i].clicks;
        if (r[i].clicks < 0) wr_bit_set(wr_batch_nulls(b, &b->cols[1]), i);
    }
    b->n = n;
    return b;
}

static void expect_table(const row *r, uint32_t n, uint32_t width, const char *want) {
    wr_schema sc = SCHEMA;
    wr_encode_cfg cfg = {.schema = &sc, .terminal = width > 0, .width = width};
    wr_encoder *e;
    wr_buf out = {0};
    wr_batch *b = rows_of(r, n);
    cr_assert_eq(table->open_encoder(&cfg, &e, NULL), WR_OK);
    cr_assert_eq(table->encode(e, b, &out, NULL), WR_OK);
    cr_expect_eq(out.len, 0, "rows are kept until widths are known");
    cr_assert_eq(table->footer(e, &out, NULL), WR_OK);
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    cr_expect_str_eq(out.data, want, "\n%s\ninstead of\n%s", out.data, want);
    table->close_encoder(e);
    wr_batch_drop(b);
    wr_buf_free(&out);
}

Test(table, layout) {
    expect_table((const row[]){{"/home", 12}, {"/a", 1234}, {"/n", -1}}, 3, 80,
                 "┌───────┬────────┐\n"
                 "│ page  │ clicks │\n"
                 "├───────┼────────┤\n"
                 "│ /home │     12 │\n"
                 "│ /a    │   1234 │\n"
                 "│ /n    │   NULL │\n"
                 "└───────┴────────┘\n"
                 "(3 rows)\n");
    expect_table((const row[]){{"x", 1}}, 1, 0,
                 "┌──────┬────────┐\n"
                 "│ page │ clicks │\n"
                 "├──────┼────────┤\n"
                 "│ x    │      1 │\n"
                 "└──────┴────────┘\n"
                 "(1 row)\n");
    expect_table(NULL, 0, 80,
                 "┌──────┬────────┐\n"
                 "│ page │ clicks │\n"
                 "├──────┼────────┤\n"
                 "└──────┴────────┘\n"
                 "(0 rows)\n");
}

Test(table, characters) {
    expect_table((const row[]){{"日本語", 1},
                               {"e\xcc\x81t\xc3\xa9", 2},
                               {"😀", 3},
                               {"a\tb\x1b[2J", 4},
                               {"\xff!", 5},
                               {"\xe2\x80\xae", 6}},
                 6, 80,
                 "┌─────────────┬────────┐\n"
                 "│ page        │ clicks │\n"
                 "├─────────────┼────────┤\n"
                 "│ 日本語      │      1 │\n"
                 "│ e\xcc\x81t\xc3\xa9         │      2 │\n"
                 "│ 😀          │      3 │\n"
                 "│ a\\tb\\x1b[2J │      4 │\n"
                 "│ \xef\xbf\xbd!          │      5 │\n"
                 "│ \\u202e      │      6 │\n"
                 "└─────────────┴────────┘\n"
                 "(6 rows)\n");
}

Test(table, cut_to_the_terminal) {
    expect_table((const row[]){{"a page with a long name", 12}, {"日本語日本語日本語", 3}, {"/short", 1}}, 3,
                 26,
                 "┌───────────────┬────────┐\n"
                 "│ page          │ clicks │\n"
                 "├───────────────┼────────┤\n"
                 "│ a page with … │     12 │\n"
                 "│ 日本語日本語… │      3 │\n"
                 "│ /short        │      1 │\n"
                 "└───────────────┴────────┘\n"
                 "(3 rows)\n");
    /* Narrower than possible: the least widths, and the table juts out. */
    expect_table((const row[]){{"a page with a long name", 123456789}}, 1, 5,
                 "┌─────┬─────┐\n"
                 "│ pa… │ cl… │\n"
                 "├─────┼─────┤\n"
                 "│ a … │ 12… │\n"
                 "└─────┴─────┘\n"
                 "(1 row)\n");
}

static void expect_shown(wr_encoder *e, const row *r, uint32_t n, const char *want) {
    wr_buf out = {0};
    wr_batch *b = rows_of(r, n);
    cr_assert_eq(table->encode(e, b, &out, NULL), WR_OK);
    cr_expect_eq(out.len, 0);
    cr_assert_eq(table->show(e, &out, NULL), WR_OK);
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    cr_expect_str_eq(out.data, want, "\n%s\ninstead of\n%s", out.data, want);
    wr_batch_drop(b);
    wr_buf_free(&out);
}

static wr_encoder *open_table(const wr_schema *sc, uint32_t width) {
    wr_encode_cfg cfg = {.schema = sc, .width = width};
    wr_encoder *e;
    cr_assert_eq(table->open_encoder(&cfg, &e, NULL), WR_OK);
    return e;
}

Test(table, goes_on_and_becomes_wider) {
    wr_schema sc = SCHEMA;
    wr_encoder *e = open_table(&sc, 30);
    expect_shown(e, NULL, 0, "");
    expect_shown(e, (const row[]){{"/a", 1}}, 1,
                 "┌──────┬────────┐\n"
                 "│ page │ clicks │\n"
                 "├──────┼────────┤\n"
                 "│ /a   │      1 │\n");
    expect_shown(e, (const row[]){{"/b", 2}}, 1, "│ /b   │      2 │\n");
    expect_shown(e, NULL, 0, "");
    expect_shown(e, (const row[]){{"/longer", 3}}, 1,
                 "├─────────┼────────┤\n"
                 "│ /longer │      3 │\n");
    expect_shown(e, (const row[]){{"/longer than there is room for", 4}}, 1,
                 "├───────────────────┼────────┤\n"
                 "│ /longer than the… │      4 │\n");
    table->close_encoder(e);
}

Test(table, width_unknown_a_very_long_cell_juts_out) {
    wr_schema sc = SCHEMA;
    wr_encoder *e = open_table(&sc, 0);
    expect_shown(e, (const row[]){{"/page", 1}}, 1,
                 "┌───────┬────────┐\n"
                 "│ page  │ clicks │\n"
                 "├───────┼────────┤\n"
                 "│ /page │      1 │\n");
    expect_shown(e,
                 (const row[]){{"a page whose name is far longer than it is sensible to make a column for it "
                                "and for all that follow",
                                2},
                               {"/a", 3}},
                 2,
                 "│ a page whose name is far longer than it is sensible to make a column for it "
                 "and for all that follow │      2 │\n"
                 "│ /a    │      3 │\n");
    table->close_encoder(e);
}

Test(table, begins_anew_after_other_output) {
    wr_schema sc = SCHEMA;
    wr_encoder *e = open_table(&sc, 80);
    wr_buf out = {0};
    table->anew(e);
    for (int i = 0; i < 2; i++) {
        expect_shown(e, (const row[]){{"/page", 1}}, 1,
                     "┌───────┬────────┐\n"
                     "│ page  │ clicks │\n"
                     "├───────┼────────┤\n"
                     "│ /page │      1 │\n");
        table->anew(e);
    }
    cr_assert_eq(table->footer(e, &out, NULL), WR_OK);
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    cr_expect_str_eq(out.data, "┌───────┬────────┐\n"
                               "│ page  │ clicks │\n"
                               "├───────┼────────┤\n"
                               "└───────┴────────┘\n"
                               "(2 rows)\n");
    table->close_encoder(e);
    wr_buf_free(&out);
}

Test(table, all_types_and_memory) {
    wr_schema sc = ALL_TYPES;
    uint64_t seed = 21;
    wr_batch *b = random_batch(&sc, 60, &seed);
    for (uint64_t n = 1;; n++) {
        wr_encode_cfg cfg = {.schema = &sc, .width = 100};
        wr_encoder *e = NULL;
        wr_buf out = {0};
        wr_mem_fail_at(n);
        wr_status s = table->open_encoder(&cfg, &e, NULL);
        for (int i = 0; i < 20 && s == WR_OK; i++) {
            s = table->encode(e, b, &out, NULL);
            if (s == WR_OK && i == 10) s = table->show(e, &out, NULL);
        }
        if (s == WR_OK) s = table->footer(e, &out, NULL);
        wr_mem_fail_at(0);
        if (s == WR_OK) {
            size_t lines = 0;
            for (size_t i = 0; i < out.len; i++) {
                lines += out.data[i] == '\n';
                cr_assert(out.data[i] == '\n' || (unsigned char)out.data[i] >= 0x20);
            }
            cr_expect_eq(lines, 1200 + 5); /* head, footer; no cell is wider than those shown first */
            cr_expect(wr_utf8_valid(out.data, out.len));
        } else cr_assert_eq(s, WR_ENOMEM);
        table->close_encoder(e);
        wr_buf_free(&out);
        if (s == WR_OK) break;
    }
    wr_batch_drop(b);
}

Test(table, no_columns) {
    wr_schema sc = {0, NULL};
    wr_encode_cfg cfg = {.schema = &sc};
    wr_encoder *e;
    wr_buf out = {0};
    wr_batch *b;
    cr_assert_eq(wr_batch_new(0, 3, &b, NULL), WR_OK);
    b->n = 3;
    cr_assert_eq(table->open_encoder(&cfg, &e, NULL), WR_OK);
    cr_assert_eq(table->encode(e, b, &out, NULL), WR_OK);
    cr_assert_eq(table->footer(e, &out, NULL), WR_OK);
    cr_expect(out.len == 9 && memcmp(out.data, "(3 rows)\n", 9) == 0);
    table->close_encoder(e);
    wr_batch_drop(b);
    wr_buf_free(&out);
}
