/* connectors/formats/json_scan_avx2.c -- the scanner for AVX2 and BMI2 (2013 on), 32 bytes at a time. */
#include "connectors/formats/json_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#endif

#include "connectors/formats/json_simd_int.h"

#define VARIANT      avx2
#define VARIANT_NAME "avx2"
#define VEC_BYTES    32

typedef __m256i vec;
typedef uint32_t mask;

static bool usable(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

INLINE vec vec_load(const void *p) { return _mm256_loadu_si256(p); }
INLINE vec vec_zero(void) { return _mm256_setzero_si256(); }
INLINE vec vec_or(vec a, vec b) { return _mm256_or_si256(a, b); }
INLINE bool vec_high(vec v) { return _mm256_movemask_epi8(v) != 0; }

INLINE vec vec_is(vec v, char c) { return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c)); }
INLINE vec vec_max(vec v, char c) { return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(c)), v); }
INLINE mask vec_mask(vec v) { return (mask)_mm256_movemask_epi8(v); }

INLINE mask vec_special(vec v) {
    return vec_mask(vec_or(vec_or(vec_is(v, '"'), vec_is(v, '\\')), vec_max(v, 0x1f)));
}
INLINE mask vec_quote(vec v) { return vec_mask(vec_is(v, '"')); }
INLINE mask vec_stop(vec v) {
    return vec_mask(vec_or(vec_or(vec_is(v, ','), vec_is(v, '}')), vec_max(v, 0x20)));
}
INLINE mask mask_from(mask m, uint32_t n) { return m >> n << n; }
INLINE uint32_t mask_at(mask m) { return _tzcnt_u32(m); }

INLINE mask differ(const char *p, const char *text) {
    return ~(mask)_mm256_movemask_epi8(_mm256_cmpeq_epi8(vec_load(p), vec_load(text)));
}
INLINE bool same(const char *p, const char *text, uint32_t n) {
    if (WR_UNLIKELY(_bzhi_u32(differ(p, text), n) != 0)) return false;
    return WR_LIKELY(n <= 32) || _bzhi_u32(differ(p + 32, text + 32), n - 32) == 0;
}

INLINE bool same_two(const char *p, const char *q, const char *text, uint32_t n) {
    vec t = vec_load(text);
    vec both = _mm256_and_si256(_mm256_cmpeq_epi8(vec_load(p), t), _mm256_cmpeq_epi8(vec_load(q), t));
    if (WR_UNLIKELY(_bzhi_u32(~(mask)_mm256_movemask_epi8(both), n) != 0)) return false;
    return WR_LIKELY(n <= 32) || (same(p + 32, text + 32, n - 32) && same(q + 32, text + 32, n - 32));
}

/* 0 where the bytes at p, which follow those before p, are valid. */
INLINE vec utf8_faults(const char *p) {
    const vec low_half = _mm256_set1_epi8(0x0f);
    const vec before_high = _mm256_broadcastsi128_si256(_mm_setr_epi8(UTF8_BEFORE_HIGH));
    const vec before_low = _mm256_broadcastsi128_si256(_mm_setr_epi8(UTF8_BEFORE_LOW));
    const vec high = _mm256_broadcastsi128_si256(_mm_setr_epi8(UTF8_HIGH));
    vec v = vec_load(p), v1 = vec_load(p - 1), v2 = vec_load(p - 2), v3 = vec_load(p - 3);
    vec f = _mm256_shuffle_epi8(before_high, _mm256_and_si256(_mm256_srli_epi16(v1, 4), low_half));
    f = _mm256_and_si256(f, _mm256_shuffle_epi8(before_low, _mm256_and_si256(v1, low_half)));
    f = _mm256_and_si256(f, _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half)));
    vec third = _mm256_subs_epu8(v2, _mm256_set1_epi8(0xe0 - 0x80));
    vec fourth = _mm256_subs_epu8(v3, _mm256_set1_epi8(0xf0 - 0x80));
    vec pair = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)LONE_PAIR));
    return _mm256_xor_si256(f, pair);
}

static bool utf8(const char *p, size_t n) {
    /* The ends go through a buffer, so that nothing before p and nothing behind n counts. */
    char edge[3 + VEC_BYTES] = {0};
    size_t head = n < VEC_BYTES ? n : VEC_BYTES;
    memcpy(edge + 3, p, head);
    vec faults = utf8_faults(edge + 3);
    size_t i = head;
    for (; i + VEC_BYTES <= n; i += VEC_BYTES)
        if (vec_high(vec_or(vec_load(p + i), vec_load(p + i - 3))))
            faults = vec_or(faults, utf8_faults(p + i));
    if (i < n) {
        memset(edge, 0, sizeof edge);
        memcpy(edge, p + i - 3, n - i + 3);
        faults = vec_or(faults, utf8_faults(edge + 3));
    }
    return _mm256_testz_si256(faults, faults); /* p[n-1] is a newline: no character is cut off there */
}

#include "connectors/formats/json_scan_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
