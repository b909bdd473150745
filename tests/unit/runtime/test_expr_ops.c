/* tests/unit/runtime/test_expr_ops.c -- operators: truth tables, arithmetic, laziness of errors. Every case
 * runs on both evaluators. */
#include "expr_help.h"

#define T    xi(WR_T_BOOLEAN, 1)
#define F    xi(WR_T_BOOLEAN, 0)
#define N    xnull(xt(WR_T_BOOLEAN))
#define I(v) xi(WR_T_BIGINT, v)
#define BAD  xint(DIV, I(1), I(0)) /* fails */
#define BADB xbool(EQ, BAD, I(1))  /* fails, BOOLEAN */

Test(expr_ops, truth_tables) {
    xcheck(xbool(AND, T, T), "1");
    xcheck(xbool(AND, T, F), "0");
    xcheck(xbool(AND, T, N), "NULL");
    xcheck(xbool(AND, F, N), "0");
    xcheck(xbool(AND, N, F), "0");
    xcheck(xbool(AND, N, N), "NULL");
    xcheck(xbool(OR, F, F), "0");
    xcheck(xbool(OR, F, T), "1");
    xcheck(xbool(OR, T, N), "1");
    xcheck(xbool(OR, N, T), "1");
    xcheck(xbool(OR, F, N), "NULL");
    xcheck(xbool(NOT, T), "0");
    xcheck(xbool(NOT, N), "NULL");
    xcheck(xbool(IS_TRUE, N), "0");
    xcheck(xbool(IS_NOT_TRUE, N), "1");
    xcheck(xbool(IS_FALSE, F), "1");
    xcheck(xbool(IS_NOT_FALSE, N), "1");
    xcheck(xbool(IS_NULL, N), "1");
    xcheck(xbool(IS_NOT_NULL, T), "1");
    xcheck(xbool(IS_DISTINCT, N, N), "0");
    xcheck(xbool(IS_DISTINCT, N, T), "1");
    xcheck(xbool(IS_NOT_DISTINCT, T, T), "1");
    xcheck(xbool(AND, T, T, N, F), "0");
    xcheck(xbool(OR, F, N, T), "1");
}

Test(expr_ops, errors_count_only_where_used) {
    xcheck(xbool(AND, F, BADB), "0");
    xcheck(xbool(AND, T, BADB), "!division by zero");
    xcheck(xbool(AND, N, BADB), "!division by zero");
    xcheck(xbool(AND, BADB, F), "!division by zero");
    xcheck(xbool(OR, T, BADB), "1");
    xcheck(xbool(OR, F, BADB), "!division by zero");
    xcheck(xbool(OR, N, BADB), "!division by zero");
    xcheck(xint(CASE, T, I(1), BAD), "1");
    xcheck(xint(CASE, F, BAD, I(2)), "2");
    xcheck(xint(CASE, N, BAD, T, I(3), BAD), "3");
    xcheck(xint(CASE, T, I(1), BADB, I(2), I(3)), "1");
    xcheck(xint(CASE, F, I(1), BADB, I(2), I(3)), "!division by zero");
    xcheck(xint(COALESCE, I(1), BAD), "1");
    xcheck(xint(COALESCE, xnull(xt(WR_T_BIGINT)), BAD), "!division by zero");
    xcheck(xint(COALESCE, BAD, I(1)), "!division by zero");
    xcheck(xbool(IS_NULL, BAD), "!division by zero");
    xcheck(xint(ADD, xnull(xt(WR_T_BIGINT)), BAD), "!division by zero");
    /* an error in a branch not taken of the side that decides */
    xcheck(xbool(AND, xbool(OR, T, BADB), xbool(AND, F, BADB)), "0");
}

Test(expr_ops, integer_arithmetic) {
    xcheck(xint(ADD, I(INT64_MAX), I(1)), "!BIGINT out of range");
    xcheck(xint(SUB, I(INT64_MIN), I(1)), "!BIGINT out of range");
    xcheck(xint(MUL, I(INT64_MAX), I(2)), "!BIGINT out of range");
    xcheck(xint(MUL, I(3037000500), I(3037000500)), "!BIGINT out of range");
    xcheck(xint(MUL, I(3037000499), I(3037000499)), "9223372030926249001");
    xcheck(xint(NEG, I(INT64_MIN)), "!BIGINT out of range");
    xcheck(xint(DIV, I(INT64_MIN), I(-1)), "!BIGINT out of range");
    xcheck(xint(MOD, I(INT64_MIN), I(-1)), "0");
    xcheck(xint(DIV, I(-7), I(2)), "-3");
    xcheck(xint(MOD, I(-4), I(3)), "-1");
    xcheck(xint(MOD, I(4), I(-3)), "1");
    xcheck(xint(MOD, I(4), I(0)), "!division by zero");
    xcheck(xop(ADD, xt(WR_T_TINYINT), I(127), I(1)), "!TINYINT out of range");
    xcheck(xop(MUL, xt(WR_T_INTEGER), I(65536), I(32768)), "!INTEGER out of range");
    xcheck(xop(MUL, xt(WR_T_INTEGER), I(-65536), I(32768)), "-2147483648");
}

Test(expr_ops, decimals_round_half_away_from_zero) {
    wr_type d92 = xt_dec(9, 2), d6 = xt_dec(18, 6);
    wr_expr *five = xi(WR_T_BIGINT, 500), *eight = xi(WR_T_BIGINT, 800), *m5 = xi(WR_T_BIGINT, -500);
    five->type = eight->type = m5->type = d92;
    xcheck(xop(DIV, d92, five, eight), "0.63"); /* 0.625 */
    xcheck(xop(DIV, d92, m5, eight), "-0.63");
    xcheck(xop(DIV, d6, five, xop(SUB, d92, five, five)), "!division by zero");
    xcheck(xop(ADD, xt_dec(3, 2), five, m5), "0.00");
    xcheck(xop(ADD, xt_dec(3, 2), five, five), "!DECIMAL out of range");
    xcheck(xop(MUL, xt_dec(18, 4), five, eight), "40.0000");
    wr_expr *big = xi(WR_T_BIGINT, 999999999999999999), *tiny = xi(WR_T_BIGINT, 1);
    big->type = xt_dec(18, 0);
    tiny->type = xt_dec(18, 18);
    xcheck(xop(DIV, xt_dec(18, 18), big, tiny), "!DECIMAL out of range");
    xcheck(xop(DIV, xt_dec(18, 0), tiny, big), "0");
}

static wr_expr *dec(int64_t v, uint32_t p, uint8_t s) {
    wr_expr *e = xi(WR_T_BIGINT, v);
    e->type = xt_dec(p, s);
    return e;
}

#define MOST 999999999999999999 /* 18 digits */

Test(expr_ops, products_and_quotients_are_rounded_once) {
    xcheck(xop(MUL, xt_dec(18, 6), dec(123456789012345678, 18, 6), dec(1500000, 18, 6)),
           "185185183518.518517");
    xcheck(xop(MUL, xt_dec(18, 8), dec(MOST, 18, 12), dec(MOST, 18, 12)), "!DECIMAL out of range");
    xcheck(xop(MUL, xt_dec(18, 6), dec(MOST, 18, 12), dec(MOST, 18, 12)), "999999999999.999998");
    xcheck(xop(MUL, xt_dec(18, 18), dec(MOST, 18, 18), dec(MOST, 18, 18)), "0.999999999999999998");
    xcheck(xop(MUL, xt_dec(18, 2), dec(5, 18, 2), dec(10, 18, 2)), "0.01"); /* 0.005 */
    xcheck(xop(MUL, xt_dec(18, 2), dec(-5, 18, 2), dec(10, 18, 2)), "-0.01");
    xcheck(xop(MUL, xt_dec(18, 2), dec(-499, 18, 4), dec(10, 18, 2)), "0.00"); /* -0.00499 */
    xcheck(xop(MUL, xt_dec(18, 1), xi(WR_T_BIGINT, INT64_MIN), dec(1, 1, 1)), "!DECIMAL out of range");
    xcheck(xop(MUL, xt_dec(18, 0), xi(WR_T_BIGINT, INT64_MIN), dec(1, 1, 1)), "-922337203685477581");
    xcheck(xop(DIV, xt_dec(18, 0), xi(WR_T_BIGINT, INT64_MIN), dec(100, 3, 1)), "-922337203685477581");
    xcheck(xop(DIV, xt_dec(18, 6), dec(MOST, 18, 0), dec(MOST, 18, 6)), "1000000.000000");
    xcheck(xop(DIV, xt_dec(18, 6), dec(1, 18, 0), xi(WR_T_BIGINT, INT64_MIN)), "0.000000");
}

Test(expr_ops, sums_and_rests_of_different_scales) {
    wr_expr *big = dec(MOST, 18, 0);
    xcheck(xop(SUB, xt_dec(18, 2), big, dec(1, 2, 2)), "!DECIMAL out of range");
    xcheck(xop(SUB, xt_dec(18, 2), xi(WR_T_BIGINT, 9000000000000000001), xi(WR_T_BIGINT, 1)),
           "!DECIMAL out of range");
    xcheck(xop(ADD, xt_dec(18, 4), dec(1500000000000000, 18, 1), dec(-900000000000000000, 18, 4)),
           "60000000000000.0000");
    xcheck(xop(MOD, xt_dec(2, 2), big, dec(17, 2, 2)), "0.06");
    xcheck(xop(MOD, xt_dec(2, 2), dec(-MOST, 18, 0), dec(-17, 2, 2)), "-0.06");
    xcheck(xop(MOD, xt_dec(18, 2), dec(5, 3, 2), big), "0.05");
    xcheck(xop(MOD, xt_dec(18, 2), big, dec(0, 3, 2)), "!division by zero");
    xcheck(xop(MOD, xt_dec(18, 1), xi(WR_T_BIGINT, INT64_MIN), dec(-1, 2, 1)), "0.0");
}

Test(expr_ops, comparisons_of_different_scales) {
    wr_expr *big = dec(MOST, 18, 0), *near = dec(MOST, 18, 18), *none = xnull(xt_dec(5, 2));
    xcheck(xbool(GT, big, near), "1");
    xcheck(xbool(LT, big, near), "0");
    xcheck(xbool(EQ, dec(150, 5, 2), dec(1500, 18, 3)), "1");
    xcheck(xbool(NE, dec(150, 5, 2), dec(1501, 18, 3)), "1");
    xcheck(xbool(LE, xi(WR_T_BIGINT, INT64_MIN), dec(-MOST, 18, 18)), "1");
    xcheck(xbool(GE, dec(10, 2, 1), xi(WR_T_INTEGER, 1)), "1");
    xcheck(xbool(EQ, big, none), "NULL");
    xcheck(xbool(IS_DISTINCT, big, none), "1");
    xcheck(xbool(IS_NOT_DISTINCT, xnull(xt_dec(9, 3)), none), "1");
    xcheck(xbool(IS_DISTINCT, dec(150, 5, 2), dec(1500, 18, 3)), "0");
    xcheck(xbool(IS_NOT_DISTINCT, dec(150, 5, 2), dec(1500, 18, 3)), "1");
}

Test(expr_ops, intervals_times_decimals) {
    wr_type day = xt(WR_T_INTERVAL_DAY);
    wr_expr *i = xi(WR_T_INTERVAL_DAY, 8640000000000); /* 100 days */
    xcheck(xop(MUL, day, i, dec(2500000, 18, 6)), "21600000000000");
    xcheck(xop(MUL, day, dec(25, 2, 1), i), "21600000000000");
    xcheck(xop(DIV, day, i, dec(25, 2, 1)), "3456000000000");
    xcheck(xop(DIV, day, i, dec(0, 2, 1)), "!division by zero");
    xcheck(xop(MUL, day, xi(WR_T_INTERVAL_DAY, -7), dec(5, 1, 1)), "-3"); /* cut */
    xcheck(xop(MUL, day, xi(WR_T_INTERVAL_DAY, INT64_MAX), dec(11, 2, 1)),
           "!INTERVAL DAY TO SECOND out of range");
}

Test(expr_ops, rounding_functions_of_decimals) {
    wr_expr *x = dec(995, 3, 2), *big = dec(-MOST, 18, 2);
    xcheck(xfn("ROUND", xt_dec(3, 1), x, xi(WR_T_BIGINT, 1)), "10.0");
    xcheck(xfn("ROUND", xt_dec(2, 0), x), "10");
    xcheck(xfn("ROUND", xt_dec(3, 2), x, xi(WR_T_BIGINT, INT64_MAX)), "9.95");
    xcheck(xfn("ROUND", xt_dec(2, 0), x, xi(WR_T_BIGINT, -1)), "10");
    xcheck(xfn("ROUND", xt_dec(2, 0), x, xi(WR_T_BIGINT, -2)), "0");
    xcheck(xfn("ROUND", xt_dec(2, 0), x, xi(WR_T_BIGINT, INT64_MIN)), "0");
    xcheck(xfn("ROUND", xt_dec(18, 0), big, xi(WR_T_BIGINT, -15)), "-10000000000000000");
    xcheck(xfn("ROUND", xt_dec(18, 2), big, xi(WR_T_BIGINT, -15)), "!DECIMAL out of range");
    xcheck(xfn("TRUNCATE", xt_dec(2, 1), x, xi(WR_T_BIGINT, 1)), "9.9");
    xcheck(xfn("TRUNCATE", xt_dec(18, 0), big, xi(WR_T_BIGINT, -15)), "-9000000000000000");
    xcheck(xfn("SIGN", xt_dec(2, 1), dec(-5, 1, 1)), "-1.0");
    xcheck(xfn("ABS", xt_dec(18, 2), big), "9999999999999999.99");
    xcheck(xfn("ROUND", xt(WR_T_BIGINT), xi(WR_T_BIGINT, INT64_MAX), xi(WR_T_BIGINT, -19)),
           "!BIGINT out of range");
    xcheck(xfn("ROUND", xt(WR_T_BIGINT), xi(WR_T_BIGINT, INT64_MAX), xi(WR_T_BIGINT, -20)), "0");
}

Test(expr_ops, doubles_are_ieee_but_never_nan) {
    wr_type d = xt(WR_T_DOUBLE), r = xt(WR_T_REAL);
    double inf = __builtin_inf();
    xcheck(xop(DIV, d, xd(1), xd(0)), "!division by zero");
    xcheck(xop(DIV, d, xd(1), xd(-0.0)), "!division by zero");
    xcheck(xop(SUB, d, xd(inf), xd(inf)), "!not a number");
    xcheck(xop(MUL, d, xd(inf), xd(0)), "!not a number");
    xcheck(xop(MUL, d, xd(1e308), xd(10)), "Infinity");
    xcheck(xop(NEG, d, xd(0)), "-0.0");
    xcheck(xop(MOD, d, xd(-7.5), xd(2)), "-1.5");
    xcheck(xop(ADD, r, xd(16777216), xd(1)), "16777216.0");
    xcheck(xbool(EQ, xd(-0.0), xd(0)), "1");
}

Test(expr_ops, comparisons) {
    xcheck(xbool(LT, xs("abc"), xs("abd")), "1");
    xcheck(xbool(LT, xs("abc"), xs("abcd")), "1");
    xcheck(xbool(GT, xs("é"), xs("z")), "1"); /* by bytes */
    xcheck(xbool(LT, xsn("a", 1), xsn("a\0", 2)), "1");
    xcheck(xbool(EQ, xsn("a", 1), xsn("a\0", 2)), "0");
    xcheck(xbool(GE, xs("a long string that is not inline"), xs("a long string that is not inlinE")), "1");
    xcheck(xbool(NE, I(1), xnull(xt(WR_T_BIGINT))), "NULL");
    xcheck(xbool(LT, I(INT64_MIN), I(INT64_MAX)), "1");
}

Test(expr_ops, in_lists) {
    wr_expr *null = xnull(xt(WR_T_BIGINT));
    xcheck(xbool(IN, I(2), I(1), I(2)), "1");
    xcheck(xbool(IN, I(3), I(1), I(2)), "0");
    xcheck(xbool(IN, I(3), I(1), null), "NULL");
    xcheck(xbool(IN, I(1), I(1), null), "1");
    xcheck(xbool(IN, null, I(1)), "NULL");
    xcheck(xbool(IN, I(9), I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9)), "1");
    xcheck(xbool(IN, I(10), I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), null), "NULL");
    xcheck(xbool(IN, xd(0.0), xd(1), xd(2), xd(3), xd(4), xd(5), xd(6), xd(7), xd(8), xd(-0.0)), "1");
    xcheck(xbool(IN, xs("page-000000000042"), xs("a"), xs("b"), xs("page-000000000042")), "1");
    xcheck(xbool(IN, I(1), I(1), BAD), "!division by zero");
}

/* ---- shapes that generated SQL has ---- */

static wr_expr *chain(wr_xop op, wr_type t, wr_expr *const *items, uint32_t n) { /* ((a op b) op c) … */
    wr_expr *e = items[0];
    for (uint32_t i = 1; i < n; i++) e = xop_(op, WR_U_NONE, t, e, items[i], NULL);
    return e;
}

static wr_expr *wide(wr_xop op, wr_type t, wr_expr *const *items, uint32_t n) {
    wr_expr *e = xop_(op, WR_U_NONE, t, NULL);
    e->args = wr_arena_alloc(&xh_ar, n * sizeof *e->args);
    memcpy(e->args, items, n * sizeof *e->args);
    e->n_args = n;
    return e;
}

Test(expr_ops, long_chains_and_lists) {
    enum { LONG = 3000 };
    static wr_expr *items[LONG];
    wr_type b = xt(WR_T_BOOLEAN), s = xt(WR_T_VARCHAR), n = xt(WR_T_BIGINT);
    for (int i = 0; i < LONG; i++) items[i] = xbool(NE, I(i), I(LONG - 1));
    xcheck(chain(WR_OP_AND, b, items, LONG), "0");
    xcheck(chain(WR_OP_AND, b, items, LONG - 1), "1");
    items[LONG - 2] = BADB;
    xcheck(chain(WR_OP_AND, b, items, LONG), "!division by zero");
    items[LONG - 3] = F;
    xcheck(chain(WR_OP_AND, b, items, LONG), "0");
    for (int i = 0; i < LONG; i++) items[i] = xbool(EQ, xint(DIV, I(10), I(i + 1)), I(i == 2000 ? 0 : -1));
    xcheck(chain(WR_OP_OR, b, items, LONG), "1");
    items[1] = N;
    items[2000] = F;
    xcheck(chain(WR_OP_OR, b, items, LONG), "NULL");
    for (int i = 0; i < LONG; i++) items[i] = I(2 * i);
    xcheck(wide(WR_OP_IN, b, items, LONG), "0");
    items[0] = I(2 * LONG - 2);
    xcheck(wide(WR_OP_IN, b, items, LONG), "1");
    for (int i = 0; i < LONG; i++) items[i] = i < 299 ? xnull(n) : I(i);
    xcheck(wide(WR_OP_COALESCE, n, items, 300), "299");
    for (int i = 0; i < LONG; i++) items[i] = i % 2 == 0 ? xbool(EQ, I(i), I(798)) : I(i);
    items[800] = BAD;
    xcheck(wide(WR_OP_CASE, n, items, 801), "799");
    for (int i = 0; i < LONG; i++) items[i] = xs(i % 2 ? "b" : "a");
    wr_expr *ab = xfn("REPEAT", s, xs("ab"), I(250));
    xcheck(xbool(EQ, chain(WR_OP_CONCAT, s, items, 500), ab), "1");
    xcheck(xbool(EQ, wide(WR_OP_CONCAT, s, items, 500), ab), "1");
    items[0] = I(1);
    for (int i = 1; i < LONG; i++) items[i] = xint(DIV, I(i), I(i));
    xcheck(wide(WR_OP_IN, b, items, 300), "1");
    items[250] = BAD;
    xcheck(wide(WR_OP_IN, b, items, 300), "!division by zero");
}
