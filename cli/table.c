/* cli/table.c -- what a server answers, for people: aligned tables, times and large numbers readable. */
#include "client.h"

#include <inttypes.h>

/* ---- text ---- */

/* Without what steers a terminal. C1 controls are c2 80 to c2 9f. */
static void plain_text(FILE *f, const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < n; i++) {
        bool c1 = p[i] == 0xc2 && (i + 1 == n || p[i + 1] < 0xa0);
        bool c0 = (p[i] < 0x20 && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f;
        putc(c0 || c1 ? ' ' : s[i], f);
        i += c1;
    }
}

void wri_plain(FILE *f, const char *fmt, ...) {
    wr_buf b = {0};
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && wr_buf_reserve(&b, (size_t)n + 1) == WR_OK) {
        vsnprintf(b.data, (size_t)n + 1, fmt, again);
        plain_text(f, b.data, (size_t)n);
    }
    va_end(again);
    va_end(ap);
    wr_buf_free(&b);
}

const char *wri_member(const json_t *object, const char *key) {
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static void put_grouped(int64_t v, char out[WRI_SHOWN]) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRId64, v), k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && digits[i - 1] != '-' && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
}

/* 2026-01-01T00:00:00.123Z as 2026-01-01 00:00:00Z. */
static void put_text(const char *s, char out[WRI_SHOWN]) {
    int64_t us;
    size_t n = strlen(s);
    if (n > 19 && s[10] == 'T' && s[n - 1] == 'Z' && wr_read_timestamp(s, n, &us))
        snprintf(out, WRI_SHOWN, "%.10s %.8sZ", s, s + 11);
    else snprintf(out, WRI_SHOWN, "%s", s);
}

static const char *shown(const json_t *v, char out[WRI_SHOWN]) {
    out[0] = 0;
    if (json_is_integer(v)) put_grouped(json_integer_value(v), out);
    else if (json_is_real(v)) snprintf(out, WRI_SHOWN, "%.6g", json_real_value(v));
    else if (json_is_boolean(v)) snprintf(out, WRI_SHOWN, "%s", json_is_true(v) ? "yes" : "no");
    else if (json_is_string(v)) put_text(json_string_value(v), out);
    return out;
}

const char *wri_shown(const json_t *object, const char *key, char out[WRI_SHOWN]) {
    return shown(json_object_get(object, key), out);
}

/* ---- tables ---- */

void wri_table_cell(wri_table *t, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t') *p = ' ';
    if (wr_buf_puts(&t->text, text) != WR_OK ||
        wr_buf_put(&t->ends, &t->text.len, sizeof t->text.len) != WR_OK)
        t->oom = true;
    else t->n_cells++;
}

static const char *cell(const wri_table *t, uint32_t i, size_t *np) {
    const size_t *ends = (const size_t *)(const void *)t->ends.data;
    size_t from = i ? ends[i - 1] : 0;
    *np = ends[i] - from;
    return t->text.data + from;
}

/* Whether a column below its head is numbers, or nothing. */
static bool of_numbers(const wri_table *t, uint32_t col) {
    bool any = false;
    for (uint32_t i = t->n_cols + col; i < t->n_cells; i += t->n_cols) {
        size_t n;
        const char *s = cell(t, i, &n);
        for (size_t k = 0; k < n; k++)
            if (!strchr("0123456789,.-+e%", s[k])) return false;
        any |= n > 0;
    }
    return any;
}

static size_t width_of(const wri_table *t, uint32_t col) {
    size_t w = 0;
    for (uint32_t i = col; i < t->n_cells; i += t->n_cols) {
        size_t n;
        const char *s = cell(t, i, &n);
        n = wr_utf8_count(s, n);
        if (n > w) w = n;
    }
    return w;
}

static void print_cell(const wri_table *t, uint32_t i, size_t width, bool right, bool last) {
    size_t n;
    const char *s = cell(t, i, &n);
    int blanks = (int)(width - wr_utf8_count(s, n));
    if (right) printf("%*s", blanks, "");
    plain_text(stdout, s, n);
    if (!last) printf("%*s", (right ? 0 : blanks) + 2, "");
}

void wri_table_print(wri_table *t, int indent) {
    size_t *widths = wr_calloc(t->n_cols + 1, sizeof *widths);
    bool *right = wr_calloc(t->n_cols + 1, sizeof *right);
    if (widths && right && !t->oom) {
        for (uint32_t c = 0; c < t->n_cols; c++) {
            widths[c] = width_of(t, c);
            right[c] = of_numbers(t, c);
        }
        for (uint32_t i = 0; i < t->n_cells; i++) {
            uint32_t c = i % t->n_cols;
            if (c == 0) printf("%*s", indent, "");
            print_cell(t, i, widths[c], right[c], c + 1 == t->n_cols);
            if (c + 1 == t->n_cols) putchar('\n');
        }
    } else wri_say("out of memory");
    wr_free(widths);
    wr_free(right);
}

void wri_table_free(wri_table *t) {
    wr_buf_free(&t->text);
    wr_buf_free(&t->ends);
}

/* ---- arrays of objects ---- */

static bool simple(const json_t *v) { return !json_is_object(v) && !json_is_array(v); }

/* The members that hold one value, in the order in which they are first met. */
static json_t *columns_of(const json_t *array) {
    json_t *cols = json_object(), *o, *v;
    const char *key;
    size_t i;
    json_array_foreach(array, i, o) json_object_foreach(o, key, v) {
        if (simple(v)) (void)!json_object_set_new(cols, key, json_null());
    }
    return cols;
}

int wri_print_objects(const wri_client *c, const json_t *array, int indent) {
    json_t *cols = columns_of(array), *o, *v;
    wri_table t = {.n_cols = (uint32_t)json_object_size(cols)};
    const char *key;
    size_t i;
    char text[WRI_SHOWN];
    if (!cols) return wri_no_memory(c);
    json_object_foreach(cols, key, v) {
        snprintf(text, sizeof text, "%s", key);
        for (char *p = text; *p; p++) *p = *p == '_' ? ' ' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        wri_table_cell(&t, "%s", text);
    }
    json_array_foreach(array, i, o) json_object_foreach(cols, key, v)
        wri_table_cell(&t, "%s", wri_shown(o, key, text));
    if (t.n_cols) wri_table_print(&t, indent);
    wri_table_free(&t);
    json_decref(cols);
    return EXIT_DONE;
}
