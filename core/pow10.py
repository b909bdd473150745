#!/usr/bin/env python3
"""Prints core/pow10.c: the powers of ten that reading and writing of doubles need. Run: python3 core/pow10.py > core/pow10.c"""
LOW, HIGH = -342, 324
print("""/* core/pow10.c -- powers of ten as normalised 128-bit significands. Made by core/pow10.py; do not edit.
 *
 * Entry k - WRI_POW10_MIN is {high, low} of ceil(10^k * 2^(127 - floor(log2 10^k))); exact for 0 <= k <= 55. */
#include "core/pow10_int.h"

/* clang-format off */
const uint64_t wri_pow10[WRI_POW10_MAX - WRI_POW10_MIN + 1][2] = {""")
line = []
for k in range(LOW, HIGH + 1):
    num, den = (10 ** k, 1) if k >= 0 else (1, 10 ** -k)
    log2 = num.bit_length() - 1 if k >= 0 else -den.bit_length()  # 10^-n is no power of two
    shift = 127 - log2
    num, den = (num << shift, den) if shift >= 0 else (num, den << -shift)
    g = -(-num // den)
    assert g >> 127 == 1
    line.append("{0x%016x, 0x%016x}," % (g >> 64, g & (1 << 64) - 1))
    if len(line) == 2 or k == HIGH:
        print("    " + " ".join(line))
        line = []
print("};\n/* clang-format on */")
