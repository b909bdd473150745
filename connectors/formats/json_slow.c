/* connectors/formats/json_slow.c -- the validating parser: any JSON, any order, and every reason.
 *
 * It works on one line. A line holds records (objects) one behind the other, with or without space between,
 * or arrays of records; it may be empty. RFC 8259 in full: escapes with their surrogate pairs, numbers, UTF-8
 * and control bytes in every string, also in members that no column wants; nesting to WRI_JSON_DEPTH_MAX. Of
 * members with the same name the last one counts, with all that is in it.
 *
 * Two kinds of bad records. Broken: this is no JSON, or no record; where the next record begins is not known,
 * so the rest of the line goes with it. Misfit: JSON, but a value does not fit its column (or a NOT NULL
 * column has none); only this record is dropped. A broken record is reported as such even behind a misfit.
 *
 * Functions take p at the first byte of what they read and return the byte behind it, or NULL: broken, the
 * reason is in x->why. */
#include <inttypes.h>
#include <stdio.h>

#include "connectors/formats/json_int.h"
#include "connectors/formats/json_text_int.h"

static const char *read_value(wri_json_parse *x, const wri_json_node *node, const char *p);

/* `at` is where reading stopped. */
static WR_PRINTF(3, 4) const char *broken(wri_json_parse *x, const char *at, const char *fmt, ...) {
    if (!x->why) return NULL;
    int n = snprintf(x->why, WRI_JSON_WHY, "byte %zu: ", (size_t)(at - x->doc));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->why + n, WRI_JSON_WHY - (size_t)n, fmt, ap);
    va_end(ap);
    return NULL;
}

/* "expected <what>, found 'x'". */
static const char *unexpected(wri_json_parse *x, const char *at, const char *what) {
    if (at >= x->end) return broken(x, x->end, "the record ends where %s is expected", what);
    unsigned char c = (unsigned char)*at;
    if (c >= 0x20 && c < 0x7f) return broken(x, at, "expected %s, found '%c'", what, c);
    return broken(x, at, "expected %s, found byte 0x%02x", what, c);
}

static inline const char *space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) p++;
    return p;
}

/* ---- scalars ---- */

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static bool hex4(const char *p, const char *end, uint32_t *outp) {
    uint32_t v = 0;
    if (end - p < 4) return false;
    for (int i = 0; i < 4; i++) {
        if (!is_hex(p[i])) return false;
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    }
    *outp = v;
    return true;
}

/* p at a backslash. */
static const char *escape(wri_json_parse *x, const char *p) {
    if (x->end - p < 2) return broken(x, x->end, "the record ends inside a string");
    if (p[1] != 'u') {
        if (p[1] != 0 && strchr("\"\\/bfnrt", p[1])) return p + 2;
        return unexpected(x, p + 1, "one of \" \\ / b f n r t u behind a backslash");
    }
    uint32_t u, low;
    if (!hex4(p + 2, x->end, &u)) return broken(x, p, "\\u needs four hexadecimal digits");
    if (u < 0xd800 || u > 0xdfff) return p + 6;
    if (u < 0xdc00 && x->end - p >= 12 && p[6] == '\\' && p[7] == 'u' && hex4(p + 8, x->end, &low) &&
        low >= 0xdc00 && low <= 0xdfff)
        return p + 12;
    return broken(x, p, "half of a surrogate pair");
}

static inline uint64_t load8(const char *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Nonzero when one of eight bytes is a quote, a backslash, below 0x20 or above 0x7f. The lowest flag is
 * exact. */
static inline uint64_t special8(uint64_t w) {
    uint64_t quote = w ^ EACH('"'), back = w ^ EACH('\\');
    uint64_t m = ((quote - EACH(1)) & ~quote) | ((back - EACH(1)) & ~back) | (w - EACH(0x20)) | w;
    return m & EACH(0x80);
}

static const char *read_string(wri_json_parse *x, const char *p, wri_json_value *v) {
    v->class = WRI_JSON_STRING;
    v->escaped = false;
    v->p = ++p;
    for (;;) {
        uint64_t m;
        while (x->end - p >= 8 && (m = special8(load8(p))) == 0) p += 8;
        if (p >= x->end) return broken(x, x->end, "the record ends inside a string");
        unsigned char c = (unsigned char)*p;
        if (c == '"') break;
        if (c == '\\') {
            v->escaped = true;
            if (!(p = escape(x, p))) return NULL;
        } else if (c < 0x20) return broken(x, p, "control byte 0x%02x in a string; write \\u%04x", c, c);
        else if (c < 0x80) p++;
        else {
            const char *next = wri_json_char(p, x->end);
            if (!next) return broken(x, p, "byte 0x%02x is no UTF-8", c);
            p = next;
        }
    }
    v->n = (size_t)(p - v->p);
    return p + 1;
}

static inline bool digit(const char *p, const char *end) { return p < end && (unsigned char)(*p - '0') < 10; }

static const char *read_number(wri_json_parse *x, const char *p, wri_json_value *v) {
    v->class = WRI_JSON_NUMBER;
    v->p = p;
    if (*p == '-') p++;
    if (!digit(p, x->end)) return unexpected(x, p, "a digit");
    if (*p == '0' && digit(p + 1, x->end)) return broken(x, p, "a number does not begin with 0");
    while (digit(p, x->end)) p++;
    if (p < x->end && *p == '.') {
        if (!digit(++p, x->end)) return unexpected(x, p, "a digit");
        while (digit(p, x->end)) p++;
    }
    if (p < x->end && (*p | 0x20) == 'e') {
        p++;
        if (p < x->end && (*p == '+' || *p == '-')) p++;
        if (!digit(p, x->end)) return unexpected(x, p, "a digit");
        while (digit(p, x->end)) p++;
    }
    v->n = (size_t)(p - v->p);
    return p;
}

static const char *read_word(wri_json_parse *x, const char *p, wri_json_value *v) {
    static const struct {
        const char *word;
        size_t n;
        wri_json_class class;
    } words[] = {{"true", 4, WRI_JSON_TRUE}, {"false", 5, WRI_JSON_FALSE}, {"null", 4, WRI_JSON_NULL}};
    for (size_t i = 0; i < WR_LEN(words); i++)
        if ((size_t)(x->end - p) >= words[i].n && memcmp(p, words[i].word, words[i].n) == 0) {
            *v = (wri_json_value){.class = words[i].class, .p = p, .n = words[i].n};
            return p + words[i].n;
        }
    return unexpected(x, p, "a value");
}

static const char *read_scalar(wri_json_parse *x, const char *p, wri_json_value *v) {
    if (p >= x->end) return unexpected(x, p, "a value");
    if (*p == '"') return read_string(x, p, v);
    if (*p == '-' || digit(p, x->end)) return read_number(x, p, v);
    return read_word(x, p, v);
}

/* ---- objects and arrays ---- */

static bool deeper(wri_json_parse *x, const char *p) {
    if (++x->depth <= WRI_JSON_DEPTH_MAX) return true;
    broken(x, p, "more than %d nested objects and arrays", WRI_JSON_DEPTH_MAX);
    return false;
}

/* "key" : and the space around; the key, without escapes, in *keyp. */
static const char *read_key(wri_json_parse *x, const char *p, wri_json_value *key) {
    p = space(p, x->end);
    if (p >= x->end || *p != '"') return unexpected(x, p, "a member name in double quotes");
    p = read_string(x, p, key);
    if (!p) return NULL;
    p = space(p, x->end);
    if (p >= x->end || *p != ':') return unexpected(x, p, "':'");
    return space(p + 1, x->end);
}

/* Checks an object or array that nobody wants, without recursion. */
static const char *skip_nested(wri_json_parse *x, const char *p) {
    uint64_t objects[WRI_JSON_DEPTH_MAX / 64 + 1] = {0}; /* bit i: level i is an object */
    uint32_t base = x->depth, level = 0;
    wri_json_value v;
    for (;;) {
        /* p is at the first byte of a value. */
        bool opened = p < x->end && (*p == '{' || *p == '[');
        if (opened) {
            if (!deeper(x, p)) return NULL;
            level = x->depth - base;
            uint64_t bit = UINT64_C(1) << (level & 63), *word = &objects[level >> 6];
            *word = *p == '{' ? *word | bit : *word & ~bit;
            p = space(p + 1, x->end);
        } else if (!(p = read_scalar(x, p, &v))) return NULL;
        else p = space(p, x->end);
        /* Close what ends here, then step to the next value. */
        for (;; opened = false, p = space(p, x->end)) {
            bool object = objects[level >> 6] >> (level & 63) & 1;
            if (p >= x->end || *p != (object ? '}' : ']')) {
                if (!opened) {
                    if (p >= x->end || *p != ',')
                        return unexpected(x, p, object ? "',' or '}'" : "',' or ']'");
                    p++;
                }
                p = object ? read_key(x, p, &v) : space(p, x->end);
                if (!p) return NULL;
                break;
            }
            p++;
            x->depth--;
            if (--level == 0) return p;
        }
    }
}

static const wri_json_node *member(wri_json_parse *x, const wri_json_node *node, const wri_json_value *key) {
    char small[64], *name = small;
    if (!key->escaped) return wri_json_tree_member(node, key->p, key->n);
    if (key->n > sizeof small && !(name = wr_alloc(key->n))) {
        x->h->oom = true;
        return NULL;
    }
    size_t n = wri_json_unescape(key->p, key->n, name);
    const wri_json_node *found = wri_json_tree_member(node, name, n);
    if (name != small) wr_free(name);
    return found;
}

/* Of members with one name the last counts: what an earlier one left under this node is gone. */
static void forget(wri_json_parse *x, const wri_json_node *node) {
    for (uint32_t i = 0; i < node->n_under; i++)
        x->h->seen[node->under[i] >> 6] &= ~(UINT64_C(1) << (node->under[i] & 63));
    if (node->holds_flat) x->flat = NULL;
}

static const char *read_object(wri_json_parse *x, const wri_json_node *node, const char *p) {
    if (!deeper(x, p)) return NULL;
    p = space(p + 1, x->end);
    if (p < x->end && *p == '}') goto end;
    for (;;) {
        wri_json_value key;
        p = read_key(x, p, &key);
        if (!p) return NULL;
        const wri_json_node *m = member(x, node, &key);
        if (m) forget(x, m);
        p = read_value(x, m, p);
        if (!p) return NULL;
        p = space(p, x->end);
        if (p < x->end && *p == '}') break;
        if (p >= x->end || *p != ',') return unexpected(x, p, "',' or '}'");
        p++;
    }
end:
    x->depth--;
    return p + 1;
}

static const char *read_array(wri_json_parse *x, const wri_json_node *node, const char *p) {
    const char *from = p;
    if (!deeper(x, p)) return NULL;
    p = space(p + 1, x->end);
    if (p < x->end && *p == ']') goto end;
    for (uint64_t i = 0;; i++) {
        const wri_json_node *item = node->items;
        while (item && item->index != i) item = item->next;
        p = read_value(x, item, space(p, x->end));
        if (!p) return NULL;
        p = space(p, x->end);
        if (p < x->end && *p == ']') break;
        if (p >= x->end || *p != ',') return unexpected(x, p, "',' or ']'");
        p++;
    }
end:
    x->depth--;
    if (node == x->h->d->tree.flat) x->flat = from, x->flat_end = p + 1;
    return p + 1;
}

/* Stores what node wants of the value at p; node may be NULL. */
static const char *read_value(wri_json_parse *x, const wri_json_node *node, const char *p) {
    wri_json_value v = {.p = p};
    const char *end;
    if (p < x->end && *p == '{') {
        v.class = WRI_JSON_OBJECT;
        end = node && node->keys ? read_object(x, node, p) : skip_nested(x, p);
    } else if (p < x->end && *p == '[') {
        v.class = WRI_JSON_ARRAY;
        end = node && (node->items || node->each) ? read_array(x, node, p) : skip_nested(x, p);
    } else end = read_scalar(x, p, &v);
    if (!end || !node) return end;
    if (v.class >= WRI_JSON_OBJECT) v.n = (size_t)(end - p);
    for (uint32_t i = 0; i < node->n_cols; i++) wri_json_put(x, &x->h->d->cols[node->cols[i]], &v);
    return end;
}

bool wri_json_missing(wri_json_rows *h, wri_json_parse *x, const uint32_t *cols, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (wr_bit(h->seen, cols[i])) continue;
        const wri_json_col *c = &h->d->cols[cols[i]];
        if (c->type.not_null) {
            if (x) wri_json_misfit(x, "%.100s: missing, but the column is NOT NULL", c->name);
            return false;
        }
        wri_json_rows_null(h, cols[i]);
        wri_json_saw(h, cols[i]);
    }
    return !h->oom;
}

/* ---- records ---- */

/* Nothing has been stored in the current row. */
static void clean_row(wri_json_rows *h) {
    memset(h->seen, 0, h->d->n_words * sizeof *h->seen);
    wri_json_rows_forget(h, h->row);
}

/* The columns of the flattened array from its element at p; missing ones are NULL. */
static const char *read_element(wri_json_parse *x, const char *p) {
    const wri_json_node *each = x->h->d->tree.flat->each;
    forget(x, each);
    uint64_t *nulls;
    for (uint32_t i = 0; i < each->n_under; i++) /* of the element before, in the same row */
        if ((nulls = x->h->b->cols[each->under[i]].nulls))
            nulls[x->h->row >> 6] &= ~(UINT64_C(1) << (x->h->row & 63));
    return space(read_value(x, each, p), x->flat_end);
}

/* Does every element fit? *nump: elements if at least one has something that is wanted, else 0. */
static bool try_elements(wri_json_parse *x, uint64_t *nump) {
    const wri_json_node *each = x->h->d->tree.flat->each;
    bool match = false;
    uint64_t n = 0;
    *nump = 0;
    if (!x->flat) return true;
    const char *p = space(x->flat + 1, x->flat_end);
    for (; *p != ']'; n++) {
        p = read_element(x, p);
        for (uint32_t i = 0; i < each->n_under; i++) match |= wr_bit(x->h->seen, each->under[i]);
        if (!wri_json_missing(x->h, x, each->under, each->n_under)) return false;
        if (*p == ',') p = space(p + 1, x->flat_end);
    }
    *nump = match ? n : 0;
    return !x->misfit;
}

/* One row per element; everything has been found to fit. The columns outside are repeated, or read again
 * where a batch begins. */
static void commit_elements(wri_json_parse *x) {
    wri_json_rows *h = x->h;
    const wri_json_tree *t = &h->d->tree;
    const char *p = space(x->flat + 1, x->flat_end), *flat = x->flat, *flat_end = x->flat_end;
    for (uint64_t i = 0; *p != ']'; i++) {
        if (!wri_json_rows_room(h)) return;
        if (i > 0) {
            clean_row(h);
            if (h->row > 0) wri_json_rows_copy(h, t->flat->each);
            else {
                read_value(x, &t->root, x->doc);
                x->flat = flat; /* as it was: the same text was read */
                x->flat_end = flat_end;
            }
        }
        p = read_element(x, p);
        wri_json_missing(h, x, t->root.under, t->root.n_under);
        if (h->oom) return;
        wri_json_rows_commit(h, 1, x->doc);
        if (*p == ',') p = space(p + 1, flat_end);
    }
}

/* The values of the record are in the current row: makes rows of it, or finds a misfit. */
static void finish_record(wri_json_parse *x) {
    wri_json_rows *h = x->h;
    const wri_json_tree *t = &h->d->tree;
    uint64_t n = 0;
    if (x->misfit || (t->flat && !try_elements(x, &n))) return;
    if (n == 0) {
        if (t->flat) forget(x, t->flat->each);
        if (wri_json_missing(h, x, t->root.under, t->root.n_under)) wri_json_rows_commit(h, 1, x->doc);
        return;
    }
    /* What lies outside the array is checked once; the elements of this row are read again below. */
    if (wri_json_missing(h, x, t->root.under, t->root.n_under)) commit_elements(x);
}

/* One record at p, not NULL. Returns the byte behind, NULL when it was broken. */
static const char *read_record(wri_json_rows *h, const char *p, const char *eol) {
    char why[WRI_JSON_WHY];
    wri_json_parse x = {.h = h, .doc = p, .end = eol, .why = why};
    if (!wri_json_rows_room(h)) return NULL;
    clean_row(h);
    const char *end = *p == '{' ? read_value(&x, &h->d->tree.root, p) : read_value(&x, NULL, p);
    if (end && *p != '{') {
        char shown[WRI_JSON_SHOWN];
        wri_json_value v = {.class = WRI_JSON_NUMBER, .p = p, .n = (size_t)(end - p)}; /* shown as it is */
        wri_json_misfit(&x, "expected an object, found %s", wri_json_shown(&v, shown));
    }
    if (end && !h->oom) finish_record(&x);
    if (h->oom) return NULL;
    if (end && !x.misfit) return end;
    wri_json_rows_forget(h, h->row); /* the scanner expects a clean row */
    wri_json_rows_bad(h, why, p, (size_t)((end ? end : eol) - p));
    return end;
}

/* An array of records at p. What follows a fault between two of them is one bad record. */
static const char *read_records(wri_json_rows *h, const char *p, const char *eol) {
    p = space(p + 1, eol);
    if (p < eol && *p == ']') return p + 1;
    for (;;) {
        p = space(p, eol);
        if (p >= eol) break;
        if (!(p = read_record(h, p, eol))) return NULL;
        p = space(p, eol);
        if (p < eol && *p == ']') return p + 1;
        if (p >= eol || *p != ',') break;
        p++;
    }
    char why[WRI_JSON_WHY];
    wri_json_parse x = {.h = h, .doc = p, .end = eol, .why = why};
    unexpected(&x, p, "',' or ']' of an array of records");
    wri_json_rows_bad(h, why, p, (size_t)(eol - p));
    return NULL;
}

void wri_json_line(wri_json_rows *h, const char *p, const char *eol) {
    for (;;) {
        p = space(p, eol);
        if (p >= eol) return;
        p = *p == '[' ? read_records(h, p, eol) : read_record(h, p, eol);
        if (!p) return;
    }
}

const char *wri_json_member(wri_json_rows *h, const wri_json_node *node, const char *p) {
    wri_json_parse x = {.h = h, .doc = p, .end = h->end, .depth = node->depth};
    forget(&x, node);
    const char *end = read_value(&x, node, p);
    if (!end || x.misfit || h->oom) return NULL;
    if (node->n_under > node->n_cols && !wri_json_missing(h, NULL, node->under, node->n_under)) return NULL;
    return end;
}

const char *wri_json_unwanted(wri_json_rows *h, uint32_t depth, const char *p) {
    wri_json_parse x = {.h = h, .doc = p, .end = h->end, .depth = depth};
    return read_value(&x, NULL, p);
}
