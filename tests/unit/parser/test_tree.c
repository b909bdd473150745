/* tests/unit/parser/test_tree.c -- precedence, by printing trees with all parentheses, and how
 * constructs are held in the tree. */
#include "parse_util.h"

/* e with a parenthesis around every operation. */
static void full(const wr_ast *e, wr_buf *b) {
    wr_status st = WR_OK;
    bool binary = e->kind == WR_A_BINARY_OP || e->kind == WR_A_LIKE || e->kind == WR_A_AT_ZONE;
    if (binary) {
        st |= wr_buf_puts(b, "(");
        full(e->args[0], b);
        st |= wr_buf_printf(b, " %s%s ", e->negated ? "NOT " : "", e->op);
        full(e->args[1], b);
        st |= wr_buf_puts(b, ")");
    } else if (e->kind == WR_A_UNARY) {
        st |= wr_buf_printf(b, "(%s ", e->op);
        full(e->args[0], b);
        st |= wr_buf_puts(b, ")");
    } else if (e->kind == WR_A_IS || e->kind == WR_A_IN || e->kind == WR_A_BETWEEN || e->kind == WR_A_CAST ||
               e->kind == WR_A_INDEX || e->kind == WR_A_PERIOD) {
        static const char *const words[] = {
            [WR_A_IS] = "IS",     [WR_A_IN] = "IN",       [WR_A_BETWEEN] = "BETWEEN",
            [WR_A_CAST] = "CAST", [WR_A_INDEX] = "INDEX", [WR_A_PERIOD] = "PERIOD"};
        st |= wr_buf_printf(b, "%s%s[", e->negated ? "NOT " : "", words[e->kind]);
        for (uint32_t i = 0; i < e->n_args; i++) {
            if (i) st |= wr_buf_puts(b, ", ");
            full(e->args[i], b);
        }
        st |= wr_buf_puts(b, "]");
    } else st |= wr_ast_print(e, b);
    cr_assert_eq(st, WR_OK);
}

static void expect_full(const char *sql, const char *want) {
    char text[500];
    snprintf(text, sizeof text, "SELECT %s FROM t", sql);
    parsed x;
    parse_text(&x, text);
    wr_buf shown = print_diags(&x.d), got = {0};
    cr_assert_eq(x.st, WR_OK, "%s", shown.data);
    full(x.script.stmts[0]->query->items[0].expr, &got);
    cr_assert_eq(wr_buf_put(&got, "", 1), WR_OK);
    cr_expect_str_eq(got.data, want, "%s\n got: %s\nwant: %s", sql, got.data, want);
    wr_buf_free(&got);
    wr_buf_free(&shown);
    parsed_free(&x);
}

Test(parser_tree, precedence) {
    expect_full("a + b * c", "(a + (b * c))");
    expect_full("a * b + c", "((a * b) + c)");
    expect_full("a - b - c", "((a - b) - c)");
    expect_full("a / b * c % d", "(((a / b) * c) % d)");
    expect_full("a + b || c * d", "(a + ((b || c) * d))");
    expect_full("-a * b", "((- a) * b)");
    expect_full("- a || b", "((- a) || b)");
    expect_full("-a::INT", "(- CAST[a])");
    expect_full("-a[1]", "(- INDEX[a, 1])");
    expect_full("a = b + c", "(a = (b + c))");
    expect_full("a = b = c", "((a = b) = c)");
    expect_full("a < b < c", "((a < b) < c)");
    expect_full("a OR b AND c", "(a OR (b AND c))");
    expect_full("a AND b OR c", "((a AND b) OR c)");
    expect_full("NOT a AND b", "((NOT a) AND b)");
    expect_full("NOT a = b", "(NOT (a = b))");
    expect_full("NOT a IS NULL", "(NOT IS[a])");
    expect_full("NOT NOT a OR b", "((NOT (NOT a)) OR b)");
    expect_full("a = b IS NULL", "IS[(a = b)]");
    expect_full("a IS NULL = b", "(IS[a] = b)");
    expect_full("a AND b IS NOT TRUE", "(a AND NOT IS[b])");
    expect_full("a + 1 IS DISTINCT FROM b * 2 AND c", "(IS[(a + 1), (b * 2)] AND c)");
    expect_full("a BETWEEN b AND c AND d", "(BETWEEN[a, b, c] AND d)");
    expect_full("a NOT BETWEEN b + 1 AND c - 1 OR d", "(NOT BETWEEN[a, (b + 1), (c - 1)] OR d)");
    expect_full("NOT a BETWEEN b AND c", "(NOT BETWEEN[a, b, c])");
    expect_full("a || 'x' LIKE b || 'y' AND c", "(((a || 'x') LIKE (b || 'y')) AND c)");
    expect_full("a NOT LIKE b = c", "((a NOT LIKE b) = c)");
    expect_full("a + b IN (c, d) OR e", "(IN[(a + b), c, d] OR e)");
    expect_full("NOT a IN (1) AND b", "((NOT IN[a, 1]) AND b)");
    expect_full("j -> 'a' ->> 'b' = 'c'", "(((j -> 'a') ->> 'b') = 'c')");
    expect_full("a + j ->> 'b'", "(a + (j ->> 'b'))");
    expect_full("ts + i AT TIME ZONE 'UTC'", "(ts + (i AT TIME ZONE 'UTC'))");
    expect_full("ts - INTERVAL '1' DAY > u", "((ts - INTERVAL '1' DAY) > u)");
    expect_full("(a, b) OVERLAPS (c, d) AND e", "(PERIOD[(a, b), (c, d)] AND e)");
    expect_full("(a - b) SECOND / 10", "((a - b) SECOND / 10)");
    expect_full("a::INT + b::DOUBLE", "(CAST[a] + CAST[b])");
    expect_full("a <> b != c", "((a <> b) <> c)");
}

static const wr_ast *only_item(parsed *x, const char *text) {
    parse_text(x, text);
    wr_buf shown = print_diags(&x->d);
    cr_assert_eq(x->st, WR_OK, "%s", shown.data);
    wr_buf_free(&shown);
    cr_assert_eq(x->script.n, 1);
    return x->script.stmts[0]->query->items[0].expr;
}

Test(parser_tree, intervals_hold_their_text_and_units) {
    static const struct {
        const char *sql, *text;
        wr_unit unit, unit2;
        uint32_t prec, prec2;
    } cases[] = {{"SELECT INTERVAL '5' SECOND", "5", WR_U_SECOND, WR_U_NONE, 0, 0},
                 {"SELECT INTERVAL -'5' MINUTES", "-5", WR_U_MINUTE, WR_U_NONE, 0, 0},
                 {"SELECT INTERVAL -'-5' MINUTES", "5", WR_U_MINUTE, WR_U_NONE, 0, 0},
                 {"SELECT INTERVAL 5 MINUTES", "5", WR_U_MINUTE, WR_U_NONE, 0, 0},
                 {"SELECT INTERVAL - 5 HOUR", "-5", WR_U_HOUR, WR_U_NONE, 0, 0},
                 {"SELECT INTERVAL '120' SECOND(3)", "120", WR_U_SECOND, WR_U_NONE, 3, 0},
                 {"SELECT INTERVAL '1.5' SECOND(2, 3)", "1.5", WR_U_SECOND, WR_U_NONE, 2, 4},
                 {"SELECT INTERVAL '1:2.5' MINUTE TO SECOND(3)", "1:2.5", WR_U_MINUTE, WR_U_SECOND, 0, 4},
                 {"SELECT INTERVAL '1-6' YEAR(4) TO MONTH", "1-6", WR_U_YEAR, WR_U_MONTH, 4, 0}};
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        parsed x;
        const wr_ast *e = only_item(&x, cases[i].sql);
        cr_expect_eq(e->kind, WR_A_INTERVAL);
        cr_expect_str_eq(e->text, cases[i].text);
        cr_expect_eq(e->unit, cases[i].unit);
        cr_expect_eq(e->unit2, cases[i].unit2);
        cr_expect_eq(e->prec, cases[i].prec, "%s", cases[i].sql);
        cr_expect_eq(e->prec2, cases[i].prec2, "%s", cases[i].sql);
        parsed_free(&x);
    }
}

Test(parser_tree, case_keeps_operand_pairs_and_else) {
    parsed x;
    const wr_ast *e = only_item(&x, "SELECT CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END");
    cr_expect_eq(e->n_args, 6);
    cr_expect_eq(e->args[0]->kind, WR_A_COLUMN);
    cr_expect_str_eq(e->args[5]->text, "5");
    parsed_free(&x);
    e = only_item(&x, "SELECT CASE WHEN a THEN 2 END");
    cr_expect_eq(e->n_args, 3);
    cr_expect_null(e->args[0]);
    parsed_free(&x);
}

Test(parser_tree, calls_keep_what_belongs_to_them) {
    parsed x;
    const wr_ast *e =
        only_item(&x, "SELECT COUNT(DISTINCT a, b) FILTER (WHERE c) OVER (PARTITION BY d ROWS 2 PRECEDING)");
    cr_expect_eq(e->kind, WR_A_CALL);
    cr_expect(e->call->distinct && !e->call->star && e->call->filter && e->call->over);
    cr_expect_eq(e->n_args, 2);
    cr_expect_eq(e->call->over->n_partition, 1);
    cr_expect(e->call->over->has_frame && e->call->over->rows && !e->call->over->between);
    cr_expect_eq(e->call->over->lo, WR_B_PRECEDING);
    cr_expect_eq(e->call->over->hi, WR_B_CURRENT);
    parsed_free(&x);
    e = only_item(&x, "SELECT TRIM(LEADING 'x' FROM a)");
    cr_expect(e->call->from_form);
    cr_expect_str_eq(e->call->keyword, "LEADING");
    cr_expect_str_eq(e->args[0]->text, "x");
    cr_expect_eq(e->args[1]->kind, WR_A_COLUMN);
    parsed_free(&x);
    e = only_item(&x, "SELECT JSON_VALUE(j, '$.a' RETURNING INT DEFAULT 0 ON EMPTY)");
    cr_expect_eq(e->call->returning.kind, WR_T_INTEGER);
    cr_expect_str_eq(e->call->keyword, "DEFAULT 0 ON EMPTY");
    parsed_free(&x);
    e = only_item(&x, "SELECT current_timestamp");
    cr_expect_eq(e->kind, WR_A_CALL);
    cr_expect_eq(e->n_args, 0);
    parsed_free(&x);
    e = only_item(&x, "SELECT TIMESTAMPDIFF(MINUTE, a, b)");
    cr_expect_eq(e->unit, WR_U_MINUTE);
    cr_expect_eq(e->n_args, 2);
    parsed_free(&x);
}

Test(parser_tree, partition_list_of_a_table_argument) {
    parsed x;
    parse_text(
        &x, "SELECT * FROM TABLE(SESSION(TABLE t PARTITION BY a, b, DESCRIPTOR(ts), INTERVAL '1' SECOND))");
    cr_assert_eq(x.st, WR_OK);
    const wr_from *f = x.script.stmts[0]->query->from;
    cr_expect_eq(f->kind, WR_F_FUNCTION);
    cr_expect(f->table_form);
    cr_assert_eq(f->function->n_args, 3);
    cr_expect_eq(f->function->args[0]->n_args, 2);
    cr_expect_eq(f->function->args[1]->kind, WR_A_DESCRIPTOR);
    parsed_free(&x);
}

Test(parser_tree, strings_are_decoded) {
    parsed x;
    cr_expect_str_eq(only_item(&x, "SELECT 'it''s'")->text, "it's");
    parsed_free(&x);
    cr_expect_str_eq(only_item(&x, "SELECT u&'\\00e4\\+01f600\\\\'")->text, "ä😀\\");
    parsed_free(&x);
    cr_expect_str_eq(only_item(&x, "SELECT u&'$0041\\' UESCAPE '$'")->text, "A\\");
    parsed_free(&x);
    const wr_ast *e = only_item(&x, "SELECT \"a\"\"b\"");
    cr_expect_str_eq(e->name.parts[0].text, "a\"b");
    cr_expect(e->name.parts[0].quoted);
    parsed_free(&x);
}

Test(parser_tree, create_stream_holds_all_its_parts) {
    parsed x;
    parse_text(
        &x,
        "CREATE OR REPLACE STREAM s (a INT NOT NULL, b AS a + 1, c VARCHAR FROM '$.x.c', d INT METADATA FROM "
        "'k', WATERMARK FOR ts AS ts - INTERVAL '1' SECOND, PRIMARY KEY (a, c) NOT ENFORCED) WITH (k = 'v', "
        "'p.q' = 5) ROWTIME FROM ts DESCRIPTION 'text'");
    cr_assert_eq(x.st, WR_OK);
    const wr_stmt *s = x.script.stmts[0];
    cr_expect_eq(s->kind, WR_S_CREATE_STREAM);
    cr_expect(s->or_replace && !s->is_table);
    cr_assert_eq(s->n_columns, 4);
    cr_expect(s->columns[0].type.not_null);
    cr_expect_eq(s->columns[1].computed->kind, WR_A_BINARY_OP);
    cr_expect_eq(s->columns[1].type.kind, WR_T_NULL);
    cr_expect_str_eq(s->columns[2].path, "$.x.c");
    cr_expect(!s->columns[2].metadata && s->columns[3].metadata);
    cr_expect_str_eq(s->wm_column.text, "ts");
    cr_expect_eq(s->n_primary_key, 2);
    cr_expect_str_eq(s->rowtime.text, "ts");
    cr_expect_str_eq(s->description, "text");
    cr_assert_eq(s->n_options, 2);
    cr_expect_str_eq(s->options[1].key.text, "p.q");
    cr_expect_str_eq(s->options[1].value, "5");
    parsed_free(&x);
}

Test(parser_tree, statements_around_an_error_are_returned) {
    parsed x;
    parse_text(&x, "SELECT 1; SELECT FROM; SELECT 2; SELECT 'x; ");
    cr_expect_eq(x.st, WR_ESQL);
    cr_expect_eq(x.d.errors, 2);
    cr_assert_eq(x.script.n, 2);
    cr_expect_str_eq(x.script.stmts[1]->query->items[0].expr->text, "2");
    parsed_free(&x);
    parse_text(&x, " -- nothing\n ;; ");
    cr_expect_eq(x.st, WR_OK);
    cr_expect_eq(x.script.n, 0);
    parsed_free(&x);
}

Test(parser_tree, every_keyword_that_is_not_reserved_can_be_a_name) {
    static const char *const words[] = {
        "after",     "allowed",   "alter",       "analyze",   "array",      "asc",       "at",
        "both",      "cast",      "ceil",        "changes",   "close",      "comment",   "contains",
        "cube",      "current",   "cursor",      "data",      "date",       "day",       "days",
        "default",   "define",    "desc",        "describe",  "descriptor", "drop",      "early",
        "emit",      "empty",     "end",         "equals",    "error",      "escape",    "every",
        "exists",    "explain",   "extract",     "fetch",     "filter",     "final",     "first",
        "floor",     "following", "format",      "function",  "grouping",   "hour",      "if",
        "ignore",    "input",     "interval",    "key",       "lags",       "language",  "last",
        "lateral",   "leading",   "leads",       "local",     "match",      "matches",   "measures",
        "metadata",  "minute",    "month",       "next",      "no",         "nulls",     "of",
        "offset",    "omit",      "one",         "only",      "over",       "overlaps",  "overlay",
        "partition", "past",      "pattern",     "per",       "period",     "permute",   "placing",
        "plan",      "position",  "precedes",    "preceding", "precision",  "primary",   "pump",
        "qualify",   "quarter",   "range",       "reads",     "replace",    "reset",     "respect",
        "restrict",  "return",    "returning",   "returns",   "rlike",      "rollup",    "row",
        "rows",      "rowtime",   "running",     "second",    "set",        "sets",      "show",
        "similar",   "skip",      "specific",    "sql",       "stagger",    "start",     "started",
        "step",      "stop",      "stopped",     "stream",    "strictly",   "subset",    "substring",
        "succeeds",  "symmetric", "system_time", "temporary", "time",       "timestamp", "timestampadd",
        "to",        "trailing",  "trim",        "try_cast",  "unbounded",  "unmatched", "unnest",
        "varying",   "view",      "virtual",     "watermark", "week",       "window",    "windowed",
        "within",    "without",   "year",        "zone"};
    for (size_t i = 0; i < WR_LEN(words); i++) {
        const char *w = words[i];
        char text[1000];
        snprintf(text, sizeof text,
                 "CREATE STREAM s (x INT, %s INT, y INT); SELECT x, %s, y AS %s FROM s AS %s WHERE %s > 1 "
                 "AND s.%s = "
                 "%s + 1 GROUP BY %s, x ORDER BY %s; SELECT f(%s, %s), (%s) FROM %s JOIN u ON %s.x = u.%s; "
                 "INSERT INTO "
                 "%s (%s, x) SELECT %s.* FROM %s",
                 w, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w);
        parsed x;
        parse_text(&x, text);
        wr_buf shown = print_diags(&x.d);
        cr_expect_eq(x.st, WR_OK, "%s", shown.data);
        wr_buf_free(&shown);
        parsed_free(&x);
    }
}
