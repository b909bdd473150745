/* runtime/expr/fn_text.c -- more text functions: shell patterns, distance, parts by number, kinds of text. */
#include <utf8proc.h>

#include "expr_int.h"

typedef const wr_value *args_t;

static const char *end_of(const wr_str *s) { return wr_str_data(s) + s->len; }

/* ---- GLOB: * ? [a-z] [^a-z], as in SQLite, but in bounded time ---- */

/* The character at *pp, which moves on. */
static uint32_t take_char(const char **pp, const char *end) {
    const char *next = wri_next_char(*pp, end);
    utf8proc_int32_t u;
    if (utf8proc_iterate((const utf8proc_uint8_t *)*pp, next - *pp, &u) != next - *pp)
        u = 0x110000 + (unsigned char)**pp; /* a byte that is none */
    *pp = next;
    return (uint32_t)u;
}

/* Whether u is in the set behind *pp's '['; *pp moves behind its ']'. A set that is not closed holds nothing.
 */
static bool in_set(const char **pp, const char *end, uint32_t u) {
    const char *p = *pp;
    bool negated = p < end && *p == '^', hit = false, first = true;
    if (negated) p++;
    for (; p < end && (first || *p != ']'); first = false) {
        bool bracket = first && *p == ']'; /* for itself */
        uint32_t lo = take_char(&p, end), hi = lo;
        if (!bracket && end - p >= 2 && p[0] == '-' && p[1] != ']') {
            p++;
            hi = take_char(&p, end);
        }
        hit |= u == lo || (u > lo && u <= hi);
    }
    *pp = p < end ? p + 1 : end;
    return p < end && hit != negated;
}

/* One piece of the pattern other than '*' against one character; *pp moves behind the piece. */
static bool piece_fits(const char **pp, const char *end, uint32_t u) {
    char c = **pp;
    if (c == '?') return (*pp)++, true;
    if (c != '[') return take_char(pp, end) == u;
    (*pp)++;
    return in_set(pp, end, u);
}

/* As LIKE: the last '*' is the only one worth coming back to. */
const char *wri_fn_glob(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const char *p = wr_str_data(&a[0].str), *p_end = end_of(&a[0].str), *star = NULL, *back = NULL;
    const char *s = wr_str_data(&a[1].str), *s_end = end_of(&a[1].str);
    if ((uint64_t)a[0].str.len * a[1].str.len > WRI_PRODUCT_MAX)
        return "the pattern of GLOB is too long for this text";
    for (;;) {
        if (p < p_end && *p == '*') {
            star = ++p;
            back = s;
            continue;
        }
        if (s == s_end && p == p_end) return wri_ret_i64(outp, 1);
        if (s < s_end && p < p_end) {
            const char *next = s;
            uint32_t u = take_char(&next, s_end);
            if (piece_fits(&p, p_end, u)) {
                s = next;
                continue;
            }
        }
        if (!star || back == s_end) return wri_ret_i64(outp, 0);
        back = s = wri_next_char(back, s_end);
        p = star;
    }
}

/* ---- distance ---- */

/* Fewest characters to put in, leave out or change to make one text of the other. */
const char *wri_fn_levenshtein(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str, *t = &a[1].str;
    const char *why;
    size_t n = wri_chars(wr_str_data(t), t->len), j = 0;
    if ((uint64_t)s->len * t->len > WRI_PRODUCT_MAX / 16) return "the texts are too long for LEVENSHTEIN";
    uint32_t *row = (uint32_t *)(void *)wri_room(c, 2 * (n + 1) * sizeof *row, &why);
    if (!row) return why;
    uint32_t *chars = row + n + 1;
    for (const char *p = wr_str_data(t); p < end_of(t); j++) chars[j] = take_char(&p, end_of(t));
    for (j = 0; j <= n; j++) row[j] = (uint32_t)j;
    for (const char *p = wr_str_data(s); p < end_of(s);) {
        uint32_t u = take_char(&p, end_of(s)), diagonal = row[0]++;
        for (j = 1; j <= n; j++) {
            uint32_t change = diagonal + (chars[j - 1] != u),
                     best = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = change < best + 1 ? change : best + 1;
        }
    }
    return wri_ret_i64(outp, row[n]);
}

/* ---- by number ---- */

/* The n-th part, from 1, of a text cut at a delimiter, below 0 from the end; the empty text when there is
 * none. */
const char *wri_fn_split_part(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str, *sep = &a[1].str;
    int64_t n = a[2].i64, parts = 1;
    const char *p = wr_str_data(s), *at;
    if (n == 0) return "SPLIT_PART counts from 1";
    if (sep->len == 0) at = NULL;
    else if (n < 0) {
        for (const char *q = p; (at = memmem(q, (size_t)(end_of(s) - q), wr_str_data(sep), sep->len));
             parts++)
            q = at + sep->len;
        n = parts + n + 1;
    }
    outp->str = (wr_str){0};
    if (n < 1 || (sep->len == 0 && n > 1)) return NULL;
    for (;; p = at + sep->len) {
        at = sep->len ? memmem(p, (size_t)(end_of(s) - p), wr_str_data(sep), sep->len) : NULL;
        if (--n == 0) break;
        if (!at) return NULL;
    }
    outp->str = wr_str_make(p, (size_t)((at ? at : end_of(s)) - p));
    return NULL;
}

/* ELT(n, a, b, …): the n-th of the texts. */
const char *wri_fn_elt(wri_call *c, args_t a, wr_value *outp) {
    if (a[0].null || a[0].i64 < 1 || a[0].i64 >= c->e->n_args || a[a[0].i64].null) return wri_ret_null(outp);
    outp->str = a[a[0].i64].str;
    return NULL;
}

const char *wri_fn_space(wri_call *c, args_t a, wr_value *outp) {
    int64_t n = a[0].i64 < 0 ? 0 : a[0].i64;
    const char *why;
    char *out = wri_room(c, (size_t)n, &why);
    if (!out) return why;
    memset(out, ' ', (size_t)n);
    outp->str = wr_str_make(out, (size_t)n);
    return NULL;
}

/* ---- kinds of text ---- */

static bool all_of(const wr_str *s, utf8proc_category_t lo, utf8proc_category_t hi) {
    for (const char *p = wr_str_data(s); p < end_of(s);) {
        utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)take_char(&p, end_of(s)));
        if (k < lo || k > hi) return false;
    }
    return s->len > 0;
}

const char *wri_fn_is_alpha(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, all_of(&a[0].str, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO));
}

const char *wri_fn_is_digit(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, all_of(&a[0].str, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_ND));
}

const char *wri_fn_is_decimal(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    double v;
    return wri_ret_i64(outp, wr_read_f64(wr_str_data(&a[0].str), a[0].str.len, &v));
}
