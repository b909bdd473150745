/* cli/test_compare.c -- weir test: how the rows that came differ from those expected, told to a person.
 *
 * Rows that stand on both sides are taken away, each as often as it stands on both. Of what is left, each
 * missing row is put beside the unexpected one that shares the most columns with it: most often it is the
 * same row with another value. */
#include "test_int.h"

#include <stdlib.h>

#define SHOWN    20  /* rows of a kind */
#define PAIR_MAX 200 /* rows left on a side, beyond which they are not put beside each other */

typedef struct row {
    const char *text;
    size_t len;
    char *form;
    size_t at; /* place among its side's rows */
    struct row *mate;
    bool met;
} row;

typedef struct side {
    row *rows;
    size_t n, cap;
} side;

static wr_status split(wr_arena *ar, const char *text, side *out) {
    for (const char *p = text, *nl; *p; p = nl + (*nl != 0)) {
        nl = p + strcspn(p, "\n");
        size_t len = (size_t)(nl - p);
        while (len && p[len - 1] == '\r') len--;
        if (len == 0) continue;
        WR_TRY(wr_grow(&out->rows, &out->cap, out->n + 1, sizeof *out->rows));
        row r = {.text = p, .len = len, .form = wri_row_form(ar, p, len), .at = out->n};
        if (!r.form) return WR_ENOMEM;
        out->rows[out->n++] = r;
    }
    return WR_OK;
}

static int by_form(const void *a, const void *b) {
    const row *x = *(row *const *)a, *y = *(row *const *)b;
    int c = strcmp(x->form, y->form);
    return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

static row **sorted(const side *s) {
    row **out = wr_alloc((s->n + 1) * sizeof *out);
    for (size_t i = 0; out && i < s->n; i++) out[i] = &s->rows[i];
    if (out && s->n) qsort(out, s->n, sizeof *out, by_form);
    return out;
}

/* Marks what stands on both sides; how many rows do. */
static wr_status meet(side *want, side *got, size_t *np) {
    row **w = sorted(want), **g = sorted(got);
    wr_status r = w && g ? WR_OK : WR_ENOMEM;
    for (size_t i = 0, k = 0; r == WR_OK && i < want->n && k < got->n;) {
        int c = strcmp(w[i]->form, g[k]->form);
        if (c == 0) w[i]->met = g[k]->met = true;
        *np += c == 0;
        i += c <= 0;
        k += c >= 0;
    }
    wr_free(w);
    wr_free(g);
    return r;
}

/* How many columns of two rows have the same value, of how many. */
static size_t shared(const row *a, const row *b, size_t *ofp) {
    json_t *x = json_loads(a->form, 0, NULL), *y = json_loads(b->form, 0, NULL), *v;
    const char *key;
    size_t n = 0;
    *ofp = json_object_size(x);
    json_object_foreach(x, key, v) {
        json_t *o = json_object_get(y, key);
        n += o && json_equal(v, o);
    }
    json_decref(x);
    json_decref(y);
    return n;
}

static size_t left(const side *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += !s->rows[i].met;
    return n;
}

static size_t pair_up(side *want, side *got) {
    size_t pairs = 0;
    if (left(want) > PAIR_MAX || left(got) > PAIR_MAX) return 0;
    for (size_t i = 0; i < want->n; i++) {
        row *best = NULL;
        size_t most = 0, of;
        for (size_t k = 0; !want->rows[i].met && k < got->n; k++) {
            if (got->rows[k].met || got->rows[k].mate) continue;
            size_t n = shared(&want->rows[i], &got->rows[k], &of);
            if (n > most && 2 * n >= of) {
                most = n;
                best = &got->rows[k];
            }
        }
        if (!best) continue;
        want->rows[i].mate = best;
        best->mate = &want->rows[i];
        pairs++;
    }
    return pairs;
}

/* ---- telling ---- */

static wr_status put_row(wr_buf *out, const char *what, const row *r) {
    return wr_buf_printf(out, "      %-10s %.*s\n", what, (int)r->len, r->text);
}

static wr_status put_value(wr_buf *out, const json_t *v) {
    if (!v) return wr_buf_puts(out, "no such column");
    return json_dump_callback(v, wri_json_dump_to, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0 ? WR_OK
                                                                                             : WR_ENOMEM;
}

static wr_status put_column(wr_buf *out, const char *key, const json_t *want, const json_t *got) {
    WR_TRY(wr_buf_printf(out, "                 %s: expected ", key));
    WR_TRY(put_value(out, want));
    WR_TRY(wr_buf_puts(out, ", got "));
    WR_TRY(put_value(out, got));
    return wr_buf_puts(out, "\n");
}

/* Column by column, values as written. */
static wr_status put_columns(wr_buf *out, const row *want, const row *got) {
    json_t *x = json_loadb(want->text, want->len, JSON_ALLOW_NUL, NULL),
           *y = json_loadb(got->text, got->len, JSON_ALLOW_NUL, NULL), *fx = json_loads(want->form, 0, NULL),
           *fy = json_loads(got->form, 0, NULL), *v;
    const char *key;
    wr_status r = WR_OK;
    json_object_foreach(fx, key, v) {
        json_t *o = json_object_get(fy, key);
        if (r == WR_OK && !(o && json_equal(v, o)))
            r = put_column(out, key, json_object_get(x, key), json_object_get(y, key));
    }
    json_object_foreach(fy, key, v) {
        if (r == WR_OK && !json_object_get(fx, key)) r = put_column(out, key, NULL, json_object_get(y, key));
    }
    json_decref(x);
    json_decref(y);
    json_decref(fx);
    json_decref(fy);
    return r;
}

static wr_status put_pairs(wr_buf *out, const side *want, size_t pairs) {
    size_t shown = 0;
    for (size_t i = 0; i < want->n && shown < SHOWN; i++) {
        const row *w = &want->rows[i];
        if (!w->mate) continue;
        shown++;
        WR_TRY(put_row(out, "- expected", w));
        WR_TRY(put_row(out, "+ got", w->mate));
        WR_TRY(put_columns(out, w, w->mate));
    }
    return pairs > shown ? wr_buf_printf(out, "      and %zu more that differ\n", pairs - shown) : WR_OK;
}

static wr_status put_alone(wr_buf *out, const char *what, const side *s, size_t *shownp) {
    size_t shown = 0, all = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->rows[i].met || s->rows[i].mate) continue;
        all++;
        if (shown < SHOWN) WR_TRY(put_row(out, what, &s->rows[i]));
        shown += shown < SHOWN;
    }
    *shownp = all;
    return all > shown ? wr_buf_printf(out, "      and %zu more\n", all - shown) : WR_OK;
}

static wr_status put_order(wr_buf *out, const char *what, uint32_t line, const side *want, const side *got) {
    for (size_t i = 0; i < want->n; i++) {
        if (strcmp(want->rows[i].form, got->rows[i].form) == 0) continue;
        WR_TRY(wr_buf_printf(out, "  line %u: %s: the right rows in another order, from row %zu on:\n", line,
                             what, i + 1));
        WR_TRY(put_row(out, "- expected", &want->rows[i]));
        return put_row(out, "+ got", &got->rows[i]);
    }
    return WR_OK;
}

static wr_status differ(const char *what, uint32_t line, side *want, side *got, bool ordered, wr_buf *out) {
    size_t same = 0, missing, surplus;
    WR_TRY(meet(want, got, &same));
    if (same == want->n && same == got->n) return ordered ? put_order(out, what, line, want, got) : WR_OK;
    size_t pairs = pair_up(want, got);
    wr_buf rows = {0};
    wr_status r = put_pairs(&rows, want, pairs);
    if (r == WR_OK) r = put_alone(&rows, "- missing", want, &missing);
    if (r == WR_OK) r = put_alone(&rows, "+ not expected", got, &surplus);
    if (r == WR_OK)
        r = wr_buf_printf(
            out,
            "  line %u: %s: expected %zu, got %zu: %zu right, %zu differ, %zu missing, %zu not expected\n",
            line, what, want->n, got->n, same, pairs, missing, surplus);
    if (r == WR_OK) r = wr_buf_put(out, rows.data, rows.len);
    wr_buf_free(&rows);
    return r;
}

wr_status wri_compare_rows(const char *what, uint32_t line, const char *want, const char *got, bool ordered,
                           wr_buf *out) {
    wr_arena ar = {0};
    side w = {0}, g = {0};
    wr_status r = split(&ar, want, &w);
    if (r == WR_OK) r = split(&ar, got, &g);
    if (r == WR_OK) r = differ(what, line, &w, &g, ordered, out);
    wr_free(w.rows);
    wr_free(g.rows);
    wr_arena_free(&ar);
    return r;
}
