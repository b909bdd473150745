/* tests/unit/planner/test_expr.c -- typed expressions by themselves: making, printing, equality, walking;
 * and the tables of types. */
#include "bind_test.h"
#include "planner/bind_int.h"

static wr_arena ar;
static const wr_loc nowhere, elsewhere = {3, 4};

static void clean(void) { wr_arena_free(&ar); }

static wr_expr *col(uint32_t i, wr_kind k) { return wri_new_col(&ar, i, wr_type_of(k), nowhere); }
static wr_expr *num(int64_t v) {
    return wri_new_const(&ar, (wr_value){.i64 = v}, wr_type_of(WR_T_INTEGER), nowhere);
}
static wr_expr *dbl(double v) {
    return wri_new_const(&ar, (wr_value){.f64 = v}, wr_type_of(WR_T_DOUBLE), nowhere);
}
static wr_expr *str(const char *s) {
    return wri_new_const(&ar, (wr_value){.str = wr_str_make(s, strlen(s))}, wr_type_of(WR_T_VARCHAR),
                         nowhere);
}
static wr_expr *op2(wr_xop op, wr_kind k, wr_expr *x, wr_expr *y) {
    return wri_new_op(&ar, op, wr_type_of(k), elsewhere, 2, (wr_expr *const[]){x, y});
}

Test(expr, equal, .fini = clean) {
    wr_expr *a = op2(WR_OP_ADD, WR_T_INTEGER, col(0, WR_T_INTEGER), num(1));
    wr_expr *same = op2(WR_OP_ADD, WR_T_INTEGER, col(0, WR_T_INTEGER), num(1));
    same->loc = nowhere;
    cr_expect(wri_expr_equal(a, a) && wri_expr_equal(a, same));
    cr_expect(!wri_expr_equal(a, op2(WR_OP_ADD, WR_T_INTEGER, col(1, WR_T_INTEGER), num(1))));
    cr_expect(!wri_expr_equal(a, op2(WR_OP_ADD, WR_T_INTEGER, col(0, WR_T_INTEGER), num(2))));
    cr_expect(!wri_expr_equal(a, op2(WR_OP_SUB, WR_T_INTEGER, col(0, WR_T_INTEGER), num(1))));
    cr_expect(!wri_expr_equal(a, op2(WR_OP_ADD, WR_T_BIGINT, col(0, WR_T_INTEGER), num(1))));
    cr_expect(!wri_expr_equal(a, num(1)));
    cr_expect(wri_expr_equal(str("a long text beyond inline"), str("a long text beyond inline")));
    cr_expect(!wri_expr_equal(str("a"), str("b")));
    cr_expect(wri_expr_equal(dbl(1), dbl(1)) && !wri_expr_equal(dbl(0.0), dbl(-0.0)));
    wr_expr *n1 = num(1), *n2 = num(2);
    n1->value.null = n2->value.null = true;
    cr_expect(wri_expr_equal(n1, n2) && !wri_expr_equal(n1, num(1)));
    wr_expr *day = op2(WR_OP_EXTRACT, WR_T_BIGINT, col(0, WR_T_DATE), num(1)),
            *month = op2(WR_OP_EXTRACT, WR_T_BIGINT, col(0, WR_T_DATE), num(1));
    day->unit = WR_U_DAY;
    month->unit = WR_U_MONTH;
    cr_expect(!wri_expr_equal(day, month));
    static const wr_func_def f = {.name = "F", .signature = ":i"},
                             r = {.name = "R", .signature = ":i", .nondeterministic = true};
    wr_expr f1 = {.kind = WR_X_FUNC, .func = &f}, f2 = f1, r1 = {.kind = WR_X_FUNC, .func = &r}, r2 = r1;
    cr_expect(wri_expr_equal(&f1, &f2) && !wri_expr_equal(&f1, &r1) && !wri_expr_equal(&r1, &r2));
}

static void note(void *ctx, uint32_t c) { *(uint32_t *)ctx |= 1U << c; }

Test(expr, columns_and_remap, .fini = clean) {
    wr_expr *e = op2(WR_OP_ADD, WR_T_INTEGER, col(3, WR_T_INTEGER),
                     op2(WR_OP_MUL, WR_T_INTEGER, col(1, WR_T_INTEGER), num(7)));
    uint32_t seen = 0;
    wri_expr_cols(e, note, &seen);
    cr_expect_eq(seen, 1U << 3 | 1U << 1);
    const uint32_t map[] = {9, 0, 9, 5};
    wr_expr *m = wri_expr_remap(&ar, e, map);
    seen = 0;
    wri_expr_cols(m, note, &seen);
    cr_expect_eq(seen, 1U << 5 | 1U << 0);
    seen = 0;
    wri_expr_cols(e, note, &seen);
    cr_expect_eq(seen, 1U << 3 | 1U << 1, "the original stays as it is");
}

static void printed(const wr_expr *e, const char *want) {
    static wr_field fields[] = {
        {.name = "a"}, {.name = "b c"}, {.name = "say \"x\""}, {.name = "1st"}, {.name = "ä"}};
    const wr_schema in = {WR_LEN(fields), fields};
    wr_buf b = {0};
    cr_assert(wr_expr_print(e, &in, &b) == WR_OK && wr_buf_put(&b, "", 1) == WR_OK);
    cr_expect_str_eq(b.data, want);
    wr_buf_free(&b);
}

static wr_expr *konst(wr_kind k, int64_t v) {
    return wri_new_const(&ar, (wr_value){.i64 = v}, wr_type_of(k), nowhere);
}

Test(expr, print, .fini = clean) {
    wr_expr *a = col(0, WR_T_INTEGER), *b = col(1, WR_T_INTEGER);
    printed(b, "\"b c\"");
    printed(col(2, WR_T_INTEGER), "\"say \"\"x\"\"\"");
    printed(col(3, WR_T_INTEGER), "\"1st\"");
    printed(col(4, WR_T_INTEGER), "\"ä\"");
    printed(col(7, WR_T_INTEGER), "$7");
    wr_expr *sum = op2(WR_OP_ADD, WR_T_INTEGER, a, num(1)), *diff = op2(WR_OP_SUB, WR_T_INTEGER, a, sum);
    printed(diff, "a - (a + 1)");
    printed(op2(WR_OP_SUB, WR_T_INTEGER, sum, a), "a + 1 - a");
    printed(op2(WR_OP_MUL, WR_T_INTEGER, sum, num(-2)), "(a + 1) * -2");
    printed(op2(WR_OP_DIV, WR_T_INTEGER, a, op2(WR_OP_MUL, WR_T_INTEGER, a, a)), "a / (a * a)");
    printed(wri_new_op(&ar, WR_OP_NEG, wr_type_of(WR_T_INTEGER), nowhere, 1, (wr_expr *[]){num(-1)}),
            "-(-1)");
    wr_expr *eq = op2(WR_OP_EQ, WR_T_BOOLEAN, a, num(1));
    wr_expr *either = op2(WR_OP_OR, WR_T_BOOLEAN, eq, eq);
    printed(op2(WR_OP_AND, WR_T_BOOLEAN, either, eq), "(a = 1 OR a = 1) AND a = 1");
    printed(op2(WR_OP_EQ, WR_T_BOOLEAN, eq, konst(WR_T_BOOLEAN, 1)), "(a = 1) = TRUE");
    wr_expr *not = wri_new_op(&ar, WR_OP_NOT, wr_type_of(WR_T_BOOLEAN), nowhere, 1, &either);
    printed(not, "NOT (a = 1 OR a = 1)");
    printed(wri_new_op(&ar, WR_OP_IS_NULL, wr_type_of(WR_T_BOOLEAN), nowhere, 1, &eq), "(a = 1) IS NULL");
    printed(op2(WR_OP_ADD_MONTHS, WR_T_DATE, a, num(1)), "ADD_MONTHS(a, 1)");
    printed(str("it's"), "'it''s'");
    printed(dbl(1e300), "1e300");
    printed(konst(WR_T_DATE, 0), "DATE '1970-01-01'");
    printed(konst(WR_T_INTERVAL_DAY, 0), "INTERVAL '0' SECOND");
    printed(konst(WR_T_INTERVAL_DAY, 90 * WRI_US_SECOND), "INTERVAL '90' SECOND");
    printed(konst(WR_T_INTERVAL_DAY, 36 * WRI_US_HOUR), "INTERVAL '36' HOUR");
    printed(konst(WR_T_INTERVAL_DAY, 2 * WRI_US_DAY), "INTERVAL '2' DAY");
    printed(konst(WR_T_INTERVAL_DAY, -1500000), "INTERVAL '-1.5' SECOND");
    printed(konst(WR_T_INTERVAL_MONTH, 24), "INTERVAL '2' YEAR");
    printed(konst(WR_T_INTERVAL_MONTH, 25), "INTERVAL '25' MONTH");
    printed(&wri_failed, "NULL");
    cr_expect_str_eq(wr_op_name(WR_OP_ADD_MONTHS), "ADD_MONTHS");
    cr_expect_str_eq(wr_op_name(WR_N_OPS), "?");
}

/* ---- types ---- */

static bool common(wr_type a, wr_type b, wr_type *outp) {
    wr_type other;
    bool ab = wri_common_type(a, b, outp), ba = wri_common_type(b, a, &other);
    cr_expect_eq(ab, ba);
    if (ab) cr_expect(wri_same_type(*outp, other), "the order does not matter");
    return ab;
}

#define T(k, ...) ((wr_type){.kind = WR_T_##k, __VA_ARGS__})
Test(types, common) {
    static const struct {
        wr_type a, b, want;
    } cases[] = {
        {T(TINYINT), T(BIGINT), T(BIGINT)},
        {T(SMALLINT), T(REAL), T(DOUBLE)},
        {T(REAL), T(REAL), T(REAL)},
        {T(DECIMAL, .prec = 5, .scale = 2), T(DOUBLE), T(DOUBLE)},
        {T(DECIMAL, .prec = 5, .scale = 2), T(DECIMAL, .prec = 6, .scale = 4),
         T(DECIMAL, .prec = 7, .scale = 4)},
        {T(DECIMAL, .prec = 5, .scale = 2), T(BIGINT), T(DECIMAL, .prec = 18, .scale = 2)},
        {T(DECIMAL, .prec = 5), T(BIGINT), T(DECIMAL, .prec = 19)},
        {T(CHAR, .prec = 3), T(CHAR, .prec = 5), T(CHAR, .prec = 5)},
        {T(CHAR, .prec = 3), T(VARCHAR, .prec = 2), T(VARCHAR, .prec = 3)},
        {T(VARCHAR, .prec = 3), T(VARCHAR), T(VARCHAR)},
        {T(JSON), T(JSON), T(JSON)},
        {T(JSON), T(VARCHAR, .prec = 3), T(VARCHAR)},
        {T(VARBINARY, .prec = 3), T(VARBINARY, .prec = 9), T(VARBINARY, .prec = 9)},
        {T(DATE), T(TIMESTAMP, .prec = 3), T(TIMESTAMP, .prec = 3)},
        {T(TIMESTAMP, .prec = 3), T(TIMESTAMP, .prec = 6), T(TIMESTAMP, .prec = 6)},
        {T(TIMESTAMP, .prec = 3, .local_tz = true), T(DATE), T(TIMESTAMP, .prec = 3, .local_tz = true)},
        {T(NULL), T(DATE), T(DATE)},
        {T(NULL), T(NULL), T(NULL)},
        {T(BOOLEAN, .not_null = true), T(BOOLEAN), T(BOOLEAN)},
        {T(INTERVAL_DAY), T(INTERVAL_DAY), T(INTERVAL_DAY)},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++) {
        wr_type t;
        cr_expect(common(cases[i].a, cases[i].b, &t), "case %zu", i);
        cr_expect(wri_same_type(t, cases[i].want) && !t.not_null, "case %zu", i);
    }
}

Test(types, nothing_in_common) {
    static const wr_type cases[][2] = {
        {T(INTEGER), T(VARCHAR)},   {T(BOOLEAN), T(INTEGER)},
        {T(DATE), T(TIME)},         {T(TIME), T(TIMESTAMP)},
        {T(VARBINARY), T(VARCHAR)}, {T(INTERVAL_DAY), T(INTERVAL_MONTH)},
        {T(DATE), T(INTERVAL_DAY)}, {T(TIMESTAMP, .prec = 3), T(BIGINT)},
    };
    wr_type t;
    for (size_t i = 0; i < WR_LEN(cases); i++)
        cr_expect(!common(cases[i][0], cases[i][1], &t), "case %zu", i);
}

/* Whatever can be assigned can be cast; NULL goes everywhere; every pair of kinds is decided. */
Test(types, cast_matrix) {
    static const char *const rows[WR_N_KINDS] = {
        /* to: N B t s i b d r D C V J X A T S I M; a: assignable, c: by CAST only */
        [WR_T_NULL] = "aaaaaaaaaaaaaaaaaa",
        [WR_T_BOOLEAN] = ".a.......ccc......",
        [WR_T_TINYINT] = "..aaaaaaaccc......",
        [WR_T_SMALLINT] = "..aaaaaaaccc......",
        [WR_T_INTEGER] = "..aaaaaaaccc......",
        [WR_T_BIGINT] = "..aaaaaaaccc......",
        [WR_T_DECIMAL] = "..aaaaaaaccc......",
        [WR_T_REAL] = "..aaaaaaaccc......",
        [WR_T_DOUBLE] = "..aaaaaaaccc......",
        [WR_T_CHAR] = "ccccccccc"
                      "aaa.ccccc",
        [WR_T_VARCHAR] = "cccccccccaaa.ccccc",
        [WR_T_JSON] = "cccccccccaaa.ccccc",
        [WR_T_VARBINARY] = "............a.....",
        [WR_T_DATE] = ".........ccc.a.a..",
        [WR_T_TIME] = ".........ccc..ac..",
        [WR_T_TIMESTAMP] = ".........ccc.cca..",
        [WR_T_INTERVAL_DAY] = "..ccccc..ccc....a.",
        [WR_T_INTERVAL_MONTH] = "..ccccc..ccc.....a",
    };
    for (int f = 0; f < WR_N_KINDS; f++)
        for (int t = 1; t < WR_N_KINDS; t++) {
            wr_type from = wr_type_of((wr_kind)f), to = wr_type_of((wr_kind)t);
            char want = rows[f][t], got = wri_assignable(from, to) ? 'a' : wri_castable(from, to) ? 'c' : '.';
            cr_expect_eq(got, want, "%s to %s: %c", wr_kind_name((wr_kind)f), wr_kind_name((wr_kind)t), got);
            cr_expect(got != 'a' || wri_castable(from, to));
        }
}

/* ---- names ---- */

Test(names, identifiers) {
    const wr_ident plain = {.text = "Abc"}, quoted = {.text = "Abc", .quoted = true};
    cr_expect(wri_ident_matches(&plain, "aBC") && wri_ident_matches(&plain, "Abc") &&
              !wri_ident_matches(&plain, "ab"));
    cr_expect(wri_ident_matches(&quoted, "Abc") && !wri_ident_matches(&quoted, "abc"));
    cr_expect(wri_same_name("", "") && !wri_same_name("a", "") && !wri_same_name("Ä", "ä"));
    cr_expect(wri_find_agg(&bind_registry, "sum") && !wri_find_agg(&bind_registry, "su"));
    cr_expect(wri_find_func(&bind_registry, "Upper") && !wri_find_func(&bind_registry, "UPPERS"));
}

Test(names, items, .fini = clean) {
    wr_ident parts[] = {{.text = "t"}, {.text = "Page"}};
    wr_ast column = {.kind = WR_A_COLUMN, .name = {.n = 2, .parts = parts}},
           number = {.kind = WR_A_NUMBER, .text = "1"};
    cr_expect_str_eq(wri_item_name(&ar, &(wr_item){.expr = &column}, 0), "Page");
    cr_expect_str_eq(wri_item_name(&ar, &(wr_item){.expr = &column, .alias = {.text = "x"}}, 0), "x");
    cr_expect_str_eq(wri_item_name(&ar, &(wr_item){.expr = &number}, 3), "EXPR$3");
}
