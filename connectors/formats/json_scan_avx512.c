/* connectors/formats/json_scan_avx512.c -- the scanner for AVX-512 BW and VL: compares give masks at once.
 *
 * Vectors stay at 32 bytes: most values are shorter, and wider loads cross cache lines more often. Only the
 * check of UTF-8 takes 64. */
#include "connectors/formats/json_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(                                                                                \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2,lzcnt,popcnt"))),                     \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2,lzcnt,popcnt")
#endif

#include "connectors/formats/json_simd_int.h"

#define VARIANT      avx512
#define VARIANT_NAME "avx512"
#define VEC_BYTES    32

typedef __m256i vec;
typedef uint32_t mask;

static bool usable(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

INLINE vec vec_load(const void *p) { return _mm256_loadu_si256(p); }
INLINE vec vec_zero(void) { return _mm256_setzero_si256(); }
INLINE vec vec_or(vec a, vec b) { return _mm256_or_si256(a, b); }
INLINE bool vec_high(vec v) { return _mm256_movepi8_mask(v) != 0; }

INLINE mask vec_is(vec v, char c) { return _mm256_cmpeq_epi8_mask(v, _mm256_set1_epi8(c)); }
INLINE mask vec_max(vec v, char c) { return _mm256_cmple_epu8_mask(v, _mm256_set1_epi8(c)); }

INLINE mask vec_special(vec v) { return vec_is(v, '"') | vec_is(v, '\\') | vec_max(v, 0x1f); }
INLINE mask vec_quote(vec v) { return vec_is(v, '"'); }
INLINE mask vec_stop(vec v) { return vec_is(v, ',') | vec_is(v, '}') | vec_max(v, 0x20); }
INLINE mask mask_from(mask m, uint32_t n) { return m >> n << n; }
INLINE uint32_t mask_at(mask m) { return _tzcnt_u32(m); }

INLINE bool same(const char *p, const char *text, uint32_t n) {
    mask m = _mm256_mask_cmpneq_epi8_mask(_bzhi_u32(UINT32_MAX, n), vec_load(p), vec_load(text));
    if (WR_UNLIKELY(m != 0)) return false;
    if (WR_LIKELY(n <= 32)) return true;
    return !_mm256_mask_cmpneq_epi8_mask(_bzhi_u32(UINT32_MAX, n - 32), vec_load(p + 32),
                                         vec_load(text + 32));
}

INLINE bool same_two(const char *p, const char *q, const char *text, uint32_t n) {
    mask in = _bzhi_u32(UINT32_MAX, n);
    vec t = vec_load(text);
    if (WR_UNLIKELY(_mm256_mask_cmpneq_epi8_mask(in, vec_load(p), t) |
                    _mm256_mask_cmpneq_epi8_mask(in, vec_load(q), t)))
        return false;
    return WR_LIKELY(n <= 32) || (same(p + 32, text + 32, n - 32) && same(q + 32, text + 32, n - 32));
}

/* 0 where the bytes at p, which follow those before p, are valid; only bytes of `in` are looked at. */
INLINE __m512i utf8_faults(const char *p, __mmask64 in, __mmask64 in1, __mmask64 in2, __mmask64 in3) {
    const __m512i low_half = _mm512_set1_epi8(0x0f);
    const __m512i before_high = _mm512_broadcast_i32x4(_mm_setr_epi8(UTF8_BEFORE_HIGH));
    const __m512i before_low = _mm512_broadcast_i32x4(_mm_setr_epi8(UTF8_BEFORE_LOW));
    const __m512i high = _mm512_broadcast_i32x4(_mm_setr_epi8(UTF8_HIGH));
    __m512i v = _mm512_maskz_loadu_epi8(in, p), v1 = _mm512_maskz_loadu_epi8(in1, p - 1);
    __m512i v2 = _mm512_maskz_loadu_epi8(in2, p - 2), v3 = _mm512_maskz_loadu_epi8(in3, p - 3);
    __m512i f = _mm512_shuffle_epi8(before_high, _mm512_and_si512(_mm512_srli_epi16(v1, 4), low_half));
    f = _mm512_and_si512(f, _mm512_shuffle_epi8(before_low, _mm512_and_si512(v1, low_half)));
    f = _mm512_and_si512(f, _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(v, 4), low_half)));
    __m512i third = _mm512_subs_epu8(v2, _mm512_set1_epi8((char)(0xe0 - 0x80)));
    __m512i fourth = _mm512_subs_epu8(v3, _mm512_set1_epi8((char)(0xf0 - 0x80)));
    __m512i pair = _mm512_and_si512(_mm512_or_si512(third, fourth), _mm512_set1_epi8((char)LONE_PAIR));
    return _mm512_xor_si512(f, pair);
}

static bool utf8(const char *p, size_t n) {
    __mmask64 all = ~UINT64_C(0), in = n >= 64 ? all : _bzhi_u64(all, (uint32_t)n);
    __m512i faults = utf8_faults(p, in, in << 1, in << 2, in << 3);
    size_t i = n < 64 ? n : 64;
    for (; i < n; i += 64) {
        in = n - i >= 64 ? all : _bzhi_u64(all, (uint32_t)(n - i));
        __m512i v = _mm512_maskz_loadu_epi8(in, p + i);
        if (_mm512_movepi8_mask(v) | _mm_movemask_epi8(_mm_loadu_si128((const void *)(p + i - 16))))
            faults = _mm512_or_si512(faults, utf8_faults(p + i, in, in << 1 | 1, in << 2 | 3, in << 3 | 7));
    }
    return _mm512_test_epi8_mask(faults, faults) ==
           0; /* p[n-1] is a newline: no character is cut off there */
}

#include "connectors/formats/json_scan_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
