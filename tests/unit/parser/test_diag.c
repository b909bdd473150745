/* tests/unit/parser/test_diag.c -- places, carets and order of diagnostics, apart from any grammar. */
#include "parse_util.h"

static void expect_shown(const char *text, wr_loc loc, const char *want) {
    wr_arena ar = {0};
    wr_diags d = {.file = "f", .text = text, .len = strlen(text), .ar = &ar};
    wr_diag_add(&d, WR_ERROR, WR_ESQL, loc, NULL, "%s", "m");
    wr_buf got = print_diags(&d);
    cr_expect_str_eq(got.data, want, "got:\n%s\nwant:\n%s", got.data, want);
    wr_buf_free(&got);
    wr_arena_free(&ar);
}

Test(parser_diag, carets_stand_under_the_range) {
    expect_shown("abc", (wr_loc){0, 1}, "f:1:1: error: m\n  abc\n  ^\n");
    expect_shown("abc", (wr_loc){1, 3}, "f:1:2: error: m\n  abc\n   ^^\n");
    expect_shown("abc\ndef\n", (wr_loc){5, 6}, "f:2:2: error: m\n  def\n   ^\n");
    expect_shown("abc\r\ndef", (wr_loc){1, 7}, "f:1:2: error: m\n  abc\n   ^^\n");
    expect_shown("abc", (wr_loc){3, 3}, "f:1:4: error: m\n  abc\n     ^\n");
    expect_shown("abc\n", (wr_loc){3, 3}, "f:1:4: error: m\n  abc\n     ^\n");
    expect_shown("", (wr_loc){0, 0}, "f:1:1: error: m\n  \n  ^\n");
    expect_shown("abc", (wr_loc){99, 200}, "f:1:4: error: m\n  abc\n     ^\n");
    expect_shown("abc", (wr_loc){1, 1}, "f:1:2: error: m\n  abc\n   ^\n");
}

Test(parser_diag, tabs_and_wide_characters) {
    expect_shown("\ta\tb", (wr_loc){3, 4}, "f:1:4: error: m\n  \ta\tb\n  \t \t^\n");
    expect_shown("äb", (wr_loc){2, 3}, "f:1:2: error: m\n  äb\n   ^\n");
    expect_shown("日本x", (wr_loc){6, 7}, "f:1:3: error: m\n  日本x\n      ^\n");
    expect_shown("日本x", (wr_loc){3, 6}, "f:1:2: error: m\n  日本x\n    ^^\n");
    expect_shown("a\xff"
                 "b",
                 (wr_loc){2, 3}, "f:1:3: error: m\n  a?b\n    ^\n");
    expect_shown("a\x1b[31mb", (wr_loc){6, 7}, "f:1:7: error: m\n  a [31mb\n        ^\n");
}

Test(parser_diag, long_lines_are_cut_around_the_place) {
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    text[500] = '@';
    wr_arena ar = {0};
    wr_diags d = {.file = "f", .text = text, .len = 1000, .ar = &ar};
    wr_diag_add(&d, WR_ERROR, WR_ESQL, (wr_loc){500, 501}, NULL, "m");
    wr_buf got = print_diags(&d);
    const char *line = strchr(got.data, '\n') + 1, *caret = strchr(line, '\n') + 1;
    cr_expect_eq(strncmp(line, "  …xxx", 8), 0);
    cr_expect_lt(caret - line, 180);
    cr_expect_eq(strchr(caret, '^') - caret + 2, strchr(line, '@') - line, "… is three bytes and one column");
    cr_expect_null(strchr(strchr(caret, '^') + 1, '^'));
    wr_buf_free(&got);
    wr_arena_free(&ar);
}

Test(parser_diag, sorted_by_place_with_hints_and_warnings) {
    wr_arena ar = {0};
    wr_diags d = {.file = NULL, .text = "ab\ncd", .len = 5, .ar = &ar};
    wr_diag_add(&d, WR_ERROR, WR_ESQL, (wr_loc){3, 4}, "do this", "second %d", 2);
    wr_diag_add(&d, WR_WARNING, WR_ESQL, (wr_loc){1, 2}, NULL, "first\n%s", "line");
    wr_diag_add(&d, WR_ERROR, WR_EUNSUPPORTED, (wr_loc){3, 4}, NULL, "third");
    wr_buf got = print_diags(&d);
    cr_expect_str_eq(got.data, "<sql>:1:2: warning: first line\n  ab\n   ^\n"
                               "<sql>:2:1: error: second 2\n  cd\n  ^\n  hint: do this\n"
                               "<sql>:2:1: error: third\n  cd\n  ^\n");
    cr_expect_eq(d.errors, 2);
    wr_buf_free(&got);
    wr_arena_free(&ar);
}

Test(parser_diag, at_most_so_many_are_kept_and_all_are_counted) {
    wr_arena ar = {0};
    wr_diags d = {.file = "f", .text = "a", .len = 1, .ar = &ar};
    for (int i = 0; i < WR_DIAGS_MAX + 7; i++)
        wr_diag_add(&d, WR_ERROR, WR_ESQL, (wr_loc){0, 1}, NULL, "m%d", i);
    cr_expect_eq(d.n, WR_DIAGS_MAX);
    cr_expect_eq(d.errors, WR_DIAGS_MAX + 7);
    wr_buf got = print_diags(&d);
    cr_expect(strstr(got.data, "\n7 more errors are not shown\n"));
    wr_buf_free(&got);
    wr_arena_free(&ar);
}

Test(parser_diag, line_and_column_count_characters) {
    const char *text = "aä\n日b\n";
    uint32_t line, col;
    static const struct {
        uint32_t at, line, col;
    } cases[] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3}, {4, 2, 1}, {7, 2, 2}, {8, 2, 3}, {9, 3, 1}, {100, 3, 1}};
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        wr_line_col(text, strlen(text), cases[i].at, &line, &col);
        cr_expect(line == cases[i].line && col == cases[i].col, "at %u: %u:%u", cases[i].at, line, col);
    }
}
