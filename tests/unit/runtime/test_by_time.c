/* The order is that of a stable sort by comparison, whatever the times are. */
#include <criterion/criterion.h>

#include "runtime/ops/by_time.h"
#include "tests/unit/random.h"

#define MOST 5000

static int64_t time_of(int kind, uint32_t i) {
    switch (kind) {
    case 0:
        return 7; /* all the same */
    case 1:
        return (int64_t)i; /* in order */
    case 2:
        return -(int64_t)(rnd64() % 3);
    case 3:
        return (int64_t)(rnd64() % 3600000) * 1000;
    case 4:
        return rnd64() % 2 ? INT64_MAX - (int64_t)(rnd64() % 2) : INT64_MIN + (int64_t)(rnd64() % 2);
    default:
        return (int64_t)rnd64();
    }
}

static int expected(const void *x, const void *y) { /* slot: the place before */
    const wri_timed *a = x, *b = y;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    return (a->slot > b->slot) - (a->slot < b->slot);
}

Test(by_time, sorts_as_comparison_does) {
    static wri_timed rows[MOST], room[MOST], want[MOST];
    for (uint64_t seed = 1; seed <= 120; seed++) {
        rng = seed * 7919;
        uint32_t n = seed % 9 ? (uint32_t)(rnd64() % MOST) : (uint32_t)(seed % 3);
        for (uint32_t i = 0; i < n; i++)
            want[i] = rows[i] = (wri_timed){time_of((int)(seed % 6), i), i, (uint32_t)rnd64()};
        qsort(want, n, sizeof *want, expected);
        const wri_timed *got = wri_by_time(rows, room, n);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert_eq(got[i].time, want[i].time, "seed %lu row %u", seed, i);
            cr_assert_eq(got[i].slot, want[i].slot, "seed %lu row %u", seed, i);
            cr_assert_eq(got[i].gid, want[i].gid, "seed %lu row %u", seed, i);
        }
    }
}
