/* runtime/expr/fn_case.c -- upper and lower case, letter by letter as Unicode maps them (no letter becomes
 * two). ASCII goes eight bytes at a time, here and in kernels_text.c; other characters through utf8proc. */
#include <utf8proc.h>

#include "expr_int.h"

typedef const wr_value *args_t;

typedef utf8proc_int32_t (*case_map)(utf8proc_int32_t);

static bool is_ascii(const char *p, size_t n) {
    uint64_t any = 0, w;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        any |= w;
    }
    for (; i < n; i++) any |= (unsigned char)p[i] & 0x80u;
    return !(any & UINT64_C(0x8080808080808080));
}

/* One character at p mapped to o, what is none copied; both move on. */
static void map_char(const char **pp, const char *end, char **op, case_map map) {
    utf8proc_int32_t u;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)*pp, end - *pp, &u);
    if (n <= 0) {
        *(*op)++ = *(*pp)++;
        return;
    }
    *pp += n;
    *op += utf8proc_encode_char(map(u), (utf8proc_uint8_t *)*op);
}

/* Letters, numbers and the marks on them. */
static bool in_word(const char *p, const char *end) {
    utf8proc_int32_t u;
    if (utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &u) <= 0) return true;
    utf8proc_category_t k = utf8proc_category(u);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

/* Room for s in another case: two bytes may become three. */
static char *room(wri_call *c, const wr_str *s, const char **whyp) {
    return wri_room(c, (size_t)s->len + s->len / 2 + 4, whyp);
}

static const char *ret(const char *out, const char *o, wr_value *outp) {
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

static const char *change_case(wri_call *c, const wr_str *s, bool upper, wr_value *outp) {
    const char *why = NULL, *p = wr_str_data(s), *end = p + s->len;
    char small[WR_STR_INLINE], *out = small;
    if (is_ascii(p, s->len)) {
        if (s->len > WR_STR_INLINE && !(out = wri_room(c, s->len, &why))) return why;
        wri_flip_case(p, out, s->len, upper ? 'a' : 'A');
        return ret(out, out + s->len, outp);
    }
    out = room(c, s, &why);
    if (!out) return why;
    char *o = out;
    while (p < end) map_char(&p, end, &o, upper ? utf8proc_toupper : utf8proc_tolower);
    return ret(out, o, outp);
}

const char *wri_fn_upper(wri_call *c, args_t a, wr_value *outp) {
    return change_case(c, &a[0].str, true, outp);
}
const char *wri_fn_lower(wri_call *c, args_t a, wr_value *outp) {
    return change_case(c, &a[0].str, false, outp);
}

/* blanks: nothing else is between words. */
static const char *initcap(wri_call *c, const wr_str *s, bool blanks, wr_value *outp) {
    const char *why, *p = wr_str_data(s), *end = p + s->len;
    char *out = room(c, s, &why), *o = out;
    bool inside = false;
    if (!out) return why;
    while (p < end) {
        bool word = blanks ? *p != ' ' : in_word(p, end);
        map_char(&p, end, &o, word && !inside ? utf8proc_totitle : utf8proc_tolower);
        inside = word;
    }
    return ret(out, o, outp);
}

const char *wri_fn_initcap(wri_call *c, args_t a, wr_value *outp) {
    return initcap(c, &a[0].str, false, outp);
}
const char *wri_fn_kda_initcap(wri_call *c, args_t a, wr_value *outp) {
    return initcap(c, &a[0].str, true, outp);
}
