/* UTF-8: every character, every two- to four-byte sequence near the borders, positions across words. */
#include <criterion/criterion.h>

#include "core/core.h"

static size_t put(uint32_t c, char *o) {
    if (c < 0x80) return (size_t)(o[0] = (char)c, 1);
    if (c < 0x800) return (size_t)(o[0] = (char)(0xc0 | c >> 6), o[1] = (char)(0x80 | (c & 63)), 2);
    if (c < 0x10000)
        return (size_t)(o[0] = (char)(0xe0 | c >> 12), o[1] = (char)(0x80 | (c >> 6 & 63)),
                        o[2] = (char)(0x80 | (c & 63)), 3);
    return (size_t)(o[0] = (char)(0xf0 | c >> 18), o[1] = (char)(0x80 | (c >> 12 & 63)),
                    o[2] = (char)(0x80 | (c >> 6 & 63)), o[3] = (char)(0x80 | (c & 63)), 4);
}

Test(utf8, all_characters) {
    char t[32];
    for (uint32_t c = 0; c < 0x120000; c++) {
        memset(t, 'a', sizeof t);
        size_t at = c % 9, len = put(c, t + at);
        bool want = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (wr_utf8_valid(t, sizeof t) != want) cr_assert_fail("U+%X", c);
        if (want && wr_utf8_count(t, sizeof t) != sizeof t - len + 1) cr_assert_fail("U+%X", c);
        for (size_t cut = 1; cut < len; cut++)
            if (wr_utf8_valid(t, at + cut)) cr_assert_fail("U+%X cut to %zu", c, cut);
    }
}

Test(utf8, every_pair_and_overlong) {
    for (unsigned a = 0x80; a < 0x100; a++)
        for (unsigned b = 0; b < 0x100; b++) {
            char t[2] = {(char)a, (char)b};
            cr_assert_eq(wr_utf8_valid(t, 2), a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
        }
    cr_expect_not(wr_utf8_valid("\xe0\x9f\xbf", 3));
    cr_expect_not(wr_utf8_valid("\xf0\x8f\xbf\xbf", 4));
    cr_expect_not(wr_utf8_valid("\xf4\x90\x80\x80", 4));
    cr_expect_not(wr_utf8_valid("\xe2\x82(", 3));
    cr_expect_not(wr_utf8_valid("\xf0\x9f\x98(", 4));
    cr_expect(wr_utf8_valid("", 0));
    cr_expect_eq(wr_utf8_count("", 0), 0);
    cr_expect_eq(wr_utf8_count("gr\xc3\xbc\xc3\x9f dich", 11), 9);
}
