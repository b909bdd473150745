/* runtime/expr/fn_regex.c -- functions of regular expressions, and SIMILAR TO. In a replacement, \1 to \9
 * stand for what the groups matched, \0 for all, \\ for a backslash; in one of REGEX_REPLACE, which is
 * Java's, $1 to $99 and $0, and a backslash takes the next character as it is. */
#include "regex_int.h"

typedef const wr_value *args_t;

/* The pattern in argument 1, ready for the text in argument 0. */
static const char *begin(wri_call *c, args_t a, wri_regex_kind kind, const wr_str *esc, wri_regex **outp) {
    bool konst = c->e->args[1]->kind == WR_X_CONST;
    const char *why = wri_regex_of(c, kind, &a[1].str, esc, konst, outp);
    if (!why) wri_regex_text(*outp, &a[0].str);
    return why;
}

static const char *matches(wri_call *c, args_t a, wri_regex_kind kind, const wr_str *esc, wr_value *outp) {
    wri_regex *r;
    bool found;
    const char *why = begin(c, a, kind, esc, &r);
    if (!why) why = wri_regex_find(c, r, 0, &found);
    return why ? why : wri_ret_i64(outp, found);
}

const char *wri_fn_regexp_like(wri_call *c, args_t a, wr_value *outp) {
    return matches(c, a, WRI_RE_PLAIN, NULL, outp);
}

const char *wri_fn_similar_to(wri_call *c, args_t a, wr_value *outp) {
    return matches(c, a, WRI_RE_SIMILAR, c->e->n_args > 2 ? &a[2].str : NULL, outp);
}

/* A group of the first match: a view of the text; NULL when there is none. */
static const char *first_group(wri_call *c, args_t a, wri_regex *r, uint32_t group, wr_value *outp) {
    bool found;
    size_t start, end;
    const char *why = wri_regex_find(c, r, 0, &found);
    if (why) return why;
    if (!found || !wri_regex_group(r, group, &start, &end)) return wri_ret_null(outp);
    outp->str = wr_str_make(wr_str_data(&a[0].str) + start, end - start);
    return NULL;
}

const char *wri_fn_regexp_extract(wri_call *c, args_t a, wr_value *outp) {
    wri_regex *r;
    const char *why = begin(c, a, WRI_RE_PLAIN, NULL, &r);
    int64_t group = c->e->n_args > 2 ? a[2].i64 : 0;
    if (why) return why;
    if (group < 0 || group > wri_regex_groups(r)) {
        why = wr_arena_printf(c->msgs, "the regular expression has no group %lld, only %u", (long long)group,
                              wri_regex_groups(r));
        if (!why) c->oom = true;
        return why ? why : "out of memory";
    }
    return first_group(c, a, r, (uint32_t)group, outp);
}

const char *wri_fn_similar_part(wri_call *c, args_t a, wr_value *outp) {
    wri_regex *r;
    const char *why = begin(c, a, WRI_RE_SIMILAR_PART, &a[2].str, &r);
    return why ? why : first_group(c, a, r, 1, outp);
}

/* In the Kinesis dialect the pattern may fit anywhere. */
const char *wri_fn_kda_similar_part(wri_call *c, args_t a, wr_value *outp) {
    wri_regex *r;
    const char *why = begin(c, a, WRI_RE_SIMILAR_SOME, &a[2].str, &r);
    return why ? why : first_group(c, a, r, 1, outp);
}

/* Where to look on behind a match. */
static size_t behind(const wr_str *s, size_t start, size_t end) {
    const char *p = wr_str_data(s);
    if (end > start) return end;
    return end < s->len ? (size_t)(wri_next_char(p + end, p + s->len) - p) : s->len + 1;
}

const char *wri_fn_regexp_count(wri_call *c, args_t a, wr_value *outp) {
    wri_regex *r;
    bool found = true;
    size_t start, end;
    int64_t n = 0;
    const char *why = begin(c, a, WRI_RE_PLAIN, NULL, &r);
    for (size_t from = 0; !why && found && from <= a[0].str.len;) {
        why = wri_regex_find(c, r, from, &found);
        if (why || !found) break;
        n++;
        wri_regex_group(r, 0, &start, &end);
        from = behind(&a[0].str, start < from ? from : start, end < from ? from : end);
    }
    return why ? why : wri_ret_i64(outp, n);
}

const char *wri_fn_regexp_instr(wri_call *c, args_t a, wr_value *outp) {
    wri_regex *r;
    bool found;
    size_t start, end;
    const char *why = begin(c, a, WRI_RE_PLAIN, NULL, &r);
    if (!why) why = wri_regex_find(c, r, 0, &found);
    if (why) return why;
    if (!found) return wri_ret_i64(outp, 0);
    wri_regex_group(r, 0, &start, &end);
    return wri_ret_i64(outp, (int64_t)wri_chars(wr_str_data(&a[0].str), start) + 1);
}

/* ---- replacing ---- */

/* Appends the replacement of the match just found. */
static wr_status put_replacement(wr_buf *out, const wri_regex *r, const wr_str *s, const wr_str *with) {
    const char *p = wr_str_data(with), *end = p + with->len;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p)), *stop = slash ? slash : end;
        WR_TRY(wr_buf_put(out, p, (size_t)(stop - p)));
        if (!slash) break;
        p = slash + 1;
        if (p < end && *p >= '0' && *p <= '9') {
            size_t from, to;
            if (wri_regex_group(r, (uint32_t)(*p++ - '0'), &from, &to))
                WR_TRY(wr_buf_put(out, wr_str_data(s) + from, to - from));
        } else {
            WR_TRY(wr_buf_put(out, "\\", 1));
            if (p < end && *p == '\\') p++;
        }
    }
    return WR_OK;
}

/* The same in Java's way. *whyp: what is wrong with it. */
static wr_status put_java(wr_buf *out, const wri_regex *r, const wr_str *s, const wr_str *with,
                          const char **whyp) {
    const char *p = wr_str_data(with), *end = p + with->len;
    size_t from, to;
    while (p < end && !*whyp) {
        char c = *p++;
        if (c != '$') {
            if (c == '\\' && p == end) *whyp = "the replacement ends in a backslash";
            else WR_TRY(wr_buf_put(out, c == '\\' ? p++ : p - 1, 1));
            continue;
        }
        if (p == end || *p < '0' || *p > '9') {
            *whyp = "in the replacement '$' stands before the number of a group; write \\$ for a dollar";
            break;
        }
        uint32_t group = (uint32_t)(*p++ - '0');
        if (group > wri_regex_groups(r))
            *whyp = "the replacement names a group that the pattern does not have";
        if (p < end && *p >= '0' && *p <= '9' && group * 10 + (uint32_t)(*p - '0') <= wri_regex_groups(r))
            group = group * 10 + (uint32_t)(*p++ - '0');
        if (!*whyp && wri_regex_group(r, group, &from, &to))
            WR_TRY(wr_buf_put(out, wr_str_data(s) + from, to - from));
    }
    return WR_OK;
}

/* Replaces match number `nth` (0: all) from byte `from` on; *anyp: there was one. */
static const char *replace_in(wri_call *c, wri_regex *r, args_t a, size_t from, int64_t nth, bool java,
                              wr_buf *out, bool *anyp) {
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s);
    size_t done = 0, start, end;
    bool found = true;
    wr_status st = WR_OK;
    const char *why = NULL;
    for (int64_t k = 1; from <= s->len && st == WR_OK; k++) {
        why = wri_regex_find(c, r, from, &found);
        if (why) return why;
        if (!found) break;
        wri_regex_group(r, 0, &start, &end);
        if (start < from) start = from; /* \K in a look-behind */
        if (end < start) end = start;
        from = behind(s, start, end);
        if (nth != 0 && k != nth) continue;
        *anyp = true;
        st = wr_buf_put(out, p + done, start - done);
        if (st == WR_OK)
            st = java ? put_java(out, r, s, &a[2].str, &why) : put_replacement(out, r, s, &a[2].str);
        if (why) return why;
        done = end;
        if (out->len > WRI_TEXT_MAX) return "text longer than 16 MiB";
        if (nth != 0) break;
    }
    if (st == WR_OK && *anyp) st = wr_buf_put(out, p + done, s->len - done);
    if (st != WR_OK) c->oom = true;
    return c->oom ? "out of memory" : NULL;
}

/* (text, regex, replacement [, position [, number of the match, 0: all]]) */
static const char *replace(wri_call *c, args_t a, bool java, wr_value *outp) {
    wri_regex *r;
    const wr_str *s = &a[0].str;
    int64_t pos = c->e->n_args > 3 ? a[3].i64 : 1, nth = c->e->n_args > 4 ? a[4].i64 : 0;
    const char *why = begin(c, a, WRI_RE_PLAIN, NULL, &r), *p = wr_str_data(s);
    if (why) return why;
    if (pos < 1) return "the position to replace from counts from 1";
    if (nth < 0) return "the match to replace counts from 1; 0 is all";
    size_t from = (size_t)(wri_skip_chars(p, p + s->len, pos - 1) - p);
    outp->str = *s;
    if (pos > 1 && from == s->len) return NULL;
    wr_buf out = {0};
    bool any = false;
    why = replace_in(c, r, a, from, nth, java, &out, &any);
    if (!why && any) why = wri_ret_copy(c, out.data ? out.data : "", out.len, outp);
    wr_buf_free(&out);
    return why;
}

const char *wri_fn_regexp_replace(wri_call *c, args_t a, wr_value *outp) {
    return replace(c, a, false, outp);
}
const char *wri_fn_regex_replace(wri_call *c, args_t a, wr_value *outp) { return replace(c, a, true, outp); }
