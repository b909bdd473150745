/* tests/unit/planner/test_bind_limits.c -- depth, size, repetition, and lack of memory. */
#include "bind_test.h"

/* n times `part` between `head` and `tail`, with `between` between them. */
static char *repeat(const char *head, const char *part, const char *between, uint32_t n, const char *tail) {
    wr_buf b = {0};
    cr_assert(wr_buf_puts(&b, head) == WR_OK);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(wr_buf_puts(&b, i ? between : "") == WR_OK && wr_buf_puts(&b, part) == WR_OK);
    cr_assert(wr_buf_puts(&b, tail) == WR_OK && wr_buf_put(&b, "", 1) == WR_OK);
    return b.data;
}

static void expect_in(char *sql, const char *want) {
    char *got = bind_text(sql, (bind_opts){0});
    cr_expect(got && strstr(got, want), "%.60s…\n  got:  %.300s\n  want: %s", sql, got, want);
    wr_free(got);
    wr_free(sql);
}

/* Chains of AND, OR and || are as long as the parser lets them be; others are nested. */
Test(bind, long_chains) {
    expect_in(repeat("", "ok", " AND ", 400, ""), "ok AND ok AND ok");
    expect_in(repeat("", "ok", " OR ", 400, ""), " : BOOLEAN");
    expect_in(repeat("", "page", " || ", 400, ""), " : VARCHAR");
    expect_in(repeat("", "status", " + ", WRI_DEPTH_MAX, ""), " : INTEGER");
    expect_in(
        repeat("", "status", " + ", WRI_DEPTH_MAX + 1, ""),
        "status: expression is nested too deeply (over 200 levels) | compute a part of it in a subquery");
    expect_in(repeat("", "- ", "", WRI_DEPTH_MAX - 1, "status"), " : INTEGER");
    expect_in(repeat("", "- ", "", WRI_DEPTH_MAX, "status"), "nested too deeply");
    expect_in(repeat("status IN (", "1", ", ", 5000, ")"), " : BOOLEAN");
    expect_in(repeat("CONCAT(", "page", ", ", 500, ")"), " : VARCHAR");
    expect_in(repeat("CONCAT(", "1", ", ", 500, ")"),
              "found (INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, "
              "INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, …)");
    expect_in(repeat("CASE ", "WHEN ok THEN 1", " ", 500, " END"), " : INTEGER");
}

static char *nest(const char *head, const char *in, const char *tail, uint32_t n) {
    wr_buf b = {0};
    for (uint32_t i = 0; i < n; i++) cr_assert(wr_buf_puts(&b, head) == WR_OK);
    cr_assert(wr_buf_puts(&b, in) == WR_OK);
    for (uint32_t i = 0; i < n; i++) cr_assert(wr_buf_puts(&b, tail) == WR_OK);
    cr_assert(wr_buf_put(&b, "", 1) == WR_OK);
    return b.data;
}

/* Lowerings that repeat an operand double it at each level; a tree nobody could evaluate is refused. */
Test(bind, repeated_operands) {
    const char *want = "expression is too large (over 20000 operations) | compute a part of it in a subquery";
    expect_in(nest("NULLIF(", "status", ", 1)", 60), want);
    expect_in(nest("(", "ok", " BETWEEN TRUE AND FALSE)", 60), want);
    expect_in(nest("GREATEST(", "status", ", 1)", 60), want);
    expect_in(nest("ABS(", "ts - ts2", ")", 60), want);
    expect_in(nest("STEP(", "ts", " BY INTERVAL '7' MONTH)", 60), want);
    expect_in(nest("CASE ", "status", " WHEN 1 THEN 1 WHEN 2 THEN 2 END", 60), want);
    expect_in(nest("TIMESTAMPADD(DAY, TIMESTAMPDIFF(MONTH, ts, ", "ts", "), ts)", 30), want);
    expect_in(repeat("GREATEST(", "status", ", ", 300, ")"), want);
    expect_in(repeat("GREATEST(", "status", ", ", 30, ")"), " : INTEGER");
    expect_in(nest("COALESCE(", "status", ", 1)", 60), " : INTEGER");
}

/* Functions that call each other twice each would grow without bound. */
Test(bind, functions_that_multiply) {
    wr_buf b = {0};
    cr_assert(wr_buf_puts(&b, "CREATE FUNCTION f0(x INTEGER) RETURNS INTEGER RETURN x + x;\n") == WR_OK);
    for (int i = 1; i < 40; i++)
        cr_assert(wr_buf_printf(&b,
                                "CREATE FUNCTION f%d(x INTEGER) RETURNS INTEGER RETURN f%d(x) + f%d(x);\n", i,
                                i - 1, i - 1) == WR_OK);
    cr_assert(wr_buf_put(&b, "", 1) == WR_OK);
    char *got = bind_text("f39(status)", (bind_opts){.functions = b.data});
    cr_expect_str_eq(got, "f2(x): too many calls of SQL functions in one expression (over 1000)");
    wr_free(got);
    got = bind_text("f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(f0(status))))))))))))))))))",
                    (bind_opts){.functions = b.data});
    cr_expect(got && strstr(got, "expression is too large"), "%s", got);
    wr_free(got);
    wr_buf_free(&b);
}

/* Whichever allocation fails first, binding ends without a result and without a leak. */
Test(bind, out_of_memory) {
    static const char *const sqls[] = {
        "page = 'x' AND ts > '2026-01-01' OR NOT ok",
        "CASE status WHEN 1 THEN 'a' ELSE UPPER(name) || status END",
        "GREATEST(status, bytes, 5) + NULLIF(price, 1.5) * rate",
        "CAST((ts - ts2) MINUTE TO SECOND AS VARCHAR(9))",
        "TIMESTAMPDIFF(MONTH, ts, ts2) + TIMESTAMPADD(DAY, 1, ts) IN (1, 2)",
        "FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)",
        "STEP(ts BY INTERVAL '5' MONTH) BETWEEN d AND (ts + INTERVAL '1-2' YEAR TO MONTH)",
        "(ts, INTERVAL '1' HOUR) OVERLAPS (d, d2)",
        "twice(status) + twice(pge) + nothing(1)",
        "CAST('abc' AS INTEGER) + SUBSTR(status, 1) + INTERVAL '1:99' MINUTE TO SECOND",
        "a.b + t.c + \"Page\" + DATE '2026-02-30' + FLOOR(ts)",
        "SUBSTRING(page FROM 2 FOR 3) LIKE 'a!%' ESCAPE '!' AND JSON_VALUE(doc, '$.a' RETURNING INTEGER) > 1",
    };
    const bind_opts o = {.functions =
                             "CREATE FUNCTION twice(x INTEGER) RETURNS BIGINT RETURNS NULL ON NULL INPUT "
                             "RETURN x + x;\n"};
    for (size_t i = 0; i < WR_LEN(sqls); i++) {
        char *want = bind_text(sqls[i], o), *got = NULL;
        cr_assert_not_null(want);
        uint64_t n = 1;
        for (; !got && n < 100000; n++) {
            wr_mem_fail_at(n);
            got = bind_text(sqls[i], o);
            wr_mem_fail_at(0);
        }
        cr_expect(n > 10, "%s: only %d allocations", sqls[i], (int)n);
        cr_expect(got && strcmp(got, want) == 0, "%s: %s", sqls[i], got);
        wr_free(want);
        wr_free(got);
    }
}
