/* Log parsers: what fast patterns find, what PCRE2 says of the same ones, lines of any length, and bytes that
 * are no row. The other parsers: tests/sql/kda. */
#include "expr_help.h"

#define TEXT   xt(WR_T_VARCHAR)
#define ROW    xt(WR_T_VARBINARY)
#define I(n)   xi(WR_T_BIGINT, n)
#define ROUNDS 1000

/* Field i of what a parser makes of a text. */
static wr_expr *field(const char *parser, wr_expr *text, const char *pattern, int64_t i) {
    return xfn("ROW_FIELD", TEXT, xfn(parser, ROW, text, xs(pattern)), I(i));
}
static wr_expr *fast(const char *text, const char *pattern, int64_t i) {
    return field("FAST_REGEX_LOG_PARSE", xs(text), pattern, i);
}
static wr_expr *w3c(const char *text, const char *pattern, int64_t i) {
    return field("W3C_LOG_PARSE", xs(text), pattern, i);
}

Test(expr_logs, fast_parts) {
    xcheck(fast("Mary_had_a_little_lamb", "(.*)_(._.*)_.*", 0), "Mary_had");
    xcheck(fast("Mary_had_a_little_lamb", "(.*)_(._.*)_.*", 1), "a_little");
    xcheck(fast("Mary_had_a_little_lamb", "(.*)_+(._.*)", 0), "NULL");
    xcheck(fast("a,b,c", "(.*),(.*),(.*)", 2), "c");
    xcheck(fast("a,b,c,d", "(.*),(.*)", 1), "b,c,d");
    xcheck(fast("ab12", "(<Alpha>*)(<Digit>*)", 0), "ab");
    xcheck(fast("ab12", "(<Alpha>*)(<Digit>*)", 1), "12");
    xcheck(fast("abc", "(ab)(.*)", 0), "ab");
    xcheck(fast("abc", "(ab)(.*)", 1), "c");
    xcheck(fast("xabc", "x(ab)c", 0), "ab");
    xcheck(fast("<é> ünï", "<(.*)> (.*)", 1), "!the fast pattern is wrong");
    xcheck(fast("<é> ünï", "\\<(.*)\\> (.*)", 0), "é");
    xcheck(fast("<é> ünï", "\\<(.*)\\> (.*)", 1), "ünï");
    xcheck(fast("axbx", "(.*)x", 0), "axb"); /* the last part takes all that is left */
    xcheck(fast("", "(.*)", 0), "");
    xcheck(fast("", "(.+)", 0), "NULL");
    xcheck(fast("a", "(a)()", 1), "");
    xcheck(fast("\xff", "(.*)", 0), "!the text is not UTF-8");
}

Test(expr_logs, fast_language) {
    xcheck(fast("7", "(<1-12>)", 0), "7");
    xcheck(fast("0012", "(<1-12>)", 0), "0012");
    xcheck(fast("13", "(<1-12>)", 0), "NULL");
    xcheck(fast("0", "(<1-12>)", 0), "NULL");
    xcheck(fast("07", "(<07-12>)", 0), "07");
    xcheck(fast("007", "(<07-12>)", 0), "NULL");
    xcheck(fast("ab", "([a-c]{2}&~(aa|cc))", 0), "ab");
    xcheck(fast("cc", "([a-c]{2}&~(aa|cc))", 0), "NULL");
    xcheck(fast("a.b", "(\"a.b\")", 0), "a.b");
    xcheck(fast("axb", "(\"a.b\")", 0), "NULL");
    xcheck(fast("anything", "(@)", 0), "anything");
    xcheck(fast("a", "(a|#)", 0), "a");
    xcheck(fast("a", "(#)", 0), "NULL");
    xcheck(fast("aaa", "(a{2,})", 0), "aaa");
    xcheck(fast("a", "(a{2,})", 0), "NULL");
    xcheck(fast("x", "a|b", 0), "!the fast pattern is wrong at '|b': a choice stands in a group");
    xcheck(fast("x", "abc", 0), "!the fast pattern has no group");
    xcheck(fast("x", "(a", 0), "!the fast pattern is wrong at its end: ')' is missing");
    xcheck(fast("x", "(<nothing>)", 0), "!the fast pattern is wrong at 'nothing>)': there is no class");
}

Test(expr_logs, w3c_edges) {
    xcheck(w3c("a \"x \\\" y\" 5", "%h \"%r\" %b", 1), "x \\\" y");
    xcheck(w3c("a \"\" 5", "%h \"%r\" %b", 1), "");
    xcheck(w3c("a  5", "%h %u %b", 1), "NULL"); /* nothing where the user stands */
    xcheck(w3c("/a - x", "%U%q - %u", 0), "!the log format is wrong at '%U%q - %u': two specifiers");
    xcheck(w3c("100%: a", "100%%: %h", 0), "a");
    xcheck(w3c("[a b] c", "%t %h", 0), "[a b]");
    xcheck(w3c("[a b] c", "[%t] %h", 0), "a b");
    xcheck(w3c("x", "plain", 0), "!the log format is wrong: it has no specifier");
}

/* ---- against PCRE2 ---- */

static uint64_t seed = 42;
static uint32_t chance(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* A random pattern that means the same in both languages. */
static void pattern(wr_buf *b, uint32_t depth) {
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[a-c]"};
    static const char *const ends[] = {"", "", "*", "?", "{1,2}", "{2}", "{0,}", "+"};
    uint32_t n = 1 + chance(3);
    for (uint32_t i = 0; i < n; i++) {
        if (depth > 0 && chance(3) == 0) {
            cr_assert(wr_buf_puts(b, "(") == WR_OK);
            pattern(b, depth - 1);
            if (chance(2)) {
                cr_assert(wr_buf_puts(b, "|") == WR_OK);
                pattern(b, depth - 1);
            }
            cr_assert(wr_buf_puts(b, ")") == WR_OK);
        } else cr_assert(wr_buf_puts(b, atoms[chance(WR_LEN(atoms))]) == WR_OK);
        cr_assert(wr_buf_puts(b, ends[chance(WR_LEN(ends))]) == WR_OK);
    }
}

static const char *random_pattern(void) {
    wr_buf b = {0};
    pattern(&b, 2);
    const char *s = wr_arena_strndup(&xh_ar, b.data, b.len);
    wr_buf_free(&b);
    return s;
}

typedef enum fits { NO, YES, UNKNOWN } fits; /* unknown: PCRE2 takes too many steps */

static fits whether(const char *parser, const char *text, const char *p) {
    const char *v = xeval_on(field(parser, xs(text), p, 0), false);
    return strcmp(v, "NULL") == 0 ? NO : *v == '!' ? UNKNOWN : YES;
}
static fits pcre(const char *text, const char *p) {
    return whether("REGEX_LOG_PARSE", text, wr_arena_printf(&xh_ar, "(?s)(%s)", p));
}
static fits fast_is(const char *text, const char *p) { return whether("FAST_REGEX_LOG_PARSE", text, p); }

Test(expr_logs, fast_is_what_pcre_says) {
    uint32_t n_fit = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        unsigned long long began = seed;
        const char *p = random_pattern(), *q = random_pattern();
        const char *both = wr_arena_printf(&xh_ar, "((%s)&(%s))", p, q),
                   *one = wr_arena_printf(&xh_ar, "(%s)", p), *other = wr_arena_printf(&xh_ar, "(~(%s))", p);
        char text[8] = "";
        for (uint32_t k = chance(7), j = 0; j < k; j++) text[j] = (char)('a' + chance(4));
        fits x = pcre(text, p), y = pcre(text, q);
        if (x == UNKNOWN || y == UNKNOWN) continue;
        n_fit += x == YES;
        cr_assert_eq(fast_is(text, one), x, "seed %llu: %s of '%s'", began, one, text);
        cr_assert_eq(fast_is(text, both), x == YES ? y : NO, "seed %llu: %s of '%s'", began, both, text);
        cr_assert_eq(fast_is(text, other), x == YES ? NO : YES, "seed %llu: %s of '%s'", began, other, text);
    }
    cr_expect(n_fit > ROUNDS / 20, "only %u patterns fit", n_fit);
}

/* ---- long and hostile ---- */

Test(expr_logs, long_lines) {
    static const struct {
        const char *parser, *pattern, *first;
    } cases[] = {{"FAST_REGEX_LOG_PARSE", "(.*)_+(._.*)", "NULL"},
                 {"FAST_REGEX_LOG_PARSE", "((a+)+(a+)+b)", "NULL"},
                 {"FAST_REGEX_LOG_PARSE", "(.*)(a*)(.*)b.*", "NULL"},
                 {"REGEX_LOG_PARSE", "((a+)+(a+)+b)", "!"},
                 {"W3C_LOG_PARSE", "%h %l \"%r\"", "NULL"},
                 {"FIXED_COLUMN_LOG_PARSE", "A TYPE CHAR(2) START 5 FOR 2, B TYPE VARCHAR(9) START 9", "aa"}};
    size_t n = (size_t)2 << 20;
    char *long_line = wr_alloc(n + 1);
    memset(long_line, 'a', n);
    long_line[n] = 0;
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(field(cases[i].parser, xs(long_line), cases[i].pattern, 0), cases[i].first);
    wr_free(long_line);
}

/* States that double with each character are told of, not made for ever. */
Test(expr_logs, fast_states_are_bounded) {
    char text[4096];
    uint64_t s = 1;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        s = s * UINT64_C(6364136223846793005) + 1;
        text[i] = s >> 63 ? 'a' : 'b';
    }
    text[sizeof text - 1] = 0;
    xcheck(fast(text, "(.*a.{40}&.*b.{39})", 0), "!the fast pattern takes too many states");
}

Test(expr_logs, no_row) {
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {{"", 0},
                {"\1\0\0", 3},
                {"\xff\xff\xff\xff", 4},
                {"\1\0\0\0\x50\0\0\0ab", 10},
                {"\2\0\0\0\2\0\0\0\1\0\0\0ab", 14}};
    for (size_t i = 0; i < WR_LEN(rows); i++) {
        wr_expr *row = xs("");
        row->type = ROW;
        row->value.str = wr_str_make(rows[i].bytes, rows[i].n);
        xcheck(xfn("ROW_FIELD", TEXT, row, I(i == 4)), "!the bytes are no row");
    }
}
