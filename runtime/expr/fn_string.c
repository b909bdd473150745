/* runtime/expr/fn_string.c -- text functions. Positions and lengths count characters, from 1. */
#include "expr_int.h"

static void upper_bytes(const char *restrict p, char *restrict out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (char)(p[i] - ((unsigned char)(p[i] - 'a') < 26 ? 32 : 0));
}
static void lower_bytes(const char *restrict p, char *restrict out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (char)(p[i] + ((unsigned char)(p[i] - 'A') < 26 ? 32 : 0));
}

static const char *map_bytes(wri_call *c, const wr_str *s, wr_value *outp,
                             void (*map)(const char *restrict, char *restrict, size_t)) {
    const char *why = NULL;
    char small[WR_STR_INLINE], *out = small;
    if (s->len > WR_STR_INLINE && !(out = wri_room(c, s->len, &why))) return why;
    map(wr_str_data(s), out, s->len);
    outp->str = wr_str_make(out, s->len);
    return NULL;
}

const char *wri_fn_upper(wri_call *c, const wr_value *a, wr_value *outp) {
    return map_bytes(c, &a[0].str, outp, upper_bytes);
}
const char *wri_fn_lower(wri_call *c, const wr_value *a, wr_value *outp) {
    return map_bytes(c, &a[0].str, outp, lower_bytes);
}
