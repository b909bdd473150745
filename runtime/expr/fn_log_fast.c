/* runtime/expr/fn_log_fast.c -- FAST_REGEX_LOG_PARSE: groups of a pattern that is read without going back
 * (fast_parse.c), in time that grows with the text alone. */
#include "fast_int.h"
#include "row_int.h"

const char *wri_log_row_fast(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                             uint32_t *blamep) {
    (void)n;
    const char *why;
    wri_log_cols cols = {0};
    wri_frx_pattern p = {0};
    const wr_str *pattern = wri_log_const(args, 1, "the pattern", ar, blamep, &why);
    if (pattern) why = wri_frx_parse(pattern, ar, ar, &p);
    wri_frx_free(&p.f);
    if (!why && !wri_log_cols_make(p.n_groups, ar, &cols)) why = wri_log_no_memory;
    return wri_log_tell(why, &cols, ar, outp);
}

typedef struct kept {
    wr_str src;
    wri_frx_pattern p;
    const char *why;
    const char **starts, **ends; /* of the parts in the current text */
} kept;

static void kept_free(void *memo) { wri_frx_free(&((kept *)memo)->p.f); }

static const char *kept_of(wri_call *c, const wr_str *pattern, kept **outp) {
    kept *k = c->memo;
    if (!k || !wr_str_eq(&k->src, pattern)) {
        wri_forget(c);
        k = wr_arena_calloc(&c->memo_ar, sizeof *k);
        const char *copy = wr_arena_strndup(&c->memo_ar, wr_str_data(pattern), pattern->len);
        if (!k || !copy) return wri_log_oom(c);
        k->src = wr_str_make(copy, pattern->len);
        k->why = wri_frx_parse(pattern, &c->memo_ar, &c->memo_ar, &k->p);
        size_t n = k->p.n_parts + 1;
        k->starts = wr_arena_alloc(&c->memo_ar, n * sizeof *k->starts);
        k->ends = wr_arena_alloc(&c->memo_ar, n * sizeof *k->ends);
        c->memo = k;
        c->memo_free = kept_free;
        if (k->why == wri_log_no_memory || !k->starts || !k->ends) {
            wri_forget(c);
            return wri_log_oom(c);
        }
    }
    *outp = k;
    return wri_kept_why(c, k->why);
}

/* Where part i, which begins at p, ends; NULL: it does not fit, or f is full or out of memory. */
static const char *part_end(wri_frx_pattern *pat, uint32_t i, const char *p, const char *end) {
    wri_frx *f = &pat->f;
    wri_frx_id e = pat->parts[i].e;
    bool last = i + 1 == pat->n_parts, shortest = !last && pat->parts[i].tail;
    const char *found = NULL;
    for (;;) {
        if (f->nodes[e].nullable) found = p;
        if (p == end || e == WRI_FRX_NONE || (found && shortest)) break;
        if (e == WRI_FRX_ALL) { /* nothing ahead can change it */
            found = end;
            break;
        }
        e = wri_frx_next(f, e, wri_frx_take(&p, end));
        if (f->full || f->oom) return NULL;
    }
    return last && found != end ? NULL : found;
}

static const char *place(const kept *k, const wri_frx_border *b) {
    const char *p = b->begin ? k->starts[b->part] : k->ends[b->part];
    for (uint32_t i = 0; !b->begin && i < b->back; i++)
        for (p--; ((unsigned char)*p & 0xC0) == 0x80; p--) {
        }
    return p;
}

const char *wri_fn_fast_regex_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    kept *k = NULL;
    const char *why = kept_of(c, &a[1].str, &k), *p = wr_str_data(&a[0].str), *end = p + a[0].str.len;
    if (why) return why;
    if (!wr_utf8_valid(p, a[0].str.len)) return "the text is not UTF-8";
    wri_frx_rest(&k->p.f);
    for (uint32_t i = 0; i < k->p.n_parts; i++) {
        k->starts[i] = p;
        p = k->ends[i] = part_end(&k->p, i, p, end);
        if (k->p.f.oom) return wri_log_oom(c);
        if (k->p.f.full) return "the fast pattern takes too many states on this text";
        if (!p) return wri_ret_null(outp);
    }
    wri_log_line r;
    why = wri_log_begin(c, k->p.n_groups, a[0].str.len, &r);
    for (uint32_t g = 0; !why && g < k->p.n_groups; g++) {
        const char *from = place(k, &k->p.from[g]), *to = place(k, &k->p.to[g]);
        wri_log_put(&r, from, (size_t)(to - from));
    }
    return why ? why : wri_log_end(&r, outp);
}
