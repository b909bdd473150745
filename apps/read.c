/* apps/read.c -- JSON with places.
 *
 * A wri_at is a value and the way to it. Where it stands in the text is only asked for messages and for the
 * marks of lines: then the text, which jansson has found to be JSON, is walked over along that way. */
#include <ctype.h>
#include <stdio.h>

#include "apps_int.h"

/* ---- where a value stands ---- */

static size_t blanks(const char *p, size_t i, size_t n) {
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r')) i++;
    return i;
}

/* Behind the text whose opening quote is at i. */
static size_t over_text(const char *p, size_t i, size_t n) {
    for (i++; i < n && p[i] != '"'; i++) i += p[i] == '\\';
    return i + 1;
}

/* Behind the value at i. */
static size_t over_value(const char *p, size_t i, size_t n) {
    size_t depth = 0;
    while (i < n) {
        char ch = p[i];
        if (depth == 0 && (ch == ',' || ch == '}' || ch == ']')) break;
        if (ch == '"') i = over_text(p, i, n);
        else i++;
        depth += ch == '{' || ch == '[';
        depth -= ch == '}' || ch == ']';
        if (depth == 0 && (ch == '"' || ch == '}' || ch == ']')) break;
    }
    return i < n ? i : n;
}

/* Where the value stands that at is of the one at i. */
static size_t enter(const char *p, size_t i, size_t n, const wri_at *at) {
    size_t key_len = at->key ? strlen(at->key) : 0;
    i = blanks(p, i, n) + 1;
    for (size_t k = 0; i < n; k++) {
        i = blanks(p, i, n);
        size_t name = i + 1;
        bool found = !at->key && k == at->index;
        if (at->key) {
            i = blanks(p, over_text(p, i, n), n) + 1;
            found = name + key_len < n && memcmp(p + name, at->key, key_len) == 0 && p[name + key_len] == '"';
        }
        i = blanks(p, i, n);
        if (found || i >= n) return i < n ? i : n;
        i = blanks(p, over_value(p, i, n), n) + 1;
    }
    return n;
}

static size_t place(const wri_app_ctx *c, const wri_at *at) {
    if (!at) return 0;
    for (size_t i = 0; i < c->n_places; i++)
        if (c->places[i].v == at->v) return wri_app_yaml_offset(c, c->places[i].line, c->places[i].column);
    if (c->places) return place(c, at->up);
    if (!at->up) return blanks(c->o->json, 0, c->o->len);
    return enter(c->o->json, place(c, at->up), c->o->len, at);
}

uint32_t wri_app_line(const wri_app_ctx *c, const wri_at *at) {
    uint32_t line, col;
    wr_line_col(c->o->json, c->o->len, (uint32_t)place(c, at), &line, &col);
    return line;
}

/* ---- messages ---- */

void wri_app_error(wri_app_ctx *c, const wri_at *at, const char *hint, const char *fmt, ...) {
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    size_t from = place(c, at), to = from + 1;
    if (at && !c->places && !json_is_object(at->v) && !json_is_array(at->v))
        to = over_value(c->o->json, from, c->o->len);
    while (to > from + 1 && isspace((unsigned char)c->o->json[to - 1])) to--;
    wr_loc loc = {(uint32_t)from, (uint32_t)to};
    wr_diag_add(&c->d, WR_ERROR, WR_EDATA, loc, hint, "%s", msg);
}

void *wri_app_new(wri_app_ctx *c, size_t bytes) {
    void *p = wr_arena_calloc(&c->ar, bytes ? bytes : 1);
    if (!p) c->oom = true;
    return p;
}

char *wri_app_text(wri_app_ctx *c, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = n < 0 ? NULL : wri_app_new(c, (size_t)n + 1);
    if (s) vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}

/* ---- members ---- */

const wri_at *wri_app_at(wri_app_ctx *c, const wri_at *up, const char *key, size_t index, json_t *v) {
    wri_at *at = wri_app_new(c, sizeof *at);
    if (!at) return NULL;
    *at = (wri_at){.up = up, .key = key, .index = index, .v = v};
    return at;
}

/* Whether name is the n bytes at p but for case and underscores. */
static bool same(const char *name, const char *p, size_t n) {
    size_t i = 0;
    for (; *name; name++) {
        if (*name == '_') continue;
        if (i == n || tolower((unsigned char)*name) != p[i]) return false;
        i++;
    }
    return i == n;
}

bool wri_app_is(const char *name, const char *names) {
    for (const char *end; *names; names = *end ? end + 1 : end) {
        end = names + strcspn(names, "|");
        if (same(name, names, (size_t)(end - names))) return true;
    }
    return false;
}

const wri_at *wri_app_member(wri_app_ctx *c, const wri_at *at, const char *names) {
    const char *key;
    json_t *v;
    if (!at) return NULL;
    json_object_foreach(at->v, key, v) if (!json_is_null(v) &&
                                           wri_app_is(key, names)) return wri_app_at(c, at, key, 0, v);
    return NULL;
}

static const char *kind_of(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a truth value";
    case JSON_NULL:
        return "null";
    default:
        return "a number";
    }
}

static const char *name_of(const wri_at *at) { return at->key ? at->key : "this"; }

const wri_at *wri_app_object(wri_app_ctx *c, const wri_at *at, const char *names) {
    const wri_at *m = wri_app_member(c, at, names);
    if (!m || json_is_object(m->v)) return m;
    if (json_is_array(m->v) && json_array_size(m->v) == 0) return NULL;
    if (json_is_array(m->v) && json_array_size(m->v) == 1 && json_is_object(json_array_get(m->v, 0)))
        return wri_app_at(c, m, NULL, 0, json_array_get(m->v, 0));
    wri_app_error(c, m, NULL, "%s is %s; expected an object", name_of(m), kind_of(m->v));
    return NULL;
}

size_t wri_app_count(wri_app_ctx *c, const wri_at *at) {
    if (!at) return 0;
    if (json_is_object(at->v)) return 1;
    if (json_is_array(at->v)) return json_array_size(at->v);
    wri_app_error(c, at, NULL, "%s is %s; expected a list", name_of(at), kind_of(at->v));
    return 0;
}

const wri_at *wri_app_item(wri_app_ctx *c, const wri_at *at, size_t i) {
    if (json_is_object(at->v)) return at;
    const wri_at *item = wri_app_at(c, at, NULL, i, json_array_get(at->v, i));
    if (!item || json_is_object(item->v)) return item;
    wri_app_error(c, item, NULL, "%s holds %s; expected objects", name_of(at), kind_of(item->v));
    return NULL;
}

const char *wri_app_string(wri_app_ctx *c, const wri_at *at, const char *names, const wri_at **whatp) {
    const wri_at *m = wri_app_member(c, at, names);
    if (whatp) *whatp = m;
    const char *s = m ? wri_app_resolve(c, m) : NULL;
    if (m && !s && !c->oom) wri_app_error(c, m, NULL, "%s is %s; expected a text", name_of(m), kind_of(m->v));
    return s;
}

int64_t wri_app_int(wri_app_ctx *c, const wri_at *at, const char *names, int64_t otherwise) {
    const wri_at *m = wri_app_member(c, at, names);
    int64_t v;
    if (!m) return otherwise;
    if (json_is_integer(m->v)) return json_integer_value(m->v);
    const char *s = json_string_value(m->v);
    if (s && wr_read_i64(s, strlen(s), &v)) return v;
    wri_app_error(c, m, NULL, "%s is %s; expected a whole number", name_of(m), kind_of(m->v));
    return otherwise;
}

/* ---- the whole ---- */

wr_status wri_app_load(wri_app_ctx *c) {
    json_error_t e;
    c->d = (wr_diags){.file = c->o->file, .text = c->o->json, .len = c->o->len, .ar = &c->ar};
    if (c->o->len > UINT32_MAX / 2) {
        wri_app_error(c, NULL, NULL, "the description is longer than 2 GiB");
        return WR_EDATA;
    }
    size_t first = blanks(c->o->json, 0, c->o->len);
    if (first == c->o->len || (c->o->json[first] != '{' && c->o->json[first] != '['))
        return wri_app_load_yaml(c);
    c->root = json_loadb(c->o->json, c->o->len, JSON_REJECT_DUPLICATES, &e);
    if (c->root) return WR_OK;
    if (json_error_code(&e) == json_error_out_of_memory) return WR_ENOMEM;
    uint32_t at = e.position > 0 ? (uint32_t)e.position - 1 : 0;
    if (at > c->o->len) at = (uint32_t)c->o->len;
    wr_diag_add(
        &c->d, WR_ERROR, WR_EDATA, (wr_loc){at, at + 1},
        "an application description is JSON: what the AWS command line takes or prints, a CloudFormation "
        "template, or Terraform's JSON",
        "this is no JSON: %s", e.text);
    return WR_EDATA;
}
