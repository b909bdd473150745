/* runtime/ops/by_time.c -- see by_time.h. */
#include "by_time.h"

#include <stdbool.h>

#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)

static uint32_t digit(uint64_t t, unsigned shift) { return t >> shift & (DIGITS - 1); }

static void pass(const wri_timed *rows, wri_timed *to, size_t n, uint64_t least, unsigned shift) {
    size_t at[DIGITS] = {0};
    for (size_t i = 0; i < n; i++) at[digit((uint64_t)rows[i].time - least, shift)]++;
    for (size_t d = 0, before = 0; d < DIGITS; d++) {
        size_t count = at[d];
        at[d] = before;
        before += count;
    }
    for (size_t i = 0; i < n; i++) to[at[digit((uint64_t)rows[i].time - least, shift)]++] = rows[i];
}

wri_timed *wri_by_time(wri_timed *rows, wri_timed *room, size_t n) {
    if (n == 0) return rows;
    int64_t lo = rows[0].time, hi = lo;
    bool sorted = true;
    for (size_t i = 1; i < n; i++) {
        lo = rows[i].time < lo ? rows[i].time : lo;
        hi = rows[i].time > hi ? rows[i].time : hi;
        sorted &= rows[i].time >= rows[i - 1].time;
    }
    uint64_t span = (uint64_t)hi - (uint64_t)lo;
    for (unsigned shift = 0; !sorted && shift < 64 && span >> shift; shift += DIGIT_BITS) {
        pass(rows, room, n, (uint64_t)lo, shift);
        wri_timed *done = room;
        room = rows;
        rows = done;
    }
    return rows;
}
