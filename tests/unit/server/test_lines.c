/* The ring of lines against a plain list: whatever is put, readers get every line that is kept, in order, and
 * are told how many they have missed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/lines.h"

#define LINES 20000

static size_t text_of(uint64_t i, char out[64]) {
    return (size_t)snprintf(out, 64, "%.*s%llu", (int)(i * 7 % 23), "xxxxxxxxxxxxxxxxxxxxxxx",
                            (unsigned long long)i);
}

static void put(wri_lines *l, uint64_t i) {
    char text[64];
    wri_lines_put(l, text, text_of(i, text));
}

Test(lines, readers_of_all_speeds) {
    for (unsigned seed = 1; seed <= 20; seed++) {
        wri_lines l;
        wri_lines_at at = {0};
        wr_buf got = {0};
        uint64_t skipped, seen = 0, put_n = 0;
        srandom(seed);
        wri_lines_init(&l, 1u << (10 + seed % 5));
        while (seen < LINES) {
            for (long n = random() % (seed * 20); n > 0 && put_n < LINES; n--) put(&l, put_n++);
            for (long n = random() % (seed * 20) + 1; n > 0; n--) {
                char want[64];
                got.len = 0;
                wr_status s = wri_lines_next(&l, &at, &got, &skipped);
                seen += skipped;
                if (s == WR_AGAIN) {
                    cr_assert_eq(seen, put_n);
                    break;
                }
                cr_assert_eq(s, WR_OK);
                size_t len = text_of(seen++, want);
                cr_assert(got.len == len && memcmp(got.data, want, len) == 0, "seed %u, line %llu", seed,
                          (unsigned long long)seen - 1);
            }
        }
        wr_buf_free(&got);
        wri_lines_free(&l);
    }
}

Test(lines, a_line_that_is_too_long_is_a_gap) {
    wri_lines l;
    wri_lines_at at;
    wr_buf got = {0};
    uint64_t skipped;
    char *big = calloc(1, 5000);
    wri_lines_init(&l, 4096);
    wri_lines_at_start(&l, &at);
    put(&l, 0);
    wri_lines_put(&l, big, 4092); /* just fits: the one before it goes */
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_OK);
    cr_assert(skipped == 1 && got.len == 4092);
    wri_lines_put(&l, big, 4093);
    put(&l, 3);
    got.len = 0;
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_OK);
    cr_assert(skipped == 1 && at.number == 4 && wri_lines_gone(&l) == 3);
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_AGAIN);
    wri_lines_put(&l, big, 5000);
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_AGAIN);
    cr_assert_eq(skipped, 1);
    wr_buf_free(&got);
    wri_lines_free(&l);
    free(big);
}

Test(lines, behind_a_number) {
    wri_lines l;
    wri_lines_at at;
    wr_buf got = {0};
    uint64_t skipped;
    char want[64];
    wri_lines_init(&l, 1024);
    for (uint64_t i = 0; i < 500; i++) put(&l, i);
    wri_lines_at_after(&l, 497, &at);
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_OK);
    cr_assert(got.len == text_of(498, want) && memcmp(got.data, want, got.len) == 0);
    wri_lines_at_after(&l, 9999, &at);
    cr_assert_eq(wri_lines_next(&l, &at, &got, &skipped), WR_AGAIN);
    wri_lines_at_after(&l, 1, &at);
    cr_assert(at.number == wri_lines_gone(&l) && at.number > 1);
    wr_buf_free(&got);
    wri_lines_free(&l);
}

Test(lines, without_memory_older_lines_go) {
    for (uint64_t n = 1; n < 6; n++) {
        wri_lines l;
        wri_lines_at at;
        wr_buf got = {0};
        uint64_t skipped, seen = 0;
        wri_lines_init(&l, 8192);
        wri_lines_at_start(&l, &at);
        wr_mem_fail_at(n);
        for (uint64_t i = 0; i < 300; i++) put(&l, i);
        wr_mem_fail_at(0);
        while (wri_lines_next(&l, &at, &got, &skipped) == WR_OK) seen += skipped + 1;
        cr_assert_eq(seen + skipped, 300);
        wr_buf_free(&got);
        wri_lines_free(&l);
    }
}
