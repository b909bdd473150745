/* state/crc32c_int.h -- both ways to the same checksum, for the test that holds them together. */
#ifndef WR_CRC32C_INT_H
#define WR_CRC32C_INT_H

#include "core/core.h"

uint32_t wri_crc32c_table(uint32_t crc, const void *p, size_t n);
uint32_t wri_crc32c_fast(uint32_t crc, const void *p, size_t n); /* only where wri_crc32c_can */
bool wri_crc32c_can(void);

#endif
