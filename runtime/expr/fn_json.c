/* runtime/expr/fn_json.c -- looking into JSON text by path: $.name."quoted name"['name'][0], with "lax " or
 * "strict " before it allowed; strict makes an error of what is not there, where errors are asked for.
 *
 * The text is checked as a whole first (RFC 8259), then walked without checks. Of equal names the first
 * counts. */
#include "expr_int.h"

#define DEPTH_MAX 500

typedef const wr_value *args_t;

/* ---- checking: each returns the place behind, or NULL ---- */

static const char *skip_blank(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
    return p;
}

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

static const char *check_string(const char *p, const char *end) { /* p behind the quote */
    for (; p < end; p++) {
        if (*p == '"') return p + 1;
        if ((unsigned char)*p < 0x20) return NULL;
        if (*p != '\\') continue;
        if (++p == end || !*p || !strchr("\"\\/bfnrtu", *p)) return NULL;
        if (*p != 'u') continue;
        for (int i = 0; i < 4; i++)
            if (++p >= end || !is_hex(*p)) return NULL;
    }
    return NULL;
}

static const char *check_digits(const char *p, const char *end) {
    const char *start = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p > start ? p : NULL;
}

static const char *check_number(const char *p, const char *end) {
    if (*p == '-') p++;
    const char *start = p;
    p = check_digits(p, end);
    if (!p || (*start == '0' && p > start + 1)) return NULL;
    if (p < end && *p == '.' && !(p = check_digits(p + 1, end))) return NULL;
    if (p < end && (*p | 32) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        p = check_digits(p, end);
    }
    return p;
}

static const char *check_word(const char *p, const char *end, const char *word) {
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *check_value(const char *p, const char *end, int depth);

/* The members of an object or array, p behind its bracket. */
static const char *check_members(const char *p, const char *end, char close, int depth) {
    p = skip_blank(p, end);
    if (p < end && *p == close) return p + 1;
    for (;;) {
        if (close == '}') {
            p = skip_blank(p, end);
            if (p == end || *p != '"' || !(p = check_string(p + 1, end))) return NULL;
            p = skip_blank(p, end);
            if (p == end || *p++ != ':') return NULL;
        }
        p = check_value(p, end, depth + 1);
        if (!p) return NULL;
        p = skip_blank(p, end);
        if (p == end || (*p != ',' && *p != close)) return NULL;
        if (*p++ == close) return p;
    }
}

static const char *check_value(const char *p, const char *end, int depth) {
    p = skip_blank(p, end);
    if (p == end || depth > DEPTH_MAX) return NULL;
    switch (*p) {
    case '{':
        return check_members(p + 1, end, '}', depth);
    case '[':
        return check_members(p + 1, end, ']', depth);
    case '"':
        return check_string(p + 1, end);
    case 't':
        return check_word(p, end, "true");
    case 'f':
        return check_word(p, end, "false");
    case 'n':
        return check_word(p, end, "null");
    default:
        return *p == '-' || (*p >= '0' && *p <= '9') ? check_number(p, end) : NULL;
    }
}

bool wri_is_json(const wr_str *s) {
    const char *p = wr_str_data(s), *end = p + s->len;
    p = check_value(p, end, 0);
    return p && skip_blank(p, end) == end;
}

/* ---- walking checked text ---- */

static const char *after_string(const char *p) { /* p at the quote */
    for (p++; *p != '"'; p++)
        if (*p == '\\') p++;
    return p + 1;
}

static const char *after_value(const char *p, const char *end) {
    int depth = 0;
    do {
        p = skip_blank(p, end);
        if (*p == '"') p = after_string(p);
        else if (*p == '{' || *p == '[') depth++, p++;
        else if (*p == '}' || *p == ']') depth--, p++;
        else if (*p == ',' || *p == ':') p++;
        else
            while (p < end && !strchr(",]} \t\n\r", *p)) p++;
    } while (depth > 0);
    return p;
}

static uint32_t hex4(const char *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    return v;
}

static char *put_utf8(char *o, uint32_t u) {
    if (u < 0x80) *o++ = (char)u;
    else if (u < 0x800) {
        *o++ = (char)(0xC0 | u >> 6);
        *o++ = (char)(0x80 | (u & 63));
    } else {
        if (u >= 0x10000) {
            *o++ = (char)(0xF0 | u >> 18);
            *o++ = (char)(0x80 | (u >> 12 & 63));
        } else *o++ = (char)(0xE0 | u >> 12);
        *o++ = (char)(0x80 | (u >> 6 & 63));
        *o++ = (char)(0x80 | (u & 63));
    }
    return o;
}

/* The string at [p, end), quotes included, without escapes into out (never longer); returns the end. A lone
 * surrogate becomes U+FFFD. */
static char *unescape(const char *p, const char *end, char *o) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    for (p++, end--; p < end; p++) {
        if (*p != '\\') {
            *o++ = *p;
            continue;
        }
        const char *at = strchr(from, *++p);
        if (at) *o++ = to[at - from];
        else if (*p != 'u') *o++ = *p;
        else {
            uint32_t u = hex4(p + 1);
            p += 4;
            if (u >= 0xD800 && u < 0xDC00 && end - p > 6 && p[1] == '\\' && p[2] == 'u' &&
                hex4(p + 3) >= 0xDC00 && hex4(p + 3) < 0xE000) {
                u = 0x10000 + ((u - 0xD800) << 10) + (hex4(p + 3) - 0xDC00);
                p += 6;
            }
            o = put_utf8(o, u >= 0xD800 && u < 0xE000 ? 0xFFFD : u);
        }
    }
    return o;
}

static bool key_is(wri_call *c, const char *key, const char *key_end, const char *name, size_t n) {
    size_t len = (size_t)(key_end - key) - 2;
    if (!memchr(key, '\\', len + 1)) return len == n && memcmp(key + 1, name, n) == 0;
    char *tmp = wr_arena_alloc(c->ar, len + 1);
    if (!tmp) {
        c->oom = true;
        return false;
    }
    size_t got = (size_t)(unescape(key, key_end, tmp) - tmp);
    return got == n && memcmp(tmp, name, n) == 0;
}

static const char *member(wri_call *c, const char *p, const char *end, const char *name, size_t n) {
    if (*p != '{') return NULL;
    p = skip_blank(p + 1, end);
    while (*p != '}') {
        const char *key = p;
        p = after_string(p);
        bool hit = key_is(c, key, p, name, n);
        p = skip_blank(skip_blank(p, end) + 1, end);
        if (hit) return p;
        p = skip_blank(after_value(p, end), end);
        if (*p == ',') p = skip_blank(p + 1, end);
    }
    return NULL;
}

static const char *element(const char *p, const char *end, int64_t index, bool strict) {
    if (*p != '[') return index == 0 && !strict ? p : NULL; /* lax: a scalar is an array of one */
    p = skip_blank(p + 1, end);
    while (*p != ']') {
        if (index-- == 0) return p;
        p = skip_blank(after_value(p, end), end);
        if (*p == ',') p = skip_blank(p + 1, end);
    }
    return NULL;
}

/* ---- paths ---- */

typedef struct step {
    const char *name; /* NULL: an index */
    size_t n;
    int64_t index;
} step;

static const char *quoted(const char *p, const char *end, step *s) { /* p at the quote */
    char q = *p++;
    s->name = p;
    while (p < end && *p != q) p++;
    s->n = (size_t)(p - s->name);
    return p < end ? p + 1 : NULL;
}

/* Reads one step; NULL: the path is wrong. */
static const char *next_step(const char *p, const char *end, step *s) {
    *s = (step){0};
    if (*p == '.') {
        if (++p < end && *p == '"') return quoted(p, end, s);
        s->name = p;
        while (p < end && *p != '.' && *p != '[') p++;
        s->n = (size_t)(p - s->name);
        return s->n ? p : NULL;
    }
    if (*p++ != '[' || p == end) return NULL;
    if (*p == '\'' || *p == '"') p = quoted(p, end, s);
    else {
        const char *start = p;
        for (; p < end && *p >= '0' && *p <= '9' && p - start < 10; p++)
            s->index = s->index * 10 + (*p - '0');
        if (p == start) return NULL;
    }
    return p && p < end && *p == ']' ? p + 1 : NULL;
}

typedef struct found {
    const char *p, *end; /* p NULL: nothing there */
    bool malformed, strict;
} found;

/* The steps of a path: NULL and *pp behind its $, or why it is none. */
static const char *path_steps(wri_call *c, const wr_str *path, const char **pp, bool *strictp) {
    const char *p = wr_str_data(path), *end = p + path->len;
    *strictp = end - p > 7 && memcmp(p, "strict ", 7) == 0;
    if (*strictp) p += 7;
    else if (end - p > 4 && memcmp(p, "lax ", 4) == 0) p += 4;
    *pp = p + 1;
    return p < end && *p == '$' ? NULL : wri_bad_text(c, path, "JSON path; expected $.name");
}

static const char *const bad_step = "JSON path; expected $.name or $.list[0]";

const char *wri_check_json_path(wri_call *c, const wr_str *path) {
    const char *p, *end = wr_str_data(path) + path->len, *why;
    bool strict;
    step st;
    why = path_steps(c, path, &p, &strict);
    while (!why && p < end)
        if (!(p = next_step(p, end, &st))) return wri_bad_text(c, path, bad_step);
    return why;
}

/* Walks the path (argument `at`; none: the whole text). Returns why the row fails. */
static const char *walk(wri_call *c, args_t a, uint32_t at, found *f) {
    const wr_str *s = &a[0].str;
    const char *p, *end = wr_str_data(s) + s->len, *path, *path_end;
    *f = (found){.malformed = !wri_is_json(s)};
    p = f->malformed ? NULL : skip_blank(wr_str_data(s), end);
    if (c->e->n_args > at) {
        const char *why = path_steps(c, &a[at].str, &path, &f->strict);
        if (why) return why;
        path_end = wr_str_data(&a[at].str) + a[at].str.len;
        while (path < path_end) {
            step st;
            path = next_step(path, path_end, &st);
            if (!path) return wri_bad_text(c, &a[at].str, bad_step);
            if (p) p = st.name ? member(c, p, end, st.name, st.n) : element(p, end, st.index, f->strict);
        }
    }
    if (c->oom) return "out of memory";
    f->p = p;
    if (p) f->end = after_value(p, end);
    return NULL;
}

/* ---- functions ---- */

static const char *ret_span(const wr_str *s, const found *f, wr_value *outp) {
    outp->str =
        f->p == wr_str_data(s) && f->end == f->p + s->len ? *s : wr_str_make(f->p, (size_t)(f->end - f->p));
    return NULL;
}

static const char *ret_scalar(wri_call *c, const wr_str *s, const found *f, wr_value *outp) {
    if (*f->p == 'n') return wri_ret_null(outp);
    if (*f->p != '"') return ret_span(s, f, outp);
    found inner = {.p = f->p + 1, .end = f->end - 1};
    if (!memchr(inner.p, '\\', (size_t)(inner.end - inner.p))) return ret_span(s, &inner, outp);
    const char *why;
    char *out = wri_room(c, (size_t)(f->end - f->p), &why);
    if (!out) return why;
    outp->str = wr_str_make(out, (size_t)(unescape(f->p, f->end, out) - out));
    return NULL;
}

const char *wri_fn_json_value(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    if (why) return why;
    if (!f.p || *f.p == '{' || *f.p == '[') return wri_ret_null(outp);
    return ret_scalar(c, &a[0].str, &f, outp);
}

static bool is_container(const found *f) { return *f->p == '{' || *f->p == '['; }

/* (json, path [, 'A': in brackets, 'C': unless it is an object or array]) */
const char *wri_fn_json_query(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    bool wraps = c->e->n_args > 2, always = wraps && a[2].str.len && wr_str_data(&a[2].str)[0] == 'A';
    if (why) return why;
    if (!f.p || (!wraps && !is_container(&f))) return wri_ret_null(outp);
    if (!wraps || (!always && is_container(&f))) return ret_span(&a[0].str, &f, outp);
    size_t n = (size_t)(f.end - f.p);
    char *out = wri_room(c, n + 2, &why);
    if (!out) return why;
    out[0] = '[';
    memcpy(out + 1, f.p, n);
    out[n + 1] = ']';
    outp->str = wr_str_make(out, n + 2);
    return NULL;
}

/* What a path finds: 0 what was asked for, 1 nothing, 2 an error. The third argument begins with V for a
 * scalar, Q for an object or array, E for anything; e and r in it make 1 and 2 fail the row. */
const char *wri_fn_json_found(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const wr_str *what = &a[2].str;
    const char *why = walk(c, a, 1, &f);
    char kind = what->len ? wr_str_data(what)[0] : 'E';
    if (why) return why;
    bool empty = !f.malformed && !f.p && !f.strict;
    if (empty) {
        if (!memchr(wr_str_data(what), 'e', what->len)) return wri_ret_i64(outp, 1);
        return wri_bad_text(c, &a[1].str, "path to anything in this JSON");
    }
    bool error =
        f.malformed || !f.p || (kind == 'V' && is_container(&f)) || (kind == 'Q' && !is_container(&f));
    if (!error || !memchr(wr_str_data(what), 'r', what->len)) return wri_ret_i64(outp, error ? 2 : 0);
    if (f.malformed) return wri_bad_text(c, &a[0].str, "JSON");
    return wri_bad_text(c, &a[1].str,
                        !f.p          ? "path to anything in this JSON"
                        : kind == 'V' ? "path to a scalar in this JSON"
                                      : "path to an object or array in this JSON");
}

const char *wri_fn_json_extract(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    if (why) return why;
    if (f.malformed) return wri_bad_text(c, &a[0].str, "JSON");
    return f.p ? ret_scalar(c, &a[0].str, &f, outp) : wri_ret_null(outp);
}

static int64_t array_length(const char *p, const char *end) {
    int64_t n = 0;
    p = skip_blank(p + 1, end);
    for (; *p != ']'; n++) {
        p = skip_blank(after_value(p, end), end);
        if (*p == ',') p = skip_blank(p + 1, end);
    }
    return n;
}

/* What j -> key finds: key is a name, a number of an element (below 0: from the end), or a path. */
static const char *arrow(wri_call *c, args_t a, found *f) {
    bool index = wr_type_phys(c->e->args[1]->type) == WR_I64;
    if (!index && a[1].str.len && wr_str_data(&a[1].str)[0] == '$') {
        const char *why = walk(c, a, 1, f);
        return !why && f->malformed ? wri_bad_text(c, &a[0].str, "JSON") : why;
    }
    const char *p = wr_str_data(&a[0].str), *end = p + a[0].str.len;
    *f = (found){.malformed = !wri_is_json(&a[0].str)};
    if (f->malformed) return wri_bad_text(c, &a[0].str, "JSON");
    p = skip_blank(p, end);
    if (!index) f->p = member(c, p, end, wr_str_data(&a[1].str), a[1].str.len);
    else if (*p == '[')
        f->p = element(p, end, a[1].i64 < 0 ? a[1].i64 + array_length(p, end) : a[1].i64, true);
    if (c->oom) return "out of memory";
    if (f->p) f->end = after_value(f->p, end);
    return NULL;
}

const char *wri_fn_json_arrow(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = arrow(c, a, &f);
    if (why) return why;
    return f.p ? ret_span(&a[0].str, &f, outp) : wri_ret_null(outp);
}

const char *wri_fn_json_arrow_text(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = arrow(c, a, &f);
    if (why) return why;
    return f.p ? ret_scalar(c, &a[0].str, &f, outp) : wri_ret_null(outp);
}

const char *wri_fn_json_exists(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    return why ? why : wri_ret_i64(outp, f.p != NULL);
}

/* (text [, 'VALUE', 'SCALAR', 'ARRAY' or 'OBJECT']) */
const char *wri_fn_json_valid(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    if (!wri_is_json(s)) return wri_ret_i64(outp, 0);
    char first = *skip_blank(wr_str_data(s), wr_str_data(s) + s->len);
    char kind = c->e->n_args > 1 && a[1].str.len ? (char)(wr_str_data(&a[1].str)[0] & ~32) : 'V';
    bool container = first == '{' || first == '[';
    return wri_ret_i64(outp, kind == 'S'   ? !container
                             : kind == 'A' ? first == '['
                             : kind == 'O' ? first == '{'
                                           : true);
}

const char *wri_fn_json_type(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    if (why) return why;
    if (!f.p) return wri_ret_null(outp);
    const char *t = "integer";
    switch (*f.p) {
    case '{':
        t = "object";
        break;
    case '[':
        t = "array";
        break;
    case '"':
        t = "text";
        break;
    case 't':
        t = "true";
        break;
    case 'f':
        t = "false";
        break;
    case 'n':
        t = "null";
        break;
    default:
        for (const char *p = f.p; p < f.end; p++)
            if (*p == '.' || (*p | 32) == 'e') t = "real";
        break;
    }
    return wri_ret_copy(c, t, strlen(t), outp);
}

const char *wri_fn_json_array_length(wri_call *c, args_t a, wr_value *outp) {
    found f;
    const char *why = walk(c, a, 1, &f);
    if (why) return why;
    if (f.malformed) return wri_bad_text(c, &a[0].str, "JSON");
    if (!f.p) return wri_ret_null(outp);
    return wri_ret_i64(outp, *f.p == '[' ? array_length(f.p, f.end) : 0);
}
