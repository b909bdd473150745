/* connectors/formats/json.c -- the format 'json': options, framing, the way of a chunk.
 *
 * A record is a JSON object on a line; json_slow.c says what else a line may hold, json_value.c how values
 * become columns. A chunk is cut in two pieces at a newline, so that the scanner can run two cursors side by
 * side. Rows come out in the order of the input (the first piece's batches, then the second's), and so do bad
 * records: those of the second piece wait until the first is done.
 *
 * Strip by strip: the scanner reads up to 64 records per piece; when it saw bytes above 127, the strip's text
 * is checked to be UTF-8, and if it is not, its rows are dropped and the slow parser reads them again. A
 * record that the scanner left is then read by the slow parser, and on it goes. */
#include "connectors/formats/convert.h"
#include "connectors/formats/json_encode_int.h"
#include "connectors/formats/json_int.h"

#include <stddef.h>

#define PIECE_MIN 256 /* bytes; smaller chunks are not cut in two */

static const wr_option json_options[] = {
    {.name = "timestamp_format",
     .type = WR_OPT_ENUM,
     .offset = offsetof(wri_json_options, timestamp_format),
     .values = WRI_TIME_FORMATS,
     .def = "iso",
     .doc = WRI_TIME_DOC},
    {.name = "coercion",
     .type = WR_OPT_ENUM,
     .offset = offsetof(wri_json_options, coercion),
     .values = WRI_COERCIONS,
     .def = "plain",
     .doc = WRI_COERCION_DOC},
};

const wri_json_scan wri_json_scan_none = {.name = "none"};

static const wri_json_scan *best_scan(void) {
#if defined(__x86_64__)
    if (wri_json_scan_avx512.usable()) return &wri_json_scan_avx512;
    if (wri_json_scan_avx2.usable()) return &wri_json_scan_avx2;
#endif
    return &wri_json_scan_plain;
}

static size_t json_frame(const char *p, size_t n, bool last, uint64_t *state) {
    (void)state;
    if (last || n == 0) return n;
    const char *nl = memrchr(p, '\n', n);
    return nl ? (size_t)(nl + 1 - p) : 0;
}

/* ---- open and close ---- */

static void json_close(wr_decoder *dec) {
    wri_json *d = (wri_json *)dec;
    if (!d) return;
    for (int i = 0; i < 2; i++) wri_json_rows_free(&d->rows[i]);
    for (uint32_t c = 0; d->dicts && c < d->n_cols; c++) wri_dict_free(d->dicts[c]);
    wri_json_pool_free(d);
    for (uint32_t i = 0; i < WRI_JSON_LAYOUTS; i++) wr_free(d->keys.layouts[i].steps);
    wr_arena_free(&d->why_ar);
    wr_arena_free(&d->ar);
    wr_free(d);
}

static wr_status open_dicts(wri_json *d, const bool *want) {
    if (!want) return WR_OK;
    for (uint32_t c = 0; c < d->n_cols; c++) {
        if (!want[c] || wr_type_phys(d->cols[c].type) != WR_STR) continue;
        if (!d->dicts && !(d->dicts = wr_arena_calloc(&d->ar, d->n_cols * sizeof *d->dicts)))
            return WR_ENOMEM;
        WR_TRY(wri_dict_new(&d->dicts[c]));
    }
    return WR_OK;
}

static wr_status open_columns(wri_json *d, wr_err *err) {
    d->cols = wr_arena_calloc(&d->ar, (d->n_cols + 1) * sizeof *d->cols);
    if (!d->cols) return wr_fail_oom(err, "a JSON decoder");
    for (uint32_t c = 0; c < d->n_cols; c++) {
        wri_json_col_init(&d->schema->fields[c], c, &d->options, &d->cols[c]);
        d->has_text |= wr_type_phys(d->cols[c].type) == WR_STR;
    }
    WR_TRY(wri_json_tree_build(d->schema, d->cols, &d->ar, &d->tree, err));
    /* The scanner knows members of records; a record as a whole and rows per element are not its matter. */
    if (d->tree.flat || d->tree.root.n_cols || d->tree.root.items) d->scan = &wri_json_scan_none;
    return WR_OK;
}

static wr_status open_parts(wri_json *d, const wr_decode_cfg *cfg, wr_err *err) {
    WR_TRY(wri_format_options(json_options, WR_LEN(json_options), cfg->options, cfg->n_options, &d->options,
                              sizeof d->options, err));
    WR_TRY(open_columns(d, err));
    WR_TRY(wri_json_keys_init(d, err));
    if (open_dicts(d, cfg->want_dict) == WR_OK && wri_json_rows_init(d, &d->rows[0]) == WR_OK &&
        wri_json_rows_init(d, &d->rows[1]) == WR_OK)
        return WR_OK;
    return wr_fail_oom(err, "a JSON decoder");
}

wr_status wri_json_open(const wr_decode_cfg *cfg, const wri_json_scan *scan, wr_decoder **outp, wr_err *err) {
    *outp = NULL;
    wri_json *d = wr_calloc(1, sizeof *d);
    if (!d) return wr_fail_oom(err, "a JSON decoder");
    d->schema = cfg->schema;
    d->n_cols = cfg->schema->n;
    d->n_words = wr_bitmap_words(d->n_cols);
    d->batch_rows = cfg->batch_rows ? cfg->batch_rows : WR_BATCH_ROWS;
    d->row_bytes = 128; /* until it is known */
    d->bad = cfg->bad;
    d->ctx = cfg->ctx;
    d->scan = scan ? scan : best_scan();
    wr_status s = open_parts(d, cfg, err);
    if (s != WR_OK) json_close((wr_decoder *)d);
    else *outp = (wr_decoder *)d;
    return s;
}

static wr_status json_open(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err) {
    return wri_json_open(cfg, NULL, outp, err);
}

/* ---- a chunk ---- */

/* The lines from p to end, by the slow parser. */
static void slow_lines(wri_json_rows *h, const char *p, const char *end) {
    while (p < end && !h->oom) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *eol = nl ? nl : end;
        wri_json_line(h, p, eol);
        p = eol + 1;
    }
}

static void slow_line(wri_json_rows *h) {
    const char *nl = memchr(h->p, '\n', (size_t)(h->end - h->p)); /* never NULL: pieces end in one */
    wri_json_line(h, h->p, nl);
    h->p = nl + 1;
    h->stop = false;
}

/* Keeps what the scanner read from `from` to h->p, or reads it again when it is no UTF-8. */
static void settle(wri_json_rows *h, const char *from) {
    size_t n = (size_t)(h->p - from);
    if (h->oom) return;
    if (WR_UNLIKELY(h->high && n && !h->d->scan->utf8(from, n))) {
        wri_json_rows_forget(h, h->row);
        slow_lines(h, from, h->p);
    } else wri_json_rows_commit(h, h->done_rows, from);
    if (WR_UNLIKELY(h->stop)) slow_line(h);
}

static uint32_t room(const wri_json_rows *h) {
    uint32_t n = h->b->cap - h->row;
    return n < WRI_JSON_STRIP ? n : WRI_JSON_STRIP;
}

static bool scan_two(wri_json *d, wri_json_rows *a, wri_json_rows *b) {
    while (a->p < a->end && b->p < b->end) {
        const char *from_a = a->p, *from_b = b->p;
        if (!wri_json_rows_room(a) || !wri_json_rows_room(b)) return false;
        uint32_t n = room(a) < room(b) ? room(a) : room(b);
        d->scan->strip(d, a, b, n);
        settle(a, from_a);
        settle(b, from_b);
        if (a->oom || b->oom) return false;
    }
    return true;
}

static bool scan_one(wri_json *d, wri_json_rows *h) {
    while (h->p < h->end) {
        const char *from = h->p;
        if (!wri_json_rows_room(h)) return false;
        d->scan->strip(d, h, NULL, room(h));
        settle(h, from);
        if (h->oom) return false;
    }
    return true;
}

/* Where the lines that the scanner may read are cut in two. */
static const char *middle(const char *p, const char *end) {
    if (end - p < 2 * PIECE_MIN) return end;
    const char *half = p + (end - p) / 2;
    return (const char *)memchr(half, '\n', (size_t)(end - half)) + 1;
}

static void begin_piece(wri_json_rows *h, const char *p, const char *end, bool defer) {
    h->p = p;
    h->end = end;
    h->stop = h->oom = false;
    h->defer = defer;
    h->n_bads = 0;
    h->done.n = 0;
    h->pos_min = INT64_MIN;
}

static bool read_chunk(wri_json *d, const wr_chunk *c) {
    wri_json_rows *a = &d->rows[0], *b = &d->rows[1];
    const char *end = c->data + c->len;
    const char *start = c->data + (c->pos == 0 ? wri_bom(c->data, c->len) : 0);
    if (d->scan == &wri_json_scan_none) {
        begin_piece(a, start, end, false);
        begin_piece(b, end, end, false);
        slow_lines(a, start, end);
        return !a->oom;
    }
    const char *nl = end > start ? memrchr(start, '\n', (size_t)(end - start)) : NULL;
    const char *lines = nl ? nl + 1 : start; /* behind it: a last line without newline */
    const char *half = middle(start, lines);
    begin_piece(a, start, half, false);
    begin_piece(b, half, lines, true);
    if (!scan_two(d, a, b) || !scan_one(d, a) || !scan_one(d, b)) return false;
    slow_lines(b, lines, end);
    return !b->oom;
}

/* Moves a piece's batches to out. */
static wr_status hand_over(wri_json_rows *h, wr_batches *out) {
    WR_TRY(wr_grow(&out->items, &out->cap, out->n + h->done.n, sizeof *out->items));
    if (h->done.n) memcpy(out->items + out->n, h->done.items, h->done.n * sizeof *out->items);
    out->n += h->done.n;
    h->done.n = 0;
    return WR_OK;
}

static void report_deferred(wri_json_rows *h) {
    h->defer = false;
    for (size_t i = 0; i < h->n_bads; i++)
        wri_json_rows_bad(h, h->bads[i].why, h->d->chunk->data + h->bads[i].at, h->bads[i].len);
    h->n_bads = 0;
    if (h->d->why_ar.blocks) wr_arena_reset(&h->d->why_ar);
}

static void give_back(wri_json_rows *h) {
    wr_batch_drop(h->b);
    h->b = NULL;
    for (size_t i = 0; i < h->done.n; i++) wr_batch_drop(h->done.items[i]);
    h->done.n = 0;
}

static void note_row_bytes(wri_json *d, const wr_chunk *c) {
    size_t rows = 0;
    for (uint32_t k = 0; k < 2; k++)
        for (size_t i = 0; i < d->rows[k].done.n; i++) rows += d->rows[k].done.items[i]->n;
    if (rows > 0) d->row_bytes = 1 + c->len / rows;
}

/* The chunk's rows in a->done and b->done; false: out of memory. */
static bool read_rows(wri_json *d, const wr_chunk *c) {
    wri_json_rows *a = &d->rows[0], *b = &d->rows[1];
    d->chunk = c;
    begin_piece(a, c->data, c->data, false);
    if (c->bad) {
        wri_json_rows_bad(a, c->why ? c->why : "the record cannot be read", c->data, c->len);
        return true;
    }
    if (!read_chunk(d, c)) return false;
    wri_json_rows_finish(a);
    wri_json_rows_finish(b);
    report_deferred(b);
    note_row_bytes(d, c);
    return !a->oom && !b->oom;
}

/* Without `hold` the bytes are gone when decode returns, and texts would point at them. */
static bool read_copy(wri_json *d, const wr_chunk *c) {
    wr_bytes *bytes = wr_bytes_new(c->len);
    if (!bytes) return false;
    if (c->len) memcpy(bytes->data, c->data, c->len);
    wr_chunk copy = *c;
    copy.data = bytes->data;
    copy.hold = &bytes->ref;
    bool ok = read_rows(d, &copy);
    wr_drop(&bytes->ref);
    return ok;
}

static wr_status json_decode(wr_decoder *dec, const wr_chunk *c, wr_batches *out, wr_err *err) {
    wri_json *d = (wri_json *)dec;
    wri_json_rows *a = &d->rows[0], *b = &d->rows[1];
    wri_json_pool_idle(d);
    bool ok = c->hold || !d->has_text || c->bad ? read_rows(d, c) : read_copy(d, c);
    if (ok && hand_over(a, out) == WR_OK && hand_over(b, out) == WR_OK) return WR_OK;
    give_back(a);
    give_back(b);
    return wr_fail_oom(err, "records of JSON");
}

const wr_format_def wr_format_json = {
    .between = WR_BETWEEN_BLANKS,
    .with = {.name = "json",
             .doc = "One JSON object per line.",
             .options = json_options,
             .n_options = WR_LEN(json_options),
             .source = true,
             .sink = true},
    .frame = json_frame,
    .open_decoder = json_open,
    .decode = json_decode,
    .close_decoder = json_close,
    .open_encoder = wri_json_open_encoder,
    .encode = wri_json_encode,
    .close_encoder = wri_json_close_encoder,
};
