/* runtime/expr/fn_code.c -- characters and bytes as numbers and other notations; NULLs. */
#include <zlib.h>

#include "expr_int.h"

typedef const wr_value *args_t;

/* Code point of the first character; of a byte that begins none, the byte. */
static uint32_t first_code(const unsigned char *p, size_t n) {
    uint32_t need = p[0] >= 0xF0 && p[0] < 0xF8 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
    if (p[0] >= 0xF8 || need >= n) return p[0];
    uint32_t code = need ? p[0] & (0x3Fu >> need) : p[0];
    for (uint32_t i = 1; i <= need; i++) {
        if ((p[i] & 0xC0) != 0x80) return p[0];
        code = code << 6 | (p[i] & 0x3F);
    }
    return code;
}

const char *wri_fn_unicode(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str;
    return s->len ? wri_ret_i64(outp, first_code((const unsigned char *)wr_str_data(s), s->len))
                  : wri_ret_null(outp);
}

static size_t put_code(uint32_t u, char *out) {
    if (u < 0x80) return out[0] = (char)u, 1;
    if (u < 0x800) return out[0] = (char)(0xC0 | u >> 6), out[1] = (char)(0x80 | (u & 63)), 2;
    if (u < 0x10000) {
        out[0] = (char)(0xE0 | u >> 12);
        out[1] = (char)(0x80 | (u >> 6 & 63));
        out[2] = (char)(0x80 | (u & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | u >> 18);
    out[1] = (char)(0x80 | (u >> 12 & 63));
    out[2] = (char)(0x80 | (u >> 6 & 63));
    out[3] = (char)(0x80 | (u & 63));
    return 4;
}

const char *wri_fn_char(wri_call *c, args_t a, wr_value *outp) {
    const char *why;
    char *out = wri_room(c, 4 * (size_t)c->e->n_args, &why), *o = out;
    if (!out) return why;
    for (uint32_t i = 0; i < c->e->n_args; i++) {
        int64_t u = a[i].i64;
        if (u < 0 || u > 0x10FFFF || (u >= 0xD800 && u < 0xE000)) return "no such character";
        o += put_code((uint32_t)u, o);
    }
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

/* ---- hexadecimal and base64 ---- */

const char *wri_fn_hex(wri_call *c, args_t a, wr_value *outp) {
    static const char digits[] = "0123456789ABCDEF";
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *why;
    if (wr_type_phys(c->e->args[0]->type) == WR_I64) {
        char text[16];
        size_t n = 0;
        for (uint64_t v = (uint64_t)a[0].i64; n == 0 || v; v >>= 4) text[15 - n++] = digits[v & 15];
        return wri_ret_copy(c, text + 16 - n, n, outp);
    }
    char *out = wri_room(c, 2 * (size_t)s->len, &why);
    if (!out) return why;
    for (uint32_t i = 0; i < s->len; i++) {
        out[2 * i] = digits[(unsigned char)p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    outp->str = wr_str_make(out, 2 * (size_t)s->len);
    return NULL;
}

const char *wri_fn_bin(wri_call *c, args_t a, wr_value *outp) {
    char text[64];
    size_t n = 0;
    for (uint64_t v = (uint64_t)a[0].i64; n == 0 || v; v >>= 1) text[63 - n++] = (char)('0' + (v & 1));
    return wri_ret_copy(c, text + 64 - n, n, outp);
}

static int hex_digit(char ch) {
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

const char *wri_fn_unhex(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *why;
    if (s->len % 2) return wri_bad_text(c, s, "hexadecimal text");
    char *out = wri_room(c, s->len / 2, &why);
    if (!out) return why;
    for (uint32_t i = 0; i < s->len; i += 2) {
        int hi = hex_digit(p[i]), lo = hex_digit(p[i + 1]);
        if (hi < 0 || lo < 0) return wri_bad_text(c, s, "hexadecimal text");
        out[i / 2] = (char)(hi << 4 | lo);
    }
    outp->str = wr_str_make(out, s->len / 2);
    return NULL;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *wri_fn_to_base64(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const unsigned char *p = (const unsigned char *)wr_str_data(s);
    size_t n = ((size_t)s->len + 2) / 3 * 4;
    const char *why;
    char *out = wri_room(c, n, &why), *o = out;
    if (!out) return why;
    for (size_t i = 0; i < s->len; i += 3) {
        size_t left = s->len - i;
        uint32_t v =
            (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        *o++ = b64[v >> 18];
        *o++ = b64[v >> 12 & 63];
        *o++ = left > 1 ? b64[v >> 6 & 63] : '=';
        *o++ = left > 2 ? b64[v & 63] : '=';
    }
    outp->str = wr_str_make(out, n);
    return NULL;
}

const char *wri_fn_from_base64(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *end = p + s->len, *why;
    char *out = wri_room(c, (size_t)s->len / 4 * 3 + 3, &why), *o = out;
    if (!out) return why;
    uint32_t v = 0, bits = 0;
    while (end > p && end[-1] == '=' && end > p + s->len - 2) end--;
    for (; p < end; p++) {
        const char *at = *p ? strchr(b64, *p) : NULL;
        if (!at) return wri_bad_text(c, s, "base64 text");
        v = v << 6 | (uint32_t)(at - b64);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        *o++ = (char)(v >> bits);
    }
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

const char *wri_fn_crc32(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str;
    return wri_ret_i64(outp, (int64_t)crc32_z(0, (const unsigned char *)wr_str_data(s), s->len));
}

const char *wri_fn_single_value(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    if (!a[0].null && a[0].i64 > 1) return "a subquery as a value gave more than one row";
    *outp = a[1];
    return NULL;
}

const char *wri_fn_assert_not_null(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    if (a[0].null) return "NULL where a value must be (NOT NULL)";
    *outp = a[0];
    return NULL;
}
