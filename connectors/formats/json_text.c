/* connectors/formats/json_text.c -- escapes and characters. Pure functions. */
#include "connectors/formats/json_text_int.h"

static uint32_t hex4(const char *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static char *put_char(uint32_t c, char *o) {
    if (c < 0x80) *o++ = (char)c;
    else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    } else {
        *o++ = (char)(0xf0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 0x3f));
        *o++ = (char)(0x80 | (c >> 6 & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    return o;
}

size_t wri_json_unescape(const char *p, size_t n, char *out) {
    const char *end = p + n;
    char *o = out;
    while (p < end) {
        const char *back = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((back ? back : end) - p);
        memcpy(o, p, run);
        o += run;
        p += run;
        if (p == end) break;
        char c = p[1];
        p += 2;
        switch (c) {
        case 'b':
            *o++ = '\b';
            break;
        case 'f':
            *o++ = '\f';
            break;
        case 'n':
            *o++ = '\n';
            break;
        case 'r':
            *o++ = '\r';
            break;
        case 't':
            *o++ = '\t';
            break;
        case 'u': {
            uint32_t u = hex4(p);
            p += 4;
            if (u >= 0xd800 && u < 0xdc00) { /* the low half follows: that was checked */
                u = 0x10000 + ((u - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
                p += 6;
            }
            o = put_char(u, o);
            break;
        }
        default:
            *o++ = c; /* " \ / */
        }
    }
    return (size_t)(o - out);
}

size_t wri_json_cut(const char *p, size_t n, size_t chars) {
    size_t i = 0;
    for (; i < n; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80 && chars-- == 0) break;
    return i;
}

const char *wri_json_char(const char *s, const char *end) {
    const unsigned char *p = (const unsigned char *)s;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    return (size_t)(end - s) >= len && wr_utf8_valid(s, len) ? s + len : NULL;
}
