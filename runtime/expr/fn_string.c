/* runtime/expr/fn_string.c -- text functions. Positions and lengths count characters, from 1. Results may be
 * views into the arguments. */
#include "expr_int.h"

typedef const wr_value *args_t;

static const char *end_of(const wr_str *s) { return wr_str_data(s) + s->len; }

/* A view of [p, end), which lies in the bytes of s. */
static const char *ret_part(const wr_str *s, const char *p, const char *end, wr_value *outp) {
    outp->str = p == wr_str_data(s) && end == end_of(s) ? *s : wr_str_make(p, (size_t)(end - p));
    return NULL;
}

/* ---- length and parts ---- */

const char *wri_fn_char_length(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    bool bytes = c->e->args[0]->type.kind == WR_T_VARBINARY;
    return wri_ret_i64(outp, (int64_t)(bytes ? s->len : wri_chars(wr_str_data(s), s->len)));
}

const char *wri_fn_octet_length(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, a[0].str.len);
}

/* SQL standard: characters start .. start + length - 1 of those that exist. Bytes for VARBINARY. */
const char *wri_fn_substring(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    bool bytes = c->e->args[0]->type.kind == WR_T_VARBINARY;
    int64_t from = a[1].i64, to = INT64_MAX;
    if (c->e->n_args > 2) {
        if (a[2].i64 < 0) return "the length of a substring must not be negative";
        if (__builtin_add_overflow(from, a[2].i64, &to)) to = INT64_MAX;
    }
    if (from < 1) from = 1;
    if (to < from) to = from;
    const char *p = wr_str_data(s), *end = end_of(s);
    if (bytes) {
        p = from - 1 < end - p ? p + (from - 1) : end;
        end = to - from < end - p ? p + (to - from) : end;
    } else {
        p = wri_skip_chars(p, end, from - 1);
        end = wri_skip_chars(p, end, to - from);
    }
    return ret_part(s, p, end, outp);
}

/* In the Kinesis dialect SUBSTRING(s, i) is NULL where SUBSTRING(s FROM i) is ''. */
const char *wri_fn_substring_or_null(wri_call *c, args_t a, wr_value *outp) {
    const char *why = wri_fn_substring(c, a, outp);
    bool none = !why && a[1].i64 > (int64_t)wri_chars(wr_str_data(&a[0].str), a[0].str.len);
    return none ? wri_ret_null(outp) : why;
}

const char *wri_fn_left(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const char *p = wr_str_data(&a[0].str), *end = end_of(&a[0].str);
    return ret_part(&a[0].str, p, wri_skip_chars(p, end, a[1].i64), outp);
}

const char *wri_fn_right(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const char *p = wr_str_data(&a[0].str), *end = end_of(&a[0].str);
    int64_t chars = (int64_t)wri_chars(p, a[0].str.len), n = a[1].i64 < 0 ? 0 : a[1].i64;
    return ret_part(&a[0].str, n < chars ? wri_skip_chars(p, end, chars - n) : p, end, outp);
}

/* ---- trimming: any of the characters of a set, one blank by default ---- */

static bool in_set(const wr_str *set, const char *p, size_t n) {
    const char *q = wr_str_data(set), *end = end_of(set);
    while (q < end) {
        const char *next = wri_next_char(q, end);
        if ((size_t)(next - q) == n && memcmp(q, p, n) == 0) return true;
        q = next;
    }
    return false;
}

static const char *trim(const wri_call *c, args_t a, bool left, bool right, wr_value *outp) {
    wr_str blank = wr_str_make(" ", 1);
    const wr_str *s = &a[0].str, *set = c->e->n_args > 1 ? &a[1].str : &blank;
    const char *p = wr_str_data(s), *end = end_of(s);
    if ((uint64_t)s->len * set->len > WRI_PRODUCT_MAX)
        return "the characters to trim are too many for this text";
    while (left && p < end) {
        const char *next = wri_next_char(p, end);
        if (!in_set(set, p, (size_t)(next - p))) break;
        p = next;
    }
    while (right && p < end) {
        const char *last = end - 1;
        while (last > p && ((unsigned char)*last & 0xC0) == 0x80) last--;
        if (!in_set(set, last, (size_t)(end - last))) break;
        end = last;
    }
    return ret_part(s, p, end, outp);
}

const char *wri_fn_trim(wri_call *c, args_t a, wr_value *outp) { return trim(c, a, true, true, outp); }
const char *wri_fn_ltrim(wri_call *c, args_t a, wr_value *outp) { return trim(c, a, true, false, outp); }
const char *wri_fn_rtrim(wri_call *c, args_t a, wr_value *outp) { return trim(c, a, false, true, outp); }

/* One character only, in the Kinesis dialect. */
static const char *kda_trim(wri_call *c, args_t a, bool left, bool right, wr_value *outp) {
    if (c->e->n_args > 1 && wri_chars(wr_str_data(&a[1].str), a[1].str.len) != 1)
        return wri_bad_text(c, &a[1].str, "one character, which TRIM takes");
    return trim(c, a, left, right, outp);
}

const char *wri_fn_kda_trim(wri_call *c, args_t a, wr_value *outp) {
    return kda_trim(c, a, true, true, outp);
}
const char *wri_fn_kda_ltrim(wri_call *c, args_t a, wr_value *outp) {
    return kda_trim(c, a, true, false, outp);
}
const char *wri_fn_kda_rtrim(wri_call *c, args_t a, wr_value *outp) {
    return kda_trim(c, a, false, true, outp);
}

/* ---- finding ---- */

/* Where part first stands in s from p on, or NULL. */
static const char *find(const wr_str *s, const char *p, const wr_str *part) {
    return memmem(p, (size_t)(end_of(s) - p), wr_str_data(part), part->len);
}

static int64_t position(const wr_str *part, const wr_str *s, int64_t from) {
    const char *start = wr_str_data(s), *p = wri_skip_chars(start, end_of(s), from - 1);
    if (from > 1 && p == end_of(s) && (int64_t)wri_chars(start, s->len) < from - 1) return 0;
    const char *at = find(s, p, part);
    return at ? (int64_t)wri_chars(start, (size_t)(at - start)) + 1 : 0;
}

const char *wri_fn_position(wri_call *c, args_t a, wr_value *outp) {
    int64_t from = c->e->n_args > 2 ? a[2].i64 : 1;
    return wri_ret_i64(outp, from < 1 ? 0 : position(&a[0].str, &a[1].str, from));
}

const char *wri_fn_instr(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, position(&a[1].str, &a[0].str, 1));
}

const char *wri_fn_starts_with(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str, *p = &a[1].str;
    return wri_ret_i64(outp, s->len >= p->len && memcmp(wr_str_data(s), wr_str_data(p), p->len) == 0);
}

const char *wri_fn_ends_with(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str, *p = &a[1].str;
    return wri_ret_i64(outp, s->len >= p->len && memcmp(end_of(s) - p->len, wr_str_data(p), p->len) == 0);
}

const char *wri_fn_contains(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    return wri_ret_i64(outp, find(&a[0].str, wr_str_data(&a[0].str), &a[1].str) != NULL);
}

/* ---- building: results in two passes, the first to know the length ---- */

const char *wri_fn_replace(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str, *from = &a[1].str, *to = &a[2].str;
    size_t hits = 0;
    const char *p = wr_str_data(s), *why;
    if (from->len)
        for (const char *at = p; (at = find(s, at, from)) != NULL; at += from->len) hits++;
    if (hits == 0) {
        outp->str = *s;
        return NULL;
    }
    size_t n = s->len - hits * from->len + hits * to->len;
    char *out = wri_room(c, n, &why), *o = out;
    if (!out) return why;
    for (const char *at; (at = find(s, p, from)) != NULL; p = at + from->len) {
        o = mempcpy(o, p, (size_t)(at - p));
        o = mempcpy(o, wr_str_data(to), to->len);
    }
    memcpy(o, p, (size_t)(end_of(s) - p));
    outp->str = wr_str_make(out, n);
    return NULL;
}

/* s with the characters from .. from + n - 1 replaced by r; positions outside s touch its ends. */
const char *wri_fn_overlay(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str, *r = &a[1].str;
    int64_t from = a[2].i64, n = c->e->n_args > 3 ? a[3].i64 : (int64_t)wri_chars(wr_str_data(r), r->len), to;
    if (n < 0) return "the length of OVERLAY must not be negative";
    if (__builtin_add_overflow(from, n, &to)) to = INT64_MAX;
    const char *p = wr_str_data(s), *end = end_of(s), *why;
    const char *cut = wri_skip_chars(p, end, from < 1 ? 0 : from - 1),
               *rest = wri_skip_chars(p, end, to < 1 ? 0 : to - 1);
    if (rest < cut) rest = cut;
    size_t head = (size_t)(cut - p), tail = (size_t)(end - rest);
    char *out = wri_room(c, head + r->len + tail, &why), *o = out;
    if (!out) return why;
    o = mempcpy(o, p, head);
    o = mempcpy(o, wr_str_data(r), r->len);
    memcpy(o, rest, tail);
    outp->str = wr_str_make(out, head + r->len + tail);
    return NULL;
}

/* Writes n characters of pad, over and over; returns the end. */
static char *fill(char *o, const wr_str *pad, int64_t n) {
    const char *start = wr_str_data(pad), *end = end_of(pad), *p = start;
    for (; n > 0; n--) {
        if (p == end) p = start;
        const char *next = wri_next_char(p, end);
        o = mempcpy(o, p, (size_t)(next - p));
        p = next;
    }
    return o;
}

static const char *pad(wri_call *c, args_t a, bool left, wr_value *outp) {
    const wr_str *s = &a[0].str;
    wr_str blank = wr_str_make(" ", 1);
    const wr_str *with = c->e->n_args > 2 ? &a[2].str : &blank;
    const char *p = wr_str_data(s), *why;
    int64_t have = (int64_t)wri_chars(p, s->len), want = a[1].i64;
    if (want < 0) return "the length of a padded text must not be negative";
    if (want <= have) return ret_part(s, p, wri_skip_chars(p, end_of(s), want), outp);
    if (with->len == 0) return ret_part(s, p, end_of(s), outp);
    if (want > (int64_t)WRI_TEXT_MAX) return "text longer than 16 MiB";
    size_t whole = (size_t)(want - have) / wri_chars(wr_str_data(with), with->len);
    char *out = wri_room(c, s->len + (whole + 1) * with->len, &why), *o = out;
    if (!out) return why;
    if (left) o = fill(o, with, want - have);
    o = mempcpy(o, p, s->len);
    if (!left) o = fill(o, with, want - have);
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

const char *wri_fn_lpad(wri_call *c, args_t a, wr_value *outp) { return pad(c, a, true, outp); }
const char *wri_fn_rpad(wri_call *c, args_t a, wr_value *outp) { return pad(c, a, false, outp); }

const char *wri_fn_repeat(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    int64_t n = a[1].i64 < 0 || s->len == 0 ? 0 : a[1].i64;
    const char *why;
    if (n > (int64_t)WRI_TEXT_MAX) return "text longer than 16 MiB";
    char *out = wri_room(c, s->len * (size_t)n, &why), *o = out;
    if (!out) return why;
    for (; n > 0; n--) o = mempcpy(o, wr_str_data(s), s->len);
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

const char *wri_fn_reverse(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *end = end_of(s), *why;
    char *out = wri_room(c, s->len, &why);
    if (!out) return why;
    char *o = out + s->len;
    while (p < end) {
        const char *next = wri_next_char(p, end);
        o -= next - p;
        memcpy(o, p, (size_t)(next - p));
        p = next;
    }
    outp->str = wr_str_make(out, s->len);
    return NULL;
}

/* The part number `index` (from 0) of s cut at each delimiter; NULL when there is none. */
const char *wri_fn_split_index(wri_call *c, args_t a, wr_value *outp) {
    (void)c;
    const wr_str *s = &a[0].str, *sep = &a[1].str;
    int64_t left = a[2].i64;
    const char *p = wr_str_data(s), *at;
    if (left < 0 || sep->len == 0) return wri_ret_null(outp);
    for (; left > 0; left--) {
        at = find(s, p, sep);
        if (!at) return wri_ret_null(outp);
        p = at + sep->len;
    }
    at = find(s, p, sep);
    return ret_part(s, p, at ? at : end_of(s), outp);
}

const char *wri_fn_concat(wri_call *c, args_t a, wr_value *outp) { return wri_concat_scalar(c, a, outp); }

/* NULL arguments are left out; a NULL separator makes NULL. */
const char *wri_fn_concat_ws(wri_call *c, args_t a, wr_value *outp) {
    if (a[0].null) return wri_ret_null(outp);
    size_t n = 0, k = 0;
    const char *why;
    for (uint32_t i = 1; i < c->e->n_args; i++)
        if (!a[i].null) n += a[i].str.len + (k++ ? a[0].str.len : 0);
    char *out = wri_room(c, n, &why), *o = out;
    if (!out) return why;
    k = 0;
    for (uint32_t i = 1; i < c->e->n_args; i++) {
        if (a[i].null) continue;
        if (k++) o = mempcpy(o, wr_str_data(&a[0].str), a[0].str.len);
        o = mempcpy(o, wr_str_data(&a[i].str), a[i].str.len);
    }
    outp->str = wr_str_make(out, n);
    return NULL;
}

/* Each character of s that stands in `from` becomes the one at the same place in `to`, or vanishes. */
const char *wri_fn_translate(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str, *from = &a[1].str, *to = &a[2].str;
    const char *why, *p = wr_str_data(s), *end = end_of(s);
    if ((uint64_t)s->len * from->len > WRI_PRODUCT_MAX)
        return "the characters to translate are too many for this text";
    char *out = wri_room(c, (size_t)s->len * 4 + 4, &why),
         *o = out; /* a stray byte may become a long character */
    if (!out) return why;
    while (p < end) {
        const char *next = wri_next_char(p, end), *q = wr_str_data(from), *with = wr_str_data(to);
        bool hit = false;
        while (q < end_of(from) && !hit) {
            const char *q_next = wri_next_char(q, end_of(from));
            hit = q_next - q == next - p && memcmp(q, p, (size_t)(next - p)) == 0;
            q = q_next;
            if (!hit && with < end_of(to)) with = wri_next_char(with, end_of(to));
        }
        const char *with_end = with < end_of(to) ? wri_next_char(with, end_of(to)) : with;
        if (hit && with_end - with > 4) return "a character of more than 4 bytes";
        o = hit ? mempcpy(o, with, (size_t)(with_end - with)) : mempcpy(o, p, (size_t)(next - p));
        p = next;
    }
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}
