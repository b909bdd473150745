/* tests/unit/parser/test_cases.c -- every construct of both dialects: cases.sql parses without an error,
 * prints as cases.expected says, and what is printed parses to equal trees and prints the same again. */
#include "parse_util.h"

#define DIR "tests/unit/parser/"

/* First line where a and b differ, for the message. */
static void compare_lines(const char *got, const char *want) {
    for (unsigned line = 1;; line++) {
        size_t n = strcspn(got, "\n"), m = strcspn(want, "\n");
        cr_assert(n == m && memcmp(got, want, n) == 0, "line %u\n got: %.*s\nwant: %.*s", line, (int)n, got,
                  (int)m, want);
        if (!got[n] || !want[m]) {
            cr_assert_eq(got[n], want[m], "one text ends at line %u", line);
            return;
        }
        got += n + 1;
        want += m + 1;
    }
}

Test(parser_cases, print_as_expected) {
    wr_buf sql = read_file(DIR "cases.sql"), want = read_file(DIR "cases.expected");
    parsed x;
    parse_text(&x, sql.data);
    wr_buf shown = print_diags(&x.d);
    cr_assert_eq(x.st, WR_OK, "%s", shown.data);
    cr_expect_geq(x.script.n, 290);
    wr_buf got = print_script(&x.script);
    compare_lines(got.data, want.data);
    wr_buf_free(&got);
    wr_buf_free(&shown);
    parsed_free(&x);
    wr_buf_free(&sql);
    wr_buf_free(&want);
}

Test(parser_cases, printed_text_parses_to_equal_trees) {
    wr_buf sql = read_file(DIR "cases.sql");
    parsed x, y;
    parse_text(&x, sql.data);
    wr_buf once = print_script(&x.script);
    parse_text(&y, once.data);
    wr_buf shown = print_diags(&y.d);
    cr_assert_eq(y.st, WR_OK, "%s", shown.data);
    cr_assert_eq(x.script.n, y.script.n);
    for (uint32_t i = 0; i < x.script.n; i++) {
        wr_script one = {&x.script.stmts[i], 1};
        wr_buf text = print_script(&one);
        cr_expect(wr_stmt_equal(x.script.stmts[i], y.script.stmts[i]), "%s", text.data);
        wr_buf_free(&text);
    }
    wr_buf twice = print_script(&y.script);
    cr_expect_str_eq(once.data, twice.data);
    wr_buf_free(&twice);
    wr_buf_free(&shown);
    wr_buf_free(&once);
    parsed_free(&x);
    parsed_free(&y);
    wr_buf_free(&sql);
}

/* Equality tells all these apart: each differs from each other one. */
Test(parser_cases, different_statements_are_not_equal) {
    wr_buf want = read_file(DIR "cases.expected");
    parsed x;
    parse_text(&x, want.data);
    cr_assert_eq(x.st, WR_OK);
    for (uint32_t i = 0; i < x.script.n; i++)
        for (uint32_t k = i + 1; k < x.script.n; k++) {
            wr_script a = {&x.script.stmts[i], 1}, b = {&x.script.stmts[k], 1};
            if (!wr_stmt_equal(x.script.stmts[i], x.script.stmts[k])) continue;
            wr_buf ta = print_script(&a), tb = print_script(&b);
            cr_expect_str_eq(ta.data, tb.data);
            wr_buf_free(&ta);
            wr_buf_free(&tb);
        }
    parsed_free(&x);
    wr_buf_free(&want);
}

Test(parser_cases, a_place_covers_the_whole_construct) {
    const char *text = "SELECT a, (b + c) * d AS x FROM t AS u WHERE (a) IN (1, 2);\n"
                       "CREATE STREAM s (a INT NOT NULL);";
    parsed x;
    parse_text(&x, text);
    cr_assert_eq(x.st, WR_OK);
    const wr_query *q = x.script.stmts[0]->query;
    wr_loc loc = q->items[1].expr->loc;
    cr_expect_eq(strncmp(text + loc.at, "(b + c) * d AS", 14), 0);
    cr_expect_eq(loc.end - loc.at, strlen("(b + c) * d"));
    cr_expect_eq(q->items[1].expr->args[0]->loc.at, loc.at + 1, "the sum's own place is inside");
    cr_expect_eq(strncmp(text + q->from->loc.at, "t AS u", 6), 0);
    cr_expect_eq(q->from->loc.end - q->from->loc.at, 6);
    loc = q->where->loc;
    cr_expect_eq(strncmp(text + loc.at, "(a) IN (1, 2);", 14), 0);
    cr_expect_eq(loc.end - loc.at, strlen("(a) IN (1, 2)"));
    loc = x.script.stmts[1]->loc;
    cr_expect_eq(strncmp(text + loc.at, "CREATE", 6), 0);
    cr_expect_eq(text[loc.end], ';');
    loc = x.script.stmts[1]->columns[0].loc;
    cr_expect_eq(strncmp(text + loc.at, "a INT NOT NULL)", 15), 0);
    cr_expect_eq(loc.end - loc.at, strlen("a INT NOT NULL"));
    parsed_free(&x);
}
