/* runtime/expr/kernels_text.c -- text operations that pay for loops of their own: LIKE with a constant
 * pattern, UPPER and LOWER. The other text functions run their scalar row by row. */
#include "expr_int.h"

/* ---- UPPER and LOWER: eight bytes at a time ---- */

#define ONES UINT64_C(0x0101010101010101)

/* Flips bit 5 of each ASCII byte from first to first + 25. */
static inline uint64_t flip_case(uint64_t w, unsigned char first) {
    uint64_t low = w & ONES * 0x7f, ge = low + ONES * (0x80u - first),
             gt = low + ONES * (0x7fu - (first + 25u));
    return w ^ ((~w & (ge ^ gt) & ONES * 0x80) >> 2);
}

static inline void flip_at(const char *p, char *o, unsigned char first) {
    uint64_t w;
    memcpy(&w, p, 8);
    w = flip_case(w, first);
    memcpy(o, &w, 8);
}

void wri_flip_case(const char *p, char *o, size_t n, unsigned char first) {
    if (n < 8) {
        for (size_t i = 0; i < n; i++) o[i] = (char)(p[i] ^ ((unsigned char)(p[i] - first) < 26 ? 32 : 0));
        return;
    }
    for (size_t i = 0; i + 8 <= n; i += 8) flip_at(p + i, o + i, first);
    if (n & 7) flip_at(p + n - 8, o + n - 8, first); /* from p again, so that no byte is flipped twice */
}

static bool has_high(const wr_str *s) { /* some byte is not ASCII */
    uint64_t any = 0, w;
    if (s->len <= WR_STR_INLINE) {
        uint32_t head;
        memcpy(&head, s->prefix, 4);
        memcpy(&w, (const char *)s + 8, 8);
        return ((head | w) & ONES * 0x80) != 0;
    }
    const char *p = s->ptr;
    for (uint32_t i = 0; i + 8 <= s->len; i += 8) {
        memcpy(&w, p + i, 8);
        any |= w;
    }
    memcpy(&w, p + s->len - 8, 8);
    return ((any | w) & ONES * 0x80) != 0;
}

/* All long results in one piece of the arena. */
static bool flip_column(const wri_ins *ins, const wr_str *s, wr_str *out, uint32_t n, unsigned char first) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].len > WRI_TEXT_MAX) return false;
        bytes += s[i].len > WR_STR_INLINE ? s[i].len : 0;
    }
    char *o = wr_arena_alloc(ins->call.ar, bytes ? bytes : 1);
    if (!o) return false; /* the map kernel finds out, too, and says so */
    for (uint32_t i = 0; i < n; i++) {
        if (WR_UNLIKELY(has_high(&s[i]))) {
            wri_call call = ins->call; /* what goes wrong, the map kernel finds out, too */
            wr_value in = {.str = s[i]}, other;
            if (ins->fn(&call, &in, &other)) return false;
            out[i] = other.str;
            continue;
        }
        out[i] = s[i];
        if (s[i].len <= WR_STR_INLINE) { /* the twelve bytes behind the length; zeros stay zeros */
            flip_at((const char *)&s[i] + 8, (char *)&out[i] + 8, first);
            uint32_t w;
            memcpy(&w, s[i].prefix, 4);
            w = (uint32_t)flip_case(w, first);
            memcpy(out[i].prefix, &w, 4);
            continue;
        }
        wri_flip_case(s[i].ptr, o, s[i].len, first);
        out[i] = wr_str_make(o, s[i].len);
        o += s[i].len;
    }
    return true;
}

static bool upper_fast(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    return flip_column(ins, args[0]->str, dst->str, n, 'a');
}
static bool lower_fast(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    return flip_column(ins, args[0]->str, dst->str, n, 'A');
}

/* ---- LIKE ---- */

/* A LIKE whose pattern is wrong has no compiled form: the map kernel then fails each row that uses it. */
static wri_like *compile_like(wri_prog *p, wri_ins *ins) {
    const wri_vec *pattern = &p->regs[ins->args[1]], *esc = ins->n_args > 2 ? &p->regs[ins->args[2]] : NULL;
    if (!pattern->konst || pattern->value.null) return NULL;
    if (esc && (!esc->konst || esc->value.null)) return NULL;
    wri_like *l = wr_arena_alloc(&p->ar, sizeof *l);
    if (!l) {
        ins->call.oom = true;
        return NULL;
    }
    return wri_like_compile(&ins->call, &pattern->value.str, esc ? &esc->value.str : NULL, l) ? NULL : l;
}

static bool like_fast(const wri_ins *ins, wri_vec *const *args, wri_vec *dst, uint32_t n) {
    const wri_like *l = ins->aux;
    const wr_str *s = args[0]->str;
    for (uint32_t i = 0; i < n && l->kind == WRI_LIKE_GENERAL; i++)
        if (WR_UNLIKELY(!wri_like_bounded(l, s[i].len))) return false;
    for (uint32_t i = 0; i < n; i++) dst->i64[i] = wri_like_match(l, wr_str_data(&s[i]), s[i].len);
    return true;
}

wri_fast wri_fast_text(wri_prog *p, wri_ins *ins) {
    if (ins->e->kind == WR_X_FUNC)
        return ins->fn == wri_fn_upper ? upper_fast : ins->fn == wri_fn_lower ? lower_fast : NULL;
    ins->aux = compile_like(p, ins);
    return ins->aux ? like_fast : NULL;
}
