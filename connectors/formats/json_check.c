/* connectors/formats/json_check.c -- is a text one JSON value (RFC 8259)? For JSON columns of formats that
 * carry JSON as plain text, so that what is passed on is always JSON. Pure function; any thread.
 *
 * No recursion: what encloses the place is a stack of bits (1: object), DEPTH_MAX deep; deeper is refused. */
#include "connectors/formats/convert.h"

#define DEPTH_MAX 512

typedef struct cursor {
    const char *p, *end;
} cursor;

static void blanks(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')) c->p++;
}

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/* Behind the opening quote. */
static bool string(cursor *c) {
    while (c->p < c->end) {
        char ch = *c->p++;
        if (ch == '"') return true;
        if ((unsigned char)ch < 0x20) return false;
        if (ch != '\\') continue;
        if (c->p == c->end) return false;
        ch = *c->p++;
        if (ch == 'u') {
            for (int i = 0; i < 4; i++)
                if (c->p == c->end || !is_hex(*c->p++)) return false;
        } else if (!memchr("\"\\/bfnrt", ch, 8)) return false;
    }
    return false;
}

static bool digits(cursor *c) {
    const char *first = c->p;
    while (c->p < c->end && (unsigned char)(*c->p - '0') < 10) c->p++;
    return c->p > first;
}

static bool number(cursor *c) {
    if (*c->p == '-') c->p++;
    const char *first = c->p;
    if (!digits(c)) return false;
    if (*first == '0' && c->p - first > 1) return false;
    if (c->p < c->end && *c->p == '.') {
        c->p++;
        if (!digits(c)) return false;
    }
    if (c->p < c->end && (*c->p | 0x20) == 'e') {
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-')) c->p++;
        if (!digits(c)) return false;
    }
    return true;
}

static bool word(cursor *c, const char *w, size_t n) {
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, w, n) != 0) return false;
    c->p += n;
    return true;
}

static bool scalar(cursor *c) {
    switch (*c->p) {
    case '"':
        c->p++;
        return string(c);
    case 't':
        return word(c, "true", 4);
    case 'f':
        return word(c, "false", 5);
    case 'n':
        return word(c, "null", 4);
    default:
        return number(c);
    }
}

/* "key": of an object, blanks around included. */
static bool key(cursor *c) {
    blanks(c);
    if (c->p == c->end || *c->p++ != '"' || !string(c)) return false;
    blanks(c);
    return c->p < c->end && *c->p++ == ':';
}

bool wri_json_valid(const char *p, size_t n) {
    cursor c = {p, p + n};
    uint64_t objects[DEPTH_MAX / 64] = {0};
    uint32_t depth = 0;
    for (;;) { /* at the start of a value */
        blanks(&c);
        if (c.p == c.end) return false;
        if (*c.p == '{' || *c.p == '[') {
            bool object = *c.p++ == '{';
            if (depth == DEPTH_MAX) return false;
            uint64_t bit = UINT64_C(1) << depth % 64;
            objects[depth / 64] = object ? objects[depth / 64] | bit : objects[depth / 64] & ~bit;
            depth++;
            blanks(&c);
            bool empty = c.p < c.end && *c.p == (object ? '}' : ']');
            if (!empty) {
                if (object && !key(&c)) return false;
                continue;
            }
        } else if (!scalar(&c)) return false;
        for (;;) { /* behind a value */
            blanks(&c);
            if (depth == 0) return c.p == c.end && wr_utf8_valid(p, n);
            bool object = objects[(depth - 1) / 64] >> (depth - 1) % 64 & 1;
            if (c.p == c.end) return false;
            char ch = *c.p++;
            if (ch == ',') {
                if (object && !key(&c)) return false;
                break;
            }
            if (ch != (object ? '}' : ']')) return false;
            depth--;
        }
    }
}
