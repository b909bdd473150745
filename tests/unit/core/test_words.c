/* tests/unit/core/test_words.c -- numbers in as few bytes as they need, and back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

#define MOST 600

/* Numbers from least to least + span, both among them, there and back, at an odd address. */
static void round_trip(int64_t least, uint64_t span, uint32_t n, uint32_t bytes) {
    int64_t v[MOST], back[MOST];
    char words[MOST * 8 + 2];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        v[i] = (int64_t)((uint64_t)least + (span == UINT64_MAX ? x : x % (span + 1)));
    }
    v[n - 2] = least;
    v[n - 1] = (int64_t)((uint64_t)least + span);
    wr_span s = wr_span_with(WR_SPAN_NONE, v, n / 2);
    s = wr_span_with(s, v + n / 2, n - n / 2);
    cr_assert_eq(s.least, least);
    cr_assert_eq((uint64_t)s.most, (uint64_t)least + span);
    cr_assert_eq(wr_span_bytes(s), bytes, "%lu: %u", (unsigned long)span, wr_span_bytes(s));
    memset(words, 'x', sizeof words);
    wr_words_pack(v, n, s.least, bytes, words + 1);
    cr_assert_eq(words[0], 'x');
    cr_assert_eq(words[1 + (size_t)n * bytes], 'x', "no more is written");
    wr_words_unpack(words + 1, n, s.least, bytes, back);
    cr_assert_arr_eq(back, v, n * sizeof *v);
}

Test(words, there_and_back) {
    const int64_t leasts[] = {0, 7, -100, INT64_MIN, INT64_MAX / 2};
    for (size_t l = 0; l < WR_LEN(leasts); l++)
        for (uint32_t n = 2; n < MOST; n += 1 + n / 3) {
            round_trip(leasts[l], 0, n, 0);
            round_trip(leasts[l], 1, n, 1);
            round_trip(leasts[l], UINT8_MAX, n, 1);
            round_trip(leasts[l], UINT8_MAX + 1, n, 2);
            round_trip(leasts[l], UINT16_MAX, n, 2);
            round_trip(leasts[l], UINT16_MAX + 1, n, 4);
            round_trip(leasts[l], UINT32_MAX, n, 4);
            round_trip(leasts[l], UINT64_C(1) << 32, n, 8);
        }
    round_trip(INT64_MIN, UINT64_MAX, MOST, 8);
}

Test(words, of_none) {
    wr_span s = wr_span_with(WR_SPAN_NONE, NULL, 0);
    cr_assert_eq(wr_span_bytes(s), 0);
    wr_words_pack(NULL, 0, 0, 8, NULL);
    wr_words_unpack(NULL, 0, 0, 8, NULL);
}

Test(words, the_largest_id) {
    uint32_t ids[100] = {0};
    cr_assert_eq(wr_ids_top(NULL, 0), 0);
    for (uint32_t i = 0; i < WR_LEN(ids); i++) {
        ids[i] = UINT32_MAX - i;
        cr_assert_eq(wr_ids_top(ids, WR_LEN(ids)), UINT32_MAX - i);
        cr_assert_eq(wr_ids_top(ids, i), 0);
        ids[i] = 0;
    }
}
