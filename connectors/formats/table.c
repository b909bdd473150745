/* connectors/formats/table.c -- rows as a box-drawn table, for people. Writing only.
 *
 *   encode keeps rows as text  →  show: widths, head, these rows  →  show: wider columns, these rows  →  …
 *
 * Columns are as wide as the widest cell seen by then; where later rows need more, a line sets them apart and
 * the table goes on wider. On a terminal of known width, text columns give way first and cells that do not
 * fit end in "…"; elsewhere nothing is cut, and a later cell longer than GROW_MAX juts out. Control
 * characters are escaped, so that data cannot command the terminal. One encoder serves all workers, under a
 * lock; when rows are shown is the sink's to say. */
#include <stdio.h>

#include "connectors/formats/table_int.h"

#define TEXT_MIN  8 /* text columns do not become narrower than this, others than OTHER_MIN [characters] */
#define OTHER_MIN 3
#define GROW_MAX                                                                                             \
    80 /* width unknown: a table under way does not become wider for longer cells [characters]               \
        */
#define EDGE      "│"
#define HEX_SHOWN 256 /* bytes of a VARBINARY that are shown */

typedef struct cell {
    uint32_t len, width; /* bytes in texts, characters on the terminal */
} cell;

typedef struct encoder {
    const wr_schema *schema;
    uint32_t width_max; /* of the terminal, 0: unknown */
    bool started;       /* the head stands above what comes next */
    bool shown;         /* some rows have been written */
    uint64_t rows;
    uint32_t *widest; /* per column: of the cells seen */
    uint32_t *widths; /* per column, as drawn */
    uint32_t *fitted; /* per column, as it would be drawn now */
    wr_buf head;      /* names of the columns as cells */
    cell *head_cells;
    wr_buf texts; /* of cells kept, one behind the other */
    cell *cells;  /* rows * columns */
    size_t n_cells, cells_cap;
} encoder;

/* ---- cells ---- */

static bool is_number(wr_kind k) { return wr_kind_is_num(k); }

/* Characters that steer a terminal or the direction of text. */
static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f;
}

/* Appends p[0..n) as it is shown; adds its width. */
static wr_status put_text(const char *p, size_t n, wr_buf *out, uint32_t *widthp) {
    if (wr_buf_reserve(out, 6 * n + 8) != WR_OK) return WR_ENOMEM;
    char *o = out->data + out->len;
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = wri_glyph_next(p + i, n - i, &len);
        if (is_control(c)) {
            const char *names = "\n\r\t", *name = c ? strchr(names, (int)c) : NULL;
            int k = c < 0x80 && name ? snprintf(o, 8, "\\%c", "nrt"[name - names])
                    : c < 0x100      ? snprintf(o, 8, "\\x%02x", c)
                                     : snprintf(o, 8, "\\u%04x", c);
            o += k;
            *widthp += (uint32_t)k;
            continue;
        }
        if (c == 0xfffd && len == 1) {
            memcpy(o, "\xef\xbf\xbd", 3);
            o += 3;
        } else {
            memcpy(o, p + i, len);
            o += len;
        }
        *widthp += wri_glyph_width(c);
    }
    out->len = (size_t)(o - out->data);
    return WR_OK;
}

static wr_status put_hex(const wr_str *s, wr_buf *out, uint32_t *widthp) {
    size_t n = s->len < HEX_SHOWN ? s->len : HEX_SHOWN, before = out->len;
    WR_TRY(wr_buf_puts(out, "\\x"));
    for (size_t i = 0; i < n; i++) WR_TRY(wr_buf_printf(out, "%02x", (unsigned char)wr_str_data(s)[i]));
    *widthp = (uint32_t)(out->len - before);
    if (n == s->len) return WR_OK;
    *widthp += 1;
    return wr_buf_puts(out, "…");
}

/* Appends the text of row i of column k. */
static wr_status put_cell(const encoder *e, const wr_batch *b, uint32_t k, uint32_t i, wr_buf *out,
                          cell *to) {
    const wr_type *t = &e->schema->fields[k].type;
    const wr_col *c = &b->cols[k];
    size_t before = out->len;
    char text[WR_TEXT_MAX];
    wr_status s;
    to->width = 0;
    if (t->kind == WR_T_NULL || wr_is_null(c, i)) s = put_text("NULL", 4, out, &to->width);
    else if (t->kind == WR_T_VARBINARY) s = put_hex(&c->str[i], out, &to->width);
    else if (c->phys == WR_STR) s = put_text(wr_str_data(&c->str[i]), c->str[i].len, out, &to->width);
    else {
        size_t n = t->kind == WR_T_TIMESTAMP ? wr_write_timestamp(c->i64[i], t->prec, false, text)
                                             : wri_to_text(t, WRI_TIME_ISO, c, i, text);
        s = put_text(text, n, out, &to->width);
    }
    to->len = (uint32_t)(out->len - before);
    return s;
}

/* ---- lines ---- */

static wr_status put_repeat(wr_buf *out, const char *what, size_t times) {
    for (size_t i = 0; i < times; i++) WR_TRY(wr_buf_puts(out, what));
    return WR_OK;
}

/* A cell shown in `width` columns: padded, or cut with "…". */
static wr_status put_padded(wr_buf *out, const char *p, cell c, uint32_t width, bool right, bool cut) {
    uint32_t shown = c.width, len = c.len;
    if (cut && c.width > width) {
        size_t at = 0, step;
        for (shown = 0; at < len; at += step) {
            uint32_t w = wri_glyph_width(wri_glyph_next(p + at, len - at, &step));
            if (shown + w > width - 1) break;
            shown += w;
        }
        len = (uint32_t)at;
        shown++;
    }
    uint32_t pad = shown < width ? width - shown : 0;
    WR_TRY(wr_buf_puts(out, " "));
    if (right) WR_TRY(put_repeat(out, " ", pad));
    WR_TRY(wr_buf_put(out, p, len));
    if (len < c.len) WR_TRY(wr_buf_puts(out, "…"));
    if (!right) WR_TRY(put_repeat(out, " ", pad));
    return wr_buf_puts(out, " ");
}

static wr_status put_border(const encoder *e, wr_buf *out, const char *left, const char *middle,
                            const char *right) {
    for (uint32_t k = 0; k < e->schema->n; k++) {
        WR_TRY(wr_buf_puts(out, k ? middle : left));
        WR_TRY(put_repeat(out, "─", (size_t)e->widths[k] + 2));
    }
    WR_TRY(wr_buf_puts(out, right));
    return wr_buf_puts(out, "\n");
}

/* A line of the cells whose texts follow one another at p. */
static wr_status put_line(const encoder *e, wr_buf *out, const char *p, const cell *cells) {
    for (uint32_t k = 0; k < e->schema->n; k++) {
        WR_TRY(wr_buf_puts(out, EDGE));
        WR_TRY(put_padded(out, p, cells[k], e->widths[k], is_number(e->schema->fields[k].type.kind),
                          e->width_max > 0));
        p += cells[k].len;
    }
    return wr_buf_puts(out, EDGE "\n");
}

/* ---- widths ---- */

/* Takes `over` characters from columns of one sort (text or not), the widest first, down to `min`. */
static uint32_t shrink(encoder *e, uint32_t over, bool text, uint32_t min) {
    while (over > 0) {
        uint32_t widest = 0, second = min, n = 0;
        for (uint32_t k = 0; k < e->schema->n; k++) {
            if ((wr_type_phys(e->schema->fields[k].type) == WR_STR) != text) continue;
            uint32_t w = e->fitted[k];
            if (w > widest) {
                second = widest > min ? widest : min;
                widest = w;
                n = 1;
            } else if (w == widest) n++;
            else if (w > second) second = w;
        }
        if (widest <= min) break;
        uint32_t step = (widest - second) < (over + n - 1) / n ? widest - second : (over + n - 1) / n;
        for (uint32_t k = 0; k < e->schema->n; k++) {
            if ((wr_type_phys(e->schema->fields[k].type) == WR_STR) != text || e->fitted[k] != widest)
                continue;
            uint32_t take = step < over ? step : over;
            e->fitted[k] -= take;
            over -= take;
        }
    }
    return over;
}

/* Makes the columns wide enough for the rows kept, as far as there is room. */
static void fit(encoder *e) {
    uint32_t n = e->schema->n;
    for (size_t i = 0; i < e->n_cells; i++) {
        uint32_t w = e->cells[i].width, *seen = &e->widest[i % n];
        if (w > *seen && (!e->shown || e->width_max || w <= GROW_MAX)) *seen = w;
    }
    memcpy(e->fitted, e->widest, n * sizeof *e->fitted);
    uint64_t total = 1;
    for (uint32_t k = 0; k < n; k++) total += (uint64_t)e->fitted[k] + 3;
    if (!e->width_max || total <= e->width_max) return;
    uint64_t over = total - e->width_max;
    uint32_t left = over < UINT32_MAX ? (uint32_t)over : UINT32_MAX;
    left = shrink(e, left, true, TEXT_MIN);
    left = shrink(e, left, false, OTHER_MIN);
    shrink(e, left, true, OTHER_MIN);
}

/* ---- encoder ---- */

/* What stands above the next rows: the head, or a line where columns have become wider. */
static wr_status put_top(encoder *e, wr_buf *out) {
    size_t bytes = e->schema->n * sizeof *e->widths;
    fit(e);
    bool wider = memcmp(e->widths, e->fitted, bytes) != 0;
    memcpy(e->widths, e->fitted, bytes);
    if (e->started) return wider ? put_border(e, out, "├", "┼", "┤") : WR_OK;
    WR_TRY(put_border(e, out, "┌", "┬", "┐"));
    WR_TRY(put_line(e, out, e->head.data, e->head_cells));
    e->started = true;
    return put_border(e, out, "├", "┼", "┤");
}

static wr_status put_kept(encoder *e, wr_buf *out) {
    const char *p = e->texts.data;
    WR_TRY(put_top(e, out));
    for (size_t i = 0; i < e->n_cells; i += e->schema->n) {
        WR_TRY(put_line(e, out, p, &e->cells[i]));
        for (uint32_t k = 0; k < e->schema->n; k++) p += e->cells[i + k].len;
    }
    e->shown = true;
    e->texts.len = 0;
    e->n_cells = 0;
    return WR_OK;
}

static wr_status keep_row(encoder *e, const wr_batch *b, uint32_t i) {
    uint32_t n = e->schema->n;
    WR_TRY(wr_grow(&e->cells, &e->cells_cap, e->n_cells + n, sizeof *e->cells));
    for (uint32_t k = 0; k < n; k++) WR_TRY(put_cell(e, b, k, i, &e->texts, &e->cells[e->n_cells + k]));
    e->n_cells += n;
    return WR_OK;
}

static wr_status table_encode(wr_encoder *enc, const wr_batch *b, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    (void)out;
    WR_ASSERT(b->n_cols >= e->schema->n);
    for (uint32_t i = 0; i < b->n && e->schema->n > 0; i++)
        if (keep_row(e, b, i) != WR_OK) return wr_fail_oom(err, "a table");
    e->rows += b->n;
    return WR_OK;
}

static wr_status table_show(wr_encoder *enc, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    return e->n_cells == 0 || put_kept(e, out) == WR_OK ? WR_OK : wr_fail_oom(err, "a table");
}

static void table_anew(wr_encoder *enc) { ((encoder *)enc)->started = false; }

static wr_status table_footer(wr_encoder *enc, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    wr_status s = WR_OK;
    if (e->schema->n > 0) {
        if (!e->started || e->n_cells > 0) s = put_kept(e, out);
        if (s == WR_OK) s = put_border(e, out, "└", "┴", "┘");
    }
    if (s == WR_OK)
        s = wr_buf_printf(out, "(%llu row%s)\n", (unsigned long long)e->rows, e->rows == 1 ? "" : "s");
    return s == WR_OK ? WR_OK : wr_fail_oom(err, "a table");
}

static void table_close_encoder(wr_encoder *enc) {
    encoder *e = (encoder *)enc;
    if (!e) return;
    wr_buf_free(&e->head);
    wr_buf_free(&e->texts);
    wr_free(e->head_cells);
    wr_free(e->cells);
    wr_free(e->widest);
    wr_free(e->widths);
    wr_free(e->fitted);
    wr_free(e);
}

static wr_status open_head(encoder *e) {
    uint32_t n = e->schema->n;
    e->widest = wr_calloc((size_t)n + 1, sizeof *e->widest);
    e->widths = wr_calloc((size_t)n + 1, sizeof *e->widths);
    e->fitted = wr_calloc((size_t)n + 1, sizeof *e->fitted);
    e->head_cells = wr_calloc((size_t)n + 1, sizeof *e->head_cells);
    if (!e->widest || !e->widths || !e->fitted || !e->head_cells) return WR_ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        const char *name = e->schema->fields[k].name;
        size_t before = e->head.len;
        WR_TRY(put_text(name, strlen(name), &e->head, &e->head_cells[k].width));
        e->head_cells[k].len = (uint32_t)(e->head.len - before);
        e->widest[k] = e->head_cells[k].width;
    }
    return WR_OK;
}

static wr_status table_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) {
    *outp = NULL;
    encoder *e = wr_calloc(1, sizeof *e);
    if (!e) return wr_fail_oom(err, "a table");
    e->schema = cfg->schema;
    e->width_max = cfg->width;
    if (open_head(e) != WR_OK) {
        table_close_encoder((wr_encoder *)e);
        return wr_fail_oom(err, "a table");
    }
    *outp = (wr_encoder *)e;
    return WR_OK;
}

const wr_format_def wr_format_table = {
    .with = {.name = "table",
             .doc = "A box-drawn table for people; the default on a terminal.",
             .sink = true},
    .shared_encoder = true,
    .open_encoder = table_open_encoder,
    .encode = table_encode,
    .show = table_show,
    .anew = table_anew,
    .footer = table_footer,
    .close_encoder = table_close_encoder,
};
