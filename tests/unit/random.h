/* tests/unit/random.h -- numbers that are the same in every run: xorshift64*. `rng` is the seed, never 0. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>

static uint64_t rng = 1;

static inline uint64_t rnd64(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * UINT64_C(0x2545f4914f6cdd1d);
}

/* 53 bits. */
static inline uint64_t rnd(void) { return rnd64() >> 11; }
static inline uint64_t below(uint64_t n) { return (rnd64() >> 3) % n; }

#endif
