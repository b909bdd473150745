/* tests/unit/parser/test_limits.c -- depth, size, many errors, and memory that runs out. */
#include "parse_util.h"
#include "parser/parser_int.h"

/* piece n times between open and close. */
static wr_buf repeat(const char *open, const char *piece, size_t n, const char *close) {
    wr_buf b = {0};
    cr_assert_eq(wr_buf_puts(&b, open), WR_OK);
    for (size_t i = 0; i < n; i++) cr_assert_eq(wr_buf_puts(&b, piece), WR_OK);
    cr_assert_eq(wr_buf_puts(&b, close), WR_OK);
    cr_assert_eq(wr_buf_put(&b, "", 1), WR_OK);
    return b;
}

static void expect_errors(wr_buf sql, uint32_t errors, uint32_t statements, const char *msg) {
    parsed x;
    parse_text(&x, sql.data);
    cr_expect_eq(x.d.errors, errors, "%.60s: %u errors", sql.data, x.d.errors);
    cr_expect_eq(x.script.n, statements, "%.60s: %u statements", sql.data, x.script.n);
    if (msg) cr_expect(strstr(x.d.items[0].msg, msg), "%s", x.d.items[0].msg);
    parsed_free(&x);
    wr_buf_free(&sql);
}

Test(parser_limits, depth_is_bounded_exactly) {
    /* The query, its statement and the first operand count as levels as well. */
    expect_errors(repeat("SELECT a", " + a", WRI_DEPTH_MAX - 3, ""), 0, 1, NULL);
    expect_errors(repeat("SELECT a", " + a", WRI_DEPTH_MAX - 2, ""), 1, 0, "nested more than");
}

Test(parser_limits, nothing_nests_without_bound) {
    static const char *const opens[] = {"(",
                                        "NOT ",
                                        "- ",
                                        "f(",
                                        "CASE WHEN ",
                                        "(SELECT ",
                                        "a[",
                                        "a + ",
                                        "ROW(a,",
                                        "a IN (",
                                        "EXISTS (SELECT ",
                                        "CAST(",
                                        "TRIM(",
                                        "(SELECT 1 FROM (",
                                        "ARRAY[",
                                        "a BETWEEN (",
                                        "FLOOR(a + "};
    for (size_t i = 0; i < WR_LEN(opens); i++)
        expect_errors(repeat("SELECT ", opens[i], 20000, "; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("", "EXPLAIN ", 20000, "SELECT 1; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("SELECT 1", " UNION SELECT 1", 20000, "; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("SELECT 1 FROM a", ", a", 20000, "; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("SELECT 1 FROM a", " JOIN a ON a", 20000, "; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("SELECT 1 FROM ", "(", 20000, "; SELECT 1"), 1, 1, "nested more than");
    expect_errors(repeat("SELECT 1 FROM a GROUP BY ", "ROLLUP (", 20000, "; SELECT 1"), 1, 1,
                  "nested more than");
    expect_errors(repeat("SELECT 1 FROM a MATCH_RECOGNIZE (PATTERN (", "(a ", 20000, "; SELECT 1"), 1, 1,
                  "nested more than");
    expect_errors(repeat("WITH a AS ", "(WITH a AS ", 20000, "; SELECT 1"), 1, 1, "nested more than");
}

Test(parser_limits, parentheses_alone_may_be_many) {
    wr_buf open = repeat("SELECT ", "(", 2000, ""), all = repeat(open.data, "1)", 1, "");
    wr_buf sql = repeat(all.data, ")", 1999, "");
    wr_buf_free(&open);
    wr_buf_free(&all);
    expect_errors(sql, 0, 1, NULL);
}

Test(parser_limits, long_lists_and_scripts) {
    expect_errors(repeat("SELECT a", ", a", 200000, " FROM t"), 0, 1, NULL);
    expect_errors(repeat("SELECT a FROM t WHERE a IN (1", ", 1", 200000, ")"), 0, 1, NULL);
    expect_errors(repeat("", "SELECT a, b + 1 FROM t WHERE c = 'x';\n", 30000, ""), 0, 30000, NULL);
    expect_errors(repeat("VALUES (1)", ", (1)", 100000, ""), 0, 1, NULL);
    expect_errors(repeat("SELECT '", "x", 3000000, "'"), 0, 1, NULL);
    expect_errors(repeat("SELECT 1 /*", "x", 3000000, "*/"), 0, 1, NULL);
    expect_errors(repeat("SELECT a", "b", 1000000, ""), 0, 1, NULL);
    expect_errors(repeat("SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A", " A", 50000, ") DEFINE A AS a)"), 0,
                  1, NULL);
}

Test(parser_limits, errors_without_end_are_counted) {
    expect_errors(repeat("", "x;", 100000, "SELECT 1"), 100000, 1, "found 'x'");
    expect_errors(repeat("", "SELECT @;", 100000, "SELECT 1"), 100000, 1, "'@'");
    parsed x;
    wr_buf sql = repeat("CREATE STREAM s (a b c", ", a b c", 9999, ")");
    parse_text(&x, sql.data);
    cr_expect_eq(x.d.n, WR_DIAGS_MAX, "repairs end when the list is full");
    wr_buf shown = print_diags(&x.d);
    cr_expect(strstr(shown.data, "t.sql:1:22: error: found 'c'"));
    cr_expect(strstr(shown.data, "more errors are not shown") || x.d.errors == WR_DIAGS_MAX);
    wr_buf_free(&shown);
    parsed_free(&x);
    wr_buf_free(&sql);
}

/* Everything that takes memory: good statements, all kinds of errors, repairs, statement sets. */
static const char rich[] =
    "CREATE STREAM s (a INT, b VARCHAR FROM '$.b', c AS a + 1, WATERMARK FOR t AS t - INTERVAL -'1' SECOND, "
    "PRIMARY KEY "
    "(a)) WITH (x.y = -5, 'z' = z) DESCRIPTION 'd';\n"
    "WITH q (x) AS (SELECT CASE a WHEN 1 THEN f(DISTINCT a ORDER BY b) ELSE -a[1] END y, CAST(a AS "
    "DECIMAL(5, 2)), "
    "u&'\\0041' UESCAPE '!', {d '2020-01-01'}, JSON_VALUE(a, '$' DEFAULT 'a' ON EMPTY), FLOOR((a - b) SECOND "
    "TO MINUTE) "
    "FROM t, TABLE(g(TABLE u PARTITION BY a, b, DESCRIPTOR(c), n => CURSOR(SELECT 1))) AS v (w) JOIN x USING "
    "(y, z) "
    "WHERE a IN (SELECT 1) AND (b, c) IN ((1, 2)) GROUP BY GROUPING SETS ((a, b), ROLLUP (c), ()) WINDOW w "
    "AS "
    "(PARTITION BY a ORDER BY b ROWS 1 PRECEDING)) (SELECT * FROM q LIMIT 1) UNION VALUES 1, (2) ORDER BY 1 "
    "LIMIT 1 "
    "EMIT EARLY EVERY INTERVAL '1' SECOND;\n"
    "SELECT * FROM t MATCH_RECOGNIZE (MEASURES A.x AS y PATTERN (A B C+ | D) SUBSET u = (A, B) DEFINE A AS a "
    "> 1);\n"
    "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT TIMESTAMPADD(DAY, 1, b), TRIM(BOTH 'x' FROM y); END;\n"
    "CREATE FUNCTION f (a INT) RETURNS INT RETURN a; SET a.b = 'c'; ALTER PUMP a, b START; EXPLAIN (FORMAT "
    "JSON) "
    "SELECT 1;\n"
    "SELECT a FORM t; SELECT a FROM t GROUP BY a WHERE b; CREATE STREAM s (a INTEGR, b c d, , e ARRAY<INT>, "
    "f); SELECT "
    "(a; SELECT '\\xff', u&'\\00', x'0', 1a, @; SELECT order FROM t; EXPLAIN (FORMAT XML) SELECT 1;\n"
    "SELECT \"a\"\"b\", `c`, 'it''s' FROM";

Test(parser_limits, memory_that_runs_out_anywhere) {
    uint64_t n = 1;
    for (wr_status st = WR_ENOMEM; st == WR_ENOMEM; n++) {
        cr_assert_lt(n, 5000);
        parsed x = {.ar = {.block_bytes = 16}}; /* small blocks: many allocations */
        x.d = (wr_diags){.file = "t.sql", .text = rich, .len = sizeof rich - 1, .ar = &x.ar};
        wr_mem_fail_at(n);
        st = wr_parse(&x.ar, &x.d, &x.script);
        wr_mem_fail_at(0);
        if (st == WR_ENOMEM) cr_expect_eq(x.script.n, 0);
        else
            cr_expect(st == WR_ESQL && x.script.n == 8 && x.d.errors == 15, "%d, %u statements, %u errors",
                      st, x.script.n, x.d.errors);
        parsed_free(&x);
    }
    cr_expect_gt(n, 10);
}

Test(parser_limits, memory_that_runs_out_while_printing) {
    parsed x;
    parse_text(&x, rich);
    for (uint64_t n = 1;; n++) {
        wr_buf b = {0};
        wr_status st = WR_OK;
        wr_mem_fail_at(n);
        for (uint32_t i = 0; i < x.script.n && st == WR_OK; i++) st = wr_stmt_print(x.script.stmts[i], &b);
        if (st == WR_OK) st = wr_diags_print(&x.d, &b);
        wr_mem_fail_at(0);
        wr_buf_free(&b);
        cr_assert(st == WR_OK || st == WR_ENOMEM);
        cr_assert_lt(n, 1000);
        if (st == WR_OK) break;
    }
    parsed_free(&x);
}
