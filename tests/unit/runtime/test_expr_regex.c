/* Regular expressions and SIMILAR TO: what matches, what is replaced, what is refused, and what must not take
 * long. */
#include "expr_help.h"

#define TEXT xt(WR_T_VARCHAR)
#define I(n) xi(WR_T_BIGINT, n)

static wr_expr *like(const char *s, const char *re) {
    return xfn("REGEXP_LIKE", xt(WR_T_BOOLEAN), xs(s), xs(re));
}
static wr_expr *similar(const char *s, const char *p) {
    return xfn("SIMILAR_TO", xt(WR_T_BOOLEAN), xs(s), xs(p));
}

Test(expr_regex, found_anywhere) {
    xcheck(like("hello", "l+o$"), "1");
    xcheck(like("hello", "^l"), "0");
    xcheck(like("HeLLo", "(?i)hell"), "1");
    xcheck(like("", ""), "1");
    xcheck(like("naïve", "^na.ve$"), "1"); /* a character, not a byte */
    xcheck(like("ÄPFEL", "(?i)äpfel"), "1");
    xcheck(like("\xff"
                "ab",
                "ab"),
           "!the text is not UTF-8");
    xcheck(like("ab", "\xff"), "!'\xff' is no regular expression: UTF-8 error");
    xcheck(like("a\nb", "^b"), "0");
    xcheck(like("a\nb", "(?m)^b"), "1");
    xcheck(like("foobar", "foo(?=bar)"), "1");
    xcheck(like("x", "("), "!'(' is no regular expression: missing closing parenthesis, at character 2");
    xcheck(like("x", "ä["),
           "!'ä[' is no regular expression: missing terminating ] for character class, at character 3");
    xcheck(like("x", "\\C"), "!'\\C' is no regular expression");
    xcheck(xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xs("a1b22c333"), xs("\\d+")), "3");
    xcheck(xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xs("äöü"), xs("")), "4");
    xcheck(xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xs("baac"), xs("a*")), "4");
    xcheck(xfn("REGEXP_INSTR", xt(WR_T_BIGINT), xs("äöü1"), xs("\\d")), "4");
    xcheck(xfn("REGEXP_INSTR", xt(WR_T_BIGINT), xs("abc"), xs("\\d")), "0");
}

Test(expr_regex, groups) {
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("foothebar"), xs("foo(.*?)(bar)"), I(2)), "bar");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("foothebar"), xs("foo(.*?)(bar)"), I(1)), "the");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("foothebar"), xs("o+"), I(0)), "oo");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("foothebar"), xs("o+")), "oo");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("foo"), xs("x")), "NULL");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("b"), xs("(a)|b"), I(1)), "NULL");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("b"), xs("(a)|b"), I(2)),
           "!the regular expression has no group 2, only 1");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("b"), xs("b"), I(-1)), "!the regular expression has no group -1");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("b"), xs("b"), I(INT64_MAX)),
           "!the regular expression has no group");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("2026-01"), xs("(?<y>\\d+)-(?<m>\\d+)"), I(2)), "01");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xnull(TEXT), xs("b")), "NULL");
    xcheck(xfn("REGEXP_EXTRACT", TEXT, xs("b"), xnull(TEXT)), "NULL");
}

#define replace(s, re, with) xfn("REGEXP_REPLACE", TEXT, xs(s), xs(re), xs(with))

Test(expr_regex, replaced) {
    xcheck(replace("foobar", "oo|ar", ""), "fb");
    xcheck(replace("aaa", "a+", ""), "");
    xcheck(replace("john smith", "(\\w+) (\\w+)", "\\2, \\1"), "smith, john");
    xcheck(replace("abc", "b", "[\\0]"), "a[b]c");
    xcheck(replace("abc", "b", "$0 \\\\ \\x \\9\\"), "a$0 \\ \\x \\c"); /* no such group: nothing */
    xcheck(replace("baac", "a*", "-"), "-b--c-");
    xcheck(replace("äöü", "", "."), ".ä.ö.ü.");
    xcheck(replace("abc", "x", "y"), "abc");
    xcheck(replace("aXbX", "(?<=a)X", "-"), "a-bX");
    xcheck(replace("foo.bar", ".", "x"), "xxxxxxx");
    xcheck(replace("aab", "a(?=\\Kb|a)", "-"), "!");
    xcheck(replace("aab", "a\\Ka", "-"), "a-b");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("äaaa"), xs("a"), xs("b"), I(3), I(1)), "äaba");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("aaaa"), xs("a"), xs("b"), I(2), I(0)), "abbb");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("aaaa"), xs("a"), xs("b"), I(1), I(9)), "aaaa");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("aa"), xs("a"), xs("b"), I(9), I(0)), "aa");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("aa"), xs("a"), xs("b"), I(0), I(0)),
           "!the position to replace from");
    xcheck(xfn("REGEXP_REPLACE", TEXT, xs("aa"), xs("a"), xs("b"), I(1), I(-1)), "!the match to replace");
}

Test(expr_regex, similar_to) {
    static const struct {
        const char *s, *p, *want;
    } cases[] = {
        {"abc", "abc", "1"},
        {"abc", "a", "0"},
        {"abc", "%(b|d)%", "1"},
        {"abc", "(b|c)%", "0"},
        {"ab\ncd", "ab%", "1"},
        {"a.c", "a.c", "1"},
        {"abc", "a.c", "0"},
        {"a$^\\c", "a$^\\c", "1"},
        {"aaa", "a{3}", "1"},
        {"aaa", "a{1,2}", "0"},
        {"aaa", "a{2,}", "1"},
        {"ä", "_", "1"},
        {"b7", "[a-c][[:DIGIT:]]", "1"},
        {"d7", "[^a-c][[:digit:]]", "1"},
        {"]", "[x]]", "0"},
        {"a-", "[a-]{2}", "1"},
        {"\\", "[\\]", "1"},
        {"", "", "1"},
        {"", "%", "1"},
        {"ab", "(a|b)+", "1"},
        {"a|b", "a|b", "0"},
        {"x", "*a", "!'*a' is no pattern of SIMILAR TO: nothing to repeat"},
        {"x", "a|*b", "!"},
        {"x", "(?i)x", "!"},
        {"x", "(*ACCEPT)", "!"},
        {"x", "a++", "!"},
        {"x", "a+?", "!"},
        {"x", "a{,3}", "!'a{,3}' is no pattern of SIMILAR TO: expected {2}"},
        {"x", "a{3", "!"},
        {"x", "[", "!"},
        {"x", "[]", "!"},
        {"x", "[[:foo:]]", "!"},
        {"x", "(a", "!"},
        {"x", "a)", "!"},
        {"x", "[[:]", "!"},
        {"x", "%%*", "!"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++) xcheck(similar(cases[i].s, cases[i].p), cases[i].want);
    wr_type yes = xt(WR_T_BOOLEAN);
    xcheck(xfn("SIMILAR_TO", yes, xs("50%"), xs("[0-9]+!%"), xs("!")), "1");
    xcheck(xfn("SIMILAR_TO", yes, xs("50x"), xs("[0-9]+!%"), xs("!")), "0");
    xcheck(xfn("SIMILAR_TO", yes, xs("x"), xs("x!"), xs("!")), "!'x!' is no pattern of SIMILAR TO: it ends");
    xcheck(xfn("SIMILAR_TO", yes, xs("x"), xs("x"), xs("ab")),
           "!'x' is no pattern of SIMILAR TO: its escape");
    xcheck(xfn("SIMILAR_SUBSTR", TEXT, xs("foobar"), xs("%#\"o_b#\"%"), xs("#")), "oob");
    xcheck(xfn("SIMILAR_SUBSTR", TEXT, xs("foobar"), xs("#\"o_b#\"%"), xs("#")), "NULL");
    xcheck(xfn("SIMILAR_SUBSTR", TEXT, xs("abcdefg"), xs("a#\"%#\"x|g"), xs("#")), "bcdef");
    xcheck(xfn("SIMILAR_SUBSTR", TEXT, xs("a1b2"), xs("%#\"[0-9]%#\"%"), xs("#")), "1b2");
    xcheck(xfn("SIMILAR_SUBSTR", TEXT, xs("abc"), xs("%#\"b%"), xs("#")),
           "!'%#\"b%' is no pattern of SUBSTRING");
}

/* Each of these would take years, or at least minutes, if it were let. */
Test(expr_regex, steps_are_bounded) {
    static const char *const patterns[] = {
        "(a+)+$",   "(x+x+)+y",         "(.*)*\\d",       "^(([a-z])+.)+[A-Z]$",  "(a|aa)+$",
        "(a|a?)+$", "(?:a?){40}a{40}b", "(?=(a+))a*b\\1", "(a+)b?\\1c",           "(?>a+)b",
        "a++!b",    "(a*?)*?\\1x",      "(?:\\w+\\s?)+:", "((a{1,100}){1,100})z", "(?:(?=(a+))a)+q",
        "\\s+$"};
    static const size_t lengths[] = {40, 4096, 4097, 300000};
    for (size_t n = 0; n < WR_LEN(lengths); n++) {
        char *text = wr_alloc(lengths[n]);
        memset(text, 'a', lengths[n]);
        memcpy(text + lengths[n] - 2, "!b", 2);
        for (size_t i = 0; i < WR_LEN(patterns); i++) {
            wr_expr *e = xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xsn(text, lengths[n]), xs(patterns[i]));
            const char *got = xeval_on(e, i % 2);
            cr_expect(got[0] != '!' || strstr(got, "too many steps"), "%s: %s", patterns[i], got);
        }
        wr_free(text);
    }
    wr_expr *e = like("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(a+)+$");
    xcheck(e, "!the regular expression takes too many steps on this text");
}

/* The same answers from the program for short texts and from the one that is watched. */
Test(expr_regex, long_texts) {
    static const char *const patterns[] = {"b+", "(?<=x)b", "a*b",  "(b)\\1", "b$",
                                           "^.", "(?s).*b", "\\bb", "ö"};
    for (size_t i = 0; i < WR_LEN(patterns); i++) {
        size_t n = 6000;
        char *text = wr_alloc(n);
        memset(text, ' ', n);
        memcpy(text + 100, "xbb ab öäß", 13);
        text[n - 1] = 'b';
        const char *on_long =
            xeval_on(xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xsn(text, n), xs(patterns[i])), false);
        memmove(text + 1000, text + 100, n - 5000);
        memset(text + 100, ' ', 900);
        memmove(text + 2999, text + n - 1, 1);
        const char *on_short =
            xeval_on(xfn("REGEXP_COUNT", xt(WR_T_BIGINT), xsn(text, 3000), xs(patterns[i])), false);
        cr_expect_str_eq(on_long, on_short, "%s", patterns[i]);
        wr_free(text);
    }
}

/* Memory that runs out at any point is told, and nothing is lost. */
Test(expr_regex, out_of_memory) {
    wr_expr *e = replace("john smith and others", "(\\w+) (\\w+)", "\\2, \\1");
    cr_expect_eq(x_starve(e, "REGEXP_REPLACE", 500), 0);
}
