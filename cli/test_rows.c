/* cli/test_rows.c -- weir test: rows in a form in which they can be compared, and changes applied.
 *
 *   {"n":3,"at":"2026-01-01T00:00:00.000Z"}  and  {"at": "2026-01-01 00:00:00", "n": 3.0}  are the same row
 *
 * Members stand by name, numbers that are equal look the same, and so do times. What is no JSON object is
 * compared as text. */
#include "test_int.h"

/* Numbers and times of v made alike, in place of v: a new reference. */
static json_t *alike(json_t *v) {
    int64_t us;
    char text[WR_TEXT_MAX];
    if (json_is_real(v)) {
        double d = json_real_value(v);
        if (d >= -9e15 && d <= 9e15 && (double)(int64_t)d == d) return json_integer((json_int_t)d);
    }
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        size_t n = json_string_length(v);
        if (n >= 16 && n < WR_TEXT_MAX && wr_read_timestamp(s, n, &us)) {
            text[wr_write_timestamp(us, 6, true, text)] = 0;
            return json_string(text);
        }
    }
    return json_incref(v);
}

static bool settle(json_t *v) {
    const char *key;
    void *tmp;
    json_t *m;
    size_t i;
    bool ok = true;
    if (json_is_array(v)) {
        json_array_foreach(v, i, m) ok = settle(m) && json_array_set_new(v, i, alike(m)) == 0 && ok;
        return ok;
    }
    if (!json_is_object(v)) return true;
    json_object_foreach_safe(v, tmp, key, m) ok =
        settle(m) && json_object_set_new(v, key, alike(m)) == 0 && ok;
    return ok;
}

static char *text_of(wr_arena *ar, const json_t *v, size_t flags) {
    wr_buf b = {0};
    char *out = NULL;
    if (json_dump_callback(v, wri_json_dump_to, &b, flags | JSON_COMPACT | JSON_ENCODE_ANY) == 0)
        out = wr_arena_strndup(ar, b.len ? b.data : "", b.len);
    wr_buf_free(&b);
    return out;
}

char *wri_row_form(wr_arena *ar, const char *line, size_t n) {
    json_t *row = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
    char *out = NULL;
    if (!json_is_object(row)) out = wr_arena_strndup(ar, line, n);
    else if (settle(row)) out = text_of(ar, row, JSON_SORT_KEYS);
    json_decref(row);
    return out;
}

/* ---- changes ---- */

typedef struct change {
    json_t *gone, *come; /* rows, borrowed; NULL: none */
} change;

/* The row of the table whose columns of key, separated by blanks, are those of row; -1: none. */
static long by_key(const json_t *table, const json_t *row, const char *key) {
    size_t i;
    json_t *r;
    json_array_foreach(table, i, r) {
        bool same = true;
        for (const char *k = key; *k && same; k += strspn(k, " ")) {
            size_t n = strcspn(k, " ");
            json_t *a = json_object_getn(r, k, n), *b = json_object_getn(row, k, n);
            same = a && b && json_equal(a, b);
            k += n;
        }
        if (same) return (long)i;
    }
    return -1;
}

static long where(const json_t *table, const json_t *row) {
    size_t i;
    json_t *r;
    json_array_foreach(table, i, r) if (json_equal(r, row)) return (long)i;
    return -1;
}

static json_t *row_or_null(json_t *v) { return json_is_object(v) ? v : NULL; }

/* row without its op, which begins with: + a row comes, - it goes. */
static wr_status one_change(json_t *table, json_t *row, const char *op, const char *key, const char *line,
                            wr_err *err) {
    change c = {0};
    bool images = json_object_get(row, "before") && json_object_get(row, "after");
    if (images)
        c = (change){row_or_null(json_object_get(row, "before")), row_or_null(json_object_get(row, "after"))};
    else if (*op == '-') c.gone = row;
    else c.come = row;
    if (*key) {
        long at = by_key(table, row, key);
        if ((at >= 0) != (strcmp(op, "+I") != 0))
            return wr_fail(err, WR_EDATA, "does not fit the row of this key: %.300s", line);
        if (strcmp(op, "+U") == 0) c.gone = json_array_get(table, (size_t)at);
    }
    if (c.gone) {
        long at = where(table, c.gone);
        if (at < 0) return wr_fail(err, WR_EDATA, "takes back what does not stand: %.300s", line);
        json_array_remove(table, (size_t)at);
    }
    return c.come && json_array_append(table, c.come) != 0 ? wr_fail_oom(err, "changes") : WR_OK;
}

static wr_status change_line(json_t *table, const char *p, size_t n, const char *key, wr_err *err) {
    char line[400], op[8] = "";
    snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), p);
    json_t *row = json_loadb(p, n, JSON_ALLOW_NUL, NULL);
    const char *o = json_string_value(json_object_get(row, "op"));
    wr_status r = o ? WR_OK : wr_fail(err, WR_EDATA, "is no change, it has no op: %.300s", line);
    if (r == WR_OK) {
        snprintf(op, sizeof op, "%s", o);
        json_object_del(row, "op");
        r = one_change(table, row, op, key, line, err);
    }
    json_decref(row);
    return r;
}

wr_status wri_apply_changes(const char *got, const char *key, wr_buf *out, wr_err *err) {
    json_t *table = json_array(), *row;
    wr_status r = table ? WR_OK : wr_fail_oom(err, "changes");
    for (const char *p = got, *nl; r == WR_OK && *p; p = nl + (*nl != 0)) {
        nl = p + strcspn(p, "\n");
        if (nl > p) r = change_line(table, p, (size_t)(nl - p), key, err);
    }
    size_t i;
    json_array_foreach(table, i, row) {
        if (r != WR_OK) break;
        if (json_dump_callback(row, wri_json_dump_to, out, JSON_COMPACT) != 0 ||
            wr_buf_puts(out, "\n") != WR_OK)
            r = wr_fail_oom(err, "changes");
    }
    json_decref(table);
    return r;
}
