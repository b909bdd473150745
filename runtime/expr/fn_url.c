/* runtime/expr/fn_url.c -- URLs: parts of them, and texts within them. */
#include "expr_int.h"

typedef const wr_value *args_t;

/* ---- percent-encoding, as forms have it: a blank is '+' ---- */

static bool stays(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr(".-*_", c));
}

const char *wri_fn_url_encode(wri_call *c, args_t a, wr_value *outp) {
    static const char digits[] = "0123456789ABCDEF";
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *end = p + s->len, *why;
    size_t n = 0;
    for (const char *q = p; q < end; q++) n += stays(*q) || *q == ' ' ? 1 : 3;
    char *out = wri_room(c, n, &why), *o = out;
    if (!out) return why;
    for (; p < end; p++) {
        if (stays(*p) || *p == ' ') *o++ = *p == ' ' ? '+' : *p;
        else {
            *o++ = '%';
            *o++ = digits[(unsigned char)*p >> 4];
            *o++ = digits[*p & 15];
        }
    }
    outp->str = wr_str_make(out, n);
    return NULL;
}

static int hex_digit(char ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch |= 32;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

const char *wri_fn_url_decode(wri_call *c, args_t a, wr_value *outp) {
    const wr_str *s = &a[0].str;
    const char *p = wr_str_data(s), *end = p + s->len, *why;
    if (!memchr(p, '%', s->len) && !memchr(p, '+', s->len)) {
        outp->str = *s;
        return NULL;
    }
    char *out = wri_room(c, s->len, &why), *o = out;
    if (!out) return why;
    for (; p < end; p++) {
        if (*p != '%') {
            *o++ = *p == '+' ? ' ' : *p;
            continue;
        }
        int hi = end - p > 2 ? hex_digit(p[1]) : -1, lo = hi >= 0 ? hex_digit(p[2]) : -1;
        if (lo < 0)
            return wri_bad_text(c, s, "text encoded for a URL; expected two hexadecimal digits after %");
        *o++ = (char)(hi << 4 | lo);
        p += 2;
    }
    if (!wr_utf8_valid(out, (size_t)(o - out)))
        return wri_bad_text(c, s, "text encoded for a URL: it is not UTF-8");
    outp->str = wr_str_make(out, (size_t)(o - out));
    return NULL;
}

/* ---- parts ---- */

typedef struct span {
    const char *p, *end; /* p NULL: there is none */
} span;

typedef struct url { /* scheme://user@host:port/path?query#ref */
    span scheme, authority, user, host, port, path, query, ref;
} url;

static span cut_at(span *s, char c) { /* what follows the first c, which s then ends before */
    const char *at = s->p ? memchr(s->p, c, (size_t)(s->end - s->p)) : NULL;
    span rest = {at ? at + 1 : NULL, s->end};
    if (at) s->end = at;
    return rest;
}

static bool is_scheme(span s) {
    if (s.p == s.end || (*s.p | 32) < 'a' || (*s.p | 32) > 'z') return false;
    for (const char *p = s.p; p < s.end; p++)
        if (!(((*p | 32) >= 'a' && (*p | 32) <= 'z') || (*p >= '0' && *p <= '9') || strchr("+-.", *p)))
            return false;
    return true;
}

static void split_authority(url *u) {
    span all = u->authority, before = all;
    u->host = cut_at(&before, '@');
    if (u->host.p) u->user = before;
    else u->host = all;
    const char *bracket = u->host.p < u->host.end && *u->host.p == '['
                              ? memchr(u->host.p, ']', (size_t)(u->host.end - u->host.p))
                              : NULL; /* [2001:db8::1]:80 */
    span tail = {bracket ? bracket : u->host.p, u->host.end};
    u->port = cut_at(&tail, ':');
    if (u->port.p) u->host.end = u->port.p - 1;
}

static bool split_url(const wr_str *s, url *u) {
    const char *p = wr_str_data(s);
    *u = (url){.scheme = {p, p + s->len}};
    span rest = cut_at(&u->scheme, ':');
    if (!rest.p || !is_scheme(u->scheme)) return false;
    u->ref = cut_at(&rest, '#');
    u->query = cut_at(&rest, '?');
    u->path = rest;
    if (rest.end - rest.p < 2 || rest.p[0] != '/' || rest.p[1] != '/') return true;
    u->authority = (span){rest.p + 2, rest.end};
    const char *slash = memchr(rest.p + 2, '/', (size_t)(rest.end - rest.p) - 2);
    if (slash) u->authority.end = slash;
    u->path.p = u->authority.end;
    split_authority(u);
    return true;
}

/* The value of a key of the query, as it stands there. */
static span query_value(span query, const wr_str *key) {
    while (query.p) {
        span next = cut_at(&query, '&'), value = cut_at(&query, '=');
        if (value.p && (size_t)(query.end - query.p) == key->len &&
            memcmp(query.p, wr_str_data(key), key->len) == 0)
            return value;
        query = next;
    }
    return query;
}

enum { P_PROTOCOL, P_AUTHORITY, P_USERINFO, P_HOST, P_PORT, P_PATH, P_QUERY, P_FILE, P_REF, N_PARTS };

static int part_of(const wr_str *name) {
    static const char *const names[] = {"PROTOCOL", "AUTHORITY", "USERINFO", "HOST", "PORT",
                                        "PATH",     "QUERY",     "FILE",     "REF"};
    for (int i = 0; i < N_PARTS; i++)
        if (strlen(names[i]) == name->len && strncasecmp(names[i], wr_str_data(name), name->len) == 0)
            return i;
    return -1;
}

const char *wri_check_url_part(wri_call *c, const wr_str *name) {
    if (part_of(name) >= 0) return NULL;
    return wri_bad_text(c, name,
                        "part of a URL; expected PROTOCOL, AUTHORITY, USERINFO, HOST, PORT, PATH, QUERY, "
                        "FILE or REF");
}

static span find_part(const url *u, int part) {
    const span parts[] = {u->scheme, u->authority, u->user, u->host, u->port,
                          u->path,   u->query,     u->path, u->ref};
    span s = parts[part];
    if (part == P_FILE && u->query.p) s.end = u->query.end; /* the path with its query */
    return s;
}

/* (url, part [, key of the query]): NULL when there is none, or the text is no URL. */
const char *wri_fn_parse_url(wri_call *c, args_t a, wr_value *outp) {
    url u;
    const char *why = wri_check_url_part(c, &a[1].str);
    int part = part_of(&a[1].str);
    if (why) return why;
    if (c->e->n_args > 2 && part != P_QUERY) return wri_ret_null(outp);
    span s = split_url(&a[0].str, &u) ? find_part(&u, part) : (span){0};
    if (c->e->n_args > 2) s = query_value(s, &a[2].str);
    if (!s.p || (s.p == s.end && part < P_PATH)) return wri_ret_null(outp);
    outp->str = wr_str_make(s.p, (size_t)(s.end - s.p));
    return NULL;
}
