/* runtime/expr/regex.c -- PCRE2, kept within bounds.
 *
 * PCRE2 counts the points to which a match goes back, and ends it when there are too many. It does not count
 * the characters that a repetition such as \s+ runs over, nor the starts from which it is tried: on a long
 * text that alone can take hours. So there are two programs for a pattern:
 *
 *   fast      for texts of up to SHORT_BYTES, where squares do not hurt
 *   watched   for longer ones: reports before each item of the pattern, and how far it went since the last
 *             report is what it is charged */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "regex_int.h"

#define SHORT_BYTES     4096
#define SHORT_STEPS     500000
#define STEPS           (INT64_C(10) << 20) /* and so many more for each byte of the text */
#define STEPS_PER_BYTE  32
#define HEAP_KIB        32768
#define PATTERN_MAX     65536
#define JIT_STACK_BYTES (512 << 10)

struct wri_regex {
    wr_str src, esc; /* what it was made from */
    wri_regex_kind kind;
    bool has_esc, konst;
    const char *why;  /* the pattern is wrong */
    const char *text; /* in PCRE2's own syntax */
    size_t text_bytes;
    pcre2_general_context *memory;
    pcre2_compile_context *how;
    pcre2_match_context *limits;
    pcre2_code *fast, *watched; /* watched: made when first needed */
    pcre2_match_data *found;
    pcre2_jit_stack *stack;
    uint32_t groups, back_refs;
    /* the current text */
    wr_str s;
    bool valid;   /* s is UTF-8 */
    int64_t left; /* steps */
    size_t at;
};

static void *take(PCRE2_SIZE n, void *ctx) {
    (void)ctx;
    return wr_alloc(n);
}
static void give_back(void *p, void *ctx) {
    (void)ctx;
    wr_free(p);
}

static void regex_free(void *memo) {
    wri_regex *r = memo;
    pcre2_jit_stack_free(r->stack);
    pcre2_match_data_free(r->found);
    pcre2_code_free(r->fast);
    pcre2_code_free(r->watched);
    pcre2_match_context_free(r->limits);
    pcre2_compile_context_free(r->how);
    pcre2_general_context_free(r->memory);
}

/* Charges what has happened since the last report; groups that are referred to are compared unseen. */
static int charge(pcre2_callout_block *b, void *ctx) {
    wri_regex *r = ctx;
    size_t at = b->current_position;
    r->left -= 1 + (int64_t)(at > r->at ? at - r->at : r->at - at);
    r->at = at;
    for (uint32_t i = 1; r->back_refs && i < b->capture_top; i++) {
        size_t from = b->offset_vector[2 * i], to = b->offset_vector[2 * i + 1];
        if (from != PCRE2_UNSET && to > from) r->left -= (int64_t)(to - from);
    }
    return r->left < 0 ? PCRE2_ERROR_MATCHLIMIT : 0;
}

/* ---- making ---- */

static bool prepare(wri_regex *r) {
    r->memory = pcre2_general_context_create(take, give_back, NULL);
    r->how = r->memory ? pcre2_compile_context_create(r->memory) : NULL;
    r->limits = r->memory ? pcre2_match_context_create(r->memory) : NULL;
    if (!r->how || !r->limits) return false;
    pcre2_set_max_pattern_length(r->how, PATTERN_MAX);
    pcre2_set_newline(r->how, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_heap_limit(r->limits, HEAP_KIB);
    pcre2_set_callout(r->limits, charge, r);
    return true;
}

/* False: out of memory, or *whyp. */
static bool compile(wri_call *c, wri_regex *r, uint32_t more, pcre2_code **outp, const char **whyp) {
    int error;
    size_t at;
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | more;
    if (r->kind == WRI_RE_WHOLE) options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    else if (r->kind != WRI_RE_PLAIN) options |= PCRE2_DOTALL;
    *whyp = NULL;
    *outp = pcre2_compile((PCRE2_SPTR)r->text, r->text_bytes, options, &error, &at, r->how);
    if (*outp) {
        if (r->konst || more)
            (void)pcre2_jit_compile(*outp, PCRE2_JIT_COMPLETE); /* without, it is interpreted */
        return true;
    }
    char said[128] = "";
    if (error == PCRE2_ERROR_NOMEMORY || error == 121) return false; /* 121: heap, when compiling */
    (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)said, sizeof said);
    size_t n = r->src.len < 60 ? r->src.len : 60;
    if (r->kind != WRI_RE_PLAIN && r->kind != WRI_RE_WHOLE) /* the place is one of the translation */
        *whyp = wr_arena_printf(&c->memo_ar, "'%.*s' is no pattern of SIMILAR TO: %s", (int)n,
                                wr_str_data(&r->src), said);
    else
        *whyp = wr_arena_printf(&c->memo_ar, "'%.*s%s' is no regular expression: %s, at character %zu",
                                (int)n, wr_str_data(&r->src), n < r->src.len ? "…" : "", said,
                                wri_chars(wr_str_data(&r->src), at < r->src.len ? at : r->src.len) + 1);
    return *whyp != NULL;
}

static wr_str keep(wri_call *c, const wr_str *s) {
    char *p = wr_arena_strndup(&c->memo_ar, wr_str_data(s), s->len);
    if (!p) c->oom = true;
    return p ? wr_str_make(p, s->len) : (wr_str){0};
}

/* The text that PCRE2 gets. */
static void translate(wri_call *c, wri_regex *r) {
    if (r->kind == WRI_RE_PLAIN || r->kind == WRI_RE_WHOLE) {
        r->text = wr_arena_strndup(&c->memo_ar, wr_str_data(&r->src), r->src.len);
        r->text_bytes = r->src.len;
    } else {
        wr_buf b = {0};
        bool ok = wri_similar_translate(r->kind, &r->src, r->has_esc ? &r->esc : NULL, &b, &r->why);
        if (ok && !r->why) r->text = wr_arena_strndup(&c->memo_ar, b.data, b.len);
        if (r->why) r->why = wri_bad_text(c, &r->src, r->why);
        r->text_bytes = b.len;
        wr_buf_free(&b);
    }
    if (!r->text && !r->why) c->oom = true;
}

static void make(wri_call *c, wri_regex *r) {
    const char *why = NULL;
    translate(c, r);
    if (r->why || c->oom) return;
    if (!prepare(r) || !compile(c, r, 0, &r->fast, &why)) {
        c->oom = true;
        return;
    }
    r->why = why;
    if (why) return;
    (void)pcre2_pattern_info(r->fast, PCRE2_INFO_CAPTURECOUNT, &r->groups);
    (void)pcre2_pattern_info(r->fast, PCRE2_INFO_BACKREFMAX, &r->back_refs);
    r->found = pcre2_match_data_create_from_pattern(r->fast, r->memory);
    if (!r->found) c->oom = true;
    if (!r->konst) return;
    r->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK_BYTES, r->memory);
    if (r->stack) pcre2_jit_stack_assign(r->limits, NULL, r->stack); /* else its stack is small */
}

static bool is_of(const wri_regex *r, const wr_str *pattern, const wr_str *esc) {
    if (!wr_str_eq(&r->src, pattern) || r->has_esc != (esc != NULL)) return false;
    return !esc || wr_str_eq(&r->esc, esc);
}

const char *wri_regex_of(wri_call *c, wri_regex_kind kind, const wr_str *pattern, const wr_str *esc,
                         bool konst, wri_regex **outp) {
    wri_regex *r = c->memo;
    if (!r || !is_of(r, pattern, esc)) {
        wri_forget(c);
        r = wr_arena_calloc(&c->memo_ar, sizeof *r);
        if (!r) {
            c->oom = true;
            return "out of memory";
        }
        *r = (wri_regex){.kind = kind, .has_esc = esc != NULL, .konst = konst};
        r->src = keep(c, pattern);
        if (esc) r->esc = keep(c, esc);
        wr_arena *msgs = c->msgs;
        c->msgs = &c->memo_ar; /* the reason is kept, too */
        if (!c->oom) make(c, r);
        c->msgs = msgs;
        if (c->oom) {
            regex_free(r);
            return "out of memory";
        }
        c->memo = r;
        c->memo_free = regex_free;
    }
    *outp = r;
    return wri_kept_why(c, r->why);
}

/* ---- matching ---- */

void wri_regex_text(wri_regex *r, const wr_str *s) {
    r->s = *s;
    r->left = STEPS + STEPS_PER_BYTE * (int64_t)s->len;
    r->at = 0;
    r->valid = wr_utf8_valid(wr_str_data(s), s->len);
}

static const char *failed(wri_call *c, int rc) {
    switch (rc) {
    case PCRE2_ERROR_NOMEMORY:
        c->oom = true;
        return "out of memory";
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
        return "the regular expression takes too many steps on this text";
    default: {
        const char *why =
            wr_arena_printf(c->msgs, "the regular expression fails on this text (PCRE2 error %d)", rc);
        if (!why) c->oom = true;
        return why ? why : "out of memory";
    }
    }
}

/* The program for the current text. NULL: out of memory. */
static pcre2_code *program(wri_call *c, wri_regex *r) {
    bool is_short = r->s.len <= SHORT_BYTES;
    pcre2_set_match_limit(r->limits, is_short ? SHORT_STEPS : INT32_MAX);
    if (is_short) return r->fast;
    const char *why;
    if (!r->watched && (!compile(c, r, PCRE2_AUTO_CALLOUT, &r->watched, &why) || why)) c->oom = true;
    return r->watched;
}

const char *wri_regex_find(wri_call *c, wri_regex *r, size_t from, bool *foundp) {
    pcre2_code *code = program(c, r);
    *foundp = false;
    if (!code) return "out of memory";
    PCRE2_SPTR p = (PCRE2_SPTR)wr_str_data(&r->s);
    if (!r->valid) return "the text is not UTF-8";
    /* PCRE2 itself would look at all the text anew in each call. */
    int rc = pcre2_match(code, p, r->s.len, from, PCRE2_NO_UTF_CHECK, r->found, r->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter's is on the heap */
        rc = pcre2_match(code, p, r->s.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, r->found, r->limits);
    if (rc == PCRE2_ERROR_NOMATCH) return NULL;
    *foundp = rc >= 0;
    return rc < 0 ? failed(c, rc) : NULL;
}

bool wri_regex_group(const wri_regex *r, uint32_t group, size_t *startp, size_t *endp) {
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->found);
    *startp = *endp = 0;
    if (group > r->groups || v[2 * group] == PCRE2_UNSET) return false;
    *startp = v[2 * group];
    *endp =
        v[2 * group + 1] > *startp ? v[2 * group + 1] : *startp; /* \K in a look-ahead: start behind end */
    return true;
}

uint32_t wri_regex_groups(const wri_regex *r) { return r->groups; }
