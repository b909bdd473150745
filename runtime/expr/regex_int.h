/* runtime/expr/regex_int.h -- regular expressions: between regex.c, similar.c and fn_regex.c.
 *
 * PCRE2 with its just-in-time compiler for constant patterns, over valid UTF-8: other text fails its row. A
 * match takes a bounded number of steps, whatever pattern and text are; one that needs more fails its row.
 * The number depends on pattern and text only, so results do not depend on the machine's speed. */
#ifndef WR_RUNTIME_REGEX_INT_H
#define WR_RUNTIME_REGEX_INT_H

#include "expr_int.h"

typedef enum wri_regex_kind {
    WRI_RE_PLAIN,        /* found anywhere in a text */
    WRI_RE_WHOLE,        /* the same syntax, but the whole text */
    WRI_RE_SIMILAR,      /* pattern of SIMILAR TO: the whole text */
    WRI_RE_SIMILAR_PART, /* of SUBSTRING(… SIMILAR … ESCAPE …): group 1 is the middle */
    WRI_RE_SIMILAR_SOME  /* the same, found anywhere in a text */
} wri_regex_kind;

typedef struct wri_regex wri_regex;

/* The pattern compiled, kept by the call while the pattern stays the same; esc: the escape character of
 * SIMILAR TO, or NULL. konst: it will stay, so that compiling well pays. NULL, or why the pattern is wrong.
 */
const char *wri_regex_of(wri_call *c, wri_regex_kind kind, const wr_str *pattern, const wr_str *esc,
                         bool konst, wri_regex **outp);

/* Begins with another text. */
void wri_regex_text(wri_regex *r, const wr_str *s);
/* Finds the first match at or behind byte `from`. NULL and *foundp, or why the row fails. */
const char *wri_regex_find(wri_call *c, wri_regex *r, size_t from, bool *foundp);
/* Bytes [*startp, *endp) of a group of the match just found, 0: all of it; false: it took no part. */
bool wri_regex_group(const wri_regex *r, uint32_t group, size_t *startp, size_t *endp);
uint32_t wri_regex_groups(const wri_regex *r);

/* A pattern of SIMILAR TO as one of PCRE2's (similar.c); why it is none in *whyp. false: out of memory. */
bool wri_similar_translate(wri_regex_kind kind, const wr_str *pattern, const wr_str *esc, wr_buf *out,
                           const char **whyp);

#endif
