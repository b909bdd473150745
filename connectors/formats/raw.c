/* connectors/formats/raw.c -- a line is a row of one column, as it stands.
 *
 * The schema has exactly one column: CHAR, VARCHAR or JSON (a carriage return before the line end is not part
 * of it), or VARBINARY (every byte but the line feed is). An empty line is an empty text. Writing puts the
 * text and a line feed; NULL is an empty line; nothing is escaped. Long lines are views into the chunk. */
#include "connectors/formats/rows_int.h"

static size_t raw_frame(const char *p, size_t n, bool last, uint64_t *state) {
    (void)state;
    if (last || n == 0) return n;
    const char *end = memrchr(p, '\n', n);
    return end ? (size_t)(end + 1 - p) : 0;
}

static wr_status check_schema(const wr_schema *sc, wr_err *err) {
    char type[64];
    if (sc->n != 1)
        return wr_fail(
            err, WR_EINVAL,
            "format 'raw' takes exactly one column, found %u; declare one VARCHAR or VARBINARY column",
            sc->n);
    if (wr_type_phys(sc->fields[0].type) != WR_STR)
        return wr_fail(err, WR_EINVAL, "format 'raw': column %s is %s, expected VARCHAR or VARBINARY",
                       sc->fields[0].name, wr_type_print(sc->fields[0].type, type, sizeof type));
    return WR_OK;
}

/* ---- decoder ---- */

typedef struct decoder {
    wr_decode_cfg cfg;
} decoder;

static wr_status raw_open_decoder(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err) {
    *outp = NULL;
    WR_TRY(check_schema(wri_declared(cfg), err));
    decoder *d = wr_alloc(sizeof *d);
    if (!d) return wr_fail_oom(err, "a raw decoder");
    d->cfg = *cfg;
    if (d->cfg.batch_rows == 0) d->cfg.batch_rows = WR_BATCH_ROWS;
    *outp = (wr_decoder *)d;
    return WR_OK;
}

static void raw_close_decoder(wr_decoder *d) { wr_free(d); }

/* The line [from, to) as the next row of b. */
static wr_status add_line(decoder *d, const wr_chunk *c, size_t from, size_t to, wr_batch *b,
                          bool *borrowsp) {
    if (b->n_cols == 0) { /* nobody reads the text: the line counts */
        b->n++;
        return WR_OK;
    }
    const wr_field *f = &d->cfg.schema->fields[0];
    size_t end = to;
    if (f->type.kind != WR_T_VARBINARY && end > from && c->data[end - 1] == '\r') end--;
    wr_value v;
    if (wri_from_bytes(&f->type, c->data + from, end - from, &v) != WR_OK) {
        char why[WRI_WHY_MAX];
        wri_why(why, f, WRI_TIME_ISO, c->data + from, end - from);
        wri_bad(&d->cfg, c, from, to, why);
        return WR_OK;
    }
    if (v.str.len > WR_STR_INLINE && !c->hold) WR_TRY(wr_batch_str(b, v.str.ptr, v.str.len, &v.str, NULL));
    else *borrowsp |= v.str.len > WR_STR_INLINE;
    b->cols[0].str[b->n++] = v.str;
    return WR_OK;
}

/* A batch of the lines from *atp on. */
static wr_status decode_batch(decoder *d, const wr_chunk *c, size_t *atp, wr_batches *out, wr_err *err) {
    size_t lines = 1, cap = d->cfg.batch_rows;
    for (const char *p = c->data + *atp, *end = c->data + c->len; lines < cap; p++, lines++)
        if (!(p = memchr(p, '\n', (size_t)(end - p)))) break;
    wr_batch *b;
    WR_TRY(wr_batch_new(d->cfg.schema->n, (uint32_t)lines, &b, err));
    wr_status s = d->cfg.schema->n ? wr_batch_col(b, 0, WR_STR, err) : WR_OK;
    b->split = c->split;
    b->pos = c->pos + (int64_t)*atp;
    bool borrows = false;
    while (s == WR_OK && *atp < c->len && b->n < b->cap) {
        const char *end = memchr(c->data + *atp, '\n', c->len - *atp);
        size_t to = end ? (size_t)(end - c->data) : c->len;
        s = add_line(d, c, *atp, to, b, &borrows);
        *atp = end ? to + 1 : to;
    }
    if (s == WR_OK && borrows) s = wr_batch_keep(b, c->hold, err);
    if (s == WR_OK) return wri_batches_add(out, b, err);
    wr_batch_drop(b);
    return wr_fail_oom(err, "decoded lines");
}

static wr_status raw_decode(wr_decoder *dec, const wr_chunk *c, wr_batches *out, wr_err *err) {
    decoder *d = (decoder *)dec;
    if (wri_bad_chunk(&d->cfg, c)) return WR_OK;
    for (size_t at = 0; at < c->len;) WR_TRY(decode_batch(d, c, &at, out, err));
    return WR_OK;
}

/* ---- encoder ---- */

static wr_status raw_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) {
    *outp = NULL;
    WR_TRY(check_schema(cfg->schema, err));
    *outp = wr_alloc(1); /* it has no state, but NULL would mean none */
    return *outp ? WR_OK : wr_fail_oom(err, "a raw encoder");
}

static void raw_close_encoder(wr_encoder *e) { wr_free(e); }

static wr_status raw_encode(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err) {
    (void)e;
    const wr_col *c = &b->cols[0];
    for (uint32_t i = 0; i < b->n; i++) {
        size_t n = wr_is_null(c, i) ? 0 : c->str[i].len;
        if (wr_buf_reserve(out, n + 1) != WR_OK) return wr_fail_oom(err, "a raw row");
        memcpy(out->data + out->len, wr_str_data(&c->str[i]), n);
        out->data[out->len + n] = '\n';
        out->len += n + 1;
    }
    return WR_OK;
}

const wr_format_def wr_format_raw = {
    .with = {.name = "raw",
             .doc = "One column; each line is a row, taken and written as it stands.",
             .source = true,
             .sink = true},
    .frame = raw_frame,
    .open_decoder = raw_open_decoder,
    .decode = raw_decode,
    .close_decoder = raw_close_decoder,
    .open_encoder = raw_open_encoder,
    .encode = raw_encode,
    .close_encoder = raw_close_encoder,
};
