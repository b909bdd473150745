/* connectors/formats/msgpack_encode.c -- batches to MessagePack: a map or an array a row, by msgpack-c's
 * packer.
 *
 * Integers, booleans, floats and bytes have their own types; DECIMAL, DATE, TIME, intervals and JSON are
 * text. Room for a whole row is reserved at once, so that the packer's callback only copies. One encoder per
 * worker. */
#include <msgpack.h>

#include "connectors/formats/msgpack_int.h"

#define FIXED_MAX (WR_TEXT_MAX + 8) /* a value that is no string, with its head */

typedef struct column {
    wr_type type;
    const char *key; /* packed; NULL: arrays */
    size_t key_len;
    bool str;
} column;

typedef struct encoder {
    uint32_t n;
    int time;
    size_t fixed; /* most bytes of a row without its strings */
    bool array;
    wr_arena ar;
    column cols[];
} encoder;

/* The packer's sink: bytes go to a place that has room. */
static int put_raw(void *cursor, const char *p, size_t n) {
    char **o = cursor;
    memcpy(*o, p, n);
    *o += n;
    return 0;
}

static void pack_timestamp(msgpack_packer *pk, int64_t us) {
    int64_t s = wr_floor_div(us, WR_US_PER_SECOND);
    msgpack_timestamp t = {.tv_sec = s, .tv_nsec = (uint32_t)(us - s * WR_US_PER_SECOND) * 1000};
    msgpack_pack_timestamp(pk, &t);
}

static void pack_value(const encoder *e, const column *c, const wr_col *col, uint32_t i, msgpack_packer *pk) {
    char text[WR_TEXT_MAX];
    size_t n;
    switch (c->type.kind) {
    case WR_T_BOOLEAN:
        col->i64[i] ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
        return;
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        msgpack_pack_int64(pk, col->i64[i]);
        return;
    case WR_T_REAL:
        msgpack_pack_float(pk, (float)col->f64[i]);
        return;
    case WR_T_DOUBLE:
        msgpack_pack_double(pk, col->f64[i]);
        return;
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_JSON:
        msgpack_pack_str_with_body(pk, wr_str_data(&col->str[i]), col->str[i].len);
        return;
    case WR_T_VARBINARY:
        msgpack_pack_bin_with_body(pk, wr_str_data(&col->str[i]), col->str[i].len);
        return;
    case WR_T_TIMESTAMP:
        if (e->time == WRI_MP_TIME_EXT) {
            pack_timestamp(pk, col->i64[i]);
            return;
        }
        int64_t unit = e->time == WRI_TIME_EPOCH_S ? 1000000 : e->time == WRI_TIME_EPOCH_MS ? 1000 : 1;
        if (e->time != WRI_TIME_ISO && col->i64[i] % unit == 0) {
            msgpack_pack_int64(pk, col->i64[i] / unit);
            return;
        }
        n = wri_to_text(&c->type, (wri_time_format)e->time, col, i, text);
        break;
    default:
        n = wri_to_text(&c->type, WRI_TIME_ISO, col, i, text);
    }
    msgpack_pack_str_with_body(pk, text, n);
}

static size_t row_bytes(const encoder *e, const wr_batch *b, uint32_t i) {
    size_t n = e->fixed;
    for (uint32_t k = 0; k < e->n; k++)
        if (e->cols[k].str) n += b->cols[k].str[i].len;
    return n;
}

wr_status wri_mp_encode(wr_encoder *enc, const wr_batch *b, wr_buf *out, wr_err *err) {
    encoder *e = (encoder *)enc;
    WR_ASSERT(b->n_cols >= e->n);
    char *o;
    msgpack_packer pk;
    msgpack_packer_init(&pk, &o, put_raw);
    for (uint32_t i = 0; i < b->n; i++) {
        if (wr_buf_reserve(out, row_bytes(e, b, i)) != WR_OK) return wr_fail_oom(err, "a row as MessagePack");
        o = out->data + out->len;
        if (e->array) msgpack_pack_array(&pk, e->n);
        else msgpack_pack_map(&pk, e->n);
        for (uint32_t k = 0; k < e->n; k++) {
            const column *c = &e->cols[k];
            if (!e->array) put_raw(&o, c->key, c->key_len);
            if (c->type.kind == WR_T_NULL || wr_is_null(&b->cols[k], i)) msgpack_pack_nil(&pk);
            else pack_value(e, c, &b->cols[k], i, &pk);
        }
        out->len = (size_t)(o - out->data);
    }
    return WR_OK;
}

static wr_status open_column(encoder *e, uint32_t k, const wr_field *f) {
    column *c = &e->cols[k];
    c->type = f->type;
    c->str = wr_type_phys(f->type) == WR_STR;
    size_t n = strlen(f->name);
    char *key = wr_arena_alloc(&e->ar, n + 8), *o = key;
    if (!key) return WR_ENOMEM;
    msgpack_packer pk;
    msgpack_packer_init(&pk, &o, put_raw);
    msgpack_pack_str_with_body(&pk, f->name, n);
    c->key = key;
    c->key_len = (size_t)(o - key);
    e->fixed += c->key_len + FIXED_MAX;
    return WR_OK;
}

wr_status wri_mp_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) {
    *outp = NULL;
    wri_mp_options options;
    WR_TRY(wri_mp_read_options(cfg->options, cfg->n_options, &options, err));
    encoder *e = wr_calloc(1, sizeof *e + cfg->schema->n * sizeof e->cols[0]);
    if (!e) return wr_fail_oom(err, "a MessagePack encoder");
    e->n = cfg->schema->n;
    e->time = options.timestamp_format;
    e->array = options.layout == 1;
    e->fixed = 16;
    for (uint32_t k = 0; k < e->n; k++)
        if (open_column(e, k, &cfg->schema->fields[k]) != WR_OK) {
            wri_mp_close_encoder((wr_encoder *)e);
            return wr_fail_oom(err, "a MessagePack encoder");
        }
    *outp = (wr_encoder *)e;
    return WR_OK;
}

void wri_mp_close_encoder(wr_encoder *enc) {
    encoder *e = (encoder *)enc;
    if (!e) return;
    wr_arena_free(&e->ar);
    wr_free(e);
}
