/* connectors/formats/base64.c -- RFC 4648 base64, for VARBINARY columns. Pure functions; any thread. */
#include "connectors/formats/convert.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t wri_base64_write(const char *p, size_t n, char *out) {
    const unsigned char *u = (const unsigned char *)p;
    char *o = out;
    for (; n >= 3; n -= 3, u += 3, o += 4) {
        uint32_t v = (uint32_t)u[0] << 16 | (uint32_t)u[1] << 8 | u[2];
        o[0] = alphabet[v >> 18];
        o[1] = alphabet[v >> 12 & 63];
        o[2] = alphabet[v >> 6 & 63];
        o[3] = alphabet[v & 63];
    }
    if (n > 0) {
        uint32_t v = (uint32_t)u[0] << 16 | (n == 2 ? (uint32_t)u[1] << 8 : 0);
        o[0] = alphabet[v >> 18];
        o[1] = alphabet[v >> 12 & 63];
        o[2] = n == 2 ? alphabet[v >> 6 & 63] : '=';
        o[3] = '=';
        o += 4;
    }
    return (size_t)(o - out);
}

/* Value of a base64 digit, 255: none. The URL alphabet's '-' and '_' are read too. */
static uint32_t digit(char c) {
    if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : 255;
}

bool wri_base64_read(const char *p, size_t n, char *out, size_t *lenp) {
    *lenp = 0;
    if (n % 4 == 0)
        for (int pad = 0; pad < 2 && n > 0 && p[n - 1] == '='; pad++) n--;
    if (n % 4 == 1) return false;
    char *o = out;
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t d = digit(p[i]);
        if (d > 63) return false;
        v = v << 6 | d;
        if (i % 4 == 3) {
            *o++ = (char)(v >> 16);
            *o++ = (char)(v >> 8);
            *o++ = (char)v;
        }
    }
    if (n % 4 == 3) {
        *o++ = (char)(v >> 10);
        *o++ = (char)(v >> 2);
    } else if (n % 4 == 2) *o++ = (char)(v >> 4);
    *lenp = (size_t)(o - out);
    return true;
}
