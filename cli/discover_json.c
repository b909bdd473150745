/* cli/discover_json.c -- weir discover: JSON records; members of objects are columns by their paths. */
#include <ctype.h>

#include "discover.h"

#define DEPTH_MAX   8  /* objects within objects, beyond which a column holds JSON text */
#define KEPT        10 /* records shown by --aws */
#define COLUMNS_MAX 1000

static bool plain(const char *key) {
    if (!isalpha((unsigned char)*key) && *key != '_') return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && *key != '_') return false;
    return true;
}

static const char *step(wr_arena *ar, const char *path, const char *key) {
    if (plain(key)) return wr_arena_printf(ar, "%s.%s", path, key);
    return strchr(key, '\'') ? wr_arena_printf(ar, "%s[\"%s\"]", path, key)
                             : wr_arena_printf(ar, "%s['%s']", path, key);
}

static wr_status see(wri_sample *s, const char *path, const char *name, const char *top, json_t *v,
                     int depth);

static wr_status see_members(wri_sample *s, const char *path, const char *name, json_t *v, int depth) {
    const char *key;
    json_t *m;
    json_object_foreach(v, key, m) {
        const char *p = step(&s->ar, path, key), *n = *name  ? wr_arena_printf(&s->ar, "%s_%s", name, key)
                                                      : *key ? key
                                                             : "_";
        if (!p || !n) return WR_ENOMEM;
        WR_TRY(see(s, p, n, *name ? NULL : key, m, depth + 1));
    }
    return WR_OK;
}

static wr_status see(wri_sample *s, const char *path, const char *name, const char *top, json_t *v,
                     int depth) {
    bool doc = json_is_object(v);
    if (doc && json_object_size(v) && depth < DEPTH_MAX && s->n < COLUMNS_MAX)
        return see_members(s, path, name, v, depth);
    wri_seen *c = wri_seen_column(s, path, name, top);
    if (!c) return WR_ENOMEM;
    c->rows++;
    if (doc) c->docs++;
    else if (json_is_null(v)) c->nulls++;
    else if (json_is_boolean(v)) c->bools++;
    else if (json_is_integer(v)) wri_see_int(c, json_integer_value(v));
    else if (json_is_real(v)) wri_see_real(c, json_real_value(v));
    else if (json_is_string(v)) wri_see_text(s, c, json_string_value(v), json_string_length(v), false);
    else {
        c->arrays++;
        c->elements = json_array_size(v) > c->elements ? json_array_size(v) : c->elements;
    }
    return WR_OK;
}

/* One document at p; *tookp: its bytes. NULL: it is none. */
static json_t *document(const char *p, size_t n, size_t *tookp) {
    json_error_t e;
    json_t *v = json_loadb(p, n, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &e);
    if (!v) v = json_loadb(p, n, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
    *tookp = v ? (size_t)e.position : 0;
    return v;
}

static wr_status line_of(wri_sample *s, const char *p, size_t n) {
    wr_status r = WR_OK;
    if (s->n_records < KEPT) {
        if (!s->records) s->records = wr_arena_calloc(&s->ar, KEPT * sizeof *s->records);
        if (!s->records || !(s->records[s->n_records++] = wr_arena_strndup(&s->ar, p, n))) return WR_ENOMEM;
    }
    while (r == WR_OK && n) {
        size_t took;
        json_t *v = document(p, n, &took);
        if (!json_is_object(v)) {
            s->bad++;
            took = n;
        } else {
            s->rows++;
            r = see_members(s, "$", "", v, 0);
        }
        json_decref(v);
        p += took;
        n -= took;
        while (n && isspace((unsigned char)*p)) p++, n--;
    }
    return r;
}

wr_status wri_sample_json(wri_sample *s, const char *p, size_t n, int64_t rows) {
    const char *end = p + n;
    while (p < end && s->rows + s->bad < (uint64_t)rows) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        while (p < stop && isspace((unsigned char)*p)) p++;
        if (stop > p) WR_TRY(line_of(s, p, (size_t)(stop - p)));
        p = nl ? nl + 1 : end;
    }
    return WR_OK;
}
