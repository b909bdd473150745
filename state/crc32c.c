/* state/crc32c.c -- CRC32C, the checksum of everything in state/.
 *
 * The processor's crc32 instruction takes 8 bytes, and three cycles until the next can begin; so three
 * strands of STRAND bytes go side by side, and are joined by moving a checksum over STRAND zero bytes, which
 * is linear and thus four table look-ups. Where the instruction is missing, eight tables take eight bytes at
 * a time. Polynomial 0x1EDC6F41, reflected. */
#include "state/crc32c_int.h"
#include "state/crc32c_tab.h"
#include "state/state.h"

uint32_t wri_crc32c_table(uint32_t crc, const void *data, size_t n) {
    const uint8_t *p = data;
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v ^= crc; /* little endian, as all that is kept in state/ */
        crc = 0;
        for (int i = 0; i < 8; i++) crc ^= bytes_table[7 - i][v >> (8 * i) & 255];
    }
    for (; n > 0; n--) crc = bytes_table[0][(crc ^ *p++) & 255] ^ crc >> 8;
    return ~crc;
}

#ifdef __x86_64__
#include <nmmintrin.h>

static uint32_t over_strand(uint32_t crc) {
    return strand_table[0][crc & 255] ^ strand_table[1][crc >> 8 & 255] ^ strand_table[2][crc >> 16 & 255] ^
           strand_table[3][crc >> 24];
}

static inline uint64_t load(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

__attribute__((target("sse4.2"))) uint32_t wri_crc32c_fast(uint32_t crc, const void *data, size_t n) {
    const uint8_t *p = data;
    uint64_t a = ~crc;
    for (; n >= 3 * STRAND; n -= 3 * STRAND, p += 2 * STRAND) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < STRAND; i += 8, p += 8) {
            a = _mm_crc32_u64(a, load(p));
            b = _mm_crc32_u64(b, load(p + STRAND));
            c = _mm_crc32_u64(c, load(p + 2 * STRAND));
        }
        a = over_strand((uint32_t)a) ^ b;
        a = over_strand((uint32_t)a) ^ c;
    }
    for (; n >= 8; n -= 8, p += 8) a = _mm_crc32_u64(a, load(p));
    for (; n > 0; n--) a = _mm_crc32_u8((uint32_t)a, *p++);
    return ~(uint32_t)a;
}

bool wri_crc32c_can(void) { return __builtin_cpu_supports("sse4.2"); }
#else
uint32_t wri_crc32c_fast(uint32_t crc, const void *p, size_t n) { return wri_crc32c_table(crc, p, n); }
bool wri_crc32c_can(void) { return false; }
#endif

uint32_t wr_crc32c(uint32_t crc, const void *p, size_t n) {
    return wri_crc32c_can() ? wri_crc32c_fast(crc, p, n) : wri_crc32c_table(crc, p, n);
}
