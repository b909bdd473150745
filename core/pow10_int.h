/* core/pow10_int.h -- powers of ten for text_number.c (reading) and text_float.c (writing). */
#ifndef WRI_CORE_POW10_H
#define WRI_CORE_POW10_H

#include <stdint.h>

#define WRI_POW10_MIN (-342)
#define WRI_POW10_MAX 324

/* {high, low} of 10^k scaled to 128 bits with the top bit set, rounded up; index k - WRI_POW10_MIN. */
extern const uint64_t wri_pow10[WRI_POW10_MAX - WRI_POW10_MIN + 1][2];

extern const char wri_digit_pairs[200]; /* "000102…99" */

static inline int wri_floor_log2_pow10(int k) { return k * 1741647 >> 19; } /* |k| <= 1233 */

#endif
