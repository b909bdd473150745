/* runtime/ops/changelog_lines.c -- see changelog_lines.h. */
#include "changelog_lines.h"

/* A bad record points into the text: the line that it is. */
static void bad_line(void *ctx, const wr_bad_record *r) {
    wri_lines *l = ctx;
    size_t at = (size_t)(r->data - l->base), lo = 0, hi = l->n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (l->starts[mid] <= at) lo = mid;
        else hi = mid;
    }
    size_t len = strlen(r->why) + 1;
    char *why = wr_arena_alloc(&l->whys, len);
    if (why) memcpy(why, r->why, len);
    else l->oom = true;
    l->why[lo] = why;
}

wr_status wri_lines_open(wri_lines *l, const wr_schema *schema, const wr_kv *options, size_t n_options,
                         uint32_t batch_rows, wr_err *err) {
    l->json = wr_format_find("json");
    l->batch_rows = batch_rows;
    wr_decode_cfg cfg = {.schema = schema,
                         .options = options,
                         .n_options = n_options,
                         .batch_rows = batch_rows,
                         .bad = bad_line,
                         .ctx = l};
    return l->json->open_decoder(&cfg, &l->dec, err);
}

void wri_lines_close(wri_lines *l) {
    wri_lines_reset(l);
    if (l->dec) l->json->close_decoder(l->dec);
    wr_buf_free(&l->text);
    wr_arena_free(&l->whys);
    wr_free(l->starts);
    wr_free(l->why);
    wr_free(l->rows);
    wr_free(l->batches.items);
}

wr_status wri_lines_add(wri_lines *l, const wr_str *text, wr_err *err) {
    if (wr_grow(&l->starts, &l->starts_cap, l->n + 1, sizeof *l->starts) != WR_OK ||
        wr_buf_reserve(&l->text, (size_t)text->len + 1) != WR_OK)
        return wr_fail_oom(err, "a changelog");
    l->starts[l->n++] = l->text.len;
    char *to = l->text.data + l->text.len;
    memcpy(to, wr_str_data(text), text->len);
    for (uint32_t i = 0; i < text->len; i++) /* between tokens; inside strings JSON has none */
        if (to[i] == '\n') to[i] = ' ';
    to[text->len] = '\n';
    l->text.len += (size_t)text->len + 1;
    return WR_OK;
}

static wr_status number_rows(wri_lines *l, wr_err *err) {
    uint32_t row = 0;
    size_t total = 0;
    for (size_t i = 0; i < l->n; i++) {
        l->rows[i] = row;
        row += l->why[i] == NULL;
    }
    for (size_t i = 0; i < l->batches.n; i++) total += l->batches.items[i]->n;
    return total == row ? WR_OK : wr_fail(err, WR_EINTERNAL, "rows of a changelog got lost");
}

wr_status wri_lines_decode(wri_lines *l, wr_err *err) {
    if (l->n == 0) return WR_OK;
    if (wr_grow(&l->why, &l->why_cap, l->n, sizeof *l->why) != WR_OK ||
        wr_grow(&l->rows, &l->rows_cap, l->n, sizeof *l->rows) != WR_OK)
        return wr_fail_oom(err, "a changelog");
    memset(l->why, 0, l->n * sizeof *l->why);
    wr_bytes *bytes = wr_bytes_new(l->text.len);
    if (!bytes) return wr_fail_oom(err, "a changelog");
    memcpy(bytes->data, l->text.data, l->text.len);
    memset(bytes->data + l->text.len, 0, WR_PAD);
    l->base = bytes->data;
    wr_chunk c = {.data = bytes->data, .len = l->text.len, .hold = &bytes->ref};
    wr_status r = l->json->decode(l->dec, &c, &l->batches, err);
    wr_drop(&bytes->ref);
    if (r == WR_OK && l->oom) r = wr_fail_oom(err, "a changelog");
    return r == WR_OK ? number_rows(l, err) : r;
}

wr_batch *wri_lines_row(const wri_lines *l, size_t line, uint32_t *rowp) {
    uint32_t row = l->rows[line];
    size_t i = 0;
    while (row >= l->batches.items[i]->n) row -= l->batches.items[i++]->n;
    *rowp = row;
    return l->batches.items[i];
}

void wri_lines_reset(wri_lines *l) {
    for (size_t i = 0; i < l->batches.n; i++) wr_batch_drop(l->batches.items[i]);
    l->batches.n = 0;
    l->text.len = 0;
    l->n = 0;
    wr_arena_reset(&l->whys);
}
