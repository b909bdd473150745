/* runtime/expr/scalar_text.c -- text helpers of all scalars, CONCAT and LIKE. */
#include "expr_int.h"

void wri_forget(wri_call *c) {
    if (c->memo && c->memo_free) c->memo_free(c->memo);
    c->memo = NULL;
    c->memo_free = NULL;
    wr_arena_reset(&c->memo_ar);
}

void wri_call_done(wri_call *c) {
    wri_forget(c);
    wr_arena_free(&c->memo_ar);
}

const char *wri_kept_why(wri_call *c, const char *why) {
    if (!why) return NULL;
    why = wr_arena_strdup(c->msgs, why);
    if (!why) c->oom = true;
    return why ? why : "out of memory";
}

char *wri_room(wri_call *c, size_t n, const char **whyp) {
    *whyp = NULL;
    if (n > WRI_TEXT_MAX) {
        *whyp = "text longer than 16 MiB";
        return NULL;
    }
    char *p = wr_arena_alloc(c->ar, n ? n : 1);
    if (!p) {
        c->oom = true;
        *whyp = "out of memory";
    }
    return p;
}

const char *wri_ret_copy(wri_call *c, const char *p, size_t n, wr_value *outp) {
    if (n > WR_STR_INLINE) {
        const char *why;
        char *out = wri_room(c, n, &why);
        if (!out) return why;
        p = memcpy(out, p, n);
    }
    outp->str = wr_str_make(p, n);
    return NULL;
}

const char *wri_bad_text(wri_call *c, const wr_str *s, const char *what) {
    enum { SHOWN = 40 };
    const char *p = wr_str_data(s), *end = p + s->len, *cut = wri_skip_chars(p, end, SHOWN);
    if (cut - p > 4 * SHOWN) cut = p + 4 * SHOWN;
    char shown[4 * SHOWN + 1];
    size_t n = (size_t)(cut - p);
    for (size_t i = 0; i < n; i++) shown[i] = p[i] >= 0 && p[i] < ' ' ? '?' : p[i]; /* one line, no NUL */
    shown[n] = 0;
    char *why = wr_arena_printf(c->msgs, "'%s%s' is no %s", shown, cut < end ? "…" : "", what);
    if (!why) c->oom = true;
    return why ? why : "out of memory";
}

size_t wri_chars(const char *p, size_t n) {
    if (!n) return 0;
    size_t chars = ((unsigned char)p[0] & 0xC0) == 0x80; /* a stray continuation byte begins a character */
    for (size_t i = 0; i < n; i++) chars += ((unsigned char)p[i] & 0xC0) != 0x80;
    return chars;
}

const char *wri_skip_chars(const char *p, const char *end, int64_t n) {
    for (; n > 0 && p < end; n--) p = wri_next_char(p, end);
    return p;
}

const char *wri_concat_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    size_t n = 0;
    for (uint32_t i = 0; i < c->e->n_args; i++) n += a[i].str.len;
    char small[WR_STR_INLINE], *out = small;
    const char *why = NULL;
    if (n > WR_STR_INLINE && !(out = wri_room(c, n, &why))) return why;
    char *p = out;
    for (uint32_t i = 0; i < c->e->n_args; i++) {
        memcpy(p, wr_str_data(&a[i].str), a[i].str.len);
        p += a[i].str.len;
    }
    outp->str = wr_str_make(out, n);
    return NULL;
}

/* ---- LIKE ---- */

/* The pattern without its escapes: lit[i] is a byte, op[i] what it means. */
static const char *like_split(wri_call *c, wri_like *l, const char *p, const char *end) {
    char *lit = wr_arena_alloc(&c->memo_ar, 2 * (size_t)(end - p) + 1);
    if (!lit) {
        c->oom = true;
        return "out of memory";
    }
    uint8_t *op = (uint8_t *)lit + (end - p);
    const char *esc = wr_str_data(&l->esc);
    l->lit = lit;
    l->op = op;
    l->n = 0;
    while (p < end) {
        uint8_t o = *p == '%' ? 2 : *p == '_' ? 1 : 0;
        if (l->has_esc && (size_t)(end - p) >= l->esc.len && memcmp(p, esc, l->esc.len) == 0) {
            p += l->esc.len;
            bool itself = (size_t)(end - p) >= l->esc.len && memcmp(p, esc, l->esc.len) == 0;
            if (p == end || (!itself && *p != '%' && *p != '_'))
                return "in a LIKE pattern the escape character must be followed by %, _ or itself";
            o = 0;
        }
        /* "%%" is "%": keeps matching linear in the number of runs */
        if (!(o == 2 && l->n && op[l->n - 1] == 2)) {
            lit[l->n] = *p;
            op[l->n++] = o;
        }
        p++;
        while (o == 0 && p < end && ((unsigned char)*p & 0xC0) == 0x80) { /* the rest of the character */
            lit[l->n] = *p++;
            op[l->n++] = 0;
        }
    }
    return NULL;
}

const char *wri_like_compile(wri_call *c, const wr_str *pattern, const wr_str *esc, wri_like *l) {
    *l = (wri_like){.src = *pattern, .has_esc = esc != NULL};
    if (esc) {
        l->esc = *esc;
        if (wri_chars(wr_str_data(esc), esc->len) != 1) return "the escape of LIKE must be one character";
    }
    const char *p = wr_str_data(pattern), *why = like_split(c, l, p, p + pattern->len);
    if (why) return why;
    uint32_t wild = 0;
    for (uint32_t i = 0; i < l->n; i++) wild += l->op[i] != 0;
    bool first = l->n && l->op[0] == 2, last = l->n && l->op[l->n - 1] == 2;
    if (wild == 0) l->kind = WRI_LIKE_EXACT;
    else if (wild == 1 && last) l->kind = WRI_LIKE_PREFIX;
    else if (wild == 1 && first) l->kind = WRI_LIKE_SUFFIX;
    else if (wild == 2 && first && last && l->n > 1) l->kind = WRI_LIKE_INFIX;
    if (l->kind == WRI_LIKE_PREFIX) l->n--;
    if (l->kind == WRI_LIKE_SUFFIX || l->kind == WRI_LIKE_INFIX) {
        l->n -= l->kind == WRI_LIKE_INFIX ? 2 : 1;
        l->lit++;
    }
    return NULL;
}

/* Greedy with one point to come back to: the last '%'. Enough, because a '%' further left can only take
 * less. */
static bool like_general(const wri_like *l, const char *p, const char *end) {
    uint32_t i = 0, back_i = UINT32_MAX;
    const char *back = NULL;
    for (;;) {
        if (i < l->n && l->op[i] == 2) {
            back_i = ++i;
            back = p;
            if (i == l->n) return true;
            continue;
        }
        if (p == end) {
            if (i == l->n) return true;
        } else if (i < l->n && l->op[i] == 1) {
            p = wri_next_char(p, end);
            i++;
            continue;
        } else if (i < l->n && l->lit[i] == *p) {
            p++;
            i++;
            continue;
        }
        if (back_i == UINT32_MAX || back == end) return false;
        back = wri_next_char(back, end);
        p = back;
        i = back_i;
    }
}

bool wri_like_bounded(const wri_like *l, size_t n) {
    return l->kind != WRI_LIKE_GENERAL || (uint64_t)l->n * n <= WRI_PRODUCT_MAX;
}

bool wri_like_match(const wri_like *l, const char *p, size_t n) {
    switch (l->kind) {
    case WRI_LIKE_EXACT:
        return n == l->n && memcmp(p, l->lit, n) == 0;
    case WRI_LIKE_PREFIX:
        return n >= l->n && memcmp(p, l->lit, l->n) == 0;
    case WRI_LIKE_SUFFIX:
        return n >= l->n && memcmp(p + n - l->n, l->lit, l->n) == 0;
    case WRI_LIKE_INFIX:
        return memmem(p, n, l->lit, l->n) != NULL;
    case WRI_LIKE_GENERAL:
        return like_general(l, p, p + n);
    }
    return false;
}

/* The compiled pattern is kept while pattern and escape stay the same bytes. */
typedef struct like_memo {
    wri_like like;
    const char *why;
    bool set;
} like_memo;

static bool same(const wri_like *l, const wr_value *a, bool esc) {
    return l->has_esc == esc && wr_str_eq(&l->src, &a[1].str) && (!esc || wr_str_eq(&l->esc, &a[2].str));
}

static wr_str keep(wri_call *c, wr_str s) {
    if (s.len <= WR_STR_INLINE) return s;
    char *p = wr_arena_strndup(&c->memo_ar, s.ptr, s.len);
    if (!p) c->oom = true;
    return p ? wr_str_make(p, s.len) : (wr_str){0};
}

const char *wri_like_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    bool esc = c->e->n_args > 2;
    like_memo *m = c->memo;
    if (!m || !m->set || !same(&m->like, a, esc)) {
        wri_forget(c);
        m = c->memo = wr_arena_calloc(&c->memo_ar, sizeof *m);
        if (!m) {
            c->oom = true;
            return "out of memory";
        }
        wr_str pattern = keep(c, a[1].str), e = esc ? keep(c, a[2].str) : (wr_str){0};
        m->why = wri_like_compile(c, &pattern, esc ? &e : NULL, &m->like);
        m->set = !c->oom;
    }
    if (m->why) return m->why;
    if (!wri_like_bounded(&m->like, a[0].str.len)) return "the pattern of LIKE is too long for this text";
    return wri_ret_i64(outp, wri_like_match(&m->like, wr_str_data(&a[0].str), a[0].str.len));
}
