/* runtime/expr/fn_charset.c -- text as bytes of a character set, and back. Text is UTF-8 here; the others are
 * those that every Java has. What cannot be said in a set fails the row, instead of becoming '?'. */
#include <utf8proc.h>

#include "expr_int.h"

typedef const wr_value *args_t;

typedef enum charset { CS_UTF8, CS_ASCII, CS_LATIN1, CS_UTF16, CS_UTF16BE, CS_UTF16LE, CS_NONE } charset;

static charset charset_of(const wr_str *name) {
    static const struct {
        const char *name;
        charset cs;
    } names[] = {{"UTF-8", CS_UTF8},      {"UTF8", CS_UTF8},         {"US-ASCII", CS_ASCII},
                 {"ASCII", CS_ASCII},     {"ISO-8859-1", CS_LATIN1}, {"LATIN1", CS_LATIN1},
                 {"UTF-16", CS_UTF16},    {"UTF16", CS_UTF16},       {"UTF-16BE", CS_UTF16BE},
                 {"UTF-16LE", CS_UTF16LE}};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (strlen(names[i].name) == name->len &&
            strncasecmp(names[i].name, wr_str_data(name), name->len) == 0)
            return names[i].cs;
    return CS_NONE;
}

const char *wri_check_charset(wri_call *c, const wr_str *name) {
    if (charset_of(name) != CS_NONE) return NULL;
    return wri_bad_text(c, name,
                        "character set; expected UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE");
}

static char *put16(char *o, charset cs, uint32_t unit) {
    bool little = cs == CS_UTF16LE;
    *o++ = (char)(little ? unit : unit >> 8);
    *o++ = (char)(little ? unit >> 8 : unit);
    return o;
}

/* Returns the end, or NULL: the set has not this character. */
static char *put_char(char *o, charset cs, uint32_t u) {
    if (cs == CS_ASCII || cs == CS_LATIN1) {
        if (u > (cs == CS_ASCII ? 0x7f : 0xff)) return NULL;
        *o++ = (char)u;
        return o;
    }
    if (u < 0x10000) return put16(o, cs, u);
    o = put16(o, cs, 0xd7c0 + (u >> 10));
    return put16(o, cs, 0xdc00 + (u & 0x3ff));
}

const char *wri_fn_encode(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *why = wri_check_charset(c, &a[1].str), *p = wr_str_data(s), *end = p + s->len;
    charset cs = charset_of(&a[1].str);
    outp->str = *s;
    if (why || cs == CS_UTF8) return why;
    char *out = wri_room(c, 2 * (size_t)s->len + 2, &why), *o = out;
    if (!out) return why;
    if (cs == CS_UTF16) o = put16(o, cs, 0xfeff); /* says which byte comes first */
    while (p < end) {
        utf8proc_int32_t u;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &u);
        o = n > 0 ? put_char(o, cs, (uint32_t)u) : NULL;
        if (!o) return wri_bad_text(c, s, "text of that character set");
        p += n;
    }
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

/* The character at *pp, which moves on; -1: none. */
static int32_t take16(const unsigned char **pp, const unsigned char *end, bool little) {
    const unsigned char *p = *pp;
    if (end - p < 2) return -1;
    int32_t u = little ? p[0] | p[1] << 8 : p[0] << 8 | p[1];
    *pp = p += 2;
    if (u < 0xd800 || u > 0xdfff) return u;
    if (u > 0xdbff || end - p < 2) return -1;
    int32_t low = little ? p[0] | p[1] << 8 : p[0] << 8 | p[1];
    if (low < 0xdc00 || low > 0xdfff) return -1;
    *pp += 2;
    return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
}

static const char *const no_text = "the bytes are no text of that character set";

static const char *decode_units(const wr_str *s, charset cs, char *out, char **op) {
    const unsigned char *p = (const unsigned char *)wr_str_data(s), *end = p + s->len;
    bool little = cs == CS_UTF16LE;
    if (cs == CS_UTF16 && end - p >= 2 &&
        ((p[0] == 0xfe && p[1] == 0xff) || (p[0] == 0xff && p[1] == 0xfe))) {
        little = p[0] == 0xff;
        p += 2;
    }
    while (p < end) {
        int32_t u = cs == CS_ASCII || cs == CS_LATIN1 ? *p++ : take16(&p, end, little);
        if (u < 0 || (cs == CS_ASCII && u > 0x7f)) return no_text;
        out += utf8proc_encode_char(u, (utf8proc_uint8_t *)out);
    }
    *op = out;
    return NULL;
}

const char *wri_fn_decode(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *why = wri_check_charset(c, &a[1].str);
    charset cs = charset_of(&a[1].str);
    outp->str = *s;
    if (why) return why;
    if (cs == CS_UTF8) return wr_utf8_valid(wr_str_data(s), s->len) ? NULL : no_text;
    char *out = wri_room(c, 2 * (size_t)s->len + 4, &why), *o = out;
    if (!out) return why;
    why = decode_units(s, cs, out, &o);
    if (!why) outp->str = wr_str_make(out, (size_t)(o - out));
    return why;
}
