/* runtime/random.h -- numbers that look random and follow from a seed: the same on every machine, in every
 * run.
 *
 * The state is one word, counted on by a fixed step and mixed (splitmix64: Steele, Lea, Flood, OOPSLA 2014),
 * so it is copied, saved and compared as a number. Not for secrets: those come from wr_sys.random. */
#ifndef WR_RUNTIME_RANDOM_H
#define WR_RUNTIME_RANDOM_H

#include <stdint.h>

static inline uint64_t wr_random_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In the open interval (0, 1): its logarithm is finite, and below zero. */
static inline double wr_random_unit(uint64_t *state) {
    return ((double)(wr_random_next(state) >> 12) + 0.5) * 0x1p-52;
}

#endif
